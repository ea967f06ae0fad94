"""Payments as plain documents: an amount of a customer, applied to invoices or kept as credit."""

from ..common.numbers import round_to
from . import sales
from .changes import merged
from .errors import Refused, bad_reference, business, missing
from .state import metadata
from .wire import ZERO, plain, ref, ref_value

READ_ONLY = {"UnappliedAmt", "LinkedTxn", "HomeTotalAmt", "TxnStatus", "TxnSource"}
APPLIES_TO = ("Invoice",)
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
    payment["UnappliedAmt"] = payment["TotalAmt"] - sum(applied.values(), ZERO)
    if payment["UnappliedAmt"] < 0:
        raise business("The amounts applied exceed the amount of the payment.", "Line")
    payment = books.put("Payment", payment)
    for key in set(_applied(document)) - set(applied):
        sales.apply_payment(books, "Invoice", key, payment["Id"], None)
    for key, amount in applied.items():
        if _applied(document).get(key) != amount:
            sales.apply_payment(books, "Invoice", key, payment["Id"], amount)
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
        linked["TxnId"]: line["Amount"]
        for line in (payment or {}).get("Line", [])
        for linked in line.get("LinkedTxn", [])
        if linked.get("TxnType") in APPLIES_TO
    }


def _applications(books, payment):
    """Invoice id → amount; also cleans the lines."""
    for line in payment.get("Line", []):
        if "Amount" not in line:
            raise missing("Line.Amount")
        line["Amount"] = round_to(line["Amount"])
        for linked in line.get("LinkedTxn", []):
            if linked.get("TxnType") not in APPLIES_TO:
                raise bad_reference("Txn", linked.get("TxnId"), "LinkedTxn")
            invoice = books.invoices.get(str(linked.get("TxnId")))
            if invoice is None or invoice["CustomerRef"] != payment["CustomerRef"]:
                raise bad_reference("Txn", linked.get("TxnId"), "LinkedTxn")
    return _applied(payment)


def void(books, payment):
    """The amount becomes 0 and the invoices are open again."""
    if payment.get("_deposited"):
        raise sales.deposited()
    sales.check_open(books, payment["TxnDate"])
    for key in _applied(payment):
        sales.apply_payment(books, "Invoice", key, payment["Id"], None)
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
    for key in _applied(payment):
        sales.apply_payment(books, "Invoice", key, payment["Id"], None)
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
