/*
 * Handlers on the engine's test bed: what machines want done is carried out
 * at once and time goes on to the next deadline, so a test says how long it
 * wants to live and then looks. Posts can be lost, doubled or kept back by a
 * hook of the test.
 */
#ifndef HANDLER_BED_H
#define HANDLER_BED_H

#include "tests/support/engine_bed.h"

enum {
    HANDLER_BED_COORDINATOR = BED_MACHINE, /* and the one after it */
    HANDLER_BED_WORKER = BED_MACHINE + 2   /* and the one after it */
};

/* What becomes of a post that is to be carried. */
enum handler_bed_fate {
    HANDLER_BED_CARRY,
    HANDLER_BED_LOSE,
    HANDLER_BED_TWICE
};

struct handler_bed {
    struct engine_bed bed;
    uint32_t workers; /* dispatches take turns; 0: none hears of them */
    uint32_t turn;
    /* NULL: everything is carried. */
    enum handler_bed_fate (*fate)(struct handler_bed *bed,
                                  const struct engine_bed_post *post);
    /* NULL: steps that the host runs say "done". Sets the result. */
    uint32_t (*step)(struct handler_bed *bed, const struct engine_execute *what,
                     const char **result);
    void *self; /* of the two above */
    bool steps_hang;
    struct engine_execute last; /* of the steps executed */
    char last_input[64];
    uint32_t state; /* of the last RESULT heard */
    uint64_t result_run;
    struct engine_message refused; /* the last one heard */
    unsigned heard[ENGINE_MSG_COUNT];
    unsigned executed;
    unsigned abandoned;
};

/* Workflow 0 is this handler's; one coordinator and one worker. */
void handler_bed_open(struct handler_bed *bed,
                      const struct engine_handler *handler);
/* With a store of these limits. */
void handler_bed_open_within(struct handler_bed *bed,
                             const struct engine_handler *handler,
                             const struct engine_store_limits *limits);
/* Another workflow; before machines are made anew. */
void handler_bed_add(struct handler_bed *bed,
                     const struct engine_handler *handler);
void handler_bed_close(struct handler_bed *bed);
/* Machines as the configs stand now. */
void handler_bed_restart(struct handler_bed *bed);

/* Asks the coordinator for a run. */
void handler_bed_start(struct handler_bed *bed, uint32_t workflow, uint64_t run,
                       const char *input);
/* Carries what lies there until nothing does. */
void handler_bed_pump(struct handler_bed *bed);
/* Time passes, deadline by deadline. */
void handler_bed_live(struct handler_bed *bed, uint64_t ns);
/* The run's state as the store has it; 0: there is none. */
uint32_t handler_bed_state(struct handler_bed *bed, uint64_t run);
/* The story, and the result or words of the run's last event. Static text. */
const char *handler_bed_story(struct handler_bed *bed, uint64_t run, char *text,
                              size_t size);
const char *handler_bed_end(struct handler_bed *bed, uint64_t run, char *text,
                            size_t size);

#endif
