/* host/base/config.c -- see config.h. */
#include "config_internal.h"

#include "config_keys.h"
#include "cim/util.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SETTINGS_MAX = 512, VALUE_MAX_BYTES = 8192 };

struct setting {
    char *name;
    char *value;                       /* NULL: unset */
    char *source;                      /* NULL: the default */
    const struct host_config_key *key; /* NULL: a plugin's, or nobody's */
    bool declared;
    bool secret;
};

struct host_config {
    size_t n;
    struct setting settings[SETTINGS_MAX];
    const char *const *args;
    const char **rest;
};

/* Read by scripts and tests of this project; no setting. */
static const char *const FOREIGN_ENVIRONMENT[] = {
    "CIM_CONFIG", "CIM_DEMO_", "CIM_TEST_", "CIM_FUZZ_", "CIM_BENCH_", "CIM_BUILD_",
};

static struct setting *
find(const struct host_config *config, const char *name)
{
    for (size_t i = 0; i < config->n; i++) {
        if (strcmp(config->settings[i].name, name) == 0) {
            return (struct setting *)&config->settings[i];
        }
    }
    return NULL;
}

static cim_status
put_text(char **slot, const char *text, cim_error *err)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL) {
        return cim_fail_nomem(err);
    }
    free(*slot);
    *slot = copy;
    return CIM_OK;
}

static cim_status
add(struct host_config *config, const char *name, struct setting **ret_setting, cim_error *err)
{
    struct setting *setting = &config->settings[config->n];
    if (config->n == SETTINGS_MAX) {
        (void)cim_fail(err, CIM_E_TOO_LARGE, name, NULL, "设置超过 %d 项", "more than %d settings",
                       SETTINGS_MAX);
        return CIM_E_TOO_LARGE;
    }
    *setting = (struct setting){0};
    setting->name = strdup(name);
    if (setting->name == NULL) {
        return cim_fail_nomem(err);
    }
    config->n++;
    *ret_setting = setting;
    return CIM_OK;
}

cim_status
host_config_set(struct host_config *config, const char *key, const char *value, const char *source,
                cim_error *err)
{
    struct setting *setting = find(config, key);
    if (strlen(value) > VALUE_MAX_BYTES) {
        return cim_fail(err, CIM_E_TOO_LARGE, key, NULL, "设置“%s”（来自%s）超过 %d 字节",
                        "setting '%s' (from %s) is longer than %d bytes", key, source,
                        VALUE_MAX_BYTES);
    }
    if (setting == NULL) {
        CIM_TRY(add(config, key, &setting, err));
    }
    if (setting->key != NULL) {
        CIM_TRY(host_config_key_check(setting->key, value, source, err));
    }
    CIM_TRY(put_text(&setting->value, value, err));
    return put_text(&setting->source, source, err);
}

static cim_status
add_table(struct host_config *config, cim_error *err)
{
    const struct host_config_key *key;
    for (size_t i = 0; (key = host_config_key_at(i)) != NULL; i++) {
        struct setting *setting = NULL;
        CIM_TRY(add(config, key->name, &setting, err));
        setting->key = key;
        setting->declared = true;
        setting->secret = key->secret;
        CIM_TRY(put_text(&setting->value, key->fallback, err));
    }
    return CIM_OK;
}

/* CIM_HTTP_MAX_BODY_BYTES <-> http.max_body_bytes: '.' and '_' are one in the environment. */
static bool
is_environment_name(const char *variable, const char *key)
{
    variable += strlen("CIM_");
    for (; *variable != '\0' && *key != '\0'; variable++, key++) {
        const bool joins = *key == '.' || *key == '-';
        const int wanted = joins ? '_' : toupper((unsigned char)*key);
        if (*variable != wanted) {
            return false;
        }
    }
    return *variable == '\0' && *key == '\0';
}

static bool
is_foreign(const char *variable)
{
    for (size_t i = 0; i < sizeof FOREIGN_ENVIRONMENT / sizeof FOREIGN_ENVIRONMENT[0]; i++) {
        const size_t len = strlen(FOREIGN_ENVIRONMENT[i]);
        if (strncmp(variable, FOREIGN_ENVIRONMENT[i], len) == 0) {
            return true;
        }
    }
    return false;
}

static cim_status
read_variable(struct host_config *config, const char *variable, const char *value, cim_error *err)
{
    char source[160];
    char guess[128];
    (void)snprintf(source, sizeof source, "environment %s", variable);
    if (strcmp(variable, "CIM_PORT") == 0) {
        return host_config_set(config, "http.port", value, source, err);
    }
    for (size_t i = 0; i < config->n; i++) {
        if (is_environment_name(variable, config->settings[i].name)) {
            return host_config_set(config, config->settings[i].name, value, source, err);
        }
    }
    /* Perhaps a plugin's: kept under the name of the variable until one declares it. */
    cim_copy_text(guess, sizeof guess, variable);
    return host_config_set(config, guess, value, source, err);
}

static cim_status
read_environment(struct host_config *config, cim_error *err)
{
    for (char **at = environ; *at != NULL; at++) {
        char variable[128];
        const char *equals = strchr(*at, '=');
        if (strncmp(*at, "CIM_", 4) != 0 || equals == NULL || is_foreign(*at) ||
            (size_t)(equals - *at) >= sizeof variable) {
            continue;
        }
        memcpy(variable, *at, (size_t)(equals - *at));
        variable[equals - *at] = '\0';
        CIM_TRY(read_variable(config, variable, equals + 1, err));
    }
    return CIM_OK;
}

/* --name=value or --name value; sets *ret_used to the number of words taken, 0 when it is no
 * setting. */
static cim_status
split_flag(const struct host_config *config, const char *const *args, char name[128],
           const char **ret_value, size_t *ret_used, cim_error *err)
{
    const char *word = args[0];
    *ret_used = 0;
    if (strncmp(word, "--", 2) != 0) {
        return CIM_OK;
    }
    const char *equals = strchr(word, '=');
    const size_t len = equals != NULL ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    if (len == 0 || len >= 128) {
        return CIM_OK;
    }
    memcpy(name, word + 2, len);
    name[len] = '\0';
    if (strcmp(name, "port") == 0) {
        cim_copy_text(name, 128, "http.port");
    }
    if (strcmp(name, "config") != 0 && strchr(name, '.') == NULL && find(config, name) == NULL) {
        return CIM_OK;
    }
    *ret_value = equals != NULL ? equals + 1 : args[1];
    if (*ret_value == NULL) {
        return cim_fail(err, CIM_E_INVALID, name, NULL, "参数 --%s 缺少值",
                        "flag --%s has no value", name);
    }
    *ret_used = equals != NULL ? 1 : 2;
    return CIM_OK;
}

enum pass { PASS_FILE, PASS_FLAGS };

/* Two passes over the flags: --config first, since the environment ranks between. */
static cim_status
read_flags(struct host_config *config, const char *const *args, enum pass pass, cim_error *err)
{
    size_t n_rest = 0;
    size_t used = 0;
    for (size_t i = 0; args[i] != NULL; i += used > 0 ? used : 1) {
        char name[128];
        char source[160];
        const char *value = NULL;
        CIM_TRY(split_flag(config, args + i, name, &value, &used, err));
        const bool is_config = used > 0 && strcmp(name, "config") == 0;
        if (pass == PASS_FILE && is_config) {
            CIM_TRY(host_config_read_file(config, value, err));
        } else if (pass == PASS_FLAGS && used == 0) {
            config->rest[n_rest++] = args[i];
        } else if (pass == PASS_FLAGS && !is_config) {
            (void)snprintf(source, sizeof source, "flag --%s", name);
            CIM_TRY(host_config_set(config, name, value, source, err));
        }
    }
    return CIM_OK;
}

static cim_status
load_all(struct host_config *config, const char *const *args, cim_error *err)
{
    const char *file = getenv("CIM_CONFIG"); /* NOLINT(concurrency-mt-unsafe): no thread runs yet */
    size_t n_args = 0;
    while (args[n_args] != NULL) {
        n_args++;
    }
    config->rest = calloc(n_args + 1, sizeof *config->rest);
    if (config->rest == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(add_table(config, err));
    if (file != NULL && file[0] != '\0') {
        CIM_TRY(host_config_read_file(config, file, err));
    }
    CIM_TRY(read_flags(config, args, PASS_FILE, err));
    CIM_TRY(read_environment(config, err));
    return read_flags(config, args, PASS_FLAGS, err);
}

const char *const *
host_config_args(const struct host_config *config)
{
    return config->args;
}

cim_status
host_config_load(const char *const *args, struct host_config **ret_config,
                 const char *const **ret_rest, cim_error *err)
{
    struct host_config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return cim_fail_nomem(err);
    }
    config->args = args;
    const cim_status status = load_all(config, args, err);
    if (status != CIM_OK) {
        host_config_free(config);
        return status;
    }
    *ret_rest = config->rest;
    *ret_config = config;
    return CIM_OK;
}

void
host_config_free(struct host_config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->n; i++) {
        free(config->settings[i].name);
        free(config->settings[i].value);
        free(config->settings[i].source);
    }
    free(config->rest);
    free(config);
}

const char *
host_config_text(const struct host_config *config, const char *key)
{
    const struct setting *setting = find(config, key);
    return setting != NULL && setting->declared ? setting->value : NULL;
}

int64_t
host_config_int(const struct host_config *config, const char *key)
{
    const char *text = host_config_text(config, key);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

bool
host_config_bool(const struct host_config *config, const char *key)
{
    const char *text = host_config_text(config, key);
    return text != NULL && strcmp(text, "true") == 0;
}

/* What the environment said before the key was known stands under the variable's name. */
static cim_status
adopt_variable(struct host_config *config, struct setting *setting, cim_error *err)
{
    for (size_t i = 0; i < config->n; i++) {
        struct setting *other = &config->settings[i];
        if (!other->declared && strncmp(other->name, "CIM_", 4) == 0 &&
            is_environment_name(other->name, setting->name)) {
            other->declared = true;
            if (setting->source == NULL || strncmp(setting->source, "flag", 4) != 0) {
                CIM_TRY(put_text(&setting->value, other->value, err));
                CIM_TRY(put_text(&setting->source, other->source, err));
            }
        }
    }
    return CIM_OK;
}

cim_status
host_config_declare(struct host_config *config, const char *key, const char *default_text,
                    bool secret, cim_error *err)
{
    struct setting *setting = find(config, key);
    if (setting != NULL && setting->declared) {
        return cim_fail(err, CIM_E_EXISTS, "configuration", key, "设置“%s”已有归属",
                        "setting '%s' is already taken", key);
    }
    if (setting == NULL) {
        CIM_TRY(add(config, key, &setting, err));
        CIM_TRY(put_text(&setting->value, default_text, err));
    }
    setting->declared = true;
    setting->secret = secret;
    return adopt_variable(config, setting, err);
}

cim_status
host_config_check_unknown(const struct host_config *config, cim_error *err)
{
    for (size_t i = 0; i < config->n; i++) {
        const struct setting *setting = &config->settings[i];
        if (!setting->declared) {
            return cim_fail(err, CIM_E_INVALID, setting->name, setting->value,
                            "没有名为“%s”的设置（来自%s）；cim-host serve --help 列出全部设置",
                            "there is no setting '%s' (from %s); cim-host serve --help lists them",
                            setting->name, setting->source);
        }
    }
    return CIM_OK;
}

void
host_config_write(const struct host_config *config, struct cim_buf *out)
{
    cim_buf_add_char(out, '{');
    for (size_t i = 0; i < config->n; i++) {
        const struct setting *setting = &config->settings[i];
        if (setting->source == NULL || setting->value == NULL) {
            continue;
        }
        if (out->len > 1) {
            cim_buf_add_char(out, ',');
        }
        cim_buf_add_json_text(out, setting->name, SIZE_MAX);
        cim_buf_add_char(out, ':');
        cim_buf_add_json_text(out, setting->value, SIZE_MAX);
    }
    cim_buf_add_char(out, '}');
}

void
host_config_each(const struct host_config *config,
                 void (*each)(void *arg, const struct host_setting_info *setting), void *arg)
{
    for (size_t i = 0; i < config->n; i++) {
        const struct setting *setting = &config->settings[i];
        const struct host_setting_info info = {
            .key = setting->name,
            .value = setting->value != NULL ? setting->value : "",
            .source = setting->source != NULL ? setting->source : "default",
            .zh = setting->key != NULL ? setting->key->zh : "",
            .en = setting->key != NULL ? setting->key->en : "",
            .secret = setting->secret};
        if (setting->declared && strncmp(setting->name, "CIM_", 4) != 0) {
            each(arg, &info);
        }
    }
}

void
host_config_print(const struct host_config *config)
{
    for (size_t i = 0; i < config->n; i++) {
        const struct setting *setting = &config->settings[i];
        if (!setting->declared || strncmp(setting->name, "CIM_", 4) == 0) {
            continue;
        }
        const char *value = setting->value != NULL ? setting->value : "";
        printf("  %s = %s  [%s]\n", setting->name,
               setting->secret && value[0] != '\0' ? "***" : value,
               setting->source != NULL ? setting->source : "default");
        if (setting->key != NULL) {
            printf("      %s / %s\n", setting->key->zh, setting->key->en);
        }
    }
}
