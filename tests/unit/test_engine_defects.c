#include <criterion/criterion.h>
#include <string.h>

#include "engine/defects.h"

Test(engine_defects, every_defect_has_a_name_and_says_what_it_stands_for)
{
    for (unsigned i = 0; i < ENGINE_DEFECT_COUNT; i++) {
        const struct engine_point *point = &engine_defect_table[i];

        cr_expect_eq(strncmp(point->name, "defect/", 7), 0, "%u", i);
        cr_expect_gt(strlen(point->simulates), 20, "%s", point->name);
        for (unsigned k = 0; k < i; k++)
            cr_expect_str_neq(point->name, engine_defect_table[k].name);
    }
    cr_expect_str_eq(engine_defect_table[ENGINE_DEFECT_SYNC_OFF].name,
                     "defect/sync_off");
}

static bool count_asks(void *self, const struct engine_site *site,
                       struct engine_decision *decision)
{
    unsigned *asks = self;

    (*asks)++;
    decision->action = ENGINE_ACT_DEFECT;
    return site->point == 7 + ENGINE_DEFECT_RETRY_ALL && site->node == 3;
}

Test(engine_defects, only_an_armed_defect_is_asked_about)
{
    uint8_t armed[7 + ENGINE_DEFECT_COUNT] = {0};
    unsigned asks = 0;
    struct engine_points points = {armed, count_asks, &asks};
    struct engine_defects defects = {&points, 7, 3};
    struct engine_defects none = {NULL, 0, 0};

    cr_expect(!engine_defect(&none, ENGINE_DEFECT_RETRY_ALL));
    cr_expect(!engine_defect(&defects, ENGINE_DEFECT_RETRY_ALL));
    cr_expect_eq(asks, 0);
    armed[7 + ENGINE_DEFECT_RETRY_ALL] = 1;
    cr_expect(engine_defect(&defects, ENGINE_DEFECT_RETRY_ALL));
    cr_expect(!engine_defect(&defects, ENGINE_DEFECT_SYNC_OFF));
    cr_expect_eq(asks, 1);
}
