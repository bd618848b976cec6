/*
 * How many calls of each kind a second of the service's time takes: quotas of
 * an account, off unless they are asked for. A second's worth may come at
 * once; after that calls are refused until one more fits.
 */
#ifndef ENGINE_HOST_LAMBDA_RATE_H
#define ENGINE_HOST_LAMBDA_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum lambda_rate_kind {
    LAMBDA_RATE_START, /* of executions, by Invoke */
    LAMBDA_RATE_CHECKPOINT,
    LAMBDA_RATE_STATE,
    LAMBDA_RATE_GET,
    LAMBDA_RATE_HISTORY,
    LAMBDA_RATE_LIST,
    LAMBDA_RATE_CALLBACK, /* success, failure and heartbeat together */
    LAMBDA_RATE_STOP,
    LAMBDA_RATE_COUNT
};

/* A second each; 0: as many as there are. */
struct lambda_rates {
    uint32_t calls[LAMBDA_RATE_COUNT];
};

/* AWS's quotas of a region. */
const struct lambda_rates *lambda_rates_aws(void);

/* When each kind will have been paid for. Start it as {0}. */
struct lambda_rate_state {
    uint64_t paid_ns[LAMBDA_RATE_COUNT];
};

/* Takes one call in. 0; or the whole seconds after which it may be tried
 * again: it is over the rate. */
uint32_t lambda_rate_take(const struct lambda_rates *rates,
                          struct lambda_rate_state *state,
                          enum lambda_rate_kind kind, uint64_t now_ns);

#endif
