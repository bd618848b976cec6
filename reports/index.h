/*
 * Finds places in an array by three numbers: a hash table that is only asked,
 * never walked, so that its order cannot show. The array is the caller's and
 * grows at its end; nothing is ever taken out.
 */
#ifndef REPORTS_INDEX_H
#define REPORTS_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct report_key {
    uint64_t parts[3];
};

struct report_index {
    struct report_key *keys; /* by place */
    uint32_t *slots;         /* open addressing: place + 1 */
    uint32_t count;
    uint32_t capacity; /* of keys; twice as many slots */
};

#define REPORT_INDEX_NONE UINT32_MAX

void report_index_init(struct report_index *index);
void report_index_deinit(struct report_index *index);
/* The place of a key, or REPORT_INDEX_NONE. */
uint32_t report_index_find(const struct report_index *index,
                           const struct report_key *key);
/*
 * Gives the next place to a key that is not there yet. *list, the caller's
 * array of items of this size, gets room for it, zeroed. Returns the place, or
 * REPORT_INDEX_NONE when out of memory; then nothing has changed.
 */
uint32_t report_index_add(struct report_index *index,
                          const struct report_key *key, void **list,
                          size_t size);

#endif
