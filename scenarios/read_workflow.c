/*
 * Workflows: nodes, the handles and edges between them, and what a step does
 * when it runs. What the graph refuses is said at the node, handle or edge
 * that a person wrote. A workflow with nodes of other kinds than steps and
 * waits is read as a program: read_program.c.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/contract.h"
#include "engine/host/sentence.h"
#include "scenarios/read.h"
#include "scenarios/read_dist.h"
#include "scenarios/read_needs.h"
#include "scenarios/read_program.h"
#include "scenarios/redaction.h"
#include "sim/effect.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)

const char *const read_kinds[READ_KIND_COUNT] = {
    "step",  "wait", "condition", "callback", "wait_for_callback", "invoke",
    "child", "map",  "parallel",  "send",     "receive",           "until"};

/* A graph to be, with the places of its parts. */
struct draft {
    struct json_view view;
    struct engine_node *nodes;
    struct engine_program_node *program;
    struct json_view *node_views;
    uint32_t node_count;
    struct engine_edge_names *edges;
    struct json_view *edge_views;
    char **owned; /* two for each edge, perhaps NULL: parts of "node.handle" */
    uint32_t edge_count;
};

bool read_no_memory(struct json_view view, struct json_error *err)
{
    if (err->code == 0) {
        json_fail(view, err, "memory ran out while reading this");
        err->code = JSON_ENOMEM;
    }
    return false;
}

void *read_alloc(size_t count, size_t size, struct json_view view,
                 struct json_error *err)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        read_no_memory(view, err);
    return memory;
}

/* What a step does. */

static void read_fails(struct json_view view, struct sim_step *step,
                       struct json_error *err)
{
    static const char *const keys[] = {"share", "first", "retryable"};
    uint64_t share = step->fail_ppb;
    int64_t first = step->fail_first;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)json_get_quantity(view, "share", JSON_OPTIONAL, QUANTITY_SHARE, 0,
                            ENGINE_CHANCE_ALWAYS, &share, err);
    (void)json_get_int(view, "first", JSON_OPTIONAL, 0, READ_ATTEMPTS_MAX,
                       &first, err);
    (void)json_get_bool(view, "retryable", JSON_OPTIONAL, &step->fail_retryable,
                        err);
    step->fail_ppb = (uint32_t)share;
    step->fail_first = (uint32_t)first;
}

static void check_effect(struct json_view view, enum engine_side_effect class,
                         const struct sim_step *step, struct json_error *err)
{
    struct json_view effect = json_member(view, "effect");
    struct json_view key = json_member(view, "key");
    if (effect.item && step->effect && class == ENGINE_EFFECT_READ_ONLY)
        json_fail(effect, err,
                  "found an effect of a step that is read_only, "
                  "allowed none");
    if (key.item && step->keyed && !step->effect)
        json_fail(key, err,
                  "found a key without an effect, allowed with "
                  "\"effect\": true");
}

/* A program and its arguments: only that they are words. */
static void read_words(struct json_view list, struct json_error *err)
{
    const char *word;
    size_t least = 1;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        if (!json_as_string(v, least, READ_WORD_MAX, &word, err))
            return;
        least = 0;
    }
}

bool read_output_is(struct json_view run, const char *word)
{
    struct json_view output = json_member(run, "output");
    struct json_error ignored = {0};
    const char *text = NULL;
    return json_is_string(output) &&
           json_as_string(output, 0, SIZE_MAX, &text, &ignored) &&
           strcmp(text, word) == 0;
}

static bool is_word(struct json_view view)
{
    return json_is_string(view) && view.item->valuestring[0] >= 'a' &&
           view.item->valuestring[0] <= 'z';
}

/* A size; or "json" or "stream", which only a real worker's command can
 * promise. */
static void read_output(struct json_view view, uint64_t *output,
                        struct json_error *err)
{
    bool json = read_output_is(view, "json");
    if (is_word(json_member(view, "output")) && !json &&
        !read_output_is(view, "stream")) {
        json_fail(json_member(view, "output"), err,
                  "found the output \"%s\", allowed a size as \"16KB\", and "
                  "with a command \"json\" and \"stream\"",
                  json_member(view, "output").item->valuestring);
    } else if (!json && !read_output_is(view, "stream")) {
        (void)json_get_quantity(view, "output", JSON_OPTIONAL, QUANTITY_SIZE, 0,
                                READ_OUTPUT_MAX, output, err);
    } else if (!json_member(view, "command").item) {
        json_fail(json_member(view, "output"), err,
                  "found the output \"%s\" without a command, allowed a size",
                  json ? "json" : "stream");
    }
}

/* Reads "run", or what a scenario changes of it, over what is there. */
void read_run(struct json_view view, enum engine_side_effect effect,
              struct sim_step *step, struct json_error *err)
{
    static const char *const keys[] = {"duration", "cpu",   "effect",  "key",
                                       "output",   "fails", "command", "needs"};
    struct json_view fails;
    struct json_view command;
    uint64_t cpu = step->cpu_share_ppb, output = step->output_bytes;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)read_dist_member(view, "duration", &step->duration, err);
    (void)json_get_quantity(view, "cpu", JSON_OPTIONAL, QUANTITY_SHARE, 0,
                            ENGINE_CHANCE_ALWAYS, &cpu, err);
    (void)json_get_bool(view, "effect", JSON_OPTIONAL, &step->effect, err);
    (void)json_get_bool(view, "key", JSON_OPTIONAL, &step->keyed, err);
    read_output(view, &output, err);
    if (json_get(view, "fails", JSON_OPTIONAL, &fails, err))
        read_fails(fails, step, err);
    /* What a real worker runs; the simulated one plays the rest. */
    if (json_get_array(view, "command", JSON_OPTIONAL, 1, READ_WORDS_MAX,
                       &command, err))
        read_words(command, err);
    (void)read_needs_member(view, &step->needs, err);
    step->cpu_share_ppb = (uint32_t)cpu;
    step->output_bytes = (uint32_t)output;
    check_effect(view, effect, step, err);
}

static void run_defaults(enum engine_side_effect effect, struct sim_step *step)
{
    *step = (struct sim_step){
        .cpu_share_ppb = ENGINE_CHANCE_ALWAYS / 10,
        .keyed = effect == ENGINE_EFFECT_IDEMPOTENT,
        .output_bytes = 256,
        .fail_retryable = true,
    };
    (void)sim_dist_constant(&step->duration, SECOND / 10);
}

/* How a node is declared. */

static struct engine_retry retry_default(uint32_t attempts)
{
    return (struct engine_retry){
        .attempts_max = attempts,
        .factor_milli = 2000,
        .delay_ns = 5 * SECOND,
        .delay_max_ns = 60 * SECOND,
        .jitter = ENGINE_JITTER_FULL,
    };
}

static void read_factor(struct json_view view, struct engine_retry *retry,
                        struct json_error *err)
{
    struct json_view member;
    double factor;
    if (!json_get(view, "factor", JSON_OPTIONAL, &member, err) ||
        !json_as_double(member, 1, 1000, &factor, err))
        return;
    retry->factor_milli = (uint32_t)(factor * 1000 + 0.5);
    if ((double)retry->factor_milli / 1000 != factor)
        json_fail(member, err,
                  "found a factor with more than three digits "
                  "after the point, allowed e.g. 1.5");
}

void read_retry(struct json_view view, uint64_t delay_min,
                struct engine_retry *retry, struct json_error *err)
{
    static const char *const keys[] = {"attempts", "delay", "factor",
                                       "max_delay", "jitter"};
    static const char *const jitters[] = {"none", "half", "full"};
    int64_t attempts = retry->attempts_max;
    size_t jitter = retry->jitter;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)json_get_int(view, "attempts", JSON_OPTIONAL, 1, READ_ATTEMPTS_MAX,
                       &attempts, err);
    (void)json_get_duration(view, "delay", JSON_OPTIONAL, delay_min, DAY,
                            &retry->delay_ns, err);
    if (!json_get_duration(view, "max_delay", JSON_OPTIONAL, 0, 30 * DAY,
                           &retry->delay_max_ns, err) &&
        retry->delay_max_ns < retry->delay_ns)
        retry->delay_max_ns = retry->delay_ns;
    (void)json_get_enum(view, "jitter", JSON_OPTIONAL, jitters, COUNT(jitters),
                        &jitter, err);
    read_factor(view, retry, err);
    retry->attempts_max = (uint32_t)attempts;
    retry->jitter = (enum engine_jitter)jitter;
    if (retry->delay_ns > retry->delay_max_ns)
        json_fail(view, err,
                  "found a delay above max_delay, allowed delay <= "
                  "max_delay");
}

/* Contracts: what is declared of a step must agree with itself. */

static void read_contract(struct json_view view, struct engine_contract *out,
                          struct json_error *err)
{
    static const char *const keys[] = {"exactly_once", "no_retry",
                                       "max_retries", "timeout"};
    struct json_view contract;
    int64_t retries = 0;
    if (!json_get(view, "contract", JSON_OPTIONAL, &contract, err) ||
        !json_check_keys(contract, keys, COUNT(keys), err))
        return;
    (void)json_get_bool(contract, "exactly_once", JSON_OPTIONAL,
                        &out->exactly_once, err);
    (void)json_get_bool(contract, "no_retry", JSON_OPTIONAL, &out->no_retry,
                        err);
    if (json_get_int(contract, "max_retries", JSON_OPTIONAL, 0,
                     READ_ATTEMPTS_MAX - 1, &retries, err))
        out->retries_max = (uint32_t)retries;
    (void)json_get_duration(contract, "timeout", JSON_OPTIONAL, SECOND / 1000,
                            30 * DAY, &out->deadlines.timeout_ns, err);
}

/* The member that a broken rule is about, as far as it is written. */
static struct json_view fault_view(struct json_view view,
                                   const char *timeout_key,
                                   const struct engine_contract_fault *fault)
{
    struct json_view contract = json_member(view, "contract");
    struct json_view found = json_member(view, fault->name);
    if (strcmp(fault->name, "compensation") == 0)
        found = json_member(view, "compensate");
    else if (strcmp(fault->name, "attempt") == 0)
        found = json_member(view, timeout_key);
    else if (strcmp(fault->name, "callback") == 0)
        found = json_member(view, "timeout");
    else if (json_member(contract, fault->name).item)
        found = json_member(contract, fault->name);
    return found.item ? found : view;
}

void read_check_contract(struct read_program *reading, struct json_view view,
                         const char *timeout_key,
                         struct engine_contract *contract)
{
    struct engine_contract_fault fault;
    char text[256];
    contract->deadlines.run_ns = reading->timeout_ns;
    if (engine_contract_check(contract, &fault) != ENGINE_CONTRACT_RULE_COUNT)
        json_fail(fault_view(view, timeout_key, &fault), reading->err, "%s",
                  engine_contract_text(&fault, text, sizeof(text)));
}

static void read_side_effect(const struct read_program *reading,
                             struct json_view view, struct engine_node *node)
{
    static const char *const effects[] = {"read_only", "idempotent",
                                          "reversible", "irreversible"};
    static const char *const semantics[] = {"at_least_once", "at_most_once"};
    struct json_error *err = reading->err;
    size_t effect = ENGINE_EFFECT_IRREVERSIBLE - 1;
    size_t kind = ENGINE_AT_LEAST_ONCE - 1;
    (void)json_get_enum(view, "side_effect", JSON_OPTIONAL, effects,
                        COUNT(effects), &effect, err);
    bool given = json_get_enum(view, "semantics", JSON_OPTIONAL, semantics,
                               COUNT(semantics), &kind, err);
    node->side_effect = (enum engine_side_effect)(effect + 1);
    node->semantics = (enum engine_semantics)(kind + 1);
    if (!reading->program || node->side_effect != ENGINE_EFFECT_IRREVERSIBLE)
        return;
    if (given && node->semantics == ENGINE_AT_LEAST_ONCE)
        json_fail(json_member(view, "semantics"), err,
                  "found at_least_once of an irreversible step in a handler, "
                  "allowed at_most_once");
    node->semantics = ENGINE_AT_MOST_ONCE;
}

static void check_irreversible(struct json_view view,
                               const struct engine_node *node,
                               struct json_error *err)
{
    struct json_view given =
        json_member(json_member(view, "retry"), "attempts");
    if (given.item && node->retry.attempts_max > 1 &&
        node->side_effect == ENGINE_EFFECT_IRREVERSIBLE)
        json_fail(given, err,
                  "found %u attempts of a step that is irreversible, allowed "
                  "1, or another \"side_effect\"",
                  node->retry.attempts_max);
}

/* 60 s, or as much as the deadlines around it leave. */
static uint64_t usual_timeout(const struct read_program *reading,
                              const struct engine_deadlines *deadlines)
{
    uint64_t usual = 60 * SECOND;
    if (reading->timeout_ns && reading->timeout_ns < usual)
        usual = reading->timeout_ns;
    if (deadlines->timeout_ns && deadlines->timeout_ns < usual)
        usual = deadlines->timeout_ns;
    return usual;
}

void read_class(struct read_program *reading, struct json_view view,
                const char *timeout_key, struct engine_node *node,
                struct engine_contract *contract)
{
    struct json_error *err = reading->err;
    struct json_view retry = json_member(view, "retry");
    read_side_effect(reading, view, node);
    read_contract(view, contract, err);
    contract->side_effect = node->side_effect;
    contract->semantics = node->semantics;
    /* In a graph a reversible step is taken to have a compensation. */
    contract->compensation =
        json_member(view, "compensate").item ||
        (!reading->program && node->side_effect == ENGINE_EFFECT_REVERSIBLE);
    node->attempt_timeout_ns = usual_timeout(reading, &contract->deadlines);
    (void)json_get_duration(view, timeout_key, JSON_OPTIONAL, SECOND / 1000,
                            DAY, &node->attempt_timeout_ns, err);
    contract->deadlines.attempt_ns = node->attempt_timeout_ns;
    node->retry = retry_default(engine_contract_attempts(contract));
    if (retry.item)
        read_retry(retry, reading->program ? SECOND : 0, &node->retry, err);
    if (json_member(retry, "attempts").item)
        contract->attempts_max = node->retry.attempts_max;
    check_irreversible(view, node, err);
}

static bool grow(struct read_program *reading, struct json_view view)
{
    uint32_t capacity = reading->capacity ? 2 * reading->capacity : 16;
    struct sim_step *steps = realloc(reading->steps, capacity * sizeof(*steps));
    if (steps)
        reading->steps = steps;
    struct sim_answer *answers =
        realloc(reading->answers, capacity * sizeof(*answers));
    if (answers)
        reading->answers = answers;
    bool *exactly_once =
        realloc(reading->exactly_once, capacity * sizeof(*exactly_once));
    if (exactly_once)
        reading->exactly_once = exactly_once;
    if (!steps || !answers || !exactly_once)
        return read_no_memory(view, reading->err);
    reading->capacity = capacity;
    return true;
}

static bool add_to_program(struct read_program *reading, struct json_view view,
                           const struct engine_program_step *step)
{
    if (reading->count == READ_STEPS_MAX)
        return json_fail(view, reading->err,
                         "found more than %d steps in a workflow, allowed "
                         "that many",
                         READ_STEPS_MAX);
    if (engine_program_find(reading->program, step->name) !=
        ENGINE_PROGRAM_NONE)
        return json_fail(json_member(view, "name"), reading->err,
                         "found a second step \"%s\", allowed each name once "
                         "in a workflow with all its blocks",
                         step->name);
    return engine_program_add_step(reading->program, step) !=
               ENGINE_PROGRAM_NONE ||
           read_no_memory(view, reading->err);
}

uint32_t read_add_step(struct read_program *reading, struct json_view view,
                       const struct engine_program_step *step)
{
    if (reading->err->code != 0 ||
        (reading->count == reading->capacity && !grow(reading, view)) ||
        (reading->program && !add_to_program(reading, view, step)))
        return ENGINE_PROGRAM_NONE;
    uint32_t number = reading->count++;
    run_defaults(step->side_effect, &reading->steps[number]);
    reading->answers[number] = (struct sim_answer){.kind = SIM_ANSWER_NOTHING};
    reading->exactly_once[number] = false;
    return number;
}

/* Keys of a step that only a handler can honour. */
static void check_handler_keys(struct read_program *reading,
                               struct json_view view)
{
    static const char *const keys[] = {"stall", "compensate"};
    for (size_t i = 0; i < COUNT(keys) && !reading->program; i++) {
        struct json_view member = json_member(view, keys[i]);
        if (member.item)
            json_fail_key(member, reading->err,
                          "found \"%s\" in a graph that the coordinator "
                          "drives, allowed in a workflow with \"run_as\": "
                          "\"handler\"",
                          keys[i]);
    }
}

uint32_t read_code(struct read_program *reading, struct json_view view,
                   enum engine_program_role role,
                   const struct engine_node *node,
                   struct engine_contract *contract)
{
    struct json_view member;
    uint32_t number =
        read_add_step(reading, view,
                      &(struct engine_program_step){
                          .name = node->name,
                          .role = role,
                          .side_effect = node->side_effect,
                          .output_count = node->output_count,
                          .attempt_timeout_ns = node->attempt_timeout_ns,
                          .timeout_ns = contract->deadlines.timeout_ns,
                      });
    if (number == ENGINE_PROGRAM_NONE)
        return number;
    (void)read_needs_member(view, &reading->steps[number].needs, reading->err);
    if (json_get(view, "run", JSON_OPTIONAL, &member, reading->err))
        read_run(member, node->side_effect, &reading->steps[number],
                 reading->err);
    contract->key = reading->steps[number].keyed;
    reading->exactly_once[number] = contract->exactly_once;
    return number;
}

/* One name; *number is that of the platform. */
static bool find_platform(const struct read_program *reading,
                          struct json_view view, const char *name,
                          uint32_t *number)
{
    for (*number = 0; *number < reading->platform_count; ++*number)
        if (strcmp(reading->platform_names[*number], name) == 0)
            return true;
    if (reading->platform_count > 0)
        return json_fail_choice(view, reading->err, "platform", name,
                                reading->platform_names,
                                reading->platform_count);
    return json_fail(view, reading->err,
                     "found platform \"%s\", allowed in a scenario whose "
                     "\"platforms\" have names",
                     name);
}

static void add_platform(const struct read_program *reading,
                         struct json_view view, struct read_platforms *list)
{
    const char *name = "";
    uint32_t number = list->count;
    if (!json_as_string(view, 1, READ_NAME_MAX, &name, reading->err) ||
        (!reading->any_platform &&
         !find_platform(reading, view, name, &number)))
        return;
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0) {
            json_fail(view, reading->err,
                      "found platform \"%s\" twice, allowed each once", name);
            return;
        }
    list->numbers[list->count] = number;
    list->names[list->count++] = name;
}

/* "platform": a name, or names in the order of falling back. */
static void read_platforms(const struct read_program *reading,
                           struct json_view view, struct read_platforms *list)
{
    struct json_view member = json_member(view, "platform");
    if (!member.item || reading->err->code != 0)
        return;
    *list = (struct read_platforms){.count = 0};
    if (json_is_string(member)) {
        add_platform(reading, member, list);
    } else if (!json_is_array(member)) {
        json_fail(member, reading->err,
                  "found no platform, allowed a name or a list of names");
    } else if (json_as_array(member, 1, ENGINE_NODE_PLATFORMS_MAX,
                             reading->err)) {
        for (struct json_view v = json_first(member);
             v.item && reading->err->code == 0; v = json_next(v))
            add_platform(reading, v, list);
    }
}

static void set_platforms(const struct read_platforms *list,
                          struct engine_node *node)
{
    node->platform_count = list->count;
    memcpy(node->platforms, list->numbers, sizeof(node->platforms));
    memcpy(node->platform_names, list->names, sizeof(node->platform_names));
}

/* Those of a step, or of all the workflow. */
static void read_node_platforms(const struct read_program *reading,
                                struct json_view view, struct engine_node *node)
{
    struct read_platforms list = reading->platforms;
    struct json_view member = json_member(view, "platform");
    if (member.item && reading->program)
        json_fail_key(member, reading->err,
                      "found \"platform\" of a step in a handler, whose steps "
                      "run where it runs, allowed beside its \"run_as\"");
    read_platforms(reading, view, &list);
    if (!reading->program)
        set_platforms(&list, node);
}

/* Those that the coordinator keeps of a graph's step. */
static void set_deadlines(const struct engine_deadlines *deadlines,
                          struct engine_node *node)
{
    node->schedule_to_start_ns = deadlines->schedule_to_start_ns;
    node->timeout_ns = deadlines->timeout_ns;
}

static void read_step_node(struct read_program *reading, struct json_view view,
                           struct engine_node *node,
                           struct engine_program_node *out)
{
    struct engine_contract contract = {.retries_max = ENGINE_RETRIES_ANY};
    check_handler_keys(reading, view);
    read_node_platforms(reading, view, node);
    read_class(reading, view, "timeout", node, &contract);
    out->step = read_code(reading, view, ENGINE_PROGRAM_CODE, node, &contract);
    if (out->step == ENGINE_PROGRAM_NONE)
        return;
    (void)json_get_duration(
        view, "schedule_to_start", JSON_OPTIONAL, SECOND / 1000, 3650 * DAY,
        &contract.deadlines.schedule_to_start_ns, reading->err);
    if (reading->program)
        read_program_step(reading, view, node, &contract, out);
    else
        set_deadlines(&contract.deadlines, node);
    read_check_contract(reading, view, "timeout", &contract);
}

static void read_wait_node(struct read_program *reading, struct json_view view,
                           struct engine_node *node,
                           struct engine_program_node *out)
{
    uint64_t least = reading->program ? SECOND : SECOND / 1000;
    uint64_t most = reading->program ? 3650 * DAY : 365 * DAY;
    (void)json_get_duration(view, "wait", JSON_REQUIRED, least, most,
                            &node->wait_ns, reading->err);
    out->ns = node->wait_ns;
    if (!reading->program)
        (void)read_add_step(reading, view,
                            &(struct engine_program_step){.name = node->name});
}

static bool is_among(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* The names in a list, each once; returns how many. */
static uint32_t read_names(struct json_view list, const char **names,
                           struct json_error *err)
{
    uint32_t count = 0;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        const char *name = "";
        if (!json_as_string(v, 1, READ_NAME_MAX, &name, err))
            break;
        if (is_among(names, count, name)) {
            json_fail(v, err,
                      "found handle \"%s\" twice, allowed each name once",
                      name);
            break;
        }
        names[count++] = name;
    }
    return count;
}

/* Handles are owned by the draft; without the key there is one, @usual. */
static void read_handles(struct json_view node, const char *key,
                         const char *usual, const char *const **names,
                         uint32_t *count, struct json_error *err)
{
    struct json_view list = {0};
    bool given = json_get_array(node, key, JSON_OPTIONAL, 0,
                                ENGINE_GRAPH_HANDLES_MAX, &list, err);
    const char **found =
        read_alloc(given ? json_count(list) : 1, sizeof(*found), node, err);
    *names = found;
    if (!found || err->code != 0)
        return;
    found[0] = usual;
    *count = given ? read_names(list, found, err) : 1;
}

static bool check_node_keys(struct json_view view,
                            enum engine_program_kind kind,
                            struct json_error *err)
{
    static const char *const step[] = {
        "name",      "type",    "inputs",     "outputs",  "side_effect",
        "semantics", "timeout", "retry",      "contract", "schedule_to_start",
        "stall",     "run",     "compensate", "platform", "needs"};
    static const char *const wait[] = {"name", "type", "inputs", "outputs",
                                       "wait"};
    if (kind == ENGINE_PROGRAM_STEP)
        return json_check_keys(view, step, COUNT(step), err);
    if (kind == ENGINE_PROGRAM_WAIT)
        return json_check_keys(view, wait, COUNT(wait), err);
    return err->code == 0; /* read_program_node() knows the others' */
}

/* In the graph of a block, nodes of its own kinds pass for steps. */
static struct engine_node stand_in(void)
{
    return (struct engine_node){
        .kind = ENGINE_NODE_STEP,
        .attempt_timeout_ns = 1,
        .side_effect = ENGINE_EFFECT_READ_ONLY,
        .semantics = ENGINE_AT_LEAST_ONCE,
        .retry = {.attempts_max = 1, .factor_milli = 1000},
    };
}

static void read_node(struct read_program *reading, struct draft *draft,
                      struct json_view view)
{
    struct json_error *err = reading->err;
    uint32_t at = draft->node_count;
    struct engine_node *node = &draft->nodes[at];
    struct engine_program_node *out = &draft->program[at];
    size_t kind = 0;
    *node = stand_in();
    draft->node_views[at] = view;
    draft->node_count++;
    (void)json_get_enum(view, "type", JSON_OPTIONAL, read_kinds,
                        READ_KIND_COUNT, &kind, err);
    out->kind = (enum engine_program_kind)(kind + 1);
    out->step = out->compensation = ENGINE_PROGRAM_NONE;
    (void)check_node_keys(view, out->kind, err);
    (void)json_get_string(view, "name", JSON_REQUIRED, 1, READ_NAME_MAX,
                          &node->name, err);
    read_handles(view, "inputs", "in", &node->inputs, &node->input_count, err);
    read_handles(view, "outputs", "out", &node->outputs, &node->output_count,
                 err);
    if (err->code != 0)
        return;
    if (out->kind == ENGINE_PROGRAM_WAIT)
        node->kind = ENGINE_NODE_WAIT;
    if (out->kind == ENGINE_PROGRAM_STEP)
        read_step_node(reading, view, node, out);
    else if (out->kind == ENGINE_PROGRAM_WAIT)
        read_wait_node(reading, view, node, out);
    else
        read_program_node(reading, view, node, out);
}

static void read_nodes(struct read_program *reading, struct draft *draft)
{
    struct json_error *err = reading->err;
    struct json_view list;
    if (!json_get_array(draft->view, "nodes", JSON_REQUIRED, 1,
                        ENGINE_GRAPH_NODES_MAX, &list, err))
        return;
    size_t count = json_count(list);
    draft->nodes = read_alloc(count, sizeof(*draft->nodes), list, err);
    draft->program = read_alloc(count, sizeof(*draft->program), list, err);
    draft->node_views =
        read_alloc(count, sizeof(*draft->node_views), list, err);
    if (!draft->nodes || !draft->program || !draft->node_views)
        return;
    for (struct json_view v = json_first(list); v.item && err->code == 0;
         v = json_next(v))
        read_node(reading, draft, v);
}

/* Edges. */

/* Takes "node.handle" apart, in a copy that the draft owns. */
static void split_end(struct json_view view, const char *text,
                      const char **node, const char **handle, char **owned,
                      struct json_error *err)
{
    const char *dot = strchr(text, '.');
    if (!dot || dot == text || dot[1] == '\0' || strchr(dot + 1, '.')) {
        json_fail(view, err,
                  "found the end of an edge \"%s\", allowed \"node.handle\", "
                  "or {\"node\": .., \"handle\": ..} if a name has a dot",
                  text);
        return;
    }
    *owned = strdup(text);
    if (!*owned) {
        read_no_memory(view, err);
        return;
    }
    (*owned)[dot - text] = '\0';
    *node = *owned;
    *handle = *owned + (dot - text) + 1;
}

static void read_end(struct json_view view, const char **node,
                     const char **handle, char **owned, struct json_error *err)
{
    static const char *const keys[] = {"node", "handle"};
    const char *text = NULL;
    if (json_is_object(view)) {
        (void)json_check_keys(view, keys, COUNT(keys), err);
        (void)json_get_string(view, "node", JSON_REQUIRED, 1, READ_NAME_MAX,
                              node, err);
        (void)json_get_string(view, "handle", JSON_REQUIRED, 1, READ_NAME_MAX,
                              handle, err);
    } else if (!json_is_string(view)) {
        json_fail(view, err,
                  "found no end of an edge, allowed \"node.handle\", or "
                  "{\"node\": .., \"handle\": ..} if a name has a dot");
    } else if (json_as_string(view, 0, 2 * READ_NAME_MAX + 1, &text, err)) {
        split_end(view, text, node, handle, owned, err);
    }
}

/* The two ends of an edge, ["a.out", "b.in"] or {"from": .., "to": ..}. */
static bool edge_ends(struct json_view view, struct json_view ends[2],
                      struct json_error *err)
{
    static const char *const keys[] = {"from", "to"};
    if (json_is_object(view))
        return json_check_keys(view, keys, COUNT(keys), err) &&
               json_get(view, "from", JSON_REQUIRED, &ends[0], err) &&
               json_get(view, "to", JSON_REQUIRED, &ends[1], err);
    if (!json_as_array(view, 2, 2, err))
        return false;
    ends[0] = json_first(view);
    ends[1] = json_next(ends[0]);
    return true;
}

static void read_edges(struct draft *draft, struct json_error *err)
{
    struct json_view list, ends[2];
    if (!json_get_array(draft->view, "edges", JSON_OPTIONAL, 0,
                        ENGINE_GRAPH_EDGES_MAX, &list, err))
        return;
    size_t count = json_count(list);
    draft->edges = read_alloc(count, sizeof(*draft->edges), list, err);
    draft->edge_views =
        read_alloc(count, sizeof(*draft->edge_views), list, err);
    draft->owned = read_alloc(2 * count, sizeof(*draft->owned), list, err);
    if (!draft->edges || !draft->edge_views || !draft->owned)
        return;
    for (struct json_view v = json_first(list); v.item && err->code == 0;
         v = json_next(v)) {
        size_t at = draft->edge_count++;
        struct engine_edge_names *edge = &draft->edges[at];
        draft->edge_views[at] = v;
        if (!edge_ends(v, ends, err))
            return;
        read_end(ends[0], &edge->from, &edge->output, &draft->owned[2 * at],
                 err);
        read_end(ends[1], &edge->to, &edge->input, &draft->owned[2 * at + 1],
                 err);
    }
}

/* What the graph refused. */

/* An edge that the graph spoke of. */
static const struct engine_edge_names *edge_at(const struct draft *draft,
                                               uint32_t edge)
{
    assert(draft->edges && edge < draft->edge_count);
    return &draft->edges[edge];
}

/* The end of an edge, as its whole place: 0 is where it comes from. */
static struct json_view end_view(const struct draft *draft, uint32_t edge,
                                 uint32_t end)
{
    struct json_view ends[2];
    struct json_error ignored = {0};
    assert(draft->edge_views && edge < draft->edge_count);
    bool read = edge_ends(draft->edge_views[edge], ends, &ignored);
    assert(read);
    return ends[end];
}

static void fail_unknown_node(const struct draft *draft,
                              const struct engine_graph_error *fault,
                              struct json_error *err)
{
    const struct engine_edge_names *edge = edge_at(draft, fault->edge);
    const char **names =
        read_alloc(draft->node_count, sizeof(*names), draft->view, err);
    if (!names)
        return;
    for (uint32_t i = 0; i < draft->node_count; i++)
        names[i] = draft->nodes[i].name;
    json_fail_choice(end_view(draft, fault->edge, fault->node), err, "node",
                     fault->node == 0 ? edge->from : edge->to, names,
                     draft->node_count);
    free(names);
}

static void fail_unknown_handle(const struct draft *draft,
                                const struct engine_graph_error *fault,
                                struct json_error *err)
{
    const struct engine_edge_names *edge = edge_at(draft, fault->edge);
    const struct engine_node *node = &draft->nodes[fault->node];
    struct json_view view = end_view(draft, fault->edge, fault->other);
    if (fault->other == 0)
        json_fail_choice(view, err, "output", edge->output, node->outputs,
                         node->output_count);
    else
        json_fail_choice(view, err, "input", edge->input, node->inputs,
                         node->input_count);
}

static void fail_duplicate(const struct draft *draft,
                           const struct engine_graph_error *fault,
                           struct json_error *err)
{
    uint32_t line, column;
    json_where(draft->node_views[fault->other], &line, &column);
    json_fail(json_member(draft->node_views[fault->node], "name"), err,
              "found a second node \"%s\", allowed each name once; the first "
              "is on line %u",
              draft->nodes[fault->node].name, line);
}

static void fail_missing_input(const struct draft *draft,
                               const struct engine_graph_error *fault,
                               struct json_error *err)
{
    const struct engine_node *node = &draft->nodes[fault->node];
    assert(node->inputs && fault->handle < node->input_count);
    json_fail(draft->node_views[fault->node], err,
              "found node \"%s\" that no run can reach: its input \"%s\" has "
              "no edge and another has one; allowed edges into all inputs or "
              "into none",
              node->name, node->inputs[fault->handle]);
}

static void fail_graph(const struct draft *draft,
                       const struct engine_graph_error *fault,
                       struct json_error *err)
{
    assert(draft->nodes && draft->node_views);
    switch (fault->fault) {
    case ENGINE_GRAPH_UNKNOWN_NODE:
        fail_unknown_node(draft, fault, err);
        break;
    case ENGINE_GRAPH_UNKNOWN_HANDLE:
        fail_unknown_handle(draft, fault, err);
        break;
    case ENGINE_GRAPH_DUPLICATE_NODE:
        fail_duplicate(draft, fault, err);
        break;
    case ENGINE_GRAPH_HANDLE_TAKEN:
        json_fail(end_view(draft, fault->edge, 1), err,
                  "found a second edge into input \"%s\" of \"%s\", allowed "
                  "one",
                  edge_at(draft, fault->edge)->input,
                  edge_at(draft, fault->edge)->to);
        break;
    case ENGINE_GRAPH_MISSING_INPUT:
        fail_missing_input(draft, fault, err);
        break;
    case ENGINE_GRAPH_CYCLE:
        assert(draft->edge_views);
        json_fail(draft->edge_views[fault->edge], err,
                  "found an edge that closes a cycle through \"%s\", allowed a "
                  "graph without cycles: no run could reach it",
                  draft->nodes[fault->node].name);
        break;
    case ENGINE_GRAPH_NO_MEMORY:
        read_no_memory(draft->view, err);
        break;
    default:
        /* Counts, values and handles have been checked while reading. */
        json_fail(draft->view, err, "found a workflow that the engine refuses");
        break;
    }
}

/* From drafts to workflows. */

static void draft_free(struct draft *draft)
{
    for (uint32_t i = 0; i < draft->node_count; i++) {
        free((void *)draft->nodes[i].inputs);
        free((void *)draft->nodes[i].outputs);
    }
    for (size_t i = 0; i < (size_t)2 * draft->edge_count; i++)
        free(draft->owned[i]);
    free(draft->nodes);
    free(draft->program);
    free(draft->node_views);
    free(draft->edges);
    free(draft->edge_views);
    free(draft->owned);
}

/* The graph of the nodes and edges in @view; what else they are in @draft,
 * to be freed also after an error. */
static struct engine_graph *read_graph(struct read_program *reading,
                                       struct draft *draft, const char *name)
{
    struct engine_graph_error fault;
    read_nodes(reading, draft);
    read_edges(draft, reading->err);
    if (reading->err->code != 0)
        return NULL;
    assert(draft->nodes && draft->program && draft->node_views);
    struct engine_graph *graph =
        engine_graph_new(name, draft->nodes, draft->node_count, draft->edges,
                         draft->edge_count, &fault);
    if (!graph)
        fail_graph(draft, &fault, reading->err);
    return graph;
}

struct engine_program_block *read_block(struct read_program *reading,
                                        struct json_view view)
{
    struct draft draft = {.view = view};
    struct engine_program_block *block = NULL;
    struct engine_graph *graph =
        read_graph(reading, &draft, engine_program_name(reading->program));
    if (graph) {
        block =
            engine_program_add_block(reading->program, graph, draft.program);
        if (!block)
            read_no_memory(view, reading->err);
    }
    draft_free(&draft);
    return block;
}

/* Whether a node is of a kind that a graph does not have. */
static bool needs_handler(struct json_view node)
{
    struct json_view type = json_member(node, "type");
    struct json_error ignored = {0};
    size_t kind = 0;
    return type.item &&
           json_as_enum(type, read_kinds, READ_KIND_COUNT, &kind, &ignored) &&
           kind + 1 > ENGINE_PROGRAM_WAIT;
}

static bool is_program(struct json_view view, struct json_error *err)
{
    static const char *const ways[] = {"graph", "handler"};
    size_t way = 0;
    bool given = json_get_enum(view, "run_as", JSON_OPTIONAL, ways, COUNT(ways),
                               &way, err);
    for (struct json_view v = json_first(json_member(view, "nodes")); v.item;
         v = json_next(v)) {
        if (!needs_handler(v))
            continue;
        if (given && way == 0)
            json_fail(json_member(v, "type"), err,
                      "found a node that a graph does not have, allowed "
                      "\"step\", \"wait\", or \"run_as\": \"handler\"");
        return true;
    }
    return way == 1;
}

/* What stands for a program where a graph is wanted. */
static struct engine_graph *program_graph(const struct read_program *reading,
                                          const char *name)
{
    static const char *const input = "in", *const output = "out";
    struct engine_node node = stand_in();
    node.name = name;
    node.kind = ENGINE_NODE_HANDLER;
    node.attempt_timeout_ns = reading->invocation_ns;
    node.inputs = &input;
    node.input_count = 1;
    node.outputs = &output;
    node.output_count = 1;
    set_platforms(&reading->platforms, &node);
    struct engine_graph *graph =
        engine_graph_new(name, &node, 1, NULL, 0, NULL);
    if (graph && reading->timeout_ns)
        engine_graph_set_timeout(graph, reading->timeout_ns);
    return graph;
}

static void read_as_program(struct read_program *reading, struct json_view view,
                            const char *name,
                            struct scenario_workflow *workflow)
{
    struct engine_program_block *root = NULL;
    workflow->program = reading->program = engine_program_new(name);
    workflow->graph = program_graph(reading, name);
    if (workflow->program && workflow->graph)
        root = read_block(reading, view);
    else
        read_no_memory(view, reading->err);
    if (root)
        engine_program_set_root(workflow->program, root);
}

static void read_as_graph(struct read_program *reading, struct json_view view,
                          const char *name, struct scenario_workflow *workflow)
{
    struct draft draft = {.view = view};
    workflow->graph = read_graph(reading, &draft, name);
    if (workflow->graph && reading->timeout_ns)
        engine_graph_set_timeout(workflow->graph, reading->timeout_ns);
    draft_free(&draft);
}

static void read_workflow(struct read_program *reading, struct json_view view,
                          struct scenario_workflow *workflow)
{
    static const char *const keys[] = {
        "$schema", "name",  "run_as", "timeout",  "invocation_timeout",
        "nodes",   "edges", "redact", "platform", "needs"};
    struct json_error *err = reading->err;
    const char *name = NULL, *schema = NULL;
    reading->program = NULL;
    reading->timeout_ns = 0;
    reading->invocation_ns = 15 * 60 * SECOND;
    reading->platforms = (struct read_platforms){.count = 0};
    reading->count = reading->capacity = 0;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    (void)json_get_string(view, "$schema", JSON_OPTIONAL, 0, 1024, &schema,
                          err);
    (void)json_get_string(view, "name", JSON_REQUIRED, 1, READ_NAME_MAX, &name,
                          err);
    (void)json_get_duration(view, "timeout", JSON_OPTIONAL, SECOND, 3650 * DAY,
                            &reading->timeout_ns, err);
    redact_free(redaction_read(view, NULL, err)); /* a real worker's */
    read_platforms(reading, view, &reading->platforms);
    bool program = is_program(view, err);
    if (json_get_duration(view, "invocation_timeout", JSON_OPTIONAL, SECOND,
                          DAY, &reading->invocation_ns, err) &&
        !program)
        json_fail_key(json_member(view, "invocation_timeout"), err,
                      "found \"invocation_timeout\" in a graph that the "
                      "coordinator drives, allowed in a workflow with "
                      "\"run_as\": \"handler\"");
    if (err->code != 0)
        return;
    workflow->timeout_ns = reading->timeout_ns;
    if (read_needs_member(view, &workflow->needs, err) && !program)
        json_fail_key(json_member(view, "needs"), err,
                      "found \"needs\" of a graph that the coordinator drives, "
                      "allowed of its steps, or of a workflow with \"run_as\": "
                      "\"handler\"");
    if (program)
        read_as_program(reading, view, name, workflow);
    else
        read_as_graph(reading, view, name, workflow);
    workflow->steps = reading->steps;
    workflow->answers = reading->answers;
    workflow->exactly_once = reading->exactly_once;
    reading->steps = NULL;
    reading->answers = NULL;
    reading->exactly_once = NULL;
}

/* Several workflows, with the files they come from until all are known. */
struct collection {
    struct read_program reading;
    struct scenario_workflow *workflows;
    uint32_t count;
    struct json_doc *docs[READ_WORKFLOWS_MAX];
};

static struct scenario_workflow *next_workflow(struct collection *all)
{
    assert(all->count < READ_WORKFLOWS_MAX);
    return &all->workflows[all->count++];
}

/* A workflow, or the name of the file that has it. */
static void read_referred(struct collection *all, struct read_files *files,
                          struct json_view view)
{
    struct json_error *err = all->reading.err;
    uint32_t at = all->count;
    struct scenario_workflow *workflow = next_workflow(all);
    if (json_is_object(view)) {
        read_workflow(&all->reading, view, workflow);
        return;
    }
    if (!json_is_string(view)) {
        json_fail(view, err,
                  "found no workflow, allowed an object or the name of a file");
        return;
    }
    all->docs[at] = read_files_json(files, view, err);
    if (all->docs[at])
        read_workflow(&all->reading, json_root(all->docs[at]), workflow);
}

/* The workflows that are invoked are among those that there are. */
static void check_invokes(struct collection *all)
{
    const char *names[READ_WORKFLOWS_MAX];
    struct read_program *reading = &all->reading;
    for (uint32_t i = 0; i < all->count && reading->err->code == 0; i++)
        names[i] = engine_graph_name(all->workflows[i].graph);
    for (uint32_t i = 0; i < reading->invoke_count; i++) {
        const char *name = NULL;
        if (json_as_string(reading->invokes[i], 1, READ_NAME_MAX, &name,
                           reading->err) &&
            !is_among(names, all->count, name))
            json_fail_choice(reading->invokes[i], reading->err, "workflow",
                             name, names, all->count);
    }
}

/* Frees what was needed only while reading. */
static void collection_end(struct collection *all)
{
    if (all->reading.err->code == 0)
        check_invokes(all);
    for (uint32_t i = 0; i < READ_WORKFLOWS_MAX; i++)
        json_free(all->docs[i]);
    free(all->reading.invokes);
}

/* What the scenario's platforms are called, in their order; how many. What is
 * wrong there, their own reader says. */
static uint32_t platform_names(struct json_view root, const char **names)
{
    uint32_t count = 0;
    struct json_view list = json_member(root, "platforms");
    if (!json_is_object(list))
        return 0;
    for (struct json_view v = json_first(list);
         v.item && count < READ_PLATFORMS_MAX; v = json_next(v))
        names[count++] = json_key(v);
    return count;
}

static void read_list(struct read_state *state, struct json_view root)
{
    struct json_error *err = state->err;
    struct json_view one = {0}, list = {0};
    bool single = json_get(root, "workflow", JSON_OPTIONAL, &one, err);
    if (json_get_array(root, "workflows", JSON_OPTIONAL, 1, READ_WORKFLOWS_MAX,
                       &list, err) == single) {
        json_fail(single ? list : root, err,
                  "found %s \"workflow\" %s \"workflows\", allowed one of them",
                  single ? "both" : "neither", single ? "and" : "nor");
        return;
    }
    const char *names[READ_PLATFORMS_MAX];
    struct collection all = {
        .reading = {.err = err,
                    .platform_names = names,
                    .platform_count = platform_names(root, names)}};
    all.workflows = read_alloc(single ? 1 : json_count(list),
                               sizeof(*all.workflows), root, err);
    if (single && err->code == 0)
        read_referred(&all, state->files, one);
    for (struct json_view v = json_first(list); v.item && err->code == 0;
         v = json_next(v))
        read_referred(&all, state->files, v);
    collection_end(&all);
    state->scenario->workflows = all.workflows;
    state->scenario->workflow_count = all.count;
}

static void workflow_free(struct scenario_workflow *workflow)
{
    engine_graph_free(workflow->graph);
    engine_program_free(workflow->program);
    free(workflow->steps);
    free(workflow->answers);
    free(workflow->effects);
    free(workflow->exactly_once);
}

struct scenario_workflow *scenario_workflows_read(const char *const *paths,
                                                  uint32_t count,
                                                  struct json_error *error)
{
    assert(count > 0 && count <= READ_WORKFLOWS_MAX);
    struct collection all = {.reading = {.err = error, .any_platform = true}};
    *error = (struct json_error){0};
    all.workflows = calloc(count, sizeof(*all.workflows));
    for (uint32_t i = 0; i < count && all.workflows && error->code == 0; i++)
        if (json_read_file(paths[i], &all.docs[i], error) == 0)
            read_workflow(&all.reading, json_root(all.docs[i]),
                          next_workflow(&all));
    if (!all.workflows)
        error->code = JSON_ENOMEM;
    collection_end(&all);
    if (error->code == 0)
        return all.workflows;
    scenario_workflows_free(all.workflows, all.count);
    return NULL;
}

bool scenario_workflow_valid(const char *path, struct json_error *error)
{
    struct collection all = {.reading = {.err = error, .any_platform = true}};
    struct scenario_workflow workflow = {0};
    *error = (struct json_error){0};
    if (json_read_file(path, &all.docs[0], error) == 0)
        read_workflow(&all.reading, json_root(all.docs[0]), &workflow);
    all.reading.invoke_count = 0; /* of workflows that are not here */
    collection_end(&all);
    workflow_free(&workflow);
    return error->code == 0;
}

void scenario_workflows_free(struct scenario_workflow *workflows,
                             uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        workflow_free(&workflows[i]);
    free(workflows);
}

uint32_t scenario_step_count(const struct scenario_workflow *workflow)
{
    return workflow->program ? engine_program_step_count(workflow->program)
                             : engine_graph_count(workflow->graph);
}

const char *scenario_step_name(const struct scenario_workflow *workflow,
                               uint32_t step)
{
    return workflow->program
               ? engine_program_step(workflow->program, step)->name
               : engine_graph_node(workflow->graph, step)->name;
}

uint32_t scenario_step_op(const struct scenario_workflow *workflow,
                          uint32_t step)
{
    return workflow->program ? step + SIM_STEP_BASE : step;
}

uint32_t scenario_step_find(const struct scenario_workflow *workflow,
                            const char *name)
{
    return workflow->program ? engine_program_find(workflow->program, name)
                             : engine_graph_find(workflow->graph, name);
}

/* What a scenario changes of the steps of its workflows. */

static uint32_t count_steps(const struct scenario *scenario)
{
    uint32_t count = 0;
    for (uint32_t w = 0; w < scenario->workflow_count; w++)
        count += scenario_step_count(&scenario->workflows[w]);
    return count;
}

/* What has no code of its own to change, in a word; NULL: it is a step. */
static const char *not_a_step(const struct scenario_workflow *workflow,
                              uint32_t step)
{
    if (workflow->program)
        return engine_program_step(workflow->program, step)->role ==
                       ENGINE_PROGRAM_AWAITED
                   ? "callback"
                   : NULL;
    return engine_graph_node(workflow->graph, step)->kind == ENGINE_NODE_STEP
               ? NULL
               : "wait";
}

static enum engine_side_effect
step_effect(const struct scenario_workflow *workflow, uint32_t step)
{
    return workflow->program
               ? engine_program_step(workflow->program, step)->side_effect
               : engine_graph_node(workflow->graph, step)->side_effect;
}

static void change_step(const struct scenario_workflow *workflow, uint32_t step,
                        struct json_view change, struct json_error *err)
{
    const char *other = not_a_step(workflow, step);
    if (other) {
        json_fail_key(change, err,
                      "found \"%s\", which is a %s, allowed "
                      "steps",
                      scenario_step_name(workflow, step), other);
        return;
    }
    read_run(change, step_effect(workflow, step), &workflow->steps[step], err);
    if (workflow->exactly_once[step] && !workflow->steps[step].keyed)
        json_fail(json_member(change, "key"), err,
                  "found no key for a step whose contract is exactly_once, "
                  "allowed \"key\": true");
}

static void apply_change(struct scenario *scenario, struct json_view change,
                         struct json_error *err)
{
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        uint32_t step = scenario_step_find(workflow, json_key(change));
        if (step != UINT32_MAX)
            change_step(workflow, step, change, err);
    }
}

/* A step that is in none of the workflows. */
static void fail_change(struct json_view change, const char *const *names,
                        uint32_t count, struct json_error *err)
{
    char known[512];
    struct sentence text;
    sentence_init(&text, known, sizeof(known));
    sentence_choices(&text, json_key(change), names, count);
    json_fail_key(change, err, "found step \"%s\"%s", json_key(change), known);
}

static void read_changes(struct scenario *scenario, struct json_view view,
                         struct json_error *err)
{
    uint32_t count = 0;
    const char **names =
        read_alloc(count_steps(scenario), sizeof(*names), view, err);
    if (!names)
        return;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        for (uint32_t i = 0; i < scenario_step_count(workflow); i++)
            names[count++] = scenario_step_name(workflow, i);
    }
    if (json_as_object(view, err)) {
        for (struct json_view v = json_first(view); v.item; v = json_next(v))
            if (is_among(names, count, json_key(v)))
                apply_change(scenario, v, err);
            else
                fail_change(v, names, count, err);
    }
    free(names);
}

/* Tells the checkers which steps have an effect, and which give a key. */
static void note_effects(struct scenario *scenario, struct json_view root,
                         struct json_error *err)
{
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        struct scenario_workflow *workflow = &scenario->workflows[w];
        uint32_t count = scenario_step_count(workflow);
        workflow->effects =
            read_alloc(count, sizeof(*workflow->effects), root, err);
        for (uint32_t i = 0; workflow->effects && i < count; i++) {
            const struct sim_step *step = &workflow->steps[i];
            workflow->effects[i] = step->effect ? (step->keyed ? 2 : 1) : 0;
        }
    }
}

void read_workflows(struct read_state *state, struct json_view root)
{
    struct json_view changes;
    read_list(state, root);
    if (json_get(root, "steps", JSON_OPTIONAL, &changes, state->err))
        read_changes(state->scenario, changes, state->err);
    if (state->err->code == 0)
        note_effects(state->scenario, root, state->err);
}
