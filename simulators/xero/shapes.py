"""The JSON types that elements of a write must have.

What does not fit fails before any rule is looked at, as a body that cannot be read (``PostDataInvalidException``);
a number where a text belongs is taken as text, and unknown fields are left alone [GK].
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shape:
    """The known fields of an object: texts, other scalars, objects and arrays of objects."""

    texts: frozenset
    scalars: frozenset = frozenset()
    objects: dict = field(default_factory=dict)
    arrays: dict = field(default_factory=dict)


def _names(text):
    return frozenset(text.split())


ADDRESS = Shape(
    _names(
        "AddressType AddressLine1 AddressLine2 AddressLine3 AddressLine4 City Region PostalCode Country AttentionTo"
    )
)
PHONE = Shape(_names("PhoneType PhoneNumber PhoneAreaCode PhoneCountryCode"))
PERSON = Shape(_names("FirstName LastName EmailAddress"), _names("IncludeInEmails"))
BILL = Shape(_names("Type"), _names("Day"))
CONTACT = Shape(
    _names(
        "ContactID ContactNumber AccountNumber ContactStatus Name FirstName LastName CompanyNumber EmailAddress "
        "BankAccountDetails TaxNumber TaxNumberType "
        "AccountsReceivableTaxType AccountsPayableTaxType DefaultCurrency XeroNetworkKey "
        "SalesDefaultAccountCode PurchasesDefaultAccountCode SalesDefaultLineAmountType PurchasesDefaultLineAmountType"
    ),
    _names("IsCustomer IsSupplier"),
    {"PaymentTerms": Shape(frozenset(), objects={"Bills": BILL, "Sales": BILL})},
    {"Addresses": ADDRESS, "Phones": PHONE, "ContactPersons": PERSON},
)
PRICE = Shape(_names("AccountCode COGSAccountCode TaxType"), _names("UnitPrice"))
ITEM = Shape(
    _names("ItemID Code Name Description PurchaseDescription InventoryAssetAccountCode"),
    _names("IsSold IsPurchased"),
    {"SalesDetails": PRICE, "PurchaseDetails": PRICE},
)
TRACKING = Shape(_names("TrackingCategoryID TrackingOptionID Name Option"))
LINE = Shape(
    _names("LineItemID Description ItemCode AccountCode TaxType"),
    _names("Quantity UnitAmount TaxAmount LineAmount DiscountRate DiscountAmount"),
    arrays={"Tracking": TRACKING},
)
INVOICE = Shape(
    _names(
        "InvoiceID Type Status Date DueDate ExpectedPaymentDate PlannedPaymentDate InvoiceNumber Reference "
        "LineAmountTypes CurrencyCode Url BrandingThemeID"
    ),
    _names("CurrencyRate SentToContact SubTotal TotalTax Total RoundingAmount"),
    {"Contact": CONTACT},
    {"LineItems": LINE},
)
CREDIT_NOTE = Shape(
    _names(
        "CreditNoteID Type Status Date DueDate CreditNoteNumber Reference LineAmountTypes CurrencyCode BrandingThemeID"
    ),
    _names("CurrencyRate SentToContact SubTotal TotalTax Total"),
    {"Contact": CONTACT},
    {"LineItems": LINE},
)
ALLOCATION = Shape(
    _names("AllocationID Date"),
    _names("Amount"),
    {"Invoice": Shape(_names("InvoiceID InvoiceNumber"))},
)
PAYMENT = Shape(
    _names("PaymentID InvoiceNumber Code Date Reference Status PaymentType"),
    _names("Amount BankAmount CurrencyRate IsReconciled"),
    {
        "Invoice": Shape(_names("InvoiceID InvoiceNumber")),
        "Account": Shape(_names("AccountID Code")),
    },
)
SHAPES = {
    "contacts": CONTACT,
    "items": ITEM,
    "invoices": INVOICE,
    "creditnotes": CREDIT_NOTE,
    "allocations": ALLOCATION,
    "payments": PAYMENT,
}


def fit(value, shape, path):
    """``value`` with its texts as texts.

    :raise ValueError: a field has another JSON type than it must
    """
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be an object")  # noqa: TRY004 about data, not about code
    result = dict(value)
    for name, part in value.items():
        here = f"{path}.{name}"
        if part is None:
            continue
        if name in shape.texts or name in shape.scalars:
            if isinstance(part, list | dict):
                raise ValueError(f"{here} must be a single value")
            if name in shape.texts and not isinstance(part, str):
                result[name] = str(part).lower() if isinstance(part, bool) else str(part)
        elif name in shape.objects:
            result[name] = fit(part, shape.objects[name], here)
        elif name in shape.arrays:
            if not isinstance(part, list):
                raise ValueError(f"{here} must be an array")
            result[name] = [fit(entry, shape.arrays[name], here) for entry in part]
    return result
