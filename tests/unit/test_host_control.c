/*
 * A client and the lock of a database: who is not there, who answers in
 * pieces, who holds it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/control.h"

struct place {
    char dir[64];
    char database[80];
};

static void place_make(struct place *place)
{
    snprintf(place->dir, sizeof(place->dir), "/tmp/perdure-control-XXXXXX");
    cr_assert_not_null(mkdtemp(place->dir));
    snprintf(place->database, sizeof(place->database), "%s/x.db", place->dir);
}

static void place_remove(const struct place *place)
{
    char path[128];

    snprintf(path, sizeof(path), "%s.sock", place->database);
    (void)unlink(path);
    snprintf(path, sizeof(path), "%s-lock", place->database);
    (void)unlink(path);
    cr_expect_eq(rmdir(place->dir), 0);
}

/* The engine's end of a client, over a socketpair. */
static void client_of(struct host_client *client, struct host_peer *engine)
{
    int ends[2];

    memset(client, 0, sizeof(*client));
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    host_peer_init(&client->peer, ends[0]);
    host_peer_init(engine, ends[1]);
}

Test(host_control, without_an_engine_it_says_how_to_start_one)
{
    char error[HOST_ERROR_SIZE];
    struct host_client client;
    struct place place;

    place_make(&place);
    cr_expect_eq(host_client_open(&client, place.database, error), 1);
    cr_expect_not_null(strstr(error, "no engine is running"), "%s", error);
    cr_expect_not_null(strstr(error, "perdure engine /tmp/"), "%s", error);
    host_client_close(&client);
    place_remove(&place);
}

Test(host_control, a_start_is_the_same_on_the_other_side)
{
    struct host_client client;
    struct host_peer engine;
    struct host_start start;

    client_of(&client, &engine);
    cr_assert(host_client_start(&client, 5, 9, HOST_START_WAIT, "order", "k1",
                                "input!", 6));
    cr_assert(host_client_start(&client, 6, 0, 0, "order", NULL, NULL, 0));
    cr_expect_eq(host_peer_flush(&client.peer), 0);
    cr_expect_eq(host_peer_read(&engine), 1);
    const struct engine_message *message = host_peer_next(&engine);
    cr_assert_not_null(message);
    cr_expect_eq(message->kind, HOST_MSG_START);
    cr_expect_eq(message->token, 5);
    cr_expect_eq(message->run, 9);
    cr_expect_eq(message->flags, HOST_START_WAIT);
    memcpy(&start, message + 1, sizeof(start));
    cr_expect_eq(start.name_size, 5);
    cr_expect_eq(start.key_size, 2);
    cr_expect_eq(start.input_size, 6);
    cr_expect_arr_eq((const char *)(message + 1) + sizeof(start),
                     "orderk1input!", 13);
    message = host_peer_next(&engine);
    cr_assert_not_null(message, "the first was padded");
    cr_expect_eq(message->token, 6);
    host_peer_close(&engine);
    host_client_close(&client);
}

Test(host_control, an_input_above_the_bound_is_not_sent)
{
    struct host_client client;
    struct host_peer engine;

    client_of(&client, &engine);
    cr_expect_not(host_client_start(&client, 1, 0, 0, "order", NULL, "x",
                                    (size_t)HOST_FRAME_MAX + 1));
    cr_expect_not(host_peer_waiting(&client.peer));
    host_peer_close(&engine);
    host_client_close(&client);
}

Test(host_control, an_answer_is_waited_for_no_longer_than_asked)
{
    struct engine_message answer = {.kind = HOST_MSG_STARTED, .token = 3};
    struct host_client client;
    struct host_peer engine;

    client_of(&client, &engine);
    cr_expect_null(host_client_next(&client, 0));
    cr_expect_not(client.peer.broken, "it only did not come in time");
    cr_assert(host_peer_send(&engine, &answer, NULL, 0));
    cr_expect_eq(host_peer_flush(&engine), 0);
    const struct engine_message *message =
        host_client_next(&client, UINT64_MAX);
    cr_assert_not_null(message);
    cr_expect_eq(message->token, 3);
    host_peer_close(&engine);
    host_client_close(&client);
}

Test(host_control, an_engine_that_goes_leaves_no_half_answer)
{
    struct engine_message answer = {.kind = HOST_MSG_REFUSED, .size = 100};
    struct host_client client;
    struct host_peer engine;

    client_of(&client, &engine);
    cr_assert_eq(write(engine.fd, &answer, sizeof(answer)), sizeof(answer));
    host_peer_close(&engine);
    cr_expect_null(host_client_next(&client, UINT64_MAX));
    cr_expect(client.peer.broken);
    host_client_close(&client);
}

Test(host_control, an_engine_that_answers_rubbish_is_left)
{
    struct engine_message answer = {.kind = 999, .size = sizeof(answer)};
    struct host_client client;
    struct host_peer engine;

    client_of(&client, &engine);
    cr_assert_eq(write(engine.fd, &answer, sizeof(answer)), sizeof(answer));
    cr_expect_null(host_client_next(&client, UINT64_MAX));
    cr_expect_str_not_empty(client.peer.fault);
    host_peer_close(&engine);
    host_client_close(&client);
}

/* The lock ---------------------------------------------------------------- */

Test(host_control, a_lock_is_held_once_and_names_its_holder)
{
    char error[HOST_ERROR_SIZE], own[32];
    struct place place;

    place_make(&place);
    cr_expect_eq(host_lock_holder(place.database), 0, "there is none");
    int first = host_lock_take(place.database, error);
    cr_assert_geq(first, 0, "%s", error);
    cr_expect_eq(host_lock_holder(place.database), (uint32_t)getpid());
    cr_expect_eq(host_lock_take(place.database, error), -1);
    snprintf(own, sizeof(own), "engine process %ld;", (long)getpid());
    cr_expect_not_null(strstr(error, own), "%s", error);
    close(first);
    cr_expect_eq(host_lock_holder(place.database), 0);
    int second = host_lock_take(place.database, error);
    cr_expect_geq(second, 0, "%s", error);
    close(second);
    place_remove(&place);
}

Test(host_control, a_lock_ends_with_the_process_that_was_killed)
{
    char error[HOST_ERROR_SIZE], byte;
    struct place place;
    int ready[2];

    place_make(&place);
    cr_assert_eq(pipe(ready), 0);
    pid_t holder = fork();
    if (holder == 0) {
        int lock = host_lock_take(place.database, error);
        if (lock < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    cr_assert_gt(holder, 0);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_expect_eq(host_lock_holder(place.database), (uint32_t)holder);
    cr_expect_eq(host_lock_take(place.database, error), -1);
    cr_assert_eq(kill(holder, SIGKILL), 0);
    cr_assert_eq(waitpid(holder, NULL, 0), holder);
    cr_expect_eq(host_lock_holder(place.database), 0);
    int lock = host_lock_take(place.database, error);
    cr_expect_geq(lock, 0, "%s", error);
    close(lock);
    close(ready[0]);
    close(ready[1]);
    place_remove(&place);
}

Test(host_control, a_lock_that_cannot_be_made_says_why)
{
    char error[HOST_ERROR_SIZE];

    cr_expect_eq(host_lock_take("/no/such/place/x.db", error), -1);
    cr_expect_not_null(strstr(error, "cannot be made"), "%s", error);
}
