/*
 * The digest that a report.json carries of its own bytes, so that a report
 * that was cut short, edited or mixed with another is known for one:
 *
 *     "content_digest": "5d2e..",
 *
 * It is taken over all of the text but its own digits. It is a check
 * against accidents, not a signature. "digest" beside it is another thing:
 * that of the records of the run.
 */
#ifndef REPORTS_CONTENT_H
#define REPORTS_CONTENT_H

#include <stddef.h>

/* The member with zeros in it, as it is before report_content_seal(). */
#define REPORT_CONTENT_ZEROS "00000000000000000000000000000000"

enum report_content {
    REPORT_CONTENT_HOLDS,
    REPORT_CONTENT_ABSENT, /* it carries none */
    REPORT_CONTENT_DIFFERS /* the bytes are others than those written */
};

/* Puts the digest into its place in the text, which must be there. */
void report_content_seal(char *text, size_t size);

/* Whether a text is as it was sealed. Any bytes are allowed. */
enum report_content report_content_check(const char *text, size_t size);

#endif
