/* plugin/analysis/quantile.h -- quantiles of many values from a few of them. */
#ifndef LPG_ANALYSIS_QUANTILE_H
#define LPG_ANALYSIS_QUANTILE_H

#include <stddef.h>

/* The value below which a share of a row lies, from a sample of it. `m` at least 1. */
double lpg_share_below(const double *row, size_t m, double share);

#endif
