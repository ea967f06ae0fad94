"""The first import taken back: what it made is archived where nothing uses it, what it overwrote is given back, what it
linked is taken apart; what cannot be undone is said."""

from odoo.tests import tagged

from .test_pull import PullCommon


@tagged('post_install', '-at_install')
class TestPrevious(PullCommon):
    def setUp(self):
        super().setUp()
        self.connection = self.connect('US')
        self.run_pull(self.connection)
        self.run = self.connection.run_ids
        self.partner = self.own_customer

    def overwrite(self, run, values, record=None):
        record = record or self.partner
        before = {name: record[name] for name in values}
        record.write(values)
        run._note_previous(record, before)

    def test_first_value_before_and_last_value_written(self):
        country = self.env.ref('base.us')
        self.overwrite(self.run, {'phone': '1', 'country_id': country.id})
        self.overwrite(self.run, {'phone': '2'})
        change = self.env['fieldpromax.run.change'].search([('run_id', '=', self.run.id)])
        self.assertEqual(change.previous, {'phone': [False, '2'], 'country_id': [False, country.id]})
        self.assertEqual(change.company_id, self.company)

    def test_later_runs_keep_nothing(self):
        run = self.env['fieldpromax.run'].sudo()._start(self.connection, 'incremental')
        self.overwrite(run, {'phone': '1'})
        self.overwrite(run.browse(), {'phone': '2'})
        self.assertFalse(self.env['fieldpromax.run.change'].search([]))
