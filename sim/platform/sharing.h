/*
 * Processors that are shared: everyone who works gets the same part of one,
 * as long as that is less than what they asked for.
 *
 *     capacity 2000 (two processors), three tasks of weight 1000
 *     each runs at 2/3 of its full speed until one of them has ended
 *
 * A task of weight w runs at full speed on w thousandths of a processor; when
 * all weights together exceed the capacity, everyone runs slower by the same
 * factor. So one clock is enough: virtual time runs at that factor, and a task
 * ends when virtual time has run for its work. It is kept to 2^-32 ns, so
 * that a million changes of speed move an end by less than a nanosecond.
 *
 * The caller owns time, which never falls, and the numbers of the tasks.
 */
#ifndef SIM_SHARING_H
#define SIM_SHARING_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/platform/heap.h"

#define SIM_SHARING_NEVER UINT64_MAX
#define SIM_SHARING_WEIGHT_MAX (UINT32_C(1) << 30)

/* Nanoseconds and 2^-32 parts of one. */
struct sim_sharing_time {
    uint64_t ns;
    uint32_t part;
};

struct sim_sharing_task {
    struct sim_sharing_time end;
    uint32_t weight; /* 0: none */
};

struct sim_sharing {
    struct sim_heap ends; /* whole nanoseconds of virtual time */
    struct sim_sharing_task *tasks;
    uint32_t capacity; /* of tasks */
    uint32_t processors;
    uint64_t weights; /* of all tasks together */
    struct sim_sharing_time virtual_time;
    uint64_t at_ns;
};

/* `processors` in thousandths, 1 to SIM_SHARING_WEIGHT_MAX. */
void sim_sharing_init(struct sim_sharing *sharing, uint32_t processors);
void sim_sharing_deinit(struct sim_sharing *sharing);

/* Room for the numbers below `ids`: 0, or -1 and nothing has changed. */
int sim_sharing_reserve(struct sim_sharing *sharing, uint32_t ids);

/*
 * A task begins: `work_ns` at full speed, at most 2^58, `weight` at least 1.
 * The weights of all together stay below SIM_SHARING_WEIGHT_MAX (asserted).
 */
void sim_sharing_add(struct sim_sharing *sharing, uint64_t now_ns, uint32_t id,
                     uint64_t work_ns, uint32_t weight);

/* It ends, or is given up. Nothing happens if it is not there. */
void sim_sharing_cut(struct sim_sharing *sharing, uint64_t now_ns, uint32_t id);

/* Whether the task is there. */
bool sim_sharing_has(const struct sim_sharing *sharing, uint32_t id);

/* When the first ends if nothing changes, rounded up; or NEVER. */
uint64_t sim_sharing_next_ns(const struct sim_sharing *sharing);

/* One that has ended by now and is still there, or SIM_HEAP_NONE. */
uint32_t sim_sharing_ended(struct sim_sharing *sharing, uint64_t now_ns);

/* How long the task still takes if nothing changes, rounded up. */
uint64_t sim_sharing_left_ns(const struct sim_sharing *sharing, uint64_t now_ns,
                             uint32_t id);

/*
 * How much time `work_ns` takes when weights of `weights` together work:
 * longer than it by weights / processors, but never shorter than it.
 */
uint64_t sim_sharing_stretch(const struct sim_sharing *sharing,
                             uint64_t work_ns, uint64_t weights);

#endif
