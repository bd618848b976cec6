/*
 * What the coordinators of an engine process want done, and the group of
 * requests that is made durable in each turn.
 */
#include "engine/host/engine_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/host/store_sqlite.h"

/* Machines ---------------------------------------------------------------- */

static void route(struct host_engine *e, const struct engine_message *message)
{
    if (message->to == NODE_PLATFORM) {
        host_engine_dispatch(e, message);
    } else if (message->to == NODE_CLIENT) {
        host_engine_at_desk(e, message);
    } else if (message->to >= NODE_WORKER &&
               message->to - NODE_WORKER < e->link_count) {
        struct host_link *link = e->links[message->to - NODE_WORKER];
        if (link && !link->gone)
            host_engine_send(link, message, message + 1,
                             message->size - sizeof(*message));
    } else {
        host_engine_to_coordinator(e, message);
    }
}

static void carry_out(struct host_engine *e, uint32_t coordinator)
{
    for (uint32_t i = 0; i < e->update.count; i++) {
        const struct engine_do *action = &e->update.actions[i];
        const struct engine_message *message =
            engine_update_bytes(&e->update, action);
        if (action->kind == ENGINE_DO_REQUEST) {
            struct host_asked from = {.origin = FROM_COORDINATOR,
                                      .index = coordinator};
            host_engine_enqueue(e, message + 1,
                                message->size - sizeof(*message), from);
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

void host_engine_feed_message(struct host_engine *e,
                              const struct engine_message *message)
{
    uint32_t coordinator = message->to - NODE_COORDINATOR;
    struct engine_input input = {.kind = ENGINE_IN_MESSAGE, .message = message};

    if (coordinator < e->coordinator_count)
        feed(e, coordinator, &input);
}

/* Messages of this process to itself; those they cause stand behind them. */
void host_engine_feed_inner(struct host_engine *e)
{
    while (e->inner.size > 0 && !e->no_memory) {
        struct host_queue taken = e->inner;
        e->inner = e->inner_taken;
        e->inner.size = 0;
        e->inner_taken = taken;
        for (size_t at = 0; at < taken.size;) {
            const struct engine_message *message =
                (const void *)(taken.bytes + at);
            at += ((size_t)message->size + 7) & ~(size_t)7;
            host_engine_feed_message(e, message);
        }
    }
}

void host_engine_feed_time(struct host_engine *e)
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
    payload = l->result_max > payload ? l->result_max : payload;
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

/*
 * Whether the path names the file that was opened first. If it does not, what
 * is written goes where nobody will look for it, and the log that SQLite keeps
 * beside the path would be read as that of the file that stands there now.
 */
static bool in_place(struct host_engine *e)
{
    struct stat file;

    if (stat(e->config.database, &file)) {
        e->moved = true;
        return false;
    }
    if (!e->file_node) {
        e->file_device = file.st_dev;
        e->file_node = file.st_ino;
    }
    e->moved = file.st_dev != e->file_device || file.st_ino != e->file_node;
    return !e->moved;
}

int host_engine_open_store(struct host_engine *e, bool create,
                           char error[HOST_ERROR_SIZE])
{
    struct store_sqlite_config config = {
        .path = e->config.database,
        .create = create,
        .shared = 1,
        .sync_normal = e->config.sync_normal,
        .busy_timeout_ms = 2000,
        .checkpoint_pages = 4000,
        .wal_ahead = 1,
        .key = e->config.key,
        .limits = store_limits(e->config.limits),
    };
    struct store_problem problem;

    if (store_sqlite_try(&config, &e->store, &problem)) {
        snprintf(error, HOST_ERROR_SIZE, "%s", problem.text);
        return -1;
    }
    (void)in_place(e);
    e->store_open = true;
    e->store_delay_ns = 0;
    return 0;
}

void host_engine_close_store(struct host_engine *e)
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
    if (e->mono_ns < e->store_retry_ns || (e->file_node && !in_place(e)))
        return false;
    if (host_engine_open_store(e, false, error) == 0) {
        host_engine_say(e, HOST_SAY_WARN, "%s: open again", e->config.database);
        return true;
    }
    e->store_delay_ns = e->store_delay_ns ? 2 * e->store_delay_ns : SECOND / 8;
    if (e->store_delay_ns > 8 * SECOND)
        e->store_delay_ns = 8 * SECOND;
    e->store_retry_ns = e->mono_ns + e->store_delay_ns;
    host_engine_say(e, HOST_SAY_ERROR,
                    "%s; nothing is lost, trying again in %" PRIu64 " ms",
                    error, e->store_delay_ns / 1000000);
    return false;
}

static const struct engine_request *request_of(const struct host_group *group,
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
    void *place = host_engine_extend(e, &e->replies, size);
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
    if (ops->commit(e->store.self))
        return ENGINE_UNKNOWN;
    return in_place(e) ? ENGINE_COMMITTED : ENGINE_UNKNOWN;
}

static void group_failed(struct host_engine *e, enum engine_outcome outcome)
{
    struct store_problem problem;

    answer_none(e, outcome);
    if (!e->store_open || e->moved)
        return;
    store_sqlite_why(&e->store, e->config.database, &problem);
    host_engine_say(
        e, HOST_SAY_ERROR, "%s; %u requests %s and will be tried again",
        problem.text, e->writing.count,
        outcome == ENGINE_UNKNOWN ? "may or may not have been written"
                                  : "could not be written");
    /* What is in the file is learnt by opening it. */
    host_engine_close_store(e);
    e->store_retry_ns = e->mono_ns + e->store_delay_ns;
}

static void answer_self(struct host_engine *e, const struct host_asked *asked)
{
    struct engine_message wake = {
        .size = sizeof(wake),
        .kind = ENGINE_MSG_WAKE,
        .from = NODE_PLATFORM,
        .to = asked->index,
        .run = asked->token,
    };

    host_engine_to_coordinator(e, &wake);
}

static void answer_signal(struct host_engine *e, const struct host_asked *asked,
                          const struct engine_reply *reply)
{
    struct host_link *link = host_engine_link(e, asked->index, asked->serial);
    struct engine_message head = {.kind = HOST_MSG_SIGNALLED,
                                  .run = reply->run,
                                  .token = asked->token,
                                  .op = reply->outcome,
                                  .a = reply->repeat};
    struct host_asked waken = {.token = reply->run,
                               .index = (uint32_t)(reply->holder >> 32)};

    if (link)
        host_engine_send(link, &head, NULL, 0);
    if (waken.index)
        answer_self(e, &waken);
}

static void answer_link(struct host_engine *e, const struct host_asked *asked,
                        const struct engine_request *request,
                        const struct engine_reply *reply)
{
    struct host_link *link = host_engine_link(e, asked->index, asked->serial);
    struct engine_message head = {.kind = ENGINE_MSG_REPLY,
                                  .from = NODE_STORE,
                                  .to = NODE_WORKER + asked->index,
                                  .run = reply->run,
                                  .token = request->sender};

    if (!link)
        return;
    host_engine_note_answer(e, link, request, reply);
    host_engine_send(link, &head, reply, reply->size);
}

/* Of runs that are seen, once what they say is durable. */
static void observe_group(struct host_engine *e)
{
    for (uint32_t i = 0; i < e->writing.count; i++) {
        const struct engine_request *request = request_of(&e->writing, i);
        const struct engine_reply *reply = reply_of(e, i);
        if (request->kind == ENGINE_REQ_RENEW ||
            observe_sees(e->observe, reply->run))
            engine_record_exchange(observe_sink(e->observe), NODE_STORE,
                                   request, reply);
    }
}

static void answer_group(struct host_engine *e)
{
    for (uint32_t i = 0; i < e->writing.count && !e->no_memory; i++) {
        const struct host_asked *asked = &e->writing.asked[i];
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
void host_engine_run_group(struct host_engine *e)
{
    struct host_group swap = e->writing;
    e->writing = e->group;
    e->group = swap;
    e->group.count = 0;
    e->group.requests.size = 0;
    e->replies.size = 0;
    (void)reopen_store(e);
    enum engine_outcome outcome = write_group(e);
    host_engine_read_clocks(e);
    if (outcome != ENGINE_COMMITTED)
        group_failed(e, outcome);
    e->requests += e->writing.count;
    e->commits++;
    if (e->observe && !e->no_memory)
        observe_group(e);
    answer_group(e);
    host_engine_feed_inner(e);
}
