#include "scenarios/recovery.h"

#include <stdlib.h>

/* A step of a run that is scheduled and not yet taken into the log. */
struct step {
    uint32_t op;
    bool open;   /* an attempt of it is in the store */
    bool waited; /* it was under way when the recovery began */
};

struct recovery_run {
    uint64_t run;
    struct step *steps;
    uint32_t step_count;
    uint32_t step_capacity;
    uint32_t open;   /* steps under way */
    uint32_t waited; /* of them, since the recovery began */
    bool created;    /* durably */
    bool ended;      /* its result is not acknowledged yet */
    bool over;       /* acknowledged */
    bool owes;       /* its creation or its result is waited for */
};

void recovery_init(struct recovery *recovery)
{
    *recovery = (struct recovery){0};
}

void recovery_deinit(struct recovery *recovery)
{
    for (uint32_t i = 0; i < recovery->count; i++)
        free(recovery->runs[i].steps);
    free(recovery->runs);
    *recovery = (struct recovery){0};
}

/* Room for one more; what there is may move. */
static bool grow(void **array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    uint32_t more = *capacity ? 2 * *capacity : 16;
    void *grown = realloc(*array, more * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = more;
    return true;
}

/* Runs and steps that are spoken of now were mostly met last. */
static struct recovery_run *find_run(struct recovery *recovery, uint64_t number)
{
    for (uint32_t i = recovery->count; i-- > 0;)
        if (recovery->runs[i].run == number)
            return &recovery->runs[i];
    if (!grow((void **)&recovery->runs, recovery->count, &recovery->capacity,
              sizeof(*recovery->runs))) {
        recovery->failed = true;
        return NULL;
    }
    struct recovery_run *run = &recovery->runs[recovery->count++];
    *run = (struct recovery_run){.run = number};
    return run;
}

static struct step *find_step(struct recovery *recovery,
                              struct recovery_run *run, uint32_t op)
{
    for (uint32_t i = run->step_count; i-- > 0;)
        if (run->steps[i].op == op)
            return &run->steps[i];
    if (!grow((void **)&run->steps, run->step_count, &run->step_capacity,
              sizeof(*run->steps))) {
        recovery->failed = true;
        return NULL;
    }
    struct step *step = &run->steps[run->step_count++];
    *step = (struct step){.op = op};
    return step;
}

/* A run that owes nothing any more is not waited for. */
static void settle(struct recovery *recovery, struct recovery_run *run,
                   bool owed)
{
    if (owed && run->waited == 0 && !run->owes)
        recovery->waited--;
}

static bool owes(const struct recovery_run *run)
{
    return run->waited > 0 || run->owes;
}

static void put_step(struct recovery *recovery, struct recovery_run *run,
                     uint32_t op)
{
    struct step *step = find_step(recovery, run, op);
    if (step && !step->open) {
        step->open = true;
        run->open++;
    }
}

/* Reported and taken. One that was cut off is to be done again. */
static void take_step(struct recovery *recovery, struct recovery_run *run,
                      uint32_t op)
{
    struct step *step = find_step(recovery, run, op);
    if (!step)
        return;
    run->open -= step->open;
    run->waited -= step->waited;
    step->open = false;
    step->waited = false;
}

/* No step of it is waited for: the run has ended, or an operator has to. */
static void drop_steps(struct recovery_run *run)
{
    for (uint32_t i = 0; i < run->step_count; i++) {
        run->steps[i].open = false;
        run->steps[i].waited = false;
    }
    run->open = 0;
    run->waited = 0;
}

static void feed_event(struct recovery_run *run,
                       const struct engine_record *record)
{
    switch (record->detail) {
    case ENGINE_EV_RUN_CREATED:
        run->created = true;
        run->owes = false;
        break;
    case ENGINE_EV_RUN_SUCCEEDED:
    case ENGINE_EV_RUN_FAILED:
    case ENGINE_EV_RUN_CANCELLED:
    case ENGINE_EV_RUN_TIMED_OUT:
    case ENGINE_EV_RUN_STOPPED:
        run->ended = true;
        drop_steps(run);
        break;
    case ENGINE_EV_RUN_BLOCKED:
        drop_steps(run);
        break;
    default:
        break;
    }
}

static void feed_run(struct recovery *recovery, struct recovery_run *run,
                     const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_EVENT:
        feed_event(run, record);
        break;
    case ENGINE_REC_WORK_PUT:
        put_step(recovery, run, record->op);
        break;
    case ENGINE_REC_WORK_TAKEN:
        take_step(recovery, run, record->op);
        break;
    case ENGINE_REC_OUTBOX_ACKED:
        if (run->ended) {
            run->over = true;
            run->owes = false;
        }
        break;
    default:
        break;
    }
}

void recovery_feed(struct recovery *recovery,
                   const struct engine_record *record)
{
    if ((record->kind == ENGINE_REC_PROC_UP ||
         record->kind == ENGINE_REC_PROC_RESUMED) &&
        record->node == recovery->struck)
        recovery->struck = 0;
    if (record->kind != ENGINE_REC_START_SENT &&
        record->kind != ENGINE_REC_EVENT &&
        record->kind != ENGINE_REC_WORK_PUT &&
        record->kind != ENGINE_REC_WORK_TAKEN &&
        record->kind != ENGINE_REC_OUTBOX_ACKED)
        return;
    struct recovery_run *run = find_run(recovery, record->run);
    if (!run)
        return;
    bool owed = owes(run);
    feed_run(recovery, run, record);
    settle(recovery, run, owed);
}

void recovery_begin(struct recovery *recovery, uint32_t node)
{
    recovery->begun = true;
    recovery->struck = node;
    recovery->waited = 0;
    for (uint32_t i = 0; i < recovery->count; i++) {
        struct recovery_run *run = &recovery->runs[i];
        for (uint32_t k = 0; k < run->step_count; k++)
            run->steps[k].waited = run->steps[k].open;
        run->waited = run->open;
        run->owes = !run->created || (run->ended && !run->over);
        recovery->waited += owes(run);
    }
}
