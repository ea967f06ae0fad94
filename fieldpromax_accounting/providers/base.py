"""The interface that every provider implements, and that the rest of the addon knows alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from . import agreement, checks, dto, files, webhooks

KINDS = (
    'contact',
    'item',
    'project',
    'invoice',
    'credit_note',
    'allocation',
    'payment',
    'attachment',
    'sent_mark',
)


@dataclass(frozen=True)
class RateLimits:
    """How often an organization may be asked.

    :param per_minute: ``{lane: calls}``; which lane a request counts for says :meth:`AccountingProvider.lane_of`.
    :param at_once: so many calls may be under way.
    """

    per_minute: Mapping[str, int]
    at_once: int


class Meter(Protocol):
    """Asked before each request to an organization, and told after it."""

    def enter(self, lane: str):
        """Wait until the request may go; what :meth:`leave` takes.

        :raise RateLimited: it may not go now, and was not sent.
        """

    def leave(self, ticket, status: int, limits: dto.Limits) -> None:
        """It was answered, or (status 0) ended without an answer. Never raises."""


@dataclass(frozen=True)
class Capabilities:
    """What differs between providers and matters outside of them."""

    #: how often an organization may be asked; None: as often as one likes
    rate_limits: RateLimits | None = None
    #: invoices can stand at the provider as drafts
    invoice_drafts: bool = True
    #: how long the provider surely remembers the key of a write (zero: not at all)
    key_lifetime: timedelta = timedelta(0)
    #: an uncertain write may still be worked on at the provider for this long
    settle_time: timedelta = timedelta(seconds=150)
    #: the books know projects of customers (kind ``project`` can be pulled and sent)
    projects: bool = False
    #: a contact has one currency for good: another currency needs another contact
    currency_per_contact: bool = False
    #: invoice lines name an account; otherwise their item decides where they are booked
    accounts_on_lines: bool = True
    #: every invoice line that is not text needs an item
    items_on_lines: bool = False
    #: an item is told by its code, which it has to have and no other one may have
    items_need_code: bool = False
    #: customers share one list of names with others (see :meth:`AccountingProvider.list_names_in_use`)
    shared_names: bool = False
    #: an invoice that comes without a number gets one; ours then stands beside it (:attr:`~.dto.Invoice.own_number`)
    numbers_on_request: bool = False
    #: invoice lines have a discount of their own; otherwise it is folded into the price
    line_discounts: bool = True
    #: lines of credit notes have one as well
    credit_note_discounts: bool = True
    #: so many categories (:class:`~.dto.Category`) a line has at most; 0 where there are none
    line_categories: int = 0
    #: kinds of documents that are looked over every night: :meth:`AccountingProvider.pull_page` reads them
    audited: tuple[str, ...] = ('invoice', 'credit_note')
    #: one payment may pay several invoices of a customer; otherwise each payment pays one
    payments_of_several: bool = False
    #: a change of an old version of a record is refused; otherwise the last write wins
    checks_versions: bool = False
    #: a file takes the place of another one of the same name at the same document
    files_by_name: bool = False
    #: ``{kind: {field of three_way.FIELDS: direction}}``: what can be kept in step, and which way at most
    synced_fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One kind of remote write.

    :param name: e.g. ``invoice.create``; stored with every call.
    :param kind: what its elements are (one of :data:`KINDS`, or ``organization``).
    :param max_members: how many elements travel in one call at most.
    :param look_up: by what an element is found after an uncertain outcome (told to people as a reason, tested for all).
    """

    name: str
    kind: str
    max_members: int
    look_up: str


@dataclass(frozen=True)
class ProviderConfig:
    """How to reach the provider.

    :param base_url: '' in production; otherwise every endpoint keeps its path under this origin (simulators).
    :param allow_host: asked before every request with the host name; False raises HostRefused.
    :param on_response: told of every answer: ``on_response(purpose, http_status, limits, request_id)``.
    :param meter: asked before every request to an organization, which it may hold back, and told after it.
    :param optional_scopes: ask also for the scopes that not every app may ask for (QuickBooks: projects).
    """

    app: dto.AppCredentials
    base_url: str = ''
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    allow_host: Callable[[str], bool] = field(default=lambda host: True, repr=False)
    on_response: Callable[[str, int, dto.Limits, str], None] | None = field(default=None, repr=False)
    meter: Meter | None = field(default=None, repr=False)
    optional_scopes: bool = True


class AccountingProvider(ABC):
    """Books at one provider. An instance belongs to one app; organization calls need :meth:`for_organization` first.

    Every method may raise a :class:`~.errors.ProviderError`; nothing else leaves this layer on behalf of the provider.
    No method retries by itself: whoever calls decides, by the class of the error.
    """

    name: str
    label: str
    #: the scopes asked for, and what they mean to a person
    scopes: Sequence[str]
    scope_texts: Sequence[str]
    #: asked for beside them where :attr:`ProviderConfig.optional_scopes` says so: not every app may
    optional_scopes: Sequence[str] = ()
    capabilities: Capabilities
    operations: dict[str, Operation]
    #: page where a person creates the app at the provider
    app_page: str
    #: header that holds the signature of a webhook; '' where there are none
    webhook_header: str = ''
    #: what the provider calls the key that it signs webhooks with
    webhook_key_label: str = ''
    #: what is asked of a name, code or e-mail address: ``{(kind, 'name' | 'code' | 'email'): rule}``
    text_rules: Mapping[tuple[str, str], checks.NameRule | checks.EmailRule] = {}

    #: what is asked of files (kind ``attachment``)
    file_rule: files.FileRule

    def __init__(self, config: ProviderConfig):
        self.config = config

    @staticmethod
    @abstractmethod
    def lane_of(url: str) -> str:
        """Which limit of a minute a request counts for: a key of :attr:`RateLimits.per_minute`; '' for none (tokens,
        what belongs to no organization)."""

    # === webhooks === #

    @classmethod
    def verify_webhook(cls, body: bytes, headers: Mapping[str, str], key: str) -> bool:
        """Was this sent by whoever knows ``key``? False without webhooks, key or signature. Never raises.

        :param body: as it came, byte by byte.
        """
        if not cls.webhook_header:
            return False
        return webhooks.is_signed(body, webhooks.header(headers, cls.webhook_header), key)

    @classmethod
    def read_webhook(cls, body: bytes) -> tuple[dto.Doorbell, ...]:
        """What a verified webhook says may have changed. What is not known here is passed over; never raises."""
        return ()

    # === consent === #

    @abstractmethod
    def authorization_url(self, state: str, redirect_uri: str, code_verifier: str) -> str:
        """Where to send the person for consent. ``code_verifier`` may go unused where the provider has no PKCE."""

    @abstractmethod
    def fetch_token(
        self, code: str, redirect_uri: str, code_verifier: str, params: dict[str, str]
    ) -> dto.TokenSet:
        """Exchange the code. ``params``: the callback's other parameters (QuickBooks: ``realmId``)."""

    @abstractmethod
    def refresh_token(self, refresh_token: str) -> dto.TokenSet:
        """:raise ReauthorizationRequired: the consent is gone. Every other error says nothing about the consent."""

    @abstractmethod
    def list_organizations(self, token: dto.TokenSet, params: dict[str, str]) -> tuple[dto.Organization, ...]:
        """Those that this token reaches, with currency and country; at least those of this very consent."""

    @abstractmethod
    def remove_connection(self, organization: dto.Organization, token: dto.TokenSet) -> None:
        """End the tie to this organization and no other. Done already is done."""

    # === one organization === #

    @abstractmethod
    def for_organization(
        self, organization_id: str, access_token: str, organization: dto.Organization | None = None
    ) -> AccountingProvider:
        """The same provider, bound to one organization and one access token. No I/O; shares connections.

        :param organization: what is known of it. Its country and flags decide how records are written, checked and
            predicted where that differs between the organizations of a provider.
        """

    @abstractmethod
    def get_organization(self) -> dto.Organization: ...

    @abstractmethod
    def list_accounts(self) -> tuple[dto.Account, ...]: ...

    @abstractmethod
    def list_tax_rates(self) -> tuple[dto.TaxRate, ...]: ...

    def list_terms(self) -> tuple[dto.Term, ...]:
        """Payment terms that invoices may name; () where the provider knows due dates only."""
        return ()

    def list_categories(self) -> tuple[dto.Category, ...]:
        """What lines of invoices may be told apart by (capability ``line_categories``); () where the organization does
        not use it."""
        return ()

    def list_names_in_use(self) -> tuple[dto.NameInUse, ...]:
        """The active names that no customer may have because somebody else has them (capability ``shared_names``)."""
        return ()

    @abstractmethod
    def pull_page(self, kind: str, *, cursor: str = '', since: str = '', page_size: int = 1000) -> dto.Page:
        """One page of contacts, items, documents (capability ``audited``), payments of customer invoices or (capability
        ``projects``) projects.

        Without ``since`` a full pass in an immutable order, archived ones left out; with it (a former
        ``Page.checkpoint``) what changed since, oldest change first, archived ones included.
        """

    def pull_changes(self, since: Mapping[str, str]) -> dict[str, dto.Page]:
        """What changed of several kinds, in one call, where the provider has one for that.

        :param since: kind → its checkpoint.
        :return: kind → its whole incremental pass (no ``next_cursor``), records that are gone included. Kinds that are
            left out (too much changed, too long ago, not told this way) are read by :meth:`pull_page`.
        """
        return {}

    @abstractmethod
    def get_record(
        self, kind: str, external_id: str
    ) -> dto.Contact | dto.Item | dto.Project | dto.Invoice | dto.Allocation | dto.Payment:
        """:raise NotFound: there is none."""

    @abstractmethod
    def get_records(self, kind: str, external_ids: Sequence[str]) -> dto.Page:
        """Records by the provider's own ids, several at once, archived ones included. What is not there (any more) is
        in ``gone``; what is there and is of another kind or cannot be read is in ``unreadable``."""

    @abstractmethod
    def find_records(self, kind: str, keys: Sequence[str]) -> tuple:
        """Records by their natural key, several at once: contact → our number or name, item → code or name,
        invoice, credit note → number, project → name. Allocations, payments and files have none: (), see
        :meth:`look_up`."""

    def natural_key(self, kind: str, record) -> str:
        """By what :meth:`find_records` and :meth:`look_up` find ``record`` (a DTO); '' for allocations and payments.
        A file's is its name, among those of its document. Pure."""
        if kind in ('allocation', 'payment'):
            return ''
        if kind == 'contact':
            return record.number or record.name
        if kind == 'invoice':
            return record.number or record.own_number
        fields = {'item': 'code', 'project': 'name', 'credit_note': 'number', 'attachment': 'name'}
        return getattr(record, fields[kind])

    def look_up(self, kind: str, wanted: Sequence[dto.Wanted]) -> tuple:
        """Records that may be what an uncertain write made, several at once; the caller compares them.

        By their natural key, unless the provider numbers documents itself. Allocations: those between the same two
        documents. Payments: those of the same contact, day and amount that are not older than what was sent. Files:
        all of the documents that are named.

        :raise ValidationRejected: with the code ``files_not_permitted``: the consent does not cover files.
        """
        return self.find_records(kind, [one.key for one in wanted if one.key])

    @abstractmethod
    def payments_of(self, documents: Sequence[str]) -> tuple[dto.Payment, ...]:
        """The payments that pay these invoices (by id), whoever entered them; void and deleted ones left out."""

    @abstractmethod
    def check(self, kind: str, record) -> tuple[str, ...]:
        """Rules of the provider that ``record`` (a DTO) breaks, each a sentence with a suggestion; () when none."""

    @classmethod
    def permits_files(cls, scopes: Sequence[str]) -> bool:
        """Does a consent to ``scopes`` cover files? True where there is no scope of their own, or none is known."""
        return True

    # === names, codes, e-mail addresses: asked about a text alone, before anything is connected === #

    @classmethod
    def check_text(cls, kind: str, what: str, text: str, source: str = '') -> tuple[str, ...]:
        """Rules that a name, code or e-mail address breaks, as :meth:`check` says them. Pure.

        :param what: ``name``, ``code`` or ``email``.
        :param source: what else the record is called, for the example of a code that is missing.
        """
        rule = cls.text_rules.get((kind, what))
        return tuple(rule.check(text, source)) if rule else ()

    @classmethod
    def suggest_text(
        cls,
        kind: str,
        what: str,
        text: str,
        *,
        source: str = '',
        addition: str = '',
        room: int = 0,
        is_taken: Callable[[str], bool] = lambda text: False,
    ) -> str:
        """A name, code or e-mail address that would do in place of ``text``; '' when none can be told. Pure.

        :param source: what it is made of when there is none.
        :param addition: a word that tells it from one that is taken, e.g. ``Customer``.
        :param room: so many characters are added to it elsewhere (the currency of a second customer).
        :param is_taken: has another record this text? Then a number is added.
        """
        rule = cls.text_rules.get((kind, what))
        if rule is None:
            return ''
        tries = (addition, *(f'{addition} {number}'.strip() for number in range(2, 100)))
        for one in tries:
            suggestion = rule.suggest(text, source, one, room)
            if not suggestion or not is_taken(suggestion):
                return suggestion
            if what == 'email':
                break
        return ''

    def shown_lines(self, invoice: dto.Invoice) -> tuple[dto.InvoiceLine, ...]:
        """The lines as a person will read them at the provider once the invoice is sent: quantity, price, discount
        (0 where the provider has none and the price carries it) and the amount that the provider shows beside them.
        In the order of ``invoice.lines``. Pure."""
        return tuple(invoice.lines)

    def as_kept(self, invoice: dto.Invoice) -> dto.Invoice:
        """The invoice as it will stand at the provider, to be compared with what comes back: :meth:`shown_lines`, and
        without what the provider keeps no place for. Pure."""
        return replace(invoice, lines=self.shown_lines(invoice))

    @abstractmethod
    def predict_totals(self, invoice: dto.Invoice) -> dto.Totals:
        """What the provider will make of the invoice, by its own arithmetic.

        Where the organization computes the tax (:attr:`~.dto.Organization.computes_tax`) it cannot be known before;
        the caller compares afterwards.
        """

    def disagreement(self, invoice: dto.Invoice) -> agreement.Disagreement | None:
        """Why the totals would not be Odoo's to the cent; None when they would, and where they cannot be known before
        (see :meth:`predict_totals`). Pure."""
        return agreement.disagreement(invoice, self.predict_totals(invoice))

    @abstractmethod
    def prepare(self, operation: str, members: Sequence[tuple[str, object]]) -> dto.PreparedCall:
        """Freeze a write: ``members`` are (our reference, DTO). Pure, no I/O."""

    @abstractmethod
    def send(self, call: dto.PreparedCall, key: str) -> dto.CallResult:
        """Send it under ``key``; one request. Elements refused by the provider are results with an error; an error that
        concerns the call as a whole is raised. That the consent does not cover files (``files_not_permitted``) is an
        error of the element: everything else goes on."""

    @abstractmethod
    def record_url(self, kind: str, external_id: str, organization: dto.Organization) -> str:
        """Where a person sees the record at the provider."""
