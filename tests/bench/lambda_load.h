/*
 * Clients of the Lambda service: connections that are kept, each of which
 * carries out one execution after the other, as a function with its SDK does.
 *
 *     Invoke --> its event --> checkpoint, checkpoint, .. --> answer
 *
 * Each checkpoint begins and ends one step, with the token that the one before
 * has given, and the headers that an SDK sends. One request a connection is
 * under way, so the service decides how fast they go.
 */
#ifndef LAMBDA_LOAD_H
#define LAMBDA_LOAD_H

#include <stdint.h>

struct lambda_load_config {
    uint16_t port;
    uint32_t connections;
    uint32_t executions;  /* of each connection */
    uint32_t checkpoints; /* of each execution */
};

struct lambda_load_found {
    uint64_t checkpoints; /* answered with a new token */
    uint64_t took_ns;
    uint64_t p50_ns; /* of a checkpoint, from its sending to its answer */
    uint64_t p99_ns;
};

/*
 * What goes over the wire is checked: an answer that is not expected ends the
 * bench.
 */
void lambda_load_run(const struct lambda_load_config *config,
                     struct lambda_load_found *found);

#endif
