"""Which invoices go over: journals, start date, marks; older ones together, counted before they are sent."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .push_common import FieldpromaxPushCommon


@tagged('post_install', '-at_install')
class TestPushScope(FieldpromaxPushCommon):
    def arrange_more(self):
        self.env.ref('base.EUR').active = True
        type(self).other_journal = self.env['account.journal'].create(
            {
                'name': 'Web shop',
                'code': 'WEB',
                'type': 'sale',
                'company_id': self.company.id,
                'default_account_id': self.company_data['default_account_revenue'].id,
            }
        )

    def wizard(self, user=None, **values):
        """The question as a person opens it from the overview."""
        env = self.as_person(user or self.user_bookkeeper)
        self.env.flush_all()
        action = self.connection.with_env(env).action_send_older()
        wizard = env['fieldpromax.push.older'].browse(action['res_id'])
        wizard.write({'date_from': self.day(60), **values})
        return wizard

    def day(self, ago):
        return fields.Date.today() - timedelta(days=ago)

    def older(self, count=1, ago=20, post=True, **values):
        moves = self.env['account.move'].create(
            [self._invoice_values(invoice_date=self.day(ago), **values) for _number in range(count)]
        )
        if post:
            moves.action_post()
        return moves

    # === JOURNALS === #

    def test_only_the_chosen_journals(self):
        self.connection.push_journal_ids = self.company_data['default_journal_sale']
        move, own = self.invoice(journal_id=self.other_journal.id), self.invoice()
        self.assertEqual(move.fieldpromax_state, 'not_sent')
        self.assertIn('journal "Web shop"', move.fieldpromax_reason)
        exchanges = self.env['fieldpromax.exchange'].sudo()
        exchanges._sweep(self.connection)
        self.run_push(self.connection)
        self.assertSent(own)
        self.assertFalse(self.exchange_of(move))
        move.with_user(self.user_invoice).action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertSent(move)
        third = self.invoice(journal_id=self.other_journal.id)
        self.connection.push_journal_ids = False
        exchanges._sweep(self.connection)
        self.run_push(self.connection)
        self.assertSent(third)
        for journal in (
            self.company_data['default_journal_purchase'],
            self.company_data_2['default_journal_sale'],
        ):
            with self.assertRaises(ValidationError):
                self.connection.push_journal_ids = journal

    # === OLDER INVOICES === #

    def test_older_ones_are_counted_sent_and_stopped(self):
        euro = self.env.ref('base.EUR')
        self.connection.organization_currencies = 'USD,AUD'
        marked = self.env['res.partner'].create({'name': 'Marked Ltd', 'fieldpromax_do_not_sync': True})
        self.connection.organization_lock_date = self.day(50)
        good = self.older(3)
        against = {
            'kept out': self.older(fieldpromax_do_not_sync=True),
            'customers are marked': self.older(partner=marked),
            'currency': self.older(currency_id=euro.id),
            'closed': self.older(ago=55),
            'Drafts': self.older(post=False),
        }
        sent = self.older()
        sent.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertSent(sent)
        self.assertEqual(set(good.mapped('fieldpromax_state')), {'not_sent'})
        # Every reason here is one that the invoice itself gives, and none is overlooked.
        for text, moves in against.items():
            if text != 'closed':
                self.assertTrue(moves._fieldpromax_why_not(self.connection, forced=True), text)
        for move in good:
            self.assertEqual(move._fieldpromax_why_not(self.connection, forced=True), '')
        wizard = self.wizard()
        self.assertEqual((wizard.count, wizard.amount), (3, sum(good.mapped('amount_total'))))
        self.assertEqual(wizard.skipped_count, len(against) + 1)
        for text in (*against, 'are in Xero already'):
            self.assertIn(text, wizard.skipped_html)
        self.assertEqual(
            self.exchange_of(good[0]), self.env['fieldpromax.exchange'], 'nothing is queued by looking'
        )
        self.assertEqual(self.wizard(journal_ids=self.other_journal.ids).count, 0)
        self.assertEqual(self.wizard(partner_ids=marked.ids).count, 0)
        self.assertEqual(self.wizard(partner_ids=self.customer.ids).count, 3)
        with self.assertRaises(UserError):
            self.wizard(partner_ids=marked.ids).action_start()

        wizard.action_start()
        batch = self.connection.push_batch_ids
        self.assertEqual((batch.total_count, batch.waiting_count, batch.state), (3, 3, 'running'))
        self.assertEqual(batch.requested_by_id, self.user_bookkeeper)
        self.assertTrue(self.connection.is_moving)
        self.assertEqual(self.wizard().count, 0, 'what waits is not asked for twice')
        new = self.invoice()
        ready = self.env['fieldpromax.exchange'].sudo()._ready(self.connection, 'invoice', 10)
        self.assertEqual(ready[0].move_id, new, 'history waits for what is posted now')
        self.assertEqual(ready[1:].move_id, good)

        with self.assertRaises(AccessError):
            batch.with_env(self.as_person(self.user_invoice)).action_stop()
        batch.with_env(self.as_person(self.user_bookkeeper)).action_stop()
        self.assertEqual((batch.state, batch.not_sent_count), ('stopped', 3))
        self.assertIn(self.user_bookkeeper.name, self.exchange_of(good[0]).reason)
        self.run_push(self.connection)
        self.assertSent(new)
        self.assertEqual(set(good.mapped('fieldpromax_state')), {'not_sent'})
        with self.assertRaises(UserError):
            batch.with_env(self.as_person(self.user_bookkeeper)).action_stop()

        self.wizard().action_start()
        self.run_push(self.connection)
        for move in good:
            self.assertSent(move)
        self.assertFalse(self.connection.push_batch_ids, 'what is over is not on the overview any more')
        last = self.env['fieldpromax.push.batch'].search([], limit=1)
        self.assertEqual((last.progress, last.state), (100, 'done'))

    def test_who_may_send_older_ones(self):
        for user in (self.user_invoice, self.user_employee, self.user_bookkeeper_2):
            with self.assertRaises(AccessError, msg=user.login):
                self.connection.with_env(self.as_person(user)).action_send_older()
        wizard = self.wizard()
        with self.assertRaises(AccessError):
            wizard.with_env(self.as_person(self.user_invoice)).action_start()
