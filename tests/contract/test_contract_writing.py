"""Writes: frozen to the byte, sent once under a key, each member with its own outcome; found again when the answer is
lost; void."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from ledger import new_key

from fieldpromax_accounting.providers import dto, errors
from fieldpromax_accounting.providers.base import KINDS

D = Decimal
CREATED = ('contact', 'item', 'invoice', 'project', 'credit_note', 'allocation')


def created_kinds(ledger):
    return [kind for kind in CREATED if f'{kind}.create' in ledger.operations]


# === what is declared === #


def test_operations_declare_themselves(books, provider):
    for name, operation in provider.operations.items():
        assert operation.name == name
        assert operation.kind in KINDS
        assert operation.look_up
        assert operation.max_members >= 1
    assert {'contact.create', 'item.create'} <= set(provider.operations)
    for kind in ('invoice', 'credit_note'):
        assert {f'{kind}.create', f'{kind}.update', f'{kind}.void'} <= set(provider.operations)
    assert {'allocation.create', 'allocation.delete'} <= set(provider.operations)
    assert ('project.create' in provider.operations) == provider.capabilities.projects
    assert provider.capabilities.settle_time > timedelta(0)


def test_what_is_prepared_is_frozen(ledger):
    for kind in created_kinds(ledger):
        sample = ledger.sample(kind)
        call = ledger.prepare(f'{kind}.create', sample)
        assert call == ledger.prepare(f'{kind}.create', sample), 'the same bytes every time'
        assert call.body.isascii(), 'so it survives any storage'
        json.loads(call.body)
        assert call.members == ('0',)


def test_what_is_not_prepared(ledger):
    provider, contact = ledger.provider, ledger.contact()
    limit = ledger.operations['contact.create'].max_members
    for operation, members in (
        ('contact.teleport', [('1', contact)]),
        ('contact.create', []),
        ('contact.create', [(str(place), contact) for place in range(limit + 1)]),
        ('contact.create', [('1', replace(contact, external_id='7'))]),
        ('contact.update', [('1', contact)]),
        ('invoice.void', [('1', ledger.invoice())]),
        ('invoice.create', [('1', ledger.invoice(status='paid'))]),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            provider.prepare(operation, members)
    with pytest.raises(ValueError, match='key'):
        provider.send(provider.prepare('contact.create', [('1', contact)]), '')


def test_no_floats_travel(ledger):
    with pytest.raises((TypeError, ArithmeticError)):
        ledger.prepare('item.create', ledger.item(sale_price=D('NaN')))


# === records === #


def test_contacts(ledger):
    address = dto.Address('12 High St', 'Floor 3', 'Springfield', 'IL', '62701', 'USA')
    sent = ledger.contact('Zoë “O\'Neill” & Söhne', email='a@b.co', phone='+1 555 0100', address=address)
    assert ledger.provider.check('contact', sent) == ()
    record = ledger.create('contact', sent)[0]
    assert record.external_id
    assert record.version
    for field in ('name', 'email', 'phone', 'address'):
        assert getattr(record, field) == getattr(sent, field), field
    assert ledger.provider.get_record('contact', record.external_id) == record
    changed = ledger.send('contact.update', replace(record, phone='+1 555 0199'))[0].record
    assert (changed.phone, changed.email) == ('+1 555 0199', 'a@b.co'), 'what is not named stays'
    assert changed.version != record.version
    bare = dto.Contact(record.name, record.external_id, changed.version)
    assert ledger.send('contact.update', bare)[0].record.phone == '+1 555 0199', 'an update erases nothing'
    gone = ledger.send(
        'contact.update', replace(bare, version=_version(ledger, 'contact', record), active=False)
    )
    assert gone[0].record.active is False


def _version(ledger, kind, record):
    return ledger.provider.get_record(kind, record.external_id).version


def test_items(ledger):
    sent = ledger.item(sale_price=D('12.3456'))
    assert ledger.provider.check('item', sent) == ()
    record = ledger.create('item', sent)[0]
    for field in ('code', 'name', 'description', 'sale_price', 'sale_account'):
        assert getattr(record, field) == getattr(sent, field), field
    assert ledger.provider.get_record('item', record.external_id) == record
    cheaper = ledger.send('item.update', replace(record, sale_price=D('9.99')))[0].record
    assert (cheaper.sale_price, cheaper.description) == (D('9.99'), sent.description)


@pytest.mark.needs('project.create', 'project.update')
def test_projects(ledger):
    customer = ledger.a_contact()
    for is_sub_customer in (False, True):
        if not is_sub_customer and not ledger.organization.has_projects:
            continue
        sent = dto.Project(f'Roof {is_sub_customer}', customer.external_id, is_sub_customer=is_sub_customer)
        assert ledger.provider.check('project', sent) == ()
        record = ledger.create('project', sent)[0]
        assert (record.name, record.contact_external_id, record.is_sub_customer) == (
            sent.name,
            sent.contact_external_id,
            is_sub_customer,
        )
        assert ledger.provider.get_record('project', record.external_id) == record
        renamed = ledger.send('project.update', replace(record, name=f'{record.name} renamed'))[0]
        assert renamed.error is None
        assert renamed.record.name == f'{record.name} renamed'
        pulled = [one.external_id for page in ledger.pull('project') for one in page.records]
        assert (record.external_id in pulled) != is_sub_customer
        # the invoice of a project is found at the customer that it is, or at its own
        sent = ledger.invoice(customer, project_external_id=record.external_id)
        sold = ledger.create('invoice', sent)[0]
        assert sold.contact_external_id in (customer.external_id, record.external_id)
        assert ledger.provider.look_up('invoice', [ledger.wanted('invoice', sent)]) == (sold,)


@pytest.mark.needs('project.create', 'project.update', 'projects in use')
def test_the_state_of_a_project(ledger):
    record = ledger.create('project', dto.Project('Roof', ledger.a_contact().external_id, status='open'))[0]
    assert record.status == 'open'
    for status in ('in_progress', 'done', 'cancelled'):
        changed = ledger.send('project.update', replace(record, status=status))[0].record
        assert changed.status == status
        assert changed.version != record.version
        record = changed


# === invoices === #


@pytest.mark.parametrize('included', [False, True])
def test_an_invoice_comes_back_as_it_was_sent(ledger, included):
    lines = [
        ledger.line('3', '33.3333', '5', included=included),
        dto.InvoiceLine('A section'),
        ledger.line('1.5', '10', taxed=False, included=included),
        ledger.line('7', '1.43', '33.33', included=included),
        ledger.line('-1', '2', included=included),
    ]
    sent = ledger.invoice(lines=lines, tax_included=included, email='a@b.co')
    assert ledger.provider.check('invoice', sent) == ()
    assert ledger.provider.predict_totals(sent) == sent.totals
    record = ledger.create('invoice', sent)[0]
    assert record.totals == sent.totals
    for field in ('contact_external_id', 'date', 'due_date', 'currency', 'reference', 'status'):
        assert getattr(record, field) == getattr(sent, field), field
    if ledger.organization.numbers_documents:
        assert record.number not in ('', sent.number)
        assert record.own_number == sent.number
    else:
        assert record.number == sent.number
    assert record.amount_due == sent.totals.total
    assert len(record.lines) == len(sent.lines)
    for got, wanted in zip(record.lines, sent.lines, strict=True):
        assert (got.description, got.is_text) == (wanted.description, wanted.is_text)
        if not wanted.is_text:
            assert (got.quantity, got.tax_code) == (wanted.quantity, wanted.tax_code)
            # where prices have no tax in them, as in some countries, the line is net
            net = wanted.amount - wanted.tax_amount if included else wanted.amount
            assert got.amount == (wanted.amount if record.tax_included else net)
    assert ledger.provider.get_record('invoice', record.external_id) == record


def test_drafts(ledger):
    draft = ledger.invoice(status='draft')
    if ledger.capabilities.invoice_drafts:
        assert ledger.create('invoice', draft)[0].status == 'draft'
        return
    assert len(ledger.provider.check('invoice', draft)) == 1
    with pytest.raises(ValueError, match='draft'):
        ledger.prepare('invoice.create', draft)


@pytest.mark.needs('payment terms')
def test_a_term(ledger):
    terms = [term for term in ledger.provider.list_terms() if term.active and term.days]
    sent = ledger.invoice(term=terms[0].external_id, due_date=date(2026, 12, 24))
    record = ledger.create('invoice', sent)[0]
    assert (record.term, record.due_date) == (terms[0].external_id, date(2026, 12, 24)), 'our day stands'


@pytest.mark.needs('foreign currencies')
def test_foreign_currency(ledger):
    foreign = [code for code in ledger.organization.currencies if code != ledger.organization.currency]
    contact = ledger.create('contact', ledger.contact(currency=foreign[0]))[0]
    assert contact.currency == foreign[0]
    sent = ledger.invoice(contact, currency=foreign[0], currency_rate=D('1.25'))
    assert ledger.provider.check('invoice', sent) == ()
    record = ledger.create('invoice', sent)[0]
    assert (record.currency, record.totals) == (foreign[0], sent.totals)
    assert record.currency_rate == D('1.25'), 'foreign units for one of the base currency'


def test_a_paid_invoice(books, ledger):
    record = ledger.create('invoice', ledger.invoice())[0]
    books.change(ledger.tag, 'invoice', record.number, pay=True)
    paid = ledger.provider.get_record('invoice', record.external_id)
    assert (paid.status, paid.amount_due) == ('paid', 0)


def test_a_full_call(books, ledger):
    """As many as travel together, in one request, each matched with its own answer."""
    contact = ledger.a_contact()
    ledger.line()
    limit = ledger.operations['invoice.create'].max_members
    sent = [ledger.invoice(contact, [ledger.line('1', str(place + 1))]) for place in range(limit)]
    books.forget_requests()
    records = ledger.create('invoice', *sent)
    assert len(books.requests()) == 1
    assert [record.totals for record in records] == [one.totals for one in sent]
    assert len({record.external_id for record in records}) == limit


def test_good_and_bad_together(ledger):
    contact = ledger.a_contact()
    bad_contact = replace(ledger.invoice(contact), contact_external_id='99999999')
    sent = [ledger.invoice(contact), bad_contact, ledger.invoice(contact)]
    results = ledger.send('invoice.create', *sent)
    assert [result.member for result in results] == ['0', '1', '2']
    again = [result for result in results if isinstance(result.error, errors.TransportError)]
    for result in again:
        assert not result.error.maybe_applied
    good = [result for result in results if result.record]
    assert len(good) + len(again) == 2
    refused = results[1]
    assert isinstance(refused.error, (errors.ValidationRejected, errors.NotFound))
    assert refused.error.details
    assert not refused.error.retryable
    assert not refused.error.maybe_applied


# === keys === #


def test_the_same_key_twice_is_one_record(ledger):
    for kind in created_kinds(ledger):
        if kind == 'project' and not ledger.organization.has_projects:
            continue
        before = ledger.books.records(ledger.tag, kind)
        call, key = ledger.prepare(f'{kind}.create', ledger.sample(kind)), new_key()
        before = ledger.books.records(ledger.tag, kind)
        first, second = ledger.provider.send(call, key), ledger.provider.send(call, key)
        assert first.results[0].error is None
        assert first.results[0].record.external_id == second.results[0].record.external_id
        assert len(ledger.books.records(ledger.tag, kind)) == len(before) + 1, kind


def test_the_same_lot_under_the_same_key(ledger):
    call, key = ledger.prepare('contact.create', ledger.contact(), ledger.contact()), new_key()
    before = len(ledger.books.records(ledger.tag, 'contact'))
    first, second = ledger.provider.send(call, key), ledger.provider.send(call, key)
    assert [r.record.external_id for r in first.results] == [r.record.external_id for r in second.results]
    assert len(ledger.books.records(ledger.tag, 'contact')) == before + 2


def test_a_stored_call_is_the_same_call(ledger):
    call, key = ledger.prepare('contact.create', ledger.contact('Zoë')), new_key()
    first = ledger.provider.send(call, key)
    stored = json.loads(json.dumps([call.operation, call.body, list(call.members), call.target]))
    elsewhere = ledger.bind(ledger.books.make_provider())
    operation, body, members, target = stored
    again = elsewhere.send(dto.PreparedCall(operation, body, tuple(members), target), key)
    assert again.results == first.results


# === uncertain outcomes === #


@pytest.mark.parametrize(
    ('fault', 'expected', 'applied'),
    [
        ('timeout_before', errors.OutcomeUnknown, False),
        ('timeout_after', errors.OutcomeUnknown, True),
        ('reset', errors.OutcomeUnknown, False),
        ('reset_after', errors.OutcomeUnknown, True),
        ('truncated', errors.ProtocolError, True),
        ('wrong_content_type', errors.ProtocolError, True),
        ('html', errors.ProtocolError, False),
        ('empty', errors.ProtocolError, False),
        ('status:503', errors.ProviderUnavailable, False),
    ],
)
def test_an_answer_that_is_lost(books, ledger, fault, expected, applied):
    for kind in ('contact', 'item', 'invoice', 'credit_note', 'allocation'):
        sample = ledger.sample(kind)
        call, key = ledger.prepare(f'{kind}.create', sample), new_key()
        since = datetime.now(timezone.utc) - timedelta(minutes=1)
        books.fault(fault, f'{kind}.create')
        sender = ledger.hasty() if fault.startswith('timeout') else ledger.provider
        with pytest.raises(expected) as caught:
            sender.send(call, key)
        assert type(caught.value) is expected, kind
        assert caught.value.maybe_applied
        found = ledger.provider.look_up(kind, [ledger.wanted(kind, sample, since)])
        assert len(found) == int(applied), kind
        if fault.startswith('status'):
            continue  # what a provider keeps of its own errors is its own affair
        # the same call under the same key, as stored: it is there once, whatever became of the first try
        again = ledger.provider.send(call, key).results[0]
        assert again.error is None
        assert [one.external_id for one in found] in ([], [again.record.external_id])
        (only,) = ledger.provider.look_up(kind, [ledger.wanted(kind, sample, since)])
        assert only.external_id == again.record.external_id
        if kind in ('invoice', 'credit_note'):
            assert only.totals == sample.totals


def test_a_look_up_finds_several_and_no_others(ledger):
    contact = ledger.a_contact()
    sent = [ledger.invoice(contact, [ledger.line('1', price)]) for price in ('10', '10', '20')]
    made = ledger.create('invoice', *sent)
    other = ledger.invoice(contact, [ledger.line('1', '10')])
    wanted = [ledger.wanted('invoice', one) for one in (*sent, other)]
    found = ledger.provider.look_up('invoice', wanted)
    assert {one.external_id for one in found} == {one.external_id for one in made}
    keys = {one.own_number or one.number for one in found}
    assert keys == {one.number for one in sent}, 'each tells which one it is'
    assert ledger.provider.look_up('invoice', [ledger.wanted('invoice', other)]) == ()
    assert ledger.provider.look_up('contact', []) == ()


@pytest.mark.parametrize('kind', ['invoice', 'credit_note'])
@pytest.mark.needs('numbers_on_request')
def test_documents_that_the_books_number(ledger, kind):
    """Ours stands beside theirs; each is found by it when the answer is lost, and nobody else's is."""
    contact, make = ledger.a_contact(), getattr(ledger, kind)
    sent = [
        make(contact, [ledger.line('1', '10')], number='', own_number=f'INV/2026/{place:05d}', reference=ref)
        for place, ref in enumerate(('PO 4711', 'PO 4711', ''), 1)
    ]
    made = ledger.create(kind, *sent)
    assert [(one.own_number, one.reference) for one in made] == [
        (one.own_number, one.reference) for one in sent
    ]
    assert len({one.number for one in made} - {''}) == len(sent)
    ledger.create(kind, make(contact, [ledger.line('1', '10')]))
    other = make(contact, [ledger.line('1', '10')], number='', own_number='INV/2026/00009')
    wanted = [ledger.wanted(kind, one) for one in (*sent, other)]
    assert {one.external_id for one in ledger.provider.look_up(kind, wanted)} == {
        one.external_id for one in made
    }
    assert ledger.provider.look_up(kind, wanted[-1:]) == ()


@pytest.mark.needs('project.create', 'projects in use')
def test_a_project_whose_answer_is_lost(books, ledger):
    for fault in ('timeout_after', 'timeout_before', 'reset_after', 'truncated'):
        sample = ledger.sample('project')
        call, key = ledger.prepare('project.create', sample), new_key()
        books.fault(fault, 'project.create')
        with pytest.raises((errors.OutcomeUnknown, errors.ProtocolError)) as caught:
            ledger.hasty().send(call, key)
        assert caught.value.maybe_applied
        made = ledger.provider.send(call, key).results[0]
        assert made.error is None
        (found,) = ledger.provider.look_up('project', [ledger.wanted('project', sample)])
        assert found.external_id == made.record.external_id


# === void === #


def test_voiding(ledger):
    record = ledger.create('invoice', ledger.invoice())[0]
    call, key = ledger.prepare('invoice.void', record), new_key()
    assert call.target == record.external_id
    (first,) = ledger.provider.send(call, key).results
    assert first.error is None
    assert (first.record.status, first.record.amount_due) == ('void', None)
    (second,) = ledger.provider.send(call, key).results
    assert second.error is None, 'the same call again is the same answer'
    assert ledger.provider.get_record('invoice', record.external_id).status == 'void'


def test_a_void_whose_answer_is_lost(books, ledger):
    record = ledger.create('invoice', ledger.invoice())[0]
    call, key = ledger.prepare('invoice.void', record), new_key()
    books.fault('timeout_after', 'invoice.void')
    with pytest.raises(errors.OutcomeUnknown):
        ledger.hasty().send(call, key)
    assert ledger.provider.get_record('invoice', record.external_id).status == 'void'
    assert ledger.provider.send(call, key).results[0].error is None


# === refusals === #


def test_names_that_are_taken(ledger):
    contact = ledger.a_contact()
    (result,) = ledger.send('contact.create', ledger.contact(contact.name.upper()))
    assert type(result.error) is errors.Conflict
    assert result.error.code == 'duplicate_contact_name'
    assert result.error.details
    item = ledger.an_item()
    (result,) = ledger.send('item.create', ledger.item(item.name, code=item.code))
    assert type(result.error) is errors.Conflict
    assert result.error.code.startswith('duplicate_item')


def test_numbers_that_are_taken(ledger):
    first = ledger.invoice()
    ledger.create('invoice', first)
    second = ledger.invoice(number=first.number)
    (result,) = ledger.send('invoice.create', second)
    if result.error is None:
        # the organization numbers invoices itself, or does not mind
        assert result.record.external_id
        return
    assert type(result.error) is errors.Conflict
    assert result.error.code == 'duplicate_invoice_number'


def test_a_period_that_is_locked(books, ledger):
    sent = ledger.invoice()
    books.lock(ledger.tag, sent.date)
    (result,) = ledger.send('invoice.create', sent)
    assert type(result.error) is errors.ValidationRejected
    assert result.error.code == 'period_locked'


def test_a_record_that_changed_meanwhile(books, ledger):
    """Where the provider keeps versions, an old one is refused; elsewhere the last one wins."""
    record = ledger.a_contact()
    books.change(ledger.tag, 'contact', record.name, rename='Renamed by somebody')
    (result,) = ledger.send('contact.update', replace(record, phone='1'))
    if result.error is None:
        assert result.record.phone == '1'
        return
    assert type(result.error) is errors.Conflict
    assert result.error.code == 'stale'
    fresh = ledger.provider.get_record('contact', record.external_id)
    assert fresh.name == 'Renamed by somebody'
    assert ledger.send('contact.update', replace(fresh, phone='1'))[0].record.phone == '1'


def test_rules_are_told_before_anything_is_sent(ledger):
    """Each in one sentence that says who wants what."""
    invoice = ledger.invoice()
    broken = [
        ('contact', ledger.contact(email='nobody at all')),
        ('contact', dto.Contact('x' * 600)),
        ('item', ledger.item('x' * 300)),
        ('invoice', replace(invoice, contact_external_id='')),
        ('invoice', replace(invoice, lines=(dto.InvoiceLine('text only'),))),
        ('invoice', replace(invoice, lines=(ledger.line('1', '-5'),))),
    ]
    for kind, record in broken:
        found = ledger.provider.check(kind, record)
        assert found, (kind, record)
        assert all(text[0].isupper() and text.endswith('.') for text in found)
