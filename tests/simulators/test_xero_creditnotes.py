"""Credit notes and their allocations (provider_facts A10): the rules of invoices but for discounts and due dates; what
an allocation does to both sides, and what it is refused for."""

import json
import sys

import contract
import pytest

from simulators.common import jsonio

TOO_MUCH = "Credit Note cannot be allocated as amount is greater than amount outstanding"
PAID_OFF = "The invoice you are trying to allocate to has already been paid off"
WRONG_TYPE = "Credit Note cannot be allocated to an incorrect invoice type"
WRONG_STATUS = "Invoice not of valid status for modification"
HAS_CREDIT = "This document cannot be edited as it has a payment or credit note allocated to it."


@pytest.fixture
def credit_note(invoice):
    """A body for an approved credit note of 2 × 50 and tax; keyword arguments as of ``invoice``."""

    def make(**values):
        return invoice(**{"Type": "ACCRECCREDIT", "DueDate": None, **values})

    return make


@pytest.fixture
def both(us, invoice, credit_note):
    """(invoice over 115.00, credit note over 115.00), both approved."""
    return us.put("Invoices", invoice())[0], us.put("CreditNotes", credit_note())[0]


def allocations(note):
    return f"CreditNotes/{note['CreditNoteID']}/Allocations"


def allocation(invoice, amount, **values):
    return {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": amount, "Date": "2026-09-20", **values}


def allocate(us, note, *wanted, **params):
    answer = us.call("PUT", allocations(note), {"Allocations": list(wanted)}, params)
    assert answer.status_code == 200, answer.text
    return jsonio.loads(answer.content)["Allocations"]


def refused(us, note, wanted):
    answer = us.call("PUT", allocations(note), {"Allocations": [wanted]})
    assert answer.status_code == 400, answer.text
    assert contract.violations(jsonio.loads(answer.content), contract.VALIDATION_EXCEPTION) == []
    return [error["Message"] for error in answer.json()["Elements"][0]["ValidationErrors"]]


def state(us, invoice, note):
    """(status, AmountDue, AmountCredited) of the invoice, (status, RemainingCredit) of the credit note."""
    one = us.get(f"Invoices/{invoice['InvoiceID']}")["Invoices"][0]
    other = us.get(f"CreditNotes/{note['CreditNoteID']}")["CreditNotes"][0]
    return (
        (one["Status"], str(one["AmountDue"]), str(one["AmountCredited"])),
        (other["Status"], str(other["RemainingCredit"])),
    )


# === CREDIT NOTES === #


def test_a_credit_note(us, credit_note):
    made = us.put("CreditNotes", credit_note(CreditNoteNumber="RINV/1", Reference="of INV/1"))[0]
    assert (made["Type"], made["Status"], str(made["Total"]), str(made["RemainingCredit"])) == (
        "ACCRECCREDIT",
        "AUTHORISED",
        "115.00",
        "115.00",
    )
    assert "DueDate" not in made
    assert us.get("CreditNotes/RINV%2F1")["CreditNotes"][0]["CreditNoteID"] == made["CreditNoteID"]
    found = us.get("CreditNotes", where='CreditNoteNumber=="rinv/1"', page=1)["CreditNotes"]
    assert [one["LineItems"][0]["LineAmount"] for one in found] == [100]
    assert us.get("CreditNotes", where='Status=="DRAFT"', page=1)["CreditNotes"] == []
    assert us.call("GET", "CreditNotes/nothing").status_code == 404
    assert us.get("Invoices")["Invoices"] == [], "it is no invoice"


def test_fifty_at_once_and_numbers(us, credit_note, invoice):
    made = us.put("CreditNotes", *(credit_note() for _ in range(50)))
    assert [made[0]["CreditNoteNumber"], made[49]["CreditNoteNumber"]] == ["CN-0001", "CN-0050"]
    us.put("Invoices", invoice(InvoiceNumber="SAME/1"))
    us.put("CreditNotes", credit_note(CreditNoteNumber="SAME/1"))
    assert us.refused("PUT", "CreditNotes", credit_note(CreditNoteNumber="same/1")) == [
        "Credit Note # must be unique."
    ]
    edited = us.post("CreditNotes", credit_note(CreditNoteNumber="SAME/1", Reference="late"))[0]
    assert edited["Reference"] == "late", "POST with a number in use edits"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Type": "ACCREC"}, "Credit Note Type must be ACCRECCREDIT or ACCPAYCREDIT."),
        ({"Status": "PAID"}, WRONG_STATUS),
        ({"LineItems": []}, "One or more line items must be specified"),
        (
            {"LineItems": [{"Description": "x", "UnitAmount": 10, "AccountCode": "200", "DiscountRate": 5}]},
            "Discounts are only supported on sales invoices and quotes.",
        ),
        (
            {
                "LineItems": [
                    {"Description": "x", "UnitAmount": 10, "AccountCode": "200", "DiscountAmount": 5}
                ]
            },
            "Discounts are only supported on sales invoices and quotes.",
        ),
        (
            {"LineItems": [{"Description": "x", "UnitAmount": -10, "AccountCode": "200"}]},
            "The credit note total cannot be negative.",
        ),
        (
            {"CreditNoteID": "11111111-1111-1111-1111-111111111111"},
            "An existing Credit Note with the specified CreditNoteID could not be found",
        ),
    ],
)
def test_refusals(us, credit_note, values, message):
    assert message in us.refused("PUT", "CreditNotes", credit_note(**values))
    assert us.get("CreditNotes")["CreditNotes"] == []


def test_statuses(us, credit_note):
    draft, approved = us.put("CreditNotes", credit_note(Status="DRAFT"), credit_note())
    for note, status, fine in (
        (draft, "VOIDED", False),
        (approved, "DELETED", False),
        (approved, "DRAFT", False),
        (draft, "DELETED", True),
        (approved, "VOIDED", True),
        (approved, "AUTHORISED", False),
    ):
        path = f"CreditNotes/{note['CreditNoteID']}"
        if fine:
            assert us.post(path, {"Status": status})[0]["Status"] == status
        else:
            assert us.refused("POST", path, {"Status": status}) == [WRONG_STATUS]
    ended = us.get(f"CreditNotes/{approved['CreditNoteID']}")["CreditNotes"][0]
    assert str(ended["RemainingCredit"]) == "0.00"


def test_locked_periods(us, credit_note, both):
    one, note = both
    us.control({"PeriodLockDate": "2026-09-30"})
    assert us.refused("PUT", "CreditNotes", credit_note())[0].startswith("The document date cannot be before")
    assert us.refused("POST", f"CreditNotes/{note['CreditNoteID']}", {"Status": "VOIDED"})
    assert refused(us, note, allocation(one, 1))[0].startswith("The document date cannot be before")
    assert allocate(us, note, allocation(one, 1, Date="2026-10-01"))


# === ALLOCATIONS === #


def test_a_part_and_the_rest(us, both):
    one, note = both
    first = allocate(us, note, allocation(one, 15))[0]
    assert state(us, one, note) == (("AUTHORISED", "100.00", "15.00"), ("AUTHORISED", "100.00"))
    second = allocate(us, note, allocation(one, 100))[0]
    assert first["AllocationID"] != second["AllocationID"]
    assert state(us, one, note) == (("PAID", "0.00", "115.00"), ("PAID", "0.00"))
    read = us.get(f"CreditNotes/{note['CreditNoteID']}")["CreditNotes"][0]
    assert [str(entry["Amount"]) for entry in read["Allocations"]] == ["15.00", "100.00"]
    assert read["FullyPaidOnDate"]
    credits = us.get(f"Invoices/{one['InvoiceID']}")["Invoices"][0]["CreditNotes"]
    assert [str(entry["AppliedAmount"]) for entry in credits] == ["115.00"], "once for each credit note"


def test_several_at_once(us, both, invoice):
    one, note = both
    other = us.put("Invoices", invoice())[0]
    assert len(allocate(us, note, allocation(one, 15), allocation(other, 40))) == 2
    assert state(us, other, note) == (("AUTHORISED", "75.00", "40.00"), ("AUTHORISED", "60.00"))
    mixed = allocate(us, note, allocation(one, 60), allocation(other, 60), summarizeErrors="false")
    assert [entry["StatusAttributeString"] for entry in mixed] == ["OK", "ERROR"]
    assert state(us, other, note)[1] == ("PAID", "0.00")


def test_what_is_refused(us, both, invoice, credit_note):
    one, note = both
    assert refused(us, note, allocation(one, "115.01")) == [TOO_MUCH]
    for amount in (0, -5, "much", None):
        assert refused(us, note, allocation(one, amount))
    assert refused(us, note, allocation(one, 5, Date="soon")) == ["The Date is not a valid date."]
    assert refused(us, note, {"Amount": 5, "Date": "2026-09-20"})
    small = us.put("CreditNotes", credit_note(LineItems=[{"Description": "x", "UnitAmount": 10, "AccountCode": "200",
                                                          "TaxType": "NONE"}]))[0]  # fmt: skip
    assert refused(us, small, allocation(one, 11)) == [TOO_MUCH], "more than is left of it"
    us.control({"invoices": [{"InvoiceID": one["InvoiceID"], "action": "pay", "amount": 110}]})
    assert refused(us, note, allocation(one, 6)) == [TOO_MUCH], "more than is due"
    us.control({"invoices": [{"InvoiceID": one["InvoiceID"], "action": "pay"}]})
    assert refused(us, note, allocation(one, 6)) == [PAID_OFF, TOO_MUCH]
    bill = us.put(
        "Invoices",
        invoice(Type="ACCPAY", LineItems=[{"Description": "x", "UnitAmount": 10, "AccountCode": "429",
                                           "TaxType": "NONE"}]),
    )[0]  # fmt: skip
    assert refused(us, note, allocation(bill, 5)) == [WRONG_TYPE]
    theirs, euros, draft = us.put(
        "Invoices",
        invoice(Contact={"ContactID": us.contact("Acme Corporation")["ContactID"]}),
        invoice(CurrencyCode="EUR"),
        invoice(Status="DRAFT"),
    )
    assert len(refused(us, note, allocation(theirs, 5))) == 1
    assert len(refused(us, note, allocation(euros, 5))) == 1
    assert len(refused(us, note, allocation(draft, 5))) == 1
    waiting = us.put("CreditNotes", credit_note(Status="DRAFT"))[0]
    fresh = us.put("Invoices", invoice())[0]
    assert len(refused(us, waiting, allocation(fresh, 5))) == 1
    assert state(us, fresh, note) == (("AUTHORISED", "115.00", "0.00"), ("AUTHORISED", "115.00"))
    assert us.call("PUT", "CreditNotes/nothing/Allocations", {"Allocations": []}).status_code == 404
    assert us.call("GET", allocations(note)).status_code == 405
    assert us.call("PUT", "Allocations", {"Allocations": []}).status_code == 404


def test_what_is_allocated_is_fixed(us, both):
    one, note = both
    allocate(us, note, allocation(one, 15))
    for path, words in (
        (f"Invoices/{one['InvoiceID']}", "invoice"),
        (f"CreditNotes/{note['CreditNoteID']}", "credit"),
    ):
        (message,) = us.refused("POST", path, {"Status": "VOIDED"})
        assert message.startswith(f"The status VOIDED cannot be applied to the {words}")
        assert us.refused("POST", path, {"Date": "2026-01-01"}) == [HAS_CREDIT]


def test_taken_away_again(us, both):
    one, note = both
    whole = allocate(us, note, allocation(one, 115))[0]
    path = f"{allocations(note)}/{whole['AllocationID']}"
    answer = us.call("DELETE", path)
    assert answer.status_code == 200
    assert contract.violations(jsonio.loads(answer.content), contract.DELETED_ALLOCATION) == []
    assert state(us, one, note) == (("AUTHORISED", "115.00", "0.00"), ("AUTHORISED", "115.00"))
    assert us.call("DELETE", path).status_code == 404
    assert us.post(f"Invoices/{one['InvoiceID']}", {"Status": "VOIDED"})
    us.control({"PeriodLockDate": "2026-10-01"})


def test_keys_and_lost_answers(us, both, sim):
    """The same key is one allocation; an answer that is lost leaves what it did."""
    one, note = both
    body, key = {"Allocations": [allocation(one, 15)]}, {"Idempotency-Key": "k-1"}
    first = us.call("PUT", allocations(note), body, headers=key)
    assert us.call("PUT", allocations(note), body, headers=key).content == first.content
    other = us.call("PUT", allocations(note), {"Allocations": [allocation(one, 16)]}, headers=key)
    assert other.status_code == 400
    sim.control(
        "POST", "/_sim/faults", {"fault": "status:503", "method": "PUT", "path": "Allocations", "after": True}
    )
    assert us.call("PUT", allocations(note), body).status_code == 503
    assert state(us, one, note)[1] == ("AUTHORISED", "85.00")
    log = sim.control("GET", "/_sim/requests")["requests"]
    assert {entry["purpose"] for entry in log if entry["path"].endswith("Allocations")} == {
        "allocations.create"
    }


def test_as_the_bookkeeper(us, both, sim):
    one, note = both
    us.control({"credit_notes": [{"CreditNoteID": note["CreditNoteID"], "action": "allocate",
                                  "invoice": one["InvoiceNumber"], "amount": 15}]})  # fmt: skip
    (entry,) = sim.control("GET", "/_sim/state?tenant=US&entities=credit_notes")["organisations"][us.tenant][
        "credit_notes"
    ]
    assert entry["RemainingCredit"] == 100
    us.control({"credit_notes": [{"CreditNoteID": note["CreditNoteID"], "action": "release",
                                  "allocation": entry["Allocations"][0]["AllocationID"]}]})  # fmt: skip
    us.control({"credit_notes": [{"CreditNoteID": note["CreditNoteID"], "action": "void"}]})
    assert state(us, one, note) == (("AUTHORISED", "115.00", "0.00"), ("VOIDED", "0.00"))


# === FORM OF THE ANSWERS === #


def _answers(us, invoice, credit_note):
    """(method, path of the specification, answer, form) of every call that we use."""
    full = contract.envelope("CreditNotes")
    one = us.put("Invoices", invoice())[0]
    body = {"CreditNotes": [credit_note(CreditNoteNumber="C-1")]}
    made = us.call("PUT", "CreditNotes", body, {"unitdp": 4})
    yield "PUT", "/CreditNotes", made, full
    note = made.json()["CreditNotes"][0]
    path = f"CreditNotes/{note['CreditNoteID']}"
    yield (
        "POST",
        "/CreditNotes/{CreditNoteID}",
        us.call("POST", path, {"CreditNotes": [{"Reference": "r"}]}),
        full,
    )
    given = us.call("PUT", f"{path}/Allocations", {"Allocations": [allocation(one, 15)]})
    yield "PUT", "/CreditNotes/{CreditNoteID}/Allocations", given, contract.envelope("Allocations")
    yield "GET", "/CreditNotes/{CreditNoteID}", us.call("GET", path, params={"unitdp": 4}), full
    yield (
        "GET",
        "/Invoices/{InvoiceID}",
        us.call("GET", f"Invoices/{one['InvoiceID']}"),
        contract.envelope("Invoices"),
    )
    listed = contract.envelope("CreditNotes", contract.LISTED_CREDIT_NOTE)
    for params in ({"page": 1, "unitdp": 4}, {}, {"summaryOnly": "true"}):
        yield "GET", "/CreditNotes", us.call("GET", "CreditNotes", params=params), listed
    key = given.json()["Allocations"][0]["AllocationID"]
    gone = us.call("DELETE", f"{path}/Allocations/{key}")
    deleted = "/CreditNotes/{CreditNoteID}/Allocations/{AllocationID}"
    yield "DELETE", deleted, gone, contract.DELETED_ALLOCATION
    void = us.call("POST", path, {"CreditNotes": [{"Status": "VOIDED"}]})
    yield "POST", "/CreditNotes/{CreditNoteID}", void, full


def test_answers_keep_the_contract(us, invoice, credit_note):
    seen = 0
    for method, path, answer, form in _answers(us, invoice, credit_note):
        assert answer.status_code == 200, f"{method} {path}: {answer.text}"
        assert contract.violations(jsonio.loads(answer.content), form) == [], f"{method} {path}"
        seen += 1
    assert seen == 10


def test_answers_conform_to_the_openapi_files(us, invoice, credit_note, specs):
    pytest.importorskip("openapi_schema_validator")
    sys.path.insert(0, str(specs))
    from xero_checker import Spec

    spec = Spec(specs / "xero" / "xero_accounting.yaml")
    for method, path, answer, _form in _answers(us, invoice, credit_note):
        assert spec.errors_for(method, path, json.loads(answer.content), "200") == [], f"{method} {path}"


def test_pages(us, both, sim):
    one, note = both
    short = us.get("Organisation")["Organisations"][0]["ShortCode"]
    page = f"{sim.base_url}/app/{short}/invoicing/credit-note/{note['CreditNoteID']}"
    text = us.session.get(page, timeout=10).text
    assert 'id="credit-note-remaining">115.00' in text
    form = {"action": "allocate", "invoice": one["InvoiceID"], "amount": "15"}
    text = us.session.post(page, data=form, timeout=10).text
    assert 'id="credit-note-remaining">100.00' in text
    assert "The credit is allocated." in text
    assert 'id="credit-note-void"' not in text
    text = us.session.get(f"{sim.base_url}/app/{short}/invoicing/view/{one['InvoiceID']}", timeout=10).text
    assert 'id="invoice-credited">15.00' in text
    assert (
        note["CreditNoteNumber"]
        in us.session.get(
            f"{sim.base_url}/app/{short}/invoicing/credit-notes?q={note['CreditNoteNumber']}", timeout=10
        ).text
    )
    classic = "/AccountsReceivable/ViewCreditNote.aspx?creditNoteID=" + note["CreditNoteID"]
    led = us.session.get(
        f"{sim.base_url}/organisationlogin/default.aspx",
        params={"shortcode": short, "redirecturl": classic},
        timeout=10,
    )
    assert led.url.endswith(note["CreditNoteID"])
    assert 'id="credit-note-number"' in led.text
