#include "scenarios/enumerate.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults/points.h"

enum {
    NAMES_MAX = 4096
};

/* Tests of the suite enumerate_all run each world there is; sanitizers are left
   to enumerate, which runs the same code over some. */

/* A boundary of the first run in the middle of things. */
static const char first[] =
    "store, store/commit/after, run 1, charge, attempt 1, hit 1";

static struct scenario *read_scenario(const char *path, uint64_t runs)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    scenario->runs = runs;
    return scenario;
}

static struct enumerate_config crash_every(const struct scenario *scenario)
{
    return (struct enumerate_config){
        .scenario = scenario,
        .seed = 3,
        .ways = {BOUNDARY_CRASH},
        .way_count = 1,
        .depth = 1,
        .jobs = 2,
    };
}

static struct enumeration *enumerate(const struct enumerate_config *config)
{
    char message[1024] = "";
    struct enumeration *result;
    int error = enumerate_run(config, &result, message, sizeof(message));
    cr_assert_eq(error, 0, "%s", message);
    cr_assert_gt(result->count, 0);
    return result;
}

static void expect_refused(const struct enumerate_config *config, int error,
                           const char *says)
{
    char message[1024] = "";
    struct enumeration *result;
    cr_expect_eq(enumerate_run(config, &result, message, sizeof(message)),
                 error, "%s", message);
    cr_expect_null(result);
    cr_expect(strstr(message, says), "%s", message);
}

static void expect_same(const struct scenario *scenario,
                        const struct enumeration *one,
                        const struct enumeration *other)
{
    cr_assert_eq(one->count, other->count);
    cr_expect_eq(one->recoveries, other->recoveries);
    for (uint64_t i = 0; i < one->count; i++) {
        const struct enumerate_world *a = &one->worlds[i];
        const struct enumerate_world *b = &other->worlds[i];
        char name[BOUNDARY_NAME_SIZE];
        boundary_name(scenario, &a->at[0], name, sizeof(name));
        char other_name[BOUNDARY_NAME_SIZE];
        boundary_name(scenario, &b->at[0], other_name, sizeof(other_name));
        cr_expect_str_eq(name, other_name);
        cr_expect_eq(memcmp(a->number, b->number, sizeof(a->number)), 0);
        cr_expect(memcmp(&a->digest, &b->digest, sizeof(a->digest)) == 0,
                  "%s: the digests differ", name);
        cr_expect_eq(a->outcome, b->outcome, "%s", name);
        cr_expect_str_eq(a->text ? a->text : "", b->text ? b->text : "");
    }
}

static void expect_forks_do_not_matter(struct enumerate_config config)
{
    struct enumeration *forked = enumerate(&config);
    config.no_fork = true;
    config.jobs = 1;
    struct enumeration *whole = enumerate(&config);
    expect_same(config.scenario, forked, whole);
    cr_expect_eq(forked->outcomes[ENUMERATE_HELD], forked->count);
    enumerate_free(forked);
    enumerate_free(whole);
}

Test(enumerate_all, forked_worlds_are_those_that_ran_from_their_start)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    expect_forks_do_not_matter(crash_every(scenario));
    scenario_free(scenario);
}

Test(enumerate_all,
     forked_worlds_of_handlers_are_those_that_ran_from_their_start)
{
    struct scenario *scenario =
        read_scenario("scenarios/small/handlers.json", 1);
    struct enumerate_config config = crash_every(scenario);
    config.ways[0] = BOUNDARY_LOSE;
    expect_forks_do_not_matter(config);
    scenario_free(scenario);
}

Test(enumerate, second_crashes_are_the_same_without_forks)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    struct enumerate_config config = crash_every(scenario);
    config.depth = 2;
    config.only[0] = first;
    struct enumeration *all = enumerate(&config);
    cr_expect_eq(all->left_out, 0);
    cr_expect_eq(all->count, 1 + all->recoveries);
    config.limit = 9;
    struct enumeration *forked = enumerate(&config);
    cr_expect_eq(forked->left_out, all->recoveries - 9);
    cr_expect_eq(forked->count, 10);
    config.no_fork = true;
    struct enumeration *whole = enumerate(&config);
    expect_same(scenario, forked, whole);
    enumerate_free(all);
    enumerate_free(forked);
    enumerate_free(whole);
    scenario_free(scenario);
}

Test(enumerate, a_disk_that_fails_once_anywhere_is_survived)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    struct enumerate_config config = crash_every(scenario);
    config.ways[0] = BOUNDARY_FAIL;
    struct enumeration *result = enumerate(&config);
    cr_expect_eq(result->outcomes[ENUMERATE_HELD], result->count);
    enumerate_free(result);
    scenario_free(scenario);
}

/* A disk that fails for good lets no world end well, and none end badly. */
Test(enumerate_all, a_disk_that_fails_for_good_breaks_no_property)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    struct enumerate_config config = crash_every(scenario);
    scenario->limit_ns = UINT64_C(300) * 1000000000;
    config.ways[0] = BOUNDARY_FAIL;
    config.ways[1] = BOUNDARY_FAIL_ON;
    config.way_count = 2;
    struct enumeration *result = enumerate(&config);
    uint64_t for_good = 0;
    for (uint64_t i = 0; i < result->count; i++)
        for_good += result->worlds[i].at[0].way == BOUNDARY_FAIL_ON;
    cr_expect_eq(for_good, result->count / 2, "each fails both ways");
    cr_expect_eq(result->outcomes[ENUMERATE_FAILED], 0);
    cr_expect_eq(result->outcomes[ENUMERATE_DIED], 0);
    cr_expect_eq(result->outcomes[ENUMERATE_MISSED], 0);
    cr_expect_geq(result->outcomes[ENUMERATE_HELD], result->count / 2);
    cr_expect_lt(result->outcomes[ENUMERATE_HELD], result->count);
    enumerate_free(result);
    scenario_free(scenario);
}

/* Processes that die ------------------------------------------------------ */

static pid_t first_child_of(pid_t parent)
{
    char path[64];
    long child = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent,
             (int)parent);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%ld", &child) != 1)
        child = 0;
    if (file)
        fclose(file);
    return (pid_t)child;
}

enum {
    KILLS = 10
};

/* Kills the next child of the explorer, young; some worlds in a row, since
   one may have ended before. */
static void kill_next(void *self, const struct progress_now *now)
{
    int *kills = self;
    pid_t explorer = first_child_of(getpid());
    pid_t last = first_child_of(explorer);
    pid_t child = last;
    if (now->done == 0 || *kills == KILLS)
        return;
    for (int tries = 0; tries < 100000 && (child == last || child == 0);
         tries++)
        child = first_child_of(explorer);
    if (child != 0 && child != last && kill(child, SIGKILL) == 0)
        ++*kills;
}

Test(enumerate, a_world_whose_process_is_killed_has_died)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    struct enumerate_config config = crash_every(scenario);
    int kills = 0;
    config.jobs = 1;
    config.progress = kill_next;
    config.progress_self = &kills;
    struct enumeration *result = enumerate(&config);
    cr_assert_eq(kills, KILLS);
    cr_expect_gt(result->outcomes[ENUMERATE_DIED], 0);
    cr_expect_geq(result->count, result->boundaries, "the others are made");
    for (uint64_t i = 0; i < result->count; i++) {
        const struct enumerate_world *world = &result->worlds[i];
        if (world->outcome == ENUMERATE_DIED)
            cr_expect_eq(world->signal, SIGKILL);
    }
    enumerate_free(result);
    scenario_free(scenario);
}

/* Names ------------------------------------------------------------------- */

/* The names of all boundaries of one run, met in a watched trial. */
struct names {
    const struct scenario *scenario;
    struct boundary met[NAMES_MAX];
    char *text[NAMES_MAX];
    uint32_t count;
};

static const struct fault_rule *
keep_name(void *self, const struct engine_site *site, uint64_t *matches)
{
    struct names *names = self;
    char text[BOUNDARY_NAME_SIZE];
    (void)matches;
    if (site->run != 1 || !boundary_at(BOUNDARY_CRASH, site->point))
        return NULL;
    struct boundary *at = &names->met[names->count];
    *at = (struct boundary){*site, 1, BOUNDARY_CRASH};
    for (uint32_t i = 0; i < names->count; i++)
        at->hit += memcmp(&names->met[i].site, site, sizeof(*site)) == 0;
    boundary_name(names->scenario, at, text, sizeof(text));
    cr_assert_lt(names->count, NAMES_MAX - 1);
    names->text[names->count++] = strdup(text);
    return NULL;
}

static struct names *names_of(const struct scenario *scenario, bool faultless)
{
    char message[512];
    struct trial_result result;
    struct names *names = calloc(1, sizeof(*names));
    names->scenario = scenario;
    struct trial_watch watch = {.site = keep_name, .self = names};
    struct trial trial = {.scenario = scenario,
                          .seed = 3,
                          .faultless = faultless,
                          .watch = &watch};
    cr_assert_eq(trial_run(&trial, &result, message, sizeof(message)), 0);
    return names;
}

static void names_free(struct names *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        free(names->text[i]);
    free(names);
}

Test(enumerate, a_rule_about_another_run_renames_no_boundary)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 2);
    struct fault_rule rule;
    struct engine_site site = {0};
    char message[256];
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    site.point = fault_point_find(points, count, "worker/report/before");
    site.node = 64;
    site.run = 2;
    site.op = 5;
    site.attempt = 1;
    struct boundary far = {site, 1, BOUNDARY_CRASH};
    boundary_rule(scenario, &far, &rule);
    rule.nodes.count = 0;
    scenario->plan.count = 0;
    cr_assert_eq(
        fault_plan_add(&scenario->plan, &rule, message, sizeof(message)), 0);
    struct names *plain = names_of(scenario, true);
    struct names *with = names_of(scenario, false);
    uint32_t same = 0;
    for (uint32_t i = 0; i < plain->count; i++)
        for (uint32_t k = 0; k < with->count; k++)
            same += strcmp(plain->text[i], with->text[k]) == 0;
    cr_expect_gt(plain->count, 100);
    cr_expect_geq(same, plain->count * 9 / 10, "%u of %u", same, plain->count);
    names_free(plain);
    names_free(with);
    scenario_free(scenario);
}

Test(enumerate, names_tell_all_boundaries_apart)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 2);
    struct names *names = names_of(scenario, true);
    for (uint32_t i = 0; i < names->count; i++)
        for (uint32_t k = 0; k < i; k++)
            cr_expect_str_neq(names->text[i], names->text[k]);
    names_free(names);
    scenario_free(scenario);
}

/* One world --------------------------------------------------------------- */

Test(enumerate, a_name_finds_its_world_again)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    struct enumerate_config config = crash_every(scenario);
    char names[2][BOUNDARY_NAME_SIZE];
    config.depth = 2;
    config.only[0] = first;
    config.limit = 5;
    struct enumeration *all = enumerate(&config);
    cr_assert_eq(all->count, 6);
    const struct enumerate_world *wanted = &all->worlds[4];
    boundary_name(scenario, &wanted->at[0], names[0], sizeof(names[0]));
    boundary_name(scenario, &wanted->at[1], names[1], sizeof(names[1]));
    config.no_fork = true;
    config.only[0] = names[0];
    config.only[1] = names[1];
    struct enumeration *one = enumerate(&config);
    cr_assert_eq(one->count, 1);
    cr_expect(memcmp(&one->worlds[0].digest, &wanted->digest,
                     sizeof(wanted->digest)) == 0);
    enumerate_free(all);
    enumerate_free(one);
    scenario_free(scenario);
}

Test(enumerate, a_name_that_nothing_has_is_refused)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    struct enumerate_config config = crash_every(scenario);
    config.no_fork = true;
    config.only[0] = "worker 1, worker/claim/before, run 9, hit 1";
    expect_refused(&config, ENUMERATE_ENAME, "worker/claim/before, run 9");
    scenario_free(scenario);
}

/* Defects ----------------------------------------------------------------- */

Test(enumerate_all, a_crash_between_two_halves_of_a_commit_is_found)
{
    static const char *const defect = "split_txn_dispatch";
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    struct enumerate_config config = crash_every(scenario);
    config.defects = &defect;
    config.defect_count = 1;
    struct enumeration *result = enumerate(&config);
    cr_expect_eq(result->golden.failed, 0, "without a crash nobody sees it");
    cr_expect_gt(result->outcomes[ENUMERATE_FAILED], 0);
    cr_expect_gt(result->outcomes[ENUMERATE_HELD], 0);
    enumerate_free(result);
    scenario_free(scenario);
}

Test(enumerate, a_run_that_fails_without_faults_is_not_broken)
{
    static const char *const defect = "start_ack_early";
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 10);
    struct enumerate_config config = crash_every(scenario);
    config.defects = &defect;
    config.defect_count = 1;
    expect_refused(&config, ENUMERATE_EGOLDEN, "fails by itself");
    scenario_free(scenario);
}

Test(enumerate, a_run_that_does_not_end_without_faults_is_not_broken)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    struct enumerate_config config = crash_every(scenario);
    scenario->limit_ns = 1000000;
    expect_refused(&config, ENUMERATE_ECUT, "does not come to its end");
    scenario_free(scenario);
}

Test(enumerate, a_world_without_engine_is_refused)
{
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    struct enumerate_config config = crash_every(scenario);
    scenario->mode = SCENARIO_MODE_CAPACITY;
    expect_refused(&config, ENUMERATE_EWORLD, "capacity");
    scenario_free(scenario);
}

/* Entries ------------------------------------------------------------------ */

/* A scenario's text with these faults in it. */
static struct scenario *with_fault(const char *entry)
{
    struct report_buffer text;
    struct json_error error = {0};
    report_buffer_init(&text);
    report_buffer_print(&text,
                        "{\"why\": \"A fault.\", \"extends\": "
                        "\"order.json\", \"faults\": [%s]}",
                        entry);
    struct scenario *base = read_scenario("scenarios/small/order.json", 1);
    struct scenario_source *sources =
        calloc(base->source_count + 1, sizeof(*sources));
    sources[0] = (struct scenario_source){(char *)(uintptr_t) "s.json",
                                          text.text, text.size};
    for (uint32_t i = 0; i < base->source_count; i++)
        sources[i + 1] = base->sources[i];
    struct scenario *scenario =
        scenario_read_sources(sources, base->source_count + 1, &error);
    cr_assert_not_null(scenario, "%s: %s", error.text, entry);
    free(sources);
    report_buffer_free(&text);
    scenario_free(base);
    return scenario;
}

Test(enumerate_all, an_entry_of_faults_is_the_same_rule)
{
    static const enum boundary_way ways[] = {
        BOUNDARY_CRASH, BOUNDARY_LOSE, BOUNDARY_PAUSE, BOUNDARY_DUPLICATE};
    struct scenario *scenario = read_scenario("scenarios/small/order.json", 1);
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        struct enumerate_config config = crash_every(scenario);
        config.ways[0] = ways[i];
        struct enumeration *all = enumerate(&config);
        cr_expect_eq(all->outcomes[ENUMERATE_HELD], all->count, "%s",
                     boundary_way_name(ways[i]));
        for (uint64_t w = 0; w < all->count; w += 1 + all->count / 20) {
            struct fault_rule rule;
            struct report_buffer entry;
            report_buffer_init(&entry);
            cr_assert(boundary_entry(scenario, &all->worlds[w].at[0], &entry));
            struct scenario *read = with_fault(entry.text);
            boundary_rule(scenario, &all->worlds[w].at[0], &rule);
            cr_assert_eq(read->plan.count, 1);
            cr_expect_eq(fault_rule_key(&read->plan.rules[0], points, count),
                         fault_rule_key(&rule, points, count), "%s",
                         entry.text);
            scenario_free(read);
            report_buffer_free(&entry);
        }
        enumerate_free(all);
    }
    scenario_free(scenario);
}
