/*
 * Expectations: what a scenario promises about its report.
 *
 *     "effects:charge": "exactly once"      "stuck runs": 0
 *     "p99(run)": "< 30s"                   "fired:worker/effect/after": ">= 1"
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/failure.h"
#include "engine/host/sentence.h"
#include "faults/points.h"
#include "scenarios/read.h"
#include "scenarios/read_dist.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    EXPECTATIONS_MAX = 1024,
    SOMETIMES_MAX = 64 /* bits of a mask */
};

/* Measures that a key names in full. */
static const struct {
    const char *key;
    enum scenario_measure measure;
    bool duration;
} plain[] = {
    {"stuck runs", SCENARIO_STUCK, false},
    {"blocked runs", SCENARIO_BLOCKED, false},
    {"failed runs", SCENARIO_FAILED, false},
    {"succeeded runs", SCENARIO_SUCCEEDED, false},
    {"cancelled runs", SCENARIO_CANCELLED, false},
    {"stopped runs", SCENARIO_STOPPED, false},
    {"timed-out runs", SCENARIO_TIMED_OUT, false},
    {"drain after faults", SCENARIO_DRAIN, true},
    {"takeovers", SCENARIO_TAKEOVERS, false},
    {"fenced writes", SCENARIO_REJECTED, false},
    {"throttled", SCENARIO_THROTTLED, false},
    {"killed", SCENARIO_KILLED, false},
    {"warned places", SCENARIO_WARNED, false},
    {"shortest notice", SCENARIO_NOTICE, true},
};

struct expect_draft {
    const struct scenario *scenario;
    struct json_error *err;
    struct scenario_expectation *list;
    uint32_t count;
    uint32_t room;
};

/* Adds an expectation; its text is what was written. */
static void add(struct expect_draft *draft, struct json_view view,
                struct scenario_expectation expectation, const char *value)
{
    struct sentence text;
    if (draft->err->code != 0)
        return;
    if (draft->count == draft->room) {
        json_fail_key(view, draft->err,
                      "found too many expectations, allowed %" PRIu32,
                      draft->room);
        return;
    }
    sentence_init(&text, expectation.text, sizeof(expectation.text));
    sentence_plain(&text, json_key(view), strlen(json_key(view)));
    sentence_plain(&text, " ", 1);
    sentence_plain(&text, value, strlen(value));
    draft->list[draft->count++] = expectation;
}

const char *read_comparison(const char *text, enum scenario_comparison *out)
{
    static const struct {
        const char *sign;
        enum scenario_comparison comparison;
    } signs[] = {{"<= ", SCENARIO_AT_MOST},
                 {">= ", SCENARIO_AT_LEAST},
                 {"< ", SCENARIO_LESS},
                 {"> ", SCENARIO_MORE},
                 {"= ", SCENARIO_EQUAL}};
    for (size_t i = 0; i < COUNT(signs); i++) {
        size_t length = strlen(signs[i].sign);
        if (strncmp(text, signs[i].sign, length) == 0) {
            *out = signs[i].comparison;
            return text + length;
        }
    }
    return NULL;
}

/* Decimal digits without a leading zero, up to 2^53 - 1. */
static bool read_count(const char *text, uint64_t *count)
{
    struct quantity_range range;
    const char *why = NULL;
    if (strchr(text, '-') || quantity_read_range(text, &range, &why) != 0)
        return false;
    *count = range.first;
    return true;
}

static void read_counted(struct expect_draft *draft, struct json_view view,
                         struct scenario_expectation expectation)
{
    char value[32];
    const char *text = value, *number = NULL;
    int64_t exact;
    if (json_is_number(view)) {
        if (!json_as_int(view, 0, JSON_INT_MAX, &exact, draft->err))
            return;
        expectation.comparison = SCENARIO_EQUAL;
        expectation.value = (uint64_t)exact;
        snprintf(value, sizeof(value), "= %" PRId64, exact);
    } else if (json_is_string(view)) {
        (void)json_as_string(view, 1, 64, &text, draft->err);
        if (draft->err->code == 0)
            number = read_comparison(text, &expectation.comparison);
        if (!number || !read_count(number, &expectation.value))
            json_fail(view, draft->err,
                      "found \"%s\", allowed a number or a comparison with "
                      "one: \"< 3\", \"<= 3\", \"= 3\", \">= 3\", \"> 3\"",
                      text);
    } else {
        json_fail(view, draft->err,
                  "found no number for \"%s\", allowed one or a comparison "
                  "with one: 3, \"< 3\", \"<= 3\", \">= 3\", \"> 3\"",
                  json_key(view));
    }
    add(draft, view, expectation, text);
}

static void read_timed(struct expect_draft *draft, struct json_view view,
                       struct scenario_expectation expectation)
{
    const char *text = NULL, *why = NULL;
    if (!json_is_string(view)) {
        json_fail(view, draft->err,
                  "found no text for \"%s\", allowed a comparison with a "
                  "duration: \"< 30s\", \"<= 30s\", \">= 30s\", \"> 30s\"",
                  json_key(view));
        return;
    }
    if (!json_as_string(view, 0, 64, &text, draft->err))
        return;
    const char *duration = read_comparison(text, &expectation.comparison);
    if (!duration || quantity_read(QUANTITY_DURATION, duration,
                                   &expectation.value, &why) != 0) {
        json_fail(view, draft->err,
                  "found \"%s\", allowed a comparison with a duration: "
                  "\"< 30s\", \"<= 30s\", \">= 30s\", \"> 30s\"",
                  text);
        return;
    }
    add(draft, view, expectation, text);
}

/* Steps that have an effect, by name, for an error. */
static void fail_step(struct expect_draft *draft, struct json_view view,
                      const char *found)
{
    const struct scenario *scenario = draft->scenario;
    const char *names[64];
    struct sentence text;
    char known[512];
    size_t count = 0;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        for (uint32_t op = 0; op < scenario_step_count(workflow); op++) {
            if (workflow->effects[op] != 0 && count < COUNT(names))
                names[count++] = scenario_step_name(workflow, op);
        }
    }
    sentence_init(&text, known, sizeof(known));
    if (count > 0)
        sentence_choices(&text, found, names, count);
    else
        sentence_add(&text, ", allowed only where a step has an effect");
    json_fail_key(view, draft->err, "found step with an effect \"%s\"%s", found,
                  known);
}

static void read_effects(struct expect_draft *draft, struct json_view view,
                         const char *step)
{
    static const char *const words[] = {"exactly once", "at most once",
                                        "at least once"};
    static const enum scenario_comparison comparisons[] = {
        SCENARIO_EQUAL, SCENARIO_AT_MOST, SCENARIO_AT_LEAST};
    const struct scenario *scenario = draft->scenario;
    bool found = false;
    size_t word = 0;
    if (!json_as_enum(view, words, COUNT(words), &word, draft->err))
        return;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        uint32_t op = scenario_step_find(workflow, step);
        if (op == UINT32_MAX || workflow->effects[op] == 0)
            continue;
        found = true;
        add(draft, view,
            (struct scenario_expectation){.measure = SCENARIO_EFFECTS,
                                          .comparison = comparisons[word],
                                          .value = 1,
                                          .workflow = w,
                                          .op = scenario_step_op(workflow, op)},
            words[word]);
    }
    if (!found)
        fail_step(draft, view, step);
}

/* A name that is none of those, at a key. */
static void fail_name(struct expect_draft *draft, struct json_view view,
                      const char *what, const char *name,
                      const char *const *names, size_t count)
{
    char known[512];
    struct sentence text;
    sentence_init(&text, known, sizeof(known));
    sentence_choices(&text, name, names, count);
    json_fail_key(view, draft->err, "found %s \"%s\"%s", what, name, known);
}

static void read_fired(struct expect_draft *draft, struct json_view view,
                       const char *name)
{
    const char *names[FAULT_POINTS_MAX];
    uint32_t count = 0, base = scenario_points_base();
    const struct engine_point *points = scenario_points(&count);
    uint32_t point = fault_point_find(points, count, name);
    if (point < count) {
        read_counted(draft, view,
                     (struct scenario_expectation){.measure = SCENARIO_FIRED,
                                                   .point = point});
        return;
    }
    for (uint32_t i = base; i < count; i++)
        names[i - base] = points[i].name;
    fail_name(draft, view, "point", name, names, count - base);
}

/* errors:CLASS, given up:CLASS */
static void read_class(struct expect_draft *draft, struct json_view view,
                       const char *name, enum scenario_measure measured)
{
    const char *names[ENGINE_ERR_COUNT];
    enum engine_error error = engine_failure_find(name);
    if (error != ENGINE_ERR_NONE && error < ENGINE_ERR_COUNT) {
        read_counted(
            draft, view,
            (struct scenario_expectation){.measure = measured, .point = error});
        return;
    }
    for (unsigned i = ENGINE_ERR_NONE + 1; i < ENGINE_ERR_COUNT; i++)
        names[i - 1] = engine_failure_of(i)->code;
    fail_name(draft, view, "class of error", name, names, ENGINE_ERR_COUNT - 1);
}

/* starts:PLATFORM */
static void read_starts(struct expect_draft *draft, struct json_view view,
                        const char *name)
{
    const struct scenario *scenario = draft->scenario;
    const char *names[SIM_NODE_PLATFORMS_MAX];
    for (uint32_t i = 0; i < scenario->platform_count; i++) {
        names[i] = scenario->platforms[i].name;
        if (strcmp(name, names[i]) != 0)
            continue;
        read_counted(draft, view,
                     (struct scenario_expectation){.measure = SCENARIO_STARTS,
                                                   .point = i});
        return;
    }
    fail_name(draft, view, "platform", name, names, scenario->platform_count);
}

/* "p99(run)" */
static bool read_latency(struct expect_draft *draft, struct json_view view)
{
    const char *key = json_key(view);
    const char *end = strchr(key, '(');
    struct scenario_expectation expectation = {.measure = SCENARIO_RUN_LATENCY};
    if (!end || strcmp(end, "(run)") != 0 ||
        !read_percentile(key, (size_t)(end - key),
                         &expectation.percentile_milli))
        return false;
    read_timed(draft, view, expectation);
    return true;
}

static void fail_key(struct expect_draft *draft, struct json_view view)
{
    const char *names[COUNT(plain) + 6] = {"effects:STEP",   "fired:POINT",
                                           "p99(run)",       "errors:CLASS",
                                           "given up:CLASS", "starts:PLATFORM"};
    char known[512];
    struct sentence text;
    for (size_t i = 0; i < COUNT(plain); i++)
        names[6 + i] = plain[i].key;
    sentence_init(&text, known, sizeof(known));
    sentence_choices(&text, json_key(view), names, COUNT(names));
    json_fail_key(view, draft->err, "found expectation \"%s\"%s",
                  json_key(view), known);
}

static void read_expectation(struct expect_draft *draft, struct json_view view)
{
    const char *key = json_key(view);
    for (size_t i = 0; i < COUNT(plain); i++) {
        struct scenario_expectation expectation = {.measure = plain[i].measure};
        if (strcmp(key, plain[i].key) != 0)
            continue;
        if (plain[i].duration)
            read_timed(draft, view, expectation);
        else
            read_counted(draft, view, expectation);
        return;
    }
    if (strncmp(key, "effects:", 8) == 0)
        read_effects(draft, view, key + 8);
    else if (strncmp(key, "fired:", 6) == 0)
        read_fired(draft, view, key + 6);
    else if (strncmp(key, "errors:", 7) == 0)
        read_class(draft, view, key + 7, SCENARIO_ERRORS);
    else if (strncmp(key, "given up:", 9) == 0)
        read_class(draft, view, key + 9, SCENARIO_GIVEN_UP);
    else if (strncmp(key, "starts:", 7) == 0)
        read_starts(draft, view, key + 7);
    else if (!read_latency(draft, view))
        fail_key(draft, view);
}

/* The list under a key, of at most `most`; *count of them. */
static struct scenario_expectation *read_list(struct read_state *state,
                                              struct json_view root,
                                              const char *key, size_t most,
                                              uint32_t *count)
{
    struct expect_draft draft = {.scenario = state->scenario,
                                 .err = state->err};
    struct json_view view;
    if (!json_get_object(root, key, JSON_OPTIONAL, &view, state->err))
        return NULL;
    size_t wanted = json_count(view) * state->scenario->workflow_count;
    draft.room = (uint32_t)(wanted < most ? wanted : most);
    draft.list = read_alloc(draft.room, sizeof(*draft.list), view, state->err);
    for (struct json_view v = json_first(view); v.item && state->err->code == 0;
         v = json_next(v))
        read_expectation(&draft, v);
    *count = draft.count;
    return draft.list;
}

void read_expectations(struct read_state *state, struct json_view root)
{
    struct scenario *scenario = state->scenario;
    scenario->expectations = read_list(state, root, "expect", EXPECTATIONS_MAX,
                                       &scenario->expectation_count);
    scenario->sometimes = read_list(state, root, "sometimes", SOMETIMES_MAX,
                                    &scenario->sometimes_count);
}
