/*
 * What happens to a pod on its node: the image, the container, its memory,
 * its end; and how the control plane hears of it.
 */
#include <assert.h>

#include "sim/platform/k8s_cluster.h"

static struct sim_k8s_node *node_of(struct sim_k8s *k, uint32_t pod)
{
    return &k->nodes[k->pods[pod].node];
}

static bool answers(const struct sim_k8s_node *node)
{
    return node->state == NODE_UP;
}

static void begin_start(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                        struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    uint64_t draw = pod->serial << 8 | (pod->crashes & 0xff);
    pod->phase = POD_STARTING;
    sim_k8s_state(k, pod->job, now_ns, SIM_K8S_STARTING, out);
    sim_heap_set(&k->pod_due, index,
                 now_ns +
                     sim_dist_draw(&k->config.start, &k->draw_start, draw));
}

static void image_failed(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                         struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    pod->pulls++;
    pod->phase = POD_IMAGE_BACKOFF;
    sim_k8s_state(k, pod->job, now_ns, SIM_K8S_ERR_IMAGE_PULL, out);
    sim_k8s_state(k, pod->job, now_ns, SIM_K8S_IMAGE_BACKOFF, out);
    sim_heap_set(&k->pod_due, index,
                 now_ns + sim_k8s_backoff(k->config.image_backoff_first_ns,
                                          k->config.image_backoff_max_ns,
                                          pod->pulls));
}

static bool has_image(const struct sim_k8s_node *node, uint32_t image)
{
    for (uint32_t i = 0; i < node->image_count; i++) {
        if (node->images[i] == image) {
            return true;
        }
    }
    return false;
}

/* The oldest makes room when the disk is full. */
static void keep_image(struct sim_k8s *k, struct sim_k8s_node *node,
                       uint32_t image)
{
    node->images[node->image_next] = image;
    node->image_next = (node->image_next + 1) % k->config.images_per_node;
    node->image_count += node->image_count < k->config.images_per_node;
}

static const struct sim_demand *demand_of(const struct sim_k8s *k, uint32_t pod)
{
    return k->classes[k->pods[pod].class].demand;
}

static uint64_t pull_ns(struct sim_k8s *k, uint32_t index)
{
    const struct sim_demand *demand = demand_of(k, index);
    const struct sim_k8s_pod *pod = &k->pods[index];
    uint64_t bytes =
        demand->image_bytes > 0 ? demand->image_bytes : k->config.image_bytes;
    uint64_t second = UINT64_C(1000000000);
    uint64_t ns = sim_dist_draw(&k->config.registry_latency, &k->draw_registry,
                                pod->serial << 8 | (pod->pulls & 0xff));
    if (demand->image_missing) {
        return ns;
    }
    uint64_t rate = k->config.pull_bytes_s;
    return ns + bytes / rate * second + bytes % rate * second / rate;
}

static uint32_t pull_next(struct sim_k8s *k, struct sim_k8s_node *node)
{
    uint32_t index = node->pull_first;
    node->pull_first = k->pods[index].next;
    if (node->pull_first == K8S_NONE) {
        node->pull_last = K8S_NONE;
    }
    k->pods[index].next = K8S_NONE;
    return index;
}

/* One at a time; what has come in the meantime is not pulled again. */
static void pull_begin(struct sim_k8s *k, uint32_t at, uint64_t now_ns,
                       struct sim_actions *out)
{
    struct sim_k8s_node *node = &k->nodes[at];
    while (node->pulling == K8S_NONE && node->pull_first != K8S_NONE) {
        uint32_t index = pull_next(k, node);
        const struct sim_demand *demand = demand_of(k, index);
        if (!demand->image_missing && has_image(node, demand->image)) {
            begin_start(k, index, now_ns, out);
        } else if (sim_k8s_limiter_wait(&node->registry, now_ns) > now_ns) {
            image_failed(k, index, now_ns, out);
        } else {
            sim_k8s_limiter_take(&node->registry, now_ns);
            node->pulling = index;
            sim_heap_set(&k->node_due, at * NODE_TIMERS + NODE_PULL,
                         now_ns + pull_ns(k, index));
        }
    }
}

void sim_k8s_pull_due(struct sim_k8s *k, uint32_t at, uint64_t now_ns,
                      struct sim_actions *out)
{
    struct sim_k8s_node *node = &k->nodes[at];
    uint32_t index = node->pulling;
    const struct sim_demand *demand = demand_of(k, index);
    node->pulling = K8S_NONE;
    if (demand->image_missing) {
        image_failed(k, index, now_ns, out);
    } else {
        if (!has_image(node, demand->image)) {
            keep_image(k, node, demand->image);
        }
        begin_start(k, index, now_ns, out);
    }
    pull_begin(k, at, now_ns, out);
}

static void want_image(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                       struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_node *node = node_of(k, index);
    const struct sim_demand *demand = demand_of(k, index);
    if (!demand->image_missing && has_image(node, demand->image)) {
        begin_start(k, index, now_ns, out);
        return;
    }
    pod->phase = POD_PULLING;
    pod->next = K8S_NONE;
    sim_k8s_state(k, pod->job, now_ns, SIM_K8S_PULLING, out);
    if (node->pull_last != K8S_NONE) {
        k->pods[node->pull_last].next = index;
    } else {
        node->pull_first = index;
    }
    node->pull_last = index;
    pull_begin(k, pod->node, now_ns, out);
}

/* A pod that will not be started stops waiting for its image. */
static void leave_pulls(struct sim_k8s *k, uint32_t index)
{
    struct sim_k8s_node *node = node_of(k, index);
    if (node->pulling == index) {
        node->pulling = K8S_NONE;
        sim_heap_cut(&k->node_due,
                     k->pods[index].node * NODE_TIMERS + NODE_PULL);
        return;
    }
    uint32_t before = K8S_NONE;
    uint32_t *link = &node->pull_first;
    while (*link != index) {
        before = *link;
        link = &k->pods[*link].next;
    }
    *link = k->pods[index].next;
    if (node->pull_last == index) {
        node->pull_last = before;
    }
    k->pods[index].next = K8S_NONE;
}

void sim_k8s_admit(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                   struct sim_actions *out)
{
    if (!answers(node_of(k, index))) {
        k->pods[index].phase = POD_STUCK;
        return;
    }
    want_image(k, index, now_ns, out);
}

static void add_start(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                      struct sim_actions *out)
{
    const struct sim_k8s_pod *pod = &k->pods[index];
    const struct sim_k8s_job *job = &k->jobs[pod->job];
    struct sim_action *open = sim_actions_add(out, now_ns, SIM_ACTION_OPEN);
    if (open != NULL) {
        open->job = job->id;
        open->place = pod->place;
        open->host = pod->node;
        open->a = now_ns - pod->created_ns;
    }
    struct sim_action *start = sim_actions_add(out, now_ns, SIM_ACTION_START);
    if (start != NULL) {
        start->job = job->id;
        start->place = pod->place;
        start->host = pod->node;
        if (k->config.active_deadline_ns > 0) {
            start->deadline_ns = job->created_ns +
                                 k->config.active_deadline_ns +
                                 k->config.grace_ns;
        }
    }
}

static void container_start(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                            struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_job *job = &k->jobs[pod->job];
    struct sim_model_counts *counts = &k->counts;
    uint32_t place = sim_k8s_place_take(k);
    if (place == K8S_NONE) {
        return;
    }
    k->places[place] = index;
    pod->place = place;
    pod->phase = POD_RUNNING;
    pod->started_ns = now_ns;
    counts->starts++;
    counts->cold++;
    counts->restarts += job->started;
    job->started = true;
    if (job->places++ == 0) {
        counts->queued--;
        counts->running++;
    }
    counts->places_opened++;
    counts->places++;
    if (counts->places > counts->places_peak) {
        counts->places_peak = counts->places;
    }
    sim_k8s_state(k, pod->job, now_ns, SIM_K8S_RUNNING, out);
    add_start(k, index, now_ns, out);
}

void sim_k8s_container_end(struct sim_k8s *k, uint32_t index,
                           enum sim_k8s_end end, uint64_t now_ns,
                           struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_job *job = &k->jobs[pod->job];
    if (pod->place == K8S_NONE) {
        return;
    }
    struct sim_action *action = sim_actions_add(out, now_ns, SIM_ACTION_CLOSE);
    if (action != NULL) {
        action->job = job->id;
        action->place = pod->place;
        action->host = pod->node;
        action->code = (uint16_t)end;
    }
    if (end != SIM_K8S_COMPLETED) {
        struct sim_cause *cause = sim_causes_add(&k->causes);
        sim_k8s_end_cause(k, index, end, cause);
        if (action != NULL) {
            action->cause = cause;
        }
    }
    sim_k8s_place_give(k, pod->place);
    pod->place = K8S_NONE;
    node_of(k, index)->used_mb -= pod->used_mb;
    pod->used_mb = 0;
    k->counts.places--;
    k->counts.places_closed++;
    if (--job->places == 0) {
        k->counts.queued++;
        k->counts.running--;
    }
}

/* Its container is over and will not come back; the kubelet says so later. */
void sim_k8s_pod_exit(struct sim_k8s *k, uint32_t index, bool ok,
                      uint64_t now_ns)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    pod->phase = POD_EXITED;
    pod->ok = ok;
    if (answers(node_of(k, index))) {
        sim_heap_set(&k->pod_due, index,
                     now_ns + sim_dist_draw(&k->config.status_delay,
                                            &k->draw_status, pod->serial));
    } else {
        sim_heap_cut(&k->pod_due, index);
    }
}

static enum sim_k8s_root root_of(enum sim_k8s_end end)
{
    switch (end) {
    case SIM_K8S_OOM_KILLED:
        return ROOT_OOM;
    case SIM_K8S_EVICTED:
        return ROOT_EVICTED;
    case SIM_K8S_PREEMPTED:
        return ROOT_PREEMPTED;
    case SIM_K8S_NODE_LOST:
    case SIM_K8S_TAINTED:
        return ROOT_NODE;
    default:
        return ROOT_CRASH;
    }
}

/* True when the container is started again in its pod. */
static bool restart(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                    struct sim_actions *out)
{
    const struct sim_k8s_config *config = &k->config;
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_job *job = &k->jobs[pod->job];
    if (!config->restart_on_failure || pod->deleted) {
        return false;
    }
    job->failures++;
    if (job->failures > config->backoff_limit) {
        pod->counted = true;
        return false;
    }
    if (now_ns - pod->started_ns >= config->crash_reset_ns) {
        pod->crashes = 0;
    }
    pod->crashes++;
    if (pod->crashes == 1) {
        begin_start(k, index, now_ns, out);
        return true;
    }
    pod->phase = POD_CRASHED;
    sim_k8s_state(k, pod->job, now_ns, SIM_K8S_CRASH_BACKOFF, out);
    sim_heap_set(&k->pod_due, index,
                 now_ns + sim_k8s_backoff(config->crash_first_ns,
                                          config->crash_max_ns,
                                          pod->crashes - 1));
    return true;
}

void sim_k8s_pod_crash(struct sim_k8s *k, uint32_t index, enum sim_k8s_end end,
                       uint64_t now_ns, struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_job *job = &k->jobs[pod->job];
    sim_heap_cut(&k->pod_due, index);
    if (!pod->deleted) {
        job->root = (uint8_t)root_of(end);
        job->exit_code = pod->exit_code;
        job->node = pod->node;
    }
    sim_k8s_container_end(k, index, end, now_ns, out);
    if (end == SIM_K8S_EVICTED) {
        pod->counted = !k->config.disruptions_count;
        sim_k8s_pod_exit(k, index, false, now_ns);
    } else if (!restart(k, index, now_ns, out)) {
        sim_k8s_pod_exit(k, index, false, now_ns);
    }
}

static void cut_from_job(struct sim_k8s *k, uint32_t index)
{
    uint32_t *link = &k->jobs[k->pods[index].job].pods;
    while (*link != index) {
        link = &k->pods[*link].job_next;
    }
    *link = k->pods[index].job_next;
}

static void cut_from_node(struct sim_k8s *k, uint32_t index)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_node *node = node_of(k, index);
    const struct sim_k8s_class *class = &k->classes[pod->class];
    if (pod->node_prev != K8S_NONE) {
        k->pods[pod->node_prev].node_next = pod->node_next;
    } else {
        node->first = pod->node_next;
    }
    if (pod->node_next != K8S_NONE) {
        k->pods[pod->node_next].node_prev = pod->node_prev;
    }
    node->free_cpu += class->cpu_milli;
    node->free_mb += class->memory_mb;
    node->free_gpus += class->gpus;
    node->free_pods++;
    k->classes[pod->class].bound--;
    sim_k8s_index_update(k, pod->node);
}

/* Gives back what the namespace may have. */
static void unquota(struct sim_k8s *k, uint32_t index)
{
    const struct sim_k8s_class *class = &k->classes[k->pods[index].class];
    k->used_pods--;
    k->used_cpu -= class->cpu_milli;
    k->used_mb -= class->memory_mb;
    k->used_gpus -= class->gpus;
}

void sim_k8s_pod_gone(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                      struct sim_actions *out)
{
    uint32_t at = K8S_NONE;
    struct sim_k8s_pod *pod = &k->pods[index];
    assert(pod->place == K8S_NONE);
    if (pod->phase == POD_WAITING) {
        sim_k8s_dequeue(k, index);
    } else if (pod->phase == POD_NOMINATED) {
        at = pod->node;
        sim_k8s_unnominate(k, index);
    } else {
        at = pod->node;
        if (pod->phase == POD_PULLING) {
            leave_pulls(k, index);
            pull_begin(k, at, now_ns, out);
        }
        cut_from_node(k, index);
    }
    cut_from_job(k, index);
    unquota(k, index);
    sim_k8s_pod_give(k, index);
    if (at != K8S_NONE) {
        sim_k8s_room(k, at, now_ns, out);
        sim_k8s_node_emptied(k, at, now_ns);
    }
}

void sim_k8s_pod_delete(struct sim_k8s *k, uint32_t index, enum sim_k8s_end end,
                        uint64_t now_ns, struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    bool bound = pod->phase != POD_WAITING && pod->phase != POD_NOMINATED;
    assert(!pod->deleted);
    pod->deleted = true;
    pod->end = (uint8_t)end;
    if (bound && node_of(k, index)->state == NODE_CUT) {
        return; /* the node does not hear of it */
    }
    if (pod->place == K8S_NONE) {
        sim_k8s_pod_gone(k, index, now_ns, out);
        return;
    }
    struct sim_action *action = sim_actions_add(out, now_ns, SIM_ACTION_WARN);
    if (action != NULL) {
        action->job = k->jobs[pod->job].id;
        action->place = pod->place;
        action->host = pod->node;
        action->code = (uint16_t)end;
        action->deadline_ns = now_ns + k->config.grace_ns;
    }
    pod->phase = POD_TERMINATING;
    sim_heap_set(&k->pod_due, index, now_ns + k->config.grace_ns);
}

/* The control plane hears how a pod ended. */
static void reported(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                     struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    uint32_t job = pod->job;
    bool ok = pod->ok;
    bool deleted = pod->deleted;
    bool counts = !pod->counted;
    if (now_ns < k->controllers_back_ns) {
        sim_heap_set(&k->pod_due, index, k->controllers_back_ns);
        return;
    }
    sim_k8s_pod_gone(k, index, now_ns, out);
    if (ok) {
        sim_k8s_job_complete(k, job, now_ns, out);
    } else if (deleted) {
        sim_k8s_job_over(k, job, now_ns, out);
    } else {
        sim_k8s_job_lost_pod(k, job, counts, now_ns, out);
    }
}

static void killed(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                   struct sim_actions *out)
{
    uint32_t job = k->pods[index].job;
    sim_k8s_container_end(k, index, (enum sim_k8s_end)k->pods[index].end,
                          now_ns, out);
    sim_k8s_pod_gone(k, index, now_ns, out);
    sim_k8s_job_over(k, job, now_ns, out);
}

void sim_k8s_pod_due(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                     struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    switch ((enum sim_k8s_phase)pod->phase) {
    case POD_BINDING:
        if (now_ns < k->controllers_back_ns) {
            sim_heap_set(&k->pod_due, index, k->controllers_back_ns);
            return;
        }
        sim_k8s_admit(k, index, now_ns, out);
        return;
    case POD_IMAGE_BACKOFF:
        want_image(k, index, now_ns, out);
        return;
    case POD_STARTING:
        container_start(k, index, now_ns, out);
        return;
    case POD_CRASHED:
        begin_start(k, index, now_ns, out);
        return;
    case POD_RUNNING:
        pod->exit_code = 137;
        sim_k8s_pod_crash(k, index, SIM_K8S_OOM_KILLED, now_ns, out);
        return;
    case POD_EXITED:
        reported(k, index, now_ns, out);
        return;
    case POD_TERMINATING:
        killed(k, index, now_ns, out);
        return;
    default:
        assert(false);
    }
}
