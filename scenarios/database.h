/*
 * What the commands that look into a database share: how it is opened, and
 * how numbers and times are written for people and for programs.
 */
#ifndef SCENARIOS_DATABASE_H
#define SCENARIOS_DATABASE_H

#include "engine/host/cipher.h"
#include "engine/host/reader.h"
#include "reports/buffer.h"

/* Reads a key file; path NULL: no key, and *out is NULL. False: said why. */
bool database_key(const char *command, const char *path,
                  uint8_t key[CIPHER_KEY_SIZE], const uint8_t **out);

/* Opens a database to read, with the key in a file or NULL. NULL: said why. */
struct host_reader *database_open(const char *command, const char *path,
                                  const char *key_path);

/* A number of a run or operation. False: said why. */
bool database_number(const char *command, const char *what, const char *text,
                     uint64_t max, uint64_t *number);

/* "2026-11-21T11:08:15.123Z" into 32 bytes; "-" for 0 and for never. */
const char *database_time(uint64_t ns, char text[32]);

/* Prints what has gathered and frees it; the command's exit code. */
int database_print(struct report_buffer *out);

#endif
