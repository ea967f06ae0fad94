"""What a person does in QuickBooks: for the buttons of the pages and for ``POST /_sim/companies/{realm}``."""

from ..common.numbers import number
from . import items, names, payments, projects, sales, seeds
from .errors import business
from .fields import SHAPES, fit
from .state import LISTS
from .wire import parse_day, ref

SETTINGS = {  # what the body may set → where it is kept
    "CustomTxnNumbers": "custom_numbers",
    "WarnDuplicateInvoiceNumber": "warn_duplicates",
    "ProjectsEnabled": "projects",
    "MultiCurrencyEnabled": "multicurrency",
    "UseAccountNumbers": "account_numbers",
    "ClassTrackingPerTxnLine": "classes_per_line",
}
STATUSES = ("active", "lapsed", "closed")
PARTS = ("contacts", "vendors", "employees", "merge", "items", "invoices", "creditmemos", "projects",
    "tax_rates", "accounts", "classes", "payments",
         "currencies")  # fmt: skip


def change(books, body):
    """Apply what the body names; the answer tells the ids of what was touched.

    ``CompanyName``, ``status`` (active, lapsed, closed), ``BookCloseDate`` (a day or null), the preferences of
    SETTINGS, and
    ``contacts``, ``vendors``, ``employees``, ``merge``, ``items``, ``invoices``, ``creditmemos``, ``projects``,
    ``tax_rates``,
    ``accounts``, ``classes``, ``payments``, ``currencies``.

    :raise Refused: with a sentence
    """
    known = {"CompanyName", "status", "BookCloseDate", *SETTINGS, *PARTS}
    if set(body) - known:
        raise business(f"Unknown: {', '.join(sorted(set(body) - known))}.")
    _change_company(books, body)
    for code in body.get("currencies", ()):
        set_list_entry(
            books, "CompanyCurrency", {"Id": code, "Code": code, "Name": seeds.CURRENCY_NAMES.get(code, code)}
        )
    for rate in body.get("tax_rates", ()):
        before = books.tax_rates.get(str(rate["Id"])) or {"Name": f"Rate {rate['Id']}", "RateValue": "0"}
        seeds.put_rate(
            books,
            str(rate["Id"]),
            rate.get("Name", before["Name"]),
            str(rate.get("RateValue", before["RateValue"])),
        )
    for account in body.get("accounts", ()):
        set_list_entry(books, "Account", account)
    for values in body.get("classes", ()):
        set_list_entry(books, "Class", values)
    result = {
        "contacts": [set_name(books, "Customer", values) for values in body.get("contacts", ())],
        "vendors": [set_name(books, "Vendor", values) for values in body.get("vendors", ())],
        "employees": [set_name(books, "Employee", values) for values in body.get("employees", ())],
    }
    for pair in body.get("merge", ()):
        names.merge(books, _named(books, pair["from"])["Id"], _named(books, pair["into"])["Id"])
    result["items"] = [set_item(books, values) for values in body.get("items", ())]
    result["projects"] = [projects.set_project(books, values) for values in body.get("projects", ())]
    for part, kind in (("invoices", "Invoice"), ("creditmemos", "CreditMemo")):
        result[part] = [set_sale(books, kind, values) for values in body.get(part, ())]
    result["payments"] = [set_payment(books, values) for values in body.get("payments", ())]
    return result


def _change_company(books, body):
    changes = {kept: bool(body[name]) for name, kept in SETTINGS.items() if name in body}
    if "CompanyName" in body:
        changes["name"] = str(body["CompanyName"])
    if "status" in body:
        if body["status"] not in STATUSES:
            raise business(f"The status is one of {', '.join(STATUSES)}.")
        changes["status"] = body["status"]
    if "BookCloseDate" in body:
        changes["closing_date"] = parse_day(body["BookCloseDate"]) if body["BookCloseDate"] else None
    if changes:
        books.change_company(**changes, _changes=books.company.get("_changes", 0) + 1, _updated=books.now())


def set_list_entry(books, kind, values):
    """Add or change an account, a term and so on by Id."""
    key = str(values.get("Id") or books.new_id(kind))
    before = books.of(kind).get(key) or {"Active": True, "_created": books.now(), "SyncToken": "-1"}
    document = {
        **before,
        **values,
        "Id": key,
        "_updated": books.now(),
        "SyncToken": str(int(before["SyncToken"]) + 1),
    }
    if kind == "Account":
        document = {
            "SubAccount": False, "Classification": "Revenue", "AccountType": "Income",
            "AccountSubType": "SalesOfProductIncome",
            "CurrentBalance": 0, "CurrentBalanceWithSubAccounts": 0, "Name": f"Account {key}", **document,
        }  # fmt: skip
        document["FullyQualifiedName"] = document["Name"]
    if kind == "Class":
        document = {"Name": f"Class {key}", "SubClass": False, **document}
        document.setdefault("FullyQualifiedName", document["Name"])
    books.of(kind).put(key, document)
    return key


def _named(books, text, kind="Customer"):
    found = names.find(books, text, kind)
    if found is None:
        raise business(f"There is no {kind.lower()} {text}.")
    return found


def _sparse(document, values):
    return {**values, "Id": document["Id"], "sparse": True}


def set_name(books, kind, values):
    """Add a name, or change the one with that Id or DisplayName (``rename`` gives a new one). Returns its id."""
    values = dict(values)
    new_name = values.pop("rename", None)
    values = fit(values, SHAPES[kind], kind)
    document = names.find(books, values.get("Id") or values.get("DisplayName", ""), kind)
    if document is None:
        if values.get("Id"):
            raise business(f"There is no {kind.lower()} {values['Id']}.")
        return names.save(books, kind, values)["Id"]
    if new_name:
        values["DisplayName"] = str(new_name)
    elif "DisplayName" in values and not values.get("Id"):
        # It was named to be found.
        del values["DisplayName"]
    return names.save(books, kind, _sparse(document, values), document)["Id"]


def find_item(books, text):
    """By id, SKU or name, active ones first."""
    if str(text) in books.items:
        return books.items.get(str(text))
    wanted = str(text).casefold()
    found = [i for i in books.items.values() if wanted in (i["Name"].casefold(), i.get("Sku", "").casefold())]
    return min(found, key=lambda i: not i.get("Active", True), default=None)


def set_item(books, values):
    """Add an item, or change the one with that Id, Sku or Name (``rename`` gives a new name). Returns its id."""
    values = dict(values)
    new_name = values.pop("rename", None)
    values = fit(values, SHAPES["Item"], "Item")
    wanted = values.get("Id") or values.get("Sku") or values.get("Name", "")
    document = find_item(books, wanted)
    if document is None:
        if values.get("Type", "Service") in ("Service", "NonInventory"):
            values = {"Type": "Service", "IncomeAccountRef": ref("9"), **values}
        return items.save(books, values)["Id"]
    if new_name:
        values["Name"] = str(new_name)
    return items.save(books, _sparse(document, values), document)["Id"]


def set_sale(books, kind, values):
    """Add a document, or change the one with that Id or DocNumber; ``action``: void, delete, pay (``amount``), send."""
    values = dict(values)
    action = values.pop("action", None)
    wanted = values.get("Id") or values.get("DocNumber")
    document = sales.find(books, kind, wanted) if wanted else None
    if action is None:
        amounts = fit(values, SHAPES[kind], kind)
        if document is None:
            return sales.save(books, kind, amounts)["Id"]
        return sales.save(books, kind, _sparse(document, amounts), document)["Id"]
    if document is None:
        raise business("There is no such document.")
    if action == "void":
        sales.void(books, kind, document)
    elif action == "delete":
        sales.delete(books, kind, document)
    elif action == "send":
        sales.send(books, kind, document, values.get("to"))
    elif action == "pay":
        return pay(books, document, values.get("amount"), bool(values.get("deposited")))
    else:
        raise business("The action is one of void, delete, send and pay.")
    return document["Id"]


def set_payment(books, values):
    """Receive a payment of one invoice or several, or with ``action`` (delete, void) undo the one with that Id.

    :param values: ``invoices`` (``[{"DocNumber" or "Id", "amount"}]``), ``account`` (its Id), ``date``, ``reference``,
        ``total`` (more than what is applied stays as credit of the customer)
    """
    if values.get("action"):
        payment = books.payments.get(str(values.get("Id")))
        if payment is None or values["action"] not in ("delete", "void"):
            raise business("There is no such payment, or nothing to do with it but delete and void.")
        (payments.delete if values["action"] == "delete" else payments.void)(books, payment)
        return payment["Id"]
    lines, first = [], None
    for entry in values.get("invoices", ()):
        invoice = sales.find(books, "Invoice", entry.get("Id") or entry.get("DocNumber"))
        if invoice is None:
            raise business("There is no such invoice.")
        first = first or invoice
        lines.append(
            {
                "Amount": _amount(entry.get("amount"), invoice["Balance"]),
                "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}],
            }
        )
    if first is None:
        raise business("A payment names the invoices that it pays.")
    body = {
        "CustomerRef": first["CustomerRef"],
        "CurrencyRef": first["CurrencyRef"],
        "TotalAmt": _amount(values.get("total"), sum(line["Amount"] for line in lines)),
        "Line": lines,
    }
    if values.get("account"):
        body["DepositToAccountRef"] = ref(str(values["account"]))
    if values.get("date"):
        body["TxnDate"] = parse_day(values["date"])
    if values.get("reference"):
        body["PaymentRefNum"] = str(values["reference"])
    return payments.save(books, body)["Id"]


def _amount(given, otherwise):
    value = otherwise if given in (None, "") else number(given)
    if value is None or value <= 0:
        raise business("The amount of a payment is a number above 0.")
    return value


def pay(books, invoice, amount=None, deposited=False):
    """A payment of the invoice: the whole balance, or ``amount``. Returns the payment's id."""
    value = _amount(amount, invoice["Balance"])
    payment = payments.save(
        books,
        {
            "CustomerRef": invoice["CustomerRef"],
            "CurrencyRef": invoice["CurrencyRef"],
            "TotalAmt": value,
            "Line": [{"Amount": value, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}],
        },
    )
    if deposited:
        books.replace("Payment", {**payment, "_deposited": True})
    return payment["Id"]


__all__ = ["LISTS", "change", "pay", "set_item", "set_name", "set_payment", "set_sale"]
