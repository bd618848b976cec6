/*
 * The chart library that makes the charts of report.html zoomable. It is one
 * of the system's packages, put into the program when it is built, and it is
 * optional: without it the page has static charts only.
 */
#ifndef REPORTS_LIBRARY_H
#define REPORTS_LIBRARY_H

struct report_library {
    const char *script; /* JavaScript up to the end; holds no "</script" */
    const char *script_end;
    const char *style; /* CSS; holds no "</style" */
    const char *style_end;
};

/* The one that this program was built with; NULL: none. */
const struct report_library *report_library(void);

/* The page's own script, which makes charts with the library. */
extern const char report_page_script[];
extern const char report_page_script_end[];

#endif
