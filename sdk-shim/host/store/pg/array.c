/* host/store/pg/array.c -- arrays as they travel to PostgreSQL: binary, of one dimension. */
#include "host/store/pg/pg.h"

enum { ARRAY_HEAD = 20 };

void
host_pg_array_start(struct cim_buf *array)
{
    static const uint8_t nothing[ARRAY_HEAD] = {0};
    cim_buf_clear(array);
    cim_buf_add(array, nothing, sizeof nothing);
}

void
host_pg_array_add(struct cim_buf *array, const void *bytes, size_t len)
{
    uint8_t head[4];
    host_pg_put_int(head, (uint32_t)(bytes != NULL ? (int32_t)len : -1), sizeof head);
    cim_buf_add(array, head, sizeof head);
    if (bytes != NULL) {
        cim_buf_add(array, bytes, len);
    }
}

void
host_pg_array_bind(struct host_pg_bound *bound, int i, struct cim_buf *array, Oid element,
                   int64_t n_elements)
{
    uint8_t *head = (uint8_t *)array->data;
    host_pg_put_int(head, 1, 4);     /* dimensions */
    host_pg_put_int(head + 4, 1, 4); /* may hold absent ones */
    host_pg_put_int(head + 8, element, 4);
    host_pg_put_int(head + 12, (uint64_t)n_elements, 4);
    host_pg_put_int(head + 16, 1, 4); /* the first index */
    bound->values[i] = array->data;
    bound->lengths[i] = (int)array->len;
    bound->formats[i] = 1;
}

void
host_pg_array_bind_only(struct host_pg_bound *bound, int i, const struct cim_buf *array)
{
    const uint8_t *head = (const uint8_t *)array->data + ARRAY_HEAD;
    const bool is_absent = head[0] == 0xFF;
    bound->values[i] = is_absent ? NULL : array->data + ARRAY_HEAD + 4;
    bound->lengths[i] = is_absent ? 0 : (int)(array->len - ARRAY_HEAD - 4);
    bound->formats[i] = 1;
}
