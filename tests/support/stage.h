/*
 * A stage for the engine as people run it: an engine process, worker
 * processes and commands on a real database in a directory of its own. The
 * program is looked for beside the test binary. Whatever takes too long is
 * killed, by its number; a test whose stage does not come to its end fails.
 * No process outlives its test, be it that it failed, crashed or took too long.
 *
 *     stage_open(&s);
 *     stage_engine(&s, "30s");
 *     stage_worker(&s, 0, file);
 *     cr_expect_eq(STAGE_CALL(&s, "start", s.database, "two"), 0);
 *     stage_close(&s);
 */
#ifndef TESTS_SUPPORT_STAGE_H
#define TESTS_SUPPORT_STAGE_H

#include <stdbool.h>
#include <sys/types.h>

enum {
    STAGE_ARGS_MAX = 24,
    STAGE_PATH_SIZE = 512,
    STAGE_PATIENCE_S = 60,
    STAGE_WORKERS_MAX = 4
};

struct stage {
    char dir[64];
    char program[STAGE_PATH_SIZE];
    char database[STAGE_PATH_SIZE];
    char *said;       /* by the last call, on stdout */
    char *complained; /* on stderr */
    pid_t engine;
    pid_t workers[STAGE_WORKERS_MAX];
};

void stage_open(struct stage *s);
/* Ends all processes, who must exit with 0, and removes the directory. */
void stage_close(struct stage *s);

/* Files: in the stage's directory; whole; as a string that is freed by the
 * caller. */
void stage_path(const struct stage *s, const char *name,
                char path[STAGE_PATH_SIZE]);
char *stage_read(const char *path);
void stage_write(const char *path, const char *text);
void stage_file(const struct stage *s, const char *name, const char *text,
                char path[STAGE_PATH_SIZE]);

/* Starts the program with arguments up to NULL; OUT.out and OUT.err get what
 * it prints. */
pid_t stage_launch(const struct stage *s, const char *out,
                   const char *const *args);
/* Waits; the exit code, or minus the signal. Kills what takes too long. */
int stage_reap(pid_t pid);
/* Sends a signal and waits; *pid is 0 then, and nothing is done if it was. */
void stage_kill(pid_t *pid, int number, int expected);
/* Runs a command to its end; what it printed is in said and complained. */
int stage_call(struct stage *s, const char *const *args);

#define STAGE_CALL(s, ...)                                                     \
    stage_call((s), (const char *const[]){__VA_ARGS__, NULL})

/* Starts the engine, with more arguments up to NULL, and waits until it is
 * ready; the first is the same with a lease and nothing else. */
void stage_engine(struct stage *s, const char *lease);
void stage_engine_with(struct stage *s, const char *const *more);
/* Starts a worker "w0".., which says when it is ready. */
void stage_worker(struct stage *s, int i, const char *workflow);
/* The same with more arguments up to NULL; waits until it is ready. */
void stage_worker_with(struct stage *s, int i, const char *const *more);
/* Waits until a file of words has this in it. */
void stage_wait_words(const struct stage *s, const char *name,
                      const char *words);
/* Polls until no run is left that has not ended. */
void stage_wait_ended(struct stage *s);
void stage_expect_whole(struct stage *s);

bool stage_has(const char *text, const char *part);
/* How often a part is in a text. */
int stage_count(const char *text, const char *part);

#endif
