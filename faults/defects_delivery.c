#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_DELIVERY_FIRST]

const struct fault_defect fault_defects_delivery[] = {
    ROW(ACK_EARLY) =
        {"ack_early", "sidekiq/sidekiq#6829",
         "The store answers before the commit, so a crash takes back what it "
         "acknowledged.",
         SCENARIO("ack_early"), "S1"},
    ROW(DEDUP_TTL_SHORT) =
        {"dedup_ttl_short", "Beldi, OSDI 2020, garbage collection",
         "The receiver forgets keys sooner than a retry can come.",
         SCENARIO("dedup_ttl_short"), "S5"},
    ROW(START_ACK_EARLY) =
        {"start_ack_early", "sidekiq/sidekiq#4633",
         "A client is told of a run that the death of its coordinator undoes.",
         SCENARIO("start_ack_early"), "S6"},
    ROW(RESULT_ACK_UNSEEN) =
        {"result_ack_unseen", "D08, outbox of a resumable-workflow engine",
         "The result of a run is lost with the message that carried it.",
         SCENARIO("result_ack_unseen"), "S6"},
    ROW(NOTIFY_ONLY_FRESH) = {"notify_only_fresh", "restatedev/restate#1651",
                              "The client never hears of runs that ended just "
                              "before their owner died.",
                              SCENARIO("notify_only_fresh"), "L2"},
    ROW(MESSAGE_ID_SALTED) =
        {"message_id_salted", "D06, outbox of a resumable-workflow engine",
         "Receivers take the copy of a message for another one.",
         SCENARIO("message_id_salted"), "S19"},
    ROW(DEDUP_BY_NAME) =
        {"dedup_by_name", "Azure/azure-functions-durable-extension#926",
         "The second message of a run is dropped as a copy of its first.",
         SCENARIO("dedup_by_name"), "S19"},
    ROW(INBOX_NO_DEDUP) = {"inbox_no_dedup",
                           "D07, inbox of a resumable-workflow engine",
                           "A signal that arrives twice is heard twice.",
                           SCENARIO("inbox_no_dedup"), "S16"},
    ROW(RESUB_MISSING) = {"resub_missing", "celery/celery#8030",
                          "Workers look alive and take nothing any more.",
                          SCENARIO("resub_missing"), "L6"},
    ROW(VALIDATE_REJECT_LOOP) =
        {"validate_reject_loop", "kubernetes/kubernetes#125410",
         "A run whose history is full asks for the same row for ever.",
         SCENARIO("validate_reject_loop"), "L4"},
    ROW(START_REPLACES) = {"start_replaces",
                           "Temporal, fault injection of execute-and-timeout",
                           "A repeated start wipes out what the run has done.",
                           SCENARIO("start_replaces"), "S2"},
    ROW(DISPATCH_ONCE) = {"dispatch_once",
                          "D08, outbox of a resumable-workflow engine",
                          "Work whose message is lost is never begun.",
                          SCENARIO("dispatch_once"), "L1"},
    ROW(ACCEPTED_TRUSTED) =
        {"accepted_trusted", "D75, task queue of a workflow runner",
         "Work that was accepted and lost is never looked for.",
         SCENARIO("accepted_trusted"), "L1"},
    ROW(SIGNAL_NO_WAKE) = {"signal_no_wake", "restatedev/restate#1651",
                           "A run sleeps on over the answer it waits for.",
                           SCENARIO("signal_no_wake"), "S16"},
    ROW(RELEASE_OVER_UNSEEN) =
        {"release_over_unseen", "restatedev/restate#1651",
         "A signal that comes while its run is put to sleep is overlooked.",
         SCENARIO("release_over_unseen"), "S16"},
    ROW(OUTBOX_ORDER) =
        {"outbox_order", "D72, inbox of a resumable-workflow engine",
         "Messages of a run overtake one another after an error.",
         SCENARIO("outbox_order"), "S19"},
    ROW(COURIER_GIVES_UP) =
        {"courier_gives_up", "D08, outbox of a resumable-workflow engine",
         "Runs wait for messages that were sent once and lost.",
         SCENARIO("courier_gives_up"), "S19"},
    ROW(KEY_PER_ATTEMPT) =
        {"key_per_attempt", "D06, outbox of a resumable-workflow engine",
         "The receiver cannot tell a repetition from another request.",
         SCENARIO("key_per_attempt"), "S5"},
    ROW(DISPATCH_REPEAT_BEGINS) =
        {"dispatch_repeat_begins", "D66, task queue of a workflow runner",
         "An attempt runs twice beside itself on one worker.",
         SCENARIO("dispatch_repeat_begins"), "S5"},
    ROW(CHILD_ID_FRESH) =
        {"child_id_fresh", "Temporal, fault injection of execute-and-timeout",
         "An invocation that is sent again makes another run.",
         SCENARIO("child_id_fresh"), "S18"},
    ROW(DEDUP_EPOCH_LEX) = {"dedup_epoch_lex", "restatedev/restate#4566",
                            "A signal that was acknowledged is dropped when "
                            "the run changes hands.",
                            SCENARIO("dedup_epoch_lex"), "S16"},
    ROW(CANCEL_HEARD_ONLY) =
        {"cancel_heard_only", "dbos-inc/dbos-transact-py#767",
         "A cancel is acknowledged, and the run goes on to its end.",
         SCENARIO("cancel_heard_only"), "S21"},
};

_Static_assert(sizeof(fault_defects_delivery) /
                       sizeof(fault_defects_delivery[0]) ==
                   ENGINE_DEFECTS_DELIVERY_COUNT,
               "each defect has its row");
