#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/batch_state.h"

#define SECOND UINT64_C(1000000000)
#define TIME_MAX (UINT64_C(1) << 60)

static uint64_t transfer_ns(uint64_t bytes, uint64_t bytes_s)
{
    uint64_t seconds = bytes / bytes_s;
    if (seconds > TIME_MAX / SECOND) {
        return TIME_MAX;
    }
    return seconds * SECOND + bytes % bytes_s * SECOND / bytes_s;
}

/* What fits */

static bool has_label(const struct sim_batch_env *env, const char *label)
{
    for (int i = 0; i < SIM_MODEL_LABELS_MAX; i++) {
        if (strcmp(env->labels[i], label) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_labels(const struct sim_batch_env *env,
                       const struct sim_demand *demand)
{
    for (int i = 0; i < SIM_MODEL_LABELS_MAX; i++) {
        if (demand->labels[i] != NULL && !has_label(env, demand->labels[i])) {
            return false;
        }
    }
    return true;
}

enum batch_blocked batch_fits(const struct sim_batch *b, uint32_t e,
                              const struct batch_task *task)
{
    const struct sim_batch_env *env = &b->config.envs[e];
    const struct sim_demand *demand = batch_demand(b, task);
    uint64_t most_milli = (uint64_t)env->max_vcpus * 1000;
    if (!batch_on_ec2(env->kind)) {
        return task->cpu_milli > most_milli ? BATCH_MAX : BATCH_NOT_BLOCKED;
    }
    if (task->cpu_milli > (uint64_t)env->vcpus * 1000 ||
        task->memory_mb > env->memory_mb || demand->gpus > env->gpus ||
        !has_labels(env, demand)) {
        return BATCH_TOO_LARGE;
    }
    return env->vcpus > env->max_vcpus ? BATCH_MAX : BATCH_NOT_BLOCKED;
}

/* Room for a task */

static bool fits_now(const struct batch_host *host,
                     const struct batch_task *task, uint32_t gpus)
{
    return host->state == BATCH_HOST_UP &&
           host->free_milli >= task->cpu_milli &&
           host->free_mb >= task->memory_mb && host->free_gpus >= gpus;
}

static void host_timer(struct sim_batch *b, uint32_t h)
{
    const struct batch_host *host = &b->hosts[h];
    sim_heap_set(&b->host_timers, h,
                 host->idle_ns < host->reclaim_ns ? host->idle_ns
                                                  : host->reclaim_ns);
}

static void put_on_host(struct sim_batch *b, uint32_t h, uint32_t t)
{
    struct batch_host *host = &b->hosts[h];
    struct batch_task *task = &b->tasks[t];
    host->free_milli -= task->cpu_milli;
    host->free_mb -= task->memory_mb;
    host->free_gpus -= batch_demand(b, task)->gpus;
    task->host = h;
    task->before = BATCH_NONE;
    task->after = host->tasks;
    if (host->tasks != BATCH_NONE) {
        b->tasks[host->tasks].before = t;
    }
    host->tasks = t;
    host->idle_ns = BATCH_NEVER;
    host_timer(b, h);
}

static bool place_on_ec2(struct sim_batch *b, uint32_t e, uint32_t t)
{
    struct batch_task *task = &b->tasks[t];
    uint32_t gpus = batch_demand(b, task)->gpus;
    if (batch_fits(b, e, task) != BATCH_NOT_BLOCKED) {
        return false;
    }
    for (uint32_t h = 0; h < b->hosts_used; h++) {
        if (b->hosts[h].env == e && fits_now(&b->hosts[h], task, gpus)) {
            put_on_host(b, h, t);
            return true;
        }
    }
    return false;
}

/* Spot capacity may be away; a launch may have to wait for its token. */
static bool place_on_fargate(struct sim_batch *b, uint64_t now_ns, uint32_t e,
                             uint32_t t)
{
    struct batch_env *env = &b->envs[e];
    struct batch_task *task = &b->tasks[t];
    uint64_t most_milli = (uint64_t)b->config.envs[e].max_vcpus * 1000;
    if (env->down || env->used_milli + task->cpu_milli > most_milli) {
        return false;
    }
    if (!sim_bucket_take(&env->launches, now_ns)) {
        batch_wake(b, now_ns + sim_bucket_wait_ns(&env->launches, now_ns));
        return false;
    }
    env->used_milli += task->cpu_milli;
    return true;
}

bool batch_place(struct sim_batch *b, uint64_t now_ns, uint32_t t)
{
    for (uint32_t e = 0; e < b->config.env_count; e++) {
        bool placed = batch_on_ec2(b->config.envs[e].kind)
                          ? place_on_ec2(b, e, t)
                          : place_on_fargate(b, now_ns, e, t);
        if (placed) {
            b->tasks[t].env = e;
            return true;
        }
    }
    return false;
}

static void take_off_host(struct sim_batch *b, uint64_t now_ns, uint32_t t)
{
    struct batch_task *task = &b->tasks[t];
    uint32_t h = task->host;
    struct batch_host *host = &b->hosts[h];
    host->free_milli += task->cpu_milli;
    host->free_mb += task->memory_mb;
    host->free_gpus += batch_demand(b, task)->gpus;
    if (task->before != BATCH_NONE) {
        b->tasks[task->before].after = task->after;
    } else {
        host->tasks = task->after;
    }
    if (task->after != BATCH_NONE) {
        b->tasks[task->after].before = task->before;
    }
    task->host = BATCH_NONE;
    if (host->tasks == BATCH_NONE && host->state == BATCH_HOST_UP) {
        host->idle_ns = now_ns + sim_dist_draw(&b->config.scale_in,
                                               &b->scale_in, b->host_serial++);
        host_timer(b, h);
    }
}

void batch_release(struct sim_batch *b, uint64_t now_ns, uint32_t t)
{
    struct batch_task *task = &b->tasks[t];
    batch_queue_age(b, now_ns);
    batch_share_of(b, task)->running_milli -= task->cpu_milli;
    if (task->host != BATCH_NONE) {
        take_off_host(b, now_ns, t);
    } else {
        batch_meter_task(b, now_ns, t);
        b->envs[task->env].used_milli -= task->cpu_milli;
    }
}

/* Images */

static uint64_t pulled(struct sim_batch *b, uint64_t now_ns,
                       struct batch_host *host, uint32_t number, uint64_t bytes)
{
    uint64_t from_ns = host->link_ns > now_ns ? host->link_ns : now_ns;
    host->link_ns = from_ns + transfer_ns(bytes, b->config.pull_bytes_s);
    struct batch_host_image *image;
    if (host->image_count < b->config.images_kept) {
        image = &host->images[host->image_count++];
    } else {
        image = &host->images[host->image_next++ % b->config.images_kept];
    }
    *image = (struct batch_host_image){host->link_ns, number};
    return host->link_ns;
}

uint64_t batch_image_ready(struct sim_batch *b, uint64_t now_ns, uint32_t t)
{
    const struct batch_task *task = &b->tasks[t];
    const struct sim_demand *demand = batch_demand(b, task);
    uint64_t bytes =
        demand->image_bytes ? demand->image_bytes : b->config.image_bytes;
    if (demand->image_missing) {
        return now_ns;
    }
    if (task->host == BATCH_NONE) {
        return now_ns + transfer_ns(bytes, b->config.fargate_bytes_s);
    }
    struct batch_host *host = &b->hosts[task->host];
    for (uint32_t i = 0; i < host->image_count; i++) {
        if (host->images[i].number == demand->image) {
            uint64_t ready_ns = host->images[i].ready_ns;
            return ready_ns > now_ns ? ready_ns : now_ns;
        }
    }
    return pulled(b, now_ns, host, demand->image, bytes);
}

/* Instances */

static uint32_t new_host(struct sim_batch *b)
{
    uint32_t h = b->free_host;
    if (h != BATCH_NONE) {
        b->free_host = b->hosts[h].next;
        return h;
    }
    if (b->hosts_used == b->host_capacity) {
        uint32_t capacity = b->host_capacity ? 2 * b->host_capacity : 16;
        struct batch_host *hosts = realloc(b->hosts, capacity * sizeof(*hosts));
        if (hosts == NULL) {
            return BATCH_NONE;
        }
        b->hosts = hosts;
        b->host_capacity = capacity;
    }
    return sim_heap_reserve(&b->host_timers, b->hosts_used + 1) == 0
               ? b->hosts_used++
               : BATCH_NONE;
}

/* False: there is no such instance now, or no memory. */
static bool ask_instance(struct sim_batch *b, uint64_t now_ns, uint32_t e)
{
    const struct sim_batch_config *config = &b->config;
    const struct sim_batch_env *kind = &config->envs[e];
    struct batch_env *env = &b->envs[e];
    uint64_t draw = env->asked++ * SIM_BATCH_ENVS_MAX + e;
    if (env->down ||
        engine_draw_chance(&b->capacity, draw, config->capacity_error_ppb)) {
        env->away_until_ns = now_ns + config->capacity_backoff_ns;
        batch_wake(b, env->away_until_ns);
        return false;
    }
    uint32_t h = new_host(b);
    if (h == BATCH_NONE) {
        b->failed = true;
        return false;
    }
    uint64_t serial = b->host_serial++;
    b->hosts[h] = (struct batch_host){
        .serial = serial,
        .asked_ns = now_ns,
        .ready_ns = now_ns + config->provision_min_ns +
                    sim_dist_draw(&config->provision, &b->provision, serial) +
                    sim_dist_draw(&config->agent, &b->agent, serial),
        .idle_ns = BATCH_NEVER,
        .reclaim_ns = BATCH_NEVER,
        .env = e,
        .number = BATCH_NONE,
        .free_milli = kind->vcpus * 1000,
        .free_mb = kind->memory_mb,
        .free_gpus = kind->gpus,
        .tasks = BATCH_NONE,
        .state = BATCH_HOST_BOOTS,
    };
    env->used_milli += (uint64_t)kind->vcpus * 1000;
    env->booting++;
    sim_heap_set(&b->host_timers, h, b->hosts[h].ready_ns);
    return true;
}

static void free_host(struct sim_batch *b, uint64_t now_ns, uint32_t h)
{
    struct batch_host *host = &b->hosts[h];
    struct batch_env *env = &b->envs[host->env];
    batch_meter_host(b, now_ns, h);
    sim_heap_cut(&b->host_timers, h);
    env->used_milli -= (uint64_t)b->config.envs[host->env].vcpus * 1000;
    env->booting -= host->state == BATCH_HOST_BOOTS;
    b->counts.hosts -= host->state != BATCH_HOST_BOOTS;
    host->state = BATCH_HOST_FREE;
    host->next = b->free_host;
    b->free_host = h;
    batch_wake(b, now_ns);
}

static void host_up(struct sim_batch *b, uint64_t now_ns, uint32_t h)
{
    struct batch_host *host = &b->hosts[h];
    b->envs[host->env].booting--;
    host->state = BATCH_HOST_UP;
    host->number = (uint32_t)b->counts.hosts_started++;
    b->counts.hosts++;
    if (b->config.envs[host->env].kind == SIM_BATCH_EC2_SPOT &&
        !b->config.spot_zone) {
        host->reclaim_ns =
            now_ns + sim_dist_draw(&b->config.spot_up, &b->up, host->serial);
    }
    host->idle_ns = now_ns + sim_dist_draw(&b->config.scale_in, &b->scale_in,
                                           b->host_serial++);
    host_timer(b, h);
    batch_wake(b, now_ns);
}

/* The notice: nothing new comes to it, and it is gone after a while. */
static void notice(struct sim_batch *b, uint64_t now_ns, uint32_t h,
                   struct sim_actions *actions)
{
    struct batch_host *host = &b->hosts[h];
    host->state = BATCH_HOST_NOTICE;
    host->idle_ns = BATCH_NEVER;
    host->reclaim_ns = now_ns + b->config.spot_notice_ns;
    host_timer(b, h);
    for (uint32_t t = host->tasks; t != BATCH_NONE; t = b->tasks[t].after) {
        batch_warn(b, now_ns, t, host->reclaim_ns, actions);
    }
}

void batch_host_gone(struct sim_batch *b, uint64_t now_ns, uint32_t h,
                     enum sim_batch_end why, struct sim_actions *actions)
{
    struct batch_host *host = &b->hosts[h];
    char status[64];
    snprintf(status, sizeof status, "Host EC2 (instance i-%017llx) terminated.",
             (unsigned long long)host->number);
    b->counts.hosts_lost++;
    host->state = BATCH_HOST_NOTICE;
    while (host->tasks != BATCH_NONE) {
        batch_cause(b, status, "its attempt ended with it");
        sim_cause_add(b->cause, "batch",
                      why == SIM_BATCH_SPOT ? "spot reclaim" : "host failed",
                      "instance %lu", (unsigned long)host->number);
        batch_attempt_failed(b, now_ns, host->tasks, why, status, "", "",
                             actions);
    }
    free_host(b, now_ns, h);
}

void batch_host_due(struct sim_batch *b, uint64_t now_ns, uint32_t h,
                    struct sim_actions *actions)
{
    struct batch_host *host = &b->hosts[h];
    if (host->state == BATCH_HOST_BOOTS) {
        host_up(b, now_ns, h);
    } else if (host->state == BATCH_HOST_NOTICE) {
        batch_host_gone(b, now_ns, h, SIM_BATCH_SPOT, actions);
    } else if (host->idle_ns <= now_ns) {
        free_host(b, now_ns, h);
    } else {
        notice(b, now_ns, h, actions);
    }
}

/* Growing */

static uint64_t divided_up(uint64_t a, uint64_t b)
{
    return b > 0 ? a / b + (a % b > 0) : 0;
}

/* Whether the first of a queue that waits would fit there. */
static bool useful(struct sim_batch *b, uint32_t e,
                   const struct batch_queue *queue)
{
    return queue->blocked_task != BATCH_NONE &&
           batch_fits(b, e, &b->tasks[queue->blocked_task]) ==
               BATCH_NOT_BLOCKED;
}

/* How many instances hold what waits in the queues that they can serve. */
static uint64_t wanted(struct sim_batch *b, uint32_t e)
{
    const struct sim_batch_env *env = &b->config.envs[e];
    uint64_t milli = 0, mb = 0, gpus = 0;
    for (uint32_t q = 0; q < b->config.queues; q++) {
        const struct batch_queue *queue = &b->queues[q];
        if (useful(b, e, queue)) {
            milli += queue->waiting_milli;
            mb += queue->waiting_mb;
            gpus += queue->waiting_gpus;
        }
    }
    uint64_t by_milli = divided_up(milli, (uint64_t)env->vcpus * 1000);
    uint64_t by_mb = divided_up(mb, env->memory_mb);
    uint64_t by_gpus = divided_up(gpus, env->gpus);
    uint64_t most = by_milli > by_mb ? by_milli : by_mb;
    return most > by_gpus ? most : by_gpus;
}

/* Instances that boot in the environments before count for what waits. */
void batch_scale(struct sim_batch *b, uint64_t now_ns)
{
    uint64_t coming = 0;
    for (uint32_t e = 0; e < b->config.env_count; e++) {
        const struct sim_batch_env *kind = &b->config.envs[e];
        struct batch_env *env = &b->envs[e];
        if (!batch_on_ec2(kind->kind)) {
            if (env->down) {
                env->away_until_ns = env->flip_ns;
            }
            continue;
        }
        uint64_t want = wanted(b, e);
        coming += env->booting;
        uint64_t most_milli = (uint64_t)kind->max_vcpus * 1000;
        while (coming < want && env->away_until_ns <= now_ns &&
               env->used_milli + (uint64_t)kind->vcpus * 1000 <= most_milli &&
               ask_instance(b, now_ns, e)) {
            coming++;
        }
    }
}

/* Spot capacity of the zone */

static bool flips(const struct sim_batch *b, uint32_t e)
{
    return b->config.spot_zone && batch_is_spot(b->config.envs[e].kind);
}

uint64_t batch_flip_ns(const struct sim_batch *b)
{
    uint64_t next_ns = BATCH_NEVER;
    if (b->counts.jobs == 0 && b->counts.hosts == 0) {
        return BATCH_NEVER; /* nobody is here to see it */
    }
    for (uint32_t e = 0; e < b->config.env_count; e++) {
        if (flips(b, e) && b->envs[e].flip_ns < next_ns) {
            next_ns = b->envs[e].flip_ns;
        }
    }
    return next_ns;
}

/* The next change: at least a second after this one. */
static void next_flip(struct sim_batch *b, uint32_t e)
{
    struct batch_env *env = &b->envs[e];
    uint64_t draw = env->flips++ * SIM_BATCH_ENVS_MAX + e;
    uint64_t ns = env->down
                      ? sim_dist_draw(&b->config.spot_down, &b->down, draw)
                      : sim_dist_draw(&b->config.spot_up, &b->up, draw);
    env->flip_ns += ns > SECOND ? ns : SECOND;
}

static void zone_down(struct sim_batch *b, uint64_t now_ns, uint32_t e,
                      struct sim_actions *actions)
{
    for (uint32_t h = 0; h < b->hosts_used; h++) {
        if (b->hosts[h].env != e) {
            continue;
        }
        if (b->hosts[h].state == BATCH_HOST_UP) {
            notice(b, now_ns, h, actions);
        } else if (b->hosts[h].state == BATCH_HOST_BOOTS) {
            free_host(b, now_ns, h);
        }
    }
    for (uint32_t t = 0; t < b->tasks_used; t++) {
        struct batch_task *task = &b->tasks[t];
        if (task->state == SIM_BATCH_RUNNING && task->env == e &&
            task->host == BATCH_NONE && task->kill_ns == BATCH_NEVER) {
            task->notice_ns = now_ns;
            batch_task_timer(b, t);
        }
    }
}

void batch_flip(struct sim_batch *b, uint64_t now_ns,
                struct sim_actions *actions)
{
    for (uint32_t e = 0; e < b->config.env_count; e++) {
        struct batch_env *env = &b->envs[e];
        if (!flips(b, e) || env->flip_ns > now_ns) {
            continue;
        }
        env->down = !env->down;
        next_flip(b, e);
        if (env->down) {
            zone_down(b, now_ns, e, actions);
        } else {
            env->away_until_ns = 0;
        }
        batch_wake(b, now_ns);
    }
}

void batch_flip_idle(struct sim_batch *b, uint64_t now_ns)
{
    for (uint32_t e = 0; e < b->config.env_count; e++) {
        struct batch_env *env = &b->envs[e];
        if (flips(b, e) && env->flip_ns == 0) {
            env->flip_ns = now_ns;
            next_flip(b, e);
        }
        while (flips(b, e) && env->flip_ns <= now_ns) {
            env->down = !env->down;
            next_flip(b, e);
        }
    }
}
