#include "scenarios/freedom.h"

#include "reports/check.h"

/* Whether an attempt fails is not the same for all of them, and counts. */
static bool by_chance(const struct sim_step *step)
{
    return step->fail_ppb > 0 ||
           (step->fail_first > 0 && !step->fail_retryable);
}

static bool first_decide(const struct engine_program_node *node)
{
    /* Whose message comes first, if there are several senders. */
    if (node->kind == ENGINE_PROGRAM_RECEIVE)
        return true;
    if (node->kind != ENGINE_PROGRAM_MAP &&
        node->kind != ENGINE_PROGRAM_PARALLEL)
        return false;
    return node->mode == ENGINE_PROGRAM_RACE ||
           node->mode == ENGINE_PROGRAM_ANY ||
           node->batch.completion.min_successful > 0;
}

/* Blocks are not inside themselves, so this ends. */
static bool is_choice(const struct engine_program_block *block)
{
    uint32_t count = engine_graph_count(engine_program_graph(block));
    bool found = false;
    for (uint32_t i = 0; i < count && !found; i++) {
        const struct engine_program_node *node = engine_program_node(block, i);
        found = first_decide(node);
        for (uint32_t b = 0; b < node->branch_count && !found; b++)
            found = is_choice(node->branches[b].block);
    }
    return found;
}

uint8_t scenario_freedom(const struct scenario_workflow *workflow)
{
    uint8_t freedom = 0;
    for (uint32_t i = 0; i < scenario_step_count(workflow); i++)
        if (by_chance(&workflow->steps[i]))
            freedom |= CHECK_FREE_CHANCE;
    if (workflow->program && is_choice(engine_program_root(workflow->program)))
        freedom |= CHECK_FREE_CHOICE;
    return freedom;
}
