#include "scenarios/enumerate.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PERDURE_NO_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "scenarios/nursery.h"
#include "scenarios/recovery.h"
#include "scenarios/world.h"
#include "sim/nodes.h"
#include "sim/points.h"

/* What the processes tell: one packet each, written at once or not at all. */
enum packet_kind {
    PACKET_REFUSED, /* the world could not be made; text says why */
    PACKET_GOLDEN,  /* what came of the faultless run; boundaries */
    PACKET_WORLD,   /* what came of a world */
    PACKET_DIED,    /* its process died */
    PACKET_CROSSED, /* a recovery is over: how many boundaries it had */
};

struct packet {
    uint32_t kind;
    uint32_t number[ENUMERATE_DEPTH];
    struct boundary at[ENUMERATE_DEPTH];
    uint32_t boundaries;
    uint32_t left_out;
    int signal;
    struct trial_result result;
};

_Static_assert(sizeof(struct packet) <= PIPE_BUF,
               "packets of several processes do not mix");

enum {
    TICK_MS = 100,
    PIPE_SIZE = 1 << 20,
    JOBS_MAX = 256,
    RULES_SLOTS = 1024
};

/* How a process that made a world ends. */
enum {
    EXIT_TOLD,   /* what came of it */
    EXIT_LOST,   /* nobody knows */
    EXIT_ENOUGH, /* what came of it, and that no more worlds are wanted */
};

const char *enumerate_outcome_name(enum enumerate_outcome outcome)
{
    static const char *const names[ENUMERATE_OUTCOMES] = {
        "held",    "failed",       "expectation missed",
        "excused", "inconclusive", "died"};
    assert(outcome < ENUMERATE_OUTCOMES);
    return names[outcome];
}

/* How often each site was met --------------------------------------------- */

struct site_count {
    struct engine_site site;
    uint64_t count; /* 0: free */
};

struct site_counts {
    struct site_count *slots;
    uint32_t size; /* a power of two */
    uint32_t used;
};

static bool same_site(const struct engine_site *a, const struct engine_site *b)
{
    return a->point == b->point && a->node == b->node && a->run == b->run &&
           a->op == b->op && a->attempt == b->attempt;
}

static struct site_count *find_slot(struct site_count *slots, uint32_t size,
                                    const struct engine_site *site)
{
    uint64_t key = ((uint64_t)site->point << 32 | site->node) ^
                   site->run * UINT64_C(0x9e3779b97f4a7c15) ^
                   ((uint64_t)site->op << 20 | site->attempt) *
                       UINT64_C(0xc2b2ae3d27d4eb4f);
    key = (key ^ key >> 29) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(key >> 32) & (size - 1);
    while (slots[at].count != 0 && !same_site(&slots[at].site, site))
        at = (at + 1) & (size - 1);
    return &slots[at];
}

static bool grow_counts(struct site_counts *counts)
{
    uint32_t size = counts->size ? 2 * counts->size : RULES_SLOTS;
    struct site_count *slots = calloc(size, sizeof(*slots));
    if (!slots)
        return false;
    for (uint32_t i = 0; i < counts->size; i++)
        if (counts->slots[i].count != 0)
            *find_slot(slots, size, &counts->slots[i].site) = counts->slots[i];
    free(counts->slots);
    counts->slots = slots;
    counts->size = size;
    return true;
}

/* Counts one more; the new count, or 0 without memory. */
static uint64_t count_site(struct site_counts *counts,
                           const struct engine_site *site)
{
    if (counts->used >= counts->size / 4 * 3 && !grow_counts(counts))
        return 0;
    struct site_count *slot = find_slot(counts->slots, counts->size, site);
    counts->used += slot->count == 0;
    slot->site = *site;
    return ++slot->count;
}

/* The explorer -------------------------------------------------------------
 */

/* One child and the world that it makes. */
struct child {
    pid_t pid; /* 0: none */
    uint32_t number[ENUMERATE_DEPTH];
    struct boundary at[ENUMERATE_DEPTH];
};

/* A list of boundaries, when each world is to run from its start. */
struct found {
    struct boundary *at;
    uint32_t count;
    uint32_t capacity;
};

/*
 * The process that follows one world, from the start or, after a fork, from a
 * boundary on. level: how many faults its world has so far.
 */
struct explorer {
    const struct enumerate_config *config;
    int out;
    bool look;                /* only finds boundaries: forks nothing */
    struct outcomes *collect; /* filled by the first look */
    struct outcomes *golden;  /* those, once they are complete */
    struct nursery *nursery;
    uint32_t level;
    bool forked;   /* this process is not the one that began it */
    bool over;     /* nothing more will be broken in it */
    uint32_t room; /* in the nursery: its own, and its children's */
    uint32_t number[ENUMERATE_DEPTH];
    struct boundary at[ENUMERATE_DEPTH];
    struct fault_rule rules[ENUMERATE_DEPTH];
    uint32_t met; /* boundaries of this level so far */
    uint32_t left_out;
    struct site_counts counts;
    struct recovery recovery;
    struct found found;
    struct child children[JOBS_MAX];
    uint32_t alive;
    uint32_t jobs;
    bool enough; /* a world was what config->until waits for */
    bool failed; /* out of memory or processes */
};

static bool stopped(const struct explorer *e)
{
    return e->failed || e->enough ||
           (e->config->interrupted && *e->config->interrupted);
}

static bool tell(struct explorer *e, const struct packet *packet)
{
    ssize_t wrote;
    do
        wrote = write(e->out, packet, sizeof(*packet));
    while (wrote < 0 && errno == EINTR);
    return wrote == (ssize_t)sizeof(*packet);
}

static struct packet packet_of(const struct explorer *e, enum packet_kind kind)
{
    struct packet packet;
    memset(&packet, 0, sizeof(packet));
    packet.kind = kind;
    memcpy(packet.number, e->number, sizeof(packet.number));
    memcpy(packet.at, e->at, sizeof(packet.at));
    return packet;
}

/* Children ------------------------------------------------------------------
 */

static void bury(struct explorer *e, struct child *child, int status)
{
    child->pid = 0;
    e->alive--;
    if (WIFEXITED(status) && WEXITSTATUS(status) != EXIT_LOST) {
        e->enough = e->enough || WEXITSTATUS(status) == EXIT_ENOUGH;
        return;
    }
    struct packet packet = packet_of(e, PACKET_DIED);
    memcpy(packet.number, child->number, sizeof(packet.number));
    memcpy(packet.at, child->at, sizeof(packet.at));
    packet.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    e->failed = e->failed || !tell(e, &packet);
}

/* Waits until at most `most` children are left. */
static void wait_for_children(struct explorer *e, uint32_t most)
{
    while (e->alive > most) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0) {
            e->failed = true;
            return;
        }
        for (uint32_t i = 0; i < e->jobs; i++)
            if (e->children[i].pid == pid)
                bury(e, &e->children[i], status);
    }
}

/* What a child has of its parent's, and what it has not. */
static void be_child(struct explorer *e, uint32_t number,
                     const struct boundary *at, uint32_t index)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it dies with its parent */
    /* Those of the level below are alone: their parent waits for each. */
    if (e->level == 0)
        e->room = index;
    nursery_enter(e->nursery, e->level + 1, e->room);
    e->number[e->level] = number;
    e->at[e->level] = *at;
    boundary_rule(e->config->scenario, at, &e->rules[e->level]);
    e->level++;
    e->forked = true;
    e->over = e->level == e->config->depth;
    e->met = 0;
    e->left_out = 0;
    e->alive = 0;
    /* The processes of one level keep the processors busy. */
    e->jobs = 1;
    e->children[0] = (struct child){0};
}

/* Forks for a boundary. True in the child. */
static bool fork_at(struct explorer *e, uint32_t number,
                    const struct boundary *at)
{
    wait_for_children(e, e->jobs - 1);
    if (stopped(e))
        return false;
    struct child *child = e->children;
    while (child->pid != 0)
        child++;
    nursery_ready(e->nursery);
    /* One thread, and so no locks that a handler would have to undo. */
    pid_t pid = _Fork();
    if (pid == 0) {
        be_child(e, number, at, (uint32_t)(child - e->children));
        return true;
    }
    if (pid < 0) {
        e->failed = true;
        return false;
    }
    child->pid = pid;
    memcpy(child->number, e->number, sizeof(child->number));
    memcpy(child->at, e->at, sizeof(child->at));
    child->number[e->level] = number;
    child->at[e->level] = *at;
    e->alive++;
    /* Alone, the child copies the pages that it writes to, and this process
       has them back when the child has ended. */
    if (e->jobs == 1)
        wait_for_children(e, 0);
    return false;
}

/* Boundaries -------------------------------------------------------------- */

static bool wanted(struct explorer *e, const struct boundary *at)
{
    char name[BOUNDARY_NAME_SIZE];
    const char *only = e->config->only[e->level];
    if (only) {
        boundary_name(e->config->scenario, at, name, sizeof(name));
        return strcmp(only, name) == 0;
    }
    if (e->level == 1 && e->config->limit != 0 && e->met > e->config->limit) {
        e->left_out++;
        return false;
    }
    return true;
}

static void keep_found(struct explorer *e, const struct boundary *at)
{
    struct found *found = &e->found;
    if (found->count == found->capacity) {
        uint32_t capacity = found->capacity ? 2 * found->capacity : 256;
        void *grown = realloc(found->at, capacity * sizeof(*found->at));
        if (!grown) {
            e->failed = true;
            return;
        }
        found->at = grown;
        found->capacity = capacity;
    }
    found->at[found->count++] = *at;
}

/* True in a child that is to break its world here. */
static bool meet(struct explorer *e, const struct boundary *at)
{
    e->met++;
    if (e->look) {
        keep_found(e, at);
        return false;
    }
    return wanted(e, at) && fork_at(e, e->met, at);
}

static bool any_way(const struct enumerate_config *config, uint32_t point)
{
    for (uint32_t i = 0; i < config->way_count; i++)
        if (boundary_at(config->ways[i], point))
            return true;
    return false;
}

static const struct fault_rule *site(void *self, const struct engine_site *site,
                                     uint64_t *matches)
{
    struct explorer *e = self;
    const struct enumerate_config *config = e->config;
    if (e->level >= config->depth || !any_way(config, site->point))
        return NULL;
    uint64_t hit = count_site(&e->counts, site);
    e->failed = e->failed || hit == 0;
    if (stopped(e) || (e->level == 1 && !recovery_under_way(&e->recovery)))
        return NULL;
    for (uint32_t i = 0; i < config->way_count; i++) {
        struct boundary at = {*site, hit, config->ways[i]};
        if (!boundary_at(config->ways[i], site->point) || !meet(e, &at))
            continue;
        *matches = hit - 1;
        return &e->rules[e->level - 1];
    }
    return NULL;
}

/* Environments of a platform end; others take their place. */
static uint32_t comes_back(const struct explorer *e, uint32_t node)
{
    const struct scenario *scenario = e->config->scenario;
    uint32_t places = sim_node_places(scenario->platform_count);
    bool rented = node >= SIM_NODE_WORKER &&
                  scenario_profile(scenario, (node - SIM_NODE_WORKER) / places)
                          ->platform != &profile_local_platform;
    return rented ? 0 : node;
}

static void record(void *self, const struct engine_record *record)
{
    struct explorer *e = self;
    if (e->config->depth < 2)
        return;
    if (record->kind == ENGINE_REC_FAULT && !e->recovery.begun)
        recovery_begin(&e->recovery, comes_back(e, record->node));
    recovery_feed(&e->recovery, record);
}

/* Worlds ------------------------------------------------------------------ */

static struct trial trial_of(const struct explorer *e,
                             const struct trial_watch *watch)
{
    return (struct trial){
        .scenario = e->config->scenario,
        .seed = e->config->seed,
        .defects = e->config->defects,
        .defect_count = e->config->defect_count,
        .faultless = true,
        .golden = e->golden,
        .outcomes = e->collect,
        .watch = watch,
        .interrupted = e->config->interrupted,
    };
}

/* Tells what came of the world that this process has followed to its end. */
static void tell_world(struct explorer *e, const struct trial_result *result)
{
    if (e->config->interrupted && *e->config->interrupted)
        return;
    struct packet packet = packet_of(e, PACKET_WORLD);
    packet.boundaries = e->met;
    packet.left_out = e->left_out;
    packet.result = *result;
    e->failed = e->failed || !tell(e, &packet);
    e->enough = e->enough || (result->failed & e->config->until) != 0;
}

static _Noreturn void leave(const struct explorer *e)
{
    _exit(e->failed ? EXIT_LOST : e->enough ? EXIT_ENOUGH : EXIT_TOLD);
}

static void refuse(struct explorer *e, const char *message)
{
    struct packet packet = packet_of(e, PACKET_REFUSED);
    snprintf(packet.result.text, sizeof(packet.result.text), "%s", message);
    (void)tell(e, &packet);
    _exit(EXIT_LOST);
}

static void forget(struct explorer *e)
{
    free(e->counts.slots);
    e->counts = (struct site_counts){0};
    recovery_deinit(&e->recovery);
    recovery_init(&e->recovery);
    e->met = 0;
}

/* A process that was forked for one world ends with it, and frees nothing. */
static void judged(void *self, const struct trial_result *result)
{
    struct explorer *e = self;
    if (!e->forked)
        return;
    wait_for_children(e, 0);
    tell_world(e, result);
    leave(e);
}

/*
 * Follows the world from its start, forking at its boundaries. Only the
 * process that began it comes back; those that were forked end in judged().
 */
static void follow(struct explorer *e, struct trial_result *result)
{
    char message[512];
    struct trial_watch watch = {site, record, judged, e, &e->forked, &e->over};
    struct trial trial = trial_of(e, &watch);
    trial.rules = e->rules;
    trial.rule_count = e->level;
    forget(e);
    e->forked = false;
    if (trial_run(&trial, result, message, sizeof(message)))
        refuse(e, message);
    wait_for_children(e, 0);
}

/* Each world from its start --------------------------------------------------
 */

static void explore_again(struct explorer *e);

/* The child of a list: makes its world, and those that come after it. */
static void be_world(struct explorer *e)
{
    char message[512];
    struct trial_result result;
    struct trial trial = trial_of(e, NULL);
    trial.rules = e->rules;
    trial.rule_count = e->level;
    bool deeper = e->level < e->config->depth;
    if (trial_run(&trial, &result, message, sizeof(message)))
        refuse(e, message);
    if (deeper)
        explore_again(e);
    if (!deeper || !e->config->only[1])
        tell_world(e, &result);
    leave(e);
}

/* Finds the boundaries of this level, then makes a world for each. */
static void explore_again(struct explorer *e)
{
    struct trial_result result;
    e->look = true;
    e->found = (struct found){0};
    follow(e, &result);
    e->look = false;
    e->met = 0;
    struct found found = e->found;
    for (uint32_t i = 0; i < found.count && !stopped(e); i++) {
        if (!meet(e, &found.at[i]))
            continue;
        free(found.at);
        be_world(e);
    }
    wait_for_children(e, 0);
    free(found.at);
}

/* The first look: what is golden, and how many boundaries there are. */
static void find_golden(struct explorer *e)
{
    char message[512] = "out of memory";
    struct trial_result result;
    struct trial trial = trial_of(e, NULL);
    e->collect = outcomes_new();
    if (!e->collect)
        refuse(e, message);
    e->look = true;
    follow(e, &result);
    e->look = false;
    e->golden = e->collect;
    e->collect = NULL;
    if (trial_schedules(&trial, e->golden, message, sizeof(message)))
        refuse(e, message);
    struct packet packet = packet_of(e, PACKET_GOLDEN);
    packet.boundaries = e->met;
    packet.result = result;
    e->failed = !tell(e, &packet);
    free(e->found.at);
    e->found = (struct found){0};
    if (result.failed != 0 || result.end != SCENARIO_END_DONE)
        _exit(0);
}

/*
 * A world lives for milliseconds: giving memory back to the system would cost
 * more than the world has of it.
 */
static void keep_memory(void)
{
#ifndef PERDURE_NO_JEMALLOC
    ssize_t never = -1;
    (void)mallctl("arenas.dirty_decay_ms", NULL, NULL, &never, sizeof(never));
    (void)mallctl("arena.0.dirty_decay_ms", NULL, NULL, &never, sizeof(never));
#endif
}

static _Noreturn void explore(const struct enumerate_config *config, int out)
{
    struct trial_result result;
    struct explorer *e = calloc(1, sizeof(*e));
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!e)
        _exit(EXIT_LOST);
    keep_memory();
    trial_alone();
    e->config = config;
    e->out = out;
    e->jobs = config->jobs < JOBS_MAX ? config->jobs : JOBS_MAX;
    if (!config->no_fork)
        e->nursery = nursery_open(config->depth + 1, e->jobs);
    find_golden(e);
    if (!stopped(e) && config->no_fork)
        explore_again(e);
    else if (!stopped(e)) {
        nursery_enter(e->nursery, 0, 0);
        follow(e, &result);
    }
    _exit(e->failed);
}

/* The collector ------------------------------------------------------------
 */

struct collector {
    const struct enumerate_config *config;
    struct enumeration *result;
    uint64_t capacity;
    bool has_golden;
    bool failed;
    char refused[TRIAL_TEXT_SIZE];
};

/* With a disk that is broken for good nobody meets what was expected of a
   world in which it is not, nor comes to an end. */
static bool beyond_help(const struct packet *packet)
{
    return packet->at[0].way == BOUNDARY_FAIL_ON &&
           packet->result.faults_fired > 0 &&
           packet->result.end != SCENARIO_END_DONE;
}

static enum enumerate_outcome judge(const struct trial_result *golden,
                                    const struct packet *packet)
{
    const struct trial_result *result = &packet->result;
    if (result->failed != 0)
        return ENUMERATE_FAILED;
    if (beyond_help(packet))
        return ENUMERATE_EXCUSED;
    if (result->missed & ~golden->missed)
        return ENUMERATE_MISSED;
    if (result->excused != 0)
        return ENUMERATE_EXCUSED;
    if (result->faults_fired == 0 || result->end != SCENARIO_END_DONE ||
        (result->inconclusive & ~golden->inconclusive) != 0)
        return ENUMERATE_INCONCLUSIVE;
    return ENUMERATE_HELD;
}

static const char *text_of(const struct packet *packet,
                           enum enumerate_outcome outcome)
{
    const struct trial_result *result = &packet->result;
    if (outcome == ENUMERATE_HELD)
        return NULL;
    if (outcome == ENUMERATE_DIED)
        return "the process that made the world died";
    if (outcome == ENUMERATE_INCONCLUSIVE && result->faults_fired == 0)
        return "nothing was broken: the world did not get there again";
    if (outcome == ENUMERATE_INCONCLUSIVE && result->end != SCENARIO_END_DONE)
        return "the world did not come to its end within its limits";
    return result->text;
}

static uint64_t looked_at(const struct trial_result *result)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < TRIAL_CHECKS_MAX; i++)
        mask |= result->checked[i] ? UINT64_C(1) << i : 0;
    return mask;
}

static void add_world(struct collector *c, const struct packet *packet,
                      enum enumerate_outcome outcome)
{
    struct enumeration *result = c->result;
    if (result->count == c->capacity) {
        uint64_t capacity = c->capacity ? 2 * c->capacity : 1024;
        void *grown =
            realloc(result->worlds, capacity * sizeof(*result->worlds));
        if (!grown) {
            c->failed = true;
            return;
        }
        result->worlds = grown;
        c->capacity = capacity;
    }
    struct enumerate_world *world = &result->worlds[result->count++];
    memset(world, 0, sizeof(*world));
    memcpy(world->number, packet->number, sizeof(world->number));
    memcpy(world->at, packet->at, sizeof(world->at));
    world->outcome = outcome;
    world->signal = packet->signal;
    world->digest = packet->result.digest;
    world->property =
        outcome == ENUMERATE_FAILED ? packet->result.property : UINT32_MAX;
    const char *text = text_of(packet, outcome);
    world->text = text ? strdup(text) : NULL;
    c->failed = c->failed || (text && !world->text);
    result->outcomes[outcome]++;
}

static void take_world(struct collector *c, const struct packet *packet)
{
    struct enumeration *result = c->result;
    add_world(c, packet, judge(&result->golden, packet));
    result->checked |= looked_at(&packet->result);
    if (packet->number[1] != 0)
        return;
    result->recoveries += packet->boundaries;
    result->left_out += packet->left_out;
    if (packet->boundaries > result->longest)
        result->longest = packet->boundaries;
}

static void tell_progress(const struct collector *c)
{
    const struct enumeration *result = c->result;
    struct progress_now now = {
        .unit = "worlds",
        .done = result->count,
        .total = result->boundaries,
        .grows = c->config->depth > 1,
        .bad = "failed",
        .failed = result->outcomes[ENUMERATE_FAILED] +
                  result->outcomes[ENUMERATE_MISSED] +
                  result->outcomes[ENUMERATE_DIED],
        .has_seed = true,
        .seed = c->config->seed,
    };
    if (c->config->progress)
        c->config->progress(c->config->progress_self, &now);
}

static void take(struct collector *c, const struct packet *packet)
{
    switch (packet->kind) {
    case PACKET_GOLDEN:
        c->result->golden = packet->result;
        c->result->boundaries = packet->boundaries;
        c->has_golden = true;
        break;
    case PACKET_WORLD:
        take_world(c, packet);
        break;
    case PACKET_DIED:
        add_world(c, packet, ENUMERATE_DIED);
        break;
    default:
        memcpy(c->refused, packet->result.text, sizeof(c->refused));
        break;
    }
    tell_progress(c);
}

/*
 * Until the last process has closed its end. An interrupt ends the first of
 * them and, each with its parent, all others; what they have told is read.
 */
static void collect(struct collector *c, int in, pid_t explorer)
{
    struct packet packet;
    for (;;) {
        struct pollfd ready = {.fd = in, .events = POLLIN};
        int count = poll(&ready, 1, TICK_MS);
        if (c->config->interrupted && *c->config->interrupted)
            (void)kill(explorer, SIGKILL);
        if (count <= 0) {
            tell_progress(c);
            continue;
        }
        ssize_t got = read(in, &packet, sizeof(packet));
        if (got < 0 && errno == EINTR)
            continue;
        if (got != (ssize_t)sizeof(packet))
            return;
        take(c, &packet);
    }
}

static int by_number(const void *left, const void *right)
{
    const struct enumerate_world *a = left;
    const struct enumerate_world *b = right;
    for (uint32_t i = 0; i < ENUMERATE_DEPTH; i++)
        if (a->number[i] != b->number[i])
            return a->number[i] < b->number[i] ? -1 : 1;
    return 0;
}

static int say(char *message, size_t size, int error, const char *format,
               const char *what)
{
    /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
    snprintf(message, size, format, what);
    return error;
}

/* What the worlds together cannot say. */
static int conclude(struct collector *c, int status, char *message, size_t size)
{
    struct enumeration *result = c->result;
    result->interrupted = c->config->interrupted && *c->config->interrupted;
    if (c->refused[0] != '\0')
        return say(message, size, ENUMERATE_EWORLD, "%s", c->refused);
    if (result->interrupted)
        return 0;
    if (!c->has_golden && WIFSIGNALED(status))
        return say(message, size, ENUMERATE_EGOLDEN,
                   "the faultless run died by a signal: %s",
                   strsignal(WTERMSIG(status)));
    if (c->has_golden && result->golden.failed != 0)
        return say(message, size, ENUMERATE_EGOLDEN,
                   "the faultless run fails by itself: %s",
                   result->golden.text);
    if (c->has_golden && result->golden.end != SCENARIO_END_DONE)
        return say(message, size, ENUMERATE_ECUT,
                   "the faultless run does not come to its end: %s",
                   "raise \"limit\" or \"events\", or ask for fewer runs");
    if (c->failed || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return say(message, size, ENUMERATE_ESYSTEM, "%s",
                   "no memory or no process for all worlds; try fewer --jobs");
    for (int i = 0; i < ENUMERATE_DEPTH; i++)
        if (c->config->only[i] && result->count == 0)
            return say(message, size, ENUMERATE_ENAME,
                       "found no boundary \"%s\" in the faultless run, or "
                       "after the first; without --only all are listed",
                       c->config->only[i]);
    return 0;
}

static int run_explorer(struct collector *c, char *message, size_t size)
{
    int ends[2];
    int status = 0;
    if (pipe(ends) != 0)
        return say(message, size, ENUMERATE_ESYSTEM, "no pipe: %s",
                   strerror(errno));
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        explore(c->config, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return say(message, size, ENUMERATE_ESYSTEM, "no process: %s",
                   strerror(errno));
    }
    collect(c, ends[0], pid);
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return conclude(c, status, message, size);
}

int enumerate_run(const struct enumerate_config *config,
                  struct enumeration **enumeration, char *message,
                  size_t message_size)
{
    assert(config->jobs > 0 && config->way_count > 0);
    assert(config->depth >= 1 && config->depth <= ENUMERATE_DEPTH);
    struct enumeration *result = calloc(1, sizeof(*result));
    *enumeration = NULL;
    if (!result)
        return say(message, message_size, ENUMERATE_ESYSTEM, "%s",
                   "out of memory");
    struct collector collector = {.config = config, .result = result};
    int error = run_explorer(&collector, message, message_size);
    if (error) {
        enumerate_free(result);
        return error;
    }
    if (result->count > 0)
        qsort(result->worlds, result->count, sizeof(*result->worlds),
              by_number);
    *enumeration = result;
    return 0;
}

void enumerate_free(struct enumeration *enumeration)
{
    if (!enumeration)
        return;
    for (uint64_t i = 0; i < enumeration->count; i++)
        free(enumeration->worlds[i].text);
    free(enumeration->worlds);
    free(enumeration);
}
