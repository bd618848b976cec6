/*
 * Reports of worlds of every kind are read back and rendered again: the bytes
 * are those that the run itself wrote.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "scenarios/report_read.h"
#include "scenarios/runner.h"

struct kind {
    const char *scenario;
    const char *defect;
    enum check_verdict verdict;
};

static const struct kind kinds[] = {
    {"scenarios/small/order.json", NULL, CHECK_PASS},
    {"scenarios/small/handlers.json", NULL, CHECK_PASS},
    {"scenarios/small/order-on-lambda.json", NULL, CHECK_PASS},
    {"scenarios/error-propagation.json", NULL, CHECK_PASS},
    {"scenarios/mixed-platforms.json", NULL, CHECK_PASS},
    {"scenarios/handler-swarm.json", NULL, CHECK_PASS},
    {"scenarios/spot-reclaims-workers.json", NULL, CHECK_PASS},
    {"scenarios/irreversible-step-is-cut-off.json", NULL, CHECK_PASS},
    {"scenarios/canary.json", NULL, CHECK_FAIL},
    {"scenarios/defects/key_per_attempt.json", "key_per_attempt", CHECK_FAIL},
    {"tests/run/data/missed.json", NULL, CHECK_FAIL},
    {"tests/run/data/never-fires.json", NULL, CHECK_INCONCLUSIVE},
    {"scenarios/celery-worker-killed-redis.json", NULL, CHECK_PASS},
    {"scenarios/capacity/orders-on-local-workers.json", NULL, CHECK_PASS},
};

static void expect_same(struct report_buffer *live, struct report_buffer *again,
                        const char *scenario, const char *what)
{
    cr_expect(report_buffer_ok(live) && live->size == again->size &&
                  memcmp(live->text, again->text, live->size) == 0,
              "%s: %s is not the same again", scenario, what);
    live->size = again->size = 0;
}

static const char code[] = "x";
static const struct report_library library = {code, code + 1, code, code + 1};

static void expect_again(const struct report_model *model, const char *scenario)
{
    struct report_buffer live;
    struct report_buffer again;
    struct json_error error = {0};
    report_buffer_init(&live);
    report_buffer_init(&again);
    report_json(model, &live);
    struct report_read *read =
        report_read_bytes(scenario, live.text, live.size, &error);
    cr_assert(read, "%s", error.text);
    const struct report_model *got = report_read_model(read);
    report_json(got, &again);
    expect_same(&live, &again, scenario, "JSON");
    report_text(model, &live, 0);
    report_text(got, &again, 0);
    expect_same(&live, &again, scenario, "text");
    report_html(model, NULL, &live);
    report_html(got, NULL, &again);
    expect_same(&live, &again, scenario, "HTML");
    report_html(model, &library, &live);
    report_html(got, &library, &again);
    expect_same(&live, &again, scenario, "HTML that moves");
    report_markdown(model, &live);
    report_markdown(got, &again);
    expect_same(&live, &again, scenario, "Markdown");
    report_buffer_free(&live);
    report_buffer_free(&again);
    report_read_free(read);
}

static void run_kind(const struct kind *kind,
                     const volatile sig_atomic_t *interrupted)
{
    char message[512] = "";
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(kind->scenario, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    struct runner_options run = {
        .seed = scenario->seed,
        .defects = &kind->defect,
        .defect_count = kind->defect ? 1 : 0,
        .golden = kind->defect != NULL,
        .command = "test",
        .interrupted = interrupted,
    };
    struct runner *runner =
        runner_run(scenario, &run, message, sizeof(message));
    cr_assert_not_null(runner, "%s", message);
    const struct report_model *model = runner_model(runner);
    cr_expect_eq(model->verdict, kind->verdict, "%s: %s", kind->scenario,
                 check_verdict_name(model->verdict));
    expect_again(model, kind->scenario);
    runner_free(runner);
    scenario_free(scenario);
}

Test(report_again, worlds_of_every_kind_render_the_same_bytes_again)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        run_kind(&kinds[i], NULL);
}

Test(report_again, a_run_that_was_cut_short_renders_the_same_bytes_again)
{
    static const volatile sig_atomic_t now = 1;
    static const struct kind cut = {"scenarios/swarm.json", NULL,
                                    CHECK_INCONCLUSIVE};
    run_kind(&cut, &now);
}
