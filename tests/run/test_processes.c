/*
 * The engine as people run it: an engine process, worker processes and the
 * commands of operators, on a real database file. The program is looked for
 * beside the test binary. Processes are killed for good, at moments that
 * differ from round to round; whatever happened, each run ends once and the
 * database is whole.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/host/control.h"
#include "engine/host/definition.h"
#include "engine/host/loop.h"
#include "engine/host/worker_main.h"
#include "engine/random.h"
#include "engine/replay.h"
#include "tests/support/stage.h"

#define SECOND UINT64_C(1000000000)

static const char two_steps[] =
    "{\"name\": \"two\", \"nodes\": ["
    "{\"name\": \"a\", \"side_effect\": \"idempotent\", \"timeout\": \"30s\","
    " \"retry\": {\"attempts\": 50, \"delay\": \"10ms\", \"jitter\": \"none\"},"
    " \"run\": {\"duration\": \"20ms\", \"output\": \"40B\"}},"
    "{\"name\": \"b\", \"side_effect\": \"idempotent\", \"timeout\": \"30s\","
    " \"retry\": {\"attempts\": 50, \"delay\": \"10ms\", \"jitter\": \"none\"},"
    " \"run\": {\"duration\": \"20ms\", \"output\": \"40B\"}}],"
    " \"edges\": [[\"a.out\", \"b.in\"]]}";

/* An engine and one worker that has the workflow. */
static void open_with(struct stage *s, const char *name, const char *text,
                      char file[STAGE_PATH_SIZE])
{
    stage_open(s);
    stage_file(s, name, text, file);
    stage_engine(s, "30s");
    stage_worker(s, 0, file);
    stage_wait_words(s, "w0.err", "ready");
}

/* Tests -------------------------------------------------------------------- */

Test(run_processes, a_run_is_executed_by_real_processes, .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    open_with(&s, "two.json", two_steps, file);
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "two", "--input", "hello",
                            "--wait", "--count", "20", "--json"),
                 0, "%s", s.complained);
    cr_expect_eq(stage_count(s.said, "\"succeeded\""), 20);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1", "--payload"), 0);
    cr_expect(stage_has(s.said, "\"hello\""), "%s", s.said);
    cr_expect_eq(stage_count(s.said, "run_succeeded"), 1);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1", "--type",
                            "op_scheduled", "--limit", "1", "--json"),
                 0);
    cr_expect_eq(stage_count(s.said, "op_scheduled"), 1);
    stage_expect_whole(&s);
    stage_close(&s);
}

Test(run_processes, one_key_is_one_run, .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    open_with(&s, "two.json", two_steps, file);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(STAGE_CALL(&s, "start", s.database, "two", "--id",
                                "order 7", "--wait"),
                     0, "%s", s.complained);
    cr_expect(stage_has(s.said, "1 succeeded"), "%s", s.said);
    cr_expect_eq(STAGE_CALL(&s, "ps", s.database, "--all", "--json"), 0);
    cr_expect_eq(stage_count(s.said, "\"run\""), 1, "%s", s.said);
    stage_close(&s);
}

Test(run_processes, killed_workers_and_engines_lose_nothing, .timeout = 300)
{
    enum {
        ROUNDS = 20,
        RUNS = 15
    };
    struct stage s;
    struct engine_stream chance;
    char file[STAGE_PATH_SIZE];
    char count[16];
    stage_open(&s);
    engine_stream_init(&chance, 7, "tests/kill", 0);
    stage_file(&s, "two.json", two_steps, file);
    snprintf(count, sizeof(count), "%d", RUNS);
    stage_engine(&s, "2s");
    for (int i = 0; i < 2; i++) {
        char words[16];
        snprintf(words, sizeof(words), "w%d.err", i);
        stage_worker(&s, i, file);
        stage_wait_words(&s, words, "ready");
    }
    uint32_t started = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        pid_t starting =
            stage_launch(&s, "start",
                         (const char *const[]){"start", s.database, "two",
                                               "--count", count, NULL});
        usleep((useconds_t)engine_random_scale(
            engine_stream_u64(&chance, 2 * round), 60000));
        uint64_t victim =
            engine_random_scale(engine_stream_u64(&chance, 2 * round + 1), 3);
        if (victim < 2) {
            stage_kill(&s.workers[victim], SIGKILL, -SIGKILL);
            stage_worker(&s, (int)victim, file);
        } else {
            stage_kill(&s.engine, SIGKILL, -SIGKILL);
            stage_engine(&s, "2s");
        }
        int code = stage_reap(starting);
        cr_assert(code == 0 || code == 6, "start ended with %d", code);
        started++;
    }
    stage_wait_ended(&s);
    cr_assert_eq(STAGE_CALL(&s, "ps", s.database, "--all", "--json", "--limit",
                            "100000"),
                 0);
    int runs = stage_count(s.said, "\"run\"");
    cr_expect_geq(runs, (int)(started * RUNS / 2), "%d runs", runs);
    cr_expect_eq(stage_count(s.said, "\"succeeded\""), runs, "%s", s.said);
    stage_expect_whole(&s);
    stage_kill(&s.engine, SIGTERM, 0);
    stage_expect_whole(&s);
    stage_close(&s);
}

Test(run_processes, an_attempt_outlives_its_engine_and_is_reported,
     .timeout = 120)
{
    static const char slow[] =
        "{\"name\": \"slow\", \"nodes\": [{\"name\": \"long\","
        " \"side_effect\": \"irreversible\", \"timeout\": \"60s\","
        " \"run\": {\"duration\": \"1500ms\"}}]}";
    struct stage s;
    char file[STAGE_PATH_SIZE];
    open_with(&s, "slow.json", slow, file);
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "slow"), 0, "%s",
                 s.complained);
    usleep(300000);
    stage_kill(&s.engine, SIGKILL, -SIGKILL);
    usleep(200000);
    stage_engine(&s, "30s");
    stage_wait_ended(&s);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1"), 0);
    /* It would be ambiguous if anybody had taken it for lost. */
    cr_expect_eq(stage_count(s.said, "op_scheduled"), 1, "%s", s.said);
    cr_expect(stage_has(s.said, "run_succeeded"), "%s", s.said);
    stage_close(&s);
}

Test(run_processes, a_second_engine_or_worker_is_told_of_the_first,
     .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char pid[32];
    open_with(&s, "two.json", two_steps, file);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database), 6);
    snprintf(pid, sizeof(pid), "process %ld", (long)s.engine);
    cr_expect(stage_has(s.complained, pid), "%s", s.complained);
    cr_expect_eq(
        STAGE_CALL(&s, "worker", s.database, "--id", "w0", "--workflow", file),
        6);
    cr_expect(stage_has(s.complained, "\"w0\" is connected already"), "%s",
              s.complained);
    /* The first ones have not noticed. */
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "two", "--wait"), 0);
    stage_close(&s);
}

Test(run_processes, steps_run_programs_of_the_user, .timeout = 120)
{
    static const char commands[] =
        "{\"name\": \"words\", \"nodes\": ["
        "{\"name\": \"upper\", \"side_effect\": \"read_only\","
        " \"run\": {\"command\": [\"tr\", \"a-z\", \"A-Z\"]}},"
        "{\"name\": \"tell\", \"side_effect\": \"read_only\","
        " \"run\": {\"command\": [\"sh\", \"-c\","
        " \"cat; echo \\\" $PERDURE_RUN $PERDURE_STEP $PERDURE_ATTEMPT\\\"\"]}"
        "}], \"edges\": [[\"upper.out\", \"tell.in\"]]}";
    static const char failing[] =
        "{\"name\": \"failing\", \"nodes\": ["
        "{\"name\": \"again\", \"side_effect\": \"read_only\","
        " \"retry\": {\"attempts\": 3, \"delay\": \"10ms\"},"
        " \"run\": {\"command\": [\"sh\", \"-c\", \"exit 75\"]}}]}";
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char other[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "words.json", commands, file);
    stage_file(&s, "failing.json", failing, other);
    stage_engine(&s, "30s");
    stage_worker(&s, 0, file);
    stage_worker(&s, 1, other);
    stage_wait_words(&s, "w0.err", "ready");
    stage_wait_words(&s, "w1.err", "ready");
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "words", "--input",
                            "durable", "--wait"),
                 0, "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1", "--payload"), 0);
    cr_expect(stage_has(s.said, "\"DURABLE 1 tell 1\\n\""), "%s", s.said);
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "failing", "--wait"), 3);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "2"), 0);
    cr_expect_eq(stage_count(s.said, "attempt_failed"), 3, "%s", s.said);
    stage_close(&s);
}

Test(run_processes, operators_act_with_an_engine_and_without, .timeout = 120)
{
    static const char waiting[] =
        "{\"name\": \"waiting\", \"nodes\": [{\"name\": \"long\","
        " \"type\": \"wait\", \"wait\": \"1h\"}]}";
    struct stage s;
    char file[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "waiting.json", waiting, file);
    stage_engine(&s, "2s");
    stage_worker(&s, 0, file);
    stage_wait_words(&s, "w0.err", "ready");
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "waiting", "--count", "3"),
                 0, "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "cancel", s.database, "1", "--reason",
                            "not wanted", "--actor", "ada"),
                 0, "%s", s.complained);
    stage_kill(&s.engine, SIGTERM, 0);
    cr_expect_eq(STAGE_CALL(&s, "stop", s.database, "2"), 2);
    cr_expect(stage_has(s.complained, "no --reason"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "stop", s.database, "2", "--reason", "late",
                            "--actor", "bob"),
                 0, "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "cancel", s.database, "77"), 2);
    cr_expect(stage_has(s.complained, "no run 77"), "%s", s.complained);
    stage_engine(&s, "2s");
    cr_expect_eq(STAGE_CALL(&s, "cancel", s.database, "3", "--id", "k"), 0);
    stage_wait_ended(&s);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "1"), 0);
    cr_expect(stage_has(s.said, "by \"ada\", because \"not wanted\""), "%s",
              s.said);
    cr_expect_eq(STAGE_CALL(&s, "events", s.database, "2"), 0);
    cr_expect(stage_has(s.said, "by \"bob\", because \"late\""), "%s", s.said);
    cr_expect(stage_has(s.said, "run_stopped"), "%s", s.said);
    cr_expect_eq(STAGE_CALL(&s, "cancel", s.database, "3"), 2);
    cr_expect(stage_has(s.complained, "has ended"), "%s", s.complained);
    stage_expect_whole(&s);
    stage_close(&s);
}

/* Asks for run 1 until the answer shows this. */
static void wait_for(struct stage *s, const char *command, const char *words)
{
    for (int i = 0; i < 10 * STAGE_PATIENCE_S; i++) {
        cr_assert_eq(STAGE_CALL(s, command, s->database, "1"), 0, "%s",
                     s->complained);
        if (stage_has(s->said, words))
            return;
        usleep(100000);
    }
    cr_assert_fail("%s", s->said);
}

Test(run_processes, of_several_blocked_steps_an_operator_names_one,
     .timeout = 120)
{
    static const char pays[] =
        "{\"name\": \"pays\", \"nodes\": ["
        "{\"name\": \"rent\", \"side_effect\": \"irreversible\","
        " \"run\": {\"duration\": \"50s\"}},"
        "{\"name\": \"tax\", \"side_effect\": \"irreversible\","
        " \"run\": {\"duration\": \"50s\"}}]}";
    struct stage s;
    char file[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "pays.json", pays, file);
    stage_engine(&s, "2s");
    stage_worker(&s, 0, file);
    stage_wait_words(&s, "w0.err", "ready");
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "pays"), 0, "%s",
                 s.complained);
    usleep(700000);
    stage_kill(&s.workers[0], SIGKILL, -SIGKILL);
    wait_for(&s, "ps", "blocked");
    cr_expect_eq(STAGE_CALL(&s, "skip", s.database, "1", "--reason", "paid",
                            "--value", "1"),
                 2);
    cr_expect(stage_has(s.complained, "at 2 steps"), "%s", s.complained);
    cr_expect(stage_has(s.complained, "--op 0 (rent), --op 1 (tax)"), "%s",
              s.complained);
    cr_expect_eq(STAGE_CALL(&s, "skip", s.database, "1", "--reason", "paid",
                            "--value", "1", "--op", "1"),
                 0, "%s", s.complained);
    wait_for(&s, "events", "op_succeeded");
    /* The other one is clear. */
    cr_expect_eq(STAGE_CALL(&s, "skip", s.database, "1", "--reason", "paid",
                            "--value", "2"),
                 0, "%s", s.complained);
    stage_wait_ended(&s);
    cr_expect_eq(STAGE_CALL(&s, "ps", s.database, "1"), 0);
    cr_expect(stage_has(s.said, "succeeded"), "%s", s.said);
    stage_close(&s);
}

Test(run_processes, a_peer_that_sends_rubbish_is_cut_off_alone, .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char path[108];
    char error[HOST_ERROR_SIZE];
    unsigned char rubbish[512];
    open_with(&s, "two.json", two_steps, file);
    cr_assert_eq(host_socket_path(s.database, path, error), 0);
    struct engine_stream chance;
    engine_stream_init(&chance, 3, "tests/rubbish", 0);
    for (uint64_t round = 0; round < 50; round++) {
        int fd = host_socket_connect(path);
        cr_assert_geq(fd, 0);
        for (size_t i = 0; i < sizeof(rubbish); i++)
            rubbish[i] = (unsigned char)engine_stream_u64(
                &chance, round * sizeof(rubbish) + i);
        if (round % 2) {
            /* A head that looks right, of every kind there is. */
            struct engine_message head = {.size = sizeof(rubbish)};
            head.kind = (uint16_t)(round % 4 == 1 ? HOST_MSG_FIRST + round / 4
                                                  : 1 + round / 4);
            memcpy(rubbish, &head, sizeof(head));
        }
        (void)!write(fd, rubbish, sizeof(rubbish));
        close(fd);
    }
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "two", "--wait"), 0, "%s",
                 s.complained);
    stage_expect_whole(&s);
    stage_close(&s);
}

/* Runs handlers of the test's own in a process. */
static pid_t fork_handler(const struct stage *s, struct engine_handler handler)
{
    struct host_worker_config config = {.database = s->database, .id = "own"};
    char error[HOST_ERROR_SIZE];
    pid_t pid = fork();
    if (pid == 0)
        _exit(host_handlers_run(&config, &handler, 1, error) ? 1 : 0);
    cr_assert_gt(pid, 0);
    return pid;
}

static int suspend_for_good(struct engine_attempt *a, void *self,
                            struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    engine_attempt_tag(a, 1);
    return ENGINE_SUSPENDED;
}

static int leave_to_nobody(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "left", suspend_for_good, NULL, input, NULL, out);
}

Test(run_processes, a_step_left_to_nobody_fails_its_run_and_not_its_worker,
     .timeout = 120)
{
    struct stage s;
    stage_open(&s);
    stage_engine(&s, "30s");
    s.workers[0] = fork_handler(
        &s, (struct engine_handler){"leave", leave_to_nobody, NULL});
    stage_wait_words(&s, "engine.err", "has come");
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "leave", "--wait"), 3);
    cr_expect_eq(STAGE_CALL(&s, "ps", s.database, "1"), 0);
    cr_expect(stage_has(s.said, "validation: the worker has nobody"), "%s",
              s.said);
    stage_close(&s);
}

static int give_most(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    const size_t *size = self;
    void *bytes = engine_context_memory(c, *size);
    (void)input;
    cr_assert(bytes);
    memset(bytes, 'x', *size);
    *out = (struct engine_bytes){bytes, *size};
    return ENGINE_DONE;
}

Test(run_processes, the_largest_result_of_the_profile_reaches_the_log,
     .timeout = 240)
{
    size_t size = engine_limits_find("aws")->result_max;
    struct stage s;
    stage_open(&s);
    stage_engine(&s, "30s");
    s.workers[0] =
        fork_handler(&s, (struct engine_handler){"most", give_most, &size});
    stage_wait_words(&s, "engine.err", "has come");
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "most", "--wait"), 0, "%s",
                 s.complained);
    stage_close(&s);
}

Test(run_processes, an_engine_whose_database_was_replaced_ends_with_words,
     .timeout = 120)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char moved[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "two.json", two_steps, file);
    stage_path(&s, "moved.db", moved);
    stage_engine(&s, "30s");
    stage_worker(&s, 0, file);
    stage_wait_words(&s, "w0.err", "ready");
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "two", "--wait"), 0);
    cr_assert_eq(rename(s.database, moved), 0);
    stage_write(s.database, "another file");
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "two"), 6);
    cr_expect_eq(stage_reap(s.engine), 6);
    s.engine = 0;
    stage_wait_words(&s, "engine.err", "moved or replaced");
    cr_assert_eq(rename(moved, s.database), 0);
    stage_engine(&s, "30s");
    cr_expect_eq(STAGE_CALL(&s, "start", s.database, "two", "--wait"), 0);
    stage_wait_ended(&s);
    stage_expect_whole(&s);
    stage_close(&s);
}

Test(run_processes, a_file_that_may_not_grow_ends_no_engine, .timeout = 120)
{
    const struct rlimit small = {1 << 19, RLIM_INFINITY};
    const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};
    struct stage s;
    char file[STAGE_PATH_SIZE];
    open_with(&s, "two.json", two_steps, file);
    cr_assert_eq(prlimit(s.engine, RLIMIT_FSIZE, &small, NULL), 0);
    (void)STAGE_CALL(&s, "start", s.database, "two", "--count", "2000");
    stage_wait_words(&s, "engine.err", "will be tried again");
    cr_assert_eq(prlimit(s.engine, RLIMIT_FSIZE, &any, NULL), 0);
    stage_wait_ended(&s);
    stage_expect_whole(&s);
    stage_close(&s);
}

Test(run_processes, bad_files_are_refused_with_words, .timeout = 120)
{
    struct stage s;
    char path[STAGE_PATH_SIZE];
    char deep[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "text.db", path);
    stage_write(path,
                "this is no database, though it is long enough to be read "
                "as the head of one: one hundred bytes are needed for it");
    cr_expect_eq(STAGE_CALL(&s, "engine", path), 6);
    cr_expect(stage_has(s.complained, "text.db"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "ps", path), 6);
    cr_expect_eq(STAGE_CALL(&s, "start", path, "two"), 6);
    cr_expect(stage_has(s.complained, "no engine is running"), "%s",
              s.complained);
    snprintf(deep, sizeof(deep), "%s/%0150d.db", s.dir, 1);
    cr_expect_eq(STAGE_CALL(&s, "engine", deep), 6);
    cr_expect(stage_has(s.complained, "address"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "worker", s.database), 2);
    cr_expect_eq(STAGE_CALL(&s, "engine", s.database, "--lease", "1ms"), 2);
    cr_expect(stage_has(s.complained, "allowed 1s"), "%s", s.complained);
    stage_close(&s);
}

Test(host_definition, a_graph_is_the_same_after_writing_and_reading)
{
    const char *const two[] = {"left", "right"};
    const char *const one[] = {"out"};
    const struct engine_node nodes[] = {
        {.name = "a",
         .kind = ENGINE_NODE_STEP,
         .attempt_timeout_ns = 7,
         .side_effect = ENGINE_EFFECT_IDEMPOTENT,
         .semantics = ENGINE_AT_MOST_ONCE,
         .retry = {.attempts_max = 3,
                   .factor_milli = 1500,
                   .delay_ns = 11,
                   .delay_max_ns = 13,
                   .jitter = ENGINE_JITTER_HALF},
         .outputs = two,
         .output_count = 2},
        {.name = "b",
         .kind = ENGINE_NODE_WAIT,
         .wait_ns = SECOND,
         .inputs = two,
         .input_count = 2,
         .outputs = one,
         .output_count = 1},
    };
    const struct engine_edge_names edges[] = {{"a", "left", "b", "right"},
                                              {"a", "right", "b", "left"}};
    struct engine_graph *graph =
        engine_graph_new("g", nodes, 2, edges, 2, NULL);
    struct engine_block block;
    const void *bytes;
    size_t size;
    cr_assert(graph);
    engine_graph_set_timeout(graph, 99);
    engine_block_init(&block);
    cr_assert_eq(host_definition_write(&block, graph, &bytes, &size), 0);
    struct engine_graph *again = host_definition_read(bytes, size);
    cr_assert(again);
    cr_expect_eq(engine_graph_digest(again).lo, engine_graph_digest(graph).lo);
    cr_expect_eq(engine_graph_timeout(again), 99);
    engine_graph_free(again);
    /* Cut anywhere, or with any byte changed, it is refused. */
    unsigned char *copy = malloc(size);
    for (size_t cut = 0; cut < size; cut++)
        cr_expect_null(host_definition_read(bytes, cut), "cut at %zu", cut);
    for (size_t at = 0; at < size; at++) {
        memcpy(copy, bytes, size);
        copy[at] ^= 0x41;
        again = host_definition_read(copy, size);
        cr_expect_null(again, "changed at %zu", at);
        engine_graph_free(again);
    }
    free(copy);
    engine_block_free(&block);
    engine_graph_free(graph);
}
