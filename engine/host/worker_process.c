#include "engine/host/worker_process.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/control.h"
#include "engine/host/definition.h"
#include "engine/worker.h"

#define SECOND UINT64_C(1000000000)
#define RETRY_FIRST (SECOND / 50)
#define RETRY_LAST (2 * SECOND)

enum {
    WORKFLOWS_MAX = 1024
};

struct host_worker {
    struct host_worker_config config;
    struct host_loop loop;
    struct host_peer peer;
    struct host_source source;
    char path[108];
    struct engine_worker *machine; /* NULL until the first WELCOME */
    const struct engine_graph *graphs[WORKFLOWS_MAX]; /* by engine's number */
    const struct engine_handler *handlers[WORKFLOWS_MAX];
    uint32_t local[WORKFLOWS_MAX]; /* index in config */
    struct engine_limits limits;
    struct engine_graph *nowhere;
    uint32_t graph_count;
    uint32_t incarnation;
    uint64_t sender;
    uint64_t retry_ns; /* mono: connect again */
    uint64_t delay_ns;
    uint64_t received; /* dispatches, in this connection */
    uint64_t told_received;
    uint64_t told_busy;
    struct engine_update update;
    struct engine_block scratch;
    unsigned char *ended; /* struct engine_ended, output padded, .. */
    size_t ended_size;
    size_t ended_capacity;
    uint64_t mono_ns;
    bool connected;
    bool welcome;
    bool writing;
    bool lost; /* the connection is over */
    bool failed;
    bool refused;
    bool draining;
    char *error;
};

static void say(struct host_worker *w, enum host_level level,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(struct host_worker *w, enum host_level level,
                const char *format, ...)
{
    char text[1024];
    va_list list;

    if (!w->config.say || level > w->config.level)
        return;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    w->config.say(w->config.self, level, text);
}

/* The machine ------------------------------------------------------------- */

static void carry_out(struct host_worker *w)
{
    static const char nobody[] =
        "the worker has nobody who ends what a step has suspended";
    const struct host_executor *executor = w->config.executor;

    for (uint32_t i = 0; i < w->update.count; i++) {
        const struct engine_do *action = &w->update.actions[i];
        const void *bytes = engine_update_bytes(&w->update, action);
        const struct engine_execute *what = bytes;
        switch (action->kind) {
        case ENGINE_DO_EXECUTE:
            if (!executor) {
                host_worker_ended(w, what->slot, what->part,
                                  ENGINE_ERR_VALIDATION, false, nobody,
                                  sizeof(nobody) - 1);
                break;
            }
            executor->begin(executor->self, w, w->local[what->workflow], what,
                            what + 1, action->size - sizeof(*what));
            break;
        case ENGINE_DO_ABANDON:
            if (executor)
                executor->abandon(executor->self, what->slot, what->part);
            break;
        default:
            /* Without a connection it is lost, and asked again in time. */
            if (w->connected)
                (void)host_peer_send_whole(&w->peer, bytes);
            break;
        }
    }
    engine_update_reset(&w->update);
}

static void step(struct host_worker *w, struct engine_input *input)
{
    input->mono_ns = w->mono_ns;
    input->wall_ns = host_wall_ns();
    if (engine_worker_step(w->machine, input, &w->update))
        w->failed = true;
    carry_out(w);
}

void host_worker_ended(struct host_worker *w, uint32_t slot, uint32_t part,
                       uint32_t error, bool retryable, const void *output,
                       size_t size)
{
    struct engine_ended ended = {.slot = slot,
                                 .part = part,
                                 .error = error,
                                 .retryable = retryable,
                                 .size = (uint32_t)size};
    size_t span = sizeof(ended) + ((size + 7) & ~(size_t)7);

    if (w->ended_size + span > w->ended_capacity) {
        size_t capacity = w->ended_capacity ? w->ended_capacity : 4096;
        while (capacity < w->ended_size + span)
            capacity *= 2;
        void *bytes = realloc(w->ended, capacity);
        if (!bytes) {
            w->failed = true;
            return;
        }
        w->ended = bytes;
        w->ended_capacity = capacity;
    }
    memcpy(w->ended + w->ended_size, &ended, sizeof(ended));
    if (size > 0)
        memcpy(w->ended + w->ended_size + sizeof(ended), output, size);
    w->ended_size += span;
}

/* Steps that have ended, and those that end while this goes on. */
static void take_ended(struct host_worker *w)
{
    size_t at = 0;

    while (at < w->ended_size && !w->failed) {
        struct engine_ended ended;
        memcpy(&ended, w->ended + at, sizeof(ended));
        /* The array may move when the machine has begun more, not before. */
        ended.output = ended.size > 0 ? w->ended + at + sizeof(ended) : NULL;
        struct engine_input input = {.kind = ENGINE_IN_ENDED, .ended = &ended};
        at += sizeof(ended) + (((size_t)ended.size + 7) & ~(size_t)7);
        step(w, &input);
    }
    w->ended_size = 0;
}

struct host_loop *host_worker_loop(struct host_worker *w)
{
    return &w->loop;
}

/* The connection ---------------------------------------------------------- */

static int add_definition(struct host_worker *w, struct engine_block *payload,
                          const struct engine_graph *graph)
{
    struct engine_item head = {.type = ENGINE_ITEM_BLOB};
    const void *bytes;
    size_t size;

    if (host_definition_write(&w->scratch, graph, &bytes, &size))
        return -1;
    engine_block_item(payload, &head, bytes, size);
    return engine_block_ok(payload) ? 0 : -1;
}

static void say_hello(struct host_worker *w)
{
    struct engine_message head = {
        .kind = HOST_MSG_HELLO, .token = w->sender, .attempt = w->incarnation};
    size_t id_size = strlen(w->config.id);
    size_t id_span = (id_size + 7) & ~(size_t)7;
    struct host_hello hello = {
        .protocol = HOST_PROTOCOL,
        .slots = w->config.slots,
        .process = (uint32_t)getpid(),
        .id_size = (uint32_t)id_size,
    };
    struct engine_block payload;

    engine_block_init(&payload);
    /* The block's own 8-byte head is not sent. */
    unsigned char *at =
        engine_block_begin(&payload, 8 + sizeof(hello) + id_span);
    if (at) {
        memcpy(at + 8, &hello, sizeof(hello));
        memcpy(at + 8 + sizeof(hello), w->config.id, id_size);
    }
    w->failed |= !at;
    for (uint32_t i = 0; i < w->config.workflow_count && !w->failed; i++)
        w->failed |=
            add_definition(w, &payload, w->config.workflows[i].graph) != 0;
    if (!w->failed)
        (void)host_peer_send(&w->peer, &head, payload.bytes + 8,
                             payload.size - 8);
    engine_block_free(&payload);
}

static void flush(struct host_worker *w)
{
    if (!w->connected || w->lost)
        return;
    int left = host_peer_flush(&w->peer);
    if (left < 0) {
        w->lost = true;
    } else if ((left > 0) != w->writing) {
        w->writing = left > 0;
        host_loop_change(&w->loop, w->peer.fd, &w->source,
                         w->writing ? HOST_READ | HOST_WRITE : HOST_READ);
    }
}

static void ready(void *self, unsigned events);

static void connect_again(struct host_worker *w)
{
    int fd = host_socket_connect(w->path);

    if (fd < 0) {
        if (w->delay_ns == 0)
            say(w, HOST_SAY_INFO, "no engine at %s; looking for one", w->path);
        w->delay_ns = w->delay_ns ? 2 * w->delay_ns : RETRY_FIRST;
        if (w->delay_ns > RETRY_LAST)
            w->delay_ns = RETRY_LAST;
        w->retry_ns = w->mono_ns + w->delay_ns;
        return;
    }
    host_peer_init(&w->peer, fd);
    w->source = (struct host_source){ready, w};
    if (host_loop_watch(&w->loop, fd, &w->source, HOST_READ)) {
        host_peer_close(&w->peer);
        w->retry_ns = w->mono_ns + RETRY_LAST;
        return;
    }
    w->connected = true;
    w->writing = false;
    w->received = 0;
    w->told_received = 0;
    w->told_busy = 0;
    say_hello(w);
    flush(w);
}

static void disconnect(struct host_worker *w)
{
    if (w->peer.fault[0])
        say(w, HOST_SAY_WARN, "the engine was cut off: it %s", w->peer.fault);
    else if (w->welcome)
        say(w, HOST_SAY_INFO, "the engine has gone; looking for the next");
    host_loop_forget(&w->loop, w->peer.fd);
    host_peer_close(&w->peer);
    w->connected = false;
    w->welcome = false;
    w->lost = false;
    w->delay_ns = RETRY_FIRST;
    w->retry_ns = w->mono_ns + RETRY_FIRST;
}

static void drop_machine(struct host_worker *w)
{
    engine_worker_free(w->machine);
    w->machine = NULL;
    w->ended_size = 0;
}

static bool same_numbers(const struct host_worker *w, const uint32_t *ids)
{
    for (uint32_t i = 0; i < w->config.workflow_count; i++)
        if (ids[i] >= w->graph_count ||
            w->graphs[ids[i]] != w->config.workflows[i].graph)
            return false;
    return true;
}

static bool learn_numbers(struct host_worker *w, const uint32_t *ids)
{
    w->graph_count = 0;
    for (uint32_t i = 0; i < WORKFLOWS_MAX; i++)
        w->graphs[i] = w->nowhere;
    for (uint32_t i = 0; i < w->config.workflow_count; i++) {
        if (ids[i] >= WORKFLOWS_MAX)
            return false;
        w->graphs[ids[i]] = w->config.workflows[i].graph;
        w->handlers[ids[i]] = w->config.workflows[i].handler;
        w->local[ids[i]] = i;
        if (ids[i] >= w->graph_count)
            w->graph_count = ids[i] + 1;
    }
    return true;
}

static void keep_below(uint64_t *limit, uint64_t most)
{
    if (*limit > most)
        *limit = most;
}

/* A profile of one's own may allow what no message can carry. */
static struct engine_limits within_messages(struct engine_limits limits)
{
    keep_below(&limits.result_max, HOST_FRAME_MAX / 2);
    keep_below(&limits.response_max, HOST_FRAME_MAX / 2);
    keep_below(&limits.operation_payload_max, HOST_FRAME_MAX / 2);
    return limits;
}

/* What engine_log() says, outside of replays. */
static void log_of_handler(void *self, uint64_t run, const char *operation,
                           const char *text)
{
    say(self, HOST_SAY_INFO, "run %" PRIu64 ", %s: %s", run,
        operation && *operation ? operation : "the handler", text);
}

static void make_machine(struct host_worker *w, const struct host_welcome *h)
{
    /* Lost requests are asked again soon: an engine that died comes back. */
    uint64_t timeout =
        h->request_timeout_ns < SECOND ? h->request_timeout_ns : SECOND;
    struct engine_worker_config config = {
        .node = (uint32_t)(w->sender >> 32),
        .incarnation = (uint32_t)w->sender,
        .store = h->store,
        .slots = w->config.slots,
        .graphs = w->graphs,
        .graph_count = w->graph_count,
        .claim_ttl_ns = h->claim_ttl_ns,
        .skew_bound_ns = h->skew_bound_ns,
        .request_timeout_ns = timeout,
        .inline_max = h->limits.inline_max < UINT32_MAX
                          ? (uint32_t)h->limits.inline_max
                          : UINT32_MAX,
        .handlers = w->handlers,
        .limits = &w->limits,
        .optimistic = w->config.optimistic,
        .checkpoint_window_ns = w->config.checkpoint_window_ns,
        .log = log_of_handler,
        .self = w,
        .scratch = &w->scratch,
    };

    w->limits = within_messages(h->limits);
    w->limits.name[sizeof(w->limits.name) - 1] = '\0';
    w->machine = engine_worker_new(&config, w->mono_ns);
    w->failed |= !w->machine;
}

static void welcomed(struct host_worker *w,
                     const struct engine_message *message)
{
    const unsigned char *payload = (const void *)(message + 1);
    size_t size = message->size - sizeof(*message);
    struct host_welcome h;
    uint32_t ids[WORKFLOWS_MAX];

    if (size < sizeof(h))
        return;
    memcpy(&h, payload, sizeof(h));
    if (h.workflow_count != w->config.workflow_count ||
        size != sizeof(h) + h.workflow_count * sizeof(*ids) ||
        (uint32_t)message->token == 0 || h.skew_bound_ns >= h.claim_ttl_ns)
        return;
    memcpy(ids, payload + sizeof(h), h.workflow_count * sizeof(*ids));
    w->sender = message->token;
    w->welcome = true;
    if (w->machine && !same_numbers(w, ids)) {
        say(w, HOST_SAY_WARN,
            "another database stands in the place of the "
            "former: its attempts are given up");
        drop_machine(w);
    }
    if (!w->machine && learn_numbers(w, ids))
        make_machine(w, &h);
    say(w, HOST_SAY_INFO, "ready: worker \"%s\", %u at a time", w->config.id,
        w->config.slots);
}

static void refused(struct host_worker *w, const struct engine_message *message)
{
    snprintf(w->error, HOST_ERROR_SIZE,
             "the engine refused worker \"%s\": %.*s", w->config.id,
             (int)(message->size - sizeof(*message)),
             (const char *)(message + 1));
    w->refused = true;
}

static void take(struct host_worker *w, const struct engine_message *message)
{
    struct engine_input input = {.kind = ENGINE_IN_MESSAGE, .message = message};

    if (message->kind == HOST_MSG_WELCOME) {
        welcomed(w, message);
    } else if (message->kind == HOST_MSG_REFUSED) {
        refused(w, message);
    } else if (w->machine && message->kind < ENGINE_MSG_COUNT) {
        w->received += message->kind == ENGINE_MSG_DISPATCH;
        if (message->kind == ENGINE_MSG_REPLY) {
            /* What was asked in another incarnation is nobody's. */
            if (message->token != w->sender)
                return;
            input.kind = ENGINE_IN_REPLY;
            input.reply = (const void *)(message + 1);
        }
        step(w, &input);
    }
}

static void ready(void *self, unsigned events)
{
    struct host_worker *w = self;
    const struct engine_message *message;
    int read = 0;

    if (!w->connected || w->lost)
        return;
    w->mono_ns = host_mono_ns();
    if (events & HOST_READ)
        read = host_peer_read(&w->peer);
    while (!w->refused && !w->failed && (message = host_peer_next(&w->peer)))
        take(w, message);
    if (read < 0 || w->peer.broken)
        w->lost = true;
}

/* Tells the engine how much room there is, when that has changed. */
static void tell_free(struct host_worker *w)
{
    struct engine_message head = {.kind = HOST_MSG_FREE};

    if (!w->welcome || !w->machine)
        return;
    head.a = w->received;
    head.b = w->draining ? UINT32_MAX : engine_worker_busy(w->machine);
    if (head.a == w->told_received && head.b == w->told_busy)
        return;
    w->told_received = head.a;
    w->told_busy = head.b;
    (void)host_peer_send(&w->peer, &head, NULL, 0);
}

/* The process ------------------------------------------------------------- */

static uint64_t next_ns(const struct host_worker *w)
{
    const struct host_executor *executor = w->config.executor;
    uint64_t next = w->connected ? UINT64_MAX : w->retry_ns;

    if (w->machine && engine_worker_deadline(w->machine) < next)
        next = engine_worker_deadline(w->machine);
    if (executor && executor->deadline &&
        executor->deadline(executor->self) < next)
        next = executor->deadline(executor->self);
    return next;
}

static void on_time(struct host_worker *w)
{
    const struct host_executor *executor = w->config.executor;
    struct engine_input input = {.kind = ENGINE_IN_TIME};

    if (w->loop.children) {
        w->loop.children = false;
        if (executor && executor->child)
            executor->child(executor->self);
    }
    if (executor && executor->deadline &&
        executor->deadline(executor->self) <= w->mono_ns)
        executor->time(executor->self, w->mono_ns);
    if (w->machine && engine_worker_deadline(w->machine) <= w->mono_ns)
        step(w, &input);
    if (w->machine)
        take_ended(w);
    if (!w->connected && w->mono_ns >= w->retry_ns)
        connect_again(w);
}

static int turn(struct host_worker *w)
{
    uint64_t next = next_ns(w);
    uint64_t patience = next == UINT64_MAX  ? next
                        : next > w->mono_ns ? next - w->mono_ns
                                            : 0;

    if (host_loop_wait(&w->loop, patience) < 0)
        return -1;
    w->mono_ns = host_mono_ns();
    on_time(w);
    tell_free(w);
    flush(w);
    if (w->lost)
        disconnect(w);
    return w->failed || w->refused ? -1 : 0;
}

/* Lets what is under way end and be reported. */
static void drain(struct host_worker *w)
{
    uint64_t end_ns = w->mono_ns + w->config.drain_ns;

    say(w, HOST_SAY_INFO, "ending: %u attempts are under way",
        w->machine ? engine_worker_busy(w->machine) : 0);
    w->draining = true; /* said to be full: nothing new is given */
    while (w->machine && engine_worker_busy(w->machine) > 0 &&
           w->mono_ns < end_ns)
        if (turn(w))
            return;
    flush(w);
}

static struct engine_graph *make_nowhere(void)
{
    struct engine_node node = {.name = "unknown workflow",
                               .kind = ENGINE_NODE_WAIT,
                               .wait_ns = INT64_MAX / 4};

    return engine_graph_new("unknown workflow", &node, 1, NULL, 0, NULL);
}

static void end(struct host_worker *w)
{
    if (w->connected) {
        host_loop_forget(&w->loop, w->peer.fd);
        host_peer_close(&w->peer);
    }
    engine_worker_free(w->machine);
    engine_graph_free(w->nowhere);
    engine_update_free(&w->update);
    engine_block_free(&w->scratch);
    free(w->ended);
    host_loop_close(&w->loop);
    free(w);
}

static int run(struct host_worker *w)
{
    int result = 0;

    connect_again(w);
    while (!w->loop.stopped && (result = turn(w)) == 0)
        ;
    if (result == 0)
        drain(w);
    else if (!w->refused)
        snprintf(w->error, HOST_ERROR_SIZE, "worker \"%s\": out of memory",
                 w->config.id);
    return result;
}

int host_worker_run(const struct host_worker_config *config,
                    char error[HOST_ERROR_SIZE])
{
    struct host_worker *w = calloc(1, sizeof(*w));

    error[0] = '\0';
    assert(config->workflow_count <= WORKFLOWS_MAX);
    if (!w || host_loop_open(&w->loop)) {
        snprintf(error, HOST_ERROR_SIZE, "the worker cannot start: %s",
                 strerror(errno));
        free(w);
        return -1;
    }
    w->config = *config;
    w->config.slots = config->slots ? config->slots : 64;
    w->error = error;
    w->peer.fd = -1;
    w->incarnation = host_incarnation();
    w->mono_ns = host_mono_ns();
    w->nowhere = make_nowhere();
    engine_update_init(&w->update);
    engine_block_init(&w->scratch);
    int result = -1;
    if (strlen(config->id) == 0 || strlen(config->id) > HOST_WORKER_ID_MAX)
        snprintf(error, HOST_ERROR_SIZE,
                 "found a worker id of %zu bytes, allowed 1 to %d",
                 strlen(config->id), HOST_WORKER_ID_MAX);
    else if (host_socket_path(config->database, w->path, error) == 0)
        result = run(w);
    end(w);
    return result;
}
