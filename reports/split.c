#include "reports/split.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operation.h"

#define NONE UINT32_MAX

/* What something under way in a run is doing. */
enum phase {
    PHASE_CODE,     /* a step's code runs */
    PHASE_REPLAY,   /* an invocation goes through what is done */
    PHASE_STARTING, /* a place for it starts */
    PHASE_READY,    /* nobody has taken it */
    PHASE_RETRY,    /* it waits before it is repeated */
    PHASE_WAITING,  /* it waits for the outside */
    PHASE_HELD,     /* somebody has it, and its code does not run */
};

enum kind {
    KIND_ATTEMPT,   /* of an operation of a graph, or of a handler's op 0 */
    KIND_OPERATION, /* of a handler, that waits */
    KIND_STEP       /* of a handler, whose code runs */
};

/* Something under way. Links are indexes into the list of all. */
struct task {
    uint64_t run;
    uint64_t opened_ns;   /* when a place began, or had begun, to start */
    uint64_t start_up_ns; /* that it takes, or took */
    uint64_t queued_ns;   /* since when its run had been queueing then */
    uint32_t op;
    uint32_t attempt;
    uint32_t node; /* NONE: it is nowhere */
    uint32_t flight;
    uint32_t next; /* of the run; of free ones, the next free */
    uint32_t last;
    uint32_t next_there; /* on the node */
    uint32_t last_there;
    uint32_t next_alike; /* with the same hash */
    uint8_t kind;
    uint8_t phase;
};

struct node {
    uint64_t gone_ns; /* when it went down last */
    uint32_t first;   /* task on it */
    uint16_t times;   /* that it went down */
};

/* A run under way: two lines of a cache. */
struct flight {
    uint64_t run;
    uint64_t at_ns;    /* its parts are told up to here */
    uint64_t since_ns; /* it is in its present part since */
    uint32_t counts[PHASE_HELD];
    uint32_t first; /* task; of free ones, the next free */
    uint32_t next_alike;
    uint16_t owner; /* node */
    uint16_t times; /* that it had gone down when it became the owner */
    uint8_t part;
    uint8_t idle;          /* the part it is in when nothing is under way */
    unsigned measured : 1; /* not one that a run has invoked */
    unsigned progress : 1; /* a handler that has recorded something */
    unsigned stopped : 1;  /* an operator's turn */
    unsigned owned : 1;
    uint64_t parts[REPORT_PARTS];
    uint64_t moved_ns; /* queueing before it has been called start-up */
};

struct report_splitter {
    struct flight *flights;
    uint32_t flight_room;
    uint32_t flight_free;
    struct task *tasks;
    uint32_t task_room;
    uint32_t task_free;
    struct node *nodes;
    uint32_t node_room;
    uint32_t *flight_heads; /* the first of each hash of a run's number */
    uint32_t *task_heads;   /* of each hash of run, op and kind */
    uint32_t flight_mask;
    uint32_t task_mask;
    uint32_t recent; /* the flight asked for last */
    uint64_t backlog;
    int claims_run;
    int failed;
};

const char *report_part_name(enum report_part part)
{
    static const char *const names[REPORT_PARTS] = {
        "service",    "replay",  "start-up", "queueing",
        "retry wait", "waiting", "engine"};
    assert(part < REPORT_PARTS);
    return names[part];
}

const char *report_part_key(enum report_part part)
{
    static const char *const keys[REPORT_PARTS] = {
        "service",    "replay",  "start_up", "queueing",
        "retry_wait", "waiting", "engine"};
    return keys[part];
}

struct report_splitter *report_splitter_new(int claims_run)
{
    struct report_splitter *splitter = calloc(1, sizeof(*splitter));
    if (!splitter)
        return NULL;
    splitter->flight_free = splitter->task_free = splitter->recent = NONE;
    splitter->claims_run = claims_run;
    return splitter;
}

void report_splitter_free(struct report_splitter *splitter)
{
    if (!splitter)
        return;
    free(splitter->flight_heads);
    free(splitter->task_heads);
    free(splitter->flights);
    free(splitter->tasks);
    free(splitter->nodes);
    free(splitter);
}

/* Runs. */

static uint32_t hash_of(uint64_t run, uint32_t op, uint32_t kind)
{
    uint64_t hash = (run * 4 + kind + 1) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= op * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)((hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9) >> 32);
}

static struct flight *flight_of(struct report_splitter *splitter, uint64_t run)
{
    struct flight *flights = splitter->flights;
    if (splitter->recent != NONE && flights[splitter->recent].run == run && run)
        return &flights[splitter->recent];
    uint32_t at =
        splitter->flight_heads && run
            ? splitter->flight_heads[hash_of(run, 0, 0) & splitter->flight_mask]
            : NONE;
    while (at != NONE && flights[at].run != run)
        at = flights[at].next_alike;
    if (at == NONE)
        return NULL;
    splitter->recent = at;
    return &flights[at];
}

/* A list of heads for so many, a power of two, all of them empty. */
static uint32_t *heads_for(uint32_t room)
{
    uint32_t *heads = malloc(room * sizeof(*heads));
    for (uint32_t i = 0; heads && i < room; i++)
        heads[i] = NONE;
    return heads;
}

static void list_flight(struct report_splitter *splitter, uint32_t index)
{
    struct flight *flight = &splitter->flights[index];
    uint32_t *head =
        &splitter
             ->flight_heads[hash_of(flight->run, 0, 0) & splitter->flight_mask];
    flight->next_alike = *head;
    *head = index;
}

/* Grows only when all are in use. */
static int grow_flights(struct report_splitter *splitter)
{
    uint32_t used = splitter->flight_room;
    uint32_t room = used ? 2 * used : 64;
    uint32_t *heads = heads_for(room);
    struct flight *flights =
        heads ? realloc(splitter->flights, room * sizeof(*flights)) : NULL;
    if (!flights) {
        free(heads);
        return -1;
    }
    free(splitter->flight_heads);
    splitter->flight_heads = heads;
    splitter->flight_mask = room - 1;
    splitter->flights = flights;
    splitter->flight_room = room;
    for (uint32_t i = 0; i < used; i++)
        list_flight(splitter, i);
    for (uint32_t i = room; i-- > used;) {
        flights[i].run = 0;
        flights[i].first = splitter->flight_free;
        splitter->flight_free = i;
    }
    return 0;
}

static void add_flight(struct report_splitter *splitter, uint64_t run,
                       uint64_t due_ns, int measured)
{
    if (run == 0 || flight_of(splitter, run))
        return;
    if (splitter->flight_free == NONE && grow_flights(splitter)) {
        splitter->failed = 1;
        return;
    }
    uint32_t index = splitter->flight_free;
    struct flight *flight = &splitter->flights[index];
    splitter->flight_free = flight->first;
    *flight = (struct flight){
        .run = run, .at_ns = due_ns, .since_ns = due_ns, .first = NONE};
    flight->part = flight->idle =
        splitter->claims_run ? REPORT_PART_WAITING : REPORT_PART_ENGINE;
    flight->measured = measured != 0;
    list_flight(splitter, index);
}

static enum report_part part_of(const struct flight *flight)
{
    static const uint8_t parts[] = {
        [PHASE_CODE] = REPORT_PART_SERVICE,
        [PHASE_REPLAY] = REPORT_PART_REPLAY,
        [PHASE_STARTING] = REPORT_PART_START_UP,
        [PHASE_READY] = REPORT_PART_QUEUEING,
        [PHASE_RETRY] = REPORT_PART_RETRY,
    };
    for (int i = 0; i < PHASE_WAITING; i++)
        if (flight->counts[i])
            return parts[i];
    return flight->counts[PHASE_WAITING] || flight->stopped
               ? REPORT_PART_WAITING
               : (enum report_part)flight->idle;
}

/*
 * From when on the run's owner has been gone, at most now. Who replays it asks
 * its owner for what it has done, and gets no answer until another takes over.
 */
static uint64_t orphaned(const struct report_splitter *splitter,
                         const struct flight *flight, uint64_t now_ns)
{
    if (!flight->owned || flight->owner >= splitter->node_room)
        return now_ns;
    const struct node *owner = &splitter->nodes[flight->owner];
    if (owner->times == flight->times || owner->gone_ns > now_ns)
        return now_ns;
    return owner->gone_ns > flight->at_ns ? owner->gone_ns : flight->at_ns;
}

/* Time goes on: what has passed belongs to the part that the run is in. */
static void advance(const struct report_splitter *splitter,
                    struct flight *flight, uint64_t now_ns)
{
    if (now_ns <= flight->at_ns)
        return;
    if (flight->part == REPORT_PART_REPLAY) {
        uint64_t until_ns = orphaned(splitter, flight, now_ns);
        flight->parts[REPORT_PART_REPLAY] += until_ns - flight->at_ns;
        flight->parts[REPORT_PART_ENGINE] += now_ns - until_ns;
    } else {
        flight->parts[flight->part] += now_ns - flight->at_ns;
    }
    flight->at_ns = now_ns;
}

/* Something has changed now: the run may be in another part. */
static void settle(struct flight *flight)
{
    enum report_part part = part_of(flight);
    if (part == flight->part)
        return;
    flight->part = (uint8_t)part;
    flight->since_ns = flight->at_ns;
}

/* Tasks. */

static struct task *find_task(struct report_splitter *splitter, uint64_t run,
                              uint32_t op, enum kind kind)
{
    struct task *tasks = splitter->tasks;
    if (!tasks)
        return NULL;
    uint32_t at = splitter->task_heads[hash_of(run, op, (uint32_t)kind) &
                                       splitter->task_mask];
    while (at != NONE && (tasks[at].run != run || tasks[at].op != op ||
                          tasks[at].kind != (uint8_t)kind))
        at = tasks[at].next_alike;
    return at == NONE ? NULL : &tasks[at];
}

static struct task *task_of(struct report_splitter *splitter,
                            const struct engine_record *record, enum kind kind)
{
    return find_task(splitter, record->run, record->op, kind);
}

static uint32_t *head_of(struct report_splitter *splitter,
                         const struct task *task)
{
    return &splitter->task_heads[hash_of(task->run, task->op, task->kind) &
                                 splitter->task_mask];
}

static void list_task(struct report_splitter *splitter, uint32_t index)
{
    struct task *task = &splitter->tasks[index];
    uint32_t *head = head_of(splitter, task);
    task->next_alike = *head;
    *head = index;
}

static int grow_tasks(struct report_splitter *splitter)
{
    uint32_t used = splitter->task_room;
    uint32_t room = used ? 2 * used : 64;
    uint32_t *heads = heads_for(room);
    struct task *tasks =
        heads ? realloc(splitter->tasks, room * sizeof(*tasks)) : NULL;
    if (!tasks) {
        free(heads);
        return -1;
    }
    free(splitter->task_heads);
    splitter->task_heads = heads;
    splitter->task_mask = room - 1;
    splitter->tasks = tasks;
    splitter->task_room = room;
    for (uint32_t i = 0; i < used; i++)
        list_task(splitter, i);
    for (uint32_t i = room; i-- > used;) {
        tasks[i].next = splitter->task_free;
        splitter->task_free = i;
    }
    return 0;
}

static int grow_nodes(struct report_splitter *splitter, uint32_t node)
{
    uint32_t room = splitter->node_room ? splitter->node_room : 64;
    while (room <= node)
        room *= 2;
    struct node *nodes = realloc(splitter->nodes, room * sizeof(*nodes));
    if (!nodes)
        return -1;
    for (uint32_t i = splitter->node_room; i < room; i++)
        nodes[i] = (struct node){.first = NONE};
    splitter->nodes = nodes;
    splitter->node_room = room;
    return 0;
}

/* Takes a task from the node that it is on, and puts it on another. */
static void move(struct report_splitter *splitter, struct task *task,
                 uint32_t node)
{
    struct task *tasks = splitter->tasks;
    uint32_t index = (uint32_t)(task - tasks);
    if (task->node == node)
        return;
    if (task->node != NONE) {
        if (task->last_there != NONE)
            tasks[task->last_there].next_there = task->next_there;
        else
            splitter->nodes[task->node].first = task->next_there;
        if (task->next_there != NONE)
            tasks[task->next_there].last_there = task->last_there;
        task->node = NONE;
    }
    if (node == NONE)
        return;
    if (node >= splitter->node_room && grow_nodes(splitter, node)) {
        splitter->failed = 1;
        return;
    }
    task->node = node;
    task->last_there = NONE;
    task->next_there = splitter->nodes[node].first;
    if (task->next_there != NONE)
        tasks[task->next_there].last_there = index;
    splitter->nodes[node].first = index;
}

static int is_backlog(enum phase phase)
{
    return phase == PHASE_STARTING || phase == PHASE_READY;
}

static void count(struct report_splitter *splitter, struct flight *flight,
                  enum phase phase, int more)
{
    if (phase == PHASE_HELD)
        return;
    flight->counts[phase] += more ? 1 : UINT32_MAX;
    if (is_backlog(phase))
        splitter->backlog += more ? 1 : UINT64_MAX;
}

/* A task does something else now. */
static void turn(struct report_splitter *splitter, struct task *task,
                 enum phase phase, uint64_t now_ns)
{
    struct flight *flight = &splitter->flights[task->flight];
    if (task->phase == phase)
        return;
    advance(splitter, flight, now_ns);
    count(splitter, flight, task->phase, 0);
    task->phase = (uint8_t)phase;
    count(splitter, flight, phase, 1);
    settle(flight);
}

/* A new task of a run; NULL: the run is not known, or no memory. */
static struct task *add_task(struct report_splitter *splitter,
                             const struct engine_record *record, enum kind kind,
                             enum phase phase)
{
    struct flight *flight = flight_of(splitter, record->run);
    if (!flight)
        return NULL;
    if (splitter->task_free == NONE && grow_tasks(splitter)) {
        splitter->failed = 1;
        return NULL;
    }
    uint32_t index = splitter->task_free;
    struct task *task = &splitter->tasks[index];
    splitter->task_free = task->next;
    *task = (struct task){.run = record->run,
                          .op = record->op,
                          .node = NONE,
                          .flight = (uint32_t)(flight - splitter->flights),
                          .next = flight->first,
                          .last = NONE,
                          .kind = (uint8_t)kind,
                          .phase = (uint8_t)phase};
    if (flight->first != NONE)
        splitter->tasks[flight->first].last = index;
    flight->first = index;
    list_task(splitter, index);
    advance(splitter, flight, record->time_ns);
    count(splitter, flight, phase, 1);
    settle(flight);
    return task;
}

/* A task that is in this phase from now on, new or not. */
static struct task *put_task(struct report_splitter *splitter,
                             const struct engine_record *record, enum kind kind,
                             enum phase phase)
{
    struct task *task = task_of(splitter, record, kind);
    if (task) {
        move(splitter, task, NONE);
        turn(splitter, task, phase, record->time_ns);
    } else {
        task = add_task(splitter, record, kind, phase);
    }
    if (task)
        task->attempt = record->attempt;
    return task;
}

static void drop_task(struct report_splitter *splitter, struct task *task,
                      uint64_t now_ns)
{
    struct flight *flight = &splitter->flights[task->flight];
    struct task *tasks = splitter->tasks;
    advance(splitter, flight, now_ns);
    count(splitter, flight, task->phase, 0);
    settle(flight);
    move(splitter, task, NONE);
    if (task->last != NONE)
        tasks[task->last].next = task->next;
    else
        flight->first = task->next;
    if (task->next != NONE)
        tasks[task->next].last = task->last;
    uint32_t *link = head_of(splitter, task);
    while (*link != (uint32_t)(task - tasks))
        link = &tasks[*link].next_alike;
    *link = task->next_alike;
    task->next = splitter->task_free;
    splitter->task_free = (uint32_t)(task - tasks);
}

/* Drops what a handler's steps run: nobody waits for it any more. */
static void drop_steps(struct report_splitter *splitter, uint64_t run,
                       uint64_t now_ns)
{
    const struct flight *flight = flight_of(splitter, run);
    uint32_t next = flight ? flight->first : NONE;
    while (next != NONE) {
        struct task *task = &splitter->tasks[next];
        next = task->next;
        if (task->kind == KIND_STEP)
            drop_task(splitter, task, now_ns);
    }
}

static void drop_flight(struct report_splitter *splitter, struct flight *flight)
{
    while (flight->first != NONE)
        drop_task(splitter, &splitter->tasks[flight->first], flight->at_ns);
    uint32_t index = (uint32_t)(flight - splitter->flights);
    uint32_t *link =
        &splitter
             ->flight_heads[hash_of(flight->run, 0, 0) & splitter->flight_mask];
    while (*link != index)
        link = &splitter->flights[*link].next_alike;
    *link = flight->next_alike;
    flight->run = 0;
    flight->first = splitter->flight_free;
    splitter->flight_free = index;
}

void report_splitter_start(struct report_splitter *splitter, uint64_t run,
                           uint64_t due_ns)
{
    struct flight *flight = flight_of(splitter, run);
    if (flight && !flight->measured)
        drop_flight(splitter, flight);
    add_flight(splitter, run, due_ns, 1);
}

/* A clock that was set back: the last of what was counted has not passed. */
static void take_back(struct flight *flight, uint64_t excess_ns)
{
    for (int i = REPORT_PARTS; i-- > 0 && excess_ns;) {
        uint64_t less =
            flight->parts[i] < excess_ns ? flight->parts[i] : excess_ns;
        flight->parts[i] -= less;
        excess_ns -= less;
    }
}

int report_splitter_end(struct report_splitter *splitter, uint64_t run,
                        uint64_t now_ns, uint64_t parts[REPORT_PARTS])
{
    struct flight *flight = flight_of(splitter, run);
    if (!flight)
        return 0;
    advance(splitter, flight, now_ns);
    if (flight->at_ns > now_ns)
        take_back(flight, flight->at_ns - now_ns);
    memcpy(parts, flight->parts, sizeof(flight->parts));
    drop_flight(splitter, flight);
    return 1;
}

uint64_t report_splitter_backlog(const struct report_splitter *splitter)
{
    return splitter->backlog;
}

int report_splitter_failed(const struct report_splitter *splitter)
{
    return splitter->failed;
}

/* Attempts. */

/* The attempt that a record speaks of, if it is the present one. */
static struct task *attempt_of(struct report_splitter *splitter,
                               const struct engine_record *record)
{
    struct task *task = task_of(splitter, record, KIND_ATTEMPT);
    return task && task->attempt == record->attempt &&
                   task->phase != PHASE_RETRY && task->phase != PHASE_WAITING
               ? task
               : NULL;
}

static void opened(struct report_splitter *splitter,
                   const struct engine_record *record)
{
    struct task *task = attempt_of(splitter, record);
    if (!task || task->phase != PHASE_READY)
        return;
    const struct flight *flight = &splitter->flights[task->flight];
    task->queued_ns =
        flight->part == REPORT_PART_QUEUEING ? flight->since_ns : UINT64_MAX;
    task->opened_ns = record->time_ns;
    task->start_up_ns = record->a;
    turn(splitter, task, PHASE_STARTING, record->time_ns);
    move(splitter, task, record->peer);
}

/*
 * What a run has queued for since a time was in fact the start of a place.
 * Some platforms say that a place has started when it is done, with the time
 * that it took.
 */
static void rename_queueing(struct flight *flight, uint64_t from_ns,
                            uint64_t now_ns)
{
    if (from_ns < flight->moved_ns)
        from_ns = flight->moved_ns;
    uint64_t ns = now_ns > from_ns ? now_ns - from_ns : 0;
    if (ns > flight->parts[REPORT_PART_QUEUEING])
        ns = flight->parts[REPORT_PART_QUEUEING];
    flight->parts[REPORT_PART_QUEUEING] -= ns;
    flight->parts[REPORT_PART_START_UP] += ns;
    flight->moved_ns = now_ns;
}

static void look_back(struct report_splitter *splitter, const struct task *task,
                      const struct engine_record *record)
{
    struct flight *flight = &splitter->flights[task->flight];
    uint64_t now_ns = record->time_ns;
    advance(splitter, flight, now_ns);
    if (splitter->claims_run && record->detail == 1 && /* a cold start */
        flight->part == REPORT_PART_QUEUEING) {
        rename_queueing(flight, flight->since_ns, now_ns);
    } else if (task->phase == PHASE_STARTING && task->opened_ns == now_ns &&
               task->queued_ns < now_ns) {
        uint64_t from_ns =
            now_ns > task->start_up_ns ? now_ns - task->start_up_ns : 0;
        rename_queueing(flight,
                        from_ns > task->queued_ns ? from_ns : task->queued_ns,
                        now_ns);
    }
}

static void invoked(struct report_splitter *splitter,
                    const struct engine_record *record)
{
    struct task *task = attempt_of(splitter, record);
    if (!task || !is_backlog(task->phase))
        return;
    look_back(splitter, task, record);
    turn(splitter, task, PHASE_HELD, record->time_ns);
    move(splitter, task, record->peer);
}

static void throttled(struct report_splitter *splitter,
                      const struct engine_record *record)
{
    struct task *task = attempt_of(splitter, record);
    if (!task || !is_backlog(task->phase))
        return;
    struct flight *flight = &splitter->flights[task->flight];
    move(splitter, task, NONE);
    turn(splitter, task, PHASE_READY, record->time_ns);
    advance(splitter, flight, record->time_ns);
    if (flight->part == REPORT_PART_QUEUEING)
        flight->since_ns = record->time_ns;
}

static void claimed(struct report_splitter *splitter,
                    const struct engine_record *record)
{
    struct task *task = attempt_of(splitter, record);
    if (!task || !(is_backlog(task->phase) || task->phase == PHASE_HELD))
        return;
    const struct flight *flight = &splitter->flights[task->flight];
    enum phase phase = splitter->claims_run                  ? PHASE_CODE
                       : flight->progress && record->op == 0 ? PHASE_REPLAY
                                                             : PHASE_HELD;
    turn(splitter, task, phase, record->time_ns);
    if (!splitter->claims_run)
        move(splitter, task, record->peer);
}

/* An invocation does something that it had not done before. */
static void goes_on(struct report_splitter *splitter, uint64_t run,
                    uint64_t now_ns)
{
    struct task *task = find_task(splitter, run, 0, KIND_ATTEMPT);
    if (task && task->phase == PHASE_REPLAY)
        turn(splitter, task, PHASE_HELD, now_ns);
}

static void step_begins(struct report_splitter *splitter,
                        const struct engine_record *record)
{
    /* One of an invocation that was given up leads to nothing. */
    const struct task *invocation =
        find_task(splitter, record->run, 0, KIND_ATTEMPT);
    if (!invocation || invocation->node != record->node)
        return;
    struct task *task = put_task(splitter, record, KIND_STEP, PHASE_CODE);
    if (task)
        move(splitter, task, record->node);
    goes_on(splitter, record->run, record->time_ns);
}

static void begins(struct report_splitter *splitter,
                   const struct engine_record *record)
{
    if (record->b) {
        step_begins(splitter, record);
        return;
    }
    struct task *task = attempt_of(splitter, record);
    if (!task)
        return;
    turn(splitter, task, PHASE_CODE, record->time_ns);
    move(splitter, task, record->node);
}

static void ends(struct report_splitter *splitter,
                 const struct engine_record *record)
{
    struct task *task = record->b ? task_of(splitter, record, KIND_STEP)
                                  : attempt_of(splitter, record);
    if (!task || task->attempt != record->attempt ||
        task->phase != PHASE_CODE || task->node != record->node)
        return;
    if (record->b)
        drop_task(splitter, task, record->time_ns);
    else
        turn(splitter, task, PHASE_HELD, record->time_ns);
}

static void over(struct report_splitter *splitter,
                 const struct engine_record *record)
{
    struct task *task = attempt_of(splitter, record);
    if (!task)
        return;
    if (splitter->claims_run &&
        (record->kind == ENGINE_REC_WORK_CUT || record->detail)) {
        turn(splitter, task, PHASE_RETRY, record->time_ns);
        return;
    }
    drop_task(splitter, task, record->time_ns);
    if (record->op == 0)
        drop_steps(splitter, record->run, record->time_ns);
}

/* Its platform has ended it: nothing of it runs. */
static void killed(struct report_splitter *splitter,
                   const struct engine_record *record)
{
    struct task *task = attempt_of(splitter, record);
    if (!task || is_backlog(task->phase))
        return;
    turn(splitter, task, PHASE_HELD, record->time_ns);
    if (record->op == 0)
        drop_steps(splitter, record->run, record->time_ns);
}

/* What ran there is held by nobody's hand; what was on its way is not taken. */
static void node_gone(struct report_splitter *splitter, uint32_t node,
                      uint64_t now_ns)
{
    if (node >= splitter->node_room && grow_nodes(splitter, node)) {
        splitter->failed = 1;
        return;
    }
    splitter->nodes[node].gone_ns = now_ns;
    splitter->nodes[node].times++;
    while (splitter->nodes[node].first != NONE) {
        struct task *task = &splitter->tasks[splitter->nodes[node].first];
        move(splitter, task, NONE);
        if (task->kind == KIND_STEP)
            drop_task(splitter, task, now_ns);
        else
            turn(splitter, task,
                 is_backlog(task->phase) ? PHASE_READY : PHASE_HELD, now_ns);
    }
}

/* The log. */

static void drop(struct report_splitter *splitter,
                 const struct engine_record *record, enum kind kind)
{
    struct task *task = task_of(splitter, record, kind);
    if (task)
        drop_task(splitter, task, record->time_ns);
}

static void operation_starts(struct report_splitter *splitter,
                             const struct engine_record *record)
{
    switch (engine_record_type(record)) {
    case ENGINE_OPERATION_WAIT:
    case ENGINE_OPERATION_CALLBACK:
    case ENGINE_OPERATION_INVOKE:
    case ENGINE_OPERATION_SEND:
    case ENGINE_OPERATION_RECEIVE:
        put_task(splitter, record, KIND_OPERATION, PHASE_WAITING);
        break;
    default:
        break;
    }
}

static void checkpoint(struct report_splitter *splitter,
                       const struct engine_record *record)
{
    struct flight *flight = flight_of(splitter, record->run);
    if (!flight)
        return;
    flight->progress = 1;
    goes_on(splitter, record->run, record->time_ns);
}

static void event(struct report_splitter *splitter,
                  const struct engine_record *record)
{
    switch (record->detail) {
    case ENGINE_EV_RUN_CREATED:
        add_flight(splitter, record->run, record->time_ns, 0);
        break;
    case ENGINE_EV_RETRY_SCHEDULED:
        if (record->a)
            put_task(splitter, record, KIND_ATTEMPT, PHASE_RETRY);
        break;
    case ENGINE_EV_WAIT_STARTED:
        put_task(splitter, record, KIND_ATTEMPT, PHASE_WAITING);
        break;
    case ENGINE_EV_WAIT_FIRED:
    case ENGINE_EV_OP_SUCCEEDED:
    case ENGINE_EV_OP_FAILED:
        drop(splitter, record, KIND_ATTEMPT);
        break;
    case ENGINE_EV_CHECKPOINT:
        checkpoint(splitter, record);
        break;
    case ENGINE_EV_OPERATION_STARTED:
        operation_starts(splitter, record);
        break;
    case ENGINE_EV_OPERATION_RETRY:
        put_task(splitter, record, KIND_OPERATION, PHASE_RETRY);
        break;
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
    case ENGINE_EV_OPERATION_CANCELLED:
    case ENGINE_EV_OPERATION_READY:
    case ENGINE_EV_OPERATION_FIRED:
    case ENGINE_EV_OPERATION_TIMED_OUT:
    case ENGINE_EV_OPERATION_STOPPED:
        drop(splitter, record, KIND_OPERATION);
        break;
    default:
        break;
    }
}

static void appended(struct report_splitter *splitter,
                     const struct engine_record *record)
{
    struct flight *flight = flight_of(splitter, record->run);
    if (!flight || record->state == 0)
        return;
    advance(splitter, flight, record->time_ns);
    flight->stopped = record->state == ENGINE_RUN_BLOCKED ||
                      record->state == ENGINE_RUN_PAUSED;
    settle(flight);
    if (!flight->measured && engine_run_state_terminal(record->state))
        drop_flight(splitter, flight);
}

static void leased(struct report_splitter *splitter,
                   const struct engine_record *record)
{
    struct flight *flight = flight_of(splitter, record->run);
    if (!flight)
        return;
    advance(splitter, flight, record->time_ns);
    flight->owned = 1;
    flight->owner = record->peer;
    flight->times = record->peer < splitter->node_room
                        ? splitter->nodes[record->peer].times
                        : 0;
}

void report_splitter_feed(struct report_splitter *splitter,
                          const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_APPENDED:
        appended(splitter, record);
        break;
    case ENGINE_REC_EVENT:
        event(splitter, record);
        break;
    case ENGINE_REC_LEASE_GRANTED:
        leased(splitter, record);
        break;
    case ENGINE_REC_WORK_PUT:
        put_task(splitter, record, KIND_ATTEMPT, PHASE_READY);
        break;
    case ENGINE_REC_ENV_STARTED:
        opened(splitter, record);
        break;
    case ENGINE_REC_INVOKED:
        invoked(splitter, record);
        break;
    case ENGINE_REC_THROTTLED:
        throttled(splitter, record);
        break;
    case ENGINE_REC_WORK_CLAIMED:
        claimed(splitter, record);
        break;
    case ENGINE_REC_ATTEMPT_BEGIN:
        begins(splitter, record);
        break;
    case ENGINE_REC_ATTEMPT_END:
        ends(splitter, record);
        break;
    case ENGINE_REC_WORK_DONE:
    case ENGINE_REC_WORK_CUT:
        over(splitter, record);
        break;
    case ENGINE_REC_KILLED:
        killed(splitter, record);
        break;
    case ENGINE_REC_ENV_ENDED:
        node_gone(splitter, record->peer, record->time_ns);
        break;
    case ENGINE_REC_PROC_DOWN:
        node_gone(splitter, record->node, record->time_ns);
        break;
    default:
        break;
    }
}
