"""Products and services (provider_facts B9)."""

from ..common.index import fold
from .changes import merged
from .errors import Refused, bad_reference, business, missing, too_long
from .state import metadata
from .wire import plain, ref, ref_value

TYPES = ("Service", "NonInventory", "Inventory", "Group", "Category")
LENGTHS = {"Name": 100, "Sku": 100, "Description": 4000, "PurchaseDesc": 4000}
READ_ONLY = {"FullyQualifiedName", "Level", "QtyOnPurchaseOrder", "QtyOnSalesOrder", "AvgCost"}
DELETED = " (deleted)"
TAKEN = (
    "The name supplied already exists. : Another product or service is already using this name. "
    "Please use a different name."
)
ACCOUNTS = {  # reference → account types that fit
    "IncomeAccountRef": ("Income", "Other Income"),
    "ExpenseAccountRef": ("Cost of Goods Sold", "Expense", "Other Expense"),
    "AssetAccountRef": ("Other Current Asset",),
}


def save(books, values, document=None):
    """Create or change an item and return it.

    :raise Refused: the first rule that is broken
    """
    item = merged(document, values, READ_ONLY)
    if not item.get("Name", "").strip():
        raise missing("Name")
    item["Name"] = item["Name"].strip()
    for field, most in LENGTHS.items():
        if len(item.get(field, "")) > most:
            raise too_long(field, item[field], most)
    if any(sign in item["Name"] for sign in ":\t\n\r"):
        raise Refused("2040", "Invalid String : Name must not contain a colon, a tab or a new line", "Name")
    if "Type" not in item and document is not None:
        item["Type"] = document["Type"]
    if "Type" not in item:
        raise missing("Type")
    if item["Type"] not in TYPES:
        raise Refused("2170", f"Invalid Enumeration : {item['Type']:.40}", "Type")
    if document is not None and document["Type"] == "Inventory" != item["Type"]:
        raise business("An inventory item can't become another type.", "Type")
    parent = _check_parent(books, item, document)
    _check_accounts(books, item)
    _check_kind(books, item)
    was_active = document is None or document.get("Active", True)
    active = item["Active"] = item.get("Active", True)
    if not was_active and active:
        item["Name"] = item["Name"].removesuffix(DELETED)
    if active and books.item_names.first((parent, fold(item["Name"])), other_than=item.get("Id")):
        raise Refused("6240", TAKEN)
    if was_active and not active:
        item["Name"] += DELETED
    item.setdefault("Taxable", False)
    return books.put("Item", item)


def _check_parent(books, item, document):
    parent = ref_value(item.get("ParentRef"))
    if parent is None:
        item.pop("SubItem", None)
        return None
    above = books.items.get(parent)
    if above is None:
        raise bad_reference("Item", parent, "ParentRef")
    if document is not None and parent == document["Id"]:
        raise business("An item can't be its own parent.", "ParentRef")
    item["SubItem"], item["ParentRef"] = True, ref(parent)
    return parent


def _check_accounts(books, item):
    for field, types in ACCOUNTS.items():
        if field not in item:
            continue
        account = books.accounts.get(ref_value(item[field]))
        if account is None:
            raise bad_reference("Accounts", ref_value(item[field]), field)
        if not account["Active"]:
            raise Refused(
                "2500",
                "Invalid Reference Id : Something you're trying to use has been made inactive. Check the "
                "fields with accounts.",
                field,
            )
        if account["AccountType"] not in types:
            raise business(f"{field} must be an account of type {' or '.join(types)}.", field)
        item[field] = ref(account["Id"])
    for field in ("SalesTaxCodeRef", "PurchaseTaxCodeRef"):
        if field in item and not books.automated_tax:
            books.referred("TaxCode", item[field], field)


def _check_kind(books, item):
    kind = item["Type"]
    if kind in ("Service", "NonInventory") and not (
        "IncomeAccountRef" in item or "ExpenseAccountRef" in item
    ):
        raise missing("IncomeAccountRef")
    if kind == "Inventory":
        for field in (
            "IncomeAccountRef",
            "ExpenseAccountRef",
            "AssetAccountRef",
            "QtyOnHand",
            "InvStartDate",
        ):
            if field not in item:
                raise missing(field)
        if item.get("TrackQtyOnHand") is not True:
            raise missing("TrackQtyOnHand")
    if kind == "Group":
        for line in item.get("ItemGroupDetail", {}).get("ItemGroupLine", []):
            books.referred("Item", line.get("ItemRef"), "ItemRef")


def full_name(books, item):
    """``Category:Item``."""
    names, seen = [item["Name"]], {item["Id"]}
    while item.get("ParentRef"):
        item = books.items.get(ref_value(item["ParentRef"]))
        if item is None or item["Id"] in seen:
            break
        seen.add(item["Id"])
        names.append(item["Name"])
    return ":".join(reversed(names))


ORDER = (
    "Name", "Sku", "Description", "Active", "SubItem", "ParentRef", "Level", "FullyQualifiedName", "Taxable",
    "SalesTaxIncluded",
    "UnitPrice", "Type", "IncomeAccountRef", "PurchaseDesc", "PurchaseCost", "PurchaseTaxIncluded", "ExpenseAccountRef",
    "AssetAccountRef", "SalesTaxCodeRef", "PurchaseTaxCodeRef", "TrackQtyOnHand", "QtyOnHand",
    "ReorderPoint", "InvStartDate",
    "PrintGroupedItems", "ItemGroupDetail",
)  # fmt: skip
NUMBERS = ("UnitPrice", "PurchaseCost", "QtyOnHand", "ReorderPoint")


def render(books, item):
    derived = {
        "FullyQualifiedName": full_name(books, item),
        "TrackQtyOnHand": bool(item.get("TrackQtyOnHand")),
    }
    if item["Type"] not in ("Category", "Group"):
        derived["UnitPrice"] = plain(item.get("UnitPrice", 0))
        derived["PurchaseCost"] = plain(item.get("PurchaseCost", 0))
    for field in ("QtyOnHand", "ReorderPoint"):
        if field in item:
            derived[field] = plain(item[field])
    if "ParentRef" in item:
        parent = books.items.get(ref_value(item["ParentRef"]))
        derived["ParentRef"] = ref(parent["Id"], parent["Name"])
        derived["Level"] = derived["FullyQualifiedName"].count(":")
    for field in ACCOUNTS:
        if field in item:
            account = books.accounts.get(ref_value(item[field]))
            derived[field] = ref(account["Id"], account["Name"])
    if "ItemGroupDetail" in item:
        derived["ItemGroupDetail"] = {
            "ItemGroupLine": [
                {
                    "ItemRef": ref(
                        ref_value(line["ItemRef"]), books.items.get(ref_value(line["ItemRef"]))["Name"]
                    ),
                    "Qty": plain(line.get("Qty", 1)),
                }
                for line in item["ItemGroupDetail"].get("ItemGroupLine", [])
            ]
        }
    result = {
        field: derived.get(field, item.get(field)) for field in ORDER if field in derived or field in item
    }
    result.update(
        domain="QBO", sparse=False, Id=item["Id"], SyncToken=item["SyncToken"], MetaData=metadata(item)
    )
    return result
