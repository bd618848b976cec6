/*
 * A whole report over a synthetic world, for tests of judging and rendering:
 * made in one call, changed at will through facts and results, judged again.
 */
#ifndef TESTS_SUPPORT_SAMPLE_REPORT_H
#define TESTS_SUPPORT_SAMPLE_REPORT_H

#include "reports/report.h"
#include "tests/support/synthetic.h"

enum {
    SAMPLE_RESULTS = 3,
    SAMPLE_EXPECTATIONS = 2
};

struct sample_report {
    struct synthetic *synthetic;
    struct report_collect *collect;
    struct check_result results[SAMPLE_RESULTS];
    struct report_expectation expectations[SAMPLE_EXPECTATIONS];
    struct report_facts facts;
    struct report_model model;
};

/* A report whose verdict is pass, over the records of these options. */
struct sample_report *
sample_report_new(const struct synthetic_options *options);
/* Judges anew after a change of results, expectations or facts. */
void sample_report_judge(struct sample_report *sample);
void sample_report_free(struct sample_report *sample);

#endif
