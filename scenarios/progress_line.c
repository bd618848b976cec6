#include "scenarios/progress_line.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/loop.h"
#include "reports/buffer.h"
#include "reports/format.h"
#include "scenarios/interrupt.h"
#include "scenarios/terminal.h"

#define SECOND UINT64_C(1000000000)
#define STANDS_NS (SECOND / 5) /* on a terminal */
#define EVENT_NS SECOND        /* as JSON */
#define PLAIN_NS (10 * SECOND) /* in a file */
#define WIPE "\r\033[K"

enum {
    TEXT_MAX = 400,
    PART_MAX = 100
};

void progress_line_start(struct progress_line *line, const char *command,
                         FILE *lines)
{
    *line = (struct progress_line){
        .command = command,
        .lines = lines,
        .moves =
            terminal_moves(STDERR_FILENO) && !(lines && isatty(STDOUT_FILENO)),
        .asked = interrupt_asked(),
        .began_ns = host_mono_ns(),
    };
    line->said_ns = line->event_ns = line->began_ns;
}

uint64_t progress_line_elapsed(const struct progress_line *line)
{
    return host_mono_ns() - line->began_ns;
}

/* What follows from it ------------------------------------------------------
 */

struct pace {
    uint64_t elapsed_ns;
    uint64_t per_hour; /* 0: not known yet */
    uint64_t left_s;
    bool has_left;
};

/* Time left by the time that is given, else by how it went so far. */
static struct pace pace_of(const struct progress_line *line,
                           const struct progress_now *now)
{
    struct pace pace = {.elapsed_ns = progress_line_elapsed(line)};
    uint64_t own = now->done - now->repeated;
    double seconds = (double)pace.elapsed_ns / 1e9;
    assert(now->repeated <= now->done);
    if (own > 0 && seconds > 1e-3)
        pace.per_hour = (uint64_t)((double)own * 3600 / seconds);
    if (line->time_ns) {
        pace.has_left = true;
        if (line->time_ns > pace.elapsed_ns)
            pace.left_s = (line->time_ns - pace.elapsed_ns) / SECOND + 1;
    } else if (own > 0 && now->total >= now->done && !now->grows) {
        pace.has_left = true;
        pace.left_s = (uint64_t)((double)(now->total - now->done) * seconds /
                                 (double)own);
    }
    return pace;
}

/* Text ----------------------------------------------------------------------
 */

/* Adds a part, or leaves it out as a whole if there is no room for it. */
static void add(char *text, size_t size, size_t columns, const char *part)
{
    size_t used = strlen(text);
    size_t more = strlen(part) + (used ? 2 : 0);
    if (*part && used + more <= columns && used + more < size)
        snprintf(text + used, size - used, "%s%s", used ? ", " : "", part);
}

/* "12 of 500 worlds", or "12/500" where there is no room for that. */
static void count_text(const struct progress_now *now, size_t columns,
                       char *part, size_t size)
{
    struct report_word done;
    struct report_word total;
    report_format_count(&done, now->done);
    report_format_count(&total, now->total);
    part[0] = '\0';
    if (now->unit && now->total)
        snprintf(part, size, "%s of %s%s %s", done.text,
                 now->grows ? "more than " : "", total.text, now->unit);
    else if (now->unit)
        snprintf(part, size, "%s %s", done.text, now->unit);
    if (strlen(part) > columns && now->total)
        snprintf(part, size, "%s/%s", done.text, total.text);
}

static void rate_text(uint64_t per_hour, char *part, size_t size)
{
    struct report_word word;
    if (per_hour >= 3600)
        snprintf(part, size, "%s/s",
                 report_format_count(&word, per_hour / 3600));
    else
        snprintf(part, size, "%s/min",
                 report_format_count(&word, per_hour / 60));
}

static void left_text(uint64_t seconds, char *part, size_t size)
{
    struct report_word word;
    if (seconds < 60)
        snprintf(part, size, "%" PRIu64 " s left", seconds);
    else
        snprintf(part, size, "%s left",
                 report_format_ns(&word, seconds * SECOND));
}

void progress_line_text(const struct progress_line *line,
                        const struct progress_now *now, size_t columns,
                        char *text, size_t size)
{
    char part[PART_MAX];
    struct report_word word;
    struct pace pace = pace_of(line, now);
    text[0] = '\0';
    count_text(now, columns, part, sizeof(part));
    add(text, size, columns, part);
    if (now->bad) {
        snprintf(part, sizeof(part), "%s %s",
                 report_format_count(&word, now->failed), now->bad);
        add(text, size, columns, part);
    }
    left_text(pace.left_s, part, sizeof(part));
    add(text, size, columns, pace.has_left ? part : "");
    rate_text(pace.per_hour, part, sizeof(part));
    add(text, size, columns, pace.per_hour ? part : "");
    snprintf(part, sizeof(part), "seed %" PRIu64, now->seed);
    add(text, size, columns, now->has_seed ? part : "");
    add(text, size, columns, now->rest ? now->rest : "");
}

/* Showing it ----------------------------------------------------------------
 */

/* In one write, so that nobody sees an empty line between two. */
static void show(const char *before, const char *text, const char *after)
{
    char all[TEXT_MAX + 64];
    snprintf(all, sizeof(all), "%s%s%s", before, text, after);
    (void)fputs(all, stderr);
    (void)fflush(stderr);
}

/* One line that stays; on a terminal the moving one makes room for it. */
static void say_plain(struct progress_line *line,
                      const struct progress_now *now)
{
    char name[40] = "";
    char text[TEXT_MAX];
    size_t columns = TEXT_MAX - 1;
    if (isatty(STDERR_FILENO))
        columns = terminal_columns(STDERR_FILENO) - 1;
    else
        snprintf(name, sizeof(name), "perdure %s: ", line->command);
    progress_line_text(line, now, columns, text, sizeof(text));
    if (line->shown)
        (void)fputs(WIPE, stderr);
    line->shown = false;
    show(name, text, "\n");
}

static void say_moving(struct progress_line *line,
                       const struct progress_now *now)
{
    char text[TEXT_MAX];
    /* A line that fills the last column would wrap on some terminals. */
    progress_line_text(line, now, terminal_columns(STDERR_FILENO) - 1, text,
                       sizeof(text));
    show(WIPE, text, "");
    line->shown = true;
}

/* Without what is not known; the keys in order. */
static void say_event(const struct progress_line *line,
                      const struct progress_now *now, const char *event)
{
    struct report_buffer out;
    struct pace pace = pace_of(line, now);
    report_buffer_init(&out);
    report_buffer_print(&out,
                        "{\"done\": %" PRIu64 ", \"elapsed_ns\": %" PRIu64
                        ", \"event\": \"%s\"",
                        now->done, pace.elapsed_ns, event);
    if (now->bad)
        report_buffer_print(&out, ", \"failed\": %" PRIu64, now->failed);
    report_buffer_print(&out, ", \"per_hour\": %" PRIu64, pace.per_hour);
    if (now->has_seed)
        report_buffer_print(&out, ", \"seed\": \"%" PRIu64 "\"", now->seed);
    if (pace.has_left)
        report_buffer_print(&out, ", \"seconds_left\": %" PRIu64, pace.left_s);
    if (now->total)
        report_buffer_print(&out, ", \"total\": %" PRIu64, now->total);
    report_buffer_print(&out, ", \"unit\": \"%s\"}\n",
                        now->unit ? now->unit : "");
    if (report_buffer_ok(&out))
        (void)fwrite(out.text, 1, out.size, line->lines);
    (void)fflush(line->lines);
    report_buffer_free(&out);
}

void progress_line_tell(void *self, const struct progress_now *now)
{
    struct progress_line *line = self;
    uint64_t time_ns = host_mono_ns();
    bool asked = *line->asked;
    if (asked) {
        *line->asked = 0;
        say_plain(line, now);
    }
    if (line->lines && (asked || time_ns - line->event_ns >= EVENT_NS)) {
        line->event_ns = time_ns;
        say_event(line, now, asked ? "status" : "progress");
    }
    if (line->quiet ||
        time_ns - line->said_ns < (line->moves ? STANDS_NS : PLAIN_NS))
        return;
    line->said_ns = time_ns;
    if (line->moves)
        say_moving(line, now);
    else if (!line->lines && !asked)
        say_plain(line, now);
}

void progress_line_end(struct progress_line *line)
{
    if (line->shown)
        (void)fputs(WIPE, stderr);
    line->shown = false;
}
