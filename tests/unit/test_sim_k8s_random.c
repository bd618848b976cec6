/*
 * What must hold of the Kubernetes model whatever happens to it: thousands of
 * steps of submissions, ends, crashes, dead and cut-off nodes and outages,
 * with everything that can be drawn drawn.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/random.h"
#include "sim/platform/k8s.h"
#include "sim/platform/k8s_cluster.h"
#include "tests/support/k8s_bed.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define STEPS 6000
#define JOBS 400
#define PLACES 1024
#define NODES 12

struct place {
    uint32_t job;
    uint32_t host;
    bool open;
    bool warned;
};

struct chaos {
    struct sim_k8s_config config;
    struct sim_model model;
    struct sim_actions actions;
    struct engine_stream stream;
    struct sim_demand demands[6];
    struct place places[PLACES];
    bool alive[JOBS];
    uint8_t demand_of[JOBS];
    uint64_t drawn, now_ns, digest;
    uint64_t accepted, ended, failed, throttled;
    uint32_t open, open_jobs;
};

static uint64_t below(struct chaos *c, uint64_t n)
{
    return engine_draw_below(&c->stream, c->drawn++, n);
}

static void describe(struct chaos *c, uint64_t seed)
{
    struct sim_k8s_config *config = &c->config;
    k8s_bed_config(config, NODES / 2);
    config->groups[0].nodes_max = NODES;
    config->groups[0].gpus = 1;
    strcpy(config->groups[0].labels[0], "zone=a");
    config->groups[1] = config->groups[0];
    config->groups[1].nodes = 2;
    strcpy(config->groups[1].labels[0], "zone=b");
    config->group_count = 2;
    config->scaler = (enum sim_k8s_scaler)(seed % 3);
    config->restart_on_failure = seed % 2 == 0;
    config->disruptions_count = seed % 3 == 0;
    config->duplicate_ppb = 50000000;
    config->partition_ppb = 500000000;
    config->active_deadline_ns = seed % 4 == 0 ? 0 : 30 * MINUTE;
    config->backoff_limit = 4;
    config->quota.cpu_milli = seed % 5 == 0 ? 20000 : 0;
    config->client = (struct sim_k8s_qps){{5, SECOND}, 10};
    config->default_memory_mb = 0;
    sim_dist_lognormal_fit(&config->api_latency, 10 * MS, SECOND);
    sim_dist_lognormal_fit(&config->start, 1200 * MS, 4 * SECOND);
    sim_dist_uniform(&config->status_delay, 0, 2 * SECOND);
    sim_dist_exponential(&config->repair, 8 * MINUTE);
    sim_dist_exponential(&config->partition, 6 * MINUTE);
    for (uint32_t i = 0; i < 6; i++) {
        c->demands[i] = (struct sim_demand){
            .cpu_milli = 500 + 700 * i,
            .memory_mb = i == 5 ? 0 : 500 + 1000 * i,
            .peak_mb = i == 4   ? 9000
                       : i == 5 ? 7000
                                : 0,
            .priority = i % 3,
            .image = i,
            .gpus = i == 2,
            .image_missing = i == 3 && seed % 7 == 1,
            .labels = {i == 1 ? "zone=b" : NULL},
        };
    }
}

static void mix(struct chaos *c, uint64_t value)
{
    c->digest = (c->digest ^ value) * UINT64_C(1099511628211);
}

static void opened(struct chaos *c, const struct sim_action *action)
{
    cr_assert_lt(action->place, PLACES);
    cr_assert_not(c->places[action->place].open, "place opened twice");
    c->places[action->place] = (struct place){
        .job = SIM_MODEL_NONE, .host = action->host, .open = true};
    c->open++;
}

static void started(struct chaos *c, const struct sim_action *action)
{
    struct place *place = &c->places[action->place];
    struct sim_work work = {
        .nominal_ns = MINUTE, .cpu_ppb = 500000000, .threads = 2};
    cr_assert(place->open, "started where nothing is");
    cr_assert_lt(action->job, JOBS);
    cr_assert(c->alive[action->job], "started after its end");
    place->job = action->job;
    c->model.ops->run_ns(c->model.self, c->now_ns, action->place, action->job,
                         &work, &c->actions);
}

/* No node may have more on it than it has. */
static void check_nodes(const struct chaos *c)
{
    uint32_t cpu[64] = {0}, gpus[64] = {0};
    for (uint32_t i = 0; i < PLACES; i++) {
        const struct place *place = &c->places[i];
        if (place->open && place->job != SIM_MODEL_NONE) {
            const struct sim_demand *demand =
                &c->demands[c->demand_of[place->job]];
            cpu[place->host] += demand->cpu_milli;
            gpus[place->host] += demand->gpus;
        }
    }
    for (uint32_t i = 0; i < 64; i++) {
        cr_assert_leq(cpu[i], 4000, "node %u has %u milli", i, cpu[i]);
        cr_assert_leq(gpus[i], 1);
    }
}

static void ended(struct chaos *c, const struct sim_action *action)
{
    cr_assert(c->alive[action->job], "ended twice");
    c->alive[action->job] = false;
    c->ended++;
    c->failed += action->kind == SIM_ACTION_FAIL;
    if (action->kind == SIM_ACTION_FAIL) {
        cr_assert_not_null(action->cause);
        cr_assert_neq(action->cause->error, ENGINE_ERR_NONE);
        cr_assert_neq(action->cause->words[0], '\0');
    }
    for (uint32_t i = 0; i < PLACES; i++) {
        cr_assert(!c->places[i].open || c->places[i].job != action->job,
                  "over while it runs");
    }
}

static void follow(struct chaos *c)
{
    uint64_t last_ns = 0;
    for (uint32_t i = 0; i < c->actions.count; i++) {
        struct sim_action action = c->actions.list[i];
        cr_assert_leq(action.time_ns, c->now_ns);
        cr_assert_geq(action.time_ns, last_ns, "actions out of order");
        last_ns = action.time_ns;
        mix(c, action.time_ns ^ (uint64_t)action.kind << 56);
        mix(c, (uint64_t)action.job << 32 | action.place);
        if (action.kind == SIM_ACTION_OPEN) {
            opened(c, &action);
        } else if (action.kind == SIM_ACTION_START) {
            started(c, &action);
        } else if (action.kind == SIM_ACTION_CLOSE) {
            cr_assert(c->places[action.place].open, "closed twice");
            c->places[action.place].open = false;
            c->open--;
        } else if (action.kind == SIM_ACTION_FAIL ||
                   action.kind == SIM_ACTION_FORGET) {
            ended(c, &action);
        }
    }
    cr_assert_not(c->actions.failed);
    c->actions.count = 0;
}

static void check_counts(const struct chaos *c)
{
    const struct sim_model_counts *n = c->model.ops->counts(c->model.self);
    cr_assert_eq(n->submitted, n->throttled + n->refused + c->accepted);
    cr_assert_eq(n->jobs, c->accepted - c->ended);
    cr_assert_eq(n->jobs, n->queued + n->running);
    cr_assert_eq(n->done + n->failed + n->lost, c->ended);
    cr_assert_eq(n->failed, c->failed);
    cr_assert_eq(n->places, c->open);
    cr_assert_eq(n->places_opened - n->places_closed, n->places);
    cr_assert_leq(n->hosts, n->hosts_started);
    uint64_t next_ns = c->model.ops->next_ns(c->model.self);
    cr_assert_gt(next_ns, c->now_ns, "what is due was not done");
}

static void pass(struct chaos *c, uint64_t length_ns)
{
    uint64_t until_ns = c->now_ns + length_ns;
    for (;;) {
        uint64_t next_ns = c->model.ops->next_ns(c->model.self);
        if (next_ns > until_ns) {
            break;
        }
        cr_assert_geq(next_ns, c->now_ns, "due in the past");
        c->now_ns = next_ns;
        c->model.ops->advance(c->model.self, next_ns, &c->actions);
        follow(c);
    }
    c->now_ns = until_ns;
    c->model.ops->advance(c->model.self, until_ns, &c->actions);
    follow(c);
}

static void submit(struct chaos *c)
{
    uint32_t id = (uint32_t)below(c, JOBS);
    uint8_t demand = (uint8_t)below(c, 6);
    if (c->alive[id]) {
        return;
    }
    struct sim_job job = {.id = id, .demand = &c->demands[demand]};
    struct sim_submitted answer;
    cr_assert_eq(c->model.ops->submit(c->model.self, c->now_ns, &job, &answer,
                                      &c->actions),
                 0);
    if (answer.answer == SIM_SUBMIT_ACCEPTED) {
        c->alive[id] = true;
        c->demand_of[id] = demand;
        c->accepted++;
    }
}

static void touch_place(struct chaos *c, bool well)
{
    uint32_t at = (uint32_t)below(c, PLACES);
    for (uint32_t i = 0; i < PLACES; i++) {
        uint32_t place = (at + i) % PLACES;
        if (!c->places[place].open) {
            continue;
        }
        if (well) {
            c->model.ops->finished(c->model.self, c->now_ns, place,
                                   c->places[place].job, &c->actions);
        } else {
            c->model.ops->exited(c->model.self, c->now_ns, place, 1,
                                 &c->actions);
        }
        return;
    }
}

static void act(struct chaos *c)
{
    char text[80];
    uint64_t what = below(c, 100);
    if (what < 45) {
        submit(c);
    } else if (what < 75) {
        touch_place(c, true);
    } else if (what < 88) {
        touch_place(c, false);
    } else if (what < 92) {
        c->model.ops->fail_host(c->model.self, c->now_ns,
                                (uint32_t)below(c, 2 * NODES), &c->actions);
    } else if (what < 93) {
        c->model.ops->outage(c->model.self, c->now_ns,
                             c->now_ns + below(c, MINUTE), &c->actions);
    } else {
        c->model.ops->explain(c->model.self, c->now_ns,
                              (uint32_t)below(c, JOBS), text, sizeof text);
        cr_assert_lt(strlen(text), sizeof text);
    }
    follow(c);
}

/* Everything that is left is ended well, until there is nothing. */
static void drain(struct chaos *c)
{
    const struct sim_model_counts *n = c->model.ops->counts(c->model.self);
    for (int i = 0; i < 3000 && n->jobs > 0; i++) {
        while (c->open > 0) {
            touch_place(c, true);
            follow(c);
        }
        pass(c, 20 * SECOND);
        check_counts(c);
    }
}

static uint64_t play(uint64_t seed)
{
    struct chaos *c = calloc(1, sizeof *c);
    c->now_ns = K8S_BED_START;
    c->digest = seed;
    engine_stream_init(&c->stream, seed, "chaos", 0);
    describe(c, seed);
    cr_assert_eq(sim_k8s_model(&c->model, &c->config, seed), 0);
    for (int i = 0; i < STEPS; i++) {
        pass(c, below(c, 3 * SECOND));
        act(c);
        pass(c, 0);
        check_counts(c);
        if (i % 16 == 0) {
            check_nodes(c);
        }
    }
    drain(c);
    if (seed % 7 != 1 && seed % 4 != 0) {
        cr_assert_eq(c->accepted, c->ended, "seed %llu: %llu jobs are left",
                     (unsigned long long)seed,
                     (unsigned long long)(c->accepted - c->ended));
    }
    cr_assert_gt(c->ended, 100);
    uint64_t digest = c->digest;
    c->model.ops->free(c->model.self);
    sim_actions_free(&c->actions);
    free(c);
    return digest;
}

Test(k8s_random, every_job_ends_once_and_no_node_holds_more_than_it_has)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        play(seed);
    }
}

Test(k8s_random, the_same_seed_does_the_same)
{
    cr_assert_eq(play(5), play(5));
    cr_assert_neq(play(5), play(11));
}

Test(k8s_random, memory_is_of_what_is_in_flight_not_of_what_has_passed)
{
    static const struct sim_demand plain = {.name = "plain", .image = 1};
    static const uint32_t rounds = 3000;
    struct k8s_bed bed = {.seed = 1, .work_ns = SECOND};
    k8s_bed_config(&bed.config, 5);
    bed.config.active_deadline_ns = 24 * 60 * MINUTE;
    k8s_bed_begin(&bed);
    const struct sim_k8s *k = bed.model.self;
    for (uint32_t i = 0; i < rounds; i++) {
        k8s_bed_submit(&bed, i, &plain);
        k8s_bed_submit(&bed, rounds + i, &plain);
        k8s_bed_run(&bed, 5 * SECOND);
        bed.seen_count = 0;
    }
    cr_assert_geq(bed.model.ops->counts(bed.model.self)->done, 2 * rounds - 4);
    cr_assert_leq(k->pod_slots.used, 4);
    cr_assert_leq(k->job_slots.used, 4);
    cr_assert_leq(k->place_slots.used, 4);
    cr_assert_leq(k->pod_due.count + k->job_due.count + k->misc_due.count, 8);
    k8s_bed_end(&bed);
}
