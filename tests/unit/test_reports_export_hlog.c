#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "reports/export.h"
#include "tests/support/sample_report.h"

/* Undoes base64; the number of bytes. */
static size_t decode(const char *text, unsigned char *bytes)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
                                  "pqrstuvwxyz0123456789+/";
    size_t size = 0;
    uint32_t bits = 0;
    for (size_t i = 0; text[i] && text[i] != '='; i++) {
        const char *letter = strchr(letters, text[i]);
        cr_assert(letter, "%c", text[i]);
        bits = bits << 6 | (uint32_t)(letter - letters);
        if (i % 4 != 0)
            bytes[size++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
    }
    return size;
}

static uint64_t big_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Joins the stored blocks of a zlib stream; the number of bytes in them. */
static size_t inflate_stored(const unsigned char *from, size_t size,
                             unsigned char *to)
{
    size_t at = 2;
    size_t put = 0;
    cr_assert_eq(big_endian(from, 2) % 31, 0);
    for (int last = 0; !last;) {
        cr_assert_lt(at + 5, size);
        last = from[at];
        cr_assert(last == 0 || last == 1);
        size_t block = from[at + 1] + 256u * from[at + 2];
        cr_assert_eq(block ^ (from[at + 3] + 256u * from[at + 4]), 65535u);
        memcpy(to + put, from + at + 5, block);
        put += block;
        at += 5 + block;
    }
    cr_assert_eq(at + 4, size, "the checksum ends the stream");
    return put;
}

struct decoded {
    unsigned char *bytes; /* of the V2 encoding */
    size_t size;
};

static struct decoded decode_histogram(const struct report_hist *hist)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_export_hlog_histogram(hist, &out);
    cr_assert(report_buffer_ok(&out));
    cr_expect_eq(strncmp(out.text, "HISTFA", 6), 0, "%.20s", out.text);
    unsigned char *whole = malloc(out.size);
    struct decoded result = {.bytes = malloc(out.size)};
    cr_assert(whole && result.bytes);
    size_t size = decode(out.text, whole);
    cr_assert_eq(big_endian(whole + 4, 4), size - 8);
    result.size = inflate_stored(whole + 8, size - 8, result.bytes);
    free(whole);
    report_buffer_free(&out);
    return result;
}

Test(reports_export_hlog, a_small_histogram_is_these_bytes)
{
    static const unsigned char expected[] = {
        0x1c, 0x84, 0x93, 0x13, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0,
        0, 0, 0, 1, 0, 0, 0x4e, 0x94, 0x91, 0x4f, 0, 0, 0x3f, 0xf0, 0, 0, 0, 0,
        0, 0,
        /* a 0, 1 of value 1, three times 0, 200 of value 5 */
        0, 2, 5, 0x90, 3};
    struct report_hist hist;
    cr_assert_eq(report_hist_init(&hist, 3), 0);
    report_hist_record(&hist, 1);
    for (int i = 0; i < 200; i++)
        report_hist_record(&hist, 5);
    struct decoded got = decode_histogram(&hist);
    cr_assert_eq(got.size, sizeof(expected));
    cr_expect_eq(memcmp(got.bytes, expected, sizeof(expected)), 0);
    free(got.bytes);
    report_hist_deinit(&hist);
}

static int64_t take_count(const unsigned char **at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 9; i++) {
        unsigned char byte = *(*at)++;
        if (i == 8) {
            value |= (uint64_t)byte << 56;
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            break;
    }
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Every count comes back in its bucket, over more than one stored block. */
Test(reports_export_hlog, a_histogram_full_of_values_comes_back)
{
    struct report_hist hist;
    cr_assert_eq(report_hist_init(&hist, 3), 0);
    for (uint32_t i = 0; i < 50000; i++) {
        uint64_t edge = report_hist_edge(hist.bits, i);
        for (uint32_t j = 0; j < (i % 3 == 0 ? 70 : 1); j++)
            report_hist_record(&hist, edge);
    }
    struct decoded got = decode_histogram(&hist);
    cr_assert_gt(got.size, 65535);
    cr_assert_eq(big_endian(got.bytes + 4, 4), got.size - 40);
    const unsigned char *at = got.bytes + 40;
    uint32_t index = 0;
    while (at < got.bytes + got.size) {
        int64_t count = take_count(&at);
        if (count < 0)
            index += (uint32_t)-count;
        else
            cr_assert_eq((uint64_t)count, hist.counts[index++]);
    }
    cr_expect_eq(index, 50000);
    free(got.bytes);
    report_hist_deinit(&hist);
}

Test(reports_export_hlog, a_count_of_all_bits_takes_nine_bytes)
{
    struct report_hist hist;
    cr_assert_eq(report_hist_init(&hist, 3), 0);
    report_hist_record(&hist, 0);
    hist.counts[0] = INT64_MAX;
    struct decoded got = decode_histogram(&hist);
    const unsigned char *at = got.bytes + 40;
    cr_expect_eq(got.size, 49);
    cr_expect_eq(take_count(&at), INT64_MAX);
    free(got.bytes);
    report_hist_deinit(&hist);
}

/* One of 1 digit has finer buckets than HdrHistogram's of 1 digit. */
Test(reports_export_hlog, one_digit_is_written_as_two_at_the_top_of_its_bucket)
{
    struct report_hist hist;
    cr_assert_eq(report_hist_init(&hist, 1), 0);
    report_hist_record(&hist, 1000000);
    report_hist_record(&hist, 1);
    report_hist_record(&hist, 3000000);
    struct decoded got = decode_histogram(&hist);
    const unsigned char *at = got.bytes + 40;
    cr_expect_eq(big_endian(got.bytes + 12, 4), 2);
    cr_expect_eq(take_count(&at), 0);
    cr_expect_eq(take_count(&at), 1);
    uint64_t top = report_hist_edge(5, report_hist_index(5, 1000000) + 1) - 1;
    cr_expect_eq(take_count(&at), 2 - (int64_t)report_hist_index(7, top));
    cr_expect_eq(take_count(&at), 1);
    cr_expect_eq(take_count(&at), 1 + (int64_t)report_hist_index(7, top) -
                                      (int64_t)report_hist_index(7, 3000000));
    cr_expect_eq(take_count(&at), 1);
    cr_expect_eq((size_t)(at - got.bytes), got.size);
    free(got.bytes);
    report_hist_deinit(&hist);
}

static size_t count_lines(const char *text, const char *begin)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, begin)); at++)
        found += at > text && at[-1] == '\n';
    return found;
}

Test(reports_export_hlog, each_slice_that_has_values_has_its_interval)
{
    static const struct synthetic_options options = {.runs = 40};
    struct sample_report *sample = sample_report_new(&options);
    const struct report_stats *stats = sample->model.stats;
    struct report_buffer out;
    size_t slices = 0;
    for (uint32_t i = 0; i < stats->bucket_count; i++)
        slices += stats->buckets[i].latency_count > 0;
    cr_assert_gt(slices, 1);
    report_buffer_init(&out);
    report_export_hlog(stats, &out);
    cr_expect_eq(count_lines(out.text, "Tag=due,"), slices);
    cr_expect_eq(count_lines(out.text, "0.000,"), 1);
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_export_hlog, a_tag_has_neither_comma_nor_blank_nor_newline)
{
    struct report_step step = {.workflow = "a,b c", .name = "\xc3\xbc\n%/"};
    struct report_stats *stats = calloc(1, sizeof(*stats));
    struct report_buffer out;
    cr_assert(stats);
    cr_assert_eq(report_hist_init(&stats->latency, 3), 0);
    cr_assert_eq(report_hist_init(&step.code, 1), 0);
    report_hist_record(&step.code, 1234567);
    stats->steps = &step;
    stats->step_count = 1;
    stats->first_ns = 5;
    stats->last_ns = 1234000005;
    report_buffer_init(&out);
    report_export_hlog(stats, &out);
    cr_expect(strstr(out.text, "\n0.000,1.234,0.000000,HIST"));
    cr_expect(strstr(out.text,
                     "\nTag=a%2Cb%20c/%C3%BC%0A%25%2F/code,0.000,1.234,"
                     "1.234567,HIST"));
    cr_expect_null(strstr(out.text, "/total"));
    report_buffer_free(&out);
    report_hist_deinit(&step.code);
    report_hist_deinit(&stats->latency);
    free(stats);
}
