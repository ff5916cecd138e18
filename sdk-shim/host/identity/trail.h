/* host/identity/trail.h -- what a synchronisation with a directory changed, step by step, so that
 * it can be put back (undo.c).
 *
 * A step is the image of a person's or an organisation's record before and after, written in the
 * transaction of the change: after a crash it is known what was done. Who changes something for a
 * trail begins a step, does it, and ends the step; without a trail both do nothing. */
#ifndef HOST_IDENTITY_TRAIL_H
#define HOST_IDENTITY_TRAIL_H

#include "cim/store.h"

struct json_object;
struct host_store;

enum host_trail_kind { HOST_TRAIL_PERSON, HOST_TRAIL_ORG };

struct host_trail {
    char run[37];
    int64_t n; /* steps so far */
};

struct host_step {
    struct host_trail *trail; /* NULL: nobody keeps it */
    enum host_trail_kind kind;
    const char *name;           /* user name or code */
    struct json_object *before; /* set by begin */
};
cim_status host_step_begin(struct host_step *step, cim_tx *tx, cim_error *err);
/* `grants`: uids of those that the step gave, separated by commas; "": none. A record that is as it
 * was leaves no step. */
cim_status host_step_end(struct host_step *step, cim_tx *tx, const char *grants, cim_error *err);
/* A step is done with, whatever came of it. */
void host_step_done(struct host_step *step);
#define HOST_AUTO_STEP __attribute__((cleanup(host_step_done)))

/* The record as it is, an object that the caller owns; NULL: none. In a transaction, or of `store`
 * where `tx` is NULL. */
cim_status host_trail_image(cim_tx *tx, struct host_store *store, enum host_trail_kind kind,
                            const char *name, struct json_object **ret_image, cim_error *err);

#endif
