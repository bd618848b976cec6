#include "sim/platform/front.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/sim_workers.h"

#define NONE SIM_MODEL_NONE
#define NEVER SIM_MODEL_NEVER

enum {
    HEARD_MAX = 64
};

/* A model that does what it is told and writes down what it hears. */
struct fake {
    struct sim_model_counts counts;
    enum sim_submit_answer answer;
    struct sim_cause cause;
    uint64_t deadline_ns; /* from the start of a job; 0: none */
    uint64_t due_ns;
    uint64_t left_ns;
    uint32_t job; /* the last one */
    uint32_t finished, exited, submitted, hosts;
    uint64_t away_ns;
    bool open;
};

static void open_and_start(struct fake *f, uint64_t now_ns,
                           struct sim_actions *actions)
{
    struct sim_action *action;
    if (!f->open) {
        action = sim_actions_add(actions, now_ns, SIM_ACTION_OPEN);
        action->place = 0;
        action->job = f->job;
    }
    f->open = true;
    action = sim_actions_add(actions, now_ns, SIM_ACTION_START);
    action->place = 0;
    action->job = f->job;
    f->due_ns = f->deadline_ns ? now_ns + f->deadline_ns : NEVER;
    action->deadline_ns = f->due_ns;
}

static void give_up(struct fake *f, uint64_t now_ns, struct sim_actions *a)
{
    struct sim_action *action = sim_actions_add(a, now_ns, SIM_ACTION_CLOSE);
    action->place = 0;
    action->job = f->job;
    action->code = 3;
    action->cause = &f->cause;
    action = sim_actions_add(a, now_ns, SIM_ACTION_FAIL);
    action->job = f->job;
    action->cause = &f->cause;
    f->due_ns = NEVER;
    f->open = false;
}

static int fake_submit(void *self, uint64_t now_ns, const struct sim_job *job,
                       struct sim_submitted *out, struct sim_actions *actions)
{
    struct fake *f = self;
    f->submitted++;
    out->answer = f->answer;
    out->reason = 7;
    out->cause = f->cause;
    if (f->answer != SIM_SUBMIT_ACCEPTED)
        return 0;
    f->job = job->id;
    open_and_start(f, now_ns, actions);
    return 0;
}

static uint64_t fake_next(const void *self)
{
    const struct fake *f = self;
    return f->due_ns;
}

static void fake_advance(void *self, uint64_t now_ns, struct sim_actions *a)
{
    struct fake *f = self;
    cr_assert_leq(f->due_ns, now_ns);
    f->cause =
        (struct sim_cause){ENGINE_ERR_TIMED_OUT, "platform: Deadline: x"};
    give_up(f, now_ns, a);
}

static void fake_finished(void *self, uint64_t now_ns, uint32_t place,
                          uint32_t job, struct sim_actions *actions)
{
    struct fake *f = self;
    cr_assert_eq(place, 0);
    cr_assert_eq(job, f->job);
    f->finished++;
    f->due_ns = NEVER;
    sim_actions_add(actions, now_ns, SIM_ACTION_FORGET)->job = job;
}

static void fake_exited(void *self, uint64_t now_ns, uint32_t place,
                        uint32_t exit_code, struct sim_actions *actions)
{
    struct fake *f = self;
    cr_assert_eq(place, 0);
    cr_assert_eq(exit_code, 137);
    f->exited++;
    f->cause = (struct sim_cause){ENGINE_ERR_INTERRUPTED, "platform: Died: x"};
    give_up(f, now_ns, actions);
}

static uint64_t fake_run(void *self, uint64_t now_ns, uint32_t place,
                         uint32_t job, const struct sim_work *work,
                         struct sim_actions *actions)
{
    const struct fake *f = self;
    (void)now_ns;
    (void)actions;
    cr_assert_eq(place, 0);
    cr_assert_eq(job, f->job);
    return work->nominal_ns;
}

static uint64_t fake_left(void *self, uint64_t now_ns, uint32_t place,
                          uint32_t job)
{
    const struct fake *f = self;
    (void)now_ns;
    (void)place;
    (void)job;
    return f->left_ns;
}

static bool fake_fail_host(void *self, uint64_t now_ns, uint32_t host,
                           struct sim_actions *actions)
{
    struct fake *f = self;
    if (host != 2)
        return false; /* the others are down */
    f->hosts++;
    sim_actions_add(actions, now_ns, SIM_ACTION_PACE)->place = 0;
    return true;
}

static void fake_outage(void *self, uint64_t now_ns, uint64_t until_ns,
                        struct sim_actions *actions)
{
    struct fake *f = self;
    (void)actions;
    f->away_ns = until_ns - now_ns;
}

static const struct sim_model_counts *fake_counts(const void *self)
{
    const struct fake *f = self;
    return &f->counts;
}

static const struct sim_model_ops fake_ops = {
    .kind = "fake",
    .submit = fake_submit,
    .next_ns = fake_next,
    .advance = fake_advance,
    .finished = fake_finished,
    .exited = fake_exited,
    .run_ns = fake_run,
    .left_ns = fake_left,
    .fail_host = fake_fail_host,
    .outage = fake_outage,
    .counts = fake_counts,
};

static struct sim_workers *rig_with(struct fake *fake)
{
    *fake = (struct fake){.due_ns = NEVER, .counts.hosts_started = 3};
    return sim_workers_on((struct sim_model){&fake_ops, fake}, 1);
}

Test(sim_front, a_job_runs_in_a_process_started_for_it_and_is_finished_once)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    cr_expect_not(sim_node_up(rig->bed->world, SIM_NODE_WORKER));
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 5 * SIM_BED_MS);
    cr_expect(sim_node_up(rig->bed->world, SIM_NODE_WORKER));
    sim_bed_run(rig->bed, 1000 * SIM_BED_MS);
    cr_expect_eq(rig->reports, 1);
    cr_expect_eq(fake.finished, 1);
    cr_expect_eq(sim_bed_count(rig->bed, ENGINE_REC_ENV_STARTED), 1);
    cr_expect_eq(sim_bed_record(rig->bed, ENGINE_REC_INVOKED, 0)->detail, 1);
    sim_workers_dispatch(rig, 2);
    sim_bed_run(rig->bed, 2000 * SIM_BED_MS);
    cr_expect_eq(sim_bed_record(rig->bed, ENGINE_REC_INVOKED, 1)->detail, 2,
                 "the same process, warm");
    cr_expect_eq(fake.finished, 2);
    cr_expect_eq(sim_bed_count(rig->bed, ENGINE_REC_ENV_STARTED), 1);
    sim_workers_free(rig);
}

Test(sim_front, a_refusal_goes_back_with_its_class_and_cause)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    fake.answer = SIM_SUBMIT_REFUSED;
    fake.cause = (struct sim_cause){ENGINE_ERR_SIZE_LIMIT, "platform: Big: x"};
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 5 * SIM_BED_MS);
    cr_expect_eq(rig->failed, 1);
    cr_expect_eq(rig->failed_error, ENGINE_ERR_SIZE_LIMIT);
    cr_expect_str_eq(rig->failed_words, "platform: Big: x");
    fake.answer = SIM_SUBMIT_THROTTLED;
    sim_workers_dispatch(rig, 2);
    sim_bed_run(rig->bed, 10 * SIM_BED_MS);
    const struct engine_record *throttled =
        sim_bed_record(rig->bed, ENGINE_REC_THROTTLED, 0);
    cr_assert_not_null(throttled);
    cr_expect_eq(throttled->detail, 7);
    cr_expect_eq(rig->claims, 0);
    sim_workers_free(rig);
}

Test(sim_front, the_end_of_a_place_kills_its_process_and_tells_who_asked)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    fake.deadline_ns = 6 * SIM_BED_MS;
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 50 * SIM_BED_MS);
    cr_expect_not(sim_node_up(rig->bed->world, SIM_NODE_WORKER));
    cr_expect_eq(sim_bed_count(rig->bed, ENGINE_REC_KILLED), 1);
    cr_expect_eq(sim_bed_record(rig->bed, ENGINE_REC_ENV_ENDED, 0)->detail, 3);
    cr_expect_eq(rig->failed_error, ENGINE_ERR_TIMED_OUT);
    cr_expect_eq(fake.exited, 0, "the model has killed it itself");
    cr_expect_eq(rig->reports, 0);
    sim_workers_free(rig);
}

Test(sim_front, a_process_that_dies_has_exited_and_its_job_has_failed)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 5 * SIM_BED_MS);
    sim_process_crash(rig->bed->world, SIM_NODE_WORKER, ENGINE_ACT_CRASH);
    sim_bed_run(rig->bed, 10 * SIM_BED_MS);
    cr_expect_eq(fake.exited, 1);
    cr_expect_eq(fake.finished, 0);
    cr_expect_eq(rig->failed_error, ENGINE_ERR_INTERRUPTED);
    sim_workers_free(rig);
}

Test(sim_front, a_dispatch_that_the_worker_does_not_want_takes_no_place)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    rig->store_refuses = 1;
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 100 * SIM_BED_MS);
    cr_expect_eq(fake.finished, 1);
    cr_expect_eq(rig->reports, 0);
    sim_workers_free(rig);
}

Test(sim_front, work_ends_when_the_platform_says_it_does_at_its_new_speed)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    (void)sim_dist_constant(&rig->step.duration, 100 * SIM_BED_MS);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 50 * SIM_BED_MS);
    cr_expect_eq(rig->reports, 0);
    fake.left_ns = 500 * SIM_BED_MS;
    cr_expect(sim_front_fail_host(rig->front), "it sends PACE");
    cr_expect_eq(fake.hosts, 1);
    sim_bed_run(rig->bed, 540 * SIM_BED_MS);
    cr_expect_eq(rig->reports, 0);
    sim_bed_run(rig->bed, 570 * SIM_BED_MS);
    cr_expect_eq(rig->reports, 1);
    cr_expect(sim_front_outage(rig->front, 5 * SIM_BED_MS));
    cr_expect_eq(fake.away_ns, 5 * SIM_BED_MS);
    sim_workers_free(rig);
}

/* What the model is asked, the worker does and the owner hears. */
static void under(enum engine_action action, uint32_t submitted,
                  uint32_t claims)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    sim_bed_arm(rig->bed, SIM_POINT_PLATFORM_INVOKE, 0, 1, action, 0);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 500 * SIM_BED_MS);
    cr_expect_eq(fake.submitted, submitted, "action %d", (int)action);
    cr_expect_eq(rig->claims, claims, "action %d", (int)action);
    sim_workers_free(rig);
}

Test(sim_front, an_invocation_can_be_throttled_and_lost)
{
    under(ENGINE_ACT_NONE, 1, 1);
    under(ENGINE_ACT_THROTTLE, 0, 0);
    under(ENGINE_ACT_LOSE, 0, 0);
}

Test(sim_front, an_attempt_that_hangs_is_ended_at_the_platforms_limit)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    fake.deadline_ns = 300 * SIM_BED_MS;
    (void)sim_dist_constant(&rig->step.duration, 100 * SIM_BED_MS);
    sim_bed_arm(rig->bed, SIM_POINT_PLATFORM_INVOKE, 0, 1, ENGINE_ACT_TIMEOUT,
                0);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 250 * SIM_BED_MS);
    cr_expect_eq(rig->reports, 0);
    cr_expect_eq(rig->failed, 0);
    sim_bed_run(rig->bed, 400 * SIM_BED_MS);
    cr_expect_eq(rig->reports, 0);
    cr_expect_eq(rig->failed_error, ENGINE_ERR_TIMED_OUT);
    sim_workers_free(rig);
}

Test(sim_front, an_attempt_can_die_inside)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    (void)sim_dist_constant(&rig->step.duration, 100 * SIM_BED_MS);
    sim_bed_arm(rig->bed, SIM_POINT_PLATFORM_RUN, 0, 1, ENGINE_ACT_CRASH, 0);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 400 * SIM_BED_MS);
    cr_expect_eq(fake.exited, 1);
    cr_expect_eq(rig->reports, 0);
    sim_workers_free(rig);
}

static struct sim_workers *freezing_rig(struct fake *fake,
                                        struct sim_model_ops *freezing)
{
    *freezing = fake_ops;
    freezing->freezes = true;
    *fake = (struct fake){.due_ns = NEVER, .counts.hosts_started = 3};
    return sim_workers_on((struct sim_model){freezing, fake}, 1);
}

static enum sim_process_state state_of(const struct sim_workers *rig)
{
    return sim_node(rig->bed->world, SIM_NODE_WORKER)->state;
}

Test(sim_front, a_place_without_a_job_is_frozen_until_the_next_one_starts)
{
    struct fake fake;
    struct sim_model_ops freezing;
    struct sim_workers *rig = freezing_rig(&fake, &freezing);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 5 * SIM_BED_MS);
    cr_expect_eq(state_of(rig), SIM_PROCESS_UP);
    sim_bed_run(rig->bed, 1000 * SIM_BED_MS);
    cr_expect_eq(fake.finished, 1);
    cr_expect_eq(state_of(rig), SIM_PROCESS_PAUSED);
    sim_workers_dispatch(rig, 2);
    sim_bed_run(rig->bed, 1006 * SIM_BED_MS);
    cr_expect_eq(state_of(rig), SIM_PROCESS_UP);
    sim_bed_run(rig->bed, 2000 * SIM_BED_MS);
    cr_expect_eq(rig->reports, 2);
    cr_expect_eq(fake.finished, 2);
    cr_expect_eq(state_of(rig), SIM_PROCESS_PAUSED);
    sim_workers_free(rig);
}

Test(sim_front, a_place_of_a_platform_that_does_not_freeze_runs_on)
{
    struct fake fake;
    struct sim_workers *rig = rig_with(&fake);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 1000 * SIM_BED_MS);
    cr_expect_eq(fake.finished, 1);
    cr_expect_eq(state_of(rig), SIM_PROCESS_UP);
    sim_workers_free(rig);
}

Test(sim_front, what_reaches_a_frozen_place_waits_and_its_crash_is_an_exit)
{
    struct fake fake;
    struct sim_model_ops freezing;
    struct sim_workers *rig = freezing_rig(&fake, &freezing);
    struct engine_message stray = {.size = sizeof(stray),
                                   .kind = ENGINE_MSG_EFFECT_DONE,
                                   .from = SIM_NODE_RECEIVER,
                                   .to = SIM_NODE_WORKER};
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 1000 * SIM_BED_MS);
    uint32_t before = sim_node(rig->bed->world, SIM_NODE_WORKER)->kept_count;
    sim_local_send(rig->bed->world, &stray, SIM_BED_MS);
    sim_bed_run(rig->bed, 1010 * SIM_BED_MS);
    cr_expect_eq(sim_node(rig->bed->world, SIM_NODE_WORKER)->kept_count,
                 before + 1);
    sim_process_crash(rig->bed->world, SIM_NODE_WORKER, ENGINE_ACT_CRASH);
    sim_bed_run(rig->bed, 1020 * SIM_BED_MS);
    cr_expect_eq(fake.exited, 1);
    cr_expect_eq(state_of(rig), SIM_PROCESS_DOWN);
    sim_workers_free(rig);
}
