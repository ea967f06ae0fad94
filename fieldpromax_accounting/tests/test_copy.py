from pathlib import Path

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..providers import errors
from .common import ConnectingCommon

NEUTRALIZE = Path(__file__).resolve().parents[1] / 'data' / 'neutralize.sql'


@tagged('post_install', '-at_install')
class TestCopy(ConnectingCommon):
    """A copied or neutralized database talks to nobody until an administrator says what it is."""

    def arrange_class(self):
        type(self).connection = self.connect('US')

    def setUp(self):
        super().setUp()
        self.credentials = self.env['fieldpromax.credential'].sudo()
        self.person = self.connection.with_env(self.as_person(self.user_manager))
        self.simulator.forget_requests()

    def assertSilent(self):
        """Nothing whatever reaches the provider, and the reason is told."""
        self.env.flush_all()
        self.run_push(self.connection)
        self.run_pull(self.connection)
        self.run_refresh()
        with self.assertRaises(errors.HostRefused):
            self.connection._talk(lambda provider: provider.list_accounts())
        self.assertFalse(self.connection._allow_host('127.0.0.1'))
        with self.assertRaises(UserError):
            self.person.action_sync_now()
        with self.assertRaises(UserError):
            self.start_consent()
        self.env['fieldpromax.connection']._uninstall()
        self.assertFalse(self.simulator.requests())

    def test_each_trait_tells_a_copy(self):
        self.assertFalse(self.connection._is_copy())
        for name in ('database_uuid', 'database_name', 'database_oid'):
            value = self.connection[name]
            self.assertTrue(value)
            self.connection[name] = 'another'
            self.assertTrue(self.connection._is_copy())
            self.assertEqual(self.connection.status, 'copy')
            self.connection[name] = value
        self.assertFalse(self.connection._is_copy())

    def test_copy_is_silent(self):
        with self.other_database():
            self.assertSilent()
            self.assertEqual(self.connection.state, 'copy')
            self.assertIn('is a copy', self.connection._silence_reason())

    def test_copy_is_noted_once(self):
        with self.other_database():
            self.run_pull(self.connection)
            self.run_push(self.connection)
            self.assertEqual(self.connection.state, 'copy')
            self.assertEqual(len(self.connection.activity_ids), 1)
            self.assertEqual(self.connection.activity_ids.user_id, self.user_manager)

    def test_claim(self):
        with self.other_database():
            self.run_push(self.connection)
            self.person.action_claim_database()
            self.assertEqual(self.connection.state, 'connected')
            self.assertFalse(self.connection._is_copy())
            self.assertFalse(self.connection.activity_ids)
            self.assertEqual(
                self.connection._talk(lambda provider: provider.get_organization()).currency, 'USD'
            )

    def test_claim_without_tokens(self):
        self.credentials.search([]).unlink()
        with self.other_database():
            self.person.action_claim_database()
            self.assertEqual(self.connection.state, 'reauth_required')
            self.assertEqual(self.connect('US'), self.connection)
            self.assertEqual(self.connection.state, 'connected')

    def test_keep_apart(self):
        with self.other_database():
            self.run_push(self.connection)
            self.person.action_keep_apart()
            self.assertEqual(self.connection.state, 'disconnected')
            self.assertFalse(self.credentials.search([('connection_id', '=', self.connection.id)]))
            self.run_push(self.connection)
            self.assertFalse(self.simulator.requests())

    def test_disconnecting_a_copy_leaves_the_original_alone(self):
        with self.other_database():
            self.person.action_disconnect()
            self.assertEqual(self.connection.state, 'disconnected')
            self.run_push(self.connection)
            self.assertFalse(self.simulator.requests())

    def test_removal_queued_before_the_copy_was_made(self):
        self.person.action_disconnect()
        with self.other_database():
            self.run_push(self.connection)
            self.assertFalse(self.simulator.requests())

    def test_both_buttons_do_nothing_in_the_original(self):
        self.person.action_claim_database()
        self.person.action_keep_apart()
        self.assertEqual(self.connection.state, 'connected')

    def test_only_managers_decide(self):
        with self.other_database():
            for user in (self.user_portal, self.user_invoice, self.user_bookkeeper, self.user_manager_2):
                person = self.connection.with_env(self.as_person(user))
                with self.assertRaises(UserError):
                    person.action_claim_database()
                with self.assertRaises(UserError):
                    person.action_keep_apart()

    # === NEUTRALIZED === #

    def neutralize(self):
        self.env.flush_all()
        self.env.cr.execute(NEUTRALIZE.read_text())
        self.env['ir.config_parameter'].sudo().set_param('database.is_neutralized', 'true')
        self.env.invalidate_all()

    def test_neutralized(self):
        open_choice = self.connect(['US', 'AU'])
        self.simulator.forget_requests()
        self.neutralize()
        self.assertEqual(self.connection.state, 'copy')
        self.assertEqual(open_choice.state, 'failed')
        for model, name in (
            ('fieldpromax.credential', 'token_set_encrypted'),
            ('fieldpromax.authorization', 'token_set_encrypted'),
            ('fieldpromax.authorization', 'code_verifier_encrypted'),
            ('fieldpromax.app', 'client_secret_encrypted'),
        ):
            self.assertFalse(self.env[model].sudo().search([(name, '!=', False)]), (model, name))
        self.assertIn('neutralized', self.connection._silence_reason())
        self.assertSilent()

    def test_neutralized_and_claimed_is_still_silent(self):
        self.neutralize()
        self.person.action_claim_database()
        self.assertEqual(self.connection.state, 'reauth_required')
        self.assertSilent()

    def test_neutralize_leaves_a_disconnected_one(self):
        self.connection.state = 'disconnected'
        self.neutralize()
        self.assertEqual(self.connection.state, 'disconnected')
