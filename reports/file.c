#include "reports/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        bytes += done;
        size -= (size_t)done;
    }
    return 0;
}

/* Makes the rename itself durable; a directory that cannot sync is no loss. */
static void sync_directory(const char *path)
{
    char *directory = strdup(path);
    if (!directory)
        return;
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = 0;
    int fd = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(directory);
}

/* mkostemp() gives 0600; a report is as readable as any new file. */
static int open_beside(char *name)
{
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return -1;
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) == 0)
        return fd;
    int error = errno;
    close(fd);
    unlink(name);
    errno = error;
    return -1;
}

static int fill(const char *name, int fd, const char *path, const void *bytes,
                size_t size)
{
    int failed = write_all(fd, bytes, size) || fsync(fd);
    int error = errno;
    if (close(fd) && !failed) {
        failed = 1;
        error = errno;
    }
    if (!failed && rename(name, path)) {
        failed = 1;
        error = errno;
    }
    if (!failed)
        return 0;
    unlink(name);
    errno = error;
    return -1;
}

/* Who ends the program meanwhile ends it when the file is there: nothing is
 * left beside it. */
static void hold_signals(sigset_t *former)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, former);
}

int report_file_write(const char *path, const void *bytes, size_t size)
{
    size_t room = strlen(path) + 8;
    char *name = malloc(room);
    if (!name) {
        errno = ENOMEM;
        return -1;
    }
    snprintf(name, room, "%s.XXXXXX", path);
    sigset_t former;
    hold_signals(&former);
    int fd = open_beside(name);
    int result = fd < 0 ? -1 : fill(name, fd, path, bytes, size);
    int error = errno;
    sigprocmask(SIG_SETMASK, &former, NULL);
    free(name);
    if (result == 0)
        sync_directory(path);
    errno = error;
    return result;
}
