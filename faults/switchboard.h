/*
 * The switchboard answers every point's question. A component asks
 * engine_point_hit(); if the point's flag is up, the switchboard asks libfiu
 * by the point's name; libfiu calls the one external callback that is
 * enabled for every armed name, and that callback looks into the plan. So
 * libfiu finds the point, the plan decides, and the same plan serves scripted,
 * swarm, enumerated and replayed faults.
 *
 *     component -> port.ask -> fiu_fail("worker/claim/before")
 *                                  -> callback -> plan -> crash
 *
 * What a rule chooses is a function of (seed, rule, point, actor, hit), never
 * of the order in which things happen elsewhere: taking a rule away leaves
 * the choices of the others as they were. libfiu's own random mode, one
 * stream for all points, is not used.
 *
 * libfiu's state belongs to the process, so one switchboard lives at a time.
 * It is not for several threads.
 */
#ifndef FAULTS_SWITCHBOARD_H
#define FAULTS_SWITCHBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/point.h"
#include "engine/record.h"
#include "faults/plan.h"

/* What happened at a point, or to a rule. */
struct fault_ledger {
    uint64_t armed;     /* a point: rules that name it; a rule: its points */
    uint64_t asked;     /* a point: questions; a rule: matches */
    uint64_t fired;     /* decisions that something goes wrong */
    uint64_t in_flight; /* of those, while work was in flight */
};

struct fault_state;

struct fault_switchboard {
    struct engine_points port; /* give its address to whoever owns points */
    uint64_t now_ns;
    uint64_t in_flight;
    struct fault_state *state;
};

/*
 * Makes the switchboard for a plan, of which it keeps copies, except for the
 * points and replayed decisions, which must outlive it. At most one may live
 * in a process: otherwise, or without memory, it returns NULL and sets *error
 * to FAULT_EBUSY, FAULT_ENOMEM or FAULT_EFIU.
 */
struct fault_switchboard *fault_switchboard_new(const struct fault_plan *plan,
                                                uint64_t seed, int *error);
void fault_switchboard_free(struct fault_switchboard *board);

/*
 * Adds a rule while the world goes on, as the last of its rules. At `point`
 * and `actor` (not looked at with across_points or across_actors) it counts
 * `matches` as met already, so its next match there is the one after them;
 * everywhere else it starts from 0. Where plain hits were counted so far (at
 * armed points, and wherever fault_switchboard_note() was called) all that
 * follows is what it would be with the rule in the plan from the start.
 * Returns 0, FAULT_EINVAL for a rule at timed points or a replayed plan,
 * FAULT_EFULL, FAULT_ENOMEM or FAULT_EFIU; the board is as it was then.
 */
int fault_switchboard_add(struct fault_switchboard *board,
                          const struct fault_rule *rule, uint32_t point,
                          uint32_t actor, uint64_t matches);

/*
 * Counts the hit of a site that no rule is armed for, as if one were: what a
 * rule added later draws and reports hangs on the number of the hit.
 */
void fault_switchboard_note(struct fault_switchboard *board,
                            const struct engine_site *site);

/* Each decision goes there as a FAULT record. NULL: nowhere. */
void fault_switchboard_set_sink(struct fault_switchboard *board,
                                const struct engine_sink *sink);

/*
 * For rules about a step of one workflow: tells the workflow of a run. Without
 * it every run is of workflow 0.
 */
void fault_switchboard_set_workflows(struct fault_switchboard *board,
                                     uint32_t (*workflow_of)(void *self,
                                                             uint64_t run),
                                     void *self);

/* The world's time; the caller sets it whenever it moves. */
static inline void fault_switchboard_set_now(struct fault_switchboard *board,
                                             uint64_t now_ns)
{
    board->now_ns = now_ns;
}

/* How much work is in flight: attempts started and not reported. */
static inline void
fault_switchboard_set_in_flight(struct fault_switchboard *board,
                                uint64_t in_flight)
{
    board->in_flight = in_flight;
}

/* A time at which a rule with a schedule strikes. */
struct fault_occurrence {
    uint64_t time_ns;
    uint64_t number; /* of this rule, from 1 */
    uint32_t rule;   /* index in the plan; in a replay: of the decision */
    uint32_t point;
};

/*
 * Takes the earliest time still to come off the schedule; equal times come in
 * the order of the rules. False if there is none left. The world makes an
 * event of it and takes the next one when it has come.
 */
bool fault_switchboard_next(struct fault_switchboard *board,
                            struct fault_occurrence *occurrence);

/*
 * Asks about an occurrence for one node, now that its time has come. The
 * world asks for every node that is there; filters and chance choose among
 * them. For a link, the node is the end that is cut off.
 */
bool fault_switchboard_fire(struct fault_switchboard *board,
                            const struct fault_occurrence *occurrence,
                            uint32_t node, struct engine_decision *decision);

/* The ledgers; both live as long as the switchboard. */
const struct fault_ledger *
fault_switchboard_ledger(const struct fault_switchboard *board, uint32_t point);
const struct fault_ledger *
fault_switchboard_rule_ledger(const struct fault_switchboard *board,
                              uint32_t rule);

/*
 * How many matches a rule has counted for this point and actor; with
 * across_points or across_actors the argument in question is not looked at.
 * An enumeration learns from it how many boundaries there are.
 */
uint64_t fault_switchboard_matches(const struct fault_switchboard *board,
                                   uint32_t rule, uint32_t point,
                                   uint32_t actor);

/*
 * 0, or FAULT_ENOMEM if a counter could not be made: from then on nothing
 * goes wrong any more, and the run says nothing.
 */
int fault_switchboard_error(const struct fault_switchboard *board);

#endif
