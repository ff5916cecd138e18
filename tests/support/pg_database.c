#include "pg_database.h"

#include "unit.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
pg_is_there(void)
{
    const char *dir = getenv("CIM_TEST_PG");
    return dir != NULL && dir[0] != '\0';
}

static void
run_admin(const char *sql)
{
    char url[160];
    PGconn *pg = NULL;
    PGresult *result = NULL;
    (void)snprintf(url, sizeof url, "postgresql:///postgres?host=%s&user=cim",
                   getenv("CIM_TEST_PG"));
    pg = PQconnectdb(url);
    result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    }
    PQclear(result);
    PQfinish(pg);
}

void
pg_make_database(char *ret_url, size_t capacity)
{
    static int n;
    char sql[128];
    char name[48];
    (void)snprintf(name, sizeof name, "t%d_%d", (int)getpid(), ++n);
    (void)snprintf(sql, sizeof sql, "create database %s template cim_template", name);
    run_admin(sql);
    (void)snprintf(ret_url, capacity, "postgresql:///%s?host=%s&user=cim", name,
                   getenv("CIM_TEST_PG"));
}

void
pg_drop_database(const char *url)
{
    const char *name = url + strlen("postgresql:///");
    char sql[128];
    (void)snprintf(sql, sizeof sql, "drop database %.*s with (force)", (int)strcspn(name, "?"),
                   name);
    run_admin(sql);
}
