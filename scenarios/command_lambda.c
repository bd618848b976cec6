/*
 * `lambda`: a user's own durable function against the local service, run once,
 * struck at each boundary, or served to clients.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/json.h"
#include "engine/host/store_sqlite.h"
#include "reports/format.h"
#include "scenarios/command.h"
#include "scenarios/interrupt.h"
#include "scenarios/lambda/sweep.h"
#include "scenarios/lambda/table.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"
#include "scenarios/read_files.h"

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)

enum {
    PROGRAMS_MAX = 32,
    EVENT_MAX = 6 << 20
};

/* A handler's language, by the ending of its file. */
enum language {
    LANGUAGE_JAVASCRIPT,
    LANGUAGE_PYTHON,
    LANGUAGE_COUNT
};

static const struct {
    const char *ending;
    enum language language;
} endings[] = {{".mjs", LANGUAGE_JAVASCRIPT},
               {".js", LANGUAGE_JAVASCRIPT},
               {".cjs", LANGUAGE_JAVASCRIPT},
               {".py", LANGUAGE_PYTHON}};

enum {
    ENDING_COUNT = sizeof(endings) / sizeof(*endings)
};

static const char *const crash_modes[] = {"kill", "abandon", NULL};
static const char *const clocks[] = {"real", "skip", NULL};

struct arguments {
    const char *rest[2]; /* what to do, and the handler */
    const char *event;
    struct option_texts callbacks; /* NAME=FILE@DELAY */
    struct option_texts invokes;   /* NAME=HANDLER */
    struct option_texts plain;     /* names of functions */
    struct option_texts once;
    struct option_texts faults;
    const char *only;
    const char *out;
    const char *node;
    uint64_t times;
    uint64_t timeout_ns;
    uint64_t patience_ns;
    uint64_t page;
    uint64_t crash_mode;
    uint64_t clock;
    uint64_t port;
    struct option_seed seed;
    bool may_fail;
    bool json;
    bool logs;
};

static const struct option options[] = {
    OPT_TEXT("--event", event, "FILE",
             "The JSON that the function is invoked with; {} without it."),
    OPT_TEXTS("--callback", callbacks, "NAME=FILE@TIME",
              "What outside systems answer to the callback of an operation: "
              "the bytes of a file, so long after it was made."),
    OPT_TEXTS("--invoke", invokes, "NAME=HANDLER",
              "Another function, which this one invokes under that name."),
    OPT_TEXTS("--plain", plain, "NAME",
              "That function is not durable: it is invoked once."),
    OPT_TEXTS("--once", once, "EFFECT",
              "sweep: an effect that must not be applied more often than in "
              "the run that is not struck."),
    OPT_TEXTS("--fault", faults, "NAME",
              "sweep: only these: crash, timeout, lost-reply, throttle, "
              "server-error, stale-token, stop."),
    OPT_TEXT("--only", only, "BOUNDARY",
             "sweep: only there, as the table names it."),
    OPT_NUMBER("--times", times, 1, 1000,
               "sweep: so many refusals in a row, not 1, 3 and 9."),
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
    OPT_NUMBER("--page", page, 1, 1000,
               "Operations in an invocation's first page of state; 100 "
               "without it."),
    OPT_CHOICE("--time", clock, clocks,
               "serve: waits take their time, or are skipped whenever "
               "nothing is under way."),
    OPT_NUMBER("--port", port, 0, 65535,
               "serve: of the endpoint on 127.0.0.1; 0: one that is free."),
    OPT_TEXT("--node", node, "FILE", "The node to run JavaScript with."),
    OPT_SEED("--seed", seed, "Of what the service draws by chance."),
    OPT_FLAG("--logs", logs, "What functions print, on stderr."),
    OPT_OUT(out, "DIR", "sweep: lambda.json, the whole table, goes there."),
    OPT_FLAG("--json", json, "The table, or the run, as JSON on stdout."),
    {.name = NULL}};

/* What the arguments come to ------------------------------------------------
 */

struct setting {
    const struct arguments *a;
    struct lambda_program programs[PROGRAMS_MAX];
    const char *commands[PROGRAMS_MAX][4];
    char names[PROGRAMS_MAX][LAMBDA_FUNCTION_MAX + 1];
    char directories[PROGRAMS_MAX][PATH_MAX];
    char handlers[PROGRAMS_MAX][PATH_MAX];
    uint32_t program_count;
    struct lambda_answer answers[LAMBDA_CALLBACKS_MAX];
    char answer_names[LAMBDA_CALLBACKS_MAX][LAMBDA_POINT_NAME];
    uint32_t answer_count;
    char *bootstraps[LANGUAGE_COUNT]; /* NULL: not needed yet */
    char runtimes[LANGUAGE_COUNT][PATH_MAX];
    void *event;
    size_t event_size;
};

static bool refuse(const char *format, const char *what)
{
    fprintf(stderr, "perdure lambda: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "\n");
    return false;
}

/* A program of this name in the PATH. */
static bool find_program(const char *name, char path[PATH_MAX])
{
    const char *at = getenv("PATH");

    while (at && *at) {
        size_t size = strcspn(at, ":");
        int length = snprintf(path, PATH_MAX, "%.*s/%s", (int)size, at, name);
        if (length > 0 && length < PATH_MAX && access(path, X_OK) == 0)
            return true;
        at += size + (at[size] == ':');
    }
    return false;
}

/* The last part of a path, cut off. */
static bool split_path(const char *path, char directory[PATH_MAX],
                       char name[PATH_MAX])
{
    char whole[PATH_MAX];
    const char *slash = strrchr(path, '/');

    snprintf(whole, sizeof(whole), "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    snprintf(name, PATH_MAX, "%s", slash ? slash + 1 : path);
    return realpath(whole[0] ? whole : "/", directory) != NULL;
}

static bool has_ending(const char *name, const char *ending)
{
    size_t size = strlen(name);
    size_t length = strlen(ending);

    return size > length && strcmp(name + size - length, ending) == 0;
}

/* The file of a handler "FILE.EXPORT" of a directory. False: there is none. */
static bool find_file(const char *directory, const char *handler,
                      enum language *language)
{
    const char *dot = strrchr(handler, '.');
    char whole[2 * PATH_MAX];

    for (unsigned e = 0; dot && e < ENDING_COUNT; e++) {
        snprintf(whole, sizeof(whole), "%s/%.*s%s", directory,
                 (int)(dot - handler), handler, endings[e].ending);
        if (access(whole, R_OK) == 0) {
            *language = endings[e].language;
            return true;
        }
    }
    return false;
}

/* "order.mjs" is its export handler; "order.handler" is as Lambda has it. */
static bool read_handler(struct setting *s, uint32_t i, const char *path,
                         enum language *language)
{
    char *handler = s->handlers[i];

    if (!split_path(path, s->directories[i], handler))
        return refuse("found no directory of %.300s", path);
    for (unsigned e = 0; e < ENDING_COUNT; e++) {
        if (!has_ending(handler, endings[e].ending))
            continue;
        handler[strlen(handler) - strlen(endings[e].ending)] = '\0';
        strncat(handler, ".handler", PATH_MAX - strlen(handler) - 1);
        break;
    }
    if (find_file(s->directories[i], handler, language))
        return true;
    return refuse("found no file of handler \"%.300s\", allowed FILE.mjs, "
                  ".js, .cjs or .py, or FILE.EXPORT without the ending",
                  path);
}

/* What runs functions in that language: EXIT_HELD, or said what is missing. */
static int find_runtime(struct setting *s, enum language language)
{
    static const char *const names[] = {"lambda/runtime/bootstrap.cjs",
                                        "lambda/runtime/bootstrap.py"};
    static const char *const programs[] = {"node", "python3"};
    static const char *const packages[] = {"nodejs, or --node FILE", "python3"};
    const char *own = language == LANGUAGE_JAVASCRIPT ? s->a->node : NULL;

    if (s->bootstraps[language])
        return EXIT_HELD;
    s->bootstraps[language] = read_files_shipped(names[language]);
    if (!s->bootstraps[language]) {
        refuse("found no %s among the files that come with perdure",
               names[language]);
        return EXIT_ENVIRONMENT;
    }
    if (own)
        snprintf(s->runtimes[language], PATH_MAX, "%s", own);
    if (own ? access(own, X_OK) == 0
            : find_program(programs[language], s->runtimes[language]))
        return EXIT_HELD;
    fprintf(stderr,
            "perdure lambda: found no %s to run the function with: apt-get "
            "install %s\n",
            own ? own : programs[language], packages[language]);
    return EXIT_ENVIRONMENT;
}

static bool is_listed(const struct option_texts *texts, const char *name)
{
    for (uint32_t i = 0; i < texts->count; i++)
        if (strcmp(texts->texts[i], name) == 0)
            return true;
    return false;
}

/* An exit code; said why not. */
static int add_program(struct setting *s, const char *name, const char *path)
{
    uint32_t i = s->program_count;
    enum language language = LANGUAGE_JAVASCRIPT;

    if (i == PROGRAMS_MAX) {
        refuse("found more functions than %s", "32");
        return EXIT_USAGE;
    }
    if (!lambda_name_ok(name, LAMBDA_FUNCTION_MAX)) {
        refuse("found function name \"%.80s\", allowed letters, digits, - and "
               "_, at most 64",
               name);
        return EXIT_USAGE;
    }
    snprintf(s->names[i], sizeof(s->names[i]), "%s", name);
    if (!read_handler(s, i, path, &language))
        return EXIT_USAGE;
    if (find_runtime(s, language) != EXIT_HELD)
        return EXIT_ENVIRONMENT;
    s->commands[i][0] = s->runtimes[language];
    s->commands[i][1] = s->bootstraps[language];
    s->programs[i] = (struct lambda_program){
        .function = {.name = s->names[i],
                     .durable = !is_listed(&s->a->plain, name),
                     .timeout_ns = s->a->timeout_ns,
                     .execution_timeout_ns = 366 * DAY},
        .command = s->commands[i],
        .directory = s->directories[i],
        .handler = s->handlers[i],
    };
    s->program_count++;
    return EXIT_HELD;
}

/* The name of a function, made of its handler's: letters that may stand. */
static void name_of(const char *path, char name[LAMBDA_FUNCTION_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    const char *at = slash ? slash + 1 : path;
    size_t size = 0;

    for (; *at && *at != '.' && size < LAMBDA_FUNCTION_MAX; at++)
        name[size++] = (*at >= 'a' && *at <= 'z') ||
                               (*at >= 'A' && *at <= 'Z') ||
                               (*at >= '0' && *at <= '9') || *at == '-'
                           ? *at
                           : '_';
    name[size] = '\0';
}

static void *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = file ? malloc(EVENT_MAX + 1) : NULL;

    *size = bytes ? fread(bytes, 1, EVENT_MAX + 1, file) : 0;
    bool good = bytes && !ferror(file) && *size <= EVENT_MAX;
    if (file)
        (void)fclose(file);
    if (good)
        return bytes;
    free(bytes);
    refuse("%.300s cannot be read, or is larger than 6 MiB", path);
    return NULL;
}

static bool read_event(struct setting *s)
{
    struct json_error error = {0};
    struct json_doc *doc = NULL;

    if (!s->a->event) {
        s->event = strdup("{}");
        s->event_size = 2;
        return s->event != NULL;
    }
    s->event = read_whole(s->a->event, &s->event_size);
    if (!s->event)
        return false;
    if (json_read_bytes(s->a->event, s->event, s->event_size, &doc, &error))
        return refuse("%s", error.text);
    json_free(doc);
    return true;
}

/* NAME=FILE@TIME */
static bool read_callback(struct setting *s, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *at = equals ? strrchr(equals, '@') : NULL;
    struct lambda_answer *answer = &s->answers[s->answer_count];
    char path[PATH_MAX];
    const char *why;
    uint64_t delay = 0;

    if (!equals || !at || equals == text || at == equals + 1 ||
        quantity_read(QUANTITY_DURATION, at + 1, &delay, &why) != 0)
        return refuse("found --callback \"%.200s\", allowed NAME=FILE@TIME, "
                      "as approve=yes.json@2h",
                      text);
    if (s->answer_count == LAMBDA_CALLBACKS_MAX)
        return refuse("found more callbacks than %s", "16");
    snprintf(s->answer_names[s->answer_count], LAMBDA_POINT_NAME, "%.*s",
             (int)(equals - text), text);
    snprintf(path, sizeof(path), "%.*s", (int)(at - equals - 1), equals + 1);
    answer->name = s->answer_names[s->answer_count];
    answer->delay_ns = delay;
    answer->body = read_whole(path, &answer->size);
    s->answer_count += answer->body != NULL;
    return answer->body != NULL;
}

static int read_invoke(struct setting *s, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[LAMBDA_FUNCTION_MAX + 1];

    if (!equals || equals == text || equals - text > LAMBDA_FUNCTION_MAX) {
        refuse("found --invoke \"%.200s\", allowed NAME=HANDLER", text);
        return EXIT_USAGE;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
    return add_program(s, name, equals + 1);
}

/* EXIT_HELD, or said why not. */
static int prepare(struct setting *s, const struct arguments *a)
{
    char name[LAMBDA_FUNCTION_MAX + 1];
    int code;

    s->a = a;
    name_of(a->rest[1], name);
    code = add_program(s, name, a->rest[1]);
    if (code == EXIT_HELD && !read_event(s))
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

static void finish(struct setting *s)
{
    for (uint32_t i = 0; i < s->answer_count; i++)
        free((void *)s->answers[i].body);
    for (unsigned i = 0; i < LANGUAGE_COUNT; i++)
        free(s->bootstraps[i]);
    free(s->event);
    free(s);
}

static struct lambda_bench *open_bench(const struct setting *s)
{
    const struct arguments *a = s->a;
    const struct lambda_bench_config config = {
        .programs = s->programs,
        .program_count = s->program_count,
        .event = s->event,
        .event_size = s->event_size,
        .answers = s->answers,
        .answer_count = s->answer_count,
        .page_items = (uint32_t)a->page,
        .seed = a->seed.value,
        .patience_ns = a->patience_ns,
        .abandons = a->crash_mode == 1,
        .quiet = !a->logs,
        .interrupted = interrupt_flag(),
    };
    char error[256];
    struct lambda_bench *bench = lambda_bench_open(&config, error);

    if (!bench)
        refuse("%s", error);
    return bench;
}

/* run ---------------------------------------------------------------------- */

static int run_once(const struct setting *s)
{
    struct lambda_bench *bench = open_bench(s);
    struct lambda_plan plan = {.recording = true};
    struct lambda_outcome outcome;
    struct report_buffer out = {0};
    int code = EXIT_INTERNAL;

    if (!bench)
        return EXIT_ENVIRONMENT;
    if (lambda_trial(bench, &plan, &outcome) == 0) {
        if (s->a->json)
            lambda_table_run_json(&outcome, &plan, &out);
        else
            lambda_table_run(&outcome, &plan, &out);
        code = outcome.end == LAMBDA_ENDED &&
                       strcmp(outcome.status, "SUCCEEDED") == 0
                   ? EXIT_HELD
                   : EXIT_PROPERTY;
        code = output_print(&out, code);
        if (outcome.end != LAMBDA_ENDED && !s->a->logs)
            refuse("what the function prints is shown with %s", "--logs");
    }
    lambda_outcome_free(&outcome);
    lambda_plan_free(&plan);
    lambda_bench_close(bench);
    return *interrupt_flag() ? EXIT_INTERRUPTED : code;
}

/* sweep -------------------------------------------------------------------- */

struct sweeping {
    struct progress_line line;
    struct lambda_table *table;
    uint32_t failed;
    bool stopped;
};

static bool take_row(void *self, const struct lambda_row *row)
{
    struct sweeping *sweeping = self;

    sweeping->failed += row->verdict == CHECK_FAIL;
    sweeping->stopped = *interrupt_flag() != 0;
    return lambda_table_add(sweeping->table, row) == 0 && !sweeping->stopped;
}

static void tell_progress(void *self, uint32_t done, uint32_t total)
{
    struct sweeping *sweeping = self;
    const struct progress_now now = {.unit = "trials",
                                     .done = done,
                                     .total = total,
                                     .bad = "failed",
                                     .failed = sweeping->failed};

    progress_line_tell(&sweeping->line, &now);
}

static bool choose_faults(const struct arguments *a,
                          struct lambda_sweep_config *config)
{
    for (unsigned i = 1; i < LAMBDA_FAULT_COUNT; i++)
        config->faults[i] = a->faults.count == 0;
    for (uint32_t i = 0; i < a->faults.count; i++) {
        enum lambda_fault fault = lambda_fault_find(a->faults.texts[i]);
        if (fault == LAMBDA_FAULT_COUNT)
            return refuse("found --fault \"%.60s\", allowed crash, timeout, "
                          "lost-reply, throttle, server-error, stale-token, "
                          "stop",
                          a->faults.texts[i]);
        config->faults[fault] = true;
    }
    return true;
}

/* The command that tries one row again, without its boundary. */
static void write_again(const struct arguments *a, struct report_buffer *out)
{
    const struct option_texts *lists[] = {&a->callbacks, &a->invokes, &a->plain,
                                          &a->once};
    static const char *const names[] = {"--callback", "--invoke", "--plain",
                                        "--once"};

    report_buffer_print(out, "perdure lambda sweep %s", a->rest[1]);
    if (a->event)
        report_buffer_print(out, " --event %s", a->event);
    for (unsigned l = 0; l < 4; l++)
        for (uint32_t i = 0; i < lists[l]->count; i++)
            report_buffer_print(out, " %s %s", names[l], lists[l]->texts[i]);
    if (a->page)
        report_buffer_print(out, " --page %" PRIu64, a->page);
    if (a->may_fail)
        report_buffer_put(out, " --may-fail");
    if (a->crash_mode == 1)
        report_buffer_put(out, " --crash-mode abandon");
}

static int say_table(const struct arguments *a, struct lambda_table *table,
                     const struct lambda_sweep *sweep, int code)
{
    struct report_buffer out = {0};

    lambda_table_json(table, sweep, &out);
    if (a->out && (output_directory(a->out) != EXIT_HELD ||
                   !output_write(a->out, "lambda.json", &out)))
        code = EXIT_ENVIRONMENT;
    if (!a->json) {
        out.size = 0;
        lambda_table_text(table, sweep, &out);
    }
    return output_print(&out, code);
}

static int code_of(const struct lambda_sweep *sweep)
{
    if (sweep->golden.end != LAMBDA_ENDED || sweep->failed > 0)
        return EXIT_PROPERTY;
    return sweep->trials == 0 || sweep->missed > 0 ? EXIT_INCONCLUSIVE
                                                   : EXIT_HELD;
}

static int run_sweep(const struct setting *s)
{
    const struct arguments *a = s->a;
    struct lambda_sweep_config config = {
        .once = a->once.texts,
        .once_count = a->once.count,
        .only = a->only,
        .times = (uint32_t)a->times,
        .may_fail = a->may_fail,
        .row = take_row,
        .progress = tell_progress,
    };
    struct report_buffer again = {0};
    struct sweeping sweeping = {.failed = 0};
    struct lambda_sweep sweep;
    int code = EXIT_INTERNAL;

    if (!choose_faults(a, &config))
        return EXIT_USAGE;
    config.bench = open_bench(s);
    if (!config.bench)
        return EXIT_ENVIRONMENT;
    config.self = &sweeping;
    write_again(a, &again);
    sweeping.table = lambda_table_new(again.text ? again.text : "");
    progress_line_start(&sweeping.line, "lambda", NULL);
    int result = sweeping.table ? lambda_sweep_run(&config, &sweep) : -1;
    progress_line_end(&sweeping.line);
    if (result == 0)
        code = say_table(a, sweeping.table, &sweep, code_of(&sweep));
    if (sweeping.table)
        lambda_sweep_free(&sweep);
    lambda_table_free(sweeping.table);
    report_buffer_free(&again);
    lambda_bench_close(config.bench);
    return sweeping.stopped ? EXIT_INTERRUPTED : code;
}

/* serve -------------------------------------------------------------------- */

static bool is_interrupted(void *self)
{
    (void)self;
    return *interrupt_flag() != 0;
}

static void print_line(void *self, const char *function, const char *line,
                       size_t size)
{
    (void)self;
    (void)fprintf(stderr, "%s: %.*s\n", function, (int)size, line);
}

static int run_serve(const struct setting *s)
{
    const struct store_sqlite_config memory = {
        .path = ":memory:",
        .create = 1,
        .limits = {.op_payload_max = 8 << 20,
                   .request_max = 32 << 20,
                   .history_ops_max = 1 << 20,
                   .blob_max = 16 << 20},
    };
    struct lambda_host_config config = {
        .base = event_base_new(),
        .clock = s->a->clock ? LAMBDA_CLOCK_SKIP : LAMBDA_CLOCK_REAL,
        .limits = engine_limits_at(0),
        .seed = s->a->seed.value,
        .start_ns = 1767225600 * SECOND,
        .page_items = (uint32_t)s->a->page,
        .port = (uint16_t)s->a->port,
        .log = print_line,
    };
    struct store_problem problem;
    struct lambda_host *host = NULL;
    int code = EXIT_ENVIRONMENT;

    if (config.base && store_sqlite_try(&memory, &config.store, &problem) == 0)
        host = lambda_host_new(&config);
    for (uint32_t i = 0; host && i < s->program_count; i++)
        (void)lambda_host_add(host, &s->programs[i]);
    if (host) {
        fprintf(stderr, "AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:%u serves",
                (unsigned)lambda_host_port(host));
        for (uint32_t i = 0; i < s->program_count; i++)
            fprintf(stderr, "%s %s", i ? "," : "", s->names[i]);
        fprintf(stderr, "; Ctrl-C ends it\n");
        code = lambda_host_run(host, is_interrupted, NULL, UINT64_MAX) < 0
                   ? EXIT_INTERNAL
                   : EXIT_HELD;
    } else {
        refuse("port %s cannot be opened on 127.0.0.1", "asked for");
    }
    lambda_host_free(host);
    if (config.base)
        event_base_free(config.base);
    return code;
}

static const char *word(uint32_t index)
{
    static const char *const words[] = {"run", "sweep", "serve", NULL};

    return words[index];
}

static int run(int argc, char **argv)
{
    struct arguments a = {.timeout_ns = 900 * SECOND,
                          .patience_ns = 30 * SECOND};
    int (*const ways[])(const struct setting *) = {run_once, run_sweep,
                                                   run_serve};
    struct setting *s;
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
                "serve HANDLER [--port N] [--time real|skip]",
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
        "Effects are POST requests of the function to $PERDURE_EFFECTS/NAME; "
        "those with an Idempotency-Key that is known are not applied again.",
    .options = options,
    .rest_min = 2,
    .rest_max = 2,
    .words = word,
    .run = run};
