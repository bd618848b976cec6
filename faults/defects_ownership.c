#include "faults/defects.h"

#define SCENARIO(name) "scenarios/defects/" name ".json"
#define ROW(id) [ENGINE_DEFECT_##id - ENGINE_DEFECTS_OWNERSHIP_FIRST]

const struct fault_defect fault_defects_ownership[] = {
    ROW(LEASE_NO_FENCE) =
        {"lease_no_fence", "Azure/azure-functions-durable-extension#38",
         "The store accepts writes of an owner whose lease has passed on.",
         SCENARIO("lease_no_fence"), "S2"},
    ROW(LEASE_WALLCLOCK) =
        {"lease_wallclock", "johanhaleby/occurrent#662",
         "Expiry is judged by a node's own wall clock, so a skewed one takes "
         "over a lease that is still held.",
         SCENARIO("lease_wallclock"), "S3"},
    ROW(LEASE_NO_SELF_FENCE) =
        {"lease_no_self_fence", "hatchet-dev/hatchet#2432",
         "A holder that could not renew goes on believing that it owns.",
         SCENARIO("lease_no_self_fence"), "S3"},
    ROW(RECOVER_RERUN_DONE) =
        {"recover_rerun_done", "Sketch of resumable workflows in nodetool",
         "Recovery runs operations again that were already done.",
         SCENARIO("recover_rerun_done"), "S4"},
    ROW(RENEW_NO_OWNER) = {"renew_no_owner",
                           "D19, renewal code of a resumable-workflow engine",
                           "A former owner's renewal is granted, so it goes on "
                           "beside its successor.",
                           SCENARIO("renew_no_owner"), "S2"},
    ROW(OUTBOX_UNFENCED) = {"outbox_unfenced", "Azure/durabletask#890",
                            "The log is fenced, but a former owner still "
                            "removes rows of the outbox.",
                            SCENARIO("outbox_unfenced"), "S2"},
    ROW(GRANT_NO_EPOCH) = {"grant_no_epoch", "OptimalBits/bull#308",
                           "Two owners of a run carry the same token, so no "
                           "write can be told from another.",
                           SCENARIO("grant_no_epoch"), "S2"},
    ROW(CLAIM_NO_FENCE) =
        {"claim_no_fence", "apache/airflow#7925",
         "A worker that lost its attempt reports for the one that has it now.",
         SCENARIO("claim_no_fence"), "S2"},
    ROW(CLAIM_NO_CAS) =
        {"claim_no_cas", "D15, claim code of a resumable-workflow engine",
         "Two workers that were given the same attempt both have it.",
         SCENARIO("claim_no_cas"), "S3"},
    ROW(OWNER_ID_HOSTNAME) = {"owner_id_hostname", "oban-bg/oban#862",
                              "After a restart under the same name the runs of "
                              "the dead process count as held.",
                              SCENARIO("owner_id_hostname"), "L3"},
    ROW(RECOVER_ONCE_SWALLOW) =
        {"recover_once_swallow", "dbos-inc/dbos-transact-py#716",
         "One error of the store ends recovery, and orphans stay orphans.",
         SCENARIO("recover_once_swallow"), "L3"},
    ROW(ORPHAN_SCAN_ONCE) =
        {"orphan_scan_once", "sidekiq/sidekiq#4715",
         "The death of a run's second owner goes unnoticed.",
         SCENARIO("orphan_scan_once"), "L3"},
    ROW(LOCK_ROBBED_BY_AGE) = {"lock_robbed_by_age",
                               "D54, lock files of a workflow runner",
                               "A lease in use is taken away once it is old.",
                               SCENARIO("lock_robbed_by_age"), "S3"},
    ROW(APPLY_LOOP_DEAD) =
        {"apply_loop_dead", "restatedev/restate#5033",
         "The owner keeps its lease and does nothing with it.",
         SCENARIO("apply_loop_dead"), "L1"},
    ROW(LEASE_FROM_REPLY) = {"lease_from_reply", "NodeDB-Lab/nodedb#250",
                             "The owner believes in its lease for as long as "
                             "the answer was under way.",
                             SCENARIO("lease_from_reply"), "S3"},
    ROW(RESCUE_IGNORE_HB) = {"rescue_ignore_hb", "hexpm/hexpm#1825",
                             "Attempts that are longer than the claim are "
                             "rescued from workers that live.",
                             SCENARIO("rescue_ignore_hb"), "S3"},
    ROW(HB_SAME_THREAD) =
        {"hb_same_thread", "taskforcesh/bullmq#3183",
         "A long step starves its own heartbeats and is given to another.",
         SCENARIO("hb_same_thread"), "S3"},
    ROW(WORKER_NO_SELF_FENCE) = {"worker_no_self_fence", "apache/airflow#48719",
                                 "A worker that is cut off acts on after its "
                                 "attempts were given to others.",
                                 SCENARIO("worker_no_self_fence"), "S3"},
    ROW(WORKER_ID_REUSED) = {"worker_id_reused", "gagan114662/openbot#33",
                             "A restarted worker runs an attempt again that "
                             "its former process has run.",
                             SCENARIO("worker_id_reused"), "S5"},
    ROW(RESUME_NO_LEASE) = {"resume_no_lease",
                            "D28, resume of a resumable-workflow engine",
                            "Who is asked to start a run that is under way "
                            "takes it from its owner.",
                            SCENARIO("resume_no_lease"), "S2"},
    ROW(APPEND_SEQ_BLIND) = {"append_seq_blind",
                             "D20, log code of a resumable-workflow engine",
                             "An append that arrives twice is two appends.",
                             SCENARIO("append_seq_blind"), "S10"},
    ROW(DROP_UNKNOWN_INSTANCE) =
        {"drop_unknown_instance", "Azure/azure-functions-durable-extension#460",
         "A message that comes before its receiver asks for it is gone.",
         SCENARIO("drop_unknown_instance"), "S19"},
};

_Static_assert(sizeof(fault_defects_ownership) /
                       sizeof(fault_defects_ownership[0]) ==
                   ENGINE_DEFECTS_OWNERSHIP_COUNT,
               "each defect has its row");
