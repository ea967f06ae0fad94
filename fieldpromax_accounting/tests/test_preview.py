"""What the books will show of an invoice, what would stop it, and dates in a closed period."""

from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


class PreviewCommon:
    def preview(self, move, user=None):
        action = move.with_user(user or self.user_invoice).action_fieldpromax_preview()
        return self.env['fieldpromax.preview'].browse(action['res_id']).with_user(user or self.user_invoice)

    def written(self):
        """How many rows there are of what the push writes."""
        return {
            model: self.env[model].sudo().search_count([])
            for model in (
                'fieldpromax.exchange',
                'fieldpromax.mapping',
                'fieldpromax.issue',
                'fieldpromax.link',
                'fieldpromax.match',
                'fieldpromax.call',
                'fieldpromax.run',
            )
        }


@tagged('post_install', '-at_install')
class TestPreview(PreviewCommon, FieldpromaxPushCommon):
    def test_all_that_stops_it_is_told_at_once(self):
        tax = self.company_data['default_tax_sale'].copy({'name': 'Odd tax', 'amount': 13.37})
        self.env.cr.execute(
            "UPDATE fieldpromax_mapping SET state = 'missing' WHERE key = 'default' AND connection_id = %s",
            [self.connection.id],
        )
        self.env.invalidate_all()
        self.customer.email = 'no address'
        move = self.invoice(
            post=False,
            invoice_date='2020-01-31',
            fieldpromax_do_not_sync=True,
            lines=[{'name': 'Call-out', 'price_unit': 10, 'tax_ids': [Command.set(tax.ids)]}],
        )
        self.connection.organization_lock_date = '2020-06-30'
        before = self.written()
        preview = self.preview(move)
        for sentence in (
            'kept out of the books',
            f'before the start date {self.connection.start_date:%m/%d/%Y}',
            'The books are closed up to 06/30/2020',
            'revenue account is not confirmed',
            'Odd tax',
            'no address',
        ):
            self.assertIn(sentence, preview.stops_html)
        self.assertNotIn('Draft invoices are never sent', preview.stops_html)
        self.assertNotIn('False', preview.stops_html)
        self.assertIn('nothing is sent until it is confirmed', preview.notes_html)
        self.assertEqual((preview.line_ids.account, preview.line_ids.tax), ('Not settled', 'Not settled'))
        self.assertEqual(self.written(), before, 'looking writes nothing')

    def test_preview_is_what_arrives(self):
        product = self.boiler_service()
        tax = self.company_data['default_tax_sale']
        move = self.invoice(
            post=False,
            ref='PO 4711',
            invoice_payment_term_id=self.env.ref('account.account_payment_term_30days').id,
            lines=[
                {
                    'product_id': product.id,
                    'quantity': 3,
                    'price_unit': 80.5,
                    'discount': 10,
                    'tax_ids': [Command.set(tax.ids)],
                },
                {'name': 'Thank you', 'display_type': 'line_note'},
            ],
        )
        # What a form may have stored before there were lines.
        self.env.flush_all()
        self.env.cr.execute(
            'UPDATE account_move SET invoice_date_due = %s WHERE id = %s', [fields.Date.today(), move.id]
        )
        self.env.invalidate_all()
        self.simulator.forget_requests()
        before = self.written()
        preview = self.preview(move)
        self.assertEqual(self.written(), before)
        self.assertEqual(self.simulator.requests(path='/'), [], 'nobody was asked')
        self.assertFalse(preview.stops_html)
        self.assertEqual(preview.number, 'Given when it is confirmed')
        self.assertIn('"Harbour Café" is not in Xero yet', preview.notes_html)
        self.assertIn('"Boiler service" is not in Xero yet', preview.notes_html)
        first, note = preview.line_ids
        self.assertEqual(
            (first.item, first.quantity, first.unit_price, first.discount), ('BOILER', '3.00', '80.50', 10)
        )
        self.assertTrue(note.is_text)
        move.action_post()
        self.assertEqual(preview.due_date, move.invoice_date_due)
        self.run_push(self.connection)
        self.assertSent(move)
        [arrived] = self.in_books(move)
        self.assertEqual(arrived['Contact']['Name'], preview.contact)
        self.assertEqual(arrived['Reference'], preview.reference)
        self.assertAlmostEqual(float(arrived['Total']), preview.total)
        self.assertAlmostEqual(float(arrived['TotalTax']), preview.tax)
        line = arrived['LineItems'][0]
        self.assertAlmostEqual(float(line['LineAmount']), first.amount)
        self.assertTrue(first.account.startswith(line['AccountCode'] + ' '), first.account)
        self.assertIn('15 %', first.tax)
        sent = self.preview(move)
        self.assertIn('It is in Xero already', sent.notes_html)
        self.assertFalse(sent.stops_html)

    def test_customer_that_waits_for_a_decision(self):
        known = next(row for row in self.books('contacts') if row['ContactStatus'] == 'ACTIVE')
        twins = self.env['res.partner'].create([{'name': known['Name'], 'is_company': True}] * 2)
        move = self.invoice(post=False, partner=twins[0])
        self.assertIn('waits for match review', self.preview(move).stops_html)

    def test_what_the_books_refused_stands_in_the_preview(self):
        move = self.invoice()
        exchange = self.exchange_of(move)
        exchange.write({'state': 'blocked', 'reason': 'Xero: "Refused for a reason of its own"'})
        self.assertIn('Refused for a reason of its own', self.preview(move).stops_html)

    def test_totals_that_differ_stand_beside_each_other(self):
        move = self.invoice(
            lines=[{'name': 'Tiny', 'quantity': 3, 'price_unit': 1, 'tax_ids': [Command.clear()]}]
        )
        self.confirm_mappings(self.connection)
        self.env.cr.execute(
            'UPDATE account_move SET amount_untaxed = 3.5, amount_total = 3.5 WHERE id = %s', [move.id]
        )
        self.env.invalidate_all()
        preview = self.preview(move)
        self.assertTrue(preview.differs)
        self.assertEqual((preview.total, preview.own_total), (3.0, 3.5))
        self.assertIn('Xero would compute other totals', preview.stops_html)

    def test_who_may_look(self):
        move = self.invoice(post=False)
        with self.assertRaises(UserError):
            self.preview(move, self.user_employee)
        preview = self.preview(move)
        with self.assertRaises(AccessError):
            preview.with_user(self.user_bookkeeper).read(['contact'])
        foreign = (
            self.env['account.move']
            .with_company(self.company_2)
            .create(
                {'move_type': 'out_invoice', 'partner_id': self.customer.id, 'company_id': self.company_2.id}
            )
        )
        with self.assertRaises(AccessError):
            self.preview(foreign)
        with self.assertRaisesRegex(UserError, 'Receipts are not sent'):
            self.preview(self.invoice(post=False, move_type='out_receipt'))
        self.connection.state = 'disconnected'
        with self.assertRaisesRegex(UserError, 'No accounting software is connected'):
            self.preview(move)

    # === CLOSED PERIODS === #

    def test_draft_in_a_closed_period_warns_before_it_is_posted(self):
        # The day that an undated draft gets when it is confirmed: the person's, not the server's.
        today = fields.Date.context_today(self.connection)
        self.connection.start_date = today - timedelta(days=90)
        self.connection.organization_lock_date = today - timedelta(days=10)
        closed = self.invoice(post=False, invoice_date=today - timedelta(days=10))
        is_open = self.invoice(post=False, invoice_date=today - timedelta(days=9))
        undated = self.invoice(post=False, invoice_date=False)
        self.assertIn('next open date', closed.fieldpromax_period_text)
        self.assertFalse(is_open.fieldpromax_period_text)
        self.assertFalse(undated.fieldpromax_period_text)
        closed.fieldpromax_do_not_sync = True
        self.assertFalse(closed.fieldpromax_period_text, 'it is not sent anyway')
        self.connection.organization_lock_date = today
        undated.invalidate_recordset(['fieldpromax_period_text'])
        self.assertIn('next open date', undated.fieldpromax_period_text)
        preview = self.preview(undated)
        self.assertIn('Date it ', preview.stops_html)
        self.assertNotIn('Reset it to draft', preview.stops_html)

    def test_closed_period_becomes_an_issue_with_the_next_open_date(self):
        today = fields.Date.today()
        day = today - timedelta(days=10)
        self.connection.start_date = today - timedelta(days=90)
        self.connection.organization_lock_date = day
        move = self.invoice(invoice_date=day)
        self.simulator.forget_requests()
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_state, 'attention')
        issue = move.fieldpromax_issue_id
        self.assertEqual(issue.cause, 'period_locked')
        self.assertIn((day + timedelta(days=1)).strftime('%m/%d/%Y'), issue.remedy)
        self.assertIn('Reset it to draft', issue.remedy)
        self.assertEqual(move.invoice_date, day, 'never another date')
        self.assertEqual(self.simulator.requests(path='/Invoices', method='PUT'), [])
        # The period was opened there (the simulator's is): a person has it read from the issue.
        with self.assertRaises(AccessError):
            issue.with_user(self.user_invoice).action_read_again()
        issue.with_user(self.user_bookkeeper).action_read_again()
        self.run_pull(self.connection)
        self.assertFalse(self.connection.organization_lock_date)
        self.run_push(self.connection)
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(issue.state, 'solved')

    def test_period_closed_meanwhile(self):
        """Xero refuses; the lock date is read, and the issue then names the next open date."""
        today = fields.Date.today()
        day = today - timedelta(days=10)
        self.connection.start_date = today - timedelta(days=90)
        move = self.invoice(invoice_date=day)
        self.simulator.control('POST', '/_sim/organisations/US', self.locked(day))
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_state, 'attention')
        self.assertIn('lock date', move.fieldpromax_reason)
        self.run_pull(self.connection)
        self.assertEqual(self.connection.organization_lock_date, day, 'the later one of the two')
        self.run_push(self.connection)
        self.run_push(self.connection)
        issue = move.fieldpromax_issue_id
        self.assertEqual(issue.cause, 'period_locked')
        self.assertIn((day + timedelta(days=1)).strftime('%m/%d/%Y'), issue.remedy)
        self.assertEqual(move.invoice_date, day)

    def locked(self, day):
        return {
            'PeriodLockDate': str(day),
            'EndOfYearLockDate': str(day - timedelta(days=300)),
        }


@tagged('post_install', '-at_install')
class TestQuickBooksPreview(PreviewCommon, QuickBooksPushCommon):
    def test_discount_is_in_the_price(self):
        move = self.invoice(lines=[self.taxed(name='Call-out', quantity=3, price_unit=33.33, discount=10)])
        self.confirm_mappings(self.connection)
        preview = self.preview(move)
        self.assertFalse(preview.stops_html)
        line = preview.line_ids
        self.assertEqual(
            (line.quantity, line.unit_price, line.discount, line.amount), ('3.00', '29.997', 0, 89.99)
        )
        self.assertEqual(line.item, 'Services')
        self.assertFalse(preview.shows_discount)
        self.assertFalse(preview.shows_account)
        self.assertIn('booked on the income account that its product has', preview.notes_html)
        self.run_push(self.connection)
        self.assertSent(move)
        [arrived] = self.in_books(move)
        detail = arrived['Line'][0]['SalesItemLineDetail']
        self.assertEqual((float(detail['Qty']), float(detail['UnitPrice'])), (3, 29.997))

    def test_closed_period(self):
        today = fields.Date.today()
        day = today - timedelta(days=10)
        self.connection.start_date = today - timedelta(days=90)
        move = self.invoice(invoice_date=day, lines=[self.taxed(name='Call-out')])
        self.confirm_mappings(self.connection)
        self.change_books(self.books_of, BookCloseDate=str(day))
        self.run_push(self.connection)
        self.assertIn('The period is closed in QuickBooks Online', move.fieldpromax_reason)
        self.run_pull(self.connection)
        self.assertEqual(self.connection.organization_lock_date, day)
        self.run_push(self.connection)
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_issue_id.cause, 'period_locked')
        self.assertIn('The books are closed up to', self.preview(move).stops_html)
