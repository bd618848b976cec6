/*
 * What the processes that run one of the engine's machines have in common:
 * the update under way, which a pause may interrupt between two actions, and
 * the one timer that wakes the machine at its next deadline.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "engine/coordinator.h"
#include "engine/update.h"
#include "sim/world.h"

struct sim_machine {
    struct sim_world *world;
    uint32_t node;
    struct engine_update update;
    uint32_t done;     /* actions of the update carried out */
    uint64_t timer_ns; /* mono: the earliest wake-up set, UINT64_MAX: none */
    uint64_t wake_ns;  /* true time of its event; others are out of date */
    /* Carries out one action. True: the process is not running on. */
    bool (*carry_out)(void *self, const struct engine_do *action);
    int (*step)(void *self, const struct engine_input *input,
                struct engine_update *update);
    uint64_t (*deadline)(void *self);
    void *self;
};

void sim_machine_init(struct sim_machine *machine, struct sim_world *world,
                      uint32_t node);
void sim_machine_deinit(struct sim_machine *machine);

/* A new incarnation: nothing is under way. */
void sim_machine_restart(struct sim_machine *machine);

/*
 * Gives the machine an input (the clocks are filled in), carries out what it
 * wants and sets the next timer. A machine without memory left dies.
 */
void sim_machine_input(struct sim_machine *machine, struct engine_input *input);

/*
 * Whether a store's reply is for this incarnation: what a dead process asked
 * for does not reach the one that took its place.
 */
bool sim_machine_asked(const struct sim_machine *machine,
                       const struct engine_message *reply);

/* The timer came: steps if the deadline is there. */
void sim_machine_timer(struct sim_machine *machine);

/* After a pause: first what was left to do, then the time. */
void sim_machine_resume(struct sim_machine *machine);

#endif
