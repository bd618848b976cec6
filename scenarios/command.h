/*
 * The commands of the program, each with its table of options, and the exit
 * codes that they return.
 */
#ifndef SCENARIOS_COMMAND_H
#define SCENARIOS_COMMAND_H

#include "scenarios/options.h"

enum exit_code {
    EXIT_HELD = 0,
    EXIT_INTERNAL = 1,
    EXIT_DIFFERENT = 1, /* two runs that are not the same */
    EXIT_USAGE = 2,     /* usage or scenario error */
    EXIT_PROPERTY = 3,  /* a property failed */
    EXIT_BUDGET = 4,    /* an expectation was missed */
    EXIT_INCONCLUSIVE = 5,
    EXIT_ENVIRONMENT = 6, /* something outside is missing or not writable */
    EXIT_INTERRUPTED = 130
};

extern const struct command command_run;
extern const struct command command_demo;
extern const struct command command_doctor;
extern const struct command command_init;
extern const struct command command_export;
extern const struct command command_report;
extern const struct command command_sweep;
extern const struct command command_shrink;
extern const struct command command_diff;
extern const struct command command_gate;
extern const struct command command_compare;
extern const struct command command_trend;
extern const struct command command_replay;
extern const struct command command_validate;
extern const struct command command_validate_models;
extern const struct command command_points;
extern const struct command command_defects;
extern const struct command command_limits;
extern const struct command command_profiles;
extern const struct command command_errors;
extern const struct command command_engine;
extern const struct command command_worker;
extern const struct command command_start;
extern const struct command command_ps;
extern const struct command command_events;
extern const struct command command_lineage;
extern const struct command command_ops;
extern const struct command command_value;
extern const struct command command_stuck;
extern const struct command command_cancel;
extern const struct command command_stop;
extern const struct command command_pause;
extern const struct command command_unpause;
extern const struct command command_resume;
extern const struct command command_skip;
extern const struct command command_abort;
extern const struct command command_callback;
extern const struct command command_recover;
extern const struct command command_verify;
extern const struct command command_archive;
extern const struct command command_restore;
extern const struct command command_bench_engine;
extern const struct command command_lambda;
extern const struct command command_help;
extern const struct command command_completion;

/* The one at a place, in the order of help; NULL at the end. */
const struct command *command_at(uint32_t index);

/* By name, or NULL; its name at a place, NULL at the end. */
const struct command *command_find(const char *name);
const char *command_name(uint32_t index);

#endif
