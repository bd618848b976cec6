/*
 * A plan is everything that will go wrong in a world, as data: rules, or the
 * exact decisions of an earlier run. Scripted faults, swarms, enumerations,
 * replays and shrunk plans are all the same thing here; the switchboard
 * carries it out. Adding a rule checks it, so that a plan that exists can be
 * carried out.
 */
#ifndef FAULTS_PLAN_H
#define FAULTS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/record.h"
#include "faults/rule.h"

/* One thing that went wrong: where and when exactly, and what. */
struct fault_decision {
    uint64_t time_ns; /* needed for timed points only */
    uint64_t hit;     /* of this node at this point, from 1 */
    uint64_t rule;    /* fault_rule_key of the rule that wanted it */
    int64_t amount;
    uint32_t node;
    uint32_t point;
    uint32_t action;
};

struct fault_plan {
    const struct engine_point *points; /* borrowed */
    uint32_t point_count;
    struct fault_rule *rules; /* owned */
    uint32_t count;
    uint32_t capacity;
    /* If replayed, only these happen, and the seeded defects of the rules. */
    const struct fault_decision *decisions; /* borrowed */
    uint32_t decision_count;
    bool replayed;
};

/*
 * Makes an empty plan for these points, which must outlive it, with room for
 * `capacity` rules. Returns 0 or FAULT_ENOMEM.
 */
int fault_plan_init(struct fault_plan *plan, const struct engine_point *points,
                    uint32_t point_count, uint32_t capacity);
void fault_plan_deinit(struct fault_plan *plan);

/*
 * Copies a rule into the plan. Returns 0, FAULT_EINVAL or FAULT_EFULL; after
 * a failure the plan is as it was and `message` holds a sentence that says
 * what was found and what is allowed (cut off at `size` bytes, without line
 * number: rule->line has it).
 */
int fault_plan_add(struct fault_plan *plan, const struct fault_rule *rule,
                   char *message, size_t size);

/* What fault_plan_add() asks before it copies. */
int fault_plan_check(const struct fault_plan *plan,
                     const struct fault_rule *rule, char *message, size_t size);

/*
 * Removes rule `index` and closes the gap. The choices of the others stay
 * what they were.
 */
void fault_plan_remove(struct fault_plan *plan, uint32_t index);

/*
 * From now on the plan is these decisions and nothing else, except for the
 * seeded defects. They are borrowed and must outlive the switchboard; those
 * of timed points are in order of time. Returns 0, or FAULT_EINVAL if one
 * names a point that does not exist or an action that it cannot perform.
 */
int fault_plan_replay(struct fault_plan *plan,
                      const struct fault_decision *decisions, uint32_t count,
                      char *message, size_t size);

/*
 * Reads a decision back out of a FAULT record. False if the record is of
 * another kind.
 */
bool fault_decision_of(const struct engine_record *record,
                       struct fault_decision *decision);

/* What the engine promises to survive. Beyond it a failure is excused. */
struct fault_envelope {
    uint64_t skew_ns_max;   /* of any clock, either way */
    uint64_t drift_ppb_max; /* either way */
    uint32_t loss_ppb_max;  /* of messages */
    bool honest_sync;       /* a sync that reports success is durable */
    bool sound_disk;        /* what is read is what was written */
};

/*
 * Why this rule by itself goes beyond the envelope, or NULL if it does not.
 * Clock rules are judged one at a time: two steps of a clock add up, and
 * whoever adds them must see to it.
 */
const char *fault_envelope_breach(const struct fault_envelope *envelope,
                                  const struct fault_plan *plan,
                                  const struct fault_rule *rule);

#endif
