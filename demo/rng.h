/* demo/rng.h -- a small generator of our own, so that a seed means the same bytes everywhere.
 *
 * Every record has a stream of its own, keyed by seed, layer and index: adding a draw to one record
 * does not move the others.
 */
#ifndef DEMO_RNG_H
#define DEMO_RNG_H

#include <stddef.h>
#include <stdint.h>

struct demo_rng {
    uint64_t state;
};

void demo_rng_init(struct demo_rng *rng, uint64_t seed, uint64_t layer, uint64_t index);
uint64_t demo_rng_next(struct demo_rng *rng);
/* 0 .. n-1; n > 0. */
uint32_t demo_rng_below(struct demo_rng *rng, uint32_t n);
/* low .. high, both included. */
int32_t demo_rng_range(struct demo_rng *rng, int32_t low, int32_t high);
/* [0, 1) */
double demo_rng_unit(struct demo_rng *rng);
/* True in `per_10k` of 10 000 cases. */
int demo_rng_chance(struct demo_rng *rng, uint32_t per_10k);
/* Mean 0, variance 1, never beyond 6. */
double demo_rng_normal(struct demo_rng *rng);
/* Index of a weight; the weights' sum is above 0. */
size_t demo_rng_pick(struct demo_rng *rng, const uint16_t *weights, size_t n_weights);

#endif
