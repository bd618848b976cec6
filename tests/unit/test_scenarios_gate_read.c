/*
 * What the gate reads: reports that are whole or refused, directories of
 * them, and policies.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "reports/content.h"
#include "scenarios/gate_pairs.h"
#include "tests/support/sample_report.h"

struct place {
    char dir[64];
    struct report_buffer json;
};

static void place_open(struct place *place)
{
    static const struct synthetic_options options = {
        .runs = 40, .crash_every = 7, .outage = 1};
    struct sample_report *sample = sample_report_new(&options);
    snprintf(place->dir, sizeof(place->dir), "/tmp/perdure-gate-XXXXXX");
    cr_assert(mkdtemp(place->dir));
    report_buffer_init(&place->json);
    report_json(&sample->model, &place->json);
    cr_assert(report_buffer_ok(&place->json));
    sample_report_free(sample);
}

static void place_close(struct place *place)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", place->dir);
    cr_expect_eq(system(command), 0);
    report_buffer_free(&place->json);
}

/* Writes a file there; the path stays good until the next call. */
static const char *put(const struct place *place, const char *name,
                       const char *text, size_t size)
{
    static _Thread_local char path[256];
    snprintf(path, sizeof(path), "%s/%s", place->dir, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    (void)mkdir(path, 0700);
    *slash = '/';
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    cr_assert_eq(fwrite(text, 1, size, file), size);
    fclose(file);
    return path;
}

/* The report with one text put for another; sealed anew if asked for. */
static const char *put_changed(const struct place *place, const char *name,
                               const char *from, const char *to, bool seal)
{
    char *at = strstr(place->json.text, from);
    cr_assert(at, "%s", from);
    size_t before = (size_t)(at - place->json.text);
    size_t size = place->json.size - strlen(from) + strlen(to);
    char *text = malloc(size + 1);
    snprintf(text, size + 1, "%.*s%s%s", (int)before, place->json.text, to,
             at + strlen(from));
    if (seal)
        report_content_seal(text, size);
    const char *path = put(place, name, text, size);
    free(text);
    return path;
}

static void expect_refused(const char *path, const char *says)
{
    struct gate_entry entry;
    struct json_error err = {0};
    cr_expect_not(gate_read_report(path, &entry, &err), "%s", says);
    cr_expect(strstr(err.text, says), "%s: %s", says, err.text);
    cr_expect_null(entry.path);
}

static const struct report_gate_metric *
metric(const struct report_gate_report *report, const char *name)
{
    size_t at = 0;
    while (at < report->metric_count &&
           strcmp(report->metrics[at].name, name) != 0)
        at++;
    cr_assert_lt(at, report->metric_count, "no %s", name);
    return &report->metrics[at];
}

Test(scenarios_gate_read, a_report_gives_its_figures)
{
    struct place place;
    struct gate_entry entry;
    struct json_error err = {0};
    place_open(&place);
    const char *path =
        put(&place, "report.json", place.json.text, place.json.size);
    cr_assert(gate_read_report(path, &entry, &err), "%s", err.text);
    cr_expect_str_eq(entry.report.scenario, "orders");
    cr_expect_str_eq(entry.report.seed, "18446744073709551615");
    cr_expect_eq(metric(&entry.report, "runs.succeeded")->value, 40);
    cr_expect_eq(metric(&entry.report, "latency.run.count")->value, 40);
    cr_expect_gt(metric(&entry.report, "latency.run.p999_ns")->value,
                 30000000000);
    cr_expect_eq(metric(&entry.report, "throughput")->better, REPORT_GATE_MORE);
    cr_expect_gt(entry.report.property_count, 0);
    cr_expect_not(entry.has_sample);
    gate_entry_free(&entry);
    place_close(&place);
}

Test(scenarios_gate_read, what_is_not_as_it_was_written_is_refused)
{
    struct place place;
    place_open(&place);
    expect_refused(put_changed(&place, "a.json",
                               "\"stuck\": 0,\n    \"succeeded\": 40",
                               "\"succeeded\": 41", false),
                   "content_digest does not match");
    expect_refused(put_changed(&place, "a.json", "perdure.report/1",
                               "perdure.report/2", true),
                   "allowed \"perdure.report/1\"");
    expect_refused(
        put_changed(&place, "a.json", "content_digest", "other_digest", false),
        "found no content_digest");
    expect_refused(put_changed(&place, "a.json",
                               "\"stuck\": 0,\n    \"succeeded\": 40",
                               "\"stuck\": 0,\n    \"succeeded\": -1", true),
                   "allowed");
    expect_refused(
        put_changed(&place, "a.json", "\"stuck\": 0,\n    \"succeeded\": 40",
                    "\"stuck\": 0,\n    \"succeeded\": \"many\"", true),
        "whole number");
    expect_refused(
        put_changed(&place, "a.json", "\"commits\": ", "\"commit\": ", true),
        "commits");
    expect_refused("/tmp", "cannot be read");
    expect_refused("/tmp/perdure-gate-none/x", "No such file");
    place_close(&place);
}

Test(scenarios_gate_read, a_report_cut_short_anywhere_is_refused)
{
    struct place place;
    struct gate_entry entry;
    place_open(&place);
    for (size_t size = 0; size + 2 < place.json.size; size += 97) {
        struct json_error err = {0};
        const char *path = put(&place, "a.json", place.json.text, size);
        cr_expect_not(gate_read_report(path, &entry, &err), "%zu", size);
        cr_expect_neq(err.code, 0);
    }
    place_close(&place);
}

Test(scenarios_gate_read, times_count_only_beside_the_report_they_are_of)
{
    static const char meta[] =
        "{\"digest\": \"%s\", \"finished_unix_ns\": \"1795287500742622262\", "
        "\"machine\": {\"fingerprint\": \"ab\"}, \"schema\": "
        "\"perdure.run-meta/1\", \"wall_ns\": 5}";
    struct place place;
    struct gate_entry entry;
    struct json_error err = {0};
    char text[400], path[256];
    place_open(&place);
    for (int right = 0; right < 2; right++) {
        int size = snprintf(text, sizeof(text), meta,
                            right ? "0000000000abcdef0000000000001234" : "0");
        put(&place, "run-meta.json", text, (size_t)size);
        snprintf(path, sizeof(path), "%s",
                 put(&place, "report.json", place.json.text, place.json.size));
        cr_assert(gate_read_report(path, &entry, &err), "%s", err.text);
        cr_expect_eq(entry.has_sample, right == 1);
        if (right)
            cr_expect_eq(entry.sample.wall_ns, 5);
        gate_entry_free(&entry);
    }
    place_close(&place);
}

Test(scenarios_gate_read, sets_are_matched_by_scenario_and_found_when_renamed)
{
    struct place place;
    struct gate_set sets[2];
    struct gate_pairs pairs;
    struct json_error err = {0};
    char path[128];
    place_open(&place);
    put(&place, "a/one.json", place.json.text, place.json.size);
    put(&place, "a/sweep.json", "{", 1);
    put_changed(&place, "b/two.json", "\"scenario\": \"orders\"",
                "\"scenario\": \"orders-2\"", true);
    put_changed(&place, "b/three.json", "\"seed\": \"18446744073709551615\"",
                "\"seed\": \"7\"", true);
    snprintf(path, sizeof(path), "%s/a", place.dir);
    cr_assert(gate_read_set(path, &sets[0], &err), "%s", err.text);
    snprintf(path, sizeof(path), "%s/b", place.dir);
    cr_assert(gate_read_set(path, &sets[1], &err), "%s", err.text);
    cr_assert(gate_pairs_make(&sets[0], &sets[1], false, &pairs));
    cr_assert_eq(pairs.count, 2);
    cr_expect_eq(pairs.matched, 1);
    cr_expect_eq(pairs.pairs[0].base_count, 0);
    cr_expect(pairs.pairs[1].renamed);
    cr_expect_eq(pairs.pairs[1].base_count, 1);
    gate_pairs_free(&pairs);
    gate_set_free(&sets[0]);
    gate_set_free(&sets[1]);
    place_close(&place);
}

static bool policy(const struct place *place, const char *text,
                   struct report_gate_policy *out, struct json_error *err)
{
    *err = (struct json_error){0};
    return gate_read_policy(put(place, "policy.json", text, strlen(text)), out,
                            err);
}

#define SCHEMA "{\"schema\": \"perdure.gate-policy/1\""

Test(scenarios_gate_read, the_last_budget_that_matches_counts)
{
    struct place place;
    struct report_gate_policy p;
    struct json_error err;
    place_open(&place);
    cr_assert(policy(&place,
                     SCHEMA ", \"default\": \"1%\", \"metrics\": {\"l*\": "
                            "{\"worse\": \"5%\", \"floor\": \"10ms\"}, "
                            "\"lost\": \"exact\"}, \"scenarios\": {\"big-*\": "
                            "{\"default\": \"ignore\"}}, \"missing\": "
                            "\"allowed\", \"wall\": {\"level\": 0.05}}",
                     &p, &err),
              "%s", err.text);
    cr_expect_eq(report_gate_budget_of(&p, "a", "x").worse_ppb, 10000000);
    cr_expect_eq(report_gate_budget_of(&p, "a", "latency").floor, 10000000);
    cr_expect_eq(report_gate_budget_of(&p, "a", "lost").mode,
                 REPORT_GATE_EXACT);
    cr_expect_eq(report_gate_budget_of(&p, "big-a", "lost").mode,
                 REPORT_GATE_IGNORE);
    cr_expect_eq(p.missing, REPORT_GATE_HELD);
    cr_expect(p.wall.wanted);
    gate_policy_free(&p);
    place_close(&place);
}

Test(scenarios_gate_read, a_policy_that_means_nothing_is_refused)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"schema\": \"perdure.gate-policy/2\"}",
        SCHEMA ", \"budget\": \"1%\"}",
        SCHEMA ", \"default\": \"much\"}",
        SCHEMA ", \"default\": \"-1%\"}",
        SCHEMA ", \"default\": {\"worse\": 5}}",
        SCHEMA ", \"metrics\": {\"a\": {\"flor\": 1}}}",
        SCHEMA ", \"metrics\": []}",
        SCHEMA ", \"wall\": {\"level\": 0}}",
        SCHEMA ", \"missing\": \"yes\"}",
        SCHEMA ", \"scenarios\": {\"a\": \"1%\"}}",
    };
    struct place place;
    struct report_gate_policy p;
    struct json_error err;
    place_open(&place);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        cr_expect_not(policy(&place, texts[i], &p, &err), "%s", texts[i]);
    place_close(&place);
}
