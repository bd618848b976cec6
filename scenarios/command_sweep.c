#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faults/defects.h"
#include "reports/format.h"
#include "scenarios/command.h"
#include "scenarios/command_enumerate.h"
#include "scenarios/command_shrink.h"
#include "scenarios/interrupt.h"
#include "scenarios/options.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"
#include "scenarios/sweep.h"

#define DAY_NS (UINT64_C(86400) * 1000000000)

enum {
    JOBS_MAX = 1024
};

#define SEEDS_MAX UINT64_C(1000000000)

struct arguments {
    const char *file;
    const char *seeds;
    const char *out;
    uint64_t for_ns;
    uint64_t jobs;
    struct option_texts defects;
    bool json;
    bool golden;
    bool paranoid;
    bool shrink;
    /* Those of a sweep over boundaries, which is another command's. */
    const char *elsewhere;
    bool elsewhere_too;
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

static int check_defects(const struct option_texts *defects)
{
    for (uint32_t i = 0; i < defects->count; i++) {
        if (fault_defect_find(defects->texts[i]))
            continue;
        fprintf(stderr,
                "perdure sweep: found defect \"%.40s\", allowed those that "
                "perdure defects lists\n",
                defects->texts[i]);
        return EXIT_USAGE;
    }
    return EXIT_HELD;
}

static int parse(int argc, char **argv, struct arguments *arguments,
                 struct sweep_options *sweep)
{
    const struct option options[] = {
        {"--seeds", OPTION_TEXT, &arguments->seeds, 0, 0, NULL},
        {"--for", OPTION_DURATION, &arguments->for_ns, 1000000, 365 * DAY_NS,
         NULL},
        {"--jobs", OPTION_NUMBER, &arguments->jobs, 1, JOBS_MAX, NULL},
        {"--out", OPTION_TEXT, &arguments->out, 0, 0, NULL},
        {"--defect", OPTION_TEXTS, &arguments->defects, 0, 0, NULL},
        {"--json", OPTION_FLAG, &arguments->json, 0, 0, NULL},
        {"--golden", OPTION_FLAG, &arguments->golden, 0, 0, NULL},
        {"--paranoid", OPTION_FLAG, &arguments->paranoid, 0, 0, NULL},
        {"--shrink", OPTION_FLAG, &arguments->shrink, 0, 0, NULL},
        {"--crash", OPTION_TEXT, &arguments->elsewhere, 0, 0, NULL},
        {"--fail", OPTION_TEXT, &arguments->elsewhere, 0, 0, NULL},
        {"--lose-reply", OPTION_TEXT, &arguments->elsewhere, 0, 0, NULL},
        {"--pause", OPTION_TEXT, &arguments->elsewhere, 0, 0, NULL},
        {"--duplicate", OPTION_TEXT, &arguments->elsewhere, 0, 0, NULL},
        {"--limit", OPTION_TEXT, &arguments->elsewhere, 0, 0, NULL},
        {"--only", OPTION_TEXT, &arguments->elsewhere, 0, 0, NULL},
        {"--seed", OPTION_TEXT, &arguments->elsewhere, 0, 0, NULL},
        {"--no-fork", OPTION_FLAG, &arguments->elsewhere_too, 0, 0, NULL},
    };
    *arguments = (struct arguments){0};
    if (options_read(argc, argv, options, sizeof(options) / sizeof(*options),
                     &arguments->file, 1, 1,
                     "sweep SCENARIO --seeds A..B | --for 10m") != 1)
        return EXIT_USAGE;
    if (arguments->elsewhere || arguments->elsewhere_too) {
        fprintf(stderr,
                "perdure sweep: found one of --limit, --only, --seed, "
                "--no-fork, allowed only with --crash every, --fail every, "
                "--lose-reply every, --pause every or --duplicate every\n");
        return EXIT_USAGE;
    }
    if (arguments->shrink && !arguments->out) {
        fprintf(stderr,
                "perdure sweep: found --shrink without --out, allowed with "
                "--out DIR, where the reproductions go\n");
        return EXIT_USAGE;
    }
    if (!arguments->seeds == !arguments->for_ns) {
        fprintf(
            stderr,
            "perdure sweep: found %s, allowed one of --seeds A..B, --for 10m "
            "and --crash every\n",
            arguments->seeds ? "two of them" : "none");
        return EXIT_USAGE;
    }
    *sweep = (struct sweep_options){
        .file = arguments->file,
        .for_ns = arguments->for_ns,
        .jobs = (uint32_t)arguments->jobs,
        .defects = arguments->defects.texts,
        .defect_count = arguments->defects.count,
        .golden = arguments->golden,
        .paranoid = arguments->paranoid,
        .directory = arguments->out,
        .interrupted = interrupt_flag(),
    };
    int code = check_defects(&arguments->defects);
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
    report_buffer_init(&meta);
    write_meta(summary, &meta);
    bool good = output_write(options->directory, "sweep.json", json) &&
                output_write(options->directory, "sweep-meta.json", &meta);
    report_buffer_free(&meta);
    return good;
}

static bool print(const struct arguments *arguments,
                  const struct sweep_options *options,
                  const struct sweep_summary *summary,
                  const struct report_buffer *json)
{
    struct report_buffer text;
    const struct report_buffer *out = arguments->json ? json : &text;
    report_buffer_init(&text);
    sweep_text(options, summary, &text);
    bool good = report_buffer_ok(out) &&
                fwrite(out->text, 1, out->size, stdout) == out->size &&
                fflush(stdout) == 0;
    report_buffer_free(&text);
    return good || errno == EPIPE;
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
    if (!print(arguments, options, summary, &json))
        code = EXIT_INTERNAL;
    report_buffer_free(&json);
    if (arguments->shrink)
        command_shrink_sweep(options, summary,
                             arguments->json ? stderr : stdout);
    return code;
}

static int sweep(const struct arguments *arguments,
                 struct sweep_options *options)
{
    char message[1024] = "";
    struct sweep_summary summary;
    struct progress_line line;
    options->progress = progress_line_tell;
    options->progress_self = &line;
    interrupt_catch();
    progress_line_start(&line, "sweep", NULL);
    line.time_ns = options->for_ns;
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

/* Boundaries instead of seeds. */
static bool enumerates(int argc, char **argv)
{
    static const char *const options[] = {"--crash", "--fail", "--lose-reply",
                                          "--pause", "--duplicate"};
    for (int i = 1; i < argc; i++)
        for (size_t o = 0; o < sizeof(options) / sizeof(*options); o++)
            if (strcmp(argv[i], options[o]) == 0)
                return true;
    return false;
}

int command_sweep(int argc, char **argv)
{
    if (enumerates(argc, argv))
        return command_enumerate(argc, argv);
    struct arguments arguments;
    struct sweep_options options;
    struct json_error error = {0};
    int code = parse(argc, argv, &arguments, &options);
    if (code != EXIT_HELD)
        return code;
    struct scenario *scenario = scenario_read(arguments.file, &error);
    if (!scenario) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_USAGE;
    }
    options.scenario = scenario;
    if (scenario->mode != SCENARIO_MODE_FULL) {
        fprintf(stderr,
                "perdure sweep: found \"%.200s\" in mode \"capacity\", allowed "
                "\"full\": without an engine there is nothing to recover\n",
                arguments.file);
        code = EXIT_USAGE;
    }
    if (code == EXIT_HELD && arguments.out)
        code = output_directory(arguments.out);
    if (code == EXIT_HELD)
        code = sweep(&arguments, &options);
    scenario_free(scenario);
    return code;
}
