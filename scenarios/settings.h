/*
 * The configuration of a run as rows for its report: what the scenario set,
 * what the platform's profile says and from where, the bounds that follow
 * from both, and the rules of the fault plan.
 */
#ifndef SCENARIOS_SETTINGS_H
#define SCENARIOS_SETTINGS_H

#include "reports/check.h"
#include "reports/report.h"
#include "scenarios/bounds.h"
#include "scenarios/durable_bill.h"
#include "scenarios/world.h"

enum {
    SETTINGS_BILL_TEXT = 96, /* bytes */
    SETTINGS_BILLS = 32
};

struct settings_text {
    char name[96];
    char value[224];
};

struct settings {
    struct report_setting *rows;
    size_t count;
    struct settings_text *texts;
    struct report_bill bill[SETTINGS_BILLS];
    char bill_text[SETTINGS_BILLS][2][SETTINGS_BILL_TEXT];
    size_t bill_count;
};

/* False without memory. deinit() also takes a zeroed one. */
bool settings_init(struct settings *settings, const struct scenario *scenario,
                   const struct bounds *bounds,
                   const struct scenario_world *world,
                   const struct durable_bill *durable);
void settings_deinit(struct settings *settings);

#endif
