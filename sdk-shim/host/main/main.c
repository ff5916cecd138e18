/* host/main/main.c -- cim-host: finds the verb and says what went wrong. */
#include "verb.h"

#include "host/base/config.h"

#include <stdio.h>
#include <string.h>

static const struct host_verb *const VERBS[] = {
    &host_verb_serve,   &host_verb_migrate, &host_verb_plugin,  &host_verb_areas,
    &host_verb_import,  &host_verb_export,  &host_verb_binding, &host_verb_user,
    &host_verb_token,   &host_verb_audit,   &host_verb_batch,   &host_verb_retention,
    &host_verb_keys,    &host_verb_erase,   &host_verb_backup,  &host_verb_restore,
    &host_verb_upgrade, &host_verb_doctor,  &host_verb_run,     &host_verb_run_job,
};
enum { N_VERBS = sizeof VERBS / sizeof VERBS[0] };

static void
print_help(void)
{
    printf("cim-host %s — CIM 平台参考实现 / reference host of the CIM platform\n\n"
           "用法 / usage: cim-host VERB [--settings] [options]\n\n",
           HOST_VERSION);
    for (size_t i = 0; i < N_VERBS; i++) {
        printf("  %-8s  %s / %s\n", VERBS[i]->name, VERBS[i]->zh, VERBS[i]->en);
    }
    printf("\n设置来自 --config=FILE、环境变量 CIM_… 与 --section.key=value，后者优先；"
           "cim-host serve --help 列出全部设置。\n"
           "Settings come from --config=FILE, the environment CIM_… and --section.key=value, the "
           "last ranks highest;\ncim-host serve --help lists them all.\n");
}

static void
print_verb(const struct host_verb *verb, const struct host_config *config)
{
    printf("cim-host %s — %s / %s\n\n%s\n", verb->name, verb->zh, verb->en, verb->usage);
    if (verb == &host_verb_serve) {
        printf("设置 / settings:\n");
        host_config_print(config);
    }
}

/* The value at fault follows where the sentence itself does not hold it. */
static void
print_sentence(const char *verb, const cim_error *err, const char *sentence)
{
    (void)fprintf(stderr, "cim-host%s%s: %s", verb != NULL ? " " : "", verb != NULL ? verb : "",
                  sentence);
    if (err->value[0] != '\0' && strstr(sentence, err->value) == NULL) {
        (void)fprintf(stderr, " (%s '%s')", err->param, err->value);
    }
    (void)fputc('\n', stderr);
}

static void
print_error(const char *verb, const cim_error *err)
{
    print_sentence(verb, err, err->zh);
    print_sentence(verb, err, err->en);
}

static bool
wants_help(const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(*words, "--help") == 0 || strcmp(*words, "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int
run_verb(const struct host_verb *verb, const char *const *args)
{
    struct host_config *config = NULL;
    const char *const *words = NULL;
    cim_error err = {0};
    cim_status status = host_config_load(args, &config, &words, &err);
    if (status == CIM_OK && wants_help(words)) {
        print_verb(verb, config);
    } else if (status == CIM_OK) {
        status = verb->run(config, words, &err);
    }
    host_config_free(config);
    if (status != CIM_OK) {
        if (err.zh[0] != '\0') { /* else it was told already */
            print_error(verb->name, &err);
        }
        return status == CIM_E_INVALID ? HOST_EXIT_INVALID : 1;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--version") == 0) {
        printf("cim-host %s\n", HOST_VERSION);
        return 0;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        return 0;
    }
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(VERBS[i]->name, name) == 0) {
            return run_verb(VERBS[i], (const char *const *)argv + 2);
        }
    }
    (void)fprintf(stderr, "cim-host: 没有“%s”这个命令 / there is no verb '%s'\n\n", name, name);
    print_help();
    return 2;
}
