"""Every class of error, for reading and for writing alike: the addon decides by it alone what is done."""

import pathlib

import pytest
from books import PROVIDERS, adapter
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


OUTCOMES = (
    'AccessTokenExpired',
    'PermissionMissing',
    'ConnectionRefused',
    'ConnectionRefused:subscription_lapsed',
    'ConnectionRefused:organization_closed',
    'RateLimited',
    'ProviderUnavailable',
    'ProtocolError',
    'OutcomeUnknown',
)


@pytest.mark.parametrize('outcome', OUTCOMES)
def test_what_goes_wrong_is_told_by_its_class(books, ledger, outcome):
    arrange = books.outcomes(ledger.tag).get(outcome)
    if arrange is None:
        pytest.skip('This does not happen with the provider in this way.')
    name, _, code = outcome.partition(':')
    expected = getattr(errors, name)
    invoice, contact = ledger.invoice(), ledger.contact()
    calls = [
        ledger.prepare('contact.create', contact),
        ledger.prepare('invoice.create', invoice, ledger.invoice()),
    ]
    arrange()
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


def test_a_consent_without_the_right(books, ledger):
    weak = books.weak_token(ledger.unbound, ledger.tag)
    if weak is None:
        pytest.skip('The provider has one right for everything.')
    token, _params = weak
    bound = ledger.unbound.for_organization(
        ledger.organization.external_id, token.access_token, organization=ledger.organization
    )
    with pytest.raises(errors.PermissionMissing) as caught:
        bound.list_accounts()
    assert not caught.value.retryable
