/*
 * Encryption of payloads at rest: XChaCha20-Poly1305 from libsodium under one
 * 32-byte key from a file. A nonce is a keyed BLAKE2b hash of table, key of
 * the row and plaintext, so that nothing random is needed, equal input gives
 * equal bytes on every machine, and a nonce comes twice only with the very
 * same cell and plaintext. A cell's place is authenticated: a value moved to
 * another row does not open.
 *
 *     | nonce 24 | ciphertext | tag 16 |
 *
 * Hashes of plaintext that stand in the clear would let a reader try guesses.
 * The log's chain is over plaintext, so that all stores agree; where it is
 * written it is masked with a keystream that depends on its place.
 */
#ifndef ENGINE_HOST_CIPHER_H
#define ENGINE_HOST_CIPHER_H

#include <stddef.h>
#include <stdint.h>

#include "engine/wire.h"

enum {
    CIPHER_KEY_SIZE = 32,
    CIPHER_OVERHEAD = 40,
    CIPHER_CHECK_SIZE = 32,
    CIPHER_ERROR_SIZE = 256
};

/* Keys derived from the one that was given, one a purpose. */
struct cipher {
    uint8_t seal[CIPHER_KEY_SIZE];
    uint8_t nonce[CIPHER_KEY_SIZE];
    uint8_t mask[CIPHER_KEY_SIZE];
    uint8_t check[CIPHER_KEY_SIZE];
};

/* Where a value stands: a table's name and the key of the row in it. */
struct cipher_cell {
    const char *table;
    uint64_t key[3];
};

/*
 * Reads a key file: 64 hexadecimal digits, or 44 characters of base64, and
 * white space around. 0; or -1 with a sentence that does not show the key.
 */
int cipher_read_key(const char *path, uint8_t key[CIPHER_KEY_SIZE],
                    char error[CIPHER_ERROR_SIZE]);

/* 0, or -1 if libsodium cannot be used. Wipe it when done. */
int cipher_init(struct cipher *cipher, const uint8_t key[CIPHER_KEY_SIZE]);
void cipher_wipe(struct cipher *cipher);

/* What a database keeps to know its key by. */
void cipher_check(const struct cipher *cipher, uint8_t out[CIPHER_CHECK_SIZE]);

/* Writes size + CIPHER_OVERHEAD bytes to out. */
void cipher_seal(const struct cipher *cipher, const struct cipher_cell *cell,
                 const void *bytes, size_t size, uint8_t *out);
/*
 * Writes size - CIPHER_OVERHEAD bytes to out. 0; -1 if they were not sealed
 * with this key for this cell.
 */
int cipher_open(const struct cipher *cipher, const struct cipher_cell *cell,
                const void *sealed, size_t size, uint8_t *out);

/* Masks a hash that stands in the cell, or takes the mask off. */
struct engine_hash cipher_mask(const struct cipher *cipher,
                               const struct cipher_cell *cell,
                               struct engine_hash hash);

#endif
