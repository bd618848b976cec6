#include "scenarios/lambda/cases.h"

#include <stdlib.h>
#include <string.h>

#include "engine/store.h"

static int add(struct lambda_cases *cases, const struct lambda_case *one)
{
    if (cases->count == cases->capacity) {
        uint32_t capacity = cases->capacity ? 2 * cases->capacity : 256;
        struct lambda_case *grown =
            realloc(cases->cases, capacity * sizeof(*grown));
        if (!grown)
            return -1;
        cases->cases = grown;
        cases->capacity = capacity;
    }
    cases->cases[cases->count++] = *one;
    return 0;
}

static bool is_chosen(const struct lambda_choice *choice,
                      enum lambda_fault fault, const struct lambda_point *at)
{
    char label[LAMBDA_LABEL_SIZE];

    return choice->faults[fault] && lambda_fault_fits(fault, at) &&
           (!choice->only ||
            strcmp(choice->only, lambda_point_write(at, label)) == 0);
}

/* One for each size. */
static int add_sizes(struct lambda_cases *cases,
                     const struct lambda_choice *choice, struct lambda_case one)
{
    uint32_t sizes[LAMBDA_SIZES_MAX];
    uint32_t count = lambda_fault_sizes(one.fault, &one.at, sizes);

    if (choice->times) {
        one.times = choice->times;
        return add(cases, &one);
    }
    for (uint32_t i = 0; i < count; i++) {
        one.times = sizes[i];
        if (add(cases, &one))
            return -1;
    }
    return 0;
}

int lambda_cases_add(struct lambda_cases *cases,
                     const struct lambda_choice *choice,
                     const struct lambda_plan *plan, uint32_t page_items)
{
    for (uint32_t i = 0; i < plan->point_count; i++)
        for (unsigned f = 1; f < LAMBDA_FAULT_COUNT; f++) {
            const struct lambda_case one = {.fault = (enum lambda_fault)f,
                                            .at = plan->points[i],
                                            .page_items = page_items};
            if (is_chosen(choice, one.fault, &one.at) &&
                add_sizes(cases, choice, one))
                return -1;
        }
    return 0;
}

int lambda_cases_add_whole(struct lambda_cases *cases,
                           const struct lambda_choice *choice,
                           const struct lambda_plan *plan)
{
    for (unsigned f = 1; f < LAMBDA_FAULT_COUNT; f++) {
        const struct lambda_case one = {.fault = (enum lambda_fault)f,
                                        .at = {.place = LAMBDA_AT_RUN}};
        if (is_chosen(choice, one.fault, &one.at) &&
            lambda_plan_fits(plan, one.fault) && add_sizes(cases, choice, one))
            return -1;
    }
    return 0;
}

static bool can_pair(const struct lambda_case *one)
{
    return !lambda_fault_whole(one->fault) && one->page_items == 0;
}

static bool same_place(const struct lambda_point *a,
                       const struct lambda_point *b)
{
    return a->place == b->place && a->after == b->after &&
           a->occurrence == b->occurrence &&
           strcmp(a->operation, b->operation) == 0 &&
           strcmp(a->action, b->action) == 0;
}

/* One of two cases; false: they do not go together. */
static bool pair(const struct lambda_cases *cases, uint32_t a, uint32_t b,
                 struct lambda_case *out)
{
    const struct lambda_case *second = &cases->cases[a < b ? b : a];

    *out = cases->cases[a < b ? a : b];
    out->also = (struct lambda_strike){
        .fault = second->fault, .at = second->at, .times = second->times};
    return can_pair(out) && can_pair(second) &&
           !same_place(&out->at, &second->at);
}

int lambda_cases_add_pairs(struct lambda_cases *cases, uint32_t count,
                           uint64_t seed)
{
    const uint32_t singles = cases->count;
    uint32_t made = 0;

    for (uint64_t draw = 0; singles > 1 && made < count && draw < 64 * count;
         draw++) {
        const struct engine_hash drawn = engine_hash_bytes(
            &(const uint64_t[]){seed, draw}, 2 * sizeof(uint64_t));
        struct lambda_case one;
        if (!pair(cases, (uint32_t)(drawn.lo % singles),
                  (uint32_t)(drawn.hi % singles), &one))
            continue;
        if (add(cases, &one))
            return -1;
        made++;
    }
    return 0;
}

void lambda_cases_free(struct lambda_cases *cases)
{
    free(cases->cases);
    *cases = (struct lambda_cases){0};
}
