/*
 * Options of commands: every kind of value, what is refused and how, and that
 * no arguments whatever take a command's table out of its arguments.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/random.h"
#include "scenarios/command.h"

struct arguments {
    bool flag;
    bool quiet;
    const char *text;
    const char *out;
    const char *name;
    struct option_texts texts;
    uint64_t number;
    uint64_t time_ns;
    uint64_t choice;
    uint64_t mode;
    struct option_seed seed;
};

static const char *const sizes[] = {"small", "large", NULL};

static const char *colour(uint32_t index)
{
    static const char *const colours[] = {"red", "green", "blue"};
    return index < 3 ? colours[index] : NULL;
}

static const struct option options[] = {
    OPT_FLAG("--flag", flag, "A flag."),
    OPT_QUIET(quiet, "Quiet."),
    OPT_TEXT("--text", text, "TEXT", "A text."),
    OPT_OUT(out, "DIR", "A place."),
    OPT_NAME("--colour", name, "NAME", colour, "A colour."),
    OPT_TEXTS("--each", texts, "TEXT", "Texts."),
    OPT_NUMBER("--number", number, 5, 500, "A number."),
    OPT_DURATION("--time", time_ns, 1000000000, UINT64_C(60000000000),
                 "A time."),
    OPT_CHOICE("--size", choice, sizes, "A size."),
    OPT_MODE("--json", mode, sizes, "A mode."),
    OPT_SEED("--seed", seed, "A seed."),
    {.name = NULL}};

static const struct command command = {.name = "try",
                                       .synopsis = "FILE [MORE]\n--all",
                                       .options = options,
                                       .rest_max = 2};

enum {
    WORDS_MAX = 150
};

static char said[65536]; /* on stderr */
static const char *rest[2];

/* Runs fn's half of a test with stderr in a file, which `said` then holds. */
static int stderr_away(int *file)
{
    int kept = dup(STDERR_FILENO);

    fflush(stderr);
    *file = memfd_create("stderr", 0);
    cr_assert(kept >= 0 && *file >= 0);
    cr_assert(dup2(*file, STDERR_FILENO) >= 0);
    return kept;
}

static void stderr_back(int kept, int file)
{
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    ssize_t size = pread(file, said, sizeof(said) - 1, 0);
    said[size > 0 ? size : 0] = '\0';
    close(kept);
    close(file);
}

/* Reads words that end with NULL. */
static int take(const char *const *words, const struct command *of,
                struct arguments *arguments)
{
    char *argv[WORDS_MAX + 1] = {(char *)(uintptr_t)of->name};
    int file, argc = 1;

    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    *arguments = (struct arguments){.number = 7};
    int kept = stderr_away(&file);
    int count = options_read(argc, argv, of, arguments, rest);
    stderr_back(kept, file);
    return count;
}

#define TAKE(arguments, ...)                                                   \
    take((const char *const[]){__VA_ARGS__, NULL}, &command, arguments)

#define REFUSED(sentence, ...)                                                 \
    do {                                                                       \
        struct arguments a;                                                    \
        cr_expect_eq(TAKE(&a, __VA_ARGS__), -1);                               \
        cr_expect_str_eq(said, "perdure try: " sentence "\n");                 \
    } while (0)

Test(scenarios_options, each_kind_sets_its_member)
{
    struct arguments a;
    cr_assert_eq(TAKE(&a, "--flag", "--text", "", "--colour", "green", "--each",
                      "x", "--each", "y", "--number", "500", "--time", "1s",
                      "--size", "large", "--json=large", "--seed", "9"),
                 0, "%s", said);
    cr_expect(a.flag && !a.quiet);
    cr_expect_str_eq(a.text, "");
    cr_expect_str_eq(a.name, "green");
    cr_expect(a.texts.count == 2 && strcmp(a.texts.texts[1], "y") == 0);
    cr_expect_eq(a.number, 500);
    cr_expect_eq(a.time_ns, 1000000000);
    cr_expect_eq(a.choice, 1);
    cr_expect_eq(a.mode, 2);
    cr_expect(a.seed.given && a.seed.value == 9);
    cr_expect_str_eq(said, "");
}

Test(scenarios_options, what_is_not_given_stays)
{
    struct arguments a;
    cr_assert_eq(TAKE(&a, "file"), 1);
    cr_expect(a.number == 7 && !a.seed.given && a.mode == 0 && !a.text);
    cr_expect_str_eq(rest[0], "file");
}

Test(scenarios_options, a_value_may_be_joined_and_a_name_short)
{
    struct arguments a;
    cr_assert_eq(TAKE(&a, "--text=a=b", "--number=6", "-q", "-odir", "--json"),
                 0);
    cr_expect_str_eq(a.text, "a=b");
    cr_expect_str_eq(a.out, "dir");
    cr_expect(a.number == 6 && a.quiet && a.mode == 1);
    cr_assert_eq(TAKE(&a, "-o", "other", "--text=", "--size=small"), 0);
    cr_expect_str_eq(a.out, "other");
    cr_expect_str_eq(a.text, "");
}

Test(scenarios_options, the_last_of_two_counts)
{
    struct arguments a;
    cr_assert_eq(TAKE(&a, "--number", "5", "--flag", "--number", "8", "--flag"),
                 0);
    cr_expect(a.number == 8 && a.flag);
}

Test(scenarios_options, options_stand_anywhere_but_behind_two_dashes)
{
    struct arguments a;
    cr_assert_eq(TAKE(&a, "one", "--flag", "two"), 2);
    cr_expect_str_eq(rest[1], "two");
    cr_assert_eq(TAKE(&a, "--", "--flag", "-"), 2);
    cr_expect(!a.flag);
    cr_expect_str_eq(rest[0], "--flag");
    cr_assert_eq(TAKE(&a, "-"), 1);
}

Test(scenarios_options, a_seed_is_decimal_or_hexadecimal_and_of_64_bits)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {{"0", 0},
                {"007", 7},
                {"18446744073709551615", UINT64_MAX},
                {"0x2a", 42},
                {"0XFFFFFFFFFFFFFFFF", UINT64_MAX}};
    static const char *const bad[] = {
        "",     "-1",    "+1",  " 1", "1 ",  "18446744073709551616", "0x",
        "0x-1", "0x0x1", "0xg", "2a", "1e3", "0x10000000000000000"};
    struct arguments a;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        cr_expect_eq(TAKE(&a, "--seed", good[i].text), 0, "%s", good[i].text);
        cr_expect_eq(a.seed.value, good[i].value, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char joined[64];
        snprintf(joined, sizeof(joined), "--seed=%s", bad[i]);
        cr_expect_eq(TAKE(&a, joined), -1, "%s", bad[i]);
        cr_expect(strstr(said, "0x and up to 16 hexadecimal digits"));
    }
}

Test(scenarios_options, values_out_of_range_are_refused_with_the_range)
{
    REFUSED("found --number \"4\", allowed a whole number from 5 to 500",
            "--number", "4");
    REFUSED("found --number \"501\", allowed a whole number from 5 to 500",
            "--number=501");
    REFUSED("found --number \"99999999999999999999\", allowed a whole number "
            "from 5 to 500",
            "--number", "99999999999999999999");
    REFUSED("found --number \"6x\", allowed a whole number from 5 to 500",
            "--number", "6x");
    REFUSED("found --time 2m, allowed 1s to 1m", "--time", "2m");
}

Test(scenarios_options, words_that_are_none_get_the_nearest)
{
    REFUSED("found --size \"smal\", allowed small, large; did you mean small?",
            "--size", "smal");
    REFUSED("found --colour \"gren\", allowed red, green, blue; did you mean "
            "green?",
            "--colour", "gren");
    REFUSED("found --json \"\", allowed small, large", "--json=");
    REFUSED("found \"--numbr\", allowed --flag, --quiet, --text, --out, "
            "--colour, --each, --number, --time, --size, --json, --seed, "
            "--help; did you mean --number?",
            "--numbr", "6");
}

Test(scenarios_options, what_lacks_its_value_or_has_too_many_is_refused)
{
    REFUSED("found --text without a value, allowed --text TEXT", "--text");
    REFUSED("found -o without a value, allowed --out DIR", "-o", "--flag");
    REFUSED("found --size without a value, allowed --size small", "--size");
    REFUSED("found \"--flag=1\", allowed --flag alone", "--flag=1");
    REFUSED("found \"c\" too many, allowed perdure try FILE [MORE] or perdure "
            "try --all",
            "a", "b", "c");
}

Test(scenarios_options, a_value_may_look_like_an_option_that_is_none)
{
    struct arguments a;
    cr_assert_eq(TAKE(&a, "--text", "-x", "--each", "--other"), 0);
    cr_expect_str_eq(a.text, "-x");
    cr_expect_str_eq(a.texts.texts[0], "--other");
}

Test(scenarios_options, too_few_arguments_are_counted)
{
    struct command two = command;
    struct arguments a;
    const char *const words[] = {"--flag", "one", NULL};
    two.rest_min = 2;
    cr_expect_eq(take(words, &two, &a), -1);
    cr_expect_str_eq(said, "perdure try: found 1 argument, allowed perdure try "
                           "FILE [MORE] or perdure try --all\n");
}

Test(scenarios_options, what_is_collected_has_an_end)
{
    const char *words[2 * OPTION_TEXTS_MAX + 3] = {NULL};
    struct arguments a;
    for (int i = 0; i <= OPTION_TEXTS_MAX; i++) {
        words[2 * i] = "--each";
        words[2 * i + 1] = "x";
    }
    cr_expect_eq(take(words, &command, &a), -1);
    cr_expect_str_eq(said, "perdure try: found --each more than 64 times\n");
    words[2 * OPTION_TEXTS_MAX] = NULL;
    cr_expect_eq(take(words, &command, &a), 0);
    cr_expect_eq(a.texts.count, OPTION_TEXTS_MAX);
}

Test(scenarios_options, nothing_that_was_typed_steers_the_terminal)
{
    struct arguments a;
    cr_expect_eq(TAKE(&a, "--\x1b[2J\n"), -1);
    cr_expect(strstr(said, "\\u001b[2J\\n"), "%s", said);
    cr_expect_eq(TAKE(&a, "--number", "\x1b[2J"), -1);
    cr_expect_null(strchr(said, '\x1b'));
    cr_expect_eq(TAKE(&a, "a", "b", "\x1b[2J"), -1);
    cr_expect_null(strchr(said, '\x1b'));
}

Test(scenarios_options, help_is_asked_for_where_an_option_may_stand)
{
    static const struct {
        const char *words[4];
        bool asks;
    } cases[] = {{{"--help"}, true},
                 {{"file", "-h"}, true},
                 {{"--text", "--help"}, false},
                 {{"--text=x", "--help"}, true},
                 {{"--json", "--help"}, true},
                 {{"--", "--help"}, false},
                 {{"--nonsense", "--help"}, true},
                 {{"file"}, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *argv[5] = {NULL};
        int argc = 1;
        for (; cases[i].words[argc - 1]; argc++)
            argv[argc] = (char *)(uintptr_t)cases[i].words[argc - 1];
        cr_expect_eq(options_ask_help(argc, argv, &command), cases[i].asks,
                     "%zu", i);
    }
}

/* Tables ------------------------------------------------------------------ */

static void expect_sound(const struct command *of, const struct option *o)
{
    cr_expect(strncmp(o->name, "--", 2) == 0 && o->help && *o->help, "%s %s",
              of->name, o->name);
    cr_expect_eq(o->help[strlen(o->help) - 1], '.', "%s %s: help ends",
                 of->name, o->name);
    cr_expect(o->kind == OPTION_FLAG || o->choices || o->value,
              "%s %s has no word for its value", of->name, o->name);
    cr_expect_eq(o->kind == OPTION_CHOICE || o->kind == OPTION_MODE,
                 o->choices != NULL, "%s %s", of->name, o->name);
    cr_expect(o->min <= o->max, "%s %s", of->name, o->name);
    for (const struct option *other = of->options; other != o; other++)
        cr_expect(strcmp(other->name, o->name) != 0 &&
                      (!o->letter || other->letter != o->letter),
                  "%s has %s twice", of->name, o->name);
}

Test(scenarios_options, every_table_is_sound)
{
    const struct command *of;
    for (uint32_t i = 0; (of = command_at(i)); i++) {
        cr_expect(of->summary && of->about && of->synopsis && of->run, "%s",
                  of->name);
        cr_expect(strlen(of->summary) <= 62, "%s: a line", of->name);
        cr_expect(of->rest_min <= of->rest_max, "%s", of->name);
        cr_expect_eq(command_find(of->name), of, "%s is there twice", of->name);
        for (const struct option *o = of->options; o->name; o++)
            expect_sound(of, o);
    }
    cr_expect_null(command_find("nonsense"));
}

/* Any arguments ----------------------------------------------------------- */

struct drawing {
    struct engine_stream stream;
    uint64_t index;
};

static uint64_t draw(struct drawing *from, uint64_t below)
{
    return engine_draw_below(&from->stream, from->index++, below);
}

/* An option of the command, a piece of one, or bytes. */
static void draw_word(struct drawing *from, const struct command *of,
                      char *word, size_t size)
{
    static const char *const words[] = {
        "",   "-",   "--",     "=",     "--=",  "-o",
        "-q", "-oX", "--help", "every", "7",    "5s",
        "0x", "-1",  "S1",     "x",     "a..b", "99999999999999999999"};
    uint64_t count = 0;
    while (of->options[count].name)
        count++;
    uint64_t kind = draw(from, 5);
    if (kind < 2 && count > 0) {
        const char *name = of->options[draw(from, count)].name;
        snprintf(word, size, "%s%s", name,
                 kind == 1 ? words[draw(from, 4)] : "");
        if (draw(from, 4) == 0)
            word[draw(from, strlen(word) + 1)] = '\0';
    } else if (kind < 4) {
        snprintf(word, size, "%s",
                 words[draw(from, sizeof(words) / sizeof(*words))]);
    } else {
        size_t length = draw(from, size);
        for (size_t i = 0; i < length; i++)
            word[i] = (char)(1 + draw(from, 255));
        word[length] = '\0';
    }
}

enum {
    ROOM = 65536, /* more than any command's arguments */
    WALL = 64,
    DRAWN_MAX = 9,
    WORD_SIZE = 90
};

static void read_drawn(struct drawing *from, const struct command *of)
{
    char words[DRAWN_MAX][WORD_SIZE];
    char *argv[DRAWN_MAX + 2] = {(char *)(uintptr_t)of->name};
    const char *others[DRAWN_MAX + WALL];
    char *arguments = calloc(1, ROOM);
    int argc = 1 + (int)draw(from, DRAWN_MAX);

    cr_assert(arguments);
    for (int i = 1; i < argc; i++) {
        draw_word(from, of, words[i - 1], WORD_SIZE);
        argv[i] = words[i - 1];
    }
    int count = options_read(argc, argv, of, arguments, others);
    cr_expect(count == -1 || (count >= of->rest_min && count <= of->rest_max &&
                              count < argc),
              "%s: %d", of->name, count);
    for (int i = 0; i < count; i++)
        cr_expect(others[i] >= words[0] &&
                  others[i] < words[DRAWN_MAX - 1] + WORD_SIZE);
    (void)options_ask_help(argc, argv, of);
    free(arguments);
}

Test(scenarios_options, no_arguments_whatever_are_too_much)
{
    struct drawing from = {.index = 0};
    const struct command *of;
    int file;

    engine_stream_init(&from.stream, 1, "arguments", 0);
    int kept = stderr_away(&file);
    for (int round = 0; round < 500; round++)
        for (uint32_t i = 0; (of = command_at(i)); i++)
            read_drawn(&from, of);
    stderr_back(kept, file);
    cr_expect(strstr(said, "found"), "nothing was refused");
}
