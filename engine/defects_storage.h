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
      "a failed sync tried again and believed: the dirty pages are gone")      \
    X(SNAP_NAMES_LATER, "snap_names_later",                                    \
      "a snapshot that is said to hold events which were written with it and " \
      "are not in it")                                                         \
    X(SYNC_INTERVAL, "sync_interval",                                          \
      "a log synced now and then, not with each commit")                       \
    X(NO_DIRSYNC, "no_dirsync",                                                \
      "a journal removed without a sync of its directory: a crash brings "     \
      "it back")                                                               \
    X(JOURNAL_IN_MEMORY, "journal_in_memory",                                  \
      "a journal kept in memory: a crash inside a commit leaves half of "      \
      "it")                                                                    \
    X(WAL_DISCARDED, "wal_discarded",                                          \
      "a write-ahead log deleted at the start as a leftover")                  \
    X(CHECKPOINT_UNSYNCED, "checkpoint_unsynced",                              \
      "a write-ahead log begun anew before the database is synced")            \
    X(ENOSPC_FATAL, "enospc_fatal",                                            \
      "a store that answers nothing but errors once its disk was full")

#endif
