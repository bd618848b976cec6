#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/export.h"
#include "reports/hist.h"
#include "reports/series.h"

/*
 * A report_hist of 2 or 3 digits has the very buckets of a HdrHistogram of as
 * many digits with unit 1. One of 1 digit is finer than HdrHistogram's and is
 * written with 2, each of its values at the top of its bucket.
 */
#define COOKIE_V2 0x1c849313u
#define COOKIE_COMPRESSED_V2 0x1c849314u
#define ONE_AS_DOUBLE UINT64_C(0x3ff0000000000000)
#define HIGHEST_MIN UINT64_C(86400000000000) /* a day: logs can be added up */
#define HIGHEST_MAX (UINT64_MAX >> 1)        /* it is signed there */

enum {
    BLOCK_MAX = 65535 /* of stored bytes in a deflate stream */
};

static void put_big_endian(struct report_buffer *out, uint64_t value,
                           unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;) {
        unsigned char byte = (unsigned char)(value >> (8 * i));
        report_buffer_bytes(out, &byte, 1);
    }
}

/* ZigZag LEB128 of at most 9 bytes, the ninth with all its 8 bits. */
static void put_count(struct report_buffer *out, int64_t count)
{
    uint64_t rest = (uint64_t)count << 1 ^ (count < 0 ? UINT64_MAX : 0);
    unsigned char bytes[9];
    unsigned size = 0;
    while (size < 8 && rest > 0x7f) {
        bytes[size++] = (unsigned char)(rest | 0x80);
        rest >>= 7;
    }
    bytes[size++] = (unsigned char)rest;
    report_buffer_bytes(out, bytes, size);
}

static uint32_t bits_out(const struct report_hist *hist)
{
    return hist->bits == 5 ? 7 : hist->bits;
}

/* The bucket outside that a bucket's values go to. */
static uint32_t index_out(const struct report_hist *hist, uint32_t index)
{
    uint64_t top = index + 1 < hist->size
                       ? report_hist_edge(hist->bits, index + 1) - 1
                       : UINT64_MAX;
    return report_hist_index(bits_out(hist), top > hist->max ? hist->max : top);
}

static void put_zeros(struct report_buffer *out, uint32_t count)
{
    if (count == 1)
        put_count(out, 0);
    else if (count > 1)
        put_count(out, -(int64_t)count);
}

/* All counts up to the last that is not 0; several 0 as minus their number. */
static void put_counts(struct report_buffer *out,
                       const struct report_hist *hist)
{
    uint32_t next = 0;
    for (uint32_t i = 0; hist->count && i < hist->size; i++) {
        if (hist->counts[i] == 0)
            continue;
        uint32_t index = index_out(hist, i);
        assert(index >= next);
        put_zeros(out, index - next);
        put_count(out, (int64_t)hist->counts[i]);
        next = index + 1;
    }
}

static uint64_t highest_of(const struct report_hist *hist)
{
    if (hist->max < HIGHEST_MIN)
        return HIGHEST_MIN;
    return hist->max < HIGHEST_MAX ? hist->max : HIGHEST_MAX;
}

/* The histogram as HdrHistogram's V2 encoding has it. */
static void put_encoded(struct report_buffer *out,
                        const struct report_hist *hist)
{
    struct report_buffer counts;
    report_buffer_init(&counts);
    put_counts(&counts, hist);
    put_big_endian(out, COOKIE_V2, 4);
    put_big_endian(out, counts.size, 4);
    put_big_endian(out, 0, 4); /* normalizing index offset */
    put_big_endian(out, bits_out(hist) == 7 ? 2 : 3, 4);
    put_big_endian(out, 1, 8); /* lowest discernible value */
    put_big_endian(out, highest_of(hist), 8);
    put_big_endian(out, ONE_AS_DOUBLE, 8);
    report_buffer_bytes(out, counts.text, counts.size);
    out->failed |= counts.failed;
    report_buffer_free(&counts);
}

static uint32_t adler32(const char *bytes, size_t size)
{
    uint32_t a = 1;
    uint32_t b = 0;
    for (size_t i = 0; i < size; i++) {
        a = (a + (unsigned char)bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* A zlib stream of stored blocks. */
static void put_stored(struct report_buffer *out,
                       const struct report_buffer *from)
{
    report_buffer_bytes(out, "\x78\x01", 2);
    for (size_t at = 0; at < from->size;) {
        size_t left = from->size - at;
        size_t size = left < BLOCK_MAX ? left : BLOCK_MAX;
        unsigned char head[5] = {
            size == left, (unsigned char)size, (unsigned char)(size >> 8),
            (unsigned char)~size, (unsigned char)(~size >> 8)};
        report_buffer_bytes(out, head, sizeof(head));
        report_buffer_bytes(out, from->text + at, size);
        at += size;
    }
    put_big_endian(out, adler32(from->text, from->size), 4);
}

static void put_base64(struct report_buffer *out,
                       const struct report_buffer *from)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
                                  "pqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < from->size; at += 3) {
        size_t left = from->size - at;
        uint32_t group = 0;
        for (size_t i = 0; i < 3; i++)
            group = group << 8 |
                    (i < left ? (unsigned char)from->text[at + i] : 0u);
        char text[4];
        for (int i = 0; i < 4; i++)
            text[i] = letters[group >> (18 - 6 * i) & 63];
        if (left < 3)
            text[3] = '=';
        if (left < 2)
            text[2] = '=';
        report_buffer_bytes(out, text, 4);
    }
}

void report_export_hlog_histogram(const struct report_hist *hist,
                                  struct report_buffer *out)
{
    struct report_buffer encoded;
    struct report_buffer stored;
    struct report_buffer whole;
    report_buffer_init(&encoded);
    report_buffer_init(&stored);
    report_buffer_init(&whole);
    put_encoded(&encoded, hist);
    put_stored(&stored, &encoded);
    put_big_endian(&whole, COOKIE_COMPRESSED_V2, 4);
    put_big_endian(&whole, stored.size, 4);
    report_buffer_bytes(&whole, stored.text, stored.size);
    put_base64(out, &whole);
    out->failed |= encoded.failed | stored.failed | whole.failed;
    report_buffer_free(&encoded);
    report_buffer_free(&stored);
    report_buffer_free(&whole);
}

/* Letters, digits and . _ - / as they are; all others as % and two digits. */
static void put_tag_part(struct report_buffer *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || strchr("._-", c);
        report_buffer_print(out, plain ? "%c" : "%%%02X", c);
    }
}

static void put_seconds(struct report_buffer *out, uint64_t ns)
{
    report_buffer_print(out, "%" PRIu64 ".%03" PRIu64 ",", ns / 1000000000,
                        ns / 1000000 % 1000);
}

/* The rest of a line, behind its tag: begin, length, maximum, histogram. */
static void put_interval(struct report_buffer *out, uint64_t begin_ns,
                         uint64_t length_ns, const struct report_hist *hist)
{
    put_seconds(out, begin_ns);
    put_seconds(out, length_ns);
    report_buffer_print(out, "%" PRIu64 ".%06" PRIu64 ",", hist->max / 1000000,
                        hist->max % 1000000);
    report_export_hlog_histogram(hist, out);
    report_buffer_put(out, "\n");
}

static void put_step(struct report_buffer *out, uint64_t length_ns,
                     const struct report_step *step, const char *what,
                     const struct report_hist *hist)
{
    if (!hist->counts || hist->count == 0)
        return;
    report_buffer_put(out, "Tag=");
    put_tag_part(out, step->workflow);
    report_buffer_put(out, "/");
    put_tag_part(out, step->name);
    report_buffer_print(out, "/%s,", what);
    put_interval(out, 0, length_ns, hist);
}

/* The latency of the runs that were due in each slice of time. */
static void put_slices(struct report_buffer *out,
                       const struct report_stats *stats)
{
    for (uint32_t i = 0; stats->slices && i < stats->bucket_count; i++) {
        const struct report_hist *hist = &stats->slices[i].latency;
        if (!hist->counts || hist->count == 0)
            continue;
        report_buffer_put(out, "Tag=due,");
        put_interval(out, i * stats->bucket_ns, stats->bucket_ns, hist);
    }
}

void report_export_hlog(const struct report_stats *stats,
                        struct report_buffer *out)
{
    uint64_t length_ns = stats->last_ns - stats->first_ns;
    report_buffer_put(out,
                      "#[Histogram log format version 1.3]\n"
                      "#[Nanoseconds of virtual time, which begins at 0]\n"
                      "#[StartTime: 0.000 (seconds since epoch)]\n"
                      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                      "\"Interval_Compressed_Histogram\"\n");
    put_interval(out, 0, length_ns, &stats->latency);
    put_slices(out, stats);
    for (uint32_t i = 0; i < stats->step_count; i++) {
        const struct report_step *step = &stats->steps[i];
        put_step(out, length_ns, step, "total", &step->total);
        put_step(out, length_ns, step, "dispatch", &step->dispatch);
        put_step(out, length_ns, step, "code", &step->code);
    }
}
