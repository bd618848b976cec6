/*
 * Nodes: how the control plane learns that one is gone, and how many there
 * are.
 *
 *   dies ─▶ heartbeats stop ─▶ DETECT (monitor tick after the grace)
 *        ─▶ TAINT (so many nodes a second) ─▶ EVICT (after the toleration)
 *
 * Until EVICT the pods of the node are counted as running, and until DETECT
 * new ones are bound to it.
 */
#include <assert.h>

#include "sim/platform/k8s_cluster.h"

static void arm(struct sim_k8s *k, uint32_t node, enum sim_k8s_node_timer timer,
                uint64_t at_ns)
{
    sim_heap_set(&k->node_due, node * NODE_TIMERS + timer, at_ns);
}

static void disarm(struct sim_k8s *k, uint32_t node,
                   enum sim_k8s_node_timer timer)
{
    sim_heap_cut(&k->node_due, node * NODE_TIMERS + timer);
}

/* The first multiple of `step` that is not before `time_ns`. */
static uint64_t tick(uint64_t time_ns, uint64_t step)
{
    return (time_ns + step - 1) / step * step;
}

/* Adds up what nodes have lived, before their number changes. */
void sim_k8s_charge(struct sim_k8s *k, uint64_t now_ns)
{
    if (k->began_ns == SIM_HEAP_NEVER) {
        k->began_ns = now_ns;
        k->charged_ns = now_ns;
    }
    /* Whole microseconds: what is left over is charged the next time. */
    uint64_t us = (now_ns - k->charged_ns) / 1000;
    k->charged_ns += us * 1000;
    for (uint32_t i = 0; i < k->config.group_count; i++) {
        k->groups[i].lived_us += us * k->groups[i].up;
    }
}

void sim_k8s_node_begin(struct sim_k8s *k, uint32_t index, uint64_t now_ns)
{
    struct sim_k8s_node *node = &k->nodes[index];
    const struct sim_k8s_group *group = &k->config.groups[node->group];
    node->serial = k->node_serial++;
    node->state = NODE_UP;
    node->chain = CHAIN_NONE;
    node->ready = true;
    node->free_cpu = group->cpu_milli;
    node->free_mb = group->memory_mb;
    node->free_gpus = group->gpus;
    node->free_pods = k->groups[node->group].pods;
    node->held_cpu = node->held_mb = node->held_gpus = node->held_pods = 0;
    node->used_mb = 0;
    node->first = node->nominated = K8S_NONE;
    node->pull_first = node->pull_last = node->pulling = K8S_NONE;
    node->image_count = node->image_next = 0;
    node->pressure_until_ns = 0;
    node->registry = k->registry;
    node->phase_ns =
        engine_draw_below(&k->draw_node, node->serial, k->config.heartbeat_ns);
    k->groups[node->group].up++;
    k->counts.hosts++;
    k->counts.hosts_started++;
    sim_k8s_index_update(k, index);
    sim_k8s_node_emptied(k, index, now_ns);
}

/* When the control plane notices that there are no heartbeats. */
static uint64_t detected_ns(const struct sim_k8s *k, uint32_t index,
                            uint64_t now_ns)
{
    uint64_t period = k->config.heartbeat_ns;
    uint64_t phase = k->nodes[index].phase_ns;
    uint64_t last = now_ns < phase ? 0 : now_ns - (now_ns - phase) % period;
    return tick(last + k->config.monitor_grace_ns, k->config.monitor_ns);
}

static void begin_chain(struct sim_k8s *k, uint32_t index, uint64_t now_ns)
{
    struct sim_k8s_node *node = &k->nodes[index];
    if (node->chain == CHAIN_NONE) {
        node->chain = CHAIN_DETECT;
        arm(k, index, NODE_CHAIN, detected_ns(k, index, now_ns));
    }
}

/* Processes die with their node; the control plane does not know. */
static void stop_pods(struct sim_k8s *k, uint32_t at, uint64_t now_ns,
                      struct sim_actions *out)
{
    uint32_t index = k->nodes[at].first;
    while (index != K8S_NONE) {
        struct sim_k8s_pod *pod = &k->pods[index];
        uint32_t next = pod->node_next;
        uint32_t job = pod->job;
        sim_heap_cut(&k->pod_due, index);
        sim_k8s_container_end(k, index, SIM_K8S_NODE_LOST, now_ns, out);
        pod->phase = POD_STUCK;
        if (pod->deleted) {
            sim_k8s_pod_gone(k, index, now_ns, out);
            sim_k8s_job_over(k, job, now_ns, out);
        }
        index = next;
    }
}

bool sim_k8s_node_fail(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                       struct sim_actions *out)
{
    struct sim_k8s_node *node = &k->nodes[index];
    if (index >= k->node_count ||
        (node->state != NODE_UP && node->state != NODE_CUT)) {
        return false;
    }
    sim_k8s_charge(k, now_ns);
    k->groups[node->group].up--;
    k->counts.hosts--;
    k->counts.hosts_lost++;
    node->state = NODE_DEAD;
    node->pull_first = node->pull_last = node->pulling = K8S_NONE;
    disarm(k, index, NODE_PULL);
    disarm(k, index, NODE_PRESSURE);
    disarm(k, index, NODE_IDLE);
    stop_pods(k, index, now_ns, out);
    begin_chain(k, index, now_ns);
    arm(k, index, NODE_LIFE,
        now_ns +
            sim_dist_draw(&k->config.repair, &k->draw_repair, node->serial));
    return true;
}

bool sim_k8s_node_cut(struct sim_k8s *k, uint32_t index, uint64_t length_ns,
                      uint64_t now_ns, struct sim_actions *out)
{
    (void)out;
    if (index >= k->node_count || k->nodes[index].state != NODE_UP) {
        return false;
    }
    k->nodes[index].state = NODE_CUT;
    disarm(k, index, NODE_IDLE);
    begin_chain(k, index, now_ns);
    arm(k, index, NODE_LIFE, now_ns + length_ns);
    return true;
}

/* Nominees have to look for another node. */
static void send_away(struct sim_k8s *k, uint32_t index, uint64_t now_ns)
{
    while (k->nodes[index].nominated != K8S_NONE) {
        uint32_t pod = k->nodes[index].nominated;
        sim_k8s_unnominate(k, pod);
        sim_k8s_enqueue(k, pod, now_ns);
    }
}

static void set_ready(struct sim_k8s *k, uint32_t index, bool ready)
{
    struct sim_k8s_node *node = &k->nodes[index];
    if (node->ready != ready) {
        node->ready = ready;
        k->not_ready += ready ? -1U : 1U;
        sim_k8s_index_update(k, index);
    }
}

/*
 * How long from now the next node may be tainted; NEVER: not while so many
 * are not ready.
 */
static uint64_t taint_step_ns(const struct sim_k8s *k)
{
    const struct sim_rate *rate = &k->config.eviction_rate;
    uint32_t all = 0;
    for (uint32_t i = 0; i < k->node_count; i++) {
        all += k->nodes[i].state >= NODE_UP;
    }
    if (k->not_ready >= all) {
        return SIM_HEAP_NEVER;
    }
    if (k->not_ready > 2 && (uint64_t)k->not_ready * 1000000000 >=
                                (uint64_t)all * k->config.unhealthy_ppb) {
        if (all <= k->config.large_cluster) {
            return SIM_HEAP_NEVER;
        }
        rate = &k->config.secondary_rate;
    }
    return rate->per_ns / rate->count;
}

/* The first pod of the node that was not told to go yet, or K8S_NONE. */
static uint32_t next_pod(const struct sim_k8s *k, uint32_t at)
{
    uint32_t index = k->nodes[at].first;
    while (index != K8S_NONE && k->pods[index].deleted) {
        index = k->pods[index].node_next;
    }
    return index;
}

/* A job that fails takes its other pods with it, perhaps from here too. */
static void evict_all(struct sim_k8s *k, uint32_t at, uint64_t now_ns,
                      struct sim_actions *out)
{
    for (uint32_t index = next_pod(k, at); index != K8S_NONE;
         index = next_pod(k, at)) {
        uint32_t job = k->pods[index].job;
        k->jobs[job].root = ROOT_NODE;
        k->jobs[job].node = at;
        sim_k8s_pod_delete(k, index, SIM_K8S_TAINTED, now_ns, out);
        sim_k8s_job_lost_pod(k, job, k->config.disruptions_count, now_ns, out);
    }
}

static void chain_due(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                      struct sim_actions *out)
{
    struct sim_k8s_node *node = &k->nodes[index];
    if (now_ns < k->controllers_back_ns) {
        /* A new leader watches for the whole grace before it judges. */
        uint64_t grace =
            node->chain == CHAIN_DETECT ? k->config.monitor_grace_ns : 0;
        arm(k, index, NODE_CHAIN,
            tick(k->controllers_back_ns + grace, k->config.monitor_ns));
        return;
    }
    if (node->chain == CHAIN_DETECT) {
        set_ready(k, index, false);
        send_away(k, index, now_ns);
        sim_k8s_scaler_poke(k, now_ns);
        node->chain = CHAIN_TAINT;
    }
    if (node->chain == CHAIN_TAINT) {
        uint64_t step_ns = taint_step_ns(k);
        if (step_ns == SIM_HEAP_NEVER) {
            arm(k, index, NODE_CHAIN, now_ns + k->config.monitor_ns);
        } else if (k->taint_next_ns > now_ns) {
            arm(k, index, NODE_CHAIN, k->taint_next_ns);
        } else {
            k->taint_next_ns = now_ns + step_ns;
            node->chain = CHAIN_EVICT;
            arm(k, index, NODE_CHAIN, now_ns + k->config.toleration_ns);
        }
        return;
    }
    node->chain = CHAIN_DONE;
    evict_all(k, index, now_ns, out);
}

/* A node that was dead is back, and knows that nothing runs on it. */
static void repaired(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                     struct sim_actions *out)
{
    while (k->nodes[index].first != K8S_NONE) {
        uint32_t pod = k->nodes[index].first;
        uint32_t job = k->pods[pod].job;
        k->jobs[job].root = ROOT_NODE;
        k->jobs[job].node = index;
        sim_k8s_pod_gone(k, pod, now_ns, out);
        sim_k8s_job_lost_pod(k, job, k->config.disruptions_count, now_ns, out);
    }
    send_away(k, index, now_ns);
    set_ready(k, index, true);
    sim_k8s_charge(k, now_ns);
    sim_k8s_node_begin(k, index, now_ns);
    sim_k8s_room(k, index, now_ns, out);
}

/* What was decided in the meantime reaches the node. */
static void healed(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                   struct sim_actions *out)
{
    uint32_t at = k->nodes[index].first;
    k->nodes[index].state = NODE_UP;
    while (at != K8S_NONE) {
        struct sim_k8s_pod *pod = &k->pods[at];
        uint32_t next = pod->node_next;
        uint32_t job = pod->job;
        if (pod->phase == POD_EXITED) {
            sim_k8s_pod_exit(k, at, pod->ok, now_ns);
        } else if (pod->deleted && pod->phase != POD_TERMINATING) {
            pod->deleted = false;
            sim_k8s_pod_delete(k, at, (enum sim_k8s_end)pod->end, now_ns, out);
            sim_k8s_job_over(k, job, now_ns, out);
        } else if (pod->phase == POD_STUCK) {
            sim_k8s_admit(k, at, now_ns, out);
        }
        at = next;
    }
    set_ready(k, index, true);
    sim_k8s_room(k, index, now_ns, out);
    sim_k8s_node_emptied(k, index, now_ns);
}

static void life_due(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                     struct sim_actions *out)
{
    struct sim_k8s_node *node = &k->nodes[index];
    disarm(k, index, NODE_CHAIN);
    node->chain = CHAIN_NONE;
    switch ((enum sim_k8s_node_state)node->state) {
    case NODE_BOOTING:
        sim_k8s_charge(k, now_ns);
        k->groups[node->group].booting--;
        sim_k8s_node_begin(k, index, now_ns);
        sim_k8s_room(k, index, now_ns, out);
        sim_k8s_scaler_poke(k, now_ns);
        return;
    case NODE_DEAD:
        repaired(k, index, now_ns, out);
        return;
    case NODE_CUT:
        healed(k, index, now_ns, out);
        return;
    case NODE_OFF:
    case NODE_UP:
        break;
    }
    assert(false);
}

void sim_k8s_node_emptied(struct sim_k8s *k, uint32_t index, uint64_t now_ns)
{
    const struct sim_k8s_node *node = &k->nodes[index];
    if (k->config.scaler != SIM_K8S_SCALER_NONE &&
        k->began_ns != SIM_HEAP_NEVER && node->state == NODE_UP &&
        node->first == K8S_NONE) {
        arm(k, index, NODE_IDLE,
            tick(now_ns + k->config.scale_down_ns, k->config.scan_ns));
    }
}

static void idle_due(struct sim_k8s *k, uint32_t index, uint64_t now_ns)
{
    struct sim_k8s_node *node = &k->nodes[index];
    struct sim_k8s_group_state *group = &k->groups[node->group];
    if (now_ns < k->controllers_back_ns) {
        arm(k, index, NODE_IDLE,
            tick(k->controllers_back_ns, k->config.scan_ns));
        return;
    }
    if (group->up <= k->config.groups[node->group].nodes ||
        node->nominated != K8S_NONE) {
        return;
    }
    sim_k8s_charge(k, now_ns);
    group->up--;
    k->counts.hosts--;
    node->state = NODE_OFF;
    node->ready = false;
    sim_k8s_index_update(k, index);
    node->next_off = k->node_off;
    k->node_off = index;
}

void sim_k8s_node_due(struct sim_k8s *k, uint32_t index,
                      enum sim_k8s_node_timer timer, uint64_t now_ns,
                      struct sim_actions *out)
{
    switch (timer) {
    case NODE_PULL:
        sim_k8s_pull_due(k, index, now_ns, out);
        return;
    case NODE_CHAIN:
        chain_due(k, index, now_ns, out);
        return;
    case NODE_LIFE:
        life_due(k, index, now_ns, out);
        return;
    case NODE_PRESSURE:
        sim_k8s_pressure_due(k, index, now_ns, out);
        return;
    case NODE_IDLE:
        idle_due(k, index, now_ns);
        return;
    case NODE_TIMERS:
        break;
    }
    assert(false);
}

void sim_k8s_scaler_poke(struct sim_k8s *k, uint64_t now_ns)
{
    const struct sim_k8s_config *config = &k->config;
    uint64_t from_ns =
        now_ns > k->controllers_back_ns ? now_ns : k->controllers_back_ns;
    if (config->scaler == SIM_K8S_SCALER_CLUSTER) {
        if (sim_heap_time(&k->misc_due, MISC_SCAN) == SIM_HEAP_NEVER) {
            sim_heap_set(&k->misc_due, MISC_SCAN,
                         tick(from_ns + 1, config->scan_ns));
        }
    } else if (config->scaler == SIM_K8S_SCALER_KARPENTER) {
        if (k->batch_since_ns == SIM_HEAP_NEVER) {
            k->batch_since_ns = from_ns;
        }
        uint64_t idle_ns = from_ns + config->batch_idle_ns;
        uint64_t max_ns = k->batch_since_ns + config->batch_max_ns;
        sim_heap_set(&k->misc_due, MISC_SCAN,
                     idle_ns < max_ns ? idle_ns : max_ns);
    }
}

/* How many pods of the class an empty node of the group holds. */
static uint32_t per_node(const struct sim_k8s *k, uint32_t group,
                         const struct sim_k8s_class *class)
{
    const struct sim_k8s_group *about = &k->config.groups[group];
    uint32_t count = k->groups[group].pods;
    uint32_t cpu =
        class->cpu_milli > 0 ? about->cpu_milli / class->cpu_milli : count;
    uint32_t mb =
        class->memory_mb > 0 ? about->memory_mb / class->memory_mb : count;
    uint32_t gpus = class->gpus > 0 ? about->gpus / class->gpus : count;
    count = cpu < count ? cpu : count;
    count = mb < count ? mb : count;
    return gpus < count ? gpus : count;
}

static void order_node(struct sim_k8s *k, uint32_t group, uint64_t now_ns)
{
    uint32_t index = sim_k8s_node_take(k);
    if (index == K8S_NONE) {
        k->failed = true;
        return;
    }
    struct sim_k8s_node *node = &k->nodes[index];
    node->group = group;
    node->state = NODE_BOOTING;
    node->ready = false;
    node->first = node->nominated = K8S_NONE;
    k->groups[group].booting++;
    uint64_t wait_ns =
        sim_dist_draw(&k->config.boot, &k->draw_boot, 2 * k->orders);
    if (k->config.scaler == SIM_K8S_SCALER_CLUSTER) {
        wait_ns += sim_dist_draw(&k->config.decision, &k->draw_boot,
                                 2 * k->orders + 1);
    }
    k->orders++;
    arm(k, index, NODE_LIFE, now_ns + wait_ns);
}

/* The first group that could hold them gets nodes for all that wait. */
void sim_k8s_scan_due(struct sim_k8s *k, uint64_t now_ns)
{
    uint32_t wanted[SIM_K8S_GROUPS_MAX] = {0};
    k->batch_since_ns = SIM_HEAP_NEVER;
    if (now_ns < k->controllers_back_ns) {
        sim_k8s_scaler_poke(k, now_ns);
        return;
    }
    for (uint32_t i = 0; i < k->class_count; i++) {
        const struct sim_k8s_class *class = &k->classes[i];
        for (uint32_t g = 0; g < k->config.group_count && class->asleep; g++) {
            uint32_t fit =
                (class->groups & 1U << g) != 0 ? per_node(k, g, class) : 0;
            if (fit > 0) {
                wanted[g] += (class->waiting + fit - 1) / fit;
                break;
            }
        }
    }
    for (uint32_t g = 0; g < k->config.group_count; g++) {
        const struct sim_k8s_group_state *group = &k->groups[g];
        while (group->booting < wanted[g] &&
               group->up + group->booting < k->config.groups[g].nodes_max) {
            uint32_t before = group->booting;
            order_node(k, g, now_ns);
            if (group->booting == before) {
                break;
            }
        }
    }
}
