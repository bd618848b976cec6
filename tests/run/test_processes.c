/*
 * The engine as people run it: an engine process, worker processes and the
 * commands of operators, on a real database file. The program is looked for
 * beside the test binary. Processes are killed for good, at moments that
 * differ from round to round; whatever happened, each run ends once and the
 * database is whole.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/host/control.h"
#include "engine/host/definition.h"
#include "engine/host/loop.h"
#include "engine/host/worker_main.h"
#include "engine/random.h"
#include "engine/replay.h"

#define SECOND UINT64_C(1000000000)

enum {
    ARGS_MAX = 24,
    PATH_SIZE = 512,
    PATIENCE_S = 60
};

struct stage {
    char dir[64];
    char program[PATH_SIZE];
    char database[PATH_SIZE];
    char *said;
    char *complained;
    pid_t engine;
    pid_t workers[4];
};

/* The stage ---------------------------------------------------------------- */

static void path_in(const struct stage *s, const char *name,
                    char path[PATH_SIZE])
{
    cr_assert_lt(snprintf(path, PATH_SIZE, "%s/%s", s->dir, name), PATH_SIZE);
}

static char *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s: %s", path, strerror(errno));
    char *text = calloc(1, 1 << 20);
    cr_assert_lt(fread(text, 1, (1 << 20) - 1, file), (1 << 20) - 1);
    fclose(file);
    return text;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

static void stage_open(struct stage *s)
{
    char path[PATH_MAX];
    memset(s, 0, sizeof(*s));
    snprintf(s->dir, sizeof(s->dir), "/tmp/perdure-run-XXXXXX");
    cr_assert(mkdtemp(s->dir));
    path_in(s, "runs.db", s->database);
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    cr_assert_gt(size, 0);
    path[size] = '\0';
    *strrchr(path, '/') = '\0';
    int room = (int)sizeof(s->program);
    cr_assert_lt(snprintf(s->program, (size_t)room, "%s/perdure", path), room);
    cr_assert_eq(access(s->program, X_OK), 0, "%s: build it first", s->program);
}

static pid_t launch(const struct stage *s, const char *out,
                    const char *const *args)
{
    const char *argv[ARGS_MAX] = {s->program};
    char said[PATH_SIZE];
    char complained[PATH_SIZE];
    posix_spawn_file_actions_t actions;
    pid_t pid;
    for (int i = 0; args[i]; i++) {
        cr_assert_lt(i + 2, ARGS_MAX);
        argv[i + 1] = args[i];
    }
    snprintf(said, sizeof(said), "%s/%s.out", s->dir, out);
    snprintf(complained, sizeof(complained), "%s/%s.err", s->dir, out);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                     O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, said,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, complained,
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    int error = posix_spawn(&pid, s->program, &actions, NULL,
                            (char *const *)(uintptr_t)argv, environ);
    cr_assert_eq(error, 0, "%s: %s", s->program, strerror(error));
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* Waits; the exit code, or minus the signal. Kills what takes too long. */
static int reap(pid_t pid)
{
    int status;
    for (int i = 0; i < PATIENCE_S * 200; i++) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        cr_assert_geq(got, 0);
        if (got == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        usleep(5000);
    }
    kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    return -SIGALRM;
}

/* Runs a command to its end; what it printed is in said and complained. */
static int call(struct stage *s, const char *const *args)
{
    char path[PATH_SIZE];
    path_in(s, "call.err", path);
    (void)unlink(path);
    int code = reap(launch(s, "call", args));
    free(s->said);
    free(s->complained);
    s->complained = slurp(path);
    path_in(s, "call.out", path);
    s->said = slurp(path);
    return code;
}

#define CALL(s, ...) call((s), (const char *const[]){__VA_ARGS__, NULL})

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* Waits until a file of words has this in it. */
static void wait_words(const struct stage *s, const char *name,
                       const char *words)
{
    char path[PATH_SIZE];
    path_in(s, name, path);
    for (int i = 0; i < PATIENCE_S * 200; i++) {
        char *text = access(path, R_OK) == 0 ? slurp(path) : NULL;
        bool there = text && has(text, words);
        free(text);
        if (there)
            return;
        usleep(5000);
    }
    cr_assert_fail("%s never said \"%s\"", name, words);
}

static void start_engine(struct stage *s, const char *lease)
{
    char path[PATH_SIZE];
    path_in(s, "engine.err", path);
    (void)unlink(path);
    s->engine = launch(
        s, "engine",
        (const char *const[]){"engine", s->database, "--lease", lease, NULL});
    wait_words(s, "engine.err", "ready");
}

static void start_worker(struct stage *s, int i, const char *workflow)
{
    char id[16];
    char words[24];
    snprintf(id, sizeof(id), "w%d", i);
    snprintf(words, sizeof(words), "%s.err", id);
    char path[PATH_SIZE];
    path_in(s, words, path);
    (void)unlink(path);
    s->workers[i] =
        launch(s, id,
               (const char *const[]){"worker", s->database, "--id", id,
                                     "--workflow", workflow, NULL});
}

static void end_process(pid_t *pid, int number, int expected)
{
    if (*pid == 0)
        return;
    kill(*pid, number);
    cr_expect_eq(reap(*pid), expected);
    *pid = 0;
}

static void stage_close(struct stage *s)
{
    char command[PATH_SIZE];
    for (int i = 0; i < 4; i++)
        end_process(&s->workers[i], SIGTERM, 0);
    end_process(&s->engine, SIGTERM, 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
    cr_expect_eq(system(command), 0);
    free(s->said);
    free(s->complained);
}

/* How many lines of what was said have this in them. */
static int count_lines(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

/* Polls until no run is left that has not ended. */
static void wait_all_ended(struct stage *s)
{
    for (int i = 0; i < PATIENCE_S * 10; i++) {
        cr_assert_eq(CALL(s, "ps", s->database, "--json"), 0, "%s",
                     s->complained);
        if (s->said[0] == '\0')
            return;
        usleep(100000);
    }
    cr_assert_fail("runs are left:\n%s", s->said);
}

static void expect_whole(struct stage *s)
{
    cr_expect_eq(CALL(s, "verify", s->database), 0, "%s%s", s->said,
                 s->complained);
}

static void workflow_file(const struct stage *s, const char *name,
                          const char *text, char path[PATH_SIZE])
{
    path_in(s, name, path);
    write_file(path, text);
}

static const char two_steps[] =
    "{\"name\": \"two\", \"nodes\": ["
    "{\"name\": \"a\", \"side_effect\": \"idempotent\", \"timeout\": \"30s\","
    " \"retry\": {\"attempts\": 50, \"delay\": \"10ms\", \"jitter\": \"none\"},"
    " \"run\": {\"duration\": \"20ms\", \"output\": \"40B\"}},"
    "{\"name\": \"b\", \"side_effect\": \"idempotent\", \"timeout\": \"30s\","
    " \"retry\": {\"attempts\": 50, \"delay\": \"10ms\", \"jitter\": \"none\"},"
    " \"run\": {\"duration\": \"20ms\", \"output\": \"40B\"}}],"
    " \"edges\": [[\"a.out\", \"b.in\"]]}";

/* Tests -------------------------------------------------------------------- */

Test(run_processes, a_run_is_executed_by_real_processes, .timeout = 120)
{
    struct stage s;
    char file[PATH_SIZE];
    stage_open(&s);
    workflow_file(&s, "two.json", two_steps, file);
    start_engine(&s, "30s");
    start_worker(&s, 0, file);
    wait_words(&s, "w0.err", "ready");
    cr_assert_eq(CALL(&s, "start", s.database, "two", "--input", "hello",
                      "--wait", "--count", "20", "--json"),
                 0, "%s", s.complained);
    cr_expect_eq(count_lines(s.said, "\"succeeded\""), 20);
    cr_expect_eq(CALL(&s, "events", s.database, "1", "--payload"), 0);
    cr_expect(has(s.said, "\"hello\""), "%s", s.said);
    cr_expect_eq(count_lines(s.said, "run_succeeded"), 1);
    cr_expect_eq(CALL(&s, "events", s.database, "1", "--type", "op_scheduled",
                      "--limit", "1", "--json"),
                 0);
    cr_expect_eq(count_lines(s.said, "op_scheduled"), 1);
    expect_whole(&s);
    stage_close(&s);
}

Test(run_processes, one_key_is_one_run, .timeout = 120)
{
    struct stage s;
    char file[PATH_SIZE];
    stage_open(&s);
    workflow_file(&s, "two.json", two_steps, file);
    start_engine(&s, "30s");
    start_worker(&s, 0, file);
    wait_words(&s, "w0.err", "ready");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(
            CALL(&s, "start", s.database, "two", "--id", "order 7", "--wait"),
            0, "%s", s.complained);
    cr_expect(has(s.said, "1 succeeded"), "%s", s.said);
    cr_expect_eq(CALL(&s, "ps", s.database, "--all", "--json"), 0);
    cr_expect_eq(count_lines(s.said, "\"run\""), 1, "%s", s.said);
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
    char file[PATH_SIZE];
    char count[16];
    stage_open(&s);
    engine_stream_init(&chance, 7, "tests/kill", 0);
    workflow_file(&s, "two.json", two_steps, file);
    snprintf(count, sizeof(count), "%d", RUNS);
    start_engine(&s, "2s");
    for (int i = 0; i < 2; i++) {
        char words[16];
        snprintf(words, sizeof(words), "w%d.err", i);
        start_worker(&s, i, file);
        wait_words(&s, words, "ready");
    }
    uint32_t started = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        pid_t starting =
            launch(&s, "start",
                   (const char *const[]){"start", s.database, "two", "--count",
                                         count, NULL});
        usleep((useconds_t)engine_random_scale(
            engine_stream_u64(&chance, 2 * round), 60000));
        uint64_t victim =
            engine_random_scale(engine_stream_u64(&chance, 2 * round + 1), 3);
        if (victim < 2) {
            end_process(&s.workers[victim], SIGKILL, -SIGKILL);
            start_worker(&s, (int)victim, file);
        } else {
            end_process(&s.engine, SIGKILL, -SIGKILL);
            start_engine(&s, "2s");
        }
        int code = reap(starting);
        cr_assert(code == 0 || code == 6, "start ended with %d", code);
        started++;
    }
    wait_all_ended(&s);
    cr_assert_eq(
        CALL(&s, "ps", s.database, "--all", "--json", "--limit", "100000"), 0);
    int runs = count_lines(s.said, "\"run\"");
    cr_expect_geq(runs, (int)(started * RUNS / 2), "%d runs", runs);
    cr_expect_eq(count_lines(s.said, "\"succeeded\""), runs, "%s", s.said);
    expect_whole(&s);
    end_process(&s.engine, SIGTERM, 0);
    expect_whole(&s);
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
    char file[PATH_SIZE];
    stage_open(&s);
    workflow_file(&s, "slow.json", slow, file);
    start_engine(&s, "30s");
    start_worker(&s, 0, file);
    wait_words(&s, "w0.err", "ready");
    cr_assert_eq(CALL(&s, "start", s.database, "slow"), 0, "%s", s.complained);
    usleep(300000);
    end_process(&s.engine, SIGKILL, -SIGKILL);
    usleep(200000);
    start_engine(&s, "30s");
    wait_all_ended(&s);
    cr_expect_eq(CALL(&s, "events", s.database, "1"), 0);
    /* It would be ambiguous if anybody had taken it for lost. */
    cr_expect_eq(count_lines(s.said, "op_scheduled"), 1, "%s", s.said);
    cr_expect(has(s.said, "run_succeeded"), "%s", s.said);
    stage_close(&s);
}

Test(run_processes, a_second_engine_or_worker_is_told_of_the_first,
     .timeout = 120)
{
    struct stage s;
    char file[PATH_SIZE];
    char pid[32];
    stage_open(&s);
    workflow_file(&s, "two.json", two_steps, file);
    start_engine(&s, "30s");
    start_worker(&s, 0, file);
    wait_words(&s, "w0.err", "ready");
    cr_expect_eq(CALL(&s, "engine", s.database), 6);
    snprintf(pid, sizeof(pid), "process %ld", (long)s.engine);
    cr_expect(has(s.complained, pid), "%s", s.complained);
    cr_expect_eq(
        CALL(&s, "worker", s.database, "--id", "w0", "--workflow", file), 6);
    cr_expect(has(s.complained, "\"w0\" is connected already"), "%s",
              s.complained);
    /* The first ones have not noticed. */
    cr_expect_eq(CALL(&s, "start", s.database, "two", "--wait"), 0);
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
    char file[PATH_SIZE];
    char other[PATH_SIZE];
    stage_open(&s);
    workflow_file(&s, "words.json", commands, file);
    workflow_file(&s, "failing.json", failing, other);
    start_engine(&s, "30s");
    start_worker(&s, 0, file);
    start_worker(&s, 1, other);
    wait_words(&s, "w0.err", "ready");
    wait_words(&s, "w1.err", "ready");
    cr_assert_eq(
        CALL(&s, "start", s.database, "words", "--input", "durable", "--wait"),
        0, "%s", s.complained);
    cr_expect_eq(CALL(&s, "events", s.database, "1", "--payload"), 0);
    cr_expect(has(s.said, "\"DURABLE 1 tell 1\\n\""), "%s", s.said);
    cr_expect_eq(CALL(&s, "start", s.database, "failing", "--wait"), 3);
    cr_expect_eq(CALL(&s, "events", s.database, "2"), 0);
    cr_expect_eq(count_lines(s.said, "attempt_failed"), 3, "%s", s.said);
    stage_close(&s);
}

Test(run_processes, operators_act_with_an_engine_and_without, .timeout = 120)
{
    static const char waiting[] =
        "{\"name\": \"waiting\", \"nodes\": [{\"name\": \"long\","
        " \"type\": \"wait\", \"wait\": \"1h\"}]}";
    struct stage s;
    char file[PATH_SIZE];
    stage_open(&s);
    workflow_file(&s, "waiting.json", waiting, file);
    start_engine(&s, "2s");
    start_worker(&s, 0, file);
    wait_words(&s, "w0.err", "ready");
    cr_assert_eq(CALL(&s, "start", s.database, "waiting", "--count", "3"), 0,
                 "%s", s.complained);
    cr_expect_eq(CALL(&s, "cancel", s.database, "1", "--reason", "not wanted",
                      "--actor", "ada"),
                 0, "%s", s.complained);
    end_process(&s.engine, SIGTERM, 0);
    cr_expect_eq(CALL(&s, "stop", s.database, "2"), 2);
    cr_expect(has(s.complained, "no --reason"), "%s", s.complained);
    cr_expect_eq(
        CALL(&s, "stop", s.database, "2", "--reason", "late", "--actor", "bob"),
        0, "%s", s.complained);
    cr_expect_eq(CALL(&s, "cancel", s.database, "77"), 2);
    cr_expect(has(s.complained, "no run 77"), "%s", s.complained);
    start_engine(&s, "2s");
    cr_expect_eq(CALL(&s, "cancel", s.database, "3", "--id", "k"), 0);
    wait_all_ended(&s);
    cr_expect_eq(CALL(&s, "events", s.database, "1"), 0);
    cr_expect(has(s.said, "by \"ada\", because \"not wanted\""), "%s", s.said);
    cr_expect_eq(CALL(&s, "events", s.database, "2"), 0);
    cr_expect(has(s.said, "by \"bob\", because \"late\""), "%s", s.said);
    cr_expect(has(s.said, "run_stopped"), "%s", s.said);
    cr_expect_eq(CALL(&s, "cancel", s.database, "3"), 2);
    cr_expect(has(s.complained, "has ended"), "%s", s.complained);
    expect_whole(&s);
    stage_close(&s);
}

Test(run_processes, a_peer_that_sends_rubbish_is_cut_off_alone, .timeout = 120)
{
    struct stage s;
    char file[PATH_SIZE];
    char path[108];
    char error[HOST_ERROR_SIZE];
    unsigned char rubbish[512];
    stage_open(&s);
    workflow_file(&s, "two.json", two_steps, file);
    start_engine(&s, "30s");
    start_worker(&s, 0, file);
    wait_words(&s, "w0.err", "ready");
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
    cr_expect_eq(CALL(&s, "start", s.database, "two", "--wait"), 0, "%s",
                 s.complained);
    expect_whole(&s);
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
    start_engine(&s, "30s");
    s.workers[0] = fork_handler(
        &s, (struct engine_handler){"leave", leave_to_nobody, NULL});
    wait_words(&s, "engine.err", "has come");
    cr_expect_eq(CALL(&s, "start", s.database, "leave", "--wait"), 3);
    cr_expect_eq(CALL(&s, "ps", s.database, "1"), 0);
    cr_expect(has(s.said, "validation: the worker has nobody"), "%s", s.said);
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
    start_engine(&s, "30s");
    s.workers[0] =
        fork_handler(&s, (struct engine_handler){"most", give_most, &size});
    wait_words(&s, "engine.err", "has come");
    cr_expect_eq(CALL(&s, "start", s.database, "most", "--wait"), 0, "%s",
                 s.complained);
    stage_close(&s);
}

Test(run_processes, an_engine_whose_database_was_replaced_ends_with_words,
     .timeout = 120)
{
    struct stage s;
    char file[PATH_SIZE];
    char moved[PATH_SIZE];
    stage_open(&s);
    workflow_file(&s, "two.json", two_steps, file);
    path_in(&s, "moved.db", moved);
    start_engine(&s, "30s");
    start_worker(&s, 0, file);
    wait_words(&s, "w0.err", "ready");
    cr_assert_eq(CALL(&s, "start", s.database, "two", "--wait"), 0);
    cr_assert_eq(rename(s.database, moved), 0);
    write_file(s.database, "another file");
    cr_expect_eq(CALL(&s, "start", s.database, "two"), 6);
    cr_expect_eq(reap(s.engine), 6);
    s.engine = 0;
    wait_words(&s, "engine.err", "moved or replaced");
    cr_assert_eq(rename(moved, s.database), 0);
    start_engine(&s, "30s");
    cr_expect_eq(CALL(&s, "start", s.database, "two", "--wait"), 0);
    wait_all_ended(&s);
    expect_whole(&s);
    stage_close(&s);
}

Test(run_processes, a_file_that_may_not_grow_ends_no_engine, .timeout = 120)
{
    const struct rlimit small = {1 << 19, RLIM_INFINITY};
    const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};
    struct stage s;
    char file[PATH_SIZE];
    stage_open(&s);
    workflow_file(&s, "two.json", two_steps, file);
    start_engine(&s, "30s");
    start_worker(&s, 0, file);
    wait_words(&s, "w0.err", "ready");
    cr_assert_eq(prlimit(s.engine, RLIMIT_FSIZE, &small, NULL), 0);
    (void)CALL(&s, "start", s.database, "two", "--count", "2000");
    wait_words(&s, "engine.err", "will be tried again");
    cr_assert_eq(prlimit(s.engine, RLIMIT_FSIZE, &any, NULL), 0);
    wait_all_ended(&s);
    expect_whole(&s);
    stage_close(&s);
}

Test(run_processes, bad_files_are_refused_with_words, .timeout = 120)
{
    struct stage s;
    char path[PATH_SIZE];
    char deep[PATH_SIZE];
    stage_open(&s);
    path_in(&s, "text.db", path);
    write_file(path, "this is no database, though it is long enough to be read "
                     "as the head of one: one hundred bytes are needed for it");
    cr_expect_eq(CALL(&s, "engine", path), 6);
    cr_expect(has(s.complained, "text.db"), "%s", s.complained);
    cr_expect_eq(CALL(&s, "ps", path), 6);
    cr_expect_eq(CALL(&s, "start", path, "two"), 6);
    cr_expect(has(s.complained, "no engine is running"), "%s", s.complained);
    snprintf(deep, sizeof(deep), "%s/%0150d.db", s.dir, 1);
    cr_expect_eq(CALL(&s, "engine", deep), 6);
    cr_expect(has(s.complained, "address"), "%s", s.complained);
    cr_expect_eq(CALL(&s, "worker", s.database), 2);
    cr_expect_eq(CALL(&s, "engine", s.database, "--lease", "1ms"), 2);
    cr_expect(has(s.complained, "allowed 1s"), "%s", s.complained);
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
