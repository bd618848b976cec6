#include "engine/host/engine_process.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/coordinator.h"
#include "engine/host/control.h"
#include "engine/host/definition.h"
#include "engine/host/loop.h"
#include "engine/host/registry.h"
#include "engine/host/store_sqlite.h"
#include "engine/table.h"
#include "engine/value.h"

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
struct queue {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
};

/* An attempt that a coordinator wants carried out. */
struct job {
    struct job *next;
    struct engine_message message;
    uint64_t sender; /* who claimed it; 0: nobody yet */
};

struct jobs {
    struct job *first;
    struct job *last;
};

/* A process at the other end of a socket. */
struct link {
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
enum origin {
    FROM_COORDINATOR,
    FROM_LINK,
    FROM_SIGNAL, /* a link's SIGNAL: the answer is SIGNALLED */
    FROM_SELF
};

struct asked {
    size_t offset; /* of the request */
    size_t reply;  /* of its reply, in engine->replies */
    uint64_t token;
    uint32_t origin;
    uint32_t index;  /* coordinator or link */
    uint32_t serial; /* of the link */
};

struct group {
    struct asked *asked;
    uint32_t count;
    uint32_t capacity;
    struct queue requests;
};

/* A client that waits to hear of a run. */
struct waiter {
    struct waiter *next;
    uint64_t run;
    uint64_t token;
    uint64_t asked_ns;
    uint32_t link;
    uint32_t serial;
    bool started; /* it has been told so */
    bool result;  /* and wants to hear the end */
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
    struct jobs waiting[WORKFLOWS_MAX];
    struct engine_table queued; /* jobs that wait, by run and operation */
    struct job *free_jobs;
    struct link *links[LINKS_MAX];
    uint32_t link_count; /* places in use, from the first */
    uint32_t link_serial;
    struct engine_table desk; /* struct waiter by run */
    struct waiter *free_waiters;
    uint64_t desk_ns; /* mono: next look for those who wait too long */
    uint64_t next_run;
    uint64_t next_id;
    struct group group;   /* gathering */
    struct group writing; /* being carried out */
    struct queue replies;
    struct queue inner; /* messages from this process to its coordinators */
    struct queue inner_taken;
    struct engine_update update;
    struct engine_block scratch;
    struct engine_block rows;
    struct engine_block reply;
    struct engine_block own;
    uint64_t mono_ns; /* both clocks as they were read last */
    uint64_t wall_ns;
    uint64_t requests;
    uint64_t commits;
    bool no_memory;
    bool draining;
};

/* Words ------------------------------------------------------------------- */

static void say(struct host_engine *e, enum host_level level,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(struct host_engine *e, enum host_level level,
                const char *format, ...)
{
    char text[1024];
    va_list list;

    if (!e->config.say || level > e->config.level)
        return;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    e->config.say(e->config.self, level, text);
}

static void read_clocks(struct host_engine *e)
{
    e->mono_ns = host_mono_ns();
    e->wall_ns = host_wall_ns();
}

/* Queues ------------------------------------------------------------------ */

/* Room for size bytes at the end, rounded up to 8; NULL: out of memory. */
static void *extend(struct host_engine *e, struct queue *queue, size_t size)
{
    size_t span = (size + 7) & ~(size_t)7;
    void *place;

    if (queue->size + span > queue->capacity) {
        size_t capacity = queue->capacity ? queue->capacity : 65536;
        while (capacity < queue->size + span)
            capacity *= 2;
        void *bytes = realloc(queue->bytes, capacity);
        if (!bytes) {
            e->no_memory = true;
            return NULL;
        }
        queue->bytes = bytes;
        queue->capacity = capacity;
    }
    place = queue->bytes + queue->size;
    queue->size += span;
    return place;
}

static struct asked *more_asked(struct host_engine *e, struct group *group)
{
    if (group->count == group->capacity) {
        uint32_t capacity = group->capacity ? 2 * group->capacity : 256;
        void *asked = realloc(group->asked, capacity * sizeof(*group->asked));
        if (!asked) {
            e->no_memory = true;
            return NULL;
        }
        group->asked = asked;
        group->capacity = capacity;
    }
    return &group->asked[group->count++];
}

/* Adds a request to the next group. */
static void enqueue(struct host_engine *e, const void *request, size_t size,
                    struct asked from)
{
    size_t offset = e->group.requests.size;
    void *place = extend(e, &e->group.requests, size);
    struct asked *asked = place ? more_asked(e, &e->group) : NULL;

    if (!asked)
        return;
    memcpy(place, request, size);
    *asked = from;
    asked->offset = offset;
}

/* Links ------------------------------------------------------------------- */

static struct link *link_at(struct host_engine *e, uint32_t index,
                            uint32_t serial)
{
    struct link *link = index < e->link_count ? e->links[index] : NULL;

    return link && link->serial == serial && !link->gone ? link : NULL;
}

static void send_to(struct link *link, const struct engine_message *head,
                    const void *payload, size_t size)
{
    link->dirty = true;
    (void)host_peer_send(&link->peer, head, payload, size);
}

static void refuse(struct link *link, uint64_t token, uint64_t run,
                   enum host_refusal why, const char *words)
{
    struct engine_message head = {
        .kind = HOST_MSG_REFUSED, .token = token, .run = run, .op = why};

    send_to(link, &head, words, strlen(words));
}

static void flush(struct link *link)
{
    struct host_engine *e = link->engine;
    int left = host_peer_flush(&link->peer);

    link->dirty = false;
    if (left < 0)
        return; /* reading says so too, and ends it */
    if ((left > 0) != link->writing) {
        link->writing = left > 0;
        host_loop_change(&e->loop, link->peer.fd, &link->source,
                         link->writing ? HOST_READ | HOST_WRITE : HOST_READ);
    }
}

static void flush_all(struct host_engine *e)
{
    for (uint32_t i = 0; i < e->link_count; i++)
        if (e->links[i] && e->links[i]->dirty && !e->links[i]->gone)
            flush(e->links[i]);
}

/* The platform: attempts to workers --------------------------------------- */

static uint64_t job_key(const struct engine_message *message)
{
    return message->run << 16 | message->op;
}

static struct job *new_job(struct host_engine *e)
{
    struct job *job = e->free_jobs;

    if (job) {
        e->free_jobs = job->next;
        return job;
    }
    job = malloc(sizeof(*job));
    e->no_memory |= !job;
    return job;
}

static void free_job(struct host_engine *e, struct job *job)
{
    job->next = e->free_jobs;
    e->free_jobs = job;
}

static bool serves(const struct link *link, uint64_t workflow)
{
    return link->serves[workflow / 8] >> (workflow % 8) & 1;
}

static uint64_t free_slots(const struct link *link)
{
    uint64_t used = link->sent - link->received + link->busy;

    return used < link->slots ? link->slots - used : 0;
}

/* The worker with the most free slots for a workflow; NULL: none. */
static struct link *choose(const struct host_engine *e, uint64_t workflow)
{
    struct link *best = NULL;

    for (uint32_t i = 0; i < e->link_count; i++) {
        struct link *link = e->links[i];
        if (!link || link->gone || !serves(link, workflow))
            continue;
        uint64_t room = free_slots(link);
        if (room > 0 && (!best || room > free_slots(best)))
            best = link;
    }
    return best;
}

static void give(struct host_engine *e, struct link *link, struct job *job)
{
    struct job *before = engine_table_find(&link->jobs, job_key(&job->message));

    if (before) {
        engine_table_remove(&link->jobs, job_key(&job->message));
        free_job(e, before);
    }
    job->sender = 0;
    if (engine_table_add(&link->jobs, job_key(&job->message), job)) {
        e->no_memory = true;
        return;
    }
    link->sent++;
    job->message.from = NODE_PLATFORM;
    job->message.to = NODE_WORKER + link->index;
    send_to(link, &job->message, NULL, 0);
}

static void give_waiting(struct host_engine *e, uint32_t workflow)
{
    struct jobs *waiting = &e->waiting[workflow];

    while (waiting->first) {
        struct link *link = choose(e, workflow);
        struct job *job = waiting->first;
        if (!link)
            return;
        waiting->first = job->next;
        if (!waiting->first)
            waiting->last = NULL;
        engine_table_remove(&e->queued, job_key(&job->message));
        give(e, link, job);
    }
}

static void give_all(struct host_engine *e, const struct link *link)
{
    for (uint32_t i = 0; i < e->workflow_count; i++)
        if (e->waiting[i].first && serves(link, i))
            give_waiting(e, i);
}

/* Puts an attempt in line, unless it stands there already. */
static void line_up(struct host_engine *e, const struct engine_message *message)
{
    struct job *job = engine_table_find(&e->queued, job_key(message));
    struct jobs *waiting = &e->waiting[message->a];

    if (job) {
        job->message = *message;
        return;
    }
    job = new_job(e);
    if (!job)
        return;
    *job = (struct job){.message = *message};
    job->message.size = sizeof(job->message);
    if (engine_table_add(&e->queued, job_key(message), job)) {
        e->no_memory = true;
        return;
    }
    if (waiting->last)
        waiting->last->next = job;
    else
        waiting->first = job;
    waiting->last = job;
}

static void to_coordinator(struct host_engine *e,
                           const struct engine_message *message)
{
    void *place = extend(e, &e->inner, message->size);

    if (place)
        memcpy(place, message, message->size);
}

static void dispatch(struct host_engine *e,
                     const struct engine_message *message)
{
    struct engine_message answer = *message;

    if (message->a >= e->workflow_count)
        return;
    line_up(e, message);
    answer.size = sizeof(answer);
    answer.kind = ENGINE_MSG_ACCEPTED;
    answer.from = NODE_PLATFORM;
    answer.to = message->from;
    to_coordinator(e, &answer);
    give_waiting(e, (uint32_t)message->a);
}

/* What an answer from the store says about an attempt given to a worker. */
static void note_answer(struct host_engine *e, struct link *link,
                        const struct engine_request *request,
                        const struct engine_reply *reply)
{
    uint64_t key = request->run << 16 | request->op;
    struct job *job = engine_table_find(&link->jobs, key);

    if (!job || job->message.attempt != request->attempt ||
        reply->outcome == ENGINE_FAILED || reply->outcome == ENGINE_UNKNOWN)
        return;
    if (request->kind == ENGINE_REQ_CLAIM &&
        reply->outcome == ENGINE_COMMITTED) {
        job->sender = request->sender;
        return;
    }
    if (request->kind != ENGINE_REQ_CLAIM && request->kind != ENGINE_REQ_FINISH)
        return;
    engine_table_remove(&link->jobs, key);
    free_job(e, job);
}

/*
 * The worker's process is dead: its claims end now, by a renewal for no time,
 * and the coordinators look at the attempts at once.
 */
static void end_claim(struct host_engine *e, const struct job *job)
{
    struct engine_request request = {
        .size = sizeof(request),
        .kind = ENGINE_REQ_HEARTBEAT,
        .id = ++e->next_id,
        .sender = job->sender,
        .run = job->message.run,
        .op = job->message.op,
        .attempt = job->message.attempt,
    };
    struct asked from = {.origin = FROM_SELF,
                         .token = job->message.run,
                         .index = (uint32_t)job->message.b};

    enqueue(e, &request, sizeof(request), from);
}

static bool process_dead(const struct link *link)
{
    return link->process > 0 && kill((pid_t)link->process, 0) && errno == ESRCH;
}

/* What a worker that has gone was given is for others now. */
static void take_back(struct host_engine *e, struct link *link)
{
    bool dead = link->slots > 0 && process_dead(link);

    while (link->jobs.count > 0) {
        struct job *job = link->jobs.items[0];
        engine_table_remove(&link->jobs, job_key(&job->message));
        if (!job->sender)
            line_up(e, &job->message);
        else if (dead)
            end_claim(e, job);
        free_job(e, job);
    }
    if (link->slots > 0)
        say(e, HOST_SAY_INFO, "worker \"%s\" has %s", link->id,
            dead ? "died" : "gone");
}

/* The desk: clients and what they wait for -------------------------------- */

static struct waiter *new_waiter(struct host_engine *e)
{
    struct waiter *waiter = e->free_waiters;

    if (waiter)
        e->free_waiters = waiter->next;
    else
        waiter = malloc(sizeof(*waiter));
    e->no_memory |= !waiter;
    return waiter;
}

static void free_waiter(struct host_engine *e, struct waiter *waiter)
{
    waiter->next = e->free_waiters;
    e->free_waiters = waiter;
}

static void wait_for(struct host_engine *e, const struct link *link,
                     uint64_t run, uint64_t token, bool result)
{
    struct waiter *waiter = new_waiter(e);
    struct waiter *first;

    if (!waiter)
        return;
    *waiter = (struct waiter){.run = run,
                              .token = token,
                              .asked_ns = e->mono_ns,
                              .link = link->index,
                              .serial = link->serial,
                              .result = result};
    first = engine_table_find(&e->desk, run);
    if (first) {
        waiter->next = first->next;
        first->next = waiter;
    } else if (engine_table_add(&e->desk, run, waiter)) {
        e->no_memory = true;
    }
}

static void tell(struct host_engine *e, const struct waiter *waiter,
                 enum host_message_kind kind, uint64_t a)
{
    struct link *link = link_at(e, waiter->link, waiter->serial);
    struct engine_message head = {.kind = (uint16_t)kind,
                                  .run = waiter->run,
                                  .token = waiter->token,
                                  .a = a};

    if (link)
        send_to(link, &head, NULL, 0);
}

/* Takes all who wait for a run off the table, to be put back or freed. */
static struct waiter *take_waiters(struct host_engine *e, uint64_t run)
{
    struct waiter *first = engine_table_find(&e->desk, run);

    if (first)
        engine_table_remove(&e->desk, run);
    return first;
}

static void run_started(struct host_engine *e, uint64_t run)
{
    struct waiter *waiter = take_waiters(e, run);
    struct waiter *keep = NULL;

    while (waiter) {
        struct waiter *next = waiter->next;
        if (!waiter->started)
            tell(e, waiter, HOST_MSG_STARTED, 0);
        waiter->started = true;
        if (waiter->result) {
            waiter->next = keep;
            keep = waiter;
        } else {
            free_waiter(e, waiter);
        }
        waiter = next;
    }
    if (keep && engine_table_add(&e->desk, run, keep))
        e->no_memory = true;
}

static void run_refused(struct host_engine *e, uint64_t run,
                        enum host_refusal why, const char *words)
{
    struct waiter *waiter = take_waiters(e, run);

    while (waiter) {
        struct waiter *next = waiter->next;
        struct link *link = link_at(e, waiter->link, waiter->serial);
        if (link)
            refuse(link, waiter->token, run, why, words);
        free_waiter(e, waiter);
        waiter = next;
    }
}

static void run_ended(struct host_engine *e, uint64_t run, uint64_t state)
{
    struct waiter *waiter = take_waiters(e, run);

    while (waiter) {
        struct waiter *next = waiter->next;
        if (!waiter->started)
            tell(e, waiter, HOST_MSG_STARTED, 0);
        if (waiter->result)
            tell(e, waiter, HOST_MSG_RESULT, state);
        free_waiter(e, waiter);
        waiter = next;
    }
}

/* What coordinators say to clients. */
static void at_desk(struct host_engine *e, const struct engine_message *message)
{
    struct engine_message ack = {
        .size = sizeof(ack),
        .kind = ENGINE_MSG_RESULT_ACK,
        .from = NODE_CLIENT,
        .to = message->from,
        .run = message->run,
    };
    char words[256];

    if (message->kind == ENGINE_MSG_STARTED) {
        run_started(e, message->run);
    } else if (message->kind == ENGINE_MSG_BUSY) {
        run_refused(e, message->run, HOST_REFUSED_BUSY,
                    "the engine owns as many runs as it may; try again");
    } else if (message->kind == ENGINE_MSG_REFUSED) {
        snprintf(words, sizeof(words),
                 "%s: found %" PRIu64 ", allowed %" PRIu64
                 " by limit profile %s",
                 engine_error_name(message->op), message->a, message->b,
                 e->config.limits->name);
        run_refused(e, message->run, HOST_REFUSED_SIZE, words);
    } else if (message->kind == ENGINE_MSG_RESULT) {
        run_ended(e, message->run, message->a);
        to_coordinator(e, &ack);
    }
}

/* Starts that the store has not confirmed: the client may ask again. */
static void look_at_desk(struct host_engine *e)
{
    if (e->mono_ns < e->desk_ns)
        return;
    e->desk_ns = e->mono_ns + SECOND;
    for (uint32_t i = 0; i < e->desk.count;) {
        const struct waiter *waiter = e->desk.items[i];
        if (waiter->started || e->mono_ns - waiter->asked_ns < 5 * SECOND)
            i++;
        else
            run_refused(e, waiter->run, HOST_REFUSED_STORE,
                        "the run could not be made durable within 5s; see the "
                        "engine's messages and try again");
    }
}

/* Machines ---------------------------------------------------------------- */

static void route(struct host_engine *e, const struct engine_message *message)
{
    if (message->to == NODE_PLATFORM) {
        dispatch(e, message);
    } else if (message->to == NODE_CLIENT) {
        at_desk(e, message);
    } else if (message->to >= NODE_WORKER &&
               message->to - NODE_WORKER < e->link_count) {
        struct link *link = e->links[message->to - NODE_WORKER];
        if (link && !link->gone)
            send_to(link, message, message + 1,
                    message->size - sizeof(*message));
    } else {
        to_coordinator(e, message);
    }
}

static void carry_out(struct host_engine *e, uint32_t coordinator)
{
    for (uint32_t i = 0; i < e->update.count; i++) {
        const struct engine_do *action = &e->update.actions[i];
        const struct engine_message *message =
            engine_update_bytes(&e->update, action);
        if (action->kind == ENGINE_DO_REQUEST) {
            struct asked from = {.origin = FROM_COORDINATOR,
                                 .index = coordinator};
            enqueue(e, message + 1, message->size - sizeof(*message), from);
        } else {
            route(e, message);
        }
    }
    engine_update_reset(&e->update);
}

static void feed(struct host_engine *e, uint32_t coordinator,
                 struct engine_input *input)
{
    input->mono_ns = e->mono_ns;
    input->wall_ns = e->wall_ns;
    if (engine_coordinator_step(e->coordinators[coordinator], input,
                                &e->update))
        e->no_memory = true;
    carry_out(e, coordinator);
}

static void feed_message(struct host_engine *e,
                         const struct engine_message *message)
{
    uint32_t coordinator = message->to - NODE_COORDINATOR;
    struct engine_input input = {.kind = ENGINE_IN_MESSAGE, .message = message};

    if (coordinator < e->coordinator_count)
        feed(e, coordinator, &input);
}

/* Messages of this process to itself; those they cause stand behind them. */
static void feed_inner(struct host_engine *e)
{
    while (e->inner.size > 0 && !e->no_memory) {
        struct queue taken = e->inner;
        e->inner = e->inner_taken;
        e->inner.size = 0;
        e->inner_taken = taken;
        for (size_t at = 0; at < taken.size;) {
            const struct engine_message *message =
                (const void *)(taken.bytes + at);
            at += ((size_t)message->size + 7) & ~(size_t)7;
            feed_message(e, message);
        }
    }
}

static void feed_time(struct host_engine *e)
{
    for (uint32_t i = 0; i < e->coordinator_count; i++) {
        struct engine_input input = {.kind = ENGINE_IN_TIME};
        if (engine_coordinator_deadline(e->coordinators[i]) <= e->mono_ns)
            feed(e, i, &input);
    }
}

/* The store --------------------------------------------------------------- */

static uint64_t at_least(uint64_t value, uint64_t more)
{
    return value > UINT64_MAX - more ? UINT64_MAX : value + more;
}

/* The machines keep the profile's limits; these keep out what cannot be. */
static struct engine_store_limits store_limits(const struct engine_limits *l)
{
    uint64_t payload = l->operation_payload_max;

    payload = l->input_max > payload ? l->input_max : payload;
    payload = l->response_max > payload ? l->response_max : payload;
    payload = at_least(payload, 65536);
    return (struct engine_store_limits){
        .op_payload_max = payload,
        .request_max = HOST_FRAME_MAX,
        .history_ops_max = l->operations_max > UINT64_MAX / 16
                               ? UINT64_MAX
                               : 16 * l->operations_max,
        .blob_max = HOST_FRAME_MAX / 2,
    };
}

static int open_store(struct host_engine *e, bool create,
                      char error[HOST_ERROR_SIZE])
{
    struct store_sqlite_config config = {
        .path = e->config.database,
        .create = create,
        .shared = 1,
        .sync_normal = e->config.sync_normal,
        .busy_timeout_ms = 2000,
        .checkpoint_pages = 4000,
        .key = e->config.key,
        .limits = store_limits(e->config.limits),
    };
    struct store_problem problem;

    if (store_sqlite_try(&config, &e->store, &problem)) {
        snprintf(error, HOST_ERROR_SIZE, "%s", problem.text);
        return -1;
    }
    e->store_open = true;
    e->store_delay_ns = 0;
    return 0;
}

static void close_store(struct host_engine *e)
{
    if (e->store_open)
        e->store.ops->close(e->store.self);
    e->store_open = false;
}

/* Opens the store again after a failure, later and later. */
static bool reopen_store(struct host_engine *e)
{
    char error[HOST_ERROR_SIZE];

    if (e->store_open)
        return true;
    if (e->mono_ns < e->store_retry_ns)
        return false;
    if (open_store(e, false, error) == 0) {
        say(e, HOST_SAY_WARN, "%s: open again", e->config.database);
        return true;
    }
    e->store_delay_ns = e->store_delay_ns ? 2 * e->store_delay_ns : SECOND / 8;
    if (e->store_delay_ns > 8 * SECOND)
        e->store_delay_ns = 8 * SECOND;
    e->store_retry_ns = e->mono_ns + e->store_delay_ns;
    say(e, HOST_SAY_ERROR,
        "%s; nothing is lost, trying again in %" PRIu64 " ms", error,
        e->store_delay_ns / 1000000);
    return false;
}

static const struct engine_request *request_of(const struct group *group,
                                               uint32_t i)
{
    return (const void *)(group->requests.bytes + group->asked[i].offset);
}

static const struct engine_reply *reply_of(const struct host_engine *e,
                                           uint32_t i)
{
    return (const void *)(e->replies.bytes + e->writing.asked[i].reply);
}

static void keep_reply(struct host_engine *e, uint32_t i, const void *bytes,
                       size_t size)
{
    e->writing.asked[i].reply = e->replies.size;
    void *place = extend(e, &e->replies, size);
    if (place)
        memcpy(place, bytes, size);
}

/* Answers every request of the group with an outcome without content. */
static void answer_none(struct host_engine *e, enum engine_outcome outcome)
{
    e->replies.size = 0;
    for (uint32_t i = 0; i < e->writing.count; i++) {
        const struct engine_request *request = request_of(&e->writing, i);
        struct engine_reply reply = {
            .size = sizeof(reply),
            .kind = request->kind,
            .outcome = (uint16_t)outcome,
            .id = request->id,
            .run = request->run,
            .store_time_ns = e->store_now_ns,
            .wake_ns = UINT64_MAX,
        };
        keep_reply(e, i, &reply, sizeof(reply));
    }
}

/* Applies and commits the group; the outcome when it is not as replied. */
static enum engine_outcome write_group(struct host_engine *e)
{
    const struct engine_store_ops *ops = e->store.ops;
    uint64_t wall_ns = host_wall_ns();

    if (wall_ns > e->store_now_ns)
        e->store_now_ns = wall_ns;
    if (!e->store_open || ops->begin(e->store.self, e->store_now_ns))
        return ENGINE_FAILED;
    for (uint32_t i = 0; i < e->writing.count; i++) {
        if (ops->apply(e->store.self, request_of(&e->writing, i), &e->reply) ||
            !engine_block_ok(&e->reply)) {
            ops->rollback(e->store.self);
            return ENGINE_FAILED;
        }
        keep_reply(e, i, e->reply.bytes, e->reply.size);
    }
    return ops->commit(e->store.self) ? ENGINE_UNKNOWN : ENGINE_COMMITTED;
}

static void group_failed(struct host_engine *e, enum engine_outcome outcome)
{
    struct store_problem problem;

    answer_none(e, outcome);
    if (!e->store_open)
        return;
    store_sqlite_why(&e->store, e->config.database, &problem);
    say(e, HOST_SAY_ERROR, "%s; %u requests %s and will be tried again",
        problem.text, e->writing.count,
        outcome == ENGINE_UNKNOWN ? "may or may not have been written"
                                  : "could not be written");
    /* What is in the file is learnt by opening it. */
    close_store(e);
    e->store_retry_ns = e->mono_ns + e->store_delay_ns;
}

static void answer_self(struct host_engine *e, const struct asked *asked)
{
    struct engine_message wake = {
        .size = sizeof(wake),
        .kind = ENGINE_MSG_WAKE,
        .from = NODE_PLATFORM,
        .to = asked->index,
        .run = asked->token,
    };

    to_coordinator(e, &wake);
}

static void answer_signal(struct host_engine *e, const struct asked *asked,
                          const struct engine_reply *reply)
{
    struct link *link = link_at(e, asked->index, asked->serial);
    struct engine_message head = {.kind = HOST_MSG_SIGNALLED,
                                  .run = reply->run,
                                  .token = asked->token,
                                  .op = reply->outcome,
                                  .a = reply->repeat};
    struct asked waken = {.token = reply->run,
                          .index = (uint32_t)(reply->holder >> 32)};

    if (link)
        send_to(link, &head, NULL, 0);
    if (waken.index)
        answer_self(e, &waken);
}

static void answer_link(struct host_engine *e, const struct asked *asked,
                        const struct engine_request *request,
                        const struct engine_reply *reply)
{
    struct link *link = link_at(e, asked->index, asked->serial);
    struct engine_message head = {.kind = ENGINE_MSG_REPLY,
                                  .from = NODE_STORE,
                                  .to = NODE_WORKER + asked->index,
                                  .run = reply->run,
                                  .token = request->sender};

    if (!link)
        return;
    note_answer(e, link, request, reply);
    send_to(link, &head, reply, reply->size);
}

static void answer_group(struct host_engine *e)
{
    for (uint32_t i = 0; i < e->writing.count && !e->no_memory; i++) {
        const struct asked *asked = &e->writing.asked[i];
        const struct engine_reply *reply = reply_of(e, i);
        struct engine_input input = {.kind = ENGINE_IN_REPLY, .reply = reply};
        switch (asked->origin) {
        case FROM_COORDINATOR:
            feed(e, asked->index, &input);
            break;
        case FROM_LINK:
            answer_link(e, asked, request_of(&e->writing, i), reply);
            break;
        case FROM_SIGNAL:
            answer_signal(e, asked, reply);
            break;
        default:
            answer_self(e, asked);
            break;
        }
    }
}

/* Makes what has gathered durable and hands out the answers. */
static void run_group(struct host_engine *e)
{
    struct group swap = e->writing;
    e->writing = e->group;
    e->group = swap;
    e->group.count = 0;
    e->group.requests.size = 0;
    e->replies.size = 0;
    (void)reopen_store(e);
    enum engine_outcome outcome = write_group(e);
    read_clocks(e);
    if (outcome != ENGINE_COMMITTED)
        group_failed(e, outcome);
    e->requests += e->writing.count;
    e->commits++;
    answer_group(e);
    feed_inner(e);
}

/* Workflows --------------------------------------------------------------- */

static int keep_workflow(void *self, uint32_t id, struct engine_graph *graph)
{
    struct host_engine *e = self;

    if (id >= WORKFLOWS_MAX) {
        engine_graph_free(graph);
        return -1;
    }
    e->graphs[id] = graph;
    if (id >= e->workflow_count)
        e->workflow_count = id + 1;
    return 0;
}

static uint32_t find_workflow(const struct host_engine *e,
                              struct engine_hash digest)
{
    for (uint32_t i = 0; i < e->workflow_count; i++) {
        struct engine_hash other = engine_graph_digest(e->graphs[i]);
        if (e->graphs[i] != e->nowhere && other.lo == digest.lo &&
            other.hi == digest.hi)
            return i;
    }
    return UINT32_MAX;
}

/* The number of a workflow a worker names; UINT32_MAX: it cannot be kept. */
static uint32_t enter_workflow(struct host_engine *e, const void *bytes,
                               size_t size)
{
    struct engine_graph *graph = host_definition_read(bytes, size);
    uint32_t id = UINT32_MAX;

    if (!graph)
        return UINT32_MAX;
    id = find_workflow(e, engine_graph_digest(graph));
    if (id == UINT32_MAX && e->workflow_count < WORKFLOWS_MAX &&
        host_registry_add(e->registry, e->workflow_count, graph, bytes, size) ==
            0) {
        id = e->workflow_count;
        (void)keep_workflow(e, id, graph);
        graph = NULL;
        say(e, HOST_SAY_INFO, "workflow \"%s\" is number %u",
            engine_graph_name(e->graphs[id]), id);
    }
    engine_graph_free(graph);
    return id;
}

/* The newest version of a workflow, of those that a worker serves if any. */
static uint32_t named_workflow(const struct host_engine *e, const char *name,
                               size_t size)
{
    uint32_t newest = UINT32_MAX;

    for (uint32_t i = e->workflow_count; i-- > 0;) {
        const char *other = engine_graph_name(e->graphs[i]);
        if (e->graphs[i] == e->nowhere || strlen(other) != size ||
            memcmp(other, name, size) != 0)
            continue;
        if (newest == UINT32_MAX)
            newest = i;
        for (uint32_t l = 0; l < e->link_count; l++)
            if (e->links[l] && !e->links[l]->gone && serves(e->links[l], i))
                return i;
    }
    return newest;
}

/* Workers ----------------------------------------------------------------- */

static struct link *worker_named(const struct host_engine *e, const char *id)
{
    for (uint32_t i = 0; i < e->link_count; i++)
        if (e->links[i] && !e->links[i]->gone && e->links[i]->slots > 0 &&
            strcmp(e->links[i]->id, id) == 0)
            return e->links[i];
    return NULL;
}

static bool enter_workflows(struct host_engine *e, struct link *link,
                            const unsigned char *items, size_t size,
                            uint32_t *ids, uint32_t *count)
{
    if (!host_items_whole(items, size))
        return false;
    *count = 0;
    for (size_t at = 0; at < size && *count < WORKFLOWS_MAX;) {
        const struct engine_item *item = (const void *)(items + at);
        uint32_t id = enter_workflow(e, item + 1, item->size);
        at += engine_item_span(item->size);
        if (id == UINT32_MAX)
            return false;
        link->serves[id / 8] = (uint8_t)(link->serves[id / 8] | 1U << (id % 8));
        ids[(*count)++] = id;
    }
    return true;
}

static uint64_t skew_bound(const struct host_engine *e)
{
    uint64_t bound = e->config.lease_ttl_ns / 20;

    return bound < SECOND / 2 ? bound : SECOND / 2;
}

static uint64_t request_timeout(const struct host_engine *e)
{
    uint64_t timeout = e->config.lease_ttl_ns / 3;

    return timeout < 10 * SECOND ? timeout : 10 * SECOND;
}

static void welcome(struct host_engine *e, struct link *link,
                    const uint32_t *ids, uint32_t count)
{
    struct {
        struct host_welcome head;
        uint32_t ids[WORKFLOWS_MAX];
    } payload = {.head = {
                     .claim_ttl_ns = e->config.lease_ttl_ns,
                     .skew_bound_ns = skew_bound(e),
                     .request_timeout_ns = request_timeout(e),
                     .limits = *e->config.limits,
                     .store = NODE_STORE,
                     .workflow_count = count,
                 }};
    struct engine_message head = {.kind = HOST_MSG_WELCOME,
                                  .to = NODE_WORKER + link->index,
                                  .token = link->sender};

    memcpy(payload.ids, ids, count * sizeof(*ids));
    send_to(link, &head, &payload, sizeof(payload.head) + count * sizeof(*ids));
    give_all(e, link);
}

static void refuse_second(struct host_engine *e, struct link *link,
                          const struct link *first)
{
    char words[512];

    snprintf(words, sizeof(words),
             "a worker with id \"%s\" is connected already, process %u; give "
             "each worker an id of its own with --id, or end that one",
             first->id, first->process);
    say(e, HOST_SAY_WARN, "worker refused: %s", words);
    refuse(link, 0, 0, HOST_REFUSED_WORKER, words);
}

static void hello(struct host_engine *e, struct link *link,
                  const struct engine_message *message)
{
    const unsigned char *payload = (const void *)(message + 1);
    size_t size = message->size - sizeof(*message);
    uint32_t ids[WORKFLOWS_MAX];
    uint32_t count = 0;
    struct host_hello h;

    if (size < sizeof(h))
        return;
    memcpy(&h, payload, sizeof(h));
    size_t id_span = ((size_t)h.id_size + 7) & ~(size_t)7;
    if (h.protocol != HOST_PROTOCOL || h.id_size == 0 ||
        h.id_size > HOST_WORKER_ID_MAX || size < sizeof(h) + id_span ||
        h.slots == 0 || message->attempt == 0) {
        refuse(link, 0, 0, HOST_REFUSED_PROTOCOL,
               "the worker speaks another version's language; use the same "
               "version of perdure for both");
        return;
    }
    memcpy(link->id, payload + sizeof(h), h.id_size);
    struct link *other = worker_named(e, link->id);
    if (other && other != link && other->process != link->process) {
        refuse_second(e, link, other);
        link->id[0] = '\0';
        return;
    }
    if (other && other != link)
        other->gone = true; /* its own former connection */
    if (!enter_workflows(e, link, payload + sizeof(h) + id_span,
                         size - sizeof(h) - id_span, ids, &count)) {
        refuse(link, 0, 0, HOST_REFUSED_WORKFLOW,
               "a workflow's definition is damaged, or the database could not "
               "be written");
        return;
    }
    link->slots = h.slots;
    link->sender =
        message->token
            ? message->token
            : (uint64_t)(NODE_WORKER + link->index) << 32 | message->attempt;
    say(e, HOST_SAY_INFO, "worker \"%s\" has come, %u at a time", link->id,
        link->slots);
    welcome(e, link, ids, count);
}

/* What a worker may ask of the store, in its own name only. */
static bool may_ask(const struct link *link,
                    const struct engine_request *request)
{
    switch (request->kind) {
    case ENGINE_REQ_CLAIM:
    case ENGINE_REQ_HEARTBEAT:
    case ENGINE_REQ_FINISH:
    case ENGINE_REQ_PUT_BLOB:
    case ENGINE_REQ_GET_BLOB:
        return link->slots > 0 && request->sender == link->sender;
    default:
        return false;
    }
}

static void cut_off(struct link *link, const char *why)
{
    snprintf(link->peer.fault, sizeof(link->peer.fault), "%s", why);
    link->peer.broken = true;
}

/*
 * Tells the coordinator of a report that stands in the group already: what it
 * decides then stands behind it in the same group and is durable with it, one
 * commit for both. Should the report come to nothing, the append conflicts
 * with the attempt's row, and the run is read again.
 */
static void hint_early(struct host_engine *e, const struct link *link,
                       const struct engine_request *request)
{
    const struct job *job =
        engine_table_find(&link->jobs, request->run << 16 | request->op);
    const struct engine_item *work =
        engine_item_first(request, sizeof(*request));

    if (!job || !work || job->message.attempt != request->attempt)
        return;
    struct engine_message *hint = engine_block_begin(&e->own, sizeof(*hint));
    if (!hint)
        return;
    hint->kind = ENGINE_MSG_HINT;
    hint->from = NODE_WORKER + link->index;
    hint->to = (uint32_t)job->message.b;
    hint->run = request->run;
    hint->op = request->op;
    hint->attempt = request->attempt;
    struct engine_item head = {
        .type = ENGINE_ITEM_WORK,
        .kind = ENGINE_WORK_DONE,
        .op = request->op,
        .attempt = request->attempt,
        .flags = request->error | request->retryable << 16,
    };
    engine_block_item(&e->own, &head, work + 1, work->size);
    if (engine_block_ok(&e->own))
        feed_message(e, (const void *)e->own.bytes);
}

static void asked_by_link(struct host_engine *e, struct link *link,
                          const struct engine_message *message)
{
    const struct engine_request *request = (const void *)(message + 1);
    struct asked from = {
        .origin = FROM_LINK, .index = link->index, .serial = link->serial};

    if (!may_ask(link, request)) {
        cut_off(link, "asked the store for what a worker may not");
        return;
    }
    enqueue(e, request, request->size, from);
    if (request->kind == ENGINE_REQ_FINISH)
        hint_early(e, link, request);
}

/* Clients ----------------------------------------------------------------- */

struct start {
    const char *name;
    const char *key;
    const void *input;
    struct host_start sizes;
};

/* Takes a START apart. False: its sizes do not fit. */
static bool read_start(const struct engine_message *message,
                       struct start *start)
{
    const char *at = (const void *)(message + 1);
    size_t size = message->size - sizeof(*message);

    if (size < sizeof(start->sizes))
        return false;
    memcpy(&start->sizes, at, sizeof(start->sizes));
    at += sizeof(start->sizes);
    size -= sizeof(start->sizes);
    start->name = at;
    start->key = at + start->sizes.name_size;
    start->input = start->key + start->sizes.key_size;
    return (uint64_t)start->sizes.name_size + start->sizes.key_size +
               start->sizes.input_size ==
           size;
}

static bool start_allowed(struct host_engine *e, struct link *link,
                          const struct engine_message *message,
                          const struct start *start)
{
    char words[256];
    uint64_t input_max = e->config.limits->input_max;

    if (start->sizes.input_size > input_max) {
        snprintf(words, sizeof(words),
                 "SIZE_LIMIT: found an input of %u bytes, allowed %" PRIu64
                 " by limit profile %s",
                 start->sizes.input_size, input_max, e->config.limits->name);
    } else if (start->sizes.key_size > HOST_KEY_MAX) {
        snprintf(words, sizeof(words),
                 "SIZE_LIMIT: found a key of %u bytes, allowed %d",
                 start->sizes.key_size, HOST_KEY_MAX);
    } else if (message->run > HOST_RUN_MAX) {
        snprintf(words, sizeof(words),
                 "found run %" PRIu64 ", allowed 1 to %" PRIu64, message->run,
                 HOST_RUN_MAX);
    } else {
        return true;
    }
    refuse(link, message->token, message->run, HOST_REFUSED_SIZE, words);
    return false;
}

static uint32_t start_workflow(struct host_engine *e, struct link *link,
                               const struct engine_message *message,
                               const struct start *start)
{
    uint32_t id = named_workflow(e, start->name, start->sizes.name_size);
    char words[512];
    size_t at;

    if (id != UINT32_MAX)
        return id;
    at = (size_t)snprintf(
        words, sizeof(words), "found workflow \"%.*s\", allowed",
        start->sizes.name_size < 100 ? (int)start->sizes.name_size : 100,
        start->name);
    for (uint32_t i = 0; i < e->workflow_count && at < 400; i++)
        at += (size_t)snprintf(words + at, sizeof(words) - at, "%s \"%.60s\"",
                               i ? "," : "", engine_graph_name(e->graphs[i]));
    if (e->workflow_count == 0)
        snprintf(words + at, sizeof(words) - at,
                 " none yet: start a worker that has it");
    refuse(link, message->token, message->run, HOST_REFUSED_WORKFLOW, words);
    return UINT32_MAX;
}

/* Finds or gives the number; 1: the run is there already, -1: refused. */
static int start_number(struct host_engine *e, struct link *link,
                        const struct engine_message *message,
                        const struct start *start, uint64_t *run, int *state)
{
    int known = message->run > 0;

    *run = known ? message->run : e->next_run;
    *state = 0;
    if (!known && start->sizes.key_size == 0) {
        e->next_run++;
        return 0;
    }
    if (start->sizes.key_size > 0)
        known = host_registry_key(e->registry, start->key,
                                  start->sizes.key_size, run);
    if (known == 0)
        e->next_run++;
    if (known == 1)
        *state = host_registry_state(e->registry, *run);
    if (known < 0 || *state < 0) {
        refuse(link, message->token, message->run, HOST_REFUSED_STORE,
               "the database could not be written; try again");
        return -1;
    }
    return *state > 0;
}

/* A run that is there: what can be said of it at once. */
static void start_again(struct host_engine *e, struct link *link,
                        const struct engine_message *message, uint64_t run,
                        int state)
{
    struct engine_message head = {.kind = HOST_MSG_STARTED,
                                  .flags = 1,
                                  .run = run,
                                  .token = message->token};
    bool wait = message->flags & HOST_START_WAIT;

    send_to(link, &head, NULL, 0);
    if (!wait)
        return;
    if (engine_run_state_terminal((uint32_t)state)) {
        head.kind = HOST_MSG_RESULT;
        head.a = (uint64_t)state;
        send_to(link, &head, NULL, 0);
        return;
    }
    wait_for(e, link, run, message->token, true);
    struct waiter *waiter = engine_table_find(&e->desk, run);
    while (waiter) {
        waiter->started |=
            waiter->token == message->token && waiter->serial == link->serial;
        waiter = waiter->next;
    }
}

static void begin_run(struct host_engine *e, const struct start *start,
                      uint32_t workflow, uint64_t run)
{
    struct engine_message head = {
        .size = (uint32_t)sizeof(head) + start->sizes.input_size,
        .kind = ENGINE_MSG_START,
        .from = NODE_CLIENT,
        .to = NODE_COORDINATOR + (uint32_t)(run % e->coordinator_count),
        .run = run,
        .a = workflow,
    };
    unsigned char *place = extend(e, &e->inner, head.size);

    if (!place)
        return;
    memcpy(place, &head, sizeof(head));
    if (start->sizes.input_size > 0)
        memcpy(place + sizeof(head), start->input, start->sizes.input_size);
}

static void start_run(struct host_engine *e, struct link *link,
                      const struct engine_message *message)
{
    struct start start;
    uint64_t run;
    int state;

    if (!read_start(message, &start)) {
        cut_off(link, "sent a START whose sizes do not fit");
        return;
    }
    if (e->draining) {
        refuse(link, message->token, message->run, HOST_REFUSED_DRAINING,
               "the engine is about to end; try again with the next one");
        return;
    }
    if (!start_allowed(e, link, message, &start))
        return;
    uint32_t workflow = start_workflow(e, link, message, &start);
    if (workflow == UINT32_MAX)
        return;
    int known = start_number(e, link, message, &start, &run, &state);
    if (known < 0)
        return;
    if (known) {
        start_again(e, link, message, run, state);
        return;
    }
    wait_for(e, link, run, message->token, message->flags & HOST_START_WAIT);
    begin_run(e, &start, workflow, run);
}

static void signal_run(struct host_engine *e, struct link *link,
                       const struct engine_message *message)
{
    const struct engine_item *item = (const void *)(message + 1);
    size_t size = message->size - sizeof(*message);
    struct asked from = {.origin = FROM_SIGNAL,
                         .index = link->index,
                         .serial = link->serial,
                         .token = message->token};

    if (!host_items_whole(item, size) || size < sizeof(*item) ||
        item->type != ENGINE_ITEM_INBOX) {
        cut_off(link, "sent a SIGNAL that is none");
        return;
    }
    struct engine_request *request =
        engine_block_begin(&e->own, sizeof(*request));
    if (request) {
        request->kind = ENGINE_REQ_SIGNAL;
        request->id = ++e->next_id;
        request->sender = (uint64_t)NODE_CLIENT << 32 | e->incarnation;
        request->run = message->run;
        request->item_count = 1;
        engine_block_item(&e->own, item, item + 1, item->size);
    }
    if (!request || !engine_block_ok(&e->own)) {
        e->no_memory = true;
        return;
    }
    enqueue(e, e->own.bytes, e->own.size, from);
}

static uint32_t owned_runs(const struct host_engine *e)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < e->coordinator_count; i++)
        count += engine_coordinator_owned(e->coordinators[i]);
    return count;
}

static void list(struct host_engine *e, struct link *link,
                 const struct engine_message *message)
{
    struct engine_message head = {.kind = HOST_MSG_WORKER,
                                  .token = message->token};

    for (uint32_t i = 0; i < e->link_count; i++) {
        const struct link *worker = e->links[i];
        if (!worker || worker->gone || worker->slots == 0)
            continue;
        head.from = NODE_WORKER + i;
        head.a = worker->slots;
        head.b = worker->busy;
        head.op = worker->process;
        send_to(link, &head, worker->id, strlen(worker->id));
    }
    head.kind = HOST_MSG_LISTED;
    head.a = owned_runs(e);
    head.b = e->commits;
    head.run = e->requests;
    head.op = (uint32_t)getpid();
    send_to(link, &head, NULL, 0);
}

/* What comes in ----------------------------------------------------------- */

static void take(struct host_engine *e, struct link *link,
                 struct engine_message *message)
{
    switch (message->kind) {
    case ENGINE_MSG_REQUEST:
        asked_by_link(e, link, message);
        break;
    case ENGINE_MSG_HINT:
    case ENGINE_MSG_CHECKPOINT:
    case ENGINE_MSG_STATE:
    case ENGINE_MSG_WAKE:
        message->from = NODE_WORKER + link->index;
        feed_message(e, message);
        break;
    case HOST_MSG_FREE:
        link->received = message->a;
        link->busy = message->b;
        if (link->slots > 0)
            give_all(e, link);
        break;
    case HOST_MSG_HELLO:
        hello(e, link, message);
        break;
    case HOST_MSG_START:
        start_run(e, link, message);
        break;
    case HOST_MSG_SIGNAL:
        signal_run(e, link, message);
        break;
    case HOST_MSG_LIST:
        list(e, link, message);
        break;
    default:
        cut_off(link, "sent a message that is not for an engine");
        break;
    }
}

static void link_ready(void *self, unsigned events)
{
    struct link *link = self;
    struct host_engine *e = link->engine;
    const struct engine_message *message;
    int read = 0;

    if (link->gone)
        return;
    if (events & HOST_WRITE)
        link->dirty = true;
    if (events & HOST_READ)
        read = host_peer_read(&link->peer);
    read_clocks(e);
    /* The bytes are this link's own: from is written in place. */
    while (!link->gone && (message = host_peer_next(&link->peer)))
        take(e, link, (struct engine_message *)(uintptr_t)message);
    feed_inner(e);
    if (read < 0 || link->peer.broken)
        link->gone = true;
}

static void bury(struct host_engine *e, struct link *link)
{
    if (link->peer.fault[0])
        say(e, HOST_SAY_WARN, "%s%s%s cut off: it %s",
            link->slots ? "worker \"" : "a client", link->slots ? link->id : "",
            link->slots ? "\"" : "", link->peer.fault);
    take_back(e, link);
    host_loop_forget(&e->loop, link->peer.fd);
    host_peer_close(&link->peer);
    engine_table_free(&link->jobs);
    e->links[link->index] = NULL;
    free(link);
}

static void bury_gone(struct host_engine *e)
{
    for (uint32_t i = 0; i < e->link_count; i++)
        if (e->links[i] && e->links[i]->gone)
            bury(e, e->links[i]);
    while (e->link_count > 0 && !e->links[e->link_count - 1])
        e->link_count--;
    for (uint32_t i = 0; i < e->workflow_count; i++)
        give_waiting(e, i);
}

static struct link *new_link(struct host_engine *e, int fd)
{
    struct ucred who = {0};
    socklen_t size = sizeof(who);
    uint32_t index = 0;

    while (index < e->link_count && e->links[index])
        index++;
    struct link *link = index < LINKS_MAX ? calloc(1, sizeof(*link)) : NULL;
    if (!link)
        return NULL;
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
    host_peer_init(&link->peer, fd);
    link->source = (struct host_source){link_ready, link};
    link->engine = e;
    link->index = index;
    link->serial = ++e->link_serial;
    link->process = (uint32_t)who.pid;
    e->links[index] = link;
    if (index == e->link_count)
        e->link_count++;
    return link;
}

static void accept_ready(void *self, unsigned events)
{
    struct host_engine *e = self;

    (void)events;
    for (;;) {
        int fd = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct link *link = new_link(e, fd);
        if (!link) {
            say(e, HOST_SAY_WARN,
                "a connection was refused: found %d of them "
                "already, allowed no more",
                LINKS_MAX);
            close(fd);
        } else if (host_loop_watch(&e->loop, fd, &link->source, HOST_READ)) {
            link->gone = true;
        }
    }
}

/* The process ------------------------------------------------------------- */

static uint64_t next_ns(const struct host_engine *e)
{
    uint64_t next = e->desk.count > 0 ? e->desk_ns : UINT64_MAX;

    for (uint32_t i = 0; i < e->coordinator_count; i++) {
        uint64_t deadline = engine_coordinator_deadline(e->coordinators[i]);
        next = deadline < next ? deadline : next;
    }
    return next;
}

static uint64_t patience(const struct host_engine *e)
{
    uint64_t next = next_ns(e);

    if (e->group.count > 0 || next <= e->mono_ns)
        return 0;
    return next == UINT64_MAX ? next : next - e->mono_ns;
}

/* One turn: all that is there, then what follows from it, durably. */
static int turn(struct host_engine *e)
{
    read_clocks(e);
    if (host_loop_wait(&e->loop, patience(e)) < 0)
        return -1;
    read_clocks(e);
    feed_time(e);
    feed_inner(e);
    look_at_desk(e);
    if (e->group.count > 0) {
        flush_all(e);
        run_group(e);
    }
    flush_all(e);
    bury_gone(e);
    return e->no_memory ? -1 : 0;
}

/* No more work is taken; what was asked for is still answered. */
static void drain(struct host_engine *e)
{
    struct engine_message goodbye = {.kind = HOST_MSG_GOODBYE};

    e->draining = true;
    host_loop_forget(&e->loop, e->listener);
    say(e, HOST_SAY_INFO,
        "ending: %u runs are left for the next engine; %" PRIu64
        " requests were carried out in %" PRIu64 " commits",
        owned_runs(e), e->requests, e->commits);
    for (int turns = 0; turns < 1000 && e->group.count > 0; turns++)
        if (turn(e))
            return;
    for (uint32_t i = 0; i < e->link_count; i++)
        if (e->links[i])
            send_to(e->links[i], &goodbye, NULL, 0);
    flush_all(e);
}

static int make_coordinators(struct host_engine *e)
{
    struct engine_coordinator_config config = {
        .store = NODE_STORE,
        .platform = NODE_PLATFORM,
        .graphs = e->graphs,
        .graph_count = WORKFLOWS_MAX,
        .seed = e->config.seed,
        .lease_ttl_ns = e->config.lease_ttl_ns,
        .claim_ttl_ns = e->config.lease_ttl_ns,
        .skew_bound_ns = skew_bound(e),
        .scan_ns = SECOND,
        .request_timeout_ns = request_timeout(e),
        .dispatch_timeout_ns = SECOND,
        .suspend_after_ns = e->config.lease_ttl_ns,
        .runs_max = RUNS_MAX,
        .snapshot_events = (uint32_t)e->config.snapshot_events,
        .limits = e->config.limits,
        .scratch = &e->scratch,
        .rows = &e->rows,
    };

    for (uint32_t i = 0; i < e->config.coordinators; i++) {
        config.node = NODE_COORDINATOR + i;
        config.incarnation = e->incarnation;
        e->coordinators[i] = engine_coordinator_new(&config, e->mono_ns);
        if (!e->coordinators[i])
            return -1;
        e->coordinator_count++;
    }
    return 0;
}

/* A graph for numbers that no workflow has: no run's log fits it. */
static struct engine_graph *make_nowhere(void)
{
    struct engine_node node = {.name = "unknown workflow",
                               .kind = ENGINE_NODE_WAIT,
                               .wait_ns = INT64_MAX / 4};

    return engine_graph_new("unknown workflow", &node, 1, NULL, 0, NULL);
}

/* Reads what the database says, and takes over from who died. */
static int read_registry(struct host_engine *e, char error[HOST_ERROR_SIZE])
{
    e->registry = host_registry_open(e->config.database, error);
    if (!e->registry)
        return -1;
    if (host_registry_end_leases(e->registry) ||
        host_registry_workflows(e->registry, keep_workflow, e) ||
        host_registry_last_run(e->registry, &e->next_run) ||
        host_registry_keep_limits(e->registry, e->config.limits)) {
        snprintf(error, HOST_ERROR_SIZE,
                 "%.300s: its workflows cannot be read: %s", e->config.database,
                 host_registry_error(e->registry));
        return -1;
    }
    e->next_run++;
    return 0;
}

static int start_store(struct host_engine *e, char error[HOST_ERROR_SIZE])
{
    return open_store(e, true, error) || read_registry(e, error) ? -1 : 0;
}

static int start(struct host_engine *e, char error[HOST_ERROR_SIZE])
{
    read_clocks(e);
    e->incarnation = host_incarnation();
    e->nowhere = make_nowhere();
    for (uint32_t i = 0; i < WORKFLOWS_MAX; i++)
        e->graphs[i] = e->nowhere;
    if (host_socket_path(e->config.database, e->path, error))
        return -1;
    e->lock = host_lock_take(e->config.database, error);
    if (e->lock < 0 || start_store(e, error))
        return -1;
    e->listener = host_socket_listen(e->path, error);
    if (e->listener < 0)
        return -1;
    e->accepting = (struct host_source){accept_ready, e};
    if (!e->nowhere || host_loop_open(&e->loop) || make_coordinators(e) ||
        host_loop_watch(&e->loop, e->listener, &e->accepting, HOST_READ)) {
        snprintf(error, HOST_ERROR_SIZE, "%.300s: the engine cannot start: %s",
                 e->config.database, strerror(errno ? errno : ENOMEM));
        return -1;
    }
    return 0;
}

/* The leases end with their holder: the next engine need not wait. */
static void give_leases_back(struct host_engine *e)
{
    close_store(e);
    if (e->registry && e->coordinator_count > 0)
        (void)host_registry_end_leases(e->registry);
}

static void free_group(struct group *group)
{
    free(group->asked);
    free(group->requests.bytes);
}

static void free_desk(struct host_engine *e)
{
    while (e->desk.count > 0) {
        struct waiter *waiter = take_waiters(e, e->desk.ids[0]);
        while (waiter) {
            struct waiter *next = waiter->next;
            free(waiter);
            waiter = next;
        }
    }
    while (e->free_waiters) {
        struct waiter *next = e->free_waiters->next;
        free(e->free_waiters);
        e->free_waiters = next;
    }
    engine_table_free(&e->desk);
}

static void free_jobs(struct host_engine *e)
{
    for (uint32_t i = 0; i < e->queued.count; i++)
        free(e->queued.items[i]);
    engine_table_free(&e->queued);
    while (e->free_jobs) {
        struct job *next = e->free_jobs->next;
        free(e->free_jobs);
        e->free_jobs = next;
    }
}

static void end(struct host_engine *e)
{
    give_leases_back(e);
    for (uint32_t i = 0; i < e->link_count; i++)
        if (e->links[i])
            bury(e, e->links[i]);
    if (e->listener >= 0) {
        (void)unlink(e->path);
        close(e->listener);
    }
    host_registry_close(e->registry);
    for (uint32_t i = 0; i < e->coordinator_count; i++)
        engine_coordinator_free(e->coordinators[i]);
    for (uint32_t i = 0; i < e->workflow_count; i++)
        if (e->graphs[i] != e->nowhere)
            engine_graph_free((struct engine_graph *)(uintptr_t)e->graphs[i]);
    engine_graph_free(e->nowhere);
    free_desk(e);
    free_jobs(e);
    free_group(&e->group);
    free_group(&e->writing);
    free(e->replies.bytes);
    free(e->inner.bytes);
    free(e->inner_taken.bytes);
    engine_update_free(&e->update);
    engine_block_free(&e->scratch);
    engine_block_free(&e->rows);
    engine_block_free(&e->reply);
    engine_block_free(&e->own);
    if (e->loop.epoll > 0)
        host_loop_close(&e->loop);
    if (e->lock >= 0)
        close(e->lock);
    free(e);
}

int host_engine_run(const struct host_engine_config *config,
                    char error[HOST_ERROR_SIZE])
{
    struct host_engine *e = calloc(1, sizeof(*e));
    int result = -1;

    error[0] = '\0';
    if (!e) {
        snprintf(error, HOST_ERROR_SIZE, "out of memory");
        return -1;
    }
    e->config = *config;
    e->lock = -1;
    e->listener = -1;
    if (!e->config.lease_ttl_ns)
        e->config.lease_ttl_ns = 30 * SECOND;
    if (!e->config.coordinators)
        e->config.coordinators = 1;
    assert(e->config.coordinators <= COORDINATORS_MAX);
    engine_update_init(&e->update);
    if (start(e, error) == 0) {
        say(e, HOST_SAY_INFO, "ready: %s, process %ld", config->database,
            (long)getpid());
        while (!e->loop.stopped && (result = turn(e)) == 0)
            ;
        if (result == 0 || e->loop.stopped) {
            drain(e);
            result = 0;
        } else {
            snprintf(error, HOST_ERROR_SIZE,
                     "%.300s: out of memory; the database is whole, start the "
                     "engine again",
                     config->database);
        }
    }
    end(e);
    return result;
}
