# Runs one Lambda function against perdure's local Runtime API. The function
# is not changed; what it gets from here is a clock: the time, sleeps, waits
# with a limit and loops of asyncio are virtual when PERDURE_NOW_MS is set, and
# time moves when no thread has anything to do.
import datetime
import http.client
import importlib
import io
import json
import os
import queue
import random
import sys
import threading
import time
import traceback
import types
import uuid

import perdure_outgoing as outgoing

sys.dont_write_bytecode = True

ADDRESS = os.environ["AWS_LAMBDA_RUNTIME_API"]
VIRTUAL = "PERDURE_NOW_MS" in os.environ
SEED = os.environ.get("PERDURE_SEED")
RUNTIME = "/2018-06-01/runtime/"

real = types.SimpleNamespace(
    sleep=time.sleep,
    monotonic=time.monotonic,
    gmtime=time.gmtime,
    localtime=time.localtime,
    strftime=time.strftime,
    date=datetime.date,
    datetime=datetime.datetime,
    wait=threading.Condition.wait,
    join=threading.Thread.join,
    endheaders=http.client.HTTPConnection.endheaders,
    getresponse=http.client.HTTPConnection.getresponse,
)
guard = threading.Lock()  # of all that follows
allocate = threading.Lock


# Requests --------------------------------------------------------------------

sent = 0  # to perdure
got = 0
elsewhere = 0


class Own(http.client.HTTPConnection):
    """A connection of the bootstrap's own; it does not count."""

    connect = outgoing.real.connect
    putrequest = outgoing.real.putrequest
    endheaders = real.endheaders
    getresponse = real.getresponse


def ask(connection, method, path, body=b"", headers=None):
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def endheaders(self, *given, **named):
    global sent, elsewhere
    ours = outgoing.is_ours(self)
    with guard:
        if ours:
            sent += 1
            self.putheader("Perdure-Number", str(sent))
        else:
            elsewhere += 1
    try:
        return real.endheaders(self, *given, **named)
    except BaseException:
        end(ours)
        raise


def end(ours):
    global got, elsewhere
    with guard:
        if ours:
            got += 1
        else:
            elsewhere -= 1


def getresponse(self):
    ours = outgoing.is_ours(self)
    try:
        response = real.getresponse(self)
        if ours and response.length:
            body = response.fp.read(response.length)
            response.fp.close()
            response.fp = io.BytesIO(body)
        return response
    finally:
        end(ours)


# The clock -------------------------------------------------------------------

# Whoever reads the clock until it moves shall see it move.
READS = 10000
now_ms = int(os.environ.get("PERDURE_NOW_MS", "0"))
origin_ms = now_ms
reads = 0
timers = []  # (due, number, ring), by due
numbers = 0
loading = True
begun = 0  # invocations


def read_ms():
    global now_ms, reads
    reads += 1
    if reads >= READS:
        reads = 0
        now_ms += 1
    return now_ms


def after(seconds, ring):
    global numbers
    with guard:
        numbers += 1
        ms = max(1, int(seconds * 1000 + 0.999))
        timer = (now_ms + ms, numbers, ring)
        timers.append(timer)
        timers.sort(key=lambda one: one[:2])
    return timer


def cancel(timer):
    with guard:
        if timer in timers:
            timers.remove(timer)


def sleep(seconds):
    global now_ms
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    if loading:  # nobody shares its time yet
        now_ms += int(seconds * 1000)
    elif seconds > 0:
        lock = allocate()
        lock.acquire()
        after(seconds, lock.release)
        lock.acquire()


def wait(self, timeout=None):
    if loading or timeout is None or timeout <= 0:
        return real.wait(self, timeout)
    if not self._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    waiter = allocate()
    waiter.acquire()
    self._waiters.append(waiter)
    rung = []

    def ring():
        rung.append(True)
        try:
            waiter.release()
        except RuntimeError:
            rung.clear()  # somebody was faster

    saved = self._release_save()
    timer = after(timeout, ring)
    try:
        waiter.acquire()
        cancel(timer)
    finally:
        self._acquire_restore(saved)
    if waiter in self._waiters:
        self._waiters.remove(waiter)
    return not rung


def join(self, timeout=None):
    if loading or timeout is None or timeout <= 0 or not self.is_alive():
        return real.join(self, timeout)
    ended = threading.Event()

    def follow():
        real.join(self)
        ended.set()

    threading.Thread(target=follow, daemon=True).start()
    ended.wait(timeout)


class Selector:
    """Of a loop of asyncio: it waits for files, or for virtual time."""

    def __init__(self, inner, wake):
        self.inner = inner
        self.wake = wake

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def select(self, timeout=None):
        global now_ms
        if timeout is None or timeout <= 0:
            return self.inner.select(timeout)
        if loading:
            events = self.inner.select(0)
            now_ms += 0 if events else max(1, int(timeout * 1000 + 0.999))
            return events
        timer = after(timeout, self.wake)
        try:
            return self.inner.select(None)
        finally:
            cancel(timer)


def make_loops_virtual():
    from asyncio import selector_events
    begin = selector_events.BaseSelectorEventLoop.__init__

    def init(self, selector=None):
        begin(self, selector)
        self._selector = Selector(self._selector, self._write_to_self)

    selector_events.BaseSelectorEventLoop.__init__ = init


class Kind(type):
    def __instancecheck__(cls, one):
        return isinstance(one, cls.of)

    def __subclasscheck__(cls, one):
        return issubclass(one, cls.of)


class Date(real.date, metaclass=Kind):
    of = real.date

    @classmethod
    def today(cls):
        return real.date.fromtimestamp(read_ms() / 1000)


class Datetime(real.datetime, metaclass=Kind):
    of = real.datetime

    @classmethod
    def now(cls, tz=None):
        return real.datetime.fromtimestamp(read_ms() / 1000, tz)

    @classmethod
    def utcnow(cls):
        return real.datetime.utcfromtimestamp(read_ms() / 1000)

    today = now


def make_virtual():
    def since():
        return read_ms() - origin_ms

    time.time = lambda: read_ms() / 1000
    time.time_ns = lambda: read_ms() * 1000000
    for name in ("monotonic", "perf_counter"):
        setattr(time, name, lambda: since() / 1000)
        setattr(time, name + "_ns", lambda: since() * 1000000)
    time.sleep = sleep
    for name in ("gmtime", "localtime"):
        plain = getattr(real, name)
        setattr(time, name, lambda at=None, plain=plain: plain(
            read_ms() / 1000 if at is None else at))
    time.strftime = lambda form, at=None: real.strftime(
        form, time.localtime() if at is None else at)
    threading._time = queue.time = time.monotonic
    threading.Condition.wait = wait
    datetime.date, datetime.datetime = Date, Datetime
    http.client.HTTPConnection.endheaders = endheaders
    http.client.HTTPConnection.getresponse = getresponse
    threading.Thread.join = join
    make_loops_virtual()
    if SEED is not None:
        uuid.uuid4 = lambda: uuid.UUID(
            int=random.getrandbits(128), version=4)


# Rest ------------------------------------------------------------------------

working = threading.Event()


def is_waiting_for_child():
    """Whether a program that it has started is under way."""
    try:
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/children") as file:
                for child in file.read().split():
                    with open(f"/proc/{child}/stat") as stat:
                        if stat.read().rpartition(")")[2].split()[0] != "Z":
                            return True
    except OSError:
        pass  # just gone, or the kernel does not tell
    return False


def look():
    """What the other threads have done so far; None: one is at it."""
    own = str(threading.get_native_id())
    seen = []
    for task in sorted(os.listdir("/proc/self/task")):
        if task == own:
            continue
        try:
            with open(f"/proc/self/task/{task}/status") as file:
                lines = file.read().splitlines()
        except OSError:
            return None
        for line in lines:
            if line.startswith("State:") and "S" not in line[6:9]:
                return None
            if "ctxt_switches" in line:
                seen.append((task, line))
    return seen


def is_at_rest():
    """Whether no thread has run between two looks, nor wants to."""
    seen = look()
    for _ in range(2):
        real.sleep(0.0005)
        if seen is None or look() != seen:
            return False
    return not is_waiting_for_child()


def fire():
    with guard:
        if not timers or timers[0][0] > now_ms:
            return False
        _, _, ring = timers.pop(0)
    ring()
    return True


def standing():
    with guard:
        return begun, f"{sent} {got} {timers[0][0] if timers else 0}"


def claim(connection, state):
    global now_ms, reads
    during, text = state
    _, _, body = ask(connection, "POST", "/perdure/idle", text.encode())
    if body == b"abandon":
        os._exit(0)  # a thread cannot be left
    with guard:
        if begun == during:  # else it is the time of one that is over
            now_ms = max(now_ms, int(body))
            reads = 0


def keep_watch():
    connection = Own(ADDRESS)
    while True:
        working.wait()
        # As before the look: whoever wakes up behind it has it refused.
        state = standing()
        if not is_at_rest() or fire() or elsewhere > 0:
            continue
        if working.is_set() and standing() == state:
            claim(connection, state)


# The function ----------------------------------------------------------------


class ClientContext:
    def __init__(self, told):
        self.custom = told.get("custom")
        self.env = told.get("env")
        self.client = told.get("client")


class Context:
    def __init__(self, headers):
        env = os.environ.get
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers[
            "Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME")
        self.tenant_id = headers["Lambda-Runtime-Aws-Tenant-Id"]
        self.identity = None
        client = headers.get("Lambda-Runtime-Client-Context")
        self.client_context = client and ClientContext(json.loads(client))
        self.deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self.deadline_ms - int(time.time() * 1000))


def load(handler):
    path, dot, name = handler.rpartition(".")
    if not dot:
        raise ValueError(f'the handler is "{handler}", not FILE.FUNCTION')
    root = os.environ.get("LAMBDA_TASK_ROOT", os.getcwd())
    sys.path.insert(0, os.path.join(root, os.path.dirname(path)))
    module = importlib.import_module(os.path.basename(path))
    return getattr(module, name)


def words_of(error):
    return json.dumps({
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_list([
            one for one in traceback.extract_tb(error.__traceback__)
            if one.filename != __file__ and "importlib" not in one.filename]),
    }).encode()


def begin(headers):
    global now_ms, reads, timers, begun
    if not VIRTUAL:
        return
    with guard:
        moment = int(headers["Perdure-Now-Ms"])
        back = min(0, moment - now_ms)
        timers = [(due + back, number, ring) for due, number, ring in timers]
        now_ms = moment
        begun += 1
        reads = 0
    if SEED is not None:
        random.seed(f"{SEED} {headers['Lambda-Runtime-Aws-Request-Id']}"
                    f"{headers.get('Perdure-Echo', '')}")


def serve(connection, handler):
    _, headers, body = ask(
        connection, "GET", RUNTIME + "invocation/next", b"",
        {"Perdure-Bootstrap": "1"} if VIRTUAL else {})
    begin(headers)
    context = Context(headers)
    os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"] or ""
    working.set()
    try:
        event = json.loads(body) if body else None
        what, answer = "response", json.dumps(handler(event, context)).encode()
    except Exception as error:
        traceback.print_exc()
        what, answer = "error", words_of(error)
    working.clear()
    _, _, reply = ask(
        connection, "POST",
        f"{RUNTIME}invocation/{context.aws_request_id}/{what}", answer)
    if reply == b"abandon":
        os._exit(0)


def main():
    global loading
    connection = Own(ADDRESS)
    sys.stdout.reconfigure(line_buffering=True)
    outgoing.lead_all()
    if VIRTUAL:
        make_virtual()
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:
        traceback.print_exc()
        ask(connection, "POST", RUNTIME + "init/error", words_of(error))
        sys.exit(1)
    loading = False
    if VIRTUAL:
        threading.Thread(target=keep_watch, daemon=True).start()
    while True:
        serve(connection, handler)


main()
