#include "scenarios/progress_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/host/loop.h"

#define STANDS_NS UINT64_C(200000000)
#define WIPE "\r\033[K"

void progress_line_start(struct progress_line *line)
{
    *line = (struct progress_line){
        .wanted = isatty(STDERR_FILENO),
        .began_ns = host_mono_ns(),
    };
    line->said_ns = line->began_ns;
}

bool progress_line_due(struct progress_line *line)
{
    return line->wanted && host_mono_ns() - line->said_ns >= STANDS_NS;
}

/* In one write, so that nobody sees an empty line between two. */
void progress_line_say(struct progress_line *line, const char *format, ...)
{
    char text[512] = WIPE;
    size_t wipe = sizeof(WIPE) - 1;
    va_list arguments;
    line->said_ns = host_mono_ns();
    line->shown = true;
    va_start(arguments, format);
    vsnprintf(text + wipe, sizeof(text) - wipe, format, arguments);
    va_end(arguments);
    (void)fputs(text, stderr);
}

uint64_t progress_line_elapsed(const struct progress_line *line)
{
    return host_mono_ns() - line->began_ns;
}

void progress_line_end(struct progress_line *line)
{
    if (line->shown)
        (void)fputs(WIPE, stderr);
    line->shown = false;
}
