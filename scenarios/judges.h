/*
 * Those who watch a world and say what came of it: the digest, one checker
 * for each property, the collector of figures, and the scenario's own
 * expectations. The runner lets them speak at length, a trial in brief.
 *
 *     records -> judges_feed() -> judges_sum_up() -> facts -> report_model
 */
#ifndef SCENARIOS_JUDGES_H
#define SCENARIOS_JUDGES_H

#include "reports/report.h"
#include "scenarios/bounds.h"
#include "scenarios/checkpoints.h"
#include "scenarios/expect.h"
#include "scenarios/recording.h"
#include "scenarios/thresholds.h"
#include "scenarios/world.h"

enum {
    JUDGES_NODE_TEXT = 24,
    JUDGES_RULE_TEXT = 320
};

struct judges {
    const struct scenario *scenario;
    const struct scenario_world *world;
    bool capacity; /* a world without engine: there are no properties */
    struct bounds bounds;
    struct check_world check_world;
    struct check_suite *checks; /* NULL in capacity mode */
    struct report_world report_world;
    uint64_t limits[REPORT_LIMITS]; /* what is allowed */
    struct report_armed *armed;
    char (*node_text)[JUDGES_NODE_TEXT];
    const char **node_names;
    struct report_collect *collect;
    struct checkpoints checkpoints; /* and the digest of all */
    struct expect_actual *actual;
    struct report_expectation *expectations; /* then "sometimes" */
    struct threshold_actual *found;
    struct report_threshold *thresholds;
    bool brief;
    struct report_rule *rules;
    char (*rule_texts)[JUDGES_RULE_TEXT];
    size_t rule_count;
    const char *required[32];
    uint8_t *freedom; /* by workflow */
};

/* How they are to speak. */
struct judges_options {
    bool capacity; /* a world without engine: there are no properties */
    bool brief;    /* keep no records and no figures that only a report shows */
    const struct outcomes *golden; /* NULL: S8 does not apply */
    bool paranoid;                 /* S7 applies */
    struct outcomes *outcomes;     /* NULL, or filled with what came of runs */
    uint64_t show;           /* a run whose timeline is wanted; 0: whichever */
    struct recording record; /* of which runs records are kept */
};

/*
 * Seats them before the world starts; all must outlive them. False without
 * memory; deinit() then, as always; it also takes zeroed ones.
 */
bool judges_init(struct judges *judges, const struct scenario *scenario,
                 const struct scenario_world *world,
                 const struct judges_options *options);
void judges_deinit(struct judges *judges);

void judges_feed(struct judges *judges, const struct engine_record *records,
                 size_t count);

/*
 * The world has ended: fills in the facts that a verdict needs. They are
 * borrowed from the judges. False without memory. Once.
 */
bool judges_sum_up(struct judges *judges, enum scenario_end end,
                   struct report_facts *facts);

#endif
