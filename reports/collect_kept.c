/*
 * Records that are kept whole.
 */
#include "reports/collect_private.h"

#include <stdlib.h>

#include "engine/sample.h"

static int concerns_world(unsigned kind)
{
    return (kind >= ENGINE_REC_FAULT && kind <= ENGINE_REC_DISK_FAULT) ||
           kind == ENGINE_REC_STORE_OPENED;
}

/* Whether the record is among those that are asked for. */
static int sampled(const struct report_collect *collect,
                   const struct engine_record *record)
{
    const struct report_world *world = &collect->world;
    if (!world->sampled || (record->run && record->run == world->follow))
        return 1;
    return record->run ? engine_sample_sees(record->run, world->sample_ppb)
                       : world->sample_ppb > 0;
}

static int wanted(const struct report_collect *collect,
                  const struct engine_record *record)
{
    if (record->kind >= ENGINE_REC_AUDIT_ROW &&
        record->kind <= ENGINE_REC_AUDIT_DONE)
        return 0;
    if (!sampled(collect, record))
        return 0;
    if (!collect->choosy || concerns_world(record->kind))
        return 1;
    for (uint32_t i = 0; i < collect->followed_count; i++)
        if (record->run && collect->followed[i] == record->run)
            return 1;
    return 0;
}

static void follow(struct report_collect *collect, uint64_t run)
{
    for (uint32_t i = 0; i < collect->followed_count; i++)
        if (collect->followed[i] == run)
            return;
    if (run && collect->followed_count < REPORT_FOLLOWED_MAX)
        collect->followed[collect->followed_count++] = run;
}

/* Most of the room is full: only the runs worth telling go on. */
static void become_choosy(struct report_collect *collect)
{
    collect->choosy = 1;
    follow(collect, collect->stats.worst_run);
    follow(collect, collect->stats.slowest_run);
}

void collect_retain(struct report_collect *collect,
                    const struct engine_record *record)
{
    uint64_t max = collect->world.retained_max;
    if (!collect->choosy && collect->retained_count >= max - max / 8)
        become_choosy(collect);
    if (!wanted(collect, record))
        return;
    if (collect->retained_count >= max) {
        collect->left_out++;
        return;
    }
    if (collect->retained_count == collect->retained_room) {
        size_t room = (size_t)collect_room_for(collect->retained_room,
                                               collect->retained_count, 1024);
        struct report_retained *retained =
            realloc(collect->retained, room * sizeof(*retained));
        if (!retained) {
            collect->left_out++;
            return;
        }
        collect->retained = retained;
        collect->retained_room = room;
    }
    collect->retained[collect->retained_count++] =
        (struct report_retained){*record, collect->stats.events};
}
