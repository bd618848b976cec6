#include "tests/support/k8s_bed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cause_check.h"

#define PLACES_MAX 4096

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)

static void rates(struct sim_k8s_config *config)
{
    config->client = (struct sim_k8s_qps){{1000, SECOND}, 1000};
    config->controller = (struct sim_k8s_qps){{1000, SECOND}, 1000};
    config->binding = (struct sim_k8s_qps){{1000, SECOND}, 1000};
    config->registry = (struct sim_k8s_qps){{5, SECOND}, 10};
    config->schedule_rate = (struct sim_rate){1000, SECOND};
    config->eviction_rate = (struct sim_rate){1, 10 * SECOND};
    config->secondary_rate = (struct sim_rate){1, 100 * SECOND};
}

static void times(struct sim_k8s_config *config)
{
    sim_dist_constant(&config->api_latency, 10 * MS);
    sim_dist_constant(&config->job_sync, 100 * MS);
    sim_dist_constant(&config->registry_latency, 200 * MS);
    sim_dist_constant(&config->start, SECOND);
    sim_dist_constant(&config->status_delay, SECOND);
    sim_dist_constant(&config->repair, 1000 * MINUTE);
    sim_dist_constant(&config->partition, 10 * MINUTE);
    sim_dist_constant(&config->decision, 5 * SECOND);
    sim_dist_constant(&config->boot, 45 * SECOND);
}

void k8s_bed_config(struct sim_k8s_config *config, uint32_t nodes)
{
    *config = (struct sim_k8s_config){
        .client_wait_max_ns = 30 * SECOND,
        .inflight_max = 200,
        .retry_after_ns = SECOND,
        .object_max = 1572864,
        .backoff_limit = 6,
        .recreate_first_ns = 10 * SECOND,
        .recreate_max_ns = 360 * SECOND,
        .disruptions_count = true,
        .create_retry_first_ns = SECOND,
        .create_retry_max_ns = MINUTE,
        .unschedulable_first_ns = SECOND,
        .unschedulable_max_ns = 10 * SECOND,
        .nodes_scored = 100,
        .preemption = true,
        .groups = {{.nodes = nodes,
                    .nodes_max = nodes,
                    .cpu_milli = 4000,
                    .memory_mb = 16000,
                    .price_hour_nano = 200000000}},
        .group_count = 1,
        .pods_per_node = 110,
        .pods_per_core = 10,
        .default_cpu_milli = 1000,
        .default_memory_mb = 1000,
        .cpu_limits = true,
        .image_bytes = 100000000,
        .pull_bytes_s = 100000000,
        .images_per_node = 8,
        .image_backoff_first_ns = 10 * SECOND,
        .image_backoff_max_ns = 300 * SECOND,
        .crash_first_ns = 10 * SECOND,
        .crash_max_ns = 300 * SECOND,
        .crash_reset_ns = 10 * MINUTE,
        .grace_ns = 30 * SECOND,
        .eviction_memory_mb = 100,
        .eviction_period_ns = 10 * SECOND,
        .pressure_ns = 5 * MINUTE,
        .heartbeat_ns = 10 * SECOND,
        .monitor_ns = 5 * SECOND,
        .monitor_grace_ns = 50 * SECOND,
        .toleration_ns = 300 * SECOND,
        .unhealthy_ppb = 550000000,
        .large_cluster = 50,
        .scan_ns = 10 * SECOND,
        .batch_idle_ns = SECOND,
        .batch_max_ns = 10 * SECOND,
        .scale_down_ns = 10 * MINUTE,
        .lease_ns = 15 * SECOND,
        .renew_ns = 10 * SECOND,
        .lease_retry_ns = 2 * SECOND,
        .control_price_hour_nano = 100000000,
    };
    rates(config);
    times(config);
}

void k8s_bed_begin(struct k8s_bed *bed)
{
    int error = sim_k8s_model(&bed->model, &bed->config, bed->seed);
    assert(error == 0);
    bed->jobs = malloc(PLACES_MAX * sizeof *bed->jobs);
    error = sim_heap_reserve(&bed->ends, PLACES_MAX);
    assert(error == 0 && bed->jobs != NULL);
    bed->now_ns = K8S_BED_START;
}

void k8s_bed_end(struct k8s_bed *bed)
{
    bed->model.ops->free(bed->model.self);
    sim_heap_deinit(&bed->ends);
    sim_actions_free(&bed->actions);
    free(bed->jobs);
    free(bed->seen);
}

static void keep(struct k8s_bed *bed, const struct sim_action *action)
{
    if (bed->seen_count == bed->seen_capacity) {
        bed->seen_capacity =
            bed->seen_capacity > 0 ? 2 * bed->seen_capacity : 256;
        bed->seen = realloc(bed->seen, bed->seen_capacity * sizeof *bed->seen);
        assert(bed->seen != NULL);
    }
    struct k8s_seen *seen = &bed->seen[bed->seen_count++];
    *seen = (struct k8s_seen){.action = *action};
    if (action->cause != NULL) {
        memcpy(seen->words, action->cause->words, sizeof seen->words);
        seen->error = action->cause->error;
        seen->action.cause = NULL;
    }
}

static void begin_work(struct k8s_bed *bed, const struct sim_action *action)
{
    struct sim_work work = {
        .nominal_ns = bed->work_ns > 0 ? bed->work_ns : UINT64_C(3600000000000),
        .cpu_ppb = 1000000000,
        .threads = 1};
    uint64_t ns =
        bed->model.ops->run_ns(bed->model.self, action->time_ns, action->place,
                               action->job, &work, &bed->actions);
    assert(action->place < PLACES_MAX);
    bed->jobs[action->place] = action->job;
    if (bed->work_ns > 0) {
        sim_heap_set(&bed->ends, action->place, action->time_ns + ns);
    }
}

/* Actions that calls in here add come at the end of the list. */
static void follow(struct k8s_bed *bed)
{
    for (uint32_t i = 0; i < bed->actions.count; i++) {
        struct sim_action action = bed->actions.list[i];
        assert(!cause_fault("kubernetes", action.cause));
        assert(action.time_ns <= bed->now_ns);
        keep(bed, &action);
        if (action.kind == SIM_ACTION_START) {
            begin_work(bed, &action);
        } else if (action.kind == SIM_ACTION_CLOSE) {
            sim_heap_cut(&bed->ends, action.place);
        }
    }
    uint32_t places = bed->model.ops->counts(bed->model.self)->places;
    if (places > bed->running_peak) {
        bed->running_peak = places;
    }
    assert(!bed->actions.failed);
    bed->actions.count = 0;
}

void k8s_bed_run(struct k8s_bed *bed, uint64_t length_ns)
{
    const struct sim_model_ops *ops = bed->model.ops;
    uint64_t until_ns = bed->now_ns + length_ns;
    for (;;) {
        uint64_t model_ns = ops->next_ns(bed->model.self);
        uint64_t end_ns = sim_heap_next(&bed->ends);
        uint64_t next_ns = model_ns < end_ns ? model_ns : end_ns;
        if (next_ns > until_ns) {
            break;
        }
        assert(next_ns >= bed->now_ns);
        bed->now_ns = next_ns;
        if (model_ns <= end_ns) {
            ops->advance(bed->model.self, next_ns, &bed->actions);
        } else {
            uint32_t place = sim_heap_pop(&bed->ends);
            ops->finished(bed->model.self, next_ns, place, bed->jobs[place],
                          &bed->actions);
        }
        follow(bed);
    }
    bed->now_ns = until_ns;
}

struct sim_submitted k8s_bed_submit(struct k8s_bed *bed, uint32_t id,
                                    const struct sim_demand *demand)
{
    struct sim_job job = {.id = id, .demand = demand};
    struct sim_submitted answer;
    int error = bed->model.ops->submit(bed->model.self, bed->now_ns, &job,
                                       &answer, &bed->actions);
    assert(error == 0);
    follow(bed);
    return answer;
}

void k8s_bed_exit(struct k8s_bed *bed, uint32_t place, uint32_t exit_code)
{
    sim_heap_cut(&bed->ends, place);
    bed->model.ops->exited(bed->model.self, bed->now_ns, place, exit_code,
                           &bed->actions);
    follow(bed);
}

bool k8s_bed_fail_host(struct k8s_bed *bed, uint32_t host)
{
    bool done = bed->model.ops->fail_host(bed->model.self, bed->now_ns, host,
                                          &bed->actions);
    follow(bed);
    return done;
}

const struct k8s_seen *k8s_bed_find(const struct k8s_bed *bed,
                                    enum sim_action_kind kind, uint32_t job,
                                    uint16_t code, uint32_t nth)
{
    for (uint32_t i = 0; i < bed->seen_count; i++) {
        const struct sim_action *action = &bed->seen[i].action;
        if (action->kind == kind &&
            (job == SIM_MODEL_NONE || action->job == job) &&
            (code == 0 || action->code == code) && nth-- == 0) {
            return &bed->seen[i];
        }
    }
    return NULL;
}

uint32_t k8s_bed_count(const struct k8s_bed *bed, enum sim_action_kind kind,
                       uint32_t job, uint16_t code)
{
    uint32_t count = 0;
    while (k8s_bed_find(bed, kind, job, code, count) != NULL) {
        count++;
    }
    return count;
}

uint64_t k8s_bed_when(const struct k8s_bed *bed, enum sim_action_kind kind,
                      uint32_t job, uint16_t code, uint32_t nth)
{
    const struct k8s_seen *seen = k8s_bed_find(bed, kind, job, code, nth);
    return seen != NULL ? seen->action.time_ns - K8S_BED_START : UINT64_MAX;
}
