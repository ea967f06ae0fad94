"""Payments of invoices: made, listed, deleted; never changed (provider_facts A10).

Messages marked (ours) in the README have no source; clients are not to match on their words.
"""

from datetime import date
from decimal import Decimal

from ..common.numbers import CENT, number, round_to
from . import balance, contacts
from .errors import Refused
from .rates import day_rate
from .state import fold
from .wire import SIX, TEN, as_guid, money, ms_date, ms_time, parse_day, time_string

EXCEEDS = "Payment amount exceeds the amount outstanding on this document"
WRONG_DOCUMENT = "Payments can only be made against Authorised documents"
NO_INVOICE = "An existing Invoice with the specified InvoiceID or InvoiceNumber could not be found"
NO_ACCOUNT = "An existing Account with the specified AccountID or Code could not be found"
WRONG_STATUS = "Payment not of valid status for modification"

FIELDS = {
    "paymentid": lambda p: p["PaymentID"],
    "date": lambda p: (date.fromisoformat(p["Date"]) - date(1970, 1, 1)).days * 86_400_000,
    "amount": lambda p: Decimal(p["Amount"]),
    "reference": lambda p: p.get("Reference"),
    "status": lambda p: p["Status"],
    "paymenttype": lambda p: p["PaymentType"],
    "isreconciled": lambda p: bool(p.get("IsReconciled")),
    "invoice.invoiceid": lambda p: p["InvoiceID"],
    "account.accountid": lambda p: p["AccountID"],
    "updateddateutc": lambda p: p["UpdatedDateUTC"],
}


def fields(ledger):
    """FIELDS with those of the invoice and its contact."""

    def invoice(payment):
        return ledger.invoices.get(payment["InvoiceID"])

    return {
        **FIELDS,
        "invoice.invoicenumber": lambda p: invoice(p).get("InvoiceNumber"),
        "invoice.contact.contactid": lambda p: invoice(p)["ContactID"],
    }


def find_invoice(ledger, values):
    """The invoice that a payment names: by ``Invoice`` (InvoiceID, InvoiceNumber) or ``InvoiceNumber``; None."""
    named = values.get("Invoice") or {}
    key = as_guid(named.get("InvoiceID"))
    if key:
        return ledger.invoices.get(key)
    text = named.get("InvoiceNumber") or values.get("InvoiceNumber")
    key = ledger.invoice_numbers.first(fold(text)) if text else None
    return ledger.invoices.get(key) if key else None


def find_account(ledger, values):
    named = values.get("Account") or {}
    key = as_guid(named.get("AccountID"))
    if key:
        return ledger.accounts.get(key)
    code = named.get("Code") or values.get("Code")
    return ledger.account(code) if code else None


# === WRITING === #


def create(ledger, values, app):
    """PUT and POST: a payment of one invoice.

    :raise Refused: with every message
    """
    if values.get("PaymentID"):
        raise Refused("Payments cannot be changed. Delete the payment and make a new one.")
    messages = []
    invoice, account = find_invoice(ledger, values), find_account(ledger, values)
    if invoice is None:
        messages.append(NO_INVOICE)
    elif invoice["Status"] not in ("AUTHORISED", "PAID"):
        messages.append(WRONG_DOCUMENT)
    messages += _account_messages(account)
    day = ledger.today() if values.get("Date") is None else parse_day(values["Date"])
    messages += ["The Date is not a valid date."] if day is None else ledger.lock_messages(day)
    amount = number(values.get("Amount"))
    if amount is None or round_to(amount, CENT) <= 0:
        messages.append("The payment amount must be greater than zero")
    elif invoice is not None and round_to(amount, CENT) > balance.due(invoice):
        messages.append(EXCEEDS)
    if messages:
        raise Refused(*dict.fromkeys(messages))
    payment = {
        "PaymentID": ledger.new_id(),
        "InvoiceID": invoice["InvoiceID"],
        "AccountID": account["AccountID"],
        "Date": day,
        "Amount": round_to(amount, CENT),
        "Reference": values.get("Reference") or "",
        "IsReconciled": values.get("IsReconciled") is True,
        "Status": "AUTHORISED",
        "PaymentType": "ACCRECPAYMENT" if invoice["Type"] == "ACCREC" else "ACCPAYPAYMENT",
        "_App": app,
    }
    payment["CurrencyRate"] = _rate(ledger, values, invoice, day)
    payment["BankAmount"] = _bank_amount(ledger, values, invoice, account, payment)
    entry = {name: payment[name] for name in ("PaymentID", "Date", "Amount", "CurrencyRate", "Reference")}
    _keep(ledger, {**invoice, "Payments": [*invoice["Payments"], entry]})
    return _put(ledger, payment)


def _account_messages(account):
    if account is None:
        return [NO_ACCOUNT]
    if account["Status"] != "ACTIVE":
        return [f"Account '{account['Name']}' has been archived, or has been deleted."]
    if account["Type"] != "BANK" and not account.get("EnablePaymentsToAccount"):
        return [f"Account code '{account.get('Code', '')}' is not a valid code for payments."]
    return []


def _rate(ledger, values, invoice, day):
    base, currency = ledger.base_currency, invoice["CurrencyCode"]
    if currency == base:
        return Decimal("1.000000")
    if values.get("CurrencyRate") is None:
        return day_rate(base, currency, day)
    rate = number(values["CurrencyRate"])
    if rate is None or rate <= 0:
        raise Refused("The CurrencyRate must be a number greater than zero.")
    return round_to(rate, SIX)


def _bank_amount(ledger, values, invoice, account, payment):
    """The amount in the currency of the bank account."""
    theirs = account.get("CurrencyCode") or ledger.base_currency
    if theirs == invoice["CurrencyCode"]:
        return payment["Amount"]
    if theirs == ledger.base_currency:
        return round_to(payment["Amount"] / payment["CurrencyRate"], CENT)
    given = number(values.get("BankAmount"))
    if given is None or given <= 0:
        raise Refused("The BankAmount must be given for an account in another currency.")
    return round_to(given, CENT)


def delete(ledger, payment, values):
    """POST /Payments/{PaymentID}: the one change there is, ``{"Status": "DELETED"}``."""
    if values.get("Status") != "DELETED" or payment["Status"] == "DELETED":
        raise Refused(WRONG_STATUS)
    if locked := ledger.lock_messages(payment["Date"]):
        raise Refused(*locked)
    invoice = ledger.invoices.get(payment["InvoiceID"])
    left = [entry for entry in invoice["Payments"] if entry["PaymentID"] != payment["PaymentID"]]
    _keep(ledger, {**invoice, "Payments": left})
    return _put(ledger, {**payment, "Status": "DELETED"})


def _keep(ledger, invoice):
    invoice = ledger.touch(balance.settled(invoice))
    ledger.invoices.put(invoice["InvoiceID"], invoice)


def _put(ledger, payment):
    payment = ledger.touch(payment)
    ledger.payments.put(payment["PaymentID"], payment)
    return payment


# === RENDERING === #


def render(ledger, payment):
    """A payment as Xero writes it: its invoice without lines, its account by id and code."""
    invoice = ledger.invoices.get(payment["InvoiceID"])
    account = ledger.accounts.get(payment["AccountID"])
    short = {"AccountID": account["AccountID"]}
    if account.get("Code"):
        short["Code"] = account["Code"]
    return {
        "PaymentID": payment["PaymentID"],
        "Date": ms_date(payment["Date"]),
        "BankAmount": money(payment["BankAmount"]),
        "Amount": money(payment["Amount"]),
        "Reference": payment["Reference"],
        "CurrencyRate": round_to(Decimal(payment["CurrencyRate"]), TEN),
        "PaymentType": payment["PaymentType"],
        "Status": payment["Status"],
        "UpdatedDateUTC": ms_time(payment["UpdatedDateUTC"]),
        "UpdatedDateUTCString": time_string(payment["UpdatedDateUTC"]),
        "HasAccount": True,
        "IsReconciled": bool(payment["IsReconciled"]),
        "Account": short,
        "Invoice": {
            "Type": invoice["Type"],
            "InvoiceID": invoice["InvoiceID"],
            "InvoiceNumber": invoice.get("InvoiceNumber", ""),
            "Payments": [],
            "CreditNotes": [],
            "Prepayments": [],
            "Overpayments": [],
            "IsDiscounted": False,
            "HasErrors": False,
            "Contact": contacts.render_short(ledger.contacts.get(invoice["ContactID"])),
            "LineItems": [],
            "CurrencyCode": invoice["CurrencyCode"],
        },
        "HasValidationErrors": False,
    }


def render_in_invoice(entry):
    """A payment as its invoice shows it."""
    result = {
        "PaymentID": entry["PaymentID"],
        "Date": ms_date(entry["Date"]),
        "Amount": money(entry["Amount"]),
    }
    if entry.get("Reference"):
        result["Reference"] = entry["Reference"]
    result["CurrencyRate"] = round_to(Decimal(entry["CurrencyRate"]), TEN)
    result.update(HasAccount=False, HasValidationErrors=False)
    return result


def matches_search(_payment, _term):
    """Payments have no ``searchTerm``; naming this has them paged."""
    return True
