"""Items: validation, upsert, deletion and rendering (provider_facts A8)."""

from decimal import Decimal

from ..common.numbers import CENT, number, round_to
from .contacts import clean_text
from .errors import Refused
from .state import CLASS_OF_TYPE, fold
from .wire import FOUR, as_guid, ms_time_bare

TEXT = {
    "Code": 30,
    "Name": 50,
    "Description": 4000,
    "PurchaseDescription": 4000,
    "InventoryAssetAccountCode": None,
}

FIELDS = {
    "itemid": lambda i: i["ItemID"],
    "code": lambda i: i["Code"],
    "name": lambda i: i.get("Name"),
    "description": lambda i: i.get("Description"),
    "purchasedescription": lambda i: i.get("PurchaseDescription"),
    "issold": lambda i: i["IsSold"],
    "ispurchased": lambda i: i["IsPurchased"],
    "istrackedasinventory": lambda i: bool(i.get("InventoryAssetAccountCode")),
    "salesdetails.unitprice": lambda i: i.get("SalesDetails", {}).get("UnitPrice"),
    "salesdetails.accountcode": lambda i: i.get("SalesDetails", {}).get("AccountCode"),
    "purchasedetails.unitprice": lambda i: i.get("PurchaseDetails", {}).get("UnitPrice"),
    "updateddateutc": lambda i: i["UpdatedDateUTC"],
}


def find(ledger, identifier):
    """By ItemID or Code; None when there is none."""
    key = as_guid(identifier)
    if key and key in ledger.items:
        return ledger.items.get(key)
    return ledger.item(identifier)


def _details(ledger, given, old, step, label, messages):
    """SalesDetails or PurchaseDetails: what is not sent stays."""
    details = dict(old)
    if given.get("UnitPrice") is not None:
        price = number(given["UnitPrice"])
        if price is None:
            messages.append(f"{label}.UnitPrice must be a number.")
        else:
            details["UnitPrice"] = round_to(price, step)
    for name in ("AccountCode", "COGSAccountCode"):
        code = given.get(name)
        if code is None:
            continue
        account = ledger.account(code) if code else None
        if code and (account is None or account["Status"] != "ACTIVE"):
            messages.append(f"Account code '{code}' is not a valid code for this document.")
        details[name] = code
    tax_type = given.get("TaxType")
    if tax_type is not None:
        if tax_type and (ledger.tax_rate(tax_type) or {}).get("Status") != "ACTIVE":
            messages.append(f"The TaxType code '{tax_type}' does not exist.")
        details["TaxType"] = tax_type
    return {name: value for name, value in details.items() if value != ""}


def save(ledger, values, unitdp, existing=None):
    """Create or change one item and return it. UnitPrice keeps 2 decimals, or 4 with ``unitdp=4`` [YAML].

    :raise Refused: with every message that applies
    """
    messages = []
    fields = clean_text(values, TEXT, messages)
    own_id = existing["ItemID"] if existing else None
    code = fields.get("Code")
    if existing is None and not (code or "").strip():
        messages.append("Price List Item Code must be supplied")
    elif code is not None and not code.strip():
        messages.append("Price List Item Code must be supplied")
    elif code and ledger.item_codes.first(fold(code), other_than=own_id):
        messages.append(f"Price List Item with Code '{code}' already exists")
    step = FOUR if unitdp == 4 else CENT
    old = existing or {"IsSold": True, "IsPurchased": True}
    for name in ("IsSold", "IsPurchased"):
        if isinstance(values.get(name), bool):
            fields[name] = values[name]
    for name in ("SalesDetails", "PurchaseDetails"):
        if values.get(name) is not None:
            fields[name] = _details(ledger, values[name], old.get(name, {}), step, name, messages)
    asset = fields.get("InventoryAssetAccountCode")
    if asset:
        _check_tracked(ledger, asset, fields.get("PurchaseDetails", old.get("PurchaseDetails", {})), messages)
    if messages:
        raise Refused(*messages)
    item = {"ItemID": own_id or ledger.new_id(), **old, **fields}
    if not item["IsSold"]:
        item.pop("Description", None)
        item.pop("SalesDetails", None)
    if not item["IsPurchased"]:
        item.pop("PurchaseDescription", None)
        item.pop("PurchaseDetails", None)
    item = ledger.touch(item)
    ledger.items.put(item["ItemID"], item)
    return item


def _check_tracked(ledger, asset_code, purchase, messages):
    """[YAML]: the asset account is of type INVENTORY and a cost-of-goods account is needed."""
    account = ledger.account(asset_code)
    if account is None or account["Type"] != "INVENTORY":
        messages.append("The InventoryAssetAccountCode must be the code of an account of type INVENTORY.")
    cogs = ledger.account(purchase.get("COGSAccountCode") or "")
    if cogs is None or CLASS_OF_TYPE[cogs["Type"]] != "EXPENSE":
        messages.append("A COGSAccountCode must be supplied in PurchaseDetails for a tracked item.")


def create(ledger, values, unitdp):
    """PUT: an existing code is an error."""
    if values.get("ItemID"):
        raise Refused("A new item cannot have an ItemID. Use POST to change an item.")
    return save(ledger, values, unitdp)


def upsert(ledger, values, unitdp):
    """POST: by ItemID, then Code; creates otherwise."""
    if values.get("ItemID"):
        existing = ledger.items.get(as_guid(values["ItemID"]))
        if existing is None:
            raise Refused("An existing Item with the specified ItemID could not be found")
    else:
        existing = ledger.item(values["Code"]) if values.get("Code") else None
    return save(ledger, values, unitdp, existing)


def _render_details(details, step):
    result = {}
    if details.get("UnitPrice") is not None:
        result["UnitPrice"] = round_to(Decimal(details["UnitPrice"]), step)
    for name in ("AccountCode", "COGSAccountCode", "TaxType"):
        if details.get(name):
            result[name] = details[name]
    return result


def render(item, unitdp):
    step = FOUR if unitdp == 4 else CENT
    result = {"ItemID": item["ItemID"], "Code": item["Code"]}
    for name in ("Description", "PurchaseDescription"):
        if item.get(name):
            result[name] = item[name]
    result["UpdatedDateUTC"] = ms_time_bare(item["UpdatedDateUTC"])
    result["PurchaseDetails"] = _render_details(item.get("PurchaseDetails", {}), step)
    result["SalesDetails"] = _render_details(item.get("SalesDetails", {}), step)
    if item.get("Name"):
        result["Name"] = item["Name"]
    tracked = bool(item.get("InventoryAssetAccountCode"))
    result["IsTrackedAsInventory"] = tracked
    if tracked:
        result["InventoryAssetAccountCode"] = item["InventoryAssetAccountCode"]
        result["TotalCostPool"] = round_to(Decimal(item.get("TotalCostPool", 0)), CENT)
        result["QuantityOnHand"] = round_to(Decimal(item.get("QuantityOnHand", 0)), FOUR)
    result["IsSold"] = item["IsSold"]
    result["IsPurchased"] = item["IsPurchased"]
    return result
