#include "scenarios/matrix.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/defects.h"
#include "reports/check.h"
#include "scenarios/enumerate.h"
#include "scenarios/pool.h"
#include "scenarios/trial.h"

#define ITEM_LIMIT_NS (UINT64_C(600) * 1000000000)

/* What a process works on: one trial, or one sweep. */
struct item {
    uint32_t row;
    uint32_t column;
    uint64_t number; /* of the seed in its column, from 1; 0: without defect */
};

struct answer {
    uint64_t failed;
    uint64_t worlds;
    uint64_t kills;
    uint32_t verdict;
    uint32_t died;
    uint32_t hung;
    uint32_t missed;
    uint32_t refused; /* text says why */
    char text[TRIAL_TEXT_SIZE];
};

/* How far a cell is. */
struct progress {
    uint64_t next; /* number of the next seed */
    uint64_t under_way;
    bool closed;
};

struct matrix {
    const struct matrix_config *config;
    struct matrix_row *rows;
    struct progress *cells; /* by row, then by column */
    uint64_t done;
    char *message;
    size_t message_size;
};

uint32_t matrix_property(const char *id)
{
    for (uint32_t i = 0; check_all[i]; i++)
        if (strcmp(check_all[i]->id, id) == 0)
            return i;
    return UINT32_MAX;
}

static const struct scenario *scenario_of(const struct matrix *m,
                                          const struct item *item)
{
    const struct matrix_column *column = &m->config->columns[item->column];
    return column->kind == MATRIX_OWN ? m->config->owns[item->row]
                                      : column->scenario;
}

/* In a worker ------------------------------------------------------------- */

static struct trial trial_of(const struct matrix *m, const struct item *item,
                             const char *const *defect)
{
    const struct scenario *scenario = scenario_of(m, item);
    bool own = m->config->columns[item->column].kind == MATRIX_OWN;
    return (struct trial){
        .scenario = scenario,
        .seed = own ? scenario->seed + (item->number ? item->number - 1 : 0)
                    : item->number,
        .defects = defect,
        .defect_count = item->number ? 1 : 0,
    };
}

static void try_seed(const struct trial *trial, struct answer *answer)
{
    struct trial_result result;
    if (trial_run(trial, &result, answer->text, sizeof(answer->text))) {
        answer->refused = 1;
        return;
    }
    answer->worlds = 1;
    answer->failed = result.failed;
    answer->kills = result.failed != 0;
    answer->verdict = result.verdict;
    answer->missed = result.missed != 0;
    memcpy(answer->text, result.text, sizeof(answer->text));
}

static void add_worlds(const struct enumeration *all, struct answer *answer)
{
    answer->worlds = all->count;
    for (uint64_t i = 0; i < all->count; i++) {
        const struct enumerate_world *world = &all->worlds[i];
        if (world->outcome == ENUMERATE_FAILED && world->property < 64)
            answer->failed |= UINT64_C(1) << world->property;
        answer->died |= world->outcome == ENUMERATE_DIED;
        answer->missed |= world->outcome == ENUMERATE_MISSED;
        answer->kills += world->outcome == ENUMERATE_FAILED ||
                         world->outcome == ENUMERATE_DIED;
    }
}

/* Without a fault first: a defect that needs none leaves nothing to sweep. */
static void try_crashes(struct trial *trial, uint32_t property,
                        struct answer *answer)
{
    trial->seed = trial->scenario->seed;
    trial->faultless = true;
    try_seed(trial, answer);
    if (answer->refused || answer->failed)
        return;
    const struct enumerate_config config = {
        .scenario = trial->scenario,
        .seed = trial->seed,
        .defects = trial->defects,
        .defect_count = trial->defect_count,
        .ways = {BOUNDARY_CRASH},
        .way_count = 1,
        .depth = 1,
        .jobs = 1,
        .until = UINT64_C(1) << property,
    };
    struct enumeration *all = NULL;
    int error =
        enumerate_run(&config, &all, answer->text, sizeof(answer->text));
    if (error == 0)
        add_worlds(all, answer);
    else if (error == ENUMERATE_EGOLDEN || error == ENUMERATE_ECUT)
        answer->missed = 1; /* it does not come to its end, unseen */
    else
        answer->refused = 1;
    enumerate_free(all);
}

static size_t work(void *self, const void *bytes, void *out)
{
    const struct matrix *m = self;
    const struct item *item = bytes;
    struct answer *answer = out;
    const char *name = fault_defect_at(m->config->defects[item->row])->name;
    struct trial trial = trial_of(m, item, &name);
    memset(answer, 0, sizeof(*answer));
    if (m->config->columns[item->column].kind == MATRIX_CRASH)
        try_crashes(&trial, m->rows[item->row].property, answer);
    else
        try_seed(&trial, answer);
    return sizeof(*answer);
}

/* Handing out --------------------------------------------------------------
 */

static uint64_t last_seed(const struct matrix *m, uint32_t column)
{
    return m->config->columns[column].kind == MATRIX_CRASH ? 1
                                                           : m->config->seeds;
}

/*
 * The cell with the fewest seeds tried so far comes next, so that few are
 * tried in vain. What a cell's number is does not depend on who is faster.
 */
static enum pool_next next(void *self, uint64_t index, void *bytes,
                           void *result, size_t *size)
{
    struct matrix *m = self;
    struct item *item = bytes;
    struct progress *best = NULL;
    (void)index;
    (void)result;
    (void)size;
    for (uint32_t row = 0; row < m->config->defect_count; row++)
        for (uint32_t column = 0; column < m->config->column_count; column++) {
            struct progress *cell =
                &m->cells[row * m->config->column_count + column];
            if (cell->closed || cell->next > last_seed(m, column) ||
                (best && (best->under_way < cell->under_way ||
                          (best->under_way == cell->under_way &&
                           best->next <= cell->next))))
                continue;
            best = cell;
            *item = (struct item){row, column, cell->next};
        }
    if (!best)
        return POOL_NO_MORE;
    best->next++;
    best->under_way++;
    return POOL_WORK;
}

static void note_clean(struct matrix_row *row, const struct answer *answer)
{
    row->clean = answer->worlds > 0 && answer->verdict == CHECK_PASS;
    if (!row->clean)
        snprintf(row->trouble, sizeof(row->trouble),
                 "without the defect: %.160s", answer->text);
}

/* In a defect's own scenario only its property counts. */
static bool seen(const struct matrix_row *row, const struct answer *answer,
                 bool own)
{
    return own ? answer->failed >> row->property & 1
               : answer->failed != 0 || answer->died != 0;
}

static void note_unseen(struct matrix_row *row, const struct item *item,
                        const struct answer *answer)
{
    if (item->number == 1 || answer->hung)
        snprintf(row->trouble, sizeof(row->trouble), "seed %" PRIu64 ": %.160s",
                 item->number,
                 answer->text[0] ? answer->text : "nothing failed");
}

/* Seeds come back in order within a cell, so the first kill is the first. */
static void note_cell(struct matrix *m, const struct item *item,
                      const struct answer *answer)
{
    struct matrix_row *row = &m->rows[item->row];
    struct matrix_cell *cell = &row->cells[item->column];
    bool own = m->config->columns[item->column].kind == MATRIX_OWN;
    if (cell->seeds || cell->hung)
        return; /* tried in vain */
    cell->tried += answer->worlds;
    cell->kills += answer->kills;
    cell->missed |= answer->missed != 0;
    cell->hung = answer->hung != 0;
    if (seen(row, answer, own)) {
        cell->failed = answer->failed;
        cell->died = answer->died != 0;
        cell->seeds = item->number;
        row->named |= own;
    } else if (own) {
        note_unseen(row, item, answer);
    }
    m->cells[item->row * m->config->column_count + item->column].closed =
        cell->seeds || cell->hung;
}

/* What is known of an item whose process did not answer. */
static struct answer no_answer(enum pool_end end)
{
    struct answer answer = {0};
    answer.hung = end == POOL_HUNG;
    answer.died = !answer.hung;
    answer.worlds = answer.kills = answer.died;
    answer.verdict = CHECK_INCONCLUSIVE;
    snprintf(answer.text, sizeof(answer.text), "%s",
             answer.hung ? "it took too long and was given up"
                         : "the process that made the world died");
    return answer;
}

static bool done(void *self, const struct pool_outcome *outcome)
{
    struct matrix *m = self;
    const struct item *item = outcome->item;
    const struct answer none = no_answer(outcome->end);
    const struct answer *answer =
        outcome->end == POOL_DONE ? outcome->result : &none;
    m->done++;
    if (answer->refused) {
        snprintf(m->message, m->message_size, "%s with %s: %.300s",
                 scenario_of(m, item)->name,
                 fault_defect_at(m->config->defects[item->row])->name,
                 answer->text);
        return false;
    }
    m->cells[item->row * m->config->column_count + item->column].under_way--;
    if (item->number == 0)
        note_clean(&m->rows[item->row], answer);
    else
        note_cell(m, item, answer);
    return true;
}

static bool is_over(const struct matrix *m, uint32_t row, uint32_t column)
{
    const struct progress *cell =
        &m->cells[row * m->config->column_count + column];
    return cell->under_way == 0 &&
           (cell->closed || cell->next > last_seed(m, column));
}

static void tick(void *self)
{
    const struct matrix *m = self;
    char rest[60];
    struct progress_now now = {.unit = "cells", .rest = rest};
    snprintf(rest, sizeof(rest), "%" PRIu64 " trials and sweeps", m->done);
    for (uint32_t row = 0; row < m->config->defect_count; row++)
        for (uint32_t column = 0; column < m->config->column_count; column++) {
            now.total++;
            now.done += is_over(m, row, column);
        }
    if (m->config->progress)
        m->config->progress(m->config->progress_self, &now);
}

static bool start(struct matrix *m)
{
    const struct matrix_config *config = m->config;
    m->cells = calloc((size_t)config->defect_count * config->column_count + 1,
                      sizeof(*m->cells));
    if (!m->cells)
        return false;
    for (uint32_t row = 0; row < config->defect_count; row++) {
        uint32_t defect = config->defects[row];
        m->rows[row] = (struct matrix_row){
            .defect = defect,
            .property = matrix_property(fault_defect_at(defect)->property)};
        for (uint32_t c = 0; c < config->column_count; c++)
            m->cells[row * config->column_count + c].next =
                config->columns[c].kind == MATRIX_OWN ? 0 : 1;
    }
    return true;
}

static int error_of(const struct matrix *m, int error)
{
    if (error == POOL_EINTERRUPTED)
        return MATRIX_EINTERRUPTED;
    if (error == POOL_ESTOPPED)
        return MATRIX_EWORLD;
    if (error)
        snprintf(m->message, m->message_size,
                 "processes for the matrix could not be had");
    return error ? MATRIX_ESYSTEM : 0;
}

int matrix_run(const struct matrix_config *config, struct matrix_row *rows,
               char *message, size_t message_size)
{
    struct matrix m = {.config = config,
                       .rows = rows,
                       .message = message,
                       .message_size = message_size};
    const struct pool_config workers = {
        .jobs = config->jobs,
        .item_size = sizeof(struct item),
        .result_max = sizeof(struct answer),
        .limit_ns = config->limit_ns ? config->limit_ns : ITEM_LIMIT_NS,
        .work = work,
        .self = &m,
        .interrupted = config->interrupted,
    };
    const struct pool_batch batch = {
        .next = next, .done = done, .tick = tick, .self = &m};
    snprintf(message, message_size, "out of memory");
    struct pool *pool = start(&m) ? pool_new(&workers) : NULL;
    int error = pool ? error_of(&m, pool_run(pool, &batch)) : MATRIX_ESYSTEM;
    (void)pool_free(pool);
    free(m.cells);
    return error;
}

/* Figures ----------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t matrix_median_milli(const struct matrix_row *rows, uint32_t count,
                             uint32_t column, uint32_t *killed)
{
    uint64_t seeds[ENGINE_DEFECT_COUNT];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count && n < ENGINE_DEFECT_COUNT; i++)
        if (rows[i].cells[column].seeds)
            seeds[n++] = rows[i].cells[column].seeds;
    *killed = n;
    if (n == 0)
        return 0;
    qsort(seeds, n, sizeof(*seeds), by_size);
    return (seeds[(n - 1) / 2] + seeds[n / 2]) * 500;
}
