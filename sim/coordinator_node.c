#include "sim/coordinator_node.h"

#include <stdlib.h>

#include "sim/machine.h"
#include "sim/mirror.h"

struct sim_coordinator_node {
    struct sim_machine machine;
    struct engine_coordinator_config config;
    struct engine_coordinator *coordinator; /* NULL while down */
    struct sim_mirror *mirror;              /* NULL: nobody watches */
    bool held;         /* a pause came before this action */
    bool held_message; /* or before this message: do not ask again */
};

static bool ask(struct sim_coordinator_node *n, enum sim_point point,
                uint64_t run, uint32_t op, uint32_t attempt)
{
    return sim_boundary(n->machine.world, point, n->config.node, run, op,
                        attempt);
}

static bool before_request(struct sim_coordinator_node *n,
                           const struct engine_message *message)
{
    const struct engine_request *request = (const void *)(message + 1);
    switch (request->kind) {
    case ENGINE_REQ_CREATE:
        return ask(n, SIM_POINT_COORD_CREATE_BEFORE, request->run, 0, 0);
    case ENGINE_REQ_ACQUIRE:
        return ask(n, SIM_POINT_COORD_ACQUIRE_BEFORE, 0, 0, 0);
    case ENGINE_REQ_APPEND:
        return ask(n, SIM_POINT_COORD_APPEND_BEFORE, request->run, 0, 0);
    case ENGINE_REQ_RENEW:
        return ask(n, SIM_POINT_COORD_RENEW_BEFORE, 0, 0, 0);
    case ENGINE_REQ_ACK:
        return ask(n, SIM_POINT_COORD_ACK_BEFORE, request->run, 0, 0);
    default:
        return false;
    }
}

static bool after_reply(struct sim_coordinator_node *n,
                        const struct engine_reply *reply)
{
    if (reply->outcome != ENGINE_COMMITTED)
        return false;
    switch (reply->kind) {
    case ENGINE_REQ_CREATE:
        return ask(n, SIM_POINT_COORD_CREATE_AFTER, reply->run, 0, 0);
    case ENGINE_REQ_ACQUIRE:
        return reply->run &&
               ask(n, SIM_POINT_COORD_ACQUIRE_AFTER, reply->run, 0, 0);
    case ENGINE_REQ_APPEND:
        return ask(n, SIM_POINT_COORD_APPEND_AFTER, reply->run, 0, 0);
    case ENGINE_REQ_RENEW:
        return ask(n, SIM_POINT_COORD_RENEW_AFTER, 0, 0, 0);
    default:
        return false;
    }
}

static bool before_action(struct sim_coordinator_node *n,
                          const struct engine_message *message)
{
    switch (message->kind) {
    case ENGINE_MSG_REQUEST:
        return before_request(n, message);
    case ENGINE_MSG_DISPATCH:
        return ask(n, SIM_POINT_COORD_DISPATCH_BEFORE, message->run,
                   message->op + 1, message->attempt);
    case ENGINE_MSG_CHECKPOINTED:
        return message->op == ENGINE_ERR_NONE &&
               ask(n, SIM_POINT_COORD_CHECKPOINT_AFTER, message->run, 1,
                   message->attempt);
    case ENGINE_MSG_RESULT:
        return ask(n, SIM_POINT_COORD_RESULT_BEFORE, message->run, 0, 0);
    default:
        return false;
    }
}

/* What it asks to be written, and the state that it has come to. */
static void compare(struct sim_coordinator_node *n,
                    const struct engine_message *message)
{
    const struct engine_request *request = (const void *)(message + 1);
    if (message->kind != ENGINE_MSG_REQUEST ||
        request->kind != ENGINE_REQ_APPEND)
        return;
    const struct engine_run *run =
        engine_coordinator_run(n->coordinator, request->run);
    if (run && sim_mirror_appends(n->mirror, n->config.node, request, run))
        n->machine.world->failed = true;
}

static bool carry_out(void *self, const struct engine_do *action)
{
    struct sim_coordinator_node *n = self;
    const struct engine_message *message =
        engine_update_bytes(&n->machine.update, action);
    bool held = n->held;
    n->held = false;
    if (!held && before_action(n, message)) {
        if (n->coordinator) {
            n->held = true;
            n->machine.done--;
        }
        return true;
    }
    if (n->mirror)
        compare(n, message);
    sim_net_send(n->machine.world, message);
    return message->kind == ENGINE_MSG_DISPATCH &&
           ask(n, SIM_POINT_COORD_DISPATCH_AFTER, message->run, message->op + 1,
               message->attempt);
}

static int step(void *self, const struct engine_input *input,
                struct engine_update *update)
{
    struct sim_coordinator_node *n = self;
    return engine_coordinator_step(n->coordinator, input, update);
}

static uint64_t deadline(void *self)
{
    struct sim_coordinator_node *n = self;
    return engine_coordinator_deadline(n->coordinator);
}

static bool after_message(struct sim_coordinator_node *n,
                          const struct engine_message *message)
{
    if (message->kind == ENGINE_MSG_REPLY)
        return after_reply(n, (const void *)(message + 1));
    return message->kind == ENGINE_MSG_START &&
           ask(n, SIM_POINT_COORD_START, message->run, 0, 0);
}

static void message(void *self, const struct engine_message *message)
{
    struct sim_coordinator_node *n = self;
    struct engine_input input = {.kind = ENGINE_IN_MESSAGE, .message = message};
    if (message->kind == ENGINE_MSG_REPLY) {
        input.kind = ENGINE_IN_REPLY;
        input.reply = (const void *)(message + 1);
        if (!sim_machine_asked(&n->machine, message) ||
            engine_reply_check(input.reply, message->size - sizeof(*message)))
            return;
    }
    bool held = n->held_message;
    n->held_message = false;
    if (!held && after_message(n, message)) {
        if (n->coordinator) {
            n->held_message = true;
            sim_process_put_back(n->machine.world, n->config.node, message);
        }
        return;
    }
    sim_machine_input(&n->machine, &input);
}

static void timer(void *self, uint64_t arg)
{
    struct sim_coordinator_node *n = self;
    (void)arg;
    sim_machine_timer(&n->machine);
}

static void start(void *self)
{
    struct sim_coordinator_node *n = self;
    struct sim_node_state *state = sim_node(n->machine.world, n->config.node);
    n->config.incarnation = state->incarnation;
    n->config.memory = &state->memory.port;
    sim_machine_restart(&n->machine);
    n->coordinator = engine_coordinator_new(
        &n->config, sim_node_mono(n->machine.world, n->config.node));
    if (!n->coordinator) {
        sim_process_crash(n->machine.world, n->config.node, ENGINE_ACT_OOM);
        return;
    }
    struct engine_input input = {.kind = ENGINE_IN_TIME};
    sim_machine_input(&n->machine, &input);
}

static void stop(void *self)
{
    struct sim_coordinator_node *n = self;
    /* Its memory is dropped as a whole by the world. */
    n->coordinator = NULL;
    n->held = false;
    n->held_message = false;
    sim_machine_restart(&n->machine);
}

static void resume(void *self)
{
    struct sim_coordinator_node *n = self;
    sim_machine_resume(&n->machine);
}

static const struct sim_actor_ops ops = {
    .message = message,
    .timer = timer,
    .start = start,
    .stop = stop,
    .resume = resume,
};

struct sim_coordinator_node *
sim_coordinator_node_new(struct sim_world *world,
                         const struct engine_coordinator_config *config,
                         const struct sim_clock *clock, uint64_t restart_ns)
{
    struct sim_coordinator_node *n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    sim_machine_init(&n->machine, world, config->node);
    n->machine.carry_out = carry_out;
    n->machine.step = step;
    n->machine.deadline = deadline;
    n->machine.self = n;
    n->config = *config;
    n->config.sink = &world->sink;
    sim_node_set(world, config->node, &ops, n, clock, restart_ns);
    return n;
}

void sim_coordinator_node_watch(struct sim_coordinator_node *n,
                                struct sim_mirror *mirror)
{
    n->mirror = mirror;
}

void sim_coordinator_node_free(struct sim_coordinator_node *n)
{
    if (!n)
        return;
    sim_machine_deinit(&n->machine);
    free(n);
}
