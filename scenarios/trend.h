/*
 * A trend: what `perdure gate --trend FILE` has added to a file over time, a
 * line of JSON for each gate. Read back as one row of values for each figure
 * of each scenario and seed, and shown as text or as a page of small lines.
 *
 * The file is only ever appended to, and a gate may have been killed at it: a
 * line that cannot be read is told with its number and left out.
 */
#ifndef SCENARIOS_TREND_H
#define SCENARIOS_TREND_H

#include <stdio.h>

#include "engine/host/json.h"
#include "reports/gate.h"
#include "reports/index.h"

enum {
    TREND_LINES_MAX = 10000,
    TREND_ROWS_MAX = 20000,
    TREND_SHOWN_MAX = 200 /* the last so many gates are drawn */
};

/* A gate. */
struct trend_gate {
    uint64_t unix_s;
    char version[24];
    char outcome[16];
};

/* One figure over all gates. */
struct trend_row {
    char scenario[200];
    char seed[24];
    char metric[200];
    uint64_t *values; /* [lines_max]; UINT64_MAX: never */
    uint8_t *has;     /* [lines_max], 0: not in that gate, or never */
};

struct trend {
    struct trend_gate *gates;
    size_t gate_count;
    struct trend_row *rows; /* in order of scenario, seed and metric */
    size_t row_count;
    size_t rows_left_out;
    size_t bad_lines;
    size_t capacity;
    struct report_index index;
};

/*
 * Reads the file; complaints about its lines go to `complaints`, a sentence
 * each with "FILE:LINE: ". False: nothing could be read, *err says why.
 */
bool trend_read(const char *path, FILE *complaints, struct trend *trend,
                struct json_error *err);
void trend_free(struct trend *trend);

/* How a figure of this name is written. */
enum report_gate_unit trend_unit(const char *metric);

/* The values in order, the first and last, and the change. */
void trend_text(const struct trend *trend, struct report_buffer *out);
/* A page; path is what it is called by. */
void trend_page(const struct trend *trend, const char *path,
                struct report_buffer *out);

#endif
