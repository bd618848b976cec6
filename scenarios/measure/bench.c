#include "scenarios/measure/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/loop.h"

enum {
    SYNCS = 400,
    COMMITS = 200, /* in a repeat */
    ALONE = 200,
    ROW_SIZE = 1024,
    BLOB_SIZE = 100000,
    GROWTH_SHARE = 4, /* of the runs, for what is large */
    SNAPSHOT_EVENTS = 10
};

static const struct measure_shape steady = {"handler of 10 steps, 100 B each",
                                            MEASURE_HANDLER, 10, 100};
static const struct measure_shape single = {"handler of 1 step, 100 B",
                                            MEASURE_HANDLER, 1, 100};

/* How runs may look; few says that they are large. */
static const struct {
    struct measure_shape shape;
    uint64_t snapshot_events;
    bool archive;
    bool few;
} shapes[] = {
    {{"graph of 1 step, 100 B", MEASURE_GRAPH, 1, 100}, 0, true, false},
    {{"graph of 10 steps, 100 B each", MEASURE_GRAPH, 10, 100}, 0, true, false},
    {{"handler of 1 step, 100 B", MEASURE_HANDLER, 1, 100}, 0, true, false},
    {{"handler of 10 steps, 100 B each", MEASURE_HANDLER, 10, 100},
     0,
     true,
     false},
    {{"handler of 10 steps, 100 B each", MEASURE_HANDLER, 10, 100},
     SNAPSHOT_EVENTS,
     true,
     false},
    {{"handler of 10 steps, 10 KB each", MEASURE_HANDLER, 10, 10000},
     0,
     true,
     true},
    {{"handler of 1 step, 100 KB", MEASURE_HANDLER, 1, 100000}, 0, true, true},
};

static void tell(const struct measure_bench *bench, const char *what)
{
    if (bench->progress)
        bench->progress(bench->self, what);
}

struct measure_ranks measure_ranks(uint64_t *values, size_t count)
{
    return (struct measure_ranks){
        .p50_ns = measure_rank(values, count, 500),
        .p99_ns = measure_rank(values, count, 990),
        .most_ns = measure_rank(values, count, 1000),
        .count = count,
    };
}

static struct measure_stage_config stage_of(const struct measure_bench *bench,
                                            const struct measure_shape *shape)
{
    return (struct measure_stage_config){
        .dir = bench->dir, .shape = *shape, .interrupted = bench->interrupted};
}

static int bench_syncs(const struct measure_bench *bench,
                       struct measure_found *found, char *error)
{
    static uint64_t values[SYNCS];

    tell(bench, "syncs of this disk");
    if (measure_syncs(bench->dir, true, values, SYNCS) == 0) {
        found->sync_grows = measure_ranks(values, SYNCS);
        if (measure_syncs(bench->dir, false, values, SYNCS) == 0) {
            found->sync_over = measure_ranks(values, SYNCS);
            return 0;
        }
    }
    snprintf(error, HOST_ERROR_SIZE, "%.500s: %s", bench->dir, strerror(errno));
    return -1;
}

/* values has room for the commits of all repeats of all kinds. */
static int commit_turns(const struct measure_bench *bench,
                        struct measure_found *found, uint64_t *values,
                        char *error)
{
    size_t kind_size = (size_t)bench->repeats * COMMITS;

    for (uint32_t turn = 0; turn < bench->repeats; turn++) {
        for (uint32_t i = 0; i < found->commit_count; i++) {
            uint32_t which = (turn + i) % found->commit_count;
            struct measure_committed *c = &found->commits[which];
            struct measure_commits commits = {
                .requests = c->requests,
                .sync_normal = c->sync_normal,
                .values = values + which * kind_size + turn * COMMITS,
                .count = COMMITS};
            if (measure_commits(bench->dir, &commits, bench->interrupted,
                                error))
                return -1;
            measure_add(&c->a_second, COMMITS * UINT64_C(1000000) /
                                          (commits.wall_ns / 1000 + 1));
        }
    }
    for (uint32_t i = 0; i < found->commit_count; i++)
        found->commits[i].commit =
            measure_ranks(values + i * kind_size, kind_size);
    return 0;
}

static int bench_commits(const struct measure_bench *bench,
                         struct measure_found *found, char *error)
{
    static const uint32_t requests[] = {1, 10, 100};

    tell(bench, "commits of the store");
    for (int normal = 0; normal < 2; normal++)
        for (int i = 0; i < 3; i++)
            found->commits[found->commit_count++] = (struct measure_committed){
                .requests = requests[i], .sync_normal = normal};
    uint64_t *values =
        calloc((size_t)found->commit_count * bench->repeats * COMMITS,
               sizeof(*values));
    if (!values) {
        snprintf(error, HOST_ERROR_SIZE, "out of memory");
        return -1;
    }
    int result = commit_turns(bench, found, values, error);
    free(values);
    return result;
}

static int bench_overhead(const struct measure_bench *bench,
                          struct measure_found *found, char *error)
{
    struct measure_stage_config config = stage_of(bench, &steady);
    int result = 0;

    for (uint32_t turn = 0; result == 0 && turn < bench->repeats; turn++) {
        char what[64];
        snprintf(what, sizeof(what), "recording, turn %u of %u", turn + 1,
                 bench->repeats);
        tell(bench, what);
        result = measure_overhead_turn(&config, bench->runs, turn,
                                       &found->overhead, error);
    }
    return result;
}

static int bench_alone(const struct measure_bench *bench,
                       struct measure_found *found, char *error)
{
    static uint64_t values[ALONE];
    struct measure_stage_config config = stage_of(bench, &single);

    tell(bench, "runs that are alone");
    if (measure_alone(&config, ALONE, values, error))
        return -1;
    found->alone_shape = single;
    found->alone = measure_ranks(values, ALONE);
    return 0;
}

static int bench_growth(const struct measure_bench *bench,
                        struct measure_found *found, char *error)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        struct measure_stage_config config = stage_of(bench, &shapes[i].shape);
        struct measure_growth *growth = &found->growths[found->growth_count];
        uint32_t runs =
            shapes[i].few ? bench->runs / GROWTH_SHARE : bench->runs;
        config.snapshot_events = shapes[i].snapshot_events;
        tell(bench, shapes[i].shape.name);
        if (measure_growth(&config, runs ? runs : 1, shapes[i].archive, growth,
                           error))
            return -1;
        found->growth_count++;
        if (strcmp(shapes[i].shape.name, single.name) == 0)
            found->alone_events = growth->after.events / growth->runs;
    }
    return 0;
}

int measure_bench(const struct measure_bench *bench,
                  struct measure_found *found, char *error)
{
    double load[1];
    uint64_t began = host_mono_ns();

    memset(found, 0, sizeof(*found));
    if (measure_place(bench->dir, &found->place)) {
        snprintf(error, HOST_ERROR_SIZE, "%.500s: %s", bench->dir,
                 strerror(errno));
        return -1;
    }
    machine_describe(&found->machine);
    if (getloadavg(load, 1) == 1)
        found->load_milli = (uint64_t)(load[0] * 1000);
    found->runs = bench->runs;
    found->repeats = bench->repeats;
    found->rate_count = bench->rate_count;
    memcpy(found->rates, bench->rates,
           bench->rate_count * sizeof(*bench->rates));
    found->chain_ns = measure_chain_hash(ROW_SIZE);
    found->blob_ns = measure_blob_digest(BLOB_SIZE);
    int result = bench_syncs(bench, found, error) ||
                 bench_commits(bench, found, error) ||
                 bench_overhead(bench, found, error) ||
                 bench_alone(bench, found, error) ||
                 bench_growth(bench, found, error);
    found->took_ns = host_mono_ns() - began;
    return result ? -1 : 0;
}
