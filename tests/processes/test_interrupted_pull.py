"""The first import is killed, or somebody works while it runs: nobody waits, nothing is lost or made twice."""

import contextlib

import inside
import pytest

from bench import rig, steps

PAGE = 1000  # what the pull asks for at once


@pytest.fixture
def books(make_world):
    """``books(contacts, items)``: a world connected a moment ago, its first import not begun, and nothing running."""
    with contextlib.ExitStack() as stack:

        def make(contacts, items):
            made = stack.enter_context(
                make_world("pull", seed="empty", contacts=contacts, items=items, organisations=["US"])
            )
            made.connect(pulled=False)
            made.teller.call(steps.pull_suppliers_too, connection=made.connection)
            return made

        yield make


def linked(world, kind):
    """``(links, distinct records, distinct external ids)`` of the generated records of one kind."""
    # Odoo's demo data has a posted invoice, whose customer goes over as soon as it can.
    column, generated = {
        "contact": ("partner_id", "external_name ~ ' [0-9]{6}$'"),
        "item": ("product_id", "external_number ~ '^GEN-'"),
    }[kind]
    counts = world.value(
        "SELECT count(*), count(DISTINCT %s), count(DISTINCT external_id) FROM fieldpromax_link WHERE %s",
        column,
        generated,
    )
    return tuple(map(int, counts.split("|")))


def run_state(world):
    return world.value("SELECT state FROM fieldpromax_run WHERE kind = 'initial'")


def assert_whole(world, contacts, items):
    assert linked(world, "contact") == (contacts,) * 3
    assert linked(world, "item") == (items,) * 3
    made = world.value("SELECT count(*) FROM res_partner WHERE email LIKE 'contact%%@generated.example'")
    assert int(made) == sum(number % 10 != 0 for number in range(1, contacts + 1)), "nobody is there twice"
    assert int(world.value("SELECT count(*) FROM product_product WHERE default_code LIKE 'GEN-%%'")) == items


def test_server_killed_between_pages(books):
    contacts, items = PAGE + 20, 30
    world = books(contacts, items)
    since = world.simulator.last_request()
    # One page is let through; the second is under way when the server dies.
    world.simulator.fault("timeout_before", "/Contacts", "GET", skip=1)
    server = world.server()
    rig.wait_until(
        lambda: len(world.simulator.requests(since, "contacts.list")) == 2,
        "the second page is asked for",
        seconds=240,
    )
    server.kill()
    assert linked(world, "contact") == (PAGE,) * 3, "each page was committed with its checkpoint"
    # Waiting, if the call ran into its time-out before the server died.
    assert run_state(world) in ("running", "waiting")
    world.server()
    rig.wait_until(lambda: run_state(world) == "done", "the import goes on by itself", seconds=240)
    assert_whole(world, contacts, items)
    assert len(world.simulator.requests(since, "contacts.list")) == 3, (
        "only the page under way was asked for again"
    )


def test_killed_within_a_page_and_a_person_meanwhile(books, folder, reached):
    contacts, items, page = 120, 12, 50
    world = books(contacts, items)
    driver = world.twin()
    driver.send(
        inside.pull_pausing, connection=world.connection, folder=str(folder), point="stored", page_size=page
    )
    reached("stored")
    # The page is stored and not committed: every lock that the pull ever takes is held right now.
    draft = world.teller.call(inside.posted_invoice, name="Posted Meanwhile", date="draft")
    number = world.teller.call(inside.post_without_waiting, uid=rig.ADMIN, move=draft["id"])
    (row,) = world.teller.call(inside.exchanges, move=draft["id"])
    assert row["state"] == "queued"
    driver.kill()
    assert linked(world, "contact") == (0, 0, 0), "half a page does not exist"
    world.teller.call(steps.pull, connection=world.connection)
    assert_whole(world, contacts, items)
    world.teller.call(steps.confirm_mappings, connection=world.connection)
    world.teller.call(inside.wait_for_nothing, connection=world.connection)
    world.teller.call(steps.push, connection=world.connection)
    assert world.in_books(number) == 1
