"""Consent, code and refresh against the simulator's pages, and every way in which a token answer can go wrong."""

import json
import os
import warnings
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest
from provider_kit import APP, CALLBACK, PKCE_APP

from fieldpromax_accounting.providers import dto, errors, oauth

TOKENS = {
    'access_token': 'an-access-token',
    'refresh_token': 'a-refresh-token',
    'expires_in': 1800,
    'token_type': 'Bearer',
    'scope': 'openid offline_access accounting.contacts',
}


def query_of(url):
    return {key: value[0] for key, value in parse_qs(urlsplit(url).query).items()}


# === the consent URL === #


def test_authorization_url_of_production(make_provider):
    url = make_provider('').authorization_url('st4te', CALLBACK, 'v' * 43)
    parts, query = urlsplit(url), query_of(url)
    assert (parts.scheme, parts.netloc, parts.path) == (
        'https',
        'login.xero.com',
        '/identity/connect/authorize',
    )
    assert query['response_type'] == 'code'
    assert query['client_id'] == APP.client_id
    assert query['redirect_uri'] == CALLBACK
    assert query['state'] == 'st4te'
    assert set(query['scope'].split()) == {
        'openid',
        'profile',
        'email',
        'offline_access',
        'accounting.invoices',
        'accounting.payments',
        'accounting.contacts',
        'accounting.settings',
        'accounting.attachments',
    }
    assert 'code_challenge' not in query, 'PKCE is an app type of its own at Xero'
    assert APP.client_secret not in url


def test_authorization_url_of_an_app_without_secret(make_provider):
    # the verifier and challenge of RFC 7636, appendix B
    url = make_provider('', app=PKCE_APP).authorization_url(
        's', CALLBACK, 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
    )
    assert query_of(url)['code_challenge'] == 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    assert query_of(url)['code_challenge_method'] == 'S256'


# === code → token === #


@pytest.mark.parametrize('app', [APP, PKCE_APP], ids=['secret', 'pkce'])
def test_the_whole_way(sim, make_provider, browser, verifier, tenants, app):
    provider = make_provider(sim.base_url, app=app)
    url = provider.authorization_url('st4te', CALLBACK, verifier)
    callback = browser.consent(url, [tenants['US']])
    assert callback['state'] == 'st4te'
    before = datetime.now(timezone.utc)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        token = provider.fetch_token(callback['code'], CALLBACK, verifier, callback)
    assert timedelta(minutes=29) < token.expires_at - before < timedelta(minutes=31)
    assert token.refresh_expires_at - before > timedelta(days=59)
    assert 'accounting.invoices' in token.scopes
    assert token.user_external_id
    assert token.consent_id
    assert [o.country for o in provider.list_organizations(token, callback)] == ['US']
    # the code is spent
    with pytest.raises(errors.AuthError) as caught:
        provider.fetch_token(callback['code'], CALLBACK, verifier, callback)
    assert type(caught.value) is errors.AuthError
    assert caught.value.code == 'invalid_grant'
    assert 'Start connecting again' in caught.value.message


def test_another_verifier(sim, make_provider, browser, verifier, tenants):
    provider = make_provider(sim.base_url, app=PKCE_APP)
    callback = browser.consent(provider.authorization_url('s', CALLBACK, verifier), [tenants['US']])
    with pytest.raises(errors.AuthError):
        provider.fetch_token(callback['code'], CALLBACK, verifier[::-1], callback)


def test_another_redirect_uri(sim, provider, browser, verifier, tenants):
    callback = browser.consent(provider.authorization_url('s', CALLBACK, verifier), [tenants['US']])
    with pytest.raises(errors.AuthError):
        provider.fetch_token(
            callback['code'], 'http://localhost:1/fieldpromax/oauth/callback/xero', verifier, {}
        )


def test_an_expired_code(sim, provider, browser, verifier, tenants):
    callback = browser.consent(provider.authorization_url('s', CALLBACK, verifier), [tenants['US']])
    sim.control('POST', '/_sim/clock', {'advance_seconds': 301})
    with pytest.raises(errors.AuthError) as caught:
        provider.fetch_token(callback['code'], CALLBACK, verifier, callback)
    assert 'five minutes' in caught.value.message


@pytest.mark.parametrize('code', ['', 'nonsense', 'a&b=c', 'ü' * 10, '\x00', 'x' * 5000])
def test_a_made_up_code(provider, code):
    with pytest.raises(errors.ProviderError) as caught:
        provider.fetch_token(code, CALLBACK, 'v' * 43, {})
    assert not caught.value.retryable


@pytest.mark.parametrize(
    'app',
    [
        dto.AppCredentials('fieldpromax-demo', 'wrong'),
        dto.AppCredentials('fieldpromax-demo', '“pasted with quotes”'),
        dto.AppCredentials('nobody', 'secret'),
        dto.AppCredentials('nobody'),
        dto.AppCredentials('fieldpromax-demo'),
    ],
    ids=['wrong secret', 'typographic', 'unknown id', 'unknown id pkce', 'secret missing'],
)
def test_a_wrong_app(sim, make_provider, app):
    tokens = sim.issue()
    with pytest.raises(errors.AppRefused) as caught:
        make_provider(sim.base_url, app=app).refresh_token(tokens['refresh_token'])
    assert not caught.value.retryable
    assert 'client id' in caught.value.message


# === refresh === #


@pytest.mark.parametrize('app', [APP, PKCE_APP], ids=['secret', 'pkce'])
def test_refresh_rotates(sim, make_provider, app):
    provider = make_provider(sim.base_url, app=app)
    tokens = sim.issue(client_id=app.client_id)
    first = provider.refresh_token(tokens['refresh_token'])
    assert first.refresh_token not in ('', tokens['refresh_token'])
    assert first.access_token != tokens['access_token']
    second = provider.refresh_token(first.refresh_token)
    assert second.refresh_token != first.refresh_token


@pytest.mark.parametrize('how', [{'expire_refresh': True}, {'revoke': True}])
def test_the_consent_is_gone(sim, provider, how):
    tokens = sim.issue()
    sim.control('POST', '/_sim/tokens', how)
    with pytest.raises(errors.ReauthorizationRequired) as caught:
        provider.refresh_token(tokens['refresh_token'])
    assert caught.value.code == 'invalid_grant'


@pytest.mark.parametrize(
    ('fault', 'expected'),
    [
        ('timeout_before', errors.OutcomeUnknown),
        ('timeout_after', errors.OutcomeUnknown),
        ('reset', errors.OutcomeUnknown),
        ('reset_after', errors.OutcomeUnknown),
        ('truncated', errors.ProtocolError),
        ('html', errors.ProtocolError),
        ('html:503', errors.ProviderUnavailable),
        ('empty', errors.ProtocolError),
        ('wrong_content_type', errors.ProtocolError),
        ('status:500', errors.ProviderUnavailable),
        ('status:503', errors.ProviderUnavailable),
        ('429:appminute', errors.RateLimited),
    ],
)
def test_a_failure_that_says_nothing_about_the_consent(sim, make_provider, fault, expected):
    hasty = make_provider(sim.base_url, read_timeout=0.2 if fault.startswith('timeout') else 5)
    refresh_token = sim.issue()['refresh_token']
    sim.fault(fault, '/connect/token')
    with pytest.raises(expected) as caught:
        hasty.refresh_token(refresh_token)
    assert type(caught.value) is expected
    assert not isinstance(caught.value, errors.AuthError)
    # the old refresh token may be tried again for 30 minutes (A1)
    assert make_provider(sim.base_url).refresh_token(refresh_token).access_token


def test_nobody_listens(make_provider, closed_port):
    with pytest.raises(errors.TransportError):
        make_provider(closed_port).refresh_token('r')


def test_a_refused_host(sim, make_provider):
    provider = make_provider(sim.base_url, allow_host=lambda host: False)
    with pytest.raises(errors.HostRefused):
        provider.refresh_token('r')
    assert sim.requests(path='/connect/token') == []


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b'access_token=abc&expires_in=3',
        b'[]',
        b'"abc"',
        b'null',
        b'{}',
        b'{"access_token": null}',
        b'{"access_token": ""}',
        b'{"access_token": 5}',
        json.dumps({**TOKENS, 'expires_in': 'soon'}).encode(),
        json.dumps({**TOKENS, 'expires_in': -1}).encode(),
        json.dumps({**TOKENS, 'expires_in': 1e400}).encode(),
        json.dumps({**TOKENS, 'expires_in': True}).encode(),
        json.dumps({**TOKENS, 'scope': 5}).encode(),
        json.dumps({**TOKENS, 'refresh_token': ['x']}).encode(),
        b'{"error": "invalid_grant"}',
        b'\xff',
    ],
)
def test_garbage_as_a_token(make_provider, raw_server, http, body):
    with pytest.raises(errors.ProtocolError):
        make_provider(raw_server(http(body=body)).base_url).refresh_token('r')


@pytest.mark.parametrize(
    ('status', 'body', 'expected'),
    [
        (400, b'{"error": "invalid_grant"}', errors.ReauthorizationRequired),
        (400, b'{"error": "unauthorized_client", "error_description": "x"}', errors.AppRefused),
        (401, b'{"error": "invalid_client"}', errors.AppRefused),
        (401, b'', errors.AppRefused),
        (400, b'{"error": "invalid_scope"}', errors.PermissionMissing),
        (400, b'{"error": "something_new"}', errors.AuthError),
        (400, b'{"error": {"code": 5}}', errors.ProtocolError),
        (400, b'<html>invalid_grant</html>', errors.ProtocolError),
        (400, b'', errors.ProtocolError),
        (400, b'{"Message": "invalid_grant"}', errors.ProtocolError),
        (403, b'<html>blocked</html>', errors.ProtocolError),
        (302, b'', errors.ProtocolError),
        (204, b'', errors.ProtocolError),
    ],
)
def test_only_invalid_grant_ends_the_consent(make_provider, raw_server, http, status, body, expected):
    server = raw_server(http(status, body))
    with pytest.raises(expected) as caught:
        make_provider(server.base_url).refresh_token('r')
    assert type(caught.value) is expected
    assert len(server.received) == 1


def test_no_refresh_token(make_provider, raw_server, http):
    body = json.dumps({key: value for key, value in TOKENS.items() if key != 'refresh_token'}).encode()
    provider = make_provider(raw_server(http(body=body)).base_url)
    with pytest.raises(errors.PermissionMissing) as caught:
        provider.fetch_token('c', CALLBACK, 'v' * 43, {})
    assert caught.value.code == 'no_refresh_token'
    assert provider.refresh_token('kept').refresh_token == 'kept'


def test_more_scopes_than_asked_for_are_no_failure(make_provider, raw_server, http):
    # oauthlib raises a Warning for a changed scope (C6); Xero's are additive
    scope = 'openid offline_access accounting.transactions accounting.reports.read'
    server = raw_server(http(body=json.dumps({**TOKENS, 'scope': scope}).encode()))
    token = make_provider(server.base_url).fetch_token('c', CALLBACK, 'v' * 43, {})
    assert token.scopes == tuple(scope.split())
    assert token.user_external_id == ''
    assert b'scope=' not in server.received[0]


def test_how_an_app_proves_itself(make_provider, raw_server, http):
    server = raw_server(http(body=json.dumps(TOKENS).encode()))
    make_provider(server.base_url).fetch_token('c', CALLBACK, 'v' * 43, {})
    make_provider(server.base_url, app=PKCE_APP).fetch_token('c', CALLBACK, 'v' * 43, {})
    with_secret, without = server.received
    assert b'Authorization: Basic ZmllbGRwcm9tYXgtZGVtbzpmaWVsZHByb21heC1kZW1vLXNlY3JldA==' in with_secret
    assert b'client_id' not in with_secret
    assert b'client_secret' not in with_secret
    assert b'code_verifier' not in with_secret
    assert b'Authorization' not in without
    assert b'client_id=fieldpromax-pkce' in without
    assert b'code_verifier=vvv' in without
    assert b'client_secret' not in without


def test_the_switch_for_insecure_transport_is_not_touched(sim, provider):
    assert 'OAUTHLIB_INSECURE_TRANSPORT' not in os.environ
    provider.refresh_token(sim.issue()['refresh_token'])
    assert 'OAUTHLIB_INSECURE_TRANSPORT' not in os.environ


@pytest.mark.parametrize(
    'token', ['', 'a.b', 'a.b.c', 'a.e30.c', 'a.W10.c', 'x.' + 'A' * 999 + '.y', 'ü.ü.ü', None, 5]
)
def test_claims_of_what_is_no_token(token):
    assert oauth.claims(token) == {}
