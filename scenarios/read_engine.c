#include "scenarios/read.h"

#include "sim/nodes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define KIB UINT64_C(1024)
#define MILLI_PPB 1000000 /* a thousandth of a share */
#define MIB (KIB * KIB)

/* Leases are renewed after this part of their length. */
#define RENEW_SHARE 3

/* What a store is asked to take at most where a profile has no limit. */
#define STORE_MAX (64 * MIB)
#define EVENTS_MAX UINT64_C(10000000)

void read_engine_defaults(struct scenario_engine *engine)
{
    *engine = (struct scenario_engine){
        .store = SCENARIO_STORE_SQLITE,
        .coordinators = 1,
        .lease_ttl_ns = 60 * SECOND,
        .claim_ttl_ns = 30 * SECOND,
        .skew_bound_ns = 500 * MS,
        .scan_ns = 10 * SECOND,
        .request_timeout_ns = 2 * SECOND,
        .dispatch_timeout_ns = SECOND,
        .suspend_after_ns = 30 * SECOND,
        .runs_max = 100000,
        .inline_max = 256 * KIB,
        .op_payload_max = 256 * KIB,
        .request_max = 6 * MIB,
        .history_ops_max = 25000,
        .blob_max = 64 * MIB,
        .page_size = 4096,
        .cache_size = 2000 * KIB,
        .wal = true,
        .group_max = 256,
        .effect_timeout_ns = SECOND,
        .dedup_ttl_ns = 0,
        .restart_ns = 5 * SECOND,
    };
    (void)limits_profile_find("seed-001", &engine->limits);
}

static void read_u32(struct json_view object, const char *key, int64_t min,
                     int64_t max, uint32_t *value, struct json_error *err)
{
    int64_t found;
    if (json_get_int(object, key, JSON_OPTIONAL, min, max, &found, err))
        *value = (uint32_t)found;
}

static void read_size(struct json_view object, const char *key, uint64_t max,
                      uint64_t *size, struct json_error *err)
{
    (void)json_get_quantity(object, key, JSON_OPTIONAL, QUANTITY_SIZE, 1, max,
                            size, err);
}

static void read_time(struct json_view object, const char *key, uint64_t min,
                      uint64_t max, uint64_t *ns, struct json_error *err)
{
    (void)json_get_duration(object, key, JSON_OPTIONAL, min, max, ns, err);
}

static void read_times(struct json_view view, struct scenario_engine *engine,
                       struct json_error *err)
{
    read_time(view, "lease", SECOND, HOUR, &engine->lease_ttl_ns, err);
    read_time(view, "claim", SECOND, HOUR, &engine->claim_ttl_ns, err);
    read_time(view, "skew_bound", 0, HOUR, &engine->skew_bound_ns, err);
    read_time(view, "scan", 10 * MS, HOUR, &engine->scan_ns, err);
    read_time(view, "request_timeout", MS, HOUR, &engine->request_timeout_ns,
              err);
    read_time(view, "dispatch_timeout", MS, HOUR, &engine->dispatch_timeout_ns,
              err);
    engine->dispatch_timeout_given =
        json_member(view, "dispatch_timeout").item != NULL;
    read_time(view, "suspend_after", MS, 24 * HOUR, &engine->suspend_after_ns,
              err);
    read_time(view, "effect_timeout", MS, HOUR, &engine->effect_timeout_ns,
              err);
    read_time(view, "dedup_ttl", 0, 365 * (24 * HOUR), &engine->dedup_ttl_ns,
              err);
    read_time(view, "restart", 0, HOUR, &engine->restart_ns, err);
}

/* The store lets through what the profile does; the engine keeps to it. */
static void follow_profile(struct scenario_engine *engine)
{
    const struct engine_limits *limits = &engine->limits.limits;
    uint64_t most = limits->operation_payload_max;
    most = limits->input_max > most ? limits->input_max : most;
    most = limits->response_max > most ? limits->response_max : most;
    most = limits->error_max > most ? limits->error_max : most;
    if (most < STORE_MAX)
        engine->op_payload_max = most + 64 * KIB;
    else
        engine->op_payload_max = STORE_MAX;
    engine->request_max = 2 * STORE_MAX;
    engine->history_ops_max = limits->operations_max < EVENTS_MAX / 16
                                  ? 16 * limits->operations_max
                                  : EVENTS_MAX;
}

/* A built-in profile, or the name of a file with one. */
static void read_profile(struct read_state *state, struct json_view view)
{
    struct scenario_engine *engine = &state->scenario->engine;
    const char *name = NULL;
    if (!json_as_string(view, 1, 256, &name, state->err))
        return;
    if (!limits_profile_find(name, &engine->limits)) {
        struct json_doc *doc = read_files_json(state->files, view, state->err);
        if (doc)
            (void)limits_profile_read(json_root(doc), name, &engine->limits,
                                      state->err);
        json_free(doc);
    }
    engine->limits_given = true;
    follow_profile(engine);
}

/* A profile that stands in the scenario itself. */
static void read_own_profile(struct json_view view,
                             struct scenario_engine *engine,
                             struct json_error *err)
{
    if (!limits_profile_read(view, "the scenario", &engine->limits, err))
        return;
    engine->limits_given = true;
    follow_profile(engine);
}

static void read_limits(struct json_view view, struct scenario_engine *engine,
                        struct json_error *err)
{
    static const char *const keys[] = {"op_payload", "request", "history",
                                       "blob"};
    int64_t history = (int64_t)engine->history_ops_max;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    read_size(view, "op_payload", 1024 * MIB, &engine->op_payload_max, err);
    read_size(view, "request", 1024 * MIB, &engine->request_max, err);
    read_size(view, "blob", 1024 * MIB, &engine->blob_max, err);
    (void)json_get_int(view, "history", JSON_OPTIONAL, 4, 10000000, &history,
                       err);
    engine->history_ops_max = (uint64_t)history;
}

static void read_pages(struct json_view view, struct scenario_engine *engine,
                       struct json_error *err)
{
    static const char *const journals[] = {"wal", "rollback"};
    struct json_view page;
    int64_t size;
    size_t journal;
    if (json_get_enum(view, "journal", JSON_OPTIONAL, journals, COUNT(journals),
                      &journal, err))
        engine->wal = journal == 0;
    read_size(view, "cache_size", 1024 * MIB, &engine->cache_size, err);
    if (!json_get(view, "page_size", JSON_OPTIONAL, &page, err) ||
        !json_as_int(page, 512, 65536, &size, err))
        return;
    if ((size & (size - 1)) != 0)
        json_fail(page, err,
                  "found page size %jd, allowed a power of 2 from "
                  "512 to 65536",
                  (intmax_t)size);
    engine->page_size = (uint32_t)size;
}

static void read_counts(struct json_view view, struct scenario_engine *engine,
                        struct json_error *err)
{
    static const char *const stores[] = {"sqlite", "memory"};
    uint64_t inline_max = engine->inline_max;
    size_t store;
    if (json_get_enum(view, "store", JSON_OPTIONAL, stores, COUNT(stores),
                      &store, err))
        engine->store =
            store == 0 ? SCENARIO_STORE_SQLITE : SCENARIO_STORE_MEMORY;
    read_u32(view, "coordinators", 1, SIM_NODE_COORDINATORS_MAX,
             &engine->coordinators, err);
    read_u32(view, "runs_max", 1, 10000000, &engine->runs_max, err);
    read_u32(view, "group_max", 1, 4096, &engine->group_max, err);
    read_size(view, "inline_max", 64 * MIB, &inline_max, err);
    engine->inline_max = (uint32_t)inline_max;
}

/* The place of a rule's error: the key that was given, or the section. */
static struct json_view place(struct json_view view, const char *key)
{
    struct json_view member = json_member(view, key);
    return member.item ? member : view;
}

static void check_lease(struct json_view view, const char *key, uint64_t ttl_ns,
                        const struct scenario_engine *engine,
                        struct json_error *err)
{
    char ttl[32], skew[32], timeout[32];
    quantity_print(QUANTITY_DURATION, ttl_ns, ttl, sizeof(ttl));
    quantity_print(QUANTITY_DURATION, engine->skew_bound_ns, skew,
                   sizeof(skew));
    quantity_print(QUANTITY_DURATION, engine->request_timeout_ns, timeout,
                   sizeof(timeout));
    if (engine->skew_bound_ns >= ttl_ns / RENEW_SHARE)
        json_fail(place(view, "skew_bound"), err,
                  "found skew_bound %s with %s %s, allowed less than a third "
                  "of it: it is renewed after a third and given up skew_bound "
                  "before its end",
                  skew, key, ttl);
    if (engine->request_timeout_ns >
        ttl_ns - ttl_ns / RENEW_SHARE - engine->skew_bound_ns)
        json_fail(place(view, "request_timeout"), err,
                  "found request_timeout %s with %s %s, allowed at most two "
                  "thirds of it less skew_bound %s: a renewal must be answered "
                  "before it ends",
                  timeout, key, ttl, skew);
}

static void check_sizes(struct json_view view,
                        const struct scenario_engine *engine,
                        struct json_error *err)
{
    if (engine->inline_max > engine->op_payload_max)
        json_fail(place(view, "inline_max"), err,
                  "found inline_max %u above limits.op_payload %ju, allowed at "
                  "most that: a value that stays inline must fit",
                  engine->inline_max, (uintmax_t)engine->op_payload_max);
    if (engine->op_payload_max >= engine->request_max)
        json_fail(place(view, "limits"), err,
                  "found limits.request %ju bytes, allowed more than "
                  "limits.op_payload %ju: a request carries payloads",
                  (uintmax_t)engine->request_max,
                  (uintmax_t)engine->op_payload_max);
    if (engine->blob_max < engine->inline_max)
        json_fail(place(view, "limits"), err,
                  "found limits.blob %ju bytes, allowed at least inline_max "
                  "%u: what does not stay inline becomes a blob",
                  (uintmax_t)engine->blob_max, engine->inline_max);
}

static void read_budget(struct json_view view, struct scenario_engine *engine,
                        struct json_error *err)
{
    static const char *const keys[] = {"share", "burst"};
    struct json_view budget;
    uint64_t share = 200 * MILLI_PPB;
    if (!json_get(view, "retry_budget", JSON_OPTIONAL, &budget, err) ||
        !json_check_keys(budget, keys, COUNT(keys), err))
        return;
    engine->retries_bounded = true;
    engine->retry_burst = 10;
    (void)json_get_quantity(budget, "share", JSON_OPTIONAL, QUANTITY_SHARE, 0,
                            ENGINE_CHANCE_ALWAYS, &share, err);
    read_u32(budget, "burst", 0, 1000000, &engine->retry_burst, err);
    engine->retry_share_milli = (uint32_t)(share / MILLI_PPB);
    if (share % MILLI_PPB)
        json_fail(json_member(budget, "share"), err,
                  "found a share with more than one digit after the point, "
                  "allowed e.g. \"12.5%%\"");
}

static void read_handlers(struct json_view view, struct scenario_engine *engine,
                          struct json_error *err)
{
    read_u32(view, "snapshot_every", 1, 10000000, &engine->snapshot_events,
             err);
    (void)json_get_bool(view, "optimistic", JSON_OPTIONAL, &engine->optimistic,
                        err);
    read_time(view, "checkpoint_window", 0, SECOND,
              &engine->checkpoint_window_ns, err);
    read_budget(view, engine, err);
}

void read_engine_follow(struct scenario *scenario)
{
    if (scenario_has_programs(scenario) && !scenario->engine.store_limits_given)
        follow_profile(&scenario->engine);
}

void read_engine(struct read_state *state, struct json_view view)
{
    struct scenario_engine *engine = &state->scenario->engine;
    struct json_error *err = state->err;
    static const char *const keys[] = {"store",           "coordinators",
                                       "lease",           "claim",
                                       "skew_bound",      "scan",
                                       "request_timeout", "dispatch_timeout",
                                       "suspend_after",   "runs_max",
                                       "inline_max",      "limits",
                                       "page_size",       "journal",
                                       "group_max",       "effect_timeout",
                                       "dedup_ttl",       "restart",
                                       "snapshot_every",  "optimistic",
                                       "retry_budget",    "checkpoint_window",
                                       "cache_size"};
    struct json_view limits;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    read_counts(view, engine, err);
    read_times(view, engine, err);
    if (json_get(view, "limits", JSON_OPTIONAL, &limits, err)) {
        if (json_is_string(limits))
            read_profile(state, limits);
        else if (!json_is_object(limits))
            json_fail(limits, err,
                      "found no limits, allowed the name of a profile of "
                      "limits, or an object: \"aws\", {\"blob\": \"1MiB\"}");
        else if (json_member(limits, "profile").item)
            read_own_profile(limits, engine, err);
        else
            read_limits(limits, engine, err);
        engine->store_limits_given = true;
    }
    read_handlers(view, engine, err);
    read_pages(view, engine, err);
    check_lease(view, "lease", engine->lease_ttl_ns, engine, err);
    check_lease(view, "claim", engine->claim_ttl_ns, engine, err);
    check_sizes(view, engine, err);
}
