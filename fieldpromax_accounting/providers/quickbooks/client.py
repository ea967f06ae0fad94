"""QuickBooks Online behind the provider interface. Sources of the rules: provider_facts parts B and C."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import quote, urlencode, urlsplit

from requests.auth import HTTPBasicAuth

from .. import dto, errors, files, oauth
from ..base import AccountingProvider, Capabilities, Operation, ProviderConfig, RateLimits
from ..checks import CONTROL, spellings
from ..redaction import get_logger
from ..registry import register
from ..transport import Answer, BearerAuth, Transport
from ..wire import Unreadable, encode, flag, iso_moment, nested, objects, text
from . import events, faults, graphql, mapping, rules
from .sdk import API_URL, MINOR_VERSION, CompanyCalls
from .wire import count, created, quoted, ref_id, select, updated, within

_logger = get_logger(__name__)

AUTHORIZE_URL = 'https://appcenter.intuit.com/connect/oauth2'
TOKEN_URL = 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer'  # noqa: S105
REVOKE_URL = 'https://developer.api.intuit.com/v2/oauth2/tokens/revoke'
WEB_URL = 'https://app.qbo.intuit.com'

#: elements of one batch (B6)
MAX_MEMBERS = 30
MAX_PAGE_SIZE = 1000
#: of a requestid in a batch (B6)
MAX_KEY_LENGTH = 36
#: keys in one IN list: a query's length has no published limit
_MAX_KEYS = 50
#: how much later than its time a change may become visible
_OVERLAP = timedelta(seconds=5)
#: change data capture reaches back 30 days (B5); one of them is our margin
_CAPTURE_DAYS = timedelta(days=29)
#: objects of an entity in one of its answers (B5)
_MAX_CAPTURED = 1000
#: how long after a change it may be captured: not documented, and asking again costs nothing
_CAPTURE_OVERLAP = timedelta(minutes=5)

_COMPANY_ID = re.compile(r'\d{1,30}')
_RECORD_ID = re.compile(r'[A-Za-z0-9:_-]{1,50}')
_EVERYTHING = 'Active IN (true, false)'

#: kind → name of the entity in paths, queries and bodies
ENTITIES = {
    'contact': 'Customer',
    'project': 'Customer',
    'item': 'Item',
    'invoice': 'Invoice',
    'credit_note': 'CreditMemo',
    # a payment of nothing applies the one to the other
    'allocation': 'Payment',
    'payment': 'Payment',
    'attachment': 'Attachable',
}
#: kinds that are never inactive
_DOCUMENTS = ('invoice', 'credit_note', 'allocation', 'payment')
#: those of them that have lines
_SALES = ('invoice', 'credit_note')
#: operations that take a record away; there is no void of a credit memo in Intuit's reference, only this
_DELETIONS = ('credit_note.void', 'allocation.delete', 'payment.delete')
_PULLED = ('contact', 'item', 'project', 'invoice', 'credit_note', 'payment')
_WRITERS = {
    'contact': mapping.to_contact,
    'item': mapping.to_item,
    'invoice': mapping.to_invoice,
    'credit_note': mapping.to_credit_note,
    'allocation': mapping.to_allocation,
    'payment': mapping.to_payment,
}
#: beside what it is called, by what a kind of records is read and found: (purpose, natural key fields)
_PURPOSES = {
    'contact': 'customers',
    'project': 'projects',
    'item': 'items',
    'invoice': 'invoices',
    'credit_note': 'credit_memos',
    'allocation': 'allocations',
    'payment': 'payments',
    'attachment': 'attachments',
}
_KEY_FIELDS = {
    'contact': ('DisplayName',),
    'project': ('DisplayName',),
    'item': ('Name', 'Sku'),
    'invoice': ('DocNumber',),
    'credit_note': ('DocNumber',),
}


def read_headers(headers: Mapping[str, str]) -> tuple[dto.Limits, str]:
    """The id of the request; Intuit does not say what is left (B3)."""
    return dto.Limits(), headers.get('intuit_tid', '')[:100]


def _folded(value) -> str:
    """A natural key for comparing: QuickBooks compares without case (B4) and trims."""
    return ' '.join(str(value).split()).casefold()


@register
class QuickBooksProvider(AccountingProvider):
    """The Accounting API of QuickBooks Online by python-quickbooks' client, OAuth by requests-oauthlib, revocation and
    the Projects API by plain requests.

    An instance serves one thread at a time.
    """

    name = 'quickbooks'
    label = 'QuickBooks Online'
    scopes = ('com.intuit.quickbooks.accounting',)
    #: asked for beside, unless :attr:`ProviderConfig.optional_scopes` says no: not every app may
    optional_scopes = (graphql.SCOPE,)
    scope_texts = (
        'View and create customers, products and services, and invoices',
        'View accounts, tax codes, payment terms and the settings of the company',
        'View and create projects, where the company has them',
        'Stay connected until you disconnect; Intuit asks for your consent again after five years at the latest',
    )
    # How long a requestid is kept is not documented; an hour covers quick retries, later ones look up first.
    capabilities = Capabilities(
        # B3: batches are counted by themselves
        rate_limits=RateLimits({'call': 500, 'batch': 40}, at_once=10),
        invoice_drafts=False,
        key_lifetime=timedelta(hours=1),
        settle_time=timedelta(seconds=150),
        projects=True,
        currency_per_contact=True,
        payments_of_several=True,
        accounts_on_lines=False,
        items_on_lines=True,
        line_discounts=False,
        credit_note_discounts=False,
        line_categories=1,
        shared_names=True,
        checks_versions=True,
        synced_fields={
            'contact': {
                **dict.fromkeys(('name', 'email', 'phone', 'address', 'website', 'active'), 'both'),
                # the tax number is not among them: QuickBooks shows its last characters only (B8)
                'delivery_address': 'push',
            },
            'item': dict.fromkeys(('name', 'code', 'description', 'price', 'active'), 'both'),
        },
    )
    text_rules = rules.TEXT_RULES
    file_rule = rules.FILES
    operations = {
        operation.name: operation
        for operation in (
            Operation('contact.create', 'contact', MAX_MEMBERS, 'name of the customer'),
            Operation('contact.update', 'contact', MAX_MEMBERS, 'QuickBooks ID of the customer'),
            Operation('contact.restore', 'contact', MAX_MEMBERS, 'QuickBooks ID of the customer'),
            Operation('item.create', 'item', MAX_MEMBERS, 'name of the product'),
            Operation('item.update', 'item', MAX_MEMBERS, 'QuickBooks ID of the product'),
            Operation('item.restore', 'item', MAX_MEMBERS, 'QuickBooks ID of the product'),
            Operation('project.create', 'project', 1, 'name of the project'),
            Operation('project.update', 'project', 1, 'QuickBooks ID of the project'),
            Operation(
                'invoice.create',
                'invoice',
                MAX_MEMBERS,
                'invoice number, or customer, date and total where QuickBooks numbers invoices',
            ),
            Operation('invoice.update', 'invoice', 1, 'QuickBooks ID of the invoice'),
            Operation('invoice.void', 'invoice', 1, 'QuickBooks ID of the invoice'),
            Operation(
                'credit_note.create',
                'credit_note',
                MAX_MEMBERS,
                'its number, or customer, date and total where QuickBooks numbers credit memos',
            ),
            Operation('credit_note.update', 'credit_note', 1, 'QuickBooks ID of the credit memo'),
            Operation('credit_note.void', 'credit_note', 1, 'QuickBooks ID of the credit memo'),
            Operation(
                'allocation.create', 'allocation', 1, 'credit memo and invoice, with the amount and the day'
            ),
            Operation('allocation.delete', 'allocation', 1, 'QuickBooks ID of the payment that applies it'),
            Operation(
                'payment.create',
                'payment',
                MAX_MEMBERS,
                'customer, invoices, date, total and time of the payment',
            ),
            Operation('payment.delete', 'payment', 1, 'QuickBooks ID of the payment'),
            Operation('attachment.create', 'attachment', 1, 'name and size of the file, at its document'),
        )
    }
    app_page = 'https://developer.intuit.com/app/developer/dashboard'
    webhook_header = events.SIGNATURE_HEADER
    webhook_key_label = 'Verifier token'

    @staticmethod
    def lane_of(url):
        path = urlsplit(url).path
        if path.startswith('/v3/company/'):
            return 'batch' if path.endswith('/batch') else 'call'
        return 'call' if path.endswith('/graphql') else ''

    def __init__(self, config: ProviderConfig):
        super().__init__(config)
        self._transport = Transport(config, read_headers, self.lane_of)
        self._oauth = oauth.OAuthClient(
            self._transport,
            config.app,
            label=self.label,
            authorize_url=AUTHORIZE_URL,
            token_url=TOKEN_URL,
            code_lifetime='a few minutes',
            pkce=False,
            # asks for the day on which the consent ends however often it is renewed (B1)
            token_headers={'x-include-refresh-token-hard-expires-in': 'true'},
        )
        self._company_id = ''
        self._access_token = ''
        self._organization = mapping.UNKNOWN
        self._calls: CompanyCalls | None = None

    def __repr__(self):
        return f'<{type(self).__name__} {"of a company" if self._company_id else "without organization"}>'

    @classmethod
    def read_webhook(cls, body):
        return events.read(body)

    # === consent === #

    def authorization_url(self, state, redirect_uri, code_verifier):
        scopes = self.scopes + (self.optional_scopes if self.config.optional_scopes else ())
        return self._oauth.authorization_url(state, redirect_uri, code_verifier, scopes)

    def _company_of(self, params: Mapping[str, str], otherwise: str = '') -> str:
        company_id = (params.get('realmId') or otherwise).strip()
        if not _COMPANY_ID.fullmatch(company_id):
            raise errors.AuthError(
                f'{self.label} did not say which company the consent is for. Start connecting again and choose one.',
                code='no_company',
            )
        return company_id

    def fetch_token(self, code, redirect_uri, code_verifier, params):
        # before the code is spent: without its company a token is good for nothing
        company_id = self._company_of(params)
        token = self._token_set(self._oauth.fetch_token(code, redirect_uri, code_verifier))
        return replace(token, consent_id=company_id)

    def refresh_token(self, refresh_token):
        return self._token_set(self._oauth.refresh_token(refresh_token))

    def _token_set(self, token) -> dto.TokenSet:
        now = datetime.now(timezone.utc)

        def end(name):
            seconds = str(token.get(name) or '')
            return now + timedelta(seconds=int(seconds)) if re.fullmatch(r'[0-9]{1,10}', seconds) else None

        return self._oauth.token_set(
            token,
            refresh_expires_at=end('x_refresh_token_expires_in'),
            consent_expires_at=end('x_refresh_token_hard_expires_in'),
        )

    def list_organizations(self, token, params):
        """The one company of the consent: Intuit has one token for each (B1)."""
        company_id = self._company_of(params, token.consent_id)
        organization = self.for_organization(company_id, token.access_token).get_organization()
        return (replace(organization, consent_id=token.consent_id),)

    def remove_connection(self, organization, token):
        """Revoke the token: it is this company's alone. One that Intuit does not know (any more) is revoked already."""
        app = self.config.app
        answer = self._transport.request(
            'token.revoke',
            'POST',
            REVOKE_URL,
            headers={'Accept': 'application/json', 'Content-Type': 'application/json'},
            body=encode({'token': token.refresh_token or token.access_token}).encode(),
            auth=HTTPBasicAuth(app.client_id.encode(), app.client_secret.encode()),
        )
        data = answer.json_or_none()
        if 200 <= answer.status < 300 and not faults.faults_of(data):
            if answer.body.strip() and data is None:
                # what the body holds is not documented (B1); a page of a proxy or a portal is none of Intuit's
                raise answer.unreadable('an answer that does not say that the token is revoked')
            return
        code = data.get('error') if isinstance(data, dict) else None
        if code == 'invalid_client' or (answer.status == 401 and not code):
            raise errors.AppRefused(
                f'{self.label} does not know this app: its client id or client secret is wrong. '
                'Check both in the settings against the app at Intuit.',
                code='invalid_client',
                http_status=answer.status,
                request_id=answer.request_id,
            )
        if answer.status == 400 and isinstance(data, dict) and not faults.faults_of(data):
            return
        self._raise_for(answer)

    # === one organization === #

    def for_organization(self, organization_id, access_token, organization=None):
        """:raise ValueError: what is no id of a company: it becomes a part of addresses."""
        if not _COMPANY_ID.fullmatch(organization_id):
            raise ValueError('A company of QuickBooks has a number')
        bound = type(self)(self.config)
        # one pool of connections for all
        bound._transport = self._transport
        bound._company_id = organization_id
        bound._access_token = access_token
        bound._organization = organization or mapping.UNKNOWN
        return bound

    def _company(self) -> CompanyCalls:
        if self._calls is None:
            if not self._company_id:
                raise ValueError('Bind the provider to an organization first: for_organization()')
            self._calls = CompanyCalls(self._transport, self._company_id, self._access_token)
        return self._calls

    @staticmethod
    def _raise_for(answer, kind=''):
        error = faults.error_of(answer, kind)
        if error is not None:
            raise error

    def _query(self, purpose: str, query: str) -> tuple[Answer, dict, dict]:
        """Answer, envelope and ``QueryResponse`` of a query."""
        answer = self._company().call(purpose, 'query', query)
        self._raise_for(answer)
        envelope = answer.json()
        response = envelope.get('QueryResponse') if isinstance(envelope, dict) else None
        if not isinstance(response, dict):
            raise answer.unreadable('an answer without QueryResponse')
        return answer, envelope, response

    def _select(self, purpose: str, entity: str, where: Sequence[str] = (), **values):
        """Answer, envelope and records of a query; an answer without the list means that there are none (B4)."""
        answer, envelope, response = self._query(purpose, select(entity, where, **values))
        elements = response.get(entity, [])
        if not isinstance(elements, list):
            raise answer.unreadable(f'an answer without a list of {entity}')
        return answer, envelope, elements

    def _count(self, purpose: str, entity: str, where: Sequence[str]) -> int | None:
        _answer, _envelope, response = self._query(purpose, count(entity, where))
        total = response.get('totalCount')
        return total if isinstance(total, int) and not isinstance(total, bool) else None

    def get_organization(self):
        company_answer, _, companies = self._select('organization.read', 'CompanyInfo')
        answer, _, preferences = self._select('preferences.read', 'Preferences')
        if not companies or not isinstance(companies[0], dict):
            raise company_answer.unreadable('an answer without the company')
        if not preferences or not isinstance(preferences[0], dict):
            # how invoices are numbered and taxed stands there: guessing would make wrong documents
            raise answer.unreadable('an answer without the preferences of the company')
        currencies: tuple[str, ...] = ()
        try:
            if flag(nested(preferences[0], 'CurrencyPrefs'), 'MultiCurrencyEnabled'):
                _, _, found = self._select('currencies.list', 'CompanyCurrency')
                currencies = tuple(
                    text(one, 'Code')
                    for one in found
                    if isinstance(one, dict) and flag(one, 'Active', default=True)
                )
            organization = mapping.from_organization(
                self._company_id, companies[0], preferences[0], currencies
            )
        except Unreadable as exc:
            unreadable = str(exc)
        else:
            return organization
        raise company_answer.unreadable(f'a company that cannot be read: {unreadable}')

    def _all(self, purpose: str, entity: str, where: Sequence[str] = (_EVERYTHING,)) -> list:
        """All records of a small kind, inactive ones included, by pages."""
        found, start = [], 1
        while True:
            _, _, elements = self._select(
                purpose, entity, where, order='Id', start=start, limit=MAX_PAGE_SIZE
            )
            found += elements
            if len(elements) < MAX_PAGE_SIZE:
                return [element if isinstance(element, dict) else {} for element in found]
            start += len(elements)

    @staticmethod
    def _read_settings(what: str, elements: list, read: Callable) -> tuple:
        """DTOs of a small kind; what cannot be read is left out, and said in the log."""
        found = []
        for element in elements:
            try:
                record = read(element)
            except (Unreadable, ArithmeticError) as unreadable:
                _logger.warning('One of the %s of QuickBooks Online is left out: %s', what, unreadable)
                continue
            if record is not None:
                found.append(record)
        return tuple(found)

    def list_accounts(self):
        """Those that an item may sell on, and those that a payment may go to. ``code`` is the account's id."""
        return self._read_settings('accounts', self._all('accounts.list', 'Account'), mapping.from_account)

    def list_tax_rates(self):
        """Tax codes with what their rates come to. American companies have two for lines, taxable or not, whatever
        other codes they keep (B11)."""
        country = self._organization.country
        if not country:
            _, _, companies = self._select('organization.read', 'CompanyInfo')
            country = (
                text(companies[0], 'Country').upper() if companies and isinstance(companies[0], dict) else ''
            )
        if country in ('US', 'USA'):
            return mapping.AMERICAN_TAX_RATES
        rates = dict(
            self._read_settings('tax rates', self._all('tax_rates.list', 'TaxRate'), mapping.from_rate)
        )
        return self._read_settings(
            'tax codes',
            self._all('tax_codes.list', 'TaxCode'),
            lambda element: mapping.from_tax_code(element, rates),
        )

    def list_terms(self):
        return self._read_settings('terms', self._all('terms.list', 'Term'), mapping.from_term)

    def list_categories(self):
        """The classes, where the company tracks one for each line (its preference; one for the whole transaction would
        not say what Odoo does)."""
        answer, _, preferences = self._select('preferences.read', 'Preferences')
        if not preferences or not isinstance(preferences[0], dict):
            raise answer.unreadable('an answer without the preferences of the company')
        if not mapping.tracks_classes_of_lines(preferences[0]):
            return ()
        return self._read_settings('classes', self._all('classes.list', 'Class'), mapping.from_class)

    def list_names_in_use(self):
        """Vendors and employees: a name is given once among them and the customers (B8). An app that may not read one
        of the two goes without."""
        found = []
        for entity, owner in (('Vendor', 'vendor'), ('Employee', 'employee')):
            try:
                elements = self._all(f'{owner}s.names', entity, ['Active = true'])
            except errors.PermissionMissing:
                _logger.info('QuickBooks Online does not let this app read the names of %ss', owner)
                continue
            for element in elements:
                name = element.get('DisplayName')
                external_id = element.get('Id')
                if isinstance(name, str) and name.strip() and isinstance(external_id, str):
                    found.append(dto.NameInUse(external_id, name.strip(), owner))
        return tuple(found)

    # === reading records === #

    def pull_page(self, kind, *, cursor='', since='', page_size=MAX_PAGE_SIZE):
        """One page. Both passes go by keyset, oldest first: each page asks for what is not older than the last record
        of the one before, and leaves out what that one had; positions count only while the time stands still, that is
        when a whole page has the same second. Whoever is edited then, or merged away, leaves the second, everybody
        behind moves up, and one of them over the edge of a page: from the page where the time went on, the way goes
        back to the first one, because nobody moves that way.

        Full pass: by time of creation, which never changes; inactive ones are asked for and dropped here. Ids would not
        do: they are numbers written as texts, and nothing says in which of the two orders QuickBooks sorts and compares
        them. Positions would not do: a customer who is merged into another leaves the list, and everybody behind moves
        up, one of them over the edge of a page.

        Incremental: by time of change, inactive ones included. The checkpoint is QuickBooks' clock: of a full pass the
        time it began (given with its last page), otherwise the last change seen. Asking again overlaps by some seconds:
        records come twice, none is left out.

        Customers that are projects are of the kind project, sub-customers are contacts. Categories and bundles are left
        out of items. Projects are always read in full where the Projects API knows their status, because nothing tells
        when that changed.
        """
        if kind not in _PULLED:
            raise ValueError(f'QuickBooks records of kind {kind!r} are not pulled')
        position = self._position(cursor, since)
        # The size belongs to the position: positions within a second count in it.
        position.setdefault('size', max(1, min(page_size, MAX_PAGE_SIZE)))
        purpose, entity = f'{_PURPOSES[kind]}.list', ENTITIES[kind]
        of_kind = ['Job = true'] if kind == 'project' else []
        full = not position['since'] or (kind == 'project' and self._organization.has_projects)
        is_first = 'total' not in position
        position.setdefault('total', None)
        field, time_of = ('MetaData.CreateTime', created) if full else ('MetaData.LastUpdatedTime', updated)
        edge = position.get('edge') or ('' if full else self._before(position['since']))
        # documents are never made inactive
        all_of, active = ([], []) if kind in _DOCUMENTS else ([_EVERYTHING], ['Active = true'])
        where = [*all_of, *of_kind, *([f'{field} >= {quoted(edge)}'] if edge else [])]
        answer, envelope, elements = self._select(
            purpose, entity, where, order=field, start=position['start'], limit=position['size']
        )
        if is_first and full and not position['since']:
            position['total'] = (
                self._count(purpose, entity, [*active, *of_kind])
                if len(elements) >= position['size']
                # A page that is not full is all there is.
                else sum(
                    isinstance(element, dict) and flag(element, 'Active', default=True)
                    for element in elements
                )
            )
        fresh = [element for element in elements if _mark(element) not in position.get('seen', ())]
        records, unreadable, dropped = self._read_page(kind, fresh)
        following = dict(position)
        following.setdefault('started', self._clock(answer, envelope))
        times = [t for element in elements if isinstance(element, dict) and (t := time_of(element))]
        latest = max(times, default=None)
        more = len(elements) >= position['size']
        moved = latest is not None and (not edge or latest > iso_moment(edge))
        if 'until' in position:
            # Nothing beyond the edge counts until the way back was gone.
            latest, more = None, True
            following['start'] -= position['size']
            if following['start'] < 1:
                edge, more = following.pop('until'), not following.pop('last')
                following.update(edge=edge, start=1)
        else:
            following['dropped'] = position.get('dropped', 0) + dropped
            following['seen'] = [
                _mark(element)
                for element in elements
                if isinstance(element, dict) and latest is not None and time_of(element) == latest
            ]
            if position['start'] > 1 and position.get('edge') and (moved or not more):
                until = latest.isoformat() if moved else edge
                following.update(start=position['start'] - position['size'], until=until, last=not more)
                latest, more = None, True
            elif moved:
                following.update(edge=latest.isoformat(), start=1)
            else:
                # Without any time there is nothing to go by but positions.
                following['start'] += len(elements)
        if position['since']:
            checkpoint = following['started'] if full else ''
            if not full:
                # the last page may hold nothing
                reached = max(filter(None, (latest, iso_moment(edge), iso_moment(position['since']))))
                checkpoint = reached.isoformat()
            elif more:
                checkpoint = ''
        else:
            records = [record for record in records if record.active]
            checkpoint = '' if more else following['started']
        total = position['total']
        return dto.Page(
            records=tuple(records),
            next_cursor=json.dumps(following) if more else '',
            checkpoint=checkpoint,
            total=max(0, total - following['dropped']) if total is not None else None,
            unreadable=tuple(unreadable),
        )

    @staticmethod
    def _all_of(kind) -> list[str]:
        """The condition that inactive ones come as well; transactions are never inactive."""
        return [] if kind in _DOCUMENTS else [_EVERYTHING]

    def pull_changes(self, since):
        """By change data capture (B5), which tells of deleted records, too: one call for all kinds.

        Left out are kinds whose checkpoint is older than it reaches, those of which so much changed that the answer may
        be cut off, and projects whose status only the Projects API tells. Where the call is refused as such, queries
        do. The checkpoint is QuickBooks' clock when the call began: an answer that is not cut off has everything.
        """
        kinds = [kind for kind in since if kind in _PULLED]
        if self._organization.has_projects:
            kinds = [kind for kind in kinds if kind != 'project']
        if any(iso_moment(since[kind]) is None for kind in kinds):
            raise ValueError('This is no checkpoint of QuickBooks')
        oldest = datetime.now(timezone.utc) - _CAPTURE_DAYS
        begin = {kind: moment for kind in kinds if (moment := iso_moment(since[kind])) > oldest}
        if not begin:
            return {}
        entities = list(dict.fromkeys(ENTITIES[kind] for kind in begin))
        asked = max(min(begin.values()) - _CAPTURE_OVERLAP, oldest).replace(microsecond=0, tzinfo=None)
        answer = self._company().changes('changes.list', entities, f'{asked.isoformat()}Z')
        try:
            self._raise_for(answer)
        except errors.ValidationRejected as error:
            _logger.info('Change data capture is refused (%s): queries are used instead', error.code)
            return {}
        envelope = answer.json()
        captured = self._captured(answer, envelope, entities)
        clock = iso_moment(self._clock(answer, envelope))
        pages = {}
        for kind, moment in begin.items():
            elements = captured.get(ENTITIES[kind])
            if elements is None or len(elements) >= _MAX_CAPTURED:
                continue
            deleted = [one for one in elements if _is_deleted(one)]
            records, unreadable, _dropped = self._read_page(
                kind, [one for one in elements if not _is_deleted(one)]
            )
            times = [t for one in elements if isinstance(one, dict) and (t := updated(one))]
            reached = max(filter(None, (moment, clock or max(times, default=None))))
            pages[kind] = dto.Page(
                records=tuple(records),
                checkpoint=reached.isoformat(),
                unreadable=tuple(unreadable),
                gone=tuple(external_id for one in deleted if (external_id := text(one, 'Id'))),
            )
        return pages

    @staticmethod
    def _captured(answer, envelope, entities) -> dict[str, list]:
        """Entity → what changed of it. An entity of which the answer has no list did not change, unless a part of the
        answer is a fault: then it is not known."""
        found: dict[str, list] = {}
        faulty = False
        for response in objects(envelope, 'CDCResponse') if isinstance(envelope, dict) else ():
            faulty = faulty or _is_faulty(response)
            for part in objects(response, 'QueryResponse'):
                faulty = faulty or _is_faulty(part)
                for entity in entities:
                    elements = part.get(entity)
                    if isinstance(elements, list):
                        found.setdefault(entity, []).extend(elements)
                    else:
                        faulty = faulty or elements is not None
        if not isinstance(envelope, dict) or not isinstance(envelope.get('CDCResponse'), list):
            raise answer.unreadable('an answer without CDCResponse')
        return found if faulty else {entity: found.get(entity, []) for entity in entities}

    @staticmethod
    def _position(cursor, since) -> dict:
        """Where a pass stands: ``since`` ('' = full pass), ``edge`` and ``start`` (the position among what is not
        older), ``seen`` (what the last page had at the edge), ``until`` and ``last`` (on the way back through pages of
        the same second), ``started``, ``size``, ``total``, ``dropped``."""
        position = json.loads(cursor) if cursor else {'since': since, 'start': 1}
        if (
            not isinstance(position, dict)
            or not isinstance(position.get('start'), int)
            or any(position.get(key) and iso_moment(position[key]) is None for key in ('since', 'edge'))
        ):
            raise ValueError('This is no cursor or checkpoint of QuickBooks')
        return position

    @staticmethod
    def _before(since: str) -> str:
        return (iso_moment(since) - _OVERLAP).replace(microsecond=0).isoformat()

    @staticmethod
    def _clock(answer, envelope) -> str:
        """When the call began by QuickBooks' clock: what changed while it was being answered may be missing from it."""
        answered = iso_moment(envelope.get('time'))
        return (answered - timedelta(seconds=answer.elapsed)).isoformat() if answered else ''

    def _read_page(self, kind, elements) -> tuple[list, list, int]:
        """DTOs of the kind, ``(id, reason)`` of what cannot be read, and how many active ones are of another kind."""
        records, unreadable, dropped = [], [], 0
        statuses = None
        for element in elements:
            if not isinstance(element, dict):
                unreadable.append(('', 'it is no record'))
                continue
            try:
                record = None
                if kind == 'item':
                    record = mapping.from_item(element)
                elif kind == 'contact':
                    record = None if mapping.is_project(element) else mapping.from_contact(element)
                elif kind in _DOCUMENTS:
                    record = self._read_document(kind, element)
                elif mapping.is_project(element):
                    statuses = self._directory() if statuses is None else statuses
                    record = mapping.from_project(element, self._status_of(element, statuses))
            except (Unreadable, ArithmeticError) as exc:
                external_id = element.get('Id')
                unreadable.append((external_id if isinstance(external_id, str) else '', str(exc)))
                continue
            if record is not None:
                records.append(record)
            elif flag(element, 'Active', default=True):
                dropped += 1
        return records, unreadable, dropped

    def get_record(self, kind, external_id):
        if not _RECORD_ID.fullmatch(external_id) or kind == 'attachment':
            raise errors.NotFound('A record without an id is not in QuickBooks Online.', code='no_id')
        answer, element = self._get(kind, external_id)
        return self._record_or_raise(answer, kind, element)

    def _get(self, kind, external_id) -> tuple[Answer, dict]:
        entity = ENTITIES[kind]
        answer = self._company().call(
            f'{_PURPOSES[kind]}.read', 'get_single_object', entity, quote(external_id, safe='')
        )
        self._raise_for(answer, kind)
        envelope = answer.json()
        element = envelope.get(entity) if isinstance(envelope, dict) else None
        if not isinstance(element, dict):
            raise answer.unreadable(f'an answer without {entity}')
        return answer, element

    def _read_document(self, kind, element):
        """None for an allocation that is a payment of something else."""
        if kind == 'allocation':
            return mapping.from_allocation(element, self._organization)
        if kind == 'payment':
            return mapping.from_payment(element, self._organization)
        read = mapping.from_credit_note if kind == 'credit_note' else mapping.from_invoice
        return read(element, self._organization)

    def _read_element(self, kind, element, status=None):
        """The DTO of an element, None for one of another kind. ``status``: of a project, where it is known already."""
        if kind == 'contact':
            return mapping.from_contact(element)
        if kind == 'item':
            return mapping.from_item(element)
        if kind in _DOCUMENTS:
            return self._read_document(kind, element)
        if status is None:
            status = self._status_of(element, self._directory()) if mapping.is_project(element) else ''
        return mapping.from_project(element, status)

    def _record_or_raise(self, answer, kind, element, status=None):
        try:
            record = self._read_element(kind, element, status)
        except (Unreadable, ArithmeticError) as exc:
            reason = str(exc)
        else:
            if record is not None:
                return record
            reason = 'it is of another kind'
        raise answer.unreadable(f'a record that cannot be read: {reason}')

    def get_records(self, kind, external_ids):
        wanted = list(dict.fromkeys(one for one in external_ids if _RECORD_ID.fullmatch(one)))
        conditions = self._all_of(kind)
        records, unreadable, there = [], [], set()
        for chunk in _chunks(wanted):
            _, _, elements = self._select(
                f'{_PURPOSES[kind]}.list', ENTITIES[kind], [within('Id', chunk), *conditions]
            )
            elements = [one for one in elements if isinstance(one, dict)]
            there |= {text(one, 'Id') for one in elements}
            some, odd, _dropped = self._read_page(kind, elements)
            records += some
            unreadable += odd
        known = {record.external_id for record in records} | {
            external_id for external_id, _reason in unreadable
        }
        unreadable += [(one, 'it is of another kind') for one in wanted if one in there and one not in known]
        return dto.Page(
            records=tuple(records),
            unreadable=tuple(unreadable),
            gone=tuple(one for one in dict.fromkeys(external_ids) if one not in there),
        )

    def natural_key(self, kind, record):
        """QuickBooks has no place for our number of a customer; names are what it keeps apart (B8)."""
        if kind in ('allocation', 'payment'):
            return ''
        return record.number if kind in _SALES else record.name

    def find_records(self, kind, keys):
        """Records whose natural key is among ``keys``; each once, inactive ones included.

        contact, project: name; item: name or SKU; invoice, credit note: number. Compared without case, as QuickBooks
        does. An unreadable one is raised: to overlook it would be to create it again.
        """
        if kind in ('allocation', 'payment', 'attachment'):
            return ()
        # Control characters cannot stand in a query, nor in anything that QuickBooks keeps. Spaces that are not
        # ordinary, and what cannot be seen, can: what was sent with them is found by them.
        wanted = [key for key in spellings(keys) if not CONTROL.search(key)]
        wanted = list(dict.fromkeys(wanted))
        folded = {_folded(key) for key in wanted}
        conditions = self._all_of(kind)
        found: dict[str, object] = {}
        for field in _KEY_FIELDS[kind]:
            for chunk in _chunks(wanted):
                answer, _, elements = self._select(
                    f'{_PURPOSES[kind]}.find', ENTITIES[kind], [within(field, chunk), *conditions]
                )
                for element in elements:
                    if not isinstance(element, dict) or _folded(element.get(field) or '') not in folded:
                        continue
                    if kind == 'contact' and mapping.is_project(element):
                        continue
                    if kind == 'project' and not ref_id(element, 'ParentRef'):
                        continue
                    if kind == 'item' and text(element, 'Type') in ('Category', 'Group'):
                        continue
                    found[text(element, 'Id')] = self._record_or_raise(answer, kind, element, status='')
        return tuple(found.values())

    def look_up(self, kind, wanted):
        """As :meth:`find_records`; documents that QuickBooks numbers by customer and date, those first that have our
        number in their note, and of the others those alone that have the total that is looked for and are not older
        than what was sent. Allocations and payments by customer and date, too: they have no number."""
        if kind == 'allocation':
            return self._look_up_allocations(wanted)
        if kind == 'payment':
            return self._look_up_payments(wanted)
        if kind == 'attachment':
            return self._look_up_attachments(wanted)
        if kind not in _SALES or not self._organization.numbers_documents:
            return super().look_up(kind, wanted)
        found: dict[str, tuple[int, dto.Invoice]] = {}
        for answer, element in self._of_those_days(kind, wanted):
            record = self._record_or_raise(answer, kind, element)
            rank = _likeness(record, created(element), wanted)
            if rank is not None:
                found[record.external_id] = (rank, record)
        return tuple(record for _rank, record in sorted(found.values(), key=lambda pair: pair[0]))

    def _of_those_days(self, kind, wanted):
        """Documents of the customers and days that are looked for, with the answers that they came in."""
        contacts = list(dict.fromkeys(owner for one in wanted for owner in _owners(one)))
        days = list(dict.fromkeys(one.date.isoformat() for one in wanted if one.date))
        for some_contacts in _chunks(contacts):
            for some_days in _chunks(days):
                where = [within('CustomerRef', some_contacts), within('TxnDate', some_days)]
                yield from self._every(f'{_PURPOSES[kind]}.find', ENTITIES[kind], where)

    def _look_up_allocations(self, wanted):
        pairs = {one.documents for one in wanted}
        found = {}
        for answer, element in self._of_those_days('allocation', wanted):
            try:
                record = mapping.from_allocation(element, self._organization)
            except (Unreadable, ArithmeticError) as exc:
                raise answer.unreadable(f'a record that cannot be read: {exc}') from None
            if record and (record.credit_note_external_id, record.invoice_external_id) in pairs:
                found[record.external_id] = record
        return tuple(found.values())

    def payments_of(self, documents):
        """By the transactions that the invoices say they are linked to."""
        linked: dict[str, None] = {}
        for chunk in _chunks(sorted(documents)):
            _, _, elements = self._select('invoices.list', 'Invoice', [within('Id', chunk)])
            for element in elements:
                if isinstance(element, dict):
                    for one in objects(element, 'LinkedTxn'):
                        if text(one, 'TxnType') == 'Payment' and text(one, 'TxnId'):
                            linked[text(one, 'TxnId')] = None
        page = self.get_records('payment', list(linked))
        return tuple(one for one in page.records if one.active)

    def _look_up_payments(self, wanted):
        found = {}
        contacts = list(dict.fromkeys(one.contact_external_id for one in wanted if one.contact_external_id))
        days = list(dict.fromkeys(one.date.isoformat() for one in wanted if one.date))
        for some_contacts in _chunks(contacts):
            for some_days in _chunks(days):
                where = [within('CustomerRef', some_contacts), within('TxnDate', some_days)]
                for answer, element in self._every('payments.find', 'Payment', where):
                    record = self._record_or_raise(answer, 'payment', element)
                    if any(_is_like(record, created(element), one) for one in wanted):
                        found[record.external_id] = record
        return tuple(found.values())

    def _every(self, purpose, entity, where):
        start = 1
        while True:
            answer, _, elements = self._select(purpose, entity, where, order='Id', start=start)
            for element in elements:
                if isinstance(element, dict):
                    yield answer, element
            if len(elements) < MAX_PAGE_SIZE:
                return
            start += len(elements)

    # === rules === #

    def check(self, kind, record):
        return rules.CHECKS[kind](record, self._organization)

    def shown_lines(self, invoice):
        """Without tax, as QuickBooks keeps them; the discount is in the price (B10)."""
        return tuple(
            line if line.is_text else self._shown_line(line, invoice.tax_included) for line in invoice.lines
        )

    @staticmethod
    def _shown_line(line, tax_included):
        net, _gross = mapping.line_figures(line, tax_included)
        quantity, unit_price = mapping.unit_price(line, net) or (Decimal(1), net)
        return replace(line, quantity=quantity, unit_price=unit_price, discount=Decimal(0), amount=net)

    def as_kept(self, invoice):
        """Products by their id; no accounts, and no tax of single lines. Amounts are what :func:`mapping.from_invoice`
        reads: with tax where prices include it, which American companies do not tell."""
        kept = super().as_kept(invoice)
        is_american = mapping.is_american(self._organization)
        gross = mapping.tax_calculation(invoice) == 'TaxInclusive' and not is_american
        lines = []
        for line in kept.lines:
            if line.is_text:
                lines.append(line)
                continue
            code = line.tax_code
            if is_american:
                code = code or (mapping.TAXABLE if mapping.line_tax(line) else mapping.NOT_TAXABLE)
            amount = line.amount + mapping.line_tax(line) if gross else line.amount
            lines.append(
                replace(
                    line,
                    item_code='',
                    account='',
                    discount=Decimal(0),
                    tax_code=code,
                    tax_amount=None,
                    amount=amount,
                )
            )
        number = '' if self._organization.numbers_documents else kept.number
        return replace(kept, lines=tuple(lines), number=number)

    def predict_totals(self, invoice):
        return rules.predict_totals(invoice, self._organization)

    def disagreement(self, invoice):
        # automated sales tax is worked out by address: both sums are compared afterwards
        return None if self._organization.computes_tax else super().disagreement(invoice)

    # === writing === #

    def prepare(self, operation, members):
        """:raise ValueError: an unknown operation, too many members, an update without id and version, a creation with
        an id."""
        declared = self.operations.get(operation)
        if declared is None:
            raise ValueError(f'QuickBooks Online has no operation {operation!r}')
        if not 0 < len(members) <= declared.max_members:
            raise ValueError(f'{operation} takes 1 to {declared.max_members} members, not {len(members)}')
        creates = operation.endswith('.create')
        for reference, record in members:
            if creates == bool(record.external_id):
                raise ValueError(
                    f'{operation} of {reference}: an update needs the id of the record, a creation has none'
                )
            if not creates and not record.version:
                raise ValueError(f'{operation} of {reference}: an update needs the version of the record')
        if declared.kind == 'attachment':
            return self._prepare_attachment(members)
        entity = ENTITIES[declared.kind]
        bodies = [self._body(operation, declared.kind, record) for _reference, record in members]
        if len(bodies) == 1:
            body = bodies[0]
        else:
            body = {
                'BatchItemRequest': [
                    {'bId': str(place), 'operation': 'create' if creates else 'update', entity: one}
                    for place, one in enumerate(bodies, 1)
                ]
            }
        return dto.PreparedCall(
            operation=operation,
            body=encode(body),
            members=tuple(reference for reference, _record in members),
            target='' if creates else members[0][1].external_id,
        )

    def _body(self, operation, kind, record):
        if operation == 'invoice.void':
            return mapping.to_void(record)
        if operation in _DELETIONS:
            return {'Id': record.external_id, 'SyncToken': record.version}
        if operation.endswith('.restore'):
            return mapping.to_restore(record)
        if kind != 'project':
            return _WRITERS[kind](record, self._organization)
        if record.is_sub_customer:
            return mapping.to_sub_customer(record)
        values = {'name': record.name}
        if record.status:
            values['status'] = mapping.STATUS_TO_QUICKBOOKS[record.status]
        if operation == 'project.create':
            values['customer'] = {'id': record.contact_external_id}
            return {'query': graphql.CREATE, 'variables': values}
        return {'query': graphql.UPDATE, 'variables': values}

    def send(self, call, key):
        """One request: a batch for several members, the record's own path for one. A project of the Projects API takes
        more, see :meth:`_send_project`."""
        if not key or len(key) > MAX_KEY_LENGTH:
            raise ValueError(f'A key has 1 to {MAX_KEY_LENGTH} characters')
        kind = self.operations[call.operation].kind
        entity = ENTITIES[kind]
        if kind == 'project' and 'query' in (body := json.loads(call.body)):
            return self._send_project(call, body)
        if kind == 'attachment':
            return self._send_attachment(call, key)
        company = self._company()
        if len(call.members) > 1:
            answer = company.batch(call.operation, call.body, key)
            return self._batch_result(call, answer, kind)
        method = 'create_object' if call.operation.endswith('.create') else 'update_object'
        params = {'operation': 'void'} if call.operation == 'invoice.void' else None
        if call.operation in _DELETIONS:
            params = {'operation': 'delete'}
        answer = company.call(call.operation, method, entity, call.body, request_id=key, params=params)
        (member,) = call.members
        error = faults.error_of(answer, kind)
        if call.operation in _DELETIONS and error is None:
            # whoever answers 200 to everything (a proxy, a portal) has deleted nothing
            envelope = answer.json()
            if not isinstance(envelope, dict) or not _says_deleted(nested(envelope, entity), call.target):
                raise answer.unreadable('an answer that does not say that the record is deleted')
            result = dto.MemberResult(member, record=_deleted(kind, call.target))
        elif call.operation in _DELETIONS and isinstance(error, errors.NotFound):
            # What is gone already is what was wanted.
            result = dto.MemberResult(member, record=_deleted(kind, call.target))
        elif error is None:
            result = self._member_result(answer, kind, member, answer.json())
        elif isinstance(error, faults.OF_RECORD) and error.details:
            result = dto.MemberResult(member, error=error)
        else:
            raise error
        return self._result(answer, [result])

    @staticmethod
    def _result(answer, results):
        return dto.CallResult(tuple(results), http_status=answer.status, request_id=answer.request_id)

    def _member_result(self, answer, kind, member, envelope) -> dto.MemberResult:
        """What became of one member, from what stands under its entity."""
        element = envelope.get(ENTITIES[kind]) if isinstance(envelope, dict) else None
        if not isinstance(element, dict):
            error = answer.unreadable('an answer in which this record is missing')
            return dto.MemberResult(member, error=error)
        try:
            record = self._record_or_raise(answer, kind, element, status='')
        except errors.ProtocolError as error:
            return dto.MemberResult(member, error=error.with_traceback(None))
        return dto.MemberResult(member, record=record)

    def _batch_result(self, call, answer, kind) -> dto.CallResult:
        """Each member by its bId, wherever it stands in the answer; one that is missing, or there twice, is unknown."""
        self._raise_for(answer, kind)
        envelope = answer.json()
        responses = envelope.get('BatchItemResponse') if isinstance(envelope, dict) else None
        if not isinstance(responses, list):
            raise answer.unreadable('an answer without BatchItemResponse')
        by_id: dict[str, list] = {}
        for response in objects(envelope, 'BatchItemResponse'):
            by_id.setdefault(str(response.get('bId')), []).append(response)
        if not any(str(place) in by_id for place, _member in enumerate(call.members, 1)):
            raise answer.unreadable('an answer that does not belong to what was sent')
        results = []
        for place, member in enumerate(call.members, 1):
            found = by_id.get(str(place), [])
            if len(found) != 1:
                error = answer.unreadable('an answer in which this record is missing')
                results.append(dto.MemberResult(member, error=error))
                continue
            failures = faults.faults_of(found[0])
            if failures:
                error = faults.refusal(failures, kind, answer.status, request_id=answer.request_id)
                results.append(dto.MemberResult(member, error=error))
            else:
                results.append(self._member_result(answer, kind, member, found[0]))
        return self._result(answer, self._settle_call_errors(answer, results))

    @staticmethod
    def _settle_call_errors(answer, results):
        """Errors inside a batch that are about the call or the connection (throttled, token, subscription).

        If nothing else came of the batch, the error is raised, as if it had been the answer. Otherwise those members
        did not go through, for no fault of theirs: they are sent again.
        """

        def of_call(error):
            return error is not None and not error.maybe_applied and not isinstance(error, faults.OF_RECORD)

        if all(of_call(result.error) for result in results):
            raise results[0].error
        return [
            replace(
                result,
                error=errors.TransportError(
                    result.error.message,
                    code=result.error.code,
                    http_status=answer.status,
                    request_id=answer.request_id,
                    details=result.error.details,
                ),
            )
            if of_call(result.error)
            else result
            for result in results
        ]

    # === files === #

    @staticmethod
    def _prepare_attachment(members):
        ((reference, file),) = members
        return dto.PreparedCall(
            operation='attachment.create',
            body=encode(mapping.to_attachment(file, ENTITIES[file.document_kind])),
            members=(reference,),
            target=file.document_external_id,
        )

    def _send_attachment(self, call, key) -> dto.CallResult:
        """The file beside its metadata, in two parts; QuickBooks does not send it along with the invoice."""
        described = json.loads(call.body)
        if len(call.content) != described.pop('Size'):
            raise ValueError('The file is not the one that was prepared')
        body, header = files.multipart(
            encode(described), described['FileName'], described['ContentType'], call.content
        )
        answer = self._transport.request(
            call.operation,
            'POST',
            f'{API_URL}/company/{self._company_id}/upload',
            params=[('minorversion', str(MINOR_VERSION)), ('requestid', key)],
            headers={'Accept': 'application/json', 'Content-Type': header},
            body=body,
            auth=BearerAuth(self._access_token),
        )
        (member,) = call.members
        error = faults.error_of(answer, 'attachment')
        if error is not None:
            if (isinstance(error, faults.OF_RECORD) and error.details) or answer.status == 413:
                return self._result(answer, [dto.MemberResult(member, error=error)])
            raise error
        envelope = answer.json()
        entries = objects(envelope, 'AttachableResponse') if isinstance(envelope, dict) else []
        if len(entries) != 1:
            raise answer.unreadable('an answer that does not belong to what was sent')
        if failures := faults.faults_of(entries[0]):
            error = faults.refusal(failures, 'attachment', answer.status, request_id=answer.request_id)
            return self._result(answer, [dto.MemberResult(member, error=error)])
        record = self._attachment_or_raise(answer, nested(entries[0], 'Attachable'))
        return self._result(answer, [dto.MemberResult(member, record=record)])

    @staticmethod
    def _attachment_or_raise(answer, element):
        kinds = {ENTITIES[kind]: kind for kind in _SALES}
        try:
            return mapping.from_attachment(element, kinds)
        except (Unreadable, ArithmeticError) as exc:
            reason = str(exc)
        raise answer.unreadable(f'a record that cannot be read: {reason}')

    def _look_up_attachments(self, wanted):
        documents = dict.fromkeys(
            (one.document_kind, document) for one in wanted for document in one.documents
        )
        found = {}
        for kind, document in documents:
            where = [
                f'AttachableRef.EntityRef.Type = {quoted(ENTITIES[kind])}',
                f'AttachableRef.EntityRef.value = {quoted(document)}',
            ]
            for answer, element in self._every('attachments.list', 'Attachable', where):
                if text(element, 'FileName'):  # the others are notes
                    record = self._attachment_or_raise(answer, element)
                    found[record.external_id] = replace(
                        record, document_kind=kind, document_external_id=document
                    )
        return tuple(found.values())

    # === the Projects API === #

    def _projects_api(self) -> graphql.ProjectsApi:
        return graphql.ProjectsApi(self._transport, self._access_token)

    def _directory(self) -> graphql.Directory:
        """All projects of the Projects API; none where the company has no projects, or the app may not see them: their
        customers tell all but the status."""
        if self._organization.has_projects:
            try:
                return graphql.Directory(self._projects_api().list_all())
            except (errors.PermissionMissing, errors.ValidationRejected, Unreadable) as exc:
                _logger.info(
                    'Projects of QuickBooks Online are read without their status: %s', type(exc).__name__
                )
        return graphql.Directory([])

    @staticmethod
    def _node_of(element, directory) -> graphql.Node | None:
        return directory.find(text(element, 'Id'), text(element, 'DisplayName'), ref_id(element, 'ParentRef'))

    def _status_of(self, element, directory) -> str:
        node = self._node_of(element, directory)
        return node.status if node else ''

    def _send_project(self, call, body) -> dto.CallResult:
        """Make or change a project by the Projects API, which knows no request ids.

        Making it: looked for by its name first, so that the same call twice is one project; afterwards read as the
        customer that it is, because that id is what everything else refers to. Changing it: its id in the Projects API
        is found by the customer's name as it is now.
        """
        (member,) = call.members
        try:
            if call.operation == 'project.create':
                answer, record = self._create_project(call, body)
            else:
                answer, record = self._update_project(call, body)
        except (*faults.OF_RECORD, errors.PermissionMissing) as error:
            # about this project alone: invoices and customers go on
            result = dto.MemberResult(member, error=error.with_traceback(None))
            return dto.CallResult(
                (result,), http_status=error.http_status or 200, request_id=error.request_id
            )
        return self._result(answer, [dto.MemberResult(member, record=record)])

    def _find_project(self, name, customer_id, status=None):
        """``(answer, project)`` of that name below that customer; the project is None where there is none.
        ``status``: where it is known already."""
        answer, _, elements = self._select(
            'projects.find', 'Customer', [f'DisplayName = {quoted(name)}', _EVERYTHING]
        )
        for element in elements:
            if (
                isinstance(element, dict)
                and mapping.is_project(element)
                and ref_id(element, 'ParentRef') == customer_id
            ):
                return answer, self._record_or_raise(answer, 'project', element, status)
        return answer, None

    def _create_project(self, call, body):
        variables = body['variables']
        name, customer_id = variables['name'], variables['customer']['id']
        answer, record = self._find_project(name, customer_id)
        if record is not None:
            return answer, record
        made, node = self._projects_api().change(call.operation, call.body)
        answer, record = self._find_project(name, customer_id, node.status)
        if record is None:
            # made, and not to be seen yet: a look-up by name will find it
            raise made.unreadable('a new project that it does not show yet')
        return answer, record

    def _update_project(self, call, body):
        answer, element = self._get('project', call.target)
        # without its name it would not be found, which means something else
        self._record_or_raise(answer, 'project', element, status='')
        node = self._node_of(element, self._directory())
        if node is None:
            raise errors.PermissionMissing(
                f'{self.label} does not let this app change the project.', code='projects_not_permitted'
            )
        variables = {'id': node.id, **body['variables']}
        changed = encode({'query': body['query'], 'variables': variables})
        _answer, node = self._projects_api().change(call.operation, changed)
        answer, element = self._get('project', call.target)
        return answer, self._record_or_raise(answer, 'project', element, node.status)

    # === pages for people === #

    def record_url(self, kind, external_id, organization):
        """Deep links as in B15. '' for items, which have no page of their own, and for what is not in QuickBooks."""
        page = {
            'invoice': ('invoice', 'txnId'),
            'credit_note': ('creditmemo', 'txnId'),
            'payment': ('recvpayment', 'txnId'),
            'contact': ('customerdetail', 'nameId'),
            'project': ('customerdetail', 'nameId'),
        }.get(kind)
        if not external_id or page is None:
            return ''
        path, parameter = page
        query = {parameter: external_id}
        if organization.external_id:
            # whoever keeps several companies sees the right one
            query['companyId'] = organization.external_id
        return self._transport.at_origin(f'{WEB_URL}/app/{path}?{urlencode(query)}')


def _mark(element) -> str:
    """A version of a record: what a page had is left out of the next one, what has changed since is not."""
    if not isinstance(element, dict):
        return ''
    return f'{element.get("Id")}:{element.get("SyncToken")}'


def _owners(one: dto.Wanted) -> list[str]:
    """To whom the invoice that is looked for may be made out."""
    return [owner for owner in (one.project_external_id, one.contact_external_id) if owner]


def _likeness(record: dto.Invoice, made_at, wanted: Sequence[dto.Wanted]) -> int | None:
    """0 for an invoice with our number, 1 for one that says the same without it, None for another one."""
    if record.own_number:
        keys = {_folded(one.key) for one in wanted if one.key}
        return 0 if _folded(record.own_number) in keys else None
    for one in wanted:
        if record.contact_external_id not in _owners(one) or one.date != record.date:
            continue
        if one.total is not None and one.total != record.totals.total:
            continue
        if one.currency and record.currency and one.currency != record.currency:
            continue
        if one.since and made_at and made_at < one.since - timedelta(minutes=5):
            # older than what was sent, whatever the clocks differ
            continue
        return 1
    return None


def _deleted(kind, external_id) -> dto.CreditNote | dto.Allocation | dto.Payment:
    """What is left to tell of a record that was taken away."""
    if kind == 'payment':
        return dto.Payment('', '', None, Decimal(0), '', (), status='deleted', external_id=external_id)
    if kind == 'allocation':
        return dto.Allocation('', '', Decimal(0), None, status='deleted', external_id=external_id)
    nothing = dto.Totals(Decimal(0), Decimal(0), Decimal(0))
    return dto.CreditNote('', None, '', (), nothing, status='deleted', external_id=external_id)


def _is_like(payment: dto.Payment, made_at, one: dto.Wanted) -> bool:
    """May this payment be the one that is looked for?"""
    documents = {document for document, _amount in payment.applications}
    return (
        payment.active
        and payment.contact_external_id in _owners(one)
        and payment.date == one.date
        and (one.total is None or payment.amount == one.total)
        and (not one.documents or documents == set(one.documents))
        # older than what was sent, whatever the clocks differ
        and not (one.since and made_at and made_at < one.since - timedelta(minutes=5))
    )


def _says_deleted(element: dict, external_id: str) -> bool:
    """Does the answer to a deletion say that it took place, of the record that it was sent for (B6)?"""
    return element.get('status') == 'Deleted' and element.get('Id') == external_id


def _is_deleted(element) -> bool:
    """Does change data capture tell of a record that is no longer there (B5)?"""
    return isinstance(element, dict) and text(element, 'status') == 'Deleted'


def _is_faulty(part: dict) -> bool:
    """Is a part of an answer a fault, in either spelling (B7)?"""
    return any(key.lower() == 'fault' for key in part)


def _chunks(keys: Sequence[str]):
    for start in range(0, len(keys), _MAX_KEYS):
        yield keys[start : start + _MAX_KEYS]
