/*
 * How findings are told, of findings that are made up: the same every time.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/host/json.h"
#include "scenarios/measure/found.h"
#include "tests/support/golden.h"

#define DAY (86400 * UINT64_C(1000000000))
#define MS UINT64_C(1000000)

static struct measure_repeats around(uint64_t value)
{
    struct measure_repeats repeats = {.count = 0};
    for (uint64_t i = 0; i < 5; i++)
        measure_add(&repeats, value + i * value / 50);
    return repeats;
}

static struct measure_growth growth(const char *name, uint32_t steps,
                                    uint32_t size, uint64_t bytes)
{
    return (struct measure_growth){
        .shape = {name, MEASURE_HANDLER, steps, size},
        .runs = 100,
        .before = {.used_bytes = 40960, .file_bytes = 40960},
        .after = {.runs = 100,
                  .events = 100 * (2 * steps + 6),
                  .rows = 100 * (steps + 2),
                  .log_bytes = 80 * bytes,
                  .used_bytes = 40960 + 100 * bytes,
                  .file_bytes = 1 << 20},
        .archived = true,
        .left = {.runs = 100, .used_bytes = 49152},
        .archive_bytes = 130 * bytes};
}

static void make_up(struct measure_found *f)
{
    static const struct measure_ranks ranks = {3 * MS, 9 * MS, 30 * MS, 400};
    *f = (struct measure_found){
        .version = "0.0.0",
        .machine = {"A <processor>", "System 1", 2, "abcd"},
        .load_milli = 250,
        .took_ns = 17 * 1000 * MS,
        .place = {"/data", "ext4", "/dev/x", "rw", false},
        .runs = 2000,
        .repeats = 5,
        .sync_grows = ranks,
        .sync_over = {2 * MS, 4 * MS, 5 * MS, 400},
        .commits = {{1, false, ranks, around(300)},
                    {100, true, {20000, 90000, MS, 400}, around(45000)}},
        .commit_count = 2,
        .chain_ns = 74,
        .blob_ns = 283000,
        .overhead = {.shape = {"ten", MEASURE_HANDLER, 10, 100},
                     .in_flight = 64},
        .alone_shape = {"one", MEASURE_HANDLER, 1, 100},
        .alone = {MS, 10 * MS, 11 * MS, 200},
        .alone_events = 8,
        .growths = {growth("ten", 10, 100, 3400), growth("ten", 10, 100, 7500),
                    growth("large", 1, 100000, 101000)},
        .growth_count = 3,
        .rates = {{1000, DAY}, {50, 1000 * MS}},
        .rate_count = 2};
    f->growths[1].snapshot_events = 10;
    for (int i = 0; i < MEASURE_RECORDINGS; i++)
        f->overhead.by[i] = (struct measure_recorded){
            .steps_a_second = around(80000 / (1 + (uint64_t)i)),
            .engine_ns_a_step = around(8000 + 5000 * (uint64_t)i),
            .runs = 10000,
            .bytes = 160000 * (uint64_t)i * (uint64_t)i,
            .records = 1000 * (uint64_t)i,
            .dropped = i == MEASURE_FULL ? 12 : 0};
}

Test(measure_found, the_text_is_as_it_was_looked_at)
{
    struct measure_found found;
    struct report_buffer out;
    char room[400];
    make_up(&found);
    report_buffer_init(&out);
    measure_text(&found, &out);
    cr_assert(report_buffer_ok(&out));
    cr_expect_null(golden_differs("bench-engine.txt", out.text, out.size, room),
                   "%s", room);
    report_buffer_free(&out);
}

/* Keys of every object are in order; returns how many values there are. */
static uint64_t in_order(const cJSON *value)
{
    uint64_t count = 1;
    const char *last = "";
    for (const cJSON *child = value->child; child; child = child->next) {
        if (child->string) {
            cr_expect_lt(strcmp(last, child->string), 0, "\"%s\" after \"%s\"",
                         child->string, last);
            last = child->string;
        }
        count += in_order(child);
    }
    return count;
}

Test(measure_found, the_json_is_whole_and_its_keys_are_in_order)
{
    struct measure_found found;
    struct report_buffer out;
    struct json_doc *doc = NULL;
    struct json_error error = {0};
    make_up(&found);
    report_buffer_init(&out);
    measure_json(&found, &out);
    cr_assert(report_buffer_ok(&out));
    cr_assert_eq(json_read_bytes("found", out.text, out.size, &doc, &error), 0,
                 "%s", error.text);
    cr_expect_gt(in_order(json_root(doc).item), 150);
    cr_expect(strstr(out.text, "\"schema\": \"perdure.bench-engine/1\""));
    cr_expect(strstr(out.text, "\"cpu\": \"A <processor>\""));
    json_free(doc);
    report_buffer_free(&out);
}

Test(measure_found, a_disk_in_memory_is_warned_of)
{
    struct measure_found found;
    struct report_buffer out;
    make_up(&found);
    report_buffer_init(&out);
    measure_text(&found, &out);
    cr_expect_null(strstr(out.text, "WARNING"));
    report_buffer_free(&out);
    found.place.in_memory = true;
    report_buffer_init(&out);
    measure_text(&found, &out);
    cr_expect(strstr(out.text, "WARNING"));
    report_buffer_free(&out);
}
