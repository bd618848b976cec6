/*
 * The stream to look at: which runs are in it, and that what is written is
 * whole and what is not is counted.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/host/observe.h"

enum {
    ALL_PPB = 1000000000,
    RUNS = 100000
};

struct place {
    char dir[64];
    char path[80];
};

static void place_make(struct place *place)
{
    snprintf(place->dir, sizeof(place->dir), "/tmp/perdure-observe-XXXXXX");
    cr_assert(mkdtemp(place->dir));
    snprintf(place->path, sizeof(place->path), "%s/seen", place->dir);
}

static void place_remove(const struct place *place)
{
    cr_expect_eq(unlink(place->path), 0);
    cr_expect_eq(rmdir(place->dir), 0);
}

static struct observe *open_at(const struct place *place, uint32_t share_ppb)
{
    char error[OBSERVE_ERROR_SIZE] = "";
    struct observe *observe = observe_open(place->path, share_ppb, error);

    cr_assert(observe, "%s", error);
    return observe;
}

static void emit(const struct observe *observe, uint64_t run, uint64_t a)
{
    const struct engine_sink *sink = observe_sink(observe);
    const struct engine_record record = {
        .kind = ENGINE_REC_OWNED, .run = run, .op = UINT32_MAX, .a = a};

    sink->emit(sink->self, &record);
}

Test(host_observe, one_in_a_hundred_is_seen_and_always_the_same)
{
    static bool one[RUNS + 1];
    struct place place;
    uint32_t seen = 0;

    place_make(&place);
    struct observe *observe = open_at(&place, ALL_PPB / 100);
    cr_expect_not(observe_sees(observe, 0));
    for (uint64_t run = 1; run <= RUNS; run++) {
        one[run] = observe_sees(observe, run);
        seen += one[run];
    }
    (void)observe_close(observe);
    cr_expect_geq(seen, 900);
    cr_expect_leq(seen, 1100);
    /* After another start the same ones, of a larger share these as well. */
    observe = open_at(&place, ALL_PPB / 100);
    struct observe *more = open_at(&place, ALL_PPB / 10);
    for (uint64_t run = 1; run <= RUNS; run++) {
        cr_assert_eq(observe_sees(observe, run), one[run]);
        cr_assert(observe_sees(more, run) || !one[run]);
    }
    (void)observe_close(observe);
    (void)observe_close(more);
    place_remove(&place);
}

Test(host_observe, with_the_whole_share_every_run_is_seen)
{
    struct place place;

    place_make(&place);
    struct observe *observe = open_at(&place, ALL_PPB);
    for (uint64_t run = 1; run <= RUNS; run++)
        cr_assert(observe_sees(observe, run));
    (void)observe_close(observe);
    place_remove(&place);
}

/* Two records of each run, in two openings of the same file. */
static uint64_t emit_pairs(const struct place *place, uint64_t first,
                           uint64_t end)
{
    struct observe *observe = open_at(place, ALL_PPB / 4);
    uint64_t wanted = 0;

    observe_clocks(observe, 77, 88);
    for (uint64_t run = first; run < end; run++) {
        emit(observe, run, 1);
        emit(observe, run, 2);
        wanted += observe_sees(observe, run) ? 2 : 0;
    }
    struct observe_counts counts = observe_close(observe);
    cr_expect_eq(counts.written, wanted);
    cr_expect_eq(counts.dropped, 0);
    return wanted;
}

Test(host_observe, of_a_run_that_is_seen_each_record_is_a_line)
{
    struct place place;
    uint64_t lines = 0;
    char line[1024], run[32];

    place_make(&place);
    uint64_t wanted = emit_pairs(&place, 1, 500) + emit_pairs(&place, 500, 999);
    FILE *file = fopen(place.path, "rb");
    cr_assert(file);
    struct observe *observe = open_at(&place, ALL_PPB / 4);
    for (uint64_t number = 1; number < 999; number++) {
        if (!observe_sees(observe, number))
            continue;
        snprintf(run, sizeof(run), "\"run\": %" PRIu64 ",", number);
        for (int a = 1; a <= 2; a++, lines++) {
            cr_assert(fgets(line, sizeof(line), file));
            cr_expect(strstr(line, run), "%s", line);
            cr_expect_eq(strncmp(line, a == 1 ? "{\"a\": 1," : "{\"a\": 2,", 8),
                         0, "%s", line);
            cr_expect(strstr(line, "\"kind\": \"owned\", \"mono_ns\": 88,"));
            cr_expect(strstr(line, "\"op\": null,"), "%s", line);
            cr_expect(strstr(line, "\"time_ns\": 77,"), "%s", line);
        }
    }
    cr_expect_eq(lines, wanted);
    cr_expect_null(fgets(line, sizeof(line), file));
    fclose(file);
    (void)observe_close(observe);
    place_remove(&place);
}

/* A pipe that somebody holds and never reads: about 30 MB for 4 MB. */
Test(host_observe, what_finds_no_room_is_counted_and_nobody_waits)
{
    struct place place;
    uint64_t emitted = 0;

    place_make(&place);
    cr_assert_eq(mkfifo(place.path, 0600), 0);
    int fd = open(place.path, O_RDONLY | O_NONBLOCK);
    cr_assert_geq(fd, 0);
    struct observe *observe = open_at(&place, ALL_PPB);
    for (; emitted < RUNS; emitted++)
        emit(observe, 1, emitted);
    struct observe_counts counts = observe_close(observe);
    cr_expect_gt(counts.written, 0);
    cr_expect_gt(counts.dropped, RUNS / 2);
    cr_expect_eq(counts.written + counts.dropped, emitted);
    close(fd);
    place_remove(&place);
}

Test(host_observe, what_cannot_be_written_is_named_with_the_reason)
{
    char error[OBSERVE_ERROR_SIZE] = "";
    struct place place;

    cr_expect_null(observe_open("/no/such/place", ALL_PPB, error));
    cr_expect(strstr(error, "/no/such/place"), "%s", error);
    cr_expect(strstr(error, "No such file"), "%s", error);
    place_make(&place);
    cr_assert_eq(mkfifo(place.path, 0600), 0);
    cr_expect_null(observe_open(place.path, ALL_PPB, error));
    cr_expect(strstr(error, "nobody reads this pipe"), "%s", error);
    place_remove(&place);
    cr_expect_eq(observe_close(NULL).written, 0);
}
