/* tests/support/fail_alloc.h -- makes the Nth allocation of the code under test fail.
 *
 * The test is linked with -Wl,--wrap for malloc, calloc and realloc (see cim_wrap_allocators in
 * tests/unit/kit/CMakeLists.txt), so every allocation of statically linked code comes through here.
 */
#ifndef TESTS_FAIL_ALLOC_H
#define TESTS_FAIL_ALLOC_H

/* The nth allocation from now on fails, counted from 1, and those after it succeed again;
 * 0: none fails. */
void fail_alloc_at(long nth);
/* 1 when an allocation has failed since fail_alloc_at(). */
int fail_alloc_happened(void);

#endif
