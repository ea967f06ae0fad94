"""Credit notes as invoices the other way round, and what of them is allocated to invoices."""

from dataclasses import replace
from decimal import Decimal

import pytest
from ledger import new_key

from fieldpromax_accounting.providers import dto, errors

D = Decimal
ENDED = ('void', 'deleted')


def due(ledger, *records):
    """(status, what is open) of documents as they are now."""
    kinds = ['credit_note' if isinstance(record, dto.CreditNote) else 'invoice' for record in records]
    fresh = [
        ledger.provider.get_record(kind, record.external_id)
        for kind, record in zip(kinds, records, strict=True)
    ]
    return [(record.status, record.amount_due) for record in fresh]


def pair(ledger, **values):
    """An invoice and a credit note over 20 without tax, of one customer."""
    contact = ledger.a_contact()
    lines = (ledger.line('2', '10', taxed=False),)
    invoice = ledger.create('invoice', ledger.invoice(contact, lines))[0]
    note = ledger.create('credit_note', ledger.credit_note(contact, lines, **values))[0]
    return invoice, note


def allocate(ledger, amount, note, invoice):
    return ledger.create('allocation', ledger.allocation(amount, note, invoice))[0]


# === credit notes === #


@pytest.mark.parametrize('included', [False, True])
def test_a_credit_note_comes_back_as_it_was_sent(ledger, included):
    """Lines with a discount, too: where there is none on credit notes, it is in the price."""
    lines = [
        ledger.line('3', '33.3333', '5', included=included),
        dto.InvoiceLine('A section'),
        ledger.line('1.5', '10', taxed=False, included=included),
        ledger.line('2', '50', '12.5', included=included),
        ledger.line('-1', '2', included=included),
    ]
    sent = ledger.credit_note(lines=lines, tax_included=included, email='a@b.co')
    assert ledger.provider.check('credit_note', sent) == ()
    assert ledger.provider.predict_totals(sent) == sent.totals
    assert ledger.provider.disagreement(sent) is None
    assert all(not line.discount for line in ledger.provider.shown_lines(sent))
    record = ledger.create('credit_note', sent)[0]
    assert type(record) is dto.CreditNote
    assert record.totals == sent.totals
    for field in ('contact_external_id', 'date', 'currency', 'reference', 'status'):
        assert getattr(record, field) == getattr(sent, field), field
    number = record.own_number if ledger.organization.numbers_documents else record.number
    assert number == sent.number
    assert record.amount_due == sent.totals.total
    assert [line.is_text for line in record.lines] == [line.is_text for line in sent.lines]
    assert ledger.provider.get_record('credit_note', record.external_id) == record
    assert ledger.provider.look_up('credit_note', [ledger.wanted('credit_note', sent)]) == (record,)
    assert ledger.provider.look_up('invoice', [ledger.wanted('invoice', sent)]) == (), 'it is no invoice'
    page = ledger.provider.get_records('credit_note', [record.external_id, '99999999'])
    assert (page.records, page.gone) == ((record,), ('99999999',))
    assert record.external_id in ledger.provider.record_url(
        'credit_note', record.external_id, ledger.organization
    )


def test_many_at_once(books, ledger):
    contact = ledger.a_contact()
    limit = ledger.operations['credit_note.create'].max_members
    sent = [ledger.credit_note(contact, [ledger.line('1', str(place + 1))]) for place in range(limit)]
    books.forget_requests()
    records = ledger.create('credit_note', *sent)
    assert len(books.requests()) == 1
    assert [record.totals for record in records] == [one.totals for one in sent]


@pytest.mark.needs('foreign currencies')
def test_foreign_currency(ledger):
    """Both sides and what is allocated between them."""
    code = next(one for one in ledger.organization.currencies if one != ledger.organization.currency)
    contact = ledger.create('contact', ledger.contact(currency=code))[0]
    values = {'currency': code, 'currency_rate': D('1.25')}
    invoice = ledger.create('invoice', ledger.invoice(contact, **values))[0]
    note = ledger.create('credit_note', ledger.credit_note(contact, **values))[0]
    assert (note.currency, note.currency_rate) == (code, D('1.25'))
    made = ledger.create('allocation', ledger.allocation('5', note, invoice, currency_rate=D('1.25')))[0]
    assert made.amount == 5
    assert due(ledger, invoice)[0][1] == invoice.totals.total - 5


def test_a_change_of_a_credit_note(ledger):
    sent = ledger.credit_note()
    record = ledger.create('credit_note', sent)[0]
    lines = tuple(
        replace(line, external_id=there.external_id)
        for line, there in zip(sent.lines, record.lines, strict=True)
    )
    changed = replace(
        sent, external_id=record.external_id, version=record.version, reference='PO 4712', lines=lines
    )
    (result,) = ledger.send('credit_note.update', changed)
    assert result.error is None
    assert (result.record.reference, result.record.totals) == ('PO 4712', sent.totals)
    assert [line.external_id for line in result.record.lines if not line.is_text] == [
        line.external_id for line in record.lines if not line.is_text
    ]


def test_drafts_are_not_allocated(ledger):
    if not ledger.capabilities.invoice_drafts:
        assert ledger.provider.check('credit_note', ledger.credit_note(status='draft'))
        return
    invoice, note = pair(ledger, status='draft')
    assert note.status == 'draft'
    (result,) = ledger.send('allocation.create', ledger.allocation('5', note, invoice))
    assert type(result.error) is errors.ValidationRejected


def test_voiding(books, ledger):
    _invoice, note = pair(ledger)
    call, key = ledger.prepare('credit_note.void', note), new_key()
    assert call.target == note.external_id
    books.fault('timeout_after', 'credit_note.void')
    with pytest.raises(errors.OutcomeUnknown):
        ledger.hasty().send(call, key)
    (again,) = ledger.provider.send(call, key).results
    assert again.error is None, 'the same call again is the same answer'
    assert again.record.status in ENDED
    try:
        assert ledger.provider.get_record('credit_note', note.external_id).status in ENDED
    except errors.NotFound:
        assert again.record.status == 'deleted'


def test_numbers_that_are_taken(ledger):
    first = ledger.credit_note()
    ledger.create('credit_note', first)
    (result,) = ledger.send('credit_note.create', ledger.credit_note(number=first.number))
    if result.error is None:
        assert result.record.external_id
        return
    assert type(result.error) is errors.Conflict
    assert result.error.code == 'duplicate_invoice_number'


def test_rules(ledger):
    note = ledger.credit_note()
    for broken in (
        replace(note, contact_external_id=''),
        replace(note, lines=(dto.InvoiceLine('text only'),)),
        replace(note, lines=(ledger.line('1', '-5'),)),
        replace(note, currency='dollars'),
    ):
        found = ledger.provider.check('credit_note', broken)
        assert found
        assert all(text[0].isupper() and text.endswith('.') for text in found)
    given = dto.Allocation('1', '2', D('5.00'), note.date)
    assert ledger.provider.check('allocation', given) == ()
    for amount in ('0', '-1', '1.005'):
        (text,) = ledger.provider.check('allocation', replace(given, amount=D(amount)))
        assert text.endswith('.')


# === allocations === #


def test_a_part_the_rest_and_back(ledger):
    invoice, note = pair(ledger)
    first = allocate(ledger, '5', note, invoice)
    assert (first.credit_note_external_id, first.invoice_external_id, first.amount, first.status) == (
        note.external_id,
        invoice.external_id,
        5,
        'approved',
    )
    assert ledger.provider.get_record('allocation', first.external_id) == first
    assert due(ledger, invoice, note) == [('approved', 15), ('approved', 15)]
    rest = allocate(ledger, '15', note, invoice)
    assert due(ledger, invoice, note) == [('paid', 0), ('paid', 0)]
    wanted = ledger.wanted('allocation', ledger.allocation('15', note, invoice))
    found = ledger.provider.look_up('allocation', [wanted])
    assert {one.external_id for one in found} == {first.external_id, rest.external_id}
    page = ledger.provider.get_records('allocation', [first.external_id, rest.external_id])
    assert (len(page.records), page.gone) == (2, ())
    call, key = ledger.prepare('allocation.delete', first), new_key()
    for _time in range(2):
        (gone,) = ledger.provider.send(call, key).results
        assert gone.error is None, 'what is gone already is what was wanted'
        assert gone.record.status == 'deleted'
    assert due(ledger, invoice, note) == [('approved', 5), ('approved', 5)]
    with pytest.raises(errors.NotFound):
        ledger.provider.get_record('allocation', first.external_id)
    assert ledger.provider.get_records('allocation', [first.external_id]).gone == (first.external_id,)
    assert ledger.provider.find_records('allocation', ['5']) == ()


def test_a_deletion_whose_answer_is_lost(books, ledger):
    invoice, note = pair(ledger)
    made = allocate(ledger, '5', note, invoice)
    call, key = ledger.prepare('allocation.delete', made), new_key()
    books.fault('timeout_after', 'allocation.delete')
    with pytest.raises(errors.OutcomeUnknown):
        ledger.hasty().send(call, key)
    assert ledger.provider.send(call, key).results[0].error is None
    assert due(ledger, invoice, note) == [('approved', 20), ('approved', 20)]


def test_what_is_refused(books, ledger):
    """More than is open on either side, a paid invoice, somebody else's invoice: nothing is booked."""
    invoice, note = pair(ledger)
    for amount in ('20.01', '99'):
        (result,) = ledger.send('allocation.create', ledger.allocation(amount, note, invoice))
        assert type(result.error) is errors.ValidationRejected
        assert result.error.details
    other, _note = pair(ledger)
    (result,) = ledger.send('allocation.create', ledger.allocation('5', note, other))
    assert type(result.error) is errors.ValidationRejected
    books.change(ledger.tag, 'invoice', invoice.number, pay=True)
    (result,) = ledger.send('allocation.create', ledger.allocation('5', note, invoice))
    assert type(result.error) is errors.ValidationRejected
    assert due(ledger, note) == [('approved', 20)]


def test_a_void_of_what_is_allocated(ledger):
    """Refused, or the invoice is open again: never a credit that counts for nothing."""
    invoice, note = pair(ledger)
    allocate(ledger, '5', note, invoice)
    fresh = ledger.provider.get_record('credit_note', note.external_id)
    (result,) = ledger.send('credit_note.void', fresh)
    if result.error:
        assert type(result.error) is errors.ValidationRejected
        assert result.error.code == 'has_payments'
        assert due(ledger, invoice) == [('approved', 15)]
    else:
        assert due(ledger, invoice) == [('approved', 20)]
