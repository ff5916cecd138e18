#include "fixture.h"

#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const FILES[] = {"districts.geojson", "towns.geojson", "roads.geojson",
                                    "areas.csv"};

char *
fixture_read(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    char *data;
    long len;

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    len = ftell(file);
    assert_true(len >= 0);
    rewind(file);
    data = malloc((size_t)len + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)len, file), len);
    data[len] = '\0';
    fclose(file);
    *ret_len = (size_t)len;
    return data;
}

void
fixture_write(const char *path, const char *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void
fixture_setup(struct fixture *fixture)
{
    char from[FIXTURE_PATH * 2];
    char to[FIXTURE_PATH * 2];

    demo_text(fixture->dir, sizeof(fixture->dir), "/tmp/lpg-demo-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    demo_text(fixture->geography, sizeof(fixture->geography), "%s/geography", fixture->dir);
    assert_int_equal(mkdir(fixture->geography, 0700), 0);
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
        size_t len;
        char *data;

        demo_text(from, sizeof(from), "%s/tests/unit/demo/geography/%s", CIM_SOURCE_DIR, FILES[i]);
        demo_text(to, sizeof(to), "%s/%s", fixture->geography, FILES[i]);
        data = fixture_read(from, &len);
        fixture_write(to, data, len);
        free(data);
    }
}

static int
remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void
fixture_remove(struct fixture *fixture)
{
    assert_int_equal(nftw(fixture->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void
fixture_edit(const struct fixture *fixture, const char *name, const char *from, const char *to)
{
    char path[FIXTURE_PATH * 2];
    size_t len;
    char *data, *at, *edited;
    size_t head;

    demo_text(path, sizeof(path), "%s/%s", fixture->geography, name);
    data = fixture_read(path, &len);
    at = strstr(data, from);
    assert_non_null(at);
    head = (size_t)(at - data);
    edited = malloc(len + strlen(to) + 1);
    assert_non_null(edited);
    memcpy(edited, data, head);
    memcpy(edited + head, to, strlen(to));
    memcpy(edited + head + strlen(to), at + strlen(from), len - head - strlen(from));
    fixture_write(path, edited, len + strlen(to) - strlen(from));
    free(edited);
    free(data);
}

void
fixture_truncate(const struct fixture *fixture, const char *name, long len)
{
    char path[FIXTURE_PATH * 2];

    demo_text(path, sizeof(path), "%s/%s", fixture->geography, name);
    assert_int_equal(truncate(path, len), 0);
}

void
fixture_generate(const struct fixture *fixture, const char *name, double scale, uint64_t seed,
                 char ret_dir[FIXTURE_PATH])
{
    struct demo_world world = {.seed = seed, .scale = scale, .dir = ret_dir};
    struct demo_error err = {""};

    demo_text(ret_dir, FIXTURE_PATH, "%.300s/%s", fixture->dir, name);
    assert_int_equal(mkdir(ret_dir, 0700), 0);
    assert_int_equal(demo_date_parse("2026-11-22", &world.as_of), 0);
    if (demo_geo_load(&world.geo, fixture->geography, &err) != 0 ||
        demo_world_plan(&world, &err) != 0 || demo_generate(&world, &err) != 0) {
        fail_msg("%s", err.text);
    }
    demo_world_done(&world);
}
