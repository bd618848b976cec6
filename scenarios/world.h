/*
 * A scenario's world put together: switchboard, disk, store, coordinators,
 * platform, client and receiver, and the counters that tell when it is over.
 */
#ifndef SCENARIOS_WORLD_H
#define SCENARIOS_WORLD_H

#include <signal.h>

#include "engine/store.h"
#include "engine/table.h"
#include "faults/switchboard.h"
#include "reports/check.h"
#include "reports/failures.h"
#include "reports/program.h"
#include "scenarios/scenario.h"
#include "sim/client.h"
#include "sim/coordinator_node.h"
#include "sim/disk.h"
#include "sim/outside.h"
#include "sim/platform/front.h"
#include "sim/receiver.h"
#include "sim/store_node.h"
#include "sim/vfs.h"
#include "sim/worker_node.h"
#include "sim/world.h"

/* True time at which worlds start: 2026-01-01T00:00:00Z in ns since 1970. */
#define SCENARIO_START_NS (UINT64_C(1767225600) * UINT64_C(1000000000))

/* What is under way, counted as records are written. */
struct scenario_progress {
    uint64_t runs_open; /* started durably, not ended */
    uint64_t outbox_open;
    uint64_t runs_ended;   /* of clients: terminal or blocked */
    uint64_t blocked;      /* of clients: wait for an operator */
    uint64_t invoked_open; /* of other runs: not ended */
    uint64_t operations;   /* records of a run's durable changes */
};

/* A platform of the world; the first one is the default. */
struct scenario_platform {
    const struct profile *profile;
    struct sim_model model;
    struct sim_front *front; /* NULL in a capacity study */
    struct sim_credentials credentials;
    uint32_t node;
    uint32_t worker_first; /* nodes of its places */
    uint32_t worker_count;
    uint32_t owned_count; /* places whose machines are there from the start */
    uint64_t *restart_ns; /* of each of these; NULL: none */
};

struct trial_watch;

struct scenario_world {
    const struct scenario *scenario;
    uint64_t seed;
    struct sim_world *sim;
    struct fault_plan plan;
    struct fault_switchboard *board;
    struct fault_occurrence next_fault;
    struct engine_points points; /* tells the board time and load, then asks */
    struct engine_block scratch;
    struct engine_block rows;
    struct sim_disk *disk;
    struct sim_vfs *vfs;
    struct engine_store memory_store; /* kept over crashes of its process */
    char vfs_name[48];
    struct sim_store_node *store;
    struct sim_coordinator_node **coordinators;
    struct report_failures *failures; /* NULL: nobody asks. Borrowed */
    struct sim_mirror *mirror; /* NULL: nobody asks for S7, S13 has no use */
    struct scenario_platform *platforms;
    uint32_t platform_count;
    uint32_t platform_nodes[SIM_NODE_PLATFORMS_MAX]; /* of the scenario's */
    struct sim_demand **demands; /* by workflow, by operation; owned */
    uint32_t demand_count;
    uint64_t studied_ns;      /* when a capacity study ended */
    struct arrivals arrivals; /* borrows the scenario's trace */
    struct sim_client *client;
    struct sim_receiver *receiver;
    struct sim_outside *outside; /* NULL: nothing comes from there */
    const struct engine_graph **graphs;
    const struct sim_step **steps;
    const struct sim_answer **answers;
    const struct engine_program **programs; /* NULL: there are none */
    uint32_t **effects;                     /* by operation; owned */
    struct report_program *steps_of; /* by workflow; what records speak of */
    struct engine_table invoked;     /* runs of runs: their workflow, plus 1 */
    struct engine_sink sink;         /* counts progress, then records */
    struct scenario_progress progress;
    char error[256]; /* of the store, when it could not be opened */
    const struct trial_watch *watch; /* NULL: nobody watches */
    uint8_t *watched; /* the flags of a watched world: every boundary is up */
    enum check_heal heal; /* what becomes of the faults, of this seed */
    bool broken;          /* a rule of the watch could not be added */
    bool flawed;          /* it has defects */
};

/* Which of the scenario's worlds. Everything is borrowed. */
struct scenario_world_options {
    uint64_t seed;
    const struct fault_rule *rules; /* after the scenario's plan and swarm */
    uint32_t rule_count;
    const char *const *defects; /* on top of the scenario's own */
    uint32_t defect_count;
    bool faultless;    /* without the scenario's plan and swarm */
    uint64_t schedule; /* seed of latencies and durations; 0: as the rest */
    bool paranoid;     /* S7 after every event */
    const struct trial_watch *watch;  /* see scenarios/trial.h */
    struct report_failures *failures; /* NULL: nobody asks why runs fail */
    struct sim_record_sink records;
};

/*
 * Builds it all. Records go to options->records, the first when it is started.
 * NULL and a sentence in message on failure.
 */
struct scenario_world *
scenario_world_new(const struct scenario *scenario,
                   const struct scenario_world_options *options, char *message,
                   size_t size);
/* Starts the processes: once, when whoever takes the records can. */
void scenario_world_start(struct scenario_world *world);
void scenario_world_free(struct scenario_world *world);
/* Fills the tables of graphs, steps and effects. False without memory. */
bool scenario_world_tables(struct scenario_world *world);

/* All runs have ended and everything they left behind is dealt with. */
bool scenario_world_over(const struct scenario_world *world);

/* Rule `index` of the plan as one line, its times from the world's start. */
void scenario_world_rule_text(const struct scenario_world *world,
                              uint32_t index, char *text, size_t size);

/* Why a world ended; detail of WORLD_END. */
enum scenario_end {
    SCENARIO_END_DONE,
    SCENARIO_END_TIME,
    SCENARIO_END_EVENTS,
    SCENARIO_END_STOPPED,
    SCENARIO_END_INTERRUPTED
};

enum {
    SCENARIO_LOOK_EVERY = 4096 /* events between looks at the outside */
};

/* What looks in now and then while a world goes on. */
struct scenario_look {
    const volatile sig_atomic_t *interrupted; /* NULL: never */
    void (*progress)(void *self, uint64_t virtual_ns, uint64_t events,
                     uint64_t runs_ended); /* NULL: nobody wants to know */
    void *self;
};

/* Starts the world, carries out its events until it is over, and ends it. */
enum scenario_end scenario_world_run(struct scenario_world *world,
                                     const struct scenario_look *look);

/* The end: audits the store and writes the last records. */
void scenario_world_end(struct scenario_world *world, enum scenario_end why);

#endif
