"""The entities of the API: where they are kept, how they are written and read, and which properties a query may
name."""

from dataclasses import dataclass
from functools import partial

from . import attachments, items, names, payments, sales, settings
from .errors import Refused
from .fields import SHAPES
from .state import LISTS, NAMES, TRANSACTIONS
from .wire import ref_value


def _plain(name):
    return lambda _books, document: document.get(name)


def _ref(name):
    return lambda _books, document: ref_value(document.get(name))


def _flag(name, default=False):
    return lambda _books, document: document.get(name, default)


def _table(*rows):
    """Lower-case name → (name, kind, getter); every entity has its id and times."""
    common = (
        ("Id", "id", _plain("Id")),
        ("SyncToken", "id", _plain("SyncToken")),
        ("MetaData.CreateTime", "time", _plain("_created")),
        ("MetaData.LastUpdatedTime", "time", _plain("_updated")),
    )
    return {name.lower(): (name, kind, getter) for name, kind, getter in (*common, *rows)}


def _texts(*names_):
    return [(name, "text", _plain(name)) for name in names_]


ACTIVE = ("Active", "flag", _flag("Active", True))
NAME_TABLE = _table(
    ACTIVE,
    *_texts(
        "DisplayName",
        "Title",
        "GivenName",
        "MiddleName",
        "FamilyName",
        "Suffix",
        "CompanyName",
        "PrintOnCheckName",
    ),
)
CUSTOMER_TABLE = {
    **NAME_TABLE,
    **_table(
        ("FullyQualifiedName", "text", names.full_name),
        ("Balance", "number", names.balance),
        ("BalanceWithJobs", "number", partial(names.balance, with_children=True)),
        ("Job", "flag", _flag("Job")),
        ("IsProject", "flag", _flag("IsProject")),
        ("Taxable", "flag", _flag("Taxable")),
        ("ParentRef", "id", _ref("ParentRef")),
    ),
}
ITEM_TABLE = _table(
    ACTIVE,
    *_texts("Name", "Sku", "Type"),
    ("Description", "text", _plain("Description")),
    ("FullyQualifiedName", "text", items.full_name),
    ("UnitPrice", "number", _plain("UnitPrice")),
    ("QtyOnHand", "number", _plain("QtyOnHand")),
    ("ParentRef", "id", _ref("ParentRef")),
)
SALE_TABLE = _table(
    *_texts("DocNumber"),
    ("TxnDate", "day", _plain("TxnDate")),
    ("CustomerRef", "id", _ref("CustomerRef")),
    ("TotalAmt", "number", _plain("TotalAmt")),
    ("Balance", "number", _plain("Balance")),
)
INVOICE_TABLE = {**SALE_TABLE, **_table(("DueDate", "day", _plain("DueDate")))}
PAYMENT_TABLE = {name: row for name, row in SALE_TABLE.items() if name not in ("balance", "docnumber")}
ATTACHABLE_TABLE = _table(
    *_texts("FileName", "ContentType"),
    ("AttachableRef.EntityRef.Type", "text", attachments.attached_to("type")),
    ("AttachableRef.EntityRef.value", "id", attachments.attached_to("value")),
)
LIST_TABLES = {
    "Account": _table(
        ACTIVE,
        *_texts("Name", "AccountType", "AccountSubType", "Classification", "AcctNum", "FullyQualifiedName"),
    ),
    "TaxCode": _table(ACTIVE, *_texts("Name")),
    "TaxRate": _table(ACTIVE, *_texts("Name")),
    "TaxAgency": _table(*_texts("DisplayName")),
    "Term": _table(ACTIVE, *_texts("Name")),
    "PaymentMethod": _table(ACTIVE, *_texts("Name")),
    "CompanyCurrency": _table(ACTIVE, *_texts("Code", "Name")),
    "Class": _table(ACTIVE, *_texts("Name", "FullyQualifiedName")),
}
LIST_PROPERTIES = {
    "Account": "Name SubAccount Description AcctNum FullyQualifiedName Active Classification AccountType "
    "AccountSubType "
    "CurrentBalance CurrentBalanceWithSubAccounts CurrencyRef ParentRef TaxCodeRef",
    "TaxCode": "Name Description Active Hidden Taxable TaxGroup SalesTaxRateList PurchaseTaxRateList TaxCodeConfigType",
    "TaxRate": "Name Description Active RateValue AgencyRef TaxReturnLineRef SpecialTaxType DisplayType "
    "EffectiveTaxRate",
    "TaxAgency": "DisplayName TaxTrackedOnSales TaxTrackedOnPurchases TaxRegistrationNumber LastFileDate",
    "Term": "Name Active Type DiscountPercent DueDays DiscountDays",
    "PaymentMethod": "Name Active Type",
    "CompanyCurrency": "Code Name Active",
    "Class": "Name FullyQualifiedName SubClass ParentRef Active",
}


def _known(text):
    return {name.lower() for name in (*text.split(), "Id", "SyncToken", "MetaData", "domain", "sparse")}


@dataclass(frozen=True)
class Entity:
    """One entity of the API.

    :param render: ``render(books, document)`` → the value on the wire
    :param save: ``save(books, values, document)``, None when it cannot be written here
    :param void: ``void(books, document)``, None when there is no such operation
    :param delete: ``delete(books, document)``; names and items have none (B6)
    """

    name: str
    purpose: str
    queryable: dict
    known: set
    render: object
    save: object = None
    void: object = None
    delete: object = None
    has_active: bool = False
    newest_first: bool = False


def _entities():
    for kind, purpose in (("Customer", "contacts"), ("Vendor", "vendors"), ("Employee", "employees")):
        yield Entity(
            kind,
            purpose,
            CUSTOMER_TABLE if kind == "Customer" else NAME_TABLE,
            _known(" ".join(SHAPES[kind])),
            lambda books, document, kind=kind: names.render(books, kind, document),
            lambda books, values, document, kind=kind, **_options: names.save(books, kind, values, document),
            has_active=True,
        )
    yield Entity(
        "Item",
        "items",
        ITEM_TABLE,
        _known(" ".join(SHAPES["Item"])),
        items.render,
        lambda books, values, document, **_options: items.save(books, values, document),
        has_active=True,
    )
    for kind, purpose in (("Invoice", "invoices"), ("CreditMemo", "creditmemos")):
        yield Entity(
            kind,
            purpose,
            INVOICE_TABLE if kind == "Invoice" else SALE_TABLE,
            _known(" ".join(SHAPES[kind])),
            lambda books, document, kind=kind: sales.render(books, kind, document),
            partial(_save_sale, kind),
            partial(_void_sale, kind),
            partial(_delete_sale, kind),
            newest_first=True,
        )
    yield Entity(
        "Payment",
        "payments",
        PAYMENT_TABLE,
        _known(" ".join(SHAPES["Payment"])),
        payments.render,
        lambda books, values, document, **_options: payments.save(books, values, document),
        payments.void,
        payments.delete,
        newest_first=True,
    )
    yield Entity(
        "Attachable",
        "attachables",
        ATTACHABLE_TABLE,
        _known(" ".join(SHAPES["Attachable"])),
        attachments.render,
        lambda books, values, document, **_options: attachments.save(books, values, document),
        delete=attachments.delete,
    )
    for kind, table in LIST_TABLES.items():
        yield Entity(
            kind,
            LISTS[kind].replace("_", ""),
            table,
            _known(LIST_PROPERTIES[kind]),
            lambda _books, document: settings.render_list(document),
            has_active="active" in table,
        )


def _save_sale(kind, books, values, document, include=(), **_options):
    return sales.save(books, kind, values, document, "allowduplicatedocnum" in include)


def _void_sale(kind, books, document):
    return sales.void(books, kind, document)


def _delete_sale(kind, books, document):
    return sales.delete(books, kind, document)


ENTITIES = {entity.name: entity for entity in _entities()}
BY_PATH = {name.lower(): entity for name, entity in ENTITIES.items()}
#: what change data capture and the pages know
WRITABLE = (*NAMES, "Item", *TRANSACTIONS)


def entity_of(name):
    """:raise Refused: 500, an entity that is not there"""
    found = BY_PATH.get(str(name).lower())
    if found is None:
        raise Refused("500", f"Unsupported Operation : Operation {name!s:.60} is not supported.")
    return found
