/* What the report does not show: the last section, and no small print. */
#include <inttypes.h>
#include <string.h>

#include "reports/format.h"
#include "reports/html.h"

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

/* "12 records ..", if there are any. */
static void left_out(struct report_buffer *out, uint64_t count,
                     const char *what)
{
    struct report_word word;
    if (count)
        report_buffer_print(out, "<li>%s %s</li>\n",
                            report_format_count(&word, count), what);
}

static int asked(const struct report_facts *facts, const char *check)
{
    for (size_t i = 0; i < facts->check_count; i++)
        if (strcmp(facts->checks[i], check) == 0)
            return 1;
    return 0;
}

static void put_always(const struct report_stats *stats,
                       struct report_buffer *out)
{
    struct report_word word;
    put(out,
        "<li>One seed. Another order of events may fail where this one "
        "passed.</li>\n<li>Wall time: all times are virtual, of the simulated "
        "world.</li>\n"
        "<li>Percentiles over time are within 1/32 of the value, those "
        "of the distribution within 1/1024.</li>\n"
        "<li>No warm-up is taken off: the first runs count as the last "
        "do.</li>\n");
    if (stats->bucket_count)
        report_buffer_print(out,
                            "<li>What happened within a slice of %s: charts "
                            "over time have one value for each.</li>\n",
                            report_format_ns(&word, stats->bucket_ns));
}

static void put_not_asked(const struct report_model *model,
                          struct report_buffer *out)
{
    if (model->facts.result_count == 0)
        return;
    if (!model->stats->golden_schedules)
        put(out, "<li>Whether each run came out as where nothing goes wrong: "
                 "S8 needs the golden world, which --golden runs.</li>\n");
    if (!asked(&model->facts, "paranoid"))
        put(out, "<li>Whether each owner's state was what its log folds to "
                 "after every event: S7 is looked at with --paranoid.</li>\n");
}

static uint64_t not_followed(const struct report_stats *stats)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < stats->fault_count; i++)
        sum += stats->faults[i].strikes.not_followed;
    return sum;
}

static void put_left_out(const struct report_model *model,
                         struct report_buffer *out)
{
    const struct report_stats *stats = model->stats;
    const struct report_runs *runs = &stats->runs;
    uint64_t shown = (model->timeline != NULL) + model->more_count;
    if (runs->started > shown)
        left_out(out, runs->started - shown, "runs without a timeline.");
    left_out(out, model->records_left_out,
             "records were judged but not kept for timelines.");
    left_out(out, stats->steps_left_out, "further steps.");
    left_out(out, stats->bands_left_out,
             "later intervals in which something was broken.");
    left_out(out, not_followed(stats),
             "firings of faults of which nothing was followed.");
}

int html_has_limits(const struct report_model *model)
{
    (void)model;
    return 1;
}

void html_put_limits(struct html_page *page)
{
    const struct report_facts *facts = &page->model->facts;
    struct report_buffer *out = page->out;
    put(out, "<ul>\n");
    put_always(page->model->stats, out);
    put_not_asked(page->model, out);
    if (!page->library && page->model->stats->bucket_count)
        put(out, "<li>A closer look: the program that wrote this page was "
                 "built without the library that zooms charts.</li>\n");
    put_left_out(page->model, out);
    for (size_t i = 0; i < facts->limit_count && i < HTML_ROWS_MAX &&
                       out->size < HTML_SIZE_SOFT + HTML_SIZE_SOFT / 4;
         i++)
        html_element(out, "<li>", facts->limits[i], HTML_SENTENCE, "</li>\n");
    put(out, "</ul>\n");
}
