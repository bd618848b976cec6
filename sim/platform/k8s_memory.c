/*
 * What runs on a node uses its processors and its memory: how long work takes,
 * and who has to go when memory is short.
 */
#include <assert.h>

#include "sim/platform/k8s_cluster.h"

/* a * b / c for c up to 2^30 and a up to 2^58. */
static uint64_t share(uint64_t a, uint64_t b, uint64_t c)
{
    return a / c * b + a % c * b / c;
}

static struct sim_k8s_node *node_of(struct sim_k8s *k, uint32_t pod)
{
    return &k->nodes[k->pods[pod].node];
}

static bool under_pressure(const struct sim_k8s *k,
                           const struct sim_k8s_node *node)
{
    return node->used_mb + k->config.eviction_memory_mb >
           k->config.groups[node->group].memory_mb;
}

void sim_k8s_uses_memory(struct sim_k8s *k, uint32_t index, uint64_t now_ns)
{
    struct sim_k8s_pod *pod = &k->pods[index];
    struct sim_k8s_node *node = node_of(k, index);
    const struct sim_k8s_class *class = &k->classes[pod->class];
    uint32_t peak = class->demand->peak_mb;
    uint32_t mb = class->limit_mb > 0 && peak > class->limit_mb
                      ? class->limit_mb
                  : peak > 0 ? peak
                             : class->memory_mb;
    node->used_mb += mb - pod->used_mb;
    pod->used_mb = mb;
    uint32_t timer = pod->node * NODE_TIMERS + NODE_PRESSURE;
    if (under_pressure(k, node) && node->pressure_until_ns <= now_ns &&
        sim_heap_time(&k->node_due, timer) == SIM_HEAP_NEVER) {
        sim_heap_set(&k->node_due, timer,
                     now_ns + k->config.eviction_period_ns);
    }
}

/* Whether `a` goes before `b` when memory is short. */
static bool evicted_before(const struct sim_k8s *k, uint32_t a, uint32_t b)
{
    const struct sim_k8s_pod *x = &k->pods[a], *y = &k->pods[b];
    const struct sim_k8s_class *p = &k->classes[x->class];
    const struct sim_k8s_class *q = &k->classes[y->class];
    bool above_a = x->used_mb > p->memory_mb;
    bool above_b = y->used_mb > q->memory_mb;
    if (above_a != above_b) {
        return above_a;
    }
    if (p->priority != q->priority) {
        return p->priority < q->priority;
    }
    int64_t more_a = (int64_t)x->used_mb - p->memory_mb;
    int64_t more_b = (int64_t)y->used_mb - q->memory_mb;
    return more_a != more_b ? more_a > more_b : x->serial > y->serial;
}

void sim_k8s_pressure_due(struct sim_k8s *k, uint32_t at, uint64_t now_ns,
                          struct sim_actions *out)
{
    struct sim_k8s_node *node = &k->nodes[at];
    uint32_t timer = at * NODE_TIMERS + NODE_PRESSURE;
    uint32_t victim = K8S_NONE;
    if (!under_pressure(k, node)) {
        if (node->pressure_until_ns > now_ns) {
            sim_heap_set(&k->node_due, timer, node->pressure_until_ns);
        } else {
            sim_k8s_room(k, at, now_ns, out);
        }
        return;
    }
    for (uint32_t p = node->first; p != K8S_NONE; p = k->pods[p].node_next) {
        if (k->pods[p].place != K8S_NONE &&
            (victim == K8S_NONE || evicted_before(k, p, victim))) {
            victim = p;
        }
    }
    node->pressure_until_ns = now_ns + k->config.pressure_ns;
    sim_heap_set(&k->node_due, timer, now_ns + k->config.eviction_period_ns);
    assert(victim != K8S_NONE);
    sim_k8s_pod_crash(k, victim, SIM_K8S_EVICTED, now_ns, out);
}

uint64_t sim_k8s_run_ns(struct sim_k8s *k, uint32_t index,
                        const struct sim_work *work)
{
    const struct sim_k8s_class *class = &k->classes[k->pods[index].class];
    const struct sim_k8s_node *node = node_of(k, index);
    uint64_t cpu_ns = share(work->nominal_ns, work->cpu_ppb, 1000000000);
    uint64_t wanted = (uint64_t)(work->threads > 0 ? work->threads : 1) * 1000;
    uint64_t given = k->config.groups[node->group].cpu_milli;
    if (k->config.cpu_limits && class->cpu_milli > 0 &&
        class->cpu_milli < given) {
        given = class->cpu_milli;
    }
    if (given >= wanted) {
        return work->nominal_ns;
    }
    if (cpu_ns / given >= SIM_DIST_MAX_NS / 2 / wanted) {
        return SIM_DIST_MAX_NS; /* longer than anybody waits */
    }
    return work->nominal_ns - cpu_ns + share(cpu_ns, wanted, given);
}
