/* sweep.html of a sweep over seeds: what came of the worlds, which of them
   did not hold and how to see one again, and how much the sweep has met. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/chart.h"
#include "reports/format.h"
#include "reports/html.h"
#include "scenarios/replay.h"
#include "scenarios/sweep.h"

enum {
    LINE_SIZE = 1200,
    LEFT = 700,   /* tenths of a unit, as charts have them */
    RIGHT = 9900, /* of the growth chart */
    TOP = 100,
    BOTTOM = 1500
};

static const struct {
    enum sweep_outcome outcome;
    const char *sign;
    const char *class; /* NULL: nothing to mark */
} shows[SWEEP_OUTCOMES] = {
    {SWEEP_PROPERTY, "✗", "bad"},     {SWEEP_CRASHED, "✗", "bad"},
    {SWEEP_DIFFERENT, "✗", "bad"},    {SWEEP_MISSED, "✗", "bad"},
    {SWEEP_INCONCLUSIVE, "?", "odd"}, {SWEEP_EXCUSED, "≈", "odd"},
    {SWEEP_QUIET, "∅", NULL},         {SWEEP_HELD, "✓", NULL},
};

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

/* The head ------------------------------------------------------------------
 */

static void put_range(const struct sweep_options *options,
                      struct report_buffer *out)
{
    put(out, "<p class=\"note\">");
    if (options->for_ns)
        put(out, "seeds chosen by novelty");
    else
        report_buffer_print(
            out, "seeds <code>%" PRIu64 "</code> to <code>%" PRIu64 "</code>",
            options->from, options->to);
    put(out, "</p>\n");
    html_defects(out, options->defects, options->defect_count);
    put(out, "</header>\n");
}

/* What does all of it again. */
static void put_again(const struct sweep_options *options,
                      struct report_buffer *out)
{
    char line[LINE_SIZE] = "perdure sweep";
    replay_quote(line, sizeof(line), options->file);
    size_t at = strlen(line);
    if (options->for_ns)
        snprintf(line + at, sizeof(line) - at, " --for %" PRIu64 "s",
                 options->for_ns / 1000000000);
    else
        snprintf(line + at, sizeof(line) - at, " --seeds %" PRIu64 "..%" PRIu64,
                 options->from, options->to);
    for (uint32_t i = 0; i < options->defect_count; i++) {
        at = strlen(line);
        snprintf(line + at, sizeof(line) - at, " --defect");
        replay_quote(line, sizeof(line), options->defects[i]);
    }
    at = strlen(line);
    snprintf(line + at, sizeof(line) - at, "%s%s",
             options->golden ? " --golden" : "",
             options->paranoid ? " --paranoid" : "");
    put(out, "<p class=\"note\">To do all of it again:</p>");
    html_command(out, line);
}

static void put_verdict(const struct sweep_options *options,
                        const struct sweep_summary *s,
                        struct report_buffer *out)
{
    struct report_word words[2];
    uint64_t good = s->counts[SWEEP_HELD] + s->counts[SWEEP_QUIET];
    html_verdict_open(out, s->verdict, NULL);
    report_buffer_print(out, "<p>%s of %s worlds held.%s</p>\n",
                        report_format_count(&words[0], good),
                        report_format_count(&words[1], s->worlds),
                        s->complete ? ""
                                    : " It was stopped before it was through.");
    if (s->failure_count) {
        char line[LINE_SIZE];
        const struct sweep_failure *first = &s->failures[0];
        sweep_line(options, first->item.seed, line, sizeof(line));
        report_buffer_print(out,
                            "<p>The first that did not, seed %" PRIu64 ": ",
                            first->item.seed);
        report_buffer_html(out, first->text, HTML_SENTENCE);
        put(out, "</p>\n");
        html_command(out, line);
    }
    put_again(options, out);
    put(out, "</section>\n");
}

static void put_figures(const struct sweep_summary *s,
                        struct report_buffer *out)
{
    struct report_word word;
    put(out, "<dl class=\"figures\">\n");
    html_figure(out, "worlds", report_format_count(&word, s->worlds));
    for (size_t i = 0; i < SWEEP_OUTCOMES; i++) {
        uint64_t count = s->counts[shows[i].outcome];
        const char *name = sweep_outcome_name(shows[i].outcome);
        if (shows[i].class)
            html_doubtful(out, shows[i].class, shows[i].sign, name, count);
        else
            html_figure(out, name, report_format_count(&word, count));
    }
    html_figure(out, "worlds run twice", report_format_count(&word, s->audits));
    html_figure(out, "runs ended", report_format_count(&word, s->runs_ended));
    html_figure(out, "faults fired",
                report_format_count(&word, s->faults_fired));
    html_figure(out, "with work in flight",
                report_format_count(&word, s->faults_in_flight));
    html_figure(out, "virtual time", report_format_ns(&word, s->virtual_ns));
    put(out, "</dl>\n");
}

/* Seeds ---------------------------------------------------------------------
 */

static void put_seed(const struct sweep_options *options,
                     const struct sweep_failure *failure,
                     struct report_buffer *out)
{
    char line[LINE_SIZE];
    bool odd = failure->outcome == SWEEP_INCONCLUSIVE;
    sweep_line(options, failure->item.seed, line, sizeof(line));
    report_buffer_print(out,
                        "<tr><th scope=\"row\" class=\"n\">%" PRIu64
                        "</th><td class=\"w %s\">%s %s</td><td>",
                        failure->item.seed, odd ? "inconclusive" : "fail",
                        odd ? "?" : "✗", sweep_outcome_name(failure->outcome));
    report_buffer_html(out, failure->text, HTML_SENTENCE);
    html_element(out, "<br><code class=\"copy\">", line, LINE_SIZE,
                 "</code></td></tr>\n");
}

static void put_seeds(const struct sweep_options *options,
                      const struct sweep_summary *s, struct report_buffer *out)
{
    static const struct html_column columns[] = {
        {"seed", "n"}, {"outcome", NULL}, {"why, and what repeats it", NULL}};
    html_section(out, "seeds", "Seeds that did not hold");
    if (s->failure_count == 0) {
        put(out, "<p>Every seed held.</p>\n");
    } else {
        html_table(out, "Seeds that did not hold", columns, 3);
        for (size_t i = 0; html_room(out, i, s->failure_count, 3); i++)
            put_seed(options, &s->failures[i], out);
        html_table_end(out);
    }
    html_section_end(out);
}

/* Properties ----------------------------------------------------------------
 */

static void put_worlds(struct report_buffer *out, const char *class,
                       const char *sign, uint64_t worlds)
{
    struct report_word word;
    if (worlds == 0)
        put(out, "<td class=\"n dim\">·</td>");
    else
        report_buffer_print(out, "<td class=\"n heat %s\">%s %s</td>", class,
                            sign, report_format_count(&word, worlds));
}

static void put_properties(const struct sweep_summary *s,
                           struct report_buffer *out)
{
    static const struct html_column columns[] = {
        {"id", NULL},           {"property", NULL}, {"checked", "n"},
        {"worlds failed", "n"}, {"excused", "n"},   {"inconclusive", "n"}};
    html_section(out, "properties", "Properties by worlds");
    html_table(out, "Properties by worlds", columns, 6);
    for (uint32_t i = 0; check_all[i]; i++) {
        html_row(out, check_all[i]->id);
        html_cell(out, check_all[i]->name);
        html_count(out, s->checked[i]);
        put_worlds(out, "bad", "✗", s->failed[i]);
        put_worlds(out, "odd", "≈", s->excused[i]);
        put_worlds(out, "none", "", s->inconclusive[i]);
        html_row_end(out);
    }
    html_table_end(out);
    html_section_end(out);
}

static void put_sometimes(const struct sweep_options *options,
                          const struct sweep_summary *s,
                          struct report_buffer *out)
{
    static const struct html_column columns[] = {{"condition", NULL},
                                                 {"in any world", NULL}};
    const struct scenario *scenario = options->scenario;
    if (scenario->sometimes_count == 0)
        return;
    html_section(out, "sometimes", "Sometimes");
    html_table(out, "Sometimes", columns, 2);
    for (uint32_t i = 0; i < scenario->sometimes_count; i++) {
        html_row(out, scenario->sometimes[i].text);
        put(out, s->sometimes >> i & 1
                     ? "<td class=\"pass\">✓ came true</td>"
                     : "<td class=\"inconclusive\">? never came true</td>");
        html_row_end(out);
    }
    html_table_end(out);
    html_section_end(out);
}

/* Coverage ------------------------------------------------------------------
 */

static int64_t along(uint64_t part, uint64_t whole, int64_t from, int64_t to)
{
    return whole ? from +
                       (int64_t)((uint64_t)(to > from ? to - from : from - to) *
                                 part / whole) *
                           (to > from ? 1 : -1)
                 : from;
}

static void put_growth_chart(const struct sweep_summary *s,
                             struct report_buffer *out)
{
    const struct sweep_growth *last = &s->growth[s->growth_count - 1];
    put(out, "<div class=\"chart\"><svg viewBox=\"0 0 1000 170\" role=\"img\" "
             "aria-label=\"Situations met, by worlds\"><path class=\"axis\" "
             "d=\"M70 150H990\"/><path class=\"p50\" d=\"M70 150");
    for (uint32_t i = 0; i < s->growth_count; i++) {
        put(out, "L");
        report_chart_px(out,
                        along(s->growth[i].worlds, last->worlds, LEFT, RIGHT));
        put(out, " ");
        report_chart_px(out,
                        along(s->growth[i].tuples, last->tuples, BOTTOM, TOP));
    }
    report_buffer_print(
        out,
        "\"/><text class=\"e\" x=\"62\" y=\"18\">%" PRIu32
        "</text><text class=\"e\" x=\"62\" y=\"154\">0</text><text class=\"e\" "
        "x=\"990\" y=\"166\">%" PRIu64 " worlds</text></svg></div>\n",
        last->tuples, last->worlds);
}

static void put_growth(const struct sweep_summary *s, struct report_buffer *out)
{
    static const struct html_column columns[] = {{"worlds", "n"},
                                                 {"situations met", "n"}};
    if (s->growth_count == 0)
        return;
    put_growth_chart(s, out);
    put(out, "<details><summary>The same as a table</summary>\n");
    html_table(out, "Situations met, by worlds", columns, 2);
    for (uint32_t i = 0; i < s->growth_count; i++) {
        put(out, "<tr>");
        html_count(out, s->growth[i].worlds);
        html_count(out, s->growth[i].tuples);
        html_row_end(out);
    }
    html_table_end(out);
    put(out, "</details>\n");
}

static void put_silent(const struct sweep_summary *s, struct report_buffer *out)
{
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    const char *comma = "<p class=\"inconclusive\">? Armed, and fired in no "
                        "world: <code>";
    for (uint32_t i = 0; i < count; i++) {
        if (!sweep_silent(s, i))
            continue;
        report_buffer_print(out, "%s%s", comma, points[i].name);
        comma = "</code>, <code>";
    }
    put(out, *comma == '<' && comma[1] == 'p' ? "" : "</code></p>\n");
}

static void put_coverage(const struct sweep_summary *s,
                         struct report_buffer *out)
{
    html_section(out, "coverage", "What the sweep has met");
    put(out,
        "<p class=\"note\">Situations: a fault at a point, a state with an "
        "event after a fault, a boundary with a recovery. While the line "
        "still climbs, more seeds find more.</p>\n");
    put_growth(s, out);
    put_silent(s, out);
    html_section_end(out);
}

static void put_limits(const struct sweep_options *options,
                       const struct sweep_summary *s, struct report_buffer *out)
{
    struct report_word word;
    html_section(out, "limits", "What this page does not show");
    report_buffer_print(
        out,
        "<ul>\n<li>Other seeds: %s worlds are a sample.</li>\n<li>The course "
        "of a world: what repeats it writes its report.</li>\n",
        report_format_count(&word, s->worlds));
    if (!options->golden)
        put(out, "<li>Whether each run came out as where nothing goes wrong: "
                 "S8 needs the golden worlds, which --golden runs.</li>\n");
    if (!options->paranoid)
        put(out, "<li>Whether each owner's state was what its log folds to "
                 "after every event: S7 is looked at with --paranoid.</li>\n");
    put(out, "</ul>\n");
    html_section_end(out);
}

static void put_contents(const struct sweep_options *options,
                         struct report_buffer *out)
{
    put(out, "<nav aria-label=\"Contents\">\n<a href=\"#seeds\">Seeds that did "
             "not hold</a>\n<a href=\"#properties\">Properties by "
             "worlds</a>\n");
    if (options->scenario->sometimes_count)
        put(out, "<a href=\"#sometimes\">Sometimes</a>\n");
    put(out, "<a href=\"#coverage\">What the sweep has met</a>\n<a "
             "href=\"#limits\">What this page does not show</a>\n</nav>\n"
             "<main id=\"main\">\n");
}

void sweep_html(const struct sweep_options *options,
                const struct sweep_summary *s, struct report_buffer *out)
{
    html_open(out, options->scenario->name, options->scenario->why, s->verdict,
              NULL);
    put_range(options, out);
    put_verdict(options, s, out);
    put_figures(s, out);
    put_contents(options, out);
    put_seeds(options, s, out);
    put_properties(s, out);
    put_sometimes(options, s, out);
    put_coverage(s, out);
    put_limits(options, s, out);
    put(out, "</main>\n</body>\n</html>\n");
}
