#include "engine/timers.h"

#include <criterion/criterion.h>

#include "engine/random.h"

Test(engine_timers, none_means_never)
{
    struct engine_timers timers = {0};
    cr_assert_eq(engine_timers_next(&timers), UINT64_MAX);
}

/* 2,000 pushes and pops in a drawn order against a plain search. */
Test(engine_timers, pop_by_time_then_key_whatever_the_order_of_pushes)
{
    enum {
        COUNT = 2000
    };
    static struct engine_timer model[COUNT];
    size_t count = 0;
    struct engine_timers timers = {0};
    struct engine_stream stream;
    engine_stream_init(&stream, 1, "timers", 0);
    for (uint64_t i = 0; i < COUNT; i++) {
        struct engine_timer timer = {engine_draw_below(&stream, 3 * i, 50),
                                     engine_draw_below(&stream, 3 * i + 1, 9)};
        cr_assert_eq(engine_timers_push(&timers, timer.time_ns, timer.key), 0);
        model[count++] = timer;
        if (engine_draw_below(&stream, 3 * i + 2, 3) > 0)
            continue;
        size_t best = 0;
        for (size_t k = 1; k < count; k++)
            if (model[k].time_ns < model[best].time_ns ||
                (model[k].time_ns == model[best].time_ns &&
                 model[k].key < model[best].key))
                best = k;
        cr_assert_eq(engine_timers_next(&timers), model[best].time_ns);
        struct engine_timer popped = engine_timers_pop(&timers);
        cr_assert_eq(popped.time_ns, model[best].time_ns);
        cr_assert_eq(popped.key, model[best].key);
        model[best] = model[--count];
    }
    cr_assert_eq(timers.count, count);
    engine_timers_free(&timers);
    cr_assert_eq(engine_timers_next(&timers), UINT64_MAX);
}

static void *refuse_to_grow(void *self, void *old, size_t size)
{
    size_t *room = self;
    if (size > *room)
        return NULL;
    if (size > 0)
        return realloc(old, size);
    free(old);
    return NULL;
}

Test(engine_timers, out_of_memory_keeps_what_was_there)
{
    size_t room = 64 * sizeof(struct engine_timer);
    struct engine_memory memory = {refuse_to_grow, &room};
    struct engine_timers timers = {.memory = &memory};
    for (uint64_t i = 0; i < 64; i++)
        cr_assert_eq(engine_timers_push(&timers, 100 - i, i), 0);
    cr_assert_eq(engine_timers_push(&timers, 1, 1), -1);
    cr_assert_eq(timers.count, 64);
    cr_assert_eq(engine_timers_pop(&timers).time_ns, 37);
    engine_timers_free(&timers);
}
