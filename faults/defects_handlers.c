#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_HANDLERS_FIRST]

const struct fault_defect fault_defects_handlers[] = {
    ROW(TOKEN_REUSE) =
        {"token_reuse", "aws/aws-durable-execution-sdk-python#721",
         "A checkpoint whose answer was lost is sent again and applied again.",
         SCENARIO("token_reuse"), "S12"},
    ROW(REPLAY_USES_NOW) =
        {"replay_uses_now", "cadence-workflow/cadence-go-client#525",
         "Whoever takes a run over counts its time from when the log was read.",
         SCENARIO("replay_uses_now"), "S7"},
    ROW(AMO_RERUN) = {"amo_rerun", "D29, durable-execution SDK",
                      "A step that may run once an attempt runs twice in one.",
                      SCENARIO("amo_rerun"), "S5"},
    ROW(AMO_NOT_INTERRUPTED) =
        {"amo_not_interrupted", "aws/aws-durable-execution-sdk-java#394",
         "The step stays under way though nobody runs it.",
         SCENARIO("amo_not_interrupted"), "S12"},
    ROW(PAGE_SKIPS) =
        {"page_skips", "D78, durable-execution SDK",
         "A replay does not find what is done, and does it again.",
         SCENARIO("page_skips"), "S4"},
    ROW(REPLAY_RERUNS_DONE) = {"replay_reruns_done",
                               "D27, durable-execution SDK",
                               "Steps that are done are run again.",
                               SCENARIO("replay_reruns_done"), "S4"},
    ROW(PENDING_IDLE) = {"pending_idle", "D39, durable-execution SDK",
                         "The run is parked and nothing will ever wake it.",
                         SCENARIO("pending_idle"), "S12"},
    ROW(CALLBACK_TWICE) =
        {"callback_twice", "D34, durable-execution SDK",
         "What the handler was given is not what is recorded.",
         SCENARIO("callback_twice"), "S12"},
    ROW(HEARTBEAT_EXTENDS) = {"heartbeat_extends", "D33, durable-execution SDK",
                              "A callback that nobody answers never times out.",
                              SCENARIO("heartbeat_extends"), "L5"},
    ROW(HEARTBEAT_UNWATCHED) =
        {"heartbeat_unwatched", "D69, mesh of agents",
         "Whoever has gone silent is waited for to the end.",
         SCENARIO("heartbeat_unwatched"), "L5"},
    ROW(CHILD_ERROR_DROPPED) =
        {"child_error_dropped", "D59, workflow of platform jobs",
         "A parent goes on as if its child had succeeded.",
         SCENARIO("child_error_dropped"), "S18"},
    ROW(CHILD_ONLY_SUCCESS) = {"child_only_success",
                               "D77, workflow of platform jobs",
                               "The parent waits for a child that has failed.",
                               SCENARIO("child_only_success"), "S18"},
    ROW(EOS_LOST) = {"eos_lost", "D73, resumable workflows",
                     "Readers of a sender that failed wait for ever.",
                     SCENARIO("eos_lost"), "S19"},
    ROW(UNREAD_UNANSWERED) = {"unread_unanswered", "D73, resumable workflows",
                              "The sender's window stays full.",
                              SCENARIO("unread_unanswered"), "S19"},
    ROW(COMPLETION_ANY_END) =
        {"completion_any_end",
         "Sketch of a durable-execution SDK: completion policies",
         "A batch is over before enough have succeeded.",
         SCENARIO("completion_any_end"), "S20"},
    ROW(TOLERANCE_IGNORED) = {"tolerance_ignored", "D71, graph runner",
                              "What can only fail goes on to the end.",
                              SCENARIO("tolerance_ignored"), "S20"},
    ROW(MAP_OPEN_FORGOTTEN) =
        {"map_open_forgotten", "D67, graph runner",
         "More branches are open than max_concurrency allows.",
         SCENARIO("map_open_forgotten"), "S20"},
    ROW(UNDO_OWN_ONLY) = {"undo_own_only", "D26, resumable workflows",
                          "A run fails and leaves behind what it has booked.",
                          SCENARIO("undo_own_only"), "S20"},
    ROW(UNDO_OLDEST_FIRST) = {"undo_oldest_first", "D24, resumable workflows",
                              "What the newer one stands on is undone first.",
                              SCENARIO("undo_oldest_first"), "S20"},
    ROW(UNDO_TWICE) = {"undo_twice", "D27, resumable workflows",
                       "What is undone is undone again.",
                       SCENARIO("undo_twice"), "S20"},
};

_Static_assert(sizeof(fault_defects_handlers) /
                       sizeof(fault_defects_handlers[0]) ==
                   ENGINE_DEFECTS_HANDLERS_COUNT,
               "each defect has its row");
