#include "scenarios/reproduce.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/loop.h"
#include "engine/store.h"
#include "faults/defects.h"
#include "reports/file.h"
#include "reports/format.h"
#include "scenarios/document.h"
#include "scenarios/heal.h"
#include "scenarios/reproduce.h"
#include "scenarios/runner.h"
#include "scenarios/world.h"

#define SECOND UINT64_C(1000000000)
#define CRASH "crash"

enum {
    EVENTS_LEAST = 50000,
    PROPERTY_CRASH = 64 /* in place of a check's index */
};

struct court {
    const struct reproduce_request *request;
    struct reproduce_result *result;
    cJSON *document;
    struct shrink_seen *seen;  /* of the document */
    struct shrink_seen *sound; /* of a candidate without its defects */
    uint32_t property;         /* index in check_all, or PROPERTY_CRASH */
    int status;                /* of PROPERTY_CRASH */
    bool has_defects;
    bool strict;           /* without them nothing at all failed */
    uint64_t events_max;   /* 0: whatever it takes */
    uint64_t events_a_run; /* and so many for each run; 0: so far unknown */
    uint64_t wall_max_ns;
    uint64_t until_ns;
    struct shrink_size size; /* of the candidate that was tried last */
    bool broken;             /* no process could be had */
    char *message;
    size_t message_size;
};

/* The document ------------------------------------------------------------ */

static bool put_seed(cJSON *document, uint64_t seed)
{
    char text[24];
    cJSON_DeleteItemFromObjectCaseSensitive(document, "seed");
    if (seed <= (uint64_t)JSON_INT_MAX)
        return cJSON_AddNumberToObject(document, "seed", (double)seed);
    snprintf(text, sizeof(text), "%" PRIu64, seed);
    return cJSON_AddStringToObject(document, "seed", text) != NULL;
}

static bool put_defects(struct court *court)
{
    const struct reproduce_request *request = court->request;
    const struct scenario *scenario = request->scenario;
    cJSON_DeleteItemFromObjectCaseSensitive(court->document, "defects");
    court->has_defects = scenario->defect_count + request->defect_count > 0;
    if (!court->has_defects)
        return true;
    cJSON *list = cJSON_AddArrayToObject(court->document, "defects");
    bool good = list != NULL;
    for (uint32_t i = 0; i < scenario->defect_count && good; i++)
        good = cJSON_AddItemToArray(list,
                                    cJSON_CreateString(scenario->defects[i]));
    for (uint32_t i = 0; i < request->defect_count && good; i++)
        good =
            scenario_has_defect(scenario, request->defects[i]) ||
            cJSON_AddItemToArray(list, cJSON_CreateString(request->defects[i]));
    return good;
}

/* What was asked for on the command line stands in the document. */
static bool put_checks(struct court *court)
{
    const struct reproduce_request *request = court->request;
    bool golden = request->golden || request->scenario->golden;
    bool paranoid = request->paranoid || request->scenario->paranoid;
    cJSON_DeleteItemFromObjectCaseSensitive(court->document, "checks");
    if (!golden && !paranoid)
        return true;
    cJSON *list = cJSON_AddArrayToObject(court->document, "checks");
    return list &&
           (!golden ||
            cJSON_AddItemToArray(list, cJSON_CreateString("golden"))) &&
           (!paranoid ||
            cJSON_AddItemToArray(list, cJSON_CreateString("paranoid")));
}

/* What the seed drew for a swarm stands in the document, which may lose both:
   a fault written out by itself has no swarm that it ends with. */
static bool put_heal(struct court *court)
{
    const struct scenario *scenario = court->request->scenario;
    enum check_heal heal = heal_mode(scenario, court->request->seed);
    return !scenario->swarm || scenario->heal != SCENARIO_HEAL_DRAWN ||
           cJSON_AddStringToObject(court->document, "heal", heal_name(heal));
}

static bool make_document(struct court *court)
{
    court->document = document_flatten(court->request->scenario);
    return court->document && put_seed(court->document, court->request->seed) &&
           put_defects(court) && put_checks(court) && put_heal(court);
}

/* Trying ------------------------------------------------------------------ */

/* A smaller world that takes many more events for its size is not tried to
   its end; so cheap ones come first. */
static uint64_t events_for(const struct court *court, const cJSON *document)
{
    struct shrink_size size = shrink_size(document);
    uint64_t some = size.runs * court->events_a_run + EVENTS_LEAST;
    return court->events_max && court->events_a_run && some < court->events_max
               ? some
               : court->events_max;
}

static void tell_progress(void *self)
{
    const struct court *court = self;
    const struct reproduce_request *request = court->request;
    char rest[120];
    struct progress_now now = {
        .unit = "tried",
        .done = court->result->shrunk.trials,
        .total = request->trials_max,
        .has_seed = true,
        .seed = request->seed,
        .rest = rest,
    };
    snprintf(rest, sizeof(rest),
             "%" PRIu64 " faults, %" PRIu64 " runs, %" PRIu64 " nodes",
             court->size.faults, court->size.runs, court->size.nodes);
    if (request->progress)
        request->progress(request->progress_self, &now);
}

static bool try_document(struct court *court, const cJSON *document, bool sound,
                         struct shrink_seen *seen)
{
    char *text = cJSON_PrintUnformatted(document);
    struct shrink_trial trial = {
        .text = text,
        .size = text ? strlen(text) : 0,
        .name = court->request->scenario->sources[0].name,
        .files = court->request->scenario,
        .sound = sound,
        .events_max = events_for(court, document),
        .wall_max_ns = court->wall_max_ns,
        .interrupted = court->request->interrupted,
        .tick = tell_progress,
        .tick_self = court,
    };
    if (!text || shrink_try(&trial, seen) != 0) {
        snprintf(court->message, court->message_size,
                 "a candidate could not be run: %s", strerror(errno));
        court->broken = true;
    }
    cJSON_free(text);
    return !court->broken;
}

static bool has_failed(const struct court *court,
                       const struct shrink_seen *seen)
{
    if (court->property == PROPERTY_CRASH)
        return seen->end == SHRINK_CRASHED && seen->status == court->status;
    return seen->end == SHRINK_JUDGED &&
           (seen->result.failed >> court->property & 1) &&
           (court->events_max == 0 || seen->result.end != SCENARIO_END_EVENTS);
}

/* When what is reproduced went wrong. */
static void note_time(const struct court *court, struct shrink_seen *seen)
{
    if (court->property != PROPERTY_CRASH)
        seen->failed_ns = seen->result.failed_ns[court->property];
}

/* The engine without its seeded defects must hold in the same world, or it is
   the world that is to blame by now. */
static bool holds_without(struct court *court, const cJSON *document)
{
    if (!court->has_defects)
        return true;
    if (!try_document(court, document, true, court->sound) ||
        court->sound->end != SHRINK_JUDGED)
        return false;
    return court->strict ? court->sound->result.failed == 0
                         : !has_failed(court, court->sound);
}

static bool fails(void *self, const cJSON *document, struct shrink_seen *seen)
{
    struct court *court = self;
    bool good = try_document(court, document, false, seen) &&
                has_failed(court, seen) && holds_without(court, document);
    note_time(court, seen);
    court->size = shrink_size(document);
    tell_progress(court);
    return good;
}

static bool over(void *self)
{
    const struct court *court = self;
    const struct reproduce_request *request = court->request;
    return court->broken || host_mono_ns() >= court->until_ns ||
           (request->interrupted && *request->interrupted);
}

/* Which failure ----------------------------------------------------------- */

static uint32_t find_check(const char *id)
{
    uint32_t i = 0;
    while (check_all[i] && strcmp(check_all[i]->id, id) != 0)
        i++;
    return i;
}

/* The property that a seeded defect breaks, if that is one that failed. */
static uint32_t choose(const struct court *court, uint64_t failed)
{
    const cJSON *list =
        cJSON_GetObjectItemCaseSensitive(court->document, "defects");
    const cJSON *name;
    cJSON_ArrayForEach(name, list)
    {
        const struct fault_defect *defect =
            fault_defect_find(name->valuestring);
        uint32_t index = defect ? find_check(defect->property) : 64;
        if (index < 64 && failed >> index & 1)
            return index;
    }
    return (uint32_t)__builtin_ctzll(failed);
}

static void list_failed(uint64_t failed, char *text, size_t size)
{
    size_t used = 0;
    snprintf(text, size, "none");
    for (uint32_t i = 0; check_all[i] && used < size; i++)
        if (failed >> i & 1)
            used += (size_t)snprintf(text + used, size - used, "%s%s",
                                     used ? ", " : "", check_all[i]->id);
}

static int nothing_fails(struct court *court)
{
    const struct reproduce_request *request = court->request;
    const struct shrink_seen *seen = court->seen;
    char failed[128];
    if (request->interrupted && *request->interrupted) {
        snprintf(court->message, court->message_size,
                 "interrupted before the failure was seen once: nothing was "
                 "saved");
        return REPRODUCE_EINTERRUPTED;
    }
    list_failed(seen->result.failed, failed, sizeof(failed));
    if (seen->end == SHRINK_REFUSED)
        snprintf(court->message, court->message_size, "%s", seen->message);
    else if (seen->end == SHRINK_HUNG)
        snprintf(court->message, court->message_size,
                 "the run did not end in %" PRIu64 " s",
                 court->wall_max_ns / SECOND);
    else
        snprintf(court->message, court->message_size,
                 "found failed properties of \"%.200s\" at seed %" PRIu64
                 ": %s, allowed %s: there is nothing to shrink",
                 court->request->file, court->request->seed, failed,
                 court->request->property ? court->request->property
                                          : "one that fails");
    return REPRODUCE_EHELD;
}

/* Runs it as it is and finds out what fails. */
static int find_failure(struct court *court)
{
    const char *wanted = court->request->property;
    struct shrink_seen *seen = court->seen;
    court->wall_max_ns = 120 * SECOND;
    if (!try_document(court, court->document, false, seen))
        return REPRODUCE_EENVIRONMENT;
    uint64_t failed = seen->end == SHRINK_JUDGED ? seen->result.failed : 0;
    if (seen->end == SHRINK_CRASHED &&
        (!wanted || strcmp(wanted, CRASH) == 0)) {
        court->property = PROPERTY_CRASH;
        court->status = seen->status;
    } else {
        court->property = wanted   ? find_check(wanted)
                          : failed ? choose(court, failed)
                                   : 63;
        if (!(failed >> court->property & 1))
            return nothing_fails(court);
    }
    court->wall_max_ns = seen->wall_ns + 5 * SECOND;
    note_time(court, seen);
    court->strict = true;
    court->strict = holds_without(court, court->document);
    if (seen->end == SHRINK_JUDGED && seen->result.end != SCENARIO_END_EVENTS) {
        court->events_max = 2 * seen->result.events + EVENTS_LEAST;
        court->events_a_run = 4 * seen->result.events / seen->run_count;
    }
    return court->broken ? REPRODUCE_EENVIRONMENT : 0;
}

static const char *property_id(const struct court *court)
{
    return court->property == PROPERTY_CRASH ? CRASH
                                             : check_all[court->property]->id;
}

static int shrink_it(struct court *court)
{
    struct shrink_oracle oracle = {
        .fails = fails,
        .over = over,
        .self = court,
        .trials_max = court->request->trials_max,
        .start_ns = SCENARIO_START_NS,
        .keep_limit = !court->has_defects && property_id(court)[0] == 'L',
    };
    if (shrink(&court->document, court->seen, &oracle,
               &court->result->shrunk) == 0)
        return court->broken ? REPRODUCE_EENVIRONMENT : 0;
    snprintf(court->message, court->message_size, "out of memory");
    return REPRODUCE_EENVIRONMENT;
}

/* The file ---------------------------------------------------------------- */

/* Of everything but "reproduces", whatever its layout. */
static bool hash_content(const cJSON *document, char text[33])
{
    struct report_word word;
    cJSON *twin = cJSON_Duplicate(document, true);
    cJSON_DeleteItemFromObjectCaseSensitive(twin, "reproduces");
    char *plain = twin ? cJSON_PrintUnformatted(twin) : NULL;
    if (plain)
        snprintf(text, 33, "%s",
                 report_format_digest(&word,
                                      engine_hash_bytes(plain, strlen(plain))));
    cJSON_free(plain);
    cJSON_Delete(twin);
    return plain != NULL;
}

/* The keys for people first. */
static bool put_first(cJSON *document, const char *key, const char *text)
{
    cJSON *item = cJSON_CreateString(text);
    cJSON_DeleteItemFromObjectCaseSensitive(document, key);
    if (!item || !cJSON_AddItemToObject(document, key, item))
        return false;
    cJSON_DetachItemViaPointer(document, item);
    return cJSON_InsertItemInArray(document, 0, item);
}

/* One sentence of the report, cut where it is long. */
static void tell(struct court *court)
{
    struct reproduce_result *result = court->result;
    snprintf(result->property, sizeof(result->property), "%s",
             property_id(court));
    result->digest = court->seen->result.digest;
    if (court->property == PROPERTY_CRASH)
        snprintf(result->text, sizeof(result->text),
                 "the process ended with signal or code %d", court->status);
    else if (court->seen->result.property == court->property)
        snprintf(result->text, sizeof(result->text), "%s",
                 court->seen->result.text);
    else
        snprintf(result->text, sizeof(result->text), "%s %s, along with %.380s",
                 check_all[court->property]->id,
                 check_all[court->property]->name, court->seen->result.text);
}

static bool put_reproduces(struct court *court)
{
    const struct reproduce_request *request = court->request;
    char from[640], content[33];
    struct report_word word;
    const cJSON *defects =
        cJSON_GetObjectItemCaseSensitive(court->document, "defects");
    char *list = defects ? cJSON_PrintUnformatted(defects) : NULL;
    snprintf(from, sizeof(from), "%.400s, seed %" PRIu64 "%s%.160s",
             request->file, request->seed, list ? ", defects " : "",
             list ? list : "");
    cJSON_free(list);
    if (!hash_content(court->document, content))
        return false;
    cJSON *object = cJSON_AddObjectToObject(court->document, "reproduces");
    return object &&
           cJSON_AddStringToObject(object, "property",
                                   court->result->property) &&
           cJSON_AddStringToObject(object, "text", court->result->text) &&
           cJSON_AddStringToObject(
               object, "digest",
               report_format_digest(&word, court->result->digest)) &&
           cJSON_AddStringToObject(object, "version", runner_version()) &&
           cJSON_AddStringToObject(object, "content", content) &&
           cJSON_AddStringToObject(object, "from", from);
}

static bool finish_document(struct court *court)
{
    char why[TRIAL_TEXT_SIZE + 64];
    cJSON *document = court->document;
    tell(court);
    snprintf(why, sizeof(why), "It fails: %s", court->result->text);
    cJSON_DeleteItemFromObjectCaseSensitive(document, "exit");
    if (court->property != PROPERTY_CRASH &&
        !cJSON_AddNumberToObject(document, "exit", 3))
        return false;
    return put_first(document, "why", why) && put_reproduces(court);
}

static int write_document(struct court *court)
{
    struct reproduce_result *result = court->result;
    char *text =
        finish_document(court) ? document_print(court->document) : NULL;
    int length = snprintf(result->path, sizeof(result->path), "%s/%s-%s.json",
                          court->request->directory,
                          court->request->scenario->name, result->property);
    int error = 0;
    if (!text || length >= (int)sizeof(result->path)) {
        snprintf(court->message, court->message_size, "out of memory");
        error = REPRODUCE_EENVIRONMENT;
    } else if (report_file_write(result->path, text, strlen(text)) != 0) {
        snprintf(court->message, court->message_size,
                 "\"%.300s\" could not be written: %s", result->path,
                 strerror(errno));
        error = REPRODUCE_EENVIRONMENT;
    }
    free(text);
    return error;
}

/* What was saved, read again and run. */
static int prove(struct court *court)
{
    struct json_error error = {0};
    struct shrink_seen *seen = court->sound;
    struct scenario *saved = scenario_read(court->result->path, &error);
    if (!saved) {
        snprintf(court->message, court->message_size, "%s", error.text);
        return REPRODUCE_EUNSTABLE;
    }
    struct shrink_trial trial = {
        .text = saved->sources[0].text,
        .size = saved->sources[0].size,
        .name = saved->sources[0].name,
        .files = saved,
        .wall_max_ns = 4 * court->wall_max_ns + 120 * SECOND,
        .tick = tell_progress,
        .tick_self = court,
    };
    court->events_max = 0;
    bool same = shrink_try(&trial, seen) == 0 && has_failed(court, seen) &&
                engine_hash_equal(seen->result.digest, court->result->digest);
    same = same &&
           reproduce_check(saved, court->message, court->message_size) == 0;
    scenario_free(saved);
    if (same)
        return 0;
    snprintf(court->message, court->message_size,
             "what was saved in \"%.300s\" does not fail as it did before it "
             "was saved",
             court->result->path);
    return REPRODUCE_EUNSTABLE;
}

int reproduce(const struct reproduce_request *request,
              struct reproduce_result *result, char *message, size_t size)
{
    uint64_t began = host_mono_ns();
    struct court court = {.request = request,
                          .result = result,
                          .seen = calloc(1, sizeof(*court.seen)),
                          .sound = calloc(1, sizeof(*court.sound)),
                          .message = message,
                          .message_size = size};
    int error = REPRODUCE_EENVIRONMENT;
    *result = (struct reproduce_result){0};
    snprintf(message, size, "out of memory");
    if (court.seen && court.sound && make_document(&court)) {
        court.size = shrink_size(court.document);
        error = find_failure(&court);
        court.until_ns = host_mono_ns() + request->budget_ns;
        /* No candidate may use up the time of the others. */
        if (court.wall_max_ns > request->budget_ns / 8 + SECOND)
            court.wall_max_ns = request->budget_ns / 8 + SECOND;
        if (!error)
            error = shrink_it(&court);
        if (!error)
            error = write_document(&court);
        if (!error)
            error = prove(&court);
    }
    result->wall_ns = host_mono_ns() - began;
    cJSON_Delete(court.document);
    free(court.seen);
    free(court.sound);
    return error;
}

int reproduce_check(const struct scenario *scenario, char *message, size_t size)
{
    const struct scenario_reproduces *made = &scenario->reproduces;
    const struct scenario_source *source = &scenario->sources[0];
    char content[33] = "";
    if (made->property[0] == '\0')
        return 0;
    if (strcmp(made->version, runner_version()) != 0) {
        snprintf(message, size,
                 "found a reproduction made by perdure %s, allowed %s, which "
                 "this is: the same run is not to be expected; --force tries",
                 made->version, runner_version());
        return -1;
    }
    cJSON *document = cJSON_ParseWithLength(source->text, source->size);
    bool good = document && hash_content(document, content);
    cJSON_Delete(document);
    if (good && strcmp(content, made->content) == 0)
        return 0;
    snprintf(message, size,
             "found a reproduction whose content has the hash %s, allowed %s: "
             "it was changed after it was made; --force tries, or take "
             "\"reproduces\" out of it",
             content, made->content);
    return -1;
}
