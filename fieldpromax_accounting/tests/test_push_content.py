"""What an invoice says in the books: its number, its references, and every line that Odoo can post. On both sides."""

import json
from decimal import Decimal

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models.account_move import decimal_of
from ..providers.quickbooks import mapping as quickbooks_mapping
from ..providers.xero import mapping as xero_mapping
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


def as_wire(raw):
    """A record of the simulator's state as the provider layer reads it from an answer."""
    return json.loads(json.dumps(raw), parse_float=Decimal)


class ContentScenario:
    """The same for every provider; the classes below say how its books are read."""

    def numbered(self, number):
        """The invoice of that number in the books, None without."""
        return next(iter(self.in_books(number=number)), None)

    def all_lines(self):
        """An invoice with everything: a deposit that is taken off, a negative and a zero line, one without product, a
        discount, another unit, text lines."""
        tax = self.company_data['default_tax_sale']
        deposit = self.env['product.product'].create({'name': 'Down payment', 'type': 'service'})
        hours = self.env.ref('uom.product_uom_hour')

        def line(name, quantity, price, **values):
            return {
                'name': name,
                'quantity': quantity,
                'price_unit': price,
                'tax_ids': [Command.set(tax.ids)],
                **values,
            }

        return self.invoice(
            ref='PO 4711',
            invoice_user_id=self.user_invoice.id,
            lines=[
                {'name': 'First floor', 'display_type': 'line_section'},
                line('Boiler service', 2, 150.0, discount=10),
                line('Labour', 3.5, 60.0, product_uom_id=hours.id),
                line('Goodwill', 1, -20.0),
                line('Warranty part, free of charge', 1, 0.0),
                line('Nothing of it', 0, 35.0),
                {'name': 'Thank you', 'display_type': 'line_note'},
                line('Down payment of 1 November', -1, 100.0, product_id=deposit.id),
            ],
        )

    def check_all_lines(self):
        self.connection.write({'tells_salesperson': True, 'describes_unit': True})
        move = self.all_lines()
        self.run_push(self.connection)
        self.confirm_mappings(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)
        remote = self.read_invoice(self.link_of(move).external_id)
        self.assertEqual(remote.totals.untaxed, self.exact(move.amount_untaxed))
        self.assertEqual(remote.totals.total, self.exact(move.amount_total))
        self.assertEqual(remote.reference, f'PO 4711 · {self.user_invoice.name}')
        amounts = [None if line.is_text else line.amount for line in remote.lines]
        self.assertEqual(
            amounts, [None, *map(self.exact, (270, 210, -20, 0, 0)), None, self.exact(-100)], 'in their order'
        )
        texts = [line.description for line in remote.lines]
        self.assertIn('First floor', texts[0])
        self.assertIn('Unit: Hours', texts[2])
        self.assertNotIn('Unit', texts[1])
        return texts

    def exact(self, amount):
        return decimal_of(float(amount), 2)

    def check_twins(self):
        """Somebody used two numbers of Odoo in the books: for the same invoice, and for another one."""
        known = self.invoice()
        self.run_push(self.connection)
        contact = known.commercial_partner_id
        same, other = self.invoice(post=False), self.invoice(post=False)
        (same | other).action_post()
        external_id = self.env['fieldpromax.link']._of(self.connection, contact)[contact.id].external_id
        there = self.typed_in(same.name, external_id, 100.0)
        self.typed_in(other.name, external_id, 5.0)
        before = len(self.creations())
        self.run_push(self.connection)
        self.assertEqual(len(self.creations()), before, 'neither was sent')
        self.assertAttention(same, 'is in', 'Link to it')
        self.assertAttention(other, 'is in', 'Send under another number')
        issues = same.fieldpromax_issue_id, other.fieldpromax_issue_id
        self.assertEqual([issue.can_link_twin for issue in issues], [True, False])
        with self.assertRaises(AccessError):
            issues[0].with_env(self.as_person(self.user_invoice)).action_link_twin()
        with self.assertRaises(UserError):
            issues[1].with_env(self.as_person(self.user_bookkeeper)).action_link_twin()
        issues[0].with_env(self.as_person(self.user_bookkeeper)).action_link_twin()
        issues[1].with_env(self.as_person(self.user_bookkeeper)).action_send_beside_twin()
        self.run_push(self.connection)
        self.assertEqual(same.fieldpromax_state, 'sent', same.fieldpromax_reason)
        self.assertEqual(self.link_of(same).external_id, there)
        self.assertEqual(len(self.in_books(same)), 1)
        self.assertEqual(other.fieldpromax_state, 'sent', other.fieldpromax_reason)
        self.assertEqual(self.link_of(other).external_number, f'{other.name}-2')
        self.assertEqual(len(self.creations()), before + 1)
        # Posted again it keeps the number that it has there.
        other.button_draft()
        other.action_post()
        self.run_push(self.connection)
        self.assertEqual(other.fieldpromax_state, 'sent', other.fieldpromax_reason)


@tagged('post_install', '-at_install')
class TestPushContent(ContentScenario, FieldpromaxPushCommon):
    def read_invoice(self, external_id):
        (raw,) = [row for row in self.books('invoices') if row['InvoiceID'] == external_id]
        return xero_mapping.from_invoice(as_wire(raw))

    def creations(self):
        return self.simulator.requests(path='/Invoices', method='PUT')

    def typed_in(self, number, contact, amount):
        taxed = next(
            row['LineItems'][0]['TaxType'] for row in self.books('invoices') if float(row['TotalTax']) == 15
        )
        day = str(self.env['account.move'].search([('name', '=', number)]).invoice_date)
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {
                'invoices': [
                    {
                        'Type': 'ACCREC',
                        'InvoiceNumber': number,
                        'Contact': {'ContactID': contact},
                        'Status': 'AUTHORISED',
                        'Date': day,
                        'DueDate': day,
                        'LineItems': [
                            {
                                'Description': 'Call-out',
                                'Quantity': 1,
                                'UnitAmount': amount,
                                'AccountCode': '200',
                                'TaxType': taxed,
                                'TaxAmount': round(amount * 0.15, 2),
                            }
                        ],
                    }
                ]
            },
        )
        return self.numbered(number)['InvoiceID']

    def test_every_sort_of_line(self):
        texts = self.check_all_lines()
        self.assertNotIn('Discount', texts[1], 'Xero has a discount on the line')

    def test_typed_into_both(self):
        self.check_twins()

    def test_look_up_can_be_switched_off(self):
        self.connection.looks_for_twins = False
        move = self.invoice()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.simulator.requests(path='/Invoices', method='GET'), [])

    def test_number_with_a_prefix(self):
        self.connection.write({'number_policy': 'prefix', 'number_prefix': 'O-'})
        move = self.invoice()
        self.simulator.fault('timeout_after', '/Invoices', 'PUT')
        self.run_push(self.connection)
        self.let_time_pass(600)
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_state, 'sent', move.fieldpromax_reason)
        self.assertEqual(
            len(self.in_books(number=f'O-{move.name}')), 1, 'looked up under its number, not sent twice'
        )
        self.assertEqual(self.link_of(move).external_number, f'O-{move.name}')
        self.assertIn(f'O-{move.name}', move.fieldpromax_headline)
        # Another policy is for new ones: this one keeps its number.
        self.connection.number_policy = 'odoo'
        move.button_draft()
        move.action_post()
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_state, 'sent', move.fieldpromax_reason)

    def test_number_that_xero_gives(self):
        self.connection.number_policy = 'provider'
        moves = self.invoice(ref='PO 1') | self.invoice()
        self.simulator.fault('timeout_after', '/Invoices', 'PUT')
        self.run_push(self.connection)
        self.assertEqual(set(moves.mapped('fieldpromax_state')), {'retrying'})
        self.let_time_pass(600)
        before = len(self.creations())
        self.run_push(self.connection)
        self.assertEqual(len(self.creations()), before, 'found by customer, date and our number')
        for move in moves:
            self.assertEqual(move.fieldpromax_state, 'sent', move.fieldpromax_reason)
            link = self.link_of(move)
            self.assertNotIn(link.external_number, ('', move.name))
            remote = self.read_invoice(link.external_id)
            self.assertEqual((remote.number, remote.own_number), (link.external_number, move.name))
        self.assertEqual(self.read_invoice(self.link_of(moves[0]).external_id).reference, 'PO 1')
        moves[0].button_draft()
        moves[0].action_post()
        self.run_push(self.connection)
        self.assertEqual(moves[0].fieldpromax_state, 'sent', moves[0].fieldpromax_reason)


@tagged('post_install', '-at_install')
class TestQuickBooksPushContent(ContentScenario, QuickBooksPushCommon):
    def read_invoice(self, external_id):
        (raw,) = [row for row in self.books('invoices') if row['Id'] == external_id]
        return quickbooks_mapping.from_invoice(as_wire(raw))

    def creations(self):
        return self.writes('invoices.create')

    def typed_in(self, number, contact, amount):
        move = self.env['account.move'].search([('name', '=', number)])
        self.change_books(
            invoices=[
                {
                    'DocNumber': number,
                    'CustomerRef': {'value': contact},
                    'TxnDate': str(move.invoice_date),
                    'Line': [
                        {
                            'Amount': amount,
                            'Description': 'Call-out',
                            'DetailType': 'SalesItemLineDetail',
                            'SalesItemLineDetail': {
                                'ItemRef': {'value': '1'},
                                'TaxCodeRef': {'value': 'TAX'},
                            },
                        }
                    ],
                    'TxnTaxDetail': {'TotalTax': round(amount * 0.15, 2)},
                }
            ]
        )
        return self.numbered(number)['Id']

    def test_every_sort_of_line(self):
        texts = self.check_all_lines()
        self.assertIn('Discount: 10 %', texts[1], 'it is in the price there')

    def test_typed_into_both(self):
        self.check_twins()

    def test_numbers_of_quickbooks_are_not_looked_for(self):
        self.connection.number_policy = 'provider'
        self.assertIn('switched on there', self.connection.number_text)
        move = self.invoice()
        self.run_push(self.connection)
        self.assertSent(move)
