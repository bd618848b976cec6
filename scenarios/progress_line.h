/*
 * How far something is that takes long, for those who wait. One mechanism for
 * all commands: they say now and then what they know, and this decides whether
 * it is time to show it, to whom, and how much of it fits.
 *
 *     a terminal         one line on stderr, written over itself, cut to its
 *                        columns, five times a second
 *     no terminal        a line on stderr every ten seconds
 *     --json=lines       a JSON line on stdout every second, no plain lines
 *     SIGUSR1            one more line at once, in each case
 *
 *     progress_line_start() -> progress_line_tell() .. -> progress_line_end()
 *
 * Nothing is shown of what is over before the first line is due.
 */
#ifndef SCENARIOS_PROGRESS_LINE_H
#define SCENARIOS_PROGRESS_LINE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What is known now. All zero is allowed: then only time has passed. */
struct progress_now {
    const char *unit;  /* what is counted: "worlds" */
    uint64_t done;     /* of them, also those of an earlier start */
    uint64_t total;    /* 0: nobody knows */
    uint64_t repeated; /* of done, those that took no time */
    bool grows;        /* the total is what is known of so far */
    const char *bad;   /* what failures are called; NULL: none are known of */
    uint64_t failed;
    bool has_seed;
    uint64_t seed;
    const char *rest; /* more that is known, or NULL */
};

struct progress_line {
    const char *command; /* "sweep"; before lines that stay */
    uint64_t time_ns;    /* given to it in all; 0: as long as it takes */
    FILE *lines;         /* of JSON; NULL: none are wanted */
    bool quiet;          /* set after start: only what is asked for */
    bool moves;          /* stderr is a terminal that can be written over */
    bool shown;          /* there is a line to wipe */
    volatile sig_atomic_t *asked;
    uint64_t began_ns; /* true time, as all here */
    uint64_t said_ns;  /* on stderr */
    uint64_t event_ns; /* in lines */
};

/* Starts the clock and looks at stderr. lines as above; both are borrowed. */
void progress_line_start(struct progress_line *line, const char *command,
                         FILE *lines);

/*
 * To be called often, some ten times a second at least; mostly it does
 * nothing. self is the line: who works for long is given this function and
 * the line, and knows neither.
 */
void progress_line_tell(void *self, const struct progress_now *now);

/* The line as text of at most `columns` bytes: what matters most comes first,
 * and what does not fit is left out as a whole. */
void progress_line_text(const struct progress_line *line,
                        const struct progress_now *now, size_t columns,
                        char *text, size_t size);

/* Since the start, in nanoseconds. */
uint64_t progress_line_elapsed(const struct progress_line *line);

/* Wipes the line, if there is one. */
void progress_line_end(struct progress_line *line);

#endif
