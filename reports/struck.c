#include "reports/struck.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/point.h"
#include "reports/attempts.h"
#include "reports/index.h"

/* Firings are counted from 1; 0 is none. */
struct firing {
    uint64_t time_ns;
    uint64_t run;
    uint32_t point;
    uint32_t before; /* the firing before it that hit the same process */
    uint8_t came;    /* enum report_came */
};

enum {
    LOOK_BACK = 64 /* firings at one process, for the first of them */
};

struct struck_run {
    uint64_t run;
    uint64_t leased_ns;
    uint32_t firing;    /* that struck it last */
    uint32_t broken_by; /* that broke off the attempt that broken tells of */
    uint32_t again;     /* that the last other attempt followed from */
    uint32_t holder;    /* node + 1 */
    uint8_t state;      /* enum engine_run_state */
    uint8_t parked;     /* a handler that has waited */
    uint8_t broken;     /* an attempt was broken off, the next is not yet put */
};

struct struck_node {
    uint32_t firing; /* the last that hit the process */
    uint32_t parent; /* of a place: its platform's node + 1 */
};

struct report_struck {
    struct firing *firings;
    uint32_t firing_count;
    uint32_t firing_room;
    struct report_strikes *points;
    uint32_t point_count;
    struct struck_node *nodes;
    uint32_t node_room;
    struct report_index index; /* run -> place in runs */
    struct struck_run *runs;
    struct report_attempts claims; /* put_ns: when, claimed_ns: node + 1 */
    uint32_t store;                /* node + 1 */
    int finished;
    int failed;
};

const char *report_came_name(enum report_came came)
{
    static const char *const names[REPORT_CAMES] = {
        "lost",     "duplicate",  "unfinished", "blocked", "failed",
        "repeated", "taken over", "retried",    "went on", "nothing struck"};
    assert(came < REPORT_CAMES);
    return names[came];
}

struct report_struck *report_struck_new(uint32_t point_count)
{
    struct report_struck *struck = calloc(1, sizeof(*struck));
    if (!struck)
        return NULL;
    struck->point_count = point_count;
    struck->points = calloc(point_count + 1u, sizeof(*struck->points));
    report_index_init(&struck->index);
    report_attempts_init(&struck->claims);
    if (struck->points)
        return struck;
    report_struck_free(struck);
    return NULL;
}

void report_struck_free(struct report_struck *struck)
{
    if (!struck)
        return;
    report_index_deinit(&struck->index);
    report_attempts_deinit(&struck->claims);
    free(struck->firings);
    free(struck->points);
    free(struck->nodes);
    free(struck->runs);
    free(struck);
}

int report_struck_failed(const struct report_struck *struck)
{
    return struck->failed;
}

static struct struck_run *run_of(struct report_struck *struck, uint64_t id,
                                 int add)
{
    struct report_key key = {{id, 0, 0}};
    uint32_t place = report_index_find(&struck->index, &key);
    if (place == REPORT_INDEX_NONE && add) {
        void *list = struck->runs;
        place = report_index_add(&struck->index, &key, &list,
                                 sizeof(*struck->runs));
        struck->runs = list;
        struck->failed |= place == REPORT_INDEX_NONE;
        if (place != REPORT_INDEX_NONE)
            struck->runs[place].run = id;
    }
    return place == REPORT_INDEX_NONE ? NULL : &struck->runs[place];
}

static struct struck_node *node_of(struct report_struck *struck, uint32_t node)
{
    if (node < struck->node_room)
        return &struck->nodes[node];
    uint32_t room = struck->node_room ? struck->node_room : 64;
    while (room <= node)
        room *= 2;
    struct struck_node *nodes = realloc(struck->nodes, room * sizeof(*nodes));
    if (!nodes) {
        struck->failed = 1;
        return NULL;
    }
    memset(nodes + struck->node_room, 0,
           (room - struck->node_room) * sizeof(*nodes));
    struck->nodes = nodes;
    struck->node_room = room;
    return &nodes[node];
}

/* Firings ------------------------------------------------------------------ */

/* Its number; 0: it is not followed. */
static uint32_t add_firing(struct report_struck *struck,
                           const struct engine_record *record)
{
    if (struck->firing_count == REPORT_FIRINGS_MAX)
        return 0;
    if (struck->firing_count == struck->firing_room) {
        uint32_t room = struck->firing_room ? 2 * struck->firing_room : 64;
        struct firing *firings =
            realloc(struck->firings, room * sizeof(*firings));
        if (!firings) {
            struck->failed = 1;
            return 0;
        }
        struck->firings = firings;
        struck->firing_room = room;
    }
    struck->firings[struck->firing_count++] = (struct firing){
        .time_ns = record->time_ns,
        .run = record->run,
        .point = (uint32_t)record->key,
        .came = record->count || record->run ? REPORT_CAME_WENT_ON
                                             : REPORT_CAME_NOTHING};
    return struck->firing_count;
}

/* Faults that hit a process as a whole, whatever it was about. */
static int hits_process(unsigned action)
{
    switch (action) {
    case ENGINE_ACT_CRASH:
    case ENGINE_ACT_OOM:
    case ENGINE_ACT_PAUSE:
    case ENGINE_ACT_STEP:
    case ENGINE_ACT_DRIFT:
    case ENGINE_ACT_FREEZE:
    case ENGINE_ACT_CUT:
    case ENGINE_ACT_CUT_IN:
    case ENGINE_ACT_CUT_OUT:
        return 1;
    default:
        return 0;
    }
}

static void fault(struct report_struck *struck,
                  const struct engine_record *record, uint64_t in_flight)
{
    if (record->key >= struck->point_count)
        return;
    struct report_strikes *strikes = &struck->points[record->key];
    uint32_t firing = add_firing(struck, record);
    if (in_flight > strikes->in_flight_max)
        strikes->in_flight_max = in_flight;
    if (!firing) {
        strikes->not_followed++;
        return;
    }
    struct struck_run *run =
        record->run ? run_of(struck, record->run, 1) : NULL;
    if (run)
        run->firing = firing;
    /* All of the store's calls are everybody's. */
    struct struck_node *node =
        hits_process(record->detail) || record->node + 1u == struck->store
            ? node_of(struck, record->node)
            : NULL;
    if (!node)
        return;
    struck->firings[firing - 1].before = node->firing;
    node->firing = firing;
}

static uint32_t since(const struct report_struck *struck, uint32_t firing,
                      uint64_t since_ns)
{
    return firing && struck->firings[firing - 1].time_ns >= since_ns ? firing
                                                                     : 0;
}

/* The first that hit this process (node + 1) since then. */
static uint32_t since_at(const struct report_struck *struck, uint32_t node,
                         uint64_t since_ns)
{
    uint32_t firing = 0;
    uint32_t at =
        node && node <= struck->node_room ? struck->nodes[node - 1].firing : 0;
    for (int i = 0; i < LOOK_BACK && since(struck, at, since_ns); i++) {
        firing = at;
        at = struck->firings[at - 1].before;
    }
    return firing;
}

/*
 * What ended something that a process (node + 1) of a run had since then: the
 * first firing that hit the process, or its platform, the last that hit the
 * run, the first that hit the store.
 */
static uint32_t cause_of(const struct report_struck *struck,
                         const struct struck_run *run, uint32_t node,
                         uint64_t since_ns)
{
    uint32_t parent =
        node && node <= struck->node_room ? struck->nodes[node - 1].parent : 0;
    uint32_t firing = since_at(struck, node, since_ns);
    if (!firing)
        firing = since_at(struck, parent, since_ns);
    if (!firing)
        firing = since(struck, run->firing, since_ns);
    if (!firing)
        firing = since_at(struck, struck->store, since_ns);
    return firing ? firing : run->firing;
}

/* What follows from it follows for the run, too. */
static void strike(struct struck_run *run, uint32_t firing)
{
    if (firing > run->firing)
        run->firing = firing;
}

/* The figures of the point of a firing, which has come to at least this. */
static struct report_strikes *came(struct report_struck *struck,
                                   uint32_t number, enum report_came came,
                                   uint64_t run)
{
    struct firing *firing = &struck->firings[number - 1];
    if (came < firing->came) {
        firing->came = (uint8_t)came;
        firing->run = run;
    }
    return &struck->points[firing->point];
}

/* What follows --------------------------------------------------------------
 */

static void leased(struct report_struck *struck,
                   const struct engine_record *record)
{
    struct struck_run *run = run_of(struck, record->run, 1);
    struck->store = record->node + 1u;
    if (!run)
        return;
    if (run->holder) {
        uint32_t firing = cause_of(struck, run, run->holder, run->leased_ns);
        strike(run, firing);
        if (firing)
            came(struck, firing, REPORT_CAME_TAKEN_OVER, run->run)->takeovers++;
    }
    run->holder = record->peer + 1u;
    run->leased_ns = record->time_ns;
}

static void claimed(struct report_struck *struck,
                    const struct engine_record *record)
{
    struct report_attempt *claim = report_attempts_add(
        &struck->claims, record->run, record->op, record->attempt);
    struck->failed |= !claim;
    if (!claim)
        return;
    claim->put_ns = record->time_ns;
    claim->claimed_ns = record->peer + UINT64_C(1);
}

/* The attempt is over; cut: by whoever waited for it in vain. */
static void over(struct report_struck *struck,
                 const struct engine_record *record, int cut)
{
    struct report_attempt *claim = report_attempts_find(
        &struck->claims, record->run, record->op, record->attempt);
    struct struck_run *run = cut ? run_of(struck, record->run, 1) : NULL;
    if (run) {
        run->firing =
            cause_of(struck, run, claim ? (uint32_t)claim->claimed_ns : 0,
                     claim ? claim->put_ns : record->time_ns);
        run->broken = 1;
    }
    if (claim)
        report_attempts_drop(&struck->claims, claim);
}

static void event(struct report_struck *struck,
                  const struct engine_record *record)
{
    struct struck_run *run = run_of(struck, record->run, 0);
    if (!run)
        return;
    switch (record->detail) {
    case ENGINE_EV_ATTEMPT_SUSPENDED:
        run->parked = 1;
        break;
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
        run->broken = 1;
        break;
    case ENGINE_EV_ATTEMPT_FAILED:
        run->broken |= record->a != ENGINE_ERR_USER;
        break;
    default:
        break;
    }
}

static void put(struct report_struck *struck,
                const struct engine_record *record, int handler)
{
    struct struck_run *run = run_of(struck, record->run, 0);
    if (!run || !run->broken)
        return;
    run->broken = 0;
    run->again = run->broken_by ? run->broken_by : run->firing;
    run->broken_by = 0;
    if (!run->again)
        return;
    struct report_strikes *strikes =
        came(struck, run->again, REPORT_CAME_RETRIED, run->run);
    strikes->replays += handler != 0;
    strikes->retries += handler == 0;
}

static void effect(struct report_struck *struck,
                   const struct engine_record *record)
{
    const struct struck_run *run = run_of(struck, record->run, 0);
    int repeat = record->kind == ENGINE_REC_EFFECT_REPEAT;
    if (!run || !run->firing || (!repeat && record->a == 0))
        return;
    struct report_strikes *strikes =
        came(struck, run->again ? run->again : run->firing,
             repeat ? REPORT_CAME_REPEATED : REPORT_CAME_DUPLICATE, run->run);
    strikes->repeats += repeat != 0;
    strikes->duplicates += !repeat;
}

void report_struck_lost(struct report_struck *struck, uint64_t id)
{
    const struct struck_run *run = run_of(struck, id, 0);
    if (run && run->firing)
        came(struck, run->firing, REPORT_CAME_LOST, id)->lost++;
}

static void appended(struct report_struck *struck,
                     const struct engine_record *record)
{
    struct struck_run *run =
        record->state ? run_of(struck, record->run, 0) : NULL;
    if (!run || engine_run_state_terminal(run->state))
        return;
    run->state = (uint8_t)record->state;
    if (run->firing && engine_run_state_terminal(run->state) &&
        run->state != ENGINE_RUN_SUCCEEDED)
        came(struck, run->firing, REPORT_CAME_FAILED, run->run);
}

void report_struck_feed(struct report_struck *struck,
                        const struct engine_record *record, uint64_t in_flight,
                        int handler)
{
    struct struck_run *run;
    struct struck_node *node;
    switch (record->kind) {
    case ENGINE_REC_FAULT:
        fault(struck, record, in_flight);
        break;
    case ENGINE_REC_LEASE_GRANTED:
        leased(struck, record);
        break;
    case ENGINE_REC_LEASE_RELEASED:
        run = run_of(struck, record->run, 0);
        if (run)
            run->holder = 0;
        break;
    case ENGINE_REC_ENV_STARTED:
        node = node_of(struck, record->peer);
        if (node)
            *node = (struct struck_node){0, record->node + 1u};
        break;
    case ENGINE_REC_WORK_PUT:
        put(struck, record, handler);
        break;
    case ENGINE_REC_WORK_CLAIMED:
        if (record->count == 0)
            claimed(struck, record);
        break;
    case ENGINE_REC_WORK_DONE:
    case ENGINE_REC_WORK_CUT:
        over(struck, record, record->kind == ENGINE_REC_WORK_CUT);
        break;
    case ENGINE_REC_EVENT:
        event(struck, record);
        break;
    case ENGINE_REC_APPENDED:
        appended(struck, record);
        break;
    case ENGINE_REC_EFFECT_APPLIED:
    case ENGINE_REC_EFFECT_REPEAT:
        effect(struck, record);
        break;
    default:
        break;
    }
}

/* The end ------------------------------------------------------------------ */

/* A run that has not ended, whose owner may have been struck and not missed. */
static void finish_run(struct report_struck *struck,
                       const struct struck_run *run)
{
    int held =
        run->state == ENGINE_RUN_BLOCKED || run->state == ENGINE_RUN_PAUSED;
    int waits =
        run->state == ENGINE_RUN_SUSPENDED && run->parked && !run->holder;
    if (engine_run_state_terminal(run->state) || waits)
        return;
    uint32_t firing = run->holder
                          ? cause_of(struck, run, run->holder, run->leased_ns)
                          : run->firing;
    if (!firing)
        return;
    struct report_strikes *strikes =
        came(struck, firing,
             held ? REPORT_CAME_BLOCKED : REPORT_CAME_UNFINISHED, run->run);
    strikes->unfinished += !held;
}

static void count_firing(struct report_struck *struck,
                         const struct firing *firing)
{
    struct report_came_count *count =
        &struck->points[firing->point].came[firing->came];
    if (count->firings++ > 0)
        return;
    count->run = firing->run;
    count->time_ns = firing->time_ns;
}

const struct report_strikes *report_struck_finish(struct report_struck *struck)
{
    if (struck->finished)
        return struck->points;
    struck->finished = 1;
    for (uint32_t i = 0; i < struck->index.count; i++)
        finish_run(struck, &struck->runs[i]);
    for (uint32_t i = 0; i < struck->firing_count; i++)
        count_firing(struck, &struck->firings[i]);
    return struck->points;
}
