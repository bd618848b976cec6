/*
 * Workers of an engine process: who is connected, which workflows they serve,
 * and which attempts they are given. What a coordinator dispatches stands in
 * line until a worker that serves it has room.
 */
#include "engine/host/engine_private.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/definition.h"

/* Links ------------------------------------------------------------------- */

struct host_link *host_engine_link(struct host_engine *e, uint32_t index,
                                   uint32_t serial)
{
    struct host_link *link = index < e->link_count ? e->links[index] : NULL;

    return link && link->serial == serial && !link->gone ? link : NULL;
}

void host_engine_send(struct host_link *link, const struct engine_message *head,
                      const void *payload, size_t size)
{
    link->dirty = true;
    (void)host_peer_send(&link->peer, head, payload, size);
}

void host_engine_refuse(struct host_link *link, uint64_t token, uint64_t run,
                        enum host_refusal why, const char *words)
{
    struct engine_message head = {
        .kind = HOST_MSG_REFUSED, .token = token, .run = run, .op = why};

    host_engine_send(link, &head, words, strlen(words));
}

static void flush(struct host_link *link)
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

void host_engine_flush_all(struct host_engine *e)
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

static struct host_job *new_job(struct host_engine *e)
{
    struct host_job *job = e->free_jobs;

    if (job) {
        e->free_jobs = job->next;
        return job;
    }
    job = malloc(sizeof(*job));
    e->no_memory |= !job;
    return job;
}

static void free_job(struct host_engine *e, struct host_job *job)
{
    job->next = e->free_jobs;
    e->free_jobs = job;
}

static bool serves(const struct host_link *link, uint64_t workflow)
{
    return link->serves[workflow / 8] >> (workflow % 8) & 1;
}

static uint64_t free_slots(const struct host_link *link)
{
    uint64_t used = link->sent - link->received + link->busy;

    return used < link->slots ? link->slots - used : 0;
}

/* The worker with the most free slots for a workflow; NULL: none. */
static struct host_link *choose(const struct host_engine *e, uint64_t workflow)
{
    struct host_link *best = NULL;

    for (uint32_t i = 0; i < e->link_count; i++) {
        struct host_link *link = e->links[i];
        if (!link || link->gone || !serves(link, workflow))
            continue;
        uint64_t room = free_slots(link);
        if (room > 0 && (!best || room > free_slots(best)))
            best = link;
    }
    return best;
}

static void give(struct host_engine *e, struct host_link *link,
                 struct host_job *job)
{
    struct host_job *before =
        engine_table_find(&link->jobs, job_key(&job->message));

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
    host_engine_send(link, &job->message, NULL, 0);
}

void host_engine_give_waiting(struct host_engine *e, uint32_t workflow)
{
    struct host_jobs *waiting = &e->waiting[workflow];

    while (waiting->first) {
        struct host_link *link = choose(e, workflow);
        struct host_job *job = waiting->first;
        if (!link)
            return;
        waiting->first = job->next;
        if (!waiting->first)
            waiting->last = NULL;
        engine_table_remove(&e->queued, job_key(&job->message));
        give(e, link, job);
    }
}

void host_engine_give_all(struct host_engine *e, const struct host_link *link)
{
    for (uint32_t i = 0; i < e->workflow_count; i++)
        if (e->waiting[i].first && serves(link, i))
            host_engine_give_waiting(e, i);
}

/* Puts an attempt in line, unless it stands there already. */
static void line_up(struct host_engine *e, const struct engine_message *message)
{
    struct host_job *job = engine_table_find(&e->queued, job_key(message));
    struct host_jobs *waiting = &e->waiting[message->a];

    if (job) {
        job->message = *message;
        return;
    }
    job = new_job(e);
    if (!job)
        return;
    *job = (struct host_job){.message = *message};
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

void host_engine_to_coordinator(struct host_engine *e,
                                const struct engine_message *message)
{
    void *place = host_engine_extend(e, &e->inner, message->size);

    if (place)
        memcpy(place, message, message->size);
}

void host_engine_dispatch(struct host_engine *e,
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
    host_engine_to_coordinator(e, &answer);
    host_engine_give_waiting(e, (uint32_t)message->a);
}

/* What an answer from the store says about an attempt given to a worker. */
void host_engine_note_answer(struct host_engine *e, struct host_link *link,
                             const struct engine_request *request,
                             const struct engine_reply *reply)
{
    uint64_t key = request->run << 16 | request->op;
    struct host_job *job = engine_table_find(&link->jobs, key);

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
static void end_claim(struct host_engine *e, const struct host_job *job)
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
    struct host_asked from = {.origin = FROM_SELF,
                              .token = job->message.run,
                              .index = (uint32_t)job->message.b};

    host_engine_enqueue(e, &request, sizeof(request), from);
}

static bool process_dead(const struct host_link *link)
{
    return link->process > 0 && kill((pid_t)link->process, 0) && errno == ESRCH;
}

/* What a worker that has gone was given is for others now. */
void host_engine_take_back(struct host_engine *e, struct host_link *link)
{
    bool dead = link->slots > 0 && process_dead(link);

    while (link->jobs.count > 0) {
        struct host_job *job = link->jobs.items[0];
        engine_table_remove(&link->jobs, job_key(&job->message));
        if (!job->sender)
            line_up(e, &job->message);
        else if (dead)
            end_claim(e, job);
        free_job(e, job);
    }
    if (link->slots > 0)
        host_engine_say(e, HOST_SAY_INFO, "worker \"%s\" has %s", link->id,
                        dead ? "died" : "gone");
}

/* Workflows --------------------------------------------------------------- */

/* The first node that names a platform; NULL: none does. */
static const struct engine_node *
named_platform(const struct engine_graph *graph)
{
    for (uint32_t i = 0; i < engine_graph_count(graph); i++) {
        const struct engine_node *node = engine_graph_node(graph, i);
        if (node->platform_count > 0 && node->platform_names[0])
            return node;
    }
    return NULL;
}

/* Platforms are for simulations: here all steps go to the engine's workers. */
static void say_platforms(struct host_engine *e,
                          const struct engine_graph *graph)
{
    const struct engine_node *node = named_platform(graph);

    if (node)
        host_engine_say(e, HOST_SAY_WARN,
                        "workflow \"%.100s\": \"%.100s\" is to run on platform "
                        "\"%.100s\", and this engine has its own workers only: "
                        "they get all of it",
                        engine_graph_name(graph), node->name,
                        node->platform_names[0]);
}

int host_engine_keep_workflow(void *self, uint32_t id,
                              struct engine_graph *graph)
{
    struct host_engine *e = self;

    if (id >= WORKFLOWS_MAX) {
        engine_graph_free(graph);
        return -1;
    }
    e->graphs[id] = graph;
    if (id >= e->workflow_count)
        e->workflow_count = id + 1;
    say_platforms(e, graph);
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
        (void)host_engine_keep_workflow(e, id, graph);
        graph = NULL;
        host_engine_say(e, HOST_SAY_INFO, "workflow \"%s\" is number %u",
                        engine_graph_name(e->graphs[id]), id);
    }
    engine_graph_free(graph);
    return id;
}

/* The newest version of a workflow, of those that a worker serves if any. */
uint32_t host_engine_named_workflow(const struct host_engine *e,
                                    const char *name, size_t size)
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

static struct host_link *worker_named(const struct host_engine *e,
                                      const char *id)
{
    for (uint32_t i = 0; i < e->link_count; i++)
        if (e->links[i] && !e->links[i]->gone && e->links[i]->slots > 0 &&
            strcmp(e->links[i]->id, id) == 0)
            return e->links[i];
    return NULL;
}

static bool enter_workflows(struct host_engine *e, struct host_link *link,
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

uint64_t host_engine_skew_bound(const struct host_engine *e)
{
    uint64_t bound = e->config.lease_ttl_ns / 20;

    return bound < SECOND / 2 ? bound : SECOND / 2;
}

uint64_t host_engine_request_timeout(const struct host_engine *e)
{
    uint64_t timeout = e->config.lease_ttl_ns / 3;

    return timeout < 10 * SECOND ? timeout : 10 * SECOND;
}

static void welcome(struct host_engine *e, struct host_link *link,
                    const uint32_t *ids, uint32_t count)
{
    struct {
        struct host_welcome head;
        uint32_t ids[WORKFLOWS_MAX];
    } payload = {.head = {
                     .claim_ttl_ns = e->config.lease_ttl_ns,
                     .skew_bound_ns = host_engine_skew_bound(e),
                     .request_timeout_ns = host_engine_request_timeout(e),
                     .limits = *e->config.limits,
                     .store = NODE_STORE,
                     .workflow_count = count,
                 }};
    struct engine_message head = {.kind = HOST_MSG_WELCOME,
                                  .to = NODE_WORKER + link->index,
                                  .token = link->sender};

    memcpy(payload.ids, ids, count * sizeof(*ids));
    host_engine_send(link, &head, &payload,
                     sizeof(payload.head) + count * sizeof(*ids));
    host_engine_give_all(e, link);
}

static void refuse_second(struct host_engine *e, struct host_link *link,
                          const struct host_link *first)
{
    char words[512];

    snprintf(words, sizeof(words),
             "a worker with id \"%s\" is connected already, process %u; give "
             "each worker an id of its own with --id, or end that one",
             first->id, first->process);
    host_engine_say(e, HOST_SAY_WARN, "worker refused: %s", words);
    host_engine_refuse(link, 0, 0, HOST_REFUSED_WORKER, words);
}

void host_engine_hello(struct host_engine *e, struct host_link *link,
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
        host_engine_refuse(
            link, 0, 0, HOST_REFUSED_PROTOCOL,
            "the worker speaks another version's language; use the same "
            "version of perdure for both");
        return;
    }
    memcpy(link->id, payload + sizeof(h), h.id_size);
    struct host_link *other = worker_named(e, link->id);
    if (other && other != link && other->process != link->process) {
        refuse_second(e, link, other);
        link->id[0] = '\0';
        return;
    }
    if (other && other != link)
        other->gone = true; /* its own former connection */
    if (!enter_workflows(e, link, payload + sizeof(h) + id_span,
                         size - sizeof(h) - id_span, ids, &count)) {
        host_engine_refuse(
            link, 0, 0, HOST_REFUSED_WORKFLOW,
            "a workflow's definition is damaged, or the database could not "
            "be written");
        return;
    }
    link->slots = h.slots;
    link->sender =
        message->token
            ? message->token
            : (uint64_t)(NODE_WORKER + link->index) << 32 | message->attempt;
    host_engine_say(e, HOST_SAY_INFO, "worker \"%s\" has come, %u at a time",
                    link->id, link->slots);
    welcome(e, link, ids, count);
}

/* What a worker may ask of the store, in its own name only. */
static bool may_ask(const struct host_link *link,
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

void host_engine_cut_off(struct host_link *link, const char *why)
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
static void hint_early(struct host_engine *e, const struct host_link *link,
                       const struct engine_request *request)
{
    const struct host_job *job =
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
        host_engine_feed_message(e, (const void *)e->own.bytes);
}

void host_engine_ask_store(struct host_engine *e, struct host_link *link,
                           const struct engine_message *message)
{
    const struct engine_request *request = (const void *)(message + 1);
    struct host_asked from = {
        .origin = FROM_LINK, .index = link->index, .serial = link->serial};

    if (!may_ask(link, request)) {
        host_engine_cut_off(link, "asked the store for what a worker may not");
        return;
    }
    host_engine_enqueue(e, request, request->size, from);
    if (request->kind == ENGINE_REQ_FINISH)
        hint_early(e, link, request);
}
