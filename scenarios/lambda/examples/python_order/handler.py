# An order is reserved and charged; it is shipped a day later.
import json
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
    run.step("reserve",
             lambda: post("reserve", f"reserve-{order['id']}", order))
    run.step("charge",
             lambda: post("charge", f"charge-{order['id']}", order))
    run.wait("night", 86400)
    run.step("ship",
             lambda: post("ship", f"ship-{order['id']}", order))
    return {"id": order["id"], "status": "shipped"}
