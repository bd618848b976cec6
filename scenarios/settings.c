#include "scenarios/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/format.h"
#include "scenarios/capacity.h"
#include "scenarios/heal.h"

static struct report_setting *add(struct settings *s, const char *name,
                                  const char *source, const char *tag)
{
    struct settings_text *text = &s->texts[s->count];
    struct report_setting *row = &s->rows[s->count++];
    snprintf(text->name, sizeof(text->name), "%s", name);
    *row = (struct report_setting){
        .name = text->name,
        .value = text->value,
        .source = source,
        .tag = tag,
    };
    return row;
}

static void add_text(struct settings *s, const char *name, const char *value,
                     const char *source)
{
    add(s, name, source, NULL);
    snprintf(s->texts[s->count - 1].value, sizeof(s->texts->value), "%s",
             value);
}

static void add_count(struct settings *s, const char *name, uint64_t value,
                      const char *source)
{
    struct report_word word;
    add_text(s, name, report_format_count(&word, value), source);
}

static void add_ns(struct settings *s, const char *name, uint64_t ns,
                   const char *source)
{
    struct report_word word;
    add_text(s, name, report_format_line(&word, ns), source);
}

static void add_engine(struct settings *s, const struct scenario *scenario)
{
    const struct scenario_engine *engine = &scenario->engine;
    static const char from[] = "scenario or default";
    add_text(s, "store",
             engine->store == SCENARIO_STORE_SQLITE
                 ? (engine->wal ? "SQLite, write-ahead log, synchronous=FULL"
                                : "SQLite, rollback journal")
                 : "memory",
             from);
    add_count(s, "coordinators", engine->coordinators, from);
    add_ns(s, "run lease", engine->lease_ttl_ns, from);
    add_ns(s, "work claim", engine->claim_ttl_ns, from);
    add_ns(s, "clock skew bound", engine->skew_bound_ns, from);
    add_ns(s, "scan for due runs", engine->scan_ns, from);
    add_ns(s, "store request timeout", engine->request_timeout_ns, from);
    add_ns(s, "dispatch timeout", engine->dispatch_timeout_ns,
           engine->dispatch_timeout_why ? engine->dispatch_timeout_why : from);
    add_ns(s, "suspend waits longer than", engine->suspend_after_ns, from);
    add_ns(s, "restart after a crash", engine->restart_ns, from);
    add_count(s, "requests committed together, at most", engine->group_max,
              from);
    add_count(s, "page size", engine->page_size, from);
    add_count(s, "page cache", engine->cache_size, from);
    add_count(s, "inline value limit", engine->inline_max, from);
    add_count(s, "disk sector", scenario->disk.sector, from);
    add_count(s, "runs", scenario->runs, from);
}

static void add_capacity(struct settings *s, const struct scenario *scenario)
{
    static const char from[] = "computed from disk and network";
    struct scenario_capacity_times times = scenario_capacity_times(scenario);
    add_text(s, "mode", "capacity: queues and platform, no engine", "scenario");
    add_ns(s, "engine, before a step is placed", times.decide_ns, from);
    add_ns(s, "engine, while a step has its place", times.hold_ns, from);
}

static void add_bounds(struct settings *s, const struct bounds *bounds)
{
    for (uint32_t i = 0; i < BOUND_COUNT; i++)
        add_ns(s, bounds->list[i].name, bounds->list[i].ns,
               bounds->list[i].formula);
}

static void add_faults(struct settings *s, const struct scenario_world *world)
{
    const struct fault_plan *plan = &world->plan;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct fault_rule *rule = &plan->rules[i];
        char name[96];
        snprintf(name, sizeof(name), "fault %" PRIu32 "%s%s", i + 1,
                 rule->name[0] ? ": " : "", rule->name);
        add(s, name, "scenario", NULL);
        scenario_world_rule_text(world, i, s->texts[s->count - 1].value,
                                 sizeof(s->texts->value));
    }
}

static void add_profile(struct settings *s, const struct scenario *scenario,
                        uint32_t index)
{
    const struct profile *profile = scenario_profile(scenario, index);
    const char *name = scenario->platforms[index].name;
    for (uint32_t i = 0; i < profile->row_count; i++) {
        const struct profile_row *from = &profile->rows[i];
        struct settings_text *text = &s->texts[s->count];
        if (scenario->platform_count > 1)
            snprintf(text->name, sizeof(text->name), "%.50s: %s", name,
                     from->name);
        s->rows[s->count++] = (struct report_setting){
            .name = scenario->platform_count > 1 ? text->name : from->name,
            .value = from->value,
            .unit = from->unit,
            .source = from->source,
            .tag = from->tag,
        };
    }
}

/* Lines of the bill of a platform: what it counts, and its dollars. */
static void add_bill(struct settings *s, const struct scenario *scenario,
                     const struct scenario_platform *from, uint64_t now_ns,
                     uint32_t index)
{
    const struct sim_model_ops *ops = from->model.ops;
    const struct sim_model_counts *counts = ops->counts(from->model.self);
    uint64_t nano;
    const char *name;
    for (uint32_t i = 0;
         s->bill_count < SETTINGS_BILLS &&
         ops->cost_line(from->model.self, now_ns, i, &name, &nano);
         i++) {
        char(*text)[SETTINGS_BILL_TEXT] = s->bill_text[s->bill_count];
        snprintf(text[0], sizeof(text[0]), "%s%s%" PRIu64 " starts",
                 scenario->platform_count > 1 ? scenario->platforms[index].name
                                              : "",
                 scenario->platform_count > 1 ? ", " : "", counts->starts);
        snprintf(text[1], sizeof(text[1]), "$%" PRIu64 ".%06" PRIu64,
                 nano / 1000000000, nano % 1000000000 / 1000);
        s->bill[s->bill_count++] = (struct report_bill){name, text[0], text[1]};
    }
}

/* What Lambda counts of the runs of handlers. */
static void add_durable(struct settings *s, const struct scenario *scenario,
                        const struct sim_lambda_durable_use *use)
{
    static const char *const names[SIM_LAMBDA_DURABLE_LINES] = {
        [SIM_LAMBDA_DURABLE_OPERATIONS] = "durable operations",
        [SIM_LAMBDA_DURABLE_WRITTEN] = "durable data written",
        [SIM_LAMBDA_DURABLE_RETAINED] = "durable data kept"};
    static const char *const units[SIM_LAMBDA_DURABLE_LINES] = {
        [SIM_LAMBDA_DURABLE_OPERATIONS] = "operations",
        [SIM_LAMBDA_DURABLE_WRITTEN] = "bytes",
        [SIM_LAMBDA_DURABLE_RETAINED] = "bytes on average"};
    const uint64_t amounts[SIM_LAMBDA_DURABLE_LINES] = {
        [SIM_LAMBDA_DURABLE_OPERATIONS] = sim_lambda_durable_operations(use),
        [SIM_LAMBDA_DURABLE_WRITTEN] = sim_lambda_durable_written(use),
        [SIM_LAMBDA_DURABLE_RETAINED] = use->retained_bytes};
    uint32_t index = durable_bill_platform(scenario);
    if (index == UINT32_MAX)
        return;
    const struct profile *profile = scenario_profile(scenario, index);
    for (int line = 0;
         line < SIM_LAMBDA_DURABLE_LINES && s->bill_count < SETTINGS_BILLS;
         line++) {
        uint64_t nano = sim_lambda_durable_nano(
            &profile->lambda.durable, use, (enum sim_lambda_durable_line)line);
        char(*text)[SETTINGS_BILL_TEXT] = s->bill_text[s->bill_count];
        snprintf(text[0], sizeof(text[0]), "%" PRIu64 " %s", amounts[line],
                 units[line]);
        snprintf(text[1], sizeof(text[1]), "$%" PRIu64 ".%06" PRIu64,
                 nano / 1000000000, nano % 1000000000 / 1000);
        s->bill[s->bill_count++] =
            (struct report_bill){names[line], text[0], text[1]};
    }
}

bool settings_init(struct settings *s, const struct scenario *scenario,
                   const struct bounds *bounds,
                   const struct scenario_world *world,
                   const struct durable_bill *durable)
{
    size_t room = 32 + world->plan.count;
    for (uint32_t i = 0; i < scenario->platform_count; i++)
        room += scenario_profile(scenario, i)->row_count;
    *s = (struct settings){0};
    s->rows = calloc(room, sizeof(*s->rows));
    s->texts = calloc(room, sizeof(*s->texts));
    if (!s->rows || !s->texts)
        return false;
    add_engine(s, scenario);
    if (scenario->mode == SCENARIO_MODE_CAPACITY)
        add_capacity(s, scenario);
    else
        add_bounds(s, bounds);
    if (scenario->mode != SCENARIO_MODE_CAPACITY)
        add_text(s, "heal", heal_name(world->heal),
                 scenario->heal ? "scenario" : "drawn by the seed, or default");
    add_faults(s, world);
    for (uint32_t i = 0; i < scenario->platform_count; i++)
        add_profile(s, scenario, i);
    uint64_t now_ns = world->sim ? world->sim->now_ns : world->studied_ns;
    for (uint32_t i = 0; i < world->platform_count; i++)
        add_bill(s, scenario, &world->platforms[i], now_ns, i);
    const struct sim_lambda_durable_use use = durable_bill_use(durable, now_ns);
    add_durable(s, scenario, &use);
    return true;
}

void settings_deinit(struct settings *s)
{
    free(s->rows);
    free(s->texts);
    *s = (struct settings){0};
}
