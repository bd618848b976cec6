/*
 * Two reports side by side, or two directories of them: figure by figure, and
 * over all seeds that both sides have of a scenario. It judges nothing; that
 * is what the gate is for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/mann_whitney.h"
#include "scenarios/command.h"
#include "scenarios/compare_page.h"
#include "scenarios/gate_pairs.h"
#include "scenarios/options.h"
#include "scenarios/output.h"

enum {
    NAME_COLUMNS = 44,
    VALUE_COLUMNS = 16,
    TEXT_COLUMNS = 100
};

struct comparison {
    const char *paths[2];
    bool all;
    const char *html; /* NULL: on stdout */
    struct gate_set sets[2];
    struct gate_pairs pairs;
};

/* Pads to a column; text is what a value or a name was written as. */
static void put_padded(struct report_buffer *out, const char *text,
                       size_t columns, bool right)
{
    size_t used = 0;
    for (const char *c = text; *c; c++)
        used += ((unsigned char)*c & 0xc0) != 0x80;
    if (right)
        for (size_t i = used; i < columns; i++)
            report_buffer_put(out, " ");
    size_t written = report_buffer_plain(out, text, TEXT_COLUMNS);
    if (!right)
        for (size_t i = written; i < columns; i++)
            report_buffer_put(out, " ");
    report_buffer_put(out, " ");
}

static void put_value(struct report_buffer *out, enum report_gate_unit unit,
                      uint64_t value)
{
    struct report_buffer text;
    report_buffer_init(&text);
    report_gate_value(&text, unit, value);
    if (report_buffer_ok(&text))
        put_padded(out, text.text, VALUE_COLUMNS, true);
    report_buffer_free(&text);
}

/* One pair of reports --------------------------------------------------------
 */

static void put_metric(const struct comparison *comparison,
                       const struct report_gate_metric *a,
                       const struct report_gate_metric *b,
                       struct report_buffer *out)
{
    char change[40];
    if (!b || (a->value == b->value && !comparison->all))
        return;
    report_buffer_put(out, "  ");
    put_padded(out, a->name, NAME_COLUMNS, false);
    put_value(out, a->unit, a->value);
    put_value(out, b->unit, b->value);
    put_padded(out,
               report_gate_change(change, sizeof(change), a->value, b->value),
               12, true);
    report_buffer_print(out, " %s\n", compare_judgement(a, b->value));
}

static void put_verdict(struct report_buffer *out,
                        const struct report_gate_judged *judged, const char *a,
                        const char *b)
{
    report_buffer_put(out, "  ");
    put_padded(out, judged->id, NAME_COLUMNS, false);
    put_padded(out, a, VALUE_COLUMNS, true);
    put_padded(out, b, VALUE_COLUMNS, true);
    report_buffer_put(out, "\n");
}

static void put_verdicts(const struct comparison *comparison,
                         const struct report_gate_judged *a, size_t a_count,
                         const struct report_gate_judged *b, size_t b_count,
                         struct report_buffer *out)
{
    for (size_t i = 0; i < a_count; i++) {
        const char *other = "-";
        for (size_t j = 0; j < b_count; j++)
            if (strcmp(a[i].id, b[j].id) == 0)
                other = check_verdict_name(b[j].verdict);
        const char *own = check_verdict_name(a[i].verdict);
        if (comparison->all || strcmp(own, other) != 0)
            put_verdict(out, &a[i], own, other);
    }
}

static void put_title(struct report_buffer *out,
                      const struct report_gate_report *a,
                      const struct report_gate_report *b)
{
    put_padded(out, a->scenario, 1, false);
    if (strcmp(a->scenario, b->scenario) != 0) {
        report_buffer_put(out, "and ");
        put_padded(out, b->scenario, 1, false);
    }
    report_buffer_print(out, "seed %s", a->seed);
    if (strcmp(a->seed, b->seed) != 0)
        report_buffer_print(out, " and seed %s", b->seed);
    report_buffer_print(out, ": %s\n",
                        strcmp(a->digest, b->digest) == 0
                            ? "the same records"
                            : "other records; perdure diff says where");
}

static void put_pair(const struct comparison *comparison,
                     const struct gate_pair *pair, struct report_buffer *out)
{
    const struct report_gate_report *a = &pair->base->report;
    const struct report_gate_report *b = &pair->now->report;
    put_title(out, a, b);
    put_verdicts(comparison, a->properties, a->property_count, b->properties,
                 b->property_count, out);
    put_verdicts(comparison, a->expectations, a->expectation_count,
                 b->expectations, b->expectation_count, out);
    for (size_t i = 0; i < a->metric_count; i++)
        put_metric(comparison, &a->metrics[i],
                   compare_find(b, a->metrics[i].name), out);
}

/* All seeds of a scenario ----------------------------------------------------
 */

static void put_change(struct report_buffer *out, enum report_gate_unit unit,
                       struct compare_change change)
{
    if (change.amount)
        report_buffer_put(out, change.less ? "-" : "+");
    report_gate_value(out, unit, change.amount);
}

static void put_paired(const struct comparison *comparison,
                       const struct report_gate_metric *metric,
                       const struct compare_paired *paired,
                       struct report_buffer *out)
{
    if (paired->count == 0 ||
        (paired->lower + paired->higher == 0 && !comparison->all))
        return;
    uint64_t a = report_median(paired->a, paired->count);
    uint64_t b = report_median(paired->b, paired->count);
    char change[40];
    report_buffer_put(out, "  ");
    put_padded(out, metric->name, NAME_COLUMNS, false);
    put_value(out, metric->unit, a);
    put_value(out, metric->unit, b);
    put_padded(out, report_gate_change(change, sizeof(change), a, b), 12, true);
    report_buffer_print(out, " less in %zu, more in %zu of %zu seeds; by seed ",
                        paired->lower, paired->higher, paired->count);
    struct compare_changes changes = compare_changes(paired);
    put_change(out, metric->unit, changes.median);
    report_buffer_put(out, " (");
    put_change(out, metric->unit, changes.least);
    report_buffer_put(out, " to ");
    put_change(out, metric->unit, changes.most);
    report_buffer_print(out, ") %s\n", compare_seeds(metric, paired));
}

static void put_seeds(const struct comparison *comparison,
                      const struct gate_pair *pairs, size_t count, size_t both,
                      struct report_buffer *out)
{
    const struct gate_pair *first = pairs;
    struct compare_paired *paired = malloc(sizeof(*paired));
    while (!compare_is_both(first))
        first++;
    const struct report_gate_report *report = &first->base->report;
    put_padded(out, report->scenario, 1, false);
    report_buffer_print(out, "%zu seeds that both have; medians of them\n",
                        both);
    for (size_t i = 0; paired && i < report->metric_count; i++) {
        compare_pair_up(pairs, count, report->metrics[i].name, paired);
        put_paired(comparison, &report->metrics[i], paired, out);
    }
    out->failed = out->failed || !paired;
    free(paired);
}

static void print_all(const struct comparison *comparison,
                      struct report_buffer *out)
{
    const struct gate_pairs *pairs = &comparison->pairs;
    size_t size;
    report_buffer_put(out, "A  ");
    put_padded(out, comparison->paths[0], 1, false);
    report_buffer_put(out, "\nB  ");
    put_padded(out, comparison->paths[1], 1, false);
    report_buffer_put(out, "\n");
    for (size_t i = 0; i < pairs->count; i += size) {
        const struct gate_pair *own = &pairs->pairs[i];
        size_t both = 0;
        size = compare_group(pairs, i);
        for (size_t j = 0; j < size; j++)
            both += compare_is_both(&own[j]);
        report_buffer_put(out, both ? "\n" : "");
        if (both == 1)
            for (size_t j = 0; j < size; j++)
                if (compare_is_both(&own[j]))
                    put_pair(comparison, &own[j], out);
        if (both > 1)
            put_seeds(comparison, own, size, both, out);
    }
}

/* What only one side has. */
static void print_alone(const struct comparison *comparison,
                        struct report_buffer *out)
{
    for (size_t i = 0; i < comparison->pairs.count; i++) {
        const struct gate_pair *pair = &comparison->pairs.pairs[i];
        if (compare_is_both(pair))
            continue;
        report_buffer_print(out, "only in %s: ", pair->base_count ? "A" : "B");
        put_padded(out, gate_pair_report(pair)->scenario, 1, false);
        report_buffer_print(out, "seed %s\n", gate_pair_report(pair)->seed);
    }
}

static int compare(struct comparison *comparison)
{
    struct json_error err = {0};
    struct report_buffer out;
    if (!gate_read_set(comparison->paths[0], &comparison->sets[0], &err) ||
        !gate_read_set(comparison->paths[1], &comparison->sets[1], &err)) {
        fprintf(stderr, "perdure compare: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (!gate_pairs_make(&comparison->sets[0], &comparison->sets[1], true,
                         &comparison->pairs))
        return EXIT_INTERNAL;
    if (comparison->pairs.matched == 0) {
        fprintf(stderr,
                "perdure compare: \"%.200s\" and \"%.200s\" have no scenario "
                "and seed in common\n",
                comparison->paths[0], comparison->paths[1]);
        return EXIT_USAGE;
    }
    report_buffer_init(&out);
    if (comparison->html) {
        compare_page(&comparison->pairs, comparison->paths, comparison->all,
                     &out);
        return output_file("compare", comparison->html, &out);
    }
    print_all(comparison, &out);
    print_alone(comparison, &out);
    return output_print(&out, EXIT_HELD);
}

struct arguments {
    struct comparison comparison;
};

static const struct option options[] = {
    OPT_FLAG("--all", comparison.all, "Also the figures that are the same."),
    OPT_TEXT("--html", comparison.html, "FILE",
             "A page with the charts of both over each other, instead of "
             "text."),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct arguments a = {.comparison = {.all = false}};
    struct comparison *comparison = &a.comparison;
    if (options_read(argc, argv, &command_compare, &a, comparison->paths) < 0)
        return EXIT_USAGE;
    int code = compare(comparison);
    gate_pairs_free(&comparison->pairs);
    gate_set_free(&comparison->sets[0]);
    gate_set_free(&comparison->sets[1]);
    return code;
}

const struct command command_compare = {
    .name = "compare",
    .group = COMMAND_COMPARE,
    .synopsis = "A B [--all] [--html FILE]",
    .summary = "the figures of two reports side by side",
    .about = "The figures of two reports side by side; of two directories, "
             "over all seeds that both have of a scenario.",
    .options = options,
    .rest_min = 2,
    .rest_max = 2,
    .run = run};
