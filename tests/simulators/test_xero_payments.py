"""Payments (provider_facts A10): what is refused, what becomes of the invoice, deleting, lists, currencies."""

from decimal import Decimal

import pytest

EXCEEDS = "Payment amount exceeds the amount outstanding on this document"
WRONG_DOCUMENT = "Payments can only be made against Authorised documents"
NO_INVOICE = "An existing Invoice with the specified InvoiceID or InvoiceNumber could not be found"
NO_ACCOUNT = "An existing Account with the specified AccountID or Code could not be found"
WRONG_STATUS = "Payment not of valid status for modification"
NOBODY = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def owed(us, invoice):
    """An approved invoice of 115.00."""
    return us.put("Invoices", invoice())[0]


@pytest.fixture
def payment(owed):
    def make(**values):
        body = {
            "Invoice": {"InvoiceID": owed["InvoiceID"]},
            "Account": {"Code": "090"},
            "Date": "2026-10-01",
            "Amount": 115,
        }
        return {key: value for key, value in {**body, **values}.items() if value is not None}

    return make


def _of(us, owed):
    return us.get(f"Invoices/{owed['InvoiceID']}")["Invoices"][0]


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Invoice": None}, NO_INVOICE),
        ({"Invoice": {"InvoiceID": NOBODY}}, NO_INVOICE),
        ({"Account": None}, NO_ACCOUNT),
        ({"Account": {"Code": "nothing"}}, NO_ACCOUNT),
        ({"Account": {"Code": "200"}}, "Account code '200' is not a valid code for payments."),
        ({"Amount": "115.01"}, EXCEEDS),
        ({"Amount": None}, "The payment amount must be greater than zero"),
        ({"Amount": 0}, "The payment amount must be greater than zero"),
        ({"Amount": -5}, "The payment amount must be greater than zero"),
        ({"Date": "soon"}, "The Date is not a valid date."),
        ({"PaymentID": NOBODY}, "Payments cannot be changed. Delete the payment and make a new one."),
    ],
)
def test_refusals(us, owed, payment, method, values, message):
    assert us.refused(method, "Payments", payment(**values)) == [message]
    assert _of(us, owed)["AmountDue"] == 115


def test_drafts_void_invoices_and_archived_accounts_are_refused(us, invoice, payment):
    draft, void = us.put("Invoices", invoice(Status="DRAFT"), invoice())
    us.post(f"Invoices/{void['InvoiceID']}", {"Status": "VOIDED"})
    for one in (draft, void):
        body = payment(Invoice={"InvoiceID": one["InvoiceID"]}, Amount=1)
        assert us.refused("PUT", "Payments", body)[0] == WRONG_DOCUMENT
    us.control({"accounts": [{"Code": "091", "Status": "ARCHIVED"}]})
    (words,) = us.refused("PUT", "Payments", payment(Account={"Code": "091"}))
    assert "has been archived" in words


def test_an_account_that_payments_are_enabled_for_will_do(us, payment):
    assert us.put("Payments", payment(Account={"Code": "880"}))[0]["Account"]["Code"] == "880"


def test_part_and_rest(us, owed, payment):
    first = us.put("Payments", payment(Amount="15.00", Reference="part"))[0]
    assert (first["Status"], first["PaymentType"]) == ("AUTHORISED", "ACCRECPAYMENT")
    part = _of(us, owed)
    assert (part["Status"], part["AmountPaid"], part["AmountDue"]) == ("AUTHORISED", 15, 100)
    assert us.refused("PUT", "Payments", payment(Amount="100.01")) == [EXCEEDS]
    us.put("Payments", payment(Amount=100, Date="2026-10-05"))
    whole = _of(us, owed)
    assert (whole["Status"], whole["AmountPaid"], whole["AmountDue"]) == ("PAID", 115, 0)
    assert [entry["Amount"] for entry in whole["Payments"]] == [15, 100]
    assert whole["FullyPaidOnDate"] == "/Date(1791158400000+0000)/"
    assert us.refused("PUT", "Payments", payment(Amount=1)) == [EXCEEDS]


def test_two_in_one_call_cannot_overpay(us, owed, payment):
    elements = us.put("Payments", payment(), payment(Amount=1), summarizeErrors="false")
    assert [one["StatusAttributeString"] for one in elements] == ["OK", "ERROR"]
    assert elements[1]["ValidationErrors"] == [{"Message": EXCEEDS}]
    assert us.call("PUT", "Payments", {"Payments": [payment(Amount=1)]}).status_code == 400
    assert _of(us, owed)["AmountPaid"] == 115


def test_deleting_opens_the_invoice_again(us, owed, payment):
    made = us.put("Payments", payment())[0]
    before = _of(us, owed)
    us.server.control("POST", "/_sim/clock", {"advance_seconds": 5})
    gone = us.post(f"Payments/{made['PaymentID']}", {"Status": "DELETED"})[0]
    after = _of(us, owed)
    assert gone["Status"] == "DELETED"
    assert (after["Status"], after["AmountDue"], after["Payments"]) == ("AUTHORISED", 115, [])
    assert "FullyPaidOnDate" not in after
    assert after["UpdatedDateUTC"] != before["UpdatedDateUTC"]
    path = f"Payments/{made['PaymentID']}"
    assert us.get(path)["Payments"][0]["Status"] == "DELETED"
    assert us.refused("POST", path, {"Status": "DELETED"}) == [WRONG_STATUS]
    assert us.refused("POST", path, {"Amount": 5}) == [WRONG_STATUS]
    assert us.call("POST", f"Payments/{NOBODY}", {"Status": "DELETED"}).status_code == 404
    assert us.call("GET", f"Payments/{NOBODY}").status_code == 404


def test_locked_periods_hold_for_making_and_deleting(us, payment):
    made = us.put("Payments", payment(Amount=15))[0]
    us.control({"PeriodLockDate": "2026-10-01"})
    message = "The document date cannot be before the period lock date, currently set at 1 October 2026"
    assert us.refused("PUT", "Payments", payment(Amount=1)) == [message]
    assert us.refused("POST", f"Payments/{made['PaymentID']}", {"Status": "DELETED"}) == [message]
    assert us.put("Payments", payment(Amount=1, Date="2026-10-02"))


def test_a_foreign_payment_has_a_rate_and_a_bank_amount(us, invoice, payment):
    owed = us.put("Invoices", invoice(CurrencyCode="EUR", CurrencyRate="0.8"))[0]
    body = payment(Invoice={"InvoiceID": owed["InvoiceID"]}, Amount=80, CurrencyRate="0.5")
    made = us.put("Payments", body)[0]
    assert (made["Amount"], made["BankAmount"], made["CurrencyRate"]) == (80, 160, Decimal("0.5"))
    us.control({"accounts": [{"Code": "092", "Type": "BANK", "CurrencyCode": "EUR"}]})
    made = us.put("Payments", {**body, "Amount": 5, "Account": {"Code": "092"}})[0]
    assert made["BankAmount"] == 5
    assert us.refused("PUT", "Payments", {**body, "Amount": 1, "CurrencyRate": 0})
    plain = us.put("Payments", payment(Amount=1, CurrencyRate=7))[0]
    assert plain["CurrencyRate"] == 1


def test_lists(us, owed, payment):
    first = us.put("Payments", payment(Amount=1))[0]
    us.server.control("POST", "/_sim/clock", {"advance_seconds": 60})
    second = us.put("Payments", payment(Amount=2, Date="2026-10-02"))[0]
    by_number = {"where": f'Invoice.InvoiceNumber=="{owed["InvoiceNumber"]}" AND Amount>1'}
    assert [p["PaymentID"] for p in us.get("Payments", **by_number)["Payments"]] == [second["PaymentID"]]
    ordered = us.get("Payments", order="Date DESC", page=1, pageSize=1)
    assert [p["PaymentID"] for p in ordered["Payments"]] == [second["PaymentID"]]
    assert ordered["pagination"] == {"page": 1, "pageSize": 1, "pageCount": 2, "itemCount": 2}
    us.post(f"Payments/{first['PaymentID']}", {"Status": "DELETED"})
    left = us.get("Payments", where='Status=="AUTHORISED"')["Payments"]
    assert [p["PaymentID"] for p in left] == [second["PaymentID"]]
    later = us.call("GET", "Payments", headers={"If-Modified-Since": "2098-01-01T00:00:00"})
    assert later.json()["Payments"] == []


def test_the_same_key_is_one_payment(us, owed, payment):
    for _time in range(2):
        answer = us.call(
            "PUT", "Payments", {"Payments": [payment(Amount=15)]}, headers={"Idempotency-Key": "k-1"}
        )
        assert answer.status_code == 200
    assert _of(us, owed)["AmountPaid"] == 15


def test_without_the_scope_there_are_none(connect):
    api = connect("US", scopes=["accounting.invoices"])
    assert api.call("GET", "Payments").status_code == 401
    assert connect("US", scopes=["accounting.payments.read"]).call("GET", "Payments").status_code == 200


def test_a_bookkeeper_enters_and_removes_one(us, owed):
    made = us.control({"payments": [{"InvoiceID": owed["InvoiceID"], "amount": "40", "date": "2026-10-03"}]})
    (key,) = made["payments"]
    assert _of(us, owed)["AmountDue"] == 75
    us.control({"payments": [{"PaymentID": key, "delete": True}]})
    assert _of(us, owed)["AmountDue"] == 115
