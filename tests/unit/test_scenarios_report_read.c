#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/content.h"
#include "scenarios/report_read.h"
#include "tests/support/sample_report.h"

static const struct synthetic_options options = {
    .runs = 40, .crash_every = 7, .outage = 1};

static struct report_buffer json_of(const struct report_model *model)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_json(model, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

static struct report_buffer sample_json(void)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer json = json_of(&sample->model);
    sample_report_free(sample);
    return json;
}

static void expect_same(struct report_buffer *live, struct report_buffer *again,
                        const char *what)
{
    cr_expect(live->size == again->size &&
                  memcmp(live->text, again->text, live->size) == 0,
              "%s is not the same again", what);
    report_buffer_free(live);
    report_buffer_free(again);
    report_buffer_init(live);
    report_buffer_init(again);
}

/* Each renderer writes of the model read back what it writes of the model. */
static void expect_round_trip(const struct report_model *model)
{
    struct report_buffer live = json_of(model);
    struct json_error error = {0};
    struct report_read *read =
        report_read_bytes("report.json", live.text, live.size, &error);
    cr_assert(read, "%s", error.text);
    const struct report_model *got = report_read_model(read);
    struct report_buffer again = json_of(got);
    expect_same(&live, &again, "JSON");
    report_html(model, NULL, &live);
    report_html(got, NULL, &again);
    expect_same(&live, &again, "HTML");
    report_text(model, &live, REPORT_TEXT_COLOUR);
    report_text(got, &again, REPORT_TEXT_COLOUR);
    expect_same(&live, &again, "text");
    report_markdown(model, &live);
    report_markdown(got, &again);
    expect_same(&live, &again, "Markdown");
    report_buffer_free(&live);
    report_buffer_free(&again);
    report_read_free(read);
}

Test(scenarios_report_read, a_report_renders_the_same_again)
{
    struct sample_report *sample = sample_report_new(&options);
    expect_round_trip(&sample->model);
    sample_report_free(sample);
}

static void set_cause(struct report_failure *failure, const char *chain)
{
    failure->count = 3;
    failure->run = UINT64_MAX;
    failure->error = ENGINE_ERR_TIMED_OUT;
    failure->size = (uint32_t)strlen(chain);
    memcpy(failure->chain, chain, failure->size);
}

Test(scenarios_report_read, what_facts_may_hold_renders_the_same_again)
{
    struct sample_report *sample = sample_report_new(&options);
    static struct report_failures failures;
    static const struct engine_hash digests[2] = {{1, 2}, {UINT64_MAX, 3}};
    static const char *const defects[] = {"lease-never-checked",
                                          "</script>\x1b[31m\"\\"};
    static const char *const checks[] = {"S7"};
    struct report_expectation sometimes[] = {{"retries > 0", "12", CHECK_PASS},
                                             {"lost > 0", "0", CHECK_FAIL}};
    failures.count = 3;
    failures.others = 5;
    set_cause(&failures.list[0], "engine: TIMEOUT: run 5\nno layer: said so\n"
                                 "node: 137");
    set_cause(&failures.list[1], "");
    set_cause(&failures.list[2], "platform: A: B: C");
    sample->facts.failures = &failures;
    sample->facts.digests = digests;
    sample->facts.digest_count = 2;
    sample->facts.digest_step = 100;
    sample->facts.record_count = 250;
    sample->facts.defects = defects;
    sample->facts.defect_count = 2;
    sample->facts.checks = checks;
    sample->facts.check_count = 1;
    sample->facts.sometimes = sometimes;
    sample->facts.sometimes_count = 2;
    struct report_threshold thresholds[] = {
        {"p99(run)", "< 30s", "39 s", CHECK_FAIL},
        {"cost", "<= $1", "</script>\x1b[31m", CHECK_INCONCLUSIVE}};
    sample->facts.thresholds = thresholds;
    sample->facts.threshold_count = 2;
    sample->facts.incomplete = "the limit of events";
    sample->facts.why = NULL;
    sample->results[0].verdict = CHECK_FAIL;
    sample->results[0].violations = UINT64_C(1) << 60;
    sample->results[0].first.record.run = 7;
    snprintf(sample->results[0].first.text, 400, "run 7 \xe2\x80\xae was lost");
    snprintf(sample->results[0].first.waits_for, 240, "nothing");
    sample->results[2].verdict = CHECK_INCONCLUSIVE;
    sample->results[2].absent = 1;
    sample->expectations[1].verdict = CHECK_FAIL;
    sample_report_judge(sample);
    expect_round_trip(&sample->model);
    sample_report_free(sample);
}

Test(scenarios_report_read, a_world_in_which_nothing_happens_renders_again)
{
    struct synthetic_options none = {.runs = 0};
    struct sample_report *sample = sample_report_new(&none);
    expect_round_trip(&sample->model);
    sample_report_free(sample);
}

/* The sample with the first of a text replaced, sealed as if written so. */
static struct report_buffer changed(const struct report_buffer *json,
                                    const char *from, const char *to)
{
    struct report_buffer out;
    const char *at = strstr(json->text, from);
    cr_assert(at, "%s", from);
    report_buffer_init(&out);
    report_buffer_bytes(&out, json->text, (size_t)(at - json->text));
    report_buffer_put(&out, to);
    report_buffer_put(&out, at + strlen(from));
    if (report_content_check(out.text, out.size) == REPORT_CONTENT_DIFFERS)
        report_content_seal(out.text, out.size);
    return out;
}

static void expect_refused(const char *text, size_t size, const char *why)
{
    struct json_error error = {0};
    struct report_read *read = report_read_bytes("r.json", text, size, &error);
    cr_expect_null(read, "accepted, and should say: %s", why);
    cr_expect(strstr(error.text, why), "said \"%s\", not \"%s\"", error.text,
              why);
    cr_expect_eq(strncmp(error.text, "r.json:", 7), 0, "%s", error.text);
    report_read_free(read);
}

Test(scenarios_report_read, what_no_run_can_say_is_refused)
{
    static const struct {
        const char *from, *to, *why;
    } edits[] = {
        {"perdure.report/1", "perdure.report/2", "another version"},
        {"\"schema\": ", "\"scheme\": ", "without \"schema\""},
        {"content_digest", "contend_digest", "no content_digest"},
        {"\"timeline\": ", "\"timelyne\": ", "older version"},
        {"\"verdict\": \"pass\"", "\"verdict\": \"fine\"", "allowed \"pass\""},
        {"\"succeeded\": 40", "\"succeeded\": -1", "allowed"},
        {"\"succeeded\": 40", "\"succeeded\": \"4x\"", "whole number"},
        {"\"succeeded\": 40", "\"succeeded\": \"9223372036854775807\"",
         "at most"},
        {"\"sum_ns\": ",
         "\"sum_ns\": \"99999999999999999999999999999999999\", "
         "\"total_ns\": ",
         "do not fit"},
        {"\"sum_ns\": ",
         "\"sum_ns\": \"999999999999999999999999999999999999999\", "
         "\"total_ns\": ",
         "2^128"},
        {"\"precision\": ", "\"precision\": 3, \"precisely\": ",
         "allowed 1024"},
        {"\"counts\": [", "\"counts\": [1, ", "unlike lengths"},
        {"\"count\": 40,\n      \"max_ns\"", "\"count\": 41, \"max_ns\"",
         "do not fit"},
        {"\"kind\": \"down\"", "\"kind\": \"away\"", "allowed \"down\""},
        {"\"role\": \"client\"", "\"role\": \"nobody\"", "allowed \"client\""},
        {"\"lane\": 0", "\"lane\": 24", "found lane 24"},
        {"\"seed\": \"18446744073709551615\"",
         "\"seed\": \"18446744073709551616\"", "whole number"},
        {"\"seed\": \"18446744073709551615\"", "\"seed\": 7", "a string"},
        {"\"main\": \"orders.json\"", "\"main\": \"other.json\"", "none of"},
        {"\"effects\": true", "\"effects\": false", "effects"},
        {"\"step\": \"charge card\"", "\"step\": \"discharge\"", "effects"},
        {"\"digest\": \"", "\"digest\": \"x", "allowed"},
        {"\"started\": [", "\"started\": [1, ", "beside others"},
        {"\"bold\": false", "\"bold\": 0", "allowed true or false"},
    };
    struct report_buffer json = sample_json();
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        struct report_buffer edit = changed(&json, edits[i].from, edits[i].to);
        expect_refused(edit.text, edit.size, edits[i].why);
        report_buffer_free(&edit);
    }
    report_buffer_free(&json);
}

Test(scenarios_report_read, a_report_that_was_edited_is_refused)
{
    struct report_buffer json = sample_json();
    char *at = strstr(json.text, "\"succeeded\": 40");
    cr_assert(at);
    at[13] = '5';
    expect_refused(json.text, json.size, "content_digest does not match");
    report_buffer_free(&json);
}

Test(scenarios_report_read, a_report_cut_short_anywhere_is_refused)
{
    struct report_buffer json = sample_json();
    for (size_t size = 0; size + 2 < json.size; size += 499)
        expect_refused(json.text, size, "r.json:");
    report_buffer_free(&json);
}

Test(scenarios_report_read, keys_that_are_not_known_are_passed_over)
{
    struct report_buffer json = sample_json();
    struct report_buffer later =
        changed(&json, "\"schema\": ", "\"scent\": [{}], \"schema\": ");
    struct json_error error = {0};
    struct report_read *read =
        report_read_bytes("r.json", later.text, later.size, &error);
    cr_expect(read, "%s", error.text);
    report_read_free(read);
    report_buffer_free(&later);
    report_buffer_free(&json);
}

static void render(const struct report_model *model)
{
    struct report_buffer out = json_of(model);
    report_html(model, NULL, &out);
    report_text(model, &out, 0);
    report_buffer_free(&out);
}

/* The text with the value behind this colon replaced, unless it is none. */
static int replace_value(const struct report_buffer *json, const char *colon,
                         const char *value, struct report_buffer *out)
{
    const char *from = colon + 2;
    size_t size = strcspn(from, ",\n");
    if (colon[1] != ' ' || size == 0 || strchr("[{", *from))
        return 0;
    report_buffer_init(out);
    report_buffer_bytes(out, json->text, (size_t)(from - json->text));
    report_buffer_put(out, value);
    report_buffer_put(out, from + size);
    if (report_content_check(out->text, out->size) == REPORT_CONTENT_DIFFERS)
        report_content_seal(out->text, out->size);
    return 1;
}

Test(scenarios_report_read, any_value_is_refused_or_rendered)
{
    static const char *const values[] = {"0",    "4611686018427387903",
                                         "null", "\"4611686018427387904\"",
                                         "\"\"", "[]"};
    struct report_buffer json = sample_json();
    size_t turn = 0;
    uint32_t refused = 0;
    uint32_t rendered = 0;
    for (const char *at = json.text; (at = strchr(at, ':')); at++) {
        struct report_buffer edit;
        struct json_error error = {0};
        if (turn++ % 3 ||
            !replace_value(&json, at, values[turn / 3 % 6], &edit))
            continue;
        struct report_read *read =
            report_read_bytes("r.json", edit.text, edit.size, &error);
        refused += !read;
        rendered += read != NULL;
        cr_expect_neq(read == NULL, error.code == 0);
        if (read)
            render(report_read_model(read));
        report_read_free(read);
        report_buffer_free(&edit);
    }
    cr_expect_gt(refused, 100);
    cr_expect_gt(rendered, 20);
    report_buffer_free(&json);
}
