/*
 * The documented behaviour of Kubernetes, a sentence a test: from the API
 * server to the end of a Job. Sources: docs/platforms.md, kubernetes.
 */
#include "sim/platform/k8s.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/k8s_bed.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)

/* From submission to START with the image there, in the bed's constants. */
#define PATH (10 * MS + 100 * MS + SECOND)
/* And the pull of 100 MB. */
#define PULL (1200 * MS)

static const struct sim_demand small = {
    .name = "small", .cpu_milli = 1000, .memory_mb = 1000, .image = 1};

static struct k8s_bed described(uint32_t nodes)
{
    struct k8s_bed bed = {.seed = 1, .work_ns = 10 * SECOND};
    k8s_bed_config(&bed.config, nodes);
    return bed;
}

static void submit_all(struct k8s_bed *bed, uint32_t count,
                       const struct sim_demand *demand)
{
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(k8s_bed_submit(bed, i, demand).answer,
                     SIM_SUBMIT_ACCEPTED);
    }
}

static const struct sim_model_counts *counts(const struct k8s_bed *bed)
{
    return bed->model.ops->counts(bed->model.self);
}

/* Kills the job's nth container as soon as it runs. */
static void crash(struct k8s_bed *bed, uint32_t job, uint32_t nth)
{
    const struct k8s_seen *start;
    while ((start = k8s_bed_find(bed, SIM_ACTION_START, job, 0, nth)) == NULL) {
        cr_assert_lt(bed->now_ns, K8S_BED_START + 1000 * MINUTE);
        k8s_bed_run(bed, 10 * MS);
    }
    k8s_bed_exit(bed, start->action.place, 1);
}

Test(k8s, a_client_sends_its_burst_and_then_its_rate)
{
    struct k8s_bed bed = described(5);
    bed.config.client = (struct sim_k8s_qps){{5, SECOND}, 10};
    k8s_bed_begin(&bed);
    submit_all(&bed, 20, &small);
    k8s_bed_run(&bed, 10 * SECOND);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 9, SIM_K8S_CREATED, 0),
                 10 * MS);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 10, SIM_K8S_CREATED, 0),
                 210 * MS);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 19, SIM_K8S_CREATED, 0),
                 2010 * MS);
    k8s_bed_end(&bed);
}

Test(k8s, a_client_that_would_wait_too_long_is_throttled)
{
    struct k8s_bed bed = described(5);
    bed.config.client = (struct sim_k8s_qps){{5, SECOND}, 10};
    bed.config.client_wait_max_ns = SECOND;
    k8s_bed_begin(&bed);
    submit_all(&bed, 15, &small);
    struct sim_submitted answer = k8s_bed_submit(&bed, 15, &small);
    cr_assert_eq(answer.answer, SIM_SUBMIT_THROTTLED);
    cr_assert_eq(answer.reason, SIM_K8S_BY_CLIENT);
    cr_assert_eq(answer.limit, 10);
    cr_assert_eq(answer.actual, 10);
    k8s_bed_end(&bed);
}

Test(k8s, an_api_server_with_too_many_requests_in_flight_answers_429)
{
    struct k8s_bed bed = described(5);
    bed.config.inflight_max = 3;
    k8s_bed_begin(&bed);
    submit_all(&bed, 3, &small);
    struct sim_submitted answer = k8s_bed_submit(&bed, 3, &small);
    cr_assert_eq(answer.answer, SIM_SUBMIT_THROTTLED);
    cr_assert_eq(answer.reason, SIM_K8S_BY_SERVER);
    cr_assert_eq(answer.limit, 3);
    k8s_bed_run(&bed, 10 * MS);
    cr_assert_eq(k8s_bed_submit(&bed, 3, &small).answer, SIM_SUBMIT_ACCEPTED);
    k8s_bed_end(&bed);
}

Test(k8s, an_object_above_the_limit_of_etcd_is_refused)
{
    struct k8s_bed bed = described(1);
    k8s_bed_begin(&bed);
    struct sim_job job = {.demand = &small, .payload_bytes = 1572865};
    struct sim_submitted answer;
    cr_assert_eq(bed.model.ops->submit(bed.model.self, bed.now_ns, &job,
                                       &answer, &bed.actions),
                 0);
    cr_assert_eq(answer.answer, SIM_SUBMIT_REFUSED);
    cr_assert_eq(answer.limit, 1572864);
    cr_assert_eq(answer.actual, 1572865);
    cr_assert_eq(answer.cause.error, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_eq(counts(&bed)->jobs, 0);
    k8s_bed_end(&bed);
}

Test(k8s, the_job_controller_creates_pods_at_its_rate)
{
    struct k8s_bed bed = described(50);
    bed.config.controller = (struct sim_k8s_qps){{20, SECOND}, 30};
    k8s_bed_begin(&bed);
    submit_all(&bed, 50, &small);
    k8s_bed_run(&bed, 5 * SECOND);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 29, SIM_K8S_PENDING, 0),
                 110 * MS);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 30, SIM_K8S_PENDING, 0),
                 160 * MS);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 49, SIM_K8S_PENDING, 0),
                 1110 * MS);
    k8s_bed_end(&bed);
}

Test(k8s, the_scheduler_takes_one_pod_at_a_time)
{
    struct k8s_bed bed = described(200);
    bed.config.schedule_rate = (struct sim_rate){700, SECOND};
    k8s_bed_begin(&bed);
    submit_all(&bed, 200, &small);
    k8s_bed_run(&bed, 5 * SECOND);
    uint64_t first =
        k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_SCHEDULED, 0);
    uint64_t last =
        k8s_bed_when(&bed, SIM_ACTION_STATE, 199, SIM_K8S_SCHEDULED, 0);
    cr_assert_eq(last - first, 199 * (SECOND / 700));
    k8s_bed_end(&bed);
}

Test(k8s, bindings_wait_for_the_limiter_of_the_scheduler)
{
    struct k8s_bed bed = described(200);
    bed.config.binding = (struct sim_k8s_qps){{50, SECOND}, 100};
    bed.config.image_bytes = 1;
    sim_dist_constant(&bed.config.registry_latency, 0);
    k8s_bed_begin(&bed);
    submit_all(&bed, 200, &small);
    k8s_bed_run(&bed, 5 * SECOND);
    uint64_t first = k8s_bed_when(&bed, SIM_ACTION_START, 0, 0, 0);
    uint64_t last = k8s_bed_when(&bed, SIM_ACTION_START, 199, 0, 0);
    cr_assert_eq(last - first, 2 * SECOND);
    k8s_bed_end(&bed);
}

Test(k8s, the_scheduler_takes_the_highest_priority_then_the_oldest)
{
    struct sim_demand high = small;
    high.priority = 1000;
    struct k8s_bed bed = described(10);
    bed.config.schedule_rate = (struct sim_rate){1, SECOND};
    k8s_bed_begin(&bed);
    submit_all(&bed, 4, &small);
    cr_assert_eq(k8s_bed_submit(&bed, 4, &high).answer, SIM_SUBMIT_ACCEPTED);
    k8s_bed_run(&bed, 8 * SECOND);
    uint64_t when[5];
    for (uint32_t i = 0; i < 5; i++) {
        when[i] = k8s_bed_when(&bed, SIM_ACTION_STATE, i, SIM_K8S_SCHEDULED, 0);
    }
    cr_assert_lt(when[4], when[1]);
    cr_assert_lt(when[1], when[2]);
    cr_assert_lt(when[2], when[3]);
    k8s_bed_end(&bed);
}

Test(k8s, pods_above_the_quota_are_forbidden_and_run_later)
{
    char why[SIM_WORDS_MAX];
    struct k8s_bed bed = described(10);
    bed.config.quota.cpu_milli = 10000;
    k8s_bed_begin(&bed);
    submit_all(&bed, 20, &small);
    k8s_bed_run(&bed, 5 * SECOND);
    cr_assert_eq(counts(&bed)->running, 10);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_STATE, SIM_MODEL_NONE,
                               SIM_K8S_FAILED_CREATE),
                 10);
    bed.model.ops->explain(bed.model.self, bed.now_ns, 15, why, sizeof why);
    cr_assert_str_eq(why,
                     "FailedCreate: pod is forbidden: exceeded quota: compute, "
                     "requested: requests.cpu=1, used: requests.cpu=10, "
                     "limited: requests.cpu=10");
    k8s_bed_run(&bed, 10 * MINUTE);
    cr_assert_eq(counts(&bed)->done, 20);
    cr_assert_eq(bed.running_peak, 10);
    k8s_bed_end(&bed);
}

Test(k8s, the_quota_bounds_pods_memory_and_gpus_too)
{
    struct sim_demand gpu = small;
    gpu.gpus = 1;
    for (int what = 0; what < 3; what++) {
        struct k8s_bed bed = described(10);
        bed.config.groups[0].gpus = 4;
        bed.config.quota.pods = what == 0 ? 3 : 0;
        bed.config.quota.memory_mb = what == 1 ? 3999 : 0;
        bed.config.quota.gpus = what == 2 ? 3 : 0;
        k8s_bed_begin(&bed);
        submit_all(&bed, 8, &gpu);
        k8s_bed_run(&bed, 20 * MINUTE);
        cr_assert_eq(bed.running_peak, 3);
        cr_assert_eq(counts(&bed)->done, 8);
        k8s_bed_end(&bed);
    }
}

Test(k8s, a_node_holds_ten_pods_a_core_but_no_more_than_110)
{
    static const struct sim_demand tiny = {
        .name = "tiny", .cpu_milli = 1, .memory_mb = 1, .image = 1};
    static const uint32_t cores[] = {4, 64};
    static const uint32_t pods[] = {40, 110};
    for (int i = 0; i < 2; i++) {
        struct k8s_bed bed = described(1);
        bed.config.groups[0].cpu_milli = cores[i] * 1000;
        bed.config.cpu_limits = false;
        bed.work_ns = 60 * SECOND;
        k8s_bed_begin(&bed);
        submit_all(&bed, 150, &tiny);
        k8s_bed_run(&bed, MINUTE);
        cr_assert_eq(bed.running_peak, pods[i]);
        k8s_bed_end(&bed);
    }
}

Test(k8s, what_does_not_fit_says_on_how_many_nodes_and_why)
{
    char why[SIM_WORDS_MAX];
    struct sim_demand picky = small;
    picky.labels[0] = "disk=ssd";
    picky.cpu_milli = 5000;
    struct k8s_bed bed = described(2);
    bed.config.group_count = 2;
    bed.config.groups[1] = bed.config.groups[0];
    bed.config.groups[1].nodes = bed.config.groups[1].nodes_max = 3;
    strcpy(bed.config.groups[1].labels[0], "disk=ssd");
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &picky);
    k8s_bed_run(&bed, MINUTE);
    bed.model.ops->explain(bed.model.self, bed.now_ns, 0, why, sizeof why);
    cr_assert_str_eq(why, "FailedScheduling: 0/5 nodes are available: 3 "
                          "Insufficient cpu, 2 node(s) didn't match Pod's node "
                          "affinity/selector.");
    cr_assert_eq(counts(&bed)->queued, 1);
    k8s_bed_end(&bed);
}

Test(k8s, a_pod_runs_only_where_its_labels_are)
{
    struct sim_demand picky = small;
    picky.labels[0] = "accelerator=nvidia-tesla-v100";
    struct k8s_bed bed = described(2);
    bed.config.group_count = 2;
    bed.config.groups[1] = bed.config.groups[0];
    strcpy(bed.config.groups[1].labels[0], "accelerator=nvidia-tesla-v100");
    k8s_bed_begin(&bed);
    submit_all(&bed, 30, &picky);
    k8s_bed_run(&bed, 10 * MINUTE);
    cr_assert_eq(counts(&bed)->done, 30);
    cr_assert_eq(bed.running_peak, 8);
    for (uint32_t i = 0; i < 30; i++) {
        const struct k8s_seen *start =
            k8s_bed_find(&bed, SIM_ACTION_START, i, 0, 0);
        cr_assert_geq(start->action.host, 2);
    }
    k8s_bed_end(&bed);
}

Test(k8s, gpus_are_whole_and_a_pod_waits_for_one)
{
    struct sim_demand gpu = small;
    gpu.gpus = 1;
    struct k8s_bed bed = described(2);
    bed.config.groups[0].gpus = 2;
    k8s_bed_begin(&bed);
    submit_all(&bed, 10, &gpu);
    k8s_bed_run(&bed, 10 * MINUTE);
    cr_assert_eq(bed.running_peak, 4);
    cr_assert_eq(counts(&bed)->done, 10);
    k8s_bed_end(&bed);
}

Test(k8s, a_pod_that_fits_nowhere_is_tried_again_when_another_ends)
{
    struct sim_demand whole = small;
    whole.cpu_milli = 4000;
    struct k8s_bed bed = described(1);
    bed.work_ns = 30 * SECOND;
    k8s_bed_begin(&bed);
    submit_all(&bed, 2, &whole);
    k8s_bed_run(&bed, 5 * MINUTE);
    uint64_t freed =
        k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_COMPLETE, 0);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 1, SIM_K8S_SCHEDULED, 0),
                 freed);
    cr_assert_eq(
        k8s_bed_count(&bed, SIM_ACTION_STATE, 1, SIM_K8S_UNSCHEDULABLE), 1);
    k8s_bed_end(&bed);
}

Test(k8s, pods_spread_over_the_nodes_that_have_most_room)
{
    uint32_t on[4] = {0};
    struct k8s_bed bed = described(4);
    bed.work_ns = MINUTE;
    k8s_bed_begin(&bed);
    submit_all(&bed, 8, &small);
    k8s_bed_run(&bed, 30 * SECOND);
    for (uint32_t i = 0; i < 8; i++) {
        on[k8s_bed_find(&bed, SIM_ACTION_START, i, 0, 0)->action.host]++;
    }
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(on[i], 2);
    }
    k8s_bed_end(&bed);
}

static uint64_t pulled(uint64_t bytes)
{
    struct sim_demand demand = small;
    demand.image_bytes = bytes;
    struct k8s_bed bed = described(1);
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &demand);
    k8s_bed_run(&bed, MINUTE);
    k8s_bed_submit(&bed, 1, &demand);
    k8s_bed_run(&bed, MINUTE);
    uint64_t first = k8s_bed_when(&bed, SIM_ACTION_START, 0, 0, 0);
    uint64_t again = k8s_bed_when(&bed, SIM_ACTION_START, 1, 0, 0) - MINUTE;
    cr_assert_eq(again, PATH);
    k8s_bed_end(&bed);
    return first - again;
}

Test(k8s, an_image_is_pulled_once_a_node_and_takes_by_its_size)
{
    cr_assert_eq(pulled(100000000), 1200 * MS);
    cr_assert_eq(pulled(2000000000), 20200 * MS);
}

Test(k8s, a_node_pulls_one_image_after_the_other)
{
    struct sim_demand demands[3];
    struct k8s_bed bed = described(1);
    k8s_bed_begin(&bed);
    for (uint32_t i = 0; i < 3; i++) {
        demands[i] = small;
        demands[i].image = i;
        k8s_bed_submit(&bed, i, &demands[i]);
    }
    k8s_bed_run(&bed, MINUTE);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t start = k8s_bed_when(&bed, SIM_ACTION_START, i, 0, 0);
        cr_assert_eq(start, PATH + (i + 1) * PULL);
    }
    k8s_bed_end(&bed);
}

Test(k8s, a_kubelet_above_its_registry_rate_fails_a_pull)
{
    struct sim_demand demands[12];
    struct k8s_bed bed = described(1);
    bed.config.groups[0].cpu_milli = 16000;
    bed.config.image_bytes = 1;
    sim_dist_constant(&bed.config.registry_latency, 0);
    k8s_bed_begin(&bed);
    for (uint32_t i = 0; i < 12; i++) {
        demands[i] = small;
        demands[i].image = i;
        k8s_bed_submit(&bed, i, &demands[i]);
    }
    k8s_bed_run(&bed, MINUTE);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_STATE, SIM_MODEL_NONE,
                               SIM_K8S_ERR_IMAGE_PULL),
                 2);
    cr_assert_eq(counts(&bed)->done, 12);
    k8s_bed_end(&bed);
}

Test(k8s, an_image_that_cannot_be_had_backs_off_until_the_deadline)
{
    static const uint64_t waits[] = {10, 20, 40, 80, 160, 300, 300};
    struct sim_demand private = small;
    private.image_missing = true;
    struct k8s_bed bed = described(1);
    bed.config.active_deadline_ns = 20 * MINUTE;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &private);
    k8s_bed_run(&bed, 30 * MINUTE);
    for (uint32_t i = 0; i < 6; i++) {
        uint64_t failed =
            k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_ERR_IMAGE_PULL, i);
        cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 0,
                                  SIM_K8S_ERR_IMAGE_PULL, i + 1) -
                         failed,
                     waits[i] * SECOND + 200 * MS);
    }
    const struct k8s_seen *fail = k8s_bed_find(&bed, SIM_ACTION_FAIL, 0, 0, 0);
    cr_assert_not_null(fail);
    cr_assert_eq(fail->error, ENGINE_ERR_PLATFORM_START);
    cr_assert_str_eq(
        fail->words,
        "platform: DeadlineExceeded: Job was active longer than specified "
        "deadline\n"
        "node: ImagePullBackOff: back-off pulling image 1\n"
        "node: ErrImagePull: unauthorized: authentication required, or no "
        "such image");
    cr_assert_eq(counts(&bed)->starts, 0);
    cr_assert_eq(counts(&bed)->jobs, 0);
    k8s_bed_end(&bed);
}

Test(k8s, a_pod_starts_within_5_s_in_99_of_100_cases_without_a_pull)
{
    uint32_t late = 0;
    struct k8s_bed bed = described(100);
    sim_dist_lognormal_fit(&bed.config.start, 1200 * MS, 4 * SECOND);
    k8s_bed_begin(&bed);
    for (uint32_t i = 0; i < 3000; i++) {
        k8s_bed_submit(&bed, i, &small);
        k8s_bed_run(&bed, SECOND / 20);
    }
    k8s_bed_run(&bed, MINUTE);
    for (uint32_t i = 1000; i < 3000; i++) {
        uint64_t created =
            k8s_bed_when(&bed, SIM_ACTION_STATE, i, SIM_K8S_PENDING, 0);
        uint64_t start = k8s_bed_when(&bed, SIM_ACTION_START, i, 0, 0);
        late += start - created > 5 * SECOND;
    }
    cr_assert_leq(late, 20);
    k8s_bed_end(&bed);
}

Test(k8s, failed_pods_are_made_again_after_10_20_40_and_at_most_360_s)
{
    static const uint64_t waits[] = {10, 20, 40, 80, 160, 320, 360, 360};
    struct k8s_bed bed = described(1);
    bed.config.backoff_limit = 100;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    for (uint32_t i = 0; i < 8; i++) {
        crash(&bed, 0, i);
    }
    k8s_bed_run(&bed, 10 * MINUTE);
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t failed =
            k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_JOB_BACKOFF, i);
        uint64_t again =
            k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_PENDING, i + 1);
        cr_assert_eq(again - failed, waits[i] * SECOND);
    }
    cr_assert_eq(counts(&bed)->restarts, 8);
    cr_assert_eq(counts(&bed)->done, 1);
    k8s_bed_end(&bed);
}

Test(k8s, a_job_fails_after_its_backoff_limit)
{
    struct k8s_bed bed = described(1);
    bed.config.backoff_limit = 2;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    for (uint32_t i = 0; i < 3; i++) {
        crash(&bed, 0, i);
    }
    k8s_bed_run(&bed, 30 * MINUTE);
    const struct k8s_seen *fail = k8s_bed_find(&bed, SIM_ACTION_FAIL, 0, 0, 0);
    cr_assert_not_null(fail);
    cr_assert_eq(fail->error, ENGINE_ERR_USER);
    cr_assert_str_eq(fail->words,
                     "platform: BackoffLimitExceeded: Job has reached the "
                     "specified backoff limit\n"
                     "node: Error: the container has ended\n"
                     "node: exit 1: by itself");
    cr_assert_eq(counts(&bed)->starts, 3);
    k8s_bed_end(&bed);
}

Test(k8s, the_deadline_of_a_job_comes_before_its_backoff_limit)
{
    struct k8s_bed bed = described(1);
    bed.config.active_deadline_ns = 25 * SECOND;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    crash(&bed, 0, 0);
    k8s_bed_run(&bed, 30 * MINUTE);
    const struct k8s_seen *fail = k8s_bed_find(&bed, SIM_ACTION_FAIL, 0, 0, 0);
    cr_assert_not_null(fail);
    cr_assert_not_null(strstr(fail->words, "DeadlineExceeded"));
    cr_assert_leq(counts(&bed)->starts, 2);
    k8s_bed_end(&bed);
}

Test(k8s, a_running_pod_gets_its_grace_when_the_deadline_has_come)
{
    struct k8s_bed bed = described(1);
    bed.config.active_deadline_ns = MINUTE;
    bed.work_ns = 10 * MINUTE;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, 5 * MINUTE);
    const struct k8s_seen *warn =
        k8s_bed_find(&bed, SIM_ACTION_WARN, 0, SIM_K8S_DEADLINE, 0);
    cr_assert_not_null(warn);
    cr_assert_eq(warn->action.time_ns - K8S_BED_START, MINUTE + 10 * MS);
    uint64_t closed =
        k8s_bed_when(&bed, SIM_ACTION_CLOSE, 0, SIM_K8S_DEADLINE, 0);
    cr_assert_eq(closed, MINUTE + 10 * MS + 30 * SECOND);
    const struct k8s_seen *fail = k8s_bed_find(&bed, SIM_ACTION_FAIL, 0, 0, 0);
    cr_assert_eq(fail->error, ENGINE_ERR_TIMED_OUT);
    cr_assert_eq(
        k8s_bed_find(&bed, SIM_ACTION_START, 0, 0, 0)->action.deadline_ns -
            K8S_BED_START,
        closed);
    k8s_bed_end(&bed);
}

Test(k8s, a_container_restarts_at_once_then_after_10_20_40_and_at_most_300_s)
{
    static const uint64_t waits[] = {0, 10, 20, 40, 80, 160, 300, 300};
    struct k8s_bed bed = described(1);
    bed.config.restart_on_failure = true;
    bed.config.backoff_limit = 100;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    for (uint32_t i = 0; i < 8; i++) {
        crash(&bed, 0, i);
    }
    k8s_bed_run(&bed, 10 * MINUTE);
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t ended = k8s_bed_when(&bed, SIM_ACTION_CLOSE, 0, 0, i);
        uint64_t again = k8s_bed_when(&bed, SIM_ACTION_START, 0, 0, i + 1);
        cr_assert_eq(again - ended, waits[i] * SECOND + SECOND);
    }
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_STATE, 0, SIM_K8S_PENDING), 1);
    k8s_bed_end(&bed);
}

Test(k8s, a_container_that_ran_for_10_minutes_starts_its_back_off_anew)
{
    struct k8s_bed bed = described(1);
    bed.config.restart_on_failure = true;
    bed.work_ns = 0;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    for (uint32_t i = 0; i < 4; i++) {
        crash(&bed, 0, i);
    }
    k8s_bed_run(&bed, 15 * MINUTE);
    crash(&bed, 0, 4);
    k8s_bed_run(&bed, MINUTE);
    uint64_t ended = k8s_bed_when(&bed, SIM_ACTION_CLOSE, 0, 0, 4);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_START, 0, 0, 5) - ended, SECOND);
    k8s_bed_end(&bed);
}

Test(k8s, restarts_of_containers_count_towards_the_backoff_limit)
{
    struct k8s_bed bed = described(1);
    bed.config.restart_on_failure = true;
    bed.config.backoff_limit = 3;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    for (uint32_t i = 0; i < 4; i++) {
        crash(&bed, 0, i);
    }
    k8s_bed_run(&bed, MINUTE);
    cr_assert_eq(counts(&bed)->failed, 1);
    cr_assert_eq(counts(&bed)->starts, 4);
    k8s_bed_end(&bed);
}

Test(k8s, a_container_above_its_memory_is_killed_with_137)
{
    struct sim_demand hungry = small;
    hungry.peak_mb = 1500;
    struct k8s_bed bed = described(1);
    bed.config.backoff_limit = 1;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &hungry);
    k8s_bed_run(&bed, 10 * MINUTE);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_CLOSE, 0, SIM_K8S_OOM_KILLED),
                 2);
    const struct k8s_seen *fail = k8s_bed_find(&bed, SIM_ACTION_FAIL, 0, 0, 0);
    cr_assert_eq(fail->error, ENGINE_ERR_OOM);
    cr_assert_not_null(strstr(
        fail->words,
        "node: OOMKilled: exit code 137, 1500 MB wanted, 1000 MB allowed"));
    k8s_bed_end(&bed);
}

Test(k8s, a_pod_may_be_started_twice_and_completes_its_job_once)
{
    struct k8s_bed bed = described(2);
    bed.config.duplicate_ppb = 1000000000;
    k8s_bed_begin(&bed);
    submit_all(&bed, 5, &small);
    k8s_bed_run(&bed, 5 * MINUTE);
    cr_assert_geq(counts(&bed)->starts, 6);
    cr_assert_eq(counts(&bed)->done, 5);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_FORGET, SIM_MODEL_NONE, 0), 5);
    cr_assert_eq(counts(&bed)->places, 0);
    k8s_bed_end(&bed);
}

Test(k8s, work_on_a_part_of_a_processor_takes_longer)
{
    struct sim_demand half = small;
    half.cpu_milli = 500;
    for (int limits = 0; limits < 2; limits++) {
        struct k8s_bed bed = described(1);
        bed.config.cpu_limits = limits == 1;
        k8s_bed_begin(&bed);
        submit_all(&bed, 1, &half);
        k8s_bed_run(&bed, MINUTE);
        uint64_t start = k8s_bed_when(&bed, SIM_ACTION_START, 0, 0, 0);
        uint64_t end = k8s_bed_when(&bed, SIM_ACTION_CLOSE, 0, 0, 0);
        cr_assert_eq(end - start, (limits == 1 ? 20 : 10) * SECOND);
        k8s_bed_end(&bed);
    }
}

Test(k8s, a_node_costs_by_the_hour_and_so_does_the_control_plane)
{
    const char *name;
    uint64_t nano;
    struct k8s_bed bed = described(3);
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, 120 * MINUTE);
    cr_assert(
        bed.model.ops->cost_line(bed.model.self, bed.now_ns, 0, &name, &nano));
    cr_assert_str_eq(name, "nodes");
    cr_assert_eq(nano, UINT64_C(3) * 2 * 200000000);
    cr_assert_eq(bed.model.ops->cost_nano(bed.model.self, bed.now_ns),
                 UINT64_C(1200000000) + 2 * 100000000);
    cr_assert_not(
        bed.model.ops->cost_line(bed.model.self, bed.now_ns, 2, &name, &nano));
    k8s_bed_end(&bed);
}

Test(k8s, numbers_out_of_their_range_are_refused)
{
    struct sim_model model;
    struct sim_k8s_config config;
    k8s_bed_config(&config, 1);
    config.groups[0].nodes_max = 0;
    cr_assert_eq(sim_k8s_model(&model, &config, 1), SIM_K8S_ECONFIG);
    cr_assert_null(model.ops);
    k8s_bed_config(&config, 1);
    config.client.rate.count = 0;
    cr_assert_eq(sim_k8s_model(&model, &config, 1), SIM_K8S_ECONFIG);
    k8s_bed_config(&config, 1);
    config.images_per_node = SIM_K8S_IMAGES_MAX + 1;
    cr_assert_eq(sim_k8s_model(&model, &config, 1), SIM_K8S_ECONFIG);
}
