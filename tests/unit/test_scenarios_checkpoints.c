#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/checkpoints.h"

/* A stream of `count` records; the one at `odd` is another. */
static struct checkpoints stream(uint64_t count, uint64_t odd, size_t split)
{
    struct checkpoints points;
    struct engine_record *records = calloc(count + 1, sizeof(*records));
    cr_assert(records);
    for (uint64_t i = 0; i < count; i++)
        records[i] = (struct engine_record){.time_ns = i, .a = i == odd};
    checkpoints_init(&points);
    for (uint64_t at = 0; at < count; at += split)
        checkpoints_add(&points, &records[at],
                        count - at < split ? count - at : split);
    free(records);
    return points;
}

Test(scenarios_checkpoints, splitting_a_stream_changes_nothing)
{
    struct checkpoints whole = stream(10000, UINT64_MAX, 10000);
    for (size_t split = 1; split < 300; split += 97) {
        struct checkpoints parts = stream(10000, UINT64_MAX, split);
        cr_expect_eq(memcmp(&whole, &parts, sizeof(whole)), 0);
    }
    cr_expect_leq(whole.count, CHECKPOINTS_MAX);
    cr_expect_gt(whole.count, CHECKPOINTS_MAX / 2 - 1);
}

/* Each is the digest of the records in front of it. */
Test(scenarios_checkpoints, each_digest_is_that_of_so_many_records)
{
    struct checkpoints whole = stream(9000, UINT64_MAX, 9000);
    for (uint32_t i = 0; i < whole.count; i++) {
        struct checkpoints part =
            stream((i + 1) * whole.step, UINT64_MAX, 1000);
        cr_expect(engine_hash_equal(whole.at[i], part.digest.hash));
    }
}

Test(scenarios_checkpoints, a_difference_lies_in_the_block_that_is_named)
{
    struct checkpoints one = stream(9000, UINT64_MAX, 9000);
    for (uint64_t odd = 0; odd < 9000; odd += 311) {
        struct checkpoints two = stream(9000, odd, 9000);
        uint64_t end, common = checkpoints_common(&one, &two, &end);
        cr_expect_leq(common, odd);
        cr_expect_gt(end, odd);
        cr_expect_leq(end - common, 2 * one.step);
    }
}

Test(scenarios_checkpoints, runs_of_different_lengths_are_compared)
{
    struct checkpoints longer = stream(90000, UINT64_MAX, 90000);
    struct checkpoints shorter = stream(700, UINT64_MAX, 700);
    struct checkpoints other = stream(700, 3, 700);
    uint64_t end, common = checkpoints_common(&longer, &shorter, &end);
    cr_expect_eq(end, 701, "the shorter one has ended there");
    cr_expect_leq(common, 700);
    common = checkpoints_common(&other, &longer, &end);
    cr_expect_leq(common, 3);
    cr_expect_gt(end, 3);
}

Test(scenarios_checkpoints, equal_runs_have_all_in_common)
{
    struct checkpoints one = stream(700, UINT64_MAX, 700);
    uint64_t end;
    cr_expect_eq(checkpoints_common(&one, &one, &end), 700);
    cr_expect_eq(end, UINT64_MAX);
}
