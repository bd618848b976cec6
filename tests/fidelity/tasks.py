"""The tasks that real workers run for tests/fidelity/fidelity.py: they write
what they do, and when by the system's monotonic clock, into one file."""
import json
import os
import time

from celery import Celery
from celery.signals import worker_ready

app = Celery("tasks", broker=os.environ["FIDELITY_BROKER"], backend=os.environ["FIDELITY_RESULTS"])
app.conf.update(json.loads(os.environ["FIDELITY_CONFIG"]))


def say(what, label):
    line = f"{what} {label} {os.getpid()} {os.getppid()} {time.monotonic():.6f}\n"
    file = os.open(os.environ["FIDELITY_EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)


@app.task
def work(label, seconds):
    say("start", label)
    time.sleep(seconds)
    say("end", label)


@app.task
def nothing():
    pass


@worker_ready.connect
def ready(sender=None, **_):
    say("ready", sender.hostname.split("@")[0])
