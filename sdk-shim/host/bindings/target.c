/* host/bindings/target.c -- see target.h. */
#include "host/bindings/target.h"

#include "cim/util.h"
#include "host/base/config.h"
#include "kit/buf.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#define PLATFORM_DATABASE "platform:"

/* ---- hosts ---- */

/* "host", "host:port", "*.domain" or "*.domain:port". */
static bool
pattern_matches(const char *pattern, size_t len, const char *host, const char *port)
{
    const char *colon = memrchr(pattern, ':', len);
    const bool has_port =
        colon != NULL && memchr(colon, ']', len - (size_t)(colon - pattern)) == NULL;
    const size_t name = has_port ? (size_t)(colon - pattern) : len;
    const size_t host_len = strlen(host);
    if (has_port &&
        (strlen(port) != len - name - 1 || strncmp(colon + 1, port, strlen(port)) != 0)) {
        return false;
    }
    if (name > 2 && pattern[0] == '*' && pattern[1] == '.') {
        return host_len >= name &&
               strncasecmp(host + host_len - (name - 1), pattern + 1, name - 1) == 0;
    }
    return host_len == name && strncasecmp(host, pattern, name) == 0;
}

static bool
is_allowed(const struct host_config *config, const char *host, const char *port)
{
    const char *at = host_config_text(config, "bindings.hosts");
    while (*at != '\0') {
        const size_t len = strcspn(at, ", ");
        if (len > 0 && pattern_matches(at, len, host, port)) {
            return true;
        }
        at += len + (at[len] != '\0' ? 1 : 0);
    }
    return false;
}

static cim_status
check_host(const struct host_config *config, const char *host, const char *port, cim_error *err)
{
    return is_allowed(config, host, port)
               ? CIM_OK
               : cim_fail(err, CIM_E_DENIED, "url", host,
                          "不允许访问 %s:%s：请运维人员把它列入设置 bindings.hosts",
                          "%s:%s must not be reached: the operator may list it in the setting "
                          "bindings.hosts",
                          host, port);
}

struct parts {
    char *scheme;
    char *host;
    char *port;
    char *path;
    bool plain; /* neither user nor password nor fragment */
    bool has_query;
};

static char *
part_of(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static void
free_parts(struct parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->path);
}

static bool
split(const char *text, struct parts *ret_parts)
{
    CURLU *url = curl_url();
    const bool good = url != NULL && strlen(text) < HOST_BINDING_URL_MAX &&
                      curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
    if (good) {
        char *user = part_of(url, CURLUPART_USER, 0);
        char *password = part_of(url, CURLUPART_PASSWORD, 0);
        char *fragment = part_of(url, CURLUPART_FRAGMENT, 0);
        char *query = part_of(url, CURLUPART_QUERY, 0);
        *ret_parts = (struct parts){.scheme = part_of(url, CURLUPART_SCHEME, 0),
                                    .host = part_of(url, CURLUPART_HOST, 0),
                                    .port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT),
                                    .path = part_of(url, CURLUPART_PATH, 0),
                                    .plain = user == NULL && password == NULL && fragment == NULL,
                                    .has_query = query != NULL};
        curl_free(user);
        curl_free(password);
        curl_free(fragment);
        curl_free(query);
    }
    curl_url_cleanup(url);
    return good && ret_parts->host != NULL && ret_parts->host[0] != '\0';
}

cim_status
host_target_check_http(const struct host_config *config, const char *url, cim_error *err)
{
    struct parts parts = {0};
    const bool good = split(url, &parts) && parts.plain && parts.port != NULL &&
                      (strcmp(parts.scheme, "http") == 0 || strcmp(parts.scheme, "https") == 0);
    const cim_status status =
        good ? check_host(config, parts.host, parts.port, err)
             : cim_fail(err, CIM_E_INVALID, "url", NULL,
                        "应为 http:// 或 https:// 开头的地址，账号密码另填",
                        "expected an address that begins with http:// or https://, without user "
                        "and password");
    free_parts(&parts);
    return status;
}

/* ---- tables ---- */

static bool
is_platform(const char *url)
{
    return strcmp(url, PLATFORM_DATABASE) == 0;
}

static bool
is_name(const char *text, size_t len)
{
    return len > 0 && len <= 63 && memchr(text, '"', len) == NULL && memchr(text, '.', len) == NULL;
}

static cim_status
check_table_name(const char *url, const char *dataset, cim_error *err)
{
    static const char *const own[] = {"public", "information_schema"};
    const char *dot = strchr(dataset, '.');
    const size_t len = dot != NULL ? (size_t)(dot - dataset) : 0;
    bool is_own = strncmp(dataset, "pg_", 3) == 0;
    if (dot == NULL || !is_name(dataset, len) || !is_name(dot + 1, strlen(dot + 1))) {
        return cim_fail(err, CIM_E_INVALID, "dataset", dataset, "应为 模式.表名",
                        "expected schema.table");
    }
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        is_own = is_own || (strlen(own[i]) == len && strncmp(own[i], dataset, len) == 0);
    }
    return is_platform(url) && is_own
               ? cim_fail(err, CIM_E_DENIED, "dataset", dataset,
                          "平台自己的表不作为数据来源，请用其他模式中的表或视图",
                          "the platform's own tables are no source: use a table or view of another "
                          "schema")
               : CIM_OK;
}

cim_status
host_target_check_table(const struct host_config *config, const char *url, const char *dataset,
                        cim_error *err)
{
    struct parts parts = {0};
    bool good = false;
    cim_status status = CIM_OK;
    CIM_TRY(check_table_name(url, dataset, err));
    if (is_platform(url)) {
        return host_config_text(config, "store.url")[0] != '\0'
                   ? CIM_OK
                   : cim_fail(err, CIM_E_INVALID, "url", url, "平台未使用 PostgreSQL",
                              "the platform's store is not PostgreSQL");
    }
    good = split(url, &parts) && parts.plain && !parts.has_query &&
           strcmp(parts.scheme, "postgresql") == 0 && parts.path != NULL &&
           is_name(parts.path + 1, strlen(parts.path + 1)) && strchr(parts.path + 1, '/') == NULL;
    status = good
                 ? check_host(config, parts.host, parts.port != NULL ? parts.port : "5432", err)
                 : cim_fail(err, CIM_E_INVALID, "url", NULL,
                            "应为 postgresql://主机[:端口]/数据库 或 platform:，账号密码另填",
                            "expected postgresql://host[:port]/database or platform:, without user "
                            "and password");
    free_parts(&parts);
    return status;
}

static void
add_pair(struct cim_buf *out, const char *name, const char *value)
{
    cim_buf_addf(out, " %s='", name);
    for (const char *at = value; *at != '\0'; at++) {
        cim_buf_add_text(out, *at == '\'' || *at == '\\' ? "\\" : "");
        cim_buf_add_char(out, *at);
    }
    cim_buf_add_char(out, '\'');
}

cim_status
host_target_database(const struct host_config *config, const char *url, const char *username,
                     const char *password, char *out, size_t size, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf text;
    struct parts parts = {0};
    cim_buf_init(&text, size);
    if (is_platform(url)) {
        cim_copy_text(out, size, host_config_text(config, "store.url"));
        return CIM_OK;
    }
    if (!split(url, &parts)) {
        return cim_fail(err, CIM_E_INVALID, "url", NULL, "地址无效", "the address is not valid");
    }
    cim_buf_add_text(&text,
                     "PG:connect_timeout=10"
                     " options='-c default_transaction_read_only=on -c statement_timeout=10min'");
    add_pair(&text, "host", parts.host);
    add_pair(&text, "port", parts.port != NULL ? parts.port : "5432");
    add_pair(&text, "dbname", parts.path + 1);
    if (username[0] != '\0') {
        add_pair(&text, "user", username);
    }
    if (password != NULL) {
        add_pair(&text, "password", password);
    }
    free_parts(&parts);
    CIM_TRY(cim_buf_status(&text, err));
    cim_copy_text(out, size, text.data);
    return CIM_OK;
}

/* ---- files ---- */

cim_status
host_target_check_file(const struct host_config *config, const char *path, char ret_path[PATH_MAX],
                       cim_error *err)
{
    const char *at = host_config_text(config, "bindings.dirs");
    struct stat info;
    if (path[0] != '/' || realpath(path, ret_path) == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "url", path, "没有这个文件（应为绝对路径）",
                        "there is no such file (expected an absolute path)");
    }
    while (*at != '\0') {
        char dir[PATH_MAX];
        char real[PATH_MAX];
        const size_t len = strcspn(at, ":");
        (void)snprintf(dir, sizeof dir, "%.*s", (int)len, at);
        const bool there = len > 0 && realpath(dir, real) != NULL;
        const size_t real_len = there ? strlen(real) : 0;
        if (there && strncmp(ret_path, real, real_len) == 0 && ret_path[real_len] == '/') {
            return stat(ret_path, &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))
                       ? CIM_OK
                       : cim_fail(err, CIM_E_INVALID, "url", path, "不是文件", "this is no file");
        }
        at += len + (at[len] != '\0' ? 1 : 0);
    }
    return cim_fail(err, CIM_E_DENIED, "url", path,
                    "不允许读取此文件：请运维人员把其目录列入设置 bindings.dirs",
                    "this file must not be read: the operator may list its folder in the setting "
                    "bindings.dirs");
}
