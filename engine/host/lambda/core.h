/*
 * The engine inside one process, without sockets and without a clock of its
 * own: a store, one coordinator, and the group of requests that is made
 * durable in each turn. Whoever hosts it says what time it is, so that a day
 * may pass in a moment.
 *
 *     host --send, ask--> core --turn--> coordinator <--> store
 *      ^                                     |
 *      +---------- message, reply -----------+
 *
 * Nothing is handed out before what it says is durable. One thread.
 */
#ifndef ENGINE_HOST_LAMBDA_CORE_H
#define ENGINE_HOST_LAMBDA_CORE_H

#include <stdbool.h>

#include "engine/graph.h"
#include "engine/limits.h"
#include "engine/record.h"
#include "engine/store.h"
#include "engine/wire.h"

/* Who is who, in the addresses of messages and in records. */
enum {
    LAMBDA_NODE_STORE = 1,
    LAMBDA_NODE_CLIENT = 2,
    LAMBDA_NODE_PLATFORM = 4,
    LAMBDA_NODE_COORDINATOR = 8,
    LAMBDA_NODE_WORKER = 64
};

enum {
    LAMBDA_FUNCTIONS_MAX = 256
};

struct lambda_core_config {
    struct engine_store store; /* open; closed with the core */
    const struct engine_limits *limits;
    uint64_t seed;
    uint64_t now_ns;      /* since 1970, the time at the start */
    uint64_t lease_ns;    /* of runs and claims */
    uint32_t incarnation; /* not 0; another one each time over a database */
    const struct engine_sink *sink; /* NULL: nobody looks */
    /* What the coordinator says to clients, platform and workers. */
    void (*message)(void *self, const struct engine_message *message);
    /* What came of a request given to lambda_core_ask(). */
    void (*reply)(void *self, uint64_t tag, const struct engine_request *asked,
                  const struct engine_reply *reply);
    /*
     * A request has been carried out in a group that is not durable yet: what
     * goes with it may be put beside it in the store. 0, or -1: the group
     * fails. NULL: nothing does.
     */
    int (*applied)(void *self, const struct engine_request *request,
                   const struct engine_reply *reply);
    /* Every request that was carried out, whoever asked it. */
    void (*committed)(void *self, const struct engine_request *request,
                      const struct engine_reply *reply);
    void *self;
};

struct lambda_core;

/* NULL: out of memory; the store is then still the caller's. */
struct lambda_core *lambda_core_new(const struct lambda_core_config *config);
void lambda_core_free(struct lambda_core *core);
/* The store is the caller's again: it is not closed with the core. */
void lambda_core_leave(struct lambda_core *core);

/*
 * A workflow that is one handler, named name, whose attempts may take so long.
 * Its number, or UINT32_MAX: too many, or out of memory.
 */
uint32_t lambda_core_add(struct lambda_core *core, const char *name,
                         uint64_t attempt_timeout_ns, uint64_t run_timeout_ns);
/* Gives one new times; attempts and runs that have begun keep theirs. False:
 * out of memory, nothing has changed. */
bool lambda_core_change(struct lambda_core *core, uint32_t number,
                        uint64_t attempt_timeout_ns, uint64_t run_timeout_ns);

/* A message to the coordinator, with the payload behind it; both copied. Its
 * size is set here. Carried out in the next turn. */
void lambda_core_send(struct lambda_core *core,
                      const struct engine_message *head, const void *payload,
                      size_t size);
/*
 * Begins a request to the store in a block that holds until it is asked: the
 * id and the sender are filled in. NULL: out of memory.
 */
struct engine_request *lambda_core_begin(struct lambda_core *core,
                                         enum engine_request_kind kind,
                                         uint64_t run);
struct engine_block *lambda_core_block(struct lambda_core *core);
/* Gives it to the next group; tag comes back with the reply. */
void lambda_core_ask(struct lambda_core *core, uint64_t tag);

/*
 * Carries out what has been given and everything it leads to at this time:
 * groups are committed until nothing more is asked. Time never goes back: an
 * earlier one is taken as the last. 0; -1: the store failed or memory ran out,
 * nothing more will be answered.
 */
int lambda_core_turn(struct lambda_core *core, uint64_t now_ns);
/* Something waits for a turn at any time. */
bool lambda_core_busy(const struct lambda_core *core);
/* When a turn is needed though nothing comes in; UINT64_MAX: never. */
uint64_t lambda_core_deadline(const struct lambda_core *core);
/* The same, without looks at whether there is work; UINT64_MAX: nothing will
 * happen unless something comes in. */
uint64_t lambda_core_due(const struct lambda_core *core);

/* Time of the last turn. */
uint64_t lambda_core_now(const struct lambda_core *core);
struct engine_store *lambda_core_store(struct lambda_core *core);
/* LAMBDA_FUNCTIONS_MAX, by number; those that are not given yet do nothing. */
const struct engine_graph *const *
lambda_core_graphs(const struct lambda_core *core);
uint64_t lambda_core_commits(const struct lambda_core *core);

#endif
