/*
 * Checkers: pure functions from records to verdicts, one property a file.
 * Each is fed the records of the kinds it asks for, in order, keeps what it
 * needs, and says at the end how much it looked at and what it found first.
 * What several need (the state of each run) is folded once, in fold.h.
 *
 * A checker that looked at nothing cannot say pass: it is inconclusive. What
 * a checker needs to know beyond the records is in struct check_world: the
 * declared workflows, the engine's configuration, and the envelope of faults
 * that the engine must survive.
 */
#ifndef REPORTS_CHECK_H
#define REPORTS_CHECK_H

#include <stddef.h>

#include "engine/graph.h"
#include "engine/record.h"
#include "reports/program.h"

enum check_verdict {
    CHECK_PASS,
    CHECK_FAIL,
    CHECK_EXCUSED, /* would be a failure, outside the declared envelope */
    CHECK_INCONCLUSIVE
};

const char *check_verdict_name(enum check_verdict verdict);

/* What the engine must survive. A fault beyond it excuses failures. */
struct check_envelope {
    uint64_t skew_max_ns; /* |wall offset| between nodes */
    uint64_t drift_max_ppb;
    int honest_sync;   /* sync never lies */
    int disk_survives; /* no lasting error, no space trouble for good */
};

struct outcomes;

/* Why the runs of a workflow may come out otherwise without any fault. */
enum {
    CHECK_FREE_CHANCE = 1, /* whether a step fails depends on its attempt */
    CHECK_FREE_CHOICE = 2  /* who is first decides: race, messages, .. */
};

/* What becomes of the faults before the end. */
enum check_heal {
    CHECK_HEAL_ALL,  /* they end, and everything comes back */
    CHECK_HEAL_CORE, /* they end for a core, all else is broken for good */
    CHECK_HEAL_NONE  /* they go on */
};

struct check_world {
    const struct engine_graph *const *graphs; /* by workflow id */
    const uint32_t *const *effects; /* [workflow][op]: 1 if the step has a side
                                       effect, 2 if the receiver takes a key;
                                       of a handler: what all its steps have */
    const struct report_program *programs; /* by workflow; NULL: unknown */
    uint32_t graph_count;
    uint64_t runs_max; /* run ids are 1..runs_max; larger: invoked by runs */
    uint32_t node_count;
    const char *const *node_names; /* by node; NULL: unknown */
    uint32_t store_node;           /* its wall clock is store time */
    uint64_t lease_ttl_ns;
    uint64_t claim_ttl_ns;
    uint64_t scan_ns;       /* longest time between two looks for due runs */
    uint64_t skew_bound_ns; /* epsilon: how much earlier a holder stops */
    uint64_t request_timeout_ns;
    uint64_t outage_max_ns;  /* longest time a store may be away at once */
    uint64_t timer_slack_ns; /* L5: how late a timer may fire, beyond faults */
    uint64_t progress_bound_ns; /* L1, L2: after the last fault */
    uint64_t orphan_bound_ns;   /* L3: after its holder went down */
    uint64_t livelock_bound_ns; /* L4: between two advances */
    uint64_t waiting_bound_ns;  /* L6: of a work row beside a free slot */
    uint64_t goodput_bound_ns;  /* L7: after the last fault */
    uint64_t load_milli;        /* offered load by what the platform can do, in
                                   thousandths; 0: unknown */
    uint32_t worker_first;      /* node; the others follow */
    uint32_t worker_count; /* 0: the platform makes them as it needs them */
    uint32_t worker_slots; /* of each */
    enum check_heal heal;
    uint64_t op_payload_max;
    uint64_t history_ops_max; /* events of a graph's run */
    uint64_t operations_max;  /* of a handler's run; 0: as the one above */
    uint64_t value_max;       /* bytes of a result inside a handler, and .. */
    uint64_t wait_min_ns;     /* .. its waits and retry delays; 0: no limit, */
    uint64_t batch_updates_max; /* as of the updates of a checkpoint .. */
    uint64_t invoke_depth_max;  /* .. and of runs that runs invoke */
    uint64_t concurrency_max;   /* platform; 0: no limit */
    struct check_envelope envelope;
    int honest_effects;     /* receivers keep keys for the whole run */
    int paranoid;           /* S7: logs are folded again as they are written */
    int snapshots;          /* S13: handlers have them */
    const uint8_t *freedom; /* by workflow: CHECK_FREE_; NULL: none has any */
    const struct outcomes *golden; /* S8: without faults; NULL: not known */
    struct outcomes *outcomes;     /* filled with those of this world, if not
                                      NULL; see reports/outcome.h */
};

/* The first violation, in words and as the record that shows it. */
struct check_finding {
    struct engine_record record;
    uint64_t index;      /* position in the record stream, from 0 */
    char text[400];      /* one sentence: what, where, expected, found */
    char waits_for[240]; /* of a stuck run, link by link; "": of none */
};

struct check_result {
    const char *id;   /* "S1" */
    const char *name; /* "durability and log integrity" */
    const char *unit; /* what was counted: "acknowledged appends" */
    enum check_verdict verdict;
    uint64_t checked;
    uint64_t violations;
    uint64_t unjudged; /* the world ended before anything could be said */
    uint64_t apart;    /* nothing to compare with: not among those checked */
    int absent;        /* the world has nothing that it could be a property of:
                          inconclusive, and no reason to doubt the rest */
    struct check_finding first; /* valid if violations > 0 */
    char reason[200];           /* of excused and inconclusive */
};

/* Ways out of the envelope; they excuse the violations they can explain. */
enum {
    CHECK_BEYOND_SYNC = 1,     /* a sync lied */
    CHECK_BEYOND_CLOCK = 2,    /* offset, drift or freeze above the bound */
    CHECK_BEYOND_DISK = 4,     /* disk errors after which nothing was written */
    CHECK_BEYOND_ROT = 8,      /* stored bytes changed by themselves */
    CHECK_BEYOND_RECEIVER = 16 /* receivers forget keys */
};

struct fold;

/* What a checker looks at; all of it belongs to the suite. */
struct check_view {
    const struct check_world *world;
    const struct fold *fold; /* of the records before the one being fed */
};

#define CHECK_KIND(kind) (UINT64_C(1) << ENGINE_REC_##kind)

/*
 * One checker. self is its own state; feed() is called with rising index for
 * the records of its kinds. It counts into the result it was opened with;
 * verdicts are the suite's. What can only be said at the end it says when it
 * is fed WORLD_END or the last AUDIT_DONE: a stream without them was cut off.
 */
struct check_ops {
    const char *id;
    const char *name;
    const char *unit;
    uint64_t kinds;   /* mask of CHECK_KIND */
    unsigned excuses; /* mask of CHECK_BEYOND_ */
    /* NULL, or what a world must have for the property to mean anything. */
    int (*applies)(const struct check_world *world);
    /* NULL, or what else it takes to apply: an option, a kind of scenario. */
    const char *needs;
    /* NULL: out of memory */
    void *(*open)(const struct check_view *view, struct check_result *result);
    void (*feed)(void *self, const struct engine_record *record,
                 uint64_t index);
    void (*close)(void *self);
};

/* All of them in the order of reports; NULL-terminated. */
extern const struct check_ops *const check_all[];

struct check_suite;

/*
 * Opens all checkers over one world, which must outlive the suite. Returns
 * NULL when out of memory.
 */
struct check_suite *check_suite_new(const struct check_world *world);
/* The same with these checkers, a NULL-terminated list of at most 32. */
struct check_suite *check_suite_of(const struct check_world *world,
                                   const struct check_ops *const *list);
/* Feeds the next records of the stream. */
void check_suite_feed(struct check_suite *suite,
                      const struct engine_record *records, size_t count);
/* Ends the stream; returns the results, *count of them, owned by the suite. */
const struct check_result *check_suite_finish(struct check_suite *suite,
                                              size_t *count);
/* How many properties something has violated so far, excused or not; at any
 * time. */
uint32_t check_suite_violated(const struct check_suite *suite);
void check_suite_free(struct check_suite *suite);

/* Counts a violation; the first one fills result->first from the format. */
void check_violation(struct check_result *result,
                     const struct engine_record *record, uint64_t index,
                     const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A node's name for sentences: "coordinator 1", or "node 8". */
struct check_node {
    char text[40];
};
const char *check_node(struct check_node *word, const struct check_world *world,
                       uint32_t node);

/* Nanoseconds as seconds, for sentences. */
static inline double check_seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

#endif
