"""Consent, tokens, organizations, and their end."""

import contextlib
import secrets
from datetime import datetime, timezone

import pytest

from fieldpromax_accounting.providers import dto, errors


@pytest.fixture
def verifier():
    return secrets.token_urlsafe(48)


def connect(books, provider, verifier, *tags):
    """Through the pages: ``(TokenSet, parameters)``."""
    url = provider.authorization_url('the-state', books.callback, verifier)
    params = books.consent(url, tags)
    assert params.pop('state') == 'the-state'
    return provider.fetch_token(params.pop('code'), books.callback, verifier, params), params


def organization_of(provider, token, params):
    """The one that this very consent brought."""
    return provider.list_organizations(token, params)[0]


def test_a_consent_brings_the_chosen_organization(books, provider, verifier):
    tag = books.tags[0]
    token, params = connect(books, provider, verifier, tag)
    assert token.expires_at > datetime.now(timezone.utc)
    assert token.refresh_token
    if token.refresh_expires_at:
        assert token.refresh_expires_at > token.expires_at
    if token.consent_expires_at:
        assert token.consent_expires_at > token.refresh_expires_at
    found = provider.list_organizations(token, params)
    mine = [one for one in found if one.consent_id == token.consent_id]
    assert len(mine) == 1
    assert mine[0].currency
    assert len(mine[0].country) == 2
    assert mine[0].name
    bound = provider.for_organization(mine[0].external_id, token.access_token, organization=mine[0])
    assert bound.get_organization().name == mine[0].name


def test_a_cancelled_consent(books, provider, verifier):
    url = provider.authorization_url('s', books.callback, verifier)
    params = books.consent(url, [books.tags[0]], action='cancel')
    assert params['error'] == 'access_denied'
    assert 'code' not in params


def test_a_code_is_good_for_once(books, provider, verifier):
    url = provider.authorization_url('s', books.callback, verifier)
    params = books.consent(url, [books.tags[0]])
    provider.fetch_token(params['code'], books.callback, verifier, params)
    with pytest.raises(errors.AuthError) as caught:
        provider.fetch_token(params['code'], books.callback, verifier, params)
    assert not isinstance(caught.value, (errors.ReauthorizationRequired, errors.AppRefused))
    assert not caught.value.retryable


def test_secrets_do_not_show(books, provider, verifier):
    token, params = connect(books, provider, verifier, books.tags[0])
    texts = repr(token), repr(provider), repr(provider.config), repr(books.app)
    for secret in (token.access_token, token.refresh_token, books.app.client_secret):
        assert not any(secret in text for text in texts)
    with pytest.raises(errors.ProviderError) as caught:
        provider.fetch_token('not-the-code', books.callback, verifier, params)
    assert 'not-the-code' not in str(caught.value) + repr(caught.value.details)


def test_tokens_are_renewed(books, provider):
    token, params = books.token(provider, books.tags[0])
    books.expire()
    with pytest.raises(errors.AccessTokenExpired):
        provider.list_organizations(token, params)
    fresh = provider.refresh_token(token.refresh_token)
    assert fresh.access_token != token.access_token
    assert fresh.refresh_token
    assert provider.list_organizations(fresh, params)


def test_a_renewal_whose_answer_was_lost_can_be_repeated(books, provider):
    token, params = books.token(provider, books.tags[0])
    books.fault('timeout_after', 'token')
    with pytest.raises(errors.OutcomeUnknown):
        books.make_provider(read_timeout=0.3).refresh_token(token.refresh_token)
    assert provider.list_organizations(provider.refresh_token(token.refresh_token), params)


@pytest.mark.parametrize(
    ('fault', 'expected'),
    [
        ('status:500', errors.ProviderUnavailable),
        ('status:503', errors.ProviderUnavailable),
        ('html', errors.ProtocolError),
        ('empty', errors.ProtocolError),
        ('truncated', errors.ProtocolError),
        ('reset', errors.OutcomeUnknown),
    ],
)
def test_trouble_while_renewing_says_nothing_about_the_consent(books, provider, fault, expected):
    token, _params = books.token(provider, books.tags[0])
    books.fault(fault, 'token')
    with pytest.raises(expected) as caught:
        provider.refresh_token(token.refresh_token)
    assert not isinstance(caught.value, errors.AuthError)


def test_a_dead_consent(books, provider):
    token, _params = books.token(provider, books.tags[0])
    books.expire_refresh()
    with pytest.raises(errors.ReauthorizationRequired) as caught:
        provider.refresh_token(token.refresh_token)
    assert not caught.value.retryable


def test_a_revoked_consent(books, provider):
    token, params = books.token(provider, books.tags[0])
    organization = organization_of(provider, token, params)
    books.revoke()
    with pytest.raises((errors.AccessTokenExpired, errors.ConnectionRefused)):
        provider.for_organization(organization.external_id, token.access_token).list_accounts()
    with pytest.raises(errors.ReauthorizationRequired):
        provider.refresh_token(token.refresh_token)


def test_an_app_that_is_not_known(books, provider):
    token, _params = books.token(provider, books.tags[0])
    stranger = books.make_provider(app=dto.AppCredentials(books.app.client_id, 'wrong-secret'))
    with pytest.raises(errors.AppRefused) as caught:
        stranger.refresh_token(token.refresh_token)
    assert 'wrong-secret' not in str(caught.value)
    assert provider.refresh_token(token.refresh_token), 'the consent is not touched by it'


def test_the_end_of_a_connection_is_the_end_of_no_other(books, provider):
    one, other = books.tags[:2]
    token, params = books.token(provider, one)
    other_token, other_params = books.token(provider, other)
    mine = organization_of(provider, token, params)
    theirs = organization_of(provider, other_token, other_params)
    provider.remove_connection(mine, token)
    bound = provider.for_organization(mine.external_id, token.access_token, organization=mine)
    with pytest.raises((errors.AuthError, errors.ConnectionRefused)):
        bound.list_accounts()
    still = provider.for_organization(theirs.external_id, other_token.access_token, organization=theirs)
    assert still.list_accounts()


def test_what_is_ended_is_ended(books, provider):
    token, params = books.token(provider, books.tags[0])
    organization = organization_of(provider, token, params)
    provider.remove_connection(organization, token)
    with contextlib.suppress(errors.AuthError):
        # it may also say that there is no consent left
        provider.remove_connection(organization, token)


def test_nobody_listens(books, provider):
    token, params = books.token(provider, books.tags[0])
    nowhere = books.make_provider(base_url='http://127.0.0.1:1')
    for call in (
        lambda: nowhere.refresh_token(token.refresh_token),
        lambda: nowhere.list_organizations(token, params),
    ):
        with pytest.raises(errors.TransportError) as caught:
            call()
        assert caught.value.retryable
        assert not caught.value.maybe_applied


def test_hosts_that_are_not_allowed(books):
    asked = []
    provider = books.make_provider(allow_host=lambda host: asked.append(host) or False)
    with pytest.raises(errors.HostRefused) as caught:
        provider.refresh_token('r')
    assert not caught.value.retryable
    assert asked == ['127.0.0.1']


def test_every_answer_is_counted_under_its_purpose(books):
    seen = []
    provider = books.make_provider(on_response=lambda *values: seen.append(values))
    token, params = books.token(provider, books.tags[0])
    provider.list_organizations(token, params)
    assert seen[0][:2] == ('token.refresh', 200)
    assert any(purpose.startswith('organization') for purpose, *_rest in seen)
    assert all(isinstance(limits, dto.Limits) for _p, _s, limits, _r in seen)
    assert seen[-1][3], 'the provider tells the id of the request'


def test_the_app_page_and_the_scopes_are_for_people(books, provider):
    assert provider.app_page.startswith('https://')
    assert provider.label
    assert provider.scope_texts
    assert all(text[0].isupper() for text in provider.scope_texts)
