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
    SIM_NODE_PLATFORM = 4, /* its front end */
    SIM_NODE_OUTSIDE = 5,  /* who answers callbacks, and operators */
    SIM_NODE_COORDINATOR = 8,
    SIM_NODE_COORDINATORS_MAX = 56,
    SIM_NODE_WORKER = 64, /* workers, or environments of a platform */
    SIM_NODE_MAX = 8191
};

#endif
