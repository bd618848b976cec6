#include "scenarios/lambda/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FAULTS_MAX = 256,
    TIMES_MAX = 1000000
};

/* How often an execution has come to a boundary. */
struct visits {
    uint64_t run;
    uint32_t count;
};

struct fault {
    uint32_t number;
    enum lambda_fault what;
    struct lambda_point at;
    uint32_t times;
    uint32_t size; /* of what it does: seconds, if it makes late */
    uint32_t struck;
    uint64_t run;                           /* that it strikes; 0: none yet */
    char function[LAMBDA_FUNCTION_MAX + 1]; /* "": any */
    struct visits *visits; /* of those that may still be struck */
    uint32_t visit_count;
    uint32_t visit_capacity;
};

struct lambda_faults {
    struct fault all[FAULTS_MAX];
    uint32_t count;
    uint32_t last; /* number given */
};

/* Boundaries by name ------------------------------------------------------ */

static const char *const actions[] = {"START", "SUCCEED", "FAIL", "RETRY",
                                      "CANCEL"};

static bool take_word(const char **text, const char *word)
{
    size_t size = strlen(word);

    if (strncmp(*text, word, size) != 0)
        return false;
    *text += size;
    return true;
}

/* " #N" at the end; 1 if there is none, 0 if it is no number. */
static uint32_t take_number(const char *text, size_t *size)
{
    const char *mark = strrchr(text, '#');
    unsigned long number;
    char *end;

    *size = strlen(text);
    if (!mark || mark < text + 1 || mark[-1] != ' ')
        return 1;
    number = strtoul(mark + 1, &end, 10);
    if (*end || mark[1] < '1' || mark[1] > '9' || number > TIMES_MAX)
        return 0;
    *size = (size_t)(mark - text) - 1;
    return (uint32_t)number;
}

static bool is_place(const char *text, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(text, name, size) == 0;
}

/* Cuts the action off an update's name. */
static void take_action(struct lambda_point *point)
{
    char *space = strrchr(point->operation, ' ');

    for (unsigned i = 0; space && i < sizeof(actions) / sizeof(*actions); i++)
        if (strcmp(space + 1, actions[i]) == 0) {
            snprintf(point->action, sizeof(point->action), "%s", actions[i]);
            *space = '\0';
            return;
        }
}

bool lambda_point_read(const char *text, struct lambda_point *point)
{
    size_t size;

    *point = (struct lambda_point){.place = LAMBDA_AT_CHECKPOINT};
    point->after = strncmp(text, "after ", 6) == 0;
    if (!take_word(&text, "before ") && !take_word(&text, "after "))
        return false;
    if (take_word(&text, "effect "))
        point->place = LAMBDA_AT_EFFECT;
    else if (take_word(&text, "line "))
        point->place = LAMBDA_AT_LINE;
    point->occurrence = take_number(text, &size);
    if (point->occurrence == 0 || size == 0 || size >= LAMBDA_POINT_NAME)
        return false;
    memcpy(point->operation, text, size);
    if (point->place != LAMBDA_AT_CHECKPOINT)
        return true;
    if (is_place(text, size, "event"))
        point->place = LAMBDA_AT_EVENT;
    else if (is_place(text, size, "return"))
        point->place = LAMBDA_AT_RETURN;
    else if (is_place(text, size, "state"))
        point->place = LAMBDA_AT_STATE;
    else
        take_action(point);
    return true;
}

/* The list ---------------------------------------------------------------- */

static bool read_what(struct json_view declared, struct fault *fault,
                      struct json_error *err)
{
    const char *names[LAMBDA_FAULT_COUNT];
    size_t index = 0;

    for (unsigned i = 1; i < LAMBDA_FAULT_COUNT; i++)
        names[i - 1] = lambda_fault_name((enum lambda_fault)i);
    if (!json_get_enum(declared, "fault", JSON_REQUIRED, names,
                       LAMBDA_FAULT_COUNT - 1, &index, err))
        return false;
    fault->what = (enum lambda_fault)(index + 1);
    fault->at.timed = true; /* unless it turns out otherwise */
    if (lambda_fault_fits(fault->what, &fault->at))
        return true;
    return json_fail(json_member(declared, "fault"), err,
                     "found fault \"%s\" at a boundary where it cannot strike, "
                     "allowed what the table of boundaries and faults in "
                     "docs/lambda.md says",
                     lambda_fault_name(fault->what));
}

static bool makes_late(enum lambda_fault fault)
{
    return fault == LAMBDA_FAULT_LATE_REPLY || fault == LAMBDA_FAULT_LATE_TIMER;
}

/* The first of the sizes that a sweep tries, unless it says otherwise. */
static bool read_size(struct json_view declared, struct fault *fault,
                      struct json_error *err)
{
    uint32_t sizes[LAMBDA_SIZES_MAX];
    int64_t seconds;

    (void)lambda_fault_sizes(fault->what, &fault->at, sizes);
    seconds = sizes[0];
    if (json_get_int(declared, "seconds", JSON_OPTIONAL, 1, TIMES_MAX, &seconds,
                     err) &&
        !makes_late(fault->what))
        return json_fail_key(json_member(declared, "seconds"), err,
                             "found \"seconds\" of a fault that makes nothing "
                             "late, allowed with late-reply and late-timer");
    fault->size = (uint32_t)seconds;
    return err->code == 0;
}

static bool read_fault(struct json_view declared, struct fault *fault,
                       struct json_error *err)
{
    static const char *const keys[] = {"at", "fault", "times", "seconds",
                                       "function"};
    const char *at = NULL;
    const char *function = "";
    int64_t times = 1;

    if (!json_as_object(declared, err) ||
        !json_check_keys(declared, keys, 5, err) ||
        !json_get_string(declared, "at", JSON_REQUIRED, 1, LAMBDA_LABEL_SIZE,
                         &at, err))
        return false;
    if (!lambda_point_read(at, &fault->at))
        return json_fail(json_member(declared, "at"), err,
                         "found boundary \"%s\", allowed \"before\" or "
                         "\"after\" and its name, as \"after charge SUCCEED "
                         "#1\", \"before effect charge\", \"before return\"",
                         at);
    json_get_int(declared, "times", JSON_OPTIONAL, 1, TIMES_MAX, &times, err);
    json_get_string(declared, "function", JSON_OPTIONAL, 1, LAMBDA_FUNCTION_MAX,
                    &function, err);
    if (err->code)
        return false;
    fault->times = (uint32_t)times;
    snprintf(fault->function, sizeof(fault->function), "%s", function);
    return read_what(declared, fault, err) && read_size(declared, fault, err);
}

uint32_t lambda_faults_add(struct lambda_faults *faults,
                           struct json_view declared, struct json_error *err)
{
    struct fault fault = {0};

    if (!read_fault(declared, &fault, err))
        return 0;
    if (faults->count == FAULTS_MAX) {
        json_fail(declared, err,
                  "found %d faults already, allowed no more: DELETE "
                  "/perdure/faults takes them out",
                  FAULTS_MAX);
        return 0;
    }
    fault.number = ++faults->last;
    faults->all[faults->count++] = fault;
    return fault.number;
}

bool lambda_faults_remove(struct lambda_faults *faults, uint32_t number)
{
    uint32_t kept = 0;
    bool found = number == 0;

    for (uint32_t i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->all[i];
        if (number == 0 || fault->number == number) {
            free(fault->visits);
            found = true;
        } else {
            faults->all[kept++] = *fault;
        }
    }
    faults->count = kept;
    return found;
}

static void write_fault(const struct fault *fault, struct json_writer *w)
{
    char at[LAMBDA_LABEL_SIZE];

    json_open(w, NULL);
    json_put_number(w, "id", fault->number);
    json_put_words(w, "at", lambda_point_write(&fault->at, at));
    json_put_words(w, "fault", lambda_fault_name(fault->what));
    json_put_number(w, "times", fault->times);
    if (makes_late(fault->what))
        json_put_number(w, "seconds", fault->size);
    if (fault->function[0])
        json_put_words(w, "function", fault->function);
    json_put_number(w, "struck", fault->struck);
    json_close(w);
}

void lambda_faults_write(const struct lambda_faults *faults, const char *name,
                         struct json_writer *w)
{
    json_open_array(w, name);
    for (uint32_t i = 0; i < faults->count; i++)
        write_fault(&faults->all[i], w);
    json_close_array(w);
}

void lambda_faults_write_one(const struct lambda_faults *faults,
                             uint32_t number, struct json_writer *w)
{
    for (uint32_t i = 0; i < faults->count; i++)
        if (faults->all[i].number == number)
            write_fault(&faults->all[i], w);
}

uint32_t lambda_faults_count(const struct lambda_faults *faults)
{
    return faults->count;
}

/* Striking ---------------------------------------------------------------- */

static bool is_at(const struct fault *fault,
                  const struct lambda_boundary *boundary)
{
    return fault->at.place == boundary->place &&
           fault->at.after == boundary->after &&
           strncmp(fault->at.operation, boundary->operation,
                   LAMBDA_POINT_NAME - 1) == 0 &&
           strcmp(fault->at.action, boundary->action) == 0 &&
           (!fault->function[0] ||
            strcmp(fault->function, boundary->function) == 0);
}

static struct visits *visits_of(struct fault *fault, uint64_t run)
{
    for (uint32_t i = 0; i < fault->visit_count; i++)
        if (fault->visits[i].run == run)
            return &fault->visits[i];
    if (fault->visit_count == fault->visit_capacity) {
        uint32_t capacity =
            fault->visit_capacity ? 2 * fault->visit_capacity : 16;
        void *grown = realloc(fault->visits, capacity * sizeof(*fault->visits));
        if (!grown)
            return NULL;
        fault->visits = grown;
        fault->visit_capacity = capacity;
    }
    fault->visits[fault->visit_count] = (struct visits){.run = run};
    return &fault->visits[fault->visit_count++];
}

/* Whether it is this execution's turn to be struck. */
static bool strikes(struct fault *fault, uint64_t run)
{
    struct visits *visits;

    if (fault->struck == fault->times || (fault->run && fault->run != run))
        return false;
    if (fault->run == run || fault->at.occurrence == 1)
        return true;
    visits = visits_of(fault, run);
    return visits && ++visits->count == fault->at.occurrence;
}

/* A plan of one fault, at the boundary that is crossed now. */
static void strike(const struct fault *fault,
                   const struct lambda_boundary *boundary,
                   struct lambda_decision *decision)
{
    struct lambda_plan plan = {
        .fault = fault->what, .at = fault->at, .times = fault->size};

    plan.at.occurrence = 1;
    lambda_plan_boundary(&plan, boundary, decision);
    lambda_plan_free(&plan);
}

void lambda_faults_boundary(struct lambda_faults *faults,
                            const struct lambda_boundary *boundary,
                            struct lambda_decision *decision)
{
    for (uint32_t i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->all[i];
        if (!is_at(fault, boundary) || !strikes(fault, boundary->run))
            continue;
        fault->run = boundary->run;
        fault->struck++;
        free(fault->visits);
        fault->visits = NULL;
        fault->visit_count = fault->visit_capacity = 0;
        strike(fault, boundary, decision);
        return;
    }
}

struct lambda_faults *lambda_faults_new(void)
{
    return calloc(1, sizeof(struct lambda_faults));
}

void lambda_faults_free(struct lambda_faults *faults)
{
    if (!faults)
        return;
    (void)lambda_faults_remove(faults, 0);
    free(faults);
}
