#include "tests/support/sim_workers.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void serve(void *self, const struct engine_message *message)
{
    struct sim_workers *rig = self;
    const struct engine_request *request = (const void *)(message + 1);
    struct engine_reply *reply =
        engine_block_begin(&rig->reply, sizeof(*reply));
    bool claim = request->kind == ENGINE_REQ_CLAIM;
    rig->claims += claim;
    rig->reports += request->kind == ENGINE_REQ_FINISH;
    reply->kind = request->kind;
    reply->outcome = ENGINE_COMMITTED;
    if (claim && rig->store_refuses > 0) {
        rig->store_refuses--;
        reply->outcome = ENGINE_FENCED;
    }
    reply->size = sizeof(*reply);
    reply->id = request->id;
    reply->run = request->run;
    struct engine_message head = {
        .size = (uint32_t)(sizeof(head) + sizeof(*reply)),
        .kind = ENGINE_MSG_REPLY,
        .from = SIM_NODE_STORE,
        .to = message->from,
        .token = request->sender,
    };
    sim_net_send2(rig->bed->world, &head, reply, sizeof(*reply));
}

static const struct sim_actor_ops store_ops = {.message = serve};

static void make_graph(struct sim_workers *rig)
{
    static const char *const outputs[] = {"out"};
    struct engine_node node = {
        .name = "pay",
        .kind = ENGINE_NODE_STEP,
        .attempt_timeout_ns = 30000 * SIM_BED_MS,
        .side_effect = ENGINE_EFFECT_IDEMPOTENT,
        .semantics = ENGINE_AT_LEAST_ONCE,
        .retry = {.attempts_max = 3, .factor_milli = 2000},
        .outputs = outputs,
        .output_count = 1,
    };
    struct engine_graph_error error;
    rig->graph = engine_graph_new("pay", &node, 1, NULL, 0, &error);
    cr_assert_not_null(rig->graph, "%d", (int)error.fault);
    rig->graphs[0] = rig->graph;
    sim_dist_constant(&rig->step.duration, 10 * SIM_BED_MS);
    rig->step.output_bytes = 16;
    rig->steps[0] = &rig->step;
}

static void clock_of(void *self, uint32_t node, struct sim_clock *clock)
{
    (void)self;
    (void)node;
    *clock = sim_bed_clock();
}

static void make_front(struct sim_workers *rig, uint32_t workers,
                       uint32_t slots, bool owned)
{
    static const struct sim_demand demand = {.name = "pay"};
    static const struct sim_demand *const demands[] = {&demand};
    struct sim_clock clock = sim_bed_clock();
    cr_assert_leq(workers, SIM_WORKERS_MAX);
    for (uint32_t i = 0; i < workers; i++)
        rig->restart_ns[i] = 100 * SIM_BED_MS;
    struct sim_front_config config = {
        .world = rig->bed->world,
        .model = rig->model,
        .node = SIM_NODE_PLATFORM,
        .worker_first = SIM_NODE_WORKER,
        .worker_count = workers,
        .slots = slots,
        .restart_ns = owned ? rig->restart_ns : NULL,
        .threads = 1,
        .demands = demands,
        .worker =
            {
                .world = rig->bed->world,
                .engine = {.store = SIM_NODE_STORE,
                           .graphs = rig->graphs,
                           .graph_count = 1,
                           .claim_ttl_ns = 30000 * SIM_BED_MS,
                           .skew_bound_ns = 500 * SIM_BED_MS,
                           .request_timeout_ns = 2000 * SIM_BED_MS,
                           .inline_max = 4096,
                           .scratch = &rig->scratch},
                .steps = rig->steps,
                .effect_timeout_ns = 1000 * SIM_BED_MS,
            },
        .clock = clock_of,
    };
    rig->front = sim_front_new(&config, &clock);
    cr_assert_not_null(rig->front);
}

static struct sim_workers *make(struct sim_model model)
{
    struct sim_workers *rig = calloc(1, sizeof(*rig));
    struct sim_clock clock = sim_bed_clock();
    struct engine_defects none = {0};
    cr_assert_not_null(rig);
    rig->bed = sim_bed_new(1, NULL);
    rig->model = model;
    make_graph(rig);
    rig->receiver = sim_receiver_new(rig->bed->world, &clock, 0, &none);
    cr_assert_not_null(rig->receiver);
    sim_node_set(rig->bed->world, SIM_NODE_STORE, &store_ops, rig, &clock,
                 UINT64_MAX);
    return rig;
}

static void start_core(struct sim_workers *rig)
{
    sim_process_start(rig->bed->world, SIM_NODE_STORE);
    sim_process_start(rig->bed->world, SIM_NODE_PLATFORM);
    sim_process_start(rig->bed->world, SIM_NODE_RECEIVER);
    sim_process_start(rig->bed->world, SIM_NODE_COORDINATOR);
}

struct sim_workers *sim_workers_new(uint32_t workers, uint32_t slots,
                                    uint64_t latency_ms)
{
    struct sim_model model;
    struct sim_local_config local = {.workers = workers, .slots = slots};
    sim_dist_constant(&local.dispatch_latency, latency_ms * SIM_BED_MS);
    cr_assert_eq(sim_local_model(&model, &local, 1), 0);
    struct sim_workers *rig = make(model);
    make_front(rig, workers, slots, true);
    rig->coordinator = sim_bed_probe(rig->bed, SIM_NODE_COORDINATOR, 0);
    start_core(rig);
    for (uint32_t i = 0; i < workers; i++)
        sim_process_start(rig->bed->world, SIM_NODE_WORKER + i);
    return rig;
}

/* The owner of the runs. */
static void hear(void *self, const struct engine_message *message)
{
    struct sim_workers *rig = self;
    size_t size = message->size - sizeof(*message);
    if (message->kind != ENGINE_MSG_FAILED)
        return;
    cr_assert_lt(size, sizeof(rig->failed_words));
    rig->failed++;
    rig->failed_error = message->a;
    memcpy(rig->failed_words, message + 1, size);
    rig->failed_words[size] = '\0';
}

static const struct sim_actor_ops owner_ops = {.message = hear};

struct sim_workers *sim_workers_on(struct sim_model model, uint32_t places)
{
    struct sim_clock clock = sim_bed_clock();
    struct sim_workers *rig = make(model);
    make_front(rig, places, 1, false);
    sim_node_set(rig->bed->world, SIM_NODE_COORDINATOR, &owner_ops, rig, &clock,
                 UINT64_MAX);
    start_core(rig);
    return rig;
}

void sim_workers_free(struct sim_workers *rig)
{
    rig->bed->world->recording = false;
    sim_world_free(rig->bed->world);
    sim_front_free(rig->front);
    if (rig->model.ops->free)
        rig->model.ops->free(rig->model.self);
    sim_receiver_free(rig->receiver);
    engine_graph_free(rig->graph);
    engine_block_free(&rig->scratch);
    engine_block_free(&rig->reply);
    free(rig->bed->records);
    free(rig->bed);
    free(rig);
}

void sim_workers_dispatch(struct sim_workers *rig, uint64_t run)
{
    struct engine_message message = {
        .size = sizeof(message),
        .kind = ENGINE_MSG_DISPATCH,
        .from = SIM_NODE_COORDINATOR,
        .to = SIM_NODE_PLATFORM,
        .run = run,
        .attempt = 1,
        .b = SIM_NODE_COORDINATOR,
    };
    sim_net_send(rig->bed->world, &message);
}

uint32_t sim_workers_busy(const struct sim_workers *rig, uint32_t worker)
{
    return sim_worker_node_busy(sim_front_worker(rig->front, worker));
}
