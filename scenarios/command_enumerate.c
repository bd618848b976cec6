#include "scenarios/command_enumerate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/store.h"
#include "faults/points.h"
#include "reports/check.h"
#include "reports/format.h"
#include "reports/html.h"
#include "scenarios/command.h"
#include "scenarios/enumerate_page.h"
#include "scenarios/interrupt.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"
#include "scenarios/runner.h"

enum {
    FAILURES_SHOWN = 20,
    JOBS_MOST = 256,
    COMMAND_SIZE = 2048,
    NAME_COLUMNS = 30,
    STORY_ROWS = 60 /* of a timeline in sweep.html */
};

const char *const enumerate_once[] = {"every", NULL};
const char *const enumerate_crash[] = {"every", "twice", NULL};

/* What each option of them enumerates. */
static const struct mode {
    const char *option;
    const char *title; /* "crash at" every boundary */
    enum boundary_way ways[2];
    uint32_t way_count;
} modes[] = {
    {"--crash", "crash", {BOUNDARY_CRASH}, 1},
    {"--fail",
     "fail, once and for good,",
     {BOUNDARY_FAIL, BOUNDARY_FAIL_ON},
     2},
    {"--lose-reply", "lose the reply", {BOUNDARY_LOSE}, 1},
    {"--pause", "pause", {BOUNDARY_PAUSE}, 1},
    {"--duplicate", "duplicate", {BOUNDARY_DUPLICATE}, 1},
};

_Static_assert(sizeof(modes) / sizeof(*modes) == ENUMERATE_MODES,
               "an option for each mode");

struct arguments {
    struct enumerate_arguments given;
    const struct mode *mode;
    uint64_t seed;
};

/* Arguments --------------------------------------------------------------- */

bool command_enumerate_wanted(const struct enumerate_arguments *given)
{
    for (uint32_t m = 0; m < ENUMERATE_MODES; m++)
        if (given->modes[m] != ENUMERATE_NOT_GIVEN)
            return true;
    return given->only.count > 0;
}

static bool refuse(const char *format, const char *what)
{
    fprintf(stderr, "perdure sweep: ");
    /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
    fprintf(stderr, format, what);
    fprintf(stderr, "; see perdure sweep --help\n");
    return false;
}

/* The one mode that was given; a crash if there are only names. */
static bool choose_mode(struct arguments *a)
{
    a->mode = NULL;
    for (uint32_t m = 0; m < ENUMERATE_MODES; m++) {
        if (a->given.modes[m] == ENUMERATE_NOT_GIVEN)
            continue;
        if (a->mode)
            return refuse("found %s beside another enumeration, allowed one",
                          modes[m].option);
        a->mode = &modes[m];
    }
    if (!a->mode) {
        a->mode = &modes[0];
        a->given.modes[0] = 0;
    }
    if (a->given.only.count > 1 && a->mode != &modes[0])
        return refuse("found two --only with %s, allowed one; a crash can "
                      "come twice",
                      a->mode->option);
    if (a->given.only.count > ENUMERATE_DEPTH)
        return refuse("found more than two --only, allowed at most %s", "two");
    return true;
}

static bool twice(const struct arguments *a)
{
    return a->mode == &modes[0] &&
           (a->given.modes[0] == 1 || a->given.only.count == 2);
}

static bool read_arguments(const struct enumerate_arguments *given,
                           struct arguments *a)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *a = (struct arguments){.given = *given};
    if (a->given.jobs == 0)
        a->given.jobs = cores > 0 ? (uint64_t)cores : 1;
    if (a->given.jobs > JOBS_MOST)
        a->given.jobs = JOBS_MOST;
    return choose_mode(a);
}

/* What repeats one world, or all --------------------------------------------
 */

/* Appends a word, in quotes where a shell needs them. */
static void quote(struct report_buffer *out, const char *word)
{
    bool plain = word[0] != '\0' &&
                 strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
                              "UVWXYZ0123456789_./-+:=@%") == strlen(word);
    report_buffer_put(out, plain ? " " : " '");
    for (const char *c = word; *c; c++) {
        if (*c == '\'')
            report_buffer_put(out, "'\\''");
        else
            report_buffer_bytes(out, c, 1);
    }
    report_buffer_put(out, plain ? "" : "'");
}

static void command_line(const struct arguments *a,
                         const struct scenario *scenario,
                         const struct enumerate_world *world,
                         struct report_buffer *out)
{
    char name[BOUNDARY_NAME_SIZE];
    report_buffer_put(out, "perdure sweep");
    quote(out, a->given.file);
    if (a->given.seed.given)
        report_buffer_print(out, " --seed %" PRIu64, a->seed);
    for (uint32_t i = 0; i < a->given.defects.count; i++) {
        report_buffer_put(out, " --defect");
        quote(out, a->given.defects.texts[i]);
    }
    report_buffer_print(out, " %s %s", a->mode->option,
                        twice(a) ? "twice" : "every");
    if (a->given.limit && !world)
        report_buffer_print(out, " --limit %" PRIu64, a->given.limit);
    for (int i = 0; world && i < ENUMERATE_DEPTH; i++) {
        if (world->number[i] == 0)
            break;
        boundary_name(scenario, &world->at[i], name, sizeof(name));
        report_buffer_put(out, " --only");
        quote(out, name);
    }
}

/* The table ----------------------------------------------------------------
 */

/* What came of the worlds that were first broken at one point. */
struct row {
    uint64_t boundaries;
    uint64_t worlds;
    uint64_t outcomes[ENUMERATE_OUTCOMES];
};

static void fill_rows(const struct enumeration *result, struct row *rows)
{
    for (uint64_t i = 0; i < result->count; i++) {
        const struct enumerate_world *world = &result->worlds[i];
        struct row *row = &rows[world->at[0].site.point];
        row->boundaries += world->number[1] == 0;
        row->worlds++;
        row->outcomes[world->outcome]++;
    }
}

static void print_row(struct report_buffer *out, const char *name,
                      const struct row *row)
{
    report_buffer_print(out,
                        "  %-*s %10" PRIu64 " %9" PRIu64 " %9" PRIu64
                        " %7" PRIu64 " %8" PRIu64 " %13" PRIu64 "\n",
                        NAME_COLUMNS, name, row->boundaries, row->worlds,
                        row->outcomes[ENUMERATE_HELD],
                        row->outcomes[ENUMERATE_FAILED] +
                            row->outcomes[ENUMERATE_MISSED] +
                            row->outcomes[ENUMERATE_DIED],
                        row->outcomes[ENUMERATE_EXCUSED],
                        row->outcomes[ENUMERATE_INCONCLUSIVE]);
}

static bool may_break(const struct mode *mode, uint32_t point)
{
    for (uint32_t i = 0; i < mode->way_count; i++)
        if (boundary_at(mode->ways[i], point))
            return true;
    return false;
}

static void print_table(struct report_buffer *out, const struct arguments *a,
                        const struct row *rows)
{
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    struct row all = {0};
    report_buffer_print(out, "\n%-*s %10s %9s %9s %7s %8s %13s\n",
                        NAME_COLUMNS + 2, "Point", "boundaries", "worlds",
                        "held", "failed", "excused", "inconclusive");
    for (uint32_t p = 0; p < count; p++) {
        if (rows[p].worlds == 0)
            continue;
        print_row(out, points[p].name, &rows[p]);
        all.boundaries += rows[p].boundaries;
        all.worlds += rows[p].worlds;
        for (uint32_t o = 0; o < ENUMERATE_OUTCOMES; o++)
            all.outcomes[o] += rows[p].outcomes[o];
    }
    print_row(out, "all", &all);
    bool first = true;
    for (uint32_t p = 0; p < count && a->given.only.count == 0; p++) {
        if (!may_break(a->mode, p) || rows[p].worlds > 0)
            continue;
        report_buffer_print(out, "%s%s", first ? "Never met here: " : ", ",
                            points[p].name);
        first = false;
    }
    report_buffer_put(out, first ? "" : "\n");
}

/* Failures ------------------------------------------------------------------
 */

static uint32_t check_count(void)
{
    uint32_t count = 0;
    while (check_all[count])
        count++;
    return count;
}

static bool bad(const struct enumerate_world *world)
{
    return world->outcome != ENUMERATE_HELD &&
           world->outcome != ENUMERATE_EXCUSED;
}

static const char *property_of(const struct enumerate_world *world)
{
    return world->property < check_count() ? check_all[world->property]->id
                                           : NULL;
}

static void print_world(struct report_buffer *out, const struct arguments *a,
                        const struct scenario *scenario,
                        const struct enumerate_world *world)
{
    char name[BOUNDARY_NAME_SIZE];
    for (int i = 0; i < ENUMERATE_DEPTH && world->number[i] != 0; i++) {
        boundary_name(scenario, &world->at[i], name, sizeof(name));
        report_buffer_put(out, i ? "   then " : "\n");
        report_buffer_plain(out, name, BOUNDARY_NAME_SIZE);
        report_buffer_put(out, "\n");
    }
    report_buffer_print(out, "   %s: ", enumerate_outcome_name(world->outcome));
    report_buffer_plain(out, world->text ? world->text : "", TRIAL_TEXT_SIZE);
    if (world->signal != 0)
        report_buffer_print(out, " (%s)", strsignal(world->signal));
    report_buffer_put(out, "\n   ");
    command_line(a, scenario, world, out);
    report_buffer_put(out, "\n");
}

static void print_failures(struct report_buffer *out, const struct arguments *a,
                           const struct scenario *scenario,
                           const struct enumeration *result)
{
    uint64_t shown = 0;
    uint64_t all = 0;
    for (uint64_t i = 0; i < result->count; i++) {
        if (!bad(&result->worlds[i]))
            continue;
        if (all++ < FAILURES_SHOWN) {
            print_world(out, a, scenario, &result->worlds[i]);
            shown++;
        }
    }
    if (all > shown)
        report_buffer_print(out,
                            "\n.. and %" PRIu64 " more; --out DIR writes all "
                            "of them into sweep.json\n",
                            all - shown);
}

/* Properties that apply and that no world could judge. */
static void print_unjudged(struct report_buffer *out,
                           const struct enumeration *result)
{
    uint64_t none = result->golden.inconclusive & ~result->checked;
    bool first = true;
    for (uint32_t i = 0; i < check_count(); i++) {
        if (!(none >> i & 1))
            continue;
        report_buffer_print(out, "%s%s", first ? "Judged in no world: " : ", ",
                            check_all[i]->id);
        first = false;
    }
    report_buffer_put(out, first ? "" : "\n");
}

static void print_recoveries(struct report_buffer *out,
                             const struct arguments *a,
                             const struct enumeration *result)
{
    report_buffer_print(
        out,
        "Recovery: from the crash until its process is up again and every "
        "start,\nstep and result that was under way has come to its end; "
        "%" PRIu64 " boundaries in all,\nat most %" PRIu32
        " in one, each with a second crash",
        result->recoveries, result->longest);
    if (result->left_out > 0)
        report_buffer_print(out,
                            ", but for %" PRIu64 " beyond the first %" PRIu64
                            " of their recovery (--limit)",
                            result->left_out, a->given.limit);
    report_buffer_put(out, "\n");
}

/* One number for all that came of it: of the worlds' digests, in order. */
static struct engine_hash digest_of(const struct enumeration *result)
{
    struct engine_hash hash = result->golden.digest;
    for (uint64_t i = 0; i < result->count; i++) {
        struct engine_hash pair[2] = {hash, result->worlds[i].digest};
        hash = engine_hash_bytes(pair, sizeof(pair));
    }
    return hash;
}

static void print_head(struct report_buffer *out, const struct arguments *a,
                       const struct scenario *scenario,
                       const struct enumeration *result)
{
    struct report_word word;
    report_buffer_print(out, "Sweep of \"");
    report_buffer_plain(out, scenario->name, 128);
    report_buffer_print(out, "\", seed %" PRIu64 ": %s at every boundary%s\n",
                        a->seed, a->mode->title,
                        twice(a) ? ", and again in each recovery" : "");
    if (result->interrupted)
        report_buffer_print(out,
                            "INCONCLUSIVE: interrupted after %" PRIu64
                            " worlds; what follows is incomplete\n",
                            result->count);
    if (result->interrupted && result->boundaries == 0) {
        report_buffer_put(out, "Faultless run: not at its end\n");
        return;
    }
    report_buffer_print(out,
                        "Faultless run: %" PRIu64 " boundaries, digest %s\n",
                        (uint64_t)result->boundaries,
                        report_format_digest(&word, result->golden.digest));
    if (result->golden.missed != 0)
        report_buffer_print(out,
                            "%d expectations that it misses are not asked of "
                            "the others: they speak of faults\n",
                            __builtin_popcount(result->golden.missed));
}

static void print_text(struct report_buffer *out, const struct arguments *a,
                       const struct scenario *scenario,
                       const struct enumeration *result, const struct row *rows)
{
    struct report_word word;
    print_head(out, a, scenario, result);
    if (twice(a))
        print_recoveries(out, a, result);
    print_table(out, a, rows);
    print_unjudged(out, result);
    print_failures(out, a, scenario, result);
    report_buffer_print(out, "\nDigest of all worlds %s\n",
                        report_format_digest(&word, digest_of(result)));
    report_buffer_put(out, "Again: ");
    command_line(a, scenario, NULL, out);
    report_buffer_put(out, "\n");
}

/* sweep.json -----------------------------------------------------------------
 */

static void json_text(struct report_buffer *out, const char *key,
                      const char *text)
{
    report_buffer_print(out, "\"%s\": ", key);
    report_buffer_json(out, text, strlen(text));
}

static void json_outcomes(struct report_buffer *out, const uint64_t *outcomes)
{
    static const struct {
        const char *key;
        enum enumerate_outcome outcome;
    } keys[ENUMERATE_OUTCOMES] = {
        {"died", ENUMERATE_DIED},
        {"excused", ENUMERATE_EXCUSED},
        {"failed", ENUMERATE_FAILED},
        {"held", ENUMERATE_HELD},
        {"inconclusive", ENUMERATE_INCONCLUSIVE},
        {"missed", ENUMERATE_MISSED},
    };
    for (uint32_t i = 0; i < ENUMERATE_OUTCOMES; i++)
        report_buffer_print(out, "%s\"%s\": %" PRIu64, i ? ", " : "",
                            keys[i].key, outcomes[keys[i].outcome]);
}

static void json_points(struct report_buffer *out, const struct row *rows)
{
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    bool first = true;
    report_buffer_put(out, "  \"points\": [");
    for (uint32_t p = 0; p < count; p++) {
        if (rows[p].worlds == 0)
            continue;
        report_buffer_print(out, "%s\n    {\"boundaries\": %" PRIu64 ", ",
                            first ? "" : ",", rows[p].boundaries);
        json_outcomes(out, rows[p].outcomes);
        report_buffer_print(out, ", \"name\": \"%s\", \"worlds\": %" PRIu64 "}",
                            points[p].name, rows[p].worlds);
        first = false;
    }
    report_buffer_put(out, "\n  ],\n");
}

static void json_world(struct report_buffer *out, const struct arguments *a,
                       const struct scenario *scenario,
                       const struct enumerate_world *world)
{
    char name[BOUNDARY_NAME_SIZE];
    struct report_word word;
    struct report_buffer command;
    report_buffer_put(out, "    {\"at\": [");
    for (int i = 0; i < ENUMERATE_DEPTH && world->number[i] != 0; i++) {
        boundary_name(scenario, &world->at[i], name, sizeof(name));
        report_buffer_put(out, i ? ", " : "");
        report_buffer_json(out, name, strlen(name));
    }
    report_buffer_print(out, "], \"digest\": \"%s\", \"faults\": [",
                        report_format_digest(&word, world->digest));
    for (int i = 0; i < ENUMERATE_DEPTH && world->number[i] != 0; i++) {
        report_buffer_put(out, i ? ", " : "");
        if (!boundary_entry(scenario, &world->at[i], out))
            report_buffer_put(out, "null");
    }
    report_buffer_print(out, "], \"outcome\": \"%s\"",
                        enumerate_outcome_name(world->outcome));
    if (property_of(world))
        report_buffer_print(out, ", \"property\": \"%s\"", property_of(world));
    report_buffer_init(&command);
    command_line(a, scenario, world, &command);
    report_buffer_put(out, ", ");
    json_text(out, "replay", command.text ? command.text : "");
    report_buffer_free(&command);
    if (world->text) {
        report_buffer_put(out, ", ");
        json_text(out, "text", world->text);
    }
    report_buffer_put(out, "}");
}

/* Of a single fault all worlds; of two those that did not hold. */
static void json_worlds(struct report_buffer *out, const struct arguments *a,
                        const struct scenario *scenario,
                        const struct enumeration *result)
{
    bool first = true;
    report_buffer_put(out, "  \"worlds\": [");
    for (uint64_t i = 0; i < result->count; i++) {
        const struct enumerate_world *world = &result->worlds[i];
        if (twice(a) && world->outcome == ENUMERATE_HELD)
            continue;
        report_buffer_put(out, first ? "\n" : ",\n");
        json_world(out, a, scenario, world);
        first = false;
    }
    report_buffer_put(out, "\n  ]\n");
}

static void print_json(struct report_buffer *out, const struct arguments *a,
                       const struct scenario *scenario,
                       const struct enumeration *result, const struct row *rows)
{
    struct report_word word;
    report_buffer_print(
        out, "{\n  \"boundaries\": %" PRIu32 ",\n  \"complete\": %s,\n",
        result->boundaries, result->interrupted ? "false" : "true");
    report_buffer_print(out, "  \"digest\": \"%s\",\n",
                        report_format_digest(&word, digest_of(result)));
    report_buffer_print(out, "  \"golden\": \"%s\",\n",
                        report_format_digest(&word, result->golden.digest));
    report_buffer_print(out, "  \"left_out\": %" PRIu64 ",\n",
                        result->left_out);
    report_buffer_print(out, "  \"mode\": \"%s %s\",\n", a->mode->option + 2,
                        twice(a) ? "twice" : "every");
    report_buffer_put(out, "  \"outcomes\": {");
    json_outcomes(out, result->outcomes);
    report_buffer_put(out, "},\n");
    json_points(out, rows);
    report_buffer_print(out, "  \"recoveries\": %" PRIu64 ",\n",
                        result->recoveries);
    report_buffer_put(out, "  ");
    json_text(out, "scenario", scenario->name);
    report_buffer_print(out,
                        ",\n  \"schema\": \"perdure.enumeration/1\",\n"
                        "  \"seed\": \"%" PRIu64 "\",\n",
                        a->seed);
    json_worlds(out, a, scenario, result);
    report_buffer_put(out, "}\n");
}

/* Files ----------------------------------------------------------------------
 */

/* The scenario as the world of `world` had it: its faults and no others. */
static bool narrow(struct scenario *scenario,
                   const struct enumerate_world *world)
{
    char message[256];
    scenario->plan.count = 0;
    scenario->swarm = false;
    for (int i = 0; i < ENUMERATE_DEPTH && world->number[i] != 0; i++) {
        struct fault_rule rule;
        boundary_rule(scenario, &world->at[i], &rule);
        if (fault_plan_add(&scenario->plan, &rule, message, sizeof(message))) {
            fprintf(stderr, "perdure sweep: %s\n", message);
            return false;
        }
    }
    return true;
}

/* The full report of the one world that was asked for. */
static bool write_report(const struct arguments *a, struct scenario *scenario,
                         const struct enumerate_world *world)
{
    char message[512];
    struct report_buffer command;
    struct report_buffer page;
    struct report_buffer json;
    report_buffer_init(&command);
    command_line(a, scenario, world, &command);
    if (!report_buffer_ok(&command) || !narrow(scenario, world)) {
        report_buffer_free(&command);
        return false;
    }
    struct runner_options options = {
        .seed = a->seed,
        .defects = a->given.defects.texts,
        .defect_count = a->given.defects.count,
        .command = command.text,
        .interrupted = interrupt_flag(),
    };
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    bool good = runner != NULL;
    if (!runner)
        fprintf(stderr, "perdure sweep: %s\n", message);
    report_buffer_init(&page);
    report_buffer_init(&json);
    if (runner) {
        report_html(runner_model(runner), report_library(), &page);
        report_json(runner_model(runner), &json);
        good = output_write(a->given.out, "report.html", &page) &&
               output_write(a->given.out, "report.json", &json);
    }
    report_buffer_free(&page);
    report_buffer_free(&json);
    report_buffer_free(&command);
    runner_free(runner);
    return good;
}

/* sweep.html ------------------------------------------------------------------
 */

struct telling {
    const struct arguments *a;
    struct scenario *scenario;
};

static void tell_command(void *self, const struct enumerate_world *world,
                         struct report_buffer *out)
{
    const struct telling *telling = self;
    command_line(telling->a, telling->scenario, world, out);
}

/* The world once more, for its timeline. */
static void tell_story(void *self, const struct enumerate_world *world,
                       struct report_buffer *out)
{
    const struct telling *telling = self;
    char message[512];
    struct runner_options options = {
        .seed = telling->a->seed,
        .defects = telling->a->given.defects.texts,
        .defect_count = telling->a->given.defects.count,
        .interrupted = interrupt_flag(),
    };
    if (!narrow(telling->scenario, world))
        return;
    struct runner *runner =
        runner_run(telling->scenario, &options, message, sizeof(message));
    const struct report_model *model = runner ? runner_model(runner) : NULL;
    if (model && model->timeline)
        html_story(out, model, model->timeline, STORY_ROWS, 0);
    runner_free(runner);
}

/* Changes the scenario's faults. */
static bool write_page(const struct arguments *a, struct scenario *scenario,
                       const struct enumeration *result)
{
    char title[96];
    struct report_buffer out;
    struct telling telling = {a, scenario};
    struct enumerate_page page = {
        .scenario = scenario,
        .result = result,
        .title = title,
        .seed = a->seed,
        .defects = a->given.defects.texts,
        .defect_count = a->given.defects.count,
        .depth = twice(a) ? 2 : 1,
        .command = tell_command,
        .story = result->interrupted ? NULL : tell_story,
        .self = &telling,
    };
    snprintf(title, sizeof(title), "%s at every boundary%s", a->mode->title,
             twice(a) ? ", and again in each recovery" : "");
    report_buffer_init(&out);
    enumerate_page_html(&page, &out);
    bool good = output_write(a->given.out, "sweep.html", &out);
    report_buffer_free(&out);
    return good;
}

/* Running ------------------------------------------------------------------ */

static int exit_code(const struct enumeration *result)
{
    if (result->interrupted)
        return EXIT_INTERRUPTED;
    if (result->outcomes[ENUMERATE_FAILED] > 0)
        return EXIT_PROPERTY;
    if (result->outcomes[ENUMERATE_DIED] > 0)
        return EXIT_INTERNAL;
    if (result->outcomes[ENUMERATE_MISSED] > 0)
        return EXIT_BUDGET;
    if (result->outcomes[ENUMERATE_INCONCLUSIVE] > 0 || result->count == 0)
        return EXIT_INCONCLUSIVE;
    return EXIT_HELD;
}

static int error_code(int error)
{
    switch (error) {
    case ENUMERATE_EGOLDEN:
        return EXIT_PROPERTY;
    case ENUMERATE_ECUT:
        return EXIT_INCONCLUSIVE;
    case ENUMERATE_ENAME:
        return EXIT_USAGE;
    default:
        return EXIT_INTERNAL;
    }
}

static struct enumerate_config config_of(const struct arguments *a,
                                         const struct scenario *scenario,
                                         struct progress_line *line)
{
    struct enumerate_config config = {
        .scenario = scenario,
        .seed = a->seed,
        .defects = a->given.defects.texts,
        .defect_count = a->given.defects.count,
        .way_count = a->mode->way_count,
        .depth = twice(a) ? 2 : 1,
        .no_fork = a->given.no_fork || a->given.only.count > 0,
        .jobs = (uint32_t)a->given.jobs,
        .limit = a->given.limit,
        .interrupted = interrupt_flag(),
        .progress = progress_line_tell,
        .progress_self = line,
    };
    memcpy(config.ways, a->mode->ways, sizeof(config.ways));
    for (uint32_t i = 0; i < a->given.only.count; i++)
        config.only[i] = a->given.only.texts[i];
    return config;
}

static int say_all(const struct arguments *a, const struct scenario *scenario,
                   const struct enumeration *result, int code)
{
    uint32_t count;
    (void)scenario_points(&count);
    struct row *rows = calloc(count, sizeof(*rows));
    struct report_buffer text;
    struct report_buffer json;
    if (!rows)
        return EXIT_INTERNAL;
    report_buffer_init(&text);
    report_buffer_init(&json);
    fill_rows(result, rows);
    print_text(&text, a, scenario, result, rows);
    print_json(&json, a, scenario, result, rows);
    if (a->given.out && !output_write(a->given.out, "sweep.json", &json))
        code = EXIT_ENVIRONMENT;
    code = a->given.json ? output_json(&json, a->given.json, code)
                         : output_text(&text, code);
    report_buffer_free(&text);
    report_buffer_free(&json);
    free(rows);
    return code;
}

static int sweep(const struct arguments *a, struct scenario *scenario)
{
    char message[TRIAL_TEXT_SIZE + 512];
    struct enumeration *result;
    struct progress_line line;
    struct enumerate_config config = config_of(a, scenario, &line);
    interrupt_catch();
    output_json_start(a->given.json, "sweep", scenario->name, &a->seed);
    progress_line_start(&line, "sweep",
                        a->given.json == OUTPUT_JSON_LINES ? stdout : NULL);
    line.quiet = a->given.quiet;
    int error = enumerate_run(&config, &result, message, sizeof(message));
    progress_line_end(&line);
    if (error) {
        fprintf(stderr, "perdure sweep: %s\n", message);
        return error_code(error);
    }
    int code = say_all(a, scenario, result, exit_code(result));
    if (a->given.out && a->given.only.count > 0 && result->count == 1 &&
        !write_report(a, scenario, &result->worlds[0]))
        code = EXIT_ENVIRONMENT;
    if (a->given.out && !write_page(a, scenario, result))
        code = EXIT_ENVIRONMENT;
    enumerate_free(result);
    return code;
}

int command_enumerate(const struct enumerate_arguments *given)
{
    struct arguments a;
    struct json_error error = {0};
    if (!read_arguments(given, &a))
        return EXIT_USAGE;
    struct scenario *scenario = scenario_read(a.given.file, &error);
    if (!scenario) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_USAGE;
    }
    a.seed = given->seed.given ? given->seed.value : scenario->seed;
    int code = EXIT_USAGE;
    if (scenario->mode == SCENARIO_MODE_CAPACITY)
        refuse("found a scenario in mode \"capacity\"%s, allowed \"full\": "
               "without an engine there is no boundary",
               "");
    else if (a.given.out && output_directory(a.given.out) != EXIT_HELD)
        code = EXIT_ENVIRONMENT;
    else
        code = sweep(&a, scenario);
    scenario_free(scenario);
    return code;
}
