"""The project's own contract of QuickBooks' answers: the fields we read, and the form that each must have on the wire.

Taken from provider_facts B1–B13. It stands beside Intuit's field list, which knows neither which fields are
always there nor how times and numbers are spelled, and may not be here. The notation is that of :mod:`contract`.
"""

import re
from decimal import Decimal

from contract import one_of, violations


def _text(pattern):
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _number(value):
    """A JSON number; whole ones without a fraction, others without needless zeros."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    return isinstance(value, int) or (value.as_tuple().exponent < 0 and value.as_tuple().digits[-1] != 0)


ID = _text(r"\d{1,20}|TAX|NON|[A-Z]{3}")
TOKEN = _text(r"\d+")
STAMP = _text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[78]:00")
TIME = _text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0[78]:00")
DAY = _text(r"\d{4}-\d\d-\d\d")
CURRENCY = _text(r"[A-Z]{3}")

REF = {"value": "text"}
NAMED = {"value": "text", "name": "text"}
META = {"CreateTime": STAMP, "LastUpdatedTime": STAMP}
HEAD = {"Id": ID, "SyncToken": TOKEN, "MetaData": META, "domain": one_of("QBO"), "sparse": one_of(False)}
ADDRESS = {"Id": TOKEN, "Line1?": "text", "City?": "text", "PostalCode?": "text"}
COMPANY_INFO = {
    **HEAD,
    "CompanyName": "text",
    "LegalName": "text",
    "Country": _text(r"[A-Z]{2}"),
    "NameValue": [{"Name": "text", "Value": "text"}],
}
PREFERENCES = {
    **HEAD,
    "AccountingInfoPrefs": {"UseAccountNumbers": "bool", "BookCloseDate?": DAY},
    "SalesFormsPrefs": {"CustomTxnNumbers": "bool", "AllowDiscount": "bool"},
    "TaxPrefs": {"UsingSalesTax": "bool", "PartnerTaxEnabled": "bool"},
    "CurrencyPrefs": {"MultiCurrencyEnabled": "bool", "HomeCurrency": {"value": CURRENCY}},
    "OtherPrefs": {
        "NameValue": [{"Name": "text", "Value": one_of("true", "false", "Thank you for your business.")}]
    },
}
ACCOUNT = {
    **HEAD,
    "Name": "text",
    "FullyQualifiedName": "text",
    "Active": "bool",
    "Classification": one_of("Asset", "Equity", "Expense", "Liability", "Revenue"),
    "AccountType": "text",
    "AccountSubType": "text",
    "AcctNum?": _text(r"\d{4}"),
}
RATE_LIST = {
    "TaxRateDetail": [{"TaxRateRef": NAMED, "TaxTypeApplicable": one_of("TaxOnAmount"), "TaxOrder": "int"}]
}
TAX_CODE = {
    **HEAD,
    "Name": "text",
    "Active": "bool",
    "Taxable": "bool",
    "TaxGroup": "bool",
    "SalesTaxRateList": RATE_LIST,
    "PurchaseTaxRateList": RATE_LIST,
}
TAX_RATE = {**HEAD, "Name": "text", "Active": "bool", "RateValue": _number, "AgencyRef": REF}
TERM = {**HEAD, "Name": "text", "Active": "bool", "DueDays": "int"}
METHOD = {**HEAD, "Name": "text", "Active": "bool"}
AGENCY = {**HEAD, "DisplayName": "text"}
CUSTOMER = {
    **HEAD,
    "DisplayName": "text",
    "FullyQualifiedName": "text",
    "PrintOnCheckName": "text",
    "Active": "bool",
    "Taxable": "bool",
    "Job": "bool",
    "BillWithParent": "bool",
    "IsProject": "bool",
    "Balance": _number,
    "BalanceWithJobs": _number,
    "CurrencyRef": {"value": CURRENCY, "name": "text"},
    "ParentRef?": REF,
    "Level?": "int",
    "PrimaryEmailAddr?": {"Address": "text"},
    "PrimaryPhone?": {"FreeFormNumber": "text"},
    "BillAddr?": ADDRESS,
    "SalesTermRef?": REF,
}
ITEM = {
    **HEAD,
    "Name": "text",
    "FullyQualifiedName": "text",
    "Active": "bool",
    "Type": one_of("Service", "NonInventory", "Inventory", "Group", "Category"),
    "Taxable": "bool",
    "TrackQtyOnHand": "bool",
    "Sku?": "text",
    "UnitPrice?": _number,
    "IncomeAccountRef?": NAMED,
    "ParentRef?": NAMED,
}
LINE = {
    "Id?": TOKEN,
    "LineNum?": "int",
    "Description?": "text",
    "Amount?": _number,
    "DetailType": one_of(
        "SalesItemLineDetail",
        "DescriptionOnly",
        "DiscountLineDetail",
        "GroupLineDetail",
        "SubTotalLineDetail",
    ),
    "SalesItemLineDetail?": {
        "ItemRef": NAMED,
        "Qty?": _number,
        "UnitPrice?": _number,
        "TaxCodeRef?": REF,
        "ItemAccountRef?": NAMED,
        "TaxInclusiveAmt?": _number,
    },
}
TAX_DETAIL = {
    "TotalTax": _number,
    "TaxLine?": [
        {
            "Amount": _number,
            "DetailType": one_of("TaxLineDetail"),
            "TaxLineDetail": {
                "TaxRateRef": REF,
                "PercentBased": one_of(True),
                "TaxPercent": _number,
                "NetAmountTaxable": _number,
            },
        }
    ],
}
SALE = {
    **HEAD,
    "DocNumber?": _text(r".{1,21}"),
    "TxnDate": DAY,
    "CustomerRef": NAMED,
    "CurrencyRef": {"value": CURRENCY, "name": "text"},
    "ExchangeRate?": _number,
    "Line": [LINE],
    "TxnTaxDetail": TAX_DETAIL,
    "TotalAmt": _number,
    "Balance": _number,
    "HomeTotalAmt?": _number,
    "EmailStatus": one_of("NotSet", "NeedToSend", "EmailSent"),
    "PrintStatus": one_of("NotSet", "NeedToPrint", "PrintComplete"),
    "GlobalTaxCalculation?": one_of("TaxExcluded", "TaxInclusive", "NotApplicable"),
    "ProjectRef?": REF,
    "SalesTermRef?": REF,
    "BillEmail?": {"Address": "text"},
    "PrivateNote?": "text",
}
INVOICE = {**SALE, "DueDate": DAY, "LinkedTxn": [{"TxnId": TOKEN, "TxnType": one_of("Payment")}]}
CREDIT_MEMO = {**SALE, "RemainingCredit": _number}
PAYMENT = {
    **HEAD,
    "CustomerRef": NAMED,
    "TxnDate": DAY,
    "TotalAmt": _number,
    "UnappliedAmt": _number,
    "Line": [{"Amount": _number, "LinkedTxn": [{"TxnId": TOKEN, "TxnType": one_of("Invoice")}]}],
}
NAME = {**HEAD, "DisplayName": "text", "Active": "bool"}
CLASS = {**HEAD, "Name": "text", "FullyQualifiedName": "text", "Active": "bool", "SubClass": "bool"}
ENTITIES = {
    "CompanyInfo": COMPANY_INFO,
    "Preferences": PREFERENCES,
    "Account": ACCOUNT,
    "TaxCode": TAX_CODE,
    "TaxRate": TAX_RATE,
    "TaxAgency": AGENCY,
    "Term": TERM,
    "PaymentMethod": METHOD,
    "Class": CLASS,
    "Customer": CUSTOMER,
    "Vendor": NAME,
    "Employee": NAME,
    "Item": ITEM,
    "Invoice": INVOICE,
    "CreditMemo": CREDIT_MEMO,
    "Payment": PAYMENT,
}
DELETED = {"domain": one_of("QBO"), "status": one_of("Deleted"), "Id": TOKEN}
FAULT = {
    "Fault": {
        "Error": [{"Message": "text", "Detail": "text", "code": _text(r"\d{3,5}"), "element": "text"}],
        "type": one_of("ValidationFault", "SystemFault", "SERVICE"),
    },
    "time": TIME,
}
GATEWAY = {
    "warnings": one_of(None),
    "fault": {
        "error": [{"message": "text", "detail": "text", "code": _text(r"\d{4}"), "element": one_of(None)}],
        "type": one_of("AUTHENTICATION", "AUTHORIZATION"),
    },
    "time": "int",
}
TOKENS = {
    "token_type": one_of("bearer"),
    "access_token": _text(r"eyJ.{500,}"),
    "expires_in": one_of(3600),
    "refresh_token": _text(r"AB11[0-9a-f]{46}"),
    "x_refresh_token_expires_in": "int",
}


def single(entity):
    """The form of an answer with one entity."""
    return {entity: ENTITIES[entity], "time": TIME}


def listed(entity):
    """The form of the answer of a query."""
    inner = {entity: [ENTITIES[entity]], "startPosition": "int", "maxResults": "int", "totalCount?": "int"}
    return {"QueryResponse": inner, "time": TIME}


__all__ = ["DELETED", "ENTITIES", "FAULT", "GATEWAY", "TOKENS", "listed", "single", "violations"]
