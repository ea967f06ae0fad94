"""From posting to the books: the way of an invoice, its refusals, and what stands on it meanwhile."""

from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.addons.fieldpromax_accounting.models.fieldpromax_connection import FieldpromaxConnection
from odoo.exceptions import UserError
from odoo.tests import tagged

from .push_common import FieldpromaxPushCommon


@tagged('post_install', '-at_install')
class TestPush(FieldpromaxPushCommon):
    # === THE STRAIGHT WAY === #

    def test_posted_invoice_arrives_whole(self):
        product = self.boiler_service()
        tax = self.company_data['default_tax_sale']
        move = self.invoice(
            ref='PO 4711',
            invoice_date_due=fields.Date.add(fields.Date.today(), days=14),
            invoice_payment_term_id=False,
            lines=[
                {
                    'product_id': product.id,
                    'quantity': 3,
                    'price_unit': 80.5,
                    'discount': 10,
                    'tax_ids': [Command.set(tax.ids)],
                },
                {
                    'name': 'Materials',
                    'quantity': 1.5,
                    'price_unit': 19.99,
                    'tax_ids': [Command.set(tax.ids)],
                },
                {'name': 'Thank you for your trust', 'display_type': 'line_note'},
            ],
        )
        self.assertEqual(move.fieldpromax_state, 'waiting', 'queued in the same transaction')
        self.assertEqual(self.in_books(move), [], 'nothing leaves before the commit')
        self.run_push(self.connection)
        self.assertSent(move)
        [invoice] = self.in_books(move)
        self.assertEqual(invoice['Status'], 'AUTHORISED')
        self.assertEqual(invoice['Type'], 'ACCREC')
        self.assertEqual(invoice['Reference'], 'PO 4711')
        self.assertEqual(invoice['CurrencyCode'], 'USD')
        self.assertIn(str(move.invoice_date_due), invoice['DueDateString'])
        self.assertAlmostEqual(float(invoice['Total']), move.amount_total, places=2)
        self.assertAlmostEqual(float(invoice['TotalTax']), move.amount_tax, places=2)
        first, second, note = invoice['LineItems']
        self.assertEqual(
            (first['ItemCode'], float(first['Quantity']), float(first['UnitAmount'])), ('BOILER', 3, 80.5)
        )
        self.assertEqual(float(first['DiscountRate']), 10)
        self.assertEqual((first['AccountCode'], first['TaxType']), ('200', 'TAX001'))
        self.assertEqual((float(second['Quantity']), float(second['UnitAmount'])), (1.5, 19.99))
        self.assertEqual(note['Description'], 'Thank you for your trust')
        contact = next(
            row for row in self.books('contacts') if row['ContactID'] == invoice['Contact']['ContactID']
        )
        self.assertEqual(
            (contact['Name'], contact['EmailAddress']), ('Harbour Café', 'office@harbour.example')
        )
        self.assertEqual(contact['ContactNumber'], self.customer._fieldpromax_number(self.connection))
        self.assertTrue(move.message_ids.filtered(lambda message: 'Sent to Xero' in (message.body or '')))
        self.assertIn('/app/', move.action_fieldpromax_open()['url'])

    def test_draft_setting_makes_drafts(self):
        self.connection.invoice_status = 'draft'
        move = self.invoice()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.in_books(move)[0]['Status'], 'DRAFT')

    def test_second_run_sends_nothing_more(self):
        move = self.invoice()
        self.run_push(self.connection)
        self.simulator.forget_requests()
        self.run_push(self.connection)
        self.assertEqual(self.simulator.requests(path='/api.xro/'), [])
        self.assertSent(move)

    def test_ready_ones_travel_together(self):
        moves = self.invoices(
            {'name': f'Job {number}', 'price_unit': 10 + number, 'tax_ids': [Command.clear()]}
            for number in range(53)
        )
        self.confirm_mappings(self.connection)
        moves.action_post()
        self.run_push(self.connection)
        self.confirm_mappings(self.connection)
        self.run_push(self.connection)
        creates = [row for row in self.simulator.requests(path='/Invoices', method='PUT')]
        self.assertEqual(len(creates), 2)
        self.assertEqual(set(moves.mapped('fieldpromax_state')), {'sent'})

    def test_known_customer_is_not_made_twice(self):
        before = len(self.books('contacts'))
        first = self.invoice()
        second = self.invoice()
        self.run_push(self.connection)
        third = self.invoice()
        self.run_push(self.connection)
        self.assertEqual(len(self.books('contacts')), before + 1)
        for move in first + second + third:
            self.assertSent(move)

    def test_child_contact_goes_as_its_company(self):
        child = self.env['res.partner'].create(
            {'name': 'Accounts payable', 'parent_id': self.customer.id, 'type': 'invoice'}
        )
        move = self.invoice(partner=child)
        self.run_push(self.connection)
        self.assertEqual(self.in_books(move)[0]['Contact']['Name'], 'Harbour Café')

    def test_tax_included_prices(self):
        tax = self.company_data['default_tax_sale'].copy(
            {'name': 'Incl 15', 'price_include_override': 'tax_included'}
        )
        move = self.invoice(
            lines=[{'name': 'All in', 'quantity': 3, 'price_unit': 19.99, 'tax_ids': [Command.set(tax.ids)]}]
        )
        self.run_push(self.connection)
        self.confirm_mappings(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.in_books(move)[0]['LineAmountTypes'], 'Inclusive')

    # === WHAT IS NOT SENT, AND WHY === #

    def test_every_document_says_why_it_is_not_sent(self):
        draft = self.invoice(post=False)
        self.assertIn('Draft invoices are never sent', draft.fieldpromax_reason)
        old = self.invoice(invoice_date='2020-01-31')
        self.assertIn('before the start date', old.fieldpromax_reason)
        refund = self.invoice(post=False, move_type='out_refund')
        self.assertIn('Draft credit notes are never sent', refund.fieldpromax_reason)
        receipt = self.invoice(move_type='out_receipt')
        self.assertIn('Receipts are not sent', receipt.fieldpromax_reason)
        kept = self.invoice(fieldpromax_do_not_sync=True)
        self.assertIn('kept out of the books', kept.fieldpromax_reason)
        franc = self.env.ref('base.CHF')
        franc.active = True
        foreign = self.invoice(currency_id=franc.id)
        self.assertIn('does not use the currency CHF', foreign.fieldpromax_reason)
        self.customer.fieldpromax_do_not_sync = True
        unwanted = self.invoice()
        self.assertIn('marked not to be synchronised', unwanted.fieldpromax_reason)
        bill = self.env['account.move'].create({'move_type': 'in_invoice', 'partner_id': self.customer.id})
        self.assertFalse(bill.fieldpromax_state)
        documents = draft | old | refund | receipt | kept | foreign | unwanted
        self.assertEqual(set(documents.mapped('fieldpromax_state')), {'not_sent'})
        self.run_push(self.connection)
        self.env['fieldpromax.exchange']._sweep(self.connection)
        self.run_push(self.connection)
        self.assertEqual(
            [
                row['InvoiceNumber']
                for row in self.books('invoices')
                if row['InvoiceNumber'] in documents.mapped('name')
            ],
            [],
        )
        self.assertEqual(
            self.env['account.move'].search(
                [('id', 'in', documents.ids), ('fieldpromax_state', '=', 'not_sent')]
            ),
            documents.sorted(),
        )

    def test_no_connection_says_so(self):
        self.connection.state = 'disconnected'
        move = self.invoice()
        self.assertEqual(
            (move.fieldpromax_state, move.fieldpromax_headline, move.fieldpromax_reason),
            ('not_sent', 'Not sent', 'No accounting software is connected.'),
        )

    def test_push_by_hand(self):
        self.connection.push_trigger = 'manual'
        old, draft = self.invoice(invoice_date='2020-01-31'), self.invoice(post=False)
        self.run_push(self.connection)
        self.assertEqual(old.fieldpromax_state, 'not_sent')
        answer = (old | draft).with_user(self.user_invoice).action_fieldpromax_push()
        self.assertIn('1 invoice is on its way', answer['params']['message'])
        self.assertIn('Draft invoices are never sent', answer['params']['message'])
        self.run_push(self.connection)
        self.assertSent(old)
        self.assertEqual(draft.fieldpromax_state, 'not_sent')
        with self.assertRaisesRegex(UserError, 'Draft invoices are never sent'):
            draft.action_fieldpromax_push()
        with self.assertRaises(UserError):
            old.with_user(self.user_employee).action_fieldpromax_push()

    def test_push_when_sent(self):
        self.connection.push_trigger = 'sent'
        move = self.invoice()
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_state, 'not_sent')
        self.assertIn('when it is sent to the customer', move.fieldpromax_reason)
        move.is_move_sent = True
        self.run_push(self.connection)
        self.assertSent(move)

    def test_sending_queues_what_was_not_pushed(self):
        self.connection.push_trigger = 'manual'
        move = self.invoice()
        self.connection.push_trigger = 'posted'
        move.is_move_sent = True
        self.assertEqual(move.fieldpromax_state, 'waiting')

    # === POSTING IS NEVER BLOCKED === #

    def test_failing_hook_lets_the_invoice_post_and_the_sweep_sends_it(self):
        with (
            patch.object(
                FieldpromaxConnection, '_active_for', side_effect=RuntimeError('our own look-up fails')
            ),
            self.assertLogs('odoo.addons.fieldpromax_accounting.models', 'ERROR'),
        ):
            move = self.invoice()
        self.assertEqual(move.state, 'posted')
        self.env.invalidate_all()
        self.assertEqual(move.fieldpromax_state, 'not_sent')
        self.env['fieldpromax.exchange']._sweep(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)

    def test_failing_sweep_is_shown_and_stops_no_other(self):
        second = self.connect('AU', user=self.user_manager_2, company=self.company_2)
        move = self.invoice()
        self.env['fieldpromax.exchange'].sudo().search([]).unlink()
        sweep, swept = type(self.env['fieldpromax.exchange'])._sweep, []

        def fails_for_the_first(model, connection):
            if connection == self.connection:
                raise RuntimeError('our own look-up fails')
            swept.append(connection)
            return sweep(model, connection)

        cron = self.env.ref('fieldpromax_accounting.ir_cron_sweep')
        issues = self.env['fieldpromax.issue'].search([('cause', '=', 'program')])
        self.assertFalse(issues)
        with (
            patch.object(type(self.env['fieldpromax.exchange']), '_sweep', fails_for_the_first),
            self.assertLogs('odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange', 'ERROR'),
        ):
            self._run_cron(cron)
            self._run_cron(cron)
        self.assertIn(second, swept)
        issue = self.env['fieldpromax.issue'].search([('cause', '=', 'program')])
        self.assertEqual(
            (issue.state, issue.connection_id), ('open', self.connection), 'one, however often it fails'
        )
        self.assertIn('within the hour', issue.remedy)
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'open', 'only the task itself knows')
        self._run_cron(cron)
        self.assertEqual(issue.state, 'solved')
        self.assertEqual(move.fieldpromax_state, 'waiting')

    def test_posted_while_disconnected_is_sent_after_reconnecting(self):
        self.connection.with_user(self.user_manager).action_disconnect()
        self.run_push(self.connection)
        # A test's clock stands still for what it creates: the consent below comes after the removal.
        removal = self.connection.sudo().exchange_ids.filtered(
            lambda exchange: exchange.kind == 'organization'
        )
        removal.done_at -= timedelta(days=1)
        move = self.invoice()
        self.assertEqual(move.fieldpromax_state, 'not_sent')
        again = self.connect('US')
        self.assertEqual(again, self.connection)
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)

    # === AFTER THE FIRST PUSH === #

    def test_posted_again_unchanged_is_sent(self):
        move = self.invoice()
        self.run_push(self.connection)
        move.button_draft()
        move.action_post()
        self.run_push(self.connection)
        self.assertSent(move)

    def test_difference_after_the_push_is_never_called_sent(self):
        provider_class = type(self.connection._provider_for('xero'))
        send = provider_class.send

        def send_with_other_total(provider, call, key):
            outcome = send(provider, call, key)
            if call.operation != 'invoice.create':
                return outcome
            from dataclasses import replace
            from decimal import Decimal

            results = tuple(
                replace(
                    result,
                    record=replace(
                        result.record,
                        totals=replace(
                            result.record.totals, total=result.record.totals.total + Decimal('0.01')
                        ),
                    ),
                )
                for result in outcome.results
            )
            return replace(outcome, results=results)

        with patch.object(provider_class, 'send', send_with_other_total):
            move = self.invoice()
            self.run_push(self.connection)
        self.assertAttention(move, '115.00', '115.01')
        self.assertEqual(
            self.env['account.move'].search_count([('id', '=', move.id), ('fieldpromax_state', '=', 'sent')]),
            0,
        )
        # Both agree after all: checking again says so.
        move.action_fieldpromax_retry()
        self.run_push(self.connection)
        self.assertSent(move)

    # === ISSUES AND CURES === #

    def test_missing_mapping_is_named_and_its_cure_is_noticed(self):
        other_tax = self.company_data['default_tax_sale'].copy({'name': 'City tax 7.3 %', 'amount': 7.3})
        moves = self.env['account.move']
        for _number in range(2):
            moves |= self.invoice(
                lines=[{'name': 'x', 'price_unit': 10, 'tax_ids': [Command.set(other_tax.ids)]}]
            )
        self.run_push(self.connection)
        for move in moves:
            self.assertAttention(move, 'City tax 7.3 %')
        issue = moves.fieldpromax_issue_id
        self.assertEqual((len(issue), issue.held_count), (1, 2))
        self.assertFalse(issue.can_retry, 'trying again cannot help before it is mapped')
        with self.assertRaisesRegex(UserError, 'cannot help'):
            moves.action_fieldpromax_retry()
        mapping = issue.mapping_id
        mapping.reference_id = self.env['fieldpromax.reference'].search(
            [('connection_id', '=', self.connection.id), ('external_id', '=', 'TAX002')]
        )
        mapping.action_confirm()
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'solved', 'closed unasked')
        self.assertEqual(set(moves.mapped('fieldpromax_state')), {'sent'})

    def test_refusal_shows_the_providers_own_words(self):
        self.simulator.control(
            'POST', '/_sim/organisations/US', {'accounts': [{'Code': '200', 'Status': 'ARCHIVED'}]}
        )
        move = self.invoice()
        self.run_push(self.connection)
        self.assertAttention(move, 'Account code')
        issue = move.fieldpromax_issue_id
        self.assertTrue(issue.can_retry)
        self.assertEqual(self.in_books(move), [])
        # An untouched refusal is not sent again and again.
        self.simulator.forget_requests()
        self.run_push(self.connection)
        self.assertEqual(self.simulator.requests(path='/Invoices', method='PUT'), [])
        # Another account is chosen: noticed and sent, and the issue closes unasked.
        mapping = self.env['fieldpromax.mapping'].search(
            [('connection_id', '=', self.connection.id), ('kind', '=', 'account'), ('key', '=', 'default')]
        )
        mapping.reference_id = self.env['fieldpromax.reference'].search(
            [('connection_id', '=', self.connection.id), ('code', '=', '260'), ('kind', '=', 'account')]
        )
        mapping.action_confirm()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(issue.state, 'solved')

    def test_one_refused_invoice_does_not_hold_up_the_others(self):
        # Sent without being looked for, so that it is Xero who refuses it.
        self.connection.looks_for_twins = False
        good, bad = self.invoice(), self.invoice()
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {
                'invoices': [
                    {
                        'Type': 'ACCREC',
                        'InvoiceNumber': bad.name,
                        'Contact': {'Name': 'Somebody Else'},
                        'Status': 'DRAFT',
                    }
                ]
            },
        )
        self.run_push(self.connection)
        self.assertSent(good)
        self.assertAttention(bad, 'unique')

    def test_ambiguous_customer_waits_for_review(self):
        contact = next(
            row
            for row in self.books('contacts')
            if row.get('EmailAddress') and row['ContactStatus'] == 'ACTIVE'
        )
        namesake = self.env['res.partner'].create({'name': contact['Name'], 'email': 'other@example.com'})
        before = len(self.books('contacts'))
        move = self.invoice(partner=namesake)
        self.run_push(self.connection)
        self.assertAttention(move, 'match review')
        self.assertEqual(len(self.books('contacts')), before, 'nothing is created on an ambiguous match')
        self.assertEqual(self.exchange_of(namesake).state, 'blocked')

    def test_corrected_customer_is_noticed(self):
        self.customer.name = 'Two  spaces <and> brackets'
        move = self.invoice()
        self.run_push(self.connection)
        self.assertAttention(move)
        issue = move.fieldpromax_issue_id
        self.customer.name = 'Two spaces and no brackets'
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(issue.state, 'solved')

    def test_archived_customer_is_recognised_before_the_invoice_fails(self):
        first = self.invoice()
        self.run_push(self.connection)
        self.assertSent(first)
        self.link_of(self.customer).sudo().external_active = False
        move = self.invoice()
        self.run_push(self.connection)
        self.assertAttention(move, 'archived')

    # === LISTS === #

    def test_more_invoices_are_described_by_as_many_queries(self):
        """A list of 80 must not ask the database for each what holds for all."""
        drafts, sent, reset, differing, waiting, blocked = (
            self.env['account.move'].create([self._invoice_values() for _number in range(6)])
            for _state in range(6)
        )
        (sent + reset + differing).action_post()
        self.run_push(self.connection)
        reset.button_draft()
        for move in differing:
            self.link_of(move).sudo().is_differing = True
        (waiting + blocked).action_post()
        for move in blocked:
            self.exchange_of(move).write({'state': 'blocked', 'reason': 'The books refused it.'})
        for what, state, moves in (
            ('drafts', 'not_sent', drafts),
            ('sent', 'sent', sent),
            ('reset to draft', 'attention', reset),
            ('changed in the books', 'attention', differing),
            ('waiting', 'waiting', waiting),
            ('blocked', 'attention', blocked),
        ):
            with self.subTest(what):
                self.assertEqual(set(moves.mapped('fieldpromax_state')), {state})
                self.assertLessEqual(self._statements(moves), self._statements(moves[0]))

    def _statements(self, moves):
        """How many the list of these takes, with what is cached for good in the cache."""
        for _time in range(2):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            moves.read(
                ['fieldpromax_state', 'fieldpromax_reason', 'fieldpromax_headline', 'fieldpromax_can_push']
            )
        return self.env.cr.sql_log_count - before

    def test_search_agrees_with_what_is_shown(self):
        sent = self.invoice()
        self.run_push(self.connection)
        waiting = self.invoice()
        draft = self.invoice(post=False)
        reset = self.invoice()
        self.run_push(self.connection)
        reset.button_draft()
        waiting_again = self.invoice()
        moves = sent | waiting | draft | reset | waiting_again
        for state in ('sent', 'waiting', 'attention', 'not_sent', 'sending', 'retrying'):
            found = self.env['account.move'].search(
                [('id', 'in', moves.ids), ('fieldpromax_state', '=', state)]
            )
            self.assertEqual(
                found,
                moves.filtered(lambda move, state=state: move.fieldpromax_state == state).sorted(),
                state,
            )
        link = self.link_of(sent)
        self.assertEqual(
            self.env['account.move'].search([('fieldpromax_external_id', '=', link.external_id)]), sent
        )

    # === RECORDS THAT GO AWAY === #

    def test_deleted_customer_does_not_stop_the_driver(self):
        customer = self.env['res.partner'].create({'name': 'Short lived'})
        self.env['fieldpromax.exchange']._enqueue(self.connection, 'contact', customer)
        customer.unlink()
        move = self.invoice()
        self.run_push(self.connection)
        self.assertSent(move)
        exchange = self.env['fieldpromax.exchange'].search([('record_name', '=', 'Short lived')])
        self.assertEqual(exchange.state, 'cancelled')
        self.assertIn('was deleted', exchange.reason)

    def test_partner_merge_keeps_one_link(self):
        twin = self.env['res.partner'].create({'name': 'Harbour Cafe Ltd', 'email': 'twin@harbour.example'})
        for partner in (self.customer, twin):
            self.invoice(partner=partner)
        self.run_push(self.connection)
        kept, lost = self.link_of(self.customer), self.link_of(twin)
        self.assertTrue(kept and lost)
        self.env['base.partner.merge.automatic.wizard']._merge((self.customer | twin).ids, self.customer)
        self.assertEqual(self.link_of(self.customer), kept)
        self.assertFalse(lost.partner_id)
        self.assertEqual(lost.decision, 'ignore', 'what the other one is in the books stays known')

    def test_partner_merge_takes_over_the_only_link(self):
        self.invoice()
        self.run_push(self.connection)
        link = self.link_of(self.customer)
        survivor = self.env['res.partner'].create({'name': 'Survivor'})
        waiting = self.env['res.partner'].create({'name': 'Waiting twin'})
        self.env['fieldpromax.exchange']._enqueue(self.connection, 'contact', survivor | waiting)
        self.env['base.partner.merge.automatic.wizard']._merge(
            (self.customer | survivor | waiting).ids, survivor
        )
        self.assertEqual(link.partner_id, survivor)
