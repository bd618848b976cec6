#include "engine/host/lambda/names.h"

#include <sodium/utils.h>
#include <stdio.h>
#include <string.h>

#include "engine/store.h"

enum {
    TOKEN_BYTES = 28, /* run 8, token 8, check 8, 4 that tell the version */
    CHECK_SALT = 0x70657264
};

static uint64_t check_of(uint64_t a, uint64_t b, uint64_t salt)
{
    const uint64_t words[] = {a, b, salt, CHECK_SALT};

    return engine_hash_bytes(words, sizeof(words)).lo;
}

static const char digits[] = "0123456789abcdef";

/* The last so many hexadecimal digits of a number. Returns what follows. */
static char *put_hex(char *out, uint64_t value, unsigned count)
{
    for (unsigned i = count; i > 0; i--, value >>= 4)
        out[i - 1] = digits[value & 15];
    return out + count;
}

/* xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx, as a UUID */
void lambda_id_write(uint64_t run, char out[LAMBDA_ID_SIZE])
{
    uint64_t check = check_of(run, 0, 1);
    char *at = put_hex(out, check >> 32, 8);

    *at++ = '-';
    at = put_hex(at, check >> 16, 4);
    *at++ = '-';
    at = put_hex(at, (check >> 4 & 0xfff) | 0x4000, 4);
    *at++ = '-';
    at = put_hex(at, (check & 0xfff) | 0x8000, 4);
    *at++ = '-';
    at = put_hex(at, run, 12);
    *at = '\0';
}

uint64_t lambda_id_parse(const char *id)
{
    char expected[LAMBDA_ID_SIZE];
    uint64_t run = 0;

    if (strlen(id) != LAMBDA_ID_SIZE - 1)
        return 0;
    for (const char *at = id + 24; *at; at++) {
        const char *digit = strchr(digits, *at);
        if (!digit)
            return 0;
        run = run << 4 | (uint64_t)(digit - digits);
    }
    lambda_id_write(run, expected);
    return strcmp(id, expected) == 0 ? run : 0;
}

void lambda_function_arn_write(const char *function, const char *qualifier,
                               char out[LAMBDA_ARN_SIZE])
{
    snprintf(out, LAMBDA_ARN_SIZE,
             "arn:aws:lambda:" LAMBDA_REGION ":" LAMBDA_ACCOUNT
             ":function:%s%s%s",
             function, qualifier ? ":" : "", qualifier ? qualifier : "");
}

void lambda_arn_write(const char *function, const char *qualifier,
                      const char *name, uint64_t run, char out[LAMBDA_ARN_SIZE])
{
    char id[LAMBDA_ID_SIZE];
    char arn[LAMBDA_ARN_SIZE];

    lambda_id_write(run, id);
    lambda_function_arn_write(function, qualifier, arn);
    if (snprintf(out, LAMBDA_ARN_SIZE, "%s/durable-execution/%s/%s", arn, name,
                 id) >= LAMBDA_ARN_SIZE)
        out[0] = '\0';
}

static bool name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool lambda_name_ok(const char *text, size_t max)
{
    size_t size = 0;

    while (name_character(text[size]))
        size++;
    return size > 0 && size <= max && text[size] == '\0';
}

bool lambda_qualifier_ok(const char *text)
{
    size_t size = strlen(text);

    if (size == 0 || size > LAMBDA_QUALIFIER_MAX)
        return false;
    return strcmp(text, "$LATEST") == 0 ||
           strcmp(text, "$LATEST.PUBLISHED") == 0 ||
           lambda_name_ok(text, LAMBDA_QUALIFIER_MAX);
}

const char *lambda_version(const char *qualifier)
{
    bool number = strspn(qualifier, "0123456789") == strlen(qualifier);

    return number || qualifier[0] == '$' ? qualifier : "1";
}

/* Copies what stands before the mark and moves behind it. */
static bool part(const char **text, char mark, char *out, size_t room)
{
    const char *end = strchrnul(*text, mark);
    size_t size = (size_t)(end - *text);

    if (size == 0 || size >= room || *end != mark)
        return false;
    memcpy(out, *text, size);
    out[size] = '\0';
    *text = mark ? end + 1 : end;
    return true;
}

static bool skip(const char **text, const char *word)
{
    size_t size = strlen(word);

    if (strncmp(*text, word, size) != 0)
        return false;
    *text += size;
    return true;
}

/* arn:PARTITION:lambda:REGION:ACCOUNT:function: */
static bool skip_arn(const char **text)
{
    char word[64];
    const char *at = *text;

    if (!skip(&at, "arn:") || !part(&at, ':', word, sizeof(word)) ||
        !skip(&at, "lambda:") || !part(&at, ':', word, sizeof(word)) ||
        !part(&at, ':', word, sizeof(word)) || strlen(word) != 12 ||
        strspn(word, "0123456789") != 12 || !skip(&at, "function:"))
        return false;
    *text = at;
    return true;
}

bool lambda_arn_parse(const char *text, struct lambda_arn *arn)
{
    char id[LAMBDA_ID_SIZE];

    if (!skip_arn(&text) ||
        !part(&text, ':', arn->function, sizeof(arn->function)) ||
        !part(&text, '/', arn->qualifier, sizeof(arn->qualifier)) ||
        !skip(&text, "durable-execution/") ||
        !part(&text, '/', arn->name, sizeof(arn->name)) ||
        !part(&text, '\0', id, sizeof(id)))
        return false;
    arn->run = lambda_id_parse(id);
    return arn->run != 0 && lambda_qualifier_ok(arn->qualifier);
}

bool lambda_function_parse(const char *text,
                           char function[LAMBDA_FUNCTION_MAX + 1],
                           char qualifier[LAMBDA_QUALIFIER_MAX + 1])
{
    qualifier[0] = '\0';
    if (strncmp(text, "arn:", 4) == 0) {
        if (!skip_arn(&text))
            return false;
    } else if (strlen(text) > 13 && text[12] == ':') {
        text += 13; /* ACCOUNT:function:NAME */
        if (!skip(&text, "function:"))
            return false;
    }
    if (!strchr(text, ':'))
        return part(&text, '\0', function, LAMBDA_FUNCTION_MAX + 1) &&
               lambda_name_ok(function, LAMBDA_FUNCTION_MAX);
    return part(&text, ':', function, LAMBDA_FUNCTION_MAX + 1) &&
           lambda_name_ok(function, LAMBDA_FUNCTION_MAX) &&
           part(&text, '\0', qualifier, LAMBDA_QUALIFIER_MAX + 1) &&
           lambda_qualifier_ok(qualifier);
}

static void token_bytes(uint64_t run, uint64_t token,
                        unsigned char bytes[TOKEN_BYTES])
{
    const uint64_t words[] = {run, token, check_of(run, token, 2)};

    memcpy(bytes, "perd", 4);
    memcpy(bytes + 4, words, sizeof(words));
}

void lambda_token_write(uint64_t run, uint64_t token,
                        char out[LAMBDA_TOKEN_SIZE])
{
    unsigned char bytes[TOKEN_BYTES];

    token_bytes(run, token, bytes);
    sodium_bin2base64(out, LAMBDA_TOKEN_SIZE, bytes, sizeof(bytes),
                      sodium_base64_VARIANT_ORIGINAL);
}

bool lambda_token_parse(const char *text, uint64_t *run, uint64_t *token)
{
    unsigned char expected[TOKEN_BYTES];
    unsigned char bytes[TOKEN_BYTES];
    size_t size;

    if (sodium_base642bin(bytes, sizeof(bytes), text, strlen(text), NULL, &size,
                          NULL, sodium_base64_VARIANT_ORIGINAL) ||
        size != sizeof(bytes))
        return false;
    memcpy(run, bytes + 4, sizeof(*run));
    memcpy(token, bytes + 12, sizeof(*token));
    token_bytes(*run, *token, expected);
    return memcmp(bytes, expected, sizeof(bytes)) == 0;
}

void lambda_request_id_write(uint64_t run, uint32_t attempt,
                             char out[LAMBDA_REQUEST_ID_SIZE])
{
    snprintf(out, LAMBDA_REQUEST_ID_SIZE, "%08x-%04x-4000-8000-%012x",
             (unsigned)(run >> 16), (unsigned)(run & 0xffff), attempt);
}
