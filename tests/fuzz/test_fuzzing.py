"""A few hundred of the cases of ``make fuzz``, always the same ones, and what it found."""

import pytest
from books import PROVIDERS
from fault_matrix import Matrix, operations_of
from fuzz_answers import try_answers, wrongly_typed
from fuzz_names import try_names
from fuzzing import Count, how_many
from hypothesis import strategies as st

from fieldpromax_accounting.providers import dto, errors
from fieldpromax_accounting.providers.transport import Answer
from fieldpromax_accounting.providers.wire import Unreadable, text

EACH, NAMES = 3, 40


@pytest.fixture(params=PROVIDERS)
def matrix(request):
    made = Matrix(request.param)
    yield made
    made.stop()


def test_damaged_answers_and_odd_names(matrix, caplog):
    caplog.set_level('CRITICAL')
    count = Count()
    try_names(matrix, how_many(NAMES), count)
    for operation in operations_of(matrix.ledger.unbound):
        try_answers(matrix, operation, how_many(EACH), count)
    assert count.cases >= 150


def test_a_wrong_reader_is_told(matrix, monkeypatch):
    """The cases themselves can fail: a reader that lets another exception out is found."""
    (operation,) = [one for one in operations_of(matrix.ledger.unbound) if one.name == 'get_record:contact']
    monkeypatch.setattr('fuzz_answers.damaged', lambda body: st.just(b'{}'))
    monkeypatch.setattr(type(matrix.ledger.provider), 'get_record', lambda *_args: {}['nothing'])
    monkeypatch.setattr(
        'fuzz_answers.answers_of', lambda *_args: [Answer(status=200, headers={}, body=b'{}')]
    )
    operation.prepare(matrix.ledger)
    with pytest.raises(KeyError):
        try_answers(matrix, operation, how_many(1))


def test_types_are_looked_at():
    good = dto.Contact('A')
    assert wrongly_typed((good,)) == ''
    assert wrongly_typed((dto.Contact(None),)) == 'it[0].name is None'


@pytest.mark.parametrize('name', ['Müller\u00a0GmbH', '株式会社\u3000山田', 'A\u200bB', "'\u2028'"])
def test_what_cannot_be_seen_is_found_again(matrix, name):
    """It was left out of the query: after a lost answer the customer would have been sent again."""
    ledger = matrix.ledger
    sent = ledger.contact(name, number='')
    assert ledger.provider.check('contact', sent) == ()
    record = ledger.create('contact', sent)[0]
    found = ledger.provider.find_records('contact', [name])
    assert [one.external_id for one in found] == [record.external_id]


def test_what_is_unreadable_anywhere_is_an_answer_that_cannot_be_read():
    with pytest.raises(errors.ProtocolError) as caught:
        text({'Id': {}}, 'Id')
    assert isinstance(caught.value, Unreadable)
    assert caught.value.maybe_applied
    assert str(caught.value) == 'Id is not a text'
    assert caught.value.message == 'The provider sent a record that cannot be read: Id is not a text.'
