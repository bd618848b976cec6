#include "engine/host/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum {
    VERSION = 1,
    LEVEL = 3,         /* of zstd */
    PIECE = 64 * 1024, /* read from the file at a time */
    MEMORY_MAX = 1024 * 1024,
    RECORD_MAX = 1024 * 1024 * 1024
};

static const char magic[8] = {'P', 'D', 'C', 'H', 'U', 'N', 'K', 'S'};

/* The head of a record; the compressed chunks follow. */
struct head {
    char magic[8];
    uint32_t version;
    uint32_t reserved;
    uint64_t chunk_count;
    uint64_t raw_size;
    uint64_t packed_size;
    uint8_t digest[ENGINE_BLOB_DIGEST_SIZE]; /* of all, with zeros here */
};

const char *stream_words(enum stream_code code)
{
    switch (code) {
    case STREAM_ENOMEM:
        return "memory ran out";
    case STREAM_EIO:
        return "the temporary file cannot be written or read";
    case STREAM_EORDER:
        return "a chunk is missing before this one";
    case STREAM_ESTALE:
        return "the chunk is of an attempt that another has followed";
    case STREAM_EDAMAGED:
        return "the record is not what was written";
    case STREAM_ELIMIT:
        return "the stream is larger than a record may be";
    }
    return "unknown";
}

/* Spool ------------------------------------------------------------------- */

/* Chunks, each behind its size: the first in the file, the rest in memory. */
struct stream_spool {
    char *dir; /* owned; NULL: the default */
    uint64_t record_max;
    size_t memory_max;
    char *memory;
    size_t memory_size;
    size_t memory_capacity;
    int file;   /* -1: none yet */
    int failed; /* the code of what went wrong for good */
    uint64_t file_size;
    uint32_t attempt; /* 0: no chunk yet */
    uint64_t count;
    uint64_t raw_size;
};

struct stream_spool *stream_spool_new(const struct stream_options *options)
{
    struct stream_spool *spool = calloc(1, sizeof(*spool));
    if (!spool)
        return NULL;
    spool->file = -1;
    spool->memory_max = options->memory_max ? options->memory_max : MEMORY_MAX;
    spool->record_max = options->record_max ? options->record_max : RECORD_MAX;
    if (options->dir) {
        spool->dir = strdup(options->dir);
        if (!spool->dir) {
            free(spool);
            return NULL;
        }
    }
    return spool;
}

void stream_spool_free(struct stream_spool *spool)
{
    if (!spool)
        return;
    if (spool->file >= 0)
        close(spool->file);
    free(spool->memory);
    free(spool->dir);
    free(spool);
}

/* A file that nobody sees and that goes away with this process. */
static int open_unnamed(const char *dir)
{
    char path[4096];
    int file = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0)
        return file;
    int size = snprintf(path, sizeof(path), "%s/perdure-XXXXXX", dir);
    if (size < 0 || (size_t)size >= sizeof(path))
        return -1;
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0)
        unlink(path);
    return file;
}

static int open_file(struct stream_spool *spool)
{
    const char *dir = spool->dir ? spool->dir : getenv("TMPDIR");
    if (spool->file < 0)
        spool->file = open_unnamed(dir && dir[0] ? dir : "/tmp");
    return spool->file < 0 ? STREAM_EIO : 0;
}

static int write_out(struct stream_spool *spool, const char *bytes, size_t size)
{
    int code = open_file(spool);
    while (code == 0 && size > 0) {
        ssize_t done =
            pwrite(spool->file, bytes, size, (off_t)spool->file_size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return STREAM_EIO;
        spool->file_size += (uint64_t)done;
        bytes += done;
        size -= (size_t)done;
    }
    return code;
}

static int flush(struct stream_spool *spool)
{
    int code = write_out(spool, spool->memory, spool->memory_size);
    spool->memory_size = 0;
    return code;
}

/* Room for size more bytes in memory, which then is at most memory_max. */
static int reserve(struct stream_spool *spool, size_t size)
{
    size_t need = spool->memory_size + size;
    size_t capacity = spool->memory_capacity ? spool->memory_capacity : 4096;
    if (need <= spool->memory_capacity)
        return 0;
    while (capacity < need)
        capacity *= 2;
    if (capacity > spool->memory_max)
        capacity = spool->memory_max;
    char *memory = realloc(spool->memory, capacity);
    if (!memory)
        return STREAM_ENOMEM;
    spool->memory = memory;
    spool->memory_capacity = capacity;
    return 0;
}

static int put(struct stream_spool *spool, const void *bytes, size_t size)
{
    int code = 0;
    if (size > spool->memory_max - spool->memory_size)
        code = flush(spool);
    if (code == 0 && size > spool->memory_max)
        return write_out(spool, bytes, size);
    if (code == 0)
        code = reserve(spool, size);
    if (code != 0 || size == 0)
        return code;
    memcpy(spool->memory + spool->memory_size, bytes, size);
    spool->memory_size += size;
    return 0;
}

/* A later attempt takes the place of an earlier one. */
static int restart(struct stream_spool *spool, uint32_t attempt)
{
    if (spool->file >= 0 && ftruncate(spool->file, 0) != 0)
        return STREAM_EIO;
    spool->attempt = attempt;
    spool->file_size = 0;
    spool->memory_size = 0;
    spool->count = 0;
    spool->raw_size = 0;
    return 0;
}

int stream_spool_add(struct stream_spool *spool, uint32_t attempt,
                     uint64_t sequence, const void *bytes, uint32_t size)
{
    bool later = attempt > spool->attempt;
    int code = spool->failed;
    if (code != 0)
        return code;
    if (attempt < spool->attempt)
        return STREAM_ESTALE;
    if (!later && sequence < spool->count)
        return 1;
    if (sequence > (later ? 0 : spool->count))
        return STREAM_EORDER;
    if (later)
        code = restart(spool, attempt);
    if (code == 0)
        code = put(spool, &size, sizeof(size));
    if (code == 0)
        code = put(spool, bytes, size);
    spool->failed = code;
    if (code == 0) {
        spool->count++;
        spool->raw_size += size;
    }
    return code;
}

uint64_t stream_spool_count(const struct stream_spool *spool)
{
    return spool->count;
}

uint64_t stream_spool_raw_size(const struct stream_spool *spool)
{
    return spool->raw_size;
}

size_t stream_spool_memory(const struct stream_spool *spool)
{
    return spool->memory_capacity;
}

/* Record ------------------------------------------------------------------ */

/* A record under construction: the head, and what zstd gave so far. */
struct packer {
    ZSTD_CCtx *zstd;
    char *record;
    size_t size;
    size_t capacity;
    uint64_t record_max;
};

static int packer_grow(struct packer *packer)
{
    size_t capacity = packer->capacity * 2;
    if (packer->size < packer->capacity)
        return 0;
    if (packer->size >= packer->record_max)
        return STREAM_ELIMIT;
    char *record = realloc(packer->record, capacity);
    if (!record)
        return STREAM_ENOMEM;
    packer->record = record;
    packer->capacity = capacity;
    return 0;
}

static int pack(struct packer *packer, const void *bytes, size_t size,
                ZSTD_EndDirective mode)
{
    ZSTD_inBuffer in = {.src = bytes, .size = size};
    for (;;) {
        int code = packer_grow(packer);
        if (code != 0)
            return code;
        ZSTD_outBuffer out = {.dst = packer->record,
                              .size = packer->capacity,
                              .pos = packer->size};
        size_t left = ZSTD_compressStream2(packer->zstd, &out, &in, mode);
        if (ZSTD_isError(left))
            return STREAM_ENOMEM; /* the only way in which it can fail here */
        packer->size = out.pos;
        if (mode == ZSTD_e_end ? left == 0 : in.pos == in.size)
            return 0;
    }
}

/* What is in the file, piece by piece. */
static int pack_file(struct packer *packer, const struct stream_spool *spool)
{
    uint64_t at = 0;
    int code = 0;
    char *piece = malloc(PIECE);
    if (!piece)
        return STREAM_ENOMEM;
    while (code == 0 && at < spool->file_size) {
        uint64_t left = spool->file_size - at;
        ssize_t got =
            pread(spool->file, piece, left < PIECE ? left : PIECE, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        code = got > 0 ? pack(packer, piece, (size_t)got, ZSTD_e_continue)
                       : STREAM_EIO;
        at += got > 0 ? (uint64_t)got : 0;
    }
    free(piece);
    return code;
}

/*
 * The end comes by itself, so that zstd sees the same whether what stands
 * before it was in memory or in the file.
 */
static int pack_all(struct packer *packer, const struct stream_spool *spool)
{
    int code = 0;
    packer->size = sizeof(struct head);
    packer->capacity = PIECE;
    packer->record = malloc(packer->capacity);
    packer->zstd = ZSTD_createCCtx();
    if (!packer->record || !packer->zstd)
        code = STREAM_ENOMEM;
    else
        ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_compressionLevel, LEVEL);
    if (code == 0)
        code = pack_file(packer, spool);
    if (code == 0)
        code = pack(packer, spool->memory, spool->memory_size, ZSTD_e_continue);
    if (code == 0)
        code = pack(packer, NULL, 0, ZSTD_e_end);
    if (code == 0 && packer->size > packer->record_max)
        code = STREAM_ELIMIT;
    ZSTD_freeCCtx(packer->zstd);
    if (code != 0)
        free(packer->record);
    return code;
}

static void seal(struct packer *packer, const struct stream_spool *spool)
{
    struct head head = {.version = VERSION,
                        .chunk_count = spool->count,
                        .raw_size = spool->raw_size,
                        .packed_size = packer->size - sizeof(head)};
    memcpy(head.magic, magic, sizeof(magic));
    memcpy(packer->record, &head, sizeof(head));
    crypto_hash_sha256(head.digest, (void *)packer->record, packer->size);
    memcpy(packer->record, &head, sizeof(head));
}

int stream_spool_finish(struct stream_spool *spool, void **record, size_t *size,
                        struct engine_chunks_ref *ref)
{
    struct packer packer = {.record_max = spool->record_max};
    *record = NULL;
    if (spool->failed != 0)
        return spool->failed;
    int code = pack_all(&packer, spool);
    if (code != 0)
        return code;
    seal(&packer, spool);
    *ref = (struct engine_chunks_ref){.blob.size = packer.size,
                                      .raw_size = spool->raw_size,
                                      .chunk_count = spool->count};
    crypto_hash_sha256(ref->blob.digest, (void *)packer.record, packer.size);
    *record = packer.record;
    *size = packer.size;
    return 0;
}

/* Reader ------------------------------------------------------------------ */

struct stream_reader {
    ZSTD_DCtx *zstd;
    ZSTD_inBuffer in;
    bool ended; /* zstd has given all of the frame */
    uint64_t chunks_left;
    uint64_t bytes_left;
    char *chunk;
    size_t capacity;
};

/* Whether the record is as it was sealed; its head to *head. */
static bool intact(const char *record, size_t size, struct head *head)
{
    static const uint8_t zeros[ENGINE_BLOB_DIGEST_SIZE];
    crypto_hash_sha256_state state;
    uint8_t digest[ENGINE_BLOB_DIGEST_SIZE];
    size_t before = offsetof(struct head, digest);
    if (size < sizeof(*head))
        return false;
    memcpy(head, record, sizeof(*head));
    if (memcmp(head->magic, magic, sizeof(magic)) != 0 ||
        head->version != VERSION || head->packed_size != size - sizeof(*head))
        return false;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const void *)record, before);
    crypto_hash_sha256_update(&state, zeros, sizeof(zeros));
    crypto_hash_sha256_update(&state, (const void *)(record + sizeof(*head)),
                              size - sizeof(*head));
    crypto_hash_sha256_final(&state, digest);
    return memcmp(digest, head->digest, sizeof(digest)) == 0;
}

int stream_reader_open(const void *record, size_t size,
                       const struct engine_chunks_ref *ref,
                       struct stream_reader **reader)
{
    struct head head;
    *reader = NULL;
    if (!intact(record, size, &head) ||
        (ref && (ref->chunk_count != head.chunk_count ||
                 ref->raw_size != head.raw_size || ref->blob.size != size)))
        return STREAM_EDAMAGED;
    struct stream_reader *made = calloc(1, sizeof(*made));
    if (!made)
        return STREAM_ENOMEM;
    made->zstd = ZSTD_createDCtx();
    made->in = (ZSTD_inBuffer){.src = (const char *)record + sizeof(head),
                               .size = size - sizeof(head)};
    made->chunks_left = head.chunk_count;
    made->bytes_left = head.raw_size;
    if (!made->zstd) {
        free(made);
        return STREAM_ENOMEM;
    }
    *reader = made;
    return 0;
}

void stream_reader_free(struct stream_reader *reader)
{
    if (!reader)
        return;
    ZSTD_freeDCtx(reader->zstd);
    free(reader->chunk);
    free(reader);
}

/* Exactly size bytes, or, with size 0, the end of the frame. */
static int unpack(struct stream_reader *reader, void *bytes, size_t size)
{
    ZSTD_outBuffer out = {.dst = bytes, .size = size};
    while (!reader->ended && (out.pos < size || size == 0)) {
        size_t before = out.pos + reader->in.pos;
        size_t left = ZSTD_decompressStream(reader->zstd, &out, &reader->in);
        if (ZSTD_isError(left))
            return STREAM_EDAMAGED;
        reader->ended = left == 0;
        if (!reader->ended && out.pos + reader->in.pos == before)
            return STREAM_EDAMAGED; /* cut off */
    }
    return out.pos == size ? 0 : STREAM_EDAMAGED;
}

static int make_room(struct stream_reader *reader, uint32_t size)
{
    if (size <= reader->capacity)
        return 0;
    char *chunk = realloc(reader->chunk, size);
    if (!chunk)
        return STREAM_ENOMEM;
    reader->chunk = chunk;
    reader->capacity = size;
    return 0;
}

/* Nothing may follow the last chunk. */
static int finish(struct stream_reader *reader)
{
    int code = unpack(reader, NULL, 0);
    bool all = reader->ended && reader->in.pos == reader->in.size &&
               reader->bytes_left == 0;
    return code == 0 && all ? 0 : STREAM_EDAMAGED;
}

int stream_reader_next(struct stream_reader *reader, const void **bytes,
                       uint32_t *size)
{
    if (reader->chunks_left == 0)
        return finish(reader);
    int code = unpack(reader, size, sizeof(*size));
    if (code == 0 && *size > reader->bytes_left)
        code = STREAM_EDAMAGED;
    if (code == 0)
        code = make_room(reader, *size);
    if (code == 0 && *size > 0)
        code = unpack(reader, reader->chunk, *size);
    if (code != 0)
        return code;
    reader->chunks_left--;
    reader->bytes_left -= *size;
    *bytes = reader->chunk;
    return 1;
}
