"""1,000 posted invoices with 5 lines for 200 customers that the books do not have yet: how many calls they take."""

from bench import push, rig

INVOICES, CUSTOMERS, PRODUCTS, LINES = 1_000, 200, 50, 5


def measure(base, simulator, key):
    seconds, calls = push.pushed(base, simulator, key, INVOICES, CUSTOMERS, PRODUCTS, LINES)
    rig.say(f"bulk: {INVOICES} invoices in {seconds:.1f} s with {calls} calls")
    yield f"{simulator.provider}.bulk.calls", calls
