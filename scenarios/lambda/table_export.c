#include "scenarios/lambda/table_export.h"

#include <stdlib.h>
#include <string.h>

enum {
    REASONS_MAX = 10
};

/* Where a text begins in the buffer, until all of them are there. */
static size_t keep(struct report_buffer *texts, const char *text)
{
    size_t at = texts->size;

    report_buffer_bytes(texts, text, strlen(text) + 1);
    return at;
}

static size_t keep_name(struct report_buffer *texts,
                        const struct lambda_table_row *row)
{
    size_t at = texts->size;

    lambda_table_fault(row, texts);
    report_buffer_put(texts, " ");
    (void)keep(texts, row->at);
    return at;
}

static size_t keep_detail(struct report_buffer *texts,
                          const struct lambda_table_row *row)
{
    size_t at = texts->size;

    report_buffer_put(texts, row->why);
    if (row->verdict != CHECK_PASS) {
        report_buffer_put(texts, "; again: ");
        report_buffer_put(texts, row->again);
    }
    (void)keep(texts, "");
    return at;
}

/* The first of those that failed alike. */
static bool is_kind(const struct lambda_table *table, uint32_t row)
{
    const struct lambda_table_row *one = &table->rows[row];

    for (uint32_t i = 0; i < row; i++)
        if (table->rows[i].verdict == CHECK_FAIL &&
            lambda_table_same_fault(&table->rows[i], one) &&
            strcmp(table->rows[i].why, one->why) == 0)
            return false;
    return one->verdict == CHECK_FAIL;
}

static size_t keep_reason(struct report_buffer *texts,
                          const struct lambda_table_row *row)
{
    size_t at = texts->size;

    lambda_table_fault(row, texts);
    report_buffer_print(texts, " %s: ", row->at);
    (void)keep(texts, row->why);
    return at;
}

/* All texts, and where each begins: a name and a detail of each row, then the
 * reasons. */
static uint32_t keep_all(const struct lambda_table *table, size_t *places,
                         struct report_buffer *texts)
{
    uint32_t reasons = 0;

    for (uint32_t i = 0; i < table->count; i++) {
        places[2 * i] = keep_name(texts, &table->rows[i]);
        places[2 * i + 1] = keep_detail(texts, &table->rows[i]);
    }
    for (uint32_t i = 0; i < table->count && reasons < REASONS_MAX; i++)
        if (is_kind(table, i))
            places[2 * table->count + reasons++] =
                keep_reason(texts, &table->rows[i]);
    return reasons;
}

static void fill_properties(const struct lambda_table *table,
                            struct report_export_case *cases)
{
    for (uint32_t i = 0; i < table->property_count; i++) {
        const struct lambda_table_property *property = &table->properties[i];
        cases[i] = (struct report_export_case){
            .id = property->id,
            .name = property->name,
            .detail = property->why[0] ? property->why : NULL,
            .unit = property->unit,
            .verdict = property->verdict,
            .absent = property->checked == 0,
            .checked = property->checked,
            .violations = property->violations};
    }
}

static void fill(struct lambda_export *exported,
                 const struct lambda_table *table, const size_t *places,
                 uint32_t reasons)
{
    struct report_export_case *cases = exported->cases + table->property_count;

    fill_properties(table, exported->cases);
    for (uint32_t i = 0; i < table->count; i++) {
        const char *detail = exported->texts + places[2 * i + 1];
        cases[i] =
            (struct report_export_case){.name = exported->texts + places[2 * i],
                                        .detail = detail[0] ? detail : NULL,
                                        .verdict = table->rows[i].verdict};
    }
    for (uint32_t i = 0; i < reasons; i++)
        exported->reasons[i] = (struct report_export_reason){
            .text = exported->texts + places[2 * table->count + i],
            .verdict = CHECK_FAIL};
    exported->report = (struct report_export){
        .scenario = table->handler,
        .version = exported->report.version,
        .replay = table->command,
        .seed = "0",
        .digest = "",
        .verdict = table->verdict,
        .cases = exported->cases,
        .case_count = (size_t)table->property_count + table->count,
        .reasons = exported->reasons,
        .reason_count = reasons,
        .virtual_ns = table->virtual_ns,
    };
}

bool lambda_export_init(struct lambda_export *exported,
                        const struct lambda_table *table, const char *version)
{
    size_t rows = (size_t)table->count + 1;
    size_t *places = calloc(2 * rows + REASONS_MAX, sizeof(*places));
    struct report_buffer texts = {0};

    *exported = (struct lambda_export){
        .report = {.version = version},
        .cases = calloc(rows + table->property_count, sizeof(*exported->cases)),
        .reasons = calloc(REASONS_MAX, sizeof(*exported->reasons))};
    (void)keep(&texts, "");
    uint32_t reasons = places ? keep_all(table, places, &texts) : 0;
    bool good = places && exported->cases && exported->reasons &&
                report_buffer_ok(&texts);
    exported->texts = texts.text;
    if (good)
        fill(exported, table, places, reasons);
    free(places);
    return good;
}

void lambda_export_deinit(struct lambda_export *exported)
{
    free(exported->cases);
    free(exported->reasons);
    free(exported->texts);
    *exported = (struct lambda_export){.texts = NULL};
}
