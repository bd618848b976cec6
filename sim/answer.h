/*
 * How the simulated outside answers a callback: when, with what, how often,
 * and whether it shows signs of life until then.
 */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "sim/draw.h"

enum sim_answer_kind {
    SIM_ANSWER_SUCCESS,
    SIM_ANSWER_FAILURE,
    SIM_ANSWER_NOTHING
};

struct sim_answer {
    struct sim_dist after; /* from when its id is given out */
    enum sim_answer_kind kind;
    uint64_t heartbeat_every_ns; /* until the answer; 0: never */
    uint32_t times;              /* the same answer so often */
    uint32_t value_bytes;        /* of a success */
};

#endif
