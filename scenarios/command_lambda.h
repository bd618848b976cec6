/*
 * What the ways of `lambda` share: the arguments, and what they come to.
 */
#ifndef SCENARIOS_COMMAND_LAMBDA_H
#define SCENARIOS_COMMAND_LAMBDA_H

#include "scenarios/lambda/effects.h"
#include "scenarios/lambda/programs.h"
#include "scenarios/lambda/trial.h"
#include "scenarios/options.h"
#include "scenarios/read_limits.h"

/* Of an invocation, where nothing else is asked for. */
#define COMMAND_LAMBDA_TIMEOUT_NS UINT64_C(900000000000)

struct arguments {
    const char *rest[2]; /* what to do, and the handler */
    const char *event;
    struct option_texts callbacks;    /* NAME=FILE@DELAY */
    struct option_texts invokes;      /* NAME=HANDLER */
    struct option_texts plain;        /* names of functions */
    struct option_texts effects;      /* [METHOD ]URL[=NAME] */
    struct option_texts answers;      /* NAME=FILE|STATUS */
    struct option_texts effect_lines; /* NAME=REGEX */
    struct option_texts once;
    struct option_texts faults;
    const char *functions;
    const char *address;
    const char *only;
    const char *price;
    const char *also;
    const char *replay;
    uint64_t pairs;
    const char *history;
    const char *out;
    const char *node;
    const char *runtime;
    const char *store;
    uint64_t rates;
    const char *limits;
    uint64_t times;
    uint64_t timeout_ns;
    uint64_t patience_ns;
    uint64_t hold_ns;
    uint64_t page;
    uint64_t prepared;
    uint64_t memory; /* MB; 0: no limit */
    uint64_t invocations;
    uint64_t crash_mode;
    uint64_t clock;
    uint64_t network;
    uint64_t port;
    struct option_seed seed;
    bool forward;
    bool may_fail;
    bool no_freeze;
    bool json;
    bool logs;
};

/* The arguments, read. */
struct lambda_setting {
    const struct arguments *a;
    struct limits_profile profile;
    struct lambda_programs set;
    struct lambda_answer answers[LAMBDA_CALLBACKS_MAX];
    char answer_names[LAMBDA_CALLBACKS_MAX][LAMBDA_POINT_NAME];
    uint32_t answer_count;
    struct lambda_effects effects;
    struct lambda_logs *logs; /* NULL: they are not kept */
    void *event;
    size_t event_size;
};

/* Says on stderr what is wrong; false. */
__attribute__((format(printf, 1, 0))) bool
command_lambda_refuse(const char *format, const char *what);
/* The processes for trials; NULL: has said why. */
struct lambda_bench *command_lambda_bench(struct lambda_setting *setting);

/* The ways. Exit codes. */
int command_lambda_replay(struct lambda_setting *setting);
int command_lambda_run(struct lambda_setting *setting);
int command_lambda_sweep(struct lambda_setting *setting);
int command_lambda_serve(struct lambda_setting *setting);

#endif
