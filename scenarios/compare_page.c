#include "scenarios/compare_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"
#include "reports/html.h"
#include "reports/overlay.h"
#include "reports/page.h"
#include "scenarios/report_read.h"

enum {
    PATH_COLUMNS = 200,
    WALL_RUNS_MIN = 2 /* of a side, for a test */
};

struct page {
    struct report_buffer *out;
    bool all;
    struct compare_paired *paired; /* room for one figure */
};

static void put(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, text);
}

/* Pairs -------------------------------------------------------------------- */

bool compare_is_both(const struct gate_pair *pair)
{
    return pair->base_count > 0 && pair->now_count > 0;
}

size_t compare_group(const struct gate_pairs *pairs, size_t index)
{
    const char *name = gate_pair_report(&pairs->pairs[index])->scenario;
    size_t to = index;
    while (to < pairs->count &&
           strcmp(gate_pair_report(&pairs->pairs[to])->scenario, name) == 0)
        to++;
    return to - index;
}

const struct report_gate_metric *
compare_find(const struct report_gate_report *report, const char *name)
{
    for (size_t i = 0; i < report->metric_count; i++)
        if (strcmp(report->metrics[i].name, name) == 0)
            return &report->metrics[i];
    return NULL;
}

void compare_pair_up(const struct gate_pair *pairs, size_t count,
                     const char *name, struct compare_paired *paired)
{
    paired->count = paired->lower = paired->higher = 0;
    for (size_t i = 0; i < count && paired->count < REPORT_SAMPLES_MAX; i++) {
        if (!compare_is_both(&pairs[i]))
            continue;
        const struct report_gate_metric *a =
            compare_find(&pairs[i].base->report, name);
        const struct report_gate_metric *b =
            compare_find(&pairs[i].now->report, name);
        if (!a || !b)
            continue;
        paired->a[paired->count] = a->value;
        paired->b[paired->count++] = b->value;
        paired->lower += b->value < a->value;
        paired->higher += b->value > a->value;
    }
}

static int by_change(const void *left, const void *right)
{
    const struct compare_change *a = left;
    const struct compare_change *b = right;
    if (a->less != b->less)
        return a->less ? -1 : 1;
    if (a->amount == b->amount)
        return 0;
    return (a->amount < b->amount) == a->less ? 1 : -1;
}

struct compare_changes compare_changes(const struct compare_paired *paired)
{
    struct compare_change list[REPORT_SAMPLES_MAX];
    for (size_t i = 0; i < paired->count; i++) {
        bool less = paired->b[i] < paired->a[i];
        list[i] = (struct compare_change){
            .amount = less ? paired->a[i] - paired->b[i]
                           : paired->b[i] - paired->a[i],
            .less = less};
    }
    qsort(list, paired->count, sizeof(*list), by_change);
    return (struct compare_changes){.median = list[(paired->count - 1) / 2],
                                    .least = list[0],
                                    .most = list[paired->count - 1]};
}

const char *compare_judgement(const struct report_gate_metric *a, uint64_t b)
{
    if (a->better == REPORT_GATE_NEITHER || a->value == b)
        return "";
    return (a->better == REPORT_GATE_LESS) == (b < a->value) ? "better"
                                                             : "worse";
}

const char *compare_seeds(const struct report_gate_metric *metric,
                          const struct compare_paired *paired)
{
    if (metric->better == REPORT_GATE_NEITHER ||
        paired->lower + paired->higher == 0)
        return "";
    if (paired->lower && paired->higher)
        return "mixed";
    return (metric->better == REPORT_GATE_LESS) == (paired->lower > 0)
               ? "better"
               : "worse";
}

/* Cells -------------------------------------------------------------------- */

static void value_cell(struct report_buffer *out, enum report_gate_unit unit,
                       uint64_t value)
{
    struct report_buffer text;
    report_buffer_init(&text);
    report_gate_value(&text, unit, value);
    html_text_n(out, report_buffer_ok(&text) ? text.text : "");
    report_buffer_free(&text);
}

static void change_text(struct report_buffer *out, enum report_gate_unit unit,
                        struct compare_change change)
{
    if (change.amount)
        put(out, change.less ? "−" : "+");
    report_gate_value(out, unit, change.amount);
}

static void judgement_cell(struct report_buffer *out, const char *judgement)
{
    const char *class = judgement[0] == 'w'   ? "fail"
                        : judgement[0] == 'b' ? "pass"
                                              : "dim";
    report_buffer_print(out, "<td class=\"w %s\">%s%s</td>\n", class,
                        judgement[0] == 'w'   ? "▲ "
                        : judgement[0] == 'b' ? "▽ "
                                              : "",
                        judgement);
}

/* What was judged ---------------------------------------------------------- */

static const char *verdict_of(const struct report_gate_judged *list,
                              size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].id, id) == 0)
            return check_verdict_name(list[i].verdict);
    return "-";
}

static void put_verdicts(struct page *page, const char *seed, uint64_t *shown,
                         const struct report_gate_judged *a, size_t a_count,
                         const struct report_gate_judged *b, size_t b_count)
{
    static const struct html_column columns[] = {
        {"property or expectation", NULL},
        {"seed", NULL},
        {"A", NULL},
        {"B", NULL}};
    for (size_t i = 0; i < a_count; i++) {
        const char *own = check_verdict_name(a[i].verdict);
        const char *other = verdict_of(b, b_count, a[i].id);
        if ((strcmp(own, other) == 0 && !page->all) || *shown > HTML_ROWS_MAX)
            continue;
        if ((*shown)++ == 0)
            html_table(page->out, "Verdicts", columns, 4);
        html_row(page->out, a[i].id);
        html_cell(page->out, seed);
        html_cell(page->out, own);
        html_cell(page->out, other);
        html_row_end(page->out);
    }
}

/* Of all seeds; at most so many rows. */
static void put_judged(struct page *page, const struct gate_pair *pairs,
                       size_t count)
{
    uint64_t shown = 0;
    put(page->out, "<h3>Verdicts</h3>\n");
    for (size_t i = 0; i < count; i++) {
        if (!compare_is_both(&pairs[i]))
            continue;
        const struct report_gate_report *a = &pairs[i].base->report;
        const struct report_gate_report *b = &pairs[i].now->report;
        put_verdicts(page, a->seed, &shown, a->properties, a->property_count,
                     b->properties, b->property_count);
        put_verdicts(page, a->seed, &shown, a->expectations,
                     a->expectation_count, b->expectations,
                     b->expectation_count);
    }
    if (shown)
        html_table_end(page->out);
    if (shown > HTML_ROWS_MAX)
        put(page->out, "<p class=\"note\">More rows are left out.</p>\n");
    if (!shown)
        put(page->out, "<p class=\"note\">All verdicts are the same.</p>\n");
}

/* Figures ------------------------------------------------------------------ */

static void put_figure(struct page *page, const struct report_gate_metric *a,
                       const struct report_gate_metric *b)
{
    struct report_buffer *out = page->out;
    char change[40];
    html_row(out, a->name);
    value_cell(out, a->unit, a->value);
    value_cell(out, a->unit, b->value);
    html_text_n(out,
                report_gate_change(change, sizeof(change), a->value, b->value));
    judgement_cell(out, compare_judgement(a, b->value));
    html_row_end(out);
}

/* One seed: figures as they stand. */
static void put_exact(struct page *page, const struct gate_pair *pair)
{
    static const struct html_column columns[] = {
        {"figure", NULL}, {"A", "n"}, {"B", "n"}, {"change", "n"}, {"", NULL}};
    const struct report_gate_report *a = &pair->base->report;
    size_t same = 0;
    put(page->out, "<h3>Virtual time: exact</h3>\n<p class=\"note\">The same "
                   "seed gives the same figures on every machine: any "
                   "difference is one.</p>\n");
    html_table(page->out, "Figures in virtual time", columns, 5);
    for (size_t i = 0; i < a->metric_count; i++) {
        const struct report_gate_metric *b =
            compare_find(&pair->now->report, a->metrics[i].name);
        if (!b)
            continue;
        same += b->value == a->metrics[i].value;
        if (b->value != a->metrics[i].value || page->all)
            put_figure(page, &a->metrics[i], b);
    }
    html_table_end(page->out);
    report_buffer_print(
        page->out, "<p class=\"note\">%zu figures are the same.</p>\n", same);
}

static void put_paired(struct page *page,
                       const struct report_gate_metric *metric)
{
    struct report_buffer *out = page->out;
    const struct compare_paired *paired = page->paired;
    struct compare_changes changes = compare_changes(paired);
    struct report_buffer text;
    html_row(out, metric->name);
    value_cell(out, metric->unit, report_median(paired->a, paired->count));
    value_cell(out, metric->unit, report_median(paired->b, paired->count));
    report_buffer_init(&text);
    change_text(&text, metric->unit, changes.median);
    html_text_n(out, report_buffer_ok(&text) ? text.text : "");
    report_buffer_free(&text);
    report_buffer_init(&text);
    change_text(&text, metric->unit, changes.least);
    put(&text, " … ");
    change_text(&text, metric->unit, changes.most);
    html_text_n(out, report_buffer_ok(&text) ? text.text : "");
    report_buffer_free(&text);
    html_count(out, paired->lower);
    html_count(out, paired->higher);
    judgement_cell(out, compare_seeds(metric, paired));
    html_row_end(out);
}

/* Several seeds: each is its own pair. */
static void put_seeds(struct page *page, const struct gate_pair *pairs,
                      size_t count, const struct gate_pair *first)
{
    static const struct html_column columns[] = {
        {"figure", NULL},      {"A, median", "n"},
        {"B, median", "n"},    {"change by seed, median", "n"},
        {"least … most", "n"}, {"seeds with less", "n"},
        {"with more", "n"},    {"", NULL}};
    const struct report_gate_report *report = &first->base->report;
    size_t same = 0;
    put(page->out, "<h3>Virtual time: exact, paired by seed</h3>\n");
    html_table(page->out, "Figures in virtual time, by seed", columns, 8);
    for (size_t i = 0; i < report->metric_count; i++) {
        const struct report_gate_metric *metric = &report->metrics[i];
        compare_pair_up(pairs, count, metric->name, page->paired);
        size_t differ = page->paired->lower + page->paired->higher;
        same += differ == 0;
        if (page->paired->count && (differ || page->all))
            put_paired(page, metric);
    }
    html_table_end(page->out);
    report_buffer_print(page->out,
                        "<p class=\"note\">%zu figures are the same in every "
                        "seed.</p>\n",
                        same);
}

/* The wall clock ----------------------------------------------------------- */

/* What the clock said of a side's runs; whether they were on one machine. */
static size_t samples_of(const struct gate_entry *entries, size_t count,
                         uint64_t wall_ns[REPORT_SAMPLES_MAX],
                         const char **machine, bool *one)
{
    size_t found = 0;
    for (size_t i = 0; i < count && found < REPORT_SAMPLES_MAX; i++) {
        if (!entries[i].has_sample)
            continue;
        if (!*machine)
            *machine = entries[i].sample.machine;
        *one = *one && strcmp(*machine, entries[i].sample.machine) == 0;
        wall_ns[found++] = entries[i].sample.wall_ns;
    }
    return found;
}

static void put_wall_row(struct page *page, const uint64_t *a, size_t a_count,
                         const uint64_t *b, size_t b_count)
{
    struct report_buffer *out = page->out;
    uint64_t from = report_median(a, a_count), to = report_median(b, b_count);
    char text[64];
    html_row(out, "the whole run");
    html_ns(out, from);
    html_ns(out, to);
    html_text_n(out, report_gate_change(text, sizeof(text), from, to));
    snprintf(text, sizeof(text), "%zu and %zu", a_count, b_count);
    html_text_n(out, text);
    if (a_count < WALL_RUNS_MIN || b_count < WALL_RUNS_MIN) {
        html_text_n(out, "too few");
        html_text_n(out, "none");
    } else {
        double detectable =
            report_mann_whitney_detectable(a, a_count, b, b_count, 0.01);
        snprintf(text, sizeof(text), "%.4f",
                 report_mann_whitney(a, a_count, b, b_count).p);
        html_text_n(out, text);
        if (isfinite(detectable))
            snprintf(text, sizeof(text), "%.1f %%", 100 * detectable);
        html_text_n(out, isfinite(detectable) ? text : "none");
    }
    html_row_end(out);
}

static void put_wall(struct page *page, const struct gate_pair *pair)
{
    static const struct html_column columns[] = {
        {"wall clock", NULL},
        {"A, median", "n"},
        {"B, median", "n"},
        {"change", "n"},
        {"runs", "n"},
        {"p (Mann-Whitney)", "n"},
        {"smallest change seen at 0.01", "n"}};
    uint64_t a[REPORT_SAMPLES_MAX], b[REPORT_SAMPLES_MAX];
    const char *machine = NULL;
    bool one = true;
    size_t a_count =
        samples_of(pair->base, pair->base_count, a, &machine, &one);
    size_t b_count = samples_of(pair->now, pair->now_count, b, &machine, &one);
    put(page->out, "<h3>Wall clock: statistical</h3>\n");
    if (a_count == 0 || b_count == 0) {
        put(page->out, "<p class=\"note\">No run-meta.json beside the reports "
                       "of a side says how long they took.</p>\n");
        return;
    }
    html_table(page->out, "Wall clock", columns, 7);
    put_wall_row(page, a, a_count, b, b_count);
    html_table_end(page->out);
    put(page->out,
        one ? "<p class=\"note\">It depends on what else the machine did; the "
              "gate judges it only from runs that took turns.</p>\n"
            : "<p class=\"note fail\">The runs are of different machines: "
              "nothing follows from this.</p>\n");
}

/* Charts ------------------------------------------------------------------- */

/* Shares of runs, in millionths, and their names. */
static const uint32_t shares[] = {0,      100000, 250000, 500000, 750000,
                                  900000, 950000, 990000, 999000, 1000000};
static const char *const share_names[] = {
    "least", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9", "most"};

enum {
    SHARES = sizeof(shares) / sizeof(*shares)
};

static void spectrum(const struct report_model *model,
                     struct report_overlay_line *line)
{
    const struct report_hist *hist = &model->stats->latency;
    for (uint32_t i = 0; hist->count && i < SHARES; i++) {
        line->x[i] = i;
        line->y[i] = i == 0            ? hist->min
                     : i == SHARES - 1 ? hist->max
                                       : report_hist_at(hist, shares[i]);
        line->count = i + 1;
    }
}

static void over_time(const struct report_model *model, bool latency,
                      struct report_overlay_line *line)
{
    const struct report_stats *stats = model->stats;
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct report_bucket *bucket = &stats->buckets[i];
        if (latency && bucket->latency_count == 0)
            continue;
        line->x[line->count] = i * stats->bucket_ns;
        line->y[line->count++] = latency ? bucket->p99_ns : bucket->in_flight;
    }
}

static void put_chart(struct page *page, const char *title,
                      struct report_overlay *overlay)
{
    report_buffer_print(page->out, "<h3>%s</h3>\n", title);
    overlay->label = title;
    report_overlay(overlay, page->out);
}

static void put_points(struct page *page, const struct report_overlay *overlay)
{
    static const struct html_column columns[] = {
        {"", NULL}, {"A", "n"}, {"B", "n"}};
    struct report_buffer *out = page->out;
    put(out, "<details><summary>as a table</summary>\n");
    html_table(out, "Percentiles of the latency of runs", columns, 3);
    for (uint32_t i = 0; i < SHARES; i++) {
        html_row(out, share_names[i]);
        if (overlay->a.count)
            html_ns(out, overlay->a.y[i]);
        else
            html_text_n(out, "–");
        if (overlay->b.count)
            html_ns(out, overlay->b.y[i]);
        else
            html_text_n(out, "–");
        html_row_end(out);
    }
    html_table_end(out);
    put(out, "</details>\n");
}

/* The value of a line at this time, or a dash. */
static void put_at(struct report_buffer *out,
                   const struct report_overlay_line *line, uint64_t x,
                   bool times)
{
    for (uint32_t i = 0; i < line->count; i++)
        if (line->x[i] == x) {
            if (times)
                html_ns(out, line->y[i]);
            else
                html_count(out, line->y[i]);
            return;
        }
    html_text_n(out, "–");
}

/* The same as a table: by the times of the line that has more. */
static void put_times(struct page *page, const struct report_overlay *overlay)
{
    static const struct html_column columns[] = {
        {"from", "n"}, {"A", "n"}, {"B", "n"}};
    struct report_buffer *out = page->out;
    struct report_word word;
    const struct report_overlay_line *long_one =
        overlay->a.count >= overlay->b.count ? &overlay->a : &overlay->b;
    put(out, "<details><summary>as a table</summary>\n");
    html_table(out, overlay->label, columns, 3);
    for (size_t i = 0; html_room(out, i, long_one->count, 3); i++) {
        html_row(out, report_format_ns(&word, long_one->x[i]));
        put_at(out, &overlay->a, long_one->x[i], overlay->times);
        put_at(out, &overlay->b, long_one->x[i], overlay->times);
        html_row_end(out);
    }
    html_table_end(out);
    put(out, "</details>\n");
}

static void put_overlays(struct page *page, const struct report_model *a,
                         const struct report_model *b)
{
    struct report_overlay *overlay = calloc(1, sizeof(*overlay));
    if (!overlay) {
        page->out->failed = 1;
        return;
    }
    *overlay = (struct report_overlay){
        .times = true, .places = share_names, .place_count = SHARES};
    spectrum(a, &overlay->a);
    spectrum(b, &overlay->b);
    put_chart(page, "Latency of runs by percentile", overlay);
    put_points(page, overlay);
    *overlay = (struct report_overlay){.times = true};
    over_time(a, true, &overlay->a);
    over_time(b, true, &overlay->b);
    put_chart(page, "p99 of runs by the time they were due", overlay);
    put_times(page, overlay);
    *overlay = (struct report_overlay){.times = false};
    over_time(a, false, &overlay->a);
    over_time(b, false, &overlay->b);
    put_chart(page, "Runs in flight", overlay);
    put_times(page, overlay);
    free(overlay);
}

/* Of whole reports: the gate's reading has their figures only. */
static void put_charts(struct page *page, const struct gate_pair *pair)
{
    struct json_error error = {0};
    struct report_read *a = report_read_file(pair->base->path, &error);
    struct report_read *b =
        a ? report_read_file(pair->now->path, &error) : NULL;
    if (a && b)
        put_overlays(page, report_read_model(a), report_read_model(b));
    else
        html_element(page->out, "<p class=\"note\">No charts: ", error.text,
                     HTML_SENTENCE, "</p>\n");
    report_read_free(a);
    report_read_free(b);
}

/* The page ----------------------------------------------------------------- */

static void put_scenario(struct page *page, const struct gate_pair *pairs,
                         size_t count)
{
    const struct gate_pair *first = NULL;
    size_t both = 0;
    for (size_t i = 0; i < count; i++) {
        both += compare_is_both(&pairs[i]);
        if (!first && compare_is_both(&pairs[i]))
            first = &pairs[i];
    }
    if (!first)
        return;
    html_element(page->out, "<section>\n<h2>",
                 gate_pair_report(first)->scenario, HTML_NAME, "</h2>\n");
    report_buffer_print(
        page->out, "<p class=\"note\">%zu seed%s that both have; %s.</p>\n",
        both, both == 1 ? "" : "s",
        strcmp(first->base->report.digest, first->now->report.digest) == 0
            ? "the records of the first are the same"
            : "the records of the first are others: perdure diff says where");
    put_judged(page, pairs, count);
    put_charts(page, first);
    if (both > 1)
        report_buffer_print(page->out,
                            "<p class=\"note\">Drawn is seed %s.</p>\n",
                            first->base->report.seed);
    if (both == 1)
        put_exact(page, first);
    else
        put_seeds(page, pairs, count, first);
    put_wall(page, first);
    put(page->out, "</section>\n");
}

static void put_alone(struct page *page, const struct gate_pairs *pairs)
{
    static const struct html_column columns[] = {
        {"scenario", NULL}, {"seed", NULL}, {"only in", NULL}};
    size_t alone = 0;
    for (size_t i = 0; i < pairs->count; i++)
        alone += !compare_is_both(&pairs->pairs[i]);
    if (!alone)
        return;
    put(page->out, "<section>\n<h2>Without a counterpart</h2>\n");
    html_table(page->out, "Only on one side", columns, 3);
    size_t row = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        const struct gate_pair *pair = &pairs->pairs[i];
        if (compare_is_both(pair))
            continue;
        if (!html_room(page->out, row++, alone, 3))
            break;
        html_row(page->out, gate_pair_report(pair)->scenario);
        html_cell(page->out, gate_pair_report(pair)->seed);
        html_cell(page->out, pair->base_count ? "A" : "B");
        html_row_end(page->out);
    }
    html_table_end(page->out);
    put(page->out, "</section>\n");
}

void compare_page(const struct gate_pairs *pairs, const char *const paths[2],
                  bool all, struct report_buffer *out)
{
    struct page page = {out, all, malloc(sizeof(struct compare_paired))};
    if (!page.paired) {
        out->failed = 1;
        return;
    }
    put(out, report_page_head);
    put(out, report_page_title);
    put(out, "Two sets of reports compared");
    put(out, report_page_style);
    put(out, report_page_sections);
    put(out, report_overlay_style);
    put(out, report_page_charts);
    put(out, "<header>\n<h1>Two sets of reports compared</h1>\n");
    html_element(out, "<p class=\"note\">A <code>", paths[0], PATH_COLUMNS,
                 "</code></p>\n");
    html_element(out, "<p class=\"note\">B <code>", paths[1], PATH_COLUMNS,
                 "</code></p>\n");
    put(out, "</header>\n<main id=\"main\">\n");
    size_t size;
    for (size_t i = 0; i < pairs->count; i += size) {
        size = compare_group(pairs, i);
        put_scenario(&page, &pairs->pairs[i], size);
    }
    put_alone(&page, pairs);
    put(out, "</main>\n</body>\n</html>\n");
    free(page.paired);
}
