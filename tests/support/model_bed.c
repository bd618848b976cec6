#include "tests/support/model_bed.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cause_check.h"

void bed_init(struct bed *bed, struct sim_model model)
{
    *bed = (struct bed){.model = model, .now_ns = BED_START};
}

void bed_deinit(struct bed *bed)
{
    bed->model.ops->free(bed->model.self);
    sim_actions_free(&bed->actions);
    sim_heap_deinit(&bed->ends);
    free(bed->jobs);
    free(bed->places);
}

static struct bed_place *place_at(struct bed *bed, uint32_t p)
{
    cr_assert_neq(p, SIM_MODEL_NONE);
    if (p >= bed->place_count) {
        uint32_t count = p + 64;
        bed->places = realloc(bed->places, count * sizeof(*bed->places));
        for (uint32_t i = bed->place_count; i < count; i++) {
            bed->places[i] = (struct bed_place){.job = SIM_MODEL_NONE};
        }
        bed->place_count = count;
        cr_assert_eq(sim_heap_reserve(&bed->ends, count), 0);
    }
    return &bed->places[p];
}

static void leave(struct bed *bed, uint32_t p)
{
    bed->jobs[bed->places[p].job].running--;
    bed->running--;
    bed->places[p].job = SIM_MODEL_NONE;
    sim_heap_cut(&bed->ends, p);
}

static void on_start(struct bed *bed, const struct sim_action *action)
{
    struct bed_place *place = place_at(bed, action->place);
    struct bed_job *job = &bed->jobs[action->job];
    cr_assert(place->open, "a job starts where nothing is");
    cr_assert_eq(place->job, SIM_MODEL_NONE, "two jobs in one place");
    cr_assert(job->open, "a job starts that is over");
    if (job->starts++ == 0) {
        job->start_ns = action->time_ns;
    }
    job->last_start_ns = action->time_ns;
    job->deadline_ns = action->deadline_ns;
    job->place = action->place;
    job->host = action->host;
    job->running++;
    place->job = action->job;
    bed->running++;
    if (bed->running > bed->running_peak) {
        bed->running_peak = bed->running;
    }
    uint64_t takes_ns =
        bed->model.ops->run_ns(bed->model.self, bed->now_ns, action->place,
                               action->job, &job->work, &bed->actions);
    sim_heap_set(&bed->ends, action->place, bed->now_ns + takes_ns);
}

static void on_close(struct bed *bed, const struct sim_action *action)
{
    struct bed_place *place = place_at(bed, action->place);
    cr_assert(place->open, "a place is closed that is not open");
    cr_assert_str_neq(bed->model.ops->end_name(action->code), "");
    if (place->job != SIM_MODEL_NONE) {
        bed->jobs[place->job].closes++;
        bed->jobs[place->job].end = action->code;
        leave(bed, action->place);
    }
    place->open = false;
}

static void on_over(struct bed *bed, const struct sim_action *action)
{
    struct bed_job *job = &bed->jobs[action->job];
    cr_assert(job->open, "a job is over twice");
    cr_assert_eq(job->running, 0, "a job is over while it runs");
    job->open = false;
    job->over_ns = action->time_ns;
    bed->open--;
    if (action->kind == SIM_ACTION_FAIL) {
        cr_assert_not_null(action->cause);
        cr_assert_neq(action->cause->error, ENGINE_ERR_NONE);
        job->failed = true;
        job->cause = *action->cause;
    }
}

static void on_other(struct bed *bed, const struct sim_action *action)
{
    const struct sim_model_ops *ops = bed->model.ops;
    struct bed_place *place;
    struct bed_job *job;
    switch ((enum sim_action_kind)action->kind) {
    case SIM_ACTION_STATE:
        cr_assert_str_neq(ops->state_name(action->code), "");
        job = &bed->jobs[action->job];
        job->state = action->code;
        job->states |= 1U << action->code;
        break;
    case SIM_ACTION_OPEN:
        place = place_at(bed, action->place);
        cr_assert_not(place->open, "a place is opened twice");
        place->open = true;
        break;
    case SIM_ACTION_WARN:
        place = place_at(bed, action->place);
        cr_assert(place->open);
        if (place->job != SIM_MODEL_NONE) {
            bed->jobs[place->job].warned_ns = action->time_ns;
            bed->jobs[place->job].warning_ns = action->deadline_ns;
        }
        break;
    case SIM_ACTION_PACE:
        place = place_at(bed, action->place);
        if (place->job != SIM_MODEL_NONE) {
            bed->jobs[place->job].paces++;
            sim_heap_set(&bed->ends, action->place,
                         bed->now_ns + ops->left_ns(bed->model.self,
                                                    bed->now_ns, action->place,
                                                    place->job));
        }
        break;
    default:
        cr_assert_fail("an action that does not exist");
    }
}

static void hash(struct bed *bed, const struct sim_action *action)
{
    const uint64_t words[] = {
        action->time_ns, action->deadline_ns, action->job,  action->place,
        action->host,    action->kind,        action->code, action->a};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        bed->digest = (bed->digest ^ words[i]) * UINT64_C(1099511628211);
    }
}

/* Acting may make more actions: they come behind. */
static void carry_out(struct bed *bed)
{
    for (uint32_t i = 0; i < bed->actions.count; i++) {
        struct sim_action action = bed->actions.list[i];
        cr_assert_null(cause_fault(bed->model.ops->kind, action.cause), "%s",
                       action.cause->words);
        cr_assert_leq(action.time_ns, bed->now_ns);
        hash(bed, &action);
        if (action.kind == SIM_ACTION_START) {
            on_start(bed, &action);
        } else if (action.kind == SIM_ACTION_CLOSE) {
            on_close(bed, &action);
        } else if (action.kind == SIM_ACTION_FAIL ||
                   action.kind == SIM_ACTION_FORGET) {
            on_over(bed, &action);
        } else {
            on_other(bed, &action);
        }
    }
    cr_assert_not(bed->actions.failed);
    bed->actions.count = 0;
    cr_assert_geq(bed->model.ops->next_ns(bed->model.self), bed->now_ns);
    const struct sim_model_counts *counts =
        bed->model.ops->counts(bed->model.self);
    cr_assert_eq(counts->jobs, bed->open, "jobs do not add up");
    cr_assert_eq(counts->running, bed->running, "running does not add up");
}

uint32_t bed_submit(struct bed *bed, const struct sim_demand *demand,
                    const struct sim_work *work, uint64_t payload_bytes)
{
    uint32_t id = bed->job_count++;
    if ((id & (id + 1)) == 0) {
        bed->jobs =
            realloc(bed->jobs, (2 * (size_t)id + 2) * sizeof(*bed->jobs));
    }
    struct sim_job job = {
        .id = id, .demand = demand, .payload_bytes = payload_bytes};
    struct sim_submitted answer;
    bed->jobs[id] =
        (struct bed_job){.work = *work, .submitted_ns = bed->now_ns};
    cr_assert_eq(bed->model.ops->submit(bed->model.self, bed->now_ns, &job,
                                        &answer, &bed->actions),
                 0);
    bed->jobs[id].answer = answer;
    bed->jobs[id].open = answer.answer == SIM_SUBMIT_ACCEPTED;
    bed->open += bed->jobs[id].open;
    carry_out(bed);
    return id;
}

static uint64_t next_ns(const struct bed *bed)
{
    uint64_t model_ns = bed->model.ops->next_ns(bed->model.self);
    uint64_t end_ns = sim_heap_next(&bed->ends);
    return model_ns < end_ns ? model_ns : end_ns;
}

static void step(struct bed *bed)
{
    const struct sim_model_ops *ops = bed->model.ops;
    bed->now_ns = next_ns(bed);
    if (ops->next_ns(bed->model.self) <= bed->now_ns) {
        ops->advance(bed->model.self, bed->now_ns, &bed->actions);
    } else {
        uint32_t p = sim_heap_pop(&bed->ends);
        uint32_t job = bed->places[p].job;
        leave(bed, p);
        ops->finished(bed->model.self, bed->now_ns, p, job, &bed->actions);
    }
    carry_out(bed);
}

void bed_run_until(struct bed *bed, uint64_t until_ns)
{
    while (next_ns(bed) <= until_ns) {
        step(bed);
    }
    bed->now_ns = until_ns;
}

void bed_run(struct bed *bed)
{
    for (uint64_t steps = 0; bed->open > 0; steps++) {
        cr_assert_lt(steps, 10000000, "it does not end");
        cr_assert_neq(next_ns(bed), UINT64_MAX, "%u jobs are stuck", bed->open);
        step(bed);
    }
}

void bed_crash(struct bed *bed, uint32_t place, uint32_t exit_code)
{
    if (place >= bed->place_count || !bed->places[place].open) {
        return;
    }
    if (bed->places[place].job != SIM_MODEL_NONE) {
        leave(bed, place);
    }
    bed->model.ops->exited(bed->model.self, bed->now_ns, place, exit_code,
                           &bed->actions);
    carry_out(bed);
}

bool bed_fail_host(struct bed *bed, uint32_t host)
{
    bool up = bed->model.ops->fail_host(bed->model.self, bed->now_ns, host,
                                        &bed->actions);
    carry_out(bed);
    return up;
}

void bed_outage(struct bed *bed, uint64_t until_ns)
{
    bed->model.ops->outage(bed->model.self, bed->now_ns, until_ns,
                           &bed->actions);
    carry_out(bed);
}

const char *bed_root(const struct sim_cause *cause)
{
    const char *line = strrchr(cause->words, '\n');
    return line != NULL ? line + 1 : cause->words;
}
