/* The queue: a job from submission to result, progress, cancel, limits, crash and restart. */
#include "fixture.h"

#include "cim/util.h"
#include "host/identity/internal.h"
#include "host/jobs/internal.h"
#include "kit/cleanup.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PASSWORD "Gas-bottle-1"

static atomic_int runs;
static atomic_int let_go; /* the patient kind ends when set */

static void
nap(void)
{
    const struct timespec ten_ms = {.tv_nsec = 10000000};
    (void)nanosleep(&ten_ms, NULL);
}

static cim_status
run_upper(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
          cim_blob *ret_result, cim_error *err)
{
    char path[4300];
    FILE *file = NULL;
    (void)self;
    (void)err;
    (void)atomic_fetch_add(&runs, 1);
    assert_string_equal(inputs_json, "{\"a\":1}");
    assert_true(job->pos >= 0);
    assert_non_null(call->principal);
    job->progress(job, 0.5, "一半", "half");
    (void)snprintf(path, sizeof path, "%s/input", job->dir);
    file = fopen(path, "r");
    if (file != NULL) {
        (void)fclose(file);
    }
    ret_result->data = file != NULL ? "{\"file\":true}" : "{\"file\":false}";
    ret_result->len = strlen(ret_result->data);
    return CIM_OK;
}

static cim_status
run_failing(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
            cim_blob *ret_result, cim_error *err)
{
    (void)self;
    (void)call;
    (void)job;
    (void)inputs_json;
    (void)ret_result;
    (void)atomic_fetch_add(&runs, 1);
    return cim_fail(err, CIM_E_INVALID, "route", "x", "路线无效", "the route is not valid");
}

static cim_status
run_patient(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
            cim_blob *ret_result, cim_error *err)
{
    (void)self;
    (void)inputs_json;
    (void)ret_result;
    (void)atomic_fetch_add(&runs, 1);
    while (atomic_load(&let_go) == 0) {
        if (job->should_stop(job) != 0) {
            assert_int_not_equal(call->cancelled(call), 0);
            return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已取消", "cancelled");
        }
        nap();
    }
    return CIM_OK;
}

static const cim_job_kind upper = {.struct_size = sizeof upper,
                                   .id = "test.upper",
                                   .title_zh = "一",
                                   .title_en = "one",
                                   .run = run_upper};
static const cim_job_kind failing = {.struct_size = sizeof failing,
                                     .id = "test.failing",
                                     .title_zh = "二",
                                     .title_en = "two",
                                     .run = run_failing};
static const cim_job_kind patient = {.struct_size = sizeof patient,
                                     .flags = CIM_JOB_RETRY,
                                     .id = "test.patient",
                                     .title_zh = "三",
                                     .title_en = "three",
                                     .run = run_patient};

static void
open_jobs(struct fixture *fixture)
{
    cim_error error = {0};
    assert_ok(host_jobs_open(&fixture->app, &fixture->app.jobs, &error), &error);
    assert_ok(host_jobs_add_kind(fixture->app.jobs, &upper, &error), &error);
    assert_ok(host_jobs_add_kind(fixture->app.jobs, &failing, &error), &error);
    assert_ok(host_jobs_add_kind(fixture->app.jobs, &patient, &error), &error);
}

static int
setup(void **state)
{
    static const char *const names[] = {"ann", "bob", "root"};
    struct fixture *fixture = fixture_new(TEMPLATE_BUNDLES, NULL);
    cim_error error = {0};
    assert_ok(host_plugins_enable(fixture->app.plugins, "template", &error), &error);
    for (size_t i = 0; i < 3; i++) {
        const struct host_account_input input = {.username = names[i],
                                                 .display_name = names[i],
                                                 .password = PASSWORD,
                                                 .roles = i == 2 ? "platform-admin" : "note-reader",
                                                 .areas = "*",
                                                 .until_ms = INT64_MAX};
        assert_ok(host_identity_put_account(fixture->app.identity, &input, &error), &error);
    }
    atomic_store(&runs, 0);
    atomic_store(&let_go, 0);
    open_jobs(fixture);
    *state = fixture;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *fixture = *state;
    host_jobs_free(fixture->app.jobs);
    fixture_free(fixture);
    return 0;
}

static struct host_principal *
principal(struct fixture *fixture, const char *name)
{
    struct host_principal *found = NULL;
    cim_error error = {0};
    assert_ok(host_principal_get(fixture->app.identity, name, &found, &error), &error);
    return found;
}

static cim_status
submit(struct fixture *fixture, const char *owner, const char *kind, const char *file,
       char ret_id[CIM_JOB_ID_TEXT], cim_error *err)
{
    struct host_principal *who = principal(fixture, owner);
    const struct host_job_request request = {.kind = kind,
                                             .owner = who,
                                             .lang = "en",
                                             .inputs_json = "{\"a\":1}",
                                             .file = file,
                                             .flags = CIM_JOB_RETRY};
    const cim_status status = host_jobs_submit(fixture->app.jobs, &request, ret_id, err);
    host_principal_release(who);
    return status;
}

static struct host_job_info
info_of(struct fixture *fixture, const char *id)
{
    struct host_job_info info;
    cim_error error = {0};
    assert_ok(host_jobs_get(fixture->app.jobs, NULL, id, &info, &error), &error);
    return info;
}

/* Waits until the job is in the state, ten seconds at most. */
static struct host_job_info
wait_for(struct fixture *fixture, const char *id, int32_t state)
{
    struct host_job_info info = info_of(fixture, id);
    for (int i = 0; i < 1000 && info.state != state; i++) {
        nap();
        info = info_of(fixture, id);
    }
    assert_int_equal(info.state, state);
    return info;
}

static void
start(struct fixture *fixture)
{
    cim_error error = {0};
    assert_ok(host_jobs_start(fixture->app.jobs, &error), &error);
}

static void
read_result(struct fixture *fixture, const char *id, char out[64])
{
    CIM_AUTO_FREE char *result = NULL;
    CIM_AUTO_FREE char *run = NULL;
    size_t len = 0;
    cim_error error = {0};
    assert_ok(host_jobs_result(fixture->app.jobs, id, &result, &len, &run, &error), &error);
    assert_true(len < 64);
    memcpy(out, result, len + 1);
}

static void
test_runs_to_its_result(void **state)
{
    struct fixture *fixture = *state;
    char id[CIM_JOB_ID_TEXT];
    char result[64];
    char file[128];
    struct host_job_info info;
    cim_error error = {0};
    fixture_file(fixture, "in", "upload", "bytes");
    (void)snprintf(file, sizeof file, "%s/in/upload", fixture->dir);
    assert_ok(submit(fixture, "ann", "test.upper", file, id, &error), &error);
    assert_int_not_equal(access(file, F_OK), 0); /* moved */
    info = info_of(fixture, id);
    assert_int_equal(info.state, CIM_JOB_ACCEPTED);
    assert_int_equal(info.started_ms, 0);
    start(fixture);
    info = wait_for(fixture, id, CIM_JOB_SUCCESSFUL);
    assert_string_equal(info.kind, "test.upper");
    assert_string_equal(info.owner, "ann");
    assert_string_equal(info.message_zh, "一半");
    assert_string_equal(info.message_en, "half");
    assert_true(info.fraction == 1);
    assert_int_equal(info.attempts, 1);
    assert_int_equal(info.finished_ms, FIXTURE_NOW_MS);
    assert_true(info.expires_ms > info.finished_ms);
    assert_int_equal(info.result_bytes, strlen("{\"file\":true}"));
    read_result(fixture, id, result);
    assert_string_equal(result, "{\"file\":true}");
}

static void
test_failure_says_why(void **state)
{
    struct fixture *fixture = *state;
    char id[CIM_JOB_ID_TEXT];
    struct host_job_info info;
    cim_error error = {0};
    start(fixture);
    assert_ok(submit(fixture, "ann", "test.failing", NULL, id, &error), &error);
    info = wait_for(fixture, id, CIM_JOB_FAILED);
    assert_int_equal(info.error.code, CIM_E_INVALID);
    assert_string_equal(info.error.param, "route");
    assert_string_equal(info.error.zh, "路线无效");
    assert_string_equal(info.error.en, "the route is not valid");
    assert_int_equal(info.result_bytes, 0);
    assert_int_equal(atomic_load(&runs), 1);
}

static void
test_cancel(void **state)
{
    struct fixture *fixture = *state;
    char running[CIM_JOB_ID_TEXT];
    char waiting[CIM_JOB_ID_TEXT];
    char after[CIM_JOB_ID_TEXT];
    cim_error error = {0};
    int64_t began_ms = 0;
    assert_ok(submit(fixture, "ann", "test.patient", NULL, running, &error), &error);
    assert_ok(submit(fixture, "ann", "test.patient", NULL, waiting, &error), &error);
    start(fixture);
    (void)wait_for(fixture, running, CIM_JOB_RUNNING);
    assert_ok(host_jobs_cancel(fixture->app.jobs, NULL, waiting, &error), &error);
    assert_int_equal(info_of(fixture, waiting).state, CIM_JOB_DISMISSED);
    began_ms = host_monotonic_ms();
    assert_ok(host_jobs_cancel(fixture->app.jobs, NULL, running, &error), &error);
    assert_int_equal(info_of(fixture, running).state, CIM_JOB_DISMISSED);
    assert_int_equal(host_jobs_cancel(fixture->app.jobs, NULL, running, &error), CIM_E_STATE);
    assert_int_equal(host_jobs_cancel(fixture->app.jobs, NULL, "no-such-job", &error),
                     CIM_E_NOTFOUND);
    /* One of the owner runs at once: the next one runs when the cancelled one has really ended. */
    assert_ok(submit(fixture, "ann", "test.upper", NULL, after, &error), &error);
    (void)wait_for(fixture, after, CIM_JOB_SUCCESSFUL);
    assert_true(host_monotonic_ms() - began_ms < 5000);
    assert_int_equal(info_of(fixture, running).state, CIM_JOB_DISMISSED);
}

static void
count(void *arg, const struct host_job_info *info)
{
    (void)info;
    (*(int *)arg)++;
}

static int
seen_by(struct fixture *fixture, const char *viewer, const char *owner)
{
    const struct host_job_filter filter = {.owner = owner, .limit = 10};
    struct host_principal *who = principal(fixture, viewer);
    cim_error error = {0};
    int n = 0;
    assert_ok(host_jobs_list(fixture->app.jobs, who, &filter, count, &n, &error), &error);
    host_principal_release(who);
    return n;
}

static void
test_others_see_nothing(void **state)
{
    struct fixture *fixture = *state;
    char id[CIM_JOB_ID_TEXT];
    struct host_job_info info;
    cim_error error = {0};
    struct host_principal *bob = principal(fixture, "bob");
    struct host_principal *root = principal(fixture, "root");
    assert_ok(submit(fixture, "ann", "test.patient", NULL, id, &error), &error);
    assert_int_equal(host_jobs_get(fixture->app.jobs, bob, id, &info, &error), CIM_E_NOTFOUND);
    assert_int_equal(host_jobs_cancel(fixture->app.jobs, bob, id, &error), CIM_E_NOTFOUND);
    assert_ok(host_jobs_get(fixture->app.jobs, root, id, &info, &error), &error);
    assert_int_equal(info.state, CIM_JOB_ACCEPTED);
    assert_int_equal(seen_by(fixture, "ann", NULL), 1);
    assert_int_equal(seen_by(fixture, "bob", NULL), 0);
    assert_int_equal(seen_by(fixture, "bob", "ann"), 0);
    assert_int_equal(seen_by(fixture, "root", NULL), 1);
    assert_int_equal(seen_by(fixture, "root", "bob"), 0);
    host_principal_release(bob);
    host_principal_release(root);
}

static void
test_limits(void **state)
{
    struct fixture *fixture = *state;
    char id[CIM_JOB_ID_TEXT];
    cim_error error = {0};
    for (int i = 0; i < 50; i++) { /* jobs.waiting_per_owner_max */
        assert_ok(submit(fixture, "ann", "test.patient", NULL, id, &error), &error);
    }
    assert_int_equal(submit(fixture, "ann", "test.patient", NULL, id, &error), CIM_E_BUSY);
    assert_contains(error.en, "50 jobs waiting");
    assert_ok(submit(fixture, "bob", "test.upper", NULL, id, &error), &error);
    start(fixture);
    (void)wait_for(fixture, id, CIM_JOB_SUCCESSFUL); /* ann's fifty do not keep bob waiting */
}

static void
test_shutdown_and_crash(void **state)
{
    struct fixture *fixture = *state;
    char id[CIM_JOB_ID_TEXT];
    char lost[CIM_JOB_ID_TEXT];
    char host[HOST_JOB_HOST_TEXT];
    cim_value values[] = {{.name = "id", .type = CIM_COL_TEXT, .len = 36}};
    struct host_job_info info;
    cim_error error = {0};
    assert_ok(submit(fixture, "ann", "test.patient", NULL, id, &error), &error);
    start(fixture);
    (void)wait_for(fixture, id, CIM_JOB_RUNNING);
    host_jobs_free(fixture->app.jobs); /* stops in order */
    open_jobs(fixture);
    info = info_of(fixture, id);
    assert_int_equal(info.state, CIM_JOB_ACCEPTED);
    assert_int_equal(info.attempts, 1);
    atomic_store(&let_go, 1);
    start(fixture);
    info = wait_for(fixture, id, CIM_JOB_SUCCESSFUL);
    assert_int_equal(info.attempts, 2);

    /* As a crash leaves it: running, and running for the last time. */
    host_jobs_free(fixture->app.jobs);
    open_jobs(fixture);
    assert_ok(submit(fixture, "ann", "test.upper", NULL, id, &error), &error);
    assert_ok(submit(fixture, "ann", "test.upper", NULL, lost, &error), &error);
    cim_copy_text(host, sizeof host, fixture->app.jobs->host);
    host_jobs_free(fixture->app.jobs);
    values[0].v.ptr = host;
    values[0].len = (uint32_t)strlen(host);
    assert_ok(host_store_write_one(fixture->app.store,
                                   "update cim_job set state = 2, attempts = 1, host = :id where "
                                   "state = 1",
                                   values, 1, NULL, &error),
              &error);
    values[0].v.ptr = lost;
    values[0].len = 36;
    assert_ok(host_store_write_one(fixture->app.store,
                                   "update cim_job set attempts = 3 where id = :id", values, 1,
                                   NULL, &error),
              &error);
    open_jobs(fixture);
    info = info_of(fixture, lost);
    assert_int_equal(info.state, CIM_JOB_FAILED);
    assert_contains(info.error.en, "went away");
    assert_int_equal(info_of(fixture, id).state, CIM_JOB_ACCEPTED);
    start(fixture);
    assert_int_equal(wait_for(fixture, id, CIM_JOB_SUCCESSFUL).attempts, 2);
}

static void
test_analysis_of_a_plugin(void **state)
{
    struct fixture *fixture = *state;
    struct host_principal *ann = principal(fixture, "ann");
    struct host_job_request request = {.kind = "template.echo",
                                       .owner = ann,
                                       .inputs_json = "{\"message\":\"你好\",\"wait_ms\":0}",
                                       .flags = CIM_JOB_RETRY};
    struct host_principal *root = principal(fixture, "root");
    char id[CIM_JOB_ID_TEXT];
    char denied[CIM_JOB_ID_TEXT];
    char result[64];
    cim_error error = {0};
    start(fixture);
    assert_ok(host_jobs_submit(fixture->app.jobs, &request, id, &error), &error);
    (void)wait_for(fixture, id, CIM_JOB_SUCCESSFUL);
    read_result(fixture, id, result);
    assert_string_equal(result, "{\"echo\":\"你好\"}");
    request.owner = root; /* who runs the platform may not by that run analyses */
    assert_ok(host_jobs_submit(fixture->app.jobs, &request, denied, &error), &error);
    assert_int_equal(wait_for(fixture, denied, CIM_JOB_FAILED).error.code, CIM_E_DENIED);

    /* Its plugin is disabled while it runs: it stops, waits, and runs when the plugin is back. */
    request.owner = ann;
    request.inputs_json = "{\"message\":\"later\",\"wait_ms\":2000}";
    assert_ok(host_jobs_submit(fixture->app.jobs, &request, id, &error), &error);
    (void)wait_for(fixture, id, CIM_JOB_RUNNING);
    nap();
    assert_ok(host_plugins_disable(fixture->app.plugins, "template", &error), &error);
    (void)wait_for(fixture, id, CIM_JOB_ACCEPTED);
    assert_ok(host_plugins_enable(fixture->app.plugins, "template", &error), &error);
    (void)wait_for(fixture, id, CIM_JOB_SUCCESSFUL);
    host_principal_release(ann);
    host_principal_release(root);
}

/* Whose grants change while the job runs has it begun anew with those of then, or denied. */
static void
test_grants_that_change_while_it_runs(void **state)
{
    struct fixture *fixture = *state;
    struct host_principal *bob = principal(fixture, "bob");
    const struct host_job_request request = {.kind = "template.echo",
                                             .owner = bob,
                                             .inputs_json = "{\"message\":\"x\",\"wait_ms\":30000}",
                                             .flags = CIM_JOB_RETRY};
    struct host_account_input input = {.username = "ann",
                                       .display_name = "ann",
                                       .password = PASSWORD,
                                       .roles = "note-reader",
                                       .areas = "",
                                       .until_ms = INT64_MAX};
    char id[CIM_JOB_ID_TEXT];
    cim_error error = {0};
    start(fixture);
    assert_ok(host_jobs_submit(fixture->app.jobs, &request, id, &error), &error);
    (void)wait_for(fixture, id, CIM_JOB_RUNNING);
    assert_ok(host_identity_put_account(fixture->app.identity, &input, &error), &error);
    for (int i = 0; i < 100; i++) { /* another account's are of no concern */
        nap();
    }
    assert_int_equal(info_of(fixture, id).state, CIM_JOB_RUNNING);
    assert_int_equal(info_of(fixture, id).attempts, 1);
    input.username = "bob";
    input.roles = "platform-admin";
    input.areas = "*";
    assert_ok(host_identity_put_account(fixture->app.identity, &input, &error), &error);
    assert_int_equal(wait_for(fixture, id, CIM_JOB_FAILED).error.code, CIM_E_DENIED);
    host_principal_release(bob);
}

static void
test_kept_for_the_stated_time(void **state)
{
    struct fixture *fixture = *state;
    char id[CIM_JOB_ID_TEXT];
    char dir[128];
    struct host_job_info info;
    cim_error error = {0};
    start(fixture);
    assert_ok(submit(fixture, "ann", "test.upper", NULL, id, &error), &error);
    info = wait_for(fixture, id, CIM_JOB_SUCCESSFUL);
    (void)snprintf(dir, sizeof dir, "%s/jobs/%s", fixture->dir, id);
    host_clock_set(fixture->app.clock, info.expires_ms - 1);
    host_jobs_sweep(fixture->app.jobs);
    assert_int_equal(access(dir, F_OK), 0);
    host_clock_set(fixture->app.clock, info.expires_ms);
    host_jobs_sweep(fixture->app.jobs);
    assert_int_not_equal(access(dir, F_OK), 0);
    assert_int_equal(host_jobs_get(fixture->app.jobs, NULL, id, &info, &error), CIM_E_NOTFOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_runs_to_its_result, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others_see_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shutdown_and_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_analysis_of_a_plugin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grants_that_change_while_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kept_for_the_stated_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
