#include "reports/library.h"

#include <stddef.h>

/* A file as it is, between two symbols. */
#define EMBED(name, file)                                                      \
    __asm__(".section .rodata\n.global " #name "\n.type " #name                \
            ", @object\n" #name ":\n.incbin \"" file "\"\n.global " #name      \
            "_end\n" #name "_end:\n.byte 0\n.previous\n")

EMBED(report_page_script, "reports/page_script.js");

#ifdef PERDURE_CHARTS /* the directory of dygraphs */

EMBED(report_library_script, PERDURE_CHARTS "/dygraph.min.js");
EMBED(report_library_style, PERDURE_CHARTS "/dygraph.min.css");

extern const char report_library_script[];
extern const char report_library_script_end[];
extern const char report_library_style[];
extern const char report_library_style_end[];

const struct report_library *report_library(void)
{
    static const struct report_library library = {
        report_library_script, report_library_script_end, report_library_style,
        report_library_style_end};
    return &library;
}

#else

const struct report_library *report_library(void)
{
    return NULL;
}

#endif
