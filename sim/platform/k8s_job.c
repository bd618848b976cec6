/*
 * Jobs: from the API server to their end. What a Job's phase waits for:
 *
 *   QUEUED   the client's limiter        SENDING   the API server's answer
 *   BACKOFF  the delay after a failure   CREATING  the controller's limiter,
 *   ACTIVE   its pods                              or room in the quota
 *   ENDING   its last pod, which is being ended
 */
#include <assert.h>

#include "sim/platform/k8s_cluster.h"

void sim_k8s_state(struct sim_k8s *k, uint32_t job, uint64_t now_ns,
                   enum sim_k8s_state state, struct sim_actions *out)
{
    struct sim_action *action = sim_actions_add(out, now_ns, SIM_ACTION_STATE);
    if (action != NULL) {
        action->job = k->jobs[job].id;
        action->code = (uint16_t)state;
    }
}

static void deadline_arm(struct sim_k8s *k)
{
    uint64_t at_ns = SIM_HEAP_NEVER;
    if (k->due_first != K8S_NONE) {
        at_ns = k->jobs[k->due_first].created_ns + k->config.active_deadline_ns;
        at_ns = at_ns > k->controllers_back_ns ? at_ns : k->controllers_back_ns;
    }
    sim_heap_set(&k->misc_due, MISC_DEADLINE, at_ns);
}

/* Jobs are created in order of time, and all have the same deadline. */
static void deadline_add(struct sim_k8s *k, uint32_t index)
{
    struct sim_k8s_job *job = &k->jobs[index];
    if (k->config.active_deadline_ns == 0) {
        return;
    }
    job->in_due = true;
    job->due_prev = k->due_last;
    job->due_next = K8S_NONE;
    if (k->due_last != K8S_NONE) {
        k->jobs[k->due_last].due_next = index;
    } else {
        k->due_first = index;
        deadline_arm(k);
    }
    k->due_last = index;
}

static void deadline_cut(struct sim_k8s *k, uint32_t index)
{
    struct sim_k8s_job *job = &k->jobs[index];
    if (!job->in_due) {
        return;
    }
    job->in_due = false;
    if (job->due_next != K8S_NONE) {
        k->jobs[job->due_next].due_prev = job->due_prev;
    } else {
        k->due_last = job->due_prev;
    }
    if (job->due_prev != K8S_NONE) {
        k->jobs[job->due_prev].due_next = job->due_next;
    } else {
        k->due_first = job->due_next;
        deadline_arm(k);
    }
}

static void send(struct sim_k8s *k, uint32_t index, uint64_t now_ns)
{
    struct sim_k8s_job *job = &k->jobs[index];
    uint64_t back_ns = k->api_back_ns;
    if (now_ns < back_ns || k->inflight >= k->config.inflight_max) {
        uint64_t again_ns = now_ns + k->config.retry_after_ns;
        sim_heap_set(&k->job_due, index,
                     again_ns > back_ns ? again_ns : back_ns);
        return;
    }
    job->phase = JOB_SENDING;
    k->inflight++;
    sim_heap_set(
        &k->job_due, index,
        now_ns + sim_dist_draw(&k->config.api_latency, &k->draw_api, k->sent));
    k->sent++;
}

/* The controller will make it a pod when its limiter lets it. */
static void want_pod(struct sim_k8s *k, uint32_t index, uint64_t now_ns)
{
    struct sim_k8s_job *job = &k->jobs[index];
    uint64_t from_ns =
        now_ns > k->controllers_back_ns ? now_ns : k->controllers_back_ns;
    job->phase = JOB_CREATING;
    sim_heap_set(&k->job_due, index,
                 sim_k8s_limiter_take(&k->controller, from_ns));
}

static void created(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                    struct sim_actions *out)
{
    struct sim_k8s_job *job = &k->jobs[index];
    k->inflight--;
    job->created_ns = now_ns;
    job->phase = JOB_BACKOFF;
    deadline_add(k, index);
    sim_k8s_state(k, index, now_ns, SIM_K8S_CREATED, out);
    sim_heap_set(&k->job_due, index,
                 now_ns + sim_dist_draw(&k->config.job_sync, &k->draw_sync,
                                        job->serial));
}

static bool quota_allows(const struct sim_k8s *k,
                         const struct sim_k8s_class *class)
{
    const struct sim_k8s_quota *quota = &k->config.quota;
    return (quota->pods == 0 || k->used_pods < quota->pods) &&
           (quota->cpu_milli == 0 ||
            k->used_cpu + class->cpu_milli <= quota->cpu_milli) &&
           (quota->memory_mb == 0 ||
            k->used_mb + class->memory_mb <= quota->memory_mb) &&
           (quota->gpus == 0 || k->used_gpus + class->gpus <= quota->gpus);
}

static bool create_pod(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                       struct sim_actions *out)
{
    uint32_t pod = sim_k8s_pod_take(k);
    if (pod == K8S_NONE) {
        return false;
    }
    struct sim_k8s_job *job = &k->jobs[index];
    const struct sim_k8s_class *class = &k->classes[job->class];
    k->used_pods++;
    k->used_cpu += class->cpu_milli;
    k->used_mb += class->memory_mb;
    k->used_gpus += class->gpus;
    k->pods[pod].job = index;
    k->pods[pod].class = job->class;
    k->pods[pod].created_ns = now_ns;
    k->pods[pod].job_next = job->pods;
    job->pods = pod;
    sim_k8s_state(k, index, now_ns, SIM_K8S_PENDING, out);
    sim_k8s_enqueue(k, pod, now_ns);
    return true;
}

/* 403: the controller comes back to it later, and later. */
static void forbidden(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                      struct sim_actions *out)
{
    struct sim_k8s_job *job = &k->jobs[index];
    if (job->creates++ == 0) {
        sim_k8s_state(k, index, now_ns, SIM_K8S_FAILED_CREATE, out);
    }
    sim_heap_set(&k->job_due, index,
                 now_ns + sim_k8s_backoff(k->config.create_retry_first_ns,
                                          k->config.create_retry_max_ns,
                                          job->creates));
}

static void create(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                   struct sim_actions *out)
{
    struct sim_k8s_job *job = &k->jobs[index];
    if (now_ns < k->controllers_back_ns) {
        want_pod(k, index, now_ns);
        return;
    }
    if (!quota_allows(k, &k->classes[job->class])) {
        forbidden(k, index, now_ns, out);
        return;
    }
    job->creates = 0;
    job->phase = JOB_ACTIVE;
    if (!create_pod(k, index, now_ns, out)) {
        return;
    }
    /* The controller has not seen its own pod yet and makes another one. */
    if (engine_draw_chance(&k->draw_twice, k->pods[job->pods].serial,
                           k->config.duplicate_ppb) &&
        quota_allows(k, &k->classes[job->class])) {
        create_pod(k, index, now_ns, out);
    }
}

void sim_k8s_job_due(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                     struct sim_actions *out)
{
    switch ((enum sim_k8s_job_phase)k->jobs[index].phase) {
    case JOB_QUEUED:
        send(k, index, now_ns);
        return;
    case JOB_SENDING:
        created(k, index, now_ns, out);
        return;
    case JOB_BACKOFF:
        want_pod(k, index, now_ns);
        return;
    case JOB_CREATING:
        create(k, index, now_ns, out);
        return;
    case JOB_FREE:
    case JOB_ACTIVE:
    case JOB_ENDING:
        break;
    }
    assert(false);
}

/* A pod that is still one of the Job's. */
static bool has_pod(const struct sim_k8s *k, const struct sim_k8s_job *job)
{
    for (uint32_t p = job->pods; p != K8S_NONE; p = k->pods[p].job_next) {
        if (!k->pods[p].deleted) {
            return true;
        }
    }
    return false;
}

void sim_k8s_job_lost_pod(struct sim_k8s *k, uint32_t index, bool counts,
                          uint64_t now_ns, struct sim_actions *out)
{
    struct sim_k8s_job *job = &k->jobs[index];
    if (job->phase != JOB_ACTIVE) {
        sim_k8s_job_over(k, index, now_ns, out);
        return;
    }
    job->failures += counts;
    if (job->failures > k->config.backoff_limit) {
        sim_k8s_job_fail(k, index, FAIL_BACKOFF_LIMIT, now_ns, out);
        return;
    }
    if (has_pod(k, job)) {
        return;
    }
    uint64_t delay_ns = 0;
    if (job->failures > 0) {
        delay_ns = sim_k8s_backoff(k->config.recreate_first_ns,
                                   k->config.recreate_max_ns, job->failures);
    }
    job->phase = JOB_BACKOFF;
    sim_k8s_state(k, index, now_ns, SIM_K8S_JOB_BACKOFF, out);
    sim_heap_set(&k->job_due, index, now_ns + delay_ns);
}

static void delete_pods(struct sim_k8s *k, uint32_t index, enum sim_k8s_end end,
                        uint64_t now_ns, struct sim_actions *out)
{
    uint32_t pod = k->jobs[index].pods;
    while (pod != K8S_NONE) {
        uint32_t next = k->pods[pod].job_next;
        if (!k->pods[pod].deleted) {
            sim_k8s_pod_delete(k, pod, end, now_ns, out);
        }
        pod = next;
    }
}

void sim_k8s_job_complete(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                          struct sim_actions *out)
{
    struct sim_k8s_job *job = &k->jobs[index];
    if (job->phase != JOB_ENDING) {
        sim_heap_cut(&k->job_due, index);
        job->phase = JOB_ENDING;
        job->fail = FAIL_NONE;
        deadline_cut(k, index);
        sim_k8s_state(k, index, now_ns, SIM_K8S_COMPLETE, out);
        delete_pods(k, index, SIM_K8S_JOB_OVER, now_ns, out);
    }
    sim_k8s_job_over(k, index, now_ns, out);
}

/* What stands in the way of a job that has not had an end yet. */
static enum sim_k8s_root obstacle(const struct sim_k8s *k,
                                  const struct sim_k8s_job *job)
{
    if (job->pods == K8S_NONE) {
        return job->creates > 0 ? ROOT_QUOTA : (enum sim_k8s_root)job->root;
    }
    const struct sim_k8s_pod *pod = &k->pods[job->pods];
    switch ((enum sim_k8s_phase)pod->phase) {
    case POD_WAITING:
    case POD_NOMINATED:
        return ROOT_UNSCHEDULABLE;
    case POD_PULLING:
    case POD_IMAGE_BACKOFF:
        return ROOT_IMAGE;
    case POD_STUCK:
        return ROOT_NODE;
    default:
        return job->root != ROOT_RUNNING && pod->phase == POD_CRASHED
                   ? (enum sim_k8s_root)job->root
                   : ROOT_RUNNING;
    }
}

void sim_k8s_job_fail(struct sim_k8s *k, uint32_t index, enum sim_k8s_fail fail,
                      uint64_t now_ns, struct sim_actions *out)
{
    struct sim_k8s_job *job = &k->jobs[index];
    assert(job->phase != JOB_ENDING);
    if (fail == FAIL_DEADLINE) {
        job->root = (uint8_t)obstacle(k, job);
        if (job->pods != K8S_NONE) {
            job->node = k->pods[job->pods].node;
        }
    }
    sim_heap_cut(&k->job_due, index);
    job->phase = JOB_ENDING;
    job->fail = (uint8_t)fail;
    deadline_cut(k, index);
    delete_pods(k, index,
                fail == FAIL_DEADLINE ? SIM_K8S_DEADLINE : SIM_K8S_JOB_OVER,
                now_ns, out);
    sim_k8s_job_over(k, index, now_ns, out);
}

void sim_k8s_job_over(struct sim_k8s *k, uint32_t index, uint64_t now_ns,
                      struct sim_actions *out)
{
    struct sim_k8s_job *job = &k->jobs[index];
    if (job->phase != JOB_ENDING || job->pods != K8S_NONE) {
        return;
    }
    bool failed = job->fail != FAIL_NONE;
    struct sim_cause *cause = failed ? sim_causes_add(&k->causes) : NULL;
    if (failed) {
        sim_k8s_state(k, index, now_ns, SIM_K8S_FAILED, out);
    }
    struct sim_action *action = sim_actions_add(
        out, now_ns, failed ? SIM_ACTION_FAIL : SIM_ACTION_FORGET);
    if (cause != NULL) {
        sim_k8s_fail_cause(k, index, now_ns, cause);
    }
    if (action != NULL) {
        action->job = job->id;
        action->cause = cause;
    }
    k->counts.done += !failed;
    k->counts.failed += failed;
    k->counts.jobs--;
    k->counts.queued--;
    sim_k8s_job_give(k, index);
}

void sim_k8s_deadline_due(struct sim_k8s *k, uint64_t now_ns,
                          struct sim_actions *out)
{
    if (now_ns < k->controllers_back_ns) {
        deadline_arm(k);
        return;
    }
    while (k->due_first != K8S_NONE &&
           k->jobs[k->due_first].created_ns + k->config.active_deadline_ns <=
               now_ns) {
        sim_k8s_job_fail(k, k->due_first, FAIL_DEADLINE, now_ns, out);
    }
    deadline_arm(k);
}
