/* tests/unit/demo/fixture.h -- temporary directories, and a copy of the little made-up province. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "world.h"

enum { FIXTURE_PATH = 400 };

struct fixture {
    char dir[FIXTURE_PATH];
    char geography[FIXTURE_PATH]; /* a copy of tests/unit/demo/geography */
};

void fixture_setup(struct fixture *fixture);
/* Removes the directory and what lies in it. */
void fixture_remove(struct fixture *fixture);
/* Replaces the first `from` in a file of the geography by `to`. */
void fixture_edit(const struct fixture *fixture, const char *name, const char *from,
                  const char *to);
/* Ends a file of the geography after `len` bytes. */
void fixture_truncate(const struct fixture *fixture, const char *name, long len);
/* The whole file, NUL-terminated, from malloc(). */
char *fixture_read(const char *path, size_t *ret_len);
void fixture_write(const char *path, const char *data, size_t len);
/* Generates into DIR/name, which ret_dir receives. */
void fixture_generate(const struct fixture *fixture, const char *name, double scale, uint64_t seed,
                      char ret_dir[FIXTURE_PATH]);

#endif
