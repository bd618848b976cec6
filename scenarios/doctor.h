/*
 * What this program was made of and what it finds on this machine: libraries,
 * the disk, the terminal's locale, its own files, and programs that only some
 * parts need. Each row is fine, a warning or something missing, and a row that
 * is not fine says what repairs it.
 *
 *     doctor_look() -> rows -> doctor_text(), doctor_json()
 */
#ifndef SCENARIOS_DOCTOR_H
#define SCENARIOS_DOCTOR_H

#include <stdint.h>

#include "reports/buffer.h"

enum doctor_state {
    DOCTOR_OK,
    DOCTOR_WARN,   /* all works, but some part less well or not at all */
    DOCTOR_MISSING /* something that every run needs */
};

struct doctor_row {
    char name[24];
    enum doctor_state state;
    char found[240];
    char repair[160]; /* what to do; "" if it is fine */
};

enum {
    DOCTOR_ROWS_MAX = 32
};

struct doctor {
    struct doctor_row rows[DOCTOR_ROWS_MAX];
    uint32_t count;
};

/* Where to look, so that it can be elsewhere in tests; all are borrowed. */
struct doctor_place {
    const char *directory; /* where reports and databases would go */
    const char *path;      /* of programs, as in PATH; NULL: none */
    const char *locale;    /* as LC_ALL, LC_CTYPE or LANG say; NULL: none */
};

/* Looks at everything; takes some ten milliseconds, and a few syncs. */
void doctor_look(struct doctor *doctor, const struct doctor_place *place);

/* The gravest state of all rows. */
enum doctor_state doctor_state(const struct doctor *doctor);

void doctor_text(const struct doctor *doctor, struct report_buffer *out);
/* As "perdure.doctor/1". */
void doctor_json(const struct doctor *doctor, struct report_buffer *out);

#endif
