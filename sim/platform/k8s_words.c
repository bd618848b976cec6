/*
 * What the cluster says: names, events as kubectl shows them, cause chains.
 */
#include <stdio.h>
#include <string.h>

#include "sim/platform/cause.h"
#include "sim/platform/k8s_cluster.h"

#define KIND "kubernetes"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *sim_k8s_state_name(uint32_t code)
{
    static const char *const names[SIM_K8S_STATES] = {
        [SIM_K8S_SENDING] = "Sending",
        [SIM_K8S_CREATED] = "Created",
        [SIM_K8S_FAILED_CREATE] = "FailedCreate",
        [SIM_K8S_PENDING] = "Pending",
        [SIM_K8S_UNSCHEDULABLE] = "FailedScheduling",
        [SIM_K8S_NOMINATED] = "Nominated",
        [SIM_K8S_SCHEDULED] = "Scheduled",
        [SIM_K8S_PULLING] = "Pulling",
        [SIM_K8S_ERR_IMAGE_PULL] = "ErrImagePull",
        [SIM_K8S_IMAGE_BACKOFF] = "ImagePullBackOff",
        [SIM_K8S_STARTING] = "ContainerCreating",
        [SIM_K8S_RUNNING] = "Running",
        [SIM_K8S_CRASH_BACKOFF] = "CrashLoopBackOff",
        [SIM_K8S_JOB_BACKOFF] = "BackOff",
        [SIM_K8S_COMPLETE] = "Complete",
        [SIM_K8S_FAILED] = "Failed",
    };
    return code < COUNT(names) && names[code] != NULL ? names[code] : "?";
}

const char *sim_k8s_end_name(uint32_t code)
{
    static const char *const names[SIM_K8S_ENDS] = {
        [SIM_K8S_COMPLETED] = "Completed",
        [SIM_K8S_CRASHED] = "Error",
        [SIM_K8S_OOM_KILLED] = "OOMKilled",
        [SIM_K8S_EVICTED] = "Evicted",
        [SIM_K8S_PREEMPTED] = "Preempted",
        [SIM_K8S_NODE_LOST] = "NodeLost",
        [SIM_K8S_TAINTED] = "TaintManagerEviction",
        [SIM_K8S_DEADLINE] = "DeadlineExceeded",
        [SIM_K8S_JOB_OVER] = "JobOver",
    };
    return code < COUNT(names) && names[code] != NULL ? names[code] : "?";
}

const char *sim_k8s_reason_name(uint32_t reason)
{
    static const char *const names[SIM_K8S_REASONS] = {
        [SIM_K8S_BY_CLIENT] = "client rate limiter",
        [SIM_K8S_BY_SERVER] = "requests in flight",
        [SIM_K8S_AWAY] = "API server away",
    };
    return reason < COUNT(names) ? names[reason] : "?";
}

/* Text that is cut off, never overrun. */
struct text {
    char *at;
    size_t left;
};

static void put(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *format, ...)
{
    __builtin_va_list args;
    if (text->left <= 1) {
        return;
    }
    __builtin_va_start(args, format);
    int size = vsnprintf(text->at, text->left, format, args);
    __builtin_va_end(args);
    size_t used = size < 0 ? 0 : (size_t)size;
    used = used < text->left ? used : text->left - 1;
    text->at += used;
    text->left -= used;
}

/* Why nodes do not take a class; in the order in which they are said. */
enum obstacle {
    TOO_MANY_PODS,
    CPU,
    MEMORY,
    GPUS,
    LABELS,
    TAINT,
    PRESSURE,
    OBSTACLES,
};

static void count_obstacles(const struct sim_k8s *k,
                            const struct sim_k8s_class *class, uint64_t now_ns,
                            uint32_t *all, uint32_t found[OBSTACLES])
{
    *all = 0;
    memset(found, 0, OBSTACLES * sizeof found[0]);
    for (uint32_t i = 0; i < k->node_count; i++) {
        const struct sim_k8s_node *node = &k->nodes[i];
        if (node->state < NODE_UP) {
            continue;
        }
        ++*all;
        if ((class->groups & 1U << node->group) == 0) {
            found[LABELS]++;
        } else if (!node->ready) {
            found[TAINT]++;
        } else if (!sim_k8s_node_suits(k, i, class, now_ns)) {
            found[PRESSURE]++;
        } else {
            found[TOO_MANY_PODS] += node->free_pods <= node->held_pods;
            found[CPU] += node->free_cpu < class->cpu_milli + node->held_cpu;
            found[MEMORY] += node->free_mb < class->memory_mb + node->held_mb;
            found[GPUS] += node->free_gpus < class->gpus + node->held_gpus;
        }
    }
}

static void put_unschedulable(struct text *text, const struct sim_k8s *k,
                              const struct sim_k8s_class *class,
                              uint64_t now_ns)
{
    static const char *const words[OBSTACLES] = {
        [TOO_MANY_PODS] = "Too many pods",
        [CPU] = "Insufficient cpu",
        [MEMORY] = "Insufficient memory",
        [GPUS] = "Insufficient nvidia.com/gpu",
        [LABELS] = "node(s) didn't match Pod's node affinity/selector",
        [TAINT] = "node(s) had untolerated taint "
                  "{node.kubernetes.io/unreachable: }",
        [PRESSURE] = "node(s) had untolerated taint "
                     "{node.kubernetes.io/memory-pressure: }",
    };
    uint32_t all;
    uint32_t found[OBSTACLES];
    const char *between = ": ";
    count_obstacles(k, class, now_ns, &all, found);
    put(text, "0/%u nodes are available", all);
    for (int i = 0; i < OBSTACLES; i++) {
        if (found[i] > 0) {
            put(text, "%s%u %s", between, found[i], words[i]);
            between = ", ";
        }
    }
    put(text, ".");
}

/* As resources are written: whole processors, or thousandths. */
static void put_cpu(struct text *text, uint64_t milli)
{
    if (milli % 1000 == 0) {
        put(text, "%llu", (unsigned long long)(milli / 1000));
    } else {
        put(text, "%llum", (unsigned long long)milli);
    }
}

static void put_quota(struct text *text, const struct sim_k8s *k,
                      const struct sim_k8s_class *class)
{
    const struct sim_k8s_quota *quota = &k->config.quota;
    put(text, "compute, requested: ");
    if (quota->pods > 0 && k->used_pods >= quota->pods) {
        put(text, "pods=1, used: pods=%u, limited: pods=%u", k->used_pods,
            quota->pods);
    } else if (quota->cpu_milli > 0 &&
               k->used_cpu + class->cpu_milli > quota->cpu_milli) {
        put(text, "requests.cpu=");
        put_cpu(text, class->cpu_milli);
        put(text, ", used: requests.cpu=");
        put_cpu(text, k->used_cpu);
        put(text, ", limited: requests.cpu=");
        put_cpu(text, quota->cpu_milli);
    } else if (quota->memory_mb > 0 &&
               k->used_mb + class->memory_mb > quota->memory_mb) {
        put(text,
            "requests.memory=%uMi, used: requests.memory=%lluMi, limited: "
            "requests.memory=%lluMi",
            class->memory_mb, (unsigned long long)k->used_mb,
            (unsigned long long)quota->memory_mb);
    } else {
        put(text,
            "requests.nvidia.com/gpu=%u, used: requests.nvidia.com/gpu=%u, "
            "limited: requests.nvidia.com/gpu=%u",
            class->gpus, k->used_gpus, quota->gpus);
    }
}

/* How a container ended by itself. */
static void add_exit(struct sim_cause *cause, uint32_t exit_code)
{
    char code[24];
    snprintf(code, sizeof code, "exit %u", exit_code);
    sim_cause_add(cause, KIND, "Error", "the container has ended");
    sim_cause_add(cause, KIND, code, "by itself");
}

static void add_image(struct sim_cause *cause, const struct sim_demand *demand)
{
    if (demand->image_missing) {
        sim_cause_add(cause, KIND, "ImagePullBackOff",
                      "back-off pulling image %u", demand->image);
        sim_cause_add(cause, KIND, "ErrImagePull",
                      "unauthorized: authentication required, or no such "
                      "image");
    } else {
        sim_cause_add(cause, KIND, "ErrImagePull",
                      "image %u was still on its way", demand->image);
    }
}

static void add_root(struct sim_cause *cause, const struct sim_k8s *k,
                     const struct sim_k8s_job *job, uint64_t now_ns)
{
    char words[SIM_WORDS_MAX];
    struct text text = {words, sizeof words};
    const struct sim_k8s_class *class = &k->classes[job->class];
    words[0] = '\0';
    switch ((enum sim_k8s_root)job->root) {
    case ROOT_RUNNING:
        return;
    case ROOT_IMAGE:
        add_image(cause, class->demand);
        return;
    case ROOT_UNSCHEDULABLE:
        put_unschedulable(&text, k, class, now_ns);
        sim_cause_add(cause, KIND, "FailedScheduling", "%s", words);
        return;
    case ROOT_QUOTA:
        put_quota(&text, k, class);
        sim_cause_add(cause, KIND, "exceeded quota", "%s", words);
        return;
    case ROOT_CRASH:
        add_exit(cause, job->exit_code);
        return;
    case ROOT_OOM:
        sim_cause_add(cause, KIND, "OOMKilled",
                      "exit code 137, %u MB wanted, %u MB allowed",
                      class->demand->peak_mb, class->limit_mb);
        return;
    case ROOT_EVICTED:
        sim_cause_add(cause, KIND, "Evicted",
                      "node-%u was low on resource: memory", job->node);
        return;
    case ROOT_PREEMPTED:
        sim_cause_add(cause, KIND, "Preempted",
                      "by a pod of higher priority on node-%u", job->node);
        return;
    case ROOT_NODE:
        sim_cause_add(cause, KIND, "NodeNotReady",
                      "node-%u stopped posting node status", job->node);
        return;
    }
}

void sim_k8s_fail_cause(const struct sim_k8s *k, uint32_t index,
                        uint64_t now_ns, struct sim_cause *cause)
{
    const struct sim_k8s_job *job = &k->jobs[index];
    if (job->fail == FAIL_DEADLINE) {
        sim_cause_add(cause, KIND, "DeadlineExceeded",
                      "Job was active longer than specified deadline");
    } else {
        sim_cause_add(cause, KIND, "BackoffLimitExceeded",
                      "Job has reached the specified backoff limit");
    }
    add_root(cause, k, job, now_ns);
}

void sim_k8s_end_cause(const struct sim_k8s *k, uint32_t index,
                       enum sim_k8s_end end, struct sim_cause *cause)
{
    const struct sim_k8s_pod *pod = &k->pods[index];
    const struct sim_k8s_class *class = &k->classes[pod->class];
    switch (end) {
    case SIM_K8S_OOM_KILLED:
        sim_cause_add(cause, KIND, "OOMKilled",
                      "exit code 137, %u MB wanted, %u MB allowed",
                      class->demand->peak_mb, class->limit_mb);
        return;
    case SIM_K8S_EVICTED:
        sim_cause_add(cause, KIND, "Evicted",
                      "node-%u was low on resource: memory", pod->node);
        return;
    case SIM_K8S_DEADLINE:
        sim_cause_add(cause, KIND, "DeadlineExceeded",
                      "Job was active longer than specified deadline");
        return;
    case SIM_K8S_NODE_LOST:
        sim_cause_add(cause, KIND, "host failed", "node-%u", pod->node);
        return;
    case SIM_K8S_TAINTED:
        sim_cause_add(cause, KIND, "DeletionByTaintManager",
                      "node-%u was unreachable", pod->node);
        return;
    case SIM_K8S_PREEMPTED:
        sim_cause_add(cause, KIND, "Preempted",
                      "by a pod of higher priority on node-%u", pod->node);
        return;
    case SIM_K8S_JOB_OVER:
        sim_cause_add(cause, KIND, "exit 143", "the Job is over");
        return;
    default:
        add_exit(cause, pod->exit_code);
        return;
    }
}

static void put_pod(struct text *text, const struct sim_k8s *k, uint32_t index,
                    uint64_t now_ns)
{
    const struct sim_k8s_pod *pod = &k->pods[index];
    const struct sim_k8s_class *class = &k->classes[pod->class];
    switch ((enum sim_k8s_phase)pod->phase) {
    case POD_WAITING:
        if (!class->asleep) {
            put(text, "Pending: waits for the scheduler");
            return;
        }
        put(text, "FailedScheduling: ");
        put_unschedulable(text, k, class, now_ns);
        return;
    case POD_NOMINATED:
        put(text, "Nominated: pods of lower priority are ending on node-%u",
            pod->node);
        return;
    case POD_BINDING:
        put(text, "Scheduled: is being bound to node-%u", pod->node);
        return;
    case POD_STUCK:
        put(text, "node-%u does not answer", pod->node);
        return;
    case POD_PULLING:
        put(text, "Pulling: node-%u pulls image %u", pod->node,
            class->demand->image);
        return;
    case POD_IMAGE_BACKOFF:
        put(text, "ImagePullBackOff: back-off pulling image %u%s",
            class->demand->image,
            class->demand->image_missing
                ? ": unauthorized: authentication required, or no such image"
                : ": pull QPS exceeded");
        return;
    case POD_STARTING:
        put(text, "ContainerCreating: on node-%u", pod->node);
        return;
    case POD_CRASHED:
        put(text, "CrashLoopBackOff: restarting failed container after %u",
            pod->crashes);
        return;
    case POD_EXITED:
        put(text, "has exited; the API server has not heard of it yet");
        return;
    case POD_RUNNING:
    case POD_TERMINATING:
        put(text, "runs on node-%u", pod->node);
        return;
    case POD_FREE:
        return;
    }
}

void sim_k8s_explain(const void *self, uint64_t now_ns, uint32_t id, char *out,
                     size_t size)
{
    const struct sim_k8s *k = self;
    struct text text = {out, size};
    uint32_t index = sim_k8s_job_find(k, id);
    if (size > 0) {
        out[0] = '\0';
    }
    if (index == K8S_NONE) {
        put(&text, "There is no such Job.");
        return;
    }
    const struct sim_k8s_job *job = &k->jobs[index];
    switch ((enum sim_k8s_job_phase)job->phase) {
    case JOB_QUEUED:
        put(&text, "The request waits for the client's rate limiter.");
        return;
    case JOB_SENDING:
        put(&text, "The API server has not answered yet.");
        return;
    case JOB_BACKOFF:
        put(&text, "The job controller waits after %u failures.",
            job->failures);
        return;
    case JOB_CREATING:
        if (job->creates > 0) {
            put(&text, "FailedCreate: pod is forbidden: exceeded quota: ");
            put_quota(&text, k, &k->classes[job->class]);
        } else {
            put(&text, "The pod waits for the job controller's rate limiter.");
        }
        return;
    case JOB_ACTIVE:
    case JOB_ENDING:
        if (job->pods != K8S_NONE) {
            put_pod(&text, k, job->pods, now_ns);
        }
        return;
    case JOB_FREE:
        return;
    }
}
