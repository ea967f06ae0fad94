"""The limits of a provider, kept by all processes together: sending, reading, checking and people at the same time."""

import inside

MINUTE, AT_ONCE, SECONDS = 20, 5, 70
PURPOSES = ("push", "pull", "audit", "person")


def ask_together(world, folder, seconds, name):
    """One process a purpose asks for so long; ``{purpose: counts}`` and the requests as the simulator saw them."""
    start = folder / f"{name}.start"
    since = world.simulator.last_request()
    twins = {purpose: world.twin() for purpose in PURPOSES}
    try:
        for purpose, twin in twins.items():
            twin.send(
                inside.ask,
                connection=world.connection,
                purpose=purpose,
                seconds=seconds,
                path=str(start),
            )
        start.touch()
        counts = {purpose: twin.result() for purpose, twin in twins.items()}
    finally:
        for twin in twins.values():
            twin.stop()
    return counts, world.simulator.requests(since)


def test_no_process_breaks_a_limit(make_world, folder):
    with make_world("limits") as world:
        world.connect()
        parameter = "fieldpromax_accounting.xero_calls_per_minute"
        limits = {"minute": MINUTE, "concurrent": AT_ONCE, "day": None, "appminute": None}

        # Unpaced, the same processes are refused at once: the load would break the limits.
        world.simulator.control("POST", "/_sim/limits", {**limits, "minute": 4})
        counts, requests = ask_together(world, folder, 5, "unpaced")
        assert any(row["status"] == 429 for row in requests)
        assert sum(one["refused"] for one in counts.values())

        # The simulator counts in minutes of its own, which are anywhere in ours.
        world.simulator.control("POST", "/_sim/limits", limits)
        world.teller.call(inside.set_parameter, name=parameter, value=str(MINUTE))
        world.simulator.fault("slow:0.3", "", "GET", times=SECONDS * 10)
        counts, requests = ask_together(world, folder, SECONDS, "paced")
        world.simulator.control("DELETE", "/_sim/faults")
        asked = [row for row in requests if row["purpose"] != "oauth.token"]
        assert [row["status"] for row in asked if row["status"] != 200] == []
        answered = sum(one["answered"] for one in counts.values())
        assert answered == len(asked)
        # What is allowed is used: a whole minute's calls, and what the next minute gives.
        assert MINUTE <= answered <= 2 * MINUTE, counts
        assert not any(one["refused"] for one in counts.values()), counts
        assert counts["push"]["answered"] > 0, counts
        assert counts["person"]["answered"] > 0, counts
        assert any(one["held_back"] for one in counts.values()), counts

        meters = world.teller.call(inside.metered, connection=world.connection)
        assert all(
            meters[purpose]["calls"] >= one["answered"] for purpose, one in counts.items() if one["answered"]
        ), (meters, counts)
        assert sum(one["refused"] for one in meters.values()) > 0, "those of the unpaced run are counted"
