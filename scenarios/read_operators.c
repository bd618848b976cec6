/*
 * "operators": what people do to runs from outside, through the store as the
 * commands of a real installation do.
 *
 *     {"do": "pause", "after": "10s", "runs": "every 10th", "reason": ".."}
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND UINT64_C(1000000000)
#define YEAR (365 * (86400 * SECOND))

enum {
    OPERATORS_MAX = 64
};

static void read_action(struct json_view view, struct sim_operator *operator,
                        struct json_error * err)
{
    static const char *const words[] = {"pause",  "unpause", "cancel", "stop",
                                        "resume", "skip",    "abort"};
    static const uint32_t kinds[COUNT(words)] = {
        ENGINE_SIG_PAUSE, ENGINE_SIG_UNPAUSE, ENGINE_SIG_CANCEL,
        ENGINE_SIG_STOP,  ENGINE_SIG_RESUME,  ENGINE_SIG_SKIP,
        ENGINE_SIG_ABORT};
    size_t index = 0;
    if (json_get_enum(view, "do", JSON_REQUIRED, words, COUNT(words), &index,
                      err))
        operator->kind = kinds[index];
}

static void read_when(struct json_view view, struct sim_operator *operator,
                      struct json_error * err)
{
    bool at = json_get_duration(view, "at", JSON_OPTIONAL, 0, YEAR,
                                &operator->at_ns, err);
    bool after = json_get_duration(view, "after", JSON_OPTIONAL, 0, YEAR,
                                   &operator->at_ns, err);
    if (err->code == 0 && at == after)
        json_fail(view, err,
                  "found %s \"at\" %s \"after\", allowed one of them: from the "
                  "start of the world, or of each run",
                  at ? "both" : "neither", at ? "and" : "nor");
    operator->of_run = after;
    (void)json_get_duration(view, "every", JSON_OPTIONAL, SECOND, YEAR,
                            &operator->every_ns, err);
}

/* The number in "every 10th". False: it is none of that form. */
static bool read_each(const char *text, uint64_t *each)
{
    char *end = NULL;
    if (strncmp(text, "every ", 6) != 0 || text[6] < '1' || text[6] > '9')
        return false;
    *each = strtoull(text + 6, &end, 10);
    return strcmp(end, "st") == 0 || strcmp(end, "nd") == 0 ||
           strcmp(end, "rd") == 0 || strcmp(end, "th") == 0;
}

/* A number, a range as "3-7", or "every 10th". */
static void read_runs(struct json_view view, struct sim_operator *operator,
                      struct json_error * err)
{
    struct json_view runs;
    struct quantity_range range;
    const char *text = NULL, *why = NULL;
    int64_t number;
    operator->first_run = 1;
    operator->last_run = UINT64_MAX;
    operator->each = 1;
    if (!json_get(view, "runs", JSON_OPTIONAL, &runs, err))
        return;
    if (json_is_number(runs)) {
        if (json_as_int(runs, 1, JSON_INT_MAX, &number, err))
            operator->first_run = operator->last_run =(uint64_t) number;
        return;
    }
    if (!json_as_string(runs, 1, 64, &text, err) ||
        read_each(text, &operator->each))
        return;
    if (quantity_read_range(text, &range, &why) != 0) {
        json_fail(runs, err,
                  "found runs \"%s\", allowed a number, a range, or one in so "
                  "many: 3, \"3-7\", \"every 10th\"",
                  text);
        return;
    }
    operator->first_run = range.first;
    operator->last_run = range.last;
}

static void read_text(struct json_view view, const char *key, char *to,
                      struct json_error *err)
{
    const char *text = NULL;
    if (json_get_string(view, key, JSON_OPTIONAL, 1, SIM_OPERATOR_TEXT - 1,
                        &text, err))
        snprintf(to, SIM_OPERATOR_TEXT, "%s", text);
}

static void read_operator(struct json_view view, struct sim_operator *operator,
                          struct json_error * err)
{
    static const char *const keys[] = {"do",   "at",     "after", "every",
                                       "runs", "reason", "actor"};
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    snprintf(operator->actor, sizeof(operator->actor), "operator");
    snprintf(operator->reason, sizeof(operator->reason), "scenario");
    read_action(view, operator, err);
    read_when(view, operator, err);
    read_runs(view, operator, err);
    read_text(view, "reason", operator->reason, err);
    read_text(view, "actor", operator->actor, err);
}

void read_operators(struct read_state *state, struct json_view root)
{
    struct scenario *scenario = state->scenario;
    struct json_view list;
    if (!json_get_array(root, "operators", JSON_OPTIONAL, 1, OPERATORS_MAX,
                        &list, state->err))
        return;
    scenario->operators = read_alloc(
        json_count(list), sizeof(*scenario->operators), list, state->err);
    for (struct json_view v = json_first(list); v.item && state->err->code == 0;
         v = json_next(v))
        read_operator(v, &scenario->operators[scenario->operator_count++],
                      state->err);
}
