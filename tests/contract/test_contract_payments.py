"""Payments: made, found again, told of when somebody else made or undid them, undone; the invoice follows."""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from ledger import new_key

from fieldpromax_accounting.providers import dto, errors

D = Decimal


@pytest.fixture
def owed(ledger):
    return ledger.create('invoice', ledger.invoice())[0]


def wanted(sent, **values):
    documents = tuple(document for document, _amount in sent.applications)
    return dto.Wanted(
        '',
        sent.contact_external_id,
        date=sent.date,
        currency=sent.currency,
        total=sent.amount,
        documents=documents,
        since=datetime.now(timezone.utc) - timedelta(seconds=60),
        **values,
    )


def changes(ledger, since):
    """What is told of payments since then: ``(records, ids that are gone)``."""
    page = ledger.provider.pull_changes({'payment': since}).get('payment')
    pages = [page] if page else ledger.pull('payment', since)
    return [one for page in pages for one in page.records], [one for page in pages for one in page.gone]


def test_accounts_that_payments_go_to(ledger):
    accounts = ledger.provider.list_accounts()
    assert any(account.is_payment and account.active for account in accounts)
    assert any(account.is_line and not account.is_payment for account in accounts)
    assert all(account.is_line or account.is_payment for account in accounts)


def test_part_and_rest_and_undone(ledger, owed):
    total = owed.amount_due
    part = ledger.payment(owed, amounts=[D('10.00')])
    assert ledger.provider.check('payment', part) == ()
    record = ledger.create('payment', part)[0]
    for field in (
        'contact_external_id',
        'account',
        'date',
        'amount',
        'currency',
        'applications',
        'reference',
    ):
        assert getattr(record, field) == getattr(part, field), field
    assert record.external_id
    assert record.version
    assert (record.active, record.credit) == (True, 0)
    assert ledger.provider.get_record('payment', record.external_id) == record
    assert ledger.due(owed) == ('approved', total - 10)
    rest = ledger.create('payment', ledger.payment(owed, amounts=[total - 10]))[0]
    assert ledger.due(owed) == ('paid', 0)
    gone = ledger.send('payment.delete', record)[0]
    assert (gone.error, gone.record.external_id, gone.record.active) == (None, record.external_id, False)
    assert ledger.due(owed) == ('approved', D('10.00'))
    page = ledger.provider.get_records('payment', [rest.external_id, record.external_id])
    assert [one.external_id for one in page.records if one.active] == [rest.external_id]
    again = ledger.send('payment.delete', record)[0]
    assert (again.error, again.record.active) == (None, False), 'what is gone already is what was wanted'


def test_refused_without_a_trace(ledger, owed):
    for sent, codes in (
        (ledger.payment(owed, amounts=[owed.amount_due + 1]), {'overpaid', 'business_validation'}),
        (ledger.payment(owed, account='99999999-9999-4999-8999-999999999999'), {
            'payment_account_invalid', 'invalid_reference'
        }),
        (
            replace(ledger.payment(owed), applications=(('99999999-9999-4999-8999-999999999999', D(1)),)),
            {'invoice_not_found', 'invalid_reference'},
        ),
    ):  # fmt: skip
        (result,) = ledger.send('payment.create', sent)
        assert result.error.code in codes, result.error.code
        assert not result.error.maybe_applied
    assert ledger.due(owed) == ('approved', owed.amount_due)


def test_rules(ledger, owed):
    good = ledger.payment(owed)
    for values in (
        {'applications': ()},
        {'account': ''},
        {'amount': D(0), 'applications': ((owed.external_id, D(0)),)},
        {'amount': D('1.005'), 'applications': ((owed.external_id, D('1.005')),)},
        {'amount': D(1)},
    ):
        assert ledger.provider.check('payment', replace(good, **values)), values
    two = replace(good, amount=good.amount * 2, applications=good.applications * 2)
    assert bool(ledger.provider.check('payment', two)) != ledger.capabilities.payments_of_several


def test_a_locked_period_takes_none(books, ledger, owed):
    tag = ledger.tag
    made = ledger.create('payment', ledger.payment(owed, amounts=[D(1)]))[0]
    books.lock(tag, date(2026, 9, 20))
    assert (
        ledger.send('payment.create', ledger.payment(owed, amounts=[D(2)]))[0].error.code == 'period_locked'
    )
    assert ledger.send('payment.delete', made)[0].error.code == 'period_locked'


def test_a_lost_answer_is_found_again_and_no_other_is_taken(books, ledger, owed):
    provider = ledger.provider
    sent = ledger.payment(owed, amounts=[D('12.00')])
    assert provider.natural_key('payment', sent) == ''
    assert provider.find_records('payment', ['Cheque 17']) == ()
    assert provider.look_up('payment', [wanted(sent)]) == ()
    books.fault('timeout_after', 'payment.create')
    with pytest.raises(errors.OutcomeUnknown):
        ledger.hasty().send(ledger.prepare('payment.create', sent), new_key())
    (found,) = provider.look_up('payment', [wanted(sent)])
    assert (found.amount, found.applications) == (sent.amount, sent.applications)
    for other in (
        replace(sent, amount=D('12.01')),
        replace(sent, date=date(2026, 9, 21)),
        replace(sent, applications=(('4711', D(12)),)),
    ):
        assert provider.look_up('payment', [wanted(other)]) == ()
    later = replace(wanted(sent), since=datetime.now(timezone.utc) + timedelta(hours=1))
    assert provider.look_up('payment', [later]) == ()
    ledger.send('payment.delete', found)
    assert provider.look_up('payment', [wanted(sent)]) == ()


def test_the_same_key_pays_once(ledger, owed):
    call = ledger.prepare('payment.create', ledger.payment(owed, amounts=[D(5)]))
    key = new_key()
    first, second = (ledger.provider.send(call, key).results[0] for _time in range(2))
    assert first.record.external_id == second.record.external_id
    assert ledger.due(owed)[1] == owed.amount_due - 5


def test_several_in_one_call_each_with_its_own_outcome(ledger, owed):
    other = ledger.create('invoice', ledger.invoice())[0]
    members = [
        ledger.payment(owed, amounts=[D(3)]),
        ledger.payment(other, amounts=[other.amount_due + 1]),
        ledger.payment(owed, amounts=[D(3)]),
        ledger.payment(other, amounts=[D(4)]),
    ]
    results = ledger.send('payment.create', *members)
    assert [result.error is None for result in results] == [True, False, True, True]
    assert [r.record.applications for r in results if r.record] == [
        one.applications for one in (members[0], members[2], members[3])
    ]
    assert len({r.record.external_id for r in results if r.record}) == 3
    assert ledger.due(owed)[1] == owed.amount_due - 6


def test_payments_of_an_invoice(books, ledger, owed):
    other = ledger.create('invoice', ledger.invoice())[0]
    documents = [owed.external_id, other.external_id]
    assert ledger.provider.payments_of(documents) == ()
    made = ledger.create('payment', *(ledger.payment(one, amounts=[D(2)]) for one in (owed, owed, other)))
    books.change(ledger.tag, 'invoice', other.number, pay=True)
    found = ledger.provider.payments_of(documents)
    assert {one.external_id for one in made} < {one.external_id for one in found}
    assert len(found) == 4
    ledger.send('payment.delete', made[0])
    only = ledger.provider.payments_of([owed.external_id])
    assert [one.external_id for one in only] == [made[1].external_id]


@pytest.mark.needs('payments_of_several')
def test_one_payment_of_several_invoices(ledger, owed):
    customer = ledger.provider.get_record('contact', owed.contact_external_id)
    other = ledger.create('invoice', ledger.invoice(customer))[0]
    sent = ledger.payment(owed, other, amounts=[owed.amount_due, D('7.50')])
    assert ledger.provider.check('payment', sent) == ()
    record = ledger.create('payment', sent)[0]
    assert dict(record.applications) == dict(sent.applications)
    assert ledger.due(owed) == ('paid', 0)
    assert ledger.due(other)[1] == other.amount_due - D('7.50')
    assert ledger.provider.look_up('payment', [wanted(sent)]) == (record,)
    ledger.send('payment.delete', record)
    assert ledger.due(owed) == ('approved', owed.amount_due)


def test_what_others_do_is_told(books, ledger, owed):
    since = (datetime.now(timezone.utc) - timedelta(minutes=1)).isoformat()
    books.change(ledger.tag, 'invoice', owed.number, pay=True)
    (record,) = changes(ledger, since)[0]
    assert record.applications == ((owed.external_id, owed.amount_due),)
    assert (record.currency, record.active) == (owed.currency, True)
    assert record.contact_external_id == owed.contact_external_id
    ledger.send('payment.delete', record)
    records, gone = changes(ledger, since)
    assert [one.external_id for one in records if not one.active] + gone == [record.external_id]


def test_every_payment_is_read_page_by_page(ledger, owed):
    made = ledger.create('payment', *(ledger.payment(owed, amounts=[D(1 + place)]) for place in range(5)))
    pages = ledger.pull('payment', page_size=2)
    # some may come twice, none is left out
    assert {one.external_id for page in pages for one in page.records} == {one.external_id for one in made}
    assert pages[-1].checkpoint
    assert len(pages) >= 3


@pytest.mark.needs('foreign currencies')
def test_a_foreign_payment_has_the_rate_of_its_day(ledger):
    foreign = next(code for code in ledger.organization.currencies if code != ledger.organization.currency)
    customer = ledger.create('contact', ledger.contact(currency=foreign))[0]
    sent = ledger.invoice(customer, currency=foreign, currency_rate=D('1.25'))
    owed = ledger.create('invoice', sent)[0]
    record = ledger.create('payment', ledger.payment(owed, currency_rate=D('1.6')))[0]
    assert (record.currency, record.currency_rate) == (foreign, D('1.6'))
    assert ledger.due(owed) == ('paid', 0)
