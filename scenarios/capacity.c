#include "scenarios/capacity.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/format.h"
#include "scenarios/platform.h"

enum {
    MEAN_SLICES = 4096
};

struct scenario_capacity {
    struct scenario_world *world; /* without engine, store and network */
    struct sim_capacity *sim;
    struct engine_sink sink; /* gathers records in blocks */
    struct sim_record_sink records_to;
    struct engine_record *records; /* SIM_RECORDS_BLOCK of them */
    uint32_t record_count;
};

/* The engine's time ----------------------------------------------------------
 */

/* The mean of the middles of equal slices of all draws. */
static uint64_t mean_of(const struct sim_dist *dist)
{
    const uint64_t width = UINT64_MAX / MEAN_SLICES + 1;
    uint64_t mean = 0;
    uint64_t rest = 0;
    for (uint64_t i = 0; i < MEAN_SLICES; i++) {
        uint64_t value = sim_dist_at(dist, i * width + width / 2);
        mean += value / MEAN_SLICES;
        rest += value % MEAN_SLICES;
    }
    return mean + rest / MEAN_SLICES;
}

static uint64_t mean_latency(const struct sim_disk_latency *latency)
{
    return latency->base_ns + latency->tail_ns;
}

static uint64_t commit_time(const struct scenario *scenario)
{
    const struct scenario_disk *disk = &scenario->disk;
    if (scenario->engine.store == SCENARIO_STORE_MEMORY)
        return 2000;
    return mean_latency(&disk->write) + mean_latency(&disk->sync);
}

struct scenario_capacity_times
scenario_capacity_times(const struct scenario *scenario)
{
    const struct profile *platform = &scenario->platform;
    uint64_t commit_ns = commit_time(scenario);
    uint64_t hop_ns = mean_of(&scenario->net.latency);
    struct scenario_capacity_times times = {commit_ns + 4 * hop_ns,
                                            2 * commit_ns + 4 * hop_ns};
    if (platform->platform == &profile_local_platform)
        times.hold_ns += mean_of(&platform->local.dispatch_latency);
    return times;
}

/* Records ---------------------------------------------------------------------
 */

static void flush(struct scenario_capacity *c)
{
    if (c->record_count > 0)
        c->records_to.take(c->records_to.self, c->records, c->record_count);
    c->record_count = 0;
}

static void emit(void *self, const struct engine_record *record)
{
    struct scenario_capacity *c = self;
    c->records[c->record_count++] = *record;
    if (c->record_count == SIM_RECORDS_BLOCK)
        flush(c);
}

/* A record of the world's own, at a time. */
static void note(struct scenario_capacity *c, enum engine_record_kind kind,
                 uint64_t time_ns, unsigned detail, uint64_t b)
{
    emit(c, &(struct engine_record){.kind = (uint16_t)kind,
                                    .time_ns = time_ns,
                                    .wall_ns = time_ns,
                                    .mono_ns = time_ns,
                                    .op = UINT32_MAX,
                                    .detail = (uint16_t)detail,
                                    .b = b});
}

/* Making it -------------------------------------------------------------------
 */

static uint64_t arrival(void *self, uint64_t index)
{
    struct scenario_world *world = self;
    return arrivals_time(&world->arrivals, index);
}

static bool make_world(struct scenario_capacity *c,
                       const struct scenario *scenario, uint64_t seed)
{
    struct scenario_world *world = calloc(1, sizeof(*world));
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    c->world = world;
    if (!world)
        return false;
    world->scenario = scenario;
    world->seed = seed;
    engine_block_init(&world->scratch);
    engine_block_init(&world->rows);
    world->arrivals = scenario->arrivals;
    arrivals_seed(&world->arrivals, seed);
    return fault_plan_init(&world->plan, points, count, 0) == 0 &&
           scenario_world_tables(world) && scenario_make_models(world);
}

static bool is_local(const struct scenario *scenario)
{
    return scenario->platform.platform == &profile_local_platform;
}

static int make_sim(struct scenario_capacity *c)
{
    struct scenario_world *world = c->world;
    const struct scenario *scenario = world->scenario;
    bool local = is_local(scenario);
    uint64_t concurrency = scenario_concurrency(scenario);
    struct scenario_capacity_times times = scenario_capacity_times(scenario);
    struct sim_capacity_config config = {
        .seed = world->seed,
        .start_ns = SCENARIO_START_NS,
        .end_ns = SCENARIO_START_NS + scenario->limit_ns,
        .graphs = world->graphs,
        .steps = world->steps,
        .graph_count = scenario->workflow_count,
        .runs = scenario->runs,
        .decide_ns = times.decide_ns,
        .hold_ns = times.hold_ns,
        .slots = local ? concurrency : 0,
        .threads = scenario->platform.threads ? scenario->platform.threads : 1,
        .demands = (const struct sim_demand *const *)world->demands,
        .payload_bytes = sizeof(struct engine_message),
        .arrival = arrival,
        .arrival_self = world,
        .sink = &c->sink,
    };
    /* Local workers are one queue and a number of slots: as fast as can be. */
    if (!local)
        config.model = world->platforms[0].model;
    c->sink = (struct engine_sink){emit, c};
    note(c, ENGINE_REC_GAUGE, SCENARIO_START_NS, 0, concurrency);
    return sim_capacity_new(&c->sim, &config);
}

static bool make(struct scenario_capacity *c, const struct scenario *scenario,
                 uint64_t seed)
{
    c->records = calloc(SIM_RECORDS_BLOCK, sizeof(*c->records));
    return c->records && make_world(c, scenario, seed) && make_sim(c) == 0;
}

struct scenario_capacity *scenario_capacity_new(const struct scenario *scenario,
                                                uint64_t seed,
                                                uint32_t defect_count,
                                                struct sim_record_sink records,
                                                char *message, size_t size)
{
    if (scenario->plan.count > 0 || scenario->swarm || defect_count > 0) {
        snprintf(message, size,
                 "found %s in capacity mode, allowed none: nothing runs that "
                 "they could strike; use \"mode\": \"full\"",
                 defect_count > 0 ? "defects" : "faults");
        return NULL;
    }
    if (scenario->platform_count > 1) {
        snprintf(message, size,
                 "found %u platforms in capacity mode, allowed one: use "
                 "\"platform\", or \"mode\": \"full\"",
                 scenario->platform_count);
        return NULL;
    }
    struct scenario_capacity *c = calloc(1, sizeof(*c));
    if (c) {
        c->records_to = records;
        if (make(c, scenario, seed))
            return c;
    }
    snprintf(message, size, "the study could not be made: out of memory");
    scenario_capacity_free(c);
    return NULL;
}

void scenario_capacity_free(struct scenario_capacity *c)
{
    if (!c)
        return;
    sim_capacity_free(c->sim);
    scenario_world_free(c->world);
    free(c->records);
    free(c);
}

/* Running it
 * -------------------------------------------------------------------- */

int scenario_capacity_run(struct scenario_capacity *c, uint64_t events_max)
{
    return sim_capacity_run(c->sim, events_max);
}

void scenario_capacity_end(struct scenario_capacity *c, unsigned why)
{
    c->world->studied_ns = sim_capacity_counts(c->sim).now_ns;
    note(c, ENGINE_REC_WORLD_END, c->world->studied_ns, why, 0);
    flush(c);
}

struct scenario_world *
scenario_capacity_world(const struct scenario_capacity *c)
{
    return c->world;
}

struct sim_capacity_counts
scenario_capacity_counts(const struct scenario_capacity *c)
{
    return sim_capacity_counts(c->sim);
}

/* The bill
 * ------------------------------------------------------------------------ */

/* A new line of the bill; its amount is written by the caller. */
static char *add(struct settings *s, const char *name)
{
    size_t at = s->bill_count++;
    assert(at < sizeof(s->bill) / sizeof(s->bill[0]));
    s->bill[at] = (struct report_bill){name, s->bill_text[at][0], NULL};
    return s->bill_text[at][0];
}

static void add_ns(struct settings *s, const char *name, uint64_t ns)
{
    struct report_word word;
    snprintf(add(s, name), SETTINGS_BILL_TEXT, "%s",
             report_format_ns(&word, ns));
}

/* The ratio in thousandths, of numbers that may be large. */
static uint64_t milli(uint64_t part, uint64_t whole)
{
    while (part > UINT64_MAX / 1000) {
        part /= 2;
        whole /= 2;
    }
    return whole ? part * 1000 / whole : 0;
}

static void add_slots(const struct scenario_capacity *c, struct settings *s,
                      const struct sim_capacity_counts *counts,
                      uint64_t took_us)
{
    struct report_word word;
    uint64_t slots = scenario_concurrency(c->world->scenario);
    assert(slots > 0);
    uint64_t used = milli(counts->busy_us / slots, took_us);
    snprintf(add(s, "slots used"), SETTINGS_BILL_TEXT,
             "%" PRIu64 ".%" PRIu64 "%% of %s", used / 10, used % 10,
             report_format_count(&word, slots));
}

void scenario_capacity_bill(const struct scenario_capacity *c,
                            struct settings *s)
{
    struct sim_capacity_counts counts = sim_capacity_counts(c->sim);
    struct report_word word;
    uint64_t took_us = (counts.now_ns - SCENARIO_START_NS) / 1000;
    uint64_t ended = counts.succeeded + counts.failed + counts.blocked;
    uint64_t rate = milli(ended * 1000, took_us / 1000 + 1);
    uint64_t mean_us = counts.attempts ? counts.waited_us / counts.attempts : 0;
    snprintf(add(s, "throughput"), SETTINGS_BILL_TEXT,
             "%" PRIu64 ".%03" PRIu64 " runs/s", rate / 1000, rate % 1000);
    snprintf(add(s, "runs in flight, at most"), SETTINGS_BILL_TEXT, "%s",
             report_format_count(&word, counts.in_flight_peak));
    add_ns(s, "wait for a place, mean", mean_us * 1000);
    add_ns(s, "wait for a place, at most", counts.waited_max_ns);
    if (is_local(c->world->scenario))
        add_slots(c, s, &counts, took_us);
}
