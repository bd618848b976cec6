#include "scenarios/lambda/table_gate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/store.h"
#include "reports/format.h"

struct figures {
    struct report_gate_report *report;
    size_t room;
    bool failed;
};

__attribute__((format(printf, 5, 6))) static void
put(struct figures *figures, enum report_gate_unit unit,
    enum report_gate_better better, uint64_t value, const char *format, ...)
{
    struct report_gate_report *report = figures->report;
    va_list arguments;

    if (report->metric_count == figures->room) {
        size_t room = figures->room ? 2 * figures->room : 128;
        void *grown = realloc(report->metrics, room * sizeof(*report->metrics));
        if (!grown) {
            figures->failed = true;
            return;
        }
        report->metrics = grown;
        figures->room = room;
    }
    struct report_gate_metric *metric =
        &report->metrics[report->metric_count++];
    *metric = (struct report_gate_metric){
        .value = value, .unit = unit, .better = better};
    va_start(arguments, format);
    vsnprintf(metric->name, sizeof(metric->name), format, arguments);
    va_end(arguments);
}

/* Figures ------------------------------------------------------------------ */

static void put_top(struct figures *figures, const struct lambda_table *table)
{
    put(figures, REPORT_GATE_COUNT, REPORT_GATE_NEITHER, table->boundaries,
        "boundaries");
    put(figures, REPORT_GATE_COUNT, REPORT_GATE_NEITHER, table->trials,
        "trials");
    put(figures, REPORT_GATE_COUNT, REPORT_GATE_LESS, table->missed, "missed");
    put(figures, REPORT_GATE_NS, REPORT_GATE_NEITHER, table->virtual_ns,
        "virtual_ns");
}

static enum report_gate_unit unit_of(const struct lambda_table_quota *quota)
{
    if (strcmp(quota->unit, "ns") == 0)
        return REPORT_GATE_NS;
    return strcmp(quota->unit, "bytes") == 0 ? REPORT_GATE_BYTES
                                             : REPORT_GATE_COUNT;
}

static void put_use(struct figures *figures, const struct lambda_table *table)
{
    for (uint32_t i = 0; i < table->quota_count; i++) {
        const struct lambda_table_quota *quota = &table->quotas[i];
        put(figures, unit_of(quota), REPORT_GATE_LESS, quota->undisturbed,
            "quota.%s.undisturbed", quota->name);
        put(figures, unit_of(quota), REPORT_GATE_LESS, quota->worst,
            "quota.%s.worst", quota->name);
    }
    for (uint32_t i = 0; i < table->meter_count; i++) {
        const struct lambda_table_meter *meter = &table->meters[i];
        put(figures, REPORT_GATE_COUNT, REPORT_GATE_LESS, meter->undisturbed,
            "metered.%s.undisturbed", meter->name);
        put(figures, REPORT_GATE_COUNT, REPORT_GATE_LESS, meter->most,
            "metered.%s.most", meter->name);
    }
}

/* The first row with its fault, so many times. */
static bool is_first(const struct lambda_table *table, uint32_t row)
{
    for (uint32_t i = 0; i < row; i++)
        if (lambda_table_same_fault(&table->rows[i], &table->rows[row]))
            return false;
    return true;
}

/* How often an effect was applied at most under one fault, and in how many
 * trials more often than undisturbed. */
static void put_effect(struct figures *figures,
                       const struct lambda_table *table, uint32_t effect,
                       uint32_t first)
{
    const struct lambda_table_row *like = &table->rows[first];
    const char *name = table->effects[effect].name;
    struct report_buffer fault = {0};
    uint64_t most = 0;
    uint64_t again = 0;

    for (uint32_t i = first; i < table->count; i++) {
        const struct lambda_table_row *row = &table->rows[i];
        if (!lambda_table_same_fault(row, like))
            continue;
        most = row->applied[effect] > most ? row->applied[effect] : most;
        again += row->applied[effect] > table->effects[effect].applied;
    }
    lambda_table_fault(like, &fault);
    put(figures, REPORT_GATE_COUNT, REPORT_GATE_LESS, most, "effect.%s.%s.most",
        name, fault.text ? fault.text : "");
    put(figures, REPORT_GATE_COUNT, REPORT_GATE_LESS, again,
        "effect.%s.%s.again", name, fault.text ? fault.text : "");
    report_buffer_free(&fault);
}

static void put_effects(struct figures *figures,
                        const struct lambda_table *table)
{
    for (uint32_t e = 0; e < table->effect_count; e++) {
        put(figures, REPORT_GATE_COUNT, REPORT_GATE_NEITHER,
            table->effects[e].applied, "effect.%s.undisturbed",
            table->effects[e].name);
        for (uint32_t r = 0; r < table->count; r++)
            if (is_first(table, r))
                put_effect(figures, table, e, r);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct report_gate_metric *left = a;
    const struct report_gate_metric *right = b;

    return strcmp(left->name, right->name);
}

/* Verdicts ----------------------------------------------------------------- */

static bool put_verdicts(const struct lambda_table *table,
                         struct report_gate_report *report)
{
    struct report_gate_judged *judged =
        calloc(table->count + table->property_count + 1U, sizeof(*judged));

    if (!judged)
        return false;
    report->properties = judged;
    for (uint32_t i = 0; i < table->property_count; i++) {
        const struct lambda_table_property *property = &table->properties[i];
        if (!property->checked)
            continue;
        snprintf(judged->id, sizeof(judged->id), "%s %s", property->id,
                 property->name);
        snprintf(judged->text, sizeof(judged->text), "%s", property->why);
        (judged++)->verdict = property->verdict;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        const struct lambda_table_row *row = &table->rows[i];
        struct report_buffer fault = {0};
        lambda_table_fault(row, &fault);
        snprintf(judged->id, sizeof(judged->id), "%.30s %.160s",
                 fault.text ? fault.text : "", row->at);
        snprintf(judged->text, sizeof(judged->text), "%s", row->why);
        (judged++)->verdict = row->verdict;
        report_buffer_free(&fault);
    }
    report->property_count = (size_t)(judged - report->properties);
    return true;
}

bool lambda_table_gate(const struct lambda_table *table, const char *digest,
                       struct report_gate_report *report)
{
    struct figures figures = {.report = report};
    struct report_word word;
    const struct engine_hash source =
        engine_hash_bytes(table->handler, strlen(table->handler));

    snprintf(report->scenario, sizeof(report->scenario), "%s", table->handler);
    snprintf(report->seed, sizeof(report->seed), "lambda");
    snprintf(report->digest, sizeof(report->digest), "%s", digest);
    snprintf(report->source, sizeof(report->source), "%s",
             report_format_digest(&word, source));
    report->incomplete = !table->complete;
    put_top(&figures, table);
    put_use(&figures, table);
    put_effects(&figures, table);
    if (figures.failed || !put_verdicts(table, report))
        return false;
    qsort(report->metrics, report->metric_count, sizeof(*report->metrics),
          by_name);
    return true;
}
