/*
 * The operations of a run: `ops` for all of them, `value` for the result of
 * one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/loop.h"
#include "engine/host/quantity.h"
#include "engine/host/stream.h"
#include "engine/value.h"
#include "scenarios/command.h"
#include "scenarios/database.h"
#include "scenarios/output.h"
#include "scenarios/run_operations.h"

/* Opens a database and reads a run. HELD, or the exit code: said why. */
static int open_run(const char *command, const char *database,
                    const char *key_path, uint64_t run,
                    struct host_reader **reader,
                    struct run_operations *operations)
{
    struct engine_run_row row;

    *reader = database_open(command, database, key_path);
    if (!*reader)
        return EXIT_ENVIRONMENT;
    int found = run_operations_row(*reader, run, &row);
    if (found == 0) {
        fprintf(stderr,
                "perdure %s: found no run %" PRIu64
                " in %.200s; see perdure ps %.200s --all\n",
                command, run, database, database);
        return EXIT_USAGE;
    }
    if (found < 0 || run_operations_read(*reader, &row, operations)) {
        fprintf(stderr,
                "perdure %s: %.200s: run %" PRIu64
                " cannot be read; see perdure verify %.200s\n",
                command, database, run, database);
        return EXIT_ENVIRONMENT;
    }
    if (operations->archived)
        fprintf(stderr,
                "perdure %s: run %" PRIu64 " has left the database: its "
                "operations are in an archive, if there is one\n",
                command, run);
    else if (operations->folded_seq > 0)
        fprintf(stderr,
                "perdure %s: events up to %" PRIu64 " of run %" PRIu64
                " were compacted: what they say is left out\n",
                command, operations->folded_seq, run);
    return EXIT_HELD;
}

/* Operations ----------------------------------------------------------------
 */

struct table {
    const struct run_operations *operations;
    struct report_buffer out;
    uint64_t now_ns;
    bool json;
    bool tree;
};

static const char *kind_of(const struct run_operation *o)
{
    if (!o->type)
        return "?";
    return o->subtype ? engine_operation_subtype_name(o->subtype)
                      : engine_operation_type_name(o->type);
}

static const char *status_of(const struct run_operation *o)
{
    return o->status ? engine_operation_status_name(o->status) : "not started";
}

static uint64_t duration(const struct table *t, const struct run_operation *o)
{
    uint64_t end = o->ended_ns ? o->ended_ns : t->now_ns;

    return o->started_ns && end > o->started_ns ? end - o->started_ns : 0;
}

static void json_operation(struct table *t, const struct run_operation *o)
{
    const struct run_operations *all = t->operations;
    struct report_buffer *out = &t->out;

    report_buffer_print(out, "{\"attempts\": %u, ", o->attempts);
    if (o->ended_ns)
        report_buffer_print(out, "\"ended_ns\": %" PRIu64 ", ", o->ended_ns);
    else
        report_buffer_put(out, "\"ended_ns\": null, ");
    report_buffer_print(out, "\"error\": \"%s\", ",
                        o->error ? engine_error_name(o->error) : "");
    if (all->handler)
        report_buffer_print(out, "\"id\": \"%016" PRIx64 "%016" PRIx64 "\", ",
                            o->id.hi, o->id.lo);
    report_buffer_put(out, "\"name\": ");
    report_buffer_json(out, o->name, strlen(o->name));
    report_buffer_print(out, ", \"op\": %u, ", o->number);
    if (o->parent == UINT32_MAX)
        report_buffer_put(out, "\"parent\": null, ");
    else
        report_buffer_print(out, "\"parent\": %u, ",
                            all->list[o->parent].number);
    if (o->error && o->root[0]) {
        report_buffer_put(out, "\"root_cause\": ");
        report_buffer_json(out, o->root, strlen(o->root));
        report_buffer_put(out, ", ");
    }
    report_buffer_print(out,
                        "\"started_ns\": %" PRIu64
                        ", \"status\": \"%s\", \"type\": \"%s\"}\n",
                        o->started_ns, status_of(o), kind_of(o));
}

static void text_operation(struct table *t, const struct run_operation *o)
{
    struct report_buffer *out = &t->out;
    int indent = t->tree ? (int)(o->depth < 20 ? 2 * o->depth : 40) : 0;
    size_t room = (size_t)(32 - (indent < 24 ? indent : 24));
    char took[32];

    report_buffer_print(out, "%5u ", o->number);
    if (t->tree || o->parent == UINT32_MAX)
        report_buffer_print(out, "%*s", indent, "");
    size_t used = report_buffer_plain(out, o->name[0] ? o->name : "-", room);
    report_buffer_print(out, "%*s ", used < room ? (int)(room - used) : 0, "");
    if (!t->tree && o->parent != UINT32_MAX)
        report_buffer_print(out, "in %-6u ",
                            t->operations->list[o->parent].number);
    else if (!t->tree)
        report_buffer_put(out, "          ");
    quantity_print(QUANTITY_DURATION, duration(t, o) / 1000000 * 1000000, took,
                   sizeof(took));
    report_buffer_print(out, "%-20s %-11s %8u %10s %s\n", kind_of(o),
                        status_of(o), o->attempts, duration(t, o) ? took : "-",
                        o->error ? engine_error_name(o->error) : "");
}

/* A line of its own: how that came about. */
static void text_root(struct table *t, const struct run_operation *o)
{
    if (!o->error || !o->root[0])
        return;
    report_buffer_put(&t->out, "        since ");
    (void)report_buffer_plain(&t->out, o->root, 120);
    report_buffer_put(&t->out, "\n");
}

static void print_operation(struct table *t, const struct run_operation *o)
{
    if (t->json) {
        json_operation(t, o);
        return;
    }
    text_operation(t, o);
    text_root(t, o);
}

/* Each context before what is in it: links by index, newest child first. */
static void print_tree(struct table *t)
{
    const struct run_operations *all = t->operations;
    uint32_t count = all->count;
    /* first[i + 1]: newest child of i; first[0]: of the run. 0: none. */
    uint32_t *first = calloc((size_t)count + 1, sizeof(*first));
    uint32_t *next = calloc((size_t)count + 1, sizeof(*next));
    uint32_t *stack = calloc((size_t)count + 1, sizeof(*stack));
    uint32_t depth = 0;

    t->out.failed |= !first || !next || !stack;
    for (uint32_t i = 0; i < count && !t->out.failed; i++) {
        uint32_t parent = all->list[i].parent + 1; /* of the run: 0 */
        next[i + 1] = first[parent];
        first[parent] = i + 1;
    }
    /* Pushed newest first, they come off oldest first. */
    for (uint32_t i = t->out.failed ? 0 : first[0]; i; i = next[i])
        stack[depth++] = i;
    while (depth > 0) {
        uint32_t at = stack[--depth];
        print_operation(t, &all->list[at - 1]);
        for (uint32_t i = first[at]; i; i = next[i])
            stack[depth++] = i;
    }
    free(first);
    free(next);
    free(stack);
}

static int print_all(struct table *t)
{
    report_buffer_init(&t->out);
    if (!t->json)
        report_buffer_print(&t->out, "%5s %-32s%s %-20s %-11s %8s %10s %s\n",
                            "op", "name", t->tree ? "" : " context  ", "type",
                            "status", "attempts", "took", "error");
    if (t->tree) {
        print_tree(t);
    } else {
        for (uint32_t i = 0; i < t->operations->count; i++)
            print_operation(t, &t->operations->list[i]);
    }
    return database_print(&t->out);
}

struct showing {
    const char *database;
    struct engine_store *store;
    uint64_t index; /* of a value in an envelope */
};

struct arguments {
    struct table t;
    struct showing s;
    const char *key;
};

static const struct option ops_options[] = {
    OPT_FLAG("--tree", t.tree, "Each below the one it is in."),
    OPT_KEY_FILE(key),
    OPT_ROWS_JSON(t.json),
    {.name = NULL}};

static const struct option value_options[] = {
    OPT_NUMBER("--index", s.index, 0, UINT32_MAX,
               "One of several values, from 0."),
    OPT_KEY_FILE(key),
    {.name = NULL}};

static int ops(int argc, char **argv)
{
    struct run_operations operations = {.wanted = UINT32_MAX};
    struct arguments a = {
        .t = {.operations = &operations, .now_ns = host_wall_ns()}};
    struct host_reader *reader = NULL;
    const char *rest[2];
    uint64_t run;

    if (options_read(argc, argv, &command_ops, &a, rest) < 0 ||
        !database_number(argv[0], "run", rest[1], UINT64_MAX, &run))
        return EXIT_USAGE;
    int code = open_run(argv[0], rest[0], a.key, run, &reader, &operations);
    if (code == EXIT_HELD)
        code = print_all(&a.t);
    run_operations_free(&operations);
    host_reader_close(reader);
    return code;
}

/* Values --------------------------------------------------------------------
 */

static int write_bytes(const void *bytes, size_t size)
{
    return output_bytes(bytes, size, EXIT_HELD);
}

static int say_damaged(const struct showing *s, const char *why)
{
    fprintf(stderr,
            "perdure value: the value cannot be read: %s; see perdure verify "
            "%.200s\n",
            why, s->database);
    return EXIT_ENVIRONMENT;
}

static int show_blob(const struct showing *s, const struct engine_blob_ref *ref)
{
    const void *bytes;
    size_t size;

    if (store_read_blob(s->store, ref->digest, &bytes, &size) <= 0)
        return say_damaged(s, "its blob is not there");
    return write_bytes(bytes, size);
}

static int show_chunks(const struct showing *s,
                       const struct engine_chunks_ref *ref)
{
    struct stream_reader *reader;
    const void *bytes;
    size_t size;
    uint32_t chunk;
    int code = EXIT_HELD;

    if (store_read_blob(s->store, ref->blob.digest, &bytes, &size) <= 0)
        return say_damaged(s, "its blob is not there");
    int result = stream_reader_open(bytes, size, ref, &reader);
    if (result)
        return say_damaged(s, stream_words((enum stream_code)result));
    while (code == EXIT_HELD &&
           (result = stream_reader_next(reader, &bytes, &chunk)) > 0)
        code = write_bytes(bytes, chunk);
    stream_reader_free(reader);
    return result < 0 ? say_damaged(s, stream_words((enum stream_code)result))
                      : code;
}

static int show_envelope(const struct showing *s, const void *envelope,
                         size_t size)
{
    const struct engine_value *value =
        s->index > UINT32_MAX
            ? NULL
            : engine_value_at(envelope, size, (uint32_t)s->index);
    struct engine_blob_ref blob;
    struct engine_chunks_ref chunks;

    if (!value) {
        fprintf(stderr,
                "perdure value: found no value %" PRIu64 " in the result\n",
                s->index);
        return EXIT_USAGE;
    }
    if (value->kind == ENGINE_VALUE_INLINE)
        return write_bytes(engine_value_bytes(value), value->size);
    if (engine_value_blob(value, &blob) == 0)
        return show_blob(s, &blob);
    return engine_value_chunks(value, &chunks) == 0
               ? show_chunks(s, &chunks)
               : say_damaged(s, "it is of no kind that is known");
}

static int show_value(const struct showing *s,
                      const struct run_operations *operations)
{
    struct engine_blob_ref blob;

    switch (operations->form) {
    case RUN_VALUE_ENVELOPE:
        return show_envelope(s, operations->value, operations->value_size);
    case RUN_VALUE_BLOB:
        if (operations->value_size != sizeof(blob))
            return say_damaged(s, "it does not refer to a blob");
        memcpy(&blob, operations->value, sizeof(blob));
        return show_blob(s, &blob);
    case RUN_VALUE_BYTES:
        return write_bytes(operations->value, operations->value_size);
    case RUN_VALUE_NONE:
        break;
    }
    fprintf(stderr,
            "perdure value: there is no result (yet); see perdure ops "
            "%.200s\n",
            s->database);
    return EXIT_USAGE;
}

/* A number, or the name of an operation. */
static void choose(struct run_operations *operations, const char *op)
{
    char *end;
    uint64_t number = strtoull(op, &end, 10);

    if (op[0] >= '0' && op[0] <= '9' && !*end && number < UINT32_MAX)
        operations->wanted = (uint32_t)number;
    else
        operations->name = op;
}

static int value(int argc, char **argv)
{
    struct run_operations operations = {.wanted = UINT32_MAX};
    struct arguments a = {.s = {.index = 0}};
    struct host_reader *reader = NULL;
    const char *rest[3];
    uint64_t run;

    int count = options_read(argc, argv, &command_value, &a, rest);
    if (count < 0 ||
        !database_number(argv[0], "run", rest[1], UINT64_MAX, &run))
        return EXIT_USAGE;
    if (count == 3)
        choose(&operations, rest[2]);
    int code = open_run(argv[0], rest[0], a.key, run, &reader, &operations);
    if (code == EXIT_HELD) {
        a.s.database = rest[0];
        a.s.store = host_reader_store(reader);
        code = show_value(&a.s, &operations);
    }
    run_operations_free(&operations);
    host_reader_close(reader);
    return code;
}

const struct command command_ops = {
    .name = "ops",
    .group = COMMAND_DATABASE,
    .synopsis = "DB RUN [OPTIONS]",
    .summary = "the operations of a run",
    .about = "The operations of a run: type, status, attempts, how "
             "long they took, the error.",
    .options = ops_options,
    .rest_min = 2,
    .rest_max = 2,
    .run = ops};

const struct command command_value = {
    .name = "value",
    .group = COMMAND_DATABASE,
    .synopsis = "DB RUN [OP|NAME] [OPTIONS]",
    .summary = "the result of a run or an operation",
    .about = "The result of a run, or of one operation, on stdout "
             "as it is, wherever it is kept.",
    .options = value_options,
    .rest_min = 2,
    .rest_max = 3,
    .run = value};
