/* Steps, and what they did to the world outside. */
#include <inttypes.h>

#include "reports/format.h"
#include "reports/html.h"

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

static void step_row(struct report_buffer *out, const struct report_step *step)
{
    html_row(out, step->name);
    html_count(out, step->attempts);
    html_count(out, step->retries);
    html_count(out, step->failures);
    html_count(out, step->cut);
    html_at(out, &step->dispatch, 500000);
    html_at(out, &step->dispatch, 990000);
    html_at(out, &step->code, 500000);
    html_at(out, &step->code, 990000);
    html_at(out, &step->total, 500000);
    html_at(out, &step->total, 990000);
    html_row_end(out);
}

int html_has_steps(const struct report_model *model)
{
    return model->stats->step_count > 0;
}

void html_put_steps(struct html_page *page)
{
    static const struct html_column columns[] = {
        {"step", NULL},       {"attempts", "n"},   {"retries", "n"},
        {"errors", "n"},      {"cut off", "n"},    {"wait p50", "n"},
        {"wait p99", "n"},    {"code p50", "n"},   {"code p99", "n"},
        {"attempt p50", "n"}, {"attempt p99", "n"}};
    const struct report_stats *stats = page->model->stats;
    struct report_buffer *out = page->out;
    html_table(out, "Steps", columns, 11);
    for (size_t i = 0; html_room(out, i, stats->step_count, 11); i++)
        step_row(out, &stats->steps[i]);
    html_table_end(out);
    put(out, "<p class=\"note\">Wait: from work that is durable to a worker's "
             "durable claim. Attempt: to its durable report.</p>\n");
}

static void put_judged(struct report_buffer *out, int bad, const char *format,
                       uint64_t count)
{
    struct report_word word;
    report_buffer_print(out, "<td class=\"w %s\">%s ", bad ? "fail" : "excused",
                        bad ? "✗" : "≈");
    /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
    report_buffer_print(out, format, report_format_count(&word, count));
    put(out, "</td>");
}

static void effect_verdict(const struct report_model *model,
                           struct report_buffer *out,
                           const struct report_step *step)
{
    uint64_t once = step->applied - step->duplicates;
    uint64_t least = step->succeeded;
    uint64_t most = UINT64_MAX; /* a step that failed may have had its effect */
    if (model->stats->golden_schedules) {
        least = step->expected_min;
        most = step->expected_max;
    }
    if (step->lost)
        put_judged(out, 1, "%s lost", step->lost);
    else if (step->duplicates)
        put_judged(out, html_failed(model, "S5"), "%s applied again",
                   step->duplicates);
    else if (once < least)
        put_judged(out, html_failed(model, "S8"), "%s fewer", least - once);
    else if (once > most)
        put_judged(out, html_failed(model, "S8"), "%s more", once - most);
    else
        put(out, "<td class=\"w pass\">✓ as expected</td>");
}

/* In the world where nothing goes wrong, or behind the steps' successes. */
static void expected_cell(const struct report_stats *stats,
                          struct report_buffer *out,
                          const struct report_step *step)
{
    struct report_word least;
    struct report_word most;
    if (!stats->golden_schedules)
        html_count(out, step->succeeded);
    else if (step->expected_min == step->expected_max)
        html_count(out, step->expected_min);
    else
        report_buffer_print(out, "<td class=\"n\">%s to %s</td>",
                            report_format_count(&least, step->expected_min),
                            report_format_count(&most, step->expected_max));
}

static void effect_row(const struct report_model *model,
                       struct report_buffer *out,
                       const struct report_step *step)
{
    html_row(out, step->name);
    expected_cell(model->stats, out, step);
    html_count(out, step->attempts);
    html_count(out, step->effects_sent);
    html_count(out, step->applied);
    html_count(out, step->repeats);
    html_count(out, step->duplicates);
    html_bad(out, step->lost);
    effect_verdict(model, out, step);
    html_row_end(out);
}

int html_has_effects(const struct report_model *model)
{
    (void)model;
    return 1;
}

static int shows(const struct report_step *step)
{
    return step->has_effect || step->applied;
}

static void put_expectation(const struct report_stats *stats,
                            struct report_buffer *out)
{
    put(out, "<p class=\"note\">As their receiver saw them, after its own "
             "recognition of repeated keys. ");
    if (stats->golden_schedules > 1)
        report_buffer_print(
            out,
            "Expected: what the same runs did in the golden world, where "
            "nothing goes wrong, over its %" PRIu32 " schedules.</p>\n",
            stats->golden_schedules);
    else if (stats->golden_schedules)
        put(out, "Expected: what the same runs did in the golden world, where "
                 "nothing goes wrong.</p>\n");
    else
        put(out,
            "Expected: one for each step that the log says succeeded; "
            "no golden world was run to hold it against (--golden).</p>\n");
}

void html_put_effects(struct html_page *page)
{
    static const struct html_column columns[] = {
        {"step", NULL},      {"expected", "n"}, {"attempts", "n"},
        {"sent", "n"},       {"applied", "n"},  {"recognised", "n"},
        {"duplicates", "n"}, {"lost", "n"},     {"verdict", NULL}};
    const struct report_stats *stats = page->model->stats;
    struct report_buffer *out = page->out;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < stats->step_count; i++)
        shown += shows(&stats->steps[i]) != 0;
    if (shown == 0) {
        put(out, "<p class=\"dim\">No step has any.</p>\n");
        return;
    }
    put_expectation(stats, out);
    html_table(out, "Side effects", columns, 9);
    size_t index = 0;
    for (uint32_t i = 0; i < stats->step_count; i++) {
        if (!shows(&stats->steps[i]))
            continue;
        if (!html_room(out, index++, shown, 9))
            break;
        effect_row(page->model, out, &stats->steps[i]);
    }
    html_table_end(out);
}
