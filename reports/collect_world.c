/*
 * Records of the world around the engine: machines, platforms, the store.
 */
#include "reports/collect_private.h"

static void environment(struct report_platform *platform,
                        const struct engine_record *record)
{
    if (record->kind == ENGINE_REC_ENV_ENDED) {
        platform->environments_open -= platform->environments_open > 0;
        return;
    }
    platform->environments++;
    if (++platform->environments_open > platform->environments_max)
        platform->environments_max = platform->environments_open;
    report_hist_record(&platform->start_up, record->a);
}

static void gauge(struct report_platform *platform,
                  const struct engine_record *record)
{
    if (record->a > platform->in_flight_max)
        platform->in_flight_max = record->a;
    platform->limit = record->b;
}

/* A platform's own log of an attempt: 2 given up, 3 refused. */
static void said(struct report_platform *platform,
                 const struct engine_record *record)
{
    if ((record->count == 2 || record->count == 3) &&
        record->b < ENGINE_ERR_COUNT)
        platform->given_up[record->b]++;
}

static void take_world(struct report_collect *collect,
                       const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_FAULT:
        if (collect->open_count == COLLECT_OPEN_FAULTS_MAX)
            collect_forget_open(collect, 0);
        collect_fault(collect, record);
        break;
    case ENGINE_REC_FAULT_ENDED:
        collect_fault_ended(collect, record);
        break;
    case ENGINE_REC_PROC_DOWN:
        collect_proc_down(collect, record);
        break;
    case ENGINE_REC_PROC_UP:
    case ENGINE_REC_PROC_RESUMED:
        collect_proc_back(collect, record);
        break;
    case ENGINE_REC_PROC_PAUSED:
        collect_proc_paused(collect, record);
        break;
    case ENGINE_REC_CLOCK_SET:
        collect_clock_set(collect, record);
        break;
    case ENGINE_REC_TAINT_READ:
        collect->stats.store.taint_believed += record->detail == 0;
        break;
    default:
        break;
    }
}

/* A place will be ended: a spot notice, a drain, a soft limit. */
static void warned(struct report_platform *platform,
                   const struct engine_record *record)
{
    static const uint32_t warning = 1; /* of a PLATFORM record */
    if (record->count != warning)
        return;
    uint64_t notice_ns =
        record->a > record->time_ns ? record->a - record->time_ns : 0;
    if (platform->warned++ == 0 || notice_ns < platform->notice_ns)
        platform->notice_ns = notice_ns;
}

/* What a platform's record adds to its figures, or to those of all. */
static void add_platform(struct report_platform *platform,
                         const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_INVOKED:
        platform->cold += record->detail == 1;
        platform->warm += record->detail == 2;
        break;
    case ENGINE_REC_THROTTLED:
        platform->throttled++;
        gauge(platform, record);
        break;
    case ENGINE_REC_ENV_STARTED:
    case ENGINE_REC_ENV_ENDED:
        environment(platform, record);
        break;
    case ENGINE_REC_KILLED:
        platform->killed++;
        break;
    case ENGINE_REC_PLATFORM:
        said(platform, record);
        warned(platform, record);
        break;
    default:
        gauge(platform, record);
        break;
    }
}

static void take_platform(struct report_collect *collect,
                          const struct engine_record *record)
{
    struct report_stats *stats = &collect->stats;
    struct collect_node *node = NULL;
    switch (record->kind) {
    case ENGINE_REC_ENV_STARTED:
        node = collect_node_of(collect, record->peer);
        if (node)
            node->environment = 1;
        break;
    case ENGINE_REC_INVOKED:
    case ENGINE_REC_THROTTLED:
    case ENGINE_REC_ENV_ENDED:
    case ENGINE_REC_KILLED:
    case ENGINE_REC_PLATFORM:
    case ENGINE_REC_GAUGE:
        break;
    default:
        take_world(collect, record);
        return;
    }
    add_platform(&stats->platform, record);
    for (uint32_t i = 0; i < stats->platform_count; i++)
        if (collect->world.platforms[i] == record->node)
            add_platform(&stats->platforms[i], record);
}

void collect_take_store(struct report_collect *collect,
                        const struct engine_record *record)
{
    struct report_stats *stats = &collect->stats;
    switch (record->kind) {
    case ENGINE_REC_LEASE_GRANTED:
    case ENGINE_REC_LEASE_RELEASED:
        collect_leased(collect, record);
        break;
    case ENGINE_REC_LEASE_RENEWED:
        collect_renewed(collect, record);
        break;
    case ENGINE_REC_OUTBOX_ACKED:
    case ENGINE_REC_BLOB_PUT:
        stats->commits++;
        break;
    case ENGINE_REC_REJECTED:
        collect_rejected(collect, record);
        break;
    case ENGINE_REC_STORE_OPENED:
        stats->store.opened++;
        stats->store.refused += record->count == 1;
        break;
    case ENGINE_REC_SYNC_FAILED:
        stats->store.unknown++;
        break;
    default:
        take_platform(collect, record);
    }
}

void collect_host_gone(struct report_collect *collect,
                       const struct engine_record *record)
{
    struct collect_node *platform = collect_node_of(collect, record->node);
    if (platform && platform->wait_down &&
        collect->stats.last_fault_ns == record->time_ns)
        collect_shown(collect, record->time_ns, &platform->went_ns,
                      &platform->wait_down);
}
