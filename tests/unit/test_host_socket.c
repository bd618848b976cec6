/*
 * Peers over a socketpair: whatever arrives, in whatever pieces, is a whole
 * message or the end of the peer with a sentence.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/host/control.h"
#include "engine/random.h"

/* Two ends: what is written to `raw` is read by the peer. */
struct pair {
    struct host_peer peer;
    int raw;
};

static void pair_open(struct pair *pair)
{
    int ends[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    host_peer_init(&pair->peer, ends[0]);
    pair->raw = ends[1];
}

static void pair_close(struct pair *pair)
{
    host_peer_close(&pair->peer);
    close(pair->raw);
}

static void put(const struct pair *pair, const void *bytes, size_t size)
{
    cr_assert_eq(write(pair->raw, bytes, size), (ssize_t)size);
}

static struct engine_message head_of(unsigned kind, size_t payload)
{
    return (struct engine_message){
        .size = (uint32_t)(sizeof(struct engine_message) + payload),
        .kind = (uint16_t)kind,
        .token = 7};
}

/* Reads once and expects the peer to be cut off with these words. */
static void expect_cut_off(const void *bytes, size_t size, const char *words)
{
    struct pair pair;

    pair_open(&pair);
    put(&pair, bytes, size);
    cr_expect_eq(host_peer_read(&pair.peer), 1);
    cr_expect_null(host_peer_next(&pair.peer));
    cr_expect(pair.peer.broken);
    cr_expect_str_eq(pair.peer.fault, words);
    cr_expect_null(host_peer_next(&pair.peer), "it stays cut off");
    cr_expect_eq(host_peer_read(&pair.peer), -1);
    cr_expect_not(host_peer_send(
        &pair.peer, &(struct engine_message){.kind = HOST_MSG_LIST}, NULL, 0));
    pair_close(&pair);
}

Test(host_socket, a_message_may_come_byte_by_byte)
{
    struct engine_message head = head_of(HOST_MSG_REFUSED, 5);
    unsigned char bytes[64] = {0};
    struct pair pair;

    pair_open(&pair);
    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + sizeof(head), "words", 5);
    for (size_t i = 0; i < 64; i++) {
        cr_expect_eq(host_peer_read(&pair.peer), i > 0);
        cr_assert_null(host_peer_next(&pair.peer), "after %zu bytes", i);
        put(&pair, bytes + i, 1);
        if (i == 0)
            cr_expect_eq(host_peer_read(&pair.peer), 1);
        if (i == 0)
            put(&pair, bytes + ++i, 1);
    }
    cr_expect_eq(host_peer_read(&pair.peer), 1);
    const struct engine_message *message = host_peer_next(&pair.peer);
    cr_assert_not_null(message);
    cr_expect_eq(message->token, 7);
    cr_expect_arr_eq(message + 1, "words", 5);
    cr_expect_null(host_peer_next(&pair.peer));
    cr_expect_not(pair.peer.broken);
    pair_close(&pair);
}

Test(host_socket, several_messages_come_out_one_by_one)
{
    struct engine_message heads[3] = {head_of(HOST_MSG_LIST, 0),
                                      head_of(HOST_MSG_GOODBYE, 0),
                                      head_of(ENGINE_MSG_HINT, 0)};
    struct pair pair;

    pair_open(&pair);
    put(&pair, heads, sizeof(heads));
    cr_expect_eq(host_peer_read(&pair.peer), 1);
    for (int i = 0; i < 3; i++) {
        const struct engine_message *message = host_peer_next(&pair.peer);
        cr_assert_not_null(message);
        cr_expect_eq(message->kind, heads[i].kind);
    }
    cr_expect_null(host_peer_next(&pair.peer));
    cr_expect_eq(host_peer_read(&pair.peer), 0, "nothing more is there");
    pair_close(&pair);
}

Test(host_socket, rubbish_cuts_its_sender_off_with_words)
{
    struct engine_message head = head_of(HOST_MSG_LIST, 0);

    head.size = 0;
    expect_cut_off(&head, sizeof(head), "sent a message of no allowed size");
    head.size = sizeof(head) - 1;
    expect_cut_off(&head, sizeof(head), "sent a message of no allowed size");
    head.size = HOST_FRAME_MAX + 1;
    expect_cut_off(&head, sizeof(head), "sent a message of no allowed size");
    head = head_of(HOST_MSG_END, 0);
    expect_cut_off(&head, sizeof(head),
                   "sent a message of a kind that does not exist");
    head = head_of(0, 0);
    expect_cut_off(&head, sizeof(head),
                   "sent a message of a kind that does not exist");
}

Test(host_socket, contents_that_are_not_whole_cut_their_sender_off)
{
    static const unsigned kinds[] = {ENGINE_MSG_REQUEST, ENGINE_MSG_REPLY,
                                     ENGINE_MSG_HINT, ENGINE_MSG_CHECKPOINT,
                                     ENGINE_MSG_STATE_PAGE};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        unsigned char bytes[sizeof(struct engine_message) + 8];
        struct engine_message head = head_of(kinds[i], 8);
        memcpy(bytes, &head, sizeof(head));
        memset(bytes + sizeof(head), 0xff, 8);
        expect_cut_off(bytes, sizeof(bytes),
                       "sent a message whose contents are damaged");
    }
}

Test(host_socket, who_goes_in_the_middle_of_a_message_has_said_nothing)
{
    struct engine_message head = head_of(HOST_MSG_REFUSED, 100);
    struct pair pair;

    pair_open(&pair);
    put(&pair, &head, sizeof(head));
    cr_expect_eq(shutdown(pair.raw, SHUT_WR), 0);
    cr_expect_eq(host_peer_read(&pair.peer), 1);
    cr_expect_null(host_peer_next(&pair.peer));
    cr_expect_eq(host_peer_read(&pair.peer), -1);
    cr_expect_null(host_peer_next(&pair.peer));
    cr_expect(pair.peer.broken);
    cr_expect_str_empty(pair.peer.fault, "it went by itself");
    pair_close(&pair);
}

Test(host_socket, what_came_before_the_end_is_still_read)
{
    struct engine_message head = head_of(HOST_MSG_GOODBYE, 0);
    struct pair pair;

    pair_open(&pair);
    put(&pair, &head, sizeof(head));
    cr_expect_eq(shutdown(pair.raw, SHUT_WR), 0);
    cr_expect_eq(host_peer_read(&pair.peer), 1);
    cr_expect_eq(host_peer_read(&pair.peer), -1);
    cr_expect_not_null(host_peer_next(&pair.peer));
    pair_close(&pair);
}

Test(host_socket, random_bytes_never_become_more_than_a_checked_message)
{
    struct engine_stream chance;

    engine_stream_init(&chance, 1, "tests/socket", 0);
    for (uint64_t round = 0; round < 2000; round++) {
        unsigned char bytes[256];
        struct pair pair;
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (unsigned char)engine_stream_u64(
                &chance, round * sizeof(bytes) + i);
        struct engine_message head = head_of(
            1 + (unsigned)(round % (ENGINE_MSG_COUNT - 1)), round % 200);
        memcpy(bytes, &head, sizeof(head));
        pair_open(&pair);
        put(&pair, bytes, sizeof(bytes));
        cr_expect_eq(host_peer_read(&pair.peer), 1);
        const struct engine_message *message;
        while ((message = host_peer_next(&pair.peer)) != NULL) {
            cr_assert_geq(message->size, sizeof(*message));
            cr_assert_leq(message->size, sizeof(bytes));
        }
        pair_close(&pair);
    }
}

Test(host_socket, a_message_above_the_bound_is_not_sent)
{
    struct engine_message head = {.kind = HOST_MSG_START};
    struct pair pair;

    pair_open(&pair);
    cr_expect_not(
        host_peer_send(&pair.peer, &head, &pair, (size_t)HOST_FRAME_MAX));
    cr_expect(pair.peer.broken);
    cr_expect_eq(host_peer_flush(&pair.peer), -1);
    pair_close(&pair);
}

Test(host_socket, a_full_pipe_keeps_what_is_left_until_it_is_read)
{
    enum {
        SIZE = 4 << 20
    };
    struct engine_message head = {.kind = HOST_MSG_STARTED};
    unsigned char *payload = calloc(1, SIZE);
    struct host_peer other;
    struct pair pair;
    const struct engine_message *message = NULL;

    cr_assert_not_null(payload);
    payload[SIZE - 1] = 'z';
    pair_open(&pair);
    host_peer_init(&other, dup(pair.raw));
    cr_assert(host_peer_send(&pair.peer, &head, payload, SIZE));
    cr_expect_eq(host_peer_flush(&pair.peer), 1);
    cr_expect(host_peer_waiting(&pair.peer));
    for (int turn = 0; turn < 100000 && !message; turn++) {
        cr_assert_geq(host_peer_flush(&pair.peer), 0);
        cr_assert_geq(host_peer_read(&other), 0);
        message = host_peer_next(&other);
    }
    cr_assert_not_null(message);
    cr_expect_eq(message->size, sizeof(*message) + SIZE);
    cr_expect_eq(((const unsigned char *)(message + 1))[SIZE - 1], 'z');
    cr_expect_not(host_peer_waiting(&pair.peer));
    host_peer_close(&other);
    pair_close(&pair);
    free(payload);
}

Test(host_socket, items_are_whole_only_with_all_their_bytes)
{
    struct engine_item items[2] = {{.size = sizeof(struct engine_item)}};

    cr_expect(host_items_whole(items, 0));
    cr_expect(host_items_whole(items, sizeof(items)));
    for (size_t size = 1; size < sizeof(items); size++)
        cr_expect_not(host_items_whole(items, size), "%zu bytes", size);
    items[0].size = UINT32_MAX;
    cr_expect_not(host_items_whole(items, sizeof(items)));
}

/* Addresses --------------------------------------------------------------- */

struct place {
    char dir[64];
    char path[108];
};

static void place_make(struct place *place)
{
    snprintf(place->dir, sizeof(place->dir), "/tmp/perdure-socket-XXXXXX");
    cr_assert_not_null(mkdtemp(place->dir));
    snprintf(place->path, sizeof(place->path), "%s/x.sock", place->dir);
}

static void place_remove(const struct place *place)
{
    (void)unlink(place->path);
    cr_expect_eq(rmdir(place->dir), 0);
}

Test(host_socket, a_path_that_is_too_long_is_refused_with_what_to_do)
{
    char database[200], path[108], error[HOST_ERROR_SIZE];

    memset(database, 'd', sizeof(database) - 1);
    database[0] = '/';
    database[sizeof(database) - 1] = '\0';
    cr_expect_eq(host_socket_path(database, path, error), -1);
    cr_expect_not_null(strstr(error, "found a path of 199 bytes, allowed 102"));
    cr_expect_eq(host_socket_path("/a/b.db", path, error), 0);
    cr_expect_str_eq(path, "/a/b.db.sock");
}

Test(host_socket, a_socket_that_a_process_left_is_taken_over)
{
    char error[HOST_ERROR_SIZE];
    struct place place;

    place_make(&place);
    cr_expect_eq(host_socket_connect(place.path), -1, "nobody is there");
    int first = host_socket_listen(place.path, error);
    cr_assert_geq(first, 0, "%s", error);
    close(first);
    cr_expect_eq(host_socket_connect(place.path), -1, "it has gone");
    int second = host_socket_listen(place.path, error);
    cr_assert_geq(second, 0, "%s", error);
    int client = host_socket_connect(place.path);
    cr_expect_geq(client, 0);
    close(client);
    close(second);
    place_remove(&place);
}

Test(host_socket, a_file_in_its_place_is_not_removed)
{
    char error[HOST_ERROR_SIZE];
    struct place place;

    place_make(&place);
    FILE *file = fopen(place.path, "w");
    cr_assert_not_null(file);
    fclose(file);
    cr_expect_eq(host_socket_listen(place.path, error), -1);
    cr_expect_not_null(strstr(error, "found a file that is no socket"), "%s",
                       error);
    cr_expect_eq(access(place.path, F_OK), 0);
    place_remove(&place);
}
