"""Who may call, limits, company status, requestid, and what the API says of a request that makes no sense."""

import threading

import pytest
import requests
from qbo_kit import REALMS, sales_line

# === REQUESTS THAT MAKE NO SENSE === #


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "nothing/1", "500"),
        ("POST", "nothing", "500"),
        ("GET", "customer", "500"),
        ("GET", "customer/999999", "610"),
        ("GET", "invoice/999999", "610"),
        ("GET", "companyinfo/123", "610"),
        ("DELETE", "customer/1", "500"),
        ("PUT", "invoice", "500"),
        ("GET", "batch", "500"),
        ("POST", "customer/1/send", "500"),
        ("POST", "account", "500"),
    ],
)
def test_unknown_addresses_and_operations(qbo_us, method, path, code):
    body = {} if method == "POST" else None
    assert qbo_us.fault(qbo_us.call(method, path, body))[0] == code


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 5000, b'{"DisplayName": NaN}']
)
def test_bodies_that_cannot_be_read(qbo_us, body):
    headers = {"Content-Type": "application/json"}
    assert qbo_us.fault(qbo_us.call("POST", "customer", body, headers=headers))[0] == "2010"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"DisplayName": "A", "Unheard": 1}, "2010"),
        ({"DisplayName": ["A"]}, "2010"),
        ({"DisplayName": "A", "PrimaryEmailAddr": "a@b.c"}, "2010"),
        ({"DisplayName": "A", "PrimaryEmailAddr": {"Mail": "a@b.c"}}, "2010"),
        ({"DisplayName": "A", "Active": "perhaps"}, "2010"),
        ({"DisplayName": "A", "CreditLimit": "many"}, "2080"),
        ({"DisplayName": "A", "OpenBalanceDate": "tomorrow"}, "2090"),
    ],
)
def test_properties_must_be_known_and_of_their_type(qbo_us, values, code):
    assert qbo_us.refused("Customer", values)[0] == code


def test_operation_must_be_known(qbo_us):
    assert qbo_us.refused("Customer", {"Id": "1"}, operation="explode")[0] == "500"
    assert qbo_us.refused("Customer", {"Id": "1", "SyncToken": "0"}, operation="delete")[0] == "500"
    assert qbo_us.refused("Item", {"Id": "2", "SyncToken": "0"}, operation="delete")[0] == "500"


def test_every_answer_has_an_intuit_tid(qbo_us, qbo):
    seen = {
        qbo_us.call("GET", f"companyinfo/{qbo_us.realm}").headers["intuit_tid"],
        qbo_us.call("GET", "customer/999999").headers["intuit_tid"],
        requests.get(f"{qbo.base_url}/v3/company/1/customer/1", timeout=10).headers["intuit_tid"],
        qbo_us.session.post(f"{qbo.base_url}/graphql", data=b"{", timeout=10).headers["intuit_tid"],
    }
    assert len(seen) == 4


# === COMPANY STATUS === #


@pytest.mark.parametrize(
    ("status", "words"), [("lapsed", "Subscription period has ended"), ("closed", "closed")]
)
def test_lapsed_and_closed_companies_refuse_every_call(qbo_us, status, words):
    qbo_us.control(status=status)
    for method, path, body in (
        ("GET", f"companyinfo/{qbo_us.realm}", None),
        ("POST", "customer", {"DisplayName": "A"}),
        ("POST", "batch", {"BatchItemRequest": []}),
    ):
        code, detail = qbo_us.fault(qbo_us.call(method, path, body))
        assert code == "6190"
        assert words in detail
    assert "errors" in qbo_us.graphql("{projectManagementProject(id: 1) {id}}", status=403)
    qbo_us.control(status="active")
    assert qbo_us.call("GET", f"companyinfo/{qbo_us.realm}").status_code == 200


def test_disconnected_company_refuses_with_3100_and_refreshes_nothing(qbo, qbo_browser):
    tokens = qbo.control("POST", "/_sim/tokens", {"issue": {"company": "US"}})
    qbo.control("POST", "/_sim/tokens", {"disconnect": "US"})
    answer = qbo_browser.info(tokens["access_token"])
    assert answer.status_code == 403
    assert answer.json()["fault"]["error"][0]["code"] == "3100"
    assert qbo_browser.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    again = qbo.control("POST", "/_sim/tokens", {"issue": {"company": "US"}})
    assert qbo_browser.info(again["access_token"]).status_code == 200


# === LIMITS === #


def throttled(answer):
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
    body = answer.json()["Fault"]
    assert body["type"] == "SERVICE"
    assert body["Error"][0]["code"] == "3001"
    assert "statusCode=429" in body["Error"][0]["Message"]


def test_calls_a_minute_of_one_company(qbo, qbo_us, qbo_gb):
    qbo.control("POST", "/_sim/limits", {"minute": 2})
    for _ in range(2):
        assert qbo_us.call("GET", "preferences").status_code == 200
    throttled(qbo_us.call("GET", "preferences"))
    throttled(qbo_us.session.post(f"{qbo.base_url}/graphql", json={"query": "{x}"}, timeout=10))
    assert qbo_gb.call("GET", "preferences").status_code == 200
    # A batch has a limit of its own, and a window passes.
    assert qbo_us.batch({"bId": "1", "Query": "select * from Term"})
    qbo.control("POST", "/_sim/clock", {"advance_seconds": 60})
    assert qbo_us.call("GET", "preferences").status_code == 200


def test_batches_a_minute(qbo, qbo_us):
    qbo.control("POST", "/_sim/limits", {"batch": 1})
    qbo_us.batch({"bId": "1", "Query": "select * from Term"})
    throttled(qbo_us.call("POST", "batch", {"BatchItemRequest": []}))
    assert qbo_us.call("GET", "preferences").status_code == 200


def test_calls_of_all_kinds_a_minute(qbo, qbo_us):
    qbo.control("POST", "/_sim/limits", {"appminute": 2})
    qbo_us.get("preferences")
    qbo_us.batch({"bId": "1", "Query": "select * from Term"})
    throttled(qbo_us.call("GET", "preferences"))


def test_calls_in_progress(qbo, qbo_us):
    qbo.control("POST", "/_sim/limits", {"concurrent": 1})
    qbo.control("POST", "/_sim/faults", {"fault": "slow:1.5", "path": "/preferences$"})
    running = threading.Thread(target=qbo_us.get, args=("preferences",))
    running.start()
    while not qbo.control("GET", "/_sim/requests?purpose=preferences.read")["count"]:
        pass
    throttled(qbo_us.call("GET", f"companyinfo/{qbo_us.realm}"))
    running.join()
    assert qbo_us.call("GET", f"companyinfo/{qbo_us.realm}").status_code == 200


# === REQUESTID === #


def test_the_same_requestid_answers_as_the_first_time_whatever_the_body(qbo, qbo_us):
    first = qbo_us.call("POST", "customer", {"DisplayName": "Once Only"}, {"requestid": "r-1"})
    second = qbo_us.call("POST", "customer", {"DisplayName": "Once Only"}, {"requestid": "r-1"})
    other = qbo_us.call("POST", "customer", {"DisplayName": "Another"}, {"requestid": "r-1"})
    assert first.content == second.content == other.content
    assert qbo_us.query("SELECT count(*) FROM Customer WHERE DisplayName = 'Once Only'") == {"totalCount": 1}
    assert qbo_us.query("SELECT count(*) FROM Customer WHERE DisplayName = 'Another'") == {"totalCount": 0}
    entries = qbo.control("GET", "/_sim/requests?key=r-1")["requests"]
    assert [bool(entry.get("replayed")) for entry in entries] == [False, True, True]


def test_a_refusal_is_replayed_too_and_ids_are_of_one_company(qbo_us, qbo_connect):
    assert qbo_us.refused("Customer", {"DisplayName": "Town Council"}, requestid="r-2")[0] == "6240"
    assert qbo_us.refused("Customer", {"DisplayName": "Fresh"}, requestid="r-2")[0] == "6240"
    other = qbo_connect("US2")
    assert other.post("Customer", {"DisplayName": "Fresh"}, requestid="r-2")["DisplayName"] == "Fresh"


def test_failures_of_the_server_are_not_kept(qbo, qbo_us):
    qbo.control("POST", "/_sim/faults", {"fault": "status:503", "path": "/customer$"})
    assert qbo_us.call("POST", "customer", {"DisplayName": "Late"}, {"requestid": "r-3"}).status_code == 503
    assert qbo_us.post("Customer", {"DisplayName": "Late"}, requestid="r-3")["DisplayName"] == "Late"


def test_requestid_outlives_time_and_covers_delete_and_void(qbo, qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    body = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"]}
    first = qbo_us.call("POST", "invoice", body, {"operation": "void", "requestid": "v"})
    assert first.json()["Invoice"]["TotalAmt"] == 0
    again = qbo_us.call("POST", "invoice", body, {"operation": "void", "requestid": "v"})
    assert again.content == first.content
    assert qbo_us.refused("Invoice", body, operation="void")[0] == "5010"


def test_overlong_requestids(qbo_us):
    assert qbo_us.refused("Customer", {"DisplayName": "A"}, requestid="x" * 51)[0] == "2050"
    answer = qbo_us.call("POST", "batch", {"BatchItemRequest": []}, {"requestid": "x" * 37})
    assert qbo_us.fault(answer)[0] == "2050"


def test_lost_answers_are_found_again_by_requestid(qbo, qbo_us):
    qbo.control("POST", "/_sim/faults", {"fault": "reset_after", "path": "/invoice$"})
    with pytest.raises(requests.ConnectionError):
        qbo_us.call("POST", "invoice", qbo_us.invoice(DocNumber="LOST-1"), {"requestid": "lost"})
    found = qbo_us.post("Invoice", qbo_us.invoice(DocNumber="LOST-1"), requestid="lost")
    assert qbo_us.query("SELECT * FROM Invoice WHERE DocNumber = 'LOST-1'")["Invoice"][0]["Id"] == found["Id"]


# === SETTINGS === #


@pytest.mark.parametrize(
    ("company", "numbers", "automated", "projects", "currency", "several"),
    [
        ("US", True, True, "true", "USD", False),
        ("US2", False, True, "false", "USD", False),
        ("GB", False, False, "true", "GBP", True),
        ("AU", True, False, "true", "AUD", False),
    ],
)
def test_preferences_tell_what_differs(qbo_connect, company, numbers, automated, projects, currency, several):
    calls = qbo_connect(company)
    assert calls.realm == REALMS[company]
    values = calls.get("preferences")["Preferences"]
    assert values["SalesFormsPrefs"]["CustomTxnNumbers"] is numbers
    assert values["TaxPrefs"]["PartnerTaxEnabled"] is automated
    assert values["CurrencyPrefs"] == {
        "MultiCurrencyEnabled": several,
        "HomeCurrency": {"value": currency},
    }
    other = {entry["Name"]: entry["Value"] for entry in values["OtherPrefs"]["NameValue"]}
    assert other["ProjectsEnabled"] == projects
    assert calls.query("SELECT * FROM Preferences")["Preferences"] == [values]


def test_sales_line_defaults_to_the_first_item(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice(Line=[sales_line(10, item=None)]))
    assert invoice["Line"][0]["SalesItemLineDetail"]["ItemRef"] == {"value": "1", "name": "Services"}
