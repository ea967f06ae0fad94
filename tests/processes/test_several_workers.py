"""Many connections, several cron workers, two servers ("hosts") on one database."""

import time

import inside
import pytest

from bench import rig, steps

BOOKS = [("xero", "US"), ("quickbooks", "US"), ("quickbooks", "US2")]
# How long a provider takes for each write: what is measured is waiting, of which a machine does any amount at once.
PAUSE = 8
READ_TIMEOUT = 60
# What a machine under load may add.
MARGIN = 20
NUMBER = {"xero": "InvoiceNumber", "quickbooks": "DocNumber"}

OVERLAPS = """
    SELECT count(*) FROM fieldpromax_call one JOIN fieldpromax_call other
        ON other.id > one.id AND other.first_sent_at < one.answered_at
     WHERE %s
"""


def connected(world, name, simulator, provider="xero", **books):
    return world.teller.call(
        steps.connect_company, name=name, provider=provider, simulator=simulator.url, seconds=900, **books
    )


def read_and_map(world, tie):
    world.teller.call(steps.pull, connection=tie["connection"])
    world.teller.call(steps.confirm_mappings, connection=tie["connection"])


def drafts(world, tie, prefix, count=1):
    return world.teller.call(steps.own_drafts, company=tie["company"], prefix=prefix, count=count)


def idle(world):
    """Nothing is under way, and nothing is ready to be sent."""
    waiting = "SELECT count(*) FROM fieldpromax_exchange WHERE state NOT IN ('done', 'cancelled')"
    runs = "SELECT count(*) FROM fieldpromax_run WHERE state NOT IN ('done', 'failed')"
    # Other databases have locks of their own on the same server.
    locks = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 1718644088 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return not any(int(world.value(sql)) for sql in (waiting, runs, locks))


# === MANY CONNECTIONS === #


@pytest.fixture(scope="module")
def many(make_world):
    """Three companies, each with books, a consent and crons of its own."""
    with (
        make_world("many", seed="empty", contacts=3) as made,
        rig.Simulator("many", "quickbooks") as quickbooks,
    ):
        quickbooks.reset(seed="empty", contacts=3)
        made.simulators = {"xero": made.simulator, "quickbooks": quickbooks}
        made.ties = [
            connected(made, f"Branch {provider} {tag}", made.simulators[provider], provider, organisation=tag)
            for provider, tag in BOOKS
        ]
        for tie in made.ties:
            made.teller.call(steps.pull, connection=tie["connection"])
        for simulator in made.simulators.values():
            simulator.limits_off()
            simulator.fault(f"slow:{PAUSE}", "/Contacts|/customer|/batch", "POST", times=None)
        yield made


def seconds_to_send(world, town, threads):
    """Until a customer of every company, changed at once, stands changed in the books; ``threads``: of each server."""
    servers = [world.server(f"--max-cron-threads={count}") for count in threads]
    try:
        rig.wait_until(lambda: idle(world), "what was left is done", seconds=180)
        # Both servers sleep.
        time.sleep(3)
        since = {name: simulator.last_request() for name, simulator in world.simulators.items()}
        started = time.monotonic()
        world.teller.call(
            inside.move_customers, connections=[tie["connection"] for tie in world.ties], town=town
        )
        rig.wait_until(lambda: idle(world), "all is done", seconds=300)
        seconds = time.monotonic() - started
    finally:
        for server in servers:
            server.stop()
    writes = [
        one["tenant"]
        for name, simulator in world.simulators.items()
        for one in simulator.requests(since[name])
        if one["fault"] == f"slow:{PAUSE}"
    ]
    assert len(writes) == len(set(writes)) == len(BOOKS), "one call of each company"
    return seconds


def test_throughput_grows_with_workers_and_hosts(many, capsys):
    alone = seconds_to_send(many, "Onetown", [1])
    first = int(many.value("SELECT max(id) FROM fieldpromax_call"))
    assert many.value(OVERLAPS % f"one.id <= {first}") == "0", "one worker makes one call at a time"
    together = seconds_to_send(many, "Fourtown", [2, 2])
    with capsys.disabled():
        for workers, seconds in ((1, alone), (4, together)):
            print(f"\nworkers.records_per_minute_{workers}: {60 * len(BOOKS) / seconds:.1f}", end="")  # noqa: T201
    assert alone / together > 1.7
    assert many.value(OVERLAPS % "one.connection_id = other.connection_id") == "0", (
        "within a connection one call comes after another"
    )
    assert int(many.value(OVERLAPS % f"one.id > {first}")) > 0, "several connections were served at once"


# === A SLOW COMPANY === #


@pytest.fixture(scope="module")
def pair(make_world):
    """A company with QuickBooks, which can be made slow, and one with Xero."""
    with (
        make_world("pair", seed="empty", organisations=["US"]) as made,
        rig.Simulator("slow", "quickbooks") as slow,
    ):
        slow.reset(seed="empty", companies=["US"])
        made.slow = slow
        # The slow one first: its crons come before those of the other.
        made.slow_tie = connected(made, "Slow Books", slow, "quickbooks")
        made.swift_tie = connected(made, "Swift Books", made.simulator)
        for tie in (made.slow_tie, made.swift_tie):
            read_and_map(made, tie)
        yield made


@pytest.mark.parametrize(
    ("answers_after", "threads", "patience"),
    [(60, 2, MARGIN), (60, 1, READ_TIMEOUT + MARGIN), (45, 1, READ_TIMEOUT + MARGIN)],
)
def test_slow_company_delays_no_other(pair, capsys, answers_after, threads, patience):
    prefix = f"S{answers_after}T{threads}"
    held = drafts(pair, pair.slow_tie, f"{prefix}SLOW", 2)
    quick = drafts(pair, pair.swift_tie, prefix)
    server = pair.server(f"--max-cron-threads={threads}")
    try:
        pair.slow.control("DELETE", "/_sim/faults")
        rig.wait_until(lambda: idle(pair), "what was left is done", seconds=400)
        pair.slow.fault(f"slow:{answers_after}", "/v3/company/", times=None)
        since = pair.slow.last_request()
        pair.teller.call(inside.post_as, moves=held, prefix=f"{prefix}SLOW")
        rig.wait_until(lambda: pair.slow.requests(since), "the slow one is asked")
        started = time.monotonic()
        (number,) = pair.teller.call(inside.post_as, moves=quick, prefix=prefix)
        rig.wait_until(
            lambda: number in pair.simulator.invoice_numbers(), "the other one's invoice", seconds=240
        )
        delay = time.monotonic() - started
        with capsys.disabled():
            print(f"\nworkers.delay_s ({answers_after} s, {threads} threads): {delay:.1f}", end="")  # noqa: T201
        assert delay < patience
        pair.slow.control("DELETE", "/_sim/faults")
        rig.wait_until(lambda: idle(pair), "the slow one recovers by itself", seconds=400)
        wanted = {f"{prefix}SLOW/{move}" for move in held}
        there = [one for one in pair.slow.invoice_numbers() if one in wanted]
        assert sorted(there) == sorted(wanted)
    finally:
        server.kill()


# === BOTH DIRECTIONS AT ONCE === #


@pytest.fixture(scope="module", params=["xero", "quickbooks"])
def both(request, make_world):
    only_us = {rig.ORGANISATIONS[request.param]: ["US"]}
    with make_world(
        f"both_{request.param}", provider=request.param, seed="empty", contacts=8, **only_us
    ) as made:
        tie = connected(made, "Both Directions", made.simulator, request.param)
        made.connection = tie["connection"]
        read_and_map(made, tie)
        yield made


def edit_there(world, external_id, email):
    if world.provider == "xero":
        values = {"ContactID": external_id, "EmailAddress": email}
    else:
        values = {"Id": external_id, "PrimaryEmailAddr": {"Address": email}}
    world.simulator.control("POST", "/_sim/organisations/US", {"contacts": [values]})


def shown_there(world, external_id):
    """``(e-mail, city)`` in the books."""
    key = "ContactID" if world.provider == "xero" else "Id"
    (contact,) = [one for one in world.simulator.entities("contacts") if one[key] == external_id]
    if world.provider == "xero":
        # The other one is where deliveries go.
        (address,) = [one for one in contact["Addresses"] if one["AddressType"] == "POBOX"]
        return contact.get("EmailAddress"), address.get("City")
    return (
        (contact.get("PrimaryEmailAddr") or {}).get("Address"),
        (contact.get("BillAddr") or {}).get("City"),
    )


def test_push_and_pull_of_the_same_record_agree(both):
    rows = both.value(
        "SELECT string_agg(partner_id || ':' || external_id, ' ' ORDER BY id) FROM fieldpromax_link "
        "WHERE kind = 'contact' AND partner_id IS NOT NULL AND external_email != ''"
    )
    server = both.server("--max-cron-threads=2")
    try:
        for number, row in enumerate(rows.split()[:6]):
            partner, external_id = row.split(":")
            rig.wait_until(lambda: idle(both), "nothing is under way", seconds=180)
            both.simulator.fault("slow:1", "Contacts|customer|query|cdc|batch", times=3)
            email, city = f"both{number}@example.com", f"Town {number}"
            there = lambda external_id=external_id, email=email: edit_there(both, external_id, email)  # noqa: E731
            if number % 2:
                there()
            both.teller.call(
                inside.edit_and_wake, partner=int(partner), values={"city": city}, connection=both.connection
            )
            if not number % 2:
                # While the change from here is being compared or sent.
                time.sleep(0.4 * number)
                there()
                both.teller.call(inside.trigger, connection=both.connection, which="pull")
            wanted = (email, city)

            def agreed(partner=partner, external_id=external_id, wanted=wanted):
                here = both.value("SELECT email, city FROM res_partner WHERE id = %s", partner)
                return tuple(here.split("|")) == wanted == shown_there(both, external_id)

            # The next poll takes what the one under way came too early for.
            rig.wait_until(lambda: idle(both), "nothing is under way", seconds=180)
            if not agreed():
                both.teller.call(inside.ring_and_pull, connection=both.connection)
            rig.wait_until(agreed, f"both say {wanted}", seconds=120)
    finally:
        both.simulator.control("DELETE", "/_sim/faults")
        server.stop()
    assert both.value("SELECT count(*) FROM fieldpromax_conflict WHERE state = 'open'") == "0"
