"""What a new simulator holds: four companies, and customers, items and projects that are awkward on purpose."""

import random
from decimal import Decimal

from .rates import NAMES as CURRENCY_NAMES
from .wire import ref

SEEDS = ("demo", "empty")
DAY = 86_400

COMPANIES = (
    {
        "realm": "9341453908059321",
        "tag": "US",
        "name": "Lakeside Field Services LLC",
        "country": "US",
        "currency": "USD",
        "automated_tax": True,
        "automated_code": "2",
        "custom_numbers": True,
        "warn_duplicates": True,
        "account_numbers": True,
        "projects": True,
        "multicurrency": False,
        "plan": "QuickBooks Online Plus",
        "email": "books@lakeside.example",
        "phone": "(555) 010-0100",
        "address": {
            "Line1": "12 Harbor St",
            "City": "Duluth",
            "CountrySubDivisionCode": "MN",
            "PostalCode": "55802",
        },
    },
    {
        "realm": "9341453908061207",
        "tag": "US2",
        "name": "Prairie Repair Co.",
        "country": "US",
        "currency": "USD",
        "automated_tax": True,
        "automated_code": "2",
        "custom_numbers": False,
        "warn_duplicates": True,
        "account_numbers": False,
        "projects": False,
        "multicurrency": False,
        "plan": "QuickBooks Online Simple Start",
        "email": "office@prairie.example",
        "phone": "(555) 010-0200",
        "address": {
            "Line1": "400 Main St",
            "City": "Salina",
            "CountrySubDivisionCode": "KS",
            "PostalCode": "67401",
        },
    },
    {
        "realm": "9130357849837246",
        "tag": "GB",
        "name": "Thames Heating Ltd",
        "country": "GB",
        "currency": "GBP",
        "automated_tax": False,
        "automated_code": None,
        "custom_numbers": False,
        "warn_duplicates": True,
        "account_numbers": False,
        "projects": True,
        "multicurrency": True,
        "plan": "QuickBooks Online Plus",
        "email": "accounts@thames.example",
        "phone": "020 7946 0100",
        "address": {
            "Line1": "3 Wharf Road",
            "City": "London",
            "PostalCode": "SE1 2AA",
            "Country": "United Kingdom",
        },
    },
    {
        "realm": "9130357990012875",
        "tag": "AU",
        "name": "Riverside Plumbing Pty Ltd",
        "country": "AU",
        "currency": "AUD",
        "automated_tax": False,
        "automated_code": None,
        "custom_numbers": True,
        "warn_duplicates": False,
        "account_numbers": True,
        "projects": True,
        "multicurrency": False,
        "plan": "QuickBooks Online Plus",
        "email": "accounts@riverside.example",
        "phone": "03 5550 0100",
        "address": {
            "Line1": "8 Quay Street",
            "City": "Geelong",
            "CountrySubDivisionCode": "VIC",
            "PostalCode": "3220",
        },
    },
)
CURRENCIES = {"US": ("USD",), "US2": ("USD",), "GB": ("GBP", "EUR", "USD"), "AU": ("AUD",)}
ACCOUNTS = (  # number, name, classification, type, sub-type, active
    ("1000", "Checking", "Asset", "Bank", "Checking", True),
    ("1200", "Accounts Receivable (A/R)", "Asset", "Accounts Receivable", "AccountsReceivable", True),
    ("1300", "Inventory Asset", "Asset", "Other Current Asset", "Inventory", True),
    ("1400", "Undeposited Funds", "Asset", "Other Current Asset", "UndepositedFunds", True),
    ("2000", "Accounts Payable (A/P)", "Liability", "Accounts Payable", "AccountsPayable", True),
    ("2200", "Sales Tax Payable", "Liability", "Other Current Liability", "SalesTaxPayable", True),
    ("3000", "Opening Balance Equity", "Equity", "Equity", "OpeningBalanceEquity", True),
    ("4000", "Sales", "Revenue", "Income", "SalesOfProductIncome", True),
    ("4010", "Services", "Revenue", "Income", "ServiceFeeIncome", True),
    ("4020", "Sales of Product Income", "Revenue", "Income", "SalesOfProductIncome", True),
    ("4090", "Discounts given", "Revenue", "Income", "DiscountsRefundsGiven", True),
    ("4099", "Old Sales", "Revenue", "Income", "SalesOfProductIncome", False),
    ("4900", "Other Income – Café", "Revenue", "Other Income", "OtherMiscellaneousIncome", True),
    ("5000", "Cost of Goods Sold", "Expense", "Cost of Goods Sold", "SuppliesMaterialsCogs", True),
    ("6000", "Job Expenses", "Expense", "Expense", "OtherBusinessExpenses", True),
)
RATES = {  # agency, [(rate id, name, percent)]
    "US": ("Minnesota Department of Revenue", (("3", "Minnesota State", "6.25"), ("4", "St. Louis County", "5.75"),
                                               ("5", "Duluth City", "3"))),
    "US2": ("Kansas Department of Revenue", (("3", "Kansas State", "6.5"), ("4", "Saline County", "1.75"))),
    "GB": ("HMRC", (("1", "20.0% S (Sales)", "20"), ("2", "20.0% S (Purchases)", "20"), ("3", "5.0% R (Sales)", "5"),
                    ("4", "0.0% Z (Sales)", "0"), ("5", "Exempt (Sales)", "0"))),
    "AU": ("Australian Taxation Office", (("1", "GST (sales)", "10"), ("2", "GST (purchases)", "10"),
                                          ("3", "GST free (sales)", "0"))),
}  # fmt: skip
CODES = {  # [(code id, name, description, taxable, sales rates, purchase rates, active)]
    "US": (
        ("TAX", "TAX", "Taxable", True, (), (), True),
        ("NON", "NON", "Not taxable", False, (), (), True),
        ("2", "Duluth, MN", "Combined rate of Duluth", True, ("3", "4", "5"), (), True),
    ),
    "US2": (
        ("TAX", "TAX", "Taxable", True, (), (), True),
        ("NON", "NON", "Not taxable", False, (), (), True),
        ("2", "Salina, KS", "Combined rate of Salina", True, ("3", "4"), (), True),
    ),
    "GB": (
        ("2", "20.0% S", "Standard", True, ("1",), ("2",), True),
        ("3", "5.0% R", "Reduced", True, ("3",), (), True),
        ("4", "0.0% Z", "Zero rated", True, ("4",), (), True),
        ("5", "Exempt", "Exempt", True, ("5",), (), True),
        ("6", "17.5% S", "Former standard rate", True, ("1",), (), False),
    ),
    "AU": (
        ("2", "GST", "Goods and services tax", True, ("1",), ("2",), True),
        ("3", "GST free", "Free of goods and services tax", True, ("3",), (), True),
        ("4", "Out of scope", "Not reported", False, (), (), True),
    ),
}
TERMS = (("1", "Due on receipt", 0), ("2", "Net 15", 15), ("3", "Net 30", 30), ("4", "Net 60", 60))
METHODS = (("1", "Cash", "NON_CREDIT_CARD"), ("2", "Check", "NON_CREDIT_CARD"), ("3", "Visa", "CREDIT_CARD"))


def fill_companies(store, now):
    """The companies with their lists."""
    for company in COMPANIES:
        document = {**company, "status": "active", "closing_date": None, "started": "2020-01-01"}
        document["_created"] = document["_updated"] = now - 900 * DAY
        store.collection("companies").put(company["realm"], document)


def fill_lists(books):
    at, tag = books.company["_created"], books.company["tag"]

    def put(kind, key, **values):
        books.of(kind).put(key, {"Id": key, "SyncToken": "0", "_created": at, "_updated": at, **values})

    for code in CURRENCIES[tag]:
        put("CompanyCurrency", code, Code=code, Name=CURRENCY_NAMES[code], Active=True)
    for number, (account, name, classification, kind, sub, active) in enumerate(ACCOUNTS, 1):
        values = {"AcctNum": account} if books.company["account_numbers"] else {}
        put(
            "Account", str(number), Name=name if active else f"{name} (deleted)", SubAccount=False,
            FullyQualifiedName=name if active else f"{name} (deleted)", Active=active, Classification=classification,
            AccountType=kind, AccountSubType=sub, CurrentBalance=0, CurrentBalanceWithSubAccounts=0,
            CurrencyRef=ref(books.home, CURRENCY_NAMES[books.home]), **values,
        )  # fmt: skip
    agency, rates = RATES[tag]
    put(
        "TaxAgency",
        "1",
        DisplayName=agency,
        TaxTrackedOnSales=True,
        TaxTrackedOnPurchases=not books.automated_tax,
    )
    for key, name, percent in rates:
        put_rate(books, key, name, percent, at)
    for key, name, text, taxable, sold, bought, active in CODES[tag]:
        put(
            "TaxCode", key, Name=name, Description=text, Active=active, Hidden=False, Taxable=taxable,
            TaxGroup=bool(sold or bought), SalesTaxRateList={"TaxRateDetail": _details(books, sold)},
            PurchaseTaxRateList={"TaxRateDetail": _details(books, bought)},
        )  # fmt: skip
    for key, name, days in TERMS:
        put(
            "Term",
            key,
            Name=name,
            Active=True,
            Type="STANDARD",
            DiscountPercent=0,
            DueDays=days,
            DiscountDays=0,
        )
    for key, name, kind in METHODS:
        put("PaymentMethod", key, Name=name, Active=True, Type=kind)


def put_rate(books, key, name, percent, at=None):
    """A tax rate, new or changed."""
    before = books.tax_rates.get(key)
    at = books.now() if at is None else at
    books.tax_rates.put(
        key,
        {
            "Id": key,
            "SyncToken": str(int(before["SyncToken"]) + 1) if before else "0",
            "_created": before["_created"] if before else at,
            "_updated": at,
            "Name": name,
            "Description": name,
            "Active": True,
            "RateValue": percent,
            "AgencyRef": ref("1"),
            "SpecialTaxType": "NONE",
            "DisplayType": "ReadOnly",
            "EffectiveTaxRate": [{"RateValue": percent, "EffectiveDate": "2019-01-01T00:00:00-08:00"}],
        },
    )


def _details(books, keys):
    return [
        {
            "TaxRateRef": ref(key, books.tax_rates.get(key)["Name"]),
            "TaxTypeApplicable": "TaxOnAmount",
            "TaxOrder": number,
        }
        for number, key in enumerate(keys)
    ]


# === CUSTOMERS === #

CUSTOMERS = (  # key of this table, DisplayName, e-mail, more
    ("amelia", "Amelia O'Neill", "amelia@oneill.example", {"GivenName": "Amelia", "FamilyName": "O'Neill"}),
    ("cafe", "Café Crème & Söhne", "bonjour@cafe-creme.example", {"CompanyName": "Café Crème & Söhne"}),
    (
        "council",
        "Town Council",
        "accounts@council.example",
        {"CompanyName": "Town Council", "SalesTermRef": ref("3")},
    ),
    ("twin1", "Bright Dental", "info@bright.example", {"CompanyName": "Bright Dental"}),
    ("twin2", "Bright Dental (North)", "info@bright.example", {"CompanyName": "Bright Dental"}),
    ("bare", "No Mail Motors", None, {}),
    ("several", "Two Addresses Inc", "a@two.example, b@two.example", {}),
    ("backslash", "Back\\slash 'n' Sons", "back@slash.example", {}),
    ("gone", "Closed Bakery", "old@bakery.example", {"Active": False}),
    ("exempt", "St. Brigid's School", "office@brigid.example", {"Taxable": False}),
    ("padded", "Žižkov Garden s.r.o.", "zahrada@zizkov.example", {"Notes": "Ring twice."}),
    (
        "long",
        "An Uncommonly Long Name of a Customer " + "that Goes on and on " * 6 + "End",
        "long@name.example",
        {},
    ),
    ("property", "Harbor Property Group", "billing@harbor.example", {"CompanyName": "Harbor Property Group"}),
    ("building", "Harbor Tower", "tower@harbor.example", {"ParentRef": "property", "Job": True}),
    ("flat", "Harbor Tower 4B", None, {"ParentRef": "building", "Job": True}),
    ("boiler", "Harbor Tower 4B Boiler", None, {"ParentRef": "flat", "Job": True, "BillWithParent": True}),
    ("oldsub", "Harbor Annex", None, {"ParentRef": "property", "Job": True, "Active": False}),
)
PROJECTS = (  # key, name, parent, status
    ("roof", "Town Hall Roof", "council", "IN_PROGRESS"),
    ("pumps", "Pump Station – Phase 2", "council", "OPEN"),
    ("cellar", "Cellar O'Neill", "amelia", "COMPLETE"),
    ("lobby", "Lobby Refit", "property", "CANCELED"),
)
VENDORS = (("Supply Depot", "orders@depot.example"), ("Casey's Hardware", None))
EMPLOYEES = (("Robin Park", "robin@lakeside.example"),)
FOREIGN = (("europe", "Bäckerei Müller GmbH", "kontakt@mueller.example", "EUR"),
           ("america", "Lakeside Field Services LLC", "books@lakeside.example", "USD"))  # fmt: skip
ITEMS = (  # key, Name, type, Sku, price, more
    ("services", "Services", "Service", None, "0", {}),
    ("hours", "Hours", "Service", "LABOR-1", "85", {"Description": "Labor, one hour", "Taxable": False}),
    ("callout", "Call-out", "Service", "CALL", "49.5", {"Description": "Call-out fee"}),
    ("parts", "Parts", "Category", None, None, {}),
    ("valve", "Valve 15 mm", "NonInventory", "VALVE-15", "12.3456", {"Description": "Ball valve 15 mm",
    "ParentRef": "parts"}),
    ("valve22", "Valve 22 mm", "NonInventory", "VALVE-22", "18.9", {"ParentRef": "parts"}),
    ("pipe", "Pipe 3m", "NonInventory", None, "7.25", {"Description": "Copper pipe, 3 m"}),
    ("samesku", "Valve 15 mm (old box)", "NonInventory", "VALVE-15", "10", {}),
    ("boiler", "Boiler C24", "Inventory", "BOIL-C24", "1190", {"Description": "Combi boiler 24 kW"}),
    ("kit", "Valve kit", "Group", "KIT-1", None, {"lines": ("valve", "pipe")}),
    ("gone", "Fax Repair", "Service", "FAX", "20", {"Active": False}),
    ("accent", "Entkalkung für Küche", "Service", "ENTK-Ü", "65", {"Description": "Limescale \"treatment\" & rinse"}),
)  # fmt: skip


def fill_demo(books, now):
    """The awkward records. Each was changed an hour after the one before."""
    clock = _Hours(now - 30 * DAY)
    keys = {}
    for key, name, email, more in CUSTOMERS:
        more = dict(more)
        if "ParentRef" in more:
            more["ParentRef"] = ref(keys[more["ParentRef"]])
        keys[key] = _customer(books, name, email, more, clock.next())
    for key, name, parent, status in PROJECTS if books.company["projects"] else ():
        keys[key] = _customer(
            books,
            name,
            None,
            {"ParentRef": ref(keys[parent]), "Job": True, "IsProject": True, "_status": status},
            clock.next(),
        )
    if books.multicurrency:
        for key, name, email, currency in FOREIGN:
            keys[key] = _customer(books, name, email, {"CurrencyRef": ref(currency)}, clock.next())
    for kind, rows in (("Vendor", VENDORS), ("Employee", EMPLOYEES)):
        for name, email in rows:
            values = {"DisplayName": name, "PrintOnCheckName": name, "Active": True}
            if email:
                values["PrimaryEmailAddr"] = {"Address": email}
            if kind == "Vendor":
                values["CurrencyRef"] = ref(books.home)
            books.put(kind, values, clock.next())
    _items(books, clock)


def fill_first_item(books, now):
    """The item that QuickBooks gives every company: lines without an item fall back to it."""
    _items(books, _Hours(now - 30 * DAY), ITEMS[:1])


class _Hours:
    def __init__(self, start):
        self.at = start

    def next(self):
        self.at += 3600
        return self.at


def _customer(books, name, email, more, at):
    values = {
        "Taxable": books.automated_tax,
        "Job": False,
        "BillWithParent": False,
        "CurrencyRef": ref(books.home),
        "PreferredDeliveryMethod": "None",
        "DisplayName": name,
        "PrintOnCheckName": name[:110],
        "Active": True,
        **more,
    }
    if not values["Active"]:
        values["DisplayName"] += " (deleted)"
    if email:
        values["PrimaryEmailAddr"] = {"Address": email}
    if not values["Job"]:
        values["BillAddr"] = {
            "Id": books.next_id("addresses"),
            "Line1": f"{len(name)} {name[:20].strip()} Way",
            "City": books.company["address"]["City"],
            "PostalCode": books.company["address"]["PostalCode"],
        }
        values["PrimaryPhone"] = {"FreeFormNumber": f"(555) 010-{len(books.customers):04d}"}
    return books.put("Customer", values, at)["Id"]


def _items(books, clock, rows=ITEMS):
    keys = {}
    tax = {} if books.automated_tax else {"SalesTaxCodeRef": ref("2")}
    for key, name, kind, sku, price, more in rows:
        more = dict(more)
        values = {"Name": name, "Type": kind, "Active": True, "Taxable": books.automated_tax, **more}
        if sku:
            values["Sku"] = sku
        if price is not None:
            values.update(
                UnitPrice=Decimal(price), IncomeAccountRef=ref("10" if kind != "Service" else "9"), **tax
            )
        if "ParentRef" in more:
            values.update(ParentRef=ref(keys[more["ParentRef"]]), SubItem=True)
        if kind == "Inventory":
            values.update(
                TrackQtyOnHand=True, QtyOnHand=4, InvStartDate="2026-01-01", PurchaseCost=Decimal(800),
                AssetAccountRef=ref("3"),
                ExpenseAccountRef=ref("14"),
            )  # fmt: skip
        if "lines" in more:
            del values["lines"]
            values["ItemGroupDetail"] = {
                "ItemGroupLine": [{"ItemRef": ref(keys[line]), "Qty": 1} for line in more["lines"]]
            }
        if not values["Active"]:
            values["Name"] += " (deleted)"
        keys[key] = books.put("Item", values, clock.next())["Id"]


FIRST = "Ada Björn Chen Dana Élodie Farid Grace Hana Ivo June Kofi Lena".split()
LAST = "Abbott O'Brien Çelik Dvořák Evans Fischer Gómez Hughes Ito Jansen Kovač Lund".split()
TRADES = "Plumbing Electric Roofing Property Café Dental Motors Garden Hotel Bakery".split()


def fill_generated(books, now, contacts=0, items=0, seed=1):
    """Plain but varied customers and items: a tenth without e-mail. Groups of ten share one time, as after an
    import."""
    draw = random.Random(f"{seed}:{books.realm}")  # noqa: S311 the same data every time
    start = now - 20 * DAY
    for number in range(1, contacts + 1):
        first, last, trade = draw.choice(FIRST), draw.choice(LAST), draw.choice(TRADES)
        email = f"contact{number}@generated.example" if number % 10 else None
        more = {"GivenName": first, "FamilyName": last, "CompanyName": f"{last} {trade}"}
        _customer(books, f"{last} {trade} {number:06d}", email, more, start + number // 10)
    tax = {} if books.automated_tax else {"SalesTaxCodeRef": ref("2")}
    for number in range(1, items + 1):
        books.put(
            "Item",
            {
                "Name": f"{draw.choice(TRADES)} part {number}",
                "Sku": f"GEN-{number:05d}",
                "Description": f"Generated part {number}",
                "Type": "NonInventory",
                "Active": True,
                "Taxable": books.automated_tax,
                "UnitPrice": Decimal(draw.randrange(1, 200_000)) / 100,
                "IncomeAccountRef": ref("10"),
                **tax,
            },
            start + number // 10,
        )
