/*
 * A small simulated world to poke at: its records are kept, a short list of
 * rules decides at points, and probes stand in for processes and write down
 * what reaches them.
 *
 *     struct sim_bed *bed = sim_bed_new(1, NULL);
 *     struct sim_probe *probe = sim_bed_probe(bed, 8);
 *     sim_process_start(bed->world, 8);
 *     sim_bed_run(bed, 5 * SIM_BED_MS);
 *     sim_bed_free(bed);
 */
#ifndef TESTS_SIM_BED_H
#define TESTS_SIM_BED_H

#include "sim/world.h"

#define SIM_BED_MS UINT64_C(1000000)
#define SIM_BED_START_NS UINT64_C(1000000000000)

enum {
    SIM_BED_RULES = 8,
    SIM_BED_PROBES = 8,
    SIM_BED_SEEN = 512
};

enum sim_bed_what {
    SEEN_START,
    SEEN_STOP,
    SEEN_RESUME,
    SEEN_MESSAGE,
    SEEN_TIMER
};

/* One call of a probe's function; a message's arg is its run. */
struct sim_seen {
    uint64_t time_ns; /* since the start of the world */
    uint64_t arg;
    enum sim_bed_what what;
};

struct sim_probe {
    struct sim_world *world;
    uint32_t node;
    struct sim_seen seen[SIM_BED_SEEN];
    uint32_t count;
    /* The probe pauses itself in these calls, and puts the message back. */
    uint64_t pause_at_run;
    uint64_t pause_ns;
};

/* At `point` of `node` (0: any), after `skip` questions, `times` times. */
struct sim_bed_rule {
    uint32_t point;
    uint32_t node;
    uint64_t skip;
    uint64_t times;
    struct engine_decision decision;
};

struct sim_bed {
    struct sim_world *world;
    struct engine_points points;
    uint8_t armed[SIM_POINT_COUNT];
    struct sim_bed_rule rules[SIM_BED_RULES];
    uint32_t rule_count;
    struct engine_site asked; /* the last question */
    struct engine_record *records;
    size_t record_count;
    size_t record_capacity;
    struct sim_probe probes[SIM_BED_PROBES];
    uint32_t probe_count;
};

/* net may be NULL: every message takes 1 ms. Never NULL: it asserts. */
struct sim_bed *sim_bed_new(uint64_t seed, const struct sim_net_config *net);
void sim_bed_free(struct sim_bed *bed);

/* A clock that shows true time. */
struct sim_clock sim_bed_clock(void);

/* Sets a probe at a node; it is not started. */
struct sim_probe *sim_bed_probe(struct sim_bed *bed, uint32_t node,
                                uint64_t restart_ns);

/* From now on the point does this, after `skip` questions, `times` times. */
void sim_bed_arm(struct sim_bed *bed, enum sim_point point, uint64_t skip,
                 uint64_t times, enum engine_action action, int64_t amount);
/* Nothing goes wrong any more. */
void sim_bed_disarm(struct sim_bed *bed);

/* Carries out all events until this time since the start of the world. */
void sim_bed_run(struct sim_bed *bed, uint64_t until_ns);

/* A message without payload from one node to another. */
void sim_bed_send(struct sim_bed *bed, uint32_t from, uint32_t to,
                  uint64_t run);

/* How many records of this kind there are, and the nth of them or NULL. */
size_t sim_bed_count(struct sim_bed *bed, enum engine_record_kind kind);
const struct engine_record *
sim_bed_record(struct sim_bed *bed, enum engine_record_kind kind, size_t nth);

/* How many things of this sort a probe has seen; the nth of all it saw. */
uint32_t sim_probe_count(const struct sim_probe *probe, enum sim_bed_what what);
/* What a probe saw, as one line: "start msg(3)@1 timer(7)@20", in ms. */
void sim_probe_story(const struct sim_probe *probe, char *text, size_t size);

#endif
