/* host/identity/provider.c -- the settings file of sign-in providers; see provider.h. */
#include "host/identity/provider.h"

#include "cim/util.h"
#include "host/identity/json_in.h"
#include "kit/cleanup.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
cleanup_json(struct json_object **object)
{
    json_object_put(*object);
}

static void
cleanup_file(FILE **file)
{
    if (*file != NULL) {
        (void)fclose(*file);
    }
}

/* ---- texts of the file ---- */

/* Copies what is there; `fallback` otherwise. */
static cim_status
take_text(const struct host_json_in *in, const char *key, enum host_json_need need,
          const char *fallback, char **ret_text, cim_error *err)
{
    const char *text = fallback;
    CIM_TRY(host_json_text(in, key, need, &text, err));
    if (text == NULL) {
        return CIM_OK;
    }
    if (text[0] == '\0' || strlen(text) > 1000) {
        return host_json_refuse(in, key, "1 到 1000 字节的文字", "a text of 1 to 1000 bytes", err);
    }
    *ret_text = strdup(text);
    return *ret_text != NULL ? CIM_OK : cim_fail_nomem(err);
}

/* A secret of a file of its own, its first line. */
static cim_status
read_secret(const struct host_json_in *in, const char *path, char **ret_secret, cim_error *err)
{
    __attribute__((cleanup(cleanup_file))) FILE *file = fopen(path, "re");
    char line[1024];
    if (file == NULL || fgets(line, sizeof line, file) == NULL) {
        return host_json_refuse(in, "client_secret_file", "可读的文件", "a file that can be read",
                                err);
    }
    line[strcspn(line, "\r\n")] = '\0';
    *ret_secret = strdup(line);
    return *ret_secret != NULL ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
take_secret(const struct host_json_in *in, struct host_provider *provider, cim_error *err)
{
    const char *path = NULL;
    CIM_TRY(host_json_text(in, "client_secret_file", HOST_JSON_OPTIONAL, &path, err));
    return path != NULL ? read_secret(in, path, &provider->client_secret, err)
                        : take_text(in, "client_secret", HOST_JSON_OPTIONAL, NULL,
                                    &provider->client_secret, err);
}

/* ---- roles ---- */

static cim_status
join_areas(const struct host_json_in *list, char **ret_areas, cim_error *err)
{
    size_t used = 0;
    char text[4000];
    text[0] = '\0';
    for (size_t i = 0; i < host_json_length(list); i++) {
        const char *code = NULL;
        CIM_TRY(host_json_text_at(list, i, &code, err));
        if (code[0] == '\0' || strchr(code, ',') != NULL || used + strlen(code) + 2 > sizeof text) {
            return host_json_refuse(list, NULL, "区划代码的列表", "a list of area codes", err);
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? "," : "", code);
    }
    *ret_areas = strdup(text);
    return *ret_areas != NULL ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
read_role(const struct host_json_in *in, struct host_provider_role *role, cim_error *err)
{
    static const char *const keys[] = {"claim", "value", "role", "areas", "areas_claim", NULL};
    struct host_json_in areas = {0};
    CIM_TRY(host_json_keys(in, keys, err));
    CIM_TRY(take_text(in, "claim", HOST_JSON_REQUIRED, NULL, &role->claim, err));
    CIM_TRY(take_text(in, "value", HOST_JSON_OPTIONAL, NULL, &role->value, err));
    CIM_TRY(take_text(in, "role", HOST_JSON_REQUIRED, NULL, &role->role, err));
    CIM_TRY(take_text(in, "areas_claim", HOST_JSON_OPTIONAL, NULL, &role->areas_claim, err));
    CIM_TRY(host_json_list(in, "areas", HOST_JSON_OPTIONAL, &areas, err));
    if ((areas.value != NULL) == (role->areas_claim != NULL)) {
        return host_json_refuse(in, "areas", "areas 与 areas_claim 之一",
                                "one of areas and areas_claim", err);
    }
    return areas.value != NULL ? join_areas(&areas, &role->areas, err) : CIM_OK;
}

static cim_status
read_roles(const struct host_json_in *in, struct host_provider *provider, cim_error *err)
{
    struct host_json_in list = {0};
    CIM_TRY(host_json_list(in, "roles", HOST_JSON_OPTIONAL, &list, err));
    if (host_json_length(&list) > HOST_PROVIDER_ROLES_MAX) {
        return host_json_refuse(in, "roles", "至多 200 条", "at most 200", err);
    }
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct host_json_in role;
        CIM_TRY(host_json_object_at(&list, i, &role, err));
        provider->n_roles = i + 1;
        CIM_TRY(read_role(&role, &provider->roles[i], err));
    }
    return CIM_OK;
}

/* ---- a provider ---- */

/* Addresses of a provider that has no metadata: they are its metadata. */
static cim_status
read_endpoints(const struct host_json_in *in, struct host_provider *provider, cim_error *err)
{
    static const char *const names[] = {"authorization_endpoint", "token_endpoint",
                                        "userinfo_endpoint", "end_session_endpoint"};
    provider->metadata = json_object_new_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *url = NULL;
        const bool needed = i == 0 || i == 2 || (i == 1 && provider->kind == HOST_PROVIDER_OAUTH2);
        CIM_TRY(host_json_text(in, names[i], needed ? HOST_JSON_REQUIRED : HOST_JSON_OPTIONAL, &url,
                               err));
        if (url != NULL && (!host_url_is_safe(url) || strlen(url) > 1000)) {
            return host_json_refuse(in, names[i], "https 地址（本机可为 http）",
                                    "an https address (http on this machine alone)", err);
        }
        if (url != NULL && json_object_object_add(provider->metadata, names[i],
                                                  json_object_new_string(url)) != 0) {
            return cim_fail_nomem(err);
        }
    }
    return take_text(in, "userinfo_endpoint", HOST_JSON_REQUIRED, NULL, &provider->userinfo_url,
                     err);
}

/* The addresses of a CAS server follow from where it is. */
static cim_status
read_server(const struct host_json_in *in, struct host_provider *provider, cim_error *err)
{
    static const char *const names[][2] = {{"authorization_endpoint", "login"},
                                           {"userinfo_endpoint", "p3/serviceValidate"},
                                           {"end_session_endpoint", "logout"}};
    const char *server = NULL;
    char url[600];
    CIM_TRY(host_json_text(in, "server", HOST_JSON_REQUIRED, &server, err));
    const size_t len = strlen(server);
    if (!host_url_is_safe(server) || strpbrk(server, "?#") != NULL || len > 500) {
        return host_json_refuse(in, "server", "https 地址（本机可为 http），如 https://sso/cas",
                                "an https address (http on this machine alone)", err);
    }
    provider->metadata = json_object_new_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(url, sizeof url, "%s%s%s", server, server[len - 1] == '/' ? "" : "/",
                       names[i][1]);
        if (json_object_object_add(provider->metadata, names[i][0], json_object_new_string(url)) !=
            0) {
            return cim_fail_nomem(err);
        }
    }
    return CIM_OK;
}

static cim_status
read_kind(const struct host_json_in *in, struct host_provider *provider, cim_error *err)
{
    static const char *const kinds[] = {"oidc", "oauth2", "ticket", "cas"};
    const char *kind = kinds[0];
    CIM_TRY(host_json_text(in, "kind", HOST_JSON_OPTIONAL, &kind, err));
    for (int i = 0; i < 4; i++) {
        if (strcmp(kinds[i], kind) == 0) {
            provider->kind = (enum host_provider_kind)i;
            return i == HOST_PROVIDER_OIDC
                       ? take_text(in, "issuer", HOST_JSON_REQUIRED, NULL, &provider->issuer, err)
                   : i == HOST_PROVIDER_CAS ? read_server(in, provider, err)
                                            : read_endpoints(in, provider, err);
        }
    }
    return host_json_refuse(in, "kind", "oidc、oauth2、ticket 或 cas",
                            "oidc, oauth2, ticket or cas", err);
}

static cim_status
check_identity(const struct host_json_in *in, const struct host_provider *provider, cim_error *err)
{
    const size_t len = strlen(provider->id);
    if (len > HOST_PROVIDER_ID_MAX ||
        strspn(provider->id, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        return host_json_refuse(in, "id", "1 到 32 个小写字母、数字或 -",
                                "1 to 32 lower-case letters, digits or -", err);
    }
    if (provider->kind == HOST_PROVIDER_OIDC &&
        (!host_url_is_safe(provider->issuer) || strpbrk(provider->issuer, "?#") != NULL ||
         strlen(provider->issuer) > 500)) {
        return host_json_refuse(in, "issuer", "https 地址（本机可为 http）",
                                "an https address (http on this machine alone)", err);
    }
    return CIM_OK;
}

static cim_status
read_claims(const struct host_json_in *in, struct host_provider *provider, cim_error *err)
{
    static const char *const keys[] = {"subject", "username",     "name", "org",
                                       "factor",  "factor_value", NULL};
    /* CAS names people by "user" and has no names of claims of its own. */
    const bool cas = provider->kind == HOST_PROVIDER_CAS;
    const char *subject = cas ? "user" : "sub";
    const char *username = cas ? "user" : "preferred_username";
    struct host_json_in claims = {.where = in->where};
    CIM_TRY(host_json_object(in, "claims", HOST_JSON_OPTIONAL, &claims, err));
    if (claims.value != NULL) {
        CIM_TRY(host_json_keys(&claims, keys, err));
        CIM_TRY(take_text(&claims, "subject", HOST_JSON_OPTIONAL, subject, &provider->subject_claim,
                          err));
        CIM_TRY(take_text(&claims, "username", HOST_JSON_OPTIONAL, username,
                          &provider->username_claim, err));
        CIM_TRY(take_text(&claims, "name", HOST_JSON_OPTIONAL, "name", &provider->name_claim, err));
        CIM_TRY(take_text(&claims, "org", HOST_JSON_OPTIONAL, NULL, &provider->org_claim, err));
        CIM_TRY(
            take_text(&claims, "factor", HOST_JSON_OPTIONAL, NULL, &provider->factor_claim, err));
        return take_text(&claims, "factor_value",
                         provider->factor_claim != NULL ? HOST_JSON_REQUIRED : HOST_JSON_OPTIONAL,
                         NULL, &provider->factor_value, err);
    }
    provider->subject_claim = strdup(subject);
    provider->username_claim = strdup(username);
    provider->name_claim = strdup("name");
    return provider->subject_claim != NULL && provider->username_claim != NULL &&
                   provider->name_claim != NULL
               ? CIM_OK
               : cim_fail_nomem(err);
}

static cim_status
read_provider(const struct host_json_in *in, struct host_provider *provider, cim_error *err)
{
    static const char *const keys[] = {"id",
                                       "title",
                                       "issuer",
                                       "client_id",
                                       "client_secret",
                                       "client_secret_file",
                                       "scope",
                                       "claims",
                                       "roles",
                                       "create",
                                       "link_by_name",
                                       "clock_skew_s",
                                       "ca_file",
                                       "kind",
                                       "authorization_endpoint",
                                       "token_endpoint",
                                       "userinfo_endpoint",
                                       "end_session_endpoint",
                                       "server",
                                       NULL};
    const char *zh = NULL;
    const char *en = NULL;
    int64_t skew_s = 60;
    CIM_TRY(host_json_keys(in, keys, err));
    CIM_TRY(take_text(in, "id", HOST_JSON_REQUIRED, NULL, &provider->id, err));
    CIM_TRY(host_json_title(in, "title", HOST_JSON_REQUIRED, &zh, &en, err));
    CIM_TRY(read_kind(in, provider, err));
    CIM_TRY(check_identity(in, provider, err));
    /* A CAS server knows the platform by its address. */
    const bool cas = provider->kind == HOST_PROVIDER_CAS;
    CIM_TRY(take_text(in, "client_id", cas ? HOST_JSON_OPTIONAL : HOST_JSON_REQUIRED,
                      cas ? provider->id : NULL, &provider->client_id, err));
    CIM_TRY(take_secret(in, provider, err));
    CIM_TRY(take_text(in, "scope", HOST_JSON_OPTIONAL, "openid profile", &provider->scope, err));
    CIM_TRY(take_text(in, "ca_file", HOST_JSON_OPTIONAL, NULL, &provider->ca_file, err));
    CIM_TRY(host_json_bool(in, "create", HOST_JSON_OPTIONAL, &provider->create, err));
    CIM_TRY(host_json_bool(in, "link_by_name", HOST_JSON_OPTIONAL, &provider->link_by_name, err));
    CIM_TRY(host_json_int(in, "clock_skew_s", HOST_JSON_OPTIONAL, 0, 600, &skew_s, err));
    CIM_TRY(read_claims(in, provider, err));
    CIM_TRY(read_roles(in, provider, err));
    provider->skew_ms = skew_s * 1000;
    provider->zh = strdup(zh);
    provider->en = strdup(en);
    return provider->zh != NULL && provider->en != NULL ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
read_all(const struct host_json_in *in, struct host_providers *providers, cim_error *err)
{
    static const char *const keys[] = {"providers", NULL};
    struct host_json_in list = {0};
    CIM_TRY(host_json_keys(in, keys, err));
    CIM_TRY(host_json_list(in, "providers", HOST_JSON_REQUIRED, &list, err));
    if (host_json_length(&list) > HOST_PROVIDERS_MAX) {
        return host_json_refuse(in, "providers", "至多 8 个", "at most 8", err);
    }
    for (size_t i = 0; i < host_json_length(&list); i++) {
        struct host_json_in one;
        struct host_provider *provider = &providers->providers[i];
        CIM_TRY(host_json_object_at(&list, i, &one, err));
        (void)pthread_mutex_init(&provider->lock, NULL);
        providers->n = i + 1;
        CIM_TRY(read_provider(&one, provider, err));
        if (host_provider_find(providers, provider->id) != provider) {
            return host_json_refuse(&one, "id", "未用过的编号", "an id that no other has", err);
        }
    }
    return CIM_OK;
}

static cim_status
read_file(const char *path, char **ret_text, size_t *ret_len, cim_error *err)
{
    __attribute__((cleanup(cleanup_file))) FILE *file = fopen(path, "re");
    CIM_AUTO_FREE char *text = malloc(HOST_PROVIDER_FILE_MAX + 1);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    const size_t len = file != NULL ? fread(text, 1, HOST_PROVIDER_FILE_MAX + 1, file) : 0;
    if (file == NULL || ferror(file) != 0 || len > HOST_PROVIDER_FILE_MAX) {
        return cim_fail(err, CIM_E_INVALID, "sign_in.providers", path,
                        "登录方式文件无法读取，或超过 256 KB",
                        "the file of sign-in providers cannot be read, or is larger than 256 KB");
    }
    *ret_text = CIM_TAKE(text);
    *ret_len = len;
    return CIM_OK;
}

cim_status
host_providers_load(const char *path, struct host_providers **ret_providers, cim_error *err)
{
    __attribute__((cleanup(cleanup_json))) struct json_object *root = NULL;
    CIM_AUTO_FREE char *text = NULL;
    struct host_json_in in = {.where = path};
    size_t len = 0;
    struct host_providers *providers = calloc(1, sizeof *providers);
    if (providers == NULL) {
        return cim_fail_nomem(err);
    }
    cim_status status = CIM_OK;
    if (path != NULL && path[0] != '\0') {
        status = read_file(path, &text, &len, err);
        if (status == CIM_OK) {
            status = host_json_parse(path, text, len, &root, err);
        }
        in.value = root;
        if (status == CIM_OK) {
            status = read_all(&in, providers, err);
        }
    }
    if (status != CIM_OK) {
        host_providers_free(providers);
        return status;
    }
    *ret_providers = providers;
    return CIM_OK;
}

static void
free_provider(struct host_provider *provider)
{
    char *const texts[] = {provider->userinfo_url, provider->subject_claim,
                           provider->id,           provider->zh,
                           provider->en,           provider->issuer,
                           provider->client_id,    provider->client_secret,
                           provider->scope,        provider->ca_file,
                           provider->name_claim,   provider->username_claim,
                           provider->org_claim,    provider->factor_claim,
                           provider->factor_value, NULL};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    for (size_t i = 0; i < provider->n_roles; i++) {
        free(provider->roles[i].claim);
        free(provider->roles[i].value);
        free(provider->roles[i].role);
        free(provider->roles[i].areas);
        free(provider->roles[i].areas_claim);
    }
    json_object_put(provider->metadata);
    json_object_put(provider->keys);
    (void)pthread_mutex_destroy(&provider->lock);
}

void
host_providers_free(struct host_providers *providers)
{
    for (size_t i = 0; providers != NULL && i < providers->n; i++) {
        free_provider(&providers->providers[i]);
    }
    free(providers);
}

struct host_provider *
host_provider_find(struct host_providers *providers, const char *id)
{
    for (size_t i = 0; providers != NULL && id != NULL && i < providers->n; i++) {
        if (providers->providers[i].id != NULL && strcmp(providers->providers[i].id, id) == 0) {
            return &providers->providers[i];
        }
    }
    return NULL;
}
