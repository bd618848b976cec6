#include "scenarios/measure/figures.h"

#include <assert.h>
#include <stdlib.h>

#include "reports/mann_whitney.h"

#define DAY_NS (86400 * UINT64_C(1000000000))
#define LEVEL 0.05

__extension__ typedef unsigned __int128 wide;

void measure_add(struct measure_repeats *repeats, uint64_t value)
{
    assert(repeats->count < MEASURE_REPEATS_MAX);
    repeats->values[repeats->count++] = value;
}

struct measure_spread measure_spread(const struct measure_repeats *repeats)
{
    assert(repeats->count > 0);
    struct measure_spread spread = {
        .median = report_median(repeats->values, repeats->count),
        .least = repeats->values[0],
        .most = repeats->values[0],
    };
    for (size_t i = 1; i < repeats->count; i++) {
        uint64_t value = repeats->values[i];
        spread.least = value < spread.least ? value : spread.least;
        spread.most = value > spread.most ? value : spread.most;
    }
    return spread;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t measure_rank(uint64_t *values, size_t count, uint32_t thousandths)
{
    assert(thousandths <= 1000);
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), ascending);
    size_t rank = (count * thousandths + 999) / 1000;
    return values[rank > 0 ? rank - 1 : 0];
}

struct measure_difference
measure_difference(const struct measure_repeats *one,
                   const struct measure_repeats *other)
{
    struct report_mann_whitney test = report_mann_whitney(
        one->values, one->count, other->values, other->count);
    return (struct measure_difference){
        .median = (int64_t)measure_spread(one).median -
                  (int64_t)measure_spread(other).median,
        .p = test.p,
        .told_apart = test.p <= LEVEL,
        .seen = report_mann_whitney_detectable(other->values, other->count,
                                               one->values, one->count, LEVEL),
    };
}

uint64_t measure_a_day(uint64_t bytes_each, uint64_t count, uint64_t per_ns)
{
    assert(per_ns > 0);
    wide many = (wide)count * DAY_NS;
    wide whole = many / per_ns;
    wide rest = many % per_ns;
    if (whole > UINT64_MAX)
        return bytes_each ? UINT64_MAX : 0;
    wide bytes = bytes_each * whole + bytes_each * rest / per_ns;
    return bytes > UINT64_MAX ? UINT64_MAX : (uint64_t)bytes;
}
