"""What settles an invoice in Odoo marks it paid in the books, exactly once: the same for both providers."""

from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged

from .payment_common import QuickBooksPayments, XeroPayments
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


class PaymentScenarios:
    """Scenarios of both; the classes below say which books."""

    def test_part_rest_removed_and_reset_to_draft(self):
        move = self.sent_invoice()
        part = self.pay(move, 15.0)
        self.assertFalse(self.paid_there(move), 'nothing is sent while the person waits')
        self.run_push(self.connection)
        self.assertPaidThere(move, 15.0)
        self.pay(move)
        self.run_push(self.connection)
        self.assertPaidThere(move, 15.0, 100.0)
        self.assertTrue(self.is_paid_there(move))
        self.assertEqual(set(self.settlements(move).mapped('external_amount')), {15.0, 100.0})
        calls = len(self.env['fieldpromax.call'].search([]))
        self.env['fieldpromax.settlement.due'].sudo()._note(self.connection, move)
        self.run_push(self.connection)
        self.assertEqual(
            len(self.env['fieldpromax.call'].search([])), calls, 'nothing that is there is sent again'
        )
        # The partial reconciliation stays when the payment is reset to draft; it counts no more.
        part.action_draft()
        self.run_push(self.connection)
        self.assertPaidThere(move, 100.0)
        part.action_post()
        self.run_push(self.connection)
        self.assertEqual(sum(self.paid_there(move)), 115.0 - move.amount_residual)
        self.unreconcile(move)
        self.run_push(self.connection)
        self.assertPaidThere(move)
        self.assertFalse(self.is_paid_there(move))
        for settlement in self.settlements(move):
            self.assertFalse(settlement.external_id)

    def test_paid_before_it_is_sent_waits_for_the_invoice(self):
        self.connection.write({'push_trigger': 'manual'})
        move = self.invoice()
        self.pay(move)
        self.run_push(self.connection)
        exchange = self.payment_exchange(move)
        self.assertEqual(exchange.state, 'queued')
        self.assertIn(f'Waits for {move.name}', exchange.reason)
        move.action_fieldpromax_push()
        self.make_due()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertPaidThere(move, 115.0)

    def test_statement_line_and_payment_without_entry(self):
        self.without_entries()
        first, second, third = (self.invoice() for _time in range(3))
        self.run_push(self.connection)
        line = self.statement_line(115.0)
        self.reconcile(line, first)
        payment = self.pay(second)
        self.assertFalse(payment.move_id, 'it has no journal entry')
        self.pay(third, 40.0)
        self.run_push(self.connection)
        self.assertPaidThere(first, 115.0)
        self.assertPaidThere(second, 115.0)
        self.assertPaidThere(third, 40.0)
        external_id = self.settlements(second).external_id
        # The bank statement brings the money that was sent already: nothing is sent again.
        calls = len(self.env['fieldpromax.call'].search([]))
        line = self.statement_line(115.0, date=fields.Date.today() - timedelta(days=1))
        self.reconcile(line, second)
        self.assertFalse(second.amount_residual)
        self.run_push(self.connection)
        self.assertEqual(len(self.env['fieldpromax.call'].search([])), calls)
        settlement = self.settlements(second)
        self.assertEqual((settlement.external_id, settlement.line_id.move_id), (external_id, line.move_id))
        line = self.statement_line(40.0)
        self.reconcile(line, third)
        self.run_push(self.connection)
        self.assertEqual(len(self.env['fieldpromax.call'].search([])), calls)
        self.assertPaidThere(third, 40.0)
        payment = self.pay(third)
        self.run_push(self.connection)
        self.assertPaidThere(third, 40.0, 75.0)
        payment.action_cancel()
        self.run_push(self.connection)
        self.assertPaidThere(third, 40.0)

    def test_lost_answer_is_found_again(self):
        move = self.sent_invoice()
        self.pay(move)
        self.lose_answers()
        self.run_push(self.connection)
        self.assertEqual(self.payment_exchange(move).state, 'uncertain')
        self.let_hours_pass(2)
        self.run_push(self.connection)
        self.assertEqual(self.payment_exchange(move).state, 'done')
        self.assertPaidThere(move, 115.0)
        self.assertTrue(self.settlements(move).external_id)

    def test_what_somebody_entered_there_is_linked(self):
        move, other = self.invoice(), self.invoice()
        self.run_push(self.connection)
        near = self.pay_there(
            move, '115', date=fields.Date.to_string(fields.Date.today() - timedelta(days=4))
        )
        self.pay_there(other, '15', date=fields.Date.to_string(fields.Date.today() - timedelta(days=4)))
        self.pay(move)
        self.pay(other)
        self.run_push(self.connection)
        self.assertPaidThere(move, 115.0)
        settlement = self.settlements(move)
        self.assertEqual((settlement.external_id, settlement.origin), (near, 'books'))
        self.assertPaidThere(other, 15.0)
        exchange = self.payment_exchange(other)
        self.assertEqual(exchange.state, 'blocked', exchange.reason)
        self.assertIn('already', exchange.issue_id.title)
        self.assertEqual(exchange.issue_id.move_id, other)
        twice = self.payments_there()
        self.unpay_there(next(self.key_of(one) for one in twice if self.key_of(one) != near))
        exchange.issue_id.with_user(self.user_bookkeeper).action_retry()
        self.run_push(self.connection)
        self.assertPaidThere(other, 115.0)
        # What was entered there is not removed from here.
        self.unreconcile(move)
        self.run_push(self.connection)
        self.assertPaidThere(move, 115.0)
        self.assertIn('in the books alone', self.payment_exchange(move).reason)

    def test_what_is_not_sent_says_why(self):
        locked, missing, written, entry, owned = (self.invoice() for _time in range(5))
        self.run_push(self.connection)
        self.pay(missing, journal=self.cash)
        self.pay(
            written,
            110.0,
            payment_difference_handling='reconcile',
            writeoff_account_id=self.company_data['default_account_expense'].id,
        )
        receivable = entry.line_ids.filtered(lambda one: one.account_type == 'asset_receivable')
        misc = self.env['account.move'].create(
            {
                'journal_id': self.company_data['default_journal_misc'].id,
                'line_ids': [
                    Command.create(
                        {
                            'account_id': receivable.account_id.id,
                            'partner_id': self.customer.id,
                            'credit': 115,
                        }
                    ),
                    Command.create(
                        {'account_id': self.company_data['default_account_expense'].id, 'debit': 115}
                    ),
                ],
            }
        )
        misc.action_post()
        (misc.line_ids.filtered(lambda one: one.account_id == receivable.account_id) | receivable).reconcile()
        self.run_push(self.connection)
        for move in (missing, written, entry):
            self.assertPaidThere(move)
        self.assertIn('written off', self.payment_exchange(written).issue_id.title)
        self.assertEqual(self.payment_exchange(entry).state, 'cancelled')
        self.assertIn('no payment', self.payment_exchange(entry).reason)
        issue = self.payment_exchange(missing).issue_id
        self.assertEqual(issue.mapping_id, self.payment_mapping(self.cash))
        guide = issue.with_user(self.user_bookkeeper).action_open_remedy()
        guide = self.env[guide['res_model']].with_user(self.user_bookkeeper).browse(guide['res_id'])
        self.assertIn(issue.mapping_id, guide.todo_ids)
        self.assertNotIn(issue.mapping_id, guide.other_ids)
        self.assertNotIn('is settled', guide.issue_text)
        self.map_journal(self.cash)
        self.run_push(self.connection)
        self.assertPaidThere(missing, 115.0)
        self.assertEqual(issue.state, 'solved')
        # The books are closed: said before anything is asked of them, and never dated otherwise.
        self.lock_there(fields.Date.today())
        self.pay(locked)
        self.run_push(self.connection)
        self.assertPaidThere(locked)
        self.assertEqual(self.payment_exchange(locked).state, 'blocked')
        self.lock_there(None)
        self.payment_mapping(self.bank).owner = 'books'
        self.pay(owned)
        self.run_push(self.connection)
        self.assertPaidThere(owned)
        self.assertIn('are entered in', self.payment_exchange(owned).reason)

    def test_switched_off_nothing_is_noted(self):
        self.connection.write({'push_payments': False, 'pull_payments': False})
        move = self.sent_invoice()
        self.pay(move)
        self.assertFalse(self.env['fieldpromax.settlement.due'].search([]))
        self.run_push(self.connection)
        self.assertPaidThere(move)
        self.connection.write({'push_payments': True})
        self.env['fieldpromax.exchange'].sudo()._sweep(self.connection)
        self.run_push(self.connection)
        self.assertPaidThere(move, 115.0)

    def test_observing_never_stops_the_person(self):
        move = self.sent_invoice()
        with (
            self.assertLogs('odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange', 'ERROR'),
            self.breaking('fieldpromax.settlement.due', '_note'),
        ):
            self.pay(move)
        self.assertEqual(move.payment_state, 'paid')
        self.env['fieldpromax.exchange'].sudo()._sweep(self.connection)
        self.run_push(self.connection)
        self.assertPaidThere(move, 115.0)


@tagged('post_install', '-at_install')
class TestXeroPayments(PaymentScenarios, XeroPayments, FieldpromaxPushCommon):
    def let_hours_pass(self, hours):
        self.let_time_pass(hours * 3600)

    def test_one_payment_of_several_invoices_is_one_for_each(self):
        moves = self.invoice() | self.invoice()
        self.run_push(self.connection)
        self.pay(moves)
        self.run_push(self.connection)
        for move in moves:
            self.assertPaidThere(move, 115.0)
        self.assertEqual(len(self.payments_there()), 2)

    def test_a_draft_there_waits_for_approval(self):
        self.connection.write({'invoice_status': 'draft'})
        move = self.sent_invoice()
        self.pay(move)
        self.run_push(self.connection)
        exchange = self.payment_exchange(move)
        self.assertEqual(exchange.state, 'queued')
        self.assertIn('is a draft in Xero', exchange.reason)
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {'invoices': [{'InvoiceNumber': move.name, 'action': 'approve'}]},
        )
        self.make_due()
        self.run_push(self.connection)
        self.assertPaidThere(move, 115.0)

    def test_second_currency_has_the_rate_of_the_payment(self):
        euro = self.env.ref('base.EUR')
        euro.active = True
        self.env['res.currency.rate'].search([('currency_id', '=', euro.id)]).unlink()
        self.env['res.currency.rate'].create(
            {'name': '2020-01-01', 'currency_id': euro.id, 'rate': 0.8, 'company_id': self.company.id}
        )
        move = self.sent_invoice(currency_id=euro.id)
        self.pay(move, currency_id=euro.id)
        self.run_push(self.connection)
        self.assertPaidThere(move, 115.0)
        (payment,) = self.payments_there()
        self.assertEqual((float(payment['CurrencyRate']), float(payment['BankAmount'])), (0.8, 143.75))


@tagged('post_install', '-at_install')
class TestQuickBooksPayments(PaymentScenarios, QuickBooksPayments, QuickBooksPushCommon):
    def test_one_payment_of_several_invoices(self):
        moves = self.invoice() | self.invoice()
        self.run_push(self.connection)
        self.pay(moves)
        self.run_push(self.connection)
        for move in moves:
            self.assertPaidThere(move, 115.0)
        (payment,) = self.payments_there()
        self.assertEqual(float(payment['TotalAmt']), 230.0)
        self.assertEqual(payment['DepositToAccountRef'], {'value': '1'})
        # One of the two is reconciled no more: the payment is undone and made anew, of what is left.
        self.unreconcile(moves[0])
        self.run_push(self.connection)
        self.assertPaidThere(moves[0])
        self.assertPaidThere(moves[1], 115.0)
        (payment,) = self.payments_there()
        self.assertEqual(float(payment['TotalAmt']), 115.0)

    def test_changed_there_is_not_undone(self):
        move = self.sent_invoice()
        self.pay(move)
        self.run_push(self.connection)
        (payment,) = self.payments_there()
        key = payment['Id']
        self.unpay_there(key)
        self.unreconcile(move)
        self.run_push(self.connection)
        self.assertEqual(self.payment_exchange(move).state, 'done', 'gone is gone')
