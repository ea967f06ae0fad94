"""What travels, what waits for a person, and what is left alone: every case of one field, then what holds for all."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldpromax_accounting import three_way
from fieldpromax_accounting.providers import dto
from fieldpromax_accounting.three_way import BOTH, NONE, PULL, PUSH, blend, field_key, merge, remembered

AGREED = {'ours': {'phone': '1'}, 'theirs': {'phone': '1'}}


def outcome(ours, theirs, direction=BOTH, baseline=AGREED):
    found = merge(baseline, {'phone': ours}, {'phone': theirs}, {'phone': direction})
    return next((name for name in ('take', 'send', 'conflicts', 'known') if getattr(found, name)), '')


@pytest.mark.parametrize(
    ('ours', 'theirs', 'direction', 'expected'),
    [
        ('1', '1', BOTH, 'known'),
        ('2', '1', BOTH, 'send'),
        ('1', '2', BOTH, 'take'),
        ('2', '3', BOTH, 'conflicts'),
        ('2', '2', BOTH, 'known'),
        ('', '1', BOTH, 'send'),
        ('1', '', BOTH, 'take'),
        ('2', '1', PUSH, 'send'),
        ('1', '2', PUSH, ''),
        ('2', '3', PUSH, 'send'),
        ('2', '1', PULL, ''),
        ('1', '2', PULL, 'take'),
        ('2', '3', PULL, 'take'),
        ('2', '3', NONE, ''),
    ],
)
def test_what_changed_since_both_agreed(ours, theirs, direction, expected):
    assert outcome(ours, theirs, direction) == expected


@pytest.mark.parametrize(
    ('ours', 'theirs', 'direction', 'expected'),
    [
        ('1', '1', BOTH, 'known'),
        ('', '1', BOTH, 'take'),
        ('1', '', BOTH, 'send'),
        ('', '1', PUSH, 'known'),
        ('1', '', PULL, 'known'),
        ('1', '2', BOTH, 'known'),
        ('1', '', NONE, 'known'),
    ],
)
def test_the_first_look_fills_and_overwrites_nothing(ours, theirs, direction, expected):
    assert outcome(ours, theirs, direction, None) == expected


def test_each_side_keeps_its_spelling():
    baseline = {'ours': {'phone': '(02) 555 0100'}, 'theirs': {'phone': '+61 2 555 0100'}}
    assert outcome('02 555-0100', '+61 2555 0100', BOTH, baseline) == ''
    assert outcome('02 555-0111', '+61 2555 0100', BOTH, baseline) == 'send'


@pytest.mark.parametrize(
    ('field', 'one', 'other'),
    [
        ('email', 'Ann@X.example ', 'ann@x.example'),
        ('phone', '(02) 555-0100', '025550100'),
        ('tax_number', 'DE 123.456', 'de123456'),
        ('website', 'https://acme.example/', 'acme.example'),
        ('name', 'Acme  Gardens ', 'Acme Gardens'),
        ('price', '80.50', Decimal('80.5')),
        ('price', '0', '-0.00'),
        ('address', {'street': '1 Main  St'}, {'street': '1 Main St', 'city': ''}),
        ('persons', [{'name': 'A', 'email': 'X@y.z'}], [{'name': 'A ', 'email': 'x@y.z'}]),
        ('active', True, None),
    ],
)
def test_what_is_no_difference(field, one, other):
    assert field_key(field, one) == field_key(field, other)


@pytest.mark.parametrize(
    ('field', 'one', 'other'),
    [
        ('name', 'acme', 'Acme'),
        ('price', '80.5', '80.51'),
        ('active', True, False),
        ('address', {'street': '1'}, {'street': '2'}),
        ('email', 'a@b.c', ''),
    ],
)
def test_what_is_a_difference(field, one, other):
    assert field_key(field, one) != field_key(field, other)


def test_places_are_the_same_however_they_are_written():
    names = {'TX': '7', 'Texas': '7', 'USA': '233', 'United States': '233'}
    key = lambda address: field_key('address', address, lambda _part, text: names.get(text, text))  # noqa: E731
    assert key({'region': 'TX', 'country': 'USA'}) == key({'region': 'Texas', 'country': 'United States'})


def test_an_address_keeps_the_parts_that_did_not_change():
    then = {'street': '1 Main', 'region': '', 'country': 'United States'}
    now = {'street': '2 Main', 'region': '', 'country': 'United States'}
    there = {'street': '1 Main', 'region': 'Somewhere', 'country': 'USA'}
    assert blend('address', then, now, there) == {
        'street': '2 Main',
        'street2': '',
        'city': '',
        'region': 'Somewhere',
        'postal_code': '',
        'country': 'USA',
    }


def test_persons_of_the_books_stay_and_removed_ones_go():
    then = [{'name': 'Gone', 'email': ''}, {'name': 'Old', 'email': ''}]
    now = [{'name': 'Old', 'email': ''}, {'name': 'New', 'email': ''}]
    there = [*then, {'name': 'Theirs', 'email': ''}]
    assert [one['name'] for one in blend('persons', then, now, there)] == ['Old', 'New', 'Theirs']


def test_values_of_a_record_and_back():
    contact = dto.Contact(
        'Acme', external_id='7', email='a@b.c', phone='1', address=dto.Address(city='Austin'), tax_number='9'
    )
    values = three_way.values_of('contact', contact)
    assert set(values) == set(three_way.FIELDS['contact'])
    back = three_way.record_of('contact', values, external_id='7', name='x', active=True)
    assert replace(back, changed=None) == contact
    item = dto.Item('C', 'Call-out', external_id='8', sale_price=Decimal('80.50'))
    values = three_way.values_of('item', item)
    assert set(values) == set(three_way.FIELDS['item'])
    part = three_way.record_of('item', {'price': values['price']}, external_id='8', name='Call-out', code='C')
    assert (part.sale_price, part.changed, part.code) == (Decimal('80.5'), ('price',), 'C')


# === what holds for all === #

FIELDS = ('name', 'email', 'phone', 'website')
texts = st.sampled_from(['', 'a', 'b', 'A ', 'c@x'])
sides = st.fixed_dictionaries(dict.fromkeys(FIELDS, texts))
baselines = st.one_of(st.none(), st.fixed_dictionaries({'ours': sides, 'theirs': sides}))
directions = st.fixed_dictionaries(dict.fromkeys(FIELDS, st.sampled_from([BOTH, PUSH, PULL, NONE])))


@settings(max_examples=300, deadline=None)
@given(baselines, sides, sides, directions)
def test_nothing_is_overwritten_silently(baseline, ours, theirs, rules):
    found = merge(baseline, ours, theirs, rules)
    sets = [found.take, found.send, found.conflicts, found.known]
    assert sum(map(len, sets)) == len(set().union(*sets)), 'each field has one outcome'
    then = baseline or {'ours': {}, 'theirs': {}}
    for field in found.take:
        assert rules[field] in (BOTH, PULL)
        # What would be lost here is what the books knew, or nothing, or the direction says so.
        unchanged = field_key(field, ours[field]) == field_key(field, then['ours'].get(field, ''))
        assert unchanged or rules[field] == PULL
    for field in found.send:
        assert rules[field] in (BOTH, PUSH)
        unchanged = field_key(field, theirs[field]) == field_key(field, then['theirs'].get(field, ''))
        assert unchanged or rules[field] == PUSH
    assert all(rules[field] == BOTH for field in found.conflicts)


@settings(max_examples=300, deadline=None)
@given(baselines, sides, sides, directions)
def test_once_settled_nothing_moves_any_more(baseline, ours, theirs, rules):
    """Take what is to be taken, send what is to be sent: the next look finds nothing, but conflicts stay."""
    found = merge(baseline, ours, theirs, rules)
    ours = {**ours, **{field: theirs[field] for field in found.take}}
    theirs = {**theirs, **{field: ours[field] for field in found.send}}
    baseline = remembered(baseline, ours, theirs, found.take | found.send | found.known)
    again = merge(baseline, ours, theirs, rules)
    assert not again.take
    assert not again.send
    assert again.conflicts == found.conflicts
