#include "scenarios/gate_pairs.h"

#include <stdlib.h>
#include <string.h>

static bool is_alike(const struct report_gate_report *a,
                     const struct report_gate_report *b)
{
    return strcmp(a->scenario, b->scenario) == 0 &&
           strcmp(a->seed, b->seed) == 0;
}

static int compare(const struct report_gate_report *a,
                   const struct report_gate_report *b)
{
    int order = strcmp(a->scenario, b->scenario);
    if (order)
        return order;
    size_t one = strlen(a->seed), other = strlen(b->seed);
    return one != other ? (one > other) - (one < other)
                        : strcmp(a->seed, b->seed);
}

/* How many from here on are runs of the same. */
static size_t same(const struct gate_set *set, size_t from)
{
    size_t to = from;
    while (to < set->count &&
           is_alike(&set->entries[from].report, &set->entries[to].report))
        to++;
    return to - from;
}

static void match(const struct gate_set *base, const struct gate_set *now,
                  struct gate_pairs *pairs)
{
    size_t b = 0, n = 0;
    while (b < base->count || n < now->count) {
        struct gate_pair *pair = &pairs->pairs[pairs->count++];
        int order = b == base->count  ? 1
                    : n == now->count ? -1
                                      : compare(&base->entries[b].report,
                                                &now->entries[n].report);
        *pair = (struct gate_pair){0};
        if (order <= 0) {
            pair->base = &base->entries[b];
            pair->base_count = same(base, b);
        }
        if (order >= 0) {
            pair->now = &now->entries[n];
            pair->now_count = same(now, n);
        }
        b += pair->base_count;
        n += pair->now_count;
    }
}

/* The same files or the same records, and the same seed. */
static bool is_renamed(const struct gate_pair *base,
                       const struct gate_pair *now)
{
    const struct report_gate_report *a = &base->base->report;
    const struct report_gate_report *b = &now->now->report;
    return strcmp(a->scenario, b->scenario) != 0 &&
           strcmp(a->seed, b->seed) == 0 &&
           (strcmp(a->source, b->source) == 0 ||
            strcmp(a->digest, b->digest) == 0);
}

/* Puts what is missing to what is new, if they are one under two names. */
static void match_renamed(struct gate_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        struct gate_pair *now = &pairs->pairs[i];
        for (size_t j = 0; j < pairs->count; j++) {
            struct gate_pair *base = &pairs->pairs[j];
            if (now->base_count || !now->now_count)
                break;
            if (base->now_count || !base->base_count || !is_renamed(base, now))
                continue;
            now->base = base->base;
            now->base_count = base->base_count;
            now->renamed = true;
            base->base_count = 0;
        }
    }
}

static void drop_empty(struct gate_pairs *pairs)
{
    size_t kept = 0;
    for (size_t i = 0; i < pairs->count; i++)
        if (pairs->pairs[i].base_count || pairs->pairs[i].now_count)
            pairs->pairs[kept++] = pairs->pairs[i];
    pairs->count = kept;
}

/* Two files are held against each other whatever their seeds. */
static bool force(struct gate_pairs *pairs, const struct gate_set *base,
                  const struct gate_set *now, bool any)
{
    struct gate_pair pair = {.base = base->entries,
                             .base_count = 1,
                             .now = now->entries,
                             .now_count = 1};
    if (base->directory || now->directory || !base->count || !now->count)
        return false;
    pair.renamed = strcmp(base->entries[0].report.scenario,
                          now->entries[0].report.scenario) != 0;
    if (pair.renamed && !any && !is_renamed(&pair, &pair))
        return false;
    pairs->pairs[0] = pair;
    pairs->count = 1;
    return true;
}

bool gate_pairs_make(const struct gate_set *base, const struct gate_set *now,
                     bool any, struct gate_pairs *pairs)
{
    *pairs = (struct gate_pairs){0};
    pairs->pairs = calloc(base->count + now->count + 1, sizeof(*pairs->pairs));
    if (!pairs->pairs)
        return false;
    if (!force(pairs, base, now, any)) {
        match(base, now, pairs);
        match_renamed(pairs);
        drop_empty(pairs);
    }
    for (size_t i = 0; i < pairs->count; i++)
        pairs->matched +=
            pairs->pairs[i].base_count > 0 && pairs->pairs[i].now_count > 0;
    return true;
}

void gate_pairs_free(struct gate_pairs *pairs)
{
    free(pairs->pairs);
    *pairs = (struct gate_pairs){0};
}

const struct report_gate_report *gate_pair_report(const struct gate_pair *pair)
{
    return pair->now_count ? &pair->now->report : &pair->base->report;
}
