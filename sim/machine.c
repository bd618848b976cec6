#include "sim/machine.h"

/* The argument of the wake-up; hosts use others for their own timers. */
enum {
    WAKE = 0
};

void sim_machine_init(struct sim_machine *m, struct sim_world *world,
                      uint32_t node)
{
    *m = (struct sim_machine){.world = world, .node = node};
    engine_update_init(&m->update);
    m->timer_ns = UINT64_MAX;
}

void sim_machine_deinit(struct sim_machine *m)
{
    engine_update_free(&m->update);
}

void sim_machine_restart(struct sim_machine *m)
{
    engine_update_reset(&m->update);
    m->done = 0;
    m->timer_ns = UINT64_MAX;
}

/* Carries out what is left of the update. False: not running on. */
static bool run(struct sim_machine *m)
{
    while (m->done < m->update.count) {
        const struct engine_do *action = &m->update.actions[m->done++];
        if (m->carry_out(m->self, action))
            return false;
    }
    engine_update_reset(&m->update);
    m->done = 0;
    return true;
}

static void set_timer(struct sim_machine *m)
{
    uint64_t deadline = m->deadline(m->self);
    if (deadline >= m->timer_ns)
        return;
    m->timer_ns = deadline;
    m->wake_ns = sim_timer_mono(m->world, m->node, deadline, WAKE);
}

void sim_machine_input(struct sim_machine *m, struct engine_input *input)
{
    input->mono_ns = sim_node_mono(m->world, m->node);
    input->wall_ns = sim_node_wall(m->world, m->node);
    if (m->step(m->self, input, &m->update)) {
        sim_process_crash(m->world, m->node, ENGINE_ACT_OOM);
        return;
    }
    if (run(m))
        set_timer(m);
}

bool sim_machine_asked(const struct sim_machine *m,
                       const struct engine_message *reply)
{
    return (uint32_t)reply->token == sim_node(m->world, m->node)->incarnation;
}

void sim_machine_timer(struct sim_machine *m)
{
    /* An earlier deadline has come since this event was made for a later. */
    if (m->timer_ns == UINT64_MAX || m->world->now_ns != m->wake_ns)
        return;
    m->timer_ns = UINT64_MAX;
    if (m->deadline(m->self) > sim_node_mono(m->world, m->node)) {
        set_timer(m);
        return;
    }
    struct engine_input input = {.kind = ENGINE_IN_TIME};
    sim_machine_input(m, &input);
}

void sim_machine_resume(struct sim_machine *m)
{
    m->timer_ns = UINT64_MAX;
    if (!run(m))
        return;
    struct engine_input input = {.kind = ENGINE_IN_TIME};
    sim_machine_input(m, &input);
}
