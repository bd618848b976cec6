/*
 * What runs did over time, as tools for traces want to be told: each run's
 * life, and in it who held it, what waited, which attempts were made and
 * whose code ran where. Built from the records that were kept of a run of the
 * world; bounded, and it says what it leaves out.
 *
 *     run       ├────────────────────────────────────────────┤
 *     lease     ├──────────────────────────────────────┤
 *     queued      ├──┤                   ├─┤
 *     attempt        ├────────┤            ├──────────┤
 *     code            ├──────┤              ├────────┤
 *     retry                   ├──────────┤
 *
 * Only whole runs are told: the worst and the slowest, then the others in the
 * order in which they began, as long as there is room.
 */
#ifndef REPORTS_ACTIVITIES_H
#define REPORTS_ACTIVITIES_H

#include "reports/collect.h"

enum {
    REPORT_ACTIVITIES_MAX = 50000,
    REPORT_ACTIVITY_MARKS_MAX = 5000,
    REPORT_ACTIVITY_SLOTS = 64
};

#define REPORT_ACTIVITY_NONE UINT32_MAX

enum report_activity_kind {
    REPORT_ACTIVITY_RUN,     /* from due to durable end */
    REPORT_ACTIVITY_LEASE,   /* by the store, a coordinator may write */
    REPORT_ACTIVITY_QUEUED,  /* work is durable, nobody has claimed it */
    REPORT_ACTIVITY_ATTEMPT, /* a worker holds it: claim to report, durable */
    REPORT_ACTIVITY_CODE,    /* a step's code runs */
    REPORT_ACTIVITY_RETRY,   /* a step waits for its next attempt */
    REPORT_ACTIVITY_WAIT,    /* for time, a signal, another run */
    REPORT_ACTIVITY_GROUP    /* a handler's operation that holds others */
};

enum report_activity_end {
    REPORT_ACTIVITY_OPEN,   /* it goes on where the records end */
    REPORT_ACTIVITY_DONE,   /* as it should; also given back */
    REPORT_ACTIVITY_FAILED, /* with the error; a run: in that state */
    REPORT_ACTIVITY_CUT     /* its process went, it was given up, taken over */
};

/* Places are those in the list. */
struct report_activity {
    enum report_activity_kind kind;
    enum report_activity_end end;
    uint32_t run;    /* place of the run */
    uint32_t parent; /* place; NONE for a run */
    uint32_t before; /* of code, place of the attempt before it; NONE */
    uint32_t node;   /* where; NONE: nowhere in particular */
    uint32_t slot;   /* of code, which of its node's at once; NONE: too many */
    uint32_t op;
    uint32_t attempt;
    uint32_t step; /* of a handler, from 1; 0: not one, or not known */
    uint64_t id;   /* of a handler's operation, low half; 0 */
    uint64_t token;
    uint64_t from_ns;
    uint64_t to_ns;
    uint64_t index;    /* of the record that begins it */
    uint64_t number;   /* of a run */
    uint32_t workflow; /* of a run; UINT32_MAX: not known */
    uint32_t next_open;
    uint16_t error; /* class, 0: none */
    uint16_t state; /* of a run, at its end or at last */
    uint8_t type;   /* of a handler's operation */
    uint8_t subtype;
};

/* A fault, or a process that goes down for one. */
struct report_activity_mark {
    uint64_t time_ns;
    uint32_t node;
    uint32_t point;  /* of a fault; NONE: a process goes down */
    uint32_t action; /* enum engine_action */
};

struct report_activities {
    const struct report_world *world;
    struct report_activity *list; /* in order of their beginnings' records */
    uint32_t count;
    uint32_t run_count;
    uint64_t runs_left_out;       /* that records were kept of */
    uint64_t records_left_out;    /* that were not kept: runs end early in it */
    uint64_t activities_left_out; /* whose beginning was not kept */
    struct report_activity_mark *marks;
    uint32_t mark_count;
    uint64_t marks_left_out;
};

/*
 * Tells them from a finished collector, which must outlive them; stats are
 * its. Returns 0, or -1 when out of memory; deinit() in both cases.
 */
int report_activities_init(struct report_activities *activities,
                           const struct report_collect *collect,
                           const struct report_stats *stats, uint32_t most);
void report_activities_deinit(struct report_activities *activities);

/* "charge", "retry: charge", "order", "lease"; untrusted, in word or not. */
const char *report_activity_name(const struct report_activities *activities,
                                 const struct report_activity *activity,
                                 char word[static 120]);
/* "run", "lease", .. ; "open", "done", "failed", "cut". */
const char *report_activity_kind_name(enum report_activity_kind kind);
const char *report_activity_end_name(enum report_activity_end end);
/* A node by its name; untrusted, in word or not. */
const char *report_activity_node(const struct report_activities *activities,
                                 uint32_t node, char word[static 24]);
/* The point and the action of a mark, or "crash: ACTION". */
void report_activity_mark_name(const struct report_activities *activities,
                               const struct report_activity_mark *mark,
                               char word[static 120]);

#endif
