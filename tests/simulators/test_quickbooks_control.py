"""The control endpoints and the ordered faults of the QuickBooks simulator."""

import json
import subprocess
import sys

import pytest
import requests
from qbo_kit import ACCOUNTING, REALMS, sales_line

from simulators.quickbooks.server import start_in_thread


def refused(server, path, body):
    answer = requests.post(f"{server.base_url}{path}", json=body, timeout=10)
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


# === WHAT MAKES NO SENSE === #


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_sim/reset", {"seed": "huge"}),
        ("/_sim/reset", {"contacts": -1}),
        ("/_sim/reset", {"companies": ["XX"]}),
        ("/_sim/tokens", {}),
        ("/_sim/tokens", {"explode": True}),
        ("/_sim/tokens", {"disconnect": "XX"}),
        ("/_sim/tokens", {"issue": {"company": "XX"}}),
        ("/_sim/tokens", {"issue": {"email": "nobody@example.com"}}),
        ("/_sim/tokens", {"issue": {"scopes": ["accounting.contacts"]}}),
        ("/_sim/limits", {"hour": 1}),
        ("/_sim/limits", {"minute": "many"}),
        ("/_sim/clock", {}),
        ("/_sim/faults", {"fault": "earthquake"}),
        ("/_sim/faults", {"fault": "429:hour"}),
        ("/_sim/faults", {"fault": "lowercase", "after": True}),
        ("/_sim/companies/XX", {}),
        ("/_sim/companies/US", {"Shoe": 1}),
        ("/_sim/companies/US", {"status": "gone"}),
        ("/_sim/companies/US", {"contacts": [{"Id": "999", "Notes": "x"}]}),
        ("/_sim/companies/US", {"contacts": [{"DisplayName": "A:B"}]}),
        ("/_sim/companies/US", {"contacts": 5}),
        ("/_sim/companies/US", {"invoices": [{"DocNumber": "none", "action": "void"}]}),
        ("/_sim/companies/US", {"invoices": [{"DocNumber": "none", "action": "explode"}]}),
        ("/_sim/companies/US", {"merge": [{"from": "Nobody", "into": "Nobody"}]}),
    ],
)
def test_nonsense_is_said_in_a_sentence(qbo, path, body):
    assert refused(qbo, path, body).strip()


def test_a_change_that_fails_in_the_middle_changes_nothing(qbo, qbo_us):
    refused(qbo, "/_sim/companies/US", {"contacts": [{"DisplayName": "Half"}, {"DisplayName": "A:B"}]})
    assert qbo_us.query("SELECT count(*) FROM Customer WHERE DisplayName = 'Half'") == {"totalCount": 0}


def test_xeros_faults_know_nothing_of_ours(server):
    assert "unknown fault" in refused(server, "/_sim/faults", {"fault": "lowercase"})


# === STATE AND CHANGES === #


def test_state_tells_counts_and_entities(qbo, qbo_us):
    qbo_us.post("Invoice", qbo_us.invoice(DocNumber="S-1"))
    state = qbo.control("GET", "/_sim/state?tenant=US&entities=invoices,preferences,company,projects")
    (company,) = state["companies"].values()
    assert company["counts"]["invoices"] == 1
    assert company["counts"]["projects"] == len(company["projects"]) == 4
    assert company["invoices"][0]["DocNumber"] == "S-1"
    assert company["invoices"][0]["Line"]
    assert company["company"]["CompanyName"] == "Lakeside Field Services LLC"
    assert "contacts" not in company
    assert state["connections"][0]["realm"] == REALMS["US"]
    assert "access_token" not in json.dumps(state)
    whole = qbo.control("GET", "/_sim/state")["companies"]
    assert set(whole) == set(REALMS.values())
    assert whole[REALMS["GB"]]["tax_codes"]


def test_what_a_bookkeeper_does(qbo, qbo_us):
    qbo_us.control(contacts=[{"DisplayName": "Town Council", "rename": "City Council", "Notes": "n"}])
    council = qbo_us.customer("City Council")
    assert (council["Notes"], council["SyncToken"], council["Id"]) == ("n", "1", "3")
    (key,) = qbo_us.control(items=[{"Sku": "LABOR-1", "UnitPrice": 90}])["items"]
    assert qbo_us.get(f"item/{key}")["Item"]["UnitPrice"] == 90
    (key,) = qbo_us.control(items=[{"Name": "Brand New"}])["items"]
    assert qbo_us.get(f"item/{key}")["Item"]["Type"] == "Service"
    body = {"CustomerRef": {"value": "3"}, "DocNumber": "H-1", "Line": [sales_line(10, TaxCodeRef="NON")]}
    (key,) = qbo_us.control(invoices=[body])["invoices"]
    qbo_us.control(invoices=[{"DocNumber": "H-1", "PrivateNote": "seen"}])
    qbo_us.control(invoices=[{"DocNumber": "H-1", "action": "pay", "amount": 4}])
    qbo_us.control(invoices=[{"DocNumber": "H-1", "action": "send", "to": "x@y.example"}])
    invoice = qbo_us.get(f"invoice/{key}")["Invoice"]
    assert (invoice["Balance"], invoice["PrivateNote"], invoice["EmailStatus"]) == (6, "seen", "EmailSent")
    qbo_us.control(invoices=[{"Id": key, "action": "delete"}])
    assert qbo_us.fault(qbo_us.call("GET", f"invoice/{key}"))[0] == "610"


def test_company_lists_and_preferences_change(qbo, qbo_us):
    before = qbo_us.get("preferences")["Preferences"]["SyncToken"]
    qbo_us.control(
        CompanyName="Renamed LLC",
        CustomTxnNumbers=False,
        tax_rates=[{"Id": "3", "RateValue": 10}],
        accounts=[{"Id": "8", "Name": "Sales of Work"}, {"Name": "Brand New Income", "AcctNum": "4500"}],
    )
    after = qbo_us.get("preferences")["Preferences"]
    assert after["SalesFormsPrefs"]["CustomTxnNumbers"] is False
    assert int(after["SyncToken"]) == int(before) + 1
    assert qbo_us.get(f"companyinfo/{qbo_us.realm}")["CompanyInfo"]["CompanyName"] == "Renamed LLC"
    assert str(qbo_us.post("Invoice", qbo_us.invoice())["TxnTaxDetail"]["TotalTax"]) == "18.75"
    assert qbo_us.get("account/8")["Account"]["Name"] == "Sales of Work"
    found = qbo_us.query("SELECT * FROM Account WHERE Name = 'Brand New Income'")["Account"][0]
    assert found["AcctNum"] == "4500"
    qbo_us.control(MultiCurrencyEnabled=True, currencies=["EUR"])
    made = qbo_us.post("Customer", {"DisplayName": "Euro", "CurrencyRef": {"value": "EUR"}})
    assert made["CurrencyRef"]["value"] == "EUR"


def test_tokens_expire_and_go(qbo, qbo_browser):
    tokens = qbo.control("POST", "/_sim/tokens", {"issue": {"tenants": ["GB"], "scopes": [ACCOUNTING]}})
    assert tokens["realmId"] == REALMS["GB"]
    assert qbo_browser.info(tokens["access_token"], REALMS["GB"]).status_code == 200
    qbo.control("POST", "/_sim/tokens", {"expire": True})
    assert qbo_browser.info(tokens["access_token"], REALMS["GB"]).status_code == 401
    fresh = qbo_browser.refresh(tokens["refresh_token"]).json()
    assert qbo_browser.info(fresh["access_token"], REALMS["GB"]).status_code == 200
    qbo.control("POST", "/_sim/tokens", {"expire_refresh": True})
    assert qbo_browser.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert qbo_browser.info(fresh["access_token"], REALMS["GB"]).status_code == 200
    assert qbo.control("POST", "/_sim/tokens", {"revoke": True}) == {"connections": 0, "refresh_tokens": 0}
    assert qbo_browser.info(fresh["access_token"], REALMS["GB"]).status_code == 401


def test_reset_may_keep_connections_and_generates_the_same_again(qbo, qbo_us):
    wanted = {"seed": "empty", "contacts": 20, "items": 3, "companies": ["US"], "keep_connections": True}
    qbo.control("POST", "/_sim/reset", wanted)
    first = qbo_us.query("SELECT * FROM Customer")["Customer"]
    assert len(first) == 20
    assert {len(c.get("PrimaryEmailAddr", {})) for c in first} == {0, 1}
    qbo.control("POST", "/_sim/reset", wanted)
    assert [c["DisplayName"] for c in qbo_us.query("SELECT * FROM Customer")["Customer"]] == [
        c["DisplayName"] for c in first
    ]
    qbo.control("POST", "/_sim/reset", {})
    assert qbo_us.call("GET", "preferences").status_code == 401


def test_a_reset_goes_back_to_a_bookmark(qbo, qbo_us):
    later = "SELECT count(*) FROM Customer WHERE DisplayName = 'Came Later'"
    qbo.control("POST", "/_sim/bookmarks", {"name": "connected"})
    for _time in range(2):
        qbo.control("POST", "/_sim/companies/US", {"contacts": [{"DisplayName": "Came Later"}]})
        assert qbo_us.query(later) == {"totalCount": 1}
        qbo.control("POST", "/_sim/reset", {"bookmark": "connected"})
        assert qbo_us.query(later) == {"totalCount": 0}


def test_the_log_names_purposes_and_no_values(qbo, qbo_us, qbo_browser):
    secret = qbo_browser.exchange(qbo_browser.connect()["code"]).json()
    qbo_us.query("SELECT * FROM Customer WHERE DisplayName = 'Amelia'")
    qbo_us.get("customer/1")
    made = qbo_us.post("Invoice", qbo_us.invoice(), requestid="k-1")
    qbo_us.post("Invoice", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "x"})
    qbo_us.post("Invoice", {"Id": made["Id"], "SyncToken": "1"}, operation="void")
    qbo_us.get("companyinfo/" + qbo_us.realm)
    entries = qbo.control("GET", "/_sim/requests")["requests"]
    purposes = [entry["purpose"] for entry in entries]
    assert purposes[-7:] == [
        "contacts.list",
        "contacts.read",
        "contacts.list",
        "invoices.create",
        "invoices.update",
        "invoices.void",
        "companyinfo.read",
    ]
    assert {"oauth.authorize", "oauth.token"} <= set(purposes)
    assert next(e for e in entries if e["purpose"] == "invoices.create")["key"] == "k-1"
    assert entries[-1]["tenant"] == REALMS["US"]
    text = json.dumps(entries)
    for value in ("Amelia", secret["access_token"], secret["refresh_token"]):
        assert value not in text


# === FAULTS === #


@pytest.mark.parametrize(("fault", "code"), [("fault200", "6000"), ("fault200:5010", "5010")])
def test_a_fault_with_200(qbo, qbo_us, fault, code):
    qbo.control("POST", "/_sim/faults", {"fault": fault, "path": "/customer$"})
    answer = qbo_us.call("POST", "customer", {"DisplayName": "Not Made"})
    assert qbo_us.fault(answer, 200)[0] == code
    assert qbo_us.query("SELECT count(*) FROM Customer WHERE DisplayName = 'Not Made'") == {"totalCount": 0}


def test_the_other_spelling_of_a_fault(qbo, qbo_us):
    qbo.control("POST", "/_sim/faults", {"fault": "lowercase", "times": 2})
    answer = qbo_us.call("POST", "customer", {"DisplayName": "Town Council"})
    assert answer.status_code == 400
    error = answer.json()["fault"]["error"][0]
    assert (error["code"], error["message"]) == ("6240", "Duplicate Name Exists Error")
    assert "Fault" not in answer.json()
    assert qbo_us.get("customer/1")["Customer"]["Id"] == "1", "what is no fault stays"


@pytest.mark.parametrize("problem", ["minute", "day", "concurrent", "appminute"])
def test_every_limit_answers_alike(qbo, qbo_us, problem):
    qbo.control("POST", "/_sim/faults", {"fault": f"429:{problem}"})
    answer = qbo_us.call("GET", "preferences")
    assert qbo_us.fault(answer, 429)[0] == "3001"
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (503, "Service Unavailable"),
        (500, "10000"),
        (502, "10000"),
        (401, "3200"),
        (403, "3100"),
        (404, "610"),
        (400, "6000"),
    ],
)
def test_answers_of_a_status(qbo, qbo_us, status, text):
    qbo.control("POST", "/_sim/faults", {"fault": f"status:{status}"})
    answer = qbo_us.call("GET", "preferences")
    assert answer.status_code == status
    assert text in answer.text


def test_token_endpoint_has_faults_of_its_own(qbo, qbo_browser):
    qbo.control("POST", "/_sim/faults", {"fault": "status:400", "path": "/tokens/bearer"})
    assert qbo_browser.refresh("x").json() == {"error": "invalid_grant"}
    qbo.control("POST", "/_sim/faults", {"fault": "status:503", "path": "/tokens/bearer"})
    assert qbo_browser.refresh("x").status_code in (400, 503)


def test_network_faults(qbo, qbo_us):
    for fault in ("reset", "timeout_before"):
        qbo.control("POST", "/_sim/faults", {"fault": fault, "path": "/customer$"})
        with pytest.raises(requests.RequestException):
            qbo_us.call("POST", "customer", {"DisplayName": "Before"}, timeout=1)
    for fault in ("reset_after", "timeout_after"):
        qbo.control("POST", "/_sim/faults", {"fault": fault, "path": "/customer$"})
        with pytest.raises(requests.RequestException):
            qbo_us.call("POST", "customer", {"DisplayName": f"After {fault}"}, timeout=1)
    assert qbo_us.query("SELECT count(*) FROM Customer WHERE DisplayName = 'Before'") == {"totalCount": 0}
    assert qbo_us.query("SELECT count(*) FROM Customer WHERE DisplayName LIKE 'After%'") == {"totalCount": 2}


def test_answers_that_are_no_proper_json(qbo, qbo_us):
    for fault in ("html", "empty", "wrong_content_type", "truncated"):
        qbo.control("POST", "/_sim/faults", {"fault": fault, "path": "/preferences$"})
    assert qbo_us.call("GET", "preferences").text.startswith("<html>")
    assert qbo_us.call("GET", "preferences").content == b""
    assert qbo_us.call("GET", "preferences").headers["Content-Type"].startswith("text/plain")
    with pytest.raises(requests.RequestException):
        qbo_us.call("GET", "preferences")


def test_unknown_values_and_nulls(qbo, qbo_us):
    qbo.control("POST", "/_sim/faults", {"fault": "unknown_enum", "path": "/item/2$"})
    assert qbo_us.get("item/2")["Item"]["Type"] == "SomethingNew"
    qbo.control("POST", "/_sim/faults", {"fault": "null_value", "path": "/query$"})
    element = qbo_us.query("SELECT * FROM Customer")["Customer"][0]
    assert element["DisplayName"] is None
    assert element["Id"] == "1"
    assert qbo_us.get("item/2")["Item"]["Type"] == "Service"


# === THE PROCESS === #


def test_state_survives_a_restart(tmp_path):
    with start_in_thread(state_dir=tmp_path) as first:
        tokens = first.control("POST", "/_sim/tokens", {"issue": {"company": "US"}})
        first.control(
            "POST", "/_sim/companies/US", {"contacts": [{"DisplayName": "Kept", "CreditLimit": "10.50"}]}
        )
    with start_in_thread(state_dir=tmp_path) as second:
        answer = requests.post(
            f"{second.base_url}/v3/company/{tokens['realmId']}/query",
            data="SELECT * FROM Customer WHERE DisplayName = 'Kept'",
            headers={"Authorization": f"Bearer {tokens['access_token']}"},
            timeout=10,
        )
        assert answer.json()["QueryResponse"]["Customer"][0]["SyncToken"] == "0"
        for path in ("customers", "items", "invoices"):
            query = {"companyId": tokens["realmId"]}
            assert requests.get(f"{second.base_url}/app/{path}", params=query, timeout=10).status_code == 200


def test_only_loopback_and_only_one_process_a_directory(tmp_path):
    command = [sys.executable, "-m", "simulators.quickbooks", "--port", "0"]
    out = subprocess.run([*command, "--host", "0.0.0.0"], capture_output=True, text=True, timeout=60)  # noqa: S104
    assert out.returncode == 2
    assert "loopback" in out.stderr
    with start_in_thread(state_dir=tmp_path):
        out = subprocess.run(
            [*command, "--state-dir", str(tmp_path)], capture_output=True, text=True, timeout=60
        )
    assert out.returncode == 2
    assert "in use" in out.stderr


def test_nothing_is_taken_from_the_addon():
    code = (
        "import sys, simulators.quickbooks.server as s; s.QuickBooksSimulator(); "
        "print([m for m in sys.modules if 'fieldpromax' in m or m == 'odoo'])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert out.stdout.strip() == "[]", out.stderr
