/*
 * The gate of a pipeline: new reports against a baseline. What is compared
 * and how is said in reports/gate.h; here it is read, printed and, when it is
 * asked for, accepted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reports/file.h"
#include "scenarios/command.h"
#include "scenarios/gate_pairs.h"
#include "scenarios/options.h"
#include "scenarios/output.h"
#include "scenarios/runner.h"

enum {
    NOTES_MAX = 10, /* lines of a scenario that do not fail it */
    NAME_COLUMNS = 60,
    TEXT_COLUMNS = 400
};

struct gate {
    const char *paths[2]; /* new, base */
    const char *policy_path;
    const char *trend;
    bool json;
    bool accept;
    bool all;
    uint64_t inconclusive; /* index of its exit code */
    struct report_gate_policy policy;
    struct gate_set now;
    struct gate_set base;
    struct gate_pairs pairs;
    struct report_gate_result *results; /* of each pair */
    enum report_gate_outcome outcome;
};

struct arguments {
    struct gate gate;
};

static const char *const inconclusive_codes[] = {"5", "0", NULL};

static const struct option options[] = {
    OPT_TEXT("--policy", gate.policy_path, "FILE",
             "Budgets, and whether the wall clock is judged."),
    OPT_FLAG("--accept", gate.accept,
             "Print the difference, then make the new reports the baseline."),
    OPT_TEXT("--trend", gate.trend, "FILE",
             "Add a line with the figures to FILE."),
    OPT_FLAG("--all", gate.all,
             "Also each figure that became better or stayed within its "
             "budget."),
    OPT_CHOICE("--exit-inconclusive", gate.inconclusive, inconclusive_codes,
               "What it ends with if something cannot be said and nothing "
               "failed. With 0 the headline says so all the same."),
    OPT_FLAG("--json", gate.json, "All of it as JSON on stdout."),
    {.name = NULL}};

/* Reading ------------------------------------------------------------------ */

static bool complain(const struct json_error *err)
{
    fprintf(stderr, "perdure gate: %s\n", err->text);
    return false;
}

/* A baseline that is not there yet is one without reports. */
static bool read_base(struct gate *gate, struct json_error *err)
{
    struct stat status;
    if (gate->accept && stat(gate->paths[1], &status) != 0 && errno == ENOENT) {
        gate->base.directory = gate->now.directory;
        return true;
    }
    return gate_read_set(gate->paths[1], &gate->base, err) || complain(err);
}

static bool read_all(struct gate *gate)
{
    struct json_error err = {0};
    gate_policy_default(&gate->policy);
    if (gate->policy_path &&
        !gate_read_policy(gate->policy_path, &gate->policy, &err))
        return complain(&err);
    if (!gate_read_set(gate->paths[0], &gate->now, &err))
        return complain(&err);
    return read_base(gate, &err);
}

/* Judging ------------------------------------------------------------------ */

/* Runs of one side are of one seed: their records must be the same. */
static void check_repeats(const struct gate_entry *entries, size_t count,
                          const char *whose, struct report_gate_result *result)
{
    for (size_t i = 1; i < count; i++) {
        if (strcmp(entries[i].report.digest, entries[0].report.digest) == 0)
            continue;
        report_gate_say(result, REPORT_GATE_INCONCLUSIVE, "repeats",
                        entries[0].report.scenario,
                        "two runs of the %s side differ: %.120s has digest "
                        "%s, %.120s %s; are they of two versions?",
                        whose, entries[0].path, entries[0].report.digest,
                        entries[i].path, entries[i].report.digest);
        return;
    }
}

/* The samples of these runs, *count of them; NULL: out of memory. */
static struct report_gate_sample *samples_of(const struct gate_entry *entries,
                                             size_t runs, size_t *count)
{
    struct report_gate_sample *samples = calloc(runs + 1, sizeof(*samples));
    *count = 0;
    for (size_t i = 0; samples && i < runs; i++)
        if (entries[i].has_sample)
            samples[(*count)++] = entries[i].sample;
    return samples;
}

static void judge_wall(const struct gate *gate, const struct gate_pair *pair,
                       struct report_gate_result *result)
{
    size_t base_count, now_count;
    struct report_gate_sample *base =
        samples_of(pair->base, pair->base_count, &base_count);
    struct report_gate_sample *now =
        samples_of(pair->now, pair->now_count, &now_count);
    if (base && now)
        report_gate_wall(&gate->policy, base, base_count, now, now_count,
                         result);
    else
        result->failed = true;
    free(base);
    free(now);
}

static void judge_pair(const struct gate *gate, const struct gate_pair *pair,
                       struct report_gate_result *result)
{
    const struct report_gate_report *report = gate_pair_report(pair);
    if (pair->now_count == 0) {
        report_gate_say(result, gate->policy.missing, "missing",
                        report->scenario,
                        "it is in the baseline and was not run");
        return;
    }
    check_repeats(pair->now, pair->now_count, "new", result);
    if (pair->base_count == 0) {
        report_gate_say(result, REPORT_GATE_HELD, "new", report->scenario,
                        "the baseline does not have it; --accept adds it");
        report_gate_alone(report, result);
        return;
    }
    if (pair->renamed)
        report_gate_say(result, REPORT_GATE_HELD, "renamed", report->scenario,
                        "it was %s", pair->base->report.scenario);
    check_repeats(pair->base, pair->base_count, "base", result);
    report_gate_compare(&gate->policy, &pair->base->report, &pair->now->report,
                        result);
    judge_wall(gate, pair, result);
}

/* False: out of memory. */
static bool judge(struct gate *gate)
{
    bool good = true;
    if (!gate_pairs_make(&gate->base, &gate->now, false, &gate->pairs))
        return false;
    gate->results = calloc(gate->pairs.count + 1, sizeof(*gate->results));
    if (!gate->results)
        return false;
    for (size_t i = 0; i < gate->pairs.count; i++) {
        struct report_gate_result *result = &gate->results[i];
        judge_pair(gate, &gate->pairs.pairs[i], result);
        good = good && !result->failed;
        if (result->outcome > gate->outcome)
            gate->outcome = result->outcome;
    }
    return good;
}

/* What it ends with: people may want that what cannot be said passes. */
static int exit_code(const struct gate *gate)
{
    static const int codes[] = {EXIT_HELD, EXIT_INCONCLUSIVE, EXIT_BUDGET,
                                EXIT_PROPERTY};
    if (gate->outcome == REPORT_GATE_INCONCLUSIVE && gate->inconclusive)
        return EXIT_HELD;
    return codes[gate->outcome];
}

/* Text --------------------------------------------------------------------- */

static size_t count_of(const struct gate *gate,
                       enum report_gate_outcome outcome)
{
    size_t count = 0;
    for (size_t i = 0; i < gate->pairs.count; i++)
        count += gate->results[i].outcome == outcome;
    return count;
}

static void print_headline(const struct gate *gate, struct report_buffer *out)
{
    static const char *const words[] = {"PASS", "INCONCLUSIVE", "FAIL", "FAIL"};
    report_buffer_print(
        out,
        "%s  %zu scenarios, %zu matched: %zu held, %zu with a property that "
        "regressed, %zu over a budget, %zu inconclusive.\n",
        words[gate->outcome], gate->pairs.count, gate->pairs.matched,
        count_of(gate, REPORT_GATE_HELD), count_of(gate, REPORT_GATE_PROPERTY),
        count_of(gate, REPORT_GATE_BUDGET),
        count_of(gate, REPORT_GATE_INCONCLUSIVE));
}

static void print_line(const struct report_gate_line *line,
                       struct report_buffer *out)
{
    report_buffer_print(out, "  %-13s ", line->word);
    report_buffer_plain(out, line->name, NAME_COLUMNS);
    report_buffer_put(out, "  ");
    report_buffer_plain(out, line->text, TEXT_COLUMNS);
    report_buffer_put(out, "\n");
}

/* Those that fail it, gravest first; then what else is to be known. */
static void print_lines(const struct gate *gate,
                        const struct report_gate_result *result,
                        struct report_buffer *out)
{
    size_t shown = 0, notes = 0;
    for (int grave = REPORT_GATE_PROPERTY; grave >= 0; grave--) {
        for (size_t i = 0; i < result->count; i++) {
            const struct report_gate_line *line = &result->lines[i];
            if ((int)line->outcome != grave)
                continue;
            notes += grave == REPORT_GATE_HELD;
            if (grave == REPORT_GATE_HELD && notes > NOTES_MAX && !gate->all)
                continue;
            print_line(line, out);
            shown++;
        }
    }
    if (shown < result->count)
        report_buffer_print(out, "  and %zu more lines; --all shows them\n",
                            result->count - shown);
}

static void print_pair(const struct gate *gate, size_t index,
                       struct report_buffer *out)
{
    const struct report_gate_result *result = &gate->results[index];
    const struct report_gate_report *report =
        gate_pair_report(&gate->pairs.pairs[index]);
    if (result->count == 0 && !gate->all)
        return;
    report_buffer_put(out, "\n");
    report_buffer_plain(out, report->scenario, NAME_COLUMNS);
    report_buffer_put(out, ", seed ");
    report_buffer_plain(out, report->seed, 24);
    report_buffer_print(out, ": %s; %zu figures are as they were",
                        report_gate_outcome_name(result->outcome),
                        result->same);
    if (result->differs)
        report_buffer_print(out, ", %zu that are neither good nor bad differ",
                            result->differs);
    report_buffer_put(out, "\n");
    print_lines(gate, result, out);
}

static void print_text(const struct gate *gate, struct report_buffer *out)
{
    print_headline(gate, out);
    for (size_t i = 0; i < gate->pairs.count; i++)
        print_pair(gate, i, out);
    if (gate->outcome == REPORT_GATE_HELD || gate->accept)
        return;
    report_buffer_put(out, "\nIf this is meant: perdure gate ");
    report_buffer_plain(out, gate->paths[0], TEXT_COLUMNS);
    report_buffer_put(out, " ");
    report_buffer_plain(out, gate->paths[1], TEXT_COLUMNS);
    report_buffer_put(out, " --accept\n");
}

/* JSON --------------------------------------------------------------------- */

static void put_string(struct report_buffer *out, const char *name,
                       const char *value)
{
    report_buffer_print(out, "\"%s\": ", name);
    if (value)
        report_buffer_json(out, value, strlen(value));
    else
        report_buffer_put(out, "null");
}

/* A figure; above 2^53 a string, and null for never. */
static void put_figure(struct report_buffer *out, const char *name,
                       uint64_t value)
{
    const char *quote = value > UINT64_C(1) << 53 ? "\"" : "";
    if (value == UINT64_MAX)
        report_buffer_print(out, "\"%s\": null", name);
    else
        report_buffer_print(out, "\"%s\": %s%" PRIu64 "%s", name, quote, value,
                            quote);
}

static void put_line(struct report_buffer *out,
                     const struct report_gate_line *line)
{
    static const char *const units[] = {"count", "ns", "bytes", "microdollars",
                                        "millionths per s"};
    report_buffer_put(out, "\n        {");
    if (line->numbers) {
        put_figure(out, "base", line->base);
        report_buffer_put(out, ", ");
    }
    put_string(out, "name", line->name);
    report_buffer_put(out, ", ");
    if (line->numbers) {
        put_figure(out, "now", line->now);
        report_buffer_put(out, ", ");
    }
    put_string(out, "outcome", report_gate_outcome_name(line->outcome));
    report_buffer_put(out, ", ");
    put_string(out, "text", line->text);
    report_buffer_put(out, ", ");
    if (line->numbers) {
        put_string(out, "unit", units[line->unit]);
        report_buffer_put(out, ", ");
    }
    put_string(out, "word", line->word);
    report_buffer_put(out, "}");
}

static void put_pair(const struct gate *gate, size_t index,
                     struct report_buffer *out)
{
    const struct gate_pair *pair = &gate->pairs.pairs[index];
    const struct report_gate_result *result = &gate->results[index];
    const struct report_gate_report *report = gate_pair_report(pair);
    report_buffer_print(out,
                        "%s\n    {\n      \"differs\": %zu,\n      "
                        "\"lines\": [",
                        index ? "," : "", result->differs);
    for (size_t i = 0; i < result->count; i++) {
        report_buffer_put(out, i ? "," : "");
        put_line(out, &result->lines[i]);
    }
    report_buffer_put(out, result->count ? "\n      ],\n      " : "],\n      ");
    put_string(out, "name", report->scenario);
    report_buffer_put(out, ",\n      ");
    put_string(out, "outcome", report_gate_outcome_name(result->outcome));
    report_buffer_print(out,
                        ",\n      \"runs_base\": %zu,\n      \"runs_new\": "
                        "%zu,\n      \"same\": %zu,\n      ",
                        pair->base_count, pair->now_count, result->same);
    put_string(out, "seed", report->seed);
    report_buffer_put(out, "\n    }");
}

static void print_json(const struct gate *gate, struct report_buffer *out)
{
    report_buffer_put(out, "{\n  ");
    put_string(out, "base", gate->paths[1]);
    report_buffer_print(out, ",\n  \"exit\": %d,\n  \"matched\": %zu,\n  ",
                        exit_code(gate), gate->pairs.matched);
    put_string(out, "new", gate->paths[0]);
    report_buffer_put(out, ",\n  ");
    put_string(out, "outcome", report_gate_outcome_name(gate->outcome));
    report_buffer_put(out, ",\n  ");
    put_string(out, "policy", gate->policy_path);
    report_buffer_put(out, ",\n  \"scenarios\": [");
    for (size_t i = 0; i < gate->pairs.count; i++)
        put_pair(gate, i, out);
    report_buffer_put(out, gate->pairs.count ? "\n  ],\n  " : "],\n  ");
    put_string(out, "schema", "perdure.gate/1");
    report_buffer_put(out, ",\n  ");
    put_string(out, "version", runner_version());
    report_buffer_put(out, "\n}\n");
}

/* The baseline ------------------------------------------------------------- */

/* Where a report goes that has no place yet: names are not trusted. */
static bool new_place(const struct gate *gate,
                      const struct report_gate_report *report, char *path,
                      size_t size)
{
    char name[sizeof(report->scenario)];
    snprintf(name, sizeof(name), "%s", report->scenario);
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "0123456789-_",
                    *c))
            *c = '_';
    int length = snprintf(path, size, "%s/%s.seed-%s.json", gate->paths[1],
                          name, report->seed);
    return length < (int)size;
}

static bool write_report(const char *from, const char *to)
{
    struct json_error err = {0};
    size_t size = 0;
    char *bytes = gate_read_bytes(from, &size, &err);
    if (!bytes)
        return complain(&err);
    bool good = report_file_write(to, bytes, size) == 0;
    if (!good)
        fprintf(stderr, "perdure gate: \"%.300s\" could not be written: %s\n",
                to, strerror(errno));
    free(bytes);
    return good;
}

static int accept_pair(const struct gate *gate, const struct gate_pair *pair)
{
    char path[GATE_PATH_MAX];
    const char *to = path;
    if (pair->now_count == 0) {
        fprintf(stderr, "kept:     %s (remove it if it is not to be run)\n",
                pair->base->path);
        return EXIT_HELD;
    }
    if (!gate->base.directory)
        to = gate->paths[1];
    else if (pair->base_count && !pair->renamed)
        to = pair->base->path;
    else if (!new_place(gate, &pair->now->report, path, sizeof(path)))
        return EXIT_ENVIRONMENT;
    if (!write_report(pair->now->path, to))
        return EXIT_ENVIRONMENT;
    fprintf(stderr, "accepted: %s\n", to);
    if (pair->renamed && gate->base.directory)
        fprintf(stderr, "kept:     %s (it has another name now: remove it)\n",
                pair->base->path);
    return EXIT_HELD;
}

static bool is_acceptable(const struct gate *gate)
{
    for (size_t i = 0; i < gate->now.count; i++) {
        if (!gate->now.entries[i].report.incomplete)
            continue;
        fprintf(stderr,
                "perdure gate: \"%.300s\": its run was cut short; nothing is "
                "accepted\n",
                gate->now.entries[i].path);
        return false;
    }
    return true;
}

static int accept(const struct gate *gate)
{
    if (!is_acceptable(gate))
        return EXIT_USAGE;
    if (gate->base.directory && output_directory(gate->paths[1]) != EXIT_HELD)
        return EXIT_ENVIRONMENT;
    for (size_t i = 0; i < gate->pairs.count; i++) {
        int code = accept_pair(gate, &gate->pairs.pairs[i]);
        if (code != EXIT_HELD)
            return code;
    }
    return EXIT_HELD;
}

/* The trend ---------------------------------------------------------------- */

/* Figures that say how good it is, without those of single parts. */
static bool is_trend(const struct report_gate_metric *metric)
{
    return metric->better != REPORT_GATE_NEITHER &&
           strncmp(metric->name, "step.", 5) != 0 &&
           strncmp(metric->name, "effect.", 7) != 0 &&
           strncmp(metric->name, "platform.", 9) != 0;
}

static void put_trend(const struct gate *gate, size_t index,
                      struct report_buffer *out)
{
    const struct report_gate_report *report =
        gate_pair_report(&gate->pairs.pairs[index]);
    bool any = false;
    report_buffer_put(out, "{");
    put_string(out, "digest", report->digest);
    report_buffer_put(out, ", \"metrics\": {");
    for (size_t i = 0; i < report->metric_count; i++) {
        const struct report_gate_metric *metric = &report->metrics[i];
        if (!is_trend(metric))
            continue;
        report_buffer_put(out, any ? ", " : "");
        report_buffer_json(out, metric->name, strlen(metric->name));
        if (metric->value == UINT64_MAX)
            report_buffer_put(out, ": null");
        else
            report_buffer_print(out, ": %" PRIu64, metric->value);
        any = true;
    }
    report_buffer_put(out, "}, ");
    put_string(out, "name", report->scenario);
    report_buffer_put(out, ", ");
    put_string(out, "outcome",
               report_gate_outcome_name(gate->results[index].outcome));
    report_buffer_put(out, ", ");
    put_string(out, "seed", report->seed);
    report_buffer_put(out, "}");
}

/* One line of the file; ends one first that was left unfinished. */
static bool append(const char *path, const struct report_buffer *line)
{
    int file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    char last = '\n';
    if (file < 0)
        return false;
    off_t size = lseek(file, 0, SEEK_END);
    bool good = size <= 0 || pread(file, &last, 1, size - 1) == 1;
    if (good && last != '\n')
        good = write(file, "\n", 1) == 1;
    good = good && report_buffer_ok(line) &&
           write(file, line->text, line->size) == (ssize_t)line->size;
    return close(file) == 0 && good;
}

static int add_trend(const struct gate *gate)
{
    struct report_buffer line;
    bool any = false;
    report_buffer_init(&line);
    report_buffer_put(&line, "{");
    put_string(&line, "outcome", report_gate_outcome_name(gate->outcome));
    report_buffer_put(&line, ", \"scenarios\": [");
    for (size_t i = 0; i < gate->pairs.count; i++) {
        if (gate->pairs.pairs[i].now_count == 0)
            continue;
        report_buffer_put(&line, any ? ", " : "");
        put_trend(gate, i, &line);
        any = true;
    }
    report_buffer_put(&line, "], ");
    put_string(&line, "schema", "perdure.trend/1");
    report_buffer_print(&line, ", \"unix_s\": %" PRIu64 ", ",
                        (uint64_t)time(NULL));
    put_string(&line, "version", runner_version());
    report_buffer_put(&line, "}\n");
    bool good = append(gate->trend, &line);
    if (!good)
        fprintf(stderr, "perdure gate: \"%.300s\" could not be written: %s\n",
                gate->trend, strerror(errno));
    report_buffer_free(&line);
    return good ? EXIT_HELD : EXIT_ENVIRONMENT;
}

/* -------------------------------------------------------------------------- */

/* Nothing compared is nothing gated: an error, unless it is to begin. */
static bool is_empty(const struct gate *gate)
{
    if (gate->pairs.matched > 0 ||
        (gate->accept && gate->pairs.count > 0 && gate->base.count == 0))
        return false;
    fprintf(stderr,
            "perdure gate: no scenario of \"%.200s\" (%zu reports) is in "
            "\"%.200s\" (%zu reports): nothing was compared; reports are "
            "matched by scenario and seed, a first baseline is made by "
            "--accept where there is none\n",
            gate->paths[0], gate->now.count, gate->paths[1], gate->base.count);
    return true;
}

static int finish(const struct gate *gate)
{
    struct report_buffer out;
    report_buffer_init(&out);
    if (gate->json)
        print_json(gate, &out);
    else
        print_text(gate, &out);
    int code = output_print(&out, exit_code(gate));
    int other = EXIT_HELD;
    if (code == EXIT_INTERNAL)
        return code;
    if (gate->trend)
        other = add_trend(gate);
    if (gate->accept && other == EXIT_HELD) {
        other = accept(gate);
        code = EXIT_HELD;
    }
    return other != EXIT_HELD ? other : code;
}

static void deinit(struct gate *gate)
{
    for (size_t i = 0; gate->results && i < gate->pairs.count; i++)
        report_gate_result_free(&gate->results[i]);
    free(gate->results);
    gate_pairs_free(&gate->pairs);
    gate_set_free(&gate->now);
    gate_set_free(&gate->base);
    gate_policy_free(&gate->policy);
}

static int run(int argc, char **argv)
{
    struct arguments a = {.gate = {.json = false}};
    struct gate *gate = &a.gate;
    int code = EXIT_USAGE;
    if (options_read(argc, argv, &command_gate, &a, gate->paths) < 0)
        return code;
    if (read_all(gate)) {
        if (!judge(gate)) {
            fprintf(stderr, "perdure gate: out of memory\n");
            code = EXIT_INTERNAL;
        } else if (!is_empty(gate)) {
            code = finish(gate);
        }
    }
    deinit(gate);
    return code;
}

const struct command command_gate = {
    .name = "gate",
    .group = COMMAND_COMPARE,
    .synopsis = "NEW BASE [OPTIONS]",
    .summary = "hold new reports against a baseline",
    .about = "Holds new reports against a baseline; each is a report.json or a "
             "directory of them, matched by scenario and seed. Properties and "
             "expectations come first, then figures in virtual time, which "
             "are compared as they stand or within the budgets of a policy. "
             "Exits with 3 if a property regressed, 4 if an expectation or a "
             "budget was missed, 5 if something cannot be said, 2 if a report "
             "cannot be read or nothing matched.",
    .options = options,
    .rest_min = 2,
    .rest_max = 2,
    .run = run};
