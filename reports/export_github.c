#include <inttypes.h>
#include <string.h>

#include "reports/export.h"
#include "reports/format.h"

enum {
    CELL_MAX_COLUMNS = 400,
    RESERVE =
        4096 /* of the summary: for heads of tables and what was left out */
};

/*
 * Appends untrusted text with some of its letters, each an ASCII one of
 * `special`, written by `escape`.
 */
static void put_escaped(struct report_buffer *out, const char *text,
                        size_t columns, const char *special,
                        void (*escape)(struct report_buffer *, char))
{
    struct report_buffer plain;
    report_buffer_init(&plain);
    report_buffer_plain(&plain, text, columns);
    for (size_t i = 0; i < plain.size; i++)
        if (strchr(special, plain.text[i]))
            escape(out, plain.text[i]);
        else
            report_buffer_bytes(out, plain.text + i, 1);
    out->failed |= plain.failed;
    report_buffer_free(&plain);
}

static void escape_entity(struct report_buffer *out, char letter)
{
    report_buffer_print(out, "&#%d;", letter);
}

static void escape_percent(struct report_buffer *out, char letter)
{
    report_buffer_print(out, "%%%02X", (unsigned)(unsigned char)letter);
}

/* As an entity no letter means anything to Markdown. */
static void markdown(struct report_buffer *out, const char *text)
{
    put_escaped(out, text, CELL_MAX_COLUMNS,
                "<>&\"'|`*_[]\\~#!$@:", escape_entity);
}

/* Summary ----------------------------------------------------------------- */

/* Rows, while there is room for them. */
struct page {
    struct report_buffer *out;
    struct report_buffer row; /* being made */
    size_t limit;
    size_t left_out;
};

static void end_row(struct page *page)
{
    struct report_buffer *row = &page->row;
    report_buffer_put(row, "\n");
    page->out->failed |= row->failed;
    if (page->left_out == 0 && page->out->size + row->size <= page->limit &&
        report_buffer_ok(row))
        report_buffer_bytes(page->out, row->text, row->size);
    else
        page->left_out++;
    row->size = 0;
}

static void cell(struct page *page, const char *text)
{
    report_buffer_put(&page->row, "| ");
    markdown(&page->row, text);
    report_buffer_put(&page->row, " ");
}

static void cell_of_count(struct page *page, uint64_t number)
{
    struct report_word word;
    cell(page, report_format_count(&word, number));
}

static void cell_of_ns(struct page *page, uint64_t ns)
{
    struct report_word word;
    cell(page, report_format_ns(&word, ns));
}

/* A heading and the head of a table; the columns as Markdown. */
static void begin_table(struct page *page, const char *title,
                        const char *columns, const char *rule)
{
    page->left_out = 0;
    report_buffer_print(page->out, "\n### %s\n\n%s\n%s\n", title, columns,
                        rule);
}

static void end_table(struct page *page)
{
    if (page->left_out > 0)
        report_buffer_print(page->out,
                            "\n%zu more rows were left out: a summary may "
                            "have 900 KiB.\n",
                            page->left_out);
}

/* In <pre>, where Markdown does not look. */
static void put_again(struct report_buffer *out,
                      const struct report_export *from)
{
    if (!from->replay)
        return;
    report_buffer_put(out, "\nThe same run again:\n\n<pre>");
    report_buffer_html(out, from->replay, CELL_MAX_COLUMNS * 4);
    report_buffer_put(out, "</pre>\n");
}

static void put_head(struct report_buffer *out,
                     const struct report_export *from)
{
    report_buffer_put(out, "## ");
    markdown(out, from->scenario);
    report_buffer_print(out, ": %s\n\n", check_verdict_name(from->verdict));
    if (from->why) {
        markdown(out, from->why);
        report_buffer_put(out, "\n\n");
    }
    for (size_t i = 0; i < from->reason_count; i++) {
        report_buffer_print(out, "- **%s** ",
                            check_verdict_name(from->reasons[i].verdict));
        markdown(out, from->reasons[i].text);
        report_buffer_put(out, "\n");
    }
    put_again(out, from);
}

static const char *verdict_of(const struct report_export_case *each)
{
    return each->absent ? "not here" : check_verdict_name(each->verdict);
}

static void put_properties(struct page *page, const struct report_export *from)
{
    begin_table(page, "Properties",
                "| Property | Verdict | Checked | Violations | |",
                "|---|---|--:|--:|---|");
    for (size_t i = 0; i < from->case_count; i++) {
        const struct report_export_case *each = &from->cases[i];
        if (!each->id)
            continue;
        report_buffer_put(&page->row, "| ");
        markdown(&page->row, each->id);
        report_buffer_put(&page->row, " ");
        markdown(&page->row, each->name);
        report_buffer_put(&page->row, " ");
        cell(page, verdict_of(each));
        cell_of_count(page, each->checked);
        cell_of_count(page, each->violations);
        cell(page, each->detail ? each->detail : "");
        report_buffer_put(&page->row, "|");
        end_row(page);
    }
    end_table(page);
}

static void put_expectations(struct page *page,
                             const struct report_export *from)
{
    begin_table(page, "Expectations", "| Expected | Found | Verdict |",
                "|---|---|---|");
    for (size_t i = 0; i < from->case_count; i++) {
        const struct report_export_case *each = &from->cases[i];
        if (each->id)
            continue;
        cell(page, each->name);
        cell(page, each->detail ? each->detail : "");
        cell(page, verdict_of(each));
        report_buffer_put(&page->row, "|");
        end_row(page);
    }
    end_table(page);
}

static void put_latency(struct page *page,
                        const struct report_export_latency *latency)
{
    cell_of_count(page, latency->count);
    cell_of_ns(page, latency->p50_ns);
    cell_of_ns(page, latency->p90_ns);
    cell_of_ns(page, latency->p99_ns);
    cell_of_ns(page, latency->max_ns);
    report_buffer_put(&page->row, "|");
    end_row(page);
}

static void put_latencies(struct page *page, const struct report_export *from)
{
    begin_table(page, "Latency, in virtual time",
                "| | Count | p50 | p90 | p99 | max |",
                "|---|--:|--:|--:|--:|--:|");
    cell(page, "whole runs");
    put_latency(page, &from->latency);
    for (size_t i = 0; i < from->step_count; i++) {
        report_buffer_put(&page->row, "| ");
        markdown(&page->row, from->steps[i].workflow);
        report_buffer_put(&page->row, "/");
        markdown(&page->row, from->steps[i].name);
        report_buffer_put(&page->row, " ");
        put_latency(page, &from->steps[i].total);
    }
    end_table(page);
}

static void put_faults(struct page *page, const struct report_export *from)
{
    begin_table(page, "Faults", "| Point | Fired | Effective | In flight |",
                "|---|--:|--:|--:|");
    for (size_t i = 0; i < from->fault_count; i++) {
        cell(page, from->faults[i].point);
        cell_of_count(page, from->faults[i].fired);
        cell_of_count(page, from->faults[i].effective);
        cell_of_count(page, from->faults[i].in_flight);
        report_buffer_put(&page->row, "|");
        end_row(page);
    }
    end_table(page);
}

void report_export_github_summary(const struct report_export *from,
                                  struct report_buffer *out)
{
    struct page page = {.out = out,
                        .limit = REPORT_EXPORT_SUMMARY_MAX - RESERVE};
    report_buffer_init(&page.row);
    put_head(out, from);
    put_expectations(&page, from);
    put_properties(&page, from);
    put_latencies(&page, from);
    put_faults(&page, from);
    report_buffer_free(&page.row);
}

/* Annotations ------------------------------------------------------------- */

static const char *level_of(enum check_verdict verdict)
{
    switch (verdict) {
    case CHECK_FAIL:
        return "error";
    case CHECK_INCONCLUSIVE:
        return "warning";
    case CHECK_PASS:
    case CHECK_EXCUSED:
        return "notice";
    }
    return "notice";
}

void report_export_github_annotations(const struct report_export *from,
                                      struct report_buffer *out)
{
    size_t shown = from->reason_count < REPORT_EXPORT_ANNOTATIONS_MAX
                       ? from->reason_count
                       : REPORT_EXPORT_ANNOTATIONS_MAX;
    for (size_t i = 0; i < shown; i++) {
        const struct report_export_reason *reason = &from->reasons[i];
        report_buffer_print(out, "::%s title=", level_of(reason->verdict));
        put_escaped(out, from->scenario, CELL_MAX_COLUMNS, "%:,",
                    escape_percent);
        report_buffer_put(out, "::");
        put_escaped(out, reason->text, CELL_MAX_COLUMNS * 2, "%",
                    escape_percent);
        if (from->replay && i == 0) {
            report_buffer_put(out, "%0AAgain: ");
            put_escaped(out, from->replay, CELL_MAX_COLUMNS * 4, "%",
                        escape_percent);
        }
        if (i + 1 == shown && from->reason_count > shown)
            report_buffer_print(out, "%%0AAnd %zu more in the report.",
                                from->reason_count - shown);
        report_buffer_put(out, "\n");
    }
}
