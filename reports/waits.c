#include "reports/waits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Which operation it is about --------------------------------------------- */

static uint64_t true_time(const struct fold *fold, uint64_t store_ns)
{
    return store_ns == UINT64_MAX ? UINT64_MAX : store_ns - fold->store_skew_ns;
}

static uint64_t later(uint64_t time, uint64_t span)
{
    return time > UINT64_MAX - span ? UINT64_MAX : time + span;
}

/* A worker may take the time its attempt is given, for ever if there is no
 * limit; if it is down, the claim has to run out. */
static uint64_t worker_until(const struct fold *fold,
                             const struct fold_run *run, uint32_t index)
{
    const struct engine_node *node = fold_node(fold, run, index);
    const struct fold_op *op = fold_op(run, index);

    if (fold_node_down(fold, op->claimer))
        return later(run->last_ns, fold->world->claim_ttl_ns);
    if (!node || !node->attempt_timeout_ns)
        return UINT64_MAX;
    return later(true_time(fold, op->scheduled_ns), node->attempt_timeout_ns);
}

static struct waits waits_work(const struct fold *fold,
                               const struct fold_run *run, uint32_t index)
{
    const struct fold_op *op = fold_op(run, index);
    struct waits waits = {
        .op = index,
        .attempt = op->attempt + (op->phase == FOLD_SCHEDULED),
        .since_ns = run->last_ns,
    };

    if (op->put != waits.attempt) {
        waits.kind = WAITS_ROW;
    } else if (op->done) {
        waits.kind = WAITS_REPORT;
    } else if (op->claimed == waits.attempt) {
        waits.kind = WAITS_WORKER;
        waits.node = op->claimer;
        waits.since_ns = worker_until(fold, run, index);
    } else {
        waits.kind = WAITS_CLAIM;
        waits.since_ns = true_time(fold, op->scheduled_ns);
    }
    return waits;
}

/* The operation of a handler whose timer is due first; NULL: none has one. */
static const struct fold_operation *first_due(const struct fold_run *run)
{
    const struct fold_operation *first = NULL;

    for (uint32_t n = 1; run->handler && n <= run->handler->count; n++) {
        const struct fold_operation *op = fold_operation(run, n);

        if (fold_waits(op) && fold_due(op) != UINT64_MAX &&
            (!first || fold_due(op) < fold_due(first)))
            first = op;
    }
    return first;
}

static struct waits waits_parked(const struct fold *fold,
                                 const struct fold_run *run)
{
    const struct fold_handler *handler = run->handler;
    const struct fold_operation *first = first_due(run);
    struct waits waits = {.kind = WAITS_NEVER, .since_ns = run->last_ns};

    if (!handler)
        return (struct waits){.kind = WAITS_UNKNOWN, .since_ns = UINT64_MAX};
    if (handler->news_ns) {
        waits.kind = WAITS_NEWS;
        waits.since_ns = handler->news_ns;
    } else if (first) {
        waits.kind = WAITS_TIMER;
        waits.op = (uint32_t)(first - handler->operations) + 1;
        waits.due_ns = fold_due(first);
        waits.since_ns = true_time(fold, waits.due_ns);
    } else if (handler->waiting) {
        waits.kind = WAITS_OUTSIDE;
        waits.since_ns = UINT64_MAX;
    }
    return waits;
}

static struct waits waits_op(const struct fold *fold,
                             const struct fold_run *run, uint32_t index)
{
    const struct fold_op *op = fold_op(run, index);
    struct waits waits = {
        .kind = WAITS_OWNER, .op = index, .since_ns = run->last_ns};

    switch (op->phase) {
    case FOLD_SCHEDULED:
    case FOLD_RUNNING:
        return waits_work(fold, run, index);
    case FOLD_PARKED:
        return waits_parked(fold, run);
    case FOLD_RETRY:
    case FOLD_WAITING:
        waits.kind = op->phase == FOLD_RETRY ? WAITS_RETRY : WAITS_TIMER;
        waits.attempt = op->attempt + 1;
        waits.due_ns = op->due_ns;
        waits.since_ns = true_time(fold, op->due_ns);
        return waits;
    default:
        return waits;
    }
}

static bool is_open(const struct fold_op *op)
{
    return op->phase != FOLD_IDLE && op->phase < FOLD_FIRED;
}

struct waits waits_of(const struct fold *fold, const struct fold_run *run)
{
    struct waits found = {.kind = WAITS_OWNER, .op = UINT32_MAX};

    if (!run->next_seq || fold_terminal(run) || fold_held(run))
        return (struct waits){.kind = WAITS_NOTHING, .since_ns = UINT64_MAX};
    if (fold_has(run, FOLD_OPAQUE) || !run->ops)
        return (struct waits){.kind = WAITS_UNKNOWN, .since_ns = UINT64_MAX};
    found.since_ns = run->last_ns;
    for (uint32_t i = 0; i < run->op_count; i++) {
        struct waits waits;

        if (!is_open(&run->ops[i]))
            continue;
        waits = waits_op(fold, run, i);
        if (found.op == UINT32_MAX || waits.since_ns < found.since_ns)
            found = waits;
    }
    return found;
}

/* In words ---------------------------------------------------------------- */

struct words {
    char *text;
    size_t size;
    size_t used;
};

static void say(struct words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct words *words, const char *format, ...)
{
    va_list arguments;
    int length;

    if (words->used >= words->size)
        return;
    va_start(arguments, format);
    length = vsnprintf(words->text + words->used, words->size - words->used,
                       format, arguments);
    va_end(arguments);
    words->used += length > 0 ? (size_t)length : 0;
}

/* What became of the lease that the run's owner had. */
enum lease {
    LEASE_NONE,
    LEASE_RELEASED,
    LEASE_DOWN,
    LEASE_CUT,
    LEASE_EXPIRED,
    LEASE_HELD
};

static enum lease lease_of(const struct fold *fold, const struct fold_run *run,
                           uint64_t now_ns)
{
    if (!run->token)
        return LEASE_NONE;
    if (fold_has(run, FOLD_RELEASED))
        return LEASE_RELEASED;
    if (run->expires_ns && run->expires_ns < now_ns + fold->store_skew_ns)
        return fold_node_down(fold, run->holder) ? LEASE_DOWN : LEASE_EXPIRED;
    if (fold_node_down(fold, run->holder))
        return LEASE_DOWN;
    return fold_node_cut(fold, run->holder, now_ns) ? LEASE_CUT : LEASE_HELD;
}

/* From "which": who should see to it, and why that is nobody. */
static void say_owner(struct words *words, const struct fold *fold,
                      const struct fold_run *run, uint64_t now_ns,
                      const char *left_undone)
{
    struct check_node word;
    const char *holder = check_node(&word, fold->world, run->holder);

    switch (lease_of(fold, run, now_ns)) {
    case LEASE_NONE:
        say(words, "which nobody holds: no lease was ever granted");
        break;
    case LEASE_RELEASED:
        say(words,
            "which nobody holds: %s gave the run back (token %" PRIu64
            ") and nobody has taken it since",
            holder, run->token);
        break;
    case LEASE_DOWN:
        say(words,
            "which nobody holds: %s had the run (token %" PRIu64
            ") and is down, and nobody has taken it over",
            holder, run->token);
        break;
    case LEASE_EXPIRED:
        say(words,
            "which nobody holds: the lease of %s (token %" PRIu64
            ") ran out at %.6f s and nobody has taken the run over",
            holder, run->token, check_seconds(run->expires_ns));
        break;
    case LEASE_CUT:
        say(words, "which %s holds (token %" PRIu64 "), and that is cut off",
            holder, run->token);
        break;
    case LEASE_HELD:
        say(words,
            "which %s holds (token %" PRIu64 ", until %.6f s) and has not %s",
            holder, run->token, check_seconds(run->expires_ns), left_undone);
        break;
    }
}

static const char *name_of(const struct fold *fold, const struct fold_run *run,
                           const struct waits *waits, char *text, size_t size)
{
    if (run->handler && waits->kind == WAITS_TIMER)
        snprintf(text, size, "operation %" PRIu32, waits->op);
    else
        snprintf(text, size, "%s", fold_op_name(fold, run, waits->op));
    return text;
}

static void say_claim(struct words *words, const struct fold *fold,
                      const struct fold_run *run, const struct waits *waits,
                      uint64_t now_ns)
{
    const struct fold_op *op = fold_op(run, waits->op);

    say(words, "a worker to claim attempt %" PRIu32 " of %s, ", waits->attempt,
        fold_op_name(fold, run, waits->op));
    if (op->sent)
        say(words, "which was put and dispatched, and which no worker has");
    else
        say_owner(words, fold, run, now_ns, "dispatched");
}

static void say_worker(struct words *words, const struct fold *fold,
                       const struct fold_run *run, const struct waits *waits,
                       uint64_t now_ns)
{
    struct check_node word;

    say(words, "attempt %" PRIu32 " of %s, claimed by %s, ", waits->attempt,
        fold_op_name(fold, run, waits->op),
        check_node(&word, fold->world, waits->node));
    if (fold_node_down(fold, waits->node))
        say(words, "which is down, and whose claim nobody has cut");
    else if (fold_node_cut(fold, waits->node, now_ns))
        say(words, "which is cut off, and whose claim nobody has cut");
    else
        say(words, "which has not reported");
}

static void say_waits(struct words *words, const struct fold *fold,
                      const struct fold_run *run, const struct waits *waits,
                      uint64_t now_ns)
{
    char name[64];

    name_of(fold, run, waits, name, sizeof(name));
    switch (waits->kind) {
    case WAITS_NOTHING:
        say(words, "nothing");
        break;
    case WAITS_UNKNOWN:
        say(words, "something that the records do not say");
        break;
    case WAITS_TIMER:
        say(words, "the timer of %s at %.6f s, ", name,
            check_seconds(waits->due_ns));
        say_owner(words, fold, run, now_ns, "fired");
        break;
    case WAITS_RETRY:
        say(words, "attempt %" PRIu32 " of %s, due at %.6f s, ", waits->attempt,
            name, check_seconds(waits->due_ns));
        say_owner(words, fold, run, now_ns, "scheduled");
        break;
    case WAITS_ROW:
        say(words,
            "attempt %" PRIu32 " of %s, which has no work row: it is scheduled "
            "in the log, and nothing was put into the queue",
            waits->attempt, name);
        break;
    case WAITS_CLAIM:
        say_claim(words, fold, run, waits, now_ns);
        break;
    case WAITS_WORKER:
        say_worker(words, fold, run, waits, now_ns);
        break;
    case WAITS_REPORT:
        say(words, "the report of attempt %" PRIu32 " of %s, ", waits->attempt,
            name);
        say_owner(words, fold, run, now_ns, "taken");
        break;
    case WAITS_NEWS:
        say(words, "an invocation with the news of %.6f s, ",
            check_seconds(waits->since_ns));
        say_owner(words, fold, run, now_ns, "scheduled");
        break;
    case WAITS_OWNER:
        say(words, "a decision on what follows, ");
        say_owner(words, fold, run, now_ns, "taken");
        break;
    case WAITS_OUTSIDE:
        say(words, "an answer from outside");
        break;
    case WAITS_NEVER:
        say(words, "something that nothing outside will ever send");
        break;
    }
}

void waits_text(const struct fold *fold, uint64_t number, uint64_t now_ns,
                char *text, size_t size)
{
    struct words words = {text, size, 0};
    const struct fold_run *run = fold_run(fold, number);
    struct waits waits;

    text[0] = '\0';
    if (!run)
        return;
    waits = waits_of(fold, run);
    say(&words, "waits for ");
    say_waits(&words, fold, run, &waits, now_ns);
}

/* As links ---------------------------------------------------------------- */

static void link_owner(struct words *words, const struct fold *fold,
                       const struct fold_run *run, uint64_t now_ns)
{
    static const char *const states[] = {
        [LEASE_NONE] = "was never granted",
        [LEASE_RELEASED] = "gave it back",
        [LEASE_DOWN] = "down",
        [LEASE_CUT] = "cut off",
        [LEASE_EXPIRED] = "lease ran out",
        [LEASE_HELD] = "up",
    };
    enum lease lease = lease_of(fold, run, now_ns);
    struct check_node word;

    say(words, " -> lease token %" PRIu64, run->token);
    if (lease != LEASE_NONE)
        say(words, " -> %s (%s)", check_node(&word, fold->world, run->holder),
            states[lease]);
    if (lease != LEASE_HELD && lease != LEASE_CUT)
        say(words, " -> nobody");
}

static void link_worker(struct words *words, const struct fold *fold,
                        const struct waits *waits, uint64_t now_ns)
{
    struct check_node word;
    const char *state = "up";

    if (fold_node_down(fold, waits->node))
        state = "down";
    else if (fold_node_cut(fold, waits->node, now_ns))
        state = "cut off";
    say(words, " -> claim of attempt %" PRIu32 " -> %s (%s)", waits->attempt,
        check_node(&word, fold->world, waits->node), state);
}

static void link_waits(struct words *words, const struct fold *fold,
                       const struct fold_run *run, const struct waits *waits,
                       uint64_t now_ns)
{
    const struct fold_op *op = fold_op(run, waits->op);

    switch (waits->kind) {
    case WAITS_TIMER:
    case WAITS_RETRY:
        say(words, " -> timer at %.6f s", check_seconds(waits->due_ns));
        break;
    case WAITS_ROW:
        say(words, " -> work row of attempt %" PRIu32 " -> nothing",
            waits->attempt);
        return;
    case WAITS_CLAIM:
        say(words, " -> work row of attempt %" PRIu32 " -> a free slot",
            waits->attempt);
        if (op && op->sent)
            return;
        break;
    case WAITS_WORKER:
        link_worker(words, fold, waits, now_ns);
        return;
    case WAITS_REPORT:
        say(words, " -> report of attempt %" PRIu32, waits->attempt);
        break;
    case WAITS_OUTSIDE:
        say(words, " -> message from outside");
        return;
    case WAITS_NEVER:
        say(words, " -> nothing");
        return;
    default:
        break;
    }
    link_owner(words, fold, run, now_ns);
}

void waits_chain(const struct fold *fold, uint64_t number, uint64_t now_ns,
                 char *text, size_t size)
{
    struct words words = {text, size, 0};
    const struct fold_run *run = fold_run(fold, number);
    const struct fold_op *op;
    struct waits waits;
    char name[64];

    text[0] = '\0';
    if (!run)
        return;
    waits = waits_of(fold, run);
    say(&words, "run %" PRIu64, number);
    if (waits.kind == WAITS_NOTHING || waits.kind == WAITS_UNKNOWN)
        return;
    op = fold_op(run, run->handler ? 0 : waits.op);
    if (op)
        say(&words, " -> %s (%s)",
            name_of(fold, run, &waits, name, sizeof(name)),
            fold_phase_name(op->phase));
    link_waits(&words, fold, run, &waits, now_ns);
}
