/* Cold starts of Lambda, drawn and held against the table they come from. */
#include <math.h>
#include <stdio.h>

#include "scenarios/init_check.h"
#include "scenarios/validate/validate.h"

#define TABLE "data/lambda-init.csv"

struct worst {
    double error[INIT_CHECK_QUANTILES];
    double distance;
    char name[INIT_CHECK_QUANTILES][sizeof(((struct init_check_row *)0)->name)];
    char far[sizeof(((struct init_check_row *)0)->name)];
};

static void seen(void *self, const struct init_check_row *row)
{
    struct worst *worst = self;
    for (int q = 0; q < INIT_CHECK_QUANTILES; q++)
        if (fabs(row->error[q]) >= worst->error[q]) {
            worst->error[q] = fabs(row->error[q]);
            snprintf(worst->name[q], sizeof(worst->name[q]), "%s", row->name);
        }
    if (row->distance >= worst->distance) {
        worst->distance = row->distance;
        snprintf(worst->far, sizeof(worst->far), "%s", row->name);
    }
}

static void bound(struct validate *v, double got, double at_most,
                  const char *what, const char *worst)
{
    struct validate_row row = {
        .group = "cold-starts",
        .source = "lambda-perf, 2026-03 to 2026-08",
        .expected = at_most,
        .got = got,
        .at_most = true,
    };
    snprintf(row.name, sizeof(row.name), "%s; worst: %.60s", what, worst);
    validate_add(v, &row);
}

static bool cold_starts(struct validate *v)
{
    static const char *const whats[] = {"largest error at p50, percent",
                                        "largest error at p95, percent",
                                        "largest error at p99, percent"};
    static struct worst worst;
    struct init_check check = {.draws = validate_arrivals(v, 1e5, 10000),
                               .seed = v->seed,
                               .seen = seen,
                               .self = &worst};
    size_t size;
    worst = (struct worst){.distance = 0};
    const char *text = v->files->bytes(v->files->self, TABLE, &size);
    if (!text) {
        v->error.code = JSON_EREAD;
        snprintf(v->error.text, sizeof(v->error.text), "%s: cannot be read",
                 TABLE);
        return false;
    }
    if (!init_check_run(&check, TABLE, text, size, &v->error))
        return false;
    for (int q = 0; q < INIT_CHECK_QUANTILES; q++)
        bound(v, 100 * worst.error[q], 100 * init_check_allowed[q], whats[q],
              worst.name[q]);
    bound(v, worst.distance, INIT_CHECK_DISTANCE,
          "largest Kolmogorov-Smirnov distance", worst.far);
    validate_exact(v, "cold-starts", check.rows, 620, 0,
                   "lambda-perf, 2026-03 to 2026-08", "configurations");
    return true;
}

const struct validate_group validate_cold_starts = {
    "cold-starts", "cold starts come out as they were measured", cold_starts};
