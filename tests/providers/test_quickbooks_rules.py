"""QuickBooks' rules, arithmetic, mapping, query language and faults: pure functions."""

import json
import random
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal

import pytest

from fieldpromax_accounting.providers import dto, errors, wire
from fieldpromax_accounting.providers.quickbooks import faults, mapping, rules
from fieldpromax_accounting.providers.quickbooks import wire as query
from fieldpromax_accounting.providers.transport import Answer

D = Decimal
US = dto.Organization('1', 'US', 'USD', 'US', currencies=('USD',), computes_tax=True, has_projects=True)
UNTAXED_US = replace(US, computes_tax=False)
GB = dto.Organization('2', 'GB', 'GBP', 'GB', currencies=('GBP', 'EUR'), numbers_documents=True)
AU = dto.Organization('3', 'AU', 'AUD', 'AU', currencies=('AUD',))


def line(amount='10.00', tax='0.00', **values):
    return dto.InvoiceLine(
        **{
            'description': 'Work',
            'quantity': D(1),
            'unit_price': D(amount),
            'item_external_id': '7',
            'tax_amount': D(tax),
            'amount': D(amount),
            **values,
        }
    )


def invoice(*lines, **values):
    return dto.Invoice(
        **{
            'contact_external_id': '5',
            'date': date(2026, 9, 14),
            'due_date': date(2026, 10, 14),
            'currency': 'USD',
            'number': 'INV/2026/00001',
            'lines': lines or (line(),),
            'totals': dto.Totals(D(10), D(0), D(10)),
            **values,
        }
    )


# === what is refused before it is sent === #


@pytest.mark.parametrize(
    ('kind', 'record', 'organization', 'words'),
    [
        ('contact', dto.Contact(''), US, ['a name for every customer']),
        ('contact', dto.Contact('A:B'), US, ['colons', 'For example: "A - B"']),
        ('contact', dto.Contact('A\tB\nC'), US, ['tabs or line breaks', '"A B C"']),
        ('contact', dto.Contact(' A '), US, ['spaces at the beginning', '"A"']),
        ('contact', dto.Contact(':'), US, ['colons', 'Please enter a name']),
        ('contact', dto.Contact('x' * 501), US, ['500 characters', '501']),
        ('contact', dto.Contact('A', first_name='a:b'), US, ['first name', '"a - b"']),
        ('contact', dto.Contact('A', last_name='x' * 101), US, ['100 characters in the last name']),
        ('contact', dto.Contact('A', email='no mail'), US, ['e-mail', '"no mail"']),
        ('contact', dto.Contact('A', email='a@b.co, c'), US, ['"c"']),
        ('contact', dto.Contact('A', email=f'{"x" * 100}@b.co'), US, ['100 characters in the e-mail']),
        ('contact', dto.Contact('A', phone='1' * 31), US, ['30 characters in the phone number']),
        ('contact', dto.Contact('A', currency='EUR'), US, ['currency EUR', 'Multicurrency']),
        ('project', dto.Project('A:B', '1'), US, ['colons']),
        ('project', dto.Project('A', ''), US, ['customer for every project']),
        ('project', dto.Project('x' * 101, '1'), US, ['100 characters']),
        ('item', dto.Item('C', ' ', sale_account='1'), US, ['a name for every product']),
        ('item', dto.Item('C', 'A:B', sale_account='1'), US, ['colons']),
        ('item', dto.Item('C', 'x' * 101, sale_account='1'), US, ['100 characters in the name']),
        ('item', dto.Item('x' * 101, 'A', sale_account='1'), US, ['SKU']),
        ('item', dto.Item('C', 'A', description='x' * 4001, sale_account='1'), US, ['4000 characters']),
        ('item', dto.Item('C', 'A'), US, ['income account']),
        ('invoice', invoice(status='draft'), US, ['no drafts']),
        ('invoice', invoice(contact_external_id=''), US, ['customer']),
        ('invoice', invoice(date=None), US, ['date']),
        ('invoice', invoice(currency='usd'), US, ['three-letter']),
        ('invoice', invoice(currency='EUR'), US, ['EUR', 'Multicurrency']),
        ('invoice', invoice(number='x' * 22), US, ['21 characters in the number', '22']),
        ('invoice', invoice(email='nobody'), US, ['e-mail']),
        ('invoice', invoice(dto.InvoiceLine('text only')), US, ['at least one line']),
        ('invoice', invoice(lines=()), US, ['at least one line']),
        ('invoice', invoice(*[line()] * 751), US, ['750 lines', '751']),
        ('invoice', invoice(line('-1.00')), US, ['negative total (-1.00)', 'credit note']),
        ('invoice', invoice(line(description='x' * 4001)), US, ['Line 1', '4000']),
        ('invoice', invoice(line(), line(item_external_id='')), US, ['Line 2', 'product']),
        ('invoice', invoice(line(tax='1.00'), currency='GBP'), GB, ['Line 1', 'tax code']),
    ],
)
def test_broken_rules(kind, record, organization, words):
    found = rules.CHECKS[kind](record, organization)
    assert len(found) == 1, found
    for word in words:
        assert word in found[0]
    assert found[0].endswith('.')
    assert found[0].startswith(('QuickBooks Online', 'Line', 'The company'))


@pytest.mark.parametrize(
    ('kind', 'record', 'organization'),
    [
        ('contact', dto.Contact('Zoë & Sons (Ltd), #1 *+~!', email='a@b.co, c@d.org', currency='USD'), US),
        (
            'contact',
            dto.Contact('A', '7', currency='EUR'),
            US,
        ),  # the currency of one that is there is not sent
        ('contact', dto.Contact('A', currency='EUR'), GB),
        ('item', dto.Item('', 'A', sale_account='1'), US),
        ('item', dto.Item('', 'A', '7'), US),
        ('project', dto.Project('A', '1'), US),
        ('project', dto.Project('x' * 101, '1', is_sub_customer=True), US),
        ('invoice', invoice(line(), dto.InvoiceLine('Note'), line('0.00'), email='a@b.co'), US),
        ('invoice', invoice(line(), line('-3.00'), number=''), US),
        ('invoice', invoice(line(), number='x' * 40, currency='EUR'), GB),  # QuickBooks numbers it
        ('invoice', invoice(*[line()] * 750), US),
    ],
)
def test_what_is_fine(kind, record, organization):
    assert rules.CHECKS[kind](record, organization) == ()


def test_suggestions_would_do():
    for name in ('A:B', ' A\t\tB: C\n', 'x:' * 10):
        assert rules.check_contact(dto.Contact(rules._tidy_name(name)), US) == ()


# === lines === #


@pytest.mark.parametrize(
    ('quantity', 'price', 'discount', 'amount', 'expected'),
    [
        ('3', '33.3333', '5', '95.00', ('3', '31.666635')),  # as it stands, discount folded in
        ('1', '100', '0', '100.00', ('1', '100')),
        ('2', '10', '100', '0.00', ('2', '0')),
        ('3', '10', '33.33', '20.01', ('3', '6.67')),  # Odoo rounded otherwise: what gives the amount
        ('7', '1.4285', '0', '10.00', ('7', '1.4285')),
        ('7', '1.43', '0', '10.00', ('7', '1.429')),
        ('-2', '5', '0', '-10.00', ('-2', '5')),
        ('0', '5', '0', '0.00', ('0', '5')),
        ('0.333333', '3', '0', '1.00', ('0.33333', '3')),
    ],
)
def test_prices_that_give_the_amount(quantity, price, discount, amount, expected):
    one = line(quantity=D(quantity), unit_price=D(price), discount=D(discount), amount=D(amount))
    got = mapping.unit_price(one, D(amount))
    assert got == (D(expected[0]), D(expected[1]))
    assert abs(got[0] * got[1] - D(amount)) <= D('0.005'), 'what QuickBooks allows (6070)'


def test_an_amount_that_no_price_gives_goes_alone():
    one = line(quantity=D(3_000_000), unit_price=D('0.0000001'), amount=D('0.29'))
    body = mapping.to_invoice(invoice(one), US)['Line'][0]
    assert body['Amount'] == D('0.29')
    assert body['SalesItemLineDetail'].keys().isdisjoint({'Qty', 'UnitPrice'})


def test_random_lines_always_agree_with_their_amount():
    chance = random.Random(7)  # noqa: S311
    for _ in range(3000):
        quantity = D(chance.randint(1, 40000)) / chance.choice((1, 2, 10, 1000))
        price = D(chance.randint(0, 1_000_000)) / chance.choice((1, 100, 10000))
        discount = D(chance.choice((0, 0, 5, 12.5, 33.33, 100)))
        amount = wire.rounded(quantity * price * (100 - discount) / 100, 2)
        off = chance.choice((D(0), D('0.01'), D('-0.01')))
        detail = mapping.to_invoice(
            invoice(line(quantity=quantity, unit_price=price, discount=discount, amount=amount + off)), US
        )['Line'][0]
        assert detail['Amount'] == amount + off
        sale = detail['SalesItemLineDetail']
        if 'Qty' in sale:
            assert abs(sale['Qty'] * sale['UnitPrice'] - detail['Amount']) <= D('0.005')


def test_a_line_without_an_item_is_never_sent():
    with pytest.raises(ValueError, match='item'):
        mapping.to_invoice(invoice(line(item_external_id='')), US)
    body = mapping.to_invoice(invoice(line(), dto.InvoiceLine('Section')), US)['Line'][1]
    assert body == {'Description': 'Section', 'DetailType': 'DescriptionOnly', 'DescriptionLineDetail': {}}


# === bodies === #


def test_american_invoices_carry_our_tax():
    body = mapping.to_invoice(
        invoice(line(tax='1.50', tax_code='TAX'), line(tax_code='NON'), email='a@b.co', term='3'), US
    )
    assert body == {
        'DocNumber': 'INV/2026/00001',
        'CustomerRef': {'value': '5'},
        'TxnDate': '2026-09-14',
        'DueDate': '2026-10-14',
        'SalesTermRef': {'value': '3'},
        'BillEmail': {'Address': 'a@b.co'},
        'Line': [
            {
                'Description': 'Work',
                'Amount': D('10.00'),
                'DetailType': 'SalesItemLineDetail',
                'SalesItemLineDetail': {
                    'ItemRef': {'value': '7'},
                    'Qty': D(1),
                    'UnitPrice': D(10),
                    'TaxCodeRef': {'value': code},
                },
            }
            for code in ('TAX', 'NON')
        ],
        'TxnTaxDetail': {'TotalTax': D('1.50')},
    }
    assert 'TxnTaxDetail' not in mapping.to_invoice(invoice(), UNTAXED_US)


def test_lines_without_a_code_in_america():
    body = mapping.to_invoice(invoice(line(tax='1.50'), line()), US)
    assert [one['SalesItemLineDetail']['TaxCodeRef']['value'] for one in body['Line']] == ['TAX', 'NON']


def test_prices_with_tax_go_net_and_gross():
    taxed = line('12.00', '2.00', tax_code='4', quantity=D(2), unit_price=D('6.00'))
    body = mapping.to_invoice(invoice(taxed, tax_included=True, currency='GBP'), GB)
    assert body['GlobalTaxCalculation'] == 'TaxInclusive'
    assert body['Line'][0]['Amount'] == D('10.00')
    detail = body['Line'][0]['SalesItemLineDetail']
    assert (detail['Qty'], detail['UnitPrice'], detail['TaxInclusiveAmt']) == (D(2), D(5), D('12.00'))
    assert 'TxnTaxDetail' not in body
    assert rules.predict_totals(invoice(taxed, tax_included=True, currency='GBP'), GB) == dto.Totals(
        D('10.00'), D('2.00'), D('12.00')
    )
    # an American company has no such thing: net there
    body = mapping.to_invoice(invoice(replace(taxed, tax_code='TAX'), tax_included=True), US)
    assert 'GlobalTaxCalculation' not in body
    assert (body['Line'][0]['Amount'], body['TxnTaxDetail']['TotalTax']) == (D('10.00'), D('2.00'))


@pytest.mark.parametrize(
    ('codes', 'included', 'expected'),
    [(('4', ''), False, 'TaxExcluded'), (('4',), True, 'TaxInclusive'), (('', ''), False, 'NotApplicable')],
)
def test_how_taxes_are_meant(codes, included, expected):
    lines = [line(tax_code=code) for code in codes]
    body = mapping.to_invoice(invoice(*lines, tax_included=included, currency='AUD'), AU)
    assert body['GlobalTaxCalculation'] == expected


def test_numbers_of_ours_stand_in_the_note_where_quickbooks_numbers():
    body = mapping.to_invoice(invoice(reference='PO 12', currency='GBP'), GB)
    assert 'DocNumber' not in body
    assert body['PrivateNote'] == 'Odoo: INV/2026/00001\nPO 12'
    read = mapping.from_invoice({**_MINIMAL, 'DocNumber': '1043', 'PrivateNote': body['PrivateNote']}, GB)
    assert (read.number, read.own_number, read.reference) == ('1043', 'INV/2026/00001', 'PO 12')
    body = mapping.to_invoice(invoice(reference='PO 12'), US)
    assert (body['DocNumber'], body['PrivateNote']) == ('INV/2026/00001', 'PO 12')
    assert 'PrivateNote' not in mapping.to_invoice(invoice(), US)


def test_currency_and_rate():
    body = mapping.to_invoice(invoice(currency='EUR', currency_rate=D('1.1765')), GB)
    assert body['CurrencyRef'] == {'value': 'EUR'}
    assert body['ExchangeRate'] == D('0.8499787505'), 'home units for one foreign unit'
    read = mapping.from_invoice(
        {**_MINIMAL, 'CurrencyRef': {'value': 'EUR'}, 'ExchangeRate': body['ExchangeRate']}, GB
    )
    assert read.currency_rate == D('1.176500')
    assert mapping.to_invoice(invoice(currency='GBP'), GB)['CurrencyRef'] == {'value': 'GBP'}
    assert 'CurrencyRef' not in mapping.to_invoice(invoice(), US)
    assert 'ExchangeRate' not in mapping.to_invoice(invoice(currency='GBP'), GB)


def test_a_project_is_whom_the_invoice_is_made_out_to():
    body = mapping.to_invoice(invoice(project_external_id='88'), US)
    assert body['CustomerRef'] == {'value': '88'}


def test_updates_are_sparse_and_need_what_they_change():
    changed = replace(invoice(), external_id='9', version='3')
    body = mapping.to_invoice(changed, US)
    assert (body['Id'], body['SyncToken'], body['sparse']) == ('9', '3', True)
    assert 'DocNumber' not in body
    assert mapping.to_void(changed) == {'Id': '9', 'SyncToken': '3', 'sparse': True}
    contact = mapping.to_contact(dto.Contact('A', '4', '0', currency='EUR', parent_external_id='2'), GB)
    assert contact == {'Id': '4', 'SyncToken': '0', 'sparse': True, 'DisplayName': 'A'}
    assert mapping.to_contact(dto.Contact('A', '4', '0', active=False))['Active'] is False
    item = mapping.to_item(dto.Item('S', 'A', '4', '1'), US)
    assert item == {'Id': '4', 'SyncToken': '1', 'sparse': True, 'Name': 'A', 'Sku': 'S'}


def test_no_defaults_travel(specs, monkeypatch):
    """What the library's own models send unasked (C4.2) is nowhere in ours; every field is one that Intuit knows."""
    bodies = {
        'Customer': [
            mapping.to_contact(dto.Contact('A')),
            mapping.to_contact(
                dto.Contact(
                    'A B',
                    email='a@b.co',
                    phone='1',
                    first_name='A',
                    last_name='B',
                    website='https://a.example',
                    tax_number='T',
                    address=dto.Address('s', 't', 'c', 'r', 'p', 'US'),
                    currency='EUR',
                    parent_external_id='3',
                    term='1',
                ),
                GB,
            ),
            mapping.to_sub_customer(dto.Project('P', '3', is_sub_customer=True)),
        ],
        'Item': [
            mapping.to_item(dto.Item('S', 'A', sale_account='1', sale_tax='TAX', sale_price=D('9.99'))),
            mapping.to_item(dto.Item('S', 'A', sale_account='1', sale_tax='4', is_service=True), GB),
        ],
        'Invoice': [
            mapping.to_invoice(invoice(line(tax_code='4'), currency='EUR', currency_rate=D(1)), GB),
            mapping.to_invoice(invoice(line(), dto.InvoiceLine('x')), US),
        ],
    }
    unasked = {'AllowIPNPayment', 'ShipDate', 'TotalAmt', 'OpenBalanceDate', 'AllowOnlinePayment'}
    monkeypatch.syspath_prepend(str(specs))
    checker = pytest.importorskip('qbo_checker').Checker(str(specs / 'quickbooks' / 'schema.json'))
    for entity, found in bodies.items():
        for body in found:
            sent = json.loads(wire.encode(body))
            assert checker.check(entity, sent) == []
            assert not unasked & set(sent)
            assert '' not in sent.values()
    assert 'Taxable' not in bodies['Customer'][0]
    assert 'ExchangeRate' not in bodies['Invoice'][1]
    assert [item['Type'] for item in bodies['Item']] == ['NonInventory', 'Service']
    assert (bodies['Item'][0]['Taxable'], bodies['Item'][1]['SalesTaxCodeRef']) == (True, {'value': '4'})
    assert 'Taxable' not in bodies['Item'][1]


def test_companies_and_people():
    assert mapping.to_contact(dto.Contact('Acme'))['CompanyName'] == 'Acme'
    person = mapping.to_contact(dto.Contact('Ann Lee', first_name='Ann', last_name='Lee'))
    assert (person['GivenName'], person['FamilyName']) == ('Ann', 'Lee')
    assert 'CompanyName' not in person


# === totals === #


def test_predictions():
    lines = [
        line('10.03', '2.01', tax_code='4', tax_rate=D(20)),
        line('10.02', '2.00', tax_code='4', tax_rate=D(20)),
    ]
    excluded = invoice(*lines, currency='GBP')
    # one amount for the code, on the sum of its lines
    assert rules.predict_totals(excluded, GB) == dto.Totals(D('20.05'), D('4.01'), D('24.06'))
    unknown = invoice(*(replace(one, tax_rate=None) for one in lines), currency='GBP')
    assert rules.predict_totals(unknown, GB).tax == D('4.01')
    other = invoice(
        line('10.03', '2.50', tax_code='4', tax_rate=D(20)),
        line('1.00', '1.00', tax_code='5'),
        currency='GBP',
    )
    assert rules.predict_totals(other, GB).tax == D('3.01')
    untaxed = invoice(line('10.00', '2.00'), currency='GBP')
    assert rules.predict_totals(untaxed, GB).tax == 0, 'without a code there is no tax'
    assert rules.predict_totals(invoice(line(tax='1.50')), US).total == D('11.50')
    assert rules.predict_totals(invoice(line(tax='1.50')), UNTAXED_US).total == D('10.00')
    assert rules.predict_totals(invoice(dto.InvoiceLine('text'))).total == 0


# === reading === #

_MINIMAL = {'Id': '1', 'SyncToken': '0', 'TotalAmt': D('10.00'), 'Balance': D('10.00')}


@pytest.mark.parametrize(
    ('values', 'status', 'due'),
    [
        ({}, 'approved', D('10.00')),
        ({'Balance': D('3.00')}, 'approved', D('3.00')),
        ({'Balance': 0}, 'paid', 0),
        ({'TotalAmt': 0, 'Balance': 0, 'PrivateNote': 'Voided'}, 'void', None),
        ({'TotalAmt': 0, 'Balance': 0, 'PrivateNote': 'Voided - PO 7'}, 'void', None),
        ({'TotalAmt': 0, 'Balance': 0}, 'paid', 0),
        ({'PrivateNote': 'Voided cheque enclosed'}, 'approved', D('10.00')),
    ],
)
def test_there_is_no_status_field(values, status, due):
    read = mapping.from_invoice({**_MINIMAL, **values})
    assert (read.status, read.amount_due) == (status, due)


def test_the_note_of_a_voided_invoice():
    for note in ('Voided\nOdoo: INV/1\nPO 7', 'Odoo: INV/1\nVoided\nPO 7', 'Voided - Odoo: INV/1\nPO 7'):
        read = mapping.from_invoice({**_MINIMAL, 'TotalAmt': 0, 'Balance': 0, 'PrivateNote': note}, GB)
        assert read.status == 'void'
        assert read.reference in ('PO 7', '- Odoo: INV/1\nPO 7', 'Odoo: INV/1\nPO 7')


def test_lines_of_every_kind():
    read = mapping.from_invoice(
        {
            **_MINIMAL,
            'Line': [
                {
                    'Id': '1',
                    'Amount': D('8.00'),
                    'Description': 'Work',
                    'DetailType': 'SalesItemLineDetail',
                    'SalesItemLineDetail': {
                        'ItemRef': {'value': '7'},
                        'Qty': 2,
                        'UnitPrice': 4,
                        'TaxCodeRef': {'value': 'TAX'},
                    },
                },
                {
                    'Id': '2',
                    'Description': 'Note',
                    'DetailType': 'DescriptionOnly',
                    'DescriptionLineDetail': {},
                },
                {
                    'Id': '3',
                    'DetailType': 'GroupLineDetail',
                    'GroupLineDetail': {
                        'Line': [
                            {
                                'Id': '4',
                                'Amount': 3,
                                'DetailType': 'SalesItemLineDetail',
                                'SalesItemLineDetail': None,
                            }
                        ]
                    },
                },
                {
                    'Amount': 1,
                    'DetailType': 'DiscountLineDetail',
                    'DiscountLineDetail': {'PercentBased': False},
                },
                {'Amount': 11, 'DetailType': 'SubTotalLineDetail', 'SubTotalLineDetail': {}},
                None,
            ],
            'TxnTaxDetail': {'TotalTax': D('0.50')},
        }
    )
    assert [one.amount for one in read.lines] == [D(8), None, D(3), D(-1)]
    assert [one.is_text for one in read.lines] == [False, True, False, False]
    assert (read.lines[0].quantity, read.lines[0].unit_price, read.lines[0].tax_code) == (2, 4, 'TAX')
    assert (read.lines[2].quantity, read.lines[2].unit_price) == (1, 3), 'an amount alone is one piece'
    assert read.totals == dto.Totals(D('9.50'), D('0.50'), D('10.00'))


@pytest.mark.parametrize(
    ('read', 'element'),
    [
        (mapping.from_contact, {'DisplayName': 'A'}),
        (mapping.from_contact, {'Id': '1', 'DisplayName': ' '}),
        (mapping.from_contact, {'Id': '1'}),
        (mapping.from_contact, {'Id': '1', 'DisplayName': {'x': 1}}),
        (mapping.from_item, {'Id': '1', 'Type': 'Service'}),
        (mapping.from_item, {'Id': '1', 'Name': 'A', 'UnitPrice': 'much'}),
        (mapping.from_invoice, {'Id': '1'}),
        (mapping.from_invoice, {'TotalAmt': 1}),
        (mapping.from_account, {'Name': 'A'}),
        (mapping.from_term, {}),
        (
            lambda element: mapping.from_tax_code(element, {}),
            {'Id': '1', 'SalesTaxRateList': {'TaxRateDetail': [{}]}},
        ),
    ],
)
def test_unreadable_records(read, element):
    with pytest.raises(wire.Unreadable):
        read(element)


def test_contacts_read():
    read = mapping.from_contact(
        {
            'Id': '58',
            'SyncToken': '3',
            'DisplayName': 'Site B',
            'FullyQualifiedName': 'Acme:Site B',
            'Job': True,
            'ParentRef': {'value': '12'},
            'PrimaryEmailAddr': {'Address': 'a@b.co'},
            'Mobile': {'FreeFormNumber': '555'},
            'CurrencyRef': {'value': 'USD'},
            'BillAddr': {'Line1': '1 High St', 'Line3': 'Floor 2', 'CountrySubDivisionCode': 'IL'},
            'PrimaryTaxIdentifier': 'XXXXXX6789',
            'SalesTermRef': {'value': '3'},
            'MetaData': {'LastUpdatedTime': '2026-03-01T08:00:00-08:00'},
            'SomethingNew': {'x': [1]},
        }
    )
    assert read == dto.Contact(
        name='Site B',
        external_id='58',
        version='3',
        email='a@b.co',
        phone='555',
        address=dto.Address('1 High St', 'Floor 2', region='IL'),
        currency='USD',
        is_customer=True,
        parent_external_id='12',
        term='3',
        updated_at=datetime(2026, 3, 1, 16, tzinfo=timezone.utc),
    )
    assert mapping.from_contact({'Id': '1', 'DisplayName': 'X (deleted)', 'Active': False}).name == 'X'
    assert (
        mapping.from_contact({'Id': '1', 'DisplayName': 'X (deleted)', 'Active': True}).name == 'X (deleted)'
    )


def test_items_read():
    read = mapping.from_item(
        {'Id': '1', 'Name': 'A', 'Type': 'Inventory', 'Taxable': True, 'UnitPrice': D('1.5')}
    )
    assert (read.is_tracked, read.is_service, read.sale_tax, read.sale_price, read.is_sold) == (
        True,
        False,
        'TAX',
        D('1.5'),
        False,
    )
    for kind in ('Category', 'Group'):
        assert mapping.from_item({'Id': '1', 'Name': 'A', 'Type': kind}) is None


def test_projects_read():
    element = {
        'Id': '5',
        'SyncToken': '2',
        'DisplayName': 'Roof',
        'IsProject': True,
        'ParentRef': {'value': '1'},
    }
    read = mapping.from_project(element, 'IN_PROGRESS')
    assert (read.contact_external_id, read.status, read.version) == ('1', 'in_progress', '2|IN_PROGRESS')
    assert not read.is_sub_customer
    assert mapping.sync_token(read.version) == '2'
    assert mapping.from_project(element).version == '2'
    assert mapping.from_project({**element, 'IsProject': False}).is_sub_customer
    assert mapping.from_project(element, 'OTHER').status == ''


def test_tax_codes_read():
    rates = {'1': D(5), '2': D('9.975'), '3': D(10)}

    def code(*details, **values):
        listed = [
            {'TaxRateRef': {'value': rate}, 'TaxTypeApplicable': kind, 'TaxOrder': order}
            for order, (rate, kind) in enumerate(details)
        ]
        return mapping.from_tax_code(
            {'Id': '9', 'Name': 'X', 'SalesTaxRateList': {'TaxRateDetail': listed}, **values}, rates
        )

    assert code(('1', 'TaxOnAmount')).rate == 5
    assert code(('1', 'TaxOnAmount'), ('2', 'TaxOnAmount')).rate == D('14.975')
    assert code(('1', 'TaxOnAmount'), ('3', 'TaxOnAmountPlusTax')).rate == D('15.5')
    assert code(('1', 'TaxOnAmount'), ('3', 'TaxOnTax')).rate == D('5.5')
    assert code(('1', 'TaxOnAmount'), Hidden=True).active is False
    nothing = code()
    assert (nothing.rate, nothing.for_sales, nothing.for_purchases) == (0, True, True)
    sale = code(('1', 'TaxOnAmount'))
    assert (sale.for_sales, sale.for_purchases) == (True, False)


def test_organizations_read():
    preferences = {
        'CurrencyPrefs': {'HomeCurrency': {'value': 'GBP'}, 'MultiCurrencyEnabled': True},
        'SalesFormsPrefs': {'CustomTxnNumbers': False},
        'TaxPrefs': {'UsingSalesTax': True},
        'AccountingInfoPrefs': {'BookCloseDate': '2026-03-31'},
        'OtherPrefs': {'NameValue': [{'Name': 'ProjectsEnabled', 'Value': 'true'}]},
    }
    read = mapping.from_organization(
        '77', {'CompanyName': 'Thames', 'Country': 'UK'}, preferences, ('EUR', 'GBP')
    )
    assert read == dto.Organization(
        '77',
        'Thames',
        'GBP',
        'GB',
        currencies=('GBP', 'EUR'),
        lock_date=date(2026, 3, 31),
        numbers_documents=True,
        computes_tax=False,
        has_projects=True,
    )
    american = mapping.from_organization(
        '7', {'CompanyName': 'A', 'Country': 'US'}, {'TaxPrefs': {'PartnerTaxEnabled': True}}
    )
    assert american.computes_tax
    assert not mapping.from_organization('7', {'Country': 'US'}, {}).computes_tax


def test_accounts_and_terms_read():
    account = mapping.from_account(
        {
            'Id': '79',
            'AcctNum': '4000',
            'Name': 'Sales',
            'FullyQualifiedName': 'Income:Sales',
            'AccountType': 'Income',
        }
    )
    assert (account.code, account.external_id, account.name) == ('79', '79', '4000 Income:Sales')
    assert account.is_revenue
    assert mapping.from_account({'Id': '1', 'Name': 'A', 'AccountType': 'Accounts Receivable'}) is None
    assert mapping.from_term({'Id': '3', 'Name': 'Net 30', 'Type': 'STANDARD', 'DueDays': 30}).days == 30
    assert (
        mapping.from_term({'Id': '4', 'Name': '15th', 'Type': 'DATE_DRIVEN', 'DayOfMonthDue': 15}).days
        is None
    )


# === queries === #


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        ("O'Brien", r"'O\'Brien'"),
        ('back\\slash', r"'back\\slash'"),
        ("\\'", r"'\\\''"),
        ("' OR Active = 'x", r"'\' OR Active = \'x'"),
    ],
)
def test_texts_in_queries(value, expected):
    assert query.quoted(value) == expected


def test_queries():
    assert (
        query.select(
            'Customer', ['Active IN (true, false)', query.within('DisplayName', ['A', "B'"])], 'Id', 5, 10
        )
        == r"SELECT * FROM Customer WHERE Active IN (true, false) AND DisplayName IN ('A', 'B\'') ORDERBY Id ASC "
        'STARTPOSITION 5 MAXRESULTS 10'
    )
    assert query.count('Item', ['Active = true']) == 'SELECT COUNT(*) FROM Item WHERE Active = true'


# === faults === #


def answer(status=400, data=None, body=None, content_type='application/json', **headers):
    body = json.dumps(data).encode() if body is None else body
    return Answer(status, {'Content-Type': content_type, **headers}, body, request_id='tid-1')


def fault(*found, type='ValidationFault', lower=False):
    listed = [
        {'Message': message, 'Detail': detail, 'code': code, 'element': ''} for code, message, detail in found
    ]
    if lower:
        listed = [{key.lower(): value for key, value in one.items()} for one in listed]
        return {'warnings': None, 'fault': {'error': listed, 'type': type}, 'time': 1700000000000}
    return {'Fault': {'Error': listed, 'type': type}, 'time': '2026-01-01T00:00:00.000-08:00'}


@pytest.mark.parametrize('lower', [False, True])
@pytest.mark.parametrize('status', [200, 400])
@pytest.mark.parametrize(
    ('code', 'error_class', 'expected'),
    [
        ('610', errors.NotFound, 'not_found'),
        ('2020', errors.ValidationRejected, 'required_missing'),
        ('2050', errors.ValidationRejected, 'too_long'),
        ('2500', errors.ValidationRejected, 'invalid_reference'),
        ('5010', errors.Conflict, 'stale'),
        ('6140', errors.Conflict, 'duplicate_invoice_number'),
        ('6190', errors.ConnectionRefused, 'subscription_lapsed'),
        ('6210', errors.ValidationRejected, 'period_locked'),
        ('6240', errors.Conflict, 'duplicate_contact_name'),
        ('6540', errors.ValidationRejected, 'deposited'),
        ('3200', errors.AccessTokenExpired, 'authentication_failed'),
        ('003200', errors.AccessTokenExpired, 'authentication_failed'),
        ('3100', errors.ConnectionRefused, 'removed'),
        ('120', errors.PermissionMissing, 'not_permitted'),
        ('3001', errors.RateLimited, 'limit_minute'),
        ('10000', errors.ProviderUnavailable, 'application_error'),
        ('10010', errors.ProviderUnavailable, '10010'),
        ('9999', errors.ValidationRejected, '9999'),
        (6240, errors.Conflict, 'duplicate_contact_name'),
    ],
)
def test_codes_decide_in_both_spellings_and_whatever_the_status(lower, status, code, error_class, expected):
    error = faults.error_of(answer(status, fault((code, 'Some Error', 'Its detail'), lower=lower)), 'contact')
    assert type(error) is error_class
    assert error.code == expected
    assert error.details == ('Some Error: Its detail',)
    assert error.http_status == status
    assert error.request_id == 'tid-1'


def test_names_taken_are_of_a_kind():
    for kind in ('contact', 'item', 'project'):
        error = faults.error_of(answer(400, fault(('6240', 'Duplicate', ''))), kind)
        assert error.code == f'duplicate_{kind}_name'
    assert faults.error_of(answer(400, fault(('6240', 'Duplicate', '')))).code == 'duplicate_name'


def test_all_errors_of_a_fault_are_told_and_the_gravest_decides():
    error = faults.error_of(
        answer(
            400,
            fault(
                ('2020', 'Missing', 'Line'),
                ('5010', 'Stale Object Error', 'You and Ann'),
                ('2050', 'Long', 'x'),
            ),
        )
    )
    assert type(error) is errors.Conflict
    assert error.code == 'stale'
    assert error.details == ('Missing: Line', 'Stale Object Error: You and Ann', 'Long: x')
    error = faults.error_of(answer(400, fault(('2020', 'Missing', ''), ('3001', 'Throttle', ''))))
    assert type(error) is errors.RateLimited


def test_throttling():
    error = faults.error_of(answer(429, fault(('3001', 'ThrottleExceeded', 'later'), type='SERVICE')))
    assert (type(error), error.retry_after, error.limit) == (errors.RateLimited, 60, 'minute')
    error = faults.error_of(answer(403, fault(('3001', 'ThrottleExceeded', 'later'))))
    assert type(error) is errors.RateLimited, 'the older form'
    for body in (b'', b'<html>', b'{}'):
        error = faults.error_of(answer(429, body=body))
        assert (type(error), error.retry_after) == (errors.RateLimited, 60)
    error = faults.error_of(answer(429, body=b'', **{'Retry-After': '7'}))
    assert error.retry_after == 7


@pytest.mark.parametrize(
    ('words', 'code'),
    [
        ('Your subscription has ended.', 'subscription_lapsed'),
        ('The company was closed on 2026-01-01.', 'organization_closed'),
        ('This company has been deleted', 'organization_closed'),
    ],
)
def test_companies_that_let_nobody_in(words, code):
    error = faults.error_of(answer(403, fault(('6190', 'Invalid Company Status', words))))
    assert (type(error), error.code) == (errors.ConnectionRefused, code)
    assert not error.retryable


def test_an_error_code_in_the_message_only():
    data = {
        'fault': {'error': [{'message': 'message=AuthenticationFailed; errorCode=003200; statusCode=401'}]}
    }
    assert type(faults.error_of(answer(401, data))) is errors.AccessTokenExpired


@pytest.mark.parametrize(
    ('kind', 'error_class'),
    [
        ('AUTHENTICATION', errors.AccessTokenExpired),
        ('AUTHORIZATION', errors.PermissionMissing),
        ('SystemFault', errors.ProviderUnavailable),
        ('SERVICE', errors.ProviderUnavailable),
        ('ValidationFault', errors.ValidationRejected),
        ('', errors.ValidationRejected),
    ],
)
def test_the_type_decides_what_the_code_does_not(kind, error_class):
    assert type(faults.error_of(answer(400, fault(('7777', 'New', 'x'), type=kind)))) is error_class


@pytest.mark.parametrize(
    ('status', 'body', 'error_class'),
    [
        (200, b'{}', None),
        (200, b'{"fault":null,"Fault":null}', None),
        (400, b'', errors.ProtocolError),
        (400, b'<html>no</html>', errors.ProtocolError),
        (401, b'', errors.AccessTokenExpired),
        (403, b'<html>', errors.ConnectionRefused),
        (404, b'', errors.NotFound),
        (408, b'', errors.ProviderUnavailable),
        (413, b'too large', errors.ProviderError),
        (302, b'', errors.ProtocolError),
        (500, b'', errors.ProviderUnavailable),
        (502, b'<html>Bad gateway</html>', errors.ProviderUnavailable),
        (503, b'Service Unavailable', errors.ProviderUnavailable),
        (500, b'{"Fault":{"Error":[{"Message":"Odd","code":"7777"}]}}', errors.ProviderUnavailable),
        (500, b'{"Fault":{"Error":null}}', errors.ProviderUnavailable),
        (400, b'{"Fault":{"Error":[null,"x",{"Message":5,"code":true}]}}', errors.ValidationRejected),
    ],
)
def test_the_status_decides_where_there_is_no_fault(status, body, error_class):
    error = faults.error_of(answer(status, body=body, content_type='text/html'))
    assert type(error) is (error_class or type(None))
    if error:
        assert error.http_status == status
        assert '<' not in error.message


def test_secrets_in_faults_are_masked():
    error = faults.error_of(answer(400, fault(('2010', 'Bearer abc.def', 'access_token=xyz'))))
    assert 'abc' not in str(error.details)
    assert 'xyz' not in str(error.details)


@pytest.mark.parametrize(
    ('data', 'error_class'),
    [
        ({'data': {}}, None),
        ({'data': {}, 'errors': []}, None),
        ({'errors': [{'message': 'Insufficient scope'}]}, errors.PermissionMissing),
        ({'errors': [{'message': 'No', 'extensions': {'code': 'FORBIDDEN'}}]}, errors.PermissionMissing),
        ({'errors': [{'message': 'A project with this name already exists'}]}, errors.Conflict),
        ({'errors': [{'message': 'Project not found'}]}, errors.NotFound),
        ({'errors': [{'message': 'ThrottleExceeded'}]}, errors.RateLimited),
        ({'errors': [{'message': 'The name is too long'}]}, errors.ValidationRejected),
        ({'errors': ['x', None]}, errors.ValidationRejected),
        ([], None),
    ],
)
def test_errors_of_the_projects_api_come_with_200(data, error_class):
    assert type(faults.graphql_error(answer(200, data))) is (error_class or type(None))


def test_the_projects_api_refusing_says_nothing_about_the_company():
    for body in (b'', b'{"Fault":{"Error":[{"Message":"x","code":"3100"}]}}'):
        assert type(faults.graphql_error(answer(403, body=body))) is errors.PermissionMissing
    assert type(faults.graphql_error(answer(401, body=b''))) is errors.AccessTokenExpired


@pytest.mark.parametrize('active', [True, False])
def test_sub_customer_that_is_there_is_ended_and_restored(active):
    project = dto.Project('P', '3', external_id='9', version='2', is_sub_customer=True, active=active)
    assert mapping.to_sub_customer(project)['Active'] is active
