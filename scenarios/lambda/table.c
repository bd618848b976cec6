#include "scenarios/lambda/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/format.h"

enum {
    RESULT_SHOWN = 200,
    FAILURES_SHOWN = 20
};

struct lambda_table {
    char *again;
    struct lambda_row *rows;
    uint32_t count;
    uint32_t capacity;
};

struct lambda_table *lambda_table_new(const char *again)
{
    struct lambda_table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->again = strdup(again);
    if (table->again)
        return table;
    free(table);
    return NULL;
}

void lambda_table_free(struct lambda_table *table)
{
    if (!table)
        return;
    free(table->again);
    free(table->rows);
    free(table);
}

int lambda_table_add(struct lambda_table *table, const struct lambda_row *row)
{
    if (table->count == table->capacity) {
        uint32_t capacity = table->capacity ? 2 * table->capacity : 128;
        struct lambda_row *rows =
            realloc(table->rows, capacity * sizeof(*rows));
        if (!rows)
            return -1;
        table->rows = rows;
        table->capacity = capacity;
    }
    table->rows[table->count++] = *row;
    return 0;
}

/* Words ------------------------------------------------------------------- */

static const char *end_name(const struct lambda_outcome *outcome)
{
    static const char *const names[] = {"", "STUCK", "HUNG", "DOES NOT START",
                                        "BROKEN"};

    return outcome->end == LAMBDA_ENDED ? outcome->status : names[outcome->end];
}

static bool repeats(const struct lambda_row *row)
{
    return row->fault == LAMBDA_FAULT_THROTTLE ||
           row->fault == LAMBDA_FAULT_SERVER_ERROR;
}

static void put_fault(const struct lambda_row *row, struct report_buffer *out)
{
    report_buffer_put(out, lambda_fault_name(row->fault));
    if (repeats(row))
        report_buffer_print(out, " x%u", row->times);
}

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

static void put_again(const struct lambda_table *table,
                      const struct lambda_row *row, struct report_buffer *out)
{
    char label[LAMBDA_LABEL_SIZE];

    report_buffer_print(out, "%s --fault %s --only ", table->again,
                        lambda_fault_name(row->fault));
    put_quoted(lambda_point_write(&row->at, label), out);
    if (repeats(row))
        report_buffer_print(out, " --times %u", row->times);
}

/* Text -------------------------------------------------------------------- */

static void put_effects(const struct lambda_outcome *outcome,
                        struct report_buffer *out)
{
    for (uint32_t i = 0; i < outcome->effect_count; i++) {
        report_buffer_put(out, i ? ", " : "  effects: ");
        (void)report_buffer_plain(out, outcome->effects[i].name, 60);
        report_buffer_print(out, " %ux", outcome->effects[i].applied);
    }
    if (outcome->effect_count)
        report_buffer_put(out, "\n");
}

void lambda_table_run(const struct lambda_outcome *outcome,
                      const struct lambda_plan *plan, struct report_buffer *out)
{
    struct report_word word;

    report_buffer_print(out, "%s", end_name(outcome));
    report_buffer_print(out,
                        "  %u invocations, %u operations, %u boundaries, %s "
                        "of virtual time\n",
                        outcome->invocations, outcome->operations,
                        plan->point_count,
                        report_format_ns(&word, outcome->virtual_ns));
    put_effects(outcome, out);
    report_buffer_put(out, "  ");
    (void)report_buffer_plain(out, outcome->result ? outcome->result : "",
                              RESULT_SHOWN);
    report_buffer_put(out, "\n");
}

static void put_failures(const struct lambda_table *table,
                         struct report_buffer *out)
{
    uint32_t shown = 0;
    uint32_t left = 0;
    char label[LAMBDA_LABEL_SIZE];

    for (uint32_t i = 0; i < table->count; i++) {
        const struct lambda_row *row = &table->rows[i];
        if (row->verdict == CHECK_PASS)
            continue;
        if (shown == FAILURES_SHOWN) {
            left++;
            continue;
        }
        shown++;
        report_buffer_print(out, "%s ",
                            row->verdict == CHECK_FAIL ? "  FAIL " : "  open ");
        put_fault(row, out);
        report_buffer_put(out, " ");
        (void)report_buffer_plain(out, lambda_point_write(&row->at, label),
                                  LAMBDA_LABEL_SIZE);
        report_buffer_put(out, ": ");
        (void)report_buffer_plain(out, row->why, LAMBDA_WHY_SIZE);
        report_buffer_put(out, "\n         again: ");
        put_again(table, row, out);
        report_buffer_put(out, "\n");
    }
    if (left)
        report_buffer_print(out, "  and %u more: --json has all\n", left);
}

struct tally {
    uint32_t trials;
    uint32_t held;
    uint32_t repeated; /* held, with an effect applied again */
};

static void put_tallies(const struct lambda_table *table,
                        struct report_buffer *out)
{
    struct tally tallies[LAMBDA_FAULT_COUNT] = {{0}};

    for (uint32_t i = 0; i < table->count; i++) {
        const struct lambda_row *row = &table->rows[i];
        tallies[row->fault].trials++;
        tallies[row->fault].held += row->verdict == CHECK_PASS;
        tallies[row->fault].repeated +=
            row->verdict == CHECK_PASS && row->why[0];
    }
    report_buffer_print(out, "  %-13s %7s %6s %s\n", "fault", "trials", "held",
                        "with effects again");
    for (unsigned f = 1; f < LAMBDA_FAULT_COUNT; f++)
        if (tallies[f].trials)
            report_buffer_print(out, "  %-13s %7u %6u %u\n",
                                lambda_fault_name((enum lambda_fault)f),
                                tallies[f].trials, tallies[f].held,
                                tallies[f].repeated);
}

void lambda_table_text(const struct lambda_table *table,
                       const struct lambda_sweep *sweep,
                       struct report_buffer *out)
{
    if (sweep->golden.end != LAMBDA_ENDED) {
        report_buffer_put(out, "FAIL  the run that was not struck does not "
                               "end:\n");
        lambda_table_run(&sweep->golden, &sweep->plan, out);
        return;
    }
    report_buffer_print(
        out,
        "%s  %u boundaries, %u trials: %u held, %u failed, %u never came "
        "there.\n",
        sweep->failed                     ? "FAIL"
        : sweep->missed || !sweep->trials ? "INCONCLUSIVE"
                                          : "PASS",
        sweep->plan.point_count, sweep->trials, sweep->held, sweep->failed,
        sweep->missed);
    report_buffer_put(out, "Undisturbed: ");
    lambda_table_run(&sweep->golden, &sweep->plan, out);
    put_tallies(table, out);
    put_failures(table, out);
}

/* JSON -------------------------------------------------------------------- */

static void put_json(struct report_buffer *out, const char *name,
                     const char *text)
{
    report_buffer_print(out, "\"%s\": ", name);
    report_buffer_json(out, text, strlen(text));
}

static void put_outcome(const struct lambda_outcome *outcome,
                        const char *indent, struct report_buffer *out)
{
    report_buffer_print(out, "%s\"effects\": {", indent);
    for (uint32_t i = 0; i < outcome->effect_count; i++) {
        report_buffer_put(out, i ? ", " : "");
        report_buffer_json(out, outcome->effects[i].name,
                           strlen(outcome->effects[i].name));
        report_buffer_print(out, ": {\"applied\": %u, \"asked\": %u}",
                            outcome->effects[i].applied,
                            outcome->effects[i].asked);
    }
    report_buffer_print(out, "},\n%s\"invocations\": %u,\n%s\"operations\": %u",
                        indent, outcome->invocations, indent,
                        outcome->operations);
    report_buffer_print(out, ",\n%s", indent);
    put_json(out, "result", outcome->result ? outcome->result : "");
    report_buffer_print(out, ",\n%s", indent);
    put_json(out, "status", end_name(outcome));
    report_buffer_print(out, ",\n%s\"virtual_ns\": %" PRIu64, indent,
                        outcome->virtual_ns);
}

static void put_row(const struct lambda_table *table,
                    const struct lambda_row *row, struct report_buffer *out)
{
    char label[LAMBDA_LABEL_SIZE];
    struct report_buffer again = {0};

    put_again(table, row, &again);
    report_buffer_put(out, "        {");
    put_json(out, "again", again.text ? again.text : "");
    report_buffer_put(out, ", ");
    put_json(out, "at", lambda_point_write(&row->at, label));
    report_buffer_put(out, ", ");
    put_json(out, "fault", lambda_fault_name(row->fault));
    report_buffer_print(out, ", \"invocations\": %u, ", row->invocations);
    put_json(out, "status", row->status);
    report_buffer_print(out, ", \"struck\": %u, \"times\": %u, ", row->struck,
                        row->times);
    put_json(out, "verdict", check_verdict_name(row->verdict));
    report_buffer_put(out, ", ");
    put_json(out, "why", row->why);
    report_buffer_put(out, "}");
    report_buffer_free(&again);
}

void lambda_table_json(const struct lambda_table *table,
                       const struct lambda_sweep *sweep,
                       struct report_buffer *out)
{
    report_buffer_print(out,
                        "{\n    \"boundaries\": %u,\n    \"failed\": %u,\n",
                        sweep->plan.point_count, sweep->failed);
    report_buffer_print(out, "    \"held\": %u,\n    \"missed\": %u,\n",
                        sweep->held, sweep->missed);
    report_buffer_put(out, "    \"rows\": [\n");
    for (uint32_t i = 0; i < table->count; i++) {
        put_row(table, &table->rows[i], out);
        report_buffer_put(out, i + 1 < table->count ? ",\n" : "\n");
    }
    report_buffer_print(out,
                        "    ],\n    \"schema\": "
                        "\"perdure.lambda-sweep/1\",\n    \"trials\": %u,\n"
                        "    \"undisturbed\": {\n",
                        sweep->trials);
    put_outcome(&sweep->golden, "        ", out);
    report_buffer_put(out, "\n    }\n}\n");
}

void lambda_table_run_json(const struct lambda_outcome *outcome,
                           const struct lambda_plan *plan,
                           struct report_buffer *out)
{
    char label[LAMBDA_LABEL_SIZE];

    report_buffer_put(out, "{\n    \"boundaries\": [");
    for (uint32_t i = 0; i < plan->point_count; i++) {
        report_buffer_put(out, i ? ", " : "");
        lambda_point_write(&plan->points[i], label);
        report_buffer_json(out, label, strlen(label));
    }
    report_buffer_put(out, "],\n");
    put_outcome(outcome, "    ", out);
    report_buffer_put(out, ",\n    \"schema\": \"perdure.lambda-run/1\"\n}\n");
}
