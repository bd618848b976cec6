#include "scenarios/sweep_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/store.h"

enum {
    IDENTITY_MAX = 8192,
    RECORD_MAX = 1 << 20
};

#define MAGIC UINT64_C(0x316c7270646a7773) /* a record begins */

struct record {
    uint64_t magic;
    uint64_t index;
    uint64_t size;
    struct engine_hash hash; /* of index, size and the result */
};

struct sweep_journal {
    int fd;
    uint64_t end;
    uint64_t count;
    uint64_t *places; /* by item: where its record is; 0: nowhere */
    uint64_t room;
    unsigned char *buffer; /* a record */
};

static struct engine_hash hash_of(const struct record *head,
                                  const unsigned char *bytes, uint64_t size)
{
    struct {
        struct engine_hash bytes;
        uint64_t index;
        uint64_t size;
    } whole = {engine_hash_bytes(bytes, size), head->index, head->size};
    return engine_hash_bytes(&whole, sizeof(whole));
}

static int note_place(struct sweep_journal *journal, uint64_t index,
                      uint64_t place)
{
    if (index >= journal->room) {
        uint64_t room = journal->room ? journal->room : 1024;
        while (room <= index)
            room *= 2;
        uint64_t *places =
            realloc(journal->places, room * sizeof(*journal->places));
        if (!places)
            return -1;
        memset(places + journal->room, 0,
               (room - journal->room) * sizeof(*places));
        journal->places = places;
        journal->room = room;
    }
    journal->count += journal->places[index] == 0;
    journal->places[index] = place;
    return 0;
}

/* A whole record at `place` into the buffer, or false: the journal ends. */
static bool read_record(struct sweep_journal *journal, uint64_t place,
                        struct record *head)
{
    if (pread(journal->fd, head, sizeof(*head), (off_t)place) !=
            (ssize_t)sizeof(*head) ||
        head->magic != MAGIC || head->size > RECORD_MAX ||
        head->index > UINT32_MAX)
        return false;
    if (pread(journal->fd, journal->buffer, head->size,
              (off_t)(place + sizeof(*head))) != (ssize_t)head->size)
        return false;
    struct engine_hash hash = hash_of(head, journal->buffer, head->size);
    return memcmp(&hash, &head->hash, sizeof(hash)) == 0;
}

static int scan(struct sweep_journal *journal, uint64_t from)
{
    struct record head;
    uint64_t place = from;
    while (read_record(journal, place, &head)) {
        if (note_place(journal, head.index, place))
            return -1;
        place += sizeof(head) + head.size;
    }
    journal->end = place;
    return ftruncate(journal->fd, (off_t)place);
}

/* The first line in which they differ, for both sides of a sentence. */
static void first_difference(const char *found, const char *wanted,
                             char lines[2][512])
{
    for (;;) {
        size_t a = strcspn(found, "\n");
        size_t b = strcspn(wanted, "\n");
        snprintf(lines[0], 512, "%.*s", (int)a, found);
        snprintf(lines[1], 512, "%.*s", (int)b, wanted);
        if (a != b || strncmp(found, wanted, a) != 0 || !found[a] || !wanted[b])
            return;
        found += a + 1;
        wanted += b + 1;
    }
}

static int check_identity(struct sweep_journal *journal, const char *path,
                          const char *identity, char *message, size_t size)
{
    char found[IDENTITY_MAX + 1];
    char lines[2][512];
    size_t length = strlen(identity) + 1; /* an empty line ends it */
    ssize_t got = pread(journal->fd, found, IDENTITY_MAX, 0);
    if (got < 0) {
        snprintf(message, size, "\"%.200s\" cannot be read: %s", path,
                 strerror(errno));
        return SWEEP_JOURNAL_EIO;
    }
    found[got] = '\0';
    char *end = strstr(found, "\n\n");
    if (end && (size_t)(end - found) + 2 == length &&
        strncmp(found, identity, length - 1) == 0)
        return 0;
    if (end)
        end[1] = '\0';
    first_difference(found, identity, lines);
    snprintf(message, size,
             "found in \"%.200s\" another sweep, with %s; this one has %s",
             path, lines[0][0] ? lines[0] : "nothing",
             lines[1][0] ? lines[1] : "nothing");
    return SWEEP_JOURNAL_EFOREIGN;
}

/* All of it or none: what a full disk took of it is given back. */
static int write_all(struct sweep_journal *journal, const void *bytes,
                     size_t size)
{
    size_t at = 0;
    while (at < size) {
        ssize_t put = pwrite(journal->fd, (const char *)bytes + at, size - at,
                             (off_t)(journal->end + at));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            int error = put < 0 ? errno : ENOSPC;
            (void)!ftruncate(journal->fd, (off_t)journal->end);
            errno = error;
            return -1;
        }
        at += (size_t)put;
    }
    journal->end += size;
    return 0;
}

static int open_file(struct sweep_journal *journal, const char *path,
                     const char *identity, char *message, size_t size)
{
    char head[IDENTITY_MAX];
    struct stat status;
    journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (journal->fd < 0 || fstat(journal->fd, &status) != 0) {
        snprintf(message, size, "\"%.200s\" cannot be opened: %s", path,
                 strerror(errno));
        return SWEEP_JOURNAL_EIO;
    }
    if (flock(journal->fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(message, size,
                 "another process is writing \"%.200s\"; wait for it or "
                 "choose another directory with --out DIR",
                 path);
        return SWEEP_JOURNAL_EBUSY;
    }
    int length = snprintf(head, sizeof(head), "%s\n", identity);
    if (length >= (int)sizeof(head)) {
        snprintf(message, size, "the options of the sweep are too long");
        return SWEEP_JOURNAL_EIO;
    }
    if (status.st_size == 0 && write_all(journal, head, (size_t)length) != 0) {
        snprintf(message, size, "\"%.200s\" cannot be written: %s", path,
                 strerror(errno));
        return SWEEP_JOURNAL_EIO;
    }
    int error = check_identity(journal, path, identity, message, size);
    if (!error && scan(journal, (uint64_t)length) != 0) {
        snprintf(message, size, "\"%.200s\" cannot be read: %s", path,
                 strerror(errno));
        return SWEEP_JOURNAL_EIO;
    }
    return error;
}

struct sweep_journal *sweep_journal_open(const char *directory,
                                         const char *name, const char *identity,
                                         int *error, char *message, size_t size)
{
    char path[4200];
    struct sweep_journal *journal = calloc(1, sizeof(*journal));
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    *error = SWEEP_JOURNAL_EIO;
    snprintf(message, size, "out of memory");
    if (!journal)
        return NULL;
    journal->fd = -1;
    journal->buffer = malloc(sizeof(struct record) + RECORD_MAX);
    if (journal->buffer)
        *error = open_file(journal, path, identity, message, size);
    if (*error == 0)
        return journal;
    sweep_journal_close(journal);
    return NULL;
}

void sweep_journal_close(struct sweep_journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->places);
    free(journal->buffer);
    free(journal);
}

size_t sweep_journal_get(struct sweep_journal *journal, uint64_t index,
                         void *result, size_t room)
{
    struct record head;
    if (index >= journal->room || journal->places[index] == 0 ||
        !read_record(journal, journal->places[index], &head) ||
        head.index != index || head.size > room)
        return 0;
    memcpy(result, journal->buffer, head.size);
    return head.size;
}

int sweep_journal_put(struct sweep_journal *journal, uint64_t index,
                      const void *result, size_t size)
{
    struct record head = {.magic = MAGIC, .index = index, .size = size};
    uint64_t place = journal->end;
    if (size == 0 || size > RECORD_MAX || index > UINT32_MAX) {
        errno = EINVAL;
        return -1;
    }
    head.hash = hash_of(&head, result, size);
    memcpy(journal->buffer, &head, sizeof(head));
    memcpy(journal->buffer + sizeof(head), result, size);
    if (write_all(journal, journal->buffer, sizeof(head) + size) != 0)
        return -1;
    if (note_place(journal, index, place) == 0)
        return 0;
    errno = ENOMEM;
    return -1;
}

uint64_t sweep_journal_count(const struct sweep_journal *journal)
{
    return journal->count;
}
