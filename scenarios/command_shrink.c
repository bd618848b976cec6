#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"
#include "scenarios/command.h"
#include "scenarios/command_shrink.h"
#include "scenarios/interrupt.h"
#include "scenarios/names.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"
#include "scenarios/replay.h"

#define SECOND UINT64_C(1000000000)

struct arguments {
    const char *file;
    const char *property;
    const char *out;
    struct option_seed seed;
    uint64_t budget_ns;
    uint64_t trials;
    struct option_texts defects;
};

/* Arguments --------------------------------------------------------------- */

static const struct option shrink_table[] = {
    OPT_OUT(out, "DIR", "Where it goes: NAME-PROPERTY.json."),
    OPT_SEED("--seed", seed, "Which run of a scenario; a report says so."),
    OPT_NAMES("--defect", defects, "NAME", names_defect,
              "Of a scenario: switch a seeded defect on; may be repeated."),
    OPT_NAME("--property", property, "ID", names_property,
             "Which failure, if there are several: S1 to L8, or crash."),
    OPT_DURATION("--budget", budget_ns, 1000000, 86400 * SECOND,
                 "Wall time (default 30s)."),
    OPT_NUMBER("--trials", trials, 1, 1000000000,
               "At most so many candidates; equal numbers give equal "
               "results."),
    {.name = NULL}};

static bool parse(int argc, char **argv, struct arguments *arguments)
{
    *arguments = (struct arguments){.budget_ns = 30 * SECOND};
    if (options_read(argc, argv, &command_shrink, arguments, &arguments->file) <
        0)
        return false;
    if (arguments->out)
        return true;
    fprintf(stderr, "perdure shrink: found no --out, allowed --out DIR, where "
                    "the reproduction goes\n");
    return false;
}

/* A report says which run it is; a scenario is told. */
static bool is_report(const char *path)
{
    struct json_error error = {0};
    struct json_doc *doc = NULL;
    const char *schema = NULL;
    bool report = json_read_file(path, &doc, &error) == 0 &&
                  json_get_string(json_root(doc), "schema", JSON_OPTIONAL, 0,
                                  1000, &schema, &error);
    json_free(doc);
    return report;
}

static bool refuse_for_report(const struct arguments *arguments)
{
    if (!arguments->seed.given && arguments->defects.count == 0)
        return false;
    fprintf(stderr,
            "perdure shrink: found %s with a report, allowed with a scenario: "
            "a report says itself which run it is of\n",
            arguments->seed.given ? "--seed" : "--defect");
    return true;
}

/* Reads what is to be shrunk. False: said why. */
static bool read_input(struct arguments *arguments, struct replay *input)
{
    struct json_error error = {0};
    *input = (struct replay){0};
    if (is_report(arguments->file)) {
        if (refuse_for_report(arguments))
            return false;
        if (replay_read(arguments->file, input, &error) == 0)
            return true;
    } else {
        input->scenario = scenario_read(arguments->file, &error);
        if (input->scenario) {
            input->seed = arguments->seed.given ? arguments->seed.value
                                                : input->scenario->seed;
            return true;
        }
    }
    fprintf(stderr, "%s\n", error.text);
    return false;
}

/* Output ------------------------------------------------------------------ */

static void print_size(FILE *out, const char *name,
                       const struct shrink_size *size)
{
    fprintf(out,
            "%-9s %" PRIu64 " faults, %" PRIu64 " runs, %" PRIu64
            " nodes: %" PRIu64 " together\n",
            name, size->faults, size->runs, size->nodes, shrink_items(size));
}

static void print_result(FILE *out, const struct reproduce_result *result)
{
    struct report_word words[2];
    fprintf(out, "fails     %s\n", result->text);
    print_size(out, "before", &result->shrunk.before);
    print_size(out, "after", &result->shrunk.after);
    fprintf(out, "tried     %" PRIu64 ", %" PRIu64 " taken, in %s%s\n",
            result->shrunk.trials, result->shrunk.accepted,
            report_format_ns(&words[0], result->wall_ns),
            result->shrunk.whole ? "" : ": cut off, more --budget may help");
    fprintf(out, "digest    %s\n",
            report_format_digest(&words[1], result->digest));
    fprintf(out, "perdure run %s\n", result->path);
    (void)fflush(out);
}

int command_shrink_one(const struct reproduce_request *request, FILE *out)
{
    char message[2048] = "";
    struct reproduce_request own = *request;
    struct progress_line line;
    own.progress = progress_line_tell;
    own.progress_self = &line;
    struct reproduce_result *result = malloc(sizeof(*result));
    if (!result)
        return EXIT_INTERNAL;
    progress_line_start(&line, "shrink", NULL);
    line.time_ns = request->budget_ns;
    int error = reproduce(&own, result, message, sizeof(message));
    progress_line_end(&line);
    if (error)
        fprintf(stderr, "perdure shrink: %s\n", message);
    else
        print_result(out, result);
    free(result);
    switch (error) {
    case 0:
        return request->interrupted && *request->interrupted ? EXIT_INTERRUPTED
                                                             : EXIT_HELD;
    case REPRODUCE_EINTERRUPTED:
        return EXIT_INTERRUPTED;
    case REPRODUCE_EHELD:
        return EXIT_USAGE;
    case REPRODUCE_EENVIRONMENT:
        return EXIT_ENVIRONMENT;
    default:
        return EXIT_INTERNAL;
    }
}

/* Whether an earlier failure was of the same property. */
static bool seen_before(const struct sweep_summary *summary, uint64_t at)
{
    const struct sweep_failure *failure = &summary->failures[at];
    for (uint64_t i = 0; i < at; i++)
        if (summary->failures[i].outcome == failure->outcome &&
            summary->failures[i].property == failure->property)
            return true;
    return false;
}

void command_shrink_sweep(const struct sweep_options *options,
                          const struct sweep_summary *summary, FILE *out)
{
    for (uint64_t i = 0; i < summary->failure_count; i++) {
        const struct sweep_failure *failure = &summary->failures[i];
        bool crash = failure->outcome == SWEEP_CRASHED;
        if ((failure->outcome != SWEEP_PROPERTY && !crash) ||
            seen_before(summary, i))
            continue;
        struct reproduce_request request = {
            .scenario = options->scenario,
            .file = options->file,
            .seed = failure->item.seed,
            .defects = options->defects,
            .defect_count = options->defect_count,
            .golden = options->golden,
            .paranoid = options->paranoid,
            .property = crash ? "crash" : check_all[failure->property]->id,
            .directory = options->directory,
            .budget_ns = 30 * SECOND,
            .interrupted = options->interrupted,
        };
        if (options->interrupted && *options->interrupted)
            return;
        (void)command_shrink_one(&request, out);
    }
}

static int shrink_input(const struct arguments *arguments,
                        const struct replay *input)
{
    const char *const *defects = input->defect_count
                                     ? (const char *const *)input->defects
                                     : arguments->defects.texts;
    struct reproduce_request request = {
        .scenario = input->scenario,
        .file = arguments->file,
        .seed = input->seed,
        .defects = defects,
        .defect_count = input->defect_count ? input->defect_count
                                            : arguments->defects.count,
        .golden = input->golden,
        .paranoid = input->paranoid,
        .property = arguments->property,
        .directory = arguments->out,
        .budget_ns = arguments->budget_ns,
        .trials_max = arguments->trials,
        .interrupted = interrupt_flag(),
    };
    if (input->scenario->mode != SCENARIO_MODE_FULL) {
        fprintf(stderr,
                "perdure shrink: found \"%.200s\" in mode \"capacity\", "
                "allowed \"full\": without an engine no property can fail\n",
                arguments->file);
        return EXIT_USAGE;
    }
    int code = output_directory(arguments->out);
    interrupt_catch();
    return code == EXIT_HELD ? command_shrink_one(&request, stdout) : code;
}

static int run(int argc, char **argv)
{
    struct arguments arguments;
    struct replay input;
    if (!parse(argc, argv, &arguments))
        return EXIT_USAGE;
    int code = EXIT_USAGE;
    if (read_input(&arguments, &input)) {
        code = shrink_input(&arguments, &input);
        replay_deinit(&input);
    }
    return code;
}

const struct command command_shrink = {
    .name = "shrink",
    .group = COMMAND_SIMULATE,
    .synopsis = "REPORT.json|SCENARIO --out DIR [OPTIONS]",
    .summary = "make a failure small",
    .about =
        "Makes a failure small: a scenario that stands alone, in which the "
        "same property fails with as few faults, runs and nodes as can "
        "be. It is read and run again before the command ends; the last "
        "line repeats it.",
    .options = shrink_table,
    .rest_min = 1,
    .rest_max = 1,
    .run = run};
