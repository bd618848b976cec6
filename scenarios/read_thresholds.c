/*
 * "thresholds": budgets, each an object with an expression and a limit. See
 * scenarios/thresholds.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/failure.h"
#include "faults/points.h"
#include "scenarios/read.h"
#include "scenarios/read_dist.h"
#include "scenarios/thresholds.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    THRESHOLDS_MAX = 256
};

/* What can be measured. Of two with one key, one stands alone. */
static const struct {
    const char *key;
    enum threshold_measure measure;
    enum threshold_unit unit;
    enum threshold_argument argument;
} measures[] = {
    {"stuck runs", THRESHOLD_STUCK, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"blocked runs", THRESHOLD_BLOCKED, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"failed runs", THRESHOLD_FAILED, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"succeeded runs", THRESHOLD_SUCCEEDED, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"cancelled runs", THRESHOLD_CANCELLED, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"stopped runs", THRESHOLD_STOPPED, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"timed-out runs", THRESHOLD_TIMED_OUT, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"drain after faults", THRESHOLD_DRAIN, THRESHOLD_NS, THRESHOLD_ALONE},
    {"takeovers", THRESHOLD_TAKEOVERS, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"fenced writes", THRESHOLD_FENCED, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"throttled", THRESHOLD_THROTTLED, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"throttled", THRESHOLD_THROTTLED, THRESHOLD_COUNT, THRESHOLD_OF_PLATFORM},
    {"killed", THRESHOLD_KILLED, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"killed", THRESHOLD_KILLED, THRESHOLD_COUNT, THRESHOLD_OF_PLATFORM},
    {"warned places", THRESHOLD_WARNED, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"shortest notice", THRESHOLD_NOTICE, THRESHOLD_NS, THRESHOLD_ALONE},
    {"throughput", THRESHOLD_THROUGHPUT, THRESHOLD_MILLIONTHS_PER_S,
     THRESHOLD_ALONE},
    {"attempts", THRESHOLD_ATTEMPTS, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"attempts", THRESHOLD_ATTEMPTS, THRESHOLD_COUNT, THRESHOLD_OF_STEP},
    {"retries", THRESHOLD_RETRIES, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"retries", THRESHOLD_RETRIES, THRESHOLD_COUNT, THRESHOLD_OF_STEP},
    {"failures", THRESHOLD_FAILURES, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"failures", THRESHOLD_FAILURES, THRESHOLD_COUNT, THRESHOLD_OF_STEP},
    {"duplicate effects", THRESHOLD_DUPLICATES, THRESHOLD_COUNT,
     THRESHOLD_ALONE},
    {"lost effects", THRESHOLD_LOST, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"commits", THRESHOLD_COMMITS, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"crashes", THRESHOLD_CRASHES, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"backlog", THRESHOLD_BACKLOG, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"cold starts", THRESHOLD_COLD, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"cold starts", THRESHOLD_COLD, THRESHOLD_COUNT, THRESHOLD_OF_PLATFORM},
    {"starts", THRESHOLD_STARTS, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"starts", THRESHOLD_STARTS, THRESHOLD_COUNT, THRESHOLD_OF_PLATFORM},
    {"places", THRESHOLD_PLACES, THRESHOLD_COUNT, THRESHOLD_ALONE},
    {"places", THRESHOLD_PLACES, THRESHOLD_COUNT, THRESHOLD_OF_PLATFORM},
    {"memory", THRESHOLD_MEMORY, THRESHOLD_BYTES, THRESHOLD_ALONE},
    {"cost", THRESHOLD_COST, THRESHOLD_MICRODOLLARS, THRESHOLD_ALONE},
    {"fired", THRESHOLD_FIRED, THRESHOLD_COUNT, THRESHOLD_OF_POINT},
    {"errors", THRESHOLD_ERRORS, THRESHOLD_COUNT, THRESHOLD_OF_CLASS},
    {"given up", THRESHOLD_GIVEN_UP, THRESHOLD_COUNT, THRESHOLD_OF_CLASS},
    {"limit", THRESHOLD_USED, THRESHOLD_PPB, THRESHOLD_OF_LIMIT},
};

/* Times of which there is a p50, a mean, a max. */
static const struct {
    const char *key;
    enum threshold_measure measure;
    enum threshold_argument argument;
} times[] = {
    {"run", THRESHOLD_OF_RUNS, THRESHOLD_ALONE},
    {"start-up", THRESHOLD_OF_START_UP, THRESHOLD_ALONE},
    {"start-up", THRESHOLD_OF_START_UP, THRESHOLD_OF_PLATFORM},
    {"step", THRESHOLD_OF_A_STEP, THRESHOLD_OF_STEP},
    {"part", THRESHOLD_OF_A_PART, THRESHOLD_OF_PART},
};

static const char *const limits[REPORT_LIMITS] = {
    [REPORT_LIMIT_BATCH] = "batch",
    [REPORT_LIMIT_CONCURRENCY] = "concurrency",
    [REPORT_LIMIT_DEPTH] = "depth",
    [REPORT_LIMIT_EVENTS] = "events",
    [REPORT_LIMIT_OPERATIONS] = "operations",
    [REPORT_LIMIT_PAYLOAD] = "payload",
    [REPORT_LIMIT_VALUE] = "value"};

/* What stands behind the colon of each, for errors. */
static const char *const arguments[] = {
    [THRESHOLD_ALONE] = "",          [THRESHOLD_OF_POINT] = ":POINT",
    [THRESHOLD_OF_CLASS] = ":CLASS", [THRESHOLD_OF_PLATFORM] = ":PLATFORM",
    [THRESHOLD_OF_STEP] = ":STEP",   [THRESHOLD_OF_LIMIT] = ":LIMIT",
    [THRESHOLD_OF_PART] = ":PART",
};

struct draft {
    const struct scenario *scenario;
    struct json_error *err;
    struct scenario_threshold *list;
    uint32_t count;
    uint32_t room;
    struct json_view expr; /* of the one under way */
    struct json_view limit;
    const char *text;     /* of expr */
    const char *argument; /* NULL: it has none */
};

/* The limit ---------------------------------------------------------------- */

static const char *const examples[] = {
    [THRESHOLD_COUNT] = "a number or a comparison with one: \"< 3\", \"= 0\"",
    [THRESHOLD_NS] = "a comparison with a duration: \"< 30s\"",
    [THRESHOLD_BYTES] = "a comparison with a size: \"<= 64MiB\"",
    [THRESHOLD_MICRODOLLARS] = "a comparison with dollars: \"<= $0.25\"",
    [THRESHOLD_MILLIONTHS_PER_S] = "a comparison with a rate: \">= 3/s\"",
    [THRESHOLD_PPB] = "a comparison with a share: \"<= 80%\""};

/* "0.25" of dollars in millionths. */
static bool read_dollars(const char *text, uint64_t *value)
{
    uint64_t whole = 0, part = 0;
    int decimals = 0;
    size_t digits = strspn(text, "0123456789");
    const char *rest = text + digits;
    if (digits == 0 || digits > 9 || (*rest != '\0' && *rest != '.'))
        return false;
    for (size_t i = 0; i < digits; i++)
        whole = 10 * whole + (uint64_t)(text[i] - '0');
    if (*rest == '.' && (rest[1] < '0' || rest[1] > '9'))
        return false;
    for (rest += *rest == '.'; *rest >= '0' && *rest <= '9'; rest++, decimals++)
        part = decimals < 6 ? 10 * part + (uint64_t)(*rest - '0') : part;
    if (*rest || decimals > 6)
        return false;
    for (; decimals < 6; decimals++)
        part *= 10;
    *value = whole * 1000000 + part;
    return true;
}

static bool read_amount(enum threshold_unit unit, const char *text,
                        uint64_t *value)
{
    const char *why;
    struct quantity_range range;
    struct quantity_rate rate;
    switch (unit) {
    case THRESHOLD_COUNT:
        if (strchr(text, '-') || quantity_read_range(text, &range, &why) != 0)
            return false;
        *value = range.first;
        return true;
    case THRESHOLD_NS:
        return quantity_read(QUANTITY_DURATION, text, value, &why) == 0;
    case THRESHOLD_BYTES:
        return quantity_read(QUANTITY_SIZE, text, value, &why) == 0;
    case THRESHOLD_PPB:
        return quantity_read(QUANTITY_SHARE, text, value, &why) == 0;
    case THRESHOLD_MICRODOLLARS:
        return text[0] == '$' && read_dollars(text + 1, value);
    case THRESHOLD_MILLIONTHS_PER_S:
        if (quantity_read_rate(text, &rate, &why) != 0)
            return false;
        __extension__ unsigned __int128 exact =
            rate.count * (unsigned __int128)1000000000000000 / rate.per_ns;
        *value = exact > INT64_MAX ? INT64_MAX : (uint64_t)exact;
        return true;
    }
    return false;
}

static void read_limit(struct draft *draft, struct scenario_threshold *out)
{
    const char *text = NULL, *amount = NULL;
    int64_t exact;
    if (json_is_number(draft->limit) && out->unit == THRESHOLD_COUNT) {
        if (json_as_int(draft->limit, 0, JSON_INT_MAX, &exact, draft->err)) {
            out->comparison = SCENARIO_EQUAL;
            out->value = (uint64_t)exact;
            snprintf(out->limit, sizeof(out->limit), "= %lld",
                     (long long)exact);
        }
        return;
    }
    if (!json_as_string(draft->limit, 1, sizeof(out->limit) - 1, &text,
                        draft->err))
        return;
    amount = read_comparison(text, &out->comparison);
    if (!amount || !read_amount(out->unit, amount, &out->value))
        json_fail(draft->limit, draft->err, "found \"%s\", allowed %s", text,
                  examples[out->unit]);
    snprintf(out->limit, sizeof(out->limit), "%s", text);
}

static void add(struct draft *draft, struct scenario_threshold threshold)
{
    if (draft->err->code == 0)
        read_limit(draft, &threshold);
    if (draft->err->code != 0)
        return;
    if (draft->count == draft->room) {
        json_fail(draft->expr, draft->err,
                  "found too many thresholds, allowed %u",
                  (unsigned)draft->room);
        return;
    }
    snprintf(threshold.expr, sizeof(threshold.expr), "%s", draft->text);
    draft->list[draft->count++] = threshold;
}

/* What it is of ------------------------------------------------------------ */

static void of_point(struct draft *draft, struct scenario_threshold threshold)
{
    const char *names[FAULT_POINTS_MAX];
    uint32_t count = 0, base = scenario_points_base();
    const struct engine_point *points = scenario_points(&count);
    threshold.index = fault_point_find(points, count, draft->argument);
    if (threshold.index < count) {
        add(draft, threshold);
        return;
    }
    for (uint32_t i = base; i < count; i++)
        names[i - base] = points[i].name;
    json_fail_choice(draft->expr, draft->err, "point", draft->argument, names,
                     count - base);
}

static void of_class(struct draft *draft, struct scenario_threshold threshold)
{
    const char *names[ENGINE_ERR_COUNT];
    enum engine_error error = engine_failure_find(draft->argument);
    if (error != ENGINE_ERR_NONE && error < ENGINE_ERR_COUNT) {
        threshold.index = error;
        add(draft, threshold);
        return;
    }
    for (unsigned i = ENGINE_ERR_NONE + 1; i < ENGINE_ERR_COUNT; i++)
        names[i - 1] = engine_failure_of(i)->code;
    json_fail_choice(draft->expr, draft->err, "class of error", draft->argument,
                     names, ENGINE_ERR_COUNT - 1);
}

/* One of a few names, by its place. */
static void of_name(struct draft *draft, struct scenario_threshold threshold,
                    const char *what, const char *const *names, size_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(draft->argument, names[i]) == 0) {
            threshold.index = i;
            add(draft, threshold);
            return;
        }
    json_fail_choice(draft->expr, draft->err, what, draft->argument, names,
                     count);
}

static void of_platform(struct draft *draft,
                        struct scenario_threshold threshold)
{
    const struct scenario *scenario = draft->scenario;
    const char *names[SIM_NODE_PLATFORMS_MAX];
    for (uint32_t i = 0; i < scenario->platform_count; i++)
        names[i] = scenario->platforms[i].name;
    of_name(draft, threshold, "platform", names, scenario->platform_count);
}

static void of_part(struct draft *draft, struct scenario_threshold threshold)
{
    const char *names[REPORT_PARTS];
    for (unsigned i = 0; i < REPORT_PARTS; i++)
        names[i] = report_part_name(i);
    of_name(draft, threshold, "part of the latency", names, REPORT_PARTS);
}

/* A step of each workflow that has one of this name. */
static void of_step(struct draft *draft, struct scenario_threshold threshold)
{
    const struct scenario *scenario = draft->scenario;
    const char *names[64];
    size_t count = 0;
    bool found = false;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        uint32_t op = scenario_step_find(workflow, draft->argument);
        for (uint32_t i = 0; i < scenario_step_count(workflow); i++)
            if (count < COUNT(names))
                names[count++] = scenario_step_name(workflow, i);
        if (op == UINT32_MAX)
            continue;
        found = true;
        threshold.workflow = w;
        threshold.op = scenario_step_op(workflow, op);
        add(draft, threshold);
    }
    if (!found)
        json_fail_choice(draft->expr, draft->err, "step", draft->argument,
                         names, count);
}

static void add_of(struct draft *draft, struct scenario_threshold threshold,
                   enum threshold_argument argument)
{
    threshold.index = threshold.op = threshold.workflow = THRESHOLD_ALL;
    switch (argument) {
    case THRESHOLD_ALONE:
        add(draft, threshold);
        break;
    case THRESHOLD_OF_POINT:
        of_point(draft, threshold);
        break;
    case THRESHOLD_OF_CLASS:
        of_class(draft, threshold);
        break;
    case THRESHOLD_OF_PLATFORM:
        of_platform(draft, threshold);
        break;
    case THRESHOLD_OF_STEP:
        of_step(draft, threshold);
        break;
    case THRESHOLD_OF_LIMIT:
        of_name(draft, threshold, "limit", limits, COUNT(limits));
        break;
    case THRESHOLD_OF_PART:
        of_part(draft, threshold);
        break;
    }
}

/* What is measured --------------------------------------------------------- */

/* All that may stand there, for an error. */
static void fail_expr(struct draft *draft, const char *found)
{
    static char const *const statistics[] = {"p99", "mean", "max"};
    char texts[COUNT(measures) + COUNT(statistics) * COUNT(times)][48];
    const char *names[COUNT(texts)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(measures); i++)
        snprintf(texts[count++], sizeof(texts[0]), "%s%s", measures[i].key,
                 arguments[measures[i].argument]);
    for (size_t i = 0; i < COUNT(statistics) * COUNT(times); i++)
        snprintf(texts[count++], sizeof(texts[0]), "%s(%s%s)",
                 statistics[i / COUNT(times)], times[i % COUNT(times)].key,
                 arguments[times[i % COUNT(times)].argument]);
    for (size_t i = 0; i < count; i++)
        names[i] = texts[i];
    json_fail_choice(draft->expr, draft->err, "expression", found, names,
                     count);
}

static bool is_key(const struct draft *draft, const char *key, const char *text,
                   size_t size, enum threshold_argument argument)
{
    return strlen(key) == size && memcmp(key, text, size) == 0 &&
           (argument == THRESHOLD_ALONE) == (draft->argument == NULL);
}

/* "p99.9", "mean", "max". */
static bool read_statistic(const char *text, size_t size, uint32_t *milli)
{
    if (size == 4 && memcmp(text, "mean", 4) == 0)
        *milli = THRESHOLD_MEAN;
    else if (size == 3 && memcmp(text, "max", 3) == 0)
        *milli = THRESHOLD_MAX;
    else
        return read_percentile(text, size, milli);
    return true;
}

/* STATISTIC(TIME) or STATISTIC(TIME:NAME); inside is what is in brackets. */
static void read_timed(struct draft *draft, const char *expr, size_t before,
                       char *inside)
{
    struct scenario_threshold threshold = {.unit = THRESHOLD_NS};
    char *colon = strchr(inside, ':');
    draft->argument = colon ? colon + 1 : NULL;
    size_t size = colon ? (size_t)(colon - inside) : strlen(inside);
    bool known = read_statistic(expr, before, &threshold.percentile_milli);
    for (size_t i = 0; known && i < COUNT(times); i++)
        if (is_key(draft, times[i].key, inside, size, times[i].argument)) {
            threshold.measure = times[i].measure;
            add_of(draft, threshold, times[i].argument);
            return;
        }
    fail_expr(draft, expr);
}

static void read_expr(struct draft *draft, const char *expr)
{
    struct scenario_threshold threshold = {0};
    const char *bracket = strchr(expr, '(');
    const char *colon = strchr(expr, ':');
    size_t size = strlen(expr);
    if (bracket && (!colon || colon > bracket) && expr[size - 1] == ')') {
        char inside[128];
        snprintf(inside, sizeof(inside), "%.*s",
                 (int)(size - (size_t)(bracket - expr) - 2), bracket + 1);
        read_timed(draft, expr, (size_t)(bracket - expr), inside);
        return;
    }
    draft->argument = colon ? colon + 1 : NULL;
    size = colon ? (size_t)(colon - expr) : size;
    for (size_t i = 0; i < COUNT(measures); i++)
        if (is_key(draft, measures[i].key, expr, size, measures[i].argument)) {
            threshold.measure = measures[i].measure;
            threshold.unit = measures[i].unit;
            add_of(draft, threshold, measures[i].argument);
            return;
        }
    fail_expr(draft, expr);
}

static void read_threshold(struct draft *draft, struct json_view view)
{
    static const char *const keys[] = {"expr", "limit"};
    if (json_check_keys(view, keys, COUNT(keys), draft->err) &&
        json_get(view, "expr", JSON_REQUIRED, &draft->expr, draft->err) &&
        json_get(view, "limit", JSON_REQUIRED, &draft->limit, draft->err) &&
        json_as_string(draft->expr, 1, 127, &draft->text, draft->err))
        read_expr(draft, draft->text);
}

void read_thresholds(struct read_state *state, struct json_view root)
{
    struct scenario *scenario = state->scenario;
    struct draft draft = {.scenario = scenario, .err = state->err};
    struct json_view list;
    if (!json_get_array(root, "thresholds", JSON_OPTIONAL, 1, THRESHOLDS_MAX,
                        &list, state->err))
        return;
    draft.room = (uint32_t)json_count(list) * scenario->workflow_count;
    draft.list = read_alloc(draft.room, sizeof(*draft.list), list, state->err);
    for (struct json_view v = json_first(list); v.item && state->err->code == 0;
         v = json_next(v))
        read_threshold(&draft, v);
    scenario->thresholds = draft.list;
    scenario->threshold_count = draft.count;
}
