/*
 * `lambda`: a user's own durable function against the local service, run once,
 * struck at each boundary, or served to clients.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/json.h"
#include "reports/format.h"
#include "scenarios/command.h"
#include "scenarios/command_lambda.h"
#include "scenarios/interrupt.h"
#include "scenarios/lambda/file.h"
#include "scenarios/lambda/functions.h"

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)

static const char *const crash_modes[] = {"kill", "abandon", NULL};
static const char *const networks[] = {"refuse", "allow", NULL};
static const char *const rates[] = {"off", "aws", NULL};
static const char *const clocks[] = {"real", "skip", "manual", NULL};

static const struct option options[] = {
    OPT_TEXT("--event", event, "FILE",
             "The JSON that the function is invoked with; {} without it."),
    OPT_TEXTS("--callback", callbacks, "NAME=FILE@TIME",
              "What outside systems answer to the callback of an operation: "
              "the bytes of a file, so long after it was made."),
    OPT_TEXTS("--invoke", invokes, "NAME=HANDLER",
              "Another function, which this one invokes under that name."),
    OPT_TEXT("--functions", functions, "FILE",
             "Other functions, declared in a JSON file: with commands, "
             "environments, timeouts."),
    OPT_TEXTS("--plain", plain, "NAME",
              "That function is not durable: it is invoked once."),
    OPT_TEXTS("--effects", effects, "URL",
              "HTTP requests of the function that are a side effect, as "
              "[METHOD ]URL[=NAME] with * for any characters: "
              "'POST http://bank.example/*=charge'; =* is the last part of the "
              "path. They are not sent, but answered 200 {}."),
    OPT_TEXTS("--answer", answers, "NAME=FILE",
              "What such a request is answered: a file, or a status, as "
              "charge=503. Of several for a NAME each is for one request, the "
              "last for all that come after it."),
    OPT_FLAG("--effects-forward", forward,
             "Such requests are sent, and answered by whoever they are for; "
             "http only."),
    OPT_CHOICE("--network", network, networks,
               "HTTP requests that no --effects takes are refused, or let "
               "through."),
    OPT_TEXTS("--effect-line", effect_lines, "NAME=REGEX",
              "Lines that the function writes, each of which tells of a side "
              "effect; POSIX extended."),
    OPT_TEXTS("--once", once, "EFFECT",
              "sweep: an effect that must not be applied more often than in "
              "the run that is not struck."),
    OPT_TEXTS("--fault", faults, "NAME",
              "sweep: only these, as the table names them: crash, throttle, "
              "duplicate and so on."),
    OPT_TEXT("--only", only, "BOUNDARY",
             "sweep: only there, as the table names it."),
    OPT_NUMBER("--times", times, 1, 86400,
               "sweep: this size of a fault, not each of its sizes: refusals "
               "in a row, seconds, operations in a page."),
    OPT_NUMBER("--pairs", pairs, 1, 100000,
               "sweep: so many runs more, each with two of the faults, drawn "
               "by --seed."),
    OPT_TEXT("--also", also, "STRIKE",
             "sweep: another fault in each run, as FAULT[*SIZE] BOUNDARY."),
    OPT_TEXT("--replay-history", replay, "FILE",
             "sweep: no faults; invocations begin at each event of this "
             "recorded history, and must ask for what it goes on with."),
    OPT_TEXT("--history", history, "FILE",
             "run: the history of the execution goes there, with all data."),
    OPT_NUMBER("--invocations", invocations, 1, 1000000,
               "Of an execution; 1,000 without it. One that comes to more is "
               "given up."),
    OPT_TEXT("--price", price, "DOLLARS",
             "sweep: of a million durable operations, to say what a million "
             "executions are; without it no price is known."),
    OPT_CHOICE("--crash-mode", crash_mode, crash_modes,
               "sweep: how a crash is made: the process is killed, or, much "
               "faster, told to leave everything and go on with the next "
               "invocation."),
    OPT_FLAG("--may-fail", may_fail,
             "sweep: a run that ends FAILED is right as well, as that of a "
             "step that may run at most once."),
    OPT_DURATION("--timeout", timeout_ns, 1000000000, 900000000000,
                 "Of one invocation; 15 minutes without it."),
    OPT_DURATION("--patience", patience_ns, 1000000000, 3600000000000,
                 "Of true time, for one run; 30 seconds without it."),
    OPT_NUMBER("--memory", memory, 32, 10240,
               "MB that the processes of a function may use; one that uses "
               "more is killed. Without it they are told 128, and not held "
               "to them."),
    OPT_NUMBER("--prepared", prepared, 0, 16,
               "run, sweep: processes of a function that was killed once which "
               "are started beside those that work; 2 without it."),
    OPT_FLAG("--no-freeze", no_freeze,
             "Processes go on between invocations; without it they stand "
             "still, as on Lambda."),
    OPT_NUMBER("--page", page, 1, 1000,
               "Operations in a page of state; without it 100 in the first, "
               "and as many as are asked for in the others."),
    OPT_CHOICE("--time", clock, clocks,
               "serve: waits take their time, or are skipped whenever "
               "nothing is under way, or time stands until POST "
               "/perdure/time advances it."),
    OPT_DURATION(
        "--hold", hold_ns, 1000000, 3600000000000,
        "serve: true time for answering a callback before its timeout "
        "is skipped to, but no more than the timeout; 10 seconds without it."),
    OPT_NUMBER("--port", port, 0, 65535,
               "serve: of the endpoint; 0: one that is free."),
    OPT_TEXT("--address", address, "IP",
             "serve: where it listens; 127.0.0.1 without it. Whoever reaches "
             "it may run the functions."),
    OPT_TEXT("--runtime", runtime, "RUNTIME",
             "What runs the handlers, if not the bootstrap of perdure: ric, "
             "AWS's own runtime interface client, beside the handler or at "
             "this path, or a command that speaks the Runtime API. Such "
             "programs sleep in true time."),
    OPT_TEXT("--store", store, "FILE",
             "serve: keep executions in this file, made if it is not there; "
             "who serves it again carries on every one that runs. In memory "
             "without it."),
    OPT_TEXT("--limits", limits, "PROFILE",
             "What an execution may use (default aws); see perdure limits."),
    OPT_CHOICE("--rates", rates, rates,
               "serve: how many calls a second are taken: all of them, or as "
               "many as AWS's quotas of a region allow; others get 429."),
    OPT_TEXT("--node", node, "FILE", "The node to run JavaScript with."),
    OPT_SEED("--seed", seed, "Of what the service draws by chance."),
    OPT_FLAG("--logs", logs, "What functions print, on stderr."),
    OPT_OUT(out, "DIR",
            "sweep: lambda.json, the whole table, and index.html "
            "go there. run: what each invocation prints, as logs/ID.log."),
    OPT_FLAG("--json", json, "The table, or the run, as JSON on stdout."),
    {.name = NULL}};

bool command_lambda_refuse(const char *format, const char *what)
{
    fprintf(stderr, "perdure lambda: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "\n");
    return false;
}

static bool is_listed(const struct option_texts *texts, const char *name)
{
    for (uint32_t i = 0; i < texts->count; i++)
        if (strcmp(texts->texts[i], name) == 0)
            return true;
    return false;
}

/* An exit code; said why not. */
static int add_program(struct lambda_setting *s, const char *name,
                       const char *path)
{
    const struct lambda_function function = {
        .name = name,
        .durable = !is_listed(&s->a->plain, name),
        .timeout_ns = s->a->timeout_ns,
        .execution_timeout_ns = 366 * DAY,
    };

    return lambda_programs_add(&s->set, path, &function,
                               (uint32_t)s->a->memory);
}

static bool read_event(struct lambda_setting *s)
{
    struct json_error error = {0};
    struct json_doc *doc = NULL;

    if (!s->a->event) {
        s->event = strdup("{}");
        s->event_size = 2;
        return s->event != NULL;
    }
    s->event = lambda_file_read(s->a->event, &s->event_size);
    if (!s->event)
        return false;
    if (json_read_bytes(s->a->event, s->event, s->event_size, &doc, &error))
        return command_lambda_refuse("%s", error.text);
    json_free(doc);
    return true;
}

/* NAME=FILE@TIME */
static bool read_callback(struct lambda_setting *s, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *at = equals ? strrchr(equals, '@') : NULL;
    struct lambda_answer *answer = &s->answers[s->answer_count];
    char path[PATH_MAX];
    const char *why;
    uint64_t delay = 0;

    if (!equals || !at || equals == text || at == equals + 1 ||
        quantity_read(QUANTITY_DURATION, at + 1, &delay, &why) != 0)
        return command_lambda_refuse(
            "found --callback \"%.200s\", allowed NAME=FILE@TIME, "
            "as approve=yes.json@2h",
            text);
    if (s->answer_count == LAMBDA_CALLBACKS_MAX)
        return command_lambda_refuse("found more callbacks than %s", "16");
    snprintf(s->answer_names[s->answer_count], LAMBDA_POINT_NAME, "%.*s",
             (int)(equals - text), text);
    snprintf(path, sizeof(path), "%.*s", (int)(at - equals - 1), equals + 1);
    answer->name = s->answer_names[s->answer_count];
    answer->delay_ns = delay;
    answer->body = lambda_file_read(path, &answer->size);
    s->answer_count += answer->body != NULL;
    return answer->body != NULL;
}

static int read_invoke(struct lambda_setting *s, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[LAMBDA_FUNCTION_MAX + 1];

    if (!equals || equals == text || equals - text > LAMBDA_FUNCTION_MAX) {
        command_lambda_refuse("found --invoke \"%.200s\", allowed NAME=HANDLER",
                              text);
        return EXIT_USAGE;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
    return add_program(s, name, equals + 1);
}

static bool read_effects(struct lambda_setting *s)
{
    const struct lambda_effects_texts texts = {
        .effects = &s->a->effects,
        .answers = &s->a->answers,
        .lines = &s->a->effect_lines,
        .forwards = s->a->forward,
        .lets = s->a->network == 1,
    };

    return lambda_effects_read(&s->effects, &texts);
}

static bool ends_with_json(const char *path)
{
    size_t size = strlen(path);

    return size > 5 && strcmp(path + size - 5, ".json") == 0;
}

/* What is named behind the way: a handler, or a file of functions; serve may
 * begin without. */
static int add_first(struct lambda_setting *s, const struct arguments *a)
{
    char name[LAMBDA_FUNCTION_MAX + 1];

    if (!a->rest[1] && strcmp(a->rest[0], "serve") == 0)
        return EXIT_HELD;
    if (!a->rest[1]) {
        command_lambda_refuse("found no function to %s, allowed HANDLER or "
                              "FUNCTIONS.json",
                              a->rest[0]);
        return EXIT_USAGE;
    }
    if (ends_with_json(a->rest[1]))
        return lambda_functions_add(&s->set, a->rest[1]);
    lambda_programs_name(a->rest[1], name);
    return add_program(s, name, a->rest[1]);
}

/* EXIT_HELD, or said why not. */
static int prepare(struct lambda_setting *s, const struct arguments *a)
{
    int code;

    s->a = a;
    if (!limits_profile_ask("lambda", a->limits, &s->profile))
        return EXIT_USAGE;
    s->set.runtimes.node = a->node;
    s->set.runtimes.text = a->runtime;
    code = add_first(s, a);
    if (code == EXIT_HELD && a->functions)
        code = lambda_functions_add(&s->set, a->functions);
    if (code == EXIT_HELD && (!read_event(s) || !read_effects(s)))
        code = EXIT_USAGE;
    for (uint32_t i = 0; code == EXIT_HELD && i < a->invokes.count; i++)
        code = read_invoke(s, a->invokes.texts[i]);
    if (code != EXIT_HELD)
        return code;
    for (uint32_t i = 0; i < a->callbacks.count; i++)
        if (!read_callback(s, a->callbacks.texts[i]))
            return EXIT_USAGE;
    return EXIT_HELD;
}

static void finish(struct lambda_setting *s)
{
    for (uint32_t i = 0; i < s->answer_count; i++)
        free((void *)s->answers[i].body);
    lambda_programs_free(&s->set);
    lambda_effects_free(&s->effects);
    free(s->event);
    free(s);
}

struct lambda_bench *command_lambda_bench(struct lambda_setting *s)
{
    const struct arguments *a = s->a;
    const struct lambda_bench_config config = {
        .programs = s->set.programs,
        .program_count = s->set.count,
        .event = s->event,
        .event_size = s->event_size,
        .answers = s->answers,
        .answer_count = s->answer_count,
        .limits = &s->profile.limits,
        .page_items = (uint32_t)a->page,
        .prepared = (uint32_t)a->prepared,
        .invocations_max = (uint32_t)a->invocations,
        .freezes = !a->no_freeze,
        .seed = a->seed.value,
        .patience_ns = a->patience_ns,
        .abandons = a->crash_mode == 1,
        .quiet = !a->logs,
        .logs = s->logs,
        .effects = &s->effects,
        .interrupted = interrupt_flag(),
    };
    char error[256];
    struct lambda_bench *bench = lambda_bench_open(&config, error);

    if (!bench)
        command_lambda_refuse("%s", error);
    return bench;
}

static const char *word(uint32_t index)
{
    static const char *const words[] = {"run", "sweep", "serve", NULL};

    return words[index];
}

static int run(int argc, char **argv)
{
    struct arguments a = {.timeout_ns = COMMAND_LAMBDA_TIMEOUT_NS,
                          .patience_ns = 30 * SECOND,
                          .limits = "aws",
                          .prepared = 2};
    int (*const ways[])(struct lambda_setting *) = {
        command_lambda_run, command_lambda_sweep, command_lambda_serve};
    struct lambda_setting *s;
    int code = EXIT_USAGE;

    if (options_read(argc, argv, &command_lambda, &a, a.rest) < 0 ||
        !options_check_name("lambda", "", a.rest[0], word))
        return EXIT_USAGE;
    s = calloc(1, sizeof(*s));
    if (!s)
        return EXIT_INTERNAL;
    interrupt_catch();
    code = prepare(s, &a);
    for (uint32_t i = 0; code == EXIT_HELD && word(i); i++)
        if (strcmp(word(i), a.rest[0]) == 0) {
            code = ways[i](s);
            break;
        }
    finish(s);
    return code;
}

const struct command command_lambda = {
    .name = "lambda",
    .group = COMMAND_SIMULATE,
    .synopsis = "run HANDLER [--event FILE] [OPTIONS]\n"
                "sweep HANDLER [--event FILE] [--once EFFECT] [OPTIONS]\n"
                "serve [HANDLER|FUNCTIONS.json] [--port N] "
                "[--time real|skip|manual]",
    .summary = "run a durable Lambda function of your own, and break it",
    .about =
        "Hosts a durable function that is written for AWS Lambda, unchanged, "
        "in processes of this machine, against a local service that speaks "
        "the durable-execution API. Time is virtual: a wait of a day takes no "
        "time.\n\n"
        "run: once, and what came of it. sweep: at every boundary of a run "
        "(before and after each event, checkpoint, effect and answer) the "
        "function is struck with each fault that fits, and must come out as "
        "it does undisturbed. serve: an endpoint for SDK clients until "
        "Ctrl-C.\n\n"
        "Effects are the HTTP requests of the function that --effects names, "
        "its POST requests to $PERDURE_EFFECTS/NAME, and the lines that "
        "--effect-line names; a request with an Idempotency-Key that is known "
        "is not applied again.",
    .options = options,
    .rest_min = 1,
    .rest_max = 2,
    .words = word,
    .run = run};
