#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/defects.h"
#include "reports/check.h"
#include "scenarios/command.h"
#include "scenarios/interrupt.h"
#include "scenarios/matrix.h"
#include "scenarios/names.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"

enum {
    SEEDS = 200, /* most in each swarm */
    JOBS_MOST = 256,
    NAME_COLUMNS = 24,
    CELL_COLUMNS = 20,
    SHOWN = 3 /* properties in a cell */
};

/* Where defects are tried beside their own scenarios. */
static const struct {
    enum matrix_kind kind;
    const char *path;
} places[] = {
    {MATRIX_SWARM, "scenarios/swarm.json"},
    {MATRIX_SWARM, "scenarios/swarm-on-disk.json"},
    {MATRIX_SWARM, "scenarios/handler-swarm.json"},
    {MATRIX_CRASH, "scenarios/small/one-order.json"},
    {MATRIX_CRASH, "scenarios/small/one-handler.json"},
};

enum {
    PLACES = sizeof(places) / sizeof(*places)
};

_Static_assert((int)PLACES < (int)MATRIX_COLUMNS_MAX,
               "a column for each place");

struct arguments {
    bool json;
    bool matrix;
    bool own;
    uint64_t seeds;
    uint64_t jobs;
    struct option_texts names;
    const char *out;
};

struct matrix_inputs {
    uint32_t defects[ENGINE_DEFECT_COUNT];
    struct scenario *owns[ENGINE_DEFECT_COUNT];
    struct scenario *others[PLACES];
    struct matrix_row rows[ENGINE_DEFECT_COUNT];
    struct matrix_config config;
};

static const struct option options[] = {
    OPT_FLAG("--json", json, "As JSON on stdout."),
    OPT_FLAG("--matrix", matrix,
             "Let each loose: in its own scenario, where the property it names "
             "must fail and nothing may fail without it; in swarms; and in "
             "crash sweeps. Exit 3: a defect that its property did not see. "
             "It reads the scenarios of perdure's own folder."),
    OPT_FLAG("--own", own, "With --matrix: only in its own scenario."),
    OPT_NUMBER("--seeds", seeds, 1, UINT32_MAX,
               "With --matrix: up to so many of each swarm (default 200)."),
    OPT_NUMBER("--jobs", jobs, 1, JOBS_MOST,
               "With --matrix: processes (default: one for each core)."),
    OPT_NAMES("--defect", names, "NAME", names_defect,
              "With --matrix: only this one; may be repeated."),
    OPT_OUT(out, "DIR", "With --matrix: keep matrix.json and matrix.txt."),
    {.name = NULL}};

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
    *a = (struct arguments){.seeds = SEEDS};
    if (options_read(argc, argv, &command_defects, a, NULL) < 0)
        return false;
    const char *given = a->own              ? "--own"
                        : a->out            ? "--out"
                        : a->names.count    ? "--defect"
                        : a->jobs           ? "--jobs"
                        : a->seeds != SEEDS ? "--seeds"
                                            : NULL;
    if (a->matrix || !given)
        return true;
    fprintf(stderr,
            "perdure defects: found %s without --matrix, allowed with it; see "
            "perdure defects --help\n",
            given);
    return false;
}

/* The list ---------------------------------------------------------------- */

static int list(bool json)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_buffer_put(&out, json ? "[\n" : "");
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++) {
        const struct fault_defect *defect = fault_defect_at(i);
        if (!json) {
            report_buffer_print(&out, "%-20s %-4s %s\n%26s%s\n%26s%s\n",
                                defect->name, defect->property, defect->breaks,
                                "", defect->scenario, "", defect->origin);
            continue;
        }
        report_buffer_put(&out, i ? ",\n  {\n" : "  {\n");
        output_member(&out, "breaks", defect->breaks, ",\n");
        output_member(&out, "name", defect->name, ",\n");
        output_member(&out, "origin", defect->origin, ",\n");
        output_member(&out, "property", defect->property, ",\n");
        output_member(&out, "scenario", defect->scenario, "\n  }");
    }
    report_buffer_put(&out, json ? "\n]\n" : "");
    return output_print(&out, EXIT_HELD);
}

/* The matrix ---------------------------------------------------------------
 */

static bool chosen(const struct arguments *a, const char *name)
{
    bool any = a->names.count == 0;
    for (uint32_t i = 0; i < a->names.count; i++)
        any |= strcmp(a->names.texts[i], name) == 0;
    return any;
}

static struct scenario *read_or_say(const char *path)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    if (!scenario)
        fprintf(stderr,
                "%s\nperdure defects: the matrix reads the scenarios of "
                "perdure's own folder; run it there\n",
                error.text);
    return scenario;
}

static bool read_inputs(const struct arguments *a, struct matrix_inputs *in)
{
    struct matrix_config *config = &in->config;
    *config = (struct matrix_config){
        .defects = in->defects,
        .owns = (const struct scenario *const *)in->owns,
        .columns = {{MATRIX_OWN, NULL}},
        .column_count = 1,
        .seeds = a->seeds,
        .jobs = (uint32_t)a->jobs,
        .interrupted = interrupt_flag(),
    };
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++) {
        const struct fault_defect *defect = fault_defect_at(i);
        if (!chosen(a, defect->name))
            continue;
        in->defects[config->defect_count] = i;
        in->owns[config->defect_count] = read_or_say(defect->scenario);
        if (!in->owns[config->defect_count++])
            return false;
    }
    for (uint32_t i = 0; !a->own && i < PLACES; i++) {
        in->others[i] = read_or_say(places[i].path);
        if (!in->others[i])
            return false;
        config->columns[config->column_count++] =
            (struct matrix_column){places[i].kind, in->others[i]};
    }
    return true;
}

static void free_inputs(struct matrix_inputs *in)
{
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++)
        scenario_free(in->owns[i]);
    for (uint32_t i = 0; i < PLACES; i++)
        scenario_free(in->others[i]);
    free(in);
}

static void put_properties(struct report_buffer *out,
                           const struct matrix_cell *cell, const char *format)
{
    for (uint32_t i = 0; check_all[i]; i++)
        if (cell->failed >> i & 1) {
            /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
            report_buffer_print(out, format, check_all[i]->id);
        }
}

/* As many as a column has room for. */
static void put_some(struct report_buffer *out, const struct matrix_cell *cell)
{
    uint32_t count = 0;
    for (uint32_t i = 0; check_all[i]; i++)
        if (cell->failed >> i & 1 && ++count <= SHOWN)
            report_buffer_print(out, " %s", check_all[i]->id);
    if (count > SHOWN)
        report_buffer_print(out, " +%u", count - SHOWN);
}

static void put_cell(struct report_buffer *out, enum matrix_kind kind,
                     const struct matrix_cell *cell)
{
    struct report_buffer text;
    report_buffer_init(&text);
    if (!cell->seeds)
        report_buffer_put(&text, cell->hung     ? "(hung)"
                                 : cell->missed ? "(unmet)"
                                                : "-");
    else if (kind == MATRIX_CRASH)
        report_buffer_print(&text, "%" PRIu64 "/%" PRIu64, cell->kills,
                            cell->tried);
    else
        report_buffer_print(&text, "%" PRIu64, cell->seeds);
    if (cell->seeds) {
        put_some(&text, cell);
        report_buffer_put(&text, cell->died ? " died" : "");
    }
    report_buffer_print(out, " %-*s", CELL_COLUMNS,
                        report_buffer_ok(&text) ? text.text : "?");
    report_buffer_free(&text);
}

static const char *column_name(const struct matrix_column *column)
{
    return column->scenario ? column->scenario->name : "own scenario";
}

/* What is wrong with a row, if something is. */
static bool holds(const struct matrix_row *row)
{
    return row->named && row->clean;
}

static void put_totals(struct report_buffer *out,
                       const struct matrix_inputs *in)
{
    const struct matrix_config *config = &in->config;
    for (uint32_t c = 0; c < config->column_count; c++) {
        uint32_t killed;
        uint64_t median =
            matrix_median_milli(in->rows, config->defect_count, c, &killed);
        report_buffer_print(out, "%-24s killed %u of %u",
                            column_name(&config->columns[c]), killed,
                            config->defect_count);
        uint32_t hung = 0;
        for (uint32_t i = 0; i < config->defect_count; i++)
            hung += in->rows[i].cells[c].hung;
        if (hung)
            report_buffer_print(out, ", %u given up", hung);
        if (killed && config->columns[c].kind != MATRIX_CRASH)
            report_buffer_print(out, ", after %.1f seeds at the median",
                                (double)median / 1000);
        report_buffer_put(out, "\n");
    }
}

/* How many defects each property sees in their own scenarios. */
static void put_by_property(struct report_buffer *out,
                            const struct matrix_inputs *in)
{
    report_buffer_put(out, "\nProperty  must see  sees in all\n");
    for (uint32_t i = 0; check_all[i]; i++) {
        uint32_t named = 0;
        uint32_t seen = 0;
        for (uint32_t row = 0; row < in->config.defect_count; row++) {
            uint64_t failed = 0;
            for (uint32_t c = 0; c < in->config.column_count; c++)
                failed |= in->rows[row].cells[c].failed;
            named += in->rows[row].property == i;
            seen += failed >> i & 1;
        }
        report_buffer_print(out, "  %-4s %10u %12u   %s\n", check_all[i]->id,
                            named, seen, check_all[i]->name);
    }
}

static void write_text(struct report_buffer *out,
                       const struct matrix_inputs *in)
{
    const struct matrix_config *config = &in->config;
    report_buffer_print(out, "%-*s %-4s", NAME_COLUMNS, "Defect", "must");
    for (uint32_t c = 0; c < config->column_count; c++)
        report_buffer_print(out, " %-*s", CELL_COLUMNS,
                            column_name(&config->columns[c]));
    report_buffer_put(out, "\n");
    for (uint32_t i = 0; i < config->defect_count; i++) {
        const struct matrix_row *row = &in->rows[i];
        const struct fault_defect *defect = fault_defect_at(row->defect);
        report_buffer_print(out, "%-*s %-4s", NAME_COLUMNS, defect->name,
                            defect->property);
        for (uint32_t c = 0; c < config->column_count; c++)
            put_cell(out, config->columns[c].kind, &row->cells[c]);
        report_buffer_put(out, "\n");
    }
    report_buffer_put(out, "\n");
    put_totals(out, in);
    put_by_property(out, in);
    for (uint32_t i = 0; i < config->defect_count; i++)
        if (!holds(&in->rows[i]))
            report_buffer_print(out, "HOLE  %s: %s; %s\n",
                                fault_defect_at(in->rows[i].defect)->name,
                                in->rows[i].clean
                                    ? "its property did not see it"
                                    : "its scenario does not hold",
                                in->rows[i].trouble);
}

static void write_cell_json(struct report_buffer *out,
                            const struct matrix_column *column,
                            const struct matrix_cell *cell)
{
    struct report_buffer ids;
    report_buffer_init(&ids);
    put_properties(&ids, cell, "\"%s\", ");
    int length = ids.size > 2 ? (int)ids.size - 2 : 0;
    report_buffer_print(out,
                        "{\"died\": %s, \"failed\": [%.*s], \"hung\": %s, "
                        "\"kills\": %" PRIu64 ", \"scenario\": ",
                        cell->died ? "true" : "false", length,
                        length ? ids.text : "", cell->hung ? "true" : "false",
                        cell->kills);
    report_buffer_json(out, column_name(column), strlen(column_name(column)));
    report_buffer_print(out,
                        ", \"seeds\": %" PRIu64 ", \"tried\": %" PRIu64 "}",
                        cell->seeds, cell->tried);
    report_buffer_free(&ids);
}

static void write_json(struct report_buffer *out,
                       const struct matrix_inputs *in)
{
    const struct matrix_config *config = &in->config;
    report_buffer_put(out, "{\n\"defects\": [");
    for (uint32_t i = 0; i < config->defect_count; i++) {
        const struct matrix_row *row = &in->rows[i];
        const struct fault_defect *defect = fault_defect_at(row->defect);
        report_buffer_print(out, "%s\n  {\n    \"cells\": [", i ? "," : "");
        for (uint32_t c = 0; c < config->column_count; c++) {
            report_buffer_put(out, c ? ",\n      " : "\n      ");
            write_cell_json(out, &config->columns[c], &row->cells[c]);
        }
        report_buffer_print(out, "\n    ],\n    \"clean\": %s,\n",
                            row->clean ? "true" : "false");
        output_member(out, "name", defect->name, ",\n");
        report_buffer_print(out, "    \"named\": %s,\n",
                            row->named ? "true" : "false");
        output_member(out, "property", defect->property, "\n  }");
    }
    report_buffer_put(out,
                      "\n],\n\"schema\": \"perdure.defect-matrix/1\"\n}\n");
}

static int conclude(const struct arguments *a, const struct matrix_inputs *in)
{
    struct report_buffer text;
    struct report_buffer json;
    int code = EXIT_HELD;
    report_buffer_init(&text);
    report_buffer_init(&json);
    write_text(&text, in);
    write_json(&json, in);
    for (uint32_t i = 0; i < in->config.defect_count; i++)
        if (!holds(&in->rows[i]))
            code = EXIT_PROPERTY;
    if (a->out && (!output_write(a->out, "matrix.json", &json) ||
                   !output_write(a->out, "matrix.txt", &text)))
        code = EXIT_ENVIRONMENT;
    code = output_print(a->json ? &json : &text, code);
    report_buffer_free(a->json ? &text : &json);
    return code;
}

static int run_matrix(const struct arguments *a, struct matrix_inputs *in)
{
    char message[512];
    if (a->out && output_directory(a->out) != EXIT_HELD)
        return EXIT_ENVIRONMENT;
    if (!read_inputs(a, in))
        return EXIT_USAGE;
    struct progress_line line;
    in->config.progress = progress_line_tell;
    in->config.progress_self = &line;
    interrupt_catch();
    progress_line_start(&line, "defects", NULL);
    int error = matrix_run(&in->config, in->rows, message, sizeof(message));
    progress_line_end(&line);
    if (error == MATRIX_EINTERRUPTED)
        return EXIT_INTERRUPTED;
    if (error) {
        fprintf(stderr, "perdure defects: %s\n", message);
        return error == MATRIX_EWORLD ? EXIT_INTERNAL : EXIT_ENVIRONMENT;
    }
    return conclude(a, in);
}

static int run(int argc, char **argv)
{
    struct arguments arguments;
    if (!read_arguments(argc, argv, &arguments))
        return EXIT_USAGE;
    if (!arguments.matrix)
        return list(arguments.json);
    struct matrix_inputs *in = calloc(1, sizeof(*in));
    if (!in) {
        fprintf(stderr, "perdure defects: out of memory\n");
        return EXIT_INTERNAL;
    }
    int code = run_matrix(&arguments, in);
    free_inputs(in);
    return code;
}

const struct command command_defects = {
    .name = "defects",
    .group = COMMAND_LOOK_UP,
    .synopsis = "[--json]\n--matrix [OPTIONS]",
    .summary = "seeded defects, and which property sees each",
    .about = "Seeded defects: what each breaks, which property sees it, and in "
             "which scenario.",
    .options = options,
    .run = run};
