#include "tests/support/sim_bed.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool decide(void *self, const struct engine_site *site,
                   struct engine_decision *decision)
{
    struct sim_bed *bed = self;
    bed->asked = *site;
    for (uint32_t i = 0; i < bed->rule_count; i++) {
        struct sim_bed_rule *rule = &bed->rules[i];
        if (rule->point != site->point ||
            (rule->node && rule->node != site->node))
            continue;
        if (rule->skip > 0) {
            rule->skip--;
        } else if (rule->times > 0) {
            rule->times--;
            *decision = rule->decision;
            return true;
        }
    }
    return false;
}

static void take(void *self, const struct engine_record *records, size_t count)
{
    struct sim_bed *bed = self;
    size_t total = bed->record_count + count;
    if (total > bed->record_capacity) {
        bed->record_capacity = 2 * total;
        bed->records =
            realloc(bed->records, bed->record_capacity * sizeof(*bed->records));
        cr_assert_not_null(bed->records);
    }
    memcpy(bed->records + bed->record_count, records, count * sizeof(*records));
    bed->record_count = total;
}

struct sim_bed *sim_bed_new(uint64_t seed, const struct sim_net_config *net)
{
    struct sim_bed *bed = calloc(1, sizeof(*bed));
    cr_assert_not_null(bed);
    bed->points = (struct engine_points){bed->armed, decide, bed};
    struct sim_world_config config = {
        .seed = seed,
        .start_ns = SIM_BED_START_NS,
        .points = &bed->points,
        .recording = true,
        .records_to = {take, bed},
    };
    if (net)
        config.net = *net;
    else
        sim_dist_constant(&config.net.latency, SIM_BED_MS);
    bed->world = sim_world_new(&config);
    cr_assert_not_null(bed->world);
    return bed;
}

void sim_bed_free(struct sim_bed *bed)
{
    sim_world_free(bed->world);
    free(bed->records);
    free(bed);
}

struct sim_clock sim_bed_clock(void)
{
    struct sim_clock clock;
    sim_clock_init(&clock, SIM_BED_START_NS, SIM_BED_START_NS, 0, 0);
    return clock;
}

/* Probes ------------------------------------------------------------------- */

static void see(struct sim_probe *probe, enum sim_bed_what what, uint64_t arg)
{
    cr_assert_lt(probe->count, SIM_BED_SEEN);
    probe->seen[probe->count++] =
        (struct sim_seen){probe->world->now_ns - SIM_BED_START_NS, arg, what};
}

static void probe_message(void *self, const struct engine_message *message)
{
    struct sim_probe *probe = self;
    see(probe, SEEN_MESSAGE, message->run);
    if (probe->pause_at_run && probe->pause_at_run == message->run) {
        probe->pause_at_run = 0;
        sim_process_pause(probe->world, probe->node, probe->pause_ns);
        sim_process_put_back(probe->world, probe->node, message);
    }
}

static void probe_timer(void *self, uint64_t arg)
{
    see(self, SEEN_TIMER, arg);
}

static void probe_start(void *self)
{
    see(self, SEEN_START, 0);
}

static void probe_stop(void *self)
{
    see(self, SEEN_STOP, 0);
}

static void probe_resume(void *self)
{
    see(self, SEEN_RESUME, 0);
}

static const struct sim_actor_ops probe_ops = {
    .message = probe_message,
    .timer = probe_timer,
    .start = probe_start,
    .stop = probe_stop,
    .resume = probe_resume,
};

struct sim_probe *sim_bed_probe(struct sim_bed *bed, uint32_t node,
                                uint64_t restart_ns)
{
    struct sim_clock clock = sim_bed_clock();
    cr_assert_lt(bed->probe_count, SIM_BED_PROBES);
    struct sim_probe *probe = &bed->probes[bed->probe_count++];
    probe->world = bed->world;
    probe->node = node;
    sim_node_set(bed->world, node, &probe_ops, probe, &clock, restart_ns);
    return probe;
}

uint32_t sim_probe_count(const struct sim_probe *probe, enum sim_bed_what what)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < probe->count; i++)
        count += probe->seen[i].what == what;
    return count;
}

void sim_probe_story(const struct sim_probe *probe, char *text, size_t size)
{
    static const char *const names[] = {"start", "stop", "resume", "msg",
                                        "timer"};
    text[0] = '\0';
    for (uint32_t i = 0; i < probe->count; i++) {
        const struct sim_seen *seen = &probe->seen[i];
        size_t at = strlen(text);
        snprintf(text + at, size - at, "%s%s", i ? " " : "", names[seen->what]);
        at = strlen(text);
        if (seen->what >= SEEN_MESSAGE)
            snprintf(text + at, size - at, "(%" PRIu64 ")", seen->arg);
        at = strlen(text);
        snprintf(text + at, size - at, "@%" PRIu64, seen->time_ns / SIM_BED_MS);
    }
}

/* The world ------------------------------------------------------------------
 */

void sim_bed_arm(struct sim_bed *bed, enum sim_point point, uint64_t skip,
                 uint64_t times, enum engine_action action, int64_t amount)
{
    cr_assert_lt(bed->rule_count, SIM_BED_RULES);
    bed->armed[point] = 1;
    bed->rules[bed->rule_count++] = (struct sim_bed_rule){
        .point = point,
        .skip = skip,
        .times = times,
        .decision = {action, amount},
    };
}

void sim_bed_disarm(struct sim_bed *bed)
{
    memset(bed->armed, 0, sizeof(bed->armed));
    bed->rule_count = 0;
}

/* An event at the end of a stretch, so that time gets there. */
static void nothing(void *self, uint64_t arg)
{
    (void)self;
    (void)arg;
}

void sim_bed_run(struct sim_bed *bed, uint64_t until_ns)
{
    uint64_t end_ns = SIM_BED_START_NS + until_ns;
    bed->world->timed = nothing;
    sim_world_at(bed->world, end_ns, 0);
    while (sim_queue_peek_time(bed->world->queue) <= end_ns)
        if (!sim_world_step(bed->world))
            break;
}

void sim_bed_send(struct sim_bed *bed, uint32_t from, uint32_t to, uint64_t run)
{
    struct engine_message message = {
        .size = sizeof(message),
        .kind = ENGINE_MSG_HINT,
        .from = from,
        .to = to,
        .run = run,
    };
    sim_net_send(bed->world, &message);
}

const struct engine_record *
sim_bed_record(struct sim_bed *bed, enum engine_record_kind kind, size_t nth)
{
    sim_record_flush(bed->world);
    for (size_t i = 0; i < bed->record_count; i++)
        if (bed->records[i].kind == kind && nth-- == 0)
            return &bed->records[i];
    return NULL;
}

size_t sim_bed_count(struct sim_bed *bed, enum engine_record_kind kind)
{
    size_t count = 0;
    sim_record_flush(bed->world);
    for (size_t i = 0; i < bed->record_count; i++)
        count += bed->records[i].kind == kind;
    return count;
}
