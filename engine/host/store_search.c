#include "engine/host/store_search.h"

#include <stdlib.h>
#include <string.h>

#include "engine/host/store_private.h"

enum {
    DIGEST = 32,
    PAIRS = 65536 /* values of two bytes */
};

struct candidate {
    uint8_t digest[DIGEST];
    int referred;
};

/* Candidates are found by their first eight bytes. */
struct store_search {
    struct candidate *candidates;
    size_t count;
    size_t capacity;
    uint32_t *slots; /* index + 1; 0: empty */
    size_t mask;
    uint8_t first[PAIRS / 8]; /* which first two bytes any of them has */
};

static size_t slot_of(const struct store_search *search, const uint8_t *digest)
{
    uint64_t head;

    memcpy(&head, digest, sizeof(head));
    return (size_t)(head * UINT64_C(0x9e3779b97f4a7c15) >> 20) & search->mask;
}

static unsigned pair_of(const uint8_t *bytes)
{
    return (unsigned)bytes[0] | (unsigned)bytes[1] << 8;
}

static int add(struct store_search *search, const uint8_t *digest)
{
    unsigned pair = pair_of(digest);

    if (search->count == search->capacity) {
        size_t capacity = search->capacity ? 2 * search->capacity : 64;
        void *larger =
            realloc(search->candidates, capacity * sizeof(struct candidate));

        if (!larger)
            return -1;
        search->candidates = larger;
        search->capacity = capacity;
    }
    memcpy(search->candidates[search->count].digest, digest, DIGEST);
    search->candidates[search->count++].referred = 0;
    search->first[pair / 8] |= (uint8_t)(1u << pair % 8);
    return 0;
}

static int fill_slots(struct store_search *search)
{
    search->mask = 63;
    while (search->mask < 2 * search->count)
        search->mask = 2 * search->mask + 1;
    search->slots = calloc(search->mask + 1, sizeof(*search->slots));
    if (!search->slots)
        return -1;
    for (size_t i = 0; i < search->count; i++) {
        size_t at = slot_of(search, search->candidates[i].digest);

        while (search->slots[at])
            at = (at + 1) & search->mask;
        search->slots[at] = (uint32_t)i + 1;
    }
    return 0;
}

static int read_digests(struct store_sqlite *store, struct store_search *search,
                        uint64_t before_ns)
{
    sqlite3_stmt *list = NULL;
    int result;

    store_sqlite_let_go(store);
    if (sqlite3_prepare_v2(store->db,
                           "SELECT digest FROM blob WHERE created <= ?1 "
                           "ORDER BY digest",
                           -1, &list, NULL))
        return -1;
    sqlite3_bind_int64(list, 1, (sqlite3_int64)before_ns);
    while ((result = sqlite3_step(list)) == SQLITE_ROW) {
        if (sqlite3_column_bytes(list, 0) == DIGEST &&
            add(search, sqlite3_column_blob(list, 0)))
            break;
    }
    sqlite3_finalize(list);
    return result == SQLITE_DONE ? fill_slots(search) : -1;
}

struct store_search *store_search_new(struct store_sqlite *store,
                                      uint64_t before_ns)
{
    struct store_search *search = calloc(1, sizeof(*search));

    if (search && read_digests(store, search, before_ns)) {
        store_search_free(search);
        return NULL;
    }
    return search;
}

void store_search_free(struct store_search *search)
{
    if (!search)
        return;
    free(search->candidates);
    free(search->slots);
    free(search);
}

size_t store_search_count(const struct store_search *search)
{
    return search->count;
}

/* Marks those that these bytes are. */
static void look_up(struct store_search *search, const uint8_t *bytes)
{
    size_t at = slot_of(search, bytes);

    for (; search->slots[at]; at = (at + 1) & search->mask) {
        struct candidate *candidate =
            &search->candidates[search->slots[at] - 1];

        if (!memcmp(candidate->digest, bytes, DIGEST))
            candidate->referred = 1;
    }
}

void store_search_bytes(struct store_search *search, const void *bytes,
                        size_t size)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i + DIGEST <= size; i++) {
        unsigned pair = pair_of(at + i);

        if (search->first[pair / 8] & 1u << pair % 8)
            look_up(search, at + i);
    }
}

void store_search_clear(struct store_search *search)
{
    for (size_t i = 0; i < search->count; i++)
        search->candidates[i].referred = 0;
}

int store_search_visit(const struct store_search *search, int referred,
                       store_visit_digest *visit, void *visitor)
{
    int result = 0;

    for (size_t i = 0; i < search->count && !result; i++) {
        if (search->candidates[i].referred == referred)
            result = visit(visitor, search->candidates[i].digest);
    }
    return result;
}
