"""Customers, vendors and employees: one name space, sub-customers, projects (provider_facts B8)."""

import re

from ..common.index import fold
from .changes import merged
from .errors import Refused, bad_reference, business, missing, too_long
from .state import NAMES, metadata
from .wire import ZERO, plain, ref, ref_value

LENGTHS = {
    "DisplayName": 500,
    "CompanyName": 100,
    "GivenName": 100,
    "MiddleName": 100,
    "FamilyName": 100,
    "Title": 16,
    "Suffix": 16,
    "PrintOnCheckName": 110,
    "Notes": 2000,
    "AcctNum": 100,
}
WITHOUT_COLON = (
    "DisplayName",
    "Title",
    "GivenName",
    "MiddleName",
    "FamilyName",
    "Suffix",
    "PrintOnCheckName",
)
PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
PHONES = ("PrimaryPhone", "Mobile", "Fax", "AlternatePhone")
ADDRESSES = ("BillAddr", "ShipAddr", "PrimaryAddr")
READ_ONLY = {
    "FullyQualifiedName", "Balance", "BalanceWithJobs", "Level", "IsProject", "OverDueBalance",
    "TotalExpense", "TotalRevenue",
    "RootCustomerRef", "V4IDPseudonym", "IntuitId",
}  # fmt: skip
MAX_LEVEL = 4  # five levels, the first is 0
DELETED = " (deleted)"
TAKEN = (
    "The name supplied already exists. : Another customer, vendor or employee is already using this name. Please use a "
    "different name."
)
ADDRESS_PATTERN = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")


def save(books, kind, values, document=None, project=None):
    """Create (without ``document``) or change a name and return it.

    :param project: True makes the customer a project, as the Projects API does; REST cannot (B13)
    :raise Refused: the first rule that is broken
    """
    name = merged(document, values, READ_ONLY)
    _check_texts(name)
    _default_names(name, document, values)
    if kind == "Customer":
        _check_parent(books, name, document)
        if project is not None:
            name["IsProject"] = project
    _check_currency(books, kind, name, document)
    for reference, entity in (("SalesTermRef", "Term"), ("PaymentMethodRef", "PaymentMethod")):
        if reference in name:
            books.referred(entity, name[reference], reference)
    was_active = document is None or document.get("Active", True)
    active = name["Active"] = name.get("Active", True)
    if (
        was_active
        and not active
        and any(books.customers.get(key).get("Active", True) for key in books.children.ids(name["Id"]))
    ):
        raise business("You can't make a customer inactive that has active sub-customers.")
    if not was_active and active:
        for field in ("DisplayName", "PrintOnCheckName"):
            name[field] = name[field].removesuffix(DELETED)
    if active and books.names_in_use.first(fold(name["DisplayName"]), other_than=name.get("Id")):
        raise Refused("6240", TAKEN)
    if was_active and not active:
        # The name is free again (B6).
        name["DisplayName"] += DELETED
    for field in ADDRESSES:
        if field in name:
            name[field] = {"Id": books.next_id("addresses"), **name[field]}
    if kind == "Customer":
        name.setdefault("Taxable", books.automated_tax)
        name.setdefault("BillWithParent", False)
        name.setdefault("PreferredDeliveryMethod", "None")
    return books.put(kind, name)


def _check_texts(name):
    for field, most in LENGTHS.items():
        if len(name.get(field, "")) > most:
            raise too_long(field, name[field], most)
    for field in WITHOUT_COLON:
        if re.search(r"[:\t\n\r]", name.get(field, "")):
            raise Refused(
                "2040", f"Invalid String : {field} must not contain a colon, a tab or a new line", field
            )
    for field in PHONES:
        text = name.get(field, {}).get("FreeFormNumber", "")
        if len(text) > 30:
            raise too_long(field, text, 30)
    email = name.get("PrimaryEmailAddr", {}).get("Address", "")
    if len(email) > 100:
        raise too_long("PrimaryEmailAddr", email, 100)
    # Several addresses stand behind one another with commas.
    if email and not all(ADDRESS_PATTERN.fullmatch(part.strip()) for part in email.split(",")):
        raise Refused("2210", f"Invalid Email Address format : {email:.60}", "PrimaryEmailAddr")


def _default_names(name, document, values):
    if not name.get("DisplayName", "").strip():
        made = " ".join(name[part].strip() for part in PARTS if name.get(part, "").strip())
        if not made:
            raise Refused(
                "6080",
                "Title, GivenName, MiddleName, FamilyName, DisplayName, Suffix - one of these must be non-empty",
            )
        name["DisplayName"] = made
    name["DisplayName"] = name["DisplayName"].strip()
    follows = document is not None and document.get("PrintOnCheckName") == document["DisplayName"]
    if "PrintOnCheckName" not in name or (follows and not values.get("PrintOnCheckName")):
        name["PrintOnCheckName"] = name["DisplayName"][: LENGTHS["PrintOnCheckName"]]


def _check_parent(books, name, document):
    parent = ref_value(name.get("ParentRef"))
    name["Job"] = bool(name.get("Job", parent is not None))
    if name["Job"] != (parent is not None):
        raise missing("ParentRef" if name["Job"] else "Job")
    if parent is None:
        return
    above = books.customers.get(parent)
    if above is None:
        raise bad_reference("Names", parent, "ParentRef")
    own = (document or {}).get("Id")
    if own and own in (parent, *(n["Id"] for n in ancestors(books, above))):
        raise business("A customer can't be a sub-customer of itself.", "ParentRef")
    if level(books, above) + 1 > MAX_LEVEL:
        raise business("You can have up to five levels of sub-customers.", "ParentRef")
    if above.get("IsProject"):
        raise business("A project can't have sub-customers.", "ParentRef")
    name["ParentRef"] = ref(parent)


def _check_currency(books, kind, name, document):
    if kind == "Employee":
        name.pop("CurrencyRef", None)
        return
    sent = ref_value(name.get("CurrencyRef"))
    before = ref_value((document or {}).get("CurrencyRef"))
    parent = books.customers.get(ref_value(name.get("ParentRef"))) if kind == "Customer" else None
    code = sent or before or (ref_value(parent["CurrencyRef"]) if parent else books.home)
    if code != books.home and not books.multicurrency:
        raise business("Multicurrency is not enabled for this company.", "CurrencyRef")
    if code not in books.currencies:
        raise bad_reference("Currency", code, "CurrencyRef")
    if before and code != before:
        raise business("The currency of a customer or vendor can't be changed.", "CurrencyRef")
    if parent and code != ref_value(parent["CurrencyRef"]):
        raise business("A sub-customer has the currency of its parent.", "CurrencyRef")
    name["CurrencyRef"] = ref(code)


def ancestors(books, name):
    """The parents of a customer, nearest first."""
    result = []
    while name is not None and name.get("ParentRef") and len(result) <= MAX_LEVEL:
        name = books.customers.get(ref_value(name["ParentRef"]))
        if name is not None:
            result.append(name)
    return result


def level(books, name):
    return len(ancestors(books, name))


def full_name(books, name):
    """``Parent:Child``."""
    return ":".join([*(n["DisplayName"] for n in reversed(ancestors(books, name))), name["DisplayName"]])


def balance(books, name, with_children=False):
    """Open invoices less open credit, in the currency of the customer."""
    total = ZERO
    for key in books.documents_of.ids(name["Id"]):
        if key in books.invoices:
            total += books.invoices.get(key)["Balance"]
        elif key in books.credit_memos:
            total -= books.credit_memos.get(key)["Balance"]
        else:
            total -= books.payments.get(key)["UnappliedAmt"]
    if with_children:
        for key in books.children.ids(name["Id"]):
            total += balance(books, books.customers.get(key), with_children=True)
    return total


ORDER = {
    "Customer": (
        "Taxable", "BillAddr", "ShipAddr", "Notes", "Job", "BillWithParent", "ParentRef", "SalesTermRef",
        "PaymentMethodRef",
        "CurrencyRef", "PreferredDeliveryMethod", "IsProject", "PrimaryTaxIdentifier", "ResaleNum",
    ),
    "Vendor": ("BillAddr", "AcctNum", "Vendor1099", "CurrencyRef", "TermRef"),
    "Employee": ("BillableTime", "PrimaryAddr", "EmployeeNumber", "HiredDate"),
}  # fmt: skip
COMMON = (*PARTS, "FullyQualifiedName", "CompanyName", "DisplayName", "PrintOnCheckName", "Active", *PHONES,
    "PrimaryEmailAddr",
          "WebAddr")  # fmt: skip


def render(books, kind, name):
    derived = {}
    if kind == "Customer":
        derived = {
            "FullyQualifiedName": full_name(books, name),
            "IsProject": bool(name.get("IsProject")),
            "CurrencyRef": ref(
                ref_value(name["CurrencyRef"]), books.currencies.get(ref_value(name["CurrencyRef"]))["Name"]
            ),
        }
        if "ParentRef" in name:
            derived["ParentRef"] = ref(ref_value(name["ParentRef"]))
    result = {}
    for field in ORDER[kind]:
        if field in derived or field in name:
            result[field] = derived.get(field, name.get(field))
    if kind != "Employee":
        result["Balance"] = plain(balance(books, name)) if kind == "Customer" else 0
    if kind == "Customer":
        result["BalanceWithJobs"] = plain(balance(books, name, with_children=True))
        if name["Job"]:
            result["Level"] = level(books, name)
    result.update(
        domain="QBO", sparse=False, Id=name["Id"], SyncToken=name["SyncToken"], MetaData=metadata(name)
    )
    for field in COMMON:
        if field in derived or field in name:
            result[field] = derived.get(field, name.get(field))
    return result


def merge(books, loser, winner):
    """What the merge of the page does: documents and sub-customers move, the loser is gone (B13)."""
    losing, winning = books.customers.get(str(loser)), books.customers.get(str(winner))
    if losing is None or winning is None or losing is winning:
        raise business("A merge needs two customers of this company.")
    if losing["CurrencyRef"] != winning["CurrencyRef"]:
        raise business("Customers with different currencies can't be merged.")
    if losing.get("IsProject") or winning.get("IsProject"):
        raise business("Projects can't be merged.")
    if losing["Id"] in (n["Id"] for n in ancestors(books, winning)):
        raise business("A customer can't be merged into its own sub-customer.")
    for key in books.documents_of.ids(losing["Id"]):
        for kind in ("Invoice", "CreditMemo", "Payment"):
            document = books.of(kind).get(key)
            if document is not None:
                books.put(kind, {**document, "CustomerRef": ref(winning["Id"])})
    for key in books.children.ids(losing["Id"]):
        books.put("Customer", {**books.customers.get(key), "ParentRef": ref(winning["Id"])})
    books.remove("Customer", losing, into=winning["Id"])
    return books.put("Customer", winning)


def find(books, text, kind="Customer"):
    """By id or display name, active ones first; None when there is none."""
    if str(text) in books.of(kind):
        return books.of(kind).get(str(text))
    wanted = fold(text)
    found = [n for n in books.of(kind).values() if fold(n["DisplayName"]) == wanted]
    return min(found, key=lambda n: not n.get("Active", True), default=None)


__all__ = ["NAMES", "balance", "find", "full_name", "merge", "render", "save"]
