/*
 * A scenario as data: what is asked of the engine, in which world, what goes
 * wrong and what is expected. The reader fills in every default, so that
 * whoever runs a scenario decides nothing.
 */
#ifndef SCENARIOS_SCENARIO_H
#define SCENARIOS_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/graph.h"
#include "engine/host/json.h"
#include "engine/program.h"
#include "faults/plan.h"
#include "scenarios/arrivals.h"
#include "scenarios/profile.h"
#include "scenarios/read_limits.h"
#include "sim/answer.h"
#include "sim/disk.h"
#include "sim/draw.h"
#include "sim/nodes.h"
#include "sim/outside.h"
#include "sim/platform/credentials.h"
#include "sim/step.h"

/*
 * A graph that the coordinator drives, or a program that a handler runs; the
 * graph then is one node in its place, and steps are known by their number in
 * the program instead of their operation.
 */
struct scenario_workflow {
    struct engine_graph *graph;
    struct engine_program *program; /* NULL: the coordinator drives it */
    struct sim_step *steps;         /* by step */
    struct sim_answer *answers;     /* by step, of a program: to callbacks */
    uint32_t *effects;      /* by step, as struct check_world wants them: 0, 1,
                               2 = keyed */
    bool *exactly_once;     /* by step: its contract, so it keeps its key */
    uint64_t timeout_ns;    /* of a run; 0: what the limits say */
    struct sim_needs needs; /* of a program: its handler's */
};

/* The steps of a workflow: nodes of a graph, or steps of a program. */
uint32_t scenario_step_count(const struct scenario_workflow *workflow);
const char *scenario_step_name(const struct scenario_workflow *workflow,
                               uint32_t step);
/* How faults and reports name it: a program's first is 1, 0 its handler. */
uint32_t scenario_step_op(const struct scenario_workflow *workflow,
                          uint32_t step);
/* The step with this name, or UINT32_MAX. */
uint32_t scenario_step_find(const struct scenario_workflow *workflow,
                            const char *name);

enum scenario_store {
    SCENARIO_STORE_SQLITE,
    SCENARIO_STORE_MEMORY
};
enum scenario_mode {
    SCENARIO_MODE_FULL,    /* the whole engine */
    SCENARIO_MODE_CAPACITY /* queues and platform only, no engine: capacity */
};

/* What becomes of the faults before the end: scenarios/heal.h. */
enum scenario_heal {
    SCENARIO_HEAL_DRAWN, /* not named: a swarm's seed draws it */
    SCENARIO_HEAL_ALL,
    SCENARIO_HEAL_CORE,
    SCENARIO_HEAL_NONE
};

struct scenario_engine {
    enum scenario_store store;
    uint32_t coordinators;
    uint64_t lease_ttl_ns;
    uint64_t claim_ttl_ns;
    uint64_t skew_bound_ns;
    uint64_t scan_ns;
    uint64_t request_timeout_ns;
    uint64_t dispatch_timeout_ns;
    const char *dispatch_timeout_why; /* where it is from; NULL: the scenario,
                                         or no platform asks for more */
    bool dispatch_timeout_given;      /* by the scenario */
    uint64_t suspend_after_ns;
    uint32_t runs_max; /* by coordinator */
    uint32_t inline_max;
    uint64_t op_payload_max;
    uint64_t request_max;
    uint64_t history_ops_max;
    uint64_t blob_max;
    uint32_t page_size;
    uint64_t cache_size;
    bool wal;                   /* or a rollback journal */
    uint32_t group_max;         /* requests committed together */
    uint64_t effect_timeout_ns; /* a worker asks the receiver again after it */
    uint64_t dedup_ttl_ns;      /* how long the receiver keeps keys; 0: for
                                   ever */
    uint64_t restart_ns;        /* a crashed process is back after this */
    struct limits_profile limits;  /* of handlers, and of graphs if ... */
    bool limits_given;             /* ... the scenario names it */
    bool store_limits_given;       /* "limits" is there, in either form */
    uint32_t snapshot_events;      /* of handlers; 0: no snapshots */
    bool optimistic;               /* handlers go on before what they did is
                                      durable, where they may */
    uint64_t checkpoint_window_ns; /* a batch collects so long; 0: goes out
                                      at once */
    bool retries_bounded; /* a budget for each worker: engine/budget.h */
    uint32_t retry_share_milli;
    uint32_t retry_burst;
};

struct scenario_disk {
    uint32_t sector;              /* 512 or 4096 */
    uint64_t capacity;            /* 0: unlimited */
    struct sim_disk_latency read; /* {"base": "80us", "per_byte": "1ns"?,
                                     "tail": "20us"} or just the base */
    struct sim_disk_latency write;
    struct sim_disk_latency sync;
    bool tears;       /* unsynced writes may be torn by a crash */
    bool drops_dirty; /* a failed sync loses the dirty pages */
};

struct scenario_net {
    struct sim_dist latency;
    uint32_t loss_ppb;
    uint32_t duplicate_ppb;
    uint32_t reorder_ppb;
    struct sim_dist reorder_delay;
};

/* Each node's clock is drawn from these. */
struct scenario_clocks {
    uint64_t skew_ns;   /* wall offset uniform in +- */
    uint64_t drift_ppb; /* uniform in +- */
};

enum scenario_measure {
    SCENARIO_EFFECTS,     /* effects:STEP is exactly/at most/at least once */
    SCENARIO_STUCK,       /* stuck runs */
    SCENARIO_BLOCKED,     /* blocked runs */
    SCENARIO_FAILED,      /* failed runs */
    SCENARIO_SUCCEEDED,   /* succeeded runs */
    SCENARIO_CANCELLED,   /* cancelled runs */
    SCENARIO_STOPPED,     /* stopped runs */
    SCENARIO_TIMED_OUT,   /* timed-out runs */
    SCENARIO_RUN_LATENCY, /* pNN(run) */
    SCENARIO_DRAIN,       /* drain after faults: last run's end after the last
                             fault's end */
    SCENARIO_FIRED,       /* fired:POINT */
    SCENARIO_TAKEOVERS,   /* leases taken over */
    SCENARIO_REJECTED,    /* fenced writes refused */
    SCENARIO_THROTTLED,   /* requests that a platform turned away */
    SCENARIO_KILLED,      /* attempts over a platform's time limit */
    SCENARIO_ERRORS,      /* errors:CLASS: attempts that ended so */
    SCENARIO_GIVEN_UP,    /* given up:CLASS, by a platform */
    SCENARIO_STARTS,      /* starts:PLATFORM */
    SCENARIO_WARNED,      /* warned places, as by a spot notice */
    SCENARIO_NOTICE       /* shortest notice: before such an end */
};

enum scenario_comparison {
    SCENARIO_LESS,
    SCENARIO_AT_MOST,
    SCENARIO_EQUAL,
    SCENARIO_AT_LEAST,
    SCENARIO_MORE
};

struct scenario_expectation {
    char text[128]; /* as written: "p99(run) < 30s" */
    enum scenario_measure measure;
    enum scenario_comparison comparison;
    uint64_t value;            /* ns or a count */
    uint32_t percentile_milli; /* p99.9 is 99900 */
    uint32_t workflow;         /* of the step */
    uint32_t op;
    uint32_t point; /* FIRED; the class of ERRORS; the platform of STARTS */
};

/* A file that went into the scenario, for replays. Owned text. */
struct scenario_source {
    char *name; /* as referred to */
    char *text;
    size_t size;
};

/* What a scenario that was made from a failure says of it: "reproduces". */
struct scenario_reproduces {
    char property[16]; /* what fails in it: "S5"; empty: it is none */
    char digest[33];   /* of its run */
    char version[32];  /* of the program that made it */
    char content[33];  /* hash of all the rest: see scenarios/reproduce.h */
};

/* A platform beside what its profile says. */
struct scenario_platform_use {
    char name[64]; /* "platform": it has none of its own */
    struct sim_credentials_config credentials;
};

struct scenario {
    char name[128]; /* the file's name without .json */
    char *why;
    uint64_t seed; /* default, overridden by --seed */
    enum scenario_mode mode;
    struct scenario_engine engine;
    struct scenario_workflow *workflows;
    uint32_t workflow_count;
    struct profile platform; /* the first; of its profile, overridden */
    struct profile *others;  /* platforms after the first; owned */
    uint32_t platform_count; /* with the first */
    struct scenario_platform_use platforms[SIM_NODE_PLATFORMS_MAX];
    struct arrivals arrivals;
    uint64_t runs;
    uint32_t *started; /* workflows that clients start, in turn */
    uint32_t started_count;
    struct sim_operator *operators;
    uint32_t operator_count;
    uint32_t input_bytes; /* of each run */
    struct scenario_net net;
    struct scenario_disk disk;
    struct scenario_clocks clocks;
    struct fault_plan plan;
    struct fault_envelope envelope;
    struct scenario_expectation *expectations;
    uint32_t expectation_count;
    /* Each must come true in some world of a sweep; at most 64. */
    struct scenario_expectation *sometimes;
    uint32_t sometimes_count;
    struct scenario_threshold *thresholds; /* scenarios/thresholds.h */
    uint32_t threshold_count;
    uint64_t limit_ns;     /* virtual time at which the world ends anyway */
    uint64_t events_limit; /* events after which it ends anyway */
    uint32_t exit_code;    /* "exit": what CI expects of it, default 0 */
    char **defects;        /* seeded ones that are on in all its runs; owned */
    uint32_t defect_count;
    struct scenario_reproduces reproduces;
    bool golden;   /* S8: each run is compared with its faultless twin */
    bool paranoid; /* S7 after every event */
    enum scenario_heal heal;
    bool swarm; /* a swarm is added to the plan for each seed */
    char swarm_name[32];
    struct scenario_source *sources;
    uint32_t source_count;
};

/* Whether a worker runs one of its workflows as a handler. */
bool scenario_has_programs(const struct scenario *scenario);

/* Platform `index`, below platform_count. */
const struct profile *scenario_profile(const struct scenario *scenario,
                                       uint32_t index);

/* Whether it has this seeded defect on by itself. */
bool scenario_has_defect(const struct scenario *scenario, const char *name);

/* All points of the program: engine defects first, then the simulator's. */
const struct engine_point *scenario_points(uint32_t *count);
/* Where the simulator's points start among them. */
uint32_t scenario_points_base(void);

/*
 * Reads and checks a scenario with all files it refers to. Returns NULL and
 * fills *error: one line with file:line:col, what was found, what is allowed.
 */
struct scenario *scenario_read(const char *path, struct json_error *error);

/*
 * Reads a scenario from the sources that a report carries: the first is the
 * scenario itself, the others are found by name.
 */
struct scenario *scenario_read_sources(const struct scenario_source *sources,
                                       uint32_t count,
                                       struct json_error *error);
void scenario_free(struct scenario *scenario);

/*
 * Reads workflow files without a scenario around them, for workers. Returns
 * them, *count of them, or NULL and fills *error.
 */
struct scenario_workflow *scenario_workflows_read(const char *const *paths,
                                                  uint32_t count,
                                                  struct json_error *error);
void scenario_workflows_free(struct scenario_workflow *workflows,
                             uint32_t count);

/*
 * Whether the file is a workflow. The platforms and workflows that it names may
 * be any. False: *error says why it is not.
 */
bool scenario_workflow_valid(const char *path, struct json_error *error);

#endif
