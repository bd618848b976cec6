/*
 * What the parts of the Kubernetes model share: its pods, jobs, nodes and
 * queues. Private to sim/platform/k8s*.c.
 *
 *   k8s.c           the calls of the model, in front of the rest
 *   k8s_pool.c      memory: pods, jobs, places, classes, causes
 *   k8s_index.c     which node has room
 *   k8s_job.c       Jobs: creation, quota, back-off, ends
 *   k8s_schedule.c  the scheduler's queues, preemption
 *   k8s_kubelet.c   pulls, containers, kills
 *   k8s_memory.c    processors and memory of what runs
 *   k8s_node.c      nodes that die, come back, are added and removed
 *   k8s_words.c     names and sentences
 *
 * A pod, a job and a node's business each have at most one time at which
 * something is due; what it is follows from the phase.
 */
#ifndef SIM_K8S_CLUSTER_H
#define SIM_K8S_CLUSTER_H

#include "engine/random.h"
#include "sim/platform/causes.h"
#include "sim/platform/heap.h"
#include "sim/platform/k8s.h"

#define K8S_NONE UINT32_MAX

/* Private names are short: nothing outside of k8s*.c sees them. */
enum sim_k8s_phase {
    POD_FREE,
    POD_WAITING,   /* in its class's queue */
    POD_NOMINATED, /* for a node whose victims have to go first */
    POD_BINDING,
    POD_STUCK, /* bound to a node that does not answer */
    POD_PULLING,
    POD_IMAGE_BACKOFF,
    POD_STARTING,
    POD_RUNNING,
    POD_CRASHED, /* waits for its container to be started again */
    POD_EXITED,  /* the control plane does not know yet */
    POD_TERMINATING,
};

struct sim_k8s_pod {
    uint64_t serial;
    uint64_t created_ns;
    uint64_t tried_ns;   /* last by the scheduler */
    uint64_t started_ns; /* the container */
    uint32_t job, node, place, class;
    uint32_t node_prev, node_next; /* pods of the node */
    uint32_t next, prev;           /* of its class, its pulls, its nominees */
    uint32_t job_next;             /* pods of the job */
    uint32_t used_mb;
    uint32_t exit_code;
    uint32_t tries, pulls, crashes;
    uint8_t phase; /* enum sim_k8s_phase */
    uint8_t end;   /* enum sim_k8s_end, once it has to end */
    bool ok;       /* EXITED: by itself, and well */
    bool counted;  /* its failure is in the job's */
    bool deleted;  /* the API object is gone: not one of the Job's any more */
};

enum sim_k8s_job_phase {
    JOB_FREE,
    JOB_QUEUED,   /* in the client's limiter */
    JOB_SENDING,  /* in flight to the API server */
    JOB_BACKOFF,  /* waits before it gets another pod */
    JOB_CREATING, /* its pod is about to be created, or forbidden */
    JOB_ACTIVE,
    JOB_ENDING, /* decided, but pods are left */
};

/* Why a job fails; the root is what its pod was waiting for or died of. */
enum sim_k8s_fail {
    FAIL_NONE,
    FAIL_BACKOFF_LIMIT,
    FAIL_DEADLINE,
};

enum sim_k8s_root {
    ROOT_RUNNING,
    ROOT_IMAGE,
    ROOT_UNSCHEDULABLE,
    ROOT_QUOTA,
    ROOT_CRASH,
    ROOT_OOM,
    ROOT_EVICTED,
    ROOT_PREEMPTED,
    ROOT_NODE,
};

struct sim_k8s_job {
    uint64_t serial;
    uint64_t created_ns;
    uint32_t id; /* the caller's */
    uint32_t class;
    uint32_t hash_next;
    uint32_t due_prev, due_next; /* by deadline */
    uint32_t pods;
    uint32_t places;
    uint32_t failures;
    uint32_t creates; /* forbidden in a row */
    uint32_t node;    /* where the last pod failed */
    uint32_t exit_code;
    uint8_t phase;
    uint8_t fail; /* enum sim_k8s_fail */
    uint8_t root; /* enum sim_k8s_root */
    bool started;
    bool in_due;
};

/* Pods that ask for the same. */
struct sim_k8s_class {
    const struct sim_demand *demand;
    uint32_t cpu_milli, memory_mb, gpus, priority;
    uint32_t limit_mb; /* 0: none */
    uint32_t groups;   /* a bit for each one that its labels allow */
    uint32_t first, last;
    uint32_t waiting;
    uint32_t bound;
    bool asleep; /* unschedulable until something changes */
};

enum sim_k8s_node_state {
    NODE_OFF,
    NODE_BOOTING,
    NODE_UP,
    NODE_DEAD,
    NODE_CUT, /* off from the control plane */
};

/* What may be due on a node; its heap has this many numbers for each. */
enum sim_k8s_node_timer {
    NODE_PULL,
    NODE_CHAIN, /* detection, taint, eviction: by node->chain */
    NODE_LIFE,  /* boot, repair, heal: by node->state */
    NODE_PRESSURE,
    NODE_IDLE,
    NODE_TIMERS,
};

enum sim_k8s_chain {
    CHAIN_NONE,
    CHAIN_DETECT,
    CHAIN_TAINT,
    CHAIN_EVICT,
    CHAIN_DONE,
};

/* A limiter that reserves: the time from which the next token may be used. */
struct sim_k8s_limiter {
    uint64_t next_ns;
    uint64_t step_ns;
    uint64_t slack_ns;
};

struct sim_k8s_node {
    uint32_t free_cpu, free_mb, free_pods, free_gpus;
    uint32_t held_cpu, held_mb, held_pods, held_gpus; /* for nominees */
    uint32_t used_mb;
    uint32_t group;
    uint32_t first;     /* pod */
    uint32_t nominated; /* first of them */
    uint32_t pull_first, pull_last, pulling;
    uint32_t image_count, image_next;
    uint32_t images[SIM_K8S_IMAGES_MAX];
    uint32_t next_off;
    uint64_t phase_ns; /* of its heartbeats */
    uint64_t pressure_until_ns;
    uint64_t serial;
    struct sim_k8s_limiter registry;
    uint8_t state;
    uint8_t chain;
    bool ready; /* as the control plane sees it */
};

/* A node of the tree over the nodes: the most there is anywhere below. */
struct sim_k8s_room {
    uint32_t cpu, mb;
    uint16_t pods, gpus;
    uint32_t groups;
};

enum sim_k8s_misc_timer {
    MISC_SCHEDULE,
    MISC_DEADLINE,
    MISC_SCAN,
    MISC_TIMERS,
};

struct sim_k8s_group_state {
    uint32_t up, booting;
    uint32_t cpu_scale, mb_scale; /* free to a score of 100, in 2^-20 */
    uint32_t pods;
    uint64_t lived_us;
};

/* Slots of an array with a list of the free ones. */
struct sim_k8s_slots {
    uint32_t used, capacity, free;
};

struct sim_k8s {
    struct sim_k8s_config config;
    struct sim_model_counts counts;
    struct sim_k8s_pod *pods;
    struct sim_k8s_job *jobs;
    uint32_t *places; /* pod, or the next free place */
    uint32_t *hash;   /* jobs by id */
    struct sim_k8s_slots pod_slots, job_slots, place_slots;
    uint32_t hash_size;
    struct sim_k8s_class *classes;
    uint32_t class_count, class_capacity, class_recent;
    struct sim_k8s_node *nodes;
    uint32_t node_count, node_capacity, node_off;
    struct sim_k8s_room *tree;
    uint32_t tree_size;
    uint32_t cursor;
    uint32_t not_ready;
    struct sim_k8s_group_state groups[SIM_K8S_GROUPS_MAX];
    struct sim_heap pod_due, job_due, node_due, misc_due;
    struct sim_k8s_limiter client, controller, binding;
    struct sim_k8s_limiter registry; /* of a new node */
    uint64_t schedule_step_ns, schedule_free_ns;
    uint64_t taint_next_ns;
    uint32_t inflight;
    uint32_t due_first, due_last;
    uint64_t used_cpu, used_mb; /* of the quota */
    uint32_t used_pods, used_gpus;
    uint64_t api_back_ns, controllers_back_ns;
    uint64_t batch_since_ns; /* of Karpenter; NEVER: none */
    uint64_t began_ns;       /* NEVER: not yet */
    uint64_t charged_ns;     /* lived_us are up to here */
    uint64_t serial, node_serial, sent, orders, cuts;
    struct engine_stream draw_api, draw_sync, draw_twice, draw_start,
        draw_status, draw_registry, draw_oom, draw_node, draw_boot, draw_repair,
        draw_cut;
    struct sim_causes causes;
    bool failed; /* out of memory */
};

/* k8s_pool.c */
int sim_k8s_reserve_job(struct sim_k8s *k); /* and one pod of it */
uint32_t sim_k8s_pod_take(struct sim_k8s *k);
void sim_k8s_pod_give(struct sim_k8s *k, uint32_t pod);
uint32_t sim_k8s_job_take(struct sim_k8s *k, uint32_t id);
void sim_k8s_job_give(struct sim_k8s *k, uint32_t job);
uint32_t sim_k8s_job_find(const struct sim_k8s *k, uint32_t id);
uint32_t sim_k8s_place_take(struct sim_k8s *k);
void sim_k8s_place_give(struct sim_k8s *k, uint32_t place);
uint32_t sim_k8s_class_of(struct sim_k8s *k, const struct sim_demand *demand);
uint32_t sim_k8s_node_take(struct sim_k8s *k); /* K8S_NONE: no memory */
void sim_k8s_free(struct sim_k8s *k);

/* k8s_index.c */
int sim_k8s_index_build(struct sim_k8s *k);
void sim_k8s_index_update(struct sim_k8s *k, uint32_t node);
/* The first node from `from` on that has room for the class, or K8S_NONE. */
uint32_t sim_k8s_index_find(const struct sim_k8s *k,
                            const struct sim_k8s_class *class, uint32_t from);

/* k8s_job.c */
void sim_k8s_job_due(struct sim_k8s *k, uint32_t job, uint64_t now_ns,
                     struct sim_actions *out);
void sim_k8s_deadline_due(struct sim_k8s *k, uint64_t now_ns,
                          struct sim_actions *out);
/* A pod has failed or was taken away; the pod is not the job's any more. */
void sim_k8s_job_lost_pod(struct sim_k8s *k, uint32_t job, bool counts,
                          uint64_t now_ns, struct sim_actions *out);
void sim_k8s_job_complete(struct sim_k8s *k, uint32_t job, uint64_t now_ns,
                          struct sim_actions *out);
void sim_k8s_job_fail(struct sim_k8s *k, uint32_t job, enum sim_k8s_fail fail,
                      uint64_t now_ns, struct sim_actions *out);
/* Says FAIL or FORGET if the job is ending and has no pods any more. */
void sim_k8s_job_over(struct sim_k8s *k, uint32_t job, uint64_t now_ns,
                      struct sim_actions *out);
void sim_k8s_state(struct sim_k8s *k, uint32_t job, uint64_t now_ns,
                   enum sim_k8s_state state, struct sim_actions *out);

/* k8s_schedule.c */
void sim_k8s_enqueue(struct sim_k8s *k, uint32_t pod, uint64_t now_ns);
void sim_k8s_dequeue(struct sim_k8s *k, uint32_t pod);
void sim_k8s_schedule_due(struct sim_k8s *k, uint64_t now_ns,
                          struct sim_actions *out);
/* There is more room on the node than before. */
void sim_k8s_room(struct sim_k8s *k, uint32_t node, uint64_t now_ns,
                  struct sim_actions *out);
bool sim_k8s_node_suits(const struct sim_k8s *k, uint32_t node,
                        const struct sim_k8s_class *class, uint64_t now_ns);
/* Of nominees: gives up what is held for them. */
void sim_k8s_unnominate(struct sim_k8s *k, uint32_t pod);

/* k8s_kubelet.c */
void sim_k8s_pod_due(struct sim_k8s *k, uint32_t pod, uint64_t now_ns,
                     struct sim_actions *out);
void sim_k8s_pull_due(struct sim_k8s *k, uint32_t node, uint64_t now_ns,
                      struct sim_actions *out);
/* The pod has just been bound, or its node answers again. */
void sim_k8s_admit(struct sim_k8s *k, uint32_t pod, uint64_t now_ns,
                   struct sim_actions *out);
/* Closes its place, if it has one. */
void sim_k8s_container_end(struct sim_k8s *k, uint32_t pod,
                           enum sim_k8s_end end, uint64_t now_ns,
                           struct sim_actions *out);
void sim_k8s_pod_exit(struct sim_k8s *k, uint32_t pod, bool ok,
                      uint64_t now_ns);
void sim_k8s_pod_crash(struct sim_k8s *k, uint32_t pod, enum sim_k8s_end end,
                       uint64_t now_ns, struct sim_actions *out);
/* The control plane wants it gone; the job is told by the caller. */
void sim_k8s_pod_delete(struct sim_k8s *k, uint32_t pod, enum sim_k8s_end end,
                        uint64_t now_ns, struct sim_actions *out);
/* It is gone: frees it, and what it held. Does not tell the job. */
void sim_k8s_pod_gone(struct sim_k8s *k, uint32_t pod, uint64_t now_ns,
                      struct sim_actions *out);

/* k8s_memory.c */
void sim_k8s_uses_memory(struct sim_k8s *k, uint32_t pod, uint64_t now_ns);
/* What a step's time becomes on the processors that its pod may use. */
uint64_t sim_k8s_run_ns(struct sim_k8s *k, uint32_t pod,
                        const struct sim_work *work);
void sim_k8s_pressure_due(struct sim_k8s *k, uint32_t node, uint64_t now_ns,
                          struct sim_actions *out);

/* k8s_node.c */
bool sim_k8s_node_fail(struct sim_k8s *k, uint32_t node, uint64_t now_ns,
                       struct sim_actions *out);
bool sim_k8s_node_cut(struct sim_k8s *k, uint32_t node, uint64_t length_ns,
                      uint64_t now_ns, struct sim_actions *out);
void sim_k8s_node_due(struct sim_k8s *k, uint32_t node,
                      enum sim_k8s_node_timer timer, uint64_t now_ns,
                      struct sim_actions *out);
void sim_k8s_node_begin(struct sim_k8s *k, uint32_t node, uint64_t now_ns);
void sim_k8s_scan_due(struct sim_k8s *k, uint64_t now_ns);
/* Pods wait that fit nowhere: a scaler may want to know. */
void sim_k8s_scaler_poke(struct sim_k8s *k, uint64_t now_ns);
void sim_k8s_node_emptied(struct sim_k8s *k, uint32_t node, uint64_t now_ns);
void sim_k8s_charge(struct sim_k8s *k, uint64_t now_ns);

/* k8s_words.c */
void sim_k8s_fail_cause(const struct sim_k8s *k, uint32_t job, uint64_t now_ns,
                        struct sim_cause *cause);
void sim_k8s_end_cause(const struct sim_k8s *k, uint32_t pod,
                       enum sim_k8s_end end, struct sim_cause *cause);
void sim_k8s_explain(const void *self, uint64_t now_ns, uint32_t job,
                     char *text, size_t size);
const char *sim_k8s_state_name(uint32_t code);
const char *sim_k8s_end_name(uint32_t code);
const char *sim_k8s_reason_name(uint32_t reason);

/* The time at which a request made now may be sent. */
static inline uint64_t sim_k8s_limiter_wait(struct sim_k8s_limiter *limiter,
                                            uint64_t now_ns)
{
    uint64_t at = limiter->next_ns > now_ns ? limiter->next_ns : now_ns;
    return at - now_ns > limiter->slack_ns ? at - limiter->slack_ns : now_ns;
}

static inline uint64_t sim_k8s_limiter_take(struct sim_k8s_limiter *limiter,
                                            uint64_t now_ns)
{
    uint64_t sent_ns = sim_k8s_limiter_wait(limiter, now_ns);
    uint64_t at = limiter->next_ns > now_ns ? limiter->next_ns : now_ns;
    limiter->next_ns = at + limiter->step_ns;
    return sent_ns;
}

/* first * 2^(n - 1), at most max; n from 1. */
static inline uint64_t sim_k8s_backoff(uint64_t first_ns, uint64_t max_ns,
                                       uint32_t n)
{
    uint32_t shift = n > 1 ? n - 1 : 0;
    return shift > 40 || first_ns > max_ns >> shift ? max_ns
                                                    : first_ns << shift;
}

#endif
