#include "engine/update.h"

#include <criterion/criterion.h>

Test(engine_update, actions_keep_their_order_and_bytes)
{
    struct engine_update update;
    engine_update_init(&update);
    for (uint32_t n = 0; n < 200; n++)
        engine_update_add(&update, ENGINE_DO_SEND, &n, sizeof(n), "tail",
                          n % 5);
    cr_assert_eq(update.count, 200);
    for (uint32_t n = 0; n < 200; n++) {
        const struct engine_do *action = &update.actions[n];
        uint32_t head;
        const unsigned char *bytes = engine_update_bytes(&update, action);
        memcpy(&head, bytes, sizeof(head));
        cr_assert_eq(head, n);
        cr_assert_eq(action->size, sizeof(n) + n % 5);
        cr_assert_eq(action->offset % 8, 0);
        cr_assert(memcmp(bytes + sizeof(n), "tail", n % 5) == 0);
    }
    engine_update_reset(&update);
    cr_assert_eq(update.count, 0);
    cr_assert_not(update.failed);
    engine_update_free(&update);
}

Test(engine_update, padding_is_zero_after_other_bytes_were_there)
{
    struct engine_update update;
    engine_update_init(&update);
    engine_update_add(&update, ENGINE_DO_SEND, "\377\377\377\377\377\377\377",
                      8, NULL, 0);
    engine_update_reset(&update);
    engine_update_add(&update, ENGINE_DO_SEND, "a", 1, NULL, 0);
    cr_assert(memcmp(update.bytes, "a\0\0\0\0\0\0\0", 8) == 0);
    engine_update_free(&update);
}

Test(engine_update, head_and_tail_may_be_missing)
{
    struct engine_update update;
    engine_update_init(&update);
    engine_update_add(&update, ENGINE_DO_EXECUTE, NULL, 0, NULL, 0);
    engine_update_add(&update, ENGINE_DO_EXECUTE, NULL, 0, "t", 1);
    engine_update_add(&update, ENGINE_DO_EXECUTE, "h", 1, NULL, 0);
    cr_assert_eq(update.count, 3);
    cr_assert_eq(update.actions[0].size, 0);
    cr_assert_eq(update.bytes[update.actions[1].offset], 't');
    cr_assert_eq(update.bytes[update.actions[2].offset], 'h');
    engine_update_free(&update);
}
