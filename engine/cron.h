/*
 * Schedules in the form of crontab, in UTC: five fields, and the next moment
 * that fits. Pure, so a handler can ask in every replay:
 *
 *     (void)engine_cron_parse(&cron, "30 4 * * mon-fri", &fault);
 *     for (;;) {
 *         uint64_t tick = engine_cron_next(&cron, engine_time(c));
 *
 *         if ((flow = engine_wait_until(c, "tick", tick)))
 *             return flow;
 *         ..
 *     }
 *
 * Ticks that are missed, since the work of one took longer or nobody was
 * there, are skipped: the next is after the moment at which the last wait
 * ended, not after the tick it was for. A handler that wants each of them
 * asks for the next after the tick itself, and overdue waits end at once.
 *
 *     minute  hour  day of month  month             day of week
 *     0-59    0-23  1-31          1-12 or jan-dec   0-7 or sun-sat, 7 is sun
 *
 * A field is a list with commas of: *, a number or name, a range a-b, each of
 * the last with /n: every n-th; a/n is from a to the field's end. @hourly,
 * @daily, @midnight, @weekly, @monthly, @yearly and @annually stand for all
 * five. If both days are restricted, a day fits that fits one of them; a field
 * that begins with * is not a restriction, as in Vixie's cron.
 */
#ifndef ENGINE_CRON_H
#define ENGINE_CRON_H

#include <stdint.h>

/* A value: copy it freely. Bit n of a field: n fits. */
struct engine_cron {
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;
    uint32_t months;
    uint32_t weekdays; /* 0 is Sunday */
    uint8_t any_day;   /* the field begins with * */
    uint8_t any_weekday;
};

/* Where an expression is wrong. */
struct engine_cron_fault {
    uint32_t position; /* byte, from 0 */
    char text[96];     /* "a minute of 61, allowed are 0 to 59" */
};

/*
 * 0, or -1 with *fault. Fields are apart by blanks or tabs, also around them;
 * names are of any case.
 */
int engine_cron_parse(struct engine_cron *cron, const char *expression,
                      struct engine_cron_fault *fault);

/*
 * The first full minute after unix_ns that fits; UINT64_MAX: none ever does
 * (30 February), or none that a uint64_t of nanoseconds can hold (year 2554).
 */
uint64_t engine_cron_next(const struct engine_cron *cron, uint64_t unix_ns);

#endif
