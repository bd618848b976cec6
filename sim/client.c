#include "sim/client.h"

#include <stdlib.h>
#include <string.h>

enum {
    RUN_DUE,
    RUN_ASKED,
    RUN_STARTED,
    RUN_ENDED,
    RUN_REFUSED /* there will be no such run: it is asked for no more */
};

struct sim_client {
    struct sim_client_config config;
    uint64_t start_ns;
    uint64_t next; /* run that arrives next */
    uint8_t *states;
    uint8_t *tries;
    struct engine_block block;
};

/* Timer arguments: 0 is the next arrival, else the run that is waited for. */
enum {
    ARRIVAL = 0
};

static void note(struct sim_client *c, enum engine_record_kind kind,
                 uint64_t run, uint32_t op, uint64_t a, uint64_t b)
{
    struct engine_record record = {
        .kind = (uint16_t)kind,
        .node = SIM_NODE_CLIENT,
        .run = run,
        .op = op,
        .a = a,
        .b = b,
    };
    sim_record(c->config.world, &record);
}

static uint64_t due_ns(struct sim_client *c, uint64_t run)
{
    return c->start_ns + c->config.arrival(c->config.arrival_self, run - 1);
}

static uint32_t workflow_of(const struct sim_client *c, uint64_t run)
{
    return sim_client_workflow(c->config.workflows, c->config.workflow_count,
                               run);
}

static void send_start(struct sim_client *c, uint64_t run)
{
    uint32_t workflow = workflow_of(c, run);
    size_t size = c->config.input_bytes;
    struct engine_message *message =
        engine_block_begin(&c->block, sizeof(*message) + size);
    if (!message) {
        c->config.world->failed = true;
        return;
    }
    memset(message + 1, (int)(run & 0xff), size);
    message->kind = ENGINE_MSG_START;
    message->from = SIM_NODE_CLIENT;
    message->to = SIM_NODE_COORDINATOR +
                  (uint32_t)((run + c->tries[run]) % c->config.coordinators);
    message->run = run;
    message->a = workflow;
    if (c->tries[run] < UINT8_MAX)
        c->tries[run]++;
    sim_net_send(c->config.world, message);
    sim_timer_at(c->config.world, SIM_NODE_CLIENT,
                 c->config.world->now_ns + c->config.timeout_ns, run);
}

static void arrive(struct sim_client *c)
{
    uint64_t run = c->next++;
    c->states[run] = RUN_ASKED;
    note(c, ENGINE_REC_START_SENT, run, workflow_of(c, run), due_ns(c, run), 0);
    send_start(c, run);
    if (c->next <= c->config.runs)
        sim_timer_at(c->config.world, SIM_NODE_CLIENT, due_ns(c, c->next),
                     ARRIVAL);
}

static void confirm_result(struct sim_client *c,
                           const struct engine_message *message)
{
    uint64_t run = message->run;
    bool repeat = c->states[run] == RUN_ENDED;
    /* A result says more than a confirmation that got lost. */
    if (c->states[run] == RUN_ASKED)
        note(c, ENGINE_REC_START_OK, run, UINT32_MAX, 0, 0);
    c->states[run] = RUN_ENDED;
    note(c, ENGINE_REC_RESULT_SEEN, run, UINT32_MAX, message->a, repeat);
    struct engine_message ack = {
        .size = sizeof(ack),
        .kind = ENGINE_MSG_RESULT_ACK,
        .from = SIM_NODE_CLIENT,
        .to = message->from,
        .run = run,
    };
    sim_net_send(c->config.world, &ack);
}

static void message(void *self, const struct engine_message *message)
{
    struct sim_client *c = self;
    uint64_t run = message->run;
    if (run == 0 || run > c->config.runs)
        return;
    if (message->kind == ENGINE_MSG_STARTED && c->states[run] == RUN_ASKED) {
        c->states[run] = RUN_STARTED;
        note(c, ENGINE_REC_START_OK, run, UINT32_MAX, 0, 0);
    } else if (message->kind == ENGINE_MSG_RESULT) {
        confirm_result(c, message);
    } else if (message->kind == ENGINE_MSG_REFUSED &&
               c->states[run] == RUN_ASKED) {
        c->states[run] = RUN_REFUSED;
        note(c, ENGINE_REC_START_REFUSED, run, UINT32_MAX, 0, 0);
    }
    /* BUSY: the timer asks the next coordinator. */
}

static void timer(void *self, uint64_t arg)
{
    struct sim_client *c = self;
    if (arg == ARRIVAL)
        arrive(c);
    else if (c->states[arg] == RUN_ASKED)
        send_start(c, arg);
}

static void start(void *self)
{
    struct sim_client *c = self;
    if (c->next <= c->config.runs)
        sim_timer_at(c->config.world, SIM_NODE_CLIENT, due_ns(c, c->next),
                     ARRIVAL);
}

static const struct sim_actor_ops ops = {
    .message = message,
    .timer = timer,
    .start = start,
};

struct sim_client *sim_client_new(const struct sim_client_config *config,
                                  const struct sim_clock *clock)
{
    struct sim_client *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->config = *config;
    c->start_ns = config->world->now_ns;
    c->next = 1;
    engine_block_init(&c->block);
    c->states = calloc(config->runs + 1, 1);
    c->tries = calloc(config->runs + 1, 1);
    if (!c->states || !c->tries) {
        sim_client_free(c);
        return NULL;
    }
    sim_node_set(config->world, SIM_NODE_CLIENT, &ops, c, clock, UINT64_MAX);
    return c;
}

void sim_client_free(struct sim_client *c)
{
    if (!c)
        return;
    engine_block_free(&c->block);
    free(c->states);
    free(c->tries);
    free(c);
}
