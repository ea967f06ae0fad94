"""Totals to the cent between Odoo's posted invoices and Xero: both rounding methods, included taxes, currencies."""

import random

from odoo import Command
from odoo.tests import tagged

from .push_common import FieldpromaxPushCommon


@tagged('post_install', '-at_install')
class TestTotals(FieldpromaxPushCommon):
    def arrange_more(self):
        cls = type(self)
        cls.tax = self.company_data['default_tax_sale']
        cls.included = self.tax.copy({'name': '15% included', 'price_include_override': 'tax_included'})
        cls.second = self.tax.copy({'name': 'Five', 'amount': 5})
        cls.ten = self.tax.copy({'name': 'Ten', 'amount': 10})
        self.env.ref('base.EUR').active = True
        # What the taxes are called in the books, a person says once.
        mapping = self.env['fieldpromax.mapping']
        resolver = mapping.sudo()._resolver(self.connection)
        references = self.env['fieldpromax.reference'].search([('connection_id', '=', self.connection.id)])
        fifteen = references.filtered(lambda row: row.external_id == 'TAX001')
        for taxes in (self.included, self.second | self.ten):
            resolver._tax_row(taxes, 'sale')._choose(fifteen, self.env.user)

    def rounding(self, method):
        self.company.tax_calculation_rounding_method = method

    def line(self, quantity, price, discount=0, taxes=None):
        taxes = self.tax if taxes is None else taxes
        return {
            'name': 'Work',
            'quantity': quantity,
            'price_unit': price,
            'discount': discount,
            'tax_ids': [Command.set(taxes.ids)],
        }

    def assertAgrees(self, move):
        """It is in the books, and with Odoo's own three amounts."""
        self.assertEqual(move.fieldpromax_state, 'sent', move.fieldpromax_reason)
        [there] = self.in_books(move)
        for name, ours in (
            ('SubTotal', move.amount_untaxed),
            ('TotalTax', move.amount_tax),
            ('Total', move.amount_total),
        ):
            self.assertEqual(f'{float(there[name]):.2f}', f'{ours:.2f}', (move.name, name))

    # === WHAT NOTHING HELPS === #

    def test_refused_with_both_sums_and_the_difference(self):
        """Rounded over the whole invoice, one of two lines of 110.055 comes to 110.05: no price with four decimals
        gives that for 333.5 pieces."""
        self.rounding('round_globally')
        move = self.invoice(lines=[self.line(333.5, 0.33) for _line in range(2)])
        self.assertAlmostEqual(move.amount_untaxed, 220.11)
        self.run_push(self.connection)
        self.assertEqual(self.in_books(move), [])
        self.assertEqual(move.fieldpromax_state, 'attention')
        for words in ('253.13', '253.14', 'a difference of 0.01', 'no price with four decimals'):
            self.assertIn(words, move.fieldpromax_reason)

    def test_rounding_method_changed_before_it_was_sent(self):
        """The lines are worked out by the new method and the posted totals are of the old one: told, not sent."""
        self.rounding('round_globally')
        move = self.invoice(lines=[self.line(0.5, 0.33), self.line(0.5, 0.33)])
        self.rounding('round_per_line')
        self.run_push(self.connection)
        self.assertEqual(self.in_books(move), [])
        self.assertIn('do not add up', move.fieldpromax_reason)

    # === BOTH ROUNDING METHODS === #

    def test_cent_of_rounding_over_the_whole_invoice(self):
        """0.165 twice is 0.33 for Odoo, and 0.17 twice for whoever rounds each line."""
        self.rounding('round_globally')
        move = self.invoice(lines=[self.line(0.5, 0.33), self.line(0.5, 0.33)])
        self.assertAlmostEqual(move.amount_untaxed, 0.33)
        self.run_push(self.connection)
        self.assertAgrees(move)

    def test_each_line_rounded(self):
        self.rounding('round_per_line')
        move = self.invoice(lines=[self.line(0.5, 0.33), self.line(0.5, 0.33)])
        self.assertAlmostEqual(move.amount_untaxed, 0.34)
        self.run_push(self.connection)
        self.assertAgrees(move)

    def test_included_and_foreign(self):
        moves = self.env['account.move']
        euro = self.env.ref('base.EUR').id
        for method in ('round_per_line', 'round_globally'):
            self.rounding(method)
            moves |= self.invoice(lines=[self.line(3, 33.33, 12.5, self.included) for _line in range(3)])
            moves |= self.invoice(lines=[self.line(0.5, 0.37) for _line in range(5)], currency_id=euro)
            moves |= self.invoice(lines=[self.line(1, 10.07, 0, self.second | self.ten), self.line(1, 0.33)])
            moves |= self.invoice(lines=[self.line(1, 9.99, 0, self.included), self.line(7, 1.13)])
            self.run_push(self.connection)
        for move in moves:
            self.assertAgrees(move)

    # === A SAMPLE === #

    def test_posted_sample(self):
        """What `make cents` does at length, here with invoices that are posted and pushed: each agrees or is refused
        for a reason, none differs."""
        chance = random.Random(7)  # noqa: S311
        choices = [self.tax, self.included, self.second | self.ten]
        moves = self.env['account.move']
        for method in ('round_per_line', 'round_globally'):
            self.rounding(method)
            made = self.env['account.move'].create(
                [
                    self._invoice_values(
                        lines=[
                            self.line(
                                chance.randint(1, 4000) / 100,
                                chance.randint(1, 30000) / 100,
                                chance.choice([0, 0, 0, 10, 33.33]),
                                chance.choice(choices),
                            )
                            for _line in range(chance.randint(1, 6))
                        ]
                    )
                    for _invoice in range(12)
                ]
            )
            made.action_post()
            moves |= made
            self.run_push(self.connection)
        sent = moves.filtered(lambda move: move.fieldpromax_state == 'sent')
        for move in sent:
            self.assertAgrees(move)
        for move in moves - sent:
            self.assertIn('a difference of', move.fieldpromax_reason)
        self.assertGreaterEqual(len(sent), 0.95 * len(moves), (moves - sent).mapped('fieldpromax_reason'))
