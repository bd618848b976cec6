/*
 * The commands of the program. Each takes its own arguments and returns the
 * exit code of the process.
 */
#ifndef SCENARIOS_COMMAND_H
#define SCENARIOS_COMMAND_H

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

int command_run(int argc, char **argv);
int command_export(int argc, char **argv);
int command_sweep(int argc, char **argv);
int command_shrink(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_gate(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_validate(int argc, char **argv);
int command_validate_models(int argc, char **argv);
int command_points(int argc, char **argv);
int command_defects(int argc, char **argv);
int command_limits(int argc, char **argv);
int command_profiles(int argc, char **argv);
int command_errors(int argc, char **argv);
int command_engine(int argc, char **argv);
int command_worker(int argc, char **argv);
int command_start(int argc, char **argv);
int command_ps(int argc, char **argv);
int command_events(int argc, char **argv);
int command_lineage(int argc, char **argv);
int command_ops(int argc, char **argv);
int command_value(int argc, char **argv);
int command_stuck(int argc, char **argv);
int command_cancel(int argc, char **argv);
int command_stop(int argc, char **argv);
int command_pause(int argc, char **argv);
int command_unpause(int argc, char **argv);
int command_resume(int argc, char **argv);
int command_skip(int argc, char **argv);
int command_abort(int argc, char **argv);
int command_callback(int argc, char **argv);
int command_recover(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_archive(int argc, char **argv);
int command_restore(int argc, char **argv);

#endif
