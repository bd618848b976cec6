/*
 * One line on the terminal that says how far something is, written over
 * itself; nothing where stderr is not a terminal.
 *
 *     progress_line_start() -> progress_line_due()? say it -> .. -> _end()
 */
#ifndef SCENARIOS_PROGRESS_LINE_H
#define SCENARIOS_PROGRESS_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct progress_line {
    bool wanted; /* somebody looks at it */
    bool shown;
    uint64_t began_ns; /* true time, as all here */
    uint64_t said_ns;
};

/* Starts the clock. Nothing is shown for a fifth of a second. */
void progress_line_start(struct progress_line *line);

/*
 * Whether to say something: there is a terminal, and what was said last has
 * stood for a fifth of a second. The caller then says it, in one call.
 */
bool progress_line_due(struct progress_line *line);
void progress_line_say(struct progress_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Since the start, in nanoseconds. */
uint64_t progress_line_elapsed(const struct progress_line *line);

/* Wipes the line, if there is one. */
void progress_line_end(struct progress_line *line);

#endif
