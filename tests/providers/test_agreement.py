"""Totals to the cent: what each provider makes of Odoo's amounts, and why an invoice is refused."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from fieldpromax_accounting.providers import agreement, dto
from fieldpromax_accounting.providers.agreement import Refusal
from fieldpromax_accounting.providers.quickbooks import mapping as quickbooks_mapping
from fieldpromax_accounting.providers.quickbooks import rules as quickbooks_rules
from fieldpromax_accounting.providers.xero import mapping as xero_mapping
from fieldpromax_accounting.providers.xero import rules as xero_rules

GB = dto.Organization('2', 'Thames', 'GBP', 'GB', currencies=('GBP', 'EUR'))


def line(quantity, price, amount, tax='0.00', rate=None, code='2', discount='0'):
    return dto.InvoiceLine(
        'Work',
        quantity=D(quantity),
        unit_price=D(price),
        discount=D(discount),
        account='200',
        item_external_id='1',
        tax_code=code,
        tax_amount=D(tax),
        amount=D(amount),
        tax_rate=None if rate is None else D(rate),
    )


def invoice(*lines, tax_included=False, currency='GBP', untaxed=None):
    amounts = sum((one.amount for one in lines), D(0))
    tax = sum((one.tax_amount for one in lines), D(0))
    net = amounts - tax if tax_included else amounts
    net = net if untaxed is None else D(untaxed)
    return dto.Invoice(
        contact_external_id='5',
        date=date(2026, 9, 14),
        due_date=date(2026, 9, 14),
        currency=currency,
        lines=tuple(lines),
        totals=dto.Totals(net, tax, net + tax),
        number='INV/1',
        tax_included=tax_included,
    )


# === what is refused === #


@pytest.mark.parametrize(
    ('refused', 'why'),
    [
        (invoice(line('1', '1.235', '1.235'), currency='KWD'), Refusal.DECIMALS),
        # 0.0001 more a piece is a cent more at 100 pieces: 500 of them go past the amount
        (invoice(line('500', '0.3333', '166.66')), Refusal.LINE_AMOUNT),
        (invoice(line('1', '10', '10.00'), untaxed='10.01'), Refusal.LINES_SUM),
    ],
)
def test_what_nothing_helps_is_refused_by_name(refused, why):
    found = agreement.disagreement(refused, xero_rules.predict_totals(refused))
    assert found.refusal is why
    assert found.difference == found.predicted.total - refused.totals.total
    assert found.difference


def test_another_tax_is_refused():
    """A code of 20 % stands for a tax of 5 %: no override hides that, it is more than rounding."""
    wrong = invoice(line('1', '100', '100.00', '5.00', rate='20'))
    predicted = quickbooks_rules.predict_totals(wrong, GB)
    assert predicted.tax == D('20.00')
    assert agreement.disagreement(wrong, predicted) == agreement.Disagreement(
        Refusal.TAX, predicted, D('15.00')
    )
    assert 'TxnTaxDetail' not in quickbooks_mapping.to_invoice(wrong, GB)


def test_totals_that_agree_are_not_refused():
    plain = invoice(line('3', '33.33', '99.99', '20.00', rate='20'))
    assert agreement.disagreement(plain, xero_rules.predict_totals(plain)) is None
    assert agreement.disagreement(plain, quickbooks_rules.predict_totals(plain, GB)) is None


class Judge:
    """A provider that finds what it is told to."""

    def __init__(self, problems=(), total='1.00'):
        self.problems, self.total = problems, D(total)

    def disagreement(self, one):
        return None

    def check(self, kind, one):
        return self.problems

    def predict_totals(self, one):
        return dto.Totals(self.total, D(0), self.total)


@pytest.mark.parametrize(
    ('provider', 'why'),
    [
        (Judge(), None),
        (Judge(('Xero does not accept a negative total.',), '-1.00'), Refusal.NEGATIVE_TOTAL),
        (Judge(('Too long.',)), Refusal.RULE),
    ],
)
def test_rules_are_reasons_of_the_list(provider, why):
    assert agreement.refusal(provider, invoice(line('1', '1', '1.00'))) is why


# === what is sent so that it agrees: Xero multiplies each line anew === #


@pytest.mark.parametrize(
    ('given', 'figures'),
    [
        # as it stands where the product is Odoo's amount
        (line('3', '33.33', '99.99'), (D('3'), D('33.33'), D('0'))),
        # a cent that rounding over the whole invoice put on this line
        (line('3', '33.33', '100.00'), (D('3'), D('33.3333'), D('0'))),
        # whole yen
        (line('3', '33.4', '100'), (D('3'), D('33.3333'), D('0'))),
        # with a discount
        (line('2', '10.01', '18.01', discount='10'), (D('2'), D('10.0056'), D('10'))),
        # no price gives it, a discount does
        (line('500', '0.3333', '83.31', discount='50'), (D('500'), D('0.3333'), D('50.0075'))),
    ],
)
def test_price_or_discount_is_moved_to_odoos_amount(given, figures):
    sent = xero_mapping.line_figures(given)
    assert sent[:2] == figures[:2]
    assert abs(sent[2] - figures[2]) < D('0.004')
    assert xero_mapping.line_product(*sent) == given.amount
    body = xero_mapping.to_invoice(replace(invoice(given), status='approved'))['LineItems'][0]
    assert (body['Quantity'], body['UnitAmount']) == sent[:2]


def test_what_cannot_be_moved_stays_and_is_told():
    given = line('500', '0.3333', '166.66')
    assert xero_mapping.line_figures(given) == (D('500'), D('0.3333'), D('0'))
    assert xero_rules.predict_totals(invoice(given)).untaxed == D('166.65')


# === QuickBooks outside America works out the tax of each code on the sum of its lines === #


def rounded_by_line(count):
    """Lines of 0.33 with 20 %: 0.07 each in Odoo, 0.066 each for whoever adds up first."""
    return [line('1', '0.33', '0.33', '0.07', rate='20') for _number in range(count)]


def test_tax_that_rounding_alone_tells_apart_goes_along():
    sent = invoice(*rounded_by_line(6))
    assert quickbooks_mapping.code_taxes(sent) == D('0.40')
    assert quickbooks_mapping.tax_override(sent) == D('0.42')
    assert quickbooks_rules.predict_totals(sent, GB) == sent.totals
    assert quickbooks_mapping.to_invoice(sent, GB)['TxnTaxDetail'] == {'TotalTax': D('0.42')}


def test_tax_in_whole_yen_goes_along():
    yen = invoice(line('1', '333', '333', '67', rate='20'), currency='JPY')
    assert quickbooks_mapping.code_taxes(yen) == D('66.60')
    assert quickbooks_mapping.tax_override(yen) == 67
    assert quickbooks_rules.predict_totals(yen, GB) == yen.totals


def test_tax_that_agrees_does_not_go_along():
    sent = invoice(*rounded_by_line(1))
    assert quickbooks_mapping.tax_override(sent) is None
    assert 'TxnTaxDetail' not in quickbooks_mapping.to_invoice(sent, GB)


@pytest.mark.parametrize(
    'sent',
    [
        # nothing there could carry a tax
        invoice(line('1', '0.33', '0.33', '0.01', rate='0')),
        # what is included is what the gross amounts leave
        invoice(*rounded_by_line(6), tax_included=True),
        invoice(line('1', '0.33', '0.33', '0.01', code='')),
    ],
)
def test_no_tax_goes_along_where_it_would_not_count(sent):
    assert quickbooks_mapping.tax_override(sent) is None
