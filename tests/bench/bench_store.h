/*
 * The bare SQLite transactions against which the engine is measured: the
 * statements of the store, run directly, on a file system that does nothing.
 */
#ifndef BENCH_STORE_H
#define BENCH_STORE_H

#include <stdint.h>

/* CPU microseconds a request, with so many requests in a transaction. */
double bench_store_bare(uint32_t page_size, uint32_t group);

#endif
