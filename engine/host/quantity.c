#include "engine/host/quantity.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t size;
};

#define KILO UINT64_C(1000)
#define KIBI UINT64_C(1024)
#define SECOND UINT64_C(1000000000)
#define INTEGER_MAX UINT64_C(9007199254740991)

/* In each table the largest unit comes first; printing takes the first fit. */

static const struct unit time_units[] = {{"d", 86400 * SECOND},
                                         {"h", 3600 * SECOND},
                                         {"m", 60 * SECOND},
                                         {"s", SECOND},
                                         {"ms", 1000000},
                                         {"us", 1000},
                                         {"ns", 1},
                                         {"µs", 1000},
                                         {"\xCE\xBCs", 1000},
                                         {NULL, 0}};

static const struct unit size_units[] = {{"TiB", KIBI *KIBI *KIBI *KIBI},
                                         {"TB", KILO *KILO *KILO *KILO},
                                         {"GiB", KIBI *KIBI *KIBI},
                                         {"GB", KILO *KILO *KILO},
                                         {"MiB", KIBI *KIBI},
                                         {"MB", KILO *KILO},
                                         {"KiB", KIBI},
                                         {"KB", KILO},
                                         {"B", 1},
                                         {NULL, 0}};

static const struct unit memory_units[] = {{"TB", KIBI *KIBI *KIBI *KIBI},
                                           {"GB", KIBI *KIBI *KIBI},
                                           {"MB", KIBI *KIBI},
                                           {"KB", KIBI},
                                           {"B", 1},
                                           {"TiB", KIBI *KIBI *KIBI *KIBI},
                                           {"GiB", KIBI *KIBI *KIBI},
                                           {"MiB", KIBI *KIBI},
                                           {"KiB", KIBI},
                                           {NULL, 0}};

static const struct unit share_units[] = {{"%", 10000000}, {NULL, 0}};

static const struct unit drift_units[] = {{"ppm", 1000}, {"ppb", 1}, {NULL, 0}};

/* All there is to know about a kind of quantity. */
struct kind {
    const char *name;
    const char *example;
    const struct unit *units;
    uint64_t max;
    /* What to say if the plus-minus sign is missing; NULL if it has none. */
    const char *no_sign;
    const char *no_number;
    const char *no_unit;
    const char *bad_unit;
    const char *too_fine;
    const char *too_large;
    const char *negative;
};

#define TIME_BAD_UNIT                                                          \
    "unknown unit of time: allowed one number and one of ns, us, µs, ms, s, " \
    "m, h, d, as in \"90m\""
#define SIZE_BAD_UNIT                                                          \
    "unknown unit of size: allowed one number and one of B, KB, MB, GB, TB, "  \
    "KiB, MiB, GiB, TiB, as in \"512MB\""

static const struct kind kinds[] = {
    [QUANTITY_DURATION] =
        {
            .name = "a duration",
            .example = "60s",
            .units = time_units,
            .max = INT64_MAX,
            .no_number = "duration without a number: write e.g. \"60s\"",
            .no_unit = "duration without a unit: write e.g. \"60s\"",
            .bad_unit = TIME_BAD_UNIT,
            .too_fine = "duration finer than a nanosecond",
            .too_large = "duration longer than 292 years",
            .negative = "negative duration: allowed 0 or more",
        },
    [QUANTITY_DURATION_SPREAD] =
        {
            .name = "a spread",
            .example = "±500ms",
            .units = time_units,
            .max = INT64_MAX,
            .no_sign = "spread without its sign: write e.g. \"±500ms\"",
            .no_number = "spread without a number: write e.g. \"±500ms\"",
            .no_unit = "spread without a unit: write e.g. \"±500ms\"",
            .bad_unit = TIME_BAD_UNIT,
            .too_fine = "spread finer than a nanosecond",
            .too_large = "spread longer than 292 years",
            .negative = "negative spread: write e.g. \"±500ms\"",
        },
    [QUANTITY_SIZE] =
        {
            .name = "a size",
            .example = "16KB",
            .units = size_units,
            .max = INTEGER_MAX,
            .no_number = "size without a number: write e.g. \"16KB\"",
            .no_unit = "size without a unit: write e.g. \"16KB\"",
            .bad_unit = SIZE_BAD_UNIT,
            .too_fine = "size that is not a whole number of bytes",
            .too_large = "size above 2^53 - 1 bytes",
            .negative = "negative size: allowed 0 or more",
        },
    [QUANTITY_MEMORY] =
        {
            .name = "a memory size",
            .example = "512MB",
            .units = memory_units,
            .max = INTEGER_MAX,
            .no_number = "memory size without a number: write e.g. \"512MB\"",
            .no_unit = "memory size without a unit: write e.g. \"512MB\"",
            .bad_unit = SIZE_BAD_UNIT,
            .too_fine = "memory size that is not a whole number of bytes",
            .too_large = "memory size above 2^53 - 1 bytes",
            .negative = "negative memory size: allowed 0 or more",
        },
    [QUANTITY_SHARE] =
        {
            .name = "a percentage",
            .example = "1%",
            .units = share_units,
            .max = SECOND,
            .no_number = "percentage without a number: write e.g. \"1%\"",
            .no_unit = "percentage without its sign: write e.g. \"1%\"",
            .bad_unit = "percentage with something else behind the number: "
                        "write e.g. \"1%\"",
            .too_fine = "percentage finer than a billionth",
            .too_large = "percentage above 100%",
            .negative = "negative percentage: allowed 0% to 100%",
        },
    [QUANTITY_DRIFT_SPREAD] =
        {
            .name = "a drift",
            .example = "±200ppm",
            .units = drift_units,
            .max = SECOND - 1,
            .no_sign = "drift without its sign: write e.g. \"±200ppm\"",
            .no_number = "drift without a number: allowed digits before ppm "
                         "or ppb",
            .no_unit = "drift without a unit: allowed ppm or ppb",
            .bad_unit = "unknown unit of drift: allowed one number and ppm or "
                        "ppb",
            .too_fine = "drift finer than a part per billion",
            .too_large = "drift of a million ppm or more",
            .negative = "negative drift: write e.g. \"±200ppm\"",
        },
};

static const struct kind *kind_of(enum quantity_kind kind)
{
    assert((size_t)kind < sizeof(kinds) / sizeof(kinds[0]));
    return &kinds[kind];
}

const char *quantity_name(enum quantity_kind kind)
{
    return kind_of(kind)->name;
}

const char *quantity_example(enum quantity_kind kind)
{
    return kind_of(kind)->example;
}

/* A decimal number: whole + part / scale, scale a power of ten, least. */
struct decimal {
    uint64_t whole;
    uint64_t part;
    uint64_t scale;
};

enum decimal_code {
    DECIMAL_NONE = -1,
    DECIMAL_LARGE = -2,
    DECIMAL_FINE = -3
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static int add_digit(uint64_t *value, char digit)
{
    if (__builtin_mul_overflow(*value, UINT64_C(10), value) ||
        __builtin_add_overflow(*value, (uint64_t)(digit - '0'), value)) {
        return DECIMAL_LARGE;
    }
    return 0;
}

/* Reads the digits after the point; zeros at the end say nothing. */
static int read_part(const char **at, struct decimal *out)
{
    const char *end = *at;
    const char *last = *at;

    if (!is_digit(*end)) {
        return DECIMAL_NONE;
    }
    for (; is_digit(*end); end++) {
        if (*end != '0') {
            last = end + 1;
        }
    }
    if (last - *at > 18) {
        return DECIMAL_FINE;
    }
    for (const char *digit = *at; digit < last; digit++) {
        (void)add_digit(&out->part, *digit);
        out->scale *= 10;
    }
    *at = end;
    return 0;
}

/* Reads digits and perhaps a point with digits; *@at is then behind them. */
static int read_decimal(const char **at, struct decimal *out)
{
    *out = (struct decimal){.scale = 1};
    if (!is_digit(**at)) {
        return DECIMAL_NONE;
    }
    for (; is_digit(**at); (*at)++) {
        if (add_digit(&out->whole, **at) != 0) {
            return DECIMAL_LARGE;
        }
    }
    if (**at == '.') {
        (*at)++;
        return read_part(at, out);
    }
    return 0;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/*
 * Multiplies exactly. With the common divisor taken out of @unit and the
 * scale, the part must be a multiple of what is left of the scale.
 */
static int decimal_times(const struct decimal *number, uint64_t unit,
                         uint64_t *value)
{
    uint64_t divisor = common_divisor(unit, number->scale);
    uint64_t rest = number->scale / divisor;
    uint64_t whole;

    if (number->part % rest != 0) {
        return DECIMAL_FINE;
    }
    if (__builtin_mul_overflow(number->whole, unit, &whole) ||
        __builtin_add_overflow(whole, number->part / rest * (unit / divisor),
                               value)) {
        return DECIMAL_LARGE;
    }
    return 0;
}

/* The size of the unit called @name, or 0. */
static uint64_t unit_size(const struct unit *units, const char *name)
{
    while (units->name != NULL && strcmp(units->name, name) != 0) {
        units++;
    }
    return units->size;
}

static const char *decimal_why(const struct kind *kind, int code)
{
    return code == DECIMAL_LARGE  ? kind->too_large
           : code == DECIMAL_FINE ? kind->too_fine
                                  : kind->no_number;
}

/* Reads number and unit. Returns NULL, or why it cannot be. */
static const char *read_amount(const struct kind *kind, const char *text,
                               uint64_t *value)
{
    struct decimal number;
    const char *at = text;
    uint64_t found;
    uint64_t unit;
    int code;

    if (*text == '-') {
        return kind->negative;
    }
    code = read_decimal(&at, &number);
    if (code != 0) {
        return decimal_why(kind, code);
    }
    if (*at == '\0') {
        return kind->no_unit;
    }
    unit = unit_size(kind->units, at);
    if (unit == 0) {
        return kind->bad_unit;
    }
    code = decimal_times(&number, unit, &found);
    if (code != 0) {
        return decimal_why(kind, code);
    }
    if (found > kind->max) {
        return kind->too_large;
    }
    *value = found;
    return NULL;
}

/* What follows the sign of a spread, or NULL if it has none. */
static const char *after_sign(const char *text)
{
    static const char *const signs[] = {"±", "+-", "+/-"};

    for (size_t i = 0; i < 3; i++) {
        if (strncmp(text, signs[i], strlen(signs[i])) == 0) {
            return text + strlen(signs[i]);
        }
    }
    return NULL;
}

int quantity_read(enum quantity_kind kind, const char *text, uint64_t *value,
                  const char **why)
{
    const struct kind *about = kind_of(kind);

    if (about->no_sign != NULL) {
        text = after_sign(text);
    }
    *why = text == NULL ? about->no_sign : read_amount(about, text, value);
    return *why == NULL ? 0 : -1;
}

/* Reads an amount that may have a sign. */
static int read_signed(const struct kind *kind, const char *text,
                       int64_t *value, const char **why)
{
    bool negative = *text == '-';
    const char *amount = text + (negative || *text == '+');
    uint64_t size = 0;

    *why = *amount == '-' ? kind->no_number : read_amount(kind, amount, &size);
    if (*why != NULL) {
        return -1;
    }
    *value = negative ? -(int64_t)size : (int64_t)size;
    return 0;
}

int quantity_read_offset(const char *text, int64_t *ns, const char **why)
{
    return read_signed(kind_of(QUANTITY_DURATION), text, ns, why);
}

int quantity_read_drift(const char *text, int64_t *ppb, const char **why)
{
    return read_signed(kind_of(QUANTITY_DRIFT_SPREAD), text, ppb, why);
}

/* Reads what stands after the slash: "s" or "10s". */
static const char *read_span(const char *text, uint64_t *ns)
{
    const char *why = NULL;

    if (!is_digit(*text)) {
        *ns = unit_size(time_units, text);
    } else {
        *ns = 0;
        why = read_amount(kind_of(QUANTITY_DURATION), text, ns);
    }
    return why == NULL && *ns == 0
               ? "rate with an unknown unit of time: write e.g. \"100/s\""
               : why;
}

static const char *read_rate(const char *text, struct quantity_rate *rate)
{
    struct decimal number;
    const char *at = text;
    const char *why;
    uint64_t span;
    uint64_t count;
    uint64_t per;
    uint64_t divisor;
    int code = read_decimal(&at, &number);

    if (code == DECIMAL_NONE) {
        return *text == '-' ? "negative rate: allowed 0 or more"
                            : "rate without a number: write e.g. \"100/s\"";
    }
    if (code == 0 && *at != '/') {
        return "rate without a unit of time: write e.g. \"100/s\"";
    }
    if (code != 0 ||
        __builtin_mul_overflow(number.whole, number.scale, &count) ||
        __builtin_add_overflow(count, number.part, &count)) {
        return "rate with more digits than can be kept";
    }
    why = read_span(at + 1, &span);
    if (why != NULL) {
        return why;
    }
    divisor = common_divisor(count, number.scale);
    if (__builtin_mul_overflow(span, number.scale / divisor, &per)) {
        return "rate with more digits than can be kept";
    }
    count /= divisor;
    divisor = common_divisor(count, per);
    *rate = (struct quantity_rate){count / divisor, per / divisor};
    return NULL;
}

int quantity_read_rate(const char *text, struct quantity_rate *rate,
                       const char **why)
{
    *why = read_rate(text, rate);
    return *why == NULL ? 0 : -1;
}

/* Reads an integer up to 2^53 - 1. Returns what follows it, or NULL. */
static const char *read_integer(const char *at, uint64_t *value)
{
    if (!is_digit(*at)) {
        return NULL;
    }
    for (*value = 0; is_digit(*at); at++) {
        if (add_digit(value, *at) != 0 || *value > INTEGER_MAX) {
            return NULL;
        }
    }
    return at;
}

int quantity_read_range(const char *text, struct quantity_range *range,
                        const char **why)
{
    struct quantity_range found = {0};
    const char *at = read_integer(text, &found.first);

    found.last = found.first;
    if (at != NULL && *at == '-') {
        at = read_integer(at + 1, &found.last);
    }
    if (at == NULL || *at != '\0') {
        *why = "not a range: write e.g. \"2\" or \"1-3\", whole numbers up to "
               "2^53 - 1";
        return -1;
    }
    if (found.last < found.first) {
        *why = "range that ends before it starts: write the smaller number "
               "first";
        return -1;
    }
    *range = found;
    return 0;
}

/* A share needs a fraction: seven digits after the point are a billionth. */
static void print_share(uint64_t ppb, char *text, size_t size)
{
    char part[16] = "";
    size_t length;

    if (ppb % 10000000 != 0) {
        (void)snprintf(part, sizeof(part), ".%07u", (unsigned)(ppb % 10000000));
        length = strlen(part);
        while (length > 0 && part[length - 1] == '0') {
            part[--length] = '\0';
        }
    }
    (void)snprintf(text, size, "%ju%s%%", (uintmax_t)(ppb / 10000000), part);
}

const char *quantity_print(enum quantity_kind kind, uint64_t value, char *text,
                           size_t size)
{
    const struct kind *about = kind_of(kind);
    const struct unit *unit = about->units;

    if (kind == QUANTITY_SHARE) {
        print_share(value, text, size);
        return text;
    }
    while (unit->size > 1 && (value == 0 || value % unit->size != 0)) {
        unit++;
    }
    if (value == 0) {
        unit = kind == QUANTITY_DURATION || kind == QUANTITY_DURATION_SPREAD
                   ? &time_units[3]
                   : unit;
    }
    (void)snprintf(text, size, "%s%ju%s", about->no_sign != NULL ? "±" : "",
                   (uintmax_t)(value / unit->size), unit->name);
    return text;
}
