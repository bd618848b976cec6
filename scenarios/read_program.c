/*
 * Programs: nodes of the kinds that only a handler can run, the blocks inside
 * them, and what a step of a program may have beyond one of a graph.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/read_dist.h"
#include "scenarios/read_program.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)
#define LONGEST (3650 * DAY)
#define MILLI_PPB 1000000 /* a thousandth of a share */

enum {
    COUNT_MAX = 1000000,
    ITEMS_MAX = 100000,
    BRANCHES_MAX = 1024,
    ITEM_SIZE = 8
};

/* What all nodes may have, first in every list of keys. */
#define NODE_KEYS "name", "type", "inputs", "outputs"

static void count_member(struct json_view view, const char *key,
                         uint32_t *value, struct json_error *err)
{
    int64_t number;
    if (json_get_int(view, key, JSON_OPTIONAL, 1, COUNT_MAX, &number, err))
        *value = (uint32_t)number;
}

static bool says(struct json_view view, const char *word)
{
    return json_is_string(view) && strcmp(view.item->valuestring, word) == 0;
}

/* Memory of the program, or NULL and an error. */
static void *program_alloc(struct read_program *reading, size_t count,
                           size_t size, struct json_view view)
{
    void *memory =
        engine_program_memory(reading->program, (count ? count : 1) * size);
    if (!memory)
        read_no_memory(view, reading->err);
    return memory;
}

/* A text that must be there, as the program's own. */
static const char *program_text(struct read_program *reading,
                                struct json_view view, const char *key)
{
    const char *text = NULL;
    if (!json_get_string(view, key, JSON_REQUIRED, 1, READ_NAME_MAX, &text,
                         reading->err))
        return NULL;
    text = engine_program_text(reading->program, text);
    if (!text)
        read_no_memory(view, reading->err);
    return text;
}

/* All kinds but steps and waits give one value. */
static void check_one_output(struct json_view view,
                             const struct engine_node *node,
                             struct json_error *err)
{
    if (node->output_count != 1)
        json_fail(json_member(view, "outputs"), err,
                  "found %u outputs of \"%s\", allowed one: only a step gives "
                  "several values",
                  node->output_count, node->name);
}

/* Steps ------------------------------------------------------------------- */

/* "compensate": what undoes a step; it is a step of its own. */
static void read_compensation(struct read_program *reading,
                              struct json_view view,
                              const struct engine_node *node,
                              struct engine_program_node *out)
{
    struct json_view member;
    char name[sizeof(READ_UNDO) + READ_NAME_MAX] = READ_UNDO;
    if (!json_get(view, "compensate", JSON_OPTIONAL, &member, reading->err))
        return;
    strncat(name, node->name, READ_NAME_MAX);
    out->compensation =
        read_add_step(reading, view,
                      &(struct engine_program_step){
                          .name = name,
                          .role = ENGINE_PROGRAM_COMPENSATION,
                          .side_effect = ENGINE_EFFECT_IDEMPOTENT,
                          .output_count = 1,
                          .attempt_timeout_ns = node->attempt_timeout_ns,
                      });
    if (out->compensation != ENGINE_PROGRAM_NONE)
        read_run(member, ENGINE_EFFECT_IDEMPOTENT,
                 &reading->steps[out->compensation], reading->err);
}

static void set_options(const struct engine_node *node,
                        struct engine_program_node *out)
{
    out->retry = node->retry;
    out->options.side_effect = node->side_effect;
    out->options.semantics = node->semantics;
    out->options.attempt_timeout_ns = node->attempt_timeout_ns;
}

void read_program_step(struct read_program *reading, struct json_view view,
                       const struct engine_node *node,
                       struct engine_contract *contract,
                       struct engine_program_node *out)
{
    struct engine_deadlines *deadlines = &contract->deadlines;
    struct json_error *err = reading->err;
    set_options(node, out);
    (void)json_get_duration(view, "stall", JSON_OPTIONAL, SECOND / 1000, DAY,
                            &deadlines->stall_ns, err);
    out->options.stall_timeout_ns = deadlines->stall_ns;
    out->options.schedule_to_start_ns = deadlines->schedule_to_start_ns;
    out->options.timeout_ns = deadlines->timeout_ns;
    engine_program_set_start(reading->program, out->step,
                             deadlines->schedule_to_start_ns);
    read_compensation(reading, view, node, out);
}

/* Moments ----------------------------------------------------------------- */

/* A number of so many digits, from least to most; -1: it is none. */
static int digits(const char **at, int count, int least, int most)
{
    int number = 0;
    for (; count > 0; count--, ++*at) {
        if (**at < '0' || **at > '9')
            return -1;
        number = number * 10 + (**at - '0');
    }
    return number >= least && number <= most ? number : -1;
}

static bool skip(const char **at, char expected)
{
    if (**at != expected)
        return false;
    ++*at;
    return true;
}

/* Days from 1970-01-01 to a date from then on; -1: there is no such day. */
static int64_t days_to(int year, int month, int day)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30,
                                            31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int before = year - 1;
    int64_t days = (int64_t)365 * (year - 1970) + before / 4 - before / 100 +
                   before / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    for (int m = 1; m < month; m++)
        days += lengths[m - 1] + (m == 2 && leap);
    if (day > lengths[month - 1] + (month == 2 && leap))
        return -1;
    return days + day - 1;
}

/* "Z" or how far the clock there is from UTC, "+02:00". In minutes. */
static bool take_zone(const char **at, int *minutes)
{
    int sign = **at == '-' ? -1 : 1;
    *minutes = 0;
    if (skip(at, 'Z'))
        return true;
    if (!skip(at, '+') && !skip(at, '-'))
        return false;
    int hour = digits(at, 2, 0, 23);
    int minute = hour >= 0 && skip(at, ':') ? digits(at, 2, 0, 59) : -1;
    *minutes = sign * (hour * 60 + minute);
    return minute >= 0;
}

/* "2026-03-01T09:00:00Z" as unix ns. */
static bool parse_moment(const char *text, uint64_t *ns)
{
    const char *at = text;
    int zone = 0;
    int year = digits(&at, 4, 1970, 2500);
    int month = year >= 0 && skip(&at, '-') ? digits(&at, 2, 1, 12) : -1;
    int day = month >= 0 && skip(&at, '-') ? digits(&at, 2, 1, 31) : -1;
    int hour = day >= 0 && skip(&at, 'T') ? digits(&at, 2, 0, 23) : -1;
    int minute = hour >= 0 && skip(&at, ':') ? digits(&at, 2, 0, 59) : -1;
    int second = minute >= 0 && skip(&at, ':') ? digits(&at, 2, 0, 59) : -1;
    if (second < 0 || !take_zone(&at, &zone) || *at)
        return false;
    int64_t days = days_to(year, month, day);
    int64_t seconds =
        days * 86400 + (hour * 60 + minute - zone) * INT64_C(60) + second;
    *ns = seconds > 0 ? (uint64_t)seconds * SECOND : 0;
    return days >= 0;
}

static void read_moment(struct json_view view, struct engine_program_node *out,
                        struct json_error *err)
{
    const char *text = NULL;
    if (json_as_string(view, 1, READ_NAME_MAX, &text, err) &&
        !parse_moment(text, &out->ns))
        json_fail(view, err,
                  "found the moment \"%s\", allowed one from 1970 to 2500 as "
                  "\"2026-03-01T09:00:00Z\" or \"2026-03-01T11:00:00+02:00\"",
                  text);
}

/* {"cron": "30 4 * * mon-fri"}: the next time that fits. */
static void read_schedule(struct read_program *reading, struct json_view view,
                          struct engine_program_node *out)
{
    static const char *const keys[] = {"cron"};
    struct engine_cron_fault fault;
    const char *text = NULL;
    if (!json_check_keys(view, keys, COUNT(keys), reading->err) ||
        !json_get_string(view, "cron", JSON_REQUIRED, 1, READ_NAME_MAX, &text,
                         reading->err))
        return;
    view = json_member(view, "cron");
    struct engine_cron *cron = program_alloc(reading, 1, sizeof(*cron), view);
    if (!cron)
        return;
    out->cron = cron;
    if (engine_cron_parse(cron, text, &fault))
        json_fail(view, reading->err,
                  "found the schedule \"%s\", at character %u: %s", text,
                  fault.position + 1, fault.text);
    else if (engine_cron_next(cron, 0) == UINT64_MAX)
        json_fail(view, reading->err,
                  "found the schedule \"%s\", which never comes, allowed one "
                  "that does",
                  text);
}

static void read_until(struct read_program *reading, struct json_view view,
                       const struct engine_node *node,
                       struct engine_program_node *out)
{
    static const char *const keys[] = {NODE_KEYS, "until"};
    struct json_view moment;
    (void)node;
    if (!json_check_keys(view, keys, COUNT(keys), reading->err) ||
        !json_get(view, "until", JSON_REQUIRED, &moment, reading->err))
        return;
    if (json_is_object(moment))
        read_schedule(reading, moment, out);
    else
        read_moment(moment, out, reading->err);
}

/* Conditions and callbacks ------------------------------------------------- */

static void read_condition(struct read_program *reading, struct json_view view,
                           const struct engine_node *node,
                           struct engine_program_node *out)
{
    static const char *const keys[] = {NODE_KEYS, "poll", "holds_after"};
    struct json_view poll;
    (void)node;
    if (!json_check_keys(view, keys, COUNT(keys), reading->err))
        return;
    out->retry = (struct engine_retry){.attempts_max = 60,
                                       .factor_milli = 1500,
                                       .delay_ns = SECOND,
                                       .delay_max_ns = 60 * SECOND,
                                       .jitter = ENGINE_JITTER_FULL};
    out->holds_after = 1;
    if (json_get(view, "poll", JSON_OPTIONAL, &poll, reading->err))
        read_retry(poll, SECOND, &out->retry, reading->err);
    count_member(view, "holds_after", &out->holds_after, reading->err);
}

/* "answer": what the simulated outside does with a callback. */
static void read_answer(struct json_view view, struct sim_answer *answer,
                        struct json_error *err)
{
    static const char *const keys[] = {"after", "with", "heartbeat_every",
                                       "times", "value"};
    static const char *const kinds[] = {"success", "failure", "nothing"};
    struct json_view member;
    size_t kind = SIM_ANSWER_SUCCESS;
    uint64_t size = 256;
    *answer = (struct sim_answer){.times = 1};
    (void)sim_dist_constant(&answer->after, SECOND);
    if (json_get(view, "answer", JSON_OPTIONAL, &member, err) &&
        json_check_keys(member, keys, COUNT(keys), err)) {
        (void)read_dist_member(member, "after", &answer->after, err);
        (void)json_get_enum(member, "with", JSON_OPTIONAL, kinds, COUNT(kinds),
                            &kind, err);
        (void)json_get_duration(member, "heartbeat_every", JSON_OPTIONAL,
                                SECOND / 1000, LONGEST,
                                &answer->heartbeat_every_ns, err);
        count_member(member, "times", &answer->times, err);
        (void)json_get_quantity(member, "value", JSON_OPTIONAL, QUANTITY_SIZE,
                                0, READ_OUTPUT_MAX, &size, err);
    }
    answer->kind = (enum sim_answer_kind)kind;
    answer->value_bytes = (uint32_t)size;
}

/* Timeout and heartbeat of a callback, and its answer. */
static void read_awaited(struct read_program *reading, struct json_view view,
                         const char *timeout_key,
                         struct engine_contract *contract,
                         struct engine_program_node *out)
{
    (void)json_get_duration(view, "timeout", JSON_OPTIONAL, SECOND, LONGEST,
                            &out->ns, reading->err);
    (void)json_get_duration(view, "heartbeat", JSON_OPTIONAL, SECOND, LONGEST,
                            &out->heartbeat_ns, reading->err);
    contract->deadlines.callback_ns = out->ns;
    contract->deadlines.heartbeat_ns = out->heartbeat_ns;
    read_check_contract(reading, view, timeout_key, contract);
    read_answer(view, &reading->answers[out->step], reading->err);
}

static void read_callback(struct read_program *reading, struct json_view view,
                          const struct engine_node *node,
                          struct engine_program_node *out)
{
    static const char *const keys[] = {NODE_KEYS, "timeout", "heartbeat",
                                       "answer"};
    struct engine_contract contract = {.retries_max = ENGINE_RETRIES_ANY};
    if (!json_check_keys(view, keys, COUNT(keys), reading->err))
        return;
    out->step = read_add_step(
        reading, view,
        &(struct engine_program_step){.name = node->name,
                                      .role = ENGINE_PROGRAM_AWAITED,
                                      .side_effect = ENGINE_EFFECT_READ_ONLY});
    if (out->step != ENGINE_PROGRAM_NONE)
        read_awaited(reading, view, "timeout", &contract, out);
}

/* An attempt to submit cannot outlast the callback. */
static void check_submitter(struct read_program *reading, struct json_view view,
                            const struct engine_program_node *out)
{
    struct json_view given = json_member(view, "submit_timeout");
    if (given.item && out->ns && out->options.attempt_timeout_ns > out->ns)
        json_fail(given, reading->err,
                  "found a submit_timeout above the timeout of the callback, "
                  "allowed at most that");
}

static void read_wait_for_callback(struct read_program *reading,
                                   struct json_view view,
                                   const struct engine_node *node,
                                   struct engine_program_node *out)
{
    static const char *const keys[] = {
        NODE_KEYS,   "timeout",  "heartbeat", "answer",         "side_effect",
        "semantics", "contract", "retry",     "submit_timeout", "run"};
    struct engine_contract contract = {.retries_max = ENGINE_RETRIES_ANY};
    struct engine_node submitter = *node;
    if (!json_check_keys(view, keys, COUNT(keys), reading->err))
        return;
    read_class(reading, view, "submit_timeout", &submitter, &contract);
    set_options(&submitter, out);
    out->step = read_code(reading, view, ENGINE_PROGRAM_SUBMITTER, &submitter,
                          &contract);
    if (out->step == ENGINE_PROGRAM_NONE)
        return;
    read_awaited(reading, view, "submit_timeout", &contract, out);
    check_submitter(reading, view, out);
}

/* Other runs -------------------------------------------------------------- */

/* Keeps the place of a workflow's name until all workflows are known. */
static void note_invoke(struct read_program *reading, struct json_view name)
{
    if (reading->invoke_count == reading->invoke_capacity) {
        uint32_t capacity = reading->invoke_capacity * 2 + 8;
        struct json_view *invokes =
            realloc(reading->invokes, capacity * sizeof(*invokes));
        if (!invokes) {
            read_no_memory(name, reading->err);
            return;
        }
        reading->invokes = invokes;
        reading->invoke_capacity = capacity;
    }
    reading->invokes[reading->invoke_count++] = name;
}

static void check_within_run(struct read_program *reading,
                             struct json_view view, uint64_t timeout_ns)
{
    if (reading->timeout_ns && timeout_ns > reading->timeout_ns)
        json_fail(json_member(view, "timeout"), reading->err,
                  "found a timeout above that of the run, allowed at most "
                  "that");
}

static void read_invoke(struct read_program *reading, struct json_view view,
                        const struct engine_node *node,
                        struct engine_program_node *out)
{
    static const char *const keys[] = {NODE_KEYS, "workflow", "timeout",
                                       "on_parent_end"};
    static const char *const ends[] = {"leave", "cancel"};
    size_t end = ENGINE_PARENT_END_LEAVE;
    (void)node;
    if (!json_check_keys(view, keys, COUNT(keys), reading->err))
        return;
    out->text = program_text(reading, view, "workflow");
    if (out->text)
        note_invoke(reading, json_member(view, "workflow"));
    if (json_get_duration(view, "timeout", JSON_OPTIONAL, SECOND, LONGEST,
                          &out->ns, reading->err))
        check_within_run(reading, view, out->ns);
    (void)json_get_enum(view, "on_parent_end", JSON_OPTIONAL, ends, COUNT(ends),
                        &end, reading->err);
    out->on_parent_end = (enum engine_parent_end)end;
}

/* A run's number, or the difference to the sender's as "+1" or "-1". */
static void read_receiver(struct json_view view,
                          struct engine_program_node *out,
                          struct json_error *err)
{
    struct json_view to;
    const char *text = NULL;
    int64_t number = 0;
    if (!json_get(view, "to", JSON_REQUIRED, &to, err))
        return;
    if (!json_is_string(to)) {
        if (json_as_int(to, 1, JSON_INT_MAX, &number, err))
            out->to = (uint64_t)number;
        return;
    }
    if (!json_as_string(to, 1, 8, &text, err))
        return;
    size_t digits = strspn(text + 1, "0123456789");
    if ((*text != '+' && *text != '-') || digits == 0 || text[1 + digits]) {
        json_fail(to, err,
                  "found receiver \"%s\", allowed a run's number, or \"+1\" "
                  "or \"-1\" for the one after or before",
                  text);
        return;
    }
    out->to = (uint64_t)strtoll(text, NULL, 10);
    out->to_relative = true;
}

static void read_send(struct read_program *reading, struct json_view view,
                      const struct engine_node *node,
                      struct engine_program_node *out)
{
    static const char *const keys[] = {NODE_KEYS, "edge", "to", "messages",
                                       "window"};
    (void)node;
    if (!json_check_keys(view, keys, COUNT(keys), reading->err))
        return;
    out->text = program_text(reading, view, "edge");
    out->messages = 1;
    out->window = 3;
    read_receiver(view, out, reading->err);
    count_member(view, "messages", &out->messages, reading->err);
    count_member(view, "window", &out->window, reading->err);
}

static void read_receive(struct read_program *reading, struct json_view view,
                         const struct engine_node *node,
                         struct engine_program_node *out)
{
    static const char *const keys[] = {NODE_KEYS, "edge", "messages",
                                       "timeout"};
    struct json_view messages = json_member(view, "messages");
    (void)node;
    if (!json_check_keys(view, keys, COUNT(keys), reading->err))
        return;
    out->text = program_text(reading, view, "edge");
    out->messages = 1;
    if (!json_is_string(messages))
        count_member(view, "messages", &out->messages, reading->err);
    else if (says(messages, "all"))
        out->messages = 0;
    else
        json_fail(messages, reading->err,
                  "found \"%s\" messages, allowed a number, or \"all\"",
                  messages.item->valuestring);
    if (json_get_duration(view, "timeout", JSON_OPTIONAL, SECOND, LONGEST,
                          &out->ns, reading->err))
        check_within_run(reading, view, out->ns);
}

/* Blocks ------------------------------------------------------------------ */

static struct engine_program_branch *
branches_new(struct read_program *reading, uint32_t count,
             struct json_view view, struct engine_program_node *out)
{
    struct engine_program_branch *branches =
        program_alloc(reading, count, sizeof(*branches), view);
    out->branches = branches;
    out->branch_count = branches ? count : 0;
    return branches;
}

/* The one block of a child or map, whose nodes are the node's members. */
static void read_inner(struct read_program *reading, struct json_view view,
                       const struct engine_node *node,
                       struct engine_program_node *out)
{
    struct engine_program_branch *only = branches_new(reading, 1, view, out);
    if (!only || reading->err->code != 0)
        return;
    only->name = engine_program_text(reading->program, node->name);
    only->block = read_block(reading, view);
}

static void read_child(struct read_program *reading, struct json_view view,
                       const struct engine_node *node,
                       struct engine_program_node *out)
{
    static const char *const keys[] = {NODE_KEYS, "nodes", "edges"};
    if (json_check_keys(view, keys, COUNT(keys), reading->err))
        read_inner(reading, view, node, out);
}

/* How many branches there are; UINT32_MAX: that is known when it runs. */
static uint32_t batches(const struct engine_program_node *node)
{
    uint32_t each = node->batch.items_per_batch;
    if (node->kind == ENGINE_PROGRAM_PARALLEL)
        return node->branch_count;
    if (node->item_count == ENGINE_PROGRAM_NONE || node->batch.bytes_per_batch)
        return UINT32_MAX;
    return each > 1 ? (node->item_count + each - 1) / each : node->item_count;
}

/* "tolerated_failures": a number, or a share of all. */
static void read_tolerance(struct json_view view, uint32_t count,
                           struct engine_completion *completion,
                           struct json_error *err)
{
    struct json_view member;
    uint64_t share = 0;
    int64_t number = 0;
    if (!json_get(view, "tolerated_failures", JSON_OPTIONAL, &member, err))
        return;
    completion->tolerate = true; /* of none, unless more is said */
    if (!json_is_string(member)) {
        if (!json_as_int(member, 0, COUNT_MAX, &number, err))
            return;
        completion->tolerated_failures = (uint32_t)number;
        if ((uint64_t)number > count)
            json_fail(member, err,
                      "found %lld tolerated failures of %u branches, allowed "
                      "at most as many",
                      (long long)number, count);
    } else if (json_as_quantity(member, QUANTITY_SHARE, 0, ENGINE_CHANCE_ALWAYS,
                                &share, err)) {
        completion->tolerated_share_milli = (uint32_t)(share / MILLI_PPB);
        if (share % MILLI_PPB)
            json_fail(member, err,
                      "found a share with more than one digit after the "
                      "point, allowed e.g. \"12.5%%\"");
    }
}

static void read_completion(struct json_view view,
                            struct engine_program_node *out,
                            struct json_error *err)
{
    static const char *const keys[] = {"min_successful", "tolerated_failures"};
    struct engine_completion *completion = &out->batch.completion;
    struct json_view member;
    uint32_t count = batches(out);
    if (!json_get(view, "completion", JSON_OPTIONAL, &member, err) ||
        !json_check_keys(member, keys, COUNT(keys), err))
        return;
    count_member(member, "min_successful", &completion->min_successful, err);
    if (completion->min_successful > count)
        json_fail(json_member(member, "min_successful"), err,
                  "found min_successful %u of %u branches, allowed at most as "
                  "many",
                  completion->min_successful, count);
    read_tolerance(member, count, completion, err);
}

/* Contents of an item: its index, then the same byte. */
static void item_set(struct engine_bytes *item, unsigned char *bytes,
                     uint32_t index, size_t size)
{
    uint64_t number = index;
    size_t head = size < sizeof(number) ? size : sizeof(number);
    memset(bytes, (int)('a' + index % 26), size);
    memcpy(bytes, &number, head);
    *item = (struct engine_bytes){bytes, size};
}

static void read_sizes(struct read_program *reading, struct json_view list,
                       struct engine_program_node *out)
{
    struct json_error *err = reading->err;
    uint64_t sum = 0;
    if (!json_as_array(list, 0, ITEMS_MAX, err))
        return;
    out->items =
        program_alloc(reading, json_count(list), sizeof(*out->items), list);
    for (struct json_view v = json_first(list); v.item && out->items;
         v = json_next(v)) {
        uint64_t size = 0;
        if (!json_as_quantity(v, QUANTITY_SIZE, 0, READ_OUTPUT_MAX, &size, err))
            return;
        sum += size;
        if (sum > READ_OUTPUT_MAX) {
            json_fail(v, err, "found items above 64MiB together, allowed that");
            return;
        }
        unsigned char *bytes = program_alloc(reading, size, 1, v);
        if (!bytes)
            return;
        item_set(&out->items[out->item_count], bytes, out->item_count, size);
        out->item_count++;
    }
}

static void read_count(struct read_program *reading, struct json_view view,
                       struct engine_program_node *out)
{
    int64_t count = 0;
    if (!json_as_int(view, 0, ITEMS_MAX, &count, reading->err))
        return;
    out->items =
        program_alloc(reading, (size_t)count, sizeof(*out->items), view);
    unsigned char *bytes =
        program_alloc(reading, (size_t)count, ITEM_SIZE, view);
    if (!out->items || !bytes)
        return;
    out->item_count = (uint32_t)count;
    for (uint32_t i = 0; i < out->item_count; i++)
        item_set(&out->items[i], bytes + (size_t)i * ITEM_SIZE, i, ITEM_SIZE);
}

/* A number of small items, the size of each, or "input". */
static void read_items(struct read_program *reading, struct json_view view,
                       struct engine_program_node *out)
{
    struct json_view items;
    if (!json_get(view, "items", JSON_REQUIRED, &items, reading->err))
        return;
    if (json_is_array(items))
        read_sizes(reading, items, out);
    else if (json_is_number(items))
        read_count(reading, items, out);
    else if (says(items, "input"))
        out->item_count = ENGINE_PROGRAM_NONE;
    else
        json_fail(items, reading->err,
                  "found no items, allowed how many there are, the size of "
                  "each, or \"input\": 3, [\"1KiB\", \"5KiB\"]");
}

static void read_map(struct read_program *reading, struct json_view view,
                     const struct engine_node *node,
                     struct engine_program_node *out)
{
    static const char *const keys[] = {
        NODE_KEYS,         "items",      "max_concurrency", "items_per_batch",
        "bytes_per_batch", "completion", "nodes",           "edges"};
    struct json_error *err = reading->err;
    uint64_t bytes = 0;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    read_items(reading, view, out);
    count_member(view, "max_concurrency", &out->batch.max_concurrency, err);
    count_member(view, "items_per_batch", &out->batch.items_per_batch, err);
    (void)json_get_quantity(view, "bytes_per_batch", JSON_OPTIONAL,
                            QUANTITY_SIZE, 1, READ_OUTPUT_MAX, &bytes, err);
    out->batch.bytes_per_batch = bytes;
    read_completion(view, out, err);
    read_inner(reading, view, node, out);
}

static void read_branch(struct read_program *reading, struct json_view view,
                        struct engine_program_branch *branches, uint32_t at)
{
    static const char *const keys[] = {"name", "nodes", "edges"};
    if (!json_check_keys(view, keys, COUNT(keys), reading->err))
        return;
    branches[at].name = program_text(reading, view, "name");
    for (uint32_t i = 0; i < at && branches[at].name; i++)
        if (strcmp(branches[i].name, branches[at].name) == 0)
            json_fail(json_member(view, "name"), reading->err,
                      "found a second branch \"%s\", allowed each name once",
                      branches[at].name);
    if (reading->err->code == 0)
        branches[at].block = read_block(reading, view);
}

static void read_branches(struct read_program *reading, struct json_view view,
                          struct engine_program_node *out)
{
    struct json_view list;
    uint32_t at = 0;
    if (!json_get_array(view, "branches", JSON_REQUIRED, 1, BRANCHES_MAX, &list,
                        reading->err))
        return;
    struct engine_program_branch *branches =
        branches_new(reading, (uint32_t)json_count(list), list, out);
    for (struct json_view v = json_first(list);
         v.item && branches && reading->err->code == 0; v = json_next(v))
        read_branch(reading, v, branches, at++);
}

/* Only a policy has a say in how many may run, and when they are over. */
static void check_mode(struct json_view view,
                       const struct engine_program_node *out,
                       struct json_error *err)
{
    static const char *const keys[] = {"completion", "max_concurrency"};
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct json_view member = json_member(view, keys[i]);
        if (member.item && out->mode != ENGINE_PROGRAM_POLICY)
            json_fail_key(member, err,
                          "found \"%s\" without a policy, allowed with "
                          "\"mode\": \"policy\"",
                          keys[i]);
    }
}

static void read_parallel(struct read_program *reading, struct json_view view,
                          const struct engine_node *node,
                          struct engine_program_node *out)
{
    static const char *const keys[] = {NODE_KEYS, "branches", "mode",
                                       "max_concurrency", "completion"};
    static const char *const modes[] = {"all", "all_settled", "race", "any",
                                        "policy"};
    struct json_error *err = reading->err;
    size_t mode = ENGINE_PROGRAM_ALL;
    (void)node;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)json_get_enum(view, "mode", JSON_OPTIONAL, modes, COUNT(modes), &mode,
                        err);
    out->mode = (enum engine_program_mode)mode;
    check_mode(view, out, err);
    count_member(view, "max_concurrency", &out->batch.max_concurrency, err);
    read_branches(reading, view, out);
    read_completion(view, out, err);
}

void read_program_node(struct read_program *reading, struct json_view view,
                       const struct engine_node *node,
                       struct engine_program_node *out)
{
    static void (*const readers[])(struct read_program *, struct json_view,
                                   const struct engine_node *,
                                   struct engine_program_node *) = {
        [ENGINE_PROGRAM_CONDITION] = read_condition,
        [ENGINE_PROGRAM_CALLBACK] = read_callback,
        [ENGINE_PROGRAM_WAIT_FOR_CALLBACK] = read_wait_for_callback,
        [ENGINE_PROGRAM_INVOKE] = read_invoke,
        [ENGINE_PROGRAM_CHILD] = read_child,
        [ENGINE_PROGRAM_MAP] = read_map,
        [ENGINE_PROGRAM_PARALLEL] = read_parallel,
        [ENGINE_PROGRAM_SEND] = read_send,
        [ENGINE_PROGRAM_RECEIVE] = read_receive,
        [ENGINE_PROGRAM_UNTIL] = read_until,
    };
    assert(reading->program && readers[out->kind]);
    check_one_output(view, node, reading->err);
    readers[out->kind](reading, view, node, out);
}
