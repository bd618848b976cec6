#include "scenarios/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    COLUMNS_USUAL = 80
};

static bool has(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

bool terminal_moves(int fd)
{
    return isatty(fd) && has("TERM") && strcmp(getenv("TERM"), "dumb") != 0;
}

uint32_t terminal_columns(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_USUAL;
    return size.ws_col;
}

bool terminal_colour(int fd, bool never)
{
    if (never || has("NO_COLOR"))
        return false;
    if (has("CLICOLOR_FORCE") && strcmp(getenv("CLICOLOR_FORCE"), "0") != 0)
        return true;
    return terminal_moves(fd);
}
