/* tests/fuzz/fuzz_kit_time.c -- times and dates: what is read prints to a text that reads the same.
 */
#include "fuzz.h"

#include "kit/time.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[CIM_TIME_TEXT_MAX];
    int64_t ms = 0;
    int64_t again = 0;
    int32_t days = 0;
    int32_t same = 0;
    if (cim_time_parse((const char *)data, size, &ms) == CIM_OK) {
        cim_time_format(ms, text);
        if (cim_time_parse(text, SIZE_MAX, &again) != CIM_OK || again != ms) {
            abort();
        }
        cim_time_format_local(ms, text);
        (void)cim_time_local_day(ms);
    }
    if (cim_date_parse((const char *)data, size, &days) == CIM_OK) {
        cim_date_format(days, text);
        if (size != 10 || cim_date_parse(text, SIZE_MAX, &same) != CIM_OK || same != days) {
            abort();
        }
    }
    return 0;
}
