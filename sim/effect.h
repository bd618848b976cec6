/*
 * What follows the head of messages that play the code of a handler's steps.
 * A declared graph's steps send the head alone: its op says all.
 */
#ifndef SIM_EFFECT_H
#define SIM_EFFECT_H

#include <stdint.h>

enum {
    SIM_EFFECT_KEYED = 1,   /* flag of ENGINE_MSG_EFFECT: the receiver is given
                               an idempotency key */
    SIM_CALLBACK_SIZE = 48, /* of a callback's id with its NUL */
    /*
     * Steps of a program are told apart from the handler's invocations, which
     * are operation 0, where faults and reports name them.
     */
    SIM_STEP_BASE = 1
};

/* Of EFFECT to the receiver, and of its answer. */
struct sim_effect {
    uint64_t operation; /* low half of the operation's id; 0: a graph's */
    uint64_t content;   /* hash of what is asked for: the step's input */
    uint32_t step;      /* number in the program, plus SIM_STEP_BASE; 0: a
                           graph's */
    uint32_t reserved;  /* 0 */
};

/* Of EFFECT to SIM_NODE_OUTSIDE: this callback's id has been given out. */
struct sim_callback {
    uint32_t workflow;
    uint32_t step;
    char id[SIM_CALLBACK_SIZE];
};

#endif
