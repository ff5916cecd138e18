/* tests/unit/ogc/ogc_fixture.c -- see ogc_fixture.h. */
#include "unit.h"

#include "ogc_fixture.h"

#include <stdlib.h>

static char *
read_all(const char *name, size_t *ret_len)
{
    char path[1024];
    FILE *file = NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    (void)snprintf(path, sizeof path, "%s/%s.json", LAYERS_DIR, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    *ret_len = fread(text, 1, (1 << 20) - 1, file);
    (void)fclose(file);
    return text;
}

void
ogc_fixture_load(struct ogc_fixture *fixture, const char *name)
{
    cim_error err;
    size_t len = 0;
    char *text = read_all("codes", &len);
    assert_ok(cim_codes_parse("codes.json", text, len, &fixture->codes, &err), &err);
    free(text);
    text = read_all(name, &len);
    assert_ok(cim_definition_parse(name, text, len, fixture->codes, &fixture->def, &err), &err);
    free(text);
}

void
ogc_fixture_done(struct ogc_fixture *fixture)
{
    cim_definition_free(fixture->def);
    cim_codes_free(fixture->codes);
}
