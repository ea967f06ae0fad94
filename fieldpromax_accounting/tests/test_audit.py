"""The nightly look at what stands in the books: what is known is renewed, what drifted is shown and settled."""

from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .after_push_common import QuickBooksAfterPush, XeroAfterPush
from .credit_common import CreditCommon
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


class AuditScenarios:
    def audit(self):
        """As if the night had come."""
        self.env['fieldpromax.link']._ask_for_audit(self.connection)
        self.forget_requests()
        self._run_cron(self.env.ref('fieldpromax_accounting.ir_cron_audit'))

    def seal(self, move):
        """What was compared, as somebody sees it who only works with invoices."""
        action = move.with_user(self.user_invoice).action_fieldpromax_open_seal()
        return self.env['fieldpromax.seal'].with_user(self.user_invoice).browse(action['res_id'])

    def asked(self):
        """What the books were asked since it was forgotten, beside tokens."""
        simulator = self.simulators()[-1]
        return [row['purpose'] for row in simulator.requests() if not row['purpose'].startswith('oauth.')]

    def sent_invoices(self, count):
        moves = self.invoices(
            {
                'name': f'Job {number}',
                'quantity': 2,
                'price_unit': 50 + number,
                'tax_ids': [Command.set(self.company_data['default_tax_sale'].ids)],
            }
            for number in range(count)
        )
        moves.action_post()
        self.run_push(self.connection)
        for move in moves:
            self.assertSent(move)
        return moves

    def test_what_was_changed_in_the_books_is_found_and_settled(self):
        moves = self.sent_invoices(6)
        same, paid, edited, voided, pushed, late = moves
        self.audit()
        self.assertEqual(set(moves.mapped('fieldpromax_state')), {'sent'})
        self.assertEqual(set(moves.mapped('fieldpromax_badge')), {'verified'})
        self.assertEqual(len(self.asked()), 2, 'one page of invoices, one of credit notes')
        self.act_in_books(paid, action='pay')
        self.edit_reference_in_books(edited, 'Agreed by phone')
        self.edit_reference_in_books(pushed, 'By mistake')
        self.act_in_books(voided, action='void')
        self.audit()
        self.assertLessEqual(len(self.asked()), 2, 'by what changed')
        self.assertIn('Verified', same.fieldpromax_headline)
        seal = self.seal(same)
        self.assertTrue(seal.is_verified)
        self.assertIn('all that Odoo sent is the same', seal.summary)
        rows = {one.label: (one.ours, one.theirs) for one in seal.line_ids}
        self.assertEqual(rows['Number'], (same.name, same.name))
        self.assertEqual(rows['Line 1, Quantity'], ('2', '2'))
        self.assertEqual(set(seal.line_ids.mapped('agrees')), {True})
        with self.assertRaises(AccessError):
            seal.with_user(self.user_bookkeeper).read(['summary'])
        link = self.link_of(paid)
        self.assertEqual(
            (paid.fieldpromax_state, link.external_status, link.external_due), ('sent', 'paid', 0)
        )
        self.assertAttention(edited, 'Agreed by phone')
        self.assertAttention(pushed, 'By mistake')
        self.assertAttention(voided, 'It counts here')
        for state in ('sent', 'attention'):
            self.assertEqual(
                self.env['account.move'].search(
                    [('id', 'in', moves.ids), ('fieldpromax_state', '=', state)], order='id'
                ),
                moves.filtered(lambda move, state=state: move.fieldpromax_state == state).sorted('id'),
                state,
            )
        issue = edited.fieldpromax_issue_id
        self.assertEqual(
            [(one.label, one.ours or '', one.theirs) for one in issue.difference_ids],
            [('Reference', '', 'Agreed by phone')],
        )
        self.assertIn('voided in', voided.fieldpromax_issue_id.title)
        # Explained: remembered, whatever is read again, until it differs otherwise.
        bookkeeper = self.user_bookkeeper
        with self.assertRaises(AccessError):
            issue.with_user(self.user_invoice).action_explain()
        with self.assertRaises(AccessError):
            issue.with_user(self.user_bookkeeper_2).action_explain()
        wizard = issue.with_user(bookkeeper).action_explain()
        wizard = self.env[wizard['res_model']].with_user(bookkeeper).browse(wizard['res_id'])
        with self.assertRaisesRegex(UserError, 'in a few words'):
            wizard.action_explain()
        wizard.note = 'Agreed with the customer'
        wizard.action_explain()
        self.assertEqual((issue.state, edited.fieldpromax_state), ('solved', 'sent'))
        self.assertEqual(self.link_of(edited).explained_by_id, bookkeeper)
        seal = self.seal(edited)
        self.assertIn('"Agreed with the customer"', seal.summary)
        self.assertEqual(
            [(one.label, one.theirs) for one in seal.line_ids if not one.agrees],
            [('Reference', 'Agreed by phone')],
        )
        self.env['fieldpromax.checkpoint'].sudo().search([('kind', '=', 'invoice')]).full_at = False
        self.audit()
        self.assertEqual(edited.fieldpromax_state, 'sent', 'everything read anew')
        self.edit_reference_in_books(edited, 'Agreed by letter')
        self.audit()
        self.assertAttention(edited, 'Agreed by letter')
        # Accepted: what a posted invoice takes over, and nothing is sent.
        self.assertTrue(edited.fieldpromax_issue_id.with_user(bookkeeper).can_accept)
        self.forget_requests()
        edited.fieldpromax_issue_id.with_user(bookkeeper).action_accept_theirs()
        self.env.invalidate_all()
        self.assertEqual((edited.ref, edited.fieldpromax_state), ('Agreed by letter', 'sent'))
        voided.fieldpromax_issue_id.with_user(bookkeeper).action_accept_theirs()
        self.env.invalidate_all()
        self.assertEqual((voided.state, voided.fieldpromax_state), ('cancel', 'not_sent'))
        self.run_push(self.connection)
        self.assertEqual(self.calls_asked(), [])
        # Pushed again: the books get what Odoo has.
        issue = pushed.fieldpromax_issue_id
        issue.with_user(bookkeeper).action_push_again()
        self.run_push(self.connection)
        self.assertSent(pushed)
        self.assertEqual((issue.state, self.link_of(pushed).external_document['reference']), ('solved', ''))
        # Changed back in the books: closed unasked.
        self.edit_reference_in_books(late, 'For a day')
        self.audit()
        issue = late.fieldpromax_issue_id
        self.assertEqual(issue.state, 'open')
        self.edit_reference_in_books(late, '')
        self.audit()
        self.assertEqual((issue.state, late.fieldpromax_state), ('solved', 'sent'))

    def test_trouble_of_a_look_is_shown_and_it_goes_on(self):
        moves = self.sent_invoices(2)
        links = type(self.env['fieldpromax.link'])
        with (
            patch.object(links, '_take_audit_page', side_effect=RuntimeError('our own look-up fails')),
            self.assertLogs('odoo.addons.fieldpromax_accounting.models.fieldpromax_link_audit', 'ERROR'),
        ):
            self.audit()
        issue = self.env['fieldpromax.issue'].search([('cause_key', '=', 'program:audit')])
        self.assertEqual(issue.state, 'open')
        self.assertIn('tonight', issue.remedy)
        self.act_in_books(moves[0], action='void')
        self.audit()
        self.assertEqual(issue.state, 'solved')
        self.assertAttention(moves[0], 'It counts here')
        self.forget_requests()
        self._run_cron(self.env.ref('fieldpromax_accounting.ir_cron_audit'))
        self.assertEqual(self.asked(), [], 'once a night')
        self.connection.with_env(self.as_person(self.user_bookkeeper)).action_sync_now()
        self._run_cron(self.env.ref('fieldpromax_accounting.ir_cron_audit'))
        self.assertTrue(self.asked(), 'and when somebody asks for it')


@tagged('post_install', '-at_install')
class TestAudit(CreditCommon, XeroAfterPush, AuditScenarios, FieldpromaxPushCommon):
    def test_approving_or_editing_a_draft_there_is_no_drift(self):
        self.connection.invoice_status = 'draft'
        draft, approved = self.sent_invoices(2)
        self.audit()
        for move in (draft, approved):
            self.edit_reference_in_books(move, 'Accountant was here')
        self.act_in_books(approved, action='approve')
        self.audit()
        self.assertEqual((draft.fieldpromax_state, approved.fieldpromax_state), ('sent', 'sent'))
        self.assertEqual(self.link_of(approved).external_status, 'approved')
        # What is changed after the approval is.
        self.edit_reference_in_books(approved, 'And again')
        self.audit()
        self.assertAttention(approved, 'And again')
        self.assertEqual(draft.fieldpromax_state, 'sent')

    def test_receivables_of_both_sides(self):
        linked, paid, differing, orphan = self.sent_invoices(4)
        self.audit()
        self.act_in_books(paid, action='pay')
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {
                'invoices': [
                    {
                        'Type': 'ACCREC',
                        'InvoiceNumber': f'BOOKS-{number}',
                        'Contact': {'Name': 'Only There'},
                        'Date': '2026-11-02',
                        'DueDate': '2026-11-16',
                        'Status': status,
                        'LineItems': [
                            {
                                'Description': 'x',
                                'Quantity': 1,
                                'UnitAmount': 70,
                                'AccountCode': '200',
                                'TaxType': 'NONE',
                            }
                        ],
                    }
                    for number, status in enumerate(('AUTHORISED', 'AUTHORISED', 'DRAFT'))
                ]
            },
        )
        self.act_in_books(differing, action='pay', amount=15)
        orphan.with_context(fieldpromax_override=True, fieldpromax_no_push=True).button_draft()
        old, unsent = self.invoice(invoice_date='2020-01-31'), self.invoice(fieldpromax_do_not_sync=True)
        self.audit()
        self.env.flush_all()

        def rows():
            found = self.env['fieldpromax.receivable'].with_user(self.user_bookkeeper).search([])
            found.invalidate_recordset()
            return {
                (row.section, row.customer): (row.document_count, row.odoo_due, row.books_due, row.difference)
                for row in found
                if row.connection_id == self.connection
            }

        name, found = self.customer.name, rows()
        # Paid there counts as nothing there; reset here counts as nothing here.
        here = linked.amount_total + paid.amount_total + differing.amount_total
        there = linked.amount_total + differing.amount_total - 15 + orphan.amount_total
        count, odoo, books, difference = found['1_linked', name]
        self.assertEqual(count, 4)
        self.assertAlmostEqual(odoo, here)
        self.assertAlmostEqual(books, there)
        self.assertAlmostEqual(difference, here - there)
        self.assertEqual(found['2_only_odoo', name][:2], (1, unsent.amount_total))
        self.assertEqual(found['4_before_start', name][:2], (1, old.amount_total))
        self.assertEqual(found['3_only_books', 'Only There'], (2, 0, 140.0, 0), 'a draft is owed by nobody')
        self.assertFalse(
            self.env['fieldpromax.receivable'].with_user(self.user_bookkeeper_2).search([]), 'not of others'
        )
        self.assertTrue(
            self.env['fieldpromax.receivable'].search([('section', '=', '1_linked')], limit=1).as_of
        )
        with self.assertRaises(AccessError):
            self.env['fieldpromax.receivable'].with_user(self.user_invoice).search([])
        # What was not read yet is not called compared; what is paid or void in the books goes.
        self.link_of(linked).sudo().read_at = False
        self.simulator.control(
            'POST', '/_sim/organisations/US', {'invoices': [{'InvoiceNumber': 'BOOKS-0', 'action': 'void'}]}
        )
        self.env['fieldpromax.checkpoint'].sudo().search([('kind', '=', 'invoice')]).full_at = False
        self.env.flush_all()
        self.assertEqual(rows()['5_not_read', name][0], 1)
        # Looks are not a second apart.
        for row in self.env['fieldpromax.books.document'].sudo().search([]):
            row.read_at = fields.Datetime.subtract(row.read_at, minutes=1)
        self.audit()
        self.assertEqual(rows()['3_only_books', 'Only There'][0], 1)
        self.assertNotIn(('5_not_read', name), rows())

    def test_credit_notes_are_looked_over_as_invoices_are(self):
        first = self.refund()
        self.run_push(self.connection)
        self.confirm_mappings(self.connection)
        move = self.invoice()
        notes = edited, used, deleted = self.refund() | self.refund() | self.refund()
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        self.assertEqual(set((move | notes).mapped('fieldpromax_badge')), {'verified'})
        links = {note: self.link_of(note) for note in notes}
        name, total = self.customer.name, edited.amount_total
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {
                'credit_notes': [
                    {'CreditNoteNumber': edited.name, 'Reference': 'Agreed by phone'},
                    {
                        'CreditNoteNumber': used.name,
                        'action': 'allocate',
                        'invoice': move.name,
                        'amount': 15,
                    },
                    {
                        'Type': 'ACCRECCREDIT',
                        'CreditNoteNumber': 'BOOKS-9',
                        'Contact': {'Name': 'Only There'},
                        'Date': '2026-11-02',
                        'Status': 'AUTHORISED',
                        'LineItems': [
                            {'Description': 'x', 'UnitAmount': 30, 'AccountCode': '200', 'TaxType': 'NONE'}
                        ],
                    },
                ]
            },
        )
        unsent = self.refund(fieldpromax_do_not_sync=True)
        number = deleted.name
        # Past the hook, as when it fails: nothing is queued.
        deleted.with_context(fieldpromax_no_push=True).button_draft()
        deleted.with_context(fieldpromax_no_push=True, force_delete=True).unlink()
        self.audit()
        self.assertLessEqual(len(self.asked()), 3)
        self.assertAttention(edited, 'Agreed by phone')
        self.assertEqual(
            [(one.label, one.theirs) for one in edited.fieldpromax_issue_id.difference_ids],
            [('Reference', 'Agreed by phone')],
        )
        edited.fieldpromax_issue_id.with_user(self.user_bookkeeper).action_accept_theirs()
        self.env.invalidate_all()
        self.assertEqual((edited.ref, edited.fieldpromax_badge), ('Agreed by phone', 'verified'))
        self.assertEqual((used.fieldpromax_state, links[used].external_due), ('sent', total - 15))
        with self.assertRaisesRegex(UserError, 'A part of it is allocated'):
            used.with_user(self.user_bookkeeper).button_draft()
        # What is open of credit notes lowers what is owed, on both sides.
        self.env.flush_all()
        found = {
            (row.section, row.customer): (row.document_count, row.odoo_due, row.books_due)
            for row in self.env['fieldpromax.receivable'].search([('connection_id', '=', self.connection.id)])
        }
        count, odoo, books = found['1_linked', name]
        self.assertEqual(count, 4)
        self.assertAlmostEqual(odoo, move.amount_total - first.amount_total - 2 * total)
        # The allocation is in the books alone: it lowers both documents there, and not what is owed in all.
        self.assertAlmostEqual(books, odoo)
        self.assertEqual(found['2_only_odoo', name][:2], (1, -unsent.amount_total))
        self.assertEqual(found['3_only_books', 'Only There'], (1, 0, -30.0))
        # Deleted here and still counting there: a person is told once, and nothing is voided.
        orphan = [('cause', '=', 'orphan'), ('link_id', '=', links[deleted].id)]
        issue = self.env['fieldpromax.issue'].search(orphan)
        self.assertEqual(issue.state, 'open')
        self.assertIn(number, issue.title)
        issue.with_user(self.user_bookkeeper).action_leave_there()
        self.audit()
        self.assertEqual(
            self.env['fieldpromax.issue'].search(orphan), issue, 'whoever left it is not asked again'
        )
        self.assertEqual(links[deleted].external_status, 'approved')


@tagged('post_install', '-at_install')
class TestQuickBooksAudit(QuickBooksAfterPush, AuditScenarios, QuickBooksPushCommon):
    def test_deleted_in_the_books_is_noticed(self):
        deleted, long_ago = self.sent_invoices(2)
        self.audit()
        self.act_in_books(deleted, action='delete')
        self.audit()
        self.assertAttention(deleted, 'It counts here')
        self.assertIn('was deleted in', deleted.fieldpromax_issue_id.title)
        self.assertEqual(self.link_of(deleted).external_status, 'deleted')
        # Longer ago than change data capture tells: found by what does not come any more.
        self.act_in_books(long_ago, action='delete')
        self.env['fieldpromax.checkpoint'].sudo().search([('kind', '=', 'invoice')]).full_at = False
        self.link_of(long_ago).sudo().seen_at -= timedelta(days=8)
        self.audit()
        self.assertAttention(long_ago, 'It counts here')
