"""What goes wrong on the way: every outcome ends in the right state with a sentence, exactly once in the books."""

from contextlib import nullcontext
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.addons.fieldpromax_accounting import pacing
from odoo.addons.fieldpromax_accounting.models.fieldpromax_connection import FieldpromaxConnection
from odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange import FieldpromaxExchange
from odoo.tests import tagged

from .push_common import FieldpromaxPushCommon

INVOICES = '/Invoices'


class Killed(BaseException):
    """The worker is gone: nothing catches this."""


@tagged('post_install', '-at_install')
class TestPushFaults(FieldpromaxPushCommon):
    def setUp(self):
        super().setUp()
        # The customer is there already: the faults below meet the invoice alone.
        self.run_push_of_customer()
        self.simulator.forget_requests()

    def run_push_of_customer(self):
        self.env['fieldpromax.exchange']._enqueue(self.connection, 'contact', self.customer)
        self.run_push(self.connection)
        self.assertTrue(self.link_of(self.customer))

    def puts(self):
        return self.simulator.requests(path=INVOICES, method='PUT')

    # === BEFORE IT TOOK EFFECT === #

    def test_faults_before_the_effect_recover(self):
        for fault, state in [
            ('reset', 'uncertain'),
            ('status:500', 'uncertain'),
            ('status:503', 'uncertain'),
            ('html', 'uncertain'),
            ('empty', 'uncertain'),
            ('429:minute', 'retry'),
            ('429:concurrent', 'retry'),
        ]:
            with self.subTest(fault=fault):
                move = self.invoice()
                self.simulator.fault(fault, INVOICES, 'PUT')
                self.run_push(self.connection)
                exchange = self.exchange_of(move)
                self.assertEqual(exchange.state, state)
                self.assertTrue(exchange.reason)
                self.assertEqual(move.fieldpromax_state, 'retrying')
                self.assertEqual(self.in_books(move), [])
                # A 500 stays with its key for as long as Xero keeps it: then it is looked up and sent anew.
                for seconds in (10, 400, 400):
                    self.let_time_pass(seconds)
                    self.run_push(self.connection)
                self.assertSent(move)

    # === AFTER IT TOOK EFFECT === #

    def test_lost_answers_do_not_double(self):
        for fault in ('timeout_after', 'reset_after', 'truncated', 'wrong_content_type'):
            with self.subTest(fault=fault):
                move = self.invoice()
                self.simulator.fault(fault, INVOICES, 'PUT')
                self.run_push(self.connection)
                if fault != 'wrong_content_type':  # the body is whole: it may be read all the same
                    self.assertEqual(self.exchange_of(move).state, 'uncertain')
                first_key = self.exchange_of(move).call_id.key
                self.let_time_pass(10)
                self.run_push(self.connection)
                self.assertSent(move)
                self.assertEqual(self.exchange_of(move).call_id.key, first_key, 'the very same call again')

    def test_forgotten_key_is_looked_up_and_adopted(self):
        move = self.invoice()
        self.simulator.fault('timeout_after', INVOICES, 'PUT')
        self.run_push(self.connection)
        self.simulator.forget_requests()
        self.let_time_pass(600)
        self.run_push(self.connection)
        self.assertEqual(self.puts(), [], 'looked up, not sent again')
        self.assertSent(move)

    def test_time_out_before_is_looked_up_and_sent_again(self):
        move = self.invoice()
        self.simulator.fault('timeout_before', INVOICES, 'PUT')
        self.run_push(self.connection)
        self.assertEqual(self.exchange_of(move).state, 'uncertain')
        self.let_time_pass(600)
        self.run_push(self.connection)
        self.assertSent(move)

    def test_look_up_waits_until_the_provider_has_surely_ended(self):
        move = self.invoice()
        self.simulator.fault('timeout_after', INVOICES, 'PUT')
        self.run_push(self.connection)
        call = self.exchange_of(move).call_id
        call.sudo().write(
            {
                'first_sent_at': fields.Datetime.now() - timedelta(minutes=10),
                'last_sent_at': fields.Datetime.now() - timedelta(seconds=60),
            }
        )
        self.make_due()
        self.simulator.forget_requests()
        self.run_push(self.connection)
        exchange = self.exchange_of(move)
        self.assertEqual(exchange.state, 'uncertain')
        self.assertGreater(exchange.next_attempt_at, fields.Datetime.now() + timedelta(seconds=60))
        self.assertEqual(self.simulator.requests(path=INVOICES), [])

    def test_somebody_elses_invoice_of_that_number_is_not_adopted(self):
        move = self.invoice()
        self.simulator.fault('timeout_before', INVOICES, 'PUT')
        self.run_push(self.connection)
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {
                'invoices': [
                    {
                        'Type': 'ACCREC',
                        'InvoiceNumber': move.name,
                        'Contact': {'Name': 'Stranger'},
                        'Status': 'DRAFT',
                    }
                ]
            },
        )
        self.let_time_pass(600)
        self.run_push(self.connection)
        self.assertAttention(move, 'Total')

    # === THE WORKER DIES === #

    def test_killed_between_claim_and_answer(self):
        move = self.invoice()
        with patch.object(FieldpromaxExchange, '_call', side_effect=Killed):
            self.run_until_killed()
        self.assertEqual(self.exchange_of(move).state, 'sending')
        self.assertTrue(self.exchange_of(move).call_id.body)
        self.run_push(self.connection)
        self.assertSent(move)

    def test_killed_between_answer_and_commit(self):
        move = self.invoice()
        with patch.object(FieldpromaxExchange, '_record', side_effect=Killed):
            self.run_until_killed()
        self.assertEqual(len(self.in_books(move)), 1, 'it stands there, and Odoo does not know')
        self.assertNotEqual(move.fieldpromax_state, 'sent')
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(len({row['key'] for row in self.puts()}), 1)

    def run_until_killed(self):
        """The driver itself: a cron job would turn the death into a log line.

        Without the lock, whose cursor shares the one session of a test: its end would undo what was committed under it.
        """
        self.env.flush_all()
        killed = False
        try:
            with (
                patch.object(
                    FieldpromaxConnection, '_exclusive', lambda connection, wait=0.0: nullcontext(True)
                ),
                self.env.registry.cursor() as cr,
            ):
                self.connection.with_env(self.env(cr=cr))._cron_push()
        except Killed:
            killed = True
        self.assertTrue(killed, 'assertRaises would undo what was committed')
        self.env.invalidate_all()

    def test_what_the_program_does_not_know_is_shown_and_recovered_from(self):
        move = self.invoice()
        with (
            patch.object(FieldpromaxExchange, '_drive_ready', side_effect=KeyError('of some addon')),
            self.assertLogs('odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange', 'ERROR'),
        ):
            self.run_push(self.connection)
        issue = self.env["fieldpromax.issue"].search([("cause_key", "=", "program:push")])
        self.assertEqual(issue.state, 'open')
        self.assertIn('Xero', issue.title)
        self.assertEqual(move.fieldpromax_state, 'waiting')
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(issue.state, 'solved')

    # === LIMITS === #

    def test_slow_provider_is_asked_once_a_run(self):
        """One cron worker may serve all companies: whoever waited for an answer lets the others have their turn."""
        move = self.invoice(partner=self.env['res.partner'].create({'name': 'Slow Lane Laundry'}))
        triggers, cron = self.env['ir.cron.trigger'].sudo(), self.connection.sudo().push_cron_id
        with patch.object(pacing, 'SLOW_ANSWER', 1e-6):
            for _run in range(8):
                self.simulator.forget_requests()
                began = fields.Datetime.now()
                # As when something is posted meanwhile.
                woken = triggers.create({'cron_id': cron.id, 'call_at': fields.Datetime.now()})
                self.run_push(self.connection)
                asked = self.simulator.requests(path='/api.xro/')
                self.assertLessEqual(len(asked), 1, asked)
                if move.fieldpromax_state == 'sent':
                    break
                self.assertFalse(woken.exists(), 'others, who are due by now, come first')
                following = triggers.search([('cron_id', '=', cron.id)])
                self.assertTrue(following, 'it goes on by itself')
                self.assertGreater(min(following.mapped('call_at')), began)
        self.assertSent(move)

    def test_slow_provider_is_read_a_page_a_run(self):
        self.connection.with_user(self.user_bookkeeper).action_sync_now()
        latest = self.env['fieldpromax.run'].search([('connection_id', '=', self.connection.id)], limit=1)
        asked = []
        with patch.object(pacing, 'SLOW_ANSWER', 1e-6):
            for _run in range(8):
                self.simulator.forget_requests()
                self.run_pull(self.connection)
                asked.append(len(self.simulator.requests(path='/api.xro/')))
                run = self.env['fieldpromax.run'].search([('id', '>', latest.id)])
                if run.state == 'done':
                    break
        # Customers, products, payments.
        self.assertEqual(asked, [1, 1, 1])
        self.assertEqual(run.state, 'done', run.reason)

    def test_rate_limit_postpones_everything_and_says_until_when(self):
        moves = self.invoice() | self.invoice()
        self.simulator.fault('429:day', INVOICES, 'PUT')
        self.run_push(self.connection)
        later = self.invoice()
        exchanges = self.env['fieldpromax.exchange'].search([('move_id', 'in', moves.ids)])
        self.assertEqual(set(exchanges.mapped('state')), {'retry'})
        for exchange in exchanges:
            self.assertIn('limit', exchange.reason)
            self.assertGreater(exchange.next_attempt_at, fields.Datetime.now())
        self.assertTrue(all('Retrying at' in move.fieldpromax_headline for move in moves))
        self.make_due()
        self.run_push(self.connection)
        for move in moves | later:
            self.assertSent(move)

    # === WHO WE ARE === #

    def test_token_that_expires_in_the_middle_is_refreshed(self):
        move = self.invoice()
        self.simulator.expire_access_tokens()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertEqual(self.connection.state, 'connected')

    def test_withdrawn_consent_keeps_the_queue_and_reconnecting_resumes(self):
        move = self.invoice()
        self.simulator.revoke_tokens()
        self.simulator.expire_access_tokens()
        self.run_push(self.connection)
        self.assertEqual(self.connection.state, 'reauth_required')
        self.assertIn(self.exchange_of(move).state, ('queued', 'retry'))
        self.assertEqual(move.fieldpromax_state, 'waiting')
        self.assertIn('Connect again in the settings', move.fieldpromax_reason)
        activities = self.connection.activity_ids
        self.assertEqual(activities.user_id, self.connection.connected_by_id)
        self.connect('US')
        self.run_push(self.connection)
        self.assertSent(move)

    def test_missing_permission_is_not_the_records_fault(self):
        move = self.invoice()
        self.simulator.fault('status:403', INVOICES, 'PUT')
        self.run_push(self.connection)
        self.assertNotEqual(self.connection.state, 'connected')
        self.assertIn(self.exchange_of(move).state, ('queued', 'retry'))

    # === EDITS MEANWHILE === #

    def test_edit_while_it_is_being_sent_makes_a_row_that_waits(self):
        move = self.invoice()
        call = FieldpromaxExchange._call
        edited = []

        def edit_then_call(exchanges, connection, stored):
            if stored.operation == 'invoice.create' and not edited:
                edited.append(True)
                exchanges._enqueue(connection, 'invoice', move)
            return call(exchanges, connection, stored)

        with patch.object(FieldpromaxExchange, '_call', edit_then_call):
            self.run_push(self.connection)
        rows = self.env['fieldpromax.exchange'].search([('move_id', '=', move.id)])
        self.assertEqual(len(rows), 2)
        self.assertEqual(set(rows.mapped('state')), {'done'})
        self.assertSent(move)

    def test_failed_row_gives_way_to_the_newer_one(self):
        move = self.invoice()
        call = FieldpromaxExchange._call

        def edit_then_call(exchanges, connection, stored):
            exchanges._enqueue(connection, 'invoice', move)
            return call(exchanges, connection, stored)

        self.simulator.fault('429:minute', INVOICES, 'PUT')
        with patch.object(FieldpromaxExchange, '_call', edit_then_call):
            self.run_push(self.connection)
        rows = self.env['fieldpromax.exchange'].search([('move_id', '=', move.id)], order='id')
        self.assertEqual(rows[0].state, 'cancelled')
        self.assertIn('later change', rows[0].reason)
        self.make_due()
        self.run_push(self.connection)
        self.assertSent(move)

    def test_queueing_twice_keeps_one_open_row(self):
        move = self.invoice()
        exchange = self.exchange_of(move)
        exchange.sudo().write(
            {'state': 'retry', 'attempts': 3, 'next_attempt_at': fields.Datetime.now() + timedelta(hours=4)}
        )
        self.env['fieldpromax.exchange']._enqueue(self.connection, 'invoice', move)
        self.assertEqual(self.env['fieldpromax.exchange'].search([('move_id', '=', move.id)]), exchange)
        self.assertEqual((exchange.state, exchange.attempts), ('queued', 0))
        self.assertLessEqual(exchange.next_attempt_at, fields.Datetime.now())
