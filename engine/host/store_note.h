/*
 * Notes: what whoever hosts an engine keeps beside the logs, in the same file
 * and in the same group as the requests that it goes with, so that either both
 * survive or none does. Of a store in SQLite; numbered by kind and id, whose
 * meaning is the host's.
 */
#ifndef ENGINE_HOST_STORE_NOTE_H
#define ENGINE_HOST_STORE_NOTE_H

#include "engine/store.h"

/* In an open group: writes one, in place of a former one; takes one away, if
 * it is there. 0 or -1. */
int store_note_put(struct engine_store *store, uint32_t kind, uint64_t id,
                   const void *bytes, size_t size);
int store_note_remove(struct engine_store *store, uint32_t kind, uint64_t id);

/* The bytes hold until visit returns, which must not call the store. */
typedef int store_visit_note(void *self, uint32_t kind, uint64_t id,
                             const void *bytes, size_t size);
/* Visits all by kind and id; stops when visit returns non-zero and returns
 * that; -1: they cannot be read. */
int store_note_scan(struct engine_store *store, store_visit_note *visit,
                    void *self);

#endif
