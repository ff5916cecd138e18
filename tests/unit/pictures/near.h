/* tests/unit/pictures/near.h -- doubles that are nearly equal. */
#ifndef TESTS_PICTURES_NEAR_H
#define TESTS_PICTURES_NEAR_H

#include "unit.h"

#include <math.h>

static inline void
near_or_fail(double a, double b, double most, const char *file, int line)
{
    if (!(fabs(a - b) <= most)) {
        print_error("%.12g is not %.12g\n", a, b);
        _fail(file, line);
    }
}
#define assert_near(a, b, most) near_or_fail(a, b, most, __FILE__, __LINE__)

#endif
