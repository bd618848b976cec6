/*
 * `lambda sweep`: struck at each boundary with each fault that fits.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/command.h"
#include "scenarios/command_lambda.h"
#include "scenarios/gate_read.h"
#include "scenarios/interrupt.h"
#include "scenarios/lambda/table.h"
#include "scenarios/output.h"
#include "scenarios/progress_line.h"

/* A dollar for each operation is more than anybody asks. */
#define PRICE_MAX_MICRO UINT64_C(1000000000000)

struct sweeping {
    struct progress_line line;
    struct lambda_table *table;
    uint32_t failed;
    bool stopped;
};

static bool take_row(void *self, const struct lambda_row *row)
{
    struct sweeping *sweeping = self;

    sweeping->failed += row->verdict == CHECK_FAIL;
    sweeping->stopped = *interrupt_flag() != 0;
    return lambda_table_add(sweeping->table, row) == 0 && !sweeping->stopped;
}

static void tell_progress(void *self, uint32_t done, uint32_t total)
{
    struct sweeping *sweeping = self;
    const struct progress_now now = {.unit = "trials",
                                     .done = done,
                                     .total = total,
                                     .bad = "failed",
                                     .failed = sweeping->failed};

    progress_line_tell(&sweeping->line, &now);
}

static bool refuse_fault(const char *name)
{
    struct report_buffer out = {0};

    report_buffer_print(&out, "found --fault \"%.60s\", allowed", name);
    for (unsigned i = 1; i < LAMBDA_FAULT_COUNT; i++)
        report_buffer_print(&out, "%s %s", i == 1 ? "" : ",",
                            lambda_fault_name((enum lambda_fault)i));
    command_lambda_refuse("%s", out.text ? out.text : name);
    report_buffer_free(&out);
    return false;
}

static bool choose_faults(const struct arguments *a,
                          struct lambda_sweep_config *config)
{
    for (unsigned i = 1; i < LAMBDA_FAULT_COUNT; i++)
        config->faults[i] = a->faults.count == 0;
    for (uint32_t i = 0; i < a->faults.count; i++) {
        enum lambda_fault fault = lambda_fault_find(a->faults.texts[i]);
        if (fault == LAMBDA_FAULT_COUNT)
            return refuse_fault(a->faults.texts[i]);
        config->faults[fault] = true;
    }
    return true;
}

/* As a shell takes it. */
static void put_text(struct report_buffer *out, const char *name,
                     const char *text)
{
    bool plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
                              "VWXYZ0123456789-_./=:@,+") == strlen(text);

    report_buffer_print(out, "%s ", name);
    if (!plain)
        report_buffer_put(out, "'");
    for (; *text; text++)
        if (!plain && *text == '\'')
            report_buffer_put(out, "'\\''");
        else
            report_buffer_print(out, "%c", *text);
    if (!plain)
        report_buffer_put(out, "'");
}

/* The command that tries one row again, without what names the row. */
static void write_again(const struct arguments *a, struct report_buffer *out)
{
    const struct option_texts *lists[] = {
        &a->callbacks, &a->invokes, &a->plain,       &a->once,
        &a->effects,   &a->answers, &a->effect_lines};
    static const char *const names[] = {
        " --callback", " --invoke", " --plain",      " --once",
        " --effects",  " --answer", " --effect-line"};

    put_text(out, "perdure lambda sweep", a->rest[1]);
    if (a->event)
        put_text(out, " --event", a->event);
    if (a->functions)
        put_text(out, " --functions", a->functions);
    for (unsigned l = 0; l < sizeof(lists) / sizeof(*lists); l++)
        for (uint32_t i = 0; i < lists[l]->count; i++)
            put_text(out, names[l], lists[l]->texts[i]);
    if (a->seed.given)
        report_buffer_print(out, " --seed %" PRIu64, a->seed.value);
    if (a->timeout_ns != COMMAND_LAMBDA_TIMEOUT_NS)
        report_buffer_print(out, " --timeout %" PRIu64 "ms",
                            a->timeout_ns / 1000000);
    if (strcmp(a->limits, "aws") != 0)
        put_text(out, " --limits", a->limits);
    if (a->page)
        report_buffer_print(out, " --page %" PRIu64, a->page);
    if (a->functions)
        put_text(out, " --functions", a->functions);
    if (a->forward)
        report_buffer_put(out, " --effects-forward");
    if (a->network == 1)
        report_buffer_put(out, " --network allow");
    if (a->invocations)
        report_buffer_print(out, " --invocations %" PRIu64, a->invocations);
    if (a->runtime)
        put_text(out, " --runtime", a->runtime);
    if (a->node)
        put_text(out, " --node", a->node);
    if (a->memory)
        report_buffer_print(out, " --memory %" PRIu64, a->memory);
    if (a->may_fail)
        report_buffer_put(out, " --may-fail");
    if (a->crash_mode == 1)
        report_buffer_put(out, " --crash-mode abandon");
}

/* The command that does all of it again: what was chosen goes behind. */
static void write_command(const struct arguments *a, const char *again,
                          struct report_buffer *out)
{
    report_buffer_put(out, again);
    for (uint32_t i = 0; i < a->faults.count; i++)
        put_text(out, " --fault", a->faults.texts[i]);
    if (a->only)
        put_text(out, " --only", a->only);
    if (a->times)
        report_buffer_print(out, " --times %" PRIu64, a->times);
    if (a->price)
        put_text(out, " --price", a->price);
}

/* In millionths of a dollar; false: said on stderr. */
static bool read_price(const struct arguments *a, uint64_t *micro)
{
    char text[32];

    *micro = 0;
    if (!a->price)
        return true;
    snprintf(text, sizeof(text), "%s%s", a->price[0] == '$' ? "" : "$",
             a->price);
    return (strlen(a->price) < sizeof(text) - 2 &&
            gate_read_price(text, micro) && *micro > 0 &&
            *micro <= PRICE_MAX_MICRO) ||
           command_lambda_refuse(
               "found --price \"%.40s\", allowed dollars of a "
               "million operations, as 8 or 0.25, to 1000000",
               a->price);
}

static struct lambda_table *new_table(const struct arguments *a)
{
    struct report_buffer again = {0};
    struct report_buffer command = {0};
    struct lambda_table *table = NULL;

    write_again(a, &again);
    if (report_buffer_ok(&again))
        write_command(a, again.text, &command);
    if (report_buffer_ok(&again) && report_buffer_ok(&command))
        table = lambda_table_new(command.text, again.text, a->rest[1]);
    report_buffer_free(&again);
    report_buffer_free(&command);
    return table;
}

/* lambda.json and the page. */
static bool write_files(const char *directory, const struct lambda_table *table)
{
    struct report_buffer json = {0};
    struct report_buffer page = {0};

    lambda_table_json(table, &json);
    lambda_table_html(table, &page);
    bool good = output_directory(directory) == EXIT_HELD &&
                output_write(directory, "lambda.json", &json) &&
                output_write(directory, "index.html", &page);
    report_buffer_free(&json);
    report_buffer_free(&page);
    return good;
}

static int code_of(const struct lambda_table *table)
{
    if (table->verdict == CHECK_FAIL)
        return EXIT_PROPERTY;
    return table->verdict == CHECK_INCONCLUSIVE ? EXIT_INCONCLUSIVE : EXIT_HELD;
}

static int say_table(const struct arguments *a,
                     const struct lambda_table *table)
{
    struct report_buffer out = {0};
    int code = code_of(table);

    if (a->out && !write_files(a->out, table))
        code = EXIT_ENVIRONMENT;
    if (a->json)
        lambda_table_json(table, &out);
    else
        lambda_table_text(table, &out);
    return output_print(&out, code);
}

int command_lambda_sweep(struct lambda_setting *s)
{
    const struct arguments *a = s->a;
    struct lambda_sweep_config config = {
        .once = a->once.texts,
        .once_count = a->once.count,
        .only = a->only,
        .times = (uint32_t)a->times,
        .also = a->also,
        .pairs = (uint32_t)a->pairs,
        .seed = a->seed.value,
        .may_fail = a->may_fail,
        .row = take_row,
        .progress = tell_progress,
    };
    struct sweeping sweeping = {.failed = 0};
    struct lambda_sweep sweep;
    int code = EXIT_INTERNAL;
    uint64_t price;

    if (a->replay)
        return command_lambda_replay(s);
    if (!choose_faults(a, &config) || !read_price(a, &price))
        return EXIT_USAGE;
    config.limits = &s->profile.limits;
    config.bench = command_lambda_bench(s);
    if (!config.bench)
        return EXIT_ENVIRONMENT;
    config.self = &sweeping;
    sweeping.table = new_table(a);
    if (sweeping.table)
        sweeping.table->price_micro = price;
    progress_line_start(&sweeping.line, "lambda", NULL);
    int result = sweeping.table ? lambda_sweep_run(&config, &sweep) : -1;
    progress_line_end(&sweeping.line);
    if (result == 0 && a->also && sweep.trials == 0)
        command_lambda_refuse("found --also \"%.200s\", allowed FAULT[*SIZE] "
                              "BOUNDARY as in the table, where that fault "
                              "can strike",
                              a->also);
    if (result == 0 && lambda_table_finish(sweeping.table, &sweep, &config,
                                           !sweeping.stopped) == 0)
        code = say_table(a, sweeping.table);
    if (sweeping.table)
        lambda_sweep_free(&sweep);
    lambda_table_free(sweeping.table);
    lambda_bench_close(config.bench);
    return sweeping.stopped ? EXIT_INTERRUPTED : code;
}
