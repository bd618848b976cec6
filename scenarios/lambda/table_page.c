/* index.html of a sweep. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"
#include "reports/gate.h"
#include "reports/html.h"
#include "scenarios/lambda/table_chart.h"

enum {
    COLUMNS_MAX = 96,  /* of the matrix */
    REPEATS_MAX = 256, /* sentences on effects */
    PLACES_MAX = 40,   /* boundaries in one of them, */
    ROWS_MAX = 2000,   /* of the matrix and of all trials */
    REASONS_MAX = 5,   /* under the verdict */
    FULL_MAX = 60,     /* commands of failures of one kind */
    RESULT = 600
};

/* What is counted over the rows before anything is written. */
struct view {
    const struct lambda_table *table;
    struct report_buffer *out;
    uint32_t columns[COLUMNS_MAX]; /* a row of each fault */
    uint32_t column_count;
    uint32_t *places; /* first row of each boundary, in order */
    uint32_t place_count;
};

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

static void choose_columns(struct view *view)
{
    const struct lambda_table *table = view->table;

    for (uint32_t r = 0; r < table->count; r++) {
        uint32_t c = 0;
        while (c < view->column_count &&
               !lambda_table_same_fault(&table->rows[view->columns[c]],
                                        &table->rows[r]))
            c++;
        if (c == view->column_count && c < COLUMNS_MAX)
            view->columns[view->column_count++] = r;
    }
}

/* Boundaries are met again in runs with other pages. */
static void choose_places(struct view *view)
{
    const struct lambda_table *table = view->table;

    for (uint32_t r = 0; r < table->count; r++) {
        uint32_t p = 0;
        while (p < view->place_count &&
               strcmp(table->rows[view->places[p]].at, table->rows[r].at) != 0)
            p++;
        if (p == view->place_count)
            view->places[view->place_count++] = r;
    }
}

/* The most that an effect was applied, of those applied again; 0: none. */
static uint64_t again(const struct lambda_table *table,
                      const struct lambda_table_row *row)
{
    uint64_t most = 0;

    for (uint32_t i = 0; i < table->effect_count; i++)
        if (row->applied[i] > table->effects[i].applied &&
            row->applied[i] > most)
            most = row->applied[i];
    return most;
}

static void put_fault(const struct lambda_table_row *row,
                      struct report_buffer *out)
{
    report_buffer_html(out, row->fault, HTML_NAME);
    if (row->detail[0]) {
        put(out, " ");
        report_buffer_html(out, row->detail, HTML_NAME);
    }
}

/* What did not hold, by kind ----------------------------------------------- */

static bool same_kind(const struct lambda_table_row *a,
                      const struct lambda_table_row *b)
{
    return a->verdict == b->verdict && lambda_table_same_fault(a, b) &&
           strcmp(a->why, b->why) == 0;
}

static bool is_told(const struct lambda_table *table, uint32_t row)
{
    for (uint32_t i = 0; i < row; i++)
        if (same_kind(&table->rows[i], &table->rows[row]))
            return true;
    return false;
}

static uint32_t count_kind(const struct lambda_table *table, uint32_t first)
{
    uint32_t count = 0;

    for (uint32_t i = first; i < table->count; i++)
        count += same_kind(&table->rows[i], &table->rows[first]);
    return count;
}

/* The head ----------------------------------------------------------------- */

/* What no trial is to blame for: the undisturbed run itself. */
static void put_broken(const struct lambda_table *table,
                       struct report_buffer *out)
{
    for (uint32_t i = 0; i < table->property_count; i++) {
        const struct lambda_table_property *property = &table->properties[i];
        if (!property->violations)
            continue;
        html_element(out, "<p>", property->id, HTML_NAME, ", ");
        html_element(out, "", property->name, HTML_NAME, ": ");
        html_element(out, "", property->why, HTML_SENTENCE, "</p>\n");
    }
}

/* The first kinds, one line each. */
static void put_reasons(const struct lambda_table *table,
                        struct report_buffer *out)
{
    uint32_t shown = 0;

    for (uint32_t i = 0; i < table->count && shown < REASONS_MAX; i++) {
        if (table->rows[i].verdict != CHECK_FAIL || is_told(table, i))
            continue;
        put(out, shown++ ? "<li>" : "<ul>\n<li>");
        put_fault(&table->rows[i], out);
        report_buffer_print(out, ", in %u trials: ", count_kind(table, i));
        report_buffer_html(out, table->rows[i].why, HTML_PHRASE);
        put(out, "</li>\n");
    }
    if (shown)
        put(out, "</ul>\n");
}

static void say(const struct lambda_table *table, struct report_buffer *out)
{
    struct report_word held, all;

    put(out, "<p>");
    if (table->trials == 0)
        put(out, "Nothing was struck.");
    else
        report_buffer_print(out, "%s of %s trials held.",
                            report_format_count(&held, table->held),
                            report_format_count(&all, table->trials));
    if (!table->complete)
        put(out, " It was stopped before it was through.");
    put(out, "</p>\n");
    put_reasons(table, out);
    if (table->verdict == CHECK_FAIL && !table->failed)
        put_broken(table, out);
    if (table->failed)
        put(out, "<p>See <a href=\"#failures\">what did not hold</a>.</p>\n");
}

static void put_head(const struct view *view)
{
    const struct lambda_table *table = view->table;
    struct report_buffer *out = view->out;

    html_open(out, table->handler,
              "A durable Lambda function, struck at each of its boundaries by "
              "each fault that fits, and held against its undisturbed run.",
              table->verdict, NULL);
    put(out, "</header>\n");
    html_verdict_open(out, table->verdict, NULL);
    say(table, out);
    put(out, "<p class=\"note\">To do all of it again:</p>");
    html_command(out, table->command);
    put(out, "</section>\n");
}

static void put_figures(const struct view *view)
{
    const struct lambda_table *table = view->table;
    struct report_buffer *out = view->out;
    struct report_word word;
    uint64_t repeated = 0;

    for (uint32_t i = 0; i < table->count; i++)
        repeated += table->rows[i].verdict == CHECK_PASS &&
                    again(table, &table->rows[i]) > 0;
    put(out, "<dl class=\"figures\">\n");
    html_figure(out, "boundaries",
                report_format_count(&word, table->boundaries));
    html_figure(out, "trials", report_format_count(&word, table->trials));
    html_figure(out, "held", report_format_count(&word, table->held));
    html_doubtful(out, "odd", "≈", "of these with effects again", repeated);
    html_doubtful(out, "bad", "✗", "failed", table->failed);
    html_doubtful(out, "odd", "?", "never came there", table->missed);
    html_figure(out, "virtual time",
                report_format_ns(&word, table->virtual_ns));
    html_figure(out, "invocations",
                report_format_count(&word, table->invocations));
    put(out, "</dl>\n");
}

static void put_contents(const struct view *view)
{
    put(view->out, "<nav aria-label=\"Contents\">\n"
                   "<a href=\"#matrix\">Boundaries and faults</a>\n"
                   "<a href=\"#failures\">What did not hold</a>\n"
                   "<a href=\"#effects\">Side effects</a>\n"
                   "<a href=\"#properties\">Properties</a>\n"
                   "<a href=\"#quotas\">Quotas and metering</a>\n"
                   "<a href=\"#history\">The undisturbed run</a>\n"
                   "<a href=\"#trials\">All trials</a>\n"
                   "<a href=\"#limits\">What this page does not show</a>\n"
                   "</nav>\n<main id=\"main\">\n");
}

/* The matrix --------------------------------------------------------------- */

static void put_cell(const struct view *view, uint32_t row)
{
    const struct lambda_table *table = view->table;
    uint64_t most = again(table, &table->rows[row]);
    const char *class = "fine";
    char text[32] = "✓";

    if (table->rows[row].verdict == CHECK_FAIL) {
        class = "bad";
        snprintf(text, sizeof(text), "✗");
    } else if (table->rows[row].verdict == CHECK_INCONCLUSIVE) {
        class = "odd";
        snprintf(text, sizeof(text), "?");
    } else if (most) {
        class = "odd";
        snprintf(text, sizeof(text), "%" PRIu64 "×", most);
    }
    report_buffer_print(view->out,
                        "<td class=\"n heat %s\"><a href=\"#t%" PRIu32
                        "\">%s</a></td>",
                        class, row, text);
}

/* The trial of a boundary with a column's fault; UINT32_MAX: none. */
static uint32_t trial_of(const struct view *view, uint32_t place,
                         uint32_t column)
{
    const struct lambda_table *table = view->table;
    const struct lambda_table_row *like = &table->rows[view->columns[column]];
    const char *at = table->rows[view->places[place]].at;

    for (uint32_t r = view->places[place]; r < table->count; r++)
        if (lambda_table_same_fault(&table->rows[r], like) &&
            strcmp(table->rows[r].at, at) == 0)
            return r;
    return UINT32_MAX;
}

static void put_place(const struct view *view, uint32_t place)
{
    html_element(view->out, "<tr><th scope=\"row\"><code>",
                 view->table->rows[view->places[place]].at, HTML_PHRASE,
                 "</code></th>");
    for (uint32_t c = 0; c < view->column_count; c++) {
        uint32_t row = trial_of(view, place, c);
        if (row == UINT32_MAX)
            put(view->out, "<td class=\"n dim\">·</td>");
        else
            put_cell(view, row);
    }
    html_row_end(view->out);
}

static void put_matrix(const struct view *view)
{
    struct html_column columns[COLUMNS_MAX + 1] = {{"boundary", NULL}};
    struct report_buffer titles[COLUMNS_MAX] = {{0}};

    html_section(view->out, "matrix", "Boundaries and faults");
    put(view->out, "<p class=\"note\">In the order in which the undisturbed "
                   "run crosses them. ✓ it ends as undisturbed; 2× so does it, "
                   "and an effect may be applied so often; ✗ it does not; ? it "
                   "never came there; · the fault cannot strike there. Each "
                   "leads to its trial.</p>\n");
    for (uint32_t c = 0; c < view->column_count; c++) {
        put_fault(&view->table->rows[view->columns[c]], &titles[c]);
        columns[c + 1] =
            (struct html_column){titles[c].text ? titles[c].text : "", "n up"};
    }
    html_table(view->out, "Boundaries and faults", columns,
               view->column_count + 1);
    for (uint32_t p = 0; p < view->place_count && p < ROWS_MAX &&
                         view->out->size < HTML_SIZE_SOFT;
         p++)
        put_place(view, p);
    html_table_end(view->out);
    html_section_end(view->out);
    for (uint32_t c = 0; c < view->column_count; c++)
        report_buffer_free(&titles[c]);
}

/* Failures ----------------------------------------------------------------- */

/* All that failed in the same way, each with its command. */
static void put_kind(const struct view *view, uint32_t first)
{
    const struct lambda_table *table = view->table;
    struct report_buffer *out = view->out;
    uint32_t shown = 0, all = 0;

    put(out, "<h3>");
    put_fault(&table->rows[first], out);
    report_buffer_print(
        out, "</h3>\n<p><strong class=\"%s\">%s</strong>: ",
        table->rows[first].verdict == CHECK_FAIL ? "fail" : "dim",
        table->rows[first].verdict == CHECK_FAIL ? "failed" : "open");
    report_buffer_html(out, table->rows[first].why, HTML_SENTENCE);
    put(out, "</p>\n<ul>\n");
    for (uint32_t i = first; i < table->count; i++) {
        if (!same_kind(&table->rows[i], &table->rows[first]))
            continue;
        all++;
        if (shown == FULL_MAX || out->size > HTML_SIZE_SOFT)
            continue;
        html_element(out, "<li>", table->rows[i].at, HTML_PHRASE,
                     "<br><code class=\"copy\">");
        html_element(out, "", table->rows[i].again, HTML_SENTENCE * 4,
                     "</code></li>\n");
        shown++;
    }
    if (all > shown)
        report_buffer_print(out, "<li>%u more are in lambda.json</li>\n",
                            all - shown);
    put(out, "</ul>\n");
}

static void put_failures(const struct view *view)
{
    const struct lambda_table *table = view->table;
    static const enum check_verdict order[] = {CHECK_FAIL, CHECK_INCONCLUSIVE};
    uint32_t kinds = 0;

    html_section(view->out, "failures", "What did not hold");
    for (unsigned o = 0; o < 2; o++)
        for (uint32_t i = 0; i < table->count; i++)
            if (table->rows[i].verdict == order[o] && !is_told(table, i)) {
                put_kind(view, i);
                kinds++;
            }
    if (!kinds && table->trials)
        put(view->out, "<p>Everything held.</p>\n");
    if (!table->trials)
        put(view->out, "<p>The undisturbed run gives nothing to hold others "
                       "against.</p>\n");
    html_section_end(view->out);
}

/* Effects ------------------------------------------------------------------ */

static void put_repeat(const struct view *view,
                       const struct lambda_repeat *list, uint32_t count,
                       uint32_t index)
{
    const struct lambda_repeat *repeat = &list[index];
    const struct lambda_table *table = view->table;
    struct report_buffer *out = view->out;
    struct report_buffer words = {0};
    uint32_t told = 0;

    lambda_repeat_write(table, list, count, index, &words);
    html_element(out, "<li>", words.text ? words.text : "", HTML_SENTENCE,
                 ": ");
    report_buffer_free(&words);
    for (uint32_t row = repeat->first; row != UINT32_MAX && told < PLACES_MAX;
         row = lambda_repeat_row(table, repeat, row + 1), told++) {
        report_buffer_print(out, "%s<a href=\"#t%" PRIu32 "\">",
                            told ? ", " : "", row);
        html_element(out, "", table->rows[row].at, HTML_PHRASE, "</a>");
    }
    if (repeat->rows > told)
        report_buffer_print(out, " and %u more", repeat->rows - told);
    put(out, "</li>\n");
}

static void put_effect(const struct view *view, uint32_t index,
                       const struct lambda_repeat *list, uint32_t count)
{
    const struct lambda_table_effect *effect = &view->table->effects[index];
    struct report_buffer *out = view->out;
    bool any = false;

    html_element(out, "<h3>", effect->name, HTML_NAME, "</h3>\n");
    for (uint32_t i = 0; i < count; i++)
        any = any || list[i].effect == index;
    report_buffer_print(out, "<p>%" PRIu64 "× undisturbed%s; %s</p>\n",
                        effect->applied,
                        effect->once ? ", and declared to be no more" : "",
                        any ? "it can be applied" : "never more.");
    if (!any)
        return;
    put(out, "<ul>\n");
    for (uint32_t i = 0; i < count; i++)
        if (list[i].effect == index &&
            !lambda_repeat_told(view->table, list, i))
            put_repeat(view, list, count, i);
    put(out, "</ul>\n");
}

static void put_effects(const struct view *view)
{
    struct lambda_repeat *list = calloc(REPEATS_MAX, sizeof(*list));

    html_section(view->out, "effects", "Side effects");
    if (!list) {
        view->out->failed = 1;
        return;
    }
    if (view->table->effect_count == 0)
        put(view->out, "<p>The function has none that were seen.</p>\n");
    uint32_t count = lambda_table_repeats(view->table, list, REPEATS_MAX);
    for (uint32_t e = 0; e < view->table->effect_count; e++)
        put_effect(view, e, list, count);
    free(list);
    html_section_end(view->out);
}

/* Properties, quotas ------------------------------------------------------- */

static void put_properties(const struct view *view)
{
    static const struct html_column columns[] = {
        {"", "w"},          {"property", NULL}, {"", "w"},
        {"looked at", "n"}, {"of", NULL},       {"violations", "n"}};
    const struct lambda_table *table = view->table;

    html_section(view->out, "properties", "Properties");
    put(view->out, "<p class=\"note\">R of the sweep itself, H of the history "
                   "that the API tells, the others of the engine's records and "
                   "its store, as in simulated worlds. Sums over all runs."
                   "</p>\n");
    html_table(view->out, "Properties", columns, 6);
    for (uint32_t i = 0; i < table->property_count; i++) {
        const struct lambda_table_property *property = &table->properties[i];
        html_element(view->out, "<tr><th scope=\"row\" class=\"w\">",
                     property->id, HTML_NAME, "</th>");
        html_element(view->out, "<td>", property->name, HTML_NAME, "");
        if (property->violations)
            html_element(view->out, "<br>", property->why, HTML_SENTENCE, "");
        put(view->out, "</td>");
        if (property->checked)
            html_verdict(view->out, property->verdict);
        else
            put(view->out, "<td class=\"w dim\">none here</td>");
        html_count(view->out, property->checked);
        html_cell(view->out, property->unit);
        html_bad(view->out, property->violations);
        html_row_end(view->out);
    }
    html_table_end(view->out);
    html_section_end(view->out);
}

static void put_value(struct report_buffer *out, const char *unit,
                      uint64_t value)
{
    struct report_word word;

    if (strcmp(unit, "ns") == 0)
        html_ns(out, value);
    else if (strcmp(unit, "bytes") == 0)
        html_text_n(out, report_format_bytes(&word, value));
    else
        html_count(out, value);
}

static void put_quota(const struct lambda_table_quota *quota,
                      struct report_buffer *out)
{
    struct report_word word;

    html_row(out, quota->name);
    put_value(out, quota->unit, quota->undisturbed);
    put_value(out, quota->unit, quota->worst);
    if (quota->allowed) {
        put_value(out, quota->unit, quota->allowed);
        uint64_t most = quota->worst > quota->undisturbed ? quota->worst
                                                          : quota->undisturbed;
        report_buffer_print(out, "<td class=\"n\">%s</td>",
                            report_format_share(&word, most, quota->allowed));
    } else {
        put(out, "<td class=\"n dim\">–</td><td class=\"n dim\">–</td>");
    }
    html_element(out, "<td>", quota->worst_at, HTML_PHRASE, "</td>");
    html_row_end(out);
}

static void put_quotas(const struct view *view)
{
    static const struct html_column columns[] = {
        {"of one execution", NULL}, {"undisturbed", "n"}, {"at worst", "n"},
        {"allowed", "n"},           {"used", "n"},        {"worst at", NULL}};
    const struct lambda_table *table = view->table;

    html_section(view->out, "quotas", "Quotas and metering");
    html_table(view->out, "Quotas", columns, 6);
    for (uint32_t i = 0; i < table->quota_count; i++)
        put_quota(&table->quotas[i], view->out);
    html_table_end(view->out);
}

static void put_price(const struct lambda_table *table,
                      struct report_buffer *out)
{
    const struct lambda_table_meter *all =
        &table->meters[table->meter_count ? table->meter_count - 1 : 0];

    if (!table->price_micro)
        return;
    put(out, "<p>At the price that was given, ");
    report_gate_value(out, REPORT_GATE_MICRODOLLARS, table->price_micro);
    put(out, " for a million of them, a million executions are ");
    report_gate_value(out, REPORT_GATE_MICRODOLLARS,
                      all->undisturbed * table->price_micro);
    put(out, ", up to ");
    report_gate_value(out, REPORT_GATE_MICRODOLLARS,
                      all->most * table->price_micro);
    put(out, " if each meets the worst of the faults.</p>\n");
}

static void put_meters(const struct view *view)
{
    static const struct html_column columns[] = {
        {"durable operations", NULL},
        {"undisturbed", "n"},
        {"least under a fault", "n"},
        {"most under a fault", "n"},
        {"of a million executions", "n"}};
    const struct lambda_table *table = view->table;

    put(view->out, "<p class=\"note\">As Lambda meters them, with those of "
                   "executions that it invokes. Of a million: undisturbed, "
                   "without any faults.</p>\n");
    html_table(view->out, "Durable operations", columns, 5);
    for (uint32_t i = 0; i < table->meter_count; i++) {
        const struct lambda_table_meter *meter = &table->meters[i];
        if (!meter->undisturbed && !meter->most)
            continue;
        html_row(view->out, meter->name);
        html_count(view->out, meter->undisturbed);
        html_count(view->out, meter->least);
        html_count(view->out, meter->most);
        html_count(view->out, meter->undisturbed * 1000000);
        html_row_end(view->out);
    }
    html_table_end(view->out);
    put_price(table, view->out);
    html_section_end(view->out);
}

/* The undisturbed run ------------------------------------------------------ */

static void put_told(const struct lambda_told *told, uint32_t index,
                     struct report_buffer *out)
{
    struct report_word word;

    report_buffer_print(out,
                        "<tr><th scope=\"row\" class=\"n\">%" PRIu32
                        "</th><td class=\"n\">%s</td>",
                        index + 1,
                        report_format_ns(&word, told->since_us * 1000));
    html_cell(out, told->type);
    html_cell(out, told->name);
    html_cell(out, told->subtype);
    put(out, "<td>");
    if (told->attempt > 1 || told->again)
        report_buffer_print(out, "attempt %" PRIu32 "%s", told->attempt,
                            told->again ? ", again later" : "");
    put(out, "</td>");
    html_row_end(out);
}

static void put_history(const struct view *view)
{
    static const struct html_column columns[] = {
        {"event", "n"},      {"after", "n"},    {"type", NULL},
        {"operation", NULL}, {"subtype", NULL}, {"", NULL}};
    const struct lambda_table *table = view->table;
    struct report_buffer *out = view->out;
    struct report_word word;

    html_section(out, "history", "The undisturbed run");
    report_buffer_print(
        out,
        "<p>%s after %s of virtual time, %s invocations, "
        "%" PRIu64 " operations. Its result:</p>\n",
        table->status, report_format_ns(&word, table->virtual_ns),
        report_format_count(&(struct report_word){{0}}, table->invocations),
        table->operations);
    html_element(out, "<pre tabindex=\"0\">", table->result, RESULT,
                 "</pre>\n");
    lambda_table_chart(table, out);
    html_table(out, "History", columns, 6);
    for (uint32_t i = 0; html_room(out, i, table->history_count, 6); i++)
        put_told(&table->history[i], i, out);
    html_table_end(out);
    html_section_end(out);
}

/* All trials --------------------------------------------------------------- */

static void put_trial(const struct lambda_table *table, uint32_t index,
                      struct report_buffer *out)
{
    const struct lambda_table_row *row = &table->rows[index];

    report_buffer_print(out, "<tr id=\"t%" PRIu32 "\"><th scope=\"row\">",
                        index);
    html_element(out, "", row->at, HTML_PHRASE, "</th><td class=\"w\">");
    put_fault(row, out);
    put(out, "</td>");
    html_verdict(out, row->verdict);
    html_cell(out, row->status);
    html_count(out, row->invocations);
    html_ns(out, row->virtual_ns);
    html_count(out, row->metered);
    html_element(out, "<td>", row->why, HTML_SENTENCE, "</td>");
    html_row_end(out);
}

static void put_trials(const struct view *view)
{
    static const struct html_column columns[] = {{"boundary", NULL},
                                                 {"fault", "w"},
                                                 {"", "w"},
                                                 {"status", NULL},
                                                 {"invocations", "n"},
                                                 {"virtual time", "n"},
                                                 {"metered", "n"},
                                                 {"", NULL}};
    const struct lambda_table *table = view->table;

    html_section(view->out, "trials", "All trials");
    put(view->out, "<p class=\"note\">What tries one again is the command at "
                   "the top with --fault, --only and, of refusals, --times; it "
                   "stands with each row of lambda.json.</p>\n");
    html_table(view->out, "All trials", columns, 8);
    for (uint32_t i = 0;
         i < table->count && i < ROWS_MAX && view->out->size < HTML_SIZE_SOFT;
         i++)
        put_trial(table, i, view->out);
    html_table_end(view->out);
    html_section_end(view->out);
}

static void put_limits(const struct view *view)
{
    html_section(view->out, "limits", "What this page does not show");
    put(view->out,
        "<ul>\n<li>Another event: the function may cross other boundaries."
        "</li>\n<li>Two faults in one run.</li>\n<li>Effects that the function "
        "has without the endpoint that counts them.</li>\n<li>Rates and "
        "quotas of an account with other executions in it.</li>\n</ul>\n");
    html_section_end(view->out);
}

void lambda_table_html(const struct lambda_table *table,
                       struct report_buffer *out)
{
    struct view view = {.table = table, .out = out};

    view.places = calloc(table->count + 1U, sizeof(*view.places));
    if (!view.places) {
        out->failed = 1;
        return;
    }
    choose_columns(&view);
    choose_places(&view);
    put_head(&view);
    put_figures(&view);
    put_contents(&view);
    put_matrix(&view);
    put_failures(&view);
    put_effects(&view);
    put_properties(&view);
    put_quotas(&view);
    put_meters(&view);
    put_history(&view);
    put_trials(&view);
    put_limits(&view);
    put(out, "</main>\n</body>\n</html>\n");
    free(view.places);
}
