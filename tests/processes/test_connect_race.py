"""Two transactions connect at once: the database lets one through, and the other one reads why."""

import inside
import pytest

from bench import rig, steps

ONE_INTEGRATION = "A company has one accounting integration at a time. Disconnect the other one first."
SAME_ORGANISATION = "Another company is connected to this organization already."


@pytest.fixture(scope="module")
def open_world(make_world):
    """Nothing is connected; two people are there."""
    with make_world("race") as made:
        made.first, made.second = made.twin(), made.twin()
        made.teller.call(steps.prepare, simulator=made.simulator.url)
        yield made


def ties(world):
    return world.value("SELECT count(*) FROM fieldpromax_connection WHERE state != 'disconnected'")


def race(world, folder, reached, let_go, first, second):
    """Both choose at once; the sentence that the second one reads."""
    world.first.send(inside.choose, repeat=True, folder=str(folder), point="chosen", **first)
    reached("chosen")
    world.second.send(inside.choose, repeat=True, folder=str(folder), point="chosen", **second)
    rig.wait_until(world.blocked, "the second one waits for the first")
    let_go("chosen")
    world.first.result()
    with pytest.raises(rig.WorkerError) as refused:
        world.second.result()
    assert refused.value.name in ("UserError", "ValidationError"), refused.value
    return refused.value.sentence


def test_one_company_two_organisations(open_world, folder, reached, let_go):
    world = open_world
    first = world.teller.call(inside.offer, organisations=["US", "AU"])
    second = world.teller.call(inside.offer, organisations=["US", "AU"])
    sentence = race(
        world,
        folder,
        reached,
        let_go,
        {"authorization": first, "organisation": "US"},
        {"authorization": second, "organisation": "AU"},
    )
    assert ONE_INTEGRATION in sentence
    assert ties(world) == "1"
    assert world.value("SELECT count(*) FROM fieldpromax_credential") == "1"
    assert world.value("SELECT count(*) FROM fieldpromax_connection") == "1", "nothing half-made stays"
    assert world.value("SELECT count(*) FROM ir_cron WHERE cron_name LIKE 'Accounting sync: pu%%'") == "2"


def test_two_companies_one_organisation(open_world, folder, reached, let_go):
    world = open_world
    third, fourth = (world.teller.call(inside.new_company, name=name) for name in ("Third", "Fourth"))
    before = int(ties(world))
    first = world.teller.call(inside.offer, organisations=["GB", "NZ"], company=third)
    second = world.teller.call(inside.offer, organisations=["GB", "NZ"], company=fourth)
    sentence = race(
        world,
        folder,
        reached,
        let_go,
        {"authorization": first, "organisation": "NZ", "company": third},
        {"authorization": second, "organisation": "NZ", "company": fourth},
    )
    assert SAME_ORGANISATION in sentence
    assert int(ties(world)) == before + 1
