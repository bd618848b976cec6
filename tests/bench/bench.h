/*
 * Measures and compares, side by side in one run.
 *
 * Absolute times wobble from machine to machine and from minute to minute, so
 * a figure that matters is a ratio: the case and its baseline are measured in
 * turn, A B A B, and the medians compared. A bench file exposes one function,
 * `void bench_queue(struct bench *)`, which hands its cases to bench_case();
 * main.c calls them all, prints the table and writes the JSON.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

struct bench;

enum bench_goal {
    BENCH_AT_MOST,
    BENCH_AT_LEAST,
    BENCH_NO_GOAL, /* shown, and always met */
};

struct bench_case {
    const char *name; /* says what is compared; unique */
    const char *unit; /* of the value and of the baseline's */
    enum bench_goal goal;
    double target; /* of the ratio where there is a baseline, else the value */
    /* One measurement, in the unit; sets up and tears down for itself. */
    double (*measure)(void *arg);
    double (*baseline)(void *arg); /* NULL: the value stands alone */
    void *arg;                     /* for both */
};

/*
 * Measures the case five times, after once for warming up, unless --only
 * left it out. The strings are kept and must
 * outlive the bench.
 */
void bench_case(struct bench *bench, const struct bench_case *bench_case);
/* The same for what takes so long that it is measured once, and not warmed. */
void bench_case_once(struct bench *bench, const struct bench_case *bench_case);

/* Says that something cannot be measured here, and what would help. */
void bench_skip(struct bench *bench, const char *name, const char *why);

/* CPU time of this process, for measurements on a machine that is shared. */
uint64_t bench_cpu_ns(void);

/* Ends the run with exit code 1: a measurement that means nothing. */
_Noreturn void bench_fail(const char *why);

void bench_queue(struct bench *bench);
void bench_mmc(struct bench *bench);
void bench_point(struct bench *bench);
void bench_disk(struct bench *bench);
void bench_store(struct bench *bench);
void bench_lambda(struct bench *bench);
void bench_k8s(struct bench *bench);
void bench_check(struct bench *bench);
void bench_report(struct bench *bench);
void bench_capacity(struct bench *bench);
void bench_engine(struct bench *bench);
void bench_replay(struct bench *bench);
void bench_processes(struct bench *bench);
void bench_service(struct bench *bench);
void bench_functions(struct bench *bench);
void bench_sweep(struct bench *bench);
void bench_matrix(struct bench *bench);
void bench_shrink(struct bench *bench);
void bench_enumerate(struct bench *bench);
void bench_gate(struct bench *bench);
void bench_help(struct bench *bench);

#endif
