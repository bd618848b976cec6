/*
 * Where two runs part. Both are run again, each in a process of its own: once
 * for the digests of their first records, which are bisected to one block,
 * and once more for the records of that block.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/defects.h"
#include "reports/format.h"
#include "scenarios/command.h"
#include "scenarios/names.h"
#include "scenarios/replay.h"
#include "scenarios/runner.h"
#include "scenarios/trace_line.h"
#include "scenarios/trial.h"
#include "sim/nodes.h"

enum {
    CONTEXT = 5,
    CONTEXT_MAX = 1000,
    WINDOW_MAX = 1 << 20 /* records of one block, at most */
};

/* What a child leaves behind; shared memory. */
struct seen {
    struct checkpoints checkpoints;
    uint64_t from; /* records to keep: the first */
    uint64_t most;
    uint64_t kept;
    int done;
    char message[512];
    struct engine_record records[];
};

/* One of the two runs. */
struct side {
    const char *name; /* "A" */
    const char *file;
    struct replay run; /* of a report, or filled in for a scenario */
    const char *defects[2 * OPTION_TEXTS_MAX + REPLAY_DEFECTS_MAX];
    uint32_t defect_count;
    struct checkpoints checkpoints; /* of this program's run */
};

struct arguments {
    const char *files[2];
    struct option_seed seed;
    struct option_seed seed_b;
    uint64_t context;
    struct option_texts defects;
    struct option_texts defects_b;
};

/* Arguments --------------------------------------------------------------- */

static const struct option options[] = {
    OPT_SEED("--seed", seed, "The world of scenarios."),
    OPT_SEED("--seed-b", seed_b, "The world of B alone."),
    OPT_NAMES("--defect", defects, "NAME", names_defect,
              "Switch a seeded defect on; may be repeated."),
    OPT_NAMES("--defect-b", defects_b, "NAME", names_defect,
              "Switch one on in B alone; may be repeated."),
    OPT_NUMBER("--context", context, 0, CONTEXT_MAX,
               "So many records before the difference (default 5)."),
    {.name = NULL}};

static bool parse(int argc, char **argv, struct arguments *arguments)
{
    *arguments = (struct arguments){.context = CONTEXT};
    return options_read(argc, argv, &command_diff, arguments,
                        arguments->files) == 2;
}

static bool is_report(const char *path)
{
    struct json_error error = {0};
    struct json_doc *doc = NULL;
    bool report = json_read_file(path, &doc, &error) == 0 &&
                  json_member(json_root(doc), "schema").item != NULL;
    json_free(doc);
    return report;
}

static void add_defects(struct side *side, const struct option_texts *defects)
{
    for (uint32_t i = 0; i < defects->count; i++)
        side->defects[side->defect_count++] = defects->texts[i];
}

/* Reads a run; what is given counts for scenarios, and on top of a report. */
static bool open_side(struct side *side, const struct arguments *arguments,
                      bool second)
{
    struct json_error error = {0};
    const struct option_seed *seed = second && arguments->seed_b.given
                                         ? &arguments->seed_b
                                         : &arguments->seed;
    if (is_report(side->file)) {
        (void)replay_read(side->file, &side->run, &error);
    } else {
        side->run.scenario = scenario_read(side->file, &error);
        if (side->run.scenario)
            side->run.seed = side->run.scenario->seed;
    }
    if (!side->run.scenario) {
        fprintf(stderr, "%s\n", error.text);
        return false;
    }
    if (seed->given) {
        side->run.seed = seed->value;
        side->run.digest[0] = '\0'; /* another run than the report's */
    }
    for (uint32_t i = 0; i < side->run.defect_count; i++)
        if (!scenario_has_defect(side->run.scenario, side->run.defects[i]))
            side->defects[side->defect_count++] = side->run.defects[i];
    if (arguments->defects.count + (second ? arguments->defects_b.count : 0))
        side->run.digest[0] = '\0';
    add_defects(side, &arguments->defects);
    if (second)
        add_defects(side, &arguments->defects_b);
    return true;
}

/* Running ----------------------------------------------------------------- */

static void take(void *self, const struct engine_record *record)
{
    struct seen *seen = self;
    uint64_t index = seen->checkpoints.digest.count;
    checkpoints_add(&seen->checkpoints, record, 1);
    if (index >= seen->from && seen->kept < seen->most)
        seen->records[seen->kept++] = *record;
}

static void run_side(const struct side *side, struct seen *seen)
{
    struct trial_watch watch = {.record = take, .self = seen};
    struct trial_result *result = malloc(sizeof(*result));
    struct trial trial = {
        .scenario = side->run.scenario,
        .seed = side->run.seed,
        .defects = side->defects,
        .defect_count = side->defect_count,
        .paranoid = side->run.paranoid,
        .watch = &watch,
    };
    if (result &&
        trial_run(&trial, result, seen->message, sizeof(seen->message)) == 0)
        seen->done = 1;
}

static size_t seen_size(uint64_t most)
{
    return sizeof(struct seen) + most * sizeof(struct engine_record);
}

/* Shared memory for what a child sees: `most` records from `from` on. */
static struct seen *make_seen(uint64_t from, uint64_t most)
{
    struct seen *seen = mmap(NULL, seen_size(most), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED)
        return NULL;
    checkpoints_init(&seen->checkpoints);
    seen->from = from;
    seen->most = most;
    return seen;
}

static void free_seen(struct seen *seen)
{
    if (seen)
        (void)munmap(seen, seen_size(seen->most));
}

/* Runs it in a child. False: said why. */
static bool look(const struct side *side, struct seen *seen)
{
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        run_side(side, seen);
        _exit(0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (child > 0 && seen->done)
        return true;
    if (child > 0 && WIFSIGNALED(status)) {
        /* What was seen up to then is its run. */
        printf("%s ends with signal %d after %" PRIu64 " records\n", side->name,
               WTERMSIG(status), seen->checkpoints.digest.count);
        return true;
    }
    fprintf(stderr, "perdure diff: %s: \"%.200s\": %s\n", side->name,
            side->file,
            child < 0          ? strerror(errno)
            : seen->message[0] ? seen->message
                               : "out of memory");
    return false;
}

static bool measure(struct side *side)
{
    struct seen *seen = make_seen(0, 0);
    bool good = seen && look(side, seen);
    if (good)
        side->checkpoints = seen->checkpoints;
    else if (!seen)
        fprintf(stderr, "perdure diff: out of memory\n");
    free_seen(seen);
    return good;
}

/* Output ------------------------------------------------------------------ */

static const char *node_name(uint32_t node, char *text, size_t size)
{
    static const char *const fixed[] = {"world",    "store",    "client",
                                        "receiver", "platform", "outside"};
    if (node < sizeof(fixed) / sizeof(*fixed))
        snprintf(text, size, "%s", fixed[node]);
    else if (node >= SIM_NODE_WORKER)
        snprintf(text, size, "worker %u", node - SIM_NODE_WORKER + 1);
    else if (node >= SIM_NODE_PLATFORMS)
        snprintf(text, size, "platform %u", node - SIM_NODE_PLATFORMS + 2);
    else
        snprintf(text, size, "coordinator %u", node - SIM_NODE_COORDINATOR + 1);
    return text;
}

static void print_record(const char *mark, const struct engine_record *record)
{
    char node[24];
    printf("%s ", mark);
    trace_line(stdout, record, node_name(record->node, node, sizeof(node)));
}

/* The fields of a record by their names. */
static const struct field {
    const char *name;
    size_t offset;
    size_t size;
} fields[] = {
#define FIELD(name)                                                            \
    {                                                                          \
#name, offsetof(struct engine_record, name),                           \
            sizeof(((struct engine_record *)0)->name)                          \
    }
    FIELD(kind),    FIELD(time_ns), FIELD(node),  FIELD(run),  FIELD(op),
    FIELD(attempt), FIELD(detail),  FIELD(token), FIELD(peer), FIELD(count),
    FIELD(state),   FIELD(a),       FIELD(b),     FIELD(key),  FIELD(key_hi),
    FIELD(wall_ns), FIELD(mono_ns),
#undef FIELD
};

static uint64_t field_of(const struct engine_record *record,
                         const struct field *field)
{
    const char *at = (const char *)record + field->offset;
    uint64_t wide = 0;
    uint32_t word = 0;
    uint16_t half = 0;
    if (field->size == sizeof(wide))
        memcpy(&wide, at, sizeof(wide));
    else if (field->size == sizeof(word))
        memcpy(&word, at, sizeof(word));
    else
        memcpy(&half, at, sizeof(half));
    return field->size == sizeof(wide)   ? wide
           : field->size == sizeof(word) ? word
                                         : half;
}

static void print_fields(const struct engine_record *a,
                         const struct engine_record *b)
{
    printf("differ in");
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        uint64_t mine = field_of(a, &fields[i]);
        uint64_t other = field_of(b, &fields[i]);
        if (mine == other)
            continue;
        if (strcmp(fields[i].name, "kind") == 0)
            printf(" kind: %s, %s;", engine_record_name(a->kind),
                   engine_record_name(b->kind));
        else
            printf(" %s: %" PRIu64 ", %" PRIu64 ";", fields[i].name, mine,
                   other);
    }
    printf("\n");
}

/* Both from the same record on: prints where they part. False: they do not. */
static bool print_parting(const struct seen *a, const struct seen *b,
                          uint64_t context)
{
    uint64_t at = 0;
    while (at < a->kept && at < b->kept &&
           memcmp(&a->records[at], &b->records[at], sizeof(*a->records)) == 0)
        at++;
    if (at == a->kept && at == b->kept)
        return false;
    printf("first difference at record %" PRIu64 "\n", a->from + at);
    for (uint64_t i = at > context ? at - context : 0; i < at; i++)
        print_record(" ", &a->records[i]);
    if (at < a->kept)
        print_record("A", &a->records[at]);
    else
        printf("A has ended\n");
    if (at < b->kept)
        print_record("B", &b->records[at]);
    else
        printf("B has ended\n");
    if (at < a->kept && at < b->kept)
        print_fields(&a->records[at], &b->records[at]);
    return true;
}

/* The records of the block in which they part. */
static int show_block(struct side sides[2], uint64_t common, uint64_t end,
                      uint64_t context)
{
    uint64_t from = common > context ? common - context : 0;
    uint64_t most = end - from + 1;
    struct seen *seen[2] = {NULL, NULL};
    int code = EXIT_INTERNAL;
    if (most > WINDOW_MAX)
        most = WINDOW_MAX;
    for (int i = 0; i < 2; i++)
        seen[i] = make_seen(from, most);
    if (!seen[0] || !seen[1])
        fprintf(stderr, "perdure diff: out of memory\n");
    else if (look(&sides[0], seen[0]) && look(&sides[1], seen[1]))
        code = EXIT_DIFFERENT;
    if (code == EXIT_DIFFERENT && seen[0] && seen[1] &&
        !print_parting(seen[0], seen[1], context))
        printf("run once more they did not differ: the engine or the "
               "simulator is not deterministic\n");
    free_seen(seen[0]);
    free_seen(seen[1]);
    return code;
}

/* Whether this program makes the run that the report is of. */
static bool repeats(const struct side *side)
{
    const struct replay *run = &side->run;
    struct report_word word;
    uint64_t end;
    const char *now =
        report_format_digest(&word, side->checkpoints.digest.hash);
    if (!run->digest[0] || strcmp(run->digest, now) == 0)
        return true;
    printf("%s is a report of perdure %s; this is %s, whose run is another: "
           "digest %s, in the report %s\n",
           side->name, run->version, runner_version(), now, run->digest);
    if (run->checkpoints.step == 0) {
        printf("%s carries no digests of its records: where they part cannot "
               "be said\n",
               side->name);
        return false;
    }
    uint64_t common =
        checkpoints_common(&run->checkpoints, &side->checkpoints, &end);
    printf("the first %" PRIu64 " records are the same; the first difference "
           "is before record %" PRIu64 " (of %" PRIu64 ", now %" PRIu64 ")\n",
           common, end, run->checkpoints.digest.count,
           side->checkpoints.digest.count);
    return false;
}

static int compare(struct side sides[2], uint64_t context)
{
    uint64_t end;
    struct report_word words[2];
    if (!measure(&sides[0]) || !measure(&sides[1]))
        return EXIT_USAGE;
    bool repeated = repeats(&sides[0]);
    repeated = repeats(&sides[1]) && repeated;
    for (int i = 0; i < 2; i++)
        printf(
            "%s  seed %" PRIu64 ", %" PRIu64 " records, digest %s\n",
            sides[i].name, sides[i].run.seed, sides[i].checkpoints.digest.count,
            report_format_digest(&words[i], sides[i].checkpoints.digest.hash));
    uint64_t common =
        checkpoints_common(&sides[0].checkpoints, &sides[1].checkpoints, &end);
    if (end != UINT64_MAX)
        return show_block(sides, common, end, context);
    printf("the same%s\n", repeated ? "" : ", as this program makes them");
    return repeated ? EXIT_HELD : EXIT_DIFFERENT;
}

static int run(int argc, char **argv)
{
    struct arguments arguments;
    struct side *sides = calloc(2, sizeof(*sides));
    int code = EXIT_USAGE;
    if (!sides)
        return EXIT_INTERNAL;
    if (parse(argc, argv, &arguments)) {
        sides[0].name = "A";
        sides[1].name = "B";
        sides[0].file = arguments.files[0];
        sides[1].file = arguments.files[1];
        if (open_side(&sides[0], &arguments, false) &&
            open_side(&sides[1], &arguments, true))
            code = compare(sides, arguments.context);
        replay_deinit(&sides[0].run);
        replay_deinit(&sides[1].run);
    }
    free(sides);
    return code;
}

const struct command command_diff = {
    .name = "diff",
    .group = COMMAND_SIMULATE,
    .synopsis = "A B [OPTIONS]",
    .summary = "the first record at which two runs differ",
    .about = "The first record at which two runs differ, with those before it. "
             "A and B are report.json files or scenarios; both are run again. "
             "A report of another version, or whose run this program does not "
             "repeat, is compared by the digests that it carries. Exits with 0 "
             "if the runs are the same, with 1 if they differ.",
    .options = options,
    .rest_min = 2,
    .rest_max = 2,
    .run = run};
