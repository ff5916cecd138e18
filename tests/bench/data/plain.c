/* tests/bench/data/plain.c -- see plain.h. */
#include "plain.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CLIENTS_MAX = 64 };

#define COLUMNS                                                                                    \
    "user_no, uid, version, name, phone, address, consumer, kind, contract_on, cylinders_in_use, " \
    "ordered_12m_kg, alarm_fitted, area_code, owner_org, updated_at, x, y"
#define VALUES                                                                                             \
    "'U%09lld', '%08llx-0000-7000-8000-000000000000', 1, '张小三', '13800138000', '滨海大道7号', " \
    "'resident', 'household', '2024-03-05', 2, 112.5, 1, '460105', '91460100MA5T00010J', "                 \
    "'2026-11-22T08:00:00.000Z', 110.3, 20.0"
#define TABLE(id, real)                                                                            \
    "create table plain (fid " id ", user_no text not null unique, uid text not null unique, "     \
    "version int, name text, phone text, address text, consumer text, kind text, contract_on "     \
    "text, cylinders_in_use int, ordered_12m_kg " real ", alarm_fitted int, area_code text, "      \
    "owner_org text, updated_at text, x " real ", y " real ")"

double
wall_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void
print_rate(const char *what, int64_t n_rows, double ms)
{
    (void)printf("%-44s %9lld rows %10.0f rows/s\n", what, (long long)n_rows,
                 (double)n_rows / ms * 1000);
}

static void
insert_text(char *out, size_t size, int64_t number)
{
    (void)snprintf(out, size, "insert into plain (" COLUMNS ") values (" VALUES ")",
                   (long long)number, (unsigned long long)number);
}

/* Reads of a table that holds nothing else; the mean of some runs. */
enum { READS = 100 };
#define COUNT_KINDS "select count(*) from plain where area_code = '460105' and kind = 'household'"
#define GROUP_KINDS "select area_code, kind, count(*) from plain group by area_code, kind"

/* ---- SQLite ---- */

static void
run(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        (void)fprintf(stderr, "plain SQLite: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
}

void
plain_sqlite(const char *path, int64_t n_single, int64_t n_many, int64_t batch)
{
    sqlite3 *db = NULL;
    char sql[1024];
    double start = 0;
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        exit(1);
    }
    run(db, "pragma journal_mode = wal; pragma synchronous = full");
    run(db, TABLE("integer primary key autoincrement", "real"));
    start = wall_ms();
    for (int64_t i = 0; i < n_single; i++) {
        insert_text(sql, sizeof sql, i);
        run(db, sql);
    }
    print_rate("  plain SQLite, FULL, single, one client", n_single, wall_ms() - start);
    start = wall_ms();
    for (int64_t i = 0; i < n_many; i++) {
        if (i % batch == 0) {
            run(db, "begin");
        }
        insert_text(sql, sizeof sql, n_single + i);
        run(db, sql);
        if ((i + 1) % batch == 0 || i + 1 == n_many) {
            run(db, "commit");
        }
    }
    print_rate("  plain SQLite, FULL, batches", n_many, wall_ms() - start);
    start = wall_ms();
    for (int i = 0; i < READS; i++) {
        run(db, "select * from plain order by fid limit 100");
    }
    (void)printf("%-44s %24.1f us\n", "  plain SQLite, page of 100",
                 (wall_ms() - start) / READS * 1000);
    start = wall_ms();
    run(db, COUNT_KINDS);
    (void)printf("%-44s %24.1f us\n", "  plain SQLite, count of an area and a kind",
                 (wall_ms() - start) * 1000);
    start = wall_ms();
    run(db, GROUP_KINDS);
    (void)printf("%-44s %24.1f us\n", "  plain SQLite, all by area and kind",
                 (wall_ms() - start) * 1000);
    (void)sqlite3_close(db);
}

/* ---- PostgreSQL ---- */

static void
ask(PGconn *pg, const char *sql, ExecStatusType wanted)
{
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != wanted) {
        (void)fprintf(stderr, "plain PostgreSQL: %s\n", PQerrorMessage(pg));
        exit(1);
    }
    PQclear(result);
}

struct client {
    const char *url;
    int64_t first;
    int64_t n;
};

static void *
insert_rows(void *arg)
{
    const struct client *client = arg;
    PGconn *pg = PQconnectdb(client->url);
    char sql[1024];
    for (int64_t i = 0; i < client->n; i++) {
        insert_text(sql, sizeof sql, client->first + i);
        ask(pg, sql, PGRES_COMMAND_OK);
    }
    PQfinish(pg);
    return NULL;
}

static void
copy_rows(PGconn *pg, int64_t first, int64_t n)
{
    char line[512];
    ask(pg, "copy plain (" COLUMNS ") from stdin", PGRES_COPY_IN);
    for (int64_t i = first; i < first + n; i++) {
        const int len = snprintf(
            line, sizeof line,
            "U%09lld\t%08llx-0000-7000-8000-000000000000\t1\t张小三\t13800138000\t滨海大道7号\t"
            "resident\thousehold\t2024-03-05\t2\t112.5\t1\t460105\t91460100MA5T00010J\t"
            "2026-11-22T08:00:00.000Z\t110.3\t20.0\n",
            (long long)i, (unsigned long long)i);
        if (PQputCopyData(pg, line, len) != 1) {
            exit(1);
        }
    }
    if (PQputCopyEnd(pg, NULL) != 1) {
        exit(1);
    }
    for (PGresult *result = PQgetResult(pg); result != NULL; result = PQgetResult(pg)) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            (void)fprintf(stderr, "COPY: %s\n", PQerrorMessage(pg));
            exit(1);
        }
        PQclear(result);
    }
}

static void
read_postgis(PGconn *pg)
{
    double start = 0;
    ask(pg, "create extension if not exists postgis", PGRES_COMMAND_OK);
    ask(pg, "alter table plain add column geom geometry(Point, 4490)", PGRES_COMMAND_OK);
    ask(pg, "update plain set geom = ST_SetSRID(ST_MakePoint(x, y), 4490)", PGRES_COMMAND_OK);
    ask(pg, "create index plain_geom on plain using gist (geom)", PGRES_COMMAND_OK);
    ask(pg, "analyze plain", PGRES_COMMAND_OK);
    start = wall_ms();
    for (int i = 0; i < READS; i++) {
        ask(pg,
            "select fid, user_no, ST_AsBinary(geom) from plain where geom && "
            "ST_MakeEnvelope(110.29, 19.99, 110.31, 20.01, 4490) limit 100",
            PGRES_TUPLES_OK);
    }
    (void)printf("%-44s %24.1f us\n", "  PostGIS, page of 100 in a small box",
                 (wall_ms() - start) / READS * 1000);
    start = wall_ms();
    ask(pg, COUNT_KINDS, PGRES_TUPLES_OK);
    (void)printf("%-44s %24.1f us\n", "  PostgreSQL, count of an area and a kind",
                 (wall_ms() - start) * 1000);
    start = wall_ms();
    ask(pg, GROUP_KINDS, PGRES_TUPLES_OK);
    (void)printf("%-44s %24.1f us\n", "  PostgreSQL, all by area and kind",
                 (wall_ms() - start) * 1000);
}

void
plain_postgresql(const char *url, int n_clients, int64_t n_single, int64_t n_many, int64_t batch)
{
    pthread_t threads[CLIENTS_MAX];
    struct client clients[CLIENTS_MAX];
    PGconn *pg = PQconnectdb(url);
    double start = 0;
    ask(pg, TABLE("bigint generated by default as identity primary key", "double precision"),
        PGRES_COMMAND_OK);
    start = wall_ms();
    for (int i = 0; i < n_clients; i++) {
        clients[i] = (struct client){
            .url = url, .first = n_single / n_clients * i, .n = n_single / n_clients};
        if (pthread_create(&threads[i], NULL, insert_rows, &clients[i]) != 0) {
            exit(1);
        }
    }
    for (int i = 0; i < n_clients; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    print_rate("  plain inserts, single, 64 connections", n_single, wall_ms() - start);
    start = wall_ms();
    for (int64_t i = 0; i < n_many; i += batch) {
        copy_rows(pg, n_single + i, batch);
    }
    print_rate("  COPY, batches", n_many, wall_ms() - start);
    read_postgis(pg);
    PQfinish(pg);
}
