#include "engine/workflow.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/failure.h"
#include "engine/random.h"
#include "engine/replay_private.h"
#include "engine/store.h"

enum {
    WINDOW = 3,
    WORDS_ROOM = 256,
    SHOWN_MAX = 100, /* bytes of a name in an error's words */
    UUID_ROOM = 37
};

/* Errors ------------------------------------------------------------------ */

static struct engine_text text_of(const char *text)
{
    return (struct engine_text){text ? text : "", text ? strlen(text) : 0};
}

struct engine_bytes engine_text_bytes(const char *text)
{
    return (struct engine_bytes){text, strlen(text)};
}

const struct engine_error_info *engine_error_of(const struct engine_context *c)
{
    return &c->error;
}

/* A copy that lives until the handler returns; empty when there is no room. */
static struct engine_text copy_text(struct engine_context *c,
                                    struct engine_text text)
{
    char *copy =
        text.size > 0 ? engine_replay_memory(c->replay, text.size) : NULL;

    if (!copy)
        return (struct engine_text){"", 0};
    memcpy(copy, text.text, text.size);
    return (struct engine_text){copy, text.size};
}

int engine_fail(struct engine_context *c, uint32_t error, const char *type,
                const char *message)
{
    struct engine_text kind = copy_text(c, text_of(type));
    struct engine_text words = text_of(message);

    words.size =
        engine_failure_cut(words.text, words.size, ENGINE_ERROR_TEXT_MAX);
    words = copy_text(c, words);
    if (error == ENGINE_ERR_NONE || error >= ENGINE_ERR_COUNT)
        error = ENGINE_ERR_UNKNOWN;
    c->error = (struct engine_error_info){
        .error = error, .type = kind, .message = words};
    return ENGINE_FAILED_FLOW;
}

int engine_call_refuse(struct engine_context *c, uint32_t error,
                       const char *format, ...)
{
    char words[WORDS_ROOM];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    return engine_fail(c, error, NULL, words);
}

int engine_call_too_large(struct engine_context *c, const char *what,
                          size_t actual, uint64_t maximum,
                          enum engine_limit limit)
{
    (void)engine_call_refuse(
        c, ENGINE_ERR_SIZE_LIMIT, "%llu bytes, at most %llu: %s of %s",
        (unsigned long long)actual, (unsigned long long)maximum,
        engine_limit_name(limit), what);
    c->error.actual = actual;
    c->error.maximum = maximum;
    return ENGINE_FAILED_FLOW;
}

static uint64_t number_in(struct engine_text *text)
{
    uint64_t number = 0;

    while (text->size > 0 && (*text->text < '0' || *text->text > '9')) {
        text->text++;
        text->size--;
    }
    while (text->size > 0 && *text->text >= '0' && *text->text <= '9') {
        number = number * 10 + (uint64_t)(*text->text - '0');
        text->text++;
        text->size--;
    }
    return number;
}

static uint32_t error_of_status(const struct engine_op_entry *entry)
{
    if (entry->error != ENGINE_ERR_NONE)
        return entry->error;
    switch (entry->status) {
    case ENGINE_STATUS_CANCELLED:
        return ENGINE_ERR_CANCELLED;
    case ENGINE_STATUS_TIMED_OUT:
        return ENGINE_ERR_TIMED_OUT;
    case ENGINE_STATUS_STOPPED:
        return ENGINE_ERR_STOPPED;
    default:
        return ENGINE_ERR_USER;
    }
}

void engine_call_error(struct engine_replay *r, uint32_t number,
                       struct engine_error_info *info)
{
    const struct engine_op_entry *entry = engine_replay_entry(r, number);
    bool typed = entry->type != ENGINE_OPERATION_INVOKE &&
                 entry->type != ENGINE_OPERATION_SEND &&
                 entry->type != ENGINE_OPERATION_RECEIVE;

    *info = (struct engine_error_info){
        .error = error_of_status(entry),
        .type = typed && entry->detail.text ? entry->detail
                                            : (struct engine_text){"", 0},
        .message = {entry->value ? entry->value : "", entry->value_size}};
    if (info->error == ENGINE_ERR_SIZE_LIMIT) {
        struct engine_text words = info->message;

        info->actual = number_in(&words);
        info->maximum = number_in(&words);
    }
}

/* Calls ------------------------------------------------------------------- */

/* What people call an operation of this type and subtype. */
static const char *kind_of(unsigned type, unsigned subtype)
{
    switch (subtype) {
    case ENGINE_SUBTYPE_RUN_IN_CHILD_CONTEXT:
        return "child context";
    case ENGINE_SUBTYPE_MAP_ITERATION:
        return "map iteration";
    case ENGINE_SUBTYPE_PARALLEL_BRANCH:
        return "branch";
    case ENGINE_SUBTYPE_WAIT_FOR_CALLBACK:
        return "wait for callback";
    case ENGINE_SUBTYPE_WAIT_FOR_CONDITION:
        return "wait for condition";
    case ENGINE_SUBTYPE_NONE:
    case ENGINE_SUBTYPE_CHAINED_INVOKE:
        return engine_operation_type_name(type);
    default:
        return engine_operation_subtype_name(subtype);
    }
}

static int shown(struct engine_text text)
{
    return text.size < SHOWN_MAX ? (int)text.size : SHOWN_MAX;
}

static int break_mismatch(struct engine_replay *r,
                          const struct engine_op_entry *entry,
                          const struct engine_call *call)
{
    return engine_replay_break(
        r, ENGINE_ERR_NONDETERMINISTIC,
        "%s \"%.*s\" was recorded where the handler now calls %s \"%.*s\"",
        kind_of(entry->type, entry->subtype), shown(entry->name),
        entry->name.text ? entry->name.text : "",
        kind_of(call->type, call->subtype), shown(call->name), call->name.text);
}

int engine_call_usable(struct engine_context *c)
{
    struct engine_replay *r = c->replay;

    if (r->broken)
        return ENGINE_BROKEN;
    if (r->current != c)
        return engine_replay_break(
            r, ENGINE_ERR_VALIDATION,
            "an operation was called on a context that is not the current "
            "one: inside a step, or in a child context on an outer one");
    return c->stuck;
}

static bool matches(const struct engine_op_entry *entry,
                    const struct engine_call *call)
{
    return entry->type == call->type && entry->subtype == call->subtype &&
           entry->name.size == call->name.size &&
           (entry->name.size == 0 ||
            memcmp(entry->name.text, call->name.text, entry->name.size) == 0);
}

const struct engine_op_entry *
engine_call_recorded(const struct engine_context *c, unsigned type,
                     unsigned subtype, const char *name)
{
    const struct engine_replay *r = c->replay;
    const struct engine_call call = {.type = (uint8_t)type,
                                     .subtype = (uint8_t)subtype,
                                     .name = text_of(name)};
    const struct engine_op_entry *entry = engine_operations_find(
        &r->table,
        engine_operation_id(r->config.run, c->id, c->calls + UINT64_C(1)));

    return entry && matches(entry, &call) ? entry : NULL;
}

/* In a closed context only what has ended can be met, and open contexts. */
static bool is_beyond(const struct engine_context *c,
                      const struct engine_op_entry *entry)
{
    return c->closed && (!entry || (!engine_status_terminal(entry->status) &&
                                    entry->type != ENGINE_OPERATION_CONTEXT));
}

static int check_name(struct engine_context *c, struct engine_text name,
                      const char *whose)
{
    uint64_t most = c->replay->config.limits->name_max;

    if (name.size > most)
        return engine_call_too_large(c, whose, name.size, most,
                                     ENGINE_LIMIT_name_max);
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char)name.text[i] < 0x20 || name.text[i] == 0x7f)
            return engine_call_refuse(c, ENGINE_ERR_VALIDATION,
                                      "the name of %s has control characters",
                                      whose);
    return ENGINE_DONE;
}

int engine_call_begin(struct engine_context *c, unsigned type, unsigned subtype,
                      const char *name, struct engine_call *call)
{
    struct engine_replay *r = c->replay;
    struct engine_op_entry *entry;
    int flow = engine_call_usable(c);

    if (flow)
        return flow;
    *call = (struct engine_call){.type = (uint8_t)type,
                                 .subtype = (uint8_t)subtype,
                                 .name = text_of(name)};
    call->id = engine_operation_id(r->config.run, c->id, ++c->calls);
    entry = engine_operations_find(&r->table, call->id);
    if (entry && !matches(entry, call))
        return break_mismatch(r, entry, call);
    if (entry) {
        r->notes[entry->number].met = c->visit;
        c->met++;
    }
    if (is_beyond(c, entry))
        return engine_call_suspend(c);
    call->number = entry ? entry->number : 0;
    return entry ? ENGINE_DONE : check_name(c, call->name, "an operation");
}

int engine_call_suspend(struct engine_context *c)
{
    c->suspended = true;
    if (!c->overlaps)
        c->stuck = ENGINE_SUSPENDED;
    return ENGINE_SUSPENDED;
}

int engine_call_gate(struct engine_context *c, uint32_t number, bool always)
{
    struct engine_replay *r = c->replay;

    if (engine_replay_is_durable(r, number) ||
        (r->config.optimistic && !always && !engine_replay_is_full(r)))
        return ENGINE_DONE;
    if (!r->shared && r->config.persist && engine_replay_flush(r))
        return ENGINE_DONE;
    if (r->broken)
        return ENGINE_BROKEN;
    r->gated = true;
    return engine_call_suspend(c);
}

/*
 * When something outside has ended an operation is recorded with its end, so
 * every replay knows it here. In a context that overlaps it depends on what
 * is open.
 */
static void note_time(struct engine_context *c,
                      const struct engine_op_entry *entry)
{
    bool timed = entry->type == ENGINE_OPERATION_WAIT ||
                 entry->type == ENGINE_OPERATION_CALLBACK ||
                 entry->type == ENGINE_OPERATION_INVOKE ||
                 entry->type == ENGINE_OPERATION_RECEIVE;

    if (timed && !c->overlaps && entry->due_ns != UINT64_MAX &&
        entry->due_ns > c->time_ns)
        c->time_ns = entry->due_ns;
}

int engine_call_give(struct engine_context *c, uint32_t number,
                     struct engine_bytes *out)
{
    struct engine_replay *r = c->replay;
    const struct engine_op_entry *entry = engine_replay_entry(r, number);
    struct engine_replay_note *note = engine_replay_note(r, number);

    if (!note->passed)
        note->passed = r->pass;
    c->last = number;
    note_time(c, entry);
    if (entry->status == ENGINE_STATUS_SUCCEEDED) {
        *out = (struct engine_bytes){entry->value ? entry->value : "",
                                     entry->value_size};
        return ENGINE_DONE;
    }
    engine_call_error(r, number, &c->error);
    return ENGINE_FAILED_FLOW;
}

/* A new operation whose START is all there is to say. Its number, or 0. */
static uint32_t start(struct engine_context *c, const struct engine_call *call,
                      const struct engine_replay_change *how)
{
    struct engine_replay_change change = *how;
    uint32_t number = engine_replay_add(c, call);

    change.action = ENGINE_ACTION_START;
    change.status = ENGINE_STATUS_STARTED;
    if (number && engine_replay_queue(c->replay, number, &change))
        return 0;
    return number;
}

uint32_t engine_call_start(struct engine_context *c,
                           const struct engine_call *call, uint64_t branches)
{
    const struct engine_replay_change how = {.second_ns = branches};

    return start(c, call, &how);
}

/* Gives the end of an operation that something outside ends. */
static int await(struct engine_context *c, uint32_t number,
                 struct engine_bytes *out)
{
    const struct engine_op_entry *entry =
        engine_replay_entry(c->replay, number);

    if (!engine_status_terminal(entry->status))
        return engine_call_suspend(c);
    return engine_call_give(c, number, out);
}

/* Waits ------------------------------------------------------------------- */

static int refuse_duration(struct engine_context *c, const char *what,
                           uint64_t ns, uint64_t least, uint64_t most)
{
    return engine_call_refuse(c, ENGINE_ERR_VALIDATION,
                              "%s of %llu ns, allowed are %llu to %llu", what,
                              (unsigned long long)ns, (unsigned long long)least,
                              (unsigned long long)most);
}

int engine_wait(struct engine_context *c, const char *name, uint64_t ns)
{
    const struct engine_limits *limits = c->replay->config.limits;
    const struct engine_replay_change how = {.first_ns = ns};
    struct engine_bytes nothing;
    struct engine_call call;
    int flow = engine_call_begin(c, ENGINE_OPERATION_WAIT, ENGINE_SUBTYPE_WAIT,
                                 name, &call);

    if (flow)
        return flow;
    if (!call.number) {
        if (ns < limits->wait_min_ns || ns > limits->wait_max_ns)
            return refuse_duration(c, "a wait", ns, limits->wait_min_ns,
                                   limits->wait_max_ns);
        call.number = start(c, &call, &how);
        if (!call.number)
            return ENGINE_BROKEN;
    }
    return await(c, call.number, &nothing);
}

int engine_wait_until(struct engine_context *c, const char *name,
                      uint64_t unix_ns)
{
    const struct engine_limits *limits = c->replay->config.limits;
    const struct engine_replay_change how = {.options = ENGINE_OPTION_UNTIL,
                                             .first_ns = unix_ns};
    struct engine_bytes nothing;
    struct engine_call call;
    int flow = engine_call_begin(c, ENGINE_OPERATION_WAIT, ENGINE_SUBTYPE_WAIT,
                                 name, &call);

    if (flow)
        return flow;
    if (!call.number) {
        if (unix_ns > c->time_ns && unix_ns - c->time_ns > limits->wait_max_ns)
            return refuse_duration(c, "a wait", unix_ns - c->time_ns, 0,
                                   limits->wait_max_ns);
        call.number = start(c, &call, &how);
        if (!call.number)
            return ENGINE_BROKEN;
    }
    return await(c, call.number, &nothing);
}

static bool is_reachable(struct engine_replay *r,
                         const struct engine_op_entry *entry)
{
    while (entry->parent) {
        entry = engine_replay_entry(r, entry->parent);
        if (engine_status_terminal(entry->status))
            return false;
    }
    return true;
}

static bool is_open_wait(struct engine_replay *r, uint32_t number,
                         struct engine_text name)
{
    const struct engine_op_entry *entry = engine_replay_entry(r, number);

    return entry->type == ENGINE_OPERATION_WAIT &&
           entry->status == ENGINE_STATUS_STARTED &&
           entry->name.size == name.size &&
           (name.size == 0 ||
            memcmp(entry->name.text, name.text, name.size) == 0) &&
           is_reachable(r, entry);
}

int engine_wait_cancel(struct engine_context *c, const char *name)
{
    static const struct engine_replay_change change = {
        .action = ENGINE_ACTION_CANCEL, .status = ENGINE_STATUS_STARTED};
    struct engine_replay *r = c->replay;
    struct engine_text wanted = text_of(name);
    int flow = engine_call_usable(c);

    if (flow || c->closed)
        return flow;
    for (uint32_t number = r->table.count; number-- > 1;)
        if (is_open_wait(r, number, wanted) && !r->notes[number].cancel)
            return engine_replay_queue(r, number, &change);
    return ENGINE_DONE;
}

/* Callbacks --------------------------------------------------------------- */

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum {
    TOKEN_SIZE = 32, /* run 8, key 16, number 4, check 4 */
    TOKEN_TEXT = 43  /* and a "=" behind them */
};

static void encode(const unsigned char *bytes, char *text)
{
    uint32_t held = 0;
    unsigned bits = 0;

    for (unsigned i = 0; i < TOKEN_SIZE; i++) {
        held = held << 8 | bytes[i];
        for (bits += 8; bits >= 6; bits -= 6)
            *text++ = letters[held >> (bits - 6) & 63];
    }
    *text++ = letters[held << (6 - bits) & 63];
    *text++ = '=';
    *text = '\0';
}

/* Also as in addresses, where + and / mean something else. */
static const char *letter_of(char c)
{
    if (c == '-')
        c = '+';
    if (c == '_')
        c = '/';
    return c ? strchr(letters, c) : NULL;
}

static int decode(const char *text, unsigned char *bytes)
{
    uint32_t held = 0;
    unsigned bits = 0;

    for (unsigned i = 0; i < TOKEN_TEXT; i++) {
        const char *letter = letter_of(text[i]);

        if (!letter)
            return -1;
        held = held << 6 | (uint32_t)(letter - letters);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *bytes++ = (unsigned char)(held >> bits);
        }
    }
    text += TOKEN_TEXT;
    text += *text == '=';
    return *text || held & ((1U << bits) - 1) ? -1 : 0;
}

/* Puts the check at the end; what it is of the rest. */
static uint32_t check_of(const unsigned char *bytes)
{
    return (uint32_t)engine_hash_bytes(bytes, TOKEN_SIZE - sizeof(uint32_t)).lo;
}

void engine_callback_write(uint64_t run, uint32_t operation,
                           struct engine_hash key,
                           struct engine_callback *callback)
{
    unsigned char bytes[TOKEN_SIZE];
    uint32_t check;

    memcpy(bytes, &run, 8);
    memcpy(bytes + 8, &key, 16);
    memcpy(bytes + 24, &operation, 4);
    check = check_of(bytes);
    memcpy(bytes + 28, &check, 4);
    callback->operation = key;
    encode(bytes, callback->id);
}

int engine_callback_parse(const char *id, uint64_t *run, uint32_t *operation,
                          struct engine_hash *key)
{
    unsigned char bytes[TOKEN_SIZE];
    uint32_t check;

    if (decode(id, bytes))
        return -1;
    memcpy(&check, bytes + 28, 4);
    if (check != check_of(bytes))
        return -1;
    memcpy(run, bytes, 8);
    memcpy(key, bytes + 8, 16);
    memcpy(operation, bytes + 24, 4);
    return 0;
}

static int check_callback(struct engine_context *c,
                          const struct engine_callback_options *options)
{
    uint64_t most = c->replay->config.limits->callback_max_ns;

    if (options->timeout_ns > most)
        return refuse_duration(c, "a callback's timeout", options->timeout_ns,
                               0, most);
    if (options->heartbeat_ns > most)
        return refuse_duration(c, "a callback's heartbeat timeout",
                               options->heartbeat_ns, 0, most);
    if (options->timeout_ns && options->heartbeat_ns >= options->timeout_ns)
        return engine_call_refuse(
            c, ENGINE_ERR_VALIDATION,
            "a heartbeat timeout of %llu ns is not below the timeout of %llu",
            (unsigned long long)options->heartbeat_ns,
            (unsigned long long)options->timeout_ns);
    return ENGINE_DONE;
}

int engine_create_callback(struct engine_context *c, const char *name,
                           const struct engine_callback_options *options,
                           struct engine_callback *callback)
{
    static const struct engine_callback_options defaults = {0};
    const struct engine_callback_options *o = options ? options : &defaults;
    const struct engine_replay_change how = {.first_ns = o->timeout_ns,
                                             .second_ns = o->heartbeat_ns};
    struct engine_replay *r = c->replay;
    const struct engine_op_entry *entry;
    struct engine_call call;
    int flow = engine_call_begin(c, ENGINE_OPERATION_CALLBACK,
                                 ENGINE_SUBTYPE_CALLBACK, name, &call);

    if (!flow && !call.number) {
        flow = check_callback(c, o);
        if (!flow)
            call.number = start(c, &call, &how);
        if (!flow && !call.number)
            flow = ENGINE_BROKEN;
    }
    if (!flow)
        flow = engine_call_gate(c, call.number, true);
    if (flow)
        return flow;
    if (!r->notes[call.number].passed)
        r->notes[call.number].passed = r->pass;
    c->last = call.number;
    entry = engine_replay_entry(r, call.number);
    engine_callback_write(r->config.run, entry->run_number, entry->id,
                          callback);
    return ENGINE_DONE;
}

int engine_callback_result(struct engine_context *c,
                           const struct engine_callback *callback,
                           struct engine_bytes *out)
{
    const struct engine_op_entry *entry;
    int flow = engine_call_usable(c);

    if (flow)
        return flow;
    entry = engine_operations_find(&c->replay->table, callback->operation);
    if (!entry || entry->type != ENGINE_OPERATION_CALLBACK)
        return engine_call_refuse(c, ENGINE_ERR_VALIDATION,
                                  "there is no such callback in this run");
    return await(c, entry->number, out);
}

struct submission {
    const char *name;
    engine_step_fn *submitter;
    void *self;
    const struct engine_step_options *step;
    const struct engine_callback_options *callback;
};

/*
 * Whether to go without a submitter: the callback was answered, so the code
 * has run, only what came of it was lost.
 */
static bool is_answered(struct engine_context *c,
                        const struct engine_callback *callback)
{
    struct engine_operations *table = &c->replay->table;
    struct engine_hash next =
        engine_operation_id(c->replay->config.run, c->id, c->calls + 1);

    return !engine_operations_find(table, next) &&
           engine_status_terminal(
               engine_operations_find(table, callback->operation)->status);
}

static int submit_and_wait(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    const struct submission *s = self;
    struct engine_callback *callback =
        engine_replay_memory(c->replay, sizeof(*callback));
    struct engine_bytes ignored;
    int flow;

    (void)input;
    if (!callback)
        return ENGINE_BROKEN;
    flow = engine_create_callback(c, s->name, s->callback, callback);
    if (!flow && !is_answered(c, callback))
        flow = engine_step(c, "submitter", s->submitter, s->self,
                           engine_text_bytes(callback->id), s->step, &ignored);
    return flow ? flow : engine_callback_result(c, callback, out);
}

int engine_wait_for_callback(struct engine_context *c, const char *name,
                             engine_step_fn *submitter, void *self,
                             const struct engine_step_options *step,
                             const struct engine_callback_options *options,
                             struct engine_bytes *out)
{
    struct submission submission = {name, submitter, self, step, options};
    const struct engine_child_call child = {
        .name = name,
        .subtype = ENGINE_SUBTYPE_WAIT_FOR_CALLBACK,
        .run = submit_and_wait,
        .self = &submission};

    return engine_child_call(c, &child, out);
}

/* Other runs -------------------------------------------------------------- */

static int check_size(struct engine_context *c, const char *what, size_t size,
                      enum engine_limit limit)
{
    const struct engine_limits *limits = c->replay->config.limits;
    uint64_t most = engine_limit_value(limits, limit);

    if (size <= most ||
        (limits->spill && limit == ENGINE_LIMIT_operation_payload_max))
        return ENGINE_DONE;
    return engine_call_too_large(c, what, size, most, limit);
}

/* What goes to another run goes there by value. */
static int check_inline(struct engine_context *c, const char *what, size_t size)
{
    int flow = check_size(c, what, size, ENGINE_LIMIT_inline_max);

    return flow ? flow
                : check_size(c, what, size, ENGINE_LIMIT_operation_payload_max);
}

static int check_invoke(struct engine_context *c,
                        const struct engine_replay_change *how)
{
    static const char what[] = "an invoked workflow";
    uint64_t most = c->replay->config.limits->run_max_ns;
    int flow = check_name(c, how->detail, what);

    if (!flow && how->detail.size == 0)
        return engine_call_refuse(c, ENGINE_ERR_VALIDATION, "%s needs a name",
                                  what);
    if (!flow && how->first_ns > most)
        return refuse_duration(c, "an invocation's timeout", how->first_ns, 0,
                               most);
    if (!flow)
        flow = check_size(c, what, how->value.size, ENGINE_LIMIT_input_max);
    return flow ? flow : check_inline(c, what, how->value.size);
}

int engine_invoke(struct engine_context *c, const char *name,
                  const char *workflow, struct engine_bytes input,
                  const struct engine_invoke_options *options,
                  struct engine_bytes *out)
{
    bool cancelled =
        options && options->on_parent_end == ENGINE_PARENT_END_CANCEL;
    const struct engine_replay_change how = {
        .options = cancelled ? ENGINE_OPTION_CANCEL : 0,
        .first_ns = options ? options->timeout_ns : 0,
        .detail = text_of(workflow),
        .value = input};
    struct engine_call call;
    int flow = engine_call_begin(c, ENGINE_OPERATION_INVOKE,
                                 ENGINE_SUBTYPE_CHAINED_INVOKE, name, &call);

    if (!flow && !call.number) {
        flow = check_invoke(c, &how);
        if (!flow)
            call.number = start(c, &call, &how);
        if (!flow && !call.number)
            flow = ENGINE_BROKEN;
    }
    return flow ? flow : await(c, call.number, out);
}

/* What was sent to this edge in this turn; NULL: out of memory. */
static struct engine_replay_edge *edge_to(struct engine_replay *r, uint64_t run,
                                          struct engine_text name)
{
    struct engine_replay_edge *edge = r->edges;

    while (edge && (edge->run != run || edge->edge.size != name.size ||
                    (name.size > 0 &&
                     memcmp(edge->edge.text, name.text, name.size) != 0)))
        edge = edge->next;
    if (edge)
        return edge;
    edge = engine_replay_memory(r, sizeof(*edge) + name.size);
    if (!edge)
        return NULL;
    *edge = (struct engine_replay_edge){
        .next = r->edges, .run = run, .edge = {(char *)(edge + 1), name.size}};
    if (name.size > 0)
        memcpy(edge + 1, name.text, name.size);
    r->edges = edge;
    return edge;
}

static int send_new(struct engine_context *c, struct engine_call *call,
                    const struct engine_replay_edge *edge,
                    struct engine_bytes message, uint32_t window)
{
    const struct engine_replay_change how = {
        .first_ns = edge->run, .detail = edge->edge, .value = message};
    int flow = check_inline(c, "a message", message.size);

    if (!flow && (edge->run == 0 || edge->run > ENGINE_RUN_MAX))
        flow = engine_call_refuse(c, ENGINE_ERR_VALIDATION,
                                  "there can be no run %llu",
                                  (unsigned long long)edge->run);
    if (!flow && edge->edge.size == 0)
        flow = engine_call_refuse(c, ENGINE_ERR_VALIDATION,
                                  "an edge needs a name");
    if (flow)
        return flow;
    if (edge->open >= window)
        return engine_call_suspend(c);
    call->number = start(c, call, &how);
    return call->number ? ENGINE_DONE : ENGINE_BROKEN;
}

int engine_send(struct engine_context *c, uint64_t to_run, const char *edge,
                struct engine_bytes message, uint32_t window)
{
    struct engine_replay *r = c->replay;
    struct engine_replay_edge *to;
    struct engine_bytes nothing;
    struct engine_call call;
    int flow = engine_call_begin(c, ENGINE_OPERATION_SEND, ENGINE_SUBTYPE_NONE,
                                 edge, &call);

    if (flow)
        return flow;
    to = edge_to(r, to_run, call.name);
    if (!to)
        return ENGINE_BROKEN;
    if (!call.number)
        flow = send_new(c, &call, to, message, window ? window : WINDOW);
    if (flow)
        return flow;
    if (engine_status_terminal(engine_replay_entry(r, call.number)->status))
        return engine_call_give(c, call.number, &nothing);
    if (r->notes[call.number].listed != r->turn)
        to->open++;
    r->notes[call.number].listed = r->turn;
    if (!r->notes[call.number].passed)
        r->notes[call.number].passed = r->pass;
    c->last = call.number;
    return ENGINE_DONE;
}

int engine_receive_for(struct engine_context *c, const char *edge,
                       uint64_t inactivity_ns, struct engine_bytes *message,
                       bool *end)
{
    const struct engine_replay_change how = {.first_ns = inactivity_ns,
                                             .detail = text_of(edge)};
    uint64_t most = c->replay->config.limits->callback_max_ns;
    struct engine_call call;
    int flow = engine_call_begin(c, ENGINE_OPERATION_RECEIVE,
                                 ENGINE_SUBTYPE_NONE, edge, &call);

    *end = false;
    if (flow)
        return flow;
    if (!call.number && how.detail.size == 0)
        return engine_call_refuse(c, ENGINE_ERR_VALIDATION,
                                  "an edge needs a name");
    if (!call.number && inactivity_ns > most)
        return refuse_duration(c, "a receiver's timeout", inactivity_ns, 0,
                               most);
    if (!call.number)
        call.number = start(c, &call, &how);
    if (!call.number)
        return ENGINE_BROKEN;
    flow = await(c, call.number, message);
    *end = !flow && engine_replay_entry(c->replay, call.number)->options &
                        ENGINE_OPTION_END;
    return flow;
}

int engine_receive(struct engine_context *c, const char *edge,
                   struct engine_bytes *message, bool *end)
{
    return engine_receive_for(c, edge, 0, message, end);
}

/* Contexts ---------------------------------------------------------------- */

void engine_context_enter(struct engine_context *c,
                          struct engine_context *outer, uint32_t number)
{
    struct engine_replay *r = outer->replay;

    *c = (struct engine_context){.replay = r,
                                 .outer = outer,
                                 .id = engine_replay_entry(r, number)->id,
                                 .number = number,
                                 .visit = ++r->visits,
                                 .last = number,
                                 .time_ns = outer->time_ns,
                                 .closed = outer->closed};
    if (!r->notes[number].entered)
        r->notes[number].entered = r->pass;
    r->current = c;
}

void engine_context_leave(struct engine_context *c)
{
    struct engine_replay *r = c->replay;

    if (c->overlaps)
        r->shared--;
    c->outer->undo |= c->undo;
    r->current = c->outer;
}

void engine_context_overlap(struct engine_context *c)
{
    if (c->overlaps)
        return;
    c->overlaps = true;
    c->replay->shared++;
}

void engine_context_close(struct engine_context *c)
{
    c->closed = true;
    c->failure = c->error;
}

int engine_context_flow(struct engine_context *c, int returned)
{
    if (c->replay->broken)
        return ENGINE_BROKEN;
    if (c->stuck)
        return c->stuck;
    switch (returned) {
    case ENGINE_DONE:
        return c->suspended ? ENGINE_SUSPENDED : ENGINE_DONE;
    case ENGINE_FAILED_FLOW:
        if (c->failure.error != ENGINE_ERR_NONE)
            c->error = c->failure;
        if (c->error.error == ENGINE_ERR_NONE)
            (void)engine_fail(c, ENGINE_ERR_UNKNOWN, NULL,
                              "the handler failed without saying why");
        return ENGINE_FAILED_FLOW;
    case ENGINE_SUSPENDED:
        return ENGINE_SUSPENDED;
    default:
        return engine_replay_break(c->replay, ENGINE_ERR_VALIDATION,
                                   "a handler returned %d", returned);
    }
}

/* Which call of its context an operation was; 0: it was none of the next. */
static uint64_t call_of(const struct engine_context *c,
                        const struct engine_op_entry *entry)
{
    uint64_t last =
        c->calls + UINT64_C(1) + c->replay->notes[c->number].children;

    for (uint64_t n = c->calls + UINT64_C(1); n <= last; n++)
        if (engine_hash_equal(
                engine_operation_id(c->replay->config.run, c->id, n),
                entry->id))
            return n;
    return 0;
}

/* "call 3 of child context "x"", as far as it is known. */
static void write_place(const struct engine_context *c,
                        const struct engine_op_entry *entry, char *words,
                        size_t room)
{
    const struct engine_op_entry *outer =
        engine_replay_entry(c->replay, c->number);
    uint64_t n = call_of(c, entry);
    int used = n ? snprintf(words, room, "call %llu of ", (unsigned long long)n)
                 : snprintf(words, room, "part of ");

    if (!c->outer)
        (void)snprintf(words + used, room - (size_t)used, "the run");
    else
        (void)snprintf(words + used, room - (size_t)used, "%s \"%.*s\"",
                       kind_of(outer->type, outer->subtype), shown(outer->name),
                       outer->name.text ? outer->name.text : "");
}

int engine_context_missed(struct engine_context *c, uint32_t number,
                          const struct engine_error_info *why)
{
    struct engine_replay *r = c->replay;
    const struct engine_op_entry *entry = engine_replay_entry(r, number);
    char place[WORDS_ROOM];
    char recorded[32] = "";

    write_place(c, entry, place, sizeof(place));
    if (entry->run_number != UINT32_MAX)
        (void)snprintf(recorded, sizeof(recorded), " (operation %u)",
                       entry->run_number);
    return engine_replay_break(
        r, ENGINE_ERR_NONDETERMINISTIC,
        "%s \"%.*s\" was recorded as %s%s, and the handler now %s it%s%.*s",
        kind_of(entry->type, entry->subtype), shown(entry->name),
        entry->name.text ? entry->name.text : "", place, recorded,
        why ? "fails before" : "ends without", why ? ": " : "",
        why ? shown(why->message) : 0,
        why && why->message.text ? why->message.text : "");
}

/*
 * Whether a context that fails has been as far as what was recorded. Not one
 * that overlaps: what came after the failure was recorded while that was open.
 * Nor one that ran out of memory: that is no word of the handler's.
 */
static bool fails_anywhere(const struct engine_context *c)
{
    return c->overlaps || c->error.error == ENGINE_ERR_OOM;
}

/* The oldest operation below the context that was not met; 0: none. Steps
 * that undo others are met after the handler has failed. */
static uint32_t oldest_missed(const struct engine_context *c, bool fails)
{
    struct engine_replay *r = c->replay;
    uint32_t missed = 0;

    if (c->met >= r->notes[c->number].children)
        return 0;
    for (uint32_t n = engine_replay_entry(r, c->number)->first_child; n;
         n = engine_replay_entry(r, n)->next_sibling)
        if (r->notes[n].met != c->visit &&
            !(fails && engine_replay_entry(r, n)->subtype ==
                           ENGINE_SUBTYPE_COMPENSATION))
            missed = n;
    return missed;
}

int engine_context_complete(struct engine_context *c, int flow)
{
    bool fails = flow == ENGINE_FAILED_FLOW;
    uint32_t missed;

    if ((flow != ENGINE_DONE && !fails) || (fails && fails_anywhere(c)))
        return flow;
    missed = oldest_missed(c, fails);
    return missed ? engine_context_missed(c, missed, fails ? &c->error : NULL)
                  : flow;
}

static struct engine_replay_change fail_child(struct engine_context *inner)
{
    uint64_t room = inner->replay->config.limits->error_max;
    struct engine_error_info *why = &inner->error;

    if (why->type.size > room)
        why->type.size = (size_t)room;
    if (why->message.size > room - why->type.size)
        why->message.size = (size_t)room - why->type.size;
    return (struct engine_replay_change){
        .action = ENGINE_ACTION_FAIL,
        .status = ENGINE_STATUS_FAILED,
        .options = inner->undo ? ENGINE_OPTION_REPLAY_CHILDREN : 0,
        .error = why->error,
        .detail = why->type,
        .value = {why->message.text, why->message.size}};
}

/* Records the end of a child context and gives it to its caller. */
static int close_child(struct engine_context *c, struct engine_context *inner,
                       const struct engine_child_call *child, int flow,
                       struct engine_bytes value, struct engine_bytes *out)
{
    struct engine_replay *r = c->replay;
    const struct engine_limits *limits = r->config.limits;
    struct engine_replay_change change = {
        .action = ENGINE_ACTION_SUCCEED,
        .status = ENGINE_STATUS_SUCCEEDED,
        .options = inner->undo ? ENGINE_OPTION_REPLAY_CHILDREN : 0,
        .value = value};
    bool large = value.size > limits->operation_payload_max;

    if (flow == ENGINE_DONE && large &&
        (child->replay_children || inner->undo)) {
        change.options = ENGINE_OPTION_REPLAY_CHILDREN;
        change.value.size = 0;
    } else if (flow == ENGINE_DONE && large && !limits->spill) {
        flow = engine_call_too_large(inner, "a child context", value.size,
                                     limits->operation_payload_max,
                                     ENGINE_LIMIT_operation_payload_max);
    }
    if (flow == ENGINE_FAILED_FLOW)
        change = fail_child(inner);
    if (engine_replay_queue(r, inner->number, &change))
        return ENGINE_BROKEN;
    flow = engine_call_give(c, inner->number, out);
    if (!flow && change.value.size < value.size)
        *out = value; /* only its children are recorded */
    return flow;
}

/* A closed context was called again for its result. */
static int give_rebuilt(struct engine_context *c, uint32_t number, int flow,
                        struct engine_bytes value, struct engine_bytes *out)
{
    const struct engine_op_entry *entry =
        engine_replay_entry(c->replay, number);
    bool succeeded = entry->status == ENGINE_STATUS_SUCCEEDED;

    if (!engine_status_terminal(entry->status))
        return engine_call_suspend(c); /* it was open when its outer closed */
    if (succeeded != (flow == ENGINE_DONE))
        return engine_replay_break(
            c->replay, ENGINE_ERR_NONDETERMINISTIC,
            "%s \"%.*s\" ended differently when it was recorded",
            kind_of(entry->type, entry->subtype), shown(entry->name),
            entry->name.text ? entry->name.text : "");
    flow = engine_call_give(c, number, out);
    if (!flow)
        *out = value;
    return flow;
}

static int run_child(struct engine_context *c,
                     const struct engine_child_call *child, uint32_t number,
                     struct engine_bytes *out)
{
    struct engine_context inner;
    struct engine_bytes value = {"", 0};
    bool again;
    int flow;

    engine_context_enter(&inner, c, number);
    if (engine_status_terminal(engine_replay_entry(c->replay, number)->status))
        inner.closed = true;
    again = inner.closed;
    flow = child->run(&inner, child->self, child->input, &value);
    flow = engine_context_flow(&inner, flow);
    flow = engine_context_complete(&inner, flow);
    engine_context_leave(&inner);
    if (flow == ENGINE_BROKEN)
        return flow;
    if (again)
        return give_rebuilt(c, number, flow, value, out);
    if (flow == ENGINE_SUSPENDED)
        return engine_call_suspend(c);
    return close_child(c, &inner, child, flow, value, out);
}

int engine_child_call(struct engine_context *c,
                      const struct engine_child_call *child,
                      struct engine_bytes *out)
{
    const struct engine_op_entry *entry;
    struct engine_call call;
    int flow = engine_call_begin(c, ENGINE_OPERATION_CONTEXT, child->subtype,
                                 child->name, &call);

    if (flow)
        return flow;
    if (!call.number)
        call.number = engine_call_start(c, &call, 0);
    if (!call.number)
        return ENGINE_BROKEN;
    entry = engine_replay_entry(c->replay, call.number);
    if (engine_status_terminal(entry->status) &&
        !(entry->options & ENGINE_OPTION_REPLAY_CHILDREN))
        return engine_call_give(c, call.number, out);
    return run_child(c, child, call.number, out);
}

int engine_run_in_child_context(struct engine_context *c, const char *name,
                                engine_handler_fn *run, void *self,
                                struct engine_bytes input,
                                const struct engine_child_options *options,
                                struct engine_bytes *out)
{
    const struct engine_child_call child = {
        .name = name,
        .subtype = ENGINE_SUBTYPE_RUN_IN_CHILD_CONTEXT,
        .run = run,
        .self = self,
        .input = input,
        .replay_children = options && options->replay_children};

    return engine_child_call(c, &child, out);
}

/* Replay-safe helpers ----------------------------------------------------- */

uint64_t engine_context_run(const struct engine_context *c)
{
    return c->replay->config.run;
}

uint64_t engine_now(const struct engine_context *c)
{
    return c->replay->config.now_ns;
}

uint64_t engine_time(const struct engine_context *c)
{
    return c->time_ns;
}

uint64_t engine_random(struct engine_context *c)
{
    struct engine_stream stream;

    engine_stream_init(&stream, c->replay->config.seed, "engine/handler/random",
                       c->id.lo);
    return engine_stream_u64(&stream, c->draws++);
}

void engine_uuid(struct engine_context *c, char out[UUID_ROOM])
{
    uint64_t high = engine_random(c);
    uint64_t low = engine_random(c);

    high = (high & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
    (void)snprintf(out, UUID_ROOM, "%08x-%04x-%04x-%04x-%04x%08x",
                   (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
                   (unsigned)(high & 0xffff), (unsigned)(low >> 48),
                   (unsigned)(low >> 32 & 0xffff), (unsigned)low);
}

/*
 * The handler has been here before if it was given the end of its last
 * operation in an earlier pass, or if its next one was met in one.
 */
bool engine_is_replaying(const struct engine_context *c)
{
    const struct engine_replay *r = c->replay;
    const struct engine_op_entry *next = engine_operations_find(
        &r->table, engine_operation_id(r->config.run, c->id, c->calls + 1));
    const struct engine_replay_note *last = &r->notes[c->last];

    if (next && r->notes[next->number].born < r->pass)
        return true;
    if (c->calls > 0)
        return last->passed && last->passed < r->pass;
    return last->entered && last->entered < r->pass;
}

/* The names of the contexts around a call, outermost first. */
static const char *path_of(struct engine_context *c)
{
    size_t size = 0;
    char *path;

    for (struct engine_context *at = c; at->outer; at = at->outer)
        size += engine_replay_entry(c->replay, at->number)->name.size + 1;
    if (size == 0)
        return "";
    path = engine_replay_memory(c->replay, size);
    if (!path)
        return "";
    path[--size] = '\0';
    for (struct engine_context *at = c; at->outer; at = at->outer) {
        struct engine_text name =
            engine_replay_entry(c->replay, at->number)->name;

        size -= name.size;
        if (name.size > 0)
            memcpy(path + size, name.text, name.size);
        if (size > 0)
            path[--size] = '/';
    }
    return path;
}

void engine_log(struct engine_context *c, const char *format, ...)
{
    const struct engine_replay_config *config = &c->replay->config;
    va_list arguments;
    char *text;
    int size;

    if (!config->log || engine_is_replaying(c))
        return;
    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    text = size < 0 ? NULL : engine_replay_memory(c->replay, (size_t)size + 1);
    if (!text)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    config->log(config->self, config->run, path_of(c), text);
}

void *engine_context_memory(struct engine_context *c, size_t size)
{
    return engine_arena_take(&c->replay->arena, size);
}
