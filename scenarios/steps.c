#include "scenarios/steps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/child.h"
#include "engine/host/stream.h"
#include "engine/program.h"
#include "engine/replay.h"
#include "engine/store.h"
#include "engine/value.h"
#include "reports/buffer.h"
#include "scenarios/read_program.h"
#include "scenarios/redaction.h"

enum {
    EXIT_TRY_AGAIN = 75,            /* EX_TEMPFAIL */
    RECORD_MAX = HOST_FRAME_MAX / 4 /* of a stream, compressed */
};

/* Of a stream, before that. */
#define STREAM_MAX (UINT64_C(1) << 30)

/* What a step runs; words is NULL if it only sleeps. */
struct step_command {
    const char **words; /* ends with NULL; the texts are the document's */
    bool at_once;       /* it says nothing of how long it takes */
    bool stream;        /* what it writes is emitted in pieces */
    bool json;          /* what the program writes must be JSON */
};

struct workflow {
    struct steps *steps;
    struct engine_program_bound *bound; /* NULL: a graph */
    struct engine_handler handler;
    struct step_command *commands; /* by step */
    struct redact *redact;         /* NULL: nothing is secret */
};

/* A step under way. */
struct doing {
    struct steps *steps;
    struct host_child *child;   /* NULL: it sleeps */
    struct stream_spool *spool; /* NULL: its output is one piece */
    uint64_t chunks;
    uint64_t due_ns;
    uint64_t run;
    uint64_t input_hash;
    uint32_t slot;
    uint32_t part;
    uint32_t workflow;
    uint32_t step;
    uint32_t attempt;
    bool over;
};

struct steps {
    struct scenario scenario; /* only its workflows are filled in */
    struct json_doc **docs;   /* of the files, for their commands */
    uint32_t doc_count;
    struct workflow *bound;
    struct host_workflow *workflows;
    struct host_executor executor;
    struct host_worker *worker;
    struct engine_stream times;
    struct engine_stream fates;
    struct engine_block output;
    struct steps_config config;
    struct doing **doing;
    uint32_t doing_count;
    uint32_t doing_capacity;
};

static void say(struct steps *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct steps *s, const char *format, ...)
{
    char text[512];
    va_list list;

    if (!s->config.say)
        return;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    s->config.say(s->config.self, HOST_SAY_INFO, text);
}

/* Steps that only take their time ------------------------------------------ */

static const struct sim_step *step_of(const struct doing *d)
{
    return &d->steps->scenario.workflows[d->workflow].steps[d->step];
}

static uint64_t draw(const struct engine_stream *stream, const struct doing *d)
{
    return engine_stream_u64(stream, d->run << 28 | (uint64_t)d->step << 16 |
                                         (d->attempt & 0xffff));
}

static bool fails(const struct doing *d)
{
    const struct sim_step *step = step_of(d);

    if (d->attempt <= step->fail_first)
        return true;
    return step->fail_ppb && engine_random_scale(draw(&d->steps->fates, d),
                                                 1000000000) < step->fail_ppb;
}

static uint32_t output_count(const struct doing *d)
{
    const struct scenario_workflow *w =
        &d->steps->scenario.workflows[d->workflow];

    if (w->program)
        return engine_program_step(w->program, d->step)->output_count;
    return engine_graph_node(w->graph, d->step)->output_count;
}

/* The same input gives the same output, whoever runs the step. */
static void fill_output(unsigned char *at, uint32_t count, uint32_t size,
                        uint64_t input_hash, uint32_t number)
{
    size_t span = engine_value_span(size);

    for (uint32_t i = 0; i < count; i++, at += span) {
        struct engine_value head = {.size = size, .kind = ENGINE_VALUE_INLINE};
        uint64_t word = input_hash ^ number ^ (uint64_t)i << 32;
        memcpy(at, &head, sizeof(head));
        for (uint32_t byte = 0; byte + 8 <= size; byte += 8) {
            word = word * UINT64_C(6364136223846793005) +
                   UINT64_C(1442695040888963407);
            memcpy(at + sizeof(head) + byte, &word, sizeof(word));
        }
    }
}

static bool write_output(const struct doing *d)
{
    struct steps *s = d->steps;
    uint32_t count = output_count(d);
    uint32_t size = step_of(d)->output_bytes;
    unsigned char *at =
        engine_block_begin(&s->output, 8 + count * engine_value_span(size));

    if (!at)
        return false;
    fill_output(at + 8, count, size, d->input_hash, d->step);
    return true;
}

static void report(const struct doing *d, uint32_t error, bool retryable)
{
    struct steps *s = d->steps;

    if (error)
        host_worker_ended(s->worker, d->slot, d->part, error, retryable, NULL,
                          0);
    else
        host_worker_ended(s->worker, d->slot, d->part, ENGINE_ERR_NONE, false,
                          s->output.bytes + 8, s->output.size - 8);
}

static void wake(struct doing *d)
{
    d->over = true;
    if (fails(d))
        report(d, ENGINE_ERR_USER, step_of(d)->fail_retryable);
    else
        report(d, write_output(d) ? ENGINE_ERR_NONE : ENGINE_ERR_OOM, true);
}

/* Steps that run a program ------------------------------------------------- */

static const char *name_of(const struct doing *d)
{
    return scenario_step_name(&d->steps->scenario.workflows[d->workflow],
                              d->step);
}

static const struct step_command *command_of(const struct doing *d)
{
    return &d->steps->bound[d->workflow].commands[d->step];
}

/* Bytes are the value of each of its outputs. */
static bool keep_output(const struct doing *d, enum engine_value_kind kind,
                        const void *bytes, size_t size)
{
    struct steps *s = d->steps;
    uint32_t count = output_count(d);
    size_t span = engine_value_span((uint32_t)size);
    unsigned char *at = engine_block_begin(&s->output, 8 + count * span);

    if (!at)
        return false;
    at += 8;
    for (uint32_t i = 0; i < count; i++, at += span)
        engine_value_write(at, kind, bytes, (uint32_t)size);
    return true;
}

static void report_kept(const struct doing *d, bool kept)
{
    report(d, kept ? ENGINE_ERR_NONE : ENGINE_ERR_OOM, true);
}

/* Nothing of it is reported but why. */
static void refuse_output(const struct doing *d, const char *words)
{
    say(d->steps, "step \"%s\" of run %" PRIu64 ": %s", name_of(d), d->run,
        words);
    host_worker_ended(d->steps->worker, d->slot, d->part,
                      ENGINE_ERR_SERIALIZATION, false, words, strlen(words));
}

static void refuse_unsearchable(const struct doing *d, size_t offset,
                                const char *why)
{
    char words[256];

    snprintf(words, sizeof(words),
             "not JSON at byte %zu (%s): it cannot be searched for secrets",
             offset, why);
    refuse_output(d, words);
}

/* It has ended well; what it wrote may still not be kept. */
static void report_output(const struct doing *d,
                          const struct host_child_end *end)
{
    const struct redact *redact = d->steps->bound[d->workflow].redact;
    const char *bytes = end->size > 0 ? end->output : "";
    struct redact_bytes out = {0};
    struct engine_value_fault fault;
    const char *why;
    size_t offset;
    int code = 0;

    if (command_of(d)->json &&
        engine_value_storable(bytes, end->size, true, &fault))
        refuse_output(d, fault.text);
    else if (!redact)
        report_kept(d, keep_output(d, ENGINE_VALUE_INLINE, bytes, end->size));
    else if ((code = redact_apply(redact, bytes, end->size, &out, &offset,
                                  &why)) == REDACT_ETEXT)
        refuse_unsearchable(d, offset, why);
    else
        report_kept(d, code == 0 && keep_output(d, ENGINE_VALUE_INLINE,
                                                out.data, out.size));
    free(out.data);
}

/* Streams ------------------------------------------------------------------ */

static bool spool_chunk(void *self, const void *bytes, size_t size)
{
    struct doing *d = self;

    return stream_spool_raw_size(d->spool) + size <= STREAM_MAX &&
           stream_spool_add(d->spool, d->attempt, d->chunks++, bytes,
                            (uint32_t)size) == 0;
}

/* A reference, and the record behind it: the worker stores that as a blob. */
static void report_stream(const struct doing *d)
{
    struct engine_chunks_ref ref;
    void *record = NULL;
    size_t size = 0;
    int code = stream_spool_finish(d->spool, &record, &size, &ref);
    unsigned char *both = code == 0 ? malloc(sizeof(ref) + size) : NULL;

    if (both) {
        memcpy(both, &ref, sizeof(ref));
        memcpy(both + sizeof(ref), record, size);
        report_kept(
            d, keep_output(d, ENGINE_VALUE_STREAM, both, sizeof(ref) + size));
    } else {
        say(d->steps, "step \"%s\" of run %" PRIu64 ": its output: %s",
            name_of(d), d->run,
            code ? stream_words((enum stream_code)code) : "out of memory");
        report(d,
               code == STREAM_ELIMIT ? ENGINE_ERR_SIZE_LIMIT : ENGINE_ERR_OOM,
               code != STREAM_ELIMIT);
    }
    free(both);
    free(record);
}

static void child_ended(void *self, const struct host_child_end *end)
{
    struct doing *d = self;

    d->over = true;
    if (end->exit_code == 0 && end->output_full) {
        say(d->steps,
            "step \"%s\" of run %" PRIu64 " wrote more than %" PRIu64 " bytes",
            name_of(d), d->run,
            d->spool ? STREAM_MAX : d->steps->config.output_max);
        report(d, ENGINE_ERR_SIZE_LIMIT, false);
    } else if (end->exit_code == 0 && d->spool) {
        report_stream(d);
    } else if (end->exit_code == 0) {
        report_output(d, end);
    } else {
        say(d->steps, "step \"%s\" of run %" PRIu64 ", attempt %u: %s %d",
            name_of(d), d->run, d->attempt,
            end->signal ? "ended by signal" : "exit code",
            end->signal ? end->signal : end->exit_code);
        report(d, ENGINE_ERR_USER, end->exit_code == EXIT_TRY_AGAIN);
    }
}

/* The bytes of a stream's chunks, one after the other. */
static bool read_stream(const struct doing *d,
                        const struct engine_value *record,
                        struct report_buffer *all)
{
    struct stream_reader *reader = NULL;
    const void *bytes;
    uint32_t size;
    int code = stream_reader_open(engine_value_bytes(record), record->size,
                                  NULL, &reader);

    if (code == 0) {
        while ((code = stream_reader_next(reader, &bytes, &size)) > 0 &&
               all->size + size <= d->steps->config.output_max)
            report_buffer_bytes(all, bytes, size);
        stream_reader_free(reader);
    }
    if (code == 0 && report_buffer_ok(all))
        return true;
    say(d->steps, "step \"%s\" of run %" PRIu64 ": its input: %s", name_of(d),
        d->run,
        code > 0 ? "a stream of more bytes than a command may be given"
                 : stream_words(code ? (enum stream_code)code : STREAM_ENOMEM));
    return false;
}

/* One value's bytes, or the envelope if there are several or none; `all` has
 * those of a stream. False: they cannot be read. */
static bool input_of(const struct doing *d, const void *input, size_t size,
                     struct report_buffer *all, struct engine_bytes *out)
{
    const struct engine_value *first = engine_value_at(input, size, 0);

    *out = (struct engine_bytes){input, size};
    if (!first || engine_value_at(input, size, 1))
        return true;
    if (first->kind != ENGINE_VALUE_STREAM) {
        *out = (struct engine_bytes){engine_value_bytes(first), first->size};
        return true;
    }
    if (!read_stream(d, first, all))
        return false;
    *out = (struct engine_bytes){all->text, all->size};
    return true;
}

static bool open_spool(struct doing *d, struct host_child_config *config)
{
    const struct stream_options options = {.record_max = RECORD_MAX};

    d->spool = stream_spool_new(&options);
    config->wrote = spool_chunk;
    return d->spool != NULL;
}

static void run_command(struct doing *d, const struct step_command *command,
                        const struct engine_execute *what,
                        struct engine_bytes input)
{
    char text[4][384];
    const char *environment[5] = {text[0], text[1], text[2], text[3], NULL};
    struct engine_hash key = what->key;
    const uint64_t identity[2] = {what->run, what->op};
    struct host_child_config config = {
        .loop = host_worker_loop(d->steps->worker),
        .command = command->words,
        .environment = environment,
        .input = input.data,
        .input_size = input.size,
        .output_max = d->steps->config.output_max,
        .ended = child_ended,
        .self = d,
    };

    if (command->stream && !open_spool(d, &config)) {
        d->over = true;
        report(d, ENGINE_ERR_OOM, true);
        return;
    }
    if (!what->part)
        key = engine_hash_bytes(identity, sizeof(identity));
    snprintf(text[0], sizeof(text[0]), "PERDURE_RUN=%" PRIu64, what->run);
    snprintf(text[1], sizeof(text[1]), "PERDURE_STEP=%s", name_of(d));
    snprintf(text[2], sizeof(text[2]), "PERDURE_ATTEMPT=%u", d->attempt);
    snprintf(text[3], sizeof(text[3]), "PERDURE_KEY=%016" PRIx64 "%016" PRIx64,
             key.hi, key.lo);
    d->child = host_child_start(&config);
    if (d->child)
        return;
    say(d->steps, "step \"%s\": \"%s\" cannot be run: %s", name_of(d),
        command->words[0], strerror(errno));
    d->over = true;
    report(d, ENGINE_ERR_PLATFORM_START, true);
}

static void begin_command(struct doing *d, const struct step_command *command,
                          const struct engine_execute *what, const void *input,
                          size_t size)
{
    struct report_buffer all;
    struct engine_bytes bytes;

    report_buffer_init(&all);
    if (input_of(d, input, size, &all, &bytes)) {
        run_command(d, command, what, bytes);
    } else {
        d->over = true;
        report(d, ENGINE_ERR_SIZE_LIMIT, false);
    }
    report_buffer_free(&all);
}

/* The executor --------------------------------------------------------------
 */

static struct doing *more(struct steps *s)
{
    struct doing *d;

    if (s->doing_count == s->doing_capacity) {
        uint32_t capacity = s->doing_capacity ? 2 * s->doing_capacity : 64;
        void *grown = realloc(s->doing, capacity * sizeof(struct doing *));
        if (!grown)
            return NULL;
        s->doing = grown;
        s->doing_capacity = capacity;
    }
    d = calloc(1, sizeof(*d));
    if (d)
        s->doing[s->doing_count++] = d;
    return d;
}

static void drop(struct steps *s, uint32_t i)
{
    host_child_free(s->doing[i]->child);
    stream_spool_free(s->doing[i]->spool);
    free(s->doing[i]);
    s->doing[i] = s->doing[--s->doing_count];
}

static void drop_over(struct steps *s)
{
    for (uint32_t i = 0; i < s->doing_count;)
        if (s->doing[i]->over)
            drop(s, i);
        else
            i++;
}

/* A submitter that only sleeps: somebody else must hand the id out. */
static void tell_callback(const struct doing *d, const void *input, size_t size)
{
    const struct scenario_workflow *w =
        &d->steps->scenario.workflows[d->workflow];

    if (w->program && engine_program_step(w->program, d->step)->role ==
                          ENGINE_PROGRAM_SUBMITTER)
        say(d->steps, "run %" PRIu64 " waits for callback \"%s\": %.*s", d->run,
            name_of(d), size < 64 ? (int)size : 64, (const char *)input);
}

static void begin(void *self, struct host_worker *worker, uint32_t workflow,
                  const struct engine_execute *what, const void *input,
                  size_t size)
{
    struct steps *s = self;
    struct doing *d = more(s);

    s->worker = worker;
    if (!d) {
        host_worker_ended(worker, what->slot, what->part, ENGINE_ERR_OOM, true,
                          NULL, 0);
        return;
    }
    *d = (struct doing){
        .steps = s,
        .run = what->run,
        .input_hash = engine_hash_bytes(input, size).lo,
        .slot = what->slot,
        .part = what->part,
        .workflow = workflow,
        .step = what->part ? (uint32_t)what->tag : what->op,
        .attempt = what->part ? what->part_attempt : what->attempt,
    };
    const struct step_command *command = command_of(d);
    if (command->words) {
        begin_command(d, command, what, input, size);
    } else {
        tell_callback(d, input, size);
        d->due_ns = host_mono_ns();
        if (!command->at_once)
            d->due_ns += sim_dist_at(&step_of(d)->duration, draw(&s->times, d));
        if (d->due_ns <= host_mono_ns())
            wake(d);
    }
    if (d->over)
        drop(s, s->doing_count - 1);
}

static void abandon(void *self, uint32_t slot, uint32_t part)
{
    struct steps *s = self;

    for (uint32_t i = 0; i < s->doing_count;)
        if (s->doing[i]->slot == slot && s->doing[i]->part == part)
            drop(s, i);
        else
            i++;
}

static uint64_t deadline(void *self)
{
    const struct steps *s = self;
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < s->doing_count; i++)
        if (!s->doing[i]->child && s->doing[i]->due_ns < next)
            next = s->doing[i]->due_ns;
    return next;
}

static void on_time(void *self, uint64_t mono_ns)
{
    struct steps *s = self;

    for (uint32_t i = 0; i < s->doing_count; i++)
        if (!s->doing[i]->child && s->doing[i]->due_ns <= mono_ns)
            wake(s->doing[i]);
    drop_over(s);
}

static void on_child(void *self)
{
    struct steps *s = self;

    for (uint32_t i = 0; i < s->doing_count; i++)
        if (s->doing[i]->child)
            (void)host_child_look(s->doing[i]->child);
    drop_over(s);
}

/* Programs ------------------------------------------------------------------
 */

/* It runs nothing, takes no time and cannot fail. */
static bool is_over_at_once(const struct workflow *w,
                            const struct engine_program_step *step,
                            const struct engine_attempt *a)
{
    const struct step_command *command = &w->commands[step->number];
    const struct sim_step *model =
        &w->steps->scenario.workflows[w - w->steps->bound].steps[step->number];

    return step->role == ENGINE_PROGRAM_CODE && !command->words &&
           (command->at_once || (model->duration.kind == SIM_DIST_CONSTANT &&
                                 model->duration.low_ns == 0)) &&
           model->fail_ppb == 0 && engine_attempt_number(a) > model->fail_first;
}

static int end_at_once(const struct workflow *w,
                       const struct engine_program_step *step,
                       struct engine_attempt *a, struct engine_bytes input,
                       struct engine_bytes *out)
{
    uint32_t bytes = w->steps->scenario.workflows[w - w->steps->bound]
                         .steps[step->number]
                         .output_bytes;
    size_t size = step->output_count * engine_value_span(bytes);
    unsigned char *at = engine_attempt_memory(a, size);

    if (!at)
        return engine_attempt_fail(a, ENGINE_ERR_OOM, "out of memory");
    fill_output(at, step->output_count, bytes,
                engine_hash_bytes(input.data, input.size).lo, step->number);
    *out = (struct engine_bytes){at, size};
    return ENGINE_DONE;
}

/* A step is run by the executor, unless it is over at once; a condition
 * holds. */
static int run_step(void *self, const struct engine_program_step *step,
                    struct engine_attempt *a, struct engine_bytes input,
                    struct engine_bytes *out)
{
    const struct workflow *w = self;

    if (step->role == ENGINE_PROGRAM_CHECK) {
        *out = input;
        return ENGINE_DONE;
    }
    if (is_over_at_once(w, step, a))
        return end_at_once(w, step, a, input, out);
    engine_attempt_tag(a, step->number);
    return ENGINE_SUSPENDED;
}

static void callback_opened(void *self, const struct engine_program_step *step,
                            uint64_t run, const char *callback)
{
    const struct workflow *w = self;

    say(w->steps, "run %" PRIu64 " waits for callback \"%s\": %s", run,
        step->name, callback);
}

static const struct engine_program_host program_host = {
    .run = run_step,
    .opened = callback_opened,
};

/* Reading -------------------------------------------------------------------
 */

static void read_command(struct steps *s, uint32_t workflow, const char *name,
                         struct json_view run, struct json_error *error)
{
    uint32_t step = scenario_step_find(&s->scenario.workflows[workflow], name);
    struct json_view list;
    size_t count = 0;

    if (step == UINT32_MAX)
        return;
    struct step_command *command = &s->bound[workflow].commands[step];
    command->at_once = !json_member(run, "duration").item;
    command->json = read_output_is(run, "json");
    command->stream = read_output_is(run, "stream");
    if (command->stream &&
        (s->bound[workflow].bound || s->bound[workflow].redact))
        json_fail(json_member(run, "output"), error,
                  s->bound[workflow].bound
                      ? "found \"stream\" in a handler, allowed in a graph"
                      : "found \"stream\" in a workflow with secrets, allowed "
                        "without: pieces cannot be searched");
    if (!json_get_array(run, "command", JSON_OPTIONAL, 1, READ_WORDS_MAX, &list,
                        error))
        return;
    command->words =
        read_alloc(json_count(list) + 1, sizeof(char *), list, error);
    for (struct json_view v = json_first(list); v.item && command->words;
         v = json_next(v), count++)
        (void)json_as_string(v, count > 0 ? 0 : 1, READ_WORD_MAX,
                             &command->words[count], error);
}

/* What a node runs, and what undoes it. */
static void read_commands_of(struct steps *s, uint32_t workflow,
                             struct json_view node, struct json_error *error)
{
    struct json_view run = json_member(node, "run");
    struct json_view undo = json_member(node, "compensate");
    char undo_name[sizeof(READ_UNDO) + READ_NAME_MAX];
    const char *name = "";

    if (!json_is_object(run) && !json_is_object(undo))
        return;
    (void)json_get_string(node, "name", JSON_REQUIRED, 1, READ_NAME_MAX, &name,
                          error);
    if (json_is_object(run))
        read_command(s, workflow, name, run, error);
    snprintf(undo_name, sizeof(undo_name), READ_UNDO "%s", name);
    if (json_is_object(undo))
        read_command(s, workflow, undo_name, undo, error);
}

/* Every node, in blocks inside blocks too. */
static void read_commands(struct steps *s, uint32_t workflow,
                          struct json_view view, struct json_error *error)
{
    if (json_is_object(view))
        read_commands_of(s, workflow, view, error);
    for (struct json_view v = json_first(view); v.item && error->code == 0;
         v = json_next(v))
        if (json_is_object(v) || json_is_array(v))
            read_commands(s, workflow, v, error);
}

/* A scenario that has nothing but its workflows. */
static void read_files(struct steps *s, const char *const *paths,
                       uint32_t count, struct json_error *error)
{
    struct read_files files = {.dir = strdup(".")};
    struct read_state state = {&s->scenario, &files, error};
    struct json_doc *doc = NULL;
    cJSON *top = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(top, "workflows");
    for (uint32_t i = 0; i < count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(paths[i]));
    char *printed = cJSON_PrintUnformatted(top);
    if (printed && files.dir &&
        json_read_bytes("--workflow", printed, strlen(printed), &doc, error) ==
            0)
        read_workflows(&state, json_root(doc));
    cJSON_free(printed);
    cJSON_Delete(top);
    json_free(doc);
    read_files_free(&files);
}

static void bind_workflow(struct steps *s, uint32_t i, const char *path,
                          struct json_error *error)
{
    struct scenario_workflow *w = &s->scenario.workflows[i];
    struct workflow *bound = &s->bound[i];
    uint32_t steps = scenario_step_count(w);

    bound->steps = s;
    bound->commands = calloc(steps ? steps : 1, sizeof(*bound->commands));
    s->workflows[i].graph = w->graph;
    if (w->program) {
        bound->bound = engine_program_bind(w->program, &program_host, bound);
        if (bound->bound) {
            bound->handler = engine_program_handler(bound->bound);
            s->workflows[i].handler = &bound->handler;
        }
    }
    if (!bound->commands || (w->program && !bound->bound)) {
        error->code = JSON_ENOMEM;
        snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
    } else if (json_read_file(path, &s->docs[i], error) == 0) {
        s->doc_count = i + 1;
        bound->redact =
            redaction_read(json_root(s->docs[i]), s->config.redact, error);
        read_commands(s, i, json_root(s->docs[i]), error);
    }
}

struct steps *steps_read(const struct steps_config *config,
                         struct json_error *error)
{
    struct steps *s = calloc(1, sizeof(*s));
    uint32_t count = config->count;

    if (s) {
        s->bound = calloc(count, sizeof(*s->bound));
        s->workflows = calloc(count, sizeof(*s->workflows));
        s->docs = calloc(count, sizeof(struct json_doc *));
    }
    if (!s || !s->bound || !s->workflows || !s->docs) {
        steps_free(s);
        error->code = JSON_ENOMEM;
        snprintf(error->text, sizeof(error->text), "out of memory");
        return NULL;
    }
    s->config = *config;
    engine_block_init(&s->output);
    engine_stream_init(&s->times, 1, "steps/time", 0);
    engine_stream_init(&s->fates, 1, "steps/fate", 0);
    s->executor =
        (struct host_executor){begin, abandon, deadline, on_time, on_child, s};
    read_files(s, config->paths, count, error);
    for (uint32_t i = 0; i < count && error->code == 0; i++)
        bind_workflow(s, i, config->paths[i], error);
    if (error->code == 0)
        return s;
    steps_free(s);
    return NULL;
}

static void free_workflow(struct steps *s, uint32_t i)
{
    struct scenario_workflow *w = &s->scenario.workflows[i];
    uint32_t count = w->graph ? scenario_step_count(w) : 0;

    if (s->bound[i].bound)
        engine_program_unbind(s->bound[i].bound);
    for (uint32_t step = 0; s->bound[i].commands && step < count; step++)
        free(s->bound[i].commands[step].words);
    free(s->bound[i].commands);
    redact_free(s->bound[i].redact);
    engine_program_free(w->program);
    engine_graph_free(w->graph);
    free(w->steps);
    free(w->answers);
    free(w->effects);
    free(w->exactly_once);
}

void steps_free(struct steps *s)
{
    if (!s)
        return;
    while (s->doing_count > 0)
        drop(s, s->doing_count - 1);
    for (uint32_t i = 0; i < s->scenario.workflow_count; i++)
        free_workflow(s, i);
    for (uint32_t i = 0; i < s->doc_count; i++)
        json_free(s->docs[i]);
    free(s->scenario.workflows);
    free(s->doing);
    free(s->docs);
    free(s->bound);
    free(s->workflows);
    engine_block_free(&s->output);
    free(s);
}

const struct host_workflow *steps_workflows(const struct steps *s,
                                            uint32_t *count)
{
    *count = s->scenario.workflow_count;
    return s->workflows;
}

const struct host_executor *steps_executor(struct steps *s)
{
    return &s->executor;
}
