/*
 * The environments of a Lambda model as places: what runs in each, and when
 * the next of them has something to happen. Private to
 * sim/platform/lambda*.c.
 *
 * Running places of functions with the same timeout stand in a lane, in the
 * order of their deadlines: the last to start is the last to be killed, so
 * each goes to the end. Whatever is due otherwise is in a heap.
 */
#ifndef SIM_LAMBDA_PLACES_H
#define SIM_LAMBDA_PLACES_H

#include "sim/platform/heap.h"
#include "sim/platform/lambda.h"
#include "sim/platform/model.h"

enum sim_lambda_place_state {
    SIM_LAMBDA_PLACE_IDLE, /* or not there, or being made ahead of need */
    SIM_LAMBDA_PLACE_BOOTING,
    SIM_LAMBDA_PLACE_RUNNING,
};

struct sim_lambda_place {
    const struct sim_demand *demand;
    uint64_t deadline_ns;
    uint64_t starts_ns; /* BOOTING: when the handler would run */
    uint32_t job;
    uint32_t record;   /* async: of the job */
    uint32_t queue_id; /* async */
    uint32_t generation;
    uint32_t before, after; /* in a lane */
    uint32_t lane;          /* SIM_MODEL_NONE: in none */
    enum sim_lambda_place_state state;
};

struct sim_lambda_lane {
    uint64_t timeout_ns;
    uint32_t first, last;
};

struct sim_lambda_places {
    struct sim_lambda_place *list; /* by the environment's index */
    uint32_t capacity;
    struct sim_heap due; /* START, out of memory, a deadline of no lane */
    struct sim_lambda_lane *lanes;
    uint32_t *lane_of; /* by function */
    uint32_t lane_count;
};

/* 0, or -1 without memory. deinit either way. */
int sim_lambda_places_init(struct sim_lambda_places *places,
                           const struct sim_lambda_function *functions,
                           uint32_t count);
void sim_lambda_places_deinit(struct sim_lambda_places *places);

/* Room for the place `index`; false without memory. */
bool sim_lambda_places_room(struct sim_lambda_places *places, uint32_t index);

/* A running place has its deadline; called at now_ns, when it starts. */
void sim_lambda_places_run(struct sim_lambda_places *places, uint64_t now_ns,
                           uint32_t index);

/* Nothing is due in the place any more, and it has no job. */
void sim_lambda_places_settle(struct sim_lambda_places *places, uint32_t index);

uint64_t sim_lambda_places_next(const struct sim_lambda_places *places);

/* A place with something due by now_ns, or SIM_MODEL_NONE. */
uint32_t sim_lambda_places_due(struct sim_lambda_places *places,
                               uint64_t now_ns);

/* Says where a job is; false: in none of them. */
bool sim_lambda_places_explain(const struct sim_lambda_places *places,
                               uint64_t now_ns, uint32_t job, char *text,
                               size_t size);

#endif
