/*
 * Attempts under way, by run, operation and attempt: a hash table that is
 * only ever asked, never walked, so that its order cannot show. Grows by
 * doubling; entries leave when their attempt is over.
 */
#ifndef REPORTS_ATTEMPTS_H
#define REPORTS_ATTEMPTS_H

#include <stddef.h>
#include <stdint.h>

struct report_attempt {
    uint64_t run; /* 0: free */
    uint32_t op;
    uint32_t attempt;
    uint64_t put_ns;
    uint64_t claimed_ns; /* 0: not yet, as below */
    uint64_t begun_ns;
};

struct report_attempts {
    struct report_attempt *slots;
    size_t size; /* a power of two, or 0 */
    size_t count;
};

void report_attempts_init(struct report_attempts *table);
void report_attempts_deinit(struct report_attempts *table);
/* The entry, or NULL. Valid until the next add or drop. */
struct report_attempt *report_attempts_find(const struct report_attempts *table,
                                            uint64_t run, uint32_t op,
                                            uint32_t attempt);
/* The entry, made if it is missing; NULL: out of memory. run is not 0. */
struct report_attempt *report_attempts_add(struct report_attempts *table,
                                           uint64_t run, uint32_t op,
                                           uint32_t attempt);
/* Removes an entry that find() or add() has just returned. */
void report_attempts_drop(struct report_attempts *table,
                          struct report_attempt *entry);

#endif
