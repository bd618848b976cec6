#ifndef ENGINE_HOST_QUANTITY_H
#define ENGINE_HOST_QUANTITY_H

/*
 * Amounts as people write them: "60s", "512MB", "100/s", "±200ppm", "0.1%",
 * "1-3". Each is read with integer arithmetic only and either means exactly
 * what was written or is refused: nothing is rounded, nothing overflows, no
 * unit is guessed. A number has digits and perhaps a point with digits after
 * it; no sign (unless said), exponent, separator or space.
 *
 * All readers take a terminated UTF-8 text and return 0 with the result, or
 * -1 with *@why pointing to a constant sentence that says what is wrong and
 * what to write instead; the result is then unchanged.
 */

#include <stddef.h>
#include <stdint.h>

enum quantity_kind {
    /*
     * "500ms" to nanoseconds. Units ns, us, µs, ms, s, m, h, d; at most
     * INT64_MAX ns (292 years), so that two of them can always be added.
     */
    QUANTITY_DURATION,
    /* "±500ms" (or "+-500ms"): how far to either side, in nanoseconds. */
    QUANTITY_DURATION_SPREAD,
    /*
     * "16KiB" to bytes. Units B, KB, MB, GB, TB are powers of 1,000 and KiB,
     * MiB, GiB, TiB powers of 1,024; at most 2^53 - 1 bytes.
     */
    QUANTITY_SIZE,
    /*
     * "512MB" to bytes, as cloud vendors write memory: KB, MB, GB and TB are
     * powers of 1,024, and so are KiB, MiB, GiB and TiB.
     */
    QUANTITY_MEMORY,
    /* "0.01%" to parts per billion; from "0%" to "100%". */
    QUANTITY_SHARE,
    /* "±200ppm" (or "ppb") to parts per billion either side, below 10^9. */
    QUANTITY_DRIFT_SPREAD
};

/* A rate, exactly: count events in each span of per_ns nanoseconds. */
struct quantity_rate {
    uint64_t count;
    /* At least 1; count and per_ns have no common divisor. */
    uint64_t per_ns;
};

/* A closed range of ordinals, first <= last. */
struct quantity_range {
    uint64_t first;
    uint64_t last;
};

/* Reads a quantity of @kind. */
int quantity_read(enum quantity_kind kind, const char *text, uint64_t *value,
                  const char **why);

/* Reads a duration that may carry a sign: "-5s", "+5s", "5s". */
int quantity_read_offset(const char *text, int64_t *ns, const char **why);

/* Reads a clock drift that may carry a sign: "-50ppm" to parts per billion. */
int quantity_read_drift(const char *text, int64_t *ppb, const char **why);

/*
 * Reads "100/s", "0.5/m" or "3/10s". The unit is one of a duration's; the
 * number before it may be left out for 1. "0/s" is a rate: never.
 */
int quantity_read_rate(const char *text, struct quantity_rate *rate,
                       const char **why);

/* Reads "2" as 2 to 2 and "1-3" as 1 to 3; numbers up to 2^53 - 1. */
int quantity_read_range(const char *text, struct quantity_range *range,
                        const char **why);

/*
 * Writes @value of @kind so that quantity_read gives the same value back, in
 * the largest unit that needs no fraction (a share: percent, with one). @text
 * should hold 32 bytes; a shorter one gets what fits. Returns @text.
 */
const char *quantity_print(enum quantity_kind kind, uint64_t value, char *text,
                           size_t size);

/* A quantity of @kind as an example for error texts, without quotes. */
const char *quantity_example(enum quantity_kind kind);

/* What @kind is called in an error text, with its article. */
const char *quantity_name(enum quantity_kind kind);

#endif
