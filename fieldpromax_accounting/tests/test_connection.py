from odoo.tests import tagged

from .common import FieldpromaxCommon


@tagged('post_install', '-at_install')
class TestConnection(FieldpromaxCommon):
    def test_connect(self):
        connection = self.connect('US')
        self.assertEqual(connection.state, 'connected')
        self.assertEqual(connection.company_id, self.company)
        self.assertEqual(connection.organization_name, 'Lakeside Field Services LLC')
        self.assertEqual(connection.currency_id.name, 'USD')
        self.assertEqual(connection.connected_by_id, self.user_manager)
        self.assertEqual(connection.push_cron_id.user_id, self.env.ref('base.user_root'))
