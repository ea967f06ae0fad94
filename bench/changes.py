"""A poll that finds 100 changed customers, among 50,000 links against the same among 1,000.

Both databases read the same books of 1,000 customers, so that the simulator has the same to do; the one has 49,000 more
customers with links to records that do not change. Both polls run in turns, in processes of their own, and the least
time of each side counts.
"""

from bench import rig, steps

CUSTOMERS, CHANGED, MORE = 1_000, 100, 49_000
# What each provider calls the id and the first name of a customer.
FIELDS = {"xero": ("ContactID", "FirstName"), "quickbooks": ("Id", "GivenName")}


def measure(base, simulator, key, rounds=5):
    """``(name, value)`` of each figure."""
    provider = simulator.provider
    simulator.reset(seed="empty", contacts=CUSTOMERS, **{rig.ORGANISATIONS[provider]: ["US"]})
    simulator.limits_off()
    with (
        rig.database("bench_few", source=base) as few_name,
        rig.database("bench_many", source=base) as many_name,
        rig.Worker(few_name, key) as few,
        rig.Worker(many_name, key) as many,
    ):
        sides = {}
        for worker in (few, many):
            worker.call(steps.prepare, simulator=simulator.url, provider=provider)
            sides[worker] = worker.call(steps.connect, provider=provider)
            worker.call(steps.pull_suppliers_too, connection=sides[worker])
            worker.call(steps.pull, connection=sides[worker], seconds=1800)
        links = many.call(steps.add_links, connection=sides[many], count=MORE)
        assert links >= CUSTOMERS + MORE, links
        customers = simulator.entities("contacts")[:CHANGED]
        seconds = {worker: [] for worker in sides}
        # The first round warms both up.
        for number in range(rounds + 1):
            # The books are asked from a second before the last change: the rounds are kept apart.
            simulator.control("POST", "/_sim/clock", {"advance_seconds": 5})
            id_field, name_field = FIELDS[provider]
            changes = [{id_field: one[id_field], name_field: f"Round {number}"} for one in customers]
            simulator.control("POST", f"/_sim/{rig.ORGANISATIONS[provider]}/US", {"contacts": changes})
            for worker, connection in sides.items():
                told = worker.call(steps.pull_changes, connection=connection)
                assert told["updated"]["contact"] == CHANGED, told
                if number:
                    seconds[worker].append(told["seconds"])
    rig.say(
        f"changes: {CHANGED} in {min(seconds[few]):.2f} s among {CUSTOMERS}, "
        f"in {min(seconds[many]):.2f} s among {CUSTOMERS + MORE}"
    )
    yield "pull.100_of_50k_ratio", f"{min(seconds[many]) / min(seconds[few]):.2f}"
