/*
 * Edits of a scenario's document that make it smaller or plainer: what
 * shrinking tries. None of them asks whether the result is a scenario; the
 * reader refuses what is none. All change the document in place.
 */
#ifndef SCENARIOS_SHRINK_EDIT_H
#define SCENARIOS_SHRINK_EDIT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenarios/write_faults.h"

/* Takes the marked elements out of a list; NULL is an empty one. */
void shrink_edit_drop(cJSON *list, const bool *gone);

/* Whether a fault is of the kinds: bits 1 network, 2 disk, 4 platform. */
bool shrink_edit_is_kind(const struct write_fault *fault, unsigned kinds);

enum shrink_edit_load {
    SHRINK_LOAD_SAME,   /* the first of those that there are */
    SHRINK_LOAD_SPREAD, /* evenly over the time that all of them took */
    SHRINK_LOAD_BURST   /* all at once */
};

/* `runs` in place of `before`. False: it cannot be said in this way. */
bool shrink_edit_load(cJSON *document, uint64_t runs, uint64_t before,
                      enum shrink_edit_load load);

/* Faults that wait for a later hit, or a chance, strike the first ones. */
void shrink_edit_loosen(cJSON *faults, uint32_t hits);

/*
 * Only this fault is left, and strikes at this hit only. False: it has times
 * of its own.
 */
bool shrink_edit_pin(cJSON *faults, cJSON *fault, double hit);

void shrink_edit_seed(cJSON *document, uint64_t seed);

/* Each run comes at a time of its own. False without memory. */
bool shrink_edit_arrivals(cJSON *document, const uint64_t *times_ns,
                          uint64_t count);
bool shrink_edit_lists_arrivals(const cJSON *document);

/*
 * Takes runs out of such a list, and renumbers the others where faults name
 * them. False: none would be left.
 */
bool shrink_edit_drop_runs(cJSON *document, const bool *gone);

/* The number-th object that has a list "nodes", in document order, or NULL. */
cJSON *shrink_edit_holder(cJSON *document, int number);

/*
 * Takes nodes out of a graph, with their edges; bridged: what led to them now
 * leads to what followed them.
 */
void shrink_edit_drop_nodes(cJSON *document, cJSON *holder, const bool *gone,
                            bool bridged);

/* The values of the document, parents first, itself not counted. */
size_t shrink_edit_count(const cJSON *document);

/* Deletes value `at`. False: it is needed, or has edits of its own. */
bool shrink_edit_delete(cJSON *document, size_t at);

enum {
    SHRINK_EDIT_WAYS = 3
};

/*
 * Makes value `at` plainer: a number 1, its half or one less, a duration one
 * of one, two or three digits. False: it has none of that.
 */
bool shrink_edit_simplify(cJSON *document, size_t at, uint32_t way);

#endif
