#include "engine/host/lineage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lineage_private.h"

enum {
    TEXT_SIZE = 65536
};

struct lineage_text {
    struct lineage_text *next;
    size_t size;
    size_t capacity;
    char bytes[];
};

/* Names --------------------------------------------------------------------
 */

const char *lineage_state_name(unsigned state)
{
    static const char *const names[LINEAGE_STATE_COUNT] = {
        [LINEAGE_OPEN] = "open",
        [LINEAGE_SUCCEEDED] = "succeeded",
        [LINEAGE_FAILED] = "failed",
        [LINEAGE_TIMED_OUT] = "timed_out",
        [LINEAGE_INTERRUPTED] = "interrupted",
        [LINEAGE_AMBIGUOUS] = "ambiguous",
        [LINEAGE_SKIPPED] = "skipped",
        [LINEAGE_CANCELLED] = "cancelled",
        [LINEAGE_STOPPED] = "stopped",
        [LINEAGE_SUSPENDED] = "suspended",
        [LINEAGE_AGAIN] = "again",
    };

    return state < LINEAGE_STATE_COUNT && names[state] ? names[state] : "?";
}

const char *lineage_edge_name(unsigned kind)
{
    static const char *const names[LINEAGE_EDGE_KIND_COUNT] = {
        [LINEAGE_OUTPUT] = "output", [LINEAGE_VALUE] = "value",
        [LINEAGE_INPUT] = "input",   [LINEAGE_MESSAGE] = "message",
        [LINEAGE_CHILD] = "child",   [LINEAGE_BRANCH] = "branch",
        [LINEAGE_RESULT] = "result", [LINEAGE_AFTER] = "after",
    };

    return kind < LINEAGE_EDGE_KIND_COUNT && names[kind] ? names[kind] : "?";
}

const char *lineage_type_name(const struct lineage_execution *e)
{
    if (e->type == ENGINE_OPERATION_EXECUTION)
        return "run";
    if (e->type == LINEAGE_TYPE_INVOCATION)
        return "invocation";
    return e->subtype ? engine_operation_subtype_name(e->subtype)
                      : engine_operation_type_name(e->type);
}

bool lineage_is_failure(unsigned state)
{
    return state >= LINEAGE_FAILED && state <= LINEAGE_AMBIGUOUS;
}

/* Keeping ------------------------------------------------------------------
 */

const char *lineage_keep(struct lineage *l, const char *text, size_t size)
{
    struct lineage_text *to = l->texts;

    if (!to || to->capacity - to->size <= size) {
        size_t capacity = size < TEXT_SIZE / 4 ? TEXT_SIZE : size + 1;
        to = malloc(sizeof(*to) + capacity);
        l->failed |= !to;
        if (!to)
            return "";
        *to = (struct lineage_text){.next = l->texts, .capacity = capacity};
        l->texts = to;
    }
    char *kept = to->bytes + to->size;
    if (size > 0)
        memcpy(kept, text, size);
    kept[size] = '\0';
    to->size += size + 1;
    return kept;
}

uint32_t lineage_add(struct lineage *l, const struct lineage_execution *e)
{
    if (l->count == l->capacity) {
        uint32_t capacity = l->capacity ? 2 * l->capacity : 256;
        void *grown =
            capacity > l->capacity
                ? realloc(l->executions, capacity * sizeof(*l->executions))
                : NULL;
        l->failed |= !grown;
        if (!grown)
            return LINEAGE_NONE;
        l->executions = grown;
        l->capacity = capacity;
    }
    l->executions[l->count] = *e;
    return l->count++;
}

static bool reserve_edge(struct lineage *l)
{
    uint32_t capacity = l->edge_capacity ? 2 * l->edge_capacity : 256;

    if (l->edge_count < l->edge_capacity)
        return true;
    void *grown = capacity > l->edge_capacity
                      ? realloc(l->edges, capacity * sizeof(*l->edges))
                      : NULL;
    l->failed |= !grown;
    if (!grown)
        return false;
    l->edges = grown;
    l->edge_capacity = capacity;
    return true;
}

void lineage_join(struct lineage *l, uint32_t child, uint32_t parent,
                  enum lineage_edge_kind kind, const char *from, const char *to)
{
    struct lineage_execution *e = &l->executions[child];

    if (!reserve_edge(l))
        return;
    l->edges[l->edge_count] = (struct lineage_edge){.parent = parent,
                                                    .next = LINEAGE_NONE,
                                                    .from = from,
                                                    .to = to,
                                                    .kind = kind};
    if (e->last == LINEAGE_NONE)
        e->first = l->edge_count;
    else
        l->edges[e->last].next = l->edge_count;
    e->last = l->edge_count++;
}

void lineage_free(struct lineage *l)
{
    while (l->texts) {
        struct lineage_text *next = l->texts->next;
        free(l->texts);
        l->texts = next;
    }
    free(l->runs);
    free(l->executions);
    free(l->edges);
    *l = (struct lineage){0};
}

/* Which runs ---------------------------------------------------------------
 */

void lineage_link(struct lineage_collecting *c, struct lineage_link link)
{
    if (c->link_count == c->link_capacity) {
        uint32_t capacity = c->link_capacity ? 2 * c->link_capacity : 64;
        void *grown = realloc(c->links, capacity * sizeof(*c->links));
        c->lineage->failed |= !grown;
        if (!grown)
            return;
        c->links = grown;
        c->link_capacity = capacity;
    }
    c->links[c->link_count++] = link;
}

void lineage_received(struct lineage_collecting *c, struct engine_hash id,
                      uint32_t execution)
{
    if (c->received_count == c->received_capacity) {
        uint32_t capacity =
            c->received_capacity ? 2 * c->received_capacity : 64;
        void *signals = realloc(c->signals, capacity * sizeof(*c->signals));
        if (signals)
            c->signals = signals;
        void *receivers =
            realloc(c->receivers, capacity * sizeof(*c->receivers));
        if (receivers)
            c->receivers = receivers;
        c->lineage->failed |= !signals || !receivers;
        if (!signals || !receivers)
            return;
        c->received_capacity = capacity;
    }
    c->signals[c->received_count] = id;
    c->receivers[c->received_count++] = execution;
}

/* All runs of the database, by number. */
struct rows {
    struct engine_run_row *list;
    size_t count;
    size_t capacity;
    bool failed;
};

static int take_row(void *self, const struct engine_run_row *row)
{
    struct rows *rows = self;

    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? 2 * rows->capacity : 256;
        void *grown = realloc(rows->list, capacity * sizeof(*rows->list));
        rows->failed |= !grown;
        if (!grown)
            return 1;
        rows->list = grown;
        rows->capacity = capacity;
    }
    rows->list[rows->count++] = *row;
    return 0;
}

/* The first place whose run is not below this one. */
static size_t place_of(const struct rows *rows, uint64_t run)
{
    size_t low = 0;
    size_t high = rows->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows->list[middle].run < run)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct engine_run_row *row_of(const struct rows *rows,
                                           uint64_t run)
{
    size_t at = place_of(rows, run);

    return at < rows->count && rows->list[at].run == run ? &rows->list[at]
                                                         : NULL;
}

/* Who has sent to whom, of all runs: found once, if it is asked for. */
struct senders {
    uint64_t (*pairs)[2]; /* receiver, sender */
    size_t count;
    size_t capacity;
    bool known;
    bool failed;
};

static void take_send(struct senders *s, uint64_t sender, uint64_t receiver)
{
    if (s->count > 0 && s->pairs[s->count - 1][0] == receiver &&
        s->pairs[s->count - 1][1] == sender)
        return;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 256;
        void *grown = realloc(s->pairs, capacity * sizeof(*s->pairs));
        s->failed |= !grown;
        if (!grown)
            return;
        s->pairs = grown;
        s->capacity = capacity;
    }
    s->pairs[s->count][0] = receiver;
    s->pairs[s->count++][1] = sender;
}

static int look_for_sends(void *self, const struct engine_log_row *row)
{
    struct senders *s = self;
    const unsigned char *items = row->items;
    struct engine_item event;

    for (size_t at = 0; row->items_size - at >= sizeof(event);
         at += engine_item_span(event.size)) {
        struct engine_operation head;
        memcpy(&event, items + at, sizeof(event));
        if (engine_item_span(event.size) > row->items_size - at)
            break;
        if (event.kind != ENGINE_EV_OPERATION_STARTED ||
            engine_operation_flag_type(event.flags) != ENGINE_OPERATION_SEND ||
            event.size < sizeof(head))
            continue;
        memcpy(&head, items + at + sizeof(event), sizeof(head));
        take_send(s, row->run, head.first_ns);
    }
    return s->failed;
}

static int compare_pairs(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    if (x[0] != y[0])
        return x[0] < y[0] ? -1 : 1;
    return x[1] < y[1] ? -1 : x[1] > y[1];
}

/* Links to the runs that have sent to this one. 0, or -1. */
static int link_senders(struct lineage_collecting *c, struct senders *s,
                        uint64_t run, uint32_t depth)
{
    struct engine_store *store = host_reader_store(c->reader);

    if (!s->known) {
        if (store->ops->scan_log(store->self, 0, look_for_sends, s))
            return -1;
        if (s->count > 0)
            qsort(s->pairs, s->count, sizeof(*s->pairs), compare_pairs);
        s->known = true;
    }
    size_t low = 0;
    size_t high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->pairs[middle][0] < run)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < s->count && s->pairs[low][0] == run; low++)
        lineage_link(c, (struct lineage_link){.run = s->pairs[low][1],
                                              .depth = depth,
                                              .execution = LINEAGE_NONE});
    return 0;
}

struct search {
    struct lineage_collecting c;
    struct rows rows;
    struct senders senders;
    struct lineage_map seen; /* index of a run by its number */
};

static struct engine_hash key_of(uint64_t run)
{
    return (struct engine_hash){run * UINT64_C(0x9e3779b97f4a7c15), run + 1};
}

/* Reads a run, and links to those above it. */
static enum lineage_result follow(struct search *s,
                                  const struct lineage_request *request,
                                  const struct engine_run_row *row,
                                  uint32_t depth)
{
    struct lineage *l = s->c.lineage;
    uint32_t received = s->c.received_count;

    if (lineage_map_put(&s->seen, key_of(row->run), l->run_count))
        return LINEAGE_MEMORY;
    enum lineage_result result = lineage_read_run(&s->c, row, depth);
    if (result || request->direction == LINEAGE_DOWN)
        return result;
    uint64_t parent = l->runs[l->run_count - 1].parent;
    if (parent)
        lineage_link(&s->c, (struct lineage_link){.run = parent,
                                                  .depth = depth + 1,
                                                  .execution = LINEAGE_NONE});
    if (s->c.received_count > received && depth < request->depth &&
        link_senders(&s->c, &s->senders, row->run, depth + 1)) {
        snprintf(s->c.error, HOST_ERROR_SIZE,
                 "the log cannot be read to its end, so that who sent to run "
                 "%" PRIu64 " is not known",
                 row->run);
        return s->senders.failed ? LINEAGE_MEMORY : LINEAGE_DAMAGED;
    }
    return LINEAGE_HELD;
}

/* A run that is gone or not known is passed over, unless it was asked for. */
static bool passes(enum lineage_result result)
{
    return result == LINEAGE_HELD || result == LINEAGE_ARCHIVED ||
           result == LINEAGE_UNKNOWN;
}

/* What was begun of a run that cannot be shown. */
static void take_back(struct lineage *l, uint32_t runs, uint32_t executions)
{
    l->run_count = runs;
    l->count = executions;
}

static enum lineage_result follow_links(struct search *s,
                                        const struct lineage_request *request)
{
    struct lineage *l = s->c.lineage;
    struct lineage_map beyond = {.count = 0};
    enum lineage_result result = LINEAGE_HELD;

    for (uint32_t i = 0; i < s->c.link_count && passes(result); i++) {
        struct lineage_link link = s->c.links[i];
        const struct engine_run_row *row = row_of(&s->rows, link.run);
        uint32_t runs = l->run_count;
        uint32_t executions = l->count;
        bool down = link.execution != LINEAGE_NONE;
        if (!row || (down && request->direction == LINEAGE_UP) ||
            lineage_map_get(&s->seen, key_of(link.run)) != LINEAGE_NONE)
            continue;
        if (link.depth > request->depth) {
            if (lineage_map_put(&beyond, key_of(link.run), 1))
                result = LINEAGE_MEMORY;
            continue;
        }
        result = follow(s, request, row, link.depth);
        if (result && passes(result))
            take_back(l, runs, executions);
        if (l->failed)
            result = LINEAGE_MEMORY;
    }
    for (uint32_t i = 0; i < beyond.capacity; i++)
        l->not_followed +=
            beyond.keys[i].hi > 0 &&
            lineage_map_get(&s->seen, beyond.keys[i]) == LINEAGE_NONE;
    lineage_map_free(&beyond);
    return passes(result) ? LINEAGE_HELD : result;
}

/* Edges between runs -------------------------------------------------------
 */

static void join_children(struct search *s)
{
    struct lineage *l = s->c.lineage;

    for (uint32_t i = 0; i < s->c.link_count; i++) {
        const struct lineage_link *link = &s->c.links[i];
        uint32_t run = lineage_map_get(&s->seen, key_of(link->run));
        if (!link->child || run == LINEAGE_NONE || run >= l->run_count)
            continue;
        /* The number may have been another run's already. */
        const struct lineage_run *child = &l->runs[run];
        const struct lineage_execution *invoke =
            &l->executions[link->execution];
        if (child->number != link->run ||
            child->parent != l->runs[invoke->run].number ||
            child->parent_op != invoke->op)
            continue;
        l->executions[child->execution].context = link->execution;
        lineage_join(l, link->execution, child->execution, LINEAGE_CHILD, NULL,
                     NULL);
    }
}

static void join_messages(struct search *s)
{
    for (uint32_t i = 0; i < s->c.received_count; i++) {
        uint32_t sent = lineage_map_get(&s->c.sent, s->c.signals[i]);
        if (sent != LINEAGE_NONE)
            lineage_join(s->c.lineage, s->c.receivers[i], sent, LINEAGE_MESSAGE,
                         NULL, NULL);
    }
}

/* Whoever asks for run 17 of 1..12 is told which there are. */
static void say_nearest(const struct rows *rows, uint64_t run, char *error)
{
    size_t at = place_of(rows, run);

    if (rows->count == 0) {
        snprintf(error, HOST_ERROR_SIZE,
                 "found no run %" PRIu64 ": there are no runs", run);
        return;
    }
    uint64_t below = rows->list[at ? at - 1 : 0].run;
    uint64_t above = rows->list[at < rows->count ? at : rows->count - 1].run;
    if (below > above)
        above = below;
    snprintf(
        error, HOST_ERROR_SIZE,
        "found no run %" PRIu64 " among %zu, from %" PRIu64 " to %" PRIu64
        "; the nearest: %" PRIu64,
        run, rows->count, rows->list[0].run, rows->list[rows->count - 1].run,
        below < run && run - below <= (above > run ? above - run : UINT64_MAX)
            ? below
            : above);
}

static enum lineage_result collect(struct search *s,
                                   const struct lineage_request *request)
{
    struct engine_store *store = host_reader_store(s->c.reader);

    if (store->ops->scan_runs(store->self, take_row, &s->rows) < 0) {
        snprintf(s->c.error, HOST_ERROR_SIZE, "its runs cannot be read");
        return LINEAGE_DAMAGED;
    }
    if (s->rows.failed)
        return LINEAGE_MEMORY;
    const struct engine_run_row *row = row_of(&s->rows, request->run);
    if (!row) {
        say_nearest(&s->rows, request->run, s->c.error);
        return LINEAGE_NO_RUN;
    }
    enum lineage_result result = follow(s, request, row, 0);
    if (result == LINEAGE_HELD)
        result = follow_links(s, request);
    if (result != LINEAGE_HELD)
        return result;
    join_children(s);
    join_messages(s);
    lineage_digest(s->c.lineage);
    return s->c.lineage->failed ? LINEAGE_MEMORY : LINEAGE_HELD;
}

enum lineage_result lineage_collect(struct host_reader *reader,
                                    const struct lineage_request *request,
                                    struct lineage *out,
                                    char error[HOST_ERROR_SIZE])
{
    struct search s = {.c = {.lineage = out, .reader = reader, .error = error}};
    int held;

    *out = (struct lineage){0};
    error[0] = '\0';
    /* One moment for all runs, whatever an engine writes meanwhile. */
    if (store_hold(host_reader_store(reader), &held))
        held = 0;
    enum lineage_result result = collect(&s, request);
    store_let_go(host_reader_store(reader), held);
    if (result == LINEAGE_MEMORY)
        snprintf(error, HOST_ERROR_SIZE, "out of memory");
    lineage_map_free(&s.seen);
    lineage_map_free(&s.c.sent);
    free(s.c.links);
    free(s.c.signals);
    free(s.c.receivers);
    free(s.rows.list);
    free(s.senders.pairs);
    return result;
}
