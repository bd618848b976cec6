#include "scenarios/report_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/content.h"
#include "scenarios/gate_read.h"
#include "scenarios/report_read_parts.h"

#define SCHEMA "perdure.report/1"

enum {
    ROWS_MAX = 100000 /* of a list of facts */
};

struct report_read {
    struct json_doc *doc;
    struct report_read_block *blocks;
    struct report_model model;
    struct report_stats stats;
};

/* Facts -------------------------------------------------------------------- */

static enum check_verdict read_verdict(struct reading *reading,
                                       struct json_view view)
{
    const char *(*name)(enum check_verdict) = check_verdict_name;
    const char *names[] = {name(CHECK_PASS), name(CHECK_FAIL),
                           name(CHECK_EXCUSED), name(CHECK_INCONCLUSIVE)};
    static const enum check_verdict verdicts[] = {
        CHECK_PASS, CHECK_FAIL, CHECK_EXCUSED, CHECK_INCONCLUSIVE};
    size_t index = 0;
    json_get_enum(view, "verdict", JSON_REQUIRED, names, 4, &index,
                  reading->err);
    return verdicts[index];
}

/* 16 digits of a hash; false: they are none. */
static bool read_half(const char *digits, uint64_t *half)
{
    *half = 0;
    for (int i = 0; i < 16; i++) {
        const char *digit = strchr("0123456789abcdef", digits[i]);
        if (!digits[i] || !digit)
            return false;
        *half = *half << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    return true;
}

static struct engine_hash read_digest(struct reading *reading,
                                      struct json_view view)
{
    struct engine_hash hash = {0};
    const char *text = "";
    if (json_as_string(view, 32, 32, &text, reading->err) &&
        (!read_half(text, &hash.hi) || !read_half(text + 16, &hash.lo)))
        json_fail(view, reading->err,
                  "found text that is no digest, allowed 32 digits from 0 to f "
                  "in lower case");
    return hash;
}

static void read_digests(struct reading *reading, struct json_view top,
                         struct report_facts *facts)
{
    struct json_view view = {0};
    struct json_view list;
    if (json_get(top, "digest", JSON_REQUIRED, &view, reading->err))
        facts->digest = read_digest(reading, view);
    if (!json_get_object(top, "digests", JSON_OPTIONAL, &view, reading->err))
        return;
    reading_number(reading, view, "step", REPORT_READ_MAX, &facts->digest_step);
    reading_number(reading, view, "records", REPORT_READ_MAX,
                   &facts->record_count);
    struct engine_hash *digests =
        reading_rows(reading, view, "at", ROWS_MAX, sizeof(*digests), &list,
                     &facts->digest_count);
    facts->digests = digests;
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        *digests++ = read_digest(reading, v);
}

/* Where there was one the first is told in words, else why there is none. */
static void read_finding(struct reading *reading, struct json_view view,
                         struct check_result *result)
{
    struct check_finding *first = &result->first;
    struct json_view found = {0};
    if (!json_get(view, "first", JSON_REQUIRED, &found, reading->err) ||
        (result->violations == 0 && cJSON_IsNull(found.item)))
        return;
    reading_number(reading, found, "index", UINT64_MAX, &first->index);
    reading_number(reading, found, "run", UINT64_MAX, &first->record.run);
    reading_number(reading, found, "time_ns", UINT64_MAX,
                   &first->record.time_ns);
    reading_copy(reading, found, "text", first->text, sizeof(first->text));
    if (json_member(found, "waits_for").item)
        reading_copy(reading, found, "waits_for", first->waits_for,
                     sizeof(first->waits_for));
}

static void read_result(struct reading *reading, struct json_view view,
                        struct check_result *result)
{
    int applies = 1;
    reading_text(reading, view, "id", &result->id);
    reading_text(reading, view, "name", &result->name);
    reading_text(reading, view, "unit", &result->unit);
    reading_truth(reading, view, "applies", &applies);
    result->absent = !applies;
    result->verdict = read_verdict(reading, view);
    reading_number(reading, view, "checked", REPORT_READ_MAX, &result->checked);
    reading_number(reading, view, "violations", REPORT_READ_MAX,
                   &result->violations);
    if (!cJSON_IsNull(json_member(view, "reason").item))
        reading_copy(reading, view, "reason", result->reason,
                     sizeof(result->reason));
    read_finding(reading, view, result);
}

static void read_results(struct reading *reading, struct json_view top,
                         struct report_facts *facts)
{
    struct json_view list;
    struct check_result *results =
        reading_rows(reading, top, "properties", ROWS_MAX, sizeof(*results),
                     &list, &facts->result_count);
    facts->results = results;
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        read_result(reading, v, results++);
}

static void read_expectations(struct reading *reading, struct json_view top,
                              struct report_facts *facts)
{
    struct json_view list;
    struct report_expectation *expected =
        reading_rows(reading, top, "expectations", ROWS_MAX, sizeof(*expected),
                     &list, &facts->expectation_count);
    facts->expectations = expected;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        reading_text(reading, v, "expr", &expected->text);
        reading_text(reading, v, "actual", &expected->actual);
        expected++->verdict = read_verdict(reading, v);
    }
}

static void read_thresholds(struct reading *reading, struct json_view top,
                            struct report_facts *facts)
{
    struct json_view list;
    if (!json_member(top, "thresholds").item)
        return;
    struct report_threshold *each =
        reading_rows(reading, top, "thresholds", ROWS_MAX, sizeof(*each), &list,
                     &facts->threshold_count);
    facts->thresholds = each;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        reading_text(reading, v, "expr", &each->expr);
        reading_text(reading, v, "limit", &each->limit);
        reading_text(reading, v, "actual", &each->actual);
        each++->verdict = read_verdict(reading, v);
    }
}

static void read_sometimes(struct reading *reading, struct json_view top,
                           struct report_facts *facts)
{
    struct json_view list;
    if (!json_member(top, "sometimes").item)
        return;
    struct report_expectation *expected =
        reading_rows(reading, top, "sometimes", ROWS_MAX, sizeof(*expected),
                     &list, &facts->sometimes_count);
    facts->sometimes = expected;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        int came_true = 0;
        reading_text(reading, v, "expr", &expected->text);
        reading_text(reading, v, "actual", &expected->actual);
        reading_truth(reading, v, "came_true", &came_true);
        expected++->verdict = came_true ? CHECK_PASS : CHECK_FAIL;
    }
}

static void read_rules(struct reading *reading, struct json_view top,
                       struct report_facts *facts)
{
    struct json_view list;
    struct report_rule *rule =
        reading_rows(reading, top, "rules", ROWS_MAX, sizeof(*rule), &list,
                     &facts->rule_count);
    facts->rules = rule;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        reading_text(reading, v, "text", &rule->text);
        reading_number(reading, v, "fired", REPORT_READ_MAX, &rule->fired);
        reading_number(reading, v, "in_flight", REPORT_READ_MAX,
                       &rule->in_flight);
        reading_truth(reading, v, "optional", &rule->optional);
        rule++;
    }
}

static void read_settings(struct reading *reading, struct json_view top,
                          struct report_facts *facts)
{
    struct json_view list;
    struct report_setting *setting =
        reading_rows(reading, top, "configuration", ROWS_MAX, sizeof(*setting),
                     &list, &facts->setting_count);
    facts->settings = setting;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        reading_text(reading, v, "name", &setting->name);
        reading_text_or_null(reading, v, "value", &setting->value);
        reading_text_or_null(reading, v, "unit", &setting->unit);
        reading_text_or_null(reading, v, "source", &setting->source);
        reading_text_or_null(reading, v, "tag", &setting->tag);
        setting++;
    }
}

static void read_bill(struct reading *reading, struct json_view top,
                      struct report_facts *facts)
{
    struct json_view list;
    struct report_bill *bill =
        reading_rows(reading, top, "bill", ROWS_MAX, sizeof(*bill), &list,
                     &facts->bill_count);
    facts->bill = bill;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        reading_text(reading, v, "name", &bill->name);
        reading_text(reading, v, "amount", &bill->amount);
        reading_text_or_null(reading, v, "cost", &bill->cost);
        bill++;
    }
}

/* A list of texts; NULL: it is not there. */
static const char *const *read_texts(struct reading *reading,
                                     struct json_view top, const char *key,
                                     size_t *count)
{
    struct json_view list;
    const char **texts =
        reading_rows(reading, top, key, ROWS_MAX, sizeof(*texts), &list, count);
    const char **next = texts;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        *next = "";
        json_as_string(v, 0, JSON_FILE_MAX, next++, reading->err);
    }
    return texts;
}

/* The scenario is the first of the files, in whatever order they are. */
static void read_sources(struct reading *reading, struct json_view top,
                         struct report_facts *facts)
{
    struct json_view view = {0};
    struct json_view files = {0};
    const char *main = NULL;
    size_t at = 1;
    json_get_object(top, "scenario_source", JSON_REQUIRED, &view, reading->err);
    json_get_object(view, "files", JSON_REQUIRED, &files, reading->err);
    reading_text_or_null(reading, view, "main", &main);
    size_t count = json_count(files);
    if (reading->err->code != 0 || (count == 0 && !main))
        return;
    struct report_source *sources =
        reading_room(reading, files, count, sizeof(*sources));
    for (struct json_view v = json_first(files); sources && v.item;
         v = json_next(v)) {
        struct report_source source = {.name = json_key(v)};
        if (!json_as_string(v, 0, JSON_FILE_MAX, &source.text, reading->err))
            return;
        source.size = strlen(source.text);
        if (main && strcmp(source.name, main) == 0)
            sources[0] = source;
        else if (at < count)
            sources[at++] = source;
    }
    if (sources && !sources[0].name)
        json_fail(view, reading->err,
                  "found a \"main\" that is none of \"files\"");
    facts->sources = sources;
    facts->source_count = count;
}

/* Failures ----------------------------------------------------------------- */

static bool is_same(struct engine_text text, const char *other)
{
    if (!other || text.size == 0)
        return !other && text.size == 0;
    return text.size == strlen(other) &&
           memcmp(text.text, other, text.size) == 0;
}

/* Adds a line of a cause chain as it was before it was taken apart. */
static void read_cause(struct reading *reading, struct json_view view,
                       struct report_failure *failure)
{
    const char *layer = NULL;
    const char *code = NULL;
    const char *words = NULL;
    char line[ENGINE_CAUSE_MAX + 1];
    reading_text_or_null(reading, view, "layer", &layer);
    reading_text_or_null(reading, view, "code", &code);
    reading_text_or_null(reading, view, "message", &words);
    int size = snprintf(line, sizeof(line), "%s%s%s%s%s", layer ? layer : "",
                        layer ? ": " : "", code ? code : "",
                        code && words ? ": " : "", words ? words : "");
    bool fits = size > 0 && (size_t)size + failure->size < ENGINE_CAUSE_MAX;
    struct engine_cause cause =
        engine_cause_of((struct engine_text){line, fits ? (size_t)size : 0});
    if (!fits || strchr(line, '\n') || !is_same(cause.layer, layer) ||
        !is_same(cause.code, code) || !is_same(cause.words, words))
        json_fail(view, reading->err,
                  "found a cause that cannot be one line of a chain of at most "
                  "%d bytes",
                  ENGINE_CAUSE_MAX);
    if (reading->err->code != 0)
        return;
    if (failure->size > 0)
        failure->chain[failure->size++] = '\n';
    memcpy(failure->chain + failure->size, line, (size_t)size);
    failure->size += (uint32_t)size;
}

static const char *error_name(unsigned error)
{
    return engine_error_name(error);
}

static void read_failure(struct reading *reading, struct json_view view,
                         struct report_failure *failure)
{
    struct json_view error = {0};
    struct json_view chain;
    reading_number(reading, view, "run", UINT64_MAX, &failure->run);
    reading_number(reading, view, "runs", REPORT_READ_MAX, &failure->count);
    json_get_object(view, "error", JSON_REQUIRED, &error, reading->err);
    failure->error =
        reading_choice(reading, error, "class", error_name, ENGINE_ERR_COUNT);
    reading_list(reading, error, "chain", ENGINE_CAUSE_MAX, &chain);
    for (struct json_view v = json_first(chain); v.item; v = json_next(v))
        read_cause(reading, v, failure);
}

static void read_failures(struct reading *reading, struct json_view top,
                          struct report_facts *facts)
{
    struct json_view list;
    if (!json_member(top, "failures").item)
        return;
    reading_list(reading, top, "failures", REPORT_FAILURES_MAX, &list);
    struct report_failures *failures =
        reading_room(reading, top, 1, sizeof(*failures));
    facts->failures = failures;
    if (!failures)
        return;
    reading_number(reading, top, "failures_left_out", REPORT_READ_MAX,
                   &failures->others);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        read_failure(reading, v, &failures->list[failures->count++]);
}

/* The whole ---------------------------------------------------------------- */

static void read_seed(struct reading *reading, struct json_view top,
                      struct report_facts *facts)
{
    const char *text;
    if (json_get_string(top, "seed", JSON_REQUIRED, 1, 20, &text, reading->err))
        reading_number(reading, top, "seed", UINT64_MAX, &facts->seed);
}

static void read_facts(struct reading *reading, struct json_view top,
                       struct report_facts *facts)
{
    reading_text(reading, top, "scenario", &facts->scenario);
    reading_text_or_null(reading, top, "why", &facts->why);
    reading_text_or_null(reading, top, "version", &facts->version);
    reading_text(reading, top, "replay", &facts->replay);
    reading_text_or_null(reading, top, "incomplete", &facts->incomplete);
    read_seed(reading, top, facts);
    read_digests(reading, top, facts);
    read_results(reading, top, facts);
    read_expectations(reading, top, facts);
    read_thresholds(reading, top, facts);
    read_sometimes(reading, top, facts);
    read_failures(reading, top, facts);
    read_rules(reading, top, facts);
    read_settings(reading, top, facts);
    read_sources(reading, top, facts);
    read_bill(reading, top, facts);
    if (json_member(top, "checks").item)
        facts->checks = read_texts(reading, top, "checks", &facts->check_count);
    facts->defects = read_texts(reading, top, "defects", &facts->defect_count);
    facts->limits = read_texts(reading, top, "limits", &facts->limit_count);
}

static void read_reasons(struct reading *reading, struct json_view top,
                         struct report_model *model)
{
    struct json_view list;
    reading_list(reading, top, "reasons", REPORT_REASONS_MAX, &list);
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        struct report_reason *reason = &model->reasons[model->reason_count++];
        reading_copy(reading, v, "text", reason->text, sizeof(reason->text));
        reason->verdict = read_verdict(reading, v);
    }
    reading_number_32(reading, top, "reasons_left_out", UINT32_MAX,
                      &model->reasons_left_out);
    reading_number(reading, top, "records_left_out", REPORT_READ_MAX,
                   &model->records_left_out);
}

/* Whether it is a whole report of this schema, before anything is read. */
static bool check_head(struct json_view top, const char *bytes, size_t size,
                       struct json_error *err)
{
    const char *schema = "";
    if (!json_get_string(top, "schema", JSON_REQUIRED, 1, 64, &schema, err))
        return false;
    if (strcmp(schema, SCHEMA) != 0)
        return json_fail(json_member(top, "schema"), err,
                         "found schema \"%s\", allowed \"" SCHEMA
                         "\": another version of perdure wrote it, or it is "
                         "another kind of file",
                         schema);
    if (report_content_check(bytes, size) == REPORT_CONTENT_DIFFERS)
        return json_fail(json_member(top, "content_digest"), err,
                         "the content_digest does not match: the report was "
                         "edited or damaged after it was written; write it "
                         "again with perdure replay");
    if (report_content_check(bytes, size) == REPORT_CONTENT_ABSENT ||
        !json_member(top, "timeline").item)
        return json_fail(top, err,
                         "found no %s: an older version of perdure wrote it; "
                         "write it again with perdure replay",
                         json_member(top, "timeline").item ? "content_digest"
                                                           : "timeline");
    return true;
}

static void read_model(struct reading *reading, struct json_view top,
                       struct report_read *read)
{
    struct report_model *model = &read->model;
    read_facts(reading, top, &model->facts);
    report_read_stats(reading, top, &read->stats);
    model->stats = &read->stats;
    report_read_timelines(reading, top, model);
    model->verdict = read_verdict(reading, top);
    read_reasons(reading, top, model);
    if (reading->err->code == 0)
        report_model_count(model);
}

struct report_read *report_read_bytes(const char *name, const char *bytes,
                                      size_t size, struct json_error *error)
{
    struct report_read *read = calloc(1, sizeof(*read));
    if (!read) {
        error->code = JSON_ENOMEM;
        snprintf(error->text, sizeof(error->text), "out of memory");
        return NULL;
    }
    struct reading reading = {.err = error, .blocks = &read->blocks};
    if (json_read_bytes(name, bytes, size, &read->doc, error) == 0 &&
        check_head(json_root(read->doc), bytes, size, error))
        read_model(&reading, json_root(read->doc), read);
    if (error->code == 0)
        return read;
    report_read_free(read);
    return NULL;
}

struct report_read *report_read_file(const char *path, struct json_error *error)
{
    size_t size = 0;
    char *bytes = gate_read_bytes(path, &size, error);
    struct report_read *read =
        bytes ? report_read_bytes(path, bytes, size, error) : NULL;
    free(bytes);
    return read;
}

const struct report_model *report_read_model(const struct report_read *read)
{
    return &read->model;
}

static void free_stats(struct report_stats *stats)
{
    for (uint32_t i = 0; i < stats->step_count; i++) {
        report_hist_deinit(&stats->steps[i].total);
        report_hist_deinit(&stats->steps[i].dispatch);
        report_hist_deinit(&stats->steps[i].code);
    }
    report_hist_deinit(&stats->latency);
    for (uint32_t i = 0; i < REPORT_PARTS; i++)
        report_hist_deinit(&stats->split.parts[i]);
    report_hist_deinit(&stats->platform.start_up);
    for (uint32_t i = 0; i < stats->platform_count; i++)
        report_hist_deinit(&stats->platforms[i].start_up);
}

void report_read_free(struct report_read *read)
{
    if (!read)
        return;
    free_stats(&read->stats);
    reading_free(&read->blocks);
    json_free(read->doc);
    free(read);
}
