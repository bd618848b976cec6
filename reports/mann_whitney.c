#include "reports/mann_whitney.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BOTH_MAX = 2 * REPORT_SAMPLES_MAX,
    SMALL_MAX = 2 * (REPORT_EXACT_BELOW - 1),
    /* Twice the sum of the ranks of all, and one. */
    SUMS_MAX = SMALL_MAX * (SMALL_MAX + 1) + 1
};

struct ranked {
    uint64_t value;
    unsigned first; /* of the first sample */
};

/* The values of both in order, and twice their ranks, ties shared. */
struct ranking {
    struct ranked all[BOTH_MAX];
    unsigned twice[BOTH_MAX];
    size_t count;
    size_t a_count;
    unsigned long sum; /* of the first sample */
    double ties;       /* sum of t^3 - t over groups of equal values */
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *left = a;
    const struct ranked *right = b;
    return (left->value > right->value) - (left->value < right->value);
}

static void rank(struct ranking *ranking)
{
    ranking->sum = 0;
    ranking->ties = 0;
    for (size_t from = 0, to; from < ranking->count; from = to) {
        for (to = from + 1; to < ranking->count; to++)
            if (ranking->all[to].value != ranking->all[from].value)
                break;
        double group = (double)(to - from);
        ranking->ties += group * group * group - group;
        for (size_t i = from; i < to; i++) {
            ranking->twice[i] = (unsigned)(from + to + 1);
            if (ranking->all[i].first)
                ranking->sum += ranking->twice[i];
        }
    }
}

static void rank_both(struct ranking *ranking, const uint64_t *a,
                      size_t a_count, const uint64_t *b, size_t b_count)
{
    assert(a_count > 0 && a_count <= REPORT_SAMPLES_MAX);
    assert(b_count > 0 && b_count <= REPORT_SAMPLES_MAX);
    ranking->a_count = a_count;
    ranking->count = a_count + b_count;
    for (size_t i = 0; i < a_count; i++)
        ranking->all[i] = (struct ranked){a[i], 1};
    for (size_t i = 0; i < b_count; i++)
        ranking->all[a_count + i] = (struct ranked){b[i], 0};
    qsort(ranking->all, ranking->count, sizeof(ranking->all[0]), by_value);
    rank(ranking);
}

static double u_of(const struct ranking *ranking)
{
    double least =
        (double)ranking->a_count * (double)(ranking->a_count + 1) / 2;
    return (double)ranking->sum / 2 - least;
}

/* Twice the sum of ranks that is expected: n (N + 1). */
static long middle(const struct ranking *ranking)
{
    return (long)(ranking->a_count * (ranking->count + 1));
}

/* ways[k][s]: to choose k of the values so that their ranks sum to s. */
static void count_ways(const struct ranking *ranking,
                       uint64_t ways[REPORT_EXACT_BELOW][SUMS_MAX])
{
    size_t top = 0;
    ways[0][0] = 1;
    for (size_t i = 0; i < ranking->count; i++) {
        size_t step = ranking->twice[i];
        top += step;
        for (size_t k = ranking->a_count; k >= 1; k--)
            for (size_t s = top; s >= step; s--)
                ways[k][s] += ways[k - 1][s - step];
    }
}

/* The share of all ways that lie at least so far from the middle. */
static double exact_p(const struct ranking *ranking)
{
    uint64_t(*ways)[SUMS_MAX] = calloc(REPORT_EXACT_BELOW, sizeof(*ways));
    if (!ways)
        return NAN;
    count_ways(ranking, ways);
    long centre = middle(ranking);
    long off = labs((long)ranking->sum - centre);
    uint64_t all = 0, far = 0;
    for (long s = 0; s < SUMS_MAX; s++) {
        all += ways[ranking->a_count][s];
        if (labs(s - centre) >= off)
            far += ways[ranking->a_count][s];
    }
    free(ways);
    return (double)far / (double)all;
}

static double normal_p(const struct ranking *ranking, double u)
{
    double a = (double)ranking->a_count;
    double n = (double)ranking->count;
    double b = n - a;
    double variance = a * b / 12 * (n + 1 - ranking->ties / (n * (n - 1)));
    double off = fabs(u - a * b / 2) - 0.5;
    if (variance <= 0 || off <= 0)
        return 1;
    return erfc(off / sqrt(variance) / sqrt(2));
}

/* 2 / (N over a): the exact p of two samples that are fully parted. */
static double exact_least(size_t a, size_t b)
{
    double ways = 1;
    for (size_t i = 1; i <= a; i++)
        ways = ways * (double)(b + i) / (double)i;
    return ways <= 2 ? 1 : 2 / ways;
}

static double normal_least(size_t a_count, size_t b_count)
{
    double a = (double)a_count, b = (double)b_count;
    double off = a * b / 2 - 0.5;
    return off <= 0 ? 1 : erfc(off / sqrt(a * b * (a + b + 1) / 12) / sqrt(2));
}

static bool is_small(size_t a_count, size_t b_count)
{
    return a_count < REPORT_EXACT_BELOW && b_count < REPORT_EXACT_BELOW;
}

static struct report_mann_whitney compare(const uint64_t *a, size_t a_count,
                                          const uint64_t *b, size_t b_count,
                                          bool exact)
{
    struct ranking ranking;
    rank_both(&ranking, a, a_count, b, b_count);
    struct report_mann_whitney result = {.u = u_of(&ranking), .exact = exact};
    result.p = exact ? exact_p(&ranking) : normal_p(&ranking, result.u);
    if (isnan(result.p))
        return compare(a, a_count, b, b_count, false);
    result.p_least =
        exact ? exact_least(a_count, b_count) : normal_least(a_count, b_count);
    return result;
}

struct report_mann_whitney report_mann_whitney(const uint64_t *a,
                                               size_t a_count,
                                               const uint64_t *b,
                                               size_t b_count)
{
    return compare(a, a_count, b, b_count, is_small(a_count, b_count));
}

struct report_mann_whitney report_mann_whitney_normal(const uint64_t *a,
                                                      size_t a_count,
                                                      const uint64_t *b,
                                                      size_t b_count)
{
    return compare(a, a_count, b, b_count, false);
}

/* How far out the normal distribution has this much beyond it. */
static double normal_beyond(double share)
{
    double low = 0, high = 40;
    for (int i = 0; i < 100; i++) {
        double z = (low + high) / 2;
        if (erfc(z / sqrt(2)) / 2 > share)
            low = z;
        else
            high = z;
    }
    return low;
}

/* The sum of squares about the mean of a sample. */
static double squares(const uint64_t *values, size_t count)
{
    double mean = 0, sum = 0;
    for (size_t i = 0; i < count; i++)
        mean += (double)values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        sum += ((double)values[i] - mean) * ((double)values[i] - mean);
    return sum;
}

double report_mann_whitney_detectable(const uint64_t *base, size_t base_count,
                                      const uint64_t *head, size_t head_count,
                                      double level)
{
    static const double missed = 0.2;
    /* Of a t test with the same values, at a normal distribution: 3 / pi. */
    static const double efficiency = 0.954929658551372;
    double median = (double)report_median(base, base_count);
    double a = (double)base_count, b = (double)head_count;
    double least = is_small(base_count, head_count)
                       ? exact_least(base_count, head_count)
                       : normal_least(base_count, head_count);
    if (least > level || median <= 0 || a + b <= 2)
        return HUGE_VAL;
    double spread = sqrt(
        (squares(base, base_count) + squares(head, head_count)) / (a + b - 2));
    double z = normal_beyond(level / 2) + normal_beyond(missed);
    return z * spread / median * sqrt((1 / a + 1 / b) / efficiency);
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

uint64_t report_median(const uint64_t *values, size_t count)
{
    uint64_t sorted[REPORT_SAMPLES_MAX];
    assert(count > 0 && count <= REPORT_SAMPLES_MAX);
    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), by_number);
    uint64_t low = sorted[(count - 1) / 2];
    uint64_t high = sorted[count / 2];
    return low + (high - low) / 2;
}
