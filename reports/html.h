/*
 * How the sections of report.html are written: one file for each group of
 * them (html_faults.c, html_charts.c, ..), one list of them in html.c, and
 * what they have in common here: cells, figures, and one way to make a table.
 * Text is untrusted wherever a parameter is called text; titles, classes and
 * labels are the page's own words.
 *
 * A table:
 *
 *     static const struct html_column columns[] = {{"point", NULL},
 *                                                  {"fired", "n"}};
 *     html_table(out, "Faults", columns, 2);
 *     for (size_t i = 0; html_room(out, i, count, 2); i++) {
 *         html_row(out, name);
 *         html_count(out, fired);
 *         html_row_end(out);
 *     }
 *     html_table_end(out);
 */
#ifndef REPORTS_HTML_H
#define REPORTS_HTML_H

#include "reports/report.h"

enum {
    HTML_NAME = 80,      /* most code points shown of an untrusted name */
    HTML_PHRASE = 160,   /* of a line made of several names */
    HTML_SENTENCE = 600, /* of an untrusted sentence */
    HTML_ROWS_MAX = 200,
    /* Beyond this size tables stop, so that a report stays below 2 MB. */
    HTML_SIZE_SOFT = 1300000
};

struct html_column {
    const char *title; /* as HTML */
    const char *class; /* "n": numbers, "w": never wrapped; NULL: text */
};

/* A table with its head; label says to those who cannot see what it is. */
void html_table(struct report_buffer *out, const char *label,
                const struct html_column *columns, size_t count);
void html_table_end(struct report_buffer *out);
/*
 * Whether the index-th of count rows may follow; says once, in a row over all
 * columns, how many it leaves out.
 */
int html_room(struct report_buffer *out, size_t index, size_t count,
              size_t columns);
/* Begins a row with the cell that names it. */
void html_row(struct report_buffer *out, const char *text);
void html_row_end(struct report_buffer *out);
/* The other cells of a row: text, numbers, times. */
void html_cell(struct report_buffer *out, const char *text);
void html_text_n(struct report_buffer *out, const char *text);
void html_count(struct report_buffer *out, uint64_t count);
/* A count that should be 0: marked, with a sign, if it is not. */
void html_bad(struct report_buffer *out, uint64_t count);
void html_ns(struct report_buffer *out, uint64_t ns);
/* A percentile, or a dash where nothing was measured. */
void html_at(struct report_buffer *out, const struct report_hist *hist,
             uint32_t ppm);
void html_verdict(struct report_buffer *out, enum check_verdict verdict);
const char *html_symbol(enum check_verdict verdict);

/* Whether a property failed: what it says of effects and runs is its word. */
int html_failed(const struct report_model *model, const char *id);

/* Untrusted text between the page's own tags. */
void html_element(struct report_buffer *out, const char *open, const char *text,
                  size_t columns, const char *close);
/* One of a list of figures, <dl class="figures">; value is HTML. */
void html_figure(struct report_buffer *out, const char *name,
                 const char *value);
/* One entry of a chart's key: an SVG shape around 0, 0 and what it means. */
void html_key(struct report_buffer *out, const char *shape, const char *text);

/* The same for a count; one that is not 0 is marked: "bad" or "odd". */
void html_doubtful(struct report_buffer *out, const char *class,
                   const char *sign, const char *name, uint64_t count);

/* A page begins: document, title, why; the header is left open for notes. */
void html_open(struct report_buffer *out, const char *name, const char *why,
               enum check_verdict verdict,
               const struct report_library *library);
/* With a library, what the page needs of it: the policy that lets its scripts
   run and no other, its style, and at the end the scripts with their data. */
void html_policy(struct report_buffer *out,
                 const struct report_library *library);
void html_library_style(struct report_buffer *out,
                        const struct report_library *library);
void html_defects(struct report_buffer *out, const char *const *defects,
                  size_t count);
/* The box of the verdict, a <section> left open; says may be NULL. */
void html_verdict_open(struct report_buffer *out, enum check_verdict verdict,
                       const char *says);
/* A command to copy. */
void html_command(struct report_buffer *out, const char *text);
/* A section under a heading, and its end. */
void html_section(struct report_buffer *out, const char *id, const char *title);
void html_section_end(struct report_buffer *out);
/* The chart of a run and, in a table, at most rows_max of what happened. */
void html_story(struct report_buffer *out, const struct report_model *model,
                const struct report_timeline *line, uint32_t rows_max,
                int open);
/* What the signs in such charts mean. */
void html_story_key(struct report_buffer *out, int handler);

/* Whether the page has the timeline of a run, under #run-NUMBER. */
int html_shows_run(const struct report_model *model, uint64_t run);

/* Sections, in the order of the page -------------------------------------- */

struct html_page {
    const struct report_model *model;
    const struct report_library *library; /* NULL: charts stand still */
    struct report_buffer *out;
};

/* Up to the first section: title, verdict, why, how to repeat it. */
void html_head(struct html_page *page);
void html_figures(struct html_page *page);
void html_put_scripts(struct html_page *page);

/* Whether there is such a section, and what it has under its heading. */
#define HTML_SECTIONS(X)                                                       \
    X(properties, "Properties")                                                \
    X(expectations, "Expectations and thresholds")                             \
    X(sometimes, "Sometimes")                                                  \
    X(failures, "Why runs failed")                                             \
    X(faults, "Faults")                                                        \
    X(latency, "Latency of runs")                                              \
    X(series, "Over virtual time")                                             \
    X(steps, "Steps")                                                          \
    X(struck, "What faults came to")                                           \
    X(timeline, "Timelines")                                                   \
    X(effects, "Side effects")                                                 \
    X(platform, "Platform and cost")                                           \
    X(used, "Limits used")                                                     \
    X(store, "Store and ownership")                                            \
    X(settings, "Configuration")                                               \
    X(limits, "What this report does not show")

#define HTML_DECLARE(name, title)                                              \
    int html_has_##name(const struct report_model *model);                     \
    void html_put_##name(struct html_page *page);
HTML_SECTIONS(HTML_DECLARE)
#undef HTML_DECLARE

#endif
