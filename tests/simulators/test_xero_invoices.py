"""Invoices (provider_facts A9): what is refused, numbers, statuses, changes, payments, currencies."""

from decimal import Decimal

import pytest

WRONG_STATUS = "Invoice not of valid status for modification"
HAS_PAYMENT = "This document cannot be edited as it has a payment or credit note allocated to it."
PAID_LINE = "To update fields on a paid invoice line item, you must supply a LineItemID"
LINE = {"Description": "Work", "Quantity": 1, "UnitAmount": 10, "AccountCode": "200", "TaxType": "TAX001"}


def line(**values):
    return {key: value for key, value in {**LINE, **values}.items() if value is not None}


# === REFUSALS === #


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Type": None}, "Invoice Type must be ACCREC or ACCPAY."),
        ({"Type": "ACCRECCREDIT"}, "Invoice Type must be ACCREC or ACCPAY."),
        ({"Contact": None}, "A Contact must be specified for this type of transaction."),
        ({"Contact": {}}, "The contact must have a ContactID, a ContactNumber or a Name."),
        (
            {"Contact": {"ContactID": "11111111-1111-1111-1111-111111111111"}},
            "An existing Contact with the specified ContactID could not be found",
        ),
        ({"Status": "PAID"}, WRONG_STATUS),
        ({"Status": "VOIDED"}, WRONG_STATUS),
        ({"Status": "NONSENSE"}, WRONG_STATUS),
        ({"DueDate": None}, "The DueDate must be specified for this status."),
        ({"Date": "soon"}, "The Date is not a valid date."),
        ({"Date": "2026-02-30"}, "The Date is not a valid date."),
        ({"LineItems": []}, "One or more line items must be specified"),
        ({"LineItems": None}, "One or more line items must be specified"),
        ({"LineItems": [line(Description=None)]}, "Description must be specified for each line item."),
        ({"LineItems": [line(AccountCode=None, TaxType="NONE")]}, "Account code must be specified"),
        (
            {"LineItems": [line(AccountCode="999")]},
            "Account code '999' is not a valid code for this document.",
        ),
        (
            {"LineItems": [line(AccountCode="090")]},
            "Account code '090' is not a valid code for this document.",
        ),
        (
            {"LineItems": [line(AccountCode="610")]},
            "Account code '610' is not a valid code for this document.",
        ),
        (
            {"LineItems": [line(AccountCode="299")]},
            "Account code '299' has been archived, or has been deleted. Each line item must reference a valid account.",
        ),
        (
            {"LineItems": [line(TaxType="TAX004")]},
            "The TaxType code 'TAX004' cannot be used with account code '200'.",
        ),
        (
            {"LineItems": [line(TaxType="TAX003")]},
            "The TaxType code 'TAX003' does not exist or cannot be used for this type of transaction.",
        ),
        (
            {"LineItems": [line(TaxType="OUTPUT2")]},
            "The TaxType code 'OUTPUT2' does not exist or cannot be used for this type of transaction.",
        ),
        ({"LineItems": [line(ItemCode="NO-SUCH-ITEM")]}, "Item code 'NO-SUCH-ITEM' is not valid."),
        ({"LineItems": [line(Quantity="many")]}, "Quantity must be a number."),
        ({"LineItems": [line(UnitAmount=True)]}, "UnitAmount must be a number."),
        (
            {"LineItems": [line(LineAmount="10.01")]},
            "The line total 10.01 does not match the expected line total 10.00",
        ),
        ({"LineItems": [line(DiscountRate=101)]}, "The DiscountRate must be between 0 and 100."),
        ({"LineItems": [line(TaxAmount="10.01")]}, "The TaxAmount cannot be more than the LineAmount."),
        (
            {"LineItems": [line(Description="x" * 4001)]},
            "The field Description must be a string with a maximum length of 4000.",
        ),
        ({"LineItems": [line(UnitAmount=-1)]}, "The invoice total cannot be negative."),
        ({"LineAmountTypes": "Sideways"}, "LineAmountTypes must be Exclusive, Inclusive or NoTax."),
        ({"CurrencyCode": "JPY"}, "Organisation is not subscribed to currency JPY"),
        ({"CurrencyCode": "EUR", "CurrencyRate": 0}, "The CurrencyRate must be a number greater than zero."),
        ({"InvoiceNumber": "x" * 256}, "The InvoiceNumber must be text of at most 255 characters."),
        (
            {"Url": "https://go.xero.com/1"},
            "The Url must be an absolute http or https address and must not contain 'xero'.",
        ),
        (
            {"InvoiceID": "11111111-1111-1111-1111-111111111111"},
            "An existing Invoice with the specified InvoiceID could not be found",
        ),
    ],
)
def test_refusals(us, invoice, method, values, message):
    assert message in us.refused(method, "Invoices", invoice(**values))
    assert us.get("Invoices")["Invoices"] == []


def test_discounts_are_for_sales_only(us, invoice):
    bill = invoice(Type="ACCPAY", LineItems=[line(AccountCode="429", TaxType="TAX004", DiscountRate=5)])
    assert us.refused("PUT", "Invoices", bill) == [
        "Discounts are only supported on sales invoices and quotes."
    ]


def test_a_refused_invoice_changes_nothing_at_all(us, invoice):
    """Neither the contact that it names nor the next number."""
    us.refused("PUT", "Invoices", invoice(Contact={"Name": "Made On The Way"}), invoice(DueDate=None))
    assert us.get("Contacts", where='Name=="Made On The Way"')["Contacts"] == []
    assert us.put("Invoices", invoice())[0]["InvoiceNumber"] == "INV-0001"


def test_a_draft_may_be_incomplete(us, invoice):
    made = us.put("Invoices", {"Type": "ACCREC", "Contact": invoice()["Contact"]})[0]
    assert (made["Status"], made["LineAmountTypes"], made["Total"]) == ("DRAFT", "Exclusive", 0)
    assert "DueDate" not in made
    refused = us.refused("POST", f"Invoices/{made['InvoiceID']}", {"Status": "AUTHORISED"})
    assert len(refused) == 2


# === NUMBERS === #


def test_numbers_are_unique_for_sales_without_case(us, invoice):
    us.put("Invoices", invoice(InvoiceNumber="INV/2026/1"))
    assert us.refused("PUT", "Invoices", invoice(InvoiceNumber="inv/2026/1")) == ["Invoice # must be unique."]
    two = us.refused("PUT", "Invoices", invoice(InvoiceNumber="TWICE"), invoice(InvoiceNumber="TWICE"))
    assert two == ["Invoice # must be unique."]


def test_numbers_of_bills_are_not(us, invoice):
    bill = invoice(Type="ACCPAY", InvoiceNumber="B-1", LineItems=[line(AccountCode="429", TaxType="TAX004")])
    first, second = us.put("Invoices", bill, bill)
    assert first["InvoiceID"] != second["InvoiceID"]
    assert "SentToContact" not in first
    contact = us.contact("Town Council")
    assert (contact["IsSupplier"], contact["IsCustomer"]) == (True, False)


def test_missing_numbers_are_given_and_skip_those_in_use(us, invoice):
    us.put("Invoices", invoice(InvoiceNumber="INV-0002"))
    assert [i["InvoiceNumber"] for i in us.put("Invoices", invoice(), invoice())] == ["INV-0001", "INV-0003"]


def test_a_void_invoice_keeps_its_number_a_deleted_draft_gives_it_back(us, invoice):
    kept = us.put("Invoices", invoice(InvoiceNumber="V-1"))[0]
    us.post(f"Invoices/{kept['InvoiceID']}", {"Status": "VOIDED"})
    assert us.refused("PUT", "Invoices", invoice(InvoiceNumber="V-1")) == ["Invoice # must be unique."]
    draft = us.put("Invoices", invoice(InvoiceNumber="D-1", Status="DRAFT"))[0]
    us.post(f"Invoices/{draft['InvoiceID']}", {"Status": "DELETED"})
    assert us.put("Invoices", invoice(InvoiceNumber="D-1"))


def test_post_with_a_number_in_use_edits_that_invoice(us, invoice):
    """Reported of the real API (A9), and the reason why clients create with PUT."""
    made = us.put("Invoices", invoice(InvoiceNumber="P-1"))[0]
    edited = us.post("Invoices", invoice(InvoiceNumber="P-1", Reference="overwritten"))[0]
    assert (edited["InvoiceID"], edited["Reference"]) == (made["InvoiceID"], "overwritten")


def test_put_with_an_invoice_id_is_refused(us, invoice):
    made = us.put("Invoices", invoice())[0]
    assert us.refused("PUT", "Invoices", invoice(InvoiceID=made["InvoiceID"]))


def test_read_by_number(us, invoice):
    us.put("Invoices", invoice(InvoiceNumber="INV/2026/00001"))
    found = us.get("Invoices/INV%2F2026%2F00001")["Invoices"][0]
    assert found["InvoiceNumber"] == "INV/2026/00001"


# === STATUSES === #

STATUSES = ("DRAFT", "SUBMITTED", "AUTHORISED", "VOIDED", "DELETED", "PAID")
ALLOWED = {
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
    "VOIDED": set(),
    "DELETED": set(),
}


@pytest.mark.parametrize("start", list(ALLOWED))
@pytest.mark.parametrize("end", STATUSES)
def test_every_move(us, invoice, start, end):
    before = {"VOIDED": "AUTHORISED", "DELETED": "DRAFT"}.get(start, start)
    key = us.put("Invoices", invoice(Status=before))[0]["InvoiceID"]
    if before != start:
        us.post(f"Invoices/{key}", {"Status": start})
    if end in ALLOWED[start]:
        assert us.post(f"Invoices/{key}", {"Status": end})[0]["Status"] == end
    else:
        assert us.refused("POST", f"Invoices/{key}", {"Status": end}) == [WRONG_STATUS]
        assert us.get(f"Invoices/{key}")["Invoices"][0]["Status"] == start


def test_ended_invoices_cannot_be_edited(us, invoice):
    key = us.put("Invoices", invoice())[0]["InvoiceID"]
    us.post(f"Invoices/{key}", {"Status": "VOIDED"})
    assert us.refused("POST", f"Invoices/{key}", {"Reference": "late"}) == [WRONG_STATUS]


def test_a_just_voided_invoice_still_shows_what_was_due(us, invoice):
    key = us.put("Invoices", invoice())[0]["InvoiceID"]
    voided = us.post(f"Invoices/{key}", {"Status": "VOIDED"})[0]
    assert str(voided["AmountDue"]) == "115.00"
    assert str(us.get(f"Invoices/{key}")["Invoices"][0]["AmountDue"]) == "0.00"


def test_sent_to_contact_is_for_approved_invoices(us, invoice):
    draft, approved = us.put(
        "Invoices", invoice(Status="DRAFT", SentToContact=True), invoice(SentToContact=True)
    )
    assert (draft["SentToContact"], approved["SentToContact"]) == (False, True)


# === CHANGES === #


def test_a_change_leaves_what_was_not_sent(us, invoice):
    made = us.put("Invoices", invoice(Reference="PO 1", InvoiceNumber="C-1"))[0]
    changed = us.post(f"Invoices/{made['InvoiceID']}", {"DueDate": "2026-12-31"})[0]
    assert changed["DueDateString"] == "2026-12-31T00:00:00"
    for name in ("Reference", "InvoiceNumber", "LineItems", "Total", "Status"):
        assert changed[name] == made[name]


def test_a_line_without_its_id_is_replaced(us, invoice):
    made = us.put("Invoices", invoice(LineItems=[line(Description="a"), line(Description="b")]))[0]
    first, second = (entry["LineItemID"] for entry in made["LineItems"])
    changed = us.post(
        f"Invoices/{made['InvoiceID']}",
        {"LineItems": [{"LineItemID": second, "Quantity": 3}, line(Description="c")]},
    )[0]
    lines = changed["LineItems"]
    assert [(entry["Description"], entry["Quantity"]) for entry in lines] == [("b", 3), ("c", 1)]
    assert lines[0]["LineItemID"] == second
    assert lines[1]["LineItemID"] not in (first, second)
    assert str(changed["Total"]) == "46.00"


def test_an_unknown_line_id_is_refused(us, invoice):
    made = us.put("Invoices", invoice())[0]
    key = "11111111-1111-1111-1111-111111111111"
    assert us.refused("POST", f"Invoices/{made['InvoiceID']}", {"LineItems": [line(LineItemID=key)]})


def test_changing_the_amount_types_works_the_tax_out_anew(us, invoice):
    made = us.put("Invoices", invoice())[0]
    inclusive = us.post(f"Invoices/{made['InvoiceID']}", {"LineAmountTypes": "Inclusive"})[0]
    assert [str(inclusive[name]) for name in ("SubTotal", "TotalTax", "Total")] == [
        "86.96",
        "13.04",
        "100.00",
    ]


def test_the_type_cannot_be_changed(us, invoice):
    made = us.put("Invoices", invoice())[0]
    assert us.refused("POST", f"Invoices/{made['InvoiceID']}", {"Type": "ACCPAY"})


def test_only_the_contact_id_leaves_the_contact_alone(us, invoice):
    acme = us.contact("Acme Corporation")
    us.put("Invoices", invoice(Contact={"ContactID": acme["ContactID"]}))
    assert us.contact("Acme Corporation")["ContactPersons"]
    us.put("Invoices", invoice(Contact={"ContactID": acme["ContactID"], "FirstName": "Changed"}))
    changed = us.contact("Acme Corporation")
    assert (changed["FirstName"], changed["ContactPersons"]) == ("Changed", [])


def test_an_unknown_contact_name_makes_a_contact(us, invoice):
    made = us.put("Invoices", invoice(Contact={"Name": "Made On The Way"}))[0]
    assert us.contact("Made On The Way")["ContactID"] == made["Contact"]["ContactID"]


# === PAYMENTS === #


@pytest.fixture
def paid(us, invoice):
    """(part-paid, paid) invoices."""
    part, whole = us.put("Invoices", invoice(), invoice())
    us.control({"invoices": [{"InvoiceID": part["InvoiceID"], "action": "pay", "amount": 15}]})
    us.control({"invoices": [{"InvoiceID": whole["InvoiceID"], "action": "pay"}]})
    return part, whole


def test_payments_show(us, paid):
    part, whole = (us.get(f"Invoices/{entry['InvoiceID']}")["Invoices"][0] for entry in paid)
    assert (part["Status"], str(part["AmountDue"]), str(part["AmountPaid"])) == (
        "AUTHORISED",
        "100.00",
        "15.00",
    )
    assert (whole["Status"], str(whole["AmountDue"]), whole["Payments"][0]["Amount"]) == ("PAID", "0.00", 115)
    assert "FullyPaidOnDate" in whole
    assert "FullyPaidOnDate" not in part


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("status", ["VOIDED", "DRAFT", "SUBMITTED"])
def test_a_paid_invoice_keeps_its_status(us, paid, number, status):
    message = (
        f"The status {status} cannot be applied to the invoice "
        "because it has payments or credit notes allocated to it."
    )
    assert us.refused("POST", f"Invoices/{paid[number]['InvoiceID']}", {"Status": status}) == [message]


@pytest.mark.parametrize(
    "values",
    [{"Date": "2026-01-01"}, {"LineAmountTypes": "Inclusive"}, {"CurrencyCode": "EUR"}, {"CurrencyRate": 2}],
)
def test_most_of_a_paid_invoice_is_fixed(us, paid, values):
    assert us.refused("POST", f"Invoices/{paid[0]['InvoiceID']}", values) == [HAS_PAYMENT]


def test_a_few_fields_of_a_paid_invoice_can_change(us, paid):
    key, lines = paid[1]["InvoiceID"], paid[1]["LineItems"]
    changed = us.post(
        f"Invoices/{key}",
        {
            "Reference": "late",
            "DueDate": "2026-12-24",
            "InvoiceNumber": "PAID-1",
            "LineItems": [
                {"LineItemID": lines[0]["LineItemID"], "Description": "told", "AccountCode": "205"}
            ],
        },
    )[0]
    assert (changed["Reference"], changed["InvoiceNumber"]) == ("late", "PAID-1")
    assert (changed["LineItems"][0]["Description"], changed["LineItems"][0]["AccountCode"]) == ("told", "205")
    assert changed["Total"] == paid[1]["Total"]


def test_lines_of_a_paid_invoice(us, paid):
    key, known = f"Invoices/{paid[1]['InvoiceID']}", paid[1]["LineItems"][0]["LineItemID"]
    assert us.refused("POST", key, {"LineItems": [line()]}) == [PAID_LINE]
    for values in ({"Quantity": 9}, {"UnitAmount": 9}, {"TaxType": "NONE"}):
        assert us.refused("POST", key, {"LineItems": [{"LineItemID": known, **values}]}) == [HAS_PAYMENT]


# === LOCKED PERIODS === #


@pytest.mark.parametrize(
    ("field", "words"),
    [("PeriodLockDate", "period lock date"), ("EndOfYearLockDate", "end of year lock date")],
)
def test_locked_periods(us, invoice, field, words):
    key = us.put("Invoices", invoice())[0]["InvoiceID"]
    us.control({field: "2026-09-14"})
    message = f"The document date cannot be before the {words}, currently set at 14 September 2026"
    assert us.refused("PUT", "Invoices", invoice()) == [message]
    assert us.put("Invoices", invoice(Date="2026-09-15"))
    assert us.refused("POST", f"Invoices/{key}", {"Status": "VOIDED"}) == [message]
    assert us.refused("POST", f"Invoices/{key}", {"Date": "2026-10-01"}) == [message]
    assert us.get("Organisation")["Organisations"][0][field] == "/Date(1789344000000+0000)/"
    us.control({field: None})
    assert us.post(f"Invoices/{key}", {"Status": "VOIDED"})


# === CURRENCIES === #


def test_base_currency_always_reads_one(us, invoice):
    made = us.put("Invoices", invoice(CurrencyCode="USD", CurrencyRate="1.5"))[0]
    assert str(made["CurrencyRate"]) == "1.0000000000"


def test_given_rates_keep_six_decimals(us, invoice):
    made = us.put("Invoices", invoice(CurrencyCode="EUR", CurrencyRate="0.86543219"))[0]
    assert str(made["CurrencyRate"]) == "0.8654320000"


def test_without_a_rate_the_rate_of_the_day_is_taken(us, invoice):
    one = us.put("Invoices", invoice(CurrencyCode="EUR"))[0]
    same = us.put("Invoices", invoice(CurrencyCode="EUR"))[0]
    other = us.put("Invoices", invoice(CurrencyCode="EUR", Date="2026-09-15"))[0]
    assert one["CurrencyRate"] == same["CurrencyRate"] != other["CurrencyRate"]
    assert Decimal("0.8") < one["CurrencyRate"] < Decimal("0.95")


def test_the_contacts_currency_is_the_default(us, invoice):
    contact = us.contact("Overseas Client GmbH")["ContactID"]
    assert us.put("Invoices", invoice(Contact={"ContactID": contact}))[0]["CurrencyCode"] == "CAD"


# === DATES === #


@pytest.mark.parametrize(
    "value", ["2026-09-14", "2026-09-14T00:00:00", "/Date(1789344000000+0000)/", "/Date(1789344000000)/"]
)
def test_dates_are_read_in_every_form(us, invoice, value):
    made = us.put("Invoices", invoice(Date=value))[0]
    assert (made["DateString"], made["Date"]) == ("2026-09-14T00:00:00", "/Date(1789344000000+0000)/")


def test_reference_is_for_sales_only(us, invoice):
    bill = invoice(Type="ACCPAY", Reference="x", LineItems=[line(AccountCode="429", TaxType="TAX004")])
    assert "Reference" not in us.put("Invoices", bill)[0]


def test_updated_date_moves(us, invoice, sim):
    made = us.put("Invoices", invoice())[0]
    sim.control("POST", "/_sim/clock", {"advance_seconds": 60})
    changed = us.post(f"Invoices/{made['InvoiceID']}", {"Reference": "x"})[0]
    assert changed["UpdatedDateUTCString"] > made["UpdatedDateUTCString"]
