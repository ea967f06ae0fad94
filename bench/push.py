"""500 posted invoices of 100 customers and 20 products that the books do not have yet: calls and seconds.

The simulator's limits are on: some 15 to 30 calls stay far below them, so nothing of what is measured is waiting.
"""

from bench import rig, steps

INVOICES, CUSTOMERS, PRODUCTS = 500, 100, 20


def measure(base, simulator, key):
    seconds, calls = pushed(base, simulator, key, INVOICES, CUSTOMERS, PRODUCTS)
    rig.say(f"push: {INVOICES} invoices in {seconds:.1f} s with {calls} calls")
    yield f"{simulator.provider}.push.calls_per_invoice", f"{calls / INVOICES:.3f}"
    yield f"{simulator.provider}.push.seconds", f"{seconds:.1f}"


def pushed(base, simulator, key, invoices, customers, products, lines=3):
    """Seconds and calls to push so many posted invoices of so many new customers and products; each must arrive once.

    :param lines: how many lines each invoice has, a note among them.
    """
    simulator.reset(seed="demo")
    with rig.database("bench_push", source=base) as database, rig.Worker(database, key) as worker:
        worker.call(steps.prepare, simulator=simulator.url, provider=simulator.provider)
        connection = worker.call(steps.connect, provider=simulator.provider)
        worker.call(steps.pull, connection=connection)
        worker.call(steps.confirm_mappings, connection=connection)
        # What the demo data had for the books goes first, so that it is not counted.
        worker.call(steps.push, connection=connection)
        moves = worker.call(
            steps.draft_invoices,
            customers=worker.call(steps.make_customers, count=customers),
            products=worker.call(steps.make_products, count=products),
            count=invoices,
            lines=lines,
            seconds=900,
        )
        worker.call(steps.post, uid=rig.ADMIN, moves=moves, seconds=900)
        since = simulator.last_request()
        told = worker.call(steps.push, connection=connection, seconds=1800)
        calls = len(simulator.requests(since))
        states = worker.call(steps.invoice_states, moves=moves)
        not_sent = [state for state in states if state[1] != "sent"]
        assert not not_sent, not_sent[:5]
        numbers = simulator.invoice_numbers()
        assert len(numbers) == len(set(numbers)), "an invoice is there twice"
        assert {state[0] for state in states} <= set(numbers)
    return told["seconds"], calls
