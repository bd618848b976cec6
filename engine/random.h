/*
 * Random draws that are functions, not a sequence.
 *
 * A draw is f(seed, stream name, actor, index), computed by the counter-based
 * generator Philox2x64-10 (Salmon and others, SC'11; its 64-bit form takes
 * half the time of Philox4x32-10 here). Nothing is stored between draws:
 * reading index 7 before index 3, or never reading index 3, changes neither.
 * That keeps shrinking and replay stable: a fault that is removed from a plan
 * takes no randomness away from anyone else. The caller keeps the index,
 * usually a count that already exists (attempts, messages sent), and never uses
 * one (stream, index) for two purposes.
 *
 * One Philox block holds two draws: block b yields the draws 2b and 2b + 1.
 */
#ifndef ENGINE_RANDOM_H
#define ENGINE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* Chances are integers, parts per billion; this one always happens. */
#define ENGINE_CHANCE_ALWAYS UINT32_C(1000000000)

/* A value: copy it freely. Streams with equal fields draw the same numbers. */
struct engine_stream {
    uint64_t key;  /* the seed of the run */
    uint64_t lane; /* which of its streams: name and actor, hashed */
};

/*
 * Makes the stream called `name` of `actor` under `seed`. The name is read
 * now and not kept. Different names or actors give unrelated streams.
 */
void engine_stream_init(struct engine_stream *stream, uint64_t seed,
                        const char *name, uint64_t actor);

/* The draws 2 * block and 2 * block + 1, each uniform over 64 bits. */
void engine_stream_block(const struct engine_stream *stream, uint64_t block,
                         uint64_t out[2]);

/* The draw at `index`, uniform over 64 bits. */
uint64_t engine_stream_u64(const struct engine_stream *stream, uint64_t index);

/*
 * Maps a draw onto 0 .. n - 1. The bias is below n / 2^64. `n` is not 0.
 */
uint64_t engine_random_scale(uint64_t draw, uint64_t n);

/* The draw at `index` as a number in 0 .. n - 1. `n` is not 0. */
uint64_t engine_draw_below(const struct engine_stream *stream, uint64_t index,
                           uint64_t n);

/*
 * True with a probability of `ppb` parts per billion. For one (stream, index)
 * a larger chance never turns a yes into a no.
 */
bool engine_draw_chance(const struct engine_stream *stream, uint64_t index,
                        uint32_t ppb);

#endif
