"""The properties that entities of a write may have, and the JSON types that they must have.

A property that is not listed is refused with 2010, as the API refuses it. Kinds: ``text``, ``flag``,
``number``, ``day``,
``any`` (kept out of the books), an object (dict) or a list of objects (list with one dict).
"""

from ..common.numbers import number
from .errors import Refused
from .wire import parse_day


def _each(kind, names):
    return dict.fromkeys(names.split(), kind)


REF = _each("text", "value name type")
EMAIL = {**_each("text", "Address Id Tag"), "Default": "flag"}
PHONE = {
    **_each("text", "FreeFormNumber AreaCode CountryCode DeviceType ExchangeCode Extension Id Tag"),
    "Default": "flag",
}
ADDRESS = _each(
    "text",
    "Id Line1 Line2 Line3 Line4 Line5 City Country CountryCode CountrySubDivisionCode County PostalCode "
    "PostalCodeSuffix Lat Long Note Tag",
)
LINKED = _each("text", "TxnId TxnType TxnLineId")
CUSTOM = {
    **_each("text", "DefinitionId Name StringValue Type DateValue"),
    "BooleanValue": "flag",
    "NumberValue": "number",
}
HEAD = {
    **_each("text", "Id SyncToken domain status"),
    "sparse": "flag",
    **_each("any", "MetaData AttachableRef"),
    "CustomField": [CUSTOM],
}
NAME = {
    **HEAD,
    **_each(
        "text",
        "Title GivenName MiddleName FamilyName Suffix DisplayName FullyQualifiedName CompanyName "
        "PrintOnCheckName AcctNum "
        "Notes PreferredDeliveryMethod ResaleNum PrimaryTaxIdentifier SecondaryTaxIdentifier BusinessNumber GSTIN "
        "GSTRegistrationType TaxRegime TaxExemptionReasonId Source IntuitId UserId V4IDPseudonym ClientEntityId "
        "AltContactName ContactName",
    ),
    **_each("flag", "Active Job BillWithParent Taxable IsProject Organization IsCISContractor TDSEnabled"),
    **_each("number", "Balance BalanceWithJobs Level CreditLimit OverDueBalance TotalExpense TotalRevenue"),
    "OpenBalanceDate": "day",
    "PrimaryEmailAddr": EMAIL,
    **_each(PHONE, "PrimaryPhone Mobile Fax AlternatePhone"),
    "WebAddr": {"URI": "text", "Id": "text"},
    **_each(ADDRESS, "BillAddr ShipAddr"),
    **_each(
        REF,
        "ParentRef CurrencyRef SalesTermRef PaymentMethodRef DefaultTaxCodeRef CustomerTypeRef "
        "ARAccountRef RootCustomerRef "
        "TaxRateRef TaxGroupCodeRef PriceLevelRef SalesRepRef",
    ),
    **_each("any", "OtherAddr OtherContactInfo JobInfo CCDetail CustomerEx"),
}
VENDOR = {
    **NAME,
    **_each("flag", "Vendor1099"),
    "BillRate": "number",
    "TaxIdentifier": "text",
    "TermRef": REF,
    "APAccountRef": REF,
}
EMPLOYEE = {
    **NAME,
    **_each("text", "EmployeeNumber SSN Gender"),
    **_each("day", "HiredDate ReleasedDate BirthDate"),
    "BillableTime": "flag",
    "BillRate": "number",
    "PrimaryAddr": ADDRESS,
}
ITEM = {
    **HEAD,
    **_each(
        "text",
        "Name Sku Description FullyQualifiedName Type PurchaseDesc ManPartNum ItemCategoryType ServiceType Source",
    ),
    **_each(
        "flag",
        "Active SubItem Taxable SalesTaxIncluded PurchaseTaxIncluded TrackQtyOnHand PercentBased PrintGroupedItems "
        "DeferredRevenue SpecialItem",
    ),
    **_each(
        "number",
        "Level UnitPrice RatePercent PurchaseCost QtyOnHand QtyOnPurchaseOrder QtyOnSalesOrder "
        "ReorderPoint BuildPoint AvgCost "
        "AbatementRate ReverseChargeRate",
    ),
    "InvStartDate": "day",
    **_each(
        REF,
        "ParentRef IncomeAccountRef ExpenseAccountRef AssetAccountRef COGSAccountRef SalesTaxCodeRef "
        "PurchaseTaxCodeRef ClassRef "
        "PrefVendorRef DepositToAccountRef PaymentMethodRef TaxClassificationRef UOMSetRef",
    ),
    "ItemGroupDetail": {"ItemGroupLine": [{"ItemRef": REF, "Qty": "number", "UOMRef": REF}]},
    **_each("any", "ItemAssemblyDetail ItemEx CustomExtensions"),
}
SALES_ITEM = {
    **_each(
        REF,
        "ItemRef ClassRef TaxCodeRef ItemAccountRef TaxClassificationRef PriceLevelRef InventorySiteRef UOMRef",
    ),
    **_each(
        "number",
        "Qty UnitPrice RatePercent DiscountRate DiscountAmt TaxInclusiveAmt UnitCostPrice RetainageAmount",
    ),
    "ServiceDate": "day",
    "DeferredRevenue": "flag",
    "MarkupInfo": "any",
}
TAX_LINE = {
    **_each("text", "Id DetailType Description"),
    **_each("number", "Amount LineNum"),
    "TaxLineDetail": {
        "TaxRateRef": REF,
        "PercentBased": "flag",
        **_each("number", "TaxPercent NetAmountTaxable TaxInclusiveAmount OverrideDeltaAmount"),
        "ServiceDate": "day",
    },
}
LINE = {
    **_each("text", "Id Description DetailType"),
    **_each("number", "LineNum Amount CostAmount HomeCostAmount Received"),
    "LinkedTxn": [LINKED],
    "CustomField": [CUSTOM],
    "SalesItemLineDetail": SALES_ITEM,
    "DescriptionLineDetail": {"ServiceDate": "day", "TaxCodeRef": REF},
    "DiscountLineDetail": {
        "PercentBased": "flag",
        "DiscountPercent": "number",
        "ServiceDate": "day",
        **_each(REF, "DiscountAccountRef DiscountRef ClassRef TaxCodeRef"),
    },
    "SubTotalLineDetail": {"ItemRef": REF, "ServiceDate": "day"},
    "GroupLineDetail": {"GroupItemRef": REF, "Quantity": "number", "ServiceDate": "day", "UOMRef": REF},
    "PaymentLineDetail": "any",
    "ProjectRef": REF,
    "LineEx": "any",
    "CustomExtensions": "any",
}
LINE["GroupLineDetail"]["Line"] = [LINE]
TRANSACTION = {
    **HEAD,
    **_each(
        "text",
        "DocNumber PrivateNote TxnStatus TxnSource PaymentRefNum TransactionLocationType TaxFormNum TaxFormType",
    ),
    "TxnDate": "day",
    **_each("number", "TotalAmt ExchangeRate HomeTotalAmt TotalCostAmount HomeTotalCostAmount"),
    **_each(
        REF,
        "CustomerRef CurrencyRef DepartmentRef ClassRef ProjectRef ARAccountRef DepositToAccountRef PaymentMethodRef "
        "RecurDataRef",
    ),
    "Line": [LINE],
    "LinkedTxn": [LINKED],
    "TxnTaxDetail": {
        **_each(REF, "TxnTaxCodeRef DefaultTaxCodeRef"),
        "TotalTax": "number",
        "UseAutomatedSalesTax": "flag",
        "TaxReviewStatus": "text",
        "TaxLine": [TAX_LINE],
    },
    **_each("any", "RecurringInfo Tag TxnApprovalInfo TxnSubType CheckPayment CreditCardPayment"),
}
SALES = {
    **TRANSACTION,
    **_each("day", "DueDate ShipDate"),
    **_each(
        "text",
        "TrackingNum EmailStatus PrintStatus GlobalTaxCalculation FOB PONumber InvoiceLink InvoiceLinkSecurityCode "
        "InvoiceLinkExpiryDate invoiceStatus callToAction EInvoiceStatus ECloudStatusTimeStamp GovtTxnRefIdentifier",
    ),
    **_each("number", "Balance HomeBalance Deposit DiscountRate DiscountAmt RemainingCredit LessCIS"),
    **_each(
        "flag",
        "ApplyTaxAfterDiscount AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment AllowOnlineACHPayment "
        "AllowOnlinePayPalPayment AllowOnlineAffirmPayment AutoDocNumber FinanceCharge FreeFormAddress "
        "ShippingTaxIncludedInTotalTax GratuityEnabled SchedulePayEligible AutoPayEligible",
    ),
    **_each(REF, "SalesTermRef ShipMethodRef TaxExemptionRef SalesRepRef TemplateRef InvoiceRef RemitToRef"),
    "CustomerMemo": {"value": "text", "id": "text"},
    **_each(ADDRESS, "BillAddr ShipAddr ShipFromAddr"),
    **_each(EMAIL, "BillEmail BillEmailCc BillEmailBcc"),
    **_each(
        "any",
        "DeliveryInfo InvoiceEx CreditMemoEx invoiceStatusLog ConvenienceFeeDetail PaymentDetailsMessage",
    ),
}
PAYMENT = {
    **TRANSACTION,
    "UnappliedAmt": "number",
    "ProcessPayment": "flag",
    **_each("any", "PaymentEx PaymentType PaymentExtendedType"),
}
ATTACHABLE = {
    **HEAD,
    **_each("text", "FileName ContentType Note Category Tag Lat Long PlaceName documentId"),
    **_each("text", "FileAccessUri TempDownloadUri ThumbnailFileAccessUri ThumbnailTempDownloadUri"),
    "Size": "number",
    "AttachableRef": [
        {"EntityRef": REF, "IncludeOnSend": "flag", "LineInfo": "text", "CustomField": [CUSTOM]}
    ],
}
SHAPES = {
    "Attachable": ATTACHABLE,
    "Customer": NAME,
    "Vendor": VENDOR,
    "Employee": EMPLOYEE,
    "Item": ITEM,
    "Invoice": SALES,
    "CreditMemo": SALES,
    "Payment": PAYMENT,
}
EMPTY = ("", {}, [])


def is_empty(value):
    """What clears a property in an update: ``""``, ``{}``, ``[]`` or a reference without a value."""
    return value in EMPTY or (
        isinstance(value, dict) and value.get("value") == "" and set(value) <= {"value", "name", "type"}
    )


def unsupported(name, why="specified is unsupported or invalid"):
    return Refused("2010", f"Property Name:failed to parse json object; a property {name} {why}", name)


def fit(value, shape, path):
    """``value`` with its known properties in the right types; null counts as not sent.

    :raise Refused: 2010, 2080 or 2090
    """
    if not isinstance(value, dict):
        raise unsupported(path, "is not an object")
    result = {}
    for name, part in value.items():
        if name not in shape:
            raise unsupported(name)
        if part is None or shape[name] == "any":
            continue
        result[name] = _part(name, part, shape[name])
    return result


def _part(name, part, kind):
    if isinstance(kind, dict):
        return "" if part == "" else fit(part, kind, name)
    if isinstance(kind, list):
        if part == "":
            return []
        if not isinstance(part, list):
            raise unsupported(name, "is not an array")
        return [fit(entry, kind[0], name) for entry in part]
    if isinstance(part, list | dict):
        raise unsupported(name, "is not a single value")
    if part == "":
        return ""
    return SCALARS[kind](name, part)


def _text(_name, part):
    return str(part).lower() if isinstance(part, bool) else str(part)


def _flag(name, part):
    if isinstance(part, bool):
        return part
    if str(part).lower() in ("true", "false"):
        return str(part).lower() == "true"
    raise unsupported(name, "is not a boolean")


def _number(name, part):
    result = number(part)
    if result is None:
        raise Refused("2080", f"Invalid Number : {part!s:.40}", name)
    return result


def _day(name, part):
    result = parse_day(part)
    if result is None:
        raise Refused("2090", f"Invalid Date : {part!s:.40}", name)
    return result


SCALARS = {"text": _text, "flag": _flag, "number": _number, "day": _day}
