#include "engine/cron.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/random.h"

#define MINUTE_NS UINT64_C(60000000000)
#define NOV_14 UINT64_C(1700000000000000000) /* 2023, Tuesday, 22:13:20 */

static struct engine_cron parsed(const char *expression)
{
    struct engine_cron_fault fault = {0};
    struct engine_cron cron = {0};

    cr_assert_eq(engine_cron_parse(&cron, expression, &fault), 0, "%s: %s",
                 expression, fault.text);
    return cron;
}

/* The n-th moment after NOV_14 as text. */
static const char *tick(const char *expression, unsigned n, char out[32])
{
    struct engine_cron cron = parsed(expression);
    uint64_t at = NOV_14;
    struct tm moment;
    time_t seconds;

    while (n-- > 0)
        at = engine_cron_next(&cron, at);
    seconds = (time_t)(at / 1000000000);
    cr_assert_not_null(gmtime_r(&seconds, &moment));
    (void)strftime(out, 32, "%a %Y-%m-%d %H:%M:%S", &moment);
    return out;
}

Test(engine_cron, the_next_moment_is_that_of_the_calendar)
{
    static const struct {
        const char *expression;
        unsigned n;
        const char *moment;
    } cases[] = {
        {"* * * * *", 1, "Tue 2023-11-14 22:14:00"},
        {" \t*/15\t*  * * * ", 1, "Tue 2023-11-14 22:15:00"},
        {"*/15 * * * *", 4, "Tue 2023-11-14 23:00:00"},
        {"@hourly", 1, "Tue 2023-11-14 23:00:00"},
        {"@Daily ", 1, "Wed 2023-11-15 00:00:00"},
        {"@midnight", 2, "Thu 2023-11-16 00:00:00"},
        {"@weekly", 1, "Sun 2023-11-19 00:00:00"},
        {"@monthly", 1, "Fri 2023-12-01 00:00:00"},
        {"@yearly", 1, "Mon 2024-01-01 00:00:00"},
        {"@annually", 2, "Wed 2025-01-01 00:00:00"},
        {"30 4 * * mon-fri", 1, "Wed 2023-11-15 04:30:00"},
        {"30 4 * * MON-FRI", 4, "Mon 2023-11-20 04:30:00"},
        {"0 0 * * 7", 1, "Sun 2023-11-19 00:00:00"},
        {"0 0 * * 5-7", 3, "Sun 2023-11-19 00:00:00"},
        {"0 0 29 2 *", 1, "Thu 2024-02-29 00:00:00"},
        {"0 0 29 feb *", 2, "Tue 2028-02-29 00:00:00"},
        {"0 0 31 * *", 2, "Wed 2024-01-31 00:00:00"},
        {"5/20 22 * * *", 1, "Tue 2023-11-14 22:25:00"},
        {"1,3,2 0 1 jan,jul *", 2, "Mon 2024-01-01 00:02:00"},
        {"10-40/10 * * * *", 2, "Tue 2023-11-14 22:30:00"},
        /* Both days restricted: either; one with a star: both. */
        {"0 0 13 * 5", 1, "Fri 2023-11-17 00:00:00"},
        {"0 0 13 * 5", 5, "Wed 2023-12-13 00:00:00"},
        {"0 0 13 * */5", 1, "Fri 2024-09-13 00:00:00"},
        {"0 0 */13 * 5", 1, "Fri 2023-12-01 00:00:00"},
        {"0 0 */2 * sun", 1, "Sun 2023-11-19 00:00:00"},
    };
    char text[32];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_str_eq(tick(cases[i].expression, cases[i].n, text),
                         cases[i].moment, "%s", cases[i].expression);
}

Test(engine_cron, a_schedule_that_never_comes_says_so)
{
    struct engine_cron never = parsed("0 0 30 2 *");
    struct engine_cron always = parsed("* * * * *");

    cr_assert_eq(engine_cron_next(&never, NOV_14), UINT64_MAX);
    cr_assert_eq(engine_cron_next(&always, UINT64_MAX), UINT64_MAX);
    cr_assert_eq(engine_cron_next(&always, UINT64_MAX - MINUTE_NS),
                 UINT64_MAX / MINUTE_NS * MINUTE_NS);
    cr_assert_eq(engine_cron_next(&always, 0), MINUTE_NS);
    /* No 29 February is a Sunday between those of 2088 and 2128. */
    always = parsed("0 0 29 2 */7");
    cr_assert_eq(engine_cron_next(&always, UINT64_C(3728937600) * 1000000000),
                 UINT64_C(4991068800) * 1000000000);
}

Test(engine_cron, what_is_wrong_is_named_with_its_place)
{
    static const struct {
        const char *expression;
        uint32_t position;
        const char *text;
    } cases[] = {
        {"", 0, "expected a minute, 0 to 59"},
        {"* * * *", 7, "expected a day of the week, 0 to 7 or a name"},
        {"* * * * * *", 10, "there are more than five fields"},
        {"60 * * * *", 0, "a minute of 60, allowed are 0 to 59"},
        {"* 24 * * *", 2, "an hour of 24, allowed are 0 to 23"},
        {"* * 0 * *", 4, "a day of the month of 0, allowed are 1 to 31"},
        {"* * * 13 *", 6, "a month of 13, allowed are 1 to 12"},
        {"* * * * 8", 8, "a day of the week of 8, allowed are 0 to 7"},
        {"* * * janu *", 6, "expected a month, 1 to 12 or a name"},
        {"1,,2 * * * *", 2, "expected a minute, 0 to 59"},
        {"5-1 * * * *", 0, "a range from 5 down to 1"},
        {"1-2-3 * * * *", 3, "unexpected '-'"},
        {"*/0 * * * *", 2, "a stride of 0, allowed are 1 to 59"},
        {"*/60 * * * *", 2, "a stride of 60, allowed are 1 to 59"},
        {"*/x * * * *", 2, "expected a number after /"},
        {"99999999999999999999 * * * *", 0,
         "a minute of 9999 or more, allowed are 0 to 59"},
        {"@fortnightly", 0,
         "no schedule has this name; @hourly, @daily, @weekly, @monthly and "
         "@yearly do"},
        {"@hourly 5", 0,
         "no schedule has this name; @hourly, @daily, @weekly, @monthly and "
         "@yearly do"},
    };
    struct engine_cron_fault fault;
    struct engine_cron cron;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(engine_cron_parse(&cron, cases[i].expression, &fault), -1,
                     "%s", cases[i].expression);
        cr_assert_eq(fault.position, cases[i].position, "%s: %u",
                     cases[i].expression, fault.position);
        cr_assert_str_eq(fault.text, cases[i].text);
    }
}

/* A walker over minutes --------------------------------------------------- */

struct draws {
    struct engine_stream stream;
    uint64_t index;
};

static uint32_t draw(struct draws *draws, uint32_t n)
{
    return (uint32_t)engine_draw_below(&draws->stream, draws->index++, n);
}

/* Writes a field and what fits it, independently of the parser. */
static int write_field(struct draws *draws, char *out, size_t room, int least,
                       int most, bool fits[64])
{
    int first = least + (int)draw(draws, (uint32_t)(most - least + 1));
    int last = first + (int)draw(draws, (uint32_t)(most - first + 1));
    int stride = 1 + (int)draw(draws, (uint32_t)(most < 7 ? most : 7));

    switch (draw(draws, 6)) {
    case 0:
    case 1:
        for (int i = least; i <= most; i++)
            fits[i] = true;
        return snprintf(out, room, "*");
    case 2:
        for (int i = least; i <= most; i += stride)
            fits[i] = true;
        return snprintf(out, room, "*/%d", stride);
    case 3:
        for (int i = first; i <= last; i++)
            fits[i] = true;
        return snprintf(out, room, "%d-%d", first, last);
    case 4:
        for (int i = first; i <= last; i += stride)
            fits[i] = true;
        fits[least] = true;
        return snprintf(out, room, "%d-%d/%d,%d", first, last, stride, least);
    default:
        fits[first] = fits[last] = true;
        return snprintf(out, room, "%d,%d", last, first);
    }
}

struct schedule {
    char text[128];
    bool fits[5][64];
    bool any_day;
    bool any_weekday;
};

static void write_schedule(struct draws *draws, struct schedule *schedule)
{
    static const int bounds[5][2] = {
        {0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}};
    size_t used = 0;

    memset(schedule, 0, sizeof(*schedule));
    for (unsigned i = 0; i < 5; i++) {
        char *field = schedule->text + used;

        used += (size_t)write_field(draws, field, 128 - used, bounds[i][0],
                                    bounds[i][1], schedule->fits[i]);
        if (i == 2)
            schedule->any_day = *field == '*';
        if (i == 4)
            schedule->any_weekday = *field == '*';
        schedule->text[used++] = i < 4 ? ' ' : '\0';
    }
    schedule->fits[4][0] |= schedule->fits[4][7];
}

static bool minute_fits(const struct schedule *schedule, uint64_t at_ns)
{
    time_t seconds = (time_t)(at_ns / 1000000000);
    struct tm moment;
    bool day;
    bool weekday;

    cr_assert_not_null(gmtime_r(&seconds, &moment));
    day = schedule->fits[2][moment.tm_mday];
    weekday = schedule->fits[4][moment.tm_wday];
    return schedule->fits[0][moment.tm_min] &&
           schedule->fits[1][moment.tm_hour] &&
           schedule->fits[3][moment.tm_mon + 1] &&
           (schedule->any_day || schedule->any_weekday ? day && weekday
                                                       : day || weekday);
}

Test(engine_cron, any_schedule_agrees_with_a_walk_over_all_minutes)
{
    enum {
        WALK = 20000 /* minutes */
    };

    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct draws draws = {.index = 0};
        struct schedule schedule;
        struct engine_cron cron;
        uint64_t start;
        uint64_t at;

        engine_stream_init(&draws.stream, seed, "test/cron", 0);
        write_schedule(&draws, &schedule);
        cron = parsed(schedule.text);
        start = NOV_14 + draw(&draws, 2000000) * MINUTE_NS;
        at = start;
        for (uint64_t next = engine_cron_next(&cron, at);
             at < start + WALK * MINUTE_NS;) {
            at = at / MINUTE_NS * MINUTE_NS + MINUTE_NS;
            cr_assert_eq(minute_fits(&schedule, at), at == next,
                         "\"%s\" at %llu", schedule.text,
                         (unsigned long long)at);
            if (at == next)
                next = engine_cron_next(&cron, at);
        }
    }
}
