#include "scenarios/steps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/store.h"
#include "engine/value.h"
#include "scenarios/read.h"

/* An attempt that sleeps. */
struct asleep {
    uint64_t due_ns; /* mono; 0: nobody */
    uint64_t run;
    uint64_t input_hash;
    uint32_t workflow;
    uint32_t op;
    uint32_t attempt;
};

struct steps {
    struct scenario scenario; /* only its workflows are filled in */
    const struct engine_graph **graphs;
    struct host_executor executor;
    struct host_worker *worker;
    struct engine_stream times;
    struct engine_stream fates;
    struct engine_block output;
    uint32_t slots;
    uint32_t sleeping;
    struct asleep asleep[]; /* by slot */
};

/* Executing --------------------------------------------------------------- */

static uint64_t draw(const struct engine_stream *stream, const struct asleep *a)
{
    return engine_stream_u64(stream, a->run << 28 | (uint64_t)a->op << 16 |
                                         (a->attempt & 0xffff));
}

static bool fails(const struct steps *steps, const struct sim_step *step,
                  const struct asleep *a)
{
    if (a->attempt <= step->fail_first)
        return true;
    return step->fail_ppb && engine_random_scale(draw(&steps->fates, a),
                                                 1000000000) < step->fail_ppb;
}

/* The same input gives the same output, whoever runs the step. */
static bool write_output(struct steps *steps, const struct asleep *a,
                         uint32_t size)
{
    const struct engine_node *node =
        engine_graph_node(steps->graphs[a->workflow], a->op);
    size_t span = engine_value_span(size);
    unsigned char *at =
        engine_block_begin(&steps->output, 8 + node->output_count * span);

    if (!at)
        return false;
    at += 8;
    for (uint32_t i = 0; i < node->output_count; i++, at += span) {
        struct engine_value head = {.size = size, .kind = ENGINE_VALUE_INLINE};
        uint64_t word = a->input_hash ^ a->op ^ (uint64_t)i << 32;
        memcpy(at, &head, sizeof(head));
        for (uint32_t byte = 0; byte + 8 <= size; byte += 8) {
            word = word * UINT64_C(6364136223846793005) +
                   UINT64_C(1442695040888963407);
            memcpy(at + sizeof(head) + byte, &word, sizeof(word));
        }
    }
    return true;
}

static void end(struct steps *steps, uint32_t slot)
{
    struct asleep *a = &steps->asleep[slot];
    const struct sim_step *step =
        &steps->scenario.workflows[a->workflow].steps[a->op];

    a->due_ns = 0;
    steps->sleeping--;
    if (fails(steps, step, a))
        host_worker_ended(steps->worker, slot, ENGINE_ERR_USER,
                          step->fail_retryable, NULL, 0);
    else if (write_output(steps, a, step->output_bytes))
        host_worker_ended(steps->worker, slot, ENGINE_ERR_NONE, false,
                          steps->output.bytes + 8, steps->output.size - 8);
    else
        host_worker_ended(steps->worker, slot, ENGINE_ERR_OOM, true, NULL, 0);
}

static void begin(void *self, struct host_worker *worker, uint32_t workflow,
                  const struct engine_execute *what, const void *input,
                  size_t size)
{
    struct steps *steps = self;
    struct asleep *a = &steps->asleep[what->slot];
    const struct sim_step *step =
        &steps->scenario.workflows[workflow].steps[what->op];

    steps->worker = worker;
    *a = (struct asleep){
        .run = what->run,
        .input_hash = engine_hash_bytes(input, size).lo,
        .workflow = workflow,
        .op = what->op,
        .attempt = what->attempt,
    };
    a->due_ns =
        host_mono_ns() + sim_dist_at(&step->duration, draw(&steps->times, a));
    steps->sleeping++;
    if (a->due_ns <= host_mono_ns())
        end(steps, what->slot);
}

static void abandon(void *self, uint32_t slot)
{
    struct steps *steps = self;

    if (steps->asleep[slot].due_ns > 0)
        steps->sleeping--;
    steps->asleep[slot].due_ns = 0;
}

static uint64_t deadline(void *self)
{
    const struct steps *steps = self;
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < steps->slots && steps->sleeping > 0; i++)
        if (steps->asleep[i].due_ns > 0 && steps->asleep[i].due_ns < next)
            next = steps->asleep[i].due_ns;
    return next;
}

static void on_time(void *self, uint64_t mono_ns)
{
    struct steps *steps = self;

    for (uint32_t i = 0; i < steps->slots && steps->sleeping > 0; i++)
        if (steps->asleep[i].due_ns > 0 && steps->asleep[i].due_ns <= mono_ns)
            end(steps, i);
}

/* Reading ----------------------------------------------------------------- */

static bool read_text(const char *path, char **text, struct json_error *error)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0;

    *text = malloc(JSON_FILE_MAX + 2);
    if (file && *text)
        size = fread(*text, 1, JSON_FILE_MAX + 1, file);
    if (!file || !*text || ferror(file)) {
        snprintf(error->text, sizeof(error->text), "%.400s: %s", path,
                 strerror(errno));
        error->code = JSON_EREAD;
    } else if (size > JSON_FILE_MAX) {
        snprintf(error->text, sizeof(error->text),
                 "%.400s: found more than %d bytes", path, JSON_FILE_MAX);
        error->code = JSON_ETEXT;
    } else {
        (*text)[size] = '\0';
    }
    if (file)
        fclose(file);
    return error->code == 0;
}

/* Reads the workflow as the member of a scenario that has nothing else. */
static void read_file(struct steps *steps, const char *path,
                      struct json_error *error)
{
    struct scenario one = {0};
    struct read_files files = {0};
    struct read_state state = {&one, &files, error};
    struct json_doc *doc = NULL;
    char *text = NULL;
    char *whole = NULL;

    if (read_text(path, &text, error)) {
        size_t size = strlen(text) + 16;
        whole = malloc(size);
        if (whole)
            snprintf(whole, size, "{\"workflow\":%s}", text);
        if (whole &&
            json_read_bytes(path, whole, strlen(whole), &doc, error) == 0)
            read_workflows(&state, json_root(doc));
    }
    if (error->code == 0 && one.workflow_count == 1) {
        steps->scenario.workflows[steps->scenario.workflow_count] =
            one.workflows[0];
        steps->graphs[steps->scenario.workflow_count++] =
            one.workflows[0].graph;
    }
    free(one.workflows);
    json_free(doc);
    free(whole);
    free(text);
}

struct steps *steps_read(const char *const *paths, uint32_t count,
                         uint32_t slots, uint64_t output_max,
                         struct json_error *error)
{
    struct steps *steps =
        calloc(1, sizeof(*steps) + slots * sizeof(struct asleep));

    (void)output_max;
    if (steps) {
        steps->slots = slots;
        steps->scenario.workflows =
            calloc(count, sizeof(*steps->scenario.workflows));
        steps->graphs = calloc(count, sizeof(const struct engine_graph *));
    }
    if (!steps || !steps->scenario.workflows || !steps->graphs) {
        steps_free(steps);
        snprintf(error->text, sizeof(error->text), "out of memory");
        error->code = JSON_ENOMEM;
        return NULL;
    }
    engine_block_init(&steps->output);
    engine_stream_init(&steps->times, 1, "steps/time", 0);
    engine_stream_init(&steps->fates, 1, "steps/fate", 0);
    steps->executor = (struct host_executor){
        .begin = begin,
        .abandon = abandon,
        .deadline = deadline,
        .time = on_time,
        .self = steps,
    };
    for (uint32_t i = 0; i < count && error->code == 0; i++)
        read_file(steps, paths[i], error);
    if (error->code == 0)
        return steps;
    steps_free(steps);
    return NULL;
}

void steps_free(struct steps *steps)
{
    if (!steps)
        return;
    for (uint32_t i = 0; i < steps->scenario.workflow_count; i++) {
        engine_graph_free(steps->scenario.workflows[i].graph);
        free(steps->scenario.workflows[i].steps);
        free(steps->scenario.workflows[i].effects);
    }
    free(steps->scenario.workflows);
    free(steps->graphs);
    engine_block_free(&steps->output);
    free(steps);
}

const struct engine_graph *const *steps_graphs(const struct steps *steps,
                                               uint32_t *count)
{
    *count = steps->scenario.workflow_count;
    return steps->graphs;
}

const struct host_executor *steps_executor(struct steps *steps)
{
    return &steps->executor;
}
