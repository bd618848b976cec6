/*
 * Faults, and what followed from each.
 */
#include "reports/collect_private.h"

#include <string.h>

void collect_add_band(struct report_collect *collect, struct report_band band)
{
    struct report_stats *stats = &collect->stats;
    if (stats->band_count < REPORT_BANDS_MAX)
        stats->bands[stats->band_count++] = band;
    else
        stats->bands_left_out++;
}

/* A fault begins or ends: what is in flight has to drain from here, or from
   when the last of those that last is over. */
static void fault_time(struct report_collect *collect, uint64_t now)
{
    struct report_stats *stats = &collect->stats;
    int lasts = collect->lasting_ns > now;
    stats->last_fault_ns = lasts ? collect->lasting_ns : now;
    stats->drain_ns = !lasts && collect->in_flight <= collect->in_flight_before
                          ? 0
                          : UINT64_MAX;
}

/* Faults that are given a time end by themselves. */
static int ends_itself(const struct engine_record *record)
{
    return (record->detail == ENGINE_ACT_CUT ||
            record->detail == ENGINE_ACT_CUT_IN ||
            record->detail == ENGINE_ACT_CUT_OUT ||
            record->detail == ENGINE_ACT_FREEZE) &&
           (int64_t)record->a > 0;
}

static void lasting_fault(struct report_collect *collect,
                          const struct engine_record *record)
{
    uint64_t end = record->time_ns + record->a;
    collect_add_band(collect, (struct report_band){
                                  REPORT_BAND_FAULT, record->node,
                                  (uint32_t)record->key, record->time_ns, end});
    if (end > collect->lasting_ns)
        collect->lasting_ns = end;
}

static void effective(struct report_collect *collect, uint32_t point)
{
    if (point < collect->world.point_count)
        collect->faults[point].effective++;
}

/*
 * The world may write its own record of the consequence before or after the
 * FAULT record: whichever comes second, at a node, claims the first.
 */
static void await(struct report_collect *collect, uint32_t point, uint64_t now,
                  uint64_t *shown_ns, uint32_t *waiting)
{
    if (*shown_ns == now) {
        *shown_ns = 0;
        effective(collect, point);
    } else {
        *waiting = point + 1;
    }
}

void collect_shown(struct report_collect *collect, uint64_t now,
                   uint64_t *shown_ns, uint32_t *waiting)
{
    if (*waiting) {
        effective(collect, *waiting - 1);
        *waiting = 0;
    } else {
        *shown_ns = now;
    }
}

static int is_host(const struct report_collect *collect, uint32_t point)
{
    return point < collect->world.point_count && collect->world.points &&
           strcmp(collect->world.points[point].name, "platform/host") == 0;
}

static void fault_effect(struct report_collect *collect,
                         const struct engine_record *record)
{
    uint32_t point = (uint32_t)record->key;
    uint64_t now = record->time_ns;
    struct collect_node *node = collect_node_of(collect, record->node);
    if (!node)
        return;
    switch (record->detail) {
    case ENGINE_ACT_NONE:
        break;
    case ENGINE_ACT_CRASH:
    case ENGINE_ACT_OOM:
        if (is_host(collect, point)) {
            effective(collect, point); /* the platform's node lives on */
            break;
        }
        await(collect, point, now, &node->went_ns, &node->wait_down);
        break;
    case ENGINE_ACT_PAUSE:
        await(collect, point, now, &node->stood_ns, &node->wait_paused);
        break;
    case ENGINE_ACT_STEP:
    case ENGINE_ACT_DRIFT:
        await(collect, point, now, &node->set_ns, &node->wait_set);
        break;
    default:
        effective(collect, point);
    }
}

void collect_fault(struct report_collect *collect,
                   const struct engine_record *record)
{
    struct report_stats *stats = &collect->stats;
    stats->faults_fired++;
    stats->faults_in_flight += record->count == 1;
    if (!collect->world.brief)
        report_series_at(&collect->series, record->time_ns)->faults++;
    if (ends_itself(record))
        lasting_fault(collect, record);
    fault_time(collect, record->time_ns);
    if (record->run)
        collect_trouble(collect, record->run, 4);
    if (record->key >= collect->world.point_count)
        return;
    struct report_fault *row = &collect->faults[record->key];
    if (row->fired++ == 0)
        row->first_ns = record->time_ns;
    row->last_ns = record->time_ns;
    row->in_flight += record->count == 1;
    fault_effect(collect, record);
    if (!ends_itself(record) && collect->open_count < COLLECT_OPEN_FAULTS_MAX)
        collect->open[collect->open_count++] = (struct collect_fault){
            (uint32_t)record->key, record->node, record->time_ns};
}

void collect_forget_open(struct report_collect *collect, uint32_t index)
{
    collect->open_count--;
    memmove(&collect->open[index], &collect->open[index + 1],
            (collect->open_count - index) * sizeof(collect->open[0]));
}

void collect_fault_ended(struct report_collect *collect,
                         const struct engine_record *record)
{
    fault_time(collect, record->time_ns);
    for (uint32_t i = collect->open_count; i-- > 0;) {
        struct collect_fault *open = &collect->open[i];
        if (open->point != record->key || open->node != record->node)
            continue;
        collect_add_band(collect,
                         (struct report_band){REPORT_BAND_FAULT, open->node,
                                              open->point, open->from_ns,
                                              record->time_ns});
        collect_forget_open(collect, i);
        return;
    }
}

void collect_proc_down(struct report_collect *collect,
                       const struct engine_record *record)
{
    struct report_stats *stats = &collect->stats;
    struct collect_node *node = collect_node_of(collect, record->node);
    if (record->a > stats->store.process_bytes_max) {
        stats->store.process_bytes_max = record->a;
        stats->store.process_bytes_node = record->node;
    }
    if (!node || record->detail == ENGINE_ACT_NONE)
        return;
    stats->crashes++;
    node->down_ns = node->environment ? 0 : record->time_ns;
    fault_time(collect, record->time_ns);
    collect_shown(collect, record->time_ns, &node->went_ns, &node->wait_down);
}

void collect_proc_back(struct report_collect *collect,
                       const struct engine_record *record)
{
    struct collect_node *node = collect_node_of(collect, record->node);
    if (!node)
        return;
    int up = record->kind == ENGINE_REC_PROC_UP;
    uint64_t *from_ns = up ? &node->down_ns : &node->paused_ns;
    if (*from_ns == 0)
        return;
    collect_add_band(collect, (struct report_band){
                                  up ? REPORT_BAND_DOWN : REPORT_BAND_PAUSED,
                                  record->node, 0, *from_ns, record->time_ns});
    *from_ns = 0;
    if (up)
        node->paused_ns = node->wait_down = 0;
    fault_time(collect, record->time_ns);
}

void collect_proc_paused(struct report_collect *collect,
                         const struct engine_record *record)
{
    struct collect_node *node = collect_node_of(collect, record->node);
    if (!node)
        return;
    node->paused_ns = record->time_ns;
    collect_shown(collect, record->time_ns, &node->stood_ns,
                  &node->wait_paused);
}

void collect_clock_set(struct report_collect *collect,
                       const struct engine_record *record)
{
    struct collect_node *node = collect_node_of(collect, record->node);
    if (node)
        collect_shown(collect, record->time_ns, &node->set_ns, &node->wait_set);
}

/* Stores and platforms. */

void collect_renewed(struct report_collect *collect,
                     const struct engine_record *record)
{
    /* One exchange renews many leases: it is one commit. */
    if (record->time_ns == collect->renewed_ns &&
        record->peer == collect->renewed_peer)
        return;
    collect->renewed_ns = record->time_ns;
    collect->renewed_peer = record->peer;
    collect->stats.commits++;
}

void collect_leased(struct report_collect *collect,
                    const struct engine_record *record)
{
    struct collect_run *run = collect_run_of(collect, record->run);
    if (!run)
        return;
    if (record->kind == ENGINE_REC_LEASE_RELEASED) {
        run->leased = 0;
        return;
    }
    if (run->leased) {
        collect->stats.store.takeovers++;
        collect_trouble(collect, record->run, 2);
    }
    run->leased = 1;
}

void collect_rejected(struct report_collect *collect,
                      const struct engine_record *record)
{
    collect->stats.store.fenced += record->count == ENGINE_FENCED;
    collect->stats.store.conflicts += record->count == ENGINE_CONFLICT;
}
