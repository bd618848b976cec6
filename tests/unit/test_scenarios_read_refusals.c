/*
 * What the scenario reader refuses, and the line it says: place, what was
 * found, what is allowed, the nearest name.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/scenario.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    TEXT_MAX = 8192
};

static const char good_workflow[] =
    "{\n"
    "\"name\": \"wf\",\n"
    "\"nodes\": [\n"
    "  {\"name\": \"a\", \"side_effect\": \"read_only\"},\n"
    "  {\"name\": \"w\", \"type\": \"wait\", \"wait\": \"1s\"},\n"
    "  {\"name\": \"b\", \"side_effect\": \"idempotent\",\n"
    "   \"run\": {\"effect\": true}}\n"
    "],\n"
    "\"edges\": [[\"a.out\", \"w.in\"], [\"w.out\", \"b.in\"]]\n"
    "}\n";

/* A file that extends what extends something itself. */
static const char extends_twice[] =
    "{\"why\": \"d\",\n\"extends\": \"s.json\"}";

static const struct bad_member {
    const char *key;
    const char *value;
    const char *error;
} bad_members[] = {
    {"engine", "{\"leese\": \"60s\"}",
     "s.json:4:12: found key \"leese\", allowed \"store\", \"coordinators\", "
     "\"lease\", \"claim\", \"skew_bound\", \"scan\", \"request_timeout\", "
     "\"dispatch_timeout\", \"suspend_after\", \"runs_max\", \"inline_max\", "
     "\"limits\", \"page_size\", \"journal\", \"group_max\", "
     "\"effect_timeout\", \"dedup_ttl\", \"restart\" and 5 more; did you "
     "mean \"lease\"?"},
    {"engine", "[]",
     "s.json:4:11: found an array for \"engine\", allowed an object"},
    {"engine", "{\"store\": \"SQLite\"}",
     "s.json:4:21: found the string \"SQLite\" for \"store\", allowed "
     "\"sqlite\", \"memory\"; did you mean \"sqlite\"?"},
    {"engine", "{\"coordinators\": 0}",
     "s.json:4:28: found the number 0 for \"coordinators\", allowed an "
     "integer from 1 to 48"},
    {"engine", "{\"coordinators\": 2.5}",
     "s.json:4:28: found the number 2.5 for \"coordinators\", allowed an "
     "integer from 1 to 48"},
    {"engine", "{\"coordinators\": 57}",
     "s.json:4:28: found the number 57 for \"coordinators\", allowed an "
     "integer from 1 to 48"},
    {"engine", "{\"lease\": 60}",
     "s.json:4:21: found the number 60 for \"lease\", allowed a duration as "
     "a string, e.g. \"60s\""},
    {"engine", "{\"lease\": \"60\"}",
     "s.json:4:21: found the string \"60\" for \"lease\": duration without a "
     "unit: write e.g. \"60s\""},
    {"engine", "{\"lease\": \"-5s\"}",
     "s.json:4:21: found the string \"-5s\" for \"lease\": negative "
     "duration: allowed 0 or more"},
    {"engine", "{\"lease\": \"2h\"}",
     "s.json:4:21: found the string \"2h\" for \"lease\", allowed \"1s\" to "
     "\"1h\""},
    {"engine", "{\"lease\": \"3s\", \"skew_bound\": \"1s\"}",
     "s.json:4:41: found skew_bound 1s with lease 3s, allowed less than a "
     "third of it: it is renewed after a third and given up skew_bound "
     "before its end"},
    {"engine",
     "{\"lease\": \"3s\", \"skew_bound\": \"0s\", \"request_timeout\": "
     "\"3s\"}",
     "s.json:4:66: found request_timeout 3s with lease 3s, allowed at most "
     "two thirds of it less skew_bound 0s: a renewal must be answered before "
     "it ends"},
    {"engine", "{\"claim\": \"3s\", \"skew_bound\": \"1s\"}",
     "s.json:4:41: found skew_bound 1s with claim 3s, allowed less than a "
     "third of it: it is renewed after a third and given up skew_bound "
     "before its end"},
    {"engine", "{\"cache_size\": \"0KiB\"}",
     "s.json:4:26: found the string \"0KiB\" for \"cache_size\", allowed "
     "\"1B\" to \"1GiB\""},
    {"engine", "{\"page_size\": 5000}",
     "s.json:4:25: found page size 5000, allowed a power of 2 from 512 to "
     "65536"},
    {"engine", "{\"page_size\": 4096, \"Page_size\": 4096}",
     "s.json:4:31: found key \"Page_size\", allowed \"store\", "
     "\"coordinators\", \"lease\", \"claim\", \"skew_bound\", \"scan\", "
     "\"request_timeout\", \"dispatch_timeout\", \"suspend_after\", "
     "\"runs_max\", \"inline_max\", \"limits\", \"page_size\", \"journal\", "
     "\"group_max\", \"effect_timeout\", \"dedup_ttl\", \"restart\" and 5 "
     "more; did you "
     "mean \"page_size\"?"},
    {"engine", "{\"retry_budget\": {\"share\": \"0.25%\"}}",
     "s.json:4:38: found a share with more than one digit after the point, "
     "allowed e.g. \"12.5%\""},
    {"engine", "{\"retry_budget\": {\"burst\": -1}}",
     "s.json:4:38: found the number -1 for \"burst\", allowed an integer from "
     "0 to 1000000"},
    {"engine", "{\"inline_max\": \"300KiB\"}",
     "s.json:4:26: found inline_max 307200 above limits.op_payload 262144, "
     "allowed at most that: a value that stays inline must fit"},
    {"engine", "{\"inline_max\": \"0B\"}",
     "s.json:4:26: found the string \"0B\" for \"inline_max\", allowed "
     "\"1B\" to \"64MiB\""},
    {"engine", "{\"limits\": {\"op_payload\": \"7MiB\"}}",
     "s.json:4:22: found limits.request 6291456 bytes, allowed more than "
     "limits.op_payload 7340032: a request carries payloads"},
    {"engine", "{\"limits\": {\"blob\": \"1KiB\"}}",
     "s.json:4:22: found limits.blob 1024 bytes, allowed at least inline_max "
     "262144: what does not stay inline becomes a blob"},
    {"engine", "{\"limits\": {\"history\": 3}}",
     "s.json:4:34: found the number 3 for \"history\", allowed an integer "
     "from 4 to 10000000"},
    {"engine", "{\"limits\": {\"request\": \"9007199254740992B\"}}",
     "s.json:4:34: found the string \"9007199254740992B\" for \"request\": "
     "size above 2^53 - 1 bytes"},
    {"engine", "{\"journal\": \"WAL\"}",
     "s.json:4:23: found the string \"WAL\" for \"journal\", allowed "
     "\"wal\", \"rollback\"; did you mean \"wal\"?"},
    {"engine", "{\"scan\": \"10s\", \"scan\": \"11s\"}",
     "s.json:4:27: found key \"scan\" again, allowed once in an object "
     "(first at line 4, column 12)"},
    {"engine", "{\"runs_max\": 9007199254740993}",
     "s.json:4:24: found the number 9007199254740993, out of range, allowed "
     "integers from -9007199254740991 to 9007199254740991"},
    {"mode", "\"ful\"",
     "s.json:4:9: found the string \"ful\" for \"mode\", allowed \"full\", "
     "\"capacity\"; did you mean \"full\"?"},
    {"seed", "-1",
     "s.json:4:9: found the number -1 for \"seed\", allowed an integer from "
     "0 to 9007199254740991"},
    {"seed", "9007199254740992",
     "s.json:4:9: found the number 9007199254740992, out of range, allowed "
     "integers from -9007199254740991 to 9007199254740991"},
    {"seed", "\"18446744073709551616\"",
     "s.json:4:9: found seed \"18446744073709551616\", allowed decimal "
     "digits up to 18446744073709551615"},
    {"seed", "\"0x10\"",
     "s.json:4:9: found seed \"0x10\", allowed decimal digits up to "
     "18446744073709551615"},
    {"limit", "\"0s\"",
     "s.json:4:10: found the string \"0s\" for \"limit\", allowed \"1ms\" to "
     "\"3650d\""},
    {"events", "0",
     "s.json:4:11: found the number 0 for \"events\", allowed an integer "
     "from 1 to 9007199254740991"},
    {"exit", "7",
     "s.json:4:9: found the number 7 for \"exit\", allowed an integer from 0 "
     "to 6"},
    {"extends", "\"nowhere.json\"",
     "s.json:4:12: found a reference to \"nowhere.json\", allowed only the "
     "files that come with this replay"},
    {"extends", "\"deep.json\"",
     "deep.json:2:1: found \"extends\" in a file that is itself extended, "
     "allowed one level"},
    {"extends", "7",
     "s.json:4:12: found the number 7 for \"extends\", allowed a string"},
    {"workflows", "[\"w.json\"]",
     "s.json:4:14: found both \"workflow\" and \"workflows\", allowed one of "
     "them"},
    {"steps", "{\"bb\": {\"duration\": \"1s\"}}",
     "s.json:4:11: found step \"bb\", allowed \"a\", \"w\", \"b\""},
    {"steps", "{\"b\": {\"effect\": true, \"dur\": \"1s\"}}",
     "s.json:4:33: found key \"dur\", allowed \"duration\", \"cpu\", "
     "\"effect\", \"key\", \"output\", \"fails\", \"command\", \"needs\""},
    {"steps", "{\"w\": {\"duration\": \"1s\"}}",
     "s.json:4:11: found \"w\", which is a wait, allowed steps"},
    {"steps", "{\"a\": {\"key\": true}}",
     "s.json:4:24: found a key without an effect, allowed with \"effect\": "
     "true"},
    {"steps", "{\"a\": {\"effect\": true}}",
     "s.json:4:27: found an effect of a step that is read_only, allowed none"},
    {"steps", "{\"b\": {\"duration\": {\"gamma\": \"1s\"}}}",
     "s.json:4:30: found key \"gamma\", allowed \"uniform\", "
     "\"exponential\", \"normal\", \"lognormal\", \"weibull\", \"quantiles\""},
    {"steps", "{\"b\": {\"duration\": {\"normal\": {\"mean\": \"1s\"}}}}",
     "s.json:4:40: found an object without \"sd\", allowed only with this key"},
    {"steps", "{\"b\": {\"duration\": {\"uniform\": [\"2s\", \"1s\"]}}}",
     "s.json:4:41: found a range that ends before it starts, allowed [least, "
     "most]"},
    {"steps",
     "{\"b\": {\"duration\": {\"lognormal\": {\"p50\": \"2s\", \"p99\": "
     "\"1s\"}}}}",
     "s.json:4:43: found a lognormal that cannot be, allowed 0s < p50 <= p99"},
    {"steps",
     "{\"b\": {\"duration\": {\"quantiles\": {\"p50\": \"2s\", \"p99\": "
     "\"1s\"}}}}",
     "s.json:4:43: found quantiles out of order, allowed percentiles that "
     "rise with durations that do not fall"},
    {"steps", "{\"b\": {\"duration\": {\"quantiles\": {\"p101\": \"2s\"}}}}",
     "s.json:4:44: found quantile \"p101\", allowed \"min\", \"p50\", "
     "\"p99.9\" and the like, and \"max\""},
    {"steps",
     "{\"b\": {\"duration\": {\"exponential\": \"1s\", \"uniform\": [\"1s\", "
     "\"2s\"]}}}",
     "s.json:4:29: found 2 distributions, allowed one"},
    {"steps", "{\"b\": {\"cpu\": \"150%\"}}",
     "s.json:4:24: found the string \"150%\" for \"cpu\": percentage above "
     "100%"},
    {"steps", "{\"b\": {\"output\": \"65MiB\"}}",
     "s.json:4:27: found the string \"65MiB\" for \"output\", allowed \"0B\" "
     "to \"64MiB\""},
    {"steps", "{\"b\": {\"fails\": {\"share\": \"1\"}}}",
     "s.json:4:36: found the string \"1\" for \"share\": percentage without "
     "its sign: write e.g. \"1%\""},
    {"platform", "{\"profile\": \"nowhere\"}",
     "s.json:4:25: found profile \"nowhere\", allowed *"},
    {"network", "{\"los\": \"1%\"}",
     "s.json:4:13: found key \"los\", allowed \"latency\", \"loss\", "
     "\"duplicate\", \"reorder\", \"reorder_delay\"; did you mean \"loss\"?"},
    {"network", "{\"loss\": \"100%\"}",
     "s.json:4:21: found a network that loses everything, allowed less than "
     "\"100%\""},
    {"network", "{\"loss\": 0.1}",
     "s.json:4:21: found the number 0.1 for \"loss\", allowed a percentage "
     "as a string, e.g. \"1%\""},
    {"network", "{\"latency\": -5}",
     "s.json:4:24: found the number -5 for \"latency\", allowed a duration "
     "as a string, e.g. \"60s\""},
    {"disk", "{\"sector\": 1024}",
     "s.json:4:20: found sectors of 1024 bytes, allowed 512 or 4096"},
    {"disk", "{\"capacity\": \"1KB\"}",
     "s.json:4:22: found the string \"1KB\" for \"capacity\", allowed "
     "\"64KiB\" to \"1024TiB\""},
    {"disk", "{\"write\": {\"tail\": \"1us\"}}",
     "s.json:4:19: found an object without \"base\", allowed only with this "
     "key"},
    {"disk", "{\"tears\": \"yes\"}",
     "s.json:4:19: found the string \"yes\" for \"tears\", allowed true or "
     "false"},
    {"clocks", "{\"skew\": \"500ms\"}",
     "s.json:4:20: found the string \"500ms\" for \"skew\": spread without "
     "its sign: write e.g. \"±500ms\""},
    {"clocks", "{\"drift\": \"±2000000ppm\"}",
     "s.json:4:21: found the string \"±2000000ppm\" for \"drift\": drift of "
     "a million ppm or more"},
    {"envelope", "{\"honest_sink\": true}",
     "s.json:4:14: found key \"honest_sink\", allowed \"skew\", \"drift\", "
     "\"loss\", \"honest_sync\", \"sound_disk\"; did you mean "
     "\"honest_sync\"?"},
    {"faults", "{\"crash\": \"worker\"}",
     "s.json:4:11: found an object for \"faults\", allowed an array"},
    {"faults", "[{\"crash\": \"worker\"}]",
     "s.json:4:12: found a fault of a worker without place and time, allowed "
     "with \"at\" and a boundary, or \"times\" or \"every\" with durations"},
    {"faults", "[{\"nth\": 1}]",
     "s.json:4:12: found an object that says nothing that goes wrong, "
     "allowed one of \"crash\", \"oom\", \"pause\", \"slow\", \"expire\", "
     "\"clock\", \"disk\", \"network\", \"platform\", \"swarm\", \"defect\""},
    {"faults", "[{\"crash\": \"worker\", \"pause\": \"worker\"}]",
     "s.json:4:32: found a second fault \"pause\" beside \"crash\", allowed "
     "one in each object"},
    {"faults", "[{\"crash\": \"werker\", \"times\": [\"1s\"]}]",
     "s.json:4:22: found the string \"werker\" for \"crash\", allowed "
     "\"worker\", \"coordinator\", \"store\"; did you mean \"worker\"?"},
    {"faults", "[{\"crash\": \"worker\", \"at\": \"after efect\"}]",
     "s.json:4:38: found boundary \"after efect\", allowed *; did you mean "
     "\"after effect\"?"},
    {"faults",
     "[{\"crash\": \"worker\", \"at\": \"coordinator/append/before\"}]",
     "s.json:4:38: found boundary \"coordinator/append/before\", allowed *"},
    {"faults",
     "[{\"crash\": \"worker\", \"at\": \"after effect\", \"of\": \"chrge\"}]",
     "s.json:4:60: found step \"chrge\", allowed \"a\", \"w\", \"b\""},
    {"faults",
     "[{\"crash\": \"worker\", \"at\": \"after effect\", \"of\": \"b\", "
     "\"nth\": \"3-1\"}]",
     "s.json:4:72: found the string \"3-1\" for \"nth\": range that ends "
     "before it starts: write the smaller number first"},
    {"faults",
     "[{\"crash\": \"worker\", \"at\": \"after effect\", \"nth\": 0}]",
     "s.json:4:61: found the number 0 for \"nth\", allowed an integer from 1 "
     "to 9007199254740991"},
    {"faults",
     "[{\"crash\": \"worker\", \"at\": \"after effect\", \"nth\": 1, "
     "\"first\": 2}]",
     "s.json:4:64: found both \"nth\" and \"first\", allowed one of them"},
    {"faults",
     "[{\"crash\": \"worker\", \"at\": \"after effect\", \"every\": \"5m\"}]",
     "s.json:4:54: found \"every\" of a fault that strikes where the code "
     "passes by, allowed \"nth\", \"first\", \"probability\" or \"every\" with "
     "a number"},
    {"faults", "[{\"crash\": \"worker\", \"every\": \"5m\", \"of\": \"b\"}]",
     "s.json:4:12: found a fault that cannot be carried out: a fault at a "
     "set time is about no step, run or attempt"},
    {"faults", "[{\"pause\": \"worker\", \"times\": [\"1s\"]}]",
     "s.json:4:12: found \"pause\" without \"for\", allowed with e.g. \"for\": "
     "\"10s\""},
    {"faults",
     "[{\"crash\": \"worker\", \"times\": [\"1s\"], \"for\": \"9s\"}]",
     "s.json:4:49: found \"for\" of a fault that has no length of its own, "
     "allowed with pause, cut, freeze and outage"},
    {"faults",
     "[{\"pause\": \"store\", \"at\": \"inside commit\", \"for\": \"9s\"}]",
     "s.json:4:12: found a fault that cannot be carried out: disk/write "
     "cannot pause, allowed: crash, error, delay, short, full, lie"},
    {"faults", "[{\"crash\": \"worker\", \"every\": \"1ns\"}]",
     "s.json:4:41: found the string \"1ns\" for \"every\", allowed \"1ms\" to "
     "\"365d\""},
    {"faults", "[{\"expire\": \"lease\", \"times\": [\"1s\"]}]",
     "s.json:4:23: found the string \"lease\" for \"expire\", allowed \"run "
     "lease\", \"work claim\""},
    {"faults",
     "[{\"crash\": \"coordinator\", \"node\": \"coordinator 2\", \"times\": "
     "[\"1s\"]}]",
     "s.json:4:45: found coordinator \"2\", allowed coordinator \"1\" to "
     "\"1\", or a range of them"},
    {"faults",
     "[{\"crash\": \"worker\", \"node\": \"wrker 1\", \"times\": [\"1s\"]}]",
     "s.json:4:40: found node \"wrker 1\", allowed \"worker\", \"worker 1\", "
     "\"coordinator\", \"coordinator 1\", \"store\", \"client\", "
     "\"receiver\", \"platform\", \"outside\", \"all\"; did you mean "
     "\"worker 1\"?"},
    {"faults", "[{\"disk\": \"write eror\"}]",
     "s.json:4:21: found the string \"write eror\" for \"disk\", allowed "
     "\"error\", \"lie\", \"short\", "
     "\"read error\", \"write error\", \"sync error\", \"sync lie\", \"lost "
     "write\", \"short write\", \"full\", \"slow\", \"slow write\", \"slow "
     "sync\"; did you mean \"write error\"?"},
    {"faults", "[{\"disk\": \"write error\", \"at\": \"after commit\"}]",
     "s.json:4:42: found \"at\": \"after commit\" of a fault of the disk, "
     "allowed its points: \"disk/write\" .., see perdure points"},
    {"faults", "[{\"network\": \"lose\", \"at\": \"net/send\", \"nth\": 1}]",
     "s.json:4:32: found \"at\" of a fault that has its own place, allowed "
     "with crash, oom, pause, slow, expire and disk"},
    {"faults", "[{\"disk\": \"slow\"}]",
     "s.json:4:12: found \"slow\" without \"by\", allowed with e.g. \"by\": "
     "\"10s\""},
    {"faults", "[{\"network\": \"lose\", \"probability\": \"0%\"}]",
     "s.json:4:47: found the string \"0%\" for \"probability\", allowed "
     "\"0.0000001%\" to \"100%\""},
    {"faults", "[{\"network\": \"lose\", \"probability\": 0.5}]",
     "s.json:4:47: found the number 0.5 for \"probability\", allowed a "
     "percentage as a string, e.g. \"1%\""},
    {"faults",
     "[{\"network\": \"cut\", \"node\": \"store\", \"times\": [\"1s\"]}]",
     "s.json:4:12: found \"cut\" without \"for\", allowed with e.g. \"for\": "
     "\"10s\""},
    {"faults", "[{\"clock\": \"step\", \"by\": \"5\", \"times\": [\"1s\"]}]",
     "s.json:4:36: found the string \"5\" for \"by\": duration without a "
     "unit: write e.g. \"60s\""},
    {"faults", "[{\"clock\": \"drift\", \"by\": \"+5s\", \"times\": [\"1s\"]}]",
     "s.json:4:37: found the string \"+5s\" for \"by\": unknown unit of "
     "drift: allowed one number and ppm or ppb"},
    {"faults", "[{\"platform\": \"throtle\"}]",
     "s.json:4:25: found the string \"throtle\" for \"platform\", allowed "
     "\"throttle\", \"duplicate\", \"timeout\", \"lose\", \"kill\", \"host\", "
     "\"outage\"; did you "
     "mean \"throttle\"?"},
    {"faults", "[{\"swarm\": \"heavy\"}]",
     "s.json:4:22: found the string \"heavy\" for \"swarm\", allowed "
     "\"default\""},
    {"faults", "[{\"swarm\": \"default\", \"nth\": 1}]",
     "s.json:4:12: found a swarm with selectors, allowed none: the seed "
     "draws them"},
    {"faults", "[{\"swarm\": \"default\"}, {\"swarm\": \"default\"}]",
     "s.json:4:34: found a second swarm, allowed one"},
    {"faults", "[{\"defect\": \"lease_nofence\"}]",
     "s.json:4:23: found the string \"lease_nofence\" for \"defect\", "
     "allowed *; did you mean \"lease_no_fence\"?"},
    {"faults",
     "[{\"crash\": \"worker\", \"at\": \"after effect\", \"from\": \"5s\", "
     "\"until\": \"5s\"}]",
     "s.json:4:12: found a fault that cannot be carried out: the time window "
     "is empty"},
    {"faults",
     "[{\"name\": \"x\", \"platform\": \"lose\"}, {\"name\": \"x\", "
     "\"platform\": \"lose\"}]",
     "s.json:4:47: found a fault that cannot be carried out: two rules are "
     "named x"},
    {"thresholds", "{}",
     "s.json:4:15: found an object for \"thresholds\", allowed an array"},
    {"thresholds", "[{\"expr\": \"cost\"}]",
     "s.json:4:16: found an object without \"limit\", allowed only with this "
     "key"},
    {"thresholds", "[{\"expr\": \"cost\", \"limit\": \"< $1\", \"x\": 1}]",
     "s.json:4:50: found key \"x\", allowed \"expr\", \"limit\""},
    {"thresholds", "[{\"expr\": \"cots\", \"limit\": \"< $1\"}]",
     "s.json:4:25: found expression \"cots\", allowed \"stuck runs\", "
     "\"blocked runs\", \"failed runs\", \"succeeded runs\", \"cancelled "
     "runs\", \"stopped runs\", \"timed-out runs\", \"drain after faults\", "
     "\"takeovers\", \"fenced writes\", \"throttled\", "
     "\"throttled:PLATFORM\", \"killed\", \"killed:PLATFORM\", \"warned "
     "places\" and 40 more; did you mean \"cost\"?"},
    {"thresholds", "[{\"expr\": \"cost\", \"limit\": \"< 1\"}]",
     "s.json:4:42: found \"< 1\", allowed a comparison with dollars: "
     "\"<= $0.25\""},
    {"thresholds", "[{\"expr\": \"cost\", \"limit\": \"$1\"}]",
     "s.json:4:42: found \"$1\", allowed a comparison with dollars: "
     "\"<= $0.25\""},
    {"thresholds", "[{\"expr\": \"throughput\", \"limit\": \">= 3\"}]",
     "s.json:4:48: found \">= 3\", allowed a comparison with a rate: "
     "\">= 3/s\""},
    {"thresholds", "[{\"expr\": \"retries:c\", \"limit\": 3}]",
     "s.json:4:25: found step \"c\", allowed \"a\", \"w\", \"b\""},
    {"thresholds", "[{\"expr\": \"p99(step:c)\", \"limit\": \"< 3s\"}]",
     "s.json:4:25: found step \"c\", allowed \"a\", \"w\", \"b\""},
    {"thresholds", "[{\"expr\": \"p99(part:waitin)\", \"limit\": \"< 3s\"}]",
     "s.json:4:25: found part of the latency \"waitin\", allowed \"service\", "
     "\"replay\", \"start-up\", \"queueing\", \"retry wait\", \"waiting\", "
     "\"engine\"; did you mean \"waiting\"?"},
    {"thresholds", "[{\"expr\": \"limit:size\", \"limit\": \"< 50%\"}]",
     "s.json:4:25: found limit \"size\", allowed \"batch\", "
     "\"concurrency\", \"depth\", \"events\", \"operations\", \"payload\", "
     "\"value\""},
    {"thresholds", "[{\"expr\": \"limit:events\", \"limit\": \"< 50\"}]",
     "s.json:4:50: found \"< 50\", allowed a comparison with a share: "
     "\"<= 80%\""},
    {"thresholds", "[{\"expr\": \"max(run)\", \"limit\": 3}]",
     "s.json:4:46: found the number 3 for \"limit\", allowed a string"},
    {"expect", "{\"effects:bb\": \"exactly once\"}",
     "s.json:4:12: found step with an effect \"bb\", allowed \"b\""},
    {"expect", "{\"effects:a\": \"exactly once\"}",
     "s.json:4:12: found step with an effect \"a\", allowed \"b\""},
    {"expect", "{\"effects:b\": \"once\"}",
     "s.json:4:25: found the string \"once\" for \"effects:b\", allowed "
     "\"exactly once\", \"at most once\", \"at least once\""},
    {"expect", "{\"stuck run\": 0}",
     "s.json:4:12: found expectation \"stuck run\", allowed "
     "\"effects:STEP\", \"fired:POINT\", \"p99(run)\", \"errors:CLASS\", "
     "\"given up:CLASS\", \"starts:PLATFORM\", \"stuck runs\", "
     "\"blocked runs\", \"failed runs\", \"succeeded runs\", "
     "\"cancelled runs\", \"stopped runs\", \"timed-out runs\", \"drain after "
     "faults\" and 6 more; did you mean \"stuck "
     "runs\"?"},
    {"expect", "{\"stuck runs\": \"0\"}",
     "s.json:4:26: found \"0\", allowed a number or a comparison with one: "
     "\"< 3\", \"<= 3\", \"= 3\", \">= 3\", \"> 3\""},
    {"expect", "{\"stuck runs\": \"<3\"}",
     "s.json:4:26: found \"<3\", allowed a number or a comparison with one: "
     "\"< 3\", \"<= 3\", \"= 3\", \">= 3\", \"> 3\""},
    {"expect", "{\"stuck runs\": \"< 3s\"}",
     "s.json:4:26: found \"< 3s\", allowed a number or a comparison with "
     "one: \"< 3\", \"<= 3\", \"= 3\", \">= 3\", \"> 3\""},
    {"expect", "{\"stuck runs\": true}",
     "s.json:4:26: found no number for \"stuck runs\", allowed one or a "
     "comparison with one: 3, \"< 3\", \"<= 3\", \">= 3\", \"> 3\""},
    {"expect", "{\"p99(run)\": \"< 30\"}",
     "s.json:4:24: found \"< 30\", allowed a comparison with a duration: \"< "
     "30s\", \"<= 30s\", \">= 30s\", \"> 30s\""},
    {"expect", "{\"p100(run)\": \"< 30s\"}",
     "s.json:4:12: found expectation \"p100(run)\", allowed "
     "\"effects:STEP\", \"fired:POINT\", \"p99(run)\", \"errors:CLASS\", "
     "\"given up:CLASS\", \"starts:PLATFORM\", \"stuck runs\", "
     "\"blocked runs\", \"failed runs\", \"succeeded runs\", "
     "\"cancelled runs\", \"stopped runs\", \"timed-out runs\", \"drain after "
     "faults\" and 6 more; did you mean \"p99(run)\"?"},
    {"expect", "{\"fired:worker/efect/after\": \">= 1\"}",
     "s.json:4:12: found point \"worker/efect/after\", allowed *; did you "
     "mean \"worker/effect/after\"?"},
    {"expect", "{\"errors:TIMEOUT\": 0}",
     "s.json:4:12: found class of error \"TIMEOUT\", allowed *; did you mean "
     "\"TIMED_OUT\"?"},
    {"expect", "{\"given up:NONE\": 0}",
     "s.json:4:12: found class of error \"NONE\", allowed *"},
    {"expect", "{\"starts:lambda\": 0}",
     "s.json:4:12: found platform \"lambda\", allowed \"platform\""},
    {"defects", "[\"timer_erly\"]",
     "s.json:4:13: found the string \"timer_erly\", allowed "
     "*; did you mean \"timer_early\"?"},
    {"defects", "[\"timer_early\", \"timer_early\"]",
     "s.json:4:28: found defect \"timer_early\" twice, allowed once"},
    {"sometimes", "{\"stuk runs\": 0}",
     "s.json:4:15: found expectation \"stuk runs\", allowed *; did you mean "
     "\"stuck runs\"?"},
    {"whyy", "\"x\"",
     "s.json:4:1: found key \"whyy\", allowed \"why\", \"extends\", "
     "\"mode\", \"seed\", \"workflow\", \"workflows\", \"steps\", "
     "\"engine\", \"platform\", \"load\", \"operators\", \"network\", "
     "\"disk\", \"clocks\", \"faults\", \"heal\", \"envelope\", \"expect\", "
     "\"sometimes\", "
     "\"limit\", \"events\", \"exit\", \"defects\", \"checks\" and 5 more; "
     "did you mean \"why\"?"},
    {"operators", "[{\"do\": \"pause\"}]",
     "s.json:4:15: found neither \"at\" nor \"after\", allowed one of them: "
     "from the start of the world, or of each run"},
    {"operators", "[{\"do\": \"pause\", \"at\": \"1s\", \"after\": \"1s\"}]",
     "s.json:4:15: found both \"at\" and \"after\", allowed one of them: "
     "from the start of the world, or of each run"},
    {"operators", "[{\"do\": \"unpose\", \"at\": \"1s\"}]",
     "s.json:4:22: found the string \"unpose\" for \"do\", allowed *; did "
     "you mean \"unpause\"?"},
    {"load", "{}",
     "s.json:4:9: found an object without \"arrivals\", allowed only with "
     "this key"},
};

static const struct bad_text {
    const char *text;
    const char *error;
} bad_scenarios[] = {
    {"", "s.json:1:1: found an empty file, allowed one JSON value"},
    {"[]", "s.json:1:1: found an array, allowed an object"},
    {"{\"why\": \"w\"",
     "s.json:1:12: found the end of the file, allowed \",\" or \"}\" after a "
     "member of an object"},
    {"{\"why\": \"w\"} x",
     "s.json:1:14: found \"x\", allowed nothing after the end of the value"},
    {"{\"why\": \"\\u0000\"}",
     "s.json:1:10: found the escape \\u0000, allowed any character but U+0000"},
    {"{\"workflow\": \"w.json\"}",
     "s.json:1:1: found an object without \"why\", allowed only with this key"},
    {"{\"why\": \"\"}",
     "s.json:1:9: found the string \"\" for \"why\" of 0 bytes, allowed 1 to "
     "4096"},
    {"{\"why\": \"w\", \"why\": \"v\"}",
     "s.json:1:14: found key \"why\" again, allowed once in an object (first "
     "at line 1, column 2)"},
    {"{\"why\": \"w\"}",
     "s.json:1:1: found neither \"workflow\" nor \"workflows\", allowed one "
     "of them"},
    {"{\"why\": \"w\",\n \"workflow\": \"x.json\"}",
     "s.json:2:14: found a reference to \"x.json\", allowed only the files "
     "that come with this replay"},
    {"{\"why\": \"w\", \"workflow\": \"w.json\"}",
     "s.json:1:1: found an object without \"load\", allowed only with this "
     "key"},
    {"{\"why\": \"w\", \"workflow\": \"w.json\", \"load\": {\"runs\": 5}}",
     "s.json:1:44: found an object without \"arrivals\", allowed only with "
     "this key"},
    {"{\"why\": \"w\", \"workflow\": \"w.json\", \"load\": {\"arrivals\": "
     "{\"every\": \"1s\"}, \"runs\": 0}}",
     "s.json:1:82: found the number 0 for \"runs\", allowed an integer from "
     "1 to 10000000"},
    {"{\"why\": \"w\", \"workflow\": \"w.json\", \"load\": {\"arrivals\": "
     "{\"every\": \"1s\"}, \"runs\": 1e3}}",
     "s.json:1:82: found the number 1e3 for \"runs\", allowed an integer from "
     "1 to 10000000, without point and exponent"},
    {"{\"why\": \"w\", \"workflow\": \"w.json\", \"load\": {\"arrivals\": "
     "{\"every\": \"1s\"}, \"input\": \"257KiB\"}}",
     "s.json:1:83: found inputs of 263168 bytes, allowed at most "
     "engine.limits.op_payload, 262144 bytes"},
    {"{\"why\": \"w\", \"workflow\": \"w.json\", \"load\": {\"arrivals\": "
     "{\"every\": 1}}}",
     "s.json:1:67: found the number 1 for \"every\", allowed a duration as a "
     "string, e.g. \"60s\""},
    {"{\"why\": \"w\", \"workflow\": \"w.json\", \"load\": {\"arrivals\": "
     "{\"trace\": \"nowhere\"}}}",
     "s.json:1:67: found trace \"nowhere\", allowed *"},
    {"{\"why\": \"w\", \"workflow\": 5}",
     "s.json:1:26: found no workflow, allowed an object or the name of a file"},
};

static const struct bad_text bad_workflows[] = {
    {"{\"name\": \"x\", \"nodes\": []}",
     "w.json:1:24: found an array for \"nodes\" of 0 values, allowed 1 to "
     "4096"},
    {"{\"name\": \"x\"}",
     "w.json:1:1: found an object without \"nodes\", allowed only with this "
     "key"},
    {"{\"nodes\": [{\"name\": \"a\"}]}",
     "w.json:1:1: found an object without \"name\", allowed only with this "
     "key"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"\"}]}",
     "w.json:1:34: found the string \"\" for \"name\" of 0 bytes, allowed 1 "
     "to 256"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"type\": \"stp\"}]}",
     "w.json:1:47: found the string \"stp\" for \"type\", allowed *; did you "
     "mean \"step\"?"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\"},\n  {\"name\": \"a\"}]}",
     "w.json:2:12: found a second node \"a\", allowed each name once; the "
     "first is on line 1"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"inputs\": [\"i\", "
     "\"i\"]}]}",
     "w.json:1:55: found handle \"i\" twice, allowed each name once"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"wait\": \"1s\"}]}",
     "w.json:1:39: found key \"wait\", allowed \"name\", \"type\", *"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"type\": \"wait\"}]}",
     "w.json:1:25: found an object without \"wait\", allowed only with this "
     "key"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"type\": \"wait\", "
     "\"wait\": \"1s\", \"run\": {}}]}",
     "w.json:1:69: found key \"run\", allowed \"name\", \"type\", "
     "\"inputs\", \"outputs\", \"wait\""},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"side_effect\": "
     "\"none\"}]}",
     "w.json:1:54: found the string \"none\" for \"side_effect\", allowed "
     "\"read_only\", \"idempotent\", \"reversible\", \"irreversible\""},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"retry\": "
     "{\"attempts\": 0}}]}",
     "w.json:1:61: found the number 0 for \"attempts\", allowed an integer "
     "from 1 to 10000"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"retry\": "
     "{\"factor\": 1.2345}}]}",
     "w.json:1:59: found a factor with more than three digits after the "
     "point, allowed e.g. 1.5"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"retry\": {\"delay\": "
     "\"9s\", \"max_delay\": \"1s\"}}]}",
     "w.json:1:48: found a delay above max_delay, allowed delay <= max_delay"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\", \"run\": {\"effect\": "
     "1}}]}",
     "w.json:1:57: found the number 1 for \"effect\", allowed true or false"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"alpha\"}, {\"name\": "
     "\"beta\"}],\n \"edges\": [[\"alpha.out\", \"beeta.in\"]]}",
     "w.json:2:26: found node \"beeta\", allowed \"alpha\", \"beta\"; did "
     "you mean \"beta\"?"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"alpha\"}, {\"name\": "
     "\"beta\"}],\n \"edges\": [[\"alpha.oat\", \"beta.in\"]]}",
     "w.json:2:13: found output \"oat\", allowed \"out\"; did you mean "
     "\"out\"?"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"alpha\"}, {\"name\": "
     "\"beta\"}],\n \"edges\": [{\"from\": \"alpha.out\", \"to\": {\"node\": "
     "\"beta\", \"handle\": \"inn\"}}]}",
     "w.json:2:40: found input \"inn\", allowed \"in\"; did you mean \"in\"?"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"alpha\"}, {\"name\": "
     "\"beta\"}],\n \"edges\": [[\"alpha.out\", \"beta\"]]}",
     "w.json:2:26: found the end of an edge \"beta\", allowed "
     "\"node.handle\", or {\"node\": .., \"handle\": ..} if a name has a dot"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"alpha\"}, {\"name\": "
     "\"beta\"}],\n \"edges\": [[\"alpha.out\"]]}",
     "w.json:2:12: found an array of 1 value, allowed 2"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"alpha\"}, {\"name\": "
     "\"beta\"}],\n \"edges\": [[\"alpha.out\", \"be.ta.in\"]]}",
     "w.json:2:26: found the end of an edge \"be.ta.in\", allowed "
     "\"node.handle\", or {\"node\": .., \"handle\": ..} if a name has a dot"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\"}, {\"name\": \"b\"}],\n "
     "\"edges\": [[\"a.out\", \"b.in\"],\n  [\"a.out\", \"b.in\"]]}",
     "w.json:3:13: found a second edge into input \"in\" of \"b\", allowed "
     "one"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\"}, {\"name\": \"b\"}],\n "
     "\"edges\": [[\"a.out\", \"b.in\"],\n  [\"b.out\", \"a.in\"]]}",
     "w.json:3:3: found an edge that closes a cycle through \"a\", allowed a "
     "graph without cycles: no run could reach it"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\"},\n  {\"name\": \"b\", "
     "\"inputs\": [\"l\", \"r\"]}],\n \"edges\": [[\"a.out\", \"b.l\"]]}",
     "w.json:2:3: found node \"b\" that no run can reach: its input \"r\" "
     "has no edge and another has one; allowed edges into all inputs or into "
     "none"},
    {"{\"name\": \"x\", \"nodes\": [{\"name\": \"a\"}], \"edges\": "
     "[[\"a.out\", \"a.in\"]]}",
     "w.json:1:51: found an edge that closes a cycle through \"a\", allowed "
     "a graph without cycles: no run could reach it"},
};

/* The whole of a small file, terminated; the caller frees. */
static char *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(TEXT_MAX);

    cr_assert_not_null(file, "%s", path);
    cr_assert_not_null(text);
    *size = fread(text, 1, TEXT_MAX - 1, file);
    text[*size] = '\0';
    (void)fclose(file);
    return text;
}

/* Whether a line is as expected; a "*" stands for a list that can grow. */
static bool is_line(const char *line, const char *expected)
{
    const char *star = strchr(expected, '*');
    size_t length = strlen(line);

    if (!star)
        return strcmp(line, expected) == 0;
    size_t before = (size_t)(star - expected), after = strlen(star + 1);
    return length > before + after && strncmp(line, expected, before) == 0 &&
           strcmp(line + length - after, star + 1) == 0;
}

/* Reads a scenario with its workflow; it must be refused with this line. */
static void expect_refusal(const char *text, const char *workflow,
                           const char *error)
{
    struct json_error err;
    size_t profile_size;
    char *profile = read_whole("scenarios/profiles/local.json", &profile_size);
    char texts[3][TEXT_MAX];
    snprintf(texts[0], TEXT_MAX, "%s", text);
    snprintf(texts[1], TEXT_MAX, "%s", workflow);
    snprintf(texts[2], TEXT_MAX, "%s", extends_twice);
    char names[4][32] = {"s.json", "w.json", "deep.json",
                         "profiles/local.json"};
    const struct scenario_source sources[] = {
        {names[0], texts[0], strlen(texts[0])},
        {names[1], texts[1], strlen(texts[1])},
        {names[2], texts[2], strlen(texts[2])},
        {names[3], profile, profile_size},
    };
    struct scenario *scenario =
        scenario_read_sources(sources, COUNT(sources), &err);

    cr_assert_null(scenario, "accepted: %s", text);
    cr_expect(is_line(err.text, error), "%s\n  said     %s\n  and not  %s",
              text, err.text, error);
    scenario_free(scenario);
    free(profile);
}

/* A good scenario, but for what stands in line 4. */
static void scenario_with(const char *key, const char *value, char *text)
{
    const char *load =
        strcmp(key, "load") == 0
            ? "\n"
            : "\"load\": {\"arrivals\": {\"every\": \"1s\"}, \"runs\": 2},\n";

    snprintf(text, TEXT_MAX,
             "{\"why\": \"w\",\n\"workflow\": \"w.json\",\n%s\"%s\": %s}\n",
             load, key, value);
}

Test(scenarios_read_refusals, a_bad_member_is_refused_in_one_exact_line)
{
    char text[TEXT_MAX];

    for (size_t i = 0; i < COUNT(bad_members); i++) {
        scenario_with(bad_members[i].key, bad_members[i].value, text);
        expect_refusal(text, good_workflow, bad_members[i].error);
    }
}

Test(scenarios_read_refusals, a_bad_scenario_is_refused_in_one_exact_line)
{
    for (size_t i = 0; i < COUNT(bad_scenarios); i++)
        expect_refusal(bad_scenarios[i].text, good_workflow,
                       bad_scenarios[i].error);
}

Test(scenarios_read_refusals, a_bad_workflow_is_refused_where_it_is_wrong)
{
    char text[TEXT_MAX];

    scenario_with("steps", "{}", text);
    for (size_t i = 0; i < COUNT(bad_workflows); i++)
        expect_refusal(text, bad_workflows[i].text, bad_workflows[i].error);
}

Test(scenarios_read_refusals, a_study_of_capacity_takes_no_handlers)
{
    static const char handler[] =
        "{\"name\": \"orders\", \"run_as\": \"handler\", \"nodes\": "
        "[{\"name\": \"a\", \"side_effect\": \"read_only\"}]}";
    char text[TEXT_MAX];

    scenario_with("mode", "\"capacity\"", text);
    expect_refusal(text, handler,
                   "s.json:4:9: found \"capacity\" with workflow \"orders\", "
                   "a handler, allowed graphs of steps and waits: write it as "
                   "one without \"run_as\": \"handler\", or use \"mode\": "
                   "\"full\"");
}

/* Files of its own in a directory of its own. */
struct place {
    char dir[64];
};

static void place_init(struct place *place)
{
    snprintf(place->dir, sizeof(place->dir), "/tmp/perdure-read-XXXXXX");
    cr_assert_not_null(mkdtemp(place->dir));
}

static void place_write(const struct place *place, const char *name,
                        const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", place->dir, name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, strlen(text), file), strlen(text));
    cr_assert_eq(fclose(file), 0);
}

static void place_remove(const struct place *place, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", place->dir, name);
    cr_assert_eq(remove(path), 0);
}

/* The error line of the file, without the directory in front. */
static void expect_line(const struct place *place, const char *name,
                        const char *line)
{
    struct json_error err;
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", place->dir, name);
    cr_assert_null(scenario_read(path, &err));
    cr_assert_eq(strncmp(err.text, place->dir, strlen(place->dir)), 0, "%s",
                 err.text);
    cr_expect_str_eq(err.text + strlen(place->dir) + 1, line);
}

Test(scenarios_read_refusals, a_missing_file_is_refused_where_it_is_named)
{
    struct place place;

    place_init(&place);
    place_write(&place, "s.json",
                "{\"why\": \"w\",\n  \"workflow\": \"no/such.json\"}");
    expect_line(&place, "s.json",
                "s.json:2:15: found no file \"no/such.json\", allowed one "
                "beside the scenario, at most 3 directories above it, or among "
                "perdure's own");
    expect_line(&place, "t.json",
                "t.json:1:1: found no such file, allowed a readable JSON file");
    place_remove(&place, "s.json");
    cr_assert_eq(rmdir(place.dir), 0);
}

Test(scenarios_read_refusals, a_file_of_100_megabytes_is_refused)
{
    struct place place;
    char path[128];

    place_init(&place);
    snprintf(path, sizeof(path), "%s/big.json", place.dir);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    cr_assert(fd >= 0);
    cr_assert_eq(ftruncate(fd, (off_t)100 * 1024 * 1024), 0);
    cr_assert_eq(close(fd), 0);
    expect_line(&place, "big.json",
                "big.json:1:1: found 104857600 bytes, allowed at most "
                "16777216");
    place_write(&place, "s.json",
                "{\"why\": \"w\", \"workflow\": \"big.json\"}");
    struct json_error err;
    snprintf(path, sizeof(path), "%s/s.json", place.dir);
    cr_assert_null(scenario_read(path, &err));
    cr_expect_eq(err.line, 1);
    cr_expect_eq(err.column, 26);
    cr_expect_not_null(strstr(err.text, "at most 16777216 bytes"));
    place_remove(&place, "big.json");
    place_remove(&place, "s.json");
    cr_assert_eq(rmdir(place.dir), 0);
}

Test(scenarios_read_refusals, deep_nesting_is_refused)
{
    char text[512] = "{\"why\": ";
    size_t length = strlen(text);

    memset(text + length, '[', 100);
    text[length + 100] = '\0';
    struct json_error err;
    char name[] = "s.json";
    const struct scenario_source source = {name, text, length + 100};
    cr_assert_null(scenario_read_sources(&source, 1, &err));
    cr_expect_str_eq(
        err.text,
        "s.json:1:72: found nesting deeper than 64 levels, allowed at most 64");
}

Test(scenarios_read_refusals, an_error_in_an_extended_file_names_that_file)
{
    struct place place;

    place_init(&place);
    place_write(&place, "w.json", good_workflow);
    place_write(&place, "base.json",
                "{\"why\": \"b\",\n \"workflow\": \"w.json\",\n"
                " \"engine\": {\"scan\": \"1s\",\n  \"lease\": \"6\"}}");
    place_write(&place, "ours.json",
                "{\"why\": \"o\", \"extends\": \"base.json\",\n"
                " \"engine\": {\"claim\": \"9s\"}}");
    expect_line(&place, "ours.json",
                "base.json:4:12: found the string \"6\" for \"lease\": "
                "duration without a unit: write e.g. \"60s\"");
    place_write(&place, "ours.json",
                "{\"why\": \"o\", \"extends\": \"base.json\",\n"
                " \"engine\": {\"lease\": \"9s\",\n \"claim\": \"9\"}}");
    expect_line(&place, "ours.json",
                "ours.json:3:11: found the string \"9\" for \"claim\": "
                "duration without a unit: write e.g. \"60s\"");
    place_write(&place, "ours.json",
                "{\"why\": \"o\",\n \"extends\": \"base.json\",\n"
                " \"engine\": {\"lease\": \"9s\"}}");
    expect_line(&place, "ours.json",
                "ours.json:1:1: found an object without \"load\", allowed only "
                "with this key");
    place_remove(&place, "w.json");
    place_remove(&place, "base.json");
    place_remove(&place, "ours.json");
    cr_assert_eq(rmdir(place.dir), 0);
}
