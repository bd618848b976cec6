#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/lambda/service_private.h"
#include "engine/refusal.h"

/* An update of a checkpoint, with what is known of its operation. */
struct update {
    const struct engine_item *item;
    struct engine_operation_view view;
    struct engine_hash id;
    unsigned type;
    unsigned subtype;
    const struct lambda_operation *known; /* NULL: it is new */
    const struct engine_item *earlier;    /* of the batch, the same operation */
};

static struct engine_hash id_of(const struct engine_item *item)
{
    return (struct engine_hash){item->a, item->b};
}

/* Updates stand behind a head of 8 bytes. */
static const struct engine_item *item_at(const struct engine_block *updates,
                                         size_t at)
{
    return (const void *)(updates->bytes + at);
}

/* The first update about an operation before this one; NULL. */
static const struct engine_item *find_before(const struct engine_block *updates,
                                             const struct engine_item *end,
                                             struct engine_hash id)
{
    const struct engine_item *item;

    for (size_t at = sizeof(uint64_t); (item = item_at(updates, at)) != end;
         at += engine_item_span(item->size))
        if (engine_hash_equal(id_of(item), id))
            return item;
    return NULL;
}

static bool take_apart(const struct lambda_execution *execution,
                       const struct engine_block *updates,
                       const struct engine_item *item, struct update *update)
{
    *update = (struct update){
        .item = item,
        .id = id_of(item),
        .type = engine_operation_flag_type(item->flags),
        .subtype = engine_operation_flag_subtype(item->flags),
        .known = lambda_execution_operation(execution, id_of(item)),
    };
    if (update->type != ENGINE_OPERATION_EXECUTION)
        update->earlier = find_before(updates, item, update->id);
    return engine_operation_view(item, &update->view) == 0;
}

/* Checks ------------------------------------------------------------------ */

static bool same_text(struct engine_text a, struct engine_text b)
{
    return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

/* The engine knows an id by its hash only. */
static bool is_its_id(const struct update *update)
{
    struct engine_operation_view earlier;
    struct engine_text known = update->view.id;

    if (update->known)
        known = (struct engine_text){update->known->text,
                                     strlen(update->known->text)};
    else if (update->earlier &&
             engine_operation_view(update->earlier, &earlier) == 0)
        known = earlier.id;
    return same_text(known, update->view.id);
}

static bool check(const struct update *update, struct lambda_problem *problem)
{
    if (update->type == ENGINE_OPERATION_EXECUTION)
        return true;
    if (!is_its_id(update))
        lambda_invalid(problem,
                       "Invalid operation id: %.*s has the hash of "
                       "another one of this execution",
                       (int)update->view.id.size, update->view.id.text);
    else if (update->item->kind == ENGINE_ACTION_RETRY && !update->known &&
             !update->earlier)
        lambda_invalid(problem, "Invalid current STEP state to re-attempt.");
    else if (update->item->kind == ENGINE_ACTION_CANCEL && update->known &&
             update->known->ended_ns)
        lambda_invalid(problem, "Cannot cancel a WAIT that does not exist or "
                                "has already completed.");
    return !problem->type;
}

bool lambda_refusal_check(const struct lambda_execution *execution,
                          const struct engine_block *updates,
                          struct lambda_problem *problem)
{
    for (size_t at = sizeof(uint64_t); at < updates->size;) {
        const struct engine_item *item = item_at(updates, at);
        struct update update;
        if (take_apart(execution, updates, item, &update) &&
            !check(&update, problem))
            return false;
        at += engine_item_span(item->size);
    }
    return true;
}

/* The engine's refusals --------------------------------------------------- */

static void say_transition(const struct update *update, char *out, size_t room)
{
    const char *type = lambda_type_name(update->type);

    switch (update->item->kind) {
    case ENGINE_ACTION_START:
        if (update->type == ENGINE_OPERATION_STEP)
            snprintf(out, room, "Invalid current STEP state to start.");
        else
            snprintf(out, room, "Cannot start a %s that already exist.", type);
        break;
    case ENGINE_ACTION_RETRY:
        snprintf(out, room, "Invalid current STEP state to re-attempt.");
        break;
    case ENGINE_ACTION_CANCEL:
        snprintf(out, room,
                 "Cannot cancel a %s that does not exist or has already "
                 "completed.",
                 type);
        break;
    default:
        snprintf(out, room, "Invalid current %s state to close.", type);
        break;
    }
}

/* It says another thing of its operation than was said before. */
static const char *say_mismatch(const struct update *update)
{
    struct engine_operation_view before = {.value = ""};
    const struct lambda_operation *known = update->known;
    unsigned type = known ? known->type : 0;
    unsigned subtype = known ? known->subtype : 0;
    struct engine_hash parent = known ? known->parent : (struct engine_hash){0};

    if (!known && update->earlier &&
        engine_operation_view(update->earlier, &before) == 0) {
        type = engine_operation_flag_type(update->earlier->flags);
        subtype = engine_operation_flag_subtype(update->earlier->flags);
        parent = before.head.parent;
    }
    if (type != update->type)
        return "Inconsistent operation type.";
    if (subtype != update->subtype)
        return "Inconsistent operation subtype.";
    if (!engine_hash_equal(parent, update->view.head.parent))
        return "Inconsistent parent operation id.";
    return "Inconsistent operation name.";
}

static bool has_parent(const struct lambda_execution *execution,
                       const struct engine_block *updates,
                       const struct update *update)
{
    const struct engine_hash id = update->view.head.parent;
    const struct lambda_operation *known;
    const struct engine_item *before;

    if (id.lo == 0)
        return true;
    known = lambda_execution_operation(execution, id);
    before = find_before(updates, update->item, id);
    return known ? known->type == ENGINE_OPERATION_CONTEXT
                 : before && engine_operation_flag_type(before->flags) ==
                                 ENGINE_OPERATION_CONTEXT;
}

static void say_limit(const struct engine_limits *limits,
                      const struct update *update, enum engine_limit limit,
                      char *out, size_t room)
{
    uint64_t maximum = engine_limit_value(limits, limit);

    switch (limit) {
    case ENGINE_LIMIT_operation_payload_max:
    case ENGINE_LIMIT_inline_max:
        snprintf(out, room,
                 "%s output payload size must be less than or equal to %" PRIu64
                 " bytes.",
                 lambda_type_name(update->type), maximum);
        break;
    case ENGINE_LIMIT_input_max:
        snprintf(out, room,
                 "CHAINED_INVOKE input payload size must be less than or equal "
                 "to %" PRIu64 " bytes.",
                 maximum);
        break;
    case ENGINE_LIMIT_error_max:
        snprintf(out, room,
                 "Error object size must be less than or equal to %" PRIu64
                 " bytes.",
                 maximum);
        break;
    case ENGINE_LIMIT_operations_max:
        snprintf(out, room,
                 "The durable execution has reached its limit of %" PRIu64
                 " operations.",
                 maximum);
        break;
    case ENGINE_LIMIT_written_max:
        snprintf(out, room,
                 "The durable execution has reached its limit of %" PRIu64
                 " bytes of payload.",
                 maximum);
        break;
    default:
        snprintf(out, room, "A limit was exceeded.");
        break;
    }
}

static void say(const struct lambda_execution *execution,
                const struct engine_limits *limits,
                const struct engine_block *updates,
                const struct engine_message *message,
                const struct update *update, char *out, size_t room)
{
    enum engine_limit limit = engine_refusal_limit(message->flags);

    if (message->op == ENGINE_ERR_NONDETERMINISTIC)
        snprintf(out, room, "%s", say_mismatch(update));
    else if (message->op == ENGINE_ERR_ORPHAN ||
             !has_parent(execution, updates, update))
        snprintf(out, room, "Invalid parent operation id.");
    else if (limit != ENGINE_LIMIT_COUNT)
        say_limit(limits, update, limit, out, room);
    else if (update->earlier)
        snprintf(out, room,
                 "Cannot checkpoint multiple operations with the same ID.");
    else if (update->type != ENGINE_OPERATION_EXECUTION)
        say_transition(update, out, room);
}

/* The update that the message speaks of; false: of none. */
static bool find_update(const struct lambda_execution *execution,
                        const struct engine_block *updates,
                        const struct engine_message *message,
                        struct update *update)
{
    uint32_t index = engine_refusal_update(message->flags);
    size_t at = sizeof(uint64_t);

    if (message->flags == 0 || index == UINT32_MAX)
        return false;
    for (; index > 0 && at < updates->size; index--)
        at += engine_item_span(item_at(updates, at)->size);
    return at < updates->size &&
           take_apart(execution, updates, item_at(updates, at), update);
}

void lambda_refusal_read(const struct lambda_execution *execution,
                         const struct engine_limits *limits,
                         const struct engine_block *updates,
                         const struct engine_message *message,
                         struct lambda_problem *problem)
{
    int size = (int)(message->size - sizeof(*message));
    const char *words = (const char *)(message + 1);
    struct update update;
    char text[128] = "";

    if (find_update(execution, updates, message, &update))
        say(execution, limits, updates, message, &update, text, sizeof(text));
    if (text[0])
        lambda_invalid(problem, "%s (%.*s)", text, size, words);
    else
        lambda_invalid(problem, "%.*s", size, words);
}
