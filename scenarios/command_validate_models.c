#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/interrupt.h"
#include "scenarios/names.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"
#include "scenarios/read_files.h"
#include "scenarios/validate/report.h"
#include "scenarios/validate/validate.h"

static const char *const lengths[] = {"quick", "normal", "full", NULL};

/* Of a full run; and how near is near enough in a run of that length. */
static const struct {
    double share, near;
} scales[] = {{0.005, 0.05}, {0.1, 0.01}, {1, 0.01}};

struct arguments {
    uint64_t length;
    struct option_seed seed;
    struct option_texts only;
    const char *experiments;
    const char *out;
    bool json;
};

static const struct option options[] = {
    OPT_CHOICE("--length", length, lengths,
               "Seconds, about a minute (default), or minutes."),
    OPT_NAMES("--only", only, "GROUP", names_group,
              "Only this group; may be repeated."),
    OPT_TEXT("--experiments", experiments, "FILE",
             "Only experiments, those in a file of comma-separated lines."),
    OPT_SEED("--seed", seed, "Other draws (default 1)."),
    OPT_OUT(out, "DIR", "Write validation.html and validation.json there."),
    OPT_FLAG("--json", json, "As JSON on stdout."),
    {.name = NULL}};

/* A file of experiments alone asks for nothing else. */
static bool chosen(const struct arguments *a, const char *name)
{
    if (a->only.count == 0)
        return !a->experiments || strcmp(name, "experiments") == 0;
    for (uint32_t i = 0; i < a->only.count; i++)
        if (strcmp(a->only.texts[i], name) == 0)
            return true;
    return false;
}

/* How far it is: so many groups, and in this one. */
struct stage {
    struct progress_line line;
    struct progress_now now;
};

static void show_progress(void *self)
{
    struct stage *stage = self;
    progress_line_tell(&stage->line, &stage->now);
}

static void begin(const struct arguments *a, struct stage *stage)
{
    stage->now = (struct progress_now){
        .unit = "groups", .has_seed = true, .seed = a->seed.value};
    for (uint32_t i = 0; validate_groups[i]; i++)
        stage->now.total += chosen(a, validate_groups[i]->name);
    interrupt_catch_asked();
    progress_line_start(&stage->line, "validate-models", NULL);
}

static int run_groups(const struct arguments *a, struct validate *v)
{
    struct stage stage;
    begin(a, &stage);
    v->tick = show_progress;
    v->tick_self = &stage;
    for (uint32_t i = 0; validate_groups[i]; i++) {
        const struct validate_group *group = validate_groups[i];
        if (!chosen(a, group->name))
            continue;
        stage.now.rest = group->name;
        show_progress(&stage);
        bool done = group->run(v);
        stage.now.done++;
        if (done && !v->failed)
            continue;
        progress_line_end(&stage.line);
        fprintf(stderr, "%s\n",
                v->error.code ? v->error.text
                              : "perdure validate-models: out of memory, or "
                                "a model could not be made");
        return v->error.code ? EXIT_USAGE : EXIT_INTERNAL;
    }
    progress_line_end(&stage.line);
    return EXIT_HELD;
}

static int conclude(const struct arguments *a, const struct validate *v)
{
    struct validate_totals totals = validate_total(v);
    int code = totals.fails    ? EXIT_PROPERTY
               : totals.unsure ? EXIT_INCONCLUSIVE
                               : EXIT_HELD;
    struct report_buffer text, json, html;
    report_buffer_init(&text);
    report_buffer_init(&json);
    report_buffer_init(&html);
    validate_text(&text, v);
    validate_json(&json, v);
    validate_html(&html, v);
    if (a->out && (output_directory(a->out) != EXIT_HELD ||
                   !output_write(a->out, "validation.html", &html) ||
                   !output_write(a->out, "validation.json", &json)))
        code = EXIT_ENVIRONMENT;
    else if (a->out)
        report_buffer_print(&text, "The report: %s/validation.html\n", a->out);
    code = output_print(a->json ? &json : &text, code);
    report_buffer_free(a->json ? &text : &json);
    report_buffer_free(&html);
    return code;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.length = 1, .seed = {.value = 1}};
    if (options_read(argc, argv, &command_validate_models, &a, NULL) < 0)
        return EXIT_USAGE;
    char here[] = ".";
    struct read_files read = {.dir = here};
    struct data_files files = read_files_data(&read);
    struct validate v = {
        .files = &files,
        .experiments = a.experiments,
        .seed = a.seed.value,
        .length = scales[a.length].share,
        .near = scales[a.length].near,
    };
    int code = run_groups(&a, &v);
    if (code == EXIT_HELD)
        code = conclude(&a, &v);
    validate_free(&v);
    read.dir = NULL;
    read_files_free(&read);
    return code;
}

const struct command command_validate_models = {
    .name = "validate-models",
    .group = COMMAND_LOOK_UP,
    .synopsis = "[OPTIONS]",
    .summary = "platform models against theory and experiments",
    .about = "Holds the models of platforms against theory, a published "
             "simulation and experiments on real AWS Lambda; each row says "
             "what was expected, what came out with its interval, the error "
             "and a verdict. Exit code 3 if a row fails, 5 if one cannot be "
             "told.",
    .options = options,
    .run = run};
