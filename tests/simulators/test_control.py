"""Control endpoints, the state on disk, and the process itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from conftest import ROOT, Api

from simulators.common.clock import Clock
from simulators.common.limits import FixedWindow
from simulators.common.server import NotLoopback, check_loopback
from simulators.common.store import Store, StoreInUse
from simulators.xero.server import start_in_thread

# === CONTROL === #


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/_sim/reset", {"seed": "nonsense"}),
        ("POST", "/_sim/reset", {"contacts": -1}),
        ("POST", "/_sim/reset", {"contacts": "many"}),
        ("POST", "/_sim/reset", {"organisations": ["FR"]}),
        ("POST", "/_sim/reset", {"bookmark": "never set"}),
        ("POST", "/_sim/bookmarks", {}),
        ("POST", "/_sim/limits", {"hour": 1}),
        ("POST", "/_sim/limits", {"minute": -1}),
        ("POST", "/_sim/limits", {"minute": "x"}),
        ("POST", "/_sim/tokens", {}),
        ("POST", "/_sim/tokens", {"explode": True}),
        ("POST", "/_sim/tokens", {"disconnect": "FR"}),
        ("POST", "/_sim/tokens", {"issue": {"email": "nobody@example.com"}}),
        ("POST", "/_sim/tokens", {"issue": {"scopes": ["accounting.transactions"]}}),
        ("POST", "/_sim/organisations/FR", {}),
        ("POST", "/_sim/organisations/US", {"nonsense": 1}),
        ("POST", "/_sim/organisations/US", {"invoices": [{"InvoiceNumber": "none", "action": "void"}]}),
        ("POST", "/_sim/organisations/US", {"contacts": [{"Name": ""}]}),
        ("POST", "/_sim/organisations/US", {"PeriodLockDate": "soon"}),
        ("POST", "/_sim/organisations/US", {"accounts": [{"Name": "no code"}]}),
        ("POST", "/_sim/organisations/US", {"items": [{"Code": "none", "delete": True}]}),
        ("POST", "/_sim/clock", {"advance_seconds": "long"}),
        ("GET", "/_sim/state?tenant=FR", None),
        ("GET", "/_sim/requests?since=x", None),
        ("POST", "/_sim/reset", [1]),
    ],
)
def test_impossible_control_calls_are_a_sentence(sim, method, path, body):
    with pytest.raises(AssertionError, match=": 400 ") as caught:
        sim.control(method, path, body)
    assert "error" in str(caught.value)


def test_a_refused_change_of_an_organisation_changes_nothing(sim):
    with pytest.raises(AssertionError, match="no such item"):
        sim.control(
            "POST",
            "/_sim/organisations/US",
            {"Name": "Half done", "items": [{"Code": "none", "delete": True}]},
        )
    names = [o["Name"] for o in sim.control("GET", "/_sim/state?counts=1")["organisations"].values()]
    assert "Half done" not in names


def test_the_log_keeps_what_was_asked_and_no_secret(us, sim):
    sim.control("DELETE", "/_sim/requests")
    us.call("GET", "Contacts", params={"where": 'Name=="secret words"', "page": 1})
    us.call("PUT", "Contacts", {"Contacts": [{"Name": "secret words"}]}, headers={"Idempotency-Key": "key-1"})
    first, second = sim.control("GET", "/_sim/requests")["requests"]
    assert (first["method"], first["path"], first["query"]) == (
        "GET",
        "/api.xro/2.0/Contacts",
        ["page", "where"],
    )
    assert (first["status"], first["purpose"], first["tenant"]) == (200, "contacts.list", us.tenant)
    assert (second["purpose"], second["key"], second["fault"]) == ("contacts.create", "key-1", None)
    text = json.dumps([first, second])
    assert "secret words" not in text
    assert "Bearer" not in text
    assert sim.control("GET", f"/_sim/requests?since={first['id']}")["count"] == 1
    assert sim.control("GET", "/_sim/requests?purpose=contacts.create")["count"] == 1
    assert sim.control("GET", "/_sim/requests?clear=1")["count"] == 2
    assert sim.control("GET", "/_sim/requests")["count"] == 0


def test_state_shows_invoices_with_lines(us, invoice, sim):
    us.put("Invoices", invoice(InvoiceNumber="S-1"))
    state = sim.control("GET", "/_sim/state?tenant=US&entities=invoices")["organisations"][us.tenant]
    assert [entry["LineItems"][0]["Description"] for entry in state["invoices"]] == ["Work"]
    assert "contacts" not in state
    assert "contacts" in sim.control("GET", "/_sim/state?tenant=US")["organisations"][us.tenant]


def test_reset_can_keep_connections(us, sim):
    us.put("Contacts", {"Name": "Gone Tomorrow"})
    sim.control("POST", "/_sim/reset", {"keep_connections": True})
    assert us.get("Contacts", where='Name=="Gone Tomorrow"')["Contacts"] == []
    sim.control("POST", "/_sim/reset", {})
    assert us.call("GET", "Contacts").status_code == 403


def test_reset_starts_anew(us, sim):
    sim.control("POST", "/_sim/faults", {"fault": "status:500"})
    sim.control("POST", "/_sim/limits", {"minute": 1})
    sim.control("POST", "/_sim/clock", {"advance_seconds": 3600})
    sim.control("POST", "/_sim/reset", {})
    assert sim.control("GET", "/_sim/faults")["faults"] == []
    assert sim.control("GET", "/_sim/limits") == {
        "minute": 60,
        "concurrent": 5,
        "day": 5000,
        "appminute": 10000,
    }
    assert sim.control("GET", "/_sim/clock")["offset_seconds"] == 0


def test_the_bookkeepers_changes(us, sim):
    us.control(
        {
            "currencies": ["JPY"],
            "accounts": [{"Code": "222", "Name": "New Income"}, {"Code": "200", "Status": "ARCHIVED"}],
            "tax_rates": [{"TaxType": "TAX009", "Name": "Ten", "EffectiveRate": 10}],
            "contacts": [
                {"Name": "Merged Away", "ContactStatus": "ACTIVE", "FirstName": "Back", "IsCustomer": False}
            ],
            "items": [
                {"Code": "LABOUR", "SalesDetails": {"UnitPrice": "90.125"}},
                {"Code": "FUEL", "delete": True},
            ],
            "Class": "DEMO",
        }
    )
    assert us.get("Organisation")["Organisations"][0]["Class"] == "DEMO"
    accounts = {a["Code"]: a["Status"] for a in us.get("Accounts")["Accounts"]}
    assert (accounts["222"], accounts["200"]) == ("ACTIVE", "ARCHIVED")
    rate = us.get("TaxRates/TAX009")["TaxRates"][0]
    assert (str(rate["EffectiveRate"]), rate["CanApplyToRevenue"]) == ("10.0000", True)
    back = us.contact("Merged Away")
    assert (back["FirstName"], back["IsCustomer"]) == ("Back", False)
    assert str(us.get("Items/LABOUR", unitdp=4)["Items"][0]["SalesDetails"]["UnitPrice"]) == "90.1250"
    assert us.call("GET", "Items/FUEL").status_code == 404


# === STATE ON DISK === #


def test_state_survives_a_restart(tmp_path):
    with start_in_thread(state_dir=tmp_path) as server:
        tokens = server.control("POST", "/_sim/tokens", {"issue": {"tenants": ["US"]}})
        tenant = next(iter(server.control("GET", "/_sim/state?tenant=US&counts=1")["organisations"]))
        us = Api(server, tokens, tenant)
        made = us.call(
            "PUT",
            "Contacts",
            {"Contacts": [{"Name": "Kept Über Night"}]},
            headers={"Idempotency-Key": "k"},
        )
        server.control("POST", "/_sim/clock", {"advance_seconds": 60})
    with start_in_thread(state_dir=tmp_path) as server:
        us = Api(server, tokens, tenant)
        assert us.contact("Kept Über Night")
        assert us.refused("PUT", "Contacts", {"Name": "kept über night"})
        again = us.call(
            "PUT", "Contacts", {"Contacts": [{"Name": "Kept Über Night"}]}, headers={"Idempotency-Key": "k"}
        )
        assert again.content == made.content
        assert server.control("GET", "/_sim/clock")["offset_seconds"] == 60
        item = us.get("Items/VALVE-15", unitdp=4)["Items"][0]
        assert str(item["SalesDetails"]["UnitPrice"]) == "7.3350"
        server.control("POST", "/_sim/reset", {"seed": "empty"})
    with start_in_thread(state_dir=tmp_path) as server:
        counts = server.control("GET", "/_sim/state?counts=1")["organisations"]
        assert {entry["counts"]["contacts"] for entry in counts.values()} == {0}


def test_one_process_per_directory(tmp_path):
    with start_in_thread(state_dir=tmp_path), pytest.raises(StoreInUse):
        start_in_thread(state_dir=tmp_path)


def test_a_transaction_is_taken_back_whole(tmp_path):
    store = Store(tmp_path)
    things = store.collection("things")
    things.put("a", {"n": 1})

    def inner():
        with store.transaction():
            things.put("c", {"n": 3})

    def outer():
        with store.transaction():
            things.put("a", {"n": 2})
            things.delete("a")
            things.put("b", {"n": 2})
            inner()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        outer()
    assert things.items() == [("a", {"n": 1})]
    store.close()
    again = Store(tmp_path)
    assert again.collection("things").items() == [("a", {"n": 1})]
    again.close()


def test_windows_are_fixed_and_start_apart():
    clock = Clock()
    window = FixedWindow(clock, 60, 2)
    window.count("a")
    window.count("a")
    assert window.remaining("a") == 0
    assert window.remaining("b") == 2
    clock.advance(window.retry_after("a"))
    assert window.remaining("a") == 2
    assert FixedWindow(clock, 60, None).remaining("a") is None


# === THE PROCESS === #


def _start(*options):
    return subprocess.Popen(
        [sys.executable, "-m", "simulators.xero", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_and_clean_end(tmp_path, number):
    process = _start("--port", "0", "--state-dir", str(tmp_path))
    line = process.stdout.readline().strip()
    assert line.startswith("xero simulator: http://127.0.0.1:")
    with urllib.request.urlopen(line.removeprefix("xero simulator: ") + "/", timeout=5) as answer:
        assert b"Riverside Plumbing" in answer.read()
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_only_loopback():
    process = _start("--host", "0.0.0.0")  # noqa: S104 that it is refused
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "loopback only" in errors
    for host in ("192.168.1.5", "::", "example.com", ""):
        with pytest.raises(NotLoopback):
            check_loopback(host)
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert check_loopback(host) == host


def test_a_taken_port_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = _start("--port", str(taken.getsockname()[1]))
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "cannot listen on 127.0.0.1" in errors
    assert "Traceback" not in errors


def test_a_reset_goes_back_to_a_bookmark(us, sim):
    us.put("Contacts", {"Name": "Here Before"})
    sim.control("POST", "/_sim/clock", {"advance_seconds": 60})
    sim.control("POST", "/_sim/bookmarks", {"name": "connected"})
    us.put("Contacts", {"Name": "Came Later"})
    sim.control("POST", "/_sim/clock", {"advance_seconds": 3600})
    for _time in range(2):
        sim.control("POST", "/_sim/reset", {"bookmark": "connected"})
        names = {contact["Name"] for contact in us.get("Contacts")["Contacts"]}
        assert "Here Before" in names
        assert "Came Later" not in names
        us.put("Contacts", {"Name": "Came Later"})
    assert sim.control("GET", "/_sim/clock")["offset_seconds"] == 60
