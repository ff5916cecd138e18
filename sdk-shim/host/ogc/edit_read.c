/* host/ogc/edit_read.c -- see edit_read.h. */
#include "host/ogc/edit_feature.h"

#include "cim/util.h"
#include "host/ogc/doc.h"
#include "host/ogc/limits.h"
#include "kit/json.h"
#include "kit/rows.h"

#include <stdlib.h>

enum { PIECE_BYTES = 64 << 10, RECORD_SEPARATOR = 0x1E };

/* ---- columns ---- */

static struct host_edit_column *
add_column(struct host_edit_reader *reader, const char *name)
{
    struct host_edit_column *column = &reader->columns[reader->n_columns++];
    *column =
        (struct host_edit_column){.name = name, .field = cim_definition_field(reader->def, name)};
    return column;
}

/* A change sets what its document has; a create takes whatever any of its features may have. */
static bool
is_given(const struct host_edit_reader *reader, const char *name)
{
    struct json_object *value = NULL;
    return reader->op == CIM_EDIT_CREATE ||
           (reader->op != CIM_EDIT_DELETE && host_edit_feature_has(reader->document, name, &value));
}

static cim_status
expect_version(struct host_edit_reader *reader, cim_error *err)
{
    struct json_object *value = NULL;
    if (reader->version == 0 && reader->op != CIM_EDIT_DELETE &&
        host_edit_feature_has(reader->document, "version", &value) && value != NULL) {
        if (json_object_get_type(value) != json_type_int || json_object_get_int64(value) < 1) {
            return cim_fail(err, CIM_E_INVALID, "version", json_object_get_string(value),
                            "应为正整数", "expected a positive integer");
        }
        reader->version = json_object_get_int64(value);
    }
    if (reader->version > 0) {
        (void)snprintf(reader->version_text, sizeof reader->version_text, "%lld",
                       (long long)reader->version);
        add_column(reader, "version")->constant = reader->version_text;
    }
    return CIM_OK;
}

static cim_status
choose_columns(struct host_edit_reader *reader, cim_error *err)
{
    const struct cim_definition *def = reader->def;
    if (reader->op == CIM_EDIT_CREATE) {
        (void)add_column(reader, "uid");
    } else {
        add_column(reader, reader->key_name)->constant = reader->key;
        CIM_TRY(expect_version(reader, err));
    }
    const uint32_t n_fixed = reader->n_columns;
    if (is_given(reader, "owner_org")) {
        (void)add_column(reader, "owner_org");
    }
    if (is_given(reader, "area_code")) {
        (void)add_column(reader, "area_code");
    }
    if (def->geometry != CIM_GEOMETRY_NONE && is_given(reader, "geom")) {
        (void)add_column(reader, "geom");
    }
    for (size_t i = 0; i < def->n_fields; i++) {
        if (is_given(reader, def->fields[i].name)) {
            (void)add_column(reader, def->fields[i].name);
        }
    }
    if (reader->op == CIM_EDIT_UPDATE && reader->n_columns == n_fixed) {
        return cim_fail(err, CIM_E_INVALID, "body", NULL, "没有要修改的内容",
                        "there is nothing to change");
    }
    return CIM_OK;
}

/* The features of a collection; NULL: the document is one feature. */
static struct json_object *
features_of(struct json_object *document)
{
    struct json_object *features = NULL;
    return json_object_get_type(document) == json_type_object &&
                   strcmp(host_doc_get(document, "type"), "FeatureCollection") == 0 &&
                   json_object_object_get_ex(document, "features", &features)
               ? features
               : NULL;
}

static cim_status
check_document(const struct host_edit_reader *reader, cim_error *err)
{
    struct json_object *document = reader->document;
    if (reader->op != CIM_EDIT_CREATE) {
        return reader->op == CIM_EDIT_DELETE
                   ? CIM_OK
                   : host_edit_feature_check(reader->def, document, reader->op == CIM_EDIT_UPDATE,
                                             err);
    }
    if (document == NULL) {
        return CIM_OK;
    }
    const char *type =
        json_object_get_type(document) == json_type_object ? host_doc_get(document, "type") : "";
    if (strcmp(type, "Feature") != 0 && strcmp(type, "FeatureCollection") != 0) {
        return cim_fail(err, CIM_E_INVALID, "type", type, "应为 Feature 或 FeatureCollection",
                        "expected a Feature or a FeatureCollection");
    }
    if (strcmp(type, "FeatureCollection") == 0 &&
        json_object_get_type(features_of(document)) != json_type_array) {
        return cim_fail(err, CIM_E_INVALID, "features", NULL, "应为 Feature 的数组",
                        "expected an array of features");
    }
    return CIM_OK;
}

cim_status
host_edit_reader_open(struct host_edit_reader *reader, cim_error *err)
{
    cim_buf_init(&reader->geometry, HOST_EDIT_RECORD_BYTES_MAX);
    cim_buf_init(&reader->record, HOST_EDIT_RECORD_BYTES_MAX);
    CIM_TRY(check_document(reader, err));
    return choose_columns(reader, err);
}

void
host_edit_reader_rewind(struct host_edit_reader *reader)
{
    reader->n_read = 0;
    reader->n_delivered = 0;
    reader->n_skipped = 0;
    reader->ended = false;
}

void
host_edit_reader_done(struct host_edit_reader *reader)
{
    cim_buf_done(&reader->geometry);
    cim_buf_done(&reader->record);
    free(reader->skipped);
    free(reader->piece);
}

/* ---- a stream ---- */

static cim_status
next_piece(struct host_edit_reader *reader, cim_error *err)
{
    uint64_t len = 0;
    if (reader->piece == NULL) {
        reader->piece = malloc(PIECE_BYTES);
        if (reader->piece == NULL) {
            return cim_fail_nomem(err);
        }
    }
    CIM_TRY(reader->read(reader->arg, reader->piece, PIECE_BYTES, &len, err));
    if (len > 0 && reader->separator == 0) {
        reader->separator = reader->piece[0] == RECORD_SEPARATOR ? RECORD_SEPARATOR : '\n';
    }
    reader->piece_len = (size_t)len;
    reader->piece_at = 0;
    return CIM_OK;
}

static bool
is_blank(const struct cim_buf *record)
{
    for (size_t i = 0; i < record->len; i++) {
        if (strchr(" \t\r\n", record->data[i]) == NULL || record->data[i] == '\0') {
            return false;
        }
    }
    return true;
}

/* The text of the next feature into reader->record; nothing: the end. */
static cim_status
next_record(struct host_edit_reader *reader, cim_error *err)
{
    for (cim_buf_clear(&reader->record);;) {
        if (reader->piece_at == reader->piece_len) {
            CIM_TRY(next_piece(reader, err));
        }
        const char *from = reader->piece + reader->piece_at;
        const size_t left = reader->piece_len - reader->piece_at;
        const char *end = left > 0 ? memchr(from, reader->separator, left) : NULL;
        const size_t taken = end != NULL ? (size_t)(end - from) : left;
        cim_buf_add(&reader->record, from, taken);
        if (cim_buf_status(&reader->record, NULL) != CIM_OK) {
            return cim_fail(err, CIM_E_TOO_LARGE, "body", NULL, "第 %lld 个要素超过 %d 字节",
                            "feature %lld is larger than %d bytes", (long long)reader->n_read + 1,
                            (int)HOST_EDIT_RECORD_BYTES_MAX);
        }
        reader->piece_at += taken + (end != NULL ? 1 : 0);
        if (left == 0 || (end != NULL && !is_blank(&reader->record))) {
            break;
        }
        if (end != NULL) {
            cim_buf_clear(&reader->record);
        }
    }
    if (is_blank(&reader->record)) {
        cim_buf_clear(&reader->record);
    }
    return CIM_OK;
}

/* ---- rows ---- */

static cim_status
note_skipped(struct host_edit_reader *reader, const cim_error *why, cim_error *err)
{
    if (reader->skipped == NULL) {
        reader->skipped = malloc(HOST_EDIT_SKIPPED_MAX * sizeof *reader->skipped);
        if (reader->skipped == NULL) {
            return cim_fail_nomem(err);
        }
    }
    if (reader->n_skipped == HOST_EDIT_SKIPPED_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "body", NULL, "有误的要素超过 %d 个，写入停止",
                        "more than %d features are wrong, the edit stops",
                        (int)HOST_EDIT_SKIPPED_MAX);
    }
    if (reader->n_skipped == 0) {
        reader->first = *why;
    }
    reader->skipped[reader->n_skipped++] = reader->n_delivered;
    if (reader->refused != NULL) {
        reader->refused(reader->arg, reader->n_read, why);
    }
    return CIM_OK;
}

int64_t
host_edit_reader_row_of(const struct host_edit_reader *reader, int64_t delivered)
{
    return cim_row_with_skipped(reader->skipped, reader->n_skipped, delivered);
}

static cim_status
append(struct host_edit_reader *reader, struct json_object *feature,
       struct cim_batch_builder *builder, cim_error *err)
{
    if (reader->op == CIM_EDIT_CREATE) {
        CIM_TRY(host_edit_feature_check(reader->def, feature, false, err));
    }
    return host_edit_feature_append(reader, feature, builder, err);
}

/* One feature, which may be refused; `why` holds the reason if it did not parse. */
static cim_status
take(struct host_edit_reader *reader, cim_status status, struct json_object *feature,
     struct cim_batch_builder *builder, cim_error *why, cim_error *err)
{
    reader->n_read++;
    if (status == CIM_OK) {
        status = append(reader, feature, builder, why);
        if (status == CIM_OK) {
            CIM_TRY(cim_batch_builder_end_row(builder, err));
            reader->n_delivered++;
            return CIM_OK;
        }
        cim_batch_builder_drop_row(builder);
    }
    if (status != CIM_E_INVALID && status != CIM_E_TOO_LARGE) {
        if (err != NULL) {
            *err = *why;
        }
        return status;
    }
    return note_skipped(reader, why, err);
}

static cim_status
take_next(struct host_edit_reader *reader, struct cim_batch_builder *builder, cim_error *err)
{
    cim_error why = {.code = 0};
    if (reader->document == NULL && reader->op == CIM_EDIT_CREATE) {
        HOST_AUTO_DOC struct json_object *feature = NULL;
        CIM_TRY(next_record(reader, err));
        if (reader->record.len == 0) {
            reader->ended = true;
            return CIM_OK;
        }
        const cim_status status =
            cim_json_parse("body", reader->record.data, reader->record.len, &feature, &why);
        return take(reader, status, feature, builder, &why, err);
    }
    struct json_object *features = features_of(reader->document);
    const size_t n = features != NULL ? json_object_array_length(features) : 1;
    if ((size_t)reader->n_read >= n) {
        reader->ended = true;
        return CIM_OK;
    }
    return take(reader, CIM_OK,
                features != NULL ? json_object_array_get_idx(features, (size_t)reader->n_read)
                                 : reader->document,
                builder, &why, err);
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct host_edit_reader *reader = self;
    while (!reader->ended && cim_batch_builder_rows(builder) < HOST_EDIT_BATCH_ROWS &&
           cim_batch_builder_bytes(builder) < HOST_EDIT_BATCH_BYTES) {
        CIM_TRY(take_next(reader, builder, err));
    }
    if (reader->ended && reader->n_skipped > 0 && !reader->row_wise) {
        if (err != NULL) {
            *err = reader->first;
        }
        return reader->first.code;
    }
    return CIM_OK;
}

static void
release(void *self)
{
    (void)self; /* the reader is its opener's */
}

cim_status
host_edit_reader_rows(struct host_edit_reader *reader, cim_rows **ret_rows, cim_error *err)
{
    const char *names[HOST_EDIT_COLUMNS_MAX];
    uint32_t types[HOST_EDIT_COLUMNS_MAX];
    for (uint32_t i = 0; i < reader->n_columns; i++) {
        names[i] = reader->columns[i].name;
        types[i] = strcmp(names[i], "geom") == 0 ? CIM_COL_WKB : CIM_COL_TEXT;
    }
    return cim_rows_new(reader->n_columns, names, types, fill, release, reader, ret_rows, err);
}
