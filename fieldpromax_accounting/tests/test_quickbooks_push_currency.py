"""Invoices to companies outside the United States: tax codes, prices with tax, customers in a second currency."""

from odoo import Command
from odoo.tests import tagged

from .quickbooks_push_common import QuickBooksPushCommon


class OneCompanyAbroad(QuickBooksPushCommon):
    books_currency = 'GBP'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        currency = cls.env.ref(f'base.{cls.books_currency}')
        currency.active = True
        # No entry of the company exists yet: it may still keep its books in another currency.
        cls.company.currency_id = currency

    def tax(self, amount, name, **values):
        return self.company_data['default_tax_sale'].copy({'name': name, 'amount': amount, **values})


@tagged('post_install', '-at_install')
class TestQuickBooksPushUnitedKingdom(OneCompanyAbroad):
    """Several currencies; QuickBooks numbers the invoices."""

    books_of = 'GB'

    def test_second_currency_is_a_second_customer(self):
        euro = self.env.ref('base.EUR')
        euro.active = True
        tax = self.tax(20, 'VAT 20 %')
        lines = [self.taxed(name='Work', tax_ids=[Command.set(tax.ids)])]
        first = self.invoice(lines=lines)
        foreign = self.invoice(lines=lines, currency_id=euro.id)
        again = self.invoice(lines=lines, currency_id=euro.id)
        self.run_push(self.connection)
        for move in first | foreign | again:
            self.assertSent(move)
        names = {
            move: self.customer_in_books(self.in_books(move)[0])['DisplayName']
            for move in first | foreign | again
        }
        self.assertEqual(
            [names[first], names[foreign], names[again]],
            ['Harbour Café', 'Harbour Café (EUR)', 'Harbour Café (EUR)'],
        )
        [invoice] = self.in_books(foreign)
        self.assertEqual(invoice['CurrencyRef']['value'], 'EUR')
        links = self.env['fieldpromax.link'].sudo().search([('partner_id', '=', self.customer.id)])
        self.assertEqual(sorted(links.mapped('role')), ['', 'EUR'])

    def test_codes_by_rate(self):
        reduced, zero = self.tax(5, 'VAT 5 %'), self.tax(0, 'Zero rated')
        move = self.invoice(
            lines=[
                self.taxed(name='Boiler', price_unit=33.33, tax_ids=[Command.set(reduced.ids)]),
                self.taxed(name='Book', price_unit=10, tax_ids=[Command.set(zero.ids)]),
            ]
        )
        self.run_push(self.connection)
        self.assertAttention(move, 'Zero rated')
        self.confirm_mappings(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)
        [invoice] = self.in_books(move)
        self.assertEqual(invoice['GlobalTaxCalculation'], 'TaxExcluded')
        codes = [
            line['SalesItemLineDetail']['TaxCodeRef']['value']
            for line in invoice['Line']
            if line['DetailType'] == 'SalesItemLineDetail'
        ]
        self.assertEqual(codes, ['3', '4'])
        self.assertAlmostEqual(float(invoice['TotalAmt']), move.amount_total, places=2)


@tagged('post_install', '-at_install')
class TestQuickBooksPushAustralia(OneCompanyAbroad):
    books_of = 'AU'
    books_currency = 'AUD'

    def test_prices_with_tax(self):
        tax = self.tax(10, 'GST incl', price_include_override='tax_included')
        move = self.invoice(
            lines=[
                self.taxed(name='All in', quantity=3, price_unit=19.99, tax_ids=[Command.set(tax.ids)]),
                self.taxed(name='More', quantity=1, price_unit=0.05, tax_ids=[Command.set(tax.ids)]),
            ]
        )
        self.run_push(self.connection)
        self.assertSent(move)
        [invoice] = self.in_books(move)
        self.assertEqual(invoice['GlobalTaxCalculation'], 'TaxInclusive')
        self.assertAlmostEqual(float(invoice['TotalAmt']), move.amount_total, places=2)
        self.assertEqual(invoice['DocNumber'], move.name)
