#include "scenarios/read.h"
#include "scenarios/read_dist.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)
#define PPM UINT64_C(1000)

/* At 1 ps a byte, 1,000,000 bytes take so many ns. */
#define NS_PER_MB_PS 1000

void read_world_defaults(struct scenario *scenario)
{
    scenario->disk = (struct scenario_disk){
        .sector = 4096,
        .read = {.base_ns = 80 * US, .per_byte_ps = 400, .tail_ns = 20 * US},
        .write = {.base_ns = 25 * US, .per_byte_ps = 1000, .tail_ns = 10 * US},
        .sync = {.base_ns = MS, .tail_ns = 600 * US},
        .tears = true,
        .drops_dirty = true,
    };
    scenario->net = (struct scenario_net){0};
    (void)sim_dist_lognormal_fit(&scenario->net.latency, 300 * US, 2 * MS);
    (void)sim_dist_exponential(&scenario->net.reorder_delay, 20 * MS);
    scenario->clocks = (struct scenario_clocks){0};
    scenario->envelope = (struct fault_envelope){
        .skew_ns_max = 10 * SECOND,
        .drift_ppb_max = 1000 * PPM,
        .loss_ppb_max = ENGINE_CHANCE_ALWAYS / 2,
        .honest_sync = true,
        .sound_disk = true,
    };
}

static void read_share(struct json_view object, const char *key, uint32_t *ppb,
                       struct json_error *err)
{
    uint64_t share;
    if (json_get_quantity(object, key, JSON_OPTIONAL, QUANTITY_SHARE, 0,
                          ENGINE_CHANCE_ALWAYS, &share, err))
        *ppb = (uint32_t)share;
}

static void read_network(struct json_view view, struct scenario_net *net,
                         struct json_error *err)
{
    static const char *const keys[] = {"latency", "loss", "duplicate",
                                       "reorder", "reorder_delay"};
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)read_dist_member(view, "latency", &net->latency, err);
    read_share(view, "loss", &net->loss_ppb, err);
    read_share(view, "duplicate", &net->duplicate_ppb, err);
    read_share(view, "reorder", &net->reorder_ppb, err);
    (void)read_dist_member(view, "reorder_delay", &net->reorder_delay, err);
    if (net->loss_ppb == ENGINE_CHANCE_ALWAYS)
        json_fail(json_member(view, "loss"), err,
                  "found a network that loses everything, allowed less than "
                  "\"100%%\"");
}

static void read_sector(struct json_view view, uint32_t *sector,
                        struct json_error *err)
{
    struct json_view member;
    int64_t size;
    if (!json_get(view, "sector", JSON_OPTIONAL, &member, err) ||
        !json_as_int(member, 512, 4096, &size, err))
        return;
    if (size != 512 && size != 4096)
        json_fail(member, err,
                  "found sectors of %jd bytes, allowed 512 or "
                  "4096",
                  (intmax_t)size);
    *sector = (uint32_t)size;
}

/* "80us", or {"base": .., "tail": .., "per_mb": ..}. */
static void read_latency(struct json_view object, const char *key,
                         struct sim_disk_latency *latency,
                         struct json_error *err)
{
    static const char *const keys[] = {"base", "tail", "per_mb"};
    struct json_view view;
    uint64_t per_mb;
    if (!json_get(object, key, JSON_OPTIONAL, &view, err))
        return;
    *latency = (struct sim_disk_latency){0};
    if (!json_is_object(view)) {
        (void)json_as_quantity(view, QUANTITY_DURATION, 0, DAY,
                               &latency->base_ns, err);
        return;
    }
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)json_get_duration(view, "base", JSON_REQUIRED, 0, DAY,
                            &latency->base_ns, err);
    (void)json_get_duration(view, "tail", JSON_OPTIONAL, 0, DAY,
                            &latency->tail_ns, err);
    if (json_get_duration(view, "per_mb", JSON_OPTIONAL, 0, DAY, &per_mb, err))
        latency->per_byte_ps = per_mb / NS_PER_MB_PS;
}

static void read_disk(struct json_view view, struct scenario_disk *disk,
                      struct json_error *err)
{
    static const char *const keys[] = {
        "sector", "capacity", "read", "write", "sync", "tears", "drops_dirty"};
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    read_sector(view, &disk->sector, err);
    (void)json_get_quantity(view, "capacity", JSON_OPTIONAL, QUANTITY_SIZE,
                            65536, UINT64_C(1) << 50, &disk->capacity, err);
    read_latency(view, "read", &disk->read, err);
    read_latency(view, "write", &disk->write, err);
    read_latency(view, "sync", &disk->sync, err);
    (void)json_get_bool(view, "tears", JSON_OPTIONAL, &disk->tears, err);
    (void)json_get_bool(view, "drops_dirty", JSON_OPTIONAL, &disk->drops_dirty,
                        err);
}

static void read_spread(struct json_view object, const char *skew_key,
                        uint64_t *skew_ns, uint64_t *drift_ppb,
                        struct json_error *err)
{
    (void)json_get_quantity(object, skew_key, JSON_OPTIONAL,
                            QUANTITY_DURATION_SPREAD, 0, 365 * DAY, skew_ns,
                            err);
    (void)json_get_quantity(object, "drift", JSON_OPTIONAL,
                            QUANTITY_DRIFT_SPREAD, 0, 500000 * PPM, drift_ppb,
                            err);
}

static void read_clocks(struct json_view view, struct scenario_clocks *clocks,
                        struct json_error *err)
{
    static const char *const keys[] = {"skew", "drift"};
    if (json_check_keys(view, keys, COUNT(keys), err))
        read_spread(view, "skew", &clocks->skew_ns, &clocks->drift_ppb, err);
}

static void read_envelope(struct json_view view,
                          struct fault_envelope *envelope,
                          struct json_error *err)
{
    static const char *const keys[] = {"skew", "drift", "loss", "honest_sync",
                                       "sound_disk"};
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    read_spread(view, "skew", &envelope->skew_ns_max, &envelope->drift_ppb_max,
                err);
    read_share(view, "loss", &envelope->loss_ppb_max, err);
    (void)json_get_bool(view, "honest_sync", JSON_OPTIONAL,
                        &envelope->honest_sync, err);
    (void)json_get_bool(view, "sound_disk", JSON_OPTIONAL,
                        &envelope->sound_disk, err);
}

void read_world(struct json_view root, struct scenario *scenario,
                struct json_error *err)
{
    struct json_view view;
    if (json_get(root, "network", JSON_OPTIONAL, &view, err))
        read_network(view, &scenario->net, err);
    if (json_get(root, "disk", JSON_OPTIONAL, &view, err))
        read_disk(view, &scenario->disk, err);
    if (json_get(root, "clocks", JSON_OPTIONAL, &view, err))
        read_clocks(view, &scenario->clocks, err);
    if (json_get(root, "envelope", JSON_OPTIONAL, &view, err))
        read_envelope(view, &scenario->envelope, err);
}
