/* tests/unit/data/oracle.h -- random rows and filters, and what a query means, in plain C. */
#ifndef DATA_ORACLE_H
#define DATA_ORACLE_H

#include "fixture.h"

enum { N_ROWS = 3000, N_ROWS_MANY = 100000 };

struct thing {
    int64_t fid;
    char name[8];
    int name_rank;  /* in the order of pinyin, then of bytes */
    char kind[8];   /* "" absent */
    char built[16]; /* "" absent */
    char area[8];   /* "" absent */
    char owner[8];
    bool has_size;
    double size;
    bool has_pieces;
    int64_t pieces;
    int made_up; /* -1 absent */
    bool has_seen;
    int64_t seen_ms;
    bool has_geom;
    double x;
    double y;
};

extern struct thing things[N_ROWS_MANY];
/* Makes `n` rows and writes them with one edit; fids run from 1. */
void load_things(struct fixture *fixture, uint64_t *seed, int n);

/* A CQL2 expression; the caller frees it. */
struct expression;
struct expression *random_expression(uint64_t *seed, int depth);
void free_expression(struct expression *e);
void print_expression(struct cim_buf *out, const struct expression *e);
/* 1 true, 0 false, -1 neither, because of absent values. */
int evaluate(const struct expression *e, const struct thing *thing);

enum { F_NAME, F_KIND, F_BUILT, F_SIZE, F_PIECES, F_MADE_UP, F_SEEN, N_FIELDS };
extern const char *const field_names[N_FIELDS];

struct order {
    int field;
    bool descending;
};
extern struct order orders[3];
extern int n_orders;
/* For qsort over pointers to things: absent values last, then fid in the last key's direction. */
int in_order(const void *left, const void *right);

/* Two terms: Haikou with masked fields; what acme owns with more than five pieces, in clear. */
extern const cim_scope narrow_scope;
/* A query, and what it means. */
struct asked {
    cim_query query;
    const cim_scope *scope;
    struct expression *filter;
    struct cim_buf filter_text;
    char sort_texts[3][16];
    const char *sort[3];
};

/* Sets `orders`, too. */
void ask(struct asked *asked, uint64_t *seed);
void free_asked(struct asked *asked);
bool is_wanted(const struct asked *asked, const struct thing *thing);
/* Fid, masks and times of a row are those of the thing. */
void check_asked_row(const struct asked *asked, const cim_rows *rows, const cim_batch *batch,
                     int64_t row, const struct thing *thing);

bool in_haikou(const struct thing *thing);
bool acme_covers(const struct thing *thing);

#endif
