#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reports/format.h"
#include "scenarios/command.h"
#include "scenarios/export.h"
#include "scenarios/interrupt.h"
#include "scenarios/keep_database.h"
#include "scenarios/machine.h"
#include "scenarios/names.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"
#include "scenarios/replay.h"
#include "scenarios/reproduce.h"
#include "scenarios/runner.h"
#include "scenarios/terminal.h"

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
    struct option_seed seed;
    uint64_t json; /* enum output_json */
    bool golden;
    bool paranoid;
    bool force; /* also a reproduction that is not to be trusted */
    bool quiet;
    bool no_colour;
    struct option_texts defects;
    uint64_t show;      /* a run whose timeline is wanted; 0: whichever */
    const char *record; /* what --record says; NULL: all */
    struct recording recording;
};

/* Arguments --------------------------------------------------------------- */

#define OPT_REPORT_OUT                                                         \
    OPT_OUT(out, "DIR",                                                        \
            "Where report.html, report.json and run-meta.json go (default "    \
            "perdure-report); it is made if it is not there.")
#define OPT_REPORT_JSON                                                        \
    OPT_MODE("--json", json, output_json_modes,                                \
             "report.json on stdout; files only with --out. With lines: "      \
             "events as lines of JSON while it runs, then the report as the "  \
             "last line.")
#define OPT_REPORT_TRACE                                                       \
    OPT_TEXT("--trace", trace, "FILE", "One line for each record of the run.")
#define OPT_REPORT_EXPORT                                                      \
    OPT_TEXT("--export", formats, "LIST",                                      \
             "Files for other tools beside report.json: of hgrm, hlog, "       \
             "junit, openmetrics, bmf, github-summary and "                    \
             "github-annotations those that are named, with commas between "   \
             "them. docs/formats.md says what each holds.")
#define OPT_REPORT_RECORD                                                      \
    OPT_TEXT("--record", record, "WHAT",                                       \
             "Which runs are recorded for timelines, --trace and the "         \
             "traces of --export: full (default), off, or a share of "         \
             "them such as sample=1%, chosen by their number. Verdict, "       \
             "properties, figures and digest are of all runs.")
#define OPT_REPORT_QUIET                                                       \
    OPT_QUIET(quiet, "No progress, and nothing on stderr but errors.")
#define OPT_REPORT_COLOUR                                                      \
    OPT_FLAG(                                                                  \
        "--no-color", no_colour,                                               \
        "No colours, as with NO_COLOR set; CLICOLOR_FORCE set gives them "     \
        "where there is no terminal.")

static const struct option run_options[] = {
    OPT_SEED("--seed", seed,
             "Which of the scenario's worlds (default: its own)."),
    OPT_REPORT_OUT,
    OPT_REPORT_JSON,
    OPT_NAMES("--defect", defects, "NAME", names_defect,
              "Switch a seeded defect on; may be repeated."),
    OPT_FLAG("--golden", golden,
             "Run the same world without faults first, and judge whether each "
             "run came out the same (S8)."),
    OPT_FLAG("--paranoid", paranoid,
             "Fold the log of each run anew after each event, and judge "
             "whether its owner holds the same (S7)."),
    OPT_NUMBER("--show", show, 1, UINT64_MAX,
               "The run whose timeline the report has first, by its number "
               "(default: one that tells most)."),
    OPT_REPORT_TRACE,
    OPT_REPORT_RECORD,
    OPT_TEXT("--database", database, "FILE",
             "Keep the database as it is at the end, for the commands on a "
             "database: of worlds on SQLite, and never over a file that is "
             "there."),
    OPT_FLAG("--force", force,
             "Run a reproduction also if another version made it, or if it "
             "was changed."),
    OPT_REPORT_EXPORT,
    OPT_REPORT_QUIET,
    OPT_REPORT_COLOUR,
    {.name = NULL}};

static const struct option replay_options[] = {
    OPT_REPORT_OUT,   OPT_REPORT_JSON,   OPT_REPORT_TRACE, OPT_REPORT_EXPORT,
    OPT_REPORT_QUIET, OPT_REPORT_COLOUR, {.name = NULL}};

static bool refuse(const char *command, const char *what)
{
    fprintf(stderr, "perdure %s: found %s; see perdure %s --help\n", command,
            what, command);
    return false;
}

static bool parse_record(const char *command, struct arguments *arguments)
{
    const char *why = NULL;
    if (!arguments->record)
        return true;
    if (!recording_read(arguments->record, &arguments->recording, &why)) {
        fprintf(stderr, "perdure %s: found --record \"%.40s\": %s\n", command,
                arguments->record, why);
        return false;
    }
    if (arguments->trace && !recording_keeps_any(&arguments->recording))
        return refuse(command, "--trace and --record off: nothing would be in "
                               "the trace");
    return true;
}

static bool parse(int argc, char **argv, const struct command *command,
                  struct arguments *arguments)
{
    *arguments = (struct arguments){0};
    if (options_read(argc, argv, command, arguments, &arguments->file) < 0)
        return false;
    if (arguments->formats &&
        !export_list_check(command->name, arguments->formats))
        return false;
    if (arguments->defects.count > DEFECTS_MAX)
        return refuse(command->name, "more than 32 defects");
    if (!parse_record(command->name, arguments))
        return false;
    if (!arguments->out && arguments->json && arguments->formats)
        return refuse(command->name,
                      "--export and --json without --out DIR: there is no "
                      "place for its files");
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
    bool good =
        output_write(arguments->out, "report.html", &html) &&
        output_write(arguments->out, "report.json", json) &&
        output_write(arguments->out, "run-meta.json", &meta) &&
        (!arguments->formats ||
         export_list_write(arguments->formats, arguments->out,
                           runner_model(runner), runner_collect(runner), json));
    report_buffer_free(&html);
    report_buffer_free(&meta);
    return good;
}

/* The report and where it went, then what repeats it: the last line. */
static int print_summary(const struct arguments *arguments,
                         const struct runner *runner,
                         const struct report_buffer *json, int code)
{
    struct report_buffer text;
    if (arguments->json)
        return output_json(json, arguments->json, code);
    if (arguments->out && !arguments->quiet)
        fprintf(stderr, "report: %s/report.html\n", arguments->out);
    report_buffer_init(&text);
    report_text(runner_model(runner), &text,
                terminal_colour(STDOUT_FILENO, arguments->no_colour)
                    ? REPORT_TEXT_COLOUR
                    : 0);
    return output_print(&text, code);
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

/* A run that was asked for by a number that it does not have. */
static void say_shown(const struct arguments *arguments,
                      const struct report_model *model)
{
    uint64_t shown = model->timeline ? model->timeline->run : 0;
    if (arguments->show && arguments->show != shown)
        fprintf(stderr,
                "perdure run: found --show %" PRIu64
                ", allowed a run that has begun and whose records are kept, of "
                "%" PRIu64 "; the report shows run %" PRIu64 " instead\n",
                arguments->show, model->stats->runs.started, shown);
}

static int run_scenario(const struct scenario *scenario,
                        const struct arguments *arguments, const char *command,
                        char *digest)
{
    char message[512];
    struct progress_line progress;
    struct runner_options options = {
        .seed = arguments->seed.value,
        .record = arguments->recording,
        .defects = arguments->defects.texts,
        .defect_count = arguments->defects.count,
        .golden = arguments->golden,
        .paranoid = arguments->paranoid,
        .show = arguments->show,
        .database = arguments->database,
        .command = command,
        .interrupted = interrupt_flag(),
        .progress = progress_line_tell,
        .progress_self = &progress,
    };
    if (!open_trace(arguments, &options.trace))
        return EXIT_ENVIRONMENT;
    interrupt_catch();
    output_json_start(arguments->json, "run", scenario->name, &options.seed);
    progress_line_start(&progress, "run",
                        arguments->json == OUTPUT_JSON_LINES ? stdout : NULL);
    progress.quiet = arguments->quiet;
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
    say_shown(arguments, runner_model(runner));
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
    code = print_summary(arguments, runner, &json, code);
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
        arguments->seed.value != scenario->seed || arguments->defects.count > 0)
        return code;
    bool same = strcmp(digest, made->digest) == 0;
    if (same && arguments->quiet)
        return code;
    if (same)
        fprintf(stderr, "reproduction: same digest %s\n", digest);
    else
        fprintf(stderr,
                "reproduction: found digest %s, expected %s: this is another "
                "run than the one that was saved\n",
                digest, made->digest);
    return same || arguments->force ? code : EXIT_INTERNAL;
}

static int run(int argc, char **argv)
{
    struct arguments arguments;
    if (!parse(argc, argv, &command_run, &arguments))
        return EXIT_USAGE;
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(arguments.file, &error);
    if (!scenario) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_USAGE;
    }
    if (!arguments.seed.given)
        arguments.seed.value = scenario->seed;
    char command[COMMAND_SIZE];
    char digest[33] = "";
    replay_line(command, sizeof(command), arguments.file, arguments.seed.value,
                arguments.defects.texts, arguments.defects.count);
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

static int replay(int argc, char **argv)
{
    struct arguments arguments;
    struct replay saved;
    struct json_error error = {0};
    if (!parse(argc, argv, &command_replay, &arguments))
        return EXIT_USAGE;
    if (replay_read(arguments.file, &saved, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_USAGE;
    }
    arguments.seed.value = saved.seed;
    for (uint32_t i = 0; i < saved.defect_count; i++) {
        arguments.defects.texts[i] = saved.defects[i];
        if (!options_check_name("replay", "defect", saved.defects[i],
                                names_defect)) {
            replay_deinit(&saved);
            return EXIT_USAGE;
        }
    }
    arguments.defects.count = saved.defect_count;
    arguments.golden = saved.golden;
    arguments.paranoid = saved.paranoid;
    char digest[33] = "";
    int code = arguments.out ? output_directory(arguments.out) : EXIT_HELD;
    if (code == EXIT_HELD)
        code = run_scenario(saved.scenario, &arguments, saved.command, digest);
    if (digest[0] && !*interrupt_flag() && strcmp(digest, saved.digest) != 0) {
        fprintf(stderr,
                "perdure replay: found digest %s, expected %s as in "
                "\"%.200s\": the run did not repeat; was it written by "
                "another version?\n",
                digest, saved.digest, arguments.file);
        code = EXIT_INTERNAL;
    } else if (digest[0] && !*interrupt_flag() && !arguments.quiet) {
        fprintf(stderr, "replay: same digest %s\n", digest);
    }
    replay_deinit(&saved);
    return code;
}

const struct command command_run = {
    .name = "run",
    .group = COMMAND_SIMULATE,
    .synopsis = "FILE [OPTIONS]",
    .summary = "run a scenario: verdict, summary and report",
    .about = "Runs a scenario: verdict and summary on stdout; report.html, "
             "report.json and run-meta.json in DIR (default perdure-report). "
             "The same scenario and seed give the same result, byte for byte.",
    .options = run_options,
    .rest_min = 1,
    .rest_max = 1,
    .run = run};

const struct command command_replay = {
    .name = "replay",
    .group = COMMAND_SIMULATE,
    .synopsis = "REPORT.json [OPTIONS]",
    .summary = "repeat the run of a report and compare the digests",
    .about = "Repeats the run of a report.json and compares the digests. Exits "
             "as the run did, or with 1 if the digests differ.",
    .options = replay_options,
    .rest_min = 1,
    .rest_max = 1,
    .run = replay};
