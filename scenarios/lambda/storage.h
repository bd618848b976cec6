/*
 * Where `lambda serve` keeps executions: in a file, or in memory.
 */
#ifndef SCENARIOS_LAMBDA_STORAGE_H
#define SCENARIOS_LAMBDA_STORAGE_H

#include "engine/limits.h"
#include "engine/store.h"

/*
 * Opens or makes the file, NULL: memory only; what the store takes is a little
 * more than the limits let a function write. 0, or an exit code: has said why
 * on stderr.
 */
int lambda_storage_open(const char *path, const struct engine_limits *limits,
                        struct engine_store *store);

#endif
