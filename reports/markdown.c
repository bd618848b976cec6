#include "reports/markdown.h"

#include <string.h>

#include "reports/format.h"

void markdown_init(struct markdown *page, struct report_buffer *out,
                   size_t limit)
{
    *page = (struct markdown){.out = out, .limit = limit};
    report_buffer_init(&page->row);
}

void markdown_deinit(struct markdown *page)
{
    report_buffer_free(&page->row);
}

void markdown_text(struct report_buffer *out, const char *text, size_t columns)
{
    struct report_buffer plain;
    report_buffer_init(&plain);
    report_buffer_plain(&plain, text, columns);
    for (size_t i = 0; i < plain.size; i++)
        if (strchr("<>&\"'|`*_[]\\~#!$@:", plain.text[i]))
            report_buffer_print(out, "&#%d;", plain.text[i]);
        else
            report_buffer_bytes(out, plain.text + i, 1);
    out->failed |= plain.failed;
    report_buffer_free(&plain);
}

void markdown_pre(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, "<pre>");
    report_buffer_html(out, text, (size_t)MARKDOWN_COLUMNS * 4);
    report_buffer_put(out, "</pre>\n");
}

void markdown_table(struct markdown *page, const char *title,
                    const char *columns, const char *rule)
{
    page->left_out = 0;
    report_buffer_print(page->out, "\n### %s\n\n%s\n%s\n", title, columns,
                        rule);
}

void markdown_cell(struct markdown *page, const char *text)
{
    report_buffer_put(&page->row, "| ");
    markdown_text(&page->row, text, MARKDOWN_COLUMNS);
    report_buffer_put(&page->row, " ");
}

void markdown_count(struct markdown *page, uint64_t count)
{
    struct report_word word;
    markdown_cell(page, report_format_count(&word, count));
}

void markdown_ns(struct markdown *page, uint64_t ns)
{
    struct report_word word;
    markdown_cell(page, report_format_ns(&word, ns));
}

void markdown_row_end(struct markdown *page)
{
    struct report_buffer *row = &page->row;
    report_buffer_put(row, "|\n");
    page->out->failed |= row->failed;
    if (page->left_out == 0 && page->out->size + row->size <= page->limit &&
        report_buffer_ok(row))
        report_buffer_bytes(page->out, row->text, row->size);
    else
        page->left_out++;
    row->size = 0;
}

void markdown_table_end(struct markdown *page, const char *why)
{
    if (page->left_out > 0)
        report_buffer_print(page->out, "\n%zu more rows were left out: %s\n",
                            page->left_out, why);
}
