/*
 * What may be done to an operation in which state: every type, action, state
 * and value, held against the rules as they are written down for the API.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lambda_bed.h"

#define SECOND LAMBDA_BED_SECOND

enum type {
    EXECUTION,
    CONTEXT,
    STEP,
    WAIT,
    CALLBACK,
    INVOKE,
    TYPES
};

enum action {
    START,
    SUCCEED,
    FAIL,
    RETRY,
    CANCEL,
    ACTIONS
};

enum state {
    NONE,
    STARTED,
    PENDING,
    READY,
    SUCCEEDED,
    FAILED,
    CANCELLED,
    TIMED_OUT,
    STATES
};

enum value {
    NOTHING,
    PAYLOAD,
    ERROR,
    BOTH,
    VALUES
};

static const char *const types[] = {"EXECUTION", "CONTEXT",  "STEP",
                                    "WAIT",      "CALLBACK", "CHAINED_INVOKE"};
static const char *const actions[] = {"START", "SUCCEED", "FAIL", "RETRY",
                                      "CANCEL"};

/* An update of operation "x". */
static void write_update(char *out, size_t room, enum type type,
                         enum action action, enum value value,
                         const char *options)
{
    static const char *const values[] = {
        "", ",\"Payload\":\"1\"", ",\"Error\":{\"ErrorMessage\":\"no\"}",
        ",\"Payload\":\"1\",\"Error\":{\"ErrorMessage\":\"no\"}"};
    static const char *const starts[] = {
        [EXECUTION] = "",
        [CONTEXT] = "",
        [STEP] = "",
        [WAIT] = ",\"WaitOptions\":{\"WaitSeconds\":5}",
        [CALLBACK] = ",\"CallbackOptions\":{\"TimeoutSeconds\":5}",
        [INVOKE] = ",\"ChainedInvokeOptions\":{\"FunctionName\":\"plain\"}"};

    if (!options && action == START)
        options = starts[type];
    if (!options && action == RETRY)
        options = ",\"StepOptions\":{\"NextAttemptDelaySeconds\":1}";
    snprintf(
        out, room, "[{\"Id\":\"x\",\"Type\":\"%s\",\"Action\":\"%s\"%s%s}]",
        types[type], actions[action], values[value], options ? options : "");
}

/* A step on the way; the token that comes with the answer is kept. */
static int go(struct lambda_bed *bed, char *token, const char *updates,
              struct lambda_answered *out)
{
    static unsigned long count;
    char client[24];
    struct lambda_answered *answered;
    int status;

    snprintf(client, sizeof(client), "c%lu", ++count);
    answered =
        lambda_bed_checkpoint(bed, token[0] ? token : NULL, client, updates);
    status = answered->status;
    if (status == 200 && strstr(answered->body, "\"CheckpointToken\""))
        lambda_bed_member(answered->body, "CheckpointToken", token,
                          LAMBDA_TOKEN_SIZE);
    if (out)
        *out = *answered;
    free(answered);
    return status;
}

static void act(struct lambda_bed *bed, char *token, enum type type,
                enum action action, enum value value)
{
    char update[256];

    write_update(update, sizeof(update), type, action, value, NULL);
    cr_assert_eq(go(bed, token, update, NULL), 200, "%s", update);
}

static void answer_callback(struct lambda_bed *bed,
                            enum lambda_callback_end how)
{
    struct lambda_answered *answered = lambda_bed_call();

    lambda_call_callback(bed->service, &answered->call, bed->callback, how, "",
                         0);
    lambda_bed_turn(bed);
    cr_assert_eq(answered->status, 200, "%s", answered->body);
    free(answered);
}

/* Brings operation "x" into the state; false: it cannot be in it. */
static bool bring(struct lambda_bed *bed, char *token, enum type type,
                  enum state state)
{
    if (state == NONE)
        return true;
    if (type == EXECUTION ||
        (type == CONTEXT && (state == PENDING || state == READY)) ||
        (type > STEP && (state == PENDING || state == READY)) ||
        (type <= STEP && state >= CANCELLED) ||
        (type == WAIT && (state == FAILED || state == TIMED_OUT)) ||
        (type == CALLBACK && state == CANCELLED) ||
        (type == INVOKE && state > STARTED))
        return false;
    act(bed, token, type, START, NOTHING);
    if (state == STARTED)
        return true;
    if (type <= STEP && state == SUCCEEDED) {
        act(bed, token, type, SUCCEED, PAYLOAD);
    } else if (type <= STEP && state == FAILED) {
        act(bed, token, type, FAIL, ERROR);
    } else if (type == STEP) {
        act(bed, token, type, RETRY, ERROR);
    } else if (state == CANCELLED) {
        act(bed, token, type, CANCEL, NOTHING);
    } else if (type == CALLBACK && state == SUCCEEDED) {
        answer_callback(bed, LAMBDA_CALLBACK_SUCCEED);
    } else if (type == CALLBACK && state == FAILED) {
        answer_callback(bed, LAMBDA_CALLBACK_FAIL);
    }
    if (state == READY || state == TIMED_OUT ||
        (type == WAIT && state == SUCCEEDED))
        lambda_bed_pass(bed, 6 * SECOND);
    return true;
}

/* The rules. */

static bool fits_value(enum action action, enum value value)
{
    bool payload = value == PAYLOAD || value == BOTH;
    bool error = value == ERROR || value == BOTH;

    switch (action) {
    case FAIL:
        return !payload;
    case RETRY:
        return !(payload && error);
    default:
        return !error;
    }
}

static bool fits_type(enum type type, enum action action)
{
    switch (action) {
    case START:
        return type != EXECUTION;
    case SUCCEED:
    case FAIL:
        return type <= STEP;
    case RETRY:
        return type == STEP;
    default:
        return type == WAIT;
    }
}

static bool fits_state(enum type type, enum action action, enum state state)
{
    switch (action) {
    case START:
        return state == NONE || (type == STEP && state == READY);
    case SUCCEED:
    case FAIL:
        return state == NONE || state == STARTED ||
               (type == STEP && state == READY);
    case RETRY:
        return state == STARTED || state == READY;
    default:
        return state == STARTED;
    }
}

static void try_one(enum type type, enum action action, enum state state,
                    enum value value)
{
    struct lambda_bed bed = {0};
    struct lambda_answered answered;
    char token[LAMBDA_TOKEN_SIZE] = "";
    char update[256];
    bool fits = fits_type(type, action) && fits_state(type, action, state) &&
                fits_value(action, value);

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    if (bring(&bed, token, type, state)) {
        write_update(update, sizeof(update), type, action, value, NULL);
        (void)go(&bed, token, update, &answered);
        cr_assert_eq(answered.status, fits ? 200 : 400, "%s in state %d: %s",
                     update, state, answered.body);
        if (!fits)
            cr_assert_str_eq(answered.exception,
                             "InvalidParameterValueException", "%s: %s", update,
                             answered.body);
        if (!fits) /* nothing has come of it */
            cr_assert_eq(go(&bed, token, "[]", NULL), 200);
    }
    lambda_bed_close(&bed);
}

Test(host_lambda_refusal, an_update_is_taken_if_and_only_if_the_rules_allow_it)
{
    for (unsigned type = 0; type < TYPES; type++)
        for (unsigned action = 0; action < ACTIONS; action++)
            for (unsigned state = 0; state < STATES; state++)
                for (unsigned value = 0; value < VALUES; value++)
                    try_one(type, action, state, value);
}

/* Words ------------------------------------------------------------------- */

static void expect_words(const char *before, const char *updates,
                         const char *words)
{
    struct lambda_bed bed = {0};
    struct lambda_answered answered;
    char token[LAMBDA_TOKEN_SIZE] = "";

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    if (before)
        cr_assert_eq(go(&bed, token, before, &answered), 200, "%s: %s", before,
                     answered.body);
    cr_assert_eq(go(&bed, token, updates, &answered), 400, "%s", updates);
    cr_assert(strstr(answered.body, words), "%s: %s", updates, answered.body);
    cr_assert_eq(go(&bed, token, "[]", &answered), 200);
    cr_assert_not(strstr(answered.body, "\"Id\":\"new\""),
                  "a part of it was taken: %s", answered.body);
    lambda_bed_close(&bed);
}

#define NEW "{\"Id\":\"new\",\"Type\":\"STEP\",\"Action\":\"START\"},"
#define STEP_X(action, more)                                                   \
    "{\"Id\":\"x\",\"Type\":\"STEP\",\"Action\":\"" action "\"" more "}"

Test(host_lambda_refusal, a_refusal_says_which_rule_and_takes_nothing)
{
    static const struct {
        const char *before;
        const char *updates;
        const char *words;
    } cases[] = {
        {"[" STEP_X("SUCCEED", "") "]", "[" NEW STEP_X("SUCCEED", "") "]",
         "Invalid current STEP state to close."},
        {"[" STEP_X("START", "") "]", "[" NEW STEP_X("START", "") "]",
         "Invalid current STEP state to start."},
        {NULL,
         "[" NEW STEP_X("RETRY",
                        ",\"StepOptions\":{\"NextAttemptDelaySeconds\":1}") "]",
         "Invalid current STEP state to re-attempt."},
        {"[{\"Id\":\"x\",\"Type\":\"CONTEXT\",\"Action\":\"START\"}]",
         "[" NEW "{\"Id\":\"x\",\"Type\":\"CONTEXT\",\"Action\":\"START\"}]",
         "Cannot start a CONTEXT that already exist."},
        {NULL,
         "[" NEW "{\"Id\":\"x\",\"Type\":\"WAIT\",\"Action\":\"CANCEL\"}]",
         "Cannot cancel a WAIT that does not exist or has already completed."},
        {NULL, "[" NEW "{\"Id\":\"x\",\"Type\":\"WAIT\",\"Action\":\"FAIL\"}]",
         "Invalid WAIT action."},
        {NULL, "[" NEW STEP_X("START", "") "," STEP_X("START", "") "]",
         "Cannot checkpoint multiple operations with the same ID."},
        {NULL,
         "[" NEW STEP_X("START", "") "," STEP_X("SUCCEED", "") "," STEP_X(
             "SUCCEED", "") "]",
         "Cannot checkpoint multiple operations with the same ID."},
        {NULL, "[" NEW STEP_X("START", ",\"ParentId\":\"none\"") "]",
         "Invalid parent operation id."},
        {"[{\"Id\":\"p\",\"Type\":\"STEP\",\"Action\":\"START\"}]",
         "[" NEW STEP_X("START", ",\"ParentId\":\"p\"") "]",
         "Invalid parent operation id."},
        {"[" STEP_X("START", ",\"Name\":\"a\"") "]",
         "[" NEW STEP_X("SUCCEED", ",\"Name\":\"b\"") "]",
         "Inconsistent operation name."},
        {"[" STEP_X("START", ",\"SubType\":\"Step\"") "]",
         "[" NEW STEP_X("SUCCEED", ",\"SubType\":\"WaitForCondition\"") "]",
         "Inconsistent operation subtype."},
        {"[" STEP_X("START", "") "]",
         "[" NEW "{\"Id\":\"x\",\"Type\":\"CONTEXT\",\"Action\":\"SUCCEED\"}]",
         "Inconsistent operation type."},
        {"[{\"Id\":\"p\",\"Type\":\"CONTEXT\",\"Action\":\"START\"}," STEP_X(
             "START", "") "]",
         "[" NEW STEP_X("SUCCEED", ",\"ParentId\":\"p\"") "]",
         "Inconsistent parent operation id."},
        {NULL,
         "[{\"Id\":\"e\",\"Type\":\"EXECUTION\",\"Action\":\"SUCCEED\"}"
         "," STEP_X("START", "") "]",
         "EXECUTION checkpoint must be the last update."},
        {NULL, "[" NEW STEP_X("FAIL", ",\"Payload\":\"1\"") "]",
         "Cannot provide a Payload for FAIL action."},
        {NULL, "[" NEW STEP_X("SUCCEED", ",\"Error\":{}") "]",
         "Cannot provide an Error for SUCCEED action"},
        {"[" STEP_X("START", "") "]", "[" NEW STEP_X("RETRY", "") "]",
         "Invalid StepOptions for the given action."},
        {NULL, "[" NEW STEP_X("START", ",\"Name\":\"\\u00e4\"") "]",
         "Invalid operation name"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        expect_words(cases[i].before, cases[i].updates, cases[i].words);
}

Test(host_lambda_refusal, a_parent_may_come_earlier_in_the_batch_but_not_later)
{
    static const char parent[] =
        "{\"Id\":\"p\",\"Type\":\"CONTEXT\",\"Action\":\"START\"}";
    struct lambda_bed bed = {0};
    char token[LAMBDA_TOKEN_SIZE] = "";
    char updates[512];

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    snprintf(updates, sizeof(updates), "[%s,%s]",
             STEP_X("START", ",\"ParentId\":\"p\""), parent);
    cr_assert_eq(go(&bed, token, updates, NULL), 400);
    snprintf(updates, sizeof(updates), "[%s,%s]", parent,
             STEP_X("START", ",\"ParentId\":\"p\""));
    cr_assert_eq(go(&bed, token, updates, NULL), 200);
    lambda_bed_close(&bed);
}

Test(host_lambda_refusal, a_repeat_of_a_cancel_is_answered_as_the_first_one)
{
    static const char cancel[] =
        "[{\"Id\":\"w\",\"Type\":\"WAIT\",\"Action\":\"CANCEL\"}]";
    struct lambda_bed bed = {0};
    struct lambda_answered *first;
    struct lambda_answered *again;
    char token[LAMBDA_TOKEN_SIZE] = "";

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    cr_assert_eq(go(&bed, token,
                    "[{\"Id\":\"w\",\"Type\":\"WAIT\",\"Action\":\"START\","
                    "\"WaitOptions\":{\"WaitSeconds\":5}}]",
                    NULL),
                 200);
    first = lambda_bed_checkpoint(&bed, token, "same", cancel);
    cr_assert_eq(first->status, 200, "%s", first->body);
    again = lambda_bed_checkpoint(&bed, token, "same", cancel);
    cr_assert_str_eq(again->body, first->body);
    free(first);
    free(again);
    lambda_bed_close(&bed);
}

/* Ids whose hashes have the same low half. */
#define TWIN_1 "B4iS-YXmcWM"
#define TWIN_2 "uUmLbssOIOL"

Test(host_lambda_refusal, operations_with_ids_alike_by_half_are_kept_apart)
{
    static const char twins[] =
        "[{\"Id\":\"" TWIN_1 "\",\"Type\":\"STEP\",\"Action\":\"SUCCEED\","
        "\"Payload\":\"one\"},"
        "{\"Id\":\"" TWIN_2 "\",\"Type\":\"CONTEXT\",\"Action\":\"START\"},"
        "{\"Id\":\"c\",\"ParentId\":\"" TWIN_2 "\",\"Type\":\"STEP\","
        "\"Action\":\"SUCCEED\",\"Payload\":\"two\"}]";
    struct lambda_bed bed = {0};
    struct lambda_answered answered;
    char token[LAMBDA_TOKEN_SIZE] = "";

    cr_assert_eq(lambda_operation_id(TWIN_1, strlen(TWIN_1)).lo,
                 lambda_operation_id(TWIN_2, strlen(TWIN_2)).lo);
    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    cr_assert_eq(go(&bed, token, twins, &answered), 200, "%s", answered.body);
    lambda_invocation_lost(bed.service, bed.invocation, ENGINE_ERR_INTERRUPTED,
                           "killed");
    lambda_bed_skip_to_event(&bed, 2);
    cr_assert(strstr(bed.event, "\"Id\":\"" TWIN_1 "\",\"Type\":\"STEP\""),
              "%s", bed.event);
    cr_assert(strstr(bed.event, "\"Id\":\"" TWIN_2 "\",\"Type\":\"CONTEXT\""),
              "%s", bed.event);
    cr_assert(strstr(bed.event, "\"Id\":\"c\",\"ParentId\":\"" TWIN_2 "\""),
              "%s", bed.event);
    token[0] = '\0';
    cr_assert_eq(go(&bed, token,
                    "[{\"Id\":\"" TWIN_2 "\",\"Type\":\"CONTEXT\","
                    "\"Action\":\"SUCCEED\"}]",
                    &answered),
                 200, "%s", answered.body);
    cr_assert_not(strstr(answered.body, TWIN_1), "%s", answered.body);
    lambda_bed_close(&bed);
}
