#include "sim/platform/cause.h"
#include "sim/platform/celery_parts.h"

#include <stdio.h>

#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define MILLION UINT64_C(1000000)
#define PICO_IN_NANO UINT64_C(1000)
#define KIND "celery"

static void say_lost(struct sim_cause *cause, const struct celery_message *m)
{
    bool signalled = m->detail > 128;
    sim_cause_add(cause, KIND, "WorkerLostError",
                  "Worker exited prematurely: %s %u, of worker %u",
                  signalled ? "signal" : "exitcode",
                  signalled ? m->detail - 128 : m->detail, m->host);
}

/* What a client sees of a failure, outermost first. */
void celery_word_cause(struct sim_celery *c, const struct celery_message *m)
{
    struct sim_cause *cause = &c->cause;
    const char *name = m->demand->name ? m->demand->name : "task";
    *cause = (struct sim_cause){.error = ENGINE_ERR_NONE};
    sim_cause_add(cause, KIND, "FAILURE", "task %.60s", name);
    switch ((enum celery_cause)m->cause) {
    case CELERY_WORKER_LOST:
        say_lost(cause, m);
        break;
    case CELERY_TIME_LIMIT:
        sim_cause_add(cause, KIND, "TimeLimitExceeded", "%llu s",
                      (unsigned long long)(c->config.hard_limit_ns / SECOND));
        break;
    case CELERY_UNREGISTERED:
        sim_cause_add(cause, KIND, "NotRegistered", "'%.60s'", name);
        sim_cause_add(cause, KIND, "STALE_CODE",
                      "worker %u has modules without this task, restart it "
                      "without its __pycache__",
                      m->host);
        break;
    case CELERY_CONFLICT:
        sim_cause_add(cause, KIND, "OSError",
                      "two of many workers write one file, worker %u", m->host);
        break;
    }
}

/* A message that the broker does not take. */
void celery_word_too_large(const struct sim_celery *c, uint64_t size,
                           struct sim_cause *cause)
{
    sim_cause_add(cause, KIND, "OperationalError", "message of %llu bytes",
                  (unsigned long long)size);
    sim_cause_add(cause, KIND, "MessageTooLarge", "at most %llu bytes",
                  (unsigned long long)c->config.payload_max);
}

/* price * amount / per in nano-dollars, without losing what fits. */
static uint64_t money(uint64_t price, uint64_t amount, uint64_t per)
{
    uint64_t whole = amount / per, part = amount % per;
    /* per is at most 2^42 and price 2^44: a thousandth of per is exact enough
     * to stay below 2^64, and far below a nano-dollar. */
    uint64_t rest = price / PICO_IN_NANO * (part / 1000) / (per / 1000);
    return whole * price / PICO_IN_NANO + rest;
}

static uint64_t workers_up_ns(const struct sim_celery *c, uint64_t now_ns)
{
    uint64_t ns = c->up_ns;
    for (uint32_t i = 0; i < c->config.workers; i++)
        if (c->begun && c->hosts[i].state != CELERY_DOWN)
            ns += now_ns - c->hosts[i].up_since_ns;
    return ns;
}

bool celery_cost_line(const void *self, uint64_t now_ns, uint32_t i,
                      const char **name, uint64_t *nano)
{
    const struct sim_celery *c = self;
    const struct sim_celery_config *config = &c->config;
    uint64_t age_ns = c->begun ? now_ns - c->begun_ns : 0;
    switch (i) {
    case 0:
        *name = "workers";
        *nano = money(config->price_worker, workers_up_ns(c, now_ns), HOUR);
        return true;
    case 1:
        *name = "broker";
        *nano = money(config->price_broker, age_ns, HOUR);
        return true;
    case 2:
        *name = "broker requests";
        *nano = money(config->price_request, c->requests, MILLION);
        return true;
    default:
        return false;
    }
}

uint64_t celery_cost_nano(const void *self, uint64_t now_ns)
{
    uint64_t sum = 0, nano = 0;
    const char *name;
    for (uint32_t i = 0; celery_cost_line(self, now_ns, i, &name, &nano); i++)
        sum += nano;
    return sum;
}

static const struct celery_message *find(const struct sim_celery *c,
                                         uint32_t job)
{
    for (uint32_t i = 0; i < c->messages_made; i++)
        if (c->messages[i].state != CELERY_FREE && c->messages[i].job == job)
            return &c->messages[i];
    return NULL;
}

static void explain_unacked(const struct sim_celery *c, uint64_t now_ns,
                            const struct celery_message *m, char *text,
                            size_t size)
{
    static const char *const doings[] = {
        "is on its way to",
        "waits for a child of",
        "waits for its ETA in",
        "runs in",
        "has ended in",
        "waits until it is seen that its child died in"};
    uint64_t age_s = (now_ns - m->delivered_ns) / SECOND;
    if (m->hold == CELERY_NONE)
        snprintf(text, size,
                 "delivered %llu s ago to a worker that is gone and not given "
                 "to another yet (visibility timeout %llu s, heartbeat %llu s)",
                 (unsigned long long)age_s,
                 (unsigned long long)(c->config.visibility_ns / SECOND),
                 (unsigned long long)(c->config.heartbeat_ns / SECOND));
    else
        snprintf(text, size, "it %s worker %u, not acknowledged for %llu s",
                 doings[c->holds[m->hold].state], c->holds[m->hold].host,
                 (unsigned long long)age_s);
}

void celery_explain(const void *self, uint64_t now_ns, uint32_t job, char *text,
                    size_t size)
{
    const struct sim_celery *c = self;
    const struct celery_message *m = find(c, job);
    if (m == NULL)
        snprintf(text, size, "Celery does not have it");
    else if (celery_away(c, now_ns))
        snprintf(text, size, "the broker is away for %llu s more",
                 (unsigned long long)((c->away_ns - now_ns) / SECOND));
    else if (m->state == CELERY_PUBLISHING)
        snprintf(text, size, "it is being published");
    else if (m->state == CELERY_QUEUED)
        snprintf(text, size,
                 "it is in the broker's queue of %u, and workers have what "
                 "they may prefetch (%u each)",
                 c->queue.count, c->config.prefetch * c->config.concurrency);
    else if (m->state == CELERY_UNACKED)
        explain_unacked(c, now_ns, m, text, size);
    else
        snprintf(text, size, "it is acknowledged, a worker has it");
}

const char *celery_state_name(uint32_t code)
{
    static const char *const names[] = {
        [SIM_CELERY_PENDING] = "pending",   [SIM_CELERY_RECEIVED] = "received",
        [SIM_CELERY_HELD] = "held-for-eta", [SIM_CELERY_RESTORED] = "restored",
        [SIM_CELERY_SUCCESS] = "success",   [SIM_CELERY_FAILURE] = "failure",
        [SIM_CELERY_EXPIRED] = "expired",
    };
    bool known = code > 0 && code < sizeof(names) / sizeof(names[0]);
    return known ? names[code] : "unknown";
}

const char *celery_end_name(uint32_t code)
{
    static const char *const names[] = {
        [SIM_CELERY_END_CRASH] = "crash",
        [SIM_CELERY_END_LIMIT] = "time-limit",
        [SIM_CELERY_END_RECYCLED] = "max-tasks-per-child",
        [SIM_CELERY_END_WORKER] = "worker-lost",
    };
    bool known = code > 0 && code < sizeof(names) / sizeof(names[0]);
    return known ? names[code] : "unknown";
}

const char *celery_reason_name(uint32_t reason)
{
    return reason == SIM_CELERY_BROKER_AWAY ? "broker-away" : "unknown";
}
