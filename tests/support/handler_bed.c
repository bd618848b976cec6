#include "tests/support/handler_bed.h"

#include <assert.h>
#include <stdio.h>

#include "engine/value.h"

void handler_bed_restart(struct handler_bed *b)
{
    engine_bed_coordinator(&b->bed, HANDLER_BED_COORDINATOR);
    engine_bed_worker(&b->bed, HANDLER_BED_WORKER);
}

void handler_bed_add(struct handler_bed *b,
                     const struct engine_handler *handler)
{
    uint32_t at = b->bed.coordinator.graph_count;
    assert(at < BED_WORKFLOWS_MAX);
    b->bed.graphs[at] = engine_bed_handler(handler->name);
    b->bed.handlers[at] = handler;
    b->bed.coordinator.graph_count = at + 1;
    b->bed.worker.graph_count = at + 1;
}

void handler_bed_open(struct handler_bed *b,
                      const struct engine_handler *handler)
{
    handler_bed_open_within(b, handler, NULL);
}

void handler_bed_open_within(struct handler_bed *b,
                             const struct engine_handler *handler,
                             const struct engine_store_limits *limits)
{
    *b = (struct handler_bed){.workers = 1};
    engine_bed_open(&b->bed, NULL, limits);
    b->bed.coordinator.graph_count = 0;
    b->bed.worker.slots = 8;
    handler_bed_add(b, handler);
    handler_bed_restart(b);
}

void handler_bed_close(struct handler_bed *b)
{
    uint32_t count = b->bed.coordinator.graph_count;
    engine_bed_close(&b->bed);
    for (uint32_t i = 0; i < count; i++)
        engine_graph_free((struct engine_graph *)b->bed.graphs[i]);
}

void handler_bed_start(struct handler_bed *b, uint32_t workflow, uint64_t run,
                       const char *input)
{
    const struct engine_message message = {.kind = ENGINE_MSG_START,
                                           .from = BED_CLIENT,
                                           .run = run,
                                           .a = workflow};
    engine_bed_message(&b->bed, HANDLER_BED_COORDINATOR, &message, input,
                       strlen(input));
}

static void client_hears(struct handler_bed *b,
                         const struct engine_message *message)
{
    b->heard[message->kind]++;
    if (message->kind == ENGINE_MSG_REFUSED)
        b->refused = *message;
    if (message->kind != ENGINE_MSG_RESULT)
        return;
    b->state = (uint32_t)message->a;
    b->result_run = message->run;
    engine_bed_tell(&b->bed, message->from, ENGINE_MSG_RESULT_ACK, message->run,
                    0, 0);
}

static void platform_hears(struct handler_bed *b,
                           const struct engine_message *dispatch)
{
    struct engine_message answer = *dispatch;
    answer.kind = ENGINE_MSG_ACCEPTED;
    engine_bed_message(&b->bed, dispatch->from, &answer, NULL, 0);
    if (b->workers > 0)
        engine_bed_message(&b->bed, HANDLER_BED_WORKER + b->turn++ % b->workers,
                           dispatch, NULL, 0);
}

static void execute(struct handler_bed *b, uint32_t node,
                    const struct engine_execute *what, size_t size)
{
    const char *result = "done";
    b->executed++;
    b->last = *what;
    (void)snprintf(b->last_input, sizeof(b->last_input), "%.*s", (int)size,
                   (const char *)(what + 1));
    if (b->steps_hang)
        return;
    uint32_t error = b->step ? b->step(b, what, &result) : 0;
    engine_bed_part_ended(&b->bed, node, what->slot, what->part, error, result,
                          (uint32_t)strlen(result));
}

static void carry(struct handler_bed *b, const struct engine_bed_post *post)
{
    const struct engine_message *message = engine_bed_head(post);
    switch (post->kind) {
    case ENGINE_DO_REQUEST:
        engine_bed_apply(&b->bed, engine_bed_request(post));
        engine_bed_reply(&b->bed, post->from, (const void *)b->bed.reply.bytes);
        break;
    case ENGINE_DO_EXECUTE:
        execute(b, post->from, engine_bed_order(post),
                post->size - sizeof(struct engine_execute));
        break;
    case ENGINE_DO_ABANDON:
        b->abandoned++;
        break;
    default:
        if (message->to == BED_CLIENT)
            client_hears(b, message);
        else if (message->to == BED_PLATFORM)
            platform_hears(b, message);
        else
            engine_bed_message(&b->bed, message->to, message, message + 1,
                               message->size - sizeof(*message));
        break;
    }
}

void handler_bed_pump(struct handler_bed *b)
{
    for (unsigned n = 0; b->bed.post_count > 0; n++) {
        assert(n < 1000000);
        struct engine_bed_post *post = engine_bed_detach(&b->bed, 0);
        enum handler_bed_fate fate =
            b->fate ? b->fate(b, post) : HANDLER_BED_CARRY;
        if (fate != HANDLER_BED_LOSE)
            carry(b, post);
        if (fate == HANDLER_BED_TWICE)
            carry(b, post);
        free(post->bytes);
        free(post);
    }
}

static uint64_t deadline_of(const struct engine_bed_machine *machine)
{
    if (machine->coordinator)
        return engine_coordinator_deadline(machine->coordinator);
    return machine->worker ? engine_worker_deadline(machine->worker)
                           : UINT64_MAX;
}

void handler_bed_live(struct handler_bed *b, uint64_t ns)
{
    uint64_t end = b->bed.now_ns + ns;
    handler_bed_pump(b);
    while (b->bed.now_ns < end) {
        uint64_t step = end - b->bed.now_ns;
        for (uint32_t i = 0; i < BED_MACHINES_MAX; i++) {
            const struct engine_bed_machine *machine = &b->bed.machines[i];
            uint64_t at = deadline_of(machine);
            uint64_t wait = at <= machine->mono_ns ? 1 : at - machine->mono_ns;
            step = at != UINT64_MAX && wait < step ? wait : step;
        }
        engine_bed_pass(&b->bed, step);
        for (uint32_t i = 0; i < BED_MACHINES_MAX; i++)
            if (deadline_of(&b->bed.machines[i]) <= b->bed.machines[i].mono_ns)
                engine_bed_wake(&b->bed, BED_MACHINE + i);
        handler_bed_pump(b);
    }
}

uint32_t handler_bed_state(struct handler_bed *b, uint64_t run)
{
    struct engine_run_row row;
    return engine_bed_row(&b->bed, run, &row) ? row.state : 0;
}

const char *handler_bed_story(struct handler_bed *b, uint64_t run, char *text,
                              size_t size)
{
    return engine_bed_story(&b->bed, run, text, size);
}

struct last {
    uint64_t run;
    char *text;
    size_t size;
};

static void tell_end(const struct last *last, const struct engine_item *event)
{
    const char *bytes = engine_item_payload(event);
    size_t size = event->size;
    if (event->kind == ENGINE_EV_RUN_SUCCEEDED) {
        const struct engine_value *value = engine_value_at(bytes, size, 0);
        bytes = value ? engine_value_bytes(value) : "";
        size = value ? value->size : 0;
    }
    (void)snprintf(last->text, last->size, "%.*s", (int)size, bytes);
}

static int visit_end(void *self, const struct engine_log_row *row)
{
    const struct last *last = self;
    const unsigned char *at = row->items;
    const unsigned char *end = at + row->items_size;
    while (row->run == last->run && at < end) {
        const struct engine_item *event = (const void *)at;
        if (event->kind == ENGINE_EV_RUN_SUCCEEDED ||
            event->kind == ENGINE_EV_RUN_FAILED ||
            (event->kind >= ENGINE_EV_RUN_CANCELLED &&
             event->kind <= ENGINE_EV_RUN_STOPPED))
            tell_end(last, event);
        at += engine_item_span(event->size);
    }
    return 0;
}

const char *handler_bed_end(struct handler_bed *b, uint64_t run, char *text,
                            size_t size)
{
    struct last last = {.run = run, .text = text, .size = size};
    text[0] = 0;
    b->bed.store.ops->scan_log(b->bed.store.self, 0, visit_end, &last);
    return text;
}
