#include <stdlib.h>

#include "sim/platform/docker_state.h"

#define SECOND UINT64_C(1000000000)
#define PULL_MAX (UINT64_C(1) << 60)

uint64_t docker_part(uint64_t ns, uint64_t ppb)
{
    uint64_t seconds = ns / SECOND;
    if (ppb > 0 && seconds > PULL_MAX / ppb) {
        return PULL_MAX;
    }
    uint64_t whole = seconds * ppb;
    uint64_t rest = ns % SECOND;
    uint64_t high = ppb / SECOND * rest;
    return whole + high + ppb % SECOND * rest / SECOND;
}

static struct docker_image *find(struct sim_docker *d, uint32_t number)
{
    for (uint32_t i = 0; i < d->image_count; i++) {
        if (d->images[i].number == number) {
            return &d->images[i];
        }
    }
    return NULL;
}

static struct docker_image *add(struct sim_docker *d, uint32_t number)
{
    if (d->image_count == d->image_capacity) {
        uint32_t capacity = d->image_capacity ? 2 * d->image_capacity : 8;
        struct docker_image *images =
            realloc(d->images, capacity * sizeof(*images));
        if (images == NULL) {
            return NULL;
        }
        d->images = images;
        d->image_capacity = capacity;
    }
    struct docker_image *image = &d->images[d->image_count++];
    *image = (struct docker_image){.number = number};
    return image;
}

static uint64_t transfer_ns(uint64_t bytes, uint64_t bytes_s)
{
    uint64_t seconds = bytes / bytes_s;
    uint64_t rest = bytes % bytes_s;
    if (seconds > PULL_MAX / SECOND) {
        return PULL_MAX;
    }
    return seconds * SECOND + rest * SECOND / bytes_s;
}

static void missing(struct sim_docker *d, const struct sim_demand *demand)
{
    docker_cause(d, "exit 125", "Unable to find image for %s locally",
                 demand->name);
    sim_cause_add(d->cause, "docker", "pull access denied",
                  "repository does not exist or may require 'docker login'");
}

static void too_many(struct sim_docker *d)
{
    docker_cause(d, "exit 125", "Error response from daemon");
    sim_cause_add(d->cause, "docker", "toomanyrequests",
                  "You have reached your pull rate limit, %llu pulls in %llu "
                  "s; log in or mirror the image",
                  (unsigned long long)sim_bucket_size(&d->pulls),
                  (unsigned long long)(d->pulls.fill_ns / SECOND));
}

uint64_t docker_image_ready(struct sim_docker *d, uint64_t now_ns,
                            const struct sim_demand *demand)
{
    struct docker_image *image = find(d, demand->image);
    if (demand->image_missing) {
        missing(d, demand);
        return SIM_MODEL_NEVER;
    }
    if (d->config.images_present) {
        return now_ns;
    }
    if (image != NULL) {
        return image->ready_ns > now_ns ? image->ready_ns : now_ns;
    }
    if (!sim_bucket_take(&d->pulls, now_ns)) {
        too_many(d);
        return SIM_MODEL_NEVER;
    }
    image = add(d, demand->image);
    if (image == NULL) {
        docker_cause(d, "exit 125", "memory of the model ran out");
        return SIM_MODEL_NEVER;
    }
    uint64_t bytes =
        demand->image_bytes ? demand->image_bytes : d->config.image_bytes;
    uint64_t from_ns = d->link_free_ns > now_ns ? d->link_free_ns : now_ns;
    d->link_free_ns = from_ns + transfer_ns(bytes, d->config.pull_bytes_s);
    image->ready_ns = d->link_free_ns + d->config.pull_ns;
    return image->ready_ns;
}
