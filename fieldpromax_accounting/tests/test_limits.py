"""The limits of the provider are kept from this side, and what was called is counted."""

import time
from unittest.mock import patch

from odoo.tests import tagged

from .. import pacing
from ..providers import dto, errors
from .push_common import FieldpromaxPushCommon


@tagged('post_install', '-at_install')
class TestLimits(FieldpromaxPushCommon):
    def limit(self, calls):
        self.env['ir.config_parameter'].sudo().set_param(
            'fieldpromax_accounting.xero_calls_per_minute', str(calls)
        )

    def meter(self, purpose='push', patience=0.0):
        connection = self.connection._as_driver(purpose)
        meter = connection._meter()
        meter._purpose = pacing.Purpose(meter._purpose.share, meter._purpose.kept, patience)
        return meter

    def meters(self, purpose):
        self.env.invalidate_all()
        return self.env['fieldpromax.meter'].search(
            [('connection_id', '=', self.connection.id), ('purpose', '=', purpose)]
        )

    def age_tickets(self, seconds):
        self.env.cr.execute(
            "UPDATE fieldpromax_ticket SET started_at = started_at - %s * interval '1 second'", (seconds,)
        )

    def test_slow_is_who_answers_late(self):
        """What a request waits for its turn does not make a provider slow."""
        self.limit(0)
        meter = self.meter()
        with patch.object(pacing, 'SLOW_ANSWER', 0.2):
            with patch.object(pacing.Meter, '_wait_for_ticket', lambda _meter, _lane: time.sleep(0.3)):
                ticket = meter.enter('call')
            meter.leave(ticket, 200, dto.Limits())
            self.assertFalse(meter.was_slow())
            ticket = meter.enter('call')
            time.sleep(0.3)
            meter.leave(ticket, 200, dto.Limits())
            self.assertTrue(meter.was_slow())

    def test_limits_of_a_minute(self):
        self.limit(20)
        push, pull = self.meter(), self.meter('pull')
        for _call in range(14):
            pull.leave(pull.enter('call'), 200, dto.Limits())
        # Reading leaves a share to what people send.
        with self.assertRaises(errors.RateLimited) as caught:
            pull.enter('call')
        self.assertEqual((caught.exception.limit, caught.exception.code), ('minute', 'paced'))
        self.assertTrue(55 < caught.exception.retry_after <= 61, caught.exception.retry_after)
        tickets = [push.enter('call') for _call in range(4)]
        # Four are under way, and Xero takes five: one place stays free.
        with self.assertRaises(errors.RateLimited) as caught:
            push.enter('call')
        self.assertEqual(caught.exception.limit, 'concurrent')
        for ticket in tickets:
            push.leave(ticket, 200, dto.Limits())
        push.leave(push.enter('call'), 200, dto.Limits())
        with self.assertRaises(errors.RateLimited):
            push.enter('call')
        # What a killed process left behind holds its place for two minutes and no longer.
        self.age_tickets(62)
        for _call in range(4):
            push.enter('call')
        self.age_tickets(131)
        push.enter('call')
        self.assertEqual(self.env['fieldpromax.ticket'].sudo().search_count([]), 1)

    def test_what_the_provider_says_is_left_counts(self):
        self.limit(60)
        meter = self.meter()
        # Another database uses the same app: it is known from the answer alone.
        meter.leave(meter.enter('call'), 200, dto.Limits(minute_remaining=3))
        for _call in range(2):
            meter.leave(meter.enter('call'), 0, dto.Limits())
        with self.assertRaises(errors.RateLimited):
            meter.enter('call')
        # What a refusal says is over when it is tried again.
        self.age_tickets(62)
        meter.leave(meter.enter('call'), 429, dto.Limits(minute_remaining=0))
        meter.leave(meter.enter('call'), 200, dto.Limits())

    def test_few_calls_are_left_today(self):
        self.limit(60)
        person = self.meter('person')
        person.leave(person.enter('call'), 200, dto.Limits(day_remaining=400))
        for purpose, stops in [('audit', True), ('pull', False), ('push', False)]:
            if stops:
                with self.assertRaises(errors.RateLimited) as caught:
                    self.meter(purpose).enter('call')
                self.assertEqual(caught.exception.limit, 'reserve')
            else:
                self.assertTrue(self.meter(purpose).enter('call'))
        person.leave(None, 200, dto.Limits(day_remaining=200))
        move = self.invoice()
        self.env['fieldpromax.run'].sudo()._start(self.connection, 'incremental')
        self.run_pull(self.connection)
        run = self.env['fieldpromax.run'].search([('connection_id', '=', self.connection.id)], limit=1)
        self.assertEqual(run.state, 'waiting')
        self.assertIn('kept for what people send', run.reason)
        # It is no trouble of the connection, and what people send goes on.
        self.assertFalse(self.connection.shown_trouble)
        self.assertNotEqual(self.meters('push').day_left, 200)
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertTrue(self.meters('push').calls >= 2)
        # The simulator says 5,000 a day: now reading goes on, too.
        run.sudo().next_attempt_at = False
        self.run_pull(self.connection)
        self.assertEqual(run.state, 'done', run.reason)
        self.assertIn('left', self.connection.calls_text)
        self.assertRegex(self.connection.calls_text, r'^\d+ calls, [\d,]+ left$')

    def test_an_exhausted_minute_holds_back_and_loses_nothing(self):
        self.limit(3)
        moves = self.invoice() | self.invoice()
        with patch.dict(pacing.PURPOSES, {'push': pacing.Purpose(1.0, 0, 0.0)}):
            self.run_push(self.connection)
            exchange = self.exchange_of(moves[0])
            self.assertIn(exchange.state, ('queued', 'retry'))
            self.assertTrue(exchange.reason)
            self.assertFalse(self.connection.shown_trouble)
            for _minute in range(6):
                self.age_tickets(62)
                self.make_due()
                self.run_push(self.connection)
        for move in moves:
            self.assertSent(move)
        refused = [row for row in self.simulator.requests() if row['status'] == 429]
        self.assertEqual(refused, [])

    def test_pause_after_a_lost_answer_makes_no_second_one(self):
        """An answer 429, or our own pause, says nothing about the attempt before."""
        for fault in ('429:minute', 'status:403', 'status:401'):
            with self.subTest(fault=fault):
                move = self.invoice()
                self.simulator.fault('timeout_after', '/Invoices', 'PUT')
                self.run_push(self.connection)
                self.assertEqual(self.exchange_of(move).state, 'uncertain')
                self.simulator.fault(fault, '/Invoices', 'PUT', times=2 if '401' in fault else 1)
                self.let_time_pass(10)
                self.run_push(self.connection)
                self.assertEqual(self.exchange_of(move).state, 'uncertain')
                self.assertTrue(self.exchange_of(move).reason)
                if self.connection.state != 'connected':
                    self.connection.sudo().write({'state': 'connected'})
                self.let_time_pass(600)
                self.run_push(self.connection)
                self.assertSent(move)
