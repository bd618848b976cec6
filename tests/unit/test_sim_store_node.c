#include "sim/store_node.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <string.h>

#include "engine/host/store_memory.h"
#include "engine/host/store_sqlite.h"
#include "sim/vfs.h"
#include "tests/support/sim_bed.h"

enum {
    CLIENT = 8,
    IDS = 4096,
    RESTART_MS = 100
};

static const struct engine_store_limits roomy = {.op_payload_max = 1 << 20,
                                                 .request_max = 1 << 22,
                                                 .history_ops_max = 100000,
                                                 .blob_max = 1 << 20};

/* A store in its process, and one sender that notes what it is told. */
struct rig {
    struct sim_bed *bed;
    struct sim_disk *disk;
    struct sim_vfs *vfs;
    struct engine_store memory;
    struct sim_store_node *node;
    struct engine_block block;
    uint64_t id;
    uint16_t outcome[IDS]; /* by request id, 0: no reply */
    uint64_t told_ns[IDS];
    uint64_t told_sender;
    uint32_t refuse_open; /* so many openings fail */
};

static void told(void *self, const struct engine_message *message)
{
    struct rig *rig = self;
    const struct engine_reply *reply = (const void *)(message + 1);
    cr_assert_eq(message->kind, ENGINE_MSG_REPLY);
    cr_assert_lt(reply->id, IDS);
    cr_assert_eq(rig->outcome[reply->id], 0, "told twice");
    rig->outcome[reply->id] = reply->outcome;
    rig->told_ns[reply->id] = rig->bed->world->now_ns - SIM_BED_START_NS;
    rig->told_sender = message->token;
}

static const struct sim_actor_ops client_ops = {.message = told};

static int open_disk(void *self, struct engine_store *store)
{
    struct rig *rig = self;
    char error[STORE_SQLITE_ERROR_SIZE];
    struct store_sqlite_config config = {.path = "s.db",
                                         .vfs = "rig",
                                         .page_size = 1024,
                                         .create = 1,
                                         .limits = roomy};
    if (rig->refuse_open > 0) {
        rig->refuse_open--;
        return SIM_STORE_OPEN_FAILED;
    }
    return store_sqlite_open(&config, store, error) ? SIM_STORE_OPEN_FAILED : 0;
}

static int open_memory(void *self, struct engine_store *store)
{
    struct rig *rig = self;
    *store = rig->memory;
    return 0;
}

static void make_disk(struct rig *rig)
{
    struct sim_disk_config disk = {
        .sector = 512,
        .node = SIM_NODE_STORE,
        .sync = {.base_ns = 10 * SIM_BED_MS},
        .points = &rig->bed->points,
        .sink = &rig->bed->world->sink,
    };
    struct sim_vfs_config vfs = {
        .name = "rig", .characteristics = SQLITE_IOCAP_POWERSAFE_OVERWRITE};
    engine_stream_init(&disk.stream, 1, "disk", 0);
    engine_stream_init(&vfs.stream, 1, "vfs", 0);
    rig->disk = sim_disk_new(&disk);
    rig->vfs = sim_vfs_register(rig->disk, &vfs);
    cr_assert_not_null(rig->vfs);
}

static void rig_open(struct rig *rig, bool durable, uint32_t group_max)
{
    struct sim_clock clock = sim_bed_clock();
    struct store_memory_config memory = {.limits = roomy, .keep_log = 1};
    memset(rig, 0, sizeof(*rig));
    rig->bed = sim_bed_new(1, NULL);
    if (durable)
        make_disk(rig);
    else
        cr_assert_eq(store_memory_open(&memory, &rig->memory), 0);
    struct sim_store_config config = {
        .world = rig->bed->world,
        .disk = rig->disk,
        .open = durable ? open_disk : open_memory,
        .open_self = rig,
        .group_max = group_max,
        .request_ns = 1000,
    };
    rig->node = sim_store_node_new(&config, &clock, RESTART_MS * SIM_BED_MS);
    cr_assert_not_null(rig->node);
    sim_node_set(rig->bed->world, CLIENT, &client_ops, rig, &clock, UINT64_MAX);
    sim_process_start(rig->bed->world, SIM_NODE_STORE);
    sim_process_start(rig->bed->world, CLIENT);
}

static void rig_close(struct rig *rig)
{
    rig->bed->world->recording = false;
    engine_block_free(&rig->block);
    sim_world_free(rig->bed->world);
    sim_store_node_free(rig->node);
    if (rig->memory.ops)
        rig->memory.ops->close(rig->memory.self);
    sim_vfs_unregister(rig->vfs);
    sim_disk_free(rig->disk);
    free(rig->bed->records);
    free(rig->bed);
}

static struct engine_request *ask(struct rig *rig, uint16_t kind, uint64_t run)
{
    struct engine_request *request =
        engine_block_begin(&rig->block, sizeof(*request));
    request->kind = kind;
    request->id = ++rig->id;
    request->sender = (uint64_t)CLIENT << 32 | 1;
    request->run = run;
    request->ttl_ns = 1000 * SIM_BED_MS;
    return request;
}

/* Sends the request in the block; it gets there a millisecond later. */
static uint64_t send(struct rig *rig)
{
    const struct engine_request *request = (const void *)rig->block.bytes;
    struct engine_message head = {
        .size = (uint32_t)(sizeof(head) + request->size),
        .kind = ENGINE_MSG_REQUEST,
        .from = CLIENT,
        .to = SIM_NODE_STORE,
        .run = request->run,
    };
    sim_net_send2(rig->bed->world, &head, request, request->size);
    return request->id;
}

static uint64_t create(struct rig *rig, uint64_t run)
{
    struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                .kind = ENGINE_EV_RUN_CREATED,
                                .op = UINT32_MAX};
    struct engine_item work = {.type = ENGINE_ITEM_WORK,
                               .op = 0,
                               .attempt = 1,
                               .flags = ENGINE_WORK_PUT};
    struct engine_request *request = ask(rig, ENGINE_REQ_CREATE, run);
    request->item_count = 2;
    engine_block_item(&rig->block, &event, "abc", 3);
    engine_block_item(&rig->block, &work, "in", 2);
    return send(rig);
}

static uint64_t claim(struct rig *rig, uint64_t run)
{
    struct engine_request *request = ask(rig, ENGINE_REQ_CLAIM, run);
    request->attempt = 1;
    return send(rig);
}

/* Ends run: its log is complete, its lease given back, due at once. */
static uint64_t finish_run(struct rig *rig, uint64_t run)
{
    struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                .kind = ENGINE_EV_RUN_SUCCEEDED,
                                .op = UINT32_MAX};
    struct engine_item outbox = {.type = ENGINE_ITEM_OUTBOX,
                                 .kind = ENGINE_OUTBOX_RESULT};
    struct engine_request *request = ask(rig, ENGINE_REQ_APPEND, run);
    request->token = 1;
    request->seq = 2;
    request->state = ENGINE_RUN_SUCCEEDED;
    request->flags = ENGINE_APPEND_RELEASE;
    request->wake_ns = 1;
    request->item_count = 2;
    engine_block_item(&rig->block, &event, NULL, 0);
    engine_block_item(&rig->block, &outbox, "r", 1);
    return send(rig);
}

static void run_for(struct rig *rig, uint64_t ms)
{
    sim_bed_run(rig->bed,
                rig->bed->world->now_ns - SIM_BED_START_NS + ms * SIM_BED_MS);
}

static size_t count(struct rig *rig, enum engine_record_kind kind)
{
    return sim_bed_count(rig->bed, kind);
}

/* Groups ------------------------------------------------------------------- */

Test(sim_store_node, no_reply_leaves_before_the_disk_has_taken_its_time)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    uint64_t id = create(&rig, 1);
    run_for(&rig, 10);
    cr_expect_eq(rig.outcome[id], 0, "a sync takes 10 ms");
    run_for(&rig, 40);
    cr_expect_eq(rig.outcome[id], ENGINE_COMMITTED);
    cr_expect_geq(rig.told_ns[id], 12 * SIM_BED_MS);
    rig_close(&rig);
}

Test(sim_store_node, what_arrives_during_a_sync_joins_the_next_group)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    uint64_t first = create(&rig, 1);
    run_for(&rig, 3);
    uint64_t second = create(&rig, 2);
    run_for(&rig, 1);
    uint64_t third = create(&rig, 3);
    run_for(&rig, 100);
    cr_expect_eq(sim_store_node_groups(rig.node), 2);
    cr_expect_eq(sim_store_node_commits(rig.node), 3);
    cr_expect_lt(rig.told_ns[first], rig.told_ns[second]);
    cr_expect_eq(rig.told_ns[second], rig.told_ns[third]);
    rig_close(&rig);
}

Test(sim_store_node, a_group_has_at_most_group_max_requests_and_keeps_the_order)
{
    struct rig rig;
    rig_open(&rig, true, 4);
    for (uint64_t run = 1; run <= 11; run++)
        create(&rig, run);
    run_for(&rig, 500);
    /* The first finds the store idle; ten are left for groups of four. */
    cr_expect_eq(sim_store_node_groups(rig.node), 4);
    for (uint64_t id = 1; id <= 11; id++)
        cr_expect_eq(rig.outcome[id], ENGINE_COMMITTED, "%d", (int)id);
    for (size_t i = 0; i < 11; i++)
        cr_expect_eq(sim_bed_record(rig.bed, ENGINE_REC_APPENDED, i)->run,
                     i + 1);
    rig_close(&rig);
}

Test(sim_store_node, a_damaged_request_is_not_answered_and_harms_nothing)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    struct engine_request *request = ask(&rig, ENGINE_REQ_CREATE, 1);
    request->item_count = 9;
    uint64_t bad = send(&rig);
    uint64_t good = create(&rig, 1);
    run_for(&rig, 100);
    cr_expect_eq(rig.outcome[bad], 0);
    cr_expect_eq(rig.outcome[good], ENGINE_COMMITTED);
    rig_close(&rig);
}

Test(sim_store_node, a_reply_names_the_incarnation_that_asked)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    create(&rig, 1);
    run_for(&rig, 100);
    cr_expect_eq(rig.told_sender, (uint64_t)CLIENT << 32 | 1);
    rig_close(&rig);
}

/* Crashes ------------------------------------------------------------------ */

Test(sim_store_node,
     a_crash_before_the_commit_forgets_the_group_and_all_waiting)
{
    struct rig rig;
    rig_open(&rig, true, 1);
    sim_bed_arm(rig.bed, SIM_POINT_STORE_COMMIT_BEFORE, 1, 1, ENGINE_ACT_CRASH,
                0);
    create(&rig, 1);
    uint64_t in_group = create(&rig, 2);
    uint64_t waiting = create(&rig, 3);
    run_for(&rig, 1000);
    cr_expect_eq(rig.outcome[in_group], 0);
    cr_expect_eq(rig.outcome[waiting], 0);
    cr_expect_eq(count(&rig, ENGINE_REC_APPENDED), 1);
    cr_expect_eq(sim_bed_record(rig.bed, ENGINE_REC_STORE_OPENED, 1)->a, 1);
    uint64_t again = create(&rig, 2);
    run_for(&rig, 100);
    cr_expect_eq(rig.outcome[again], ENGINE_COMMITTED);
    rig_close(&rig);
}

Test(sim_store_node, a_crash_after_the_commit_loses_the_reply_and_not_the_run)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    sim_bed_arm(rig.bed, SIM_POINT_STORE_COMMIT_AFTER, 0, 1, ENGINE_ACT_CRASH,
                0);
    uint64_t id = create(&rig, 1);
    run_for(&rig, 1000);
    cr_expect_eq(rig.outcome[id], 0);
    cr_expect_eq(count(&rig, ENGINE_REC_APPENDED), 1);
    const struct engine_record *row =
        sim_bed_record(rig.bed, ENGINE_REC_AUDIT_ROW, 0);
    cr_assert(row);
    cr_expect_eq(row->run, 1);
    cr_expect_eq(row->key,
                 sim_bed_record(rig.bed, ENGINE_REC_APPENDED, 0)->key);
    rig_close(&rig);
}

/*
 * Power is lost at the skip-th disk operation while a few groups are under
 * way. Whatever comes of it: what was recorded is there, what is there was
 * recorded, and what was acknowledged is among it.
 */
static bool lose_power_at(enum sim_point point, uint64_t skip)
{
    struct rig rig;
    rig_open(&rig, true, 3);
    run_for(&rig, 50);
    sim_bed_arm(rig.bed, point, skip, 1, ENGINE_ACT_CRASH, 0);
    for (uint64_t run = 1; run <= 7; run++)
        create(&rig, run);
    run_for(&rig, 45);
    for (uint64_t run = 1; run <= 7; run++)
        claim(&rig, run);
    run_for(&rig, 2000);
    bool crashed = count(&rig, ENGINE_REC_PROC_DOWN) > 0;
    sim_bed_disarm(rig.bed);
    uint64_t last = create(&rig, 99);
    run_for(&rig, 500);
    cr_expect_eq(rig.outcome[last], ENGINE_COMMITTED);
    size_t audited = count(&rig, ENGINE_REC_AUDIT_ROW);
    sim_store_node_audit(rig.node);
    size_t rows = count(&rig, ENGINE_REC_AUDIT_ROW) - audited;
    cr_expect_eq(rows, count(&rig, ENGINE_REC_APPENDED), "%d %d", (int)point,
                 (int)skip);
    size_t claims = 0, claimed = 0;
    const struct engine_record *work;
    for (size_t i = 0;
         (work = sim_bed_record(rig.bed, ENGINE_REC_AUDIT_WORK, i)); i++)
        claims += work->detail == ENGINE_WORK_CLAIMED;
    for (uint64_t id = 1; id <= 7; id++)
        cr_expect(rig.outcome[id] == 0 || id <= rows);
    claimed = count(&rig, ENGINE_REC_WORK_CLAIMED);
    cr_expect_eq(claims, claimed, "%d %d: %d rows, %d recorded", (int)point,
                 (int)skip, (int)claims, (int)claimed);
    rig_close(&rig);
    return crashed;
}

Test(sim_store_node, after_power_loss_anywhere_records_and_rows_agree)
{
    uint32_t crashes = 0;
    for (uint64_t skip = 0; lose_power_at(SIM_POINT_DISK_WRITE, skip); skip++)
        crashes++;
    for (uint64_t skip = 0; lose_power_at(SIM_POINT_DISK_SYNC_BEFORE, skip);
         skip++)
        crashes++;
    for (uint64_t skip = 0; lose_power_at(SIM_POINT_DISK_SYNC_AFTER, skip);
         skip++)
        crashes++;
    cr_expect_geq(crashes, 20);
}

/* The group that power loss after a sync leaves in doubt has survived. */
Test(sim_store_node, a_group_in_doubt_that_survived_is_recorded_when_reopened)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    run_for(&rig, 50);
    sim_bed_arm(rig.bed, SIM_POINT_DISK_SYNC_AFTER, 0, 1, ENGINE_ACT_CRASH, 0);
    uint64_t id = create(&rig, 1);
    run_for(&rig, 50);
    cr_expect_eq(count(&rig, ENGINE_REC_APPENDED), 0, "nobody knows yet");
    run_for(&rig, 500);
    cr_expect_eq(count(&rig, ENGINE_REC_APPENDED), 1);
    cr_expect_eq(rig.outcome[id], 0);
    rig_close(&rig);
}

Test(sim_store_node, a_group_in_doubt_that_was_lost_is_never_recorded)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    run_for(&rig, 50);
    sim_bed_arm(rig.bed, SIM_POINT_DISK_WRITE, 0, 1, ENGINE_ACT_CRASH, 0);
    create(&rig, 1);
    run_for(&rig, 500);
    cr_expect_eq(count(&rig, ENGINE_REC_PROC_DOWN), 1);
    cr_expect_eq(count(&rig, ENGINE_REC_APPENDED), 0);
    rig_close(&rig);
}

/*
 * The reply to a lease on a run that has ended names a log row of long ago.
 * It says nothing about the group.
 */
Test(sim_store_node, an_old_row_does_not_speak_for_a_group_in_doubt)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    create(&rig, 1);
    run_for(&rig, 50);
    finish_run(&rig, 1);
    run_for(&rig, 50);
    ask(&rig, ENGINE_REQ_HEARTBEAT, 1);
    send(&rig); /* occupies the store while the others gather */
    run_for(&rig, 2);
    uint64_t lease = (ask(&rig, ENGINE_REQ_ACQUIRE, 0), send(&rig));
    uint64_t fresh = create(&rig, 2);
    sim_bed_arm(rig.bed, SIM_POINT_DISK_WRITE, 0, 1, ENGINE_ACT_CRASH, 0);
    size_t granted = count(&rig, ENGINE_REC_LEASE_GRANTED);
    run_for(&rig, 1000);
    cr_expect_eq(count(&rig, ENGINE_REC_PROC_DOWN), 1);
    cr_expect_eq(rig.outcome[lease], 0);
    cr_expect_eq(rig.outcome[fresh], 0);
    cr_expect_eq(count(&rig, ENGINE_REC_LEASE_GRANTED), granted);
    sim_store_node_audit(rig.node);
    cr_expect_eq(count(&rig, ENGINE_REC_AUDIT_RUN), 1);
    cr_expect_eq(count(&rig, ENGINE_REC_APPENDED), 2, "run 2 is not there");
    rig_close(&rig);
}

Test(sim_store_node, a_failed_sync_ends_the_process_and_nobody_is_answered)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    run_for(&rig, 50);
    sim_bed_arm(rig.bed, SIM_POINT_DISK_SYNC_BEFORE, 0, 1, ENGINE_ACT_ERROR, 0);
    uint64_t id = create(&rig, 1);
    run_for(&rig, 50);
    cr_expect_eq(count(&rig, ENGINE_REC_SYNC_FAILED), 1);
    cr_expect_eq(count(&rig, ENGINE_REC_PROC_DOWN), 1);
    cr_expect_eq(rig.outcome[id], 0);
    run_for(&rig, 500);
    uint64_t again = create(&rig, 2);
    run_for(&rig, 100);
    cr_expect_eq(rig.outcome[again], ENGINE_COMMITTED);
    rig_close(&rig);
}

/* Errors and openings --------------------------------------------------------
 */

Test(sim_store_node, a_store_that_could_not_be_opened_serves_what_waited)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    rig.refuse_open = 2;
    sim_process_crash(rig.bed->world, SIM_NODE_STORE, ENGINE_ACT_CRASH);
    run_for(&rig, RESTART_MS + 1);
    uint64_t id = create(&rig, 1);
    run_for(&rig, 1000);
    cr_expect_eq(rig.outcome[id], 0);
    run_for(&rig, 1200);
    cr_expect_eq(rig.outcome[id], ENGINE_COMMITTED);
    rig_close(&rig);
}

Test(sim_store_node, a_store_in_memory_survives_its_process)
{
    struct rig rig;
    rig_open(&rig, false, 100);
    uint64_t id = create(&rig, 1);
    run_for(&rig, 10);
    cr_expect_eq(rig.outcome[id], ENGINE_COMMITTED);
    sim_process_crash(rig.bed->world, SIM_NODE_STORE, ENGINE_ACT_CRASH);
    run_for(&rig, 1000);
    uint64_t again = claim(&rig, 1);
    run_for(&rig, 10);
    cr_expect_eq(rig.outcome[again], ENGINE_COMMITTED);
    rig_close(&rig);
}

/* Pauses ------------------------------------------------------------------- */

Test(sim_store_node, a_pause_before_the_commit_leaves_the_group_uncommitted)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    sim_bed_arm(rig.bed, SIM_POINT_STORE_COMMIT_BEFORE, 0, 1, ENGINE_ACT_PAUSE,
                300 * SIM_BED_MS);
    uint64_t id = create(&rig, 1);
    run_for(&rig, 200);
    cr_expect_eq(count(&rig, ENGINE_REC_APPENDED), 0);
    run_for(&rig, 200);
    cr_expect_eq(rig.outcome[id], ENGINE_COMMITTED);
    cr_expect_geq(rig.told_ns[id], 312 * SIM_BED_MS);
    rig_close(&rig);
}

Test(sim_store_node, a_pause_after_the_commit_holds_the_replies_back)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    sim_bed_arm(rig.bed, SIM_POINT_STORE_COMMIT_AFTER, 0, 1, ENGINE_ACT_PAUSE,
                300 * SIM_BED_MS);
    uint64_t id = create(&rig, 1);
    run_for(&rig, 200);
    cr_expect_eq(count(&rig, ENGINE_REC_APPENDED), 1);
    cr_expect_eq(rig.outcome[id], 0);
    uint64_t next = create(&rig, 2);
    run_for(&rig, 300);
    cr_expect_eq(rig.outcome[id], ENGINE_COMMITTED);
    cr_expect_eq(rig.outcome[next], ENGINE_COMMITTED);
    cr_expect_lt(rig.told_ns[id], rig.told_ns[next]);
    rig_close(&rig);
}

Test(sim_store_node, a_world_that_ends_in_a_pause_audits_durable_rows_only)
{
    struct rig rig;
    rig_open(&rig, true, 100);
    sim_bed_arm(rig.bed, SIM_POINT_STORE_COMMIT_BEFORE, 0, 1, ENGINE_ACT_PAUSE,
                300 * SIM_BED_MS);
    create(&rig, 1);
    run_for(&rig, 100);
    sim_store_node_audit(rig.node);
    cr_expect_eq(count(&rig, ENGINE_REC_AUDIT_ROW), 0);
    cr_expect_eq(sim_bed_record(rig.bed, ENGINE_REC_AUDIT_DONE, 1)->detail, 1);
    rig_close(&rig);
}

/* The last site of each point. */
struct sites {
    struct engine_site last[SIM_POINT_COUNT];
};

static bool keep_site(void *self, const struct engine_site *site,
                      struct engine_decision *decision)
{
    struct sites *sites = self;
    (void)decision;
    sites->last[site->point] = *site;
    return false;
}

Test(sim_store_node, points_are_about_the_first_request_of_the_group)
{
    static const enum sim_point points[] = {
        SIM_POINT_STORE_GROUP_BEFORE, SIM_POINT_STORE_COMMIT_BEFORE,
        SIM_POINT_STORE_COMMIT_AFTER, SIM_POINT_DISK_WRITE,
        SIM_POINT_DISK_SYNC_BEFORE};
    static uint8_t all[SIM_POINT_COUNT];
    struct sites sites = {0};
    struct rig rig;
    rig_open(&rig, true, 100);
    memset(all, 1, sizeof(all));
    rig.bed->points =
        (struct engine_points){.armed = all, .ask = keep_site, .self = &sites};
    create(&rig, 7);
    run_for(&rig, 100);
    for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
        const struct engine_site *site = &sites.last[points[i]];
        cr_expect_eq(site->run, 7, "point %d", (int)points[i]);
        cr_expect_eq(site->op, 1, "the step that the work is for");
        cr_expect_eq(site->attempt, 1);
    }
    finish_run(&rig, 7);
    run_for(&rig, 100);
    cr_expect_eq(sites.last[SIM_POINT_DISK_WRITE].run, 7);
    cr_expect_eq(sites.last[SIM_POINT_DISK_WRITE].op, 0, "no step's attempt");
    rig_close(&rig);
}
