/*
 * Numbers as people read them: durations and sizes with a unit and three
 * digits, counts with commas. Integers only, so the text is the same
 * everywhere. Every function writes into the caller's array and returns it.
 */
#ifndef REPORTS_FORMAT_H
#define REPORTS_FORMAT_H

#include <stdint.h>

#include "engine/wire.h"

struct report_word {
    char text[40];
};

/* "870 ns", "63.1 µs", "1.24 s", "2 m 05 s", "1 h 02 m", "3 d 04 h". */
const char *report_format_ns(struct report_word *word, uint64_t ns);
/* The same, shorter for whole units: "30 s", "2 m", "0". */
const char *report_format_line(struct report_word *word, uint64_t ns);
/* "1,234,567". */
const char *report_format_count(struct report_word *word, uint64_t count);
/* "512 B", "3.20 MiB". */
const char *report_format_bytes(struct report_word *word, uint64_t bytes);
/* "12.3 %" of part in whole, which is not 0. */
const char *report_format_share(struct report_word *word, uint64_t part,
                                uint64_t whole);

/* A digest as its 32 hexadecimal digits. */
const char *report_format_digest(struct report_word *word,
                                 struct engine_hash hash);

/*
 * The smallest of the values 1, 2, 5, 10, .. 500 ns, µs, ms and 1, 2, 5, 10,
 * 30 s, m and so on that is above ns: where axes and tables have their lines.
 * UINT64_MAX beyond a thousand years.
 */
uint64_t report_format_next_line(uint64_t ns);

#endif
