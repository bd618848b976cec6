/*
 * Files that are whole or absent. A report is written beside its place under
 * a name of its own, brought to the disk, and then renamed over the old one.
 */
#ifndef REPORTS_FILE_H
#define REPORTS_FILE_H

#include <stddef.h>

/*
 * Replaces the file at path by these bytes. Returns 0, or -1 with errno set;
 * then the old file, if any, is as it was and nothing is left beside it.
 */
int report_file_write(const char *path, const void *bytes, size_t size);

#endif
