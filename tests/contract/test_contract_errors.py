"""Every class of error, for reading and for writing alike: the addon decides by it alone what is done."""

import pathlib

import pytest
from books import HAS, PROVIDERS, adapter
from ledger import new_key

from fieldpromax_accounting.providers import errors, registry


def test_every_provider_is_tried():
    assert len(PROVIDERS) >= 2
    for name in PROVIDERS:
        assert adapter(name).name == name


def test_the_suite_names_no_provider():
    folder = pathlib.Path(__file__).parent
    words = {word.casefold() for pair in registry.selection() for word in pair}
    for file in (
        *folder.glob('test_*.py'),
        folder / 'ledger.py',
        folder / 'books.py',
        folder / 'conftest.py',
    ):
        text = file.read_text().casefold()
        assert not [word for word in words if word in text], file.name


#: what happens with every provider
OUTCOMES = {
    'AccessTokenExpired',
    'PermissionMissing',
    'ConnectionRefused',
    'RateLimited',
    'ProviderUnavailable',
    'ProtocolError',
    'OutcomeUnknown',
}


@pytest.mark.parametrize('name', PROVIDERS)
def test_every_class_of_error_is_tried(name):
    limited = {'PermissionMissing'} if adapter(name).weak_scopes else set()
    assert set(adapter(name).outcomes) | limited >= OUTCOMES


def test_the_organizations_have_what_is_said_of_them(ledger):
    has = {
        'projects in use': ledger.organization.has_projects,
        'payment terms': any(term.active and term.days for term in ledger.provider.list_terms()),
        'foreign currencies': len(ledger.organization.currencies) > 1,
    }
    assert set(has) == HAS
    assert {name for name, found in has.items() if found} == ledger.books.organizations[ledger.tag]


def test_what_goes_wrong_is_told_by_its_class(books, ledger, outcome):
    name, _, code = outcome.partition(':')
    expected = getattr(errors, name)
    invoice, contact = ledger.invoice(), ledger.contact()
    calls = [
        ledger.prepare('contact.create', contact),
        ledger.prepare('invoice.create', invoice, ledger.invoice()),
    ]
    books.outcomes[outcome](books, ledger.tag)
    for call in (
        lambda: ledger.provider.pull_page('contact'),
        ledger.provider.list_accounts,
        lambda: ledger.provider.find_records('contact', ['A']),
        lambda: ledger.provider.get_record('contact', invoice.contact_external_id),
        *(lambda call=call: ledger.provider.send(call, new_key()) for call in calls),
    ):
        with pytest.raises(errors.ProviderError) as caught:
            call()
        error = caught.value
        assert type(error) is expected
        assert error.message
        if code:
            assert error.code == code
        if name == 'RateLimited':
            assert error.retryable
            assert not error.maybe_applied
        if name in ('AccessTokenExpired', 'ConnectionRefused', 'PermissionMissing'):
            assert not error.maybe_applied
            assert error.retryable is (name == 'AccessTokenExpired')
        if name in ('ProviderUnavailable', 'ProtocolError', 'OutcomeUnknown'):
            assert error.maybe_applied
        for secret in (ledger.token.access_token, ledger.token.refresh_token):
            assert secret not in str(error) + repr(error.details)
            assert secret not in _variables(caught.tb)


def _variables(traceback):
    """What a traceback with its variables would show, of frames that are not the tests'."""
    shown = []
    while traceback is not None:
        if '/providers/' in traceback.tb_frame.f_code.co_filename:
            shown.append(repr(traceback.tb_frame.f_locals))
        traceback = traceback.tb_next
    return ''.join(shown)


@pytest.mark.needs('limited consents')
def test_a_consent_without_the_right(books, ledger):
    # Rights add up: earlier consents are forgotten.
    books.reset()
    token, _params = books.token(ledger.unbound, ledger.tag, scopes=list(books.weak_scopes))
    bound = ledger.unbound.for_organization(
        ledger.organization.external_id, token.access_token, organization=ledger.organization
    )
    with pytest.raises(errors.PermissionMissing) as caught:
        bound.list_accounts()
    assert not caught.value.retryable
