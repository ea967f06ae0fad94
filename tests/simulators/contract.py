"""The project's own contract of Xero's answers: the fields we read, and the form that each must have on the wire.

Taken from provider_facts A5–A11. It stands beside Xero's OpenAPI files, which leave the spelling of dates and decimals
open and may not be there. A field name that ends in ``?`` may be missing. Forms: see ``FORMS``; a dict is an object,
a one-element list an array of that.
"""

import re
from decimal import Decimal

GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _text(pattern):
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _decimals(lowest, highest):
    def check(value):
        # Written digit by digit: 40.00 and not 40 or 40.0, and never in exponent form.
        return isinstance(value, Decimal) and lowest <= -value.as_tuple().exponent <= highest

    return check


def one_of(*values):
    return lambda value: value in values


FORMS = {
    "guid": _text(GUID),
    "text": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "money": _decimals(2, 2),
    "unit": _decimals(2, 4),
    "four": _decimals(4, 4),
    "rate": _decimals(10, 10),
    "date": _text(r"/Date\(-?\d+\+0000\)/"),
    "time": _text(r"/Date\(-?\d+\+0000\)/"),
    "time_bare": _text(r"/Date\(-?\d+\)/"),
    "date_string": _text(r"\d{4}-\d\d-\d\dT00:00:00"),
    "time_string": _text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "seven_digits": _text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}"),
    "currency": _text(r"[A-Z]{3}"),
    "empty": lambda value: value == [],
}

MESSAGES = [{"Message": "text"}]

ENVELOPE = {
    "Id": "guid",
    "Status": one_of("OK"),
    "ProviderName": "text",
    "DateTimeUTC": "time_bare",
    "SummarizeErrors?": one_of(False),
    "pagination?": {"page": "int", "pageSize": "int", "pageCount": "int", "itemCount": "int"},
}

ORGANISATION = {
    "OrganisationID": "guid",
    "Name": "text",
    "BaseCurrency": "currency",
    "CountryCode": _text(r"[A-Z]{2}"),
    "Version": one_of("AU", "NZ", "UK", "US", "GLOBAL"),
    "Class": "text",
    "IsDemoCompany": "bool",
    "ShortCode": _text(r"![A-Za-z0-9]{5}"),
    "Timezone": "text",
    "TaxNumber?": "text",
    "PeriodLockDate?": "date",
    "EndOfYearLockDate?": "date",
    "CreatedDateUTC": "time_bare",
}
ACCOUNT = {
    "AccountID": "guid",
    "Code?": _text(r".{1,10}"),
    "Name": "text",
    "Type": "text",
    "Class": one_of("ASSET", "EQUITY", "EXPENSE", "LIABILITY", "REVENUE"),
    "Status": one_of("ACTIVE", "ARCHIVED"),
    "TaxType": "text",
    "EnablePaymentsToAccount": "bool",
    "SystemAccount?": "text",
    "CurrencyCode?": "currency",
    "UpdatedDateUTC": "time",
}
TAX_RATE = {
    "Name": "text",
    "TaxType": "text",
    "Status": one_of("ACTIVE", "DELETED", "ARCHIVED", "PENDING"),
    "ReportTaxType?": "text",
    "EffectiveRate": "four",
    "DisplayTaxRate": "four",
    "CanApplyToAssets": "bool",
    "CanApplyToEquity": "bool",
    "CanApplyToExpenses": "bool",
    "CanApplyToLiabilities": "bool",
    "CanApplyToRevenue": "bool",
    "TaxComponents": [{"Name": "text", "Rate": "four", "IsCompound": "bool"}],
}
CURRENCY = {"Code": "currency", "Description": "text"}
TRACKING = {"TrackingCategoryID": "guid", "TrackingOptionID": "guid", "Name": "text", "Option": "text"}
TRACKING_CATEGORY = {
    "TrackingCategoryID": "guid",
    "Name": "text",
    "Status": one_of("ACTIVE", "ARCHIVED", "DELETED"),
    "Options": [
        {"TrackingOptionID": "guid", "Name": "text", "Status": one_of("ACTIVE", "ARCHIVED", "DELETED")}
    ],
}
CONTACT = {
    "ContactID": "guid",
    "ContactStatus": one_of("ACTIVE", "ARCHIVED", "GDPRREQUEST"),
    "Name": "text",
    "ContactNumber?": "text",
    "AccountNumber?": "text",
    "FirstName?": "text",
    "LastName?": "text",
    "EmailAddress": "text",
    "IsCustomer": "bool",
    "IsSupplier": "bool",
    "DefaultCurrency?": "currency",
    "MergedToContactID?": "guid",
    "Addresses": [
        {
            "AddressType": one_of("POBOX", "STREET"),
            "AddressLine1?": "text",
            "City": "text",
            "Region": "text",
            "PostalCode": "text",
            "Country": "text",
        }
    ],
    "Phones": [
        {
            "PhoneType": one_of("DEFAULT", "DDI", "MOBILE", "FAX", "OFFICE"),
            "PhoneNumber": "text",
            "PhoneAreaCode": "text",
            "PhoneCountryCode": "text",
        }
    ],
    "ContactPersons": [
        {"FirstName?": "text", "LastName?": "text", "EmailAddress?": "text", "IncludeInEmails": "bool"}
    ],
    "Balances?": {
        "AccountsReceivable": {"Outstanding": "money", "Overdue": "money"},
        "AccountsPayable": {"Outstanding": "money", "Overdue": "money"},
    },
    "HasValidationErrors": "bool",
    "UpdatedDateUTC": "time",
}
SHORT_CONTACT = {
    "ContactID": "guid",
    "Name": "text",
    "Addresses": "empty",
    "Phones": "empty",
    "ContactPersons": "empty",
    "HasValidationErrors": one_of(False),
}
PRICE = {"UnitPrice?": "unit", "AccountCode?": "text", "TaxType?": "text"}
ITEM = {
    "ItemID": "guid",
    "Code": _text(r".{1,30}"),
    "Name?": _text(r".{0,50}"),
    "Description?": "text",
    "IsSold": "bool",
    "IsPurchased": "bool",
    "IsTrackedAsInventory": "bool",
    "SalesDetails": PRICE,
    "PurchaseDetails": PRICE,
    "UpdatedDateUTC": "time_bare",
}
LINE = {
    "LineItemID": "guid",
    "Description?": "text",
    "Quantity": "four",
    "UnitAmount": "unit",
    "ItemCode?": "text",
    "AccountCode?": "text",
    "TaxType": "text",
    "TaxAmount": "money",
    "LineAmount": "money",
    "DiscountRate?": "four",
    "DiscountAmount?": "money",
    "Tracking": [TRACKING],
}
INVOICE = {
    "Type": one_of("ACCREC", "ACCPAY"),
    "InvoiceID": "guid",
    "InvoiceNumber": "text",
    "Reference?": "text",
    "Status": one_of("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"),
    "LineAmountTypes": one_of("Exclusive", "Inclusive", "NoTax"),
    "LineItems": [LINE],
    "Date": "date",
    "DateString": "date_string",
    "DueDate?": "date",
    "DueDateString?": "date_string",
    "CurrencyCode": "currency",
    "CurrencyRate": "rate",
    "SubTotal": "money",
    "TotalTax": "money",
    "Total": "money",
    "AmountDue": "money",
    "AmountPaid": "money",
    "AmountCredited": "money",
    "TotalDiscount?": "money",
    "RoundingAmount?": "money",
    "SentToContact?": "bool",
    "HasErrors": one_of(False),
    "FullyPaidOnDate?": "date",
    "CreditNotes?": [
        {"CreditNoteID": "guid", "CreditNoteNumber": "text", "AppliedAmount": "money", "Date": "date"}
    ],
    "Payments?": [{"PaymentID": "guid", "Date": "date", "Amount": "money", "CurrencyRate": "rate"}],
    "UpdatedDateUTC": "time",
    "UpdatedDateUTCString": "time_string",
}
PAYMENT = {
    "PaymentID": "guid",
    "Date": "date",
    "Amount": "money",
    "BankAmount": "money",
    "CurrencyRate": "rate",
    "Reference": "text",
    "Status": one_of("AUTHORISED", "DELETED"),
    "PaymentType": one_of("ACCRECPAYMENT", "ACCPAYPAYMENT"),
    "IsReconciled": "bool",
    "HasAccount": one_of(True),
    "Account": {"AccountID": "guid", "Code?": "text"},
    "Invoice": {
        "Type": one_of("ACCREC", "ACCPAY"),
        "InvoiceID": "guid",
        "InvoiceNumber": "text",
        "Contact": SHORT_CONTACT,
        "CurrencyCode": "currency",
    },
    "UpdatedDateUTC": "time",
    "UpdatedDateUTCString": "time_string",
}
ATTACHMENT = {
    "AttachmentID": "guid",
    "FileName": "text",
    "Url": "text",
    "MimeType": "text",
    "ContentLength": "int",
    "IncludeOnline": "bool",
}
CREDIT_NOTE = {
    "Type": one_of("ACCRECCREDIT", "ACCPAYCREDIT"),
    "CreditNoteID": "guid",
    "CreditNoteNumber": "text",
    "Reference?": "text",
    "Status": one_of("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"),
    "LineAmountTypes": one_of("Exclusive", "Inclusive", "NoTax"),
    "LineItems": [LINE],
    "Date": "date",
    "DateString": "date_string",
    "CurrencyCode": "currency",
    "CurrencyRate": "rate",
    "SubTotal": "money",
    "TotalTax": "money",
    "Total": "money",
    "RemainingCredit": "money",
    "Allocations?": [
        {
            "AllocationID": "guid",
            "Amount": "money",
            "Date": "date",
            "Invoice": {"InvoiceID": "guid", "InvoiceNumber": "text"},
        }
    ],
    "HasErrors": one_of(False),
    "FullyPaidOnDate?": "date",
    "UpdatedDateUTC": "time",
    "UpdatedDateUTCString": "time_string",
}
ALLOCATION = {
    "AllocationID": "guid",
    "Amount": "money",
    "Date": "date",
    "Invoice": {"InvoiceID": "guid"},
    "CreditNote": {"CreditNoteID": "guid"},
}
DELETED_ALLOCATION = {"AllocationID": "guid", "Date": "date", "IsDeleted": one_of(True)}
REFUSED = {
    "StatusAttributeString": one_of("ERROR"),
    "HasValidationErrors": one_of(True),
    "ValidationErrors": MESSAGES,
}
VALIDATION_EXCEPTION = {
    "ErrorNumber": one_of(10),
    "Type": one_of("ValidationException"),
    "Message": one_of("A validation exception occurred"),
    "Elements": [{"HasValidationErrors": one_of(True), "ValidationErrors": MESSAGES}],
}
PROBLEM = {
    "Type": one_of(None),
    "Title": "text",
    "Status": "int",
    "Detail": "text",
    "Instance": "guid",
    "Extensions": {},
}
CONNECTION = {
    "id": "guid",
    "authEventId": "guid",
    "tenantId": "guid",
    "tenantType": one_of("ORGANISATION"),
    "tenantName": "text",
    "createdDateUtc": "seven_digits",
    "updatedDateUtc": "seven_digits",
}
TOKEN = {
    "access_token": "text",
    "refresh_token": "text",
    "id_token": "text",
    "token_type": one_of("Bearer"),
    "expires_in": one_of(1800),
    "scope": "text",
}

ELEMENTS = {
    "Organisations": ORGANISATION,
    "Accounts": ACCOUNT,
    "TaxRates": TAX_RATE,
    "Currencies": CURRENCY,
    "TrackingCategories": TRACKING_CATEGORY,
    "Contacts": CONTACT,
    "Items": ITEM,
    "Invoices": {**INVOICE, "Contact": CONTACT},
    "CreditNotes": {**CREDIT_NOTE, "Contact": CONTACT},
    "Allocations": ALLOCATION,
    "Payments": PAYMENT,
}
LISTED_INVOICE = {**INVOICE, "Contact": SHORT_CONTACT}
LISTED_CREDIT_NOTE = {**CREDIT_NOTE, "Contact": SHORT_CONTACT}


def violations(value, form, where=""):
    """Where ``value`` (read with Decimal) departs from ``form``; empty when it conforms."""
    if isinstance(form, dict):
        if not isinstance(value, dict):
            return [f"{where}: not an object"]
        found = []
        for name, inner in form.items():
            key = name.rstrip("?")
            if key in value:
                found += violations(value[key], inner, f"{where}/{key}")
            elif not name.endswith("?"):
                found.append(f"{where}/{key}: missing")
        return found
    if isinstance(form, list):
        if not isinstance(value, list):
            return [f"{where}: not an array"]
        return [
            v for number, entry in enumerate(value) for v in violations(entry, form[0], f"{where}/{number}")
        ]
    check = FORMS[form] if isinstance(form, str) else form
    return (
        [] if check(value) else [f"{where}: {value!r} is not {form if isinstance(form, str) else 'allowed'}"]
    )


def envelope(name, element=None):
    """The form of a whole answer with elements of that name."""
    return {**ENVELOPE, name: [element or ELEMENTS[name]]}
