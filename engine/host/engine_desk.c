/*
 * Clients of an engine process: what they start, what they wait for, what they
 * say to runs.
 */
#include "engine/host/engine_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The desk: clients and what they wait for -------------------------------- */

static struct host_waiter *new_waiter(struct host_engine *e)
{
    struct host_waiter *waiter = e->free_waiters;

    if (waiter)
        e->free_waiters = waiter->next;
    else
        waiter = malloc(sizeof(*waiter));
    e->no_memory |= !waiter;
    return waiter;
}

static void free_waiter(struct host_engine *e, struct host_waiter *waiter)
{
    waiter->next = e->free_waiters;
    e->free_waiters = waiter;
}

static void wait_for(struct host_engine *e, const struct host_link *link,
                     uint64_t run, uint64_t token, bool result)
{
    struct host_waiter *waiter = new_waiter(e);
    struct host_waiter *first;

    if (!waiter)
        return;
    *waiter = (struct host_waiter){.run = run,
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

static void tell(struct host_engine *e, const struct host_waiter *waiter,
                 enum host_message_kind kind, uint64_t a)
{
    struct host_link *link = host_engine_link(e, waiter->link, waiter->serial);
    struct engine_message head = {.kind = (uint16_t)kind,
                                  .run = waiter->run,
                                  .token = waiter->token,
                                  .a = a};

    if (link)
        host_engine_send(link, &head, NULL, 0);
}

/* Takes all who wait for a run off the table, to be put back or freed. */
struct host_waiter *host_engine_take_waiters(struct host_engine *e,
                                             uint64_t run)
{
    struct host_waiter *first = engine_table_find(&e->desk, run);

    if (first)
        engine_table_remove(&e->desk, run);
    return first;
}

static void run_started(struct host_engine *e, uint64_t run)
{
    struct host_waiter *waiter = host_engine_take_waiters(e, run);
    struct host_waiter *keep = NULL;

    while (waiter) {
        struct host_waiter *next = waiter->next;
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
    struct host_waiter *waiter = host_engine_take_waiters(e, run);

    while (waiter) {
        struct host_waiter *next = waiter->next;
        struct host_link *link =
            host_engine_link(e, waiter->link, waiter->serial);
        if (link)
            host_engine_refuse(link, waiter->token, run, why, words);
        free_waiter(e, waiter);
        waiter = next;
    }
}

static void run_ended(struct host_engine *e, uint64_t run, uint64_t state)
{
    struct host_waiter *waiter = host_engine_take_waiters(e, run);

    while (waiter) {
        struct host_waiter *next = waiter->next;
        if (!waiter->started)
            tell(e, waiter, HOST_MSG_STARTED, 0);
        if (waiter->result)
            tell(e, waiter, HOST_MSG_RESULT, state);
        free_waiter(e, waiter);
        waiter = next;
    }
}

/* What coordinators say to clients. */
void host_engine_at_desk(struct host_engine *e,
                         const struct engine_message *message)
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
        host_engine_to_coordinator(e, &ack);
    }
}

/* Starts that the store has not confirmed: the client may ask again. */
void host_engine_look_at_desk(struct host_engine *e)
{
    if (e->mono_ns < e->desk_ns)
        return;
    e->desk_ns = e->mono_ns + SECOND;
    for (uint32_t i = 0; i < e->desk.count;) {
        const struct host_waiter *waiter = e->desk.items[i];
        if (waiter->started || e->mono_ns - waiter->asked_ns < 5 * SECOND)
            i++;
        else
            run_refused(e, waiter->run, HOST_REFUSED_STORE,
                        "the run could not be made durable within 5s; see the "
                        "engine's messages and try again");
    }
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

static bool start_allowed(struct host_engine *e, struct host_link *link,
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
    host_engine_refuse(link, message->token, message->run, HOST_REFUSED_SIZE,
                       words);
    return false;
}

static uint32_t start_workflow(struct host_engine *e, struct host_link *link,
                               const struct engine_message *message,
                               const struct start *start)
{
    uint32_t id =
        host_engine_named_workflow(e, start->name, start->sizes.name_size);
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
    host_engine_refuse(link, message->token, message->run,
                       HOST_REFUSED_WORKFLOW, words);
    return UINT32_MAX;
}

/* Finds or gives the number; 1: the run is there already, -1: refused. */
static int start_number(struct host_engine *e, struct host_link *link,
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
        host_engine_refuse(link, message->token, message->run,
                           HOST_REFUSED_STORE,
                           "the database could not be written; try again");
        return -1;
    }
    return *state > 0;
}

/* A run that is there: what can be said of it at once. */
static void start_again(struct host_engine *e, struct host_link *link,
                        const struct engine_message *message, uint64_t run,
                        int state)
{
    struct engine_message head = {.kind = HOST_MSG_STARTED,
                                  .flags = 1,
                                  .run = run,
                                  .token = message->token};
    bool wait = message->flags & HOST_START_WAIT;

    host_engine_send(link, &head, NULL, 0);
    if (!wait)
        return;
    if (engine_run_state_terminal((uint32_t)state)) {
        head.kind = HOST_MSG_RESULT;
        head.a = (uint64_t)state;
        host_engine_send(link, &head, NULL, 0);
        return;
    }
    wait_for(e, link, run, message->token, true);
    struct host_waiter *waiter = engine_table_find(&e->desk, run);
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
    unsigned char *place = host_engine_extend(e, &e->inner, head.size);

    if (!place)
        return;
    memcpy(place, &head, sizeof(head));
    if (start->sizes.input_size > 0)
        memcpy(place + sizeof(head), start->input, start->sizes.input_size);
}

void host_engine_start_run(struct host_engine *e, struct host_link *link,
                           const struct engine_message *message)
{
    struct start start;
    uint64_t run;
    int state;

    if (!read_start(message, &start)) {
        host_engine_cut_off(link, "sent a START whose sizes do not fit");
        return;
    }
    if (e->draining) {
        host_engine_refuse(
            link, message->token, message->run, HOST_REFUSED_DRAINING,
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

void host_engine_signal_run(struct host_engine *e, struct host_link *link,
                            const struct engine_message *message)
{
    const struct engine_item *item = (const void *)(message + 1);
    size_t size = message->size - sizeof(*message);
    struct host_asked from = {.origin = FROM_SIGNAL,
                              .index = link->index,
                              .serial = link->serial,
                              .token = message->token};

    if (!host_items_whole(item, size) || size < sizeof(*item) ||
        item->type != ENGINE_ITEM_INBOX) {
        host_engine_cut_off(link, "sent a SIGNAL that is none");
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
    host_engine_enqueue(e, e->own.bytes, e->own.size, from);
}

uint32_t host_engine_owned_runs(const struct host_engine *e)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < e->coordinator_count; i++)
        count += engine_coordinator_owned(e->coordinators[i]);
    return count;
}

void host_engine_list(struct host_engine *e, struct host_link *link,
                      const struct engine_message *message)
{
    struct engine_message head = {.kind = HOST_MSG_WORKER,
                                  .token = message->token};

    for (uint32_t i = 0; i < e->link_count; i++) {
        const struct host_link *worker = e->links[i];
        if (!worker || worker->gone || worker->slots == 0)
            continue;
        head.from = NODE_WORKER + i;
        head.a = worker->slots;
        head.b = worker->busy;
        head.op = worker->process;
        host_engine_send(link, &head, worker->id, strlen(worker->id));
    }
    head.kind = HOST_MSG_LISTED;
    head.a = host_engine_owned_runs(e);
    head.b = e->commits;
    head.run = e->requests;
    head.op = (uint32_t)getpid();
    host_engine_send(link, &head, NULL, 0);
}
