"""kill -9 at the worst moments of the push: in the end one invoice, nothing left ``sending`` (invariants 2 and 3)."""

import inside
import pytest

from bench import rig, steps


@pytest.fixture(scope="module")
def served(make_world):
    """A connected world with a server, which is started again after each kill."""
    with make_world("server") as made:
        made.connect()
        made.odoo = made.server()
        yield made


def rows(world, state):
    return int(world.value("SELECT count(*) FROM fieldpromax_exchange WHERE state = '%s'", state))


def assert_settled(world, invoice, keys):
    """Done, once in the books, its customer too; every write of it was made under as few keys as there were calls."""
    assert world.in_books(invoice["number"]) == 1
    assert rows(world, "sending") == rows(world, "uncertain") == 0
    assert [row["state"] for row in world.teller.call(inside.exchanges, move=invoice["id"])] == ["done"]
    assert world.teller.call(inside.invoice_state, move=invoice["id"])[0] == "sent"
    names = [contact["Name"] for contact in world.simulator.entities("contacts")]
    assert names.count(invoice["name"]) == 1
    assert len(keys) == 1, "the very same call again, not another one"


@pytest.mark.parametrize(
    ("name", "fault", "purpose"),
    [
        # Killed between claim and answer; Xero goes on with what it has received.
        ("Answer Pending", "slow:4", "invoices.create"),
        # It stands at Xero, and the answer never arrives.
        ("Answer Lost", "timeout_after", "invoices.create"),
        # The same for the customer that goes first.
        ("Customer Lost", "timeout_after", "contacts.create"),
        # The request itself never arrives: the same call is made again all the same.
        ("Request Lost", "timeout_before", "invoices.create"),
    ],
)
def test_server_killed_while_a_call_is_under_way(served, name, fault, purpose):
    path = "/Invoices" if purpose.startswith("invoices") else "/Contacts"
    since = served.simulator.last_request()
    served.simulator.fault(fault, path, "PUT")
    invoice = {**served.teller.call(inside.posted_invoice, uid=rig.ADMIN, name=name), "name": name}
    rig.wait_until(lambda: served.simulator.requests(since, purpose), "the call is under way", seconds=120)
    if fault == "timeout_after":
        entities = "invoices" if purpose.startswith("invoices") else "contacts"
        wanted = invoice["number"] if entities == "invoices" else name
        rig.wait_until(
            lambda: any(
                wanted in (one.get("InvoiceNumber"), one.get("Name"))
                for one in served.simulator.entities(entities)
            ),
            "it stands at Xero",
        )
    served.odoo.kill()
    assert rows(served, "sending") >= 1, "claimed and committed before anything left"
    served.odoo = served.server()
    rig.wait_until(
        lambda: (
            served.value("SELECT state FROM fieldpromax_exchange WHERE move_id = %s", invoice["id"]) == "done"
        ),
        "the invoice is sent after the restart",
        seconds=150,
    )
    asked = served.simulator.requests(since, purpose)
    assert len(asked) == 2
    assert_settled(served, invoice, {entry["key"] for entry in asked})


@pytest.mark.parametrize("step", ["_claim", "_record"])
def test_driver_killed_before_its_commit(world, folder, reached, step):
    """After ``_claim`` nothing has left or is stored; after ``_record`` the answer is lost with the process."""
    name = f"Killed In {step}"
    invoice = {**world.teller.call(inside.posted_invoice, name=name), "name": name}
    since = world.simulator.last_request()
    world.first.send(
        inside.push_pausing, connection=world.connection, step=step, folder=str(folder), point="uncommitted"
    )
    reached("uncommitted")
    assert world.in_books(invoice["number"]) == (1 if step == "_record" else 0)
    world.first.kill()
    # PostgreSQL takes a moment to notice that the process is gone, and frees its cron then.
    free = (
        "SELECT count(*) FROM (SELECT FROM ir_cron cron JOIN fieldpromax_connection c ON c.push_cron_id = cron.id"
        " WHERE c.id = %s FOR UPDATE OF cron SKIP LOCKED) free"
    )
    rig.wait_until(lambda: world.value(free, world.connection) == "1", "the cron is free")
    world.teller.call(steps.push, connection=world.connection)
    asked = world.simulator.requests(since, "invoices.create")
    assert len(asked) == (2 if step == "_record" else 1)
    assert_settled(world, invoice, {entry["key"] for entry in asked})
