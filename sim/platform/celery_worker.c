#include "sim/platform/celery_parts.h"

#include <assert.h>

#include "sim/real.h"

static struct celery_message *message_of(struct sim_celery *c, uint32_t hold)
{
    return &c->messages[c->holds[hold].message];
}

static void set(struct sim_celery *c, uint32_t host, enum celery_timer timer,
                uint64_t time_ns)
{
    sim_heap_set(&c->heap, celery_host_timer(host, timer), time_ns);
}

static void set_place(struct sim_celery *c, uint32_t place, uint64_t time_ns)
{
    sim_heap_set(&c->heap, celery_timer(c, place, CELERY_PLACE), time_ns);
}

/* The main process works on something for so long, after what it has to do. */
static void spend(struct sim_celery *c, uint64_t now_ns, uint32_t host,
                  uint64_t ns)
{
    uint64_t *busy_ns = &c->hosts[host].busy_ns;
    *busy_ns = (*busy_ns > now_ns ? *busy_ns : now_ns) + ns;
}

static void leave_host(struct sim_celery *c, uint32_t hold)
{
    struct celery_hold *h = &c->holds[hold];
    struct celery_host *host = &c->hosts[h->host];
    if (h->prev == CELERY_NONE)
        host->first_hold = h->next;
    else
        c->holds[h->prev].next = h->next;
    if (h->next == CELERY_NONE)
        host->last_hold = h->prev;
    else
        c->holds[h->next].prev = h->prev;
    if (h->counted)
        host->unacked--;
    if (h->state == CELERY_ETA)
        host->held--;
    h->counted = false;
    h->host = CELERY_NONE;
}

/* It runs in its place no more. */
static void stop(struct sim_celery *c, uint32_t hold)
{
    struct celery_message *message = message_of(c, hold);
    assert(message->runs > 0);
    if (--message->runs == 0) {
        c->counts.running--;
        c->counts.queued++;
    }
}

/* The worker has nothing to do with it any more. */
void celery_drop(struct sim_celery *c, uint64_t now_ns, uint32_t hold,
                 struct sim_actions *actions)
{
    struct celery_hold *h = &c->holds[hold];
    struct celery_message *message = message_of(c, hold);
    uint32_t number = h->message;
    if (h->state == CELERY_RUNNING)
        stop(c, hold);
    leave_host(c, hold);
    if (message->hold == hold)
        message->hold = CELERY_NONE;
    message->holds--;
    sim_heap_cut(&c->heap, celery_timer(c, hold, CELERY_HOLD));
    h->next = c->holds_free;
    c->holds_free = hold;
    celery_settle(c, now_ns, number, actions);
}

/* A failure that Celery records; the message may be somewhere else as well. */
static void fail(struct sim_celery *c, uint64_t now_ns, uint32_t hold,
                 enum celery_cause cause, struct sim_actions *actions)
{
    struct celery_hold *h = &c->holds[hold];
    struct celery_message *message = message_of(c, hold);
    message->cause = (uint8_t)cause;
    message->detail = h->detail;
    message->host = h->host;
    celery_state(actions, now_ns, message->job, SIM_CELERY_FAILURE, h->host);
    if (!h->acked) {
        spend(c, now_ns, h->host, celery_rtt(c, c->config.ack_trips));
        celery_ack(c, hold);
    }
    celery_drop(c, now_ns, hold, actions);
}

/* The place has a process that can work. */
void celery_open_place(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                       struct sim_actions *actions)
{
    struct celery_place *place = &c->places[number];
    struct celery_host *host = &c->hosts[place->host];
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_OPEN);
    if (action) {
        action->place = number;
        action->host = place->host;
        action->a = now_ns - place->asked_ns;
    }
    place->state = CELERY_IDLE;
    place->tasks = 0;
    place->hold = CELERY_NONE;
    place->next = host->idle;
    host->idle = number;
    c->counts.places_opened++;
    c->counts.places++;
    if (c->counts.places > c->counts.places_peak)
        c->counts.places_peak = c->counts.places;
}

void celery_close_place(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                        enum sim_celery_end end, struct sim_actions *actions)
{
    struct celery_place *place = &c->places[number];
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_CLOSE);
    if (action) {
        action->place = number;
        action->host = place->host;
        action->code = (uint16_t)end;
        if (place->hold != CELERY_NONE)
            action->job = message_of(c, place->hold)->job;
    }
    place->state = CELERY_CLOSED;
    place->hold = CELERY_NONE;
    set_place(c, number, CELERY_NEVER);
    c->counts.places--;
    c->counts.places_closed++;
}

void celery_free_place(struct sim_celery *c, uint32_t number)
{
    struct celery_place *place = &c->places[number];
    set_place(c, number, CELERY_NEVER);
    c->hosts[place->host].slots[place->slot] = CELERY_NONE;
    place->next = c->places_free;
    c->places_free = number;
}

/*
 * When the main process sees that a child has died: as it is told, or, when
 * the kernel was not done with the child by then, as the pool looks next.
 */
static uint64_t exit_seen_ns(struct sim_celery *c, uint64_t now_ns,
                             const struct celery_host *host)
{
    uint64_t tick = c->config.pool_tick_ns;
    if (engine_draw_chance(&c->exits, c->exit_draws++,
                           c->config.exit_seen_ppb) ||
        host->state != CELERY_UP)
        return now_ns;
    return host->ticks_ns + ((now_ns - host->ticks_ns) / tick + 1) * tick;
}

/* Another process in place of one of which is seen then that it is gone. */
static void replace(struct sim_celery *c, uint64_t seen_ns, uint32_t number)
{
    c->places[number].asked_ns = seen_ns;
    set_place(c, number,
              seen_ns + sim_dist_draw(&c->config.replace, &c->replaces,
                                      c->replace_draws++));
}

/* The chance of a file conflict with so many children at work: 1 less e to
 * the power of - chance * (n / at)^rise. */
static uint32_t conflict_ppb(struct sim_celery *c)
{
    uint32_t n = c->counts.places;
    if (n == c->conflict_n)
        return c->conflict_now;
    double ratio = (double)n / (double)c->config.conflict_at;
    double power = (double)c->config.conflict_ppb * 1e-9;
    for (uint32_t i = 0; i < c->config.conflict_rise; i++)
        power *= ratio;
    c->conflict_n = n;
    c->conflict_now = (uint32_t)((1.0 - sim_real_exp(-power)) * 1e9);
    return c->conflict_now;
}

static bool conflicts(struct sim_celery *c)
{
    return c->config.conflict_ppb > 0 &&
           engine_draw_chance(&c->conflicts, c->executions, conflict_ppb(c));
}

static void tell_start(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                       struct sim_actions *actions)
{
    const struct celery_place *place = &c->places[number];
    struct celery_message *message = message_of(c, place->hold);
    struct sim_action *action;
    if (message->done && now_ns - message->done_ns >= c->config.result_lasts_ns)
        celery_state(actions, now_ns, message->job, SIM_CELERY_EXPIRED,
                     place->host);
    action = sim_actions_add(actions, now_ns, SIM_ACTION_START);
    if (action) {
        action->job = message->job;
        action->place = number;
        action->host = place->host;
        action->deadline_ns = place->hard_ns;
    }
    c->counts.starts++;
    c->counts.restarts += message->started;
    message->started = true;
}

/* The child begins with it. */
static void execute(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                    uint32_t hold, struct sim_actions *actions)
{
    const struct sim_celery_config *config = &c->config;
    struct celery_place *place = &c->places[number];
    struct celery_message *message = message_of(c, hold);
    if (message->runs++ == 0) {
        c->counts.running++;
        c->counts.queued--;
    }
    c->holds[hold].state = CELERY_RUNNING;
    c->holds[hold].place = number;
    place->state = CELERY_BUSY;
    place->hold = hold;
    place->tasks++;
    place->warned = config->soft_limit_ns == 0;
    place->hard_ns =
        config->hard_limit_ns ? now_ns + config->hard_limit_ns : CELERY_NEVER;
    set_place(c, number,
              place->warned ? place->hard_ns : now_ns + config->soft_limit_ns);
    tell_start(c, now_ns, number, actions);
    if (!config->acks_late) {
        spend(c, now_ns, place->host, celery_rtt(c, config->ack_trips));
        celery_ack(c, hold);
    }
}

/* Idle children take what waits. */
static void feed(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                 struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    while (host->line != CELERY_NONE && host->idle != CELERY_NONE) {
        uint32_t hold = host->line, place = host->idle;
        host->line = c->holds[hold].line;
        c->executions++;
        if (conflicts(c)) {
            fail(c, now_ns, hold, CELERY_CONFLICT, actions);
            continue;
        }
        host->idle = c->places[place].next;
        execute(c, now_ns, place, hold, actions);
    }
    celery_receive(c, now_ns, number);
}

static void stand_in_line(struct sim_celery *c, uint32_t hold)
{
    struct celery_hold *h = &c->holds[hold];
    struct celery_host *host = &c->hosts[h->host];
    h->state = CELERY_LOCAL;
    h->line = CELERY_NONE;
    if (host->line == CELERY_NONE)
        host->line = hold;
    else
        c->holds[host->line_end].line = hold;
    host->line_end = hold;
}

/* A message has arrived in the main process. */
static void look_at(struct sim_celery *c, uint64_t now_ns, uint32_t hold,
                    struct sim_actions *actions)
{
    struct celery_hold *h = &c->holds[hold];
    struct celery_host *host = &c->hosts[h->host];
    const struct celery_message *message = message_of(c, hold);
    bool held = message->due_ns > now_ns;
    if (message->demand->unregistered && host->stale) {
        fail(c, now_ns, hold, CELERY_UNREGISTERED, actions);
        return;
    }
    celery_state(actions, now_ns, message->job,
                 held ? SIM_CELERY_HELD : SIM_CELERY_RECEIVED, h->host);
    if (!held) {
        stand_in_line(c, hold);
        return;
    }
    h->state = CELERY_ETA;
    h->counted = false;
    host->unacked--;
    host->held++;
    sim_heap_set(&c->heap, celery_timer(c, hold, CELERY_HOLD), message->due_ns);
}

void celery_arrived(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                    struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    if (host->waits) { /* a poll has found nothing */
        celery_unwait(c, number);
        host->receiving = true;
        set(c, number, CELERY_LOOP, now_ns + c->config.poll_pause_ns);
        return;
    }
    host->receiving = false;
    uint32_t first = CELERY_NONE;
    for (uint32_t i = host->last_hold;
         i != CELERY_NONE && c->holds[i].state == CELERY_COMING;
         i = c->holds[i].prev)
        first = i;
    while (first != CELERY_NONE) {
        uint32_t after = c->holds[first].next;
        look_at(c, now_ns, first, actions);
        first = after;
    }
    feed(c, now_ns, number, actions);
}

static void take_from_idle(struct sim_celery *c, uint32_t number)
{
    uint32_t *link = &c->hosts[c->places[number].host].idle;
    while (*link != number)
        link = &c->places[*link].next;
    *link = c->places[number].next;
}

/* The child has stored its result; the worker hears of it. */
static void ended(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                  struct sim_actions *actions)
{
    struct celery_place *place = &c->places[number];
    uint32_t hold = place->hold, host = place->host;
    struct celery_message *message = message_of(c, hold);
    celery_state(actions, now_ns, message->job, SIM_CELERY_SUCCESS, host);
    message->done = true;
    message->done_ns = now_ns;
    if (!c->holds[hold].acked) {
        spend(c, now_ns, host, celery_rtt(c, c->config.ack_trips));
        celery_ack(c, hold);
    }
    place->hold = CELERY_NONE;
    celery_drop(c, now_ns, hold, actions);
    uint32_t most = c->config.tasks_per_child;
    if (most && place->tasks >= most) {
        celery_close_place(c, now_ns, number, SIM_CELERY_END_RECYCLED, actions);
        replace(c, exit_seen_ns(c, now_ns, &c->hosts[host]), number);
    } else {
        place->state = CELERY_IDLE;
        place->next = c->hosts[host].idle;
        c->hosts[host].idle = number;
    }
    feed(c, now_ns, host, actions);
}

void celery_finished(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                     uint32_t job, struct sim_actions *actions)
{
    struct celery_place *place = &c->places[number];
    assert(number < c->places_made && place->state == CELERY_BUSY);
    uint32_t hold = place->hold;
    struct celery_message *message = message_of(c, hold);
    assert(message->job == job && c->holds[hold].state == CELERY_RUNNING);
    (void)job;
    message->done = true;
    message->done_ns = now_ns;
    stop(c, hold);
    c->holds[hold].state = CELERY_ENDING;
    if (c->config.result_trips == 0) {
        ended(c, now_ns, number, actions);
    } else {
        set_place(c, number, now_ns + celery_rtt(c, c->config.result_trips));
    }
}

void celery_exited(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                   uint32_t exit_code, struct sim_actions *actions)
{
    struct celery_place *place = &c->places[number];
    uint32_t host = place->host, hold = place->hold;
    assert(number < c->places_made && place->state != CELERY_CLOSED);
    if (place->state == CELERY_IDLE)
        take_from_idle(c, number);
    celery_close_place(c, now_ns, number, SIM_CELERY_END_CRASH, actions);
    uint64_t seen_ns = exit_seen_ns(c, now_ns, &c->hosts[host]);
    replace(c, seen_ns, number);
    if (hold == CELERY_NONE)
        return;
    struct celery_hold *h = &c->holds[hold];
    if (h->state == CELERY_RUNNING)
        stop(c, hold);
    h->state = CELERY_LOST;
    h->place = CELERY_NONE;
    h->detail = exit_code;
    sim_heap_set(&c->heap, celery_timer(c, hold, CELERY_HOLD),
                 seen_ns + c->config.lost_wait_ns);
}

static void give_up(struct sim_celery *c, uint64_t now_ns, uint32_t hold,
                    struct sim_actions *actions)
{
    bool back = c->config.acks_late && c->config.reject_on_worker_lost;
    if (!back) {
        fail(c, now_ns, hold, CELERY_WORKER_LOST, actions);
        return;
    }
    celery_reject(c, now_ns, hold, actions);
    celery_drop(c, now_ns, hold, actions);
    celery_serve(c, now_ns);
}

void celery_hold_due(struct sim_celery *c, uint64_t now_ns, uint32_t hold,
                     struct sim_actions *actions)
{
    struct celery_hold *h = &c->holds[hold];
    uint32_t number = h->host;
    if (h->state == CELERY_LOST) {
        give_up(c, now_ns, hold, actions);
    } else {
        struct celery_host *host = &c->hosts[number];
        assert(h->state == CELERY_ETA);
        host->held--;
        host->unacked++;
        h->counted = true;
        stand_in_line(c, hold);
    }
    feed(c, now_ns, number, actions);
}

static void warn(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                 struct sim_actions *actions)
{
    struct celery_place *place = &c->places[number];
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_WARN);
    if (action) {
        action->place = number;
        action->host = place->host;
        action->job = message_of(c, place->hold)->job;
        action->code = SIM_CELERY_WARN_SOFT;
        action->deadline_ns = place->hard_ns;
    }
    place->warned = true;
    set_place(c, number, place->hard_ns);
}

static void cut_off(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                    struct sim_actions *actions)
{
    uint32_t hold = c->places[number].hold;
    uint32_t host = c->places[number].host;
    celery_close_place(c, now_ns, number, SIM_CELERY_END_LIMIT, actions);
    replace(c, exit_seen_ns(c, now_ns, &c->hosts[host]), number);
    fail(c, now_ns, hold, CELERY_TIME_LIMIT, actions);
    celery_receive(c, now_ns, host);
}

void celery_place_due(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                      struct sim_actions *actions)
{
    struct celery_place *place = &c->places[number];
    if (place->state == CELERY_CLOSED) {
        celery_open_place(c, now_ns, number, actions);
        feed(c, now_ns, place->host, actions);
    } else if (c->holds[place->hold].state == CELERY_ENDING) {
        ended(c, now_ns, number, actions);
    } else if (!place->warned) {
        warn(c, now_ns, number, actions);
    } else {
        cut_off(c, now_ns, number, actions);
    }
}
