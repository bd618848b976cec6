/*
 * Golden files: what a renderer wrote once, looked at by a person and kept.
 * With PERDURE_GOLDEN=write in the environment the files are written anew;
 * the difference then shows in the diff of the change.
 */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include <stddef.h>

/*
 * Compares bytes with tests/golden/<name>. Returns NULL if they are equal,
 * else a sentence on the first line that differs, good until the next call
 * with the same room.
 */
const char *golden_differs(const char *name, const char *bytes, size_t size,
                           char room[static 400]);

#endif
