#include "sim/disk.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/points.h"

/* A decider with one rule: at this point, from this hit on, so many times. */
struct rule {
    uint8_t armed[SIM_POINT_COUNT];
    uint32_t skip, times;
    struct engine_decision decision;
};

static bool decide(void *self, const struct engine_site *site,
                   struct engine_decision *decision)
{
    struct rule *rule = self;
    (void)site;
    if (rule->skip) {
        rule->skip--;
        return false;
    }
    if (!rule->times)
        return false;
    rule->times--;
    *decision = rule->decision;
    return true;
}

struct seen {
    struct engine_record last[ENGINE_REC_COUNT];
    uint32_t count[ENGINE_REC_COUNT];
};

static void see(void *self, const struct engine_record *record)
{
    struct seen *seen = self;
    seen->last[record->kind] = *record;
    seen->count[record->kind]++;
}

/* A disk with one open file "a", its decider and its records. */
struct bed {
    struct rule rule;
    struct seen seen;
    struct engine_points points;
    struct engine_sink sink;
    struct sim_disk_config config;
    struct sim_disk *disk;
    struct sim_disk_file *file;
};

static void make_bed(struct bed *bed, uint64_t seed)
{
    memset(bed, 0, sizeof *bed);
    bed->points = (struct engine_points){bed->rule.armed, decide, &bed->rule};
    bed->sink = (struct engine_sink){see, &bed->seen};
    bed->config.sector = 512;
    bed->config.points = &bed->points;
    bed->config.sink = &bed->sink;
    engine_stream_init(&bed->config.stream, seed, "disk", 0);
}

static void start(struct bed *bed)
{
    bed->disk = sim_disk_new(&bed->config);
    cr_assert_not_null(bed->disk);
    cr_assert_eq(sim_disk_open(bed->disk, "a", true, &bed->file), 0);
}

static void arm(struct bed *bed, enum sim_point point, uint32_t action,
                int64_t amount)
{
    memset(bed->rule.armed, 0, sizeof bed->rule.armed);
    bed->rule.armed[point] = 1;
    bed->rule.skip = 0;
    bed->rule.times = 1;
    bed->rule.decision =
        (struct engine_decision){.action = action, .amount = amount};
}

static void power_cycle(struct bed *bed)
{
    sim_disk_crash(bed->disk);
    sim_disk_restart(bed->disk);
    cr_assert_eq(sim_disk_open(bed->disk, "a", false, &bed->file), 0);
}

static int fill(struct bed *bed, char byte, size_t length, uint64_t offset)
{
    char bytes[8192];
    memset(bytes, byte, sizeof bytes);
    cr_assert_leq(length, sizeof bytes);
    return sim_disk_write(bed->disk, bed->file, bytes, length, offset);
}

static char byte_at(struct bed *bed, uint64_t offset)
{
    char byte = '?';
    sim_disk_read(bed->disk, bed->file, &byte, 1, offset);
    return byte;
}

/*
 * The model: the whole file after every operation since it was last durable.
 * A crash must leave, sector by sector, one of these.
 */
enum {
    FILE_MAX = 12288,
    HISTORY_MAX = 48
};

struct image {
    uint64_t size;
    uint8_t bytes[FILE_MAX]; /* zeros from size on */
};

struct model {
    struct image history[HISTORY_MAX];
    size_t count;
    bool named;
};

struct player {
    struct engine_stream stream;
    uint64_t draws;
    uint64_t kept_all, lost_all, mixed; /* what the crashes have done */
};

static uint64_t below(struct player *player, uint64_t n)
{
    return engine_draw_below(&player->stream, player->draws++, n);
}

static struct image *next_image(struct model *model)
{
    cr_assert_lt(model->count, (size_t)HISTORY_MAX);
    struct image *image = &model->history[model->count];
    *image = model->history[model->count - 1];
    model->count++;
    return image;
}

static void play_write(struct bed *bed, struct model *model,
                       struct player *player)
{
    uint8_t bytes[FILE_MAX];
    struct image *image = next_image(model);
    uint64_t offset = below(player, FILE_MAX - 1);
    uint64_t length = 1 + below(player, FILE_MAX - offset);
    if (below(player, 2))
        length = 1 + below(player, length < 600 ? length : 600);
    for (uint64_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)below(player, 256);
    cr_assert_eq(sim_disk_write(bed->disk, bed->file, bytes, length, offset),
                 0);
    memcpy(image->bytes + offset, bytes, length);
    if (offset + length > image->size)
        image->size = offset + length;
}

static void play_truncate(struct bed *bed, struct model *model,
                          struct player *player)
{
    struct image *image = next_image(model);
    uint64_t size = below(player, FILE_MAX);
    cr_assert_eq(sim_disk_truncate(bed->disk, bed->file, size), 0);
    if (size < image->size)
        memset(image->bytes + size, 0, image->size - size);
    image->size = size;
}

static void now_durable(struct model *model)
{
    model->history[0] = model->history[model->count - 1];
    model->count = 1;
    model->named = true;
}

static void play_read(struct bed *bed, struct model *model,
                      struct player *player)
{
    uint8_t bytes[FILE_MAX];
    const struct image *image = &model->history[model->count - 1];
    uint64_t offset = below(player, FILE_MAX);
    int64_t got = sim_disk_read(bed->disk, bed->file, bytes, FILE_MAX, offset);
    int64_t expected =
        offset < image->size ? (int64_t)(image->size - offset) : 0;
    cr_assert_eq(got, expected);
    cr_assert_eq(memcmp(bytes, image->bytes + offset, (size_t)got), 0);
    cr_assert_eq(sim_disk_size(bed->file), image->size);
}

static bool sector_is_from(const struct image *image, const uint8_t *sector,
                           uint64_t start, uint64_t length)
{
    return memcmp(image->bytes + start, sector, length) == 0;
}

static void explain(const struct model *model, const uint8_t *bytes,
                    uint64_t size, uint32_t sector, struct player *player)
{
    const struct image *newest = &model->history[model->count - 1];
    bool all_old = true, all_new = size == newest->size;
    for (uint64_t start = 0; start < size; start += sector) {
        uint64_t length = size - start < sector ? size - start : sector;
        size_t i = 0;
        while (
            i < model->count &&
            !sector_is_from(&model->history[i], bytes + start, start, length))
            i++;
        cr_assert_lt(i, model->count, "sector at %lu has no explanation",
                     (unsigned long)start);
        all_old = all_old && i == 0;
        all_new =
            all_new && sector_is_from(newest, bytes + start, start, length);
    }
    player->kept_all += all_new;
    player->lost_all += all_old && !all_new;
    player->mixed += !all_old && !all_new;
}

static void check_size(const struct model *model, uint64_t size)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = 0; i < model->count; i++) {
        uint64_t known = model->history[i].size;
        low = known < low ? known : low;
        high = known > high ? known : high;
    }
    cr_assert_leq(low, size);
    cr_assert_leq(size, high);
}

static void play_crash(struct bed *bed, struct model *model,
                       struct player *player)
{
    uint8_t bytes[FILE_MAX] = {0};
    cr_assert_eq(sim_disk_unsynced(bed->disk),
                 model->count - 1 + (model->named ? 0 : 1));
    sim_disk_crash(bed->disk);
    cr_assert_eq(sim_disk_unsynced(bed->disk), 0);
    cr_assert_eq(sim_disk_read(bed->disk, bed->file, bytes, 1, 0),
                 SIM_DISK_OFF);
    sim_disk_restart(bed->disk);
    int error = sim_disk_open(bed->disk, "a", false, &bed->file);
    if (error) {
        cr_assert_eq(error, SIM_DISK_MISSING);
        cr_assert_not(model->named, "a synced file has vanished");
        memset(model->history, 0, sizeof model->history[0]);
        model->count = 1;
        cr_assert_eq(sim_disk_open(bed->disk, "a", true, &bed->file), 0);
        return;
    }
    uint64_t size = sim_disk_size(bed->file);
    check_size(model, size);
    cr_assert_eq(sim_disk_read(bed->disk, bed->file, bytes, FILE_MAX, 0),
                 (int64_t)size);
    explain(model, bytes, size, bed->config.sector, player);
    model->history[0].size = size;
    memcpy(model->history[0].bytes, bytes, FILE_MAX);
    model->count = 1;
    model->named = true;
}

static void play(struct bed *bed, struct model *model, struct player *player)
{
    for (int step = 0; step < 120; step++) {
        uint64_t what = below(player, 16);
        if (model->count == HISTORY_MAX || what == 0) {
            cr_assert_eq(sim_disk_sync(bed->disk, bed->file), 0);
            now_durable(model);
        } else if (what == 1) {
            play_crash(bed, model, player);
        } else if (what == 2) {
            play_truncate(bed, model, player);
        } else if (what < 6) {
            play_read(bed, model, player);
        } else {
            play_write(bed, model, player);
        }
    }
}

Test(sim_disk, every_sector_after_a_crash_was_once_in_the_cache)
{
    struct model *model = malloc(sizeof *model);
    struct player player = {0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct bed bed;
        make_bed(&bed, seed);
        bed.config.sector = seed % 2 ? 512 : 4096;
        bed.config.ordered = seed % 8 == 7;
        start(&bed);
        memset(model, 0, sizeof *model);
        model->count = 1;
        engine_stream_init(&player.stream, seed, "player", 0);
        player.draws = 0;
        play(&bed, model, &player);
        sim_disk_free(bed.disk);
    }
    free(model);
    cr_assert_gt(player.kept_all, 50);
    cr_assert_gt(player.lost_all, 50);
    cr_assert_gt(player.mixed, 200);
}

Test(sim_disk, an_ordered_disk_keeps_a_prefix_over_all_files)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct bed bed;
        struct sim_disk_file *other;
        make_bed(&bed, seed);
        bed.config.ordered = true;
        start(&bed);
        sim_disk_open(bed.disk, "b", true, &other);
        fill(&bed, '.', 4096, 0);
        sim_disk_write(bed.disk, other, "........", 8, 0);
        sim_disk_sync(bed.disk, bed.file);
        for (char i = 0; i < 8; i++) {
            char byte = (char)('0' + i);
            fill(&bed, byte, 1, (uint64_t)i * 512);
            sim_disk_write(bed.disk, other, &byte, 1, (uint64_t)i);
        }
        power_cycle(&bed);
        cr_assert_eq(sim_disk_open(bed.disk, "b", false, &other), 0);
        bool ended = false;
        for (uint64_t i = 0; i < 16; i++) {
            char byte = '?';
            struct sim_disk_file *file = i % 2 ? other : bed.file;
            sim_disk_read(bed.disk, file, &byte, 1, i / 2 * (i % 2 ? 1 : 512));
            cr_assert_not(ended && byte != '.', "write %d after a lost one",
                          (int)i);
            ended = ended || byte == '.';
        }
        sim_disk_free(bed.disk);
    }
}

Test(sim_disk, a_crash_record_counts_every_unsynced_write)
{
    uint64_t torn = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct bed bed;
        make_bed(&bed, seed);
        start(&bed);
        sim_disk_sync(bed.disk, bed.file);
        for (uint64_t i = 0; i < 10; i++)
            fill(&bed, 'x', 4096, i * 4096);
        power_cycle(&bed);
        const struct engine_record *crash =
            &bed.seen.last[ENGINE_REC_DISK_CRASH];
        cr_assert_eq(bed.seen.count[ENGINE_REC_DISK_CRASH], 1);
        cr_assert_eq(crash->a + crash->b + crash->count, 10);
        torn += crash->count;
        sim_disk_free(bed.disk);
    }
    cr_assert_gt(torn, 20);
}

Test(sim_disk, names_that_were_not_synced_may_come_and_go)
{
    unsigned created = 0, undeleted = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct bed bed;
        struct sim_disk_file *file;
        uint64_t size;
        make_bed(&bed, seed);
        start(&bed);
        fill(&bed, 'x', 100, 0);
        sim_disk_sync(bed.disk, bed.file);
        sim_disk_open(bed.disk, "b", true, &file);
        cr_assert_eq(sim_disk_delete(bed.disk, "a", seed % 2), 0);
        cr_assert_eq(sim_disk_stat(bed.disk, "a", &size), SIM_DISK_MISSING);
        sim_disk_crash(bed.disk);
        sim_disk_restart(bed.disk);
        created += sim_disk_stat(bed.disk, "b", &size) == 0;
        if (sim_disk_stat(bed.disk, "a", &size) == 0) {
            cr_assert_eq(seed % 2, 0, "a durable removal was undone");
            cr_assert_eq(size, 100);
            undeleted++;
        }
        sim_disk_free(bed.disk);
    }
    cr_assert(created > 20 && created < 180, "%u", created);
    cr_assert(undeleted > 10 && undeleted < 90, "%u", undeleted);
}

Test(sim_disk, a_removed_file_never_comes_back_beside_its_successor)
{
    unsigned old = 0, none = 0, young = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct bed bed;
        make_bed(&bed, seed);
        start(&bed);
        fill(&bed, 'o', 10, 0);
        sim_disk_sync(bed.disk, bed.file);
        sim_disk_close(bed.disk, bed.file);
        sim_disk_delete(bed.disk, "a", false);
        sim_disk_open(bed.disk, "a", true, &bed.file);
        fill(&bed, 'y', 10, 0);
        if (seed % 2)
            sim_disk_sync(bed.disk, bed.file);
        sim_disk_crash(bed.disk);
        sim_disk_restart(bed.disk);
        int error = sim_disk_open(bed.disk, "a", false, &bed.file);
        char byte = '-';
        if (!error)
            byte = byte_at(&bed, 0);
        cr_assert(seed % 2 == 0 || byte == 'y', "synced, yet %c", byte);
        old += byte == 'o';
        young += byte == 'y';
        none += error != 0;
        sim_disk_free(bed.disk);
    }
    cr_assert(old > 10 && none > 5 && young > 100, "%u %u %u", old, none,
              young);
}

Test(sim_disk, a_lying_sync_makes_nothing_durable)
{
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct bed bed;
        make_bed(&bed, seed);
        start(&bed);
        fill(&bed, 'o', 4096, 0);
        sim_disk_sync(bed.disk, bed.file);
        fill(&bed, 'n', 4096, 0);
        arm(&bed, SIM_POINT_DISK_SYNC_BEFORE, ENGINE_ACT_LIE, 0);
        cr_assert_eq(sim_disk_sync(bed.disk, bed.file), 0);
        cr_assert_eq(sim_disk_unsynced(bed.disk), 1);
        power_cycle(&bed);
        lost += byte_at(&bed, 0) == 'o';
        cr_assert_eq(bed.seen.count[ENGINE_REC_DISK_FAULT], 1);
        sim_disk_free(bed.disk);
    }
    cr_assert_gt(lost, 10);
}

/* What Linux does after EIO: the pages are clean, and never written. */
Test(sim_disk, after_a_failed_sync_a_good_one_does_not_save_the_writes)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct bed bed;
        make_bed(&bed, seed);
        bed.config.keep_after_failed_sync = seed % 2;
        start(&bed);
        fill(&bed, 'o', 4096, 0);
        sim_disk_sync(bed.disk, bed.file);
        fill(&bed, 'n', 2048, 0);
        fill(&bed, 'n', 1024, 4096);
        arm(&bed, SIM_POINT_DISK_SYNC_BEFORE, ENGINE_ACT_ERROR, 0);
        cr_assert_eq(sim_disk_sync(bed.disk, bed.file), SIM_DISK_IO);
        cr_assert_eq(sim_disk_sync(bed.disk, bed.file), 0);
        cr_assert_eq(byte_at(&bed, 0), 'n', "readers still see it");
        fill(&bed, 'm', 1, 600); /* writes the second sector again */
        cr_assert_eq(sim_disk_sync(bed.disk, bed.file), 0);
        power_cycle(&bed);
        cr_assert_eq(byte_at(&bed, 0), seed % 2 ? 'n' : 'o');
        cr_assert_eq(byte_at(&bed, 512), 'n');
        cr_assert_eq(byte_at(&bed, 600), 'm');
        cr_assert_eq(byte_at(&bed, 1024), seed % 2 ? 'n' : 'o');
        cr_assert_eq(sim_disk_size(bed.file), 5120);
        cr_assert_eq(byte_at(&bed, 4096), seed % 2 ? 'n' : 0);
        sim_disk_free(bed.disk);
    }
}

Test(sim_disk, an_error_once_passes_and_a_lasting_one_waits_for_healing)
{
    struct bed bed;
    make_bed(&bed, 1);
    start(&bed);
    arm(&bed, SIM_POINT_DISK_WRITE, ENGINE_ACT_ERROR, 0);
    cr_assert_eq(fill(&bed, 'x', 512, 0), SIM_DISK_IO);
    cr_assert_eq(sim_disk_size(bed.file), 0);
    cr_assert_eq(fill(&bed, 'x', 512, 0), 0);
    arm(&bed, SIM_POINT_DISK_WRITE, ENGINE_ACT_FULL, -1);
    cr_assert_eq(fill(&bed, 'x', 512, 0), SIM_DISK_FULL);
    cr_assert_eq(fill(&bed, 'x', 512, 0), SIM_DISK_FULL);
    cr_assert_eq(sim_disk_sync(bed.disk, bed.file), 0);
    sim_disk_heal(bed.disk);
    cr_assert_eq(fill(&bed, 'x', 512, 0), 0);
    sim_disk_free(bed.disk);
}

Test(sim_disk, capacity_is_the_sum_of_all_files)
{
    struct bed bed;
    struct sim_disk_file *other;
    make_bed(&bed, 1);
    bed.config.capacity = 8192;
    start(&bed);
    cr_assert_eq(sim_disk_open(bed.disk, "b", true, &other), 0);
    cr_assert_eq(sim_disk_truncate(bed.disk, other, 4096), 0);
    cr_assert_eq(fill(&bed, 'x', 4097, 0), SIM_DISK_FULL);
    cr_assert_eq(sim_disk_size(bed.file), 0);
    cr_assert_eq(fill(&bed, 'x', 4096, 0), 0);
    cr_assert_eq(fill(&bed, 'y', 4096, 0), 0, "overwriting needs no room");
    cr_assert_eq(sim_disk_truncate(bed.disk, bed.file, 4097), SIM_DISK_FULL);
    cr_assert_eq(sim_disk_delete(bed.disk, "b", true), 0);
    cr_assert_eq(fill(&bed, 'x', 4096, 4096), 0);
    sim_disk_free(bed.disk);
}

Test(sim_disk, a_short_write_leaves_its_first_half_and_an_error)
{
    struct bed bed;
    make_bed(&bed, 1);
    start(&bed);
    fill(&bed, 'o', 1000, 0);
    arm(&bed, SIM_POINT_DISK_WRITE, ENGINE_ACT_SHORT, 0);
    cr_assert_eq(fill(&bed, 'n', 1000, 0), SIM_DISK_IO);
    cr_assert_eq(byte_at(&bed, 499), 'n');
    cr_assert_eq(byte_at(&bed, 500), 'o');
    sim_disk_free(bed.disk);
}

Test(sim_disk, power_lost_in_a_write_never_keeps_it_whole)
{
    unsigned torn = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct bed bed;
        make_bed(&bed, seed);
        start(&bed);
        fill(&bed, 'o', 4096, 0);
        sim_disk_sync(bed.disk, bed.file);
        arm(&bed, SIM_POINT_DISK_WRITE, ENGINE_ACT_CRASH, 0);
        cr_assert_eq(fill(&bed, 'n', 4096, 0), SIM_DISK_OFF);
        cr_assert_not(sim_disk_is_on(bed.disk));
        cr_assert_eq(sim_disk_sync(bed.disk, bed.file), SIM_DISK_OFF);
        cr_assert_eq(bed.seen.last[ENGINE_REC_DISK_CRASH].a, 0);
        sim_disk_restart(bed.disk);
        sim_disk_open(bed.disk, "a", false, &bed.file);
        unsigned young = 0;
        for (uint64_t i = 0; i < 8; i++)
            young += byte_at(&bed, i * 512) == 'n';
        cr_assert_lt(young, 8u);
        torn += young > 0;
        sim_disk_free(bed.disk);
    }
    cr_assert_gt(torn, 20);
}

Test(sim_disk, power_lost_after_a_sync_loses_nothing)
{
    struct bed bed;
    make_bed(&bed, 1);
    start(&bed);
    fill(&bed, 'x', 4096, 0);
    arm(&bed, SIM_POINT_DISK_SYNC_AFTER, ENGINE_ACT_CRASH, 0);
    cr_assert_eq(sim_disk_sync(bed.disk, bed.file), SIM_DISK_OFF);
    sim_disk_restart(bed.disk);
    cr_assert_eq(sim_disk_open(bed.disk, "a", false, &bed.file), 0);
    cr_assert_eq(sim_disk_size(bed.file), 4096);
    cr_assert_eq(byte_at(&bed, 4095), 'x');
    sim_disk_free(bed.disk);
}

Test(sim_disk, noise_falls_on_one_sector_of_a_torn_write_only)
{
    unsigned noisy = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct bed bed;
        make_bed(&bed, seed);
        bed.config.garble = true;
        start(&bed);
        fill(&bed, 'o', 8192, 0);
        sim_disk_sync(bed.disk, bed.file);
        arm(&bed, SIM_POINT_DISK_WRITE, ENGINE_ACT_CRASH, 0);
        fill(&bed, 'n', 1000, 2100);
        sim_disk_restart(bed.disk);
        sim_disk_open(bed.disk, "a", false, &bed.file);
        for (uint64_t i = 0; i < 8192; i++) {
            char byte = byte_at(&bed, i);
            bool near = i >= 2048 && i < 3584;
            cr_assert(near || byte == 'o', "noise far away, at %d", (int)i);
            noisy += near && byte != 'o' && byte != 'n';
        }
        sim_disk_free(bed.disk);
    }
    cr_assert_gt(noisy, 1000);
}

Test(sim_disk, a_tainted_sector_tells_until_it_is_wholly_overwritten)
{
    struct bed bed;
    make_bed(&bed, 1);
    start(&bed);
    fill(&bed, 'x', 2048, 0);
    sim_disk_sync(bed.disk, bed.file);
    cr_assert_eq(sim_disk_corrupt(bed.disk, "a", 700, SIM_DISK_ROT), 0);
    cr_assert_eq(sim_disk_corrupt(bed.disk, "a", 2048, SIM_DISK_ROT),
                 SIM_DISK_MISSING);
    cr_assert_eq(byte_at(&bed, 100), 'x');
    cr_assert_eq(bed.seen.count[ENGINE_REC_TAINT_READ], 0);
    cr_assert_neq(byte_at(&bed, 700), 'x');
    cr_assert_eq(bed.seen.count[ENGINE_REC_TAINT_READ], 1);
    cr_assert_eq(bed.seen.last[ENGINE_REC_TAINT_READ].a, 512);
    cr_assert_eq(bed.seen.last[ENGINE_REC_TAINT_READ].detail, 0);
    fill(&bed, 'y', 511, 512);
    byte_at(&bed, 1023);
    cr_assert_eq(bed.seen.count[ENGINE_REC_TAINT_READ], 2);
    fill(&bed, 'y', 512, 512);
    byte_at(&bed, 700);
    cr_assert_eq(bed.seen.count[ENGINE_REC_TAINT_READ], 2);
    sim_disk_free(bed.disk);
}

Test(sim_disk, rot_shows_again_when_a_crash_undoes_the_overwrite)
{
    unsigned again = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct bed bed;
        make_bed(&bed, seed);
        start(&bed);
        fill(&bed, 'x', 512, 0);
        sim_disk_sync(bed.disk, bed.file);
        sim_disk_corrupt(bed.disk, "a", 7, SIM_DISK_ROT);
        fill(&bed, 'y', 512, 0);
        power_cycle(&bed);
        char byte = byte_at(&bed, 7);
        bool told = bed.seen.count[ENGINE_REC_TAINT_READ] > 0;
        cr_assert_eq(told, byte != 'y');
        cr_assert_neq(byte, 'x');
        again += told;
        sim_disk_free(bed.disk);
    }
    cr_assert(again > 5 && again < 45, "%u", again);
}

Test(sim_disk, an_unreadable_sector_fails_the_read_and_says_so)
{
    struct bed bed;
    char bytes[2048];
    make_bed(&bed, 1);
    start(&bed);
    fill(&bed, 'x', 2048, 0);
    sim_disk_corrupt(bed.disk, "a", 600, SIM_DISK_UNREADABLE);
    cr_assert_eq(sim_disk_read(bed.disk, bed.file, bytes, 2048, 0),
                 SIM_DISK_IO);
    cr_assert_eq(bed.seen.last[ENGINE_REC_TAINT_READ].detail, 1);
    cr_assert_eq(sim_disk_read(bed.disk, bed.file, bytes, 512, 0), 512);
    sim_disk_free(bed.disk);
}

Test(sim_disk, calls_take_the_virtual_time_of_their_latency)
{
    struct bed bed;
    make_bed(&bed, 1);
    bed.config.write = (struct sim_disk_latency){1000, 500, 0};
    bed.config.sync = (struct sim_disk_latency){1000000, 0, 0};
    start(&bed);
    fill(&bed, 'x', 4096, 0);
    cr_assert_eq(sim_disk_take_busy(bed.disk), 1000 + 2048);
    cr_assert_eq(sim_disk_take_busy(bed.disk), 0);
    arm(&bed, SIM_POINT_DISK_SYNC_BEFORE, ENGINE_ACT_DELAY, 77);
    sim_disk_sync(bed.disk, bed.file);
    cr_assert_eq(sim_disk_take_busy(bed.disk), 1000077);
    sim_disk_free(bed.disk);
}

Test(sim_disk, a_tail_adds_its_mean_on_average)
{
    struct bed bed;
    uint64_t sum = 0;
    make_bed(&bed, 1);
    bed.config.sync = (struct sim_disk_latency){0, 0, 1000000};
    start(&bed);
    for (int i = 0; i < 20000; i++) {
        sim_disk_sync(bed.disk, bed.file);
        sum += sim_disk_take_busy(bed.disk);
    }
    cr_assert_geq(sum / 20000, 970000);
    cr_assert_leq(sum / 20000, 1030000);
    sim_disk_free(bed.disk);
}

Test(sim_disk, a_file_that_is_never_synced_is_written_back_now_and_then)
{
    struct bed bed;
    make_bed(&bed, 1);
    bed.config.unsynced_max = 65536;
    start(&bed);
    for (uint64_t i = 0; i < 1000; i++) {
        fill(&bed, 'x', 4096, i * 4096);
        cr_assert_leq(sim_disk_unsynced(bed.disk), 18);
    }
    sim_disk_free(bed.disk);
}

Test(sim_disk, a_dead_process_loses_its_files_and_none_of_its_writes)
{
    struct bed bed;
    make_bed(&bed, 1);
    start(&bed);
    fill(&bed, 'x', 100, 0);
    uint64_t epoch = sim_disk_epoch(bed.disk);
    sim_disk_abandon(bed.disk);
    cr_assert_eq(sim_disk_epoch(bed.disk), epoch + 1);
    cr_assert_eq(sim_disk_open(bed.disk, "a", false, &bed.file), 0);
    cr_assert_eq(byte_at(&bed, 99), 'x');
    cr_assert_eq(sim_disk_unsynced(bed.disk), 2);
    sim_disk_free(bed.disk);
}

/* A host whose memory ends. */
static void *scarce_resize(void *self, void *block, size_t size)
{
    int *left = self;
    if (!size) {
        free(block);
        return NULL;
    }
    return (*left)-- > 0 ? realloc(block, size) : NULL;
}

Test(sim_disk, without_memory_a_write_fails_and_changes_nothing)
{
    for (int limit = 0; limit < 12; limit++) {
        int left = limit;
        struct sim_disk_memory memory = {scarce_resize, &left};
        struct bed bed;
        make_bed(&bed, 1);
        bed.config.memory = &memory;
        bed.disk = sim_disk_new(&bed.config);
        if (!bed.disk)
            continue;
        int error = sim_disk_open(bed.disk, "a", true, &bed.file);
        if (!error) {
            error = fill(&bed, 'x', 4096, 0);
            cr_assert_eq(sim_disk_size(bed.file), error ? 0 : 4096);
        }
        cr_assert(error == 0 || error == SIM_DISK_MEMORY);
        sim_disk_crash(bed.disk);
        sim_disk_free(bed.disk);
    }
}
