/*
 * Seeded defects of one area: the disk and the file: syncs, tails, snapshots,
 * compaction. engine/defects.h says what they are.
 */
#ifndef ENGINE_DEFECTS_STORAGE_H
#define ENGINE_DEFECTS_STORAGE_H

/* X(id, "name", "what it simulates") */
#define ENGINE_DEFECTS_STORAGE(X)                                              \
    X(SYNC_OFF, "sync_off",                                                    \
      "a database run with synchronous=OFF: commits wait for no disk")         \
    X(FSYNC_RETRY_OK, "fsync_retry_ok",                                        \
      "a failed sync tried again and believed: the dirty pages are gone") \
    X(SNAP_NAMES_LATER, "snap_names_later",                                    \
      "a snapshot that is said to hold events which were written with it and " \
      "are not in it")

#endif
