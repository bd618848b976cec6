#include "reports/format.h"

#include <inttypes.h>
#include <stdio.h>

#define US 1000ull
#define MS 1000000ull
#define S 1000000000ull
#define MINUTE (60 * S)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* Three digits of value / unit, rounded half up. */
static void three_digits(struct report_word *word, uint64_t value,
                         uint64_t unit, const char *name)
{
    static const uint64_t powers[] = {1, 10, 100};
    for (int places = 2; places > 0; places--) {
        uint64_t scaled = value / unit * powers[places] +
                          (value % unit * powers[places] + unit / 2) / unit;
        if (scaled >= 1000)
            continue;
        snprintf(word->text, sizeof(word->text), "%" PRIu64 ".%0*" PRIu64 " %s",
                 scaled / powers[places], places, scaled % powers[places],
                 name);
        return;
    }
    snprintf(word->text, sizeof(word->text), "%" PRIu64 " %s",
             value / unit + (value % unit >= unit - unit / 2), name);
}

static void two_units(struct report_word *word, uint64_t value, uint64_t unit,
                      const char *name, uint64_t small, const char *small_name)
{
    snprintf(word->text, sizeof(word->text), "%" PRIu64 " %s %02" PRIu64 " %s",
             value / unit, name, value % unit / small, small_name);
}

const char *report_format_ns(struct report_word *word, uint64_t ns)
{
    if (ns < US)
        snprintf(word->text, sizeof(word->text), "%" PRIu64 " ns", ns);
    else if (ns < MS - US / 2)
        three_digits(word, ns, US, "µs");
    else if (ns < S - MS / 2)
        three_digits(word, ns, MS, "ms");
    else if (ns < MINUTE)
        three_digits(word, ns, S, "s");
    else if (ns < HOUR)
        two_units(word, ns, MINUTE, "m", S, "s");
    else if (ns < DAY)
        two_units(word, ns, HOUR, "h", MINUTE, "m");
    else
        two_units(word, ns, DAY, "d", HOUR, "h");
    return word->text;
}

const char *report_format_line(struct report_word *word, uint64_t ns)
{
    static const struct {
        uint64_t unit;
        const char *name;
    } units[] = {{DAY, "d"}, {HOUR, "h"}, {MINUTE, "m"}, {S, "s"},
                 {MS, "ms"}, {US, "µs"},  {1, "ns"}};
    if (ns == 0) {
        snprintf(word->text, sizeof(word->text), "0");
        return word->text;
    }
    for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ns < units[i].unit)
            continue;
        if (ns % units[i].unit)
            break;
        snprintf(word->text, sizeof(word->text), "%" PRIu64 " %s",
                 ns / units[i].unit, units[i].name);
        return word->text;
    }
    return report_format_ns(word, ns);
}

const char *report_format_count(struct report_word *word, uint64_t count)
{
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    char *out = word->text;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            *out++ = ',';
        *out++ = digits[i];
    }
    *out = 0;
    return word->text;
}

const char *report_format_bytes(struct report_word *word, uint64_t bytes)
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        snprintf(word->text, sizeof(word->text), "%" PRIu64 " B", bytes);
        return word->text;
    }
    int power = 0;
    while (power < 3 && bytes >> (10 * (power + 2)))
        power++;
    three_digits(word, bytes, 1ull << (10 * (power + 1)), names[power]);
    return word->text;
}

const char *report_format_share(struct report_word *word, uint64_t part,
                                uint64_t whole)
{
    while (whole > UINT64_MAX / 1000) {
        whole /= 2;
        part /= 2;
    }
    uint64_t mille = (part * 1000 + whole / 2) / whole;
    snprintf(word->text, sizeof(word->text), "%" PRIu64 ".%" PRIu64 " %%",
             mille / 10, mille % 10);
    return word->text;
}

const char *report_format_digest(struct report_word *word,
                                 struct engine_hash hash)
{
    snprintf(word->text, sizeof(word->text), "%016" PRIx64 "%016" PRIx64,
             hash.hi, hash.lo);
    return word->text;
}

uint64_t report_format_next_line(uint64_t ns)
{
    static const uint64_t lines[] = {
        S,          2 * S,      5 * S,       10 * S,      30 * S,     MINUTE,
        2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR,       2 * HOUR,
        5 * HOUR,   12 * HOUR,  DAY,         2 * DAY,     5 * DAY,    10 * DAY,
        30 * DAY,   100 * DAY,  365 * DAY,   3650 * DAY,  36500 * DAY};
    static const uint64_t steps[] = {1, 2, 5};
    for (uint64_t power = 1; power < S; power *= 10)
        for (int i = 0; i < 3; i++)
            if (steps[i] * power > ns)
                return steps[i] * power;
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (lines[i] > ns)
            return lines[i];
    return UINT64_MAX;
}
