"""Reads the clock around everything in Python that takes time."""
import asyncio
import datetime
import queue
import threading
import time


async def loops():
    loop = asyncio.get_running_loop()
    before = loop.time()
    slept = await asyncio.gather(asyncio.sleep(300, "a"), asyncio.sleep(60, "b"))
    try:
        await asyncio.wait_for(asyncio.sleep(86400), 30)
    except asyncio.TimeoutError:
        slept.append("limit")
    return slept, loop.time() - before


def took(work):
    before = time.time()
    result = work()
    return result, time.time() - before


def get():
    try:
        return queue.Queue().get(timeout=7)
    except queue.Empty:
        return "empty"


def ring():
    event = threading.Event()
    threading.Timer(50, event.set).start()
    return event.wait(100)


def join():
    thread = threading.Thread(target=time.sleep, args=(90,))
    thread.start()
    thread.join(20)
    return thread.is_alive()


def handler(event, context):
    return [asyncio.run(loops()), took(get), took(ring), took(join),
            took(lambda: time.sleep(0.25)),
            datetime.datetime.now(datetime.timezone.utc).isoformat(),
            context.get_remaining_time_in_millis()]
