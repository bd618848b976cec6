#include "engine/host/stream.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zstd.h>

#include "engine/random.h"

struct record {
    void *bytes;
    size_t size;
    struct engine_chunks_ref ref;
};

/* The n-th chunk of a stream: its size and bytes depend on n alone. */
static uint32_t chunk_of(uint64_t n, unsigned char *bytes, uint32_t most)
{
    struct engine_stream stream;
    engine_stream_init(&stream, n, "test/chunk", 0);
    uint32_t size = (uint32_t)engine_draw_below(&stream, 0, most + 1);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(n + i / 7);
    return size;
}

static void add_chunks(struct stream_spool *spool, uint32_t attempt,
                       uint64_t from, uint64_t to, uint32_t most)
{
    static unsigned char bytes[70000];
    for (uint64_t n = from; n < to; n++) {
        uint32_t size = chunk_of(n, bytes, most);
        cr_assert_eq(stream_spool_add(spool, attempt, n, bytes, size), 0);
    }
}

static struct record finish(struct stream_spool *spool)
{
    struct record record;
    cr_assert_eq(
        stream_spool_finish(spool, &record.bytes, &record.size, &record.ref),
        0);
    return record;
}

static void expect_chunks(const struct record *record, uint64_t count,
                          uint32_t most)
{
    static unsigned char want[70000];
    struct stream_reader *reader;
    const void *bytes;
    uint32_t size;
    cr_assert_eq(
        stream_reader_open(record->bytes, record->size, &record->ref, &reader),
        0);
    for (uint64_t n = 0; n < count; n++) {
        cr_assert_eq(stream_reader_next(reader, &bytes, &size), 1);
        cr_assert_eq(size, chunk_of(n, want, most));
        cr_assert(size == 0 || memcmp(bytes, want, size) == 0);
    }
    cr_assert_eq(stream_reader_next(reader, &bytes, &size), 0);
    cr_assert_eq(stream_reader_next(reader, &bytes, &size), 0);
    stream_reader_free(reader);
}

static struct stream_spool *spool_of(size_t memory_max)
{
    struct stream_options options = {.memory_max = memory_max};
    struct stream_spool *spool = stream_spool_new(&options);
    cr_assert(spool);
    return spool;
}

Test(host_stream, a_thousand_chunks_become_one_record)
{
    struct stream_spool *spool = spool_of(0);
    uint8_t digest[ENGINE_BLOB_DIGEST_SIZE];
    add_chunks(spool, 1, 0, 1000, 5000);
    struct record record = finish(spool);
    cr_assert_eq(record.ref.chunk_count, 1000);
    cr_assert_eq(record.ref.raw_size, stream_spool_raw_size(spool));
    cr_assert_eq(record.ref.blob.size, record.size);
    crypto_hash_sha256(digest, record.bytes, record.size);
    cr_assert_eq(memcmp(digest, record.ref.blob.digest, sizeof(digest)), 0);
    cr_assert_lt(record.size, record.ref.raw_size / 4);
    expect_chunks(&record, 1000, 5000);
    free(record.bytes);
    stream_spool_free(spool);
}

Test(host_stream, memory_and_file_give_the_same_record)
{
    static const size_t memory[] = {1, 7, 100, 4096, 65536, 1 << 24};
    struct record first = {0};
    for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++) {
        struct stream_spool *spool = spool_of(memory[i]);
        add_chunks(spool, 1, 0, 300, 3000);
        struct record record = finish(spool);
        cr_assert_leq(stream_spool_memory(spool), memory[i]);
        if (i == 0)
            first = record;
        cr_assert_eq(record.size, first.size);
        cr_assert_eq(memcmp(record.bytes, first.bytes, first.size), 0);
        if (i > 0)
            free(record.bytes);
        stream_spool_free(spool);
    }
    expect_chunks(&first, 300, 3000);
    free(first.bytes);
}

Test(host_stream, memory_stays_bounded_however_many_chunks_there_are)
{
    struct stream_spool *spool = spool_of(65536);
    add_chunks(spool, 1, 0, 100000, 64);
    add_chunks(spool, 1, 100000, 100020, 65536);
    cr_assert_leq(stream_spool_memory(spool), 65536);
    cr_assert_gt(stream_spool_raw_size(spool), 1000000);
    struct record record = finish(spool);
    cr_assert_eq(record.ref.chunk_count, 100020);
    free(record.bytes);
    stream_spool_free(spool);
}

Test(host_stream, the_same_chunk_again_is_dropped_and_a_gap_refused)
{
    struct stream_spool *spool = spool_of(0);
    add_chunks(spool, 1, 0, 10, 100);
    for (uint64_t n = 0; n < 10; n++)
        cr_assert_eq(stream_spool_add(spool, 1, n, "other", 5), 1);
    cr_assert_eq(stream_spool_add(spool, 1, 11, "gap", 3), STREAM_EORDER);
    cr_assert_eq(stream_spool_count(spool), 10);
    add_chunks(spool, 1, 10, 20, 100);
    struct record record = finish(spool);
    expect_chunks(&record, 20, 100);
    free(record.bytes);
    stream_spool_free(spool);
}

Test(host_stream, a_later_attempt_begins_anew_and_the_earlier_one_is_stale)
{
    for (size_t memory = 50; memory <= 1 << 20; memory *= 8) {
        struct stream_spool *spool = spool_of(memory);
        add_chunks(spool, 1, 0, 500, 200);
        cr_assert_eq(stream_spool_add(spool, 2, 500, "x", 1), STREAM_EORDER);
        cr_assert_eq(stream_spool_count(spool), 500);
        add_chunks(spool, 2, 0, 3, 200);
        cr_assert_eq(stream_spool_count(spool), 3);
        cr_assert_eq(stream_spool_add(spool, 1, 500, "x", 1), STREAM_ESTALE);
        add_chunks(spool, 2, 3, 40, 200);
        struct record record = finish(spool);
        cr_assert_eq(record.ref.chunk_count, 40);
        expect_chunks(&record, 40, 200);
        free(record.bytes);
        stream_spool_free(spool);
    }
}

Test(host_stream, a_stream_of_nothing_and_one_of_empty_chunks_are_streams)
{
    struct stream_spool *spool = spool_of(0);
    struct record record = finish(spool);
    cr_assert_eq(record.ref.chunk_count, 0);
    expect_chunks(&record, 0, 0);
    free(record.bytes);
    add_chunks(spool, 1, 0, 5, 0);
    record = finish(spool);
    cr_assert_eq(record.ref.raw_size, 0);
    expect_chunks(&record, 5, 0);
    free(record.bytes);
    stream_spool_free(spool);
}

/* What opening and reading to the end says. */
static int read_all(const void *bytes, size_t size,
                    const struct engine_chunks_ref *ref)
{
    struct stream_reader *reader;
    const void *chunk;
    uint32_t length;
    int code = stream_reader_open(bytes, size, ref, &reader);
    while (code == 0 &&
           (code = stream_reader_next(reader, &chunk, &length)) == 1)
        code = 0;
    stream_reader_free(reader);
    return code;
}

Test(host_stream, any_byte_changed_and_any_cut_is_damage)
{
    struct stream_spool *spool = spool_of(0);
    add_chunks(spool, 1, 0, 20, 60);
    struct record record = finish(spool);
    unsigned char *bytes = record.bytes;
    for (size_t i = 0; i < record.size; i++) {
        bytes[i] ^= 1;
        cr_assert_eq(read_all(bytes, record.size, NULL), STREAM_EDAMAGED,
                     "byte %zu", i);
        bytes[i] ^= 1;
        unsigned char *cut = malloc(i + 1);
        memcpy(cut, bytes, i);
        cr_assert_eq(read_all(cut, i, NULL), STREAM_EDAMAGED, "cut %zu", i);
        free(cut);
    }
    struct engine_chunks_ref ref = record.ref;
    ref.chunk_count++;
    cr_assert_eq(read_all(bytes, record.size, &ref), STREAM_EDAMAGED);
    ref = record.ref;
    ref.raw_size--;
    cr_assert_eq(read_all(bytes, record.size, &ref), STREAM_EDAMAGED);
    free(record.bytes);
    stream_spool_free(spool);
}

/* A record with a right digest over whatever it says and holds. */
static size_t forge(unsigned char *out, uint64_t chunks, uint64_t raw,
                    const void *payload, size_t size)
{
    uint32_t version = 1;
    memset(out, 0, 72);
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)"PDCHUNKS"[i];
    memcpy(out + 8, &version, 4);
    memcpy(out + 16, &chunks, 8);
    memcpy(out + 24, &raw, 8);
    uint64_t packed = ZSTD_compress(out + 72, 900, payload, size, 3);
    memcpy(out + 32, &packed, 8);
    unsigned char digest[32];
    crypto_hash_sha256(digest, out, 72 + packed);
    memcpy(out + 40, digest, 32);
    return 72 + packed;
}

Test(host_stream, a_forged_record_is_damage_and_never_more_than_it_says)
{
    static const char payload[] = "\x03\0\0\0abc\x02\0\0\0de";
    unsigned char out[1000];
    size_t size = forge(out, 2, 5, payload, 13);
    cr_assert_eq(read_all(out, size, NULL), 0);
    size = forge(out, 3, 5, payload, 13);
    cr_assert_eq(read_all(out, size, NULL), STREAM_EDAMAGED);
    size = forge(out, 1, 5, payload, 13);
    cr_assert_eq(read_all(out, size, NULL), STREAM_EDAMAGED);
    size = forge(out, 2, 4, payload, 13);
    cr_assert_eq(read_all(out, size, NULL), STREAM_EDAMAGED);
    size = forge(out, 2, 6, payload, 13);
    cr_assert_eq(read_all(out, size, NULL), STREAM_EDAMAGED);
    size = forge(out, 2, 5, payload, 12);
    cr_assert_eq(read_all(out, size, NULL), STREAM_EDAMAGED);
    size = forge(out, 1, UINT64_MAX, "\xff\xff\xff\x7f", 4);
    cr_assert_lt(read_all(out, size, NULL), 0);
}

Test(host_stream, a_record_may_be_bounded)
{
    struct stream_options options = {.record_max = 1000};
    struct stream_spool *spool = stream_spool_new(&options);
    unsigned char noise[5000];
    struct record record;
    randombytes_buf_deterministic(noise, sizeof(noise),
                                  (const unsigned char[32]){7});
    cr_assert_eq(stream_spool_add(spool, 1, 0, noise, 800), 0);
    record = finish(spool);
    free(record.bytes);
    cr_assert_eq(stream_spool_add(spool, 1, 1, noise, sizeof(noise)), 0);
    cr_assert_eq(
        stream_spool_finish(spool, &record.bytes, &record.size, &record.ref),
        STREAM_ELIMIT);
    cr_assert_null(record.bytes);
    stream_spool_free(spool);
}

Test(host_stream, a_file_that_cannot_be_made_or_filled_is_said_and_sticks)
{
    struct stream_options options = {.memory_max = 100,
                                     .dir = "/nonexistent/dir"};
    struct stream_spool *spool = stream_spool_new(&options);
    static const char bytes[5000];
    struct record record;
    cr_assert_eq(stream_spool_add(spool, 1, 0, bytes, 50), 0);
    cr_assert_eq(stream_spool_add(spool, 1, 1, bytes, 200), STREAM_EIO);
    cr_assert_eq(stream_spool_add(spool, 1, 1, bytes, 1), STREAM_EIO);
    cr_assert_eq(
        stream_spool_finish(spool, &record.bytes, &record.size, &record.ref),
        STREAM_EIO);
    cr_assert_null(record.bytes);
    stream_spool_free(spool);

    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 2000, .rlim_max = RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    spool = spool_of(100);
    cr_assert_eq(stream_spool_add(spool, 1, 0, bytes, 1500), 0);
    cr_assert_eq(stream_spool_add(spool, 1, 1, bytes, 1500), STREAM_EIO);
    stream_spool_free(spool);
    limit.rlim_cur = RLIM_INFINITY;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(host_stream, every_code_has_words)
{
    for (int code = STREAM_ELIMIT; code < 0; code++)
        cr_assert_str_neq(stream_words((enum stream_code)code), "unknown");
}
