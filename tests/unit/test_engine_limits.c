#include "engine/limits.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static uint64_t value_of(const char *profile, const char *name)
{
    const struct engine_limits *limits = engine_limits_find(profile);
    enum engine_limit limit = engine_limit_find(name);
    cr_assert(limits && limit < ENGINE_LIMIT_COUNT, "%s %s", profile, name);
    return engine_limit_value(limits, limit);
}

Test(engine_limits, seed_001_has_the_nine_rows_of_its_summary_table)
{
    static const struct {
        const char *name;
        uint64_t value;
    } table[] = {
        {"execution_duration", 31536000 * SECOND},
        {"wait_min", SECOND},
        {"wait_max", 31536000 * SECOND},
        {"response", 6291456},
        {"op_payload", 262144},
        {"input", 262144},
        {"history_ops", 25000},
        {"batch", 768000},
        {"callback_timeout_max", 31536000 * SECOND},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        cr_assert_eq(value_of("seed-001", table[i].name), table[i].value, "%s",
                     table[i].name);
}

Test(engine_limits, aws_has_the_figures_of_the_service)
{
    static const struct {
        const char *name;
        uint64_t value;
    } table[] = {
        {"execution_duration", 31622400 * SECOND},
        {"wait_min", SECOND},
        {"wait_max", 31622400 * SECOND},
        {"input", 6291456},
        {"response", 6291456},
        {"op_payload", 262144},
        {"error", 32768},
        {"batch", 768000},
        {"batch_updates", 250},
        {"history_ops", 3000},
        {"written", 104857600},
        {"callback_timeout_max", 31622400 * SECOND},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        cr_assert_eq(value_of("aws", table[i].name), table[i].value, "%s",
                     table[i].name);
}

Test(engine_limits, inline_1mb_means_a_million_bytes_and_spills_the_rest)
{
    const struct engine_limits *limits = engine_limits_find("inline-1mb");
    cr_assert_eq(limits->inline_max, 1000000);
    cr_assert_eq(limits->spill, 1);
    cr_assert_geq(limits->operation_payload_max, limits->inline_max);
    cr_assert_leq(2 * limits->operation_payload_max, limits->batch_max);
    cr_assert_gt(3 * limits->operation_payload_max, limits->batch_max);
}

Test(engine_limits, two_full_operations_fit_a_batch_of_seed_001_three_do_not)
{
    const struct engine_limits *limits = engine_limits_find("seed-001");
    cr_assert_leq(2 * limits->operation_payload_max, limits->batch_max);
    cr_assert_gt(3 * limits->operation_payload_max, limits->batch_max);
}

Test(engine_limits, every_built_in_profile_agrees_with_itself)
{
    uint32_t count = 0;
    for (const struct engine_limits *limits; (limits = engine_limits_at(count));
         count++) {
        enum engine_limit against = ENGINE_LIMIT_run_max_ns;
        cr_assert_eq(engine_limits_check(limits, &against), ENGINE_LIMIT_COUNT,
                     "%s", limits->name);
        cr_assert_eq(against, ENGINE_LIMIT_COUNT);
        cr_assert_eq(engine_limits_find(limits->name), limits);
        for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++)
            cr_assert_neq(engine_limit_origin(limits, (enum engine_limit)i)[0],
                          '\0');
    }
    cr_assert_eq(count, 3);
    cr_assert_null(engine_limits_find("AWS"));
}

Test(engine_limits, names_are_found_again_and_are_unique)
{
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++) {
        const char *name = engine_limit_name((enum engine_limit)i);
        cr_assert_eq(engine_limit_find(name), (enum engine_limit)i);
        cr_assert_neq(engine_limit_note((enum engine_limit)i)[0], '\0');
    }
    cr_assert_eq(engine_limit_find(""), ENGINE_LIMIT_COUNT);
    cr_assert_eq(engine_limit_find("wait_min_ns"), ENGINE_LIMIT_COUNT);
}

Test(engine_limits, what_is_set_is_read_back_and_nothing_else_changes)
{
    const struct engine_limits *base = engine_limits_at(0);
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++) {
        struct engine_limits limits = *base;
        engine_limit_set(&limits, (enum engine_limit)i, 4711 + i);
        for (unsigned j = 0; j < ENGINE_LIMIT_COUNT; j++) {
            enum engine_limit limit = (enum engine_limit)j;
            cr_assert_eq(engine_limit_value(&limits, limit),
                         i == j ? 4711 + i : engine_limit_value(base, limit));
        }
    }
}

/* What check says after one limit of seed-001 was changed. */
static const char *broken(const char *name, uint64_t value, const char **other)
{
    struct engine_limits limits = *engine_limits_find("seed-001");
    enum engine_limit against;
    engine_limit_set(&limits, engine_limit_find(name), value);
    enum engine_limit wrong = engine_limits_check(&limits, &against);
    *other = against < ENGINE_LIMIT_COUNT ? engine_limit_name(against) : "";
    return wrong < ENGINE_LIMIT_COUNT ? engine_limit_name(wrong) : "";
}

Test(engine_limits, contradictions_are_named_and_equality_is_none)
{
    static const struct {
        const char *name;
        uint64_t value; /* the largest or smallest that is right */
        int step;       /* to the first that is wrong */
        const char *wrong;
        const char *against;
    } table[] = {
        {"wait_min", 31536000 * SECOND, 1, "wait_min", "wait_max"},
        {"wait_max", SECOND, -1, "wait_min", "wait_max"},
        {"response", 104857600, 1, "response", "result"},
        {"result", 6291456, -1, "response", "result"},
        {"inline", 262144, 1, "inline", "op_payload"},
        {"op_payload", 262144, -1, "inline", "op_payload"},
        {"op_payload", 768000, 1, "op_payload", "batch"},
        {"batch", 262144, -1, "op_payload", "batch"},
        {"error", 768000, 1, "error", "batch"},
        {"invoke_depth", 10, -1, "invoke_depth_warning", "invoke_depth"},
        {"history_ops", 1, -1, "history_ops", "history_ops"},
        {"concurrency", 1, -1, "concurrency", "concurrency"},
        {"name", 1, -1, "name", "name"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const char *against;
        uint64_t wrong = table[i].value + (uint64_t)(int64_t)table[i].step;
        cr_assert_str_empty(broken(table[i].name, table[i].value, &against),
                            "%s", table[i].name);
        cr_assert_str_eq(broken(table[i].name, wrong, &against),
                         table[i].wrong);
        cr_assert_str_eq(against, table[i].against);
    }
}

Test(engine_limits, no_least_wait_and_no_invokes_at_all_are_allowed)
{
    struct engine_limits limits = *engine_limits_find("seed-001");
    enum engine_limit against;
    limits.wait_min_ns = 0;
    limits.invoke_depth_max = 0;
    limits.invoke_depth_near = 0;
    cr_assert_eq(engine_limits_check(&limits, &against), ENGINE_LIMIT_COUNT);
}

Test(engine_limits, a_history_of_25000_is_near_at_20000_and_23750)
{
    cr_assert_eq(engine_limit_near(25000, 19998, 19999), 0);
    cr_assert_eq(engine_limit_near(25000, 19999, 20000), 800);
    cr_assert_eq(engine_limit_near(25000, 20000, 20001), 0);
    cr_assert_eq(engine_limit_near(25000, 23749, 23750), 950);
    cr_assert_eq(engine_limit_near(25000, 0, 25000), 950);
    cr_assert_eq(engine_limit_near(25000, 23750, 25000), 0);
}

Test(engine_limits, counting_up_by_ones_warns_exactly_once_a_threshold)
{
    for (uint64_t maximum = 1; maximum <= 300; maximum++) {
        unsigned at_800 = 0;
        unsigned at_950 = 0;
        for (uint64_t used = 0; used < maximum; used++) {
            uint32_t near = engine_limit_near(maximum, used, used + 1);
            if (near == 0)
                continue;
            cr_assert_geq((used + 1) * 1000, maximum * near);
            cr_assert_lt(used * 1000, maximum * near);
            at_800 += near == 800;
            at_950 += near == 950;
        }
        cr_assert_eq(at_950, 1);
        cr_assert_leq(at_800, 1);
        cr_assert(at_800 == 1 || maximum < 5, "%lu", (unsigned long)maximum);
    }
}

Test(engine_limits, the_largest_maxima_do_not_overflow)
{
    uint64_t most = UINT64_MAX - 1;
    cr_assert_eq(engine_limit_near(most, 0, most), 950);
    cr_assert_eq(engine_limit_near(most, 0, most / 10 * 9), 800);
    cr_assert_eq(engine_limit_near(most, 0, most / 2), 0);
    cr_assert_eq(engine_limit_near(UINT64_MAX, 0, UINT64_MAX - 1), 0);
}
