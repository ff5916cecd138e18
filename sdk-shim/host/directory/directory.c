/* host/directory/directory.c -- see directory.h. */
#include "host/directory/internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum { PASSWORD_BYTES_MAX = 1024, ROW_BYTES_MAX = 1 << 20 };

struct host_directory {
    struct host_directory_options options;
    bool starts_tls;
    struct host_directory_map maps[HOST_DIRECTORY_TABLES];
};

/* ---- options ---- */

static bool
is_this_machine(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

static cim_status
read_url(struct host_directory *directory, cim_error *err)
{
    const char *text = directory->options.url;
    LDAPURLDesc *url = NULL;
    const bool good =
        ldap_url_parse(text, &url) == LDAP_URL_SUCCESS && url->lud_next == NULL &&
        url->lud_host != NULL && url->lud_host[0] != '\0' &&
        (url->lud_dn == NULL || url->lud_dn[0] == '\0') &&
        (strcmp(url->lud_scheme, "ldap") == 0 || strcmp(url->lud_scheme, "ldaps") == 0);
    if (good) {
        directory->starts_tls = strcmp(url->lud_scheme, "ldap") == 0 &&
                                (directory->options.tls == HOST_DIRECTORY_TLS_ALWAYS ||
                                 (directory->options.tls == HOST_DIRECTORY_TLS_REMOTE &&
                                  !is_this_machine(url->lud_host)));
    }
    ldap_free_urldesc(url);
    return good ? CIM_OK
                : cim_fail(err, CIM_E_INVALID, "directory.url", text,
                           "应为 ldaps://主机 或 ldap://主机:端口",
                           "expected ldaps://host or ldap://host:port");
}

static cim_status
read_tables(struct host_directory *directory, cim_error *err)
{
    static const char *const settings[HOST_DIRECTORY_TABLES][2] = {
        {"directory.people_base", "directory.people_map"},
        {"directory.orgs_base", "directory.orgs_map"}};
    for (size_t i = 0; i < HOST_DIRECTORY_TABLES; i++) {
        const struct host_directory_table *table = &directory->options.tables[i];
        LDAPDN dn = NULL;
        size_t n_base = 0;
        const int result = ldap_str2dn(table->base, &dn, LDAP_DN_FORMAT_LDAPV3);
        while (dn != NULL && dn[n_base] != NULL) {
            n_base++;
        }
        ldap_dnfree(dn);
        if (result != LDAP_SUCCESS || (i == HOST_DIRECTORY_PEOPLE && n_base == 0)) {
            return cim_fail(err, CIM_E_INVALID, settings[i][0], table->base,
                            "应为目录中的名称，如 ou=people,dc=example",
                            "expected a distinguished name such as ou=people,dc=example");
        }
        CIM_TRY(host_directory_map_read(table->map, settings[i][1], &directory->maps[i], err));
        directory->maps[i].n_base = n_base;
    }
    return CIM_OK;
}

cim_status
host_directory_open(const struct host_directory_options *options,
                    struct host_directory **ret_directory, cim_error *err)
{
    struct host_directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL) {
        return cim_fail_nomem(err);
    }
    directory->options = *options;
    cim_status status = read_url(directory, err);
    if (status == CIM_OK) {
        status = read_tables(directory, err);
    }
    if (status != CIM_OK) {
        host_directory_free(directory);
        return status;
    }
    *ret_directory = directory;
    return CIM_OK;
}

void
host_directory_free(struct host_directory *directory)
{
    if (directory == NULL) {
        return;
    }
    for (size_t i = 0; i < HOST_DIRECTORY_TABLES; i++) {
        host_directory_map_done(&directory->maps[i]);
    }
    free(directory);
}

void
host_directory_describe(const struct host_directory *directory, struct cim_buf *out)
{
    static const char *const names[HOST_DIRECTORY_TABLES] = {"people", "orgs"};
    const struct host_directory_options *options = &directory->options;
    cim_buf_add_text(out, "{\"url\":");
    cim_buf_add_json_text(out, options->url, SIZE_MAX);
    cim_buf_add_text(out, ",\"bind_dn\":");
    cim_buf_add_json_text(out, options->bind_dn, SIZE_MAX);
    cim_buf_addf(out, ",\"encrypted\":%s",
                 directory->starts_tls || strncmp(options->url, "ldaps:", 6) == 0 ? "true"
                                                                                  : "false");
    for (size_t i = 0; i < HOST_DIRECTORY_TABLES; i++) {
        cim_buf_addf(out, ",\"%s\":{\"base\":", names[i]);
        cim_buf_add_json_text(out, options->tables[i].base, SIZE_MAX);
        cim_buf_add_text(out, ",\"filter\":");
        cim_buf_add_json_text(out, options->tables[i].filter, SIZE_MAX);
        cim_buf_add_text(out, ",\"map\":");
        cim_buf_add_json_text(out, options->tables[i].map, SIZE_MAX);
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_char(out, '}');
}

/* ---- the connection ---- */

static void
cleanup_ldap(LDAP **ld)
{
    if (*ld != NULL) {
        (void)ldap_unbind_ext_s(*ld, NULL, NULL); /* nothing is written */
    }
}
#define AUTO_LDAP __attribute__((cleanup(cleanup_ldap)))

/* What the library and the server say of a failure. */
static cim_status
fail(LDAP *ld, int result, const char *setting, const char *zh, const char *en, cim_error *err)
{
    char *more = NULL;
    if (ld != NULL) {
        (void)ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
    }
    const char *why = ldap_err2string(result);
    const bool says_more = more != NULL && more[0] != '\0';
    (void)cim_fail(err, CIM_E_STATE, setting, NULL, "%.0s%s：%s%s%.100s", "%s%.0s: %s%s%.100s", en,
                   zh, why, says_more ? ", " : "", says_more ? more : "");
    ldap_memfree(more);
    return CIM_E_STATE;
}

static int
set_options(LDAP *ld, const struct host_directory_options *options)
{
    const struct timeval limit = {.tv_sec = (time_t)(options->timeout_ms / 1000),
                                  .tv_usec = (suseconds_t)(options->timeout_ms % 1000 * 1000)};
    const int version = LDAP_VERSION3;
    const int demand = LDAP_OPT_X_TLS_DEMAND;
    const int tls_1_2 = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    const int client = 0;
    const char *ca_file =
        options->ca_file[0] != '\0' ? options->ca_file : "/etc/ssl/certs/ca-certificates.crt";
    int result = ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
    result |= ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &limit);
    result |= ldap_set_option(ld, LDAP_OPT_TIMEOUT, &limit);
    result |= ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    result |= ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    result |= ldap_set_option(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &tls_1_2);
    result |= ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca_file);
    /* What was set before holds for this connection alone from here on. */
    result |= ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
    return result;
}

static cim_status
read_password(const struct host_directory_options *options, char *ret_password, cim_error *err)
{
    FILE *file = options->bind_dn[0] != '\0' ? fopen(options->password_file, "rbe") : NULL;
    size_t n = 0;
    if (options->bind_dn[0] == '\0') {
        ret_password[0] = '\0';
        return CIM_OK;
    }
    if (file != NULL) {
        n = fread(ret_password, 1, PASSWORD_BYTES_MAX, file);
        (void)fclose(file); /* only read */
    }
    ret_password[n] = '\0';
    ret_password[strcspn(ret_password, "\r\n")] = '\0';
    /* A name without a password would be let in as nobody. */
    return ret_password[0] != '\0'
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, "directory.password_file", NULL,
                          "口令文件无法读取或为空", "the password file cannot be read or is empty");
}

static cim_status
connect_to(const struct host_directory *directory, LDAP **ret_ld, cim_error *err)
{
    const struct host_directory_options *options = &directory->options;
    AUTO_LDAP LDAP *ld = NULL;
    char password[PASSWORD_BYTES_MAX + 1];
    int result = ldap_initialize(&ld, options->url);
    if (result != LDAP_SUCCESS || set_options(ld, options) != LDAP_OPT_SUCCESS) {
        return fail(NULL, result != LDAP_SUCCESS ? result : LDAP_LOCAL_ERROR, "directory.ca_file",
                    "无法按设置连接目录", "the directory cannot be connected to as it is set", err);
    }
    CIM_TRY(read_password(options, password, err));
    if (directory->starts_tls) {
        result = ldap_start_tls_s(ld, NULL, NULL);
        if (result != LDAP_SUCCESS) {
            explicit_bzero(password, sizeof password);
            return fail(ld, result, "directory.url", "目录连接不上或其证书不可信",
                        "the directory does not answer, or its certificate is not trusted", err);
        }
    }
    struct berval credentials = {.bv_len = strlen(password), .bv_val = password};
    result =
        ldap_sasl_bind_s(ld, options->bind_dn, LDAP_SASL_SIMPLE, &credentials, NULL, NULL, NULL);
    explicit_bzero(password, sizeof password);
    if (result == LDAP_INVALID_CREDENTIALS) {
        return fail(ld, result, "directory.bind_dn", "目录不接受绑定账号或口令",
                    "the directory refuses the account or its password", err);
    }
    if (result != LDAP_SUCCESS) {
        return fail(ld, result, "directory.url", "目录连接不上或其证书不可信",
                    "the directory does not answer, or its certificate is not trusted", err);
    }
    *ret_ld = CIM_TAKE(ld);
    return CIM_OK;
}

/* ---- reading ---- */

struct reading {
    LDAP *ld;
    const struct host_directory *directory;
    enum host_directory_what what;
    struct cim_buf texts; /* of the row at hand */
    int64_t row;
    host_table_row_fn take;
    void *arg;
};

static cim_status
take_entries(struct reading *reading, LDAPMessage *page, cim_error *err)
{
    const struct host_directory_map *map = &reading->directory->maps[reading->what];
    const char *cells[HOST_DIRECTORY_COLUMNS_MAX];
    for (LDAPMessage *entry = ldap_first_entry(reading->ld, page); entry != NULL;
         entry = ldap_next_entry(reading->ld, entry)) {
        if (reading->row > HOST_DIRECTORY_ROWS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "directory", NULL, "目录中的条目超过 %d 个",
                            "more than %d entries in the directory", HOST_DIRECTORY_ROWS_MAX);
        }
        CIM_TRY(host_directory_entry(reading->ld, entry, map, &reading->texts, cells, err));
        CIM_TRY(reading->take(reading->arg, ++reading->row, cells, map->n, err));
    }
    return CIM_OK;
}

/* The cookie of the next page, owned by the caller; empty at the end. */
static cim_status
next_cookie(struct reading *reading, LDAPMessage *page, struct berval *ret_cookie, cim_error *err)
{
    LDAPControl **controls = NULL;
    ber_int_t estimate = 0;
    int code = LDAP_SUCCESS;
    int result = ldap_parse_result(reading->ld, page, &code, NULL, NULL, NULL, &controls, 0);
    LDAPControl *control = result == LDAP_SUCCESS
                               ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL)
                               : NULL;
    if (control != NULL) {
        result = ldap_parse_pageresponse_control(reading->ld, control, &estimate, ret_cookie);
    }
    ldap_controls_free(controls);
    return result == LDAP_SUCCESS ? CIM_OK
                                  : fail(reading->ld, result, "directory.url", "目录的应答无法理解",
                                         "the answer of the directory cannot be understood", err);
}

static cim_status
read_page(struct reading *reading, struct berval *cookie, cim_error *err)
{
    static const struct {
        const char *base;
        const char *filter;
    } settings[HOST_DIRECTORY_TABLES] = {{"directory.people_base", "directory.people_filter"},
                                         {"directory.orgs_base", "directory.orgs_filter"}};
    const struct host_directory_options *options = &reading->directory->options;
    const struct host_directory_table *table = &options->tables[reading->what];
    struct timeval limit = {.tv_sec = (time_t)(options->timeout_ms / 1000),
                            .tv_usec = (suseconds_t)(options->timeout_ms % 1000 * 1000)};
    LDAPControl *control = NULL;
    LDAPMessage *page = NULL;
    struct berval next = {0};
    int result = ldap_create_page_control(reading->ld, HOST_DIRECTORY_PAGE, cookie, 'T', &control);
    if (result == LDAP_SUCCESS) {
        result = ldap_search_ext_s(
            reading->ld, table->base, LDAP_SCOPE_SUBTREE, table->filter,
            (char **)(uintptr_t)reading->directory->maps[reading->what].attributes, 0,
            (LDAPControl *[]){control, NULL}, NULL, &limit, LDAP_NO_LIMIT, &page);
        ldap_control_free(control);
    }
    cim_status status = result == LDAP_SUCCESS
                            ? take_entries(reading, page, err)
                            : fail(reading->ld, result,
                                   result == LDAP_FILTER_ERROR ? settings[reading->what].filter
                                                               : settings[reading->what].base,
                                   "目录查询失败", "the directory cannot be searched", err);
    if (status == CIM_OK) {
        status = next_cookie(reading, page, &next, err);
    }
    ldap_msgfree(page);
    ber_memfree(cookie->bv_val);
    *cookie = next;
    return status;
}

cim_status
host_directory_read(struct host_directory *directory, enum host_directory_what what,
                    host_table_row_fn take, void *arg, cim_error *err)
{
    AUTO_LDAP LDAP *ld = NULL;
    struct reading reading = {
        .directory = directory, .what = what, .row = 1, .take = take, .arg = arg};
    struct berval cookie = {0};
    if (directory->options.tables[what].base[0] == '\0') {
        return CIM_OK;
    }
    CIM_TRY(connect_to(directory, &ld, err));
    reading.ld = ld;
    cim_buf_init(&reading.texts, ROW_BYTES_MAX);
    cim_status status = take(arg, 1, directory->maps[what].names, directory->maps[what].n, err);
    do {
        status = status == CIM_OK ? read_page(&reading, &cookie, err) : status;
    } while (status == CIM_OK && cookie.bv_len > 0);
    ber_memfree(cookie.bv_val);
    cim_buf_done(&reading.texts);
    return status;
}
