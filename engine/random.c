#include "engine/random.h"

#include <Random123/philox.h>
#include <assert.h>

/* FNV-1a: names are short and read once. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name != '\0'; name++) {
        hash ^= (unsigned char)*name;
        hash *= UINT64_C(1099511628211);
    }
    return hash;
}

/* The finaliser of splitmix64: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void engine_stream_init(struct engine_stream *stream, uint64_t seed,
                        const char *name, uint64_t actor)
{
    assert(stream != NULL);
    assert(name != NULL);
    stream->key = seed;
    stream->lane = mix(mix(hash_name(name)) + actor);
}

void engine_stream_block(const struct engine_stream *stream, uint64_t block,
                         uint64_t out[2])
{
    philox2x64_ctr_t counter = {{block, stream->lane}};
    philox2x64_key_t key = {{stream->key}};
    philox2x64_ctr_t made = philox2x64_R(10, counter, key);
    out[0] = made.v[0];
    out[1] = made.v[1];
}

uint64_t engine_stream_u64(const struct engine_stream *stream, uint64_t index)
{
    uint64_t pair[2];
    engine_stream_block(stream, index >> 1, pair);
    return pair[index & 1];
}

/* The high half of the 128-bit product, from four 32-bit ones. */
uint64_t engine_random_scale(uint64_t draw, uint64_t n)
{
    assert(n != 0);
    uint64_t low = (draw & UINT32_MAX) * (n & UINT32_MAX);
    uint64_t left = (draw >> 32) * (n & UINT32_MAX) + (low >> 32);
    uint64_t right = (draw & UINT32_MAX) * (n >> 32) + (left & UINT32_MAX);
    return (draw >> 32) * (n >> 32) + (left >> 32) + (right >> 32);
}

uint64_t engine_draw_below(const struct engine_stream *stream, uint64_t index,
                           uint64_t n)
{
    return engine_random_scale(engine_stream_u64(stream, index), n);
}

bool engine_draw_chance(const struct engine_stream *stream, uint64_t index,
                        uint32_t ppb)
{
    assert(ppb <= ENGINE_CHANCE_ALWAYS);
    return engine_draw_below(stream, index, ENGINE_CHANCE_ALWAYS) < ppb;
}
