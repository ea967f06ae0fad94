"""The first pull of a large organisation into an empty database, against a bare ``create()`` of the same values.

Both sides run in fresh processes on twin databases, one after the other and several times; the least time of each side
counts, because whatever else the machine does meanwhile can only add. The bare side gets what the
pull gave to ``create`` (written down in a run of its own): the same batches, context and user, a commit after each. The
simulator's limits are on, as at the provider: the pull stays far below them, so nothing of what is measured is waiting.
"""

import tempfile
from pathlib import Path

from bench import rig, steps

CONTACTS, ITEMS = 10_000, 2_000


def measure(base, simulator, key, rounds=3):
    """``(name, value)`` of each figure.

    :param base: a database with the addon that was never connected.
    """
    with tempfile.TemporaryDirectory() as folder:
        values = Path(folder, "values.pickle")
        _pull(base, simulator, key, values)
        pulls, bares, peaks, calls = [], [], [], []
        for number in range(rounds):
            pulled, asked = _pull(base, simulator, key)
            bare = _bare(base, key, values)
            pulls.append(pulled["seconds"])
            bares.append(bare["seconds"])
            peaks.append(pulled["peak_mb"] - pulled["before_mb"])
            calls.append(asked)
            rig.say(
                f"pull {number + 1}: {pulled['seconds']:.1f} s, bare create {bare['seconds']:.1f} s, "
                f"{asked} calls, {pulled['peak_mb']:.0f} MB at its peak"
            )
    yield f"{simulator.provider}.pull.ratio", f"{min(pulls) / min(bares):.2f}"
    yield f"{simulator.provider}.pull.calls", max(calls)
    yield f"{simulator.provider}.pull.peak_mb", f"{max(peaks):.0f}"


def _pull(base, simulator, key, record_to=None):
    """``(what steps.pull tells, number of calls)``; checks that everything came."""
    simulator.reset(
        seed="empty", contacts=CONTACTS, items=ITEMS, **{rig.ORGANISATIONS[simulator.provider]: ["US"]}
    )
    with rig.database("bench_pull", source=base) as database, rig.Worker(database, key) as worker:
        worker.call(steps.prepare, simulator=simulator.url, provider=simulator.provider)
        # An invoice of the demo data that is dated today would wait to be sent, and reading stops for what waits.
        worker.call(steps.reset_invoices)
        connection = worker.call(steps.connect, provider=simulator.provider)
        worker.call(steps.pull_suppliers_too, connection=connection)
        if record_to:
            worker.call(steps.record_creates, path=str(record_to))
        since = simulator.last_request()
        told = worker.call(steps.pull, connection=connection, seconds=1800)
        asked = len(simulator.requests(since))
        there = simulator.counts()
        assert there["contacts"] >= CONTACTS, there
        assert there["items"] >= ITEMS, there
        made = {kind: counts["created"] for kind, counts in told["counts"].items()}
        # These books have no projects, with or without the addon that reads them.
        made.pop("project", None)
        assert made == {"reference": 0, "contact": there["contacts"], "item": there["items"]}, told
        return told, asked


def _bare(base, key, values):
    with rig.database("bench_bare", source=base) as database, rig.Worker(database, key) as worker:
        told = worker.call(steps.create_bare, path=str(values), seconds=1800)
    assert sum(told["counts"].values()) >= CONTACTS + ITEMS, told
    return told
