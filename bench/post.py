"""Posting 100 invoices with a connection, against the same in a database without the addon.

Two processes on two databases take turns, each beginning every other time; the figure is the median of the ratios of
the pairs, so that what else the machine does meanwhile cancels out. No cron runs: what is measured is what the person
who posts waits for. Once all together (from the list) and once one by one (from the form).
"""

from statistics import median

from bench import rig, steps

INVOICES, CUSTOMERS, PRODUCTS = 100, 50, 20


def measure(base, simulator, key, rounds=15):
    simulator.reset(seed="demo")
    with (
        rig.database("bench_post", source=base) as with_addon,
        rig.database("bench_plain", modules=()) as without,
        rig.Worker(with_addon, key) as connected,
        rig.Worker(without, key) as plain,
    ):
        connected.call(steps.prepare, simulator=simulator.url)
        connection = connected.call(steps.connect)
        connected.call(steps.pull, connection=connection)
        workers = (connected, plain)
        who = {
            worker: (
                worker.call(steps.make_customers, count=CUSTOMERS),
                worker.call(steps.make_products, count=PRODUCTS),
            )
            for worker in workers
        }
        figures = {}
        for name, step in (("post.ratio", steps.post), ("post.one_by_one.ratio", steps.post_one_by_one)):
            ratios = []
            for number in range(rounds + 1):
                drafts = {
                    worker: worker.call(
                        steps.draft_invoices,
                        uid=rig.ADMIN,
                        customers=who[worker][0],
                        products=who[worker][1],
                        count=INVOICES,
                    )
                    for worker in workers
                }
                seconds = {
                    worker: worker.call(step, uid=rig.ADMIN, moves=drafts[worker])["seconds"]
                    for worker in (workers if number % 2 else workers[::-1])
                }
                # The first round fills caches on both sides.
                if number:
                    ratios.append(seconds[connected] / seconds[plain])
            figures[name] = median(ratios)
            rig.say(
                f"{name}: {min(ratios):.3f} to {max(ratios):.3f}, "
                f"last {seconds[connected]:.2f} s / {seconds[plain]:.2f} s"
            )
        queued = connected.call(steps.count_queued, connection=connection)
        assert queued >= 2 * INVOICES * (rounds + 1), queued
    for name, value in figures.items():
        yield name, f"{value:.3f}"
