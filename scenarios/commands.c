#include <stddef.h>
#include <string.h>

#include "scenarios/command.h"

/* In the order of help, group by group. */
static const struct command *const commands[] = {
    &command_demo,     &command_init,         &command_lambda,
    &command_run,      &command_replay,       &command_sweep,
    &command_shrink,   &command_diff,         &command_validate,
    &command_gate,     &command_compare,      &command_trend,
    &command_report,   &command_export,       &command_doctor,
    &command_points,   &command_defects,      &command_limits,
    &command_profiles, &command_errors,       &command_validate_models,
    &command_engine,   &command_worker,       &command_start,
    &command_ps,       &command_events,       &command_ops,
    &command_lineage,  &command_value,        &command_stuck,
    &command_recover,  &command_verify,       &command_archive,
    &command_restore,  &command_bench_engine, &command_cancel,
    &command_stop,     &command_pause,        &command_unpause,
    &command_resume,   &command_skip,         &command_abort,
    &command_callback, &command_help,         &command_completion,
};

enum {
    COMMAND_COUNT = sizeof(commands) / sizeof(*commands)
};

const struct command *command_at(uint32_t index)
{
    return index < COMMAND_COUNT ? commands[index] : NULL;
}

const char *command_name(uint32_t index)
{
    return index < COMMAND_COUNT ? commands[index]->name : NULL;
}

const struct command *command_find(const char *name)
{
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}
