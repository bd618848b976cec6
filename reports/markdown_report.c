#include <inttypes.h>
#include <stdio.h>

#include "reports/format.h"
#include "reports/markdown.h"
#include "reports/report.h"

static const char more[] = "they are in report.json.";

static void put_percentiles(struct markdown *page, const char *name,
                            const struct report_hist *hist)
{
    static const uint32_t ppm[] = {500000, 900000, 990000, 999000, 1000000};
    if (!hist->counts || hist->count == 0)
        return;
    markdown_cell(page, name);
    markdown_count(page, hist->count);
    for (size_t i = 0; i < sizeof(ppm) / sizeof(*ppm); i++)
        markdown_ns(page, report_hist_at(hist, ppm[i]));
    markdown_ns(page, report_hist_mean(hist));
    markdown_row_end(page);
}

static void put_text(struct markdown *page, const char *before,
                     const char *text, const char *after)
{
    report_buffer_put(page->out, before);
    markdown_text(page->out, text, (size_t)2 * MARKDOWN_COLUMNS);
    report_buffer_put(page->out, after);
}

static void put_reasons(struct markdown *page, const struct report_model *model)
{
    for (uint32_t i = 0; i < model->reason_count; i++) {
        report_buffer_print(page->out, "- **%s** ",
                            check_verdict_name(model->reasons[i].verdict));
        put_text(page, "", model->reasons[i].text, "\n");
    }
    if (model->reasons_left_out)
        report_buffer_print(page->out, "- and %" PRIu32 " more\n",
                            model->reasons_left_out);
    if (model->reason_count == 0) {
        report_model_held(model, page->out);
        report_buffer_put(page->out, "\n");
    }
}

static void put_head(struct markdown *page, const struct report_model *model)
{
    const struct report_facts *facts = &model->facts;
    struct report_word digest;
    put_text(page, "## ", facts->scenario, ": ");
    report_buffer_print(page->out, "%s\n\n",
                        check_verdict_name(model->verdict));
    if (facts->why)
        put_text(page, "", facts->why, "\n\n");
    put_reasons(page, model);
    report_buffer_print(page->out, "\nSeed %" PRIu64 ", digest %s, perdure ",
                        facts->seed,
                        report_format_digest(&digest, facts->digest));
    put_text(page, "", facts->version ? facts->version : "", ".");
    for (size_t i = 0; i < facts->defect_count; i++)
        put_text(page, " With the seeded defect ", facts->defects[i], ".");
    report_buffer_put(page->out, " The same run again:\n\n");
    markdown_pre(page->out, facts->replay);
}

static void count_row(struct markdown *page, const char *name, uint64_t count)
{
    markdown_cell(page, name);
    markdown_count(page, count);
    markdown_row_end(page);
}

static void put_runs(struct markdown *page, const struct report_stats *stats)
{
    const struct report_runs *runs = &stats->runs;
    const struct {
        const char *name;
        uint64_t count;
    } rows[] = {{"failed", runs->failed},
                {"blocked", runs->blocked},
                {"stuck", runs->stuck},
                {"cancelled", runs->cancelled},
                {"timed out", runs->timed_out},
                {"stopped", runs->stopped},
                {"paused", runs->paused},
                {"waiting for the outside", runs->waiting},
                {"invoked by runs", runs->invoked}};
    markdown_table(page, "Runs", "| | Count |", "|---|--:|");
    count_row(page, "started", runs->started);
    count_row(page, "succeeded", runs->succeeded);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].count)
            count_row(page, rows[i].name, rows[i].count);
    count_row(page, "durable commits", stats->commits);
    count_row(page, "crashes", stats->crashes);
    markdown_cell(page, "virtual time");
    markdown_ns(page, stats->last_ns - stats->first_ns);
    markdown_row_end(page);
    markdown_table_end(page, more);
}

static void put_property(struct markdown *page,
                         const struct check_result *result)
{
    report_buffer_put(&page->row, "| ");
    markdown_text(&page->row, result->id, MARKDOWN_COLUMNS);
    report_buffer_put(&page->row, " ");
    markdown_text(&page->row, result->name, MARKDOWN_COLUMNS);
    report_buffer_put(&page->row, " ");
    markdown_cell(page, result->absent ? "does not apply"
                                       : check_verdict_name(result->verdict));
    markdown_count(page, result->checked);
    markdown_cell(page, result->unit);
    markdown_count(page, result->violations);
    markdown_cell(page,
                  result->violations ? result->first.text : result->reason);
    markdown_row_end(page);
}

static void put_properties(struct markdown *page,
                           const struct report_facts *facts)
{
    if (facts->result_count == 0)
        return;
    markdown_table(page, "Properties",
                   "| Property | Verdict | Checked | Of what | Violations | |",
                   "|---|---|--:|---|--:|---|");
    for (size_t i = 0; i < facts->result_count; i++)
        put_property(page, &facts->results[i]);
    markdown_table_end(page, more);
}

static void put_expected(struct markdown *page, const char *title,
                         const struct report_expectation *list, size_t count,
                         const char *const words[2])
{
    if (count == 0)
        return;
    markdown_table(page, title, "| Expected | Found | |", "|---|---|---|");
    for (size_t i = 0; i < count; i++) {
        markdown_cell(page, list[i].text);
        markdown_cell(page, list[i].actual);
        markdown_cell(page, words ? words[list[i].verdict == CHECK_PASS]
                                  : check_verdict_name(list[i].verdict));
        markdown_row_end(page);
    }
    markdown_table_end(page, more);
}

static void put_thresholds(struct markdown *page,
                           const struct report_facts *facts)
{
    if (facts->threshold_count == 0)
        return;
    markdown_table(page, "Thresholds", "| Of | Limit | Found | |",
                   "|---|---|---|---|");
    for (size_t i = 0; i < facts->threshold_count; i++) {
        const struct report_threshold *each = &facts->thresholds[i];
        markdown_cell(page, each->expr);
        markdown_cell(page, each->limit);
        markdown_cell(page, each->actual);
        markdown_cell(page, check_verdict_name(each->verdict));
        markdown_row_end(page);
    }
    markdown_table_end(page, more);
}

static void put_failures(struct markdown *page,
                         const struct report_failures *failures)
{
    if (!failures || failures->count == 0)
        return;
    markdown_table(page, "Why runs failed", "| Runs | First | Root cause |",
                   "|--:|--:|---|");
    for (uint32_t i = 0; i < failures->count; i++) {
        const struct report_failure *failure = &failures->list[i];
        struct engine_text root =
            engine_cause_root(failure->chain, failure->size);
        char words[ENGINE_CAUSE_MAX + 1] = "";
        for (size_t k = 0; k < root.size && k < ENGINE_CAUSE_MAX; k++)
            words[k] = root.text[k];
        markdown_count(page, failure->count);
        markdown_count(page, failure->run);
        markdown_cell(page,
                      words[0] ? words : engine_error_name(failure->error));
        markdown_row_end(page);
    }
    markdown_table_end(page, more);
    if (failures->others)
        report_buffer_print(page->out,
                            "\n%" PRIu64 " failed of other causes.\n",
                            failures->others);
}

static void put_faults(struct markdown *page, const struct report_stats *stats)
{
    if (stats->fault_count == 0) {
        report_buffer_put(page->out, "\n### Faults\n\nNone were armed.\n");
        return;
    }
    markdown_table(page, "Faults",
                   "| Point | Armed | Fired | Effective | In flight | Retries "
                   "| Take-overs | Recognised | Duplicates | Lost |",
                   "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for (uint32_t i = 0; i < stats->fault_count; i++) {
        const struct report_fault *fault = &stats->faults[i];
        markdown_cell(page, fault->name);
        markdown_count(page, fault->armed);
        markdown_count(page, fault->fired);
        markdown_count(page, fault->effective);
        markdown_count(page, fault->in_flight);
        markdown_count(page, fault->strikes.retries);
        markdown_count(page, fault->strikes.takeovers);
        markdown_count(page, fault->strikes.repeats);
        markdown_count(page, fault->strikes.duplicates);
        markdown_count(page, fault->strikes.lost);
        markdown_row_end(page);
    }
    markdown_table_end(page, more);
    struct report_word word;
    if (stats->drain_ns == UINT64_MAX)
        report_buffer_put(page->out, "\nThe backlog never drained after the "
                                     "last fault.\n");
    else if (stats->drain_ns)
        report_buffer_print(page->out,
                            "\nThe backlog drained %s after the last fault.\n",
                            report_format_ns(&word, stats->drain_ns));
}

static void put_latency(struct markdown *page, const struct report_stats *stats)
{
    markdown_table(page, "Latency, in virtual time",
                   "| | Count | p50 | p90 | p99 | p99.9 | max | mean |",
                   "|---|--:|--:|--:|--:|--:|--:|--:|");
    put_percentiles(page, "whole runs", &stats->latency);
    for (unsigned i = 0; i < REPORT_PARTS; i++) {
        char name[40];
        snprintf(name, sizeof(name), "of it: %s", report_part_name(i));
        put_percentiles(page, name, &stats->split.parts[i]);
    }
    for (uint32_t i = 0; i < stats->step_count; i++)
        put_percentiles(page, stats->steps[i].name, &stats->steps[i].total);
    markdown_table_end(page, more);
}

static void put_steps(struct markdown *page, const struct report_stats *stats)
{
    if (stats->step_count == 0)
        return;
    markdown_table(page, "Steps and their effects",
                   "| Step | Attempts | Retries | Errors | Cut off | Sent "
                   "| Applied | Recognised | Duplicates | Lost |",
                   "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for (uint32_t i = 0; i < stats->step_count; i++) {
        const struct report_step *step = &stats->steps[i];
        const uint64_t figures[] = {
            step->attempts, step->retries,      step->failures,
            step->cut,      step->effects_sent, step->applied,
            step->repeats,  step->duplicates,   step->lost};
        int effects = step->has_effect || step->applied;
        markdown_cell(page, step->name);
        for (size_t k = 0; k < sizeof(figures) / sizeof(*figures); k++)
            if (k < 4 || effects)
                markdown_count(page, figures[k]);
            else
                markdown_cell(page, "");
        markdown_row_end(page);
    }
    markdown_table_end(page, more);
}

static void put_rows(struct markdown *page, const struct report_timeline *line)
{
    report_buffer_print(page->out,
                        "\n### One run: %" PRIu64 "\n\nIt is shown because it "
                        "is %s.\n",
                        line->run, line->why);
    markdown_table(page, "What happened, in order",
                   "| Seconds since due | Record | Actor | What |",
                   "|--:|--:|---|---|");
    for (uint32_t i = 0; i < line->row_count; i++) {
        const struct report_row *row = &line->rows[i];
        uint64_t since_ns =
            row->time_ns > line->from_ns ? row->time_ns - line->from_ns : 0;
        report_buffer_print(&page->row, "| %" PRIu64 ".%06" PRIu64 " ",
                            since_ns / 1000000000,
                            since_ns % 1000000000 / 1000);
        markdown_count(page, row->index);
        markdown_cell(page, line->lanes[row->lane].name);
        markdown_cell(page, row->text);
        markdown_row_end(page);
    }
    markdown_table_end(page, more);
    if (line->rows_left_out)
        report_buffer_print(page->out,
                            "\n%" PRIu64 " more records of this run are not "
                            "listed.\n",
                            line->rows_left_out);
}

static void put_bill(struct markdown *page, const struct report_facts *facts)
{
    if (facts->bill_count == 0)
        return;
    markdown_table(page, "Cost", "| Billed | Amount | Cost |", "|---|--:|--:|");
    for (size_t i = 0; i < facts->bill_count; i++) {
        markdown_cell(page, facts->bill[i].name);
        markdown_cell(page, facts->bill[i].amount);
        markdown_cell(page, facts->bill[i].cost ? facts->bill[i].cost : "");
        markdown_row_end(page);
    }
    markdown_table_end(page, more);
}

static void put_platform(struct markdown *page,
                         const struct report_model *model)
{
    const struct report_platform *platform = &model->stats->platform;
    if (platform->cold + platform->warm + platform->throttled > 0) {
        markdown_table(page, "Platform",
                       "| Cold starts | Warm starts | Throttled | Killed | "
                       "Most at once |",
                       "|--:|--:|--:|--:|--:|");
        markdown_count(page, platform->cold);
        markdown_count(page, platform->warm);
        markdown_count(page, platform->throttled);
        markdown_count(page, platform->killed);
        markdown_count(page, platform->environments_max);
        markdown_row_end(page);
        markdown_table_end(page, more);
    }
    put_bill(page, &model->facts);
}

static void put_used(struct markdown *page, const struct report_stats *stats)
{
    markdown_table(page, "Limits used", "| Limit | Used | Allowed |",
                   "|---|--:|--:|");
    for (unsigned i = 0; i < REPORT_LIMITS; i++) {
        if (!stats->used[i].allowed)
            continue;
        markdown_cell(page, report_limit_name(i));
        markdown_count(page, stats->used[i].used);
        markdown_count(page, stats->used[i].allowed);
        markdown_row_end(page);
    }
    markdown_table_end(page, more);
}

static const char *or_none(const char *text)
{
    return text ? text : "";
}

static void put_settings(struct markdown *page,
                         const struct report_facts *facts)
{
    if (facts->setting_count == 0)
        return;
    markdown_table(page, "Configuration",
                   "| Name | Value | Unit | Source | Tag |",
                   "|---|--:|---|---|---|");
    for (size_t i = 0; i < facts->setting_count; i++) {
        const struct report_setting *setting = &facts->settings[i];
        markdown_cell(page, setting->name);
        markdown_cell(page, or_none(setting->value));
        markdown_cell(page, or_none(setting->unit));
        markdown_cell(page, or_none(setting->source));
        markdown_cell(page, or_none(setting->tag));
        markdown_row_end(page);
    }
    markdown_table_end(page, more);
}

static void put_limits(struct markdown *page, const struct report_model *model)
{
    report_buffer_put(page->out,
                      "\n### What this report does not show\n\n"
                      "- One seed. Another order of events may fail where this "
                      "one passed.\n"
                      "- Wall time: all times are virtual, of the simulated "
                      "world.\n- Charts: they are in report.html.\n");
    for (size_t i = 0; i < model->facts.limit_count; i++)
        put_text(page, "- ", model->facts.limits[i], "\n");
}

void report_markdown(const struct report_model *model,
                     struct report_buffer *out)
{
    static const char *const sometimes[2] = {"not in this world", "came true"};
    const struct report_facts *facts = &model->facts;
    const struct report_stats *stats = model->stats;
    struct markdown page;
    markdown_init(&page, out, SIZE_MAX);
    put_head(&page, model);
    put_runs(&page, stats);
    put_properties(&page, facts);
    put_expected(&page, "Expectations", facts->expectations,
                 facts->expectation_count, NULL);
    put_thresholds(&page, facts);
    put_expected(&page, "Sometimes, in one world of a sweep", facts->sometimes,
                 facts->sometimes_count, sometimes);
    put_failures(&page, facts->failures);
    put_faults(&page, stats);
    put_latency(&page, stats);
    put_steps(&page, stats);
    if (model->timeline)
        put_rows(&page, model->timeline);
    put_platform(&page, model);
    put_used(&page, stats);
    put_settings(&page, facts);
    put_limits(&page, model);
    markdown_deinit(&page);
}
