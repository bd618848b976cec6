#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/sample_report.h"

static struct report_buffer json_of(const struct sample_report *sample)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_json(&sample->model, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

static const struct synthetic_options options = {
    .runs = 40, .crash_every = 7, .outage = 1};

Test(reports_json, the_file_is_as_it_was)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = json_of(sample);
    char room[400];
    const char *differs =
        golden_differs("report.json", out.text, out.size, room);
    cr_assert_null(differs, "%s", differs);
    report_buffer_free(&out);
    sample_report_free(sample);
}

static void keys_are_sorted(const cJSON *item)
{
    for (const cJSON *child = item->child; child; child = child->next) {
        if (cJSON_IsObject(item) && child->next)
            cr_assert_lt(strcmp(child->string, child->next->string), 0);
        keys_are_sorted(child);
    }
}

static double number_at(const cJSON *root, const char *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, object);
    item = cJSON_GetObjectItemCaseSensitive(item, key);
    cr_assert(cJSON_IsNumber(item), "%s.%s", object, key);
    return item->valuedouble;
}

static const char *text_at(const cJSON *root, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    cr_assert(cJSON_IsString(item), "%s", key);
    return item->valuestring;
}

/* The first of an array has all these keys. */
static void first_has(const cJSON *root, const char *array, const char *keys)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, array);
    item = cJSON_GetArrayItem(item, 0);
    cr_assert(item, "%s", array);
    char list[200];
    snprintf(list, sizeof(list), "%s", keys);
    char *rest = NULL;
    for (char *key = strtok_r(list, " ", &rest); key;
         key = strtok_r(NULL, " ", &rest))
        cr_assert(cJSON_HasObjectItem(item, key), "%s.%s", array, key);
}

Test(reports_json, what_other_tools_read_is_there)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = json_of(sample);
    cJSON *root = cJSON_ParseWithOpts(out.text, NULL, 1);
    cr_assert(root);
    keys_are_sorted(root);
    cr_assert_str_eq(text_at(root, "schema"), "perdure.report/1");
    cr_assert_str_eq(text_at(root, "seed"), "18446744073709551615");
    cr_assert_str_eq(text_at(root, "digest"),
                     "0000000000abcdef0000000000001234");
    cr_assert_str_eq(text_at(root, "verdict"), "pass");
    cr_assert_str_eq(text_at(root, "scenario"), "orders");
    cr_assert_str_eq(text_at(root, "replay"), "perdure replay report.json");
    cr_assert_eq(number_at(root, "runs", "succeeded"), 40);
    cr_assert_eq(number_at(root, "runs", "stuck"), 0);
    const cJSON *latency = cJSON_GetObjectItemCaseSensitive(root, "latency");
    cr_assert_eq(number_at(latency, "run", "count"), 40);
    cr_assert_gt(number_at(latency, "run", "p999_ns"), 30e9);
    first_has(root, "properties", "id name checked verdict first");
    first_has(root, "faults", "point armed fired effective in_flight");
    first_has(root, "effects", "step applied duplicates lost");
    cr_assert(cJSON_HasObjectItem(root, "virtual_ns"));
    cr_assert(cJSON_HasObjectItem(root, "events"));
    cr_assert(cJSON_HasObjectItem(root, "commits"));
    cJSON_Delete(root);
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_json, the_sources_come_back_byte_for_byte)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = json_of(sample);
    cJSON *root = cJSON_Parse(out.text);
    const cJSON *source =
        cJSON_GetObjectItemCaseSensitive(root, "scenario_source");
    cr_assert_str_eq(text_at(source, "main"), "orders.json");
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(source, "files");
    for (size_t i = 0; i < sample->facts.source_count; i++) {
        const char *text = text_at(files, sample->facts.sources[i].name);
        cr_assert_eq(strlen(text), sample->facts.sources[i].size);
        cr_assert_str_eq(text, sample->facts.sources[i].text);
    }
    cJSON_Delete(root);
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_json, a_violation_names_record_time_and_run)
{
    struct sample_report *sample = sample_report_new(&options);
    sample->results[0].verdict = CHECK_FAIL;
    sample->results[0].violations = 3;
    sample->results[0].first.index = (1ull << 53) + 1;
    sample->results[0].first.record.run = 4;
    snprintf(sample->results[0].first.text,
             sizeof(sample->results[0].first.text), "%s", "a \"gap\"");
    sample_report_judge(sample);
    struct report_buffer out = json_of(sample);
    cr_assert(strstr(out.text, "\"index\": \"9007199254740993\""));
    cr_assert(strstr(out.text, "\"text\": \"a \\\"gap\\\"\""));
    cr_assert(
        strstr(out.text, "\"verdict\": \"fail\",\n      \"violations\": 3"));
    report_buffer_free(&out);
    sample_report_free(sample);
}
