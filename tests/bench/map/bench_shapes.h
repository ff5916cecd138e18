/* tests/bench/map/bench_shapes.h -- tiles of 20 000 polygons and of 50 000 lines. */
#ifndef BENCH_SHAPES_H
#define BENCH_SHAPES_H

void bench_shapes(void);

#endif
