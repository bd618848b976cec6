#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/k8s_cluster.h"

#define FIRST_CAPACITY 64

static uint32_t hash_of(const struct sim_k8s *k, uint32_t id)
{
    return (id * UINT32_C(2654435761)) & (k->hash_size - 1);
}

/* *array with room for `capacity` elements. */
static bool resize(void **array, uint32_t capacity, size_t size)
{
    void *grown = realloc(*array, capacity * size);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    return true;
}

static uint32_t doubled(uint32_t capacity)
{
    return capacity > 0 ? 2 * capacity : FIRST_CAPACITY;
}

static bool has_slot(const struct sim_k8s_slots *slots)
{
    return slots->free != K8S_NONE || slots->used < slots->capacity;
}

static int reserve_pod(struct sim_k8s *k)
{
    void *pods = k->pods;
    if (has_slot(&k->pod_slots)) {
        return 0;
    }
    uint32_t capacity = doubled(k->pod_slots.capacity);
    if (sim_heap_reserve(&k->pod_due, capacity) != 0 ||
        !resize(&pods, capacity, sizeof *k->pods)) {
        return -1;
    }
    k->pods = pods;
    k->pod_slots.capacity = capacity;
    return 0;
}

static int grow_hash(struct sim_k8s *k, uint32_t size)
{
    uint32_t *hash = malloc(size * sizeof *hash);
    if (hash == NULL) {
        return -1;
    }
    memset(hash, 0xff, size * sizeof *hash);
    free(k->hash);
    k->hash = hash;
    k->hash_size = size;
    for (uint32_t i = 0; i < k->job_slots.used; i++) {
        struct sim_k8s_job *job = &k->jobs[i];
        if (job->phase != JOB_FREE) {
            uint32_t at = hash_of(k, job->id);
            job->hash_next = hash[at];
            hash[at] = i;
        }
    }
    return 0;
}

int sim_k8s_reserve_job(struct sim_k8s *k)
{
    void *jobs = k->jobs;
    if (reserve_pod(k) != 0) {
        return -1;
    }
    if (has_slot(&k->job_slots)) {
        return 0;
    }
    uint32_t capacity = doubled(k->job_slots.capacity);
    if (sim_heap_reserve(&k->job_due, capacity) != 0 ||
        !resize(&jobs, capacity, sizeof *k->jobs)) {
        return -1;
    }
    k->jobs = jobs;
    if (grow_hash(k, capacity) != 0) {
        return -1;
    }
    k->job_slots.capacity = capacity;
    return 0;
}

uint32_t sim_k8s_pod_take(struct sim_k8s *k)
{
    if (reserve_pod(k) != 0) {
        k->failed = true;
        return K8S_NONE;
    }
    uint32_t pod = k->pod_slots.free;
    if (pod != K8S_NONE) {
        k->pod_slots.free = k->pods[pod].next;
    } else {
        pod = k->pod_slots.used++;
    }
    k->pods[pod] = (struct sim_k8s_pod){
        .serial = k->serial++,
        .node = K8S_NONE,
        .place = K8S_NONE,
        .next = K8S_NONE,
        .prev = K8S_NONE,
        .node_prev = K8S_NONE,
        .node_next = K8S_NONE,
        .job_next = K8S_NONE,
        .phase = POD_WAITING,
    };
    return pod;
}

void sim_k8s_pod_give(struct sim_k8s *k, uint32_t pod)
{
    sim_heap_cut(&k->pod_due, pod);
    k->pods[pod].phase = POD_FREE;
    k->pods[pod].next = k->pod_slots.free;
    k->pod_slots.free = pod;
}

uint32_t sim_k8s_job_take(struct sim_k8s *k, uint32_t id)
{
    uint32_t job = k->job_slots.free;
    if (job != K8S_NONE) {
        k->job_slots.free = k->jobs[job].hash_next;
    } else {
        job = k->job_slots.used++;
    }
    uint32_t at = hash_of(k, id);
    k->jobs[job] = (struct sim_k8s_job){
        .serial = k->serial++,
        .id = id,
        .hash_next = k->hash[at],
        .due_prev = K8S_NONE,
        .due_next = K8S_NONE,
        .pods = K8S_NONE,
        .node = K8S_NONE,
        .phase = JOB_QUEUED,
    };
    k->hash[at] = job;
    return job;
}

void sim_k8s_job_give(struct sim_k8s *k, uint32_t job)
{
    uint32_t *link = &k->hash[hash_of(k, k->jobs[job].id)];
    while (*link != job) {
        link = &k->jobs[*link].hash_next;
    }
    *link = k->jobs[job].hash_next;
    sim_heap_cut(&k->job_due, job);
    k->jobs[job].phase = JOB_FREE;
    k->jobs[job].hash_next = k->job_slots.free;
    k->job_slots.free = job;
}

uint32_t sim_k8s_job_find(const struct sim_k8s *k, uint32_t id)
{
    if (k->hash_size == 0) {
        return K8S_NONE;
    }
    uint32_t job = k->hash[hash_of(k, id)];
    while (job != K8S_NONE && k->jobs[job].id != id) {
        job = k->jobs[job].hash_next;
    }
    return job;
}

uint32_t sim_k8s_place_take(struct sim_k8s *k)
{
    void *places = k->places;
    uint32_t place = k->place_slots.free;
    if (place != K8S_NONE) {
        k->place_slots.free = k->places[place];
        return place;
    }
    if (!has_slot(&k->place_slots)) {
        uint32_t capacity = doubled(k->place_slots.capacity);
        if (!resize(&places, capacity, sizeof *k->places)) {
            k->failed = true;
            return K8S_NONE;
        }
        k->places = places;
        k->place_slots.capacity = capacity;
    }
    return k->place_slots.used++;
}

void sim_k8s_place_give(struct sim_k8s *k, uint32_t place)
{
    k->places[place] = k->place_slots.free;
    k->place_slots.free = place;
}

static bool has_labels(const struct sim_k8s_group *group,
                       const struct sim_demand *demand)
{
    for (int i = 0; i < SIM_MODEL_LABELS_MAX; i++) {
        bool found = demand->labels[i] == NULL;
        for (int j = 0; j < SIM_MODEL_LABELS_MAX && !found; j++) {
            found = strcmp(group->labels[j], demand->labels[i]) == 0;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static struct sim_k8s_class describe(const struct sim_k8s *k,
                                     const struct sim_demand *demand)
{
    const struct sim_k8s_config *config = &k->config;
    struct sim_k8s_class class = {
        .demand = demand,
        .cpu_milli = demand->cpu_milli > 0 ? demand->cpu_milli
                                           : config->default_cpu_milli,
        .memory_mb = demand->memory_mb > 0 ? demand->memory_mb
                                           : config->default_memory_mb,
        .gpus = demand->gpus,
        .priority = demand->priority,
        .first = K8S_NONE,
        .last = K8S_NONE,
    };
    class.limit_mb = class.memory_mb;
    for (uint32_t i = 0; i < config->group_count; i++) {
        if (has_labels(&config->groups[i], demand)) {
            class.groups |= 1U << i;
        }
    }
    return class;
}

uint32_t sim_k8s_class_of(struct sim_k8s *k, const struct sim_demand *demand)
{
    if (k->class_count > 0 && k->classes[k->class_recent].demand == demand) {
        return k->class_recent;
    }
    for (uint32_t i = 0; i < k->class_count; i++) {
        if (k->classes[i].demand == demand) {
            k->class_recent = i;
            return i;
        }
    }
    if (k->class_count == k->class_capacity) {
        void *classes = k->classes;
        uint32_t capacity = doubled(k->class_capacity);
        if (!resize(&classes, capacity, sizeof *k->classes)) {
            return K8S_NONE;
        }
        k->classes = classes;
        k->class_capacity = capacity;
    }
    k->classes[k->class_count] = describe(k, demand);
    k->class_recent = k->class_count;
    return k->class_count++;
}

uint32_t sim_k8s_node_take(struct sim_k8s *k)
{
    uint32_t node = k->node_off;
    if (node != K8S_NONE) {
        k->node_off = k->nodes[node].next_off;
        return node;
    }
    if (k->node_count == k->node_capacity) {
        void *nodes = k->nodes;
        uint32_t capacity = doubled(k->node_capacity);
        if (sim_heap_reserve(&k->node_due, capacity * NODE_TIMERS) != 0 ||
            !resize(&nodes, capacity, sizeof *k->nodes)) {
            return K8S_NONE;
        }
        k->nodes = nodes;
        memset(&k->nodes[k->node_capacity], 0,
               (capacity - k->node_capacity) * sizeof *k->nodes);
        k->node_capacity = capacity;
        if (sim_k8s_index_build(k) != 0) {
            return K8S_NONE;
        }
    }
    return k->node_count++;
}

void sim_k8s_free(struct sim_k8s *k)
{
    free(k->pods);
    free(k->jobs);
    free(k->places);
    free(k->hash);
    free(k->classes);
    free(k->nodes);
    free(k->tree);
    sim_causes_deinit(&k->causes);
    sim_heap_deinit(&k->pod_due);
    sim_heap_deinit(&k->job_due);
    sim_heap_deinit(&k->node_due);
    sim_heap_deinit(&k->misc_due);
    free(k);
}
