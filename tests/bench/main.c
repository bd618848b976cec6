#include "tests/bench/bench.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEATS 5
#define RESULTS_MAX 100

struct result {
    struct bench_case about;
    double value;
    double versus; /* NaN without a baseline */
    double ratio;
    bool met;
};

struct bench {
    const char *only;
    struct result results[RESULTS_MAX];
    int count;
};

uint64_t bench_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

_Noreturn void bench_fail(const char *why)
{
    fprintf(stderr, "bench: %s\n", why);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[REPEATS], int count)
{
    qsort(values, (size_t)count, sizeof values[0], compare);
    return values[count / 2];
}

static bool meets(const struct bench_case *wanted, double reached)
{
    switch (wanted->goal) {
    case BENCH_AT_MOST:
        return reached <= wanted->target;
    case BENCH_AT_LEAST:
        return reached >= wanted->target;
    case BENCH_NO_GOAL:
        break;
    }
    return true;
}

/* The goal in words, "ratio <= 0.7"; empty when there is none. */
static void format_target(const struct result *result, char *text, size_t size)
{
    const struct bench_case *about = &result->about;
    text[0] = '\0';
    if (about->goal != BENCH_NO_GOAL) {
        snprintf(text, size, "%s %s %.6g",
                 about->baseline != NULL ? "ratio" : "value",
                 about->goal == BENCH_AT_MOST ? "<=" : ">=", about->target);
    }
}

static void print_heading(void)
{
    printf("%-52s %11s %-9s %11s %6s  %-16s %s\n", "what", "value", "unit",
           "versus", "ratio", "target", "met");
}

static void print_result(const struct result *result)
{
    char target[40];
    char versus[40] = "";
    char ratio[40] = "";
    format_target(result, target, sizeof target);
    if (!isnan(result->versus)) {
        snprintf(versus, sizeof versus, "%.5g", result->versus);
        snprintf(ratio, sizeof ratio, "%.3f", result->ratio);
    }
    printf("%-52s %11.5g %-9s %11s %6s  %-16s %s\n", result->about.name,
           result->value, result->about.unit, versus, ratio, target,
           result->about.goal == BENCH_NO_GOAL ? "-"
           : result->met                       ? "yes"
                                               : "NO");
    fflush(stdout);
}

static bool is_left_out(const struct bench *bench, const char *name)
{
    return bench->only != NULL && strstr(name, bench->only) == NULL;
}

void bench_skip(struct bench *bench, const char *name, const char *why)
{
    if (!is_left_out(bench, name)) {
        printf("%-52s skipped: %s\n", name, why);
    }
}

static void measure(struct bench *bench, const struct bench_case *bench_case,
                    int count)
{
    if (is_left_out(bench, bench_case->name)) {
        return;
    }
    double values[REPEATS];
    double others[REPEATS];
    /* The first of several only warms up. */
    for (int i = count > 1 ? -1 : 0; i < count; i++) {
        int at = i < 0 ? 0 : i;
        values[at] = bench_case->measure(bench_case->arg);
        if (bench_case->baseline != NULL) {
            others[at] = bench_case->baseline(bench_case->arg);
        }
    }
    assert(bench->count < RESULTS_MAX);
    struct result *result = &bench->results[bench->count++];
    result->about = *bench_case;
    result->value = median(values, count);
    result->versus = (double)NAN;
    result->ratio = (double)NAN;
    if (bench_case->baseline != NULL) {
        result->versus = median(others, count);
        result->ratio = result->value / result->versus;
    }
    result->met =
        meets(bench_case,
              bench_case->baseline != NULL ? result->ratio : result->value);
    print_result(result);
}

void bench_case(struct bench *bench, const struct bench_case *bench_case)
{
    measure(bench, bench_case, REPEATS);
}

void bench_case_once(struct bench *bench, const struct bench_case *bench_case)
{
    measure(bench, bench_case, 1);
}

static void write_number(FILE *file, const char *key, double number)
{
    fprintf(file, "\"%s\": ", key);
    if (isfinite(number)) {
        fprintf(file, "%.6g, ", number);
    } else {
        fprintf(file, "null, ");
    }
}

/* Names and units are ours: nothing in them needs escaping. */
static void write_result(FILE *file, const struct result *result)
{
    char target[40];
    format_target(result, target, sizeof target);
    fprintf(file, "  {\"name\": \"%s\", ", result->about.name);
    write_number(file, "value", result->value);
    fprintf(file, "\"unit\": \"%s\", ", result->about.unit);
    write_number(file, "versus", result->versus);
    write_number(file, "ratio", result->ratio);
    fprintf(file, "\"target\": %s%s%s, \"met\": %s}",
            target[0] == '\0' ? "" : "\"", target[0] == '\0' ? "null" : target,
            target[0] == '\0' ? "" : "\"", result->met ? "true" : "false");
}

static int write_all(const struct bench *bench, FILE *file)
{
    fprintf(file, "[\n");
    for (int i = 0; i < bench->count; i++) {
        write_result(file, &bench->results[i]);
        fprintf(file, i + 1 < bench->count ? ",\n" : "\n");
    }
    fprintf(file, "]\n");
    int error = ferror(file);
    return fclose(file) != 0 || error ? -1 : 0;
}

/* Writes beside the path and renames: readers see all or nothing. */
static int save(const struct bench *bench, const char *path)
{
    char beside[4096];
    int length = snprintf(beside, sizeof beside, "%s.tmp", path);
    if (length < 0 || (size_t)length >= sizeof beside) {
        errno = ENAMETOOLONG;
        return -1;
    }
    FILE *file = fopen(beside, "w");
    if (file == NULL) {
        return -1;
    }
    if (write_all(bench, file) != 0 || rename(beside, path) != 0) {
        int why = errno;
        remove(beside);
        errno = why;
        return -1;
    }
    return 0;
}

static void run_all(struct bench *bench)
{
    bench_queue(bench);
    bench_mmc(bench);
    bench_point(bench);
    bench_disk(bench);
    bench_store(bench);
    bench_lambda(bench);
    bench_k8s(bench);
    bench_check(bench);
    bench_report(bench);
    bench_capacity(bench);
    bench_engine(bench);
    bench_replay(bench);
    bench_processes(bench);
    bench_service(bench);
    bench_functions(bench);
    bench_sweep(bench);
    bench_matrix(bench);
    bench_shrink(bench);
    bench_gate(bench);
    bench_enumerate(bench);
    bench_help(bench);
}

static int usage(void)
{
    fprintf(stderr, "usage: bench [FILE.json] [--only PART_OF_NAME]\n");
    return 2;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const char *path = "build/bench.json";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            bench.only = argv[++i];
        } else if (argv[i][0] != '-') {
            path = argv[i];
        } else {
            return usage();
        }
    }
    print_heading();
    run_all(&bench);
    int missed = 0;
    for (int i = 0; i < bench.count; i++) {
        missed += !bench.results[i].met;
    }
    printf("%d measured, %d missed their target\n", bench.count, missed);
    if (save(&bench, path) != 0) {
        fprintf(stderr, "bench: cannot write %s: %s\n", path, strerror(errno));
        return 6;
    }
    return 0;
}
