"""What tells two documents apart, and which lines of them are the same."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from fieldpromax_accounting.comparison import (
    Difference,
    differences_hash,
    document_differences,
    document_of,
    with_line_ids,
)
from fieldpromax_accounting.providers import dto


def line(description='Work', quantity='2', price='10', **values):
    amount = D(quantity) * D(price)
    return dto.InvoiceLine(description, D(quantity), D(price), amount=amount, account='200', **values)


def invoice(*lines, **values):
    return dto.Invoice(
        **{
            'contact_external_id': 'c1',
            'date': date(2026, 11, 2),
            'due_date': date(2026, 11, 16),
            'currency': 'EUR',
            'lines': lines or (line(),),
            'totals': dto.Totals(D('20'), D('2'), D('22')),
            'number': 'INV/1',
            'reference': 'PO 1',
            **values,
        }
    )


def told(ours, theirs, *but):
    return document_differences(document_of(ours), document_of(theirs), but)


def test_the_same_said_otherwise_is_no_difference():
    ours = invoice(line(quantity='2.0', price='10.00'), reference='PO  1')
    theirs = invoice(
        line(quantity='2', price='10', external_id='l1', item_code='X'),
        totals=dto.Totals(D('20.00'), D('2.0'), D('22')),
    )
    assert told(ours, theirs) == []


@pytest.mark.parametrize(
    ('changes', 'field'),
    [
        ({'number': ''}, 'number'),
        ({'contact_external_id': 'c2'}, 'contact'),
        ({'date': None}, 'date'),
        ({'due_date': None}, 'due_date'),
        ({'reference': ''}, 'reference'),
        ({'currency': ''}, 'currency'),
        ({'status': 'draft'}, 'status'),
        ({'status': 'void'}, 'status'),
        ({'totals': dto.Totals(D('20'), D('2.01'), D('22'))}, 'tax'),
        ({'lines': (line(), line())}, 'lines'),
        ({'lines': (dto.InvoiceLine('Work'),)}, 'kind'),
    ],
)
def test_what_is_absent_or_other_is_told(changes, field):
    assert [one.field for one in told(invoice(), replace(invoice(), **changes))] == [field]
    if field != 'kind':
        assert told(invoice(), replace(invoice(), **changes), field) == []


def test_approving_and_paying_is_no_difference_and_voiding_is():
    assert told(invoice(status='draft'), invoice(status='approved')) == []
    assert told(invoice(status='approved'), invoice(status='paid')) == []
    assert told(invoice(status='draft'), invoice(status='deleted')) == [
        Difference('status', 0, 'draft', 'deleted')
    ]


def test_rates_are_compared_as_finely_as_both_keep_them():
    assert told(invoice(currency_rate=D('1.234567')), invoice(currency_rate=D('1.23456789'))) == []
    assert [
        one.field for one in told(invoice(currency_rate=D('1.2346')), invoice(currency_rate=D('1.2446')))
    ] == ['rate']
    assert [one.field for one in told(invoice(currency_rate=D('1.2346')), invoice())] == ['rate']
    assert told(invoice(), invoice(currency_rate=D('1'))) == [], 'what the books add by themselves'


def test_a_document_of_a_project_is_addressed_to_either():
    ours = invoice(project_external_id='p1')
    assert told(ours, invoice(contact_external_id='p1')) == []
    assert [one.field for one in told(ours, invoice(contact_external_id='p2'))] == ['contact']


def test_the_hash_is_of_the_difference():
    first = told(invoice(), invoice(reference='X'))
    assert differences_hash([]) == ''
    assert differences_hash(first) == differences_hash(told(invoice(), invoice(reference='X')))
    assert differences_hash(first) != differences_hash(told(invoice(), invoice(reference='Y')))


def test_lines_keep_their_ids():
    there = document_of(
        invoice(
            line('Call-out', external_id='1', item_code='A'),
            line('Labour', external_id='2', item_code='A'),
            dto.InvoiceLine('Thank you', external_id='3'),
            line('Parts', external_id='4', item_code='B'),
        )
    )['lines']
    own = (
        line('Labour', quantity='9', item_code='A'),
        dto.InvoiceLine('Thank you very much'),
        line('Parts of another kind', item_code='B'),
        line('New', item_code='C'),
        dto.InvoiceLine('And a second note'),
    )
    assert [one.external_id for one in with_line_ids(own, there)] == ['2', '3', '4', '1', '']
    assert [one.external_id for one in with_line_ids(own, [])] == [''] * 5
