# An order is reserved and charged; it is shipped a day later.
import os
import urllib.request

from durable import durable


def effect(name, key):
    """Tells an outside system to do something. It knows a request by its key."""
    request = urllib.request.Request(
        f"{os.environ['PERDURE_EFFECTS']}/{name}", method="POST",
        headers={"Idempotency-Key": key})
    with urllib.request.urlopen(request) as reply:
        reply.read()
    return name


@durable
def handler(order, run):
    run.step("reserve", lambda: effect("reserve", f"reserve-{order['id']}"))
    run.step("charge", lambda: effect("charge", f"charge-{order['id']}"))
    run.wait("night", 86400)
    run.step("ship", lambda: effect("ship", f"ship-{order['id']}"))
    return {"id": order["id"], "status": "shipped"}
