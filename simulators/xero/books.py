"""What a bookkeeper does in the books: for the buttons of the pages and for ``POST /_sim/organisations/{tenant}``."""

from datetime import date

from . import balance, contacts, creditnotes, invoices, items, payments
from .errors import NotFound, Refused
from .rates import NAMES
from .shapes import SHAPES, fit
from .state import CLASS_OF_TYPE, fold
from .wire import as_guid

APP = "bookkeeper"
STATUS_OF_ACTION = {"approve": "AUTHORISED", "void": "VOIDED", "delete": "DELETED"}


def change(ledger, body):
    """Apply what the body names, in this order; the answer tells the ids of what was touched.

    ``PeriodLockDate``, ``EndOfYearLockDate`` (a day or null), ``rounding`` (bool), ``Name``, ``Class``, ``currencies``,
    ``accounts``, ``tax_rates``, ``tracking``, ``contacts``, ``merge``, ``items``, ``invoices``, ``credit_notes``,
    ``payments``.

    :raise Refused: with a sentence
    """
    known = {
        "PeriodLockDate", "EndOfYearLockDate", "rounding", "Name", "Class", "currencies", "accounts",
        "tax_rates", "tracking", "contacts", "merge", "items", "invoices", "credit_notes", "payments",
    }  # fmt: skip
    if set(body) - known:
        raise Refused(f"Unknown: {', '.join(sorted(set(body) - known))}.")
    result = {}
    for name in ("PeriodLockDate", "EndOfYearLockDate"):
        if name in body:
            ledger.change_organisation(**{name: body[name] and date.fromisoformat(body[name]).isoformat()})
    if "rounding" in body:
        ledger.change_organisation(_rounding=bool(body["rounding"]))
    for name in ("Name", "Class"):
        if name in body:
            ledger.change_organisation(**{name: body[name]})
    for code in body.get("currencies", ()):
        ledger.currencies.put(code, {"Code": code, "Description": NAMES.get(code, code)})
    for values in body.get("accounts", ()):
        set_account(ledger, values)
    for values in body.get("tax_rates", ()):
        set_tax_rate(ledger, values)
    for values in body.get("tracking", ()):
        set_tracking(ledger, values)
    result["contacts"] = [set_contact(ledger, values)["ContactID"] for values in body.get("contacts", ())]
    for pair in body.get("merge", ()):
        merge(ledger, pair["from"], pair["into"])
    result["items"] = [set_item(ledger, values) for values in body.get("items", ())]
    result["invoices"] = [set_invoice(ledger, values)["InvoiceID"] for values in body.get("invoices", ())]
    result["credit_notes"] = [
        set_credit_note(ledger, values)["CreditNoteID"] for values in body.get("credit_notes", ())
    ]
    result["payments"] = [set_payment(ledger, values)["PaymentID"] for values in body.get("payments", ())]
    return result


def set_account(ledger, values):
    """Add or change an account by Code."""
    existing = ledger.account(values["Code"]) or {}
    account = {
        "AccountID": ledger.new_id(),
        "Name": values["Code"],
        "Type": "REVENUE",
        "Status": "ACTIVE",
        "TaxType": "NONE",
        **existing,
        **values,
    }
    if account["Type"] not in CLASS_OF_TYPE:
        raise Refused(f"{account['Type']} is no account type.")
    account = ledger.touch(account)
    ledger.accounts.put(account["AccountID"], account)


def set_tax_rate(ledger, values):
    """Add or change a tax rate by TaxType."""
    existing = ledger.tax_rate(values["TaxType"]) or {}
    rate = {
        "Name": values["TaxType"],
        "EffectiveRate": 0,
        "Status": "ACTIVE",
        "ReportTaxType": "OUTPUT",
        "CanApplyToRevenue": True,
        "CanApplyToExpenses": False,
        "CanApplyToAssets": True,
        "CanApplyToEquity": True,
        "CanApplyToLiabilities": True,
        **existing,
        **values,
    }
    if "EffectiveRate" in values or not existing:
        rate["Components"] = [["Tax", rate["EffectiveRate"]]]
    ledger.tax_rates.put(rate["TaxType"], rate)


def set_tracking(ledger, values):
    """Add or change a tracking category by Name; ``Options``: names, or objects with Name and Status. Two at most are
    active."""
    wanted = fold(values["Name"])
    existing = next((one for one in ledger.tracking.values() if fold(one["Name"]) == wanted), None)
    others = [one for one in ledger.tracking.values() if one is not existing and one["Status"] == "ACTIVE"]
    status = values.get("Status", (existing or {}).get("Status", "ACTIVE"))
    if status == "ACTIVE" and len(others) >= 2:
        raise Refused("There are two active tracking categories already.")
    options = {fold(one["Name"]): one for one in (existing or {}).get("Options", ())}
    for given in values.get("Options", ()):
        given = given if isinstance(given, dict) else {"Name": given}
        before = options.get(fold(given["Name"]), {"TrackingOptionID": ledger.new_id(), "Status": "ACTIVE"})
        options[fold(given["Name"])] = {**before, **given}
    key = (existing or {}).get("TrackingCategoryID") or ledger.new_id()
    ledger.tracking.put(
        key,
        {
            "TrackingCategoryID": key,
            "Name": values["Name"],
            "Status": status,
            "Options": list(options.values()),
        },
    )


def set_contact(ledger, values):
    """Add or change a contact as a person may: an archived one can be edited and restored too."""
    values, existing = fit(values, SHAPES["contacts"], "contacts"), None
    if values.get("ContactID"):
        existing = ledger.contacts.get(as_guid(values["ContactID"]))
        if existing is None:
            raise Refused("There is no such contact.")
    elif values.get("Name"):
        wanted = fold(values["Name"])
        existing = next((c for c in ledger.contacts.values() if fold(c["Name"]) == wanted), None)
    if existing is not None and existing["ContactStatus"] != "ACTIVE":
        name = values.get("Name", existing["Name"])
        if values.get("ContactStatus") == "ACTIVE" and ledger.contact_names.first(fold(name)):
            raise Refused(f"The contact name {name} is already assigned to another contact.")
        status = values.get("ContactStatus", existing["ContactStatus"])
        contact = contacts.save(
            ledger, {**values, "ContactStatus": None}, {**existing, "ContactStatus": "ACTIVE"}
        )
        contact = {**contact, "ContactStatus": status}
        ledger.contacts.put(contact["ContactID"], contact)
    else:
        contact = contacts.save(ledger, values, existing)
    flags = {
        name: values[name] for name in ("IsCustomer", "IsSupplier") if isinstance(values.get(name), bool)
    }
    if flags:
        contact = {**contact, **flags}
        ledger.contacts.put(contact["ContactID"], contact)
    return contact


def merge(ledger, loser, winner):
    """Merge in the UI (A7): the loser is archived and says where it went; its documents move."""
    losing, winning = ledger.contacts.get(as_guid(loser)), ledger.contacts.get(as_guid(winner))
    if losing is None or winning is None or losing is winning:
        raise Refused("A merge needs two contacts of this organisation.")
    for documents, of_contact in (
        (ledger.invoices, ledger.invoices_of),
        (ledger.credit_notes, ledger.credit_notes_of),
    ):
        for key in list(of_contact.ids(losing["ContactID"])):
            moved = {**documents.get(key), "ContactID": winning["ContactID"]}
            documents.put(key, ledger.touch(moved))
    archived = {**losing, "ContactStatus": "ARCHIVED", "MergedToContactID": winning["ContactID"]}
    ledger.contacts.put(losing["ContactID"], ledger.touch(archived))
    ledger.contacts.put(winning["ContactID"], ledger.touch(winning))


def set_item(ledger, values):
    """Add or change an item by ItemID or Code; ``{"Code": …, "delete": true}`` deletes it. Returns its id."""
    values = fit(values, SHAPES["items"], "items")
    existing = items.find(ledger, values.get("ItemID") or values.get("Code", ""))
    if values.get("delete"):
        if existing is None:
            raise Refused("There is no such item.")
        ledger.items.delete(existing["ItemID"])
        return existing["ItemID"]
    return items.save(ledger, values, 4, existing)["ItemID"]


def set_invoice(ledger, values):
    """Add or change an invoice, or with ``action`` (approve, void, delete, pay) do that to the one that is named."""
    action = values.get("action")
    wanted = values.get("InvoiceID") or values.get("InvoiceNumber") or ""
    existing = invoices.find(ledger, wanted) if wanted else None
    if action is None:
        return invoices.upsert(ledger, fit(values, SHAPES["invoices"], "invoices"), 4, APP)
    if existing is None:
        raise Refused("There is no such invoice.")
    if action == "pay":
        pay(ledger, existing, values.get("amount"), values.get("account"), values.get("date"))
        return ledger.invoices.get(existing["InvoiceID"])
    if action not in STATUS_OF_ACTION:
        raise Refused("The action is one of approve, void, delete and pay.")
    values = {"InvoiceID": existing["InvoiceID"], "Status": STATUS_OF_ACTION[action]}
    return invoices.upsert(ledger, values, 4, APP)


def pay(ledger, invoice, amount=None, account=None, day=None, reference=""):
    """Record a payment in the books, part or whole, as a person in Xero would; returns it.

    :raise Refused: with a sentence
    """
    return payments.create(
        ledger,
        {
            "Invoice": {"InvoiceID": invoice["InvoiceID"]},
            "Account": {"Code": account or "090"},
            "Amount": balance.due(invoice) if amount is None else amount,
            "Date": day or None,
            "Reference": reference,
        },
        APP,
    )


def set_payment(ledger, values):
    """Add a payment (``InvoiceID`` or ``InvoiceNumber``, ``amount``, ``account``, ``date``, ``reference``), or with
    ``{"PaymentID": …, "delete": true}`` remove one."""
    if values.get("PaymentID"):
        payment = ledger.payments.get(as_guid(values["PaymentID"]))
        if payment is None or not values.get("delete"):
            raise Refused(
                "There is no such payment, or nothing to do with it: payments are added and deleted."
            )
        return payments.delete(ledger, payment, {"Status": "DELETED"})
    invoice = invoices.find(ledger, values.get("InvoiceID") or values.get("InvoiceNumber") or "")
    if invoice is None:
        raise Refused("There is no such invoice.")
    return pay(
        ledger,
        invoice,
        values.get("amount"),
        values.get("account"),
        values.get("date"),
        values.get("reference", ""),
    )


def set_credit_note(ledger, values):
    """Add or change a credit note, or with ``action`` (approve, void, delete, allocate, release) do that to the one
    that is named. ``allocate``: ``invoice`` (id or number), ``amount`` (all that is open on both), ``date``;
    ``release``: ``allocation`` (its id)."""
    action = values.get("action")
    wanted = values.get("CreditNoteID") or values.get("CreditNoteNumber") or ""
    existing = creditnotes.find(ledger, wanted) if wanted else None
    if action is None:
        return creditnotes.upsert(ledger, fit(values, SHAPES["creditnotes"], "creditnotes"), 4, APP)
    if existing is None:
        raise Refused("There is no such credit note.")
    if action == "allocate":
        invoice = invoices.find(ledger, values.get("invoice") or "")
        if invoice is None:
            raise Refused("There is no such invoice.")
        amount = values.get("amount")
        if amount is None:
            amount = min(creditnotes.remaining(existing), balance.due(invoice))
        given = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": amount, "Date": values.get("date")}
        creditnotes.allocate(ledger, existing, given)
    elif action == "release":
        try:
            creditnotes.release(ledger, existing, as_guid(values.get("allocation") or ""))
        except NotFound:
            raise Refused("There is no such allocation.") from None
    elif action in STATUS_OF_ACTION:
        values = {"CreditNoteID": existing["CreditNoteID"], "Status": STATUS_OF_ACTION[action]}
        creditnotes.upsert(ledger, values, 4, APP)
    else:
        raise Refused("The action is one of approve, void, delete, allocate and release.")
    return ledger.credit_notes.get(existing["CreditNoteID"])
