#include "plain.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plain {
    sqlite3 *db;
    sqlite3_stmt *insert;
    sqlite3_stmt *index;
    sqlite3_stmt *page;
};

static void
must(struct plain *plain, int code)
{
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
        (void)fprintf(stderr, "plain SQLite: %s\n", sqlite3_errmsg(plain->db));
        exit(1);
    }
}

struct plain *
plain_open(const char *path)
{
    struct plain *plain = calloc(1, sizeof *plain);
    if (plain == NULL) {
        exit(1);
    }
    must(plain, sqlite3_open(path, &plain->db));
    must(plain,
         sqlite3_exec(
             plain->db,
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32768;"
             "CREATE TABLE IF NOT EXISTS thing (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
             "uid TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1, owner_org TEXT, area_code "
             "TEXT, updated_at DATETIME NOT NULL, geom POINT, name TEXT, kind TEXT);"
             "CREATE UNIQUE INDEX IF NOT EXISTS thing_uid ON thing (uid);"
             "CREATE INDEX IF NOT EXISTS thing_area ON thing (area_code);"
             "CREATE VIRTUAL TABLE IF NOT EXISTS rtree_thing USING rtree (id, minx, maxx, miny, "
             "maxy);",
             NULL, NULL, NULL));
    must(plain,
         sqlite3_prepare_v2(plain->db,
                            "INSERT INTO thing (uid, owner_org, area_code, updated_at, geom, "
                            "name, kind) VALUES (?, 'org', ?, '2026-11-22T05:08:02.000Z', "
                            "?, ?, 'a')",
                            -1, &plain->insert, NULL));
    must(plain, sqlite3_prepare_v2(plain->db, "INSERT INTO rtree_thing VALUES (?1, ?2, ?2, ?3, ?3)",
                                   -1, &plain->index, NULL));
    must(plain, sqlite3_prepare_v2(plain->db,
                                   "SELECT fid, uid, version, owner_org, area_code, updated_at, "
                                   "geom, name, kind FROM thing WHERE fid IN (SELECT id FROM "
                                   "rtree_thing WHERE maxx >= ?1 AND minx <= ?3 AND maxy >= ?2 AND "
                                   "miny <= ?4) ORDER BY fid LIMIT 100",
                                   -1, &plain->page, NULL));
    return plain;
}

void
plain_close(struct plain *plain)
{
    sqlite3_finalize(plain->insert);
    sqlite3_finalize(plain->index);
    sqlite3_finalize(plain->page);
    sqlite3_close(plain->db);
    free(plain);
}

void
plain_begin(struct plain *plain)
{
    must(plain, sqlite3_exec(plain->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

void
plain_commit(struct plain *plain)
{
    must(plain, sqlite3_exec(plain->db, "COMMIT", NULL, NULL, NULL));
}

void
plain_insert(struct plain *plain, int64_t i, double x, double y)
{
    char uid[40];
    char area[16];
    unsigned char blob[29] = {'G', 'P', 0, 1, 0x8a, 0x11, 0, 0, 1, 1, 0, 0, 0};
    (void)snprintf(uid, sizeof uid, "0193-%032llx", (unsigned long long)i);
    (void)snprintf(area, sizeof area, "4601%02d", (int)(i % 27));
    memcpy(blob + 13, &x, 8);
    memcpy(blob + 21, &y, 8);
    must(plain, sqlite3_bind_text(plain->insert, 1, uid, -1, SQLITE_STATIC));
    must(plain, sqlite3_bind_text(plain->insert, 2, area, -1, SQLITE_STATIC));
    must(plain, sqlite3_bind_blob(plain->insert, 3, blob, sizeof blob, SQLITE_STATIC));
    must(plain, sqlite3_bind_text(plain->insert, 4, "瓶装液化石油气供应站", -1, SQLITE_STATIC));
    must(plain, sqlite3_step(plain->insert));
    must(plain, sqlite3_reset(plain->insert));
    must(plain, sqlite3_bind_int64(plain->index, 1, sqlite3_last_insert_rowid(plain->db)));
    must(plain, sqlite3_bind_double(plain->index, 2, x));
    must(plain, sqlite3_bind_double(plain->index, 3, y));
    must(plain, sqlite3_step(plain->index));
    must(plain, sqlite3_reset(plain->index));
}

int64_t
plain_page(struct plain *plain, double w, double s, double e, double n)
{
    int64_t sum = 0;
    const double box[4] = {w, s, e, n};
    int code = SQLITE_ROW;
    for (int i = 0; i < 4; i++) {
        must(plain, sqlite3_bind_double(plain->page, i + 1, box[i]));
    }
    while ((code = sqlite3_step(plain->page)) == SQLITE_ROW) {
        sum += sqlite3_column_int64(plain->page, 0);
        for (int c = 1; c < 9; c++) {
            const void *bytes = sqlite3_column_blob(plain->page, c);
            sum += bytes != NULL ? sqlite3_column_bytes(plain->page, c) : 0;
        }
    }
    must(plain, code);
    must(plain, sqlite3_reset(plain->page));
    return sum;
}
