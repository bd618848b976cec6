/*
 * What outside systems answer to a callback, and when: as it is told, or as a
 * fault has it, before, at and behind the limits of the callback.
 *
 *     made ---- heartbeat limit ---- answer ---- timeout
 *          early, late: 1 ms before and behind a limit
 */
#ifndef SCENARIOS_LAMBDA_ANSWERS_H
#define SCENARIOS_LAMBDA_ANSWERS_H

#include "scenarios/lambda/plan.h"

enum {
    LAMBDA_REPLIES_MAX = 4
};

struct lambda_reply {
    uint64_t after_ns; /* the callback was made */
    enum lambda_callback_end end;
};

/*
 * The replies to a callback, in order: usual is what it is answered
 * undisturbed. Returns how many there are.
 */
uint32_t lambda_answers_plan(enum lambda_fault fault,
                             const struct lambda_callback *callback,
                             const struct lambda_reply *usual,
                             struct lambda_reply out[LAMBDA_REPLIES_MAX]);

#endif
