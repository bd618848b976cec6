#include "scenarios/lambda/use.h"

#include <string.h>

#include "engine/operation.h"

#define SECOND UINT64_C(1000000000)

/* Of an account, in the larger regions twice as many. */
#define CHECKPOINTS_PER_S 10000
#define INVOCATION_MAX_NS (900 * SECOND)

/* Quotas ------------------------------------------------------------------- */

static void raise_to(uint64_t *most, uint64_t value)
{
    if (value > *most)
        *most = value;
}

static void checkpoint(struct lambda_using *u,
                       const struct engine_record *record)
{
    uint64_t second = record->time_ns / SECOND;

    if (second != u->second)
        u->in_second = 0;
    u->second = second;
    u->use.quotas[LAMBDA_QUOTA_CHECKPOINTS]++;
    raise_to(&u->use.quotas[LAMBDA_QUOTA_RATE], ++u->in_second);
}

void lambda_use_record(struct lambda_using *u,
                       const struct engine_record *record)
{
    static const struct {
        enum lambda_quota quota;
        enum report_limit limit;
    } same[] = {{LAMBDA_QUOTA_OPERATIONS, REPORT_LIMIT_OPERATIONS},
                {LAMBDA_QUOTA_BATCH, REPORT_LIMIT_BATCH}};

    if (record->run != 1)
        return;
    report_use_feed(&u->most, record, 1);
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        u->use.quotas[same[i].quota] = u->most.list[same[i].limit].used;
    if (record->kind != ENGINE_REC_EVENT)
        return;
    if (record->detail == ENGINE_EV_CHECKPOINT)
        checkpoint(u, record);
    if (record->detail < ENGINE_EV_OPERATION_STARTED ||
        record->detail > ENGINE_EV_OPERATION_HEARTBEAT)
        return;
    u->use.quotas[LAMBDA_QUOTA_WRITTEN] += record->count;
    /* The result of the whole has a limit of its own. */
    if (engine_record_type(record) != ENGINE_OPERATION_EXECUTION)
        raise_to(&u->use.quotas[LAMBDA_QUOTA_PAYLOAD], record->count);
}

/* Metering ----------------------------------------------------------------- */

static bool is_condition(const struct lambda_event *event)
{
    return strcmp(event->subtype, "WaitForCondition") == 0;
}

/* What has begun; a retry was announced by the end of the attempt before. */
static void started(struct lambda_using *u, const struct lambda_event *event)
{
    static const struct {
        const char *noun;
        enum lambda_meter meter;
    } nouns[] = {{"Execution", LAMBDA_METER_EXECUTIONS},
                 {"Wait", LAMBDA_METER_WAITS},
                 {"Callback", LAMBDA_METER_CALLBACKS},
                 {"Context", LAMBDA_METER_CONTEXTS},
                 {"ChainedInvoke", LAMBDA_METER_INVOKES}};

    if (lambda_event_is(event, "Step"))
        u->use.metered[is_condition(event) ? LAMBDA_METER_CONDITIONS
                                           : LAMBDA_METER_STEPS]++;
    for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++)
        if (lambda_event_is(event, nouns[i].noun))
            u->use.metered[nouns[i].meter]++;
}

/* The attempt that begins next is no step of its own. */
static void again(struct lambda_using *u, const struct lambda_event *event)
{
    bool condition = is_condition(event);
    uint64_t *metered = u->use.metered;

    metered[condition ? LAMBDA_METER_CONDITIONS : LAMBDA_METER_STEPS]--;
    metered[condition ? LAMBDA_METER_POLLS : LAMBDA_METER_STEP_RETRIES]++;
}

void lambda_use_event(struct lambda_using *u, const struct lambda_event *event,
                      bool first)
{
    size_t size;
    enum lambda_verb verb = lambda_event_verb(event->type, &size);

    if (verb == LAMBDA_VERB_STARTED)
        started(u, event);
    if (event->again)
        again(u, event);
    if (verb != LAMBDA_VERB_COMPLETED)
        return;
    u->use.metered[LAMBDA_METER_INVOCATION_RETRIES] += event->broke;
    if (!first)
        return;
    u->use.quotas[LAMBDA_QUOTA_INVOCATIONS]++;
    raise_to(&u->use.quotas[LAMBDA_QUOTA_INVOCATION],
             (event->end_us - event->start_us) * 1000);
}

uint64_t lambda_metered(const struct lambda_use *use)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < LAMBDA_METER_COUNT; i++)
        sum += use->metered[i];
    return sum;
}

/* Words -------------------------------------------------------------------- */

const char *lambda_quota_name(enum lambda_quota quota)
{
    static const char *const names[LAMBDA_QUOTA_COUNT] = {
        "operations",       "bytes written",
        "largest payload",  "updates of a checkpoint",
        "checkpoint calls", "checkpoint calls in a second",
        "invocations",      "longest invocation"};

    return names[quota];
}

const char *lambda_quota_unit(enum lambda_quota quota)
{
    static const char *const units[LAMBDA_QUOTA_COUNT] = {
        [LAMBDA_QUOTA_WRITTEN] = "bytes",
        [LAMBDA_QUOTA_PAYLOAD] = "bytes",
        [LAMBDA_QUOTA_RATE] = "/s",
        [LAMBDA_QUOTA_INVOCATION] = "ns"};

    return units[quota] ? units[quota] : "";
}

uint64_t lambda_quota_allowed(enum lambda_quota quota,
                              const struct engine_limits *limits)
{
    uint64_t allowed = 0;

    switch (quota) {
    case LAMBDA_QUOTA_OPERATIONS:
        allowed = limits->operations_max;
        break;
    case LAMBDA_QUOTA_WRITTEN:
        allowed = limits->written_max;
        break;
    case LAMBDA_QUOTA_PAYLOAD:
        allowed = limits->operation_payload_max;
        break;
    case LAMBDA_QUOTA_BATCH:
        allowed = limits->batch_updates_max;
        break;
    case LAMBDA_QUOTA_RATE:
        return CHECKPOINTS_PER_S;
    case LAMBDA_QUOTA_INVOCATION:
        return INVOCATION_MAX_NS;
    default:
        break;
    }
    return allowed == UINT64_MAX ? 0 : allowed;
}

const char *lambda_meter_name(enum lambda_meter meter)
{
    static const char *const names[LAMBDA_METER_COUNT] = {
        "executions",   "steps",
        "step retries", "conditions",
        "polls",        "waits",
        "callbacks",    "contexts",
        "invokes",      "invocations made again"};

    return names[meter];
}
