"""Every answer to the calls we use conforms to the project's contract, and to Intuit's field list where it is."""

import json

import pytest
import qbo_contract as contract
from qbo_kit import sales_line

from simulators.common import jsonio

ENTITIES = tuple(
    entity for entity in contract.ENTITIES if entity not in ("CompanyInfo", "Preferences", "Class")
)
#: newer than Intuit's field list, or left open there: an enumeration of its own, a subclass that hides its name
UNLISTED = {"/AccountingInfoPrefs"}


def _documents(company, **more):
    """Bodies that use every kind of line and every field we send."""
    lines = [
        sales_line("24.69", Qty=2, UnitPrice="12.3456", TaxCodeRef=more["code"]),
        {"DetailType": "DescriptionOnly", "Description": "Thanks"},
        {
            "DetailType": "DiscountLineDetail",
            "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": "2.5"},
        },
    ]
    detail = {
        "GroupItemRef": {"value": "10"},
        "Quantity": 1,
        "Line": [sales_line(3, item="5", TaxCodeRef=more["code"])],
    }
    lines.append({"DetailType": "GroupLineDetail", "GroupLineDetail": detail})
    project = company.customer("Town Hall Roof")["Id"]
    return {
        "Invoice": company.invoice(
            Line=lines,
            CurrencyRef={"value": more["currency"]},
            DocNumber="C-1",
            SalesTermRef={"value": "3"},
            BillEmail={"Address": "a@b.example"},
            ProjectRef={"value": project},
            PrivateNote="note",
            CustomerMemo={"value": "memo"},
            BillAddr={"Line1": "1 Way"},
        ),
        "CreditMemo": company.invoice(Line=lines[:1], CurrencyRef={"value": more["currency"]}, DueDate=None),
        "Customer": {
            "DisplayName": "Whole",
            "GivenName": "W",
            "PrimaryEmailAddr": {"Address": "w@w.example"},
            "Mobile": {"FreeFormNumber": "1"},
            "WebAddr": {"URI": "https://w.example"},
            "BillAddr": {"Line1": "1", "City": "C"},
            "SalesTermRef": {"value": "1"},
            "Notes": "n",
            "CurrencyRef": {"value": more["currency"]},
        },
        "Item": {
            "Name": "Whole",
            "Sku": "W",
            "Type": "NonInventory",
            "UnitPrice": "1.5",
            "IncomeAccountRef": {"value": "8"},
        },
    }


def _answers(company, **more):
    """(entity or None, answer, form) of every call that we use, in one round."""
    made = {}
    for entity, body in _documents(company, **more).items():
        answer = company.call("POST", entity.lower(), body)
        made[entity] = answer.json().get(entity)
        yield entity, answer, contract.single(entity)
    invoice = made["Invoice"]
    payment = {
        "CustomerRef": {"value": invoice["CustomerRef"]["value"]},
        "CurrencyRef": {"value": more["currency"]},
        "TotalAmt": 1,
        "Line": [{"Amount": 1, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}],
    }
    yield "Payment", company.call("POST", "payment", payment), contract.single("Payment")
    yield "Invoice", company.call("GET", f"invoice/{invoice['Id']}"), contract.single("Invoice")
    yield "CompanyInfo", company.call("GET", f"companyinfo/{company.realm}"), contract.single("CompanyInfo")
    yield "Preferences", company.call("GET", "preferences"), contract.single("Preferences")
    for entity in ENTITIES:
        active = (
            ""
            if entity in ("Invoice", "CreditMemo", "Payment", "TaxAgency")
            else " WHERE Active IN (true,false)"
        )
        text = f"SELECT * FROM {entity}{active} MAXRESULTS 1000"  # noqa: S608 QuickBooks' own language
        yield entity, company.call("GET", "query", params={"query": text}), contract.listed(entity)
    body = {"Id": made["CreditMemo"]["Id"], "SyncToken": "0"}
    void = company.call("POST", "creditmemo", body, {"operation": "void"})
    yield "CreditMemo", void, contract.single("CreditMemo")


def _elements(entity, answer):
    body = json.loads(answer.content)
    if entity in body:
        return [body[entity]]
    return body["QueryResponse"][entity]


COMPANIES = pytest.mark.parametrize(
    ("tag", "more"),
    [
        ("US", {"code": "TAX", "currency": "USD"}),
        ("GB", {"code": "2", "currency": "GBP"}),
        ("AU", {"code": "2", "currency": "AUD"}),
    ],
)


@COMPANIES
def test_answers_keep_the_contract(qbo_connect, tag, more):
    company, seen = qbo_connect(tag), 0
    for entity, answer, form in _answers(company, **more):
        assert answer.status_code == 200, f"{entity}: {answer.text}"
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert contract.violations(jsonio.loads(answer.content), form) == [], entity
        seen += 1
    assert seen >= 20


@COMPANIES
def test_answers_know_intuits_fields_only(qbo_connect, qbo_checker, tag, more):
    for entity, answer, _form in _answers(qbo_connect(tag), **more):
        for element in _elements(entity, answer):
            found = [
                error
                for error in qbo_checker.check(entity, _without_wire_marks(element))
                if not error[0].startswith(tuple(UNLISTED))
            ]
            assert found == [], f"{entity}: {found}"


def _without_wire_marks(element):
    """``domain`` and ``sparse`` are of the JSON form and not in the field list."""
    return {name: value for name, value in element.items() if name not in ("domain", "sparse", "status")}


def test_batch_cdc_delete_and_count_keep_the_contract(qbo, qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    gone = qbo_us.call("POST", "invoice", {"Id": invoice["Id"], "SyncToken": "0"}, {"operation": "delete"})
    form = {"Invoice": contract.DELETED}
    assert contract.violations(jsonio.loads(gone.content), form) == []
    since = qbo.control("GET", "/_sim/clock")["now"][:10]
    changed = qbo_us.call("GET", "cdc", params={"entities": "Invoice,Customer", "changedSince": since})
    form = {"CDCResponse": [{"QueryResponse": [{"Invoice?": [contract.DELETED]}]}]}
    assert contract.violations(jsonio.loads(changed.content), form) == []
    batch = {
        "BatchItemRequest": [
            {"bId": "1", "operation": "create", "Invoice": qbo_us.invoice()},
            {"bId": "2", "operation": "create", "Invoice": {}},
        ]
    }
    body = jsonio.loads(qbo_us.call("POST", "batch", batch).content)
    good, bad = body["BatchItemResponse"]
    assert contract.violations(good, {"Invoice": contract.ENTITIES["Invoice"], "bId": "text"}) == []
    assert contract.violations(bad, {"Fault": contract.FAULT["Fault"], "bId": "text"}) == []


def test_refusals_and_tokens_keep_the_contract(qbo, qbo_us, qbo_browser):
    for answer in (
        qbo_us.call("POST", "invoice", {}),
        qbo_us.call("GET", "customer/999"),
        qbo_us.call("GET", "query", params={"query": "x"}),
        qbo_us.call("POST", "customer", {"DisplayName": "Town Council"}),
    ):
        assert contract.violations(jsonio.loads(answer.content), contract.FAULT) == []
    answer = qbo_browser.info("nonsense")
    assert contract.violations(jsonio.loads(answer.content), contract.GATEWAY) == []
    tokens = qbo_browser.exchange(qbo_browser.connect()["code"])
    assert contract.violations(jsonio.loads(tokens.content), contract.TOKENS) == []


def test_contract_notices_departures():
    """The contract itself: amounts with needless zeros, times without zone and missing fields are departures."""
    good = jsonio.loads(json.dumps({"Amount": 1, "LinkedTxn": []}))
    form = contract.ENTITIES["Payment"]["Line"][0]
    assert contract.violations(good, form) == []
    assert contract.violations({**good, "Amount": jsonio.loads("1.50")}, form)
    assert contract.violations({**good, "Amount": "1"}, form)
    assert contract.violations({"Amount": 1}, form)
    assert contract.violations({"CreateTime": "2026-01-01T00:00:00"}, contract.ENTITIES["Item"]["MetaData"])


def test_field_list_notices_departures(qbo_checker):
    assert qbo_checker.check("Customer", {"DisplayName": "A"}) == []
    assert qbo_checker.check("Customer", {"Shoe": "A"})
    assert qbo_checker.check("Invoice", {"Line": {}})
