#include "sim/queue.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/random.h"

static void push(struct sim_queue *queue, uint64_t time_ns, uint64_t arg)
{
    struct sim_event event = {
        .time_ns = time_ns, .target = 5, .kind = 6, .arg = arg};
    cr_assert_eq(sim_queue_push(queue, &event), 0);
}

static struct sim_event pop(struct sim_queue *queue)
{
    struct sim_event event = {0};
    cr_assert(sim_queue_pop(queue, &event));
    return event;
}

Test(sim_queue, an_empty_queue_pops_nothing_and_peeks_never)
{
    struct sim_queue *queue = sim_queue_new(0);
    struct sim_event event;
    cr_assert_not(sim_queue_pop(queue, &event));
    cr_assert_eq(sim_queue_peek_time(queue), SIM_QUEUE_NEVER);
    push(queue, 3, 0);
    pop(queue);
    cr_assert_not(sim_queue_pop(queue, &event));
    cr_assert_eq(sim_queue_count(queue), 0);
    sim_queue_free(queue);
}

Test(sim_queue, an_event_comes_out_as_it_went_in)
{
    struct sim_queue *queue = sim_queue_new(1);
    struct sim_event in = {
        .time_ns = 77, .target = 1, .kind = UINT32_MAX, .arg = UINT64_MAX};
    sim_queue_push(queue, &in);
    struct sim_event out = pop(queue);
    cr_assert_eq(out.time_ns, in.time_ns);
    cr_assert_eq(out.target, in.target);
    cr_assert_eq(out.kind, in.kind);
    cr_assert_eq(out.arg, in.arg);
    sim_queue_free(queue);
}

/* Equal times meet in a bucket from far away, from near, and at the time. */
Test(sim_queue, equal_times_pop_in_push_order)
{
    struct sim_queue *queue = sim_queue_new(0);
    uint64_t arg = 0;
    for (int i = 0; i < 25; i++) {
        push(queue, 1000000, arg++);
    }
    push(queue, 999990, 9999);
    pop(queue);
    for (int i = 0; i < 25; i++) {
        push(queue, 1000000, arg++);
    }
    cr_assert_eq(pop(queue).arg, 0);
    for (int i = 0; i < 25; i++) {
        push(queue, 1000000, arg++);
    }
    for (uint64_t want = 1; want < arg; want++) {
        cr_assert_eq(pop(queue).arg, want);
    }
    sim_queue_free(queue);
}

Test(sim_queue, times_from_0_to_the_last_come_out_in_order)
{
    struct sim_queue *queue = sim_queue_new(0);
    push(queue, UINT64_MAX, 0);
    for (int bit = 63; bit >= 0; bit--) {
        push(queue, UINT64_C(1) << bit, 0);
    }
    push(queue, 0, 0);
    push(queue, UINT64_MAX, 1);
    cr_assert_eq(pop(queue).time_ns, 0);
    for (int bit = 0; bit < 64; bit++) {
        cr_assert_eq(pop(queue).time_ns, UINT64_C(1) << bit);
    }
    cr_assert_eq(pop(queue).arg, 0);
    push(queue, UINT64_MAX, 2);
    cr_assert_eq(pop(queue).arg, 1);
    cr_assert_eq(pop(queue).arg, 2);
    cr_assert_eq(sim_queue_count(queue), 0);
    sim_queue_free(queue);
}

Test(sim_queue, peeking_does_not_forbid_an_earlier_push)
{
    struct sim_queue *queue = sim_queue_new(0);
    push(queue, 1000, 0);
    push(queue, 1001, 0);
    cr_assert_eq(sim_queue_peek_time(queue), 1000);
    push(queue, 10, 0);
    cr_assert_eq(sim_queue_peek_time(queue), 10);
    cr_assert_eq(pop(queue).time_ns, 10);
    cr_assert_eq(pop(queue).time_ns, 1000);
    cr_assert_eq(sim_queue_peek_time(queue), 1001);
    sim_queue_free(queue);
}

Test(sim_queue, a_pending_event_costs_at_most_40_bytes)
{
    struct sim_queue *queue = sim_queue_new(1000000);
    size_t before = sim_queue_bytes(queue);
    cr_assert_leq(before, (size_t)40 * 1000000);
    for (uint64_t i = 0; i < 1000000; i++) {
        push(queue, i * i % 1000003 << i % 30, i);
    }
    cr_assert_eq(sim_queue_bytes(queue), before, "the hint was not kept");
    cr_assert_eq(sim_queue_count(queue), 1000000);
    sim_queue_free(queue);
}

Test(sim_queue, a_hint_no_memory_holds_gives_null)
{
    cr_assert_null(sim_queue_new(SIM_QUEUE_COUNT_MAX + 1));
}

/* The model: an unsorted list from which the first least is taken. */
struct model {
    struct sim_event *pending;
    size_t count;
    size_t size;
};

static void model_push(struct model *model, const struct sim_event *event)
{
    if (model->count == model->size) {
        model->size = model->size * 2 + 16;
        model->pending =
            realloc(model->pending, model->size * sizeof *model->pending);
        cr_assert_not_null(model->pending);
    }
    size_t at = model->count++;
    for (; at > 0 && model->pending[at - 1].time_ns <= event->time_ns; at--) {
        model->pending[at] = model->pending[at - 1];
    }
    model->pending[at] = *event;
}

/* How far ahead events are pushed: mixtures of ties, near, far, anywhere. */
static uint64_t ahead(uint64_t draw, unsigned style)
{
    uint64_t shape = draw >> 60;
    switch (style % 4) {
    case 0:
        return draw % 4;
    case 1:
        return shape < 8 ? 0 : draw % 1000;
    case 2:
        return draw % (UINT64_C(1) << 48) >> shape * 3;
    default:
        return shape == 0 ? draw % UINT64_C(1000000000000000) : draw % 300 << 8;
    }
}

static uint64_t later(uint64_t now, uint64_t by)
{
    return by > UINT64_MAX - now ? UINT64_MAX : now + by;
}

struct run {
    struct sim_queue *queue;
    struct model model;
    struct engine_stream stream;
    uint64_t now_ns;
    unsigned style;
};

static void push_both(struct run *run, uint64_t step)
{
    uint64_t draw = engine_stream_u64(&run->stream, 2 * step);
    struct sim_event event = {.time_ns =
                                  later(run->now_ns, ahead(draw, run->style)),
                              .target = (uint32_t)step,
                              .kind = run->style,
                              .arg = step};
    cr_assert_eq(sim_queue_push(run->queue, &event), 0);
    model_push(&run->model, &event);
}

static void pop_both(struct run *run, uint64_t step)
{
    struct sim_event got;
    bool any = sim_queue_pop(run->queue, &got);
    cr_assert_eq(any, run->model.count != 0);
    if (!any) {
        return;
    }
    struct sim_event want = run->model.pending[--run->model.count];
    cr_assert_eq(got.time_ns, want.time_ns, "step %lu", (unsigned long)step);
    cr_assert_eq(got.arg, want.arg, "step %lu", (unsigned long)step);
    cr_assert_eq(got.target, want.target);
    run->now_ns = got.time_ns;
}

static void step_both(struct run *run, uint64_t step)
{
    /* Waves: mostly pushes for a while, then mostly pops. */
    uint64_t odds = step / 700 % 2 == 0 ? 70 : 35;
    if (engine_draw_below(&run->stream, 2 * step + 1, 100) < odds) {
        push_both(run, step);
    } else {
        pop_both(run, step);
    }
    cr_assert_eq(sim_queue_count(run->queue), run->model.count);
    uint64_t first = run->model.count == 0
                         ? SIM_QUEUE_NEVER
                         : run->model.pending[run->model.count - 1].time_ns;
    cr_assert_eq(sim_queue_peek_time(run->queue), first);
}

Test(sim_queue, any_mix_of_pushes_and_pops_agrees_with_a_sorted_list)
{
    for (unsigned seed = 0; seed < 12; seed++) {
        struct run run = {.style = seed, .now_ns = 0};
        run.queue = sim_queue_new(0);
        engine_stream_init(&run.stream, seed, "mix", 0);
        for (uint64_t step = 0; step < 100000; step++) {
            step_both(&run, step);
            if (step % 20000 == 19999) { /* start over further on */
                while (run.model.count != 0) {
                    pop_both(&run, step);
                }
            }
        }
        free(run.model.pending);
        sim_queue_free(run.queue);
    }
}

/* Every bucket of three levels holds two events, the worst case for room. */
Test(sim_queue, growing_while_events_are_spread_thin_loses_none)
{
    struct sim_queue *queue = sim_queue_new(0);
    uint64_t count = 0;
    for (unsigned level = 0; level < 8; level++) {
        for (uint64_t slot = 1; slot < 256; slot++) {
            push(queue, slot << level * 8, 0);
            push(queue, slot << level * 8, 1);
            count += 2;
        }
    }
    uint64_t last = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct sim_event event = pop(queue);
        cr_assert_eq(event.arg, i % 2);
        cr_assert_geq(event.time_ns, last);
        last = event.time_ns;
    }
    cr_assert_eq(sim_queue_count(queue), 0);
    sim_queue_free(queue);
}
