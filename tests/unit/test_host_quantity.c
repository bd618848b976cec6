#include "engine/host/quantity.h"

#include <criterion/criterion.h>
#include <string.h>

#include "engine/random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t UNTOUCHED = 12345;

struct good {
    enum quantity_kind kind;
    const char *text;
    uint64_t value;
    /* How the value is printed. */
    const char *printed;
};

struct bad {
    enum quantity_kind kind;
    const char *text;
    const char *why;
};

static void check_bad(const struct bad *bad)
{
    uint64_t value = UNTOUCHED;
    const char *why = NULL;

    cr_expect_eq(quantity_read(bad->kind, bad->text, &value, &why), -1,
                 "accepted \"%s\"", bad->text);
    cr_expect_eq(value, UNTOUCHED);
    cr_expect_str_eq(why, bad->why);
}

Test(host_quantity, amounts_mean_exactly_what_is_written)
{
    static const struct good good[] = {
        {QUANTITY_DURATION, "60s", 60000000000, "1m"},
        {QUANTITY_DURATION, "1.5m", 90000000000, "90s"},
        {QUANTITY_DURATION, "500ms", 500000000, "500ms"},
        {QUANTITY_DURATION, "0.000000001s", 1, "1ns"},
        {QUANTITY_DURATION, "2.50us", 2500, "2500ns"},
        {QUANTITY_DURATION, "7µs", 7000, "7us"},
        {QUANTITY_DURATION, "7μs", 7000, "7us"},
        {QUANTITY_DURATION, "36h", 129600000000000, "36h"},
        {QUANTITY_DURATION, "0.5d", 43200000000000, "12h"},
        {QUANTITY_DURATION, "0s", 0, "0s"},
        {QUANTITY_DURATION, "1.000000000000000000000000s", 1000000000, "1s"},
        {QUANTITY_DURATION, "9223372036854775807ns", INT64_MAX,
         "9223372036854775807ns"},
        {QUANTITY_DURATION_SPREAD, "±500ms", 500000000, "±500ms"},
        {QUANTITY_DURATION_SPREAD, "+-1s", 1000000000, "±1s"},
        {QUANTITY_DURATION_SPREAD, "+/-0s", 0, "±0s"},
        {QUANTITY_SIZE, "16KiB", 16384, "16KiB"},
        {QUANTITY_SIZE, "512MB", 512000000, "512MB"},
        {QUANTITY_SIZE, "0.5KB", 500, "500B"},
        {QUANTITY_SIZE, "0B", 0, "0B"},
        {QUANTITY_SIZE, "9007199254740991B", 9007199254740991,
         "9007199254740991B"},
        {QUANTITY_MEMORY, "512MB", 536870912, "512MB"},
        {QUANTITY_MEMORY, "1.5GB", 1610612736, "1536MB"},
        {QUANTITY_MEMORY, "2GiB", 2147483648, "2GB"},
        {QUANTITY_SHARE, "1%", 10000000, "1%"},
        {QUANTITY_SHARE, "0.01%", 100000, "0.01%"},
        {QUANTITY_SHARE, "99.9999999%", 999999999, "99.9999999%"},
        {QUANTITY_SHARE, "100%", 1000000000, "100%"},
        {QUANTITY_SHARE, "0%", 0, "0%"},
        {QUANTITY_DRIFT_SPREAD, "±200ppm", 200000, "±200ppm"},
        {QUANTITY_DRIFT_SPREAD, "±0.5ppm", 500, "±500ppb"},
    };

    for (size_t i = 0; i < COUNT(good); i++) {
        const char *why = NULL;
        char text[32];
        uint64_t value = UNTOUCHED;

        cr_expect_eq(quantity_read(good[i].kind, good[i].text, &value, &why), 0,
                     "%s: %s", good[i].text, why);
        cr_expect_eq(value, good[i].value, "%s", good[i].text);
        cr_expect_str_eq(
            quantity_print(good[i].kind, value, text, sizeof(text)),
            good[i].printed);
    }
}

Test(host_quantity, durations_that_guess_round_or_overflow_are_refused)
{
    static const char no_unit[] = "duration without a unit: write e.g. \"60s\"";
    static const char no_number[] =
        "duration without a number: write e.g. \"60s\"";
    static const char bad_unit[] =
        "unknown unit of time: allowed one number and one of ns, us, µs, ms, "
        "s, m, h, d, as in \"90m\"";
    static const struct bad bad[] = {
        {QUANTITY_DURATION, "60", no_unit},
        {QUANTITY_DURATION, "1.5", no_unit},
        {QUANTITY_DURATION, "", no_number},
        {QUANTITY_DURATION, "s", no_number},
        {QUANTITY_DURATION, ".5s", no_number},
        {QUANTITY_DURATION, "5.s", no_number},
        {QUANTITY_DURATION, " 5s", no_number},
        {QUANTITY_DURATION, "+5s", no_number},
        {QUANTITY_DURATION, "5 s", bad_unit},
        {QUANTITY_DURATION, "5s ", bad_unit},
        {QUANTITY_DURATION, "1h30m", bad_unit},
        {QUANTITY_DURATION, "1e3s", bad_unit},
        {QUANTITY_DURATION, "5S", bad_unit},
        {QUANTITY_DURATION, "5min", bad_unit},
        {QUANTITY_DURATION, "1,5s", bad_unit},
        {QUANTITY_DURATION, "-5s", "negative duration: allowed 0 or more"},
        {QUANTITY_DURATION, "0.5ns", "duration finer than a nanosecond"},
        {QUANTITY_DURATION, "0.0000000001s",
         "duration finer than a nanosecond"},
        {QUANTITY_DURATION, "1.0000000000000000001s",
         "duration finer than a nanosecond"},
        {QUANTITY_DURATION, "9223372036854775808ns",
         "duration longer than 292 years"},
        {QUANTITY_DURATION, "106752d", "duration longer than 292 years"},
        {QUANTITY_DURATION, "18446744073709551616s",
         "duration longer than 292 years"},
        {QUANTITY_DURATION, "99999999999999999999999999d",
         "duration longer than 292 years"},
        {QUANTITY_DURATION_SPREAD, "500ms",
         "spread without its sign: write e.g. \"±500ms\""},
        {QUANTITY_DURATION_SPREAD, "±500",
         "spread without a unit: write e.g. \"±500ms\""},
        {QUANTITY_DURATION_SPREAD, "±",
         "spread without a number: write e.g. \"±500ms\""},
        {QUANTITY_DURATION_SPREAD, "±-5s",
         "negative spread: write e.g. \"±500ms\""},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        check_bad(&bad[i]);
    }
}

Test(host_quantity, sizes_shares_and_drifts_that_make_no_sense_are_refused)
{
    static const char bad_unit[] =
        "unknown unit of size: allowed one number and one of B, KB, MB, GB, "
        "TB, KiB, MiB, GiB, TiB, as in \"512MB\"";
    static const struct bad bad[] = {
        {QUANTITY_SIZE, "512", "size without a unit: write e.g. \"16KB\""},
        {QUANTITY_SIZE, "512mb", bad_unit},
        {QUANTITY_SIZE, "512M", bad_unit},
        {QUANTITY_SIZE, "-1B", "negative size: allowed 0 or more"},
        {QUANTITY_SIZE, "0.5B", "size that is not a whole number of bytes"},
        {QUANTITY_SIZE, "9007199254740992B", "size above 2^53 - 1 bytes"},
        {QUANTITY_SIZE, "8192TiB", "size above 2^53 - 1 bytes"},
        {QUANTITY_SIZE, "99999999TiB", "size above 2^53 - 1 bytes"},
        {QUANTITY_MEMORY, "512",
         "memory size without a unit: write e.g. "
         "\"512MB\""},
        {QUANTITY_MEMORY, "-512MB", "negative memory size: allowed 0 or more"},
        {QUANTITY_SHARE, "0.5",
         "percentage without its sign: write e.g. "
         "\"1%\""},
        {QUANTITY_SHARE, "101%", "percentage above 100%"},
        {QUANTITY_SHARE, "100.0000001%", "percentage above 100%"},
        {QUANTITY_SHARE, "-1%", "negative percentage: allowed 0% to 100%"},
        {QUANTITY_SHARE, "0.00000001%", "percentage finer than a billionth"},
        {QUANTITY_SHARE, "1%%",
         "percentage with something else behind the "
         "number: write e.g. \"1%\""},
        {QUANTITY_DRIFT_SPREAD, "200ppm",
         "drift without its sign: write e.g. \"±200ppm\""},
        {QUANTITY_DRIFT_SPREAD, "±200",
         "drift without a unit: allowed ppm or ppb"},
        {QUANTITY_DRIFT_SPREAD, "±0.5ppb",
         "drift finer than a part per billion"},
        {QUANTITY_DRIFT_SPREAD, "±1000000ppm",
         "drift of a million ppm or more"},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        check_bad(&bad[i]);
    }
}

Test(host_quantity, signed_amounts_keep_their_sign)
{
    const char *why = NULL;
    int64_t value = 0;

    cr_expect_eq(quantity_read_offset("-5s", &value, &why), 0);
    cr_expect_eq(value, -5000000000);
    cr_expect_eq(quantity_read_offset("+1.5ms", &value, &why), 0);
    cr_expect_eq(value, 1500000);
    cr_expect_eq(quantity_read_offset("-9223372036854775807ns", &value, &why),
                 0);
    cr_expect_eq(value, -INT64_MAX);
    cr_expect_eq(quantity_read_drift("-50ppm", &value, &why), 0);
    cr_expect_eq(value, -50000);
    cr_expect_eq(quantity_read_offset("--5s", &value, &why), -1);
    cr_expect_str_eq(why, "duration without a number: write e.g. \"60s\"");
    cr_expect_eq(quantity_read_drift("+-5ppm", &value, &why), -1);
    cr_expect_eq(value, -50000);
}

static void check_rate(const char *text, uint64_t count, uint64_t per_ns)
{
    struct quantity_rate rate = {0};
    const char *why = NULL;

    cr_expect_eq(quantity_read_rate(text, &rate, &why), 0, "%s: %s", text, why);
    cr_expect_eq(rate.count, count, "%s", text);
    cr_expect_eq(rate.per_ns, per_ns, "%s", text);
}

Test(host_quantity, rates_are_exact_ratios_in_lowest_terms)
{
    check_rate("100/s", 1, 10000000);
    check_rate("3/s", 3, 1000000000);
    check_rate("5/m", 1, 12000000000);
    check_rate("0.5/m", 1, 120000000000);
    check_rate("1.5/s", 3, 2000000000);
    check_rate("7/10s", 7, 10000000000);
    check_rate("0/s", 0, 1);
    check_rate("1000000000/s", 1, 1);
    check_rate("5000000000/s", 5, 1);
}

Test(host_quantity, rates_that_are_none_are_refused)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        {"100", "rate without a unit of time: write e.g. \"100/s\""},
        {"100 /s", "rate without a unit of time: write e.g. \"100/s\""},
        {"/s", "rate without a number: write e.g. \"100/s\""},
        {"-1/s", "negative rate: allowed 0 or more"},
        {"100/", "rate with an unknown unit of time: write e.g. \"100/s\""},
        {"100/sec", "rate with an unknown unit of time: write e.g. \"100/s\""},
        {"100/0s", "rate with an unknown unit of time: write e.g. \"100/s\""},
        {"100/-1s", "rate with an unknown unit of time: write e.g. \"100/s\""},
        {"100/10", "duration without a unit: write e.g. \"60s\""},
        {"99999999999999999999/s", "rate with more digits than can be kept"},
        {"99999999999.9999999999/s", "rate with more digits than can be kept"},
        {"0.000000000000000001/d", "rate with more digits than can be kept"},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct quantity_rate rate;
        const char *why = "";

        cr_expect_eq(quantity_read_rate(bad[i].text, &rate, &why), -1, "%s",
                     bad[i].text);
        cr_expect_str_eq(why, bad[i].why, "%s", bad[i].text);
    }
}

Test(host_quantity, ranges_are_one_number_or_two_in_order)
{
    static const char *const bad[] = {
        "",    "-3",  "1-",   "1-3-5", "a",
        "1 3", "1-x", "1..3", "3-1",   "0-9007199254740992"};
    struct quantity_range range = {0};
    const char *why = NULL;

    cr_expect_eq(quantity_read_range("1-3", &range, &why), 0);
    cr_expect_eq(range.first, 1);
    cr_expect_eq(range.last, 3);
    cr_expect_eq(quantity_read_range("2", &range, &why), 0);
    cr_expect_eq(range.first, 2);
    cr_expect_eq(range.last, 2);
    for (size_t i = 0; i < COUNT(bad); i++) {
        cr_expect_eq(quantity_read_range(bad[i], &range, &why), -1, "%s",
                     bad[i]);
    }
    cr_expect_eq(range.first, 2);
}

Test(host_quantity, what_is_printed_reads_back_as_the_same_value)
{
    struct engine_stream stream;
    const char *why = NULL;
    char text[32];

    engine_stream_init(&stream, 1, "test/quantity", 0);
    for (uint64_t i = 0; i < 20000; i++) {
        enum quantity_kind kind = (enum quantity_kind)(i % 6);
        uint64_t bits = engine_draw_below(&stream, 2 * i, 30);
        uint64_t value = engine_stream_u64(&stream, 2 * i + 1) >> 35 >> bits;
        uint64_t again = 0;

        (void)quantity_print(kind, value, text, sizeof(text));
        cr_assert_eq(quantity_read(kind, text, &again, &why), 0, "%s: %s", text,
                     why);
        cr_assert_eq(again, value, "%s", text);
    }
}
