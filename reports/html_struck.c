/* The crash-point matrix: what the firings at each point came to. */
#include <inttypes.h>

#include "reports/format.h"
#include "reports/html.h"

static const struct {
    const char *title; /* with a sign that needs no colour */
    const char *class;
    const char *means;
} words[REPORT_CAMES] = {
    {"✗ lost", "bad", "a step succeeded and its effect had not been applied"},
    {"✗ duplicate", "bad", "an effect was applied again"},
    {"✗ unfinished", "bad", "a run had not ended when the world did"},
    {"‖ blocked", "odd", "a run waits for an operator"},
    {"≈ failed", "odd", "a run ended in another way than by success"},
    {"↺ repeated", "fine",
     "an effect was asked for again; its receiver recognised it"},
    {"⇄ taken over", "fine", "another owner went on from the log"},
    {"↻ retried", "fine",
     "an attempt was broken off and made again, or a handler replayed"},
    {"→ went on", "fine", "nothing had to be done again"},
    {"∅ nothing", "none", "no work was in flight"},
};

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

/* Where effects may be applied again, it is no fault of anybody's. */
static const char *title_of(const struct report_model *model, unsigned came)
{
    return came == REPORT_CAME_DUPLICATE && !html_failed(model, "S5")
               ? "≈ duplicate"
               : words[came].title;
}

static const char *class_of(const struct report_model *model, unsigned came)
{
    return came == REPORT_CAME_DUPLICATE && !html_failed(model, "S5")
               ? "odd"
               : words[came].class;
}

static uint64_t firings(const struct report_stats *stats, unsigned came)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < stats->fault_count; i++)
        sum += stats->faults[i].strikes.came[came].firings;
    return sum;
}

int html_has_struck(const struct report_model *model)
{
    for (unsigned came = 0; came < REPORT_CAMES; came++)
        if (firings(model->stats, came))
            return 1;
    return 0;
}

int html_shows_run(const struct report_model *model, uint64_t run)
{
    if (model->timeline && model->timeline->run == run)
        return 1;
    for (uint32_t i = 0; i < model->more_count; i++)
        if (model->more[i]->run == run)
            return 1;
    return 0;
}

/* The first run that it happened to, as a link if the page shows that run. */
static void put_count(struct html_page *page,
                      const struct report_came_count *count)
{
    struct report_buffer *out = page->out;
    struct report_word word;
    const char *number = report_format_count(&word, count->firings);
    uint64_t run = count->run;
    if (run && html_shows_run(page->model, run))
        report_buffer_print(out,
                            "<a href=\"#run-%" PRIu64
                            "\">%s <small>· run %" PRIu64 "</small></a>",
                            run, number, run);
    else if (run)
        report_buffer_print(out, "%s <small>· run %" PRIu64 "</small>", number,
                            run);
    else
        put(out, number);
}

static void struck_row(struct html_page *page, const struct report_fault *fault,
                       const unsigned *columns, size_t count)
{
    struct report_buffer *out = page->out;
    html_element(out, "<tr><th scope=\"row\"><code>", fault->name, HTML_NAME,
                 "</code></th>");
    for (size_t i = 0; i < count; i++) {
        const struct report_came_count *came = &fault->strikes.came[columns[i]];
        if (came->firings == 0) {
            put(out, "<td class=\"n dim\">·</td>");
            continue;
        }
        report_buffer_print(out, "<td class=\"n heat %s\">",
                            class_of(page->model, columns[i]));
        put_count(page, came);
        put(out, "</td>");
    }
    html_row_end(out);
}

static void put_meanings(const struct report_model *model,
                         struct report_buffer *out, const unsigned *columns,
                         size_t count)
{
    put(out, "<dl class=\"means\">\n");
    for (size_t i = 0; i < count; i++)
        report_buffer_print(out, "<div><dt>%s</dt><dd>%s</dd></div>\n",
                            title_of(model, columns[i]),
                            words[columns[i]].means);
    put(out, "</dl>\n");
}

void html_put_struck(struct html_page *page)
{
    const struct report_stats *stats = page->model->stats;
    struct report_buffer *out = page->out;
    struct html_column heads[REPORT_CAMES + 1] = {{"point", NULL}};
    unsigned columns[REPORT_CAMES];
    size_t count = 0;
    size_t rows = 0;
    size_t row = 0;
    for (unsigned came = 0; came < REPORT_CAMES; came++) {
        if (firings(stats, came) == 0)
            continue;
        heads[count + 1] =
            (struct html_column){title_of(page->model, came), "n"};
        columns[count++] = came;
    }
    for (uint32_t i = 0; i < stats->fault_count; i++)
        rows += stats->faults[i].fired > 0;
    put(out, "<p class=\"note\">Each firing counts once, under the gravest "
             "thing that then happened to a run that it struck. The run is "
             "the first to which it happened: the page has its timeline where "
             "it is a link, and <code>--show RUN</code> of any "
             "other.</p>\n");
    html_table(out, "What the faults at each point came to", heads, count + 1);
    for (uint32_t i = 0; i < stats->fault_count; i++) {
        if (!stats->faults[i].fired)
            continue;
        if (!html_room(out, row++, rows, count + 1))
            break;
        struck_row(page, &stats->faults[i], columns, count);
    }
    html_table_end(out);
    put_meanings(page->model, out, columns, count);
}
