/* demo/registers.h -- what is written beside the records that are drawn: licences, staff and their
 * certificates, documents, inspections with their items, the steps of hazards, sales.
 *
 * Each is written where its subject is, so that they agree: the licence of an enterprise has the
 * number and dates that the enterprise shows, a step of a hazard the hazard's time, a sale the
 * cylinder's event. They draw from streams of their own and move nobody else's bytes.
 */
#ifndef DEMO_REGISTERS_H
#define DEMO_REGISTERS_H

#include "world.h"

/* Opens their files; world->registers is set. */
int demo_registers_open(struct demo_world *world, struct demo_error *err);
/* Gives the files their names. */
int demo_registers_close(struct demo_world *world, struct demo_error *err);
/* NULL-safe; drops what was not closed. */
void demo_registers_free(struct demo_registers *registers);

int demo_register_enterprise_licence(struct demo_world *world, size_t enterprise, const char *uscc,
                                     const char *scope, const struct demo_licence *licence,
                                     struct demo_error *err);
int demo_register_station_licence(struct demo_world *world, size_t station,
                                  const struct demo_licence *licence, struct demo_error *err);

/* `n` people of the enterprise's office and road: the first is the principal, the second manages
 * safety; as many drive and escort as there are vehicles. */
int demo_register_office_staff(struct demo_world *world, size_t enterprise, uint32_t n,
                               const char *principal, const char *manager, struct demo_error *err);
/* The two of a station: who keeps it, and who delivers or fills. */
int demo_register_station_staff(struct demo_world *world, size_t station, const char *keeper,
                                struct demo_error *err);

/* The systems in force, of 21. */
int demo_register_documents(struct demo_world *world, size_t station, int systems,
                            struct demo_error *err);

/* A check that found nothing. */
struct demo_check {
    const char *subject; /* code of subject_kind */
    const char *uid;
    const char *no;
    const char *kind; /* code of inspection_kind */
    size_t enterprise;
    size_t town;
    struct demo_point at;
    int64_t ended_at;
    /* of one that found a hazard; NULL otherwise */
    const char *hazard_no;
    const char *inspector;
    const char *item;
    const char *content;
    int major;
};
int demo_register_check(struct demo_world *world, const struct demo_check *check,
                        struct demo_error *err);

/* DEMO_NO_TIME: the step was not taken. */
struct demo_trail {
    const char *hazard_no;
    const char *found_by;
    const char *place;
    size_t enterprise;
    size_t town;
    int64_t found;
    int64_t issued;
    int64_t accepted;
    int64_t submitted;
    int64_t returned;
    int64_t closed;
    int listed;
    int extended;
};
int demo_register_steps(struct demo_world *world, const struct demo_trail *trail,
                        struct demo_error *err);

struct demo_sale {
    const char *tag;
    const char *model;
    const char *user_no;
    size_t station;
    int64_t sold_at;
    int32_t net_100g;
    uint64_t index;
};
int demo_register_sale(struct demo_world *world, const struct demo_sale *sale,
                       struct demo_error *err);

#endif
