#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/sim_bed.h"

enum {
    A = 8,
    B = 9,
    C = 10,
    MESSAGES = 200
};

static struct sim_net_config quick(void)
{
    struct sim_net_config net = {0};
    sim_dist_exponential(&net.latency, SIM_BED_MS);
    return net;
}

/* What B sees of MESSAGES from A, while C sends `noise` between each two. */
static void chatter(const struct sim_net_config *net, uint64_t seed,
                    uint32_t noise, struct sim_probe *out)
{
    struct sim_bed *bed = sim_bed_new(seed, net);
    struct sim_probe *b = sim_bed_probe(bed, B, UINT64_MAX);
    sim_process_start(bed->world, B);
    for (uint64_t run = 1; run <= MESSAGES; run++) {
        sim_bed_send(bed, A, B, run);
        for (uint32_t i = 0; i < noise; i++)
            sim_bed_send(bed, C, A, run);
        sim_bed_run(bed, run * SIM_BED_MS);
    }
    sim_bed_run(bed, 10000 * SIM_BED_MS);
    *out = *b;
    sim_bed_free(bed);
}

static bool same(const struct sim_probe *a, const struct sim_probe *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->seen[i].time_ns != b->seen[i].time_ns ||
            a->seen[i].arg != b->seen[i].arg)
            return false;
    return true;
}

/* Messages that came after one with a higher number. */
static uint32_t overtaken(const struct sim_probe *probe)
{
    uint32_t count = 0;
    uint64_t highest = 0;
    for (uint32_t i = 0; i < probe->count; i++) {
        count += probe->seen[i].arg < highest;
        if (probe->seen[i].arg > highest)
            highest = probe->seen[i].arg;
    }
    return count;
}

Test(sim_net, a_net_without_faults_delivers_each_message_once_after_its_latency)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *b = sim_bed_probe(bed, B, UINT64_MAX);
    char story[64];
    sim_process_start(bed->world, B);
    sim_bed_send(bed, A, B, 1);
    sim_bed_send(bed, C, B, 2);
    sim_bed_run(bed, 10 * SIM_BED_MS);
    sim_probe_story(b, story, sizeof(story));
    cr_expect_str_eq(story, "start@0 msg(1)@1 msg(2)@1");
    sim_bed_free(bed);
}

/* Keeps the last message whole. */
struct inbox {
    unsigned char bytes[512];
    uint32_t size;
};

static void keep(void *self, const struct engine_message *message)
{
    struct inbox *inbox = self;
    cr_assert_leq(message->size, sizeof(inbox->bytes));
    inbox->size = message->size;
    memcpy(inbox->bytes, message, message->size);
}

Test(sim_net, a_message_s_payload_arrives_as_it_was_when_it_was_sent)
{
    static const struct sim_actor_ops ops = {.message = keep};
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_clock clock = sim_bed_clock();
    struct inbox inbox = {.size = 0};
    char payload[300];
    sim_node_set(bed->world, B, &ops, &inbox, &clock, UINT64_MAX);
    sim_process_start(bed->world, B);
    memset(payload, 0x5a, sizeof(payload));
    struct engine_message head = {
        .size = sizeof(head) + sizeof(payload), .from = A, .to = B};
    sim_net_send2(bed->world, &head, payload, sizeof(payload));
    memset(payload, 0, sizeof(payload));
    sim_bed_run(bed, 2 * SIM_BED_MS);
    cr_assert_eq(inbox.size, sizeof(head) + 300);
    for (size_t i = sizeof(head); i < inbox.size; i++)
        cr_assert_eq(inbox.bytes[i], 0x5a);
    sim_bed_free(bed);
}

Test(sim_net, loss_takes_its_share)
{
    struct sim_net_config net = quick();
    struct sim_probe b;
    net.loss_ppb = 250000000;
    chatter(&net, 3, 0, &b);
    cr_expect_geq(b.count, 1 + MESSAGES * 6 / 10);
    cr_expect_leq(b.count, 1 + MESSAGES * 9 / 10);
    net.loss_ppb = 1000000000;
    chatter(&net, 3, 0, &b);
    cr_expect_eq(b.count, 1, "only its start");
}

Test(sim_net, more_loss_loses_what_less_loss_lost_and_more)
{
    struct sim_net_config net = quick();
    struct sim_probe few, many;
    net.loss_ppb = 100000000;
    chatter(&net, 3, 0, &many);
    net.loss_ppb = 400000000;
    chatter(&net, 3, 0, &few);
    cr_expect_lt(few.count, many.count);
    for (uint32_t i = 0, j = 0; i < few.count; i++, j++) {
        while (j < many.count && (many.seen[j].arg != few.seen[i].arg ||
                                  many.seen[j].time_ns != few.seen[i].time_ns))
            j++;
        cr_assert_lt(j, many.count, "a message moved");
    }
}

Test(sim_net, duplicates_come_twice_with_a_latency_of_their_own)
{
    struct sim_net_config net = quick();
    struct sim_probe b;
    uint32_t twice = 0, apart = 0;
    net.duplicate_ppb = 1000000000;
    chatter(&net, 3, 0, &b);
    cr_assert_eq(b.count, 1 + 2 * MESSAGES);
    for (uint32_t i = 1; i < b.count; i++)
        for (uint32_t j = i + 1; j < b.count; j++)
            if (b.seen[i].arg == b.seen[j].arg) {
                twice++;
                apart += b.seen[i].time_ns != b.seen[j].time_ns;
            }
    cr_expect_eq(twice, MESSAGES);
    cr_expect_geq(apart, MESSAGES - 1);
}

Test(sim_net, reordering_lets_later_messages_overtake)
{
    struct sim_net_config net = {0};
    struct sim_probe b;
    sim_dist_constant(&net.latency, SIM_BED_MS);
    sim_dist_constant(&net.reorder_delay, 5 * SIM_BED_MS);
    chatter(&net, 3, 0, &b);
    cr_expect_eq(overtaken(&b), 0);
    net.reorder_ppb = 200000000;
    chatter(&net, 3, 0, &b);
    cr_expect_eq(b.count, 1 + MESSAGES);
    cr_expect_geq(overtaken(&b), MESSAGES / 10);
}

Test(sim_net, what_one_node_s_messages_meet_does_not_depend_on_others_traffic)
{
    struct sim_net_config net = quick();
    struct sim_probe alone, noisy, other;
    net.loss_ppb = 100000000;
    net.duplicate_ppb = 100000000;
    net.reorder_ppb = 100000000;
    sim_dist_exponential(&net.reorder_delay, 5 * SIM_BED_MS);
    chatter(&net, 5, 0, &alone);
    chatter(&net, 5, 3, &noisy);
    chatter(&net, 6, 0, &other);
    cr_expect(same(&alone, &noisy));
    cr_expect_not(same(&alone, &other), "another seed, another net");
}

Test(sim_net, switching_a_chance_on_leaves_latencies_as_they_were)
{
    struct sim_net_config net = quick();
    struct sim_probe plain, doubled;
    chatter(&net, 5, 0, &plain);
    net.duplicate_ppb = 500000000;
    chatter(&net, 5, 0, &doubled);
    for (uint32_t i = 0, j = 0; i < plain.count; i++, j++) {
        while (j < doubled.count &&
               (doubled.seen[j].arg != plain.seen[i].arg ||
                doubled.seen[j].time_ns != plain.seen[i].time_ns))
            j++;
        cr_assert_lt(j, doubled.count, "message %d moved", (int)i);
    }
}

/* Sends one message of a kind from A to B; the times it reached B. */
static uint32_t faulted(enum engine_message_kind kind, enum sim_point point,
                        enum engine_action action, int64_t amount)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *b = sim_bed_probe(bed, B, UINT64_MAX);
    struct engine_message message = {.size = sizeof(message),
                                     .kind = (uint16_t)kind,
                                     .from = A,
                                     .to = B,
                                     .run = 1};
    sim_process_start(bed->world, B);
    sim_bed_arm(bed, point, 0, 1, action, amount);
    sim_net_send(bed->world, &message);
    sim_bed_run(bed, 4 * SIM_BED_MS);
    uint32_t seen = sim_probe_count(b, SEEN_MESSAGE);
    sim_bed_free(bed);
    return seen;
}

Test(sim_net, each_point_decides_about_its_kind_of_message_only)
{
    static const struct {
        enum engine_message_kind kind;
        enum sim_point point;
    } own[] = {
        {ENGINE_MSG_HINT, SIM_POINT_NET_SEND},
        {ENGINE_MSG_REQUEST, SIM_POINT_NET_REQUEST},
        {ENGINE_MSG_REPLY, SIM_POINT_NET_REPLY},
    };
    for (int kind = 0; kind < 3; kind++)
        for (int point = 0; point < 3; point++) {
            uint32_t lost =
                faulted(own[kind].kind, own[point].point, ENGINE_ACT_LOSE, 0);
            uint32_t doubled = faulted(own[kind].kind, own[point].point,
                                       ENGINE_ACT_DUPLICATE, 0);
            uint32_t late = faulted(own[kind].kind, own[point].point,
                                    ENGINE_ACT_DELAY, 10 * SIM_BED_MS);
            cr_expect_eq(lost, kind == point ? 0 : 1);
            cr_expect_eq(doubled, kind == point ? 2 : 1);
            cr_expect_eq(late, kind == point ? 0 : 1);
        }
}

Test(sim_net, a_message_about_no_operation_is_not_about_the_first_one)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct engine_message message = {.size = sizeof(message),
                                     .kind = ENGINE_MSG_REQUEST,
                                     .from = A,
                                     .to = B,
                                     .run = 4};
    sim_bed_arm(bed, SIM_POINT_NET_REQUEST, 9, 0, ENGINE_ACT_LOSE, 0);
    sim_net_send(bed->world, &message);
    cr_expect_eq(bed->asked.node, A);
    cr_expect_eq(bed->asked.run, 4);
    cr_expect_eq(bed->asked.op, 0);
    message.op = 2;
    message.attempt = 1;
    sim_net_send(bed->world, &message);
    cr_expect_eq(bed->asked.op, 3);
    cr_expect_eq(bed->asked.attempt, 1);
    sim_bed_free(bed);
}
