/*
 * Side effects of a function in a process: tests/lambda/effects/handler.py asks
 * others for what its event says.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/lambda/programs.h"
#include "scenarios/lambda/sweep.h"

#define SECOND UINT64_C(1000000000)

struct bed {
    struct lambda_programs *set;
    struct lambda_effects *effects;
    struct lambda_bench *bench;
    struct lambda_plan plan;
    struct lambda_outcome outcome;
};

struct setting {
    const char *event;
    const char *effects[3];
    const char *answers[4];
    const char *lines[3];
    bool forwards;
    bool lets;
};

static struct option_texts texts_of(const char *const *list, uint32_t most)
{
    struct option_texts texts = {.count = 0};

    while (texts.count < most && list[texts.count]) {
        texts.texts[texts.count] = list[texts.count];
        texts.count++;
    }
    return texts;
}

static void read_effects(struct bed *bed, const struct setting *s)
{
    const struct option_texts effects = texts_of(s->effects, 3);
    const struct option_texts answers = texts_of(s->answers, 4);
    const struct option_texts lines = texts_of(s->lines, 3);
    const struct lambda_effects_texts texts = {.effects = &effects,
                                               .answers = &answers,
                                               .lines = &lines,
                                               .forwards = s->forwards,
                                               .lets = s->lets};

    bed->effects = calloc(1, sizeof(*bed->effects));
    cr_assert_not_null(bed->effects);
    cr_assert(lambda_effects_read(bed->effects, &texts));
}

static void open_bed(struct bed *bed, const struct setting *s)
{
    const struct lambda_function function = {.name = "function",
                                             .durable = true,
                                             .timeout_ns = 900 * SECOND,
                                             .execution_timeout_ns =
                                                 86400 * SECOND};
    char error[256];

    bed->set = calloc(1, sizeof(*bed->set));
    cr_assert_not_null(bed->set);
    cr_assert_eq(lambda_programs_add(
                     bed->set, "tests/lambda/effects/handler.py", &function, 0),
                 EXIT_HELD);
    read_effects(bed, s);
    const struct lambda_bench_config config = {.programs = bed->set->programs,
                                               .program_count = 1,
                                               .event = s->event,
                                               .event_size = strlen(s->event),
                                               .patience_ns = 60 * SECOND,
                                               .seed = 1,
                                               .effects = bed->effects,
                                               .quiet = true};
    bed->bench = lambda_bench_open(&config, error);
    cr_assert_not_null(bed->bench, "%s", error);
}

static void close_bed(struct bed *bed)
{
    lambda_outcome_free(&bed->outcome);
    lambda_plan_free(&bed->plan);
    lambda_bench_close(bed->bench);
    lambda_programs_free(bed->set);
    lambda_effects_free(bed->effects);
    free(bed->effects);
    free(bed->set);
}

/* Runs it once under the bed's plan: it must return that. */
static void expect(struct bed *bed, const struct setting *s, const char *result)
{
    open_bed(bed, s);
    bed->plan.recording = true;
    cr_assert_eq(lambda_trial(bed->bench, &bed->plan, &bed->outcome), 0);
    cr_expect_eq(bed->outcome.end, LAMBDA_ENDED, "%s", bed->outcome.trouble);
    cr_expect_str_eq(bed->outcome.result ? bed->outcome.result : "", result);
}

/* "charge 2/1 mail 1/1": asked and applied. */
static void expect_effects(const struct bed *bed, const char *expected)
{
    char text[512] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < bed->outcome.effect_count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %u/%u",
                                 i ? " " : "", bed->outcome.effects[i].name,
                                 bed->outcome.effects[i].asked,
                                 bed->outcome.effects[i].applied);
    cr_expect_str_eq(text, expected);
}

static void write_file(char path[32], const char *text)
{
    snprintf(path, 32, "/tmp/perdure-effect-XXXXXX");
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

Test(lambda_effects, requests_are_answered_in_place_of_those_who_are_asked)
{
    struct bed bed = {.set = NULL};

    expect(&bed,
           &(struct setting){
               .event = "[\"POST https://shop.example/charge\","
                        "\"POST http://shop.example:80/refund?a=b k\","
                        "\"POST http://shop.example/refund k\","
                        "\"DELETE https://bank.example:8443/x\"]",
               .effects = {"https://*:8443/*=bank", "*://shop.example/*=*"},
               .answers = {"refund=202", "bank=204"}},
           "[\"200 {}\", \"202 {}\", \"202 {}\", \"204 \"]");
    expect_effects(&bed, "charge 1/1 refund 2/1 bank 1/1");
    close_bed(&bed);
}

Test(lambda_effects, answers_come_one_after_the_other_and_the_last_stays)
{
    struct bed bed = {.set = NULL};
    char path[32];
    char answer[48];

    write_file(path, "ready");
    snprintf(answer, sizeof(answer), "look=%s", path);
    expect(&bed,
           &(struct setting){.event = "[\"GET http://a.example/look\","
                                      "\"GET http://a.example/look\","
                                      "\"GET http://a.example/look\","
                                      "\"GET http://a.example/seen\"]",
                             .effects = {"GET *=*", "http://a.example/*=*"},
                             .answers = {"look=404", answer}},
           "[\"404\", \"200 ready\", \"200 ready\", \"200 {}\"]");
    expect_effects(&bed, "look 3/3 seen 1/1");
    close_bed(&bed);
    unlink(path);
}

Test(lambda_effects, what_only_reads_is_no_effect)
{
    struct bed bed = {.set = NULL};

    expect(&bed,
           &(struct setting){.event = "[\"GET http://a.example/look\"]",
                             .effects = {"http://a.example/*"}},
           "[\"200 {}\"]");
    expect_effects(&bed, "");
    close_bed(&bed);
}

Test(lambda_effects, requests_that_nobody_declared_are_refused_once_said)
{
    struct bed bed = {.set = NULL};

    expect(&bed,
           &(struct setting){.event = "[\"POST https://a.example/b\","
                                      "\"POST https://a.example/b\"]",
                             .effects = {"http://a.example/*"}},
           "[\"403\", \"403\"]");
    expect_effects(&bed, "");
    cr_expect_eq(bed.effects->refused_count, 1);
    cr_expect_not_null(
        strstr(bed.effects->refused[0],
               "refused POST https://a.example/b: no --effects"));
    close_bed(&bed);
}

Test(lambda_effects, a_request_is_passed_on_and_so_is_its_answer)
{
    struct bed bed = {.set = NULL};

    expect(&bed,
           &(struct setting){.event = "[\"POST http://$SHOP/charge?a=b\","
                                      "\"POST http://127.0.0.1:1/charge\","
                                      "\"POST https://a.example/charge\"]",
                             .effects = {"*/charge"},
                             .forwards = true},
           "[\"201 /charge?a=b x\", \"502\", \"501\"]");
    expect_effects(&bed, "charge 1/1");
    close_bed(&bed);
}

Test(lambda_effects, what_is_no_effect_goes_its_way_if_it_is_let)
{
    struct bed bed = {.set = NULL};

    expect(&bed,
           &(struct setting){.event = "[\"POST http://$SHOP/charge\","
                                      "\"POST http://a.example/charge\"]",
                             .effects = {"http://a.example/*"},
                             .lets = true},
           "[\"201 /charge x\", \"200 {}\"]");
    expect_effects(&bed, "a.example 1/1");
    close_bed(&bed);
}

Test(lambda_effects, a_program_that_the_function_starts_is_seen)
{
    struct bed bed = {.set = NULL};

    expect(&bed,
           &(struct setting){.event = "[\"CHILD http://a.example/charge\","
                                      "\"CHILD http://$SHOP/refund\","
                                      "\"CHILD http://$SHOP/other\"]",
                             .effects = {"*/charge", "*/refund"},
                             .lets = true},
           "[\"{}\", \"{}\", \"/other x\"]");
    expect_effects(&bed, "charge 1/1 refund 1/1");
    close_bed(&bed);
}

Test(lambda_effects, lines_are_effects_with_a_boundary_after_them)
{
    struct bed bed = {.set = NULL};
    char label[LAMBDA_LABEL_SIZE];
    uint32_t found = 0;

    expect(&bed,
           &(struct setting){.event = "[\"LINE sent mail\", \"LINE nothing\","
                                      "\"LINE sent mail\"]",
                             .lines = {"mail=^sent (mail|letter)$"}},
           "[\"said\", \"said\", \"said\"]");
    expect_effects(&bed, "mail 2/2");
    for (uint32_t i = 0; i < bed.plan.point_count; i++)
        found += strcmp(lambda_point_write(&bed.plan.points[i], label),
                        "after line mail #2") == 0;
    cr_expect_eq(found, 1);
    close_bed(&bed);
}

/* Struck by that at the first boundary of that kind, after it. */
static void strike(struct bed *bed, enum lambda_fault fault,
                   enum lambda_place place, const char *name)
{
    bed->plan.fault = fault;
    bed->plan.times = 1;
    bed->plan.at =
        (struct lambda_point){.place = place, .after = true, .occurrence = 1};
    snprintf(bed->plan.at.operation, sizeof(bed->plan.at.operation), "%s",
             name);
}

Test(lambda_effects, a_crash_after_an_effect_makes_it_happen_again)
{
    struct bed bed = {.set = NULL};

    strike(&bed, LAMBDA_FAULT_CRASH, LAMBDA_AT_EFFECT, "charge");
    expect(&bed,
           &(struct setting){.event = "[\"POST http://a.example/charge\","
                                      "\"POST http://a.example/refund k\"]",
                             .effects = {"*=*"}},
           "[\"200 {}\", \"200 {}\"]");
    expect_effects(&bed, "charge 2/2 refund 1/1");
    close_bed(&bed);
}

Test(lambda_effects, a_crash_after_a_line_keeps_what_follows_from_happening)
{
    struct bed bed = {.set = NULL};

    strike(&bed, LAMBDA_FAULT_CRASH, LAMBDA_AT_LINE, "mail");
    expect(&bed,
           &(struct setting){.event = "[\"LINE mail\", \"LINE letter\","
                                      "\"POST http://a.example/charge\"]",
                             .effects = {"*=*"},
                             .lines = {"mail=mail", "letter=letter"}},
           "[\"said\", \"said\", \"200 {}\"]");
    expect_effects(&bed, "mail 2/2 letter 1/1 charge 1/1");
    close_bed(&bed);
}

Test(lambda_effects, a_late_answer_to_an_effect_comes_late)
{
    struct bed bed = {.set = NULL};

    strike(&bed, LAMBDA_FAULT_LATE_REPLY, LAMBDA_AT_EFFECT, "charge");
    bed.plan.times = 60;
    expect(&bed,
           &(struct setting){.event = "[\"POST http://a.example/charge\"]",
                             .effects = {"*=*"},
                             .answers = {"charge=202"}},
           "[\"202 {}\"]");
    cr_expect_eq(bed.outcome.virtual_ns, 60 * SECOND);
    close_bed(&bed);
}
