/* The archived log: from any backup to any later moment, and what stands in the way told by name.
 */
#include "fixture.h"

#include "host/archive/archive.h"
#include "host/store/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUNDS = 60, STEP_MS = 1000, LOG_FRAMES = 60, EDITS_MAX = 25, COLUMNS = 6 };

/* A round is some edits and one archiving. */
struct moment {
    int64_t at_ms;
    char hash[COLUMNS * 80]; /* of the content then */
};

struct backup {
    int round; /* archived rounds before it */
    char path[160];
    struct host_archive_note note;
};

static struct fixture *
begin(void)
{
    struct fixture *fixture = fixture_new();
    struct host_store_options options = fixture_options(fixture);
    options.keep_log = true;
    fixture_open(fixture, &options);
    return fixture;
}

static void
reopen(struct fixture *fixture)
{
    struct host_store_options options = fixture_options(fixture);
    options.keep_log = true;
    host_store_close(fixture->store);
    fixture_open(fixture, &options);
}

static const char *
folder_of(const struct fixture *fixture)
{
    static char folder[160];
    (void)snprintf(folder, sizeof folder, "%s/archive", fixture->dir);
    return folder;
}

/* Starting and stopping archives once each; nothing is written in between. */
static void
archive_with(struct fixture *fixture, int64_t log_frames)
{
    struct host_archive *archive = NULL;
    struct host_archive_stats stats;
    cim_error error = {0};
    assert_ok(host_archive_start(fixture->store, fixture->clock, folder_of(fixture), 3600,
                                 log_frames, &archive, &error),
              &error);
    host_archive_stats(archive, &stats);
    assert_int_equal(stats.n_failures, 0);
    host_archive_stop(archive);
}

static void
archive(struct fixture *fixture)
{
    archive_with(fixture, LOG_FRAMES);
}

static void
sum_up(struct host_store *store, char *out, size_t out_size)
{
    struct host_copy_report report = {0};
    cim_error error = {0};
    out[0] = '\0';
    assert_ok(host_store_contents(store, &report, &error), &error);
    for (int32_t i = 0; i < report.n_tables; i++) {
        const size_t len = strlen(out);
        if (strcmp(report.tables[i].name, "thing") == 0 ||
            strcmp(report.tables[i].name, "note") == 0 ||
            strcmp(report.tables[i].name, "cim_change") == 0) {
            (void)snprintf(out + len, out_size - len, "%s %lld %.40s\n", report.tables[i].name,
                           (long long)report.tables[i].source.n_rows, report.tables[i].source.hash);
        }
    }
    host_copy_report_done(&report);
}

static uint32_t random_state; /* the same edits in every run */

static int
next_random(void)
{
    random_state = random_state * 1664525U + 1013904223U;
    return (int)(random_state >> 8U);
}

static cim_status
edit(void *arg, cim_tx *tx, cim_error *err)
{
    static int number;
    char uid[32];
    char text[4000];
    (void)snprintf(uid, sizeof uid, "uid-%d", ++number);
    CIM_TRY(add_thing(NULL, tx, uid, 109 + (number % 100) / 100.0, 20, err));
    const size_t len = (size_t)(next_random() % (int)sizeof text);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + next_random() % 26);
    }
    text[len > 0 ? len - 1 : 0] = '\0';
    const cim_value values[] = {int_value("fid", next_random() % number), text_value("body", text)};
    CIM_TRY(host_store_exec(tx, "update thing set name = :body where fid = :fid", values, 2, NULL,
                            err));
    CIM_TRY(host_store_change(tx, "t.thing", number, CIM_CHANGE_CREATE, "460100", NULL, err));
    if (next_random() % 4 == 0) {
        CIM_TRY(host_store_exec(tx, "delete from thing where fid = :fid", values, 1, NULL, err));
    }
    /* One in five is taken back: its pages may be in the log all the same. */
    return *(int *)arg != 0 && next_random() % 5 == 0
               ? cim_fail(err, CIM_E_STATE, NULL, NULL, "退", "no")
               : CIM_OK;
}

static void
edit_some(struct fixture *fixture)
{
    int may_fail = 1;
    for (int n = next_random() % EDITS_MAX; n >= 0; n--) {
        cim_error error = {0};
        const cim_status status = host_store_write(fixture->store, edit, &may_fail, NULL, &error);
        if (status != CIM_E_STATE) { /* which is what those taken back say */
            assert_ok(status, &error);
        }
    }
}

static cim_status
nothing_to_look_at(void *arg, struct host_store *frozen, cim_error *err)
{
    (void)arg;
    (void)frozen;
    (void)err;
    return CIM_OK;
}

static void
back_up(struct fixture *fixture, struct backup *backup)
{
    cim_error error = {0};
    assert_ok(host_archive_note_begin(folder_of(fixture), "cim.gpkg", &backup->note, &error),
              &error);
    assert_ok(
        host_store_backup(fixture->store, backup->path, NULL, nothing_to_look_at, NULL, &error),
        &error);
    assert_ok(host_archive_note_end(fixture->store, &backup->note, &error), &error);
}

static void
copy_file(const char *from, const char *to)
{
    char out[256];
    const char *const argv[] = {"/bin/cp", from, to, NULL};
    assert_int_equal(run_program(argv, out, sizeof out), 0);
}

/* A copy of the backup, brought forward; returns what came of it and its content. */
static cim_status
bring_forward(struct fixture *fixture, const struct backup *backup, int64_t until_ms, char *hash,
              size_t hash_size, cim_error *err)
{
    char path[160];
    char log[176];
    int64_t reached_ms = 0;
    (void)snprintf(path, sizeof path, "%s/restored.gpkg", fixture->dir);
    (void)snprintf(log, sizeof log, "%s-wal", path);
    (void)unlink(path);
    (void)unlink(log);
    copy_file(backup->path, path);
    CIM_TRY(host_archive_replay(folder_of(fixture), "cim.gpkg", &backup->note, until_ms, path,
                                &reached_ms, err));
    assert_true(reached_ms <= until_ms);
    struct host_store_options options = fixture_options(fixture);
    struct host_store *store = NULL;
    options.path = path;
    assert_ok(host_store_open(&options, &store, err), err);
    assert_int_equal(
        one_int(store, "select count(*) from pragma_integrity_check where integrity_check = 'ok'"),
        1);
    sum_up(store, hash, hash_size);
    host_store_close(store);
    return CIM_OK;
}

/* What was written since is in the backup: without it the pages do not fit together. Where nothing
 * was written the moment before is as good. */
static int
refuses_before(struct fixture *fixture, const struct backup *backup, const struct moment *before)
{
    char hash[sizeof before->hash];
    cim_error error = {0};
    const cim_status status =
        bring_forward(fixture, backup, before->at_ms, hash, sizeof hash, &error);
    if (status == CIM_OK) {
        assert_string_equal(hash, before->hash);
        return 0;
    }
    assert_int_equal(status, CIM_E_STATE);
    assert_non_null(strstr(error.en, "was not finished by that moment"));
    return 1;
}

static void
test_from_any_backup_to_any_moment(void **state)
{
    static struct moment moments[ROUNDS];
    static struct backup backups[ROUNDS];
    int n_backups = 0;
    int n_refused = 0;
    (void)state;
    random_state = 20261127;
    struct fixture *fixture = begin();
    for (int round = 0; round < ROUNDS; round++) {
        edit_some(fixture);
        if (round % 7 == 3) {
            reopen(fixture);
        }
        if (round > 0 && round % 5 == 0) { /* between two archivings */
            backups[n_backups].round = round;
            (void)snprintf(backups[n_backups].path, sizeof backups[n_backups].path, "%s/backup-%d",
                           fixture->dir, n_backups);
            back_up(fixture, &backups[n_backups++]);
            edit_some(fixture);
        }
        archive(fixture);
        moments[round].at_ms = host_clock_now_ms(fixture->clock);
        sum_up(fixture->store, moments[round].hash, sizeof moments[round].hash);
        host_clock_set(fixture->clock, moments[round].at_ms + STEP_MS);
    }
    for (int i = 0; i < n_backups; i++) {
        assert_string_equal(backups[i].note.generation,
                            backups[0].note.generation); /* there was no gap */
        for (int round = backups[i].round; round < ROUNDS; round += 1 + next_random() % 6) {
            char hash[sizeof moments[0].hash];
            cim_error error = {0};
            assert_ok(bring_forward(fixture, &backups[i], moments[round].at_ms + STEP_MS / 2, hash,
                                    sizeof hash, &error),
                      &error);
            assert_string_equal(hash, moments[round].hash);
        }
        n_refused += refuses_before(fixture, &backups[i], &moments[backups[i].round - 1]);
    }
    assert_true(n_refused > n_backups / 2);
    fixture_free(fixture);
}

/* One backup and some archived rounds. */
static struct fixture *
with_backup(struct backup *backup, int64_t log_frames)
{
    struct fixture *fixture = begin();
    edit_some(fixture);
    archive_with(fixture, log_frames);
    host_clock_set(fixture->clock, host_clock_now_ms(fixture->clock) + STEP_MS);
    (void)snprintf(backup->path, sizeof backup->path, "%s/backup", fixture->dir);
    back_up(fixture, backup);
    for (int i = 0; i < 3; i++) {
        edit_some(fixture);
        archive_with(fixture, log_frames);
        host_clock_set(fixture->clock, host_clock_now_ms(fixture->clock) + STEP_MS);
    }
    return fixture;
}

static void
test_a_log_that_went_on_without_us_is_told(void **state)
{
    struct backup backup;
    struct backup after;
    char out[512];
    char hash[COLUMNS * 80];
    cim_error error = {0};
    (void)state;
    struct fixture *fixture = with_backup(&backup, LOG_FRAMES);
    const int64_t before_ms = host_clock_now_ms(fixture->clock);
    host_store_close(fixture->store);
    const char *const argv[] = {SQLITE3_SHELL, fixture->path,
                                "create table other (fid integer primary key autoincrement not "
                                "null); insert into other values (1); "
                                "pragma wal_checkpoint(truncate);",
                                NULL};
    assert_int_equal(run_program(argv, out, sizeof out), 0);
    struct host_store_options options = fixture_options(fixture);
    options.keep_log = true;
    fixture_open(fixture, &options);
    host_clock_set(fixture->clock, before_ms + STEP_MS);
    edit_some(fixture);
    archive(fixture);
    host_clock_set(fixture->clock, before_ms + 5 * STEP_MS);
    assert_ok(bring_forward(fixture, &backup, before_ms, hash, sizeof hash, &error), &error);
    assert_int_equal(
        bring_forward(fixture, &backup, before_ms + 3 * STEP_MS, hash, sizeof hash, &error),
        CIM_E_STATE);
    assert_non_null(strstr(error.en, "the log was interrupted at"));
    /* A new backup reaches. */
    char now[sizeof hash];
    (void)snprintf(after.path, sizeof after.path, "%s/after", fixture->dir);
    back_up(fixture, &after);
    edit_some(fixture);
    archive(fixture);
    sum_up(fixture->store, now, sizeof now);
    assert_ok(bring_forward(fixture, &after, before_ms + 6 * STEP_MS, hash, sizeof hash, &error),
              &error);
    assert_string_equal(hash, now);
    fixture_free(fixture);
}

static void
path_of_first_file(const struct fixture *fixture, const struct backup *backup, char *out,
                   size_t out_size)
{
    (void)snprintf(out, out_size, "%s/cim.gpkg/%s/0000000001.log", folder_of(fixture),
                   backup->note.generation);
}

static void
test_damage_is_found_and_nothing_applied(void **state)
{
    struct backup backup;
    char path[400];
    char hash[COLUMNS * 80];
    cim_error error = {0};
    struct stat info;
    (void)state;
    struct fixture *fixture = with_backup(&backup, LOG_FRAMES);
    path_of_first_file(fixture, &backup, path, sizeof path);
    assert_int_equal(stat(path, &info), 0);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)info.st_size - 100, SEEK_SET), 0);
    const int byte = fgetc(file);
    assert_int_equal(fseek(file, (long)info.st_size - 100, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(bring_forward(fixture, &backup, host_clock_now_ms(fixture->clock), hash,
                                   sizeof hash, &error),
                     CIM_E_STATE);
    assert_non_null(strstr(error.en, "is damaged at record"));
    fixture_free(fixture);
}

static void
test_half_a_record_is_cut_off_and_written_again(void **state)
{
    struct backup backup;
    char path[400];
    char hash[COLUMNS * 80];
    char now[sizeof hash];
    cim_error error = {0};
    struct stat info;
    (void)state;
    struct fixture *fixture =
        with_backup(&backup, 100000); /* no record says that the log may begin anew */
    path_of_first_file(fixture, &backup, path, sizeof path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size - 50), 0); /* as a loss of power leaves it */
    edit_some(fixture);
    archive(fixture);
    sum_up(fixture->store, now, sizeof now);
    assert_ok(bring_forward(fixture, &backup, host_clock_now_ms(fixture->clock), hash, sizeof hash,
                            &error),
              &error);
    assert_string_equal(hash, now);
    fixture_free(fixture);
}

static void
test_one_process_archives(void **state)
{
    struct host_archive *first = NULL;
    struct host_archive *second = NULL;
    struct host_archive_stats stats;
    cim_error error = {0};
    (void)state;
    struct fixture *fixture = begin();
    assert_ok(host_archive_start(fixture->store, fixture->clock, folder_of(fixture), 3600,
                                 LOG_FRAMES, &first, &error),
              &error);
    assert_ok(host_archive_start(fixture->store, fixture->clock, folder_of(fixture), 3600,
                                 LOG_FRAMES, &second, &error),
              &error);
    host_archive_stats(second, &stats);
    assert_int_equal(stats.last_ms, 0);
    host_archive_stop(second);
    host_archive_stop(first);
    fixture_free(fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_any_backup_to_any_moment),
        cmocka_unit_test(test_a_log_that_went_on_without_us_is_told),
        cmocka_unit_test(test_damage_is_found_and_nothing_applied),
        cmocka_unit_test(test_half_a_record_is_cut_off_and_written_again),
        cmocka_unit_test(test_one_process_archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
