#include "scenarios/measure/stage.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/host/worker_main.h"
#include "engine/value.h"

#define SECOND UINT64_C(1000000000)

enum {
    SLOTS = 128,
    GRAPH_RESULT_MAX = 4096,
    RUN_TIMEOUT_S = 60
};

static const char workflow_name[] = "measured";

static int fail(struct measure_stage *stage, const char *what, const char *why)
{
    snprintf(stage->error, sizeof(stage->error), "%s: %s", what, why);
    return -1;
}

/* The worker ---------------------------------------------------------------
 */

/* A result of its own for every step: equal blobs would be kept once. */
struct results {
    const struct measure_shape *shape;
    uint64_t count;
    char text[MEASURE_RESULT_MAX + 1];
};

static const char *next_result(struct results *results)
{
    uint64_t x = ++results->count * UINT64_C(0x9e3779b97f4a7c15);

    for (uint32_t i = 0; i < results->shape->result_size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        results->text[i] = (char)('!' + x % 93);
    }
    results->text[results->shape->result_size] = '\0';
    return results->text;
}

static int produce(struct engine_attempt *a, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    (void)input;
    *out = engine_attempt_text(a, next_result(self));
    return ENGINE_DONE;
}

/* The run's own result is short, so that it adds nothing to its steps'. */
static int some_steps(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    static const struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT};
    const struct results *results = self;
    struct engine_bytes one;

    for (uint32_t i = 0; i < results->shape->steps; i++) {
        int flow = engine_step(c, "step", produce, self, input, &options, &one);
        if (flow)
            return flow;
    }
    *out = (struct engine_bytes){"ok", 2};
    return ENGINE_DONE;
}

static void end_at_once(void *self, struct host_worker *worker,
                        uint32_t workflow, const struct engine_execute *what,
                        const void *input, size_t size)
{
    unsigned char output[GRAPH_RESULT_MAX + 64];
    struct results *results = self;

    (void)workflow;
    (void)input;
    (void)size;
    size_t span =
        engine_value_write(output, ENGINE_VALUE_INLINE, next_result(results),
                           results->shape->result_size);
    host_worker_ended(worker, what->slot, what->part, ENGINE_ERR_NONE, false,
                      output, span);
}

static void never_abandoned(void *self, uint32_t slot, uint32_t part)
{
    (void)self;
    (void)slot;
    (void)part;
}

static struct engine_graph *chain(uint32_t steps)
{
    static char names[MEASURE_STEPS_MAX][8];
    static const char *const in[] = {"in"};
    static const char *const out[] = {"out"};
    struct engine_node nodes[MEASURE_STEPS_MAX];
    struct engine_edge_names edges[MEASURE_STEPS_MAX];

    for (uint32_t i = 0; i < steps; i++) {
        snprintf(names[i], sizeof(names[i]), "%u", i + 1);
        nodes[i] = (struct engine_node){
            .name = names[i],
            .kind = ENGINE_NODE_STEP,
            .attempt_timeout_ns = 60 * SECOND,
            .side_effect = ENGINE_EFFECT_IDEMPOTENT,
            .semantics = ENGINE_AT_LEAST_ONCE,
            .retry = {.attempts_max = 1, .factor_milli = 1000},
            .inputs = in,
            .input_count = 1,
            .outputs = out,
            .output_count = 1,
        };
        if (i > 0)
            edges[i - 1] =
                (struct engine_edge_names){names[i - 1], "out", names[i], "in"};
    }
    return engine_graph_new(workflow_name, nodes, steps, edges, steps - 1,
                            NULL);
}

static void say(void *self, enum host_level level, const char *text)
{
    (void)level;
    fprintf(stderr, "perdure bench-engine: %s: %s\n", (const char *)self, text);
}

static int work(const struct measure_stage *stage, char error[HOST_ERROR_SIZE])
{
    static struct results results;
    const struct measure_shape *shape = &stage->config.shape;
    const struct host_executor executor = {
        .begin = end_at_once, .abandon = never_abandoned, .self = &results};
    const struct engine_handler handler = {workflow_name, some_steps, &results};
    struct host_worker_config config = {.database = stage->database,
                                        .id = "measured",
                                        .slots = SLOTS,
                                        .level = HOST_SAY_ERROR,
                                        .say = say,
                                        .self = "worker"};

    results.shape = shape;
    if (shape->form == MEASURE_HANDLER)
        return host_handlers_run(&config, &handler, 1, error);
    struct host_workflow workflow = {.graph = chain(shape->steps)};
    config.executor = &executor;
    config.workflows = &workflow;
    config.workflow_count = 1;
    return host_worker_run(&config, error);
}

/* Processes ----------------------------------------------------------------
 */

static int drive(const struct measure_stage *stage, char error[HOST_ERROR_SIZE])
{
    const struct measure_stage_config *of = &stage->config;
    struct host_engine_config config = {.database = stage->database,
                                        .limits = engine_limits_find("aws"),
                                        .sync_normal = of->sync_normal,
                                        .observe = of->observe ? stage->observed
                                                               : NULL,
                                        .observe_ppb = of->observe_ppb,
                                        .snapshot_events = of->snapshot_events,
                                        .level = HOST_SAY_ERROR,
                                        .say = say,
                                        .self = "engine"};

    return host_engine_run(&config, error);
}

/* It ends with us, also if we are killed. */
static pid_t fork_process(const struct measure_stage *stage, const char *name,
                          int (*run)(const struct measure_stage *, char *))
{
    char error[HOST_ERROR_SIZE] = "";

    fflush(NULL);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    int result = run(stage, error);
    if (result)
        fprintf(stderr, "perdure bench-engine: %s: %s\n", name, error);
    _exit(result ? 1 : 0);
}

static uint64_t nanoseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_usec * 1000;
}

/* Asks it to end, and waits. */
static int end_process(struct measure_stage *stage, pid_t *pid,
                       const char *name, uint64_t *cpu_ns)
{
    struct rusage usage = {0};
    int status = 0;

    if (*pid <= 0)
        return 0;
    kill(*pid, SIGTERM);
    while (wait4(*pid, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    *pid = 0;
    *cpu_ns = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(stage, name, "the process did not end well");
    return 0;
}

static void kill_process(pid_t *pid)
{
    int status;

    if (*pid <= 0)
        return;
    kill(*pid, SIGKILL);
    while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
        ;
    *pid = 0;
}

/* The client ---------------------------------------------------------------
 */

static bool interrupted(const struct measure_stage *stage)
{
    return stage->config.interrupted && *stage->config.interrupted;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static int start_one(struct measure_stage *stage, uint64_t token)
{
    if (host_client_start(&stage->client, token, 0, HOST_START_WAIT,
                          workflow_name, NULL, NULL, 0))
        return 0;
    return fail(stage, stage->database, "the engine has gone");
}

/* Whatever has to come up, comes up within ten seconds. */
static int connect_client(struct measure_stage *stage)
{
    char why[HOST_ERROR_SIZE] = "no engine came up within 10 s";
    uint64_t end = host_mono_ns() + 10 * SECOND;

    while (host_client_open(&stage->client, stage->database, why) != 0) {
        if (interrupted(stage))
            return fail(stage, stage->database, "interrupted");
        if (host_mono_ns() > end)
            return fail(stage, stage->database, why);
        nap();
    }
    stage->connected = true;
    return 0;
}

static const struct engine_message *next(struct measure_stage *stage)
{
    const struct engine_message *message;

    do {
        message = interrupted(stage) ? NULL
                                     : host_client_next(&stage->client,
                                                        RUN_TIMEOUT_S * SECOND);
    } while (message && message->kind == HOST_MSG_STARTED);
    return message;
}

/* The worker is there once a run of its workflow is not refused. */
static int wait_for_worker(struct measure_stage *stage)
{
    uint64_t end = host_mono_ns() + 10 * SECOND;

    for (;;) {
        if (start_one(stage, 0))
            return -1;
        const struct engine_message *message = next(stage);
        if (message && message->kind == HOST_MSG_RESULT)
            return 0;
        if (interrupted(stage))
            return fail(stage, stage->database, "interrupted");
        if (!message || host_mono_ns() > end)
            return fail(stage, stage->database,
                        "no worker came up within 10 s");
        nap();
    }
}

/* Together -----------------------------------------------------------------
 */

int measure_stage_open(struct measure_stage *stage,
                       const struct measure_stage_config *config)
{
    const struct measure_shape *shape = &config->shape;

    assert(shape->steps >= 1 && shape->steps <= MEASURE_STEPS_MAX);
    assert(
        shape->result_size <=
        (shape->form == MEASURE_GRAPH ? GRAPH_RESULT_MAX : MEASURE_RESULT_MAX));
    *stage = (struct measure_stage){.config = *config};
    snprintf(stage->dir, sizeof(stage->dir), "%.*s/perdure-bench-XXXXXX",
             MEASURE_PATH - 32, config->dir);
    if (!mkdtemp(stage->dir)) {
        stage->dir[0] = '\0';
        return fail(stage, config->dir, strerror(errno));
    }
    snprintf(stage->database, sizeof(stage->database), "%s/bench.db",
             stage->dir);
    snprintf(stage->observed, sizeof(stage->observed), "%s/bench.jsonl",
             stage->dir);
    stage->engine = fork_process(stage, "engine", drive);
    stage->worker = fork_process(stage, "worker", work);
    if (stage->engine < 0 || stage->worker < 0)
        return fail(stage, "fork", strerror(errno));
    if (connect_client(stage))
        return -1;
    return wait_for_worker(stage);
}

/* Takes the next run's end; its time since it was started goes to *took_ns. */
static int end_one(struct measure_stage *stage, const uint64_t *started,
                   uint32_t runs, uint64_t *took_ns)
{
    const struct engine_message *message = next(stage);

    if (!message)
        return fail(stage, stage->database,
                    interrupted(stage) ? "interrupted"
                                       : "no run ended within 60 s");
    if (message->kind != HOST_MSG_RESULT)
        return fail(stage, stage->database, "a run was refused");
    if (message->a != ENGINE_RUN_SUCCEEDED || message->token == 0 ||
        message->token > runs)
        return fail(stage, stage->database, "a run did not succeed");
    *took_ns = host_mono_ns() - started[message->token - 1];
    return 0;
}

int measure_stage_run(struct measure_stage *stage, uint32_t runs,
                      uint32_t in_flight, uint64_t *each, uint64_t *took_ns)
{
    uint64_t *started = calloc(runs + 1, sizeof(*started));
    uint32_t sent = 0;
    uint32_t ended = 0;
    int result = started ? 0 : fail(stage, "bench", "out of memory");
    uint64_t began = host_mono_ns();

    while (result == 0 && ended < runs) {
        uint64_t one;
        if (sent < runs && sent - ended < in_flight) {
            started[sent++] = host_mono_ns();
            result = start_one(stage, sent);
            continue;
        }
        result = end_one(stage, started, runs, &one);
        if (result == 0 && each)
            each[ended] = one;
        ended++;
    }
    *took_ns = host_mono_ns() - began;
    free(started);
    return result;
}

int measure_stage_close(struct measure_stage *stage)
{
    if (stage->connected)
        host_client_close(&stage->client);
    stage->connected = false;
    int worker =
        end_process(stage, &stage->worker, "worker", &stage->worker_cpu_ns);
    int engine =
        end_process(stage, &stage->engine, "engine", &stage->engine_cpu_ns);
    return worker || engine ? -1 : 0;
}

void measure_stage_remove(struct measure_stage *stage)
{
    static const char *const names[] = {
        "bench.db",         "bench.db-wal",  "bench.db-shm", "bench.db-lock",
        "bench.db-journal", "bench.db.sock", "bench.jsonl",  "bench.archive"};
    char path[2 * MEASURE_PATH];

    if (stage->connected)
        host_client_close(&stage->client);
    stage->connected = false;
    kill_process(&stage->worker);
    kill_process(&stage->engine);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && stage->dir[0];
         i++) {
        snprintf(path, sizeof(path), "%s/%s", stage->dir, names[i]);
        (void)unlink(path);
    }
    if (stage->dir[0])
        (void)rmdir(stage->dir);
    stage->dir[0] = '\0';
}
