#include "scenarios/durable_bill.h"

#include <criterion/criterion.h>

#include "engine/operation.h"

#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)

static struct engine_record event(unsigned kind, unsigned type,
                                  unsigned subtype, uint32_t bytes)
{
    return (struct engine_record){
        .kind = ENGINE_REC_EVENT,
        .time_ns = 10 * SECOND,
        .detail = (uint16_t)kind,
        .state = (uint16_t)(type | subtype << 4),
        .count = bytes,
    };
}

static void add(struct durable_bill *bill, unsigned kind, unsigned type,
                unsigned subtype)
{
    struct engine_record record = event(kind, type, subtype, 0);
    durable_bill_add(bill, &record, 1);
}

Test(durable_bill, a_step_is_counted_at_its_end_and_once_for_each_retry)
{
    struct durable_bill bill = {.first_ns = 0};
    add(&bill, ENGINE_EV_OPERATION_STARTED, ENGINE_OPERATION_STEP,
        ENGINE_SUBTYPE_STEP);
    cr_expect_eq(sim_lambda_durable_operations(&bill.use), 0);
    add(&bill, ENGINE_EV_OPERATION_RETRY, ENGINE_OPERATION_STEP,
        ENGINE_SUBTYPE_STEP);
    add(&bill, ENGINE_EV_OPERATION_RETRY, ENGINE_OPERATION_STEP,
        ENGINE_SUBTYPE_STEP);
    add(&bill, ENGINE_EV_OPERATION_FAILED, ENGINE_OPERATION_STEP,
        ENGINE_SUBTYPE_STEP);
    cr_expect_eq(bill.use.steps, 1);
    cr_expect_eq(bill.use.step_retries, 2);
    cr_expect_eq(sim_lambda_durable_operations(&bill.use), 3);
}

Test(durable_bill, each_kind_of_operation_is_metered_as_itself)
{
    struct durable_bill bill = {.first_ns = 0};
    add(&bill, ENGINE_EV_OPERATION_SUCCEEDED, ENGINE_OPERATION_STEP,
        ENGINE_SUBTYPE_WAIT_FOR_CONDITION);
    add(&bill, ENGINE_EV_OPERATION_RETRY, ENGINE_OPERATION_STEP,
        ENGINE_SUBTYPE_WAIT_FOR_CONDITION);
    add(&bill, ENGINE_EV_OPERATION_STARTED, ENGINE_OPERATION_WAIT,
        ENGINE_SUBTYPE_WAIT);
    add(&bill, ENGINE_EV_OPERATION_STARTED, ENGINE_OPERATION_CALLBACK,
        ENGINE_SUBTYPE_CALLBACK);
    add(&bill, ENGINE_EV_OPERATION_STARTED, ENGINE_OPERATION_INVOKE,
        ENGINE_SUBTYPE_CHAINED_INVOKE);
    add(&bill, ENGINE_EV_OPERATION_SUCCEEDED, ENGINE_OPERATION_CONTEXT,
        ENGINE_SUBTYPE_MAP);
    add(&bill, ENGINE_EV_OPERATION_SUCCEEDED, ENGINE_OPERATION_CONTEXT,
        ENGINE_SUBTYPE_MAP_ITERATION);
    add(&bill, ENGINE_EV_OPERATION_SUCCEEDED, ENGINE_OPERATION_CONTEXT,
        ENGINE_SUBTYPE_RUN_IN_CHILD_CONTEXT);
    add(&bill, ENGINE_EV_OP_SCHEDULED, ENGINE_OPERATION_STEP,
        ENGINE_SUBTYPE_STEP);
    cr_expect_eq(bill.use.conditions, 1);
    cr_expect_eq(bill.use.polls, 1);
    cr_expect_eq(bill.use.waits, 1);
    cr_expect_eq(bill.use.callbacks, 1);
    cr_expect_eq(bill.use.invokes, 1);
    cr_expect_eq(bill.use.fans, 1);
    cr_expect_eq(bill.use.branches, 1);
    cr_expect_eq(sim_lambda_durable_operations(&bill.use), 9,
                 "a callback is three");
}

Test(durable_bill, what_is_written_is_kept_until_the_end)
{
    struct durable_bill bill = {.first_ns = 0};
    struct engine_record record =
        event(ENGINE_EV_OPERATION_SUCCEEDED, ENGINE_OPERATION_STEP,
              ENGINE_SUBTYPE_STEP, 1000);
    durable_bill_add(&bill, &record, 1);
    record.time_ns += 2 * HOUR;
    record.count = 3000;
    durable_bill_add(&bill, &record, 1);
    struct sim_lambda_durable_use use =
        durable_bill_use(&bill, record.time_ns + 2 * HOUR);
    cr_expect_eq(sim_lambda_durable_written(&use), 4000);
    cr_expect_eq(use.retained_ns, 4 * HOUR);
    cr_expect_eq(use.retained_bytes, 2500, "1000 and 4000, half of it each");
}

Test(durable_bill, a_callbacks_payload_is_written_twice)
{
    struct durable_bill bill = {.first_ns = 0};
    struct engine_record record =
        event(ENGINE_EV_OPERATION_SUCCEEDED, ENGINE_OPERATION_CALLBACK,
              ENGINE_SUBTYPE_CALLBACK, 500);
    durable_bill_add(&bill, &record, 1);
    cr_expect_eq(sim_lambda_durable_written(&bill.use), 1000);
}
