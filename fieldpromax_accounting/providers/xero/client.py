"""Xero behind the provider interface. Sources of the rules: provider_facts parts A and C."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from urllib.parse import quote, urlencode

from .. import dto, errors, oauth
from ..base import AccountingProvider, Capabilities, Operation, ProviderConfig, RateLimits
from ..checks import spellings
from ..redaction import get_logger
from ..registry import register
from ..transport import Answer, BearerAuth, Transport
from ..wire import Unreadable, encode, flag, nested, number, objects, text
from . import events, faults, mapping, rules
from .sdk import API_URL, AccountingCalls
from .wire import guid, is_guid, moment

_logger = get_logger(__name__)

AUTHORIZE_URL = 'https://login.xero.com/identity/connect/authorize'
TOKEN_URL = 'https://identity.xero.com/connect/token'  # noqa: S105
CONNECTIONS_URL = 'https://api.xero.com/connections'
WEB_URL = 'https://go.xero.com'

#: a refresh token dies after 60 days without use (A1)
REFRESH_LIFETIME = timedelta(days=60)
#: elements of one PUT or POST (A4)
MAX_MEMBERS = 50
MAX_PAGE_SIZE = 1000
MAX_KEY_LENGTH = 128
#: about 52 GUIDs fit into a URL (A4): what 52 of them take, with their commas encoded
_MAX_QUERY = 52 * 39
#: If-Modified-Since is read to the second, and whether it includes its own second is not documented
_OVERLAP = timedelta(seconds=1)
#: how far Xero's clock may stand from ours, when something is looked for that was sent at a time
_CLOCKS_APART = timedelta(minutes=5)

#: kind → (key of the list in answers, field of the id, reader)
_KINDS = {
    'contact': ('Contacts', 'ContactID', mapping.from_contact),
    'item': ('Items', 'ItemID', mapping.from_item),
    'invoice': ('Invoices', 'InvoiceID', mapping.from_invoice),
    'credit_note': ('CreditNotes', 'CreditNoteID', mapping.from_credit_note),
    'allocation': ('Allocations', 'AllocationID', mapping.from_allocation),
    'payment': ('Payments', 'PaymentID', mapping.from_payment),
    'attachment': ('Attachments', 'AttachmentID', None),
}
#: kind of document → its resource in paths
_DOCUMENT_PATHS = {'invoice': 'Invoices', 'credit_note': 'CreditNotes'}
_WRITERS = {
    'contact': mapping.to_contact,
    'item': mapping.to_item,
    'invoice': mapping.to_invoice,
    'credit_note': mapping.to_credit_note,
    'allocation': mapping.to_allocation,
    'payment': mapping.to_payment,
}
#: operations on the path of one record
_ON_ONE_RECORD = (
    'invoice.update',
    'invoice.void',
    'credit_note.update',
    'credit_note.void',
    'payment.delete',
)
#: how the kinds that are pulled page by page are listed: method, and what goes along
_LISTS = {
    'contact': ('get_contacts', {'include_archived': True}),
    # bills are of no concern here, nor are payments of them and of credit notes
    'invoice': ('get_invoices', {'where': 'Type=="ACCREC"', 'unitdp': 4}),
    'credit_note': ('get_credit_notes', {'where': 'Type=="ACCRECCREDIT"', 'unitdp': 4}),
    'payment': ('get_payments', {'where': 'PaymentType=="ACCRECPAYMENT"'}),
}
#: by what an element of a call is found in the answer, surest first
_IDENTITY = {
    'contact': ('ContactID', 'ContactNumber', 'Name'),
    'item': ('ItemID', 'Code'),
    # without a number of ours, our own one stands in the reference
    'invoice': ('InvoiceID', 'InvoiceNumber', 'Reference'),
    'credit_note': ('CreditNoteID', 'CreditNoteNumber'),
    'allocation': ('AllocationID',),
    'payment': ('PaymentID', 'Invoice'),
}
#: kind → fields of its natural key
_KEY_FIELDS = {
    'contact': ('ContactNumber', 'Name'),
    'item': ('Code',),
    'invoice': ('InvoiceNumber',),
    'credit_note': ('CreditNoteNumber',),
}


def _limit(headers, name):
    value = headers.get(name, '').strip()
    return int(value[:12]) if value.isascii() and value.isdigit() else None


def read_headers(headers: Mapping[str, str]) -> tuple[dto.Limits, str]:
    """What is left and the id of the request (A3)."""
    limits = dto.Limits(
        day_remaining=_limit(headers, 'X-DayLimit-Remaining'),
        minute_remaining=_limit(headers, 'X-MinLimit-Remaining'),
    )
    return limits, headers.get('Xero-Correlation-Id', '')[:100]


def _folded(value) -> str:
    """A natural key for comparing: Xero compares without case (A4) and trims."""
    return ' '.join(str(value).split()).casefold()


@register
class XeroProvider(AccountingProvider):
    """Xero's Accounting API by xero-python's methods, OAuth by requests-oauthlib, connections by plain
    requests.

    An instance serves one thread at a time.
    """

    name = 'xero'
    label = 'Xero'
    # granular scopes (A2); Items stand under both invoices and settings there
    scopes = (
        'openid',
        'profile',
        'email',
        'offline_access',
        'accounting.invoices',
        'accounting.payments',
        'accounting.contacts',
        'accounting.settings',
        'accounting.attachments',
    )
    scope_texts = (
        'Know who connects: name and e-mail address',
        'Stay connected until you disconnect',
        'View and create invoices and credit notes, products and services',
        'View and create payments',
        'View and create contacts',
        'View the organisation, accounts, tax rates and currencies',
        'View files attached to invoices, and attach more',
    )
    # a key is kept for 6 minutes from the first call (A4); one of them is our margin
    capabilities = Capabilities(
        # A3; the day's is told with every answer
        rate_limits=RateLimits({'call': 60}, at_once=5),
        invoice_drafts=True,
        key_lifetime=timedelta(minutes=5),
        items_need_code=True,
        numbers_on_request=True,
        files_by_name=True,
        # its credit notes take none (A9)
        credit_note_discounts=False,
        # two tracking categories at most are active (A9)
        line_categories=mapping.MAX_TRACKING,
        synced_fields={
            'contact': {
                **dict.fromkeys(('name', 'email', 'phone', 'address', 'tax_number', 'active'), 'both'),
                **dict.fromkeys(('delivery_address', 'persons'), 'push'),
                # Xero shows it, and takes none (A7)
                'website': 'pull',
            },
            # items of Xero are never archived (A8)
            'item': dict.fromkeys(('name', 'code', 'description', 'price'), 'both'),
        },
    )
    text_rules = rules.TEXT_RULES
    file_rule = rules.FILES
    operations = {
        operation.name: operation
        for operation in (
            Operation('contact.create', 'contact', MAX_MEMBERS, 'contact number'),
            Operation('contact.update', 'contact', MAX_MEMBERS, 'Xero ID of the contact'),
            Operation('item.create', 'item', MAX_MEMBERS, 'item code'),
            Operation('item.update', 'item', MAX_MEMBERS, 'Xero ID of the item'),
            Operation('invoice.create', 'invoice', MAX_MEMBERS, 'invoice number'),
            Operation('invoice.update', 'invoice', 1, 'Xero ID of the invoice'),
            Operation('invoice.void', 'invoice', 1, 'Xero ID of the invoice'),
            Operation('credit_note.create', 'credit_note', MAX_MEMBERS, 'number of the credit note'),
            Operation('credit_note.update', 'credit_note', 1, 'Xero ID of the credit note'),
            Operation('credit_note.void', 'credit_note', 1, 'Xero ID of the credit note'),
            Operation(
                'allocation.create', 'allocation', 1, 'credit note and invoice, with the amount and the day'
            ),
            Operation('allocation.delete', 'allocation', 1, 'Xero ID of the allocation'),
            Operation(
                'payment.create', 'payment', MAX_MEMBERS, 'invoice, date, amount and time of the payment'
            ),
            Operation('payment.delete', 'payment', 1, 'Xero ID of the payment'),
            Operation(
                'invoice.mark_sent', 'sent_mark', 1, 'Xero ID of the invoice; marking it twice is harmless'
            ),
            Operation(
                'credit_note.mark_sent', 'sent_mark', 1, 'Xero ID of the note; marking it twice is harmless'
            ),
            Operation('attachment.create', 'attachment', 1, 'name and size of the file, at its document'),
        )
    }
    app_page = 'https://developer.xero.com/app/manage'
    webhook_header = events.SIGNATURE_HEADER
    webhook_key_label = 'Webhook signing key'

    @staticmethod
    def lane_of(url):
        return 'call' if '/api.xro/' in url else ''

    def __init__(self, config: ProviderConfig):
        super().__init__(config)
        self._transport = Transport(config, read_headers, self.lane_of)
        self._oauth = oauth.OAuthClient(
            self._transport,
            config.app,
            label=self.label,
            authorize_url=AUTHORIZE_URL,
            token_url=TOKEN_URL,
            code_lifetime='five minutes',
        )
        self._organization_id = ''
        self._access_token = ''
        self._calls: AccountingCalls | None = None

    def __repr__(self):
        return f'<{type(self).__name__} {self._organization_id or "without organization"}>'

    @classmethod
    def read_webhook(cls, body):
        return events.read(body)

    # === consent === #

    def authorization_url(self, state, redirect_uri, code_verifier):
        return self._oauth.authorization_url(state, redirect_uri, code_verifier, self.scopes)

    def fetch_token(self, code, redirect_uri, code_verifier, params):
        return self._token_set(self._oauth.fetch_token(code, redirect_uri, code_verifier))

    def refresh_token(self, refresh_token):
        return self._token_set(self._oauth.refresh_token(refresh_token))

    def _token_set(self, token) -> dto.TokenSet:
        claims = oauth.claims(token['access_token'])
        return self._oauth.token_set(
            token,
            refresh_expires_at=datetime.now(timezone.utc) + REFRESH_LIFETIME,
            user_external_id=str(claims.get('xero_userid') or ''),
            consent_id=str(claims.get('authentication_event_id') or ''),
        )

    def _list_connections(self, access_token, consent_id='') -> list[dict]:
        answer = self._transport.request(
            'connections.list',
            'GET',
            CONNECTIONS_URL,
            params=[('authEventId', consent_id)] if consent_id else None,
            headers={'Accept': 'application/json'},
            auth=BearerAuth(access_token),
        )
        self._raise_for(answer)
        found = answer.json()
        if not isinstance(found, list):
            raise answer.unreadable('something else than a list of connections')
        fields = ('id', 'authEventId', 'tenantId', 'tenantType', 'tenantName')
        try:
            connections = [
                {field: text(connection, field) for field in fields}
                for connection in found
                if isinstance(connection, dict)
            ]
        except Unreadable as exc:
            unreadable = str(exc)
        else:
            # other tenant types have no books (A1)
            return [
                connection
                for connection in connections
                if connection['tenantId'] and connection['tenantType'].upper() in ('', 'ORGANISATION')
            ]
        raise answer.unreadable(f'a list of connections that cannot be read: {unreadable}')

    def list_organizations(self, token, params):
        """Every organisation that the token reaches, those of this consent first.

        One that does not answer (suspended, offline, without a plan) is listed all the same with what
        ``/connections`` knows, its ``currency`` and ``country`` empty: the others must stay choosable, and an
        empty currency is no match for any company. Only when none answers, for a reason that passes, is that
        raised.
        """
        connections = self._list_connections(token.access_token)
        mine = {c['id'] for c in connections if c['authEventId'] == token.consent_id}
        if token.consent_id and not mine:
            # not every answer tells whose consent a connection is of: ask for those of this one
            mine = {c['id'] for c in self._list_connections(token.access_token, token.consent_id)}
        organizations, failures = [], []
        for connection in connections:
            tenant_id = connection['tenantId']
            organization = dto.Organization(external_id=tenant_id, name=connection['tenantName'])
            try:
                organization = self.for_organization(tenant_id, token.access_token).get_organization()
            except (errors.AccessTokenExpired, errors.HostRefused):
                # of the token or of this server, not of one organisation
                raise
            except errors.ProviderError as error:
                # which one stays out of the log: a tenant id opens books to whoever holds a token
                _logger.info(
                    'One of %s organisations cannot be read: %s (%s)',
                    len(connections),
                    type(error).__name__,
                    error.code,
                )
                failures.append(error)
            organizations.append(
                replace(
                    organization,
                    # the tenant id is what calls need; OrganisationID is the same for organisations (A11)
                    external_id=tenant_id,
                    name=organization.name or connection['tenantName'],
                    remote_connection_id=connection['id'],
                    consent_id=token.consent_id if connection['id'] in mine else connection['authEventId'],
                )
            )
        if failures and len(failures) == len(organizations) and all(error.retryable for error in failures):
            raise failures[0]
        return tuple(
            sorted(organizations, key=lambda organization: organization.remote_connection_id not in mine)
        )

    def remove_connection(self, organization, token):
        """``DELETE /connections/{id}``: by the id of the connection, which is not the tenant id (A1). 404:
        gone already."""
        connection_id = organization.remote_connection_id
        if not connection_id:
            found = [
                connection['id']
                for connection in self._list_connections(token.access_token)
                if connection['tenantId'] == organization.external_id
            ]
            if not found:
                return
            connection_id = found[0]
        answer = self._transport.request(
            'connections.delete',
            'DELETE',
            f'{CONNECTIONS_URL}/{quote(connection_id, safe="")}',
            headers={'Accept': 'application/json'},
            auth=BearerAuth(token.access_token),
        )
        if answer.status not in (204, 404):
            self._raise_for(answer)
            # no content is what Xero answers (A1); whoever answers something else is somebody else
            raise answer.unreadable('an answer that does not say that the connection has ended')

    # === one organization === #

    def for_organization(self, organization_id, access_token, organization=None):
        bound = type(self)(self.config)
        # one pool of connections for all
        bound._transport = self._transport
        bound._organization_id = organization_id
        bound._access_token = access_token
        return bound

    def _call(self, purpose, method, *args, **kwargs) -> Answer:
        if self._calls is None:
            if not self._organization_id:
                raise ValueError('Bind the provider to an organization first: for_organization()')
            self._calls = AccountingCalls(self._transport, self._organization_id, self._access_token)
        return self._calls.call(purpose, method, *args, **kwargs)

    @staticmethod
    def _raise_for(answer):
        error = faults.error_of(answer)
        if error is not None:
            raise error

    def _read(self, purpose, method, key, *args, **kwargs) -> tuple[Answer, dict, list]:
        """A reading call: the answer, its envelope, and the list under ``key``."""
        answer = self._call(purpose, method, *args, **kwargs)
        self._raise_for(answer)
        envelope = answer.json()
        return answer, envelope, self._elements(answer, envelope, key)

    @staticmethod
    def _elements(answer, envelope, key) -> list:
        elements = envelope.get(key) if isinstance(envelope, dict) else None
        if not isinstance(elements, list):
            raise answer.unreadable(f'an answer without {key}')
        return elements

    def get_organization(self):
        answer, _envelope, elements = self._read('organization.read', 'get_organisations', 'Organisations')
        currencies: tuple[str, ...] = ()
        try:
            _, _, found = self._read('currencies.list', 'get_currencies', 'Currencies')
            currencies = tuple(code for c in found if isinstance(c, dict) and (code := text(c, 'Code')))
        except (errors.AccessTokenExpired, errors.HostRefused):
            raise
        except (errors.ProviderError, Unreadable) as error:
            # known to be unknown: an empty tuple says so, and Xero itself refuses a foreign currency
            _logger.info('The currencies of an organisation cannot be read: %s', type(error).__name__)
        unreadable = 'there is none'
        for element in elements:
            try:
                return mapping.from_organization(element if isinstance(element, dict) else {}, currencies)
            except Unreadable as exc:
                unreadable = str(exc)
        raise answer.unreadable(f'an organisation that cannot be read: {unreadable}')

    def _list_settings(self, what, method, key, read, **options) -> tuple:
        """All records of a kind that is not paged; what cannot be read is left out, and said in the log."""
        _answer, _envelope, elements = self._read(f'{what}.list', method, key, **options)
        found = []
        for element in elements:
            try:
                record = read(element if isinstance(element, dict) else {})
            except Unreadable as unreadable:
                _logger.warning('One of the %s of Xero is left out: %s', what, unreadable)
                continue
            if record is not None:
                found.append(record)
        return tuple(found)

    def list_accounts(self):
        """Those that invoice lines may carry (with a code, and neither bank nor control accounts), and those that
        payments may go to (bank accounts, and others that are enabled for it)."""
        return self._list_settings('accounts', 'get_accounts', 'Accounts', mapping.from_account)

    def list_tax_rates(self):
        return self._list_settings('tax_rates', 'get_tax_rates', 'TaxRates', mapping.from_tax_rate)

    def list_categories(self):
        """The options of the tracking categories, archived ones included."""
        found = self._list_settings(
            'tracking_categories',
            'get_tracking_categories',
            'TrackingCategories',
            mapping.from_tracking_category,
            include_archived=True,
        )
        return tuple(option for options in found for option in options)

    # === reading records === #

    def pull_page(self, kind, *, cursor='', since='', page_size=MAX_PAGE_SIZE):
        """Contacts, customer invoices, their credit notes and payments page by page; items in one answer, because Xero
        does not page them (A4).

        Full pass: ordered by id, archived (void, deleted) ones asked for and dropped here. Left out by Xero, a contact
        archived during the pass would move all later ones up by one, and the one on the edge of a page would be
        skipped; so nothing ever leaves the set, and what is added can at worst be seen twice.

        Incremental: oldest change first, and each page asks for what changed since the maximum of the one
        before (keyset), so records that are edited meanwhile come again later and push nobody aside. Page
        numbers count only while the time stands still, that is when a whole page has changed within the same
        second; see :meth:`_following`.

        The checkpoint is Xero's clock: of a full pass the time it began (given with its last page), otherwise
        the last change seen. Asking again overlaps by a second: records at the edge come twice, none is left
        out.
        """
        if kind != 'item' and kind not in _LISTS:
            raise ValueError(f'Xero records of kind {kind!r} are not pulled')
        position = self._position(cursor, since)
        if kind == 'item':
            return self._pull_items(position)
        # The size belongs to the position: with another one, the same page number means other records.
        position.setdefault('size', max(1, min(page_size, MAX_PAGE_SIZE)))
        return self._pull_paged(kind, position)

    @staticmethod
    def _position(cursor, since) -> dict:
        """Where a pass stands: ``since`` ('' = full pass), ``page``, ``size``; ``started`` and ``skipped`` (full);
        ``until`` and ``last`` (incremental, on the way back through pages of the same second)."""
        position = json.loads(cursor) if cursor else {'since': since, 'page': 1}
        if not isinstance(position, dict) or (position.get('since') and moment(position['since']) is None):
            raise ValueError('This is no cursor or checkpoint of Xero')
        return position

    @staticmethod
    def _changed_since(position) -> dict:
        if not position['since']:
            return {}
        return {'if_modified_since': moment(position['since']).replace(microsecond=0) - _OVERLAP}

    @staticmethod
    def _clock(answer, envelope) -> str:
        """When the call began by Xero's clock: what changed while it was being answered may be missing from
        it."""
        answered = moment(envelope.get('DateTimeUTC'))
        return (answered - timedelta(seconds=answer.elapsed)).isoformat() if answered else ''

    @staticmethod
    def _read_records(kind, elements) -> tuple[list, list]:
        """DTOs, and ``(id, reason)`` of what cannot be read: one odd record must not fail its page (C2.4)."""
        _key, id_field, read = _KINDS[kind]
        records, unreadable = [], []
        for element in elements:
            if not isinstance(element, dict):
                unreadable.append(('', 'it is no record'))
                continue
            try:
                records.append(read(element))
            except (Unreadable, ArithmeticError) as exc:
                external_id = element.get(id_field)
                unreadable.append((external_id if isinstance(external_id, str) else '', str(exc)))
        return records, unreadable

    @staticmethod
    def _latest(elements):
        """The latest change among raw elements, unreadable ones included: they too are behind us."""
        times = [t for e in elements if isinstance(e, dict) and (t := moment(e.get('UpdatedDateUTC')))]
        return max(times, default=None)

    def _pull_items(self, position):
        answer, envelope, elements = self._read(
            'items.list', 'get_items', 'Items', unitdp=4, **self._changed_since(position)
        )
        records, unreadable = self._read_records('item', elements)
        checkpoint = self._clock(answer, envelope)
        if position['since']:
            latest = self._latest(elements)
            checkpoint = max(latest, moment(position['since'])).isoformat() if latest else position['since']
        return dto.Page(
            records=tuple(records), checkpoint=checkpoint, total=len(elements), unreadable=tuple(unreadable)
        )

    @staticmethod
    def _following(position, latest, more):
        """``(position, checkpoint, more)`` after a page of changes; ``latest``: the last change on it.

        Page numbers count while the time stands still. Whoever is edited then leaves for the end of the list, everybody
        behind moves up, and one of them over the edge of a page: from the page where the time went on, the way goes
        back to the first one, because nobody moves that way. Until it has been gone the checkpoint stays.
        """
        since, following = position['since'], dict(position)
        if 'until' in position:
            following['page'] -= 1
            if following['page']:
                return following, since, True
            until, last = following.pop('until'), following.pop('last')
            following.update(since=until, page=1)
            return following, until, not last
        reached = max(latest, moment(since)) if latest else moment(since)
        moved = reached.replace(microsecond=0) > moment(since).replace(microsecond=0)
        if position['page'] > 1 and (moved or not more):
            following.update(page=position['page'] - 1, until=reached.isoformat(), last=not more)
            return following, since, True
        if moved:
            following.update(since=reached.isoformat(), page=1)
        elif more:
            following['page'] += 1
            return following, since, True
        return following, reached.isoformat(), more

    def _pull_paged(self, kind, position):
        since, page_size = position['since'], position['size']
        key, id_field, _reader = _KINDS[kind]
        method, options = _LISTS[kind]
        answer, envelope, elements = self._read(
            f'{kind}s.list',
            method,
            key,
            order='UpdatedDateUTC ASC' if since else f'{id_field} ASC',
            page=position['page'],
            page_size=page_size,
            **options,
            **self._changed_since(position),
        )
        records, unreadable = self._read_records(kind, elements)
        pagination = nested(envelope, 'pagination')
        total = pagination.get('itemCount') if isinstance(pagination.get('itemCount'), int) else None
        page_count = pagination.get('pageCount')
        if isinstance(page_count, int):
            more = bool(elements) and position['page'] < page_count
        else:
            more = len(elements) >= page_size
        following = dict(position)
        if since:
            following, checkpoint, more = self._following(position, self._latest(elements), more)
        else:
            following.setdefault('started', self._clock(answer, envelope))
            following['page'] += 1
            following['skipped'] = position.get('skipped', 0) + sum(not record.active for record in records)
            records = [record for record in records if record.active]
            checkpoint = '' if more else following['started']
            if total is not None:
                # archived ones are counted by Xero and dropped here
                total = max(0, total - following['skipped'])
        return dto.Page(
            records=tuple(records),
            next_cursor=json.dumps(following) if more else '',
            checkpoint=checkpoint,
            total=total,
            unreadable=tuple(unreadable),
        )

    def get_record(self, kind, external_id):
        if kind not in _KINDS or kind == 'attachment':
            raise errors.NotFound(f'Xero keeps no {kind}s for this app.', code='no_such_kind')
        if not external_id:
            raise errors.NotFound('A record without an id is not in Xero.', code='no_id')
        if kind == 'allocation':
            return self._get_allocation(external_id)
        key, _id_field, read = _KINDS[kind]
        method, options = {
            'contact': ('get_contact', {}),
            'item': ('get_item', {'unitdp': 4}),
            'invoice': ('get_invoice', {'unitdp': 4}),
            'credit_note': ('get_credit_note', {'unitdp': 4}),
            'payment': ('get_payment', {}),
        }[kind]
        answer, _envelope, elements = self._read(f'{kind}s.read', method, key, external_id, **options)
        if not elements:
            raise errors.NotFound(
                'Xero has no such record.', http_status=answer.status, request_id=answer.request_id
            )
        return self._record_or_raise(answer, read, elements[0])

    def _allocations_of(self, note_id) -> tuple[Answer, list]:
        """What of a credit note is allocated: there is no list of allocations, it has them (A10).

        :raise NotFound: there is no such credit note.
        """
        answer, _envelope, elements = self._read(
            'credit_notes.read', 'get_credit_note', 'CreditNotes', note_id
        )
        found = objects(elements[0], 'Allocations') if elements and isinstance(elements[0], dict) else []
        return answer, [
            self._record_or_raise(answer, partial(mapping.from_allocation, note_id=note_id), one)
            for one in found
        ]

    def _get_allocation(self, external_id):
        answer, found = self._allocations_of(mapping.allocation_path(external_id)[0])
        for allocation in found:
            if allocation.external_id == external_id:
                return allocation
        raise errors.NotFound(
            'Xero has no such allocation.', http_status=answer.status, request_id=answer.request_id
        )

    @staticmethod
    def _record_or_raise(answer, read, element):
        reason = 'it is no record'
        if isinstance(element, dict):
            try:
                return read(element)
            except (Unreadable, ArithmeticError) as exc:
                reason = str(exc)
        raise answer.unreadable(f'a record that cannot be read: {reason}')

    def get_records(self, kind, external_ids):
        """By the ``IDs`` of contacts and invoices, paged, because where a contact was merged to stands in paged lists
        alone (A7). Items have no such parameter and come all at once; credit notes and payments have a filter."""
        if kind == 'allocation':
            return self._get_allocations(external_ids)
        key, id_field, _read = _KINDS[kind]
        wanted = {one.casefold(): one for one in external_ids if one}
        if kind == 'payment':
            return self._get_payments(wanted)
        calls = [('get_items', {'unitdp': 4})] if kind == 'item' and wanted else []
        if kind == 'credit_note':
            calls = [
                (
                    'get_credit_notes',
                    {
                        'where': ' OR '.join(f'CreditNoteID==guid("{one}")' for one in chunk),
                        'unitdp': 4,
                        **_ONE_PAGE,
                    },
                )
                # what is no id of Xero has nothing to do in a filter
                for chunk in _chunks([one for one in wanted if is_guid(one)], lambda one: len(one) + 45)
            ]
        elif kind != 'item':
            method = {'contact': 'get_contacts', 'invoice': 'get_invoices'}[kind]
            more = {'include_archived': True} if kind == 'contact' else {'unitdp': 4}
            calls = [
                (method, {'i_ds': chunk, **more, **_ONE_PAGE})
                for chunk in _chunks(list(wanted.values()), lambda one: len(quote(one)) + 3)
            ]
        records, unreadable, there = [], [], set()
        for method, options in calls:
            _answer, _envelope, elements = self._read(f'{kind}s.list', method, key, **options)
            elements = [
                element
                for element in elements
                if isinstance(element, dict) and str(element.get(id_field)).casefold() in wanted
            ]
            there |= {element[id_field].casefold() for element in elements}
            some, odd = self._read_records(kind, elements)
            records += some
            unreadable += odd
        return dto.Page(
            records=tuple(records),
            unreadable=tuple(unreadable),
            gone=tuple(one for folded, one in wanted.items() if folded not in there),
        )

    def _get_allocations(self, external_ids):
        notes = {}
        for external_id in external_ids:
            notes.setdefault(mapping.allocation_path(external_id)[0], []).append(external_id)
        records, gone = [], []
        for note_id, wanted in notes.items():
            try:
                _answer, found = self._allocations_of(note_id)
            except errors.NotFound:
                found = []
            there = {allocation.external_id: allocation for allocation in found}
            records += [there[one] for one in wanted if one in there]
            gone += [one for one in wanted if one not in there]
        return dto.Page(records=tuple(records), gone=tuple(gone))

    def _get_payments(self, wanted):
        """:param wanted: id in small letters → id."""
        elements = []
        for chunk in _chunks(list(wanted.values()), lambda one: len(quote(one)) + 50):
            terms = ' OR '.join(f'PaymentID==guid("{one}")' for one in chunk if '"' not in one)
            _answer, _envelope, some = self._read(
                'payments.list', 'get_payments', 'Payments', where=terms, **_ONE_PAGE
            )
            elements += [
                one
                for one in some
                if isinstance(one, dict) and str(one.get('PaymentID')).casefold() in wanted
            ]
        records, unreadable = self._read_records('payment', elements)
        there = {str(element.get('PaymentID')).casefold() for element in elements}
        return dto.Page(
            records=tuple(records),
            unreadable=tuple(unreadable),
            gone=tuple(one for folded, one in wanted.items() if folded not in there),
        )

    def _look_up_payments(self, wanted):
        """By their day and the time of their last change; the invoice that they pay, the contact and the amount are
        compared here."""
        days = sorted({one.date for one in wanted if one.date})
        times = [one.since for one in wanted if one.since]
        options = {'if_modified_since': min(times) - _CLOCKS_APART} if times else {}
        found = []
        for chunk in _chunks(days, lambda _day: 100):
            terms = ' OR '.join(f'Date==DateTime({day.year},{day.month},{day.day})' for day in chunk)
            where = f'Status=="AUTHORISED" AND ({terms})'
            page, more = 1, True
            while more:
                answer, _envelope, elements = self._read(
                    'payments.find',
                    'get_payments',
                    'Payments',
                    where=where,
                    page=page,
                    page_size=MAX_PAGE_SIZE,
                    **options,
                )
                records = [self._record_or_raise(answer, mapping.from_payment, one) for one in elements]
                found += [record for record in records if any(_is_like(record, one) for one in wanted)]
                page, more = page + 1, len(elements) >= MAX_PAGE_SIZE
        return tuple(found)

    def payments_of(self, documents):
        found = []
        for chunk in _chunks(sorted(documents), lambda one: len(quote(one)) + 60):
            terms = ' OR '.join(f'Invoice.InvoiceID==guid("{one}")' for one in chunk)
            answer, _envelope, elements = self._read(
                'payments.find',
                'get_payments',
                'Payments',
                where=f'Status=="AUTHORISED" AND ({terms})',
                **_ONE_PAGE,
            )
            found += [self._record_or_raise(answer, mapping.from_payment, one) for one in elements]
        return tuple(
            one
            for one in found
            if one.active and any(document in documents for document, _ in one.applications)
        )

    def find_records(self, kind, keys):
        """Records whose natural key is among ``keys``; each once, in Xero's order, archived contacts
        included.

        contact: ContactNumber or Name; item: Code; invoice and credit note: the number of a sale. Compared
        without case, as Xero does. An unreadable one is raised: to overlook it would be to create it again.
        """
        if kind in ('allocation', 'payment', 'attachment'):
            return ()
        wanted = spellings(keys)
        folded = {_folded(key) for key in wanted}
        key_fields = _KEY_FIELDS[kind]
        list_key, id_field, read = _KINDS[kind]
        found = {}
        for method, options in self._searches(kind, wanted):
            answer, _envelope, elements = self._read(f'{kind}s.find', method, list_key, **options)
            for element in elements:
                # what was found by mistake (a bill with this number, a part of a name) is dropped before it
                # is read
                if not isinstance(element, dict) or element.get('Type') in ('ACCPAY', 'ACCPAYCREDIT'):
                    continue
                if not any(_folded(element.get(field) or '') in folded for field in key_fields):
                    continue
                record = self._record_or_raise(answer, read, element)
                found[element.get(id_field)] = record
        return tuple(found.values())

    def _searches(self, kind, keys):
        """``(method, options)`` of the calls that find ``keys``.

        A filter's text stands in quotation marks, and how to write one inside is not documented: such keys go
        another way.
        """
        plain = [key for key in keys if '"' not in key and '\\' not in key]
        odd = [key for key in keys if key not in plain]
        if kind == 'contact':
            for chunk in _chunks(plain, lambda key: 2 * len(quote(key)) + 60):
                terms = (f'{field}=="{key}"' for key in chunk for field in ('ContactNumber', 'Name'))
                yield 'get_contacts', {'where': ' OR '.join(terms), 'include_archived': True, **_ONE_PAGE}
            for key in odd:
                yield 'get_contacts', {'search_term': key, 'include_archived': True, **_ONE_PAGE}
        elif kind == 'item':
            if odd:
                # items have no search, and come all at once anyway
                yield 'get_items', {'unitdp': 4}
                return
            for chunk in _chunks(plain, lambda key: len(quote(key)) + 30):
                yield 'get_items', {'where': ' OR '.join(f'Code=="{key}"' for key in chunk), 'unitdp': 4}
        elif kind == 'credit_note':
            # rules.check_credit_note keeps odd ones from being sent
            for chunk in _chunks(plain, lambda key: len(quote(key)) + 40):
                terms = (f'CreditNoteNumber=="{key}"' for key in chunk)
                yield 'get_credit_notes', {'where': ' OR '.join(terms), 'unitdp': 4, **_ONE_PAGE}
        else:
            listed = [key for key in keys if ',' not in key]
            for chunk in _chunks(listed, lambda key: len(quote(key)) + 3):
                yield 'get_invoices', {'invoice_numbers': chunk, 'unitdp': 4, **_ONE_PAGE}
            for key in keys:
                if ',' in key:
                    # the list is separated by commas
                    options = {'where': f'InvoiceNumber=="{key}"'} if '"' not in key else {'search_term': key}
                    yield 'get_invoices', {**options, 'unitdp': 4, **_ONE_PAGE}

    def look_up(self, kind, wanted):
        """As :meth:`find_records`; allocations are read from their credit note, documents that Xero was to number are
        those of the same customer and date that carry our number in their reference, payments are looked for by their
        day."""
        if kind == 'allocation':
            return self._look_up_allocations(wanted)
        if kind == 'payment':
            return self._look_up_payments(wanted)
        if kind == 'attachment':
            return self._look_up_attachments(wanted)
        unnumbered = [one for one in wanted if kind in ('invoice', 'credit_note') and one.own_number]
        rest = [one for one in wanted if one not in unnumbered]
        found = {record.external_id: record for record in super().look_up(kind, rest)} if rest else {}
        days = sorted({one.date for one in unnumbered if one.date})
        contacts = list(
            dict.fromkeys(one.contact_external_id for one in unnumbered if one.contact_external_id)
        )
        own = {_folded(one.own_number) for one in unnumbered}
        for answer, element in self._sales_of(kind, contacts, days) if days else ():
            record = self._record_or_raise(answer, _KINDS[kind][2], element)
            if _folded(record.own_number) in own:
                found[record.external_id] = record
        return tuple(found.values())

    def _look_up_allocations(self, wanted):
        found = {}
        for note_id in dict.fromkeys(one.documents[0] for one in wanted if one.documents):
            try:
                _answer, allocations = self._allocations_of(note_id)
            except errors.NotFound:
                continue
            pairs = {one.documents for one in wanted}
            for allocation in allocations:
                if (note_id, allocation.invoice_external_id) in pairs:
                    found[allocation.external_id] = allocation
        return tuple(found.values())

    def _sales_of(self, kind, contacts, days):
        """``(answer, element)`` of the invoices or credit notes of these contacts from the first to the last of these
        days."""
        key, id_field, _read = _KINDS[kind]
        is_note = kind == 'credit_note'
        where = ' AND '.join(
            f'Date{sign}DateTime({day.year},{day.month},{day.day})'
            for sign, day in (('>=', days[0]), ('<=', days[-1]))
        )
        for chunk in _chunks(contacts, lambda one: len(quote(one)) + (40 if is_note else 3)):
            options = {'where': where, 'order': f'{id_field} ASC', 'unitdp': 4}
            if is_note:
                # there is no list of contacts to ask credit notes by
                owners = ' OR '.join(f'Contact.ContactID==guid("{one}")' for one in chunk)
                options['where'] = f'{where} AND ({owners})'
            else:
                options['contact_i_ds'] = chunk
            for page in itertools.count(1):
                answer, _envelope, elements = self._read(
                    f'{kind}s.find',
                    'get_credit_notes' if is_note else 'get_invoices',
                    key,
                    page=page,
                    page_size=MAX_PAGE_SIZE,
                    **options,
                )
                for element in elements:
                    if isinstance(element, dict) and element.get('Type') not in ('ACCPAY', 'ACCPAYCREDIT'):
                        yield answer, element
                if len(elements) < MAX_PAGE_SIZE:
                    break

    # === rules === #

    def check(self, kind, record):
        return rules.CHECKS[kind](record)

    def shown_lines(self, invoice):
        return tuple(
            line if line.is_text else self._shown_line(line) for line in mapping.folded_lines(invoice)
        )

    @staticmethod
    def _shown_line(line):
        quantity, unit_price, discount = mapping.line_figures(line)
        return replace(
            line,
            quantity=quantity,
            unit_price=unit_price,
            discount=discount,
            amount=rules.line_amount(line),
        )

    def as_kept(self, invoice):
        kept = super().as_kept(invoice)
        # Xero tells of an item by its code, and of a foreign rate with as many decimals as were sent.
        lines = tuple(
            line if line.is_text else replace(line, item_external_id='', tax_amount=mapping.line_tax(line))
            for line in kept.lines
        )
        return replace(kept, lines=lines, term='', email='')

    def predict_totals(self, invoice):
        return rules.predict_totals(invoice)

    # === writing === #

    def prepare(self, operation, members):
        """:raise ValueError: an unknown operation, too many members, an update without an id, a creation with
        one."""
        declared = self.operations.get(operation)
        if declared is None:
            raise ValueError(f'Xero has no operation {operation!r}')
        if not 0 < len(members) <= declared.max_members:
            raise ValueError(f'{operation} takes 1 to {declared.max_members} members, not {len(members)}')
        updates = not operation.endswith('.create')
        for reference, record in members:
            if updates != bool(record.external_id):
                raise ValueError(
                    f'{operation} of {reference}: an update needs the id of the record, a creation has none'
                )
        if declared.kind == 'attachment':
            return self._prepare_attachment(members)
        if declared.kind == 'sent_mark':
            ((reference, mark),) = members
            field = _KINDS[mark.document_kind][1]
            body = encode({field: mark.external_id, 'SentToContact': True})
            return dto.PreparedCall(operation, body, (reference,), target=mark.external_id)
        key, _id_field, _read = _KINDS[declared.kind]
        write = mapping.to_void if operation.endswith('.void') else _WRITERS[declared.kind]
        first = members[0][1]
        target = first.external_id if operation in _ON_ONE_RECORD else ''
        if declared.kind == 'allocation':
            target = first.external_id or first.credit_note_external_id
        if operation == 'allocation.delete':
            body = ''
        elif operation == 'payment.delete':
            # this one path takes a bare object
            body = encode(mapping.to_deletion(first))
        else:
            body = encode({key: [write(record) for _reference, record in members]})
        return dto.PreparedCall(
            operation=operation,
            body=body,
            members=tuple(reference for reference, _record in members),
            target=target,
        )

    def send(self, call, key):
        if not key or len(key) > MAX_KEY_LENGTH:
            raise ValueError(f'A key has 1 to {MAX_KEY_LENGTH} characters')
        declared = self.operations[call.operation]
        if call.operation == 'allocation.delete':
            return self._send_deletion(call)
        if declared.kind == 'attachment':
            return self._send_attachment(call, key)
        if declared.kind == 'sent_mark':
            return self._send_mark(call, key)
        lot = {'summarize_errors': False}
        method, args, options = {
            # PUT creates and refuses what exists; POST /Contacts and /Items change by id; POST /Invoices
            # would change by number what it was to create, hence the invoice's own path (A7, A9)
            'contact.create': ('create_contacts', (), lot),
            'contact.update': ('update_or_create_contacts', (), lot),
            'item.create': ('create_items', (), {**lot, 'unitdp': 4}),
            'item.update': ('update_or_create_items', (), {**lot, 'unitdp': 4}),
            'invoice.create': ('create_invoices', (), {**lot, 'unitdp': 4}),
            'invoice.update': ('update_invoice', (call.target,), {'unitdp': 4}),
            'invoice.void': ('update_invoice', (call.target,), {'unitdp': 4}),
            'credit_note.create': ('create_credit_notes', (), {**lot, 'unitdp': 4}),
            'credit_note.update': ('update_credit_note', (call.target,), {'unitdp': 4}),
            'credit_note.void': ('update_credit_note', (call.target,), {'unitdp': 4}),
            'allocation.create': ('create_credit_note_allocation', (call.target,), {}),
            'payment.create': ('create_payments', (), lot),
            'payment.delete': ('delete_payment', (call.target,), {}),
        }[call.operation]
        answer = self._call(call.operation, method, *args, call.body, idempotency_key=key, **options)
        list_key = _KINDS[declared.kind][0]
        body = json.loads(call.body, parse_float=Decimal, parse_int=Decimal)
        sent = body.get(list_key, [body])
        if call.operation == 'payment.delete' and isinstance(faults.error_of(answer), errors.NotFound):
            # what is gone already is what was wanted
            gone = dto.Payment('', '', None, Decimal(0), '', (), status='deleted', external_id=call.target)
            return self._result(call, answer, [dto.MemberResult(call.members[0], record=gone)])
        refused = faults.refused_elements(answer)
        if refused:
            return self._refused_lot(declared, call, answer, sent, refused)
        self._raise_for(answer)
        elements = self._elements(answer, answer.json(), list_key)
        return self._result(
            call,
            answer,
            [
                self._member_result(declared.kind, member, answer, element)
                for member, element in zip(
                    call.members, _match(declared.kind, sent, elements, answer), strict=True
                )
            ],
        )

    def _send_deletion(self, call) -> dto.CallResult:
        """Takes no key, and needs none: what is gone already is what was wanted."""
        note_id, allocation_id = mapping.allocation_path(call.target)
        answer = self._call(call.operation, 'delete_credit_note_allocations', note_id, allocation_id)
        (member,) = call.members
        error = faults.error_of(answer)
        if error is not None and not isinstance(error, errors.NotFound):
            if faults.refused_elements(answer):
                return self._result(call, answer, [dto.MemberResult(member, error=error)])
            raise error
        # whoever answers 200 to everything (a proxy, a portal) has deleted nothing
        if error is None and not _is_deleted(answer.json()):
            raise answer.unreadable('an answer that does not say that the allocation is deleted')
        gone = dto.Allocation(note_id, '', Decimal(0), None, status='deleted', external_id=call.target)
        return self._result(call, answer, [dto.MemberResult(member, record=gone)])

    def _send_mark(self, call, key) -> dto.CallResult:
        """``SentToContact`` alone: nothing else of the document is touched (A9)."""
        kind = call.operation.partition('.')[0]
        method = {'invoice': 'update_invoice', 'credit_note': 'update_credit_note'}[kind]
        answer = self._call(call.operation, method, call.target, call.body, idempotency_key=key)
        error = faults.error_of(answer)
        (member,) = call.members
        if isinstance(error, (errors.ValidationRejected, errors.NotFound, errors.Conflict)):
            return self._result(call, answer, [dto.MemberResult(member, error=error)])
        if error is not None:
            raise error
        list_key, id_field, _read = _KINDS[kind]
        elements = self._elements(answer, answer.json(), list_key)
        (element,) = _match(kind, [json.loads(call.body)], elements, answer)
        refused = self._refused(member, answer, element)
        if refused:
            return self._result(call, answer, [refused])
        if text(element, id_field).casefold() != call.target.casefold():
            raise answer.unreadable('an answer that does not name the document that was marked')
        return self._result(call, answer, [dto.MemberResult(member, record=dto.SentMark(kind, call.target))])

    # === files === #

    @classmethod
    def permits_files(cls, scopes):
        return not scopes or 'accounting.attachments' in scopes

    @staticmethod
    def _prepare_attachment(members):
        ((reference, file),) = members
        return dto.PreparedCall(
            operation='attachment.create',
            body=encode(
                {
                    'document_kind': file.document_kind,
                    'FileName': file.name,
                    'MimeType': file.content_type,
                    'ContentLength': file.size,
                }
            ),
            members=(reference,),
            target=file.document_external_id,
        )

    def _send_attachment(self, call, key) -> dto.CallResult:
        """The bytes as they are, the name in the path (A10). Customers do not see the file in Xero's online invoice."""
        described = json.loads(call.body)
        if len(call.content) != described['ContentLength']:
            raise ValueError('The file is not the one that was prepared')
        kind, (member,) = described['document_kind'], call.members
        path = f'{_DOCUMENT_PATHS[kind]}/{quote(call.target, safe="")}/Attachments'
        answer = self._transport.request(
            call.operation,
            'PUT',
            f'{API_URL}/{path}/{quote(described["FileName"], safe="")}',
            headers={
                'Accept': 'application/json',
                'Content-Type': described['MimeType'] or 'application/octet-stream',
                'Idempotency-Key': key,
                'xero-tenant-id': self._organization_id,
            },
            body=call.content,
            auth=BearerAuth(self._access_token),
        )
        error = _of_files(faults.error_of(answer))
        if error is not None:
            if isinstance(error, (errors.ValidationRejected, errors.NotFound)) or answer.status == 413:
                return self._result(call, answer, [dto.MemberResult(member, error=error)])
            raise error
        elements = self._elements(answer, answer.json(), 'Attachments')
        if len(elements) != 1 or not isinstance(elements[0], dict):
            raise answer.unreadable('an answer that does not belong to what was sent')
        refused = self._refused(member, answer, elements[0])
        if refused:
            return self._result(call, answer, [refused])
        read = partial(mapping.from_attachment, kind=kind, document=call.target)
        record = self._record_or_raise(answer, read, elements[0])
        return self._result(call, answer, [dto.MemberResult(member, record=record)])

    def _look_up_attachments(self, wanted):
        documents = dict.fromkeys(
            (one.document_kind, document) for one in wanted for document in one.documents
        )
        found = []
        for kind, document in documents:
            method = {'invoice': 'get_invoice_attachments', 'credit_note': 'get_credit_note_attachments'}[
                kind
            ]
            answer = self._call('attachments.list', method, document)
            error = _of_files(faults.error_of(answer))
            if isinstance(error, errors.NotFound):
                continue
            if error is not None:
                raise error
            read = partial(mapping.from_attachment, kind=kind, document=document)
            elements = self._elements(answer, answer.json(), 'Attachments')
            found += [self._record_or_raise(answer, read, element) for element in elements]
        return tuple(found)

    @staticmethod
    def _result(call, answer, results):
        return dto.CallResult(results=tuple(results), http_status=answer.status, request_id=answer.request_id)

    @staticmethod
    def _refused(member, answer, element) -> dto.MemberResult | None:
        """What became of a member whose element in a good answer (HTTP 200) says that it was refused (A4)."""
        if not faults.is_refused(element):
            return None
        error = faults.refusal(
            faults.words_of(element), http_status=answer.status, request_id=answer.request_id
        )
        return dto.MemberResult(member, error=error, warnings=faults.warnings_of(element))

    def _member_result(self, kind, member, answer, element) -> dto.MemberResult:
        """What became of one element; ``None``: the answer does not hold it."""
        if element is None:
            return dto.MemberResult(
                member, error=answer.unreadable('an answer in which this record is missing')
            )
        refused = self._refused(member, answer, element)
        if refused:
            return refused
        try:
            record = self._record_or_raise(answer, _KINDS[kind][2], element)
        except errors.ProtocolError as error:
            return dto.MemberResult(member, error=error.with_traceback(None))
        return dto.MemberResult(member, record=record, warnings=faults.warnings_of(element))

    def _refused_lot(self, declared, call, answer, sent, refused) -> dto.CallResult:
        """A 400 with the refused elements in it: nothing of the call was saved (A4: the behaviour without
        ``summarizeErrors=false``, and of changes to one invoice)."""
        whole = faults.error_of(answer)
        if len(call.members) == 1:
            return self._result(call, answer, [dto.MemberResult(call.members[0], error=whole)])
        results = []
        for member, element in zip(call.members, _match(declared.kind, sent, refused, answer), strict=True):
            if element is not None and faults.is_refused(element):
                results.append(self._member_result(declared.kind, member, answer, element))
            else:
                results.append(
                    dto.MemberResult(
                        member,
                        error=errors.TransportError(
                            'Xero refused the whole call because of another record in it; this one was not saved.',
                            code='lot_refused',
                            http_status=answer.status,
                            request_id=answer.request_id,
                        ),
                    )
                )
        return self._result(call, answer, results)

    # === pages for people === #

    def record_url(self, kind, external_id, organization):
        """Deep links as in A13. '' for items, whose page has no published address, and for what is not in
        Xero.

        Without the short code, the classic address, which opens the organisation that the person used last.
        """
        if not external_id or kind not in ('invoice', 'credit_note', 'contact'):
            return ''
        record = quote(external_id, safe='')
        if kind == 'credit_note':
            # credit notes have classic addresses alone
            path = f'/AccountsReceivable/ViewCreditNote.aspx?creditNoteID={record}'
            if organization.short_code:
                query = urlencode({'shortcode': organization.short_code, 'redirecturl': path})
                path = f'/organisationlogin/default.aspx?{query}'
        elif organization.short_code:
            area = {'invoice': 'invoicing/view', 'contact': 'contacts/contact'}[kind]
            path = f'/app/{quote(organization.short_code, safe="!")}/{area}/{record}'
        else:
            path = {
                'invoice': f'/AccountsReceivable/View.aspx?InvoiceID={record}',
                'contact': f'/Contacts/View/{record}',
            }[kind]
        return self._transport.at_origin(f'{WEB_URL}{path}')


def _of_files(error):
    """A consent without the scope for files (A2) stands for files alone: everything else goes on."""
    if not isinstance(error, errors.PermissionMissing):
        return error
    return errors.ValidationRejected(
        'This consent does not cover files: connect again, and leave all permissions ticked.',
        code='files_not_permitted',
        details=error.details,
        http_status=error.http_status,
        request_id=error.request_id,
    )


def _is_deleted(data) -> bool:
    """Does the answer to a deletion say that it took place (A9), as an object or as a list of one?"""
    if not isinstance(data, dict):
        return False
    return any(flag(one, 'IsDeleted') for one in (data, *objects(data, 'Allocations')))


def _is_like(payment: dto.Payment, one: dto.Wanted) -> bool:
    """May this payment be the one that is looked for?"""
    documents = tuple(document for document, _amount in payment.applications)
    return (
        payment.date == one.date
        and (one.total is None or payment.amount == one.total)
        and (not one.documents or documents == one.documents)
        and (not one.contact_external_id or payment.contact_external_id == one.contact_external_id)
        and (not one.since or not payment.updated_at or payment.updated_at >= one.since - _CLOCKS_APART)
    )


_ONE_PAGE = {'page': 1, 'page_size': MAX_PAGE_SIZE}


def _chunks(keys: Sequence[str], size):
    """``keys`` in groups that fit into a URL; ``size`` tells what one takes in it."""
    chunk, used = [], 0
    for key in keys:
        if chunk and (used + size(key) > _MAX_QUERY or len(chunk) >= MAX_MEMBERS):
            yield chunk
            chunk, used = [], 0
        chunk.append(key)
        used += size(key)
    if chunk:
        yield chunk


def _identity(kind, element) -> dict[str, str]:
    """The filled identifying fields of an element, folded, surest first."""
    found = {}
    for field in _IDENTITY[kind]:
        if field == 'Invoice':
            # a payment is told by the invoice that it pays and its amount
            paid, amount = guid(nested(element, 'Invoice'), 'InvoiceID'), number(element, 'Amount')
            if paid and amount is not None:
                found[field] = f'{_folded(paid)} {amount.normalize():f}'
            continue
        value = guid(element, field) if field == _IDENTITY[kind][0] else text(element, field)
        if value.strip():
            found[field] = _folded(value)
    return found


def _contradict(one, other):
    """Do two identities tell different records apart? By the surest field that both have."""
    for field, value in one.items():
        if field in other:
            return other[field] != value
    return False


def _match(kind, sent, received, answer) -> list[dict | None]:
    """The element received for each element sent; None where there is none.

    By id or natural key, wherever it stands in the answer; by position only what no key decides, when the
    counts are equal and no key says otherwise.

    :raise ProtocolError: nothing of the answer belongs to what was sent.
    """
    received = [element if isinstance(element, dict) else {} for element in received]
    try:
        wanted = [_identity(kind, element) for element in sent]
        offered = [_identity(kind, element) for element in received]
    except Unreadable as unreadable:
        raise answer.unreadable(f'an answer that cannot be read: {unreadable}') from None
    result: list[dict | None] = [None] * len(sent)
    taken: set[int] = set()
    for field in _IDENTITY[kind]:
        for index, identity in enumerate(wanted):
            if result[index] is not None or field not in identity:
                continue
            if sum(other.get(field) == identity[field] for other in wanted) != 1:
                continue
            fitting = [
                place
                for place, other in enumerate(offered)
                if place not in taken
                and other.get(field) == identity[field]
                and not _contradict(identity, other)
            ]
            if len(fitting) == 1:
                result[index] = received[fitting[0]]
                taken.add(fitting[0])
    if len(received) == len(sent):
        for index, identity in enumerate(wanted):
            if result[index] is None and index not in taken and not _contradict(identity, offered[index]):
                result[index] = received[index]
                taken.add(index)
    if not taken:
        raise answer.unreadable('an answer that does not belong to what was sent')
    return result
