#include "sim/capacity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/decide.h"
#include "sim/nodes.h"
#include "sim/queue.h"

#define NONE SIM_MODEL_NONE

enum kind {
    ARRIVAL, /* the next run is due */
    START,   /* a run's creation is durable */
    END,     /* an attempt ends */
    DECIDED, /* what follows from an attempt's end is durable */
    AGAIN,   /* a retry or a throttled invocation is due */
    WAITED,  /* a wait is over */
};

enum outcome {
    GOOD,
    FAILED,    /* the step's own error */
    TIMED_OUT, /* over the attempt's time limit */
    KILLED,    /* over the platform's time limit */
    REFUSED,   /* too large for the platform */
};

/*
 * An event's kind word: kind, outcome, operation, and how often its invocation
 * was throttled. Its target is the run; arg is the time that an attempt took
 * that is at its END, and the time since when an AGAIN is ready. Of a model's
 * job, END has the stint and its serial instead, and nothing else.
 */
enum {
    OUTCOME_SHIFT = 4,
    OP_SHIFT = 8,
    TRIES_SHIFT = 20,
    OP_MASK = 0xfff,
    TRIES_MAX = 0xfff
};

_Static_assert(ENGINE_GRAPH_NODES_MAX <= OP_MASK + 1, "operations fit");

/* A node of a graph, with all that the walk needs side by side. */
struct op {
    const struct sim_dist *duration;
    const uint32_t *dependents;
    uint32_t dependent_count;
    uint16_t indegree;
    bool wait;
    bool retryable;
    bool irreversible; /* a timed-out attempt is not repeated */
    bool ambiguous;    /* a timed-out attempt blocks the run */
    uint32_t attempts_max;
    uint32_t fail_ppb;
    uint32_t fail_first;
    uint32_t cpu_ppb;
    uint64_t limit_ns; /* of a wait: its time; of a step: the attempt's limit */
    struct engine_stream first; /* durations of first attempts, by run */
    struct engine_stream later; /* of the others, by run and attempt */
    struct engine_stream fates;
    struct engine_stream backoffs;
    const struct engine_node *node;
};

struct workflow {
    struct op *ops;
    uint32_t count;
    uint32_t free; /* runs of this size that were given back, linked */
};

struct op_state {
    uint16_t waits_for; /* operations that are not done */
    uint16_t attempt;
};

struct run {
    uint64_t due_ns; /* of a free one: the next free one */
    uint32_t id;
    uint16_t workflow;
    uint16_t left;     /* operations not done */
    uint16_t attempts; /* ready, placed, or ended and not decided on */
    uint16_t pending;  /* events and queue entries that refer to it */
    uint8_t state;     /* enum engine_run_state once it winds down */
    bool ended;
    uint16_t unused;
    struct op_state ops[];
};

/* An attempt that waits for a slot of the local workers. */
struct waiting {
    uint64_t since_ns;
    uint32_t run;
    uint32_t op;
};

/* An attempt that a platform's model has as a job. */
struct task {
    uint64_t since_ns;
    uint32_t run;
    uint32_t op;
    uint32_t stints; /* under way: a platform may start it twice */
    uint32_t next_free;
    bool told; /* what came of it is known */
    bool over; /* for the model */
};

/* A task's work in a place. */
struct stint {
    uint64_t serial;   /* of its END; 0: it is free */
    uint64_t until_ns; /* the step's limit */
    uint32_t task;
    uint32_t place;
    uint32_t next; /* in the place, or of the free ones */
    bool late;     /* its END is its limit */
};

struct place {
    uint64_t born_ns;
    uint32_t first; /* stint */
    bool used;
};

/* Runs live in one array of this unit; their names are positions in it. */
struct unit {
    _Alignas(8) unsigned char bytes[8];
};

struct sim_capacity {
    struct sim_capacity_config config;
    struct sim_capacity_counts counts;
    struct sim_queue *queue;
    struct workflow *workflows;
    struct op *ops; /* of all workflows */
    struct unit *units;
    uint32_t unit_count; /* ever used; 0 stands for none */
    uint32_t unit_room;
    uint32_t next_workflow;  /* of the next run to arrive */
    struct waiting *waiting; /* a ring */
    uint64_t waiting_first;
    uint64_t waiting_room; /* a power of two */
    struct task *tasks;    /* of a model; by job */
    struct stint *stints;
    struct place *places;
    struct sim_actions actions;
    uint32_t task_count, task_room, free_task;
    uint32_t stint_count, stint_room, free_stint;
    uint32_t place_count;
    uint64_t serial;
    bool acting;
    bool failed;
};

static struct run *run_at(const struct sim_capacity *c, uint32_t at)
{
    return (struct run *)(void *)&c->units[at];
}

static void push(struct sim_capacity *c, uint64_t time_ns, enum kind kind,
                 unsigned rest, uint32_t run, uint64_t arg)
{
    struct sim_event event = {.time_ns = time_ns,
                              .target = run,
                              .kind = (uint32_t)kind | rest,
                              .arg = arg};
    if (sim_queue_push(c->queue, &event) != 0)
        c->failed = true;
}

static unsigned with(uint32_t op, enum outcome outcome)
{
    return op << OP_SHIFT | (unsigned)outcome << OUTCOME_SHIFT;
}

/* Records -------------------------------------------------------------------
 */

static void emit(struct sim_capacity *c, struct engine_record record)
{
    record.time_ns = c->counts.now_ns;
    record.wall_ns = record.time_ns;
    record.mono_ns = record.time_ns;
    engine_emit(c->config.sink, &record);
}

static void note_run(struct sim_capacity *c, const struct run *run,
                     unsigned state)
{
    if (!c->config.sink)
        return;
    emit(c, (struct engine_record){.kind = ENGINE_REC_APPENDED,
                                   .node = SIM_NODE_STORE,
                                   .run = run->id,
                                   .op = UINT32_MAX,
                                   .state = (uint16_t)state});
}

static void note_attempt(struct sim_capacity *c, const struct run *run,
                         uint32_t op, enum engine_record_kind kind,
                         unsigned detail)
{
    if (!c->config.sink)
        return;
    bool platform = kind >= ENGINE_REC_INVOKED;
    emit(c, (struct engine_record){.kind = (uint16_t)kind,
                                   .node = platform ? SIM_NODE_PLATFORM
                                                    : SIM_NODE_STORE,
                                   .run = run->id,
                                   .op = op,
                                   .attempt = run->ops[op].attempt,
                                   .detail = (uint16_t)detail});
}

/* Places are told apart in records as far as nodes have numbers. */
static uint16_t peer_of(uint32_t place)
{
    return (uint16_t)(SIM_NODE_WORKER + place);
}

static void note_env(struct sim_capacity *c, enum engine_record_kind kind,
                     uint32_t place, uint64_t a, uint64_t b)
{
    if (!c->config.sink)
        return;
    emit(c, (struct engine_record){.kind = (uint16_t)kind,
                                   .node = SIM_NODE_PLATFORM,
                                   .peer = peer_of(place),
                                   .op = UINT32_MAX,
                                   .a = a,
                                   .b = b});
}

static uint64_t limit_of(const struct sim_capacity *c)
{
    const struct sim_model *model = &c->config.model;
    return model->ops ? model->ops->counts(model->self)->limit
                      : c->config.slots;
}

static void note_busy(struct sim_capacity *c)
{
    struct sim_capacity_counts *counts = &c->counts;
    if (counts->busy <= counts->busy_peak)
        return;
    counts->busy_peak = counts->busy;
    if (c->config.sink)
        emit(c, (struct engine_record){.kind = ENGINE_REC_GAUGE,
                                       .node = SIM_NODE_PLATFORM,
                                       .op = UINT32_MAX,
                                       .a = counts->busy,
                                       .b = limit_of(c)});
}

/* Runs ----------------------------------------------------------------------
 */

static uint32_t units_of(uint32_t op_count)
{
    size_t size = sizeof(struct run) + op_count * sizeof(struct op_state);
    return (uint32_t)((size + sizeof(struct unit) - 1) / sizeof(struct unit));
}

static bool grow_units(struct sim_capacity *c, uint32_t more)
{
    uint64_t room = c->unit_room;
    while (room < (uint64_t)c->unit_count + more)
        room = room ? 2 * room : 4096;
    if (room > UINT32_MAX)
        return false;
    struct unit *units = realloc(c->units, room * sizeof(*units));
    if (!units)
        return false;
    c->units = units;
    c->unit_room = (uint32_t)room;
    return true;
}

/* The place of a new run, or 0 without memory. */
static uint32_t take_run(struct sim_capacity *c, uint32_t workflow)
{
    struct workflow *of = &c->workflows[workflow];
    uint32_t at = of->free;
    if (at) {
        of->free = (uint32_t)run_at(c, at)->due_ns;
        return at;
    }
    uint32_t units = units_of(of->count);
    if ((uint64_t)c->unit_count + units > c->unit_room && !grow_units(c, units))
        return 0;
    at = c->unit_count;
    c->unit_count += units;
    return at;
}

static void init_run(struct run *run, const struct workflow *of,
                     uint32_t workflow, uint32_t id, uint64_t due_ns)
{
    *run = (struct run){.due_ns = due_ns,
                        .id = id,
                        .workflow = (uint16_t)workflow,
                        .left = (uint16_t)of->count};
    for (uint32_t i = 0; i < of->count; i++)
        run->ops[i] = (struct op_state){of->ops[i].indegree, 0};
}

static void end_run(struct sim_capacity *c, struct run *run, unsigned state)
{
    struct sim_capacity_counts *counts = &c->counts;
    run->ended = true;
    counts->in_flight--;
    counts->succeeded += state == ENGINE_RUN_SUCCEEDED;
    counts->failed += state == ENGINE_RUN_FAILED;
    counts->blocked += state == ENGINE_RUN_BLOCKED;
    note_run(c, run, state);
    if (c->config.run_ended)
        c->config.run_ended(
            c->config.run_ended_self,
            &(struct sim_capacity_run){.run = run->id,
                                       .workflow = run->workflow,
                                       .state = (enum engine_run_state)state,
                                       .due_ns = run->due_ns,
                                       .end_ns = counts->now_ns});
}

/* A reference to the run is gone; with the last one goes the run. */
static void release(struct sim_capacity *c, uint32_t at)
{
    struct run *run = run_at(c, at);
    assert(run->pending > 0);
    if (--run->pending > 0)
        return;
    assert(run->ended);
    struct workflow *of = &c->workflows[run->workflow];
    run->due_ns = of->free;
    of->free = at;
}

/* Attempts ------------------------------------------------------------------
 */

static uint64_t attempt_index(const struct run *run, uint32_t op)
{
    return (uint64_t)run->id << 16 | run->ops[op].attempt;
}

static uint64_t draw_duration(const struct run *run, const struct op *op,
                              uint32_t index)
{
    if (run->ops[index].attempt == 1)
        return sim_dist_draw(op->duration, &op->first, run->id);
    return sim_dist_draw(op->duration, &op->later, attempt_index(run, index));
}

static enum outcome draw_fate(const struct run *run, const struct op *op,
                              uint32_t index)
{
    if (run->ops[index].attempt <= op->fail_first)
        return FAILED;
    if (op->fail_ppb &&
        engine_draw_chance(&op->fates, attempt_index(run, index), op->fail_ppb))
        return FAILED;
    return GOOD;
}

/* The attempt has what it runs on: counts it. */
static void placed(struct sim_capacity *c, struct run *run, uint32_t op,
                   uint64_t since_ns, unsigned detail)
{
    struct sim_capacity_counts *counts = &c->counts;
    uint64_t waited_ns = counts->now_ns - since_ns;
    counts->attempts++;
    counts->retries += run->ops[op].attempt > 1;
    counts->waited_us += waited_ns / 1000;
    if (waited_ns > counts->waited_max_ns)
        counts->waited_max_ns = waited_ns;
    counts->busy++;
    note_busy(c);
    note_attempt(c, run, op, ENGINE_REC_INVOKED, detail);
    note_attempt(c, run, op, ENGINE_REC_WORK_CLAIMED, 0);
}

/* Cuts the step's time at the attempt's limit. */
static uint64_t limited(struct sim_capacity *c, const struct op *op,
                        uint64_t takes_ns, enum outcome *outcome)
{
    if (takes_ns <= op->limit_ns)
        return takes_ns;
    *outcome = TIMED_OUT;
    c->counts.timeouts++;
    return op->limit_ns;
}

static void place_local(struct sim_capacity *c, uint32_t at, uint32_t index,
                        uint64_t since_ns)
{
    struct run *run = run_at(c, at);
    const struct op *op = &c->workflows[run->workflow].ops[index];
    enum outcome outcome = draw_fate(run, op, index);
    uint64_t takes_ns =
        limited(c, op, draw_duration(run, op, index), &outcome) +
        c->config.hold_ns;
    placed(c, run, index, since_ns, 2);
    push(c, c->counts.now_ns + takes_ns, END, with(index, outcome), at,
         takes_ns);
}

static bool grow_waiting(struct sim_capacity *c)
{
    uint64_t room = c->waiting_room ? 2 * c->waiting_room : 1024;
    struct waiting *waiting = malloc(room * sizeof(*waiting));
    if (!waiting)
        return false;
    for (uint64_t i = 0; i < c->counts.queued; i++)
        waiting[i] = c->waiting[(c->waiting_first + i) & (c->waiting_room - 1)];
    free(c->waiting);
    c->waiting = waiting;
    c->waiting_first = 0;
    c->waiting_room = room;
    return true;
}

static void enqueue(struct sim_capacity *c, uint32_t at, uint32_t op)
{
    struct sim_capacity_counts *counts = &c->counts;
    if (counts->queued == c->waiting_room && !grow_waiting(c)) {
        c->failed = true;
        return;
    }
    c->waiting[(c->waiting_first + counts->queued) & (c->waiting_room - 1)] =
        (struct waiting){counts->now_ns, at, op};
    if (++counts->queued > counts->queued_peak)
        counts->queued_peak = counts->queued;
}

/* A slot is free: the attempt that has waited longest gets it. */
static void dequeue(struct sim_capacity *c)
{
    if (c->counts.queued == 0)
        return;
    struct waiting next =
        c->waiting[c->waiting_first++ & (c->waiting_room - 1)];
    c->counts.queued--;
    place_local(c, next.run, next.op, next.since_ns);
}

static void throttled(struct sim_capacity *c, uint32_t at, uint32_t index,
                      uint64_t since_ns, uint32_t tries, unsigned reason)
{
    struct run *run = run_at(c, at);
    const struct op *op = &c->workflows[run->workflow].ops[index];
    uint64_t backoff_ns = SIM_CAPACITY_BACKOFF_NS;
    for (uint32_t i = 0; i < tries && backoff_ns < SIM_CAPACITY_BACKOFF_MAX_NS;
         i++)
        backoff_ns *= 2;
    if (backoff_ns > SIM_CAPACITY_BACKOFF_MAX_NS)
        backoff_ns = SIM_CAPACITY_BACKOFF_MAX_NS;
    uint64_t pause_ns = engine_draw_below(
        &op->backoffs, attempt_index(run, index) << 12 | tries, backoff_ns + 1);
    c->counts.throttled++;
    note_attempt(c, run, index, ENGINE_REC_THROTTLED, reason);
    uint32_t next = tries < TRIES_MAX ? tries + 1 : TRIES_MAX;
    push(c, c->counts.now_ns + pause_ns, AGAIN,
         with(index, GOOD) | next << TRIES_SHIFT, at, since_ns);
}

static void decide(struct sim_capacity *c, uint32_t at, uint32_t op,
                   enum outcome outcome);

/* A platform's model --------------------------------------------------------
 */

/* Room for one more than `used`; the list, or NULL without memory. */
static void *grown(struct sim_capacity *c, void *list, uint32_t used,
                   uint32_t *room, size_t size)
{
    if (used < *room)
        return list;
    uint32_t more = *room ? 2 * *room : 1024;
    void *longer = realloc(list, more * size);
    if (longer)
        *room = more;
    else
        c->failed = true;
    return longer;
}

/* NONE without memory. */
static uint32_t take_task(struct sim_capacity *c)
{
    uint32_t id = c->free_task;
    if (id != NONE) {
        c->free_task = c->tasks[id].next_free;
        return id;
    }
    void *list =
        grown(c, c->tasks, c->task_count, &c->task_room, sizeof(*c->tasks));
    if (!list)
        return NONE;
    c->tasks = list;
    return c->task_count++;
}

static void give_task(struct sim_capacity *c, uint32_t id)
{
    c->tasks[id].next_free = c->free_task;
    c->free_task = id;
}

/* The model may have done with a task that still runs somewhere. */
static void reap(struct sim_capacity *c, uint32_t id)
{
    if (c->tasks[id].over && c->tasks[id].stints == 0)
        give_task(c, id);
}

/* NONE without memory. */
static uint32_t take_stint(struct sim_capacity *c)
{
    uint32_t index = c->free_stint;
    if (index != NONE) {
        c->free_stint = c->stints[index].next;
        return index;
    }
    void *list =
        grown(c, c->stints, c->stint_count, &c->stint_room, sizeof(*c->stints));
    if (!list)
        return NONE;
    c->stints = list;
    return c->stint_count++;
}

static struct place *place_at(struct sim_capacity *c, uint32_t index)
{
    while (index >= c->place_count) {
        uint32_t room = c->place_count;
        void *list =
            grown(c, c->places, c->place_count, &room, sizeof(*c->places));
        if (!list)
            return NULL;
        c->places = list;
        for (; c->place_count < room; c->place_count++)
            c->places[c->place_count] = (struct place){.first = NONE};
    }
    return &c->places[index];
}

/* Takes it out of its place; whose it was. */
static uint32_t leave(struct sim_capacity *c, uint32_t index)
{
    struct stint *stint = &c->stints[index];
    uint32_t *link = &c->places[stint->place].first;
    while (*link != index)
        link = &c->stints[*link].next;
    *link = stint->next;
    stint->serial = 0;
    stint->next = c->free_stint;
    c->free_stint = index;
    c->counts.busy--;
    c->tasks[stint->task].stints--;
    return stint->task;
}

/* When it ends, by what is left of its work; also ends at its step's limit. */
static void set_end(struct sim_capacity *c, uint32_t index, uint64_t work_ns)
{
    struct stint *stint = &c->stints[index];
    uint64_t now_ns = c->counts.now_ns;
    stint->serial = ++c->serial;
    stint->late = work_ns > stint->until_ns - now_ns;
    if (stint->late)
        work_ns = stint->until_ns - now_ns;
    push(c, now_ns + work_ns + c->config.hold_ns, END, 0, index, stint->serial);
}

static void begin(struct sim_capacity *c, const struct sim_action *action)
{
    struct place *place = place_at(c, action->place);
    uint32_t index = place ? take_stint(c) : NONE;
    if (index == NONE)
        return;
    struct task *task = &c->tasks[action->job];
    struct run *run = run_at(c, task->run);
    const struct op *op = &c->workflows[run->workflow].ops[task->op];
    uint64_t now_ns = c->counts.now_ns;
    struct sim_work work = {.nominal_ns = draw_duration(run, op, task->op),
                            .cpu_ppb = op->cpu_ppb,
                            .threads = c->config.threads};
    c->stints[index] = (struct stint){
        .until_ns = now_ns + op->limit_ns,
        .task = action->job,
        .place = action->place,
        .next = place->first,
    };
    if (c->stints[index].until_ns < now_ns)
        c->stints[index].until_ns = UINT64_MAX;
    place->first = index;
    task->stints++;
    placed(c, run, task->op, task->since_ns, place->used ? 2 : 1);
    place->used = true;
    set_end(c, index,
            c->config.model.ops->run_ns(c->config.model.self, now_ns,
                                        action->place, action->job, &work,
                                        &c->actions));
}

static void pace(struct sim_capacity *c, uint32_t place)
{
    const struct sim_model *model = &c->config.model;
    for (uint32_t i = c->places[place].first; i != NONE; i = c->stints[i].next)
        set_end(c, i,
                model->ops->left_ns(model->self, c->counts.now_ns, place,
                                    c->stints[i].task));
}

static void open_place(struct sim_capacity *c, const struct sim_action *action)
{
    struct place *place = place_at(c, action->place);
    if (!place)
        return;
    *place = (struct place){.born_ns = c->counts.now_ns, .first = NONE};
    note_env(c, ENGINE_REC_ENV_STARTED, action->place, action->a, 0);
}

static void close_place(struct sim_capacity *c, uint32_t index)
{
    struct place *place = place_at(c, index);
    if (!place)
        return;
    while (place->first != NONE)
        reap(c, leave(c, place->first));
    note_env(c, ENGINE_REC_ENV_ENDED, index, c->counts.now_ns - place->born_ns,
             0);
}

/* The model has done with it, or given it up: `late`, over its time limit. */
static void task_over(struct sim_capacity *c, uint32_t id, bool late)
{
    struct task task = c->tasks[id];
    c->tasks[id].over = true;
    c->tasks[id].told = true;
    reap(c, id);
    if (task.told)
        return;
    const struct run *run = run_at(c, task.run);
    c->counts.timeouts += late;
    if (late)
        note_attempt(c, run, task.op, ENGINE_REC_KILLED, 0);
    note_attempt(c, run, task.op, ENGINE_REC_WORK_CUT, 0);
    decide(c, task.run, task.op, KILLED);
}

static void act(struct sim_capacity *c, const struct sim_action *action)
{
    switch ((enum sim_action_kind)action->kind) {
    case SIM_ACTION_OPEN:
        open_place(c, action);
        break;
    case SIM_ACTION_CLOSE:
        close_place(c, action->place);
        break;
    case SIM_ACTION_START:
        begin(c, action);
        break;
    case SIM_ACTION_PACE:
        if (action->place < c->place_count)
            pace(c, action->place);
        break;
    case SIM_ACTION_FAIL:
    case SIM_ACTION_FORGET:
        task_over(c, action->job,
                  action->cause &&
                      action->cause->error == ENGINE_ERR_TIMED_OUT);
        break;
    case SIM_ACTION_STATE:
    case SIM_ACTION_WARN:
        break;
    }
}

/* Acting may make more actions: they come behind. */
static void carry_out(struct sim_capacity *c)
{
    if (c->acting)
        return;
    c->acting = true;
    for (uint32_t i = 0; i < c->actions.count && !c->failed; i++) {
        struct sim_action action = c->actions.list[i];
        act(c, &action);
    }
    c->failed = c->failed || c->actions.failed;
    c->actions.count = 0;
    c->acting = false;
}

static void place_model(struct sim_capacity *c, uint32_t at, uint32_t index,
                        uint64_t since_ns, uint32_t tries)
{
    const struct sim_model *model = &c->config.model;
    const struct run *run = run_at(c, at);
    struct sim_submitted out = {.answer = SIM_SUBMIT_ACCEPTED};
    struct sim_job job = {.id = take_task(c),
                          .demand = &c->config.demands[run->workflow][index],
                          .payload_bytes = c->config.payload_bytes};
    if (job.id == NONE)
        return;
    c->tasks[job.id] =
        (struct task){.since_ns = since_ns, .run = at, .op = index};
    if (model->ops->submit(model->self, c->counts.now_ns, &job, &out,
                           &c->actions)) {
        c->failed = true;
        return;
    }
    if (out.answer != SIM_SUBMIT_ACCEPTED)
        give_task(c, job.id);
    if (out.answer == SIM_SUBMIT_THROTTLED) {
        throttled(c, at, index, since_ns, tries, out.reason);
    } else if (out.answer == SIM_SUBMIT_REFUSED) {
        note_attempt(c, run, index, ENGINE_REC_WORK_CUT, 0);
        decide(c, at, index, REFUSED);
    }
    carry_out(c);
}

/* The operation's next attempt goes to the platform; holds a reference. */
static void submit(struct sim_capacity *c, uint32_t at, uint32_t op)
{
    struct run *run = run_at(c, at);
    run->ops[op].attempt++;
    note_attempt(c, run, op, ENGINE_REC_WORK_PUT, 0);
    if (c->config.model.ops)
        place_model(c, at, op, c->counts.now_ns, 0);
    else if (c->counts.busy < c->config.slots)
        place_local(c, at, op, c->counts.now_ns);
    else
        enqueue(c, at, op);
}

/* Decisions -----------------------------------------------------------------
 */

/* All that the operation waits for is done. */
static void ready(struct sim_capacity *c, uint32_t at, uint32_t index)
{
    struct run *run = run_at(c, at);
    const struct op *op = &c->workflows[run->workflow].ops[index];
    run->pending++;
    if (op->wait) {
        push(c, c->counts.now_ns + op->limit_ns, WAITED, with(index, GOOD), at,
             0);
        return;
    }
    run->attempts++;
    submit(c, at, index);
}

static void done(struct sim_capacity *c, uint32_t at, uint32_t index)
{
    struct run *run = run_at(c, at);
    const struct op *op = &c->workflows[run->workflow].ops[index];
    run->left--;
    if (run->state) /* it is winding down */
        return;
    for (uint32_t i = 0; i < op->dependent_count; i++) {
        uint32_t next = op->dependents[i];
        if (--run->ops[next].waits_for == 0)
            ready(c, at, next);
    }
    if (run->left == 0)
        end_run(c, run, ENGINE_RUN_SUCCEEDED);
    else
        note_run(c, run, ENGINE_RUN_RUNNING);
}

/* Whether another attempt follows; else the run winds down. */
static bool repeats(struct run *run, const struct op *op, uint32_t index,
                    enum outcome outcome)
{
    bool cut = outcome == TIMED_OUT || outcome == KILLED;
    if (cut && op->ambiguous) {
        run->state = ENGINE_RUN_BLOCKED; /* graver than failed */
        return false;
    }
    bool again = cut ? !op->irreversible : outcome == FAILED && op->retryable;
    if (again && run->ops[index].attempt < op->attempts_max)
        return true;
    if (!run->state)
        run->state = ENGINE_RUN_FAILED;
    return false;
}

/* The retry's delay begins now, and then it must be decided on itself. */
static void retry(struct sim_capacity *c, uint32_t at, const struct op *op,
                  uint32_t index)
{
    struct run *run = run_at(c, at);
    uint64_t due_ns =
        c->counts.now_ns + c->config.decide_ns +
        engine_retry_delay(&op->node->retry, c->config.seed, run->id, index,
                           run->ops[index].attempt + 1U);
    run->pending++;
    note_run(c, run, ENGINE_RUN_RUNNING);
    push(c, due_ns, AGAIN, with(index, GOOD), at, 0);
}

static void decided(struct sim_capacity *c, uint32_t at, uint32_t index,
                    enum outcome outcome)
{
    struct run *run = run_at(c, at);
    const struct op *op = &c->workflows[run->workflow].ops[index];
    run->attempts--;
    if (outcome == GOOD)
        done(c, at, index);
    else if (repeats(run, op, index, outcome) && !run->state)
        retry(c, at, op, index);
    if (run->state && run->attempts == 0 && !run->ended)
        end_run(c, run, run->state);
    release(c, at);
}

/* What follows from an outcome is durable after decide_ns. */
static void decide(struct sim_capacity *c, uint32_t at, uint32_t op,
                   enum outcome outcome)
{
    if (c->config.decide_ns == 0)
        decided(c, at, op, outcome);
    else
        push(c, c->counts.now_ns + c->config.decide_ns, DECIDED,
             with(op, outcome), at, 0);
}

/* Events --------------------------------------------------------------------
 */

static void start(struct sim_capacity *c, uint32_t at)
{
    struct run *run = run_at(c, at);
    const struct workflow *of = &c->workflows[run->workflow];
    note_run(c, run, ENGINE_RUN_RUNNING);
    for (uint32_t i = 0; i < of->count; i++)
        if (of->ops[i].indegree == 0)
            ready(c, at, i);
    release(c, at);
}

static void next_arrival(struct sim_capacity *c)
{
    if (c->counts.arrived == c->config.runs)
        return;
    uint64_t after_ns =
        c->config.arrival(c->config.arrival_self, c->counts.arrived);
    push(c, c->config.start_ns + after_ns, ARRIVAL, 0, 0, 0);
}

static void arrive(struct sim_capacity *c)
{
    struct sim_capacity_counts *counts = &c->counts;
    uint32_t workflow = c->next_workflow;
    uint32_t at = take_run(c, workflow);
    if (at == 0) {
        c->failed = true;
        return;
    }
    struct run *run = run_at(c, at);
    init_run(run, &c->workflows[workflow], workflow,
             (uint32_t)++counts->arrived, counts->now_ns);
    c->next_workflow = workflow + 1 == c->config.graph_count ? 0 : workflow + 1;
    if (++counts->in_flight > counts->in_flight_peak)
        counts->in_flight_peak = counts->in_flight;
    if (c->config.sink)
        emit(c, (struct engine_record){.kind = ENGINE_REC_START_SENT,
                                       .node = SIM_NODE_CLIENT,
                                       .run = run->id,
                                       .op = workflow,
                                       .a = run->due_ns});
    next_arrival(c);
    run->pending = 1;
    if (c->config.decide_ns == 0)
        start(c, at);
    else
        push(c, counts->now_ns + c->config.decide_ns, START, 0, at, 0);
}

static void note_end(struct sim_capacity *c, const struct run *run, uint32_t op,
                     enum outcome outcome)
{
    static const enum engine_error errors[] = {[GOOD] = ENGINE_ERR_NONE,
                                               [FAILED] = ENGINE_ERR_USER,
                                               [TIMED_OUT] =
                                                   ENGINE_ERR_TIMED_OUT};
    if (outcome == KILLED) {
        note_attempt(c, run, op, ENGINE_REC_KILLED, 0);
        note_attempt(c, run, op, ENGINE_REC_WORK_CUT, 0);
    } else {
        note_attempt(c, run, op, ENGINE_REC_WORK_DONE, errors[outcome]);
    }
}

static void end_attempt(struct sim_capacity *c, uint32_t at, uint32_t op,
                        enum outcome outcome, uint64_t took_ns)
{
    c->counts.busy--;
    note_end(c, run_at(c, at), op, outcome);
    c->counts.busy_us += took_ns / 1000;
    dequeue(c);
    decide(c, at, op, outcome);
}

/* The platform has no more to do with it than to forget it. */
static void end_stint(struct sim_capacity *c, uint32_t index, uint64_t serial)
{
    const struct sim_model *model = &c->config.model;
    struct stint stint = c->stints[index];
    if (stint.serial != serial)
        return; /* it was cut, or goes at another speed */
    uint32_t id = stint.task;
    struct task task = c->tasks[id];
    struct run *run = run_at(c, task.run);
    const struct op *op = &c->workflows[run->workflow].ops[task.op];
    enum outcome outcome = stint.late ? TIMED_OUT : draw_fate(run, op, task.op);
    (void)leave(c, index);
    c->tasks[id].told = true;
    if (!task.told) {
        c->counts.timeouts += stint.late;
        note_end(c, run, task.op, outcome);
    }
    model->ops->finished(model->self, c->counts.now_ns, stint.place, id,
                         &c->actions);
    if (task.over)
        reap(c, id);
    carry_out(c);
    if (!task.told)
        decide(c, task.run, task.op, outcome);
}

/* A wait's end is decided on in one go with what follows from it. */
static void waited(struct sim_capacity *c, uint32_t at, uint32_t op)
{
    done(c, at, op);
    release(c, at);
}

static void again(struct sim_capacity *c, uint32_t at, uint32_t op,
                  uint64_t since_ns, uint32_t tries)
{
    struct run *run = run_at(c, at);
    if (tries > 0) {
        place_model(c, at, op, since_ns, tries);
    } else if (run->state) { /* a run that winds down retries nothing */
        release(c, at);
    } else {
        run->attempts++;
        submit(c, at, op);
    }
}

static void happen(struct sim_capacity *c, const struct sim_event *event)
{
    uint32_t op = event->kind >> OP_SHIFT & OP_MASK;
    enum outcome outcome = (enum outcome)(event->kind >> OUTCOME_SHIFT & 15);
    switch ((enum kind)(event->kind & 15)) {
    case ARRIVAL:
        arrive(c);
        break;
    case START:
        start(c, event->target);
        break;
    case END:
        if (c->config.model.ops) {
            end_stint(c, event->target, event->arg);
            break;
        }
        end_attempt(c, event->target, op, outcome, event->arg);
        break;
    case DECIDED:
        decided(c, event->target, op, outcome);
        break;
    case AGAIN:
        again(c, event->target, op, event->arg, event->kind >> TRIES_SHIFT);
        break;
    case WAITED:
        waited(c, event->target, op);
        break;
    }
}

/* What the platform does by itself before the next event. False: nothing. */
static bool advance(struct sim_capacity *c, uint64_t before_ns)
{
    const struct sim_model *model = &c->config.model;
    uint64_t next_ns =
        model->ops ? model->ops->next_ns(model->self) : SIM_MODEL_NEVER;
    if (next_ns > before_ns || next_ns > c->config.end_ns ||
        next_ns == SIM_MODEL_NEVER)
        return false;
    if (next_ns > c->counts.now_ns)
        c->counts.now_ns = next_ns;
    c->counts.events++;
    model->ops->advance(model->self, c->counts.now_ns, &c->actions);
    carry_out(c);
    return true;
}

/* All runs are over: a platform's own upkeep could go on for ever. */
static bool is_over(const struct sim_capacity *c)
{
    return c->counts.arrived == c->config.runs && c->counts.in_flight == 0 &&
           sim_queue_count(c->queue) == 0;
}

int sim_capacity_run(struct sim_capacity *c, uint64_t events_max)
{
    struct sim_event event;
    assert(!c->failed);
    for (uint64_t i = 0; i < events_max; i++) {
        uint32_t pending = sim_queue_count(c->queue);
        if (pending > c->counts.pending_peak)
            c->counts.pending_peak = pending;
        if (!is_over(c) && advance(c, sim_queue_peek_time(c->queue))) {
            if (c->failed)
                return SIM_CAPACITY_ENOMEM;
            continue;
        }
        if (sim_queue_peek_time(c->queue) > c->config.end_ns ||
            !sim_queue_pop(c->queue, &event))
            return 0;
        c->counts.now_ns = event.time_ns;
        c->counts.events++;
        happen(c, &event);
        if (c->failed)
            return SIM_CAPACITY_ENOMEM;
    }
    return 1;
}

/* Making it -----------------------------------------------------------------
 */

static void init_op(struct sim_capacity *c, uint32_t workflow, uint32_t index)
{
    const struct engine_graph *graph = c->config.graphs[workflow];
    const struct engine_node *node = engine_graph_node(graph, index);
    const struct sim_step *step = &c->config.steps[workflow][index];
    uint64_t actor = (uint64_t)workflow << 32 | index;
    uint64_t seed = c->config.seed;
    bool irreversible = node->side_effect == ENGINE_EFFECT_IRREVERSIBLE;
    struct op *op = &c->workflows[workflow].ops[index];
    *op = (struct op){
        .duration = &step->duration,
        .indegree = (uint16_t)engine_graph_indegree(graph, index),
        .wait = node->kind == ENGINE_NODE_WAIT,
        .retryable = step->fail_retryable,
        .irreversible = irreversible,
        .ambiguous =
            irreversible || (node->side_effect == ENGINE_EFFECT_REVERSIBLE &&
                             node->semantics == ENGINE_AT_MOST_ONCE),
        .attempts_max = node->retry.attempts_max,
        .fail_ppb = step->fail_ppb,
        .fail_first = step->fail_first,
        .cpu_ppb = step->cpu_share_ppb,
        .limit_ns = node->kind == ENGINE_NODE_WAIT ? node->wait_ns
                                                   : node->attempt_timeout_ns,
        .node = node,
    };
    op->dependents =
        engine_graph_dependents(graph, index, &op->dependent_count);
    engine_stream_init(&op->first, seed, "sim/capacity/first", actor);
    engine_stream_init(&op->later, seed, "sim/capacity/later", actor);
    engine_stream_init(&op->fates, seed, "sim/capacity/fate", actor);
    engine_stream_init(&op->backoffs, seed, "sim/capacity/backoff", actor);
}

static bool init_ops(struct sim_capacity *c)
{
    uint32_t count = 0;
    uint32_t graph_count = c->config.graph_count;
    for (uint32_t i = 0; i < graph_count; i++)
        count += engine_graph_count(c->config.graphs[i]);
    assert(count > 0);
    c->workflows = calloc(graph_count, sizeof(*c->workflows));
    c->ops = calloc(count, sizeof(*c->ops));
    if (!c->workflows || !c->ops)
        return false;
    struct op *ops = c->ops;
    for (uint32_t i = 0; i < graph_count; i++) {
        c->workflows[i].count = engine_graph_count(c->config.graphs[i]);
        c->workflows[i].ops = ops;
        for (uint32_t op = 0; op < c->workflows[i].count; op++)
            init_op(c, i, op);
        ops += c->workflows[i].count;
    }
    return true;
}

static bool valid(const struct sim_capacity_config *config)
{
    return config->runs <= SIM_CAPACITY_RUNS_MAX && config->graph_count > 0 &&
           config->graph_count <= UINT16_MAX &&
           (config->model.ops || config->slots > 0);
}

int sim_capacity_new(struct sim_capacity **capacity,
                     const struct sim_capacity_config *config)
{
    *capacity = NULL;
    if (!valid(config))
        return SIM_CAPACITY_ERANGE;
    struct sim_capacity *c = calloc(1, sizeof(*c));
    if (!c)
        return SIM_CAPACITY_ENOMEM;
    c->config = *config;
    c->counts.now_ns = config->start_ns;
    c->unit_count = 1;
    c->queue = sim_queue_new(0);
    c->free_task = NONE;
    c->free_stint = NONE;
    if (c->queue && init_ops(c))
        next_arrival(c);
    else
        c->failed = true;
    if (c->failed) {
        sim_capacity_free(c);
        return SIM_CAPACITY_ENOMEM;
    }
    *capacity = c;
    return 0;
}

void sim_capacity_free(struct sim_capacity *c)
{
    if (!c)
        return;
    sim_queue_free(c->queue);
    free(c->workflows);
    free(c->ops);
    free(c->units);
    free(c->waiting);
    free(c->tasks);
    free(c->stints);
    free(c->places);
    sim_actions_free(&c->actions);
    free(c);
}

struct sim_capacity_counts sim_capacity_counts(const struct sim_capacity *c)
{
    struct sim_capacity_counts counts = c->counts;
    counts.queue_bytes = sim_queue_bytes(c->queue);
    counts.state_bytes = (uint64_t)c->unit_count * sizeof(struct unit) +
                         c->waiting_room * sizeof(struct waiting) +
                         c->task_room * sizeof(struct task) +
                         c->stint_room * sizeof(struct stint);
    return counts;
}
