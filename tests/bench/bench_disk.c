/*
 * What the simulated disk costs SQLite: the same small transactions over
 * sim_vfs and over a VFS that does nothing but remember. And how many crashes
 * with the recoveries after them fit into a second.
 */
#include <sqlite3.h>
#include <stdio.h>

#include "sim/disk.h"
#include "sim/vfs.h"
#include "tests/bench/bench.h"
#include "tests/bench/noop_vfs.h"

/* One kind of transaction. */
struct load {
    int page;
    int group; /* inserts in a transaction */
    int transactions;
};

struct session {
    sqlite3 *db;
    sqlite3_stmt *begin, *insert, *commit;
};

static void check(sqlite3 *db, int rc)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        bench_fail(sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    check(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt,
                                 NULL));
    return stmt;
}

static void session_open(struct session *session, int page)
{
    char sql[300];
    check(NULL,
          sqlite3_open_v2("db", &session->db,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "bench"));
    snprintf(sql, sizeof sql,
             "PRAGMA page_size=%d; PRAGMA locking_mode=EXCLUSIVE;"
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
             "CREATE TABLE IF NOT EXISTS t(run INTEGER, seq INTEGER,"
             " items BLOB, PRIMARY KEY(run, seq)) WITHOUT ROWID;",
             page);
    check(session->db, sqlite3_exec(session->db, sql, NULL, NULL, NULL));
    session->begin = prepare(session->db, "BEGIN IMMEDIATE");
    session->insert =
        prepare(session->db, "INSERT INTO t VALUES(?, ?, zeroblob(100))");
    session->commit = prepare(session->db, "COMMIT");
}

static void session_close(struct session *session)
{
    sqlite3_finalize(session->begin);
    sqlite3_finalize(session->insert);
    sqlite3_finalize(session->commit);
    sqlite3_close(session->db);
}

static void step(struct session *session, sqlite3_stmt *stmt)
{
    check(session->db, sqlite3_step(stmt));
    sqlite3_reset(stmt);
}

static void transact(struct session *session, int group, int number)
{
    step(session, session->begin);
    for (int i = 0; i < group; i++) {
        sqlite3_bind_int(session->insert, 1, i % 16);
        sqlite3_bind_int(session->insert, 2, number * group + i);
        step(session, session->insert);
    }
    step(session, session->commit);
}

/* Microseconds a transaction. */
static double pace(const struct load *load)
{
    struct session session;
    session_open(&session, load->page);
    int warm = load->transactions / 10;
    for (int i = 0; i < warm; i++)
        transact(&session, load->group, i);
    uint64_t start = bench_cpu_ns();
    for (int i = 0; i < load->transactions; i++)
        transact(&session, load->group, warm + i);
    uint64_t end = bench_cpu_ns();
    session_close(&session);
    return (double)(end - start) / 1000 / load->transactions;
}

static double pace_noop(void *arg)
{
    if (noop_vfs_add("bench"))
        bench_fail("no VFS to compare with");
    double pace_us = pace(arg);
    noop_vfs_remove("bench");
    return pace_us;
}

struct ground {
    struct sim_disk *disk;
    struct sim_vfs *vfs;
};

static void lay(struct ground *ground)
{
    struct sim_disk_config config = {.sector = 4096};
    struct sim_vfs_config vfs = {
        .name = "bench", .characteristics = SQLITE_IOCAP_POWERSAFE_OVERWRITE};
    engine_stream_init(&config.stream, 1, "disk", 0);
    engine_stream_init(&vfs.stream, 1, "vfs", 0);
    ground->disk = sim_disk_new(&config);
    ground->vfs = ground->disk ? sim_vfs_register(ground->disk, &vfs) : NULL;
    if (!ground->vfs)
        bench_fail("no simulated disk");
}

static void lift(struct ground *ground)
{
    sim_vfs_unregister(ground->vfs);
    sim_disk_free(ground->disk);
}

static double pace_simulated(void *arg)
{
    struct ground ground;
    lay(&ground);
    double pace_us = pace(arg);
    lift(&ground);
    return pace_us;
}

/* Crashes a second, each with 20 commits before and a recovery after it. */
static double crash_rate(void *arg)
{
    struct ground ground;
    const struct load *load = arg;
    lay(&ground);
    uint64_t start = bench_cpu_ns();
    for (int i = 0; i < load->transactions; i++) {
        struct session session;
        session_open(&session, load->page);
        for (int j = 0; j < 20; j++)
            transact(&session, load->group, i * 20 + j);
        sim_disk_crash(ground.disk);
        session_close(&session);
        sim_disk_restart(ground.disk);
    }
    uint64_t end = bench_cpu_ns();
    lift(&ground);
    return load->transactions / ((double)(end - start) * 1e-9);
}

void bench_disk(struct bench *bench)
{
    static struct load small = {1024, 1, 20000};
    static struct load large = {4096, 1, 20000};
    static struct load group = {4096, 100, 500};
    static struct load crashes = {4096, 1, 500};
    static const struct bench_case cases[] = {
        {"SQLite commit, 1 KiB pages: simulated disk / no-op VFS", "us",
         BENCH_AT_MOST, 1.25, pace_simulated, pace_noop, &small},
        {"SQLite commit, 4 KiB pages: simulated disk / no-op VFS", "us",
         BENCH_AT_MOST, 1.25, pace_simulated, pace_noop, &large},
        {"SQLite commit of 100: simulated disk / no-op VFS", "us",
         BENCH_AT_MOST, 1.25, pace_simulated, pace_noop, &group},
        {"crashes with 20 commits and a recovery each", "1/s", BENCH_AT_LEAST,
         445, crash_rate, NULL, &crashes},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        bench_case(bench, &cases[i]);
}
