#include "sim/platform/load.h"

#include <criterion/criterion.h>

#include "sim/platform/local.h"

#define SECOND UINT64_C(1000000000)

static const struct sim_demand demand = {.name = "charge"};

struct seen {
    uint32_t started, cold, opened;
};

static void see(void *self, const struct sim_load_event *event)
{
    struct seen *seen = self;
    seen->opened += event->kind == SIM_LOAD_OPENED;
    if (event->kind != SIM_LOAD_STARTED)
        return;
    seen->started++;
    seen->cold += event->cold;
}

Test(load, no_start_is_cold_in_a_place_that_was_made_ahead)
{
    struct seen seen = {.started = 0};
    struct sim_local_config local = {.workers = 2, .slots = 1};
    struct sim_load_config config = {.seed = 1,
                                     .arrivals = 20,
                                     .demand = &demand,
                                     .seen = see,
                                     .self = &seen};
    uint64_t now_ns = 0;
    (void)sim_dist_constant(&local.dispatch_latency, 0);
    (void)sim_dist_constant(&config.gap, SECOND);
    (void)sim_dist_constant(&config.warm, SECOND / 2);
    (void)sim_dist_constant(&config.cold, SECOND / 2);
    cr_assert_eq(sim_local_model(&config.model, &local, 1), 0);
    cr_assert_eq(sim_load_run(&config, &now_ns), 0);
    cr_expect_eq(seen.started, 20);
    cr_expect_eq(seen.opened, 2);
    cr_expect_eq(seen.cold, 0);
    cr_expect_eq(config.model.ops->counts(config.model.self)->cold, seen.cold);
    config.model.ops->free(config.model.self);
}
