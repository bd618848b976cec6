/*
 * Shrinking with an oracle that is told what it takes to fail: no world runs.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/shrink.h"
#include "scenarios/shrink_edit.h"

static const char *const wanted[] = {"b", "e", "h"};

/* Fails if all wanted faults, two runs and the node "core" are there. */
struct judge {
    uint64_t asked;
    uint64_t runs_least;
    bool ever_wrong; /* the document was once one that does not fail */
};

static bool has_named(const cJSON *list, const char *key, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *found = cJSON_GetObjectItemCaseSensitive(item, key);
        if (cJSON_IsString(found) && strcmp(found->valuestring, name) == 0)
            return true;
    }
    return false;
}

static double number(const cJSON *document, const char *section,
                     const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(document, section), key);
    return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

static bool fails(void *self, const cJSON *document, struct shrink_seen *seen)
{
    struct judge *judge = self;
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(document, "faults");
    const cJSON *workflow =
        cJSON_GetObjectItemCaseSensitive(document, "workflow");
    judge->asked++;
    memset(seen, 0, sizeof(*seen));
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
        if (!has_named(faults, "name", wanted[i]))
            return false;
    return number(document, "load", "runs") >= (double)judge->runs_least &&
           has_named(cJSON_GetObjectItemCaseSensitive(workflow, "nodes"),
                     "name", "core");
}

static cJSON *big(void)
{
    return cJSON_Parse(
        "{\"why\": \"w\", \"workflow\": {\"name\": \"x\", \"nodes\": "
        "[{\"name\": \"a\"}, {\"name\": \"core\", \"timeout\": \"30s\"}, "
        "{\"name\": \"c\"}], \"edges\": [[\"a.out\", \"core.in\"], "
        "[\"core.out\", \"c.in\"]]},"
        "\"engine\": {\"lease\": \"17.345s\", \"coordinators\": 3},"
        "\"load\": {\"arrivals\": {\"every\": \"1s\"}, \"runs\": 100},"
        "\"faults\": [{\"name\": \"a\"}, {\"name\": \"b\"}, {\"name\": \"c\"},"
        "{\"name\": \"d\"}, {\"name\": \"e\"}, {\"name\": \"f\"},"
        "{\"name\": \"g\"}, {\"name\": \"h\"}, {\"name\": \"i\"}],"
        "\"expect\": {\"stuck runs\": 0}, \"limit\": \"2h\"}");
}

static cJSON *shrunk(struct judge *judge, uint64_t trials,
                     struct shrink_result *result)
{
    struct shrink_seen *seen = calloc(1, sizeof(*seen));
    struct shrink_oracle oracle = {
        .fails = fails, .self = judge, .trials_max = trials};
    cJSON *document = big();
    cr_assert(seen && document);
    cr_assert(fails(judge, document, seen));
    judge->asked = 0;
    cr_assert_eq(shrink(&document, seen, &oracle, result), 0);
    cr_assert_eq(judge->asked, result->trials);
    cr_expect(fails(judge, document, seen), "it does not fail any more");
    free(seen);
    return document;
}

Test(scenarios_shrink, what_is_left_is_what_the_failure_takes)
{
    struct judge judge = {.runs_least = 2};
    struct shrink_result result;
    cJSON *document = shrunk(&judge, 0, &result);
    cr_expect(result.whole);
    cr_expect_eq(result.before.faults, 9);
    cr_expect_eq(result.before.runs, 100);
    cr_expect_eq(result.before.nodes, 3);
    cr_expect_eq(result.after.faults, 3);
    cr_expect_eq(result.after.runs, 2);
    cr_expect_eq(result.after.nodes, 1);
    cr_expect_null(cJSON_GetObjectItemCaseSensitive(document, "engine"));
    cr_expect_null(cJSON_GetObjectItemCaseSensitive(document, "expect"));
    cr_expect_str_eq(
        cJSON_GetObjectItemCaseSensitive(document, "limit")->valuestring,
        "10s");
    cJSON_Delete(document);
}

/* No single fault, run or node can be taken away any more. */
Test(scenarios_shrink, nothing_more_can_be_taken_away)
{
    struct judge judge = {.runs_least = 3};
    struct shrink_result result;
    struct shrink_seen *seen = calloc(1, sizeof(*seen));
    cJSON *document = shrunk(&judge, 0, &result);
    for (int i = 0; i < 3; i++) {
        cJSON *twin = cJSON_Duplicate(document, true);
        cJSON_DeleteItemFromArray(
            cJSON_GetObjectItemCaseSensitive(twin, "faults"), i);
        cr_expect_not(fails(&judge, twin, seen));
        cJSON_Delete(twin);
    }
    cr_expect_eq(number(document, "load", "runs"), 3);
    free(seen);
    cJSON_Delete(document);
}

Test(scenarios_shrink, equal_numbers_of_trials_give_equal_results)
{
    for (uint64_t trials = 1; trials < 60; trials += 7) {
        struct judge judge = {.runs_least = 2};
        struct shrink_result result;
        cJSON *one = shrunk(&judge, trials, &result);
        cr_expect_leq(result.trials, trials);
        cJSON *two = shrunk(&judge, trials, &result);
        cr_expect(cJSON_Compare(one, two, true));
        cJSON_Delete(one);
        cJSON_Delete(two);
    }
}

Test(scenarios_shrink, a_result_that_was_cut_off_says_so)
{
    struct judge judge = {.runs_least = 2};
    struct shrink_result result;
    cJSON *document = shrunk(&judge, 3, &result);
    cr_expect_not(result.whole);
    cJSON_Delete(document);
}

static char *edited(const char *text, void (*edit)(cJSON *document))
{
    cJSON *document = cJSON_Parse(text);
    cr_assert(document, "%s", text);
    edit(document);
    char *after = cJSON_PrintUnformatted(document);
    cJSON_Delete(document);
    return after;
}

static void drop_middle(cJSON *document)
{
    const bool gone[] = {false, true, false};
    shrink_edit_drop_nodes(document, shrink_edit_holder(document, 0), gone,
                           true);
}

Test(scenarios_shrink, a_node_that_goes_leaves_a_bridge)
{
    char *after = edited(
        "{\"workflow\":{\"nodes\":[{\"name\":\"a\"},{\"name\":\"b\"},"
        "{\"name\":\"c\"}],\"edges\":[[\"a.out\",\"b.in\"],[\"b.out\","
        "\"c.in\"]]},\"steps\":{\"b\":{},\"c\":{}},\"faults\":[{\"of\":\"b\"},"
        "{\"of\":\"c\"}]}",
        drop_middle);
    cr_expect_str_eq(after,
                     "{\"workflow\":{\"nodes\":[{\"name\":\"a\"},{\"name\":"
                     "\"c\"}],\"edges\":[[\"a.out\",\"c.in\"]]},\"steps\":"
                     "{\"c\":{}},\"faults\":[{},{\"of\":\"c\"}]}");
    cJSON_free(after);
}

static void drop_first_run(cJSON *document)
{
    const bool gone[] = {true, false, false};
    cr_expect(shrink_edit_drop_runs(document, gone));
}

Test(scenarios_shrink, a_run_that_goes_renumbers_the_faults_of_the_others)
{
    char *after = edited(
        "{\"load\":{\"arrivals\":{\"at\":[\"0s\",\"1s\",\"2s\"]},\"runs\":3},"
        "\"faults\":[{\"run\":3},{\"run\":1,\"nth\":1}]}",
        drop_first_run);
    cr_expect_str_eq(after,
                     "{\"load\":{\"arrivals\":{\"at\":[\"1s\",\"2s\"]},"
                     "\"runs\":2},\"faults\":[{\"run\":2},{\"nth\":1}]}");
    cJSON_free(after);
}

static void spread_runs(cJSON *document)
{
    cr_expect(shrink_edit_load(document, 4, 100, SHRINK_LOAD_SPREAD));
}

Test(scenarios_shrink, fewer_runs_may_take_as_long_as_all_did)
{
    char *after =
        edited("{\"load\":{\"arrivals\":{\"rate\":\"10/s\"},\"runs\":100}}",
               spread_runs);
    cr_expect_str_eq(
        after, "{\"load\":{\"arrivals\":{\"every\":\"2500ms\"},\"runs\":4}}");
    cJSON_free(after);
}

static void loosen(cJSON *document)
{
    shrink_edit_loosen(cJSON_GetObjectItemCaseSensitive(document, "faults"), 3);
}

Test(scenarios_shrink, a_loosened_fault_strikes_the_first_hits)
{
    char *after =
        edited("{\"faults\":[{\"crash\":\"worker\",\"every\":10},"
               "{\"crash\":\"store\",\"every\":\"7s\"},{\"nth\":\"20-22\"},"
               "{\"swarm\":\"default\"}]}",
               loosen);
    cr_expect_str_eq(after,
                     "{\"faults\":[{\"crash\":\"worker\",\"first\":3},"
                     "{\"crash\":\"store\",\"every\":\"7s\"},{\"first\":3},"
                     "{\"swarm\":\"default\"}]}");
    cJSON_free(after);
}
