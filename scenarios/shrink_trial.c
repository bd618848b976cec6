#include "scenarios/shrink_trial.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/loop.h"

enum {
    TICK_MS = 100
};

/* The child ----------------------------------------------------------------
 */

struct look {
    const struct shrink_trial *trial;
    struct shrink_seen *seen;
};

static void note_record(void *self, const struct engine_record *record)
{
    struct look *look = self;
    struct shrink_seen *seen = look->seen;
    struct write_fault fault;
    if (look->trial->record)
        look->trial->record(look->trial->self, record);
    if (!write_fault_of(record, &fault))
        return;
    if (seen->fault_count < SHRINK_FAULTS_MAX)
        seen->faults[seen->fault_count] = fault;
    seen->fault_count++;
}

static struct scenario *read_candidate(const struct shrink_trial *trial,
                                       struct json_error *error)
{
    uint32_t others = trial->files ? trial->files->source_count : 1;
    struct scenario_source *sources = calloc(others, sizeof(*sources));
    if (!sources)
        return NULL;
    for (uint32_t i = 1; i < others; i++)
        sources[i] = trial->files->sources[i];
    sources[0] =
        (struct scenario_source){(char *)(uintptr_t)trial->name,
                                 (char *)(uintptr_t)trial->text, trial->size};
    struct scenario *scenario = scenario_read_sources(sources, others, error);
    free(sources);
    return scenario;
}

static void note_arrivals(struct scenario *scenario, struct shrink_seen *seen)
{
    seen->seed = scenario->seed;
    seen->run_count = scenario->runs;
    if (scenario->runs > SHRINK_ARRIVALS_MAX)
        return;
    arrivals_seed(&scenario->arrivals, scenario->seed);
    for (uint64_t i = 0; i < scenario->runs; i++)
        seen->arrivals_ns[i] = arrivals_time(&scenario->arrivals, i);
}

static void run_candidate(const struct shrink_trial *candidate,
                          struct shrink_seen *seen)
{
    struct json_error error = {0};
    struct look look = {candidate, seen};
    struct trial_watch watch = {.record = note_record, .self = &look};
    struct scenario *scenario = read_candidate(candidate, &error);
    seen->end = SHRINK_REFUSED;
    if (!scenario) {
        snprintf(seen->message, sizeof(seen->message), "%.500s", error.text);
        return;
    }
    note_arrivals(scenario, seen);
    if (candidate->events_max && candidate->events_max < scenario->events_limit)
        scenario->events_limit = candidate->events_max;
    uint32_t defects = scenario->defect_count;
    if (candidate->sound)
        scenario->defect_count = 0;
    struct trial trial = {
        .scenario = scenario, .seed = scenario->seed, .watch = &watch};
    if (trial_run(&trial, &seen->result, seen->message,
                  sizeof(seen->message)) == 0)
        seen->end = SHRINK_JUDGED;
    scenario->defect_count = defects;
    scenario_free(scenario);
}

static bool send_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = write(fd, at, size);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

static void be_child(const struct shrink_trial *trial, int fd)
{
    struct shrink_seen *seen = calloc(1, sizeof(*seen));
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGINT, SIG_IGN);
    if (!seen)
        _exit(1);
    run_candidate(trial, seen);
    _exit(send_all(fd, seen, sizeof(*seen)) ? 0 : 1);
}

/* The parent ---------------------------------------------------------------
 */

/* Nobody waits for it any more. */
static bool given_up(const struct shrink_trial *trial, uint64_t until_ns)
{
    return (trial->interrupted && *trial->interrupted) ||
           (until_ns && host_mono_ns() >= until_ns);
}

/* All of it, or false: it ended early, or it was given up (*hung). */
static bool receive(const struct shrink_trial *trial, int fd, void *bytes,
                    size_t size, uint64_t until_ns, bool *hung)
{
    char *at = bytes;
    while (size > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int count = poll(&ready, 1, TICK_MS);
        if (trial->tick)
            trial->tick(trial->tick_self);
        *hung = count <= 0 && given_up(trial, until_ns);
        if (count <= 0 && !*hung)
            continue;
        ssize_t got = count > 0 ? read(fd, at, size) : 0;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static void note_end(int status, bool hung, struct shrink_seen *seen)
{
    seen->end = hung ? SHRINK_HUNG : SHRINK_CRASHED;
    seen->status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

int shrink_try(const struct shrink_trial *trial, struct shrink_seen *seen)
{
    int ends[2];
    bool hung = false;
    int status = 0;
    uint64_t began = host_mono_ns();
    memset(seen, 0, sizeof(*seen));
    if (pipe(ends) != 0)
        return -1;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return -1;
    }
    if (child == 0) {
        (void)close(ends[0]);
        be_child(trial, ends[1]);
    }
    (void)close(ends[1]);
    bool whole =
        receive(trial, ends[0], seen, sizeof(*seen),
                trial->wall_max_ns ? began + trial->wall_max_ns : 0, &hung);
    (void)close(ends[0]);
    if (hung)
        (void)kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!whole) {
        memset(seen, 0, sizeof(*seen));
        note_end(status, hung, seen);
    }
    seen->wall_ns = host_mono_ns() - began;
    return 0;
}
