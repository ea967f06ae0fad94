"""The books of the simulated organisations: documents by id and the indexes that uniqueness needs."""

from datetime import date

from ..common.index import Index, fold, keep_indexed
from .wire import new_guid, to_datetime

CLASS_OF_TYPE = {
    **dict.fromkeys(("BANK", "CURRENT", "FIXED", "INVENTORY", "NONCURRENT", "PREPAYMENT"), "ASSET"),
    **dict.fromkeys(("CURRLIAB", "LIABILITY", "TERMLIAB", "PAYG"), "LIABILITY"),
    **dict.fromkeys(("DIRECTCOSTS", "EXPENSE", "OVERHEADS", "DEPRECIATN"), "EXPENSE"),
    **dict.fromkeys(("REVENUE", "SALES", "OTHERINCOME"), "REVENUE"),
    "EQUITY": "EQUITY",
}
APPLIES_TO = {
    "ASSET": "CanApplyToAssets",
    "EQUITY": "CanApplyToEquity",
    "EXPENSE": "CanApplyToExpenses",
    "LIABILITY": "CanApplyToLiabilities",
    "REVENUE": "CanApplyToRevenue",
}


class Ledger:
    """One organisation. Documents carry Xero's field names; dates are ``YYYY-MM-DD``, times milliseconds."""

    def __init__(self, store, clock, tenant):
        self.store, self.clock, self.tenant = store, clock, tenant
        self._organisations = store.collection("organisations")
        self.accounts = store.collection(f"{tenant}/accounts")
        self.tax_rates = store.collection(f"{tenant}/tax_rates")
        self.currencies = store.collection(f"{tenant}/currencies")
        self.tracking = store.collection(f"{tenant}/tracking")
        self.contacts = store.collection(f"{tenant}/contacts")
        self.items = store.collection(f"{tenant}/items")
        self.invoices = store.collection(f"{tenant}/invoices")
        self.credit_notes = store.collection(f"{tenant}/credit_notes")
        self.payments = store.collection(f"{tenant}/payments")
        self.attachments = store.collection(f"{tenant}/attachments")
        self.contact_names, self.contact_numbers = Index(), Index()
        self.item_codes, self.invoice_numbers, self.invoices_of = Index(), Index(), Index()
        self.credit_note_numbers, self.credit_notes_of, self.attachments_of = Index(), Index(), Index()
        for collection, keys in (
            (self.contacts, self._contact_keys),
            (self.items, self._item_keys),
            (self.invoices, self._invoice_keys),
            (self.credit_notes, self._credit_note_keys),
            (self.attachments, self._attachment_keys),
        ):
            keep_indexed(collection, keys)

    def _contact_keys(self, contact):
        if contact["ContactStatus"] == "ACTIVE":
            yield self.contact_names, fold(contact["Name"])
        if contact.get("ContactNumber"):
            yield self.contact_numbers, fold(contact["ContactNumber"])

    def _item_keys(self, item):
        yield self.item_codes, fold(item["Code"])

    def _invoice_keys(self, invoice):
        yield self.invoices_of, invoice["ContactID"]
        # A deleted draft gives its number back, a voided invoice keeps it [GK].
        if invoice["Type"] == "ACCREC" and invoice["Status"] != "DELETED" and invoice.get("InvoiceNumber"):
            yield self.invoice_numbers, fold(invoice["InvoiceNumber"])

    def _credit_note_keys(self, note):
        yield self.credit_notes_of, note["ContactID"]
        if note["Type"] == "ACCRECCREDIT" and note["Status"] != "DELETED" and note.get("CreditNoteNumber"):
            yield self.credit_note_numbers, fold(note["CreditNoteNumber"])

    def _attachment_keys(self, attachment):
        yield self.attachments_of, attachment["DocumentID"]

    # === READING === #

    @property
    def organisation(self):
        return self._organisations.get(self.tenant)

    def change_organisation(self, **values):
        self._organisations.put(self.tenant, {**self.organisation, **values})

    @property
    def base_currency(self):
        return self.organisation["BaseCurrency"]

    def today(self):
        return to_datetime(self.clock.now_ms()).date().isoformat()

    def account(self, code):
        return next((a for a in self.accounts.values() if a.get("Code") == code), None)

    def tax_rate(self, tax_type):
        return self.tax_rates.get(tax_type)

    def item(self, code):
        key = self.item_codes.first(fold(code))
        return self.items.get(key) if key else None

    def lock_messages(self, day):
        """Why nothing may be dated that day; [] when it may."""
        found = []
        for name, words in (
            ("PeriodLockDate", "period lock date"),
            ("EndOfYearLockDate", "end of year lock date"),
        ):
            lock = self.organisation.get(name)
            if lock and day <= lock:
                shown = date.fromisoformat(lock).strftime("%d %B %Y").lstrip("0")
                found.append(f"The document date cannot be before the {words}, currently set at {shown}")
        return found

    def subscribed(self, currency):
        return currency in self.currencies

    # === WRITING === #

    def next_invoice_number(self):
        """INV-0001, INV-0002, … skipping numbers in use."""
        return self._next_number("INV", "_next_invoice", self.invoice_numbers)

    def next_credit_note_number(self):
        """CN-0001, CN-0002, … skipping numbers in use."""
        return self._next_number("CN", "_next_credit_note", self.credit_note_numbers)

    def _next_number(self, prefix, counter, used):
        number = self.organisation.get(counter, 1)
        while used.first(fold(f"{prefix}-{number:04d}")):
            number += 1
        self.change_organisation(**{counter: number + 1})
        return f"{prefix}-{number:04d}"

    def touch(self, document):
        """The document with a new UpdatedDateUTC."""
        return {**document, "UpdatedDateUTC": self.clock.now_ms()}

    @staticmethod
    def new_id():
        return new_guid()
