#include "scenarios/profile_lambda.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

/* A package that the service would refuse, in its words. */
static bool check_package(const struct profile_value *v, struct json_error *err)
{
    bool image = v[PACKAGE].number == 1;
    uint64_t unzipped = v[UNZIPPED].number > v[DEPENDENCIES].number
                            ? v[UNZIPPED].number
                            : v[DEPENDENCIES].number;
    if (image && v[IMAGE_SIZE].number > v[PACKAGE_IMAGE_MAX].number) {
        return json_fail(v[IMAGE_SIZE].at, err,
                         "found an image of %lluMB, allowed at most %lluMB: "
                         "InvalidImage(SizeLimitExceeded: Uncompressed "
                         "container image size exceeds %llu GiB limit)",
                         (unsigned long long)v[IMAGE_SIZE].number,
                         (unsigned long long)v[PACKAGE_IMAGE_MAX].number,
                         (unsigned long long)v[PACKAGE_IMAGE_MAX].number /
                             1024);
    }
    if (!image && v[DEPENDENCIES].number > v[PACKAGE_ZIP_MAX].number) {
        return json_fail(
            v[DEPENDENCIES].at, err,
            "found a zip package of %lluMB, allowed at most "
            "%lluMB: RequestEntityTooLargeException: Request must "
            "be smaller than %llu bytes for the CreateFunction "
            "operation",
            (unsigned long long)v[DEPENDENCIES].number,
            (unsigned long long)v[PACKAGE_ZIP_MAX].number,
            (unsigned long long)(v[PACKAGE_ZIP_MAX].number * 1048576 * 4 / 3 +
                                 1));
    }
    if (!image && unzipped > v[PACKAGE_UNZIPPED_MAX].number) {
        return json_fail(v[UNZIPPED].at, err,
                         "found %lluMB of unzipped code and layers, allowed at "
                         "most %lluMB: InvalidParameterValueException: "
                         "Unzipped size must be smaller than %llu bytes",
                         (unsigned long long)unzipped,
                         (unsigned long long)v[PACKAGE_UNZIPPED_MAX].number,
                         (unsigned long long)v[PACKAGE_UNZIPPED_MAX].number *
                             1048576);
    }
    return true;
}

static bool check_provisioned(const struct profile_value *v,
                              struct json_error *err)
{
    uint64_t most = v[RESERVED].number;
    uint64_t account = v[ACCOUNT_CONCURRENCY].number;
    if (most == SIM_LAMBDA_UNRESERVED) {
        most = account > v[UNRESERVED_MIN].number
                   ? account - v[UNRESERVED_MIN].number
                   : 0;
    }
    if (v[PROVISIONED].number > most) {
        return json_fail(v[PROVISIONED].at, err,
                         "found %llu provisioned envs, allowed at most %llu: "
                         "what is reserved for the function, or all but "
                         "unreserved_min of the account's %llu",
                         (unsigned long long)v[PROVISIONED].number,
                         (unsigned long long)most, (unsigned long long)account);
    }
    return true;
}

/* What ties values together, each with the place where it is broken. */
bool profile_lambda_check(const struct profile_value *v, struct json_error *err)
{
    if (v[MEMORY].number < v[MEMORY_MIN].number ||
        v[MEMORY].number > v[MEMORY_MAX].number) {
        return json_fail(v[MEMORY].at, err,
                         "found a memory of %lluMB, allowed %lluMB to %lluMB",
                         (unsigned long long)v[MEMORY].number,
                         (unsigned long long)v[MEMORY_MIN].number,
                         (unsigned long long)v[MEMORY_MAX].number);
    }
    if (v[TIMEOUT].number > v[TIMEOUT_MAX].number) {
        return json_fail(v[TIMEOUT].at, err,
                         "found a timeout above the platform's, allowed at "
                         "most %llus",
                         (unsigned long long)(v[TIMEOUT_MAX].number / SECOND));
    }
    if (v[RESERVED].number != SIM_LAMBDA_UNRESERVED &&
        v[RESERVED].number + v[UNRESERVED_MIN].number >
            v[ACCOUNT_CONCURRENCY].number) {
        return json_fail(v[RESERVED].at, err,
                         "found %llu envs reserved, allowed to leave %llu of "
                         "the account's %llu to other functions",
                         (unsigned long long)v[RESERVED].number,
                         (unsigned long long)v[UNRESERVED_MIN].number,
                         (unsigned long long)v[ACCOUNT_CONCURRENCY].number);
    }
    if (v[ASYNC_THROTTLE_MAX].number < v[ASYNC_THROTTLE_FIRST].number) {
        return json_fail(v[ASYNC_THROTTLE_MAX].at, err,
                         "found a longest wait below async_throttle_first");
    }
    if (v[BILLING_STEP].number % MS != 0) {
        return json_fail(v[BILLING_STEP].at, err,
                         "found a part of a millisecond, allowed whole ones");
    }
    return check_package(v, err) && check_provisioned(v, err);
}
