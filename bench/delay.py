"""From the commit of posting to the invoice standing at the simulator, with a real Odoo server and its cron threads.

One invoice at a time, every other one for a customer that the books do not have yet. The simulator's limits are off:
30 invoices within a minute would otherwise run into 60 calls a minute, and the figure would be the provider's pause.
"""

import time
from statistics import quantiles

from bench import rig, steps

TIMES = 30


def measure(base, simulator, key):
    simulator.reset(seed="demo")
    simulator.limits_off()
    with rig.database("bench_delay", source=base) as database, rig.Worker(database, key) as person:
        person.call(steps.prepare, simulator=simulator.url, provider=simulator.provider)
        connection = person.call(steps.connect, provider=simulator.provider)
        person.call(steps.pull, connection=connection)
        person.call(steps.confirm_mappings, connection=connection)
        person.call(steps.push, connection=connection)
        customers = person.call(steps.make_customers, count=TIMES + 1)
        with rig.Server(database, key):
            # The first one warms the server up and puts customer 0 into the books.
            _delay(person, simulator, customers[0])
            delays = [
                _delay(person, simulator, customers[number if number % 2 else 0])
                for number in range(1, TIMES + 1)
            ]
    rig.say("delay: " + " ".join(f"{delay:.2f}" for delay in delays))
    yield f"{simulator.provider}.delay.p50_s", f"{quantiles(delays, n=100, method='inclusive')[49]:.2f}"
    yield f"{simulator.provider}.delay.p95_s", f"{quantiles(delays, n=100, method='inclusive')[94]:.2f}"


def _delay(person, simulator, customer):
    moves = person.call(steps.draft_invoices, customers=[customer], products=[], count=1)
    told = person.call(steps.post, uid=rig.ADMIN, moves=moves)
    (number,) = told["names"]

    def arrived():
        return number in simulator.invoice_numbers()

    rig.wait_until(arrived, f"invoice {number} at the simulator", seconds=120, pause=0.02)
    delay = time.time() - told["committed"]
    # Let the driver come to its end, so that the next one is not picked up by a run that is under way.
    time.sleep(0.5)
    return delay
