#include "engine/cron.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    FIELDS = 5,
    NUMBER_MAX = 1000, /* larger ones are all the same */
    DAY_SECONDS = 86400,
    YEARS_MAX = 40 /* 29 February on a given weekday comes within them */
};

#define MINUTE_NS UINT64_C(60000000000)

struct field {
    const char *name; /* with its article */
    uint32_t least;
    uint32_t most;
    const char *const *names; /* for least and what follows; NULL: none */
    uint32_t name_count;
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr",
                                          "may", "jun", "jul", "aug",
                                          "sep", "oct", "nov", "dec"};
static const char *const day_names[] = {"sun", "mon", "tue", "wed",
                                        "thu", "fri", "sat"};

static const struct field fields[FIELDS] = {
    {"a minute", 0, 59, NULL, 0},
    {"an hour", 0, 23, NULL, 0},
    {"a day of the month", 1, 31, NULL, 0},
    {"a month", 1, 12, month_names, 12},
    {"a day of the week", 0, 7, day_names, 7}};

/* Reading ----------------------------------------------------------------- */

struct reader {
    const char *text;
    uint32_t at;
    struct engine_cron_fault *fault;
};

__attribute__((format(printf, 3, 4))) static int
wrong(struct reader *r, uint32_t position, const char *format, ...)
{
    va_list arguments;

    r->fault->position = position;
    va_start(arguments, format);
    (void)vsnprintf(r->fault->text, sizeof(r->fault->text), format, arguments);
    va_end(arguments);
    return -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static void skip_blanks(struct reader *r)
{
    while (is_blank(r->text[r->at]))
        r->at++;
}

/* Takes one character if it is there. */
static bool take(struct reader *r, char c)
{
    if (r->text[r->at] != c)
        return false;
    r->at++;
    return true;
}

static uint32_t take_number(struct reader *r)
{
    uint32_t number = 0;

    for (; is_digit(r->text[r->at]); r->at++)
        if (number < NUMBER_MAX)
            number = number * 10 + (uint32_t)(r->text[r->at] - '0');
    return number;
}

/* Takes a name of three letters; false: it is none of the field's. */
static bool take_name(struct reader *r, const struct field *field,
                      uint32_t *value)
{
    const char *at = r->text + r->at;

    for (uint32_t i = 0; i < field->name_count; i++) {
        const char *name = field->names[i];

        if (lower(at[0]) == name[0] && lower(at[1]) == name[1] &&
            lower(at[2]) == name[2] && !is_letter(at[3])) {
            r->at += 3;
            *value = field->least + i;
            return true;
        }
    }
    return false;
}

static int read_value(struct reader *r, const struct field *field,
                      uint32_t *value)
{
    uint32_t start = r->at;

    if (take_name(r, field, value))
        return 0;
    if (!is_digit(r->text[r->at]))
        return wrong(r, start, "expected %s, %u to %u%s", field->name,
                     field->least, field->most,
                     field->names ? " or a name" : "");
    *value = take_number(r);
    if (*value < field->least || *value > field->most)
        return wrong(r, start, "%s of %u%s, allowed are %u to %u", field->name,
                     *value, *value >= NUMBER_MAX ? " or more" : "",
                     field->least, field->most);
    return 0;
}

static int read_stride(struct reader *r, const struct field *field,
                       uint32_t *stride)
{
    uint32_t start = r->at;

    if (!is_digit(r->text[r->at]))
        return wrong(r, start, "expected a number after /");
    *stride = take_number(r);
    if (*stride == 0 || *stride > field->most)
        return wrong(r, start, "a stride of %u%s, allowed are 1 to %u", *stride,
                     *stride >= NUMBER_MAX ? " or more" : "", field->most);
    return 0;
}

/* One element of a list. */
static int read_element(struct reader *r, const struct field *field,
                        uint64_t *bits)
{
    uint32_t start = r->at;
    uint32_t first = field->least;
    uint32_t last = field->most;
    uint32_t stride = 1;
    bool all = take(r, '*');
    bool range = all;

    if (!all && read_value(r, field, &first))
        return -1;
    if (!all && take(r, '-')) {
        range = true;
        if (read_value(r, field, &last))
            return -1;
        if (last < first)
            return wrong(r, start, "a range from %u down to %u", first, last);
    }
    if (take(r, '/')) {
        range = true;
        if (read_stride(r, field, &stride))
            return -1;
    }
    for (uint32_t i = first; i <= (range ? last : first); i += stride)
        *bits |= UINT64_C(1) << i;
    return 0;
}

static int read_field(struct reader *r, const struct field *field,
                      uint64_t *bits, bool *any)
{
    skip_blanks(r);
    *any = r->text[r->at] == '*';
    *bits = 0;
    do {
        if (read_element(r, field, bits))
            return -1;
    } while (take(r, ','));
    if (r->text[r->at] && !is_blank(r->text[r->at]))
        return wrong(r, r->at, "unexpected '%c'", r->text[r->at]);
    return 0;
}

static int read_fields(struct engine_cron *cron, struct reader *r)
{
    uint64_t bits[FIELDS];
    bool any[FIELDS];

    for (uint32_t i = 0; i < FIELDS; i++)
        if (read_field(r, &fields[i], &bits[i], &any[i]))
            return -1;
    skip_blanks(r);
    if (r->text[r->at])
        return wrong(r, r->at, "there are more than five fields");
    *cron = (struct engine_cron){
        .minutes = bits[0],
        .hours = (uint32_t)bits[1],
        .days = (uint32_t)bits[2],
        .months = (uint32_t)bits[3],
        .weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
        .any_day = any[2],
        .any_weekday = any[4]};
    return 0;
}

/* What an expression with @ stands for, or NULL. */
static const char *meaning_of(const char *text)
{
    static const struct {
        const char *name;
        const char *meaning;
    } known[] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
                 {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
                 {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
                 {"@annually", "0 0 1 1 *"}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        size_t size = strlen(known[i].name);
        size_t same = 0;

        while (same < size && lower(text[same]) == known[i].name[same])
            same++;
        while (same >= size && is_blank(text[same]))
            same++;
        if (same >= size && !text[same])
            return known[i].meaning;
    }
    return NULL;
}

int engine_cron_parse(struct engine_cron *cron, const char *expression,
                      struct engine_cron_fault *fault)
{
    struct reader reader = {.text = expression, .fault = fault};

    skip_blanks(&reader);
    if (expression[reader.at] == '@') {
        const char *meaning = meaning_of(expression + reader.at);

        if (!meaning)
            return wrong(&reader, reader.at,
                         "no schedule has this name; @hourly, @daily, "
                         "@weekly, @monthly and @yearly do");
        reader = (struct reader){.text = meaning, .fault = fault};
    }
    return read_fields(cron, &reader);
}

/* Searching --------------------------------------------------------------- */

/* A day of the calendar. */
struct date {
    uint32_t year;
    uint32_t month; /* from 1 */
    uint32_t day;   /* from 1 */
    uint32_t weekday;
};

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t days_in(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

static struct date date_of(uint64_t day_number)
{
    struct date date = {
        .year = 1970, .month = 1, .weekday = (uint32_t)((day_number + 4) % 7)};
    uint64_t left = day_number;

    while (left >= 365U + is_leap(date.year))
        left -= 365U + is_leap(date.year++);
    while (left >= days_in(date.year, date.month))
        left -= days_in(date.year, date.month++);
    date.day = (uint32_t)left + 1;
    return date;
}

static bool day_fits(const struct engine_cron *cron, const struct date *date)
{
    bool day = cron->days >> date->day & 1;
    bool weekday = cron->weekdays >> date->weekday & 1;

    if (!(cron->months >> date->month & 1))
        return false;
    return cron->any_day || cron->any_weekday ? day && weekday : day || weekday;
}

static void next_day(struct date *date)
{
    date->weekday = (date->weekday + 1) % 7;
    if (date->day++ < days_in(date->year, date->month))
        return;
    date->day = 1;
    if (date->month++ < 12)
        return;
    date->month = 1;
    date->year++;
}

/* The first minute of a day, from this one on, that fits; or what is not in a
 * day: none does. */
static uint32_t minute_from(const struct engine_cron *cron, uint32_t minute)
{
    for (; minute < DAY_SECONDS / 60; minute++)
        if (cron->hours >> minute / 60 & 1 && cron->minutes >> minute % 60 & 1)
            break;
    return minute;
}

uint64_t engine_cron_next(const struct engine_cron *cron, uint64_t unix_ns)
{
    uint64_t minute = unix_ns / MINUTE_NS + 1;
    uint64_t day = minute / (DAY_SECONDS / 60);
    uint32_t from = (uint32_t)(minute % (DAY_SECONDS / 60));
    struct date date = date_of(day);
    uint32_t last = date.year + YEARS_MAX;

    for (; date.year <= last; next_day(&date), day++, from = 0) {
        uint32_t found = DAY_SECONDS;

        if (day_fits(cron, &date))
            found = minute_from(cron, from);
        if (found >= DAY_SECONDS / 60)
            continue;
        minute = day * (DAY_SECONDS / 60) + found;
        return minute > UINT64_MAX / MINUTE_NS ? UINT64_MAX
                                               : minute * MINUTE_NS;
    }
    return UINT64_MAX;
}
