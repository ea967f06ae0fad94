"""Files of documents: refused before they are sent, arrived once, found again, and never in the stored call."""

from dataclasses import replace

import pytest
from ledger import new_key

from fieldpromax_accounting.providers import dto, errors

PDF = b'%PDF-1.7 made up \x00\xff\xfe\r\n--boundary--\r\nmore\n%%EOF'


@pytest.fixture
def invoice(ledger):
    return ledger.create('invoice', ledger.invoice())[0]


def file_of(document, name='INV_2026_00042.pdf', content=PDF, **values):
    kind = 'credit_note' if isinstance(document, dto.CreditNote) else 'invoice'
    return dto.Attachment(
        **{
            'document_kind': kind,
            'document_external_id': document.external_id,
            'name': name,
            'content_type': 'application/pdf',
            'size': len(content),
            **values,
        }
    )


def attach(ledger, file, content=PDF, key=None, provider=None):
    call = replace(ledger.prepare('attachment.create', file), content=content)
    (result,) = (provider or ledger.provider).send(call, key or new_key()).results
    return result


def files_of(ledger, document):
    file = file_of(document)
    wanted = dto.Wanted('', documents=(file.document_external_id,), document_kind=file.document_kind)
    return ledger.provider.look_up('attachment', [wanted])


def test_rules(ledger, invoice):
    """Each refused by its name, before anything is sent."""
    rule = ledger.provider.file_rule
    for values, word in (
        ({'size': 0}, 'empty'),
        ({'size': rule.max_bytes + 1}, 'MB'),
        ({'name': 'setup.exe'}, 'exe'),
        ({'name': 'README'}, 'no type'),
        ({'name': 'a/b.pdf'}, 'a_b.pdf'),
        ({'name': '<img src=x>.pdf'}, '_img src=x_.pdf'),
        ({'name': 'x' * rule.max_name + '.pdf'}, 'example'),
    ):
        problems = ledger.provider.check('attachment', file_of(invoice, **values))
        assert len(problems) == 1, (values, problems)
        assert word in problems[0]
    assert ledger.provider.check('attachment', file_of(invoice, size=rule.max_bytes)) == ()


def test_names_that_would_do(ledger):
    rule = ledger.provider.file_rule
    for name, safe in (
        ('INV/2026/00042.pdf', 'INV_2026_00042.pdf'),
        ('..\\..\\etc\\passwd.txt', '_.._etc_passwd.txt'),
        ('<script>alert(1)</script>.pdf', '_script_alert(1)__script_.pdf'),
        ('Überweisung  für\n株式会社.pdf', 'Überweisung für_株式会社.pdf'),
        ('invoice\u202efdp.exe', 'invoice_fdp.exe'),
        ('\ud800.pdf', '_.pdf'),
        ('', 'file'),
        ('...', 'file'),
    ):
        assert rule.safe_name(name) == safe
        assert rule.safe_name(safe) == safe
    assert rule.safe_name('Plan.PDF', ['plan.pdf', 'plan (2).pdf']) == 'Plan (3).PDF'
    long = rule.safe_name('ü' * 2000 + '.pdf', [rule.safe_name('ü' * 2000 + '.pdf')])
    assert (len(long), long[-8:]) == (rule.max_name, ' (2).pdf')


def test_the_stored_call_does_not_hold_the_file(ledger, invoice):
    call = ledger.prepare('attachment.create', file_of(invoice))
    assert (call.content, len(call.body) < 500) == (b'', True)
    assert 'PDF-1.7' not in repr(replace(call, content=PDF))
    with pytest.raises(ValueError, match='not the one'):
        ledger.provider.send(replace(call, content=PDF + b'x'), new_key())
    assert files_of(ledger, invoice) == ()


@pytest.mark.parametrize(
    'name', ['INV_2026_00042.pdf', 'Überweisung für 株式会社 (2) \'a\'.pdf', '100.5.txt']
)
def test_it_arrives_whole(ledger, invoice, name):
    note = ledger.create('credit_note', ledger.credit_note())[0]
    for document in (invoice, note):
        result = attach(ledger, file_of(document, name))
        assert result.error is None
        assert replace(result.record, external_id='', content_type='application/pdf') == file_of(
            document, name
        )
        assert files_of(ledger, document) == (result.record,)
        assert ledger.provider.find_records('attachment', [name]) == ()


def test_a_lost_answer_is_found_again_and_the_same_key_attaches_once(books, ledger, invoice):
    books.fault('timeout_after', 'attachment.create')
    call = replace(ledger.prepare('attachment.create', file_of(invoice)), content=PDF)
    key = new_key()
    with pytest.raises(errors.OutcomeUnknown):
        ledger.hasty().send(call, key)
    (found,) = files_of(ledger, invoice)
    assert (found.name, found.size) == ('INV_2026_00042.pdf', len(PDF))
    (again,) = ledger.provider.send(call, key).results
    assert again.record.external_id == found.external_id
    assert files_of(ledger, invoice) == (found,)


def test_a_garbled_answer_says_nothing_of_the_outcome(books, ledger, invoice):
    for fault in ('truncated', 'html'):
        books.fault(fault, 'attachment.create')
        with pytest.raises(errors.ProviderError) as caught:
            attach(ledger, file_of(invoice))
        assert caught.value.maybe_applied, fault
    books.fault('status:413', 'attachment.create')
    result = attach(ledger, file_of(invoice))
    assert not result.error.maybe_applied
    assert result.error.http_status == 413


def test_a_document_that_is_not_there(ledger, invoice):
    nowhere = '99999999-9999-4999-8999-999999999999'
    result = attach(ledger, file_of(invoice, document_external_id=nowhere))
    assert isinstance(result.error, (errors.NotFound, errors.ValidationRejected))
    wanted = dto.Wanted('', documents=(nowhere,), document_kind='invoice')
    assert ledger.provider.look_up('attachment', [wanted]) == ()


def test_a_consent_without_files_stops_nothing_else(books, ledger, invoice):
    scopes = [scope for scope in ledger.provider.scopes if 'attachments' not in scope]
    if len(scopes) == len(ledger.provider.scopes):
        assert attach(ledger, file_of(invoice)).error is None, 'one right for everything'
        return
    books.revoke()
    token, _params = books.token(ledger.unbound, ledger.tag, scopes=scopes)
    provider = ledger.unbound.for_organization(ledger.organization.external_id, token.access_token)
    result = attach(ledger, file_of(invoice), provider=provider)
    assert result.error.code == 'files_not_permitted'
    with pytest.raises(errors.ValidationRejected) as caught:
        provider.look_up(
            'attachment', [dto.Wanted('', documents=(invoice.external_id,), document_kind='invoice')]
        )
    assert caught.value.code == 'files_not_permitted'
    assert provider.get_record('invoice', invoice.external_id).external_id == invoice.external_id
    assert provider.get_organization().external_id


def test_one_of_the_same_name(ledger, invoice):
    """Takes the place of the other, or stands beside it: the capability says which."""
    first, second = (attach(ledger, file_of(invoice, content=one), one).record for one in (PDF, PDF + b' '))
    found = files_of(ledger, invoice)
    if ledger.capabilities.files_by_name:
        assert found == (second,)
    else:
        assert set(found) == {first, second}
