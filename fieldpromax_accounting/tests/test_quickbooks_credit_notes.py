"""Credit notes in QuickBooks Online: credit memos, and payments of nothing that apply them."""

from odoo import Command
from odoo.tests import tagged

from .credit_common import CreditCommon
from .quickbooks_push_common import QuickBooksPushCommon


@tagged('post_install', '-at_install')
class TestQuickBooksCreditNotes(CreditCommon, QuickBooksPushCommon):
    def arrange_more(self):
        # Taxes of credit notes have their own mappings: they are proposed by the first one, and confirmed once.
        note = self.refund(lines=[self.taxed(name='Call-out'), self.untaxed(name='Sundries')])
        self.run_push(self.connection)
        self.confirm_mappings(self.connection)
        note.button_draft()
        note.unlink()

    def memos(self, move):
        return [memo for memo in self.books('credit_memos') if memo.get('DocNumber') == move.name]

    def open_of(self, move):
        """(total, what is open) of the one document in the books."""
        [document] = self.memos(move) if move.move_type == 'out_refund' else self.in_books(move)
        return float(document['TotalAmt']), float(document['Balance'])

    def test_a_credit_memo_and_what_it_counts_for(self):
        """Whole, with a discount; applied; less of it applied; undone; voided."""
        move = self.invoice(lines=[self.untaxed(name='Call-out')])
        note = self.refund(
            lines=[self.untaxed(name='Call-out', price_unit=50.0, discount=20), {
                'name': 'Sorry', 'display_type': 'line_note'}]
        )  # fmt: skip
        self.settle_books()
        self.assertEqual(note.fieldpromax_state, 'sent', note.fieldpromax_reason)
        self.assertEqual((self.open_of(note), self.open_of(move)), ((40.0, 40.0), (100.0, 100.0)))
        self.assertIn('creditmemo', note.action_fieldpromax_open()['url'])
        self.reconcile(move, note)
        self.settle_books()
        self.assertEqual((self.open_of(note), self.open_of(move)), ((40.0, 0.0), (100.0, 60.0)))
        [payment] = self.books('payments')
        self.assertEqual(
            (float(payment['TotalAmt']), payment['PrivateNote']), (0.0, f'{note.name} to {move.name}')
        )
        self.assertIn(f'allocated to {move.name}', note.fieldpromax_headline)
        # Somebody saved it there since: ours is an old version, and it is read before it is deleted.
        self.allocation_of(note).sudo().external_version = '7'
        self.unreconcile(note)
        self.settle_books()
        self.assertEqual((self.open_of(note), self.open_of(move)), ((40.0, 40.0), (100.0, 100.0)))
        self.reconcile(move, note)
        self.settle_books()
        note.button_draft()
        note.button_cancel()
        if note.fieldpromax_can_void:
            note.action_fieldpromax_void()
        self.settle_books()
        self.assertEqual(self.memos(note), [])
        self.assertEqual(self.open_of(move), (100.0, 100.0))
        self.assertEqual(self.books('payments'), [])
        self.assertIn('void', note.fieldpromax_reason)

    def test_lost_answers_make_no_doubles(self):
        """Of the credit memo, of what applies it, and of what undoes that."""
        move = self.invoice(lines=[self.untaxed(name='Call-out')])
        self.run_push(self.connection)
        note = self.reverse(move)
        self.quickbooks.fault('timeout_after', path='/creditmemo$', method='POST')
        self.run_push(self.connection)
        self.quickbooks.fault('timeout_after', path='/payment$', method='POST')
        self.let_time_pass(30)
        self.settle_books()
        self.let_time_pass(4000)
        self.settle_books()
        self.assertEqual(len(self.memos(note)), 1)
        self.assertEqual(len(self.books('payments')), 1)
        self.assertEqual((self.open_of(note)[1], self.open_of(move)[1]), (0.0, 0.0))
        self.quickbooks.fault('timeout_after', path='/payment$', method='POST')
        self.unreconcile(note)
        self.run_push(self.connection)
        self.let_time_pass(4000)
        self.settle_books()
        self.assertEqual(self.books('payments'), [])
        self.assertEqual((self.open_of(note)[1], self.open_of(move)[1]), (100.0, 100.0))
        self.assertFalse(self.allocation_of(note).external_id)

    def test_refused_there(self):
        """A payment came in meanwhile: nothing is booked, and somebody is told; cured by undoing it there."""
        move = self.invoice(lines=[self.untaxed(name='Call-out')])
        self.run_push(self.connection)
        self.change_books(self.books_of, invoices=[{'DocNumber': move.name, 'action': 'pay'}])
        note = self.partly(move, 40.0)
        self.settle_books()
        self.assertEqual(self.open_of(note), (40.0, 40.0))
        exchange = self.allocation_exchange(note)
        self.assertEqual(exchange.state, 'blocked')
        self.assertIn('QuickBooks Online: "', exchange.issue_id.reason)
        [payment] = self.books('payments')
        self.change_books(self.books_of, payments=[{'Id': payment['Id'], 'action': 'delete'}])
        exchange.action_retry()
        self.settle_books()
        self.assertEqual((self.open_of(note)[1], self.open_of(move)[1]), (0.0, 60.0))

    def test_numbered_by_quickbooks(self):
        """Our number stands in the note then, and is what is looked for after a lost answer."""
        self.with_numbers_of_quickbooks()
        note = self.refund(lines=[self.untaxed(name='Call-out')])
        self.quickbooks.fault('timeout_after', path='/creditmemo$', method='POST')
        self.run_push(self.connection)
        self.let_time_pass(4000)
        self.settle_books()
        self.assertEqual(note.fieldpromax_state, 'sent', note.fieldpromax_reason)
        found = [memo for memo in self.books('credit_memos') if note.name in (memo.get('PrivateNote') or '')]
        self.assertEqual(len(found), 1)

    def test_another_customer_there(self):
        """Reconciled across customers: QuickBooks applies within one, and a person is told."""
        other = self.env['res.partner'].create({'name': 'Quay Bakery', 'is_company': True})
        move = self.invoice(lines=[self.untaxed(name='Call-out')])
        note = self.refund(partner=other, lines=[self.untaxed(name='Call-out')])
        lines = (move | note).line_ids.filtered(lambda line: line.account_type == 'asset_receivable')
        lines.with_context(no_exchange_difference=True).reconcile()
        self.settle_books()
        exchange = self.allocation_exchange(note)
        self.assertEqual(exchange.state, 'blocked')
        self.assertIn('different customers', exchange.issue_id.reason)
        self.assertEqual(self.open_of(note)[1], 100.0)

    def partly(self, move, price):
        note = self.refund(
            partner=move.partner_id,
            lines=[{'name': 'Part of it', 'price_unit': price, 'tax_ids': [Command.clear()]}],
        )
        self.reconcile(move, note)
        return note
