/*
 * One run of a function under a plan: in a service of its own, from an empty
 * store and the same start of time, in processes that may have served other
 * runs before. What it came to is compared with a run that was not struck.
 */
#ifndef SCENARIOS_LAMBDA_TRIAL_H
#define SCENARIOS_LAMBDA_TRIAL_H

#include <signal.h>

#include "scenarios/lambda/effects.h"
#include "scenarios/lambda/logs.h"
#include "scenarios/lambda/plan.h"
#include "scenarios/lambda/watch.h"

enum {
    LAMBDA_EFFECTS_MAX = 64,
    LAMBDA_CALLBACKS_MAX = 16,
    LAMBDA_TROUBLE_SIZE = 320
};

struct lambda_effect {
    char name[LAMBDA_POINT_NAME];
    uint32_t asked;   /* requests that reached it */
    uint32_t applied; /* without those with a key that was known */
};

/* What outside systems answer to a callback. */
struct lambda_answer {
    const char *name; /* of the operation */
    const void *body;
    size_t size;
    uint64_t delay_ns; /* after it was made */
    bool fails;
};

struct lambda_bench; /* the processes, for many trials */

struct lambda_bench_config {
    const struct lambda_program *programs; /* the first is the one that runs;
                                              others are invoked by it */
    uint32_t program_count;
    const void *event;
    size_t event_size;
    const struct lambda_answer *answers;
    uint32_t answer_count;
    const struct engine_limits *limits; /* NULL: those of aws */
    uint32_t prepared;                  /* processes, beside those that work */
    uint32_t page_items;                /* of every page of state; 0: 100 */
    uint32_t invocations_max;           /* of the execution; 0: 1,000 */
    uint64_t seed;
    uint64_t patience_ns; /* of true time, for one trial */
    bool abandons;
    bool freezes;
    bool quiet;                     /* what functions print is not shown */
    struct lambda_logs *logs;       /* where it goes; NULL: nowhere */
    struct lambda_effects *effects; /* NULL: nothing is led here */
    const volatile sig_atomic_t *interrupted; /* NULL: nobody can */
};

/* NULL with a sentence. */
struct lambda_bench *lambda_bench_open(const struct lambda_bench_config *config,
                                       char error[256]);
void lambda_bench_close(struct lambda_bench *bench);

enum {
    LAMBDA_END_SIZE = 160
};

enum lambda_end {
    LAMBDA_ENDED,
    LAMBDA_STUCK,   /* nothing is under way, and nothing is due */
    LAMBDA_HUNG,    /* something was under way for too long a true time */
    LAMBDA_DEAD,    /* its processes end before they ask for work */
    LAMBDA_BROKEN,  /* the service failed */
    LAMBDA_ENDLESS, /* more invocations than allowed */
    LAMBDA_IDLING   /* its invocations break off and record nothing */
};

struct lambda_outcome {
    enum lambda_end end;
    char status[16]; /* of the execution */
    char *result;    /* or its error; the outcome's */
    size_t result_size;
    struct lambda_effect effects[LAMBDA_EFFECTS_MAX];
    uint32_t effect_count;
    uint32_t invocations;
    uint32_t operations;
    uint64_t virtual_ns;
    uint32_t troubles;                 /* invocations that broke off by
                                          themselves, and processes */
    char trouble[LAMBDA_TROUBLE_SIZE]; /* the last of them */
    bool touched;   /* the execution that a foreign token belongs to */
    bool keys_full; /* more keys of effects than can be told apart */
    struct lambda_findings findings; /* of what was watched */
};

/* Runs once. 0, or -1 when out of memory. The outcome is to be freed. */
int lambda_trial(struct lambda_bench *bench, struct lambda_plan *plan,
                 struct lambda_outcome *outcome);
/* Why a run did not end, as half a sentence; "" if it did. */
const char *lambda_outcome_why(const struct lambda_outcome *outcome,
                               char out[LAMBDA_END_SIZE]);

/* Plays the service for one invocation, whose event is given as it is. */
struct lambda_player {
    bool (*asked)(void *self, const char *path, const void *body, size_t size,
                  struct lambda_scripted *answer);
    void (*returned)(void *self, bool threw, const void *body, size_t size);
    void *self;
};
bool lambda_bench_interrupted(const struct lambda_bench *bench);
/* LAMBDA_ENDED: it has returned, was left, or its process has ended. */
enum lambda_end lambda_bench_play(struct lambda_bench *bench, uint64_t now_ns,
                                  const void *event, size_t size,
                                  const struct lambda_player *player);
/*
 * Appends the history of the last trial, {"Events": [..]} with all its data, a
 * line for each event. 0 or -1.
 */
int lambda_bench_history(struct lambda_bench *bench, struct json_writer *out);
void lambda_outcome_free(struct lambda_outcome *outcome);

#endif
