#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/cipher.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

static const uint8_t one_key[CIPHER_KEY_SIZE] = {1, 2, 3};
static const uint8_t other_key[CIPHER_KEY_SIZE] = {1, 2, 4};
static const char marker[] = "a-secret-that-must-not-be-read";

Test(host_cipher, what_was_sealed_opens_in_its_own_cell_only)
{
    struct cipher cipher;
    struct cipher_cell cell = {"log", {7, 1}};
    struct cipher_cell beside = {"log", {8, 1}};
    struct cipher_cell elsewhere = {"work", {7, 1}};
    uint8_t sealed[sizeof(marker) + CIPHER_OVERHEAD];
    uint8_t opened[sizeof(marker)];

    cr_assert_eq(cipher_init(&cipher, one_key), 0);
    cipher_seal(&cipher, &cell, marker, sizeof(marker), sealed);
    cr_expect_null(memmem(sealed, sizeof(sealed), marker, 8));
    cr_expect_eq(cipher_open(&cipher, &cell, sealed, sizeof(sealed), opened),
                 0);
    cr_expect_arr_eq(opened, marker, sizeof(marker));
    cr_expect_eq(cipher_open(&cipher, &beside, sealed, sizeof(sealed), opened),
                 -1);
    cr_expect_eq(
        cipher_open(&cipher, &elsewhere, sealed, sizeof(sealed), opened), -1);
    for (size_t i = 0; i < sizeof(sealed); i++) {
        sealed[i] ^= 1;
        cr_expect_eq(
            cipher_open(&cipher, &cell, sealed, sizeof(sealed), opened), -1,
            "byte %zu", i);
        sealed[i] ^= 1;
    }
    cr_expect_eq(
        cipher_open(&cipher, &cell, sealed, CIPHER_OVERHEAD - 1, opened), -1);
    cr_assert_eq(cipher_init(&cipher, other_key), 0);
    cr_expect_eq(cipher_open(&cipher, &cell, sealed, sizeof(sealed), opened),
                 -1);
}

Test(host_cipher, equal_cells_give_equal_bytes_and_others_other_nonces)
{
    struct cipher cipher;
    struct cipher_cell cell = {"log", {7, 1}};
    struct cipher_cell beside = {"log", {7, 2}};
    uint8_t first[CIPHER_OVERHEAD + 4];
    uint8_t second[CIPHER_OVERHEAD + 4];

    cr_assert_eq(cipher_init(&cipher, one_key), 0);
    cipher_seal(&cipher, &cell, "text", 4, first);
    cipher_seal(&cipher, &cell, "text", 4, second);
    cr_expect_arr_eq(first, second, sizeof(first));
    cipher_seal(&cipher, &cell, "tEXT", 4, second);
    cr_expect_neq(memcmp(first, second, 24), 0);
    cipher_seal(&cipher, &beside, "text", 4, second);
    cr_expect_neq(memcmp(first, second, 24), 0);
}

/* Reads a key file of this text. */
static int read_text(const char *text, uint8_t *key, char *error)
{
    char path[] = "/tmp/perdure-key-XXXXXX";
    int file = mkstemp(path);
    int result;

    cr_assert(file >= 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    result = cipher_read_key(path, key, error);
    unlink(path);
    return result;
}

Test(host_cipher, a_key_file_is_hexadecimal_or_base64_of_32_bytes)
{
    char error[CIPHER_ERROR_SIZE];
    uint8_t key[CIPHER_KEY_SIZE];

    cr_expect_eq(read_text("0102030000000000000000000000000000000000000000000"
                           "000000000000000\n",
                           key, error),
                 0);
    cr_expect_arr_eq(key, one_key, sizeof(key));
    memset(key, 9, sizeof(key));
    cr_expect_eq(read_text("AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n",
                           key, error),
                 0);
    cr_expect_arr_eq(key, one_key, sizeof(key));
    cr_expect_eq(read_text("010203", key, error), -1);
    cr_expect(strstr(error, "not a key"), "%s", error);
    cr_expect_eq(read_text("", key, error), -1);
    cr_expect_eq(
        read_text("AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", key, error), -1);
    cr_expect_eq(cipher_read_key("/tmp/perdure-no-such-key", key, error), -1);
    cr_expect(strstr(error, "No such file"), "%s", error);
}

Test(host_cipher, an_encrypted_store_does_what_every_store_must_do)
{
    struct store_file file = {.page_size = 4096, .key = one_key};
    struct store_opener opener = store_file_opener(&file);

    store_file_make(&file);
    cr_expect_eq(store_conformance(&opener), 0);
    store_file_remove(&file);
}

/* Puts the marker into every table that takes values. */
static void spread_marker(struct store_bed *bed)
{
    struct engine_item blob = {.type = ENGINE_ITEM_BLOB};
    struct engine_item outbox = {.type = ENGINE_ITEM_OUTBOX, .kind = 1};
    struct engine_item event = {.type = ENGINE_ITEM_EVENT, .kind = 1};

    store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, 1);
    store_bed_item(bed, &event, marker, strlen(marker));
    store_bed_work(bed, ENGINE_WORK_PUT, 3, 1, marker);
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    store_bed_signal(bed, BED_B, 1, 5, marker);
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    store_bed_ask(bed, ENGINE_REQ_APPEND, BED_A, 1)->token = 1;
    store_bed_head(bed)->seq = 2;
    store_bed_head(bed)->state = ENGINE_RUN_RUNNING;
    store_bed_item(bed, &event, "second", 6);
    store_bed_item(bed, &outbox, marker, strlen(marker));
    store_bed_snapshot(bed, 1, marker);
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    store_bed_ask(bed, ENGINE_REQ_PUT_BLOB, BED_A, 0)->blob[0] = 1;
    store_bed_item(bed, &blob, marker, strlen(marker));
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
}

static void open_bed(struct store_bed *bed, struct store_opener *opener,
                     struct store_file *file)
{
    *opener = store_file_opener(file);
    store_file_make(file);
    cr_assert_eq(store_bed_open(bed, opener), 0, "%s", file->error);
}

Test(host_cipher, a_marker_is_in_the_files_without_a_key_and_not_with_one)
{
    for (int encrypted = 0; encrypted < 4; encrypted++) {
        struct store_file file = {.page_size = 4096,
                                  .key = encrypted & 1 ? one_key : NULL,
                                  .journal = encrypted & 2 ? STORE_SQLITE_DELETE
                                                           : STORE_SQLITE_WAL};
        struct store_opener opener;
        struct store_bed bed;

        open_bed(&bed, &opener, &file);
        spread_marker(&bed);
        cr_expect_eq(store_file_holds(&file, marker), !(encrypted & 1));
        store_bed_close(&bed);
        cr_expect_eq(store_file_holds(&file, marker), !(encrypted & 1));
        store_file_remove(&file);
    }
}

Test(host_cipher, an_encrypted_store_opens_with_its_key_only)
{
    struct store_file file = {.page_size = 4096, .key = one_key};
    struct store_opener opener;
    struct engine_store store;
    struct store_bed bed;

    open_bed(&bed, &opener, &file);
    spread_marker(&bed);
    store_bed_close(&bed);
    file.key = NULL;
    cr_expect_eq(store_file_try(&file, &store), -1);
    cr_expect_eq(file.trouble, STORE_TROUBLE_KEY);
    cr_expect(strstr(file.error, "its key file is needed"), "%s", file.error);
    file.key = other_key;
    cr_expect_eq(store_file_try(&file, &store), -1);
    cr_expect_eq(file.trouble, STORE_TROUBLE_KEY);
    cr_expect(strstr(file.error, "INTEGRITY"), "%s", file.error);
    file.key = one_key;
    store = store_file_open(&file);
    store.ops->close(store.self);
    store_file_remove(&file);
}

Test(host_cipher, a_store_in_the_clear_takes_a_key_only_while_it_is_empty)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener;
    struct engine_store store;
    struct store_bed bed;

    open_bed(&bed, &opener, &file);
    store_bed_close(&bed);
    file.key = one_key;
    store = store_file_open(&file);
    store.ops->close(store.self);
    file.key = NULL;
    bed.how.fresh = 1;
    cr_assert_eq(opener.open(&file, &bed.how, &bed.store), 0);
    bed.request = bed.reply = (struct engine_block){0};
    spread_marker(&bed);
    store_bed_close(&bed);
    file.key = one_key;
    cr_expect_eq(store_file_try(&file, &store), -1);
    cr_expect(strstr(file.error, "not encrypted"), "%s", file.error);
    store_file_remove(&file);
}

Test(host_cipher, a_value_moved_to_another_row_fails_and_says_so)
{
    struct store_file file = {.page_size = 4096, .key = one_key};
    struct store_opener opener;
    struct store_problem problem;
    struct store_bed bed;

    open_bed(&bed, &opener, &file);
    spread_marker(&bed);
    bed.store.ops->close(bed.store.self);
    store_file_meddle(&file, "UPDATE work SET id = id + 1");
    bed.store = store_file_open(&file);
    store_bed_ask(&bed, ENGINE_REQ_MAIL, BED_A, 1)->token = 1;
    cr_expect_eq(store_bed_send(&bed), 0);
    store_sqlite_why(&bed.store, file.path, &problem);
    cr_expect_eq(problem.trouble, STORE_TROUBLE_KEY);
    cr_expect(strstr(problem.text, "INTEGRITY"), "%s", problem.text);
    store_bed_close(&bed);
    store_file_remove(&file);
}
