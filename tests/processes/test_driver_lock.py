"""The connection's lock: one driver at a time, and none held by the dead."""

import inside

from bench import rig, steps


def test_lock_is_refused_while_another_process_holds_it(world, folder, reached, let_go):
    world.first.send(inside.hold_lock, connection=world.connection, folder=str(folder), point="held")
    reached("held")
    assert world.second.call(inside.try_lock, connection=world.connection) is False
    world.second.send(inside.try_lock, connection=world.connection, wait=60)
    let_go("held")
    world.first.result()
    assert world.second.result() is True, "who waits gets it as soon as it is free"


def test_death_frees_the_lock(world, folder, reached):
    world.first.send(inside.hold_lock, connection=world.connection, folder=str(folder), point="held")
    reached("held")
    world.second.send(inside.try_lock, connection=world.connection, wait=60)
    world.first.kill()
    assert world.second.result() is True


def test_second_push_driver_sends_nothing(world):
    invoice = world.first.call(inside.posted_invoice, name="Two Drivers")
    since = world.simulator.last_request()
    world.simulator.fault("slow:3", "/Invoices", "PUT")
    world.first.send(inside.drive_push, connection=world.connection)
    rig.wait_until(lambda: world.simulator.requests(since, "invoices.create"), "the call is under way")
    world.second.call(inside.drive_push, connection=world.connection, lock_wait=0.2)
    (row,) = world.second.call(inside.exchanges, move=invoice["id"])
    assert row["state"] == "sending", "the second driver did not take the living one for dead"
    world.first.result()
    assert len(world.simulator.requests(since, "invoices.create")) == 1
    assert world.in_books(invoice["number"]) == 1


def test_pull_waits_for_the_push_and_comes_back(world):
    invoice = world.first.call(inside.posted_invoice, name="Pull Meanwhile")
    since = world.simulator.last_request()
    world.simulator.fault("slow:3", "/Invoices", "PUT")
    world.first.send(inside.drive_push, connection=world.connection)
    rig.wait_until(lambda: world.simulator.requests(since, "invoices.create"), "the call is under way")
    triggers = (
        "SELECT count(*) FROM ir_cron_trigger t JOIN fieldpromax_connection c ON c.pull_cron_id = t.cron_id"
    )
    before = int(world.value(triggers))
    asked = world.simulator.last_request()
    world.second.call(inside.drive_pull, connection=world.connection, lock_wait=0.2)
    assert world.simulator.requests(asked) == []
    assert int(world.value(triggers)) == before + 1
    world.first.result()
    assert world.in_books(invoice["number"]) == 1
    world.second.call(steps.run_cron, connection=world.connection, which="pull")
    assert world.simulator.requests(asked, "contacts.list")
