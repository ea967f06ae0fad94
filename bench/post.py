"""Posting 100 invoices with a connection, against the same in a database without the addon.

Two processes on two databases take turns, each beginning every other time; the figure is the ratio of the least time of
each side, because whatever else the machine does meanwhile can only add. No cron runs: what is measured is what the
person who posts waits for. Once all together (from the list) and once one by one (from the form).
"""

from operator import truediv
from statistics import median

from bench import rig, steps

INVOICES, CUSTOMERS, PRODUCTS = 100, 50, 20
ONE_BY_ONE = 40


def measure(base, simulator, key, rounds=11):
    simulator.reset(seed="demo")
    with (
        rig.database("bench_post", source=base) as with_addon,
        rig.database("bench_plain", modules=()) as without,
        rig.Worker(with_addon, key) as connected,
        rig.Worker(without, key) as plain,
    ):
        connected.call(steps.prepare, simulator=simulator.url, provider=simulator.provider)
        connection = connected.call(steps.connect, provider=simulator.provider)
        connected.call(steps.pull, connection=connection)
        drafts = {
            worker: worker.call(
                steps.draft_invoices,
                uid=rig.ADMIN,
                customers=worker.call(steps.make_customers, count=CUSTOMERS),
                products=worker.call(steps.make_products, count=PRODUCTS),
                count=INVOICES,
            )
            for worker in (connected, plain)
        }
        figures = [_compare(connected, plain, drafts, together, rounds) for together in (True, False)]
        # They are queued when they are posted for good: the comparison was with an addon at work.
        connected.call(steps.post, uid=rig.ADMIN, moves=drafts[connected])
        queued = connected.call(steps.count_queued, connection=connection)
        assert queued >= INVOICES, queued
    yield "post.ratio", f"{figures[0]:.3f}"
    yield "post.one_by_one.ratio", f"{figures[1]:.3f}"


def _compare(connected, plain, drafts, together, rounds):
    """The ratio of the least times; one more round before fills the caches of both sides."""
    seconds = {connected: [], plain: []}
    for number in range(rounds + 1):
        for worker in (connected, plain) if number % 2 else (plain, connected):
            moves = drafts[worker] if together else drafts[worker][:ONE_BY_ONE]
            told = worker.call(steps.time_posting, uid=rig.ADMIN, moves=moves, together=together)
            if number:
                seconds[worker].append(told)
    least = min(seconds[connected]), min(seconds[plain])
    rig.say(
        f"posting {'together' if together else 'one by one'}: {least[0]:.2f} s against {least[1]:.2f} s; "
        f"median of the rounds {median(map(truediv, *seconds.values())):.3f}"
    )
    return least[0] / least[1]
