#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/content.h"
#include "scenarios/gate_read.h"
#include "scenarios/lambda/table_chart.h"
#include "scenarios/lambda/table_export.h"
#include "scenarios/lambda/table_gate.h"

/* Of a real sweep: an approval whose purchase is made outside a step. */
static const char golden[] = "tests/golden/lambda.json";

static char *golden_bytes(size_t *size)
{
    struct json_error err = {0};
    char *bytes = gate_read_bytes(golden, size, &err);

    cr_assert(bytes, "%s", err.text);
    return bytes;
}

static struct lambda_table *read_golden(void)
{
    struct json_error err = {0};
    size_t size = 0;
    char *bytes = golden_bytes(&size);
    struct lambda_table *table =
        lambda_table_read_bytes(golden, bytes, size, &err);

    cr_assert(table, "%s", err.text);
    free(bytes);
    return table;
}

Test(scenarios_lambda_table, a_table_that_was_read_is_written_to_the_same_bytes)
{
    struct report_buffer out = {0};
    size_t size = 0;
    char *bytes = golden_bytes(&size);
    struct lambda_table *table = read_golden();

    lambda_table_json(table, &out);
    cr_assert_eq(out.size, size);
    cr_assert_eq(memcmp(out.text, bytes, size), 0);
    report_buffer_free(&out);
    lambda_table_free(table);
    free(bytes);
}

Test(scenarios_lambda_table, a_table_that_was_edited_is_refused)
{
    struct json_error err = {0};
    size_t size = 0;
    char *bytes = golden_bytes(&size);
    char *held = strstr(bytes, "\"held\": ");

    cr_assert(held);
    held[8] = held[8] == '9' ? '8' : '9';
    cr_assert_null(lambda_table_read_bytes(golden, bytes, size, &err));
    cr_assert(strstr(err.text, "edited or damaged"), "%s", err.text);
    free(bytes);
}

/* The golden file with one text in place of another as long, sealed again. */
static void refuse(const char *from, const char *to, const char *expected)
{
    struct json_error err = {0};
    size_t size = 0;
    char *bytes = golden_bytes(&size);
    char *at = strstr(bytes, from);
    char *digest = strstr(bytes, "\"content_digest\": \"");

    cr_assert(at, "%s is not there", from);
    cr_assert_eq(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    memcpy(digest + 19, REPORT_CONTENT_ZEROS, 32);
    report_content_seal(bytes, size);
    cr_assert_null(lambda_table_read_bytes(golden, bytes, size, &err),
                   "%s is taken", to);
    cr_assert(strstr(err.text, expected), "%s", err.text);
    free(bytes);
}

Test(scenarios_lambda_table, what_no_sweep_says_is_refused)
{
    refuse("\"schema\": \"perdure.lambda-sweep/1\"",
           "\"schema\": \"perdure.lambda-sweep/2\"", "perdure.lambda-sweep/2");
    refuse("\"verdict\": \"fail\"", "\"verdict\": \"fine\"", "\"fine\"");
    refuse("\"applied\": [1, 0]", "\"applied\": [1   ]", "one for each effect");
    refuse("\"boundaries\": 25", "\"boundaries\": -5", "-5");
    refuse("\"complete\": true", "\"complete\": 1111", "1111");
    refuse("\"handler\"", "\"handles\"", "handler");
}

static const char *text_of(void (*render)(const struct lambda_table *,
                                          struct report_buffer *),
                           struct report_buffer *out)
{
    struct lambda_table *table = read_golden();

    render(table, out);
    lambda_table_free(table);
    cr_assert(report_buffer_ok(out));
    return out->text;
}

Test(scenarios_lambda_table, failures_come_first_in_groups_with_a_command)
{
    struct report_buffer out = {0};
    const char *text = text_of(lambda_table_text, &out);
    const char *fail = strstr(text, "  FAIL stale-token: it ends FAILED");

    cr_assert(strncmp(text, "FAIL  25 boundaries, ", 21) == 0, "%s", text);
    cr_assert(fail);
    cr_assert_null(strstr(fail + 1, "  FAIL stale-token"), "told twice");
    cr_assert(strstr(fail, "--fault stale-token --only 'before approve START "
                           "#1'\n"));
    cr_assert_lt(fail, strstr(text, "Undisturbed"));
    report_buffer_free(&out);
}

Test(scenarios_lambda_table, effects_have_their_sentences)
{
    struct report_buffer out = {0};
    const char *text = text_of(lambda_table_text, &out);

    cr_assert(strstr(text, "  mail: 1x undisturbed, once, never more\n"));
    cr_assert(strstr(text, "    2x when killed: after effect buy #1, "));
    cr_assert(strstr(text, "    4x under 9 throttles: before "));
    report_buffer_free(&out);
}

Test(scenarios_lambda_table, lines_but_for_commands_fit_a_terminal)
{
    struct report_buffer out = {0};
    const char *text = text_of(lambda_table_text, &out);

    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        size_t size = strcspn(line, "\n");
        if (size > 80)
            cr_assert(strncmp(line, "    again: ", 11) == 0, "%.*s", (int)size,
                      line);
    }
    report_buffer_free(&out);
}

Test(scenarios_lambda_table, cells_of_the_page_lead_to_trials)
{
    struct report_buffer out = {0};
    const char *page = text_of(lambda_table_html, &out);

    cr_assert(strstr(page, "<td class=\"n heat bad\"><a href=\"#t"));
    cr_assert(strstr(page, "\">4×</a></td>"));
    cr_assert(strstr(page, "<tr id=\"t0\">"));
    cr_assert_null(strstr(page, "<script"));
    report_buffer_free(&out);
}

Test(scenarios_lambda_table, names_are_never_part_of_the_page)
{
    static const char attack[] = "<script>alert(1)</script>";
    struct lambda_table *table = read_golden();
    struct report_buffer page = {0};
    struct report_buffer text = {0};

    snprintf(table->effects[0].name, sizeof(table->effects[0].name), "%s",
             attack);
    snprintf(table->rows[0].at, sizeof(table->rows[0].at), "%s", attack);
    snprintf(table->rows[0].fault, sizeof(table->rows[0].fault), "%s", attack);
    snprintf(table->rows[0].why, sizeof(table->rows[0].why), "%s\033[2J",
             attack);
    snprintf(table->history[1].name, sizeof(table->history[1].name), "%s",
             attack);
    table->rows[0].verdict = CHECK_FAIL;
    lambda_table_html(table, &page);
    lambda_table_text(table, &text);
    cr_assert_null(strstr(page.text, "<script"));
    cr_assert_null(strchr(text.text, '\033'));
    report_buffer_free(&page);
    report_buffer_free(&text);
    lambda_table_free(table);
}

/* The gate ----------------------------------------------------------------- */

static void prepare(const struct lambda_table *table,
                    struct report_gate_report *report)
{
    *report = (struct report_gate_report){.property_count = 0};
    cr_assert(lambda_table_gate(table, "0123", report));
}

static void drop(struct report_gate_report *report)
{
    free(report->properties);
    free(report->metrics);
}

/* What came of a comparison after this was done to the new one. */
static enum report_gate_outcome
compare(void (*change)(struct lambda_table *table), const char *expected)
{
    const struct report_gate_policy policy = {.missing =
                                                  REPORT_GATE_INCONCLUSIVE};
    struct lambda_table *base = read_golden();
    struct lambda_table *now = read_golden();
    struct report_gate_report reports[2];
    struct report_gate_result result;
    bool said = false;

    change(now);
    prepare(base, &reports[0]);
    prepare(now, &reports[1]);
    report_gate_result_init(&result);
    report_gate_compare(&policy, &reports[0], &reports[1], &result);
    for (size_t i = 0; i < result.count; i++)
        said = said || (result.lines[i].outcome == result.outcome &&
                        strstr(result.lines[i].name, expected));
    cr_assert(said || !*expected, "nothing is said of %s", expected);
    enum report_gate_outcome outcome = result.outcome;
    report_gate_result_free(&result);
    drop(&reports[0]);
    drop(&reports[1]);
    lambda_table_free(base);
    lambda_table_free(now);
    return outcome;
}

static void nothing(struct lambda_table *table)
{
    (void)table;
}

static void fail_one(struct lambda_table *table)
{
    table->rows[0].verdict = CHECK_FAIL;
}

static void repeat_more(struct lambda_table *table)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (table->rows[i].applied[1] == 2)
            table->rows[i].applied[1] = 3;
}

static void forget_one(struct lambda_table *table)
{
    struct lambda_table_row *last = &table->rows[--table->count];

    free(last->again);
    free(last->applied);
}

static void use_more(struct lambda_table *table)
{
    table->quotas[LAMBDA_QUOTA_OPERATIONS].undisturbed++;
}

Test(scenarios_lambda_table, the_gate_holds_what_is_as_it_was)
{
    cr_assert_eq(compare(nothing, ""), REPORT_GATE_HELD);
}

Test(scenarios_lambda_table, the_gate_tells_a_row_that_held_and_fails_now)
{
    struct lambda_table *table = read_golden();
    char name[LAMBDA_ROW_AT + LAMBDA_FAULT_NAME];

    snprintf(name, sizeof(name), "%s %s", table->rows[0].fault,
             table->rows[0].at);
    lambda_table_free(table);
    cr_assert_eq(compare(fail_one, name), REPORT_GATE_PROPERTY);
}

Test(scenarios_lambda_table, the_gate_tells_effects_that_happen_more_often)
{
    cr_assert_eq(compare(repeat_more, "effect.buy.crash.most"),
                 REPORT_GATE_BUDGET);
}

Test(scenarios_lambda_table, the_gate_cannot_say_what_was_not_tried)
{
    cr_assert_eq(compare(forget_one, "crash"), REPORT_GATE_INCONCLUSIVE);
}

Test(scenarios_lambda_table, the_gate_tells_more_use_of_a_quota)
{
    cr_assert_eq(compare(use_more, "quota.operations.undisturbed"),
                 REPORT_GATE_BUDGET);
}

/* Other tools -------------------------------------------------------------- */

Test(scenarios_lambda_table, each_trial_is_a_case_of_a_test_runner)
{
    struct lambda_table *table = read_golden();
    struct lambda_export exported;
    struct report_buffer out = {0};
    char counts[80]; /* with the verdict, and the property that failed */

    cr_assert(lambda_export_init(&exported, table, "1"));
    report_export_junit(&exported.report, &out);
    snprintf(counts, sizeof(counts), "tests=\"%u\" failures=\"%u\" errors",
             1 + table->property_count + table->count,
             2 + (unsigned)table->failed);
    cr_assert(strstr(out.text, counts), "%s", counts);
    cr_assert(strstr(out.text,
                     "name=\"crash after effect buy #1\" time=\"0.000\"/>"));
    cr_assert(strstr(out.text, "; again: perdure lambda sweep "));
    report_buffer_free(&out);
    lambda_export_deinit(&exported);
    lambda_table_free(table);
}

static void break_history(struct lambda_table *table)
{
    for (uint32_t i = 0; i < table->count; i++)
        table->rows[i].verdict = CHECK_PASS;
    table->failed = 0;
    snprintf(table->properties[3].why, sizeof(table->properties[3].why),
             "event 2 has EventId 3");
    table->properties[3].violations = 1;
    table->properties[3].verdict = CHECK_FAIL;
}

Test(scenarios_lambda_table, a_property_that_fails_without_a_trial_is_told)
{
    struct lambda_table *table = read_golden();
    struct report_buffer text = {0};
    struct report_buffer page = {0};

    break_history(table);
    lambda_table_text(table, &text);
    lambda_table_html(table, &page);
    cr_assert(strstr(text.text, "  FAIL H1, legal history: 1 violations in "));
    cr_assert(strstr(text.text, "event 2 has EventId 3"));
    cr_assert(
        strstr(page.text, "<p>H1, legal history: event 2 has EventId 3</p>"));
    report_buffer_free(&text);
    report_buffer_free(&page);
    lambda_table_free(table);
}

Test(scenarios_lambda_table, the_run_is_drawn_with_a_lane_for_each_name)
{
    struct lambda_table *table = read_golden();
    struct report_buffer out = {0};
    uint32_t lanes = 0;

    lambda_table_chart(table, &out);
    for (const char *at = out.text; (at = strstr(at, "<text class=\"e\""));
         at++)
        lanes++;
    cr_assert_eq(lanes, 4, "approve, its callback and submitter, book");
    cr_assert(strstr(out.text, ">2 h</text>"));
    report_buffer_free(&out);
    table->history_count = 1;
    lambda_table_chart(table, &out);
    cr_assert_eq(out.size, 0, "one event is no picture");
    report_buffer_free(&out);
    lambda_table_free(table);
}

Test(scenarios_lambda_table, a_price_is_only_what_was_given)
{
    struct lambda_table *table = read_golden();
    struct report_buffer out = {0};

    table->price_micro = 250000;
    lambda_table_text(table, &out);
    cr_assert(strstr(out.text, "$1.250000"), "%s", out.text);
    report_buffer_free(&out);
    table->price_micro = 0;
    lambda_table_text(table, &out);
    cr_assert_null(strchr(out.text, '$'), "a price that nobody gave");
    report_buffer_free(&out);
    lambda_table_free(table);
}
