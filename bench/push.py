"""500 posted invoices of 100 customers and 20 products that the books do not have yet: calls and seconds.

The simulator's limits are on: about 15 calls stay far below 60 a minute, so nothing of what is measured is waiting.
"""

from bench import rig, steps

INVOICES, CUSTOMERS, PRODUCTS = 500, 100, 20


def measure(base, simulator, key):
    simulator.reset(seed="demo")
    with rig.database("bench_push", source=base) as database, rig.Worker(database, key) as worker:
        worker.call(steps.prepare, simulator=simulator.url)
        connection = worker.call(steps.connect)
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
        numbers = [invoice["InvoiceNumber"] for invoice in simulator.entities("invoices")]
        assert len(numbers) == len(set(numbers)), "an invoice is there twice"
        assert {state[0] for state in states} <= set(numbers)
    rig.say(f"push: {INVOICES} invoices in {told['seconds']:.1f} s with {calls} calls")
    yield "xero.push.calls_per_invoice", f"{calls / INVOICES:.3f}"
    yield "xero.push.seconds", f"{told['seconds']:.1f}"
