/*
 * The documented behaviour of Kubernetes, a sentence a test: nodes that die,
 * are cut off, short of memory, too many or too few; the control plane.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/platform/k8s.h"
#include "tests/support/k8s_bed.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)

static const struct sim_demand small = {
    .name = "small", .cpu_milli = 1000, .memory_mb = 1000, .image = 1};
static const struct sim_demand whole = {
    .name = "whole", .cpu_milli = 4000, .memory_mb = 1000, .image = 1};

static struct k8s_bed described(uint32_t nodes)
{
    struct k8s_bed bed = {.seed = 1, .work_ns = 10 * SECOND};
    k8s_bed_config(&bed.config, nodes);
    return bed;
}

static const struct sim_model_counts *counts(const struct k8s_bed *bed)
{
    return bed->model.ops->counts(bed->model.self);
}

static void submit_all(struct k8s_bed *bed, uint32_t count,
                       const struct sim_demand *demand)
{
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(k8s_bed_submit(bed, i, demand).answer,
                     SIM_SUBMIT_ACCEPTED);
    }
}

static uint32_t host_of(const struct k8s_bed *bed, uint32_t job, uint32_t nth)
{
    return k8s_bed_find(bed, SIM_ACTION_START, job, 0, nth)->action.host;
}

/* From the death of its node to the end of the pod in the API. */
static uint64_t replaced_after(uint64_t grace_ns, uint64_t seed)
{
    struct k8s_bed bed = described(5);
    bed.seed = seed;
    bed.config.monitor_grace_ns = grace_ns;
    bed.work_ns = 5 * MINUTE;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, MINUTE + 3 * SECOND);
    cr_assert(k8s_bed_fail_host(&bed, host_of(&bed, 0, 0)));
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_CLOSE, 0, SIM_K8S_NODE_LOST, 0),
                 MINUTE + 3 * SECOND);
    k8s_bed_run(&bed, 20 * MINUTE);
    cr_assert_eq(counts(&bed)->starts, 2);
    cr_assert_eq(counts(&bed)->done, 1);
    cr_assert_neq(host_of(&bed, 0, 1), host_of(&bed, 0, 0));
    uint64_t lost =
        k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_JOB_BACKOFF, 0);
    k8s_bed_end(&bed);
    return lost - MINUTE - 3 * SECOND;
}

Test(k8s_nodes, pods_of_a_dead_node_are_replaced_after_grace_and_toleration)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        uint64_t ns = replaced_after(50 * SECOND, seed);
        /* Less what had passed since the last heartbeat, to a monitor tick. */
        cr_assert_geq(ns, 340 * SECOND);
        cr_assert_leq(ns, 355 * SECOND);
    }
}

Test(k8s_nodes, an_older_control_plane_notices_a_death_10_s_sooner)
{
    for (uint64_t seed = 1; seed < 10; seed++) {
        cr_assert_eq(replaced_after(50 * SECOND, seed) -
                         replaced_after(40 * SECOND, seed),
                     10 * SECOND);
    }
}

Test(k8s_nodes, pods_are_bound_to_a_dead_node_until_it_is_noticed)
{
    struct k8s_bed bed = described(1);
    k8s_bed_begin(&bed);
    k8s_bed_run(&bed, 3 * SECOND);
    cr_assert(k8s_bed_fail_host(&bed, 0));
    cr_assert_not(k8s_bed_fail_host(&bed, 0));
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, 30 * SECOND);
    k8s_bed_submit(&bed, 1, &small);
    k8s_bed_run(&bed, 30 * SECOND);
    k8s_bed_submit(&bed, 2, &small);
    k8s_bed_run(&bed, 30 * SECOND);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_STATE, SIM_MODEL_NONE,
                               SIM_K8S_SCHEDULED),
                 2);
    cr_assert_eq(
        k8s_bed_count(&bed, SIM_ACTION_STATE, 2, SIM_K8S_UNSCHEDULABLE), 1);
    cr_assert_eq(counts(&bed)->starts, 0);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, pods_of_a_cut_off_node_run_on_while_others_replace_them)
{
    struct k8s_bed bed = described(3);
    bed.work_ns = 0;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, MINUTE);
    cr_assert(sim_k8s_partition(&bed.model, bed.now_ns, host_of(&bed, 0, 0),
                                15 * MINUTE, &bed.actions));
    k8s_bed_run(&bed, 10 * MINUTE);
    cr_assert_eq(counts(&bed)->starts, 2);
    cr_assert_eq(counts(&bed)->places, 2);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_CLOSE, 0, 0), 0);
    k8s_bed_run(&bed, 6 * MINUTE);
    const struct k8s_seen *warn =
        k8s_bed_find(&bed, SIM_ACTION_WARN, 0, SIM_K8S_TAINTED, 0);
    cr_assert_not_null(warn);
    cr_assert_eq(warn->action.time_ns - K8S_BED_START, 16 * MINUTE);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_CLOSE, 0, SIM_K8S_TAINTED, 0),
                 16 * MINUTE + 30 * SECOND);
    cr_assert_eq(counts(&bed)->places, 1);
    cr_assert_eq(counts(&bed)->jobs, 1);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, a_short_cut_is_not_noticed_and_ends_nothing)
{
    struct k8s_bed bed = described(3);
    bed.work_ns = 70 * SECOND;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, MINUTE);
    cr_assert(sim_k8s_partition(&bed.model, bed.now_ns, host_of(&bed, 0, 0),
                                30 * SECOND, &bed.actions));
    k8s_bed_run(&bed, 10 * MINUTE);
    cr_assert_eq(counts(&bed)->starts, 1);
    cr_assert_eq(counts(&bed)->done, 1);
    uint64_t over = k8s_bed_when(&bed, SIM_ACTION_FORGET, 0, 0, 0);
    cr_assert_eq(over, MINUTE + 31 * SECOND);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, what_has_ended_on_a_dead_node_unheard_is_done_again)
{
    struct k8s_bed bed = described(2);
    sim_dist_constant(&bed.config.status_delay, 2 * SECOND);
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, 10 * SECOND);
    uint64_t end =
        k8s_bed_when(&bed, SIM_ACTION_START, 0, 0, 0) + bed.work_ns + SECOND;
    k8s_bed_run(&bed, end - 10 * SECOND);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_CLOSE, 0, SIM_K8S_COMPLETED),
                 1);
    cr_assert(k8s_bed_fail_host(&bed, host_of(&bed, 0, 0)));
    k8s_bed_run(&bed, 20 * MINUTE);
    cr_assert_eq(counts(&bed)->starts, 2);
    cr_assert_eq(counts(&bed)->done, 1);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, dead_nodes_are_emptied_one_each_10_s)
{
    uint64_t when[3];
    struct k8s_bed bed = described(20);
    bed.work_ns = 60 * MINUTE;
    k8s_bed_begin(&bed);
    submit_all(&bed, 20, &whole);
    k8s_bed_run(&bed, 2 * MINUTE);
    for (uint32_t host = 0; host < 3; host++) {
        cr_assert(k8s_bed_fail_host(&bed, host));
    }
    k8s_bed_run(&bed, 10 * MINUTE);
    for (uint32_t i = 0; i < 3; i++) {
        when[i] = k8s_bed_when(&bed, SIM_ACTION_STATE, SIM_MODEL_NONE,
                               SIM_K8S_JOB_BACKOFF, i);
    }
    cr_assert_eq(when[1] - when[0], 10 * SECOND);
    cr_assert_eq(when[2] - when[1], 10 * SECOND);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, nothing_is_evicted_while_most_of_a_small_cluster_is_away)
{
    struct k8s_bed bed = described(10);
    bed.work_ns = 60 * MINUTE;
    k8s_bed_begin(&bed);
    submit_all(&bed, 10, &whole);
    k8s_bed_run(&bed, 2 * MINUTE);
    for (uint32_t host = 0; host < 6; host++) {
        cr_assert(k8s_bed_fail_host(&bed, host));
    }
    k8s_bed_run(&bed, 50 * MINUTE);
    cr_assert_leq(k8s_bed_count(&bed, SIM_ACTION_STATE, SIM_MODEL_NONE,
                                SIM_K8S_JOB_BACKOFF),
                  2);
    cr_assert_eq(counts(&bed)->running, 4);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, a_node_that_is_back_knows_that_its_pods_are_gone)
{
    struct k8s_bed bed = described(1);
    sim_dist_constant(&bed.config.repair, 2 * MINUTE);
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, 5 * SECOND);
    cr_assert(k8s_bed_fail_host(&bed, 0));
    k8s_bed_run(&bed, 5 * MINUTE);
    cr_assert_eq(
        k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_JOB_BACKOFF, 0),
        2 * MINUTE + 5 * SECOND);
    cr_assert_eq(counts(&bed)->done, 1);
    cr_assert_eq(counts(&bed)->hosts_started, 2);
    cr_assert_eq(counts(&bed)->hosts_lost, 1);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, a_pod_of_higher_priority_ends_the_lowest_after_their_grace)
{
    struct sim_demand low = whole, middle = whole, high = whole;
    middle.priority = 5;
    high.priority = 10;
    struct k8s_bed bed = described(2);
    bed.work_ns = 60 * MINUTE;
    k8s_bed_begin(&bed);
    k8s_bed_submit(&bed, 0, &middle);
    k8s_bed_submit(&bed, 1, &low);
    k8s_bed_run(&bed, MINUTE);
    k8s_bed_submit(&bed, 2, &high);
    k8s_bed_run(&bed, 2 * MINUTE);
    const struct k8s_seen *warn =
        k8s_bed_find(&bed, SIM_ACTION_WARN, 1, SIM_K8S_PREEMPTED, 0);
    cr_assert_not_null(warn);
    cr_assert_eq(warn->action.deadline_ns - warn->action.time_ns, 30 * SECOND);
    uint64_t closed =
        k8s_bed_when(&bed, SIM_ACTION_CLOSE, 1, SIM_K8S_PREEMPTED, 0);
    cr_assert_eq(closed, warn->action.deadline_ns - K8S_BED_START);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 2, SIM_K8S_SCHEDULED, 0),
                 closed);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_CLOSE, 0, 0), 0);
    cr_assert_eq(host_of(&bed, 2, 0), host_of(&bed, 1, 0));
    k8s_bed_end(&bed);
}

Test(k8s_nodes, without_preemption_a_pod_of_higher_priority_waits)
{
    struct sim_demand high = whole;
    high.priority = 10;
    struct k8s_bed bed = described(1);
    bed.config.preemption = false;
    bed.work_ns = 5 * MINUTE;
    k8s_bed_begin(&bed);
    k8s_bed_submit(&bed, 0, &whole);
    k8s_bed_run(&bed, MINUTE);
    k8s_bed_submit(&bed, 1, &high);
    k8s_bed_run(&bed, 20 * MINUTE);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_WARN, SIM_MODEL_NONE, 0), 0);
    cr_assert_gt(k8s_bed_when(&bed, SIM_ACTION_START, 1, 0, 0), 5 * MINUTE);
    cr_assert_eq(counts(&bed)->done, 2);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, a_node_short_of_memory_evicts_what_has_no_request)
{
    static const struct sim_demand loose = {
        .name = "loose", .cpu_milli = 100, .peak_mb = 9000, .image = 1};
    struct k8s_bed bed = described(1);
    bed.config.default_memory_mb = 0;
    bed.config.cpu_limits = false;
    bed.work_ns = 20 * MINUTE;
    k8s_bed_begin(&bed);
    k8s_bed_submit(&bed, 0, &small);
    k8s_bed_submit(&bed, 1, &loose);
    k8s_bed_submit(&bed, 2, &loose);
    k8s_bed_run(&bed, 4 * MINUTE);
    cr_assert_eq(
        k8s_bed_count(&bed, SIM_ACTION_CLOSE, SIM_MODEL_NONE, SIM_K8S_EVICTED),
        1);
    const struct k8s_seen *close =
        k8s_bed_find(&bed, SIM_ACTION_CLOSE, 2, SIM_K8S_EVICTED, 0);
    cr_assert_not_null(close);
    cr_assert_str_eq(close->words,
                     "node: Evicted: node-0 was low on resource: memory");
    uint64_t start = k8s_bed_when(&bed, SIM_ACTION_START, 2, 0, 0);
    cr_assert_eq(close->action.time_ns - K8S_BED_START, start + 10 * SECOND);
    cr_assert_eq(
        k8s_bed_count(&bed, SIM_ACTION_STATE, 2, SIM_K8S_UNSCHEDULABLE), 1);
    k8s_bed_run(&bed, 4 * MINUTE);
    cr_assert_geq(k8s_bed_count(&bed, SIM_ACTION_START, 2, 0), 2);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, the_autoscaler_adds_nodes_after_scan_decision_and_boot)
{
    struct k8s_bed bed = described(1);
    bed.config.scaler = SIM_K8S_SCALER_CLUSTER;
    bed.config.groups[0].nodes_max = 3;
    bed.work_ns = 10 * MINUTE;
    k8s_bed_begin(&bed);
    submit_all(&bed, 5, &whole);
    k8s_bed_run(&bed, 5 * MINUTE);
    cr_assert_eq(counts(&bed)->hosts, 3);
    cr_assert_eq(counts(&bed)->running, 3);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 1, SIM_K8S_SCHEDULED, 0),
                 60 * SECOND);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, nodes_that_were_added_leave_after_10_idle_minutes)
{
    struct k8s_bed bed = described(1);
    bed.config.scaler = SIM_K8S_SCALER_CLUSTER;
    bed.config.groups[0].nodes_max = 3;
    k8s_bed_begin(&bed);
    submit_all(&bed, 3, &whole);
    k8s_bed_run(&bed, 10 * MINUTE);
    cr_assert_eq(counts(&bed)->hosts, 3);
    cr_assert_eq(counts(&bed)->done, 3);
    k8s_bed_run(&bed, 3 * MINUTE);
    cr_assert_eq(counts(&bed)->hosts, 1);
    k8s_bed_submit(&bed, 7, &whole);
    k8s_bed_run(&bed, MINUTE);
    cr_assert_eq(counts(&bed)->done, 4);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, karpenter_waits_until_pods_have_stopped_coming)
{
    struct k8s_bed bed = described(0);
    bed.config.scaler = SIM_K8S_SCALER_KARPENTER;
    bed.config.groups[0].nodes_max = 10;
    k8s_bed_begin(&bed);
    for (uint32_t i = 0; i < 4; i++) {
        k8s_bed_submit(&bed, i, &whole);
        k8s_bed_run(&bed, SECOND / 2);
    }
    k8s_bed_run(&bed, 5 * MINUTE);
    cr_assert_eq(counts(&bed)->hosts_started, 4);
    /* The last pod is there after 1.61 s; a second later nodes are asked
     * for. */
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_SCHEDULED, 0),
                 1610 * MS + SECOND + 45 * SECOND);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, karpenter_does_not_wait_for_longer_than_10_s)
{
    struct k8s_bed bed = described(0);
    bed.config.scaler = SIM_K8S_SCALER_KARPENTER;
    bed.config.groups[0].nodes_max = 50;
    k8s_bed_begin(&bed);
    for (uint32_t i = 0; i < 40; i++) {
        k8s_bed_submit(&bed, i, &whole);
        k8s_bed_run(&bed, SECOND / 2);
    }
    k8s_bed_run(&bed, 5 * MINUTE);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_SCHEDULED, 0),
                 110 * MS + 10 * SECOND + 45 * SECOND);
    k8s_bed_end(&bed);
}

static void outage(struct k8s_bed *bed, uint64_t length_ns)
{
    bed->model.ops->outage(bed->model.self, bed->now_ns,
                           bed->now_ns + length_ns, &bed->actions);
}

Test(k8s_nodes, without_a_control_plane_pods_run_on_and_nothing_begins)
{
    struct k8s_bed bed = described(2);
    bed.work_ns = 20 * SECOND;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, 5 * SECOND);
    outage(&bed, 5 * MINUTE);
    struct sim_submitted answer = k8s_bed_submit(&bed, 1, &small);
    cr_assert_eq(answer.answer, SIM_SUBMIT_THROTTLED);
    cr_assert_eq(answer.reason, SIM_K8S_AWAY);
    cr_assert_eq(answer.actual, 300000);
    k8s_bed_run(&bed, 4 * MINUTE);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_CLOSE, 0, SIM_K8S_COMPLETED),
                 1);
    cr_assert_eq(k8s_bed_count(&bed, SIM_ACTION_FORGET, 0, 0), 0);
    k8s_bed_run(&bed, 2 * MINUTE);
    cr_assert_eq(counts(&bed)->done, 1);
    cr_assert_eq(counts(&bed)->starts, 1);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, a_dead_leader_is_followed_when_its_lease_has_run_out)
{
    struct k8s_bed bed = described(2);
    k8s_bed_begin(&bed);
    k8s_bed_run(&bed, 61 * SECOND);
    outage(&bed, 0);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, MINUTE);
    /* Renewed at 60 s, free at 75 s, tried for at each even second. */
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_CREATED, 0),
                 61 * SECOND + 10 * MS);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_PENDING, 0),
                 76 * SECOND);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, an_outage_within_the_renew_deadline_costs_no_leader)
{
    struct k8s_bed bed = described(2);
    k8s_bed_begin(&bed);
    outage(&bed, 5 * SECOND);
    k8s_bed_run(&bed, 5 * SECOND);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, MINUTE);
    cr_assert_eq(k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_PENDING, 0),
                 5 * SECOND + 110 * MS);
    k8s_bed_end(&bed);
}

Test(k8s_nodes, a_new_leader_watches_nodes_for_the_whole_grace)
{
    struct k8s_bed bed = described(3);
    bed.work_ns = 30 * MINUTE;
    k8s_bed_begin(&bed);
    submit_all(&bed, 1, &small);
    k8s_bed_run(&bed, MINUTE);
    cr_assert(k8s_bed_fail_host(&bed, host_of(&bed, 0, 0)));
    outage(&bed, 5 * MINUTE);
    k8s_bed_run(&bed, 20 * MINUTE);
    uint64_t lost =
        k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_JOB_BACKOFF, 0);
    cr_assert_geq(lost, 6 * MINUTE + 350 * SECOND);
    cr_assert_leq(lost, 6 * MINUTE + 360 * SECOND);
    k8s_bed_end(&bed);
}
