#include "faults/swarm.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

#include "engine/random.h"
#include "faults/points.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define PERCENT UINT64_C(10000000)

enum part {
    ANYONE,
    WORKERS,
    COORDINATORS,
    STORES,
    PLATFORMS,
    HOSTS,
    OUTAGES
};

/* How the amount of a fault is measured. */
enum scale {
    NOTHING, /* no amount */
    TIME,    /* up to amount_max ns */
    LEASES,  /* half a lease to two and a half: some outlive it */
    SKEW,    /* either way, within the envelope */
    DRIFT,   /* either way, within the envelope */
};

/* Strength is a chance for each hit, or at timed points how many times. */
struct family {
    const char *name;
    const char *points; /* prefix */
    uint32_t action;
    enum part part;
    enum scale scale;
    uint64_t strength_max; /* ppb, or times in the window */
    uint64_t amount_max;
};

static const struct family families[] = {
    {"worker-crash", "worker/", ENGINE_ACT_CRASH, WORKERS, NOTHING, 2 * PERCENT,
     0},
    {"worker-pause", "worker/", ENGINE_ACT_PAUSE, WORKERS, LEASES, PERCENT, 0},
    {"worker-oom", "process", ENGINE_ACT_OOM, WORKERS, NOTHING, 8, 0},
    {"coordinator-crash", "coordinator/", ENGINE_ACT_CRASH, COORDINATORS,
     NOTHING, PERCENT, 0},
    {"coordinator-pause", "coordinator/", ENGINE_ACT_PAUSE, COORDINATORS,
     LEASES, PERCENT / 2, 0},
    {"store-crash", "store/", ENGINE_ACT_CRASH, STORES, NOTHING, PERCENT / 5,
     0},
    {"store-restart", "process", ENGINE_ACT_CRASH, STORES, NOTHING, 5, 0},
    {"power-loss", "disk/", ENGINE_ACT_CRASH, STORES, NOTHING, PERCENT / 10, 0},
    {"disk-error", "disk/", ENGINE_ACT_ERROR, STORES, NOTHING, PERCENT / 10, 0},
    {"disk-full", "disk/write", ENGINE_ACT_FULL, STORES, NOTHING, PERCENT / 20,
     0},
    {"disk-short", "disk/write", ENGINE_ACT_SHORT, STORES, NOTHING,
     PERCENT / 20, 0},
    {"disk-slow", "disk/sync/before", ENGINE_ACT_DELAY, STORES, TIME,
     5 * PERCENT, 2 * SECOND},
    {"disk-lie", "disk/sync/before", ENGINE_ACT_LIE, STORES, NOTHING, PERCENT,
     0},
    {"net-loss", "net/", ENGINE_ACT_LOSE, ANYONE, NOTHING, 10 * PERCENT, 0},
    {"net-twice", "net/", ENGINE_ACT_DUPLICATE, ANYONE, NOTHING, 5 * PERCENT,
     0},
    {"net-late", "net/", ENGINE_ACT_DELAY, ANYONE, TIME, 10 * PERCENT,
     3 * SECOND},
    {"cut-worker", "net/link", ENGINE_ACT_CUT, WORKERS, LEASES, 6, 0},
    {"cut-coordinator", "net/link", ENGINE_ACT_CUT, COORDINATORS, LEASES, 4, 0},
    {"cut-in", "net/link", ENGINE_ACT_CUT_IN, COORDINATORS, LEASES, 4, 0},
    {"cut-out", "net/link", ENGINE_ACT_CUT_OUT, COORDINATORS, LEASES, 4, 0},
    {"clock-step", "clock", ENGINE_ACT_STEP, COORDINATORS, SKEW, 4, 0},
    {"clock-drift", "clock", ENGINE_ACT_DRIFT, WORKERS, DRIFT, 4, 0},
    {"throttle", "platform/invoke", ENGINE_ACT_THROTTLE, PLATFORMS, NOTHING,
     10 * PERCENT, 0},
    {"invoke-twice", "platform/invoke", ENGINE_ACT_DUPLICATE, PLATFORMS,
     NOTHING, 2 * PERCENT, 0},
    {"invoke-timeout", "platform/invoke", ENGINE_ACT_TIMEOUT, PLATFORMS,
     NOTHING, PERCENT, 0},
    {"host-crash", "platform/host", ENGINE_ACT_LOSE, HOSTS, NOTHING, 6, 0},
    {"outage", "platform/outage", ENGINE_ACT_CUT, OUTAGES, TIME, 3,
     60 * SECOND},
};

void fault_swarm_knobs_init(struct fault_swarm_knobs *knobs, uint64_t from_ns)
{
    *knobs = (struct fault_swarm_knobs){
        .envelope = {.skew_ns_max = 500 * MS,
                     .drift_ppb_max = 200000,
                     .loss_ppb_max = (uint32_t)(10 * PERCENT),
                     .honest_sync = true,
                     .sound_disk = true},
        .from_ns = from_ns,
        .to_ns = from_ns + 3600 * SECOND,
        .lease_ns = 60 * SECOND,
    };
}

/* False if nobody plays the part. */
static bool cast(const struct fault_swarm_knobs *knobs, enum part part,
                 struct fault_ranges *nodes)
{
    const struct fault_ranges *parts[] = {
        [WORKERS] = &knobs->workers, [COORDINATORS] = &knobs->coordinators,
        [STORES] = &knobs->stores,   [PLATFORMS] = &knobs->platforms,
        [HOSTS] = &knobs->hosts,     [OUTAGES] = &knobs->outages};
    if (part == ANYONE)
        return true;
    *nodes = *parts[part];
    return nodes->count != 0;
}

static void set_amount(struct fault_rule *rule, const struct family *family,
                       const struct fault_swarm_knobs *knobs, uint64_t draw)
{
    uint64_t max = family->amount_max;
    if (family->scale == SKEW)
        max = knobs->envelope.skew_ns_max;
    if (family->scale == DRIFT)
        max = knobs->envelope.drift_ppb_max;
    if (family->scale == LEASES)
        max = 2 * knobs->lease_ns;
    /* From an eighth of the largest up to all of it. */
    int64_t top = (int64_t)(max - engine_random_scale(draw, max / 8 * 7 + 1));
    if (family->scale == SKEW || family->scale == DRIFT)
        rule->amount_min = -top;
    else if (family->scale == LEASES)
        rule->amount_min = (int64_t)(knobs->lease_ns / 2);
    else if (family->scale == TIME)
        rule->amount_min = 1;
    if (family->scale == LEASES)
        top += (int64_t)(knobs->lease_ns / 2);
    rule->amount_max = top;
}

/* Weak strengths are as likely as strong ones: the draw picks a power of 2. */
static uint64_t strength(const struct family *family, uint64_t draw)
{
    uint64_t drawn = family->strength_max >> engine_random_scale(draw, 7);
    return drawn ? drawn : 1;
}

int fault_swarm(struct fault_plan *plan, uint64_t seed,
                const struct fault_swarm_knobs *knobs, char *message,
                size_t size)
{
    assert(knobs->from_ns < knobs->to_ns && knobs->lease_ns > 0);
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        const struct family *family = &families[i];
        struct engine_stream stream;
        struct fault_rule rule;
        engine_stream_init(&stream, seed, family->name, 0);
        fault_rule_init(&rule, family->action);
        snprintf(rule.name, sizeof(rule.name), "swarm/%s", family->name);
        bool exists = engine_draw_chance(&stream, 0, ENGINE_CHANCE_ALWAYS / 2);
        if (!exists || !cast(knobs, family->part, &rule.nodes) ||
            fault_rule_add_points(&rule, plan->points, plan->point_count,
                                  family->points) == 0)
            continue;
        uint64_t drawn = strength(family, engine_stream_u64(&stream, 1));
        set_amount(&rule, family, knobs, engine_stream_u64(&stream, 2));
        rule.from_ns = knobs->from_ns;
        rule.to_ns = knobs->to_ns;
        if (family->strength_max < 1000) { /* so many times, not a chance */
            rule.period_ns = (knobs->to_ns - knobs->from_ns) / (drawn + 1);
            rule.jitter_ns = rule.period_ns / 2;
            rule.chance_ppb = ENGINE_CHANCE_ALWAYS / 2; /* for each node */
        } else {
            rule.chance_ppb = (uint32_t)drawn;
        }
        if (family->action == ENGINE_ACT_LOSE &&
            rule.chance_ppb > knobs->envelope.loss_ppb_max)
            rule.chance_ppb = knobs->envelope.loss_ppb_max;
        if (rule.chance_ppb == 0 ||
            (family->scale != NOTHING && rule.amount_max == 0) ||
            fault_envelope_breach(&knobs->envelope, plan, &rule))
            continue;
        int error = fault_plan_add(plan, &rule, message, size);
        if (error)
            return error;
    }
    return 0;
}
