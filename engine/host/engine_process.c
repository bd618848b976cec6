#include "engine/host/engine_private.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Words ------------------------------------------------------------------- */

void host_engine_say(struct host_engine *e, enum host_level level,
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

void host_engine_read_clocks(struct host_engine *e)
{
    e->mono_ns = host_mono_ns();
    e->wall_ns = host_wall_ns();
    if (e->observe)
        observe_clocks(e->observe, e->wall_ns, e->mono_ns);
}

/* Queues ------------------------------------------------------------------ */

/* Room for size bytes at the end, rounded up to 8; NULL: out of memory. */
void *host_engine_extend(struct host_engine *e, struct host_queue *queue,
                         size_t size)
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

static struct host_asked *more_asked(struct host_engine *e,
                                     struct host_group *group)
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
void host_engine_enqueue(struct host_engine *e, const void *request,
                         size_t size, struct host_asked from)
{
    size_t offset = e->group.requests.size;
    void *place = host_engine_extend(e, &e->group.requests, size);
    struct host_asked *asked = place ? more_asked(e, &e->group) : NULL;

    if (!asked)
        return;
    memcpy(place, request, size);
    *asked = from;
    asked->offset = offset;
}

/* What comes in ----------------------------------------------------------- */

static void take(struct host_engine *e, struct host_link *link,
                 struct engine_message *message)
{
    switch (message->kind) {
    case ENGINE_MSG_REQUEST:
        host_engine_ask_store(e, link, message);
        break;
    case ENGINE_MSG_HINT:
    case ENGINE_MSG_CHECKPOINT:
    case ENGINE_MSG_STATE:
    case ENGINE_MSG_WAKE:
        message->from = NODE_WORKER + link->index;
        host_engine_feed_message(e, message);
        break;
    case HOST_MSG_FREE:
        link->received = message->a;
        link->busy = message->b;
        if (link->slots > 0)
            host_engine_give_all(e, link);
        break;
    case HOST_MSG_HELLO:
        host_engine_hello(e, link, message);
        break;
    case HOST_MSG_START:
        host_engine_start_run(e, link, message);
        break;
    case HOST_MSG_SIGNAL:
        host_engine_signal_run(e, link, message);
        break;
    case HOST_MSG_LIST:
        host_engine_list(e, link, message);
        break;
    default:
        host_engine_cut_off(link, "sent a message that is not for an engine");
        break;
    }
}

static void link_ready(void *self, unsigned events)
{
    struct host_link *link = self;
    struct host_engine *e = link->engine;
    const struct engine_message *message;
    int read = 0;

    if (link->gone)
        return;
    if (events & HOST_WRITE)
        link->dirty = true;
    if (events & HOST_READ)
        read = host_peer_read(&link->peer);
    host_engine_read_clocks(e);
    /* The bytes are this link's own: from is written in place. */
    while (!link->gone && (message = host_peer_next(&link->peer)))
        take(e, link, (struct engine_message *)(uintptr_t)message);
    host_engine_feed_inner(e);
    if (read < 0 || link->peer.broken)
        link->gone = true;
}

static void bury(struct host_engine *e, struct host_link *link)
{
    if (link->peer.fault[0])
        host_engine_say(e, HOST_SAY_WARN, "%s%s%s cut off: it %s",
                        link->slots ? "worker \"" : "a client",
                        link->slots ? link->id : "", link->slots ? "\"" : "",
                        link->peer.fault);
    host_engine_take_back(e, link);
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
        host_engine_give_waiting(e, i);
}

static struct host_link *new_link(struct host_engine *e, int fd)
{
    struct ucred who = {0};
    socklen_t size = sizeof(who);
    uint32_t index = 0;

    while (index < e->link_count && e->links[index])
        index++;
    struct host_link *link =
        index < LINKS_MAX ? calloc(1, sizeof(*link)) : NULL;
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
        struct host_link *link = new_link(e, fd);
        if (!link) {
            host_engine_say(e, HOST_SAY_WARN,
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
    uint64_t upkeep_ns = host_engine_upkeep_ns(e);

    if (upkeep_ns < next && e->store_open)
        next = upkeep_ns;
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
    host_engine_read_clocks(e);
    if (host_loop_wait(&e->loop, patience(e)) < 0)
        return -1;
    host_engine_read_clocks(e);
    host_engine_feed_time(e);
    host_engine_feed_inner(e);
    host_engine_look_at_desk(e);
    bool idle = e->group.count == 0;
    if (!idle) {
        host_engine_flush_all(e);
        host_engine_run_group(e);
    }
    host_engine_flush_all(e);
    bury_gone(e);
    host_engine_upkeep(e, idle && e->group.count == 0);
    return e->no_memory || e->moved ? -1 : 0;
}

/* No more work is taken; what was asked for is still answered. */
static void drain(struct host_engine *e)
{
    struct engine_message goodbye = {.kind = HOST_MSG_GOODBYE};

    e->draining = true;
    host_loop_forget(&e->loop, e->listener);
    host_engine_say(e, HOST_SAY_INFO,
                    "ending: %u runs are left for the next engine; %" PRIu64
                    " requests were carried out in %" PRIu64 " commits",
                    host_engine_owned_runs(e), e->requests, e->commits);
    for (int turns = 0; turns < 1000 && e->group.count > 0; turns++)
        if (turn(e))
            return;
    for (uint32_t i = 0; i < e->link_count; i++)
        if (e->links[i])
            host_engine_send(e->links[i], &goodbye, NULL, 0);
    host_engine_flush_all(e);
}

/* It has one platform: its workers. */
static const uint32_t platform_node = NODE_PLATFORM;

static int make_coordinators(struct host_engine *e)
{
    struct engine_coordinator_config config = {
        .store = NODE_STORE,
        .platforms = &platform_node,
        .platform_count = 1,
        .graphs = e->graphs,
        .graph_count = WORKFLOWS_MAX,
        .seed = e->config.seed,
        .lease_ttl_ns = e->config.lease_ttl_ns,
        .claim_ttl_ns = e->config.lease_ttl_ns,
        .skew_bound_ns = host_engine_skew_bound(e),
        .scan_ns = SECOND,
        .request_timeout_ns = host_engine_request_timeout(e),
        .dispatch_timeout_ns = SECOND,
        .suspend_after_ns = e->config.lease_ttl_ns,
        .runs_max = RUNS_MAX,
        .snapshot_events = (uint32_t)e->config.snapshot_events,
        .limits = e->config.limits,
        .sink = e->observe ? observe_sink(e->observe) : NULL,
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
        host_registry_workflows(e->registry, host_engine_keep_workflow, e) ||
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
    return host_engine_open_store(e, true, error) || read_registry(e, error)
               ? -1
               : 0;
}

static int start_observing(struct host_engine *e, char error[HOST_ERROR_SIZE])
{
    if (!e->config.observe)
        return 0;
    e->observe = observe_open(e->config.observe, e->config.observe_ppb, error);
    return e->observe ? 0 : -1;
}

/* Says what was lost, if anything was. */
static void end_observing(struct host_engine *e)
{
    struct observe_counts counts = observe_close(e->observe);

    if (counts.dropped > 0)
        host_engine_say(e, HOST_SAY_WARN,
                        "%" PRIu64 " of %" PRIu64 " observed records were "
                        "dropped: \"%.200s\" took them too slowly",
                        counts.dropped, counts.dropped + counts.written,
                        e->config.observe);
    e->observe = NULL;
}

static int start(struct host_engine *e, char error[HOST_ERROR_SIZE])
{
    /* Nobody asks SQLite how much memory it has: each piece would be counted
     * under a lock. Too late where it is in use already, which is no error. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    host_engine_read_clocks(e);
    e->incarnation = host_incarnation();
    e->nowhere = make_nowhere();
    for (uint32_t i = 0; i < WORKFLOWS_MAX; i++)
        e->graphs[i] = e->nowhere;
    if (host_socket_path(e->config.database, e->path, error))
        return -1;
    e->lock = host_lock_take(e->config.database, error);
    if (e->lock < 0 || start_store(e, error) || start_observing(e, error))
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
    host_engine_close_store(e);
    if (e->registry && e->coordinator_count > 0)
        (void)host_registry_end_leases(e->registry);
}

static void free_group(struct host_group *group)
{
    free(group->asked);
    free(group->requests.bytes);
}

static void free_desk(struct host_engine *e)
{
    while (e->desk.count > 0) {
        struct host_waiter *waiter =
            host_engine_take_waiters(e, e->desk.ids[0]);
        while (waiter) {
            struct host_waiter *next = waiter->next;
            free(waiter);
            waiter = next;
        }
    }
    while (e->free_waiters) {
        struct host_waiter *next = e->free_waiters->next;
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
        struct host_job *next = e->free_jobs->next;
        free(e->free_jobs);
        e->free_jobs = next;
    }
}

static void end(struct host_engine *e)
{
    give_leases_back(e);
    end_observing(e);
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

/* Why the engine cannot go on. */
static void say_why(const struct host_engine *e, char error[HOST_ERROR_SIZE])
{
    if (e->moved)
        snprintf(error, HOST_ERROR_SIZE,
                 "%.300s: the file was moved or replaced while the engine ran; "
                 "put it back beside its -wal, which belongs to no other, and "
                 "start the engine again",
                 e->config.database);
    else
        snprintf(error, HOST_ERROR_SIZE,
                 "%.300s: out of memory; the database is whole, start the "
                 "engine again",
                 e->config.database);
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
        host_engine_say(e, HOST_SAY_INFO, "ready: %s, process %ld",
                        config->database, (long)getpid());
        while (!e->loop.stopped && (result = turn(e)) == 0)
            ;
        if (result == 0 || e->loop.stopped) {
            drain(e);
            result = 0;
        } else {
            say_why(e, error);
        }
    }
    end(e);
    return result;
}
