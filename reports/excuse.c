#include "reports/excuse.h"

#include <stdlib.h>

#include "engine/point.h"

int excuse_init(struct excuse *excuse, const struct check_world *world)
{
    *excuse = (struct excuse){.world = world};
    for (int i = 0; i < EXCUSE_COUNT; i++)
        excuse->since[i] = UINT64_MAX;
    excuse->offsets = calloc(world->node_count + 1, sizeof(int64_t));
    return excuse->offsets ? 0 : -1;
}

void excuse_deinit(struct excuse *excuse)
{
    free(excuse->offsets);
    excuse->offsets = NULL;
}

static void beyond(struct excuse *excuse, unsigned bit, uint64_t index)
{
    uint64_t *since = &excuse->since[__builtin_ctz(bit)];

    if (index < *since)
        *since = index;
}

static uint64_t spread(const struct excuse *excuse)
{
    int64_t low = excuse->offsets[0];
    int64_t high = excuse->offsets[0];

    for (uint32_t node = 1; node < excuse->world->node_count; node++) {
        if (excuse->offsets[node] < low)
            low = excuse->offsets[node];
        if (excuse->offsets[node] > high)
            high = excuse->offsets[node];
    }
    return (uint64_t)high - (uint64_t)low;
}

static void clock_set(struct excuse *excuse, const struct engine_record *record,
                      uint64_t index)
{
    uint64_t drift =
        (int64_t)record->b < 0 ? UINT64_C(0) - record->b : record->b;

    if (record->node < excuse->world->node_count)
        excuse->offsets[record->node] = (int64_t)record->a;
    if (spread(excuse) > excuse->world->envelope.skew_max_ns ||
        drift > excuse->world->envelope.drift_max_ppb)
        beyond(excuse, CHECK_BEYOND_CLOCK, index);
}

static void fault(struct excuse *excuse, const struct engine_record *record,
                  uint64_t index)
{
    const struct check_envelope *envelope = &excuse->world->envelope;

    if (record->detail == ENGINE_ACT_LIE && envelope->honest_sync)
        beyond(excuse, CHECK_BEYOND_SYNC, index);
    if (record->detail == ENGINE_ACT_FREEZE &&
        record->a > envelope->skew_max_ns)
        beyond(excuse, CHECK_BEYOND_CLOCK, index);
    if (record->kind == ENGINE_REC_DISK_FAULT && envelope->disk_survives &&
        (record->detail == ENGINE_ACT_ERROR ||
         record->detail == ENGINE_ACT_FULL)) {
        beyond(excuse, CHECK_BEYOND_DISK, index);
        excuse->disk_ns = record->time_ns;
    }
}

static void disk_is_well(struct excuse *excuse)
{
    excuse->since[__builtin_ctz(CHECK_BEYOND_DISK)] = UINT64_MAX;
}

void excuse_feed(struct excuse *excuse, const struct engine_record *record,
                 uint64_t index)
{
    switch (record->kind) {
    case ENGINE_REC_CLOCK_SET:
        clock_set(excuse, record, index);
        break;
    case ENGINE_REC_FAULT:
    case ENGINE_REC_DISK_FAULT:
        fault(excuse, record, index);
        break;
    case ENGINE_REC_TAINT_READ:
        beyond(excuse, CHECK_BEYOND_ROT, index);
        break;
    case ENGINE_REC_APPENDED:
        /* The disk came back, whatever it answered before. */
        disk_is_well(excuse);
        break;
    case ENGINE_REC_WORLD_END:
        /* Nobody has asked it for so long: it was not the disk. */
        if (record->time_ns - excuse->disk_ns >
            excuse->world->progress_bound_ns)
            disk_is_well(excuse);
        break;
    default:
        break;
    }
}

const char *excuse_find(const struct excuse *excuse, unsigned bits,
                        uint64_t index)
{
    static const char *const reasons[EXCUSE_COUNT] = {
        "a sync reported success without writing",
        "a clock went beyond the declared skew or drift",
        "the disk failed and nothing was written after",
        "stored bytes had changed by themselves",
        "receivers are declared to forget keys",
    };

    if (bits & CHECK_BEYOND_RECEIVER && !excuse->world->honest_effects)
        return reasons[__builtin_ctz(CHECK_BEYOND_RECEIVER)];
    for (int i = 0; i < EXCUSE_COUNT; i++)
        if (bits >> i & 1 && excuse->since[i] <= index &&
            excuse->since[i] != UINT64_MAX)
            return reasons[i];
    return NULL;
}
