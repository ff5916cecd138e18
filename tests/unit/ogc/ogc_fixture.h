/* tests/unit/ogc/ogc_fixture.h -- a definition of the repository, read as the host reads it. */
#ifndef TESTS_OGC_FIXTURE_H
#define TESTS_OGC_FIXTURE_H

#include "kit/definition.h"

struct ogc_fixture {
    struct cim_codes *codes;
    struct cim_definition *def;
};

/* `name`: "enterprises" for layers/enterprises.json. Fails the test when it does not parse. */
void ogc_fixture_load(struct ogc_fixture *fixture, const char *name);
void ogc_fixture_done(struct ogc_fixture *fixture);

#endif
