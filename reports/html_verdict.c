/* The first screen: what came of it, why, and how to see it again. */
#include <inttypes.h>

#include "reports/format.h"
#include "reports/html.h"
#include "reports/page.h"

enum {
    TITLE = 200,
    COMMAND = 4000,
    DEFECTS_MAX = 20
};

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

static void put_reasons(const struct report_model *model,
                        struct report_buffer *out)
{
    if (model->reason_count == 0) {
        put(out, "<p>");
        report_model_held(model, out);
        put(out, "</p>\n");
        return;
    }
    put(out, "<ul>\n");
    for (uint32_t i = 0; i < model->reason_count; i++)
        html_element(out, "<li>", model->reasons[i].text, HTML_SENTENCE,
                     "</li>\n");
    if (model->reasons_left_out)
        report_buffer_print(out, "<li>and %" PRIu32 " more</li>\n",
                            model->reasons_left_out);
    put(out, "</ul>\n");
}

/* Where to look next. */
static void put_way(const struct report_model *model, struct report_buffer *out)
{
    const struct report_timeline *line = model->timeline;
    if (!line)
        return;
    report_buffer_print(out,
                        "<p>See <a href=\"#run-%" PRIu64
                        "\">the timeline of run %" PRIu64 "</a>, ",
                        line->run, line->run);
    report_buffer_html(out, line->why, HTML_PHRASE);
    put(out, ".</p>\n");
}

static void put_verdict(const struct report_model *model,
                        struct report_buffer *out)
{
    html_verdict_open(out, model->verdict, NULL);
    put_reasons(model, out);
    put_way(model, out);
    put(out, "<p class=\"note\">To repeat this run, byte for byte:</p>");
    html_command(out, model->facts.replay);
    put(out, "</section>\n");
}

void html_verdict_open(struct report_buffer *out, enum check_verdict verdict,
                       const char *says)
{
    const char *name = check_verdict_name(verdict);
    report_buffer_print(
        out,
        "<section class=\"verdict v-%s\" aria-label=\"Verdict\">\n"
        "<strong class=\"%s\">%s %s</strong>\n",
        name, name, html_symbol(verdict), name);
    if (says)
        html_element(out, "<p>", says, HTML_SENTENCE, "</p>\n");
}

void html_command(struct report_buffer *out, const char *text)
{
    html_element(out, "<pre tabindex=\"0\">", text, COMMAND, "</pre>\n");
}

void html_open(struct report_buffer *out, const char *name, const char *why,
               enum check_verdict verdict, const struct report_library *library)
{
    put(out, report_page_head);
    html_policy(out, library);
    put(out, report_page_title);
    report_buffer_html(out, name, HTML_NAME);
    report_buffer_print(out, ": %s", check_verdict_name(verdict));
    put(out, report_page_style);
    put(out, report_page_sections);
    html_library_style(out, library);
    put(out, report_page_plots);
    put(out, report_page_charts);
    put(out, "<a class=\"skip\" href=\"#main\">Skip to the sections</a>\n");
    html_element(out, "<header>\n<h1>", name, TITLE, "</h1>\n");
    if (why)
        html_element(out, "<p class=\"dim\">", why, HTML_SENTENCE, "</p>\n");
}

void html_defects(struct report_buffer *out, const char *const *defects,
                  size_t count)
{
    for (size_t i = 0; i < count && i < DEFECTS_MAX; i++)
        html_element(out, "<p class=\"note\">with the seeded defect <code>",
                     defects[i], HTML_NAME, "</code></p>\n");
}

void html_head(struct html_page *page)
{
    const struct report_facts *facts = &page->model->facts;
    struct report_buffer *out = page->out;
    struct report_word digest;
    html_open(out, facts->scenario, facts->why, page->model->verdict,
              page->library);
    report_buffer_print(out,
                        "<p class=\"note\">seed <code>%" PRIu64
                        "</code> · digest <code>%s</code> · perdure ",
                        facts->seed,
                        report_format_digest(&digest, facts->digest));
    report_buffer_html(out, facts->version ? facts->version : "", HTML_NAME);
    put(out, "</p>\n");
    html_defects(out, facts->defects, facts->defect_count);
    put(out, "</header>\n");
    put_verdict(page->model, out);
}

/* States that runs of declared graphs do not get into, if any run did. */
static void put_other_runs(const struct report_runs *runs,
                           struct report_buffer *out)
{
    const struct {
        const char *name;
        uint64_t count;
    } states[] = {{"cancelled", runs->cancelled},
                  {"timed out", runs->timed_out},
                  {"stopped", runs->stopped},
                  {"paused", runs->paused},
                  {"waiting for the outside", runs->waiting},
                  {"invoked by runs", runs->invoked}};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct report_word word;
        if (states[i].count)
            html_figure(out, states[i].name,
                        report_format_count(&word, states[i].count));
    }
}

void html_doubtful(struct report_buffer *out, const char *class,
                   const char *sign, const char *name, uint64_t count)
{
    struct report_word word;
    const char *number = report_format_count(&word, count);
    if (count)
        report_buffer_print(
            out, "<div class=\"%s\"><dt>%s</dt><dd>%s %s</dd></div>\n", class,
            name, sign, number);
    else
        html_figure(out, name, number);
}

void html_figures(struct html_page *page)
{
    const struct report_stats *stats = page->model->stats;
    const struct report_runs *runs = &stats->runs;
    struct report_buffer *out = page->out;
    struct report_word word;
    put(out, "<dl class=\"figures\">\n");
    html_figure(out, "runs started", report_format_count(&word, runs->started));
    html_figure(out, "succeeded", report_format_count(&word, runs->succeeded));
    html_doubtful(out, "odd", "≈", "failed", runs->failed);
    html_doubtful(out, "odd", "‖", "blocked", runs->blocked);
    html_doubtful(out, "bad", "✗", "stuck", runs->stuck);
    put_other_runs(runs, out);
    html_figure(
        out, "latency p50",
        report_format_ns(&word, report_hist_at(&stats->latency, 500000)));
    html_figure(
        out, "latency p99",
        report_format_ns(&word, report_hist_at(&stats->latency, 990000)));
    html_figure(out, "faults fired",
                report_format_count(&word, stats->faults_fired));
    html_figure(out, "crashes", report_format_count(&word, stats->crashes));
    html_figure(out, "virtual time",
                report_format_ns(&word, stats->last_ns - stats->first_ns));
    html_figure(out, "durable commits",
                report_format_count(&word, stats->commits));
    html_figure(out, "records", report_format_count(&word, stats->events));
    put(out, "</dl>\n");
}
