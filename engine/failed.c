#include "engine/cause.h"
#include "engine/coordinator_private.h"

/* What a platform may say of an attempt; what is none of it is unknown. */
static enum engine_error class_of(uint64_t error)
{
    switch (error) {
    case ENGINE_ERR_USER:
    case ENGINE_ERR_TIMED_OUT:
    case ENGINE_ERR_INTERRUPTED:
    case ENGINE_ERR_OOM:
    case ENGINE_ERR_SIZE_LIMIT:
    case ENGINE_ERR_VALIDATION:
    case ENGINE_ERR_THROTTLED:
    case ENGINE_ERR_NETWORK:
    case ENGINE_ERR_PLATFORM_START:
    case ENGINE_ERR_AUTH_EXPIRED:
    case ENGINE_ERR_STORAGE:
    case ENGINE_ERR_CONTRACT:
        return (enum engine_error)error;
    default:
        return ENGINE_ERR_UNKNOWN;
    }
}

const struct engine_item *engine_failed_find(const struct engine_pile *words,
                                             uint32_t op, uint32_t attempt)
{
    return engine_decide_word(words->bytes, words->size, op, attempt);
}

/* The attempt that the words are about is the current one. */
static bool is_current(const struct engine_owned *o,
                       const struct engine_item *word)
{
    if (!o->run)
        return true; /* it is being read */
    return word->op < o->run->op_count &&
           o->run->ops[word->op].state == ENGINE_OP_SCHEDULED &&
           o->run->ops[word->op].attempt == word->attempt;
}

/* Forgets what is about attempts that are over. */
static void prune(struct engine_owned *o)
{
    uint32_t kept = 0;
    for (uint32_t at = 0; at < o->words.size;) {
        const struct engine_item *word = (const void *)(o->words.bytes + at);
        uint32_t span = (uint32_t)engine_item_span(word->size);
        if (is_current(o, word)) {
            memmove(o->words.bytes + kept, word, span);
            kept += span;
        }
        at += span;
    }
    o->words.size = kept;
}

/* Of two words about one attempt, the one about its end rather than about a
 * copy of it that could not begin; of equals the first. */
static bool is_better(const struct engine_item *word, enum engine_error error)
{
    return !engine_decide_may_end((uint32_t)word->a) &&
           engine_decide_may_end(error);
}

static void forget(struct engine_owned *o, const struct engine_item *word)
{
    uint32_t span = (uint32_t)engine_item_span(word->size);
    uint32_t at =
        (uint32_t)((const unsigned char *)(const void *)word - o->words.bytes);
    memmove(o->words.bytes + at, o->words.bytes + at + span,
            o->words.size - at - span);
    o->words.size -= span;
}

static bool keep(struct engine_coordinator *c, struct engine_owned *o,
                 const struct engine_message *message, uint32_t op,
                 uint32_t attempt)
{
    char chain[ENGINE_CAUSE_MAX];
    size_t size = engine_cause_wrap(chain, (struct engine_text){"", 0},
                                    (const char *)(message + 1),
                                    message->size - sizeof(*message));
    const struct engine_item head = {.size = (uint32_t)size,
                                     .op = op,
                                     .attempt = attempt,
                                     .a = class_of(message->a)};
    return engine_owned_keep(c, &o->words, &head, sizeof(head)) &&
           engine_owned_keep(c, &o->words, chain, (uint32_t)size);
}

/* A defect: it is taken for a word about all others as well. */
static void spread(struct engine_coordinator *c, struct engine_owned *o,
                   const struct engine_message *message)
{
    if (!o->run ||
        !engine_defect(&c->config.defects, ENGINE_DEFECT_FAILURE_SPREADS))
        return;
    for (uint32_t op = 0; op < o->run->op_count; op++) {
        uint32_t attempt = o->run->ops[op].attempt;
        if (o->run->ops[op].state == ENGINE_OP_SCHEDULED &&
            !engine_failed_find(&o->words, op, attempt))
            (void)keep(c, o, message, op, attempt);
    }
}

bool engine_failed_take(struct engine_coordinator *c, struct engine_owned *o,
                        const struct engine_message *message)
{
    const struct engine_item about = {.op = message->op,
                                      .attempt = message->attempt};
    prune(o);
    if (!is_current(o, &about) || o->words.size > ENGINE_FAILED_BYTES_MAX)
        return false;
    const struct engine_item *known =
        engine_failed_find(&o->words, message->op, message->attempt);
    if (known && !is_better(known, class_of(message->a)))
        return false;
    if (known)
        forget(o, known);
    spread(c, o, message);
    return engine_failed_find(&o->words, message->op, message->attempt) ||
           keep(c, o, message, message->op, message->attempt);
}
