"""Every remote operation of every provider × every fault, against its simulator over real HTTP.

Nothing is listed by hand that the code lists: writes are the providers' ``operations``, reads the public methods of
their interface, and which requests each makes is asked of the simulator's log by doing it once without a fault. Each
of these requests then meets each fault. A cell is right when

* the simulator's log says that the fault fired, at this request and no other;
* the call ended in the class of error that :func:`expected` says, or well where :data:`BORNE` says why;
* of a creation, the books hold the record exactly as often as the fault lets one think (before the call is repeated);
* after the fault is gone the same call succeeds, and of a creation exactly one record is found.

Run as a program it prints ``faults.cells`` and ``faults.wrong``, and names the wrong ones.
"""

import argparse
import inspect
import logging
import secrets
import sys
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / 'tests', ROOT / 'tests' / 'contract'):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import without_odoo  # noqa: E402

without_odoo.register()

import ledger as ledger_module  # noqa: E402
from books import PROVIDERS, adapter  # noqa: E402

from fieldpromax_accounting.providers import base, dto, errors, registry  # noqa: E402

#: a fault that keeps the answer back is told by waiting this long
PATIENCE = 0.4
PDF = b'%PDF-1.7 made up \x00\xff\r\n%%EOF'

# === faults === #


@dataclass(frozen=True)
class Fault:
    """:param name: as the simulators spell it.
    :param applied: the call took effect all the same.
    :param providers: who has it; () for all."""

    name: str
    applied: bool = False
    after: bool | None = None
    providers: tuple[str, ...] = ()

    def __str__(self):
        return f'{self.name} afterwards' if self.after else self.name


FAULTS = (
    Fault('timeout_before'),
    Fault('timeout_after', applied=True),
    Fault('reset'),
    Fault('reset_after', applied=True),
    Fault('truncated', applied=True),
    Fault('html'),
    Fault('html', applied=True, after=True),
    Fault('empty'),
    Fault('empty', applied=True, after=True),
    Fault('wrong_content_type', applied=True),
    Fault('unknown_enum', applied=True),
    Fault('null_value', applied=True),
    Fault('status:401'),
    Fault('status:403'),
    Fault('status:404'),
    Fault('status:412', providers=('xero',)),
    Fault('fault200', providers=('xero',)),
    Fault('fault200:5010', providers=('quickbooks',)),
    Fault('fault200:6000', providers=('quickbooks',)),
    Fault('fault200:120', providers=('quickbooks',)),
    Fault('fault200:3200', providers=('quickbooks',)),
    Fault('429:minute'),
    Fault('429:day'),
    Fault('status:500'),
    Fault('status:500', applied=True, after=True),
    Fault('status:503'),
    Fault('status:503', applied=True, after=True),
)

#: fault → class of error of a call to the API that meets it; the same for reading and writing, because the class says
#: what happened and not what it means: that a write may have taken effect all the same is an attribute of the class
API = {
    'timeout_before': 'OutcomeUnknown',
    'timeout_after': 'OutcomeUnknown',
    'reset': 'OutcomeUnknown',
    'reset_after': 'OutcomeUnknown',
    'truncated': 'ProtocolError',
    'html': 'ProtocolError',
    'empty': 'ProtocolError',
    'wrong_content_type': 'ProtocolError',
    'status:401': 'AccessTokenExpired',
    'status:403': 'ConnectionRefused',
    'status:404': 'NotFound',
    'status:412': 'Conflict',
    # of a write of Xero it stands in the element, and is a refusal: see expected
    'fault200': 'ProtocolError',
    'fault200:5010': 'Conflict',
    'fault200:6000': 'ValidationRejected',
    'fault200:120': 'PermissionMissing',
    'fault200:3200': 'AccessTokenExpired',
    '429:minute': 'RateLimited',
    '429:day': 'RateLimited',
    'status:500': 'ProviderUnavailable',
    'status:503': 'ProviderUnavailable',
}
#: what differs where tokens are given: there is no organization, record or token yet that could be refused, so 401 is
#: about the app (RFC 6749 5.2). Of the rest only ``invalid_grant``, which both simulators answer, is about the consent.
TOKEN = {
    **API,
    'status:401': 'AppRefused',
    'status:403': 'invalid_grant',
    'status:404': 'invalid_grant',
    'status:412': 'invalid_grant',
    # a fault of the API is no token, and no error that OAuth knows
    'fault200:5010': 'ProtocolError',
    'fault200:6000': 'ProtocolError',
    'fault200:120': 'ProtocolError',
    'fault200:3200': 'ProtocolError',
}
INVALID_GRANT = {'fetch_token': 'AuthError', 'refresh_token': 'ReauthorizationRequired'}
#: where tokens are revoked 401 is about the app, too
REVOKE = {**API, 'status:401': 'AppRefused'}
#: of the Projects API a 403 stands for projects alone: the rest of the company is reached another way
PROJECTS = {**API, 'status:403': 'PermissionMissing'}
#: a value that no documentation lists, or null, is read where it does not matter and refused where it does; only
#: another exception would be wrong
SPOILED = {'unknown_enum', 'null_value'}
DONE = 'done'


# === writes === #


def _amended(ledger, kind):
    """A record of the books with something changed."""
    record = ledger.create(kind, ledger.sample(kind))[0]
    if kind == 'contact':
        return replace(record, phone='+1 555 0142')
    if kind == 'item':
        return replace(record, sale_price=Decimal('9.99'))
    if kind == 'project':
        return replace(record, name=f'{record.name} renamed')
    if kind in ('invoice', 'credit_note'):
        original = ledger.invoice if kind == 'invoice' else ledger.credit_note
        contact = dto.Contact('', external_id=record.contact_external_id)
        sent = original(contact, number=record.number, own_number=record.own_number, reference='PO 4712')
        return replace(sent, external_id=record.external_id, version=record.version)
    raise KeyError(f'No change of {kind} is known here')


def _made(ledger, kind):
    if kind == 'attachment':
        document = ledger.create('invoice', ledger.invoice())[0]
        return dto.Attachment(
            document_kind='invoice',
            document_external_id=document.external_id,
            name='INV_2026_00042.pdf',
            content_type='application/pdf',
            size=len(PDF),
        )
    if kind == 'payment':
        return ledger.payment(ledger.create('invoice', ledger.invoice())[0])
    return ledger.sample(kind)


def _standing(ledger, kind):
    return ledger.create(kind, _made(ledger, kind))[0]


def _archived(ledger, kind):
    record = ledger.create(kind, ledger.sample(kind))[0]
    return ledger.send(f'{kind}.update', replace(record, active=False))[0].record


def _sent(ledger, kind):
    return dto.SentMark(kind, ledger.create(kind, ledger.sample(kind))[0].external_id)


#: verb of an operation → the record that it takes. One that is not here fails the run.
RECORDS = {
    'create': _made,
    'update': _amended,
    'restore': _archived,
    'void': _standing,
    'delete': _standing,
    'mark_sent': _sent,
}


class Write:
    """One write, prepared anew for each cell."""

    is_write = True

    def __init__(self, name):
        self.name = name
        self.kind, _, self.verb = name.partition('.')
        self.make = RECORDS[self.verb]

    def prepare(self, ledger):
        self.since = datetime.now(timezone.utc) - timedelta(seconds=60)
        self.record = self.make(ledger, self.kind)
        self.call = ledger.prepare(self.name, self.record)
        if self.kind == 'attachment':
            self.call = replace(self.call, content=PDF)
        self.key = ledger_module.new_key()

    def do(self, ledger, provider):
        (result,) = provider.send(self.call, self.key).results
        if result.error is not None:
            raise result.error
        return result.record

    def found(self, ledger):
        """How many records the look-up finds of a creation; None of another write."""
        if self.verb != 'create':
            return None
        return len(ledger.provider.look_up(self.kind, [self.wanted(ledger)]))

    def wanted(self, ledger):
        record = self.record
        if self.kind == 'attachment':
            return dto.Wanted('', documents=(record.document_external_id,), document_kind='invoice')
        if self.kind == 'payment':
            return dto.Wanted(
                '',
                record.contact_external_id,
                date=record.date,
                currency=record.currency,
                total=record.amount,
                documents=tuple(document for document, _amount in record.applications),
                since=self.since,
            )
        return ledger.wanted(self.kind, record, self.since)

    def recover(self, ledger):
        """As the addon would: the same call under the same key; where the key keeps the failure, look up, then a new
        key."""
        try:
            return self.do(ledger, ledger.provider)
        except errors.ProviderError:
            if self.found(ledger):
                return None
            self.key = ledger_module.new_key()
            return self.do(ledger, ledger.provider)


# === reads === #

READ_KINDS = ('contact', 'item', 'project', 'invoice', 'credit_note', 'allocation', 'payment')


class Read:
    is_write = False

    def __init__(self, name, arrange):
        """:param arrange: ledger → what is then called with a provider."""
        self.name, self.arrange = name, arrange

    def prepare(self, ledger):
        self.act = self.arrange(ledger)

    def do(self, ledger, provider):
        return self.act(provider)

    def found(self, ledger):
        return None

    def recover(self, ledger):
        return self.act(ledger.provider)


def _each_kind(method, act, kinds=READ_KINDS):
    """One read of every kind that the provider has."""

    def reads(provider):
        for kind in kinds:
            if kind == 'project' and not provider.capabilities.projects:
                continue
            yield Read(f'{method}:{kind}', lambda ledger, kind=kind: act(ledger, kind))

    return reads


def _get_record(ledger, kind):
    record = _standing(ledger, kind)
    return lambda provider: provider.get_record(kind, record.external_id)


def _get_records(ledger, kind):
    record = _standing(ledger, kind)
    return lambda provider: provider.get_records(kind, [record.external_id])


def _find_records(ledger, kind):
    key = ledger.provider.natural_key(kind, _standing(ledger, kind))
    return lambda provider: provider.find_records(kind, [key])


def _look_up(ledger, kind):
    write = Write(f'{kind}.create')
    write.prepare(ledger)
    write.do(ledger, ledger.provider)
    wanted = write.wanted(ledger)
    return lambda provider: provider.look_up(kind, [wanted])


def _pull(ledger, kind):
    return lambda provider: provider.pull_page(kind)


def _pull_since(ledger, kind):
    since = (datetime.now(timezone.utc) - timedelta(minutes=5)).isoformat()
    _standing(ledger, kind)
    return lambda provider: provider.pull_page(kind, since=since)


def _pull_changes(provider):
    # whoever does not override it makes no call
    if type(provider).pull_changes is base.AccountingProvider.pull_changes:
        return
    kinds = ('contact', 'item', 'invoice', 'credit_note', 'payment')

    def arrange(ledger):
        since = (datetime.now(timezone.utc) - timedelta(minutes=5)).isoformat()
        return lambda provider: provider.pull_changes(dict.fromkeys(kinds, since))

    yield Read('pull_changes', arrange)


def _settings(method):
    return lambda provider: [Read(method, lambda ledger: lambda provider: getattr(provider, method)())]


def _payments_of(ledger):
    payment = _standing(ledger, 'payment')
    document = payment.applications[0][0]
    return lambda provider: provider.payments_of([document])


def _fetch_token(ledger):
    """A code is good for once: each try gets a new one, and a code that may be spent is not tried again."""
    unbound, books = ledger.unbound, ledger.books
    verifier = secrets.token_urlsafe(48)
    codes = []

    def consent():
        return books.consent(unbound.authorization_url('state', books.callback, verifier), [ledger.tag])

    codes.append(consent())

    def act(provider):
        params = codes.pop() if codes else consent()
        return provider.fetch_token(params['code'], books.callback, verifier, params)

    return act


def _refresh_token(ledger):
    token, _params = ledger.books.token(ledger.unbound, ledger.tag)
    return lambda provider: provider.refresh_token(token.refresh_token)


def _list_organizations(ledger):
    return lambda provider: provider.list_organizations(ledger.token, ledger.params)


def _remove_connection(ledger):
    token, params = ledger.books.token(ledger.unbound, ledger.tag)
    organization = next(
        one
        for one in ledger.unbound.list_organizations(token, params)
        if one.external_id == ledger.organization.external_id
    )
    return lambda provider: provider.remove_connection(organization, token)


def _once(method, arrange):
    return lambda provider: [Read(method, arrange)]


#: public method of the interface → the reads that try it
READS = {
    'fetch_token': _once('fetch_token', _fetch_token),
    'refresh_token': _once('refresh_token', _refresh_token),
    'list_organizations': _once('list_organizations', _list_organizations),
    'get_organization': _settings('get_organization'),
    'list_accounts': _settings('list_accounts'),
    'list_tax_rates': _settings('list_tax_rates'),
    'list_terms': _settings('list_terms'),
    'list_categories': _settings('list_categories'),
    'list_names_in_use': _settings('list_names_in_use'),
    'pull_page': lambda provider: [
        *_each_kind('pull_page', _pull, [k for k in READ_KINDS if k != 'allocation'])(provider),
        *_each_kind('pull_page since', _pull_since, [k for k in READ_KINDS if k != 'allocation'])(provider),
    ],
    'pull_changes': _pull_changes,
    'get_record': _each_kind('get_record', _get_record),
    'get_records': _each_kind('get_records', _get_records),
    'find_records': _each_kind(
        'find_records', _find_records, [k for k in READ_KINDS if k not in ('allocation', 'payment')]
    ),
    'look_up': _each_kind('look_up', _look_up, [*READ_KINDS, 'attachment']),
    'payments_of': _once('payments_of', _payments_of),
    # the last one: it ends the connection
    'remove_connection': _once('remove_connection', _remove_connection),
}
#: those of them that belong to no organization
UNBOUND = ('fetch_token', 'refresh_token', 'list_organizations', 'remove_connection')
#: public methods that send nothing, or (``send``) are tried by the operations
PURE = {
    'lane_of',
    'verify_webhook',
    'read_webhook',
    'authorization_url',
    'for_organization',
    'natural_key',
    'check',
    'permits_files',
    'check_text',
    'suggest_text',
    'shown_lines',
    'as_kept',
    'predict_totals',
    'disagreement',
    'prepare',
    'send',
    'record_url',
}


def forgotten():
    """Methods of the interface and operations of the providers of which no cell is made."""
    public = {
        name
        for name, _method in inspect.getmembers(base.AccountingProvider, callable)
        if not name.startswith('_')
    }
    missing = sorted(public - set(READS) - PURE)
    for name in PROVIDERS:
        for operation in registry.get(name).operations:
            if operation.partition('.')[2] not in RECORDS:
                missing.append(f'{name} {operation}')
    return missing


def operations_of(provider):
    """Everything remote that a provider can do."""
    writes = [Write(name) for name in provider.operations]
    reads = [read for make in READS.values() for read in make(provider)]
    ending = [read for read in reads if read.name == 'remove_connection']
    return [*writes, *(read for read in reads if read not in ending), *ending]


# === what is borne === #

#: (operation or the part before its colon, purpose of the request by the simulator, fault or class of error) → why it
#: may end well although the fault fired. '*' stands for every fault.
BORNE = {
    # what is gone already is what was wanted
    **dict.fromkeys(
        [
            ('allocation.delete', '*', 'NotFound'),
            ('payment.delete', '*', 'NotFound'),
            ('credit_note.void', 'creditmemos.delete', 'NotFound'),
            ('remove_connection', '*', 'NotFound'),
        ],
        'gone already',
    ),
    # what is looked for below a document that is not there is not there either
    **dict.fromkeys(
        [
            ('get_records:allocation', 'creditnotes.read', 'NotFound'),
            ('look_up:allocation', 'creditnotes.read', 'NotFound'),
            ('look_up:attachment', 'attachments.list', 'NotFound'),
        ],
        'not there, nor what belongs to it',
    ),
    # an organization that cannot be read is listed without its currency: the others must stay choosable
    **{
        ('list_organizations', 'organisation.list', what): 'listed by its name'
        for what in ('ProtocolError', 'ConnectionRefused', 'NotFound', 'Conflict')
    },
    # without its currencies an organization is known to have unknown ones; only a token that has ended is told
    **{
        (operation, 'currencies.list', what): 'currencies unknown'
        for operation in ('get_organization', 'list_organizations')
        for what in set(API.values()) - {'AccessTokenExpired'}
    },
    # an app that may not read vendors or employees goes without, one that may not see projects without their status
    ('list_names_in_use', '*', 'PermissionMissing'): 'without the names',
    **{
        (operation, 'projects.list', what): 'without the status'
        for operation in ('pull_page', 'pull_page since', 'get_record', 'get_records')
        for what in ('PermissionMissing', 'ValidationRejected')
    },
    # refused as such, the changes are asked for by queries
    ('pull_changes', 'cdc', 'ValidationRejected'): 'by queries',
    # whatever the body: it is not documented, and 200 says that the token is revoked
    ('remove_connection', 'oauth.revoke', 'empty'): 'done',
    ('remove_connection', 'oauth.revoke', 'wrong_content_type'): 'done',
    ('remove_connection', 'oauth.revoke', 'fault200'): 'done',
    # 204 has no body that could be cut off or be of a type
    ('remove_connection', 'connections.delete', 'truncated'): 'done',
    ('remove_connection', 'connections.delete', 'fault200'): 'done',
    ('remove_connection', 'connections.delete', 'wrong_content_type'): 'done',
}
#: the same, where it ends in another class of error
OTHERWISE = {
    # the project cannot be told apart without the Projects API: this project waits, everything else goes on
    ('project.update', 'projects.list', 'ValidationRejected'): 'PermissionMissing',
}


def _is_borne(operation, request, fault, name):
    short = operation.partition(':')[0]
    return any(
        (one, purpose, what) in BORNE
        for one in (operation, short, '*')
        for purpose in (request['purpose'], '*')
        for what in (str(fault), fault.name, name, '*')
    )


def expected(operation, request, fault):
    """Names of the classes of error, or :data:`DONE`, that a cell may end in."""
    if fault.name in SPOILED:
        return {DONE, 'ProtocolError'}
    table = API
    if request['purpose'] == 'oauth.token':
        table = TOKEN
    elif request['path'].endswith('/graphql'):
        table = PROJECTS
    elif request['purpose'] == 'oauth.revoke':
        table = REVOKE
    name = table[fault.name]
    if fault.name == 'fault200' and request['method'] in ('PUT', 'POST') and table is API:
        name = 'ValidationRejected'
    if name == 'invalid_grant':
        name = INVALID_GRANT[operation]
    allowed = {name}
    if _is_borne(operation, request, fault, name):
        allowed.add(DONE)
    if other := OTHERWISE.get((operation, request['purpose'], name)):
        allowed = {other}
    return allowed


# === cells === #


class Matrix:
    """The cells of one provider."""

    def __init__(self, name):
        self.name = name
        self.books = adapter(name)()
        self.cells, self.wrong = 0, []
        self.books.reset()
        self.ledger = ledger_module.Ledger(self.books, self.books.tags[0])
        self.ledger.an_item()
        self.books.control('POST', '/_sim/bookmarks', {'name': 'faults'})

    def stop(self):
        self.books.server.stop()

    def go_back(self):
        self.books.control('POST', '/_sim/reset', {'bookmark': 'faults'})
        self.books.no_limits()

    def faults(self, chosen=FAULTS):
        return [fault for fault in chosen if not fault.providers or self.name in fault.providers]

    def provider_for(self, operation, hasty=False):
        values = {'read_timeout': PATIENCE} if hasty else {}
        unbound = self.books.make_provider(**values)
        return self.ledger.bind(unbound) if self.is_bound(operation) else unbound

    @staticmethod
    def is_bound(operation):
        """Is it an operation of one organization?"""
        return operation.name not in UNBOUND

    def requests_of(self, operation):
        """What the operation asks for, in order, when nothing is wrong."""
        self.go_back()
        operation.prepare(self.ledger)
        self.books.forget_requests()
        operation.do(self.ledger, self.provider_for(operation))
        return [one for one in self.books.requests() if one['purpose'] != 'oauth.authorize']

    def run(self, wanted='', faults=FAULTS, report=None):
        """:param wanted: a part of the names of the operations that are tried.
        :param faults: those of :data:`FAULTS` that are tried, where the provider has them.
        :param report: told of each wrong cell.
        """
        for operation in operations_of(self.ledger.unbound):
            if wanted not in operation.name:
                continue
            for place, request in enumerate(self.requests_of(operation)):
                for fault in self.faults(faults):
                    problem = self.cell(operation, place, request, fault)
                    self.cells += 1
                    if problem:
                        line = f'{self.name} {operation.name} [{place + 1} {request["purpose"]}] {fault}: {problem}'
                        self.wrong.append(line)
                        if report:
                            report(line)
        return self

    def cell(self, operation, place, request, fault):
        """Why the cell is wrong; '' where it is right."""
        books, ledger = self.books, self.ledger
        if not operation.is_write and operation.name.startswith(('remove_connection', 'fetch_token')):
            self.go_back()
        operation.prepare(ledger)
        provider = self.provider_for(operation, hasty='timeout' in fault.name)
        books.forget_requests()
        order = {'fault': fault.name, 'skip': place, 'times': 1}
        if fault.after:
            order['after'] = True
        books.control('POST', '/_sim/faults', order)
        try:
            operation.do(ledger, provider)
            outcome = DONE
        except errors.ProviderError as error:
            outcome = type(error).__name__
        except Exception as error:  # noqa: BLE001
            outcome = f'{type(error).__name__}: {error}'
        fired = [one['path'] for one in books.requests() if one['fault'] == fault.name]
        books.clear_faults()
        if len(fired) != 1 or fired[0] != self._path(request, fired[0]):
            return f'the fault fired at {fired or "nothing"}'
        allowed = expected(operation.name, request, fault)
        problems = []
        if outcome not in allowed:
            problems.append(f'it ended in {outcome}, not in {" or ".join(sorted(allowed))}')
        problems += self._settled(operation, request, fault)
        return '; '.join(problems)

    @staticmethod
    def _path(request, fired):
        """The path of the request with the ids of this cell's record: as long, and of the same resource."""
        mine, other = request['path'].split('/'), fired.split('/')
        same = len(mine) == len(other) and all(
            one == two or not one.isalpha() for one, two in zip(mine, other, strict=True)
        )
        return fired if same else request['path']

    def _settled(self, operation, request, fault):
        """What is not as it should be once the fault is gone."""
        ledger = self.ledger
        try:
            found = operation.found(ledger)
            if found is not None and is_write(request):
                there = int(fault.applied)
                if found != there:
                    yield f'{found} in the books before it is repeated, not {there}'
            operation.recover(ledger)
            found = operation.found(ledger)
            if found not in (None, 1):
                yield f'{found} in the books in the end'
        except Exception as error:  # noqa: BLE001
            yield f'afterwards {type(error).__name__}: {error}'


def is_write(request):
    """Does this request of a write change the books? (The simulator's words for it.)"""
    return request['method'] != 'GET' and not request['path'].endswith('/query')


def main():
    parser = argparse.ArgumentParser(description='Every remote operation of every provider × every fault')
    parser.add_argument('--only', default='', help='a part of the name of the operations that are tried')
    parser.add_argument('--provider', action='append', choices=PROVIDERS)
    args = parser.parse_args()
    # what is left out of a spoiled answer is said in the log
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    missing = forgotten()
    for name in missing:
        sys.stdout.write(f'No cell is made of {name}\n')
    cells, wrong = 0, list(missing)
    for name in args.provider or PROVIDERS:
        matrix = Matrix(name)
        try:
            matrix.run(args.only, report=lambda line: sys.stdout.write(f'{line}\n') and sys.stdout.flush())
        finally:
            matrix.stop()
        cells += matrix.cells
        wrong += matrix.wrong
    sys.stdout.write(f'faults.seconds: {time.monotonic() - began:.0f}\n')
    sys.stdout.write(f'faults.cells: {cells}\nfaults.wrong: {len(wrong)}\n')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
