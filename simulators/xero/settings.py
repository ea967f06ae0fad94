"""Organisation, Accounts, TaxRates, Currencies, TrackingCategories: what is read at set-up (provider_facts A11)."""

from decimal import Decimal

from ..common.numbers import round_to
from .state import CLASS_OF_TYPE
from .wire import FOUR, ms_date, ms_time, ms_time_bare

ACCOUNT_FIELDS = {
    "accountid": lambda a: a["AccountID"],
    "code": lambda a: a.get("Code"),
    "name": lambda a: a["Name"],
    "type": lambda a: a["Type"],
    "status": lambda a: a["Status"],
    "class": lambda a: CLASS_OF_TYPE[a["Type"]],
    "taxtype": lambda a: a.get("TaxType"),
    "systemaccount": lambda a: a.get("SystemAccount"),
    "enablepaymentstoaccount": lambda a: bool(a.get("EnablePaymentsToAccount")),
    "updateddateutc": lambda a: a["UpdatedDateUTC"],
}
TAX_RATE_FIELDS = {
    "name": lambda t: t["Name"],
    "taxtype": lambda t: t["TaxType"],
    "status": lambda t: t["Status"],
    "reporttaxtype": lambda t: t.get("ReportTaxType"),
    "effectiverate": lambda t: Decimal(t["EffectiveRate"]),
    "canapplytorevenue": lambda t: t["CanApplyToRevenue"],
    "canapplytoexpenses": lambda t: t["CanApplyToExpenses"],
}
CURRENCY_FIELDS = {"code": lambda c: c["Code"], "description": lambda c: c["Description"]}


TRACKING_FIELDS = {"name": lambda c: c["Name"], "status": lambda c: c["Status"]}


def render_organisation(organisation):
    result = {
        name: organisation[name]
        for name in (
            "Name",
            "LegalName",
            "PaysTax",
            "Version",
            "OrganisationType",
            "BaseCurrency",
            "CountryCode",
            "IsDemoCompany",
            "OrganisationStatus",
            "TaxNumber",
            "FinancialYearEndDay",
            "FinancialYearEndMonth",
            "SalesTaxBasis",
            "SalesTaxPeriod",
            "DefaultSalesTax",
            "DefaultPurchasesTax",
        )
        if organisation.get(name) is not None
    }
    for name in ("PeriodLockDate", "EndOfYearLockDate"):
        if organisation.get(name):
            result[name] = ms_date(organisation[name])
    result["CreatedDateUTC"] = ms_time_bare(organisation["CreatedDateUTC"])
    result["OrganisationEntityType"] = organisation["OrganisationType"]
    for name in ("Timezone", "ShortCode", "OrganisationID", "Edition", "Class"):
        result[name] = organisation[name]
    result.update(Addresses=[], Phones=[], ExternalLinks=[], PaymentTerms={})
    return result


def render_account(account):
    result = {"AccountID": account["AccountID"]}
    if account.get("Code"):
        result["Code"] = account["Code"]
    result.update(Name=account["Name"], Status=account["Status"], Type=account["Type"])
    result["TaxType"] = account.get("TaxType", "NONE")
    for name in ("Description", "BankAccountNumber", "BankAccountType", "CurrencyCode"):
        if account.get(name):
            result[name] = account[name]
    result["Class"] = CLASS_OF_TYPE[account["Type"]]
    if account.get("SystemAccount"):
        result["SystemAccount"] = account["SystemAccount"]
    result["EnablePaymentsToAccount"] = bool(account.get("EnablePaymentsToAccount"))
    result["ShowInExpenseClaims"] = False
    result["ReportingCode"] = account.get("ReportingCode", "")
    result["ReportingCodeName"] = ""
    result["HasAttachments"] = False
    result["UpdatedDateUTC"] = ms_time(account["UpdatedDateUTC"])
    result["AddToWatchlist"] = False
    return result


def render_tax_rate(rate):
    effective = round_to(Decimal(rate["EffectiveRate"]), FOUR)
    result = {"Name": rate["Name"], "TaxType": rate["TaxType"]}
    if rate.get("ReportTaxType"):
        result["ReportTaxType"] = rate["ReportTaxType"]
    for name in (
        "CanApplyToAssets",
        "CanApplyToEquity",
        "CanApplyToExpenses",
        "CanApplyToLiabilities",
        "CanApplyToRevenue",
    ):
        result[name] = rate[name]
    result["DisplayTaxRate"] = effective
    result["EffectiveRate"] = effective
    result["Status"] = rate["Status"]
    result["TaxComponents"] = [
        {"Name": name, "Rate": round_to(Decimal(value), FOUR), "IsCompound": False, "IsNonRecoverable": False}
        for name, value in rate["Components"]
    ]
    return result


def render_currency(currency):
    return {"Code": currency["Code"], "Description": currency["Description"]}


def render_tracking(category):
    """A tracking category with its options, as the OpenAPI description's example answers show them."""
    return {
        "Name": category["Name"],
        "Status": category["Status"],
        "TrackingCategoryID": category["TrackingCategoryID"],
        "Options": [
            {
                "TrackingOptionID": option["TrackingOptionID"],
                "Name": option["Name"],
                "Status": option["Status"],
                "HasValidationErrors": False,
                "IsDeleted": False,
                "IsArchived": option["Status"] == "ARCHIVED",
                "IsActive": option["Status"] == "ACTIVE",
            }
            for option in category["Options"]
        ],
    }
