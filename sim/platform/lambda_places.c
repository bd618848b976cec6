#include "sim/platform/lambda_places.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NONE SIM_MODEL_NONE

enum {
    FIRST_CAPACITY = 64
};

static void lane_for(struct sim_lambda_places *places, uint32_t function,
                     uint64_t timeout_ns)
{
    uint32_t i = 0;
    while (i < places->lane_count && places->lanes[i].timeout_ns != timeout_ns)
        i++;
    if (i == places->lane_count)
        places->lanes[places->lane_count++] =
            (struct sim_lambda_lane){timeout_ns, NONE, NONE};
    places->lane_of[function] = i;
}

int sim_lambda_places_init(struct sim_lambda_places *places,
                           const struct sim_lambda_function *functions,
                           uint32_t count)
{
    places->lanes = calloc(count, sizeof(*places->lanes));
    places->lane_of = calloc(count, sizeof(*places->lane_of));
    if (!places->lanes || !places->lane_of)
        return -1;
    for (uint32_t i = 0; i < count; i++)
        lane_for(places, i, functions[i].timeout_ns);
    return 0;
}

void sim_lambda_places_deinit(struct sim_lambda_places *places)
{
    sim_heap_deinit(&places->due);
    free(places->list);
    free(places->lanes);
    free(places->lane_of);
}

bool sim_lambda_places_room(struct sim_lambda_places *places, uint32_t index)
{
    uint32_t capacity = places->capacity ? places->capacity : FIRST_CAPACITY;
    if (index < places->capacity)
        return true;
    while (capacity <= index)
        capacity *= 2;
    struct sim_lambda_place *list =
        realloc(places->list, capacity * sizeof(*list));
    if (!list)
        return false;
    places->list = list;
    if (sim_heap_reserve(&places->due, capacity))
        return false;
    for (uint32_t i = places->capacity; i < capacity; i++)
        list[i] = (struct sim_lambda_place){.job = NONE, .lane = NONE};
    places->capacity = capacity;
    return true;
}

static void lane_add(struct sim_lambda_places *places, uint32_t index)
{
    struct sim_lambda_place *place = &places->list[index];
    place->lane = places->lane_of[place->demand->function];
    struct sim_lambda_lane *lane = &places->lanes[place->lane];
    assert(lane->last == NONE ||
           places->list[lane->last].deadline_ns <= place->deadline_ns);
    place->before = lane->last;
    place->after = NONE;
    if (lane->last == NONE)
        lane->first = index;
    else
        places->list[lane->last].after = index;
    lane->last = index;
}

static void lane_cut(struct sim_lambda_places *places,
                     struct sim_lambda_place *place)
{
    struct sim_lambda_lane *lane = &places->lanes[place->lane];
    if (place->before == NONE)
        lane->first = place->after;
    else
        places->list[place->before].after = place->after;
    if (place->after == NONE)
        lane->last = place->before;
    else
        places->list[place->after].before = place->before;
    place->lane = NONE;
}

/* Where the deadline is the timeout from now, it belongs into a lane. */
void sim_lambda_places_run(struct sim_lambda_places *places, uint64_t now_ns,
                           uint32_t index)
{
    struct sim_lambda_place *place = &places->list[index];
    uint32_t lane = places->lane_of[place->demand->function];
    place->state = SIM_LAMBDA_PLACE_RUNNING;
    if (place->deadline_ns == now_ns + places->lanes[lane].timeout_ns)
        lane_add(places, index);
    else
        sim_heap_set(&places->due, index, place->deadline_ns);
}

void sim_lambda_places_settle(struct sim_lambda_places *places, uint32_t index)
{
    struct sim_lambda_place *place = &places->list[index];
    if (place->lane != NONE)
        lane_cut(places, place);
    if (places->due.count > 0)
        sim_heap_cut(&places->due, index);
    place->state = SIM_LAMBDA_PLACE_IDLE;
    place->job = NONE;
}

uint64_t sim_lambda_places_next(const struct sim_lambda_places *places)
{
    uint64_t next = sim_heap_next(&places->due);
    for (uint32_t i = 0; i < places->lane_count; i++) {
        uint32_t first = places->lanes[i].first;
        if (first != NONE && places->list[first].deadline_ns < next)
            next = places->list[first].deadline_ns;
    }
    return next;
}

uint32_t sim_lambda_places_due(struct sim_lambda_places *places,
                               uint64_t now_ns)
{
    for (uint32_t i = 0; i < places->lane_count; i++) {
        uint32_t first = places->lanes[i].first;
        if (first != NONE && places->list[first].deadline_ns <= now_ns)
            return first;
    }
    return sim_heap_next(&places->due) <= now_ns ? sim_heap_pop(&places->due)
                                                 : NONE;
}

bool sim_lambda_places_explain(const struct sim_lambda_places *places,
                               uint64_t now_ns, uint32_t job, char *text,
                               size_t size)
{
    for (uint32_t i = 0; i < places->capacity; i++) {
        const struct sim_lambda_place *place = &places->list[i];
        bool booting = place->state == SIM_LAMBDA_PLACE_BOOTING;
        uint64_t at_ns = booting ? place->starts_ns : place->deadline_ns;
        if (place->state == SIM_LAMBDA_PLACE_IDLE || place->job != job)
            continue;
        snprintf(text, size, "%s environment %" PRIu32 ", %s in %" PRIu64 " ms",
                 booting ? "it waits for" : "it runs in", i,
                 booting ? "ready" : "ended by the platform",
                 (at_ns - now_ns) / 1000000);
        return true;
    }
    return false;
}
