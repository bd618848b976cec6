/*
 * Markdown as GitHub and GitLab read it: tables of which each row is whole or
 * left out, and text of which no letter means anything to Markdown. What has
 * pages as wide as a screen and no more (a step's summary, a merge request, a
 * wiki) gets reports this way.
 *
 *     struct markdown page;
 *     markdown_init(&page, &out, 900 * 1024);
 *     markdown_table(&page, "Faults", "| Point | Fired |", "|---|--:|");
 *     markdown_cell(&page, name);
 *     markdown_count(&page, fired);
 *     markdown_row_end(&page);
 *     markdown_table_end(&page);
 *     markdown_deinit(&page);
 *
 * Titles, columns and rules are the page's own words; all else is untrusted.
 */
#ifndef REPORTS_MARKDOWN_H
#define REPORTS_MARKDOWN_H

#include "reports/buffer.h"

enum {
    MARKDOWN_COLUMNS = 400 /* most code points of a cell */
};

struct markdown {
    struct report_buffer *out;
    struct report_buffer row; /* being made */
    size_t limit;             /* bytes of out beyond which no row begins */
    size_t left_out;          /* rows of the table */
};

void markdown_init(struct markdown *page, struct report_buffer *out,
                   size_t limit);
void markdown_deinit(struct markdown *page);

/* Appends untrusted text, its letters that mean something as entities. */
void markdown_text(struct report_buffer *out, const char *text, size_t columns);
/* The same in <pre>, where Markdown does not look. */
void markdown_pre(struct report_buffer *out, const char *text);

/* A heading and the head of a table. */
void markdown_table(struct markdown *page, const char *title,
                    const char *columns, const char *rule);
/* The cells of a row, one after the other, and its end. */
void markdown_cell(struct markdown *page, const char *text);
void markdown_count(struct markdown *page, uint64_t count);
void markdown_ns(struct markdown *page, uint64_t ns);
void markdown_row_end(struct markdown *page);
/* Says how many rows were left out, and why. */
void markdown_table_end(struct markdown *page, const char *why);

#endif
