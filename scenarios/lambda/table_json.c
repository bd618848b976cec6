#include <inttypes.h>
#include <string.h>

#include "reports/content.h"
#include "scenarios/lambda/table.h"

/* Lines, with two spaces for each level; keys in order. */

static void text(struct report_buffer *out, const char *name, const char *value)
{
    report_buffer_print(out, "\"%s\": ", name);
    report_buffer_json(out, value, strlen(value));
}

/* Above 2^53 a number is written as text. */
static void number(struct report_buffer *out, const char *name, uint64_t value)
{
    const char *quote = value > UINT64_C(9007199254740991) ? "\"" : "";

    report_buffer_print(out, "\"%s\": %s%" PRIu64 "%s", name, quote, value,
                        quote);
}

static void truth(struct report_buffer *out, const char *name, bool value)
{
    report_buffer_print(out, "\"%s\": %s", name, value ? "true" : "false");
}

static void comma(struct report_buffer *out)
{
    report_buffer_put(out, ", ");
}

static void line(struct report_buffer *out)
{
    report_buffer_put(out, ",\n  ");
}

/* Lists, one thing a line ---------------------------------------------------
 */

static void list_open(struct report_buffer *out, const char *name)
{
    report_buffer_print(out, "\"%s\": [", name);
}

static void list_item(struct report_buffer *out, uint32_t index)
{
    report_buffer_put(out, index ? ",\n    {" : "\n    {");
}

static void list_close(struct report_buffer *out, uint32_t count)
{
    report_buffer_put(out, count ? "\n  ]" : "]");
}

static void put_effects(const struct lambda_table *table,
                        struct report_buffer *out)
{
    list_open(out, "effects");
    for (uint32_t i = 0; i < table->effect_count; i++) {
        const struct lambda_table_effect *effect = &table->effects[i];
        list_item(out, i);
        number(out, "applied", effect->applied);
        comma(out);
        number(out, "asked", effect->asked);
        comma(out);
        text(out, "name", effect->name);
        comma(out);
        truth(out, "once", effect->once);
        report_buffer_put(out, "}");
    }
    list_close(out, table->effect_count);
}

static void put_history(const struct lambda_told *history, uint32_t count,
                        struct report_buffer *out)
{
    list_open(out, "history");
    for (uint32_t i = 0; i < count; i++) {
        const struct lambda_told *told = &history[i];
        list_item(out, i);
        truth(out, "again", told->again);
        comma(out);
        number(out, "attempt", told->attempt);
        comma(out);
        text(out, "name", told->name);
        comma(out);
        number(out, "since_us", told->since_us);
        comma(out);
        text(out, "subtype", told->subtype);
        comma(out);
        text(out, "type", told->type);
        report_buffer_put(out, "}");
    }
    list_close(out, count);
}

static void put_meters(const struct lambda_table *table,
                       struct report_buffer *out)
{
    list_open(out, "metered");
    for (uint32_t i = 0; i < table->meter_count; i++) {
        const struct lambda_table_meter *meter = &table->meters[i];
        list_item(out, i);
        number(out, "least", meter->least);
        comma(out);
        number(out, "most", meter->most);
        comma(out);
        text(out, "name", meter->name);
        comma(out);
        number(out, "undisturbed", meter->undisturbed);
        report_buffer_put(out, "}");
    }
    list_close(out, table->meter_count);
}

static void put_property(const struct lambda_table_property *property,
                         struct report_buffer *out)
{
    number(out, "checked", property->checked);
    comma(out);
    text(out, "id", property->id);
    comma(out);
    text(out, "name", property->name);
    comma(out);
    text(out, "unit", property->unit);
    comma(out);
    text(out, "verdict", check_verdict_name(property->verdict));
    comma(out);
    number(out, "violations", property->violations);
    comma(out);
    text(out, "why", property->why);
    report_buffer_put(out, "}");
}

static void put_properties(const struct lambda_table *table,
                           struct report_buffer *out)
{
    list_open(out, "properties");
    for (uint32_t i = 0; i < table->property_count; i++) {
        list_item(out, i);
        put_property(&table->properties[i], out);
    }
    list_close(out, table->property_count);
}

static void put_quotas(const struct lambda_table *table,
                       struct report_buffer *out)
{
    list_open(out, "quotas");
    for (uint32_t i = 0; i < table->quota_count; i++) {
        const struct lambda_table_quota *quota = &table->quotas[i];
        list_item(out, i);
        number(out, "allowed", quota->allowed);
        comma(out);
        text(out, "name", quota->name);
        comma(out);
        number(out, "undisturbed", quota->undisturbed);
        comma(out);
        text(out, "unit", quota->unit);
        comma(out);
        number(out, "worst", quota->worst);
        comma(out);
        text(out, "worst_at", quota->worst_at);
        report_buffer_put(out, "}");
    }
    list_close(out, table->quota_count);
}

static void put_row(const struct lambda_table *table,
                    const struct lambda_table_row *row,
                    struct report_buffer *out)
{
    text(out, "again", row->again);
    report_buffer_put(out, ", \"applied\": [");
    for (uint32_t i = 0; i < table->effect_count; i++)
        report_buffer_print(out, "%s%" PRIu64, i ? ", " : "", row->applied[i]);
    report_buffer_put(out, "], ");
    text(out, "at", row->at);
    comma(out);
    text(out, "detail", row->detail);
    comma(out);
    text(out, "fault", row->fault);
    comma(out);
    number(out, "invocations", row->invocations);
    comma(out);
    number(out, "metered", row->metered);
    comma(out);
    text(out, "status", row->status);
    comma(out);
    number(out, "struck", row->struck);
    comma(out);
    number(out, "times", row->times);
    comma(out);
    text(out, "verdict", check_verdict_name(row->verdict));
    comma(out);
    number(out, "virtual_ns", row->virtual_ns);
    comma(out);
    text(out, "why", row->why);
}

static void put_rows(const struct lambda_table *table,
                     struct report_buffer *out)
{
    list_open(out, "rows");
    for (uint32_t i = 0; i < table->count; i++) {
        list_item(out, i);
        put_row(table, &table->rows[i], out);
        report_buffer_put(out, "}");
    }
    list_close(out, table->count);
}

static void put_undisturbed(const struct lambda_table *table,
                            struct report_buffer *out)
{
    report_buffer_put(out, "\"undisturbed\": {");
    number(out, "invocations", table->invocations);
    comma(out);
    number(out, "operations", table->operations);
    comma(out);
    text(out, "result", table->result);
    comma(out);
    text(out, "status", table->status);
    comma(out);
    number(out, "virtual_ns", table->virtual_ns);
    report_buffer_put(out, "}");
}

/* The whole -----------------------------------------------------------------
 */

static void seal(struct report_buffer *out)
{
    if (report_buffer_ok(out))
        report_content_seal(out->text, out->size);
}

void lambda_table_json(const struct lambda_table *table,
                       struct report_buffer *out)
{
    report_buffer_put(out, "{\n  ");
    number(out, "boundaries", table->boundaries);
    line(out);
    text(out, "command", table->command);
    line(out);
    truth(out, "complete", table->complete);
    line(out);
    text(out, "content_digest", REPORT_CONTENT_ZEROS);
    line(out);
    put_effects(table, out);
    line(out);
    number(out, "failed", table->failed);
    line(out);
    text(out, "handler", table->handler);
    line(out);
    number(out, "held", table->held);
    line(out);
    put_history(table->history, table->history_count, out);
    line(out);
    put_meters(table, out);
    line(out);
    number(out, "missed", table->missed);
    line(out);
    number(out, "price_microdollars", table->price_micro);
    line(out);
    put_properties(table, out);
    line(out);
    put_quotas(table, out);
    line(out);
    put_rows(table, out);
    line(out);
    text(out, "schema", LAMBDA_TABLE_SCHEMA);
    line(out);
    number(out, "trials", table->trials);
    line(out);
    put_undisturbed(table, out);
    line(out);
    text(out, "verdict", check_verdict_name(table->verdict));
    report_buffer_put(out, "\n}\n");
    seal(out);
}

/* One run -------------------------------------------------------------------
 */

static void put_boundaries(const struct lambda_plan *plan,
                           struct report_buffer *out)
{
    char label[LAMBDA_LABEL_SIZE];

    list_open(out, "boundaries");
    for (uint32_t i = 0; i < plan->point_count; i++) {
        report_buffer_put(out, i ? ",\n    " : "\n    ");
        (void)lambda_point_write(&plan->points[i], label);
        report_buffer_json(out, label, strlen(label));
    }
    list_close(out, plan->point_count);
}

static void put_run_effects(const struct lambda_outcome *outcome,
                            struct report_buffer *out)
{
    list_open(out, "effects");
    for (uint32_t i = 0; i < outcome->effect_count; i++) {
        list_item(out, i);
        number(out, "applied", outcome->effects[i].applied);
        comma(out);
        number(out, "asked", outcome->effects[i].asked);
        comma(out);
        text(out, "name", outcome->effects[i].name);
        report_buffer_put(out, "}");
    }
    list_close(out, outcome->effect_count);
}

static void put_findings(const struct lambda_findings *findings,
                         struct report_buffer *out)
{
    struct lambda_table_property property;

    list_open(out, "properties");
    for (uint32_t i = 0; i < findings->property_count; i++) {
        lambda_table_property(&findings->properties[i], &property);
        list_item(out, i);
        put_property(&property, out);
    }
    list_close(out, findings->property_count);
}

void lambda_table_run_json(const struct lambda_outcome *outcome,
                           const struct lambda_plan *plan,
                           struct report_buffer *out)
{
    report_buffer_put(out, "{\n  ");
    put_boundaries(plan, out);
    line(out);
    put_run_effects(outcome, out);
    line(out);
    put_history(outcome->findings.history, outcome->findings.history_count,
                out);
    line(out);
    number(out, "invocations", outcome->invocations);
    line(out);
    number(out, "metered", lambda_metered(&outcome->findings.use));
    line(out);
    number(out, "operations", outcome->operations);
    line(out);
    put_findings(&outcome->findings, out);
    line(out);
    text(out, "result", outcome->result ? outcome->result : "");
    line(out);
    text(out, "schema", LAMBDA_RUN_SCHEMA);
    line(out);
    text(out, "status", lambda_table_status(outcome));
    line(out);
    text(out, "trouble", outcome->trouble);
    line(out);
    number(out, "troubles", outcome->troubles);
    line(out);
    number(out, "virtual_ns", outcome->virtual_ns);
    report_buffer_put(out, "\n}\n");
}
