#include "sim/platform/celery_parts.h"

#include <assert.h>

static struct celery_message *message_at(struct sim_celery *c, uint32_t number)
{
    assert(number < c->messages_made);
    return &c->messages[number];
}

static struct celery_list *list_of(struct sim_celery *c,
                                   const struct celery_message *message)
{
    return message->state == CELERY_QUEUED ? &c->queue : &c->unacked;
}

static void link_last(struct sim_celery *c, struct celery_list *list,
                      uint32_t number)
{
    struct celery_message *message = message_at(c, number);
    message->prev = list->last;
    message->next = CELERY_NONE;
    if (list->last == CELERY_NONE)
        list->first = number;
    else
        message_at(c, list->last)->next = number;
    list->last = number;
    list->count++;
}

static void link_first(struct sim_celery *c, struct celery_list *list,
                       uint32_t number)
{
    struct celery_message *message = message_at(c, number);
    message->prev = CELERY_NONE;
    message->next = list->first;
    if (list->first == CELERY_NONE)
        list->last = number;
    else
        message_at(c, list->first)->prev = number;
    list->first = number;
    list->count++;
}

/* Out of the list in which it is, by its state. */
static void unlink_message(struct sim_celery *c, uint32_t number)
{
    struct celery_message *message = message_at(c, number);
    struct celery_list *list = list_of(c, message);
    if (message->prev == CELERY_NONE)
        list->first = message->next;
    else
        message_at(c, message->prev)->next = message->next;
    if (message->next == CELERY_NONE)
        list->last = message->prev;
    else
        message_at(c, message->next)->prev = message->prev;
    list->count--;
}

static void silence(struct sim_celery *c, uint32_t number)
{
    sim_heap_cut(&c->heap, celery_timer(c, number, CELERY_MESSAGE));
}

/* The broker has it no more. */
static void forget(struct sim_celery *c, uint32_t number)
{
    struct celery_message *message = message_at(c, number);
    assert(message->state != CELERY_GONE);
    if (message->state != CELERY_PUBLISHING)
        unlink_message(c, number);
    message->state = CELERY_GONE;
    message->hold = CELERY_NONE;
    silence(c, number);
}

bool celery_away(const struct sim_celery *c, uint64_t now_ns)
{
    return c->away_ns > now_ns;
}

void celery_enqueue(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                    bool head, struct sim_actions *actions)
{
    struct celery_message *message = message_at(c, number);
    assert(message->state == CELERY_PUBLISHING ||
           message->state == CELERY_UNACKED);
    if (message->state == CELERY_UNACKED)
        unlink_message(c, number);
    silence(c, number);
    message->state = CELERY_QUEUED;
    message->hold = CELERY_NONE;
    if (head)
        link_first(c, &c->queue, number);
    else
        link_last(c, &c->queue, number);
    celery_state(actions, now_ns, message->job,
                 message->again ? SIM_CELERY_RESTORED : SIM_CELERY_PENDING,
                 CELERY_NONE);
}

/* How many more messages the host may take; 0: none. */
static uint32_t room(const struct sim_celery *c, const struct celery_host *host)
{
    const struct sim_celery_config *config = &c->config;
    uint32_t most = config->receive_max;
    if (config->eta_limit && host->held >= config->eta_limit)
        return 0;
    if (config->prefetch) {
        uint32_t limit = config->prefetch * config->concurrency;
        if (host->unacked >= limit)
            return 0;
        most = limit - host->unacked < most ? limit - host->unacked : most;
    }
    return most;
}

static void wait_in_line(struct sim_celery *c, uint64_t now_ns, uint32_t number)
{
    struct celery_host *host = &c->hosts[number];
    host->waits = true;
    host->waiting = CELERY_NONE;
    if (c->waits_last == CELERY_NONE)
        c->waits_first = number;
    else
        c->hosts[c->waits_last].waiting = number;
    c->waits_last = number;
    if (c->config.poll_wait_ns) {
        c->requests++;
        sim_heap_set(&c->heap, celery_host_timer(number, CELERY_LOOP),
                     now_ns + c->config.poll_wait_ns);
    }
}

void celery_unwait(struct sim_celery *c, uint32_t number)
{
    uint32_t before = CELERY_NONE;
    if (!c->hosts[number].waits)
        return;
    for (uint32_t i = c->waits_first; i != number; i = c->hosts[i].waiting)
        before = i;
    uint32_t after = c->hosts[number].waiting;
    if (before == CELERY_NONE)
        c->waits_first = after;
    else
        c->hosts[before].waiting = after;
    if (c->waits_last == number)
        c->waits_last = before;
    c->hosts[number].waits = false;
}

static void join_host(struct sim_celery *c, uint32_t hold, uint32_t number)
{
    struct celery_host *host = &c->hosts[number];
    struct celery_hold *h = &c->holds[hold];
    h->next = CELERY_NONE;
    h->prev = host->last_hold;
    if (host->last_hold == CELERY_NONE)
        host->first_hold = hold;
    else
        c->holds[host->last_hold].next = hold;
    host->last_hold = hold;
    host->unacked++;
}

/* The message is on its way to the host. */
static void deliver(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                    uint32_t hold, uint32_t host)
{
    struct celery_message *message = message_at(c, number);
    unlink_message(c, number);
    message->state = CELERY_UNACKED;
    link_last(c, &c->unacked, number);
    message->delivered_ns = now_ns;
    message->hold = hold;
    message->holds++;
    c->redelivered += message->again;
    message->again = true;
    c->holds[hold] = (struct celery_hold){
        .message = number,
        .host = host,
        .place = CELERY_NONE,
        .line = CELERY_NONE,
        .epoch = c->hosts[host].epoch,
        .state = CELERY_COMING,
        .counted = true,
    };
    join_host(c, hold, host);
    if (c->config.broker == SIM_CELERY_SQS)
        sim_heap_set(&c->heap, celery_timer(c, number, CELERY_MESSAGE),
                     now_ns + c->config.visibility_ns);
}

/* Some deliveries leave the message where it was. */
static void double_up(struct sim_celery *c, uint64_t now_ns, uint32_t number)
{
    if (c->config.duplicate_ppb == 0 ||
        !engine_draw_chance(&c->doubles, c->deliveries,
                            c->config.duplicate_ppb))
        return;
    struct sim_actions none = {.list = NULL};
    celery_enqueue(c, now_ns, number, false, &none);
    sim_actions_free(&none);
}

static void take(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                 uint32_t most)
{
    struct celery_host *host = &c->hosts[number];
    uint32_t count = most < c->queue.count ? most : c->queue.count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t hold = celery_new_hold(c);
        if (hold == CELERY_NONE)
            return;
        uint32_t message = c->queue.first;
        c->deliveries++;
        deliver(c, now_ns, message, hold, number);
        double_up(c, now_ns, message);
    }
    c->requests++;
    if (host->busy_ns < now_ns)
        host->busy_ns = now_ns;
    host->busy_ns +=
        celery_rtt(c, c->config.receive_trips) + count * c->config.message_ns;
    host->receiving = true;
    sim_heap_set(&c->heap, celery_host_timer(number, CELERY_LOOP),
                 host->busy_ns);
}

void celery_receive(struct sim_celery *c, uint64_t now_ns, uint32_t number)
{
    const struct celery_host *host = &c->hosts[number];
    if (host->state != CELERY_UP || !host->connected || host->receiving ||
        host->waits)
        return;
    uint32_t most = room(c, host);
    if (most == 0)
        return;
    if (celery_away(c, now_ns) || c->queue.count == 0)
        wait_in_line(c, now_ns, number);
    else
        take(c, now_ns, number, most);
}

void celery_serve(struct sim_celery *c, uint64_t now_ns)
{
    while (c->queue.count > 0 && c->waits_first != CELERY_NONE &&
           !celery_away(c, now_ns) && !c->failed) {
        uint32_t host = c->waits_first;
        celery_unwait(c, host);
        sim_heap_cut(&c->heap, celery_host_timer(host, CELERY_LOOP));
        celery_receive(c, now_ns, host);
    }
}

/* The broker accepts an ack or a reject of this hold. */
static bool answerable(const struct sim_celery *c,
                       const struct celery_hold *hold)
{
    const struct celery_message *message = &c->messages[hold->message];
    if (message->state != CELERY_UNACKED)
        return false;
    const struct celery_host *host = &c->hosts[hold->host];
    if (!host->connected || hold->epoch != host->epoch)
        return false;
    /* Redis knows a message by its tag, which stays when it comes again. */
    return c->config.broker == SIM_CELERY_REDIS ||
           message->hold == (uint32_t)(hold - c->holds);
}

static void uncount(struct sim_celery *c, struct celery_hold *hold)
{
    hold->acked = true;
    if (hold->counted)
        c->hosts[hold->host].unacked--;
    hold->counted = false;
}

void celery_ack(struct sim_celery *c, uint32_t number)
{
    struct celery_hold *hold = &c->holds[number];
    if (answerable(c, hold)) {
        c->requests++;
        forget(c, hold->message);
    }
    uncount(c, hold);
}

void celery_reject(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                   struct sim_actions *actions)
{
    struct celery_hold *hold = &c->holds[number];
    bool head = c->config.broker == SIM_CELERY_RABBITMQ;
    if (answerable(c, hold)) {
        c->requests++;
        celery_enqueue(c, now_ns, hold->message, head, actions);
    }
    uncount(c, hold);
}

/* How long a machine that is gone is not missed: it was last heard of up to
 * half a heartbeat ago. */
static uint64_t silent_ns(struct sim_celery *c)
{
    uint64_t beat = c->config.heartbeat_ns;
    uint64_t heard =
        engine_draw_below(&c->silences, c->silence_draws++, beat / 2 + 1);
    uint64_t look =
        engine_draw_below(&c->silences, c->silence_draws++, beat + 1);
    uint64_t ns = c->config.heartbeat_misses * beat + look;
    return ns > heard ? ns - heard : 0;
}

/* The broker gives back what the host has of it, in its old order. */
static void requeue(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                    bool silent, struct sim_actions *actions)
{
    uint64_t known_ns = silent ? now_ns + silent_ns(c) : now_ns;
    for (uint32_t i = c->hosts[number].last_hold; i != CELERY_NONE;
         i = c->holds[i].prev) {
        uint32_t at = c->holds[i].message;
        struct celery_message *message = message_at(c, at);
        if (message->state != CELERY_UNACKED || message->hold != i)
            continue;
        message->hold = CELERY_NONE;
        if (silent)
            sim_heap_set(&c->heap, celery_timer(c, at, CELERY_MESSAGE),
                         known_ns);
        else
            celery_enqueue(c, now_ns, at, true, actions);
    }
}

/* The worker itself puts back what it had, the last before the first. */
static void put_back(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                     struct sim_actions *actions)
{
    for (uint32_t i = c->hosts[number].first_hold; i != CELERY_NONE;
         i = c->holds[i].next) {
        uint32_t at = c->holds[i].message;
        const struct celery_message *message = message_at(c, at);
        if (message->state == CELERY_UNACKED && message->hold == i)
            celery_enqueue(c, now_ns, at, true, actions);
    }
}

void celery_channel_lost(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                         enum celery_loss loss, struct sim_actions *actions)
{
    if (c->config.broker == SIM_CELERY_RABBITMQ)
        requeue(c, now_ns, number, loss == CELERY_SILENT, actions);
    else if (c->config.broker == SIM_CELERY_REDIS && loss == CELERY_CUT &&
             !celery_away(c, now_ns))
        put_back(c, now_ns, number, actions);
}

void celery_message_due(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                        struct sim_actions *actions)
{
    struct celery_message *message = message_at(c, number);
    if (message->state == CELERY_PUBLISHING && celery_away(c, now_ns)) {
        sim_heap_set(&c->heap, celery_timer(c, number, CELERY_MESSAGE),
                     c->away_ns);
        return;
    }
    bool head = message->state == CELERY_UNACKED &&
                c->config.broker == SIM_CELERY_RABBITMQ;
    celery_enqueue(c, now_ns, number, head, actions);
    celery_serve(c, now_ns);
}

/* Puts back what has been out too long: the oldest comes first again. */
static uint32_t restore(struct sim_celery *c, uint64_t now_ns,
                        struct sim_actions *actions)
{
    uint32_t last = CELERY_NONE, count = 0;
    for (uint32_t i = c->unacked.first;
         i != CELERY_NONE &&
         now_ns - message_at(c, i)->delivered_ns >= c->config.visibility_ns;
         i = message_at(c, i)->next)
        last = i;
    while (last != CELERY_NONE) {
        uint32_t before = message_at(c, last)->prev;
        celery_enqueue(c, now_ns, last, true, actions);
        last = before;
        count++;
    }
    return count;
}

void celery_sweep(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                  struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    uint32_t looks = c->config.sweep_every;
    /* Of the first looks after connecting there is one more. */
    if (!host->swept && looks > 1)
        looks--;
    host->swept = true;
    sim_heap_set(&c->heap, celery_host_timer(number, CELERY_SWEEP),
                 now_ns + c->config.sweep_ns * looks);
    if (now_ns < c->mutex_ns)
        return;
    uint32_t count = restore(c, now_ns, actions);
    if (host->busy_ns < now_ns)
        host->busy_ns = now_ns;
    host->busy_ns += celery_rtt(c, 1 + count);
    c->mutex_ns = host->busy_ns;
    c->mutex_host = number;
    celery_serve(c, now_ns);
}

/* Since when the oldest message of the channel is not acknowledged. */
static uint64_t oldest_ns(const struct sim_celery *c,
                          const struct celery_host *host)
{
    for (uint32_t i = host->first_hold; i != CELERY_NONE;
         i = c->holds[i].next) {
        const struct celery_message *m = &c->messages[c->holds[i].message];
        if (m->state == CELERY_UNACKED && m->hold == i)
            return m->delivered_ns;
    }
    return CELERY_NEVER;
}

void celery_check(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                  struct sim_actions *actions)
{
    uint64_t since_ns = oldest_ns(c, &c->hosts[number]);
    if (since_ns <= now_ns && now_ns - since_ns > c->config.consumer_timeout_ns)
        celery_unlink(c, now_ns, number, actions);
    else
        sim_heap_set(&c->heap, celery_host_timer(number, CELERY_CHECK),
                     now_ns + c->config.consumer_check_ns);
}

/* Everything that the broker had in memory only. */
static void lose_all(struct sim_celery *c, uint64_t now_ns,
                     struct celery_list *list, struct sim_actions *actions)
{
    while (list->first != CELERY_NONE) {
        uint32_t number = list->first;
        forget(c, number);
        celery_settle(c, now_ns, number, actions);
    }
}

/* Deliveries to machines of which the broker did not know that they are dead
 * end with its own connections. */
static void requeue_silent(struct sim_celery *c, uint64_t now_ns,
                           struct sim_actions *actions)
{
    uint32_t number = c->unacked.last;
    while (number != CELERY_NONE) {
        uint32_t before = message_at(c, number)->prev;
        celery_enqueue(c, now_ns, number, true, actions);
        number = before;
    }
}

void celery_outage(struct sim_celery *c, uint64_t now_ns, uint64_t until_ns,
                   struct sim_actions *actions)
{
    if (c->away_ns > now_ns && until_ns <= c->away_ns)
        return;
    if (until_ns > now_ns) {
        c->away_ns = until_ns;
        sim_heap_set(&c->heap, 0, until_ns);
    }
    for (uint32_t i = 0; i < c->config.workers; i++)
        if (c->hosts[i].connected)
            celery_unlink(c, now_ns, i, actions);
    if (!celery_away(c, now_ns))
        return;
    if (c->config.broker == SIM_CELERY_RABBITMQ)
        requeue_silent(c, now_ns, actions);
    if (!c->config.durable) {
        lose_all(c, now_ns, &c->queue, actions);
        lose_all(c, now_ns, &c->unacked, actions);
    }
}
