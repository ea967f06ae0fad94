"""The pitfalls of xero-python (provider_facts C2), each with what the plain use of the SDK does and what ours does.

Where the plain use is shown, it is there so that this page notices when the SDK has been mended.
"""

import contextlib
import json
import threading
import warnings
from decimal import Decimal

import pytest

from fieldpromax_accounting.providers import dto, errors

xero_python = pytest.importorskip('xero_python')
from xero_python.accounting import AccountingApi  # noqa: E402
from xero_python.api_client import ApiClient  # noqa: E402
from xero_python.api_client.configuration import Configuration  # noqa: E402
from xero_python.api_client.oauth2 import OAuth2Token  # noqa: E402

CONTACT = dto.Contact(name='Somebody', number='db-1')
GUID = '11111111-2222-3333-4444-555555555555'


def contacts(*elements):
    return json.dumps({'Id': GUID, 'Status': 'OK', 'Contacts': list(elements)}).encode()


def plain_api(base_url, token='plain'):
    """The SDK as its README shows it."""
    configuration = Configuration()
    configuration.oauth2_token = OAuth2Token()
    client = ApiClient(configuration, pool_threads=1)
    client.oauth2_token_getter(
        lambda: {'access_token': token, 'scope': [], 'expires_in': 1800, 'token_type': 'Bearer'}
    )
    return AccountingApi(client, base_url=f'{base_url}/api.xro/2.0')


def bound(make_provider, base_url, token='access', tenant='tenant', **values):
    return make_provider(base_url, **values).for_organization(tenant, token)


# 1. one Configuration's token object is handed to the next


def test_pitfall_1_two_companies_do_not_share_a_token(make_provider, raw_server, http):
    one, two = OAuth2Token(client_id='one'), OAuth2Token(client_id='two')
    assert Configuration(oauth2_token=one).oauth2_token is Configuration(oauth2_token=two).oauth2_token
    server = raw_server(http(body=contacts()))
    first = bound(make_provider, server.base_url, 'token-of-one', 'tenant-one')
    second = bound(make_provider, server.base_url, 'token-of-two', 'tenant-two')
    first.pull_page('contact')
    second.pull_page('contact')
    first.pull_page('contact')
    assert [(b'token-of-one' in r, b'tenant-one' in r) for r in server.received] == [
        (True, True),
        (False, False),
        (True, True),
    ]
    assert first._calls._api.api_client.configuration.oauth2_token is not (
        second._calls._api.api_client.configuration.oauth2_token
    )


# 2. a PUT is sent again, Retry-After is slept through


def test_pitfall_2_the_plain_sdk_sends_a_put_again(raw_server):
    server = raw_server('reset')
    with pytest.raises(Exception, match='Max retries'):
        plain_api(server.base_url).create_contacts('tenant', {'Contacts': [{'Name': 'x'}]})
    assert len(server.received) > 1


@pytest.mark.parametrize('operation', ['contact.create', 'contact.update', 'item.create', 'invoice.update'])
def test_pitfall_2_ours_sends_once(make_provider, raw_server, operation):
    server = raw_server('reset')
    call = dto.PreparedCall(operation, '{"Contacts":[],"Items":[],"Invoices":[]}', ('1',), GUID)
    with pytest.raises(errors.OutcomeUnknown):
        bound(make_provider, server.base_url).send(call, 'key')
    assert len(server.received) == 1


@pytest.mark.parametrize('problem', ['minute', 'day', 'concurrent', 'appminute'])
def test_pitfall_2_a_limit_is_raised_at_once(make_provider, raw_server, http, problem):
    # the plain SDK sleeps for Retry-After here: hours for the day's limit
    headers = {'X_Rate_Limit_Problem': problem, 'X_MinLimit_Remaining': '0'}
    if problem != 'concurrent':
        headers['Retry_After'] = '7200'
    server = raw_server(http(429, b'', content_type='', **headers))
    provider = bound(make_provider, server.base_url)
    for call in (
        lambda: provider.pull_page('contact'),
        lambda: provider.send(provider.prepare('contact.create', [('1', CONTACT)]), 'key'),
    ):
        with pytest.raises(errors.RateLimited) as caught:
            call()
        assert caught.value.limit == {'appminute': 'app_minute'}.get(problem, problem)
        assert caught.value.retry_after == (None if problem == 'concurrent' else 7200)
        assert not caught.value.maybe_applied
    assert len(server.received) == 2


# 3. no time-out, and one given as a float is ignored


def test_pitfall_3_the_plain_sdk_waits_beyond_its_timeout(raw_server):
    server = raw_server('hang')
    done = threading.Event()

    def call():
        with contextlib.suppress(Exception):
            plain_api(server.base_url).get_organisations('tenant', _request_timeout=0.1)
        done.set()

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        threading.Thread(target=call, daemon=True).start()
        assert not done.wait(0.6), 'a float is ignored'


def test_pitfall_3_ours_always_ends(make_provider, raw_server):
    provider = bound(make_provider, raw_server('hang').base_url, read_timeout=0.2)
    with pytest.raises(errors.OutcomeUnknown) as caught:
        provider.list_accounts()
    assert caught.value.code == 'read_timeout'


# 4. one odd record fails its page, null becomes 'None'


ODD = [
    {'ContactID': GUID, 'Name': 'Nulls', 'EmailAddress': None, 'Phones': None, 'UpdatedDateUTC': None},
    {'ContactID': GUID, 'Name': 'New status', 'ContactStatus': 'HIBERNATING'},
    {'ContactID': GUID, 'Name': 'N' * 400},
]


@pytest.mark.parametrize('element', ODD[1:])
def test_pitfall_4_the_plain_sdk_fails_the_page(raw_server, http, element):
    server = raw_server(http(body=contacts({'ContactID': GUID, 'Name': 'Fine'}, element)))
    with pytest.raises((ValueError, TypeError)):
        plain_api(server.base_url).get_contacts('tenant')


def test_pitfall_4_the_plain_sdk_reads_none(raw_server, http):
    server = raw_server(http(body=contacts({'ContactID': GUID, 'Name': 'Nulls', 'EmailAddress': None})))
    assert plain_api(server.base_url).get_contacts('tenant').contacts[0].email_address == 'None'


def test_pitfall_4_ours_reads_the_page(make_provider, raw_server, http):
    server = raw_server(http(body=contacts(*ODD, {'ContactID': None, 'Name': 'No id'}, 'nonsense', None)))
    page = bound(make_provider, server.base_url).pull_page('contact')
    assert [record.name for record in page.records] == ['Nulls', 'New status', 'N' * 400]
    assert page.records[0].email == ''
    assert page.records[0].updated_at is None
    assert page.unreadable == (('', 'it has no ContactID'), ('', 'it is no record'), ('', 'it is no record'))


def test_pitfall_4_settings(make_provider, raw_server, http):
    accounts = [
        {'AccountID': GUID, 'Code': '200', 'Name': 'Sales', 'Type': 'REVENUE', 'Status': 'ACTIVE'},
        {
            'AccountID': GUID,
            'Code': '201',
            'Name': 'New',
            'Type': 'QUANTUM',
            'Status': 'RESTING',
            'TaxType': None,
        },
        {'AccountID': None, 'Code': '202'},
    ]
    server = raw_server(http(body=json.dumps({'Accounts': accounts}).encode()))
    found = bound(make_provider, server.base_url).list_accounts()
    assert [(a.code, a.type, a.active, a.tax_code) for a in found] == [
        ('200', 'REVENUE', True, ''),
        ('201', 'QUANTUM', False, ''),
    ]
    rates = [
        {
            'TaxType': 'OUTPUT',
            'Name': 'GST',
            'EffectiveRate': 10.0,
            'ReportTaxType': 'BRANDNEW',
            'Status': 'ACTIVE',
        },
        {'TaxType': 'X', 'Name': None, 'EffectiveRate': None, 'DisplayTaxRate': 12.5},
        {'TaxType': 'Y', 'Name': 'No rate'},
    ]
    server = raw_server(http(body=json.dumps({'TaxRates': rates}).encode()))
    found = bound(make_provider, server.base_url).list_tax_rates()
    assert [(r.external_id, r.name, r.rate) for r in found] == [
        ('OUTPUT', 'GST', Decimal('10.0')),
        ('X', '', Decimal('12.5')),
    ]


def test_pitfall_4_items_and_invoices(make_provider, raw_server, http):
    items = [
        {'ItemID': GUID, 'Name': 'No code'},
        {'ItemID': GUID, 'Code': 'A', 'SalesDetails': {'UnitPrice': 'x'}},
    ]
    server = raw_server(http(body=json.dumps({'Items': items}).encode()))
    page = bound(make_provider, server.base_url).pull_page('item')
    assert [record.code for record in page.records] == ['']
    assert page.unreadable == ((GUID, 'UnitPrice is not a number'),)
    invoice = {
        'InvoiceID': GUID,
        'Status': 'PONDERING',
        'Date': None,
        'CurrencyCode': None,
        'LineItems': None,
        'SubTotal': 0,
        'TotalTax': 0,
        'Total': 0,
    }
    server = raw_server(http(body=json.dumps({'Invoices': [invoice]}).encode()))
    record = bound(make_provider, server.base_url).get_record('invoice', GUID)
    assert (record.status, record.date, record.currency, record.lines) == ('pondering', None, '', ())


@pytest.mark.parametrize('fault', ['unknown_enum', 'null_value'])
@pytest.mark.parametrize('call', ['contact', 'item'])
def test_pitfall_4_through_the_simulator(sim, us, fault, call):
    full = us.pull_page(call)
    sim.fault(fault, {'contact': '/Contacts', 'item': '/Items'}[call])
    page = us.pull_page(call)
    assert len(page.records) + len(page.unreadable) >= len(full.records) - 1


# 5. numbers become floats, exceptions print headers and bodies


def test_pitfall_5_numbers_travel_exactly(make_provider, raw_server, http):
    price = Decimal('1234567890123.4567')
    assert Decimal(repr(float(price))) != price, 'a float would change it'
    item = dto.Item(code='A', name='A', sale_price=price)
    server = raw_server(http(body=json.dumps({'Items': [{'ItemID': GUID, 'Code': 'A'}]}).encode()))
    provider = bound(make_provider, server.base_url)
    call = provider.prepare('item.create', [('1', item)])
    provider.send(call, 'key')
    assert server.received[0].endswith(call.body.encode()), 'the frozen text and nothing else'
    assert '"UnitPrice":1234567890123.4567' in call.body


def test_pitfall_5_answers_are_read_exactly(make_provider, raw_server, http):
    body = (
        b'{"Items":[{"ItemID":"%s","Code":"A","SalesDetails":{"UnitPrice":1234567890123.4567}}]}'
        % GUID.encode()
    )
    record = bound(make_provider, raw_server(http(body=body)).base_url).get_record('item', GUID)
    assert record.sale_price == Decimal('1234567890123.4567')


def test_pitfall_5_no_exception_of_the_sdk(make_provider, raw_server, http):
    body = b'{"Detail": "TokenExpired: token expired", "echo": "Bearer access-token-1"}'
    server = raw_server(http(401, body))
    with pytest.raises(errors.AccessTokenExpired) as caught:
        bound(make_provider, server.base_url, 'access-token-1').list_accounts()
    assert 'access-token-1' not in repr(caught.value) + str(caught.value.__dict__)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


# 6. the SDK's own token calls: fixed URLs, secrets in the body


def test_pitfall_6_the_sdk_never_asks_for_a_token(sim, us):
    sim.control('POST', '/_sim/tokens', {'expire': True})
    with pytest.raises(errors.AccessTokenExpired):
        us.list_accounts()
    asked = sim.requests(path='/connect/token')
    assert asked == []


# 7. python names of parameters


def test_pitfall_7_the_plain_sdk_has_names_of_its_own(raw_server, http):
    with pytest.raises(TypeError):
        plain_api(raw_server(http()).base_url).get_invoices('tenant', IDs=[GUID])


def test_pitfall_7_filters_reach_the_wire(make_provider, raw_server, http):
    server = raw_server(http(body=b'{"Invoices": [], "Contacts": []}'))
    provider = bound(make_provider, server.base_url)
    provider.find_records('invoice', ['A/1', 'B,2'])
    provider.pull_page('contact', since='2026-01-02T03:04:05.678+00:00')
    listed, filtered, pulled = (request.decode() for request in server.received)
    assert 'InvoiceNumbers=A%2F1' in listed
    assert 'page=1' in listed, 'without it there are no lines (A4)'
    assert 'unitdp=4' in listed
    assert 'where=InvoiceNumber%3D%3D%22B%2C2%22' in filtered
    assert 'order=UpdatedDateUTC+ASC' in pulled
    assert 'includeArchived=true' in pulled
    assert 'pageSize=1000' in pulled
    assert 'If-Modified-Since: 2026-01-02T03:04:04' in pulled
    assert 'xero-tenant-id: tenant' in pulled
    assert 'Accept: application/json' in pulled


def test_no_warning_of_the_sdk(sim, us):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        us.list_accounts()
        us.pull_page('contact')
        us.send(us.prepare('contact.create', [('1', CONTACT)]), 'key')


def test_without_the_package(make_provider, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'xero_python.accounting', None)
    with pytest.raises(errors.ProviderError) as caught:
        bound(make_provider, 'http://127.0.0.1:1').list_accounts()
    assert caught.value.code == 'missing_package'
    assert 'pip install xero-python' in caught.value.message


def test_an_unbound_provider_is_a_mistake_of_ours(make_provider):
    with pytest.raises(ValueError, match='for_organization'):
        make_provider('http://127.0.0.1:1').list_accounts()
