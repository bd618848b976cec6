#include "sim/platform/k8s.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/cause.h"
#include "sim/platform/k8s_cluster.h"

#define MS UINT64_C(1000000)
#define HOUR_MS UINT64_C(3600000)
#define PRICE_MAX UINT64_C(1000000000000) /* 1,000 dollars an hour, nano */
#define BILLION 1000000000

/* What has happened belongs to this call. */
static struct sim_k8s *enter(void *self, uint64_t now_ns)
{
    struct sim_k8s *k = self;
    sim_causes_reset(&k->causes);
    if (k->began_ns == SIM_HEAP_NEVER) {
        sim_k8s_charge(k, now_ns);
    }
    return k;
}

static void leave(struct sim_k8s *k, struct sim_actions *out)
{
    out->failed = out->failed || k->failed;
}

static void model_free(void *self)
{
    sim_k8s_free(self);
}

/* Fills *out if the request cannot be sent now. */
static bool turned_away(struct sim_k8s *k, uint64_t now_ns,
                        const struct sim_job *job, struct sim_submitted *out)
{
    const struct sim_k8s_config *config = &k->config;
    uint64_t wait_ns = sim_k8s_limiter_wait(&k->client, now_ns) - now_ns;
    if (job->payload_bytes > config->object_max) {
        out->answer = SIM_SUBMIT_REFUSED;
        out->limit = config->object_max;
        out->actual = job->payload_bytes;
        sim_cause_add(&out->cause, "kubernetes", "RequestEntityTooLarge",
                      "%llu bytes, at most %llu",
                      (unsigned long long)job->payload_bytes,
                      (unsigned long long)config->object_max);
        return true;
    }
    out->answer = SIM_SUBMIT_THROTTLED;
    if (now_ns < k->api_back_ns) {
        out->reason = SIM_K8S_AWAY;
        out->actual = (k->api_back_ns - now_ns) / MS;
        return true;
    }
    if (wait_ns > config->client_wait_max_ns) {
        out->reason = SIM_K8S_BY_CLIENT;
        out->limit = config->client.burst;
        out->actual = config->client.burst;
        return true;
    }
    if (wait_ns == 0 && k->inflight >= config->inflight_max) {
        sim_k8s_limiter_take(&k->client, now_ns);
        out->reason = SIM_K8S_BY_SERVER;
        out->limit = config->inflight_max;
        out->actual = k->inflight;
        return true;
    }
    out->answer = SIM_SUBMIT_ACCEPTED;
    return false;
}

static int model_submit(void *self, uint64_t now_ns, const struct sim_job *job,
                        struct sim_submitted *out, struct sim_actions *actions)
{
    struct sim_k8s *k = enter(self, now_ns);
    uint32_t class = sim_k8s_class_of(k, job->demand);
    *out = (struct sim_submitted){.reason = 0};
    if (class == K8S_NONE || sim_k8s_reserve_job(k) != 0) {
        return -1;
    }
    k->counts.submitted++;
    if (turned_away(k, now_ns, job, out)) {
        k->counts.throttled += out->answer == SIM_SUBMIT_THROTTLED;
        k->counts.refused += out->answer == SIM_SUBMIT_REFUSED;
        return 0;
    }
    uint32_t index = sim_k8s_job_take(k, job->id);
    k->jobs[index].class = class;
    k->counts.jobs++;
    k->counts.queued++;
    sim_k8s_state(k, index, now_ns, SIM_K8S_SENDING, actions);
    uint64_t sent_ns = sim_k8s_limiter_take(&k->client, now_ns);
    if (sent_ns > now_ns) {
        sim_heap_set(&k->job_due, index, sent_ns);
    } else {
        sim_k8s_job_due(k, index, now_ns, actions);
    }
    leave(k, actions);
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t model_next_ns(const void *self)
{
    const struct sim_k8s *k = self;
    uint64_t pods = sim_heap_next(&k->pod_due);
    uint64_t jobs = sim_heap_next(&k->job_due);
    uint64_t nodes = sim_heap_next(&k->node_due);
    uint64_t misc = sim_heap_next(&k->misc_due);
    return least(least(nodes, pods), least(jobs, misc));
}

static void misc_due(struct sim_k8s *k, uint32_t timer, uint64_t now_ns,
                     struct sim_actions *out)
{
    if (timer == MISC_SCHEDULE) {
        sim_k8s_schedule_due(k, now_ns, out);
    } else if (timer == MISC_DEADLINE) {
        sim_k8s_deadline_due(k, now_ns, out);
    } else {
        sim_k8s_scan_due(k, now_ns);
    }
}

/* Equal times: nodes, then pods, Jobs, and the scheduler last. */
static void step(struct sim_k8s *k, uint64_t now_ns, struct sim_actions *out)
{
    if (sim_heap_next(&k->node_due) == now_ns) {
        uint32_t id = sim_heap_pop(&k->node_due);
        sim_k8s_node_due(k, id / NODE_TIMERS,
                         (enum sim_k8s_node_timer)(id % NODE_TIMERS), now_ns,
                         out);
    } else if (sim_heap_next(&k->pod_due) == now_ns) {
        sim_k8s_pod_due(k, sim_heap_pop(&k->pod_due), now_ns, out);
    } else if (sim_heap_next(&k->job_due) == now_ns) {
        sim_k8s_job_due(k, sim_heap_pop(&k->job_due), now_ns, out);
    } else {
        misc_due(k, sim_heap_pop(&k->misc_due), now_ns, out);
    }
}

static void model_advance(void *self, uint64_t now_ns,
                          struct sim_actions *actions)
{
    struct sim_k8s *k = enter(self, now_ns);
    for (uint64_t next_ns = model_next_ns(k); next_ns <= now_ns;
         next_ns = model_next_ns(k)) {
        step(k, next_ns, actions);
    }
    leave(k, actions);
}

/* The pod whose container the place is, or K8S_NONE. */
static uint32_t pod_at(const struct sim_k8s *k, uint32_t place)
{
    if (place >= k->place_slots.used) {
        return K8S_NONE;
    }
    uint32_t pod = k->places[place];
    return pod < k->pod_slots.used && k->pods[pod].phase != POD_FREE &&
                   k->pods[pod].place == place
               ? pod
               : K8S_NONE;
}

static void model_finished(void *self, uint64_t now_ns, uint32_t place,
                           uint32_t job, struct sim_actions *actions)
{
    struct sim_k8s *k = enter(self, now_ns);
    uint32_t pod = pod_at(k, place);
    (void)job;
    if (pod != K8S_NONE) {
        sim_k8s_container_end(k, pod, SIM_K8S_COMPLETED, now_ns, actions);
        sim_k8s_pod_exit(k, pod, true, now_ns);
    }
    leave(k, actions);
}

static void model_exited(void *self, uint64_t now_ns, uint32_t place,
                         uint32_t exit_code, struct sim_actions *actions)
{
    struct sim_k8s *k = enter(self, now_ns);
    uint32_t pod = pod_at(k, place);
    if (pod != K8S_NONE) {
        k->pods[pod].exit_code = exit_code;
        sim_k8s_pod_crash(k, pod, SIM_K8S_CRASHED, now_ns, actions);
    }
    leave(k, actions);
}

static uint64_t model_run_ns(void *self, uint64_t now_ns, uint32_t place,
                             uint32_t job, const struct sim_work *work,
                             struct sim_actions *actions)
{
    struct sim_k8s *k = enter(self, now_ns);
    uint32_t index = pod_at(k, place);
    (void)job;
    if (index == K8S_NONE) {
        return work->nominal_ns;
    }
    struct sim_k8s_pod *pod = &k->pods[index];
    const struct sim_k8s_class *class = &k->classes[pod->class];
    uint64_t ns = sim_k8s_run_ns(k, index, work);
    sim_k8s_uses_memory(k, index, now_ns);
    if (class->limit_mb > 0 && class->demand->peak_mb > class->limit_mb &&
        pod->phase == POD_RUNNING) {
        uint64_t draw = pod->serial << 8 | (pod->crashes & 0xff);
        sim_heap_set(&k->pod_due, index,
                     now_ns + engine_draw_below(&k->draw_oom, draw, ns + 1));
    }
    leave(k, actions);
    return ns;
}

static bool model_fail_host(void *self, uint64_t now_ns, uint32_t host,
                            struct sim_actions *actions)
{
    struct sim_k8s *k = enter(self, now_ns);
    bool cut =
        engine_draw_chance(&k->draw_cut, 2 * k->cuts, k->config.partition_ppb);
    uint64_t length_ns =
        cut ? sim_dist_draw(&k->config.partition, &k->draw_cut, 2 * k->cuts + 1)
            : 0;
    bool done = cut ? sim_k8s_node_cut(k, host, length_ns, now_ns, actions)
                    : sim_k8s_node_fail(k, host, now_ns, actions);
    k->cuts += done;
    leave(k, actions);
    return done;
}

bool sim_k8s_partition(struct sim_model *model, uint64_t now_ns, uint32_t host,
                       uint64_t length_ns, struct sim_actions *actions)
{
    struct sim_k8s *k = enter(model->self, now_ns);
    bool done = sim_k8s_node_cut(k, host, length_ns, now_ns, actions);
    leave(k, actions);
    return done;
}

/*
 * Leaders renew their leases every lease_retry_ns and give up when they could
 * not for renew_ns; another one takes a lease that has run out. An outage of
 * no length kills the leaders alone.
 */
static void model_outage(void *self, uint64_t now_ns, uint64_t until_ns,
                         struct sim_actions *actions)
{
    struct sim_k8s *k = enter(self, now_ns);
    const struct sim_k8s_config *config = &k->config;
    uint64_t renewed_ns = now_ns - now_ns % config->lease_retry_ns;
    uint64_t back_ns = until_ns;
    if (until_ns <= now_ns || until_ns - renewed_ns > config->renew_ns) {
        uint64_t free_ns = renewed_ns + config->lease_ns;
        free_ns = free_ns > until_ns ? free_ns : until_ns;
        back_ns =
            free_ns - free_ns % config->lease_retry_ns + config->lease_retry_ns;
    }
    if (until_ns > k->api_back_ns) {
        k->api_back_ns = until_ns;
    }
    if (back_ns > k->controllers_back_ns) {
        k->controllers_back_ns = back_ns;
    }
    leave(k, actions);
}

static const struct sim_model_counts *model_counts(const void *self)
{
    return &((const struct sim_k8s *)self)->counts;
}

/* Of a price per hour, for milliseconds. */
static uint64_t price(uint64_t ms, uint64_t hour_nano)
{
    return ms / HOUR_MS * hour_nano + ms % HOUR_MS * hour_nano / HOUR_MS;
}

static bool model_cost_line(const void *self, uint64_t now_ns, uint32_t i,
                            const char **name, uint64_t *nano)
{
    static const char *const names[SIM_K8S_GROUPS_MAX] = {
        "nodes", "nodes of group 2", "nodes of group 3", "nodes of group 4"};
    const struct sim_k8s *k = self;
    bool began = k->began_ns != SIM_HEAP_NEVER;
    if (i > k->config.group_count) {
        return false;
    }
    if (i == k->config.group_count) {
        *name = "control plane";
        *nano = began ? price((now_ns - k->began_ns) / MS,
                              k->config.control_price_hour_nano)
                      : 0;
        return true;
    }
    const struct sim_k8s_group_state *group = &k->groups[i];
    uint64_t us =
        began ? group->lived_us + (now_ns - k->charged_ns) / 1000 * group->up
              : 0;
    *name = names[i];
    *nano = price(us / 1000, k->config.groups[i].price_hour_nano);
    return true;
}

static uint64_t model_cost_nano(const void *self, uint64_t now_ns)
{
    uint64_t sum = 0;
    uint64_t nano;
    const char *name;
    for (uint32_t i = 0; model_cost_line(self, now_ns, i, &name, &nano); i++) {
        sum += nano;
    }
    return sum;
}

static const struct sim_model_ops ops = {
    .kind = "kubernetes",
    .free = model_free,
    .submit = model_submit,
    .next_ns = model_next_ns,
    .advance = model_advance,
    .finished = model_finished,
    .exited = model_exited,
    .run_ns = model_run_ns,
    .fail_host = model_fail_host,
    .outage = model_outage,
    .counts = model_counts,
    .cost_nano = model_cost_nano,
    .cost_line = model_cost_line,
    .explain = sim_k8s_explain,
    .state_name = sim_k8s_state_name,
    .end_name = sim_k8s_end_name,
    .reason_name = sim_k8s_reason_name,
};

static bool rate_ok(const struct sim_rate *rate)
{
    return rate->count > 0 && rate->per_ns >= rate->count &&
           rate->per_ns <= UINT64_C(86400) * BILLION;
}

static bool qps_ok(const struct sim_k8s_qps *qps)
{
    return rate_ok(&qps->rate) && qps->burst > 0 && qps->burst <= BILLION;
}

static bool group_ok(const struct sim_k8s_group *group)
{
    return group->nodes <= group->nodes_max &&
           group->nodes_max <= SIM_K8S_NODES_MAX && group->cpu_milli > 0 &&
           group->cpu_milli <= 100000000 && group->memory_mb > 0 &&
           group->memory_mb <= 100000000 && group->gpus <= UINT16_MAX &&
           group->price_hour_nano <= PRICE_MAX;
}

static bool config_ok(const struct sim_k8s_config *config)
{
    const uint64_t positive[] = {
        config->heartbeat_ns, config->monitor_ns,     config->scan_ns,
        config->lease_ns,     config->lease_retry_ns, config->pull_bytes_s,
        config->nodes_scored, config->inflight_max,   config->images_per_node,
        config->group_count,  config->pods_per_node,  config->pods_per_core,
        config->renew_ns,     config->retry_after_ns, config->monitor_grace_ns,
    };
    for (size_t i = 0; i < sizeof positive / sizeof positive[0]; i++) {
        if (positive[i] == 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < config->group_count; i++) {
        if (i == SIM_K8S_GROUPS_MAX || !group_ok(&config->groups[i])) {
            return false;
        }
    }
    return qps_ok(&config->client) && qps_ok(&config->controller) &&
           qps_ok(&config->binding) && qps_ok(&config->registry) &&
           rate_ok(&config->schedule_rate) && rate_ok(&config->eviction_rate) &&
           rate_ok(&config->secondary_rate) &&
           config->pull_bytes_s <= UINT64_C(10) * BILLION &&
           config->images_per_node <= SIM_K8S_IMAGES_MAX &&
           config->pods_per_node <= UINT16_MAX &&
           config->eviction_period_ns > 0 &&
           config->create_retry_first_ns > 0 &&
           config->control_price_hour_nano <= PRICE_MAX;
}

static struct sim_k8s_limiter limiter_of(const struct sim_k8s_qps *qps)
{
    uint64_t step_ns = qps->rate.per_ns / qps->rate.count;
    return (struct sim_k8s_limiter){.step_ns = step_ns,
                                    .slack_ns = (qps->burst - 1) * step_ns};
}

static void make_streams(struct sim_k8s *k, uint64_t seed)
{
    const struct {
        struct engine_stream *stream;
        const char *name;
    } streams[] = {
        {&k->draw_api, "k8s/api"},       {&k->draw_sync, "k8s/sync"},
        {&k->draw_twice, "k8s/twice"},   {&k->draw_start, "k8s/start"},
        {&k->draw_status, "k8s/status"}, {&k->draw_registry, "k8s/registry"},
        {&k->draw_oom, "k8s/oom"},       {&k->draw_node, "k8s/node"},
        {&k->draw_boot, "k8s/boot"},     {&k->draw_repair, "k8s/repair"},
        {&k->draw_cut, "k8s/cut"},
    };
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        engine_stream_init(streams[i].stream, seed, streams[i].name, 0);
    }
}

/* min(pods a node, pods a core times cores). */
static uint32_t pods_of(const struct sim_k8s_config *config,
                        const struct sim_k8s_group *group)
{
    uint64_t by_core = (uint64_t)config->pods_per_core * group->cpu_milli;
    uint64_t cores = by_core / 1000 > 0 ? by_core / 1000 : 1;
    return cores < config->pods_per_node ? (uint32_t)cores
                                         : config->pods_per_node;
}

static bool make_nodes(struct sim_k8s *k)
{
    for (uint32_t g = 0; g < k->config.group_count; g++) {
        const struct sim_k8s_group *group = &k->config.groups[g];
        k->groups[g].cpu_scale = (UINT32_C(100) << 20) / group->cpu_milli;
        k->groups[g].mb_scale = (UINT32_C(100) << 20) / group->memory_mb;
        k->groups[g].pods = pods_of(&k->config, group);
        for (uint32_t i = 0; i < group->nodes; i++) {
            uint32_t node = sim_k8s_node_take(k);
            if (node == K8S_NONE) {
                return false;
            }
            k->nodes[node].group = g;
            sim_k8s_node_begin(k, node, 0);
        }
    }
    return true;
}

int sim_k8s_model(struct sim_model *model, const struct sim_k8s_config *config,
                  uint64_t seed)
{
    *model = (struct sim_model){.ops = NULL};
    if (!config_ok(config)) {
        return SIM_K8S_ECONFIG;
    }
    struct sim_k8s *k = calloc(1, sizeof *k);
    if (k == NULL) {
        return SIM_K8S_ENOMEM;
    }
    k->config = *config;
    k->pod_slots.free = k->job_slots.free = k->place_slots.free = K8S_NONE;
    k->node_off = k->due_first = k->due_last = K8S_NONE;
    k->batch_since_ns = k->began_ns = SIM_HEAP_NEVER;
    k->client = limiter_of(&config->client);
    k->controller = limiter_of(&config->controller);
    k->binding = limiter_of(&config->binding);
    k->registry = limiter_of(&config->registry);
    k->schedule_step_ns =
        config->schedule_rate.per_ns / config->schedule_rate.count;
    k->counts.limit = config->quota.pods;
    make_streams(k, seed);
    if (sim_heap_reserve(&k->misc_due, MISC_TIMERS) != 0 || !make_nodes(k)) {
        sim_k8s_free(k);
        return SIM_K8S_ENOMEM;
    }
    *model = (struct sim_model){.ops = &ops, .self = k};
    return 0;
}
