/* What docs/limits.md says, against the profiles and against real JSON. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/limits.h"
#include "engine/value.h"
#include "scenarios/read_limits.h"

static char *page(void)
{
    FILE *file = fopen("docs/limits.md", "rb");
    cr_assert(file);
    char *text = calloc(1, 65536);
    cr_assert_gt(fread(text, 1, 65535, file), 1000);
    fclose(file);
    return text;
}

static void expect_said(const char *row)
{
    char *text = page();
    cr_assert(strstr(text, row), "docs/limits.md must say: %s", row);
    free(text);
}

static void print_figure(const struct engine_limits *limits,
                         enum engine_limit limit, char text[32])
{
    uint64_t value = engine_limit_value(limits, limit);
    bool time = engine_limit_unit(limit) == ENGINE_LIMIT_NS;
    if (value == UINT64_MAX)
        snprintf(text, 32, "none");
    else
        snprintf(text, 32, "%ju%s",
                 (uintmax_t)(time ? value / 1000000000 : value),
                 time ? " s" : "");
}

Test(docs_limits, the_table_of_profiles_is_what_the_engine_holds_runs_to)
{
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++) {
        char figures[3][32];
        char row[200];
        enum engine_limit limit = (enum engine_limit)i;
        for (uint32_t j = 0; j < 3; j++)
            print_figure(engine_limits_at(j), limit, figures[j]);
        snprintf(row, sizeof(row), "\n| `%s` | %s | %s | %s | ",
                 engine_limit_name(limit), figures[0], figures[1], figures[2]);
        expect_said(row);
    }
}

/* The JSON array of n zeros, as a serialiser without blanks writes it. */
static size_t zeros_as_numbers(size_t n, char *out)
{
    size_t at = 0;
    out[at++] = '[';
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            out[at++] = ',';
        out[at++] = '0';
    }
    out[at++] = ']';
    return at;
}

static size_t zeros_as_base64(size_t n, char *out)
{
    size_t at = 0;
    out[at++] = '"';
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i < 3 ? n - i : 3;
        for (size_t j = 0; j < 4; j++)
            out[at++] = j <= left ? 'A' : '=';
    }
    out[at++] = '"';
    return at;
}

static size_t letters(size_t n, const char *letter, char *out)
{
    size_t at = 0;
    out[at++] = '"';
    for (size_t i = 0; i < n; i++) {
        for (const char *from = letter; *from; from++)
            out[at++] = *from;
    }
    out[at++] = '"';
    return at;
}

static const char *verdict(size_t size, uint64_t maximum)
{
    return size <= maximum ? "within" : "over";
}

/* The row of the page for a value that is really JSON. */
static void expect_row(const char *value, size_t memory, const char *json,
                       size_t size)
{
    const struct engine_limits *limits = engine_limits_find("seed-001");
    struct engine_value_fault fault;
    char row[300];
    cr_assert_eq(engine_value_storable(json, size, true, &fault),
                 ENGINE_ERR_NONE, "%s", fault.text);
    snprintf(row, sizeof(row), "| %s | %zu | %zu | %s | %s |", value, memory,
             size, verdict(size, limits->operation_payload_max),
             verdict(size, limits->response_max));
    expect_said(row);
}

Test(docs_limits, values_weigh_what_the_page_says)
{
    char *json = malloc(11000000);
    size_t size = zeros_as_numbers(5000000, json);
    cr_assert_eq(size, 10000001);
    expect_row("5,000,000 zero bytes, array of numbers", 5000000, json, size);
    size = zeros_as_base64(5000000, json);
    cr_assert_eq(size, 6666670);
    expect_row("5,000,000 zero bytes, base64", 5000000, json, size);
    size = zeros_as_numbers(200000, json);
    expect_row("200,000 zero bytes, array of numbers", 200000, json, size);
    size = zeros_as_base64(200000, json);
    expect_row("200,000 zero bytes, base64", 200000, json, size);
    size = letters(200000, "x", json);
    expect_row("200,000 ASCII letters", 200000, json, size);
    size = letters(600000, "ä", json);
    expect_row("600,000 letters of two bytes each", 1200000, json, size);
    free(json);
}

Test(docs_limits, the_largest_values_of_an_operation_just_fit)
{
    char *json = malloc(300000);
    uint64_t most = engine_limits_find("seed-001")->operation_payload_max;
    cr_assert_leq(zeros_as_numbers(131071, json), most);
    cr_assert_gt(zeros_as_numbers(131072, json), most);
    cr_assert_leq(zeros_as_base64(196605, json), most);
    cr_assert_gt(zeros_as_base64(196606, json), most);
    cr_assert_eq(letters(262142, "x", json), most);
    expect_said("Up to 131,071 zero bytes fit an operation as an array of "
                "numbers, 196,605 of any bytes as base64, 262,142 letters.");
    free(json);
}

/* Operations of a map over n items in batches of b, with k operations each. */
static uint64_t map_of(uint64_t n, uint64_t b, uint64_t k)
{
    return 1 + (n + b - 1) / b * (1 + k);
}

static uint64_t most_items(const char *profile)
{
    uint64_t n = 0;
    while (map_of(n + 1, 1, 1) <= engine_limits_find(profile)->operations_max)
        n++;
    return n;
}

static void expect_count(const char *what, uint64_t count)
{
    char row[200];
    snprintf(row, sizeof(row), "| %s | %ju |", what, (uintmax_t)count);
    expect_said(row);
}

Test(docs_limits, maps_make_as_many_operations_as_the_page_says)
{
    expect_count("loop over 25,000 items, one step each", 25000);
    expect_count("map over 25,000 items, one step each", map_of(25000, 1, 1));
    expect_count("map over 25,000 items in batches of 100, one step a batch",
                 map_of(25000, 100, 1));
    expect_count("most items of a map with one step each, aws",
                 most_items("aws"));
    expect_count("most items of a map with one step each, seed-001",
                 most_items("seed-001"));
}

Test(docs_limits, the_profile_of_ones_own_is_one_that_is_accepted)
{
    struct limits_profile profile;
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    char *text = page();
    char *begin = strstr(text, "```json\n");
    cr_assert(begin);
    begin += strlen("```json\n");
    char *end = strstr(begin, "```");
    cr_assert(end);
    bool ok = json_read_bytes("example", begin, (size_t)(end - begin), &doc,
                              &err) == 0 &&
              limits_profile_read(json_root(doc), "example", &profile, &err);
    cr_assert(ok, "%s", err.text);
    cr_assert_eq(profile.limits.operations_max, 500);
    json_free(doc);
    free(text);
}
