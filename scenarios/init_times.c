#include "scenarios/init_times.h"

#include <string.h>

#include "scenarios/table.h"

#define HEADER                                                                 \
    "runtime,package,mem_mb,arch,n,min,p1,p5,p10,p25,p50,p75,p90,p95,p99,"     \
    "p999,max,first_ms"
#define POINTS 12
#define NAMES_MAX 128
#define ROWS_MAX 8 /* memory sizes of one runtime, package, architecture */
#define TIME_MAX_NS (UINT64_C(3600) * 1000000000)
#define MEMORY_MAX_MB 1000000

enum column {
    RUNTIME,
    PACKAGE,
    MEMORY,
    ARCH,
    SAMPLES,
    QUANTILES,
    FIRST = QUANTILES + POINTS,
};

static const double shares[POINTS] = {0,    0.01, 0.05, 0.1,  0.25,  0.5,
                                      0.75, 0.9,  0.95, 0.99, 0.999, 1};

/* Names seen so far in one column, for "did you mean". */
struct names {
    uint32_t count;
    char text[NAMES_MAX][TABLE_FIELD_SIZE];
    const char *list[NAMES_MAX];
};

struct row {
    struct init_times times;
    uint32_t memory_mb;
};

struct search {
    const struct init_times_key *key;
    struct names runtimes, packages, archs; /* each among the ones before */
    struct row rows[ROWS_MAX];
    uint32_t row_count;
};

/* True if this is the wanted name; else it is kept once. */
static bool wanted(struct names *names, const char *found, const char *want)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i], found) == 0) {
            return strcmp(found, want) == 0;
        }
    }
    if (names->count < NAMES_MAX) {
        char *copy = names->text[names->count];
        memcpy(copy, found, TABLE_FIELD_SIZE);
        names->list[names->count++] = copy;
    }
    return strcmp(found, want) == 0;
}

static bool read_quantiles(struct table *table, struct init_times *times)
{
    struct sim_dist_point points[POINTS];
    for (uint32_t i = 0; i < POINTS; i++) {
        points[i].p = shares[i];
        if (!table_number(table, QUANTILES + i, 6, 0, TIME_MAX_NS,
                          &points[i].value_ns)) {
            return false;
        }
        if (i > 0 && points[i].value_ns < points[i - 1].value_ns) {
            return table_fail(table, QUANTILES + i,
                              "found a quantile below the one before it");
        }
    }
    times->p50_ns = points[5].value_ns;
    times->p95_ns = points[8].value_ns;
    times->p99_ns = points[9].value_ns;
    return sim_dist_table(&times->init, points, POINTS) == 0;
}

static bool read_row(struct table *table, struct row *row)
{
    uint64_t memory_mb;
    if (!table_number(table, MEMORY, 0, 1, MEMORY_MAX_MB, &memory_mb) ||
        !table_number(table, SAMPLES, 0, 1, UINT32_MAX, &row->times.samples) ||
        !table_number(table, FIRST, 6, 0, TIME_MAX_NS, &row->times.first_ns)) {
        return false;
    }
    row->memory_mb = (uint32_t)memory_mb;
    row->times.measured_mb = row->memory_mb;
    return read_quantiles(table, &row->times);
}

/* Every row is checked; those of the right kind are kept by memory. */
static bool keep(struct search *search, struct table *table)
{
    const struct init_times_key *key = search->key;
    struct row row = {.memory_mb = 0};
    if (!read_row(table, &row)) {
        return false;
    }
    if (!wanted(&search->runtimes, table->fields[RUNTIME], key->runtime) ||
        !wanted(&search->packages, table->fields[PACKAGE], key->package) ||
        !wanted(&search->archs, table->fields[ARCH], key->arch)) {
        return true;
    }
    uint32_t at = search->row_count;
    if (at == ROWS_MAX) {
        return table_fail(table, MEMORY, "found more than %d memory sizes",
                          ROWS_MAX);
    }
    for (; at > 0 && search->rows[at - 1].memory_mb >= row.memory_mb; at--) {
        if (search->rows[at - 1].memory_mb == row.memory_mb) {
            return table_fail(table, MEMORY, "found these quantiles twice");
        }
        search->rows[at] = search->rows[at - 1];
    }
    search->rows[at] = row;
    search->row_count++;
    return true;
}

static bool not_found(const struct search *search, struct json_error *err)
{
    const struct init_times_key *key = search->key;
    if (search->packages.count == 0) {
        return json_fail_choice(key->runtime_at, err, "runtime", key->runtime,
                                search->runtimes.list, search->runtimes.count);
    }
    if (search->archs.count == 0) {
        return json_fail_choice(key->package_at, err, "package", key->package,
                                search->packages.list, search->packages.count);
    }
    return json_fail_choice(key->arch_at, err, "architecture", key->arch,
                            search->archs.list, search->archs.count);
}

static uint32_t distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* Of equally near ones the smaller. */
static const struct row *nearest(const struct search *search)
{
    const struct row *best = &search->rows[0];
    for (uint32_t i = 1; i < search->row_count; i++) {
        const struct row *row = &search->rows[i];
        if (distance(row->memory_mb, search->key->memory_mb) <
            distance(best->memory_mb, search->key->memory_mb)) {
            best = row;
        }
    }
    return best;
}

/* The straight line through two times over 1 / memory. */
static uint64_t between(const struct row *small, const struct row *large,
                        uint64_t mb)
{
    uint64_t slow = small->times.first_ns;
    uint64_t fast = large->times.first_ns;
    uint64_t share = (large->memory_mb - mb) * small->memory_mb;
    uint64_t whole = (large->memory_mb - small->memory_mb) * mb;
    if (slow <= fast) {
        return fast;
    }
    /* Within 2^53: times are below an hour, sizes below a terabyte. */
    double part = (double)share / (double)whole;
    return fast + (uint64_t)((double)(slow - fast) * part + 0.5);
}

static uint64_t first_execution(const struct search *search)
{
    const struct row *rows = search->rows;
    const struct row *last = &rows[search->row_count - 1];
    uint64_t mb = search->key->memory_mb;
    if (mb <= rows[0].memory_mb) {
        return rows[0].times.first_ns * rows[0].memory_mb / mb;
    }
    for (uint32_t i = 1; i < search->row_count; i++) {
        if (mb <= rows[i].memory_mb) {
            return between(&rows[i - 1], &rows[i], mb);
        }
    }
    mb = mb < search->key->vcpu_mb ? mb : search->key->vcpu_mb;
    return mb <= last->memory_mb ? last->times.first_ns
                                 : last->times.first_ns * last->memory_mb / mb;
}

bool init_times_find(const char *name, const char *text, size_t size,
                     const struct init_times_key *key, struct init_times *times,
                     struct json_error *err)
{
    struct search search = {.key = key};
    struct table table;
    if (!table_open(&table, name, text, size, HEADER, err)) {
        return false;
    }
    while (table_next(&table)) {
        if (!keep(&search, &table)) {
            return false;
        }
    }
    if (err->code != 0) {
        return false;
    }
    if (search.row_count == 0) {
        return not_found(&search, err);
    }
    *times = nearest(&search)->times;
    times->first_ns = first_execution(&search);
    return true;
}

bool init_times_each(const char *name, const char *text, size_t size,
                     void (*seen)(void *self, const struct init_times_key *key,
                                  const struct init_times *times),
                     void *self, struct json_error *err)
{
    struct table table;
    struct row row;
    if (!table_open(&table, name, text, size, HEADER, err)) {
        return false;
    }
    while (table_next(&table)) {
        if (!read_row(&table, &row)) {
            return false;
        }
        struct init_times_key key = {.runtime = table.fields[RUNTIME],
                                     .package = table.fields[PACKAGE],
                                     .arch = table.fields[ARCH],
                                     .memory_mb = row.memory_mb};
        seen(self, &key, &row.times);
    }
    return err->code == 0;
}
