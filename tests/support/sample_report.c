#include "tests/support/sample_report.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const required[] = {"S1", "L1"};

static const struct report_setting settings[] = {
    {"engine.lease", "60", "s", "scenario", "given"},
    {"lambda.burst", "1000", "environments", "developer guide", "documented"},
    {"store.sync", "FULL", NULL, "default", NULL}};

static const struct report_source sources[] = {
    {"orders.json", "{\"why\": \"\xc3\xbc\"}\n", 14},
    {"arrivals.csv", "1,2\n", 4}};

static const struct report_bill bill[] = {{"requests", "6,020", "$0.0012"},
                                          {"compute", "312.4 GB-s", NULL}};

static const char *const limits[] = {"Cold starts were measured in 2026."};

static void fill_facts(struct sample_report *sample)
{
    sample->facts =
        (struct report_facts){.scenario = "orders",
                              .why = "A worker dies after charging the card.",
                              .version = "0.1.0",
                              .replay = "perdure replay report.json",
                              .seed = UINT64_MAX,
                              .digest = {0x1234, 0xabcdef},
                              .results = sample->results,
                              .result_count = SAMPLE_RESULTS,
                              .required = required,
                              .required_count = 2,
                              .expectations = sample->expectations,
                              .expectation_count = SAMPLE_EXPECTATIONS,
                              .settings = settings,
                              .setting_count = 3,
                              .sources = sources,
                              .source_count = 2,
                              .bill = bill,
                              .bill_count = 2,
                              .limits = limits,
                              .limit_count = 1};
}

struct sample_report *sample_report_new(const struct synthetic_options *options)
{
    struct sample_report *sample = calloc(1, sizeof(*sample));
    assert(sample);
    sample->synthetic = synthetic_new(options);
    sample->collect = report_collect_new(&sample->synthetic->world);
    assert(sample->collect);
    report_collect_feed(sample->collect, sample->synthetic->records,
                        sample->synthetic->count);
    sample->results[0] = (struct check_result){.id = "S1",
                                               .name = "log integrity",
                                               .unit = "appends",
                                               .checked = 12345};
    sample->results[1] = (struct check_result){.id = "S9",
                                               .name = "limits are kept",
                                               .unit = "payloads",
                                               .verdict = CHECK_INCONCLUSIVE,
                                               .reason = "none came near"};
    sample->results[2] = (struct check_result){
        .id = "L1", .name = "every run ends", .unit = "runs", .checked = 12};
    sample->expectations[0] =
        (struct report_expectation){"p99(run) < 60s", "39 s", CHECK_PASS};
    sample->expectations[1] =
        (struct report_expectation){"stuck runs = 0", "0", CHECK_PASS};
    fill_facts(sample);
    sample_report_judge(sample);
    return sample;
}

void sample_report_judge(struct sample_report *sample)
{
    report_model_deinit(&sample->model);
    int result =
        report_model_init(&sample->model, sample->collect, &sample->facts);
    assert(result == 0);
    (void)result;
}

void sample_report_free(struct sample_report *sample)
{
    report_model_deinit(&sample->model);
    report_collect_free(sample->collect);
    synthetic_free(sample->synthetic);
    free(sample);
}
