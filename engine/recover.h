/*
 * Recovery of a run from what a store has: the fold of its log, held against
 * the run's row and its work rows.
 */
#ifndef ENGINE_RECOVER_H
#define ENGINE_RECOVER_H

#include <stdbool.h>

#include "engine/defects.h"
#include "engine/run.h"

/* The run's row in a reply, or NULL. */
const struct engine_run_row *
engine_recover_row(const struct engine_reply *reply);

/*
 * Folds the SNAPSHOT and LOG items of the reply into a new run of this graph,
 * within these limits if it is a handler's; *snapshot is the last event in the
 * snapshot, 0: there is none. Returns 0;
 * -1 when out of memory, with *run NULL; -2 if the log has a gap, cannot be
 * folded or ends elsewhere than the row says: *run is what could be folded.
 */
int engine_recover_run(const struct engine_memory *memory,
                       const struct engine_defects *defects,
                       const struct engine_graph *graph,
                       const struct engine_run_row *row,
                       const struct engine_reply *reply,
                       const struct engine_limits *limits,
                       struct engine_run **run, uint64_t *snapshot);

/* Whether each attempt under way has its work row in the reply. */
bool engine_recover_rows_agree(const struct engine_run *run,
                               const struct engine_reply *reply);

#endif
