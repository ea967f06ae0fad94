from datetime import timedelta

from odoo import Command, fields
from odoo.tests import TransactionCase, tagged

from ..models import fieldpromax_call, fieldpromax_exchange_history, fieldpromax_run


@tagged('post_install', '-at_install')
class TestHistory(TransactionCase):
    """History is trimmed, and nothing goes that is open or the last word about a record."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env['res.company'].create({'name': 'Long in business'})
        cls.connection = cls.env['fieldpromax.connection'].create(
            {
                'company_id': cls.company.id,
                'provider': 'xero',
                'organization_external_id': 'history',
                'organization_name': 'History Ltd',
            }
        )
        cls.customer, cls.other, cls.deleted = cls.env['res.partner'].create(
            [{'name': name} for name in ('Kept', 'Other', 'Deleted')]
        )
        cls.now = fields.Datetime.now()

    def exchange(self, state, days, record=None, **values):
        """One that ended so many days ago, or lives."""
        return self.env['fieldpromax.exchange'].create(
            {
                'connection_id': self.connection.id,
                'company_id': self.company.id,
                'kind': 'contact',
                'partner_id': (record or self.customer).id,
                'state': state,
                'done_at': self.now - timedelta(days=days) if state in ('done', 'cancelled') else False,
                **values,
            }
        )

    def call(self, key, days):
        call = self.env['fieldpromax.call'].create(
            {'connection_id': self.connection.id, 'key': key, 'operation': 'contact.create'}
        )
        call.flush_recordset()
        self.env.cr.execute(
            'UPDATE fieldpromax_call SET create_date = %s WHERE id = %s',
            [self.now - timedelta(days=days), call.id],
        )
        return call

    def trim(self, model='exchange'):
        return getattr(self.env[f'fieldpromax.{model}'], f'_gc_{model}s')()

    def test_exchanges(self):
        batch = self.env['fieldpromax.push.batch'].create(
            {'connection_id': self.connection.id, 'scope_text': 'All of last year'}
        )
        counted = self.exchange('done', 410, batch_id=batch.id)
        first = self.exchange('done', 400)
        called_off = self.exchange('cancelled', 300)
        sent = self.exchange('done', 200)
        last = self.exchange('cancelled', 150)
        euros = self.exchange('done', 390, role='EUR')
        only = self.exchange('done', 500, self.other)
        # A newer one lives: until it ended, the last outcome is the one before.
        live = self.exchange('blocked', 0)
        recent, newest = self.exchange('done', 80, self.other), self.exchange('done', 10, self.other)
        orphan = self.exchange('done', 400, self.deleted)
        organization = self.exchange('done', 400, kind='organization', partner_id=False)
        young = self.exchange('done', 20, kind='organization', partner_id=False)
        self.deleted.unlink()

        dropped, more = self.trim()

        gone = first | called_off | only | orphan | organization
        kept = last | euros | live | recent | newest | counted | sent | young
        self.assertFalse(gone.exists())
        self.assertEqual(kept.exists(), kept)
        self.assertEqual((dropped, more), (len(gone), False))
        self.assertEqual(self.trim(), (0, False))

    def test_how_long_is_a_parameter(self):
        parameters = self.env['ir.config_parameter']
        old, last = self.exchange('done', 60), self.exchange('done', 50)
        for told, is_kept in (('', True), ('nonsense', True), ('61', True), ('2', False)):
            with self.subTest(told=told):
                parameters.set_param('fieldpromax_accounting.history_days', told)
                self.trim()
                self.assertEqual(bool(old.exists()), is_kept)
        self.assertTrue(last.exists())
        # A month is the least: a person looks back on that.
        parameters.set_param('fieldpromax_accounting.history_days', '0')
        young, _last = self.exchange('done', 29), self.exchange('done', 1)
        self.trim()
        self.assertTrue(young.exists())

    def test_batches(self):
        for _number in range(5):
            self.exchange('done', 200)
        self.patch(fieldpromax_exchange_history, 'AT_ONCE', 3)
        self.assertEqual([self.trim(), self.trim()], [(3, True), (1, False)])
        calls = [self.call(f'batch-{number}', 200) for number in range(4)]
        self.patch(fieldpromax_call, 'AT_ONCE', 3)
        self.assertEqual([self.trim('call'), self.trim('call')], [(3, True), (1, False)])
        self.assertFalse(any(call.exists() for call in calls))

    def test_calls_and_runs(self):
        relied_on, ended, young = self.call('live', 200), self.call('ended', 200), self.call('young', 20)
        self.exchange('uncertain', 0, call_id=relied_on.id)
        last = self.exchange('done', 200, self.other, call_id=ended.id)
        self.assertEqual(self.trim('call'), (1, False))
        self.assertFalse(ended.exists())
        self.assertEqual((relied_on | young).exists(), relied_on | young)
        self.assertTrue(last.exists())
        self.assertFalse(last.call_id)

        long_ago = self.now - timedelta(days=200)
        runs = self.env['fieldpromax.run'].create(
            [
                {'connection_id': self.connection.id, 'kind': kind, 'state': state, 'ended_at': ended_at}
                for kind, state, ended_at in (
                    ('initial', 'done', long_ago),
                    ('incremental', 'done', long_ago),
                    ('incremental', 'failed', long_ago),
                    ('incremental', 'running', False),
                    ('incremental', 'done', long_ago),
                )
            ]
        )
        self.patch(fieldpromax_run, 'RUNS_AT_ONCE', 1)
        self.assertEqual(
            [self.trim('run'), self.trim('run'), self.trim('run')], [(1, True), (1, True), (0, False)]
        )
        self.assertEqual(runs.exists(), runs[0] | runs[3] | runs[4])

        # After a week, what came across nothing.
        week_ago = self.now - timedelta(days=8)
        empty, failed, telling, newest = self.env['fieldpromax.run'].create(
            [
                {
                    'connection_id': self.connection.id,
                    'kind': 'incremental',
                    'state': state,
                    'ended_at': week_ago,
                    'line_ids': [
                        Command.create({'kind': 'contact', 'state': 'done', 'done': 1, 'updated': updated})
                    ],
                }
                for state, updated in (('done', 0), ('failed', 0), ('done', 3), ('done', 0))
            ]
        )
        self.patch(fieldpromax_run, 'RUNS_AT_ONCE', 1000)
        # The one that was the newest before goes with it.
        self.assertEqual(self.trim('run'), (2, False))
        self.assertFalse((empty | runs[4]).exists())
        self.assertEqual((failed | telling | newest).exists(), failed | telling | newest)
