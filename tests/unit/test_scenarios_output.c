#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/output.h"

static struct report_buffer buffer_of(const char *text)
{
    struct report_buffer buffer;
    report_buffer_init(&buffer);
    report_buffer_put(&buffer, text);
    return buffer;
}

/* Where stdout goes; in this process, which each test has for itself. */
static void send_stdout_to(int fd)
{
    cr_assert_geq(fd, 0);
    cr_assert_eq(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
}

static void to_nobody(void)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    send_stdout_to(ends[1]);
}

Test(output, a_full_device_is_exit_6_whatever_came_of_the_command)
{
    struct report_buffer text = buffer_of("words");
    send_stdout_to(open("/dev/full", O_WRONLY));
    cr_expect_eq(output_text(&text, EXIT_HELD), EXIT_ENVIRONMENT);
    cr_expect_eq(output_text(&text, EXIT_PROPERTY), EXIT_ENVIRONMENT);
    cr_expect_eq(output_text(&text, EXIT_INTERNAL), EXIT_INTERNAL);
    report_buffer_free(&text);
}

Test(output, what_was_printed_in_other_ways_is_looked_at_in_the_end)
{
    send_stdout_to(open("/dev/full", O_WRONLY));
    printf("words");
    cr_expect_eq(output_end(EXIT_HELD), EXIT_ENVIRONMENT);
    cr_expect_eq(output_end(EXIT_HELD), EXIT_HELD, "and said once");
}

Test(output, a_reader_that_went_away_leaves_the_code_as_it_is)
{
    struct report_buffer text = buffer_of("words");
    cr_expect(output_heard());
    to_nobody();
    cr_expect_not(output_heard());
    cr_expect_eq(output_text(&text, EXIT_PROPERTY), EXIT_PROPERTY);
    cr_expect_eq(output_print(&text, EXIT_HELD), EXIT_HELD);
    printf("words");
    cr_expect_eq(output_end(EXIT_BUDGET), EXIT_BUDGET);
}

Test(output, a_buffer_without_memory_is_an_internal_error)
{
    struct report_buffer text = buffer_of("");
    text.failed = 1;
    send_stdout_to(open("/dev/null", O_WRONLY));
    cr_expect_eq(output_print(&text, EXIT_HELD), EXIT_INTERNAL);
}

static void expect_line(const char *json, const char *expected)
{
    struct report_buffer text = buffer_of(json);
    struct report_buffer line;
    report_buffer_init(&line);
    output_json_line(&text, &line);
    cr_expect_str_eq(line.text, expected);
    report_buffer_free(&text);
    report_buffer_free(&line);
}

Test(output, json_becomes_one_line_and_its_strings_stay)
{
    expect_line("{\n  \"a b\": [1, 2],\n  \"c\": null\n}\n",
                "{\"a b\": [1, 2], \"c\": null}\n");
    expect_line("{\"q\": \"\\\" : , \\\\\", \"r\": 1}",
                "{\"q\": \"\\\" : , \\\\\", \"r\": 1}\n");
    expect_line("", "\n");
}
