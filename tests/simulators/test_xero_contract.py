"""Every answer to the calls we use conforms to the project's contract, and to Xero's OpenAPI files where they are."""

import json
import sys

import contract
import pytest

from simulators.common import jsonio


@pytest.fixture(scope="session")
def spec(specs):
    pytest.importorskip("openapi_schema_validator")
    sys.path.insert(0, str(specs))
    from xero_checker import Spec

    return {
        "accounting": Spec(specs / "xero" / "xero_accounting.yaml"),
        "identity": Spec(specs / "xero" / "xero-identity.yaml"),
    }


def _answers(us, invoice, sim):
    """(method, path of the specification, answer, form) of every call that we use, in one round."""
    contact = us.contact("Town Council")
    yield "GET", "/Organisation", us.call("GET", "Organisation"), contract.envelope("Organisations")
    for path, name in (("/Accounts", "Accounts"), ("/TaxRates", "TaxRates"), ("/Currencies", "Currencies")):
        yield "GET", path, us.call("GET", name), contract.envelope(name)
    branches = {"Name": "Branch", "Options": ["North", {"Name": "South", "Status": "ARCHIVED"}]}
    sim.control("POST", "/_sim/organisations/US", {"tracking": [branches]})
    tracked = us.call("GET", "TrackingCategories", params={"includeArchived": "true"})
    yield "GET", "/TrackingCategories", tracked, contract.envelope("TrackingCategories")
    yield "GET", "/Contacts", us.call("GET", "Contacts"), contract.envelope("Contacts")
    for params in ({"page": 1, "pageSize": 1000, "includeArchived": "true"}, {"summaryOnly": "true"}):
        yield "GET", "/Contacts", us.call("GET", "Contacts", params=params), contract.envelope("Contacts")
    yield (
        "GET",
        "/Contacts/{ContactID}",
        us.call("GET", f"Contacts/{contact['ContactID']}"),
        contract.envelope("Contacts"),
    )
    body = {
        "Contacts": [
            {
                "Name": "Whole Contact",
                "ContactNumber": "db1-77",
                "FirstName": "Wanda",
                "LastName": "Whole",
                "EmailAddress": "w@whole.example",
                "Phones": [{"PhoneType": "MOBILE", "PhoneNumber": "123"}],
                "Addresses": [{"AddressType": "STREET", "AddressLine1": "1 Way", "City": "Town"}],
                "ContactPersons": [{"FirstName": "P", "EmailAddress": "p@whole.example"}],
                "DefaultCurrency": "EUR",
            }
        ]
    }
    yield "PUT", "/Contacts", us.call("PUT", "Contacts", body), contract.envelope("Contacts")
    yield "POST", "/Contacts", us.call("POST", "Contacts", body), contract.envelope("Contacts")
    yield (
        "POST",
        "/Contacts/{ContactID}",
        us.call("POST", f"Contacts/{contact['ContactID']}", {"AccountNumber": "9"}),
        (contract.envelope("Contacts")),
    )
    for params in ({}, {"unitdp": 4}):
        yield "GET", "/Items", us.call("GET", "Items", params=params), contract.envelope("Items")
    item = {
        "Items": [
            {"Code": "C-1", "Name": "n", "SalesDetails": {"UnitPrice": "1.23456", "AccountCode": "200"}}
        ]
    }
    made = us.call("PUT", "Items", item, {"unitdp": 4})
    yield "PUT", "/Items", made, contract.envelope("Items")
    yield "POST", "/Items", us.call("POST", "Items", item), contract.envelope("Items")
    item_id = made.json()["Items"][0]["ItemID"]
    yield "GET", "/Items/{ItemID}", us.call("GET", f"Items/{item_id}"), contract.envelope("Items")
    yield (
        "POST",
        "/Items/{ItemID}",
        us.call("POST", f"Items/{item_id}", {"Name": "m"}),
        contract.envelope("Items"),
    )
    yield from _invoice_answers(us, invoice, sim)


def _invoice_answers(us, invoice, sim):
    lines = [
        {
            "Description": "a",
            "Quantity": "1.3333",
            "UnitAmount": "9.9999",
            "AccountCode": "200",
            "DiscountRate": "7.5",
            "Tracking": [{"Name": "Branch", "Option": "North"}],
        },
        {"ItemCode": "VALVE-15", "Quantity": 2},
        {"Description": "text only"},
    ]
    full = contract.envelope("Invoices")
    made = us.call(
        "PUT", "Invoices", {"Invoices": [invoice(LineItems=lines, CurrencyCode="EUR")]}, {"unitdp": 4}
    )
    yield "PUT", "/Invoices", made, full
    key = made.json()["Invoices"][0]["InvoiceID"]
    yield "GET", "/Invoices/{InvoiceID}", us.call("GET", f"Invoices/{key}", params={"unitdp": 4}), full
    yield (
        "POST",
        "/Invoices/{InvoiceID}",
        us.call("POST", f"Invoices/{key}", {"Invoices": [{"Reference": "r"}]}),
        full,
    )
    mixed = {
        "Invoices": [invoice(), invoice(DueDate=None), invoice(Status="DRAFT", DueDate=None, LineItems=None)]
    }
    answer = us.call("PUT", "Invoices", mixed, {"summarizeErrors": "false"})
    good = {**full, "Invoices": lambda elements: all(
        not contract.violations(e, contract.REFUSED if e["StatusAttributeString"] == "ERROR" else full["Invoices"][0])
        for e in elements
    )}  # fmt: skip
    yield "PUT", "/Invoices", answer, good
    paid = made.json()["Invoices"][0]["InvoiceID"]
    sim.control("POST", "/_sim/organisations/US", {"invoices": [{"InvoiceID": paid, "action": "pay"}]})
    yield "GET", "/Invoices/{InvoiceID}", us.call("GET", f"Invoices/{paid}"), full
    listed = contract.envelope("Invoices", contract.LISTED_INVOICE)
    for params in ({"page": 1, "unitdp": 4}, {}, {"summaryOnly": "true"}):
        yield "GET", "/Invoices", us.call("GET", "Invoices", params=params), listed
    yield from _payment_answers(us, invoice)
    void = next(e["InvoiceID"] for e in answer.json()["Invoices"] if e.get("Status") == "AUTHORISED")
    yield (
        "POST",
        "/Invoices",
        us.call("POST", "Invoices", {"Invoices": [{"InvoiceID": void, "Status": "VOIDED"}]}),
        full,
    )


def _payment_answers(us, invoice):
    key = us.put("Invoices", invoice(CurrencyCode="EUR"))[0]["InvoiceID"]
    form = contract.envelope("Payments")
    body = {
        "Invoice": {"InvoiceID": key},
        "Account": {"Code": "090"},
        "Date": "2026-10-01",
        "Amount": "15.00",
    }
    made = us.call("PUT", "Payments", {"Payments": [{**body, "Reference": "cheque"}]})
    yield "PUT", "/Payments", made, form
    yield "POST", "/Payments", us.call("POST", "Payments", {**body, "CurrencyRate": "0.91"}), form
    for params in ({}, {"page": 1, "pageSize": 1}):
        yield "GET", "/Payments", us.call("GET", "Payments", params=params), form
    path = f"Payments/{made.json()['Payments'][0]['PaymentID']}"
    yield "GET", "/Payments/{PaymentID}", us.call("GET", path), form
    yield "POST", "/Payments/{PaymentID}", us.call("POST", path, {"Status": "DELETED"}), form


def test_answers_keep_the_contract(us, invoice, sim):
    seen = 0
    for method, path, answer, form in _answers(us, invoice, sim):
        assert answer.status_code == 200, f"{method} {path}: {answer.text}"
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert contract.violations(jsonio.loads(answer.content), form) == [], f"{method} {path}"
        seen += 1
    assert seen >= 30


def test_answers_conform_to_the_openapi_files(us, invoice, sim, spec):
    for method, path, answer, _form in _answers(us, invoice, sim):
        errors = spec["accounting"].errors_for(method, path, json.loads(answer.content), "200")
        assert errors == [], f"{method} {path}: {errors}"


def test_refusals_keep_contract_and_openapi(us, invoice, request):
    answer = us.call("PUT", "Invoices", {"Invoices": [invoice(DueDate=None, LineItems=[])]})
    assert answer.status_code == 400
    assert contract.violations(jsonio.loads(answer.content), contract.VALIDATION_EXCEPTION) == []
    contacts = us.call("PUT", "Contacts", {"Contacts": [{"Name": "Town Council"}]})
    assert contract.violations(jsonio.loads(contacts.content), contract.VALIDATION_EXCEPTION) == []
    spec = request.getfixturevalue("spec")["accounting"]
    assert spec.errors_for("PUT", "/Invoices", answer.json(), "400") == []
    assert spec.errors_for("PUT", "/Contacts", contacts.json(), "400") == []


def test_connections_keep_contract_and_openapi(us, request):
    answer = us.session.get(f"{us.server.base_url}/connections", timeout=10)
    assert contract.violations(jsonio.loads(answer.content), [contract.CONNECTION]) == []
    spec = request.getfixturevalue("spec")["identity"]
    assert spec.errors_for("GET", "/Connections", answer.json(), "200") == []


def test_contract_notices_departures():
    """The contract itself: a float-like amount, a date without zone, a missing field are departures."""
    good = {"Name": "GST", "Rate": jsonio.loads("10.0000"), "IsCompound": False}
    form = contract.TAX_RATE["TaxComponents"]
    assert contract.violations([good], form) == []
    assert contract.violations([{**good, "Rate": jsonio.loads("10.0")}], form)
    assert contract.violations([{**good, "Rate": 10}], form)
    assert contract.violations([{"Name": "GST", "IsCompound": False}], form)
    assert contract.violations(["x"], form)
    assert contract.violations("/Date(1)/", "date")
    assert contract.violations("/Date(1+0000)/", "time_bare")
