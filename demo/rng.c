#include "rng.h"

/* The finaliser of splitmix64: a bijection that spreads every input bit over the word. */
static uint64_t
mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void
demo_rng_init(struct demo_rng *rng, uint64_t seed, uint64_t layer, uint64_t index)
{
    rng->state = mix(mix(seed + UINT64_C(0x9e3779b97f4a7c15)) ^ mix(layer << 48 | index));
}

uint64_t
demo_rng_next(struct demo_rng *rng)
{
    rng->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(rng->state);
}

uint32_t
demo_rng_below(struct demo_rng *rng, uint32_t n)
{
    /* Multiply and shift: the bias of n / 2^32 is of no account here. */
    return (uint32_t)(((demo_rng_next(rng) >> 32) * n) >> 32);
}

int32_t
demo_rng_range(struct demo_rng *rng, int32_t low, int32_t high)
{
    return low + (int32_t)demo_rng_below(rng, (uint32_t)(high - low + 1));
}

double
demo_rng_unit(struct demo_rng *rng)
{
    return (double)(demo_rng_next(rng) >> 11) * 0x1.0p-53;
}

int
demo_rng_chance(struct demo_rng *rng, uint32_t per_10k)
{
    return demo_rng_below(rng, 10000) < per_10k;
}

double
demo_rng_normal(struct demo_rng *rng)
{
    /* The sum of twelve uniforms: no logarithm, so no last-bit difference between libms. */
    double sum = -6.0;

    for (int i = 0; i < 12; i++) {
        sum += demo_rng_unit(rng);
    }
    return sum;
}

size_t
demo_rng_pick(struct demo_rng *rng, const uint16_t *weights, size_t n_weights)
{
    uint32_t total = 0;
    uint32_t hit;

    for (size_t i = 0; i < n_weights; i++) {
        total += weights[i];
    }
    hit = demo_rng_below(rng, total);
    for (size_t i = 0; i < n_weights; i++) {
        if (hit < weights[i]) {
            return i;
        }
        hit -= weights[i];
    }
    return n_weights - 1;
}
