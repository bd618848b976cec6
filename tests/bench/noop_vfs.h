/*
 * A file system for SQLite that costs next to nothing: files are buffers in
 * memory and a sync does nothing. What is left to measure is the processor's
 * work.
 */
#ifndef NOOP_VFS_H
#define NOOP_VFS_H

/* Registers it under the name; files are kept until it is removed. */
int noop_vfs_add(const char *name);
/* Unregisters it and frees its files. None may be open. */
void noop_vfs_remove(const char *name);

#endif
