/*
 * The journal of a sweep: a file in which each result is one record, written
 * in one piece and at once, so that an interruption loses what was under way
 * and nothing else. It opens with lines that say which sweep it is; the
 * journal of another is refused. A record cut off at the end, by a full disk
 * or a lost power, is dropped when the journal is opened.
 */
#ifndef SCENARIOS_SWEEP_JOURNAL_H
#define SCENARIOS_SWEEP_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

struct sweep_journal;

enum sweep_journal_error {
    SWEEP_JOURNAL_EIO = -1,      /* see message */
    SWEEP_JOURNAL_EFOREIGN = -2, /* it is that of another sweep */
    SWEEP_JOURNAL_EBUSY = -3     /* another process is writing it */
};

/*
 * Opens DIR/NAME, or makes it for the sweep that `identity` describes (lines,
 * the last one ended too, without empty ones). NULL, *error and a sentence in
 * message on failure.
 */
struct sweep_journal *sweep_journal_open(const char *directory,
                                         const char *name, const char *identity,
                                         int *error, char *message,
                                         size_t size);
void sweep_journal_close(struct sweep_journal *journal);

/*
 * The result of an item, read back into result, which has room for `room`
 * bytes; its size, or 0 if the journal has none.
 */
size_t sweep_journal_get(struct sweep_journal *journal, uint64_t index,
                         void *result, size_t room);

/* Adds one. 0, or -1 with errno: the journal is as it was. */
int sweep_journal_put(struct sweep_journal *journal, uint64_t index,
                      const void *result, size_t size);

/* How many results it has. */
uint64_t sweep_journal_count(const struct sweep_journal *journal);

#endif
