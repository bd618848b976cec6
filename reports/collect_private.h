/*
 * What the files of the collector share: what is kept of runs, nodes and faults
 * while records come in.
 *
 *     collect.c         opening, taking each record to where it belongs
 *     collect_runs.c    runs, their steps and attempts, the effects of those
 *     collect_faults.c  faults, and what followed from each
 *     collect_world.c   machines, platforms, the store
 *     collect_kept.c    records that are kept whole
 *     collect_finish.c  what it all comes to at the end
 */
#ifndef REPORTS_COLLECT_PRIVATE_H
#define REPORTS_COLLECT_PRIVATE_H

#include "reports/attempts.h"
#include "reports/collect.h"
#include "reports/series.h"

enum {
    COLLECT_RETAINED_DEFAULT = 400000,
    COLLECT_OPEN_FAULTS_MAX = 64
};

/* An applied effect whose step has not succeeded yet is kept in the table of
   attempts under this number, which no attempt has. */
#define COLLECT_APPLIED UINT32_MAX

/* What is kept of every run. */
struct collect_run {
    uint64_t due_ns;
    uint32_t workflow;
    uint16_t trouble; /* faults, takeovers and retries, weighed */
    uint8_t state;    /* enum engine_run_state; 0: not durable yet */
    unsigned seen : 1;
    unsigned leased : 1; /* a lease was granted and not given back */
    unsigned parked : 1; /* a handler that has waited */
};

/* What is kept of every node. */
struct collect_node {
    uint64_t down_ns;   /* 0: it is up, as below */
    uint64_t paused_ns; /* 0: it runs */
    uint64_t went_ns;   /* last time it went down for a fault, unclaimed */
    uint64_t stood_ns;  /* last time it was paused, unclaimed */
    uint64_t set_ns;    /* last time its clock was set, unclaimed */
    uint32_t wait_down; /* points + 1 whose effect has not shown yet */
    uint32_t wait_paused;
    uint32_t wait_set;
    int environment; /* of a platform: one that dies is replaced */
};

/* A run that another has invoked. */
struct collect_invoked {
    uint64_t run; /* 0: free */
    uint32_t workflow;
};

struct collect_fault {
    uint32_t point;
    uint32_t node;
    uint64_t from_ns;
};

struct report_collect {
    struct report_world world;
    struct report_stats stats;
    int finished;

    struct collect_run *runs; /* by id, grown as ids are seen */
    uint64_t run_room;
    uint64_t in_flight;
    uint64_t in_flight_before; /* most before the first fault */
    uint64_t lasting_ns;       /* until then, at least, a fault lasts */

    struct collect_node *nodes;
    uint32_t node_room;
    uint32_t *step_of; /* by workflow's base + op: index + 1 in steps */
    uint32_t *base_of; /* by workflow */
    struct report_fault *faults; /* by point, point_count of them */
    struct collect_fault open[COLLECT_OPEN_FAULTS_MAX];
    uint32_t open_count;

    struct report_attempts attempts;
    struct report_attempts parts;    /* of handlers' steps, by operation */
    struct collect_invoked *invoked; /* open addressing by run */
    uint32_t invoked_count;
    uint32_t invoked_room;
    struct report_series series;
    struct report_splitter *splitter; /* NULL: brief */
    struct report_struck *struck;     /* NULL: brief, or nothing is armed */
    struct report_use use;
    uint64_t renewed_ns; /* last renewal counted, with its sender */
    uint16_t renewed_peer;

    struct report_retained *retained;
    size_t retained_count;
    size_t retained_room;
    uint64_t left_out;
    int choosy; /* only followed runs and the world's own records */
    uint64_t followed[REPORT_FOLLOWED_MAX];
    uint32_t followed_count;
};

/* collect_runs.c -------------------------------------------------------- */

/* The same of a node. */
struct collect_node *collect_node_of(struct report_collect *collect,
                                     uint16_t id);
/* Something happened to this run that makes it worth a look. */
void collect_trouble(struct report_collect *collect, uint64_t id,
                     unsigned weight);
/* What is known of a run, made when it is first seen; NULL: none such. */
struct collect_run *collect_run_of(struct report_collect *collect, uint64_t id);
/* A point of the series of runs in flight. */
void collect_count_in_flight(struct report_collect *collect, uint64_t now);
/* The room to have for index, doubling from the room there is. */
uint64_t collect_room_for(uint64_t room, uint64_t index, uint64_t first);
/* It was asked for: its latency counts from due_ns. */
void collect_run_seen(struct report_collect *collect, struct collect_run *run,
                      uint64_t due_ns, uint64_t now, uint32_t workflow);
/* The state of a run after a durable row; an ended run stays ended. */
void collect_run_state(struct report_collect *collect,
                       const struct engine_record *record);
/* The kinds of record that concern a run, each taken in. */
void collect_work_put(struct report_collect *collect,
                      const struct engine_record *record);
void collect_work_claimed(struct report_collect *collect,
                          const struct engine_record *record);
void collect_attempt_code(struct report_collect *collect,
                          const struct engine_record *record);
void collect_work_over(struct report_collect *collect,
                       const struct engine_record *record);
void collect_effect(struct report_collect *collect,
                    const struct engine_record *record);
void collect_event(struct report_collect *collect,
                   const struct engine_record *record);
/* Whether the run is a handler's. */
int collect_is_handler(struct report_collect *collect, uint64_t id);

/* collect_faults.c ------------------------------------------------------ */

/* A time in which a fault lasted, for the charts. */
void collect_add_band(struct report_collect *collect, struct report_band band);
/* The kinds of record that concern faults, each taken in. */
void collect_fault(struct report_collect *collect,
                   const struct engine_record *record);
/* Most faults never end, they are over at once: the oldest makes room. */
void collect_forget_open(struct report_collect *collect, uint32_t index);
void collect_fault_ended(struct report_collect *collect,
                         const struct engine_record *record);
void collect_proc_down(struct report_collect *collect,
                       const struct engine_record *record);
void collect_proc_back(struct report_collect *collect,
                       const struct engine_record *record);
void collect_proc_paused(struct report_collect *collect,
                         const struct engine_record *record);
void collect_clock_set(struct report_collect *collect,
                       const struct engine_record *record);
void collect_renewed(struct report_collect *collect,
                     const struct engine_record *record);
void collect_leased(struct report_collect *collect,
                    const struct engine_record *record);
void collect_rejected(struct report_collect *collect,
                      const struct engine_record *record);
/* The effect of what waited for one has shown. */
void collect_shown(struct report_collect *collect, uint64_t now,
                   uint64_t *shown_ns, uint32_t *waiting);

/* collect_kept.c -------------------------------------------------------- */

/* Keeps the record if it is among those that are asked for. */
void collect_retain(struct report_collect *collect,
                    const struct engine_record *record);

/* collect_world.c ------------------------------------------------------- */

/* Records of the store, of platforms and of the world. */
void collect_take_store(struct report_collect *collect,
                        const struct engine_record *record);
/* A fault of one of a platform's hosts shows in what ended with it, at once. */
void collect_host_gone(struct report_collect *collect,
                       const struct engine_record *record);

/* collect.c ------------------------------------------------------------- */

/* The steps of a handler; NULL: programs are not known. */
const struct report_program *
collect_program_of(const struct report_collect *collect, uint32_t workflow);

#endif
