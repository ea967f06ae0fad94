"""Credit notes and what of them is allocated to invoices (provider_facts A10).

A credit note is made, changed and ended by the rules of invoices (:mod:`.invoices`); it needs no due date and takes no
discounts.
Messages marked (ours) have no source; clients are not to match on their words.
"""

from decimal import Decimal

from ..common.numbers import CENT, number, round_to
from . import balance, contacts
from .arithmetic import ZERO
from .errors import NotFound, Refused
from .invoices import FIELDS as INVOICE_FIELDS
from .invoices import InvoiceWriter, render_line
from .state import fold
from .wire import FOUR, TEN, as_guid, date_string, money, ms_date, ms_time, parse_day, time_string

#: of what makes another allocation impossible, all that applies is said, as reported in an issue of a client library
TOO_MUCH = "Credit Note cannot be allocated as amount is greater than amount outstanding"
PAID_OFF = "The invoice you are trying to allocate to has already been paid off"
WRONG_TYPE = "Credit Note cannot be allocated to an incorrect invoice type"
#: what a credit note is allocated to
INVOICE_TYPES = {"ACCRECCREDIT": "ACCREC", "ACCPAYCREDIT": "ACCPAY"}
UNKNOWN = "An existing Credit Note with the specified CreditNoteID could not be found"

_SHARED = ("type", "status", "reference", "date", "duedate", "total", "subtotal", "totaltax", "currencycode",
           "contact.contactid", "updateddateutc")  # fmt: skip
FIELDS = {
    **{name: INVOICE_FIELDS[name] for name in _SHARED},
    "creditnoteid": lambda n: n["CreditNoteID"],
    "creditnotenumber": lambda n: n.get("CreditNoteNumber"),
    "remainingcredit": lambda n: remaining(n),
}


def fields(ledger):
    """FIELDS with those of the contact, which may have been renamed since."""
    return {
        **FIELDS,
        "contact.name": lambda n: ledger.contacts.get(n["ContactID"])["Name"],
        "contact.contactnumber": lambda n: ledger.contacts.get(n["ContactID"]).get("ContactNumber"),
    }


def find(ledger, identifier):
    """By CreditNoteID, else by the number of a sale's credit note; None when there is none."""
    key = as_guid(identifier)
    if key and key in ledger.credit_notes:
        return ledger.credit_notes.get(key)
    key = ledger.credit_note_numbers.first(fold(identifier))
    return ledger.credit_notes.get(key) if key else None


def allocated(note):
    return sum((Decimal(one["Amount"]) for one in note.get("Allocations", ())), ZERO)


def remaining(note, ended=False):
    """RemainingCredit; none of a credit note that ended.

    :param ended: what there would be all the same
    """
    if note["Status"] in ("VOIDED", "DELETED") and not ended:
        return ZERO
    return Decimal(note["Total"]) - allocated(note)


def _settled(note):
    """The credit note with the status that its allocations make, as :func:`.balance.settled` does for an invoice."""
    result = {name: value for name, value in note.items() if name != "FullyPaidOnDate"}
    if note["Status"] in ("AUTHORISED", "PAID"):
        done = note["Allocations"] and not remaining(note)
        result["Status"] = "PAID" if done else "AUTHORISED"
        if done:
            result["FullyPaidOnDate"] = max(one["Date"] for one in note["Allocations"])
    return result


# === WRITING === #


class CreditNoteWriter(InvoiceWriter):
    """One credit note being created or changed."""

    noun, id_field, number_field = "credit note", "CreditNoteID", "CreditNoteNumber"
    types = ("ACCRECCREDIT", "ACCPAYCREDIT")
    type_message = "Credit Note Type must be ACCRECCREDIT or ACCPAYCREDIT."  # (ours)
    number_message = "Credit Note # must be unique."  # (ours)
    has_due_date = False
    blank = {"Allocations": []}

    @property
    def documents(self):
        return self.ledger.credit_notes

    @property
    def numbers(self):
        return self.ledger.credit_note_numbers

    def next_number(self):
        return self.ledger.next_credit_note_number()

    def is_touched(self):
        return bool(self.old.get("Allocations"))

    def _rounding(self, total):
        """RoundingAmount is of invoices alone."""


def create(ledger, values, unitdp, app):
    """PUT: a number in use is refused, whatever else is sent."""
    if values.get("CreditNoteID"):
        if ledger.credit_notes.get(as_guid(values["CreditNoteID"])) is None:
            raise Refused(UNKNOWN)
        raise Refused(
            "A new credit note cannot have the CreditNoteID of an existing one. Use POST to change a credit note."
        )
    return CreditNoteWriter(ledger, values, unitdp, app).create()


def upsert(ledger, values, unitdp, app):
    """POST: by CreditNoteID; else the credit note of a sale with that number is edited, as with invoices; else
    created."""
    existing = None
    if values.get("CreditNoteID"):
        existing = ledger.credit_notes.get(as_guid(values["CreditNoteID"]))
        if existing is None:
            raise Refused(UNKNOWN)
    elif values.get("CreditNoteNumber") and values.get("Type", "ACCRECCREDIT") == "ACCRECCREDIT":
        key = ledger.credit_note_numbers.first(fold(values["CreditNoteNumber"]))
        existing = ledger.credit_notes.get(key) if key else None
    if existing is None:
        return CreditNoteWriter(ledger, values, unitdp, app).create()
    return CreditNoteWriter(ledger, values, unitdp, app, existing).update()


# === ALLOCATIONS === #


def allocate(ledger, note, values):
    """Let a part of a credit note count for an invoice. Returns the allocation.

    :raise Refused: all that stands in the way
    """
    given = values.get("Invoice") or {}
    invoice = ledger.invoices.get(as_guid(given.get("InvoiceID")))
    if invoice is None and given.get("InvoiceNumber"):
        key = ledger.invoice_numbers.first(fold(given["InvoiceNumber"]))
        invoice = ledger.invoices.get(key) if key else None
    if invoice is None:
        raise Refused("An existing Invoice with the specified InvoiceID could not be found")
    day = parse_day(values["Date"]) if values.get("Date") is not None else ledger.today()
    amount = number(values.get("Amount"))
    messages = []
    if day is None:
        messages.append("The Date is not a valid date.")
    if amount is None or amount <= 0:
        messages.append("The amount of an allocation must be greater than zero.")  # (ours)
        amount = Decimal(0)
    amount = round_to(amount, CENT)
    if invoice["Status"] == "PAID":
        messages.append(PAID_OFF)
    elif invoice["Status"] != "AUTHORISED":
        messages.append("A credit note can be allocated to an approved invoice only.")  # (ours)
    if note["Status"] not in ("AUTHORISED", "PAID"):
        messages.append("Only an approved credit note can be allocated.")  # (ours)
    if amount > min(remaining(note), balance.due(invoice)):
        messages.append(TOO_MUCH)
    if invoice["Type"] != INVOICE_TYPES[note["Type"]]:
        messages.append(WRONG_TYPE)
    if invoice["ContactID"] != note["ContactID"]:
        messages.append("A credit note can be allocated to an invoice of its own contact only.")  # (ours)
    if invoice["CurrencyCode"] != note["CurrencyCode"]:
        messages.append("A credit note can be allocated to an invoice in its own currency only.")  # (ours)
    messages += ledger.lock_messages(day) if day else []
    if messages:
        raise Refused(*dict.fromkeys(messages))
    key = ledger.new_id()
    allocation = {"AllocationID": key, "InvoiceID": invoice["InvoiceID"], "Date": day, "Amount": amount}
    entry = {
        "AllocationID": key,
        "CreditNoteID": note["CreditNoteID"],
        "Date": day,
        "AppliedAmount": amount,
    }
    _keep(
        ledger,
        {**note, "Allocations": [*note["Allocations"], allocation]},
        {**invoice, "CreditNotes": [*invoice.get("CreditNotes", ()), entry]},
    )
    return allocation


def _keep(ledger, note, invoice):
    """Store both with the status that they have now."""
    note, invoice = ledger.touch(_settled(note)), ledger.touch(balance.settled(invoice))
    ledger.credit_notes.put(note["CreditNoteID"], note)
    ledger.invoices.put(invoice["InvoiceID"], invoice)


def release(ledger, note, allocation_id):
    """Take an allocation away again: both documents are open as before. Returns what it was.

    :raise NotFound: the credit note has none with that id
    :raise Refused: its day is in a locked period
    """
    found = next((one for one in note["Allocations"] if one["AllocationID"] == allocation_id), None)
    if found is None:
        raise NotFound
    if locked := ledger.lock_messages(found["Date"]):
        raise Refused(*locked)
    invoice = ledger.invoices.get(found["InvoiceID"])

    def left(entries):
        return [one for one in entries if one["AllocationID"] != allocation_id]

    _keep(
        ledger,
        {**note, "Allocations": left(note["Allocations"])},
        {**invoice, "CreditNotes": left(invoice["CreditNotes"])},
    )
    return found


# === RENDERING === #


def render_allocation(ledger, note, allocation, nested=False):
    """An allocation as the answer to its making has it, or as it stands within its credit note."""
    invoice = ledger.invoices.get(allocation["InvoiceID"])
    result = {
        "AllocationID": allocation["AllocationID"],
        "Amount": money(allocation["Amount"]),
        "Date": ms_date(allocation["Date"]),
        "Invoice": {
            "InvoiceID": invoice["InvoiceID"],
            "InvoiceNumber": invoice.get("InvoiceNumber", ""),
            "Payments": [],
            "CreditNotes": [],
            "Prepayments": [],
            "Overpayments": [],
            "HasErrors": False,
            "IsDiscounted": False,
            "LineItems": [],
            "ValidationErrors": [],
        },
    }
    if not nested:
        key = note["CreditNoteID"]
        result["CreditNote"] = {"CreditNoteID": key, "ID": key, "LineItems": []}
        result["ValidationErrors"] = []
    return result


def render(ledger, note, unitdp, lines=True, contact="full", summary=False, written=False):
    """A credit note as Xero writes it; the parameters are those of :func:`.invoices.render`."""
    step = FOUR if unitdp == 4 else CENT
    result = {
        "CreditNoteID": note["CreditNoteID"],
        "CreditNoteNumber": note.get("CreditNoteNumber", ""),
        "ID": note["CreditNoteID"],
        "Type": note["Type"],
    }
    if note["Type"] == "ACCRECCREDIT":
        result["Reference"] = note.get("Reference", "")
        result["SentToContact"] = bool(note.get("SentToContact"))
    if not summary:
        result["Payments"] = []
        result["Allocations"] = [
            render_allocation(ledger, note, one, nested=True) for one in note.get("Allocations", ())
        ]
    ended = written and note["Status"] == "VOIDED"
    result["RemainingCredit"] = money(remaining(note, ended))
    result["CurrencyRate"] = round_to(Decimal(note["CurrencyRate"]), TEN)
    result["HasAttachments"] = bool(ledger.attachments_of.first(note["CreditNoteID"]))
    result["HasErrors"] = False
    if note.get("BrandingThemeID"):
        result["BrandingThemeID"] = note["BrandingThemeID"]
    party = ledger.contacts.get(note["ContactID"])
    result["Contact"] = contacts.render(ledger, party) if contact == "full" else contacts.render_short(party)
    result["DateString"] = date_string(note["Date"])
    result["Date"] = ms_date(note["Date"])
    if note.get("DueDate"):
        result["DueDateString"] = date_string(note["DueDate"])
        result["DueDate"] = ms_date(note["DueDate"])
    if note.get("FullyPaidOnDate"):
        result["FullyPaidOnDate"] = ms_date(note["FullyPaidOnDate"])
    result["Status"] = note["Status"]
    result["LineAmountTypes"] = note["LineAmountTypes"]
    shown = note["LineItems"] if lines and not summary else ()
    result["LineItems"] = [render_line(ledger, line, step) for line in shown]
    result["SubTotal"] = money(note["SubTotal"])
    result["TotalTax"] = money(note["TotalTax"])
    result["Total"] = money(note["Total"])
    result["UpdatedDateUTC"] = ms_time(note["UpdatedDateUTC"])
    result["UpdatedDateUTCString"] = time_string(note["UpdatedDateUTC"])
    result["CurrencyCode"] = note["CurrencyCode"]
    return result


def matches_search(note, term):
    """``searchTerm``: CreditNoteNumber and Reference, without case [YAML]."""
    return any(term in (note.get(name) or "").casefold() for name in ("CreditNoteNumber", "Reference"))
