#include "scenarios/recording.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/quantity.h"
#include "engine/random.h"
#include "engine/sample.h"

enum {
    WORD_SIZE = 40
};

static const char prefix[] = "sample=";

static bool read_share(const char *text, uint64_t *share, const char **why)
{
    *why = "write full, off, or sample= and a share of the runs: sample=1%";
    if (strncmp(text, prefix, sizeof(prefix) - 1) != 0 ||
        quantity_read(QUANTITY_SHARE, text + sizeof(prefix) - 1, share, why))
        return false;
    *why = "a sample of none: write off, or a share above 0%";
    return *share > 0;
}

bool recording_read(const char *text, struct recording *recording,
                    const char **why)
{
    bool off = strcmp(text, "off") == 0;
    uint64_t share = off ? 0 : ENGINE_CHANCE_ALWAYS;

    if (!off && strcmp(text, "full") != 0 && !read_share(text, &share, why))
        return false;
    *recording = (struct recording){0};
    if (share < ENGINE_CHANCE_ALWAYS)
        *recording = (struct recording){true, (uint32_t)share};
    return true;
}

bool recording_keeps(const struct recording *recording, uint64_t run)
{
    if (!recording->sampled)
        return true;
    return run ? engine_sample_sees(run, recording->share_ppb)
               : recording->share_ppb > 0;
}

const char *recording_print(const struct recording *recording, char *word)
{
    char share[32];

    if (!recording->sampled)
        snprintf(word, WORD_SIZE, "full");
    else if (recording->share_ppb == 0)
        snprintf(word, WORD_SIZE, "off");
    else
        snprintf(word, WORD_SIZE, "sample=%s",
                 quantity_print(QUANTITY_SHARE, recording->share_ppb, share,
                                sizeof(share)));
    return word;
}

const char *recording_limit(const struct recording *recording, uint64_t runs,
                            char text[RECORDING_TEXT])
{
    char word[WORD_SIZE];
    uint64_t seen = 0;

    assert(recording->sampled);
    for (uint64_t run = 1; run <= runs; run++)
        seen += engine_sample_sees(run, recording->share_ppb);
    if (recording->share_ppb == 0)
        snprintf(text, RECORDING_TEXT,
                 "Single runs: nothing of them was recorded (--record off). "
                 "Verdict, properties, figures and digest are of all runs.");
    else
        snprintf(text, RECORDING_TEXT,
                 "Most single runs: %" PRIu64 " of %" PRIu64
                 " were recorded (--record %s), chosen by their number, and "
                 "timeline and trace know no others. Verdict, properties, "
                 "figures and digest are of all runs.",
                 seen, runs, recording_print(recording, word));
    return text;
}
