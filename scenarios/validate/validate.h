/*
 * Are the models right? Each platform model is held against what is known
 * without it: formulas of queueing and of restarts, documented rates, a
 * published simulation, and experiments on real platforms.
 *
 *     group ──▶ model + load (sim/platform/load) ──▶ watch ──▶ rows
 *
 * A row is one number: what was expected and where that comes from, what came
 * out with its confidence interval, and a verdict that can be false.
 */
#ifndef SCENARIOS_VALIDATE_H
#define SCENARIOS_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/host/json.h"
#include "reports/means.h"
#include "scenarios/data.h"
#include "scenarios/profile.h"
#include "sim/platform/load.h"

enum validate_verdict {
    VALIDATE_HOLDS,
    VALIDATE_FAILS,
    VALIDATE_UNSURE, /* the interval is too wide to tell: run it longer */
    VALIDATE_SHOWN   /* for people; nothing is claimed */
};

enum {
    VALIDATE_TEXT = 120
};

struct validate_row {
    const char *group;
    char name[VALIDATE_TEXT];
    char source[VALIDATE_TEXT];
    double expected;
    double got;
    double half;    /* of the 95 % interval of got; 0: it is exact */
    double known;   /* half of the interval of expected; 0: it is exact */
    double allowed; /* relative: what is near enough in any case */
    bool at_most;   /* expected is a bound: got must not be above it */
    enum validate_verdict verdict;
};

/* What a run of all groups is given, and what it has found. */
struct validate {
    const struct data_files *files;
    const char *experiments; /* file's name in files; NULL: the shipped ones */
    uint64_t seed;
    double length; /* of simulations: 1 is full */
    double near;   /* relative: how near is near enough for most rows */
    struct validate_row *rows;
    uint32_t count;
    uint32_t capacity;
    struct json_error error;  /* of a file that was read */
    bool failed;              /* memory, or a model that could not be made */
    void (*tick)(void *self); /* often, while it runs; NULL: not */
    void *tick_self;
};

struct validate_group {
    const char *name;
    const char *what; /* one line */
    /* Adds its rows. False: v->error or v->failed says why. */
    bool (*run)(struct validate *v);
};

/* All groups in the order in which they are shown; NULL ends them. */
extern const struct validate_group *const validate_groups[];

/*
 * Adds a row. Its verdict: HOLDS if got is within allowed of expected, or
 * within both intervals; FAILS else; UNSURE if the interval is wider than
 * five times what is allowed, so that nothing could fail.
 */
void validate_add(struct validate *v, const struct validate_row *row);
/* The same from a mean, with name and source in printf's way for the name. */
void validate_mean(struct validate *v, const char *group,
                   const struct report_mean *got, double expected,
                   double allowed, const char *source, const char *format, ...)
    __attribute__((format(printf, 7, 8)));
/* An exact number. */
void validate_exact(struct validate *v, const char *group, double got,
                    double expected, double allowed, const char *source,
                    const char *format, ...)
    __attribute__((format(printf, 7, 8)));
void validate_free(struct validate *v);

/*
 * Reads a platform as a scenario would write it, such as {"profile": "local",
 * "workers": 8}. False: v->error.
 */
bool validate_profile(struct validate *v, struct profile *profile,
                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Its model for one kind of work; demand NULL: asks for nothing special. */
bool validate_model(struct validate *v, const struct profile *profile,
                    const struct sim_demand *demand, struct sim_model *model);

/* Arrivals of a run of this length, at least least. */
uint64_t validate_arrivals(const struct validate *v, double full,
                           uint64_t least);

enum {
    VALIDATE_LEVELS = 64
};

/* What is measured of one load. */
struct validate_watch {
    struct report_means wait;      /* arrival to first start, ns */
    struct report_means waited;    /* 1 if that is a microsecond or more */
    struct report_means throttled; /* 1 if an arrival was */
    struct report_means cold;      /* 1 if a start was */
    struct report_means empty;     /* 1 if an arrival found nothing running */
    struct report_means running;   /* over time */
    struct report_means running_squared;
    struct report_means places; /* over time */
    struct report_means idle;
    struct report_means life;       /* of places that were closed, ns */
    struct report_means sojourn;    /* first arrival to end, ns */
    double levels[VALIDATE_LEVELS]; /* time with so many places */
    uint64_t starts, cold_starts;   /* the first of each job */
    uint64_t ended, gone, cut;
    uint64_t last_accepted_ns, first_start_ns, last_start_ns, last_end_ns;
    uint64_t at_ns; /* the levels are known up to here */
    uint32_t running_now, places_now;
    const struct validate *validate; /* whose tick() is due now and then */
    uint32_t seen;                   /* events */
};

/* Work that asks for nothing special. */
extern const struct sim_demand validate_plain;

/*
 * Runs the load with a new watch; config->seen and self are filled in, and
 * v->seed is added to config->seed. False: v->failed.
 */
bool validate_watch(struct validate *v, struct sim_load_config *config,
                    struct validate_watch *watch);

/* The groups, each in its file. */
extern const struct validate_group validate_erlang_c;
extern const struct validate_group validate_erlang_b;
extern const struct validate_group validate_single_server;
extern const struct validate_group validate_no_queue;
extern const struct validate_group validate_fan_out;
extern const struct validate_group validate_rates;
extern const struct validate_group validate_retries;
extern const struct validate_group validate_restarts;
extern const struct validate_group validate_published;
extern const struct validate_group validate_experiments;
extern const struct validate_group validate_cold_starts;

/* "holds", "FAILS", "unsure" or "shown". */
const char *validate_verdict_name(enum validate_verdict verdict);

#endif
