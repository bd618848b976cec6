/*
 * Figures of a report whose names are as bad as names can be, for tests of
 * the formats of other tools.
 */
#ifndef TESTS_SUPPORT_SAMPLE_EXPORT_H
#define TESTS_SUPPORT_SAMPLE_EXPORT_H

#include "reports/export.h"

/* What no format may pass on as it is: marks of each, hidden letters, bytes
 * that are no UTF-8, a letter that XML has not. */
#define SAMPLE_HOSTILE                                                         \
    "a\"b'<script>&|`x`\\ %0A:,{}\n# "                                         \
    "EOF\t\x1b[31m\xff\xe2\x80\xae\xef\xbf\xbe"

/* A run that failed: its names are hostile, its counts small. */
struct report_export sample_export_hostile(void);

/* A run that held, with plain names. */
struct report_export sample_export_plain(void);

#endif
