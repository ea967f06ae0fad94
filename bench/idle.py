"""What it costs to look when nothing has changed: the calls of one poll of books that were read before.

Settings (accounts, taxes, payment terms) are read once a day and are not among them; nor is the renewal of a token.
"""

from bench import rig, steps

MAX_CALLS = 4


def measure(base, simulator, key):
    """``(name, value)`` of each figure."""
    simulator.reset(seed="demo")
    with rig.database("bench_idle", source=base) as database, rig.Worker(database, key) as worker:
        worker.call(steps.prepare, simulator=simulator.url, provider=simulator.provider)
        connection = worker.call(steps.connect, provider=simulator.provider)
        worker.call(steps.pull, connection=connection)
        # The first look after an import still finds what its own pages overlap with.
        worker.call(steps.pull_changes, connection=connection)
        since = simulator.last_request()
        told = worker.call(steps.pull_changes, connection=connection)
        asked = [
            one["purpose"] for one in simulator.requests(since) if not one["purpose"].startswith("oauth.")
        ]
    rig.say(f"idle: {', '.join(asked)}")
    assert not any(told["updated"].values()), told
    assert 0 < len(asked) <= MAX_CALLS, asked
    yield f"{simulator.provider}.idle.calls", len(asked)
