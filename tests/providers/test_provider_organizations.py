"""Organisations of a consent, and the end of a connection."""

import pytest

from fieldpromax_accounting.providers import dto, errors


@pytest.fixture
def consent(sim, provider):
    """``consent('US', 'GB')`` → a TokenSet."""

    def make(*countries, **values):
        return provider.refresh_token(sim.issue(countries, **values)['refresh_token'])

    return make


def test_every_organisation_with_what_it_needs(provider, consent, tenants):
    found = provider.list_organizations(consent('AU', 'GB', 'US'), {})
    assert {o.country: (o.name, o.currency) for o in found} == {
        'AU': ('Riverside Plumbing Pty Ltd', 'AUD'),
        'GB': ('Thames Heating Ltd', 'GBP'),
        'US': ('Lakeside Field Services LLC', 'USD'),
    }
    for organization in found:
        assert organization.external_id == tenants[organization.country]
        assert organization.remote_connection_id not in ('', organization.external_id), 'id is not tenantId'
        assert organization.short_code.startswith('!')
        assert organization.currency in organization.currencies
        assert organization.lock_date is None


def test_those_of_this_consent_come_first(provider, consent):
    consent('AU', 'GB')
    token = consent('US')
    found = provider.list_organizations(token, {})
    assert found[0].country == 'US'
    assert {o.country for o in found} == {'AU', 'GB', 'US'}
    assert {o.country for o in found if o.consent_id == token.consent_id} == {'US'}


def test_connections_that_do_not_tell_their_consent(provider, consent, raw_server, http, make_provider):
    body = b'[{"id":"c1","tenantId":"t1","tenantType":"ORGANISATION","tenantName":"One"}]'
    organisation = b'{"Organisations":[{"OrganisationID":"t1","Name":"One","BaseCurrency":"EUR"}]}'
    server = raw_server(
        http(body=body), http(body=body), http(body=organisation), http(body=b'{"Currencies":[]}')
    )
    token = dto.TokenSet('a.b.c', 'r', consent('US').expires_at, consent_id='e1')
    (found,) = make_provider(server.base_url).list_organizations(token, {})
    assert b'GET /connections?authEventId=e1 ' in server.received[1]
    assert (found.consent_id, found.currency) == ('e1', 'EUR')


def test_one_broken_organisation_does_not_hide_the_others(sim, provider, consent):
    token = consent('AU', 'GB', 'US')
    for fault in ('html', 'status:503', 'truncated', 'empty'):
        sim.fault(fault, '/Organisation$')
        found = provider.list_organizations(token, {})
        assert len(found) == 3
        (broken,) = [o for o in found if not o.currency]
        assert broken.name
        assert broken.external_id
        assert broken.remote_connection_id


def test_no_log_names_an_organisation(sim, provider, consent, tenants, caplog):
    caplog.set_level('INFO')
    token = consent('AU', 'US')
    sim.fault('status:403', '/Organisation$')
    provider.list_organizations(token, {})
    sim.fault('status:500', '/Currencies')
    sim.fault('null_value', '/TaxRates')
    bound = provider.for_organization(tenants['US'], token.access_token)
    bound.get_organization()
    bound.list_tax_rates()
    for said in (
        'One of 2 organisations',
        'The currencies of an organisation',
        'One of the tax_rates of Xero',
    ):
        assert said in caplog.text
    for tenant in tenants.values():
        assert tenant not in caplog.text


def test_all_out_of_reach_is_an_error(sim, provider, consent):
    token = consent('AU', 'US')
    sim.fault('status:503', '/Organisation$', times=2)
    with pytest.raises(errors.ProviderUnavailable) as caught:
        provider.list_organizations(token, {})
    assert caught.value.message == 'The Organisation is offline'
    assert caught.value.code == 'organisation_offline'


def test_currencies_that_cannot_be_read_are_unknown(sim, us):
    sim.fault('status:500', '/Currencies')
    assert us.get_organization().currencies == ()
    assert us.get_organization().currencies == ('CAD', 'EUR', 'USD')


def test_the_later_lock_date_counts(sim, us):
    sim.organisation('US', {'PeriodLockDate': '2026-06-30', 'EndOfYearLockDate': '2025-12-31'})
    assert us.get_organization().lock_date.isoformat() == '2026-06-30'


def test_an_expired_token_is_said(sim, provider, consent):
    token = consent('US')
    sim.control('POST', '/_sim/tokens', {'expire': True})
    with pytest.raises(errors.AccessTokenExpired):
        provider.list_organizations(token, {})


@pytest.mark.parametrize(
    'body',
    [b'', b'{}', b'null', b'<html></html>', b'[{"id": {}}]', b'[{"id": "x", "tenantId": ["a"]}]'],
)
def test_connections_that_cannot_be_read(make_provider, raw_server, http, consent, body):
    with pytest.raises(errors.ProtocolError):
        make_provider(raw_server(http(body=body)).base_url).list_organizations(consent('US'), {})


def test_other_tenants_have_no_books(make_provider, raw_server, http, consent):
    body = b'[{"id":"c","tenantId":"t","tenantType":"PRACTICE"}, null, {"id":"d","tenantId":null}]'
    assert make_provider(raw_server(http(body=body)).base_url).list_organizations(consent('US'), {}) == ()


# === the end === #


def test_one_connection_ends_and_no_other(provider, consent):
    token = consent('AU', 'US')
    by_country = {o.country: o for o in provider.list_organizations(token, {})}
    provider.remove_connection(by_country['US'], token)
    assert [o.country for o in provider.list_organizations(token, {})] == ['AU']
    # done already is done
    provider.remove_connection(by_country['US'], token)
    with pytest.raises(errors.ConnectionRefused):
        provider.for_organization(by_country['US'].external_id, token.access_token).list_accounts()
    assert provider.for_organization(by_country['AU'].external_id, token.access_token).list_accounts()


def test_without_the_id_of_the_connection_it_is_looked_up(sim, provider, consent, tenants):
    token = consent('AU', 'US')
    provider.remove_connection(dto.Organization(tenants['US'], 'x'), token)
    assert [o.country for o in provider.list_organizations(token, {})] == ['AU']
    provider.remove_connection(dto.Organization(tenants['US'], 'x'), token)


def test_the_tenant_id_is_not_taken_for_the_connection(sim, provider, consent, tenants):
    token = consent('AU', 'US')
    with pytest.raises(errors.ConnectionRefused):
        provider.remove_connection(dto.Organization('x', 'x', remote_connection_id=tenants['US']), token)
    assert len(provider.list_organizations(token, {})) == 2


@pytest.mark.parametrize(
    ('fault', 'expected'),
    [
        ('timeout_before', errors.OutcomeUnknown),
        ('timeout_after', errors.OutcomeUnknown),
        ('reset', errors.OutcomeUnknown),
        ('status:500', errors.ProviderUnavailable),
        ('429:appminute', errors.RateLimited),
    ],
)
def test_an_end_that_fails_can_be_repeated(sim, make_provider, consent, fault, expected):
    token = consent('AU', 'US')
    provider = make_provider(sim.base_url)
    hasty = make_provider(sim.base_url, read_timeout=0.2 if fault.startswith('timeout') else 5)
    (american,) = (o for o in provider.list_organizations(token, {}) if o.country == 'US')
    sim.fault(fault, '/connections/', 'DELETE')
    with pytest.raises(expected):
        hasty.remove_connection(american, token)
    provider.remove_connection(american, token)
    assert [o.country for o in provider.list_organizations(token, {})] == ['AU']


def test_an_expired_token_ends_nothing(sim, provider, consent):
    token = consent('US')
    (organization,) = provider.list_organizations(token, {})
    sim.control('POST', '/_sim/tokens', {'expire': True})
    with pytest.raises(errors.AccessTokenExpired):
        provider.remove_connection(organization, token)


# === pages for people === #


def test_deep_links(make_provider):
    organization = dto.Organization('t', 'Name', short_code='!lK d')
    production = make_provider('')
    assert production.record_url('invoice', 'a-b', organization) == (
        'https://go.xero.com/app/!lK%20d/invoicing/view/a-b'
    )
    assert production.record_url('contact', 'a-b', organization) == (
        'https://go.xero.com/app/!lK%20d/contacts/contact/a-b'
    )
    assert production.record_url('invoice', '../x', dto.Organization('t', 'n')) == (
        'https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID=..%2Fx'
    )
    assert production.record_url('item', 'a-b', organization) == ''
    assert production.record_url('invoice', '', organization) == ''
    assert make_provider('http://localhost:8071').record_url('invoice', 'a', organization) == (
        'http://localhost:8071/app/!lK%20d/invoicing/view/a'
    )
