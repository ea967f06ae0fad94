"""What is left to pay of an invoice: the one place that works it out, from the payments and credits on it (A9, A10)."""

from decimal import Decimal

from .arithmetic import ZERO


def paid(invoice):
    return sum((Decimal(payment["Amount"]) for payment in invoice.get("Payments", ())), ZERO)


def credited(invoice):
    return sum((Decimal(credit["AppliedAmount"]) for credit in invoice.get("CreditNotes", ())), ZERO)


def due(invoice):
    """What is left, whatever the status says."""
    return Decimal(invoice["Total"]) - paid(invoice) - credited(invoice)


def is_touched(invoice):
    """Does a payment or a credit note stand against it? Then most of it is fixed."""
    return bool(invoice.get("Payments") or invoice.get("CreditNotes"))


def settled(invoice):
    """``invoice`` with the amounts and the status that its payments and credits make.

    ``Payments`` (``Amount``, ``Date``) and ``CreditNotes`` (``AppliedAmount``, ``Date``) are what counts. An approved
    invoice of which nothing is left is paid from the last of their dates on, and approved again when one is taken away.
    """
    result = {**invoice, "AmountPaid": paid(invoice), "AmountCredited": credited(invoice)}
    result.pop("FullyPaidOnDate", None)
    if invoice["Status"] in ("AUTHORISED", "PAID"):
        done = is_touched(invoice) and due(invoice) == 0
        result["Status"] = "PAID" if done else "AUTHORISED"
        if done:
            entries = (*invoice.get("Payments", ()), *invoice.get("CreditNotes", ()))
            result["FullyPaidOnDate"] = max(entry["Date"] for entry in entries)
    return result
