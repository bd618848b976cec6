#include "engine/failure.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    UNDECLARED = 0
};

static enum engine_verdict verdict(enum engine_error error, int effect,
                                   bool sent)
{
    return engine_failure_retryable(error, (enum engine_side_effect)effect,
                                    sent);
}

Test(engine_failure, every_class_has_a_code_of_its_own_and_a_meaning)
{
    for (unsigned i = 0; i < ENGINE_ERR_COUNT; i++) {
        const struct engine_failure *row = engine_failure_of(i);
        cr_assert(row->code && row->code[0]);
        cr_assert(row->meaning && row->meaning[0]);
        cr_assert_lt(row->retryable, ENGINE_RETRYABILITY_COUNT);
        cr_assert_eq(engine_failure_find(row->code), (enum engine_error)i);
    }
    cr_assert_eq(engine_failure_find("SIZE"), ENGINE_ERR_COUNT);
    cr_assert_eq(engine_failure_of(9999),
                 engine_failure_of(ENGINE_ERR_UNKNOWN));
}

Test(engine_failure, limits_validation_and_throttling_are_no_no_and_yes)
{
    cr_assert_eq(engine_failure_of(ENGINE_ERR_SIZE_LIMIT)->retryable,
                 ENGINE_RETRYABLE_NO);
    cr_assert_eq(engine_failure_of(ENGINE_ERR_VALIDATION)->retryable,
                 ENGINE_RETRYABLE_NO);
    cr_assert_eq(engine_failure_of(ENGINE_ERR_THROTTLED)->retryable,
                 ENGINE_RETRYABLE_AFTER);
}

/* What the taxonomy says, as three columns for each error. */
static const struct {
    enum engine_error error;
    enum engine_verdict safe;         /* read_only, idempotent, reversible */
    enum engine_verdict irreversible; /* begun */
    enum engine_verdict undeclared;   /* begun */
    enum engine_verdict unsent;       /* any class, surely not begun */
} table[] = {
#define FINAL ENGINE_VERDICT_FINAL
#define RETRY ENGINE_VERDICT_RETRY
#define OPEN ENGINE_VERDICT_AMBIGUOUS
    {ENGINE_ERR_NONE, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_USER, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_TIMED_OUT, RETRY, OPEN, FINAL, RETRY},
    {ENGINE_ERR_INTERRUPTED, RETRY, OPEN, FINAL, RETRY},
    {ENGINE_ERR_AMBIGUOUS, OPEN, OPEN, OPEN, OPEN},
    {ENGINE_ERR_OOM, RETRY, OPEN, FINAL, RETRY},
    {ENGINE_ERR_SIZE_LIMIT, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_UNKNOWN, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_VALIDATION, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_THROTTLED, RETRY, RETRY, RETRY, RETRY},
    {ENGINE_ERR_NETWORK, RETRY, OPEN, FINAL, RETRY},
    {ENGINE_ERR_PLATFORM_START, RETRY, RETRY, RETRY, RETRY},
    {ENGINE_ERR_AUTH_EXPIRED, RETRY, RETRY, RETRY, RETRY},
    {ENGINE_ERR_NONDETERMINISTIC, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_SERIALIZATION, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_INTEGRITY, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_STORAGE, RETRY, OPEN, FINAL, RETRY},
    {ENGINE_ERR_STORAGE_FULL, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_CONTRACT, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_CANCELLED, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_STOPPED, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_STALE_TOKEN, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_ORPHAN, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_NOT_OWNER, FINAL, FINAL, FINAL, FINAL},
    {ENGINE_ERR_PENDING, FINAL, FINAL, FINAL, FINAL},
#undef FINAL
#undef RETRY
#undef OPEN
};

Test(engine_failure, each_class_is_decided_as_the_taxonomy_says)
{
    cr_assert_eq(sizeof(table) / sizeof(*table), ENGINE_ERR_COUNT);
    for (unsigned i = 0; i < ENGINE_ERR_COUNT; i++) {
        const char *code = engine_failure_of(table[i].error)->code;
        cr_assert_eq(table[i].error, (enum engine_error)i);
        for (int effect = UNDECLARED; effect <= ENGINE_EFFECT_IRREVERSIBLE;
             effect++) {
            enum engine_verdict begun =
                effect == UNDECLARED                   ? table[i].undeclared
                : effect == ENGINE_EFFECT_IRREVERSIBLE ? table[i].irreversible
                                                       : table[i].safe;
            cr_assert_eq(verdict(table[i].error, effect, true), begun,
                         "%s %d begun", code, effect);
            cr_assert_eq(verdict(table[i].error, effect, false),
                         table[i].unsent, "%s %d unsent", code, effect);
        }
    }
}

Test(engine_failure, what_is_printed_is_what_is_decided)
{
    for (unsigned i = 0; i < ENGINE_ERR_COUNT; i++) {
        bool same = table[i].safe == table[i].irreversible &&
                    table[i].safe == table[i].undeclared;
        switch (engine_failure_of(i)->retryable) {
        case ENGINE_RETRYABLE_YES:
        case ENGINE_RETRYABLE_AFTER:
            cr_assert(same && table[i].safe == ENGINE_VERDICT_RETRY);
            break;
        case ENGINE_RETRYABLE_BY_CLASS:
            cr_assert_not(same);
            break;
        case ENGINE_RETRYABLE_LIMITED:
            cr_assert_eq(table[i].safe, ENGINE_VERDICT_RETRY);
            cr_assert(engine_failure_policy((enum engine_error)i));
            break;
        case ENGINE_RETRYABLE_OPERATOR:
            cr_assert(same && table[i].safe == ENGINE_VERDICT_AMBIGUOUS);
            break;
        default:
            cr_assert(same && table[i].safe == ENGINE_VERDICT_FINAL);
        }
    }
}

Test(engine_failure, what_may_have_happened_is_never_repeated_blindly)
{
    for (unsigned i = 0; i < ENGINE_ERR_COUNT; i++) {
        enum engine_error error = (enum engine_error)i;
        bool before = error == ENGINE_ERR_THROTTLED ||
                      error == ENGINE_ERR_PLATFORM_START ||
                      error == ENGINE_ERR_AUTH_EXPIRED;
        if (verdict(error, ENGINE_EFFECT_IRREVERSIBLE, true) ==
            ENGINE_VERDICT_RETRY)
            cr_assert(before, "%s", engine_failure_of(i)->code);
    }
}

Test(engine_failure, classes_with_a_policy_of_their_own_have_the_right_one)
{
    const struct engine_retry *retry =
        engine_failure_policy(ENGINE_ERR_THROTTLED);
    cr_assert_eq(retry->attempts_max, 6);
    cr_assert_eq(retry->delay_ns, 100000000);
    cr_assert_eq(retry->factor_milli, 2000);
    cr_assert_eq(retry->delay_max_ns, 10000000000);
    retry = engine_failure_policy(ENGINE_ERR_OOM);
    cr_assert_eq(retry->attempts_max, 3);
    cr_assert_eq(retry->delay_ns, 1000000000);
    cr_assert_eq(retry->delay_max_ns, 60000000000);
    cr_assert_eq(engine_failure_policy(ENGINE_ERR_AUTH_EXPIRED)->attempts_max,
                 2);
    cr_assert_null(engine_failure_policy(ENGINE_ERR_TIMED_OUT));
    cr_assert_null(engine_failure_policy(ENGINE_ERR_COUNT));
}

Test(engine_failure, a_wait_that_the_target_asks_for_is_honoured)
{
    cr_assert_eq(engine_failure_delay(100, 3000), 3000);
    cr_assert_eq(engine_failure_delay(5000, 3000), 5000);
    cr_assert_eq(engine_failure_delay(100, 0), 100);
}

/* Characters of n bytes each, and one less of what fits. */
static void cut_of(const char *character, size_t count)
{
    static char text[8192];
    size_t width = strlen(character);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < width; j++)
            text[i * width + j] = character[j];
    size_t kept =
        engine_failure_cut(text, count * width, ENGINE_ERROR_TEXT_MAX);
    size_t want = count < ENGINE_ERROR_TEXT_MAX ? count : ENGINE_ERROR_TEXT_MAX;
    cr_assert_eq(kept, want * width, "%s x %zu: %zu", character, count, kept);
}

Test(engine_failure, words_are_cut_after_1000_characters_not_bytes)
{
    static const char *const characters[] = {"a", "ä", "€", "😀"};
    for (size_t i = 0; i < 4; i++) {
        cut_of(characters[i], 0);
        cut_of(characters[i], 999);
        cut_of(characters[i], 1000);
        cut_of(characters[i], 1001);
        cut_of(characters[i], 1500);
    }
}

Test(engine_failure, a_cut_never_leaves_part_of_a_character)
{
    const char *text = "aä€😀b";
    static const size_t ends[] = {0, 1, 3, 6, 10, 11, 11};
    for (size_t n = 0; n < 7; n++)
        cr_assert_eq(engine_failure_cut(text, 11, n), ends[n]);
}

Test(engine_failure, bytes_that_are_not_utf8_count_one_each)
{
    cr_assert_eq(engine_failure_cut("\xff\xff\xff", 3, 2), 2);
    cr_assert_eq(engine_failure_cut("\xe2\x82", 2, 1), 1);
    cr_assert_eq(engine_failure_cut("\xc3"
                                    "a",
                                    2, 1),
                 1);
    cr_assert_eq(engine_failure_cut(NULL, 0, 5), 0);
}
