"""What crosses between Odoo and a provider: frozen, provider-neutral, plain Python.

Money, quantities, rates are ``Decimal``; dates are ``date``; times are aware ``datetime`` in UTC.
``external_id`` is always the provider's own id ('' for what does not exist there yet).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class AppCredentials:
    """The deployment's registration at the provider. An empty secret means a PKCE-only app."""

    client_id: str
    client_secret: str = field(default='', repr=False)


@dataclass(frozen=True)
class TokenSet:
    """What a consent or a refresh gave."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    scopes: tuple[str, ...] = ()
    #: when the refresh token dies if it is not used; None when the provider does not say
    refresh_expires_at: datetime | None = None
    #: when the consent ends however often it is renewed; None when the provider does not say
    consent_expires_at: datetime | None = None
    #: who consented (Xero ``xero_userid``), '' when unknown
    user_external_id: str = ''
    #: which consent this was (Xero ``authentication_event_id``), '' when unknown
    consent_id: str = ''


@dataclass(frozen=True)
class Organization:
    """A ledger that the consent covers (Xero organisation, QuickBooks company)."""

    external_id: str
    name: str
    currency: str = ''
    country: str = ''  # ISO 3166 alpha-2 where the provider gives one
    #: id of the connection at the provider (Xero: ``/connections`` id, which is not the tenant id)
    remote_connection_id: str = ''
    #: the consent that brought this organization (compare :attr:`TokenSet.consent_id`), '' when unknown
    consent_id: str = ''
    #: for deep links (Xero ShortCode)
    short_code: str = ''
    is_demo: bool = False
    timezone: str = ''
    currencies: tuple[str, ...] = ()  # those that documents may be in; empty = unknown
    lock_date: date | None = None
    #: the provider gives invoices their numbers and ignores ours (QuickBooks without custom transaction numbers)
    numbers_documents: bool = False
    #: the provider works out the tax by itself (QuickBooks' automated sales tax): it cannot be predicted
    computes_tax: bool = False
    #: projects can be made there (plan and preferences allow it)
    has_projects: bool = False


@dataclass(frozen=True)
class Address:
    street: str = ''
    street2: str = ''
    city: str = ''
    region: str = ''
    postal_code: str = ''
    country: str = ''


@dataclass(frozen=True)
class Person:
    """Somebody at a contact."""

    name: str
    email: str = ''


@dataclass(frozen=True)
class Contact:
    """A customer. In an update, ``changed`` names the fields (of ``three_way.FIELDS``) that are written, empty ones
    included; None: all that are not empty."""

    name: str
    external_id: str = ''
    version: str = ''  # opaque; changes when the record changes
    number: str = ''  # our key at the provider (Xero ContactNumber)
    email: str = ''
    phone: str = ''
    first_name: str = ''
    last_name: str = ''
    website: str = ''
    tax_number: str = ''
    address: Address = Address()
    currency: str = ''
    is_customer: bool = False
    is_supplier: bool = False
    active: bool = True
    merged_into: str = ''
    #: the contact that this one is a part of (QuickBooks sub-customer)
    parent_external_id: str = ''
    #: id of the payment term that applies to this contact
    term: str = ''
    #: where to deliver to; ``address`` is where the bill goes
    delivery_address: Address = Address()
    persons: tuple[Person, ...] = ()
    changed: tuple[str, ...] | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Item:
    """A product. ``changed`` as of :class:`Contact`."""

    code: str
    name: str
    external_id: str = ''
    version: str = ''
    description: str = ''
    sale_price: Decimal | None = None
    purchase_price: Decimal | None = None
    sale_account: str = ''
    sale_tax: str = ''
    is_sold: bool = True
    is_purchased: bool = False
    is_tracked: bool = False
    #: work, not a thing (QuickBooks tells the two apart)
    is_service: bool = False
    active: bool = True
    changed: tuple[str, ...] | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Account:
    """An account that invoice lines may be booked on (``is_line``; ``code`` is what lines carry), or that payments may
    go to (``is_payment``; payments name its ``external_id``), or both."""

    external_id: str
    code: str
    name: str
    type: str = ''  # the provider's own word
    is_revenue: bool = False
    tax_code: str = ''
    active: bool = True
    is_line: bool = True
    is_payment: bool = False
    #: '' where the provider does not say: that of the books
    currency: str = ''


@dataclass(frozen=True)
class Project:
    """A job of a customer. ``status`` is open, in_progress, done or cancelled ('' where the provider has none)."""

    name: str
    contact_external_id: str
    external_id: str = ''
    version: str = ''
    status: str = ''
    #: it is kept as a customer below its customer, because the plan has no projects
    is_sub_customer: bool = False
    active: bool = True
    updated_at: datetime | None = None


@dataclass(frozen=True)
class NameInUse:
    """A name that stands in the way of a customer. ``owner`` is vendor or employee."""

    external_id: str
    name: str
    owner: str


@dataclass(frozen=True)
class Term:
    """A payment term. ``days`` until due from the invoice date; None for terms of another sort."""

    external_id: str
    name: str
    days: int | None = None
    active: bool = True


@dataclass(frozen=True)
class Wanted:
    """What an uncertain write would have made. ``since``: nothing older can be it."""

    key: str
    contact_external_id: str = ''
    #: an invoice may be made out to the project in place of its customer
    project_external_id: str = ''
    date: date | None = None
    currency: str = ''
    total: Decimal | None = None
    since: datetime | None = None
    #: ids of the documents that it concerns: of an allocation the credit note and the invoice, of a payment the
    #: invoices that it pays
    documents: tuple[str, ...] = ()
    #: our own number, of an invoice that the provider was to number (see :attr:`Invoice.own_number`)
    own_number: str = ''
    #: of a file: the kind of the document that it is attached to
    document_kind: str = ''


@dataclass(frozen=True)
class Category:
    """What lines may be told apart by beside accounts: an option of a tracking category (Xero), a class (QuickBooks).

    ``group`` is the id of what it is one of the options of, of which a line has one at most; '' where there is one list
    only.
    """

    external_id: str  # what lines carry
    name: str
    group: str = ''
    group_name: str = ''
    active: bool = True


@dataclass(frozen=True)
class TaxRate:
    """A tax code of the provider. ``rate`` is the effective percentage; None where the provider works it out itself
    (by address), and only taxable or not can be said."""

    external_id: str  # what lines carry (Xero TaxType, QuickBooks TaxCode id)
    name: str
    rate: Decimal | None
    for_sales: bool = True
    for_purchases: bool = True
    active: bool = True


@dataclass(frozen=True)
class InvoiceLine:
    """One line. ``tax_amount`` and ``amount`` are Odoo's own figures in document currency.

    ``amount`` is what the line contributes before tax, or with tax when the invoice is tax inclusive;
    a text line (section, note) has only a description.
    """

    description: str
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    discount: Decimal = Decimal(0)  # percent
    account: str = ''
    item_code: str = ''
    item_external_id: str = ''
    tax_code: str = ''
    tax_amount: Decimal | None = None
    amount: Decimal | None = None
    #: effective percentage of the tax, where it is known: what predicts the tax of a provider that works it out
    tax_rate: Decimal | None = None
    external_id: str = ''
    #: ids of :class:`Category`, one of each group at most; None: nothing is said of them
    categories: tuple[str, ...] | None = None

    @property
    def is_text(self):
        return self.quantity is None


@dataclass(frozen=True)
class Totals:
    untaxed: Decimal
    tax: Decimal
    total: Decimal


@dataclass(frozen=True)
class Invoice:
    """A customer invoice. ``status`` is draft, approved, paid, void or deleted."""

    contact_external_id: str
    #: None of a draft, and of what was deleted
    date: date | None
    currency: str
    lines: tuple[InvoiceLine, ...]
    totals: Totals
    number: str = ''
    #: our own number, where the provider gives the invoice another one and keeps ours beside it. Sent without
    #: ``number`` (capability ``numbers_on_request``): the provider shall give one.
    own_number: str = ''
    reference: str = ''
    due_date: date | None = None
    #: foreign units per one unit of the base currency; None = base currency, or the provider's own rate
    currency_rate: Decimal | None = None
    status: str = 'approved'
    tax_included: bool = False
    external_id: str = ''
    version: str = ''
    contact_name: str = ''
    #: where the provider may mail the invoice to
    email: str = ''
    project_external_id: str = ''
    term: str = ''
    amount_due: Decimal | None = None
    updated_at: datetime | None = None

    @property
    def active(self):
        """Does it count in the books?"""
        return self.status not in ('void', 'deleted')


@dataclass(frozen=True)
class CreditNote(Invoice):
    """A customer credit note: everything as of an invoice, the other way round.

    Amounts are what the customer gets back, above zero; ``amount_due`` is the credit that is left, ``status`` is paid
    when none is. It has no due date and no term.
    """


@dataclass(frozen=True)
class Allocation:
    """A part of a credit note that counts for an invoice. ``status`` is approved, void or deleted.

    ``contact_external_id`` and ``project_external_id`` are those of both documents; ``amount`` is in their currency.
    """

    credit_note_external_id: str
    invoice_external_id: str
    amount: Decimal
    #: None where the provider tells none
    date: date | None
    contact_external_id: str = ''
    project_external_id: str = ''
    currency: str = ''
    #: foreign units per one unit of the base currency; None = base currency, or the provider's own rate
    currency_rate: Decimal | None = None
    #: for people: which credit note goes to which invoice
    reference: str = ''
    status: str = 'approved'
    external_id: str = ''
    version: str = ''
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Payment:
    """A payment of customer invoices, as it stands or is to stand in the books.

    ``amount`` and the amounts of ``applications`` (``(id of the invoice, amount)``) are in the currency of the
    invoices; what is not applied is credit of the customer. ``status`` is approved, void or deleted.
    """

    contact_external_id: str
    account: str  # external id of the account that the money goes to
    #: None of what was deleted, and of what pays no customer invoice where the provider tells none
    date: date | None
    amount: Decimal
    currency: str
    applications: tuple[tuple[str, Decimal], ...]
    #: foreign units per one unit of the base currency on the day of the payment; None = base currency, or the
    #: provider's own rate
    currency_rate: Decimal | None = None
    reference: str = ''
    status: str = 'approved'
    #: what of it is no money but credit of the customer that was applied along with it
    credit: Decimal = Decimal(0)
    external_id: str = ''
    version: str = ''
    updated_at: datetime | None = None

    @property
    def active(self):
        return self.status not in ('void', 'deleted')


@dataclass(frozen=True)
class Attachment:
    """A file of an invoice or credit note. Its bytes are no part of it: see :attr:`PreparedCall.content`.

    :param document_kind: ``invoice`` or ``credit_note``.
    :param size: in bytes.
    """

    document_kind: str
    document_external_id: str
    name: str
    content_type: str
    size: int
    external_id: str = ''


@dataclass(frozen=True)
class SentMark:
    """That an invoice or credit note (``document_kind``) was sent to its customer."""

    document_kind: str
    external_id: str

    @property
    def name(self):
        return self.external_id


@dataclass(frozen=True)
class Page:
    """One page of a pull.

    :param records: DTOs of the kind asked for, in the provider's order.
    :param next_cursor: opaque position of the next page, '' when this was the last one.
    :param checkpoint: where the next incremental pull may resume once this page is stored, in the provider's
        own clock (ISO 8601 UTC); '' when this page does not allow to move it.
    :param total: how many records there are in all, None when the provider does not say.
    :param unreadable: what came with the page and cannot be used: ``(external_id or '', reason)``; the rest
        of the page counts.
    :param gone: ids of records that are no longer there: deleted, or merged into another where the provider does not
        say which (a record that tells it comes among ``records``, with ``merged_into``). Ids that were never known
        may be among them.
    """

    records: tuple
    next_cursor: str = ''
    checkpoint: str = ''
    total: int | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class PreparedCall:
    """A remote write as it will be sent, to be stored before it is: nothing is added to it later.

    :param operation: name in :attr:`AccountingProvider.operations`.
    :param body: JSON text, exactly as sent ('' when there is none).
    :param members: our own reference of each element, in the order of the body.
    :param target: the provider's id in the path, for operations on one record.
    :param content: the bytes of a file, of which the body tells name, type and size. They are stored once, with the
        file, and read when the call is sent; whoever calls sees to it that they are the same.
    """

    operation: str
    body: str
    members: tuple[str, ...]
    target: str = ''
    content: bytes = field(default=b'', repr=False)


@dataclass(frozen=True)
class MemberResult:
    """What became of one element of a call: ``record`` (a DTO as the provider now has it) or ``error``."""

    member: str
    record: object | None = None
    error: Exception | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CallResult:
    results: tuple[MemberResult, ...]
    http_status: int
    request_id: str = ''


@dataclass(frozen=True)
class Limits:
    """What the provider said is left; None = it did not say."""

    day_remaining: int | None = None
    minute_remaining: int | None = None


@dataclass(frozen=True)
class Doorbell:
    """A webhook's word that something may have changed; what it is now is read through the API.

    :param kind: one of :data:`~.base.KINDS`. One event may be told as several kinds where its words do not tell them
        apart (a project of QuickBooks is a customer there).
    :param change: created, updated, deleted or merged.
    :param merged_external_id: the record that is gone since it was merged into ``external_id``.
    """

    organization_external_id: str
    kind: str
    external_id: str
    change: str
    merged_external_id: str = ''
