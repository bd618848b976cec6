/*
 * What a scenario says of its platforms and what its steps ask of them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/profile_values.h"
#include "scenarios/scenario.h"

#define SECOND UINT64_C(1000000000)

enum {
    TEXT_MAX = 4096,
    PROFILE_MAX = 65536
};

static char *bytes_of(const char *path)
{
    char *bytes = calloc(1, PROFILE_MAX);
    FILE *file = fopen(path, "rb");
    cr_assert(bytes && file);
    cr_assert_lt(fread(bytes, 1, PROFILE_MAX, file), PROFILE_MAX);
    (void)fclose(file);
    return bytes;
}

/* A step `a` with these members, in a scenario with those. */
static struct scenario *read_with(const char *node, const char *rest,
                                  struct json_error *err)
{
    static char names[4][32] = {"s.json", "profiles/local.json",
                                "profiles/k8s-default.json",
                                "profiles/docker-ssd.json"};
    char text[TEXT_MAX];
    snprintf(text, sizeof(text),
             "{\"why\": \"w\", \"load\": {\"arrivals\": {\"every\": \"1s\"}, "
             "\"runs\": 3},\n"
             "\"workflow\": {\"name\": \"x\", \"nodes\": [{\"name\": \"a\"%s}]}"
             ",\n%s}",
             node, rest);
    char *local = bytes_of("scenarios/profiles/local.json");
    char *pods = bytes_of("scenarios/profiles/k8s-default.json");
    char *docker = bytes_of("scenarios/profiles/docker-ssd.json");
    const struct scenario_source sources[] = {
        {names[0], text, strlen(text)},
        {names[1], local, strlen(local)},
        {names[2], pods, strlen(pods)},
        {names[3], docker, strlen(docker)}};
    struct scenario *scenario = scenario_read_sources(sources, 4, err);
    free(local);
    free(pods);
    free(docker);
    return scenario;
}

static struct scenario *accepted(const char *node, const char *rest)
{
    struct json_error err;
    struct scenario *scenario = read_with(node, rest, &err);
    cr_assert_not_null(scenario, "%s", err.text);
    return scenario;
}

static void refused(const char *node, const char *rest, const char *message)
{
    struct json_error err;
    struct scenario *scenario = read_with(node, rest, &err);
    cr_assert_null(scenario, "%s", message);
    cr_expect(strstr(err.text, message), "\n  said    %s\n  and not %s",
              err.text, message);
}

Test(scenarios_read_platforms, one_platform_has_no_name_of_its_own)
{
    struct scenario *s = accepted("", "\"platform\": {\"profile\": \"local\"}");
    cr_expect_eq(s->platform_count, 1);
    cr_expect_str_eq(s->platforms[0].name, "platform");
    cr_expect_eq(s->platforms[0].credentials.ttl_ns, 0);
    scenario_free(s);
}

Test(scenarios_read_platforms, several_are_in_the_order_of_the_file)
{
    struct scenario *s = accepted(
        ", \"platform\": [\"big\", \"fast\"]",
        "\"platforms\": {\"fast\": {\"profile\": \"local\", \"workers\": 2}, "
        "\"big\": {\"profile\": \"local\", \"workers\": 7, \"credentials\": "
        "{\"ttl\": \"1h\", \"refresh_fails\": \"1%\"}}}");
    cr_assert_eq(s->platform_count, 2);
    cr_expect_str_eq(s->platforms[0].name, "fast");
    cr_expect_str_eq(s->platforms[1].name, "big");
    cr_expect_eq(scenario_profile(s, 0)->local.workers, 2);
    cr_expect_eq(scenario_profile(s, 1)->local.workers, 7);
    cr_expect_eq(s->platforms[0].credentials.ttl_ns, 0);
    cr_expect_eq(s->platforms[1].credentials.ttl_ns, 3600 * SECOND);
    cr_expect(s->platforms[1].credentials.refresh);
    cr_expect_eq(s->platforms[1].credentials.refresh_fails_ppb, 10000000);
    scenario_free(s);
}

Test(scenarios_read_platforms, a_step_says_what_it_needs_and_its_run_more)
{
    struct scenario *s = accepted(
        ", \"needs\": {\"cpu\": \"500m\", \"memory\": \"2GiB\", "
        "\"peak_memory\": \"3GiB\", \"gpu\": 1, \"priority\": 5, \"image\": "
        "\"i:1\", \"labels\": {\"disk\": \"ssd\", \"zone\": \"a\"}}, "
        "\"run\": {\"needs\": {\"cpu\": 2.5}}",
        "\"platform\": {\"profile\": \"local\"}");
    const struct sim_needs *needs = &s->workflows[0].steps[0].needs;
    cr_expect_eq(needs->demand.cpu_milli, 2500, "the run has the last word");
    cr_expect_eq(needs->demand.memory_mb, 2048);
    cr_expect_eq(needs->demand.peak_mb, 3072);
    cr_expect_eq(needs->demand.gpus, 1);
    cr_expect_eq(needs->demand.priority, 5);
    cr_expect_neq(needs->demand.image, 0);
    cr_expect_str_eq(needs->labels[0], "disk=ssd");
    cr_expect_str_eq(needs->labels[1], "zone=a");
    cr_expect_str_eq(needs->labels[2], "");
    scenario_free(s);
}

Test(scenarios_read_platforms, a_fault_selects_a_platform_or_its_places)
{
    struct scenario *s = accepted(
        "", "\"platforms\": {\"fast\": {\"profile\": \"local\"}, \"big\": "
            "{\"profile\": \"local\"}}, \"faults\": ["
            "{\"platform\": \"throttle\", \"node\": \"platform big\"}, "
            "{\"platform\": \"outage\", \"node\": \"platform\", \"times\": "
            "[\"1m\"], \"for\": \"5s\"}, "
            "{\"crash\": \"worker\", \"node\": \"worker of big\", \"at\": "
            "\"after claim\"}]");
    cr_assert_eq(s->plan.count, 3);
    const struct fault_ranges *nodes = &s->plan.rules[0].nodes;
    cr_expect_eq(nodes->count, 1);
    cr_expect_eq(nodes->at[0].from, sim_node_platform(1));
    cr_expect_eq(s->plan.rules[1].nodes.count, 2);
    nodes = &s->plan.rules[2].nodes;
    cr_expect_eq(nodes->at[0].from, SIM_NODE_WORKER + 4064);
    cr_expect_eq(nodes->at[0].to, SIM_NODE_MAX);
    scenario_free(s);
}

Test(scenarios_read_platforms, what_cannot_be_is_refused_where_it_stands)
{
    static const char local[] = "\"platform\": {\"profile\": \"local\"}";
    refused("",
            "\"platform\": {\"profile\": \"local\"}, \"platforms\": {\"a\": "
            "{\"profile\": \"local\"}}",
            "s.json:3:35: found both \"platform\" and \"platforms\"");
    refused("", "\"platforms\": {}", "s.json:3:14: found 0 platforms");
    refused("", "\"platforms\": {\"A b\": {\"profile\": \"local\"}}",
            "found platform \"A b\", allowed names");
    refused("", "\"platforms\": {\"a\": {\"profile\": \"locl\"}}",
            "s.json:3:32: ");
    refused(
        "",
        "\"platforms\": {\"a\": {\"profile\": \"local\", \"workers\": 5000}, "
        "\"b\": {\"profile\": \"local\"}}",
        "found 5000 workers of platform \"a\", allowed at most 4064");
    refused("",
            "\"platforms\": {\"a\": {\"profile\": \"local\"}, \"b\": "
            "{\"profile\": \"local\"}, \"c\": {\"profile\": \"local\"}, \"d\": "
            "{\"profile\": \"local\"}, \"e\": {\"profile\": \"local\"}, \"f\": "
            "{\"profile\": \"local\"}, \"g\": {\"profile\": \"local\"}, \"h\": "
            "{\"profile\": \"local\"}, \"i\": {\"profile\": \"local\"}}",
            "s.json:3:14: found 9 platforms, allowed 1 to 8");
    refused(", \"platform\": [\"fast\", \"bigg\"]",
            "\"platforms\": {\"fast\": {\"profile\": \"local\"}, \"big\": "
            "{\"profile\": \"local\"}}",
            "found platform \"bigg\", allowed \"fast\", \"big\"; did you mean "
            "\"big\"?");
    refused("",
            "\"platforms\": {\"fast\": {\"profile\": \"local\"}, \"big\": "
            "{\"profile\": \"local\"}}, \"faults\": [{\"platform\": "
            "\"throttle\", \"node\": \"platform bigg\"}]",
            "found platform \"bigg\", allowed \"fast\", \"big\"; did you mean "
            "\"big\"?");
    refused("",
            "\"platforms\": {\"fast\": {\"profile\": \"local\"}, \"big\": "
            "{\"profile\": \"local\"}}, \"faults\": [{\"crash\": \"worker\", "
            "\"node\": \"worker of fats\", \"at\": \"after claim\"}]",
            "found platform \"fats\", allowed \"fast\", \"big\"; did you mean "
            "\"fast\"?");
    refused("",
            "\"platform\": {\"profile\": \"local\"}, \"expect\": "
            "{\"starts:locl\": 1}",
            "found platform \"locl\", allowed \"platform\"");
    refused(", \"needs\": {\"memory\": \"2\"}", local,
            "memory size without a unit: write e.g. \"512MB\"");
    refused("",
            "\"platform\": {\"profile\": \"local\", \"credentials\": "
            "{\"ttl\": \"1ms\"}}",
            "s.json:3:57: found the string");
    refused(", \"needs\": {\"cpu\": \"500\"}", local,
            "found \"500\" processors, allowed a number as 0.5");
    refused(", \"needs\": {\"cpus\": 1}", local, "found key \"cpus\"");
    refused(", \"needs\": {\"gpu\": -1}", local, "found the number -1");
    refused(", \"needs\": {\"labels\": {\"a\": \"1\", \"b\": \"1\", \"c\": "
            "\"1\", \"d\": \"1\", \"e\": \"1\"}}",
            local, "found more labels, allowed up to 4");
}

/* A graph's step of 60 s by itself; the function's time as given. */
static const char *attempt_on_lambda(const char *more, const char *timeout,
                                     struct json_error *err)
{
    char path[] = "/tmp/read-platforms-XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_gt(dprintf(file,
                         "{\"why\": \"w\", \"load\": {\"arrivals\": "
                         "{\"every\": \"1s\"}, \"runs\": 3},\n"
                         "\"workflow\": {\"name\": \"x\"%s, \"nodes\": "
                         "[{\"name\": \"a\", \"side_effect\": "
                         "\"read_only\"}]},\n\"platforms\": {\"few\": "
                         "{\"profile\": \"local\"}, \"fast\": {\"profile\": "
                         "\"lambda-2026\", \"timeout\": \"%s\"}}}",
                         more, timeout),
                 0);
    cr_assert_eq(close(file), 0);
    struct scenario *scenario = scenario_read(path, err);
    (void)remove(path);
    const char *said = scenario ? "" : err->text;
    scenario_free(scenario);
    return said;
}

Test(scenarios_read_platforms, a_step_has_no_more_time_than_its_platform_gives)
{
    static const char both[] = ", \"platform\": [\"few\", \"fast\"]";
    struct json_error err;
    cr_expect_str_eq(attempt_on_lambda(both, "60s", &err), "");
    cr_expect_str_eq(attempt_on_lambda("", "59s", &err), "", "it runs on few");
    const char *said = attempt_on_lambda(both, "59s", &err);
    cr_expect(strstr(said, ":3:14: found a timeout of 60 s of step \"a\", "
                           "allowed at most 59 s, what platform \"fast\" "
                           "gives an attempt"),
              "%s", said);
    cr_expect_str_eq(attempt_on_lambda(", \"run_as\": \"handler\", "
                                       "\"platform\": \"fast\"",
                                       "59s", &err),
                     "", "the next invocation goes on");
}

static void expect_dispatch(const char *rest, uint64_t timeout_ns,
                            const char *why)
{
    struct scenario *s = accepted("", rest);
    cr_expect_eq(s->engine.dispatch_timeout_ns, timeout_ns, "%s", rest);
    if (why)
        cr_expect(
            s->engine.dispatch_timeout_why &&
                strncmp(s->engine.dispatch_timeout_why, why, strlen(why)) == 0,
            "%s", rest);
    else
        cr_expect_null(s->engine.dispatch_timeout_why, "%s", rest);
    scenario_free(s);
}

Test(scenarios_read_platforms, work_is_sent_again_after_the_slowest_ones_start)
{
    expect_dispatch("\"platform\": {\"profile\": \"local\"}", SECOND, NULL);
    expect_dispatch("\"platform\": {\"profile\": \"k8s-default\"}",
                    120 * SECOND, "kubernetes: ");
    expect_dispatch("\"platforms\": {\"a\": {\"profile\": \"docker-ssd\"}, "
                    "\"b\": {\"profile\": \"k8s-default\"}, \"c\": "
                    "{\"profile\": \"local\"}}",
                    120 * SECOND, "kubernetes: ");
    expect_dispatch("\"engine\": {\"dispatch_timeout\": \"3s\"}, "
                    "\"platform\": {\"profile\": \"k8s-default\"}",
                    3 * SECOND, NULL);
}
