#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/host/store_memory.h"
#include "engine/host/store_sqlite.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

/* Openers. */

static int open_memory(void *self, const struct store_opening *how,
                       struct engine_store *out)
{
    struct store_memory_config config = {
        .limits = how->limits, .defects = how->defects, .keep_log = 1};

    (void)self;
    return store_memory_open(&config, out);
}

static const struct store_opener memory = {.name = "memory",
                                           .open = open_memory};

static int open_nameless(void *self, const struct store_opening *how,
                         struct engine_store *out)
{
    struct store_sqlite_config config = {.path = ":memory:",
                                         .page_size = 1024,
                                         .create = 1,
                                         .limits = how->limits,
                                         .defects = how->defects};
    char error[STORE_SQLITE_ERROR_SIZE];

    (void)self;
    return store_sqlite_open(&config, out, error);
}

static const struct store_opener nameless = {
    .name = "sqlite in memory", .open = open_nameless, .undoes = 1};

Test(host_store, memory_store_does_what_every_store_must_do)
{
    cr_assert_eq(store_conformance(&memory), 0);
}

Test(host_store, sqlite_in_memory_does_what_every_store_must_do)
{
    cr_assert_eq(store_conformance(&nameless), 0);
}

Test(host_store, sqlite_on_a_file_does_what_every_store_must_do)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = store_file_opener(&file);

    store_file_make(&file);
    cr_expect_eq(store_conformance(&opener), 0);
    file.journal = STORE_SQLITE_DELETE;
    file.page_size = 1024;
    cr_expect_eq(store_conformance(&opener), 0);
    store_file_remove(&file);
}

Test(host_store, the_suite_has_at_least_forty_sentences)
{
    cr_assert_geq(store_conformance_count(), 40);
}

Test(host_store, random_requests_get_the_model_s_answers_and_equal_bytes)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        cr_assert_eq(store_conformance_random(&memory, &nameless, seed, 2000),
                     0, "seed %d", (int)seed);
}

/* Seeded defects. */

static bool say_yes(void *self, const struct engine_site *site,
                    struct engine_decision *decision)
{
    (void)self;
    (void)site;
    decision->action = ENGINE_ACT_DEFECT;
    return true;
}

/* A port on which one defect is on. */
struct switched {
    uint8_t armed[ENGINE_DEFECT_COUNT];
    struct engine_points points;
};

static struct engine_defects switch_on(struct switched *port,
                                       enum engine_defect defect)
{
    memset(port->armed, 0, sizeof(port->armed));
    port->armed[defect] = 1;
    port->points = (struct engine_points){port->armed, say_yes, NULL};
    return (struct engine_defects){.points = &port->points};
}

struct defective {
    const struct store_opener *sound;
    struct engine_defects defects;
};

static int open_defective(void *self, const struct store_opening *how,
                          struct engine_store *out)
{
    const struct defective *defective = self;
    struct store_opening with = *how;

    with.defects = defective->defects;
    return defective->sound->open(defective->sound->self, &with, out);
}

static const struct {
    enum engine_defect defect;
    const char *sentence;
} breaks[] = {
    {ENGINE_DEFECT_LEASE_NO_FENCE, "an_append_with_an_older_token_is_fenced"},
    {ENGINE_DEFECT_LEASE_WALLCLOCK,
     "the_caller_s_clock_does_not_expire_a_lease"},
    {ENGINE_DEFECT_STATUS_NO_CAS, "an_append_to_a_finished_run_conflicts"},
    {ENGINE_DEFECT_TIMER_EARLY,
     "an_append_before_its_time_is_refused_with_both_times"},
    {ENGINE_DEFECT_TIMER_MEM_ONLY,
     "a_released_run_is_due_at_its_wake_and_not_before"},
    {ENGINE_DEFECT_LIMIT_OFF_BY_ONE,
     "a_payload_at_the_limit_is_accepted_and_one_byte_more_refused"},
    {ENGINE_DEFECT_LIMIT_OFF_BY_ONE,
     "a_history_at_the_limit_is_accepted_and_one_event_more_refused"},
    {ENGINE_DEFECT_SPLIT_TXN_DISPATCH, "requests_of_one_group_see_one_another"},
    {ENGINE_DEFECT_OUTBOX_AFTER_COMMIT,
     "the_end_of_a_run_and_its_outbox_row_are_one_change"},
};

Test(host_store, each_seeded_defect_makes_its_sentence_false)
{
    const struct store_opener *stores[] = {&memory, &nameless};

    for (size_t i = 0; i < 2 * sizeof(breaks) / sizeof(breaks[0]); i++) {
        struct switched port;
        const char *sentence = breaks[i / 2].sentence;
        struct defective defective = {stores[i % 2],
                                      switch_on(&port, breaks[i / 2].defect)};
        struct store_opener opener = {
            .name = "defective", .open = open_defective, .self = &defective};

        cr_expect_eq(store_conformance_holds(stores[i % 2], sentence), 1);
        cr_expect_eq(store_conformance_holds(&opener, sentence), 0, "%s",
                     sentence);
    }
}

static unsigned create(struct store_bed *bed, uint64_t run)
{
    store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, run);
    store_bed_event(bed, ENGINE_EV_RUN_CREATED, 1);
    store_bed_work(bed, ENGINE_WORK_PUT, 3, 1, "input");
    return store_bed_send(bed);
}

static unsigned append(struct store_bed *bed, uint64_t seq)
{
    struct engine_request *request =
        store_bed_ask(bed, ENGINE_REQ_APPEND, BED_A, 1);

    request->token = 1;
    request->seq = seq;
    request->state = ENGINE_RUN_RUNNING;
    store_bed_event(bed, ENGINE_EV_OP_SCHEDULED, 1);
    return store_bed_send(bed);
}

static uint32_t work_rows(struct store_bed *bed)
{
    store_bed_ask(bed, ENGINE_REQ_MAIL, BED_A, 1)->token = 1;
    store_bed_send(bed);
    return store_bed_reply(bed)->item_count;
}

Test(host_store, work_set_aside_by_a_defect_appears_a_group_later)
{
    struct switched port;
    struct defective defective = {
        &nameless, switch_on(&port, ENGINE_DEFECT_SPLIT_TXN_DISPATCH)};
    struct store_opener opener = {.open = open_defective, .self = &defective};
    struct store_bed bed;

    cr_assert_eq(store_bed_open(&bed, &opener), 0);
    cr_assert_eq(create(&bed, 1), ENGINE_COMMITTED);
    cr_expect_eq(work_rows(&bed), 1);
    store_bed_close(&bed);
}

/* Files. */

static int open_again(struct store_bed *bed)
{
    return bed->opener->open(bed->opener->self, &bed->how, &bed->store);
}

static void close_store(struct store_bed *bed)
{
    bed->store.ops->close(bed->store.self);
}

static void open_bed(struct store_bed *bed, struct store_file *file,
                     struct store_opener *opener)
{
    *opener = store_file_opener(file);
    store_file_make(file);
    cr_assert_eq(store_bed_open(bed, opener), 0, "%s", file->error);
}

static const struct {
    const char *what;
    const char *sql;
    uint64_t actual;
    uint64_t maximum;
} damages[] = {
    {"a changed event", "UPDATE log SET items = zeroblob(104) WHERE seq = 2", 2,
     2},
    {"a changed time", "UPDATE log SET time = time + 1 WHERE seq = 1", 1, 1},
    {"a changed count", "UPDATE log SET count = 2 WHERE seq = 3", 3, 3},
    {"a missing first row", "DELETE FROM log WHERE seq = 1", 2, 1},
    {"a missing last row", "DELETE FROM log WHERE seq = 3", 1, 4},
    {"a circle", "UPDATE log SET previous = 3 WHERE seq = 2", 2, 1},
    {"a log from before", "UPDATE run SET next_seq = 3", 4, 3},
};

static void damage(const char *what, const char *sql, uint64_t actual,
                   uint64_t maximum)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener;
    struct store_bed bed;

    open_bed(&bed, &file, &opener);
    create(&bed, 1);
    append(&bed, 2);
    append(&bed, 3);
    close_store(&bed);
    store_file_meddle(&file, sql);
    cr_assert_eq(open_again(&bed), 0);
    bed.now = 5000;
    store_bed_ask(&bed, ENGINE_REQ_ACQUIRE, BED_B, 0);
    cr_expect_eq(store_bed_send(&bed), ENGINE_REFUSED, "%s", what);
    cr_expect_eq(store_bed_reply(&bed)->actual, actual, "%s", what);
    cr_expect_eq(store_bed_reply(&bed)->maximum, maximum, "%s", what);
    cr_expect_eq(store_bed_reply(&bed)->run, 1);
    cr_expect_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    cr_expect_eq(store_bed_reply(&bed)->item_count, 0, "%s: due again", what);
    cr_expect_eq(append(&bed, 4), ENGINE_FENCED);
    store_bed_close(&bed);
    store_file_remove(&file);
}

Test(host_store, a_broken_log_is_refused_and_its_run_blocked)
{
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
        damage(damages[i].what, damages[i].sql, damages[i].actual,
               damages[i].maximum);
}

Test(host_store, a_second_opener_is_told_that_the_file_is_in_use)
{
    for (int journal = STORE_SQLITE_WAL; journal <= STORE_SQLITE_DELETE;
         journal++) {
        struct store_file file = {
            .page_size = 4096, .journal = (enum store_sqlite_journal)journal};
        struct store_opener opener;
        struct store_bed bed;
        struct engine_store other;

        open_bed(&bed, &file, &opener);
        cr_expect_eq(opener.open(opener.self, &bed.how, &other), -1);
        cr_expect(strstr(file.error, "in use"), "%s", file.error);
        cr_expect_eq(create(&bed, 1), ENGINE_COMMITTED);
        store_bed_close(&bed);
        store_file_remove(&file);
    }
}

/* Opens a file that was made by sql; the sentence must be in the error. */
static void refuse(const char *sql, const char *sentence)
{
    struct store_file file = {.page_size = 1024};
    struct store_opener opener = store_file_opener(&file);
    struct store_opening how = {.fresh = 0};
    struct engine_store store;

    store_file_make(&file);
    store_file_meddle(&file, sql);
    cr_expect_eq(opener.open(opener.self, &how, &store), -1);
    cr_expect(strstr(file.error, sentence), "%s", file.error);
    store_file_remove(&file);
}

Test(host_store, files_of_others_and_of_newer_versions_are_refused)
{
    refuse("CREATE TABLE songs (title)", "another program");
    refuse("PRAGMA application_id=77", "another program");
    refuse("PRAGMA application_id=0x70657264; PRAGMA user_version=3",
           "newer version");
}

Test(host_store, a_file_that_is_no_database_is_refused_and_left_alone)
{
    static const char text[] = "Dear diary, today I was not opened. "
                               "Tomorrow neither, I am afraid. Yours, file.";
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = store_file_opener(&file);
    struct store_opening how = {.fresh = 0};
    char after[sizeof(text)] = "";
    struct engine_store store;
    FILE *stream;

    store_file_make(&file);
    stream = fopen(file.path, "w");
    for (int i = 0; i < 20; i++)
        fwrite(text, sizeof(text), 1, stream);
    fclose(stream);
    cr_expect_eq(opener.open(opener.self, &how, &store), -1);
    cr_expect(strstr(file.error, "not a database"), "%s", file.error);
    stream = fopen(file.path, "r");
    cr_assert_eq(fread(after, sizeof(after), 1, stream), 1);
    fclose(stream);
    cr_expect_arr_eq(after, text, sizeof(text));
    store_file_remove(&file);
}

Test(host_store, a_missing_file_is_not_made_unless_asked_for)
{
    struct store_sqlite_config config = {.path = "/tmp/perdure-no-such-store"};
    char error[STORE_SQLITE_ERROR_SIZE];
    struct engine_store store;

    cr_expect_eq(store_sqlite_open(&config, &store, error), -1);
    cr_expect(strstr(error, "cannot be opened"), "%s", error);
}

/* From now on files cannot grow, or can again. */
static void let_files_grow(int grow)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = grow ? limit.rlim_max : 0;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Commits an append on a full disk; what commit() says. */
static int commit_on_a_full_disk(struct store_bed *bed)
{
    const struct engine_store *store = &bed->store;
    struct engine_request *request =
        store_bed_ask(bed, ENGINE_REQ_APPEND, BED_A, 1);
    int result;

    request->token = 1;
    request->seq = 2;
    request->state = ENGINE_RUN_RUNNING;
    store_bed_event(bed, ENGINE_EV_OP_SCHEDULED, 1);
    cr_assert_eq(store->ops->begin(store->self, 1001), 0);
    cr_assert_eq(store_bed_apply(bed), ENGINE_COMMITTED);
    let_files_grow(0);
    result = store->ops->commit(store->self);
    let_files_grow(1);
    return result;
}

Test(host_store, after_a_failed_commit_the_store_is_silent_until_reopened)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener;
    struct store_bed bed;

    open_bed(&bed, &file, &opener);
    create(&bed, 1);
    cr_expect_eq(commit_on_a_full_disk(&bed), -1);
    cr_expect_eq(bed.store.ops->begin(bed.store.self, 1002), -1);
    cr_expect_eq(store_bed_apply(&bed), 0);
    cr_expect_eq(bed.store.ops->commit(bed.store.self), -1);
    cr_assert_eq(store_bed_reopen(&bed), 0);
    cr_expect_eq(append(&bed, 2), ENGINE_COMMITTED);
    store_bed_close(&bed);
    store_file_remove(&file);
}

Test(host_store, a_sync_failure_believed_by_a_defect_loses_the_group)
{
    struct switched port;
    struct store_file file = {.page_size = 4096};
    struct store_opener opener;
    struct store_bed bed;

    open_bed(&bed, &file, &opener);
    create(&bed, 1);
    close_store(&bed);
    bed.how.defects = switch_on(&port, ENGINE_DEFECT_FSYNC_RETRY_OK);
    cr_assert_eq(open_again(&bed), 0);
    cr_expect_eq(commit_on_a_full_disk(&bed), 0);
    cr_expect_eq(append(&bed, 3), ENGINE_CONFLICT);
    cr_expect_eq(append(&bed, 2), ENGINE_COMMITTED);
    store_bed_close(&bed);
    store_file_remove(&file);
}

Test(host_store, closing_writes_nothing_to_the_file)
{
    struct store_file file = {.page_size = 1024};
    struct store_opener opener;
    struct store_bed bed;
    struct stat before;
    struct stat after;
    char wal[128];

    open_bed(&bed, &file, &opener);
    create(&bed, 1);
    snprintf(wal, sizeof(wal), "%s-wal", file.path);
    cr_assert_eq(stat(file.path, &before), 0);
    store_bed_close(&bed);
    cr_assert_eq(stat(file.path, &after), 0);
    cr_expect_eq(before.st_size, after.st_size);
    cr_expect_eq(stat(wal, &after), 0, "the log is still needed");
    store_file_remove(&file);
}

Test(host_store, the_write_ahead_log_stays_bounded)
{
    struct store_file file = {.page_size = 1024};
    struct store_opener opener;
    struct store_bed bed;
    struct stat status;
    char wal[128];

    open_bed(&bed, &file, &opener);
    for (uint64_t run = 1; run <= 2000; run++)
        cr_assert_eq(create(&bed, run), ENGINE_COMMITTED);
    snprintf(wal, sizeof(wal), "%s-wal", file.path);
    cr_assert_eq(stat(wal, &status), 0);
    cr_expect_lt(status.st_size, 1100L * (1024 + 24));
    store_bed_close(&bed);
    store_file_remove(&file);
}

Test(host_store, memory_without_a_log_answers_without_log_rows)
{
    struct store_memory_config config = {.limits = {.op_payload_max = 1 << 20,
                                                    .request_max = 1 << 20,
                                                    .history_ops_max = 1000}};
    struct store_bed bed = {.now = 1000};

    cr_assert_eq(store_memory_open(&config, &bed.store), 0);
    create(&bed, 1);
    cr_expect_eq(append(&bed, 2), ENGINE_COMMITTED);
    cr_expect_eq(store_bed_reply(&bed)->position, 2);
    bed.now = 5000;
    store_bed_ask(&bed, ENGINE_REQ_ACQUIRE, BED_B, 0);
    cr_expect_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    cr_expect(store_bed_find(&bed, ENGINE_ITEM_RUN, 0));
    cr_expect(!store_bed_find(&bed, ENGINE_ITEM_LOG, 0));
    store_bed_close(&bed);
}
