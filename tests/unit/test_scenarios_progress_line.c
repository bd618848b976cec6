#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/host/loop.h"
#include "scenarios/interrupt.h"
#include "scenarios/progress_line.h"

#define SECOND UINT64_C(1000000000)
#define LONG_AGO (3600 * SECOND)

/* Puts a terminal where stderr is, and returns its other end. */
static int become_a_terminal(unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    cr_assert(slave >= 0 && dup2(slave, STDERR_FILENO) == STDERR_FILENO);
    cr_assert_eq(ioctl(slave, TIOCSWINSZ, &size), 0);
    setenv("TERM", "xterm", 1);
    return master;
}

/* Puts a pipe there. */
static int become_a_pipe(void)
{
    int ends[2];
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    cr_assert_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    return ends[0];
}

/* What has come through; of nothing there is nothing to wait for. */
static const char *seen(int master, char *text, size_t size, bool something)
{
    struct pollfd from = {.fd = master, .events = POLLIN};
    size_t used = 0;
    ssize_t got = 1;
    /* What was written in several goes may come so. */
    for (int wait = something ? 10000 : 0;
         used < size - 1 && got > 0 && poll(&from, 1, wait) > 0;
         wait = something ? 200 : 0) {
        got = read(master, text + used, size - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    text[used] = '\0';
    return text;
}

/* A sweep that has gone on for 100 seconds. */
static struct progress_line line_of(FILE *lines)
{
    struct progress_line line;
    progress_line_start(&line, "sweep", lines);
    line.began_ns = host_mono_ns() - 100 * SECOND;
    return line;
}

static const struct progress_now half = {.unit = "worlds",
                                         .done = 1000,
                                         .total = 2000,
                                         .bad = "failed",
                                         .failed = 3,
                                         .has_seed = true,
                                         .seed = 7,
                                         .rest = "12 events"};

static const char *text_of(const struct progress_line *line,
                           const struct progress_now *now, size_t columns)
{
    static char text[400];
    progress_line_text(line, now, columns, text, sizeof(text));
    return text;
}

Test(progress_line, says_done_total_failures_time_left_rate_and_seed)
{
    struct progress_line line = line_of(NULL);
    cr_expect_str_eq(text_of(&line, &half, 300),
                     "1,000 of 2,000 worlds, 3 failed, 1 m 40 s left, 9/s, "
                     "seed 7, 12 events");
}

Test(progress_line, leaves_out_what_does_not_fit_and_never_half_of_it)
{
    struct progress_line line = line_of(NULL);
    cr_expect_str_eq(text_of(&line, &half, 39),
                     "1,000 of 2,000 worlds, 3 failed, 9/s");
    cr_expect_str_eq(text_of(&line, &half, 19), "1,000/2,000, 9/s");
    cr_expect_str_eq(text_of(&line, &half, 0), "");
    for (size_t columns = 0; columns < 120; columns++)
        cr_expect_leq(strlen(text_of(&line, &half, columns)), columns);
}

Test(progress_line, promises_no_end_where_none_is_known)
{
    struct progress_line line = line_of(NULL);
    struct progress_now now = half;
    now.done = 0;
    cr_expect_not(strstr(text_of(&line, &now, 300), "left"));
    now = half;
    now.grows = true;
    cr_expect_not(strstr(text_of(&line, &now, 300), "left"));
    cr_expect(strstr(text_of(&line, &now, 300), "more than 2,000"));
    now.total = 0;
    cr_expect_not(strstr(text_of(&line, &now, 300), " of "));
}

Test(progress_line, counts_down_the_time_that_was_given)
{
    struct progress_line line = line_of(NULL);
    struct progress_now now = {.unit = "worlds"};
    line.time_ns = 120 * SECOND;
    const char *text = text_of(&line, &now, 300);
    cr_expect(strcmp(text, "0 worlds, 20 s left") == 0 ||
                  strcmp(text, "0 worlds, 19 s left") == 0,
              "%s", text);
    line.time_ns = SECOND;
    cr_expect_str_eq(text_of(&line, &now, 300), "0 worlds, 0 s left");
}

Test(progress_line, what_took_no_time_is_no_measure_of_what_will)
{
    struct progress_line line = line_of(NULL);
    struct progress_now now = half;
    now.repeated = 900;
    cr_expect(strstr(text_of(&line, &now, 300), "16 m 40 s left, 1/s") ||
                  strstr(text_of(&line, &now, 300), "16 m 40 s left, 59/min"),
              "%s", text_of(&line, &now, 300));
}

Test(progress_line, a_short_command_says_nothing_without_a_terminal)
{
    char text[400];
    int ear = become_a_pipe();
    struct progress_line line = line_of(NULL);
    line.said_ns -= 9 * SECOND;
    progress_line_tell(&line, &half);
    progress_line_end(&line);
    cr_expect_str_eq(seen(ear, text, sizeof(text), false), "");
}

Test(progress_line, without_a_terminal_there_is_a_plain_line_each_ten_seconds)
{
    char text[400];
    int ear = become_a_pipe();
    struct progress_line line = line_of(NULL);
    line.said_ns -= 10 * SECOND;
    progress_line_tell(&line, &half);
    progress_line_tell(&line, &half);
    progress_line_end(&line);
    cr_expect_str_eq(seen(ear, text, sizeof(text), true),
                     "perdure sweep: 1,000 of 2,000 worlds, 3 failed, "
                     "1 m 40 s left, 9/s, seed 7, 12 events\n");
}

Test(progress_line, a_dumb_terminal_gets_plain_lines_too)
{
    char text[400];
    int master = become_a_terminal(80);
    setenv("TERM", "dumb", 1);
    struct progress_line line = line_of(NULL);
    line.said_ns -= SECOND;
    progress_line_tell(&line, &half);
    cr_expect_str_eq(seen(master, text, sizeof(text), false), "");
    line.said_ns -= LONG_AGO;
    progress_line_tell(&line, &half);
    cr_expect_null(strchr(seen(master, text, sizeof(text), true), '\033'));
    cr_expect(strstr(text, "1,000 of 2,000"));
}

Test(progress_line, a_terminal_of_20_columns_is_never_filled)
{
    char text[400];
    int master = become_a_terminal(20);
    struct progress_line line = line_of(NULL);
    line.said_ns -= LONG_AGO;
    progress_line_tell(&line, &half);
    cr_expect_str_eq(seen(master, text, sizeof(text), true),
                     "\r\033[K1,000/2,000, 9/s");
}

Test(progress_line, a_line_stands_for_a_fifth_of_a_second)
{
    char text[400];
    int master = become_a_terminal(80);
    struct progress_line line = line_of(NULL);
    progress_line_tell(&line, &half);
    cr_expect_str_eq(seen(master, text, sizeof(text), false), "");
    line.said_ns -= SECOND;
    progress_line_tell(&line, &half);
    cr_expect(strstr(seen(master, text, sizeof(text), true), "worlds"));
}

Test(progress_line, wipes_what_it_wrote_and_nothing_else)
{
    char text[400];
    int master = become_a_terminal(80);
    struct progress_line line = line_of(NULL);
    progress_line_end(&line);
    cr_assert_str_eq(seen(master, text, sizeof(text), false), "");
    line.said_ns -= LONG_AGO;
    progress_line_tell(&line, &half);
    cr_assert(strstr(seen(master, text, sizeof(text), true), "worlds"));
    progress_line_end(&line);
    cr_assert_str_eq(seen(master, text, sizeof(text), true), "\r\033[K");
    progress_line_end(&line);
    cr_assert_str_eq(seen(master, text, sizeof(text), false), "");
}

Test(progress_line, who_asks_by_a_signal_is_answered_once_and_at_once)
{
    char text[400];
    int ear = become_a_pipe();
    interrupt_catch();
    struct progress_line line = line_of(NULL);
    raise(SIGUSR1);
    progress_line_tell(&line, &half);
    cr_expect(strstr(seen(ear, text, sizeof(text), true), "1,000 of 2,000"));
    progress_line_tell(&line, &half);
    cr_expect_str_eq(seen(ear, text, sizeof(text), false), "");
}

Test(progress_line, on_a_terminal_the_answer_stays_above_the_moving_line)
{
    char text[400];
    int master = become_a_terminal(80);
    interrupt_catch();
    struct progress_line line = line_of(NULL);
    line.said_ns -= LONG_AGO;
    progress_line_tell(&line, &half);
    raise(SIGUSR1);
    progress_line_tell(&line, &half);
    seen(master, text, sizeof(text), true);
    const char *answer = strstr(text, "\r\033[K\r\033[K");
    cr_expect_null(answer);
    answer = strrchr(text, 'K');
    cr_expect(answer && strchr(answer, '\n'), "%s", text);
}

Test(progress_line, events_are_lines_of_json_on_their_own_stream)
{
    char *text = NULL;
    char said[400];
    size_t size = 0;
    int ear = become_a_pipe();
    FILE *lines = open_memstream(&text, &size);
    struct progress_line line = line_of(lines);
    line.said_ns -= LONG_AGO;
    progress_line_tell(&line, &half);
    fflush(lines);
    cr_expect_eq(size, 0, "not before a second is over");
    line.event_ns -= SECOND;
    progress_line_tell(&line, &half);
    fclose(lines);
    cr_expect_eq(strncmp(text, "{\"done\": 1000, \"elapsed_ns\": ", 28), 0,
                 "%s", text);
    cr_expect(strstr(text, "\"event\": \"progress\", \"failed\": 3, "
                           "\"per_hour\": "));
    cr_expect(strstr(text, "\"seed\": \"7\", \"seconds_left\": 100, "
                           "\"total\": 2000, \"unit\": \"worlds\"}\n"),
              "%s", text);
    cr_expect_eq(text[size - 1], '\n');
    cr_expect_str_eq(seen(ear, said, sizeof(said), false), "");
    free(text);
}
