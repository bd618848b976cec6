#include "reports/served.h"

#include "engine/wire.h"

int served_init(struct served *served, const struct check_view *view)
{
    served->runs_max = view->world->runs_max;
    return check_by_run_init(&served->runs, view->fold,
                             sizeof(struct served_run));
}

void served_deinit(struct served *served)
{
    check_by_run_deinit(&served->runs);
}

void served_feed(struct served *served, const struct engine_record *record)
{
    struct served_run *run = check_by_run(&served->runs, record->run);

    if (!run)
        return;
    if (record->kind == ENGINE_REC_START_SENT && !run->started_ns)
        run->started_ns = record->time_ns;
    if (record->kind == ENGINE_REC_APPENDED &&
        record->state != ENGINE_RUN_RUNNING && !run->done_ns)
        run->done_ns = record->time_ns;
}

void served_set_apart(struct served *served, uint64_t number)
{
    struct served_run *run = check_by_run(&served->runs, number);

    if (run)
        run->apart = true;
}

bool served_is_apart(struct served *served, uint64_t number)
{
    const struct served_run *run = check_by_run(&served->runs, number);

    return run && run->apart;
}

static bool is_in(const struct served_run *run, const struct served_span *span)
{
    if (run->apart || run->started_ns < span->from_ns ||
        run->started_ns > span->to_ns || !run->started_ns)
        return false;
    /* The world ended before it could be late. */
    return run->done_ns || span->end_ns - run->started_ns > span->bound_ns;
}

struct served_count served_in(struct served *served,
                              const struct served_span *span)
{
    struct served_count count = {0};

    for (uint64_t number = 1; number <= served->runs_max; number++) {
        const struct served_run *run = check_by_run(&served->runs, number);

        if (!run || !is_in(run, span))
            continue;
        count.offered++;
        if (run->done_ns && run->done_ns - run->started_ns <= span->bound_ns)
            continue;
        if (!count.late++)
            count.first = number;
    }
    return count;
}
