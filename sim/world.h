/*
 * A world: virtual time, nodes with clocks and processes, the network between
 * them, and the record of what happens. Everything that happens is an event
 * at one node; events are carried out one at a time, in the total order of
 * the queue. Many worlds can run side by side.
 *
 * A node holds one process: an actor with a table of four functions. The
 * process can crash (its memory is gone, its timers never come), be paused
 * (what reaches it waits), be slow, and start again as a new incarnation.
 *
 *     queue -> event -> up? -> actor->message / actor->timer
 *                        |paused: kept until it goes on
 *                        |down:   a message is lost, a timer is void
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>

#include "engine/point.h"
#include "engine/record.h"
#include "engine/wire.h"
#include "sim/clock.h"
#include "sim/draw.h"
#include "sim/memory.h"
#include "sim/nodes.h"
#include "sim/points.h"
#include "sim/queue.h"

struct sim_world;

/* What a process is. Any function may be NULL. */
struct sim_actor_ops {
    /* A message has arrived; its payload follows it. */
    void (*message)(void *self, const struct engine_message *message);
    /* A timer set by this incarnation. */
    void (*timer)(void *self, uint64_t arg);
    /* The process has come up, at the start and after each crash. */
    void (*start)(void *self);
    /* It has died: everything volatile must go. Its memory is dropped next. */
    void (*stop)(void *self);
    /* After a pause, before what waited: look at the clock. */
    void (*resume)(void *self);
};

enum sim_process_state {
    SIM_PROCESS_NONE, /* no process has ever been here */
    SIM_PROCESS_DOWN,
    SIM_PROCESS_UP,
    SIM_PROCESS_PAUSED
};

struct sim_node_state {
    const struct sim_actor_ops *ops;
    void *self;
    struct sim_clock clock;
    struct sim_memory memory;
    enum sim_process_state state;
    uint32_t incarnation;
    uint64_t resume_ns;        /* while paused */
    bool paused;               /* until then */
    bool frozen;               /* until it is thawed */
    uint64_t restart_ns;       /* after a crash; UINT64_MAX: not by itself */
    bool retired;              /* it never starts again */
    uint64_t cut_in_until_ns;  /* the network brings it nothing before */
    uint64_t cut_out_until_ns; /* and takes nothing from it before */
    uint64_t slow_until_ns;
    uint64_t slow_ns; /* what it sends is so much later */
    uint64_t sent;    /* messages, index of the network's draws */
    uint64_t read_ns; /* true time at which the clocks were read last */
    uint64_t read_wall_ns;
    uint64_t read_mono_ns;
    struct sim_event *kept; /* arrived while paused */
    uint32_t kept_count;
    uint32_t kept_capacity;
};

struct sim_net_config {
    struct sim_dist latency;
    uint32_t loss_ppb;
    uint32_t duplicate_ppb;
    uint32_t reorder_ppb;
    struct sim_dist reorder_delay;
};

/* Records leave in blocks; a block is void when the function returns. */
struct sim_record_sink {
    void (*take)(void *self, const struct engine_record *records, size_t count);
    void *self;
};

enum {
    SIM_RECORDS_BLOCK = 4096,
    SIM_MESSAGE_CLASSES = 24
};

struct sim_world {
    uint64_t now_ns;
    uint64_t seed;
    uint64_t schedule; /* seed of what takes how long */
    struct sim_queue *queue;
    struct sim_node_state *nodes; /* SIM_NODE_MAX + 1 */
    uint32_t node_count;          /* highest in use + 1 */
    const struct engine_points *points;
    uint32_t point_base;
    struct sim_net_config net;
    struct engine_stream net_latency;
    struct engine_stream net_chance;
    struct engine_sink sink; /* fills in time and clocks */
    bool recording;          /* false: records are thrown away */
    struct sim_record_sink records_to;
    struct engine_record *records;
    uint32_t record_count;
    uint32_t record_block; /* so many leave together */
    uint64_t record_total;
    uint64_t event_count;
    void (*timed)(void *self, uint64_t arg); /* events at SIM_NODE_WORLD */
    void *timed_self;
    bool ending;
    bool failed; /* out of memory: the world cannot go on */
    void *free_messages[SIM_MESSAGE_CLASSES];
    uint64_t memory_limit; /* of each process, 0: none */
};

struct sim_world_config {
    uint64_t seed;
    uint64_t schedule; /* seed of what takes how long; 0: the seed */
    uint64_t start_ns; /* true time at the start, not 0 */
    const struct engine_points *points;
    uint32_t point_base;
    struct sim_net_config net;
    bool recording;
    struct sim_record_sink records_to;
    uint32_t record_block; /* records that leave together; 0: as many as can */
    uint64_t memory_limit;
};

/* Returns NULL without memory. The config is copied. */
struct sim_world *sim_world_new(const struct sim_world_config *config);
/* Stops all processes first. */
void sim_world_free(struct sim_world *world);

/*
 * Gives a node its actor and clock. restart_ns: how long after a crash it
 * comes back, UINT64_MAX: only by sim_process_start().
 */
void sim_node_set(struct sim_world *world, uint32_t node,
                  const struct sim_actor_ops *ops, void *self,
                  const struct sim_clock *clock, uint64_t restart_ns);

static inline struct sim_node_state *sim_node(struct sim_world *world,
                                              uint32_t node)
{
    return &world->nodes[node];
}

static inline bool sim_node_up(struct sim_world *world, uint32_t node)
{
    return world->nodes[node].state >= SIM_PROCESS_UP;
}

/* Both clocks now; within one event they are read many times. */
static inline const struct sim_node_state *
sim_node_clocks(struct sim_world *world, uint32_t node)
{
    struct sim_node_state *state = &world->nodes[node];
    if (state->read_ns != world->now_ns) {
        state->read_ns = world->now_ns;
        state->read_wall_ns = sim_clock_wall(&state->clock, world->now_ns);
        state->read_mono_ns = sim_clock_mono(&state->clock, world->now_ns);
    }
    return state;
}

static inline uint64_t sim_node_mono(struct sim_world *world, uint32_t node)
{
    return sim_node_clocks(world, node)->read_mono_ns;
}

static inline uint64_t sim_node_wall(struct sim_world *world, uint32_t node)
{
    return sim_node_clocks(world, node)->read_wall_ns;
}

/*
 * Carries out the next event. False when there is none, the world is ending
 * or has failed.
 */
bool sim_world_step(struct sim_world *world);

/* An event at a true time for whoever has set world->timed. */
void sim_world_at(struct sim_world *world, uint64_t time_ns, uint64_t arg);

/* A timer of a node's process, at a true time (now or later). */
void sim_timer_at(struct sim_world *world, uint32_t node, uint64_t time_ns,
                  uint64_t arg);
/*
 * The same at the first moment when the node's monotonic clock shows it.
 * Returns that time, or SIM_CLOCK_NEVER while the clock stands still.
 */
uint64_t sim_timer_mono(struct sim_world *world, uint32_t node,
                        uint64_t mono_ns, uint64_t arg);

/*
 * Sends a message (head and payload, message->size bytes) from message->from
 * to message->to over the network, which may lose, double and delay it.
 */
void sim_net_send(struct sim_world *world,
                  const struct engine_message *message);
/* The same with head and payload apart. head->size covers both. */
void sim_net_send2(struct sim_world *world, const struct engine_message *head,
                   const void *payload, size_t payload_size);

/*
 * Hands a message to a process by a way that loses and doubles nothing; it
 * arrives after delay_ns.
 */
void sim_local_send(struct sim_world *world,
                    const struct engine_message *message, uint64_t delay_ns);

/*
 * Puts a message back that reached a process which was then paused: it comes
 * again, first of all, when the process goes on.
 */
void sim_process_put_back(struct sim_world *world, uint32_t node,
                          const struct engine_message *message);

/* Processes. Starting one that is up, or crashing one that is down: nothing. */
void sim_process_start(struct sim_world *world, uint32_t node);
/* why: enum engine_action, 0 for a planned end (then it stays down). */
void sim_process_crash(struct sim_world *world, uint32_t node, unsigned why);
/* Crashes it, if it is up, and it never starts again. */
void sim_process_retire(struct sim_world *world, uint32_t node);
void sim_process_pause(struct sim_world *world, uint32_t node,
                       uint64_t duration_ns);

/*
 * The process stands still until it is thawed, by whoever hosts it: a pause
 * without an end, of which there is no record. A pause that meets it runs
 * beside it, and it goes on when both are over. The process itself must not
 * be in the midst of an event. Thawed, it goes on in an event of its own, at
 * this time and before what is sent to it from now on. Freezing one that is
 * down or frozen, or thawing one that is not frozen: nothing.
 */
void sim_process_freeze(struct sim_world *world, uint32_t node);
void sim_process_thaw(struct sim_world *world, uint32_t node);

/*
 * Asks one of the simulator's points on behalf of a node.
 */
static inline bool sim_point(struct sim_world *world, enum sim_point point,
                             uint32_t node, uint64_t run, uint32_t op,
                             uint32_t attempt, struct engine_decision *decision)
{
    return engine_point_hit(world->points, world->point_base + (uint32_t)point,
                            node, run, op, attempt, decision);
}

/*
 * Does to a node what a decision says that concerns processes and clocks and
 * the network around it. Returns true if the process is not running on: the
 * caller, if it is that process, must return at once. If it was only paused,
 * it goes on in resume() with what it had left to do.
 */
bool sim_world_act(struct sim_world *world, uint32_t node,
                   const struct engine_decision *decision);

/* A boundary of a process: asks and acts. True: return at once. */
static inline bool sim_boundary(struct sim_world *world, enum sim_point point,
                                uint32_t node, uint64_t run, uint32_t op,
                                uint32_t attempt)
{
    struct engine_decision decision;
    return sim_point(world, point, node, run, op, attempt, &decision) &&
           sim_world_act(world, node, &decision);
}

/*
 * Writes a record; time and the node's clocks are filled in, the wall clock
 * only if it is not set: a store dates its records by its group.
 */
void sim_record(struct sim_world *world, const struct engine_record *record);
/* Hands over the records not yet handed over. */
void sim_record_flush(struct sim_world *world);

#endif
