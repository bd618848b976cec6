#include "faults/switchboard.h"

#include <assert.h>
#include <fiu-control.h>
#include <fiu.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/hits.h"
#include "faults/points.h"

/* Lane 1 counts plain hits, lane 2 + i the matches of rule i. */
enum {
    LANE_HITS = 1,
    LANE_RULES = 2
};

/* A live switchboard has this name enabled; see somebody_lives(). */
#define LIVE_NAME "perdure/switchboard/live"

struct rule_state {
    struct fault_rule rule;
    uint64_t key;
    char stream[24]; /* the name of its random stream: the key in hex */
    struct fault_ledger ledger;
    uint64_t taken;   /* occurrences taken off the schedule */
    uint64_t next_ns; /* the next one, if there is one */
    bool pending;
    bool active; /* not replaced by replayed decisions, not used up */
};

/* The question that is on its way through libfiu. */
struct question {
    const struct engine_site *site; /* NULL: none */
    const struct fault_occurrence *occurrence;
    struct engine_decision *decision;
    bool fires;
};

struct fault_state {
    struct fault_switchboard board;
    const struct engine_point *points;
    uint32_t point_count;
    uint64_t seed;
    uint8_t *armed;
    uint64_t *point_keys;
    struct fault_ledger *ledgers;
    struct rule_state *rules;
    uint32_t rule_count;
    uint32_t *by_point; /* the rules of each point, one list after another */
    uint32_t *starts;   /* point_count + 1 indices into by_point */
    const struct fault_decision *decisions;
    uint32_t *slots;     /* hashed by place; index of a decision + 1 */
    uint32_t slot_count; /* a power of two, at most half of it used */
    uint32_t decision_count;
    uint32_t decision_next; /* the first timed one not taken yet */
    bool replayed;
    int error;
    struct fault_hits hits;
    struct question question;
    const struct engine_sink *sink;
    uint32_t (*workflow_of)(void *self, uint64_t run);
    void *workflow_self;
};

/* The place of a random choice: the same whatever else is in the plan. */
static struct engine_stream stream_at(const struct fault_state *state,
                                      const struct rule_state *rule,
                                      const struct engine_site *site)
{
    struct engine_stream stream;
    engine_stream_init(&stream, state->seed, rule->stream,
                       state->point_keys[site->point] + site->node);
    return stream;
}

/* Each hit owns two draws: the chance, then the amount. */
static bool chance(const struct fault_state *state,
                   const struct rule_state *rule,
                   const struct engine_site *site, uint64_t hit)
{
    if (rule->rule.chance_ppb == ENGINE_CHANCE_ALWAYS)
        return true;
    struct engine_stream stream = stream_at(state, rule, site);
    return engine_draw_chance(&stream, 2 * hit, rule->rule.chance_ppb);
}

static int64_t amount(const struct fault_state *state,
                      const struct rule_state *rule,
                      const struct engine_site *site, uint64_t hit)
{
    uint64_t low = (uint64_t)rule->rule.amount_min;
    uint64_t span = (uint64_t)rule->rule.amount_max - low;
    if (span == 0)
        return rule->rule.amount_min;
    struct engine_stream stream = stream_at(state, rule, site);
    uint64_t draw = engine_stream_u64(&stream, 2 * hit + 1);
    return (int64_t)(low + (span == UINT64_MAX
                                ? draw
                                : engine_random_scale(draw, span + 1)));
}

static uint64_t count(struct fault_state *state, uint32_t lane, uint32_t point,
                      uint32_t actor)
{
    uint64_t hit = fault_hits_add(&state->hits, lane, point, actor);
    if (hit == 0)
        state->error = FAULT_ENOMEM;
    return hit;
}

/* Counts the match and says whether the rule wants to strike here. */
static bool wants(struct fault_state *state, uint32_t index,
                  const struct engine_site *site, uint64_t hit)
{
    struct rule_state *rule = &state->rules[index];
    uint32_t workflow =
        rule->rule.op_count != 0 && state->workflow_of && site->run != 0
            ? state->workflow_of(state->workflow_self, site->run)
            : 0;
    if (!fault_rule_matches(&rule->rule, site, workflow, state->board.now_ns,
                            state->board.in_flight))
        return false;
    uint64_t match =
        count(state, LANE_RULES + index,
              rule->rule.across_points ? FAULT_ALL_POINTS : site->point,
              rule->rule.across_actors ? FAULT_ALL_ACTORS : site->node);
    rule->ledger.asked++;
    return rule->active && fault_rule_chooses(&rule->rule, match) &&
           chance(state, rule, site, hit);
}

/* Lowers the flags of points that no rule can touch any more. */
static void disarm(struct fault_state *state, struct rule_state *used_up)
{
    used_up->active = false;
    for (uint32_t point = 0; point < state->point_count; point++) {
        if (!fault_rule_has_point(&used_up->rule, point))
            continue;
        uint8_t armed = 0;
        for (uint32_t i = state->starts[point]; i < state->starts[point + 1];
             i++)
            armed |= state->rules[state->by_point[i]].active;
        state->armed[point] = armed;
    }
}

static void tally(struct fault_ledger *ledger, bool in_flight)
{
    ledger->fired++;
    ledger->in_flight += in_flight;
}

static void emit(const struct fault_state *state,
                 const struct engine_site *site,
                 const struct engine_decision *decision, uint64_t hit,
                 uint64_t rule_key)
{
    struct engine_record record = {
        .run = site->run,
        .key = site->point,
        .key_hi = rule_key,
        .a = (uint64_t)decision->amount,
        .b = hit,
        .op = site->op - 1, /* 0 was none, and becomes UINT32_MAX */
        .attempt = site->attempt,
        .count = state->board.in_flight != 0,
        .node = (uint16_t)site->node,
        .peer = hit < UINT16_MAX ? (uint16_t)hit : UINT16_MAX,
        .kind = ENGINE_REC_FAULT,
        .detail = (uint16_t)decision->action,
    };
    engine_emit(state->sink, &record);
}

static void strike(struct fault_state *state, struct rule_state *rule,
                   const struct engine_site *site, uint64_t hit, uint64_t draw)
{
    struct engine_decision *decision = state->question.decision;
    decision->action = rule->rule.action;
    decision->amount = amount(state, rule, site, draw);
    tally(&rule->ledger, state->board.in_flight != 0);
    tally(&state->ledgers[site->point], state->board.in_flight != 0);
    emit(state, site, decision, hit, rule->key);
    if (rule->ledger.fired == rule->rule.max_fires)
        disarm(state, rule);
}

/* A seeded defect is a property of the code, not an event: no record. */
static bool decide_defect(struct fault_state *state,
                          const struct engine_site *site)
{
    for (uint32_t i = state->starts[site->point];
         i < state->starts[site->point + 1]; i++) {
        struct rule_state *rule = &state->rules[state->by_point[i]];
        if (!fault_ranges_have(&rule->rule.nodes, site->node))
            continue;
        rule->ledger.asked++;
        tally(&rule->ledger, state->board.in_flight != 0);
        *state->question.decision =
            (struct engine_decision){.action = ENGINE_ACT_DEFECT};
        return true;
    }
    return false;
}

static uint32_t decision_slot(const struct fault_state *state, uint32_t point,
                              uint32_t node, uint64_t hit)
{
    uint64_t mixed = ((uint64_t)point << 32 | node) + hit * 0x10001;
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32) & (state->slot_count - 1);
}

/* The first decision for this hit, or NULL. */
static const struct fault_decision *look_up(const struct fault_state *state,
                                            const struct engine_site *site,
                                            uint64_t hit)
{
    uint32_t at = decision_slot(state, site->point, site->node, hit);
    for (; state->slots[at] != 0; at = (at + 1) & (state->slot_count - 1)) {
        const struct fault_decision *found =
            &state->decisions[state->slots[at] - 1];
        if (found->point == site->point && found->node == site->node &&
            found->hit == hit)
            return found;
    }
    return NULL;
}

static bool decide_replayed(struct fault_state *state,
                            const struct engine_site *site)
{
    const struct fault_occurrence *occurrence = state->question.occurrence;
    const struct fault_decision *found;
    if (occurrence) {
        found = &state->decisions[occurrence->rule];
        if (found->node != site->node)
            return false;
    } else {
        uint64_t hit = count(state, LANE_HITS, site->point, site->node);
        found = look_up(state, site, hit);
        if (!found)
            return false;
    }
    *state->question.decision =
        (struct engine_decision){found->action, found->amount};
    tally(&state->ledgers[site->point], state->board.in_flight != 0);
    emit(state, site, state->question.decision, found->hit, found->rule);
    return true;
}

/*
 * All rules of the point count their matches, whoever strikes: a rule that is
 * taken away must not change the counts of the others. The first that wants
 * to strike does.
 */
static bool decide_planned(struct fault_state *state,
                           const struct engine_site *site)
{
    const struct fault_occurrence *occurrence = state->question.occurrence;
    struct rule_state *chosen = NULL;
    uint64_t hit = count(state, LANE_HITS, site->point, site->node);
    /* On a schedule the draws hang on the occurrence, since other rules'
     * occurrences hit the same point. */
    uint64_t draw = occurrence ? occurrence->number : hit;
    for (uint32_t i = state->starts[site->point];
         i < state->starts[site->point + 1]; i++) {
        uint32_t index = state->by_point[i];
        if (occurrence && occurrence->rule != index)
            continue;
        if (wants(state, index, site, draw) && !chosen)
            chosen = &state->rules[index];
    }
    if (!chosen || state->error)
        return false;
    strike(state, chosen, site, hit, draw);
    return true;
}

/*
 * libfiu's callback. It must not call back into libfiu, which holds a lock
 * here, nor change *failinfo, which is libfiu's own copy for the next time.
 */
/* NOLINTBEGIN(readability-non-const-parameter): the type is libfiu's */
static int answer(const char *name, int *failnum, void **failinfo,
                  unsigned int *flags)
{
    struct fault_state *state = *failinfo;
    const struct engine_site *site = state->question.site;
    (void)name;
    (void)failnum;
    (void)flags;
    if (!site)
        return 0; /* somebody else asked */
    if (fault_point_defect(&state->points[site->point])) {
        state->question.fires = decide_defect(state, site);
        return state->question.fires;
    }
    state->ledgers[site->point].asked++;
    state->question.fires = state->replayed ? decide_replayed(state, site)
                                            : decide_planned(state, site);
    return state->question.fires;
}

/* NOLINTEND(readability-non-const-parameter) */

static bool put_question(struct fault_state *state,
                         const struct engine_site *site,
                         const struct fault_occurrence *occurrence,
                         struct engine_decision *decision)
{
    assert(site->point < state->point_count);
    state->question = (struct question){site, occurrence, decision, false};
    int failed = fiu_fail(state->points[site->point].name);
    state->question.site = NULL;
    /* Somebody may have enabled the name itself: not the plan's decision. */
    return failed != 0 && state->question.fires;
}

static bool ask(void *self, const struct engine_site *site,
                struct engine_decision *decision)
{
    const struct fault_state *state = self;
    assert(!fault_point_timed(&state->points[site->point]));
    return put_question(self, site, NULL, decision);
}

bool fault_switchboard_fire(struct fault_switchboard *board,
                            const struct fault_occurrence *occurrence,
                            uint32_t node, struct engine_decision *decision)
{
    struct engine_site site = {.point = occurrence->point, .node = node};
    if (!board->port.armed[site.point])
        return false;
    return put_question(board->state, &site, occurrence, decision);
}

static uint64_t jittered(const struct fault_state *state,
                         const struct rule_state *rule, uint64_t time,
                         uint64_t number)
{
    struct engine_stream stream;
    if (rule->rule.jitter_ns == 0)
        return time;
    engine_stream_init(&stream, state->seed, rule->stream, UINT64_MAX);
    return time + engine_draw_below(&stream, number, rule->rule.jitter_ns + 1);
}

/* The times of a list come jittered and sorted. */
static void sort_times(const struct fault_state *state, struct rule_state *rule)
{
    uint64_t *times = rule->rule.times;
    for (uint32_t i = 0; i < rule->rule.time_count; i++) {
        uint64_t time = jittered(state, rule, times[i], i + 1);
        uint32_t at = i;
        for (; at > 0 && times[at - 1] > time; at--)
            times[at] = times[at - 1];
        times[at] = time;
    }
}

/* Finds the rule's next time within its window, if any. */
static void advance(const struct fault_state *state, struct rule_state *rule)
{
    const struct fault_rule *r = &rule->rule;
    rule->pending = false;
    while (r->period_ns != 0 || rule->taken < r->time_count) {
        uint64_t number = rule->taken + 1;
        uint64_t time = r->from_ns + number * r->period_ns;
        if (r->period_ns == 0)
            time = r->times[rule->taken];
        else if (number > (UINT64_MAX - r->from_ns) / r->period_ns - 1)
            return;
        else
            time = jittered(state, rule, time, number);
        rule->taken = number;
        rule->next_ns = time;
        rule->pending = time >= r->from_ns && time < r->to_ns;
        if (rule->pending || time >= r->to_ns)
            return;
    }
}

static uint32_t first_point(const struct fault_rule *rule)
{
    uint32_t point = 0;
    while (!fault_rule_has_point(rule, point))
        point++;
    return point;
}

static bool next_replayed(struct fault_state *state,
                          struct fault_occurrence *occurrence)
{
    while (state->decision_next < state->decision_count) {
        uint32_t index = state->decision_next++;
        const struct fault_decision *decision = &state->decisions[index];
        if (!fault_point_timed(&state->points[decision->point]))
            continue;
        *occurrence = (struct fault_occurrence){
            decision->time_ns, decision->hit, index, decision->point};
        return true;
    }
    return false;
}

bool fault_switchboard_next(struct fault_switchboard *board,
                            struct fault_occurrence *occurrence)
{
    struct fault_state *state = board->state;
    struct rule_state *first = NULL;
    if (state->replayed)
        return next_replayed(state, occurrence);
    for (uint32_t i = 0; i < state->rule_count; i++) {
        struct rule_state *rule = &state->rules[i];
        if (rule->active && rule->pending &&
            (!first || rule->next_ns < first->next_ns))
            first = rule;
    }
    if (!first)
        return false;
    *occurrence = (struct fault_occurrence){first->next_ns, first->taken,
                                            (uint32_t)(first - state->rules),
                                            first_point(&first->rule)};
    advance(state, first);
    return true;
}

/* Rules without a name that say the same are told apart by their order. */
static void name_rule(struct fault_state *state, uint32_t index)
{
    struct rule_state *rule = &state->rules[index];
    uint64_t key =
        fault_rule_key(&rule->rule, state->points, state->point_count);
    for (uint32_t i = 0; i < index; i++) {
        if (state->rules[i].key == key)
            key = key * UINT64_C(0x9e3779b97f4a7c15) + 1;
    }
    rule->key = key;
    snprintf(rule->stream, sizeof(rule->stream), "rule%016" PRIx64, key);
}

/* Replayed decisions stand in for a plan's rules, but not for its defects. */
static bool counts(const struct fault_state *state,
                   const struct rule_state *rule)
{
    return !state->replayed || rule->rule.action == ENGINE_ACT_DEFECT;
}

static void take_rule(struct fault_state *state, uint32_t index,
                      const struct fault_rule *rule)
{
    struct rule_state *own = &state->rules[index];
    own->rule = *rule;
    own->active = counts(state, own);
    name_rule(state, index);
    sort_times(state, own);
    advance(state, own);
}

/*
 * Fills by_point, starts, armed and the number of rules in the ledgers. Rules
 * that are used up go on counting their matches, but raise no flag.
 */
static void index_rules(struct fault_state *state)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < state->rule_count; i++)
        state->rules[i].ledger.armed = 0;
    for (uint32_t point = 0; point < state->point_count; point++) {
        state->starts[point] = used;
        state->armed[point] = 0;
        for (uint32_t i = 0; i < state->rule_count; i++) {
            struct rule_state *rule = &state->rules[i];
            if (!counts(state, rule) ||
                !fault_rule_has_point(&rule->rule, point))
                continue;
            state->by_point[used++] = i;
            state->armed[point] |= rule->active;
            rule->ledger.armed++;
        }
        state->ledgers[point].armed = used - state->starts[point];
    }
    state->starts[state->point_count] = used;
}

static void index_decisions(struct fault_state *state)
{
    for (uint32_t i = 0; i < state->decision_count; i++) {
        const struct fault_decision *decision = &state->decisions[i];
        uint32_t at = decision_slot(state, decision->point, decision->node,
                                    decision->hit);
        while (state->slots[at] != 0)
            at = (at + 1) & (state->slot_count - 1);
        state->slots[at] = i + 1;
        state->armed[decision->point] = 1;
        state->ledgers[decision->point].armed++;
    }
}

static int allocate(struct fault_state *state, const struct fault_plan *plan)
{
    size_t points = plan->point_count ? plan->point_count : 1;
    size_t rules = plan->count ? plan->count : 1;
    state->slot_count = 2;
    while (state->slot_count / 2 < plan->decision_count)
        state->slot_count *= 2;
    state->armed = calloc(points, sizeof(*state->armed));
    state->point_keys = calloc(points, sizeof(*state->point_keys));
    state->ledgers = calloc(points, sizeof(*state->ledgers));
    state->starts = calloc(points + 1, sizeof(*state->starts));
    state->rules = calloc(rules, sizeof(*state->rules));
    state->by_point = calloc(points * rules, sizeof(*state->by_point));
    state->slots = calloc(state->slot_count, sizeof(*state->slots));
    if (!state->armed || !state->point_keys || !state->ledgers ||
        !state->starts || !state->rules || !state->by_point || !state->slots)
        return FAULT_ENOMEM;
    return fault_hits_init(&state->hits);
}

static void release(struct fault_state *state)
{
    if (!state)
        return;
    fault_hits_deinit(&state->hits);
    free(state->slots);
    free(state->by_point);
    free(state->rules);
    free(state->starts);
    free(state->ledgers);
    free(state->point_keys);
    free(state->armed);
    free(state);
}

/* FNV-1a of a point's name: unlike its id, no new point moves it. */
static uint64_t name_key(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return hash;
}

static void set_up(struct fault_state *state, const struct fault_plan *plan,
                   uint64_t seed)
{
    state->points = plan->points;
    state->point_count = plan->point_count;
    state->seed = seed;
    state->rule_count = plan->count;
    state->replayed = plan->replayed;
    state->decisions = plan->decisions;
    state->decision_count = plan->decision_count;
    for (uint32_t i = 0; i < plan->point_count; i++)
        state->point_keys[i] = name_key(plan->points[i].name);
    for (uint32_t i = 0; i < plan->count; i++)
        take_rule(state, i, &plan->rules[i]);
    index_rules(state);
    index_decisions(state);
    state->board.port = (struct engine_points){state->armed, ask, state};
    state->board.state = state;
}

/*
 * Enabling a name a second time would silently replace its callback, so a
 * live switchboard keeps a name of its own enabled. All state is libfiu's.
 */
static bool somebody_lives(void)
{
    return fiu_fail(LIVE_NAME) != 0;
}

/* Those points, of the first `count`, that were armed at the start. */
static void disable(const struct fault_state *state, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (state->ledgers[i].armed != 0)
            fiu_disable(state->points[i].name);
    }
    fiu_disable(LIVE_NAME);
}

/*
 * Name by name, not with one "*": what a wildcard matched libfiu keeps in a
 * cache of ten names, and a miss in it frees and allocates, in the middle of
 * somebody's step. It also takes twice as long.
 */
static int enable(struct fault_state *state)
{
    if (fiu_enable(LIVE_NAME, 1, NULL, 0) != 0)
        return FAULT_EFIU;
    for (uint32_t i = 0; i < state->point_count; i++) {
        if (state->ledgers[i].armed == 0)
            continue;
        if (fiu_enable_external(state->points[i].name, 1, state, 0, answer)) {
            disable(state, i);
            return FAULT_EFIU;
        }
    }
    return 0;
}

struct fault_switchboard *fault_switchboard_new(const struct fault_plan *plan,
                                                uint64_t seed, int *error)
{
    assert(plan->count <= FAULT_LANE_MAX - LANE_RULES);
    struct fault_state *state = NULL;
    *error = FAULT_EFIU;
    if (fiu_init(0) != 0)
        return NULL;
    *error = FAULT_EBUSY;
    if (somebody_lives())
        return NULL;
    *error = FAULT_ENOMEM;
    state = calloc(1, sizeof(*state));
    if (!state || allocate(state, plan))
        goto fail;
    set_up(state, plan, seed);
    *error = enable(state);
    if (*error)
        goto fail;
    return &state->board;
fail:
    release(state);
    return NULL;
}

/* Room for one more rule; what there is stays where it is on failure. */
static int make_room(struct fault_state *state)
{
    size_t points = state->point_count ? state->point_count : 1;
    size_t count = state->rule_count + (size_t)1;
    struct rule_state *rules =
        realloc(state->rules, count * sizeof(*state->rules));
    if (!rules)
        return FAULT_ENOMEM;
    state->rules = rules;
    memset(&rules[state->rule_count], 0, sizeof(*rules));
    uint32_t *by_point =
        realloc(state->by_point, points * count * sizeof(*by_point));
    if (!by_point)
        return FAULT_ENOMEM;
    state->by_point = by_point;
    return 0;
}

/* A point that no rule was ever at has no callback yet. */
static int enable_new(struct fault_state *state, const struct fault_rule *rule)
{
    for (uint32_t i = 0; i < state->point_count; i++) {
        if (!fault_rule_has_point(rule, i) || state->ledgers[i].armed != 0)
            continue;
        if (fiu_enable_external(state->points[i].name, 1, state, 0, answer)) {
            while (i-- > 0)
                if (fault_rule_has_point(rule, i) &&
                    state->ledgers[i].armed == 0)
                    fiu_disable(state->points[i].name);
            return FAULT_EFIU;
        }
    }
    return 0;
}

int fault_switchboard_add(struct fault_switchboard *board,
                          const struct fault_rule *rule, uint32_t point,
                          uint32_t actor, uint64_t matches)
{
    struct fault_state *state = board->state;
    uint32_t index = state->rule_count;
    assert(!state->question.site);
    if (state->replayed || rule->time_count != 0 || rule->period_ns != 0)
        return FAULT_EINVAL;
    if (index == FAULT_LANE_MAX - LANE_RULES)
        return FAULT_EFULL;
    point = rule->across_points ? FAULT_ALL_POINTS : point;
    actor = rule->across_actors ? FAULT_ALL_ACTORS : actor;
    if (make_room(state) ||
        fault_hits_set(&state->hits, LANE_RULES + index, point, actor, matches))
        return FAULT_ENOMEM;
    int error = enable_new(state, rule);
    if (error) {
        (void)fault_hits_set(&state->hits, LANE_RULES + index, point, actor, 0);
        return error;
    }
    state->rule_count++;
    take_rule(state, index, rule);
    state->rules[index].ledger.asked = matches;
    index_rules(state);
    return 0;
}

void fault_switchboard_note(struct fault_switchboard *board,
                            const struct engine_site *site)
{
    struct fault_state *state = board->state;
    state->ledgers[site->point].asked++;
    (void)count(state, LANE_HITS, site->point, site->node);
}

void fault_switchboard_free(struct fault_switchboard *board)
{
    if (!board)
        return;
    disable(board->state, board->state->point_count);
    release(board->state);
}

void fault_switchboard_set_sink(struct fault_switchboard *board,
                                const struct engine_sink *sink)
{
    board->state->sink = sink;
}

void fault_switchboard_set_workflows(struct fault_switchboard *board,
                                     uint32_t (*workflow_of)(void *self,
                                                             uint64_t run),
                                     void *self)
{
    board->state->workflow_of = workflow_of;
    board->state->workflow_self = self;
}

const struct fault_ledger *
fault_switchboard_ledger(const struct fault_switchboard *board, uint32_t point)
{
    assert(point < board->state->point_count);
    return &board->state->ledgers[point];
}

const struct fault_ledger *
fault_switchboard_rule_ledger(const struct fault_switchboard *board,
                              uint32_t rule)
{
    assert(rule < board->state->rule_count);
    return &board->state->rules[rule].ledger;
}

uint64_t fault_switchboard_matches(const struct fault_switchboard *board,
                                   uint32_t rule, uint32_t point,
                                   uint32_t actor)
{
    const struct fault_state *state = board->state;
    assert(rule < state->rule_count);
    const struct fault_rule *r = &state->rules[rule].rule;
    return fault_hits_get(&state->hits, LANE_RULES + rule,
                          r->across_points ? FAULT_ALL_POINTS : point,
                          r->across_actors ? FAULT_ALL_ACTORS : actor);
}

int fault_switchboard_error(const struct fault_switchboard *board)
{
    return board->state->error;
}
