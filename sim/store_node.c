#include "sim/store_node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mirror.h"

struct pending {
    size_t offset; /* of the message, in bytes[] */
};

struct answer {
    size_t offset; /* of the reply, in replies.bytes */
    uint32_t to;
    uint64_t sender; /* the incarnation that asked */
};

struct bytes {
    unsigned char *at;
    size_t size;
    size_t capacity;
};

struct sim_store_node {
    struct sim_store_config config;
    struct engine_store store;
    bool open;
    bool busy;
    struct pending *pending; /* requests waiting, in bytes waiting */
    uint32_t pending_head;   /* those before it have been taken */
    uint32_t pending_count;
    uint32_t pending_capacity;
    struct bytes waiting;
    struct pending *group; /* the group under way */
    uint32_t group_capacity;
    struct bytes carried;
    struct answer *answers;
    uint32_t answer_count;
    uint32_t answer_capacity;
    struct bytes replies;
    struct engine_block reply;
    uint32_t doubt; /* requests of a group whose outcome is unknown */
    uint32_t held;  /* requests of a group that a pause keeps from commit */
    bool unsaid;    /* a pause keeps a durable group from being answered */
    bool forsaken;  /* what dead processes had open is not closed */
    struct engine_site about; /* what the group under way is about */
    uint64_t known;           /* last log position known to be durable */
    uint64_t audited;         /* last position the audits have covered */
    uint64_t groups;
    uint64_t commits;
};

enum {
    GROUP_DONE = 1,
    OPEN_AGAIN = 2
};

enum {
    RESULT_ROW = 1 /* number of the result of a graph's run in its outbox */
};

static struct sim_world *world_of(struct sim_store_node *n)
{
    return n->config.world;
}

static bool keep_bytes(struct bytes *to, const void *bytes, size_t size)
{
    size_t padded = (size + 7) & ~(size_t)7;
    if (to->size + padded > to->capacity) {
        size_t capacity = to->capacity ? to->capacity : 16384;
        while (capacity < to->size + padded)
            capacity *= 2;
        void *at = realloc(to->at, capacity);
        if (!at)
            return false;
        to->at = at;
        to->capacity = capacity;
    }
    memcpy(to->at + to->size, bytes, size);
    to->size += padded;
    return true;
}

/* Makes room for one more element of size bytes. */
static bool room(void **array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    uint32_t more = *capacity ? 2 * *capacity : 64;
    void *grown = realloc(*array, more * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = more;
    return true;
}

static void note(struct sim_store_node *n, enum engine_record_kind kind,
                 uint64_t a, uint64_t b, uint32_t count, unsigned detail)
{
    struct engine_record record = {
        .kind = (uint16_t)kind,
        .node = SIM_NODE_STORE,
        .op = UINT32_MAX,
        .a = a,
        .b = b,
        .count = count,
        .detail = (uint16_t)detail,
    };
    sim_record(world_of(n), &record);
}

/* The group under way ------------------------------------------------------ */

static const struct engine_message *carried(const struct sim_store_node *n,
                                            uint32_t i)
{
    return (const void *)(n->carried.at + n->group[i].offset);
}

static const struct engine_request *
request_of(const struct engine_message *message)
{
    return (const void *)(message + 1);
}

/* What a request is about; op from 1, and only with an attempt. */
static struct engine_site subject_of(const struct engine_message *message)
{
    const struct engine_request *request = request_of(message);
    struct engine_site about = {.run = request->run};
    if (request->attempt != 0) {
        about.op = request->op + 1;
        about.attempt = request->attempt;
        return about;
    }
    const struct engine_item *item =
        engine_item_first(request, sizeof(*request));
    while (item && item->attempt == 0)
        item = engine_item_next(request, item);
    if (item && item->op != UINT32_MAX) {
        about.op = item->op + 1;
        about.attempt = item->attempt;
    }
    return about;
}

/* From now on this is what the points of the store are about. */
static void set_about(struct sim_store_node *n, struct engine_site about)
{
    n->about = about;
    if (n->config.disk)
        sim_disk_about(n->config.disk, about.run, about.op, about.attempt);
}

static bool ask(struct sim_store_node *n, enum sim_point point)
{
    return sim_boundary(world_of(n), point, SIM_NODE_STORE, n->about.run,
                        n->about.op, n->about.attempt);
}

/* Whether the exchange made something durable; reading does not. */
static bool changes(const struct engine_reply *reply)
{
    if (reply->outcome != ENGINE_COMMITTED)
        return false;
    switch (reply->kind) {
    case ENGINE_REQ_LOAD:
    case ENGINE_REQ_MAIL:
    case ENGINE_REQ_GET_BLOB:
        return false;
    case ENGINE_REQ_ACQUIRE:
        return reply->run != 0;
    default:
        return true;
    }
}

static void record_group(struct sim_store_node *n, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct engine_request *request = request_of(carried(n, i));
        const struct engine_reply *reply =
            (const void *)(n->replies.at + n->answers[i].offset);
        n->commits += changes(reply);
        if (reply->outcome == ENGINE_COMMITTED && reply->position > n->known)
            n->known = reply->position;
        engine_record_exchange(&world_of(n)->sink, SIM_NODE_STORE, request,
                               reply);
        if (n->config.heard)
            n->config.heard(n->config.heard_self, request, reply);
        if (n->config.mirror &&
            sim_mirror_exchange(n->config.mirror, request, reply))
            world_of(n)->failed = true;
    }
}

/* A group in doubt ------------------------------------------------------- */

static const struct engine_reply *answer_of(const struct sim_store_node *n,
                                            uint32_t i)
{
    return (const void *)(n->replies.at + n->answers[i].offset);
}

/* What tells whether a group has survived: one of its rows. */
struct trace {
    const struct engine_request *request;
    struct engine_hash id; /* of a signal */
    bool found;
};

static int trace_work(void *self, uint64_t run, const struct engine_item *item)
{
    struct trace *trace = self;
    const struct engine_request *request = trace->request;
    unsigned state = request->kind == ENGINE_REQ_CLAIM ? ENGINE_WORK_CLAIMED
                                                       : ENGINE_WORK_DONE;
    trace->found = run == request->run && item->op == request->op &&
                   item->attempt == request->attempt && item->kind == state;
    return trace->found;
}

static int trace_run(void *self, const struct engine_run_row *row)
{
    struct trace *trace = self;
    if (row->run != trace->request->run)
        return 0;
    trace->found = row->wake_ns == UINT64_MAX;
    return 1;
}

/* The row of an outbox that is acknowledged, or of an inbox that was put. */
static int trace_box(void *self, uint64_t run, const struct engine_item *item)
{
    struct trace *trace = self;
    const struct engine_request *request = trace->request;
    if (run != request->run)
        return 0;
    if (request->kind == ENGINE_REQ_ACK)
        trace->found =
            item->type == ENGINE_ITEM_OUTBOX && item->op == request->op;
    else
        trace->found = item->type == ENGINE_ITEM_INBOX &&
                       item->a == trace->id.lo && item->b == trace->id.hi;
    return trace->found;
}

static bool found_in_boxes(struct sim_store_node *n, struct trace *trace)
{
    const struct engine_item *item =
        engine_item_first(trace->request, sizeof(*trace->request));
    if (item)
        trace->id = (struct engine_hash){item->a, item->b};
    (void)n->store.ops->scan_boxes(n->store.self, trace_box, trace);
    return trace->found;
}

/* Has this request's row survived? -1: it left none of its own. */
static int row_survived(struct sim_store_node *n, uint32_t i)
{
    const struct engine_store_ops *ops = n->store.ops;
    struct trace trace = {.request = request_of(carried(n, i))};
    const struct engine_reply *reply = answer_of(n, i);
    if (reply->outcome != ENGINE_COMMITTED || reply->repeat)
        return -1;
    if (reply->kind == ENGINE_REQ_CLAIM || reply->kind == ENGINE_REQ_FINISH)
        (void)ops->scan_work(n->store.self, trace_work, &trace);
    else if (reply->kind == ENGINE_REQ_ACK && trace.request->op == RESULT_ROW)
        (void)ops->scan_runs(n->store.self, trace_run, &trace);
    else if (reply->kind == ENGINE_REQ_ACK)
        return !found_in_boxes(n, &trace);
    else if (reply->kind == ENGINE_REQ_SIGNAL)
        return found_in_boxes(n, &trace);
    else
        return -1;
    return trace.found;
}

/*
 * The group is one transaction: any one of its requests that left a trace
 * speaks for all. A log row of its own is the surest; a reply may also name
 * one that was there before. Groups that only renewed something leave none,
 * and matter to nobody.
 */
static bool survived(struct sim_store_node *n, uint64_t last)
{
    for (uint32_t i = 0; i < n->doubt; i++) {
        const struct engine_reply *reply = answer_of(n, i);
        if (reply->outcome == ENGINE_COMMITTED && reply->position > n->known)
            return reply->position <= last;
    }
    for (uint32_t i = 0; i < n->doubt; i++) {
        int found = row_survived(n, i);
        if (found >= 0)
            return found;
    }
    return false;
}

static void settle_doubt(struct sim_store_node *n, uint64_t last)
{
    if (n->doubt > 0 && survived(n, last))
        record_group(n, n->doubt);
    n->doubt = 0;
    n->known = last;
    n->answer_count = 0;
    n->replies.size = 0;
}

/* Audit ----------------------------------------------------------------- */

static int find_last(void *self, const struct engine_log_row *row)
{
    *(uint64_t *)self = row->position;
    return 0;
}

struct audit {
    struct sim_store_node *node;
    uint64_t rows;
    uint64_t last;
};

static int audit_row(void *self, const struct engine_log_row *row)
{
    struct audit *audit = self;
    struct engine_record record = {
        .kind = ENGINE_REC_AUDIT_ROW,
        .node = SIM_NODE_STORE,
        .op = UINT32_MAX,
        .run = row->run,
        .token = row->token,
        .key = row->hash.lo,
        .key_hi = row->hash.hi,
        .a = row->seq,
        .b = row->position,
        .count = row->count,
    };
    sim_record(world_of(audit->node), &record);
    audit->rows++;
    audit->last = row->position;
    return 0;
}

static int audit_run(void *self, const struct engine_run_row *row)
{
    struct audit *audit = self;
    struct engine_record record = {
        .kind = ENGINE_REC_AUDIT_RUN,
        .node = SIM_NODE_STORE,
        .op = UINT32_MAX,
        .run = row->run,
        .token = row->token,
        .a = row->next_seq,
        .b = row->tail,
        .key = row->hash.lo,
        .key_hi = row->hash.hi,
        .state = (uint16_t)row->state,
    };
    sim_record(world_of(audit->node), &record);
    return 0;
}

static int audit_work(void *self, uint64_t run, const struct engine_item *item)
{
    struct audit *audit = self;
    struct engine_record record = {
        .kind = ENGINE_REC_AUDIT_WORK,
        .node = SIM_NODE_STORE,
        .run = run,
        .op = item->op,
        .attempt = item->attempt,
        .detail = item->kind,
    };
    sim_record(world_of(audit->node), &record);
    return 0;
}

/* Reads the rows after a position; false if the file would not let us. */
static bool audit_log(struct sim_store_node *n, uint64_t after, bool whole)
{
    struct audit audit = {.node = n, .last = after};
    int error = n->store.ops->scan_log(n->store.self, after, audit_row, &audit);
    if (!error && whole)
        error = n->store.ops->scan_runs(n->store.self, audit_run, &audit);
    if (!error && whole)
        error = n->store.ops->scan_work(n->store.self, audit_work, &audit);
    n->audited = audit.last;
    note(n, ENGINE_REC_AUDIT_DONE, 0, audit.rows, error ? 1 : 0, whole);
    return error == 0;
}

/* The process ------------------------------------------------------------ */

static void close_store(struct sim_store_node *n)
{
    if (n->open)
        n->store.ops->close(n->store.self);
    n->open = false;
}

static bool power_lost(const struct sim_store_node *n)
{
    return n->config.disk && !sim_disk_is_on(n->config.disk);
}

static void power_off(struct sim_store_node *n)
{
    sim_process_crash(world_of(n), SIM_NODE_STORE, ENGINE_ACT_CRASH);
}

static void open_store(struct sim_store_node *n)
{
    struct sim_world *world = world_of(n);
    set_about(n, (struct engine_site){0});
    if (n->config.disk)
        sim_disk_restart(n->config.disk);
    int error = n->config.open(n->config.open_self, &n->store);
    n->open = error == 0;
    if (power_lost(n)) {
        power_off(n);
        return;
    }
    if (error == SIM_STORE_DAMAGED) {
        note(n, ENGINE_REC_STORE_OPENED, 0, 0, 1, 0);
        return;
    }
    if (error) {
        sim_timer_at(world, SIM_NODE_STORE,
                     world->now_ns + UINT64_C(1000000000), OPEN_AGAIN);
        return;
    }
    uint64_t from = n->audited;
    uint64_t last = from;
    bool read =
        n->store.ops->scan_log(n->store.self, from, find_last, &last) == 0;
    if (read) {
        settle_doubt(n, last);
        note(n, ENGINE_REC_STORE_OPENED, last, 0, 0, 0);
    }
    if (!read || !audit_log(n, from, false))
        sim_process_crash(world, SIM_NODE_STORE, ENGINE_ACT_ERROR);
    if (n->config.disk)
        (void)sim_disk_take_busy(n->config.disk);
}

static void start(void *self)
{
    struct sim_store_node *n = self;
    n->pending_head = 0;
    n->pending_count = 0;
    n->waiting.size = 0;
    n->busy = false;
    n->held = 0;
    n->unsaid = false;
    open_store(n);
}

static void stop(void *self)
{
    struct sim_store_node *n = self;
    /* The power goes first, so that closing cannot write. */
    if (n->config.disk)
        sim_disk_crash(n->config.disk);
    if (n->config.disk && n->forsaken)
        n->open = false;
    else if (n->config.disk)
        close_store(n);
    if (n->doubt == 0) {
        n->answer_count = 0;
        n->replies.size = 0;
    }
}

/* Groups ------------------------------------------------------------------ */

static bool keep_reply(struct sim_store_node *n,
                       const struct engine_message *message, const void *bytes,
                       size_t size)
{
    if (!room((void **)&n->answers, n->answer_count, &n->answer_capacity,
              sizeof(*n->answers)))
        return false;
    n->answers[n->answer_count++] = (struct answer){
        n->replies.size, message->from, request_of(message)->sender};
    return keep_bytes(&n->replies, bytes, size);
}

static void fail_group(struct sim_store_node *n, uint32_t count,
                       uint64_t wall_ns)
{
    n->answer_count = 0;
    n->replies.size = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct engine_request *request = request_of(carried(n, i));
        struct engine_reply reply = {
            .size = sizeof(reply),
            .kind = request->kind,
            .outcome = ENGINE_FAILED,
            .id = request->id,
            .run = request->run,
            .store_time_ns = wall_ns,
            .wake_ns = UINT64_MAX,
        };
        if (!keep_reply(n, carried(n, i), &reply, sizeof(reply)))
            world_of(n)->failed = true;
    }
}

/* Carries the group out, short of committing it. False: rolled back. */
static bool apply_group(struct sim_store_node *n, uint32_t count,
                        uint64_t wall_ns)
{
    const struct engine_store_ops *ops = n->store.ops;
    if (ops->begin(n->store.self, wall_ns)) {
        if (engine_defect(&n->config.defects, ENGINE_DEFECT_ENOSPC_FATAL))
            return false;
        /* It answers nothing more: what is on disk is learnt by opening. */
        sim_process_crash(world_of(n), SIM_NODE_STORE, ENGINE_ACT_ERROR);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (ops->apply(n->store.self, request_of(carried(n, i)), &n->reply)) {
            ops->rollback(n->store.self);
            return false;
        }
        if (!keep_reply(n, carried(n, i), n->reply.bytes, n->reply.size))
            world_of(n)->failed = true;
    }
    return true;
}

static void send_answers(struct sim_store_node *n)
{
    struct sim_world *world = world_of(n);
    for (uint32_t i = 0; i < n->answer_count; i++) {
        const struct engine_reply *reply =
            (const void *)(n->replies.at + n->answers[i].offset);
        struct engine_message head = {
            .size = (uint32_t)(sizeof(head) + reply->size),
            .kind = ENGINE_MSG_REPLY,
            .from = SIM_NODE_STORE,
            .to = n->answers[i].to,
            .run = reply->run,
            .token = n->answers[i].sender,
        };
        sim_net_send2(world, &head, reply, reply->size);
    }
    n->answer_count = 0;
    n->replies.size = 0;
}

/* All that waits becomes the group: the two sides change places. */
static uint32_t take_all(struct sim_store_node *n)
{
    struct pending *group = n->group;
    uint32_t capacity = n->group_capacity;
    struct bytes bytes = n->carried;
    uint32_t count = n->pending_count;
    n->group = n->pending;
    n->group_capacity = n->pending_capacity;
    n->carried = n->waiting;
    n->pending = group;
    n->pending_capacity = capacity;
    n->waiting = bytes;
    n->pending_count = 0;
    n->waiting.size = 0;
    return count;
}

/* Closes the gap that taken requests have left, when it is worth the move. */
static void close_gap(struct sim_store_node *n)
{
    if (2 * n->pending_head < n->pending_count)
        return;
    size_t end = n->pending_head < n->pending_count
                     ? n->pending[n->pending_head].offset
                     : n->waiting.size;
    n->pending_count -= n->pending_head;
    memmove(n->pending, n->pending + n->pending_head,
            n->pending_count * sizeof(*n->pending));
    for (uint32_t i = 0; i < n->pending_count; i++)
        n->pending[i].offset -= end;
    n->waiting.size -= end;
    memmove(n->waiting.at, n->waiting.at + end, n->waiting.size);
    n->pending_head = 0;
}

/* The waiting requests become the group; returns how many. */
static uint32_t take_group(struct sim_store_node *n)
{
    uint32_t waiting = n->pending_count - n->pending_head;
    uint32_t count =
        waiting < n->config.group_max ? waiting : n->config.group_max;
    if (n->pending_head == 0 && count == n->pending_count)
        return take_all(n);
    n->carried.size = 0;
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *from =
            n->waiting.at + n->pending[n->pending_head + i].offset;
        const struct engine_message *message = (const void *)from;
        if (!room((void **)&n->group, i, &n->group_capacity,
                  sizeof(*n->group))) {
            world_of(n)->failed = true;
            return 0;
        }
        n->group[i].offset = n->carried.size;
        if (!keep_bytes(&n->carried, message, message->size)) {
            world_of(n)->failed = true;
            return 0;
        }
    }
    n->pending_head += count;
    close_gap(n);
    return count;
}

static uint64_t group_time(struct sim_store_node *n, uint32_t count)
{
    if (n->config.disk)
        return sim_disk_take_busy(n->config.disk) +
               count * n->config.request_ns;
    return count * n->config.request_ns;
}

static void commit_group(struct sim_store_node *n, uint32_t count)
{
    bool early = engine_defect(&n->config.defects, ENGINE_DEFECT_ACK_EARLY);
    if (n->store.ops->commit(n->store.self)) {
        if (!power_lost(n))
            note(n, ENGINE_REC_SYNC_FAILED, 0, 0, count, 0);
        if (!power_lost(n) &&
            engine_defect(&n->config.defects, ENGINE_DEFECT_ENOSPC_FATAL)) {
            fail_group(n, count, sim_node_wall(world_of(n), SIM_NODE_STORE));
            return;
        }
        n->doubt = early ? 0 : count;
        power_off(n);
        return;
    }
    n->groups++;
    if (!early)
        record_group(n, count);
    /* The power went in a part of the commit that SQLite can do without. */
    if (power_lost(n))
        power_off(n);
}

static bool running(struct sim_store_node *n)
{
    return sim_node(world_of(n), SIM_NODE_STORE)->state == SIM_PROCESS_UP;
}

/* The group has been committed or refused: the disk takes its time. */
static void end_group(struct sim_store_node *n, uint32_t count)
{
    if (running(n))
        sim_timer_at(world_of(n), SIM_NODE_STORE,
                     world_of(n)->now_ns + group_time(n, count), GROUP_DONE);
}

/* Commits a group that was carried out, unless the process is stopped. */
static void try_commit(struct sim_store_node *n, uint32_t count)
{
    if (engine_defect(&n->config.defects, ENGINE_DEFECT_ACK_EARLY)) {
        record_group(n, count);
        send_answers(n);
    }
    /* A store in memory has no way back: it is not asked here. */
    if (n->config.disk && ask(n, SIM_POINT_STORE_COMMIT_BEFORE)) {
        n->held = count;
        return;
    }
    commit_group(n, count);
    end_group(n, count);
}

static const struct engine_message *next_waiting(const struct sim_store_node *n)
{
    return (const void *)(n->waiting.at + n->pending[n->pending_head].offset);
}

static void run_group(struct sim_store_node *n)
{
    struct sim_world *world = world_of(n);
    if (n->busy || !n->open || n->pending_count == n->pending_head)
        return;
    set_about(n, subject_of(next_waiting(n)));
    if (ask(n, SIM_POINT_STORE_GROUP_BEFORE))
        return;
    uint32_t count = take_group(n);
    uint64_t wall_ns = sim_node_wall(world, SIM_NODE_STORE);
    n->busy = true;
    if (apply_group(n, count, wall_ns)) {
        try_commit(n, count);
        return;
    }
    if (sim_node(world, SIM_NODE_STORE)->state == SIM_PROCESS_DOWN)
        return;
    fail_group(n, count, wall_ns);
    if (power_lost(n))
        power_off(n);
    end_group(n, count);
}

static void message(void *self, const struct engine_message *message)
{
    struct sim_store_node *n = self;
    size_t size = message->size - sizeof(*message);
    if (message->kind != ENGINE_MSG_REQUEST ||
        engine_request_check(message + 1, size))
        return;
    if (!room((void **)&n->pending, n->pending_count, &n->pending_capacity,
              sizeof(*n->pending))) {
        world_of(n)->failed = true;
        return;
    }
    n->pending[n->pending_count++].offset = n->waiting.size;
    if (!keep_bytes(&n->waiting, message, message->size))
        world_of(n)->failed = true;
    run_group(n);
}

static void answer_group(struct sim_store_node *n)
{
    n->unsaid = false;
    send_answers(n);
    n->busy = false;
    run_group(n);
}

static void timer(void *self, uint64_t arg)
{
    struct sim_store_node *n = self;
    if (arg == OPEN_AGAIN) {
        open_store(n);
        run_group(n);
        return;
    }
    n->unsaid = true;
    if (!ask(n, SIM_POINT_STORE_COMMIT_AFTER))
        answer_group(n);
}

/* After a pause: what it came between. */
static void resumed(void *self)
{
    struct sim_store_node *n = self;
    uint32_t held = n->held;
    n->held = 0;
    if (held > 0) {
        commit_group(n, held);
        end_group(n, held);
    } else if (n->unsaid) {
        answer_group(n);
    } else {
        run_group(n);
    }
}

static const struct sim_actor_ops ops = {
    .message = message,
    .timer = timer,
    .start = start,
    .stop = stop,
    .resume = resumed,
};

struct sim_store_node *sim_store_node_new(const struct sim_store_config *config,
                                          const struct sim_clock *clock,
                                          uint64_t restart_ns)
{
    assert(config->group_max > 0);
    struct sim_store_node *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->config = *config;
    engine_block_init(&n->reply);
    sim_node_set(config->world, SIM_NODE_STORE, &ops, n, clock, restart_ns);
    return n;
}

void sim_store_node_free(struct sim_store_node *n)
{
    if (!n)
        return;
    if (n->config.disk)
        close_store(n);
    engine_block_free(&n->reply);
    free(n->pending);
    free(n->waiting.at);
    free(n->group);
    free(n->carried.at);
    free(n->answers);
    free(n->replies.at);
    free(n);
}

void sim_store_node_forsake(struct sim_store_node *n)
{
    n->forsaken = true;
}

/* A snapshot that is kept is what its log says. */
static int look_at_box(void *self, uint64_t run, const struct engine_item *item)
{
    const struct sim_store_node *n = self;
    return item->type == ENGINE_ITEM_SNAPSHOT &&
                   sim_mirror_snapshot(n->config.mirror, run, item)
               ? 1
               : 0;
}

void sim_store_node_audit(struct sim_store_node *n)
{
    if (n->config.disk) {
        sim_disk_restart(n->config.disk);
        sim_disk_heal(n->config.disk);
    }
    /* A store that has failed can say nothing: open it anew. */
    if (n->config.disk)
        close_store(n);
    if (!n->open) {
        int error = n->config.open(n->config.open_self, &n->store);
        if (error) {
            note(n, ENGINE_REC_STORE_OPENED, 0, 0, 1, 0);
            return;
        }
        n->open = true;
        uint64_t last = n->audited;
        if (n->store.ops->scan_log(n->store.self, n->audited, find_last,
                                   &last) == 0)
            settle_doubt(n, last);
    }
    if (n->held > 0)
        n->store.ops->rollback(n->store.self);
    n->held = 0;
    if (n->config.mirror &&
        n->store.ops->scan_boxes(n->store.self, look_at_box, n) > 0)
        world_of(n)->failed = true;
    audit_log(n, 0, true);
}

uint64_t sim_store_node_groups(const struct sim_store_node *n)
{
    return n->groups;
}

uint64_t sim_store_node_commits(const struct sim_store_node *n)
{
    return n->commits;
}
