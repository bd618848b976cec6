#include "tests/support/celery_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/profile.h"
#include "tests/support/cause_check.h"

/* Ends the program, which is a test: what for is said. */
#define MUST(condition, words)                                                 \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "celery_bed: %s\n", words);                        \
            abort();                                                           \
        }                                                                      \
    } while (0)

static const struct sim_demand plain = {.name = "add"};

struct sim_celery_config celery_bed_read(const char *json)
{
    struct profile *profile = calloc(1, sizeof(*profile));
    struct data_dir dir = {.dir = "scenarios"};
    struct data_files files = data_dir_files(&dir);
    struct json_doc *doc = NULL;
    struct json_error err = {0};
    MUST(profile != NULL, "memory ran out");
    bool ok =
        json_read_bytes("platform", json, strlen(json), &doc, &err) == 0 &&
        profile_read(json_root(doc), &files, profile, &err);
    MUST(ok, err.text);
    struct sim_celery_config config = profile->celery.config;
    json_free(doc);
    data_dir_deinit(&dir);
    free(profile);
    return config;
}

struct sim_celery_config celery_bed_config(const char *name)
{
    char json[100];
    snprintf(json, sizeof(json), "{\"profile\": \"%s\"}", name);
    return celery_bed_read(json);
}

static void *roomy(void *list, uint32_t used, uint32_t *room, size_t size)
{
    if (used < *room)
        return list;
    uint32_t more = used + 64 > 2 * *room ? used + 64 : 2 * *room;
    char *longer = realloc(list, more * size);
    MUST(longer != NULL, "memory ran out");
    memset(longer + *room * size, 0, (more - *room) * size);
    *room = more;
    return longer;
}

void celery_bed_init(struct celery_bed *bed,
                     const struct sim_celery_config *config, uint64_t seed)
{
    *bed = (struct celery_bed){.config = *config};
    MUST(sim_celery_model(&bed->model, config, seed) == 0, "no model");
}

void celery_bed_deinit(struct celery_bed *bed)
{
    bed->model.ops->free(bed->model.self);
    sim_actions_free(&bed->actions);
    free(bed->jobs);
    free(bed->runs);
    free(bed->places);
}

static void unrun(struct celery_bed *bed, uint32_t place)
{
    for (uint32_t i = 0; i < bed->run_count; i++)
        if (bed->runs[i].place == place) {
            bed->jobs[bed->runs[i].job].running--;
            bed->runs[i] = bed->runs[--bed->run_count];
            bed->places[place].job = SIM_MODEL_NONE;
            return;
        }
}

static void start(struct celery_bed *bed, const struct sim_action *action)
{
    struct bed_job *job = &bed->jobs[action->job];
    struct bed_place *place = &bed->places[action->place];
    MUST(action->place < bed->places_room && place->open,
         "started in a place that is closed");
    MUST(place->job == SIM_MODEL_NONE, "two jobs in one child");
    MUST(job->fails + job->forgets == 0, "started after its end");
    place->job = action->job;
    if (job->starts++ == 0)
        job->first_ns = action->time_ns;
    job->last_ns = action->time_ns;
    job->deadline_ns = action->deadline_ns;
    job->running++;
    job->place = action->place;
    job->host = action->host;
    struct sim_work work = {.nominal_ns = job->takes_ns, .threads = 1};
    uint64_t takes_ns =
        bed->model.ops->run_ns(bed->model.self, bed->now_ns, action->place,
                               action->job, &work, &bed->actions);
    bed->runs =
        roomy(bed->runs, bed->run_count, &bed->runs_room, sizeof(*bed->runs));
    bed->runs[bed->run_count++] = (struct bed_run){action->time_ns + takes_ns,
                                                   action->place, action->job};
}

static void over(struct celery_bed *bed, const struct sim_action *action)
{
    struct bed_job *job = &bed->jobs[action->job];
    MUST(job->running == 0, "its end while it runs");
    MUST(job->fails + job->forgets == 0, "two ends");
    job->fails += action->kind == SIM_ACTION_FAIL;
    job->forgets += action->kind == SIM_ACTION_FORGET;
    job->over_ns = action->time_ns;
    if (action->cause)
        job->cause = *action->cause;
}

static void open_place(struct celery_bed *bed, const struct sim_action *action)
{
    bed->places = roomy(bed->places, action->place, &bed->places_room,
                        sizeof(*bed->places));
    MUST(!bed->places[action->place].open, "opened twice");
    bed->places[action->place] =
        (struct bed_place){action->time_ns, action->host, SIM_MODEL_NONE, true};
}

static void act(struct celery_bed *bed, const struct sim_action *action)
{
    switch ((enum sim_action_kind)action->kind) {
    case SIM_ACTION_OPEN:
        open_place(bed, action);
        break;
    case SIM_ACTION_CLOSE:
        MUST(bed->places[action->place].open, "closed twice");
        unrun(bed, action->place);
        bed->places[action->place].open = false;
        bed->closes[action->code]++;
        break;
    case SIM_ACTION_START:
        start(bed, action);
        break;
    case SIM_ACTION_FAIL:
    case SIM_ACTION_FORGET:
        over(bed, action);
        break;
    case SIM_ACTION_WARN:
        MUST(action->code == SIM_CELERY_WARN_SOFT, "a warning of what?");
        bed->warned++;
        bed->warned_ns = action->time_ns;
        break;
    case SIM_ACTION_STATE:
        bed->jobs[action->job].states[action->code]++;
        break;
    case SIM_ACTION_PACE:
        MUST(false, "Celery has no pace");
    }
}

static void mix(struct celery_bed *bed, uint64_t value)
{
    bed->digest = (bed->digest ^ value) * UINT64_C(0x100000001b3);
}

static void carry_out(struct celery_bed *bed)
{
    uint64_t last_ns = 0;
    MUST(!bed->actions.failed, "memory ran out");
    for (uint32_t i = 0; i < bed->actions.count; i++) {
        struct sim_action action = bed->actions.list[i];
        MUST(!cause_fault("celery", action.cause), "a cause without a code");
        MUST(action.time_ns <= bed->now_ns, "an action of the future");
        MUST(action.time_ns >= last_ns, "actions out of order");
        last_ns = action.time_ns;
        mix(bed, action.time_ns);
        mix(bed, (uint64_t)action.kind << 32 | action.job);
        mix(bed, (uint64_t)action.code << 32 | action.place);
        act(bed, &action);
    }
    bed->actions.count = 0;
}

/* The run that ends first; run_count if there is none. */
static uint32_t first_run(const struct celery_bed *bed)
{
    uint32_t best = bed->run_count;
    for (uint32_t i = 0; i < bed->run_count; i++)
        if (best == bed->run_count ||
            bed->runs[i].end_ns < bed->runs[best].end_ns ||
            (bed->runs[i].end_ns == bed->runs[best].end_ns &&
             bed->runs[i].place < bed->runs[best].place))
            best = i;
    return best;
}

static void finish(struct celery_bed *bed, uint32_t index)
{
    struct bed_run run = bed->runs[index];
    unrun(bed, run.place);
    bed->jobs[run.job].finishes++;
    bed->model.ops->finished(bed->model.self, bed->now_ns, run.place, run.job,
                             &bed->actions);
}

/* False: nothing is due until then. */
static bool step(struct celery_bed *bed, uint64_t until_ns)
{
    uint64_t model_ns = bed->model.ops->next_ns(bed->model.self);
    uint32_t run = first_run(bed);
    uint64_t run_ns = run < bed->run_count ? bed->runs[run].end_ns : UINT64_MAX;
    if (model_ns > until_ns && run_ns > until_ns)
        return false;
    uint64_t next_ns = model_ns < run_ns ? model_ns : run_ns;
    MUST(next_ns >= bed->now_ns || bed->now_ns == 0, "due in the past");
    bed->now_ns = next_ns;
    if (model_ns <= run_ns)
        bed->model.ops->advance(bed->model.self, model_ns, &bed->actions);
    else
        finish(bed, run);
    carry_out(bed);
    return true;
}

void celery_bed_run(struct celery_bed *bed, uint64_t until_ns)
{
    carry_out(bed); /* of what was asked of the model itself */
    while (step(bed, until_ns))
        ;
    bed->now_ns = until_ns;
}

bool celery_bed_drain(struct celery_bed *bed, uint64_t until_ns)
{
    while (bed->model.ops->counts(bed->model.self)->jobs > 0)
        if (!step(bed, until_ns))
            return false;
    return true;
}

uint32_t celery_bed_submit(struct celery_bed *bed,
                           const struct sim_demand *demand, uint64_t takes_ns)
{
    uint32_t id = bed->job_count;
    bed->jobs = roomy(bed->jobs, id, &bed->jobs_room, sizeof(*bed->jobs));
    bed->jobs[id] = (struct bed_job){.takes_ns = takes_ns};
    struct sim_job job = {
        .id = id, .demand = demand ? demand : &plain, .payload_bytes = 1000};
    int error = bed->model.ops->submit(bed->model.self, bed->now_ns, &job,
                                       &bed->answer, &bed->actions);
    MUST(error == 0, "memory ran out");
    carry_out(bed);
    if (bed->answer.answer != SIM_SUBMIT_ACCEPTED)
        return SIM_MODEL_NONE;
    bed->job_count++;
    return id;
}

void celery_bed_kill(struct celery_bed *bed, uint32_t place, uint32_t exit_code)
{
    unrun(bed, place);
    bed->model.ops->exited(bed->model.self, bed->now_ns, place, exit_code,
                           &bed->actions);
    carry_out(bed);
}

void celery_bed_kill_host(struct celery_bed *bed, uint32_t host)
{
    bool up = bed->model.ops->fail_host(bed->model.self, bed->now_ns, host,
                                        &bed->actions);
    MUST(up, "the host is not up");
    carry_out(bed);
}

uint32_t celery_bed_places(const struct celery_bed *bed)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < bed->places_room; i++)
        count += bed->places[i].open;
    return count;
}
