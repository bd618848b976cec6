/* What was judged: properties, expectations, conditions of a sweep. */
#include <inttypes.h>
#include <stdio.h>

#include "reports/format.h"
#include "reports/html.h"

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

int html_has_properties(const struct report_model *model)
{
    return model->facts.result_count > 0;
}

static void put_violations(const struct report_model *model,
                           struct report_buffer *out,
                           const struct check_result *result)
{
    const struct engine_record *first = &result->first.record;
    struct report_word count;
    struct report_word time;
    report_buffer_print(
        out, "<span class=\"note\">%s %s, the first at %s, record %" PRIu64,
        report_format_count(&count, result->violations),
        result->violations == 1 ? "violation" : "violations",
        report_format_ns(&time, first->time_ns - model->stats->first_ns),
        result->first.index);
    if (first->run)
        report_buffer_print(out, ", run %" PRIu64, first->run);
    put(out, "</span><br>");
    report_buffer_html(out, result->first.text, HTML_SENTENCE);
    if (result->first.waits_for[0])
        html_element(out, "<br><span class=\"note\">waits for: ",
                     result->first.waits_for, HTML_SENTENCE, "</span>");
}

static void put_finding(const struct report_model *model,
                        struct report_buffer *out,
                        const struct check_result *result)
{
    put(out, "<tr class=\"sub\"><td></td><td colspan=\"4\">");
    if (result->violations)
        put_violations(model, out, result);
    else
        report_buffer_html(out, result->reason, HTML_SENTENCE);
    put(out, "</td></tr>\n");
}

static void property_row(const struct report_model *model,
                         struct report_buffer *out,
                         const struct check_result *result)
{
    int more = result->violations ||
               (result->verdict != CHECK_PASS && result->reason[0]);
    put(out, more ? "<tr class=\"head\">" : "<tr>");
    html_element(out, "<th scope=\"row\" class=\"w\">", result->id, HTML_NAME,
                 "</th>");
    html_cell(out, result->name);
    html_count(out, result->checked);
    html_cell(out, result->unit);
    html_verdict(out, result->verdict);
    html_row_end(out);
    if (more)
        put_finding(model, out, result);
}

/* Those that the world has nothing for, in a line. */
static void put_absent(const struct report_model *model,
                       struct report_buffer *out)
{
    const struct report_facts *facts = &model->facts;
    const char *comma = "";
    if (model->absent == 0)
        return;
    report_buffer_print(out, "<p class=\"note\">%" PRIu32 " %s not apply: ",
                        model->absent, model->absent == 1 ? "does" : "do");
    for (size_t i = 0; i < facts->result_count; i++) {
        if (!facts->results[i].absent || out->size > HTML_SIZE_SOFT)
            continue;
        put(out, comma);
        report_buffer_html(out, facts->results[i].id, HTML_NAME);
        put(out, " ");
        report_buffer_html(out, facts->results[i].name, HTML_NAME);
        comma = ", ";
    }
    put(out, ".</p>\n");
}

void html_put_properties(struct html_page *page)
{
    static const struct html_column columns[] = {{"id", NULL},
                                                 {"property", NULL},
                                                 {"checked", "n"},
                                                 {"of what", NULL},
                                                 {"verdict", NULL}};
    const struct report_facts *facts = &page->model->facts;
    struct report_buffer *out = page->out;
    size_t judged = facts->result_count - page->model->absent;
    size_t row = 0;
    html_table(out, "Properties", columns, 5);
    for (size_t i = 0; i < facts->result_count; i++) {
        if (facts->results[i].absent)
            continue;
        if (!html_room(out, row++, judged, 5))
            break;
        property_row(page->model, out, &facts->results[i]);
    }
    html_table_end(out);
    put_absent(page->model, out);
}

int html_has_expectations(const struct report_model *model)
{
    return model->facts.expectation_count + model->facts.threshold_count > 0;
}

void html_put_expectations(struct html_page *page)
{
    static const struct html_column columns[] = {
        {"expected", NULL}, {"found", NULL}, {"verdict", NULL}};
    const struct report_facts *facts = &page->model->facts;
    struct report_buffer *out = page->out;
    html_table(out, "Expectations", columns, 3);
    for (size_t i = 0; html_room(out, i, facts->expectation_count, 3); i++) {
        html_row(out, facts->expectations[i].text);
        html_cell(out, facts->expectations[i].actual);
        html_verdict(out, facts->expectations[i].verdict);
        html_row_end(out);
    }
    for (size_t i = 0; html_room(out, i, facts->threshold_count, 3); i++) {
        const struct report_threshold *each = &facts->thresholds[i];
        char text[200];
        snprintf(text, sizeof(text), "%s %s", each->expr, each->limit);
        html_row(out, text);
        html_cell(out, each->actual);
        html_verdict(out, each->verdict);
        html_row_end(out);
    }
    html_table_end(out);
}

int html_has_sometimes(const struct report_model *model)
{
    return model->facts.sometimes_count > 0;
}

void html_put_sometimes(struct html_page *page)
{
    static const struct html_column columns[] = {
        {"condition", NULL}, {"found", NULL}, {"here", NULL}};
    const struct report_facts *facts = &page->model->facts;
    struct report_buffer *out = page->out;
    put(out, "<p class=\"note\">Each is to come true in one world of a sweep; "
             "it is no part of this verdict.</p>\n");
    html_table(out, "Sometimes", columns, 3);
    for (size_t i = 0; html_room(out, i, facts->sometimes_count, 3); i++) {
        const struct report_expectation *sometimes = &facts->sometimes[i];
        html_row(out, sometimes->text);
        html_cell(out, sometimes->actual);
        html_cell(out, sometimes->verdict == CHECK_PASS ? "came true"
                                                        : "not in this world");
        html_row_end(out);
    }
    html_table_end(out);
}

int html_has_failures(const struct report_model *model)
{
    return model->facts.failures && model->facts.failures->count > 0;
}

static void put_line(struct report_buffer *out, struct engine_text line)
{
    char word[HTML_SENTENCE];
    snprintf(word, sizeof(word), "%.*s", (int)line.size, line.text);
    report_buffer_html(out, word, HTML_SENTENCE);
}

/* What was said on the way, the root cause last. */
static void put_chain(struct report_buffer *out,
                      const struct report_failure *failure)
{
    struct engine_text line;
    const char *gap = "";
    for (size_t at = 0;
         engine_cause_next(failure->chain, failure->size, &at, &line);) {
        put(out, gap);
        put_line(out, line);
        gap = "<br>";
    }
}

void html_put_failures(struct html_page *page)
{
    static const struct html_column columns[] = {{"class", NULL},
                                                 {"runs", "n"},
                                                 {"first", "n"},
                                                 {"said, the root last", NULL}};
    const struct report_failures *failures = page->model->facts.failures;
    struct report_buffer *out = page->out;
    html_table(out, "Why runs failed", columns, 4);
    for (size_t i = 0; html_room(out, i, failures->count, 4); i++) {
        const struct report_failure *failure = &failures->list[i];
        html_row(out, engine_error_name(failure->error));
        html_count(out, failure->count);
        report_buffer_print(out, "<td class=\"n\">run %" PRIu64 "</td><td>",
                            failure->run);
        put_chain(out, failure);
        put(out, "</td>");
        html_row_end(out);
    }
    html_table_end(out);
    if (failures->others)
        report_buffer_print(out,
                            "<p class=\"note\">%" PRIu64
                            " more runs failed for other causes.</p>\n",
                            failures->others);
}
