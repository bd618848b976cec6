/*
 * A fault rule is a sentence as data: what goes wrong (an action), where (a
 * set of points), to whom (nodes, operations, runs, attempts) and when (which
 * hits, with what chance, in which time, under how much load).
 *
 * A site is a moment at which a component runs into a point. A site that
 * passes the filters (nodes, ops, runs, attempts, window, load) is a match.
 * Matches are counted, by default for each actor at each point on its own, so
 * that code which has nothing to do with a rule cannot shift it. Then nth,
 * every and the chance choose among the matches:
 *
 *     crash at worker/effect/after, op 2, nth 1-3
 *     hits of node 7:   op2 op5 op2 op2 op5 op2
 *     matches:           1       2   3       4
 *     fires:             x       x   x
 *
 * Points that are never run into (phase "timed": a process, a clock, a link)
 * take a schedule instead; each time of it is one match for each node.
 */
#ifndef FAULTS_RULE_H
#define FAULTS_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/point.h"
#include "engine/random.h"

#define FAULT_POINTS_MAX 512
#define FAULT_RANGES_MAX 16
#define FAULT_OPS_MAX 16
#define FAULT_TIMES_MAX 16
#define FAULT_NAME_SIZE 64
#define FAULT_ANY_WORKFLOW UINT32_MAX

enum fault_error {
    FAULT_EINVAL = -1, /* the rule makes no sense; a sentence says why */
    FAULT_EFULL = -2,  /* a fixed capacity is used up */
    FAULT_ENOMEM = -3, /* no memory */
    FAULT_EBUSY = -4,  /* another switchboard is live in this process */
    FAULT_EFIU = -5,   /* libfiu refused */
};

/* Inclusive at both ends. */
struct fault_range {
    uint64_t from;
    uint64_t to;
};

/* A set of numbers; with count 0 it holds every number. */
struct fault_ranges {
    struct fault_range at[FAULT_RANGES_MAX];
    uint32_t count;
};

/* A step: its index in its workflow's graph. */
struct fault_op {
    uint32_t workflow; /* FAULT_ANY_WORKFLOW: in every workflow */
    uint32_t op;
};

struct fault_rule {
    /*
     * Its identity: random choices hang on it, so a named rule keeps them
     * when it is edited or moved. Empty: everything below (but the line) is
     * the identity. Names are unique in a plan.
     */
    char name[FAULT_NAME_SIZE];
    uint32_t line; /* in the scenario file, for messages; 0: none */

    uint32_t action; /* enum engine_action */
    uint64_t points[FAULT_POINTS_MAX / 64];
    int64_t amount_min; /* drawn between both, inclusive, each time it */
    int64_t amount_max; /* fires; the meaning depends on the action */

    struct fault_ranges nodes;
    struct fault_op ops[FAULT_OPS_MAX];
    uint32_t op_count;   /* 0: any, and sites about no operation */
    uint32_t chance_ppb; /* of each match that nth and every choose */
    struct fault_range runs;
    struct fault_range attempts;
    uint64_t from_ns; /* the world's time: from <= now < to */
    uint64_t to_ns;
    uint64_t in_flight_min; /* at least so much work is in flight */

    struct fault_range nth; /* which matches, from 1 */
    uint64_t every;         /* of those, the first of each so many; 0: all.
                               Without nth: the every-th, twice every-th.. */
    uint64_t max_fires;     /* of all actors together; 0: no limit */

    /* Timed points only: at these times, or from_ns + k periods, k from 1. */
    uint64_t times[FAULT_TIMES_MAX];
    uint64_t period_ns;
    uint64_t jitter_ns; /* each time comes up to so much later */
    uint32_t time_count;

    bool across_actors; /* one count for all actors */
    bool across_points; /* one count for all points of the rule */
};

/* A rule that performs `action` at every match, so far at no point. */
void fault_rule_init(struct fault_rule *rule, uint32_t action);

/* The first n matches; the n-th only is fault_rule_nth(rule, n, n). */
void fault_rule_nth(struct fault_rule *rule, uint64_t from, uint64_t to);

void fault_rule_add_point(struct fault_rule *rule, uint32_t point);

/*
 * Adds each point whose name starts with `prefix` and that can perform the
 * rule's action: "worker/" is every boundary of a worker. Timed points and
 * others are not mixed: those come only if named in full. Returns how many.
 */
uint32_t fault_rule_add_points(struct fault_rule *rule,
                               const struct engine_point *points,
                               uint32_t count, const char *prefix);

bool fault_rule_has_point(const struct fault_rule *rule, uint32_t point);

/* FAULT_EFULL if the rule names too many already. */
int fault_rule_add_op(struct fault_rule *rule, uint32_t workflow, uint32_t op);

/* Widens the last range if it can; FAULT_EFULL if there is no room. */
int fault_ranges_add(struct fault_ranges *ranges, uint64_t from, uint64_t to);
bool fault_ranges_have(const struct fault_ranges *ranges, uint64_t number);

/*
 * Makes a crash at the k-th boundary (from 1) that node `node` crosses, all
 * its boundaries counted together: what an enumeration runs for k = 1, 2, ...
 */
void fault_rule_kth_boundary(struct fault_rule *rule,
                             const struct engine_point *points, uint32_t count,
                             uint32_t node, uint64_t k);

/* Do the filters let this site pass? `workflow` is that of the site's run. */
bool fault_rule_matches(const struct fault_rule *rule,
                        const struct engine_site *site, uint32_t workflow,
                        uint64_t now_ns, uint64_t in_flight);

/* Is the n-th match one of those that nth and every choose? */
bool fault_rule_chooses(const struct fault_rule *rule, uint64_t n);

/*
 * The rule's identity as a number: from its name, or else its contents, with
 * points by name. Stable across programs and additions of points.
 */
uint64_t fault_rule_key(const struct fault_rule *rule,
                        const struct engine_point *points, uint32_t count);

/*
 * Writes the rule as one line for people. What does not fit in `size` bytes
 * is cut off. The name is written as it is: whoever shows it escapes it.
 */
void fault_rule_text(const struct fault_rule *rule,
                     const struct engine_point *points, uint32_t count,
                     char *text, size_t size);

#endif
