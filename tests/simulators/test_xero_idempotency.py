"""``Idempotency-Key`` (provider_facts A4)."""

import threading

import pytest


@pytest.fixture
def create(us, invoice):
    """Create one invoice with a key; keyword arguments change the body."""

    def call(key, body=None, params=None, method="PUT", path="Invoices", timeout=10):
        body = body or {"Invoices": [invoice(InvoiceNumber="K-1")]}
        return us.call(method, path, body, params, {"Idempotency-Key": key}, timeout)

    return call


def _count(us):
    return len(us.get("Invoices")["Invoices"])


def test_a_repeat_gets_the_same_answer_and_does_nothing(us, create):
    first, second = create("k1"), create("k1")
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert first.headers["Xero-Correlation-Id"] != second.headers["Xero-Correlation-Id"]
    assert _count(us) == 1


def test_another_request_with_the_same_key_is_refused(us, create, invoice):
    create("k1")
    others = (
        {"body": {"Invoices": [invoice(InvoiceNumber="K-2")]}},
        {"params": {"unitdp": 4}},
        {"method": "POST"},
        {"path": "Contacts", "body": {"Contacts": [{"Name": "x"}]}},
    )
    for other in others:
        refused = create("k1", **other)
        assert refused.status_code == 400
        assert refused.json()["Message"] == "Idempotency Key: k1 is used with a different request."
    assert _count(us) == 1


def test_keys_are_kept_six_minutes_from_the_first_call(us, create, sim):
    create("k1")
    sim.control("POST", "/_sim/clock", {"advance_seconds": 200})
    assert create("k1").status_code == 200
    sim.control("POST", "/_sim/clock", {"advance_seconds": 159})
    assert create("k1").status_code == 200
    assert _count(us) == 1
    sim.control("POST", "/_sim/clock", {"advance_seconds": 2})
    forgotten = create("k1")
    assert forgotten.status_code == 400
    assert forgotten.json()["Elements"][0]["ValidationErrors"] == [{"Message": "Invoice # must be unique."}]


def test_keys_have_128_characters_at_most(us, create):
    assert create("x" * 128).status_code == 200
    assert create("x" * 129).status_code == 400
    assert _count(us) == 1


def test_refusals_are_replayed_even_when_the_cause_is_gone(us, create, invoice):
    body = {"Invoices": [invoice(CurrencyCode="JPY")]}
    assert create("k1", body).status_code == 400
    us.control({"currencies": ["JPY"]})
    assert create("k1", body).status_code == 400
    assert create("k2", body).status_code == 200


def test_server_errors_are_replayed(us, create, sim):
    sim.control("POST", "/_sim/faults", {"fault": "status:500", "method": "PUT"})
    assert create("k1").status_code == 500
    assert create("k1").status_code == 500
    assert _count(us) == 0
    sim.control("POST", "/_sim/clock", {"advance_seconds": 361})
    assert create("k1").status_code == 200


def test_rate_limits_are_not_kept(us, create, sim):
    sim.control("POST", "/_sim/limits", {"minute": 0})
    assert create("k1").status_code == 429
    sim.control("POST", "/_sim/limits", {"minute": 60})
    assert create("k1").status_code == 200


def test_repeats_count_for_limits(us, create, sim):
    create("k1")
    assert int(create("k1").headers["X-MinLimit-Remaining"]) == 58


def test_a_repeat_during_the_first_call_waits_for_it(us, create, sim):
    sim.control("POST", "/_sim/limits", {"concurrent": None})
    sim.control("POST", "/_sim/faults", {"fault": "slow:0.3", "method": "PUT", "times": 1})
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(create("k1"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1
    assert _count(us) == 1


def test_the_answer_that_was_lost_comes_with_the_repeat(us, create, sim):
    import requests

    sim.control("POST", "/_sim/faults", {"fault": "timeout_after", "method": "PUT"})
    with pytest.raises(requests.exceptions.ReadTimeout):
        create("k1", timeout=0.5)
    answer = create("k1")
    assert answer.status_code == 200
    assert _count(us) == 1


def test_without_a_key_nothing_is_remembered(us, invoice):
    first = us.call("PUT", "Invoices", {"Invoices": [invoice()]})
    second = us.call("PUT", "Invoices", {"Invoices": [invoice()]})
    assert first.json()["Invoices"][0]["InvoiceID"] != second.json()["Invoices"][0]["InvoiceID"]


def test_keys_of_two_apps_are_apart(connect, sim, invoice, us):
    other = connect("US", client_id="fieldpromax-pkce")
    headers = {"Idempotency-Key": "shared"}
    assert us.call("PUT", "Contacts", {"Contacts": [{"Name": "One"}]}, headers=headers).status_code == 200
    assert other.call("PUT", "Contacts", {"Contacts": [{"Name": "Two"}]}, headers=headers).status_code == 200


def test_items_can_be_deleted_twice_with_one_key(us):
    headers = {"Idempotency-Key": "del"}
    for _ in range(2):
        assert us.call("DELETE", "Items/LABOUR", headers=headers).status_code == 204
