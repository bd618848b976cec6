#include "engine/host/archive.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/store_private.h"
#include "engine/host/store_search.h"
#include "engine/host/store_upkeep.h"

enum {
    HEX_HASH = 33,
    HEX_SHA = 65,
    BASE64 = sodium_base64_VARIANT_ORIGINAL
};

static int fail(struct archive_result *result, const char *path,
                const char *sentence)
{
    snprintf(result->text, sizeof(result->text), "%s: %s", path, sentence);
    return -1;
}

static int fail_store(struct archive_result *result,
                      const struct engine_store *store, const char *path)
{
    struct store_problem problem;

    store_sqlite_why(store, path, &problem);
    memcpy(result->text, problem.text, sizeof(result->text));
    return -1;
}

/* Writing. */

struct closed_run {
    struct engine_run_row row;
    uint64_t closed_ns;
};

struct writer {
    struct engine_store *store;
    const struct archive_options *options;
    struct archive_result *result;
    struct store_search *search;
    struct store_history history;
    struct closed_run *runs; /* those to be archived */
    size_t count;
    size_t room;
    FILE *file;
    crypto_hash_sha256_state sha;
    char *base64;
    size_t base64_capacity;
    int failed;
    bool no_memory;
};

static void emit(struct writer *w, const char *bytes, size_t size)
{
    crypto_hash_sha256_update(&w->sha, (const unsigned char *)bytes, size);
    w->failed |= fwrite(bytes, 1, size, w->file) != size;
}

__attribute__((format(printf, 2, 3))) static void print(struct writer *w,
                                                        const char *format, ...)
{
    char line[512];
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof(line))
        w->failed = 1;
    else
        emit(w, line, (size_t)size);
}

static void print_base64(struct writer *w, const void *bytes, size_t size)
{
    size_t needed = sodium_base64_encoded_len(size, BASE64);

    if (needed > w->base64_capacity) {
        char *larger = realloc(w->base64, 2 * needed);

        if (!larger) {
            w->failed = 1;
            return;
        }
        w->base64 = larger;
        w->base64_capacity = 2 * needed;
    }
    sodium_bin2base64(w->base64, needed, bytes, size, BASE64);
    emit(w, w->base64, needed - 1);
}

static const char *hex_hash(char text[HEX_HASH], const struct engine_hash *hash)
{
    sodium_bin2hex(text, HEX_HASH, (const uint8_t *)hash, sizeof(*hash));
    return text;
}

/* Events without their payloads; what they were is in the heads' sizes. */
static void print_heads(struct writer *w, const struct engine_log_row *row)
{
    const unsigned char *bytes = row->items;
    size_t at = 0;

    print(w, ",\"heads\":[");
    while (at + sizeof(struct engine_item) <= row->items_size) {
        struct engine_item item;

        memcpy(&item, bytes + at, sizeof(item));
        print(w,
              "%s{\"kind\":\"%s\",\"op\":\"%" PRIu32 "\",\"attempt\":\"%" PRIu32
              "\",\"a\":\"%" PRIu64 "\",\"b\":\"%" PRIu64
              "\",\"size\":\"%" PRIu32 "\"}",
              at ? "," : "", engine_event_name(item.kind), item.op,
              item.attempt, item.a, item.b, item.size);
        at += engine_item_span(item.size);
    }
    print(w, "]}\n");
}

static void print_row(struct writer *w, const struct engine_log_row *row)
{
    char hash[HEX_HASH];

    print(w,
          "{\"row\":\"%" PRIu64 "\",\"count\":\"%" PRIu32
          "\",\"token\":\"%" PRIu64 "\",\"time\":\"%" PRIu64
          "\",\"hash\":\"%s\"",
          row->seq, row->count, row->token, row->time_ns,
          hex_hash(hash, &row->hash));
    w->result->rows++;
    if (w->options->trim) {
        print_heads(w, row);
        return;
    }
    print(w, ",\"items\":\"");
    print_base64(w, row->items, row->items_size);
    print(w, "\"}\n");
    if (w->search)
        store_search_bytes(w->search, row->items, row->items_size);
}

static void print_snapshot(struct writer *w,
                           const struct store_snapshot *snapshot)
{
    char hash[HEX_HASH];

    print(w, "{\"snapshot\":\"%" PRIu64 "\",\"hash\":\"%s\",\"value\":\"",
          snapshot->seq, hex_hash(hash, &snapshot->hash));
    if (!w->options->trim)
        print_base64(w, snapshot->value, snapshot->value_size);
    print(w, "\"}\n");
    if (w->search)
        store_search_bytes(w->search, snapshot->value, snapshot->value_size);
}

/* Reads all that is left of the run's log. 1 if that is whole; 0; -1. */
static int read_log(struct writer *w, const struct engine_run_row *run)
{
    uint64_t found;
    uint64_t expected;

    if (store_history_read_all(&w->history, &store_sqlite_tables,
                               w->store->self, run))
        return -1;
    if (store_history_verify(&w->history, run, &found, &expected))
        return 1;
    if (store_history_read(&w->history, &store_sqlite_tables, w->store->self,
                           run))
        return -1;
    return w->history.snapshot.run &&
           store_history_verify(&w->history, run, &found, &expected);
}

static void print_run(struct writer *w, const struct engine_run_row *run,
                      uint64_t closed_ns)
{
    char hash[HEX_HASH];

    print(w,
          "{\"run\":\"%" PRIu64 "\",\"state\":\"%" PRIu32
          "\",\"workflow\":\"%" PRIu32 "\",\"token\":\"%" PRIu64
          "\",\"next\":\"%" PRIu64 "\",\"closed\":\"%" PRIu64
          "\",\"hash\":\"%s\"}\n",
          run->run, run->state, run->workflow, run->token, run->next_seq,
          closed_ns, hex_hash(hash, &run->hash));
    if (w->history.snapshot.run)
        print_snapshot(w, &w->history.snapshot);
    for (size_t i = 0; i < w->history.count; i++)
        print_row(w, &w->history.rows[i]);
}

static int print_blob(void *self, const uint8_t digest[32])
{
    struct writer *w = self;
    char hex[HEX_SHA];
    const void *bytes;
    size_t size;

    if (store_sqlite_tables.blob_get(w->store->self, digest, &bytes, &size) <=
        0)
        return -1;
    sodium_bin2hex(hex, sizeof(hex), digest, 32);
    print(w, "{\"blob\":\"%s\",\"data\":\"", hex);
    print_base64(w, bytes, size);
    print(w, "\"}\n");
    w->result->blobs++;
    return 0;
}

static int note_closed(struct writer *w, const struct engine_run_row *run,
                       uint64_t closed_ns)
{
    if (w->count == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        struct closed_run *runs = realloc(w->runs, room * sizeof(*runs));
        w->no_memory = !runs;
        if (!runs)
            return -1;
        w->runs = runs;
        w->room = room;
    }
    w->runs[w->count++] = (struct closed_run){*run, closed_ns};
    return 0;
}

/* Chooses the runs whose logs are whole. */
static int choose(void *self, const struct engine_run_row *run,
                  uint64_t closed_ns)
{
    struct writer *w = self;
    int whole;

    if (w->count == w->options->runs_max)
        return 1;
    whole = read_log(w, run);
    if (whole < 0)
        return -1;
    if (!whole) {
        w->result->skipped++;
        return 0;
    }
    return note_closed(w, run, closed_ns);
}

static int choose_runs(struct writer *w)
{
    uint64_t now_ns = w->options->now_ns;

    if (now_ns < w->options->age_ns)
        return 0;
    return store_scan_closed_to(w->store, w->options->from_run,
                                w->options->to_run ? w->options->to_run
                                                   : UINT64_MAX,
                                now_ns - w->options->age_ns, choose, w) < 0
               ? -1
               : 0;
}

/* Writes all there is to write; 0, or -1 if the store failed. */
static int print_all(struct writer *w)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hex[HEX_SHA];

    print(w, "{\"archive\":1,\"trimmed\":%s}\n",
          w->options->trim ? "true" : "false");
    for (size_t i = 0; i < w->count; i++) {
        const struct closed_run *run = &w->runs[i];
        if (read_log(w, &run->row) <= 0)
            return -1;
        print_run(w, &run->row, run->closed_ns);
    }
    if (w->search && store_search_visit(w->search, 1, print_blob, w))
        return -1;
    crypto_hash_sha256_final(&w->sha, digest);
    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    w->failed |= fprintf(w->file, "{\"sha256\":\"%s\"}\n", hex) < 0;
    return 0;
}

/* Makes the directory's entry durable. */
static int sync_directory(const char *path)
{
    char *copy = strdup(path);
    int directory = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY) : -1;
    int result = directory < 0 ? -1 : fsync(directory);

    if (directory >= 0)
        close(directory);
    free(copy);
    return result;
}

/* Writes the file beside its name and gives it the name. 0 or -1 with text. */
static int write_file(struct writer *w, const char *path)
{
    size_t size = strlen(path) + 5;
    char *beside = malloc(size);
    int failed;

    if (!beside || !access(path, F_OK)) {
        free(beside);
        return fail(w->result, path, "is there already, or out of memory");
    }
    snprintf(beside, size, "%s.new", path);
    w->file = fopen(beside, "wb");
    if (!w->file) {
        free(beside);
        return fail(w->result, path, strerror(errno));
    }
    failed = print_all(w);
    w->failed |= fflush(w->file) || fsync(fileno(w->file));
    w->failed |= fclose(w->file);
    if (failed)
        fail_store(w->result, w->store, path);
    else if (w->failed || rename(beside, path) || sync_directory(path))
        failed = fail(w->result, path, "cannot be written: is the disk full?");
    if (failed)
        unlink(beside);
    free(beside);
    return failed;
}

/* Takes the runs that are in the file out of reach, in one group. */
static int retire_all(struct writer *w)
{
    struct engine_store *store = w->store;
    int result = 0;

    if (store->ops->begin(store->self, w->options->now_ns))
        return -1;
    for (size_t i = 0; i < w->count && !result; i++)
        result = store_retire(store, &w->runs[i].row, w->runs[i].closed_ns);
    if (!result)
        return store->ops->commit(store->self);
    store->ops->rollback(store->self);
    return -1;
}

static int archive_chosen(struct writer *w, const char *path)
{
    if (!w->options->trim) {
        w->search = store_search_new(w->store->self, INT64_MAX);
        if (!w->search)
            return fail_store(w->result, w->store, path);
    }
    if (write_file(w, path))
        return -1;
    w->result->runs = w->count;
    if (retire_all(w))
        return fail_store(w->result, w->store, path);
    while (w->options->slice) {
        int more = store_purge(w->store, w->options->now_ns, w->options->slice);

        if (more <= 0)
            return more ? fail_store(w->result, w->store, path) : 0;
    }
    return 0;
}

int archive_write(struct engine_store *store, const char *path,
                  const struct archive_options *options,
                  struct archive_result *result)
{
    struct writer w = {.store = store, .options = options, .result = result};
    int failed;

    memset(result, 0, sizeof(*result));
    if (sodium_init() < 0)
        return fail(result, path, "libsodium is not usable");
    crypto_hash_sha256_init(&w.sha);
    failed = choose_runs(&w);
    if (w.no_memory)
        fail(result, path, "out of memory for the runs to archive");
    else if (failed)
        fail_store(result, store, path);
    else if (w.count)
        failed = archive_chosen(&w, path);
    store_history_free(&w.history);
    store_search_free(w.search);
    free(w.runs);
    free(w.base64);
    return failed;
}
/* Reading. */

struct reader {
    struct engine_store *store;
    struct archive_result *result;
    const char *path;
    uint64_t number; /* of the line */
    int trimmed;
    int skips;                 /* the current run is there already */
    struct engine_run_row run; /* the current one as it is restored; 0: none */
    struct engine_run_row is;  /* as the archive says it is */
    uint8_t *bytes;            /* decoded */
    size_t size;
    size_t capacity;
};

static int wrong(const struct reader *r, const char *sentence)
{
    snprintf(r->result->text, sizeof(r->result->text), "%s:%" PRIu64 ": %s",
             r->path, r->number, sentence);
    return -1;
}

/* The text under a name, or NULL. */
static const char *text_of(const cJSON *line, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, name));
}

/* The number under a name. 0 or -1. */
static int number_of(const cJSON *line, const char *name, uint64_t *number)
{
    const char *text = text_of(line, name);
    char *end;

    if (!text || *text < '0' || *text > '9')
        return -1;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *end || errno ? -1 : 0;
}

static int hex_of(const cJSON *line, const char *name, void *out, size_t size)
{
    const char *text = text_of(line, name);
    size_t length = 0;

    if (!text || strlen(text) != 2 * size)
        return -1;
    return sodium_hex2bin(out, size, text, 2 * size, NULL, &length, NULL) ||
                   length != size
               ? -1
               : 0;
}

/* Decodes base64 into r->bytes. 0 or -1. */
static int decode(struct reader *r, const cJSON *line, const char *name)
{
    const char *text = text_of(line, name);
    size_t size = text ? strlen(text) : 0;

    if (size > r->capacity) {
        void *larger = realloc(r->bytes, 2 * size);

        if (!larger)
            return -1;
        r->bytes = larger;
        r->capacity = 2 * size;
    }
    r->size = 0;
    if (!text)
        return -1;
    return size ? sodium_base642bin(r->bytes, r->capacity, text, size, NULL,
                                    &r->size, NULL, BASE64)
                : 0;
}

/* Ends the current run: writes its row, if its log came to what it said. */
static int end_run(struct reader *r)
{
    const struct store_tables_ops *tables = &store_sqlite_tables;
    struct engine_run_row *run = &r->run;
    int found;

    if (!run->run || r->skips) {
        run->run = 0;
        return 0;
    }
    if (run->next_seq != r->is.next_seq || run->hash.lo != r->is.hash.lo ||
        run->hash.hi != r->is.hash.hi)
        return wrong(r, "the log before this line is not the run's: hash or "
                        "number of its events differ");
    found = tables->run_get(r->store->self, run->run, &r->is);
    if (found >= 0)
        found = found ? tables->run_update(r->store->self, run)
                      : tables->run_insert(r->store->self, run);
    if (found < 0)
        return fail_store(r->result, r->store, r->path);
    r->result->runs++;
    run->run = 0;
    return 0;
}

static int begin_run(struct reader *r, const cJSON *line)
{
    struct engine_run_row there;
    struct engine_run_row *is = &r->is;
    uint64_t state;
    uint64_t workflow;
    int found;

    if (end_run(r))
        return -1;
    memset(is, 0, sizeof(*is));
    if (number_of(line, "run", &is->run) || !is->run ||
        is->run > ENGINE_RUN_MAX || number_of(line, "state", &state) ||
        !engine_run_state_terminal((uint32_t)state) ||
        number_of(line, "workflow", &workflow) ||
        number_of(line, "token", &is->token) ||
        number_of(line, "next", &is->next_seq) ||
        hex_of(line, "hash", &is->hash, sizeof(is->hash)))
        return wrong(r, "not a run that has ended");
    is->state = (uint32_t)state;
    is->workflow = (uint32_t)workflow;
    is->wake_ns = STORE_NEVER;
    found = store_sqlite_tables.run_get(r->store->self, is->run, &there);
    if (found < 0)
        return fail_store(r->result, r->store, r->path);
    r->skips = found && !store_is_archived(&there);
    r->result->skipped += (uint64_t)r->skips;
    r->run = *is;
    r->run.next_seq = 1;
    r->run.hash = (struct engine_hash){0, 0};
    return 0;
}

static int restore_row(struct reader *r, const cJSON *line)
{
    struct engine_log_row row = {.run = r->run.run};
    struct engine_hash hash;
    uint64_t count;

    if (!r->run.run || number_of(line, "row", &row.seq) ||
        number_of(line, "count", &count) ||
        number_of(line, "token", &row.token) ||
        number_of(line, "time", &row.time_ns) ||
        hex_of(line, "hash", &row.hash, sizeof(row.hash)) ||
        decode(r, line, "items"))
        return wrong(r, "not a row of a run's log");
    row.count = (uint32_t)count;
    row.items = r->bytes;
    row.items_size = r->size;
    row.previous = r->run.tail;
    hash = engine_store_chain(r->run.hash, &row);
    if (row.seq != r->run.next_seq || hash.lo != row.hash.lo ||
        hash.hi != row.hash.hi)
        return wrong(r, "a row that does not follow the one before it");
    r->run.next_seq += row.count;
    r->run.hash = row.hash;
    r->result->rows++;
    if (r->skips)
        return 0;
    if (store_sqlite_tables.log_append(r->store->self, &row))
        return fail_store(r->result, r->store, r->path);
    r->run.tail = row.position;
    return 0;
}

/* The log before it is gone; it stands where that would have ended. */
static int restore_snapshot(struct reader *r, const cJSON *line)
{
    const struct store_sqlite *store = r->store->self;
    struct store_snapshot snapshot = {.run = r->run.run,
                                      .position = store->last};

    if (!r->run.run || r->run.next_seq != 1 ||
        number_of(line, "snapshot", &snapshot.seq) ||
        hex_of(line, "hash", &snapshot.hash, sizeof(snapshot.hash)) ||
        decode(r, line, "value"))
        return wrong(r, "not a snapshot before a run's log");
    snapshot.value = r->bytes;
    snapshot.value_size = r->size;
    snapshot.digest = store_snapshot_digest(&snapshot);
    r->run.next_seq = snapshot.seq + 1;
    r->run.hash = snapshot.hash;
    if (r->skips)
        return 0;
    return store_sqlite_tables.snapshot_put(r->store->self, &snapshot)
               ? fail_store(r->result, r->store, r->path)
               : 0;
}

static int restore_blob(struct reader *r, const cJSON *line)
{
    uint8_t digest[32];

    if (hex_of(line, "blob", digest, sizeof(digest)) || decode(r, line, "data"))
        return wrong(r, "not a blob");
    r->result->blobs++;
    return store_sqlite_tables.blob_put(r->store->self, digest, r->bytes,
                                        r->size) < 0
               ? fail_store(r->result, r->store, r->path)
               : 0;
}

/* Restores what one line says. */
static int restore_line(void *self, const cJSON *line)
{
    struct reader *r = self;

    if (cJSON_HasObjectItem(line, "row"))
        return restore_row(r, line);
    if (cJSON_HasObjectItem(line, "run"))
        return begin_run(r, line);
    if (cJSON_HasObjectItem(line, "snapshot"))
        return restore_snapshot(r, line);
    if (cJSON_HasObjectItem(line, "blob"))
        return end_run(r) ? -1 : restore_blob(r, line);
    if (cJSON_HasObjectItem(line, "sha256"))
        return end_run(r);
    return cJSON_HasObjectItem(line, "archive")
               ? 0
               : wrong(r, "not a line of an archive");
}

/* Counts what one line says. */
static int count_line(void *self, const cJSON *line)
{
    struct reader *r = self;

    r->result->rows += cJSON_HasObjectItem(line, "row") != 0;
    r->result->runs += cJSON_HasObjectItem(line, "run") != 0;
    r->result->blobs += cJSON_HasObjectItem(line, "blob") != 0;
    r->trimmed |=
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "trimmed"));
    return 0;
}

typedef int visit_line(void *self, const cJSON *line);

/* Hashes the line, or compares with the hash if it is the last one. */
static int check_line(const struct reader *r, crypto_hash_sha256_state *sha,
                      const char *text, size_t size, const cJSON *line,
                      int *whole)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    unsigned char said[crypto_hash_sha256_BYTES];

    if (*whole)
        return wrong(r, "lines after the end of the archive");
    if (!cJSON_HasObjectItem(line, "sha256")) {
        crypto_hash_sha256_update(sha, (const unsigned char *)text, size);
        return 0;
    }
    crypto_hash_sha256_final(sha, digest);
    if (hex_of(line, "sha256", said, sizeof(said)) ||
        memcmp(said, digest, sizeof(said)) != 0)
        return wrong(r, "damaged: its SHA-256 is not the one it says");
    *whole = 1;
    return 0;
}

/* Goes through the lines; the file must be whole. 0 or -1 with text. */
static int read_lines(struct reader *r, FILE *file, visit_line *visit)
{
    crypto_hash_sha256_state sha;
    char *text = NULL;
    size_t capacity = 0;
    int whole = 0;
    int failed = 0;
    ssize_t size;

    crypto_hash_sha256_init(&sha);
    r->number = 0;
    while (!failed && (size = getline(&text, &capacity, file)) > 0) {
        cJSON *line = cJSON_ParseWithLength(text, (size_t)size);

        r->number++;
        failed = line ? check_line(r, &sha, text, (size_t)size, line, &whole)
                      : wrong(r, "not JSON");
        if (!failed)
            failed = visit(r, line);
        cJSON_Delete(line);
    }
    free(text);
    if (!failed && !whole)
        failed = wrong(r, "cut off: the line with the SHA-256 is missing");
    return failed;
}

static int read_file(struct reader *r, visit_line *visit)
{
    FILE *file = fopen(r->path, "rb");
    int failed;

    if (!file)
        return fail(r->result, r->path, strerror(errno));
    failed = read_lines(r, file, visit);
    fclose(file);
    return failed;
}

int archive_check(const char *path, struct archive_result *result)
{
    struct reader r = {.result = result, .path = path};

    memset(result, 0, sizeof(*result));
    return read_file(&r, count_line);
}

/* In an open group. */
static int restore(struct reader *r)
{
    int failed = read_file(r, restore_line);

    free(r->bytes);
    return failed;
}

int archive_restore(struct engine_store *store, const char *path,
                    uint64_t now_ns, struct archive_result *result)
{
    struct reader r = {.store = store, .result = result, .path = path};

    memset(result, 0, sizeof(*result));
    /* Nothing is begun with a file that is not whole. */
    if (read_file(&r, count_line))
        return -1;
    if (r.trimmed)
        return fail(result, path,
                    "trimmed: it is there to be read, its payloads are gone");
    memset(result, 0, sizeof(*result));
    if (store->ops->begin(store->self, now_ns))
        return fail_store(result, store, path);
    if (restore(&r)) {
        store->ops->rollback(store->self);
        return -1;
    }
    return store->ops->commit(store->self) ? fail_store(result, store, path)
                                           : 0;
}
