/*
 * The kill matrix: every seeded defect is let loose, and the checkers must
 * see it. A defect is tried in its own scenario, where the property that it
 * names must fail and nothing may fail without it; in swarms, seed after seed
 * until one kills it; and in crash sweeps, boundary after boundary until the
 * named property sees it.
 *
 *     defect x (own | swarm | crash sweep) -> who saw it, after how many seeds
 *
 * A defect that nobody kills is a hole in a checker. Work that takes too long
 * is given up and kills nobody. But for that the result is the same however
 * many processes work on it.
 */
#ifndef SCENARIOS_MATRIX_H
#define SCENARIOS_MATRIX_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/defects.h"
#include "scenarios/progress_line.h"
#include "scenarios/scenario.h"

enum matrix_kind {
    MATRIX_OWN,   /* the defect's own scenario, seeds from its own on */
    MATRIX_SWARM, /* seeds from 1 on */
    MATRIX_CRASH  /* a crash at each boundary of the scenario's seed, until
                     the defect's property fails */
};

enum {
    MATRIX_COLUMNS_MAX = 8
};

/* Where defects are tried. The first is MATRIX_OWN, with scenario NULL. */
struct matrix_column {
    enum matrix_kind kind;
    const struct scenario *scenario;
};

struct matrix_config {
    const uint32_t *defects;            /* enum engine_defect; borrowed */
    const struct scenario *const *owns; /* by place in defects; borrowed */
    uint32_t defect_count;
    struct matrix_column columns[MATRIX_COLUMNS_MAX];
    uint32_t column_count;
    uint64_t seeds;    /* most seeds in a swarm or in its own scenario */
    uint32_t jobs;     /* 0: one for each core */
    uint64_t limit_ns; /* of one seed or sweep; 0: ten minutes */
    const volatile sig_atomic_t *interrupted; /* NULL: never */
    /* Often; may be NULL. */
    void (*progress)(void *self, const struct progress_now *now);
    void *progress_self;
};

struct matrix_cell {
    uint64_t seeds;  /* to the first kill; 0: it lived */
    uint64_t tried;  /* seeds tried; of a crash sweep: worlds */
    uint64_t kills;  /* worlds of a crash sweep that saw it */
    uint64_t failed; /* mask of the properties that failed, as in trials */
    bool died;       /* the process that made the world died of it */
    bool hung;       /* a seed or the sweep was given up: nothing is known of
                        it, and nothing further was tried */
    bool missed;     /* only an expectation noticed: no kill */
};

struct matrix_row {
    uint32_t defect;
    uint32_t property; /* index in check_all that must see it */
    bool named;        /* it did, in the defect's own scenario */
    bool clean;        /* without the defect that scenario holds */
    char trouble[200]; /* why not, if so */
    struct matrix_cell cells[MATRIX_COLUMNS_MAX];
};

enum matrix_error {
    MATRIX_EWORLD = -1, /* a world could not be made; see message */
    MATRIX_ESYSTEM = -2,
    MATRIX_EINTERRUPTED = -3,
};

/* Fills in defect_count rows. 0, or an error and a sentence in message. */
int matrix_run(const struct matrix_config *config, struct matrix_row *rows,
               char *message, size_t message_size);

/* Index of a property in check_all; UINT32_MAX: there is none. */
uint32_t matrix_property(const char *id);

/*
 * The median of the seeds it took to kill those that were killed in a column,
 * in thousandths; 0: none was. *killed is how many.
 */
uint64_t matrix_median_milli(const struct matrix_row *rows, uint32_t count,
                             uint32_t column, uint32_t *killed);

#endif
