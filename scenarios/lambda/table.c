#include "scenarios/lambda/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Life --------------------------------------------------------------------- */

struct lambda_table *lambda_table_new(const char *command, const char *again,
                                      const char *handler)
{
    struct lambda_table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->command = strdup(command);
    table->again = strdup(again);
    table->handler = strdup(handler);
    table->result = strdup("");
    if (table->command && table->again && table->handler && table->result)
        return table;
    lambda_table_free(table);
    return NULL;
}

void lambda_table_free(struct lambda_table *table)
{
    if (!table)
        return;
    for (uint32_t i = 0; i < table->count; i++) {
        free(table->rows[i].again);
        free(table->rows[i].applied);
    }
    free(table->rows);
    free(table->history);
    free(table->command);
    free(table->again);
    free(table->handler);
    free(table->result);
    free(table);
}

/* Rows --------------------------------------------------------------------- */

/* An apostrophe ends a word of the shell. */
static void put_quoted(const char *text, struct report_buffer *out)
{
    report_buffer_put(out, "'");
    for (; *text; text++)
        if (*text == '\'')
            report_buffer_put(out, "'\\''");
        else
            report_buffer_print(out, "%c", *text);
    report_buffer_put(out, "'");
}

/* The command that tries a row again; NULL: out of memory. */
static char *again_of(const struct lambda_table *table,
                      const struct lambda_row *row)
{
    struct report_buffer out = {0};
    char label[LAMBDA_LABEL_SIZE];
    char detail[LAMBDA_DETAIL_SIZE];
    char also[LAMBDA_STRIKE_SIZE];

    report_buffer_print(&out, "%s --fault %s --only ", table->again,
                        lambda_fault_name(row->fault));
    put_quoted(lambda_point_write(&row->at, label), &out);
    if (*lambda_fault_detail(row->fault, row->times, detail))
        report_buffer_print(&out, " --times %u", row->times);
    if (row->page_items)
        report_buffer_print(&out, " --page %u", row->page_items);
    if (row->also.fault != LAMBDA_FAULT_NONE) {
        report_buffer_put(&out, " --also ");
        put_quoted(lambda_strike_write(&row->also, also), &out);
    }
    if (report_buffer_ok(&out))
        return out.text;
    report_buffer_free(&out);
    return NULL;
}

static void note_use(struct lambda_table *table,
                     const struct lambda_table_row *row,
                     const struct lambda_use *use)
{
    struct report_buffer fault = {0};

    lambda_table_fault(row, &fault);
    for (unsigned i = 0; i < LAMBDA_QUOTA_COUNT; i++) {
        struct lambda_table_quota *quota = &table->quotas[i];
        if (use->quotas[i] <= quota->worst)
            continue;
        quota->worst = use->quotas[i];
        snprintf(quota->worst_at, sizeof(quota->worst_at), "%s %s",
                 fault.text ? fault.text : "", row->at);
    }
    for (unsigned i = 0; i <= LAMBDA_METER_COUNT; i++) {
        struct lambda_table_meter *meter = &table->meters[i];
        uint64_t value =
            i < LAMBDA_METER_COUNT ? use->metered[i] : lambda_metered(use);
        if (table->count == 1 || value < meter->least)
            meter->least = value;
        if (value > meter->most)
            meter->most = value;
    }
    report_buffer_free(&fault);
}

struct lambda_table_row *lambda_table_row(struct lambda_table *table)
{
    if (table->count == table->capacity) {
        uint32_t capacity = table->capacity ? 2 * table->capacity : 128;
        struct lambda_table_row *rows =
            realloc(table->rows, capacity * sizeof(*rows));
        if (!rows)
            return NULL;
        table->rows = rows;
        table->capacity = capacity;
    }
    struct lambda_table_row *row = &table->rows[table->count];
    *row = (struct lambda_table_row){
        .applied = calloc(LAMBDA_EFFECTS_MAX, sizeof(*row->applied))};
    table->count += row->applied != NULL;
    return row->applied ? row : NULL;
}

static void keep_detail(struct lambda_table_row *row,
                        const struct lambda_row *from)
{
    char detail[LAMBDA_DETAIL_SIZE];

    (void)lambda_fault_detail(from->fault, from->times, detail);
    if (from->page_items)
        snprintf(row->detail, sizeof(row->detail), "%s%spages of %u", detail,
                 detail[0] ? ", " : "", from->page_items);
    else
        snprintf(row->detail, sizeof(row->detail), "%s", detail);
}

/* Two faults go by the name of none. */
static void keep_fault(struct lambda_table_row *row,
                       const struct lambda_row *from)
{
    const struct lambda_strike first = {from->fault, from->at, from->times};
    char words[LAMBDA_STRIKE_SIZE];

    (void)lambda_point_write(&from->at, row->at);
    snprintf(row->fault, sizeof(row->fault), "%s",
             lambda_fault_name(from->fault));
    row->times = from->times;
    if (from->also.fault == LAMBDA_FAULT_NONE) {
        keep_detail(row, from);
        return;
    }
    row->times = 1;
    snprintf(row->fault, sizeof(row->fault), "pair");
    snprintf(row->at, sizeof(row->at), "%s; ",
             lambda_strike_write(&first, words));
    strncat(row->at, lambda_strike_write(&from->also, words),
            sizeof(row->at) - strlen(row->at) - 1);
}

int lambda_table_add(struct lambda_table *table, const struct lambda_row *from)
{
    struct lambda_table_row *row = lambda_table_row(table);

    if (!row)
        return -1;
    row->again = again_of(table, from);
    keep_fault(row, from);
    snprintf(row->why, sizeof(row->why), "%s", from->why);
    report_buffer_trim(row->why);
    snprintf(row->status, sizeof(row->status), "%s", from->status);
    row->verdict = from->verdict;
    row->invocations = from->invocations;
    row->struck = from->struck;
    row->virtual_ns = from->virtual_ns;
    row->metered = lambda_metered(&from->use);
    for (uint32_t i = 0; i < LAMBDA_EFFECTS_MAX; i++)
        row->applied[i] = from->applied[i];
    note_use(table, row, &from->use);
    return row->again ? 0 : -1;
}

/* The rest ----------------------------------------------------------------- */

const char *lambda_table_status(const struct lambda_outcome *outcome)
{
    static const char *const names[] = {
        "", "STUCK", "HUNG", "DOES NOT START", "BROKEN", "ENDLESS", "ENDLESS"};

    return outcome->end == LAMBDA_ENDED ? outcome->status : names[outcome->end];
}

static int keep_golden(struct lambda_table *table,
                       const struct lambda_outcome *golden)
{
    const struct lambda_findings *findings = &golden->findings;
    char why[LAMBDA_END_SIZE];
    char *result = strdup(golden->result ? golden->result
                                         : lambda_outcome_why(golden, why));

    snprintf(table->status, sizeof(table->status), "%s",
             lambda_table_status(golden));
    table->invocations = golden->invocations;
    table->operations = golden->operations;
    table->virtual_ns = golden->virtual_ns;
    table->history =
        calloc(findings->history_count + 1, sizeof(*table->history));
    if (!result || !table->history) {
        free(result);
        return -1;
    }
    free(table->result);
    table->result = result;
    if (findings->history_count)
        memcpy(table->history, findings->history,
               findings->history_count * sizeof(*table->history));
    table->history_count = findings->history_count;
    return 0;
}

static bool is_once(const struct lambda_sweep_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->once_count; i++)
        if (strcmp(config->once[i], name) == 0)
            return true;
    return false;
}

/* The undisturbed run has its effects in the order of their numbers. */
static void keep_effects(struct lambda_table *table,
                         const struct lambda_sweep *sweep,
                         const struct lambda_sweep_config *config)
{
    table->effect_count = sweep->effect_count;
    for (uint32_t i = 0; i < sweep->effect_count; i++) {
        struct lambda_table_effect *effect = &table->effects[i];
        snprintf(effect->name, sizeof(effect->name), "%s", sweep->effects[i]);
        effect->once = is_once(config, effect->name);
        if (i >= sweep->golden.effect_count)
            continue;
        effect->applied = sweep->golden.effects[i].applied;
        effect->asked = sweep->golden.effects[i].asked;
    }
}

void lambda_table_property(const struct lambda_property *from,
                           struct lambda_table_property *to)
{
    *to = (struct lambda_table_property){.verdict = from->verdict,
                                         .checked = from->checked,
                                         .violations = from->violations};
    snprintf(to->id, sizeof(to->id), "%s", from->id);
    snprintf(to->name, sizeof(to->name), "%s", from->name);
    snprintf(to->unit, sizeof(to->unit), "%s", from->unit);
    snprintf(to->why, sizeof(to->why), "%s", from->why);
    report_buffer_trim(to->why);
}

static void keep_properties(struct lambda_table *table,
                            const struct lambda_sweep *sweep)
{
    table->property_count = sweep->property_count;
    for (uint32_t i = 0; i < sweep->property_count; i++)
        lambda_table_property(&sweep->properties[i], &table->properties[i]);
}

static void keep_use(struct lambda_table *table, const struct lambda_use *use,
                     const struct engine_limits *limits)
{
    table->quota_count = LAMBDA_QUOTA_COUNT;
    for (unsigned i = 0; i < LAMBDA_QUOTA_COUNT; i++) {
        struct lambda_table_quota *quota = &table->quotas[i];
        enum lambda_quota which = (enum lambda_quota)i;
        snprintf(quota->name, sizeof(quota->name), "%s",
                 lambda_quota_name(which));
        snprintf(quota->unit, sizeof(quota->unit), "%s",
                 lambda_quota_unit(which));
        quota->allowed = lambda_quota_allowed(which, limits);
        quota->undisturbed = use->quotas[i];
        if (quota->worst <= quota->undisturbed)
            quota->worst_at[0] = '\0';
    }
    table->meter_count = LAMBDA_METER_COUNT + 1;
    for (unsigned i = 0; i <= LAMBDA_METER_COUNT; i++) {
        struct lambda_table_meter *meter = &table->meters[i];
        bool all = i == LAMBDA_METER_COUNT;
        snprintf(meter->name, sizeof(meter->name), "%s",
                 all ? "all" : lambda_meter_name((enum lambda_meter)i));
        meter->undisturbed = all ? lambda_metered(use) : use->metered[i];
    }
}

/* What fails is not made good by what was missed. */
static enum check_verdict verdict_of(const struct lambda_table *table,
                                     const struct lambda_sweep *sweep)
{
    bool failed = sweep->golden.end != LAMBDA_ENDED || table->failed;

    for (uint32_t i = 0; i < table->property_count; i++)
        failed = failed || table->properties[i].violations;
    if (failed)
        return CHECK_FAIL;
    return table->missed || !table->trials || !table->complete
               ? CHECK_INCONCLUSIVE
               : CHECK_PASS;
}

int lambda_table_finish(struct lambda_table *table,
                        const struct lambda_sweep *sweep,
                        const struct lambda_sweep_config *config, bool complete)
{
    table->complete = complete;
    table->boundaries = sweep->plan.point_count;
    table->trials = sweep->trials;
    table->held = sweep->held;
    table->failed = sweep->failed;
    table->missed = sweep->missed;
    keep_effects(table, sweep, config);
    keep_properties(table, sweep);
    keep_use(table, &sweep->golden.findings.use, config->limits);
    table->verdict = verdict_of(table, sweep);
    return keep_golden(table, &sweep->golden);
}

/* Words -------------------------------------------------------------------- */

void lambda_table_fault(const struct lambda_table_row *row,
                        struct report_buffer *out)
{
    (void)report_buffer_plain(out, row->fault, LAMBDA_FAULT_NAME);
    if (row->detail[0]) {
        report_buffer_put(out, " ");
        (void)report_buffer_plain(out, row->detail, LAMBDA_ROW_DETAIL);
    }
}

/* Effects ------------------------------------------------------------------ */

bool lambda_table_same_fault(const struct lambda_table_row *a,
                             const struct lambda_table_row *b)
{
    return strcmp(a->detail, b->detail) == 0 && strcmp(a->fault, b->fault) == 0;
}

static bool is_about(const struct lambda_table *table,
                     const struct lambda_repeat *repeat, uint32_t row)
{
    return table->rows[row].applied[repeat->effect] == repeat->applied &&
           lambda_table_same_fault(&table->rows[row],
                                   &table->rows[repeat->first]);
}

uint32_t lambda_repeat_row(const struct lambda_table *table,
                           const struct lambda_repeat *repeat, uint32_t row)
{
    while (row < table->count && !is_about(table, repeat, row))
        row++;
    return row < table->count ? row : UINT32_MAX;
}

static void note_repeat(const struct lambda_table *table, uint32_t effect,
                        uint32_t row, struct lambda_repeat *list,
                        uint32_t *count, uint32_t max)
{
    const struct lambda_repeat repeat = {.effect = effect,
                                         .applied =
                                             table->rows[row].applied[effect],
                                         .first = row,
                                         .rows = 1};

    for (uint32_t i = 0; i < *count; i++)
        if (list[i].effect == effect && is_about(table, &list[i], row)) {
            list[i].rows++;
            return;
        }
    if (*count < max)
        list[(*count)++] = repeat;
}

static int by_place(const void *a, const void *b)
{
    const struct lambda_repeat *left = a;
    const struct lambda_repeat *right = b;

    if (left->effect != right->effect)
        return left->effect < right->effect ? -1 : 1;
    if (left->applied != right->applied)
        return left->applied < right->applied ? -1 : 1;
    return left->first < right->first ? -1 : left->first > right->first;
}

uint32_t lambda_table_repeats(const struct lambda_table *table,
                              struct lambda_repeat *list, uint32_t max)
{
    uint32_t count = 0;

    for (uint32_t e = 0; e < table->effect_count; e++)
        for (uint32_t r = 0; r < table->count; r++)
            if (table->rows[r].applied[e] > table->effects[e].applied)
                note_repeat(table, e, r, list, &count, max);
    qsort(list, count, sizeof(*list), by_place);
    return count;
}

static void put_way(const struct lambda_table_row *row,
                    struct report_buffer *out)
{
    static const struct {
        const char *fault;
        const char *one;
        const char *many;
    } ways[] = {{"crash", "when killed", NULL},
                {"timeout", "when out of time", NULL},
                {"lost-request", "when one call is lost", "lost calls"},
                {"lost-reply", "when the answer is lost", NULL},
                {"throttle", "under one throttle", "throttles"},
                {"server-error", "under one server error", "server errors"},
                {"stale-token", "when the token is stale", NULL},
                {"duplicate", "when invoked twice", NULL},
                {"stop", "when stopped", NULL}};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].fault, row->fault) != 0)
            continue;
        if (row->times > 1 && ways[i].many)
            report_buffer_print(out, "under %" PRIu64 " %s", row->times,
                                ways[i].many);
        else
            report_buffer_put(out, ways[i].one);
        if (row->detail[0] && !ways[i].many)
            report_buffer_print(out, " (%s)", row->detail);
        return;
    }
    report_buffer_put(out, "with ");
    lambda_table_fault(row, out);
}

static bool same_places(const struct lambda_table *table,
                        const struct lambda_repeat *a,
                        const struct lambda_repeat *b)
{
    uint32_t i = a->first;
    uint32_t j = b->first;

    if (a->effect != b->effect || a->applied != b->applied ||
        a->rows != b->rows)
        return false;
    while (i != UINT32_MAX && j != UINT32_MAX &&
           strcmp(table->rows[i].at, table->rows[j].at) == 0) {
        i = lambda_repeat_row(table, a, i + 1);
        j = lambda_repeat_row(table, b, j + 1);
    }
    return i == UINT32_MAX && j == UINT32_MAX;
}

bool lambda_repeat_told(const struct lambda_table *table,
                        const struct lambda_repeat *list, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (same_places(table, &list[i], &list[index]))
            return true;
    return false;
}

void lambda_repeat_write(const struct lambda_table *table,
                         const struct lambda_repeat *list, uint32_t count,
                         uint32_t index, struct report_buffer *out)
{
    report_buffer_print(out, "%" PRIu64 "x ", list[index].applied);
    for (uint32_t i = index; i < count; i++) {
        if (!same_places(table, &list[i], &list[index]))
            continue;
        report_buffer_put(out, i > index ? ", " : "");
        put_way(&table->rows[list[i].first], out);
    }
}
