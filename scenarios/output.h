/*
 * Where a command puts its files. What cannot be written is said on stderr.
 */
#ifndef SCENARIOS_OUTPUT_H
#define SCENARIOS_OUTPUT_H

#include <stdbool.h>

#include "reports/buffer.h"

/* Makes DIR and every folder above it: EXIT_HELD or EXIT_ENVIRONMENT. */
int output_directory(const char *path);

/* Replaces DIR/NAME as a whole; false: it is as it was. */
bool output_write(const char *directory, const char *name,
                  const struct report_buffer *buffer);

/*
 * Replaces the file at path as a whole, for a command of this name, and frees
 * the buffer: EXIT_HELD, or a sentence on stderr and the exit code for it.
 */
int output_file(const char *command, const char *path,
                struct report_buffer *buffer);

/*
 * Puts it all on stdout: code, or EXIT_ENVIRONMENT and a sentence on stderr if
 * it could not be written. A reader that has gone away is no error, and what
 * came of the command still counts. print() frees the buffer.
 */
int output_text(const struct report_buffer *buffer, int code);
int output_bytes(const void *bytes, size_t size, int code);
int output_print(struct report_buffer *buffer, int code);

/* The same for what was put there in other ways: when a command ends. */
int output_end(int code);

/* Whether anybody may still read what is put on stdout. */
bool output_heard(void);

/* What --json asks for: of a command that has OPT_MODE("--json", ..). */
enum output_json {
    OUTPUT_NO_JSON,
    OUTPUT_JSON_WHOLE, /* a document */
    OUTPUT_JSON_LINES  /* events as they come; the document is the last line */
};
extern const char *const output_json_modes[];

/* The document on stdout, in the way that is asked for; exit codes as above. */
int output_json(const struct report_buffer *json, uint64_t mode, int code);

/*
 * The first of the lines, {"command": .., "event": "start", ..}: what begins,
 * on which scenario and seed (NULL: it has many). Nothing without lines.
 */
void output_json_start(uint64_t mode, const char *command, const char *scenario,
                       const uint64_t *seed);

/* JSON as a single line: without its line ends and what indents them. */
void output_json_line(const struct report_buffer *json,
                      struct report_buffer *line);

/* Adds a member of a JSON object, four columns in, and then `end`. */
void output_member(struct report_buffer *out, const char *name,
                   const char *value, const char *end);

#endif
