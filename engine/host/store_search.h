/*
 * Which blobs do bytes refer to? A set of digests that any bytes can be
 * searched for, at every offset: what merely looks like a digest keeps a blob
 * alive, what is one is never overlooked, in whatever form a value has it.
 */
#ifndef ENGINE_HOST_STORE_SEARCH_H
#define ENGINE_HOST_STORE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

struct store_search;
struct store_sqlite;

/* The digests of blobs put no later than that. NULL on an error. */
struct store_search *store_search_new(struct store_sqlite *store,
                                      uint64_t before_ns);
void store_search_free(struct store_search *search);
size_t store_search_count(const struct store_search *search);

/* Marks those that stand in the bytes. */
void store_search_bytes(struct store_search *search, const void *bytes,
                        size_t size);
/* Forgets all marks. */
void store_search_clear(struct store_search *search);

typedef int store_visit_digest(void *self, const uint8_t digest[32]);
/*
 * Visits those that were marked (referred 1) or were not (0), in the order of
 * their digests. Stops when visit returns non-zero and returns that.
 */
int store_search_visit(const struct store_search *search, int referred,
                       store_visit_digest *visit, void *visitor);

#endif
