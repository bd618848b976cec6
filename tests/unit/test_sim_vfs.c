#include "sim/vfs.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/points.h"

enum {
    IDS = 40
};

/* The rows that must be there: the version of each id, 0 for none. */
struct rows {
    uint32_t version[IDS];
};

/* A decider: does `action` at the hit after `skip` more, `times` times. */
struct rule {
    uint8_t armed[SIM_POINT_COUNT];
    uint64_t skip, times;
    struct engine_decision decision;
};

static bool decide(void *self, const struct engine_site *site,
                   struct engine_decision *decision)
{
    struct rule *rule = self;
    (void)site;
    if (rule->skip) {
        rule->skip--;
        return false;
    }
    if (!rule->times)
        return false;
    rule->times--;
    *decision = rule->decision;
    return true;
}

/* How SQLite is set up on what kind of disk. */
struct setup {
    const char *journal; /* WAL, DELETE, ... */
    const char *locking;
    const char *sync;
    uint32_t sector;
    uint32_t page;
    bool garble;
    int characteristics;
};

struct bed {
    struct setup setup;
    struct rule rule;
    struct engine_points points;
    struct engine_stream stream; /* of the workload */
    uint64_t draws;
    struct sim_disk *disk;
    struct sim_vfs *vfs;
    sqlite3 *db;
    sqlite3_stmt *put;
    struct rows acked, sent;
    uint32_t transaction;
    uint64_t rounds, lost; /* crashes; of them, those that lost an ack */
    uint64_t damaged;      /* those after which the database was not sound */
};

static uint64_t below(struct bed *bed, uint64_t n)
{
    return engine_draw_below(&bed->stream, bed->draws++, n);
}

static void start(struct bed *bed, const struct setup *setup, uint64_t seed,
                  const struct sim_disk_config *disk)
{
    struct sim_disk_config config = {0};
    struct sim_vfs_config vfs = {.name = "bed",
                                 .characteristics = setup->characteristics};
    memset(bed, 0, sizeof *bed);
    bed->setup = *setup;
    bed->points = (struct engine_points){bed->rule.armed, decide, &bed->rule};
    if (disk)
        config = *disk;
    config.sector = setup->sector;
    config.garble = setup->garble;
    config.points = &bed->points;
    engine_stream_init(&config.stream, seed, "disk", 0);
    engine_stream_init(&vfs.stream, seed, "vfs", 0);
    engine_stream_init(&bed->stream, seed, "work", 0);
    bed->disk = sim_disk_new(&config);
    bed->vfs = sim_vfs_register(bed->disk, &vfs);
    cr_assert_not_null(bed->vfs);
}

static int run(struct bed *bed, const char *sql)
{
    return sqlite3_exec(bed->db, sql, NULL, NULL, NULL);
}

static int must(struct bed *bed, const char *sql)
{
    int rc = run(bed, sql);
    cr_assert_eq(rc, SQLITE_OK, "%s: %d %s", sql, rc, sqlite3_errmsg(bed->db));
    return rc;
}

static void close_db(struct bed *bed)
{
    sqlite3_finalize(bed->put);
    sqlite3_close(bed->db);
    bed->put = NULL;
    bed->db = NULL;
}

static void stop(struct bed *bed)
{
    close_db(bed);
    sim_vfs_unregister(bed->vfs);
    sim_disk_free(bed->disk);
}

static void arm(struct bed *bed, enum sim_point point, uint32_t action,
                int64_t amount, uint64_t skip)
{
    memset(bed->rule.armed, 0, sizeof bed->rule.armed);
    bed->rule.armed[point] = 1;
    bed->rule.skip = skip;
    bed->rule.times = 1;
    bed->rule.decision =
        (struct engine_decision){.action = action, .amount = amount};
}

static void disarm(struct bed *bed)
{
    memset(bed->rule.armed, 0, sizeof bed->rule.armed);
}

/* Power will fail at one of the next calls that change the disk. */
static void arm_crash(struct bed *bed)
{
    uint64_t skip = below(bed, 3) ? below(bed, 400) : below(bed, 15);
    arm(bed, SIM_POINT_DISK_WRITE, ENGINE_ACT_CRASH, 0, skip);
    memset(bed->rule.armed + SIM_POINT_DISK_WRITE, 1,
           SIM_POINT_DISK_DELETE - SIM_POINT_DISK_WRITE + 1);
}

static int open_db(struct bed *bed)
{
    char sql[400];
    int rc = sqlite3_open_v2("db", &bed->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "bed");
    if (rc)
        return rc;
    snprintf(sql, sizeof sql,
             "PRAGMA page_size=%u; PRAGMA locking_mode=%s;"
             "PRAGMA synchronous=%s; PRAGMA journal_mode=%s;"
             "PRAGMA wal_autocheckpoint=20; PRAGMA cache_size=20;"
             "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY,"
             " version INTEGER NOT NULL, pad BLOB);"
             "CREATE INDEX IF NOT EXISTS i ON t(version, pad);",
             bed->setup.page, bed->setup.locking, bed->setup.sync,
             bed->setup.journal);
    rc = run(bed, sql);
    if (rc)
        return rc;
    return sqlite3_prepare_v2(bed->db,
                              "INSERT OR REPLACE INTO t VALUES(?,?,"
                              "zeroblob(?)||hex(?))",
                              -1, &bed->put, NULL);
}

static int put(struct bed *bed, uint64_t id)
{
    sqlite3_bind_int64(bed->put, 1, (sqlite3_int64)id);
    sqlite3_bind_int64(bed->put, 2, bed->transaction);
    sqlite3_bind_int64(bed->put, 3, (sqlite3_int64)below(bed, 700));
    sqlite3_bind_int64(bed->put, 4, (sqlite3_int64)bed->transaction * 7919);
    sqlite3_step(bed->put);
    bed->sent.version[id] = bed->transaction;
    return sqlite3_reset(bed->put);
}

/* One transaction of a few rows; acknowledged when COMMIT says so. */
static int transact(struct bed *bed)
{
    uint64_t count = below(bed, 10) ? 1 + below(bed, 4) : 30;
    bed->transaction++;
    int rc = run(bed, "BEGIN IMMEDIATE");
    for (uint64_t i = 0; !rc && i < count; i++)
        rc = put(bed, below(bed, IDS));
    if (!rc)
        rc = run(bed, "COMMIT");
    if (!rc)
        bed->acked = bed->sent;
    return rc;
}

static bool is_sound(struct bed *bed)
{
    sqlite3_stmt *stmt = NULL;
    bool sound = false;
    sqlite3_prepare_v2(bed->db, "PRAGMA integrity_check", -1, &stmt, NULL);
    if (stmt && sqlite3_step(stmt) == SQLITE_ROW)
        sound = strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
    sqlite3_finalize(stmt);
    return sound;
}

static struct rows read_rows(struct bed *bed)
{
    struct rows rows = {0};
    sqlite3_stmt *stmt = NULL;
    sqlite3_prepare_v2(bed->db, "SELECT id, version FROM t", -1, &stmt, NULL);
    while (stmt && sqlite3_step(stmt) == SQLITE_ROW)
        rows.version[sqlite3_column_int(stmt, 0)] =
            (uint32_t)sqlite3_column_int(stmt, 1);
    sqlite3_finalize(stmt);
    return rows;
}

/* Compares with what was acknowledged, then takes what is there as that. */
static void examine(struct bed *bed)
{
    if (!is_sound(bed)) {
        bed->damaged++;
        return;
    }
    struct rows found = read_rows(bed);
    if (memcmp(&found, &bed->acked, sizeof found) != 0 &&
        memcmp(&found, &bed->sent, sizeof found) != 0)
        bed->lost++;
    bed->acked = bed->sent = found;
}

/*
 * Opens, examines, works until power fails, and brings it back. Power can fail
 * in the recovery as well. Returns false when the database is beyond use.
 */
static bool crash_round(struct bed *bed)
{
    arm_crash(bed);
    int rc = open_db(bed);
    if (!rc)
        examine(bed);
    while (!rc && !bed->damaged && sim_disk_is_on(bed->disk))
        rc = transact(bed);
    close_db(bed);
    if (sim_disk_is_on(bed->disk)) {
        bed->damaged++;
        return false;
    }
    sim_disk_restart(bed->disk);
    bed->rounds++;
    return true;
}

/* As many crashes, over several databases. Returns how many went bad. */
static struct bed crash_rounds(const struct setup *setup, uint64_t rounds)
{
    struct bed sum = {0};
    for (uint64_t seed = 0; sum.rounds < rounds; seed++) {
        struct bed bed;
        start(&bed, setup, seed, NULL);
        while (bed.rounds < 30 && crash_round(&bed))
            ;
        stop(&bed);
        sum.rounds += bed.rounds + 1;
        sum.lost += bed.lost;
        sum.damaged += bed.damaged;
        sum.transaction += bed.transaction;
    }
    return sum;
}

static void must_survive(const struct setup *setup)
{
    struct bed sum = crash_rounds(setup, 500);
    cr_assert_eq(sum.damaged, 0, "%s/%s/%s sector %u page %u: %d damaged",
                 setup->journal, setup->locking, setup->sync, setup->sector,
                 setup->page, (int)sum.damaged);
    cr_assert_eq(sum.lost, 0, "%s/%s/%s sector %u page %u: %d lost",
                 setup->journal, setup->locking, setup->sync, setup->sector,
                 setup->page, (int)sum.lost);
    cr_assert_gt(sum.transaction, sum.rounds);
}

static const struct setup wal = {"WAL", "EXCLUSIVE", "FULL", 512,
                                 4096,  false,       0};

Test(sim_vfs, wal_keeps_every_acknowledged_transaction)
{
    static const struct setup setups[] = {
        {"WAL", "EXCLUSIVE", "FULL", 512, 4096, false, 0},
        {"WAL", "EXCLUSIVE", "FULL", 4096, 4096, false, 0},
        {"WAL", "EXCLUSIVE", "FULL", 4096, 1024, false, 0},
        {"WAL", "NORMAL", "FULL", 512, 1024, false, 0},
        {"WAL", "EXCLUSIVE", "FULL", 4096, 1024, false,
         SQLITE_IOCAP_POWERSAFE_OVERWRITE},
    };
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++)
        must_survive(&setups[i]);
}

/* EXTRA, as FULL lets the removal of the journal, the commit, be undone. */
Test(sim_vfs, rollback_journals_keep_every_acknowledged_transaction)
{
    static const struct setup setups[] = {
        {"DELETE", "NORMAL", "EXTRA", 512, 1024, false, 0},
        {"DELETE", "EXCLUSIVE", "EXTRA", 4096, 1024, false, 0},
        {"TRUNCATE", "NORMAL", "FULL", 4096, 4096, false, 0},
        {"PERSIST", "NORMAL", "FULL", 512, 4096, false, 0},
    };
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++)
        must_survive(&setups[i]);
}

/* The documented weakness of FULL: a removed journal can come back. */
Test(sim_vfs, a_commit_by_removing_the_journal_needs_extra)
{
    static const struct setup setup = {"DELETE", "NORMAL", "FULL", 512,
                                       1024,     false,    0};
    struct bed sum = crash_rounds(&setup, 300);
    cr_assert_eq(sum.damaged, 0);
    cr_assert_gt(sum.lost, 0);
}

Test(sim_vfs, without_syncs_transactions_are_lost_and_databases_ruined)
{
    static const struct setup setups[] = {
        {"WAL", "EXCLUSIVE", "OFF", 512, 4096, false, 0},
        {"DELETE", "NORMAL", "OFF", 4096, 4096, false, 0},
    };
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        struct bed sum = crash_rounds(&setups[i], 300);
        cr_assert_gt(sum.lost, 0);
        cr_assert_gt(sum.damaged, 0);
    }
}

/*
 * Noise in the sector under the head may take bytes written long before. A
 * rollback journal holds whole sectors for that; a log that claims to stand
 * on a better disk than it does loses commits.
 */
Test(sim_vfs, rollback_journals_survive_noise_and_a_trusting_log_does_not)
{
    static const struct setup journals[] = {
        {"DELETE", "NORMAL", "EXTRA", 512, 4096, true, 0},
        {"DELETE", "NORMAL", "EXTRA", 4096, 1024, true, 0},
    };
    static const struct setup trusting = {"WAL",
                                          "EXCLUSIVE",
                                          "FULL",
                                          4096,
                                          4096,
                                          true,
                                          SQLITE_IOCAP_POWERSAFE_OVERWRITE};
    must_survive(&journals[0]);
    must_survive(&journals[1]);
    cr_assert_gt(crash_rounds(&trusting, 500).lost, 0);
}

/* NORMAL promises consistency only: the last commits may be gone. */
Test(sim_vfs, wal_with_normal_sync_loses_commits_but_stays_sound)
{
    static const struct setup setup = {"WAL", "EXCLUSIVE", "NORMAL", 4096,
                                       4096,  false,       0};
    struct bed sum = crash_rounds(&setup, 300);
    cr_assert_eq(sum.damaged, 0);
    cr_assert_gt(sum.lost, 0);
}

Test(sim_vfs, a_disk_that_lies_about_syncs_loses_acknowledged_commits)
{
    uint64_t lost = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct bed bed;
        start(&bed, &wal, seed, NULL);
        cr_assert_eq(open_db(&bed), SQLITE_OK);
        cr_assert_eq(transact(&bed), SQLITE_OK);
        arm(&bed, SIM_POINT_DISK_SYNC_BEFORE, ENGINE_ACT_LIE, 0, 0);
        bed.rule.times = 1000;
        for (int i = 0; i < 5; i++)
            cr_assert_eq(transact(&bed), SQLITE_OK);
        sim_disk_crash(bed.disk);
        close_db(&bed);
        sim_disk_restart(bed.disk);
        disarm(&bed);
        if (open_db(&bed) == SQLITE_OK)
            examine(&bed);
        lost += bed.lost + bed.damaged;
        stop(&bed);
    }
    cr_assert_gt(lost, 10);
}

/* A fault at one call, and the only code SQLite may answer with. */
struct trouble {
    enum sim_point point;
    uint32_t action;
    int64_t amount;
    int code;
    const char *journal;
};

/*
 * Returns whether SQLite noticed the fault. The disk is called powersafe, as
 * Unix does: otherwise the log has a tail of padding that is not synced, and
 * an automatic checkpoint that fails to sync it tells nobody, which can cost
 * a later commit.
 */
static bool play_trouble(const struct trouble *trouble, uint64_t skip)
{
    struct setup setup = wal;
    struct bed bed;
    int rc = SQLITE_OK;
    setup.journal = trouble->journal;
    setup.sync = "EXTRA";
    setup.characteristics = SQLITE_IOCAP_POWERSAFE_OVERWRITE;
    start(&bed, &setup, skip, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    sqlite3_extended_result_codes(bed.db, 1);
    run(&bed, "PRAGMA cache_size=5");
    arm(&bed, trouble->point, trouble->action, trouble->amount, skip);
    for (int i = 0; !rc && i < 12; i++)
        rc = transact(&bed);
    cr_assert(!rc || rc == trouble->code, "%s after %d calls: %d, not %d",
              sqlite3_errmsg(bed.db), (int)skip, rc, trouble->code);
    sim_disk_crash(bed.disk);
    close_db(&bed);
    sim_disk_restart(bed.disk);
    sim_disk_heal(bed.disk);
    disarm(&bed);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    examine(&bed);
    cr_assert_eq(bed.damaged, 0);
    cr_assert_eq(bed.lost, 0);
    stop(&bed);
    return rc != SQLITE_OK;
}

Test(sim_vfs, every_failed_call_gives_its_error_and_loses_nothing)
{
    static const struct trouble troubles[] = {
        {SIM_POINT_DISK_READ, ENGINE_ACT_ERROR, 0, SQLITE_IOERR_READ, "WAL"},
        {SIM_POINT_DISK_WRITE, ENGINE_ACT_ERROR, 0, SQLITE_IOERR_WRITE, "WAL"},
        {SIM_POINT_DISK_WRITE, ENGINE_ACT_ERROR, -1, SQLITE_IOERR_WRITE, "WAL"},
        {SIM_POINT_DISK_WRITE, ENGINE_ACT_SHORT, 0, SQLITE_IOERR_WRITE, "WAL"},
        {SIM_POINT_DISK_WRITE, ENGINE_ACT_FULL, 0, SQLITE_FULL, "WAL"},
        {SIM_POINT_DISK_WRITE, ENGINE_ACT_FULL, -1, SQLITE_FULL, "DELETE"},
        {SIM_POINT_DISK_SYNC_BEFORE, ENGINE_ACT_ERROR, 0, SQLITE_IOERR_FSYNC,
         "WAL"},
        {SIM_POINT_DISK_SYNC_BEFORE, ENGINE_ACT_ERROR, -1, SQLITE_IOERR_FSYNC,
         "WAL"},
        {SIM_POINT_DISK_SYNC_AFTER, ENGINE_ACT_ERROR, 0, SQLITE_IOERR_FSYNC,
         "WAL"},
        {SIM_POINT_DISK_TRUNCATE, ENGINE_ACT_ERROR, 0, SQLITE_IOERR_TRUNCATE,
         "TRUNCATE"},
    };
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
        unsigned noticed = 0;
        for (uint64_t skip = 0; skip < 40; skip++)
            noticed += play_trouble(&troubles[i], skip);
        cr_assert_gt(noticed, 3u, "trouble %d", (int)i);
    }
}

Test(sim_vfs, a_disk_that_is_too_small_is_full_and_keeps_what_it_has)
{
    struct sim_disk_config config = {.capacity = 300000};
    struct bed bed;
    start(&bed, &wal, 1, &config);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    run(&bed, "PRAGMA wal_autocheckpoint=0");
    int rc = SQLITE_OK;
    while (!rc)
        rc = transact(&bed);
    cr_assert_eq(rc, SQLITE_FULL);
    cr_assert_gt(bed.transaction, 3u);
    bed.sent = bed.acked;
    run(&bed, "ROLLBACK");
    examine(&bed);
    cr_assert_eq(bed.lost + bed.damaged, 0);
    stop(&bed);
}

static uint64_t hash_file(struct sim_disk *disk, const char *name,
                          uint64_t hash)
{
    uint8_t bytes[4096];
    struct sim_disk_file *file;
    int64_t got;
    if (sim_disk_open(disk, name, false, &file))
        return hash;
    uint64_t offset = 0;
    while ((got = sim_disk_read(disk, file, bytes, sizeof bytes, offset)) > 0) {
        for (int64_t i = 0; i < got; i++)
            hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
        offset += (uint64_t)got;
    }
    sim_disk_close(disk, file);
    return hash;
}

/* What all files hold after 25 crashes. */
static uint64_t hash_of_run(const char *journal, uint64_t seed)
{
    struct setup setup = wal;
    struct bed bed;
    setup.journal = journal;
    start(&bed, &setup, seed, NULL);
    while (bed.rounds < 25)
        crash_round(&bed);
    uint64_t hash = hash_file(bed.disk, "db", bed.transaction);
    hash = hash_file(bed.disk, "db-wal", hash);
    hash = hash_file(bed.disk, "db-journal", hash);
    stop(&bed);
    return hash;
}

Test(sim_vfs, one_seed_gives_the_same_bytes_whatever_ran_before)
{
    uint64_t first = hash_of_run("WAL", 7);
    uint64_t second = hash_of_run("PERSIST", 7);
    sqlite3_randomness(0, NULL);
    cr_assert_eq(hash_of_run("WAL", 7), first);
    cr_assert_eq(hash_of_run("PERSIST", 7), second);
    cr_assert_neq(hash_of_run("WAL", 8), first);
}

static sqlite3 *open_other(const char *pragmas)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open_v2("db", &db, SQLITE_OPEN_READWRITE, "bed"),
                 SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, pragmas, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static int exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

Test(sim_vfs, two_connections_of_a_rollback_journal_exclude_each_other)
{
    struct setup setup = {"DELETE", "NORMAL", "FULL", 512, 4096, false, 0};
    struct bed bed;
    start(&bed, &setup, 1, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    sqlite3 *other = open_other("");
    must(&bed, "BEGIN IMMEDIATE");
    cr_assert_eq(exec(other, "BEGIN IMMEDIATE"), SQLITE_BUSY);
    cr_assert_eq(exec(other, "BEGIN; SELECT * FROM t"), SQLITE_OK);
    must(&bed, "INSERT INTO t VALUES(1, 1, NULL)");
    cr_assert_eq(run(&bed, "COMMIT"), SQLITE_BUSY, "a reader is there");
    cr_assert_eq(exec(other, "COMMIT"), SQLITE_OK);
    must(&bed, "COMMIT");
    cr_assert_eq(exec(other, "BEGIN EXCLUSIVE"), SQLITE_OK);
    cr_assert_eq(run(&bed, "SELECT * FROM t"), SQLITE_BUSY);
    sqlite3_close(other);
    must(&bed, "SELECT * FROM t");
    stop(&bed);
}

static int count_rows(sqlite3 *db)
{
    sqlite3_stmt *stmt;
    sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &stmt, NULL);
    sqlite3_step(stmt);
    int count = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return count;
}

Test(sim_vfs, a_log_lets_one_connection_read_while_another_writes)
{
    struct setup setup = {"WAL", "NORMAL", "FULL", 512, 4096, false, 0};
    struct bed bed;
    start(&bed, &setup, 1, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    must(&bed, "INSERT INTO t VALUES(1, 1, NULL)");
    sqlite3 *other = open_other("BEGIN; SELECT * FROM t");
    cr_assert_eq(count_rows(other), 1);
    must(&bed, "INSERT INTO t VALUES(2, 1, NULL)");
    cr_assert_eq(count_rows(other), 1, "its snapshot");
    cr_assert_eq(exec(other, "COMMIT"), SQLITE_OK);
    cr_assert_eq(count_rows(other), 2);
    must(&bed, "BEGIN IMMEDIATE");
    cr_assert_eq(exec(other, "BEGIN IMMEDIATE"), SQLITE_BUSY);
    must(&bed, "COMMIT");
    sqlite3_close(other);
    stop(&bed);
}

Test(sim_vfs, an_exclusive_connection_keeps_all_others_out)
{
    struct bed bed;
    start(&bed, &wal, 1, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    sqlite3 *other = open_other("");
    cr_assert_eq(exec(other, "SELECT * FROM t"), SQLITE_BUSY);
    sqlite3_close(other);
    stop(&bed);
}

Test(sim_vfs, a_dead_process_leaves_no_lock_and_all_its_commits)
{
    struct setup setup = {"WAL", "NORMAL", "OFF", 512, 4096, false, 0};
    struct bed bed;
    start(&bed, &setup, 1, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    must(&bed, "INSERT INTO t VALUES(1, 1, NULL)");
    must(&bed, "BEGIN IMMEDIATE; INSERT INTO t VALUES(2, 1, NULL)");
    sim_disk_abandon(bed.disk);
    sqlite3 *other = open_other("BEGIN IMMEDIATE");
    cr_assert_eq(count_rows(other), 1);
    cr_assert_eq(run(&bed, "COMMIT") & 0xff, SQLITE_IOERR);
    close_db(&bed);
    cr_assert_eq(exec(other, "INSERT INTO t VALUES(3, 1, NULL); COMMIT"),
                 SQLITE_OK);
    sqlite3_close(other);
    stop(&bed);
}

Test(sim_vfs, without_power_nothing_opens)
{
    struct bed bed;
    start(&bed, &wal, 1, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    sim_disk_crash(bed.disk);
    close_db(&bed);
    cr_assert_eq(open_db(&bed), SQLITE_CANTOPEN);
    stop(&bed);
}

static void must_say(struct bed *bed, const char *sql, const char *expected)
{
    sqlite3_stmt *stmt;
    cr_assert_eq(sqlite3_prepare_v2(bed->db, sql, -1, &stmt, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
    cr_assert_str_eq((const char *)sqlite3_column_text(stmt, 0), expected);
    sqlite3_finalize(stmt);
}

Test(sim_vfs, sqlite_reads_the_clock_of_the_world)
{
    struct bed bed;
    start(&bed, &wal, 1, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    sim_vfs_set_time(bed.vfs, UINT64_C(1767225600123000000));
    must_say(&bed, "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
             "2026-01-01 00:00:00.123");
    stop(&bed);
}

Test(sim_vfs, waiting_for_a_lock_takes_virtual_time)
{
    struct bed bed;
    start(&bed, &wal, 1, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    sqlite3 *other = open_other("");
    sqlite3_busy_timeout(other, 500);
    sim_disk_take_busy(bed.disk);
    cr_assert_eq(exec(other, "SELECT * FROM t"), SQLITE_BUSY);
    cr_assert_geq(sim_disk_take_busy(bed.disk), UINT64_C(400000000));
    sqlite3_close(other);
    stop(&bed);
}

Test(sim_vfs, temporary_files_do_not_touch_the_disk)
{
    struct bed bed;
    start(&bed, &wal, 1, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    must(&bed, "PRAGMA temp_store=FILE; PRAGMA cache_size=5;"
               "PRAGMA temp.cache_size=5");
    uint64_t unsynced = sim_disk_unsynced(bed.disk);
    must(&bed,
         "CREATE TEMP TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
         " SELECT i + 1 FROM n WHERE i < 5000) SELECT i, hex(zeroblob(100))"
         " AS pad FROM n ORDER BY -i");
    must_say(&bed, "SELECT sum(i) FROM (SELECT i FROM big ORDER BY pad, i)",
             "12502500");
    cr_assert_eq(sim_disk_unsynced(bed.disk), unsynced);
    stop(&bed);
}

Test(sim_vfs, an_unreadable_sector_fails_the_read_of_its_page)
{
    struct bed bed;
    start(&bed, &wal, 1, NULL);
    cr_assert_eq(open_db(&bed), SQLITE_OK);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(transact(&bed), SQLITE_OK);
    must(&bed, "PRAGMA wal_checkpoint(TRUNCATE)");
    close_db(&bed);
    cr_assert_eq(sim_disk_corrupt(bed.disk, "db", 40, SIM_DISK_UNREADABLE), 0);
    cr_assert_eq(open_db(&bed), SQLITE_IOERR);
    stop(&bed);
}
