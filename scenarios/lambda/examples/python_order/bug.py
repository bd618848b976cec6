# An order is reserved and charged; it is shipped a day later.
import json
import time
import urllib.request

from durable import durable


def post(name, key, order):
    """The services of the shop know a request by its key: what one of them has
    done, it does not do again."""
    request = urllib.request.Request(
        f"https://shop.example/{name}", json.dumps(order).encode(),
        {"Content-Type": "application/json", "Idempotency-Key": key})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


@durable
def handler(order, run):
    # BUG: when the handler runs again it is later, and the key another one.
    key = f"charge-{order['id']}-{time.time()}"
    run.step("reserve",
             lambda: post("reserve", f"reserve-{order['id']}", order))
    run.step("charge", lambda: post("charge", key, order))
    run.wait("night", 86400)
    run.step("ship",
             lambda: post("ship", f"ship-{order['id']}", order))
    return {"id": order["id"], "status": "shipped"}
