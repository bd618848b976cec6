/*
 * The environment variables of a function's process: those that Lambda sets,
 * where our endpoints are, and the program's own.
 */
#ifndef ENGINE_HOST_LAMBDA_VARIABLES_H
#define ENGINE_HOST_LAMBDA_VARIABLES_H

#include "engine/host/lambda/host.h"

struct lambda_told {
    const struct lambda_program *program; /* must outlive the list */
    const char *address;
    uint16_t port;
    bool skips; /* the clock: the rest is for it */
    uint64_t now_ns;
    uint64_t seed;
    const struct lambda_outgoing *outgoing; /* NULL: none */
};

struct lambda_variables;

/* NULL: out of memory. */
struct lambda_variables *lambda_variables_new(const struct lambda_told *told);
void lambda_variables_free(struct lambda_variables *variables);
/* "NAME=value" each, then NULL. */
const char *const *
lambda_variables_list(const struct lambda_variables *variables);

#endif
