/* host/pictures/path.c -- see path.h. */
#include "host/pictures/path.h"

#include "host/ogc/params.h"

#include <string.h>

static const char *
skip(const char *at)
{
    return at + strspn(at, " ,\t\n");
}

static bool
numbers(const char **at, double *xy, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *from = skip(*at);
        const size_t len = strspn(from, "+-.0123456789eE");
        if (len == 0 || !host_parse_number(from, len, &xy[i])) {
            return false;
        }
        *at = from + len;
    }
    return true;
}

bool
host_pic_path_parse(const char *text, struct host_pic_path_op *ops, size_t max, size_t *ret_n)
{
    size_t n = 0;
    for (const char *at = skip(text); *at != '\0'; at = skip(at)) {
        const char command = *at++;
        const size_t wants = command == 'M' || command == 'L' ? 2 : command == 'C' ? 6 : 0;
        if ((wants == 0 && command != 'Z') || n == max || (n == 0 && command != 'M')) {
            return false;
        }
        ops[n] = (struct host_pic_path_op){.command = command};
        if (!numbers(&at, ops[n].xy, wants)) {
            return false;
        }
        n++;
    }
    *ret_n = n;
    return n > 0;
}
