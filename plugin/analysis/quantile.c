/* plugin/analysis/quantile.c -- see quantile.h. */
#include "analysis/quantile.h"

double
lpg_share_below(const double *row, size_t m, double share)
{
    enum { SAMPLE = 128 };
    double sample[SAMPLE];
    const size_t n = m < SAMPLE ? m : SAMPLE;
    size_t at;
    for (size_t k = 0; k < n; k++) { /* sorted as it is drawn */
        const double value = row[k * m / n];
        size_t i = k;
        while (i > 0 && sample[i - 1] > value) {
            sample[i] = sample[i - 1];
            i--;
        }
        sample[i] = value;
    }
    at = (size_t)((double)n * share);
    return sample[at < n ? at : n - 1];
}
