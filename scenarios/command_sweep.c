#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reports/format.h"
#include "scenarios/command.h"
#include "scenarios/command_enumerate.h"
#include "scenarios/command_shrink.h"
#include "scenarios/interrupt.h"
#include "scenarios/names.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"
#include "scenarios/sweep.h"

#define DAY_NS (UINT64_C(86400) * 1000000000)

enum {
    JOBS_MAX = 1024
};

#define SEEDS_MAX UINT64_C(1000000000)

struct arguments {
    struct enumerate_arguments boundaries; /* and what both have */
    const char *seeds;
    uint64_t for_ns;
    bool golden;
    bool paranoid;
    bool shrink;
};

/* Arguments --------------------------------------------------------------- */

static int refuse_seeds(const char *found, const char *allowed)
{
    fprintf(stderr, "perdure sweep: found --seeds \"%.60s\", allowed %s\n",
            found, allowed);
    return EXIT_USAGE;
}

/* Digits from *text on; *text is then behind them. */
static bool read_number(const char **text, uint64_t *number)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    *number = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

/* "A..B", or "A" for one seed. */
static int read_seeds(const char *text, uint64_t *from, uint64_t *to)
{
    const char *at = text;
    bool good = read_number(&at, from);
    *to = *from;
    if (good && strncmp(at, "..", 2) == 0) {
        at += 2;
        good = read_number(&at, to);
    }
    if (!good || *at != '\0')
        return refuse_seeds(text, "A..B with whole numbers from 0 to "
                                  "18446744073709551615");
    if (*from > *to)
        return refuse_seeds(text, "A..B with A not above B: this range is "
                                  "empty");
    if (*to - *from >= SEEDS_MAX)
        return refuse_seeds(text, "at most 1000000000 seeds at once");
    return EXIT_HELD;
}

static const struct option sweep_table[] = {
    OPT_TEXT("--seeds", seeds, "A..B", "Which worlds; both ends included."),
    OPT_DURATION("--for", for_ns, 1000000, 365 * DAY_NS,
                 "Worlds for so long: half of them new, half of them near one "
                 "that showed something new."),
    OPT_CHOICE("--crash", boundaries.modes[0], enumerate_crash,
               "Crash whoever is there, at each boundary; twice: and again at "
               "each boundary of the recovery."),
    OPT_CHOICE("--fail", boundaries.modes[1], enumerate_once,
               "Each call to the disk fails, once and for good."),
    OPT_CHOICE("--lose-reply", boundaries.modes[2], enumerate_once,
               "Replies of the store are lost."),
    OPT_CHOICE("--pause", boundaries.modes[3], enumerate_once,
               "Processes stand still for longer than their lease."),
    OPT_CHOICE("--duplicate", boundaries.modes[4], enumerate_once,
               "Messages come twice."),
    OPT_OUT(boundaries.out, "DIR",
            "Keep each result there as it comes, and sweep.json at the end. "
            "Started again with the same DIR, a sweep over seeds goes on where "
            "it was interrupted."),
    OPT_MODE("--json", boundaries.json, output_json_modes,
             "sweep.json on stdout. With lines: events as lines of JSON while "
             "it runs, over seeds one for each world, then sweep.json as the "
             "last line."),
    OPT_NUMBER("--jobs", boundaries.jobs, 1, JOBS_MAX,
               "Processes (default: one for each core)."),
    OPT_NAMES("--defect", boundaries.defects, "NAME", names_defect,
              "Switch a seeded defect on; may be repeated."),
    OPT_FLAG("--golden", golden,
             "Over seeds: compare each world with its faultless twin."),
    OPT_FLAG("--paranoid", paranoid,
             "Over seeds: replay the log of each run after each event."),
    OPT_FLAG("--shrink", shrink,
             "Over seeds: make the first failure of each property small, as "
             "perdure shrink does, in DIR."),
    OPT_SEED("--seed", boundaries.seed,
             "Over boundaries: which of the scenario's worlds."),
    OPT_NUMBER("--limit", boundaries.limit, 1, UINT32_MAX,
               "With --crash twice: at most so many second crashes in each "
               "recovery."),
    OPT_TEXTS("--only", boundaries.only, "NAME",
              "Over boundaries: the one of this name only; a second one names "
              "the second crash. With --out it writes the world's report."),
    OPT_FLAG("--no-fork", boundaries.no_fork,
             "Over boundaries: run each world from its start; the results are "
             "the same."),
    OPT_QUIET(boundaries.quiet, "No progress, and nothing on stderr but "
                                "errors."),
    {.name = NULL}};

static int refuse(const char *format, const char *what)
{
    fprintf(stderr, "perdure sweep: ");
    /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
    fprintf(stderr, format, what);
    fprintf(stderr, "; see perdure sweep --help\n");
    return EXIT_USAGE;
}

/* What only seeds have, and what only boundaries have. */
static int check_boundaries(const struct arguments *a)
{
    const char *found = a->seeds      ? "--seeds"
                        : a->for_ns   ? "--for"
                        : a->golden   ? "--golden"
                        : a->paranoid ? "--paranoid"
                        : a->shrink   ? "--shrink"
                                      : NULL;
    return found ? refuse("found %s beside --crash every or its like, allowed "
                          "without: a sweep is over seeds or over boundaries",
                          found)
                 : EXIT_HELD;
}

static int check_seeds(const struct arguments *a)
{
    const struct enumerate_arguments *other = &a->boundaries;
    const char *found = other->limit        ? "--limit"
                        : other->seed.given ? "--seed"
                        : other->no_fork    ? "--no-fork"
                                            : NULL;
    if (found)
        return refuse("found %s, allowed only with --crash every, --fail "
                      "every, --lose-reply every, --pause every or --duplicate "
                      "every",
                      found);
    if (a->shrink && !other->out)
        return refuse("found %s without --out, allowed with --out DIR, where "
                      "the reproductions go",
                      "--shrink");
    if (!a->seeds == !a->for_ns)
        return refuse("found %s, allowed one of --seeds A..B, --for 10m and "
                      "--crash every",
                      a->seeds ? "two of them" : "none");
    return EXIT_HELD;
}

static int parse(const struct arguments *arguments, struct sweep_options *sweep)
{
    const struct enumerate_arguments *other = &arguments->boundaries;
    int code = check_seeds(arguments);
    *sweep = (struct sweep_options){
        .file = other->file,
        .for_ns = arguments->for_ns,
        .jobs = (uint32_t)other->jobs,
        .defects = other->defects.texts,
        .defect_count = other->defects.count,
        .golden = arguments->golden,
        .paranoid = arguments->paranoid,
        .directory = other->out,
        .interrupted = interrupt_flag(),
    };
    if (code == EXIT_HELD && arguments->seeds)
        code = read_seeds(arguments->seeds, &sweep->from, &sweep->to);
    return code;
}

/* Output ------------------------------------------------------------------ */

/* What is true of this machine and this start only. */
static void write_meta(const struct sweep_summary *summary,
                       struct report_buffer *out)
{
    uint64_t ms = summary->wall_ns / 1000000 + 1;
    report_buffer_print(
        out,
        "{\n  \"finished_unix_s\": %" PRIu64 ",\n  \"jobs\": %" PRIu32
        ",\n  \"results_found\": %" PRIu64
        ",\n  \"schema\": \"perdure.sweep-meta/1\",\n"
        "  \"wall_ns\": %" PRIu64 ",\n  \"worker_bytes_max\": %" PRIu64
        ",\n  \"worlds_per_second\": %" PRIu64 "\n}\n",
        (uint64_t)time(NULL), summary->jobs, summary->repeated,
        summary->wall_ns, summary->memory_max,
        (summary->items - summary->repeated) * 1000 / ms);
}

static bool write_files(const struct sweep_options *options,
                        const struct sweep_summary *summary,
                        const struct report_buffer *json)
{
    struct report_buffer meta;
    if (!options->directory)
        return true;
    struct report_buffer page;
    report_buffer_init(&meta);
    report_buffer_init(&page);
    write_meta(summary, &meta);
    sweep_html(options, summary, &page);
    bool good = output_write(options->directory, "sweep.html", &page) &&
                output_write(options->directory, "sweep.json", json) &&
                output_write(options->directory, "sweep-meta.json", &meta);
    report_buffer_free(&meta);
    report_buffer_free(&page);
    return good;
}

static int print(const struct arguments *arguments,
                 const struct sweep_options *options,
                 const struct sweep_summary *summary,
                 const struct report_buffer *json, int code)
{
    struct report_buffer text;
    if (arguments->boundaries.json)
        return output_json(json, arguments->boundaries.json, code);
    report_buffer_init(&text);
    sweep_text(options, summary, &text);
    return output_print(&text, code);
}

/* Says what there is to say, also of a sweep that was stopped. */
static int conclude(const struct arguments *arguments,
                    const struct sweep_options *options,
                    const struct sweep_summary *summary)
{
    struct report_buffer json;
    int code = sweep_exit_code(summary);
    if (*interrupt_flag())
        code = EXIT_INTERRUPTED;
    report_buffer_init(&json);
    sweep_json(options, summary, &json);
    if (!write_files(options, summary, &json))
        code = EXIT_ENVIRONMENT;
    code = print(arguments, options, summary, &json, code);
    report_buffer_free(&json);
    if (arguments->shrink)
        command_shrink_sweep(options, summary,
                             arguments->boundaries.json ? stderr : stdout);
    return code;
}

/* Whether it was written is asked in the end. */
static void say_world(void *self, const struct sweep_world *world)
{
    struct report_buffer line;
    report_buffer_init(&line);
    sweep_world_json(self, world, &line);
    if (report_buffer_ok(&line))
        (void)fwrite(line.text, 1, line.size, stdout);
    (void)fflush(stdout);
    report_buffer_free(&line);
}

static int sweep(const struct arguments *arguments,
                 struct sweep_options *options)
{
    char message[1024] = "";
    struct sweep_summary summary;
    struct progress_line line;
    bool lines = arguments->boundaries.json == OUTPUT_JSON_LINES;
    options->progress = progress_line_tell;
    options->progress_self = &line;
    interrupt_catch();
    if (lines) {
        options->world = say_world;
        options->world_self = options;
    }
    output_json_start(arguments->boundaries.json, "sweep",
                      options->scenario->name, NULL);
    progress_line_start(&line, "sweep", lines ? stdout : NULL);
    line.time_ns = options->for_ns;
    line.quiet = arguments->boundaries.quiet;
    int error = sweep_run(options, &summary, message, sizeof(message));
    progress_line_end(&line);
    int code = error == SWEEP_EFOREIGN ? EXIT_USAGE : EXIT_ENVIRONMENT;
    if (error)
        fprintf(stderr, "perdure sweep: %s%s\n", message,
                error == SWEEP_EFOREIGN
                    ? "; choose another directory with --out DIR"
                    : "");
    else
        code = conclude(arguments, options, &summary);
    sweep_summary_deinit(&summary);
    return code;
}

static int sweep_seeds(const struct arguments *arguments)
{
    struct sweep_options options;
    struct json_error error = {0};
    const char *out = arguments->boundaries.out;
    int code = parse(arguments, &options);
    if (code != EXIT_HELD)
        return code;
    struct scenario *scenario = scenario_read(options.file, &error);
    if (!scenario) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_USAGE;
    }
    options.scenario = scenario;
    if (scenario->mode != SCENARIO_MODE_FULL) {
        fprintf(stderr,
                "perdure sweep: found \"%.200s\" in mode \"capacity\", allowed "
                "\"full\": without an engine there is nothing to recover\n",
                options.file);
        code = EXIT_USAGE;
    }
    if (code == EXIT_HELD && out)
        code = output_directory(out);
    if (code == EXIT_HELD)
        code = sweep(arguments, &options);
    scenario_free(scenario);
    return code;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.seeds = NULL};
    for (int m = 0; m < ENUMERATE_MODES; m++)
        a.boundaries.modes[m] = ENUMERATE_NOT_GIVEN;
    if (options_read(argc, argv, &command_sweep, &a, &a.boundaries.file) < 0)
        return EXIT_USAGE;
    if (!command_enumerate_wanted(&a.boundaries))
        return sweep_seeds(&a);
    int code = check_boundaries(&a);
    return code == EXIT_HELD ? command_enumerate(&a.boundaries) : code;
}

const struct command command_sweep = {
    .name = "sweep",
    .group = COMMAND_SIMULATE,
    .synopsis = "FILE --seeds A..B|--for TIME [OPTIONS]\n"
                "FILE --crash every|twice [OPTIONS]\n"
                "FILE --fail|--lose-reply|--pause|--duplicate every [OPTIONS]",
    .summary = "run many worlds, or break one at each boundary",
    .about = "Over seeds: runs many worlds of a scenario on all cores and "
             "judges them together. Every tenth is run twice, in two "
             "processes, and must be the same. What is printed depends on the "
             "worlds only, not on how many processes ran them.\n\n"
             "Over boundaries (--crash and its like): finds the boundaries "
             "that the scenario's run crosses without faults, and breaks one "
             "world at each of them.",
    .options = sweep_table,
    .rest_min = 1,
    .rest_max = 1,
    .run = run};
