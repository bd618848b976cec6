/*
 * The scheduler: a server that takes one pod at a time, the highest priority
 * first and among equals the one that has waited longest, and binds it to the
 * best of the nodes it looks at.
 *
 * Pods of a class ask for the same, so that only the first of them is tried.
 * A class whose first pod fits nowhere sleeps until a node has more room.
 */
#include <assert.h>

#include "sim/platform/k8s_cluster.h"

#define MEGABYTE UINT64_C(1000000)
#define NODES_TRIED 100 /* for victims; as DefaultPreemption does at least */

/* When the class's first pod may be tried; NEVER: not now. */
static uint64_t eligible(const struct sim_k8s *k,
                         const struct sim_k8s_class *class)
{
    if (class->asleep || class->first == K8S_NONE) {
        return SIM_HEAP_NEVER;
    }
    const struct sim_k8s_pod *pod = &k->pods[class->first];
    if (pod->tries == 0) {
        return pod->created_ns;
    }
    return pod->tried_ns + sim_k8s_backoff(k->config.unschedulable_first_ns,
                                           k->config.unschedulable_max_ns,
                                           pod->tries);
}

/* Sets the time of the next attempt, of whichever class. */
static void arm(struct sim_k8s *k, uint64_t now_ns)
{
    uint64_t at_ns = SIM_HEAP_NEVER;
    for (uint32_t i = 0; i < k->class_count; i++) {
        uint64_t from_ns = eligible(k, &k->classes[i]);
        at_ns = from_ns < at_ns ? from_ns : at_ns;
    }
    if (at_ns != SIM_HEAP_NEVER) {
        uint64_t free_ns = k->schedule_free_ns > k->controllers_back_ns
                               ? k->schedule_free_ns
                               : k->controllers_back_ns;
        at_ns = at_ns > free_ns ? at_ns : free_ns;
        at_ns = at_ns > now_ns ? at_ns : now_ns;
    }
    if (at_ns != sim_heap_time(&k->misc_due, MISC_SCHEDULE)) {
        sim_heap_set(&k->misc_due, MISC_SCHEDULE, at_ns);
    }
}

void sim_k8s_enqueue(struct sim_k8s *k, uint32_t index, uint64_t now_ns)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_class *class = &k->classes[pod->class];
    pod->phase = POD_WAITING;
    pod->next = K8S_NONE;
    pod->prev = class->last;
    if (class->last != K8S_NONE) {
        k->pods[class->last].next = index;
    } else {
        class->first = index;
    }
    class->last = index;
    class->waiting++;
    if (class->asleep) {
        sim_k8s_scaler_poke(k, now_ns);
    } else if (class->first == index) {
        arm(k, now_ns);
    }
}

/* Takes a pod out of the queue of its class. */
static void unlink_waiting(struct sim_k8s *k, uint32_t index)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_class *class = &k->classes[pod->class];
    if (pod->prev != K8S_NONE) {
        k->pods[pod->prev].next = pod->next;
    } else {
        class->first = pod->next;
    }
    if (pod->next != K8S_NONE) {
        k->pods[pod->next].prev = pod->prev;
    } else {
        class->last = pod->prev;
    }
    pod->next = K8S_NONE;
    pod->prev = K8S_NONE;
    class->waiting--;
    if (class->waiting == 0) {
        class->asleep = false;
    }
}

void sim_k8s_dequeue(struct sim_k8s *k, uint32_t index)
{
    unlink_waiting(k, index);
}

/* Whose turn it is at now_ns, or K8S_NONE. */
static uint32_t pick(const struct sim_k8s *k, uint64_t now_ns)
{
    uint32_t best = K8S_NONE;
    for (uint32_t i = 0; i < k->class_count; i++) {
        const struct sim_k8s_class *class = &k->classes[i];
        if (eligible(k, class) > now_ns) {
            continue;
        }
        const struct sim_k8s_class *other =
            best != K8S_NONE ? &k->classes[best] : NULL;
        if (other == NULL || class->priority > other->priority ||
            (class->priority == other->priority &&
             k->pods[class->first].serial < k->pods[other->first].serial)) {
            best = i;
        }
    }
    return best;
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

/* Of 0 to 100: how empty it would be, and half as much for the image. */
static uint32_t score(const struct sim_k8s *k, uint32_t index,
                      const struct sim_k8s_class *class)
{
    const struct sim_k8s_node *node = &k->nodes[index];
    const struct sim_k8s_group_state *group = &k->groups[node->group];
    uint64_t cpu =
        (uint64_t)(node->free_cpu - class->cpu_milli) * group->cpu_scale;
    uint64_t mb =
        (uint64_t)(node->free_mb - class->memory_mb) * group->mb_scale;
    uint32_t points = (uint32_t)((cpu + mb) >> 21);
    if (node->image_count > 0 && has_image(node, class->demand->image)) {
        uint64_t bytes = class->demand->image_bytes > 0
                             ? class->demand->image_bytes
                             : k->config.image_bytes;
        /* Images count from 23 MB, and no more above 1,000 MB. */
        uint64_t megabytes = bytes / MEGABYTE;
        megabytes = megabytes < 23 ? 23 : megabytes > 1000 ? 1000 : megabytes;
        points += (uint32_t)((megabytes - 23) * 50 / 977);
    }
    return points;
}

/* A node that says it is short of memory takes nothing without a request. */
bool sim_k8s_node_suits(const struct sim_k8s *k, uint32_t index,
                        const struct sim_k8s_class *class, uint64_t now_ns)
{
    const struct sim_k8s_node *node = &k->nodes[index];
    return class->memory_mb > 0 || node->pressure_until_ns <= now_ns;
}

/*
 * Looks at nodes with room from where the last search ended, around once,
 * until enough were seen; the best of them, or K8S_NONE.
 */
static uint32_t find_node(struct sim_k8s *k, const struct sim_k8s_class *class,
                          uint64_t now_ns)
{
    uint32_t best = K8S_NONE;
    uint32_t best_score = 0;
    uint32_t seen = 0;
    uint32_t from = k->cursor;
    bool around = false;
    while (seen < k->config.nodes_scored) {
        uint32_t node = sim_k8s_index_find(k, class, from);
        if (node == K8S_NONE && !around) {
            around = true;
            from = 0;
            continue;
        }
        if (node == K8S_NONE || (around && node >= k->cursor)) {
            break;
        }
        from = node + 1;
        if (!sim_k8s_node_suits(k, node, class, now_ns)) {
            continue;
        }
        uint32_t points = score(k, node, class);
        if (best == K8S_NONE || points > best_score) {
            best = node;
            best_score = points;
        }
        seen++;
    }
    k->cursor = from < k->node_count ? from : 0;
    return best;
}

static void bind(struct sim_k8s *k, uint32_t index, uint32_t at,
                 uint64_t now_ns, struct sim_actions *out)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_class *class = &k->classes[pod->class];
    struct sim_k8s_node *node = &k->nodes[at];
    node->free_cpu -= class->cpu_milli;
    node->free_mb -= class->memory_mb;
    node->free_gpus -= class->gpus;
    node->free_pods--;
    class->bound++;
    sim_k8s_index_update(k, at);
    pod->node = at;
    pod->node_prev = K8S_NONE;
    pod->node_next = node->first;
    if (node->first != K8S_NONE) {
        k->pods[node->first].node_prev = index;
    } else {
        sim_heap_cut(&k->node_due, at * NODE_TIMERS + NODE_IDLE);
    }
    node->first = index;
    pod->phase = POD_BINDING;
    sim_k8s_state(k, pod->job, now_ns, SIM_K8S_SCHEDULED, out);
    sim_heap_set(&k->pod_due, index, sim_k8s_limiter_take(&k->binding, now_ns));
}

/* Somebody of lower priority runs anywhere. */
static bool outranks(const struct sim_k8s *k, const struct sim_k8s_class *class)
{
    for (uint32_t i = 0; i < k->class_count; i++) {
        if (k->classes[i].bound > 0 &&
            k->classes[i].priority < class->priority) {
            return true;
        }
    }
    return false;
}

/* What a node can give to whoever may take from lower priorities. */
struct spare {
    uint64_t cpu, mb, pods, gpus;
};

static bool covers(const struct spare *spare, const struct sim_k8s_node *node,
                   const struct sim_k8s_class *class)
{
    return spare->cpu >= (uint64_t) class->cpu_milli + node->held_cpu &&
           spare->mb >= (uint64_t) class->memory_mb + node->held_mb &&
           spare->pods >= (uint64_t)node->held_pods + 1 &&
           spare->gpus >= (uint64_t) class->gpus + node->held_gpus;
}

static void add_spare(struct spare *spare, const struct sim_k8s_class *class)
{
    spare->cpu += class->cpu_milli;
    spare->mb += class->memory_mb;
    spare->pods++;
    spare->gpus += class->gpus;
}

/* What is free, and what is about to be: pods that are being ended. */
static struct spare spare_of(const struct sim_k8s *k, uint32_t index)
{
    const struct sim_k8s_node *node = &k->nodes[index];
    struct spare spare = {node->free_cpu, node->free_mb, node->free_pods,
                          node->free_gpus};
    for (uint32_t p = node->first; p != K8S_NONE; p = k->pods[p].node_next) {
        if (k->pods[p].deleted) {
            add_spare(&spare, &k->classes[k->pods[p].class]);
        }
    }
    return spare;
}

/*
 * The next victim on the node: of lower priority than `below`, the lowest,
 * and of those the one that began last. Those with `after` or an earlier
 * serial in that order are past. K8S_NONE: no more.
 */
static uint32_t next_victim(const struct sim_k8s *k, uint32_t index,
                            uint32_t below, uint32_t after)
{
    uint32_t best = K8S_NONE;
    for (uint32_t p = k->nodes[index].first; p != K8S_NONE;
         p = k->pods[p].node_next) {
        const struct sim_k8s_pod *pod = &k->pods[p];
        uint32_t priority = k->classes[pod->class].priority;
        if (pod->deleted || pod->phase == POD_EXITED || priority >= below) {
            continue;
        }
        if (after != K8S_NONE) {
            const struct sim_k8s_pod *past = &k->pods[after];
            uint32_t past_priority = k->classes[past->class].priority;
            if (priority < past_priority ||
                (priority == past_priority && pod->serial >= past->serial)) {
                continue;
            }
        }
        if (best == K8S_NONE ||
            priority < k->classes[k->pods[best].class].priority ||
            (priority == k->classes[k->pods[best].class].priority &&
             pod->serial > k->pods[best].serial)) {
            best = p;
        }
    }
    return best;
}

/* How much would have to go; false: it would not be enough. */
static bool weigh(const struct sim_k8s *k, uint32_t index,
                  const struct sim_k8s_class *class, uint32_t *highest,
                  uint32_t *count)
{
    struct spare spare = spare_of(k, index);
    uint32_t victim = K8S_NONE;
    *highest = 0;
    *count = 0;
    while (!covers(&spare, &k->nodes[index], class)) {
        victim = next_victim(k, index, class->priority, victim);
        if (victim == K8S_NONE) {
            return false;
        }
        add_spare(&spare, &k->classes[k->pods[victim].class]);
        *highest = k->classes[k->pods[victim].class].priority;
        ++*count;
    }
    return true;
}

static uint32_t find_victims(const struct sim_k8s *k,
                             const struct sim_k8s_class *class)
{
    uint32_t best = K8S_NONE;
    uint32_t best_highest = 0;
    uint32_t best_count = 0;
    uint32_t found = 0;
    for (uint32_t i = 0; i < k->node_count && found < NODES_TRIED; i++) {
        uint32_t node = (k->cursor + i) % k->node_count;
        uint32_t highest, count;
        if (!k->nodes[node].ready ||
            (class->groups & 1U << k->nodes[node].group) == 0 ||
            !weigh(k, node, class, &highest, &count)) {
            continue;
        }
        found++;
        if (best == K8S_NONE || highest < best_highest ||
            (highest == best_highest && count < best_count)) {
            best = node;
            best_highest = highest;
            best_count = count;
        }
    }
    return best;
}

static void hold(struct sim_k8s *k, uint32_t index, uint32_t at)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_node *node = &k->nodes[at];
    const struct sim_k8s_class *class = &k->classes[pod->class];
    node->held_cpu += class->cpu_milli;
    node->held_mb += class->memory_mb;
    node->held_gpus += class->gpus;
    node->held_pods++;
    pod->phase = POD_NOMINATED;
    pod->node = at;
    uint32_t *link = &node->nominated;
    while (*link != K8S_NONE) {
        link = &k->pods[*link].next;
    }
    *link = index;
    pod->next = K8S_NONE;
    sim_k8s_index_update(k, at);
}

void sim_k8s_unnominate(struct sim_k8s *k, uint32_t index)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_node *node = &k->nodes[pod->node];
    const struct sim_k8s_class *class = &k->classes[pod->class];
    uint32_t *link = &node->nominated;
    while (*link != index) {
        link = &k->pods[*link].next;
    }
    *link = pod->next;
    pod->next = K8S_NONE;
    node->held_cpu -= class->cpu_milli;
    node->held_mb -= class->memory_mb;
    node->held_gpus -= class->gpus;
    node->held_pods--;
    sim_k8s_index_update(k, pod->node);
    pod->node = K8S_NONE;
}

/* Ends victims for the pod and waits for them. False: there are none. */
static bool preempt(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                    struct sim_actions *out)
{
    const struct sim_k8s_class *class = &k->classes[k->pods[index].class];
    uint32_t at = K8S_NONE;
    if (k->config.preemption && outranks(k, class)) {
        at = find_victims(k, class);
    }
    if (at == K8S_NONE) {
        return false;
    }
    unlink_waiting(k, index);
    struct spare spare = spare_of(k, at);
    while (!covers(&spare, &k->nodes[at], class)) {
        uint32_t victim = next_victim(k, at, class->priority, K8S_NONE);
        assert(victim != K8S_NONE);
        uint32_t job = k->pods[victim].job;
        k->jobs[job].root = ROOT_PREEMPTED;
        k->jobs[job].node = at;
        sim_k8s_pod_delete(k, victim, SIM_K8S_PREEMPTED, now_ns, out);
        sim_k8s_job_lost_pod(k, job, k->config.disruptions_count, now_ns, out);
        /* A job that fails of it takes its other pods from here, too. */
        spare = spare_of(k, at);
    }
    hold(k, index, at);
    sim_k8s_state(k, k->pods[index].job, now_ns, SIM_K8S_NOMINATED, out);
    sim_k8s_room(k, at, now_ns, out);
    return true;
}

void sim_k8s_schedule_due(struct sim_k8s *k, uint64_t now_ns,
                          struct sim_actions *out)
{
    uint32_t which =
        now_ns < k->controllers_back_ns ? K8S_NONE : pick(k, now_ns);
    if (which == K8S_NONE) {
        arm(k, now_ns);
        return;
    }
    struct sim_k8s_class *class = &k->classes[which];
    uint32_t pod = class->first;
    uint32_t node = find_node(k, class, now_ns);
    k->schedule_free_ns = now_ns + k->schedule_step_ns;
    if (node != K8S_NONE) {
        unlink_waiting(k, pod);
        bind(k, pod, node, now_ns, out);
    } else if (!preempt(k, pod, now_ns, out)) {
        if (k->pods[pod].tries++ == 0) {
            sim_k8s_state(k, k->pods[pod].job, now_ns, SIM_K8S_UNSCHEDULABLE,
                          out);
        }
        k->pods[pod].tried_ns = now_ns;
        class->asleep = true;
        sim_k8s_scaler_poke(k, now_ns);
    }
    arm(k, now_ns);
}

/* Those it was made for come first, as far as it is enough. */
static void seat_nominees(struct sim_k8s *k, uint32_t at, uint64_t now_ns,
                          struct sim_actions *out)
{
    struct sim_k8s_node *node = &k->nodes[at];
    while (node->nominated != K8S_NONE && node->ready) {
        uint32_t pod = node->nominated;
        const struct sim_k8s_class *class = &k->classes[k->pods[pod].class];
        if (node->free_cpu < class->cpu_milli ||
            node->free_mb < class->memory_mb || node->free_gpus < class->gpus ||
            node->free_pods == 0) {
            return;
        }
        sim_k8s_unnominate(k, pod);
        bind(k, pod, at, now_ns, out);
    }
}

static bool fits(const struct sim_k8s *k, const struct sim_k8s_node *node,
                 const struct sim_k8s_class *class)
{
    const struct sim_k8s_room *room =
        &k->tree[k->tree_size + (uint32_t)(node - k->nodes)];
    return room->cpu >= class->cpu_milli && room->mb >= class->memory_mb &&
           room->gpus >= class->gpus && room->pods > 0 &&
           (room->groups & class->groups) != 0;
}

void sim_k8s_room(struct sim_k8s *k, uint32_t at, uint64_t now_ns,
                  struct sim_actions *out)
{
    bool woken = false;
    seat_nominees(k, at, now_ns, out);
    for (uint32_t i = 0; i < k->class_count; i++) {
        struct sim_k8s_class *class = &k->classes[i];
        if (class->asleep && fits(k, &k->nodes[at], class) &&
            sim_k8s_node_suits(k, at, class, now_ns)) {
            class->asleep = false;
            woken = true;
        }
    }
    if (woken) {
        arm(k, now_ns);
    }
}
