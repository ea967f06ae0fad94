"""A payment that is entered in the books is registered in Odoo, exactly once, or a person is told why not."""

from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .payment_common import QuickBooksPayments, XeroPayments
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


class BooksPaymentsMixin:
    def arrange_more(self):
        result = super().arrange_more()
        self.payment_mapping(self.bank).owner = 'books'
        return result

    def days_ago(self, days):
        return fields.Date.to_string(fields.Date.today() - timedelta(days=days))

    def kept(self, external_id):
        return self.env['fieldpromax.books.payment'].sudo().search([('external_id', '=', external_id)])

    def payments_of(self, move):
        return self.settlements(move).filtered('amount').payment_id

    def assertHeld(self, external_id, cause, *words):
        row = self.kept(external_id)
        self.assertEqual((row.state, row.issue_id.state), ('attention', 'open'), row.reason)
        self.assertEqual(row.issue_id.cause, f'books_payment_{cause}')
        told = f'{row.issue_id.title} {row.issue_id.reason} {row.issue_id.remedy}'
        for word in words:
            self.assertIn(word, told)
        return row.issue_id


@tagged('post_install', '-at_install')
class TestXeroBooksPayments(BooksPaymentsMixin, XeroPayments, FieldpromaxPushCommon):
    def test_what_stands_in_the_way_is_told_and_cured(self):
        overpaid, locked, draft, elsewhere, ours = (self.invoice() for _time in range(5))
        self.run_push(self.connection)
        self.pay(overpaid, 100.0, payment_date=self.days_ago(9))
        draft.button_draft()
        self.company.fiscalyear_lock_date = fields.Date.today() - timedelta(days=20)
        keys = {
            'overpays': self.pay_there(overpaid, '40'),
            'period': self.pay_there(locked, '115', date=self.days_ago(30)),
            'invoice': self.pay_there(draft, '115'),
            'no_journal': self.pay_there(elsewhere, '115', account='091'),
        }
        before = self.env['account.payment'].search_count([])
        self.run_pull(self.connection)
        self.assertEqual(self.env['account.payment'].search_count([]), before, 'nothing is written')
        issues = {cause: self.assertHeld(key, cause) for cause, key in keys.items()}
        self.assertEqual(issues['invoice'].move_id, draft)
        self.assertIn('is not posted', issues['invoice'].title)
        # A journal whose payments are entered in Odoo: told once, whatever comes.
        self.payment_mapping(self.bank).owner = 'odoo'
        first = self.pay_there(ours, '15')
        second = self.pay_there(ours, '10')
        self.run_pull(self.connection)
        issue = self.assertHeld(first, 'ours', 'bank statement', 'Mappings')
        self.assertEqual(self.assertHeld(second, 'ours'), issue)
        self.run_pull(self.connection)
        self.assertEqual(issue.state, 'open')
        # Cured, each in its own way: noticed by the next pull.
        self.payment_mapping(self.bank).owner = 'books'
        self.company.fiscalyear_lock_date = False
        draft.action_post()
        self.map_journal(self.cash, '091')
        self.payment_mapping(self.cash).owner = 'books'
        self.unreconcile(overpaid)
        self.run_pull(self.connection)
        for move, amount in (
            (overpaid, 40.0),
            (locked, 115.0),
            (draft, 115.0),
            (elsewhere, 115.0),
            (ours, 25.0),
        ):
            self.assertEqual(sum(self.payments_of(move).mapped('amount')), amount, move.name)
            self.assertEqual(move.amount_residual, 115.0 - amount)
        self.assertEqual(set((issue | self.issues_of(issues)).mapped('state')), {'solved'})
        self.assertEqual(
            self.payments_of(locked).date, fields.Date.to_date(self.days_ago(30)), 'never dated otherwise'
        )
        self.assertEqual(self.payments_of(elsewhere).journal_id, self.cash)

    def issues_of(self, issues):
        return self.env['fieldpromax.issue'].union(*issues.values())

    def test_part_and_rest_once_and_never_sent_back(self):
        move = self.sent_invoice()
        key = self.pay_there(move, '15', reference='CHQ 7')
        link = self.link_of(move).sudo()
        link.move_id = False
        self.run_pull(self.connection)
        self.assertEqual(self.kept(key).state, 'foreign')
        link.move_id = move
        self.run_pull(self.connection)
        self.assertEqual(self.kept(key).state, 'done', 'an invoice that was linked since')
        payment = self.payments_of(move)
        self.assertEqual((payment.amount, payment.journal_id, payment.memo), (15.0, self.bank, 'CHQ 7'))
        self.assertIn(payment.state, ('in_process', 'paid'))
        self.assertEqual((move.payment_state, move.amount_residual), ('partial', 100.0))
        self.assertEqual(move.fieldpromax_paid_text, 'Paid in Xero: $\xa015.00 of $\xa0115.00.')
        settlement = self.settlements(move)
        self.assertEqual((settlement.origin, settlement.is_made), ('books', True))
        calls = len(self.env['fieldpromax.call'].search([]))
        for _time in range(2):
            self.env['fieldpromax.checkpoint'].sudo().search([('kind', '=', 'payment')]).since = False
            self.run_pull(self.connection)
            self.run_push(self.connection)
        self.assertEqual(self.payments_of(move), payment, 'read again, it is made once')
        self.assertEqual(len(self.env['fieldpromax.call'].search([])), calls, 'it is not sent back')
        self.assertPaidThere(move, 15.0)
        self.pay_there(move, '100')
        self.run_pull(self.connection)
        self.assertEqual(move.payment_state, 'paid')
        self.assertEqual(self.link_of(move).external_due, 0)
        self.assertEqual(self.link_of(move).external_status, 'paid')

    def test_entered_on_both_sides_is_linked(self):
        self.connection.write({'push_payments': False})
        same, early, sent = (self.invoice() for _time in range(3))
        self.run_push(self.connection)
        payments = self.pay(same, 60.0) | self.pay(early, 60.0, payment_date=self.days_ago(8))
        near = self.pay_there(same, '60', date=self.days_ago(4))
        late = self.pay_there(early, '60')
        self.run_pull(self.connection)
        settlement = self.settlements(same)
        self.assertEqual((settlement.external_id, settlement.origin), (near, 'books'))
        self.assertEqual(settlement.payment_id, payments[0])
        self.assertHeld(late, 'overpays')
        # What we sent is known by its id.
        self.connection.write({'push_payments': True})
        self.payment_mapping(self.bank).owner = 'odoo'
        payment = self.pay(sent)
        self.run_push(self.connection)
        self.assertPaidThere(sent, 115.0)
        self.run_pull(self.connection)
        self.assertEqual(self.payments_of(sent), payment)

    def test_removed_there_is_followed(self):
        move, kept, ours = (self.invoice() for _time in range(3))
        self.run_push(self.connection)
        gone, matched = self.pay_there(move, '115'), self.pay_there(kept, '115')
        self.run_pull(self.connection)
        payment, held = self.payments_of(move), self.payments_of(kept)
        self.company.fiscalyear_lock_date = fields.Date.today()
        self.unpay_there(matched)
        self.run_pull(self.connection)
        self.assertHeld(matched, 'removed_there')
        self.assertNotEqual(held.state, 'canceled')
        self.company.fiscalyear_lock_date = False
        self.unpay_there(gone)
        self.run_pull(self.connection)
        for one, invoice in ((payment, move), (held, kept)):
            self.assertEqual((one.state, invoice.payment_state), ('canceled', 'not_paid'))
            self.assertIn('removed in Xero', ' '.join(one.message_ids.mapped('body')))
            self.assertEqual(self.link_of(invoice).external_status, 'approved', 'known at once')
            self.assertEqual(self.link_of(invoice).external_due, 115.0)
        # One that was entered here and sent stays, and a person is asked.
        self.payment_mapping(self.bank).owner = 'odoo'
        self.pay(ours)
        self.run_push(self.connection)
        key = self.settlements(ours).external_id
        self.unpay_there(key)
        self.run_pull(self.connection)
        issue = self.assertHeld(key, 'removed_there', 'Send it again')
        issue.with_user(self.user_bookkeeper).action_send_payment_again()
        self.run_push(self.connection)
        self.assertPaidThere(ours, 115.0)
        self.run_pull(self.connection)
        self.assertEqual(issue.state, 'solved')

    def test_removed_here_asks_and_does_not_come_back(self):
        again, away, left = (self.invoice() for _time in range(3))
        self.run_push(self.connection)
        keys = {move: self.pay_there(move, '115') for move in (again, away, left)}
        self.run_pull(self.connection)
        self.payments_of(again).action_cancel()
        self.unreconcile(away)
        self.payments_of(left).action_cancel()
        self.run_push(self.connection)
        issues = {move: self.assertHeld(key, 'removed_here') for move, key in keys.items()}
        self.run_pull(self.connection)
        self.assertFalse(self.payments_of(again), 'nothing comes back by itself')
        self.assertEqual(set(self.issues_of(issues).mapped('state')), {'open'})
        with self.assertRaisesRegex(Exception, 'bookkeeper'):
            issues[again].with_user(self.user_invoice).action_take_again()
        issues[again].with_user(self.user_bookkeeper).action_take_again()
        issues[away].with_user(self.user_bookkeeper).action_remove_there()
        issues[left].with_user(self.user_bookkeeper).action_leave_there()
        self.run_push(self.connection)
        self.run_pull(self.connection)
        self.assertEqual(again.payment_state, 'paid')
        self.assertPaidThere(again, 115.0)
        self.assertPaidThere(away)
        self.assertPaidThere(left, 115.0)
        self.assertEqual(left.payment_state, 'not_paid')
        self.assertEqual(set(self.issues_of(issues).mapped('state')), {'solved'})
        self.assertEqual(self.kept(keys[left]).state, 'left')

    def test_second_currency_at_the_rate_of_the_books(self):
        euro = self.env.ref('base.EUR')
        euro.active = True
        self.env['res.currency.rate'].search([('currency_id', '=', euro.id)]).unlink()
        self.env['res.currency.rate'].create(
            {'name': '2020-01-01', 'currency_id': euro.id, 'rate': 0.8, 'company_id': self.company.id}
        )
        move = self.sent_invoice(currency_id=euro.id)
        self.pay_there(move, '115')
        self.run_pull(self.connection)
        self.assertIn(move.payment_state, ('paid', 'in_payment'))
        payment = self.payments_of(move)
        self.assertEqual((payment.currency_id, payment.amount), (euro, 115.0))
        rate = self.kept(self.settlements(move).external_id).rate
        liquidity = payment.move_id.line_ids.filtered(lambda line: line.debit)
        self.assertAlmostEqual(sum(liquidity.mapped('balance')), round(115.0 / rate, 2), 2)

    def test_switched_off_and_what_goes_wrong(self):
        self.connection.write({'pull_payments': False})
        move = self.sent_invoice()
        key = self.pay_there(move, '115')
        self.run_pull(self.connection)
        self.assertFalse(self.kept(key))
        self.connection.write({'pull_payments': True})
        with (
            mute_logger('odoo.addons.fieldpromax_accounting.models.fieldpromax_books_payment'),
            self.breaking('fieldpromax.books.payment', '_make_payment'),
        ):
            self.run_pull(self.connection)
        issue = self.assertHeld(key, 'refused', 'server log')
        self.assertFalse(self.payments_of(move))
        issue.with_user(self.user_bookkeeper).action_retry()
        self.run_pull(self.connection)
        self.assertEqual(move.payment_state, 'paid')
        # Should two pulls ever run at once, in spite of the connection's lock, the database refuses the second one.
        with (
            self.assertRaises(IntegrityError),
            mute_logger('odoo.sql_db'),
            self.env.cr.savepoint(),
        ):
            self.kept(key).copy()
        for user in (self.user_portal, self.user_employee, self.user_invoice):
            self.assertFalse(self.env['fieldpromax.books.payment'].with_user(user).has_access('read'))
        rows = self.env['fieldpromax.books.payment']
        self.assertTrue(rows.with_user(self.user_bookkeeper).search([]))
        self.assertFalse(rows.with_user(self.user_bookkeeper_2).search([]))
        settlements = self.env['fieldpromax.settlement']
        self.assertFalse(settlements.with_user(self.user_bookkeeper_2).search([]))
        self.assertFalse(settlements.with_user(self.user_portal).has_access('read'))
        own = settlements.with_user(self.user_invoice).search([('move_id', '=', move.id)])
        self.assertEqual(own.state, 'agreed')
        for user in (self.user_invoice, self.user_bookkeeper, self.user_manager):
            self.assertFalse(settlements.with_user(user).has_access('write'))

    def test_refunds_and_what_is_no_payment_are_named(self):
        """What travels in neither direction says so on the document, with what to do."""
        written, settled = self.invoice(), self.invoice()
        note = self.invoice(move_type='out_refund')
        self.run_push(self.connection)
        self.assertSent(written)
        # Early payment discount, bank fee, small difference: refused as a payment, with its name.
        self.payment_mapping(self.bank).owner = 'odoo'
        self.pay(
            written,
            110.0,
            payment_difference_handling='reconcile',
            writeoff_account_id=self.company_data['default_account_expense'].id,
        )
        self.pay(note, payment_method_line_id=self.bank.outbound_payment_method_line_ids[:1].id)
        self.run_push(self.connection)
        self.assertIn('written off', self.payment_exchange(written).issue_id.title)
        self.assertFalse(self.payments_there(), 'neither is sent')
        self.assertIn(
            'refund of $\xa0115.00 that was paid out is not sent to Xero', note.fieldpromax_settled_text
        )
        # In the books it is settled by something that is no payment: a credit note that was made there alone.
        contact = self.there(settled)['Contact']['ContactID']
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {
                'credit_notes': [
                    {
                        'CreditNoteNumber': 'THERE-1',
                        'Type': 'ACCRECCREDIT',
                        'Status': 'AUTHORISED',
                        'Date': fields.Date.to_string(fields.Date.today()),
                        'Contact': {'ContactID': contact},
                        'LineAmountTypes': 'NoTax',
                        'LineItems': [
                            {'Description': 'Discount', 'Quantity': 1, 'UnitAmount': 15, 'AccountCode': '200'}
                        ],
                    },
                    {
                        'CreditNoteNumber': 'THERE-1',
                        'action': 'allocate',
                        'invoice': settled.name,
                        'amount': 15,
                    },
                ]
            },
        )
        self.env['fieldpromax.link']._ask_for_audit(self.connection)
        self._run_cron(self.env.ref('fieldpromax_accounting.ir_cron_audit'))
        self.assertEqual(self.link_of(settled).external_due, 100.0)
        self.assertIn(
            '$\xa015.00 of it is settled in Xero by something else', settled.fieldpromax_settled_text
        )
        self.assertFalse(written.fieldpromax_settled_text, 'an issue tells of it')

    def test_online_payment(self):
        """A customer pays by Odoo's demo provider; the money comes with a statement line later."""
        move = self.sent_invoice()
        self.payment_mapping(self.bank).owner = 'odoo'
        demo = self.env.ref('payment.payment_provider_demo').sudo()
        self.assertEqual(demo.code, 'demo', 'The test wants the addon payment_demo.')
        provider = demo.copy({'company_id': self.company.id, 'state': 'test'})
        provider.journal_id = self.bank
        transaction = (
            self.env['payment.transaction']
            .sudo()
            .create(
                {
                    'provider_id': provider.id,
                    'payment_method_id': provider.payment_method_ids[:1].id,
                    'reference': f'{move.name}-online',
                    'amount': move.amount_residual,
                    'currency_id': move.currency_id.id,
                    'partner_id': move.partner_id.id,
                    'operation': 'online_direct',
                    'invoice_ids': [Command.set(move.ids)],
                }
            )
        )
        transaction.action_demo_set_done()
        transaction._post_process()
        payment = transaction.payment_id
        self.assertEqual((transaction.state, payment.move_id.state), ('done', 'posted'))
        self.assertFalse(self.paid_there(move), 'nobody who pays online waits for the books')
        self.run_push(self.connection)
        self.assertPaidThere(move, 115.0)
        self.assertTrue(self.is_paid_there(move))
        self.run_pull(self.connection)
        self.assertEqual(self.payments_of(move), payment)
        self.assertEqual(move.fieldpromax_paid_text, 'Paid in Xero: $\xa0115.00.')
        # The provider pays out: the statement line settles the payment, which the books know already.
        calls = len(self.env['fieldpromax.call'].search([]))
        line = self.statement_line(115.0)
        _liquidity, suspense, _others = line._seek_for_lines()
        outstanding, _receivable, _rest = payment._seek_for_lines()
        suspense.account_id = outstanding.account_id
        (suspense | outstanding).reconcile()
        self.run_push(self.connection)
        self.assertEqual(len(self.env['fieldpromax.call'].search([])), calls)
        self.assertPaidThere(move, 115.0)


@tagged('post_install', '-at_install')
class TestQuickBooksBooksPayments(BooksPaymentsMixin, QuickBooksPayments, QuickBooksPushCommon):
    def pay_several(self, parts, **values):
        paid = [{'DocNumber': move.name, 'amount': amount} for move, amount in parts]
        return self.change_books(self.books_of, payments=[{'invoices': paid, 'account': '1', **values}])[
            'payments'
        ][0]

    def test_one_over_several_changed_and_removed(self):
        first, second, third = (self.invoice() for _time in range(3))
        self.run_push(self.connection)
        key = self.pay_several([(first, '40'), (second, '115')])
        self.run_pull(self.connection)
        payment = self.payments_of(first)
        self.assertEqual(payment, self.payments_of(second))
        self.assertEqual((payment.amount, first.amount_residual, second.amount_residual), (155.0, 75.0, 0.0))
        # More than the invoice: what is left is credit of the customer there, and a person is told.
        rest = self.pay_several([(third, '115')], total='130')
        self.run_pull(self.connection)
        issue = self.assertHeld(rest, 'overpayment', '15.00')
        self.assertEqual(third.payment_state, 'paid')
        self.run_pull(self.connection)
        self.assertEqual(issue.state, 'open')
        issue.with_user(self.user_bookkeeper).action_leave_there()
        self.run_pull(self.connection)
        self.assertEqual((issue.state, self.kept(rest).state), ('solved', 'left'))
        self.unpay_there(key)
        self.run_pull(self.connection)
        self.assertEqual(payment.state, 'canceled')
        self.assertEqual((first.payment_state, second.payment_state), ('not_paid', 'not_paid'))
        self.assertEqual(self.link_of(second).external_due, 115.0)
