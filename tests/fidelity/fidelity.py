"""Real Celery workers beside the model of them, doing the same small things.

Starts a Redis, a RabbitMQ and workers of its own on free ports of the loopback
interface with data under build/fidelity, and ends each by its process id; the
system's own services are not touched. Writes report.txt, report.json and
report.html there. Exits 1 when a rule of the model (a count) is not what the
workers did; times that differ are shown, and whether by more than expected.

usage: fidelity.py BUILD_DIR          (through `make fidelity`)
"""
import html
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.abspath("build/fidelity")
CORES = len(os.sched_getaffinity(0))
SIZES = (1, 8, 32, 64)
RABBIT = "/usr/lib/rabbitmq/bin"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, seconds, found, pause=0.02):
    """What found() gives once that is true; ends the experiment if never."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = found()
        if value:
            return value
        time.sleep(pause)
    raise RuntimeError(f"{what}: not within {seconds} s")


class Processes:
    """All that was started, each in a session of its own; ended at the end."""

    def __init__(self):
        self.all, self.lock = [], threading.Lock()

    def start(self, name, command, env=None, cwd=None):
        with open(f"{OUT}/log/{name}.txt", "ab") as log:
            process = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True)
        with self.lock:
            self.all.append(process)
        return process

    def end(self, process):
        """With its children, which are in its session."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def end_all(self):
        for process in reversed(self.all):
            self.end(process)


class Brokers:
    def __init__(self, processes):
        self.processes = processes
        self.redis_port, self.rabbit_port = free_port(), free_port()
        self.next_db, self.lock = 1, threading.Lock()

    def start(self):
        import redis
        os.makedirs(f"{OUT}/redis")
        self.processes.start("redis", ["redis-server", "--port", str(self.redis_port), "--bind",
                                       "127.0.0.1", "--save", "", "--databases", "64"],
                             cwd=f"{OUT}/redis")
        self.redis = redis.Redis(port=self.redis_port)
        self.start_rabbit()
        wait_for("redis", 20, self.redis_up)
        wait_for("rabbitmq", 90, self.rabbit_up, 0.2)

    def start_rabbit(self):
        home, epmd = f"{OUT}/rabbitmq", str(free_port())
        os.makedirs(home)
        with open(f"{home}/rabbitmq.conf", "w") as conf:
            conf.write(f"listeners.tcp.local = 127.0.0.1:{self.rabbit_port}\n")
        with open(f"{home}/plugins", "w") as plugins:
            plugins.write("[].\n")
        env = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", "ERL_EPMD_PORT": epmd,
               "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_NODENAME": "fidelity@localhost",
               "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_MNESIA_BASE": f"{home}/data",
               "RABBITMQ_LOG_BASE": f"{home}/log", "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
               "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/plugins",
               "RABBITMQ_CONF_ENV_FILE": "/dev/null", "RABBITMQ_PID_FILE": f"{home}/pid"}
        self.processes.start("epmd", ["epmd", "-port", epmd, "-address", "127.0.0.1"], env)
        time.sleep(0.3)
        server = os.path.realpath(f"{RABBIT}/rabbitmq-server")
        self.processes.start("rabbitmq", [server], env)

    def redis_up(self):
        try:
            return self.redis.ping()
        except Exception:
            return False

    def rabbit_up(self):
        try:
            import amqp
            with amqp.Connection(f"127.0.0.1:{self.rabbit_port}"):
                return True
        except Exception:
            return False

    def rabbit_ready(self, queue):
        """Messages in the queue that nobody has taken."""
        import amqp
        with amqp.Connection(f"127.0.0.1:{self.rabbit_port}") as connection:
            return connection.channel().queue_declare(queue, passive=True).message_count

    def take_db(self):
        with self.lock:
            self.next_db += 1
            return self.next_db

    def round_trip(self):
        """Of Redis on this machine, its median in seconds."""
        times = []
        for _ in range(500):
            before = time.perf_counter()
            self.redis.ping()
            times.append(time.perf_counter() - before)
        return statistics.median(times)


class Bench:
    """A queue of its own with workers of its own."""

    def __init__(self, world, name, broker, config, redis_port=None):
        self.world, self.name, self.broker = world, name, broker
        self.db = world.brokers.take_db() if redis_port is None else 0
        results = port = world.brokers.redis_port
        if redis_port is not None:
            port = redis_port
        self.events_file = f"{OUT}/events/{name}"
        self.config = {"task_default_queue": name, "worker_prefetch_multiplier": 4,
                       "broker_connection_retry_on_startup": True, **config}
        url = f"redis://127.0.0.1:{port}/{self.db}" if broker == "redis" \
            else f"amqp://guest:guest@127.0.0.1:{world.brokers.rabbit_port}//"
        self.env = {**os.environ, "FIDELITY_BROKER": url, "FIDELITY_EVENTS": self.events_file,
                    "FIDELITY_RESULTS": f"redis://127.0.0.1:{results}/0", "PYTHONPATH": HERE,
                    "PYTHONDONTWRITEBYTECODE": "1", "C_FORCE_ROOT": "1",
                    "FIDELITY_CONFIG": json.dumps(self.config)}
        self.app = self.client(url, f"redis://127.0.0.1:{results}/0")
        self.workers = {}

    def client(self, url, results):
        from celery import Celery
        app = Celery("client", broker=url, backend=results)
        app.conf.update(self.config)
        return app

    def worker(self, name, concurrency, *options):
        process = self.world.processes.start(
            f"{self.name}-{name}", [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-c",
                                    str(concurrency), "-n", f"{name}@localhost", *options],
            self.env, HERE)
        self.workers[name] = process
        return process

    def submit(self, label, seconds, **options):
        return self.app.send_task("tasks.work", (label, seconds), **options)

    def events(self, what, label=None):
        """Lists of label, pid, pid of the parent, time."""
        try:
            with open(self.events_file) as file:
                rows = [line.split() for line in file.read().splitlines()]
        except FileNotFoundError:
            return []
        return [(r[1], int(r[2]), int(r[3]), float(r[4])) for r in rows
                if r[0] == what and label in (None, r[1])]

    def ready(self, name, count=1):
        rows = wait_for(f"{self.name}: worker {name}", 60,
                        lambda: len(self.events("ready", name)) >= count and self.events("ready", name))
        return rows[-1][3]

    def started(self, label, count=1, seconds=60):
        return wait_for(f"{self.name}: start {count} of {label}", seconds,
                        lambda: len(self.events("start", label)) >= count
                        and self.events("start", label))

    def waiting(self):
        """Messages in the broker's queue that nobody has taken."""
        if self.broker == "redis":
            import redis
            return redis.Redis(port=self.world.brokers.redis_port, db=self.db).llen(self.name)
        return self.world.brokers.rabbit_ready(self.name)

    def close(self):
        for process in self.workers.values():
            self.world.processes.end(process)


class World:
    def __init__(self, build):
        self.build = build
        self.processes = Processes()
        self.brokers = Brokers(self.processes)
        self.rows, self.failures, self.lock = [], [], threading.Lock()

    def model(self, experiment, profile, **overrides):
        """What the model says, as a dictionary of numbers."""
        platform = {"profile": f"celery-{profile}", "overrides": overrides}
        run = subprocess.run([f"{self.build}/fidelity", experiment, json.dumps(platform)],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise RuntimeError(f"{experiment}: {run.stderr.strip()}")
        return json.loads(run.stdout)

    def row(self, what, broker, unit, real, model, within):
        """`within` 0: a rule, the numbers are the same."""
        with self.lock:
            self.rows.append({"experiment": what, "broker": broker, "unit": unit, "real": real,
                              "model": model, "within": within,
                              "agrees": abs(real - model) <= within})


def prefetch(world, broker):
    """40 tasks and a worker of four children: how many the worker takes."""
    for late in (True, False):
        bench = Bench(world, f"prefetch-{broker}-{'late' if late else 'early'}", broker,
                      {"task_acks_late": late})
        bench.worker("a", 4)
        bench.ready("a")
        for i in range(40):
            bench.submit(f"t{i}", 60)
        wait_for("prefetch", 30, lambda: len(bench.events("start")) >= 4)
        time.sleep(2)
        real = 40 - bench.waiting()
        model = world.model("prefetch", broker, acks_late="yes" if late else "no", **{
            "workers": 1, "concurrency": 4})["taken"]
        world.row(f"taken by a worker of 4 children, multiplier 4, {'late' if late else 'early'} acks",
                  broker, "messages", real, model, 0)
        bench.close()


def child_killed(world, broker):
    """kill -9 of a child under its task: a failure, or it runs again."""
    for reject in (False, True):
        bench = Bench(world, f"child-{broker}-{'reject' if reject else 'plain'}", broker,
                      {"task_acks_late": True, "task_reject_on_worker_lost": reject})
        bench.worker("a", 1)
        at = bench.ready("a")
        result = bench.submit("t", 30)
        pid = bench.started("t")[0][1]
        time.sleep(max(0, at + 7 - time.monotonic()))
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        model = world.model("child", broker, acks_late="yes",
                            reject_on_worker_lost="yes" if reject else "no",
                            **{"workers": 1, "concurrency": 1})
        name = "killed child, late acks" + (", reject_on_worker_lost" if reject else "")
        if reject:
            real = bench.started("t", 2)[1][3] - killed
        else:
            wait_for("failure", 60, lambda: result.state == "FAILURE")
            real = time.monotonic() - killed
            time.sleep(3)
        world.row(f"{name}: starts", broker, "starts", len(bench.events("start", "t")),
                  model["starts"], 0)
        world.row(f"{name}: until {'it starts again' if reject else 'the failure is stored'}", broker,
                  "s", real, model["after_s"], 5)
        bench.close()


def worker_killed(world, broker):
    """kill -9 of a main process; another worker is there."""
    options = {"broker_transport_options": {"visibility_timeout": 4}} if broker == "redis" else {}
    bench = Bench(world, f"worker-{broker}", broker,
                  {"task_acks_late": True, "worker_prefetch_multiplier": 1, **options})
    bench.worker("a", 1)
    bench.worker("b", 1)
    ready = {name: bench.ready(name) for name in "ab"}
    bench.submit("t", 20)
    victim = bench.started("t")[0][2]
    name = next(n for n, p in bench.workers.items() if p.pid == victim)
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    again = bench.started("t", 2, 150)[1][3]
    wait_for("an end", 60, lambda: bench.events("end", "t"))
    time.sleep(1)
    model = world.model("worker", broker, acks_late="yes", prefetch_multiplier="1 messages",
                        restart_delay="1h",
                        **{"workers": 2, "concurrency": 1},
                        **({"visibility_timeout": "4s"} if broker == "redis" else {}))
    world.row("killed worker, late acks: times the task is done", broker, "ends",
              len(bench.events("end", "t")), model["ends"], 0)
    if broker == "redis":
        other = ready["b" if name == "a" else "a"]
        world.row("killed worker: until it starts again, from when the other one was ready, "
                  "visibility timeout 4 s", broker, "s", again - other, model["from_ready_s"], 3)
    else:
        world.row("killed worker: until it starts again", broker, "s", again - killed,
                  model["after_s"], 1)
    bench.close()


def worker_stopped(world):
    """A worker that says nothing any more, its connection open."""
    bench = Bench(world, "stopped", "rabbitmq",
                  {"task_acks_late": True, "worker_prefetch_multiplier": 1, "broker_heartbeat": 2})
    bench.worker("a", 1)
    bench.worker("b", 1)
    bench.ready("a"), bench.ready("b")
    bench.submit("t", 20)
    victim = bench.started("t")[0][2]
    time.sleep(1)
    os.kill(victim, signal.SIGSTOP)
    stopped = time.monotonic()
    real = bench.started("t", 2)[1][3] - stopped
    model = world.model("worker", "rabbitmq", acks_late="yes", prefetch_multiplier="1 messages",
                        heartbeat="2s", host_loss="machine", **{"workers": 2, "concurrency": 1})
    world.row("silent worker, heartbeat 2 s: until it starts again", "rabbitmq", "s", real,
              model["after_s"], 2)
    bench.close()


def eta(world, broker):
    """An ETA of 40 s beyond a visibility timeout of 3 s: a worker that
    connects looks for what has been out too long."""
    options = {"broker_transport_options": {"visibility_timeout": 3}} if broker == "redis" else {}
    bench = Bench(world, f"eta-{broker}", broker, options)
    bench.worker("a", 4)
    bench.ready("a")
    begin = time.monotonic()
    bench.submit("t", 0, countdown=40)
    for name, at in (("b", 8), ("c", 20)):
        time.sleep(max(0, begin + at - time.monotonic()))
        bench.worker(name, 4)
        bench.ready(name)
    time.sleep(max(0, begin + 48 - time.monotonic()))
    rows = bench.events("start", "t")
    model = world.model("eta", broker, restart_delay="30s", **{"workers": 3, "concurrency": 4},
                        **({"visibility_timeout": "3s"} if broker == "redis" else {}))
    world.row("ETA of 40 s" + (", visibility timeout 3 s" if broker == "redis" else "") +
              ", workers connect at 8 s and 20 s: executions", broker, "starts", len(rows),
              model["starts"], 0)
    world.row("ETA of 40 s: until the first", broker, "s", rows[0][3] - begin, model["first_s"], 1)
    bench.close()


def connection_lost(world):
    """All connections to Redis are cut: what runs, what was prefetched."""
    bench = Bench(world, "cut", "redis",
                  {"task_acks_late": True, "worker_prefetch_multiplier": 2,
                   "broker_transport_options": {"visibility_timeout": 4}})
    bench.worker("a", 1)
    bench.ready("a")
    for label in ("runs", "prefetched", "queued"):
        bench.submit(label, 8)
    bench.started("runs")
    time.sleep(2)
    cut = time.monotonic()
    for client in world.brokers.redis.client_list():
        if client["db"] == str(bench.db):
            world.brokers.redis.client_kill_filter(_id=client["id"])
    wait_for("the last start", 160, lambda: len({r[0] for r in bench.events("start")}) == 3 and
             time.monotonic() > cut + 125)
    model = world.model("cut", "redis", acks_late="yes", prefetch_multiplier="2 messages",
                        visibility_timeout="4s", **{"workers": 1, "concurrency": 1})
    for label in ("runs", "prefetched", "queued"):
        rows = bench.events("start", label)
        world.row(f"connection cut, late acks: starts of what {'was ' if label != 'runs' else ''}{label}",
                  "redis", "starts", len(rows), model[f"{label}_starts"], 0)
    world.row("connection cut: until what was prefetched starts", "redis", "s",
              bench.events("start", "prefetched")[0][3] - cut, model["prefetched_s"], 10)
    bench.close()


def processor_time(pid):
    """Seconds of the process and of its children so far."""
    with open(f"/proc/{pid}/stat") as file:
        times = file.read().rsplit(")", 1)[1].split()[11:13]
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    return (sum(map(int, times)) / os.sysconf("SC_CLK_TCK"), children)


def start_up(world):
    """From the start of the process until it takes work. What it takes on a
    machine that does nothing else is its processor time, its children's share
    of the other processors, and the second in which it asks its neighbours."""
    for size in SIZES:
        times, walls = [], []
        for i in range(3):
            bench = Bench(world, f"start-{size}-{i}", "redis", {})
            began = time.monotonic()
            process = bench.worker("a", size)
            walls.append(bench.ready("a") - began)
            own, children = processor_time(process.pid)
            theirs = sum(processor_time(int(child))[0] for child in children)
            times.append(1 + max(own, (own + theirs) / CORES))
            bench.close()
        model = world.model("start", "redis", **{"workers": 1, "concurrency": size, "cores": CORES})
        real = statistics.median(times)
        world.row(f"start of a worker with {size} children, of processor time", "redis", "s", real,
                  model["ready_s"], 0.3 * real)
        world.rows[-1]["wall_s"] = walls


def children_replaced(world):
    """One task per child: which exits are seen at once, and how long a new
    child takes then."""
    bench = Bench(world, "replaced", "redis", {"worker_max_tasks_per_child": 1})
    bench.worker("a", 1)
    bench.ready("a")
    for i in range(40):
        bench.submit(f"t{i}", 0)
    time.sleep(60)
    starts = sorted(row[3] for row in bench.events("start"))
    gaps = [after - before for before, after in zip(starts, starts[1:])]
    quick = [gap for gap in gaps if gap < 2]
    model = world.model("replaced", "redis", max_tasks_per_child="1 tasks", round_trip="100us",
                        **{"workers": 1, "concurrency": 1, "cores": CORES})
    world.row("one task per child: children that are replaced at once", "redis", "share",
              len(quick) / max(1, len(gaps)), model["at_once"], 0.3)
    world.row("one task per child: from one to the next, then", "redis", "s",
              statistics.median(quick or [0]), model["quick_s"], 0.3)
    bench.close()


def throughput(world, broker):
    """Tasks that do nothing through one worker of one child: how many a second
    by the processor time of whichever of the two needs more."""
    bench = Bench(world, f"throughput-{broker}", broker, {})
    process = bench.worker("a", 1)
    bench.ready("a")
    before, children = processor_time(process.pid)
    child = processor_time(int(children[0]))[0]
    for _ in range(1000):
        bench.app.send_task("tasks.nothing")
    bench.submit("last", 0)
    bench.started("last", 1, 120)
    took = max(processor_time(process.pid)[0] - before,
               processor_time(int(children[0]))[0] - child)
    rtt = f"{int(world.brokers.round_trip() * 1e9)}ns"
    model = world.model("throughput", broker, round_trip=rtt, **{"workers": 1, "concurrency": 1})
    world.row("tasks that do nothing, one child", broker, "tasks/s", 1000 / took, model["rate"],
              350 / took)
    bench.close()


def broker_restarted(world):
    """Redis is killed and is back after three seconds with what it had."""
    port, home = free_port(), f"{OUT}/redis-restarted"
    os.makedirs(home)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
               "--appendonly", "yes", "--appendfsync", "always"]
    server = world.processes.start("redis-restarted", command, cwd=home)
    time.sleep(1)
    bench = Bench(world, "restarted", "redis",
                  {"task_acks_late": True, "worker_prefetch_multiplier": 2,
                   "broker_transport_options": {"visibility_timeout": 4}}, port)
    bench.worker("a", 1)
    bench.ready("a")
    for label in ("runs", "prefetched", "queued"):
        bench.submit(label, 8)
    bench.started("runs")
    time.sleep(2)
    world.processes.end(server)
    time.sleep(3)
    world.processes.start("redis-restarted", command, cwd=home)
    time.sleep(60)
    model = world.model("restart", "redis", acks_late="yes", prefetch_multiplier="2 messages",
                        visibility_timeout="4s", **{"workers": 1, "concurrency": 1})
    begun = sum(1 for label in ("runs", "prefetched", "queued")
                if bench.events("start", label))
    expected = sum(1 for label in ("runs", "prefetched", "queued") if model[f"{label}_starts"])
    # Some versions connect again and then take nothing: shown, no rule.
    world.row("Redis away for 3 s: of three tasks begun a minute after its return", "redis",
              "tasks", begun, expected, 0.5)
    bench.close()


def versions():
    import billiard
    import celery
    import kombu
    rabbit = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "rabbitmq-server"],
                            capture_output=True, text=True, check=False).stdout
    redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True,
                           check=False).stdout.split("v=")[1].split()[0]
    return (f"Celery {celery.__version__}, kombu {kombu.__version__}, billiard "
            f"{billiard.__version__}, Redis {redis}, RabbitMQ {rabbit.split('-')[0]}, "
            f"{CORES} processors, load {os.getloadavg()[0]:.0f}")


def report(world, about, seconds):
    rows = sorted(world.rows, key=lambda row: (row["experiment"], row["broker"]))
    wide = max([len(row["experiment"]) for row in rows] or [10])
    lines = [f"Real workers and the model of them: {about}", f"{seconds:.0f} s", "",
             f"{'':{wide}}  {'broker':8}  {'real':>10}  {'model':>10}  unit"]
    for row in rows:
        lines.append(f"{row['experiment']:{wide}}  {row['broker']:8}  {row['real']:10.3f}  "
                     f"{row['model']:10.3f}  {row['unit']:9} {'' if row['agrees'] else 'DIFFERS'}")
    lines += [f"NOT MEASURED: {failure}" for failure in world.failures]
    with open(f"{OUT}/report.txt", "w") as file:
        file.write("\n".join(lines) + "\n")
    with open(f"{OUT}/report.json", "w") as file:
        json.dump({"version": 1, "about": about, "seconds": round(seconds), "rows": rows,
                   "not_measured": world.failures}, file, indent=1)
        file.write("\n")
    cells = "".join(
        f"<tr{'' if r['agrees'] else ' class=differs'}><td>{html.escape(r['experiment'])}<td>{r['broker']}"
        f"<td>{r['real']:.3f}<td>{r['model']:.3f}<td>{r['unit']}<td>{'' if r['agrees'] else 'differs'}"
        for r in rows)
    lost = "".join(f"<p>Not measured: {html.escape(failure)}" for failure in world.failures)
    with open(f"{OUT}/report.html", "w") as file:
        file.write("<!doctype html><meta charset=utf-8><title>Real Celery and the model</title>"
                   "<style>body{font:15px sans-serif;margin:2em}td,th{padding:.2em .8em;text-align:"
                   "left}td:nth-child(3),td:nth-child(4){text-align:right}.differs{background:#fdd}"
                   f"</style><h1>Real Celery and the model</h1><p>{html.escape(about)}{lost}<table>"
                   "<tr><th>what<th>broker<th>real<th>model<th>unit<th>" + cells + "</table>\n")
    print("\n".join(lines))
    print(f"\nThe report: {OUT}/report.html")


def attempt(world, function, *arguments):
    try:
        function(world, *arguments)
    except Exception as error:
        with world.lock:
            world.failures.append(f"{function.__name__} {' '.join(arguments)}: {error}")


def experiments(world):
    """What measures speed goes first and alone; then what mostly waits."""
    only = sys.argv[2:]
    alone = [(start_up,), (throughput, "redis"), (throughput, "rabbitmq")]
    beside = [(connection_lost,), (worker_stopped,), (broker_restarted,), (children_replaced,)]
    for broker in ("redis", "rabbitmq"):
        beside += [(f, broker) for f in (prefetch, child_killed, worker_killed, eta)]
    for one in alone:
        if not only or one[0].__name__ in only:
            attempt(world, *one)
    threads = [threading.Thread(target=attempt, args=(world, *one)) for one in beside
               if not only or one[0].__name__ in only]
    for thread in threads:
        thread.start()
        time.sleep(0.5)
    for thread in threads:
        thread.join()


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: fidelity.py BUILD_DIR [EXPERIMENT...]")
    began = time.monotonic()
    shutil.rmtree(OUT, ignore_errors=True)
    for part in ("log", "events"):
        os.makedirs(f"{OUT}/{part}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and end what was started
    world = World(os.path.abspath(sys.argv[1]))
    try:
        world.brokers.start()
        experiments(world)
    finally:
        world.processes.end_all()
    report(world, versions(), time.monotonic() - began)
    wrong = [row for row in world.rows if row["within"] == 0 and not row["agrees"]]
    sys.exit(1 if wrong or world.failures else 0)


if __name__ == "__main__":
    main()
