"""Two people, or a person and the driver, at the same invoice at the same time: it goes over once."""

import inside

from bench import rig, steps


def tries(path):
    return len(path.read_text().splitlines())


def assert_sent_once(world, invoice):
    """One invoice in the books, said to be sent, and nothing left under way."""
    world.first.call(steps.push, connection=world.connection)
    assert world.in_books(invoice["number"]) == 1
    assert world.first.call(inside.invoice_state, move=invoice["id"])[0] == "sent"
    states = [row["state"] for row in world.first.call(inside.exchanges, move=invoice["id"])]
    assert set(states) == {"done"}
    return states


def at_once(world, folder, reached, let_go, function, move):
    """``function`` in both processes, the second one while the first has not committed; how the second one ended."""
    first, second = folder / "first.tries", folder / "second.tries"
    arguments = {"uid": rig.ADMIN, "repeat": True, "move": move, "folder": str(folder)}
    world.first.send(function, **arguments, point="uncommitted", tries=str(first))
    reached("uncommitted")
    world.second.send(function, **arguments, point="uncommitted", tries=str(second))
    rig.wait_until(world.blocked, "the second person waits for the first one")
    let_go("uncommitted")
    world.first.result()
    assert tries(first) == 1
    try:
        world.second.result()
    except rig.WorkerError as error:
        return error, tries(second)
    return None, tries(second)


def test_two_people_post_the_same_invoice(world, folder, reached, let_go):
    draft = world.first.call(inside.posted_invoice, name="Both Post", date="draft")
    error, second_tries = at_once(world, folder, reached, let_go, inside.post_and_meet, draft["id"])
    assert error is not None
    assert error.name == "UserError", error
    assert "draft" in error.sentence
    assert second_tries == 2, "Odoo repeated the second person's request, which then saw the posted invoice"
    draft["number"] = world.value("SELECT name FROM account_move WHERE id = %s", draft["id"])
    assert assert_sent_once(world, draft) == ["done"]


def test_two_people_press_push(world, folder, reached, let_go):
    invoice = world.first.call(inside.posted_invoice, name="Both Push", date="2020-01-31")
    assert world.first.call(inside.exchanges, move=invoice["id"]) == []
    error, second_tries = at_once(world, folder, reached, let_go, inside.press_push, invoice["id"])
    assert error is None
    assert second_tries == 2, "the second one was repeated by Odoo and found the row of the first"
    assert len(world.first.call(inside.exchanges, move=invoice["id"])) == 1
    assert assert_sent_once(world, invoice) == ["done"]


def test_push_pressed_while_the_driver_claims(world, folder, reached, let_go):
    """The driver has marked the row ``sending`` and not committed: the person waits, and makes a new row."""
    invoice = world.first.call(inside.posted_invoice, name="Claimed Meanwhile")
    since = world.simulator.last_request()
    world.first.send(
        inside.push_pausing, connection=world.connection, step="_claim", folder=str(folder), point="claimed"
    )
    reached("claimed")
    let_go("pressed")
    world.second.send(
        inside.press_push,
        uid=rig.ADMIN,
        repeat=True,
        move=invoice["id"],
        folder=str(folder),
        point="pressed",
        tries=str(folder / "tries"),
    )
    rig.wait_until(world.blocked, "the person waits for the driver")
    let_go("claimed")
    world.first.result()
    world.second.result()
    assert assert_sent_once(world, invoice) == ["done", "done"], "no edit is lost, and none is sent twice"
    assert len(world.simulator.requests(since, "invoices.create")) == 1


def test_push_pressed_while_it_is_being_sent(world):
    """The row is ``sending``, committed, and the call under way: the person waits for nobody."""
    invoice = world.first.call(inside.posted_invoice, name="Under Way")
    since = world.simulator.last_request()
    world.simulator.fault("slow:3", "/Invoices", "PUT")
    world.first.send(inside.drive_push, connection=world.connection)
    rig.wait_until(lambda: world.simulator.requests(since, "invoices.create"), "the call is under way")
    world.second.call(inside.press_push_at_once, uid=rig.ADMIN, move=invoice["id"])
    rows = world.second.call(inside.exchanges, move=invoice["id"])
    assert [row["state"] for row in rows] == ["sending", "queued"]
    world.first.result()
    assert assert_sent_once(world, invoice) == ["done", "done"]
    assert len(world.simulator.requests(since, "invoices.create")) == 1
