#include "scenarios/shrink.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/quantity.h"
#include "scenarios/shrink_edit.h"

#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)

enum {
    TRIED_MAX = 1 << 16, /* candidates that are remembered */
    ROUNDS_MAX = 12,
    PLAIN_FAULTS_MAX = 240, /* more are halved by kind first */
    SEEDS_TRIED = 4,
    HUNT_RUNS = 3, /* how far one exact place is looked for */
    HUNT_FAULTS = 6,
    HUNT_HITS = 40,
    LONG_WORLD = 200000 /* records */
};

struct shrinker {
    cJSON *document;
    struct shrink_seen *seen;  /* of the document */
    struct shrink_seen *other; /* of the candidate */
    const struct shrink_oracle *oracle;
    struct shrink_result *result;
    uint64_t *tried; /* hashes of candidates, 0: none */
    uint32_t tried_count;
    bool failed; /* out of memory */
};

/* Trying ------------------------------------------------------------------ */

static bool over(const struct shrinker *s)
{
    const struct shrink_oracle *oracle = s->oracle;
    return s->failed ||
           (oracle->trials_max && s->result->trials >= oracle->trials_max) ||
           (oracle->over && oracle->over(oracle->self));
}

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

/* Remembers the candidate; true: it was tried before. */
static bool tried_before(struct shrinker *s, const cJSON *candidate)
{
    char *text = cJSON_PrintUnformatted(candidate);
    if (!text) {
        s->failed = true;
        return true;
    }
    uint64_t hash = hash_of(text);
    cJSON_free(text);
    uint64_t at = hash % TRIED_MAX;
    while (s->tried[at] != 0 && s->tried[at] != hash)
        at = (at + 1) % TRIED_MAX;
    if (s->tried[at] == hash)
        return true;
    if (s->tried_count < TRIED_MAX / 2) {
        s->tried[at] = hash;
        s->tried_count++;
    }
    return false;
}

/* Takes the candidate (NULL: there is none) in place of the document, if it
   still fails. */
static bool try(struct shrinker *s, cJSON *candidate)
{
    if (!candidate)
        return false;
    if (over(s) || tried_before(s, candidate)) {
        cJSON_Delete(candidate);
        return false;
    }
    s->result->trials++;
    if (!s->oracle->fails(s->oracle->self, candidate, s->other)) {
        cJSON_Delete(candidate);
        return false;
    }
    struct shrink_seen *seen = s->other;
    s->other = s->seen;
    s->seen = seen;
    cJSON_Delete(s->document);
    s->document = candidate;
    s->result->accepted++;
    return true;
}

static cJSON *copy(struct shrinker *s)
{
    cJSON *twin = cJSON_Duplicate(s->document, true);
    s->failed = s->failed || !twin;
    return twin;
}

/*
 * ddmin over a list of `count` elements: without(.., gone) makes the candidate
 * that lacks those marked. At the end no single one can be taken away.
 */
static bool minimise(struct shrinker *s, size_t count,
                     cJSON *(*without)(struct shrinker *s, const void *what,
                                       const bool *gone),
                     const void *what)
{
    bool *gone = calloc(count + 1, sizeof(*gone));
    bool changed = false;
    s->failed = s->failed || !gone;
    for (size_t chunk = count; gone && chunk > 0 && !over(s);) {
        bool shrunk = false;
        for (size_t from = 0; from < count && !over(s);) {
            size_t end = from + chunk < count ? from + chunk : count;
            memset(gone, 0, count * sizeof(*gone));
            for (size_t i = from; i < end; i++)
                gone[i] = true;
            if (try(s, without(s, what, gone))) {
                count -= end - from;
                shrunk = changed = true;
            } else {
                from = end;
            }
        }
        if (!shrunk && chunk == 1)
            break;
        chunk = chunk > count ? count : (shrunk && chunk == 1 ? 1 : chunk / 2);
        if (chunk == 0 && count > 0)
            chunk = 1;
    }
    free(gone);
    return changed;
}

/* Faults ------------------------------------------------------------------ */

static cJSON *faults_of(cJSON *document)
{
    return cJSON_GetObjectItemCaseSensitive(document, "faults");
}

static cJSON *without_faults(struct shrinker *s, const void *what,
                             const bool *gone)
{
    (void)what;
    cJSON *twin = copy(s);
    shrink_edit_drop(faults_of(twin), gone);
    return twin;
}

static bool fewer_faults(struct shrinker *s)
{
    int count = cJSON_GetArraySize(faults_of(s->document));
    return minimise(s, (size_t)count, without_faults, NULL);
}

/* The faults that struck, but not those at points of the kinds in `left_out`
   (bits: 1 net, 2 disk, 4 platform, 8 beyond the first ones). */
static cJSON *with_struck(struct shrinker *s, unsigned left_out)
{
    cJSON *twin = copy(s);
    cJSON *list = cJSON_CreateArray();
    uint64_t count = s->seen->fault_count;
    if (count > SHRINK_FAULTS_MAX)
        count = SHRINK_FAULTS_MAX;
    if ((left_out & 8) && count > PLAIN_FAULTS_MAX)
        count = PLAIN_FAULTS_MAX;
    for (uint64_t i = 0; twin && list && i < count; i++) {
        const struct write_fault *fault = &s->seen->faults[i];
        cJSON *object =
            shrink_edit_is_kind(fault, left_out)
                ? NULL
                : write_fault(fault, WRITE_FAULT_EXACT, s->oracle->start_ns);
        if (object)
            cJSON_AddItemToArray(list, object);
    }
    if (!twin || !list) {
        cJSON_Delete(list);
        return twin;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(twin, "faults");
    cJSON_AddItemToObject(twin, "faults", list);
    return twin;
}

/* Rules and chances become the faults that they were. */
static bool write_out_faults(struct shrinker *s)
{
    static const unsigned ways[] = {0, 1, 2, 3, 4, 7, 8, 9, 10, 11};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
        if (try(s, with_struck(s, ways[i])))
            return true;
    return false;
}

/* A fault about what it struck instead of by node and hit. */
static bool tell_by_run(struct shrinker *s, int index)
{
    const cJSON *fault = cJSON_GetArrayItem(faults_of(s->document), index);
    for (uint64_t i = 0; i < s->seen->fault_count && i < SHRINK_FAULTS_MAX;
         i++) {
        cJSON *exact = write_fault(&s->seen->faults[i], WRITE_FAULT_EXACT,
                                   s->oracle->start_ns);
        bool same = exact && cJSON_Compare(exact, fault, true);
        cJSON_Delete(exact);
        if (!same)
            continue;
        cJSON *about = write_fault(&s->seen->faults[i], WRITE_FAULT_ABOUT,
                                   s->oracle->start_ns);
        cJSON *twin = about ? copy(s) : NULL;
        if (twin)
            cJSON_ReplaceItemInArray(faults_of(twin), index, about);
        else
            cJSON_Delete(about);
        return try(s, twin);
    }
    return false;
}

static bool set_in_fault(struct shrinker *s, int index, const char *key,
                         double value)
{
    cJSON *twin = copy(s);
    cJSON *fault = cJSON_GetArrayItem(faults_of(twin), index);
    cJSON *item = cJSON_GetObjectItemCaseSensitive(fault, key);
    if (item)
        cJSON_SetNumberHelper(item, value);
    return try(s, twin);
}

/* "nth" as low as possible. */
static bool lower_hit(struct shrinker *s, int index)
{
    bool changed = false;
    for (;;) {
        const cJSON *fault = cJSON_GetArrayItem(faults_of(s->document), index);
        const cJSON *nth = cJSON_GetObjectItemCaseSensitive(fault, "nth");
        if (!cJSON_IsNumber(nth) || nth->valuedouble <= 1)
            return changed;
        double now = nth->valuedouble;
        bool lower = false;
        for (double to = 1; to <= 4 && to < now && !lower; to++)
            lower = set_in_fault(s, index, "nth", to);
        if (!lower && now > 8)
            lower = set_in_fault(s, index, "nth", (double)(int64_t)(now / 2));
        if (!lower && now > 5)
            lower = set_in_fault(s, index, "nth", now - 1);
        if (!lower)
            return changed;
        changed = true;
    }
}

static bool drop_selectors(struct shrinker *s, int index)
{
    static const char *const keys[] = {
        "of",    "run", "attempt", "in_flight",   "jitter", "from",
        "until", "max", "node",    "probability", "count",  "name"};
    bool changed = false;
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        cJSON *fault = cJSON_GetArrayItem(faults_of(s->document), index);
        if (!cJSON_GetObjectItemCaseSensitive(fault, keys[i]))
            continue;
        cJSON *twin = copy(s);
        cJSON_DeleteItemFromObjectCaseSensitive(
            cJSON_GetArrayItem(faults_of(twin), index), keys[i]);
        changed = try(s, twin) || changed;
    }
    return changed;
}

static bool simpler_faults(struct shrinker *s)
{
    bool changed = false;
    for (int i = 0; i < cJSON_GetArraySize(faults_of(s->document)); i++) {
        changed = tell_by_run(s, i) || changed;
        changed = lower_hit(s, i) || changed;
        changed = drop_selectors(s, i) || changed;
    }
    return changed;
}

/* Runs -------------------------------------------------------------------- */

static uint64_t runs_of(const cJSON *document)
{
    const cJSON *load = cJSON_GetObjectItemCaseSensitive(document, "load");
    const cJSON *runs = cJSON_GetObjectItemCaseSensitive(load, "runs");
    return cJSON_IsNumber(runs) ? (uint64_t)runs->valuedouble : 100;
}

static cJSON *with_runs(struct shrinker *s, uint64_t runs,
                        enum shrink_edit_load load, uint32_t loosened)
{
    cJSON *twin = copy(s);
    if (twin && !shrink_edit_load(twin, runs, runs_of(s->document), load)) {
        cJSON_Delete(twin);
        return NULL;
    }
    if (twin && loosened)
        shrink_edit_loosen(faults_of(twin), loosened);
    return twin;
}

/* With the first seeds besides its own: small worlds are quickly tried. */
static bool try_seeds(struct shrinker *s, cJSON *candidate)
{
    for (uint32_t seed = 0; candidate && seed < SEEDS_TRIED; seed++) {
        cJSON *twin = cJSON_Duplicate(candidate, true);
        if (twin && seed > 0)
            shrink_edit_seed(twin, seed);
        if (try(s, twin)) {
            cJSON_Delete(candidate);
            return true;
        }
    }
    cJSON_Delete(candidate);
    return false;
}

/* So few runs, in each of the ways in which they may come. */
static bool scout_runs(struct shrinker *s, uint64_t runs)
{
    static const struct {
        enum shrink_edit_load load;
        uint32_t loosened;
    } ways[] = {{SHRINK_LOAD_SAME, 0},  {SHRINK_LOAD_SAME, 1},
                {SHRINK_LOAD_SAME, 3},  {SHRINK_LOAD_SPREAD, 0},
                {SHRINK_LOAD_BURST, 0}, {SHRINK_LOAD_SPREAD, 1},
                {SHRINK_LOAD_BURST, 3}};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways) && !over(s); i++)
        if (try_seeds(s, with_runs(s, runs, ways[i].load, ways[i].loosened)))
            return true;
    return false;
}

/* Few runs are tried first: their worlds cost least. */
static bool scout(struct shrinker *s)
{
    static const uint64_t few[] = {1, 2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50};
    uint64_t runs = runs_of(s->document);
    for (size_t i = 0; i < sizeof(few) / sizeof(*few); i++)
        if (few[i] < runs && scout_runs(s, few[i]))
            return true;
    return false;
}

/* So few runs, and of the faults this one alone, at this hit alone. */
static cJSON *with_hit(struct shrinker *s, uint64_t runs, int index, double hit)
{
    cJSON *twin = with_runs(s, runs, SHRINK_LOAD_SAME, 0);
    cJSON *fault = cJSON_GetArrayItem(faults_of(twin), index);
    if (fault && shrink_edit_pin(faults_of(twin), fault, hit))
        return twin;
    cJSON_Delete(twin);
    return NULL;
}

/* What must strike one place exactly: each place in a small world. */
static bool hunt(struct shrinker *s)
{
    uint64_t before = runs_of(s->document);
    for (uint64_t runs = 1; runs <= HUNT_RUNS && runs < before; runs++)
        for (int i = 0; i < HUNT_FAULTS; i++)
            for (int hit = 1; hit <= HUNT_HITS && !over(s); hit++)
                if (try(s, with_hit(s, runs, i, hit)))
                    return true;
    return false;
}

/* As they come now, only fewer: as many as will go at once. */
static bool lower_runs(struct shrinker *s)
{
    bool changed = false;
    for (uint64_t less = runs_of(s->document); less > 0 && !over(s);) {
        uint64_t runs = runs_of(s->document);
        uint64_t to = less < runs ? runs - less : 1;
        if (to < runs && try(s, with_runs(s, to, SHRINK_LOAD_SAME, 0)))
            changed = true;
        else
            less /= 2;
    }
    return changed;
}

static cJSON *without_runs(struct shrinker *s, const void *what,
                           const bool *gone)
{
    (void)what;
    cJSON *twin = copy(s);
    if (twin && shrink_edit_drop_runs(twin, gone))
        return twin;
    cJSON_Delete(twin);
    return NULL;
}

/* Each run with a time of its own, then without some of them. */
static bool fewer_runs(struct shrinker *s)
{
    bool changed = lower_runs(s);
    uint64_t runs = s->seen->run_count;
    if (runs <= 1 || runs > SHRINK_ARRIVALS_MAX || runs != runs_of(s->document))
        return changed;
    cJSON *twin = copy(s);
    if (twin && !shrink_edit_arrivals(twin, s->seen->arrivals_ns, runs)) {
        cJSON_Delete(twin);
        twin = NULL;
    }
    (void)try(s, twin);
    if (!shrink_edit_lists_arrivals(s->document))
        return changed;
    return minimise(s, runs, without_runs, NULL) || changed;
}

/* Workflows --------------------------------------------------------------- */

struct place {
    int list; /* which list of nodes, in document order */
    bool bridged;
};

static cJSON *without_nodes(struct shrinker *s, const void *what,
                            const bool *gone)
{
    const struct place *place = what;
    cJSON *twin = copy(s);
    cJSON *holder = shrink_edit_holder(twin, place->list);
    if (holder)
        shrink_edit_drop_nodes(twin, holder, gone, place->bridged);
    return twin;
}

static bool fewer_nodes(struct shrinker *s)
{
    bool changed = false;
    struct place place = {0, true};
    for (;; place.list++) {
        for (int way = 0; way < 2; way++) {
            cJSON *holder = shrink_edit_holder(s->document, place.list);
            if (!holder)
                return changed;
            const cJSON *nodes =
                cJSON_GetObjectItemCaseSensitive(holder, "nodes");
            place.bridged = way == 0;
            changed = minimise(s, (size_t)cJSON_GetArraySize(nodes),
                               without_nodes, &place) ||
                      changed;
        }
    }
}

static cJSON *without_items(struct shrinker *s, const void *what,
                            const bool *gone)
{
    cJSON *twin = copy(s);
    shrink_edit_drop(cJSON_GetObjectItemCaseSensitive(twin, what), gone);
    return twin;
}

static bool fewer_items(struct shrinker *s, const char *key)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(s->document, key);
    return cJSON_IsArray(list) &&
           minimise(s, (size_t)cJSON_GetArraySize(list), without_items, key);
}

/* Values ------------------------------------------------------------------ */

/* Without this member, if it can be done without. */
static bool prune_one(struct shrinker *s, size_t at)
{
    cJSON *twin = copy(s);
    if (twin && shrink_edit_delete(twin, at))
        return try(s, twin);
    cJSON_Delete(twin);
    return false;
}

/* Members in document order, parents before what is in them. */
static bool prune(struct shrinker *s)
{
    bool changed = false;
    for (size_t at = 0; !over(s) && at < shrink_edit_count(s->document);) {
        if (prune_one(s, at))
            changed = true; /* the next one has come to this place */
        else
            at++;
    }
    return changed;
}

/* Numbers of processes and the like, and quantities with fewer digits. */
static bool simplify(struct shrinker *s)
{
    bool changed = false;
    for (size_t at = 0; !over(s) && at < shrink_edit_count(s->document); at++) {
        for (uint32_t way = 0; way < SHRINK_EDIT_WAYS; way++) {
            cJSON *twin = copy(s);
            if (twin && shrink_edit_simplify(twin, at, way)) {
                changed = try(s, twin) || changed;
            } else {
                cJSON_Delete(twin);
            }
        }
    }
    return changed;
}

static bool set_text(struct shrinker *s, const char *key, const char *text)
{
    cJSON *twin = copy(s);
    if (twin) {
        cJSON_DeleteItemFromObjectCaseSensitive(twin, key);
        cJSON_AddStringToObject(twin, key, text);
    }
    return try(s, twin);
}

/* The world ends earlier; the first that is long enough. */
static bool lower_limit(struct shrinker *s)
{
    static const uint64_t limits[] = {
        10 * SECOND, 30 * SECOND,  MINUTE,       2 * MINUTE,
        5 * MINUTE,  10 * MINUTE,  20 * MINUTE,  30 * MINUTE,
        60 * MINUTE, 120 * MINUTE, 360 * MINUTE, 1440 * MINUTE};
    const cJSON *now = cJSON_GetObjectItemCaseSensitive(s->document, "limit");
    const char *why;
    uint64_t limit_ns = 1440 * MINUTE;
    char text[32];
    if (s->oracle->keep_limit)
        return false;
    if (cJSON_IsString(now))
        (void)quantity_read(QUANTITY_DURATION, now->valuestring, &limit_ns,
                            &why);
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        if (limits[i] >= limit_ns)
            return false;
        quantity_print(QUANTITY_DURATION, limits[i], text, sizeof(text));
        if (set_text(s, "limit", text))
            return true;
    }
    return false;
}

/* A long world ends when it has gone wrong: each candidate costs less. */
static bool cut_time(struct shrinker *s)
{
    uint64_t failed_ns = s->seen->failed_ns;
    uint64_t limit_ns = (failed_ns / SECOND + 1) * SECOND;
    char text[32];
    if (s->oracle->keep_limit || failed_ns == 0 ||
        s->seen->result.records < LONG_WORLD ||
        limit_ns > s->seen->result.virtual_ns / 2)
        return false;
    return set_text(
        s, "limit",
        quantity_print(QUANTITY_DURATION, limit_ns, text, sizeof(text)));
}

/* All together ------------------------------------------------------------ */

static uint64_t count_nodes(const cJSON *item)
{
    uint64_t count = 0;
    const cJSON *child;
    cJSON_ArrayForEach(child, item)
    {
        if (child->string && strcmp(child->string, "nodes") == 0 &&
            cJSON_IsArray(child))
            count += (uint64_t)cJSON_GetArraySize(child);
        count += count_nodes(child);
    }
    return count;
}

struct shrink_size shrink_size(const cJSON *document)
{
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(document, "faults");
    struct shrink_size size = {
        .faults = (uint64_t)cJSON_GetArraySize(faults),
        .runs = runs_of(document),
        .nodes = count_nodes(
                     cJSON_GetObjectItemCaseSensitive(document, "workflow")) +
                 count_nodes(
                     cJSON_GetObjectItemCaseSensitive(document, "workflows"))};
    return size;
}

uint64_t shrink_items(const struct shrink_size *size)
{
    return size->faults + size->runs + size->nodes;
}

static bool one_round(struct shrinker *s)
{
    bool changed = fewer_faults(s);
    if (runs_of(s->document) > 1)
        changed = fewer_runs(s) || changed;
    changed = simpler_faults(s) || changed;
    changed = fewer_items(s, "operators") || changed;
    changed = fewer_items(s, "workflows") || changed;
    changed = fewer_nodes(s) || changed;
    changed = prune(s) || changed;
    changed = simplify(s) || changed;
    return lower_limit(s) || changed;
}

/* What was expected of the world is no part of it. */
static void forget_expectations(cJSON *document)
{
    static const char *const gone[] = {"expect",    "sometimes", "thresholds",
                                       "exit",      "$schema",   "$comment",
                                       "reproduces"};
    for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(document, gone[i]);
}

static void first_steps(struct shrinker *s)
{
    forget_expectations(s->document);
    (void)cut_time(s);
    if (!scout(s)) {
        /* A long world becomes a short one: each candidate costs less. */
        if (s->seen->result.records > LONG_WORLD)
            (void)lower_limit(s);
        (void)hunt(s);
    }
    (void)write_out_faults(s);
    /* Faults that stand by themselves may let go of more runs. */
    (void)fewer_faults(s);
}

static void shrink_all(struct shrinker *s)
{
    bool changed = true;
    first_steps(s);
    for (int round = 0; changed && round < ROUNDS_MAX && !over(s); round++) {
        changed = one_round(s);
        if (!changed && runs_of(s->document) > 2)
            changed = scout(s);
    }
    s->result->whole = !changed && !over(s);
}

int shrink(cJSON **document, struct shrink_seen *seen,
           const struct shrink_oracle *oracle, struct shrink_result *result)
{
    struct shrink_seen *spare = calloc(2, sizeof(*spare));
    struct shrinker s = {
        .document = *document,
        .oracle = oracle,
        .result = result,
        .tried = calloc(TRIED_MAX, sizeof(*s.tried)),
    };
    *result = (struct shrink_result){.before = shrink_size(*document)};
    s.failed = !spare || !s.tried;
    if (!s.failed) {
        spare[0] = *seen;
        s.seen = &spare[0];
        s.other = &spare[1];
        shrink_all(&s);
        *seen = *s.seen;
    }
    *document = s.document;
    result->after = shrink_size(s.document);
    free(s.tried);
    free(spare);
    return s.failed ? -1 : 0;
}
