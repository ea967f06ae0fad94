"""Writes: frozen to the byte, sent once under a key, each element with its own outcome."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from fieldpromax_accounting.providers import dto, errors
from fieldpromax_accounting.providers.base import KINDS
from fieldpromax_accounting.providers.xero import client

D = Decimal
ZERO = '00000000-0000-0000-0000-000000000000'
GUIDS = [f'11111111-2222-3333-4444-{i:012d}' for i in range(60)]


def contact(index=1, **values):
    return dto.Contact(**{'name': f'Contact {index}', 'number': f'db-{index}', **values})


def invoice_for(contact_id, number='INV/2026/00001', **values):
    values = {
        'contact_external_id': contact_id,
        'date': date(2026, 9, 14),
        'due_date': date(2026, 10, 14),
        'currency': 'USD',
        'number': number,
        'reference': 'S00042',
        'lines': (
            dto.InvoiceLine(
                'Work', D('3'), D('33.3333'), D('5'), '200', tax_code='TAX001', tax_amount=D('14.25')
            ),
            dto.InvoiceLine('A note'),
            dto.InvoiceLine('Parts', D('1.5'), D('10'), account='200', tax_code='NONE', tax_amount=D('0')),
        ),
        'totals': dto.Totals(D('110.00'), D('14.25'), D('124.25')),
        **values,
    }
    return dto.Invoice(**values)


@pytest.fixture
def contact_id(us):
    call = us.prepare('contact.create', [('1', contact())])
    return us.send(call, 'make-contact').results[0].record.external_id


# === prepare === #


def test_the_body_is_frozen_exactly(us):
    members = [('7', contact(1, name='Zoë "Ø" \\ \u2028 \x00 \ud800', email='a@b.co', phone='+1 555'))]
    call = us.prepare('contact.create', members)
    assert call == us.prepare('contact.create', members), 'the same order of keys every time'
    assert call.body.isascii(), 'so it survives any storage'
    assert '\x00' not in call.body
    assert call.members == ('7',)
    assert call.target == ''


def test_no_float_anywhere(us):
    price = D('0.1000')
    call = us.prepare('item.create', [('1', dto.Item('A', 'A', sale_price=price))])
    assert '"UnitPrice":0.1000' in call.body
    with pytest.raises(TypeError):
        us.prepare('item.create', [('1', dto.Item('A', 'A', sale_account=0.5))])
    with pytest.raises((TypeError, ArithmeticError)):
        us.prepare('item.create', [('1', dto.Item('A', 'A', sale_price=D('NaN')))])
    big = us.prepare('item.create', [('1', dto.Item('A', 'A', sale_price=D('1E+3')))])
    assert '"UnitPrice":1000' in big.body


def test_what_prepare_refuses(us):
    with pytest.raises(ValueError, match='no operation'):
        us.prepare('invoice.email', [('1', contact())])
    with pytest.raises(ValueError, match='1 to 50'):
        us.prepare('contact.create', [])
    with pytest.raises(ValueError, match='1 to 50'):
        us.prepare('contact.create', [(str(i), contact(i)) for i in range(51)])
    with pytest.raises(ValueError, match='1 to 1'):
        us.prepare(
            'invoice.update',
            [('1', invoice_for('c', external_id='a')), ('2', invoice_for('c', external_id='b'))],
        )
    with pytest.raises(ValueError, match='needs the id'):
        us.prepare('contact.update', [('1', contact())])
    with pytest.raises(ValueError, match='has none'):
        us.prepare('contact.create', [('1', contact(external_id=GUIDS[0]))])
    with pytest.raises(ValueError, match='draft or approved'):
        us.prepare('invoice.create', [('1', invoice_for('c', status='paid'))])
    with pytest.raises(ValueError, match='key'):
        us.send(us.prepare('contact.create', [('1', contact())]), '')
    with pytest.raises(ValueError, match='key'):
        us.send(us.prepare('contact.create', [('1', contact())]), 'k' * 129)


def test_every_operation_declares_itself():
    provider = client.XeroProvider
    assert {operation.kind for operation in provider.operations.values()} == set(KINDS) - {'project'}
    assert not provider.capabilities.projects
    for name, operation in provider.operations.items():
        assert operation.name == name
        assert operation.look_up
        assert operation.max_members <= 50
    assert provider.capabilities.key_lifetime.total_seconds() == 300
    assert provider.capabilities.invoice_drafts


def test_bodies_conform_to_xeros_description(us, specs, monkeypatch):
    monkeypatch.syspath_prepend(str(specs))
    checker = pytest.importorskip('xero_checker')
    spec = checker.Spec(str(specs / 'xero' / 'xero_accounting.yaml'))
    address = dto.Address('Street 1', 'c/o', 'City', 'Region', '12345', 'NZ')
    whole = contact(
        email='a@b.co',
        phone='1',
        first_name='F',
        last_name='L',
        tax_number='T',
        address=address,
        currency='USD',
    )
    item = dto.Item(
        'A',
        'Name',
        '',
        description='D',
        sale_price=D(1),
        purchase_price=D(2),
        sale_account='200',
        sale_tax='NONE',
        is_purchased=True,
    )
    for operation, method, path, member in (
        ('contact.create', 'PUT', '/Contacts', whole),
        ('contact.update', 'POST', '/Contacts', replace(whole, external_id=GUIDS[0], active=False)),
        ('item.create', 'PUT', '/Items', item),
        ('item.update', 'POST', '/Items', replace(item, external_id=GUIDS[0])),
        ('invoice.create', 'PUT', '/Invoices', invoice_for(GUIDS[0], currency_rate=D('0.9'))),
        ('invoice.update', 'POST', '/Invoices/{InvoiceID}', invoice_for(GUIDS[0], external_id=GUIDS[1])),
    ):
        body = json.loads(us.prepare(operation, [('1', member)]).body)
        assert spec.errors_for(method, path, body) == [], operation


# === contacts and items === #


def test_contacts(sim, us):
    address = dto.Address('12 High St', 'Floor 3', 'Springfield', 'IL', '62701', 'USA')
    made = contact(
        1, email='a@b.co', phone='+1 555 0100', first_name='F', tax_number='12-34', address=address
    )
    result = us.send(us.prepare('contact.create', [('a', made), ('b', contact(2))]), 'k1')
    assert [(r.member, r.error, r.warnings) for r in result.results] == [('a', None, ()), ('b', None, ())]
    assert result.http_status == 200
    assert result.request_id
    record = result.results[0].record
    assert record.external_id
    assert replace(record, external_id='', version='', updated_at=None) == made
    assert us.get_record('contact', record.external_id) == record
    changed = replace(record, phone='+1 555 0199', name='Renamed')
    result = us.send(us.prepare('contact.update', [('a', changed)]), 'k2')
    assert result.results[0].record.phone == '+1 555 0199'
    assert result.results[0].record.email == 'a@b.co'
    archived = us.send(us.prepare('contact.update', [('a', replace(changed, active=False))]), 'k3')
    assert archived.results[0].record.active is False


def test_an_update_erases_nothing(us):
    made = contact(1, email='a@b.co', phone='1', first_name='F')
    record = us.send(us.prepare('contact.create', [('1', made)]), 'k1').results[0].record
    bare = dto.Contact(record.name, record.external_id)
    again = us.send(us.prepare('contact.update', [('1', bare)]), 'k2').results[0].record
    assert (again.email, again.phone, again.first_name, again.number) == ('a@b.co', '1', 'F', 'db-1')


def test_items(us):
    item = dto.Item(
        'HOSE-9',
        'Garden hose',
        description='Green',
        sale_price=D('12.3456'),
        sale_account='200',
        sale_tax='TAX001',
        purchase_price=D('4.5'),
        is_purchased=True,
    )
    record = us.send(us.prepare('item.create', [('1', item)]), 'k1').results[0].record
    assert (record.code, record.name, record.description) == ('HOSE-9', 'Garden hose', 'Green')
    assert (record.sale_price, record.purchase_price) == (D('12.3456'), D('4.5'))
    assert (record.sale_account, record.sale_tax) == ('200', 'TAX001')
    cheaper = replace(record, sale_price=D('9.9999'))
    assert us.send(us.prepare('item.update', [('1', cheaper)]), 'k2').results[0].record.sale_price == D(
        '9.9999'
    )


# === invoices === #


@pytest.mark.parametrize('status', ['draft', 'approved'])
def test_an_invoice_comes_back_as_it_was_sent(sim, us, contact_id, status):
    sent = invoice_for(contact_id, status=status)
    record = us.send(us.prepare('invoice.create', [('1', sent)]), 'k').results[0].record
    assert record.totals == sent.totals == us.predict_totals(sent)
    for field in (
        'contact_external_id',
        'date',
        'due_date',
        'currency',
        'number',
        'reference',
        'status',
        'tax_included',
    ):
        assert getattr(record, field) == getattr(sent, field), field
    assert record.amount_due == D('124.25')
    for got, wanted in zip(record.lines, sent.lines, strict=True):
        assert got.external_id
        for field in (
            'description',
            'is_text',
            'quantity',
            'unit_price',
            'discount',
            'account',
            'tax_code',
            'tax_amount',
        ):
            assert getattr(got, field) == getattr(wanted, field), field
    assert us.get_record('invoice', record.external_id) == record


def test_the_contact_is_named_by_its_id_alone(us):
    body = json.loads(
        us.prepare('invoice.create', [('1', invoice_for('c-id', contact_name='New name'))]).body
    )
    assert body['Invoices'][0]['Contact'] == {'ContactID': 'c-id'}


def test_fifty_invoices_in_one_call(sim, us, contact_id):
    members = [(str(i), invoice_for(contact_id, number=f'INV/{i:05d}')) for i in range(50)]
    sim.control('DELETE', '/_sim/requests')
    result = us.send(us.prepare('invoice.create', members), 'k')
    assert [r.record.number for r in result.results] == [m[1].number for m in members]
    assert len(sim.requests(path='/Invoices')) == 1
    numbers = [m[1].number.lower() for m in members]
    assert len(us.find_records('invoice', numbers)) == 50


def test_changing_an_invoice(us, contact_id):
    priced = tuple(line for line in invoice_for(contact_id).lines if not line.is_text)
    record = (
        us.send(us.prepare('invoice.create', [('1', invoice_for(contact_id, lines=priced))]), 'k1')
        .results[0]
        .record
    )
    lines = (replace(record.lines[0], description='Work, corrected'), *record.lines[1:])
    call = us.prepare('invoice.update', [('1', replace(record, lines=lines, reference='New'))])
    assert call.target == record.external_id
    assert 'InvoiceNumber' not in call.body
    changed = us.send(call, 'k2').results[0].record
    assert changed.reference == 'New'
    assert [line.external_id for line in changed.lines] == [line.external_id for line in record.lines]
    assert changed.lines[0].description == 'Work, corrected'
    assert changed.number == record.number


def test_the_balance_of_a_void_invoice_is_not_read(sim, us, contact_id):
    us.send(us.prepare('invoice.create', [('1', invoice_for(contact_id))]), 'k1')
    sim.organisation('US', {'invoices': [{'InvoiceNumber': 'INV/2026/00001', 'action': 'void'}]})
    (record,) = us.find_records('invoice', ['INV/2026/00001'])
    assert (record.status, record.amount_due) == ('void', None)


@pytest.mark.parametrize(('status', 'becomes'), [('draft', 'deleted'), ('approved', 'void')])
def test_voiding(us, contact_id, status, becomes):
    made = us.prepare('invoice.create', [('1', invoice_for(contact_id, status=status))])
    record = us.send(made, 'k1').results[0].record
    call = us.prepare('invoice.void', [('1', record)])
    assert call.target == record.external_id
    assert set(json.loads(call.body)['Invoices'][0]) == {'InvoiceID', 'Status'}, 'nothing else is changed'
    first = us.send(call, 'k2').results[0]
    assert (first.error, first.record.status, first.record.amount_due) == (None, becomes, None)
    assert us.send(call, 'k2').results == (first,)
    assert us.get_record('invoice', record.external_id).status == becomes


def test_a_paid_invoice_is_not_voided(sim, us, contact_id):
    record = us.send(us.prepare('invoice.create', [('1', invoice_for(contact_id))]), 'k1').results[0].record
    sim.organisation('US', {'invoices': [{'InvoiceNumber': record.number, 'action': 'pay'}]})
    (result,) = us.send(us.prepare('invoice.void', [('1', record)]), 'k2').results
    assert type(result.error) is errors.ValidationRejected
    assert us.get_record('invoice', record.external_id).status == 'paid'


def test_what_cannot_be_voided(us, contact_id):
    with pytest.raises(ValueError, match='needs the id'):
        us.prepare('invoice.void', [('1', invoice_for(contact_id))])


def test_a_paid_invoice_refuses_with_xeros_words(sim, us, contact_id):
    record = us.send(us.prepare('invoice.create', [('1', invoice_for(contact_id))]), 'k1').results[0].record
    sim.organisation('US', {'invoices': [{'InvoiceNumber': record.number, 'action': 'pay'}]})
    changed = replace(
        record, status='approved', lines=(replace(record.lines[0], unit_price=D(1)), *record.lines[1:])
    )
    (result,) = us.send(us.prepare('invoice.update', [('1', changed)]), 'k2').results
    assert type(result.error) is errors.ValidationRejected
    assert result.error.code == 'has_payments'
    assert result.error.details
    assert result.error.http_status == 400


# === keys === #


def test_the_same_key_gives_the_same_answer(sim, us):
    call = us.prepare('contact.create', [('1', contact())])
    first, second = us.send(call, 'key'), us.send(call, 'key')
    assert first.results == second.results
    assert len([c for c in sim.state('contacts') if c.get('ContactNumber') == 'db-1']) == 1


def test_a_stored_call_is_the_same_call(sim, us, make_provider, tenants):
    call = us.prepare('contact.create', [('1', contact(name='Zoë'))])
    first = us.send(call, 'key')
    stored = json.loads(json.dumps({'operation': call.operation, 'body': call.body, 'members': call.members}))
    other = make_provider(sim.base_url).for_organization(tenants['US'], sim.issue()['access_token'])
    again = other.send(dto.PreparedCall(stored['operation'], stored['body'], tuple(stored['members'])), 'key')
    assert again.results == first.results


def test_a_key_used_for_something_else(us):
    us.send(us.prepare('contact.create', [('1', contact(1))]), 'key')
    with pytest.raises(errors.Conflict) as caught:
        us.send(us.prepare('contact.create', [('1', contact(2))]), 'key')
    assert caught.value.code == 'idempotency_key_reused'


@pytest.mark.parametrize('operation', ['contact.create', 'item.create', 'invoice.create'])
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
        ('status:500', errors.ProviderUnavailable, None),
        ('429:concurrent', errors.RateLimited, False),
        ('status:401', errors.AccessTokenExpired, False),
        ('status:403', errors.ConnectionRefused, False),
        ('status:404', errors.NotFound, False),
    ],
)
def test_an_answer_that_is_lost(sim, us, when, contact_id, operation, fault, expected, applied):
    kind = operation.partition('.')[0]
    member = {
        'contact': contact(5),
        'item': dto.Item('LOST-1', 'Lost'),
        'invoice': invoice_for(contact_id, number='LOST-1'),
    }[kind]
    key = {'contact': 'db-5', 'item': 'LOST-1', 'invoice': 'LOST-1'}[kind]
    call = us.prepare(operation, [('1', member)])
    sim.fault(fault, {'contact': '/Contacts', 'item': '/Items', 'invoice': '/Invoices'}[kind], 'PUT')
    with pytest.raises(expected) as caught:
        when(fault).send(call, 'key')
    assert type(caught.value) is expected
    if applied is not None:
        assert bool(us.find_records(kind, [key])) is applied
        assert caught.value.maybe_applied or not applied
        # the same call under the same key, as stored
        assert us.send(call, 'key').results[0].record.external_id
        assert len(us.find_records(kind, [key])) == 1
    else:
        # a server error is kept under its key (A6): the very same answer comes again
        with pytest.raises(expected):
            us.send(call, 'key')


@pytest.mark.parametrize('fault', ['unknown_enum', 'null_value'])
def test_an_answer_with_surprises(sim, us, contact_id, fault):
    sim.fault(fault, '/Invoices', 'PUT')
    (result,) = us.send(us.prepare('invoice.create', [('1', invoice_for(contact_id))]), 'k').results
    assert result.record or isinstance(result.error, errors.ProtocolError)
    assert len(us.find_records('invoice', ['INV/2026/00001'])) == 1


# === each its own outcome === #


def test_good_and_bad_together(us, contact_id):
    bad_account = replace(invoice_for(contact_id).lines[0], account='9999')
    result = us.send(
        us.prepare(
            'invoice.create',
            [
                ('good', invoice_for(contact_id, number='A-1')),
                ('account', invoice_for(contact_id, number='A-2', lines=(bad_account,))),
                ('currency', invoice_for(contact_id, number='A-3', currency='JPY')),
                ('twice', invoice_for(contact_id, number='a-1')),
                ('also good', invoice_for(contact_id, number='A-4')),
            ],
        ),
        'k',
    )
    outcome = {r.member: r for r in result.results}
    assert result.http_status == 200
    assert outcome['good'].record.number == 'A-1'
    assert outcome['also good'].record.number == 'A-4'
    assert outcome['account'].error.code == 'account_invalid'
    assert '9999' in outcome['account'].error.message
    assert outcome['currency'].error.code == 'currency_not_subscribed'
    assert type(outcome['twice'].error) is errors.Conflict
    assert outcome['twice'].error.code == 'duplicate_invoice_number'
    for result in outcome.values():
        assert (result.record is None) != (result.error is None)
        if result.error:
            assert result.error.details
            assert not result.error.retryable
            assert not result.error.maybe_applied
    assert us.find_records('invoice', ['A-2', 'A-3']) == ()


@pytest.mark.parametrize(
    ('prepare', 'error_class', 'code'),
    [
        (
            lambda p: p.prepare('contact.create', [('1', contact(name='contact 1'))]),
            errors.Conflict,
            'duplicate_contact_name',
        ),
        (
            lambda p: p.prepare('contact.create', [('1', contact(1, name='Else'))]),
            errors.Conflict,
            'duplicate_contact_number',
        ),
        (
            lambda p: p.prepare('item.create', [('1', dto.Item('CALLOUT', 'x'))]),
            errors.Conflict,
            'duplicate_item_code',
        ),
        (
            lambda p: p.prepare('contact.create', [('1', contact(2, email='no mail'))]),
            errors.ValidationRejected,
            'email_invalid',
        ),
    ],
)
def test_refusals(us, contact_id, prepare, error_class, code):
    (result,) = us.send(prepare(us), 'k').results
    assert type(result.error) is error_class
    assert result.error.code == code


def test_a_locked_period(sim, us, contact_id):
    sim.organisation('US', {'PeriodLockDate': '2026-12-31'})
    (result,) = us.send(us.prepare('invoice.create', [('1', invoice_for(contact_id))]), 'k').results
    assert result.error.code == 'period_locked'


def test_an_archived_contact(sim, us, contact_id):
    record = us.get_record('contact', contact_id)
    us.send(us.prepare('contact.update', [('1', replace(record, active=False))]), 'k1')
    (result,) = us.send(us.prepare('contact.update', [('1', replace(record, first_name='x'))]), 'k2').results
    assert result.error.code == 'archived_contact'
    assert type(result.error) is errors.Conflict


# === whose answer is whose === #


def answered(make_provider, raw_server, http, elements, status=200, key='Contacts'):
    body = json.dumps({key: elements} if status == 200 else elements).encode()
    return make_provider(raw_server(http(status, body)).base_url).for_organization('t', 'a')


def test_answers_in_another_order_and_case(make_provider, raw_server, http):
    elements = [
        {
            'ContactID': GUIDS[2],
            'Name': ' contact  2',
            'ContactNumber': 'DB-2',
            'Warnings': [{'Message': 'Odd rate'}],
            'StatusAttributeString': 'WARNING',
        },
        {'ContactID': GUIDS[0], 'Name': 'CONTACT 0', 'ContactNumber': 'Db-0'},
        {
            'ContactID': ZERO,
            'Name': 'Contact 1',
            'StatusAttributeString': 'ERROR',
            'ValidationErrors': [{'Message': 'Please enter a unique Name.'}],
        },
    ]
    provider = answered(make_provider, raw_server, http, elements)
    result = provider.send(provider.prepare('contact.create', [(str(i), contact(i)) for i in range(3)]), 'k')
    first, second, third = result.results
    assert first.record.external_id == GUIDS[0]
    assert second.error.code == 'duplicate_name'
    assert third.record.external_id == GUIDS[2]
    assert third.warnings == ('Odd rate',)


def test_position_decides_only_what_no_key_decides(make_provider, raw_server, http):
    elements = [{'ContactID': GUIDS[0], 'Name': 'One'}, {'ContactID': GUIDS[1], 'Name': 'renamed by Xero'}]
    provider = answered(make_provider, raw_server, http, elements)
    members = [('1', dto.Contact('One', number='n1')), ('2', dto.Contact('Two', number='n2'))]
    first, second = provider.send(provider.prepare('contact.create', members), 'k').results
    assert first.record.external_id == GUIDS[0]
    assert isinstance(second.error, errors.ProtocolError), 'its name says that it is another one'
    elements[1] = {'ContactID': GUIDS[1], 'Name': 'renamed by Xero', 'ContactNumber': 'n2'}
    provider = answered(make_provider, raw_server, http, elements)
    _first, second = provider.send(provider.prepare('contact.create', members), 'k').results
    assert second.record.external_id == GUIDS[1]


def test_a_number_given_by_xero_is_matched_by_position(make_provider, raw_server, http):
    amounts = {'SubTotal': 1, 'TotalTax': 0, 'Total': 1}
    elements = [{'InvoiceID': GUIDS[i], 'InvoiceNumber': f'INV-{i}', **amounts} for i in range(2)]
    provider = answered(make_provider, raw_server, http, elements, key='Invoices')
    members = [('1', invoice_for('c', number='')), ('2', invoice_for('c', number=''))]
    results = provider.send(provider.prepare('invoice.create', members), 'k').results
    assert [r.record.number for r in results] == ['INV-0', 'INV-1']


@pytest.mark.parametrize(
    'elements',
    [
        [],
        [None, 'x'],
        [{'Name': 'Somebody else', 'ContactNumber': 'zz', 'ContactID': GUIDS[0]}] * 2,
        [{'Name': {}}],
    ],
)
def test_an_answer_to_something_else(make_provider, raw_server, http, elements):
    provider = answered(make_provider, raw_server, http, elements)
    call = provider.prepare('contact.create', [('1', contact(1)), ('2', contact(2))])
    try:
        found = [result.error for result in provider.send(call, 'k').results]
    except errors.ProtocolError as error:
        found = [error]
    assert all(isinstance(error, errors.ProtocolError) and error.maybe_applied for error in found)


@pytest.mark.parametrize('elements', [[], [[]], [None], [{}], [{'InvoiceID': GUIDS[1]}], [{'InvoiceID': {}}]])
def test_a_mark_needs_its_document_in_the_answer(make_provider, raw_server, http, elements):
    provider = answered(make_provider, raw_server, http, elements, key='Invoices')
    call = provider.prepare('invoice.mark_sent', [('1', dto.SentMark('invoice', GUIDS[0]))])
    with pytest.raises(errors.ProtocolError) as caught:
        provider.send(call, 'k')
    assert caught.value.maybe_applied


def test_a_mark_that_is_refused(make_provider, raw_server, http):
    refused = {'StatusAttributeString': 'ERROR', 'ValidationErrors': [{'Message': 'It is void.'}]}
    provider = answered(make_provider, raw_server, http, [refused], key='Invoices')
    call = provider.prepare('invoice.mark_sent', [('1', dto.SentMark('invoice', GUIDS[0]))])
    (result,) = provider.send(call, 'k').results
    assert isinstance(result.error, errors.ValidationRejected)
    assert 'It is void.' in str(result.error)


@pytest.mark.parametrize('elements', [[], [[]], ['x'], [{}], [{}, {}]])
def test_a_file_needs_itself_in_the_answer(make_provider, raw_server, http, elements):
    provider = answered(make_provider, raw_server, http, elements, key='Attachments')
    file = dto.Attachment('invoice', GUIDS[0], 'a.pdf', 'application/pdf', 3)
    call = replace(provider.prepare('attachment.create', [('1', file)]), content=b'PDF')
    with pytest.raises(errors.ProtocolError) as caught:
        provider.send(call, 'k')
    assert caught.value.maybe_applied


def test_one_element_missing(make_provider, raw_server, http):
    provider = answered(make_provider, raw_server, http, [{'ContactID': GUIDS[1], 'Name': 'Contact 1'}])
    first, second = provider.send(
        provider.prepare('contact.create', [('1', contact(1)), ('2', contact(2))]), 'k'
    ).results
    assert first.record.external_id == GUIDS[1]
    assert isinstance(second.error, errors.ProtocolError)
    assert second.error.maybe_applied


def test_a_zero_guid_without_an_error_is_no_success(make_provider, raw_server, http):
    provider = answered(
        make_provider, raw_server, http, [{'ContactID': ZERO, 'Name': 'Contact 1', 'ContactNumber': 'db-1'}]
    )
    (result,) = provider.send(provider.prepare('contact.create', [('1', contact(1))]), 'k').results
    assert isinstance(result.error, errors.ProtocolError)


def test_an_answer_without_totals_is_no_success(make_provider, raw_server, http):
    elements = [{'InvoiceID': GUIDS[0], 'InvoiceNumber': 'INV/2026/00001', 'Total': 1}]
    provider = answered(make_provider, raw_server, http, elements, key='Invoices')
    (result,) = provider.send(provider.prepare('invoice.create', [('1', invoice_for('c'))]), 'k').results
    assert isinstance(result.error, errors.ProtocolError)


def test_a_lot_that_is_refused_for_one_of_them(make_provider, raw_server, http):
    body = {
        'ErrorNumber': 10,
        'Type': 'ValidationException',
        'Message': 'A validation exception occurred',
        'Elements': [
            {'ContactID': ZERO, 'Name': 'Contact 1'},
            {
                'ContactID': ZERO,
                'Name': 'Contact 2',
                'HasValidationErrors': True,
                'ValidationErrors': [{'Message': 'Email address must be valid.'}],
            },
        ],
    }
    provider = answered(make_provider, raw_server, http, body, status=400)
    good, bad = provider.send(
        provider.prepare('contact.create', [('1', contact(1)), ('2', contact(2))]), 'k'
    ).results
    assert bad.error.code == 'email_invalid'
    assert type(good.error) is errors.TransportError
    assert (good.error.code, good.error.retryable, good.error.maybe_applied) == ('lot_refused', True, False)


# === finding === #


def test_finding_contacts(us, sim):
    odd = 'Smith "Bob" \\ & Söhne, Ltd'
    us.send(us.prepare('contact.create', [('1', contact(1)), ('2', contact(2, name=odd))]), 'k')
    assert {c.name for c in us.find_records('contact', ['DB-1', odd.upper(), 'nobody', '', ' '])} == {
        'Contact 1',
        odd,
    }
    assert us.find_records('contact', ['Contact']) == (), 'a part of a name is no match'
    assert us.find_records('contact', []) == ()


def test_finding_many_takes_several_calls_of_bounded_length(sim, us):
    sim.control('DELETE', '/_sim/requests')
    assert us.find_records('contact', [f'{"ü" * 60} {i}' for i in range(30)]) == ()
    calls = sim.requests(path='/Contacts')
    assert 1 < len(calls) < 20


def test_finding_items(us):
    us.send(
        us.prepare('item.create', [('1', dto.Item('5" PIPE', 'Pipe')), ('2', dto.Item('A,B', 'Two'))]), 'k'
    )
    assert [i.code for i in us.find_records('item', ['a,b', 'C'])] == ['A,B']
    assert {i.code for i in us.find_records('item', ['5" pipe', 'callout'])} == {'5" PIPE', 'CALLOUT'}


def test_a_bill_with_the_same_number_is_not_found(sim, us, contact_id):
    us.send(us.prepare('invoice.create', [('1', invoice_for(contact_id, number='A,1'))]), 'k')
    assert [i.number for i in us.find_records('invoice', ['a,1', 'B'])] == ['A,1']


def test_bills_and_unreadable_ones(make_provider, raw_server, http):
    bill = {'InvoiceID': GUIDS[0], 'Type': 'ACCPAY', 'InvoiceNumber': 'A'}
    provider = answered(make_provider, raw_server, http, [bill], key='Invoices')
    assert provider.find_records('invoice', ['A']) == ()
    # to overlook it would be to create it again
    provider = answered(make_provider, raw_server, http, [{**bill, 'Type': 'ACCREC'}], key='Invoices')
    with pytest.raises(errors.ProtocolError):
        provider.find_records('invoice', ['A'])


def test_xero_has_no_projects(us):
    with pytest.raises(ValueError, match='project'):
        us.pull_page('project')


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('external_id', ['', GUIDS[0], '../Accounts', 'a b?c'])
def test_no_such_record(us, kind, external_id):
    with pytest.raises(errors.NotFound):
        us.get_record(kind, external_id)


# === rights === #


def test_a_scope_is_missing(sim, make_provider, tenants):
    token = sim.issue(scopes=['openid', 'offline_access', 'accounting.contacts'])['access_token']
    provider = make_provider(sim.base_url).for_organization(tenants['US'], token)
    assert provider.pull_page('contact').records
    for call in (
        provider.list_accounts,
        lambda: provider.send(provider.prepare('item.create', [('1', dto.Item('a', 'b'))]), 'k'),
    ):
        with pytest.raises(errors.PermissionMissing) as caught:
            call()
        assert caught.value.code == 'AuthorizationUnsuccessful'
        assert caught.value.http_status == 401


def test_the_organisation_was_disconnected(sim, us):
    sim.control('POST', '/_sim/tokens', {'disconnect': 'US'})
    with pytest.raises(errors.ConnectionRefused) as caught:
        us.send(us.prepare('contact.create', [('1', contact())]), 'k')
    assert not caught.value.retryable


def test_limits(sim, us):
    sim.control('POST', '/_sim/limits', {'minute': 1})
    us.list_accounts()
    with pytest.raises(errors.RateLimited) as caught:
        us.send(us.prepare('contact.create', [('1', contact())]), 'k')
    assert caught.value.limit == 'minute'
    assert 0 < caught.value.retry_after <= 60
