#include "scenarios/doctor.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#ifndef PERDURE_NO_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include "engine/host/loop.h"
#include "reports/format.h"
#include "reports/library.h"
#include "scenarios/machine.h"
#include "scenarios/read_files.h"
#include "scenarios/runner.h"

#define MIB (UINT64_C(1) << 20)
#define TMPFS_MAGIC 0x01021994

enum {
    SYNCS = 15,
    SYNC_BYTES = 4096,
    FILES_LEAST = 1024, /* descriptors: an engine with many clients */
    ANSWER_SECONDS = 5
};

/* A program that runs users' functions. */
struct runtime {
    const char *name;
    const char *names[4];
    unsigned least[2]; /* version */
    const char *install;
    const char *renew;
    const char *part; /* that needs it */
};

static const char install[] =
    "install perdure with its files: make install (or run build/perdure)";

/* Rows ----------------------------------------------------------------------
 */

static void add(struct doctor *doctor, enum doctor_state state,
                const char *name, const char *repair, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void add(struct doctor *doctor, enum doctor_state state,
                const char *name, const char *repair, const char *format, ...)
{
    va_list arguments;
    assert(doctor->count < DOCTOR_ROWS_MAX);
    struct doctor_row *row = &doctor->rows[doctor->count++];
    *row = (struct doctor_row){.state = state};
    snprintf(row->name, sizeof(row->name), "%s", name);
    if (state != DOCTOR_OK)
        snprintf(row->repair, sizeof(row->repair), "%s", repair);
    va_start(arguments, format);
    vsnprintf(row->found, sizeof(row->found), format, arguments);
    va_end(arguments);
}

/* What it is made of --------------------------------------------------------
 */

static void look_at_program(struct doctor *doctor)
{
    char path[160] = "?";
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[size > 0 ? size : 1] = '\0';
    add(doctor, DOCTOR_OK, "perdure", "", "%s, %s", runner_version(), path);
}

static void look_at_sqlite(struct doctor *doctor)
{
    bool safe = sqlite3_threadsafe() != 0;
    bool log = !sqlite3_compileoption_used("OMIT_WAL");
    bool omits = sqlite3_compileoption_used("OMIT_BLOB_LITERAL");
    bool fits = log && !omits && sqlite3_libversion_number() >= 3035000;
    add(doctor, fits ? DOCTOR_OK : DOCTOR_MISSING, "sqlite",
        "a SQLite from 3.35 with a write-ahead log: apt-get install "
        "libsqlite3-dev, make",
        "%s; write-ahead log %s, threads %s, default sync %s",
        sqlite3_libversion(), log ? "yes" : "no", safe ? "yes" : "no",
        sqlite3_compileoption_used("DEFAULT_WAL_SYNCHRONOUS=1") ? "normal"
                                                                : "full");
}

static void look_at_libraries(struct doctor *doctor)
{
    add(doctor, DOCTOR_OK, "libraries", "",
        "cJSON %s, libsodium %s, zstd %s, libfiu", cJSON_Version(),
        sodium_version_string(), ZSTD_versionString());
#ifdef PERDURE_NO_JEMALLOC
    add(doctor, DOCTOR_WARN, "allocator",
        "apt-get install libjemalloc-dev, then make without ALLOC=glibc",
        "that of the C library: sweeps are slower than with jemalloc");
#else
    const char *version = "?";
    size_t size = sizeof(version);
    (void)mallctl("version", &version, &size, NULL, 0);
    add(doctor, DOCTOR_OK, "allocator", "", "jemalloc %.*s",
        (int)strcspn(version, "-"), version);
#endif
    bool has = report_library() != NULL;
    add(doctor, has ? DOCTOR_OK : DOCTOR_WARN, "chart library",
        "apt-get install libjs-dygraphs, then build again: make", "%s",
        has ? "in the program: charts of report.html can be zoomed"
            : "not in the program: charts of report.html stand still");
}

/* Its own files; a scenario that names a profile needs them. */
static void look_at_files(struct doctor *doctor)
{
    static const char *const names[] = {
        "profiles/lambda-2026.json", "orders-on-lambda.json",
        "scenario.schema.json", "lambda/runtime/bootstrap.cjs",
        "lambda/runtime/bootstrap.py"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char *path = read_files_shipped(names[i]);
        bool there = path != NULL;
        if (!there) {
            add(doctor, DOCTOR_MISSING, "scenarios", install,
                "%s does not lie beside the program", names[i]);
            return;
        }
        if (i == 1)
            add(doctor, DOCTOR_OK, "scenarios", "", "%.200s", path);
        free(path);
    }
}

/* The machine -------------------------------------------------------------- */

static uint64_t memory_available(void)
{
    uint64_t kib = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}

static void look_at_machine(struct doctor *doctor)
{
    struct machine machine;
    struct report_word word;
    struct rlimit files = {0};
    machine_describe(&machine);
    add(doctor, DOCTOR_OK, "machine", "", "%" PRIu64 " cores, %.90s, %.90s",
        machine.cores, machine.cpu, machine.system);
    uint64_t memory = memory_available();
    bool enough = memory == 0 || memory >= 512 * MIB;
    add(doctor, enough ? DOCTOR_OK : DOCTOR_WARN, "memory",
        "end other programs, or give sweeps fewer --jobs", "%s available",
        memory ? report_format_bytes(&word, memory) : "unknown");
    (void)getrlimit(RLIMIT_NOFILE, &files);
    add(doctor, files.rlim_cur >= FILES_LEAST ? DOCTOR_OK : DOCTOR_WARN,
        "open files", "ulimit -n 4096", "at most %" PRIu64,
        (uint64_t)files.rlim_cur);
}

/* The disk ----------------------------------------------------------------- */

static int by_time(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

/* The median of some writes with their syncs; 0 with errno: it cannot. */
static uint64_t sync_ns(int fd)
{
    static const char bytes[SYNC_BYTES];
    uint64_t times[SYNCS];
    for (int i = 0; i < SYNCS; i++) {
        uint64_t began = host_mono_ns();
        if (pwrite(fd, bytes, sizeof(bytes), (off_t)i * SYNC_BYTES) !=
                SYNC_BYTES ||
            fsync(fd) != 0)
            return 0;
        times[i] = host_mono_ns() - began;
    }
    qsort(times, SYNCS, sizeof(*times), by_time);
    return times[SYNCS / 2] ? times[SYNCS / 2] : 1;
}

static void say_sync(struct doctor *doctor, const char *directory, uint64_t ns)
{
    struct statfs disk = {0};
    struct report_word words[2];
    bool memory = statfs(directory, &disk) == 0 && disk.f_type == TMPFS_MAGIC;
    bool slow = ns > 20000000;
    add(doctor, memory || slow ? DOCTOR_WARN : DOCTOR_OK, "fsync",
        memory ? "put databases elsewhere: nothing here outlives the machine"
               : "a faster disk, or perdure engine --store-sync normal",
        "%s%s: an engine here makes at most %s commits a second",
        report_format_ns(&words[0], ns), memory ? " in memory (tmpfs)" : "",
        report_format_count(&words[1], UINT64_C(1000000000) / ns));
}

static void look_at_sync(struct doctor *doctor, const char *directory)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/.perdure-doctor-XXXXXX", directory);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    uint64_t ns = fd >= 0 ? sync_ns(fd) : 0;
    if (ns == 0)
        add(doctor, DOCTOR_MISSING, "fsync",
            "go to a directory that can be written, or choose it with --out",
            "no file can be written in %.100s: %s", directory, strerror(errno));
    else
        say_sync(doctor, directory, ns);
    if (fd >= 0)
        close(fd);
}

static void look_at_space(struct doctor *doctor, const char *directory)
{
    struct statvfs disk;
    struct report_word word;
    if (statvfs(directory, &disk) != 0) {
        add(doctor, DOCTOR_MISSING, "free space",
            "go to a directory that is there", "%.100s: %s", directory,
            strerror(errno));
        return;
    }
    uint64_t bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    add(doctor,
        bytes < 64 * MIB     ? DOCTOR_MISSING
        : bytes < 1024 * MIB ? DOCTOR_WARN
                             : DOCTOR_OK,
        "free space", "make room, or choose another directory with --out",
        "%s in %.150s", report_format_bytes(&word, bytes), directory);
}

static void look_at_directory(struct doctor *doctor, const char *name,
                              const char *directory, enum doctor_state without)
{
    bool good = access(directory, W_OK | X_OK) == 0;
    add(doctor, good ? DOCTOR_OK : without, name,
        "go to a directory that can be written, or choose it with --out",
        good ? "%.150s can be written" : "%.150s cannot be written", directory);
}

/* The rest ----------------------------------------------------------------- */

/* Output is the same in each locale; a terminal must show its signs. */
static void look_at_locale(struct doctor *doctor, const char *locale)
{
    bool shows = locale && (strcasestr(locale, "utf-8") != NULL ||
                            strcasestr(locale, "utf8") != NULL);
    add(doctor, shows ? DOCTOR_OK : DOCTOR_WARN, "locale",
        "export LANG=C.UTF-8",
        shows ? "%.60s" : "%.60s: not UTF-8, signs as in 12 µs may look odd",
        locale && *locale ? locale : "none");
}

/* The first of its names that lies in PATH; NULL: none of them. */
static const char *find_program(const char *path, const char *const *names,
                                char *found, size_t size)
{
    for (; *names; names++)
        for (const char *at = path; at && *at;) {
            size_t length = strcspn(at, ":");
            snprintf(found, size, "%.*s/%s", (int)length, at, *names);
            if (length > 0 && access(found, X_OK) == 0)
                return found;
            at += length + (at[length] == ':');
        }
    return NULL;
}

static void look_at_chromium(struct doctor *doctor, const char *path)
{
    static const char *const names[] = {"chromium", "chromium-browser",
                                        "google-chrome", NULL};
    char found[512];
    const char *at = find_program(path, names, found, sizeof(found));

    add(doctor, at ? DOCTOR_OK : DOCTOR_WARN, "chromium",
        "apt-get install chromium", at ? "%.200s" : "not there: %.100s",
        at ? at : "only tests of report.html in a browser need it");
}

/* What runs functions ------------------------------------------------------ */

/* In the child. */
static void become(const char *program, int output)
{
    (void)alarm(ANSWER_SECONDS);
    if (dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0)
        (void)execl(program, program, "--version", (char *)NULL);
    _exit(127);
}

/* The first numbers of what "program --version" says. False: there are none. */
static bool ask_version(const char *program, unsigned version[2])
{
    char said[128] = "";
    int ends[2];

    if (pipe2(ends, O_CLOEXEC))
        return false;
    pid_t child = fork();
    if (child == 0)
        become(program, ends[1]);
    close(ends[1]);
    ssize_t size = child > 0 ? read(ends[0], said, sizeof(said) - 1) : 0;
    said[size > 0 ? size : 0] = '\0';
    close(ends[0]);
    if (child > 0)
        (void)waitpid(child, NULL, 0);
    return sscanf(said, "%*[^0-9]%u.%u", &version[0], &version[1]) == 2;
}

static void look_at_runtime(struct doctor *doctor, const char *path,
                            const struct runtime *runtime)
{
    unsigned version[2] = {0};
    char found[512];
    const char *at = find_program(path, runtime->names, found, sizeof(found));

    if (!at) {
        add(doctor, DOCTOR_WARN, runtime->name, runtime->install,
            "not there: only %.100s", runtime->part);
        return;
    }
    if (!ask_version(at, version)) {
        add(doctor, DOCTOR_WARN, runtime->name, runtime->install,
            "%.150s does not say which version it is", at);
        return;
    }
    bool fits =
        version[0] > runtime->least[0] ||
        (version[0] == runtime->least[0] && version[1] >= runtime->least[1]);
    add(doctor, fits ? DOCTOR_OK : DOCTOR_WARN, runtime->name, runtime->renew,
        fits ? "%u.%u, %.150s" : "%u.%u, %.150s: functions want %u.%u or later",
        version[0], version[1], at, runtime->least[0], runtime->least[1]);
}

static void look_at_runtimes(struct doctor *doctor, const char *path)
{
    static const struct runtime runtimes[] = {
        {.name = "node",
         .names = {"node", "nodejs", NULL},
         .least = {22, 0},
         .install = "apt-get install nodejs npm",
         .renew = "npm install node@22 beside a function, and perdure lambda "
                  "--node node_modules/.bin/node",
         .part = "JavaScript functions and tests of files for other tools "
                 "need it"},
        {.name = "python3",
         .names = {"python3", NULL},
         .least = {3, 9},
         .install = "apt-get install python3",
         .renew = "apt-get install python3",
         .part = "Python functions and tests need it"},
    };

    for (size_t i = 0; i < sizeof(runtimes) / sizeof(*runtimes); i++)
        look_at_runtime(doctor, path, &runtimes[i]);
}

/* Where node would look for it: there and above. */
static void look_at_sdk(struct doctor *doctor, const char *directory)
{
    static const char package[] = "node_modules/@aws/durable-execution-sdk-js";
    char *place = realpath(directory, NULL);
    char path[4200] = "";
    bool there = false;

    for (char *end = place ? place + strlen(place) : NULL; end && !there;
         end = strrchr(place, '/')) {
        *end = '\0';
        snprintf(path, sizeof(path), "%s/%s/package.json", place, package);
        there = access(path, R_OK) == 0;
    }
    add(doctor, there ? DOCTOR_OK : DOCTOR_WARN, "durable SDK",
        "npm install @aws/durable-execution-sdk-js",
        there ? "%.200s"
              : "not in %.100s or above: only JavaScript functions need it",
        there ? path : directory);
    free(place);
}

void doctor_look(struct doctor *doctor, const struct doctor_place *place)
{
    const char *temporary = getenv("TMPDIR");
    *doctor = (struct doctor){.count = 0};
    look_at_program(doctor);
    look_at_files(doctor);
    look_at_sqlite(doctor);
    look_at_libraries(doctor);
    look_at_machine(doctor);
    look_at_directory(doctor, "directory", place->directory, DOCTOR_MISSING);
    look_at_directory(doctor, "temporary files",
                      temporary && *temporary ? temporary : "/tmp",
                      DOCTOR_WARN);
    look_at_space(doctor, place->directory);
    look_at_sync(doctor, place->directory);
    look_at_locale(doctor, place->locale);
    look_at_chromium(doctor, place->path);
    look_at_runtimes(doctor, place->path);
    look_at_sdk(doctor, place->directory);
}

enum doctor_state doctor_state(const struct doctor *doctor)
{
    enum doctor_state state = DOCTOR_OK;
    for (uint32_t i = 0; i < doctor->count; i++)
        if (doctor->rows[i].state > state)
            state = doctor->rows[i].state;
    return state;
}

/* Output --------------------------------------------------------------------
 */

static const char *const state_names[] = {"ok", "warn", "missing"};

void doctor_text(const struct doctor *doctor, struct report_buffer *out)
{
    for (uint32_t i = 0; i < doctor->count; i++) {
        const struct doctor_row *row = &doctor->rows[i];
        report_buffer_print(out, "%-8s %-16s ", state_names[row->state],
                            row->name);
        report_buffer_plain(out, row->found, sizeof(row->found));
        report_buffer_put(out, "\n");
        if (row->repair[0] != '\0')
            report_buffer_print(out, "%-25s -> %s\n", "", row->repair);
    }
}

static void member(struct report_buffer *out, const char *name,
                   const char *value, const char *end)
{
    report_buffer_print(out, "\"%s\": ", name);
    report_buffer_json(out, value, strlen(value));
    report_buffer_put(out, end);
}

void doctor_json(const struct doctor *doctor, struct report_buffer *out)
{
    report_buffer_put(out, "{\n  \"checks\": [");
    for (uint32_t i = 0; i < doctor->count; i++) {
        const struct doctor_row *row = &doctor->rows[i];
        report_buffer_put(out, i ? ",\n    {" : "\n    {");
        member(out, "found", row->found, ", ");
        member(out, "name", row->name, ", ");
        if (row->repair[0] != '\0')
            member(out, "repair", row->repair, ", ");
        member(out, "state", state_names[row->state], "}");
    }
    report_buffer_put(out, "\n  ],\n  ");
    member(out, "schema", "perdure.doctor/1", ",\n  ");
    member(out, "state", state_names[doctor_state(doctor)], "\n}\n");
}
