"""Small scenarios, each about one thing: those that are valid, those that are
not, and those whose fault a schema cannot see, by what hides it. Written to
tests/schema/{valid,invalid,beyond}/ by `ci/schemas --write`."""
import copy, json

STEP = {"name": "charge"}
FLOW = {"name": "orders", "nodes": [STEP]}
BASE = {"why": "An example.", "workflow": FLOW, "load": {"arrivals": {"every": "1s"}}}


def scenario(**changes):
    """The smallest scenario with other keys; None takes one out."""
    whole = {**copy.deepcopy(BASE), **changes}
    return {key: value for key, value in whole.items() if value is not None}


def flow(**changes):
    return scenario(workflow={**FLOW, **changes})


def step(**changes):
    return flow(nodes=[{**STEP, **changes}])


def run(**changes):
    return step(run=changes)


def node(type, **changes):
    return flow(nodes=[{"name": "it", "type": type, **changes}])


def fault(**changes):
    return scenario(faults=[changes])


def crash(**changes):
    return fault(crash="worker", **{"at": "after effect", **changes})


def engine(**changes):
    return scenario(engine=changes)


def platform(profile, **changes):
    return scenario(platform={"profile": profile, **changes})


def arrivals(**changes):
    return scenario(load={"arrivals": changes})


def operator(**changes):
    return scenario(operators=[{"do": "pause", "after": "1s", **changes}])


def needs(**changes):
    return step(needs=changes)


def expect(key, value):
    return scenario(expect={key: value})


def duration(value):
    return run(duration=value)


MANY = ["worker", "coordinator", "store"]
WORDS = {"worker": ["before claim", "after claim", "before effect", "after effect, before report",
                    "after effect", "before report", "after report", "before heartbeat",
                    "before state", "before checkpoint", "after checkpoint"],
         "coordinator": ["after start", "before create", "after create", "before acquire",
                         "after acquire", "before append", "after append", "before dispatch",
                         "after dispatch", "after checkpoint", "before renew", "after renew",
                         "before result", "before ack"],
         "store": ["before group", "before commit", "inside commit", "before sync", "after sync",
                   "after commit, before reply", "after commit"]}
TWO = [{"name": "first"}, {"name": "second"}]
DO = {"name": "do"}
PAIR = {"large": {"profile": "local"}, "small": {"profile": "docker-ssd"}}

VALID = {
    "smallest": scenario(),
    "all-of-the-top": scenario(mode="full", seed=7, limit="2h", events=1000000, exit=3,
                               checks=["golden", "paranoid"], heal="all"),
    "schema-for-editors": {"$schema": "scenario.schema.json", **scenario()},
    "seed-of-20-digits": scenario(seed="18446744073709551615"),
    "seed-largest-number": scenario(seed=9007199254740991),
    "mode-capacity": scenario(mode="capacity"),
    "extends-another": {"why": "An example.", "extends": "small/order.json"},
    "extends-and-changes-sections": {"why": "An example.", "extends": "small/order.json",
                                     "load": {"runs": 3}, "platform": {"slots": 2}},
    "extends-with-another-platform": {"why": "An example.", "extends": "small/order.json",
                                      "platform": {"profile": "docker-ssd"}},
    "workflow-by-file": scenario(workflow="workflows/order.json"),
    "workflows-several": scenario(workflow=None, workflows=[FLOW, "workflows/order.json"]),
    "steps-changed": scenario(steps={"charge": {"duration": "5s", "fails": {"share": "1%"}}}),
    "defects-on": scenario(defects=["lease_no_fence", "sync_off"]),
    "duration-fraction": engine(lease="1.5m"),
    "duration-micro-sign": scenario(network={"latency": "250µs"}),
    "duration-greek-mu": scenario(network={"latency": "250μs"}),
    "duration-leading-zeros": engine(lease="020s"),
    "size-in-powers-of-1000": engine(inline_max="64KB"),
    "share-of-all": run(fails={"share": "100%"}),
    "share-fraction": run(fails={"share": "0.0000001%"}),
    "share-with-zeros": run(fails={"share": "01.50%"}),
    "skew-in-ascii": scenario(clocks={"skew": "+-500ms", "drift": "+/-200ppm"}),
    "drift-in-ppb": scenario(clocks={"skew": "±1.5s", "drift": "±5ppb"}),
    "engine-all-times": engine(lease="30s", claim="20s", skew_bound="1s", scan="5s",
                               request_timeout="1s", dispatch_timeout="10s", suspend_after="1m",
                               effect_timeout="2s", dedup_ttl="0s", restart="0s"),
    "engine-all-counts": engine(store="memory", coordinators=3, runs_max=1000, group_max=64),
    "engine-pages": engine(page_size=8192, journal="rollback", cache_size="1MiB"),
    "engine-limits-of-the-store": engine(limits={"op_payload": "512KiB", "history": 4}),
    "engine-limits-by-name": engine(limits="aws"),
    "engine-limits-own": engine(limits={"profile": "tight", "why": "To meet them.",
                                        "extends": "seed-001", "spill": True,
                                        "limits": {"history_ops": 50, "input": "64KiB",
                                                   "wait_max": "none"}}),
    "engine-of-handlers": engine(snapshot_every=50, optimistic=True, checkpoint_window="10ms",
                                 retry_budget={"share": "12.5%", "burst": 0}),
    "platform-local": platform("local", workers=3, slots="2 slots"),
    "platform-local-overrides": platform("local", overrides={"start_up": "1s", "workers": 2}),
    "platform-lambda": platform("lambda-2026", memory="1024MB", runtime="python3.12",
                                timeout="5m", invocation="async"),
    "platform-lambda-reserved": platform("lambda-2026",
                                         overrides={"reserved_concurrency": "10 envs"}),
    "platform-batch": platform("batch-fargate", attempts=3),
    "platform-kubernetes": platform("k8s-default", nodes=8, nodes_max=9),
    "platform-celery": platform("celery-redis", acks_late="yes"),
    "platform-docker": platform("docker-ssd", overrides={"start": {"uniform": ["1s", "2s"]}}),
    "platform-credentials": platform("local", credentials={"ttl": "1h", "refresh_fails": "10%",
                                                           "refresh_time": "2s"}),
    "platforms-by-name": scenario(platforms=PAIR),
    "platforms-with-fallback": {**step(platform=["large", "small"]), "platforms": PAIR},
    "load-poisson": arrivals(rate="3/10s"),
    "load-bursts": arrivals(every="1m", burst=10),
    "load-at-times": arrivals(at=["0s", "0s", "5s"]),
    "load-recorded": arrivals(trace="azure-llm-code", speed=2.5),
    "load-of-one-workflow": scenario(load={"start": ["orders"], "arrivals": {"every": "1s"},
                                           "runs": 1, "input": "0B"}),
    "network-all": scenario(network={"latency": {"lognormal": {"p50": "1ms", "p99": "9ms"}},
                                     "loss": "99.9%", "duplicate": "1%", "reorder": "1%",
                                     "reorder_delay": {"exponential": "20ms"}}),
    "disk-all": scenario(disk={"sector": 512, "capacity": "1MiB", "read": "80us",
                               "write": {"base": "25us", "tail": "0s", "per_mb": "1ms"},
                               "sync": "1ms", "tears": False, "drops_dirty": False}),
    "envelope-all": scenario(envelope={"skew": "±1s", "drift": "±500ppm", "loss": "0%",
                                       "honest_sync": False, "sound_disk": False}),
    "distribution-constant": duration("0s"),
    "distribution-uniform": duration({"uniform": ["1s", "1s"]}),
    "distribution-normal": duration({"normal": {"mean": "1s", "sd": "0s"}}),
    "distribution-weibull": duration({"weibull": {"shape": 0.58, "scale": "13m"}}),
    "distribution-quantiles": duration({"quantiles": {"min": "1ms", "p50": "2ms", "p99.9": "1s",
                                                      "max": "2s"}}),
    "workflow-edges-in-both-forms": flow(nodes=[*TWO, {"name": "a.b"}], edges=[
        ["first.out", "second.in"],
        {"from": "second.out", "to": {"node": "a.b", "handle": "in"}}]),
    "workflow-deadlines": flow(timeout="1h", run_as="handler", invocation_timeout="5m"),
    "workflow-secrets": flow(redact=["password", "**.token", "items[*].secret"]),
    "step-retries": step(side_effect="idempotent",
                         retry={"attempts": 3, "delay": "0s", "factor": 1.5, "max_delay": "1m",
                                "jitter": "half"}),
    "step-contract": step(side_effect="idempotent", run={"effect": True, "key": True},
                          contract={"exactly_once": True, "max_retries": 4, "timeout": "10m"}),
    "step-handles": step(inputs=[], outputs=["yes", "no"]),
    "step-needs": needs(cpu=0.5, memory="512MB", gpu=1, priority=5, image="render:2",
                        image_size="1GB", labels={"disk": "ssd"}, eta="5m"),
    "step-needs-thousandths": needs(cpu="500m", peak_memory="2GB", share=1, array=10),
    "step-command": run(command=["sh", ""], output="json"),
    "step-compensated": flow(run_as="handler", nodes=[{**STEP, "side_effect": "reversible",
                                                      "compensate": {"duration": "1s"}}]),
    "wait-in-a-graph": node("wait", wait="5ms"),
    "node-condition": node("condition", poll={"attempts": 5, "delay": "2s"}, holds_after=3),
    "node-callback": node("callback", timeout="1h", heartbeat="1m",
                          answer={"after": "10s", "with": "failure", "heartbeat_every": "30s",
                                  "times": 2, "value": "1KiB"}),
    "node-wait-for-callback": node("wait_for_callback", timeout="1h", submit_timeout="5s",
                                   side_effect="idempotent", retry={"attempts": 2},
                                   run={"duration": "1s"}),
    "node-invoke": scenario(workflow=None, workflows=[FLOW, {"name": "outer", "nodes": [
        {"name": "it", "type": "invoke", "workflow": "orders", "on_parent_end": "cancel"}]}]),
    "node-child": node("child", nodes=[DO]),
    "node-map-of-a-number": node("map", items=3, max_concurrency=2, nodes=[DO]),
    "node-map-of-sizes": node("map", items=["1KiB", "0B"], items_per_batch=2,
                              bytes_per_batch="1MiB", nodes=[DO],
                              completion={"min_successful": 1, "tolerated_failures": "50%"}),
    "node-map-of-the-input": node("map", items="input", nodes=[DO]),
    "node-parallel": node("parallel", mode="policy", max_concurrency=2,
                          branches=[{"name": "a", "nodes": [DO]},
                                    {"name": "b", "nodes": [{"name": "other"}]}],
                          completion={"tolerated_failures": 1}),
    "node-send": node("send", edge="bids", to="+1", messages=3, window=2),
    "node-receive-all": node("receive", edge="bids", messages="all", timeout="1m"),
    "node-until-moment": node("until", until="2026-03-01T11:00:00+02:00"),
    "node-until-schedule": node("until", until={"cron": "30 4 * * mon-fri"}),
    "operators-all-words": scenario(operators=[
        {"do": word, "at": "5s"} for word in
        ("pause", "unpause", "cancel", "stop", "resume", "skip", "abort")]),
    "operators-which-runs": scenario(operators=[
        {"do": "pause", "after": "1s", "runs": runs, "every": "5s", "actor": "ann", "reason": "x"}
        for runs in (3, "3-7", "every 2nd")]),
    **{f"fault-at-every-boundary-of-{owner}": scenario(faults=[
        {"crash": owner, "at": ["each boundary", *words]}]) for owner, words in WORDS.items()},
    "fault-at-points": crash(at=["worker/effect/after", "worker/heartbeat"]),
    "fault-at-times": fault(pause="store", times=["5s", "1m"], jitter="1s", **{"for": "10s"}),
    "fault-at-a-period": fault(oom="coordinator", every="1m", **{"from": "10s", "until": "5m"}),
    "fault-selectors": crash(name="mine", of="charge", node=["worker 1-3", "all"], nth="2-5",
                             every=2, probability="50%", max=3, run="1-9", attempt=1,
                             count="all nodes", in_flight=2),
    "fault-first-matches": crash(first=3, run=0),
    "fault-slow-process": fault(slow="worker", by=["1s", "9s"], times=["5s"]),
    "fault-slow-point": fault(slow="store", by="1s", at="disk/write"),
    "fault-expire": scenario(faults=[{"expire": "run lease", "at": "after append"},
                                     {"expire": "work claim", "times": ["5s"]}]),
    "fault-clocks": scenario(faults=[{"clock": "step", "by": "±5s", "times": ["5s"]},
                                     {"clock": "step", "by": "-5s", "every": "1m"},
                                     {"clock": "drift", "by": "+200ppm", "times": ["5s"]},
                                     {"clock": "freeze", "for": ["1s", "5s"], "times": ["1s"]}]),
    "fault-disks": scenario(faults=[{"disk": "sync lie", "nth": 1},
                                    {"disk": "slow write", "by": "10ms", "every": 3},
                                    {"disk": "error", "at": "disk/truncate"}]),
    "fault-networks": scenario(faults=[{"network": "lose reply", "probability": "1%"},
                                       {"network": "delay", "by": "1s", "first": 2},
                                       {"network": "cut inbound", "for": "9s", "times": ["5s"],
                                        "node": "coordinator 1"}]),
    "fault-platforms": scenario(faults=[{"platform": "throttle", "nth": "1-20"},
                                        {"platform": "host", "times": ["1m"]},
                                        {"platform": "outage", "every": "5m", "for": "10s"}]),
    "fault-swarm": fault(swarm="default"),
    "fault-defect": fault(defect="lease_no_fence", node="store"),
    "faults-none": scenario(faults=[]),
    "expect-counts": scenario(expect={"stuck runs": 0, "takeovers": ">= 1", "throttled": "= 0"}),
    "expect-times": scenario(expect={"p99(run)": "< 30s", "p99.9(run)": "<= 1.5m",
                                     "drain after faults": "< 1h"}),
    "expect-effects": {**run(effect=True), "expect": {"effects:charge": "at least once"}},
    "expect-points-and-classes": scenario(expect={"fired:disk/write": "> 0", "errors:USER": 0,
                                                  "given up:THROTTLED": 0,
                                                  "starts:platform": ">= 1"}),
    "thresholds": scenario(thresholds=[
        {"expr": expr, "limit": limit} for expr, limit in (
            ("p99(run)", "< 30s"), ("mean(step:charge)", "<= 1s"), ("stuck runs", 0),
            ("retries:charge", "< 100"), ("throughput", ">= 1/s"), ("cost", "< $5.50"),
            ("memory", "< 1GiB"), ("limit:operations", "< 50%"), ("fired:disk/write", "= 0"))]),
    "sometimes": scenario(sometimes={"takeovers": ">= 1"}),
}

def threshold(expr, limit):
    return scenario(thresholds=[{"expr": expr, "limit": limit}])


# Sections of a scenario: how one is made of some keys, a key, and a good value.
SECTIONS = {
    "top": (lambda keys: {**scenario(), **keys}, "mode", "full"),
    "engine": (lambda keys: engine(**keys), "lease", "20s"),
    "limits": (lambda keys: engine(limits=keys), "blob", "1MiB"),
    "retry-budget": (lambda keys: engine(retry_budget=keys), "burst", 3),
    "platform": (lambda keys: platform("local", **keys), "workers", 2),
    "overrides": (lambda keys: platform("local", overrides=keys), "slots", 2),
    "credentials": (lambda keys: platform("local", credentials={"ttl": "1h", **keys}),
                    "refresh", True),
    "load": (lambda keys: scenario(load={"arrivals": {"every": "1s"}, **keys}), "runs", 5),
    "arrivals": (lambda keys: arrivals(every="1s", **keys), "burst", 5),
    "network": (lambda keys: scenario(network=keys), "loss", "1%"),
    "disk": (lambda keys: scenario(disk=keys), "tears", True),
    "disk-latency": (lambda keys: scenario(disk={"read": {"base": "1ms", **keys}}), "tail", "1ms"),
    "clocks": (lambda keys: scenario(clocks=keys), "skew", "±1s"),
    "envelope": (lambda keys: scenario(envelope=keys), "loss", "1%"),
    "workflow": (lambda keys: flow(**keys), "timeout", "1h"),
    "step": (lambda keys: step(**keys), "timeout", "10s"),
    "run": (lambda keys: run(**keys), "cpu", "20%"),
    "fails": (lambda keys: run(fails=keys), "first", 2),
    "needs": (lambda keys: needs(**keys), "gpu", 1),
    "retry": (lambda keys: step(side_effect="idempotent", retry=keys), "factor", 3),
    "contract": (lambda keys: step(contract=keys), "no_retry", True),
    "condition": (lambda keys: node("condition", **keys), "holds_after", 2),
    "poll": (lambda keys: node("condition", poll=keys), "attempts", 2),
    "callback": (lambda keys: node("callback", **keys), "heartbeat", "5s"),
    "answer": (lambda keys: node("callback", answer=keys), "times", 2),
    "child": (lambda keys: node("child", nodes=[DO], **keys), "edges", []),
    "map": (lambda keys: node("map", items=3, nodes=[DO], **keys), "items_per_batch", 2),
    "completion": (lambda keys: node("map", items=3, nodes=[DO], completion=keys),
                   "min_successful", 1),
    "parallel": (lambda keys: node("parallel", branches=[{"name": "a", "nodes": [DO]}], **keys),
                 "mode", "race"),
    "branch": (lambda keys: node("parallel", branches=[{"name": "a", "nodes": [DO], **keys}]),
               "edges", []),
    "send": (lambda keys: node("send", edge="e", to=1, **keys), "window", 2),
    "receive": (lambda keys: node("receive", edge="e", **keys), "timeout", "5s"),
    "until": (lambda keys: node("until", until="2026-03-01T09:00:00Z", **keys), "outputs", ["x"]),
    "edge": (lambda keys: flow(nodes=TWO, edges=[{"from": "first.out", "to": "second.in",
                                                  **keys}]), "from", "first.out"),
    "operator": (lambda keys: operator(**keys), "reason", "x"),
    "fault": (lambda keys: crash(**keys), "max", 2),
    "expect": (lambda keys: scenario(expect=keys), "takeovers", 0),
    "sometimes": (lambda keys: scenario(sometimes=keys), "takeovers", 0),
    "reproduces": (lambda keys: scenario(reproduces={
        "property": "S2", "text": "", "digest": "0" * 32, "version": "1", "content": "0" * 32,
        "from": "x", **keys}), "version", "2"),
}


def misspelt(key):
    return key[0] + key[2:]


def in_sections():
    """An unknown key, a misspelt key and a wrong type in every section."""
    found = {}
    for name, (make, key, good) in SECTIONS.items():
        found[f"{name}-unknown-key"] = make({"colour": "blue"})
        found[f"{name}-misspelt-key"] = make({misspelt(key): good})
        wrong = "yes" if isinstance(good, bool) else 5 if isinstance(good, (str, list)) else "many"
        found[f"{name}-wrong-type"] = make({key: wrong})
        found[f"{name}-null"] = make({key: None})
    return found


INVALID = {
    **in_sections(),
    "not-an-object": [],
    "empty-object": {},
    "why-missing": scenario(why=None),
    "why-empty": scenario(why=""),
    "load-missing": scenario(load=None),
    "workflow-missing": scenario(workflow=None),
    "workflow-and-workflows": scenario(workflows=[FLOW]),
    "workflows-empty": scenario(workflow=None, workflows=[]),
    "platform-and-platforms": scenario(platform={"profile": "local"}, platforms=PAIR),
    "platforms-empty": scenario(platforms={}),
    "platforms-bad-name": scenario(platforms={"Large one": {"profile": "local"}}),
    "platform-without-profile": scenario(platform={"workers": 2}),
    "mode-unknown": scenario(mode="half"),
    "heal-unknown": scenario(heal="some"),
    "seed-negative": scenario(seed=-1),
    "seed-fraction": scenario(seed=1.5),
    "seed-not-digits": scenario(seed="0x10"),
    "seed-of-21-digits": scenario(seed="1" * 21),
    "events-zero": scenario(events=0),
    "exit-above-6": scenario(exit=7),
    "limit-zero": scenario(limit="0s"),
    "checks-unknown": scenario(checks=["gold"]),
    "checks-empty": scenario(checks=[]),
    "defects-unknown": scenario(defects=["lease_no_fense"]),
    "defects-twice": scenario(defects=["sync_off", "sync_off"]),
    "duration-number": engine(lease=20),
    "duration-without-unit": engine(lease="20"),
    "duration-unknown-unit": engine(lease="20sec"),
    "duration-wrong-case": engine(lease="20S"),
    "duration-two-units": engine(lease="1m30s"),
    "duration-space": engine(lease="20 s"),
    "duration-negative": engine(lease="-20s"),
    "duration-with-plus": engine(lease="+20s"),
    "duration-empty": engine(lease=""),
    "duration-comma": engine(lease="1,5m"),
    "duration-point-first": engine(lease=".5m"),
    "duration-point-last": engine(lease="5.m"),
    "duration-exponent": engine(lease="1e3s"),
    "duration-is-a-size": engine(lease="20KB"),
    "duration-zero-lease": engine(lease="0s"),
    "size-number": engine(inline_max=4096),
    "size-wrong-unit": engine(inline_max="4kb"),
    "size-in-bits": engine(inline_max="4Kib"),
    "size-zero": engine(inline_max="0B"),
    "size-is-a-duration": engine(inline_max="4s"),
    "share-number": scenario(network={"loss": 0.1}),
    "share-without-sign": scenario(network={"loss": "10"}),
    "share-above-all": scenario(network={"loss": "101%"}),
    "share-negative": scenario(network={"loss": "-1%"}),
    "share-too-fine": scenario(network={"loss": "0.00000001%"}),
    "network-loses-everything": scenario(network={"loss": "100%"}),
    "rate-number": arrivals(rate=100),
    "rate-without-time": arrivals(rate="100"),
    "rate-unknown-unit": arrivals(rate="100/sec"),
    "rate-zero": arrivals(rate="0/s"),
    "rate-negative": arrivals(rate="-5/s"),
    "skew-without-sign": scenario(clocks={"skew": "500ms"}),
    "skew-one-sided": scenario(clocks={"skew": "+500ms"}),
    "drift-without-unit": scenario(clocks={"drift": "±200"}),
    "drift-in-percent": scenario(clocks={"drift": "±1%"}),
    "engine-store-unknown": engine(store="postgres"),
    "engine-no-coordinators": engine(coordinators=0),
    "engine-too-many-coordinators": engine(coordinators=49),
    "engine-coordinators-as-text": engine(coordinators="3"),
    "engine-page-size-odd": engine(page_size=5000),
    "engine-group-too-large": engine(group_max=5000),
    "engine-limits-number": engine(limits=5),
    "engine-limits-own-without-why": engine(limits={"profile": "tight", "extends": "aws",
                                                    "limits": {}}),
    "engine-limits-own-unknown-limit": engine(limits={"profile": "tight", "why": "x",
                                                      "extends": "aws",
                                                      "limits": {"histroy_ops": 5}}),
    "engine-limits-own-wrong-unit": engine(limits={"profile": "tight", "why": "x",
                                                   "extends": "aws", "limits": {"input": "5s"}}),
    "engine-limits-own-base-unknown": engine(limits={"profile": "tight", "why": "x",
                                                     "extends": "azure", "limits": {}}),
    "engine-limits-mixed": engine(limits={"profile": "tight", "why": "x", "extends": "aws",
                                          "limits": {}, "blob": "1MiB"}),
    "platform-key-of-another-kind": platform("local", memory="512MB"),
    "platform-parameter-not-beside": platform("lambda-2026", request_rate="5/s"),
    "platform-unit-of-another": platform("local", workers="3 slots"),
    "platform-count-negative": platform("local", workers=-1),
    "platform-choice-unknown": platform("lambda-2026", invocation="later"),
    "platform-overrides-unknown": platform("k8s-default", overrides={"nodez": 5}),
    "platform-credentials-without-ttl": platform("local", credentials={"refresh": True}),
    "platform-credentials-ttl-zero": platform("local", credentials={"ttl": "0s"}),
    "load-without-arrivals": scenario(load={"runs": 5}),
    "load-no-runs": scenario(load={"arrivals": {"every": "1s"}, "runs": 0}),
    "load-too-many-runs": scenario(load={"arrivals": {"every": "1s"}, "runs": 10000001}),
    "load-start-twice": scenario(load={"arrivals": {"every": "1s"}, "start": ["orders", "orders"]}),
    "arrivals-empty": arrivals(),
    "arrivals-of-two-forms": arrivals(rate="1/s", every="1s"),
    "arrivals-speed-without-trace": arrivals(every="1s", speed=2),
    "arrivals-every-zero": arrivals(every="0s"),
    "arrivals-no-times": arrivals(at=[]),
    "arrivals-trace-path": arrivals(trace="../azure"),
    "disk-sector-odd": scenario(disk={"sector": 1024}),
    "disk-latency-without-base": scenario(disk={"read": {"tail": "1ms"}}),
    "distribution-two": duration({"uniform": ["1s", "2s"], "exponential": "1s"}),
    "distribution-none": duration({}),
    "distribution-unknown": duration({"gamma": "1s"}),
    "distribution-uniform-of-one": duration({"uniform": ["1s"]}),
    "distribution-lognormal-of-zero": duration({"lognormal": {"p50": "0s", "p99": "1s"}}),
    "distribution-lognormal-without-p99": duration({"lognormal": {"p50": "1s"}}),
    "distribution-weibull-shape-zero": duration({"weibull": {"shape": 0, "scale": "1s"}}),
    "distribution-quantile-of-100": duration({"quantiles": {"p100": "1s"}}),
    "distribution-quantile-name": duration({"quantiles": {"median": "1s"}}),
    "workflow-without-name": scenario(workflow={"nodes": [STEP]}),
    "workflow-without-nodes": scenario(workflow={"name": "orders"}),
    "workflow-no-nodes": flow(nodes=[]),
    "workflow-run-as-unknown": flow(run_as="script"),
    "workflow-redact-empty": flow(redact=[]),
    "node-without-name": flow(nodes=[{"type": "step"}]),
    "node-name-empty": flow(nodes=[{"name": ""}]),
    "node-type-unknown": node("stepp"),
    "node-not-an-object": flow(nodes=["charge"]),
    "step-with-a-wait": step(wait="5s"),
    "wait-without-time": node("wait"),
    "wait-zero": node("wait", wait="0s"),
    "wait-with-a-timeout": node("wait", wait="5s", timeout="5s"),
    "step-handle-twice": step(outputs=["yes", "yes"]),
    "step-handle-number": step(inputs=[1]),
    "step-side-effect-unknown": step(side_effect="harmless"),
    "step-semantics-unknown": step(semantics="exactly_once"),
    "step-timeout-zero": step(timeout="0s"),
    "step-retry-none": step(side_effect="idempotent", retry={"attempts": 0}),
    "step-retry-factor-below-1": step(side_effect="idempotent", retry={"factor": 0.5}),
    "step-jitter-unknown": step(side_effect="idempotent", retry={"jitter": "some"}),
    "step-max-retries-negative": step(contract={"max_retries": -1}),
    "step-effect-as-text": run(effect="true"),
    "step-effect-as-number": run(effect=1),
    "step-output-word": run(command=["sh"], output="yaml"),
    "step-output-json-without-command": run(output="json"),
    "step-command-empty": run(command=[]),
    "step-command-as-text": run(command="sh run.sh"),
    "step-command-no-program": run(command=["", "x"]),
    "step-fails-above-all": run(fails={"share": "200%"}),
    "needs-cpu-zero": needs(cpu=0),
    "needs-cpu-unit": needs(cpu="500milli"),
    "needs-memory-zero": needs(memory="0MB"),
    "needs-gpu-negative": needs(gpu=-1),
    "needs-too-many-labels": needs(labels={"a": "1", "b": "1", "c": "1", "d": "1", "e": "1"}),
    "needs-label-number": needs(labels={"disk": 1}),
    "fallback-empty": step(platform=[]),
    "edge-of-one-end": flow(nodes=TWO, edges=[["first.out"]]),
    "edge-of-three-ends": flow(nodes=TWO, edges=[["first.out", "second.in", "second.in"]]),
    "edge-without-handle": flow(nodes=TWO, edges=[["first", "second.in"]]),
    "edge-with-two-dots": flow(nodes=TWO, edges=[["first.out.x", "second.in"]]),
    "edge-without-to": flow(nodes=TWO, edges=[{"from": "first.out"}]),
    "edge-end-without-handle": flow(nodes=TWO, edges=[[{"node": "first"}, "second.in"]]),
    "condition-two-outputs": node("condition", outputs=["a", "b"]),
    "condition-poll-delay-zero": node("condition", poll={"delay": "0s"}),
    "callback-with-a-run": node("callback", run={"duration": "1s"}),
    "callback-answer-unknown": node("callback", answer={"with": "silence"}),
    "callback-answer-no-times": node("callback", answer={"times": 0}),
    "invoke-without-workflow": node("invoke"),
    "invoke-end-unknown": node("invoke", workflow="orders", on_parent_end="kill"),
    "child-without-nodes": node("child"),
    "child-node-unknown-key": node("child", nodes=[{"name": "do", "colour": "blue"}]),
    "map-without-items": node("map", nodes=[DO]),
    "map-items-negative": node("map", items=-1, nodes=[DO]),
    "map-items-word": node("map", items="output", nodes=[DO]),
    "map-item-not-a-size": node("map", items=["5s"], nodes=[DO]),
    "map-node-deep-inside": node("map", items=2, nodes=[
        {"name": "do", "type": "child", "nodes": [{"name": "inner", "timeout": "5"}]}]),
    "completion-share-above-all": node("map", items=3, nodes=[DO],
                                       completion={"tolerated_failures": "101%"}),
    "parallel-without-branches": node("parallel"),
    "parallel-mode-unknown": node("parallel", mode="first",
                                  branches=[{"name": "a", "nodes": [DO]}]),
    "parallel-completion-without-policy": node("parallel",
                                               branches=[{"name": "a", "nodes": [DO]}],
                                               completion={"min_successful": 1}),
    "branch-without-name": node("parallel", branches=[{"nodes": [DO]}]),
    "send-without-to": node("send", edge="e"),
    "send-to-run-0": node("send", edge="e", to=0),
    "send-to-nobody": node("send", edge="e", to="next"),
    "receive-messages-word": node("receive", edge="e", messages="some"),
    "until-no-moment": node("until", until="tomorrow"),
    "until-without-zone": node("until", until="2026-03-01T09:00:00"),
    "until-month-13": node("until", until="2026-13-01T09:00:00Z"),
    "until-schedule-without-cron": node("until", until={"at": "9:00"}),
    "operator-without-do": scenario(operators=[{"after": "1s"}]),
    "operator-do-unknown": operator(do="kill"),
    "operator-at-and-after": operator(at="1s"),
    "operator-never": scenario(operators=[{"do": "pause"}]),
    "operator-runs-words": operator(runs="each 10th"),
    "operator-every-zero": operator(every="0s"),
    "operators-empty": scenario(operators=[]),
    "fault-empty": scenario(faults=[{}]),
    "fault-without-verb": fault(at="after effect"),
    "fault-two-verbs": crash(pause="worker"),
    "fault-verb-misspelt": fault(crush="worker", at="after effect"),
    "fault-of-nobody": fault(crash="client", at="after effect"),
    "fault-not-a-list": scenario(faults={"crash": "worker", "at": "after effect"}),
    "fault-boundary-unknown": crash(at="after effects"),
    "fault-boundary-of-another": crash(at="before commit"),
    "fault-point-of-another": crash(at="store/commit/before"),
    "fault-nowhere-and-never": fault(crash="worker"),
    "fault-process-every-number": fault(crash="worker", every=5),
    "fault-place-and-time": crash(times=["5s"]),
    "fault-times-and-period": fault(crash="worker", times=["5s"], every="1m"),
    "fault-at-a-time-about-a-step": fault(crash="worker", times=["5s"], of="charge"),
    "fault-pause-without-length": fault(pause="worker", at="after effect"),
    "fault-crash-with-length": crash(**{"for": "5s"}),
    "fault-crash-with-amount": crash(by="5s"),
    "fault-slow-without-amount": fault(slow="worker", at="after effect"),
    "fault-length-zero": fault(pause="worker", at="after effect", **{"for": "0s"}),
    "fault-length-of-three": fault(pause="worker", at="after effect",
                                   **{"for": ["1s", "2s", "3s"]}),
    "fault-clock-unknown": fault(clock="stop", times=["5s"]),
    "fault-clock-step-by-ppm": fault(clock="step", by="+200ppm", times=["5s"]),
    "fault-clock-drift-by-time": fault(clock="drift", by="+5s", times=["5s"]),
    "fault-clock-freeze-by": fault(clock="freeze", by="5s", times=["5s"]),
    "fault-clock-without-time": fault(clock="freeze", **{"for": "5s"}),
    "fault-disk-unknown": fault(disk="slow read", by="5ms"),
    "fault-disk-slow-without-amount": fault(disk="slow"),
    "fault-disk-at-a-worker": fault(disk="error", at="worker/heartbeat"),
    "fault-network-unknown": fault(network="drop"),
    "fault-network-cut-without-length": fault(network="cut", times=["5s"]),
    "fault-network-cut-at-matches": fault(network="cut", every=5, **{"for": "5s"}),
    "fault-network-loss-at-times": fault(network="lose", times=["5s"]),
    "fault-network-at-a-point": fault(network="lose", at="net/send"),
    "fault-platform-unknown": fault(platform="explode"),
    "fault-platform-outage-without-length": fault(platform="outage", times=["5s"]),
    "fault-platform-host-at-matches": fault(platform="host", nth=1),
    "fault-swarm-unknown": fault(swarm="bees"),
    "fault-swarm-with-selectors": fault(swarm="default", max=3),
    "fault-defect-unknown": fault(defect="lease_fence"),
    "fault-defect-of-a-step": fault(defect="lease_no_fence", of="charge"),
    "fault-nth-zero": crash(nth=0),
    "fault-nth-words": crash(nth="second"),
    "fault-nth-open-range": crash(nth="2-"),
    "fault-probability-zero": crash(probability="0%"),
    "fault-probability-number": crash(probability=0.5),
    "fault-max-zero": crash(max=0),
    "fault-count-unknown": crash(count="every node"),
    "fault-node-unknown": crash(node="workers"),
    "fault-node-zero": crash(node="worker 0"),
    "fault-name-empty": crash(name=""),
    "fault-times-empty": fault(crash="worker", times=[]),
    "expect-unknown": expect("lost runs", 0),
    "expect-misspelt": expect("stuck run", 0),
    "expect-count-negative": expect("stuck runs", -1),
    "expect-count-without-space": expect("stuck runs", "<3"),
    "expect-count-other-sign": expect("stuck runs", "!= 3"),
    "expect-count-of-time": expect("stuck runs", "< 3s"),
    "expect-time-without-comparison": expect("p99(run)", "30s"),
    "expect-time-without-unit": expect("p99(run)", "< 30"),
    "expect-time-number": expect("p99(run)", 30),
    "expect-percentile-of-100": expect("p100(run)", "< 30s"),
    "expect-percentile-of-0": expect("p0(run)", "< 30s"),
    "expect-percentile-of-steps": expect("p99(step)", "< 30s"),
    "expect-effects-other-word": {**run(effect=True), "expect": {"effects:charge": "once"}},
    "expect-fired-unknown-point": expect("fired:disk/writes", 0),
    "expect-errors-unknown-class": expect("errors:TIMEOUT", 0),
    "expect-not-an-object": scenario(expect=["stuck runs"]),
    "thresholds-empty": scenario(thresholds=[]),
    "thresholds-not-a-list": scenario(thresholds={"p99(run)": "< 30s"}),
    "threshold-without-limit": scenario(thresholds=[{"expr": "p99(run)"}]),
    "threshold-without-expr": scenario(thresholds=[{"limit": "< 30s"}]),
    "threshold-unknown-key": scenario(thresholds=[{"expr": "takeovers", "limit": 0, "why": "x"}]),
    "threshold-unknown-expression": threshold("p99(runs)", "< 30s"),
    "threshold-time-without-unit": threshold("p99(run)", "< 30"),
    "threshold-time-number": threshold("p99(run)", 30),
    "threshold-count-of-time": threshold("takeovers", "< 3s"),
    "threshold-cost-without-currency": threshold("cost", "< 5"),
    "threshold-rate-without-time": threshold("throughput", "> 5"),
    "threshold-memory-in-seconds": threshold("memory", "< 5s"),
    "threshold-limit-negative": threshold("takeovers", -1),
    "reproduces-without-digest": scenario(reproduces={
        "property": "S2", "text": "", "version": "1", "content": "0" * 32, "from": "x"}),
}

HANDLER = {"run_as": "handler"}

BEYOND = {
    # What is named must be there.
    "names/step-in-of": crash(of="charges"),
    "names/step-in-steps": scenario(steps={"chrage": {"duration": "1s"}}),
    "names/step-in-expect": {**run(effect=True), "expect": {"effects:ship": "exactly once"}},
    "names/step-without-an-effect": expect("effects:charge", "exactly once"),
    "names/node-of-an-edge": flow(nodes=TWO, edges=[["frist.out", "second.in"]]),
    "names/handle-of-an-edge": flow(nodes=TWO, edges=[["first.done", "second.in"]]),
    "names/workflow-to-start": scenario(load={"arrivals": {"every": "1s"}, "start": ["order"]}),
    "names/workflow-to-invoke": node("invoke", workflow="billing"),
    "names/platform-of-a-step": {**step(platform="medium"), "platforms": PAIR},
    "names/platform-without-names": step(platform="large"),
    "names/platform-of-starts": expect("starts:medium", 0),
    "names/platform-of-a-fault": fault(platform="host", times=["5s"], node="platform medium"),
    "names/coordinator-that-is-not": fault(crash="coordinator", at="after append",
                                           node="coordinator 2"),
    "names/profile": platform("local-2"),
    "names/runtime": platform("lambda-2026", runtime="cobol"),
    "names/trace": arrivals(trace="azure-llm-codes"),
    "names/step-of-a-threshold": threshold("mean(step:chrage)", "< 1s"),
    "names/point-of-a-threshold": threshold("fired:disk/writes", 0),
    "names/class-of-a-threshold": threshold("errors:TIMEOUT", 0),
    "names/wait-in-steps": {**flow(nodes=[{"name": "nap", "type": "wait", "wait": "5s"}]),
                            "steps": {"nap": {"duration": "1s"}}},
    # Files must be there.
    "files/workflow": scenario(workflow="workflows/no-such-file.json"),
    "files/extends": {"why": "An example.", "extends": "no-such-file.json"},
    "files/limits": engine(limits="no-such-file.json"),
    # A name is given once.
    "twice/node": flow(nodes=[STEP, STEP]),
    "twice/branch": node("parallel", branches=[{"name": "a", "nodes": [DO]},
                                               {"name": "a", "nodes": [{"name": "b"}]}]),
    "twice/step-of-a-block": node("child", nodes=[{"name": "it", "type": "child", "nodes": [DO]},
                                                  DO]),
    "twice/fault": scenario(faults=[{"crash": "worker", "at": "after effect", "name": "a"},
                                    {"crash": "store", "at": "before sync", "name": "a"}]),
    "twice/swarm": scenario(faults=[{"swarm": "default"}, {"swarm": "default"}]),
    "twice/parameter": platform("local", workers=2, overrides={"workers": 3}),
    # Amounts with units: which is more, a pattern does not tell.
    "amounts/lease-below-a-second": engine(lease="999ms"),
    "amounts/lease-above-an-hour": engine(lease="61m"),
    "amounts/lease-above-292-years": engine(lease="999999d"),
    "amounts/lease-finer-than-a-nanosecond": engine(lease="20.0000000001s"),
    "amounts/memory-of-half-a-byte": engine(inline_max="1.5B"),
    "amounts/memory-below-a-megabyte": needs(memory="1KB"),
    "amounts/timeout-above-a-day": step(timeout="25h"),
    "amounts/wait-of-a-handler-below-a-second": flow(**HANDLER, nodes=[
        {"name": "nap", "type": "wait", "wait": "5ms"}]),
    "amounts/rate-too-high": arrivals(rate="1000/us"),
    "amounts/seed-above-64-bits": scenario(seed="18446744073709551616"),
    "amounts/drift-of-all": scenario(clocks={"drift": "±1000000ppm"}),
    "amounts/platform-no-workers": platform("local", workers=0),
    "amounts/capacity-below-64KiB": scenario(disk={"capacity": "1KB"}),
    "amounts/share-finer-than-a-tenth": engine(retry_budget={"share": "12.55%"}),
    "amounts/factor-of-four-digits": step(side_effect="idempotent", retry={"factor": 1.2345}),
    "amounts/day-that-is-not": node("until", until="2026-02-30T09:00:00Z"),
    "amounts/year-1969": node("until", until="1969-12-31T23:59:59Z"),
    "amounts/schedule-that-never-comes": node("until", until={"cron": "0 0 31 2 *"}),
    "amounts/schedule-of-four-fields": node("until", until={"cron": "0 0 1 *"}),
    "amounts/step-of-no-time": fault(clock="step", by="+0s", times=["5s"]),
    # One value against another.
    "together/skew-bound-and-lease": engine(lease="3s", skew_bound="1s"),
    "together/request-timeout-and-lease": engine(lease="3s", request_timeout="5s"),
    "together/inline-max-and-payload": engine(inline_max="1MiB"),
    "together/input-and-payload": scenario(load={"arrivals": {"every": "1s"}, "input": "1MiB"}),
    "together/delay-and-max-delay": step(side_effect="idempotent",
                                         retry={"delay": "2m", "max_delay": "1m"}),
    "together/irreversible-and-retries": step(retry={"attempts": 3}),
    "together/irreversible-and-at-least-once": flow(**HANDLER, nodes=[
        {**STEP, "semantics": "at_least_once"}]),
    "together/exactly-once-without-a-key": step(side_effect="idempotent",
                                                contract={"exactly_once": True},
                                                run={"effect": True, "key": False}),
    "together/no-retry-and-retries": step(side_effect="idempotent", retry={"attempts": 3},
                                          contract={"no_retry": True}),
    "together/compensation-of-an-idempotent-step": flow(**HANDLER, nodes=[
        {**STEP, "side_effect": "idempotent", "compensate": {}}]),
    "together/timeout-and-contract": step(timeout="1h", contract={"timeout": "5m"}),
    "together/timeout-and-run": flow(timeout="5m", nodes=[{**STEP, "timeout": "1h"}]),
    "together/heartbeat-and-timeout": node("callback", timeout="5s", heartbeat="5m"),
    "together/effect-that-only-reads": step(side_effect="read_only", run={"effect": True}),
    "together/key-without-an-effect": run(key=True),
    "together/compensate-in-a-graph": step(side_effect="reversible", compensate={}),
    "together/callback-in-a-graph": flow(run_as="graph", nodes=[{"name": "a", "type": "callback"}]),
    "together/invocation-timeout-of-a-graph": flow(invocation_timeout="5m"),
    "together/needs-of-a-graph": flow(needs={"cpu": 1}),
    "together/capacity-of-a-handler": {**flow(**HANDLER), "mode": "capacity"},
    "together/platform-of-a-step-in-a-handler": {**flow(**HANDLER, nodes=[
        {**STEP, "platform": "large"}]), "platforms": PAIR},
    "together/successes-above-branches": node("map", items=3, nodes=[DO],
                                              completion={"min_successful": 4}),
    "together/nth-and-first": crash(nth=3, first=3),
    "together/from-and-until": crash(**{"from": "5m", "until": "1m"}),
    "together/jitter-and-period": fault(crash="worker", every="1s", jitter="5s"),
    "together/two-lengths": fault(pause="worker", at="after effect", **{"for": ["9s", "1s"]}),
    "together/uniform-backwards": duration({"uniform": ["9s", "1s"]}),
    "together/lognormal-backwards": duration({"lognormal": {"p50": "9s", "p99": "1s"}}),
    "together/quantiles-backwards": duration({"quantiles": {"p99": "1s", "p50": "9s"}}),
    "together/times-backwards": arrivals(at=["5s", "1s"]),
    "together/range-backwards": crash(nth="3-1"),
    "together/memory-of-a-function": platform("lambda-2026", memory="64MB"),
    "together/step-longer-than-its-function": {**step(timeout="10m"),
                                               "platform": {"profile": "lambda-2026",
                                                            "timeout": "1m"}},
    "together/slow-where-nothing-is-sent": fault(slow="worker", by="1s", at="before report"),
    # The shape of a graph.
    "graphs/cycle": flow(nodes=TWO, edges=[["first.out", "second.in"], ["second.out", "first.in"]]),
    "graphs/input-with-two-edges": flow(nodes=[*TWO, {"name": "third"}], edges=[
        ["first.out", "third.in"], ["second.out", "third.in"]]),
    "graphs/input-without-an-edge": flow(nodes=[{"name": "first"},
                                               {"name": "join", "inputs": ["a", "b"]}],
                                        edges=[["first.out", "join.a"]]),
}


# The other files that users write, by their schema.
PLAIN = {"name": "orders", "nodes": [STEP]}
TIGHT = {"profile": "tight", "why": "To meet them.", "extends": "seed-001", "limits": {}}
POLICY = {"schema": "perdure.gate-policy/1"}
ORDER = {"handler": "order.mjs"}


def functions(order, **others):
    return {"functions": {**({"order": order} if order else {}), **others}}


OTHERS = {
    "workflow": {
        "valid/workflow-smallest": PLAIN,
        "valid/workflow-invokes-another": {"name": "o", "nodes": [
            {"name": "it", "type": "invoke", "workflow": "elsewhere"}]},
        "valid/workflow-for-editors": {"$schema": "workflow.schema.json", **PLAIN},
        "invalid/workflow-file-unknown-key": {**PLAIN, "colour": "blue"},
        "invalid/workflow-file-without-name": {"nodes": [STEP]},
        "invalid/workflow-file-node-misspelt": {**PLAIN, "nodes": [{"nmae": "charge"}]},
        "beyond/graphs/workflow-file-cycle": {**PLAIN, "nodes": TWO, "edges": [
            ["first.out", "second.in"], ["second.out", "first.in"]]},
    },
    "limits": {
        "valid/limits-smallest": TIGHT,
        "valid/limits-of-each-unit": {"$schema": "limits.schema.json", **TIGHT, "spill": False,
                                      "limits": {"wait_max": "30d", "input": "1MiB",
                                                 "history_ops": 500, "concurrency": "none"}},
        "invalid/limits-file-unknown-limit": {**TIGHT, "limits": {"inputs": "1MiB"}},
        "invalid/limits-file-number-for-a-size": {**TIGHT, "limits": {"input": 1048576}},
        "invalid/limits-file-without-why": {key: TIGHT[key] for key in TIGHT if key != "why"},
        "invalid/limits-file-name-with-a-space": {**TIGHT, "profile": "very tight"},
        "beyond/names/limits-file-name-is-taken": {**TIGHT, "profile": "aws"},
    },
    "gate-policy": {
        "valid/policy-smallest": POLICY,
        "valid/policy-all": {**POLICY, "$schema": "gate-policy.schema.json", "default": "2%",
                             "metrics": {"latency.*": {"worse": "5%", "floor": "10ms"},
                                         "cost": {"floor": 3}, "effect.*": "exact",
                                         "step.*": "ignore", "bytes": {"floor": "64KiB"}},
                             "scenarios": {"swarm*": {"default": "20%", "metrics": {"x": "1%"}}},
                             "missing": "allowed", "changed": "compare",
                             "wall": {"level": 0.05, "worse": "10%", "floor": "50ms"}},
        "invalid/policy-other-version": {"schema": "perdure.gate-policy/2"},
        "invalid/policy-unknown-key": {**POLICY, "metric": {}},
        "invalid/policy-budget-number": {**POLICY, "default": 2},
        "invalid/policy-budget-word": {**POLICY, "metrics": {"cost": "same"}},
        "invalid/policy-floor-word": {**POLICY, "metrics": {"cost": {"floor": "a bit"}}},
        "invalid/policy-floor-negative": {**POLICY, "metrics": {"cost": {"floor": -1}}},
        "invalid/policy-missing-word": {**POLICY, "missing": "fine"},
        "invalid/policy-level-of-one": {**POLICY, "wall": {"level": 1}},
        "invalid/policy-scenario-is-a-share": {**POLICY, "scenarios": {"swarm": "20%"}},
    },
    "functions": {
        "valid/functions-smallest": functions(ORDER),
        "valid/functions-all": {"$schema": "functions.schema.json", **functions(
            {"handler": "src/order.main", "directory": "..", "environment": {"STAGE": "test"},
             "durable": True, "timeout": "30s", "execution_timeout": "30d", "retention_days": 90,
             "memory_mb": 512, "environments_max": 2},
            charge={"command": ["./charge", ""], "durable": False})},
        "invalid/functions-none": functions(None),
        "invalid/functions-name-with-a-dot": {"functions": {"order.mjs": ORDER}},
        "invalid/functions-list": {"functions": [ORDER]},
        "invalid/functions-file-unknown-key": {**functions(ORDER), "port": 80},
        "invalid/functions-misspelt-key": functions({"handeler": "order.mjs"}),
        "invalid/functions-without-a-way": functions({"memory_mb": 128}),
        "invalid/functions-two-ways": functions({**ORDER, "command": ["node"]}),
        "invalid/functions-command-text": functions({"command": "node order.mjs"}),
        "invalid/functions-command-without-name": functions({"command": [""]}),
        "invalid/functions-variable-number": functions({**ORDER, "environment": {"PORT": 80}}),
        "invalid/functions-variable-with-a-space": functions({**ORDER, "environment": {"A B": ""}}),
        "invalid/functions-variable-of-the-runtime": functions(
            {**ORDER, "environment": {"AWS_LAMBDA_RUNTIME_API": "x"}}),
        "invalid/functions-timeout-number": functions({**ORDER, "timeout": 30}),
        "invalid/functions-memory-of-one": functions({**ORDER, "memory_mb": 1}),
        "invalid/functions-retention-of-a-year": functions({**ORDER, "retention_days": 365}),
        "beyond/amounts/functions-timeout-of-an-hour": functions({**ORDER, "timeout": "1h"}),
        "beyond/together/functions-plain-with-retention": functions(
            {**ORDER, "durable": False, "retention_days": 3}),
    },
}

# What a JSON reader hides from a schema; text is written as it stands here.
TEXTS = {
    "texts/key-twice": '{"why": "An example.", "why": "Another.",\n "workflow": "workflows/order.json",'
                       '\n "load": {"arrivals": {"every": "1s"}}}\n',
    "texts/key-twice-deep-inside": '{"why": "An example.", "workflow": "workflows/order.json",\n'
                                   ' "load": {"arrivals": {"every": "1s"}},\n'
                                   ' "engine": {"lease": "20s",\n            "lease": "30s"}}\n',
    "texts/whole-number-with-a-point": '{"why": "An example.", "workflow": "workflows/order.json",\n'
                                       ' "load": {"arrivals": {"every": "1s"}, "runs": 5.0}}\n',
    "texts/whole-number-with-an-exponent": '{"why": "An example.", "workflow": "workflows/order.json",'
                                           '\n "load": {"arrivals": {"every": "1s"}, "runs": 1e3}}\n',
}
BROKEN = {  # not JSON at all: refused by all
    "text-empty": "",
    "text-cut-off": '{"why": "An example.",\n "load": {"arrivals"',
    "text-comma-at-the-end": '{"why": "An example.",\n "workflow": "workflows/order.json",\n}\n',
    "text-comment": '{\n  // what it is for\n  "why": "An example."\n}\n',
    "text-single-quotes": "{'why': 'An example.'}\n",
    "text-behind-the-end": '{"why": "An example."} {}\n',
    "text-number-with-plus": '{"why": "An example.", "seed": +5}\n',
    "text-newline-in-a-string": '{"why": "An\nexample."}\n',
    "text-not-a-number": '{"why": "An example.", "seed": NaN}\n',
}


def files(show):
    """Every file of the corpus: its path below tests/schema, the schema it is of, its text."""
    for directory, cases in (("valid", VALID), ("invalid", INVALID), ("beyond", BEYOND)):
        for name, value in cases.items():
            yield f"{directory}/{name}.json", "scenario", show(value, width=80) + "\n"
    for schema, cases in OTHERS.items():
        for name, value in cases.items():
            yield f"{name}.json", schema, show(value, width=80) + "\n"
    for name, text in TEXTS.items():
        yield f"beyond/{name}.json", "scenario", text
    for name, text in BROKEN.items():
        yield f"invalid/{name}.json", "scenario", text
