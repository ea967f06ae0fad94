import os
import stat
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest.mock import patch

from cryptography.fernet import Fernet
from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL

from .. import encryption
from ..exceptions import EncryptionKeyMissing
from ..models.fieldpromax_credential import dump_token_set
from ..providers import dto, errors
from .common import CLIENT_ID, CLIENT_SECRET, ConnectingCommon


@tagged('post_install', '-at_install')
class TestCredential(ConnectingCommon):
    """Secrets in the database and the renewal of tokens."""

    def setUp(self):
        super().setUp()
        self.credentials = self.env['fieldpromax.credential'].sudo()
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def other_server(self, key=''):
        """As on a server with another data directory, and with this key in its environment."""
        path = Path(self.folder) / 'fieldpromax_accounting' / 'encryption.key'
        environment = {encryption.ENVIRONMENT_VARIABLE: key}
        stack = patch.dict(os.environ, environment)
        self.enterContext(patch.object(encryption, 'key_file', lambda: path))
        self.enterContext(stack)
        return path

    def forget_all(self):
        encryption.forget(self.env)
        self.env.flush_all()

    def expire(self, connection, **delta):
        token = self.credentials._token_set(connection)
        changed = dto.TokenSet(
            **{
                name: getattr(token, name)
                for name in ('access_token', 'refresh_token', 'scopes', 'user_external_id', 'consent_id')
            },
            expires_at=datetime.now(timezone.utc) + timedelta(**delta),
        )
        self.credentials.search([('connection_id', '=', connection.id)]).write(
            {'token_set_encrypted': encryption.encrypt(self.env, dump_token_set(changed))}
        )
        self.env.flush_all()
        return changed

    def refreshes(self):
        return len(self.simulator.requests('/connect/token')) - 1  # the first one was for the code

    # === KEYS === #

    def test_key_file(self):
        self.forget_all()
        path = self.other_server()
        value = encryption.encrypt(self.env, 'a secret')
        self.assertNotIn('a secret', value)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)
        self.assertEqual([file.name for file in path.parent.iterdir()], ['encryption.key'])
        self.assertEqual(encryption.decrypt(self.env, value), 'a secret')
        before = path.read_text()
        encryption._create_key_file(self.env)  # who comes second takes what is there
        self.assertEqual(path.read_text(), before)

    def test_no_key_is_made_while_secrets_exist(self):
        connection = self.connect()
        for key in ('', Fernet.generate_key().decode()):
            path = self.other_server(key)
            self.assertTrue(encryption.is_missing(self.env))
            with self.assertRaises(EncryptionKeyMissing):
                encryption.encrypt(self.env, 'new')
            with self.assertRaisesRegex(EncryptionKeyMissing, 'FIELDPROMAX_ACCOUNTING_KEY'):
                self.credentials._get_access_token(connection)
            with self.assertRaises(EncryptionKeyMissing):
                self.start_consent()
            self.assertFalse(path.exists())
            self.assertIn('Encryption key missing', connection._silence_reason())
            asked = len(self.simulator.requests())
            self.run_refresh()
            self.run_push(connection)
            self.run_pull(connection)
            self.assertEqual(len(self.simulator.requests()), asked)
            self.assertEqual(connection.state, 'connected')

    def test_unusable_key(self):
        self.other_server('not a key')
        with self.assertRaises(EncryptionKeyMissing) as caught:
            encryption.encrypt(self.env, 'x')
        self.assertNotIn('not a key', str(caught.exception))

    def test_keys_rotate(self):
        self.forget_all()
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        self.other_server(old)
        self.env['fieldpromax.app']._set_credentials('xero', CLIENT_ID, CLIENT_SECRET)
        connection = self.connect()
        token = self.credentials._token_set(connection)
        os.environ[encryption.ENVIRONMENT_VARIABLE] = f' {new} , {old}'
        self.assertEqual(self.credentials._token_set(connection), token)
        self.run_refresh()
        self.env.flush_all()
        os.environ[encryption.ENVIRONMENT_VARIABLE] = new
        self.assertFalse(encryption.is_missing(self.env))
        self.assertEqual(self.credentials._token_set(connection).refresh_token, token.refresh_token)
        self.assertEqual(self.env['fieldpromax.app']._get_credentials('xero').client_secret, CLIENT_SECRET)

    def test_key_lost_for_good(self):
        connection = self.connect()
        self.other_server()
        settings = self.as_person(self.user_manager)['res.config.settings'].create({})
        self.assertTrue(settings.fieldpromax_key_missing)
        settings.action_fieldpromax_forget_secrets()
        self.assertEqual(connection.state, 'reauth_required')
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', client_secret=CLIENT_SECRET)
        self.assertEqual(self.connect().id, connection.id)

    def test_secrets_are_nowhere_in_clear(self):
        connection = self.connect()
        token = self.credentials._token_set(connection)
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'fieldpromax%'"
        )
        tables = [row[0] for row in self.env.cr.fetchall()] + [
            'ir_config_parameter',
            'res_config_settings',
            'mail_message',
        ]
        for table in tables:
            self.env.cr.execute(SQL('SELECT t::text FROM %s t', SQL.identifier(table)))
            content = '\n'.join(row[0] for row in self.env.cr.fetchall())
            for secret in (CLIENT_SECRET, token.access_token, token.refresh_token):
                self.assertNotIn(secret, content, table)
        self.assertNotIn(token.access_token, repr(token))

    # === APP === #

    def test_app(self):
        apps = self.env['fieldpromax.app'].sudo()
        app = apps._of('xero')
        before = app.client_secret_encrypted
        apps._set_credentials('xero', client_secret='')
        apps._set_credentials('xero', client_id=None, client_secret=None)
        self.assertEqual(app.client_secret_encrypted, before)
        apps._set_credentials('xero', client_id=f'  {CLIENT_ID} ')
        self.assertEqual(app.client_secret_encrypted, before)
        apps._set_credentials('xero', client_id='another')
        self.assertFalse(app.client_secret_encrypted)
        self.assertEqual(apps._get_credentials('xero'), dto.AppCredentials('another', ''))
        apps._set_credentials('xero', client_id=CLIENT_ID, client_secret=' s3cret ')
        self.assertEqual(apps._get_credentials('xero').client_secret, 's3cret')
        apps._set_credentials('xero', CLIENT_ID, CLIENT_SECRET)
        self.connect()
        with self.assertRaisesRegex(UserError, 'cannot be empty'):
            apps._set_credentials('xero', client_id='')

    # === RENEWAL === #

    def test_valid_token_is_used(self):
        connection = self.connect()
        token = self.credentials._token_set(connection)
        self.assertEqual(self.credentials._get_access_token(connection), token.access_token)
        self.assertEqual(self.refreshes(), 0)

    def test_expiring_token_is_renewed(self):
        connection = self.connect()
        for delta in ({'seconds': 119}, {'seconds': -5}):
            old = self.expire(connection, **delta)
            self.assertNotEqual(self.credentials._get_access_token(connection), old.access_token)
            self.assertNotEqual(self.credentials._token_set(connection).refresh_token, old.refresh_token)
        self.assertEqual(self.refreshes(), 2)
        self.expire(connection, seconds=180)
        self.credentials._get_access_token(connection)
        self.assertEqual(self.refreshes(), 2)

    def test_refused_token_is_renewed_once(self):
        connection = self.connect()
        stale = self.credentials._get_access_token(connection)
        fresh = self.credentials._get_access_token(connection, stale=stale)
        self.assertNotEqual(fresh, stale)
        # Who comes with the same refusal a moment later takes what is there.
        self.assertEqual(self.credentials._get_access_token(connection, stale=stale), fresh)
        self.assertEqual(self.refreshes(), 1)

    def test_talk_renews_and_repeats(self):
        connection = self.connect()
        self.simulator.expire_access_tokens()
        self.assertEqual(connection._talk(lambda provider: provider.get_organization()).currency, 'USD')
        self.assertEqual(self.refreshes(), 1)

    def test_renewal_survives_the_callers_rollback(self):
        connection = self.connect()
        self.expire(connection, seconds=1)
        fresh = self.credentials._get_access_token(connection)
        self.env.invalidate_all()
        self.assertEqual(self.credentials._token_set(connection).access_token, fresh)

    def test_lost_answer_is_asked_again(self):
        """Xero takes the old refresh token for 30 minutes more."""
        connection = self.connect()
        old = self.expire(connection, seconds=1)
        self.simulator.fault('reset_after', path='/connect/token')
        with self.assertRaises(errors.ProviderError):
            self.credentials._get_access_token(connection)
        self.assertEqual(self.credentials._token_set(connection), old)
        self.assertTrue(self.credentials._get_access_token(connection))

    def test_consent_is_gone(self):
        connection = self.connect()
        self.simulator.revoke_tokens()
        with self.assertRaises(errors.ReauthorizationRequired):
            self.credentials._get_access_token(
                connection, stale=self.credentials._get_access_token(connection)
            )
        self.credentials._drop(connection)
        with self.assertRaises(errors.ReauthorizationRequired):
            self.credentials._get_access_token(connection)

    def test_other_failures_leave_everything(self):
        connection = self.connect()
        old = self.expire(connection, seconds=1)
        for fault in ('status:503', 'status:500', 'html', 'empty', 'reset', '429:minute'):
            self.simulator.fault(fault, path='/connect/token')
            with self.assertRaises(errors.ProviderError) as caught:
                self.credentials._get_access_token(connection)
            self.assertNotIsInstance(caught.exception, errors.ReauthorizationRequired, fault)
            self.assertFalse(connection._on_provider_error(caught.exception), fault)
            self.simulator.clear_faults()
        self.assertEqual(self.credentials._token_set(connection), old)
        self.assertEqual(connection.state, 'connected')

    def test_cron(self):
        """Idle consents are kept alive; a broken company stops no other."""
        first = self.connect()
        second = self.connect('AU', user=self.user_manager_2)
        self.run_refresh()
        self.assertEqual(self.refreshes(), 1)  # two consents, nothing idle
        idle = fields.Datetime.now() - timedelta(days=2)
        self.credentials.search([]).write({'refreshed_at': idle})
        # The first one's row cannot be read at all.
        broken = self.credentials.search([('connection_id', '=', first.id)])
        key = broken.token_set_encrypted.partition(':')[0]
        broken.token_set_encrypted = f'{key}:garbage'
        before = self.credentials._token_set(second).access_token
        self.env.flush_all()
        self.run_refresh()
        self.assertNotEqual(self.credentials._token_set(second).access_token, before)
        self.assertEqual((first | second).mapped('state'), ['connected', 'connected'])

    def test_cron_meets_what_nobody_foresaw(self):
        first = self.connect()
        second = self.connect('AU', user=self.user_manager_2)
        self.credentials.search([]).write({'refreshed_at': fields.Datetime.now() - timedelta(days=2)})
        before = self.credentials._token_set(second).access_token
        connection_class = type(first)
        keep_alive = connection_class._keep_alive

        def fails_for_the_first(connection):
            if connection == first:
                raise RuntimeError('never seen before')
            return keep_alive(connection)

        with (
            patch.object(connection_class, '_keep_alive', fails_for_the_first),
            self.assertLogs('odoo.addons.fieldpromax_accounting.models.fieldpromax_credential', 'ERROR'),
        ):
            self.run_refresh()
        self.assertNotEqual(self.credentials._token_set(second).access_token, before)
        issue = self.env['fieldpromax.issue'].search([('cause', '=', 'program')])
        self.assertEqual((issue.connection_id, issue.state), (first, 'open'))
        self.assertIn('Xero', issue.title)
        self.assertEqual(first.issue_count, 1)
        self.run_refresh()
        self.assertEqual(issue.state, 'solved')

    def test_cron_finds_the_consent_gone(self):
        first, second = self.connect(), self.connect('AU', user=self.user_manager_2)
        self.credentials.search([]).write({'refreshed_at': fields.Datetime.now() - timedelta(days=2)})
        self.simulator.revoke_tokens()
        self.run_refresh()
        self.assertEqual((first | second).mapped('state'), ['reauth_required', 'reauth_required'])
        self.assertEqual(first.activity_ids.user_id, self.user_manager)
        self.assertEqual(second.activity_ids.user_id, self.user_manager_2)
