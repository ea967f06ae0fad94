"""Credit notes in Xero: from posting to the books, and what of them counts for invoices."""

from unittest.mock import patch

from odoo import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .credit_common import CreditCommon
from .push_common import FieldpromaxPushCommon


@tagged('post_install', '-at_install')
class TestCreditNotes(CreditCommon, FieldpromaxPushCommon):
    def arrange_more(self):
        # Taxes of credit notes have their own mappings: they are proposed by the first one, and confirmed once.
        note = self.refund()
        plain = self.refund(lines=[{'name': 'No tax', 'price_unit': 5.0, 'tax_ids': [Command.clear()]}])
        self.run_push(self.connection)
        self.confirm_mappings(self.connection)
        (note | plain).button_draft()
        (note | plain).unlink()

    def notes(self, move):
        return [
            note
            for note in self.books('credit_notes')
            if note['CreditNoteNumber'] == move.name and note['Status'] not in ('DELETED', 'VOIDED')
        ]

    def open_of(self, move):
        """(status, what is open) of the one document in the books."""
        if move.move_type == 'out_refund':
            [note] = self.notes(move)
            return note['Status'], float(note['RemainingCredit'])
        [invoice] = self.in_books(move)
        return invoice['Status'], float(invoice['AmountDue'])

    # === THE CREDIT NOTE === #

    def test_a_credit_note_arrives_whole(self):
        product = self.boiler_service()
        tax = self.company_data['default_tax_sale']
        note = self.refund(
            ref='PO 4711',
            lines=[
                {
                    'product_id': product.id,
                    'quantity': 3,
                    'price_unit': 80.5,
                    'discount': 10,
                    'tax_ids': [Command.set(tax.ids)],
                },
                {'name': 'Sorry', 'display_type': 'line_note'},
            ],
        )
        self.assertEqual(note.fieldpromax_state, 'waiting', note.fieldpromax_reason)
        self.run_push(self.connection)
        self.assertEqual(note.fieldpromax_state, 'sent', note.fieldpromax_reason)
        [sent] = self.notes(note)
        self.assertEqual(
            (sent['Type'], sent['Status'], sent['Reference']), ('ACCRECCREDIT', 'AUTHORISED', 'PO 4711')
        )
        self.assertAlmostEqual(float(sent['Total']), note.amount_total, places=2)
        self.assertAlmostEqual(float(sent['TotalTax']), note.amount_tax, places=2)
        line, text = sent['LineItems']
        self.assertEqual((line['ItemCode'], float(line['Quantity'])), ('BOILER', 3))
        self.assertEqual(float(line['UnitAmount']), 72.45, 'the discount is in the price')
        self.assertNotIn('DiscountRate', line)
        self.assertIn('Discount: 10 %', line['Description'])
        self.assertEqual(text['Description'], 'Sorry')
        self.assertEqual(self.in_books(note), [], 'it is no invoice')
        self.assertIn('creditNoteID', note.action_fieldpromax_open()['url'])
        self.assertTrue(note.message_ids.filtered(lambda message: 'Sent to Xero' in (message.body or '')))
        self.simulator.forget_requests()
        self.run_push(self.connection)
        self.assertEqual(self.simulator.requests(path='/api.xro/'), [])

    def test_why_not_and_void(self):
        """Old ones, marked ones and drafts say why as invoices do; a cancelled one is voided there on demand."""
        old = self.refund(invoice_date='2020-01-01')
        self.assertEqual(old.fieldpromax_state, 'not_sent')
        self.assertIn('before the start date', old.fieldpromax_reason)
        draft = self.refund(post=False)
        self.assertIn('Draft credit notes', draft.fieldpromax_reason)
        marked = self.refund(post=False)
        marked.fieldpromax_do_not_sync = True
        marked.action_post()
        self.assertIn('kept out of the books', marked.fieldpromax_reason)
        preview = self.refund(post=False)
        self.assertTrue(preview.action_fieldpromax_preview()['res_id'])
        old.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(old.fieldpromax_state, 'sent', old.fieldpromax_reason)
        old.button_draft()
        old.button_cancel()
        if old.fieldpromax_can_void:
            old.action_fieldpromax_void()
        self.settle_books()
        self.assertEqual(self.notes(old), [])
        self.assertIn('void', old.fieldpromax_reason)

    def test_typed_into_both(self):
        """Somebody used two numbers of Odoo in the books: for the same credit note, and for another one."""
        same, other = self.refund(), self.refund()
        contact = self.link_of(self.customer)
        tax = {line['TaxType'] for line in self.books('tax_rates') if float(line['EffectiveRate']) == 15}
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {
                'credit_notes': [
                    {
                        'Type': 'ACCRECCREDIT',
                        'CreditNoteNumber': note.name,
                        'Contact': {'ContactID': contact.external_id},
                        'Date': '2026-11-02',
                        'Status': 'AUTHORISED',
                        'CurrencyCode': 'USD',
                        'LineItems': [
                            {
                                'Description': 'Typed in',
                                'UnitAmount': price,
                                'AccountCode': '200',
                                'TaxType': min(tax),
                                'TaxAmount': price * 0.15,
                            }
                        ],
                    }
                    for note, price in ((same, 100), (other, 5))
                ]
            },
        )
        self.simulator.forget_requests()
        self.run_push(self.connection)
        self.assertEqual(self.simulator.requests(path='/CreditNotes', method='PUT'), [], 'neither was sent')
        self.assertAttention(same, 'has a credit note', 'Link to it')
        self.assertAttention(other, 'has a credit note', 'Send under another number')
        issues = same.fieldpromax_issue_id, other.fieldpromax_issue_id
        self.assertEqual([issue.can_link_twin for issue in issues], [True, False])
        issues[0].with_user(self.user_bookkeeper).action_link_twin()
        issues[1].with_user(self.user_bookkeeper).action_send_beside_twin()
        self.run_push(self.connection)
        # Linked, and what differs is told in the words of credit notes; the other one went beside it.
        self.assertEqual(len(self.notes(same)), 1)
        self.assertEqual(self.link_of(same).external_total, same.amount_total)
        self.assertAttention(same, 'reset the credit note to draft')
        self.assertEqual(other.fieldpromax_state, 'sent', other.fieldpromax_reason)
        self.assertEqual(self.link_of(other).external_number, f'{other.name}-2')

    def test_a_lost_answer_makes_no_double(self):
        move = self.invoice()
        self.run_push(self.connection)
        note = self.reverse(move)
        self.simulator.fault('timeout_after', path='/CreditNotes$', method='PUT')
        self.run_push(self.connection)
        self.simulator.fault('timeout_after', path='/Allocations$', method='PUT')
        self.let_time_pass(30)
        self.settle_books()
        self.let_time_pass(600)
        self.settle_books()
        self.assertEqual(len(self.notes(note)), 1)
        [sent] = self.notes(note)
        self.assertEqual(len(sent['Allocations']), 1, 'once, although its answer was lost')
        self.assertEqual(self.open_of(move), ('PAID', 0.0))
        self.assertTrue(self.allocation_of(note).external_id)

    # === WHAT COUNTS FOR INVOICES === #

    def test_the_whole_invoice_at_once(self):
        """Both posted before the first push: the invoice, the credit note, and what ties them together."""
        move = self.invoice()
        note = self.reverse(move)
        self.assertEqual(move.payment_state, 'reversed')
        self.settle_books()
        self.assertEqual((self.open_of(move), self.open_of(note)), (('PAID', 0.0), ('PAID', 0.0)))
        self.assertIn(f'allocated to {move.name}', note.fieldpromax_headline)
        self.simulator.forget_requests()
        self.settle_books()
        self.assertEqual(self.simulator.requests(path='/api.xro/', method='PUT'), [])

    def test_a_part_then_more_then_nothing(self):
        move = self.invoice()
        self.run_push(self.connection)
        note = self.partly(move, 40.0)
        other = self.partly(move, 10.0)
        self.settle_books()
        self.assertEqual(self.open_of(move), ('AUTHORISED', move.amount_residual))
        self.assertEqual(move.amount_residual, move.amount_total - 50.0)
        self.assertEqual((self.open_of(note), self.open_of(other)), (('PAID', 0.0), ('PAID', 0.0)))
        self.unreconcile(note)
        self.settle_books()
        self.assertEqual(self.open_of(note), ('AUTHORISED', 40.0), 'undone there, too')
        self.assertEqual(self.open_of(move), ('AUTHORISED', move.amount_total - 10.0))
        self.reconcile(move, note)
        self.settle_books()
        self.assertEqual(self.open_of(note), ('PAID', 0.0))
        # Reset to draft the partial reconciliation stays, and counts no more.
        note.button_draft()
        self.settle_books()
        self.assertEqual(self.open_of(note), ('AUTHORISED', 40.0))
        note.action_post()
        self.reconcile(move, note)
        self.settle_books()
        self.assertEqual(self.open_of(note), ('PAID', 0.0))

    def test_a_void_waits_for_the_allocation(self):
        move = self.invoice()
        self.run_push(self.connection)
        note = self.partly(move, 40.0)
        self.settle_books()
        note.button_draft()
        note.button_cancel()
        if note.fieldpromax_can_void:
            note.action_fieldpromax_void()
        self.run_push(self.connection)
        self.assertEqual(self.notes(note), [], note.fieldpromax_reason)
        self.assertEqual(self.open_of(move), ('AUTHORISED', move.amount_total))

    def test_the_invoice_is_not_there(self):
        """An old invoice stays out of the books, and the credit note says why it counts for nothing there."""
        old = self.invoice(invoice_date='2020-01-01')
        note = self.partly(old, 40.0)
        self.settle_books()
        self.assertEqual(self.open_of(note), ('AUTHORISED', 40.0))
        self.assertIn('before the start date', note.fieldpromax_headline)
        old.action_fieldpromax_push()
        self.settle_books()
        self.assertEqual(self.open_of(note), ('PAID', 0.0), 'it follows when the invoice arrives')

    def test_drafts_wait_for_their_approval(self):
        self.connection.invoice_status = 'draft'
        move = self.invoice()
        note = self.partly(move, 40.0)
        self.settle_books()
        self.assertEqual((self.open_of(move)[0], self.open_of(note)[0]), ('DRAFT', 'DRAFT'))
        self.assertIn('is a draft in Xero', note.fieldpromax_headline)
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {
                'invoices': [{'InvoiceNumber': move.name, 'action': 'approve'}],
                'credit_notes': [{'CreditNoteNumber': note.name, 'action': 'approve'}],
            },
        )
        self.settle_books()
        self.assertEqual(self.open_of(note), ('PAID', 0.0))

    def test_refused_there(self):
        """A bookkeeper recorded a payment meanwhile: nothing is booked, and somebody is told."""
        move = self.invoice()
        self.run_push(self.connection)
        self.simulator.control(
            'POST', '/_sim/organisations/US', {'invoices': [{'InvoiceNumber': move.name, 'action': 'pay'}]}
        )
        note = self.partly(move, 40.0)
        self.settle_books()
        self.assertEqual(self.open_of(note), ('AUTHORISED', 40.0))
        exchange = self.allocation_exchange(note)
        self.assertEqual(exchange.state, 'blocked')
        self.assertIn('already been paid off', exchange.issue_id.reason)
        self.assertEqual(exchange.issue_id.move_id, note)
        self.assertIn('already been paid off', note.fieldpromax_headline)
        issue = exchange.issue_id
        self.simulator.forget_requests()
        self.run_push(self.connection)
        self.assertEqual(self.simulator.requests(path='Allocations'), [], 'asking again does not help')
        self.unreconcile(note)
        self.run_push(self.connection)
        self.assertEqual(exchange.state, 'cancelled')
        self.run_push(self.connection)
        self.assertNotEqual(issue.state, 'open', 'nothing is to be allocated any more')

    def test_what_the_hook_left_behind_is_found(self):
        """Whatever fails while people reconcile never stops them; the hourly sweep does it then."""
        move = self.invoice()
        note = self.refund(lines=[{'name': 'Part', 'price_unit': 40.0, 'tax_ids': [Command.clear()]}])
        self.run_push(self.connection)
        allocations = type(self.env['fieldpromax.allocation'])
        with (
            patch.object(allocations, '_evaluate', side_effect=ValueError('of any addon')),
            mute_logger('odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange'),
        ):
            self.reconcile(move, note)
        self.assertEqual(note.payment_state, 'paid')
        self.assertFalse(self.allocation_of(note))
        self.assertEqual(self.env['fieldpromax.exchange'].sudo()._sweep(self.connection), 1)
        self.settle_books()
        self.assertEqual(self.open_of(note), ('PAID', 0.0))
        self.assertEqual(self.env['fieldpromax.exchange'].sudo()._sweep(self.connection), 0)

    def test_another_currency(self):
        euro = self.env.ref('base.EUR')
        euro.active = True
        self.env['res.currency.rate'].create(
            {'currency_id': euro.id, 'rate': 0.8, 'company_id': self.company.id, 'name': '2020-01-01'}
        )
        move = self.invoice(currency_id=euro.id)
        note = self.partly(move, 40.0)
        self.settle_books()
        [sent] = self.notes(note)
        self.assertEqual((sent['CurrencyCode'], float(sent['CurrencyRate'])), ('EUR', 0.8))
        self.assertEqual(self.open_of(note), ('PAID', 0.0))
        self.assertEqual(self.open_of(move), ('AUTHORISED', move.amount_total - 40.0))

    def test_others_do_not_see_it(self):
        move = self.invoice()
        self.run_push(self.connection)
        note = self.partly(move, 40.0)
        self.settle_books()
        row = self.allocation_of(note)
        self.assertTrue(row.with_user(self.user_invoice).name)
        theirs = self.as_person(self.user_bookkeeper_2)['fieldpromax.allocation']
        self.assertFalse(theirs.search([('id', '=', row.id)]))
        exchange = self.allocation_exchange(note)
        theirs = self.as_person(self.user_bookkeeper_2)['fieldpromax.exchange']
        self.assertFalse(theirs.search([('id', '=', exchange.id)]))
