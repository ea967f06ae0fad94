"""Documents that are in the books: compared field by field, changed with their lines kept, looked over page by page."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from fieldpromax_accounting.comparison import document_differences, document_of, with_line_ids
from fieldpromax_accounting.providers import dto


def but(ledger):
    """What is not compared: a number that the provider gives."""
    return ('number',) if ledger.organization.numbers_documents else ()


def lines_of(ledger, included=False):
    return [
        ledger.line('3', '33.3333', '5', included=included),
        dto.InvoiceLine('A section'),
        ledger.line('1.5', '10', taxed=False, included=included),
        ledger.line('7', '1.43', '33.33', included=included),
        ledger.line('-1', '2', included=included),
        ledger.line('0', '12', included=included),
    ]


@pytest.mark.parametrize('included', [False, True])
def test_what_comes_back_agrees_in_every_field(ledger, included):
    sent = ledger.invoice(lines=lines_of(ledger, included), tax_included=included)
    record = ledger.create('invoice', sent)[0]
    kept = document_of(ledger.provider.as_kept(sent))
    assert document_differences(kept, document_of(record), but(ledger)) == []
    # and a cent more, another word, a line less is told
    for theirs in (
        replace(record, totals=replace(record.totals, total=record.totals.total + D('0.01'))),
        replace(record, reference='Another'),
        replace(record, lines=record.lines[:-1]),
        replace(record, lines=(replace(record.lines[0], quantity=None), *record.lines[1:])),
        replace(record, lines=(replace(record.lines[0], tax_code=''), *record.lines[1:])),
        replace(record, due_date=None),
        replace(record, status='void'),
    ):
        assert len(document_differences(kept, document_of(theirs), but(ledger))) == 1


def test_a_change_keeps_the_ids_of_the_lines(ledger):
    record = ledger.create('invoice', ledger.invoice(lines=lines_of(ledger)))[0]
    there = document_of(record)['lines']
    first, section, *rest = lines_of(ledger)
    changed = replace(
        ledger.invoice(
            dto.Contact('', external_id=record.contact_external_id),
            [section, *rest, replace(first, description='More')],
        ),
        external_id=record.external_id,
        version=record.version,
        number=record.number,
        reference='PO 4712',
    )
    changed = replace(
        changed, lines=with_line_ids(changed.lines, there, ledger.provider.as_kept(changed).lines)
    )
    (result,) = ledger.send('invoice.update', changed)
    assert result.error is None
    assert (
        document_differences(document_of(ledger.provider.as_kept(changed)), document_of(result.record)) == []
    )
    assert [line.external_id for line in result.record.lines][:5] == [line['id'] for line in there[1:]]
    assert {line.external_id for line in result.record.lines} == {line['id'] for line in there}


def test_credit_notes_are_looked_over_page_by_page(ledger):
    assert set(ledger.capabilities.audited) == {'invoice', 'credit_note'}
    contact = ledger.a_contact()
    made = ledger.create('credit_note', *(ledger.credit_note(contact) for _number in range(5)))
    invoice = ledger.create('invoice', ledger.invoice(contact))[0]
    ids = {record.external_id for record in made}
    pages = ledger.pull('credit_note', page_size=2)
    seen = [record for page in pages for record in page.records]
    assert ids <= {record.external_id for record in seen}
    assert {type(record) for record in seen} == {dto.CreditNote}
    assert [record for record in seen if record.external_id == made[0].external_id] == [made[0]], (
        'lines and all'
    )
    since = pages[-1].checkpoint
    ledger.create('allocation', ledger.allocation('5', made[1], invoice))
    (result,) = ledger.send(
        'credit_note.void', ledger.provider.get_record('credit_note', made[2].external_id)
    )
    assert result.error is None
    told = ledger.provider.pull_changes({'credit_note': since}).get('credit_note')
    pages = [told] if told else ledger.pull('credit_note', since=since)
    fresh = {record.external_id: record for page in pages for record in page.records}
    gone = {one for page in pages for one in page.gone}
    assert fresh[made[1].external_id].amount_due == made[1].totals.total - 5
    assert made[2].external_id in gone or not fresh[made[2].external_id].active
    after = {record.external_id for page in ledger.pull('credit_note') for record in page.records}
    assert ids - after == {made[2].external_id}, 'void ones are no part of what there is'


def test_documents_are_looked_over_page_by_page(books, ledger):
    contact = ledger.a_contact()
    made = ledger.create('invoice', *(ledger.invoice(contact) for _number in range(5)))
    ids = {record.external_id for record in made}
    pages = ledger.pull('invoice', page_size=2)
    seen = [record for page in pages for record in page.records]
    assert ids <= {record.external_id for record in seen}
    assert all(len(page.records) <= 2 for page in pages)
    assert [record for record in seen if record.external_id == made[0].external_id] == [made[0]], (
        'lines and all'
    )
    since = pages[-1].checkpoint
    books.change(ledger.tag, 'invoice', made[1].number, pay=True)
    (result,) = ledger.send('invoice.void', ledger.provider.get_record('invoice', made[2].external_id))
    assert result.error is None
    told = {
        record.external_id: record for page in ledger.pull('invoice', since=since) for record in page.records
    }
    assert told[made[1].external_id].status == 'paid'
    assert told[made[1].external_id].amount_due == 0
    assert told[made[2].external_id].status in ('void', 'deleted')
    assert not told[made[2].external_id].active
    # void ones are no part of what there is
    after = {record.external_id for page in ledger.pull('invoice') for record in page.records}
    assert ids - after == {made[2].external_id}
    assert [one.status for one in ledger.provider.get_records('invoice', [made[2].external_id]).records] == [
        told[made[2].external_id].status
    ]
