/*
 * What the files of an engine process share:
 *
 *     engine_process.c   its life, its turns, what comes in over sockets
 *     engine_platform.c  workers and the attempts they are given
 *     engine_desk.c      clients, the runs they start and wait for
 *     engine_group.c     coordinators, the store, the group of each turn
 *     engine_upkeep.c    logs of runs that ended long ago leave the database
 */
#ifndef ENGINE_HOST_ENGINE_PRIVATE_H
#define ENGINE_HOST_ENGINE_PRIVATE_H

#include "engine/coordinator.h"
#include "engine/host/control.h"
#include "engine/host/engine_process.h"
#include "engine/host/loop.h"
#include "engine/host/observe.h"
#include "engine/host/registry.h"
#include "engine/store.h"
#include "engine/table.h"

#define SECOND UINT64_C(1000000000)

/* Who is who, as in a simulated world, so that records mean the same. */
enum {
    NODE_STORE = 1,
    NODE_CLIENT = 2, /* stands for all clients: the desk */
    NODE_PLATFORM = 4,
    NODE_COORDINATOR = 8,
    NODE_WORKER = 64
};

enum {
    COORDINATORS_MAX = 8,
    LINKS_MAX = 1024,
    WORKFLOWS_MAX = 1024,
    RUNS_MAX = 100000
};

/* Everything that grows and is taken from the front is one of these. */
struct host_queue {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
};

/* An attempt that a coordinator wants carried out. */
struct host_job {
    struct host_job *next;
    struct engine_message message;
    uint64_t sender; /* who claimed it; 0: nobody yet */
};

struct host_jobs {
    struct host_job *first;
    struct host_job *last;
};

/* A process at the other end of a socket. */
struct host_link {
    struct host_peer peer;
    struct host_source source;
    struct host_engine *engine;
    struct engine_table jobs; /* given to it and not known to be over */
    uint32_t index;
    uint32_t serial;  /* tells it from others in the same place */
    uint32_t process; /* as the kernel says */
    uint32_t slots;   /* of a worker; 0: it has not said HELLO as one */
    uint64_t sender;
    uint64_t sent;     /* dispatches */
    uint64_t received; /* of them, as it says */
    uint64_t busy;
    bool writing; /* the loop says when more can be written */
    bool dirty;   /* something is buffered */
    bool gone;
    char id[HOST_WORKER_ID_MAX + 1];
    uint8_t serves[WORKFLOWS_MAX / 8];
};

/* A request of the group to be, its message in engine->requests. */
enum host_origin {
    FROM_COORDINATOR,
    FROM_LINK,
    FROM_SIGNAL, /* a link's SIGNAL: the answer is SIGNALLED */
    FROM_SELF
};

struct host_asked {
    size_t offset; /* of the request */
    size_t reply;  /* of its reply, in engine->replies */
    uint64_t token;
    uint32_t origin;
    uint32_t index;  /* coordinator or link */
    uint32_t serial; /* of the link */
};

struct host_group {
    struct host_asked *asked;
    uint32_t count;
    uint32_t capacity;
    struct host_queue requests;
};

/* A client that waits to hear of a run. */
struct host_waiter {
    struct host_waiter *next;
    uint64_t run;
    uint64_t token;
    uint64_t asked_ns;
    uint32_t link;
    uint32_t serial;
    bool started; /* it has been told so */
    bool result;  /* and wants to hear the end */
};

/* Where a round of upkeep stands. */
struct host_upkeep {
    uint32_t phase;
    uint64_t next_ns;    /* mono: of the next round, at rest */
    uint64_t slice_ns;   /* mono: the last slice was */
    uint64_t collect_ns; /* mono: blobs not before */
    uint64_t cursor;     /* run to be looked at next */
    bool removed;        /* something, since blobs were looked at */
};

struct host_engine {
    struct host_engine_config config;
    struct host_loop loop;
    char path[108];
    int lock;
    int listener;
    struct host_source accepting;
    struct engine_store store;
    bool store_open;
    bool moved;           /* the database's path names another file now */
    uint64_t file_device; /* the file that was opened */
    uint64_t file_node;
    uint64_t store_retry_ns; /* mono: try to open it again */
    uint64_t store_delay_ns;
    uint64_t store_now_ns; /* never goes back */
    struct host_registry *registry;
    struct engine_coordinator *coordinators[COORDINATORS_MAX];
    uint32_t coordinator_count;
    uint32_t incarnation;
    const struct engine_graph *graphs[WORKFLOWS_MAX];
    struct engine_graph *nowhere; /* in the place of workflows not there */
    uint32_t workflow_count;
    struct host_jobs waiting[WORKFLOWS_MAX];
    struct engine_table queued; /* jobs that wait, by run and operation */
    struct host_job *free_jobs;
    struct host_link *links[LINKS_MAX];
    uint32_t link_count; /* places in use, from the first */
    uint32_t link_serial;
    struct engine_table desk; /* struct host_waiter by run */
    struct host_waiter *free_waiters;
    uint64_t desk_ns; /* mono: next look for those who wait too long */
    uint64_t next_run;
    uint64_t next_id;
    struct host_group group;   /* gathering */
    struct host_group writing; /* being carried out */
    struct host_queue replies;
    struct host_queue
        inner; /* messages from this process to its coordinators */
    struct host_queue inner_taken;
    struct engine_update update;
    struct engine_block scratch;
    struct engine_block rows;
    struct engine_block reply;
    struct engine_block own;
    uint64_t mono_ns; /* both clocks as they were read last */
    uint64_t wall_ns;
    uint64_t requests;
    uint64_t commits;
    struct host_upkeep upkeep;
    struct observe *observe; /* NULL: nobody looks */
    bool no_memory;
    bool draining;
};

/* The process and what its parts share: engine_process.c */

/* To whoever started the process, if it wants to hear so much. */
void host_engine_say(struct host_engine *e, enum host_level level,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Both clocks, for all that follows. */
void host_engine_read_clocks(struct host_engine *e);
/* Room for size bytes at the end, rounded up to 8; NULL: out of memory. */
void *host_engine_extend(struct host_engine *e, struct host_queue *queue,
                         size_t size);
/* Adds a request to the next group. */
void host_engine_enqueue(struct host_engine *e, const void *request,
                         size_t size, struct host_asked from);

/* Workers: engine_platform.c */

/* The link, if it is still the same and there; NULL. */
struct host_link *host_engine_link(struct host_engine *e, uint32_t index,
                                   uint32_t serial);
/* Into the buffer of a link; flushed at the end of the turn. */
void host_engine_send(struct host_link *link, const struct engine_message *head,
                      const void *payload, size_t size);
/* Says no to a link, in words. */
void host_engine_refuse(struct host_link *link, uint64_t token, uint64_t run,
                        enum host_refusal why, const char *words);
/* Writes what is buffered for all links. */
void host_engine_flush_all(struct host_engine *e);
/* Gives attempts of a workflow to workers with room. */
void host_engine_give_waiting(struct host_engine *e, uint32_t workflow);
/* The same of all workflows that a worker serves. */
void host_engine_give_all(struct host_engine *e, const struct host_link *link);
/* From within the process to one of its coordinators. */
void host_engine_to_coordinator(struct host_engine *e,
                                const struct engine_message *message);
/* Puts an attempt in line and says so; gives what can be given. */
void host_engine_dispatch(struct host_engine *e,
                          const struct engine_message *message);
/* What an answer from the store says about an attempt given to a worker. */
void host_engine_note_answer(struct host_engine *e, struct host_link *link,
                             const struct engine_request *request,
                             const struct engine_reply *reply);
/* What a worker that has gone was given is for others now. */
void host_engine_take_back(struct host_engine *e, struct host_link *link);
/* As host_visit_workflow: takes the graph over. */
int host_engine_keep_workflow(void *self, uint32_t id,
                              struct engine_graph *graph);
/* The newest version of a workflow, of those that a worker serves if any;
 * UINT32_MAX: none. */
uint32_t host_engine_named_workflow(const struct host_engine *e,
                                    const char *name, size_t size);
/* What leases and claims are given up before their end. */
uint64_t host_engine_skew_bound(const struct host_engine *e);
/* After this a request to the store is unknown. */
uint64_t host_engine_request_timeout(const struct host_engine *e);
/* A worker says who it is. */
void host_engine_hello(struct host_engine *e, struct host_link *link,
                       const struct engine_message *message);
/* Ends a link, with the reason for the log: "sent ..." */
void host_engine_cut_off(struct host_link *link, const char *why);
/* A worker asks the store. */
void host_engine_ask_store(struct host_engine *e, struct host_link *link,
                           const struct engine_message *message);

/* Clients: engine_desk.c */

/* Takes all who wait for a run off the table, to be put back or freed. */
struct host_waiter *host_engine_take_waiters(struct host_engine *e,
                                             uint64_t run);
/* What coordinators say to clients. */
void host_engine_at_desk(struct host_engine *e,
                         const struct engine_message *message);
/* Refuses starts that the store has not confirmed for long. */
void host_engine_look_at_desk(struct host_engine *e);
/* A client starts a run. */
void host_engine_start_run(struct host_engine *e, struct host_link *link,
                           const struct engine_message *message);
/* A client says something to a run. */
void host_engine_signal_run(struct host_engine *e, struct host_link *link,
                            const struct engine_message *message);
/* Runs that the coordinators own. */
uint32_t host_engine_owned_runs(const struct host_engine *e);
/* A client asks who is there. */
void host_engine_list(struct host_engine *e, struct host_link *link,
                      const struct engine_message *message);

/* Coordinators and the store: engine_group.c */

/* One message to the coordinator it is for. */
void host_engine_feed_message(struct host_engine *e,
                              const struct engine_message *message);
/* Messages of this process to itself; those they cause stand behind them. */
void host_engine_feed_inner(struct host_engine *e);
/* Coordinators whose deadline is there. */
void host_engine_feed_time(struct host_engine *e);
/* Opens the database; create: makes it if it is not there. 0, or -1 with a
 * sentence. */
int host_engine_open_store(struct host_engine *e, bool create,
                           char error[HOST_ERROR_SIZE]);
void host_engine_close_store(struct host_engine *e);
/* Makes what has gathered durable and hands out the answers. */
void host_engine_run_group(struct host_engine *e);

/* Long logs: engine_upkeep.c */

/* When there is something to do next (mono); UINT64_MAX: never. */
uint64_t host_engine_upkeep_ns(const struct host_engine *e);
/* One slice of it, if it is due; idle: nobody waits for anything. */
void host_engine_upkeep(struct host_engine *e, bool idle);

#endif
