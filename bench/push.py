"""500 posted invoices of 100 customers and 20 products that the books do not have yet: calls and seconds.

The simulator's limits are on: some 15 to 30 calls stay far below them, so nothing of what is measured is waiting.
"""

from bench import rig, steps

INVOICES, CUSTOMERS, PRODUCTS = 500, 100, 20


def measure(base, simulator, key):
    simulator.reset(seed="demo")
    with rig.database("bench_push", source=base) as database, rig.Worker(database, key) as worker:
        worker.call(steps.prepare, simulator=simulator.url, provider=simulator.provider)
        connection = worker.call(steps.connect, provider=simulator.provider)
        worker.call(steps.pull, connection=connection)
        worker.call(steps.confirm_mappings, connection=connection)
        # What the demo data had for the books goes first, so that it is not counted.
        worker.call(steps.push, connection=connection)
        customers = worker.call(steps.make_customers, count=CUSTOMERS)
        products = worker.call(steps.make_products, count=PRODUCTS)
        moves = worker.call(steps.draft_invoices, customers=customers, products=products, count=INVOICES)
        worker.call(steps.post, uid=rig.ADMIN, moves=moves)
        since = simulator.last_request()
        told = worker.call(steps.push, connection=connection)
        calls = len(simulator.requests(since))
        states = worker.call(steps.invoice_states, moves=moves)
        not_sent = [state for state in states if state[1] != "sent"]
        assert not not_sent, not_sent[:5]
        numbers = simulator.invoice_numbers()
        assert len(numbers) == len(set(numbers)), "an invoice is there twice"
        assert {state[0] for state in states} <= set(numbers)
    rig.say(f"push: {INVOICES} invoices in {told['seconds']:.1f} s with {calls} calls")
    yield f"{simulator.provider}.push.calls_per_invoice", f"{calls / INVOICES:.3f}"
    yield f"{simulator.provider}.push.seconds", f"{told['seconds']:.1f}"
