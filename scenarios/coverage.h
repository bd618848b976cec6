/*
 * Coverage: which situations a world has been in, as a set of numbers folded
 * from its records. Worlds that meet new situations are worth more than worlds
 * that repeat old ones, and what no world ever met was not tested.
 *
 *     ARMED      point              a rule could strike there
 *     FIRED      point, action      one did
 *     EVENT      state, event, point, action
 *                                   a run in this state had this event, the
 *                                   first after that fault (0: none since its
 *                                   last event)
 *     RECOVERY   point, action, path
 *                                   after that fault at a boundary, the run
 *                                   was got going again in this way
 */
#ifndef SCENARIOS_COVERAGE_H
#define SCENARIOS_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/record.h"
#include "faults/plan.h"

enum coverage_kind {
    COVERAGE_ARMED = 1,
    COVERAGE_FIRED,
    COVERAGE_EVENT,
    COVERAGE_RECOVERY,
    COVERAGE_KINDS
};

/* A set of tuples; zeros is the empty set. */
struct coverage_set {
    uint32_t *slots; /* open addressing; 0: free */
    uint32_t room;
    uint32_t count;
};

/* 1: it is new, 0: it was there, -1: out of memory. */
int coverage_set_add(struct coverage_set *set, uint32_t tuple);
bool coverage_set_has(const struct coverage_set *set, uint32_t tuple);
void coverage_set_deinit(struct coverage_set *set);
/* Copies up to room of them in rising order; returns how many there are. */
size_t coverage_set_list(const struct coverage_set *set, uint32_t *tuples,
                         size_t room);

/* What a tuple is made of. */
uint32_t coverage_tuple(enum coverage_kind kind, uint32_t point,
                        uint32_t action, uint32_t state, uint32_t what);
enum coverage_kind coverage_kind_of(uint32_t tuple);
uint32_t coverage_point_of(uint32_t tuple);
uint32_t coverage_action_of(uint32_t tuple);

struct coverage;

/* Of one world with runs 1..runs. NULL without memory. */
struct coverage *coverage_new(uint64_t runs);
void coverage_free(struct coverage *coverage);

/* The rules there are: what could happen. */
void coverage_plan(struct coverage *coverage, const struct fault_plan *plan);
void coverage_feed(struct coverage *coverage,
                   const struct engine_record *records, size_t count);

/* What was met so far; it may be incomplete when memory ran out. */
const struct coverage_set *coverage_met(const struct coverage *coverage);

#endif
