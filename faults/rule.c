#include "faults/rule.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "faults/points.h"

void fault_rule_init(struct fault_rule *rule, uint32_t action)
{
    assert(action < ENGINE_ACT_COUNT);
    *rule = (struct fault_rule){
        .action = action,
        .runs = {0, UINT64_MAX},
        .attempts = {0, UINT64_MAX},
        .to_ns = UINT64_MAX,
        .nth = {1, UINT64_MAX},
        .chance_ppb = ENGINE_CHANCE_ALWAYS,
    };
}

void fault_rule_nth(struct fault_rule *rule, uint64_t from, uint64_t to)
{
    rule->nth = (struct fault_range){from, to};
}

void fault_rule_add_point(struct fault_rule *rule, uint32_t point)
{
    assert(point < FAULT_POINTS_MAX);
    rule->points[point / 64] |= UINT64_C(1) << (point % 64);
}

uint32_t fault_rule_add_points(struct fault_rule *rule,
                               const struct engine_point *points,
                               uint32_t count, const char *prefix)
{
    uint32_t added = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = points[i].name;
        uint32_t actions = fault_point_actions(&points[i]);
        if (strncmp(name, prefix, strlen(prefix)) != 0 ||
            !(actions & FAULT_ACTION_BIT(rule->action)) ||
            (fault_point_timed(&points[i]) && strcmp(name, prefix) != 0))
            continue;
        fault_rule_add_point(rule, i);
        added++;
    }
    return added;
}

bool fault_rule_has_point(const struct fault_rule *rule, uint32_t point)
{
    return point < FAULT_POINTS_MAX &&
           (rule->points[point / 64] >> (point % 64) & 1) != 0;
}

int fault_rule_add_op(struct fault_rule *rule, uint32_t workflow, uint32_t op)
{
    if (rule->op_count == FAULT_OPS_MAX)
        return FAULT_EFULL;
    rule->ops[rule->op_count++] = (struct fault_op){workflow, op};
    return 0;
}

int fault_ranges_add(struct fault_ranges *ranges, uint64_t from, uint64_t to)
{
    assert(from <= to);
    struct fault_range *last = &ranges->at[ranges->count];
    if (ranges->count > 0 && last[-1].to != UINT64_MAX &&
        last[-1].to + 1 == from) {
        last[-1].to = to;
        return 0;
    }
    if (ranges->count == FAULT_RANGES_MAX)
        return FAULT_EFULL;
    *last = (struct fault_range){from, to};
    ranges->count++;
    return 0;
}

static bool within(const struct fault_range *range, uint64_t number)
{
    return range->from <= number && number <= range->to;
}

bool fault_ranges_have(const struct fault_ranges *ranges, uint64_t number)
{
    for (uint32_t i = 0; i < ranges->count; i++) {
        if (within(&ranges->at[i], number))
            return true;
    }
    return ranges->count == 0;
}

void fault_rule_kth_boundary(struct fault_rule *rule,
                             const struct engine_point *points, uint32_t count,
                             uint32_t node, uint64_t k)
{
    fault_rule_init(rule, ENGINE_ACT_CRASH);
    fault_rule_add_points(rule, points, count, "");
    fault_ranges_add(&rule->nodes, node, node);
    fault_rule_nth(rule, k, k);
    rule->across_points = true;
}

static bool about_op(const struct fault_rule *rule, uint32_t workflow,
                     uint32_t op)
{
    for (uint32_t i = 0; i < rule->op_count; i++) {
        const struct fault_op *wanted = &rule->ops[i];
        if (wanted->op + 1 == op && (wanted->workflow == FAULT_ANY_WORKFLOW ||
                                     wanted->workflow == workflow))
            return true;
    }
    return rule->op_count == 0;
}

bool fault_rule_matches(const struct fault_rule *rule,
                        const struct engine_site *site, uint32_t workflow,
                        uint64_t now_ns, uint64_t in_flight)
{
    return rule->from_ns <= now_ns && now_ns < rule->to_ns &&
           in_flight >= rule->in_flight_min && within(&rule->runs, site->run) &&
           within(&rule->attempts, site->attempt) &&
           fault_ranges_have(&rule->nodes, site->node) &&
           about_op(rule, workflow, site->op);
}

bool fault_rule_chooses(const struct fault_rule *rule, uint64_t n)
{
    if (!within(&rule->nth, n))
        return false;
    if (rule->every == 0)
        return true;
    bool ranged = rule->nth.from != 1 || rule->nth.to != UINT64_MAX;
    return (ranged ? n - rule->nth.from : n) % rule->every == 0;
}

/* FNV-1a, a byte at a time, so that the order of bytes is the same anywhere. */
static uint64_t feed(uint64_t hash, uint64_t number)
{
    for (int i = 0; i < 64; i += 8) {
        hash ^= number >> i & 0xff;
        hash *= UINT64_C(1099511628211);
    }
    return hash;
}

static uint64_t feed_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash ^= (unsigned char)*text;
        hash *= UINT64_C(1099511628211);
    }
    return feed(hash, 0);
}

static uint64_t feed_range(uint64_t hash, const struct fault_range *range)
{
    return feed(feed(hash, range->from), range->to);
}

static uint64_t feed_place(uint64_t hash, const struct fault_rule *rule)
{
    hash = feed(hash, rule->nodes.count);
    for (uint32_t i = 0; i < rule->nodes.count; i++)
        hash = feed_range(hash, &rule->nodes.at[i]);
    hash = feed(hash, rule->op_count);
    for (uint32_t i = 0; i < rule->op_count; i++)
        hash = feed(feed(hash, rule->ops[i].workflow), rule->ops[i].op);
    hash = feed_range(feed_range(hash, &rule->runs), &rule->attempts);
    return feed(hash, rule->in_flight_min);
}

static uint64_t feed_time(uint64_t hash, const struct fault_rule *rule)
{
    hash = feed(feed(hash, rule->from_ns), rule->to_ns);
    hash = feed(hash, rule->time_count);
    for (uint32_t i = 0; i < rule->time_count; i++)
        hash = feed(hash, rule->times[i]);
    return feed(feed(hash, rule->period_ns), rule->jitter_ns);
}

static uint64_t feed_choice(uint64_t hash, const struct fault_rule *rule)
{
    hash = feed(feed_range(hash, &rule->nth), rule->every);
    hash = feed(feed(hash, rule->chance_ppb), rule->max_fires);
    return feed(feed(hash, rule->across_actors), rule->across_points);
}

uint64_t fault_rule_key(const struct fault_rule *rule,
                        const struct engine_point *points, uint32_t count)
{
    uint64_t hash = feed_text(UINT64_C(14695981039346656037), rule->name);
    if (rule->name[0] != '\0')
        return hash;
    hash = feed_text(hash, fault_action_name(rule->action));
    for (uint32_t i = 0; i < count; i++) {
        if (fault_rule_has_point(rule, i))
            hash = feed_text(hash, points[i].name);
    }
    hash = feed(feed(hash, (uint64_t)rule->amount_min),
                (uint64_t)rule->amount_max);
    return feed_choice(feed_time(feed_place(hash, rule), rule), rule);
}

/* Text that grows to the right until its buffer is full. */
struct line {
    char *text;
    size_t size;
    size_t used;
};

static void put(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    int wrote = vsnprintf(line->text + line->used, line->size - line->used,
                          format, args);
    va_end(args);
    size_t room = line->size - line->used - 1;
    line->used += wrote < 0 ? 0 : (size_t)wrote < room ? (size_t)wrote : room;
}

/* In the largest unit that says it without a fraction. */
static void put_time(struct line *line, uint64_t ns)
{
    static const struct {
        uint64_t ns;
        const char *unit;
    } units[] = {{UINT64_C(3600000000000), "h"},
                 {UINT64_C(60000000000), "m"},
                 {UINT64_C(1000000000), "s"},
                 {1000000, "ms"},
                 {1000, "us"}};
    for (size_t i = 0; ns != 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (ns % units[i].ns == 0) {
            put(line, "%" PRIu64 "%s", ns / units[i].ns, units[i].unit);
            return;
        }
    }
    put(line, "%" PRIu64 "ns", ns);
}

static void put_amount(struct line *line, uint32_t action, int64_t amount)
{
    bool signs = action == ENGINE_ACT_STEP || action == ENGINE_ACT_DRIFT;
    if (amount < 0 && !signs) {
        put(line, "for good");
        return;
    }
    uint64_t size = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
    put(line, "%s", amount < 0 ? "-" : "");
    if (action == ENGINE_ACT_DRIFT)
        put(line, "%" PRIu64 "ppb", size);
    else
        put_time(line, size);
}

static void put_range(struct line *line, const struct fault_range *range)
{
    put(line, "%" PRIu64, range->from);
    if (range->to == UINT64_MAX)
        put(line, " and later");
    else if (range->to != range->from)
        put(line, "-%" PRIu64, range->to);
}

static void put_points(struct line *line, const struct fault_rule *rule,
                       const struct engine_point *points, uint32_t count)
{
    const char *before = " at ";
    for (uint32_t i = 0; i < count; i++) {
        if (!fault_rule_has_point(rule, i))
            continue;
        put(line, "%s%s", before, points[i].name);
        before = ", ";
    }
}

static void put_place(struct line *line, const struct fault_rule *rule)
{
    for (uint32_t i = 0; i < rule->nodes.count; i++) {
        put(line, i == 0 ? "; node " : ", ");
        put_range(line, &rule->nodes.at[i]);
    }
    for (uint32_t i = 0; i < rule->op_count; i++) {
        put(line, i == 0 ? "; op " : ", ");
        if (rule->ops[i].workflow != FAULT_ANY_WORKFLOW)
            put(line, "%" PRIu32 ".", rule->ops[i].workflow);
        put(line, "%" PRIu32, rule->ops[i].op);
    }
    if (rule->runs.from != 0 || rule->runs.to != UINT64_MAX) {
        put(line, "; run ");
        put_range(line, &rule->runs);
    }
    if (rule->attempts.from != 0 || rule->attempts.to != UINT64_MAX) {
        put(line, "; attempt ");
        put_range(line, &rule->attempts);
    }
    if (rule->in_flight_min != 0)
        put(line, "; while %" PRIu64 " in flight", rule->in_flight_min);
}

static void put_schedule(struct line *line, const struct fault_rule *rule)
{
    for (uint32_t i = 0; i < rule->time_count; i++) {
        put(line, i == 0 ? "; when " : ", ");
        put_time(line, rule->times[i]);
    }
    if (rule->period_ns != 0) {
        put(line, "; each ");
        put_time(line, rule->period_ns);
    }
    if (rule->jitter_ns != 0) {
        put(line, " + up to ");
        put_time(line, rule->jitter_ns);
    }
    if (rule->from_ns != 0) {
        put(line, "; from ");
        put_time(line, rule->from_ns);
    }
    if (rule->to_ns != UINT64_MAX) {
        put(line, "; until ");
        put_time(line, rule->to_ns);
    }
}

/* Parts per billion as per cent, without zeros at the end. */
static void put_chance(struct line *line, uint32_t ppb)
{
    char digits[16];
    uint32_t length = (uint32_t)snprintf(digits, sizeof(digits), "%07" PRIu32,
                                         ppb % 10000000);
    while (length > 0 && digits[length - 1] == '0')
        length--;
    put(line, "; chance %" PRIu32 "%s%.*s%%", ppb / 10000000, length ? "." : "",
        (int)length, digits);
}

static void put_choice(struct line *line, const struct fault_rule *rule)
{
    if (rule->nth.from != 1 || rule->nth.to != UINT64_MAX) {
        put(line, "; nth ");
        put_range(line, &rule->nth);
    }
    if (rule->every != 0)
        put(line, "; every %" PRIu64, rule->every);
    if (rule->chance_ppb != ENGINE_CHANCE_ALWAYS)
        put_chance(line, rule->chance_ppb);
    if (rule->max_fires != 0)
        put(line, "; at most %" PRIu64 " in all", rule->max_fires);
    if (rule->across_actors)
        put(line, "; all actors counted together");
    if (rule->across_points)
        put(line, "; all points counted together");
}

void fault_rule_text(const struct fault_rule *rule,
                     const struct engine_point *points, uint32_t count,
                     char *text, size_t size)
{
    assert(size > 0);
    struct line line = {text, size, 0};
    text[0] = '\0';
    if (rule->name[0] != '\0')
        put(&line, "%s: ", rule->name);
    put(&line, "%s", fault_action_name(rule->action));
    if (rule->amount_min != 0 || rule->amount_max != 0) {
        put(&line, " ");
        put_amount(&line, rule->action, rule->amount_min);
        if (rule->amount_max != rule->amount_min) {
            put(&line, " to ");
            put_amount(&line, rule->action, rule->amount_max);
        }
    }
    put_points(&line, rule, points, count);
    put_place(&line, rule);
    put_schedule(&line, rule);
    put_choice(&line, rule);
}
