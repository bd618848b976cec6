#include <criterion/criterion.h>
#include <string.h>

#include "scenarios/profile.h"
#include "tests/support/k8s_bed.h"

#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)

static bool read_real(const char *json, struct profile *profile,
                      struct json_error *err)
{
    struct data_dir dir = {.dir = "scenarios"};
    struct data_files files = data_dir_files(&dir);
    struct json_doc *doc = NULL;
    *err = (struct json_error){0};
    bool ok = json_read_bytes("s.json", json, strlen(json), &doc, err) == 0 &&
              profile_read(json_root(doc), &files, profile, err);
    json_free(doc);
    data_dir_deinit(&dir);
    return ok;
}

static struct profile profile_of(const char *json)
{
    struct profile profile;
    struct json_error err;
    cr_assert(read_real(json, &profile, &err), "%s", err.text);
    return profile;
}

static void expect_error(const char *json, const char *error)
{
    struct profile profile;
    struct json_error err;
    cr_assert_not(read_real(json, &profile, &err), "%s", json);
    cr_assert_str_eq(err.text, error, "%s", err.text);
}

/* One job at a time on the profile as it is, the image there. */
Test(scenarios_profile_k8s, pods_start_within_5_s_in_99_of_100_cases)
{
    static const struct sim_demand plain = {.name = "plain", .image = 1};
    struct profile profile = profile_of("{\"profile\": \"k8s-default\"}");
    struct k8s_bed bed = {
        .config = profile.k8s.config, .seed = 3, .work_ns = SECOND};
    uint32_t late = 0;
    uint64_t sum = 0;
    k8s_bed_begin(&bed);
    for (uint32_t i = 0; i < 1100; i++) {
        k8s_bed_submit(&bed, i, &plain);
        k8s_bed_run(&bed, SECOND);
    }
    k8s_bed_run(&bed, MINUTE);
    for (uint32_t i = 100; i < 1100; i++) {
        uint64_t ns =
            k8s_bed_when(&bed, SIM_ACTION_START, i, 0, 0) -
            k8s_bed_when(&bed, SIM_ACTION_STATE, i, SIM_K8S_PENDING, 0);
        late += ns > 5 * SECOND;
        sum += ns;
    }
    cr_assert_leq(late, 10);
    cr_assert_gt(sum / 1000, SECOND, "not faster than a sandbox can be");
    k8s_bed_end(&bed);
}

static uint64_t replaced_after(const char *json)
{
    static const struct sim_demand plain = {.name = "plain", .image = 1};
    struct profile profile = profile_of(json);
    struct k8s_bed bed = {
        .config = profile.k8s.config, .seed = 3, .work_ns = 30 * MINUTE};
    k8s_bed_begin(&bed);
    k8s_bed_submit(&bed, 0, &plain);
    k8s_bed_run(&bed, 5 * MINUTE);
    k8s_bed_fail_host(
        &bed, k8s_bed_find(&bed, SIM_ACTION_START, 0, 0, 0)->action.host);
    k8s_bed_run(&bed, 20 * MINUTE);
    uint64_t ns =
        k8s_bed_when(&bed, SIM_ACTION_STATE, 0, SIM_K8S_JOB_BACKOFF, 0);
    k8s_bed_end(&bed);
    return ns - 5 * MINUTE;
}

Test(scenarios_profile_k8s, a_dead_node_is_noticed_10_s_later_than_it_was)
{
    uint64_t now = replaced_after("{\"profile\": \"k8s-default\", "
                                  "\"overrides\": {\"node_repair\": \"1h\"}}");
    uint64_t legacy =
        replaced_after("{\"profile\": \"k8s-legacy\", "
                       "\"overrides\": {\"node_repair\": \"1h\"}}");
    cr_assert_eq(now - legacy, 10 * SECOND);
    cr_assert_geq(now, 340 * SECOND);
    cr_assert_leq(now, 355 * SECOND);
}

Test(scenarios_profile_k8s, a_profile_makes_a_cluster_of_its_nodes)
{
    static const struct sim_demand plain = {.name = "plain"};
    struct sim_model model;
    struct profile profile =
        profile_of("{\"profile\": \"k8s-default\", \"nodes\": 3, "
                   "\"gpu_nodes\": 2}");
    cr_assert_eq(profile_model(&profile, &plain, 1, 1, &model), 0);
    cr_assert_str_eq(model.ops->kind, "kubernetes");
    cr_assert_eq(model.ops->counts(model.self)->hosts, 5);
    model.ops->free(model.self);
}

Test(scenarios_profile_k8s, what_makes_no_sense_is_refused_where_it_stands)
{
    expect_error("{\"profile\": \"k8s-default\", \"nodes\": -1}",
                 "s.json:1:37: found the number -1 for \"nodes\", allowed an "
                 "integer from 0 to 9007199254740991");
    expect_error("{\"profile\": \"k8s-default\", \"node_label\": \"gpu\"}",
                 "s.json:1:42: found \"gpu\", allowed a label such as "
                 "\"pool=default\"");
    expect_error("{\"profile\": \"k8s-default\", \"overrides\": "
                 "{\"monitor_grace\": \"9s\"}}",
                 "s.json:1:59: found less than heartbeat, allowed at least as "
                 "much");
    expect_error("{\"profile\": \"k8s-default\", \"overrides\": "
                 "{\"schedule_rate\": \"0/s\"}}",
                 "s.json:1:59: found a rate that is out of range, allowed for "
                 "example \"100/s\"");
    struct profile profile;
    struct json_error err;
    cr_assert_not(read_real("{\"profile\": \"k8s-defalt\"}", &profile, &err));
    cr_assert_not_null(strstr(err.text, "did you mean \"k8s-default\"?"));
}
