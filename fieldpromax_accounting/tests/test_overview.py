"""What the first page of Accounting Sync says in words."""

from odoo.tests import tagged

from .common import ConnectingCommon


@tagged('post_install', '-at_install')
class TestOverview(ConnectingCommon):
    def waiting(self, connection, kind, external_ids):
        self.env['fieldpromax.match'].sudo().search([('connection_id', '=', connection.id)]).unlink()
        return self.add_waiting(connection, kind, external_ids)

    def add_waiting(self, connection, kind, external_ids):
        self.env['fieldpromax.match'].sudo().create(
            [
                {
                    'connection_id': connection.id,
                    'company_id': connection.company_id.id,
                    'kind': kind,
                    'external_id': external_id,
                    'external_name': f'{kind} {external_id}',
                }
                for external_id in external_ids
            ]
        )
        connection.invalidate_recordset()
        return connection.match_text

    def test_what_waits_for_a_decision(self):
        connection = self.connect()
        self.assertEqual(self.waiting(connection, 'contact', ['1']), '1 customer waits for your decision.')
        self.assertEqual(
            self.add_waiting(connection, 'contact', ['2']), '2 customers wait for your decision.'
        )
        self.assertEqual(
            self.add_waiting(connection, 'item', ['1']), '2 customers and 1 product wait for your decision.'
        )
        self.assertEqual(connection.match_count, 3, 'the ids of customers and products may be the same')
        self.assertEqual(self.waiting(connection, 'item', ['1']), '1 product waits for your decision.')
        self.assertEqual(
            self.add_waiting(connection, 'item', ['2', '3']), '3 products wait for your decision.'
        )
