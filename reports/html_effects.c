/* Steps, and what they did to the world outside. */
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

static void effect_row(struct report_buffer *out,
                       const struct report_step *step)
{
    html_row(out, step->name);
    html_count(out, step->effects_sent);
    html_count(out, step->applied);
    html_count(out, step->repeats);
    html_bad(out, step->duplicates);
    html_bad(out, step->lost);
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

void html_put_effects(struct html_page *page)
{
    static const struct html_column columns[] = {
        {"step", NULL},      {"sent", "n"},       {"applied", "n"},
        {"recognised", "n"}, {"duplicates", "n"}, {"lost", "n"}};
    const struct report_stats *stats = page->model->stats;
    struct report_buffer *out = page->out;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < stats->step_count; i++)
        shown += shows(&stats->steps[i]) != 0;
    if (shown == 0) {
        put(out, "<p class=\"dim\">No step has any.</p>\n");
        return;
    }
    put(out, "<p class=\"note\">As their receiver saw them, after its own "
             "recognition of repeated keys.</p>\n");
    html_table(out, "Side effects", columns, 6);
    size_t index = 0;
    for (uint32_t i = 0; i < stats->step_count; i++) {
        if (!shows(&stats->steps[i]))
            continue;
        if (!html_room(out, index++, shown, 6))
            break;
        effect_row(out, &stats->steps[i]);
    }
    html_table_end(out);
}
