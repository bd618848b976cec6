#include <criterion/criterion.h>
#include <string.h>

#include "engine/host/store_runs.h"
#include "engine/host/store_sqlite.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

/* A store on a file that others may open too. */
struct shared {
    struct store_file file;
    struct store_opener opener;
    struct store_bed bed;
};

static int open_shared(void *self, const struct store_opening *how,
                       struct engine_store *out)
{
    const struct store_file *file = self;
    struct store_sqlite_config config = {.path = file->path,
                                         .create = 1,
                                         .shared = 1,
                                         .limits = how->limits,
                                         .defects = how->defects};
    char error[STORE_SQLITE_ERROR_SIZE];

    return store_sqlite_open(&config, out, error);
}

static unsigned ask(struct shared *s, uint16_t kind, uint64_t run, uint64_t seq)
{
    struct engine_request *request = store_bed_ask(&s->bed, kind, BED_A, run);

    request->token = 1;
    request->seq = seq;
    request->state = ENGINE_RUN_RUNNING;
    if (kind != ENGINE_REQ_MAIL)
        store_bed_event(&s->bed,
                        kind == ENGINE_REQ_CREATE ? ENGINE_EV_RUN_CREATED
                                                  : ENGINE_EV_OP_SCHEDULED,
                        1);
    return store_bed_apply(&s->bed);
}

static void begin(struct shared *s)
{
    cr_assert_eq(s->bed.store.ops->begin(s->bed.store.self, ++s->bed.now), 0);
}

static void commit(struct shared *s)
{
    cr_assert_eq(s->bed.store.ops->commit(s->bed.store.self), 0);
}

/* Runs 1 and 2, made in one group. */
static void set_up(struct shared *s)
{
    memset(s, 0, sizeof(*s));
    store_file_make(&s->file);
    s->opener = (struct store_opener){
        .name = "shared", .open = open_shared, .self = &s->file};
    cr_assert_eq(store_bed_open(&s->bed, &s->opener), 0);
    begin(s);
    cr_assert_eq(ask(s, ENGINE_REQ_CREATE, 1, 0), ENGINE_COMMITTED);
    cr_assert_eq(ask(s, ENGINE_REQ_CREATE, 2, 0), ENGINE_COMMITTED);
    commit(s);
}

static void tear_down(struct shared *s)
{
    store_bed_close(&s->bed);
    store_file_remove(&s->file);
}

Test(host_store_runs, a_row_that_another_program_changed_is_read_again)
{
    struct shared s;

    set_up(&s);
    store_file_meddle(&s.file, "UPDATE run SET token = 9 WHERE run = 2");
    begin(&s);
    cr_expect_eq(ask(&s, ENGINE_REQ_MAIL, 1, 0), ENGINE_COMMITTED);
    cr_expect_eq(ask(&s, ENGINE_REQ_APPEND, 2, 2), ENGINE_FENCED);
    commit(&s);
    tear_down(&s);
}

Test(host_store_runs, what_was_rolled_back_is_forgotten)
{
    struct shared s;

    set_up(&s);
    begin(&s);
    cr_expect_eq(ask(&s, ENGINE_REQ_APPEND, 1, 2), ENGINE_COMMITTED);
    s.bed.store.ops->rollback(s.bed.store.self);
    begin(&s);
    cr_expect_eq(ask(&s, ENGINE_REQ_MAIL, 2, 0), ENGINE_COMMITTED);
    cr_expect_eq(ask(&s, ENGINE_REQ_APPEND, 1, 2), ENGINE_COMMITTED);
    cr_expect_eq(ask(&s, ENGINE_REQ_APPEND, 1, 3), ENGINE_COMMITTED);
    commit(&s);
    tear_down(&s);
}

/* By itself. */

static void make(struct store_runs *runs)
{
    struct engine_run_row row = {
        .run = 7, .token = 3, .next_seq = 5, .wake_ns = 40, .workflow = 6};

    memset(runs, 0, sizeof(*runs));
    store_runs_begin(runs);
    store_runs_read(runs, 1);
    store_runs_keep(runs, &row);
}

Test(host_store_runs, a_row_is_believed_once_its_group_has_read_the_file)
{
    struct store_runs runs;

    make(&runs);
    cr_expect(store_runs_find(&runs, 7));
    store_runs_commit(&runs, 2);
    cr_expect(!store_runs_find(&runs, 7));
    store_runs_begin(&runs);
    cr_expect(!store_runs_find(&runs, 7));
    store_runs_read(&runs, 2);
    cr_expect(store_runs_find(&runs, 7));
}

Test(host_store_runs, rows_of_another_version_of_the_file_are_forgotten)
{
    struct store_runs runs;

    make(&runs);
    store_runs_commit(&runs, 2);
    store_runs_begin(&runs);
    store_runs_read(&runs, 3);
    cr_expect(!store_runs_find(&runs, 7));
}

Test(host_store_runs, runs_that_share_a_place_are_told_apart)
{
    struct store_runs runs;
    struct engine_run_row other = {.run = 7 + STORE_RUNS_MAX, .next_seq = 9};

    make(&runs);
    cr_expect(!store_runs_find(&runs, other.run));
    store_runs_advance(&runs, &other);
    store_runs_update(&runs, &other);
    cr_expect_eq(store_runs_find(&runs, 7)->next_seq, 5);
    store_runs_keep(&runs, &other);
    cr_expect(!store_runs_find(&runs, 7));
}

Test(host_store_runs, changes_touch_what_they_touch_in_the_file)
{
    struct store_runs runs;
    struct engine_run_row row = {
        .run = 7, .token = 8, .next_seq = 9, .tail = 2};

    make(&runs);
    store_runs_advance(&runs, &row);
    const struct engine_run_row *kept = store_runs_find(&runs, 7);
    cr_expect(kept->next_seq == 9 && kept->tail == 2);
    cr_expect(kept->token == 3 && kept->wake_ns == 40);
    store_runs_update(&runs, &row);
    kept = store_runs_find(&runs, 7);
    cr_expect(kept->token == 8 && kept->wake_ns == 0 && kept->workflow == 6);
}
