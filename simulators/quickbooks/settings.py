"""CompanyInfo, Preferences and the lists that a client reads at set-up: accounts, taxes, terms, payment
methods, currencies."""

from .state import metadata
from .wire import plain, ref, stamp

NUMBERS = ("CurrentBalance", "CurrentBalanceWithSubAccounts", "RateValue", "DiscountPercent")


def render_company(books):
    company = books.company
    address = {"Id": "1", **company["address"]}
    return {
        "CompanyName": company["name"],
        "LegalName": company["name"],
        "CompanyAddr": address,
        "CustomerCommunicationAddr": address,
        "LegalAddr": address,
        "CustomerCommunicationEmailAddr": {"Address": company["email"]},
        "PrimaryPhone": {"FreeFormNumber": company["phone"]},
        "CompanyStartDate": company["started"],
        "FiscalYearStartMonth": "January",
        "Country": company["country"],
        "Email": {"Address": company["email"]},
        "WebAddr": {},
        "SupportedLanguages": "en",
        "NameValue": [
            {"Name": "NeoEnabled", "Value": "true"},
            {"Name": "IndustryType", "Value": "Field service"},
            {"Name": "SubscriptionStatus", "Value": "PAID" if company["status"] == "active" else "EXPIRED"},
            {"Name": "OfferingSku", "Value": company["plan"]},
        ],
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": str(company.get("_changes", 0)),
        "MetaData": {"CreateTime": stamp(company["_created"]), "LastUpdatedTime": stamp(company["_updated"])},
    }


def render_preferences(books):
    company = books.company
    result = {
        "AccountingInfoPrefs": {
            "FirstMonthOfFiscalYear": "January",
            "UseAccountNumbers": company["account_numbers"],
            "TaxYearMonth": "January",
            "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": company.get("classes_per_line", False),
            "TrackDepartments": False,
            "CustomerTerminology": "Customers",
        },
        "ProductAndServicesPrefs": {
            "ForSales": True,
            "ForPurchase": True,
            "QuantityWithPriceAndRate": True,
            "QuantityOnHand": True,
        },
        "SalesFormsPrefs": {
            "CustomTxnNumbers": company["custom_numbers"],
            "AllowDeposit": False,
            "AllowDiscount": True,
            "AllowEstimates": True,
            "AllowServiceDate": False,
            "AllowShipping": False,
            "AutoApplyCredit": False,
            "DefaultTerms": ref("3"),
            "EmailCopyToCompany": False,
            "IPNSupportEnabled": False,
            "ETransactionPaymentEnabled": False,
        },
        "TaxPrefs": {
            "UsingSalesTax": True,
            "PartnerTaxEnabled": company["automated_tax"],
        },
        "CurrencyPrefs": {
            "MultiCurrencyEnabled": company["multicurrency"],
            "HomeCurrency": ref(company["currency"]),
        },
        "OtherPrefs": {
            "NameValue": [
                {"Name": "SalesFormsPrefs.DefaultCustomerMessage", "Value": "Thank you for your business."},
                {"Name": "WarnDuplicateInvoiceNumber", "Value": _flag(company["warn_duplicates"])},
                {"Name": "ProjectsEnabled", "Value": _flag(company["projects"])},
            ]
        },
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": str(company.get("_changes", 0)),
        "MetaData": {"CreateTime": stamp(company["_created"]), "LastUpdatedTime": stamp(company["_updated"])},
    }
    if company.get("closing_date"):
        result["AccountingInfoPrefs"]["BookCloseDate"] = company["closing_date"]
    return result


def _flag(value):
    return "true" if value else "false"


def render_list(document):
    """Accounts, tax codes and the like are kept as they are written, without what is ours."""
    result = {
        name: plain(value) if name in NUMBERS else value
        for name, value in document.items()
        if not name.startswith("_") and name not in ("Id", "SyncToken")
    }
    if "EffectiveTaxRate" in result:
        result["EffectiveTaxRate"] = [
            {**entry, "RateValue": plain(entry["RateValue"])} for entry in result["EffectiveTaxRate"]
        ]
    result.update(
        domain="QBO",
        sparse=False,
        Id=document["Id"],
        SyncToken=document["SyncToken"],
        MetaData=metadata(document),
    )
    return result
