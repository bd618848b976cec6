/*
 * What processes say to an engine process beside the messages of
 * engine/wire.h, and a client that says it. The head is the same struct
 * engine_message; kinds are numbered from HOST_MSG_FIRST.
 *
 *     worker  --HELLO-->  engine  --WELCOME | REFUSED-->  worker
 *     worker  --REQUEST, HINT, CHECKPOINT, STATE, FREE--> engine
 *     client  --START--> engine --STARTED, RESULT | REFUSED--> client
 *     client  --SIGNAL--> engine --SIGNALLED--> client
 *     client  --LIST--> engine --WORKER.., LISTED--> client
 *     engine  --GOODBYE--> everybody: it is about to end by request
 */
#ifndef ENGINE_HOST_CONTROL_H
#define ENGINE_HOST_CONTROL_H

#include "engine/host/socket.h"
#include "engine/limits.h"

enum {
    HOST_PROTOCOL = 1,
    HOST_WORKER_ID_MAX = 128,
    HOST_KEY_MAX = 1024
};

enum host_message_kind {
    HOST_MSG_FIRST = 1000,
    HOST_MSG_HELLO = HOST_MSG_FIRST,
    HOST_MSG_WELCOME,
    HOST_MSG_REFUSED,   /* op = enum host_refusal, token; payload: words */
    HOST_MSG_FREE,      /* a = dispatches received in all, b = attempts under
                           way */
    HOST_MSG_START,     /* token = chosen by the client, run = number or 0;
                           flags: enum host_start_flag; struct host_start */
    HOST_MSG_STARTED,   /* token, run; flags: 1 = it was there already */
    HOST_MSG_RESULT,    /* token, run, a = state */
    HOST_MSG_SIGNAL,    /* token, run; payload: one INBOX item */
    HOST_MSG_SIGNALLED, /* token, run, op = enum engine_outcome, a = 1 if it
                           was a repeat */
    HOST_MSG_LIST,
    HOST_MSG_WORKER, /* from = its node, a = slots, b = attempts under way,
                        op = its process; payload: its id */
    HOST_MSG_LISTED, /* a = runs owned, b = durable commits since the start,
                        run = requests carried out, op = the process */
    HOST_MSG_GOODBYE,
    HOST_MSG_END
};

enum host_refusal {
    HOST_REFUSED_PROTOCOL = 1, /* another version of the program */
    HOST_REFUSED_WORKER,       /* a worker with this id is connected */
    HOST_REFUSED_WORKFLOW,     /* no such workflow; its definition is wrong */
    HOST_REFUSED_BUSY,         /* at its limit of runs: try again */
    HOST_REFUSED_FULL,         /* of connections */
    HOST_REFUSED_SIZE,         /* of an input, name or key */
    HOST_REFUSED_STORE,        /* the database cannot be written now */
    HOST_REFUSED_DRAINING
};

enum host_start_flag {
    HOST_START_WAIT = 1 /* RESULT is wanted */
};

/* Of HELLO, after it the worker's id, padded to 8, then one BLOB item for
 * each workflow: host_definition_write(). The head: token = sender from an
 * earlier WELCOME, 0: none; attempt = incarnation. */
struct host_hello {
    uint32_t protocol;
    uint32_t slots;
    uint32_t process;
    uint32_t id_size;
};

/* Of WELCOME, after it the workflows' ids as uint32, in HELLO's order. The
 * head: token = sender, from now on the worker's. */
struct host_welcome {
    uint64_t claim_ttl_ns;
    uint64_t skew_bound_ns;
    uint64_t request_timeout_ns;
    struct engine_limits limits;
    uint32_t store;
    uint32_t workflow_count;
};

/* Of START, after it name, key and input. */
struct host_start {
    uint32_t name_size;
    uint32_t key_size;
    uint32_t input_size;
    uint32_t reserved;
};

/* The engine of a database, as a client sees it. */
struct host_client {
    struct host_peer peer;
    char path[108];
};

/*
 * Connects to the engine of a database. 0; 1: no engine is running there; -1
 * with a sentence.
 */
int host_client_open(struct host_client *client, const char *database,
                     char error[HOST_ERROR_SIZE]);
void host_client_close(struct host_client *client);

/* Puts a START into the buffer; a text may be NULL. False: broken. */
bool host_client_start(struct host_client *client, uint64_t token, uint64_t run,
                       unsigned flags, const char *workflow, const char *key,
                       const void *input, size_t input_size);

/*
 * Writes what is buffered and waits for the next message, at most timeout_ns
 * (UINT64_MAX: for ever). NULL: nothing came in time, or the engine has gone:
 * client->peer.broken.
 */
const struct engine_message *host_client_next(struct host_client *client,
                                              uint64_t timeout_ns);

/*
 * The database's lock, PATH-lock: held by the one engine process, or by a
 * command that changes the file without one. It ends with the process.
 * Returns a descriptor, or -1 with a sentence that names the holder.
 */
int host_lock_take(const char *database, char error[HOST_ERROR_SIZE]);
/* The process that holds it now; 0: nobody. */
uint32_t host_lock_holder(const char *database);

#endif
