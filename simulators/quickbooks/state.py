"""The books of the simulated companies: documents by id, and the indexes that uniqueness and balances need."""

from ..common.index import Index, fold, keep_indexed
from .errors import bad_reference, not_found
from .wire import ref_value, stamp

NAMES = {"Customer": "customers", "Vendor": "vendors", "Employee": "employees"}
LISTS = {
    "Account": "accounts",
    "TaxCode": "tax_codes",
    "TaxRate": "tax_rates",
    "TaxAgency": "tax_agencies",
    "Term": "terms",
    "PaymentMethod": "payment_methods",
    "CompanyCurrency": "currencies",
    "Class": "classes",
}
TRANSACTIONS = {"Invoice": "invoices", "CreditMemo": "credit_memos", "Payment": "payments"}
COLLECTIONS = {**NAMES, "Item": "items", **TRANSACTIONS, **LISTS, "Attachable": "attachables"}
#: entities whose ids come from one counter: customers, vendors and employees are all "names"
COUNTERS = {**dict.fromkeys(NAMES, "names"), **dict.fromkeys(TRANSACTIONS, "transactions")}


class Books:
    """One company. Documents carry QuickBooks' property names; days are ``YYYY-MM-DD``, names that begin with
    ``_`` are ours."""

    def __init__(self, store, clock, realm):
        self.store, self.clock, self.realm = store, clock, realm
        self._companies = store.collection("companies")
        for name in COLLECTIONS.values():
            setattr(self, name, store.collection(f"{realm}/{name}"))
        self.deleted = store.collection(f"{realm}/deleted")
        self.answers = store.collection(f"{realm}/requestids")
        self.names_in_use, self.children, self.item_names = Index(), Index(), Index()
        self.documents_of, self.numbers = Index(), Index()
        for kind in NAMES:
            keep_indexed(self.of(kind), self._name_keys)
        keep_indexed(self.items, self._item_keys)
        for kind in TRANSACTIONS:
            keep_indexed(self.of(kind), self._transaction_keys(kind))

    def _name_keys(self, name):
        if name.get("Active", True):
            yield self.names_in_use, fold(name["DisplayName"])
        if name.get("ParentRef"):
            yield self.children, ref_value(name["ParentRef"])

    def _item_keys(self, item):
        if item.get("Active", True):
            yield self.item_names, (ref_value(item.get("ParentRef")), fold(item["Name"]))

    def _transaction_keys(self, kind):
        def keys(document):
            yield self.documents_of, ref_value(document["CustomerRef"])
            if document.get("DocNumber"):
                yield self.numbers, (kind, fold(document["DocNumber"]))

        return keys

    # === READING === #

    def of(self, kind):
        """The collection of an entity."""
        return getattr(self, COLLECTIONS[kind])

    def get(self, kind, key):
        """:raise Refused: 610"""
        document = self.of(kind).get(str(key))
        if document is None:
            raise not_found()
        return document

    def referred(self, kind, reference, element, what=None):
        """The document behind a reference.

        :raise Refused: 2500
        """
        key = ref_value(reference)
        document = self.of(kind).get(str(key))
        if document is None:
            raise bad_reference(what or kind, key, element)
        return document

    @property
    def company(self):
        return self._companies.get(self.realm)

    def change_company(self, **values):
        self._companies.put(self.realm, {**self.company, **values})

    @property
    def home(self):
        return self.company["currency"]

    @property
    def automated_tax(self):
        """US companies: lines say TAX or NON, and QuickBooks works out the rate."""
        return self.company["automated_tax"]

    @property
    def multicurrency(self):
        return self.company["multicurrency"]

    def name(self, key):
        """(entity, document) of a customer, vendor or employee; (None, None) when there is none."""
        for kind in NAMES:
            document = self.of(kind).get(str(key))
            if document is not None:
                return kind, document
        return None, None

    def now(self):
        return int(self.clock.time())

    def today(self):
        return self.clock.now().date().isoformat()

    # === WRITING === #

    def next_id(self, counter):
        ids = dict(self.company.get("_ids", {}))
        ids[counter] = ids.get(counter, 0) + 1
        self.change_company(_ids=ids)
        return str(ids[counter])

    def new_id(self, kind):
        return self.next_id(COUNTERS.get(kind, COLLECTIONS[kind]))

    def put(self, kind, document, at=None):
        """Keep a new or changed document: it gets an id, the next SyncToken and its times (``at``: seconds, for
        seeds)."""
        now = self.now() if at is None else int(at)
        if "Id" not in document:
            document = {**document, "Id": self.new_id(kind), "SyncToken": "0", "_created": now}
        else:
            document = {**document, "SyncToken": str(int(document["SyncToken"]) + 1)}
        document = {**document, "_updated": now}
        self.of(kind).put(document["Id"], document)
        return document

    def replace(self, kind, document):
        """Keep a document whose derived values changed, without a new SyncToken."""
        self.of(kind).put(document["Id"], document)

    def remove(self, kind, document, into=None):
        """Delete a transaction; change data capture tells of it. ``into``: the id that it was merged into, which
        webhooks tell."""
        self.of(kind).delete(document["Id"])
        gone = {"kind": kind, "Id": document["Id"], "_updated": self.now()}
        self.deleted.put(f"{kind} {document['Id']}", {**gone, "into": into} if into else gone)


def metadata(document):
    return {"CreateTime": stamp(document["_created"]), "LastUpdatedTime": stamp(document["_updated"])}
