#include "engine/host/lambda/codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/host/history.h"
#include "engine/host/lambda/names.h"
#include "engine/store.h"
#include "engine/workflow.h"

#define SECOND UINT64_C(1000000000)

enum {
    ID_MAX = 64,
    NAME_MAX_SIZE = 256,
    SUBTYPE_MAX = 32,
    PAYLOAD_MAX = 6291456,
    DELAY_MAX = 31622400, /* seconds */
    UPDATES_MAX = 1000
};

struct engine_hash lambda_operation_id(const char *text, size_t size)
{
    struct engine_hash id = engine_hash_bytes(text, size);

    if (id.lo == 0)
        id.lo = 1; /* 0 is the run */
    return id;
}

void lambda_invalid(struct lambda_problem *problem, const char *format, ...)
{
    va_list arguments;

    if (problem->type)
        return;
    problem->type = "InvalidParameterValueException";
    va_start(arguments, format);
    (void)vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
}

/* Errors ------------------------------------------------------------------ */

static bool read_text(struct json_view object, const char *key, size_t max,
                      const char **text, struct lambda_problem *problem)
{
    struct json_view member = json_member(object, key);
    struct json_error error;

    *text = NULL;
    if (!member.item)
        return true;
    error.code = 0;
    if (json_as_string(member, 0, max, text, &error))
        return true;
    lambda_invalid(problem, "%s", error.text);
    return false;
}

static bool read_stack(struct json_view error, struct json_writer *kept,
                       struct lambda_problem *problem)
{
    struct json_view stack = json_member(error, "StackTrace");

    if (!stack.item)
        return true;
    if (!json_is_array(stack)) {
        lambda_invalid(problem, "StackTrace must be a list of strings");
        return false;
    }
    json_open_array(kept, "StackTrace");
    for (struct json_view v = json_first(stack); v.item; v = json_next(v)) {
        if (!json_is_string(v)) {
            lambda_invalid(problem, "StackTrace must be a list of strings");
            return false;
        }
        json_put_words(kept, NULL, v.item->valuestring);
    }
    json_close_array(kept);
    return true;
}

static bool keep_error(struct json_view error, struct json_writer *kept,
                       const char **type, bool whole,
                       struct lambda_problem *problem)
{
    const char *message;
    const char *data;
    size_t before;

    json_write_reset(kept);
    *type = NULL;
    if (!json_is_object(error)) {
        lambda_invalid(problem, "Error must be an object");
        return false;
    }
    if (!read_text(error, "ErrorMessage", PAYLOAD_MAX, &message, problem) ||
        !read_text(error, "ErrorType", PAYLOAD_MAX, type, problem) ||
        !read_text(error, "ErrorData", PAYLOAD_MAX, &data, problem))
        return false;
    if (message)
        json_raw(kept, message, strlen(message));
    before = kept->size;
    json_raw(kept, "", 1);
    kept->first = true;
    if (whole && *type)
        json_put_words(kept, "ErrorType", *type);
    if (data)
        json_put_words(kept, "ErrorData", data);
    if (!read_stack(error, kept, problem))
        return false;
    if (kept->size == before + 1)
        kept->size = before;
    return true;
}

bool lambda_error_read(struct json_view error, struct json_writer *kept,
                       const char **type, struct lambda_problem *problem)
{
    return keep_error(error, kept, type, false, problem);
}

bool lambda_error_read_whole(struct json_view error, struct json_writer *kept,
                             struct lambda_problem *problem)
{
    const char *type;

    return keep_error(error, kept, &type, true, problem);
}

void lambda_error_write(struct json_writer *w, const char *name,
                        struct engine_text type, const void *kept, size_t size)
{
    const char *words = kept;
    size_t length = size > 0 ? strnlen(words, size) : 0;

    json_open(w, name);
    if (length > 0)
        (void)json_put_string(w, "ErrorMessage", words, length);
    if (type.size > 0)
        (void)json_put_string(w, "ErrorType", type.text, type.size);
    if (length < size)
        json_put_members(w, words + length + 1, size - length - 1);
    json_close(w);
}

/* Updates ----------------------------------------------------------------- */

static const char *const types[] = {"EXECUTION", "CONTEXT",  "STEP",
                                    "WAIT",      "CALLBACK", "CHAINED_INVOKE"};
static const char *const actions[] = {"START", "SUCCEED", "FAIL", "RETRY",
                                      "CANCEL"};
static const char *const subtypes[] = {"",
                                       "Step",
                                       "Wait",
                                       "Callback",
                                       "RunInChildContext",
                                       "Map",
                                       "MapIteration",
                                       "Parallel",
                                       "ParallelBranch",
                                       "WaitForCallback",
                                       "WaitForCondition",
                                       "ChainedInvoke"};

enum {
    TYPE_COUNT = sizeof(types) / sizeof(*types),
    ACTION_COUNT = sizeof(actions) / sizeof(*actions),
    SUBTYPE_COUNT = sizeof(subtypes) / sizeof(*subtypes)
};

const char *lambda_type_name(unsigned type)
{
    return types[type - ENGINE_OPERATION_EXECUTION];
}

/* What may be done to which, whatever its state. */
static bool may_act(unsigned type, unsigned action)
{
    static const unsigned char allowed[TYPE_COUNT][ACTION_COUNT] = {
        /* START, SUCCEED, FAIL, RETRY, CANCEL */
        {0, 1, 1, 0, 0}, /* EXECUTION */
        {1, 1, 1, 0, 0}, /* CONTEXT */
        {1, 1, 1, 1, 0}, /* STEP */
        {1, 0, 0, 0, 1}, /* WAIT */
        {1, 0, 0, 0, 0}, /* CALLBACK */
        {1, 0, 0, 0, 0}, /* CHAINED_INVOKE */
    };

    return allowed[type][action];
}

/* An update under way. */
struct reading {
    struct json_view update;
    struct engine_item item;
    struct engine_operation_view view;
    unsigned type;
    unsigned action;
    unsigned subtype;
    unsigned options;
    struct json_writer kept; /* of its error */
    struct json_writer id;   /* with what stands behind it */
    const char *unknown;     /* subtype */
    const char *function;
    const char *tenant;
    struct lambda_problem *problem;
};

static unsigned find(const char *const *names, unsigned count, const char *name)
{
    unsigned i = 0;

    while (i < count && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static bool set_text(struct engine_text *text, const char *bytes)
{
    if (bytes)
        *text = (struct engine_text){bytes, strlen(bytes)};
    return true;
}

static bool read_required(struct reading *r, const char *key, size_t max,
                          const char **text)
{
    if (!read_text(r->update, key, max, text, r->problem))
        return false;
    if (*text && **text)
        return true;
    lambda_invalid(r->problem, "%s is required", key);
    return false;
}

static bool read_kind(struct reading *r)
{
    const char *type;
    const char *action;
    const char *subtype;

    if (!read_required(r, "Type", SUBTYPE_MAX, &type) ||
        !read_required(r, "Action", SUBTYPE_MAX, &action) ||
        !read_text(r->update, "SubType", SUBTYPE_MAX, &subtype, r->problem))
        return false;
    unsigned t = find(types, TYPE_COUNT, type);
    unsigned a = find(actions, ACTION_COUNT, action);
    if (t == TYPE_COUNT || a == ACTION_COUNT) {
        lambda_invalid(r->problem, "Invalid %s: %s",
                       t == TYPE_COUNT ? "operation type" : "operation action",
                       t == TYPE_COUNT ? type : action);
        return false;
    }
    if (!may_act(t, a)) {
        lambda_invalid(r->problem, "Invalid %s action.", type);
        return false;
    }
    r->type = ENGINE_OPERATION_EXECUTION + t;
    r->action = ENGINE_ACTION_START + a;
    if (subtype) {
        unsigned s = find(subtypes, SUBTYPE_COUNT, subtype);
        r->subtype = s == SUBTYPE_COUNT ? ENGINE_SUBTYPE_NONE : s;
        r->unknown = s == SUBTYPE_COUNT ? subtype : NULL;
    }
    return true;
}

static bool is_printable(const char *text)
{
    while (*text >= 0x20 && *text <= 0x7e)
        text++;
    return *text == '\0';
}

static bool read_identity(struct reading *r)
{
    const char *id;
    const char *parent;
    const char *name;

    if (!read_required(r, "Id", ID_MAX, &id) ||
        !read_text(r->update, "ParentId", ID_MAX, &parent, r->problem) ||
        !read_text(r->update, "Name", NAME_MAX_SIZE, &name, r->problem))
        return false;
    if (!lambda_name_ok(id, ID_MAX) ||
        (parent && !lambda_name_ok(parent, ID_MAX))) {
        lambda_invalid(r->problem, "Invalid operation id");
        return false;
    }
    if (name && (!*name || !is_printable(name))) {
        lambda_invalid(r->problem, "Invalid operation name: 1 to 256 printable "
                                   "ASCII characters are allowed");
        return false;
    }
    struct engine_hash hash = lambda_operation_id(id, strlen(id));
    if (r->type != ENGINE_OPERATION_EXECUTION) {
        r->item.a = hash.lo;
        r->item.b = hash.hi;
        set_text(&r->view.id, id);
        set_text(&r->view.name, name);
        if (parent)
            r->view.head.parent = lambda_operation_id(parent, strlen(parent));
    }
    return true;
}

/* A number of seconds in one of its options, 0 if it is not there. */
static bool read_seconds(struct reading *r, const char *options,
                         const char *key, int64_t min, uint64_t *ns)
{
    struct json_view object = json_member(r->update, options);
    struct json_error error = {0};
    int64_t seconds = 0;

    if (!object.item)
        return true;
    if (json_get_int(object, key, JSON_OPTIONAL, min, DELAY_MAX, &seconds,
                     &error))
        *ns = (uint64_t)seconds * SECOND;
    if (error.code)
        lambda_invalid(r->problem, "%s", error.text);
    return !error.code;
}

static bool read_invoke(struct reading *r)
{
    char function[LAMBDA_FUNCTION_MAX + 1];
    char qualifier[LAMBDA_QUALIFIER_MAX + 1];
    struct json_view options = json_member(r->update, "ChainedInvokeOptions");
    const char *name = NULL;

    if (options.item &&
        (!read_text(options, "FunctionName", 170, &name, r->problem) ||
         !read_text(options, "TenantId", 256, &r->tenant, r->problem)))
        return false;
    r->function = name;
    if (!name || !lambda_function_parse(name, function, qualifier)) {
        lambda_invalid(r->problem, "Invalid ChainedInvokeOptions: %s",
                       name ? "FunctionName" : "FunctionName is required");
        return false;
    }
    const char *at = strstr(name, function);
    r->view.detail = (struct engine_text){at, strlen(function)};
    return true;
}

static bool read_start(struct reading *r)
{
    switch (r->type) {
    case ENGINE_OPERATION_WAIT:
        return read_seconds(r, "WaitOptions", "WaitSeconds", 1,
                            &r->view.head.first_ns);
    case ENGINE_OPERATION_CALLBACK:
        return read_seconds(r, "CallbackOptions", "TimeoutSeconds", 0,
                            &r->view.head.first_ns) &&
               read_seconds(r, "CallbackOptions", "HeartbeatTimeoutSeconds", 0,
                            &r->view.head.second_ns);
    case ENGINE_OPERATION_INVOKE:
        return read_invoke(r);
    default:
        return true;
    }
}

static bool read_error(struct reading *r)
{
    struct json_view error = json_member(r->update, "Error");
    const char *type = NULL;

    if (error.item && !lambda_error_read(error, &r->kept, &type, r->problem))
        return false;
    r->view.head.error = ENGINE_ERR_USER;
    r->view.value = r->kept.size > 0 ? r->kept.bytes : "";
    r->view.head.value_size = (uint32_t)r->kept.size;
    set_text(&r->view.detail, type);
    return true;
}

/* Payload and error by the action: each has one of them at most. */
static bool read_value(struct reading *r)
{
    bool failed = json_member(r->update, "Error").item != NULL;
    bool retry = r->action == ENGINE_ACTION_RETRY;
    const char *payload;

    if (!read_text(r->update, "Payload", PAYLOAD_MAX, &payload, r->problem))
        return false;
    if (failed && r->action != ENGINE_ACTION_FAIL && !retry) {
        lambda_invalid(r->problem, "Cannot provide an Error for %s action",
                       actions[r->action - ENGINE_ACTION_START]);
        return false;
    }
    if (payload && (r->action == ENGINE_ACTION_FAIL || (retry && failed))) {
        lambda_invalid(r->problem, retry ? "Cannot provide both error and "
                                           "payload to RETRY a STEP."
                                         : "Cannot provide a Payload for FAIL "
                                           "action.");
        return false;
    }
    if (r->action == ENGINE_ACTION_FAIL || (retry && failed))
        return read_error(r);
    if (retry)
        r->options |= ENGINE_OPTION_STATE;
    if (payload && !*payload)
        r->options |= ENGINE_OPTION_EMPTY;
    r->view.value = payload ? payload : "";
    r->view.head.value_size = payload ? (uint32_t)strlen(payload) : 0;
    return true;
}

static bool read_options(struct reading *r)
{
    struct json_view context = json_member(r->update, "ContextOptions");
    struct json_error error = {0};
    bool replay = false;

    if (r->type == ENGINE_OPERATION_EXECUTION)
        r->options |= ENGINE_OPTION_LARGE;
    if (r->action == ENGINE_ACTION_START)
        return read_start(r);
    if (r->action == ENGINE_ACTION_RETRY) {
        if (!json_member(r->update, "StepOptions").item) {
            lambda_invalid(r->problem,
                           "Invalid StepOptions for the given action.");
            return false;
        }
        return read_seconds(r, "StepOptions", "NextAttemptDelaySeconds", 1,
                            &r->view.head.first_ns);
    }
    if (context.item && r->type == ENGINE_OPERATION_CONTEXT) {
        (void)json_get_bool(context, "ReplayChildren", JSON_OPTIONAL, &replay,
                            &error);
        if (replay)
            r->options |= ENGINE_OPTION_REPLAY_CHILDREN;
    }
    if (error.code)
        lambda_invalid(r->problem, "%s", error.text);
    return !error.code;
}

static void add_more(struct json_writer *w, char what, const char *text)
{
    if (!text)
        return;
    json_raw(w, &what, 1);
    json_raw(w, text, strlen(text) + 1);
}

/* What the engine has no place for goes where it looks at nothing. */
static void keep_more(struct reading *r)
{
    struct json_writer *w = &r->id;

    if (r->type == ENGINE_OPERATION_EXECUTION ||
        !(r->unknown || r->function || r->tenant))
        return;
    json_raw(w, r->view.id.text, r->view.id.size + 1);
    add_more(w, HISTORY_SUBTYPE, r->unknown);
    add_more(w, HISTORY_FUNCTION, r->function);
    add_more(w, HISTORY_TENANT, r->tenant);
    if (!w->failed)
        r->view.id = (struct engine_text){w->bytes, w->size};
}

static int read_update(struct json_view update, struct engine_block *block,
                       bool *concludes, struct lambda_problem *problem)
{
    struct reading r = {.update = update, .problem = problem};
    bool good;

    r.view.value = "";
    good = json_is_object(update);
    if (!good)
        lambda_invalid(problem, "Updates must be objects");
    good = good && read_kind(&r) && read_identity(&r) && read_options(&r) &&
           read_value(&r);
    if (good) {
        keep_more(&r);
        *concludes = r.type == ENGINE_OPERATION_EXECUTION;
        r.item.type = ENGINE_ITEM_UPDATE;
        r.item.kind = (uint16_t)r.action;
        r.item.flags = engine_operation_flags(r.type, r.subtype, r.options);
        r.view.head.id_size = (uint16_t)r.view.id.size;
        r.view.head.name_size = (uint16_t)r.view.name.size;
        r.view.head.detail_size = (uint32_t)r.view.detail.size;
        good = engine_operation_write(block, &r.item, &r.view) != NULL;
    }
    free(r.kept.bytes);
    free(r.id.bytes);
    return good ? 0 : -1;
}

int lambda_updates_read(struct json_view updates, struct engine_block *block,
                        bool *concludes, struct lambda_problem *problem)
{
    *concludes = false;
    if (!engine_block_begin(block, sizeof(uint64_t)))
        return -1;
    if (!updates.item)
        return 0;
    if (!json_is_array(updates) || json_count(updates) > UPDATES_MAX) {
        lambda_invalid(problem, "Updates must be a list of at most %d",
                       UPDATES_MAX);
        return -1;
    }
    for (struct json_view v = json_first(updates); v.item; v = json_next(v)) {
        if (*concludes) {
            lambda_invalid(problem,
                           "EXECUTION checkpoint must be the last update.");
            return -1;
        }
        if (read_update(v, block, concludes, problem))
            return -1;
    }
    return 0;
}

/* Times ------------------------------------------------------------------- */

/* A point and digits, as nanoseconds; what is finer is left out. */
static const char *read_fraction(const char *at, uint64_t *ns)
{
    uint64_t unit = SECOND;

    *ns = 0;
    if (*at != '.')
        return at;
    for (at++; *at >= '0' && *at <= '9'; at++) {
        unit /= 10;
        *ns += (uint64_t)(*at - '0') * unit;
    }
    return at;
}

/* Z, or hours and minutes east of it. NULL: neither. */
static const char *read_offset(const char *at, int64_t *seconds)
{
    unsigned hours;
    unsigned minutes;
    char sign[2];
    int size = 0;

    *seconds = 0;
    if (*at == 'Z' || *at == 'z')
        return at + 1;
    if (sscanf(at, "%1[+-]%2u:%2u%n", sign, &hours, &minutes, &size) != 3)
        return NULL;
    *seconds = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    if (sign[0] == '-')
        *seconds = -*seconds;
    return at + size;
}

static bool read_date(const char *text, uint64_t *ns)
{
    struct tm tm = {0};
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    uint64_t fraction;
    int64_t offset;
    int64_t seconds;

    if (!at)
        return false;
    at = read_fraction(at, &fraction);
    at = read_offset(at, &offset);
    seconds = (int64_t)timegm(&tm);
    if (!at || *at || seconds < offset ||
        seconds - offset > INT64_MAX / (int64_t)SECOND)
        return false;
    *ns = (uint64_t)(seconds - offset) * SECOND + fraction;
    return true;
}

bool lambda_time_parse(const char *text, uint64_t *ns)
{
    uint64_t fraction;
    char *end;
    uint64_t seconds = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9')
        return false;
    if (*end != '\0' && *end != '.')
        return read_date(text, ns);
    if (*read_fraction(end, &fraction) != '\0' ||
        seconds > INT64_MAX / (int64_t)SECOND)
        return false;
    *ns = seconds * SECOND + fraction;
    return true;
}

/* Operations -------------------------------------------------------------- */

static void put_time(struct json_writer *w, const char *name, uint64_t ns,
                     enum lambda_times times)
{
    if (times == LAMBDA_SECONDS)
        json_put_seconds(w, name, ns);
    else
        json_put_millis(w, name, ns);
}

static void put_outcome(struct json_writer *w, const struct engine_item *item,
                        const struct engine_operation_view *view)
{
    bool over = engine_status_terminal(item->kind);
    bool state =
        engine_operation_flag_options(item->flags) & ENGINE_OPTION_STATE;
    bool empty =
        engine_operation_flag_options(item->flags) & ENGINE_OPTION_EMPTY;
    const char *value = view->value;
    size_t size = view->head.value_size;
    struct engine_text none = {"", 0};
    bool invoke =
        engine_operation_flag_type(item->flags) == ENGINE_OPERATION_INVOKE;

    if (view->head.error != ENGINE_ERR_NONE &&
        item->kind != ENGINE_STATUS_SUCCEEDED)
        lambda_error_write(w, "Error", invoke ? none : view->detail, value,
                           size);
    else if ((size > 0 || empty) && (over || state))
        (void)json_put_string(w, "Result", value, size);
}

static void put_step(struct json_writer *w, const struct engine_item *item,
                     const struct engine_operation_view *view, uint64_t late_ns,
                     enum lambda_times times)
{
    bool begun = item->kind == ENGINE_STATUS_STARTED;

    json_open(w, "StepDetails");
    json_put_number(w, "Attempt",
                    item->attempt > 0 && begun ? item->attempt - 1
                                               : item->attempt);
    if (item->kind == ENGINE_STATUS_PENDING)
        put_time(w, "NextAttemptTimestamp", view->head.first_ns - late_ns,
                 times);
    put_outcome(w, item, view);
    json_close(w);
}

static void put_callback(struct json_writer *w, uint64_t run,
                         const struct engine_item *item,
                         const struct engine_operation_view *view)
{
    struct engine_callback callback;

    engine_callback_write(run, item->op, (struct engine_hash){item->a, item->b},
                          &callback);
    json_open(w, "CallbackDetails");
    json_put_words(w, "CallbackId", callback.id);
    put_outcome(w, item, view);
    json_close(w);
}

static void put_details(struct json_writer *w, uint64_t run,
                        const struct engine_item *item,
                        const struct engine_operation_view *view,
                        const struct lambda_operation *self,
                        enum lambda_times times)
{
    switch (engine_operation_flag_type(item->flags)) {
    case ENGINE_OPERATION_STEP:
        put_step(w, item, view, self->late_ns, times);
        break;
    case ENGINE_OPERATION_CONTEXT:
        json_open(w, "ContextDetails");
        if (engine_operation_flag_options(item->flags) &
            ENGINE_OPTION_REPLAY_CHILDREN)
            json_put_bool(w, "ReplayChildren", true);
        put_outcome(w, item, view);
        json_close(w);
        break;
    case ENGINE_OPERATION_WAIT:
        json_open(w, "WaitDetails");
        put_time(w, "ScheduledEndTimestamp", self->due_ns, times);
        json_close(w);
        break;
    case ENGINE_OPERATION_CALLBACK:
        put_callback(w, run, item, view);
        break;
    default:
        json_open(w, "ChainedInvokeDetails");
        put_outcome(w, item, view);
        json_close(w);
        break;
    }
}

void lambda_operation_write(struct json_writer *w, uint64_t run,
                            const struct engine_item *item,
                            const struct lambda_operation *self,
                            const struct lambda_operation *parent,
                            enum lambda_times times)
{
    static const char *const statuses[] = {"",          "STARTED",   "PENDING",
                                           "READY",     "SUCCEEDED", "FAILED",
                                           "CANCELLED", "TIMED_OUT", "STOPPED"};
    unsigned type = engine_operation_flag_type(item->flags);
    unsigned subtype = engine_operation_flag_subtype(item->flags);
    struct engine_operation_view view;

    if (engine_operation_view(item, &view) || type == 0 || type > TYPE_COUNT ||
        item->kind >= sizeof(statuses) / sizeof(*statuses))
        return;
    json_open(w, NULL);
    json_put_words(w, "Id", self->text);
    if (parent)
        json_put_words(w, "ParentId", parent->text);
    if (view.name.size > 0)
        (void)json_put_string(w, "Name", view.name.text, view.name.size);
    json_put_words(w, "Type", types[type - ENGINE_OPERATION_EXECUTION]);
    if (subtype != ENGINE_SUBTYPE_NONE && subtype < SUBTYPE_COUNT)
        json_put_words(w, "SubType", subtypes[subtype]);
    else if (self->own_subtype)
        json_put_words(w, "SubType", self->own_subtype);
    json_put_words(w, "Status", statuses[item->kind]);
    put_time(w, "StartTimestamp", self->started_ns, times);
    if (self->ended_ns)
        put_time(w, "EndTimestamp", self->ended_ns, times);
    put_details(w, run, item, &view, self, times);
    json_close(w);
}
