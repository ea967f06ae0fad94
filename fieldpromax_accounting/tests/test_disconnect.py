from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..hooks import uninstall_hook
from ..models.fieldpromax_connection import FieldpromaxConnection
from ..providers import errors
from .common import ConnectingCommon


@tagged('post_install', '-at_install')
class TestDisconnect(ConnectingCommon):
    """Disconnecting removes this organization and no other, and deletes nothing."""

    def arrange_class(self):
        type(self).connection = self.connect('US')
        type(self).other = self.connect('AU', user=self.user_manager_2)

    def setUp(self):
        super().setUp()
        self.credentials = self.env['fieldpromax.credential'].sudo()
        self.simulator.forget_requests()

    def person(self, connection, user=None):
        return connection.with_env(self.as_person(user or self.user_manager))

    def removal(self, connection):
        return (
            self.env['fieldpromax.exchange']
            .sudo()
            .search(
                [('connection_id', '=', connection.id), ('kind', '=', 'organization')],
                order='id desc',
                limit=1,
            )
        )

    def removed(self):
        return [row['path'] for row in self.simulator.requests('/connections', 'DELETE')]

    def has_credential(self, connection):
        return bool(self.credentials.search([('connection_id', '=', connection.id)]))

    def test_question_tells_the_numbers(self):
        self.env['fieldpromax.link'].sudo().create(
            {
                'connection_id': self.connection.id,
                'company_id': self.company.id,
                'kind': 'contact',
                'external_id': 'x',
                'partner_id': self.shared_customer.id,
            }
        )
        action = self.person(self.connection).action_confirm_disconnect()
        self.assertEqual((action['target'], action['res_id']), ('new', self.connection.id))
        self.connection.invalidate_recordset()
        for part in ('What changes', 'removed at Xero', 'customers: 1, products: 0', 'What waits'):
            self.assertIn(part, self.connection.disconnect_text)
        self.assertEqual(self.connection.state, 'connected')

    def test_disconnect(self):
        partners, links = (
            self.env[name].sudo().search_count([]) for name in ('res.partner', 'fieldpromax.link')
        )
        self.person(self.connection).action_disconnect()
        # At once, without asking anybody.
        self.assertEqual(self.connection.state, 'disconnected')
        self.assertFalse(self.simulator.requests())
        self.assertTrue(self.has_credential(self.connection))
        self.assertEqual(self.removal(self.connection).state, 'queued')
        self.run_push(self.connection)
        self.assertEqual(self.removed(), [f'/connections/{self.connection.remote_connection_external_id}'])
        self.assertFalse(self.simulator.requests('/connect/revocation'))
        self.assertEqual(self.removal(self.connection).state, 'done')
        self.assertFalse(self.has_credential(self.connection))
        # The same person's other company is not touched.
        self.assertEqual(self.other.state, 'connected')
        self.assertEqual(self.other._talk(lambda provider: provider.get_organization()).currency, 'AUD')
        # Nothing is sent or read any more, and nothing was deleted.
        self.simulator.forget_requests()
        self.run_push(self.connection)
        self.run_pull(self.connection)
        self.assertFalse(self.simulator.requests())
        self.assertEqual(self.env['res.partner'].sudo().search_count([]), partners)
        self.assertEqual(self.env['fieldpromax.link'].sudo().search_count([]), links)
        # A second click changes nothing.
        self.person(self.connection).action_disconnect()
        self.assertEqual(self.removal(self.connection).state, 'done')

    def test_crons_are_left_alone(self):
        crons = self.connection.push_cron_id | self.connection.pull_cron_id
        before = crons.read(['active', 'nextcall', 'write_date'])
        with patch.object(type(crons), 'write', side_effect=AssertionError('a cron was written')):
            self.person(self.connection).action_disconnect()
        self.env.invalidate_all()
        self.assertEqual(crons.read(['active', 'nextcall', 'write_date']), before)

    def test_provider_down(self):
        self.person(self.connection).action_disconnect()
        self.simulator.fault('status:503', path='/connections', method='DELETE')
        self.run_push(self.connection)
        self.assertEqual(self.removal(self.connection).state, 'retry')
        self.assertTrue(self.has_credential(self.connection))
        self.simulator.clear_faults()
        self.removal(self.connection).next_attempt_at = False
        self.removal(self.connection)._requeue()
        self.run_push(self.connection)
        self.assertFalse(self.has_credential(self.connection))

    def test_expired_token_is_renewed_for_it(self):
        self.simulator.expire_access_tokens()
        self.person(self.connection).action_disconnect()
        self.run_push(self.connection)
        self.assertTrue(self.removed())
        self.assertEqual(self.removal(self.connection).state, 'done')

    def test_consent_was_gone_before(self):
        self.simulator.expire_access_tokens()
        self.simulator.revoke_tokens()
        self.person(self.connection).action_disconnect()
        self.run_push(self.connection)
        self.assertEqual(self.removal(self.connection).state, 'done')
        self.assertFalse(self.has_credential(self.connection))

    def test_after_reauthorization_was_required(self):
        self.connection._on_provider_error(errors.ReauthorizationRequired('gone'))
        self.person(self.connection).action_disconnect()
        self.assertFalse(self.removal(self.connection))
        self.assertFalse(self.has_credential(self.connection))
        self.assertEqual(self.connection.state, 'disconnected')

    def test_reconnect_calls_the_removal_off(self):
        self.person(self.connection).action_disconnect()
        removal = self.removal(self.connection)
        self.assertEqual(self.connect('US'), self.connection)
        self.assertEqual(removal.state, 'cancelled')
        self.simulator.forget_requests()
        self.run_push(self.connection)
        self.connection._perform_removal()  # a driver that read the state before
        self.assertFalse(self.removed())
        self.assertTrue(self.has_credential(self.connection))

    def test_removed_during_the_consent(self):
        """The consent came first and the removal after it: what was consented to is gone, so the person
        is asked again."""
        self.person(self.connection).action_disconnect()
        authorization = self.connect(['US', 'AU'])
        row = authorization.organization_ids.filtered('connectable')
        self.removal(self.connection).write({'state': 'done', 'done_at': '2099-01-01 00:00:00'})
        with self.assertRaisesRegex(UserError, 'Click Connect once more'):
            self.as_person(self.user_manager)[row._name].browse(row.id).action_connect()

    def test_another_provider_may_follow(self):
        self.person(self.connection).action_disconnect()
        self.assertFalse(self.env['fieldpromax.connection']._active_for(self.company))

    def test_only_managers_of_the_company(self):
        for user in (self.user_bookkeeper, self.user_invoice, self.user_portal, self.user_manager_2):
            with self.assertRaises(UserError):
                self.person(self.connection, user).action_disconnect()
        self.assertEqual(self.connection.state, 'connected')

    # === UNINSTALL === #

    def test_uninstall(self):
        crons = (self.connection | self.other).push_cron_id | (self.connection | self.other).pull_cron_id
        uninstall_hook(self.env)
        self.assertFalse(crons.exists())
        self.assertEqual(
            set(self.removed()),
            {
                f'/connections/{connection.remote_connection_external_id}'
                for connection in (self.connection | self.other)
            },
        )
        self.assertFalse(self.simulator.requests('/connect/revocation'))

    def test_uninstall_while_the_provider_is_down(self):
        self.simulator.fault('status:503', path='/connections', method='DELETE', times=None)
        crons = self.connection.push_cron_id | self.connection.pull_cron_id
        uninstall_hook(self.env)
        self.assertFalse(crons.exists())
        self.assertEqual(len(self.removed()), 2)  # one attempt each

    def test_uninstall_gives_it_five_seconds(self):
        asked = []
        remove = FieldpromaxConnection._remove_at_provider

        def watched(connection, **timeouts):
            asked.append(timeouts)
            return remove(connection, **timeouts)

        with patch.object(FieldpromaxConnection, '_remove_at_provider', watched):
            uninstall_hook(self.env)
        self.assertEqual(asked, [{'connect_timeout': 5.0, 'read_timeout': 5.0}] * 2)
