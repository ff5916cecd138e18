/* tests/fuzz/fuzz_http_head.c -- what a client writes into the head of a request: the target in the
 * first line, header values in the others. */
#include "fuzz.h"

#include "host/http/internal.h"

#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 20000 };

/* What a handler may take for granted about a path that was accepted. */
static void
check_target(const struct host_target *target)
{
    if (target->path[0] != '/' || target->n_segments == 0) {
        abort();
    }
    for (size_t i = 0; i < target->n_segments; i++) {
        const char *segment = target->segments[i];
        if (strcmp(segment, "..") == 0 || strcmp(segment, ".") == 0 ||
            strpbrk(segment, "/\\\n\r") != NULL ||
            (segment[0] == '\0' && i + 1 < target->n_segments)) {
            abort();
        }
    }
}

static void
check_values(const char *value)
{
    const bool valid = host_head_host_valid(value);
    if (valid && strpbrk(value, " /@\\\"<>") != NULL) {
        abort();
    }
    if (host_head_request_id_valid(value) && strpbrk(value, " \"\r\n<") != NULL) {
        abort();
    }
    (void)host_head_name_listed("a.example, b.example:80", value);
    (void)host_head_name_listed(value, "a.example");
    (void)host_head_address_listed("10.0.0.0/8, fd00::/8", value);
    (void)host_head_address_listed(value, "10.1.2.3");
    (void)host_encoding_accepts_gzip(value);
    (void)host_encoding_compressible(value);
    (void)host_etag_matches(value, "\"abc\"");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host_arena arena = {0};
    struct host_target target = {0};
    cim_error err = {0};
    char *text = malloc(size + 1);
    if (text == NULL || size > INPUT_MAX) {
        free(text);
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    char *rest = text;
    const char *first = strsep(&rest, "\n");
    if (host_target_parse(first, &arena, &target, &err) == CIM_OK) {
        check_target(&target);
    } else if (err.en[0] == '\0' || err.zh[0] == '\0') {
        abort();
    }
    while (rest != NULL) {
        check_values(strsep(&rest, "\n"));
    }
    host_arena_done(&arena);
    free(text);
    return 0;
}
