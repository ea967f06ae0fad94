"""What only real, committed transactions show: two requests with one consent, two processes with one credential."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .. import encryption
from ..exceptions import ConsentRefused
from ..models.fieldpromax_credential import dump_token_set
from ..providers import dto, errors, transport
from .common import CLIENT_ID, CLIENT_SECRET, SEND, Simulator, answer_consent
from .quickbooks_common import QuickBooksSimulator, answer_intuit


@tagged('post_install', '-at_install')
class TestConcurrency(BaseCase):
    """Committed data on the main company, removed at the end."""

    @classmethod
    def _request_handler(cls, s, r, /, **kw):
        if type(s.get_adapter(r.url)).__module__ == transport.__name__:
            return SEND(s, r, **kw)
        return super()._request_handler(s, r, **kw)

    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        self.simulator = Simulator.start(type(self))
        self.simulator.reset()
        with self.transaction() as env:
            taken = env['fieldpromax.connection'].search([]) or env['fieldpromax.app'].search([])
            self.assertFalse(
                taken, 'These tests commit and remove what they find: they want a database of their own.'
            )
            env['ir.config_parameter'].set_param('fieldpromax_accounting.xero_base_url', self.simulator.url)
            env['fieldpromax.app']._set_credentials('xero', CLIENT_ID, CLIENT_SECRET)
            self.partners = (
                env['res.partner'].with_context(active_test=False).search([], order='id desc', limit=1).id
            )
        self.addCleanup(self.clean_up)

    def transaction(self, uid=SUPERUSER_ID):
        """``with self.transaction() as env``: an environment of its own, committed at the end."""
        test = self

        class Transaction:
            def __enter__(self):
                self.cr = test.registry.cursor()
                return api.Environment(self.cr, uid, {'allowed_company_ids': test.company_ids(self.cr)})

            def __exit__(self, kind, *exc_info):
                try:
                    if kind is None:
                        self.cr.commit()  # pylint: disable=invalid-commit
                finally:
                    self.cr.close()

        return Transaction()

    def company_ids(self, cr):
        return api.Environment(cr, SUPERUSER_ID, {}).ref('base.main_company').ids

    def clean_up(self):
        with self.transaction() as env:
            env['fieldpromax.connection'].search([]).unlink()
            env['fieldpromax.authorization'].search([]).unlink()
            env['fieldpromax.app'].search([]).unlink()
            env['ir.config_parameter'].set_param('fieldpromax_accounting.xero_base_url', False)

    def consent(self):
        with self.transaction() as env:
            admin = env.ref('base.user_admin').id
        with self.transaction(admin) as env:
            url = env['fieldpromax.authorization']._start('xero')
            currency = env.company.currency_id.name
        name = {'USD': 'Lakeside', 'AUD': 'Riverside', 'GBP': 'Thames', 'NZD': 'Southern'}[currency]
        return admin, answer_consent(url, [name])[1]

    def connect(self):
        admin, params = self.consent()
        with self.transaction(admin) as env:
            outcome = env['fieldpromax.authorization']._receive('xero', params)
        return outcome['connection_id']

    def at_once(self, function, times):
        """Call it in several threads that begin together; results or exceptions."""
        barrier = threading.Barrier(times)

        def run():
            threading.current_thread().dbname = self.registry.db_name
            barrier.wait(30)
            try:
                return function()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                return error

        with ThreadPoolExecutor(times) as pool:
            return [future.result(120) for future in [pool.submit(run) for _number in range(times)]]

    def token_requests(self):
        return len(self.simulator.requests('/connect/token'))

    def test_one_consent_in_three_requests(self):
        admin, params = self.consent()

        def receive():
            with self.transaction(admin) as env:
                return env['fieldpromax.authorization']._receive('xero', params)

        results = self.at_once(receive, 3)
        connected = [result for result in results if isinstance(result, dict)]
        refused = [result for result in results if isinstance(result, ConsentRefused)]
        self.assertEqual((len(connected), len(refused)), (1, 2), results)
        self.assertEqual(self.token_requests(), 1)
        with self.transaction() as env:
            self.assertEqual(env['fieldpromax.connection'].search([]).state, 'connected')

    def test_two_integrations_at_the_same_moment(self):
        """Both consents were given while nothing was connected: the database lets one of them in."""
        quickbooks = QuickBooksSimulator.start(type(self))
        quickbooks.reset()
        with self.transaction() as env:
            env['ir.config_parameter'].set_param('fieldpromax_accounting.quickbooks_base_url', quickbooks.url)
            env['fieldpromax.app']._set_credentials('quickbooks', CLIENT_ID, CLIENT_SECRET)
        admin, xero_params = self.consent()
        with self.transaction(admin) as env:
            url = env['fieldpromax.authorization']._start('quickbooks')
            currency = env.company.currency_id.name
        name = {'USD': 'Lakeside', 'AUD': 'Riverside', 'GBP': 'Thames'}[currency]
        params = {'xero': xero_params, 'quickbooks': answer_intuit(url, name)[1]}
        left = ['xero', 'quickbooks']

        def receive():
            provider = left.pop()
            with self.transaction(admin) as env:
                return env['fieldpromax.authorization']._receive(provider, params[provider])

        with mute_logger('odoo.sql_db'):
            results = self.at_once(receive, 2)
        connected = [result for result in results if isinstance(result, dict)]
        refused = [result for result in results if isinstance(result, ConsentRefused)]
        self.assertEqual((len(connected), len(refused)), (1, 1), results)
        self.assertRegex(str(refused[0]), 'Disconnect .* first')
        with self.transaction() as env:
            [connection] = env['fieldpromax.connection'].search([])
            self.assertEqual(connection.state, 'connected')
            env['ir.config_parameter'].set_param('fieldpromax_accounting.quickbooks_base_url', False)

    def test_request_repeated_by_odoo(self):
        """The code is exchanged and committed; then the process loses its transaction and Odoo repeats the request."""
        admin, params = self.consent()
        consumed = []
        with self.assertRaises(ZeroDivisionError), self.transaction(admin) as env:
            model = env['fieldpromax.authorization']
            with patch.object(self.registry[model._name], '_complete', lambda *args: 1 / 0):
                model._receive('xero', params, on_consumed=consumed.append)
        with self.transaction(admin) as env:
            outcome = env['fieldpromax.authorization']._receive('xero', params, resume=consumed[0])
        self.assertEqual(outcome['state'], 'done')
        self.assertEqual(self.token_requests(), 1)

    def expire(self, connection_id):
        with self.transaction() as env:
            credential = env['fieldpromax.credential'].search([('connection_id', '=', connection_id)])
            token = env['fieldpromax.credential']._token_set(credential.connection_id)
            changed = dto.TokenSet(
                access_token=token.access_token,
                refresh_token=token.refresh_token,
                expires_at=datetime.now(timezone.utc) + timedelta(seconds=10),
                scopes=token.scopes,
            )
            credential.token_set_encrypted = encryption.encrypt(env, dump_token_set(changed))

    def test_one_refresh_for_many(self):
        connection_id = self.connect()
        self.expire(connection_id)
        self.simulator.fault('slow:0.5', path='/connect/token', times=None)
        before = self.token_requests()

        def token():
            with self.transaction() as env:
                connection = env['fieldpromax.connection'].browse(connection_id)
                connection.state  # noqa: B018 - begins the snapshot before the others refresh
                return env['fieldpromax.credential']._get_access_token(connection)

        tokens = self.at_once(token, 4)
        self.assertEqual(len(set(tokens)), 1, tokens)
        self.assertIsInstance(tokens[0], str)
        self.assertEqual(self.token_requests() - before, 1)

    def test_refresh_outlives_the_caller(self):
        """The caller's transaction fails after the refresh: the new refresh token is not lost with it."""
        connection_id = self.connect()
        self.expire(connection_id)
        tokens = []
        with self.assertRaises(ZeroDivisionError), self.transaction() as env:
            connection = env['fieldpromax.connection'].browse(connection_id)
            tokens.append(env['fieldpromax.credential']._get_access_token(connection))
            raise ZeroDivisionError
        with self.transaction() as env:
            connection = env['fieldpromax.connection'].browse(connection_id)
            self.assertEqual(env['fieldpromax.credential']._get_access_token(connection), tokens[0])

    def test_disconnect_waits_for_no_sync(self):
        """While a driver is inside a call, holding the connection's lock and its cron, Disconnect is done at once."""
        connection_id = self.connect()
        with self.registry.cursor() as cron_cr:
            with self.transaction() as env:
                connection = env['fieldpromax.connection'].browse(connection_id)
                cron_ids = (connection.push_cron_id | connection.pull_cron_id).ids
            cron_cr.execute('SELECT id FROM ir_cron WHERE id IN %s FOR NO KEY UPDATE', (tuple(cron_ids),))
            with self.transaction() as driver_env:
                driver = driver_env['fieldpromax.connection'].browse(connection_id)
                with driver._exclusive() as held:
                    self.assertTrue(held)
                    with self.transaction() as env:
                        env.cr.execute("SET LOCAL lock_timeout = '2s'")
                        env['fieldpromax.connection'].browse(connection_id).action_disconnect()
            with self.transaction() as env:
                self.assertEqual(env['fieldpromax.connection'].browse(connection_id).state, 'disconnected')

    def test_reconnect_during_the_removal(self):
        """The driver is removing the tie at the provider right now: connecting waits a little, then says so."""
        connection_id = self.connect()
        with self.transaction() as env:
            env['fieldpromax.connection'].browse(connection_id).action_disconnect()
        admin, params = self.consent()
        with self.transaction() as driver_env:
            with driver_env['fieldpromax.connection'].browse(connection_id)._exclusive() as held:
                self.assertTrue(held)
                module = (
                    'odoo.addons.fieldpromax_accounting.models.fieldpromax_connection.REMOVAL_WAIT_SECONDS'
                )
                with patch(module, 1), self.assertRaisesRegex(ConsentRefused, 'still being disconnected'):
                    with self.transaction(admin) as env:
                        env['fieldpromax.authorization']._receive('xero', params)
        with self.transaction() as env:
            self.assertEqual(env['fieldpromax.connection'].browse(connection_id).state, 'disconnected')
            self.assertTrue(env['fieldpromax.credential'].search([('connection_id', '=', connection_id)]))

    def test_refresh_that_takes_too_long_elsewhere(self):
        """Another process holds the credential: whoever waits gets a retryable error, not a broken connection."""
        connection_id = self.connect()
        self.expire(connection_id)
        with self.registry.cursor() as other_cr:
            other_cr.execute(
                'SELECT id FROM fieldpromax_credential WHERE connection_id = %s FOR UPDATE', (connection_id,)
            )
            module = 'odoo.addons.fieldpromax_accounting.models.fieldpromax_credential.LOCK_TIMEOUT_SECONDS'
            with patch(module, 1), self.transaction() as env:
                connection = env['fieldpromax.connection'].browse(connection_id)
                with self.assertRaises(errors.TransportError) as caught:
                    env['fieldpromax.credential']._get_access_token(connection)
                self.assertTrue(caught.exception.retryable)
