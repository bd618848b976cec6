#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "scenarios/terminal.h"

static int open_terminal(unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    cr_assert_geq(slave, 0);
    cr_assert_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
    return slave;
}

static void plain_environment(void)
{
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    unsetenv("CLICOLOR_FORCE");
}

Test(terminal, a_pipe_is_no_terminal_and_as_wide_as_is_usual)
{
    int ends[2];
    plain_environment();
    cr_assert_eq(pipe(ends), 0);
    cr_expect_not(terminal_moves(ends[1]));
    cr_expect_not(terminal_colour(ends[1], false));
    cr_expect_eq(terminal_columns(ends[1]), 80);
}

Test(terminal, has_the_columns_that_its_window_has)
{
    plain_environment();
    cr_expect_eq(terminal_columns(open_terminal(20)), 20);
    cr_expect_eq(terminal_columns(open_terminal(0)), 80);
}

Test(terminal, one_that_is_dumb_or_nameless_gets_plain_lines)
{
    int fd = open_terminal(80);
    plain_environment();
    cr_expect(terminal_moves(fd));
    cr_expect(terminal_colour(fd, false));
    setenv("TERM", "dumb", 1);
    cr_expect_not(terminal_moves(fd));
    cr_expect_not(terminal_colour(fd, false));
    unsetenv("TERM");
    cr_expect_not(terminal_moves(fd));
    cr_expect_not(terminal_colour(fd, false));
}

Test(terminal, the_option_is_above_NO_COLOR_and_that_above_force)
{
    int ends[2];
    int fd = open_terminal(80);
    plain_environment();
    cr_assert_eq(pipe(ends), 0);
    setenv("CLICOLOR_FORCE", "1", 1);
    cr_expect(terminal_colour(ends[1], false));
    cr_expect_not(terminal_colour(ends[1], true));
    cr_expect_not(terminal_colour(fd, true));
    setenv("NO_COLOR", "1", 1);
    cr_expect_not(terminal_colour(ends[1], false));
    cr_expect_not(terminal_colour(fd, false));
    setenv("NO_COLOR", "", 1);
    cr_expect(terminal_colour(ends[1], false), "empty is as not set");
    setenv("CLICOLOR_FORCE", "0", 1);
    cr_expect_not(terminal_colour(ends[1], false));
    cr_expect(terminal_colour(fd, false));
}
