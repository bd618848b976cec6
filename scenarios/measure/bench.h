/*
 * Measures everything that `perdure bench-engine` shows, in an order in which
 * nothing is measured once at a lucky moment: what is compared takes turns.
 */
#ifndef SCENARIOS_MEASURE_BENCH_H
#define SCENARIOS_MEASURE_BENCH_H

#include <signal.h>

#include "scenarios/measure/found.h"

struct measure_bench {
    const char *dir;                   /* which exists and can be written */
    uint32_t runs;                     /* of each measurement of the engine */
    uint32_t repeats;                  /* up to MEASURE_REPEATS_MAX */
    const struct quantity_rate *rates; /* at most MEASURE_RATES_MAX */
    uint32_t rate_count;
    const volatile sig_atomic_t *interrupted;
    /* Told what comes next; may be NULL. */
    void (*progress)(void *self, const char *what);
    void *self;
};

/*
 * Some tens of seconds. 0; or -1 with a sentence of HOST_ERROR_SIZE. Leaves
 * nothing in the directory either way.
 */
int measure_bench(const struct measure_bench *bench,
                  struct measure_found *found, char *error);

#endif
