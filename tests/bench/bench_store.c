#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/store_memory.h"
#include "engine/host/store_sqlite.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_store.h"
#include "tests/bench/noop_vfs.h"

/*
 * Every run goes round: a worker claims its step, finishes it, and the owner
 * appends three events, takes the finished work and puts the next.
 */
enum {
    RUNS = 64,
    REQUESTS = 3 * RUNS * 60,
    MEMORY_REQUESTS = 3 * RUNS * 2000,
    VALUE = 64
};

static const char vfs_name[] = "bench-noop";
static const char path[] = "store";
static const uint64_t owner = (UINT64_C(1) << 32) | 1;
static const uint64_t worker = (UINT64_C(2) << 32) | 1;

struct setting {
    uint32_t page_size;
    uint32_t group; /* requests a commit */
};

static const struct engine_store_limits limits = {.op_payload_max = 1 << 20,
                                                  .request_max = 1 << 20,
                                                  .history_ops_max = UINT64_MAX,
                                                  .blob_max = 1 << 20,
                                                  .snapshot_max = 16 << 20};

/* The requests, built once and changed in place. */
struct load {
    struct engine_store store;
    struct engine_block append;
    struct engine_block claim;
    struct engine_block finish;
    struct engine_block reply;
    uint64_t seq[RUNS + 1];
    uint32_t op[RUNS + 1]; /* of the work that is there */
};

static void item(struct engine_block *block, uint16_t type, uint16_t kind,
                 uint32_t flags, size_t size)
{
    static const char zeros[VALUE];
    struct engine_item head = {
        .type = type, .kind = kind, .attempt = 1, .flags = flags};

    if (!engine_block_item(block, &head, zeros, size))
        bench_fail("out of memory");
    ((struct engine_request *)(void *)block->bytes)->item_count++;
}

static struct engine_request *begin(struct engine_block *block, uint16_t kind)
{
    struct engine_request *request;

    engine_block_init(block);
    request = engine_block_begin(block, sizeof(*request));
    if (!request)
        bench_fail("out of memory");
    request->kind = kind;
    request->sender =
        kind == ENGINE_REQ_APPEND || kind == ENGINE_REQ_CREATE ? owner : worker;
    request->token = 1;
    request->attempt = 1;
    request->state = ENGINE_RUN_RUNNING;
    request->ttl_ns = 60000000000;
    return request;
}

static void build(struct load *load)
{
    begin(&load->append, ENGINE_REQ_APPEND);
    item(&load->append, ENGINE_ITEM_EVENT, ENGINE_EV_ATTEMPT_SUCCEEDED, 0,
         VALUE);
    item(&load->append, ENGINE_ITEM_EVENT, ENGINE_EV_OP_SUCCEEDED, 0, 0);
    item(&load->append, ENGINE_ITEM_EVENT, ENGINE_EV_OP_SCHEDULED, 0, 0);
    item(&load->append, ENGINE_ITEM_WORK, 0, ENGINE_WORK_TAKE, 0);
    item(&load->append, ENGINE_ITEM_WORK, 0, ENGINE_WORK_PUT, VALUE);
    begin(&load->claim, ENGINE_REQ_CLAIM);
    begin(&load->finish, ENGINE_REQ_FINISH);
    item(&load->finish, ENGINE_ITEM_WORK, 0, 0, VALUE);
    engine_block_init(&load->reply);
}

static void apply(struct load *load, const struct engine_request *request)
{
    const struct engine_reply *reply;

    if (load->store.ops->apply(load->store.self, request, &load->reply))
        bench_fail("the store failed");
    reply = (const void *)load->reply.bytes;
    if (reply->outcome != ENGINE_COMMITTED)
        bench_fail("a request was not committed");
}

static void append(struct load *load, uint64_t run)
{
    struct engine_request *request = (void *)load->append.bytes;
    uint32_t next = load->op[run] % 1000 + 1;
    uint32_t op = load->op[run];

    request->run = run;
    request->seq = load->seq[run];
    for (struct engine_item *at = (void *)(request + 1); at;
         at = (void *)engine_item_next(request, at)) {
        if (at->type == ENGINE_ITEM_WORK)
            at->op = at->flags == ENGINE_WORK_PUT ? next : op;
    }
    apply(load, request);
    load->seq[run] += 3;
    load->op[run] = next;
}

static void work(struct load *load, struct engine_block *block, uint64_t run)
{
    struct engine_request *request = (void *)block->bytes;

    request->run = run;
    request->op = load->op[run];
    apply(load, request);
}

/* The nth request of the load: all claim, all finish, all append. */
static void send(struct load *load, uint32_t n)
{
    uint64_t run = n % RUNS + 1;

    switch (n / RUNS % 3) {
    case 0:
        work(load, &load->claim, run);
        break;
    case 1:
        work(load, &load->finish, run);
        break;
    default:
        append(load, run);
        break;
    }
}

static void open_group(struct load *load, uint64_t now_ns)
{
    if (load->store.ops->begin(load->store.self, now_ns))
        bench_fail("no group");
}

static void end_group(struct load *load)
{
    if (load->store.ops->commit(load->store.self))
        bench_fail("no commit");
}

static void create_runs(struct load *load)
{
    struct engine_block block;
    struct engine_request *request;

    begin(&block, ENGINE_REQ_CREATE);
    item(&block, ENGINE_ITEM_EVENT, ENGINE_EV_RUN_CREATED, 0, VALUE);
    item(&block, ENGINE_ITEM_WORK, 0, ENGINE_WORK_PUT, VALUE);
    request = (void *)block.bytes;
    open_group(load, 1);
    for (uint64_t run = 1; run <= RUNS; run++) {
        request->run = run;
        apply(load, request);
        load->seq[run] = 2;
        load->op[run] = 0;
    }
    end_group(load);
    engine_block_free(&block);
}

/* Microseconds a request. */
static double run_load(struct load *load, uint32_t count, uint32_t group)
{
    uint64_t began_ns;

    build(load);
    create_runs(load);
    began_ns = bench_cpu_ns();
    for (uint32_t n = 0; n < count; n++) {
        if (n % group == 0)
            open_group(load, n + 2);
        send(load, n);
        if (n % group == group - 1 || n == count - 1)
            end_group(load);
    }
    began_ns = bench_cpu_ns() - began_ns;
    load->store.ops->close(load->store.self);
    engine_block_free(&load->append);
    engine_block_free(&load->claim);
    engine_block_free(&load->finish);
    engine_block_free(&load->reply);
    return (double)began_ns / count / 1000;
}

static void open_sqlite(struct engine_store *store, uint32_t page_size)
{
    struct store_sqlite_config config = {.path = path,
                                         .vfs = vfs_name,
                                         .page_size = page_size,
                                         .create = 1,
                                         .limits = limits};
    char error[STORE_SQLITE_ERROR_SIZE];

    if (store_sqlite_open(&config, store, error))
        bench_fail(error);
}

static double measure_sqlite(void *arg)
{
    const struct setting *setting = arg;
    struct load load = {.store = {0}};
    double value;

    if (noop_vfs_add(vfs_name))
        bench_fail("no file system");
    open_sqlite(&load.store, setting->page_size);
    value = run_load(&load, REQUESTS, setting->group);
    noop_vfs_remove(vfs_name);
    return value;
}

static double measure_memory(void *arg)
{
    const struct setting *setting = arg;
    struct store_memory_config config = {.limits = limits};
    struct load load = {.store = {0}};

    if (store_memory_open(&config, &load.store))
        bench_fail("out of memory");
    return run_load(&load, MEMORY_REQUESTS, setting->group);
}

/* The same statements on the same tables, without the store. */

#define BARE(X)                                                                \
    X(BEGIN, "BEGIN")                                                          \
    X(COMMIT, "COMMIT")                                                        \
    X(RUN, "SELECT token, holder, expires, wake, next_seq, tail, hash, state," \
           " workflow FROM run WHERE run = ?1")                                \
    X(WORK, "SELECT id, attempt, state, holder, claimed, expires, error,"      \
            " retryable FROM work WHERE id = ?1")                              \
    X(INPUT, "SELECT id, attempt, state, holder, claimed, expires, error,"     \
             " retryable, value FROM work WHERE id = ?1")                      \
    X(LOG, "INSERT INTO log (position, run, seq, count, token, time, previous" \
           ", hash, items) VALUES (?1, ?2, ?3, 3, 1, ?4, ?5, ?6, ?7)")         \
    X(TAKE, "DELETE FROM work WHERE id = ?1")                                  \
    X(PUT, "INSERT INTO work (id, attempt, state, holder, claimed, expires,"   \
           " error, retryable, value) VALUES (?1, 1, 1, 0, 0, 0, 0, 0, ?2)")   \
    X(ADVANCE, "UPDATE run SET next_seq = ?2, tail = ?3, hash = ?4, state = 1" \
               " WHERE run = ?1")                                              \
    X(CLAIM, "UPDATE work SET state = 2, holder = ?2, claimed = ?3,"           \
             " expires = ?4 WHERE id = ?1")                                    \
    X(FINISH, "UPDATE work SET state = 3, error = 0, retryable = 0,"           \
              " value = ?2 WHERE id = ?1")

enum bare_statement {
#define BARE_ID(name, sql) BARE_##name,
    BARE(BARE_ID)
#undef BARE_ID
    BARE_COUNT
};

struct bare {
    sqlite3 *db;
    sqlite3_stmt *statements[BARE_COUNT];
    sqlite3_int64 position;
    uint32_t op[RUNS + 1];
};

static void step(sqlite3_stmt *statement, int expected)
{
    if (sqlite3_step(statement) != expected)
        bench_fail("a bare statement failed");
}

static void execute(const struct bare *bare, enum bare_statement which)
{
    step(bare->statements[which], SQLITE_DONE);
    sqlite3_reset(bare->statements[which]);
}

/* Steps to the row of that key, or to none, and looks at all columns. */
static void look(const struct bare *bare, enum bare_statement which,
                 sqlite3_int64 key, int expected)
{
    sqlite3_stmt *statement = bare->statements[which];

    sqlite3_bind_int64(statement, 1, key);
    step(statement, expected);
    for (int i = 0; expected == SQLITE_ROW && i < 8; i++)
        sqlite3_column_int64(statement, i);
    sqlite3_reset(statement);
}

static void bare_log(struct bare *bare, sqlite3_int64 run)
{
    static const char items[3 * sizeof(struct engine_item) + VALUE];
    sqlite3_stmt *insert = bare->statements[BARE_LOG];

    sqlite3_bind_int64(insert, 1, ++bare->position);
    sqlite3_bind_int64(insert, 2, run);
    sqlite3_bind_int64(insert, 3, bare->position);
    sqlite3_bind_int64(insert, 4, bare->position);
    sqlite3_bind_int64(insert, 5, bare->position);
    sqlite3_bind_blob(insert, 6, items, 16, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 7, items, sizeof(items), SQLITE_STATIC);
    execute(bare, BARE_LOG);
}

static void bare_append(struct bare *bare, sqlite3_int64 run)
{
    static const char value[VALUE];
    sqlite3_stmt *const *of = bare->statements;
    uint32_t next = bare->op[run] % 1000 + 1;

    look(bare, BARE_RUN, run, SQLITE_ROW);
    look(bare, BARE_WORK, run << 16 | bare->op[run], SQLITE_ROW);
    look(bare, BARE_WORK, run << 16 | next, SQLITE_DONE);
    bare_log(bare, run);
    sqlite3_bind_int64(of[BARE_TAKE], 1, run << 16 | bare->op[run]);
    execute(bare, BARE_TAKE);
    sqlite3_bind_int64(of[BARE_PUT], 1, run << 16 | next);
    sqlite3_bind_blob(of[BARE_PUT], 2, value, VALUE, SQLITE_STATIC);
    execute(bare, BARE_PUT);
    sqlite3_bind_int64(of[BARE_ADVANCE], 1, run);
    sqlite3_bind_int64(of[BARE_ADVANCE], 2, bare->position);
    sqlite3_bind_int64(of[BARE_ADVANCE], 3, bare->position);
    sqlite3_bind_blob(of[BARE_ADVANCE], 4, value, 16, SQLITE_STATIC);
    execute(bare, BARE_ADVANCE);
    bare->op[run] = next;
}

static void bare_claim(struct bare *bare, sqlite3_int64 run)
{
    sqlite3_stmt *update = bare->statements[BARE_CLAIM];

    look(bare, BARE_INPUT, run << 16 | bare->op[run], SQLITE_ROW);
    sqlite3_bind_int64(update, 1, run << 16 | bare->op[run]);
    sqlite3_bind_int64(update, 2, (sqlite3_int64)worker);
    sqlite3_bind_int64(update, 3, bare->position);
    sqlite3_bind_int64(update, 4, bare->position + 60000000000);
    execute(bare, BARE_CLAIM);
}

static void bare_finish(struct bare *bare, sqlite3_int64 run)
{
    static const char value[VALUE];
    sqlite3_stmt *update = bare->statements[BARE_FINISH];

    look(bare, BARE_WORK, run << 16 | bare->op[run], SQLITE_ROW);
    sqlite3_bind_int64(update, 1, run << 16 | bare->op[run]);
    sqlite3_bind_blob(update, 2, value, VALUE, SQLITE_STATIC);
    execute(bare, BARE_FINISH);
}

static void bare_send(struct bare *bare, uint32_t n)
{
    sqlite3_int64 run = n % RUNS + 1;

    switch (n / RUNS % 3) {
    case 0:
        bare_claim(bare, run);
        break;
    case 1:
        bare_finish(bare, run);
        break;
    default:
        bare_append(bare, run);
        break;
    }
}

/* The store makes the tables and the runs. */
static void bare_prepare_file(uint32_t page_size)
{
    struct load load = {.store = {0}};

    open_sqlite(&load.store, page_size);
    engine_block_init(&load.reply);
    create_runs(&load);
    engine_block_free(&load.reply);
    load.store.ops->close(load.store.self);
}

static void bare_open(struct bare *bare)
{
    static const char *const sql[] = {
#define BARE_SQL(name, text) text,
        BARE(BARE_SQL)
#undef BARE_SQL
    };

    if (sqlite3_open_v2(path, &bare->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        vfs_name) ||
        sqlite3_exec(bare->db,
                     "PRAGMA locking_mode=EXCLUSIVE;"
                     "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
                     "PRAGMA wal_autocheckpoint=250",
                     NULL, NULL, NULL))
        bench_fail(sqlite3_errmsg(bare->db));
    for (int i = 0; i < BARE_COUNT; i++) {
        if (sqlite3_prepare_v3(bare->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &bare->statements[i], NULL))
            bench_fail(sqlite3_errmsg(bare->db));
    }
    bare->position = RUNS;
}

static void bare_close(struct bare *bare)
{
    for (int i = 0; i < BARE_COUNT; i++)
        sqlite3_finalize(bare->statements[i]);
    sqlite3_close(bare->db);
}

static double measure_bare(void *arg)
{
    const struct setting *setting = arg;
    struct bare bare = {.op = {0}};
    uint64_t began_ns;

    if (noop_vfs_add(vfs_name))
        bench_fail("no file system");
    bare_prepare_file(setting->page_size);
    bare_open(&bare);
    began_ns = bench_cpu_ns();
    for (uint32_t n = 0; n < REQUESTS; n++) {
        if (n % setting->group == 0)
            execute(&bare, BARE_BEGIN);
        bare_send(&bare, n);
        if (n % setting->group == setting->group - 1 || n == REQUESTS - 1)
            execute(&bare, BARE_COMMIT);
    }
    began_ns = bench_cpu_ns() - began_ns;
    bare_close(&bare);
    noop_vfs_remove(vfs_name);
    return (double)began_ns / REQUESTS / 1000;
}

double bench_store_bare(uint32_t page_size, uint32_t group)
{
    struct setting setting = {page_size, group};

    return measure_bare(&setting);
}

static void compare(struct bench *bench, const char *name, uint32_t page_size,
                    uint32_t group)
{
    struct setting setting = {page_size, group};

    bench_case(bench, &(struct bench_case){.name = name,
                                           .unit = "us/req",
                                           .goal = BENCH_AT_MOST,
                                           .target = 1.25,
                                           .measure = measure_sqlite,
                                           .baseline = measure_bare,
                                           .arg = &setting});
}

/* A run of 25,000 events, as wide as those of a replayed handler. */

enum {
    EVENTS = 25000,
    EVENTS_A_ROW = 10,
    FOLDED = 4 << 20 /* bytes of its snapshot */
};

static void append_events(struct load *load, uint64_t seq, int snapshot)
{
    static const char folded[FOLDED];
    struct engine_item head = {.type = ENGINE_ITEM_SNAPSHOT, .a = seq - 1};
    struct engine_request *request;

    begin(&load->append, ENGINE_REQ_APPEND);
    for (int i = 0; i < EVENTS_A_ROW; i++)
        item(&load->append, ENGINE_ITEM_EVENT, ENGINE_EV_OPERATION_SUCCEEDED, 0,
             VALUE);
    if (snapshot &&
        !engine_block_item(&load->append, &head, folded, sizeof(folded)))
        bench_fail("out of memory");
    request = (void *)load->append.bytes;
    request->item_count += (uint32_t)snapshot;
    request->run = 1;
    request->seq = seq;
    apply(load, request);
    engine_block_free(&load->append);
}

/* Milliseconds until the run's log is read, checked and in the reply. */
static double measure_load(void *arg)
{
    const int *snapshot = arg;
    struct load load = {.store = {0}};
    struct engine_block block;
    struct engine_request *request;
    uint64_t began_ns;

    if (noop_vfs_add(vfs_name))
        bench_fail("no file system");
    open_sqlite(&load.store, 4096);
    create_runs(&load);
    for (uint64_t seq = 2; seq < EVENTS; seq += EVENTS_A_ROW) {
        open_group(&load, seq);
        append_events(&load, seq, *snapshot && seq + EVENTS_A_ROW >= EVENTS);
        end_group(&load);
    }
    request = begin(&block, ENGINE_REQ_LOAD);
    request->sender = owner;
    request->run = 1;
    open_group(&load, EVENTS);
    began_ns = bench_cpu_ns();
    apply(&load, request);
    began_ns = bench_cpu_ns() - began_ns;
    end_group(&load);
    engine_block_free(&block);
    engine_block_free(&load.reply);
    load.store.ops->close(load.store.self);
    noop_vfs_remove(vfs_name);
    return (double)began_ns / 1e6;
}

static void compare_loads(struct bench *bench)
{
    int with = 1;
    int without = 0;

    bench_case(bench,
               &(struct bench_case){.name = "store: load 25,000 events, folded",
                                    .unit = "ms",
                                    .goal = BENCH_AT_MOST,
                                    .target = 20,
                                    .measure = measure_load,
                                    .arg = &with});
    bench_case(bench,
               &(struct bench_case){.name = "store: load 25,000 events, log",
                                    .unit = "ms",
                                    .goal = BENCH_NO_GOAL,
                                    .measure = measure_load,
                                    .arg = &without});
}

/* The load of the other rows in an encrypted store. */
static double measure_sealed(void *arg)
{
    static const uint8_t key[32] = {1};
    const struct setting *setting = arg;
    struct store_sqlite_config config = {.path = path,
                                         .vfs = vfs_name,
                                         .page_size = setting->page_size,
                                         .create = 1,
                                         .key = key,
                                         .limits = limits};
    char error[STORE_SQLITE_ERROR_SIZE];
    struct load load = {.store = {0}};
    double value;

    if (noop_vfs_add(vfs_name))
        bench_fail("no file system");
    if (store_sqlite_open(&config, &load.store, error))
        bench_fail(error);
    value = run_load(&load, REQUESTS, setting->group);
    noop_vfs_remove(vfs_name);
    return value;
}

static void compare_sealed(struct bench *bench)
{
    struct setting ten = {4096, 10};

    bench_case(bench,
               &(struct bench_case){.name = "store: SQLite 4 KiB, encrypted",
                                    .unit = "us/req",
                                    .goal = BENCH_AT_MOST,
                                    .target = 3,
                                    .measure = measure_sealed,
                                    .baseline = measure_sqlite,
                                    .arg = &ten});
}

void bench_store(struct bench *bench)
{
    struct setting hundred = {1024, 100};

    compare(bench, "store: SQLite 4 KiB, one a commit", 4096, 1);
    compare(bench, "store: SQLite 4 KiB, ten a commit", 4096, 10);
    compare(bench, "store: SQLite 4 KiB, 100 a commit", 4096, 100);
    compare(bench, "store: SQLite 1 KiB, one a commit", 1024, 1);
    compare(bench, "store: SQLite 1 KiB, ten a commit", 1024, 10);
    compare(bench, "store: SQLite 1 KiB, 100 a commit", 1024, 100);
    compare_loads(bench);
    compare_sealed(bench);
    bench_case(bench, &(struct bench_case){.name = "store: memory",
                                           .unit = "us/req",
                                           .goal = BENCH_AT_MOST,
                                           .target = 0.1,
                                           .measure = measure_memory,
                                           .baseline = measure_sqlite,
                                           .arg = &hundred});
}
