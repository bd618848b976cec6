/*
 * Who is who in a world: node numbers are fixed, so that a fault rule, a
 * record and a report mean the same node without a table.
 */
#ifndef SIM_NODES_H
#define SIM_NODES_H

enum sim_node {
    SIM_NODE_WORLD = 0,
    SIM_NODE_STORE = 1,
    SIM_NODE_CLIENT = 2,
    SIM_NODE_RECEIVER = 3, /* of side effects */
    SIM_NODE_PLATFORM = 4, /* the front end of the first one */
    SIM_NODE_OUTSIDE = 5,  /* who answers callbacks, and operators */
    SIM_NODE_COORDINATOR = 8,
    SIM_NODE_COORDINATORS_MAX = 48,
    SIM_NODE_PLATFORMS = 56, /* of the others */
    SIM_NODE_PLATFORMS_MAX = 8,
    SIM_NODE_WORKER = 64, /* workers, or environments of a platform */
    SIM_NODE_MAX = 8191
};

/* The front end of platform `index`. */
static inline unsigned sim_node_platform(unsigned index)
{
    return index == 0 ? SIM_NODE_PLATFORM : SIM_NODE_PLATFORMS + index - 1;
}

/* Each of `count` platforms has so many nodes for its places, */
static inline unsigned sim_node_places(unsigned count)
{
    return (SIM_NODE_MAX - SIM_NODE_WORKER + 1) / count;
}

/* platform `index` from this one on. */
static inline unsigned sim_node_place(unsigned index, unsigned count)
{
    return SIM_NODE_WORKER + index * sim_node_places(count);
}

#endif
