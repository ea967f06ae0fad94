"""What counts of names, e-mails, phones, tax numbers and codes."""

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import labelled
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fieldpromax_accounting.match_engine import normalise
from fieldpromax_accounting.match_engine.compare import Likeness
from fieldpromax_accounting.match_engine.normalise import Name

# The same examples each time, and no clock: the machine may be busy.
steady = settings(deadline=None, derandomize=True)
# Any code point, lone surrogates and unassigned ones as well, beside what names are made of.
ODD = st.one_of(
    st.text(st.characters(codec=None), max_size=30),
    st.text(
        'aàäæßøłżİıſ Ⅷ½²ＡＢ株式会社㈱.,;:&+-–—’\'"()[]/\\#@\u00a0\u200b\u0301\ufeff\x00٣१ΣςЖй0129',
        max_size=30,
    ),
    st.lists(
        st.sampled_from(
            [
                'Smith',
                'John',
                'The',
                '&',
                'and',
                'GmbH',
                'Co.',
                'KG',
                'S.r.l.',
                ',',
                '(deleted)',
                'Mr',
                '12',
                '3.0',
                'EUR',
            ]
        ),
        max_size=8,
    ).map(' '.join),
)


@steady
@given(ODD)
def test_compact_is_idempotent(text):
    once = normalise.compact(text)
    assert normalise.compact(once) == once


def assigned_characters():
    return (c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) not in ('Cn', 'Co'))


def test_compact_of_every_character_is_stable():
    for character in assigned_characters():
        once = normalise.compact(character)
        assert normalise.compact(once) == once, ascii(character)


@steady
@given(ODD)
@example('The')
@example('&')
@example('GmbH')
@example(', The')
def test_a_name_is_equal_to_itself(text):
    name = Name(text)
    keys = normalise.name_keys(name)
    assert bool(keys) == bool(name.compact)
    assert normalise.equal(name, Name(text)) == bool(name.compact)
    assert len(name.raw) == len(name.words)


@steady
@given(ODD, ODD)
def test_likeness_is_symmetric(a, b):
    there, back = Likeness(Name(a), Name(b)), Likeness(Name(b), Name(a))
    assert there.score == back.score
    assert there.is_equal == back.is_equal
    assert there.is_safe == back.is_safe
    assert 0 <= there.score <= 100
    assert len(there.reasons) >= 1


@steady
@given(ODD, ODD)
def test_equal_names_share_a_key_and_others_do_not(a, b):
    a, b = Name(a), Name(b)
    shared = set(normalise.name_keys(a)) & set(normalise.name_keys(b))
    assert normalise.equal(a, b) == bool(shared)


@steady
@given(ODD)
def test_case_and_spaces_do_not_count(text):
    spaced = f'  {text}\u00a0 '
    assert normalise.compact(spaced) == normalise.compact(text)
    assert normalise.compact(normalise.compact(text).upper()) == normalise.compact(
        unicodedata.normalize('NFC', normalise.compact(text).upper())
    )


@steady
@given(ODD)
def test_nothing_raises(text):
    normalise.emails(text)
    normalise.emails(f'{text}@{text}')
    for phone in normalise.phones(text):
        assert normalise.same_phone(phone, phone)
    tax = normalise.tax_number(text)
    assert normalise.same_tax_number(tax, tax) == bool(tax[1])
    normalise.code_key(text)
    normalise.code_shape(text)
    Name(text, is_product=True)


def test_equal_in_the_database_is_equal_here():
    """Names that the database finds equal are equal here too: this side only forgives more.

    Keys are made letter by letter. So if for each character the key here is made of the key there, it is for every
    text; a few texts are asked about as well.
    """
    pytest.importorskip('odoo')
    texts = [
        *assigned_characters(),
        *(record.name for pair in labelled.load() for record in (pair.books, pair.odoo)),
    ]
    texts += ['ΑΣ Σ', 'İstanbul', '㈱みどり', 'e\u0301\u0327', '\u05e9\u05c1\u05bc', '각', '½ ㎏']
    keys = subprocess.run(
        [sys.executable, str(Path(__file__).with_name('database_keys.py'))],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    for text, key in zip(texts, json.loads(keys.stdout), strict=True):
        assert normalise.compact(key) == normalise.compact(text), ascii(text)


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('Ashdown Ltd', 'Ashdown Limited'),
        ('Ashdown L.L.C.', 'ashdown llc'),
        ('Brenner GmbH & Co. KG', 'Brenner GmbH und Co KG'),
        ('ООО Дом', 'Дом ООО'),
        ('株式会社みどり', 'みどり㈱'),
        ('The Gilded Fern', 'Gilded Fern'),
        ('Rusty Nail, The', 'The Rusty Nail'),
        ('Barrow & Finch', 'Barrow and Finch'),
        ('Huber und Söhne', 'HUBER + SOHNE'),
        ('Smith, John', 'John Smith'),
        ('A.B. Mortlake', 'AB Mortlake'),
        ('Bluestone Masonry', 'Blue Stone Masonry'),
    ],
)
def test_equal_names(one, other):
    assert normalise.equal(Name(one), Name(other))


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('Ashdown Ltd', 'Ashdown LLC'),
        ('Ashdown Ltd', 'Ashdown'),
        ('Hotel Aurora I', 'Hotel Aurora'),
        ('Tower E Management', 'Tower Management'),
        ('Voss (EUR)', 'Voss'),
        ('Petrel (deleted)', 'Petrel'),
        ('Mr Pryor', 'Mrs Pryor'),
        ('Smith, John', 'Smith, Joan'),
        ('', ''),
        ('&', '…'),
    ],
)
def test_names_that_are_not_equal(one, other):
    assert not normalise.equal(Name(one), Name(other))


def test_products_keep_what_only_customers_have():
    """No legal form and no surname in front of a comma: "Elbow, brass" is not "Brass elbow Co"."""
    name = Name('Brass elbow, Co', is_product=True)
    assert name.form == ''
    assert name.words == ('brass', 'elbow', 'company')


@pytest.mark.parametrize(
    ('text', 'addresses'),
    [
        ('Ann <Ann@X.example>, b@x.example;', ('ann@x.example', 'b@x.example')),
        ('mailto:ann@x.example', ('ann@x.example',)),
        ('none@none.com', ()),
        ('noemail@x.example', ()),
        ('a@b@c', ()),
        ('@x.example', ()),
        ('ann at x.example', ()),
        ('', ()),
    ],
)
def test_emails(text, addresses):
    assert normalise.emails(text) == addresses


def test_mailboxes():
    assert normalise.mailbox('ann.b+shop@googlemail.com') == 'annb@gmail.com'
    assert normalise.mailbox('ann.b+shop@x.example') == 'ann.b@x.example'
    assert normalise.own_domain('a@gmail.com') == ''
    assert normalise.own_domain('a@x.example') == 'x.example'


@pytest.mark.parametrize(
    ('one', 'other', 'is_same'),
    [
        ('+61 2 5550 4410', '(02) 5550 4410', True),
        ('+44 (0)1632 960417', '01632 960417', True),
        ('0044 1632 960121', '+44 1632 960121', True),
        ('+1 415 555 0142', '415-555-0142', True),
        ('01632 960120 ext. 4', '01632960120', True),
        ('+1 415 555 0142', '+1 515 555 0142', False),
        ('415 555 0142', '515 555 0142', False),
        ('+47 2222 3333', '+46 2222 3333', False),
    ],
)
def test_phones(one, other, is_same):
    a, b = normalise.phones(one)[0], normalise.phones(other)[0]
    assert normalise.same_phone(a, b) is normalise.same_phone(b, a) is is_same
    if is_same:
        assert normalise.phone_key(a) == normalise.phone_key(b)


def test_what_is_no_phone():
    assert normalise.phones('000 000 0000') == normalise.phones('12345') == normalise.phones('n/a') == ()


@pytest.mark.parametrize(
    ('one', 'other', 'is_same'),
    [
        ('GB 123 4567 01', '123456701', True),
        ('ABN 51 000 666 777', '51000666777', True),
        ('NL 001234567 B01', 'nl001234567b01', True),
        ('CHE-100.200.300', 'CHE100200300 MWST', True),
        ('DE123456789', 'FR123456789', False),
        ('12-3456780', '12-3456789', False),
        ('00-0000000', '00-0000000', False),
        ('N/A', 'N/A', False),
    ],
)
def test_tax_numbers(one, other, is_same):
    a, b = normalise.tax_number(one), normalise.tax_number(other)
    assert normalise.same_tax_number(a, b) is normalise.same_tax_number(b, a) is is_same


def test_codes():
    assert normalise.code_key('A-100') == normalise.code_key(' a 100 ') == normalise.code_key('A100')
    assert normalise.code_key('1-10') != normalise.code_key('11-0')
    assert normalise.code_key('1-10') == normalise.code_key('1.10')
    assert normalise.code_shape('CG-O5') == normalise.code_shape('CG-05') == normalise.code_shape('cg5')
    assert normalise.code_key('--') == ''


def test_numbers_in_names():
    assert Name('Pump 0,75 kW', is_product=True).numbers == Name('Pump 0.75kW', is_product=True).numbers
    assert Name('3.0 m', is_product=True).numbers == ('3',)
    assert Name('1,000 l', is_product=True).numbers == ('1000',)
    assert Name('Unit 1/10').numbers == ('1', '10')
