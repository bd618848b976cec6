/*
 * Lambda as a platform model (sim/platform/model.h): environments of
 * sim/platform/lambda.h are places, and asynchronous jobs wait in the queue
 * of sim/platform/lambda_queue.h.
 *
 *     submit, sync   429 or 413 at once; else a place: START now if it is
 *                    warm, OPEN now and START after placement and INIT if not
 *     submit, async  queued; delivered by advance at the same time, again
 *                    after 429 and errors, now and then twice
 *     the deadline   CLOSE, then FAIL (sync) or another try (async)
 *     idle too long  CLOSE, at the time at which it expired
 *
 * A place without a job is frozen: its process stands still until the next
 * START (sim_model_ops.freezes).
 */
#ifndef SIM_LAMBDA_MODEL_H
#define SIM_LAMBDA_MODEL_H

#include "sim/platform/lambda.h"
#include "sim/platform/lambda_durable.h"
#include "sim/platform/lambda_queue.h"
#include "sim/platform/model.h"

/* Why a job is THROTTLED, beside enum sim_lambda_reason. */
enum {
    SIM_LAMBDA_BY_EXECUTIONS = SIM_LAMBDA_REASONS /* durable ones started */
};

/* Why a place was closed: the code of CLOSE. */
enum sim_lambda_end {
    SIM_LAMBDA_END_EXPIRED = 1, /* idle for too long */
    SIM_LAMBDA_END_LOST,        /* its process died */
    SIM_LAMBDA_END_KILLED,      /* the function's timeout */
    SIM_LAMBDA_END_OOM,
};

/* What the queue says of an asynchronous job: the code of STATE. */
enum sim_lambda_state {
    SIM_LAMBDA_STATE_QUEUED = 1,
    SIM_LAMBDA_STATE_THROTTLED, /* was delivered, 429: a = what by */
    SIM_LAMBDA_STATE_RETRIED,   /* after an error; once more at a */
};

struct sim_lambda_model_config {
    struct sim_lambda_config lambda;
    const struct sim_lambda_function *functions; /* copied */
    uint32_t function_count;
    enum sim_lambda_mode mode;
    struct sim_lambda_queue_config queue; /* ASYNC */
    uint32_t threads; /* that work can use; 0: as each work says */
    /* Only its rates; zeroed: executions and checkpoints are not counted. */
    struct sim_lambda_durable_config durable;
};

/*
 * Makes the model; a job's function is its demand's, below function_count. 0;
 * -1 without memory or -2 for numbers that do not fit together, and *model is
 * unchanged. The caller frees it by ops->free.
 */
int sim_lambda_model(struct sim_model *model,
                     const struct sim_lambda_model_config *config,
                     uint64_t seed);

/* The platform behind a model made above, to look at. */
const struct sim_lambda *sim_lambda_model_platform(const struct sim_model *);

#endif
