#include "sim/receiver.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    uint64_t key;
    uint64_t key_hi;
    uint64_t time_ns; /* when it was last applied */
    uint64_t count;   /* times applied; 0: free */
};

struct sim_receiver {
    struct sim_world *world;
    uint64_t dedup_ttl_ns;
    struct engine_defects defects;
    struct entry *entries; /* linear probing, only looked up */
    uint64_t capacity;
    uint64_t used;
};

/* The defect forgets keys sooner than a retry can come. */
enum {
    SHORT_TTL_NS = 1000000
};

static struct entry *probe(struct entry *entries, uint64_t capacity,
                           uint64_t key, uint64_t key_hi)
{
    for (uint64_t i = key & (capacity - 1);; i = (i + 1) & (capacity - 1))
        if (entries[i].count == 0 ||
            (entries[i].key == key && entries[i].key_hi == key_hi))
            return &entries[i];
}

static bool grow(struct sim_receiver *r)
{
    uint64_t capacity = r->capacity ? 2 * r->capacity : 1024;
    struct entry *entries = calloc(capacity, sizeof(*entries));
    if (!entries)
        return false;
    for (uint64_t i = 0; i < r->capacity; i++)
        if (r->entries[i].count)
            *probe(entries, capacity, r->entries[i].key, r->entries[i].key_hi) =
                r->entries[i];
    free(r->entries);
    r->entries = entries;
    r->capacity = capacity;
    return true;
}

static bool remembered(const struct sim_receiver *r, const struct entry *entry)
{
    uint64_t ttl = r->dedup_ttl_ns;
    if (engine_defect(&r->defects, ENGINE_DEFECT_DEDUP_TTL_SHORT))
        ttl = SHORT_TTL_NS;
    return entry->count > 0 &&
           (ttl == 0 || r->world->now_ns - entry->time_ns <= ttl);
}

/* What a step says of itself and asks for. */
static void add_step(struct engine_record *record,
                     const struct engine_message *message)
{
    struct sim_effect effect;
    if (message->size < sizeof(*message) + sizeof(effect))
        return;
    memcpy(&effect, message + 1, sizeof(effect));
    record->token = effect.content;
    record->b = effect.operation;
    record->count = effect.step;
}

static void message(void *self, const struct engine_message *message)
{
    struct sim_receiver *r = self;
    if (message->kind != ENGINE_MSG_EFFECT)
        return;
    if (2 * r->used >= r->capacity && !grow(r)) {
        r->world->failed = true;
        return;
    }
    struct entry *entry =
        probe(r->entries, r->capacity, message->a, message->b);
    bool repeat = (message->flags & SIM_EFFECT_KEYED) && remembered(r, entry);
    struct engine_record record = {
        .kind = repeat ? ENGINE_REC_EFFECT_REPEAT : ENGINE_REC_EFFECT_APPLIED,
        .node = SIM_NODE_RECEIVER,
        .peer = (uint16_t)message->from,
        .run = message->run,
        .op = message->op,
        .attempt = message->attempt,
        .key = message->a,
        .key_hi = message->b,
        .a = entry->count,
    };
    add_step(&record, message);
    sim_record(r->world, &record);
    if (!repeat) {
        r->used += entry->count == 0;
        *entry = (struct entry){message->a, message->b, r->world->now_ns,
                                entry->count + 1};
    }
    struct engine_message done = *message;
    done.size = sizeof(done);
    done.kind = ENGINE_MSG_EFFECT_DONE;
    done.from = SIM_NODE_RECEIVER;
    done.to = message->from;
    sim_net_send(r->world, &done);
}

static const struct sim_actor_ops ops = {.message = message};

struct sim_receiver *sim_receiver_new(struct sim_world *world,
                                      const struct sim_clock *clock,
                                      uint64_t dedup_ttl_ns,
                                      const struct engine_defects *defects)
{
    struct sim_receiver *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->world = world;
    r->dedup_ttl_ns = dedup_ttl_ns;
    r->defects = *defects;
    sim_node_set(world, SIM_NODE_RECEIVER, &ops, r, clock, UINT64_MAX);
    return r;
}

void sim_receiver_free(struct sim_receiver *r)
{
    if (!r)
        return;
    free(r->entries);
    free(r);
}
