/*
 * A boundary is one moment at which one process of one world can be broken:
 * a point that it runs into, about what, for the how-manieth time. Its name
 * says that in words, and never counts what has nothing to do with it, so it
 * stays the same when a rule is added that does not touch the run:
 *
 *     coordinator 1, coordinator/append/after, run 3, charge, attempt 2, hit 1
 *
 * As a fault rule, and as an entry of a scenario's "faults", it breaks that
 * moment and no other.
 */
#ifndef SCENARIOS_BOUNDARY_H
#define SCENARIOS_BOUNDARY_H

#include "reports/buffer.h"
#include "scenarios/scenario.h"

/* In which way it is broken. */
enum boundary_way {
    BOUNDARY_CRASH,     /* the process, or the power of its disk, is gone */
    BOUNDARY_FAIL,      /* the call to the disk fails, once */
    BOUNDARY_FAIL_ON,   /* it fails, and so do all of its kind from then on */
    BOUNDARY_LOSE,      /* the store's reply is lost after its commit */
    BOUNDARY_PAUSE,     /* the process stands still for longer than its lease */
    BOUNDARY_DUPLICATE, /* the message or invocation comes twice */
    BOUNDARY_WAYS
};

/* "crash", "fail", "fail for good", .. */
const char *boundary_way_name(enum boundary_way way);

struct boundary {
    struct engine_site site; /* where, who, and about what */
    uint64_t hit;            /* of exactly this site in its world, from 1 */
    enum boundary_way way;
};

/*
 * Whether this point (by its number in scenario_points()) can be broken in
 * this way. A crash while something is read is none: it keeps and loses what
 * a crash at the next write does.
 */
bool boundary_at(enum boundary_way way, uint32_t point);

/* The rule that breaks it; its times are from the world's start. */
void boundary_rule(const struct scenario *scenario,
                   const struct boundary *boundary, struct fault_rule *rule);

enum {
    BOUNDARY_NAME_SIZE = 400
};

/* Its name, for people and for --only. Untrusted text: steps are named. */
void boundary_name(const struct scenario *scenario,
                   const struct boundary *boundary, char *text, size_t size);

/*
 * Appends the JSON object that, among a scenario's "faults", is the same
 * rule. False, and nothing appended: faults have no words for this one.
 */
bool boundary_entry(const struct scenario *scenario,
                    const struct boundary *boundary, struct report_buffer *out);

#endif
