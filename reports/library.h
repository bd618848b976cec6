/*
 * The chart library that makes the charts of report.html zoomable. It is one
 * of the system's packages, put into the program when it is built, and it is
 * optional: without it the page has static charts only.
 */
#ifndef REPORTS_LIBRARY_H
#define REPORTS_LIBRARY_H

#include <stddef.h>

struct report_library {
    const char *script; /* JavaScript; holds no "</script" */
    size_t script_size;
    const char *style; /* CSS; holds no "</style" */
    size_t style_size;
};

/* The one that this program was built with; NULL: none. */
const struct report_library *report_library(void);

#endif
