"""The organisations of the simulator, made up by us, and generated ones of any size.

Identifiers are the same in every run, so that a link made before a restart or a reset still points to its organisation.
"""

import functools
import random
import uuid
from decimal import Decimal

from .rates import NAMES

DAY = 86_400_000
SEEDS = ("demo", "empty")


@functools.cache
def fixed_id(*words):
    """The same GUID for the same words, in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "xero-simulator:" + ":".join(words)))


def _organisation(
    country, name, legal, currency, code, tax_number, year_end, basis, period, zone, kind="COMPANY"
):
    return {
        "OrganisationID": fixed_id(country),
        "Name": name,
        "LegalName": legal,
        "PaysTax": True,
        "Version": {"GB": "UK"}.get(country, country),
        "OrganisationType": kind,
        "BaseCurrency": currency,
        "CountryCode": country,
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "TaxNumber": tax_number,
        "FinancialYearEndDay": year_end[0],
        "FinancialYearEndMonth": year_end[1],
        "SalesTaxBasis": basis,
        "SalesTaxPeriod": period,
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "Timezone": zone,
        "ShortCode": code,
        "Edition": "BUSINESS",
        "Class": "PREMIUM",
    }


ORGANISATIONS = [
    _organisation(
        "AU", "Riverside Plumbing Pty Ltd", "Riverside Plumbing Pty Ltd", "AUD", "!rvS1q", "51 824 753 556",
        (30, 6), "ACCRUALS", "QUARTERLY1", "AUSEASTERNSTANDARDTIME",
    ),
    _organisation(
        "GB", "Thames Heating Ltd", "Thames Heating Limited", "GBP", "!tHm7Z", "GB 123 4567 82",
        (31, 3), "ACCRUAL", "QUARTERLY", "GMTSTANDARDTIME",
    ),
    _organisation(
        "US", "Lakeside Field Services LLC", "Lakeside Field Services LLC", "USD", "!lKd4P", "12-3456789",
        (31, 12), "ACCRUALS", "QUARTERLY", "EASTERNSTANDARDTIME", "LLC",
    ),
    _organisation(
        "NZ", "Southern Lights Electrical Ltd", "Southern Lights Electrical Limited", "NZD", "!sLe9x", "071-138-054",
        (31, 3), "PAYMENTS", "TWOMONTHS", "NEWZEALANDSTANDARDTIME",
    ),
]  # fmt: skip

CURRENCIES = {
    "AU": ("AUD", "USD", "NZD"),
    "GB": ("GBP", "EUR", "USD"),
    "US": ("USD", "CAD", "EUR"),
    "NZ": ("NZD", "AUD"),
}

# (TaxType, name, report type, rate, component, income, expenses, status); income and expenses say where it applies.
TAX_RATES = {
    "AU": [
        ("OUTPUT", "GST on Income", "OUTPUT", "10", "GST", True, False, "ACTIVE"),
        ("INPUT", "GST on Expenses", "INPUT", "10", "GST", False, True, "ACTIVE"),
        ("CAPEXINPUT", "GST on Capital", "CAPITALEXPENSESINPUT", "10", "GST", False, True, "ACTIVE"),
        ("EXEMPTOUTPUT", "GST Free Income", "EXEMPTOUTPUT", "0", "GST", True, False, "ACTIVE"),
        ("EXEMPTEXPENSES", "GST Free Expenses", "EXEMPTEXPENSES", "0", "GST", False, True, "ACTIVE"),
        ("EXEMPTEXPORT", "GST Free Exports", "EXEMPTEXPORT", "0", "GST", True, False, "ACTIVE"),
        ("INPUTTAXED", "Input Taxed", "INPUTTAXED", "0", "GST", True, True, "ACTIVE"),
        ("BASEXCLUDED", "BAS Excluded", "BASEXCLUDED", "0", "GST", True, True, "ACTIVE"),
        ("NONE", "No GST", "NONE", "0", "GST", True, True, "ACTIVE"),
    ],
    "GB": [
        ("OUTPUT2", "20% (VAT on Income)", "OUTPUT", "20", "VAT", True, False, "ACTIVE"),
        ("INPUT2", "20% (VAT on Expenses)", "INPUT", "20", "VAT", False, True, "ACTIVE"),
        ("RROUTPUT", "5% (VAT on Income)", "OUTPUT", "5", "VAT", True, False, "ACTIVE"),
        ("RRINPUT", "5% (VAT on Expenses)", "INPUT", "5", "VAT", False, True, "ACTIVE"),
        ("ZERORATEDOUTPUT", "Zero Rated Income", "OUTPUT", "0", "VAT", True, False, "ACTIVE"),
        ("ZERORATEDINPUT", "Zero Rated Expenses", "INPUT", "0", "VAT", False, True, "ACTIVE"),
        ("EXEMPTOUTPUT", "Exempt Income", "EXEMPTOUTPUT", "0", "VAT", True, False, "ACTIVE"),
        ("EXEMPTINPUT", "Exempt Expenses", "EXEMPTINPUT", "0", "VAT", False, True, "ACTIVE"),
        ("SROUTPUT", "17.5% (VAT on Income)", "OUTPUT", "17.5", "VAT", True, False, "DELETED"),
        ("NONE", "No VAT", "NONE", "0", "VAT", True, True, "ACTIVE"),
    ],
    "US": [
        ("TAX001", "Tax on Sales 15%", "OUTPUT", "15", "Sales Tax", True, False, "ACTIVE"),
        ("TAX002", "Lake County Sales Tax 8.25%", "OUTPUT", "8.25", "State and county", True, False, "ACTIVE"),
        ("TAX003", "Old Tax on Sales 15%", "OUTPUT", "15", "Sales Tax", True, False, "DELETED"),
        ("TAX004", "Tax on Purchases 15%", "INPUT", "15", "Purchase Tax", False, True, "ACTIVE"),
        ("NONE", "Tax Exempt", "NONE", "0", "Tax", True, True, "ACTIVE"),
    ],
    "NZ": [
        ("OUTPUT2", "15% GST on Income", "OUTPUT", "15", "GST", True, False, "ACTIVE"),
        ("INPUT2", "15% GST on Expenses", "INPUT", "15", "GST", False, True, "ACTIVE"),
        ("ZERORATED", "Zero Rated", "OUTPUT", "0", "GST", True, False, "ACTIVE"),
        ("NONE", "No GST", "NONE", "0", "GST", True, True, "ACTIVE"),
    ],
}  # fmt: skip
SALES_TAX = {"AU": "OUTPUT", "GB": "OUTPUT2", "US": "TAX001", "NZ": "OUTPUT2"}
PURCHASE_TAX = {"AU": "INPUT", "GB": "INPUT2", "US": "TAX004", "NZ": "INPUT2"}

# (code, name, type, tax: S sales, P purchases, - none, system account, payments allowed, status)
ACCOUNTS = [
    ("090", "Business Bank Account", "BANK", "-", None, False, "ACTIVE"),
    ("091", "Business Savings Account", "BANK", "-", None, False, "ACTIVE"),
    ("200", "Sales", "REVENUE", "S", None, False, "ACTIVE"),
    ("205", "Sales - Parts", "REVENUE", "S", None, False, "ACTIVE"),
    ("210", "Sales - Exempt", "REVENUE", "-", None, False, "ACTIVE"),
    ("260", "Other Revenue", "REVENUE", "S", None, False, "ACTIVE"),
    ("270", "Interest Income", "OTHERINCOME", "-", None, False, "ACTIVE"),
    ("299", "Sales (old)", "REVENUE", "S", None, False, "ARCHIVED"),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "P", None, False, "ACTIVE"),
    ("400", "Advertising", "OVERHEADS", "P", None, False, "ACTIVE"),
    ("404", "Bank Fees", "OVERHEADS", "-", None, False, "ACTIVE"),
    ("429", "General Expenses", "EXPENSE", "P", None, False, "ACTIVE"),
    ("610", "Accounts Receivable", "CURRENT", "-", "DEBTORS", False, "ACTIVE"),
    ("620", "Prepayments", "PREPAYMENT", "-", None, False, "ACTIVE"),
    ("630", "Inventory", "INVENTORY", "-", None, False, "ACTIVE"),
    ("710", "Office Equipment", "FIXED", "P", None, False, "ACTIVE"),
    ("800", "Accounts Payable", "CURRLIAB", "-", "CREDITORS", False, "ACTIVE"),
    ("820", "Sales Tax", "CURRLIAB", "-", "GST", False, "ACTIVE"),
    ("840", "Historical Adjustment", "CURRLIAB", "-", "HISTORICAL", False, "ACTIVE"),
    ("860", "Rounding", "CURRLIAB", "-", "ROUNDING", False, "ACTIVE"),
    ("880", "Owner Drawings", "CURRLIAB", "-", None, True, "ACTIVE"),
    ("960", "Retained Earnings", "EQUITY", "-", "RETAINEDEARNINGS", False, "ACTIVE"),
]  # fmt: skip

# Awkward on purpose. "home" and "foreign" stand for currencies of the organisation.
CONTACTS = [
    {"Name": "Harbour Café & Bar", "EmailAddress": "accounts@harbourcafe.example", "IsCustomer": True,
     "FirstName": "Zoë", "LastName": "Müller", "phone": "9555 0101", "city": "Port Ellen"},
    {"Name": "HARBOUR CAFÉ & BAR", "EmailAddress": "old@harbourcafe.example", "IsCustomer": True,
     "ContactStatus": "ARCHIVED"},
    {"Name": "O'Brien & Sons", "EmailAddress": "pat.o'brien@obriensons.example", "IsCustomer": True,
     "phone": "9555 0102"},
    {"Name": "Ngā Rākau Gardens", "IsCustomer": True, "city": "Kōwhai Bay"},
    {"Name": "Smith, Jones \"and\" Co", "EmailAddress": "Office@SmithJones.Example", "IsCustomer": True},
    {"Name": "Sunrise Property Management", "EmailAddress": "maintenance@sunrise.example",
     "IsCustomer": True, "phone": "9555 0104"},
    {"Name": "Sunrise Property Management (North)", "EmailAddress": "maintenance@sunrise.example",
     "IsCustomer": True},
    {"Name": "Łukasz Żółć", "FirstName": "Łukasz", "LastName": "Żółć", "IsCustomer": True},
    {"Name": "Pipe & Valve Supplies", "EmailAddress": "orders@pipevalve.example", "IsSupplier": True},
    {"Name": "Copper Wholesale", "EmailAddress": "sales@copper.example", "IsSupplier": True,
     "IsCustomer": True},
    {"Name": "Town Council", "AccountNumber": "TC-0099"},
    {"Name": "New Lead Without Anything"},
    {"Name": "Overseas Client GmbH", "EmailAddress": "rechnung@overseas.example", "IsCustomer": True,
     "currency": "foreign"},
    {"Name": "Acme Corporation", "EmailAddress": "info@acme.example", "IsCustomer": True, "persons": True},
    {"Name": "acme corporation (old)", "EmailAddress": "info@acme.example", "IsCustomer": True,
     "ContactStatus": "ARCHIVED"},
    {"Name": "Linked Elsewhere Ltd", "EmailAddress": "hello@linked.example", "IsCustomer": True,
     "ContactNumber": "CRM-4711"},
    {"Name": "Merged Away", "EmailAddress": "merged@acme.example", "IsCustomer": True,
     "ContactStatus": "ARCHIVED",
     "merged_into": "Acme Corporation"},
    {"Name": "Forgotten Person", "ContactStatus": "GDPRREQUEST"},
    {"Name": "Azure Interior", "EmailAddress": "azure.Interior24@example.com", "IsCustomer": True,
     "phone": "(870)-931-0505"},
    {"Name": "A" * 200 + " Holdings", "EmailAddress": "long@name.example", "IsCustomer": True},
]  # fmt: skip

ITEMS = [
    {"Code": "CALLOUT", "Name": "Call-out fee", "Description": "Call-out fee, first half hour",
     "price": "95.00", "account": "200"},
    {"Code": "LABOUR", "Name": "Labour", "Description": "Labour per hour", "price": "82.5000",
     "account": "200"},
    {"Code": "VALVE-15", "Name": "Valve 15 mm", "Description": "Isolation valve 15 mm",
     "price": "7.3350", "cost": "3.1250", "account": "205"},
    {"Code": "valve/22 \"L\"", "Name": "Valve 22 mm, left", "Description": "Isolation valve 22 mm",
     "price": "9.99", "cost": "4.10", "account": "205"},
    {"Code": "HEATER-80", "Name": "Water heater 80 l", "Description": "Water heater 80 l, installed",
     "price": "1249.00", "cost": "730.00", "account": "205"},
    {"Code": "EXEMPT", "Name": "Safety inspection", "Description": "Safety inspection, tax exempt",
     "price": "60.00", "account": "210", "tax": "NONE"},
    {"Code": "FUEL", "Name": "Fuel", "PurchaseDescription": "Fuel for vans", "cost": "1.95", "sold": False},
    {"Code": "NOPRICE", "Name": "Custom work"},
    {"Code": "CAFÉ-01", "Name": "Café équipement", "Description": "Entretien de la machine à café",
     "price": "120.00", "account": "200"},
    {"Code": "OLD-CODE", "price": "1.00", "account": "299"},
]  # fmt: skip


def _tax_rate(row):
    tax_type, name, report, rate, component, income, expenses, status = row
    components = [[component, rate]] if tax_type != "TAX002" else [["State", "6.25"], ["County", "2"]]
    return {
        "TaxType": tax_type,
        "Name": name,
        "ReportTaxType": report,
        "EffectiveRate": Decimal(rate),
        "Components": [[label, Decimal(value)] for label, value in components],
        "Status": status,
        "CanApplyToRevenue": income,
        "CanApplyToExpenses": expenses,
        "CanApplyToAssets": True,
        "CanApplyToEquity": True,
        "CanApplyToLiabilities": True,
    }


def _account(country, row, updated):
    code, name, kind, tax, system, payments, status = row
    tax_type = {"S": SALES_TAX, "P": PURCHASE_TAX}.get(tax, {}).get(country, "NONE")
    account = {
        "AccountID": fixed_id(country, "account", code),
        "Code": code,
        "Name": name,
        "Type": kind,
        "Status": status,
        "TaxType": {"AU": "BASEXCLUDED"}.get(country, "NONE") if tax == "-" and kind == "BANK" else tax_type,
        "EnablePaymentsToAccount": payments,
        "UpdatedDateUTC": updated,
    }
    if system:
        account["SystemAccount"] = system
    if kind == "BANK":
        account.update(BankAccountNumber=f"0209087654321{code}", BankAccountType="BANK")
        account["CurrencyCode"] = CURRENCIES[country][0]
    return account


def _contact(country, row, updated):
    extra = {"phone", "city", "currency", "persons", "merged_into"}
    contact = {
        "ContactID": fixed_id(country, "contact", row["Name"]),
        "ContactStatus": "ACTIVE",
        **{key: value for key, value in row.items() if key not in extra},
        "UpdatedDateUTC": updated,
    }
    if "phone" in row:
        contact["Phones"] = [
            {
                "PhoneType": "DEFAULT",
                "PhoneNumber": row["phone"],
                "PhoneAreaCode": "02",
                "PhoneCountryCode": "",
            }
        ]
    if "city" in row:
        contact["Addresses"] = [
            {
                "AddressType": "POBOX",
                "AddressLine1": "12 Quay Street",
                "City": row["city"],
                "PostalCode": "4000",
            }
        ]
    if row.get("currency") == "foreign":
        contact["DefaultCurrency"] = CURRENCIES[country][1]
    if row.get("persons"):
        contact["ContactPersons"] = [
            {
                "FirstName": "Ada",
                "LastName": "Nguyen",
                "EmailAddress": "ada@acme.example",
                "IncludeInEmails": True,
            }
        ]
    if "merged_into" in row:
        contact["MergedToContactID"] = fixed_id(country, "contact", row["merged_into"])
    return contact


def _item(country, row, updated):
    item = {
        "ItemID": fixed_id(country, "item", row["Code"]),
        "Code": row["Code"],
        "IsSold": row.get("sold", True),
        "IsPurchased": "cost" in row,
        "UpdatedDateUTC": updated,
    }
    for name in ("Name", "Description", "PurchaseDescription"):
        if name in row:
            item[name] = row[name]
    if "price" in row:
        tax = row.get("tax", SALES_TAX[country])
        item["SalesDetails"] = {
            "UnitPrice": Decimal(row["price"]),
            "AccountCode": row["account"],
            "TaxType": tax,
        }
    if "cost" in row:
        item["PurchaseDetails"] = {
            "UnitPrice": Decimal(row["cost"]), "AccountCode": "310", "TaxType": PURCHASE_TAX[country]
        }  # fmt: skip
    return item


def fill_settings(store, now):
    """The organisations with their accounts, tax rates and currencies."""
    created = now - 400 * DAY
    for organisation in ORGANISATIONS:
        country, tenant = organisation["CountryCode"], organisation["OrganisationID"]
        store.collection("organisations").put(tenant, {**organisation, "CreatedDateUTC": created})
        accounts, rates = store.collection(f"{tenant}/accounts"), store.collection(f"{tenant}/tax_rates")
        for row in ACCOUNTS:
            account = _account(country, row, created)
            accounts.put(account["AccountID"], account)
        for row in TAX_RATES[country]:
            rates.put(row[0], _tax_rate(row))
        for code in CURRENCIES[country]:
            store.collection(f"{tenant}/currencies").put(code, {"Code": code, "Description": NAMES[code]})


def fill_demo(ledger, now):
    """The awkward contacts and items. Each was changed an hour after the one before; archived ones last year."""
    country = ledger.organisation["CountryCode"]
    start = now - 30 * DAY
    for number, row in enumerate(CONTACTS):
        contact = _contact(country, row, start + number * 3_600_000)
        ledger.contacts.put(contact["ContactID"], contact)
    for number, row in enumerate(ITEMS):
        item = _item(country, row, start + number * 3_600_000)
        ledger.items.put(item["ItemID"], item)


FIRST = (
    "Amelia",
    "Björn",
    "Chidi",
    "Dana",
    "Émile",
    "Fatima",
    "George",
    "Hana",
    "Iñaki",
    "Jürgen",
    "Kiri",
    "Liam",
)
LAST = (
    "Adams",
    "O'Neill",
    "Brânză",
    "Chen",
    "Dvořák",
    "Evans",
    "García",
    "Haddad",
    "Ivanov",
    "Jansen",
    "Kaur",
    "Møller",
)
TRADES = (
    "Plumbing",
    "Electrical",
    "Roofing",
    "Property",
    "Cafés",
    "Dental",
    "Motors",
    "Gardens",
    "Hotels",
    "Bakery",
)


def fill_generated(ledger, now, contacts=0, items=0, seed=1):
    """Plain but varied contacts and items: a tenth without e-mail, some suppliers, two in three customers.

    Groups of ten share one UpdatedDateUTC, as records of one import do.
    """
    draw = random.Random(f"{seed}:{ledger.tenant}")  # noqa: S311 the same data every time
    country = ledger.organisation["CountryCode"]
    start = now - 20 * DAY
    for number in range(1, contacts + 1):
        first, last, trade = draw.choice(FIRST), draw.choice(LAST), draw.choice(TRADES)
        key = str(uuid.UUID(int=draw.getrandbits(128), version=4))
        contact = {
            "ContactID": key,
            "ContactStatus": "ACTIVE",
            "Name": f"{last} {trade} {number:06d}",
            "FirstName": first,
            "LastName": last,
            "IsCustomer": number % 3 != 0,
            "IsSupplier": number % 9 == 0,
            "Phones": [
                {
                    "PhoneType": "DEFAULT",
                    "PhoneNumber": f"555 {number % 10_000:04d}",
                    "PhoneAreaCode": str(2 + number % 7),
                    "PhoneCountryCode": "",
                }
            ],
            "Addresses": [
                {
                    "AddressType": "STREET",
                    "AddressLine1": f"{number} {trade} Road",
                    "City": f"{last}ville",
                    "PostalCode": f"{number % 100_000:05d}",
                }
            ],
            "UpdatedDateUTC": start + number // 10 * 1000,
        }
        if number % 10:
            contact["EmailAddress"] = f"contact{number}@generated.example"
        ledger.contacts.put(key, contact)
    for number in range(1, items + 1):
        key = str(uuid.UUID(int=draw.getrandbits(128), version=4))
        ledger.items.put(
            key,
            {
                "ItemID": key,
                "Code": f"GEN-{number:05d}",
                "Name": f"{draw.choice(TRADES)} part {number}",
                "Description": f"Generated part {number}",
                "IsSold": True,
                "IsPurchased": False,
                "SalesDetails": {
                    "UnitPrice": Decimal(draw.randrange(1, 2_000_000)) / 10_000,
                    "AccountCode": "205",
                    "TaxType": SALES_TAX[country],
                },
                "UpdatedDateUTC": start + number // 10 * 1000,
            },
        )
