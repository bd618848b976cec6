#include "scenarios/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "faults/points.h"

/* Bits of a tuple: kind 3, point 9, action 5, state 5, what 10. */
enum {
    WHAT_BITS = 10,
    STATE_BITS = 5,
    ACTION_BITS = 5,
    POINT_BITS = 9,
    STATE_AT = WHAT_BITS,
    ACTION_AT = STATE_AT + STATE_BITS,
    POINT_AT = ACTION_AT + ACTION_BITS,
    KIND_AT = POINT_AT + POINT_BITS,
    FAR_SLOTS = 256 /* runs that were invoked share these */
};

_Static_assert(FAULT_POINTS_MAX <= 1 << POINT_BITS, "a point fits");
_Static_assert((int)ENGINE_ACT_COUNT <= 1 << ACTION_BITS, "an action fits");

/* The set ----------------------------------------------------------------- */

static uint32_t place(uint32_t tuple, uint32_t room)
{
    return tuple * UINT32_C(2654435769) >> 7 & (room - 1);
}

static uint32_t *find(uint32_t *slots, uint32_t room, uint32_t tuple)
{
    uint32_t at = place(tuple, room);
    while (slots[at] != 0 && slots[at] != tuple)
        at = (at + 1) & (room - 1);
    return &slots[at];
}

static int grow(struct coverage_set *set)
{
    uint32_t room = set->room ? 2 * set->room : 1024;
    uint32_t *slots = calloc(room, sizeof(*slots));
    if (!slots)
        return -1;
    for (uint32_t i = 0; i < set->room; i++)
        if (set->slots[i] != 0)
            *find(slots, room, set->slots[i]) = set->slots[i];
    free(set->slots);
    set->slots = slots;
    set->room = room;
    return 0;
}

int coverage_set_add(struct coverage_set *set, uint32_t tuple)
{
    if (2 * set->count >= set->room && grow(set))
        return -1;
    uint32_t *slot = find(set->slots, set->room, tuple);
    if (*slot == tuple)
        return 0;
    *slot = tuple;
    set->count++;
    return 1;
}

bool coverage_set_has(const struct coverage_set *set, uint32_t tuple)
{
    return set->room != 0 && *find(set->slots, set->room, tuple) == tuple;
}

void coverage_set_deinit(struct coverage_set *set)
{
    free(set->slots);
    *set = (struct coverage_set){0};
}

static int by_number(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one;
    uint32_t b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

size_t coverage_set_list(const struct coverage_set *set, uint32_t *tuples,
                         size_t room)
{
    size_t count = 0;
    for (uint32_t i = 0; i < set->room && count < room; i++)
        if (set->slots[i] != 0)
            tuples[count++] = set->slots[i];
    qsort(tuples, count, sizeof(*tuples), by_number);
    return set->count;
}

/* Tuples ------------------------------------------------------------------ */

uint32_t coverage_tuple(enum coverage_kind kind, uint32_t point,
                        uint32_t action, uint32_t state, uint32_t what)
{
    return (uint32_t)kind << KIND_AT | point << POINT_AT | action << ACTION_AT |
           (state & ((1 << STATE_BITS) - 1)) << STATE_AT |
           (what & ((1 << WHAT_BITS) - 1));
}

enum coverage_kind coverage_kind_of(uint32_t tuple)
{
    return (enum coverage_kind)(tuple >> KIND_AT);
}

uint32_t coverage_point_of(uint32_t tuple)
{
    return tuple >> POINT_AT & ((1 << POINT_BITS) - 1);
}

uint32_t coverage_action_of(uint32_t tuple)
{
    return tuple >> ACTION_AT & ((1 << ACTION_BITS) - 1);
}

/* The fold ---------------------------------------------------------------- */

/* A fault; number 0: none. */
struct struck {
    uint64_t number; /* counted from 1 over the world */
    uint16_t point;
    uint16_t action;
};

struct run {
    struct struck own;    /* the last fault about this run */
    uint64_t event_after; /* faults that had struck at its last event */
    uint8_t before;       /* its state before the append being told */
    uint8_t state;
};

struct coverage {
    struct coverage_set met;
    struct run *runs;
    uint64_t run_count;
    uint64_t faults;
    struct struck any;  /* the last fault of all */
    struct struck node; /* the last one that was about no run */
};

struct coverage *coverage_new(uint64_t runs)
{
    struct coverage *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->run_count = runs + 1 + FAR_SLOTS;
    c->runs = calloc(c->run_count, sizeof(*c->runs));
    if (c->runs)
        return c;
    coverage_free(c);
    return NULL;
}

void coverage_free(struct coverage *c)
{
    if (!c)
        return;
    coverage_set_deinit(&c->met);
    free(c->runs);
    free(c);
}

static void meet(struct coverage *c, enum coverage_kind kind,
                 const struct struck *fault, uint32_t state, uint32_t what)
{
    (void)coverage_set_add(&c->met, coverage_tuple(kind, fault->point,
                                                   fault->action, state, what));
}

void coverage_plan(struct coverage *c, const struct fault_plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        if (plan->rules[i].action == ENGINE_ACT_DEFECT)
            continue;
        for (uint32_t p = 0; p < plan->point_count; p++) {
            struct struck at = {.point = (uint16_t)p};
            if (fault_rule_has_point(&plan->rules[i], p))
                meet(c, COVERAGE_ARMED, &at, 0, 0);
        }
    }
}

static struct run *run_of(struct coverage *c, uint64_t id)
{
    uint64_t near = c->run_count - FAR_SLOTS;
    return &c->runs[id < near ? id : near + id % FAR_SLOTS];
}

static void feed_fault(struct coverage *c, const struct engine_record *record)
{
    struct struck fault = {.number = ++c->faults,
                           .point = (uint16_t)record->key,
                           .action = record->detail};
    c->any = fault;
    if (record->run != 0)
        run_of(c, record->run)->own = fault;
    else
        c->node = fault;
    meet(c, COVERAGE_FIRED, &fault, 0, 0);
}

static void feed_event(struct coverage *c, const struct engine_record *record)
{
    static const struct struck none;
    struct run *run = run_of(c, record->run);
    const struct struck *fault = &none;
    if (run->own.number > run->event_after)
        fault = &run->own;
    else if (c->any.number > run->event_after)
        fault = &c->any;
    meet(c, COVERAGE_EVENT, fault, run->before, record->detail);
    run->event_after = c->faults;
}

/* How a run got going again: the record, and what its detail tells apart. */
static void feed_recovery(struct coverage *c,
                          const struct engine_record *record)
{
    const struct run *run = run_of(c, record->run);
    const struct struck *fault = run->own.number ? &run->own : &c->node;
    if (fault->number != 0)
        meet(c, COVERAGE_RECOVERY, fault, run->state,
             (uint32_t)record->kind << 4 | (record->detail & 15));
}

static void feed_one(struct coverage *c, const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_FAULT:
        feed_fault(c, record);
        break;
    case ENGINE_REC_APPENDED: {
        struct run *run = run_of(c, record->run);
        run->before = run->state;
        run->state = (uint8_t)record->state;
        break;
    }
    case ENGINE_REC_EVENT:
        feed_event(c, record);
        break;
    case ENGINE_REC_LEASE_GRANTED:
    case ENGINE_REC_OWNED:
    case ENGINE_REC_DISOWNED:
    case ENGINE_REC_REJECTED:
    case ENGINE_REC_WORK_CUT:
    case ENGINE_REC_WORK_CLAIMED:
    case ENGINE_REC_EFFECT_REPEAT:
    case ENGINE_REC_EFFECT_APPLIED:
    case ENGINE_REC_KILLED:
    case ENGINE_REC_THROTTLED:
        feed_recovery(c, record);
        break;
    default:
        break;
    }
}

void coverage_feed(struct coverage *c, const struct engine_record *records,
                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        feed_one(c, &records[i]);
}

const struct coverage_set *coverage_met(const struct coverage *c)
{
    return &c->met;
}
