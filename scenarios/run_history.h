/*
 * The public history of a handler's run (engine/host/history.h), printed: an
 * event a line, or as pages the way a service would answer with them.
 */
#ifndef SCENARIOS_RUN_HISTORY_H
#define SCENARIOS_RUN_HISTORY_H

#include "engine/host/reader.h"
#include "reports/buffer.h"

struct run_history_page {
    uint64_t after; /* EventId of the last one before the page; 0: none */
    uint64_t limit; /* events; 0: all there are */
    bool object;    /* {"Events": [..], "NextMarker": ".."} on one line */
};

/*
 * Appends a page to out. 0; -1: the log cannot be read; -2: it was compacted
 * or archived, or does not fold, so that there is no history.
 */
int run_history_print(struct host_reader *reader,
                      const struct engine_run_row *row,
                      const struct run_history_page *page,
                      struct report_buffer *out);

#endif
