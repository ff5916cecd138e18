/* plugin/map/rates.c -- see rates.h: counts. */
#include "map/rates.h"

#include "map/points_cell.h"

static uint64_t
codes_of(const struct lpg_dictionary *dictionary, char *const *values, size_t n)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t code = lpg_dictionary_find(dictionary, values[i]);
        bits |= code > 0 ? UINT64_C(1) << (code - 1) : 0;
    }
    return bits;
}

void
lpg_rates_resolve(const struct lpg_features *features,
                  struct lpg_rate_codes ret_codes[CIM_RATES_MAX])
{
    for (uint32_t r = 0; r < features->n_rates; r++) {
        const struct cim_rate *rate = features->rates[r].rate;
        const struct lpg_dictionary *dictionary =
            &features->attributes[features->rates[r].attribute].dictionary;
        ret_codes[r] = (struct lpg_rate_codes){
            .numerator = codes_of(dictionary, rate->numerator, rate->n_numerator),
            .denominator = codes_of(dictionary, rate->denominator, rate->n_denominator)};
    }
}

uint32_t
lpg_rates_shown(const struct lpg_features *features, const struct lpg_view *view)
{
    uint32_t shown = 0;
    for (uint32_t r = 0; r < features->n_rates; r++) {
        shown |= (view->attributes >> features->rates[r].attribute & 1U) << r;
    }
    return shown;
}

void
lpg_rate_tag(const struct lpg_rate *rate, const struct lpg_rate_count *count, struct lpg_mvt *mvt)
{
    if (count->of > 0) {
        lpg_mvt_tag(mvt, lpg_mvt_key(mvt, rate->keys[0]),
                    lpg_mvt_value_int(mvt, (int64_t)count->n));
        lpg_mvt_tag(mvt, lpg_mvt_key(mvt, rate->keys[1]),
                    lpg_mvt_value_int(mvt, (int64_t)count->of));
        lpg_mvt_tag(mvt, lpg_mvt_key(mvt, rate->keys[2]),
                    lpg_mvt_value_double(mvt, (double)(count->n * 1000 / count->of) / 10.0));
    }
}

static const struct lpg_counted *
counted_of(const struct lpg_points *points, uint32_t attribute)
{
    for (uint32_t k = 0; k < points->n_counted; k++) {
        if (points->counted[k].attribute == attribute) {
            return &points->counted[k];
        }
    }
    return NULL; /* not reached: a rate's field is counted */
}

static uint64_t
count_values(const struct lpg_counted *counted, uint64_t codes, uint32_t begin, uint32_t end)
{
    uint64_t n = 0;
    for (; codes != 0; codes &= codes - 1) {
        const uint32_t code = (uint32_t)__builtin_ctzll(codes) + 1;
        if (code < counted->n_values) {
            n += lpg_counted_rank(counted, code, end) - lpg_counted_rank(counted, code, begin);
        }
    }
    return n;
}

void
lpg_rates_add_range(const struct lpg_points *points, const struct lpg_features *features,
                    const struct lpg_rate_codes *codes, uint32_t begin, uint32_t end, uint64_t sign,
                    struct lpg_rate_count counts[CIM_RATES_MAX])
{
    for (uint32_t r = 0; r < features->n_rates; r++) {
        const struct lpg_counted *counted = counted_of(points, features->rates[r].attribute);
        if (counted != NULL && end > begin) {
            counts[r].n += sign * count_values(counted, codes[r].numerator, begin, end);
            counts[r].of += sign * count_values(counted, codes[r].denominator, begin, end);
        }
    }
}

void
lpg_rates_of_area(const struct lpg_stack *stack, const struct lpg_view *view, bool all_visible,
                  int32_t ordinal, int32_t ordinal_end,
                  struct lpg_rate_count ret_counts[CIM_RATES_MAX])
{
    const struct {
        const struct lpg_points *points;
        uint64_t sign;
    } parts[] = {{stack->points, 1}, {stack->removed, UINT64_MAX}, {stack->added, 1}};
    struct lpg_rate_codes codes[CIM_RATES_MAX];
    lpg_rates_resolve(stack->newer, codes);
    for (uint32_t r = 0; r < CIM_RATES_MAX; r++) {
        ret_counts[r] = (struct lpg_rate_count){0};
    }
    for (size_t k = 0; k < 3; k++) {
        const struct lpg_points *points = parts[k].points;
        for (uint32_t p = 0; points != NULL && p < points->n_partitions; p++) {
            const struct lpg_partition *partition = &points->partitions[p];
            const int32_t at = view->area_ordinal[partition->area];
            if (at >= ordinal && at < ordinal_end &&
                lpg_partition_visible(partition, view, all_visible)) {
                lpg_rates_add_range(points, stack->newer, codes, partition->begin, partition->end,
                                    parts[k].sign, ret_counts);
            }
        }
    }
}
