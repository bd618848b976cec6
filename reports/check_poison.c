/*
 * L8: poison is isolated. An operation of a graph that takes its worker down
 * is begun no more often than its attempts allow; then its run has failed or
 * is blocked. (A handler's invocations have no number of attempts: there the
 * run's deadline is the end.)
 *
 * The others go on meanwhile: of the runs that start between the second death
 * that an operation causes and its end, the part that is not done within the
 * bound for goodput is at most one by the number of workers. Where other
 * things go wrong too, that part is not judged: they may be why.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "engine/point.h"
#include "reports/check_each.h"
#include "reports/fold.h"
#include "reports/served.h"

enum {
    OFFERED_MIN = 10,
    DEATHS_MIN = 2 /* one death may be chance */
};

/* An attempt that is being carried out. */
struct seat {
    uint64_t run;
    uint32_t op;
};

struct seats {
    struct seat *list;
    uint32_t count;
    uint32_t capacity;
};

/* An operation during which workers died. */
struct suspect {
    uint64_t run;
    uint32_t op;
    uint32_t deaths;
    uint32_t begun;
    bool told;
};

struct poison {
    struct check_self head;
    struct seats *seats;  /* by node */
    struct served others; /* runs, but those of suspects are apart */
    struct suspect *suspects;
    uint32_t count;
    uint32_t capacity;
    uint64_t from_ns; /* there has been poison since then */
    uint64_t to_ns;   /* the last time that poison struck */
    bool mixed;       /* other things went wrong as well */
};

static void close_poison(void *self)
{
    struct poison *s = self;

    for (uint32_t i = 0; s->seats && i < s->head.world->node_count; i++)
        free(s->seats[i].list);
    free(s->seats);
    free(s->suspects);
    served_deinit(&s->others);
    free(s);
}

static void *open_poison(const struct check_view *view,
                         struct check_result *result)
{
    struct poison *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    s->seats = calloc(view->world->node_count + 1, sizeof(*s->seats));
    if (!s->seats || served_init(&s->others, view)) {
        close_poison(s);
        return NULL;
    }
    return s;
}

/* Out of memory loses sight of one attempt, nothing else. */
static void *one_more(void *list, uint32_t count, uint32_t *capacity,
                      size_t size)
{
    uint32_t more = *capacity ? 2 * *capacity : 4;

    if (count < *capacity)
        return list;
    list = realloc(list, more * size);
    if (list)
        *capacity = more;
    return list;
}

static void sit_down(struct seats *seats, const struct engine_record *begin)
{
    void *list = one_more(seats->list, seats->count, &seats->capacity,
                          sizeof(*seats->list));

    if (!list)
        return;
    seats->list = list;
    seats->list[seats->count++] = (struct seat){begin->run, begin->op};
}

static void get_up(struct seats *seats, const struct engine_record *end)
{
    for (uint32_t i = 0; i < seats->count; i++)
        if (seats->list[i].run == end->run && seats->list[i].op == end->op) {
            seats->list[i] = seats->list[--seats->count];
            return;
        }
}

/* The operation's entry; NULL: none, and no memory for one. */
static struct suspect *suspect_of(struct poison *s, const struct seat *seat,
                                  bool make)
{
    bool known = served_is_apart(&s->others, seat->run);
    void *list;

    for (uint32_t i = 0; known && i < s->count; i++)
        if (s->suspects[i].run == seat->run && s->suspects[i].op == seat->op)
            return &s->suspects[i];
    if (make)
        served_set_apart(&s->others, seat->run);
    if (!make || !served_is_apart(&s->others, seat->run))
        return NULL;
    list = one_more(s->suspects, s->count, &s->capacity, sizeof(*s->suspects));
    if (!list)
        return NULL;
    s->suspects = list;
    s->suspects[s->count++] =
        (struct suspect){.run = seat->run, .op = seat->op};
    return &s->suspects[s->count - 1];
}

static void died(struct poison *s, const struct engine_record *down)
{
    struct seats *seats = &s->seats[down->node];

    for (uint32_t i = 0; down->detail && i < seats->count; i++) {
        struct suspect *suspect = suspect_of(s, &seats->list[i], true);

        if (!suspect)
            continue;
        suspect->deaths++;
        if (suspect->deaths < DEATHS_MIN)
            continue;
        if (!s->from_ns)
            s->from_ns = down->time_ns;
        s->to_ns = down->time_ns;
    }
    seats->count = 0;
}

/* A step whose worker died before begins once more. */
static void begins(struct poison *s, const struct engine_record *begin,
                   uint64_t index)
{
    const struct fold_run *run = fold_run(s->head.fold, begin->run);
    const struct engine_node *node = fold_node(s->head.fold, run, begin->op);
    struct seat seat = {begin->run, begin->op};
    struct suspect *suspect = suspect_of(s, &seat, false);

    sit_down(&s->seats[begin->node], begin);
    if (!suspect)
        return;
    s->head.result->checked++;
    suspect->begun++;
    if (suspect->told || !node || node->kind != ENGINE_NODE_STEP ||
        fold_has(run, FOLD_OPERATED) ||
        /* The first attempt was before the first death. */
        suspect->begun + 1 <= node->retry.attempts_max)
        return;
    suspect->told = true;
    check_violation(s->head.result, begin, index,
                    "run %" PRIu64 ": %s is begun again after %" PRIu32
                    " of its workers died and %" PRIu32
                    " attempts, expected %" PRIu32
                    " at most and then the run's end",
                    begin->run, fold_op_name(s->head.fold, run, begin->op),
                    suspect->deaths, suspect->begun, node->retry.attempts_max);
}

static void check_end(struct poison *s, const struct engine_record *end,
                      uint64_t index)
{
    uint64_t workers = s->head.world->worker_count;
    struct engine_record about = *end;
    struct served_span span = {
        .from_ns = s->from_ns,
        .to_ns = s->to_ns,
        .end_ns = end->time_ns,
        .bound_ns = s->head.world->goodput_bound_ns,
    };
    struct served_count others;

    s->head.result->absent = !s->head.result->checked;
    if (!s->from_ns || s->mixed || !workers)
        return;
    others = served_in(&s->others, &span);
    if (others.offered < OFFERED_MIN)
        return;
    s->head.result->checked += others.offered;
    if (others.late * workers <= others.offered)
        return;
    about.run = others.first;
    check_violation(s->head.result, &about, index,
                    "while workers died of one operation again and again "
                    "(%.6f s to %.6f s), %" PRIu64 " of %" PRIu64
                    " other runs were not done within %.6f s, expected at "
                    "most one of %" PRIu64 ", the number of workers",
                    check_seconds(s->from_ns), check_seconds(s->to_ns),
                    others.late, others.offered,
                    check_seconds(s->head.world->goodput_bound_ns), workers);
}

static void fault(struct poison *s, const struct engine_record *fault)
{
    if (fault->detail != ENGINE_ACT_DEFECT &&
        fault->detail != ENGINE_ACT_CRASH && fault->detail != ENGINE_ACT_OOM)
        s->mixed = true;
    if (fault->node < s->head.world->worker_first)
        s->mixed = s->mixed || fault->detail != ENGINE_ACT_DEFECT;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct poison *s = self;
    bool known = record->node < s->head.world->node_count;

    switch (record->kind) {
    case ENGINE_REC_ATTEMPT_BEGIN:
        if (known)
            begins(s, record, index);
        break;
    case ENGINE_REC_ATTEMPT_END:
        if (known)
            get_up(&s->seats[record->node], record);
        break;
    case ENGINE_REC_PROC_DOWN:
        if (known)
            died(s, record);
        break;
    case ENGINE_REC_START_SENT:
    case ENGINE_REC_APPENDED:
        served_feed(&s->others, record);
        break;
    case ENGINE_REC_FAULT:
        fault(s, record);
        break;
    default:
        check_end(s, record, index);
        break;
    }
}

const struct check_ops check_poison = {
    .id = "L8",
    .name = "poison is isolated",
    .unit = "attempts after a death",
    .kinds = CHECK_KIND(ATTEMPT_BEGIN) | CHECK_KIND(ATTEMPT_END) |
             CHECK_KIND(PROC_DOWN) | SERVED_KINDS | CHECK_KIND(FAULT) |
             CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .open = open_poison,
    .feed = feed,
    .close = close_poison,
};
