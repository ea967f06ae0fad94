"""Invoices and credit memos: lines, tax, numbers, currency, void and delete (provider_facts B10–B12)."""

from decimal import Decimal

from ..common.index import fold
from ..common.numbers import round_to
from . import names, payments
from .arithmetic import HUNDRED, fits, net_of, shares, spread, tax_groups, tax_lines
from .changes import merged
from .errors import Refused, bad_reference, business, missing, not_found, too_long
from .fields import is_empty
from .rates import home_units
from .state import metadata
from .wire import ZERO, add_days, plain, ref, ref_value, stamp

READ_ONLY = {
    "TotalAmt", "Balance", "HomeTotalAmt", "HomeBalance", "LinkedTxn", "RemainingCredit", "InvoiceLink",
    "TotalCostAmount",
    "HomeTotalCostAmount", "InvoiceLinkSecurityCode", "InvoiceLinkExpiryDate", "invoiceStatus",
    "callToAction", "TxnStatus",
    "TxnSource", "AutoDocNumber",
}  # fmt: skip
MAX_LINES = 750
ENUMS = {
    "EmailStatus": ("NotSet", "NeedToSend", "EmailSent"),
    "PrintStatus": ("NotSet", "NeedToPrint", "PrintComplete"),
    "GlobalTaxCalculation": ("TaxExcluded", "TaxInclusive", "NotApplicable"),
}
DEFAULT_ITEM = "1"  # a sales line without an item falls back to "Services"
INACTIVE = "Invalid Reference Id : Something you're trying to use has been made inactive. Check the fields with {what}."
VOIDED = "Voided"


def save(books, kind, values, document=None, duplicate_number=False):
    """Create or change an invoice or credit memo and return it.

    :param duplicate_number: ``include=allowduplicatedocnum``
    :raise Refused: the first rule that is broken
    """
    sale = merged(document, values, READ_ONLY)
    if "CustomerRef" not in sale:
        raise missing("CustomerRef")
    if not sale.get("Line"):
        raise missing("Line")
    customer = _customer(books, sale)
    _check_project(books, sale, customer)
    _set_head(books, sale, document, values, customer)
    check_open(books, sale["TxnDate"], document)
    _set_number(books, kind, sale, document, duplicate_number)
    resent = document is None or values.get("sparse") is not True
    if resent or {"Line", "TxnTaxDetail", "GlobalTaxCalculation", "CustomerRef"} & set(values):
        _work_out(books, sale, document, customer, values.get("TxnTaxDetail", {}))
    paid = _paid(sale)
    total = sale["TotalAmt"]
    if paid > total:
        raise business("The amount paid exceeds the new total of this transaction.", "TotalAmt")
    sale["Balance"] = total - paid - sale.get("Deposit", ZERO)
    return books.put(kind, sale)


def _customer(books, sale):
    key = ref_value(sale["CustomerRef"])
    customer = books.customers.get(str(key))
    if customer is None:
        raise bad_reference("Names", key, "CustomerRef")
    if not customer.get("Active", True):
        raise Refused("2500", INACTIVE.format(what="customers"), "CustomerRef")
    sale["CustomerRef"] = ref(customer["Id"])
    return customer


def _check_project(books, sale, customer):
    if "ProjectRef" not in sale:
        return
    project = books.customers.get(str(ref_value(sale["ProjectRef"])))
    if project is None or not project.get("IsProject"):
        raise bad_reference("Project", ref_value(sale["ProjectRef"]), "ProjectRef")
    family = [project["Id"], *(n["Id"] for n in names.ancestors(books, project))]
    if customer["Id"] not in family:
        raise business("The project belongs to another customer.", "ProjectRef")
    sale["ProjectRef"] = ref(project["Id"])


def _set_head(books, sale, document, values, customer):
    for field, allowed in ENUMS.items():
        if field in sale and sale[field] not in allowed:
            raise Refused("2170", f"Invalid Enumeration : {sale[field]:.40}", field)
    for field, most in (("PrivateNote", 4000), ("DocNumber", 21)):
        if len(sale.get(field, "")) > most:
            raise too_long(field, sale[field], most)
    memo = sale.get("CustomerMemo", {}).get("value", "")
    if len(memo) > 1000:
        raise too_long("CustomerMemo", memo, 1000)
    address = sale.get("BillEmail", {}).get("Address", "")
    if address and not all(names.ADDRESS_PATTERN.fullmatch(part.strip()) for part in address.split(",")):
        raise Refused("2210", f"Invalid Email Address format : {address:.60}", "BillEmail")
    if sale.get("EmailStatus") == "NeedToSend" and not address:
        raise missing("BillEmail")
    sale.setdefault("TxnDate", books.today())
    term = books.referred("Term", sale["SalesTermRef"], "SalesTermRef") if "SalesTermRef" in sale else None
    dated = {"TxnDate", "SalesTermRef"} & set(values) or "DueDate" not in sale
    if dated and "DueDate" not in values:
        sale["DueDate"] = add_days(sale["TxnDate"], term.get("DueDays", 0) if term else 0)
    sale.setdefault("EmailStatus", "NotSet")
    sale.setdefault("PrintStatus", "NeedToPrint")
    sale.setdefault("ApplyTaxAfterDiscount", False)
    if books.automated_tax:
        sale.pop("GlobalTaxCalculation", None)  # outside the US only (B11)
    else:
        sale.setdefault("GlobalTaxCalculation", "TaxExcluded")
    set_currency(books, sale, customer)


def set_currency(books, document, customer):
    """CurrencyRef and ExchangeRate (B12): the customer's currency, home units for one foreign unit."""
    code, own = ref_value(document.get("CurrencyRef")), ref_value(customer["CurrencyRef"])
    if code is None:
        if books.multicurrency:
            raise missing("CurrencyRef")
        code = own
    if code != own:
        raise business(
            f"The currency of the transaction must be the customer's currency, {own}.", "CurrencyRef"
        )
    document["CurrencyRef"] = ref(code)
    if code == books.home:
        document["ExchangeRate"] = Decimal(1)
    elif document.get("ExchangeRate", ZERO) <= 0:
        document["ExchangeRate"] = home_units(books.home, code, document["TxnDate"])


def check_open(books, day, document=None):
    """:raise Refused: 6210 when the day, or the day of the existing document, is in closed books"""
    closed = books.company.get("closing_date")
    if closed and min(day, (document or {}).get("TxnDate", day)) <= closed:
        raise Refused(
            "6210",
            "Account Period Closed, Cannot Update Through Services API : The account period has closed "
            "and the account books "
            "cannot be updated through through the QBO Services API. Please use the QBO website to make these changes.",
        )


def _set_number(books, kind, sale, document, duplicate_number):
    if not books.company["custom_numbers"]:
        # QuickBooks numbers it and ignores ours (B10).
        sale["DocNumber"] = (document or {}).get("DocNumber") or next_number(books)
        return
    if sale.get("DocNumber") == "AUTO_GENERATE":
        sale["DocNumber"] = next_number(books)
        return
    number = sale.get("DocNumber")
    if not number or duplicate_number or not books.company["warn_duplicates"]:
        return
    other = books.numbers.first((kind, fold(number)), other_than=sale.get("Id"))
    if other:
        raise Refused(
            "6140",
            "Duplicate Document Number Error : You must specify a different number. This number has already been used. "
            f"DocNumber={number} is assigned to TxnType={kind} with TxnId={other}",
        )


def next_number(books):
    number = books.company.get("_next_number", 1001)
    while any(books.numbers.first((kind, str(number))) for kind in ("Invoice", "CreditMemo")):
        number += 1
    books.change_company(_next_number=number + 1)
    return str(number)


# === LINES === #


def _work_out(books, sale, document, customer, tax_detail):
    """Check the lines, give them ids, and set the amounts that follow from them."""
    lines = [line for line in sale["Line"] if line.get("DetailType") != "SubTotalLineDetail"]
    if not lines:
        raise missing("Line")
    if len(lines) > MAX_LINES:
        raise business(f"A transaction can have up to {MAX_LINES} lines.", "Line")
    known = {line["Id"] for line in (document or {}).get("Line", ())}
    highest = max([int(key) for key in known if key.isdigit()], default=0)
    result = []
    for number, line in enumerate(lines, 1):
        line = _check_line(books, sale, {name: value for name, value in line.items() if not is_empty(value)})
        if line.get("Id") not in known:
            highest += 1
            line["Id"] = str(highest)
        line["LineNum"] = number
        result.append(line)
    sale["Line"] = result
    _set_amounts(books, sale, customer, tax_detail)


def _check_line(books, sale, line):
    kind = line.get("DetailType")
    if kind is None:
        raise missing("Line.DetailType")
    if len(line.get("Description", "")) > 4000:
        raise too_long("Description", line["Description"], 4000)
    if kind == "DescriptionOnly":
        return {
            k: v for k, v in line.items() if k in ("Id", "Description", "DetailType", "DescriptionLineDetail")
        }
    if kind == "DiscountLineDetail":
        return _check_discount(line)
    if kind == "GroupLineDetail":
        detail = line.get("GroupLineDetail", {})
        group = books.items.get(str(ref_value(detail.get("GroupItemRef"))))
        if group is None or group["Type"] != "Group":
            raise bad_reference("Item", ref_value(detail.get("GroupItemRef")), "GroupItemRef")
        inner = [_check_line(books, sale, dict(part)) for part in detail.get("Line", [])]
        line["GroupLineDetail"] = {**detail, "GroupItemRef": ref(group["Id"]), "Line": inner}
        line["Amount"] = sum((part["Amount"] for part in inner), ZERO)
        return line
    if kind != "SalesItemLineDetail":
        raise Refused("2170", f"Invalid Enumeration : {kind:.40}", "DetailType")
    return _check_item_line(books, sale, line)


def _check_discount(line):
    detail = line.get("DiscountLineDetail", {})
    if detail.get("PercentBased"):
        if "DiscountPercent" not in detail:
            raise Refused("6090", "Discount amount or percent should be provided.", "DiscountLineDetail")
    elif "Amount" not in line:
        raise Refused("6090", "Discount amount or percent should be provided.", "DiscountLineDetail")
    line["DiscountLineDetail"] = detail
    return line


def _check_item_line(books, sale, line):
    detail = {
        name: value for name, value in line.get("SalesItemLineDetail", {}).items() if not is_empty(value)
    }
    if "Amount" not in line:
        raise missing("Line.Amount")
    if not detail.get("Qty") and not detail.get("UnitPrice") and line["Amount"]:
        # python-quickbooks sends zeros for what was not set, and the amount alone counts.
        detail.pop("Qty", None)
        detail.pop("UnitPrice", None)
    if not detail.get("TaxInclusiveAmt"):
        detail.pop("TaxInclusiveAmt", None)
    if (
        "Qty" in detail
        and "UnitPrice" in detail
        and not fits(line["Amount"], detail["Qty"], detail["UnitPrice"])
    ):
        raise Refused(
            "6070",
            f"Amount calculation incorrect in the request : Amount is not equal to UnitPrice * Qty. "
            f"Supplied value:{line['Amount']}",
            "Line.Amount",
        )
    key = str(ref_value(detail.get("ItemRef")) or DEFAULT_ITEM)
    item = books.items.get(key)
    if item is None:
        raise bad_reference("Item", key, "ItemRef")
    if not item.get("Active", True):
        raise Refused("2500", INACTIVE.format(what="items"), "ItemRef")
    if item["Type"] in ("Category", "Group"):
        raise business(f"An item of type {item['Type']} can't be sold on a line.", "ItemRef")
    detail["ItemRef"] = ref(item["Id"])
    account = item.get("IncomeAccountRef")
    detail.pop("ItemAccountRef", None)
    if account:
        detail["ItemAccountRef"] = account
    detail["TaxCodeRef"] = ref(_tax_code(books, sale, item, ref_value(detail.get("TaxCodeRef"))))
    if sale.get("GlobalTaxCalculation") == "NotApplicable":
        del detail["TaxCodeRef"]
    _check_class(books, detail)
    line["Amount"] = round_to(line["Amount"])
    line["SalesItemLineDetail"] = detail
    return line


def _check_class(books, detail):
    if "ClassRef" not in detail:
        return
    if not books.company.get("classes_per_line"):
        # A feature that is off leaves no trace (ours: nothing is documented).
        del detail["ClassRef"]
        return
    found = books.referred("Class", detail["ClassRef"], "ClassRef")
    if not found.get("Active", True):
        raise Refused("2500", INACTIVE.format(what="classes"), "ClassRef")
    detail["ClassRef"] = ref(found["Id"])


def _tax_code(books, sale, item, code):
    if books.automated_tax:
        if code is None:
            return "TAX" if item.get("Taxable") else "NON"
        if code not in ("TAX", "NON"):
            raise Refused(
                "6100",
                f"Valid Line TaxCodes for US should be TAX or NON. Supplied value:{code:.40}",
                "TaxCodeRef",
            )
        return code
    if sale["GlobalTaxCalculation"] == "NotApplicable":
        return ""
    if code is None:
        raise business(
            "Make sure all your transactions have a VAT or GST rate before you save.", "TaxCodeRef"
        )
    found = books.tax_codes.get(code)
    if found is None:
        raise bad_reference("TaxCode", code, "TaxCodeRef")
    if not found["Active"]:
        raise Refused("2500", INACTIVE.format(what="tax codes"), "TaxCodeRef")
    return code


# === AMOUNTS === #


def rates_of(books):
    """A function from a tax code to its sales rates: ``[(rate id, percent)]``."""

    def rates(code):
        code = books.company["automated_code"] if code == "TAX" else code
        found = books.tax_codes.get(code) if code else None
        details = (found or {}).get("SalesTaxRateList", {}).get("TaxRateDetail", [])
        keys = [ref_value(detail["TaxRateRef"]) for detail in details]
        return [(key, Decimal(books.tax_rates.get(key)["RateValue"])) for key in keys]

    return rates


def _selling(lines):
    """The lines that sell something, those of groups among them."""
    for line in lines:
        if line["DetailType"] == "SalesItemLineDetail":
            yield line
        elif line["DetailType"] == "GroupLineDetail":
            yield from _selling(line["GroupLineDetail"]["Line"])


def _set_amounts(books, sale, customer, tax_detail):
    rates = rates_of(books)
    lines = list(_selling(sale["Line"]))
    if sale.get("GlobalTaxCalculation") == "TaxInclusive":
        _make_net(lines, rates)
    subtotal = sum((line["Amount"] for line in lines), ZERO)
    discount = _discount(sale["Line"], subtotal)
    reductions = shares(discount, [line["Amount"] for line in lines])
    exempt = books.automated_tax and not customer.get("Taxable", True)
    taxed = [
        (
            None if exempt else ref_value(line["SalesItemLineDetail"].get("TaxCodeRef")),
            line["Amount"] - reduction,
        )
        for line, reduction in zip(lines, reductions, strict=True)
    ]
    entries = tax_lines(tax_groups(taxed, rates), rates)
    if sale.get("GlobalTaxCalculation") == "TaxInclusive":
        # The prices include the tax: it is what the gross amounts leave, so that the total stays what people agreed.
        gross = sum((line["SalesItemLineDetail"]["TaxInclusiveAmt"] for line in lines), ZERO)
        if entries and not discount:
            entries = spread(entries, gross - subtotal)
    entries = _overridden(books, entries, tax_detail)
    tax = sum((entry[2] for entry in entries.values()), ZERO)
    sale["_subtotal"], sale["_discount"] = subtotal, discount
    sale["TxnTaxDetail"] = _tax_detail(books, entries, tax)
    sale["TotalAmt"] = subtotal - discount + tax
    if sale["TotalAmt"] < 0:
        raise business("Transaction amount must be 0 or greater.", "TotalAmt")


def _make_net(lines, rates):
    """Amounts that include tax become net ones; TaxInclusiveAmt keeps the gross."""
    for line in lines:
        detail = line["SalesItemLineDetail"]
        percent = sum((value for _key, value in rates(ref_value(detail.get("TaxCodeRef")))), ZERO)
        if "TaxInclusiveAmt" not in detail:
            detail["TaxInclusiveAmt"] = line["Amount"]
            line["Amount"] = net_of(line["Amount"], percent)
            if detail.get("Qty"):
                detail["UnitPrice"] = round_to(line["Amount"] / detail["Qty"], Decimal("0.0000001"))


def _discount(lines, subtotal):
    total = ZERO
    for line in lines:
        if line["DetailType"] != "DiscountLineDetail":
            continue
        detail = line["DiscountLineDetail"]
        if detail.get("PercentBased"):
            line["Amount"] = round_to(subtotal * detail["DiscountPercent"] / HUNDRED)
        line["Amount"] = round_to(line["Amount"])
        total += line["Amount"]
    return total


def _overridden(books, entries, tax_detail):
    """What was sent as tax is kept: amounts by rate, or the total, cut in proportion (B11)."""
    sent = {}
    for line in tax_detail.get("TaxLine", []):
        key = ref_value(line.get("TaxLineDetail", {}).get("TaxRateRef"))
        if key is None or "Amount" not in line:
            continue
        if key not in books.tax_rates:
            raise bad_reference("TaxRate", key, "TaxRateRef")
        sent[key] = round_to(line["Amount"])
    if set(sent) == set(entries) and sent:
        entries = {key: [entry[0], entry[1], sent[key]] for key, entry in entries.items()}
    if "TotalTax" in tax_detail and entries and (not sent or set(sent) != set(entries)):
        entries = spread(entries, round_to(tax_detail["TotalTax"]))
    return entries


def _tax_detail(books, entries, tax):
    result = {"TotalTax": tax}
    if books.automated_tax and entries:
        result["TxnTaxCodeRef"] = ref(books.company["automated_code"])
    if entries:
        result["TaxLine"] = [
            {
                "Amount": amount,
                "DetailType": "TaxLineDetail",
                "TaxLineDetail": {
                    "TaxRateRef": ref(key),
                    "PercentBased": True,
                    "TaxPercent": percent,
                    "NetAmountTaxable": net,
                },
            }
            for key, (percent, net, amount) in entries.items()
        ]
    return result


def _paid(sale):
    return sum((amount for _kind, _key, amount in sale.get("_payments", ())), ZERO)


def apply_payment(books, kind, key, payment, amount):
    """Let a payment (None takes it away) count for an invoice or credit memo."""
    sale = books.of(kind).get(key)
    if sale is None:
        return
    others = [entry for entry in sale.get("_payments", ()) if entry[1] != payment]
    if amount:
        others.append(["Payment", payment, amount])
    balance = sale["TotalAmt"] - sum((entry[2] for entry in others), ZERO) - sale.get("Deposit", ZERO)
    if balance < 0:
        raise business("The amount applied exceeds the open balance of the transaction.", "Line")
    books.put(kind, {**sale, "_payments": others, "Balance": balance})


# === VOID, DELETE, SEND === #


def _release(books, sale):
    """Payments of a document that goes away stay as credit of the customer."""
    for _kind, key, _amount in sale.get("_payments", ()):
        payment = books.payments.get(key)
        if payment is None:
            continue
        if payment.get("_deposited"):
            raise deposited()
        books.put("Payment", payments.without(books, payment, sale["Id"]))


def deposited():
    return Refused(
        "6540",
        "Deposited Transaction cannot be changed : This transaction has been deposited. If you want to "
        "change or delete it, you "
        "must edit the deposit it appears on and remove it first.",
    )


def void(books, kind, document):
    """Amounts and quantities 0, the note says Voided (B6)."""
    check_open(books, document["TxnDate"])
    _release(books, document)
    sale = {
        **document,
        "_payments": [],
        "_subtotal": ZERO,
        "_discount": ZERO,
        "TotalAmt": ZERO,
        "Balance": ZERO,
    }
    sale["Line"] = [_zeroed(line) for line in document["Line"]]
    sale["TxnTaxDetail"] = {"TotalTax": ZERO}
    note = document.get("PrivateNote", "")
    if not note.startswith(VOIDED):
        sale["PrivateNote"] = f"{VOIDED} - {note}"[:4000] if note else VOIDED
    sale["_void"] = True
    sale.pop("Deposit", None)
    return books.put(kind, sale)


def _zeroed(line):
    line = dict(line)
    if "Amount" in line:
        line["Amount"] = ZERO
    detail = line.get("SalesItemLineDetail")
    if detail:
        line["SalesItemLineDetail"] = {
            name: ZERO if name in ("Qty", "UnitPrice", "TaxInclusiveAmt") else value
            for name, value in detail.items()
        }
    if "GroupLineDetail" in line:
        line["GroupLineDetail"] = {
            **line["GroupLineDetail"], "Line": [_zeroed(part) for part in line["GroupLineDetail"]["Line"]]
        }  # fmt: skip
    if line.get("DiscountLineDetail", {}).get("PercentBased"):
        line["DiscountLineDetail"] = {**line["DiscountLineDetail"], "DiscountPercent": ZERO}
    return line


def delete(books, kind, document):
    check_open(books, document["TxnDate"])
    _release(books, document)
    books.remove(kind, document)


def send(books, kind, document, address):
    """``POST /invoice/{id}/send``: the e-mail counts as sent."""
    to = address or document.get("BillEmail", {}).get("Address")
    if not to:
        raise missing("BillEmail")
    if not names.ADDRESS_PATTERN.fullmatch(to.strip()):
        raise Refused("2210", f"Invalid Email Address format : {to:.60}", "sendTo")
    sale = {**document, "BillEmail": {"Address": to.strip()}, "EmailStatus": "EmailSent"}
    sale["_sent"] = books.now()
    return books.put(kind, sale)


def find(books, kind, text):
    """By id or number; None when there is none."""
    if str(text) in books.of(kind):
        return books.of(kind).get(str(text))
    key = books.numbers.first((kind, fold(text)))
    return books.of(kind).get(key) if key else None


# === RENDERING === #

ORDER = (
    "AllowIPNPayment", "AllowOnlinePayment", "AllowOnlineCreditCardPayment", "AllowOnlineACHPayment",
    "DocNumber", "TxnDate",
    "CurrencyRef", "ExchangeRate", "PrivateNote", "LinkedTxn", "Line", "TxnTaxDetail", "CustomerRef", "ProjectRef",
    "CustomerMemo", "BillAddr", "ShipAddr", "SalesTermRef", "DueDate", "ShipDate", "TrackingNum",
    "GlobalTaxCalculation",
    "TotalAmt", "HomeTotalAmt", "ApplyTaxAfterDiscount", "PrintStatus", "EmailStatus", "BillEmail", "BillEmailCc",
    "BillEmailBcc", "Balance", "HomeBalance", "RemainingCredit", "DeliveryInfo", "Deposit", "DepartmentRef", "ClassRef",
    "CustomField", "InvoiceLink",
)  # fmt: skip


def _render_line(books, line):
    result = {name: line[name] for name in ("Id", "LineNum", "Description") if name in line}
    if "Amount" in line:
        result["Amount"] = plain(line["Amount"])
    kind = result["DetailType"] = line["DetailType"]
    if kind == "SalesItemLineDetail":
        detail = {
            name: plain(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value
            for name, value in line[kind].items()
        }
        item = books.items.get(ref_value(detail["ItemRef"]))
        detail["ItemRef"] = ref(item["Id"], item["Name"])
        if "ItemAccountRef" in detail:
            account = books.accounts.get(ref_value(detail["ItemAccountRef"]))
            detail["ItemAccountRef"] = ref(account["Id"], account["Name"])
        if "ClassRef" in detail:
            found = books.classes.get(ref_value(detail["ClassRef"]))
            detail["ClassRef"] = ref(found["Id"], found["FullyQualifiedName"])
        result[kind] = detail
    elif kind == "GroupLineDetail":
        group = books.items.get(ref_value(line[kind]["GroupItemRef"]))
        result[kind] = {
            "GroupItemRef": ref(group["Id"], group["Name"]),
            "Quantity": plain(line[kind].get("Quantity", 1)),
            "Line": [_render_line(books, part) for part in line[kind]["Line"]],
        }
    elif kind == "DiscountLineDetail":
        detail = dict(line[kind])
        if "DiscountPercent" in detail:
            detail["DiscountPercent"] = plain(detail["DiscountPercent"])
        result[kind] = detail
    else:
        result["DescriptionLineDetail"] = line.get("DescriptionLineDetail", {})
    return result


def _render_tax(detail):
    result = {name: value for name, value in detail.items() if name == "TxnTaxCodeRef"}
    result["TotalTax"] = plain(detail["TotalTax"])
    if detail.get("TaxLine"):
        result["TaxLine"] = [
            {
                "Amount": plain(line["Amount"]),
                "DetailType": "TaxLineDetail",
                "TaxLineDetail": {
                    **line["TaxLineDetail"],
                    "TaxPercent": plain(line["TaxLineDetail"]["TaxPercent"]),
                    "NetAmountTaxable": plain(line["TaxLineDetail"]["NetAmountTaxable"]),
                },
            }
            for line in detail["TaxLine"]
        ]
    return result


def render(books, kind, sale, origin=None):
    """:param origin: given for ``include=invoiceLink``"""
    customer = books.customers.get(ref_value(sale["CustomerRef"]))
    code = ref_value(sale["CurrencyRef"])
    derived = {
        "CustomerRef": ref(customer["Id"], names.full_name(books, customer)),
        "CurrencyRef": ref(code, books.currencies.get(code)["Name"]),
        "TotalAmt": plain(sale["TotalAmt"]),
        "Balance": plain(sale["Balance"]),
        "TxnTaxDetail": _render_tax(sale["TxnTaxDetail"]),
        "LinkedTxn": [{"TxnId": key, "TxnType": other} for other, key, _amount in sale.get("_payments", ())],
        "Line": [
            *(_render_line(books, line) for line in sale["Line"]),
            {
                "Amount": plain(sale["_subtotal"]),
                "DetailType": "SubTotalLineDetail",
                "SubTotalLineDetail": {},
            },
        ],
    }
    if "Deposit" in sale:
        derived["Deposit"] = plain(sale["Deposit"])
    if "ProjectRef" in sale:
        derived["ProjectRef"] = ref(ref_value(sale["ProjectRef"]))
    if kind == "CreditMemo":
        derived["RemainingCredit"] = derived["Balance"]
    if books.multicurrency:
        derived["ExchangeRate"] = plain(sale["ExchangeRate"])
        derived["HomeTotalAmt"] = plain(round_to(sale["TotalAmt"] * sale["ExchangeRate"]))
        derived["HomeBalance"] = plain(round_to(sale["Balance"] * sale["ExchangeRate"]))
    if "_sent" in sale:
        derived["DeliveryInfo"] = {"DeliveryType": "Email", "DeliveryTime": stamp(sale["_sent"])}
    if origin and sale.get("BillEmail"):
        derived["InvoiceLink"] = f"{origin}/app/invoice?txnId={sale['Id']}&companyId={books.realm}"
    hidden = set() if books.multicurrency else {"ExchangeRate"}
    if kind == "CreditMemo":
        hidden |= {"DueDate", "LinkedTxn"}
    result = {
        field: derived.get(field, sale.get(field))
        for field in ORDER
        if (field in derived or field in sale) and field not in hidden
    }
    result.update(
        domain="QBO", sparse=False, Id=sale["Id"], SyncToken=sale["SyncToken"], MetaData=metadata(sale)
    )
    return result


__all__ = ["apply_payment", "delete", "find", "not_found", "render", "save", "send", "void"]
