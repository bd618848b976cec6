#include "reports/split.h"

#include <assert.h>

const char *report_part_name(enum report_part part)
{
    static const char *const names[REPORT_PARTS] = {
        "service",    "replay",  "start-up", "queueing",
        "retry wait", "waiting", "engine"};
    assert(part < REPORT_PARTS);
    return names[part];
}
