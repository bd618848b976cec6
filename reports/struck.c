#include "reports/struck.h"

#include <assert.h>

const char *report_came_name(enum report_came came)
{
    static const char *const names[REPORT_CAMES] = {
        "lost",     "duplicate",  "unfinished", "blocked", "failed",
        "repeated", "taken over", "retried",    "went on", "nothing struck"};
    assert(came < REPORT_CAMES);
    return names[came];
}
