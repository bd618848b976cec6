/*
 * What a Lambda platform remembers. Private to sim/platform/lambda*.c.
 */
#ifndef SIM_LAMBDA_STATE_H
#define SIM_LAMBDA_STATE_H

#include "engine/random.h"
#include "sim/platform/bucket.h"
#include "sim/platform/lambda.h"
#include "sim/platform/lambda_pool.h"

struct sim_lambda_deployed {
    struct sim_lambda_function about;
    struct sim_bucket scaling;
    struct sim_bucket rate;
    struct sim_lambda_list idle;
    uint64_t cold;  /* environments so far */
    uint64_t calls; /* requests that were served */
    uint64_t billed_mb_ms;
    uint64_t ahead_billed_mb_ms; /* in environments made ahead of need */
    uint32_t busy;               /* on demand */
    uint32_t ahead;              /* environments made ahead, or being made */
    uint64_t ahead_begun;        /* all that ever were begun */
    uint64_t ahead_next_ns;      /* when the next of them may be begun */
    struct sim_bucket ahead_rate;
    struct sim_lambda_list ready; /* made ahead and idle */
    struct engine_stream placement, init, expiry;
};

struct sim_lambda {
    struct sim_lambda_config config;
    struct sim_lambda_pool pool;
    struct sim_lambda_counts counts;
    uint64_t idle_min_ns;  /* no environment expires sooner */
    uint64_t lived_ns;     /* ends less births, modulo 2^64 */
    uint64_t worked_ns;    /* the same of being busy */
    bool waits;            /* for sim_lambda_begin() */
    uint64_t ahead_due_ns; /* when one may be begun ahead of need */
    sim_lambda_made *made;
    void *made_self;
    struct engine_stream days;
    uint64_t day; /* whose effect is kept */
    double day_effect;
    uint32_t unreserved; /* concurrency shared by functions without own */
    uint32_t unreserved_busy;
    uint32_t function_count;
    struct sim_lambda_deployed functions[];
};

/* a * b / c without overflow, for a * b / c and b * c within 64 bits. */
static inline uint64_t sim_lambda_scale(uint64_t a, uint64_t b, uint64_t c)
{
    return a / c * b + a % c * b / c;
}

/* The concurrency that a function has on demand, of its own or to share. */
static inline uint32_t
sim_lambda_limit_of(const struct sim_lambda *lambda,
                    const struct sim_lambda_deployed *function)
{
    return function->about.reserved == SIM_LAMBDA_UNRESERVED
               ? lambda->unreserved
               : function->about.reserved - function->about.provisioned;
}

static inline struct sim_lambda_env
sim_lambda_env_of(const struct sim_lambda *lambda, uint32_t index)
{
    return (struct sim_lambda_env){index, lambda->pool.slots[index].generation};
}

/* A number strictly between 0 and 1. */
static inline double sim_lambda_unit(uint64_t draw)
{
    return ((double)(int64_t)(draw >> 12) + 0.5) * 0x1p-52;
}

/* Moves a draw by the day's effect; of all days together it stays uniform. */
uint64_t sim_lambda_day_draw(uint64_t draw, double effect, uint32_t share_ppb);

/* Billing of a busy environment that is done at now_ns: the billed time. */
uint64_t sim_lambda_bill(struct sim_lambda *lambda,
                         const struct sim_lambda_slot *slot, uint64_t now_ns);

/*
 * A new environment, in no list: a slot with its function and number, alive
 * from now_ns. SIM_LAMBDA_NONE without memory.
 */
uint32_t sim_lambda_create(struct sim_lambda *lambda, uint64_t now_ns,
                           uint32_t function);

/*
 * What comes before the handler in environment `serial` of a function.
 * INIT that takes longer than limit_ns is cut off and run again: again_ns.
 */
struct sim_lambda_start {
    uint64_t placement_ns, init_ns, again_ns;
};
struct sim_lambda_start
sim_lambda_start_of(struct sim_lambda *lambda,
                    const struct sim_lambda_deployed *function, uint64_t serial,
                    uint64_t now_ns, uint64_t limit_ns);

/* Environments made ahead of need (lambda_ahead.c) ------------------------ */

/* Checks and prepares a function's; false: the numbers do not fit. */
bool sim_lambda_ahead_init(struct sim_lambda *lambda, uint32_t function);
/* Begins the one that is due by now_ns, if any. */
void sim_lambda_ahead_begin(struct sim_lambda *lambda, uint64_t now_ns);
/* One that was being made is ready. */
void sim_lambda_ahead_ready(struct sim_lambda *lambda, uint32_t index);
/* One of them is gone at now_ns: another will be made. */
void sim_lambda_ahead_lost(struct sim_lambda *lambda, uint32_t function,
                           uint64_t now_ns);
/* One that is ready and may serve this request, or SIM_LAMBDA_NONE. */
uint32_t sim_lambda_ahead_pick(struct sim_lambda *lambda, uint64_t now_ns,
                               const struct sim_lambda_request *request);

#endif
