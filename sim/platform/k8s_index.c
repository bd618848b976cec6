/*
 * Which node has room: a binary tree over the nodes whose inner nodes hold
 * the most of each resource that there is below. A subtree without enough of
 * one of them is skipped whole; one with enough of each may still have no
 * single node with enough of all, and then the walk goes on behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/platform/k8s_cluster.h"

static uint32_t less(uint32_t a, uint32_t b)
{
    return a > b ? a - b : 0;
}

/* What the scheduler may give away on this node. */
static struct sim_k8s_room room_of(const struct sim_k8s_node *node)
{
    if (!node->ready) {
        return (struct sim_k8s_room){.cpu = 0};
    }
    return (struct sim_k8s_room){
        .cpu = less(node->free_cpu, node->held_cpu),
        .mb = less(node->free_mb, node->held_mb),
        .pods = (uint16_t)less(node->free_pods, node->held_pods),
        .gpus = (uint16_t)less(node->free_gpus, node->held_gpus),
        .groups = 1U << node->group,
    };
}

static struct sim_k8s_room both(const struct sim_k8s_room *a,
                                const struct sim_k8s_room *b)
{
    return (struct sim_k8s_room){
        .cpu = a->cpu > b->cpu ? a->cpu : b->cpu,
        .mb = a->mb > b->mb ? a->mb : b->mb,
        .pods = a->pods > b->pods ? a->pods : b->pods,
        .gpus = a->gpus > b->gpus ? a->gpus : b->gpus,
        .groups = a->groups | b->groups,
    };
}

static bool same(const struct sim_k8s_room *a, const struct sim_k8s_room *b)
{
    return a->cpu == b->cpu && a->mb == b->mb && a->pods == b->pods &&
           a->gpus == b->gpus && a->groups == b->groups;
}

int sim_k8s_index_build(struct sim_k8s *k)
{
    uint32_t size = 1;
    while (size < k->node_capacity) {
        size *= 2;
    }
    struct sim_k8s_room *tree = calloc((size_t)size * 2, sizeof *tree);
    if (tree == NULL) {
        return -1;
    }
    free(k->tree);
    k->tree = tree;
    k->tree_size = size;
    for (uint32_t i = 0; i < k->node_count; i++) {
        tree[size + i] = room_of(&k->nodes[i]);
    }
    for (uint32_t i = size - 1; i > 0; i--) {
        tree[i] = both(&tree[(size_t)i * 2], &tree[(size_t)i * 2 + 1]);
    }
    return 0;
}

void sim_k8s_index_update(struct sim_k8s *k, uint32_t node)
{
    struct sim_k8s_room *tree = k->tree;
    uint32_t at = k->tree_size + node;
    struct sim_k8s_room now = room_of(&k->nodes[node]);
    while (!same(&tree[at], &now)) {
        tree[at] = now;
        at /= 2;
        if (at == 0) {
            return;
        }
        now = both(&tree[(size_t)at * 2], &tree[(size_t)at * 2 + 1]);
    }
}

static bool enough(const struct sim_k8s_room *room,
                   const struct sim_k8s_class *class)
{
    return room->cpu >= class->cpu_milli && room->mb >= class->memory_mb &&
           room->pods > 0 && room->gpus >= class->gpus &&
           (room->groups & class->groups) != 0;
}

uint32_t sim_k8s_index_find(const struct sim_k8s *k,
                            const struct sim_k8s_class *class, uint32_t from)
{
    const struct sim_k8s_room *tree = k->tree;
    uint32_t at = k->tree_size + from;
    if (from >= k->node_count) {
        return K8S_NONE;
    }
    for (;;) {
        if (!enough(&tree[at], class)) {
            while (at % 2 == 1) {
                at /= 2;
            }
            if (at == 0) {
                return K8S_NONE;
            }
            at++;
        } else if (at < k->tree_size) {
            at *= 2;
        } else {
            return at - k->tree_size;
        }
    }
}
