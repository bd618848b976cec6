#include <criterion/criterion.h>
#include <string.h>

#include "engine/cause.h"
#include "engine/random.h"

static bool is(struct engine_text text, const char *expected)
{
    return text.size == strlen(expected) &&
           (text.size == 0 || memcmp(text.text, expected, text.size) == 0);
}

static struct engine_text text_of(const char *text)
{
    return (struct engine_text){text, strlen(text)};
}

Test(engine_cause, the_last_line_is_the_root)
{
    static const struct {
        const char *chain, *root;
    } rows[] = {
        {"", ""},
        {"\n\n", ""},
        {"own words", "own words"},
        {"platform: A: a\nnode: B: b", "node: B: b"},
        {"platform: A: a\n\nnode: B: b\n\n", "node: B: b"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        cr_assert(is(engine_cause_root(rows[i].chain, strlen(rows[i].chain)),
                     rows[i].root),
                  "%zu", i);
}

Test(engine_cause, a_line_has_layer_code_and_words_or_is_words)
{
    static const struct {
        const char *line, *layer, *code, *words;
    } rows[] = {
        {"node: OOMKilled: limit: 5 MiB", "node", "OOMKilled", "limit: 5 MiB"},
        {"platform: Host EC2: gone", "platform", "Host EC2", "gone"},
        {"engine: TIMED_OUT", "engine", "TIMED_OUT", ""},
        {"router: X: ", "router", "X", ""},
        {"nodes: X: y", "", "", "nodes: X: y"},
        {"it went wrong", "", "", "it went wrong"},
        {"", "", "", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct engine_cause cause = engine_cause_of(text_of(rows[i].line));
        cr_assert(is(cause.layer, rows[i].layer), "%s", rows[i].line);
        cr_assert(is(cause.code, rows[i].code), "%s", rows[i].line);
        cr_assert(is(cause.words, rows[i].words), "%s", rows[i].line);
    }
}

Test(engine_cause, who_passes_it_on_adds_a_line_before_it)
{
    char to[ENGINE_CAUSE_MAX];
    size_t size = engine_cause_wrap(to, text_of("engine: X: step a"),
                                    "platform: A: a\nnode: B: b", 25);

    cr_assert(is((struct engine_text){to, size},
                 "engine: X: step a\nplatform: A: a\nnode: B: b"));
    size = engine_cause_wrap(to, text_of(""), "words", 5);
    cr_assert(is((struct engine_text){to, size}, "words"));
    size = engine_cause_wrap(to, text_of("engine: X: y"), "", 0);
    cr_assert(is((struct engine_text){to, size}, "engine: X: y"));
}

Test(engine_cause, the_root_is_never_lost_however_often_it_is_passed_on)
{
    static const char root[] = "node: ErrImagePull: no such host";
    char chain[ENGINE_CAUSE_MAX], next[ENGINE_CAUSE_MAX], line[600];
    struct engine_stream stream;
    size_t size = sizeof(root) - 1;

    engine_stream_init(&stream, 1, "test/cause", 0);
    memcpy(chain, root, size);
    for (uint64_t depth = 0; depth < 200; depth++) {
        size_t length = (size_t)engine_draw_below(&stream, depth, sizeof(line));
        memset(line, 'a' + (int)(depth % 26), sizeof(line));
        size = engine_cause_wrap(next, (struct engine_text){line, length},
                                 chain, size);
        cr_assert_leq(size, ENGINE_CAUSE_MAX);
        memcpy(chain, next, size);
        cr_assert(is(engine_cause_root(chain, size), root), "%lu",
                  (unsigned long)depth);
        cr_assert(length == 0 || memcmp(chain, line, length) == 0);
    }
}

Test(engine_cause, a_root_too_long_is_cut_between_characters)
{
    static char root[3 * ENGINE_CAUSE_MAX];
    char to[ENGINE_CAUSE_MAX];

    for (size_t at = 0; at + 3 <= sizeof(root); at += 3)
        memcpy(root + at, "\xe2\x82\xac", 3);
    size_t size = engine_cause_wrap(to, text_of("x"), root, sizeof(root));
    cr_assert_eq(size, ENGINE_CAUSE_MAX - 1);
    cr_assert_eq(size % 3, 0);
}
