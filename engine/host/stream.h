/*
 * A streaming output on its way to becoming one value. A step that emits
 * thousands of chunks writes no row for any of them: the chunks are spooled
 * here, and when the step completes they are compressed into one record,
 * which is stored as one blob (ENGINE_VALUE_STREAM, engine/value.h).
 *
 *     chunk, chunk, chunk ─▶ spool: memory, above a threshold a file without
 *                            a name ─▶ record ─▶ blob ─▶ chunk, chunk, chunk
 *
 * A chunk has the number of the attempt that emits it and its place in the
 * stream, from 0. The same chunk again is recognised by these and dropped;
 * the first chunk of a later attempt begins the stream anew, and from then on
 * those of the earlier one are refused. A crash loses the spool and the attempt
 * with it, nothing else.
 *
 * The record begins with a head that holds the counts and a digest of all
 * that follows, so that damage is found before any chunk is given out.
 */
#ifndef ENGINE_HOST_STREAM_H
#define ENGINE_HOST_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "engine/value.h"

enum stream_code {
    STREAM_ENOMEM = -1,
    STREAM_EIO = -2,      /* the temporary file: no room, or an error */
    STREAM_EORDER = -3,   /* a chunk is missing before this one */
    STREAM_ESTALE = -4,   /* of an attempt that has been followed by another */
    STREAM_EDAMAGED = -5, /* the record is not what was written */
    STREAM_ELIMIT = -6    /* larger than a record may be */
};

/* In words, for people. */
const char *stream_words(enum stream_code code);

/* Writing ----------------------------------------------------------------- */

struct stream_options {
    size_t memory_max;   /* spool above it goes to a file; 0: 1 MiB */
    const char *dir;     /* of that file; NULL: TMPDIR or /tmp */
    uint64_t record_max; /* bytes of a record; 0: 1 GiB */
};

struct stream_spool;

/* NULL: out of memory. Copies the options. */
struct stream_spool *stream_spool_new(const struct stream_options *options);
/* Frees it and its file. NULL is allowed. */
void stream_spool_free(struct stream_spool *spool);

/*
 * Takes a chunk, which may be empty. 0: taken; 1: known, dropped; or a
 * negative code, with the spool as it was (after EIO and ENOMEM it only can
 * be freed).
 */
int stream_spool_add(struct stream_spool *spool, uint32_t attempt,
                     uint64_t sequence, const void *bytes, uint32_t size);

/* How many chunks the last attempt has given, and their bytes. */
uint64_t stream_spool_count(const struct stream_spool *spool);
uint64_t stream_spool_raw_size(const struct stream_spool *spool);
/* Bytes of memory that chunks take up: at most memory_max. */
size_t stream_spool_memory(const struct stream_spool *spool);

/*
 * Compresses the chunks into one record, *record, of *size bytes, which the
 * caller frees with free(); *ref gets counts, size and the SHA-256 digest of
 * the record, under which it is to be stored. 0 or a negative code.
 */
int stream_spool_finish(struct stream_spool *spool, void **record, size_t *size,
                        struct engine_chunks_ref *ref);

/* Reading ----------------------------------------------------------------- */

struct stream_reader;

/*
 * Opens a record, which stays the caller's and must stay until the end. 0, or
 * STREAM_EDAMAGED, STREAM_ENOMEM. ref NULL: what the record itself says.
 */
int stream_reader_open(const void *record, size_t size,
                       const struct engine_chunks_ref *ref,
                       struct stream_reader **reader);
/*
 * The next chunk: 1 with *bytes, valid until the next call; 0 at the end; or
 * a negative code.
 */
int stream_reader_next(struct stream_reader *reader, const void **bytes,
                       uint32_t *size);
void stream_reader_free(struct stream_reader *reader);

#endif
