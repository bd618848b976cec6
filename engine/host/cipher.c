#include "engine/host/cipher.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    PLACE = 48, /* bytes of a cell's place: name and key */
    FILE_MAX = 256,
    HEX_SIZE = 2 * CIPHER_KEY_SIZE
};

static int fail(char *error, const char *path, const char *sentence)
{
    snprintf(error, CIPHER_ERROR_SIZE, "%s: %s", path, sentence);
    return -1;
}

static size_t trimmed(const char *text, size_t size)
{
    while (size && (text[size - 1] == '\n' || text[size - 1] == '\r' ||
                    text[size - 1] == ' '))
        size--;
    return size;
}

/* The key that the text says, in one of its two spellings. 0 or -1. */
static int decode(const char *text, size_t size, uint8_t *key)
{
    size_t length = 0;

    if (size == HEX_SIZE)
        return sodium_hex2bin(key, CIPHER_KEY_SIZE, text, size, NULL, &length,
                              NULL) ||
                       length != CIPHER_KEY_SIZE
                   ? -1
                   : 0;
    if (sodium_base642bin(key, CIPHER_KEY_SIZE, text, size, NULL, &length, NULL,
                          sodium_base64_VARIANT_ORIGINAL))
        return -1;
    return length == CIPHER_KEY_SIZE ? 0 : -1;
}

int cipher_read_key(const char *path, uint8_t key[CIPHER_KEY_SIZE],
                    char error[CIPHER_ERROR_SIZE])
{
    char text[FILE_MAX];
    FILE *stream = fopen(path, "rb");
    size_t size;
    int result;

    if (!stream)
        return fail(error, path, strerror(errno));
    size = fread(text, 1, sizeof(text), stream);
    fclose(stream);
    result = decode(text, trimmed(text, size), key);
    sodium_memzero(text, sizeof(text));
    if (result)
        return fail(error, path,
                    "not a key: 32 bytes as 64 hexadecimal digits or as "
                    "base64 are needed");
    return 0;
}

int cipher_init(struct cipher *cipher, const uint8_t key[CIPHER_KEY_SIZE])
{
    static const char context[crypto_kdf_CONTEXTBYTES] = "perdure";
    uint8_t *const out[] = {cipher->seal, cipher->nonce, cipher->mask,
                            cipher->check};

    if (sodium_init() < 0)
        return -1;
    for (uint64_t i = 0; i < 4; i++)
        crypto_kdf_derive_from_key(out[i], CIPHER_KEY_SIZE, i + 1, context,
                                   key);
    return 0;
}

void cipher_wipe(struct cipher *cipher)
{
    sodium_memzero(cipher, sizeof(*cipher));
}

void cipher_check(const struct cipher *cipher, uint8_t out[CIPHER_CHECK_SIZE])
{
    static const uint8_t text[] = "this database's key";

    crypto_generichash(out, CIPHER_CHECK_SIZE, text, sizeof(text),
                       cipher->check, CIPHER_KEY_SIZE);
}

static void write_place(const struct cipher_cell *cell, uint8_t place[PLACE])
{
    size_t size = strlen(cell->table);

    memset(place, 0, PLACE);
    memcpy(place, cell->table, size < 24 ? size : 24);
    memcpy(place + 24, cell->key, sizeof(cell->key));
}

void cipher_seal(const struct cipher *cipher, const struct cipher_cell *cell,
                 const void *bytes, size_t size, uint8_t *out)
{
    crypto_generichash_state hash;
    uint8_t place[PLACE];

    write_place(cell, place);
    crypto_generichash_init(&hash, cipher->nonce, CIPHER_KEY_SIZE, NONCE);
    crypto_generichash_update(&hash, place, PLACE);
    if (size)
        crypto_generichash_update(&hash, bytes, size);
    crypto_generichash_final(&hash, out, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        out + NONCE, NULL, bytes, size, place, PLACE, NULL, out, cipher->seal);
}

int cipher_open(const struct cipher *cipher, const struct cipher_cell *cell,
                const void *sealed, size_t size, uint8_t *out)
{
    const uint8_t *bytes = sealed;
    uint8_t place[PLACE];

    if (size < CIPHER_OVERHEAD)
        return -1;
    write_place(cell, place);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, NULL, NULL, bytes + NONCE, size - NONCE, place, PLACE, bytes,
        cipher->seal);
}

struct engine_hash cipher_mask(const struct cipher *cipher,
                               const struct cipher_cell *cell,
                               struct engine_hash hash)
{
    uint8_t place[PLACE];
    struct engine_hash mask;

    write_place(cell, place);
    crypto_generichash((uint8_t *)&mask, sizeof(mask), place, PLACE,
                       cipher->mask, CIPHER_KEY_SIZE);
    hash.lo ^= mask.lo;
    hash.hi ^= mask.hi;
    return hash;
}
