#include "engine/host/store_runs.h"

#include <assert.h>
#include <string.h>

void store_runs_forget(struct store_runs *runs)
{
    memset(runs->rows, 0, sizeof(runs->rows));
    runs->grouped = false;
    runs->current = false;
}

void store_runs_begin(struct store_runs *runs)
{
    runs->grouped = true;
    runs->current = false;
}

void store_runs_commit(struct store_runs *runs, uint32_t version)
{
    runs->grouped = false;
    runs->version = version;
}

void store_runs_read(struct store_runs *runs, uint32_t version)
{
    if (!runs->grouped || runs->current)
        return;
    if (version != runs->version)
        memset(runs->rows, 0, sizeof(runs->rows));
    runs->version = version;
    runs->current = true;
}

const struct engine_run_row *store_runs_find(const struct store_runs *runs,
                                             uint64_t run)
{
    const struct engine_run_row *row = &runs->rows[run % STORE_RUNS_MAX];

    return runs->grouped && runs->current && run && row->run == run ? row
                                                                    : NULL;
}

void store_runs_keep(struct store_runs *runs, const struct engine_run_row *row)
{
    runs->rows[row->run % STORE_RUNS_MAX] = *row;
}

void store_runs_advance(struct store_runs *runs,
                        const struct engine_run_row *row)
{
    struct engine_run_row *kept = &runs->rows[row->run % STORE_RUNS_MAX];

    if (kept->run != row->run)
        return;
    kept->next_seq = row->next_seq;
    kept->tail = row->tail;
    kept->hash = row->hash;
    kept->state = row->state;
}

void store_runs_update(struct store_runs *runs,
                       const struct engine_run_row *row)
{
    struct engine_run_row *kept = &runs->rows[row->run % STORE_RUNS_MAX];
    uint32_t workflow = kept->workflow;

    if (kept->run != row->run)
        return;
    *kept = *row;
    kept->workflow = workflow;
}
