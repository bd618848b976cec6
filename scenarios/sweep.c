#include "scenarios/sweep.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/loop.h"
#include "engine/store.h"
#include "scenarios/command.h"
#include "scenarios/pool.h"
#include "scenarios/sweep_journal.h"
#include "scenarios/world.h"

#ifndef PERDURE_VERSION
#define PERDURE_VERSION "0.1.0"
#endif

#define LIMIT_DEFAULT_NS (UINT64_C(300) * 1000000000)
#define LOW_HALF UINT64_C(0xffffffff)

enum {
    CORPUS_MAX = 4096,
    ROUND_SEEDS = SWEEP_ROUND / SWEEP_GROUP * SWEEP_AUDIT_EVERY
};

struct sweep {
    const struct sweep_options *options;
    struct sweep_summary *summary;
    struct sweep_journal *journal;
    uint64_t items;   /* in all; UINT64_MAX: as many as there is time for */
    uint64_t first;   /* item that this batch begins with */
    uint64_t last_ns; /* wall time at which no round begins any more */
    uint64_t seeds[ROUND_SEEDS]; /* of this round */
    uint64_t corpus[CORPUS_MAX]; /* seeds that met something new; a ring */
    struct trial_result audited; /* the item before an audit */
    uint64_t worlds_here;        /* in a worker: that it has run */
    bool audited_done;           /* it is there */
    uint64_t latest;             /* seed of the last item that is done */
    uint64_t counted;            /* worlds in counts: not crashed audits */
    char *message;
    size_t message_size;
};

/* Items ------------------------------------------------------------------- */

/* Worlds before this item, audits not counted. */
static uint64_t worlds_before(uint64_t item)
{
    uint64_t rest = item % SWEEP_GROUP;
    return item / SWEEP_GROUP * SWEEP_AUDIT_EVERY + rest - (rest > 1);
}

static bool is_audit(uint64_t item)
{
    return item % SWEEP_GROUP == 1;
}

/* The items that it takes for so many worlds. */
static uint64_t items_for(uint64_t worlds)
{
    return worlds + (worlds + SWEEP_AUDIT_EVERY - 1) / SWEEP_AUDIT_EVERY;
}

static uint64_t seed_of(const struct sweep *sweep, uint64_t item)
{
    uint64_t world = worlds_before(item) - (is_audit(item) ? 1 : 0);
    if (sweep->options->for_ns)
        return sweep->seeds[world % ROUND_SEEDS];
    return sweep->options->from + world;
}

/*
 * The seeds of the next round: half of them new, half of them near one that
 * met something new, the latest first: with its swarm, in another world.
 */
static void choose_seeds(struct sweep *sweep)
{
    uint64_t world = worlds_before(sweep->first);
    uint64_t corpus = sweep->summary->corpus;
    uint64_t kept = corpus < CORPUS_MAX ? corpus : CORPUS_MAX;
    for (uint64_t i = 0; i < ROUND_SEEDS; i++) {
        uint64_t number = world + i;
        uint64_t fresh = (sweep->options->scenario->seed + number) & LOW_HALF;
        uint64_t near = fresh;
        if (kept > 0 && sweep->options->scenario->swarm) {
            uint64_t back = i / 2 % kept;
            near =
                (sweep->corpus[(corpus - 1 - back) % CORPUS_MAX] & LOW_HALF) |
                (number + 1) << 32;
        }
        sweep->seeds[i] = i % 2 == 0 ? fresh : near;
    }
}

/* In a worker ------------------------------------------------------------- */

static size_t work(void *self, const void *bytes, void *out)
{
    struct sweep *sweep = self;
    const struct sweep_options *options = sweep->options;
    const struct sweep_item *item = bytes;
    struct sweep_result *result = out;
    struct trial trial = {
        .scenario = options->scenario,
        .seed = item->seed,
        .schedule = options->leaky ? sweep->worlds_here++ : 0,
        .defects = options->defects,
        .defect_count = options->defect_count,
        .compare = options->golden,
        .paranoid = options->paranoid,
        .coverage = coverage_new(options->scenario->runs),
    };
    char message[TRIAL_TEXT_SIZE] = "out of memory";
    memset(result, 0, offsetof(struct sweep_result, tuples));
    trial_alone();
    if (!trial.coverage ||
        trial_run(&trial, &result->trial, message, sizeof(message)) != 0) {
        result->refused = 1;
        memcpy(result->trial.text, message, sizeof(message));
    } else {
        size_t count = coverage_set_list(coverage_met(trial.coverage),
                                         result->tuples, SWEEP_TUPLES_MAX);
        result->tuple_count =
            (uint32_t)(count < SWEEP_TUPLES_MAX ? count : SWEEP_TUPLES_MAX);
    }
    coverage_free(trial.coverage);
    return offsetof(struct sweep_result, tuples) +
           result->tuple_count * sizeof(*result->tuples);
}

/* Handing out --------------------------------------------------------------
 */

static enum pool_next next(void *self, uint64_t index, void *bytes,
                           void *result, size_t *size)
{
    struct sweep *sweep = self;
    uint64_t item = sweep->first + index;
    if (item >= sweep->items ||
        (sweep->options->for_ns && index >= SWEEP_ROUND))
        return POOL_NO_MORE;
    *(struct sweep_item *)bytes =
        (struct sweep_item){seed_of(sweep, item), is_audit(item)};
    if (sweep->journal)
        *size = sweep_journal_get(sweep->journal, item, result,
                                  sizeof(struct sweep_result));
    if (*size > 0)
        return POOL_KNOWN;
    return is_audit(item) ? POOL_FRESH : POOL_WORK;
}

/* A world whose process was lost is run again by the next start. */
static bool arrived(void *self, const struct pool_outcome *outcome)
{
    struct sweep *sweep = self;
    const struct sweep_result *result = outcome->result;
    if (!sweep->journal || outcome->end != POOL_DONE || result->refused)
        return true;
    if (sweep_journal_put(sweep->journal, sweep->first + outcome->index, result,
                          outcome->size) == 0)
        return true;
    snprintf(sweep->message, sweep->message_size,
             "a result could not be saved in \"%.200s\": %s; all before it "
             "are: make room and start the same sweep again",
             sweep->options->directory, strerror(errno));
    return false;
}

/* The fold ---------------------------------------------------------------- */

static bool note_failure(struct sweep *sweep, const struct sweep_item *item,
                         enum sweep_outcome outcome, uint32_t property,
                         const char *text)
{
    struct sweep_summary *summary = sweep->summary;
    uint64_t count = summary->failure_count;
    if ((count & (count - 1)) == 0) {
        struct sweep_failure *list =
            realloc(summary->failures, (count ? 2 * count : 1) * sizeof(*list));
        if (!list) {
            snprintf(sweep->message, sweep->message_size, "out of memory");
            return false;
        }
        summary->failures = list;
    }
    struct sweep_failure *failure = &summary->failures[count];
    *failure = (struct sweep_failure){
        .item = *item, .outcome = outcome, .property = property};
    snprintf(failure->text, sizeof(failure->text), "%s", text);
    summary->failure_count++;
    return true;
}

static void tell_world(const struct sweep *sweep, const struct sweep_item *item,
                       enum sweep_outcome outcome,
                       const struct trial_result *trial, const char *text)
{
    struct sweep_world world = {
        .item = *item,
        .outcome = outcome,
        .property =
            trial && outcome > SWEEP_EXCUSED ? trial->property : UINT32_MAX,
        .text = text,
        .digest = trial ? &trial->digest : NULL,
    };
    if (sweep->options->world)
        sweep->options->world(sweep->options->world_self, &world);
}

/* Weak draws strike nothing now and then: no reason to doubt a sweep. */
static bool was_quiet(const struct scenario *scenario,
                      const struct trial_result *trial)
{
    return scenario->swarm && trial->faults_fired == 0 && trial->reasons == 1 &&
           trial->inconclusive == 0 && trial->end == SCENARIO_END_DONE;
}

static enum sweep_outcome outcome_of(const struct sweep *sweep,
                                     const struct sweep_result *result)
{
    if (result->refused)
        return SWEEP_CRASHED;
    switch ((enum check_verdict)result->trial.verdict) {
    case CHECK_PASS:
        return SWEEP_HELD;
    case CHECK_EXCUSED:
        return SWEEP_EXCUSED;
    case CHECK_FAIL:
        return result->trial.failed ? SWEEP_PROPERTY : SWEEP_MISSED;
    case CHECK_INCONCLUSIVE:
        return was_quiet(sweep->options->scenario, &result->trial)
                   ? SWEEP_QUIET
                   : SWEEP_INCONCLUSIVE;
    }
    return SWEEP_CRASHED;
}

static void describe_loss(const struct pool_outcome *outcome, uint64_t limit_ns,
                          char *text, size_t size)
{
    switch (outcome->end) {
    case POOL_KILLED:
        snprintf(text, size, "Its process was killed by signal %d (%s).",
                 outcome->status, strsignal(outcome->status));
        break;
    case POOL_HUNG:
        snprintf(text, size, "It took longer than %" PRIu64 " s.",
                 limit_ns / 1000000000);
        break;
    default:
        snprintf(text, size, "Its process ended with status %d.",
                 outcome->status);
        break;
    }
}

static void tally(struct sweep_summary *summary,
                  const struct trial_result *trial)
{
    summary->runs_ended += trial->runs_ended;
    summary->faults_fired += trial->faults_fired;
    summary->faults_in_flight += trial->faults_in_flight;
    summary->events += trial->events;
    summary->virtual_ns += trial->virtual_ns;
    summary->sometimes |= trial->sometimes;
    for (uint32_t i = 0; i < TRIAL_CHECKS_MAX; i++) {
        summary->checked[i] += trial->checked[i];
        summary->failed[i] += trial->failed >> i & 1;
        summary->excused[i] += trial->excused >> i & 1;
        summary->inconclusive[i] += trial->inconclusive >> i & 1;
    }
}

/* 1, 2, 5, 10, 20, 50 .. */
static bool is_round_number(uint64_t number)
{
    while (number >= 10 && number % 10 == 0)
        number /= 10;
    return number == 1 || number == 2 || number == 5;
}

static bool fold_coverage(struct sweep *sweep, const struct sweep_item *item,
                          const struct sweep_result *result)
{
    struct sweep_summary *summary = sweep->summary;
    bool novel = false;
    for (uint32_t i = 0; i < result->tuple_count; i++) {
        int added = coverage_set_add(&summary->coverage, result->tuples[i]);
        if (added < 0) {
            snprintf(sweep->message, sweep->message_size, "out of memory");
            return false;
        }
        novel = novel || added > 0;
    }
    if (novel)
        sweep->corpus[summary->corpus++ % CORPUS_MAX] = item->seed;
    if (is_round_number(summary->worlds) &&
        summary->growth_count < SWEEP_GROWTH_MAX)
        summary->growth[summary->growth_count++] =
            (struct sweep_growth){summary->worlds, summary->coverage.count};
    return true;
}

/* The same world again: it must be the same to the last byte. */
static bool fold_audit(struct sweep *sweep, const struct sweep_item *item,
                       const struct sweep_result *result)
{
    struct sweep_summary *summary = sweep->summary;
    const struct trial_result *first = &sweep->audited;
    if (!sweep->audited_done || result->refused)
        return true; /* its loss was told */
    summary->audits++;
    if (memcmp(first, &result->trial, sizeof(*first)) == 0)
        return true;
    summary->counts[SWEEP_DIFFERENT]++;
    tell_world(sweep, item, SWEEP_DIFFERENT, NULL,
               "Not deterministic: run again it was another.");
    bool same = memcmp(&first->digest, &result->trial.digest,
                       sizeof(first->digest)) == 0;
    return note_failure(
        sweep, item, SWEEP_DIFFERENT, UINT32_MAX,
        same ? "Not deterministic: run again it had the same digest and "
               "another verdict."
             : "Not deterministic: run again in another process it had "
               "another digest.");
}

static bool fold_world(struct sweep *sweep, const struct sweep_item *item,
                       const struct sweep_result *result)
{
    struct sweep_summary *summary = sweep->summary;
    enum sweep_outcome outcome = outcome_of(sweep, result);
    summary->worlds++;
    summary->counts[outcome]++;
    sweep->audited = result->trial;
    sweep->audited_done = !result->refused;
    if (!result->refused)
        tally(summary, &result->trial);
    if (!fold_coverage(sweep, item, result))
        return false;
    tell_world(sweep, item, outcome, result->refused ? NULL : &result->trial,
               outcome > SWEEP_EXCUSED ? result->trial.text : "");
    if (outcome <= SWEEP_EXCUSED)
        return true;
    return note_failure(sweep, item, outcome,
                        result->refused ? UINT32_MAX : result->trial.property,
                        result->trial.text);
}

static bool fold_loss(struct sweep *sweep, const struct sweep_item *item,
                      const struct pool_outcome *outcome)
{
    char text[TRIAL_TEXT_SIZE];
    uint64_t limit =
        sweep->options->limit_ns ? sweep->options->limit_ns : LIMIT_DEFAULT_NS;
    describe_loss(outcome, limit, text, sizeof(text));
    sweep->summary->counts[SWEEP_CRASHED]++;
    sweep->summary->worlds += item->audit ? 0 : 1;
    sweep->audited_done = false;
    tell_world(sweep, item, SWEEP_CRASHED, NULL, text);
    return note_failure(sweep, item, SWEEP_CRASHED, UINT32_MAX, text);
}

static bool done(void *self, const struct pool_outcome *outcome)
{
    struct sweep *sweep = self;
    const struct sweep_item *item = outcome->item;
    sweep->summary->items++;
    sweep->latest = item->seed;
    sweep->summary->repeated += outcome->known;
    if (outcome->end != POOL_DONE)
        return fold_loss(sweep, item, outcome);
    return item->audit ? fold_audit(sweep, item, outcome->result)
                       : fold_world(sweep, item, outcome->result);
}

static void tick(void *self)
{
    const struct sweep *sweep = self;
    const struct sweep_summary *summary = sweep->summary;
    uint64_t bad =
        summary->counts[SWEEP_PROPERTY] + summary->counts[SWEEP_MISSED] +
        summary->counts[SWEEP_CRASHED] + summary->counts[SWEEP_DIFFERENT];
    struct progress_now now = {
        .unit = "worlds",
        .done = summary->worlds,
        .total = sweep->options->for_ns ? 0 : worlds_before(sweep->items),
        .repeated = worlds_before(summary->repeated),
        .bad = "failed",
        .failed = bad,
        .has_seed = summary->items > 0,
        .seed = sweep->latest,
    };
    if (now.repeated > now.done)
        now.repeated = now.done;
    if (sweep->options->progress)
        sweep->options->progress(sweep->options->progress_self, &now);
}

/* The sweep --------------------------------------------------------------- */

/* Two builds of one version may differ: the program's own bytes tell. */
static struct engine_hash build_of_this_program(void)
{
    struct engine_hash hash = {0};
    FILE *file = fopen("/proc/self/exe", "rb");
    if (!file)
        return hash;
    struct {
        struct engine_hash former;
        unsigned char bytes[65536];
    } block;
    size_t got;
    while ((got = fread(block.bytes, 1, sizeof(block.bytes), file)) > 0) {
        block.former = hash;
        hash = engine_hash_bytes(&block, sizeof(hash) + got);
    }
    fclose(file);
    return hash;
}

static struct engine_hash text_of(const struct scenario *scenario)
{
    struct engine_hash hashes[2] = {{0}};
    for (uint32_t i = 0; i < scenario->source_count; i++) {
        hashes[1] = engine_hash_bytes(scenario->sources[i].text,
                                      scenario->sources[i].size);
        hashes[0] = engine_hash_bytes(hashes, sizeof(hashes));
    }
    return hashes[0];
}

static uint64_t first_half(struct engine_hash hash)
{
    uint64_t half;
    memcpy(&half, &hash, sizeof(half));
    return half;
}

/* Which sweep it is, in lines; the time given to it is not part of that. */
static void identify(const struct sweep_options *options,
                     struct report_buffer *out)
{
    report_buffer_print(out, "version %s, build %016" PRIx64 "\n",
                        PERDURE_VERSION, first_half(build_of_this_program()));
    report_buffer_put(out, "scenario ");
    report_buffer_plain(out, options->scenario->name, 200);
    report_buffer_print(out, ", text %016" PRIx64 "\n",
                        first_half(text_of(options->scenario)));
    if (options->for_ns)
        report_buffer_put(out, "options --for");
    else
        report_buffer_print(out, "options --seeds %" PRIu64 "..%" PRIu64,
                            options->from, options->to);
    for (uint32_t i = 0; i < options->defect_count; i++)
        report_buffer_print(out, " --defect %s", options->defects[i]);
    report_buffer_put(out, options->golden ? " --golden" : "");
    report_buffer_put(out, options->paranoid ? " --paranoid\n" : "\n");
}

static int open_journal(struct sweep *sweep)
{
    struct report_buffer identity;
    int error = SWEEP_JOURNAL_EIO;
    if (!sweep->options->directory)
        return 0;
    report_buffer_init(&identity);
    identify(sweep->options, &identity);
    if (report_buffer_ok(&identity))
        sweep->journal = sweep_journal_open(
            sweep->options->directory, "sweep.journal", identity.text, &error,
            sweep->message, sweep->message_size);
    report_buffer_free(&identity);
    if (sweep->journal)
        return 0;
    return error == SWEEP_JOURNAL_EFOREIGN ? SWEEP_EFOREIGN
                                           : SWEEP_EENVIRONMENT;
}

static int run_rounds(struct sweep *sweep, struct pool *pool)
{
    struct pool_batch batch = {next, arrived, done, tick, sweep};
    int error;
    do {
        if (sweep->options->for_ns)
            choose_seeds(sweep);
        error = pool_run(pool, &batch);
        sweep->first += SWEEP_ROUND;
    } while (error == 0 && sweep->options->for_ns &&
             host_mono_ns() < sweep->last_ns);
    return error;
}

static int run_in_pool(struct sweep *sweep)
{
    const struct sweep_options *options = sweep->options;
    struct pool_config config = {
        .jobs = options->jobs,
        .item_size = sizeof(struct sweep_item),
        .result_max = sizeof(struct sweep_result),
        .limit_ns = options->limit_ns ? options->limit_ns : LIMIT_DEFAULT_NS,
        .work = work,
        .self = sweep,
        .interrupted = options->interrupted,
    };
    snprintf(sweep->message, sweep->message_size,
             "worker processes could not be started: ");
    size_t said = strlen(sweep->message);
    struct pool *pool = pool_new(&config);
    int error = POOL_EFORK;
    if (pool) {
        sweep->summary->jobs = pool_jobs(pool);
        error = run_rounds(sweep, pool);
    }
    if (error == POOL_EFORK)
        snprintf(sweep->message + said, sweep->message_size - said, "%s",
                 strerror(errno));
    sweep->summary->memory_max = pool_free(pool);
    if (error == 0 || error == POOL_EINTERRUPTED) {
        sweep->summary->complete = error == 0;
        return 0;
    }
    return SWEEP_EENVIRONMENT;
}

static bool all_came_true(const struct sweep *sweep)
{
    uint32_t count = sweep->options->scenario->sometimes_count;
    uint64_t all = count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX;
    return (sweep->summary->sometimes & all) == all;
}

static enum check_verdict verdict_of(const struct sweep *sweep)
{
    const uint64_t *counts = sweep->summary->counts;
    if (counts[SWEEP_PROPERTY] || counts[SWEEP_MISSED] ||
        counts[SWEEP_CRASHED] || counts[SWEEP_DIFFERENT])
        return CHECK_FAIL;
    if (counts[SWEEP_INCONCLUSIVE] || !sweep->summary->complete ||
        !all_came_true(sweep))
        return CHECK_INCONCLUSIVE;
    return counts[SWEEP_EXCUSED] ? CHECK_EXCUSED : CHECK_PASS;
}

int sweep_run(const struct sweep_options *options,
              struct sweep_summary *summary, char *message, size_t size)
{
    uint64_t began = host_mono_ns();
    *summary = (struct sweep_summary){.verdict = CHECK_INCONCLUSIVE};
    struct sweep *sweep = calloc(1, sizeof(*sweep));
    if (!sweep) {
        snprintf(message, size, "out of memory");
        return SWEEP_EENVIRONMENT;
    }
    *sweep = (struct sweep){
        .options = options,
        .summary = summary,
        .items = options->for_ns ? UINT64_MAX
                                 : items_for(options->to - options->from + 1),
        .last_ns = began + options->for_ns,
        .message = message,
        .message_size = size,
    };
    int error = open_journal(sweep);
    if (!error)
        error = run_in_pool(sweep);
    summary->verdict = verdict_of(sweep);
    summary->wall_ns = host_mono_ns() - began;
    sweep_journal_close(sweep->journal);
    free(sweep);
    return error;
}

void sweep_summary_deinit(struct sweep_summary *summary)
{
    free(summary->failures);
    coverage_set_deinit(&summary->coverage);
}

int sweep_exit_code(const struct sweep_summary *summary)
{
    if (summary->counts[SWEEP_PROPERTY])
        return EXIT_PROPERTY;
    if (summary->counts[SWEEP_CRASHED] || summary->counts[SWEEP_DIFFERENT])
        return EXIT_INTERNAL;
    if (summary->counts[SWEEP_MISSED])
        return EXIT_BUDGET;
    return summary->verdict == CHECK_INCONCLUSIVE ? EXIT_INCONCLUSIVE
                                                  : EXIT_HELD;
}
