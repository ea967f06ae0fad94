"""QuickBooks Online over HTTP: the simulator, or a socket that answers what it is told. The pitfalls of
python-quickbooks (provider_facts C4) and of the API (part B), each with its test."""

import json
import logging
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from fieldpromax_accounting.providers import base, dto, errors, registry
from fieldpromax_accounting.providers.quickbooks import sdk

D = Decimal
REALM = '9341453908059321'
PREFIX = f'/v3/company/{REALM}'
SCOPES = ['com.intuit.quickbooks.accounting', 'project-management.project']
APP = dto.AppCredentials('fieldpromax-demo', 'fieldpromax-demo-secret')
US = dto.Organization(
    REALM, 'Lakeside', 'USD', 'US', currencies=('USD',), computes_tax=True, has_projects=True
)
CALLBACK = 'http://localhost:8069/fieldpromax/oauth/callback/quickbooks'


@pytest.fixture(scope='session')
def quickbooks_server():
    module = pytest.importorskip('simulators.quickbooks.server')
    with module.start_in_thread() as running:
        yield running


@pytest.fixture
def qbo(quickbooks_server):
    """The simulator with its demo data, without faults, tokens and limits."""
    quickbooks_server.control('POST', '/_sim/reset', {'seed': 'demo'})
    limits = dict.fromkeys(('minute', 'batch', 'appminute', 'day'))
    quickbooks_server.control('POST', '/_sim/limits', limits)
    return quickbooks_server


@pytest.fixture
def make():
    """``make(base_url, app=…, …)``: the provider."""

    def provider(base_url, app=APP, **values):
        values = {'connect_timeout': 2.0, 'read_timeout': 10.0, **values}
        return registry.get('quickbooks')(base.ProviderConfig(app=app, base_url=base_url, **values))

    return provider


@pytest.fixture
def issue(qbo):
    def tokens(tag='US', scopes=SCOPES):
        return qbo.control('POST', '/_sim/tokens', {'issue': {'tenants': [tag], 'scopes': list(scopes)}})

    return tokens


@pytest.fixture
def us(qbo, make, issue):
    return make(qbo.base_url).for_organization(REALM, issue()['access_token'], US)


@pytest.fixture
def answered(make, raw_server, http):
    """``answered(body, …)``: the provider, which gets these answers; dicts are sent as JSON with 200."""

    def provider(*answers, organization=US, **values):
        server = raw_server(
            *(
                http(body=json.dumps(one).encode()) if isinstance(one, (dict, list)) else one
                for one in answers
            )
        )
        bound = make(server.base_url, **values).for_organization(REALM, 'THE-TOKEN', organization)
        return server, bound

    return provider


def asked(received):
    """``(method, path, query, headers, body)`` of a request as the socket got it."""
    head, _, body = received.partition(b'\r\n\r\n')
    first, *lines = head.decode().split('\r\n')
    method, target, _version = first.split(' ')
    parts = urlsplit(target)
    headers = {name.lower(): value for name, _, value in (line.partition(': ') for line in lines)}
    query = {name: value[0] for name, value in parse_qs(parts.query).items()}
    return method, parts.path, query, headers, body.decode()


def contact(name='Somebody', **values):
    return dto.Contact(name, **values)


def line(**values):
    return dto.InvoiceLine(
        **{
            'description': 'Work',
            'quantity': D(1),
            'unit_price': D(10),
            'item_external_id': '1',
            'tax_code': 'TAX',
            'tax_amount': D('1.50'),
            'amount': D('10.00'),
            **values,
        }
    )


def invoice(**values):
    return dto.Invoice(
        **{
            'contact_external_id': '1',
            'date': date(2026, 9, 14),
            'due_date': date(2026, 10, 14),
            'currency': 'USD',
            'number': 'INV/2026/00001',
            'lines': (line(),),
            'totals': dto.Totals(D('10.00'), D('1.50'), D('11.50')),
            **values,
        }
    )


def fault(code, message='Refused', detail='because', kind='ValidationFault'):
    return {'Fault': {'Error': [{'Message': message, 'Detail': detail, 'code': code}], 'type': kind}}


# === C4.1: time-outs, http on loopback, no network on construction === #


def test_pitfall_1_the_plain_client_waits_without_end():
    """Its session is asked without a time-out: nothing of the library sets one."""
    from quickbooks.client import QuickBooks

    seen = {}

    class Session:
        access_token = 'a'

        def request(self, *args, **kwargs):
            seen.update(kwargs)
            raise ConnectionError

    plain = QuickBooks(company_id='1', minorversion=75)
    plain.session = Session()
    with pytest.raises(ConnectionError):
        plain.query('SELECT * FROM Customer')
    assert 'timeout' not in seen


def test_pitfall_1_ours_ends(make, raw_server):
    for behaviour in ('hang', 'trickle'):
        server = raw_server(behaviour)
        bound = make(server.base_url, read_timeout=0.3).for_organization(REALM, 'a', US)
        with pytest.raises(errors.OutcomeUnknown):
            bound.pull_page('contact')
        assert len(server.received) == 1, 'and asks once'


def test_pitfall_1_http_on_loopback_needs_no_switch(us, monkeypatch):
    monkeypatch.delenv('OAUTHLIB_INSECURE_TRANSPORT', raising=False)
    assert us.list_accounts()


def test_http_elsewhere_is_refused(make):
    bound = make('http://quickbooks.example.com').for_organization(REALM, 'a', US)
    with pytest.raises(errors.HostRefused) as caught:
        bound.list_accounts()
    assert caught.value.code == 'insecure_host'


def test_binding_asks_nobody(make):
    make('http://127.0.0.1:1').for_organization(REALM, '', US).prepare('contact.create', [('1', contact())])


# === C4.2: no defaults travel (bodies: test_quickbooks_rules.py) === #


def test_pitfall_2_the_plain_models_send_what_nobody_said():
    from quickbooks.objects.invoice import Invoice

    sent = json.loads(Invoice().to_json())
    assert sent['ExchangeRate'] == 1
    assert sent['DueDate'] == ''


def test_pitfall_2_an_update_changes_what_it_names(us, qbo):
    made = (
        us.send(us.prepare('contact.create', [('1', contact(email='a@b.co', phone='1'))]), 'k1')
        .results[0]
        .record
    )
    qbo.control(
        'POST',
        '/_sim/companies/US',
        {'contacts': [{'Id': made.external_id, 'Notes': 'Kept', 'Taxable': False}]},
    )
    fresh = us.get_record('contact', made.external_id)
    us.send(us.prepare('contact.update', [('1', replace(fresh, phone='2'))]), 'k2')
    found = qbo.control('GET', '/_sim/state?tenant=US&entities=contacts')['companies'][REALM]['contacts']
    (customer,) = [one for one in found if one['Id'] == made.external_id]
    assert (customer['Notes'], customer['Taxable']) == ('Kept', False)
    assert customer['PrimaryEmailAddr']['Address'] == 'a@b.co'


# === C4.3: errors === #


def test_pitfall_3_no_exception_of_the_library(answered, http):
    for answer in (
        http(401, b'{"fault":{"error":[{"code":"3200"}]}}'),
        http(400, json.dumps(fault('6240')).encode()),
        http(503, b'Service Unavailable', 'text/plain'),
        http(200, b'<html>', 'text/html'),
        http(429, b''),
    ):
        _server, bound = answered(answer)
        with pytest.raises(errors.ProviderError) as caught:
            bound.list_accounts()
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


def test_pitfall_3_the_id_of_the_request_is_kept(answered, http):
    raw = http(400, json.dumps(fault('6210')).encode(), intuit_tid='1-2-3')
    _server, bound = answered(raw.replace(b'intuit-tid', b'intuit_tid'))
    with pytest.raises(errors.ValidationRejected) as caught:
        bound.list_accounts()
    assert (caught.value.http_status, caught.value.request_id) == (400, '1-2-3')


def test_a_fault_with_200_is_no_success(answered):
    _server, bound = answered(fault('6210', 'Account Period Closed'))
    (result,) = bound.send(bound.prepare('contact.create', [('1', contact())]), 'k').results
    assert type(result.error) is errors.ValidationRejected
    assert result.error.code == 'period_locked'
    _server, bound = answered(fault('6190', 'Invalid Company Status', 'closed'))
    with pytest.raises(errors.ConnectionRefused):
        bound.send(bound.prepare('contact.create', [('1', contact())]), 'k')


@pytest.mark.parametrize('fault_name', ['fault200', 'fault200:5010', 'lowercase'])
def test_odd_spellings_through_the_simulator(qbo, us, fault_name):
    existing = us.pull_page('contact').records[0]
    qbo.control('POST', '/_sim/faults', {'fault': fault_name, 'path': '/customer$', 'times': 1})
    (result,) = us.send(us.prepare('contact.create', [('1', contact(existing.name))]), 'k').results
    expected = {
        'fault200': (errors.ValidationRejected, 'business_validation'),
        'fault200:5010': (errors.Conflict, 'stale'),
        'lowercase': (errors.Conflict, 'duplicate_contact_name'),
    }[fault_name]
    assert (type(result.error), result.error.code) == expected


# === one list of names (B8) === #


def test_names_of_vendors_and_employees(us, qbo):
    qbo.control(
        'POST',
        '/_sim/companies/US',
        {
            'vendors': [
                {'DisplayName': "O'Hara Supplies"},
                {'DisplayName': 'Former Supplies'},
            ],
            'employees': [{'DisplayName': 'Zoë Park'}],
        },
    )
    qbo.control(
        'POST', '/_sim/companies/US', {'vendors': [{'DisplayName': 'Former Supplies', 'Active': False}]}
    )
    found = {(one.name, one.owner) for one in us.list_names_in_use()}
    assert {("O'Hara Supplies", 'vendor'), ('Zoë Park', 'employee')} <= found
    assert not [name for name, _owner in found if 'Former' in name], 'its name is free again'
    assert us.capabilities.shared_names
    # what it lists is what is refused
    (result,) = us.send(us.prepare('contact.create', [('1', contact('zoë park'))]), 'k').results
    assert result.error.code == 'duplicate_contact_name'
    free = us.suggest_text('contact', 'name', 'Zoë Park', addition='Customer')
    (result,) = us.send(us.prepare('contact.create', [('1', contact(free))]), 'k2').results
    assert (result.error, result.record.name) == (None, 'Zoë Park (Customer)')


def test_names_that_may_not_be_read_are_left_out(answered, http):
    vendors = {'QueryResponse': {'Vendor': [{'Id': '5', 'DisplayName': 'Depot'}, {'Id': '6'}, 'odd']}}
    refused = http(400, json.dumps(fault('120', 'Authorization Failure')).encode())
    _server, bound = answered(vendors, refused)
    assert [(one.external_id, one.name) for one in bound.list_names_in_use()] == [('5', 'Depot')]
    _server, bound = answered(http(503, b''))
    with pytest.raises(errors.ProviderUnavailable):
        bound.list_names_in_use()


# === C4.4: queries, numbers, request ids === #


def test_pitfall_4_texts_in_queries(us):
    names = ["O'Brien", 'Back\\slash', "\\'; x", 'Ünïcödé 東京', '50% _off_', '"quoted"']
    for place, name in enumerate(names):
        us.send(us.prepare('contact.create', [('1', contact(name))]), f'k{place}')
    assert {one.name for one in us.find_records('contact', names)} == set(names)


def test_pitfall_4_numbers_travel_exactly(answered):
    server, bound = answered({'Item': {'Id': '1', 'Name': 'A', 'UnitPrice': 0.1}})
    item = dto.Item('A', 'A', sale_price=D('0.1000'), sale_account='8')
    record = bound.send(bound.prepare('item.create', [('1', item)]), 'k').results[0].record
    assert '"UnitPrice":0.1000' in asked(server.received[0])[4]
    assert record.sale_price == D('0.1')


def test_pitfall_4_every_write_has_its_request_id(answered):
    made = {'Customer': {'Id': '1', 'DisplayName': 'A'}, 'Invoice': {'Id': '1', 'TotalAmt': 1}}
    whole = {'BatchItemResponse': [{'bId': '1', **made}, {'bId': '2', **made}]}
    there = contact(external_id='1', version='0')
    for operation, members, expected in (
        ('contact.create', [contact()], (f'{PREFIX}/customer', {})),
        ('contact.create', [contact('A'), contact('B')], (f'{PREFIX}/batch', {})),
        ('contact.update', [there], (f'{PREFIX}/customer', {})),
        ('contact.update', [there, there], (f'{PREFIX}/batch', {})),
        ('invoice.create', [invoice()], (f'{PREFIX}/invoice', {})),
        (
            'invoice.void',
            [invoice(external_id='1', version='0')],
            (f'{PREFIX}/invoice', {'operation': 'void'}),
        ),
    ):
        server, bound = answered(whole if len(members) > 1 else made)
        call = bound.prepare(operation, [(str(place), one) for place, one in enumerate(members)])
        bound.send(call, 'the-key')
        method, path, query, headers, body = asked(server.received[0])
        assert (method, path) == ('POST', expected[0]), operation
        assert query == {'minorversion': '75', 'requestid': 'the-key', **expected[1]}
        assert headers['authorization'] == 'Bearer THE-TOKEN'
        assert headers['content-type'] == 'application/json'
        assert headers['accept'] == 'application/json'
        assert body == call.body, 'to the byte'


def test_keys_fit_into_a_batch(us):
    call = us.prepare('contact.create', [('1', contact())])
    for key in ('', 'x' * 37):
        with pytest.raises(ValueError, match='36'):
            us.send(call, key)


def test_reading_names_the_minor_version(answered):
    server, bound = answered({'QueryResponse': {}, 'time': '2026-01-01T00:00:00-08:00'})
    bound.pull_page('contact', since='2026-01-01T00:00:00+00:00')
    method, path, query, headers, body = asked(server.received[0])
    assert (method, path, query) == ('POST', f'{PREFIX}/query', {'minorversion': '75'})
    assert headers['content-type'] == 'application/text'
    assert body.startswith(
        'SELECT * FROM Customer WHERE Active IN (true, false) AND MetaData.LastUpdatedTime >= '
    )


def test_the_library_never_sees_the_token(us, monkeypatch):
    seen = []
    from quickbooks.client import QuickBooks

    process = QuickBooks.process_request

    def watched(self, *args, **kwargs):
        seen.append(repr((args, kwargs, vars(self.session).get('access_token'), self.session.access_token)))
        return process(self, *args, **kwargs)

    monkeypatch.setattr(QuickBooks, 'process_request', watched)
    us.list_accounts()
    assert seen
    assert us._access_token not in ''.join(seen)


def test_no_warning_of_the_library(us, recwarn):
    us.list_accounts()
    assert not [one for one in recwarn if 'quickbooks' in str(one.message).lower()]


def test_two_companies_do_not_share_a_token(answered, make, raw_server, http):
    server = raw_server(http(body=b'{"QueryResponse":{}}'))
    provider = make(server.base_url)
    one, other = provider.for_organization('1', 'TOKEN-1', US), provider.for_organization('2', 'TOKEN-2', US)
    one.list_accounts()
    other.list_accounts()
    one.list_accounts()
    tokens = [asked(received)[3]['authorization'] for received in server.received]
    assert tokens == ['Bearer TOKEN-1', 'Bearer TOKEN-2', 'Bearer TOKEN-1']


def test_without_the_package(us, monkeypatch):
    monkeypatch.setitem(sys.modules, 'quickbooks.client', None)
    with pytest.raises(errors.ProviderError) as caught:
        us.list_accounts()
    assert caught.value.code == 'missing_package'


def test_mistakes_of_ours(make, us):
    with pytest.raises(ValueError, match='Bind'):
        make('http://127.0.0.1:1').list_accounts()
    for company in ('', '../1', 'abc', '1?x=2'):
        with pytest.raises(ValueError, match='number'):
            make('http://127.0.0.1:1').for_organization(company, 'a')
    calls = sdk.CompanyCalls(us._transport, REALM, 'a')
    with pytest.raises(TypeError):
        calls.call('x', 'create_object', 'Customer', {'DisplayName': 'a dict'})


# === OAuth (B1) === #


def test_the_consent_page_is_asked_for_what_the_app_may(make):
    for optional in (True, False):
        url = make('', optional_scopes=optional).authorization_url('s', CALLBACK, 'verifier')
        assert url.startswith('https://appcenter.intuit.com/connect/oauth2?')
        query = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
        assert query['scope'].split() == SCOPES[: 1 + optional]
        assert query['state'] == 's'
        assert not [name for name in query if name.startswith('code_challenge')], 'there is no PKCE'


def token_answer(**values):
    return {
        'token_type': 'bearer',
        'access_token': 'A',
        'refresh_token': 'R',
        'expires_in': 3600,
        'x_refresh_token_expires_in': 8640000,
        'x_refresh_token_hard_expires_in': 157680000,
        **values,
    }


def test_the_end_of_the_consent_is_asked_for_and_read(answered):
    server, bound = answered(token_answer())
    now = datetime.now(timezone.utc)
    token = bound.fetch_token('the-code', CALLBACK, 'verifier', {'realmId': REALM})
    refreshed = bound.refresh_token('R')
    for received, grant in zip(server.received, ('authorization_code', 'refresh_token'), strict=True):
        method, path, _query, headers, body = asked(received)
        assert (method, path) == ('POST', '/oauth2/v1/tokens/bearer')
        assert headers['x-include-refresh-token-hard-expires-in'] == 'true'
        assert headers['authorization'].startswith('Basic ')
        assert headers['accept'] == 'application/json'
        form = parse_qs(body)
        assert form['grant_type'] == [grant]
        assert not {'client_secret', 'code_verifier', 'scope'} & set(form)
    for one in (token, refreshed):
        assert timedelta(days=99) < one.refresh_expires_at - now < timedelta(days=101)
        assert timedelta(days=1824) < one.consent_expires_at - now < timedelta(days=1826)
        assert one.scopes == (), 'Intuit does not say'
    assert token.consent_id == REALM


@pytest.mark.parametrize(
    'values', [{'x_refresh_token_hard_expires_in': None}, {'x_refresh_token_expires_in': 'soon'}]
)
def test_ends_that_are_not_told(answered, values):
    _server, bound = answered(token_answer(**values))
    token = bound.refresh_token('R')
    assert None in (token.refresh_expires_at, token.consent_expires_at)


@pytest.mark.parametrize('params', [{}, {'realmId': ''}, {'realmId': '../x'}, {'realmId': 'abc'}])
def test_a_consent_without_a_company_spends_no_code(answered, params):
    server, bound = answered(token_answer())
    with pytest.raises(errors.AuthError) as caught:
        bound.fetch_token('the-code', CALLBACK, 'verifier', params)
    assert caught.value.code == 'no_company'
    assert server.received == []


def test_a_company_of_somebody_else_is_not_let_in(make, qbo, issue):
    """The company comes from the address bar: the token decides."""
    provider = make(qbo.base_url)
    token = provider.refresh_token(issue()['refresh_token'])
    with pytest.raises((errors.ConnectionRefused, errors.AuthError)):
        provider.list_organizations(token, {'realmId': '9130357849837246'})


@pytest.mark.parametrize(
    ('answer', 'error'),
    [
        ((200, b''), None),
        ((400, b'{"error":"invalid_request"}'), None),
        ((400, b'{"error":"invalid_grant"}'), None),
        ((400, b'{"error":"invalid_client"}'), errors.AppRefused),
        ((401, b''), errors.AppRefused),
        ((401, b'{"error":"invalid_client"}'), errors.AppRefused),
        ((400, b'<html>'), errors.ProtocolError),
        ((503, b''), errors.ProviderUnavailable),
        ((429, b''), errors.RateLimited),
    ],
)
def test_revoking(answered, http, answer, error):
    server, bound = answered(http(*answer))
    token = dto.TokenSet('A', 'R', datetime.now(timezone.utc))
    if error:
        with pytest.raises(error):
            bound.remove_connection(US, token)
    else:
        bound.remove_connection(US, token)
    method, path, _query, headers, body = asked(server.received[0])
    assert (method, path) == ('POST', '/v2/oauth2/tokens/revoke')
    assert json.loads(body) == {'token': 'R'}
    assert headers['authorization'].startswith('Basic ')


# === batches (B6) === #


def three(bound, operation='contact.create'):
    return bound.prepare(operation, [(f'm{place}', contact(f'N{place}')) for place in range(3)])


def customer(place):
    return {'Customer': {'Id': str(100 + place), 'SyncToken': '0', 'DisplayName': f'N{place}'}}


def test_a_batch_is_matched_by_its_ids_in_any_order(answered):
    responses = [{'bId': '3', **customer(2)}, {'bId': '1', **customer(0)}, {'bId': '2', **fault('6240')}]
    server, bound = answered({'BatchItemResponse': responses, 'time': 'x'})
    first, second, third = bound.send(three(bound), 'k').results
    assert [one.member for one in (first, second, third)] == ['m0', 'm1', 'm2']
    assert (first.record.external_id, third.record.external_id) == ('100', '102')
    assert (type(second.error), second.error.code) == (errors.Conflict, 'duplicate_contact_name')
    sent = json.loads(asked(server.received[0])[4])['BatchItemRequest']
    assert [one['bId'] for one in sent] == ['1', '2', '3']
    assert {one['operation'] for one in sent} == {'create'}


@pytest.mark.parametrize(
    'responses',
    [
        [{'bId': '1', **customer(0)}],
        [{'bId': '1', **customer(0)}, {'bId': '2'}, {'bId': '3', 'Customer': None}],
        [{'bId': '1', **customer(0)}, {'bId': '2', **customer(1)}, {'bId': '2', **customer(2)}],
        [{'bId': '1', **customer(0)}, None, 'x'],
        [{'bId': '1', **customer(0)}, {'bId': '2', 'Customer': {'DisplayName': 'no id'}}],
    ],
)
def test_members_that_the_answer_does_not_tell_of(answered, responses):
    _server, bound = answered({'BatchItemResponse': responses})
    first, second, third = bound.send(three(bound), 'k').results
    assert first.record
    for one in (second, third):
        assert isinstance(one.error, errors.ProtocolError)
        assert one.error.maybe_applied, 'they are looked up'


@pytest.mark.parametrize(
    'body',
    [{}, [], {'BatchItemResponse': None}, {'BatchItemResponse': []}, {'BatchItemResponse': [{'bId': '9'}]}],
)
def test_an_answer_to_something_else(answered, body):
    _server, bound = answered(body)
    with pytest.raises(errors.ProtocolError):
        bound.send(three(bound), 'k')


def test_a_batch_that_is_throttled_in_the_middle(answered):
    throttled = fault('3001', 'ThrottleExceeded', 'later', 'SERVICE')
    responses = [
        {'bId': '1', **customer(0)},
        {'bId': '2', **throttled},
        {'bId': '3', **fault('10000', 'Oops')},
    ]
    _server, bound = answered({'BatchItemResponse': responses})
    first, second, third = bound.send(three(bound), 'k').results
    assert first.record
    assert type(second.error) is errors.TransportError
    assert (second.error.retryable, second.error.maybe_applied, second.error.code) == (
        True,
        False,
        'limit_minute',
    )
    assert type(third.error) is errors.ProviderUnavailable
    assert third.error.maybe_applied


@pytest.mark.parametrize(
    ('code', 'error'),
    [
        ('3001', errors.RateLimited),
        ('3200', errors.AccessTokenExpired),
        ('6190', errors.ConnectionRefused),
        ('120', errors.PermissionMissing),
    ],
)
def test_a_batch_of_which_nothing_came_is_the_error_itself(answered, code, error):
    responses = [{'bId': str(place), **fault(code)} for place in (1, 2, 3)]
    _server, bound = answered({'BatchItemResponse': responses})
    with pytest.raises(error):
        bound.send(three(bound), 'k')


def test_a_batch_that_is_refused_whole(answered, http):
    _server, bound = answered(http(400, json.dumps(fault('2020', 'Required')).encode()))
    with pytest.raises(errors.ValidationRejected):
        bound.send(three(bound), 'k')


def test_a_name_of_a_vendor(qbo, us):
    """One name space for customers, vendors and employees (B8): there is no customer to link."""
    (result,) = us.send(us.prepare('contact.create', [('1', contact('supply depot'))]), 'k').results
    assert result.error.code == 'duplicate_contact_name'
    assert us.find_records('contact', ['Supply Depot']) == ()


# === reading === #


def test_ten_thousand_customers_in_few_calls(qbo, us):
    qbo.control(
        'POST',
        '/_sim/reset',
        {'seed': 'demo', 'contacts': 10000, 'items': 2000, 'companies': ['US'], 'keep_connections': True},
    )
    qbo.control('DELETE', '/_sim/requests')
    seen = {}
    for kind, least in (('contact', 10000), ('item', 2000)):
        cursor, count, total = '', 0, None
        ids = set()
        while True:
            page = us.pull_page(kind, cursor=cursor)
            count += len(page.records)
            ids |= {record.external_id for record in page.records}
            assert len(page.next_cursor) < 40000, 'a position is no copy of the page'
            cursor, total = page.next_cursor, page.total
            if not cursor:
                break
        assert count == len(ids) == total >= least, 'everything once'
        seen[kind] = count
    assert len(qbo.control('GET', '/_sim/requests')['requests']) <= 20


def test_a_merge_during_the_pass_skips_nobody(qbo, us):
    order = [record.name for record in us.pull_page('contact').records]
    names, cursor, done = [], '', 0
    while True:
        page = us.pull_page('contact', cursor=cursor, page_size=3)
        names += [record.name for record in page.records]
        cursor, done = page.next_cursor, done + 1
        if done == 2:
            gone, into = names[1], names[4]
            qbo.control('POST', '/_sim/companies/US', {'merge': [{'from': gone, 'into': into}]})
        if not cursor:
            break
    assert set(order) <= set(names)


def element(place, second=0, **values):
    stamp = f'2026-03-01T10:00:{second:02d}-08:00'
    return {
        'Id': str(place),
        'SyncToken': '0',
        'DisplayName': f'N{place}',
        'MetaData': {'CreateTime': stamp, 'LastUpdatedTime': stamp},
        **values,
    }


def page_of(*elements):
    return {'QueryResponse': {'Customer': list(elements)}, 'time': '2026-03-02T10:00:00-08:00'}


def test_the_edge_of_a_page_comes_once_unless_it_changed(answered):
    changed = element(2, 1, SyncToken='1')
    server, bound = answered(
        page_of(element(1), element(2, 1)),
        page_of(element(2, 1), element(3, 2)),
        page_of(element(3, 2)),
    )
    first = bound.pull_page('contact', since='2026-01-01T00:00:00+00:00', page_size=2)
    second = bound.pull_page('contact', cursor=first.next_cursor)
    third = bound.pull_page('contact', cursor=second.next_cursor)
    assert [[r.external_id for r in page.records] for page in (first, second, third)] == [
        ['1', '2'],
        ['3'],
        [],
    ]
    assert third.next_cursor == ''
    assert third.checkpoint == '2026-03-01T18:00:02+00:00'
    assert [asked(one)[4].rpartition('ORDERBY ')[2] for one in server.received] == [
        'MetaData.LastUpdatedTime ASC STARTPOSITION 1 MAXRESULTS 2'
    ] * 3
    _server, bound = answered(page_of(element(1), element(2, 1)), page_of(changed))
    first = bound.pull_page('contact', since='2026-01-01T00:00:00+00:00', page_size=2)
    assert [r.version for r in bound.pull_page('contact', cursor=first.next_cursor).records] == ['1']


def test_positions_count_while_the_time_stands_still(answered):
    server, bound = answered(
        page_of(element(1), element(2)),
        page_of(element(1), element(2)),
        page_of(element(3), element(4)),
        page_of(),
        page_of(element(4), element(2, 9, SyncToken='1')),
        page_of(element(1), element(3)),
    )
    cursor, found = '', []
    for _ in range(6):
        page = bound.pull_page('contact', since='2026-01-01T00:00:00+00:00', cursor=cursor, page_size=2)
        found += [record.external_id for record in page.records]
        cursor = page.next_cursor
    assert cursor == ''
    assert found[:4] == ['1', '2', '3', '4']
    assert found[4:] == ['4', '2', '1', '3'], (
        'and back, because one that was edited pushes others over the edge'
    )
    assert page.checkpoint == '2026-03-01T18:00:00+00:00', 'what came of a later time comes again'
    starts = [asked(one)[4].partition('STARTPOSITION ')[2].partition(' ')[0] for one in server.received]
    assert starts == ['1', '1', '3', '5', '3', '1']


def test_records_without_any_time_do_not_stop_the_pass(answered):
    _server, bound = answered(
        page_of({'Id': '1', 'DisplayName': 'A'}, {'Id': '2', 'DisplayName': 'B'}),
        {'QueryResponse': {'totalCount': 3}},
        page_of({'Id': '3', 'DisplayName': 'C'}),
    )
    first = bound.pull_page('contact', page_size=2)
    second = bound.pull_page('contact', cursor=first.next_cursor)
    assert [r.name for page in (first, second) for r in page.records] == ['A', 'B', 'C']


def test_a_page_that_is_not_full_is_all_there_is(answered):
    """Then nothing has to be counted; archived ones do not count."""
    server, bound = answered(
        page_of({'Id': '1', 'DisplayName': 'A'}, {'Id': '2', 'DisplayName': 'B', 'Active': False})
    )
    page = bound.pull_page('contact')
    assert (page.total, page.next_cursor, len(server.received)) == (1, '', 1)


# === change data capture === #


def ago(**values):
    return (datetime.now(timezone.utc) - timedelta(**values)).isoformat()


def captured(*lists, **values):
    return {'CDCResponse': [{'QueryResponse': list(lists)}], 'time': '2026-03-02T10:00:00-08:00', **values}


def test_one_call_for_all_kinds(qbo, us):
    since = ago(minutes=30)
    qbo.control('DELETE', '/_sim/requests')
    pages = us.pull_changes({'contact': since, 'item': since, 'project': since, 'invoice': since})
    assert set(pages) == {'contact', 'item', 'invoice'}, 'only the Projects API tells of a status'
    assert [one['purpose'] for one in qbo.control('GET', '/_sim/requests')['requests']] == ['cdc']
    for page in pages.values():
        assert (page.records, page.gone, page.next_cursor) == ((), (), '')
        behind = datetime.now(timezone.utc) - datetime.fromisoformat(page.checkpoint)
        assert timedelta(0) <= behind < timedelta(minutes=1), 'the clock of QuickBooks, however quiet it was'


def test_what_is_asked(answered):
    server, bound = answered(captured(), organization=replace(US, has_projects=False))
    late, early = ago(hours=1), ago(days=3)
    bound.pull_changes({'contact': late, 'item': early, 'project': late})
    method, path, query, _headers, body = asked(server.received[0])
    assert (method, path, body) == ('GET', f'{PREFIX}/cdc', '')
    assert query['entities'] == 'Customer,Item', 'customers and projects are the same there'
    begin = datetime.fromisoformat(query['changedSince'].replace('Z', '+00:00'))
    assert timedelta(0) < datetime.fromisoformat(early) - begin <= timedelta(minutes=6)


def test_deleted_and_merged_records_are_gone(qbo, us, answered):
    qbo.control('POST', '/_sim/clock', {'advance_seconds': 600})
    by_name = {record.name: record.external_id for record in us.pull_page('contact').records}
    change = {'merge': [{'from': 'Bright Dental (North)', 'into': 'Bright Dental'}]}
    qbo.control('POST', '/_sim/companies/US', change)
    qbo.control(
        'POST', '/_sim/companies/US', {'contacts': [{'DisplayName': 'No Mail Motors', 'Active': False}]}
    )
    page = us.pull_changes({'contact': ago(seconds=0)})['contact']
    assert page.gone == (by_name['Bright Dental (North)'],)
    found = {record.external_id: record for record in page.records}
    assert found[by_name['No Mail Motors']].active is False
    assert by_name['Bright Dental (North)'] not in found
    # a transaction's list of its own, and odd ones
    deleted = [{'status': 'Deleted', 'Id': '7'}, {'status': 'Deleted'}, {'status': 'Deleted', 'Id': 8}, 'x']
    _server, bound = answered(captured({'Item': deleted}))
    page = bound.pull_changes({'item': ago(hours=1)})['item']
    assert (page.records, page.gone, len(page.unreadable)) == ((), ('7', '8'), 1)


def test_a_project_that_is_gone(answered):
    _server, bound = answered(
        captured({'Customer': [{'status': 'Deleted', 'Id': '7'}, element(8, IsProject=True, Job=True)]}),
        organization=replace(US, has_projects=False),
    )
    pages = bound.pull_changes({'contact': ago(hours=1), 'project': ago(hours=1)})
    assert pages['contact'].gone == pages['project'].gone == ('7',), 'nothing tells of which kind it was'
    assert pages['contact'].records == ()
    assert [record.external_id for record in pages['project'].records] == ['8']


@pytest.mark.parametrize(('count', 'kinds'), [(999, {'contact', 'item'}), (1000, {'item'})])
def test_an_answer_that_may_be_cut_off_is_not_believed(answered, count, kinds):
    _server, bound = answered(captured({'Customer': [element(place) for place in range(count)]}, {}))
    assert set(bound.pull_changes({'contact': ago(hours=1), 'item': ago(hours=1)})) == kinds


def test_a_thousand_changes_come_by_query(qbo, us):
    since = ago(days=400)
    qbo.control(
        'POST',
        '/_sim/reset',
        {'seed': 'demo', 'contacts': 1200, 'companies': ['US'], 'keep_connections': True},
    )
    assert set(us.pull_changes({'contact': ago(days=28), 'item': ago(days=28)})) == {'item'}
    assert us.pull_page('contact', since=since).next_cursor, 'page by page'


@pytest.mark.parametrize(('days', 'asks'), [(28.9, True), (29.1, False), (400, False)])
def test_how_far_back_changes_are_captured(answered, days, asks):
    server, bound = answered(captured())
    pages = bound.pull_changes({'contact': ago(days=days), 'item': ago(days=400)})
    assert (set(pages), len(server.received)) == (({'contact'}, 1) if asks else (set(), 0))
    if asks:
        begin = datetime.fromisoformat(asked(server.received[0])[2]['changedSince'].replace('Z', '+00:00'))
        assert datetime.now(timezone.utc) - begin < timedelta(days=29, minutes=1)


def test_a_clock_that_goes_otherwise_than_ours(qbo, make):
    """It refuses what is too long ago by its own clock: then queries do."""
    qbo.control('POST', '/_sim/clock', {'advance_seconds': 40 * 86400})
    token = qbo.control('POST', '/_sim/tokens', {'issue': {'tenants': ['US'], 'scopes': SCOPES}})
    us = make(qbo.base_url).for_organization(REALM, token['access_token'], US)
    assert us.pull_changes({'contact': ago(hours=1)}) == {}
    assert us.pull_page('contact', since=ago(hours=1)).checkpoint


@pytest.mark.parametrize(
    'body',
    [
        captured(fault('500', 'Unsupported', 'nothing')),
        captured({'Item': []}, {'fault': {'error': []}}),
        captured({'Customer': 'x'}),
        {'CDCResponse': [{'Fault': fault('10000')['Fault']}]},
    ],
)
def test_a_part_that_failed_is_not_taken_for_quiet(answered, body):
    _server, bound = answered(body)
    assert bound.pull_changes({'contact': ago(hours=1)}) == {}


@pytest.mark.parametrize('body', [{}, [], {'CDCResponse': {}}, {'QueryResponse': {}}])
def test_an_answer_that_is_none(answered, body):
    _server, bound = answered(body)
    with pytest.raises(errors.ProtocolError):
        bound.pull_changes({'contact': ago(hours=1)})


def test_without_a_clock_the_last_change_counts(answered):
    changed = captured({'Customer': [element(1, 5)]})
    del changed['time']
    _server, bound = answered(changed, {'CDCResponse': [{'QueryResponse': [{}]}]})
    since = ago(days=2)
    page = bound.pull_changes({'contact': since})['contact']
    assert page.checkpoint == max(since, '2026-03-01T18:00:05+00:00')
    assert bound.pull_changes({'contact': since})['contact'].checkpoint == since


@pytest.mark.parametrize('status', [401, 403, 429, 500, 503])
def test_troubles_of_the_call_are_raised(answered, http, status):
    _server, bound = answered(http(status=status, body=b'{}'))
    with pytest.raises(errors.ProviderError):
        bound.pull_changes({'contact': ago(hours=1)})


def test_what_is_no_checkpoint(us):
    with pytest.raises(ValueError, match='checkpoint'):
        us.pull_changes({'contact': 'yesterday'})


def test_records_by_ids_of_another_kind(us):
    project = us.pull_page('project').records[0]
    contact = us.pull_page('contact').records[0]
    page = us.get_records('contact', [project.external_id, contact.external_id, '../x', ''])
    assert [record.external_id for record in page.records] == [contact.external_id]
    assert page.unreadable == ((project.external_id, 'it is of another kind'),)
    assert set(page.gone) == {'../x', ''}


def test_odd_records_do_not_fail_their_page(answered):
    _server, bound = answered(
        page_of(element(1), None, 'x', {'Id': '7'}, {'Id': '8', 'DisplayName': ['x']}, element(2, 1))
    )
    page = bound.pull_page('contact', since='2026-01-01T00:00:00+00:00')
    assert [record.external_id for record in page.records] == ['1', '2']
    assert [external_id for external_id, _reason in page.unreadable] == ['', '', '7', '8']


@pytest.mark.parametrize('body', [{}, [], {'QueryResponse': None}, {'QueryResponse': {'Customer': {}}}])
def test_answers_without_a_list(answered, body):
    _server, bound = answered(body)
    with pytest.raises(errors.ProtocolError):
        bound.pull_page('contact', since='2026-01-01T00:00:00+00:00')


def test_an_empty_answer_is_an_empty_list(answered):
    _server, bound = answered({'QueryResponse': {}, 'time': '2026-03-02T10:00:00-08:00'})
    assert bound.pull_page('item', since='2026-01-01T00:00:00+00:00').records == ()
    assert bound.list_accounts() == ()
    assert bound.find_records('contact', ['x']) == ()


def test_the_organization_needs_its_preferences(answered):
    _server, bound = answered({'QueryResponse': {'CompanyInfo': [{'Id': '1'}]}}, {'QueryResponse': {}})
    with pytest.raises(errors.ProtocolError):
        bound.get_organization()


def test_tax_codes_of_a_company_of_which_nothing_is_known_yet(qbo, make, issue):
    for tag, expected in (('US', {'TAX': None, 'NON': D(0)}), ('AU', {'2': D(10), '3': D(0), '4': D(0)})):
        issued = issue(tag)
        bound = make(qbo.base_url).for_organization(issued['realmId'], issued['access_token'])
        assert {rate.external_id: rate.rate for rate in bound.list_tax_rates()} == expected


def test_accounts_that_are_no_longer_used_are_told(us):
    accounts = {account.code: account for account in us.list_accounts()}
    assert not accounts['12'].active
    assert accounts['8'].is_revenue
    assert accounts['8'].name.startswith('4000 ')
    assert '2' not in accounts, 'nothing is sold on receivable accounts, nor paid to'
    assert (accounts['1'].is_line, accounts['1'].is_payment) == (False, True), 'a bank account'
    assert (accounts['4'].is_line, accounts['4'].is_payment) == (True, True), 'undeposited funds'


def test_an_unreadable_find_is_raised(answered):
    _server, bound = answered({'QueryResponse': {'Customer': [{'DisplayName': 'A'}]}})
    with pytest.raises(errors.ProtocolError):
        bound.find_records('contact', ['a'])


def test_other_kinds_under_the_same_name(us):
    """A project takes its name from the customers, and is none; categories are no items."""
    (project,) = us.find_records('project', ['town hall roof'])
    assert not project.is_sub_customer
    assert us.find_records('contact', ['Town Hall Roof']) == ()
    assert us.find_records('item', ['Parts']) == ()
    assert us.find_records('project', ['Harbor Property Group']) == (), 'a customer is no project'


# === stale versions === #


def test_a_stale_version_is_refused_never_overwritten(qbo, us):
    record = us.send(us.prepare('invoice.create', [('1', invoice())]), 'k1').results[0].record
    qbo.control(
        'POST', '/_sim/companies/US', {'invoices': [{'Id': record.external_id, 'PrivateNote': 'By hand'}]}
    )
    for place, (operation, changed) in enumerate(
        (('invoice.update', replace(record, reference='Ours')), ('invoice.void', record))
    ):
        (result,) = us.send(us.prepare(operation, [('1', changed)]), f'k2{place}').results
        assert (type(result.error), result.error.code) == (errors.Conflict, 'stale')
    fresh = us.get_record('invoice', record.external_id)
    assert (fresh.reference, fresh.status) == ('By hand', 'approved')
    changed = (
        us.send(us.prepare('invoice.update', [('1', replace(fresh, reference='Ours'))]), 'k4')
        .results[0]
        .record
    )
    assert changed.reference == 'Ours'
    assert [one.external_id for one in changed.lines] == [one.external_id for one in record.lines]
    assert us.send(us.prepare('invoice.void', [('1', changed)]), 'k5').results[0].record.status == 'void'


# === documents that QuickBooks numbers === #


@pytest.fixture
def numbered(qbo, make, issue):
    provider = make(qbo.base_url)
    issued = issue('US2')
    token = provider.refresh_token(issued['refresh_token'])
    (organization,) = provider.list_organizations(token, {'realmId': issued['realmId']})
    assert organization.numbers_documents
    return provider.for_organization(issued['realmId'], token.access_token, organization)


def wanted(one, **values):
    return replace(
        dto.Wanted(
            one.number,
            one.contact_external_id,
            date=one.date,
            currency=one.currency,
            total=one.totals.total,
        ),
        **values,
    )


def test_looking_up_without_a_number_of_ours(qbo, numbered):
    started = datetime.now(timezone.utc)
    sent = invoice()
    made = numbered.send(numbered.prepare('invoice.create', [('1', sent)]), 'k').results[0].record
    assert (made.own_number, made.number == sent.number) == (sent.number, False)
    assert numbered.look_up('invoice', [wanted(sent)]) == (made,)
    # the same amounts on the same day under another number of ours is another invoice
    assert numbered.look_up('invoice', [wanted(sent, key='INV/2026/00002')]) == ()
    # somebody took the note away: what says the same may be it
    qbo.control(
        'POST', '/_sim/companies/US2', {'invoices': [{'Id': made.external_id, 'PrivateNote': 'By hand'}]}
    )
    (found,) = numbered.look_up('invoice', [wanted(sent, since=started)])
    assert found.external_id == made.external_id
    for values in (
        {'total': D('11.51')},
        {'contact_external_id': '2'},
        {'date': date(2026, 9, 15)},
        {'since': started + timedelta(days=1)},
    ):
        assert numbered.look_up('invoice', [wanted(sent, **values)]) == (), values


# === projects === #


def test_projects_without_the_right_to_them(qbo, make, issue, caplog):
    caplog.set_level(logging.INFO)
    token = issue(scopes=SCOPES[:1])['access_token']
    bound = make(qbo.base_url).for_organization(REALM, token, US)
    projects = bound.pull_page('project').records
    assert len(projects) == 4
    assert {project.status for project in projects} == {''}, 'read all the same, without their status'
    for operation, member in (
        ('project.create', dto.Project('New', '1')),
        ('project.update', replace(projects[0], name='Renamed')),
    ):
        (result,) = bound.send(bound.prepare(operation, [('1', member)]), 'k').results
        assert type(result.error) is errors.PermissionMissing, 'of this project: the connection goes on'
        assert result.error.code == 'projects_not_permitted'
    sub = dto.Project('New', '1', is_sub_customer=True)
    (result,) = bound.send(bound.prepare('project.create', [('1', sub)]), 'k').results
    assert result.record.is_sub_customer


def test_a_company_without_projects_is_not_asked_for_them(qbo, make, issue):
    bound = make(qbo.base_url).for_organization(
        REALM, issue()['access_token'], replace(US, has_projects=False)
    )
    assert bound.pull_page('project').records
    assert not [one for one in qbo.control('GET', '/_sim/requests')['requests'] if 'graphql' in one['path']]


def test_projects_of_which_nothing_tells_are_read_again(qbo, us):
    checkpoint = us.pull_page('project').checkpoint
    qbo.control(
        'POST', '/_sim/companies/US', {'projects': [{'name': 'Town Hall Roof', 'status': 'COMPLETE'}]}
    )
    (changed,) = [
        one for one in us.pull_page('project', since=checkpoint).records if one.name == 'Town Hall Roof'
    ]
    assert changed.status == 'done'


def test_a_project_of_a_name_that_is_taken(us):
    for name in ('Harbor Property Group', 'Supply Depot'):
        (result,) = us.send(us.prepare('project.create', [('1', dto.Project(name, '1'))]), 'k').results
        assert isinstance(result.error, (errors.Conflict, errors.ValidationRejected))
        assert result.error.details


def test_a_project_that_is_there_already_is_taken_as_it_is(us):
    again = dto.Project('Town Hall Roof', '3', status='done')
    (result,) = us.send(us.prepare('project.create', [('1', again)]), 'k').results
    assert (result.record.external_id, result.record.status) == ('18', 'in_progress')


def test_a_project_that_is_not_to_be_seen_yet(answered):
    nothing = {'QueryResponse': {}}
    made = {'data': {'projectManagementCreateProject': {'id': '530614583', 'name': 'Roof', 'status': 'OPEN'}}}
    _server, bound = answered(nothing, made, nothing)
    with pytest.raises(errors.ProtocolError) as caught:
        bound.send(bound.prepare('project.create', [('1', dto.Project('Roof', '1'))]), 'k')
    assert caught.value.maybe_applied, 'a look-up will find it'


def test_ids_of_the_projects_api_may_be_others(answered):
    """Where the two sides have ids of their own, name and customer tell which belongs to which."""
    project = element(5, DisplayName='Roof', IsProject=True, ParentRef={'value': '1'})
    nodes = [
        {'node': {'id': '530614583', 'name': 'Roof', 'status': 'BLOCKED', 'customer': {'id': '1'}}},
        {'node': {'id': '530614584', 'name': 'Roof', 'status': 'COMPLETE', 'customer': {'id': '2'}}},
        {'node': {'id': '5', 'name': 'Another', 'status': 'OPEN', 'customer': {'id': '3'}}},
    ]
    listed = {'data': {'projectManagementProjects': {'edges': nodes, 'pageInfo': {'hasNextPage': False}}}}
    _server, bound = answered(page_of(project), listed)
    (record,) = bound.pull_page('project').records
    assert (record.external_id, record.version, record.status) == ('5', '0|BLOCKED', 'in_progress')


def test_a_trouble_of_the_projects_api_is_no_missing_status(answered, http):
    project = element(5, DisplayName='Roof', IsProject=True, ParentRef={'value': '1'})
    _server, bound = answered(page_of(project), http(503, b''))
    with pytest.raises(errors.ProviderUnavailable):
        bound.pull_page('project')


# === nothing secret in the log === #


def test_everything_logged_at_the_finest_level(qbo, make, caplog):
    caplog.set_level(logging.DEBUG)
    provider = make(qbo.base_url)
    issued = qbo.control('POST', '/_sim/tokens', {'issue': {'tenants': ['US'], 'scopes': SCOPES}})
    token = provider.refresh_token(issued['refresh_token'])
    (organization,) = provider.list_organizations(token, {'realmId': issued['realmId']})
    bound = provider.for_organization(issued['realmId'], token.access_token, organization)
    bound.pull_page('project')
    bound.send(
        bound.prepare('contact.create', [('1', contact('Personal Name', email='person@example.com'))]), 'k'
    )
    provider.remove_connection(organization, token)
    text = '\n'.join(
        [caplog.text, *(record.getMessage() for record in caplog.records), repr(bound), repr(provider)]
    )
    assert 'urllib3' in text, 'there is something to look through'
    own = [record for record in caplog.records if not record.name.startswith(('aiohttp', 'simulators'))]
    shown = '\n'.join(record.getMessage() for record in own) + repr(bound) + repr(provider)
    for secret in (
        token.access_token,
        token.refresh_token,
        APP.client_secret,
        REALM,
        'Personal Name',
        'person@example.com',
    ):
        assert secret not in shown
