#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faults/defects.h"
#include "reports/format.h"
#include "scenarios/command.h"
#include "scenarios/export.h"
#include "scenarios/interrupt.h"
#include "scenarios/keep_database.h"
#include "scenarios/machine.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"
#include "scenarios/replay.h"
#include "scenarios/reproduce.h"
#include "scenarios/runner.h"

enum {
    DEFECTS_MAX = REPLAY_DEFECTS_MAX,
    COMMAND_SIZE = 1024
};

struct arguments {
    const char *file;
    const char *out;
    const char *trace;
    const char *database;
    const char *formats; /* of --export; NULL: none */
    uint64_t seed;
    bool has_seed;
    bool json;
    bool golden;
    bool paranoid;
    bool force; /* also a reproduction that is not to be trusted */
    const char *defects[DEFECTS_MAX];
    uint32_t defect_count;
};

/* Arguments --------------------------------------------------------------- */

static bool parse_seed(const char *text, uint64_t *seed)
{
    char *end;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static bool usage(const char *command, const char *format, const char *what)
{
    fprintf(stderr, "perdure %s: ", command);
    fprintf(stderr, format, what);
    fprintf(stderr, "; see perdure --help\n");
    return false;
}

static bool check_defect(const char *command, const char *name)
{
    if (fault_defect_find(name))
        return true;
    fprintf(stderr, "perdure %s: found defect \"%.40s\", allowed", command,
            name);
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++)
        fprintf(stderr, "%s %s", i ? "," : "", fault_defect_at(i)->name);
    fprintf(stderr, "\n");
    return false;
}

/* One option with its value, if it has one. False: refused, and said so. */
static bool parse_option(const char *command, bool replay,
                         struct arguments *arguments, const char *option,
                         const char *value, int *used)
{
    *used = 1;
    if (strcmp(option, "--json") == 0) {
        arguments->json = true;
        return true;
    }
    if (!replay && strcmp(option, "--golden") == 0) {
        arguments->golden = true;
        return true;
    }
    if (!replay && strcmp(option, "--paranoid") == 0) {
        arguments->paranoid = true;
        return true;
    }
    if (!replay && strcmp(option, "--force") == 0) {
        arguments->force = true;
        return true;
    }
    *used = 2;
    bool known = strcmp(option, "--out") == 0 ||
                 strcmp(option, "--trace") == 0 ||
                 strcmp(option, "--export") == 0 ||
                 (!replay && (strcmp(option, "--seed") == 0 ||
                              strcmp(option, "--defect") == 0 ||
                              strcmp(option, "--database") == 0));
    if (!known)
        return usage(command,
                     replay ? "found \"%.40s\", allowed --out DIR, --json, "
                              "--trace FILE, --export LIST"
                            : "found \"%.40s\", allowed --seed N, --out DIR, "
                              "--json, --defect NAME, --golden, --paranoid, "
                              "--trace FILE, --database FILE, --force, "
                              "--export LIST",
                     option);
    if (!value)
        return usage(command, "found %s without a value", option);
    if (strcmp(option, "--out") == 0) {
        arguments->out = value;
        return true;
    }
    if (strcmp(option, "--trace") == 0) {
        arguments->trace = value;
        return true;
    }
    if (strcmp(option, "--database") == 0) {
        arguments->database = value;
        return true;
    }
    if (strcmp(option, "--export") == 0) {
        arguments->formats = value;
        return export_list_check(command, value);
    }
    if (strcmp(option, "--seed") == 0) {
        arguments->has_seed = true;
        return parse_seed(value, &arguments->seed) ||
               usage(command,
                     "found seed \"%.40s\", allowed a whole number from 0 to "
                     "18446744073709551615",
                     value);
    }
    if (arguments->defect_count == DEFECTS_MAX)
        return usage(command, "found more than %s defects", "32");
    arguments->defects[arguments->defect_count++] = value;
    return check_defect(command, value);
}

static bool parse(int argc, char **argv, bool replay,
                  struct arguments *arguments)
{
    *arguments = (struct arguments){0};
    for (int i = 1; i < argc;) {
        int used = 1;
        if (strncmp(argv[i], "--", 2) == 0) {
            if (!parse_option(argv[0], replay, arguments, argv[i],
                              i + 1 < argc ? argv[i + 1] : NULL, &used))
                return false;
        } else if (arguments->file) {
            return usage(argv[0], "found a second file \"%.80s\", allowed one",
                         argv[i]);
        } else {
            arguments->file = argv[i];
        }
        i += used;
    }
    if (!arguments->file)
        return usage(argv[0], "found no file, allowed %s",
                     replay ? "the report.json of a run" : "a scenario");
    if (!arguments->out && arguments->json && arguments->formats)
        return usage(argv[0],
                     "found %s and --json without --out DIR: there "
                     "is no place for its files",
                     "--export");
    if (!arguments->out && !arguments->json)
        arguments->out = "perdure-report";
    return true;
}

/* Output ------------------------------------------------------------------ */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void write_machine(struct report_buffer *out)
{
    struct machine machine;
    machine_describe(&machine);
    report_buffer_put(out, "  \"machine\": {\n    \"cores\": ");
    report_buffer_print(out, "%" PRIu64 ",\n", machine.cores);
    output_member(out, "cpu", machine.cpu, ",\n");
    output_member(out, "fingerprint", machine.fingerprint, ",\n");
    output_member(out, "system", machine.system, "\n  },\n");
}

/* What is true of this machine and this moment only, and of which run. */
static void write_meta(struct report_buffer *out, uint64_t wall_ns,
                       const struct runner *runner)
{
    struct runner_counts counts = runner_counts(runner);
    struct report_word digest;
    uint64_t rate =
        wall_ns ? counts.commits * 1000000 / (wall_ns / 1000 + 1) : 0;
    uint64_t now = now_ns();
    report_buffer_print(
        out,
        "{\n  \"commits_per_second\": %" PRIu64
        ",\n  \"digest\": \"%s\",\n  \"events\": %" PRIu64
        ",\n  \"finished_unix_ns\": \"%" PRIu64
        "\",\n  \"finished_unix_s\": %" PRIu64 ",\n",
        rate, report_format_digest(&digest, runner_model(runner)->facts.digest),
        counts.events, now, now / 1000000000);
    write_machine(out);
    report_buffer_print(out,
                        "  \"schema\": \"perdure.run-meta/1\",\n"
                        "  \"wall_ns\": %" PRIu64 "\n}\n",
                        wall_ns);
}

static bool write_files(const struct arguments *arguments,
                        const struct runner *runner, uint64_t wall_ns,
                        const struct report_buffer *json)
{
    if (!arguments->out)
        return true;
    struct report_buffer html;
    struct report_buffer meta;
    report_buffer_init(&html);
    report_buffer_init(&meta);
    report_html(runner_model(runner), report_library(), &html);
    write_meta(&meta, wall_ns, runner);
    bool good = output_write(arguments->out, "report.html", &html) &&
                output_write(arguments->out, "report.json", json) &&
                output_write(arguments->out, "run-meta.json", &meta) &&
                (!arguments->formats ||
                 export_list_write(arguments->formats, arguments->out,
                                   runner_model(runner), json));
    report_buffer_free(&html);
    report_buffer_free(&meta);
    return good;
}

static bool wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && (!no_colour || !*no_colour);
}

/* The report and where it went, then what repeats it: the last line. */
static bool print_summary(const struct arguments *arguments,
                          const struct runner *runner,
                          const struct report_buffer *json)
{
    struct report_buffer text;
    report_buffer_init(&text);
    if (!arguments->json) {
        if (arguments->out)
            fprintf(stderr, "report: %s/report.html\n", arguments->out);
        report_text(runner_model(runner), &text,
                    wants_colour() ? REPORT_TEXT_COLOUR : 0);
    }
    const struct report_buffer *out = arguments->json ? json : &text;
    bool good = report_buffer_ok(out) &&
                fwrite(out->text, 1, out->size, stdout) == out->size &&
                fflush(stdout) == 0;
    report_buffer_free(&text);
    return good;
}

static int exit_code(const struct report_model *model)
{
    if (*interrupt_flag())
        return EXIT_INTERRUPTED;
    switch (model->verdict) {
    case CHECK_PASS:
    case CHECK_EXCUSED:
        return EXIT_HELD;
    case CHECK_FAIL:
        return model->failed > 0 ? EXIT_PROPERTY : EXIT_BUDGET;
    case CHECK_INCONCLUSIVE:
        return EXIT_INCONCLUSIVE;
    }
    return EXIT_INTERNAL;
}

/* Running ----------------------------------------------------------------- */

/* Runs it, writes everything; *digest (33 bytes) is the run's. */
static bool open_trace(const struct arguments *arguments, FILE **trace)
{
    *trace = arguments->trace ? fopen(arguments->trace, "w") : NULL;
    if (*trace || !arguments->trace)
        return true;
    fprintf(stderr, "perdure: the trace \"%.200s\" cannot be written: %s\n",
            arguments->trace, strerror(errno));
    return false;
}

static int run_scenario(const struct scenario *scenario,
                        const struct arguments *arguments, const char *command,
                        char *digest)
{
    char message[512];
    struct progress_line progress;
    struct runner_options options = {
        .seed = arguments->seed,
        .defects = arguments->defects,
        .defect_count = arguments->defect_count,
        .golden = arguments->golden,
        .paranoid = arguments->paranoid,
        .database = arguments->database,
        .command = command,
        .interrupted = interrupt_flag(),
        .progress = progress_line_tell,
        .progress_self = &progress,
    };
    if (!open_trace(arguments, &options.trace))
        return EXIT_ENVIRONMENT;
    interrupt_catch();
    progress_line_start(&progress, "run", NULL);
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    if (options.trace && fclose(options.trace) != 0)
        fprintf(stderr, "perdure: the trace is incomplete: %s\n",
                strerror(errno));
    progress_line_end(&progress);
    if (!runner) {
        fprintf(stderr, "perdure: %s\n", message);
        return EXIT_INTERNAL;
    }
    uint64_t took = progress_line_elapsed(&progress);
    struct report_buffer json;
    struct report_word word;
    report_buffer_init(&json);
    report_json(runner_model(runner), &json);
    snprintf(digest, 33, "%s",
             report_format_digest(&word, runner_model(runner)->facts.digest));
    int code = exit_code(runner_model(runner));
    if (!write_files(arguments, runner, took, &json))
        code = EXIT_ENVIRONMENT;
    if (!print_summary(arguments, runner, &json) && errno != EPIPE)
        code = EXIT_INTERNAL;
    report_buffer_free(&json);
    runner_free(runner);
    return code;
}

/* What was asked for beside the run goes into the line that repeats it. */
static void add_checks(char *text, size_t size,
                       const struct arguments *arguments)
{
    size_t at = strlen(text);
    snprintf(text + at, size - at, "%s%s", arguments->golden ? " --golden" : "",
             arguments->paranoid ? " --paranoid" : "");
}

/* A reproduction says of which run it is. */
static bool trust(const struct scenario *scenario,
                  const struct arguments *arguments)
{
    char message[512];
    if (arguments->force ||
        reproduce_check(scenario, message, sizeof(message)) == 0)
        return true;
    fprintf(stderr, "perdure run: %.300s: %s\n", arguments->file, message);
    return false;
}

/* Whether there will be a database to keep, if that is asked for. */
static bool may_keep(const struct scenario *scenario,
                     const struct arguments *arguments)
{
    char message[512];
    if (!arguments->database ||
        keep_database_check(scenario, arguments->database, message,
                            sizeof(message)) == 0)
        return true;
    fprintf(stderr, "perdure run: %.300s: %s\n", arguments->file, message);
    return false;
}

/* Whether it was the run that it reproduces, if that was asked for. */
static int compare_reproduction(const struct scenario *scenario,
                                const struct arguments *arguments,
                                const char *digest, int code)
{
    const struct scenario_reproduces *made = &scenario->reproduces;
    if (!made->property[0] || !digest[0] || code == EXIT_INTERRUPTED ||
        arguments->seed != scenario->seed || arguments->defect_count > 0)
        return code;
    bool same = strcmp(digest, made->digest) == 0;
    if (same)
        fprintf(stderr, "reproduction: same digest %s\n", digest);
    else
        fprintf(stderr,
                "reproduction: found digest %s, expected %s: this is another "
                "run than the one that was saved\n",
                digest, made->digest);
    return same || arguments->force ? code : EXIT_INTERNAL;
}

int command_run(int argc, char **argv)
{
    struct arguments arguments;
    if (!parse(argc, argv, false, &arguments))
        return EXIT_USAGE;
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(arguments.file, &error);
    if (!scenario) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_USAGE;
    }
    if (!arguments.has_seed)
        arguments.seed = scenario->seed;
    char command[COMMAND_SIZE];
    char digest[33] = "";
    replay_line(command, sizeof(command), arguments.file, arguments.seed,
                arguments.defects, arguments.defect_count);
    add_checks(command, sizeof(command), &arguments);
    int code = trust(scenario, &arguments) && may_keep(scenario, &arguments)
                   ? EXIT_HELD
                   : EXIT_USAGE;
    if (code == EXIT_HELD && arguments.out)
        code = output_directory(arguments.out);
    if (code == EXIT_HELD) {
        code = run_scenario(scenario, &arguments, command, digest);
        code = compare_reproduction(scenario, &arguments, digest, code);
    }
    scenario_free(scenario);
    return code;
}

int command_replay(int argc, char **argv)
{
    struct arguments arguments;
    struct replay replay;
    struct json_error error = {0};
    if (!parse(argc, argv, true, &arguments))
        return EXIT_USAGE;
    if (replay_read(arguments.file, &replay, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_USAGE;
    }
    arguments.seed = replay.seed;
    for (uint32_t i = 0; i < replay.defect_count; i++) {
        arguments.defects[i] = replay.defects[i];
        if (!check_defect("replay", replay.defects[i])) {
            replay_deinit(&replay);
            return EXIT_USAGE;
        }
    }
    arguments.defect_count = replay.defect_count;
    arguments.golden = replay.golden;
    arguments.paranoid = replay.paranoid;
    char digest[33] = "";
    int code = arguments.out ? output_directory(arguments.out) : EXIT_HELD;
    if (code == EXIT_HELD)
        code =
            run_scenario(replay.scenario, &arguments, replay.command, digest);
    if (digest[0] && !*interrupt_flag() && strcmp(digest, replay.digest) != 0) {
        fprintf(stderr,
                "perdure replay: found digest %s, expected %s as in "
                "\"%.200s\": the run did not repeat; was it written by "
                "another version?\n",
                digest, replay.digest, arguments.file);
        code = EXIT_INTERNAL;
    } else if (digest[0] && !*interrupt_flag()) {
        fprintf(stderr, "replay: same digest %s\n", digest);
    }
    replay_deinit(&replay);
    return code;
}
