/*
 * The report of a validation: expected, got, error, verdict, for people, for
 * programs and for browsers.
 */
#ifndef SCENARIOS_VALIDATE_REPORT_H
#define SCENARIOS_VALIDATE_REPORT_H

#include "reports/buffer.h"
#include "scenarios/validate/validate.h"

/* How many rows hold, fail and are unsure. */
struct validate_totals {
    uint32_t holds, fails, unsure;
};

struct validate_totals validate_total(const struct validate *v);
void validate_text(struct report_buffer *out, const struct validate *v);
void validate_json(struct report_buffer *out, const struct validate *v);
void validate_html(struct report_buffer *out, const struct validate *v);

#endif
