#include "sim/platform/celery_parts.h"

#include <assert.h>

static void set(struct sim_celery *c, uint32_t host, enum celery_timer timer,
                uint64_t time_ns)
{
    sim_heap_set(&c->heap, celery_host_timer(host, timer), time_ns);
}

static uint64_t fork_ns(struct sim_celery *c, const struct celery_host *host)
{
    uint64_t ns = sim_dist_draw(&c->config.fork, &c->forks, c->fork_draws++);
    return host->forked < c->config.cores ? ns : ns * c->config.crowded;
}

void celery_boot(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                 struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    (void)actions;
    host->state = CELERY_FORKING;
    host->starts++;
    host->forked = 0;
    host->up_since_ns = now_ns;
    host->busy_ns = now_ns;
    c->counts.hosts++;
    c->counts.hosts_started++;
    uint64_t start_ns =
        sim_dist_draw(&c->config.start, &c->starts, c->start_draws++);
    set(c, number, CELERY_BOOT, now_ns + start_ns + fork_ns(c, host));
}

void celery_booted(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                   struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    if (host->state == CELERY_DOWN) {
        celery_boot(c, now_ns, number, actions);
        return;
    }
    uint32_t place = celery_new_place(c);
    if (place == CELERY_NONE)
        return;
    c->places[place] = (struct celery_place){
        .asked_ns = host->up_since_ns,
        .host = number,
        .slot = host->forked,
        .hold = CELERY_NONE,
        .next = CELERY_NONE,
    };
    host->slots[host->forked++] = place;
    celery_open_place(c, now_ns, place, actions);
    if (host->forked < c->config.concurrency) {
        set(c, number, CELERY_BOOT, now_ns + fork_ns(c, host));
        return;
    }
    host->state = CELERY_UP;
    host->ticks_ns = now_ns;
    celery_link(c, now_ns, number, actions);
}

static void disconnect(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                       enum celery_loss loss, struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    if (!host->connected)
        return;
    host->connected = false;
    host->receiving = false;
    celery_unwait(c, number);
    set(c, number, CELERY_LOOP, CELERY_NEVER);
    set(c, number, CELERY_SWEEP, CELERY_NEVER);
    set(c, number, CELERY_CHECK, CELERY_NEVER);
    celery_channel_lost(c, now_ns, number, loss, actions);
}

static void end_places(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                       struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    for (uint32_t i = 0; i < host->forked; i++) {
        uint32_t at = host->slots[i];
        if (at == CELERY_NONE)
            continue;
        if (c->places[at].state != CELERY_CLOSED)
            celery_close_place(c, now_ns, at, SIM_CELERY_END_WORKER, actions);
        celery_free_place(c, at);
    }
}

static void end_host(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                     enum celery_loss loss, struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    disconnect(c, now_ns, number, loss, actions);
    end_places(c, now_ns, number, actions);
    while (host->first_hold != CELERY_NONE)
        celery_drop(c, now_ns, host->first_hold, actions);
    host->idle = host->line = CELERY_NONE;
    host->forked = 0;
    host->tries = 0;
    host->links_ns = 0;
    host->epoch++;
    host->state = CELERY_DOWN;
    if (c->mutex_host == number && c->mutex_ns > now_ns)
        c->mutex_ns = now_ns + c->config.sweep_mutex_ns;
    c->up_ns += now_ns - host->up_since_ns;
    c->counts.hosts--;
    c->counts.hosts_lost++;
    set(c, number, CELERY_LINK, CELERY_NEVER);
    set(c, number, CELERY_BOOT, now_ns + c->config.restart_ns);
    celery_serve(c, now_ns);
}

bool celery_host_failed(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                        struct sim_actions *actions)
{
    bool machine = c->config.loss == SIM_CELERY_MACHINE;
    if (number >= c->config.workers || c->hosts[number].state == CELERY_DOWN)
        return false;
    end_host(c, now_ns, number, machine ? CELERY_SILENT : CELERY_KILLED,
             actions);
    return true;
}

static void connected(struct sim_celery *c, uint64_t now_ns, uint32_t number)
{
    struct celery_host *host = &c->hosts[number];
    host->connected = true;
    host->swept = false;
    host->epoch++;
    host->tries = 0;
    host->links_ns = 0;
    if (c->config.broker == SIM_CELERY_REDIS)
        set(c, number, CELERY_SWEEP, now_ns);
    if (c->config.broker == SIM_CELERY_RABBITMQ &&
        c->config.consumer_timeout_ns)
        set(c, number, CELERY_CHECK, now_ns + c->config.consumer_check_ns);
    celery_receive(c, now_ns, number);
}

void celery_link(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                 struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    const struct sim_celery_config *config = &c->config;
    if (!celery_away(c, now_ns)) {
        connected(c, now_ns, number);
        return;
    }
    if (host->tries++ >= config->reconnects) {
        end_host(c, now_ns, number, CELERY_KILLED, actions);
        return;
    }
    host->links_ns += config->reconnect_ns;
    if (host->links_ns > config->reconnect_max_ns)
        host->links_ns = config->reconnect_max_ns;
    set(c, number, CELERY_LINK, now_ns + host->links_ns);
}

void celery_unlink(struct sim_celery *c, uint64_t now_ns, uint32_t number,
                   struct sim_actions *actions)
{
    struct celery_host *host = &c->hosts[number];
    disconnect(c, now_ns, number, CELERY_CUT, actions);
    host->line = CELERY_NONE;
    for (uint32_t i = host->first_hold, after; i != CELERY_NONE; i = after) {
        struct celery_hold *hold = &c->holds[i];
        after = hold->next;
        if (hold->counted)
            host->unacked--;
        hold->counted = false;
        if (hold->state <= CELERY_ETA)
            celery_drop(c, now_ns, i, actions);
    }
    set(c, number, CELERY_LINK, now_ns + celery_rtt(c, 1));
    celery_serve(c, now_ns);
}
