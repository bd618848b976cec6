#include "scenarios/gate_read.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/store.h"
#include "reports/content.h"
#include "reports/format.h"
#include "scenarios/lambda/table_gate.h"
#include "scenarios/report_number.h"

__extension__ typedef unsigned __int128 wide;

/* A report that is being read. */
struct draft {
    struct report_gate_report *report;
    struct json_error *err;
    size_t metric_room;
};

/* Members ------------------------------------------------------------------ */

static bool get_number(struct json_view object, const char *key,
                       uint64_t *value, struct json_error *err)
{
    return report_number_get(object, key, UINT64_MAX, value, err);
}

static bool get_text(struct json_view object, const char *key, char *out,
                     size_t size, struct json_error *err)
{
    const char *text;
    if (!json_get_string(object, key, JSON_REQUIRED, 0, size - 1, &text, err))
        return false;
    snprintf(out, size, "%s", text);
    return true;
}

/* Text that may be null or absent, cut to fit. */
static void get_words(struct json_view object, const char *key, char *out,
                      size_t size)
{
    struct json_view view = json_member(object, key);
    out[0] = '\0';
    if (view.item && json_is_string(view))
        snprintf(out, size, "%s", view.item->valuestring);
}

/* Figures ------------------------------------------------------------------ */

static void put(struct draft *draft, struct json_view at,
                enum report_gate_unit unit, enum report_gate_better better,
                uint64_t value, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

static void put(struct draft *draft, struct json_view at,
                enum report_gate_unit unit, enum report_gate_better better,
                uint64_t value, const char *format, ...)
{
    struct report_gate_report *report = draft->report;
    va_list arguments;
    if (draft->err->code != 0)
        return;
    if (report->metric_count == draft->metric_room) {
        size_t room = draft->metric_room ? 2 * draft->metric_room : 64;
        void *grown = realloc(report->metrics, room * sizeof(*report->metrics));
        if (!grown) {
            json_fail(at, draft->err, "out of memory");
            draft->err->code = JSON_ENOMEM;
            return;
        }
        report->metrics = grown;
        draft->metric_room = room;
    }
    struct report_gate_metric *metric =
        &report->metrics[report->metric_count++];
    *metric = (struct report_gate_metric){
        .value = value, .unit = unit, .better = better};
    va_start(arguments, format);
    vsnprintf(metric->name, sizeof(metric->name), format, arguments);
    va_end(arguments);
}

/* A member of an object, and what a change of it means. */
struct figure {
    const char *key;
    enum report_gate_unit unit;
    enum report_gate_better better;
};

#define LESS REPORT_GATE_LESS
#define MORE REPORT_GATE_MORE
#define NEITHER REPORT_GATE_NEITHER
#define COUNTED REPORT_GATE_COUNT
#define NS REPORT_GATE_NS

/* These members of an object, each as prefix + key. */
static void put_all(struct draft *draft, struct json_view object,
                    const char *prefix, const struct figure *figures,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        if (get_number(object, figures[i].key, &value, draft->err))
            put(draft, object, figures[i].unit, figures[i].better, value,
                "%s%s", prefix, figures[i].key);
    }
}

#define PUT_ALL(draft, object, prefix, figures)                                \
    put_all(draft, object, prefix, figures,                                    \
            sizeof(figures) / sizeof((figures)[0]))

static void read_times(struct draft *draft, struct json_view parent,
                       const char *key, const char *prefix)
{
    static const struct figure figures[] = {
        {"count", COUNTED, NEITHER}, {"max_ns", NS, LESS},
        {"mean_ns", NS, LESS},       {"p50_ns", NS, LESS},
        {"p90_ns", NS, LESS},        {"p999_ns", NS, LESS},
        {"p99_ns", NS, LESS},
    };
    struct json_view times;
    if (json_get_object(parent, key, JSON_REQUIRED, &times, draft->err))
        PUT_ALL(draft, times, prefix, figures);
}

static void read_top(struct draft *draft, struct json_view top)
{
    static const struct figure figures[] = {
        {"commits", COUNTED, LESS},
        {"crashes", COUNTED, NEITHER},
        {"events", COUNTED, NEITHER},
        {"process_bytes_max", REPORT_GATE_BYTES, LESS},
        {"virtual_ns", NS, NEITHER},
    };
    struct json_view drain;
    uint64_t value = UINT64_MAX;
    PUT_ALL(draft, top, "", figures);
    if (!json_get(top, "drain_ns", JSON_REQUIRED, &drain, draft->err))
        return;
    if (cJSON_IsNull(drain.item) ||
        report_number_as(drain, UINT64_MAX, &value, draft->err))
        put(draft, drain, NS, LESS, value, "drain_ns");
}

static void read_runs(struct draft *draft, struct json_view top)
{
    static const struct figure figures[] = {
        {"blocked", COUNTED, LESS},    {"cancelled", COUNTED, NEITHER},
        {"failed", COUNTED, LESS},     {"invoked", COUNTED, NEITHER},
        {"paused", COUNTED, NEITHER},  {"started", COUNTED, NEITHER},
        {"stopped", COUNTED, NEITHER}, {"stuck", COUNTED, LESS},
        {"succeeded", COUNTED, MORE},  {"timed_out", COUNTED, LESS},
        {"waiting", COUNTED, NEITHER},
    };
    struct json_view runs;
    uint64_t succeeded = 0, span = 0;
    if (!json_get_object(top, "runs", JSON_REQUIRED, &runs, draft->err))
        return;
    PUT_ALL(draft, runs, "runs.", figures);
    if (get_number(runs, "succeeded", &succeeded, draft->err) &&
        get_number(top, "virtual_ns", &span, draft->err) && span > 0)
        put(draft, runs, REPORT_GATE_MILLIONTHS_PER_S, MORE,
            (uint64_t)((wide)succeeded * 1000000000000000 / span),
            "throughput");
}

static void read_store(struct draft *draft, struct json_view top)
{
    static const struct figure figures[] = {
        {"commits_in_doubt", COUNTED, NEITHER}, {"conflicts", COUNTED, LESS},
        {"fenced", COUNTED, NEITHER},           {"opened", COUNTED, NEITHER},
        {"refused_damaged", COUNTED, LESS},     {"takeovers", COUNTED, NEITHER},
    };
    struct json_view store;
    if (json_get_object(top, "store", JSON_REQUIRED, &store, draft->err))
        PUT_ALL(draft, store, "store.", figures);
}

static void read_platform(struct draft *draft, struct json_view platform,
                          const char *prefix)
{
    static const struct figure figures[] = {
        {"cold", COUNTED, LESS},
        {"environments_max", COUNTED, LESS},
        {"in_flight_max", COUNTED, NEITHER},
        {"killed", COUNTED, LESS},
        {"throttled", COUNTED, LESS},
        {"warm", COUNTED, NEITHER},
    };
    char start_up[200];
    PUT_ALL(draft, platform, prefix, figures);
    snprintf(start_up, sizeof(start_up), "%.180sstart_up.", prefix);
    read_times(draft, platform, "start_up", start_up);
}

static void read_platforms(struct draft *draft, struct json_view top)
{
    struct json_view list, platform;
    char name[100], prefix[160];
    if (json_get_object(top, "platform", JSON_REQUIRED, &platform, draft->err))
        read_platform(draft, platform, "platform.");
    if (!json_get_array(top, "platforms", JSON_OPTIONAL, 0, 1000, &list,
                        draft->err))
        return;
    unsigned number = 0;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        get_words(v, "name", name, sizeof(name));
        snprintf(prefix, sizeof(prefix), "platform.%u%s%s.", ++number,
                 name[0] ? "." : "", name);
        read_platform(draft, v, prefix);
    }
}

/* What the effects are together, and of each. */
static void read_effects(struct draft *draft, struct json_view top)
{
    static const struct figure figures[] = {
        {"applied", COUNTED, NEITHER},
        {"duplicates", COUNTED, LESS},
        {"lost", COUNTED, LESS},
        {"repeats_recognised", COUNTED, NEITHER},
    };
    struct json_view list;
    char step[80], workflow[80], prefix[200];
    if (!json_get_array(top, "effects", JSON_REQUIRED, 0, JSON_VALUES_MAX,
                        &list, draft->err))
        return;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        get_words(v, "step", step, sizeof(step));
        get_words(v, "workflow", workflow, sizeof(workflow));
        snprintf(prefix, sizeof(prefix), "effect.%s/%s.", workflow, step);
        PUT_ALL(draft, v, prefix, figures);
    }
}

static void read_step(struct draft *draft, struct json_view step,
                      uint64_t *retries)
{
    static const struct figure figures[] = {
        {"attempts", COUNTED, LESS},
        {"cut", COUNTED, LESS},
        {"failures", COUNTED, NEITHER},
        {"retries", COUNTED, LESS},
    };
    char name[60], workflow[60], prefix[140], part[200];
    uint64_t more = 0;
    get_words(step, "step", name, sizeof(name));
    get_words(step, "workflow", workflow, sizeof(workflow));
    snprintf(prefix, sizeof(prefix), "step.%s/%s.", workflow, name);
    PUT_ALL(draft, step, prefix, figures);
    snprintf(part, sizeof(part), "%stotal.", prefix);
    read_times(draft, step, "total", part);
    if (get_number(step, "retries", &more, draft->err))
        *retries += more;
}

static void read_latency(struct draft *draft, struct json_view top)
{
    struct json_view latency, steps;
    uint64_t retries = 0;
    if (!json_get_object(top, "latency", JSON_REQUIRED, &latency, draft->err) ||
        !json_get_array(latency, "steps", JSON_REQUIRED, 0, JSON_VALUES_MAX,
                        &steps, draft->err))
        return;
    read_times(draft, latency, "run", "latency.run.");
    for (struct json_view v = json_first(steps);
         v.item && draft->err->code == 0; v = json_next(v))
        read_step(draft, v, &retries);
    put(draft, steps, COUNTED, LESS, retries, "retries");
}

bool gate_read_price(const char *text, uint64_t *micro)
{
    uint64_t value = 0;
    int decimals = -1;
    if (*text++ != '$')
        return false;
    for (; *text && decimals < 6; text++) {
        if (*text == ',')
            continue;
        if (*text == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || value > UINT64_MAX / 1000000000)
            return false;
        value = 10 * value + (uint64_t)(*text - '0');
        decimals += decimals >= 0;
    }
    for (decimals = decimals < 0 ? 0 : decimals; decimals < 6; decimals++)
        value *= 10;
    *micro = value;
    return true;
}

static void read_bill(struct draft *draft, struct json_view top)
{
    struct json_view bill;
    uint64_t all = 0;
    if (!json_get_array(top, "bill", JSON_REQUIRED, 0, 10000, &bill,
                        draft->err))
        return;
    for (struct json_view v = json_first(bill); v.item; v = json_next(v)) {
        char name[160], cost[64];
        uint64_t micro;
        get_words(v, "name", name, sizeof(name));
        get_words(v, "cost", cost, sizeof(cost));
        if (!gate_read_price(cost, &micro))
            continue;
        put(draft, v, REPORT_GATE_MICRODOLLARS, LESS, micro, "cost.%s", name);
        all += micro;
    }
    if (json_count(bill) > 0)
        put(draft, bill, REPORT_GATE_MICRODOLLARS, LESS, all, "cost");
}

static int by_name(const void *a, const void *b)
{
    const struct report_gate_metric *left = a;
    const struct report_gate_metric *right = b;
    return strcmp(left->name, right->name);
}

static void read_metrics(struct draft *draft, struct json_view top)
{
    struct report_gate_report *report = draft->report;
    read_top(draft, top);
    read_runs(draft, top);
    read_store(draft, top);
    read_platforms(draft, top);
    read_effects(draft, top);
    read_latency(draft, top);
    read_bill(draft, top);
    if (draft->err->code == 0)
        qsort(report->metrics, report->metric_count, sizeof(*report->metrics),
              by_name);
}

/* Verdicts ----------------------------------------------------------------- */

static bool get_verdict(struct json_view object, enum check_verdict *verdict,
                        struct json_error *err)
{
    static const char *const names[] = {"pass", "fail", "excused",
                                        "inconclusive"};
    static const enum check_verdict verdicts[] = {
        CHECK_PASS, CHECK_FAIL, CHECK_EXCUSED, CHECK_INCONCLUSIVE};
    size_t found = 0;
    if (!json_get_enum(object, "verdict", JSON_REQUIRED, names, 4, &found, err))
        return false;
    *verdict = verdicts[found];
    return true;
}

/* Steps of two workflows may have one name: the second is another. */
static void number_id(const struct report_gate_judged *list, size_t count,
                      struct report_gate_judged *judged)
{
    unsigned same = 1;
    char id[sizeof(judged->id)];
    for (size_t i = 0; i < count; i++)
        same += strcmp(list[i].id, judged->id) == 0;
    if (same == 1)
        return;
    snprintf(id, sizeof(id), "%s", judged->id);
    snprintf(judged->id, sizeof(judged->id), "%.180s (%u)", id, same);
}

static bool read_property(struct json_view view, struct draft *draft)
{
    struct report_gate_report *report = draft->report;
    struct report_gate_judged *judged =
        &report->properties[report->property_count];
    bool applies = true;
    char id[40], name[150];
    if (!json_get_bool(view, "applies", JSON_OPTIONAL, &applies, draft->err) &&
        draft->err->code != 0)
        return false;
    if (!get_text(view, "id", id, sizeof(id), draft->err) ||
        !get_text(view, "name", name, sizeof(name), draft->err) ||
        !get_verdict(view, &judged->verdict, draft->err))
        return false;
    if (!applies)
        return true;
    snprintf(judged->id, sizeof(judged->id), "%s %s", id, name);
    struct json_view first = json_member(view, "first");
    if (first.item && json_is_object(first))
        get_words(first, "text", judged->text, sizeof(judged->text));
    else
        get_words(view, "reason", judged->text, sizeof(judged->text));
    report->property_count++;
    return true;
}

static bool read_expectation(struct json_view view, struct draft *draft)
{
    struct report_gate_report *report = draft->report;
    struct report_gate_judged *judged =
        &report->expectations[report->expectation_count];
    if (!get_text(view, "expr", judged->id, sizeof(judged->id), draft->err) ||
        !get_verdict(view, &judged->verdict, draft->err))
        return false;
    get_words(view, "actual", judged->text, sizeof(judged->text));
    number_id(report->expectations, report->expectation_count, judged);
    report->expectation_count++;
    return true;
}

static bool read_threshold(struct json_view view, struct draft *draft)
{
    struct report_gate_report *report = draft->report;
    struct report_gate_judged *judged =
        &report->expectations[report->expectation_count];
    char expr[130], limit[66];
    if (!get_text(view, "expr", expr, sizeof(expr), draft->err) ||
        !get_text(view, "limit", limit, sizeof(limit), draft->err) ||
        !get_verdict(view, &judged->verdict, draft->err))
        return false;
    snprintf(judged->id, sizeof(judged->id), "%s %s", expr, limit);
    get_words(view, "actual", judged->text, sizeof(judged->text));
    number_id(report->expectations, report->expectation_count, judged);
    report->expectation_count++;
    return true;
}

static struct report_gate_judged *read_judged(struct draft *draft,
                                              struct json_view top,
                                              const char *key, size_t most,
                                              struct json_view *list)
{
    if (!json_get_array(top, key, JSON_REQUIRED, 0, most, list, draft->err))
        return NULL;
    struct report_gate_judged *room =
        calloc(json_count(*list) + 1, sizeof(*room));
    if (!room && !json_fail(*list, draft->err, "out of memory"))
        draft->err->code = JSON_ENOMEM;
    return room;
}

/* Expectations, and thresholds as such. */
static void read_expected(struct draft *draft, struct json_view top)
{
    struct report_gate_report *report = draft->report;
    struct json_view list, thresholds;
    if (!json_get_array(top, "expectations", JSON_REQUIRED, 0, 10000, &list,
                        draft->err) ||
        (!json_get_array(top, "thresholds", JSON_OPTIONAL, 0, 10000,
                         &thresholds, draft->err) &&
         draft->err->code != 0))
        return;
    size_t room = json_count(list) + 1;
    bool has = json_member(top, "thresholds").item != NULL;
    room += has ? json_count(thresholds) : 0;
    report->expectations = calloc(room, sizeof(*report->expectations));
    if (!report->expectations) {
        json_fail(list, draft->err, "out of memory");
        draft->err->code = JSON_ENOMEM;
        return;
    }
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        if (!read_expectation(v, draft))
            return;
    if (!has)
        return;
    for (struct json_view v = json_first(thresholds); v.item; v = json_next(v))
        if (!read_threshold(v, draft))
            return;
}

static void read_verdicts(struct draft *draft, struct json_view top)
{
    struct report_gate_report *report = draft->report;
    struct json_view list;
    report->properties = read_judged(draft, top, "properties", 1000, &list);
    if (!report->properties)
        return;
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        if (!read_property(v, draft))
            return;
    read_expected(draft, top);
}

/* A report ----------------------------------------------------------------- */

static bool add_source(struct json_view file, struct engine_hash all[2],
                       struct json_error *err)
{
    const char *text;
    if (!json_as_string(file, 0, JSON_FILE_MAX, &text, err))
        return false;
    all[1] = engine_hash_bytes(text, strlen(text));
    all[0] = engine_hash_bytes(all, 2 * sizeof(*all));
    return true;
}

/*
 * Of the texts of all files of the scenario: its own, then the others in the
 * order they are in, so that it may have another name and be the same.
 */
static bool read_source(struct draft *draft, struct json_view top)
{
    struct json_view source, files;
    struct report_word word;
    struct engine_hash all[2] = {{0, 0}, {0, 0}};
    const char *name = NULL;
    if (!json_get_object(top, "scenario_source", JSON_REQUIRED, &source,
                         draft->err) ||
        !json_get_object(source, "files", JSON_REQUIRED, &files, draft->err))
        return false;
    struct json_view main = json_member(source, "main");
    if (json_is_string(main) &&
        json_as_string(main, 0, JSON_FILE_MAX, &name, draft->err)) {
        main = json_member(files, name);
        if (main.item && !add_source(main, all, draft->err))
            return false;
    }
    for (struct json_view v = json_first(files); v.item; v = json_next(v))
        if ((!name || strcmp(json_key(v), name) != 0) &&
            !add_source(v, all, draft->err))
            return false;
    snprintf(draft->report->source, sizeof(draft->report->source), "%s",
             report_format_digest(&word, all[0]));
    return true;
}

static bool read_schema(struct json_view top, const char *allowed,
                        struct json_error *err)
{
    const char *schema;
    if (!json_as_object(top, err) ||
        !json_get_string(top, "schema", JSON_REQUIRED, 1, 64, &schema, err))
        return false;
    return strcmp(schema, allowed) == 0 ||
           json_fail(json_member(top, "schema"), err,
                     "found schema \"%s\", allowed \"%s\": it was written by "
                     "another version, or is another kind of file",
                     schema, allowed);
}

static bool check_content(struct json_view top, const char *bytes, size_t size,
                          struct json_error *err)
{
    switch (report_content_check(bytes, size)) {
    case REPORT_CONTENT_HOLDS:
        return true;
    case REPORT_CONTENT_ABSENT:
        return json_fail(top, err,
                         "found no content_digest: an older version wrote it, "
                         "or it was edited; write it again with perdure run");
    case REPORT_CONTENT_DIFFERS:
        return json_fail(json_member(top, "content_digest"), err,
                         "the content_digest does not match: the report was "
                         "edited or damaged after it was written; write it "
                         "again with perdure run");
    }
    return false;
}

/* A sweep of a function of a user's own. */
static bool read_lambda(struct draft *draft, struct json_view top,
                        const char *bytes, size_t size)
{
    struct lambda_table *table =
        lambda_table_read(top, bytes, size, draft->err);
    char digest[33] = "";
    bool good = table && get_text(top, "content_digest", digest, sizeof(digest),
                                  draft->err);
    if (good && !lambda_table_gate(table, digest, draft->report)) {
        good = json_fail(top, draft->err, "out of memory");
        draft->err->code = JSON_ENOMEM;
    }
    lambda_table_free(table);
    return good;
}

static bool is_lambda(struct json_view top)
{
    struct json_view schema = json_member(top, "schema");
    return json_is_object(top) && schema.item && json_is_string(schema) &&
           strcmp(schema.item->valuestring, LAMBDA_TABLE_SCHEMA) == 0;
}

static bool read_top_level(struct draft *draft, struct json_view top,
                           const char *bytes, size_t size)
{
    struct report_gate_report *report = draft->report;
    struct json_error *err = draft->err;
    if (is_lambda(top))
        return read_lambda(draft, top, bytes, size);
    if (!read_schema(top, "perdure.report/1", err) ||
        !check_content(top, bytes, size, err) ||
        !get_text(top, "scenario", report->scenario, sizeof(report->scenario),
                  err) ||
        !get_text(top, "seed", report->seed, sizeof(report->seed), err) ||
        !get_text(top, "digest", report->digest, sizeof(report->digest), err) ||
        !read_source(draft, top))
        return false;
    struct json_view incomplete = json_member(top, "incomplete");
    report->incomplete = incomplete.item && !cJSON_IsNull(incomplete.item);
    read_verdicts(draft, top);
    read_metrics(draft, top);
    return err->code == 0;
}

/* One more than allowed is too many, which the reader of JSON says. */
char *gate_read_bytes(const char *path, size_t *size, struct json_error *err)
{
    struct stat status;
    char *bytes = NULL;
    FILE *file = fopen(path, "rb");
    bool good = file && fstat(fileno(file), &status) == 0;
    if (good && !S_ISREG(status.st_mode)) {
        good = false;
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    }
    if (good) {
        size_t room = (size_t)status.st_size;
        room = room > JSON_FILE_MAX ? JSON_FILE_MAX + 1 : room;
        bytes = malloc(room + 1);
        *size = bytes ? fread(bytes, 1, room, file) : 0;
        good = bytes && !ferror(file);
    }
    if (!good) {
        err->code = JSON_EREAD;
        snprintf(err->text, sizeof(err->text), "%.400s: cannot be read: %s",
                 path, strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    if (file)
        fclose(file);
    return bytes;
}

/* The clock's figures, from the file beside report.json; or none. */
static void read_sample(const char *path, struct gate_entry *entry)
{
    char beside[GATE_PATH_MAX];
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    struct json_view machine;
    char digest[33];
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    if (strcmp(path + folder, "report.json") != 0 ||
        snprintf(beside, sizeof(beside), "%.*srun-meta.json", folder, path) >=
            (int)sizeof(beside) ||
        json_read_file(beside, &doc, &err) != 0)
        return;
    struct json_view top = json_root(doc);
    entry->has_sample =
        read_schema(top, "perdure.run-meta/1", &err) &&
        get_number(top, "wall_ns", &entry->sample.wall_ns, &err) &&
        get_number(top, "finished_unix_ns", &entry->sample.finished_ns, &err) &&
        get_text(top, "digest", digest, sizeof(digest), &err) &&
        strcmp(digest, entry->report.digest) == 0 &&
        json_get_object(top, "machine", JSON_REQUIRED, &machine, &err) &&
        get_text(machine, "fingerprint", entry->sample.machine,
                 sizeof(entry->sample.machine), &err);
    json_free(doc);
}

bool gate_read_report(const char *path, struct gate_entry *entry,
                      struct json_error *err)
{
    struct json_doc *doc = NULL;
    size_t size = 0;
    *entry = (struct gate_entry){.path = strdup(path)};
    struct draft draft = {.report = &entry->report, .err = err};
    char *bytes = entry->path ? gate_read_bytes(path, &size, err) : NULL;
    bool good = bytes && json_read_bytes(path, bytes, size, &doc, err) == 0 &&
                read_top_level(&draft, json_root(doc), bytes, size);
    json_free(doc);
    free(bytes);
    if (good)
        read_sample(path, entry);
    else
        gate_entry_free(entry);
    if (!good && err->code == 0)
        err->code = JSON_ENOMEM;
    return good;
}

void gate_entry_free(struct gate_entry *entry)
{
    free(entry->path);
    free(entry->report.properties);
    free(entry->report.expectations);
    free(entry->report.metrics);
    *entry = (struct gate_entry){0};
}

/* Directories -------------------------------------------------------------- */

static bool fail_set(struct json_error *err, const char *path, const char *why)
{
    err->code = JSON_EREAD;
    snprintf(err->text, sizeof(err->text), "%.400s: %s", path, why);
    return false;
}

static bool add_report(struct gate_set *set, const char *path,
                       struct json_error *err)
{
    if (set->count == GATE_REPORTS_MAX)
        return fail_set(err, path, "more than 100,000 reports");
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? 2 * set->capacity : 16;
        void *grown = realloc(set->entries, capacity * sizeof(*set->entries));
        if (!grown)
            return fail_set(err, path, "out of memory");
        set->entries = grown;
        set->capacity = capacity;
    }
    if (!gate_read_report(path, &set->entries[set->count], err))
        return false;
    set->count++;
    return true;
}

/* What lies beside reports and is none. */
static bool is_report_name(const char *name)
{
    static const char *const others[] = {"run-meta.json",   "sweep.json",
                                         "sweep-meta.json", "matrix.json",
                                         "trace.json",      "bmf.json"};
    size_t length = strlen(name);
    if (length < 6 || strcmp(name + length - 5, ".json") != 0)
        return false;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (strcmp(name, others[i]) == 0)
            return false;
    return true;
}

static bool read_directory(struct gate_set *set, const char *path, int depth,
                           struct json_error *err);

static bool read_name(struct gate_set *set, const char *folder,
                      const char *name, int depth, struct json_error *err)
{
    char path[GATE_PATH_MAX];
    struct stat status;
    if (name[0] == '.')
        return true;
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >=
        (int)sizeof(path))
        return fail_set(err, folder, "a path in it is too long");
    if (stat(path, &status) != 0)
        return fail_set(err, path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return read_directory(set, path, depth + 1, err);
    return !is_report_name(name) || add_report(set, path, err);
}

static bool read_directory(struct gate_set *set, const char *path, int depth,
                           struct json_error *err)
{
    struct dirent **names = NULL;
    if (depth > GATE_DEPTH_MAX)
        return fail_set(err, path, "directories more than 8 deep");
    int count = scandir(path, &names, NULL, NULL);
    if (count < 0)
        return fail_set(err, path, strerror(errno));
    bool good = true;
    for (int i = 0; i < count; i++) {
        good = good && read_name(set, path, names[i]->d_name, depth, err);
        free(names[i]);
    }
    free(names);
    return good;
}

static int by_scenario(const void *a, const void *b)
{
    const struct gate_entry *left = a;
    const struct gate_entry *right = b;
    int order = strcmp(left->report.scenario, right->report.scenario);
    if (order == 0) {
        size_t one = strlen(left->report.seed);
        size_t other = strlen(right->report.seed);
        order = one != other ? (one > other) - (one < other)
                             : strcmp(left->report.seed, right->report.seed);
    }
    return order ? order : strcmp(left->path, right->path);
}

bool gate_read_set(const char *path, struct gate_set *set,
                   struct json_error *err)
{
    struct stat status;
    *set = (struct gate_set){0};
    if (stat(path, &status) != 0)
        return fail_set(err, path, strerror(errno));
    set->directory = S_ISDIR(status.st_mode);
    bool good = set->directory ? read_directory(set, path, 0, err)
                               : add_report(set, path, err);
    if (set->count > 1)
        qsort(set->entries, set->count, sizeof(*set->entries), by_scenario);
    return good;
}

void gate_set_free(struct gate_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        gate_entry_free(&set->entries[i]);
    free(set->entries);
    *set = (struct gate_set){0};
}
