#include "scenarios/validate/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/page.h"
#include "scenarios/output.h"

static const char rule[] =
    "A row holds if what came out is as near as it must be, or if the two 95 %"
    " intervals meet. Means are of batches, without the first tenth of them.";

struct validate_totals validate_total(const struct validate *v)
{
    struct validate_totals totals = {0};
    for (uint32_t i = 0; i < v->count; i++) {
        totals.holds += v->rows[i].verdict == VALIDATE_HOLDS;
        totals.fails += v->rows[i].verdict == VALIDATE_FAILS;
        totals.unsure += v->rows[i].verdict == VALIDATE_UNSURE;
    }
    return totals;
}

/* Relative, in percent; of what was expected to be 0 there is none. */
static bool error_of(const struct validate_row *row, double *percent)
{
    if (row->at_most || row->expected == 0)
        return false;
    *percent = 100 * (row->got - row->expected) / fabs(row->expected);
    return true;
}

static const char *group_what(const char *name)
{
    for (uint32_t i = 0; validate_groups[i]; i++)
        if (strcmp(validate_groups[i]->name, name) == 0)
            return validate_groups[i]->what;
    return "";
}

static bool new_group(const struct validate *v, uint32_t i)
{
    return i == 0 || strcmp(v->rows[i].group, v->rows[i - 1].group) != 0;
}

static void put_totals(struct report_buffer *out, const struct validate *v)
{
    struct validate_totals totals = validate_total(v);
    report_buffer_print(out, "%u hold, %u fail, %u unsure", totals.holds,
                        totals.fails, totals.unsure);
}

static void text_row(struct report_buffer *out, const struct validate_row *row)
{
    double percent;
    char error[24] = "";
    char half[24] = "";
    if (error_of(row, &percent))
        snprintf(error, sizeof(error), "%+.2f %%", percent);
    if (row->half > 0 && isfinite(row->half))
        snprintf(half, sizeof(half), "+-%.2g", row->half);
    report_buffer_print(out, "  %-6s %s%12.7g %12.7g %-10s %9s  %s\n",
                        validate_verdict_name(row->verdict),
                        row->at_most ? "<=" : "  ", row->expected, row->got,
                        half, error, row->name);
}

void validate_text(struct report_buffer *out, const struct validate *v)
{
    report_buffer_put(out, "  verdict     expected          got 95 %         "
                           "error  what\n");
    for (uint32_t i = 0; i < v->count; i++) {
        if (new_group(v, i))
            report_buffer_print(out, "%s: %s\n", v->rows[i].group,
                                group_what(v->rows[i].group));
        text_row(out, &v->rows[i]);
    }
    report_buffer_put(out, "\n");
    put_totals(out, v);
    report_buffer_put(out, "\n");
}

static void number(struct report_buffer *out, const char *name, double value)
{
    if (isfinite(value))
        report_buffer_print(out, "    \"%s\": %.9g,\n", name, value);
    else
        report_buffer_print(out, "    \"%s\": null,\n", name);
}

void validate_json(struct report_buffer *out, const struct validate *v)
{
    struct validate_totals totals = validate_total(v);
    report_buffer_print(out,
                        "{\n\"fails\": %u,\n\"holds\": %u,\n\"length\": %.9g,\n"
                        "\"rows\": [",
                        totals.fails, totals.holds, v->length);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct validate_row *row = &v->rows[i];
        report_buffer_put(out, i ? ",\n  {\n" : "\n  {\n");
        number(out, "allowed", row->allowed);
        report_buffer_print(out, "    \"at_most\": %s,\n",
                            row->at_most ? "true" : "false");
        number(out, "expected", row->expected);
        number(out, "expected_half_95", row->known);
        number(out, "got", row->got);
        number(out, "got_half_95", row->half);
        output_member(out, "group", row->group, ",\n");
        output_member(out, "name", row->name, ",\n");
        output_member(out, "source", row->source, ",\n");
        output_member(out, "verdict", validate_verdict_name(row->verdict),
                      "\n  }");
    }
    report_buffer_print(out,
                        "\n],\n\"schema\": \"perdure.validation/1\",\n"
                        "\"seed\": %llu,\n\"unsure\": %u\n}\n",
                        (unsigned long long)v->seed, totals.unsure);
}

static void cell(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, "<td>");
    report_buffer_html(out, text, SIZE_MAX);
    report_buffer_put(out, "</td>");
}

static void html_row(struct report_buffer *out, const struct validate_row *row)
{
    double percent;
    char text[64];
    static const char *const verdicts[] = {
        "<tr><td class=pass>✓ holds</td>", "<tr><td class=fail>✗ fails</td>",
        "<tr><td class=fail>? unsure</td>", "<tr><td>shown</td>"};
    report_buffer_put(out, verdicts[row->verdict]);
    cell(out, row->name);
    snprintf(text, sizeof(text), "%s%.7g", row->at_most ? "at most " : "",
             row->expected);
    cell(out, text);
    if (row->half > 0 && isfinite(row->half))
        snprintf(text, sizeof(text), "%.7g ± %.2g", row->got, row->half);
    else
        snprintf(text, sizeof(text), "%.7g", row->got);
    cell(out, text);
    text[0] = '\0';
    if (error_of(row, &percent))
        snprintf(text, sizeof(text), "%+.2f %%", percent);
    cell(out, text);
    cell(out, row->source);
    report_buffer_put(out, "</tr>\n");
}

void validate_html(struct report_buffer *out, const struct validate *v)
{
    report_buffer_put(out, report_page_head);
    report_buffer_put(out, report_page_title);
    report_buffer_put(out, "perdure: are the models right?");
    report_buffer_put(out, report_page_style);
    report_buffer_put(out, report_page_charts);
    report_buffer_put(out, "<h1>Are the models right?</h1>\n<p>");
    put_totals(out, v);
    report_buffer_print(out, ". %s</p>\n", rule);
    for (uint32_t i = 0; i < v->count; i++) {
        if (new_group(v, i)) {
            report_buffer_print(out, "%s<h2>%s</h2>\n<p>", i ? "</table>" : "",
                                v->rows[i].group);
            report_buffer_html(out, group_what(v->rows[i].group), SIZE_MAX);
            report_buffer_put(out,
                              "</p>\n<table><tr><th>verdict</th><th>what</th>"
                              "<th>expected</th><th>got</th><th>error</th>"
                              "<th>where from</th></tr>\n");
        }
        html_row(out, &v->rows[i]);
    }
    report_buffer_put(out, v->count ? "</table>\n</body></html>\n"
                                    : "</body></html>\n");
}
