/* kit/buf.c -- see buf.h. */
#include "kit/buf.h"

void
cim_buf_init(struct cim_buf *buf, size_t max)
{
    *buf = (struct cim_buf){.max = max};
}
