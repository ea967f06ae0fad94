"""Invoices on their way to QuickBooks Online: by the real provider over HTTP to the simulator."""

from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.tests import tagged

from ..providers.quickbooks import QuickBooksProvider
from .quickbooks_push_common import QuickBooksPushCommon


@tagged('post_install', '-at_install')
class TestQuickBooksPush(QuickBooksPushCommon):
    """A company in the United States: automated sales tax, invoice numbers of its own."""

    # === WHEN IT GOES WRONG === #

    def test_one_bad_member_of_a_batch(self):
        """A number that is taken there: that one needs attention, the others are sent with the same call."""
        moves = self.env['account.move']
        for number in range(3):
            moves |= self.invoice(post=False, lines=[self.taxed(name=f'Job {number}')])
        moves.action_post()
        self.change_books(
            invoices=[
                {
                    'DocNumber': moves[1].name,
                    'CustomerRef': {'value': self.books('contacts')[0]['Id']},
                    'Line': [
                        {
                            'Amount': 5,
                            'DetailType': 'SalesItemLineDetail',
                            'SalesItemLineDetail': {'ItemRef': {'value': '1'}},
                        }
                    ],
                }
            ]
        )
        self.run_push(self.connection)
        self.assertSent(moves[0])
        self.assertSent(moves[2])
        self.assertAttention(moves[1], 'is in QuickBooks Online already')
        self.assertEqual(len(self.writes('invoices.create')), 1)

    def test_lost_answer_is_repeated_under_the_same_key(self):
        move = self.invoice()
        self.quickbooks.fault('timeout_after', path='/invoice$', method='POST')
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_state, 'retrying')
        self.make_due()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertTrue(any(row.get('replayed') for row in self.quickbooks.requests(path='/invoice')))

    def test_lost_answer_is_looked_up_when_the_key_is_old(self):
        move = self.invoice()
        self.quickbooks.fault('timeout_after', path='/invoice$', method='POST')
        self.run_push(self.connection)
        self.let_hours_pass(30)
        self.quickbooks.forget_requests()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.writes('invoices.create'), [])

    def test_lost_answers_of_documents_that_quickbooks_numbers(self):
        """Two invoices that look the same: our number in the note tells them apart; what never arrived is sent."""
        self.with_numbers_of_quickbooks()
        moves = self.invoice() | self.invoice()
        self.quickbooks.fault('timeout_after', path='/batch$')
        self.run_push(self.connection)
        self.assertEqual(set(moves.mapped('fieldpromax_state')), {'retrying'})
        third = self.invoice()
        self.let_hours_pass(30)
        self.run_push(self.connection)
        for move in moves | third:
            self.assertSent(move)
            [invoice] = self.in_books(move)
            self.assertEqual(self.link_of(move).external_id, invoice['Id'])
            self.assertEqual(self.link_of(move).external_number, invoice['DocNumber'])

    def test_lost_before_it_arrived_is_sent_again(self):
        self.with_numbers_of_quickbooks()
        move = self.invoice()
        self.quickbooks.fault('timeout_before', path='/invoice$', method='POST')
        self.run_push(self.connection)
        self.assertEqual(self.in_books(move), [])
        self.let_hours_pass(30)
        self.run_push(self.connection)
        self.assertSent(move)

    def test_name_of_a_supplier(self):
        """Names are given once over customers, suppliers and employees: said once it is known, not tried for ever."""
        partner = self.env['res.partner'].create({'name': 'Supply Depot'})
        move = self.invoice(partner=partner)
        for _attempt in range(4):
            self.run_push(self.connection)
            self.run_pull(self.connection)
            self.make_due()
        self.assertAttention(move, 'Supply Depot', 'a supplier or an employee')
        self.assertLessEqual(len(self.writes('contacts.create')), 3)
        partner.name = 'Supply Depot (customer)'
        self.run_push(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)

    def test_changed_there_meanwhile_is_read_again(self):
        """5010: our version is old. What stands there is read, and then decided anew."""
        move = self.invoice()
        self.run_push(self.connection)
        [invoice] = self.in_books(move)
        self.change_books(invoices=[{'Id': invoice['Id'], 'CustomerMemo': {'value': 'Edited in QuickBooks'}}])
        move.button_draft()
        move.with_context(fieldpromax_no_push=True).button_cancel()
        self.assertTrue(move.fieldpromax_can_void)
        self.quickbooks.forget_requests()
        move.with_user(self.user_invoice).action_fieldpromax_void()
        self.run_push(self.connection)
        self.assertEqual(len(self.writes('invoices.void')), 1, 'with the new version')
        self.assertEqual(len(self.writes('invoices.read')), 1)
        self.assertEqual(self.in_books(move), [])
        self.assertEqual(move.fieldpromax_state, 'not_sent')
        self.assertIn('void in QuickBooks Online', move.fieldpromax_reason)
        self.assertEqual(
            self.env['account.move'].search([('id', '=', move.id), ('fieldpromax_state', '=', 'not_sent')]),
            move,
        )

    def test_changed_there_again_and_again_waits(self):
        move = self.invoice()
        self.run_push(self.connection)
        move.button_draft()
        move.button_cancel()
        self.quickbooks.fault('fault200:5010', path='/invoice$', method='POST', times=9)
        self.quickbooks.forget_requests()
        self.run_push(self.connection)
        exchange = self.exchange_of(move)
        self.assertEqual(exchange.state, 'retry')
        self.assertGreater(exchange.next_attempt_at, fields.Datetime.now() + timedelta(minutes=2))
        self.assertLessEqual(len(self.writes('invoices.void')), 5)
        self.quickbooks.clear_faults()
        self.make_due()
        self.run_push(self.connection)
        self.assertIn('void in QuickBooks Online', move.fieldpromax_reason)

    def test_void_that_was_lost_is_looked_at(self):
        move = self.invoice()
        self.run_push(self.connection)
        move.button_draft()
        move.button_cancel()
        self.quickbooks.fault('timeout_after', path='/invoice$', method='POST')
        self.run_push(self.connection)
        self.let_hours_pass(30)
        self.quickbooks.forget_requests()
        self.run_push(self.connection)
        self.assertEqual(self.writes('invoices.void'), [])
        self.assertIn('void in QuickBooks Online', move.fieldpromax_reason)

    # === THE STRAIGHT WAY === #

    def test_posted_invoice_arrives_whole(self):
        term = self.env['account.payment.term'].create(
            {
                'name': '30 Days',
                'line_ids': [Command.create({'value': 'percent', 'value_amount': 100, 'nb_days': 30})],
            }
        )
        boiler = self.boiler_service()
        plain = self.env['product.product'].create({'name': 'Inspection without code', 'type': 'service'})
        move = self.invoice(
            ref='PO 4711',
            invoice_payment_term_id=term.id,
            lines=[
                self.taxed(product_id=boiler.id, quantity=3, price_unit=80.55, discount=10),
                self.taxed(product_id=plain.id, quantity=1.5, price_unit=19.99),
                self.taxed(name='Materials', quantity=7, price_unit=0.33),
                self.untaxed(name='Parking', price_unit=4.5),
                {'name': 'Thank you for your trust', 'display_type': 'line_note'},
            ],
        )
        self.run_push(self.connection)
        self.confirm_mappings(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)
        [invoice] = self.in_books(move)
        self.assertEqual(invoice['DocNumber'], move.name)
        self.assertAlmostEqual(float(invoice['TotalAmt']), move.amount_total, places=2)
        self.assertAlmostEqual(float(invoice['TxnTaxDetail']['TotalTax']), move.amount_tax, places=2)
        self.assertEqual(invoice['DueDate'], str(move.invoice_date_due))
        self.assertEqual(invoice['BillEmail']['Address'], 'office@harbour.example')
        terms = {row['Id']: row['Name'] for row in self.books('terms')}
        self.assertEqual(terms[invoice['SalesTermRef']['value']], 'Net 30')
        self.assertEqual(self.customer_in_books(invoice)['DisplayName'], 'Harbour Café')
        items = {row['Id']: row for row in self.books('items')}
        lines = [line for line in invoice['Line'] if line['DetailType'] != 'SubTotalLineDetail']
        first, second, third, fourth, note = lines

        def item(line):
            return items[line['SalesItemLineDetail']['ItemRef']['value']]

        self.assertEqual((item(first)['Name'], item(first)['Sku']), ('Boiler service', 'BOILER'))
        self.assertEqual(item(first)['Type'], 'Service')
        self.assertIn(float(first['Amount']), (217.48, 217.49), 'as the totals of the invoice need it')
        self.assertAlmostEqual(
            sum(float(line['Amount']) for line in (first, second, third, fourth)),
            move.amount_untaxed,
            places=2,
        )
        self.assertEqual(item(second)['Name'], 'Inspection without code')
        self.assertEqual((item(third)['Name'], item(fourth)['Name']), ('Services', 'Services'))
        self.assertEqual(third['SalesItemLineDetail']['TaxCodeRef']['value'], 'TAX')
        self.assertEqual(fourth['SalesItemLineDetail']['TaxCodeRef']['value'], 'NON')
        self.assertEqual(
            (note['DetailType'], note['Description']), ('DescriptionOnly', 'Thank you for your trust')
        )
        self.assertIn('txnId=', move.action_fieldpromax_open()['url'])

    def test_thirty_travel_together(self):
        moves = self.env['account.move']
        for number in range(32):
            moves |= self.invoice(
                post=False, lines=[self.taxed(name=f'Job {number}', price_unit=10 + number)]
            )
        moves.action_post()
        self.run_push(self.connection)
        self.assertEqual(set(moves.mapped('fieldpromax_state')), {'sent'}, moves.mapped('fieldpromax_reason'))
        self.assertEqual(
            [row.get('batch') for row in self.writes('invoices.create')],
            [{'invoices.create': 30}, {'invoices.create': 2}],
        )
        self.quickbooks.forget_requests()
        self.run_push(self.connection)
        self.assertEqual(self.quickbooks.requests(path='/v3/'), [])

    def test_connections_are_kept_alive(self):
        """One provider serves a whole run."""
        built = []
        make = QuickBooksProvider.__init__

        def count(provider, config):
            built.append(config.allow_host)
            make(provider, config)

        for number in range(3):
            self.invoice(lines=[self.taxed(name=f'Job {number}', product_id=self.boiler_service().id)])
        with patch.object(QuickBooksProvider, '__init__', count):
            self.run_push(self.connection)
        meanwhile = type(self.connection)._allow_host_meanwhile
        talking = [allow for allow in built if allow is meanwhile]
        # itself and what is bound to the organization
        self.assertEqual(len(talking), 2)

    def test_quickbooks_gives_the_numbers(self):
        self.with_numbers_of_quickbooks()
        move = self.invoice(ref='PO 12')
        self.run_push(self.connection)
        self.assertSent(move)
        [invoice] = self.in_books(move)
        self.assertNotEqual(invoice['DocNumber'], move.name)
        self.assertEqual(self.link_of(move).external_number, invoice['DocNumber'])
        self.assertIn(invoice['DocNumber'], move.fieldpromax_headline)
        move.button_draft()
        move.action_post()
        self.run_push(self.connection)
        self.assertSent(move)

    def test_draft_setting_has_no_effect(self):
        self.connection.invoice_status = 'draft'
        self.assertFalse(self.connection.has_invoice_drafts)
        self.assertIn('has no drafts', self.connection.no_drafts_text)
        move = self.invoice()
        self.run_push(self.connection)
        self.assertSent(move)

    # === TAX === #

    def test_other_tax_there_is_reported_with_both_sums(self):
        """The customer is exempt in QuickBooks: nothing is assumed, both sums are shown."""
        partner = self.env['res.partner'].search([('name', '=', "St. Brigid's School")])
        move = self.invoice(partner=partner)
        self.run_push(self.connection)
        self.assertAttention(move, '115.00', '100.00', 'works out the sales tax itself')
        self.assertTrue(move.fieldpromax_can_retry)
        # Put right there by hand: checking again says so.
        [invoice] = self.in_books(move)
        contact = self.customer_in_books(invoice)
        self.change_books(contacts=[{'Id': contact['Id'], 'Taxable': True}])
        self.change_books(invoices=[{'Id': invoice['Id'], 'TxnTaxDetail': {'TotalTax': 15}}])
        move.action_fieldpromax_retry()
        self.run_push(self.connection)
        self.assertSent(move)

    def test_taxable_is_confirmed_once(self):
        """There is nothing to choose but taxable or not: one answer goes for every tax."""
        city = self.company_data['default_tax_sale'].copy({'name': 'City tax', 'amount': 7.3})
        fixed = self.company_data['default_tax_sale'].copy(
            {'name': 'Per piece', 'amount': 3, 'amount_type': 'fixed'}
        )
        moves = self.env['account.move']
        for tax in (city, fixed):
            moves |= self.invoice(lines=[self.taxed(name='x', tax_ids=[Command.set(tax.ids)])])
        self.run_push(self.connection)
        for move in moves:
            self.assertSent(move)
            self.assertAlmostEqual(float(self.in_books(move)[0]['TotalAmt']), move.amount_total, places=2)

    # === MAPPINGS === #

    def test_product_for_lines_without_one_is_asked_once(self):
        row = self.mappings().filtered(lambda row: row.kind == 'item')
        self.assertEqual((row.reference_id.name, row.state), ('Services', 'confirmed'))
        row.sudo().write({'state': 'suggested', 'confirmed_by_id': False})
        move, with_product = (
            self.invoice(),
            self.invoice(lines=[self.taxed(product_id=self.boiler_service().id)]),
        )
        self.run_push(self.connection)
        self.assertAttention(move, 'product for lines without product')
        self.assertSent(with_product)
        self.assertEqual(move.fieldpromax_issue_id.mapping_id, row)
        row.action_confirm()
        self.run_push(self.connection)
        self.assertSent(move)
        # Made inactive there: noticed when it is read again, and asked once more.
        self.change_books(items=[{'Name': 'Services', 'Active': False}])
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertEqual(row.state, 'missing')

    def test_new_product_needs_an_account(self):
        """The item says where its lines are booked: it is not made before that is confirmed."""
        row = self.mappings().filtered(lambda row: row.key == 'default')
        self.assertIn('4010', row.reference_id.name)
        row.sudo().write({'state': 'suggested', 'confirmed_by_id': False})
        move = self.invoice(lines=[self.taxed(product_id=self.boiler_service().id)])
        self.run_push(self.connection)
        self.assertAttention(move, 'revenue account is not confirmed')
        row.action_confirm()
        self.run_push(self.connection)
        self.assertSent(move)

    def test_terms_are_optional(self):
        odd = self.env['account.payment.term'].create(
            {
                'name': 'When the moon is full',
                'line_ids': [Command.create({'value': 'percent', 'value_amount': 100, 'nb_days': 29})],
            }
        )
        move = self.invoice(invoice_payment_term_id=odd.id)
        self.run_push(self.connection)
        self.assertSent(move)
        [invoice] = self.in_books(move)
        self.assertNotIn('SalesTermRef', invoice)
        self.assertEqual(invoice['DueDate'], str(move.invoice_date_due))
        row = self.mappings().filtered(lambda row: row.payment_term_id == odd)
        self.assertEqual((row.status, row.needs_attention), ('due_date', False))
