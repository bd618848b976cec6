#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/progress_line.h"

#define LONG_AGO UINT64_C(1000000000)

/* Puts a terminal where stderr is, and returns its other end. */
static int become_a_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    cr_assert(slave >= 0 && dup2(slave, STDERR_FILENO) == STDERR_FILENO);
    return master;
}

/* What has come through; of nothing there is nothing to wait for. */
static const char *seen(int master, char *text, size_t size, bool something)
{
    struct pollfd from = {.fd = master, .events = POLLIN};
    (void)poll(&from, 1, something ? 10000 : 0);
    ssize_t got = read(master, text, size - 1);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

Test(progress_line, nobody_is_told_where_there_is_no_terminal)
{
    struct progress_line line;
    int null = open("/dev/null", O_WRONLY);
    cr_assert(dup2(null, STDERR_FILENO) == STDERR_FILENO);
    progress_line_start(&line);
    line.said_ns -= LONG_AGO;
    cr_assert_not(progress_line_due(&line));
}

Test(progress_line, is_due_when_what_was_said_has_stood_for_a_while)
{
    struct progress_line line;
    become_a_terminal();
    progress_line_start(&line);
    line.said_ns -= LONG_AGO;
    cr_assert(progress_line_due(&line));
    uint64_t before_ns = line.said_ns;
    progress_line_say(&line, "%d worlds", 5);
    cr_assert_gt(line.said_ns, before_ns + LONG_AGO / 2);
}

Test(progress_line, wipes_what_it_wrote_and_nothing_else)
{
    char text[64];
    struct progress_line line;
    int master = become_a_terminal();
    progress_line_start(&line);
    progress_line_end(&line);
    cr_assert_str_eq(seen(master, text, sizeof(text), false), "");
    progress_line_say(&line, "%d worlds", 5);
    cr_assert_str_eq(seen(master, text, sizeof(text), true),
                     "\r\033[K5 worlds");
    progress_line_end(&line);
    cr_assert_str_eq(seen(master, text, sizeof(text), true), "\r\033[K");
    progress_line_end(&line);
    cr_assert_str_eq(seen(master, text, sizeof(text), false), "");
}
