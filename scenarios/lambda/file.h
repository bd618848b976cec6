/*
 * A file that is given to a function as it is: its event, or what others
 * answer.
 */
#ifndef SCENARIOS_LAMBDA_FILE_H
#define SCENARIOS_LAMBDA_FILE_H

#include <stddef.h>

enum {
    LAMBDA_FILE_MAX = 6 << 20
};

/* The bytes, the caller's; NULL: has said on stderr why not. */
void *lambda_file_read(const char *path, size_t *size);

#endif
