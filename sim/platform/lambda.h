/*
 * The Lambda platform as a state machine: which environment serves a request,
 * when it is ready, who is turned away, what it costs.
 *
 * Nothing here waits, draws from the world or schedules: the caller owns time
 * and events, and calls in the order of virtual time.
 *
 *   sim_lambda_expire(l, now, gone, world)    idle environments that ended
 *   sim_lambda_invoke(l, now, &request, &placed)
 *       WARM, COLD     work begins at placed.starts_ns in placed.env and must
 *                      be finished or killed by placed.deadline_ns
 *       THROTTLED      429: which limit, how much, how many in flight
 *       TOO_LARGE      413: which limit, how many bytes
 *   sim_lambda_run_time(l, env, &work)        how long a piece of work takes
 *   sim_lambda_finish(l, env, end)            the environment is idle, billed
 *   sim_lambda_kill(l, env, end)              the environment is gone, billed
 *
 * An environment serves one request at a time. When the last one is finished
 * it stays for a drawn time and then expires. Its id is an index into a dense
 * pool, so that a caller can keep its own table beside it, and a generation
 * that tells a reused index from the one before.
 *
 * Random times come from streams named after the function and indexed by the
 * environment's number, so that one more cold start moves no other draw. An
 * idle time is only drawn once an environment has outlived the shortest one.
 */
#ifndef SIM_LAMBDA_H
#define SIM_LAMBDA_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/draw.h"
#include "sim/platform/bucket.h"

#define SIM_LAMBDA_NEVER UINT64_MAX
#define SIM_LAMBDA_UNRESERVED UINT32_MAX
#define SIM_LAMBDA_FUNCTIONS_MAX 1024

/* A step's time, of which a part is processor work, is at most this. */
#define SIM_LAMBDA_WORK_MAX_NS (UINT64_C(1) << 58)

enum sim_lambda_error {
    SIM_LAMBDA_ENOMEM = -1,    /* nothing has changed */
    SIM_LAMBDA_ECONFIG = -2,   /* a parameter is out of its range */
    SIM_LAMBDA_ERESERVED = -3, /* too much of the account is reserved */
};

/* Which of the idle environments of a function serves the next request. */
enum sim_lambda_pick {
    SIM_LAMBDA_PICK_NEWEST, /* the one used last, as Lambda does */
    SIM_LAMBDA_PICK_OLDEST, /* the one idle for longest */
};

enum sim_lambda_mode {
    SIM_LAMBDA_SYNC,
    SIM_LAMBDA_ASYNC, /* delivered by the queue: not bound by request rate */
};

enum sim_lambda_answer {
    SIM_LAMBDA_WARM,
    SIM_LAMBDA_COLD,
    SIM_LAMBDA_THROTTLED,
    SIM_LAMBDA_TOO_LARGE,
};

/* What a request was throttled by. */
enum sim_lambda_reason {
    SIM_LAMBDA_BY_ACCOUNT,  /* concurrency not reserved by any function */
    SIM_LAMBDA_BY_FUNCTION, /* its reserved concurrency */
    SIM_LAMBDA_BY_SCALING,  /* new environments in too short a time */
    SIM_LAMBDA_BY_RATE,     /* requests in too short a time */
    SIM_LAMBDA_REASONS,
};

/* The account and the platform. Money is in pico-dollars (10^-12). */
struct sim_lambda_config {
    uint32_t account_concurrency;
    uint32_t unreserved_min; /* what reservations must leave over */
    uint32_t scaling_burst;  /* new environments a function may have at once */
    struct sim_rate scaling_refill;
    struct sim_rate request_rate; /* per unit of concurrency */
    struct sim_dist idle_expiry;
    enum sim_lambda_pick pick;
    uint64_t init_limit_ns; /* a longer INIT is cut off and run again */
    uint32_t mb_per_vcpu;
    uint32_t vcpu_max;
    uint32_t memory_min_mb;
    uint32_t memory_max_mb;
    uint64_t timeout_max_ns;
    uint64_t sync_payload_max; /* bytes of a request or a response */
    uint64_t async_payload_max;
    uint64_t billing_step_ns; /* a whole number of milliseconds */
    bool init_billed;
    uint64_t price_request_pico;
    /* Provisioned concurrency; all 0 if no function has any. */
    uint64_t start_ns;            /* when the world begins; 0: at begin() */
    uint64_t ahead_lead_ns;       /* so long before was it asked for */
    struct sim_rate ahead_rate;   /* environments of a function */
    uint64_t ahead_init_limit_ns; /* or the function's timeout, if longer */
    uint64_t ahead_billing_step_ns;
};

/* One deployed function. */
struct sim_lambda_function {
    struct sim_dist placement;   /* a place and the code, before INIT; free */
    uint64_t placement_extra_ns; /* added to it: an image, a VPC */
    struct sim_dist init;
    uint64_t init_extra_ns;      /* added to every INIT: dependencies */
    uint64_t first_execution_ns; /* added to an environment's first work */
    uint64_t timeout_ns;
    uint32_t memory_mb;
    uint32_t reserved;    /* concurrency of its own, or SIM_LAMBDA_UNRESERVED */
    uint32_t provisioned; /* environments made ahead; at most `reserved` */
    uint64_t price_gb_s_pico;
    uint64_t price_ahead_gb_s_pico;     /* of memory that is kept ready */
    uint64_t price_ahead_run_gb_s_pico; /* of work in it */
    uint32_t day_share_ppb;  /* of the spread of INIT that is the day's */
    uint32_t day_memory_ppb; /* how much a day is like the one before */
};

struct sim_lambda_env {
    uint32_t index;
    uint32_t generation;
};

struct sim_lambda_request {
    uint32_t function;
    enum sim_lambda_mode mode;
    uint64_t payload_bytes;
};

/* The answer to a request. */
struct sim_lambda_placed {
    enum sim_lambda_answer answer;
    /* WARM and COLD */
    struct sim_lambda_env env;
    uint64_t starts_ns;   /* when the handler runs; may be past the deadline */
    uint64_t deadline_ns; /* when the platform kills it */
    uint64_t init_ns;     /* the part of the start-up that is INIT */
    /* THROTTLED */
    enum sim_lambda_reason reason;
    /* THROTTLED and TOO_LARGE: the limit, and what met it */
    uint64_t limit;
    uint64_t actual;
};

/*
 * A piece of work: how long it takes on one vCPU, how much of that is
 * processor work, and on how many vCPUs that part can spread.
 */
struct sim_lambda_work {
    uint64_t nominal_ns;
    uint32_t cpu_ppb;
    uint32_t threads; /* at least 1 */
};

struct sim_lambda_counts {
    uint64_t cold;
    uint64_t warm;
    uint64_t throttled[SIM_LAMBDA_REASONS];
    uint64_t too_large;
    uint64_t init_overruns; /* INITs cut off at the limit */
    uint64_t expired;
    uint64_t killed;
    uint32_t envs;
    uint32_t envs_peak;
    uint32_t busy;
    uint32_t busy_peak;
    uint64_t billed_mb_ms;
    uint64_t ahead;   /* of warm: in provisioned environments */
    uint64_t spilled; /* could have been, but none was ready or allowed */
};

/* Lines of the bill. */
enum sim_lambda_line {
    SIM_LAMBDA_LINE_REQUESTS,
    SIM_LAMBDA_LINE_DURATION,
    SIM_LAMBDA_LINE_AHEAD_DURATION,
    SIM_LAMBDA_LINE_AHEAD_KEPT,
    SIM_LAMBDA_LINES,
};

struct sim_lambda;

/*
 * A platform with `count` functions and no environments. Copies everything.
 * 0, or a sim_lambda_error and *lambda is NULL.
 */
int sim_lambda_new(struct sim_lambda **lambda,
                   const struct sim_lambda_config *config,
                   const struct sim_lambda_function *functions, uint32_t count,
                   uint64_t seed);

/* NULL is allowed. */
void sim_lambda_free(struct sim_lambda *lambda);

/*
 * Asks for an environment at `now_ns`. Everything idle that is due must have
 * been expired: sim_lambda_next_expiry() is past `now_ns`. 0 with the answer,
 * or SIM_LAMBDA_ENOMEM.
 */
int sim_lambda_invoke(struct sim_lambda *lambda, uint64_t now_ns,
                      const struct sim_lambda_request *request,
                      struct sim_lambda_placed *placed);

/*
 * How long `work` takes in the environment, which is busy: processor work by
 * the vCPUs its memory buys. The first call pays for the first execution.
 */
uint64_t sim_lambda_run_time(struct sim_lambda *lambda,
                             struct sim_lambda_env env,
                             const struct sim_lambda_work *work);

/*
 * The request of a busy environment is answered at `now_ns`, not after its
 * deadline; the environment is idle. Returns the billed time.
 */
uint64_t sim_lambda_finish(struct sim_lambda *lambda, struct sim_lambda_env env,
                           uint64_t now_ns);

/*
 * A busy or idle environment is gone: a crash, or its deadline. Returns the
 * billed time, 0 for an idle one.
 */
uint64_t sim_lambda_kill(struct sim_lambda *lambda, struct sim_lambda_env env,
                         uint64_t now_ns);

/* Whether the id still names an environment. */
bool sim_lambda_alive(const struct sim_lambda *lambda,
                      struct sim_lambda_env env);

/*
 * No environment expires before this time, nor is one begun ahead of need;
 * one may at it. SIM_LAMBDA_NEVER when there is nothing of the kind.
 */
uint64_t sim_lambda_next_expiry(const struct sim_lambda *lambda);

/* Told of each environment that expired, and exactly when. */
typedef void sim_lambda_gone(void *self, struct sim_lambda_env env,
                             uint64_t time_ns);

/*
 * Told of each environment that is begun ahead of need, and when it will be
 * ready. It must not call back into the platform.
 */
typedef void sim_lambda_made(void *self, struct sim_lambda_env env,
                             uint64_t time_ns, uint64_t ready_ns);
/*
 * The world begins at now_ns: environments are made ahead from then. Only the
 * first call counts, and only if the configuration says no start.
 */
void sim_lambda_begin(struct sim_lambda *lambda, uint64_t now_ns);
void sim_lambda_on_made(struct sim_lambda *lambda, sim_lambda_made *made,
                        void *self);

/*
 * Ends the environments whose idle time is over by `now_ns`, and makes
 * those that are due ahead of need, in the order of their times. `gone` may be
 * NULL and must not call back into the platform.
 */
void sim_lambda_expire(struct sim_lambda *lambda, uint64_t now_ns,
                       sim_lambda_gone *gone, void *self);

/* Valid as long as the platform; changes with it. */
const struct sim_lambda_counts *
sim_lambda_counts(const struct sim_lambda *lambda);

/*
 * The time all environments together have lived, or been busy, until `now_ns`
 * (not before the last call): divided by the time, their mean number.
 */
uint64_t sim_lambda_lived_ns(const struct sim_lambda *lambda, uint64_t now_ns);
uint64_t sim_lambda_busy_ns(const struct sim_lambda *lambda, uint64_t now_ns);

/*
 * The bill until `now_ns` in nano-dollars, rounded down once: all of it, or a
 * line. sim_lambda_cost_nano() is without what is kept ready.
 */
uint64_t sim_lambda_total_nano(const struct sim_lambda *lambda,
                               uint64_t now_ns);
uint64_t sim_lambda_line_nano(const struct sim_lambda *lambda, uint64_t now_ns,
                              enum sim_lambda_line line);
/* How many lines there are: the provisioned ones only if some function is. */
uint32_t sim_lambda_line_count(const struct sim_lambda *lambda);
const char *sim_lambda_line_name(enum sim_lambda_line line);
uint64_t sim_lambda_cost_nano(const struct sim_lambda *lambda);

/* The largest response to a request of this kind, in bytes. */
uint64_t sim_lambda_payload_max(const struct sim_lambda *lambda,
                                enum sim_lambda_mode mode);

/* "account", "function", "scaling" or "rate". */
const char *sim_lambda_reason_name(enum sim_lambda_reason reason);

#endif
