#include <string.h>

#include "sim/platform/batch_state.h"

#define SECOND UINT64_C(1000000000)

/* A line of the bill. */
struct line {
    const char *name;
    enum sim_batch_env_kind kind;
    bool memory;
};

/* Begun seconds, at least the minimum. */
static uint64_t billed_s(const struct sim_batch *b, uint64_t from_ns,
                         uint64_t to_ns)
{
    uint64_t ns = to_ns - from_ns;
    ns = ns > b->config.billed_min_ns ? ns : b->config.billed_min_ns;
    return ns / SECOND + (ns % SECOND > 0);
}

static void meter_host(const struct sim_batch *b, uint64_t now_ns, uint32_t h,
                       uint64_t meter[SIM_BATCH_KINDS][2])
{
    const struct batch_host *host = &b->hosts[h];
    meter[b->config.envs[host->env].kind][0] +=
        billed_s(b, host->asked_ns, now_ns);
}

static void meter_task(const struct sim_batch *b, uint64_t now_ns, uint32_t t,
                       uint64_t meter[SIM_BATCH_KINDS][2])
{
    const struct batch_task *task = &b->tasks[t];
    uint64_t seconds = billed_s(b, task->placed_ns, now_ns);
    uint64_t *of = meter[b->config.envs[task->env].kind];
    of[0] += seconds * task->cpu_milli;
    of[1] += seconds * task->memory_mb;
}

void batch_meter_host(struct sim_batch *b, uint64_t now_ns, uint32_t h)
{
    meter_host(b, now_ns, h, b->meter);
}

void batch_meter_task(struct sim_batch *b, uint64_t now_ns, uint32_t t)
{
    meter_task(b, now_ns, t, b->meter);
}

/* What is closed and what is still open. */
static void meter_all(const struct sim_batch *b, uint64_t now_ns,
                      uint64_t meter[SIM_BATCH_KINDS][2])
{
    memcpy(meter, b->meter, sizeof b->meter);
    for (uint32_t h = 0; h < b->hosts_used; h++) {
        if (b->hosts[h].state != BATCH_HOST_FREE) {
            meter_host(b, now_ns, h, meter);
        }
    }
    for (uint32_t t = 0; t < b->tasks_used; t++) {
        const struct batch_task *task = &b->tasks[t];
        if ((task->state == SIM_BATCH_STARTING ||
             task->state == SIM_BATCH_RUNNING) &&
            !batch_on_ec2(b->config.envs[task->env].kind)) {
            meter_task(b, now_ns, t, meter);
        }
    }
}

/* amount / per * pico in nano-dollars, where per is small. */
static uint64_t nano_of(uint64_t amount, uint64_t per, uint64_t pico)
{
    uint64_t whole = amount / per;
    uint64_t rest = amount % per;
    return whole * (pico / 1000) +
           (whole * (pico % 1000) + rest * pico / per) / 1000;
}

/* Whether the configuration has environments of this kind. */
static bool has_kind(const struct sim_batch *b, enum sim_batch_env_kind kind)
{
    for (uint32_t e = 0; e < b->config.env_count; e++) {
        if (b->config.envs[e].kind == kind) {
            return true;
        }
    }
    return false;
}

/* What is on line i, of the kinds that there are. */
static const struct line *line_at(const struct sim_batch *b, uint32_t i)
{
    static const struct line lines[] = {
        {"EC2 instances", SIM_BATCH_EC2, false},
        {"EC2 spot instances", SIM_BATCH_EC2_SPOT, false},
        {"Fargate vCPU", SIM_BATCH_FARGATE, false},
        {"Fargate memory", SIM_BATCH_FARGATE, true},
        {"Fargate spot vCPU", SIM_BATCH_FARGATE_SPOT, false},
        {"Fargate spot memory", SIM_BATCH_FARGATE_SPOT, true},
    };
    for (size_t at = 0; at < sizeof lines / sizeof lines[0]; at++) {
        if (has_kind(b, lines[at].kind) && i-- == 0) {
            return &lines[at];
        }
    }
    return NULL;
}

bool batch_cost_line(const struct sim_batch *b, uint64_t now_ns, uint32_t i,
                     const char **name, uint64_t *nano)
{
    uint64_t meter[SIM_BATCH_KINDS][2];
    const struct line *line = line_at(b, i);
    if (line == NULL) {
        return false;
    }
    meter_all(b, now_ns, meter);
    *name = line->name;
    uint32_t spot = batch_is_spot(line->kind);
    uint64_t amount = meter[line->kind][line->memory];
    if (batch_on_ec2(line->kind)) {
        *nano = nano_of(amount, 3600, b->instance_pico[spot]);
    } else if (line->memory) {
        *nano = nano_of(amount, 3600 * 1024, b->gb_pico[spot]);
    } else {
        *nano = nano_of(amount, 3600 * 1000, b->vcpu_pico[spot]);
    }
    return true;
}
