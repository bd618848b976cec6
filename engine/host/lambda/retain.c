/*
 * How long executions are kept that have ended. Time alone removes nothing:
 * what is over is not to be seen from that moment on, and goes in some later
 * turn, so that a clock that skips does not go there by itself.
 */
#include "engine/host/lambda/service_private.h"
#include "engine/host/store_upkeep.h"

#define DAY (UINT64_C(86400) * UINT64_C(1000000000))
#define LATER (DAY / 24)

enum {
    DAYS = 14, /* where a function does not say */
    REMOVED_AT_ONCE = 64,
    PURGED_AT_ONCE = 4096
};

uint32_t lambda_retain_days(const struct lambda_function *function)
{
    return function->retention_days ? function->retention_days : DAYS;
}

static uint64_t over_at(const struct lambda_service *service,
                        const struct lambda_execution *execution)
{
    const struct lambda_function *function =
        &service->functions[execution->function];

    return execution->ended_ns + lambda_retain_days(function) * DAY;
}

bool lambda_retain_is_over(const struct lambda_service *service,
                           const struct lambda_execution *execution)
{
    return execution->ended_ns &&
           over_at(service, execution) <= lambda_core_now(service->core);
}

static void look_again(struct lambda_service *service, uint64_t at_ns,
                       uint64_t run)
{
    if (engine_timers_push(&service->retained, at_ns, run))
        service->failed = true;
}

void lambda_retain(struct lambda_service *service,
                   const struct lambda_execution *execution)
{
    look_again(service, over_at(service, execution), execution->run);
}

struct removal {
    struct lambda_service *service;
    bool done;
};

static int retire(void *self, const struct engine_run_row *run,
                  uint64_t closed_ns)
{
    struct removal *removal = self;
    struct engine_store *store = lambda_core_store(removal->service->core);

    removal->done = true;
    return store_retire(store, run, closed_ns) ||
                   lambda_keep_nothing(removal->service, run->run)
               ? -1
               : 0;
}

/* Out of reach in one group: its log is purged later. 1; 0: it cannot go yet;
 * -1: the store failed. */
static int remove_one(struct lambda_service *service, uint64_t run)
{
    struct engine_store *store = lambda_core_store(service->core);
    struct removal removal = {.service = service};

    if (store->ops->begin(store->self, lambda_core_now(service->core)))
        return -1;
    if (store_scan_closed_to(store, run, run, UINT64_MAX / 2, retire,
                             &removal)) {
        store->ops->rollback(store->self);
        return -1;
    }
    if (store->ops->commit(store->self))
        return -1;
    return removal.done;
}

/* Whether it has gone, or is not to go. */
static bool take_away(struct lambda_service *service, uint64_t run)
{
    uint64_t now_ns = lambda_core_now(service->core);
    struct lambda_execution *execution = lambda_execution_find(service, run);
    int removed = 0;

    if (!execution)
        return false;
    if (!lambda_retain_is_over(service, execution)) {
        look_again(service, over_at(service, execution), run);
        return false;
    }
    if (!execution->invocation)
        removed = remove_one(service, run);
    if (removed < 0)
        service->failed = true;
    else if (removed == 0)
        look_again(service, now_ns + LATER, run);
    else
        lambda_execution_drop(service, execution);
    return removed > 0;
}

void lambda_retain_attend(struct lambda_service *service)
{
    struct engine_store *store = lambda_core_store(service->core);
    uint64_t now_ns = lambda_core_now(service->core);
    uint64_t forgotten;
    uint32_t removed = 0;

    for (int i = 0; i < REMOVED_AT_ONCE && !service->failed &&
                    engine_timers_next(&service->retained) <= now_ns;
         i++)
        removed +=
            take_away(service, engine_timers_pop(&service->retained).key);
    if (removed > 0 && !service->failed &&
        (store_purge(store, now_ns, PURGED_AT_ONCE) < 0 ||
         store_forget(store, now_ns, 0, REMOVED_AT_ONCE, &forgotten)))
        service->failed = true;
}
