"""Webhooks and drivers do not wait for each other, and no ring is lost between them."""

import doorbells
import pytest

from bench import steps

BELLS = "SELECT count(*) FROM fieldpromax_doorbell"
TRIGGERS = (
    "SELECT count(*) FROM ir_cron_trigger t JOIN fieldpromax_connection c ON c.pull_cron_id = t.cron_id"
)


@pytest.fixture(autouse=True)
def silence(world):
    """Nothing rings yet, or any more."""
    world.teller.call(steps.run_cron, connection=world.connection, which="pull")
    yield
    world.teller.call(steps.run_cron, connection=world.connection, which="pull")


def test_page_under_way(world, folder, reached, let_go):
    world.first.send(doorbells.pull_and_meet, connection=world.connection, folder=str(folder), point="page")
    reached("page")
    before = int(world.value(TRIGGERS))
    world.second.call(doorbells.ring, connection=world.connection)
    assert (int(world.value(BELLS)), int(world.value(TRIGGERS))) == (1, before + 1)
    let_go("page")
    world.first.result()
    assert int(world.value(BELLS)) == 1, "the page was read before it rang"
    world.second.call(steps.run_cron, connection=world.connection, which="pull")
    assert int(world.value(BELLS)) == 0


def test_connection_being_written(world, folder, reached, let_go):
    world.first.send(
        doorbells.write_and_meet, connection=world.connection, folder=str(folder), point="written"
    )
    reached("written")
    world.second.call(doorbells.ring, connection=world.connection)
    assert int(world.value(BELLS)) == 1
    let_go("written")
    world.first.result()


def test_ring_not_committed_yet(world, folder, reached, let_go):
    """The other way round: a driver does not wait for a webhook, nor a second webhook for the first."""
    world.first.send(doorbells.ring_and_meet, connection=world.connection, folder=str(folder), point="rung")
    reached("rung")
    world.second.call(steps.run_cron, connection=world.connection, which="pull")
    world.second.call(doorbells.ring, connection=world.connection)
    let_go("rung")
    world.first.result()
    assert int(world.value(BELLS)) == 2
    world.second.call(steps.run_cron, connection=world.connection, which="pull")
    assert int(world.value(BELLS)) == 0


def test_pass_that_begins(world, folder, reached, let_go):
    """It rings for what the pass, which asks only after it has begun, will see."""
    world.second.call(doorbells.ring, connection=world.connection)
    before = int(world.value(TRIGGERS))
    world.first.send(
        doorbells.answer_and_meet, connection=world.connection, folder=str(folder), point="begun"
    )
    reached("begun")
    world.second.call(doorbells.ring, connection=world.connection)
    assert int(world.value(TRIGGERS)) == before
    let_go("begun")
    world.first.result()
    assert int(world.value(BELLS)) == 0
