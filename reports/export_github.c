#include <inttypes.h>
#include <string.h>

#include "reports/export.h"
#include "reports/format.h"
#include "reports/markdown.h"

enum {
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

static void escape_percent(struct report_buffer *out, char letter)
{
    report_buffer_print(out, "%%%02X", (unsigned)(unsigned char)letter);
}

/* Summary ----------------------------------------------------------------- */

static const char too_long[] = "a summary may have 900 KiB.";

static void put_again(struct report_buffer *out,
                      const struct report_export *from)
{
    if (!from->replay)
        return;
    report_buffer_put(out, "\nThe same run again:\n\n");
    markdown_pre(out, from->replay);
}

static void put_head(struct report_buffer *out,
                     const struct report_export *from)
{
    report_buffer_put(out, "## ");
    markdown_text(out, from->scenario, MARKDOWN_COLUMNS);
    report_buffer_print(out, ": %s\n\n", check_verdict_name(from->verdict));
    if (from->why) {
        markdown_text(out, from->why, MARKDOWN_COLUMNS);
        report_buffer_put(out, "\n\n");
    }
    for (size_t i = 0; i < from->reason_count; i++) {
        report_buffer_print(out, "- **%s** ",
                            check_verdict_name(from->reasons[i].verdict));
        markdown_text(out, from->reasons[i].text, MARKDOWN_COLUMNS);
        report_buffer_put(out, "\n");
    }
    put_again(out, from);
}

static const char *verdict_of(const struct report_export_case *each)
{
    return each->absent ? "not here" : check_verdict_name(each->verdict);
}

static void put_properties(struct markdown *page,
                           const struct report_export *from)
{
    markdown_table(page, "Properties",
                   "| Property | Verdict | Checked | Violations | |",
                   "|---|---|--:|--:|---|");
    for (size_t i = 0; i < from->case_count; i++) {
        const struct report_export_case *each = &from->cases[i];
        if (!each->id)
            continue;
        report_buffer_put(&page->row, "| ");
        markdown_text(&page->row, each->id, MARKDOWN_COLUMNS);
        report_buffer_put(&page->row, " ");
        markdown_text(&page->row, each->name, MARKDOWN_COLUMNS);
        report_buffer_put(&page->row, " ");
        markdown_cell(page, verdict_of(each));
        markdown_count(page, each->checked);
        markdown_count(page, each->violations);
        markdown_cell(page, each->detail ? each->detail : "");
        markdown_row_end(page);
    }
    markdown_table_end(page, too_long);
}

static void put_expectations(struct markdown *page,
                             const struct report_export *from)
{
    markdown_table(page, "Expectations", "| Expected | Found | Verdict |",
                   "|---|---|---|");
    for (size_t i = 0; i < from->case_count; i++) {
        const struct report_export_case *each = &from->cases[i];
        if (each->id)
            continue;
        markdown_cell(page, each->name);
        markdown_cell(page, each->detail ? each->detail : "");
        markdown_cell(page, verdict_of(each));
        markdown_row_end(page);
    }
    markdown_table_end(page, too_long);
}

static void put_latency(struct markdown *page,
                        const struct report_export_latency *latency)
{
    markdown_count(page, latency->count);
    markdown_ns(page, latency->p50_ns);
    markdown_ns(page, latency->p90_ns);
    markdown_ns(page, latency->p99_ns);
    markdown_ns(page, latency->max_ns);
    markdown_row_end(page);
}

static void put_latencies(struct markdown *page,
                          const struct report_export *from)
{
    markdown_table(page, "Latency, in virtual time",
                   "| | Count | p50 | p90 | p99 | max |",
                   "|---|--:|--:|--:|--:|--:|");
    markdown_cell(page, "whole runs");
    put_latency(page, &from->latency);
    for (size_t i = 0; i < from->step_count; i++) {
        report_buffer_put(&page->row, "| ");
        markdown_text(&page->row, from->steps[i].workflow, MARKDOWN_COLUMNS);
        report_buffer_put(&page->row, "/");
        markdown_text(&page->row, from->steps[i].name, MARKDOWN_COLUMNS);
        report_buffer_put(&page->row, " ");
        put_latency(page, &from->steps[i].total);
    }
    markdown_table_end(page, too_long);
}

static void put_faults(struct markdown *page, const struct report_export *from)
{
    markdown_table(page, "Faults", "| Point | Fired | Effective | In flight |",
                   "|---|--:|--:|--:|");
    for (size_t i = 0; i < from->fault_count; i++) {
        markdown_cell(page, from->faults[i].point);
        markdown_count(page, from->faults[i].fired);
        markdown_count(page, from->faults[i].effective);
        markdown_count(page, from->faults[i].in_flight);
        markdown_row_end(page);
    }
    markdown_table_end(page, too_long);
}

void report_export_github_summary(const struct report_export *from,
                                  struct report_buffer *out)
{
    struct markdown page;
    markdown_init(&page, out, REPORT_EXPORT_SUMMARY_MAX - RESERVE);
    put_head(out, from);
    put_expectations(&page, from);
    put_properties(&page, from);
    put_latencies(&page, from);
    put_faults(&page, from);
    markdown_deinit(&page);
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
        put_escaped(out, from->scenario, MARKDOWN_COLUMNS, "%:,",
                    escape_percent);
        report_buffer_put(out, "::");
        put_escaped(out, reason->text, MARKDOWN_COLUMNS * 2, "%",
                    escape_percent);
        if (from->replay && i == 0) {
            report_buffer_put(out, "%0AAgain: ");
            put_escaped(out, from->replay, MARKDOWN_COLUMNS * 4, "%",
                        escape_percent);
        }
        if (i + 1 == shown && from->reason_count > shown)
            report_buffer_print(out, "%%0AAnd %zu more in the report.",
                                from->reason_count - shown);
        report_buffer_put(out, "\n");
    }
}
