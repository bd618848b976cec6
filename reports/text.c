#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reports/format.h"
#include "reports/report.h"
#include "reports/scale.h"

enum {
    WIDTH = 80,
    ROWS_MAX = 16,
    BAR_MAX = 40, /* columns */
    EIGHTHS_MAX = 8 * BAR_MAX,
    LISTED_MAX = 40
};

struct page {
    const struct report_model *model;
    struct report_buffer *out;
    int colour;
};

static const char *colour_of(enum check_verdict verdict)
{
    switch (verdict) {
    case CHECK_PASS:
        return "\033[32m";
    case CHECK_FAIL:
        return "\033[1;31m";
    case CHECK_EXCUSED:
    case CHECK_INCONCLUSIVE:
        break;
    }
    return "\033[33m";
}

static const char *word_of(enum check_verdict verdict)
{
    static const char *const words[] = {"PASS", "FAIL", "EXCUSED",
                                        "INCONCLUSIVE"};
    return words[verdict];
}

static void put_verdict(struct page *page, enum check_verdict verdict,
                        const char *word)
{
    if (page->colour)
        report_buffer_put(page->out, colour_of(verdict));
    report_buffer_put(page->out, word);
    if (page->colour)
        report_buffer_put(page->out, "\033[0m");
}

static void heading(struct page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void heading(struct page *page, const char *format, ...)
{
    char line[WIDTH * 2];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    report_buffer_print(page->out,
                        page->colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", line);
}

/* Untrusted text in a column of this width, padded to the right. */
static void cell(struct page *page, const char *text, size_t columns)
{
    size_t used = report_buffer_plain(page->out, text, columns);
    for (; used < columns; used++)
        report_buffer_put(page->out, " ");
}

/* A number flush right; commas and ASCII units only, so bytes are columns. */
static void count_cell(struct page *page, uint64_t count, int columns)
{
    struct report_word word;
    report_buffer_print(page->out, "%*s", columns,
                        report_format_count(&word, count));
}

/* A duration flush right; the one micro sign takes two bytes. */
static void ns_cell(struct page *page, uint64_t ns, int columns)
{
    struct report_word word;
    report_format_ns(&word, ns);
    report_buffer_print(page->out, "%*s",
                        columns + (strstr(word.text, "µ") != NULL), word.text);
}

/* Untrusted text, broken at blanks, every line after the first indented. */
static void wrapped(struct page *page, const char *text, size_t indent)
{
    struct report_buffer plain;
    report_buffer_init(&plain);
    report_buffer_plain(&plain, text, 2000);
    size_t column = indent;
    const char *at = plain.text ? plain.text : "";
    while (*at) {
        size_t size = strcspn(at, " ");
        size_t width = 0;
        for (size_t i = 0; i < size; i++)
            width += (at[i] & 0xc0) != 0x80;
        if (column > indent && column + 1 + width > WIDTH) {
            report_buffer_print(page->out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            report_buffer_put(page->out, " ");
            column++;
        }
        report_buffer_bytes(page->out, at, size);
        column += width;
        at += size;
        at += strspn(at, " ");
    }
    report_buffer_put(page->out, "\n");
    report_buffer_free(&plain);
}

static void put_verdict_line(struct page *page)
{
    const struct report_model *model = page->model;
    const char *word = word_of(model->verdict);
    put_verdict(page, model->verdict, word);
    report_buffer_put(page->out, "  ");
    if (model->reason_count) {
        wrapped(page, model->reasons[0].text, strlen(word) + 2);
        for (uint32_t i = 1; i < model->reason_count; i++) {
            report_buffer_print(page->out, "%*s", (int)strlen(word) + 2, "");
            wrapped(page, model->reasons[i].text, strlen(word) + 2);
        }
    } else {
        report_model_held(model, page->out);
        report_buffer_put(page->out, "\n");
    }
}

static void put_head(struct page *page)
{
    const struct report_model *model = page->model;
    const struct report_facts *facts = &model->facts;
    struct report_word digest;
    put_verdict_line(page);
    report_buffer_put(page->out, "\n");
    report_buffer_put(page->out, "scenario  ");
    cell(page, facts->scenario, WIDTH - 10);
    while (page->out->size && page->out->text[page->out->size - 1] == ' ')
        page->out->text[--page->out->size] = 0;
    report_buffer_put(page->out, "\n");
    if (facts->why) {
        report_buffer_put(page->out, "why       ");
        wrapped(page, facts->why, 10);
    }
    report_buffer_print(page->out, "seed      %" PRIu64 "   digest %s\n",
                        facts->seed,
                        report_format_digest(&digest, facts->digest));
    for (size_t i = 0; i < facts->defect_count; i++) {
        report_buffer_put(page->out, "defect    ");
        wrapped(page, facts->defects[i], 10);
    }
}

/* States that runs of declared graphs do not get into, if any run did. */
static void put_other_runs(struct page *page)
{
    const struct report_runs *runs = &page->model->stats->runs;
    const struct {
        const char *name;
        uint64_t count;
    } states[] = {{"cancelled", runs->cancelled},
                  {"timed out", runs->timed_out},
                  {"stopped", runs->stopped},
                  {"paused", runs->paused},
                  {"waiting for the outside", runs->waiting},
                  {"invoked by runs", runs->invoked}};
    int any = 0;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct report_word word;
        if (!states[i].count)
            continue;
        report_buffer_print(page->out, "%s%s %s", any ? ", " : "          ",
                            report_format_count(&word, states[i].count),
                            states[i].name);
        any = 1;
    }
    report_buffer_put(page->out, any ? "\n" : "");
}

/* Why runs failed, root causes first of all. */
static void put_failures(struct page *page)
{
    const struct report_failures *failures = page->model->facts.failures;
    struct report_word word;
    for (uint32_t i = 0; failures && i < failures->count; i++) {
        const struct report_failure *failure = &failures->list[i];
        struct engine_text root =
            engine_cause_root(failure->chain, failure->size);
        char words[160];
        snprintf(words, sizeof(words), "%.*s", (int)root.size, root.text);
        report_buffer_print(page->out, "          %s failed: ",
                            report_format_count(&word, failure->count));
        if (root.size > 0)
            report_buffer_plain(page->out, words, 140);
        else
            report_buffer_put(page->out, engine_error_name(failure->error));
        report_buffer_put(page->out, "\n");
    }
    if (failures && failures->others)
        report_buffer_print(page->out, "          %s failed of other causes\n",
                            report_format_count(&word, failures->others));
}

static void put_runs(struct page *page)
{
    const struct report_stats *stats = page->model->stats;
    struct report_word words[5];
    report_buffer_print(
        page->out,
        "runs      %s started, %s succeeded, %s failed, %s blocked, %s stuck\n",
        report_format_count(&words[0], stats->runs.started),
        report_format_count(&words[1], stats->runs.succeeded),
        report_format_count(&words[2], stats->runs.failed),
        report_format_count(&words[3], stats->runs.blocked),
        report_format_count(&words[4], stats->runs.stuck));
    put_other_runs(page);
    put_failures(page);
    report_buffer_print(
        page->out, "world     %s virtual, %s events, %s commits, %s crashes\n",
        report_format_ns(&words[0], stats->last_ns - stats->first_ns),
        report_format_count(&words[1], stats->events),
        report_format_count(&words[2], stats->commits),
        report_format_count(&words[3], stats->crashes));
}

static void put_property(struct page *page, const struct check_result *result)
{
    report_buffer_put(page->out, "  ");
    cell(page, result->id, 4);
    cell(page, result->name, 30);
    count_cell(page, result->checked, 10);
    report_buffer_put(page->out, " ");
    cell(page, result->unit, 20);
    report_buffer_put(page->out, " ");
    if (result->absent)
        report_buffer_put(page->out, "does not apply");
    else
        put_verdict(page, result->verdict, check_verdict_name(result->verdict));
    report_buffer_put(page->out, "\n");
    if (result->violations) {
        struct report_word count;
        struct report_word time;
        report_buffer_print(
            page->out, "      %s %s, the first at %s (record %" PRIu64,
            report_format_count(&count, result->violations),
            result->violations == 1 ? "violation" : "violations",
            report_format_ns(&time, result->first.record.time_ns -
                                        page->model->stats->first_ns),
            result->first.index);
        if (result->first.record.run)
            report_buffer_print(page->out, ", run %" PRIu64,
                                result->first.record.run);
        report_buffer_put(page->out, "):\n      ");
        wrapped(page, result->first.text, 6);
        if (result->first.waits_for[0]) {
            report_buffer_put(page->out, "      waits for: ");
            wrapped(page, result->first.waits_for, 17);
        }
    } else if (!result->absent && result->reason[0]) {
        report_buffer_put(page->out, "      ");
        wrapped(page, result->reason, 6);
    }
}

static void put_properties(struct page *page)
{
    const struct report_facts *facts = &page->model->facts;
    if (facts->result_count)
        heading(page, "%-36s%10s", "Properties", "checked");
    for (size_t i = 0; i < facts->result_count; i++)
        put_property(page, &facts->results[i]);
}

static void put_expected(struct page *page,
                         const struct report_expectation *expected)
{
    report_buffer_put(page->out, "  ");
    cell(page, expected->text, 39);
    report_buffer_put(page->out, " ");
    cell(page, expected->actual, 23);
    report_buffer_put(page->out, " ");
}

static void put_expectations(struct page *page)
{
    const struct report_facts *facts = &page->model->facts;
    if (facts->expectation_count + facts->threshold_count)
        heading(page, "%-42s%s", "Expected", "found");
    for (size_t i = 0; i < facts->expectation_count; i++) {
        const struct report_expectation *expected = &facts->expectations[i];
        put_expected(page, expected);
        put_verdict(page, expected->verdict,
                    check_verdict_name(expected->verdict));
        report_buffer_put(page->out, "\n");
    }
    for (size_t i = 0; i < facts->threshold_count; i++) {
        const struct report_threshold *each = &facts->thresholds[i];
        char text[200];
        snprintf(text, sizeof(text), "%s %s", each->expr, each->limit);
        put_expected(page, &(struct report_expectation){text, each->actual, 0});
        put_verdict(page, each->verdict, check_verdict_name(each->verdict));
        report_buffer_put(page->out, "\n");
    }
}

static void put_faults(struct page *page)
{
    const struct report_stats *stats = page->model->stats;
    if (stats->fault_count == 0) {
        heading(page, "Faults");
        report_buffer_put(page->out, "  none were armed\n");
        return;
    }
    heading(page, "%-36s%8s%10s%11s%12s", "Faults", "armed", "fired",
            "effective", "in flight");
    for (uint32_t i = 0; i < stats->fault_count && i < LISTED_MAX; i++) {
        const struct report_fault *fault = &stats->faults[i];
        report_buffer_put(page->out, "  ");
        cell(page, fault->name, 34);
        count_cell(page, fault->armed, 8);
        count_cell(page, fault->fired, 10);
        count_cell(page, fault->effective, 11);
        count_cell(page, fault->in_flight, 12);
        report_buffer_put(page->out, "\n");
    }
    if (stats->fault_count > LISTED_MAX)
        report_buffer_print(page->out, "  and %" PRIu32 " more points\n",
                            stats->fault_count - LISTED_MAX);
    if (stats->drain_ns == UINT64_MAX) {
        report_buffer_put(page->out, "  The backlog never drained after the "
                                     "last fault.\n");
    } else if (stats->drain_ns) {
        struct report_word word;
        report_buffer_print(page->out,
                            "  The backlog drained %s after the last fault.\n",
                            report_format_ns(&word, stats->drain_ns));
    }
}

static void put_effects(struct page *page)
{
    const struct report_stats *stats = page->model->stats;
    int any = 0;
    for (uint32_t i = 0; i < stats->step_count && i < LISTED_MAX; i++) {
        const struct report_step *step = &stats->steps[i];
        if (!step->has_effect && step->applied == 0)
            continue;
        if (!any)
            heading(page, "%-36s%8s%12s%12s%9s", "Effects", "applied",
                    "recognised", "duplicates", "lost");
        any = 1;
        report_buffer_put(page->out, "  ");
        cell(page, step->name, 32);
        count_cell(page, step->applied, 10);
        count_cell(page, step->repeats, 12);
        count_cell(page, step->duplicates, 12);
        count_cell(page, step->lost, 9);
        report_buffer_put(page->out, "\n");
    }
}

/* A bar in eighths of a column, so that few still show against many. */
static void put_bar(struct page *page, uint64_t value, uint64_t most)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    while (most > UINT64_MAX / EIGHTHS_MAX) {
        most /= 2;
        value /= 2;
    }
    uint64_t eighths = value * EIGHTHS_MAX / most;
    if (eighths == 0 && value)
        eighths = 1;
    for (uint64_t i = 0; i < eighths / 8; i++)
        report_buffer_put(page->out, "█");
    report_buffer_put(page->out, parts[eighths % 8]);
}

static void put_histogram(struct page *page, const struct report_hist *hist)
{
    struct report_bins bins = report_scale_fit(hist, ROWS_MAX);
    uint32_t first = 0;
    uint32_t last = bins.count;
    while (report_scale_count(&bins, hist, first) == 0)
        first++;
    while (report_scale_count(&bins, hist, last - 1) == 0)
        last--;
    for (uint32_t i = first; i < last; i++) {
        uint64_t count = report_scale_count(&bins, hist, i);
        ns_cell(page, report_scale_edge(&bins, i), 11);
        report_buffer_put(page->out, " –");
        ns_cell(page, report_scale_edge(&bins, i + 1), 11);
        count_cell(page, count, 11);
        report_buffer_put(page->out, count ? "  " : "");
        put_bar(page, count, bins.most);
        report_buffer_put(page->out, "\n");
    }
}

/* What latency is made of: parts that any run spent time in. */
static void put_split(struct page *page)
{
    const struct report_stats *stats = page->model->stats;
    uint64_t mean_ns = report_hist_mean(&stats->latency);
    if (!stats->split.parts[0].counts || mean_ns == 0)
        return;
    heading(page, "%-24s%10s%11s%11s%11s%11s", "Of which", "share", "p50",
            "p90", "p99", "max");
    for (int i = 0; i < REPORT_PARTS; i++) {
        const struct report_hist *part = &stats->split.parts[i];
        struct report_word share;
        if (part->max == 0)
            continue;
        report_buffer_put(page->out, "  ");
        cell(page, report_part_name((enum report_part)i), 22);
        report_buffer_print(
            page->out, "%10s",
            report_format_share(&share, report_hist_mean(part), mean_ns));
        ns_cell(page, report_hist_at(part, 500000), 11);
        ns_cell(page, report_hist_at(part, 900000), 11);
        ns_cell(page, report_hist_at(part, 990000), 11);
        ns_cell(page, part->max, 11);
        report_buffer_put(page->out, "\n");
    }
}

static void put_latency(struct page *page)
{
    static const struct {
        const char *name;
        uint32_t ppm;
    } points[] = {{"p50", 500000},
                  {"p90", 900000},
                  {"p99", 990000},
                  {"p99.9", 999000},
                  {"max", 1000000}};
    const struct report_hist *hist = &page->model->stats->latency;
    struct report_word word;
    heading(page, "Latency of %s runs, from due to durably ended",
            report_format_count(&word, hist->count));
    if (hist->count == 0) {
        report_buffer_put(page->out, "  no run ended\n");
        return;
    }
    report_buffer_put(page->out, " ");
    for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        report_buffer_print(
            page->out, " %s %s%s", points[i].name,
            report_format_ns(&word, report_hist_at(hist, points[i].ppm)),
            i < 4 ? "  " : "\n");
    put_histogram(page, hist);
    put_split(page);
}

static void put_one_platform(struct page *page,
                             const struct report_platform *platform)
{
    struct report_word words[4];
    report_buffer_put(page->out, "  ");
    cell(page, platform->name, 16);
    report_buffer_print(
        page->out, " %s starts, %s throttled, at most %s",
        report_format_count(&words[0], platform->cold + platform->warm),
        report_format_count(&words[1], platform->throttled),
        report_format_count(&words[2], platform->in_flight_max));
    if (platform->limit)
        report_buffer_print(page->out, " of %s",
                            report_format_count(&words[3], platform->limit));
    report_buffer_put(page->out, " at once\n");
}

static void put_platform(struct page *page)
{
    const struct report_stats *stats = page->model->stats;
    const struct report_platform *platform = &stats->platform;
    const struct report_facts *facts = &page->model->facts;
    struct report_word words[4];
    if (platform->cold + platform->warm == 0 && facts->bill_count == 0)
        return;
    heading(page, "Platform");
    report_buffer_print(page->out,
                        "  %s cold starts, %s warm, %s throttled, %s killed\n",
                        report_format_count(&words[0], platform->cold),
                        report_format_count(&words[1], platform->warm),
                        report_format_count(&words[2], platform->throttled),
                        report_format_count(&words[3], platform->killed));
    if (platform->warned > 0)
        report_buffer_print(page->out,
                            "  %s places warned of their end, at least %s "
                            "ahead\n",
                            report_format_count(&words[0], platform->warned),
                            report_format_ns(&words[1], platform->notice_ns));
    for (uint32_t i = 0; i < stats->platform_count; i++)
        put_one_platform(page, &stats->platforms[i]);
    for (size_t i = 0; i < facts->bill_count; i++) {
        report_buffer_put(page->out, "  ");
        cell(page, facts->bill[i].name, 34);
        report_buffer_put(page->out, " ");
        cell(page, facts->bill[i].amount, 24);
        report_buffer_put(page->out, " ");
        report_buffer_plain(page->out,
                            facts->bill[i].cost ? facts->bill[i].cost : "", 16);
        report_buffer_put(page->out, "\n");
    }
}

static void put_sometimes(struct page *page)
{
    const struct report_facts *facts = &page->model->facts;
    if (facts->sometimes_count)
        heading(page, "%-42s%s", "Sometimes, in one world of a sweep", "found");
    for (size_t i = 0; i < facts->sometimes_count; i++) {
        const struct report_expectation *expected = &facts->sometimes[i];
        put_expected(page, expected);
        report_buffer_put(page->out, expected->verdict == CHECK_PASS
                                         ? "came true\n"
                                         : "not in this world\n");
    }
}

void report_text(const struct report_model *model, struct report_buffer *out,
                 unsigned flags)
{
    struct page page = {model, out, (flags & REPORT_TEXT_COLOUR) != 0};
    put_head(&page);
    put_runs(&page);
    put_properties(&page);
    put_expectations(&page);
    put_sometimes(&page);
    put_faults(&page);
    put_effects(&page);
    put_latency(&page);
    put_platform(&page);
    report_buffer_put(out, "\nReplay: ");
    report_buffer_plain(out, model->facts.replay, 4000);
    report_buffer_put(out, "\n");
}
