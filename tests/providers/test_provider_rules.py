"""Xero's rules told before sending, its arithmetic predicted, its dates and odd values read."""

import random
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest
import requests

from fieldpromax_accounting.providers import dto, errors, transport, wire
from fieldpromax_accounting.providers.xero import faults, mapping, rules
from fieldpromax_accounting.providers.xero import wire as xero_wire

D = Decimal
CONTACT = dto.Contact(name='Somebody')
ITEM = dto.Item('A', 'Name')
LINE = dto.InvoiceLine('Work', D(1), D(10), account='200', tax_code='NONE', tax_amount=D(0))
INVOICE = dto.Invoice(
    contact_external_id='c',
    date=date(2026, 9, 14),
    due_date=date(2026, 9, 14),
    currency='USD',
    lines=(LINE,),
    totals=dto.Totals(D(10), D(0), D(10)),
    number='INV/1',
)


# === rules === #


@pytest.mark.parametrize(
    ('values', 'words', 'suggestion'),
    [
        ({'name': ''}, 'needs a name', ''),
        ({'name': '   '}, 'needs a name', ''),
        ({'name': 'A <b>'}, 'characters < and >', '"A b"'),
        ({'name': '<>'}, 'characters < and >', ''),
        ({'name': ' A'}, 'beginning or end', '"A"'),
        ({'name': 'A  B'}, 'two spaces in a row', '"A B"'),
        ({'name': 'A\nB\tC'}, 'line breaks', '"A B C"'),
        ({'name': 'x' * 256}, '255 characters in the name of a contact; this one has 256', '…'),
        ({'number': 'x' * 51}, '50 characters in the number', ''),
        ({'email': 'nobody'}, 'valid e-mail', 'correct or remove'),
        ({'email': 'a@b'}, 'valid e-mail', ''),
        ({'email': 'A Person <a@b.co>'}, 'valid e-mail', '"a@b.co"'),
        ({'email': 'a@b.co, c@d.co'}, 'valid e-mail', '"a@b.co"'),
        ({'email': 'a@b.co '}, 'valid e-mail', '"a@b.co"'),
        ({'email': 'a' * 260 + '@b.co'}, '255 characters in the e-mail address', ''),
        ({'first_name': 'x' * 256}, 'the first name', ''),
        ({'last_name': 'x' * 256}, 'the last name', ''),
        ({'phone': '1' * 51}, '50 characters in the phone number', ''),
        ({'tax_number': '1' * 51}, 'the tax number', ''),
        ({'address': dto.Address(street='s' * 501)}, '500 characters in the street', '…'),
        ({'address': dto.Address(street2='s' * 501)}, 'second line', ''),
        ({'address': dto.Address(city='s' * 256)}, 'the city', ''),
        ({'address': dto.Address(region='s' * 256)}, 'region', ''),
        ({'address': dto.Address(postal_code='s' * 51)}, 'postal code', ''),
        ({'address': dto.Address(country='s' * 51)}, 'the country', ''),
    ],
)
def test_contact_rules(values, words, suggestion):
    (sentence,) = rules.check_contact(replace(CONTACT, **values))
    assert words in sentence
    assert suggestion in sentence
    assert sentence.endswith('.')


@pytest.mark.parametrize(
    'contact',
    [
        CONTACT,
        replace(CONTACT, name="Zoë O'Neil & Söhne, Ltd.", email="o'neil+x@mail.example.co.uk"),
        replace(CONTACT, name='x' * 255, number='x' * 50, phone='1' * 50),
        replace(CONTACT, email='ü@exämple.com'),
        replace(CONTACT, name='山田\u3000太郎'),
    ],
)
def test_contacts_that_are_fine(contact):
    assert rules.check_contact(contact) == ()


@pytest.mark.parametrize(
    ('values', 'words', 'suggestion'),
    [
        ({'code': '', 'name': 'Garden hose, 5 m'}, 'needs a code', '"GARDEN-HOSE-5-M"'),
        ({'code': '  ', 'name': ''}, 'needs a code', 'Please enter one'),
        ({'code': 'x' * 31}, '30 characters in the code of an item', f'"{"x" * 30}"'),
        ({'name': 'n' * 51}, '50 characters in the name of an item; this one has 51', f'"{"n" * 50}"'),
        ({'description': 'd' * 4001}, '4000 characters', 'shorten'),
    ],
)
def test_item_rules(values, words, suggestion):
    (sentence,) = rules.check_item(replace(ITEM, **values))
    assert words in sentence
    assert suggestion in sentence


def test_a_long_name_is_not_rewritten():
    assert mapping.to_item(replace(ITEM, name='n' * 51))['Name'] == 'n' * 51


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'contact_external_id': ''}, 'needs a contact'),
        ({'date': None}, 'needs a date'),
        ({'due_date': None}, 'needs a due date'),
        ({'lines': (replace(LINE, unit_price=D(-1)),)}, 'negative total (-1.00)'),
        ({'currency': 'Dollar'}, 'three-letter'),
        ({'currency': ''}, 'three-letter'),
        ({'lines': ()}, 'at least one line'),
        ({'lines': (dto.InvoiceLine('note'),)}, 'at least one line'),
        ({'number': 'x' * 256}, 'number of an invoice'),
        ({'reference': 'x' * 256}, 'reference of an invoice'),
        ({'status': 'paid'}, 'post the invoice'),
        ({'lines': (replace(LINE, description=''),)}, 'Line 1: Xero needs a description'),
        ({'lines': (LINE, dto.InvoiceLine(' '))}, 'Line 2: Xero needs a description'),
        ({'lines': (replace(LINE, description='x' * 4001),)}, 'Line 1: Xero allows 4000'),
        ({'lines': (replace(LINE, account=''),)}, 'Line 1: Xero needs an account'),
        ({'lines': (replace(LINE, account='x' * 11),)}, '10 characters'),
        ({'lines': (replace(LINE, item_code='x' * 31),)}, '30 characters'),
        ({'lines': (replace(LINE, discount=D(101)),)}, 'between 0 and 100'),
        ({'lines': (replace(LINE, discount=D(-1)),)}, 'between 0 and 100'),
        ({'lines': (replace(LINE, tax_amount=D('10.01')),)}, 'larger than the amount'),
    ],
)
def test_invoice_rules(values, words):
    sentences = rules.check_invoice(replace(INVOICE, **values))
    assert any(words in sentence for sentence in sentences), sentences
    assert all(sentence.endswith('.') for sentence in sentences)


def test_invoices_that_are_fine():
    assert rules.check_invoice(INVOICE) == ()
    draft = replace(
        INVOICE, status='draft', due_date=None, lines=(replace(LINE, account=''), dto.InvoiceLine('note'))
    )
    assert rules.check_invoice(draft) == ()
    assert (
        rules.check_invoice(
            replace(INVOICE, lines=(LINE, replace(LINE, unit_price=D(-1), tax_amount=D('-0.1'))))
        )
        == ()
    )
    assert rules.check_invoice(replace(INVOICE, lines=(replace(LINE, account='', item_code='A'),))) == ()


@pytest.mark.parametrize('kind', ['contact', 'item', 'invoice'])
def test_check_by_kind(make_provider, kind):
    record = {'contact': CONTACT, 'item': ITEM, 'invoice': INVOICE}[kind]
    assert make_provider('').check(kind, record) == ()


# === arithmetic === #


@pytest.mark.parametrize(
    ('quantity', 'price', 'discount', 'expected'),
    [
        ('1', '0.005', '0', '0.01'),
        ('1', '0.0049', '0', '0.00'),
        ('1', '-0.005', '0', '-0.01'),
        ('3', '33.3333', '5', '95.00'),
        ('1', '1.00005', '0', '1.00'),
        ('10000', '1.00005', '0', '10001.00'),
        ('2.00005', '1000', '0', '2000.10'),
        ('1', '10', '33.3333', '6.67'),
        ('1', '2.675', '0', '2.68'),
        ('1', '10', '100', '0.00'),
        ('0', '10', '0', '0.00'),
    ],
)
def test_line_amounts(quantity, price, discount, expected):
    line = replace(LINE, quantity=D(quantity), unit_price=D(price), discount=D(discount))
    assert rules.line_amount(line) == D(expected)


def test_totals_of_both_kinds():
    lines = (
        replace(LINE, unit_price=D('115'), tax_amount=D('15')),
        replace(LINE, unit_price=D('0.33'), tax_amount=D('0.045')),
        dto.InvoiceLine('note'),
        replace(LINE, unit_price=D('1'), tax_amount=None),
    )
    exclusive = rules.predict_totals(replace(INVOICE, lines=lines))
    assert exclusive == dto.Totals(D('116.33'), D('15.05'), D('131.38'))
    inclusive = rules.predict_totals(replace(INVOICE, lines=lines, tax_included=True))
    assert inclusive == dto.Totals(D('101.28'), D('15.05'), D('116.33'))


@pytest.mark.parametrize('tax_included', [False, True])
def test_the_prediction_agrees_with_the_simulator(sim, us, tax_included):
    """Its arithmetic was written by others from the same facts."""
    source = random.Random(19)  # noqa: S311
    contact = (
        us.send(us.prepare('contact.create', [('1', dto.Contact('C'))]), 'c').results[0].record.external_id
    )
    members = []
    for index in range(50):
        lines = []
        for _ in range(source.randint(1, 6)):
            line = dto.InvoiceLine(
                'x',
                D(source.randint(1, 99999)) / D(source.choice([1, 10, 100, 1000])),
                D(source.randint(0, 999999)) / D(source.choice([1, 100, 10000])),
                D(source.choice([0, 0, 5, '12.5', '33.33', 100])),
                '200',
            )
            taxed = source.random() < 0.7
            tax = rules.line_amount(line) * D('0.15') if taxed else D(0)
            lines.append(
                replace(line, tax_code='TAX001' if taxed else 'NONE', tax_amount=wire.rounded(tax, 2))
            )
        invoice = replace(
            INVOICE,
            contact_external_id=contact,
            number=f'R-{index}',
            lines=tuple(lines),
            tax_included=tax_included,
        )
        members.append((str(index), invoice))
    results = us.send(us.prepare('invoice.create', members), 'k').results
    for (_reference, sent), result in zip(members, results, strict=True):
        assert result.error is None
        assert result.record.totals == us.predict_totals(sent)
        assert [line.amount for line in result.record.lines] == [
            rules.line_amount(line) for line in sent.lines
        ]


# === numbers, dates, texts of the wire === #


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        ('/Date(1563753600000+0000)/', '2019-07-22T00:00:00+00:00'),
        ('/Date(1563753600000)/', '2019-07-22T00:00:00+00:00'),
        ('/Date(1563753600123+1300)/', '2019-07-22T00:00:00.123000+00:00'),
        ('/Date(-1000)/', '1969-12-31T23:59:59+00:00'),
        ('2020-03-18T21:20:07.7179250', '2020-03-18T21:20:07.717925+00:00'),
        ('2020-03-18T21:20:07.7179259', '2020-03-18T21:20:07.717925+00:00'),
        ('2020-03-18T21:20:07Z', '2020-03-18T21:20:07+00:00'),
        ('2020-03-18T21:20:07.5+13:00', '2020-03-18T08:20:07.500000+00:00'),
        ('2020-03-18T21:20:07-0330', '2020-03-19T00:50:07+00:00'),
        ('2020-03-18', '2020-03-18T00:00:00+00:00'),
    ],
)
def test_times(value, expected):
    assert xero_wire.moment(value).isoformat() == expected


@pytest.mark.parametrize(
    'value',
    [
        None,
        '',
        5,
        [],
        'soon',
        '/Date()/',
        '/Date(99999999999999999)/',
        '/Date(x)/',
        '2020-13-01',
        '2020-02-30T00:00:00',
        '0001-01-01T00:00:00+13:00',
    ],
)
def test_times_that_are_none(value):
    assert xero_wire.moment(value) is None


def test_days():
    assert xero_wire.day(
        {'Date': '/Date(1563753600000+0000)/', 'DateString': '2019-07-23T00:00:00'}, 'Date'
    ) == date(2019, 7, 23)
    assert xero_wire.day({'Date': '/Date(1563753600000+0000)/', 'DateString': None}, 'Date') == date(
        2019, 7, 22
    )
    assert xero_wire.day({}, 'Date') is None


@pytest.mark.parametrize('value', ['abc', True, [], {}, '1e999999', D('1e999999'), 'NaN', 'Infinity'])
def test_numbers_that_are_none(value):
    with pytest.raises(wire.Unreadable):
        wire.number({'x': value}, 'x')


@pytest.mark.parametrize(
    ('value', 'expected'),
    [(None, None), ('', None), (10, D(10)), (D('0.10'), D('0.10')), ('7.5', D('7.5')), (0, D(0))],
)
def test_numbers(value, expected):
    assert wire.number({'x': value}, 'x') == expected


@pytest.mark.parametrize(('value', 'expected'), [(None, ''), ('None', 'None'), (5, '5'), ('', '')])
def test_texts(value, expected):
    assert wire.text({'x': value}, 'x') == expected
    assert wire.text({}, 'x') == ''


@pytest.mark.parametrize('value', [True, [], {'a': 1}])
def test_texts_that_are_none(value):
    with pytest.raises(wire.Unreadable):
        wire.text({'x': value}, 'x')


# === reading === #


def test_a_contact_as_xero_tells_it():
    contact = mapping.from_contact(
        {
            'ContactID': 'id',
            'Name': 'N',
            'ContactStatus': 'GDPRREQUEST',
            'Website': 'example.com',
            'Phones': [
                {'PhoneType': 'FAX', 'PhoneNumber': '9'},
                {'PhoneType': 'MOBILE', 'PhoneNumber': '555', 'PhoneAreaCode': None, 'PhoneCountryCode': ''},
                {
                    'PhoneType': 'DEFAULT',
                    'PhoneNumber': '1234567',
                    'PhoneAreaCode': '9',
                    'PhoneCountryCode': '64',
                },
            ],
            'Addresses': [
                {'AddressType': 'STREET', 'AddressLine1': 'Delivery'},
                {
                    'AddressType': 'POBOX',
                    'AddressLine1': 'Box',
                    'AddressLine2': '',
                    'AddressLine3': 'x',
                    'City': None,
                },
            ],
            'IsCustomer': True,
            'UpdatedDateUTC': '/Date(1563753600000+0000)/',
        }
    )
    assert contact.phone == '+64 9 1234567'
    assert contact.address == dto.Address(street='Box', street2='x')
    assert (contact.active, contact.is_customer, contact.website) == (False, True, 'example.com')
    assert contact.updated_at == datetime(2019, 7, 22, tzinfo=timezone.utc)
    assert contact.version == '2019-07-22T00:00:00+00:00'
    bare = mapping.from_contact(
        {
            'ContactID': 'id',
            'Name': 'N',
            'Phones': [{'PhoneType': 'FAX', 'PhoneNumber': '9'}],
            'Addresses': [{'AddressType': 'STREET', 'City': 'C'}, {'AddressType': 'POBOX'}],
        }
    )
    assert (bare.phone, bare.address.city, bare.active, bare.version) == ('', 'C', True, '')


@pytest.mark.parametrize(
    ('word', 'expected'),
    [
        ('DRAFT', 'draft'),
        ('SUBMITTED', 'draft'),
        ('AUTHORISED', 'approved'),
        ('PAID', 'paid'),
        ('VOIDED', 'void'),
        ('DELETED', 'deleted'),
        ('Somenew', 'somenew'),
        (None, ''),
    ],
)
def test_invoice_statuses(word, expected):
    element = {'InvoiceID': 'i', 'Status': word, 'SubTotal': 1, 'TotalTax': 0, 'Total': 1, 'AmountDue': 1}
    invoice = mapping.from_invoice(element)
    assert invoice.status == expected
    assert invoice.amount_due == (None if expected in ('void', 'deleted') else 1)


@pytest.mark.parametrize(
    ('read', 'element'),
    [
        (mapping.from_contact, {'ContactID': xero_wire.ZERO_GUID, 'Name': 'x'}),
        (mapping.from_contact, {'ContactID': 'id', 'Name': ' '}),
        (mapping.from_item, {'Code': 'A'}),
        (mapping.from_invoice, {'InvoiceID': 'i', 'SubTotal': 1, 'Total': 1}),
        (mapping.from_invoice, {'SubTotal': 1, 'TotalTax': 0, 'Total': 1}),
        (mapping.from_organization, {'Name': 'x'}),
        (mapping.from_account, {'Code': '200'}),
        (mapping.from_tax_rate, {'Name': 'x', 'EffectiveRate': 1}),
    ],
)
def test_records_that_cannot_be_used(read, element):
    with pytest.raises(wire.Unreadable):
        read(element)


@pytest.mark.parametrize(
    'values',
    [
        {'Code': ''},
        {'Code': None},
        {'SystemAccount': 'DEBTORS'},
        {'SystemAccount': 'CREDITORS'},
    ],
)
def test_accounts_that_no_line_may_carry(values):
    element = {'AccountID': 'i', 'Code': '1', 'Name': 'n', 'Type': 'CURRENT', **values}
    assert mapping.from_account(element) is None
    paid_to = mapping.from_account({**element, 'EnablePaymentsToAccount': True})
    assert (paid_to.is_line, paid_to.is_payment) == (False, True)


def test_payments_go_to_bank_accounts_with_or_without_a_code():
    bank = mapping.from_account({'AccountID': 'i', 'Name': 'n', 'Type': 'BANK', 'CurrencyCode': 'EUR'})
    assert (bank.is_line, bank.is_payment, bank.code, bank.currency) == (False, True, '', 'EUR')
    assert not mapping.from_account({'AccountID': 'i', 'Code': '2', 'Name': 'n', 'Type': 'SALES'}).is_payment


def test_a_payment_of_something_else_pays_no_invoice():
    element = {'PaymentID': 'p', 'Amount': 5, 'Invoice': {'InvoiceID': 'b'}, 'PaymentType': 'ACCPAYPAYMENT'}
    assert mapping.from_payment(element).applications == ()
    assert mapping.from_payment({**element, 'PaymentType': 'SOMETHINGNEW'}).applications == ()
    for lacking in ('PaymentID', 'Amount'):
        with pytest.raises(wire.Unreadable):
            mapping.from_payment({key: value for key, value in element.items() if key != lacking})


# === refusals === #


def answer(status, body=b'', content_type='application/json', **headers):
    found = {'Content-Type': content_type, **{key.replace('_', '-'): value for key, value in headers.items()}}
    return transport.Answer(status, requests.structures.CaseInsensitiveDict(found), body, request_id='cid')


@pytest.mark.parametrize(
    ('given', 'expected', 'code'),
    [
        (answer(429, X_Rate_Limit_Problem='day'), errors.RateLimited, 'limit_day'),
        (answer(429, X_Rate_Limit_Problem='something'), errors.RateLimited, 'limit_minute'),
        (
            answer(401, b'{"Detail":"TokenExpired: token expired at 01/23/2020"}'),
            errors.AccessTokenExpired,
            'TokenExpired',
        ),
        (
            answer(401, b'{"Detail":"AuthenticationUnsuccessful"}'),
            errors.AccessTokenExpired,
            'AuthenticationUnsuccessful',
        ),
        (
            answer(401, b'{"detail":"AuthorizationUnsuccessful"}'),
            errors.PermissionMissing,
            'AuthorizationUnsuccessful',
        ),
        (answer(401), errors.AccessTokenExpired, ''),
        (answer(401, b'<html>', 'text/html'), errors.AccessTokenExpired, ''),
        (
            answer(403, b'{"Detail":"AuthenticationUnsuccessful"}'),
            errors.ConnectionRefused,
            'AuthenticationUnsuccessful',
        ),
        (answer(403, b'<html>', 'text/html'), errors.ConnectionRefused, ''),
        (answer(404, b'', 'text/html'), errors.NotFound, ''),
        (answer(412, b'precondition failed', 'text/plain'), errors.Conflict, 'stale'),
        (
            answer(503, b'The Organisation is offline', 'text/plain'),
            errors.ProviderUnavailable,
            'organisation_offline',
        ),
        (answer(500, b'<html><h1>Oops</h1></html>', 'text/html'), errors.ProviderUnavailable, ''),
        (answer(502), errors.ProviderUnavailable, ''),
        (answer(408), errors.ProviderUnavailable, ''),
        (answer(302), errors.ProtocolError, 'unreadable'),
        (answer(418, b'{"Message":"teapot"}'), errors.ProviderError, ''),
        (answer(400), errors.ProtocolError, 'unreadable'),
        (answer(400, b'<html>', 'text/html'), errors.ProtocolError, 'unreadable'),
        (answer(400, b'[1]'), errors.ProtocolError, 'unreadable'),
        (
            answer(400, b'{"Type":"QueryParseException","Message":"No such field"}'),
            errors.ValidationRejected,
            'QueryParseException',
        ),
        (answer(400, b'{"ErrorNumber":17,"Message":"x"}'), errors.ValidationRejected, '17'),
        (answer(400, b'{}'), errors.ValidationRejected, ''),
        (
            answer(400, b'{"Message":"Idempotency Key: k is used with a different request."}'),
            errors.Conflict,
            'idempotency_key_reused',
        ),
    ],
)
def test_what_an_answer_stands_for(given, expected, code):
    error = faults.error_of(given)
    assert type(error) is expected
    assert error.code == code
    assert error.http_status == given.status
    assert error.request_id == 'cid'
    assert error.message
    assert '<' not in error.message


@pytest.mark.parametrize('status', [200, 201, 204])
def test_a_good_answer_is_no_error(status):
    assert faults.error_of(answer(status)) is None


@pytest.mark.parametrize(
    ('words', 'expected', 'code'),
    [
        (
            'The contact name X is already assigned to another contact. The contact name must be unique across '
            'all active contacts.',
            errors.Conflict,
            'duplicate_contact_name',
        ),
        (
            'The specified contact details matched an archived contact. Archived contacts cannot currently be '
            'edited via the API.',
            errors.Conflict,
            'archived_contact',
        ),
        ('Invoice not of valid status for modification', errors.ValidationRejected, 'invoice_status'),
        ('Invoice # must be unique.', errors.Conflict, 'duplicate_invoice_number'),
        (
            'This document cannot be edited as it has a payment or credit note allocated to it.',
            errors.ValidationRejected,
            'has_payments',
        ),
        (
            'The status VOIDED cannot be applied to the invoice because it has payments or credit notes '
            'allocated to it.',
            errors.ValidationRejected,
            'has_payments',
        ),
        (
            'To update fields on a paid invoice line item, you must supply a LineItemID',
            errors.ValidationRejected,
            'has_payments',
        ),
        (
            "Account code 'X' is not a valid code for this document.",
            errors.ValidationRejected,
            'account_invalid',
        ),
        (
            "Account code 'X' has been archived, or has been deleted. Each line item must reference a valid account.",
            errors.ValidationRejected,
            'account_archived',
        ),
        (
            "The TaxType code 'X' cannot be used with account code 'Y'.",
            errors.ValidationRejected,
            'tax_not_for_account',
        ),
        (
            'The document date cannot be before the period lock date, currently set at 1 May',
            errors.ValidationRejected,
            'period_locked',
        ),
        (
            'The document date cannot be before the end of year lock date, currently',
            errors.ValidationRejected,
            'period_locked',
        ),
        (
            'Organisation is not subscribed to currency EUR',
            errors.ValidationRejected,
            'currency_not_subscribed',
        ),
        ('Email address must be valid.', errors.ValidationRejected, 'email_invalid'),
        (
            'An existing Invoice with the specified InvoiceID could not be found',
            errors.NotFound,
            'invoice_not_found',
        ),
        ('Please enter a unique Name.', errors.Conflict, 'duplicate_name'),
        ("Price List Item with Code 'A' already exists", errors.Conflict, 'duplicate_item_code'),
        ('Something that nobody has heard yet', errors.ValidationRejected, ''),
    ],
)
def test_xeros_words(words, expected, code):
    error = faults.refusal((words, 'Another thing.'))
    assert type(error) is expected
    assert error.code == code
    assert error.details == (words, 'Another thing.')
    assert words in error.message


def test_words_of_lines_and_contact_are_kept():
    element = {
        'StatusAttributeString': 'ERROR',
        'ValidationErrors': [{'Message': 'One'}, {'Message': None}, 'x', {'Message': 'One'}],
        'Contact': {'ValidationErrors': [{'Message': 'Two'}]},
        'LineItems': [{'ValidationErrors': [{'Message': 'Three'}]}, None],
    }
    assert faults.words_of(element) == ('One', 'Two', 'Three')
    assert faults.is_refused(element)
    assert not faults.is_refused({'HasValidationErrors': False, 'ValidationErrors': [], 'HasErrors': False})
    assert faults.refusal(()).message
