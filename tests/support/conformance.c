#include "tests/support/conformance.h"

#include <assert.h>
#include <regex.h>
#include <stdio.h>

#include "engine/host/history.h"
#include "engine/value.h"
#include "tests/support/durable_bed.h"

enum {
    MOVES_MAX = 100000,
    ACTIONS_MAX = 8,
    NAMES_MAX = 64,
    TEXT_ROOM = 512,
    SHOWN_MAX = 160
};

/* Texts ------------------------------------------------------------------- */

static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t room = 0;
    ssize_t size;

    if (!file)
        return NULL;
    size = getdelim(&text, &room, '\0', file);
    (void)fclose(file);
    if (size >= 0)
        return text;
    free(text);
    return NULL;
}

/* The text with each `what` in it replaced; frees the old one. */
static char *replace(char *text, const char *what, const char *by)
{
    size_t found = 0;
    size_t length = strlen(by);
    char *out;
    char *to;
    const char *from = text;

    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        found++;
    out = malloc(strlen(text) + found * length + 1);
    assert(out);
    to = out;
    for (const char *at; (at = strstr(from, what)); from = at + strlen(what)) {
        to = mempcpy(to, from, (size_t)(at - from));
        to = mempcpy(to, by, length);
    }
    memcpy(to, from, strlen(from) + 1);
    free(text);
    return out;
}

/* A word of this many letters, another one for each variable. */
static void make_word(char *word, size_t length, unsigned which)
{
    uint64_t state = which + UINT64_C(1);

    for (size_t i = 0; i < length; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        word[i] = (char)('a' + (state >> 33) % 26);
    }
    word[length] = '\0';
}

/* Gives the variables of a case their values, wherever they stand. */
static char *fill_in(char *text, const cJSON *variables)
{
    const cJSON *variable;
    unsigned which = 0;

    cJSON_ArrayForEach(variable, variables)
    {
        char name[TEXT_ROOM];
        char word[64];
        unsigned long length =
            strtoul(variable->valuestring + strlen("${GEN_STR:"), NULL, 10);

        assert(length > 0 && length < sizeof(word));
        make_word(word, length, which++);
        (void)snprintf(name, sizeof(name), "${%s}", variable->string);
        text = replace(text, name, word);
    }
    return text;
}

static const char *text_at(const cJSON *json, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, key));

    return text ? text : "";
}

int conformance_open(struct conformance_case *c, const char *path)
{
    char *text = read_whole(path);
    cJSON *json = text ? cJSON_Parse(text) : NULL;

    *c = (struct conformance_case){.json = NULL};
    if (json) {
        text = fill_in(text, cJSON_GetObjectItem(json, "Variables"));
        c->json = cJSON_Parse(text);
    }
    cJSON_Delete(json);
    free(text);
    if (!c->json)
        return -1;
    c->id = text_at(c->json, "id");
    c->group = text_at(c->json, "group");
    c->description = text_at(c->json, "description");
    return 0;
}

void conformance_close(struct conformance_case *c)
{
    cJSON_Delete(c->json);
}

/* Comparing --------------------------------------------------------------- */

struct match {
    struct {
        const char *name;
        char *value;
    } names[NAMES_MAX];
    uint32_t name_count;
    char path[TEXT_ROOM];
    char *sentence;
    size_t room;
};

static char *print(const cJSON *json)
{
    return json ? cJSON_PrintUnformatted(json) : strdup("nothing");
}

/* Says where they differ. Always false. */
static bool differ(struct match *m, const cJSON *expected, const cJSON *found)
{
    char *left = print(expected);
    char *right = print(found);

    (void)snprintf(m->sentence, m->room, "at %s: expected %.*s, found %.*s",
                   m->path, SHOWN_MAX, left, SHOWN_MAX, right);
    free(left);
    free(right);
    return false;
}

/* The same name has the same value everywhere. */
static bool unify(struct match *m, const cJSON *expected, const cJSON *found)
{
    char *value = print(found);

    for (uint32_t i = 0; i < m->name_count; i++)
        if (strcmp(m->names[i].name, expected->valuestring) == 0) {
            bool same = strcmp(m->names[i].value, value) == 0;

            free(value);
            return same || differ(m, expected, found);
        }
    assert(m->name_count < NAMES_MAX);
    m->names[m->name_count].name = expected->valuestring;
    m->names[m->name_count++].value = value;
    return true;
}

static bool matches_pattern(const char *pattern, size_t size, const char *text)
{
    char copy[TEXT_ROOM];
    regex_t regex;
    bool matches;
    int failed;

    (void)snprintf(copy, sizeof(copy), "%.*s", (int)size, pattern);
    failed = regcomp(&regex, copy, REG_EXTENDED | REG_NOSUB);
    assert(!failed);
    matches = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}

static bool fits_pattern(struct match *m, const cJSON *expected,
                         const cJSON *found)
{
    const char *pattern = expected->valuestring + strlen("${/");
    size_t size = strlen(pattern) - strlen("/}");
    char *text =
        cJSON_IsString(found) ? strdup(found->valuestring) : print(found);
    bool fits = text && matches_pattern(pattern, size, text);

    free(text);
    return fits || differ(m, expected, found);
}

static bool compare(struct match *m, const cJSON *expected, const cJSON *found);

static bool compare_member(struct match *m, const cJSON *expected,
                           const cJSON *found, const char *name)
{
    size_t length = strlen(m->path);
    bool same;

    (void)snprintf(m->path + length, sizeof(m->path) - length, ".%s", name);
    same = compare(m, expected, found);
    m->path[length] = '\0';
    return same;
}

static bool compare_objects(struct match *m, const cJSON *expected,
                            const cJSON *found)
{
    const cJSON *member;

    if (!cJSON_IsObject(found))
        return differ(m, expected, found);
    cJSON_ArrayForEach(member, expected)
    {
        if (!compare_member(
                m, member,
                cJSON_GetObjectItemCaseSensitive(found, member->string),
                member->string))
            return false;
    }
    return true;
}

static bool compare_lists(struct match *m, const cJSON *expected,
                          const cJSON *found)
{
    const cJSON *left = expected->child;
    const cJSON *right = found->child;
    char place[16];

    if (!cJSON_IsArray(found) ||
        cJSON_GetArraySize(expected) != cJSON_GetArraySize(found))
        return differ(m, expected, found);
    for (int i = 0; left; i++, left = left->next, right = right->next) {
        (void)snprintf(place, sizeof(place), "%d", i);
        if (!compare_member(m, left, right, place))
            return false;
    }
    return true;
}

static bool compare(struct match *m, const cJSON *expected, const cJSON *found)
{
    const char *text = cJSON_GetStringValue(expected);

    if (!found)
        return differ(m, expected, found);
    if (cJSON_IsObject(expected))
        return compare_objects(m, expected, found);
    if (cJSON_IsArray(expected))
        return compare_lists(m, expected, found);
    if (text && strcmp(text, "*") == 0)
        return true;
    if (text && strncmp(text, "${/", 3) == 0)
        return fits_pattern(m, expected, found);
    if (text && strncmp(text, "${", 2) == 0)
        return unify(m, expected, found);
    return cJSON_Compare(expected, found, true) || differ(m, expected, found);
}

/* Driving ----------------------------------------------------------------- */

struct mode {
    const char *name;
    bool worker_dies;  /* after each checkpoint */
    bool service_dies; /* after each append */
    bool sync;
    bool optimistic;
};

static const struct mode modes[] = {
    {"undisturbed", false, false, false, false},
    {"with the worker thrown away after each checkpoint", true, false, false,
     false},
    {"with the service folded anew after each append", false, true, false,
     false},
    {"with both of them lost each time", true, true, false, false},
    {"with checkpoints from within the handler", false, false, true, false},
    {"with steps ahead of their checkpoints", false, false, false, true},
};

/* One run of a case. */
struct drive {
    struct durable_bed bed;
    const struct mode *mode;
    const cJSON *actions;
    uint32_t done; /* actions, as bits */
    uint32_t lost; /* workers */
    conformance_target_fn *target;
};

static const struct engine_op_entry *find_callback(const struct drive *d,
                                                   const char *name)
{
    const struct engine_operations *table = &d->bed.execution.operations;

    for (uint32_t i = 1; i < table->count; i++) {
        const struct engine_op_entry *entry = &table->entries[i];

        if (entry->type == ENGINE_OPERATION_CALLBACK &&
            (strcmp(name, "*") == 0 ||
             (entry->name.size == strlen(name) &&
              memcmp(entry->name.text, name, strlen(name)) == 0)))
            return entry;
    }
    return NULL;
}

/* When an action is due; UINT64_MAX: its callback is not there yet. */
static uint64_t time_of(const struct drive *d, const cJSON *action)
{
    const struct engine_op_entry *callback =
        find_callback(d, text_at(action, "CallbackName"));
    const cJSON *delay = cJSON_GetObjectItem(action, "Delay");

    if (!callback)
        return UINT64_MAX;
    return callback->started_ns +
           (delay ? (uint64_t)delay->valueint * ENGINE_SECOND : 0);
}

static void signal_callback(struct drive *d, const cJSON *action)
{
    uint32_t number = find_callback(d, text_at(action, "CallbackName"))->number;
    const char *operation = text_at(action, "Operation");
    const cJSON *payload = cJSON_GetObjectItem(action, "Payload");
    char *value;

    if (strcmp(operation, "heartbeat") == 0) {
        durable_bed_signal(&d->bed, ENGINE_SIG_CALLBACK_HEARTBEAT, number, 0,
                           "", 0, "");
        return;
    }
    if (strcmp(operation, "failure") == 0) {
        durable_bed_signal(&d->bed, ENGINE_SIG_CALLBACK_FAIL, number,
                           ENGINE_ERR_USER, text_at(payload, "ErrorType"), 0,
                           text_at(payload, "ErrorMessage"));
        return;
    }
    assert(strcmp(operation, "success") == 0);
    value = print(payload);
    durable_bed_signal(&d->bed, ENGINE_SIG_CALLBACK_SUCCEED, number, 0, "", 0,
                       value);
    free(value);
}

/* Does the earliest action that is due before anything else happens. false:
 * none is. */
static bool act(struct drive *d)
{
    uint64_t first_ns = engine_execution_due(&d->bed.execution);
    const cJSON *first = NULL;
    uint32_t first_at = 0;
    uint32_t at = 0;
    const cJSON *action;

    cJSON_ArrayForEach(action, d->actions)
    {
        uint64_t ns = d->done >> at & 1 ? UINT64_MAX : time_of(d, action);

        if (ns != UINT64_MAX && ns <= first_ns) {
            first = action;
            first_ns = ns;
            first_at = at;
        }
        at++;
        assert(at <= ACTIONS_MAX);
    }
    if (!first)
        return false;
    if (d->bed.now_ns < first_ns)
        d->bed.now_ns = first_ns;
    d->done |= 1U << first_at;
    signal_callback(d, first);
    return durable_bed_read(&d->bed);
}

/* Runs the function that was invoked, if one was. */
static bool run_target(struct drive *d)
{
    const struct engine_operations *table = &d->bed.execution.operations;

    for (uint32_t i = 1; i < table->count; i++) {
        const struct engine_op_entry *entry = &table->entries[i];
        struct engine_bytes output = {"", 0};
        char value[TEXT_ROOM];
        enum engine_error error;

        if (entry->type != ENGINE_OPERATION_INVOKE ||
            entry->status != ENGINE_STATUS_STARTED)
            continue;
        assert(d->target);
        error = d->target(
            (struct engine_bytes){entry->input, entry->input_size}, &output);
        assert(output.size < sizeof(value));
        (void)snprintf(value, sizeof(value), "%.*s", (int)output.size,
                       (const char *)output.data);
        durable_bed_signal(&d->bed, ENGINE_SIG_CHILD_ENDED, i, error, "", i,
                           value);
        return durable_bed_read(&d->bed);
    }
    return false;
}

/* One move of the world. false: nothing moves any more. */
static bool move(struct drive *d)
{
    bool waits = d->bed.phase == DURABLE_PARKED &&
                 !engine_execution_has_news(&d->bed.execution);

    if (waits && (run_target(d) || act(d)))
        return true;
    return durable_bed_step(&d->bed);
}

static void drive(struct drive *d)
{
    uint32_t moves = 0;
    bool moved = true;

    while (moved) {
        uint32_t rows = d->bed.row_count;
        bool checkpoint = d->bed.phase == DURABLE_COMMIT;

        moved = move(d);
        if (d->mode->service_dies && d->bed.row_count > rows)
            durable_bed_crash_service(&d->bed);
        if (d->mode->worker_dies && checkpoint) {
            durable_bed_crash_worker(&d->bed);
            d->lost++;
        }
        moves++;
        assert(moves < MOVES_MAX);
    }
}

/* History ----------------------------------------------------------------- */

static void add(struct history *history, const struct engine_item *event,
                uint64_t time_ns)
{
    int failed = history_add(history, event, time_ns);

    assert(!failed);
}

static void add_own(struct history *history, const struct durable_bed *bed,
                    unsigned kind, uint64_t a, const void *payload, size_t size)
{
    const struct engine_item head = {.type = ENGINE_ITEM_EVENT,
                                     .kind = (uint16_t)kind,
                                     .attempt = bed->invocation,
                                     .a = a};
    struct engine_block block = {0};
    void *begun = engine_block_begin(&block, sizeof(uint64_t));
    struct engine_item *item = engine_block_item(&block, &head, payload, size);

    assert(begun && item);
    add(history, item, bed->now_ns);
    engine_block_free(&block);
}

/* The bed's log does not have the end of the run. */
static void add_end(struct history *history, const struct durable_bed *bed)
{
    size_t span = engine_value_span((uint32_t)bed->result_size);
    unsigned char *envelope;

    if (bed->phase == DURABLE_FAILED) {
        add_own(history, bed, ENGINE_EV_ATTEMPT_FAILED, bed->error, bed->words,
                strlen(bed->words));
        add_own(history, bed, ENGINE_EV_RUN_FAILED, bed->error, bed->words,
                strlen(bed->words));
    }
    if (bed->phase != DURABLE_SUCCEEDED)
        return;
    envelope = calloc(1, span);
    assert(envelope);
    (void)engine_value_write(envelope, ENGINE_VALUE_INLINE, bed->result,
                             (uint32_t)bed->result_size);
    add_own(history, bed, ENGINE_EV_ATTEMPT_SUCCEEDED, 0, envelope, span);
    add_own(history, bed, ENGINE_EV_RUN_SUCCEEDED, 0, envelope, span);
    free(envelope);
}

static cJSON *parse_events(const struct history *history)
{
    cJSON *list = cJSON_CreateArray();

    for (uint32_t i = 0; i < history_count(history); i++) {
        size_t size;
        const char *text = history_event(history, i, &size);
        cJSON *event = cJSON_ParseWithLength(text, size);

        assert(event);
        cJSON_AddItemToArray(list, event);
    }
    return list;
}

static cJSON *history_of(const struct durable_bed *bed)
{
    struct history *history = history_new(DURABLE_RUN, true);
    cJSON *list;

    assert(history);
    for (uint32_t i = 0; i < bed->row_count; i++)
        for (size_t at = bed->rows[i].at; at < bed->rows[i].end;) {
            const struct engine_item *event =
                (const void *)(bed->log.bytes + at);

            add(history, event, bed->rows[i].time_ns);
            at += engine_item_span(event->size);
        }
    add_end(history, bed);
    list = parse_events(history);
    history_free(history);
    return list;
}

/* Outcomes ---------------------------------------------------------------- */

struct outcome {
    const char *status;
    cJSON *events;
    char *result;
    char logged[4096];
};

static const char *status_of(enum durable_phase phase)
{
    switch (phase) {
    case DURABLE_SUCCEEDED:
        return "SUCCEEDED";
    case DURABLE_FAILED:
        return "FAILED";
    default:
        return "RUNNING";
    }
}

static struct outcome run(const struct conformance_case *c,
                          const struct conformance_handler *handler,
                          const struct mode *mode)
{
    char *input = print(cJSON_GetObjectItem(c->json, "Input"));
    struct drive d = {.mode = mode,
                      .actions =
                          cJSON_GetObjectItem(c->json, "CallbackActions"),
                      .target = handler->target};
    struct outcome outcome;

    durable_bed_init(&d.bed, handler->run, handler->self, input);
    d.bed.limits = *engine_limits_find("aws");
    d.bed.sync = mode->sync;
    d.bed.config.optimistic = mode->optimistic;
    drive(&d);
    assert(d.lost > 0 || !mode->worker_dies || d.bed.checkpoints == 0);
    outcome.status = status_of(d.bed.phase);
    outcome.events = history_of(&d.bed);
    outcome.result = strdup(durable_bed_result(&d.bed));
    memcpy(outcome.logged, d.bed.logged, sizeof(outcome.logged));
    durable_bed_free(&d.bed);
    free(input);
    return outcome;
}

static void forget(struct outcome *outcome)
{
    cJSON_Delete(outcome->events);
    free(outcome->result);
}

/* Expectations ------------------------------------------------------------ */

static bool is_type(const cJSON *event, const char *type)
{
    return strcmp(text_at(event, "EventType"), type) == 0;
}

static bool complain(struct match *m, const char *what, const char *expected,
                     const char *found)
{
    (void)snprintf(m->sentence, m->room, "%s: expected %s, found %.*s", what,
                   expected, SHOWN_MAX, found);
    return false;
}

/* An event that the case leaves out: only an invocation's end may be. */
static bool check_gap(struct match *m, const cJSON *events, int id)
{
    const cJSON *event = cJSON_GetArrayItem(events, id - 1);
    char place[TEXT_ROOM];

    (void)snprintf(place, sizeof(place), "event %d, not named", id);
    if (event &&
        is_type(event, id == 1 ? "ExecutionStarted" : "InvocationCompleted"))
        return true;
    return complain(m, place,
                    id == 1 ? "ExecutionStarted" : "InvocationCompleted",
                    event ? text_at(event, "EventType") : "nothing");
}

/* What may follow the last event named: the end of the execution. */
static bool check_rest(struct match *m, const cJSON *events, int id,
                       const char *status)
{
    const cJSON *last = cJSON_GetArrayItem(events, id - 1);
    const cJSON *next = cJSON_GetArrayItem(events, id);
    const char *end = strcmp(status, "FAILED") == 0 ? "ExecutionFailed"
                                                    : "ExecutionSucceeded";
    bool open = is_type(last, "InvocationCompleted");

    if (open && !(next && is_type(next, end)))
        return complain(m, "the last event", end,
                        next ? text_at(next, "EventType") : "nothing");
    if (cJSON_GetArraySize(events) != id + open)
        return complain(
            m, "the end of the history", "no more events",
            text_at(cJSON_GetArrayItem(events, id + open), "EventType"));
    return true;
}

static bool check_history(struct match *m, const struct conformance_case *c,
                          const cJSON *events)
{
    const cJSON *result = cJSON_GetObjectItem(c->json, "ExpectedResult");
    const cJSON *expected;
    int last = 0;

    cJSON_ArrayForEach(expected,
                       cJSON_GetObjectItem(c->json, "ExpectedExecutionHistory"))
    {
        int id = cJSON_GetObjectItem(expected, "EventId")->valueint;

        while (++last < id)
            if (!check_gap(m, events, last))
                return false;
        (void)snprintf(m->path, sizeof(m->path), "event %d", id);
        if (!compare(m, expected, cJSON_GetArrayItem(events, id - 1)))
            return false;
    }
    return !result ||
           check_rest(m, events, last, text_at(result, "ExecutionStatus"));
}

/* The suite has results as values and, rarely, as the text they are sent as. */
static bool check_result(struct match *m, const cJSON *expected,
                         const char *found)
{
    cJSON *value = cJSON_Parse(found);
    bool same;

    (void)snprintf(m->path, sizeof(m->path), "the result");
    same = (cJSON_IsString(expected) &&
            strcmp(expected->valuestring, found) == 0) ||
           compare(m, expected, value);
    cJSON_Delete(value);
    return same;
}

static int count_lines(char *logged, const char *pattern)
{
    size_t size = strlen(pattern);
    char *rest = logged;
    char *line;
    int count = 0;

    while ((line = strsep(&rest, "\n")))
        count += *line && matches_pattern(pattern + 1, size - 2, line);
    return count;
}

static bool check_logs(struct match *m, const cJSON *logs, const char *logged)
{
    const cJSON *log;

    cJSON_ArrayForEach(log, logs)
    {
        const char *pattern =
            text_at(cJSON_GetObjectItem(log, "match"), "message");
        int wanted = cJSON_GetObjectItem(log, "count")->valueint;
        char *copy = strdup(logged);
        int count = count_lines(copy, pattern);

        free(copy);
        if (count != wanted) {
            (void)snprintf(m->sentence, m->room,
                           "lines like %s: expected %d, found %d", pattern,
                           wanted, count);
            return false;
        }
    }
    return true;
}

static bool check_outcome(struct match *m, const struct conformance_case *c,
                          const struct conformance_outcome *outcome)
{
    const cJSON *result = cJSON_GetObjectItem(c->json, "ExpectedResult");
    const cJSON *value = cJSON_GetObjectItem(result, "Result");

    if (result &&
        strcmp(text_at(result, "ExecutionStatus"), outcome->status) != 0)
        return complain(m, "the status", text_at(result, "ExecutionStatus"),
                        outcome->status);
    return check_history(m, c, outcome->events) &&
           (!value || check_result(m, value, outcome->result)) &&
           check_logs(m, cJSON_GetObjectItem(c->json, "ExpectedLogs"),
                      outcome->logged);
}

static void forget_names(struct match *m)
{
    for (uint32_t i = 0; i < m->name_count; i++)
        free(m->names[i].value);
}

bool conformance_compare(const struct conformance_case *c,
                         const struct conformance_outcome *outcome,
                         char *sentence, size_t room)
{
    struct match m = {.sentence = sentence, .room = room};
    bool same = check_outcome(&m, c, outcome);

    forget_names(&m);
    return same;
}

/* Leaves out what a disturbance may change: how often it was invoked. */
static cJSON *undisturbed(const cJSON *events)
{
    cJSON *list = cJSON_CreateArray();
    const cJSON *event;

    cJSON_ArrayForEach(event, events)
    {
        cJSON *copy;

        if (is_type(event, "InvocationCompleted"))
            continue;
        copy = cJSON_Duplicate(event, true);
        cJSON_DeleteItemFromObject(copy, "EventId");
        cJSON_AddItemToArray(list, copy);
    }
    return list;
}

static bool check_same(struct match *m, const struct outcome *first,
                       const struct outcome *other)
{
    cJSON *left = undisturbed(first->events);
    cJSON *right = undisturbed(other->events);
    bool same = true;

    (void)snprintf(m->path, sizeof(m->path), "history");
    for (int i = 0; same && i < cJSON_GetArraySize(left); i++) {
        const cJSON *event = cJSON_GetArrayItem(right, i);

        if (!event || !cJSON_Compare(cJSON_GetArrayItem(left, i), event, true))
            same = differ(m, cJSON_GetArrayItem(left, i), event);
    }
    if (same && cJSON_GetArraySize(left) != cJSON_GetArraySize(right))
        same = complain(m, "the history", "no more events", "more");
    if (same && strcmp(first->result, other->result) != 0)
        same = complain(m, "the result", first->result, other->result);
    cJSON_Delete(left);
    cJSON_Delete(right);
    return same;
}

static void introduce(const struct conformance_case *c, const struct mode *mode,
                      const char *what, char *sentence, size_t room)
{
    (void)snprintf(sentence, room, "case %s (%s), %s, differs %s", c->id,
                   c->description, mode->name, what);
}

bool conformance_check(const struct conformance_case *c,
                       const struct conformance_handler *handler,
                       char *sentence, size_t room)
{
    char what[TEXT_ROOM * 2] = "";
    struct match m = {.sentence = what, .room = sizeof(what)};
    struct outcome first = run(c, handler, &modes[0]);
    const struct conformance_outcome outcome = {first.status, first.events,
                                                first.result, first.logged};
    bool same = check_outcome(&m, c, &outcome);

    if (!same)
        introduce(c, &modes[0], what, sentence, room);
    for (size_t i = 1; same && i < sizeof(modes) / sizeof(*modes); i++) {
        struct outcome other = run(c, handler, &modes[i]);

        same = check_same(&m, &first, &other);
        if (!same)
            introduce(c, &modes[i], what, sentence, room);
        forget(&other);
    }
    forget_names(&m);
    forget(&first);
    return same;
}
