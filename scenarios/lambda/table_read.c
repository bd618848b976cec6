#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/content.h"
#include "scenarios/lambda/table.h"
#include "scenarios/report_read_parts.h"

enum {
    EVENTS_MAX = 1000000
};

/* Members ------------------------------------------------------------------ */

static enum check_verdict verdict(struct reading *reading,
                                  struct json_view object)
{
    const char *names[] = {check_verdict_name(CHECK_PASS),
                           check_verdict_name(CHECK_FAIL),
                           check_verdict_name(CHECK_INCONCLUSIVE)};
    static const enum check_verdict verdicts[] = {CHECK_PASS, CHECK_FAIL,
                                                  CHECK_INCONCLUSIVE};
    size_t index = 0;

    json_get_enum(object, "verdict", JSON_REQUIRED, names, 3, &index,
                  reading->err);
    return verdicts[index];
}

static void number(struct reading *reading, struct json_view object,
                   const char *key, uint64_t *value)
{
    reading_number(reading, object, key, REPORT_READ_MAX, value);
}

static bool truth(struct reading *reading, struct json_view object,
                  const char *key)
{
    bool value = false;

    json_get_bool(object, key, JSON_REQUIRED, &value, reading->err);
    return value;
}

static void out_of_memory(struct reading *reading, struct json_view view)
{
    json_fail(view, reading->err, "out of memory");
    reading->err->code = JSON_ENOMEM;
}

/* A copy on the heap, in place of what was there. */
static void words(struct reading *reading, struct json_view object,
                  const char *key, char **out)
{
    const char *text = "";

    reading_text(reading, object, key, &text);
    char *copy = strdup(text ? text : "");
    if (!copy) {
        out_of_memory(reading, object);
        return;
    }
    free(*out);
    *out = copy;
}

#define COPY(reading, object, key, array)                                      \
    reading_copy(reading, object, key, array, sizeof(array))

/* Lists -------------------------------------------------------------------- */

static void read_effects(struct reading *reading, struct json_view top,
                         struct lambda_table *table)
{
    struct json_view list;

    reading_list(reading, top, "effects", LAMBDA_EFFECTS_MAX, &list);
    for (struct json_view v = json_first(list);
         v.item && reading->err->code == 0; v = json_next(v)) {
        struct lambda_table_effect *effect =
            &table->effects[table->effect_count++];
        number(reading, v, "applied", &effect->applied);
        number(reading, v, "asked", &effect->asked);
        COPY(reading, v, "name", effect->name);
        effect->once = truth(reading, v, "once");
    }
}

static void read_history(struct reading *reading, struct json_view top,
                         struct lambda_table *table)
{
    struct json_view list;
    size_t count = reading_list(reading, top, "history", EVENTS_MAX, &list);

    table->history = calloc(count + 1, sizeof(*table->history));
    if (!table->history) {
        out_of_memory(reading, top);
        return;
    }
    for (struct json_view v = json_first(list);
         v.item && reading->err->code == 0; v = json_next(v)) {
        struct lambda_told *told = &table->history[table->history_count++];
        told->again = truth(reading, v, "again");
        reading_number_32(reading, v, "attempt", UINT32_MAX, &told->attempt);
        number(reading, v, "since_us", &told->since_us);
        COPY(reading, v, "name", told->name);
        COPY(reading, v, "subtype", told->subtype);
        COPY(reading, v, "type", told->type);
    }
}

static void read_properties(struct reading *reading, struct json_view top,
                            struct lambda_table *table)
{
    struct json_view list;

    reading_list(reading, top, "properties", LAMBDA_SWEEP_PROPERTIES, &list);
    for (struct json_view v = json_first(list);
         v.item && reading->err->code == 0; v = json_next(v)) {
        struct lambda_table_property *property =
            &table->properties[table->property_count++];
        number(reading, v, "checked", &property->checked);
        number(reading, v, "violations", &property->violations);
        COPY(reading, v, "id", property->id);
        COPY(reading, v, "name", property->name);
        COPY(reading, v, "unit", property->unit);
        COPY(reading, v, "why", property->why);
        property->verdict = verdict(reading, v);
    }
}

static void read_use(struct reading *reading, struct json_view top,
                     struct lambda_table *table)
{
    struct json_view list;

    reading_list(reading, top, "quotas", LAMBDA_QUOTA_COUNT, &list);
    for (struct json_view v = json_first(list);
         v.item && reading->err->code == 0; v = json_next(v)) {
        struct lambda_table_quota *quota = &table->quotas[table->quota_count++];
        number(reading, v, "allowed", &quota->allowed);
        number(reading, v, "undisturbed", &quota->undisturbed);
        number(reading, v, "worst", &quota->worst);
        COPY(reading, v, "name", quota->name);
        COPY(reading, v, "unit", quota->unit);
        COPY(reading, v, "worst_at", quota->worst_at);
    }
    reading_list(reading, top, "metered", LAMBDA_METER_COUNT + 1, &list);
    for (struct json_view v = json_first(list);
         v.item && reading->err->code == 0; v = json_next(v)) {
        struct lambda_table_meter *meter = &table->meters[table->meter_count++];
        number(reading, v, "least", &meter->least);
        number(reading, v, "most", &meter->most);
        number(reading, v, "undisturbed", &meter->undisturbed);
        COPY(reading, v, "name", meter->name);
    }
}

/* How often each effect was applied, in the order of the effects. */
static void read_applied(struct reading *reading, struct json_view view,
                         const struct lambda_table *table,
                         struct lambda_table_row *row)
{
    struct json_view list;
    size_t count =
        reading_list(reading, view, "applied", LAMBDA_EFFECTS_MAX, &list);
    uint32_t i = 0;

    if (reading->err->code == 0 && count != table->effect_count)
        json_fail(list, reading->err,
                  "found %zu counts, allowed %u: one for each effect", count,
                  table->effect_count);
    for (struct json_view v = json_first(list);
         v.item && reading->err->code == 0; v = json_next(v))
        reading_as_number(reading, v, REPORT_READ_MAX, &row->applied[i++]);
}

static void read_rows(struct reading *reading, struct json_view top,
                      struct lambda_table *table)
{
    struct json_view list;

    reading_list(reading, top, "rows", LAMBDA_ROWS_MAX, &list);
    for (struct json_view v = json_first(list);
         v.item && reading->err->code == 0; v = json_next(v)) {
        struct lambda_table_row *row = lambda_table_row(table);
        if (!row) {
            out_of_memory(reading, v);
            return;
        }
        words(reading, v, "again", &row->again);
        read_applied(reading, v, table, row);
        COPY(reading, v, "at", row->at);
        COPY(reading, v, "detail", row->detail);
        COPY(reading, v, "fault", row->fault);
        COPY(reading, v, "status", row->status);
        COPY(reading, v, "why", row->why);
        number(reading, v, "invocations", &row->invocations);
        number(reading, v, "metered", &row->metered);
        number(reading, v, "struck", &row->struck);
        number(reading, v, "times", &row->times);
        number(reading, v, "virtual_ns", &row->virtual_ns);
        row->verdict = verdict(reading, v);
    }
}

/* The whole ---------------------------------------------------------------- */

static void read_top(struct reading *reading, struct json_view top,
                     struct lambda_table *table)
{
    struct json_view run;

    words(reading, top, "command", &table->command);
    words(reading, top, "handler", &table->handler);
    table->complete = truth(reading, top, "complete");
    table->verdict = verdict(reading, top);
    number(reading, top, "boundaries", &table->boundaries);
    number(reading, top, "trials", &table->trials);
    number(reading, top, "held", &table->held);
    number(reading, top, "failed", &table->failed);
    number(reading, top, "missed", &table->missed);
    number(reading, top, "price_microdollars", &table->price_micro);
    if (!json_get_object(top, "undisturbed", JSON_REQUIRED, &run, reading->err))
        return;
    words(reading, run, "result", &table->result);
    COPY(reading, run, "status", table->status);
    number(reading, run, "invocations", &table->invocations);
    number(reading, run, "operations", &table->operations);
    number(reading, run, "virtual_ns", &table->virtual_ns);
}

static bool check_whole(struct json_view top, const char *bytes, size_t size,
                        struct json_error *err)
{
    const char *schema = "";

    if (!json_as_object(top, err) ||
        !json_get_string(top, "schema", JSON_REQUIRED, 1, 64, &schema, err))
        return false;
    if (strcmp(schema, LAMBDA_TABLE_SCHEMA) != 0)
        return json_fail(json_member(top, "schema"), err,
                         "found schema \"%s\", allowed \"%s\"", schema,
                         LAMBDA_TABLE_SCHEMA);
    return report_content_check(bytes, size) == REPORT_CONTENT_HOLDS ||
           json_fail(top, err,
                     "found no content_digest that matches: it was edited or "
                     "damaged after it was written; write it again with "
                     "perdure lambda sweep");
}

struct lambda_table *lambda_table_read(struct json_view top, const char *bytes,
                                       size_t size, struct json_error *err)
{
    struct report_read_block *blocks = NULL;
    struct reading reading = {.err = err, .blocks = &blocks};
    struct lambda_table *table;

    if (!check_whole(top, bytes, size, err))
        return NULL;
    table = lambda_table_new("", "", "");
    if (!table) {
        out_of_memory(&reading, top);
        return NULL;
    }
    read_top(&reading, top, table);
    read_effects(&reading, top, table);
    read_history(&reading, top, table);
    read_properties(&reading, top, table);
    read_use(&reading, top, table);
    read_rows(&reading, top, table);
    reading_free(&blocks);
    if (err->code == 0)
        return table;
    lambda_table_free(table);
    return NULL;
}

bool lambda_table_is(const char *bytes, size_t size)
{
    return memmem(bytes, size, LAMBDA_TABLE_SCHEMA,
                  sizeof(LAMBDA_TABLE_SCHEMA) - 1) != NULL;
}

struct lambda_table *lambda_table_read_bytes(const char *name,
                                             const char *bytes, size_t size,
                                             struct json_error *err)
{
    struct json_doc *doc = NULL;
    struct lambda_table *table = NULL;

    if (json_read_bytes(name, bytes, size, &doc, err) == 0)
        table = lambda_table_read(json_root(doc), bytes, size, err);
    json_free(doc);
    return table;
}
