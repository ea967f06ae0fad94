"""Several processes need a fresh access token at once: the provider is asked for one, once."""

import inside
import pytest

from bench import rig

NAME = "Lakeside Field Services LLC"
TOKEN = "/connect/token"


@pytest.fixture
def expired(world):
    """The provider accepts none of the access tokens any more; the id of the last request before."""
    world.simulator.control("POST", "/_sim/tokens", {"expire": True})
    return world.simulator.last_request()


def refreshes(world, since):
    return world.simulator.requests(since, "oauth.token")


def refused(world, since):
    return [entry for entry in world.simulator.requests(since) if entry["status"] == 401]


def assert_connected(world):
    state = world.value("SELECT state FROM fieldpromax_connection WHERE id = %s", world.connection)
    assert state == "connected", "a lost race is no lost consent"


def test_two_refreshers_refresh_once(world, expired):
    world.simulator.fault("slow:4", TOKEN)
    world.first.send(inside.organisation_name, connection=world.connection)
    rig.wait_until(lambda: refreshes(world, expired), "the first one refreshes")
    world.second.send(inside.organisation_name, connection=world.connection)
    rig.wait_until(lambda: len(refused(world, expired)) == 2, "the second one is refused as well")
    rig.wait_until(world.blocked, "the second one waits for the first")
    assert world.first.result() == NAME
    assert world.second.result() == NAME
    assert [entry["status"] for entry in refreshes(world, expired)] == [200]
    assert_connected(world)


def test_refresher_killed_before_it_committed(world, expired):
    """The provider has rotated the refresh token and nobody saved the new one: the old one serves a while longer."""
    world.simulator.fault("timeout_after", TOKEN)
    world.first.send(inside.organisation_name, connection=world.connection)
    rig.wait_until(lambda: refreshes(world, expired), "the first one refreshes")
    world.first.kill()
    assert world.second.call(inside.organisation_name, connection=world.connection) == NAME
    assert len(refreshes(world, expired)) == 2
    assert_connected(world)


def test_killed_refresher_lets_those_go_on_who_wait(world, expired):
    world.simulator.fault("timeout_before", TOKEN)
    world.first.send(inside.organisation_name, connection=world.connection)
    rig.wait_until(lambda: refreshes(world, expired), "the first one refreshes")
    world.second.send(inside.organisation_name, connection=world.connection)
    rig.wait_until(world.blocked, "the second one waits for the first")
    world.first.kill()
    assert world.second.result() == NAME
    assert_connected(world)
