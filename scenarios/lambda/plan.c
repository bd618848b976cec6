#include "scenarios/lambda/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/wire.h"

#define SECOND UINT64_C(1000000000)

enum {
    REORDER_SECONDS = 600 /* a timer is so late at most */
};

/* What the size of a fault is. */
enum sizing {
    ONE,     /* nothing */
    OFTEN,   /* of how many boundaries of that name in a row */
    SECONDS, /* how late */
    TURNS,   /* 1: the first delivery is heard first; 2: the second */
    DRAWS,   /* which of so many orders */
    ITEMS    /* operations in a page */
};

struct fault {
    const char *name;
    enum sizing sizing;
    uint32_t sizes[LAMBDA_SIZES_MAX];
    bool changes; /* what a run comes to */
    bool whole;
    bool callback;
};

static const struct fault faults[LAMBDA_FAULT_COUNT] = {
    [LAMBDA_FAULT_NONE] = {.name = "none"},
    [LAMBDA_FAULT_CRASH] = {.name = "crash"},
    [LAMBDA_FAULT_TIME_OUT] = {.name = "timeout"},
    [LAMBDA_FAULT_LOST_REQUEST] = {.name = "lost-request",
                                   .sizing = OFTEN,
                                   .sizes = {1, 3}},
    [LAMBDA_FAULT_LOST_REPLY] = {.name = "lost-reply"},
    [LAMBDA_FAULT_LATE_REPLY] = {.name = "late-reply",
                                 .sizing = SECONDS,
                                 .sizes = {20, 60}},
    [LAMBDA_FAULT_THROTTLE] = {.name = "throttle",
                               .sizing = OFTEN,
                               .sizes = {1, 3, 9}},
    [LAMBDA_FAULT_SERVER_ERROR] = {.name = "server-error",
                                   .sizing = OFTEN,
                                   .sizes = {1, 3, 9}},
    [LAMBDA_FAULT_STALE_TOKEN] = {.name = "stale-token"},
    [LAMBDA_FAULT_FOREIGN_TOKEN] = {.name = "foreign-token"},
    [LAMBDA_FAULT_DUPLICATE] = {.name = "duplicate",
                                .sizing = TURNS,
                                .sizes = {1, 2}},
    [LAMBDA_FAULT_OVERLAP] = {.name = "overlap"},
    [LAMBDA_FAULT_STOP] = {.name = "stop"},
    [LAMBDA_FAULT_LATE_TIMER] = {.name = "late-timer",
                                 .sizing = SECONDS,
                                 .sizes = {1, 60, 3600}},
    [LAMBDA_FAULT_CALLBACK_FIRST] = {.name = "callback-first",
                                     .callback = true},
    [LAMBDA_FAULT_CALLBACK_EARLY] = {.name = "callback-early",
                                     .callback = true},
    [LAMBDA_FAULT_CALLBACK_SAME] = {.name = "callback-same",
                                    .callback = true,
                                    .changes = true},
    [LAMBDA_FAULT_CALLBACK_LATE] = {.name = "callback-late",
                                    .callback = true,
                                    .changes = true},
    [LAMBDA_FAULT_CALLBACK_TWICE] = {.name = "callback-twice",
                                     .callback = true},
    [LAMBDA_FAULT_CALLBACK_FAIL] = {.name = "callback-fail",
                                    .callback = true,
                                    .changes = true},
    [LAMBDA_FAULT_CALLBACK_NEVER] = {.name = "callback-never",
                                     .callback = true,
                                     .changes = true},
    [LAMBDA_FAULT_HEARTBEAT_EARLY] = {.name = "heartbeat-early",
                                      .callback = true},
    [LAMBDA_FAULT_HEARTBEAT_LATE] = {.name = "heartbeat-late",
                                     .callback = true,
                                     .changes = true},
    [LAMBDA_FAULT_REORDERED_TIMERS] = {.name = "reordered-timers",
                                       .sizing = DRAWS,
                                       .sizes = {1, 2, 3},
                                       .whole = true},
    [LAMBDA_FAULT_PAGES] = {.name = "pages",
                            .sizing = ITEMS,
                            .sizes = {1, 2, 3, 7},
                            .whole = true},
    [LAMBDA_FAULT_EMPTY_PAGE] = {.name = "empty-page", .whole = true},
};

/* Faults ------------------------------------------------------------------ */

const char *lambda_fault_name(enum lambda_fault fault)
{
    return faults[fault].name;
}

enum lambda_fault lambda_fault_find(const char *name)
{
    for (unsigned i = 1; i < LAMBDA_FAULT_COUNT; i++)
        if (strcmp(faults[i].name, name) == 0)
            return (enum lambda_fault)i;
    return LAMBDA_FAULT_COUNT;
}

bool lambda_fault_changes(enum lambda_fault fault)
{
    return faults[fault].changes;
}

bool lambda_fault_whole(enum lambda_fault fault)
{
    return faults[fault].whole;
}

uint32_t lambda_fault_sizes(enum lambda_fault fault,
                            const struct lambda_point *point,
                            uint32_t sizes[LAMBDA_SIZES_MAX])
{
    const struct fault *self = &faults[fault];
    uint32_t count = 0;

    while (count < LAMBDA_SIZES_MAX && self->sizes[count]) {
        sizes[count] = self->sizes[count];
        count++;
    }
    /* What is delivered once the first is over is heard after it. How often the
     * functions ask others again is their own affair. */
    if (count == 0 ||
        (self->sizing == OFTEN && point->place == LAMBDA_AT_EFFECT) ||
        (self->sizing == TURNS && point->after)) {
        sizes[0] = 1;
        count = 1;
    }
    return count;
}

const char *lambda_fault_detail(enum lambda_fault fault, uint32_t size,
                                char out[LAMBDA_DETAIL_SIZE])
{
    static const char *const forms[] = {"",          "x%u",      "%u s late",
                                        "heard #%u", "order %u", "of %u"};

    /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
    snprintf(out, LAMBDA_DETAIL_SIZE, forms[faults[fault].sizing],
             (unsigned)size);
    return out;
}

const char *lambda_point_write(const struct lambda_point *point,
                               char out[LAMBDA_LABEL_SIZE])
{
    static const char *const kinds[] = {"", "", "", "effect ", "line ", ""};

    if (point->place == LAMBDA_AT_RUN)
        snprintf(out, LAMBDA_LABEL_SIZE, "the whole run");
    else if (point->place == LAMBDA_AT_CALLBACK)
        snprintf(out, LAMBDA_LABEL_SIZE, "callback %s #%u", point->operation,
                 (unsigned)point->occurrence);
    else
        snprintf(out, LAMBDA_LABEL_SIZE, "%s %s%s%s%s #%u",
                 point->after ? "after" : "before", kinds[point->place],
                 point->operation, point->action[0] ? " " : "", point->action,
                 (unsigned)point->occurrence);
    return out;
}

const char *lambda_strike_write(const struct lambda_strike *strike,
                                char out[LAMBDA_STRIKE_SIZE])
{
    char label[LAMBDA_LABEL_SIZE];

    (void)lambda_point_write(&strike->at, label);
    if (faults[strike->fault].sizing == ONE)
        snprintf(out, LAMBDA_STRIKE_SIZE, "%s %s",
                 lambda_fault_name(strike->fault), label);
    else
        snprintf(out, LAMBDA_STRIKE_SIZE, "%s*%u %s",
                 lambda_fault_name(strike->fault), strike->times, label);
    return out;
}

/* "crash" or "throttle*3", and the end of it. */
static const char *read_fault(const char *text, struct lambda_strike *strike)
{
    size_t size = strcspn(text, " *");
    char name[40];
    char *end = (char *)text + size;

    snprintf(name, sizeof(name), "%.*s", (int)size, text);
    strike->fault = lambda_fault_find(name);
    strike->times = 1;
    if (*end == '*')
        strike->times = (uint32_t)strtoul(end + 1, &end, 10);
    return strike->fault < LAMBDA_FAULT_COUNT && strike->times > 0 &&
                   *end == ' '
               ? end + 1
               : NULL;
}

bool lambda_strike_read(const char *text, const struct lambda_plan *plan,
                        struct lambda_strike *strike)
{
    const char *where = read_fault(text, strike);
    char label[LAMBDA_LABEL_SIZE];

    for (uint32_t i = 0; where && i < plan->point_count; i++)
        if (strcmp(lambda_point_write(&plan->points[i], label), where) == 0) {
            strike->at = plan->points[i];
            return lambda_fault_fits(strike->fault, &strike->at);
        }
    return false;
}

/* Crossing ---------------------------------------------------------------- */

static bool same_name(const struct lambda_point *a,
                      const struct lambda_point *b)
{
    return a->place == b->place && a->after == b->after &&
           strcmp(a->operation, b->operation) == 0 &&
           strcmp(a->action, b->action) == 0;
}

static bool grow(struct lambda_plan *plan)
{
    uint32_t capacity = plan->name_capacity ? 2 * plan->name_capacity : 64;
    struct lambda_point *names =
        realloc(plan->names, capacity * sizeof(*names));
    uint32_t *counts = NULL;

    if (names) {
        plan->names = names;
        counts = realloc(plan->counts, capacity * sizeof(*counts));
    }
    if (!counts) {
        plan->failed = true;
        return false;
    }
    plan->counts = counts;
    plan->name_capacity = capacity;
    return true;
}

/* Which of its name this one is. */
static uint32_t count(struct lambda_plan *plan,
                      const struct lambda_point *point)
{
    uint32_t i = 0;

    while (i < plan->name_count && !same_name(&plan->names[i], point))
        i++;
    if (i == plan->name_count) {
        if (i == plan->name_capacity && !grow(plan))
            return 1;
        plan->names[i] = *point;
        plan->counts[i] = 0;
        plan->name_count++;
    }
    return ++plan->counts[i];
}

static void record(struct lambda_plan *plan, const struct lambda_point *point)
{
    if (plan->point_count == plan->point_capacity) {
        uint32_t capacity =
            plan->point_capacity ? 2 * plan->point_capacity : 64;
        struct lambda_point *points =
            realloc(plan->points, capacity * sizeof(*points));
        if (!points) {
            plan->failed = true;
            return;
        }
        plan->points = points;
        plan->point_capacity = capacity;
    }
    plan->points[plan->point_count++] = *point;
}

/* Where faults can strike ------------------------------------------------- */

static bool fits_callback(enum lambda_fault fault,
                          const struct lambda_point *point)
{
    if (point->place != LAMBDA_AT_CALLBACK || !point->answered)
        return false;
    switch (fault) {
    case LAMBDA_FAULT_CALLBACK_EARLY:
    case LAMBDA_FAULT_CALLBACK_SAME:
    case LAMBDA_FAULT_CALLBACK_LATE:
    case LAMBDA_FAULT_CALLBACK_NEVER:
        return point->timed || point->beating;
    case LAMBDA_FAULT_HEARTBEAT_EARLY:
    case LAMBDA_FAULT_HEARTBEAT_LATE:
        return point->beating;
    default:
        return true;
    }
}

static bool fits_process(enum lambda_fault fault,
                         const struct lambda_point *point)
{
    switch (fault) {
    case LAMBDA_FAULT_CRASH:
        return true;
    case LAMBDA_FAULT_TIME_OUT:
        return point->place != LAMBDA_AT_RETURN || !point->after;
    case LAMBDA_FAULT_DUPLICATE:
        return point->after == (point->place == LAMBDA_AT_RETURN) &&
               (point->place == LAMBDA_AT_RETURN ||
                point->place == LAMBDA_AT_EVENT);
    case LAMBDA_FAULT_OVERLAP:
        return point->place != LAMBDA_AT_RETURN &&
               (!point->after || point->place == LAMBDA_AT_EFFECT ||
                point->place == LAMBDA_AT_LINE);
    default:
        return false;
    }
}

static bool fits_call(enum lambda_fault fault, const struct lambda_point *point)
{
    bool checkpoint = point->place == LAMBDA_AT_CHECKPOINT;

    switch (fault) {
    case LAMBDA_FAULT_LOST_REPLY:
    case LAMBDA_FAULT_LATE_REPLY:
        return point->after;
    case LAMBDA_FAULT_LOST_REQUEST:
    case LAMBDA_FAULT_THROTTLE:
    case LAMBDA_FAULT_SERVER_ERROR:
        return !point->after;
    case LAMBDA_FAULT_STALE_TOKEN:
    case LAMBDA_FAULT_FOREIGN_TOKEN:
        return checkpoint && !point->after;
    case LAMBDA_FAULT_LATE_TIMER:
        return checkpoint && !point->after && point->timed;
    case LAMBDA_FAULT_STOP:
        return checkpoint && point->after;
    default:
        return false;
    }
}

bool lambda_fault_fits(enum lambda_fault fault,
                       const struct lambda_point *point)
{
    if (faults[fault].whole)
        return point->place == LAMBDA_AT_RUN;
    if (point->place == LAMBDA_AT_RUN)
        return false;
    if (faults[fault].callback)
        return fits_callback(fault, point);
    if (point->place == LAMBDA_AT_CALLBACK)
        return false;
    return fits_process(fault, point) ||
           ((point->place == LAMBDA_AT_CHECKPOINT ||
             point->place == LAMBDA_AT_STATE ||
             point->place == LAMBDA_AT_EFFECT) &&
            fits_call(fault, point));
}

bool lambda_plan_fits(const struct lambda_plan *plan, enum lambda_fault fault)
{
    bool timed = false;

    if (fault != LAMBDA_FAULT_REORDERED_TIMERS)
        return faults[fault].whole;
    for (uint32_t i = 0; i < plan->point_count; i++)
        timed |= plan->points[i].place == LAMBDA_AT_CHECKPOINT &&
                 plan->points[i].timed;
    return timed;
}

/* Striking ---------------------------------------------------------------- */

static void act(enum lambda_fault fault, uint32_t size,
                struct lambda_decision *decision)
{
    static const struct lambda_decision decisions[LAMBDA_FAULT_COUNT] = {
        [LAMBDA_FAULT_CRASH] = {.act = LAMBDA_CRASH},
        [LAMBDA_FAULT_TIME_OUT] = {.act = LAMBDA_TIME_OUT},
        [LAMBDA_FAULT_LOST_REQUEST] = {.act = LAMBDA_LOSE},
        [LAMBDA_FAULT_LOST_REPLY] = {.act = LAMBDA_LOSE},
        [LAMBDA_FAULT_LATE_REPLY] = {.act = LAMBDA_LATE},
        [LAMBDA_FAULT_THROTTLE] = {.act = LAMBDA_REFUSE,
                                   .status = 429,
                                   .exception = "TooManyRequestsException",
                                   .message = "Rate exceeded"},
        [LAMBDA_FAULT_SERVER_ERROR] = {.act = LAMBDA_REFUSE,
                                       .status = 500,
                                       .exception = "ServiceException",
                                       .message = "Internal failure"},
        [LAMBDA_FAULT_STALE_TOKEN] = {.act = LAMBDA_REFUSE,
                                      .status = 400,
                                      .exception =
                                          "InvalidParameterValueException",
                                      .message = "Invalid checkpoint token"},
        [LAMBDA_FAULT_FOREIGN_TOKEN] = {.act = LAMBDA_SWAP},
        [LAMBDA_FAULT_DUPLICATE] = {.act = LAMBDA_AGAIN},
        [LAMBDA_FAULT_OVERLAP] = {.act = LAMBDA_OVERLAP},
        [LAMBDA_FAULT_STOP] = {.act = LAMBDA_STOP},
        [LAMBDA_FAULT_LATE_TIMER] = {.act = LAMBDA_DELAY},
    };

    *decision = decisions[fault];
    if (faults[fault].sizing == SECONDS)
        decision->ns = size * SECOND;
    decision->first = faults[fault].sizing == TURNS && size == 2;
}

static bool is_struck(const struct lambda_strike *strike,
                      const struct lambda_point *point)
{
    uint32_t often = faults[strike->fault].sizing == OFTEN ? strike->times : 1;

    return strike->fault != LAMBDA_FAULT_NONE &&
           same_name(&strike->at, point) &&
           point->occurrence >= strike->at.occurrence &&
           point->occurrence - strike->at.occurrence < often;
}

/* What strikes there; its fault is NONE if nothing does. */
static struct lambda_strike strike_at(struct lambda_plan *plan,
                                      const struct lambda_point *point)
{
    const struct lambda_strike first = {plan->fault, plan->at, plan->times};
    struct lambda_strike none = {.fault = LAMBDA_FAULT_NONE};

    if (!is_struck(&first, point) && !is_struck(&plan->also, point))
        return none;
    plan->struck++;
    return is_struck(&first, point) ? first : plan->also;
}

/* Each timer of the run is late by what is drawn for it. */
static void reorder(struct lambda_plan *plan, const struct lambda_point *point,
                    struct lambda_decision *decision)
{
    const struct engine_hash drawn = engine_hash_bytes(
        &(const uint32_t[]){plan->times, ++plan->struck}, 2 * sizeof(uint32_t));

    if (point->place != LAMBDA_AT_CHECKPOINT || point->after || !point->timed) {
        plan->struck--;
        return;
    }
    decision->act = LAMBDA_DELAY;
    decision->ns = drawn.lo % REORDER_SECONDS * SECOND;
}

void lambda_plan_boundary(struct lambda_plan *plan,
                          const struct lambda_boundary *boundary,
                          struct lambda_decision *decision)
{
    struct lambda_point point = {.place = boundary->place,
                                 .after = boundary->after,
                                 .timed = boundary->timed};

    snprintf(point.operation, sizeof(point.operation), "%s",
             boundary->operation);
    snprintf(point.action, sizeof(point.action), "%s", boundary->action);
    point.occurrence = count(plan, &point);
    if (plan->recording)
        record(plan, &point);
    if (plan->fault == LAMBDA_FAULT_REORDERED_TIMERS) {
        reorder(plan, &point, decision);
        return;
    }
    const struct lambda_strike strike = strike_at(plan, &point);
    if (strike.fault != LAMBDA_FAULT_NONE)
        act(strike.fault, strike.times, decision);
}

enum lambda_fault lambda_plan_callback(struct lambda_plan *plan,
                                       struct lambda_point *point)
{
    point->place = LAMBDA_AT_CALLBACK;
    point->occurrence = count(plan, point);
    if (plan->recording)
        record(plan, point);
    return strike_at(plan, point).fault;
}

void lambda_plan_begin(struct lambda_plan *plan)
{
    plan->struck = 0;
    plan->point_count = 0;
    plan->name_count = 0;
}

void lambda_plan_free(struct lambda_plan *plan)
{
    free(plan->points);
    free(plan->names);
    free(plan->counts);
    *plan = (struct lambda_plan){0};
}
