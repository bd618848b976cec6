/*
 * Rows of the outbox that operations of a handler get: which ones there are
 * room for, and what becomes of the others.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "engine/invoke.h"
#include "engine/store.h"
#include "tests/support/engine_bed.h"

enum {
    RUN = 5,
    NOW = 1000000000
};

struct owner {
    const struct engine_graph *graph;
    struct engine_run *run;
    struct engine_block block;
    struct engine_block rows;
    struct engine_decide decide;
    size_t from; /* of the events that were not looked at */
    struct engine_invoke_rules rules;
};

static const struct engine_defects no_defects;

static void begin(struct owner *owner)
{
    engine_block_begin(&owner->block, sizeof(uint64_t));
    engine_block_begin(&owner->rows, sizeof(uint64_t));
    owner->decide = (struct engine_decide){.run = owner->run,
                                           .block = &owner->block,
                                           .rows = &owner->rows,
                                           .store_now_ns = NOW,
                                           .defects = &no_defects};
    owner->from = owner->block.size;
}

static void open_owner(struct owner *owner)
{
    *owner = (struct owner){.graph = engine_bed_handler("parent")};
    owner->run = engine_run_new(NULL, RUN, 0, owner->graph);
    owner->rules = (struct engine_invoke_rules){&owner->graph, 1};
    begin(owner);
    engine_decide_event(&owner->decide, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0, 0,
                        9, NULL, 0);
    begin(owner);
}

static void close_owner(struct owner *owner)
{
    engine_run_free(owner->run);
    engine_block_free(&owner->block);
    engine_block_free(&owner->rows);
    engine_graph_free((struct engine_graph *)owner->graph);
}

/* The next operation is begun; its number. */
static uint32_t start(struct owner *owner, unsigned type, uint64_t peer,
                      uint64_t message, const char *detail)
{
    const struct engine_hash none = {0, 0};
    uint32_t op = owner->run->execution->operations.count;
    struct engine_hash id = engine_operation_id(RUN, none, op);
    const struct engine_item head = {
        .type = ENGINE_ITEM_EVENT,
        .kind = ENGINE_EV_OPERATION_STARTED,
        .op = op,
        .a = id.lo,
        .b = id.hi,
        .flags = engine_operation_flags(type, ENGINE_SUBTYPE_NONE, 0)};
    const struct engine_operation_view view = {
        .head = {.first_ns = peer,
                 .second_ns = message,
                 .detail_size = (uint32_t)strlen(detail)},
        .detail = {detail, strlen(detail)}};
    size_t from = owner->block.size;
    cr_assert(engine_operation_write(&owner->block, &head, &view));
    engine_decide_added(&owner->decide, from);
    cr_assert_eq(owner->decide.error, 0);
    return op;
}

static void decide_started(struct owner *owner)
{
    engine_invoke_started(&owner->decide, &owner->rules, owner->from,
                          owner->block.size);
    cr_assert_eq(owner->decide.error, 0);
    owner->from = owner->block.size;
}

static unsigned status_of(const struct owner *owner, uint32_t op)
{
    return owner->run->execution->operations.entries[op].status;
}

/* Waits up to an operation; what was begun is forgotten. */
static void pass_to(struct owner *owner, uint32_t op)
{
    while (owner->run->execution->operations.count < op) {
        (void)start(owner, ENGINE_OPERATION_WAIT, NOW, 0, "");
        engine_run_stamp(owner->run, NOW);
        begin(owner);
    }
}

static const struct engine_item *row_at(const struct owner *owner, uint32_t row)
{
    for (const struct engine_item *item =
             engine_item_first(owner->rows.bytes, sizeof(uint64_t));
         item; item = engine_item_next(owner->rows.bytes, item))
        if (item->op == row)
            return item;
    return NULL;
}

Test(engine_invoke, the_last_operation_with_a_row_is_sent_and_no_other)
{
    struct owner owner;
    open_owner(&owner);
    pass_to(&owner, ENGINE_INVOKE_LAST);
    uint32_t last = start(&owner, ENGINE_OPERATION_SEND, 9, 1, "edge");
    uint32_t next = start(&owner, ENGINE_OPERATION_SEND, 9, 2, "edge");
    cr_assert_eq(last, ENGINE_INVOKE_LAST);
    decide_started(&owner);
    cr_assert_eq(status_of(&owner, last), ENGINE_STATUS_STARTED);
    cr_assert_eq(status_of(&owner, next), ENGINE_STATUS_FAILED);
    cr_assert_not_null(row_at(&owner, 2 * last));
    cr_assert_null(row_at(&owner, 2 * next));
    close_owner(&owner);
}

Test(engine_invoke, an_invoke_without_a_row_fails)
{
    struct owner owner;
    open_owner(&owner);
    pass_to(&owner, ENGINE_INVOKE_LAST);
    uint32_t last = start(&owner, ENGINE_OPERATION_INVOKE, 0, 0, "parent");
    uint32_t next = start(&owner, ENGINE_OPERATION_INVOKE, 0, 0, "parent");
    decide_started(&owner);
    cr_assert_eq(status_of(&owner, last), ENGINE_STATUS_STARTED);
    cr_assert_eq(status_of(&owner, next), ENGINE_STATUS_FAILED);
    close_owner(&owner);
}

/* Its answer would be in the place of an edge's end. */
Test(engine_invoke, a_receive_that_could_not_answer_fails)
{
    struct owner owner;
    open_owner(&owner);
    pass_to(&owner, ENGINE_INVOKE_LAST);
    uint32_t last = start(&owner, ENGINE_OPERATION_RECEIVE, 0, 0, "edge");
    uint32_t next = start(&owner, ENGINE_OPERATION_RECEIVE, 0, 0, "edge");
    decide_started(&owner);
    cr_assert_eq(status_of(&owner, last), ENGINE_STATUS_STARTED);
    cr_assert_eq(status_of(&owner, next), ENGINE_STATUS_FAILED);
    cr_assert_lt(2 * last + 1, engine_invoke_free_row(owner.run));
    cr_assert_lt(engine_invoke_free_row(owner.run), ENGINE_INVOKE_ENDS);
    close_owner(&owner);
}

static uint64_t end_number(const struct owner *owner, uint32_t row)
{
    const struct engine_item *item = row_at(owner, row);
    struct engine_signal signal = {0};
    if (item)
        memcpy(&signal, engine_item_payload(item), sizeof(signal));
    return signal.kind == ENGINE_SIG_END_OF_STREAM ? signal.number : 0;
}

/* Else its receiver would wait for messages that never were on their way. */
Test(engine_invoke, an_edge_ends_behind_the_last_message_that_was_sent)
{
    struct owner owner;
    open_owner(&owner);
    pass_to(&owner, ENGINE_INVOKE_LAST);
    (void)start(&owner, ENGINE_OPERATION_SEND, 9, 1, "edge");
    (void)start(&owner, ENGINE_OPERATION_SEND, 9, 2, "edge");
    (void)start(&owner, ENGINE_OPERATION_SEND, 9, 1, "other");
    decide_started(&owner);
    engine_decide_over(&owner.decide, ENGINE_EV_RUN_CANCELLED,
                       ENGINE_ERR_CANCELLED, NULL, 0);
    cr_assert_eq(end_number(&owner, ENGINE_OP_MAX), 2);
    cr_assert_eq(end_number(&owner, ENGINE_OP_MAX - 1), 0);
    close_owner(&owner);
}

Test(engine_invoke, edges_beyond_the_last_with_a_row_are_refused)
{
    struct owner owner;
    char name[16];
    open_owner(&owner);
    for (unsigned i = 0; i <= ENGINE_INVOKE_EDGES; i++) {
        (void)snprintf(name, sizeof(name), "edge %u", i);
        (void)start(&owner, ENGINE_OPERATION_SEND, 9, 1, name);
        decide_started(&owner);
    }
    cr_assert_eq(status_of(&owner, ENGINE_INVOKE_EDGES), ENGINE_STATUS_STARTED);
    cr_assert_eq(status_of(&owner, ENGINE_INVOKE_EDGES + 1),
                 ENGINE_STATUS_FAILED);
    uint32_t again = start(&owner, ENGINE_OPERATION_SEND, 9, 2, name);
    uint32_t known = start(&owner, ENGINE_OPERATION_SEND, 9, 2, "edge 7");
    decide_started(&owner);
    cr_assert_eq(status_of(&owner, again), ENGINE_STATUS_FAILED);
    cr_assert_eq(status_of(&owner, known), ENGINE_STATUS_STARTED);
    engine_decide_over(&owner.decide, ENGINE_EV_RUN_CANCELLED,
                       ENGINE_ERR_CANCELLED, NULL, 0);
    cr_assert_eq(end_number(&owner, ENGINE_INVOKE_ENDS), 2);
    cr_assert_eq(end_number(&owner, ENGINE_INVOKE_ENDS - 1), 0);
    close_owner(&owner);
}
