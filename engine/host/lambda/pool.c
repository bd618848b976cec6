#include "engine/host/lambda/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
    MISSES_MAX = 3, /* a function whose processes end so often is given up */
    ENVIRONMENTS_MAX = 1024,
    ENVIRONMENTS_OF_ONE = 16
};

struct place {
    struct lambda_environment *environment;
    uint32_t function;
    uint64_t started;
    uint64_t used; /* for the last time; 0: not yet */
    bool retired;
};

struct lambda_pool {
    const struct lambda_host_config *config;
    const struct lambda_program *programs;
    struct lambda_service *service;
    struct place places[ENVIRONMENTS_MAX];
    uint32_t count;
    uint32_t wanted[LAMBDA_FUNCTIONS_MAX]; /* invocations in line */
    uint32_t misses[LAMBDA_FUNCTIONS_MAX]; /* processes in a row that ended
                                              before they were given work */
    bool breaks[LAMBDA_FUNCTIONS_MAX];     /* one has ended: others are kept
                                              prepared */
    struct lambda_echo *echoes[LAMBDA_FUNCTIONS_MAX]; /* in line */
    uint64_t serial;
    uint64_t turns;
};

static void changed(void *self, struct lambda_environment *environment);
static void echoed(void *self, struct lambda_environment *environment,
                   struct lambda_echo *echo);
static void begins(void *self, uint64_t run);

/* Starting ---------------------------------------------------------------- */

static void start(struct lambda_pool *pool, uint32_t function)
{
    const struct lambda_environment_config config = {
        .base = pool->config->base,
        .service = pool->service,
        .program = &pool->programs[function],
        .address = LAMBDA_LOOPBACK,
        .skips = pool->config->clock != LAMBDA_CLOCK_REAL,
        .changed = changed,
        .echoed = echoed,
        .begins = begins,
        .self = pool,
        .host = pool->config,
    };
    struct place place = {.environment = lambda_environment_start(&config),
                          .function = function,
                          .started = ++pool->serial};

    if (place.environment)
        pool->places[pool->count++] = place;
}

static bool can_start(const struct lambda_pool *pool, uint32_t function)
{
    const struct lambda_program *program = &pool->programs[function];

    return program->command && program->command[0] &&
           pool->misses[function] < MISSES_MAX &&
           pool->count < ENVIRONMENTS_MAX;
}

static enum lambda_environment_state state_of(const struct lambda_pool *pool,
                                              uint32_t i)
{
    return lambda_environment_state(pool->places[i].environment);
}

/* The next to be used; NULL: none is idle. */
static struct place *find_idle(struct lambda_pool *pool, uint32_t function)
{
    struct place *best = NULL;

    for (uint32_t i = 0; i < pool->count; i++) {
        struct place *place = &pool->places[i];
        if (place->function != function || place->retired ||
            state_of(pool, i) != LAMBDA_IDLE)
            continue;
        if (!best || place->used > best->used ||
            (place->used == best->used && place->started < best->started))
            best = place;
    }
    return best;
}

static void assign(struct lambda_pool *pool, uint32_t function)
{
    struct place *place;

    while (pool->echoes[function] && (place = find_idle(pool, function))) {
        struct lambda_echo *echo = pool->echoes[function];
        pool->echoes[function] = echo->next;
        place->used = ++pool->serial;
        lambda_environment_echo(place->environment, echo);
    }
    while (pool->wanted[function] > 0 && (place = find_idle(pool, function))) {
        place->used = ++pool->serial;
        if (lambda_environment_take(place->environment, function))
            pool->wanted[function]--;
        else
            pool->wanted[function] = 0; /* they have been dropped */
    }
}

static uint32_t echoes_of(const struct lambda_pool *pool, uint32_t function)
{
    uint32_t count = 0;

    for (const struct lambda_echo *e = pool->echoes[function]; e; e = e->next)
        count++;
    return count;
}

/* Starts as many as are wanted, and prepared, and are not there. */
static void supply(struct lambda_pool *pool, uint32_t function)
{
    const struct lambda_program *program = &pool->programs[function];
    uint32_t most = program->environments_max ? program->environments_max
                                              : ENVIRONMENTS_OF_ONE;
    uint32_t needed = pool->wanted[function] + echoes_of(pool, function);
    uint32_t there = 0;
    uint32_t ready = 0;

    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool->places[i].function != function)
            continue;
        pool->breaks[function] |= state_of(pool, i) == LAMBDA_GONE;
        there += state_of(pool, i) != LAMBDA_GONE;
        ready += state_of(pool, i) < LAMBDA_BUSY && !pool->places[i].retired;
    }
    if (pool->breaks[function])
        needed += pool->config->prepared;
    for (; can_start(pool, function) && ready < needed && there < most;
         there++, ready++)
        start(pool, function);
}

static void attend(struct lambda_pool *pool, uint32_t function)
{
    assign(pool, function);
    supply(pool, function);
}

static void changed(void *self, struct lambda_environment *environment)
{
    struct lambda_pool *pool = self;
    uint32_t i = 0;

    if (lambda_environment_state(environment) != LAMBDA_IDLE)
        return;
    while (i < pool->count && pool->places[i].environment != environment)
        i++;
    if (i == pool->count)
        return;
    if (pool->places[i].retired) {
        lambda_environment_end(environment);
        return;
    }
    if (pool->places[i].used > 0)
        pool->misses[pool->places[i].function] = 0;
    attend(pool, pool->places[i].function);
}

void lambda_pool_echo(struct lambda_pool *pool, uint32_t function,
                      struct lambda_echo *echo)
{
    struct lambda_echo **at = &pool->echoes[function];

    while (*at)
        at = &(*at)->next;
    *at = echo;
    attend(pool, function);
}

static void echoed(void *self, struct lambda_environment *environment,
                   struct lambda_echo *echo)
{
    struct lambda_pool *pool = self;
    uint32_t i = 0;

    while (i < pool->count && pool->places[i].environment != environment)
        i++;
    if (i < pool->count)
        lambda_pool_echo(pool, pool->places[i].function, echo);
    else
        lambda_echo_free(echo);
}

static void begins(void *self, uint64_t run)
{
    struct lambda_pool *pool = self;

    for (uint32_t i = 0; i < pool->count; i++)
        lambda_environment_go_on(pool->places[i].environment, run);
}

void lambda_pool_added(struct lambda_pool *pool, uint32_t function)
{
    attend(pool, function);
}

void lambda_pool_wanted(struct lambda_pool *pool, uint32_t function)
{
    pool->wanted[function]++;
    attend(pool, function);
}

/* Ending ------------------------------------------------------------------ */

static void forget(struct lambda_pool *pool, uint32_t i)
{
    lambda_environment_free(pool->places[i].environment);
    pool->places[i] = pool->places[--pool->count];
}

/* Nobody will carry out what waits: it ends, and is tried again later if its
 * execution has a next time. */
static void give_up(struct lambda_pool *pool, uint32_t function,
                    const char *why)
{
    for (; pool->wanted[function] > 0; pool->wanted[function]--) {
        struct lambda_invocation *invocation =
            lambda_invocation_take(pool->service, function, NULL);
        if (invocation)
            lambda_invocation_lost(pool->service, invocation,
                                   ENGINE_ERR_INTERRUPTED, why);
    }
    pool->misses[function] = 0;
}

static void bury(struct lambda_pool *pool, uint32_t i, int status)
{
    uint32_t function = pool->places[i].function;
    char why[LAMBDA_BREAK_SIZE];

    pool->misses[function] +=
        pool->places[i].used == 0 && !pool->places[i].retired;
    lambda_environment_ended(pool->places[i].environment, status);
    snprintf(why, sizeof(why), "%s",
             lambda_environment_why(pool->places[i].environment));
    forget(pool, i);
    if (!pool->config->alone && pool->misses[function] >= MISSES_MAX)
        give_up(pool, function, why);
    attend(pool, function);
}

void lambda_pool_bury(struct lambda_pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        pid_t process = lambda_environment_process(pool->places[i].environment);
        int status;
        if (process > 0 && waitpid(process, &status, WNOHANG) == process) {
            bury(pool, i, status);
            i = UINT32_MAX; /* others have moved */
        }
    }
}

void lambda_pool_retire(struct lambda_pool *pool, uint32_t function)
{
    pool->misses[function] = 0;
    pool->breaks[function] = false;
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool->places[i].function != function)
            continue;
        pool->places[i].retired = true;
        if (state_of(pool, i) < LAMBDA_BUSY)
            lambda_environment_end(pool->places[i].environment);
    }
}

bool lambda_pool_process(const struct lambda_pool *pool, uint32_t index,
                         struct lambda_standing_process *out)
{
    static const char *const states[] = {
        [LAMBDA_STARTING] = "starting", [LAMBDA_LEAVING] = "leaving",
        [LAMBDA_IDLE] = "idle",         [LAMBDA_BUSY] = "busy",
        [LAMBDA_GONE] = "ending",
    };
    const struct lambda_environment *environment;

    if (index >= pool->count)
        return false;
    environment = pool->places[index].environment;
    *out = (struct lambda_standing_process){
        .function = pool->places[index].function,
        .process = lambda_environment_process(environment),
        .state = states[state_of(pool, index)],
        .run = lambda_environment_run(environment)};
    return true;
}

void lambda_pool_weigh(struct lambda_pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++)
        lambda_environment_weigh(pool->places[i].environment);
}

/* Rest -------------------------------------------------------------------- */

/* Nobody waits for the one that starts. */
static bool is_spare(const struct lambda_pool *pool, uint32_t i)
{
    return state_of(pool, i) == LAMBDA_STARTING &&
           pool->wanted[pool->places[i].function] == 0 &&
           !pool->echoes[pool->places[i].function];
}

bool lambda_pool_hear(struct lambda_pool *pool)
{
    struct lambda_environment *next = NULL;

    for (uint32_t i = 0; i < pool->count; i++) {
        struct lambda_environment *one = pool->places[i].environment;
        enum lambda_hearing hearing = lambda_environment_hearing(one);
        if (is_spare(pool, i) || hearing == LAMBDA_UNHEARD)
            continue;
        if (hearing == LAMBDA_UNREADY)
            return false;
        if (!next || lambda_environment_before(one, next))
            next = one;
    }
    if (next)
        lambda_environment_hear(next, ++pool->turns);
    return next != NULL;
}

bool lambda_pool_rests(const struct lambda_pool *pool, uint64_t *wake_ns)
{
    *wake_ns = UINT64_MAX;
    for (uint32_t i = 0; i < pool->count; i++) {
        uint64_t wake;
        if (is_spare(pool, i))
            continue;
        if (!lambda_environment_rests(pool->places[i].environment, &wake))
            return false;
        *wake_ns = wake < *wake_ns ? wake : *wake_ns;
    }
    return true;
}

void lambda_pool_wake(struct lambda_pool *pool, uint64_t now_ns)
{
    uint64_t wake;

    for (uint32_t i = 0; i < pool->count; i++)
        lambda_environment_expire(pool->places[i].environment, now_ns);
    for (uint32_t i = 0; i < pool->count; i++)
        if (lambda_environment_rests(pool->places[i].environment, &wake) &&
            wake <= now_ns)
            lambda_environment_wake(pool->places[i].environment);
}

bool lambda_pool_starts(const struct lambda_pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++)
        if (state_of(pool, i) == LAMBDA_STARTING && !is_spare(pool, i))
            return true;
    return false;
}

bool lambda_pool_works_truly(const struct lambda_pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++)
        if (state_of(pool, i) == LAMBDA_BUSY &&
            !lambda_environment_follows(pool->places[i].environment))
            return true;
    return false;
}

bool lambda_pool_idle(const struct lambda_pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++)
        if (state_of(pool, i) == LAMBDA_BUSY)
            return false;
    for (uint32_t i = 0; i < LAMBDA_FUNCTIONS_MAX; i++)
        if (pool->echoes[i])
            return false;
    return true;
}

bool lambda_pool_is_stuck(const struct lambda_pool *pool)
{
    for (uint32_t i = 0; i < LAMBDA_FUNCTIONS_MAX; i++)
        if (pool->wanted[i] > 0 && pool->misses[i] >= MISSES_MAX)
            return true;
    return false;
}

/* Life -------------------------------------------------------------------- */

struct lambda_pool *lambda_pool_new(const struct lambda_host_config *config,
                                    const struct lambda_program *programs)
{
    struct lambda_pool *pool = calloc(1, sizeof(*pool));

    if (!pool)
        return NULL;
    pool->config = config;
    pool->programs = programs;
    return pool;
}

static void forget_echoes(struct lambda_pool *pool)
{
    for (uint32_t i = 0; i < LAMBDA_FUNCTIONS_MAX; i++)
        while (pool->echoes[i]) {
            struct lambda_echo *echo = pool->echoes[i];
            pool->echoes[i] = echo->next;
            lambda_echo_free(echo);
        }
}

void lambda_pool_free(struct lambda_pool *pool)
{
    if (!pool)
        return;
    forget_echoes(pool);
    for (uint32_t i = 0; i < pool->count; i++)
        lambda_environment_free(pool->places[i].environment);
    free(pool);
}

/* Those that work, or have not yet left what they worked at, cannot be kept;
 * those that are about to end are waited for as ever. */
void lambda_pool_serve(struct lambda_pool *pool, struct lambda_service *service)
{
    pool->service = service;
    pool->turns = 0;
    forget_echoes(pool);
    memset(pool->wanted, 0, sizeof(pool->wanted));
    memset(pool->misses, 0, sizeof(pool->misses));
    for (uint32_t i = 0; i < pool->count;)
        if (state_of(pool, i) == LAMBDA_BUSY)
            forget(pool, i);
        else
            lambda_environment_serve(pool->places[i++].environment, service);
}
