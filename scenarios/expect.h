/*
 * What a scenario expects, held against what came out.
 */
#ifndef SCENARIOS_EXPECT_H
#define SCENARIOS_EXPECT_H

#include "reports/report.h"
#include "scenarios/scenario.h"

/* Text that the expectations in out refer to; index for index. */
struct expect_actual {
    char text[96];
};

/*
 * Judges all expectations of the scenario from the figures; out and actual
 * have room for scenario->expectation_count.
 */
void expect_judge(const struct scenario *scenario,
                  const struct report_stats *stats,
                  struct report_expectation *out, struct expect_actual *actual);

/* The same for its "sometimes", with room for scenario->sometimes_count. */
void expect_judge_sometimes(const struct scenario *scenario,
                            const struct report_stats *stats,
                            struct report_expectation *out,
                            struct expect_actual *actual);

/* Which of the scenario's "sometimes" came true, as a mask. */
uint64_t expect_sometimes(const struct scenario *scenario,
                          const struct report_stats *stats);

#endif
