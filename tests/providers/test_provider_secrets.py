"""No token, code, secret or body in a log, a repr, a message or a traceback."""

import copy
import logging
import pickle
import traceback
from datetime import datetime, timezone

import pytest
from provider_kit import APP, CALLBACK, PKCE_APP

from fieldpromax_accounting.providers import base, dto, errors, redaction, registry

JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6Im9wZW5pZCJ9.c2lnbmF0dXJl'


@pytest.mark.parametrize(
    'text',
    [
        'Authorization: Bearer SECRET',
        "{'Authorization': 'Basic SECRET=='}",
        "{'authorization': b'SECRET'}",
        'grant_type=refresh_token&refresh_token=SECRET&x=1',
        'https://localhost/callback?code=SECRET&state=SECRET',
        '{"access_token": "SECRET", "expires_in": 1800}',
        '{"access_token":"SECRET',
        "{'refresh_token': 'SECRET', 'scope': 'a'}",
        "data {'grant_type': 'authorization_code', 'code': 'SECRET', 'code_verifier': 'SECRET'}",
        'client_secret=SECRET',
        '"client_secret" : "SEC\\"RET"',
        f'token {JWT} was refused',
        f'cut off {JWT[:30]}',
        'password=SECRET',
        "{'token': 'SECRET'}",
    ],
)
def test_redacting(text):
    found = redaction.redact(text)
    assert 'SECRET' not in found
    assert 'RET"' not in found
    assert 'eyJ' not in found
    assert redaction.MASK in found


@pytest.mark.parametrize(
    'text',
    [
        "Account code '200' is not a valid code for this document.",
        'TokenExpired: token expired at 01/23/2020 18:21:16',
        '{"Code": "200", "Name": "Sales"}',
        'The contact name X is already assigned to another contact.',
        '',
    ],
)
def test_what_people_need_to_read_stays(text):
    assert redaction.redact(text) == text


def test_a_log_record_that_does_not_fit_its_arguments(caplog):
    logger = redaction.get_logger('test.redaction')
    logger.warning('%s %s access_token=SECRET', 'one')
    logger.warning('GET %s', 'https://api.xero.com/Contacts?where=Name=="Private"&x=1')
    assert 'SECRET' not in caplog.text
    assert 'Private' not in caplog.text
    assert 'api.xero.com/Contacts' in caplog.text


def secrets_of(*values):
    return [value for value in values if value]


@pytest.mark.parametrize('app', [APP, PKCE_APP], ids=['secret', 'pkce'])
def test_everything_logged_at_the_finest_level(sim, make_provider, browser, verifier, tenants, caplog, app):
    """The whole life of a connection with every logger at DEBUG: the libraries below log bodies and headers then."""
    provider = make_provider(sim.base_url, app=app)
    url = provider.authorization_url('st4te-secret', CALLBACK, verifier)
    callback = browser.consent(url, [tenants['US']])
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        for name in list(logging.root.manager.loggerDict):
            if name.split('.')[0] in ('oauthlib', 'requests_oauthlib', 'urllib3', 'requests', 'xero_python'):
                caplog.set_level(logging.DEBUG, name)
        token = provider.fetch_token(callback['code'], CALLBACK, verifier, callback)
        fresh = provider.refresh_token(token.refresh_token)
        (organization,) = provider.list_organizations(fresh, {})
        bound = provider.for_organization(organization.external_id, fresh.access_token)
        bound.send(bound.prepare('contact.create', [('1', dto.Contact('Very Private Person'))]), 'key')
        bound.find_records('contact', ['Very Private Person'])
        with pytest.raises(errors.AuthError):
            provider.fetch_token(callback['code'], CALLBACK, verifier, callback)
        with pytest.raises(errors.ReauthorizationRequired):
            provider.refresh_token('not-a-refresh-token-of-anybody')
        provider.remove_connection(organization, fresh)
    assert len(caplog.records) > 10, 'the libraries did log'
    text = caplog.text
    for secret in secrets_of(
        token.access_token,
        token.access_token.split('.')[1],
        token.refresh_token,
        fresh.access_token,
        fresh.refresh_token,
        callback['code'],
        verifier,
        app.client_secret,
        'not-a-refresh-token-of-anybody',
        'Very Private Person',
        'Very%20Private',
        'Very+Private',
        'authEventId=',
    ):
        assert secret not in text, secret


PRIVATE = 'Very Private ' + 'Person'
CODE = 'THE-' + 'CODE'


def shown(error):
    """Whatever of an error may end up in a log; checked on the way: nothing else hangs on it."""
    assert error.__cause__ is None
    assert error.__context__ is None
    # frames of a library would bring its variables along: headers, bodies
    frames = traceback.extract_tb(error.__traceback__)
    assert not [frame.filename for frame in frames if 'site-packages' in frame.filename]
    return '\n'.join(
        (
            repr(error),
            str(error),
            repr(error.__dict__),
            *traceback.format_exception(type(error), error, error.__traceback__),
        )
    )


def failing_calls(provider, bound, token):
    contact = bound.prepare('contact.create', [('1', dto.Contact(PRIVATE))])
    return {
        'fetch': lambda: provider.fetch_token(CODE, CALLBACK, 'v' * 43, {}),
        'refresh': lambda: provider.refresh_token(token.refresh_token),
        'connections': lambda: provider.list_organizations(token, {}),
        'remove': lambda: provider.remove_connection(
            dto.Organization('t', 'n', remote_connection_id='c'), token
        ),
        'read': bound.list_accounts,
        'pull': lambda: bound.pull_page('contact'),
        'find': lambda: bound.find_records('contact', [PRIVATE]),
        'write': lambda: bound.send(contact, 'key'),
    }


ECHO = (
    b'{"error":"some_error","error_description":"refresh_token=THE-REFRESH-TOKEN Bearer THE-ACCESS-TOKEN",'
    b'"Detail":"Bearer THE-ACCESS-TOKEN","Message":"access_token=THE-ACCESS-TOKEN"}'
)


@pytest.mark.parametrize(
    'name', ['fetch', 'refresh', 'connections', 'remove', 'read', 'pull', 'find', 'write']
)
def test_no_error_holds_a_secret(make_provider, raw_server, http, closed_port, name):
    token = dto.TokenSet('THE-ACCESS-TOKEN', 'THE-REFRESH-TOKEN', datetime.now(timezone.utc))
    answers = [http(status, ECHO) for status in (302, 400, 401, 403, 404, 418, 429, 500, 503)]
    answers += [
        http(body=ECHO),
        http(body=ECHO[:-9]),
        http(body=ECHO, content_type='text/html'),
        'reset',
        'hang',
        b'x',
    ]
    urls = [raw_server(given).base_url for given in answers] + [closed_port, 'http://example.com']
    app = dto.AppCredentials('the-client-id', 'THE-CLIENT-SECRET')
    seen = set()
    for url in urls:
        provider = make_provider(url, app=app, read_timeout=0.2)
        call = failing_calls(provider, provider.for_organization('tenant', 'THE-ACCESS-TOKEN'), token)[name]
        try:
            text = repr(call())
        except errors.ProviderError as error:
            seen.add(type(error))
            text = shown(error)
        for secret in (
            'THE-ACCESS-TOKEN',
            'THE-REFRESH-TOKEN',
            'THE-CLIENT-SECRET',
            CODE,
            PRIVATE,
        ):
            assert secret not in text, (url, secret)
    assert len(seen) >= 5


def test_no_repr_holds_a_secret():
    app = dto.AppCredentials('the-client-id', 'THE-CLIENT-SECRET')
    config = base.ProviderConfig(app=app)
    provider = registry.get('xero')(config)
    bound = provider.for_organization('tenant', 'THE-ACCESS-TOKEN')
    token = dto.TokenSet('THE-ACCESS-TOKEN', 'THE-REFRESH-TOKEN', datetime.now(timezone.utc))
    text = ' '.join(
        repr(thing)
        for thing in (
            app,
            config,
            provider,
            bound,
            token,
            bound._transport,
            bound._oauth,
            (token, [provider]),
        )
    )
    assert 'THE-' not in text
    assert 'tenant' in repr(bound)


@pytest.mark.parametrize(
    'error',
    [
        errors.ValidationRejected('Said so.', code='c', http_status=400, request_id='r', details=('a', 'b')),
        errors.RateLimited('Wait.', limit='day', retry_after=5),
    ],
)
def test_errors_can_be_copied_and_stored(error):
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert type(again) is type(error)
        assert again.__dict__ == error.__dict__
        assert str(again) == str(error)
