/* host/directory/entry.c -- an entry of a directory as a row of texts. */
#include "host/directory/internal.h"

#include "cim/util.h"

#include <string.h>
#include <strings.h>

/* As text. What is none (objectGUID, control characters) is a backslash and its bytes as
 * hexadecimal, which serves as an id and is no user name. What is too long is cut between
 * characters. */
static void
add_value(struct cim_buf *out, const struct berval *value)
{
    const char *text = value->bv_val;
    size_t n = 0;
    size_t step = 0;
    while (n < value->bv_len && (unsigned char)text[n] >= 0x20 &&
           (step = cim_utf8_length(text + n, value->bv_len - n)) > 0) {
        n += step;
    }
    if (n < value->bv_len) {
        cim_buf_add_char(out, '\\');
        for (size_t i = 0; i < value->bv_len && i < HOST_DIRECTORY_VALUE_MAX / 2; i++) {
            cim_buf_addf(out, "%02x", (unsigned)(unsigned char)text[i]);
        }
        return;
    }
    for (n = 0; n < value->bv_len; n += step) {
        step = cim_utf8_length(text + n, value->bv_len - n);
        if (n + step > HOST_DIRECTORY_VALUE_MAX) {
            break;
        }
    }
    cim_buf_add(out, text, n);
}

static void
add_attribute(LDAP *ld, LDAPMessage *entry, const struct host_directory_column *column,
              struct cim_buf *out)
{
    struct berval **values = ldap_get_values_len(ld, entry, column->from);
    for (size_t i = 0; values != NULL && values[i] != NULL && (i == 0 || column->many); i++) {
        cim_buf_add_text(out, i > 0 ? ";" : "");
        add_value(out, values[i]);
    }
    ldap_value_free_len(values);
}

/* "ou" of uid=a,ou=b,ou=c below ou=c is b; of ou=b,ou=c there is none. */
static void
add_above(const char *name, size_t n_base, const char *type, struct cim_buf *out)
{
    LDAPDN dn = NULL;
    size_t n = 0;
    if (ldap_str2dn(name, &dn, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || dn == NULL) {
        return;
    }
    while (dn[n] != NULL) {
        n++;
    }
    for (size_t i = 1; i + n_base < n; i++) {
        const LDAPAVA *ava = dn[i][0];
        if (ava != NULL && ava->la_attr.bv_len == strlen(type) &&
            strncasecmp(ava->la_attr.bv_val, type, ava->la_attr.bv_len) == 0) {
            add_value(out, &ava->la_value);
            break;
        }
    }
    ldap_dnfree(dn);
}

cim_status
host_directory_entry(LDAP *ld, LDAPMessage *entry, const struct host_directory_map *map,
                     struct cim_buf *texts, const char **cells, cim_error *err)
{
    size_t starts[HOST_DIRECTORY_COLUMNS_MAX];
    char *name = ldap_get_dn(ld, entry);
    if (name == NULL) {
        return cim_fail_nomem(err);
    }
    cim_buf_clear(texts);
    for (size_t i = 0; i < map->n; i++) {
        const struct host_directory_column *column = &map->columns[i];
        starts[i] = texts->len;
        if (column->source == HOST_COLUMN_ATTRIBUTE) {
            add_attribute(ld, entry, column, texts);
        } else if (column->source == HOST_COLUMN_ABOVE) {
            add_above(name, map->n_base, column->from, texts);
        } else {
            const char *text = column->source == HOST_COLUMN_NAME ? name : column->from;
            add_value(texts,
                      &(struct berval){.bv_len = strlen(text), .bv_val = (char *)(uintptr_t)text});
        }
        cim_buf_add(texts, "", 1);
    }
    ldap_memfree(name);
    CIM_TRY(cim_buf_status(texts, err));
    for (size_t i = 0; i < map->n; i++) {
        cells[i] = texts->data + starts[i];
    }
    return CIM_OK;
}
