/*
 * What functions print, in files: DIR/logs/REQUEST.log for each invocation,
 * with the platform's lines START, END and REPORT, and DIR/logs/start.log for
 * what was printed outside of them.
 */
#ifndef SCENARIOS_LAMBDA_LOGS_H
#define SCENARIOS_LAMBDA_LOGS_H

#include "engine/host/lambda/host.h"

struct lambda_logs;

/* Makes the directory. An exit code of command.h; it has said why on stderr. */
int lambda_logs_open(const char *directory, struct lambda_logs **out);
void lambda_logs_put(struct lambda_logs *logs, const struct lambda_line *line);
/* False: some of it could not be written, and that has been said. */
bool lambda_logs_close(struct lambda_logs *logs);

#endif
