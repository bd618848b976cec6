#include "tests/support/store_conformance.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/store_bed.h"

/* Requests that many sentences need. */

static unsigned create(struct store_bed *bed, unsigned node, uint64_t run)
{
    store_bed_ask(bed, ENGINE_REQ_CREATE, node, run);
    store_bed_event(bed, ENGINE_EV_RUN_CREATED, 7);
    return store_bed_send(bed);
}

static unsigned create_with_work(struct store_bed *bed, uint64_t run)
{
    store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, run);
    store_bed_event(bed, ENGINE_EV_RUN_CREATED, 7);
    store_bed_work(bed, ENGINE_WORK_PUT, 3, 1, "input");
    return store_bed_send(bed);
}

static struct engine_request *ask_append(struct store_bed *bed, uint64_t run,
                                         uint64_t token, uint64_t seq)
{
    struct engine_request *request =
        store_bed_ask(bed, ENGINE_REQ_APPEND, BED_A, run);

    request->token = token;
    request->seq = seq;
    request->state = ENGINE_RUN_RUNNING;
    return request;
}

static unsigned append(struct store_bed *bed, uint64_t run, uint64_t token,
                       uint64_t seq)
{
    ask_append(bed, run, token, seq);
    store_bed_event(bed, ENGINE_EV_OP_SCHEDULED, 1);
    return store_bed_send(bed);
}

static unsigned release(struct store_bed *bed, uint64_t run, uint64_t token,
                        uint64_t seq, uint64_t wake)
{
    struct engine_request *request = ask_append(bed, run, token, seq);

    request->flags = ENGINE_APPEND_RELEASE;
    request->state = ENGINE_RUN_SUSPENDED;
    request->wake_ns = wake;
    store_bed_event(bed, ENGINE_EV_RUN_SUSPENDED, wake);
    return store_bed_send(bed);
}

/* Ends the run, with or without a row for the client. */
static unsigned end(struct store_bed *bed, uint64_t run, uint64_t token,
                    uint64_t seq, int outbox)
{
    struct engine_item item = {.type = ENGINE_ITEM_OUTBOX,
                               .kind = ENGINE_OUTBOX_RESULT};

    ask_append(bed, run, token, seq)->state = ENGINE_RUN_SUCCEEDED;
    store_bed_event(bed, ENGINE_EV_RUN_SUCCEEDED, 0);
    if (outbox)
        store_bed_item(bed, &item, "result", 6);
    return store_bed_send(bed);
}

static unsigned acquire(struct store_bed *bed, unsigned node)
{
    store_bed_ask(bed, ENGINE_REQ_ACQUIRE, node, 0);
    return store_bed_send(bed);
}

static unsigned with_token(struct store_bed *bed, uint16_t kind, uint64_t run,
                           uint64_t token)
{
    store_bed_ask(bed, kind, BED_A, run)->token = token;
    return store_bed_send(bed);
}

static unsigned renew(struct store_bed *bed, uint64_t run, uint64_t token)
{
    struct engine_item item = {.type = ENGINE_ITEM_RUN, .a = run, .b = token};

    store_bed_ask(bed, ENGINE_REQ_RENEW, BED_A, 0);
    store_bed_item(bed, &item, NULL, 0);
    return store_bed_send(bed);
}

static unsigned attempt(struct store_bed *bed, uint16_t kind, unsigned node,
                        uint64_t run, uint32_t number)
{
    struct engine_request *request = store_bed_ask(bed, kind, node, run);

    request->op = 3;
    request->attempt = number;
    return store_bed_send(bed);
}

static unsigned claim(struct store_bed *bed, unsigned node)
{
    return attempt(bed, ENGINE_REQ_CLAIM, node, 1, 1);
}

static unsigned finish(struct store_bed *bed, unsigned node, uint32_t number,
                       const char *output)
{
    struct engine_request *request =
        store_bed_ask(bed, ENGINE_REQ_FINISH, node, 1);
    struct engine_item item = {.type = ENGINE_ITEM_WORK};

    request->op = 3;
    request->attempt = number;
    store_bed_item(bed, &item, output, strlen(output));
    return store_bed_send(bed);
}

static unsigned take(struct store_bed *bed, uint32_t flag, uint64_t seq,
                     uint32_t number)
{
    ask_append(bed, 1, 1, seq);
    store_bed_event(bed, ENGINE_EV_ATTEMPT_SUCCEEDED, 0);
    store_bed_work(bed, flag, 3, number, "");
    return store_bed_send(bed);
}

static unsigned put_blob(struct store_bed *bed, uint8_t name, const char *text)
{
    struct engine_item item = {.type = ENGINE_ITEM_BLOB};
    struct engine_request *request =
        store_bed_ask(bed, ENGINE_REQ_PUT_BLOB, BED_A, 0);

    request->blob[0] = name;
    store_bed_item(bed, &item, text, strlen(text));
    return store_bed_send(bed);
}

static unsigned get_blob(struct store_bed *bed, uint8_t name)
{
    store_bed_ask(bed, ENGINE_REQ_GET_BLOB, BED_A, 0)->blob[0] = name;
    return store_bed_send(bed);
}

/* What the store holds, folded into one hash: equal if nothing changed. */

static void fold(struct engine_hash *hash, const void *bytes, size_t size)
{
    struct engine_hash both[2] = {*hash, engine_hash_bytes(bytes, size)};

    *hash = engine_hash_bytes(both, sizeof(both));
}

static int fold_log(void *self, const struct engine_log_row *row)
{
    struct engine_log_row plain = *row;

    plain.items = NULL;
    fold(self, &plain.position, sizeof(plain.position));
    fold(self, &plain.hash, sizeof(plain.hash));
    fold(self, row->items, row->items_size);
    return 0;
}

static int fold_run(void *self, const struct engine_run_row *row)
{
    fold(self, row, sizeof(*row));
    return 0;
}

static int fold_work(void *self, uint64_t run, const struct engine_item *item)
{
    fold(self, &run, sizeof(run));
    fold(self, item, engine_item_span(item->size));
    return 0;
}

static struct engine_hash contents(const struct store_bed *bed)
{
    const struct engine_store *store = &bed->store;
    struct engine_hash hash = {0, 0};

    if (store->ops->scan_log(store->self, 0, fold_log, &hash) ||
        store->ops->scan_runs(store->self, fold_run, &hash) ||
        store->ops->scan_work(store->self, fold_work, &hash) ||
        store->ops->scan_boxes(store->self, fold_work, &hash))
        return (struct engine_hash){0, 0};
    return hash;
}

static int unchanged(const struct store_bed *bed, struct engine_hash before)
{
    struct engine_hash after = contents(bed);

    return before.lo == after.lo && before.hi == after.hi;
}

static uint64_t wake_of(struct store_bed *bed, uint64_t run, uint64_t token)
{
    const struct engine_item *item;
    struct engine_run_row row = {.wake_ns = 0};

    if (with_token(bed, ENGINE_REQ_LOAD, run, token) != ENGINE_COMMITTED)
        return 0;
    item = store_bed_find(bed, ENGINE_ITEM_RUN, 0);
    memcpy(&row, engine_item_payload(item), sizeof(row));
    return row.wake_ns;
}

/* The sentences. Each starts with an empty store at time 1000, leases 100. */

static int a_new_run_has_token_1_and_its_events_from_seq_1(struct store_bed *b)
{
    const struct engine_reply *reply;

    if (create(b, BED_A, 1) != ENGINE_COMMITTED)
        return 0;
    reply = store_bed_reply(b);
    return reply->run == 1 && reply->token == 1 && reply->seq == 2 &&
           reply->position == 1 && reply->store_time_ns == 1000;
}

static int
creating_a_run_twice_conflicts_and_names_the_holder(struct store_bed *b)
{
    struct engine_hash before;

    create(b, BED_A, 1);
    before = contents(b);
    return create(b, BED_B, 1) == ENGINE_CONFLICT &&
           store_bed_reply(b)->holder == store_bed_sender(BED_A) &&
           store_bed_find(b, ENGINE_ITEM_RUN, 0) && unchanged(b, before);
}

static int a_new_run_keeps_workflow_and_lease(struct store_bed *b)
{
    const struct engine_item *item;
    struct engine_run_row row;

    create(b, BED_A, 1);
    create(b, BED_B, 1);
    item = store_bed_find(b, ENGINE_ITEM_RUN, 0);
    if (!item || item->size != sizeof(row))
        return 0;
    memcpy(&row, engine_item_payload(item), sizeof(row));
    return row.workflow == 7 && item->attempt == 7 && row.expires_ns == 1100 &&
           row.wake_ns == 1100 && row.state == ENGINE_RUN_RUNNING;
}

static int an_append_moves_seq_and_position_on(struct store_bed *b)
{
    create(b, BED_A, 1);
    create(b, BED_A, 2);
    return append(b, 1, 1, 2) == ENGINE_COMMITTED &&
           store_bed_reply(b)->seq == 3 && store_bed_reply(b)->position == 3;
}

static int an_append_at_the_wrong_seq_conflicts(struct store_bed *b)
{
    struct engine_hash before;

    create(b, BED_A, 1);
    before = contents(b);
    return append(b, 1, 1, 1) == ENGINE_CONFLICT &&
           append(b, 1, 1, 3) == ENGINE_CONFLICT && unchanged(b, before);
}

static int an_append_repeated_after_a_lost_reply_conflicts(struct store_bed *b)
{
    struct engine_hash before;

    create(b, BED_A, 1);
    append(b, 1, 1, 2);
    before = contents(b);
    return store_bed_send(b) == ENGINE_CONFLICT &&
           store_bed_reply(b)->seq == 3 && unchanged(b, before);
}

static int an_append_with_another_holder_s_token_is_fenced(struct store_bed *b)
{
    struct engine_hash before;

    create(b, BED_A, 1);
    before = contents(b);
    ask_append(b, 1, 1, 2)->sender = store_bed_sender(BED_B);
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 1);
    return store_bed_send(b) == ENGINE_FENCED && unchanged(b, before);
}

static int an_append_with_an_older_token_is_fenced(struct store_bed *b)
{
    struct engine_hash before;

    create(b, BED_A, 1);
    b->now = 1100;
    acquire(b, BED_B);
    before = contents(b);
    return append(b, 1, 1, 3) == ENGINE_FENCED &&
           store_bed_reply(b)->holder == store_bed_sender(BED_B) &&
           store_bed_reply(b)->token == 2 && unchanged(b, before);
}

static int an_append_to_no_run_is_fenced(struct store_bed *b)
{
    return append(b, 5, 1, 1) == ENGINE_FENCED;
}

static int an_append_to_a_finished_run_conflicts(struct store_bed *b)
{
    create(b, BED_A, 1);
    end(b, 1, 1, 2, 0);
    return append(b, 1, 1, 3) == ENGINE_CONFLICT;
}

static int
an_append_before_its_time_is_refused_with_both_times(struct store_bed *b)
{
    struct engine_hash before;

    create(b, BED_A, 1);
    before = contents(b);
    ask_append(b, 1, 1, 2)->not_before_ns = 1001;
    store_bed_event(b, ENGINE_EV_WAIT_FIRED, 1001);
    if (store_bed_send(b) != ENGINE_REFUSED || !unchanged(b, before) ||
        store_bed_reply(b)->actual != 1000 ||
        store_bed_reply(b)->maximum != 1001)
        return 0;
    b->now = 1001;
    return store_bed_send(b) == ENGINE_COMMITTED;
}

static int an_append_without_events_writes_no_log_row(struct store_bed *b)
{
    create(b, BED_A, 1);
    ask_append(b, 1, 1, 2)->state = ENGINE_RUN_BLOCKED;
    return store_bed_send(b) == ENGINE_COMMITTED &&
           store_bed_reply(b)->seq == 2 && store_bed_reply(b)->position == 1;
}

static int events_come_back_verbatim_and_oldest_first(struct store_bed *b)
{
    const struct engine_item *first;
    const struct engine_item *second;
    struct engine_item event;

    create(b, BED_A, 1);
    append(b, 1, 1, 2);
    with_token(b, ENGINE_REQ_LOAD, 1, 1);
    first = store_bed_find(b, ENGINE_ITEM_LOG, 0);
    second = store_bed_find(b, ENGINE_ITEM_LOG, 1);
    if (!first || !second || first->a != 1 || second->a != 2)
        return 0;
    memcpy(&event, (const char *)engine_item_payload(second) + 8,
           sizeof(event));
    return event.kind == ENGINE_EV_OP_SCHEDULED && second->attempt == 1 &&
           second->size == 8 + engine_item_span(13) &&
           !memcmp((const char *)engine_item_payload(second) + 8 +
                       sizeof(event),
                   "event payload", 13);
}

static int rows_are_chained_to_the_reply_s_hash(struct store_bed *b)
{
    const struct engine_reply *reply;
    struct engine_hash hash = {0, 0};
    uint64_t times[2] = {1000, 1050};

    create(b, BED_A, 1);
    b->now = 1050;
    append(b, 1, 1, 2);
    with_token(b, ENGINE_REQ_LOAD, 1, 1);
    for (unsigned i = 0; i < 2; i++) {
        const struct engine_item *item = store_bed_find(b, ENGINE_ITEM_LOG, i);
        struct engine_log_row row = {.run = 1, .token = 1, .count = 1};

        row.seq = item->a;
        row.time_ns = times[i];
        row.items = (const char *)engine_item_payload(item) + 8;
        row.items_size = item->size - 8;
        hash = engine_store_chain(hash, &row);
    }
    reply = store_bed_reply(b);
    return reply->hash.lo == hash.lo && reply->hash.hi == hash.hi;
}

static int nothing_is_due_before_a_lease_expires(struct store_bed *b)
{
    create(b, BED_A, 1);
    b->now = 1099;
    return acquire(b, BED_B) == ENGINE_COMMITTED &&
           !store_bed_find(b, ENGINE_ITEM_RUN, 0) &&
           store_bed_reply(b)->wake_ns == 1100;
}

static int an_empty_store_has_nothing_due_ever(struct store_bed *b)
{
    return acquire(b, BED_B) == ENGINE_COMMITTED &&
           !store_bed_find(b, ENGINE_ITEM_RUN, 0) &&
           store_bed_reply(b)->wake_ns == UINT64_MAX;
}

static int
an_expired_lease_goes_to_whoever_asks_with_the_next_token(struct store_bed *b)
{
    const struct engine_reply *reply;

    create(b, BED_A, 1);
    b->now = 1100;
    acquire(b, BED_B);
    reply = store_bed_reply(b);
    return reply->run == 1 && reply->token == 2 && reply->seq == 3 &&
           reply->holder == store_bed_sender(BED_B) && reply->wake_ns == 1200;
}

static int taking_a_lease_is_logged_with_token_and_holder(struct store_bed *b)
{
    const struct engine_item *row;
    struct engine_item event;

    create(b, BED_A, 1);
    b->now = 1100;
    acquire(b, BED_B);
    row = store_bed_find(b, ENGINE_ITEM_LOG, 1);
    if (!row || row->b != 2 || row->a != 2)
        return 0;
    memcpy(&event, (const char *)engine_item_payload(row) + 8, sizeof(event));
    return event.kind == ENGINE_EV_LEASE_ACQUIRED && event.a == 2 &&
           event.b == store_bed_sender(BED_B);
}

static int
the_run_due_first_is_taken_first_then_the_smaller_number(struct store_bed *b)
{
    uint64_t taken[3];

    b->now = 1010;
    create(b, BED_A, 1);
    b->now = 1000;
    create(b, BED_A, 3);
    create(b, BED_A, 2);
    b->now = 2000;
    for (int i = 0; i < 3; i++) {
        acquire(b, BED_B);
        taken[i] = store_bed_reply(b)->run;
    }
    return taken[0] == 2 && taken[1] == 3 && taken[2] == 1;
}

static int the_caller_s_clock_does_not_expire_a_lease(struct store_bed *b)
{
    create(b, BED_A, 1);
    store_bed_ask(b, ENGINE_REQ_ACQUIRE, BED_B, 0)->now_ns = 5000;
    return store_bed_send(b) == ENGINE_COMMITTED &&
           !store_bed_find(b, ENGINE_ITEM_RUN, 0);
}

static int a_taken_run_comes_with_work_and_outbox(struct store_bed *b)
{
    const struct engine_item *outbox;
    const struct engine_item *work;

    create_with_work(b, 1);
    end(b, 1, 1, 2, 1);
    b->now = 1100;
    acquire(b, BED_B);
    outbox = store_bed_find(b, ENGINE_ITEM_OUTBOX, 0);
    work = store_bed_find(b, ENGINE_ITEM_WORK, 0);
    return store_bed_says(outbox, "result") && outbox->op == 0 &&
           outbox->kind == ENGINE_OUTBOX_RESULT && work && work->op == 3 &&
           store_bed_says(work, "input");
}

static int a_suspended_run_runs_again_when_it_is_taken(struct store_bed *b)
{
    create(b, BED_A, 1);
    release(b, 1, 1, 2, 1500);
    b->now = 1500;
    acquire(b, BED_B);
    return store_bed_reply(b)->run == 1 &&
           store_bed_find(b, ENGINE_ITEM_RUN, 0)->op == ENGINE_RUN_RUNNING;
}

static int a_released_run_is_due_at_its_wake_and_not_before(struct store_bed *b)
{
    create(b, BED_A, 1);
    release(b, 1, 1, 2, 1500);
    b->now = 1499;
    acquire(b, BED_B);
    if (store_bed_find(b, ENGINE_ITEM_RUN, 0) ||
        store_bed_reply(b)->wake_ns != 1500)
        return 0;
    b->now = 1500;
    acquire(b, BED_B);
    return store_bed_find(b, ENGINE_ITEM_RUN, 0) != NULL;
}

static int a_released_lease_is_fenced(struct store_bed *b)
{
    create(b, BED_A, 1);
    release(b, 1, 1, 2, 1500);
    return append(b, 1, 1, 3) == ENGINE_FENCED &&
           with_token(b, ENGINE_REQ_LOAD, 1, 1) == ENGINE_FENCED;
}

static int a_wake_earlier_than_the_lease_counts_at_once(struct store_bed *b)
{
    create(b, BED_A, 1);
    release(b, 1, 1, 2, 1010);
    b->now = 1010;
    acquire(b, BED_B);
    return store_bed_find(b, ENGINE_ITEM_RUN, 0) != NULL;
}

static int a_run_released_for_ever_is_never_due(struct store_bed *b)
{
    create(b, BED_A, 1);
    release(b, 1, 1, 2, UINT64_MAX);
    b->now = UINT64_C(1) << 62;
    acquire(b, BED_B);
    return !store_bed_find(b, ENGINE_ITEM_RUN, 0) &&
           store_bed_reply(b)->wake_ns == UINT64_MAX;
}

static int loading_and_mail_with_an_older_token_are_fenced(struct store_bed *b)
{
    create(b, BED_A, 1);
    b->now = 1100;
    acquire(b, BED_B);
    return with_token(b, ENGINE_REQ_LOAD, 1, 1) == ENGINE_FENCED &&
           with_token(b, ENGINE_REQ_MAIL, 1, 1) == ENGINE_FENCED &&
           with_token(b, ENGINE_REQ_ACK, 1, 1) == ENGINE_FENCED;
}

static int a_renewed_lease_lasts_longer(struct store_bed *b)
{
    create(b, BED_A, 1);
    b->now = 1090;
    if (renew(b, 1, 1) != ENGINE_COMMITTED || store_bed_reply(b)->item_count)
        return 0;
    b->now = 1189;
    acquire(b, BED_B);
    if (store_bed_find(b, ENGINE_ITEM_RUN, 0))
        return 0;
    b->now = 1190;
    acquire(b, BED_B);
    return store_bed_find(b, ENGINE_ITEM_RUN, 0) != NULL;
}

static int an_expired_lease_nobody_took_can_be_renewed(struct store_bed *b)
{
    create(b, BED_A, 1);
    b->now = 1150;
    renew(b, 1, 1);
    acquire(b, BED_B);
    return !store_bed_find(b, ENGINE_ITEM_RUN, 0) &&
           store_bed_reply(b)->wake_ns == 1250;
}

static int renewing_names_leases_that_are_lost(struct store_bed *b)
{
    const struct engine_item *item;

    create(b, BED_A, 1);
    b->now = 1100;
    acquire(b, BED_B);
    renew(b, 1, 1);
    item = store_bed_find(b, ENGINE_ITEM_RUN, 0);
    return item && item->a == 1 && item->b == 1 && item->flags == 0;
}

static int renewing_names_runs_with_finished_work(struct store_bed *b)
{
    const struct engine_item *item;

    create_with_work(b, 1);
    renew(b, 1, 1);
    if (store_bed_find(b, ENGINE_ITEM_RUN, 0))
        return 0;
    claim(b, BED_C);
    finish(b, BED_C, 1, "output");
    renew(b, 1, 1);
    item = store_bed_find(b, ENGINE_ITEM_RUN, 0);
    return item && item->a == 1 && item->flags == 1;
}

static int a_finished_run_without_outbox_is_never_due(struct store_bed *b)
{
    create(b, BED_A, 1);
    end(b, 1, 1, 2, 0);
    b->now = 9000;
    acquire(b, BED_B);
    return !store_bed_find(b, ENGINE_ITEM_RUN, 0);
}

static int
a_finished_run_with_outbox_is_due_until_it_is_acknowledged(struct store_bed *b)
{
    create(b, BED_A, 1);
    end(b, 1, 1, 2, 1);
    if (wake_of(b, 1, 1) != 1100)
        return 0;
    if (with_token(b, ENGINE_REQ_ACK, 1, 1) != ENGINE_COMMITTED ||
        store_bed_reply(b)->repeat)
        return 0;
    return wake_of(b, 1, 1) == UINT64_MAX;
}

static int acknowledging_twice_is_one_acknowledgement(struct store_bed *b)
{
    create(b, BED_A, 1);
    end(b, 1, 1, 2, 1);
    with_token(b, ENGINE_REQ_ACK, 1, 1);
    return with_token(b, ENGINE_REQ_ACK, 1, 1) == ENGINE_COMMITTED &&
           store_bed_reply(b)->repeat == 1;
}

static int
renewing_an_acknowledged_run_does_not_make_it_due(struct store_bed *b)
{
    create(b, BED_A, 1);
    end(b, 1, 1, 2, 1);
    with_token(b, ENGINE_REQ_ACK, 1, 1);
    renew(b, 1, 1);
    return wake_of(b, 1, 1) == UINT64_MAX;
}

static int a_blocked_run_is_never_due(struct store_bed *b)
{
    create(b, BED_A, 1);
    ask_append(b, 1, 1, 2)->state = ENGINE_RUN_BLOCKED;
    store_bed_event(b, ENGINE_EV_RUN_BLOCKED, 1);
    store_bed_send(b);
    b->now = 9000;
    acquire(b, BED_B);
    return !store_bed_find(b, ENGINE_ITEM_RUN, 0);
}

static int a_claim_returns_the_input_and_its_times(struct store_bed *b)
{
    const struct engine_item *item;

    create_with_work(b, 1);
    b->now = 1020;
    if (claim(b, BED_C) != ENGINE_COMMITTED || store_bed_reply(b)->repeat)
        return 0;
    item = store_bed_find(b, ENGINE_ITEM_WORK, 0);
    return store_bed_says(item, "input") && item->a == 1020 &&
           item->b == 1120 && item->kind == ENGINE_WORK_CLAIMED &&
           item->op == 3 && item->attempt == 1;
}

static int a_claim_repeated_by_its_holder_is_extended(struct store_bed *b)
{
    const struct engine_item *item;

    create_with_work(b, 1);
    claim(b, BED_C);
    b->now = 1050;
    if (claim(b, BED_C) != ENGINE_COMMITTED || !store_bed_reply(b)->repeat)
        return 0;
    item = store_bed_find(b, ENGINE_ITEM_WORK, 0);
    return store_bed_says(item, "input") && item->a == 1000 && item->b == 1150;
}

static int a_claim_by_another_worker_conflicts(struct store_bed *b)
{
    struct engine_hash before;

    create_with_work(b, 1);
    claim(b, BED_C);
    before = contents(b);
    b->now = 5000;
    return claim(b, BED_B) == ENGINE_CONFLICT &&
           store_bed_reply(b)->holder == store_bed_sender(BED_C) &&
           unchanged(b, before);
}

static int a_claim_of_another_attempt_is_fenced(struct store_bed *b)
{
    create_with_work(b, 1);
    return attempt(b, ENGINE_REQ_CLAIM, BED_C, 1, 2) == ENGINE_FENCED &&
           attempt(b, ENGINE_REQ_CLAIM, BED_C, 2, 1) == ENGINE_FENCED;
}

static int a_claim_of_a_finished_attempt_is_fenced(struct store_bed *b)
{
    create_with_work(b, 1);
    claim(b, BED_C);
    finish(b, BED_C, 1, "output");
    return claim(b, BED_C) == ENGINE_FENCED && claim(b, BED_B) == ENGINE_FENCED;
}

static int a_heartbeat_extends_its_claim_only(struct store_bed *b)
{
    create_with_work(b, 1);
    if (attempt(b, ENGINE_REQ_HEARTBEAT, BED_C, 1, 1) != ENGINE_FENCED)
        return 0;
    claim(b, BED_C);
    b->now = 1300;
    if (attempt(b, ENGINE_REQ_HEARTBEAT, BED_C, 1, 1) != ENGINE_COMMITTED ||
        attempt(b, ENGINE_REQ_HEARTBEAT, BED_B, 1, 1) != ENGINE_FENCED)
        return 0;
    with_token(b, ENGINE_REQ_MAIL, 1, 1);
    return store_bed_find(b, ENGINE_ITEM_WORK, 0)->b == 1400;
}

static int finished_work_shows_output_and_error_in_the_mail(struct store_bed *b)
{
    const struct engine_item *item;

    create_with_work(b, 1);
    claim(b, BED_C);
    store_bed_ask(b, ENGINE_REQ_FINISH, BED_C, 1)->op = 3;
    store_bed_head(b)->attempt = 1;
    store_bed_head(b)->error = ENGINE_ERR_USER;
    store_bed_head(b)->retryable = 1;
    if (store_bed_send(b) != ENGINE_COMMITTED ||
        with_token(b, ENGINE_REQ_MAIL, 1, 1) != ENGINE_COMMITTED)
        return 0;
    item = store_bed_find(b, ENGINE_ITEM_WORK, 0);
    return item && item->kind == ENGINE_WORK_DONE && !item->size &&
           item->flags == (ENGINE_ERR_USER | 1u << 16);
}

static int finishing_twice_is_one_report(struct store_bed *b)
{
    const struct engine_item *item;

    create_with_work(b, 1);
    claim(b, BED_C);
    finish(b, BED_C, 1, "output");
    if (finish(b, BED_C, 1, "other") != ENGINE_COMMITTED ||
        !store_bed_reply(b)->repeat)
        return 0;
    with_token(b, ENGINE_REQ_MAIL, 1, 1);
    item = store_bed_find(b, ENGINE_ITEM_WORK, 0);
    return store_bed_says(item, "output");
}

static int finishing_without_the_claim_is_fenced(struct store_bed *b)
{
    create_with_work(b, 1);
    if (finish(b, BED_C, 1, "output") != ENGINE_FENCED)
        return 0;
    claim(b, BED_C);
    return finish(b, BED_B, 1, "output") == ENGINE_FENCED &&
           finish(b, BED_C, 2, "output") == ENGINE_FENCED;
}

static int an_expired_claim_that_nobody_cut_can_be_finished(struct store_bed *b)
{
    create_with_work(b, 1);
    claim(b, BED_C);
    b->now = 5000;
    return finish(b, BED_C, 1, "output") == ENGINE_COMMITTED;
}

static int work_is_taken_only_when_it_is_done(struct store_bed *b)
{
    struct engine_hash before;

    create_with_work(b, 1);
    claim(b, BED_C);
    before = contents(b);
    if (take(b, ENGINE_WORK_TAKE, 2, 1) != ENGINE_CONFLICT ||
        !unchanged(b, before))
        return 0;
    finish(b, BED_C, 1, "output");
    if (take(b, ENGINE_WORK_TAKE, 2, 1) != ENGINE_COMMITTED)
        return 0;
    with_token(b, ENGINE_REQ_MAIL, 1, 1);
    return !store_bed_find(b, ENGINE_ITEM_WORK, 0);
}

static int
work_is_cut_only_while_claimed_and_not_before_its_time(struct store_bed *b)
{
    struct engine_item cut = {.type = ENGINE_ITEM_WORK,
                              .op = 3,
                              .attempt = 1,
                              .b = 1100,
                              .flags = ENGINE_WORK_CUT};

    create_with_work(b, 1);
    b->now = 1099;
    ask_append(b, 1, 1, 2);
    store_bed_item(b, &cut, NULL, 0);
    if (store_bed_send(b) != ENGINE_CONFLICT)
        return 0;
    claim(b, BED_C);
    cut.a = 1099 + 100;
    ask_append(b, 1, 1, 2);
    store_bed_item(b, &cut, NULL, 0);
    if (store_bed_send(b) != ENGINE_REFUSED ||
        store_bed_reply(b)->actual != 1099 ||
        store_bed_reply(b)->maximum != 1100)
        return 0;
    b->now = 1100;
    return store_bed_send(b) == ENGINE_COMMITTED &&
           finish(b, BED_C, 1, "late") == ENGINE_FENCED;
}

static int work_whose_claim_was_extended_is_not_cut(struct store_bed *b)
{
    struct engine_item cut = {.type = ENGINE_ITEM_WORK,
                              .op = 3,
                              .attempt = 1,
                              .a = 1100, /* when it was read */
                              .b = 1100,
                              .flags = ENGINE_WORK_CUT};
    struct engine_hash before;

    create_with_work(b, 1);
    claim(b, BED_C);
    b->now = 1050;
    claim(b, BED_C);
    b->now = 1100;
    before = contents(b);
    ask_append(b, 1, 1, 2);
    store_bed_item(b, &cut, NULL, 0);
    return store_bed_send(b) == ENGINE_CONFLICT && unchanged(b, before) &&
           finish(b, BED_C, 1, "in time") == ENGINE_COMMITTED;
}

static int work_is_dropped_only_while_nobody_has_claimed_it(struct store_bed *b)
{
    struct engine_hash before;

    create_with_work(b, 1);
    if (take(b, ENGINE_WORK_DROP, 2, 2) != ENGINE_CONFLICT) /* attempt 2 */
        return 0;
    claim(b, BED_C);
    before = contents(b);
    if (take(b, ENGINE_WORK_DROP, 2, 1) != ENGINE_CONFLICT ||
        !unchanged(b, before))
        return 0;
    finish(b, BED_C, 1, "output");
    return take(b, ENGINE_WORK_DROP, 2, 1) == ENGINE_CONFLICT;
}

static int work_that_was_dropped_is_claimed_by_nobody(struct store_bed *b)
{
    create_with_work(b, 1);
    if (take(b, ENGINE_WORK_DROP, 2, 1) != ENGINE_COMMITTED)
        return 0;
    with_token(b, ENGINE_REQ_MAIL, 1, 1);
    if (store_bed_find(b, ENGINE_ITEM_WORK, 0))
        return 0;
    return claim(b, BED_C) == ENGINE_FENCED;
}

static int work_that_is_there_is_not_put_again(struct store_bed *b)
{
    struct engine_hash before;

    create_with_work(b, 1);
    before = contents(b);
    return take(b, ENGINE_WORK_PUT, 2, 2) == ENGINE_CONFLICT &&
           unchanged(b, before);
}

static int one_append_takes_an_attempt_and_puts_the_next(struct store_bed *b)
{
    const struct engine_item *item;

    create_with_work(b, 1);
    claim(b, BED_C);
    finish(b, BED_C, 1, "output");
    ask_append(b, 1, 1, 2);
    store_bed_event(b, ENGINE_EV_RETRY_SCHEDULED, 0);
    store_bed_work(b, ENGINE_WORK_TAKE, 3, 1, "");
    store_bed_work(b, ENGINE_WORK_PUT, 3, 2, "again");
    if (store_bed_send(b) != ENGINE_COMMITTED)
        return 0;
    with_token(b, ENGINE_REQ_MAIL, 1, 1);
    item = store_bed_find(b, ENGINE_ITEM_WORK, 0);
    return store_bed_says(item, "again") && item->attempt == 2 &&
           item->kind == ENGINE_WORK_PENDING;
}

static int one_append_cannot_put_the_same_row_twice(struct store_bed *b)
{
    struct engine_hash before;

    create(b, BED_A, 1);
    before = contents(b);
    ask_append(b, 1, 1, 2);
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 0);
    store_bed_work(b, ENGINE_WORK_PUT, 3, 1, "one");
    store_bed_work(b, ENGINE_WORK_PUT, 3, 1, "two");
    return store_bed_send(b) == ENGINE_CONFLICT && unchanged(b, before);
}

static int a_bad_last_item_leaves_no_trace_of_the_first(struct store_bed *b)
{
    struct engine_hash before;

    create_with_work(b, 1);
    before = contents(b);
    ask_append(b, 1, 1, 2);
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 0);
    store_bed_work(b, ENGINE_WORK_PUT, 1, 1, "fine");
    store_bed_work(b, ENGINE_WORK_PUT, 2, 1, "fine");
    store_bed_work(b, ENGINE_WORK_TAKE, 3, 1, "");
    return store_bed_send(b) == ENGINE_CONFLICT && unchanged(b, before);
}

static int mail_is_sorted_by_operation(struct store_bed *b)
{
    static const uint32_t ops[] = {9, 2, 65535, 0, 4};
    uint32_t last = 0;

    store_bed_ask(b, ENGINE_REQ_CREATE, BED_A, 1);
    store_bed_event(b, ENGINE_EV_RUN_CREATED, 1);
    for (int i = 0; i < 5; i++)
        store_bed_work(b, ENGINE_WORK_PUT, ops[i], 1, "x");
    store_bed_send(b);
    create_with_work(b, 2);
    with_token(b, ENGINE_REQ_MAIL, 1, 1);
    for (unsigned i = 0; i < 5; i++) {
        const struct engine_item *item = store_bed_find(b, ENGINE_ITEM_WORK, i);

        if (!item || (i && item->op <= last))
            return 0;
        last = item->op;
    }
    return last == 65535 && !store_bed_find(b, ENGINE_ITEM_WORK, 5);
}

static int a_blob_is_kept_under_its_digest(struct store_bed *b)
{
    return put_blob(b, 1, "large") == ENGINE_COMMITTED &&
           get_blob(b, 1) == ENGINE_COMMITTED &&
           store_bed_says(store_bed_find(b, ENGINE_ITEM_BLOB, 0), "large") &&
           get_blob(b, 2) == ENGINE_COMMITTED &&
           !store_bed_find(b, ENGINE_ITEM_BLOB, 0);
}

static int a_blob_put_twice_is_kept_once(struct store_bed *b)
{
    return put_blob(b, 1, "large") == ENGINE_COMMITTED &&
           !store_bed_reply(b)->repeat &&
           put_blob(b, 1, "large") == ENGINE_COMMITTED &&
           store_bed_reply(b)->repeat == 1;
}

static unsigned put_sized(struct store_bed *b, uint32_t op, size_t size)
{
    static const char zeros[(1 << 20) + 1];
    struct engine_item item = {.type = ENGINE_ITEM_WORK,
                               .op = op,
                               .attempt = 1,
                               .flags = ENGINE_WORK_PUT};

    store_bed_ask(b, ENGINE_REQ_CREATE, BED_A, op + 1);
    store_bed_event(b, ENGINE_EV_RUN_CREATED, 1);
    store_bed_item(b, &item, zeros, size);
    return store_bed_send(b);
}

static int a_payload_at_the_limit_is_accepted_and_one_byte_more_refused(
    struct store_bed *b)
{
    return put_sized(b, 1, 1 << 20) == ENGINE_COMMITTED &&
           put_sized(b, 2, (1 << 20) + 1) == ENGINE_REFUSED &&
           store_bed_reply(b)->actual == (1 << 20) + 1 &&
           store_bed_reply(b)->maximum == 1 << 20;
}

static int an_input_of_a_megabyte_comes_back(struct store_bed *b)
{
    struct engine_request *request;

    put_sized(b, 1, 1 << 20);
    request = store_bed_ask(b, ENGINE_REQ_CLAIM, BED_C, 2);
    request->op = 1;
    request->attempt = 1;
    return store_bed_send(b) == ENGINE_COMMITTED &&
           store_bed_find(b, ENGINE_ITEM_WORK, 0)->size == 1 << 20;
}

static int a_history_at_the_limit_is_accepted_and_one_event_more_refused(
    struct store_bed *b)
{
    struct engine_hash before;

    b->how.limits.history_ops_max = 3;
    b->how.fresh = 1;
    if (store_bed_reopen(b))
        return 0;
    create(b, BED_A, 1);
    append(b, 1, 1, 2);
    if (append(b, 1, 1, 3) != ENGINE_COMMITTED)
        return 0;
    before = contents(b);
    return append(b, 1, 1, 4) == ENGINE_REFUSED &&
           store_bed_reply(b)->actual == 4 &&
           store_bed_reply(b)->maximum == 3 && unchanged(b, before);
}

static int a_request_out_of_range_is_refused(struct store_bed *b)
{
    if (create(b, BED_A, 0) != ENGINE_REFUSED ||
        create(b, BED_A, ENGINE_RUN_MAX + 1) != ENGINE_REFUSED ||
        create(b, BED_A, ENGINE_RUN_MAX) != ENGINE_COMMITTED)
        return 0;
    ask_append(b, ENGINE_RUN_MAX, 1, 2)->state = ENGINE_RUN_STATE_COUNT;
    return store_bed_send(b) == ENGINE_REFUSED;
}

static int events_after_other_items_are_refused(struct store_bed *b)
{
    create(b, BED_A, 1);
    ask_append(b, 1, 1, 2);
    store_bed_work(b, ENGINE_WORK_PUT, 1, 1, "x");
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 0);
    return store_bed_send(b) == ENGINE_REFUSED;
}

static int requests_of_one_group_see_one_another(struct store_bed *b)
{
    const struct engine_store *store = &b->store;
    int right;

    store->ops->begin(store->self, b->now);
    store_bed_ask(b, ENGINE_REQ_CREATE, BED_A, 1);
    store_bed_event(b, ENGINE_EV_RUN_CREATED, 7);
    store_bed_work(b, ENGINE_WORK_PUT, 3, 1, "input");
    right = store_bed_apply(b) == ENGINE_COMMITTED;
    store_bed_ask(b, ENGINE_REQ_CLAIM, BED_C, 1)->op = 3;
    store_bed_head(b)->attempt = 1;
    right = right && store_bed_apply(b) == ENGINE_COMMITTED;
    ask_append(b, 1, 1, 2);
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 1);
    right = right && store_bed_apply(b) == ENGINE_COMMITTED;
    return right && !store->ops->commit(store->self) &&
           store_bed_reply(b)->position == 2;
}

static int
the_end_of_a_run_and_its_outbox_row_are_one_change(struct store_bed *b)
{
    struct engine_item item = {.type = ENGINE_ITEM_OUTBOX,
                               .kind = ENGINE_OUTBOX_RESULT};
    const struct engine_store *store = &b->store;
    int right;

    create(b, BED_A, 1);
    store->ops->begin(store->self, b->now);
    ask_append(b, 1, 1, 2)->state = ENGINE_RUN_SUCCEEDED;
    store_bed_event(b, ENGINE_EV_RUN_SUCCEEDED, 0);
    store_bed_item(b, &item, "result", 6);
    right = store_bed_apply(b) == ENGINE_COMMITTED;
    store_bed_ask(b, ENGINE_REQ_ACK, BED_A, 1)->token = 1;
    right = right && store_bed_apply(b) == ENGINE_COMMITTED;
    return right && !store_bed_reply(b)->repeat &&
           !store->ops->commit(store->self);
}

static int a_rolled_back_group_leaves_no_trace(struct store_bed *b)
{
    const struct engine_store *store = &b->store;
    struct engine_hash before;

    if (!b->opener->undoes)
        return 1;
    create(b, BED_A, 1);
    before = contents(b);
    store->ops->begin(store->self, b->now);
    ask_append(b, 1, 1, 2);
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 1);
    store_bed_apply(b);
    store->ops->rollback(store->self);
    return unchanged(b, before) && append(b, 1, 1, 2) == ENGINE_COMMITTED &&
           store_bed_reply(b)->position == 2;
}

static int closing_with_an_open_group_loses_the_group(struct store_bed *b)
{
    const struct engine_store *store = &b->store;
    struct engine_hash before;

    if (!b->opener->durable)
        return 1;
    create(b, BED_A, 1);
    before = contents(b);
    store->ops->begin(store->self, b->now);
    ask_append(b, 1, 1, 2);
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 1);
    store_bed_apply(b);
    return !store_bed_reopen(b) && unchanged(b, before);
}

static int what_was_committed_is_there_after_reopening(struct store_bed *b)
{
    struct engine_hash before;

    if (!b->opener->durable)
        return 1;
    create_with_work(b, 1);
    claim(b, BED_C);
    create(b, BED_A, 2);
    release(b, 2, 1, 2, 1010);
    put_blob(b, 1, "large");
    before = contents(b);
    if (store_bed_reopen(b) || !unchanged(b, before) ||
        append(b, 1, 1, 2) != ENGINE_COMMITTED ||
        store_bed_reply(b)->position != 4)
        return 0;
    b->now = 1010;
    acquire(b, BED_B);
    return store_bed_reply(b)->run == 2 && get_blob(b, 1) == ENGINE_COMMITTED &&
           store_bed_find(b, ENGINE_ITEM_BLOB, 0);
}

/* Signals. */

static unsigned signal_run(struct store_bed *b, uint64_t run, uint64_t id,
                           const char *value)
{
    store_bed_signal(b, BED_C, run, id, value);
    return store_bed_send(b);
}

static unsigned take_signal(struct store_bed *b, uint64_t seq, uint64_t id)
{
    ask_append(b, 1, 1, seq);
    store_bed_event(b, ENGINE_EV_INBOX_CONSUMED, id);
    store_bed_take(b, id);
    return store_bed_send(b);
}

static unsigned read_mail(struct store_bed *b)
{
    return with_token(b, ENGINE_REQ_MAIL, 1, 1);
}

/* Lets the run go for ever; says how many inbox rows its owner has seen. */
static unsigned let_go(struct store_bed *b, uint64_t seq, uint32_t seen)
{
    struct engine_request *request = ask_append(b, 1, 1, seq);

    request->flags = ENGINE_APPEND_RELEASE;
    request->state = ENGINE_RUN_SUSPENDED;
    request->wake_ns = UINT64_MAX;
    request->op = seen;
    return store_bed_send(b);
}

static int is_due(struct store_bed *b)
{
    acquire(b, BED_B);
    return store_bed_find(b, ENGINE_ITEM_RUN, 0) != NULL;
}

static int
a_signal_waits_in_the_inbox_and_comes_with_the_mail(struct store_bed *b)
{
    const struct engine_item *item;

    create(b, BED_A, 1);
    if (signal_run(b, 1, 5, "hello") != ENGINE_COMMITTED ||
        store_bed_reply(b)->repeat)
        return 0;
    read_mail(b);
    item = store_bed_find(b, ENGINE_ITEM_INBOX, 0);
    return store_bed_brings(item, 5, "hello") && item->op == UINT32_MAX &&
           item->kind == ENGINE_SIG_MESSAGE &&
           !store_bed_find(b, ENGINE_ITEM_INBOX, 1);
}

static int
a_signal_put_twice_is_one_row_also_once_it_was_taken(struct store_bed *b)
{
    create(b, BED_A, 1);
    signal_run(b, 1, 5, "hello");
    if (signal_run(b, 1, 5, "hello") != ENGINE_COMMITTED ||
        store_bed_reply(b)->repeat != 1)
        return 0;
    read_mail(b);
    if (store_bed_find(b, ENGINE_ITEM_INBOX, 1))
        return 0;
    take_signal(b, 2, 5);
    if (signal_run(b, 1, 5, "hello") != ENGINE_COMMITTED ||
        store_bed_reply(b)->repeat != 1)
        return 0;
    read_mail(b);
    return !store_bed_find(b, ENGINE_ITEM_INBOX, 0);
}

static int one_id_may_be_put_into_two_runs(struct store_bed *b)
{
    create(b, BED_A, 1);
    create(b, BED_A, 2);
    return signal_run(b, 1, 5, "one") == ENGINE_COMMITTED &&
           signal_run(b, 2, 5, "two") == ENGINE_COMMITTED &&
           !store_bed_reply(b)->repeat;
}

static int a_signal_to_no_run_conflicts(struct store_bed *b)
{
    return signal_run(b, 1, 5, "hello") == ENGINE_CONFLICT;
}

static int a_signal_to_a_run_that_has_ended_is_fenced(struct store_bed *b)
{
    create(b, BED_A, 1);
    signal_run(b, 1, 5, "early");
    end(b, 1, 1, 2, 0);
    return signal_run(b, 1, 6, "late") == ENGINE_FENCED &&
           signal_run(b, 1, 5, "early") == ENGINE_COMMITTED &&
           store_bed_reply(b)->repeat == 1 &&
           read_mail(b) == ENGINE_COMMITTED &&
           !store_bed_find(b, ENGINE_ITEM_INBOX, 0);
}

static int a_signal_wakes_a_run_whose_lease_is_free(struct store_bed *b)
{
    create(b, BED_A, 1);
    let_go(b, 2, 0);
    if (is_due(b))
        return 0;
    b->now = 1001;
    return signal_run(b, 1, 5, "up") == ENGINE_COMMITTED &&
           !store_bed_reply(b)->holder && is_due(b) &&
           store_bed_brings(store_bed_find(b, ENGINE_ITEM_INBOX, 0), 5, "up");
}

static int a_signal_to_a_held_run_names_its_holder(struct store_bed *b)
{
    create(b, BED_A, 1);
    return signal_run(b, 1, 5, "hello") == ENGINE_COMMITTED &&
           store_bed_reply(b)->holder == store_bed_sender(BED_A) &&
           wake_of(b, 1, 1) == 1100 && !is_due(b);
}

static int a_signal_wakes_a_blocked_run(struct store_bed *b)
{
    create(b, BED_A, 1);
    ask_append(b, 1, 1, 2)->state = ENGINE_RUN_BLOCKED;
    store_bed_event(b, ENGINE_EV_RUN_BLOCKED, 1);
    store_bed_send(b);
    signal_run(b, 1, 5, "resume");
    /* Its holder has been told; only if it is gone another one sees to it. */
    if (is_due(b))
        return 0;
    b->now = 1100;
    return is_due(b) &&
           store_bed_find(b, ENGINE_ITEM_RUN, 0)->op == ENGINE_RUN_BLOCKED;
}

static int signals_come_by_arrival_between_work_and_outbox(struct store_bed *b)
{
    static const uint16_t order[] = {ENGINE_ITEM_RUN,   ENGINE_ITEM_LOG,
                                     ENGINE_ITEM_LOG,   ENGINE_ITEM_WORK,
                                     ENGINE_ITEM_INBOX, ENGINE_ITEM_INBOX,
                                     ENGINE_ITEM_OUTBOX};
    struct engine_item outbox = {.type = ENGINE_ITEM_OUTBOX,
                                 .kind = ENGINE_OUTBOX_SIGNAL};
    unsigned at = 0;

    create_with_work(b, 1);
    ask_append(b, 1, 1, 2);
    store_bed_event(b, ENGINE_EV_OPERATION_STARTED, 1);
    store_bed_item(b, &outbox, "out", 3);
    store_bed_send(b);
    signal_run(b, 1, 9, "first");
    signal_run(b, 1, 2, "second");
    with_token(b, ENGINE_REQ_LOAD, 1, 1);
    ENGINE_REPLY_ITEMS(b->reply.bytes, item)
    {
        if (at == 7 || item->type != order[at++])
            return 0;
    }
    return at == 7 && store_bed_find(b, ENGINE_ITEM_INBOX, 0)->a == 9;
}

static int a_signal_that_arrives_later_stays_behind(struct store_bed *b)
{
    create(b, BED_A, 1);
    signal_run(b, 1, 3, "first");
    signal_run(b, 1, 2, "second");
    take_signal(b, 2, 3);
    signal_run(b, 1, 1, "third");
    read_mail(b);
    return store_bed_find(b, ENGINE_ITEM_INBOX, 0)->a == 2 &&
           store_bed_find(b, ENGINE_ITEM_INBOX, 1)->a == 1;
}

static int a_signal_is_taken_once_and_with_its_events(struct store_bed *b)
{
    struct engine_hash before;

    create(b, BED_A, 1);
    signal_run(b, 1, 5, "hello");
    if (take_signal(b, 2, 5) != ENGINE_COMMITTED ||
        store_bed_reply(b)->seq != 3)
        return 0;
    before = contents(b);
    return take_signal(b, 3, 5) == ENGINE_CONFLICT &&
           take_signal(b, 3, 6) == ENGINE_CONFLICT && unchanged(b, before);
}

static int a_bad_append_takes_no_signal(struct store_bed *b)
{
    create(b, BED_A, 1);
    signal_run(b, 1, 5, "hello");
    ask_append(b, 1, 1, 2);
    store_bed_take(b, 5);
    store_bed_take(b, 6);
    if (store_bed_send(b) != ENGINE_CONFLICT)
        return 0;
    read_mail(b);
    return store_bed_find(b, ENGINE_ITEM_INBOX, 0) != NULL;
}

static int
a_run_let_go_over_a_signal_nobody_saw_is_due_at_once(struct store_bed *b)
{
    create(b, BED_A, 1);
    signal_run(b, 1, 5, "hello");
    let_go(b, 2, 0);
    return is_due(b);
}

static int a_run_let_go_with_signals_that_were_seen_sleeps(struct store_bed *b)
{
    create(b, BED_A, 1);
    signal_run(b, 1, 5, "hello");
    let_go(b, 2, 1);
    if (is_due(b))
        return 0;
    signal_run(b, 1, 6, "and again");
    return is_due(b) && store_bed_find(b, ENGINE_ITEM_INBOX, 1);
}

static int renewing_names_runs_with_a_signal(struct store_bed *b)
{
    const struct engine_item *item;

    create(b, BED_A, 1);
    signal_run(b, 1, 5, "hello");
    renew(b, 1, 1);
    item = store_bed_find(b, ENGINE_ITEM_RUN, 0);
    if (!item || item->flags != 1)
        return 0;
    take_signal(b, 2, 5);
    renew(b, 1, 1);
    return !store_bed_find(b, ENGINE_ITEM_RUN, 0);
}

static unsigned send_signal(struct store_bed *b, uint32_t value_size,
                            uint32_t kind, uint64_t to, size_t size)
{
    struct engine_item item = {
        .type = ENGINE_ITEM_INBOX, .kind = ENGINE_SIG_STOP, .a = 1};
    struct engine_signal signal[2] = {
        {.run = to, .kind = kind, .value_size = value_size}};

    store_bed_ask(b, ENGINE_REQ_SIGNAL, BED_C, 1);
    store_bed_item(b, &item, signal, size);
    return store_bed_send(b);
}

static int a_signal_that_contradicts_itself_is_refused(struct store_bed *b)
{
    size_t size = sizeof(struct engine_signal);

    create(b, BED_A, 1);
    return send_signal(b, 0, ENGINE_SIG_STOP, 1, size - 8) == ENGINE_REFUSED &&
           send_signal(b, 1, ENGINE_SIG_STOP, 1, size) == ENGINE_REFUSED &&
           send_signal(b, 0, ENGINE_SIG_PAUSE, 1, size) == ENGINE_REFUSED &&
           send_signal(b, 0, ENGINE_SIG_STOP, 2, size) == ENGINE_REFUSED &&
           signal_run(b, 1, 0, "no id") == ENGINE_REFUSED &&
           send_signal(b, 8, ENGINE_SIG_STOP, 1, size + 8) == ENGINE_COMMITTED;
}

static int a_heartbeat_names_the_holder_of_the_run(struct store_bed *b)
{
    create_with_work(b, 1);
    claim(b, BED_C);
    attempt(b, ENGINE_REQ_HEARTBEAT, BED_C, 1, 1);
    if (store_bed_reply(b)->holder != store_bed_sender(BED_A))
        return 0;
    b->now = 1100;
    acquire(b, BED_B);
    return attempt(b, ENGINE_REQ_HEARTBEAT, BED_C, 1, 1) == ENGINE_COMMITTED &&
           store_bed_reply(b)->holder == store_bed_sender(BED_B);
}

/* Outboxes with more than one row. */

static unsigned acknowledge(struct store_bed *b, uint32_t number)
{
    store_bed_ask(b, ENGINE_REQ_ACK, BED_A, 1)->token = 1;
    store_bed_head(b)->op = number;
    return store_bed_send(b);
}

static void send_out(struct store_bed *b, uint32_t number)
{
    struct engine_item item = {
        .type = ENGINE_ITEM_OUTBOX, .kind = ENGINE_OUTBOX_CHILD, .op = number};

    ask_append(b, 1, 1, 2);
    store_bed_item(b, &item, "child", 5);
    store_bed_send(b);
}

static int rows_of_a_running_run_can_be_acknowledged(struct store_bed *b)
{
    create(b, BED_A, 1);
    send_out(b, 65535);
    if (acknowledge(b, 65535) != ENGINE_COMMITTED || store_bed_reply(b)->repeat)
        return 0;
    with_token(b, ENGINE_REQ_LOAD, 1, 1);
    return !store_bed_find(b, ENGINE_ITEM_OUTBOX, 0) &&
           wake_of(b, 1, 1) == 1100;
}

static int
an_ended_run_is_due_until_its_last_row_is_acknowledged(struct store_bed *b)
{
    create(b, BED_A, 1);
    send_out(b, 7);
    end(b, 1, 1, 2, 1);
    if (acknowledge(b, 0) != ENGINE_COMMITTED || wake_of(b, 1, 1) != 1100)
        return 0;
    return acknowledge(b, 7) == ENGINE_COMMITTED &&
           wake_of(b, 1, 1) == UINT64_MAX;
}

static int
an_ended_run_is_due_for_a_row_from_before_its_end(struct store_bed *b)
{
    create(b, BED_A, 1);
    send_out(b, 7);
    end(b, 1, 1, 2, 0);
    return wake_of(b, 1, 1) == 1100;
}

/* Snapshots. */

static unsigned append_with_snapshot(struct store_bed *b, uint64_t seq,
                                     uint64_t folded, const char *text)
{
    ask_append(b, 1, 1, seq);
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 1);
    store_bed_snapshot(b, folded, text);
    return store_bed_send(b);
}

static int a_snapshot_stands_for_the_log_before_it(struct store_bed *b)
{
    const struct engine_item *item;

    create(b, BED_A, 1);
    append_with_snapshot(b, 2, 2, "folded");
    append(b, 1, 1, 3);
    with_token(b, ENGINE_REQ_LOAD, 1, 1);
    item = engine_item_first(b->reply.bytes, sizeof(struct engine_reply));
    item = engine_item_next(b->reply.bytes, item);
    if (item->type != ENGINE_ITEM_SNAPSHOT || item->a != 2 ||
        !store_bed_says(item, "folded"))
        return 0;
    item = store_bed_find(b, ENGINE_ITEM_LOG, 0);
    return item && item->a == 3 && !store_bed_find(b, ENGINE_ITEM_LOG, 1);
}

static int a_snapshot_may_fold_in_all_but_its_own_append(struct store_bed *b)
{
    create(b, BED_A, 1);
    if (append_with_snapshot(b, 2, 1, "folded") != ENGINE_COMMITTED)
        return 0;
    b->now = 1100;
    acquire(b, BED_B);
    return store_bed_find(b, ENGINE_ITEM_SNAPSHOT, 0)->a == 1 &&
           store_bed_find(b, ENGINE_ITEM_LOG, 0)->a == 2 &&
           store_bed_find(b, ENGINE_ITEM_LOG, 1)->a == 3 &&
           !store_bed_find(b, ENGINE_ITEM_LOG, 2);
}

static int a_snapshot_at_the_tail_leaves_no_log_to_send(struct store_bed *b)
{
    create(b, BED_A, 1);
    append_with_snapshot(b, 2, 2, "folded");
    return with_token(b, ENGINE_REQ_LOAD, 1, 1) == ENGINE_COMMITTED &&
           store_bed_find(b, ENGINE_ITEM_SNAPSHOT, 0) &&
           !store_bed_find(b, ENGINE_ITEM_LOG, 0);
}

static int a_later_snapshot_replaces_the_former_one(struct store_bed *b)
{
    create(b, BED_A, 1);
    append_with_snapshot(b, 2, 2, "a long first one");
    append_with_snapshot(b, 3, 3, "short");
    with_token(b, ENGINE_REQ_LOAD, 1, 1);
    return store_bed_says(store_bed_find(b, ENGINE_ITEM_SNAPSHOT, 0),
                          "short") &&
           !store_bed_find(b, ENGINE_ITEM_SNAPSHOT, 1);
}

static int a_snapshot_in_the_middle_of_a_row_is_refused(struct store_bed *b)
{
    struct engine_hash before;

    create(b, BED_A, 1);
    before = contents(b);
    ask_append(b, 1, 1, 2);
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 1);
    store_bed_event(b, ENGINE_EV_OP_SCHEDULED, 2);
    store_bed_snapshot(b, 2, "between");
    return store_bed_send(b) == ENGINE_REFUSED &&
           store_bed_reply(b)->actual == 2 &&
           store_bed_reply(b)->maximum == 3 && unchanged(b, before);
}

static int a_snapshot_counts_to_its_own_limit_only(struct store_bed *b)
{
    b->how.limits.op_payload_max = 16;
    b->how.limits.request_max = 400;
    b->how.limits.snapshot_max = 600;
    b->how.fresh = 1;
    if (store_bed_reopen(b))
        return 0;
    create(b, BED_A, 1);
    for (size_t size = 600; size <= 601; size++) {
        struct engine_item item = {.type = ENGINE_ITEM_SNAPSHOT, .a = 1};
        static const char zeros[601];

        ask_append(b, 1, 1, 2);
        store_bed_item(b, &item, zeros, size);
        if (store_bed_send(b) !=
            (size == 600 ? ENGINE_COMMITTED : ENGINE_REFUSED))
            return 0;
    }
    return store_bed_reply(b)->actual == 601 &&
           store_bed_reply(b)->maximum == 600;
}

static int signals_and_snapshot_are_there_after_reopening(struct store_bed *b)
{
    if (!b->opener->durable)
        return 1;
    create(b, BED_A, 1);
    append_with_snapshot(b, 2, 2, "folded");
    signal_run(b, 1, 5, "taken");
    signal_run(b, 1, 6, "waits");
    take_signal(b, 3, 5);
    if (store_bed_reopen(b) || signal_run(b, 1, 5, "taken") != 1 ||
        !store_bed_reply(b)->repeat)
        return 0;
    with_token(b, ENGINE_REQ_LOAD, 1, 1);
    return store_bed_brings(store_bed_find(b, ENGINE_ITEM_INBOX, 0), 6,
                            "waits") &&
           store_bed_says(store_bed_find(b, ENGINE_ITEM_SNAPSHOT, 0), "folded");
}

/* The scans. */

struct seen {
    uint64_t values[8];
    uint32_t count;
    uint32_t stop_at;
};

static int see(struct seen *seen, uint64_t value)
{
    seen->values[seen->count++ % 8] = value;
    return seen->count == seen->stop_at ? 77 : 0;
}

static int see_row(void *self, const struct engine_log_row *row)
{
    return see(self, row->position);
}

static int see_run(void *self, const struct engine_run_row *row)
{
    return see(self, row->run);
}

static int see_work(void *self, uint64_t run, const struct engine_item *item)
{
    return see(self, run << 16 | item->op);
}

static int a_scan_of_the_log_starts_after_a_position(struct store_bed *b)
{
    struct seen seen = {.stop_at = 0};

    for (uint64_t run = 1; run <= 4; run++)
        create(b, BED_A, run);
    return !b->store.ops->scan_log(b->store.self, 2, see_row, &seen) &&
           seen.count == 2 && seen.values[0] == 3 && seen.values[1] == 4;
}

static int a_scan_stops_when_its_visitor_says_so(struct store_bed *b)
{
    struct seen log = {.stop_at = 1};
    struct seen runs = {.stop_at = 1};
    struct seen work = {.stop_at = 1};
    const struct engine_store *store = &b->store;

    create_with_work(b, 1);
    create_with_work(b, 2);
    return store->ops->scan_log(store->self, 0, see_row, &log) == 77 &&
           store->ops->scan_runs(store->self, see_run, &runs) == 77 &&
           store->ops->scan_work(store->self, see_work, &work) == 77 &&
           log.count == 1 && runs.count == 1 && work.count == 1;
}

static int scans_of_runs_and_work_go_by_key(struct store_bed *b)
{
    struct seen runs = {.stop_at = 0};
    struct seen work = {.stop_at = 0};
    const struct engine_store *store = &b->store;

    create_with_work(b, 9);
    create_with_work(b, 300);
    create_with_work(b, 2);
    return !store->ops->scan_runs(store->self, see_run, &runs) &&
           !store->ops->scan_work(store->self, see_work, &work) &&
           runs.count == 3 && work.count == 3 && runs.values[0] == 2 &&
           runs.values[1] == 9 && runs.values[2] == 300 &&
           work.values[0] == (2 << 16 | 3) && work.values[2] == (300 << 16 | 3);
}

static int see_box(void *self, uint64_t run, const struct engine_item *item)
{
    return see(self, run << 16 | (uint64_t)item->type << 8 | (item->a & 0xff));
}

static int a_scan_of_boxes_goes_by_table_then_run(struct store_bed *b)
{
    static const uint64_t right[] = {
        1 << 16 | ENGINE_ITEM_OUTBOX << 8,
        3 << 16 | ENGINE_ITEM_OUTBOX << 8,
        1 << 16 | ENGINE_ITEM_INBOX << 8 | 9,
        1 << 16 | ENGINE_ITEM_INBOX << 8 | 2,
        3 << 16 | ENGINE_ITEM_INBOX << 8 | 4,
        1 << 16 | ENGINE_ITEM_SNAPSHOT << 8 | 2,
    };
    struct engine_item outbox = {.type = ENGINE_ITEM_OUTBOX, .kind = 1};
    struct seen seen = {.stop_at = 0};

    create(b, BED_A, 3);
    create(b, BED_A, 1);
    signal_run(b, 3, 4, "x");
    signal_run(b, 1, 9, "x");
    signal_run(b, 1, 2, "x");
    append_with_snapshot(b, 2, 2, "folded");
    for (uint64_t run = 1; run <= 3; run += 2) {
        ask_append(b, run, 1, run == 1 ? 3 : 2);
        store_bed_item(b, &outbox, "out", 3);
        store_bed_send(b);
    }
    return !b->store.ops->scan_boxes(b->store.self, see_box, &seen) &&
           seen.count == 6 && !memcmp(seen.values, right, sizeof(right));
}

#define SENTENCES(X)                                                           \
    X(a_new_run_has_token_1_and_its_events_from_seq_1)                         \
    X(creating_a_run_twice_conflicts_and_names_the_holder)                     \
    X(a_new_run_keeps_workflow_and_lease)                                      \
    X(an_append_moves_seq_and_position_on)                                     \
    X(an_append_at_the_wrong_seq_conflicts)                                    \
    X(an_append_repeated_after_a_lost_reply_conflicts)                         \
    X(an_append_with_another_holder_s_token_is_fenced)                         \
    X(an_append_with_an_older_token_is_fenced)                                 \
    X(an_append_to_no_run_is_fenced)                                           \
    X(an_append_to_a_finished_run_conflicts)                                   \
    X(an_append_before_its_time_is_refused_with_both_times)                    \
    X(an_append_without_events_writes_no_log_row)                              \
    X(events_come_back_verbatim_and_oldest_first)                              \
    X(rows_are_chained_to_the_reply_s_hash)                                    \
    X(nothing_is_due_before_a_lease_expires)                                   \
    X(an_empty_store_has_nothing_due_ever)                                     \
    X(an_expired_lease_goes_to_whoever_asks_with_the_next_token)               \
    X(taking_a_lease_is_logged_with_token_and_holder)                          \
    X(the_run_due_first_is_taken_first_then_the_smaller_number)                \
    X(the_caller_s_clock_does_not_expire_a_lease)                              \
    X(a_taken_run_comes_with_work_and_outbox)                                  \
    X(a_suspended_run_runs_again_when_it_is_taken)                             \
    X(a_released_run_is_due_at_its_wake_and_not_before)                        \
    X(a_released_lease_is_fenced)                                              \
    X(a_wake_earlier_than_the_lease_counts_at_once)                            \
    X(a_run_released_for_ever_is_never_due)                                    \
    X(loading_and_mail_with_an_older_token_are_fenced)                         \
    X(a_renewed_lease_lasts_longer)                                            \
    X(an_expired_lease_nobody_took_can_be_renewed)                             \
    X(renewing_names_leases_that_are_lost)                                     \
    X(renewing_names_runs_with_finished_work)                                  \
    X(a_finished_run_without_outbox_is_never_due)                              \
    X(a_finished_run_with_outbox_is_due_until_it_is_acknowledged)              \
    X(acknowledging_twice_is_one_acknowledgement)                              \
    X(renewing_an_acknowledged_run_does_not_make_it_due)                       \
    X(a_blocked_run_is_never_due)                                              \
    X(a_claim_returns_the_input_and_its_times)                                 \
    X(a_claim_repeated_by_its_holder_is_extended)                              \
    X(a_claim_by_another_worker_conflicts)                                     \
    X(a_claim_of_another_attempt_is_fenced)                                    \
    X(a_claim_of_a_finished_attempt_is_fenced)                                 \
    X(a_heartbeat_extends_its_claim_only)                                      \
    X(finished_work_shows_output_and_error_in_the_mail)                        \
    X(finishing_twice_is_one_report)                                           \
    X(finishing_without_the_claim_is_fenced)                                   \
    X(an_expired_claim_that_nobody_cut_can_be_finished)                        \
    X(work_is_taken_only_when_it_is_done)                                      \
    X(work_is_cut_only_while_claimed_and_not_before_its_time)                  \
    X(work_whose_claim_was_extended_is_not_cut)                                \
    X(work_is_dropped_only_while_nobody_has_claimed_it)                        \
    X(work_that_was_dropped_is_claimed_by_nobody)                              \
    X(work_that_is_there_is_not_put_again)                                     \
    X(one_append_takes_an_attempt_and_puts_the_next)                           \
    X(one_append_cannot_put_the_same_row_twice)                                \
    X(a_bad_last_item_leaves_no_trace_of_the_first)                            \
    X(mail_is_sorted_by_operation)                                             \
    X(a_blob_is_kept_under_its_digest)                                         \
    X(a_blob_put_twice_is_kept_once)                                           \
    X(a_payload_at_the_limit_is_accepted_and_one_byte_more_refused)            \
    X(an_input_of_a_megabyte_comes_back)                                       \
    X(a_history_at_the_limit_is_accepted_and_one_event_more_refused)           \
    X(a_request_out_of_range_is_refused)                                       \
    X(events_after_other_items_are_refused)                                    \
    X(requests_of_one_group_see_one_another)                                   \
    X(the_end_of_a_run_and_its_outbox_row_are_one_change)                      \
    X(a_rolled_back_group_leaves_no_trace)                                     \
    X(closing_with_an_open_group_loses_the_group)                              \
    X(what_was_committed_is_there_after_reopening)                             \
    X(a_signal_waits_in_the_inbox_and_comes_with_the_mail)                     \
    X(a_signal_put_twice_is_one_row_also_once_it_was_taken)                    \
    X(one_id_may_be_put_into_two_runs)                                         \
    X(a_signal_to_no_run_conflicts)                                            \
    X(a_signal_to_a_run_that_has_ended_is_fenced)                              \
    X(a_signal_wakes_a_run_whose_lease_is_free)                                \
    X(a_signal_to_a_held_run_names_its_holder)                                 \
    X(a_signal_wakes_a_blocked_run)                                            \
    X(signals_come_by_arrival_between_work_and_outbox)                         \
    X(a_signal_that_arrives_later_stays_behind)                                \
    X(a_signal_is_taken_once_and_with_its_events)                              \
    X(a_bad_append_takes_no_signal)                                            \
    X(a_run_let_go_over_a_signal_nobody_saw_is_due_at_once)                    \
    X(a_run_let_go_with_signals_that_were_seen_sleeps)                         \
    X(renewing_names_runs_with_a_signal)                                       \
    X(a_signal_that_contradicts_itself_is_refused)                             \
    X(a_heartbeat_names_the_holder_of_the_run)                                 \
    X(rows_of_a_running_run_can_be_acknowledged)                               \
    X(an_ended_run_is_due_until_its_last_row_is_acknowledged)                  \
    X(an_ended_run_is_due_for_a_row_from_before_its_end)                       \
    X(a_snapshot_stands_for_the_log_before_it)                                 \
    X(a_snapshot_may_fold_in_all_but_its_own_append)                           \
    X(a_snapshot_at_the_tail_leaves_no_log_to_send)                            \
    X(a_later_snapshot_replaces_the_former_one)                                \
    X(a_snapshot_in_the_middle_of_a_row_is_refused)                            \
    X(a_snapshot_counts_to_its_own_limit_only)                                 \
    X(signals_and_snapshot_are_there_after_reopening)                          \
    X(a_scan_of_the_log_starts_after_a_position)                               \
    X(a_scan_stops_when_its_visitor_says_so)                                   \
    X(scans_of_runs_and_work_go_by_key)                                        \
    X(a_scan_of_boxes_goes_by_table_then_run)

static const struct sentence {
    const char *name;
    int (*holds)(struct store_bed *bed);
} sentences[] = {
#define SENTENCE(name) {#name, name},
    SENTENCES(SENTENCE)
#undef SENTENCE
};

size_t store_conformance_count(void)
{
    return sizeof(sentences) / sizeof(sentences[0]);
}

static int hold(const struct store_opener *opener, const struct sentence *is)
{
    struct store_bed bed;
    int holds;

    if (store_bed_open(&bed, opener))
        return 0;
    holds = is->holds(&bed);
    store_bed_close(&bed);
    return holds;
}

size_t store_conformance(const struct store_opener *opener)
{
    size_t wrong = 0;

    for (size_t i = 0; i < store_conformance_count(); i++) {
        if (hold(opener, &sentences[i]))
            continue;
        fprintf(stderr, "%s: not so: %s\n", opener->name, sentences[i].name);
        wrong++;
    }
    return wrong;
}

int store_conformance_holds(const struct store_opener *opener,
                            const char *sentence)
{
    for (size_t i = 0; i < store_conformance_count(); i++) {
        if (!strcmp(sentences[i].name, sentence))
            return hold(opener, &sentences[i]);
    }
    return -1;
}
