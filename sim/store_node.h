/*
 * The process in front of a store: requests come as messages, are carried out
 * in groups, and are answered when the group is durable. What arrives while a
 * group is being synced joins the next one (group commit).
 *
 *     requests -> [pending] -> begin apply.. commit -> disk time -> replies
 *
 * A reply carries in its token the sender of the request, so that a process
 * does not take what its predecessor at the same node was told.
 *
 * Its points and those of the disk are about what the group is about: the run
 * of its first request, and the operation and attempt of it or of the first
 * of its items that has one. A crash is thus placed without counting groups.
 *
 * The process ends itself when a commit's outcome is unknown, and learns by
 * opening the store again what has survived. It writes the records of what
 * became durable, and after each opening an audit of the rows on disk.
 */
#ifndef SIM_STORE_NODE_H
#define SIM_STORE_NODE_H

#include "engine/defects.h"
#include "engine/store.h"
#include "sim/disk.h"
#include "sim/world.h"

enum sim_store_open {
    SIM_STORE_OPEN_FAILED = -1, /* an I/O error: tried again later */
    SIM_STORE_DAMAGED = -2      /* refused for good */
};

struct sim_mirror;

struct sim_store_config {
    struct sim_world *world;
    struct sim_disk *disk; /* NULL: a store in memory, which survives crashes
                              and is closed by whoever opened it */
    /* Opens the store as it is on disk: 0 or enum sim_store_open. */
    int (*open)(void *self, struct engine_store *store);
    void *open_self;
    uint32_t group_max;
    uint64_t request_ns; /* CPU time of a request where there is no disk */
    struct engine_defects defects;
    struct sim_mirror *mirror; /* NULL: nobody keeps the logs */
    /* NULL, or who hears what became durable: each exchange once it has. */
    void (*heard)(void *self, const struct engine_request *request,
                  const struct engine_reply *reply);
    void *heard_self;
};

struct sim_store_node;

/* Makes the actor and sets it at SIM_NODE_STORE. NULL without memory. */
struct sim_store_node *sim_store_node_new(const struct sim_store_config *config,
                                          const struct sim_clock *clock,
                                          uint64_t restart_ns);
void sim_store_node_free(struct sim_store_node *node);

/*
 * The end of the world: opens the store if the process is down (with the
 * power on and lasting errors healed), and writes audit records of all rows.
 */
void sim_store_node_audit(struct sim_store_node *node);

/*
 * Who has made this world ends with it: from now on, what a process of the
 * store had open when it died is left as it is. Nothing else changes, since
 * the disk lets nobody write through it.
 */
void sim_store_node_forsake(struct sim_store_node *node);

/* Groups and requests that became durable. */
uint64_t sim_store_node_groups(const struct sim_store_node *node);
uint64_t sim_store_node_commits(const struct sim_store_node *node);

#endif
