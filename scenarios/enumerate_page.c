#include "scenarios/enumerate_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/check.h"
#include "reports/format.h"
#include "reports/html.h"

enum {
    STRIP = 1000, /* units of a strip's width */
    HELD_MAX = 2, /* stories of worlds that held */
    FULL_MAX = 60 /* failures with their words and commands */
};

/* How the page shows each outcome, gravest first. */
static const struct {
    enum enumerate_outcome outcome;
    const char *title; /* with a sign that needs no colour */
    const char *class;
    const char *key;
} shows[ENUMERATE_OUTCOMES] = {
    {ENUMERATE_FAILED, "✗ failed", "bad", "failed"},
    {ENUMERATE_DIED, "✗ died", "bad", "died"},
    {ENUMERATE_MISSED, "✗ missed", "bad", "missed"},
    {ENUMERATE_INCONCLUSIVE, "? inconclusive", "odd", "inconclusive"},
    {ENUMERATE_EXCUSED, "≈ excused", "odd", "excused"},
    {ENUMERATE_HELD, "✓ held", "fine", "held"},
};

struct row {
    uint64_t worlds;
    uint64_t outcomes[ENUMERATE_OUTCOMES];
};

struct view {
    const struct enumerate_page *page;
    struct report_buffer *out;
    const struct engine_point *points;
    uint32_t point_count;
    struct row *rows; /* by the point of the first fault */
    const struct enumerate_world *stories[ENUMERATE_STORIES_MAX];
    uint32_t story_count;
};

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

static const char *class_of(enum enumerate_outcome outcome)
{
    for (size_t i = 0; i < ENUMERATE_OUTCOMES; i++)
        if (shows[i].outcome == outcome)
            return shows[i].class;
    return "odd";
}

static bool bad(const struct enumerate_world *world)
{
    return world->outcome != ENUMERATE_HELD &&
           world->outcome != ENUMERATE_EXCUSED;
}

static enum check_verdict verdict_of(const struct enumeration *result)
{
    const uint64_t *outcomes = result->outcomes;
    if (outcomes[ENUMERATE_FAILED] + outcomes[ENUMERATE_DIED] +
        outcomes[ENUMERATE_MISSED])
        return CHECK_FAIL;
    if (outcomes[ENUMERATE_INCONCLUSIVE] || result->count == 0 ||
        result->interrupted)
        return CHECK_INCONCLUSIVE;
    return outcomes[ENUMERATE_EXCUSED] ? CHECK_EXCUSED : CHECK_PASS;
}

/* The head ------------------------------------------------------------------
 */

static void say(const struct enumeration *result, struct report_buffer *out)
{
    struct report_word word;
    uint64_t good = result->outcomes[ENUMERATE_HELD];
    put(out, "<p>");
    if (result->count == 0)
        put(out, "No boundary was met: nothing was broken.");
    else
        report_buffer_print(out, "%s of ", report_format_count(&word, good));
    if (result->count)
        report_buffer_print(out, "%s worlds held.",
                            report_format_count(&word, result->count));
    if (result->interrupted)
        put(out, " It was stopped before it was through.");
    put(out, "</p>\n");
}

static void put_all(const struct enumerate_page *page,
                    struct report_buffer *out)
{
    struct report_buffer command;
    report_buffer_init(&command);
    page->command(page->self, NULL, &command);
    put(out, "<p class=\"note\">To do all of it again:</p>");
    html_command(out, command.text ? command.text : "");
    report_buffer_free(&command);
}

static void put_figures(const struct enumeration *result,
                        struct report_buffer *out)
{
    const uint64_t *outcomes = result->outcomes;
    struct report_word word;
    put(out, "<dl class=\"figures\">\n");
    html_figure(out, "boundaries",
                report_format_count(&word, result->boundaries));
    html_figure(out, "worlds", report_format_count(&word, result->count));
    html_figure(out, "held",
                report_format_count(&word, outcomes[ENUMERATE_HELD]));
    html_doubtful(out, "bad", "✗", "failed a property",
                  outcomes[ENUMERATE_FAILED]);
    html_doubtful(out, "bad", "✗", "died", outcomes[ENUMERATE_DIED]);
    html_doubtful(out, "bad", "✗", "missed an expectation",
                  outcomes[ENUMERATE_MISSED]);
    html_doubtful(out, "odd", "?", "inconclusive",
                  outcomes[ENUMERATE_INCONCLUSIVE]);
    html_doubtful(out, "odd", "≈", "excused", outcomes[ENUMERATE_EXCUSED]);
    if (result->recoveries)
        html_figure(out, "boundaries of recoveries",
                    report_format_count(&word, result->recoveries));
    put(out, "</dl>\n");
}

static void put_head(const struct view *view)
{
    const struct enumerate_page *page = view->page;
    struct report_buffer *out = view->out;
    struct report_word digest;
    enum check_verdict verdict = verdict_of(page->result);
    html_open(out, page->scenario->name, page->scenario->why, verdict, NULL);
    report_buffer_print(
        out,
        "<p class=\"note\">%s · seed <code>%" PRIu64
        "</code> · faultless run <code>%s</code></p>\n",
        page->title, page->seed,
        report_format_digest(&digest, page->result->golden.digest));
    html_defects(out, page->defects, page->defect_count);
    put(out, "</header>\n");
    html_verdict_open(out, verdict, NULL);
    say(page->result, out);
    put_all(page, out);
    put(out, "</section>\n");
    put_figures(page->result, out);
}

/* The matrix ----------------------------------------------------------------
 */

/* Where on its strip a boundary lies. */
static uint32_t place(const struct view *view, uint32_t number)
{
    uint32_t count = view->page->result->boundaries;
    return count > 1 ? (uint32_t)((uint64_t)(number - 1) * STRIP / (count - 1))
                     : STRIP / 2;
}

/* Marks of one class: one path, at most one mark a unit. */
static void put_marks(const struct view *view, uint32_t point,
                      const char *class, int reach)
{
    const struct enumeration *result = view->page->result;
    uint32_t last = UINT32_MAX;
    for (uint64_t i = 0; i < result->count; i++) {
        const struct enumerate_world *world = &result->worlds[i];
        uint32_t x = place(view, world->number[0]);
        if (world->at[0].site.point != point || x == last ||
            strcmp(class_of(world->outcome), class) != 0)
            continue;
        if (last == UINT32_MAX)
            report_buffer_print(view->out, "<path class=\"s-%s\" d=\"", class);
        report_buffer_print(view->out, "M%" PRIu32 " %dv%d", x, 10 - reach,
                            2 * reach);
        last = x;
    }
    if (last != UINT32_MAX)
        put(view->out, "\"/>");
}

/* Where in the faultless run the boundaries of a point are and how they came
   out; the graver, the longer the mark. */
static void put_strip(const struct view *view, uint32_t point)
{
    report_buffer_print(view->out,
                        "<td class=\"strip\"><svg viewBox=\"-4 0 1008 20\" "
                        "preserveAspectRatio=\"none\" role=\"img\" "
                        "aria-label=\"Boundaries of %s along the faultless "
                        "run\"><path class=\"axis\" d=\"M0 10H1000\"/>",
                        view->points[point].name);
    put_marks(view, point, "fine", 4);
    put_marks(view, point, "odd", 7);
    put_marks(view, point, "bad", 10);
    put(view->out, "</svg></td>");
}

/* To the first world of that outcome that the page tells of. */
static void put_cell(const struct view *view, uint32_t point, size_t shown)
{
    struct report_word word;
    uint64_t count = view->rows[point].outcomes[shows[shown].outcome];
    if (count == 0) {
        put(view->out, "<td class=\"n dim\">·</td>");
        return;
    }
    report_buffer_print(view->out,
                        "<td class=\"n heat %s\"><a href=\"#p%" PRIu32
                        "-%s\">%s</a></td>",
                        shows[shown].class, point, shows[shown].key,
                        report_format_count(&word, count));
}

static void put_row(const struct view *view, uint32_t point)
{
    html_element(view->out, "<tr><th scope=\"row\"><code>",
                 view->points[point].name, HTML_NAME, "</code></th>");
    html_count(view->out, view->rows[point].worlds);
    for (size_t i = 0; i < ENUMERATE_OUTCOMES; i++)
        if (view->page->result->outcomes[shows[i].outcome])
            put_cell(view, point, i);
    put_strip(view, point);
    html_row_end(view->out);
}

static void put_matrix(const struct view *view)
{
    struct html_column columns[ENUMERATE_OUTCOMES + 3] = {{"point", NULL},
                                                          {"worlds", "n"}};
    size_t count = 2;
    for (size_t i = 0; i < ENUMERATE_OUTCOMES; i++)
        if (view->page->result->outcomes[shows[i].outcome])
            columns[count++] = (struct html_column){shows[i].title, "n"};
    columns[count++] = (struct html_column){"along the faultless run", "strip"};
    html_section(view->out, "matrix", "Points and what came of them");
    put(view->out,
        "<p class=\"note\">Each world is broken at one moment of the faultless "
        "run, and again in its recovery if crashes come twice. A number leads "
        "to the moments that it counts.</p>\n");
    html_table(view->out, "Points and what came of them", columns, count);
    for (uint32_t p = 0; p < view->point_count; p++)
        if (view->rows[p].worlds)
            put_row(view, p);
    html_table_end(view->out);
    html_section_end(view->out);
}

/* Two faults: the point of the first by that of the second ----------------- */

struct pair {
    uint64_t worlds;
    uint64_t bad;
};

static void count_pairs(const struct view *view, struct pair *pairs)
{
    const struct enumeration *result = view->page->result;
    for (uint64_t i = 0; i < result->count; i++) {
        const struct enumerate_world *world = &result->worlds[i];
        if (world->number[1] == 0)
            continue;
        struct pair *pair = &pairs[world->at[0].site.point * view->point_count +
                                   world->at[1].site.point];
        pair->worlds++;
        pair->bad += bad(world);
    }
}

/* Points at which a second fault came in any world, in order. */
static uint32_t second_points(const struct view *view, const struct pair *pairs,
                              uint32_t *points)
{
    uint32_t count = 0;
    for (uint32_t b = 0; b < view->point_count; b++) {
        uint64_t worlds = 0;
        for (uint32_t a = 0; a < view->point_count; a++)
            worlds += pairs[a * view->point_count + b].worlds;
        if (worlds)
            points[count++] = b;
    }
    return count;
}

static void pair_row(const struct view *view, const struct pair *row,
                     uint32_t point, const uint32_t *seconds, uint32_t count)
{
    struct report_word word;
    html_element(view->out, "<tr><th scope=\"row\"><code>",
                 view->points[point].name, HTML_NAME, "</code></th>");
    for (uint32_t i = 0; i < count; i++) {
        const struct pair *pair = &row[seconds[i]];
        if (pair->worlds == 0)
            put(view->out, "<td class=\"n dim\">·</td>");
        else if (pair->bad)
            report_buffer_print(
                view->out, "<td class=\"n heat bad\">✗ %" PRIu64 " of %s</td>",
                pair->bad, report_format_count(&word, pair->worlds));
        else
            report_buffer_print(view->out, "<td class=\"n heat fine\">%s</td>",
                                report_format_count(&word, pair->worlds));
    }
    html_row_end(view->out);
}

static void put_pair_table(const struct view *view, const struct pair *pairs,
                           const uint32_t *seconds, uint32_t count,
                           struct html_column *columns)
{
    columns[0] = (struct html_column){"first crash", NULL};
    for (uint32_t i = 0; i < count; i++)
        columns[i + 1] =
            (struct html_column){view->points[seconds[i]].name, "n up"};
    html_section(view->out, "pairs", "First crash by second");
    put(view->out, "<p class=\"note\">Worlds by the points of both; those that "
                   "did not hold are marked.</p>\n");
    html_table(view->out, "First crash by second", columns, count + 1);
    for (uint32_t p = 0; p < view->point_count; p++)
        if (view->rows[p].worlds)
            pair_row(view, &pairs[p * view->point_count], p, seconds, count);
    html_table_end(view->out);
    html_section_end(view->out);
}

static void put_pairs(const struct view *view)
{
    uint32_t n = view->point_count;
    struct pair *pairs = calloc((size_t)n * n, sizeof(*pairs));
    uint32_t *seconds = calloc(n, sizeof(*seconds));
    struct html_column *columns = calloc(n + 1u, sizeof(*columns));
    if (pairs && seconds && columns) {
        count_pairs(view, pairs);
        put_pair_table(view, pairs, seconds,
                       second_points(view, pairs, seconds), columns);
    } else {
        view->out->failed = 1;
    }
    free(pairs);
    free(seconds);
    free(columns);
}

/* Worlds --------------------------------------------------------------------
 */

static void put_names(const struct view *view,
                      const struct enumerate_world *world)
{
    char name[BOUNDARY_NAME_SIZE];
    for (int i = 0; i < ENUMERATE_DEPTH && world->number[i] != 0; i++) {
        boundary_name(view->page->scenario, &world->at[i], name, sizeof(name));
        html_element(view->out, i ? "<br>then <code>" : "<code>", name,
                     BOUNDARY_NAME_SIZE, "</code>");
    }
}

/* A link to its timeline, if the page has it. */
static void put_way(const struct view *view,
                    const struct enumerate_world *world)
{
    for (uint32_t i = 0; view->page->story && i < view->story_count; i++)
        if (view->stories[i] == world)
            report_buffer_print(
                view->out, " <a href=\"#story-%" PRIu32 "\">timeline</a>", i);
}

static void put_failure(const struct view *view,
                        const struct enumerate_world *world)
{
    struct report_buffer *out = view->out;
    struct report_buffer command;
    put(out, "<h3>");
    put_names(view, world);
    report_buffer_print(out, "</h3>\n<p><strong class=\"fail\">%s</strong>: ",
                        enumerate_outcome_name(world->outcome));
    report_buffer_html(out, world->text ? world->text : "", HTML_SENTENCE);
    if (world->signal != 0) {
        put(out, " (");
        report_buffer_html(out, strsignal(world->signal), HTML_NAME);
        put(out, ")");
    }
    put_way(view, world);
    put(out, "</p>\n");
    report_buffer_init(&command);
    view->page->command(view->page->self, world, &command);
    html_command(out, command.text ? command.text : "");
    report_buffer_free(&command);
}

static void put_failures(const struct view *view)
{
    const struct enumeration *result = view->page->result;
    struct report_word word;
    uint64_t shown = 0;
    uint64_t all = 0;
    html_section(view->out, "failures", "What did not hold");
    for (uint64_t i = 0; i < result->count; i++) {
        if (!bad(&result->worlds[i]))
            continue;
        all++;
        if (shown == FULL_MAX || view->out->size > HTML_SIZE_SOFT)
            continue;
        put_failure(view, &result->worlds[i]);
        shown++;
    }
    if (all == 0)
        put(view->out, "<p>Everything held.</p>\n");
    if (all > shown)
        report_buffer_print(
            view->out, "<p class=\"note\">%s more are in sweep.json.</p>\n",
            report_format_count(&word, all - shown));
    html_section_end(view->out);
}

/* The moments of one point with one outcome. */
static void put_moments(const struct view *view, uint32_t point, size_t shown)
{
    static const struct html_column columns[] = {{"moment", "n"},
                                                 {"what was broken", NULL}};
    const struct enumeration *result = view->page->result;
    uint64_t count = view->rows[point].outcomes[shows[shown].outcome];
    size_t row = 0;
    report_buffer_print(view->out,
                        "<p class=\"note\" id=\"p%" PRIu32 "-%s\">%s</p>\n",
                        point, shows[shown].key, shows[shown].title);
    html_table(view->out, "Moments", columns, 2);
    for (uint64_t i = 0; i < result->count; i++) {
        const struct enumerate_world *world = &result->worlds[i];
        if (world->at[0].site.point != point ||
            world->outcome != shows[shown].outcome)
            continue;
        if (!html_room(view->out, row++, count, 2))
            break;
        report_buffer_print(
            view->out, "<tr><th scope=\"row\" class=\"n\">%" PRIu32 "</th><td>",
            world->number[0]);
        put_names(view, world);
        put_way(view, world);
        put(view->out, "</td></tr>\n");
    }
    html_table_end(view->out);
}

static void put_worlds(const struct view *view)
{
    struct report_word word;
    html_section(view->out, "moments", "All moments");
    put(view->out, "<p class=\"note\">By point. What repeats one of them is "
                   "the command at the top, with --only and the moment's "
                   "name.</p>\n");
    for (uint32_t p = 0; p < view->point_count; p++) {
        if (view->rows[p].worlds == 0)
            continue;
        report_buffer_print(view->out,
                            "<details><summary><code>%s</code>, %s</summary>\n",
                            view->points[p].name,
                            report_format_count(&word, view->rows[p].worlds));
        for (size_t i = 0; i < ENUMERATE_OUTCOMES; i++)
            if (view->rows[p].outcomes[shows[i].outcome])
                put_moments(view, p, i);
        put(view->out, "</details>\n");
    }
    html_section_end(view->out);
}

/* Stories ------------------------------------------------------------------ */

static bool told(const struct view *view, const struct enumerate_world *world)
{
    for (uint32_t i = 0; i < view->story_count; i++)
        if (view->stories[i]->outcome == world->outcome &&
            view->stories[i]->at[0].site.point == world->at[0].site.point)
            return true;
    return false;
}

/* What held is told of by an example or two, of those about a run. */
static bool tells(const struct view *view, const struct enumerate_world *world,
                  enum enumerate_outcome outcome)
{
    if (world->outcome != outcome || outcome == ENUMERATE_DIED ||
        told(view, world))
        return false;
    return outcome != ENUMERATE_HELD ||
           (view->story_count < HELD_MAX && world->at[0].site.run != 0);
}

/* One for each point and outcome, the gravest first. Not of those that died:
   they might do so again, and take the page with them. */
static void choose_stories(struct view *view)
{
    const struct enumeration *result = view->page->result;
    for (size_t o = 0; o < ENUMERATE_OUTCOMES; o++)
        for (uint64_t i = 0; i < result->count; i++)
            if (view->story_count < ENUMERATE_STORIES_MAX &&
                tells(view, &result->worlds[i], shows[o].outcome))
                view->stories[view->story_count++] = &result->worlds[i];
}

static void put_stories(const struct view *view)
{
    if (view->story_count == 0 || !view->page->story)
        return;
    html_section(view->out, "timelines", "Timelines");
    put(view->out, "<p class=\"note\">Of the gravest of each point, run once "
                   "more. A lane for each actor, time from left to right; "
                   "stretches in which nothing happens are folded.</p>\n");
    html_story_key(view->out, scenario_has_programs(view->page->scenario));
    for (uint32_t i = 0;
         i < view->story_count && view->out->size < HTML_SIZE_SOFT; i++) {
        report_buffer_print(view->out, "<h3 id=\"story-%" PRIu32 "\">", i);
        put_names(view, view->stories[i]);
        report_buffer_print(view->out, ": %s</h3>\n",
                            enumerate_outcome_name(view->stories[i]->outcome));
        view->page->story(view->page->self, view->stories[i], view->out);
    }
    html_section_end(view->out);
}

/* The rest ------------------------------------------------------------------
 */

static void put_limits(const struct view *view)
{
    const struct enumeration *result = view->page->result;
    struct report_buffer *out = view->out;
    struct report_word word;
    html_section(out, "limits", "What this page does not show");
    put(out, "<ul>\n<li>Another seed: its order of events has other "
             "boundaries.</li>\n<li>Other faults than these, and more of them "
             "at once.</li>\n");
    if (result->left_out)
        report_buffer_print(
            out, "<li>%s boundaries of recoveries beyond --limit.</li>\n",
            report_format_count(&word, result->left_out));
    if (result->golden.missed)
        report_buffer_print(
            out,
            "<li>%d expectations that the faultless run misses: they speak of "
            "faults and are not asked of the others.</li>\n",
            __builtin_popcount(result->golden.missed));
    for (uint32_t i = 0; check_all[i]; i++)
        if (result->golden.inconclusive & ~result->checked & UINT64_C(1) << i)
            report_buffer_print(out, "<li>%s %s: judged in no world.</li>\n",
                                check_all[i]->id, check_all[i]->name);
    put(out, "</ul>\n");
    html_section_end(out);
}

static void put_contents(const struct view *view)
{
    put(view->out, "<nav aria-label=\"Contents\">\n<a href=\"#matrix\">Points "
                   "and what came of them</a>\n");
    if (view->page->depth > 1)
        put(view->out, "<a href=\"#pairs\">First crash by second</a>\n");
    put(view->out, "<a href=\"#failures\">What did not hold</a>\n");
    if (view->story_count && view->page->story)
        put(view->out, "<a href=\"#timelines\">Timelines</a>\n");
    put(view->out, "<a href=\"#moments\">All moments</a>\n<a "
                   "href=\"#limits\">What this page does not "
                   "show</a>\n</nav>\n<main id=\"main\">\n");
}

static void fill_rows(const struct view *view)
{
    const struct enumeration *result = view->page->result;
    for (uint64_t i = 0; i < result->count; i++) {
        const struct enumerate_world *world = &result->worlds[i];
        struct row *row = &view->rows[world->at[0].site.point];
        row->worlds++;
        row->outcomes[world->outcome]++;
    }
}

void enumerate_page_html(const struct enumerate_page *page,
                         struct report_buffer *out)
{
    struct view view = {.page = page, .out = out};
    view.points = scenario_points(&view.point_count);
    view.rows = calloc(view.point_count, sizeof(*view.rows));
    if (!view.rows) {
        out->failed = 1;
        return;
    }
    fill_rows(&view);
    choose_stories(&view);
    put_head(&view);
    put_contents(&view);
    put_matrix(&view);
    if (page->depth > 1)
        put_pairs(&view);
    put_failures(&view);
    put_stories(&view);
    put_worlds(&view);
    put_limits(&view);
    put(out, "</main>\n</body>\n</html>\n");
    free(view.rows);
}
