/*
 * What Lambda says when something went wrong: cause chains in the words of
 * the service and its runtimes. Private to sim/platform/lambda*.c.
 */
#ifndef SIM_LAMBDA_WORDS_H
#define SIM_LAMBDA_WORDS_H

#include "sim/platform/lambda.h"
#include "sim/platform/model.h"

/* Those of one function, made once. */
struct sim_lambda_words {
    struct sim_cause timeout, oom;
    struct sim_cause old; /* an event that waited for too long */
};

void sim_lambda_words_init(struct sim_lambda_words *words,
                           const struct sim_lambda_function *about,
                           uint64_t age_max_ns);

/* A process that ended by itself: 128 + n is signal n. */
void sim_lambda_say_died(struct sim_cause *cause, uint32_t exit_code);

/* A request of `actual` bytes. */
void sim_lambda_say_too_large(struct sim_cause *cause, uint64_t limit,
                              uint64_t actual);

/* A function of so many megabytes cannot be made. */
void sim_lambda_say_too_much_memory(struct sim_cause *cause, uint64_t limit,
                                    uint64_t actual);

/* Names of enum sim_lambda_state and sim_lambda_end (lambda_model.h). */
const char *sim_lambda_state_name(uint32_t code);
const char *sim_lambda_end_name(uint32_t code);

#endif
