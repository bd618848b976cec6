/*
 * A Kubernetes cluster as a model (sim/platform/model.h): each job is a
 * Kubernetes Job of one pod, a place is a running container, a host is a node.
 *
 *   submit ─▶ client limiter ─▶ API server ─▶ job controller ─▶ quota ─▶ pod
 *       pod ─▶ scheduler ─▶ binding ─▶ kubelet: pull, sandbox ─▶ START
 *       finished, exited ─▶ status ─▶ job controller: complete, again, failed
 *
 * Every stage is a queue with the limits that Kubernetes gives it, and every
 * number of them is in the configuration. What fails, fails where it does in
 * Kubernetes: a node that dies takes its containers with it at once, but its
 * pods are replaced only when the control plane has missed its heartbeats,
 * tainted it and waited for the pods' toleration; a node that is only cut off
 * runs its pods on while others are started in their place.
 *
 * The scheduler keeps pods that ask for the same in one queue and tries the
 * first of them; when that one fits nowhere, the others are not tried before
 * something has changed that lets it fit.
 */
#ifndef SIM_K8S_H
#define SIM_K8S_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/draw.h"
#include "sim/platform/bucket.h"
#include "sim/platform/model.h"

#define SIM_K8S_GROUPS_MAX 4
#define SIM_K8S_IMAGES_MAX 16
#define SIM_K8S_NODES_MAX 100000
#define SIM_K8S_LABEL_MAX 64

enum sim_k8s_error {
    SIM_K8S_ENOMEM = -1,
    SIM_K8S_ECONFIG = -2, /* a number is out of its range */
};

enum sim_k8s_scaler {
    SIM_K8S_SCALER_NONE,
    SIM_K8S_SCALER_CLUSTER,   /* looks at fixed times */
    SIM_K8S_SCALER_KARPENTER, /* looks when pods have stopped coming */
};

/* Nodes that are alike. */
struct sim_k8s_group {
    uint32_t nodes;     /* from the beginning, and never fewer */
    uint32_t nodes_max; /* with a scaler */
    uint32_t cpu_milli;
    uint32_t memory_mb;
    uint32_t gpus;
    uint64_t price_hour_nano;
    char labels[SIM_MODEL_LABELS_MAX][SIM_K8S_LABEL_MAX]; /* "key=value" */
};

/* Requests of a client: so many a second, and so many at once. */
struct sim_k8s_qps {
    struct sim_rate rate;
    uint32_t burst;
};

/* Of what there is in the namespace; 0: no limit. */
struct sim_k8s_quota {
    uint32_t pods;
    uint64_t cpu_milli;
    uint64_t memory_mb;
    uint32_t gpus;
};

struct sim_k8s_config {
    /* Who creates Jobs, and the API server. */
    struct sim_k8s_qps client;
    uint64_t client_wait_max_ns; /* waits longer than this are refused */
    uint32_t inflight_max;       /* mutating requests, else 429 */
    struct sim_dist api_latency;
    uint64_t retry_after_ns; /* of a 429 */
    uint64_t object_max;     /* bytes */

    /* The job controller. */
    struct sim_k8s_qps controller;
    struct sim_dist job_sync;
    uint32_t backoff_limit;
    uint64_t recreate_first_ns, recreate_max_ns;
    uint64_t active_deadline_ns; /* 0: none */
    bool restart_on_failure;     /* else restartPolicy Never */
    bool disruptions_count;      /* towards backoff_limit */
    uint32_t duplicate_ppb;      /* a pod is created twice */
    uint64_t create_retry_first_ns, create_retry_max_ns;
    struct sim_k8s_quota quota;

    /* The scheduler. */
    struct sim_rate schedule_rate;
    struct sim_k8s_qps binding;
    uint64_t unschedulable_first_ns, unschedulable_max_ns;
    uint32_t nodes_scored; /* that fit, before the best of them is taken */
    bool preemption;

    /* Nodes. */
    struct sim_k8s_group groups[SIM_K8S_GROUPS_MAX];
    uint32_t group_count;
    uint32_t pods_per_node, pods_per_core;
    uint32_t default_cpu_milli; /* of what asks for nothing */
    uint32_t default_memory_mb; /* 0: best effort */
    bool cpu_limits;            /* requests are limits too */

    /* The kubelet. */
    uint64_t image_bytes;
    uint64_t pull_bytes_s;
    struct sim_dist registry_latency;
    struct sim_k8s_qps registry;
    uint32_t images_per_node;
    uint64_t image_backoff_first_ns, image_backoff_max_ns;
    struct sim_dist start; /* sandbox and container */
    struct sim_dist status_delay;
    uint64_t crash_first_ns, crash_max_ns, crash_reset_ns;
    uint64_t grace_ns;
    uint32_t eviction_memory_mb; /* evicts when less is free */
    uint64_t eviction_period_ns;
    uint64_t pressure_ns; /* how long a node says so */

    /* Nodes that die or are cut off. */
    uint64_t heartbeat_ns, monitor_ns, monitor_grace_ns, toleration_ns;
    struct sim_rate eviction_rate, secondary_rate; /* nodes */
    uint32_t unhealthy_ppb; /* of the nodes: fewer are evicted, */
    uint32_t large_cluster; /* or none in a cluster not above this */
    struct sim_dist repair; /* until a dead node is back, empty */
    uint32_t partition_ppb; /* fail_host: the node is only cut off */
    struct sim_dist partition;

    /* Scaling. */
    enum sim_k8s_scaler scaler;
    uint64_t scan_ns;
    struct sim_dist decision; /* SCALER_CLUSTER, after a scan */
    uint64_t batch_idle_ns, batch_max_ns;
    struct sim_dist boot;
    uint64_t scale_down_ns;

    /* Leader leases of controllers and scheduler. */
    uint64_t lease_ns, renew_ns, lease_retry_ns;
    uint64_t control_price_hour_nano;
};

/* What a THROTTLED answer was due to. */
enum sim_k8s_reason {
    SIM_K8S_BY_CLIENT, /* its own limiter; limit, actual: the burst, used up */
    SIM_K8S_BY_SERVER, /* 429; limit, actual: requests in flight */
    SIM_K8S_AWAY,      /* no API server; actual: for how many ms */
    SIM_K8S_REASONS,
};

/* Of SIM_ACTION_STATE. */
enum sim_k8s_state {
    SIM_K8S_SENDING = 1,
    SIM_K8S_CREATED,
    SIM_K8S_FAILED_CREATE, /* quota */
    SIM_K8S_PENDING,
    SIM_K8S_UNSCHEDULABLE,
    SIM_K8S_NOMINATED,
    SIM_K8S_SCHEDULED,
    SIM_K8S_PULLING,
    SIM_K8S_ERR_IMAGE_PULL,
    SIM_K8S_IMAGE_BACKOFF,
    SIM_K8S_STARTING,
    SIM_K8S_RUNNING,
    SIM_K8S_CRASH_BACKOFF,
    SIM_K8S_JOB_BACKOFF,
    SIM_K8S_COMPLETE,
    SIM_K8S_FAILED,
    SIM_K8S_STATES,
};

/* Of SIM_ACTION_CLOSE and SIM_ACTION_WARN. */
enum sim_k8s_end {
    SIM_K8S_COMPLETED = 1,
    SIM_K8S_CRASHED,
    SIM_K8S_OOM_KILLED,
    SIM_K8S_EVICTED,
    SIM_K8S_PREEMPTED,
    SIM_K8S_NODE_LOST,
    SIM_K8S_TAINTED, /* deleted by the control plane: node unreachable */
    SIM_K8S_DEADLINE,
    SIM_K8S_JOB_OVER, /* another pod has completed the Job, or it failed */
    SIM_K8S_ENDS,
};

/*
 * A cluster whose nodes are up and which has done nothing. Copies the
 * configuration. 0 and *model, or a sim_k8s_error.
 */
int sim_k8s_model(struct sim_model *model, const struct sim_k8s_config *config,
                  uint64_t seed);

/*
 * Cuts a node of this model off for so long: its containers run on, and
 * nobody hears of them. False: it is not up.
 */
bool sim_k8s_partition(struct sim_model *model, uint64_t now_ns, uint32_t host,
                       uint64_t length_ns, struct sim_actions *actions);

#endif
