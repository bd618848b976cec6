#include "sim/platform/sharing.h"

#include <assert.h>
#include <stdlib.h>

#define TIME_MAX (UINT64_C(1) << 62)

void sim_sharing_init(struct sim_sharing *sharing, uint32_t processors)
{
    assert(processors > 0 && processors <= SIM_SHARING_WEIGHT_MAX);
    *sharing = (struct sim_sharing){.processors = processors};
}

void sim_sharing_deinit(struct sim_sharing *sharing)
{
    sim_heap_deinit(&sharing->ends);
    free(sharing->tasks);
    sharing->tasks = NULL;
    sharing->capacity = 0;
}

int sim_sharing_reserve(struct sim_sharing *sharing, uint32_t ids)
{
    if (sim_heap_reserve(&sharing->ends, ids) != 0) {
        return -1;
    }
    if (ids <= sharing->capacity) {
        return 0;
    }
    uint32_t wanted = sharing->ends.capacity;
    struct sim_sharing_task *tasks =
        realloc(sharing->tasks, wanted * sizeof(*tasks));
    if (tasks == NULL) {
        return -1;
    }
    for (uint32_t i = sharing->capacity; i < wanted; i++) {
        tasks[i] = (struct sim_sharing_task){.weight = 0};
    }
    sharing->tasks = tasks;
    sharing->capacity = wanted;
    return 0;
}

/*
 * time * up / down to 2^-32 ns, where up and down are at most 2^30 and time is
 * at most 2^62: by 32 bits at a time, as nothing wider is at hand. What is
 * cut off is below 2^-32 ns; upwards: it is added instead.
 */
static struct sim_sharing_time scaled(struct sim_sharing_time time, uint32_t up,
                                      uint32_t down, bool upwards)
{
    uint64_t high = (time.ns >> 32) * up;
    uint64_t low = ((high % down) << 32) + (time.ns & UINT32_MAX) * up;
    uint64_t part = ((low % down) << 32) + (uint64_t)time.part * up;
    uint64_t parts = part / down + (upwards && part % down > 0);
    if (high / down >= TIME_MAX >> 32) {
        return (struct sim_sharing_time){.ns = TIME_MAX};
    }
    return (struct sim_sharing_time){
        .ns = ((high / down) << 32) + low / down + (parts >> 32),
        .part = (uint32_t)parts,
    };
}

static struct sim_sharing_time plus(struct sim_sharing_time a,
                                    struct sim_sharing_time b)
{
    uint64_t part = (uint64_t)a.part + b.part;
    return (struct sim_sharing_time){.ns = a.ns + b.ns + (part >> 32),
                                     .part = (uint32_t)part};
}

/* a - b, or 0. */
static struct sim_sharing_time minus(struct sim_sharing_time a,
                                     struct sim_sharing_time b)
{
    if (a.ns < b.ns || (a.ns == b.ns && a.part <= b.part)) {
        return (struct sim_sharing_time){.ns = 0};
    }
    return (struct sim_sharing_time){.ns = a.ns - b.ns - (a.part < b.part),
                                     .part = a.part - b.part};
}

static uint64_t rounded_up(struct sim_sharing_time time)
{
    return time.ns + (time.part > 0);
}

static bool crowded(const struct sim_sharing *sharing)
{
    return sharing->weights > sharing->processors;
}

static struct sim_sharing_time virtual_at(const struct sim_sharing *sharing,
                                          uint64_t now_ns)
{
    assert(now_ns >= sharing->at_ns);
    struct sim_sharing_time passed = {.ns = now_ns - sharing->at_ns};
    if (crowded(sharing)) {
        passed = scaled(passed, sharing->processors, (uint32_t)sharing->weights,
                        false);
    }
    return plus(sharing->virtual_time, passed);
}

/* Virtual time begins anew when nobody works, so that it stays small. */
static void move_to(struct sim_sharing *sharing, uint64_t now_ns)
{
    sharing->virtual_time = virtual_at(sharing, now_ns);
    sharing->at_ns = now_ns;
    if (sharing->weights == 0) {
        sharing->virtual_time = (struct sim_sharing_time){.ns = 0};
    }
}

/* From at_ns on, when virtual time is at virtual_time. */
static uint64_t time_until(const struct sim_sharing *sharing,
                           struct sim_sharing_time end)
{
    struct sim_sharing_time left = minus(end, sharing->virtual_time);
    if (crowded(sharing)) {
        left =
            scaled(left, (uint32_t)sharing->weights, sharing->processors, true);
    }
    return rounded_up(left);
}

void sim_sharing_add(struct sim_sharing *sharing, uint64_t now_ns, uint32_t id,
                     uint64_t work_ns, uint32_t weight)
{
    assert(id < sharing->capacity);
    assert(weight > 0 && work_ns < TIME_MAX);
    assert(sharing->weights + weight <= SIM_SHARING_WEIGHT_MAX);
    assert(sharing->tasks[id].weight == 0);
    move_to(sharing, now_ns);
    struct sim_sharing_time work = {.ns = work_ns};
    sharing->tasks[id] = (struct sim_sharing_task){
        .end = plus(sharing->virtual_time, work), .weight = weight};
    sharing->weights += weight;
    sim_heap_set(&sharing->ends, id, sharing->tasks[id].end.ns);
}

bool sim_sharing_has(const struct sim_sharing *sharing, uint32_t id)
{
    return id < sharing->capacity && sharing->tasks[id].weight != 0;
}

void sim_sharing_cut(struct sim_sharing *sharing, uint64_t now_ns, uint32_t id)
{
    if (!sim_sharing_has(sharing, id)) {
        return;
    }
    move_to(sharing, now_ns);
    sharing->weights -= sharing->tasks[id].weight;
    sharing->tasks[id].weight = 0;
    sim_heap_cut(&sharing->ends, id);
}

uint64_t sim_sharing_next_ns(const struct sim_sharing *sharing)
{
    uint32_t id = sim_heap_first(&sharing->ends);
    if (id == SIM_HEAP_NONE) {
        return SIM_SHARING_NEVER;
    }
    return sharing->at_ns + time_until(sharing, sharing->tasks[id].end);
}

uint32_t sim_sharing_ended(struct sim_sharing *sharing, uint64_t now_ns)
{
    return sim_sharing_next_ns(sharing) <= now_ns
               ? sim_heap_first(&sharing->ends)
               : SIM_HEAP_NONE;
}

uint64_t sim_sharing_left_ns(const struct sim_sharing *sharing, uint64_t now_ns,
                             uint32_t id)
{
    assert(sim_sharing_has(sharing, id));
    uint64_t end_ns =
        sharing->at_ns + time_until(sharing, sharing->tasks[id].end);
    return end_ns > now_ns ? end_ns - now_ns : 0;
}

uint64_t sim_sharing_stretch(const struct sim_sharing *sharing,
                             uint64_t work_ns, uint64_t weights)
{
    if (weights <= sharing->processors) {
        return work_ns;
    }
    assert(weights <= SIM_SHARING_WEIGHT_MAX);
    struct sim_sharing_time work = {.ns = work_ns};
    return rounded_up(
        scaled(work, (uint32_t)weights, sharing->processors, true));
}
