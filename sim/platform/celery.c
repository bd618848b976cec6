#include "sim/platform/celery.h"

#include <assert.h>
#include <stdlib.h>

#include "sim/platform/celery_parts.h"

#define TIME_MAX_NS (UINT64_C(1) << 53) /* 104 days: sums of some fit */

enum {
    POOL_START = 64,
};

uint64_t celery_rtt(struct sim_celery *c, uint32_t trips)
{
    uint64_t ns = 0;
    for (uint32_t i = 0; i < trips; i++)
        ns += sim_dist_draw(&c->config.rtt, &c->rtts, c->rtt_draws++);
    return ns;
}

uint32_t celery_host_timer(uint32_t host, enum celery_timer timer)
{
    return 1 + host * CELERY_HOST_TIMERS + (uint32_t)timer;
}

uint32_t celery_timer(const struct sim_celery *c, uint32_t number,
                      enum celery_pool_timer timer)
{
    return celery_host_timer(c->config.workers, 0) +
           number * CELERY_POOL_TIMERS + (uint32_t)timer;
}

void celery_state(struct sim_actions *actions, uint64_t now_ns, uint32_t job,
                  enum sim_celery_state state, uint32_t host)
{
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_STATE);
    if (action) {
        action->job = job;
        action->code = (uint16_t)state;
        action->host = host;
    }
}

/* Makes a pool longer, with timers for what is new. */
static bool grow(struct sim_celery *c, void **list, uint32_t *capacity,
                 size_t size)
{
    uint32_t wanted = *capacity ? 2 * *capacity : POOL_START;
    void *longer = realloc(*list, wanted * size);
    if (longer == NULL)
        return false;
    *list = longer;
    if (sim_heap_reserve(&c->heap, celery_timer(c, wanted, 0)))
        return false;
    *capacity = wanted;
    return true;
}

uint32_t celery_new_place(struct sim_celery *c)
{
    uint32_t number = c->places_free;
    if (number != CELERY_NONE) {
        c->places_free = c->places[number].next;
        return number;
    }
    void *list = c->places;
    if (c->places_made == c->places_room) {
        bool ok = grow(c, &list, &c->places_room, sizeof(*c->places));
        c->places = list;
        c->failed |= !ok;
        if (!ok)
            return CELERY_NONE;
    }
    return c->places_made++;
}

uint32_t celery_new_hold(struct sim_celery *c)
{
    uint32_t number = c->holds_free;
    if (number != CELERY_NONE) {
        c->holds_free = c->holds[number].next;
        return number;
    }
    void *list = c->holds;
    if (c->holds_made == c->holds_room) {
        bool ok = grow(c, &list, &c->holds_room, sizeof(*c->holds));
        c->holds = list;
        c->failed |= !ok;
        if (!ok)
            return CELERY_NONE;
    }
    return c->holds_made++;
}

static uint32_t new_message(struct sim_celery *c)
{
    uint32_t number = c->messages_free;
    if (number != CELERY_NONE) {
        c->messages_free = c->messages[number].next;
        return number;
    }
    void *list = c->messages;
    if (c->messages_made == c->messages_room) {
        bool ok = grow(c, &list, &c->messages_room, sizeof(*c->messages));
        c->messages = list;
        if (!ok)
            return CELERY_NONE;
    }
    return c->messages_made++;
}

static void end_job(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                    struct sim_actions *actions)
{
    struct celery_message *message = &c->messages[number];
    bool failed = message->cause != 0 && !message->done;
    struct sim_action *action = sim_actions_add(
        actions, now_ns, failed ? SIM_ACTION_FAIL : SIM_ACTION_FORGET);
    if (failed)
        celery_word_cause(c, message);
    if (action) {
        action->job = message->job;
        action->cause = failed ? &c->cause : NULL;
    }
    c->counts.jobs--;
    c->counts.queued--;
    c->counts.done += message->done;
    c->counts.failed += failed;
    c->counts.lost += !failed && !message->done;
    message->state = CELERY_FREE;
    message->next = c->messages_free;
    c->messages_free = number;
}

void celery_settle(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                   struct sim_actions *actions)
{
    const struct celery_message *message = &c->messages[number];
    if (message->state == CELERY_GONE && message->holds == 0)
        end_job(c, now_ns, number, actions);
}

/* The control node that is free first gets the task: when it is through. */
static uint64_t through_control(struct sim_celery *c, uint64_t now_ns)
{
    uint32_t best = 0;
    if (c->config.control_ns == 0)
        return now_ns;
    for (uint32_t i = 1; i < c->config.controls; i++)
        if (c->controls[i] < c->controls[best])
            best = i;
    if (c->controls[best] < now_ns)
        c->controls[best] = now_ns;
    c->controls[best] += c->config.control_ns;
    return c->controls[best];
}

/* When a publish comes through, or NEVER: its tries have run out. */
static uint64_t published_ns(const struct sim_celery *c, uint64_t now_ns)
{
    uint64_t at_ns = now_ns, wait_ns = 0;
    for (uint32_t i = 0; i <= c->config.publish_tries; i++) {
        if (at_ns >= c->away_ns)
            return at_ns;
        at_ns += wait_ns;
        wait_ns += c->config.publish_step_ns;
        if (wait_ns > c->config.publish_max_ns)
            wait_ns = c->config.publish_max_ns;
    }
    return CELERY_NEVER;
}

static void refuse(const struct sim_celery *c, const struct sim_job *job,
                   struct sim_submitted *out)
{
    *out = (struct sim_submitted){
        .answer = SIM_SUBMIT_REFUSED,
        .limit = c->config.payload_max,
        .actual = job->payload_bytes,
    };
    celery_word_too_large(c, job->payload_bytes, &out->cause);
}

static void begin(struct sim_celery *c, uint64_t now_ns,
                  struct sim_actions *actions)
{
    if (c->begun)
        return;
    c->begun = true;
    c->begun_ns = now_ns;
    for (uint32_t i = 0; i < c->config.workers; i++)
        celery_boot(c, now_ns, i, actions);
}

static void accept(struct sim_celery *c, uint64_t now_ns, uint64_t at_ns,
                   uint32_t number, const struct sim_job *job,
                   struct sim_actions *actions)
{
    c->messages[number] = (struct celery_message){
        .demand = job->demand,
        .due_ns = job->demand->eta_ns ? now_ns + job->demand->eta_ns : 0,
        .job = job->id,
        .hold = CELERY_NONE,
        .state = CELERY_PUBLISHING,
    };
    c->counts.jobs++;
    c->counts.queued++;
    c->requests++;
    at_ns = through_control(c, at_ns) + celery_rtt(c, 1);
    if (at_ns > now_ns) {
        sim_heap_set(&c->heap, celery_timer(c, number, CELERY_MESSAGE), at_ns);
        return;
    }
    celery_message_due(c, now_ns, number, actions);
}

static int submit(void *self, uint64_t now_ns, const struct sim_job *job,
                  struct sim_submitted *out, struct sim_actions *actions)
{
    struct sim_celery *c = self;
    begin(c, now_ns, actions);
    if (job->payload_bytes > c->config.payload_max) {
        refuse(c, job, out);
        c->counts.submitted++;
        c->counts.refused++;
        return 0;
    }
    uint64_t at_ns = published_ns(c, now_ns);
    if (at_ns == CELERY_NEVER) {
        *out = (struct sim_submitted){.answer = SIM_SUBMIT_THROTTLED,
                                      .reason = SIM_CELERY_BROKER_AWAY,
                                      .limit = c->config.publish_tries};
        c->counts.submitted++;
        c->counts.throttled++;
        return 0;
    }
    uint32_t number = new_message(c);
    if (number == CELERY_NONE)
        return -1;
    c->counts.submitted++;
    *out = (struct sim_submitted){.answer = SIM_SUBMIT_ACCEPTED};
    accept(c, now_ns, at_ns, number, job, actions);
    return 0;
}

static uint64_t next_ns(const void *self)
{
    const struct sim_celery *c = self;
    return c->begun ? sim_heap_next(&c->heap) : 0;
}

static void host_due(struct sim_celery *c, uint64_t now_ns, uint32_t id,
                     struct sim_actions *actions)
{
    uint32_t host = id / CELERY_HOST_TIMERS;
    switch ((enum celery_timer)(id % CELERY_HOST_TIMERS)) {
    case CELERY_BOOT:
        celery_booted(c, now_ns, host, actions);
        break;
    case CELERY_LOOP:
        celery_arrived(c, now_ns, host, actions);
        break;
    case CELERY_LINK:
        celery_link(c, now_ns, host, actions);
        break;
    case CELERY_SWEEP:
        celery_sweep(c, now_ns, host, actions);
        break;
    case CELERY_CHECK:
        celery_check(c, now_ns, host, actions);
        break;
    case CELERY_HOST_TIMERS:
        break;
    }
}

static void due(struct sim_celery *c, uint64_t now_ns, uint32_t id,
                struct sim_actions *actions)
{
    uint32_t pools = celery_host_timer(c->config.workers, 0);
    if (id == 0) {
        celery_serve(c, now_ns); /* the broker is back */
        return;
    }
    if (id < pools) {
        host_due(c, now_ns, id - 1, actions);
        return;
    }
    uint32_t number = (id - pools) / CELERY_POOL_TIMERS;
    switch ((enum celery_pool_timer)((id - pools) % CELERY_POOL_TIMERS)) {
    case CELERY_PLACE:
        celery_place_due(c, now_ns, number, actions);
        break;
    case CELERY_HOLD:
        celery_hold_due(c, now_ns, number, actions);
        break;
    case CELERY_MESSAGE:
        celery_message_due(c, now_ns, number, actions);
        break;
    case CELERY_POOL_TIMERS:
        break;
    }
}

static void advance(void *self, uint64_t now_ns, struct sim_actions *actions)
{
    struct sim_celery *c = self;
    begin(c, now_ns, actions);
    while (sim_heap_next(&c->heap) <= now_ns && !c->failed) {
        uint64_t time_ns = sim_heap_next(&c->heap);
        uint32_t id = sim_heap_pop(&c->heap);
        due(c, time_ns, id, actions);
    }
    actions->failed |= c->failed;
}

static void finished(void *self, uint64_t now_ns, uint32_t place, uint32_t job,
                     struct sim_actions *actions)
{
    struct sim_celery *c = self;
    celery_finished(c, now_ns, place, job, actions);
    actions->failed |= c->failed;
}

static void exited(void *self, uint64_t now_ns, uint32_t place,
                   uint32_t exit_code, struct sim_actions *actions)
{
    struct sim_celery *c = self;
    celery_exited(c, now_ns, place, exit_code, actions);
    actions->failed |= c->failed;
}

/* Children of a worker do not wait for one another. */
static uint64_t run_ns(void *self, uint64_t now_ns, uint32_t place,
                       uint32_t job, const struct sim_work *work,
                       struct sim_actions *actions)
{
    (void)self;
    (void)now_ns;
    (void)place;
    (void)job;
    (void)actions;
    return work->nominal_ns;
}

static bool fail_host(void *self, uint64_t now_ns, uint32_t host,
                      struct sim_actions *actions)
{
    struct sim_celery *c = self;
    begin(c, now_ns, actions);
    bool up = celery_host_failed(c, now_ns, host, actions);
    actions->failed |= c->failed;
    return up;
}

static void outage(void *self, uint64_t now_ns, uint64_t until_ns,
                   struct sim_actions *actions)
{
    struct sim_celery *c = self;
    begin(c, now_ns, actions);
    celery_outage(c, now_ns, until_ns, actions);
}

static const struct sim_model_counts *counts(const void *self)
{
    const struct sim_celery *c = self;
    return &c->counts;
}

static void celery_free(void *self)
{
    struct sim_celery *c = self;
    if (c == NULL)
        return;
    sim_heap_deinit(&c->heap);
    free(c->hosts);
    free(c->slots);
    free(c->places);
    free(c->holds);
    free(c->messages);
    free(c);
}

static const struct sim_model_ops ops = {
    .kind = "celery",
    .free = celery_free,
    .submit = submit,
    .next_ns = next_ns,
    .advance = advance,
    .finished = finished,
    .exited = exited,
    .run_ns = run_ns,
    .fail_host = fail_host,
    .outage = outage,
    .counts = counts,
    .cost_nano = celery_cost_nano,
    .cost_line = celery_cost_line,
    .explain = celery_explain,
    .state_name = celery_state_name,
    .end_name = celery_end_name,
    .reason_name = celery_reason_name,
};

static bool times_ok(const struct sim_celery_config *config)
{
    const uint64_t times[] = {
        config->soft_limit_ns,       config->hard_limit_ns,
        config->visibility_ns,       config->sweep_ns,
        config->sweep_mutex_ns,      config->heartbeat_ns,
        config->consumer_timeout_ns, config->consumer_check_ns,
        config->poll_wait_ns,        config->poll_pause_ns,
        config->message_ns,          config->restart_ns,
        config->lost_wait_ns,        config->pool_tick_ns,
        config->reconnect_ns,        config->reconnect_max_ns,
        config->publish_step_ns,     config->publish_max_ns,
        config->control_ns,
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        if (times[i] > TIME_MAX_NS)
            return false;
    return config->pool_tick_ns > 0;
}

/* What a broker needs, and nothing that never ends. */
static bool broker_ok(const struct sim_celery_config *config)
{
    switch (config->broker) {
    case SIM_CELERY_REDIS:
        return config->visibility_ns > 0 && config->sweep_ns > 0 &&
               config->sweep_every > 0 && config->sweep_every <= 1000;
    case SIM_CELERY_RABBITMQ:
        return config->heartbeat_ns > 0 && config->heartbeat_misses <= 100 &&
               (config->consumer_timeout_ns == 0 ||
                config->consumer_check_ns > 0);
    case SIM_CELERY_SQS:
        return config->visibility_ns > 0 && config->poll_wait_ns > 0;
    }
    return false;
}

static bool config_ok(const struct sim_celery_config *config)
{
    uint64_t children = (uint64_t)config->workers * config->concurrency;
    return config->workers > 0 && config->workers <= SIM_CELERY_WORKERS_MAX &&
           config->concurrency > 0 && children <= SIM_CELERY_CHILDREN_MAX &&
           config->prefetch <= UINT32_MAX / config->concurrency &&
           config->receive_max > 0 && config->crowded > 0 &&
           config->crowded <= 1000 && config->controls > 0 &&
           config->controls <= SIM_CELERY_CONTROLS_MAX &&
           config->receive_trips + config->result_trips + config->ack_trips <=
               100 &&
           config->conflict_ppb <= ENGINE_CHANCE_ALWAYS &&
           (config->conflict_ppb == 0 || config->conflict_at > 0) &&
           config->conflict_rise <= 16 &&
           config->duplicate_ppb < ENGINE_CHANCE_ALWAYS &&
           config->stale_ppb <= ENGINE_CHANCE_ALWAYS &&
           config->exit_seen_ppb <= ENGINE_CHANCE_ALWAYS &&
           config->reconnect_ns > 0 && config->reconnect_max_ns > 0 &&
           (config->soft_limit_ns == 0 || config->hard_limit_ns == 0 ||
            config->soft_limit_ns < config->hard_limit_ns) &&
           times_ok(config) && broker_ok(config);
}

static void make_streams(struct sim_celery *c, uint64_t seed)
{
    engine_stream_init(&c->rtts, seed, "celery/rtt", 0);
    engine_stream_init(&c->starts, seed, "celery/start", 0);
    engine_stream_init(&c->forks, seed, "celery/fork", 0);
    engine_stream_init(&c->replaces, seed, "celery/replace", 0);
    engine_stream_init(&c->stales, seed, "celery/stale", 0);
    engine_stream_init(&c->doubles, seed, "celery/duplicate", 0);
    engine_stream_init(&c->conflicts, seed, "celery/conflict", 0);
    engine_stream_init(&c->silences, seed, "celery/heartbeat", 0);
    engine_stream_init(&c->exits, seed, "celery/exit", 0);
}

static bool make_hosts(struct sim_celery *c)
{
    uint32_t workers = c->config.workers, children = c->config.concurrency;
    c->hosts = calloc(workers, sizeof(*c->hosts));
    c->slots = malloc((size_t)workers * children * sizeof(*c->slots));
    if (!c->hosts || !c->slots ||
        sim_heap_reserve(&c->heap, celery_timer(c, 0, 0)))
        return false;
    for (uint32_t i = 0; i < workers; i++) {
        c->hosts[i] = (struct celery_host){
            .slots = &c->slots[(size_t)i * children],
            .first_hold = CELERY_NONE,
            .last_hold = CELERY_NONE,
            .line = CELERY_NONE,
            .idle = CELERY_NONE,
            .stale = engine_draw_chance(&c->stales, i, c->config.stale_ppb),
        };
    }
    return true;
}

int sim_celery_model(struct sim_model *model,
                     const struct sim_celery_config *config, uint64_t seed)
{
    if (!config_ok(config))
        return -2;
    struct sim_celery *c = calloc(1, sizeof(*c));
    if (!c)
        return -1;
    c->config = *config;
    c->places_free = c->holds_free = c->messages_free = CELERY_NONE;
    c->queue = (struct celery_list){CELERY_NONE, CELERY_NONE, 0};
    c->unacked = c->queue;
    c->waits_first = c->waits_last = CELERY_NONE;
    c->mutex_host = CELERY_NONE;
    c->counts.limit = (uint64_t)config->workers * config->concurrency;
    make_streams(c, seed);
    if (!make_hosts(c)) {
        celery_free(c);
        return -1;
    }
    *model = (struct sim_model){.ops = &ops, .self = c};
    return 0;
}

uint32_t sim_celery_unacked(const struct sim_model *model, uint32_t host)
{
    const struct sim_celery *c = model->self;
    assert(model->ops == &ops && host < c->config.workers);
    return c->hosts[host].unacked;
}

uint32_t sim_celery_held(const struct sim_model *model, uint32_t host)
{
    const struct sim_celery *c = model->self;
    assert(model->ops == &ops && host < c->config.workers);
    return c->hosts[host].held;
}

bool sim_celery_ready(const struct sim_model *model, uint32_t host)
{
    const struct sim_celery *c = model->self;
    assert(model->ops == &ops && host < c->config.workers);
    return c->hosts[host].state == CELERY_UP && c->hosts[host].connected;
}

uint64_t sim_celery_redelivered(const struct sim_model *model)
{
    const struct sim_celery *c = model->self;
    assert(model->ops == &ops);
    return c->redelivered;
}
