"""Ordered faults: what the client sees, and whether the call took effect."""

import json
import socket
import time

import pytest
import requests


@pytest.fixture
def order(sim):
    def make(fault, **values):
        return sim.control("POST", "/_sim/faults", {"fault": fault, **values})

    return make


def _names(us):
    state = us.server.control("GET", "/_sim/state?tenant=US&entities=contacts")["organisations"][us.tenant]
    return {contact["Name"] for contact in state["contacts"]}


def _create(us, name="Faulty", timeout=10):
    return us.call("PUT", "Contacts", {"Contacts": [{"Name": name}]}, timeout=timeout)


@pytest.mark.parametrize(
    ("fault", "error", "effect"),
    [
        ("timeout_before", requests.exceptions.ReadTimeout, False),
        ("timeout_after", requests.exceptions.ReadTimeout, True),
        ("reset", requests.exceptions.ConnectionError, False),
        ("reset_after", requests.exceptions.ConnectionError, True),
        ("truncated", requests.exceptions.ChunkedEncodingError, True),
    ],
)
def test_broken_connections(us, order, fault, error, effect):
    order(fault, method="PUT", path="/Contacts$")
    with pytest.raises(error):
        _create(us, timeout=0.5)
    assert ("Faulty" in _names(us)) is effect
    assert _create(us, "Later").status_code == 200


def test_reset_is_a_tcp_reset(us, order, sim):
    order("reset")
    host, port = sim.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /connections HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(100)


@pytest.mark.parametrize(
    ("fault", "after", "status", "content_type", "body", "effect"),
    [
        ("html", None, 200, "text/html", "<html>", False),
        ("html:502", None, 502, "text/html", "<html>", False),
        ("html", True, 200, "text/html", "<html>", True),
        ("empty", None, 200, "application/json", "", False),
        ("empty", True, 200, "application/json", "", True),
        ("status:400", None, 400, "application/json", "PostDataInvalidException", False),
        ("status:401", None, 401, "application/json", "AuthenticationUnsuccessful", False),
        ("status:403", None, 403, "application/json", "Forbidden", False),
        ("status:404", None, 404, "text/html", "", False),
        ("status:412", None, 412, "", "", False),
        ("status:500", None, 500, "application/json", "InternalServerErrorException", False),
        ("status:500", True, 500, "application/json", "InternalServerErrorException", True),
        ("status:503", None, 503, "text/plain", "The Organisation is offline", False),
        ("wrong_content_type", None, 200, "text/plain", "Faulty", True),
    ],
)
def test_wrong_answers(us, order, fault, after, status, content_type, body, effect):
    order(fault, method="PUT", **({"after": after} if after else {}))
    answer = _create(us)
    assert answer.status_code == status
    assert answer.headers.get("Content-Type", "").startswith(content_type)
    assert body in answer.text if body else answer.content == b""
    assert ("Faulty" in _names(us)) is effect


@pytest.mark.parametrize("problem", ["minute", "day", "concurrent", "appminute"])
def test_rate_limits_on_order(us, order, problem):
    order(f"429:{problem}")
    answer = _create(us)
    assert (answer.status_code, answer.content) == (429, b"")
    assert answer.headers["X-Rate-Limit-Problem"] == problem
    assert ("Retry-After" in answer.headers) is (problem != "concurrent")
    assert "Faulty" not in _names(us)


def test_an_unknown_enum_value(us, order):
    order("unknown_enum", path="/Contacts")
    first, second = us.get("Contacts", page=1)["Contacts"][:2]
    assert first["ContactStatus"] == "SOMETHINGNEW"
    assert second["ContactStatus"] != "SOMETHINGNEW"


def test_null_values(us, order):
    order("null_value", path="/Contacts")
    first = us.get("Contacts", page=1)["Contacts"][0]
    assert first["Name"] is None
    assert first["ContactID"]


def test_a_refusal_with_http_200(us, order):
    order("fault200", method="PUT")
    answer = _create(us)
    (element,) = answer.json()["Contacts"]
    assert (answer.status_code, element["StatusAttributeString"]) == (200, "ERROR")
    assert element["ValidationErrors"][0]["Message"]
    assert "Faulty" not in _names(us)
    order("fault200")
    answer = us.call("GET", "Contacts")
    assert (answer.status_code, answer.json()["Type"]) == (200, "ValidationException")


def test_slow(us, order):
    order("slow:0.2")
    started = time.monotonic()
    assert _create(us).status_code == 200
    assert time.monotonic() - started >= 0.2


def test_faults_hit_method_path_times_and_skip(us, order, sim):
    order("status:500", method="POST", path="/Items")
    order("status:503", path="/Contacts$", times=2, skip=1)
    assert [us.call("GET", "Contacts").status_code for _ in range(4)] == [200, 503, 503, 200]
    assert us.call("GET", "Items").status_code == 200
    kept = sim.control("GET", "/_sim/faults")["faults"]
    assert [(fault["fired"], fault["times"]) for fault in kept] == [(0, 1), (2, 0)]


def test_faults_without_end_until_they_are_cleared(us, order, sim):
    order("status:503", times=None)
    assert [us.call("GET", "Contacts").status_code for _ in range(3)] == [503] * 3
    sim.control("DELETE", "/_sim/faults")
    assert us.call("GET", "Contacts").status_code == 200


def test_faults_hit_oauth_too(browser, order, sim, tenants):
    tokens = sim.control("POST", "/_sim/tokens", {"issue": {"tenants": ["US"]}})
    order("status:400", path="/connect/token")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert browser.token(**form).json() == {"error": "invalid_grant"}
    order("status:503", path="/connect/token")
    assert browser.token(**form).status_code == 503
    order("slow:0.1", path="/connect/token")
    assert browser.token(**form).status_code == 200


def test_the_log_names_the_fault(us, order, sim):
    order("status:503", path="/Contacts")
    us.call("GET", "Contacts")
    entry = sim.control("GET", "/_sim/requests?purpose=contacts.list")["requests"][-1]
    assert (entry["fault"], entry["status"]) == ("status:503", 503)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"fault": "earthquake"},
        {"fault": "status:9"},
        {"fault": "status:abc"},
        {"fault": "429:hour"},
        {"fault": "slow:soon"},
        {"fault": "reset", "path": "("},
        {"fault": "reset", "colour": "red"},
        {"fault": "truncated", "after": True},
    ],
)
def test_impossible_orders(sim, body):
    with pytest.raises(AssertionError, match="cannot be ordered"):
        sim.control("POST", "/_sim/faults", body)


def test_a_held_connection_does_not_keep_the_server_from_stopping():
    from simulators.xero.server import start_in_thread

    server = start_in_thread()
    server.control("POST", "/_sim/faults", {"fault": "timeout_before"})
    host, port = server.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /connections HTTP/1.1\r\nHost: x\r\n\r\n")
        while not server.control("GET", "/_sim/requests")["requests"]:
            time.sleep(0.01)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 5
    assert not server._thread.is_alive()


def test_answers_after_faults_are_still_json(us, order):
    order("truncated", method="GET")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        us.call("GET", "Contacts")
    assert json.loads(us.call("GET", "Contacts").content)["Status"] == "OK"
