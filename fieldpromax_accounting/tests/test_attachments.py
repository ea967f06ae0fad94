"""Files of invoices: attached in the books after their document, once, each with its own trouble."""

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .push_common import FieldpromaxPushCommon

PDF = b'%PDF-1.7 made up \x00\xff\xfe\r\nmore\n%%EOF'
EXCHANGES = 'odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange'


@tagged('post_install', '-at_install')
class TestAttachments(FieldpromaxPushCommon):
    def arrange_more(self):
        self.connection.write({'attach_pdf': True, 'attach_files': True})
        # Within one transaction everything is made at the same time, which is before this.
        self.connection.attach_since = fields.Datetime.subtract(fields.Datetime.now(), days=1)

    # === ARRANGE === #

    def file(self, move, name='Plan.pdf', content=PDF, **values):
        return self.env['ir.attachment'].create(
            {'name': name, 'raw': content, 'res_model': 'account.move', 'res_id': move.id, **values}
        )

    def make_pdf(self, move, content=PDF + b' the invoice'):
        """What Odoo does when the invoice is sent to the customer."""
        name = move._get_invoice_report_filename()
        file = self.file(move, name, content, res_field='invoice_pdf_report_file', mimetype='application/pdf')
        move.invalidate_recordset(['invoice_pdf_report_id', 'invoice_pdf_report_file'])
        return file

    def sweep(self):
        driver = self.connection._as_driver()
        driver.env['fieldpromax.exchange']._sweep(driver)

    # === LOOK === #

    def there(self, move=None):
        """``{name: size}`` of the files in the books; of one document, or of all."""
        key = self.link_of(move).external_id if move else None
        found = self.books('attachments')
        return {one['FileName']: one['ContentLength'] for one in found if not key or key in one['Url']}

    def rows(self, move):
        return self.env['fieldpromax.attachment'].search([('move_id', '=', move.id)], order='id')

    def text(self, move):
        move.invalidate_recordset(['fieldpromax_files_text'])
        return move.fieldpromax_files_text

    def uploads(self):
        return len(self.simulator.requests(path='/Attachments/', method='PUT'))

    def open_issues(self):
        return self.env['fieldpromax.issue'].search([('state', '=', 'open')])

    # === TESTS === #

    def test_with_the_invoice_later_and_after_a_reset(self):
        move = self.invoice(post=False)
        text_picture = self.file(move, 'logo.png', b'\x89PNG\r\n\x1a\n' + bytes(20))
        self.file(move, 'Plan/of <b>house</b>.pdf')
        self.file(move, 'Copy.pdf')
        self.file(move, 'plan_of _B_house__b_.pdf', PDF + b' other')
        self.env['mail.message'].create(
            {
                'model': 'account.move',
                'res_id': move.id,
                'body': f'<img src="/web/image/{text_picture.id}?access_token=x">',
            }
        )
        move.action_post()
        self.assertFalse(
            self.simulator.requests(path='/Attachments'), 'nothing is sent while the person waits'
        )
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertTrue(self.link_of(move).verified_at)
        self.assertEqual(
            self.there(move),
            {'Plan_of _b_house__b_.pdf': len(PDF), 'plan_of _B_house__b_ (2).pdf': len(PDF) + 6},
        )
        self.assertEqual(
            self.text(move),
            '2 files are attached in Xero. Odoo has not made a PDF yet: it follows when the invoice is sent.',
        )
        self.make_pdf(move)
        self.run_push(self.connection)
        pdf = move._get_invoice_report_filename()
        self.assertEqual(self.there(move)[pdf], len(PDF) + 12)
        self.assertEqual(self.text(move), '3 files are attached in Xero.')
        before = self.uploads()
        self.sweep()
        self.run_push(self.connection)
        self.assertEqual(self.uploads(), before, 'what is there is not sent again')
        # Posted anew, it has another PDF; the former one is no file of the chatter that would go once more.
        move.button_draft()
        move.invoice_line_ids.price_unit = 120.0
        move.action_post()
        self.make_pdf(move, PDF + b' the invoice, changed')
        self.run_push(self.connection)
        self.sweep()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.there(move)[pdf.replace('.pdf', ' (2).pdf')], len(PDF) + 21)
        self.assertEqual((self.uploads(), len(self.there(move))), (before + 1, 4))
        # A file that comes later goes with the sweep, a credit note like an invoice.
        self.file(move, 'Later.txt', b'later')
        self.sweep()
        self.run_push(self.connection)
        self.assertEqual(self.there(move)['Later.txt'], 5)
        note = self.invoice(move_type='out_refund')
        self.run_push(self.connection)
        self.make_pdf(note)
        self.run_push(self.connection)
        self.assertEqual(self.there(note), {note._get_invoice_report_filename(): len(PDF) + 12})

    def test_refused_before_anything_is_sent(self):
        """Each by its own issue, and never the invoice."""
        move = self.invoice(post=False)
        bad = self.file(move, 'setup.exe')
        self.file(move, 'empty.txt', b'')
        self.file(move, 'good.txt', b'good')
        move.action_post()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.there(move), {'good.txt': 4})
        self.assertEqual(self.uploads(), 1)
        self.assertIn('"setup.exe" has the type "exe"', self.text(move))
        self.assertIn('"empty.txt" is empty', self.text(move))
        self.assertEqual(len(self.open_issues()), 2)
        self.assertEqual(self.open_issues().move_id, move)
        # Taken off the invoice, it is no trouble any more.
        bad.unlink()
        self.sweep()
        self.run_push(self.connection)
        self.assertEqual(len(self.open_issues()), 1)

    def test_a_lost_answer_and_a_file_that_is_too_large_there(self):
        move = self.invoice()
        self.run_push(self.connection)
        pdf = self.make_pdf(move)
        self.simulator.fault('timeout_after', path='/Attachments/', method='PUT')
        self.run_push(self.connection)
        self.assertEqual(self.text(move), '1 file waits to be attached.')
        self.assertSent(move)
        # Looked up after the provider has forgotten the key.
        self.let_time_pass(3600)
        self.run_push(self.connection)
        self.assertEqual(list(self.there(move)), [pdf.name])
        self.assertEqual((self.uploads(), self.text(move)), (1, '1 file is attached in Xero.'))
        self.file(move, 'big.txt', b'big')
        self.sweep()
        self.simulator.fault('status:413', path='/Attachments/', method='PUT')
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertIn('"big.txt" is not attached in Xero', self.text(move))
        self.assertEqual(self.open_issues().move_id, move)
        exchange = self.env['fieldpromax.exchange'].search([('kind', '=', 'attachment')], limit=1)
        self.assertTrue(exchange.can_retry)
        exchange.action_retry()
        # A garbled answer: the same key again, and one file.
        self.simulator.fault('truncated', path='/Attachments/', method='PUT')
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        self.assertEqual(len(self.there(move)), 2)
        self.assertFalse(self.open_issues())
        self.assertFalse(
            [call for call in self.env['fieldpromax.call'].search([]) if 'PDF-1.7' in (call.body or '')]
        )

    def test_changed_voided_and_somebody_elses_file_of_the_same_name(self):
        first, second = self.invoice(), self.invoice()
        self.run_push(self.connection)
        # An accountant's file keeps its name.
        theirs = self.file(first, 'Plan.pdf', b'theirs')
        self.sweep()
        self.run_push(self.connection)
        self.rows(first).sudo().unlink()
        theirs.unlink()
        self.file(first, 'Plan.pdf')
        self.sweep()
        self.run_push(self.connection)
        self.assertEqual(self.there(first), {'Plan.pdf': 6, 'Plan (2).pdf': len(PDF)})
        # Changed while it waits: the new content goes.
        file = self.file(first, 'Note.txt', b'one')
        self.sweep()
        file.raw = b'two, longer'
        self.sweep()
        self.run_push(self.connection)
        self.assertEqual(self.there(first)['Note (2).txt'], 11)
        self.assertNotIn('Note.txt', self.there(first))
        # Voided there before its file went.
        self.file(second, 'Late.txt', b'late')
        self.sweep()
        self.link_of(second).sudo().external_status = 'void'
        self.run_push(self.connection)
        self.assertFalse(self.there(second))
        row = self.rows(second)
        exchange = self.env['fieldpromax.exchange'].search([('file_id', '=', row.id)])
        self.assertEqual((exchange.state, 'is void in Xero' in exchange.reason), ('cancelled', True))
        self.assertFalse(self.open_issues())

    def test_a_consent_without_files_and_the_switches(self):
        provider_class = type(self.connection._deciding_provider())
        self.patch(provider_class, 'permits_files', classmethod(lambda cls, scopes: False))
        move = self.invoice()
        self.run_push(self.connection)
        self.make_pdf(move)
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.connection.state, 'connected')
        self.assertFalse(self.simulator.requests(path='/Attachments'))
        self.assertIn('leave all permissions ticked', self.text(move))
        self.patch(provider_class, 'permits_files', classmethod(lambda cls, scopes: True))
        self.run_push(self.connection)
        self.assertEqual(len(self.there(move)), 1, 'noticed unasked')
        self.assertFalse(self.open_issues())
        # Switched off and on again: what was in the books by then gets nothing unasked.
        self.connection.write({'attach_pdf': False, 'attach_files': False})
        other = self.invoice()
        self.file(other)
        self.run_push(self.connection)
        self.assertFalse(self.text(other))
        self.connection.write({'attach_files': True})
        self.connection.attach_since = fields.Datetime.add(fields.Datetime.now(), minutes=1)
        self.sweep()
        self.run_push(self.connection)
        self.assertFalse(self.there(other))

    def sent_there(self, move):
        (found,) = self.in_books(move)
        return bool(found.get('SentToContact'))

    def test_sent_follows_the_sending_in_odoo(self):
        """A mark and nothing else: one that is refused or lost is no trouble of the invoice, and no drift."""
        first, second = self.invoice(), self.invoice(post=False)
        second.is_move_sent = True
        second.action_post()
        self.run_push(self.connection)
        self.assertFalse(self.sent_there(first))
        self.assertTrue(self.sent_there(second), 'it was sent before it arrived')
        verified, hashed = self.link_of(first).verified_at, self.link_of(first).sent_hash
        first.is_move_sent = True
        self.assertFalse(self.sent_there(first), 'nothing is sent while the person waits')
        self.simulator.fault('timeout_after', path='/Invoices/', method='POST')
        self.run_push(self.connection)
        self.assertSent(first)
        self.let_time_pass(3600)
        self.run_push(self.connection)
        self.assertTrue(self.sent_there(first))
        self.assertSent(first)
        self.assertEqual((self.link_of(first).verified_at, self.link_of(first).sent_hash), (verified, hashed))
        marks = self.env['fieldpromax.exchange'].search([('kind', '=', 'sent_mark')])
        self.assertEqual(marks.mapped('state'), ['done', 'done'])
        third = self.invoice()
        self.run_push(self.connection)
        self.simulator.fault('status:404', path='/Invoices/', method='POST')
        third.is_move_sent = True
        self.run_push(self.connection)
        self.assertSent(third)
        self.assertFalse(self.open_issues())

    def test_whatever_fails_in_the_hook_stops_nobody_and_rights(self):
        move = self.invoice()
        self.run_push(self.connection)

        def broken(*_args, **_kwargs):
            raise ValueError('broken')

        with mute_logger(EXCHANGES):
            self.patch(type(self.env['fieldpromax.attachment']), '_queue_of', broken)
            pdf = self.make_pdf(move)
        self.assertTrue(pdf.exists())
        row = (
            self.env['fieldpromax.attachment']
            .sudo()
            .create(
                {
                    'connection_id': self.connection.id,
                    'company_id': self.company.id,
                    'move_id': move.id,
                    'attachment_id': pdf.id,
                    'name': pdf.name,
                }
            )
        )
        for user in (self.user_portal, self.user_employee):
            with self.assertRaises(AccessError):
                row.with_user(user).read(['name'])
        self.assertEqual(row.with_user(self.user_invoice).name, pdf.name)
        with self.assertRaises(AccessError):
            row.with_user(self.user_invoice).write({'name': 'x'})
        with self.assertRaises(AccessError):
            row.with_user(self.user_manager_2).with_company(self.company_2).read(['name'])
