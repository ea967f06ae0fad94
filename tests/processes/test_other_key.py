"""A server that lacks the encryption key, or has another one, beside one that has it: it says so, asks the provider for
nothing and spoils nothing, and the other one goes on."""

import inside
import pytest

from bench import rig, steps


@pytest.mark.parametrize("key", ["another", "none"])
def test_it_says_so_and_the_other_one_sends(world, key):
    keyless = world._keep(rig.Worker(world.database, rig.new_key() if key == "another" else ""))
    invoice = world.first.call(inside.posted_invoice, name=f"Key Cutters {key}")
    secrets = world.value("SELECT token_set_encrypted FROM fieldpromax_credential")
    world.simulator.control("POST", "/_sim/tokens", {"expire": True})
    since = world.simulator.last_request()

    reason = keyless.call(inside.silence_reason, connection=world.connection)
    assert "Encryption key missing on this server" in reason
    for which in ("push", "pull"):
        keyless.call(steps.run_cron, connection=world.connection, which=which)
    keyless.call(inside.refresh_all)
    with pytest.raises(rig.WorkerError) as caught:
        keyless.call(steps.prepare, simulator=world.simulator.url)
    assert caught.value.name == "EncryptionKeyMissing"
    assert rig.KEY_VARIABLE in caught.value.sentence, "what to do is said"

    assert not world.simulator.requests(since)
    assert (
        world.value("SELECT state FROM fieldpromax_connection WHERE id = %s", world.connection) == "connected"
    )
    assert world.value("SELECT token_set_encrypted FROM fieldpromax_credential") == secrets
    assert world.in_books(invoice["number"]) == 0

    world.second.call(steps.push, connection=world.connection)
    assert world.in_books(invoice["number"]) == 1
