/*
 * The engine as people run it: an engine process and a worker process on a
 * real database file with a sync for each group, driven by a client over the
 * socket. Ten no-op steps a run, one after the other, each durable before the
 * next begins: 64 runs in flight for the rate, 50 new runs a second for the
 * time one takes.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/control.h"
#include "engine/host/loop.h"
#include "engine/host/worker_main.h"
#include "engine/value.h"
#include "scenarios/steps.h"
#include "tests/bench/bench.h"

#define SECOND UINT64_C(1000000000)

enum {
    STEPS = 10,
    IN_FLIGHT = 64,
    RUNS = 10000,
    PACED_RUNS = 250,
    PACED_RATE = 50,
    PATH_SIZE = 128
};

/* How the ten steps are written. */
enum form {
    HANDLER,    /* a C function */
    DECLARED,   /* JSON, played by the worker as a handler */
    DISPATCHED, /* a graph: the coordinator hands out each step by itself */
    OPTIMISTIC  /* the C function; a result need not be durable before the next
                   step begins */
};

/* An engine and a worker, their database, and a client of theirs. */
struct stage {
    char dir[64];
    char database[PATH_SIZE];
    pid_t engine;
    pid_t worker;
    struct host_client client;
    double cpu_s; /* of both, once they have ended */
};

/* What one measurement found. */
struct found {
    double steps_per_second;
    double cpu_us_per_step;
    double p50_ms;
    double p99_ms;
};

static int noop(struct engine_attempt *a, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    (void)self;
    (void)input;
    *out = engine_attempt_text(a, "ok");
    return ENGINE_DONE;
}

static int ten_steps(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    static const struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT};

    for (int i = 0; i < STEPS; i++) {
        int flow = engine_step(c, "step", noop, self, input, &options, out);
        if (flow)
            return flow;
    }
    return ENGINE_DONE;
}

static void say(void *self, enum host_level level, const char *text)
{
    (void)level;
    fprintf(stderr, "bench: %s: %s\n", (const char *)self, text);
}

static pid_t fork_engine(const struct stage *stage)
{
    struct host_engine_config config = {
        .database = stage->database,
        .limits = engine_limits_find("aws"),
        .level = HOST_SAY_ERROR,
        .say = say,
        .self = "engine",
    };
    char error[HOST_ERROR_SIZE];
    pid_t pid = fork();

    if (pid == 0) {
        int result = host_engine_run(&config, error);
        if (result)
            fprintf(stderr, "bench: engine: %s\n", error);
        _exit(result ? 1 : 0);
    }
    return pid;
}

/* The same ten as a declared graph, one after the other: each is claimed,
 * reported and taken into the log by itself. */
static void end_at_once(void *self, struct host_worker *worker,
                        uint32_t workflow, const struct engine_execute *what,
                        const void *input, size_t size)
{
    unsigned char output[16];

    (void)self;
    (void)workflow;
    (void)input;
    (void)size;
    size_t span = engine_value_write(output, ENGINE_VALUE_INLINE, "ok", 2);
    host_worker_ended(worker, what->slot, what->part, ENGINE_ERR_NONE, false,
                      output, span);
}

static void never_abandoned(void *self, uint32_t slot, uint32_t part)
{
    (void)self;
    (void)slot;
    (void)part;
}

static struct engine_graph *chain(void)
{
    static const char *const names[STEPS] = {"1", "2", "3", "4", "5",
                                             "6", "7", "8", "9", "10"};
    static const char *const in[] = {"in"};
    static const char *const out[] = {"out"};
    struct engine_node nodes[STEPS];
    struct engine_edge_names edges[STEPS - 1];

    for (int i = 0; i < STEPS; i++) {
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
    return engine_graph_new("ten steps", nodes, STEPS, edges, STEPS - 1, NULL);
}

static void run_program(struct host_worker_config *config)
{
    static const char *const files[] = {"tests/bench/workflows/ten-steps.json"};
    static char self[] = "steps";
    const struct steps_config of = {.paths = files,
                                    .count = 1,
                                    .output_max = 1024,
                                    .say = say,
                                    .self = self};
    struct json_error wrong = {0};
    char error[HOST_ERROR_SIZE];
    struct steps *steps = steps_read(&of, &wrong);

    if (!steps)
        fprintf(stderr, "bench: %s\n", wrong.text);
    if (!steps)
        _exit(1);
    config->workflows = steps_workflows(steps, &config->workflow_count);
    config->executor = steps_executor(steps);
    int result = host_worker_run(config, error);
    if (result)
        fprintf(stderr, "bench: worker: %s\n", error);
    _exit(result ? 1 : 0);
}

static pid_t fork_dispatched(const struct stage *stage)
{
    const struct host_executor executor = {.begin = end_at_once,
                                           .abandon = never_abandoned};
    struct host_worker_config config = {
        .database = stage->database,
        .id = "bench",
        .slots = 2 * IN_FLIGHT,
        .executor = &executor,
        .workflow_count = 1,
        .level = HOST_SAY_ERROR,
        .say = say,
        .self = "worker",
    };
    char error[HOST_ERROR_SIZE];
    pid_t pid = fork();

    if (pid == 0) {
        struct host_workflow workflow = {.graph = chain()};
        config.workflows = &workflow;
        int result = host_worker_run(&config, error);
        if (result)
            fprintf(stderr, "bench: worker: %s\n", error);
        _exit(result ? 1 : 0);
    }
    return pid;
}

static pid_t fork_handlers(const struct stage *stage, enum form form)
{
    static const struct engine_handler handler = {"ten steps", ten_steps, NULL};
    struct host_worker_config config = {
        .database = stage->database,
        .id = "bench",
        .slots = 2 * IN_FLIGHT,
        .optimistic = form == OPTIMISTIC,
        .level = HOST_SAY_ERROR,
        .say = say,
        .self = "worker",
    };
    char error[HOST_ERROR_SIZE];
    pid_t pid = fork();

    if (pid == 0 && form == DECLARED)
        run_program(&config);
    if (pid == 0) {
        int result = host_handlers_run(&config, &handler, 1, error);
        if (result)
            fprintf(stderr, "bench: worker: %s\n", error);
        _exit(result ? 1 : 0);
    }
    return pid;
}

static uint64_t now(void)
{
    return host_mono_ns();
}

/* Tries for ten seconds; whatever has to come up, comes up. */
static void connect_client(struct stage *stage)
{
    char error[HOST_ERROR_SIZE];
    uint64_t end = now() + 10 * SECOND;

    while (host_client_open(&stage->client, stage->database, error) != 0) {
        if (now() > end)
            bench_fail(error);
        usleep(2000);
    }
}

static void start_one(struct stage *stage, uint64_t token)
{
    if (!host_client_start(&stage->client, token, 0, HOST_START_WAIT,
                           "ten steps", NULL, NULL, 0))
        bench_fail("the engine has gone");
}

/* The worker is there once a run of its workflow is not refused. */
static void wait_for_worker(struct stage *stage)
{
    uint64_t end = now() + 10 * SECOND;

    for (;;) {
        start_one(stage, 0);
        const struct engine_message *message;
        do {
            message = host_client_next(&stage->client, 5 * SECOND);
        } while (message && message->kind == HOST_MSG_STARTED);
        if (message && message->kind == HOST_MSG_RESULT)
            return;
        if (!message || now() > end)
            bench_fail("no worker came up");
        usleep(2000);
    }
}

static void open_stage(struct stage *stage, enum form form)
{
    *stage = (struct stage){.dir = "build/bench-XXXXXX"};
    if (!mkdtemp(stage->dir))
        bench_fail("no directory can be made in build/");
    snprintf(stage->database, sizeof(stage->database), "%s/bench.db",
             stage->dir);
    stage->engine = fork_engine(stage);
    stage->worker = form == DISPATCHED ? fork_dispatched(stage)
                                       : fork_handlers(stage, form);
    connect_client(stage);
    wait_for_worker(stage);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double end_process(pid_t pid)
{
    struct rusage usage = {0};
    int status = 0;

    kill(pid, SIGTERM);
    if (wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0)
        bench_fail("a process of the engine did not end well");
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

static void close_stage(struct stage *stage)
{
    char command[256];

    host_client_close(&stage->client);
    stage->cpu_s = (end_process(stage->worker) + end_process(stage->engine));
    snprintf(command, sizeof(command), "rm -rf '%s'", stage->dir);
    if (system(command) != 0)
        bench_fail("the directory of the database could not be removed");
}

/* The next result; NULL: none by the deadline. */
static const struct engine_message *next_result(struct stage *stage,
                                                uint64_t timeout_ns)
{
    for (;;) {
        const struct engine_message *message =
            host_client_next(&stage->client, timeout_ns);
        if (!message || message->kind == HOST_MSG_RESULT) {
            if (message && message->a != ENGINE_RUN_SUCCEEDED)
                bench_fail("a run did not succeed");
            return message;
        }
        if (message->kind != HOST_MSG_STARTED)
            bench_fail("a run was refused");
    }
}

static void measure_rate(struct found *found, enum form form)
{
    struct stage stage;
    uint64_t sent = 0;

    open_stage(&stage, form);
    uint64_t began = now();
    while (sent < IN_FLIGHT)
        start_one(&stage, ++sent);
    for (uint64_t ended = 0; ended < RUNS; ended++) {
        if (!next_result(&stage, 30 * SECOND))
            bench_fail("a run did not end within 30 s");
        if (sent < RUNS)
            start_one(&stage, ++sent);
    }
    double took = (double)(now() - began) / 1e9;
    close_stage(&stage);
    found->steps_per_second = (double)RUNS * STEPS / took;
    found->cpu_us_per_step = stage.cpu_s * 1e6 / ((double)RUNS * STEPS);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Counts from when a run was due, so that waiting is not left out. */
static void measure_latency(struct found *found)
{
    static uint64_t took[PACED_RUNS];
    struct stage stage;
    uint64_t sent = 0;
    uint64_t ended = 0;

    open_stage(&stage, HANDLER);
    uint64_t began = now() + SECOND / 10;
    while (ended < PACED_RUNS) {
        uint64_t due =
            sent < PACED_RUNS ? began + sent * SECOND / PACED_RATE : UINT64_MAX;
        uint64_t at = now();
        if (at >= due) {
            start_one(&stage, sent++);
            (void)host_peer_flush(&stage.client.peer);
            continue;
        }
        const struct engine_message *message =
            next_result(&stage, due == UINT64_MAX ? 30 * SECOND : due - at);
        if (message)
            took[ended++] =
                now() - (began + message->token * SECOND / PACED_RATE);
        else if (due == UINT64_MAX)
            bench_fail("a run did not end within 30 s");
    }
    close_stage(&stage);
    qsort(took, PACED_RUNS, sizeof(took[0]), compare);
    found->p50_ms = (double)took[PACED_RUNS / 2] / 1e6;
    found->p99_ms = (double)took[PACED_RUNS * 99 / 100] / 1e6;
}

struct asked {
    struct found *found;
    enum form form;
};

static double rate(void *arg)
{
    struct asked *asked = arg;
    measure_rate(asked->found, asked->form);
    return asked->found->steps_per_second;
}

static double cpu(void *arg)
{
    struct asked *asked = arg;
    measure_rate(asked->found, asked->form);
    return asked->found->cpu_us_per_step;
}

static double p50(void *arg)
{
    struct asked *asked = arg;
    measure_latency(asked->found);
    return asked->found->p50_ms;
}

static double p99(void *arg)
{
    struct asked *asked = arg;
    measure_latency(asked->found);
    return asked->found->p99_ms;
}

void bench_processes(struct bench *bench)
{
    static struct found found;
    static struct asked handler = {&found, HANDLER};
    static struct asked declared = {&found, DECLARED};
    static struct asked dispatched = {&found, DISPATCHED};
    static struct asked optimistic = {&found, OPTIMISTIC};
    static const struct bench_case cases[] = {
        {"processes: durable steps of handlers", "steps/s", BENCH_AT_LEAST,
         85000, rate, NULL, &handler},
        {"processes: CPU of one, engine and worker", "us", BENCH_AT_MOST, 15,
         cpu, NULL, &handler},
        {"processes: durable steps declared in JSON", "steps/s", BENCH_AT_LEAST,
         85000, rate, NULL, &declared},
        {"processes: CPU of one, engine and worker (JSON)", "us", BENCH_AT_MOST,
         15, cpu, NULL, &declared},
        {"processes: durable steps dispatched one by one", "steps/s",
         BENCH_NO_GOAL, 0, rate, NULL, &dispatched},
        {"processes: steps of optimistic handlers", "steps/s", BENCH_NO_GOAL, 0,
         rate, NULL, &optimistic},
        {"processes: p50 of a run of 10 steps at 50 a second", "ms",
         BENCH_AT_MOST, 4, p50, NULL, &handler},
        {"processes: p99 of a run of 10 steps at 50 a second", "ms",
         BENCH_AT_MOST, 8, p99, NULL, &handler},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        bench_case(bench, &cases[i]);
}
