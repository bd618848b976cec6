#include "engine/random.h"

#include <criterion/criterion.h>

/* Vectors for philox2x64-10 published with the generator. */
Test(engine_random, blocks_match_the_published_vectors)
{
    static const struct {
        struct engine_stream stream;
        uint64_t block, out[2];
    } known[] = {
        {{0, 0}, 0, {0xca00a0459843d731, 0x66c24222c9a845b5}},
        {{UINT64_MAX, UINT64_MAX},
         UINT64_MAX,
         {0x65b021d60cd8310f, 0x4d02f3222f86df20}},
        {{0xa4093822299f31d0, 0x13198a2e03707344},
         0x243f6a8885a308d3,
         {0x0a5e742c2997341c, 0xb0f883d38000de5d}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint64_t out[2];
        engine_stream_block(&known[i].stream, known[i].block, out);
        cr_assert_eq(out[0], known[i].out[0], "vector %zu", i);
        cr_assert_eq(out[1], known[i].out[1], "vector %zu", i);
    }
}

Test(engine_random, a_block_holds_the_draws_of_its_two_indices)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 7, "net", 3);
    for (uint64_t block = 0; block < 100; block++) {
        uint64_t out[2];
        engine_stream_block(&stream, block, out);
        cr_assert_eq(out[0], engine_stream_u64(&stream, 2 * block));
        cr_assert_eq(out[1], engine_stream_u64(&stream, 2 * block + 1));
    }
}

/* Frozen: a change here makes every kept seed mean something else. */
Test(engine_random, seed_name_and_actor_fix_the_draw_for_good)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 42, "net", 1);
    cr_assert_eq(stream.lane, UINT64_C(0x282ed24c58fd8d85));
    cr_assert_eq(engine_stream_u64(&stream, 0), UINT64_C(0x233cac05d5bc13a1));
    cr_assert_eq(engine_stream_u64(&stream, 1), UINT64_C(0x34418224a8985cac));
}

Test(engine_random, streams_differ_by_seed_name_and_actor)
{
    static const char *const names[] = {"net", "disk", "ne", "t", ""};
    uint64_t seen[5 * 20 * 2];
    size_t count = 0;
    for (size_t n = 0; n < 5; n++) {
        for (uint64_t actor = 0; actor < 20; actor++) {
            for (uint64_t seed = 1; seed <= 2; seed++) {
                struct engine_stream stream;
                engine_stream_init(&stream, seed, names[n], actor);
                seen[count++] = engine_stream_u64(&stream, 0);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            cr_assert_neq(seen[i], seen[k], "streams %zu and %zu", i, k);
        }
    }
}

__extension__ typedef unsigned __int128 wide;

Test(engine_random, scaling_is_the_high_half_of_the_product)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 1, "scale", 0);
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t draw = engine_stream_u64(&stream, 2 * i);
        uint64_t n = engine_stream_u64(&stream, 2 * i + 1) >> (i % 64);
        n += n == 0;
        uint64_t want = (uint64_t)((wide)draw * n >> 64);
        cr_assert_eq(engine_random_scale(draw, n), want);
    }
    cr_assert_eq(engine_random_scale(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1);
}

Test(engine_random, draws_below_n_fill_every_value_evenly)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 3, "below", 9);
    uint32_t hits[10] = {0};
    for (uint64_t i = 0; i < 100000; i++) {
        hits[engine_draw_below(&stream, i, 10)]++;
    }
    double chi = 0;
    for (int i = 0; i < 10; i++) {
        double off = (double)hits[i] - 10000.0;
        chi += off * off / 10000.0;
    }
    cr_assert_lt(chi, 27.9, "chi square %f", chi); /* p = 0.001 */
    cr_assert_eq(engine_draw_below(&stream, 5, 1), 0);
}

Test(engine_random, a_chance_comes_true_as_often_as_it_says)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 3, "chance", 9);
    uint32_t yes = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        yes += engine_draw_chance(&stream, i, 250000000);
        cr_assert(engine_draw_chance(&stream, i, ENGINE_CHANCE_ALWAYS));
        cr_assert_not(engine_draw_chance(&stream, i, 0));
    }
    cr_assert(yes > 24500 && yes < 25500, "%u of 100000", yes);
}

Test(engine_random, a_larger_chance_keeps_every_yes)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 8, "chance", 1);
    for (uint64_t i = 0; i < 10000; i++) {
        if (engine_draw_chance(&stream, i, 1000000)) {
            cr_assert(engine_draw_chance(&stream, i, 2000000));
        }
    }
}
