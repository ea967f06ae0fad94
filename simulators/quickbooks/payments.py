"""Payments as plain documents: an amount of a customer, applied to invoices or kept as credit.

A credit memo is applied by a payment, too: a line that links it adds to what the payment has for invoices, so one of
nothing (``TotalAmt`` 0) with a line for the credit memo and one for the invoice applies the one to the other.
"""

from ..common.numbers import round_to
from . import sales
from .changes import merged
from .errors import Refused, bad_reference, business, missing
from .state import metadata
from .wire import ZERO, plain, ref, ref_value

READ_ONLY = {"UnappliedAmt", "LinkedTxn", "HomeTotalAmt", "TxnStatus", "TxnSource"}
#: type of a linked transaction → does it use up what the payment has, or add to it?
APPLIES_TO = {"Invoice": 1, "CreditMemo": -1}
DEPOSIT_TYPES = ("Bank", "Other Current Asset")


def save(books, values, document=None):
    """Create or change a payment and return it.

    :raise Refused: the first rule that is broken
    """
    if document is not None and document.get("_deposited"):
        raise sales.deposited()
    payment = merged(document, values, READ_ONLY)
    if "CustomerRef" not in payment:
        raise missing("CustomerRef")
    customer = books.customers.get(str(ref_value(payment["CustomerRef"])))
    if customer is None:
        raise bad_reference("Names", ref_value(payment["CustomerRef"]), "CustomerRef")
    if "TotalAmt" not in payment:
        raise missing("TotalAmt")
    payment["TotalAmt"] = round_to(payment["TotalAmt"])
    if payment["TotalAmt"] < 0:
        raise business("Transaction amount must be 0 or greater.", "TotalAmt")
    payment["CustomerRef"] = ref(customer["Id"])
    payment.setdefault("TxnDate", books.today())
    sales.check_open(books, payment["TxnDate"], document)
    if not books.multicurrency:
        payment.pop("CurrencyRef", None)
    sales.set_currency(books, payment, customer)
    if "PaymentMethodRef" in payment:
        books.referred("PaymentMethod", payment["PaymentMethodRef"], "PaymentMethodRef")
    _check_deposit(books, payment)
    applied = _applications(books, payment)
    payment["UnappliedAmt"] = payment["TotalAmt"] - _used(applied)
    if payment["UnappliedAmt"] < 0:
        raise business("The amounts applied exceed the amount of the payment.", "Line")
    payment = books.put("Payment", payment)
    for kind, key in set(_applied(document)) - set(applied):
        sales.apply_payment(books, kind, key, payment["Id"], None)
    for (kind, key), amount in applied.items():
        if _applied(document).get((kind, key)) != amount:
            sales.apply_payment(books, kind, key, payment["Id"], amount)
    return payment


def _check_deposit(books, payment):
    """A payment goes to a bank or another current asset; without an account to Undeposited Funds."""
    if "DepositToAccountRef" not in payment:
        funds = [a for a in books.accounts.values() if a.get("AccountSubType") == "UndepositedFunds"]
        if funds:
            payment["DepositToAccountRef"] = ref(funds[0]["Id"])
        return
    account = books.referred("Account", payment["DepositToAccountRef"], "DepositToAccountRef", "Accounts")
    if not account.get("Active", True):
        raise Refused("2500", sales.INACTIVE.format(what="accounts"), "DepositToAccountRef")
    if account["AccountType"] not in DEPOSIT_TYPES:
        raise business("You must select a bank or current asset account for this transaction.")


def _applied(payment):
    return {
        (linked["TxnType"], linked["TxnId"]): line["Amount"]
        for line in (payment or {}).get("Line", [])
        for linked in line.get("LinkedTxn", [])
        if linked.get("TxnType") in APPLIES_TO
    }


def _used(applied):
    """What invoices take of the payment, less what credit memos bring."""
    return sum((APPLIES_TO[kind] * amount for (kind, _key), amount in applied.items()), ZERO)


def _applications(books, payment):
    """(type, id) of a document → amount; also cleans the lines."""
    for line in payment.get("Line", []):
        if "Amount" not in line:
            raise missing("Line.Amount")
        line["Amount"] = round_to(line["Amount"])
        for linked in line.get("LinkedTxn", []):
            if linked.get("TxnType") not in APPLIES_TO:
                raise bad_reference("Txn", linked.get("TxnId"), "LinkedTxn")
            document = books.of(linked["TxnType"]).get(str(linked.get("TxnId")))
            if document is None or document["CustomerRef"] != payment["CustomerRef"]:
                raise bad_reference("Txn", linked.get("TxnId"), "LinkedTxn")
    return _applied(payment)


def without(books, payment, document_id):
    """The payment without its line for a document that goes away. What a credit memo no longer brings is taken from the
    invoices that had it, the last one first."""
    lines = [line for line in payment.get("Line", []) if document_id not in _ids(line)]
    lacking = _used(_applied({"Line": lines})) - payment["TotalAmt"]
    left = []
    for line in reversed(lines):
        if lacking > 0 and line["LinkedTxn"][0]["TxnType"] == "Invoice":
            kept = max(line["Amount"] - lacking, ZERO)
            lacking -= line["Amount"] - kept
            sales.apply_payment(books, "Invoice", _ids(line)[0], payment["Id"], kept or None)
            line = {**line, "Amount": kept}
        if line["Amount"]:
            left.insert(0, line)
    return {**payment, "Line": left, "UnappliedAmt": payment["TotalAmt"] - _used(_applied({"Line": left}))}


def _ids(line):
    return [linked.get("TxnId") for linked in line.get("LinkedTxn", [])]


def void(books, payment):
    """The amount becomes 0 and the invoices are open again."""
    if payment.get("_deposited"):
        raise sales.deposited()
    sales.check_open(books, payment["TxnDate"])
    for kind, key in _applied(payment):
        sales.apply_payment(books, kind, key, payment["Id"], None)
    note = payment.get("PrivateNote", "")
    return books.put(
        "Payment",
        {
            **payment,
            "TotalAmt": ZERO,
            "UnappliedAmt": ZERO,
            "Line": [],
            "PrivateNote": f"{sales.VOIDED} - {note}" if note else sales.VOIDED,
        },
    )


def delete(books, payment):
    if payment.get("_deposited"):
        raise sales.deposited()
    sales.check_open(books, payment["TxnDate"])
    for kind, key in _applied(payment):
        sales.apply_payment(books, kind, key, payment["Id"], None)
    books.remove("Payment", payment)


ORDER = ("CustomerRef", "DepositToAccountRef", "PaymentMethodRef", "PaymentRefNum", "TotalAmt",
    "UnappliedAmt", "TxnDate",
         "CurrencyRef", "ExchangeRate", "PrivateNote", "ProjectRef", "Line")  # fmt: skip


def render(books, payment):
    customer = books.customers.get(ref_value(payment["CustomerRef"]))
    code = ref_value(payment["CurrencyRef"])
    derived = {
        "CustomerRef": ref(customer["Id"], customer["DisplayName"]),
        "CurrencyRef": ref(code, books.currencies.get(code)["Name"]),
        "TotalAmt": plain(payment["TotalAmt"]),
        "UnappliedAmt": plain(payment["UnappliedAmt"]),
        "Line": [
            {"Amount": plain(line["Amount"]), "LinkedTxn": line.get("LinkedTxn", [])}
            for line in payment.get("Line", [])
        ],
    }
    if books.multicurrency:
        derived["ExchangeRate"] = plain(payment["ExchangeRate"])
    hidden = set() if books.multicurrency else {"ExchangeRate"}
    result = {
        field: derived.get(field, payment.get(field))
        for field in ORDER
        if (field in derived or field in payment) and field not in hidden
    }
    result["ProcessPayment"] = False
    result.update(
        domain="QBO",
        sparse=False,
        Id=payment["Id"],
        SyncToken=payment["SyncToken"],
        MetaData=metadata(payment),
    )
    return result
