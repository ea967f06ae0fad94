"""Webhooks of the simulators: who is told what, how it is signed, and what becomes of a subscriber that misbehaves."""

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from simulators.common import webhooks
from simulators.common.server import free_port

KEY = "k3y"


def sign(body, key=KEY):
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


class Subscriber:
    """A server that checks signatures as a subscriber should, unless ``answers`` says otherwise."""

    def __init__(self, header):
        self.calls = []  # (path, right signature?, parsed body)
        self.answers = []  # one each for the next calls: a status, or (status, headers, body)
        self.delay = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                right = self.headers[header] == sign(body)
                outer.calls.append((self.path, right, json.loads(body)))
                answer = outer.answers.pop(0) if outer.answers else (200 if right else 401)
                status, headers, content = answer if isinstance(answer, tuple) else (answer, {}, b"")
                time.sleep(outer.delay)
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in {**headers, "Content-Length": str(len(content))}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *_arguments):
                """Nothing to say."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def bodies(self):
        """The bodies that told something, as they came."""
        return [
            body
            for _path, _right, body in self.calls
            if not isinstance(body, dict) or body.get("events") != []
        ]

    def events(self):
        return [event for body in self.bodies() for event in body["events"]]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.01)


@pytest.fixture
def subscriber():
    running = Subscriber("x-xero-signature")
    yield running
    running.stop()


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(webhooks, "RETRIES", (0.0, 0.0))


@pytest.fixture
def subscribe(sim, subscriber):
    def call(**values):
        return sim.control("POST", "/_sim/webhooks", {"url": subscriber.url, "key": KEY, **values})

    yield call
    sim.control("POST", "/_sim/reset", {})


@pytest.fixture
def deliveries(sim):
    def read():
        return [row for row in sim.control("GET", "/_sim/webhooks")["deliveries"] if row["events"]]

    return read


class TestSubscribing:
    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"url": "http://127.0.0.1:1/"},
            {"url": "http://127.0.0.1:1/", "key": ""},
            {"url": "http://127.0.0.1:1/", "key": 3},
            {"url": "ftp://127.0.0.1/", "key": KEY},
            {"url": "nowhere", "key": KEY},
            {"url": "https://example.com/hook", "key": KEY},
            {"url": "http://10.0.0.1/", "key": KEY},
            {"url": "http://127.0.0.1:1/", "key": KEY, "client_id": "nobody"},
            {"url": "http://127.0.0.1:1/", "key": KEY, "more": 1},
        ],
    )
    def test_refused(self, sim, body):
        with pytest.raises(AssertionError, match="400"):
            sim.control("POST", "/_sim/webhooks", body)
        assert sim.control("GET", "/_sim/webhooks")["status"] == "off"

    def test_nobody_there(self, sim):
        url = f"http://127.0.0.1:{free_port()}/"
        outcome = sim.control("POST", "/_sim/webhooks", {"url": url, "key": KEY})
        assert outcome["status"] == "failed"
        assert "right signature: no answer" in outcome["problem"]

    @pytest.mark.parametrize(
        ("answers", "problem"),
        [
            ([200, 200], "wrong signature: the answer was 200, not 401"),
            ([401], "right signature: the answer was 401, not 200"),
            ([200, 401, 200, 403], "wrong signature: the answer was 403"),
            ([204], "right signature: the answer was 204"),
            ([302], "right signature: the answer was 302"),
            ([(200, {}, b"ok")], "the answer has a body"),
            ([(200, {"Set-Cookie": "session_id=1"}, b"")], "the answer sets a cookie"),
            ([200, (401, {"Set-Cookie": "session_id=1"}, b"")], "the answer sets a cookie"),
        ],
    )
    def test_intent_to_receive_fails(self, subscribe, subscriber, connect, answers, problem):
        subscriber.answers = list(answers)
        outcome = subscribe()
        assert outcome["status"] == "failed"
        assert problem in outcome["problem"]
        before = len(subscriber.calls)
        connect().control({"contacts": [{"Name": "Untold"}]})
        time.sleep(3 * webhooks.GATHERED)
        assert len(subscriber.calls) == before, "nobody is told before the proof"

    def test_too_slow(self, subscribe, subscriber, monkeypatch):
        monkeypatch.setattr("simulators.xero.server.XeroSimulator.webhook_timeout", 0.1)
        subscriber.delay = 0.5
        assert "no answer within 0.1 seconds" in subscribe()["problem"]

    def test_intent_to_receive(self, subscribe, subscriber):
        outcome = subscribe()
        assert (outcome["status"], outcome["problem"]) == ("ok", "")
        assert [right for _path, right, _body in subscriber.calls] == [True, False, True, False]
        for path, _right, body in subscriber.calls:
            assert path == "/hook"
            assert body["events"] == []
            assert (body["firstEventSequence"], body["lastEventSequence"]) == (0, 0)
        assert [row["signed"] for row in outcome["deliveries"]] == ["right", "wrong", "right", "wrong"]

    def test_key_is_not_shown(self, sim, subscribe):
        secret = "a key that nobody is told"
        subscribe(key=secret)
        assert secret not in json.dumps(sim.control("GET", "/_sim/webhooks"))

    def test_ended(self, sim, subscribe, subscriber, connect):
        subscribe()
        assert sim.control("POST", "/_sim/webhooks", {"url": ""})["status"] == "off"
        before = len(subscriber.calls)
        connect().control({"contacts": [{"Name": "Untold"}]})
        time.sleep(3 * webhooks.GATHERED)
        assert len(subscriber.calls) == before

    def test_reset(self, sim, subscribe, subscriber):
        subscribe()
        sim.control("POST", "/_sim/reset", {"keep_connections": True})
        assert sim.control("GET", "/_sim/webhooks")["status"] == "ok"
        sim.control("POST", "/_sim/reset", {})
        assert sim.control("GET", "/_sim/webhooks")["status"] == "off"
        assert not subscriber.bodies(), "books that are new as a whole are no news"


class TestRinging:
    def test_changes_by_a_person(self, subscribe, subscriber, us):
        subscribe()
        us.control({"contacts": [{"Name": "Told", "EmailAddress": "told@example.com"}]})
        until(subscriber.events)
        (event,) = subscriber.events()
        contact = us.contact("Told")
        assert event["resourceId"] == contact["ContactID"]
        assert event["resourceUrl"].endswith(f"/api.xro/2.0/Contacts/{contact['ContactID']}")
        assert event["tenantId"] == us.tenant
        assert (event["eventCategory"], event["eventType"]) == ("CONTACT", "CREATE")
        us.control({"contacts": [{"ContactID": contact["ContactID"], "Name": "Told again"}]})
        until(lambda: len(subscriber.events()) == 2)
        assert subscriber.events()[1]["eventType"] == "UPDATE"
        assert all(right for _path, right, _body in subscriber.calls[4:])

    def test_changes_through_the_api(self, subscribe, subscriber, us):
        subscribe()
        (contact,) = us.put("Contacts", {"Name": "Pushed"})
        until(subscriber.events)
        us.put(
            "Invoices",
            {
                "Type": "ACCREC",
                "Status": "AUTHORISED",
                "Contact": {"ContactID": contact["ContactID"]},
                "Date": "2026-11-02",
                "DueDate": "2026-11-30",
                "LineItems": [{"Description": "Work", "Quantity": 1, "UnitAmount": 10, "AccountCode": "400"}],
            },
        )
        until(lambda: len(subscriber.events()) > 1)
        told = [(event["eventCategory"], event["eventType"]) for event in subscriber.events()]
        assert told[0] == ("CONTACT", "CREATE")
        assert ("INVOICE", "CREATE") in told

    def test_payment_rings_as_its_invoice(self, subscribe, subscriber, us):
        us.control(
            {
                "invoices": [
                    {
                        "Type": "ACCREC",
                        "Status": "AUTHORISED",
                        "InvoiceNumber": "W-1",
                        "Contact": {"Name": "Payer"},
                        "Date": "2026-11-02",
                        "DueDate": "2026-11-30",
                        "LineItems": [
                            {"Description": "Work", "Quantity": 1, "UnitAmount": 10, "AccountCode": "400"}
                        ],
                    }
                ]
            }
        )
        subscribe()
        us.control({"invoices": [{"InvoiceNumber": "W-1", "action": "pay"}]})
        until(subscriber.events)
        assert ("INVOICE", "UPDATE") in [
            (event["eventCategory"], event["eventType"]) for event in subscriber.events()
        ]

    def test_what_xero_does_not_tell(self, subscribe, subscriber, us):
        subscribe()
        us.control({"items": [{"Code": "NEW", "Name": "New"}], "accounts": [{"Code": "999", "Name": "New"}]})
        assert us.call("PUT", "Contacts", {"Contacts": [{"Name": ""}]}).status_code == 400
        us.control({"contacts": [{"Name": "The end"}]})
        until(subscriber.events)
        assert {event["eventCategory"] for event in subscriber.events()} == {"CONTACT"}
        assert len(subscriber.events()) == 1

    def test_only_connected_organisations(self, sim, subscribe, subscriber, connect):
        us = connect("US")
        subscribe()
        sim.control("POST", "/_sim/organisations/GB", {"contacts": [{"Name": "Not connected"}]})
        us.control({"contacts": [{"Name": "Connected"}]})
        until(subscriber.events)
        assert {event["tenantId"] for event in subscriber.events()} == {us.tenant}
        sim.control("POST", "/_sim/tokens", {"disconnect": "US"})
        us.control({"contacts": [{"Name": "No more"}]})
        time.sleep(3 * webhooks.GATHERED)
        assert len(subscriber.events()) == 1

    def test_sequence_and_entropy(self, subscribe, subscriber, us):
        subscribe()
        us.control({"contacts": [{"Name": f"Customer {number}"} for number in range(3)]})
        until(subscriber.events)
        us.control({"contacts": [{"Name": "One more"}]})
        until(lambda: len(subscriber.events()) == 4)
        numbers, last = [], 0
        for body in subscriber.bodies():
            assert body["firstEventSequence"] == last + 1
            last = body["lastEventSequence"]
            assert last - body["firstEventSequence"] + 1 == len(body["events"])
            numbers.append(body["entropy"])
        assert len(set(numbers)) == len(numbers)

    def test_tried_again(self, subscribe, subscriber, us, deliveries, no_pauses):
        subscribe()
        subscriber.answers = [500, (200, {}, b"thanks")]
        us.control({"contacts": [{"Name": "Stubborn"}]})
        until(lambda: len(deliveries()) == 3)
        assert [row["ok"] for row in deliveries()] == [False, False, True]
        assert len({json.dumps(body) for body in subscriber.bodies()}) == 1, "the very same body"

    def test_given_up_and_caught_up(self, sim, subscribe, subscriber, us, deliveries, no_pauses):
        subscribe()
        subscriber.answers = [500, 500, 500]
        us.control({"contacts": [{"Name": "First"}]})
        until(lambda: len(deliveries()) == 3)
        until(lambda: sim.control("GET", "/_sim/webhooks")["waiting"] == 1)
        us.control({"contacts": [{"Name": "Second"}]})
        until(lambda: deliveries()[-1]["ok"])
        assert [event["eventType"] for event in subscriber.bodies()[-1]["events"]] == ["CREATE", "CREATE"]
        until(lambda: sim.control("GET", "/_sim/webhooks")["waiting"] == 0)


@pytest.fixture
def intuit_subscriber():
    running = Subscriber("intuit-signature")
    yield running
    running.stop()


@pytest.fixture(params=["classic", "cloudevents"])
def form(request):
    return request.param


@pytest.fixture
def told(qbo, intuit_subscriber, form):
    """``told()``: what was told so far, in either form: (realm, entity, operation, id, id that is gone)."""
    body = {"url": intuit_subscriber.url, "key": KEY, "form": form}
    assert qbo.control("POST", "/_sim/webhooks", body)["status"] == "ok"

    def read():
        result = []
        for body in intuit_subscriber.bodies():
            if form == "cloudevents":
                for event in body:
                    _qbo, kind, operation, _version = event["type"].split(".")
                    ids = event["intuitentityid"], event["data"].get("deletedid")
                    result.append((event["intuitaccountid"], kind, operation, *ids))
                continue
            for notification in body["eventNotifications"]:
                for entity in notification["dataChangeEvent"]["entities"]:
                    operation = entity["operation"].lower()
                    operation = operation if operation.endswith("ed") else f"{operation.rstrip('e')}ed"
                    kind = entity["name"].lower()
                    ids = entity["id"], entity.get("deletedId")
                    result.append((notification["realmId"], kind, operation, *ids))
        assert all(right for _path, right, _body in intuit_subscriber.calls)
        return result

    yield read
    qbo.control("POST", "/_sim/reset", {})


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://127.0.0.1:1/", "key": KEY, "form": "other"},
        {"url": "https://quickbooks.example.com/", "key": KEY},
        {"url": "http://127.0.0.1:1/"},
    ],
)
def test_quickbooks_refuses(qbo, body):
    with pytest.raises(AssertionError, match="400"):
        qbo.control("POST", "/_sim/webhooks", body)


def test_quickbooks_tells_connected_companies_only(qbo, qbo_connect, told):
    realm = qbo_connect("US").realm
    qbo.control("POST", "/_sim/companies/GB", {"contacts": [{"DisplayName": "Not connected"}]})
    qbo.control("POST", "/_sim/companies/US", {"contacts": [{"DisplayName": "Connected"}]})
    until(told)
    assert [(row[0], *row[1:3]) for row in told()] == [(realm, "customer", "created")]
    qbo.control("POST", "/_sim/tokens", {"disconnect": "US"})
    qbo.control("POST", "/_sim/companies/US", {"contacts": [{"DisplayName": "No more"}]})
    time.sleep(3 * webhooks.GATHERED)
    assert len(told()) == 1


def test_quickbooks_tells_several_companies(qbo, qbo_connect, told):
    realms = {qbo_connect(tag).realm for tag in ("US", "GB")}
    for tag in ("US", "GB"):
        qbo.control("POST", f"/_sim/companies/{tag}", {"contacts": [{"DisplayName": "Both"}]})
    until(lambda: len(told()) == 2)
    assert {row[0] for row in told()} == realms


def test_quickbooks_merge(qbo, qbo_connect, told):
    qbo_connect("US")
    qbo.control(
        "POST", "/_sim/companies/US", {"contacts": [{"DisplayName": "Stays"}, {"DisplayName": "Goes"}]}
    )
    until(lambda: len(told()) == 2)
    stays, goes = (row[3] for row in told())
    qbo.control("POST", "/_sim/companies/US", {"merge": [{"from": "Goes", "into": "Stays"}]})
    until(lambda: len(told()) == 3)
    assert told()[2][1:] == ("customer", "merged", stays, goes)
    time.sleep(3 * webhooks.GATHERED)
    assert len(told()) == 3, "neither deleted nor updated is told beside"


def test_quickbooks_changes(qbo, qbo_connect, told):
    qbo_connect("US")
    change = {
        "items": [{"Name": "Told", "Type": "Service", "IncomeAccountRef": {"value": "8"}}],
        "contacts": [{"DisplayName": "Told"}],
    }
    qbo.control("POST", "/_sim/companies/US", change)
    until(lambda: len(told()) == 2)
    assert {row[1:3] for row in told()} == {("item", "created"), ("customer", "created")}
    qbo.control("POST", "/_sim/companies/US", {"contacts": [{"DisplayName": "Told", "Active": False}]})
    until(lambda: len(told()) == 3)
    assert told()[2][1:3] == ("customer", "updated")
