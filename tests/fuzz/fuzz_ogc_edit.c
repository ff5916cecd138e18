/* tests/fuzz/fuzz_ogc_edit.c -- bytes as a document and as a stream of features that come in. What
 * is taken as a geometry must be one, inside the globe; what is not has words. */
#include "fuzz.h"

#include "host/ogc/doc.h"
#include "host/ogc/edit_read.h"
#include "kit/json.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct input {
    const uint8_t *data;
    size_t size;
    size_t at;
    int64_t last_refused;
};

static struct cim_definition *definition; /* lives as long as the process */

static void
check(int good)
{
    if (!good) {
        abort();
    }
}

static void
set_up(void)
{
    static const char text[] =
        "{\"id\":\"t.things\",\"title\":{\"zh\":\"物\",\"en\":\"Things\"},"
        "\"description\":{\"zh\":\"物\",\"en\":\"Things\"},\"table\":\"t_thing\","
        "\"geometry\":\"Polygon\",\"area\":\"area_code\",\"owner\":\"owner_org\","
        "\"label\":\"name\",\"fields\":["
        "{\"name\":\"name\",\"type\":\"text\",\"title\":{\"zh\":\"名\",\"en\":\"Name\"}},"
        "{\"name\":\"n\",\"type\":\"number\",\"title\":{\"zh\":\"数\",\"en\":\"Number\"}},"
        "{\"name\":\"ok\",\"type\":\"boolean\",\"title\":{\"zh\":\"是\",\"en\":\"Yes\"}}]}";
    cim_error err = {0};
    if (cim_definition_parse("things", text, sizeof text - 1, NULL, &definition, &err) != CIM_OK) {
        (void)fprintf(stderr, "%s\n", err.en);
        abort();
    }
}

static cim_status
read_input(void *arg, void *buffer, uint64_t capacity, uint64_t *ret_len, cim_error *err)
{
    struct input *input = arg;
    size_t len = input->size - input->at;
    (void)err;
    len = len < 7 ? len : 7;
    len = len < capacity ? len : (size_t)capacity;
    memcpy(buffer, input->data + input->at, len);
    input->at += len;
    *ret_len = len;
    return CIM_OK;
}

static void
on_refused(void *arg, int64_t row, const cim_error *why)
{
    struct input *input = arg;
    check(row > input->last_refused && why->zh[0] != '\0' && why->en[0] != '\0');
    input->last_refused = row;
}

static void
check_geometry(const cim_column *column, int64_t row)
{
    double box[4];
    size_t len = 0;
    if (!cim_column_present(column, row)) {
        return;
    }
    const uint8_t *wkb = cim_column_bytes(column, row, &len);
    check(cim_wkb_bbox(wkb, len, box, NULL) == CIM_OK);
    check(box[0] >= -180 && box[1] >= -90 && box[2] <= 180 && box[3] <= 90);
}

static void
read_rows(struct host_edit_reader *reader)
{
    cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error err = {0};
    if (host_edit_reader_open(reader, &err) != CIM_OK) {
        check(err.zh[0] != '\0' && err.en[0] != '\0');
        host_edit_reader_done(reader);
        return;
    }
    check(host_edit_reader_rows(reader, &rows, &err) == CIM_OK);
    const int32_t geom = cim_rows_column(rows, "geom");
    cim_status status = rows->next(rows, &batch, &err);
    while (status == CIM_OK && batch->n_rows > 0) {
        for (int64_t i = 0; geom >= 0 && i < batch->n_rows; i++) {
            check_geometry(batch->columns[geom], i);
        }
        status = rows->next(rows, &batch, &err);
    }
    check(status == CIM_OK || (err.zh[0] != '\0' && err.en[0] != '\0'));
    rows->release(rows);
    host_edit_reader_done(reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int32_t ops[] = {CIM_EDIT_CREATE, CIM_EDIT_REPLACE, CIM_EDIT_UPDATE};
    HOST_AUTO_DOC struct json_object *document = NULL;
    struct input input = {.data = data, .size = size};
    if (definition == NULL) {
        set_up();
    }
    struct host_edit_reader stream = {.def = definition,
                                      .op = CIM_EDIT_CREATE,
                                      .row_wise = true,
                                      .read = read_input,
                                      .refused = on_refused,
                                      .arg = &input};
    read_rows(&stream);
    if (cim_json_parse("fuzz", (const char *)data, size, &document, NULL) != CIM_OK ||
        document == NULL) {
        return 0;
    }
    for (size_t i = 0; i < 3; i++) {
        struct host_edit_reader reader = {.def = definition,
                                          .op = ops[i],
                                          .lat_lon = i == 1,
                                          .key_name = "fid",
                                          .key = "1",
                                          .document = document};
        read_rows(&reader);
    }
    return 0;
}
