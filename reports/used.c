#include "reports/used.h"

#include <assert.h>

const char *report_limit_name(enum report_limit limit)
{
    static const char *const names[REPORT_LIMITS] = {
        "updates of a checkpoint", "attempts in flight on a platform",
        "depth of invoked runs",   "events of a run",
        "operations of a handler", "size of an operation's result"};
    assert(limit < REPORT_LIMITS);
    return names[limit];
}

const char *report_limit_unit(enum report_limit limit)
{
    return limit == REPORT_LIMIT_VALUE ? "bytes" : "";
}
