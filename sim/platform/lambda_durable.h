/*
 * Durable functions as Lambda counts and bills them: operations, data written
 * and data kept, and how often executions may be started and checkpointed.
 *
 * An operation is what the service meters, not what a program calls: a step
 * counts once and once for each retry, a wait for a callback three times.
 */
#ifndef SIM_LAMBDA_DURABLE_H
#define SIM_LAMBDA_DURABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/platform/bucket.h"

struct sim_lambda_durable_config {
    uint64_t operations_max; /* of one execution */
    uint64_t data_max;       /* bytes that one execution writes */
    struct sim_rate start_rate, checkpoint_rate;
    uint64_t price_operation_pico;
    uint64_t price_written_pico;  /* of 10^9 bytes */
    uint64_t price_retained_pico; /* of 10^9 bytes for 30 days */
};

/* What an execution, or many of them, have done. */
struct sim_lambda_durable_use {
    uint64_t steps, step_retries;
    uint64_t conditions, polls; /* wait for a condition */
    uint64_t callbacks, callback_retries;
    uint64_t fans, branches; /* map and parallel */
    uint64_t waits, invokes;
    uint64_t written_bytes;
    uint64_t callback_bytes; /* of these, payloads of callbacks */
    uint64_t retained_bytes; /* on average, */
    uint64_t retained_ns;    /* for so long */
};

enum sim_lambda_durable_line {
    SIM_LAMBDA_DURABLE_OPERATIONS,
    SIM_LAMBDA_DURABLE_WRITTEN,
    SIM_LAMBDA_DURABLE_RETAINED,
    SIM_LAMBDA_DURABLE_LINES,
};

/* Operations as they are metered. */
uint64_t
sim_lambda_durable_operations(const struct sim_lambda_durable_use *use);

/* Bytes as they are metered: payloads of callbacks are stored twice. */
uint64_t sim_lambda_durable_written(const struct sim_lambda_durable_use *use);

/* A line of the bill in nano-dollars, rounded down. */
uint64_t sim_lambda_durable_nano(const struct sim_lambda_durable_config *config,
                                 const struct sim_lambda_durable_use *use,
                                 enum sim_lambda_durable_line line);

/* Above which quota one execution is: "operations", "data", or NULL. */
const char *
sim_lambda_durable_over(const struct sim_lambda_durable_config *config,
                        const struct sim_lambda_durable_use *use);

/*
 * The rates of an account, each a bucket of one second. Zeroed and prepared
 * by init, false if they cannot be counted. start and checkpoint: whether one
 * is let through at now_ns, which never falls; else it is a 429.
 */
struct sim_lambda_durable_gate {
    struct sim_bucket starts, checkpoints;
};
bool sim_lambda_durable_gate_init(
    struct sim_lambda_durable_gate *gate,
    const struct sim_lambda_durable_config *config);
bool sim_lambda_durable_start(struct sim_lambda_durable_gate *gate,
                              uint64_t now_ns);
bool sim_lambda_durable_checkpoint(struct sim_lambda_durable_gate *gate,
                                   uint64_t now_ns);

#endif
