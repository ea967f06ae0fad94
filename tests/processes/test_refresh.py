"""Several processes need a fresh access token at once: the provider is asked for one, once; and no race that is lost
ends the connection."""

import inside
import pytest

from bench import rig, steps

NAME = "Lakeside Field Services LLC"
TOKEN = {"xero": "/connect/token", "quickbooks": "/oauth2/v1/tokens/bearer"}
PROCESSES = 8
MINUTE, HOUR = 60, 3600
# How long the refresh token that was answered serves on: before it changes at all, and nearly until it is too late.
ROTATES_AFTER = {"xero": 0, "quickbooks": 25 * HOUR}
GRACE = {"xero": 29 * MINUTE, "quickbooks": 23 * HOUR}


@pytest.fixture(scope="module", params=list(TOKEN))
def shared_world(request, make_world):
    """Instead of the one of the other files: a world of each provider, with nothing read yet."""
    with make_world(f"refresh_{request.param}", provider=request.param) as made:
        made.connect(pulled=False)
        yield made


@pytest.fixture
def expired(world):
    """The provider accepts none of the access tokens any more; the id of the last request before."""
    world.simulator.control("POST", "/_sim/tokens", {"expire": True})
    return world.simulator.last_request()


def refreshes(world, since):
    return world.simulator.requests(since, "oauth.token")


def refused(world, since):
    return [entry for entry in world.simulator.requests(since) if entry["status"] == 401]


def slow(world, fault, **values):
    world.simulator.fault(fault, TOKEN[world.provider], **values)


def let_pass(world, seconds):
    world.simulator.control("POST", "/_sim/clock", {"advance_seconds": seconds})


def state(world):
    return world.value("SELECT state FROM fieldpromax_connection WHERE id = %s", world.connection)


def assert_connected(world):
    assert state(world) == "connected", "a lost race is no lost consent"


def stored(world):
    """What is kept of the tokens, encrypted: it changes with every refresh that was committed."""
    return world.value("SELECT token_set_encrypted FROM fieldpromax_credential")


def test_eight_processes_refresh_once(world, expired):
    crowd = [world.first, world.second, *(world.twin() for _number in range(PROCESSES - 2))]
    try:
        slow(world, "slow:6")
        for process in crowd:
            process.send(inside.organisation_name, connection=world.connection)
        rig.wait_until(lambda: len(refused(world, expired)) == PROCESSES, "all of them are refused")
        rig.wait_until(lambda: world.blocked() == PROCESSES - 1, "all but one wait for the one")
        assert [process.result() for process in crowd] == [NAME] * PROCESSES
    finally:
        for process in crowd[2:]:
            process.stop()
    assert [entry["status"] for entry in refreshes(world, expired)] == [200]
    assert_connected(world)


def test_refresher_killed_before_it_committed(world, expired):
    """The provider has rotated the refresh token and nobody saved the new one: the old one serves a while longer."""
    let_pass(world, ROTATES_AFTER[world.provider])
    since = world.simulator.last_request()
    before = stored(world)
    slow(world, "timeout_after")
    world.first.send(inside.organisation_name, connection=world.connection)
    rig.wait_until(lambda: refreshes(world, since), "the first one refreshes")
    world.first.kill()
    assert stored(world) == before
    let_pass(world, GRACE[world.provider])
    assert world.second.call(inside.organisation_name, connection=world.connection) == NAME
    assert len(refreshes(world, since)) == 2
    assert stored(world) != before
    assert_connected(world)


def test_refresher_killed_between_answer_and_commit(world, expired):
    """The answer is there, and the process dies before it is saved: it waited for a row that somebody else held."""
    let_pass(world, ROTATES_AFTER[world.provider])
    since = world.simulator.last_request()
    before = stored(world)
    world.first.send(inside.refresh_and_stall, connection=world.connection)
    rig.wait_until(lambda: [one["status"] for one in refreshes(world, since)] == [200], "it is answered")
    world.second.send(inside.organisation_name, connection=world.connection)
    rig.wait_until(world.blocked, "the second one waits for the first")
    world.first.kill()
    assert world.second.result() == NAME
    assert [one["status"] for one in refreshes(world, since)] == [200, 200]
    assert stored(world) != before
    assert_connected(world)


def test_killed_refresher_lets_those_go_on_who_wait(world, expired):
    slow(world, "timeout_before")
    world.first.send(inside.organisation_name, connection=world.connection)
    rig.wait_until(lambda: refreshes(world, expired), "the first one refreshes")
    world.second.send(inside.organisation_name, connection=world.connection)
    rig.wait_until(world.blocked, "the second one waits for the first")
    world.first.kill()
    assert world.second.result() == NAME
    assert_connected(world)


def test_refused_while_a_person_connects_again(world):
    """The driver is told that its refresh token is dead, for a consent that a person has just replaced."""
    world.simulator.control("POST", "/_sim/tokens", {"expire": True, "expire_refresh": True})
    since = world.simulator.last_request()
    slow(world, "slow:8")
    world.first.send(inside.drive_pull, connection=world.connection)
    rig.wait_until(lambda: refreshes(world, since), "the driver asks for a new token")
    world.second.send(steps.connect, provider=world.provider)
    rig.wait_until(world.blocked, "the new consent waits to be stored")
    world.first.result()
    world.second.result()
    assert sorted(one["status"] for one in refreshes(world, since)) == [200, 400]
    assert_connected(world)
    assert world.teller.call(inside.organisation_name, connection=world.connection) == NAME
    # Without a newer one the same refusal does end the connection.
    world.simulator.control("POST", "/_sim/tokens", {"expire": True, "expire_refresh": True})
    world.teller.call(inside.wait_for_no_run, connection=world.connection)
    world.first.call(inside.drive_pull, connection=world.connection)
    assert state(world) == "reauth_required"
    world.second.call(steps.connect, provider=world.provider)
    assert_connected(world)
