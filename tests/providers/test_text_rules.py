"""Names, codes and e-mail addresses that a provider refuses, asked about alone, and what is suggested instead."""

import random
import string

import pytest

from fieldpromax_accounting.providers import registry
from fieldpromax_accounting.providers.checks import cut
from fieldpromax_accounting.providers.quickbooks.client import QuickBooksProvider
from fieldpromax_accounting.providers.xero.client import XeroProvider

X, Q = XeroProvider, QuickBooksProvider
LONG = 'Garden hose with brass couplings, reinforced, 25 m, green'


@pytest.mark.parametrize(
    ('provider', 'kind', 'what', 'text', 'words', 'suggestion'),
    [
        (Q, 'contact', 'name', 'Acme: Homes', 'colons', 'Acme - Homes'),
        (Q, 'contact', 'name', 'Acme:Homes', 'colons', 'Acme - Homes'),
        (Q, 'contact', 'name', 'Acme : : Homes:', 'colons', 'Acme - Homes'),
        (Q, 'contact', 'name', 'Acme\tHomes', 'tabs or line breaks', 'Acme Homes'),
        (Q, 'contact', 'name', ' Acme', 'beginning or end', 'Acme'),
        (Q, 'contact', 'name', '::', 'colons', ''),
        (Q, 'contact', 'name', '', 'a name for every customer', ''),
        (Q, 'contact', 'name', 'x' * 501, '500 characters', 'x' * 500),
        (Q, 'contact', 'email', 'nobody', 'valid e-mail', ''),
        (Q, 'contact', 'email', 'Ann <ann@b.co>', 'valid e-mail', 'ann@b.co'),
        (Q, 'item', 'name', 'Pipe: 3 m', 'colons', 'Pipe - 3 m'),
        (Q, 'item', 'name', 'word ' * 21, '100 characters', ' '.join(['word'] * 20)),
        (Q, 'item', 'code', 'c' * 101, '100 characters in the SKU', 'c' * 100),
        (Q, 'project', 'name', 'Roof: north', 'colons', 'Roof - north'),
        (Q, 'project', 'name', 'x' * 101, '100 characters', 'x' * 100),
        (X, 'contact', 'name', 'Acme  Homes', 'two spaces in a row', 'Acme Homes'),
        (X, 'contact', 'name', 'Acme <old>', 'characters < and >', 'Acme old'),
        (X, 'contact', 'name', '<>', 'characters < and >', ''),
        (X, 'contact', 'name', 'x' * 256, '255 characters', 'x' * 255),
        (X, 'contact', 'email', 'a@b.co, c@d.co', 'one valid e-mail', 'a@b.co'),
        (X, 'item', 'name', LONG, '50 characters', 'Garden hose with brass couplings, reinforced, 25'),
        (X, 'item', 'code', 'c' * 31, '30 characters', 'c' * 30),
    ],
)
def test_what_is_refused_and_what_would_do(provider, kind, what, text, words, suggestion):
    sentences = provider.check_text(kind, what, text)
    assert words in ' '.join(sentences)
    assert provider.suggest_text(kind, what, text) == suggestion
    if suggestion:
        assert provider.check_text(kind, what, suggestion) == ()
    if suggestion and len(suggestion) < 77:
        assert f'"{suggestion}"' in ' '.join(sentences)


@pytest.mark.parametrize(
    ('provider', 'kind', 'what', 'text'),
    [
        (Q, 'contact', 'name', 'Acme  <Homes>'),
        (Q, 'contact', 'email', 'a@b.co, c@d.co'),
        (Q, 'contact', 'email', ''),
        (Q, 'item', 'code', ''),
        (X, 'contact', 'name', 'Acme: Homes'),
        (X, 'item', 'name', ''),
        (X, 'item', 'name', 'Pipe: 3 m'),
        (X, 'project', 'name', 'Whatever: it has no projects'),
    ],
)
def test_what_is_fine_there(provider, kind, what, text):
    assert provider.check_text(kind, what, text) == ()


def test_a_code_is_made_of_the_name():
    assert 'needs a code' in X.check_text('item', 'code', '', 'Garden hose, 5 m')[0]
    assert X.suggest_text('item', 'code', ' ', source='Garden hose, 5 m') == 'GARDEN-HOSE-5-M'
    assert X.suggest_text('item', 'code', '', source='水') == ''


def test_another_word_where_it_is_taken():
    suggest = Q.suggest_text
    assert suggest('contact', 'name', 'Acme', addition='Customer') == 'Acme (Customer)'
    taken = {'Acme (Customer)', 'Acme (Customer 2)'}
    assert (
        suggest('contact', 'name', 'Acme', addition='Customer', is_taken=taken.__contains__)
        == 'Acme (Customer 3)'
    )
    assert suggest('contact', 'name', 'A:B', is_taken={'A - B'}.__contains__) == 'A - B (2)'
    codes = {'PIPE', 'PIPE-2'}
    assert X.suggest_text('item', 'code', '', source='Pipe', is_taken=codes.__contains__) == 'PIPE-3'
    assert suggest('contact', 'name', 'A:B', is_taken=lambda text: True) == ''
    assert suggest('contact', 'email', 'x a@b.co', is_taken=lambda text: True) == '', 'no address is made up'


def test_an_addition_has_its_room():
    name = Q.suggest_text('item', 'name', 'n' * 100, addition='Customer')
    assert len(name) == 100
    assert name.endswith('n (Customer)')
    assert len(Q.suggest_text('contact', 'name', 'n' * 600, room=len(' (EUR)'))) == 494


def test_names_are_cut_between_words():
    assert cut('one two three', 9) == 'one two'
    assert cut('one two three', 7) == 'one two'
    assert cut('a verylongwordindeed', 9) == 'a verylon', 'half of it would be lost'
    assert cut('Hose, green - long', 13) == 'Hose, green'
    assert cut('short', 5) == 'short'


@pytest.mark.parametrize('provider', [X, Q])
def test_every_suggestion_would_do(provider):
    """Whatever stands there: what is suggested breaks no rule, and is suggested again for itself."""
    chance = random.Random(7)  # noqa: S311
    alphabet = string.ascii_letters + ' :<>\t\n\r-,;()&é水🙂' + ' ' * 8
    for _ in range(300):
        text = ''.join(chance.choices(alphabet, k=chance.choice((1, 3, 8, 40, 110, 520))))
        for kind, what in provider.text_rules:
            for addition in ('', 'Customer', '2'):
                found = provider.suggest_text(kind, what, text, source='Some thing', addition=addition)
                if found:
                    assert provider.check_text(kind, what, found) == (), (kind, what, text, found)
                    assert provider.suggest_text(kind, what, found) == found


def test_every_provider_says_what_it_asks_of_names():
    for name, _label in registry.selection():
        provider = registry.get(name)
        assert {('contact', 'name'), ('item', 'name'), ('item', 'code')} <= set(provider.text_rules)
        assert bool(provider.check_text('item', 'code', '', 'A')) == provider.capabilities.items_need_code
