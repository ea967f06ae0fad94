import contextlib
import logging
from datetime import timedelta
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..exceptions import ConsentRefused
from ..models import fieldpromax_authorization as authorization_module
from ..providers import errors
from .common import CLIENT_SECRET, SECOND_PERSON, ConnectingCommon, ConnectingHttpCommon, answer_consent


@tagged('post_install', '-at_install')
class TestAuthorization(ConnectingCommon):
    """A consent either ends in a connection or in a sentence, never in between."""

    def setUp(self):
        super().setUp()
        self.connections = self.env['fieldpromax.connection'].sudo()
        self.authorizations = self.env['fieldpromax.authorization'].sudo()

    def consent(self, organizations=('US',), **kwargs):
        names = [self.organizations[name] for name in organizations]
        _path, params = answer_consent(self.start_consent(), names, **kwargs)
        return params

    def assertRefused(self, sentence, params, spent=True, **kwargs):
        """The sentence is shown, nothing is connected, and no secret of the consent is kept."""
        with self.assertRaisesRegex(ConsentRefused, sentence):
            self.receive_consent(params, **kwargs)
        self.env.invalidate_all()
        self.assertFalse(self.connections.search([('company_id', 'in', (self.company | self.company_2).ids)]))
        self.assertFalse(self.env['fieldpromax.credential'].sudo().search([]))
        if spent:
            self.assertEqual(self.authorizations.search([], limit=1).state, 'failed')
            self.assertFalse(self.authorizations.search([('token_set_encrypted', '!=', False)]))

    # === START === #

    def test_start_binds_the_state(self):
        url = self.start_consent()
        query = parse_qs(urlsplit(url).query)
        authorization = self.authorizations.search([], limit=1)
        self.assertEqual(query['redirect_uri'], [authorization.redirect_uri])
        self.assertEqual(authorization.nonce_hash, authorization_module.hash_nonce(query['state'][0]))
        self.assertNotIn(query['state'][0], str(authorization.read()[0]))
        self.assertEqual(authorization.user_id, self.user_manager)
        self.assertEqual(authorization.company_id, self.company)
        self.assertAlmostEqual(
            authorization.expires_at,
            fields.Datetime.now() + timedelta(minutes=10),
            delta=timedelta(seconds=60),
        )
        self.assertNotEqual(parse_qs(urlsplit(self.start_consent()).query)['state'], query['state'])

    def test_start_needs_an_app(self):
        self.env['fieldpromax.app'].sudo().search([]).unlink()
        with self.assertRaisesRegex(UserError, 'Enter the client ID'):
            self.start_consent()

    def test_start_needs_a_manager(self):
        for user in (self.user_portal, self.user_invoice, self.user_bookkeeper):
            with self.assertRaises(UserError):
                self.start_consent(user)

    def test_start_of_an_unknown_provider(self):
        for name in ('', 'nobody', '../xero', 'xero\x00', 'x' * 10000):
            with self.assertRaisesRegex(UserError, 'no accounting software of this name'):
                self.start_consent(provider=name)

    def test_start_needs_https(self):
        parameters = self.env['ir.config_parameter'].sudo()
        parameters.set_param('web.base.url', 'http://books.example.com')
        with self.assertRaisesRegex(UserError, 'https only'):
            self.start_consent()
        parameters.set_param('web.base.url', 'https://books.example.com')
        query = parse_qs(urlsplit(self.start_consent()).query)
        self.assertEqual(query['redirect_uri'], ['https://books.example.com/fieldpromax/oauth/callback/xero'])

    def test_start_in_a_neutralized_database(self):
        self.env['ir.config_parameter'].sudo().set_param('database.is_neutralized', 'true')
        with self.assertRaisesRegex(UserError, 'neutralized'):
            self.start_consent()

    # === STATE === #

    def test_state_is_missing_or_made_up(self):
        params = self.consent()
        for state in (None, '', 'x', 'ß\x00\udcff', 'a' * 100_000, ['list'], {'a': 1}, 5):
            forged = {**params, 'state': state}
            if state is None:
                del forged['state']
            self.assertRefused('does not belong to a consent', forged, spent=False)
        # The consent itself is untouched and still good.
        self.assertTrue(self.receive_consent(params).connection_id)

    def test_state_of_somebody_else(self):
        params = self.consent()
        self.assertRefused('started by somebody else', params, spent=False, user=self.user_manager_both)
        self.assertTrue(self.receive_consent(params).connection_id)

    def test_state_of_another_company(self):
        _path, params = answer_consent(
            self.start_consent(self.user_manager_both, self.company_2), [self.organizations['AU']]
        )
        self.assertRefused(
            'started for Second Company',
            params,
            spent=False,
            user=self.user_manager_both,
            company=self.company,
        )
        authorization = self.receive_consent(params, self.user_manager_both, self.company_2)
        self.assertEqual(authorization.connection_id.company_id, self.company_2)

    def test_state_of_another_provider(self):
        self.assertRefused('does not belong', self.consent(), spent=False, provider='quickbooks')

    def test_state_expired(self):
        params = self.consent()
        self.authorizations.search([], limit=1).expires_at = fields.Datetime.now() - timedelta(seconds=1)
        self.assertRefused('longer than 10 minutes', params)
        self.assertRefused('used already', params)
        self.assertFalse(self.simulator.requests('/connect/token'))

    def test_state_replayed(self):
        params = self.consent()
        connection = self.receive_consent(params).connection_id
        self.assertTrue(connection)
        asked = len(self.simulator.requests('/connect/token'))
        with self.assertRaisesRegex(ConsentRefused, 'used already'):
            self.receive_consent(params)
        self.assertEqual(len(self.simulator.requests('/connect/token')), asked)
        self.assertEqual(connection.state, 'connected')

    def test_replayed_while_the_choice_is_open(self):
        params = self.consent(('US', 'AU'))
        self.assertEqual(self.receive_consent(params).state, 'exchanged')
        with self.assertRaisesRegex(ConsentRefused, 'Choose the organization'):
            self.receive_consent(params)

    def test_resumed_by_the_same_request(self):
        """Odoo repeats a request after the code was exchanged: the stored tokens are used, the code is
        not spent twice."""
        params, consumed = self.consent(), []
        manager = self.as_person(self.user_manager)['fieldpromax.authorization']
        self.env.flush_all()
        complete = type(manager)._complete

        class Interrupted(Exception):
            pass

        def interrupted(self, *args):
            raise Interrupted

        # Not assertRaises: Odoo's undoes what was committed before the exception.
        with patch.object(type(manager), '_complete', interrupted), contextlib.suppress(Interrupted):
            manager._receive('xero', params, on_consumed=consumed.append)
        self.assertTrue(consumed)
        self.assertEqual(type(manager)._complete, complete)
        outcome = manager._receive('xero', params, resume=consumed[0])
        self.assertEqual(outcome['state'], 'done')
        self.assertEqual(len(self.simulator.requests('/connect/token')), 1)
        # And once more, after it was connected.
        self.assertEqual(manager._receive('xero', params, resume=consumed[0]), outcome)

    # === WHAT COMES BACK === #

    def test_cancelled(self):
        params = self.consent(cancel=True)
        self.assertEqual(params['error'], 'access_denied')
        self.assertRefused('You cancelled the consent at Xero', params)

    def test_error_callback(self):
        params = self.consent()
        self.assertRefused(
            'did not give its consent: “server_error”', {'state': params['state'], 'error': 'server_error'}
        )

    def test_error_description_is_shortened_and_cleaned(self):
        params = {
            'state': self.consent()['state'],
            'error': 'x',
            'error_description': '<b>a\r\n\x00b</b>' + 'z' * 5000,
        }
        with self.assertRaises(ConsentRefused) as caught:
            self.receive_consent(params)
        self.assertIn('<b>a b</b>zzz', str(caught.exception))
        self.assertLess(len(str(caught.exception)), 500)

    def test_without_code(self):
        for code in (None, '', 'x' * 100_000, ['a']):
            params = self.consent()
            params['code'] = code
            self.assertRefused('sent no authorization code', params)

    def test_code_wrong(self):
        self.assertRefused('does not accept the authorization code', {**self.consent(), 'code': 'made-up'})

    def test_code_expired(self):
        params = self.consent()
        self.simulator.control('POST', '/_sim/clock', {'advance_seconds': 400})
        self.assertRefused('does not accept the authorization code', params)

    def test_provider_down(self):
        for fault in ('status:503', 'reset', 'html', 'truncated', 'empty', '429:minute', 'reset_after'):
            with self.subTest(fault=fault):
                params = self.consent()
                self.simulator.fault(fault, path='/connect/token')
                self.assertRefused('Click Connect again', params)
                self.simulator.clear_faults()

    def test_provider_down_after_the_code(self):
        for fault in ('status:500', 'html', 'reset'):
            with self.subTest(fault=fault):
                params = self.consent()
                self.simulator.fault(fault, path='/connections', times=None)
                self.assertRefused('Click Connect again', params)
                self.simulator.clear_faults()

    def test_app_refused(self):
        params = self.consent()
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', client_secret='not the secret')
        self.assertRefused('does not accept the app', params)

    def test_app_without_secret(self):
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', client_id='fieldpromax-pkce')
        self.assertFalse(self.env['fieldpromax.app']._of('xero').client_secret_set_at)
        self.assertEqual(self.connect('US').state, 'connected')

    # === ORGANIZATIONS === #

    def test_other_currency(self):
        self.assertRefused('keeps its books in AUD and First Company in USD', self.consent(('AU',)))

    def test_connected_to_another_company(self):
        self.company_2.currency_id = self.company.currency_id
        self.connect('US', user=self.user_manager_2)
        with self.assertRaisesRegex(ConsentRefused, 'connected to another company of this database already'):
            self.receive_consent(self.consent())
        # Who has both companies is told which.
        _path, params = answer_consent(self.start_consent(self.user_manager_both), [self.organizations['US']])
        with self.assertRaisesRegex(ConsentRefused, 'connected to Second Company already'):
            self.receive_consent(params, self.user_manager_both)
        self.assertFalse(self.connections.search([('company_id', '=', self.company.id)]))

    def test_several_organizations(self):
        authorization = self.connect(['US', 'AU', 'GB'])
        self.assertEqual(authorization.state, 'exchanged')
        self.assertFalse(self.connections.search([('company_id', '=', self.company.id)]))
        rows = {row.currency: row for row in authorization.organization_ids}
        self.assertTrue(rows['USD'].connectable)
        self.assertIn('keeps its books in AUD', rows['AUD'].reason)
        person = self.as_person(self.user_manager)['fieldpromax.authorization.organization']
        with self.assertRaisesRegex(UserError, 'keeps its books in GBP'):
            person.browse(rows['GBP'].id).action_connect()
        action = person.browse(rows['USD'].id).action_connect()
        self.assertTrue(action['url'].startswith('/odoo/'))
        self.env.invalidate_all()
        self.assertEqual(authorization.state, 'done')
        self.assertFalse(authorization.token_set_encrypted)
        self.assertEqual(authorization.connection_id.state, 'connected')
        with self.assertRaisesRegex(UserError, 'no longer open'):
            person.browse(rows['USD'].id).action_connect()

    def test_choice_expires(self):
        authorization = self.connect(['US', 'AU'])
        authorization.expires_at = fields.Datetime.now() - timedelta(seconds=1)
        row = authorization.organization_ids.filtered('connectable')
        with self.assertRaisesRegex(UserError, 'no longer open'):
            self.as_person(self.user_manager)[row._name].browse(row.id).action_connect()
        self.authorizations._gc_authorizations()
        self.assertEqual(authorization.state, 'failed')
        self.assertFalse(authorization.token_set_encrypted)

    def test_only_what_this_consent_covers(self):
        """A token reaches what its person connected earlier too; that is not offered as if it were chosen now."""
        self.connect('AU', user=self.user_manager_2)
        connection = self.connect('US')
        self.assertEqual(connection.organization_name, 'Lakeside Field Services LLC')

    def test_nothing_readable(self):
        """An organization that does not answer has no currency: it cannot be connected, and the person is told."""
        params = self.consent()
        self.simulator.fault('status:403', path='/Organisation', times=None)
        self.assertRefused('.', params)


@tagged('post_install', '-at_install')
class TestAuthorizationRoutes(ConnectingHttpCommon):
    def setUp(self):
        super().setUp()
        self.log_in(self.user_manager)

    def start(self, **kwargs):
        return self.url_open('/fieldpromax/oauth/start/xero', allow_redirects=False, **kwargs)

    def sentence(self, response):
        from lxml import html

        found = html.fromstring(response.text).xpath('//*[@id="fieldpromax_sentence"]')
        self.assertTrue(found, f'{response.status_code}: no page with a sentence: {response.text[:300]}')
        self.assertTrue(html.fromstring(response.text).xpath('//a[starts-with(@href, "/odoo")]'))
        return found[0].text_content()

    def test_round_trip(self):
        response = self.start(params={'company_id': self.company.id})
        self.assertEqual(response.status_code, 303)
        self.assertTrue(
            response.headers['Location'].startswith('https://login.xero.com/')
            or response.headers['Location'].startswith(self.simulator.url)
        )
        self.assertEqual(response.headers['Referrer-Policy'], 'no-referrer')
        path, params = answer_consent(response.headers['Location'], [self.organizations['US']])
        self.assertEqual(path, '/fieldpromax/oauth/callback/xero')
        back = self.url_open(path, params=params, allow_redirects=False)
        self.assertEqual(back.status_code, 303)
        self.assertURLEqual(back.headers['Location'], '/odoo/settings#fieldpromax_accounting')
        connection = self.env['fieldpromax.connection'].sudo().search([('company_id', '=', self.company.id)])
        self.assertEqual(connection.state, 'connected')
        # The same address again: a page with a sentence.
        self.assertIn('used already', self.sentence(self.url_open(path, params=params)))

    def test_choice(self):
        path, params = answer_consent(
            self.start().headers['Location'], [self.organizations['US'], self.organizations['AU']]
        )
        back = self.url_open(path, params=params, allow_redirects=False)
        authorization = self.env['fieldpromax.authorization'].sudo().search([], limit=1)
        self.assertEqual(authorization.state, 'exchanged')
        self.assertURLEqual(
            back.headers['Location'],
            f'/odoo/action-fieldpromax_accounting.fieldpromax_authorization_action/{authorization.id}',
        )

    def test_strangers(self):
        for user in (self.user_portal, self.user_employee, self.user_invoice, self.user_bookkeeper):
            self.log_in(user)
            for address in (
                '/fieldpromax/oauth/start/xero',
                '/fieldpromax/oauth/callback/xero?state=x&code=y',
            ):
                response = self.url_open(address)
                self.assertEqual(response.status_code, 403)
                self.assertIn('Only an administrator', self.sentence(response))
        self.assertFalse(self.env['fieldpromax.authorization'].sudo().search([]))

    def test_nobody(self):
        self.authenticate(None, None)
        for address in ('/fieldpromax/oauth/start/xero', '/fieldpromax/oauth/callback/xero?state=x&code=y'):
            response = self.url_open(address, allow_redirects=False)
            self.assertEqual(response.status_code, 303)
            self.assertIn('/web/login', response.headers['Location'])

    def test_garbage(self):
        junk = [
            '',
            '\x00',
            '%00',
            '../../etc/passwd',
            '"><script>alert(1)</script>',
            '{{7*7}}',
            "' OR 1=1 --",
            'é' * 3000,
            '\ud83d\ude00'.encode('utf-16', 'surrogatepass').decode('utf-16'),
        ]
        with mute_logger('werkzeug'):
            for value in junk:
                for name in ('state', 'code', 'error', 'error_description', 'scope', 'provider', 'params'):
                    response = self.url_open(
                        '/fieldpromax/oauth/callback/xero', params={'state': 'x', name: value}
                    )
                    self.assertEqual(response.status_code, 200, (name, value))
                    self.assertIn('does not belong', self.sentence(response))
                    self.assertNotIn('<script>alert', response.text)
            response = self.url_open('/fieldpromax/oauth/callback/xero?state=a&state=b&code=1&code=2&error=')
            self.assertIn('does not belong', self.sentence(response))
            for value in ('x', '0', '-1', '999999', '1 OR 1', '\x00'):
                response = self.url_open('/fieldpromax/oauth/start/xero', params={'company_id': value})
                self.assertIn('another window', self.sentence(response))
            for provider in ('nobody', '%3Cb%3E', 'x' * 2000):
                self.assertIn(
                    'no accounting software',
                    self.sentence(self.url_open(f'/fieldpromax/oauth/start/{provider}')),
                )
                self.assertIn(
                    'does not belong',
                    self.sentence(self.url_open(f'/fieldpromax/oauth/callback/{provider}?state=1')),
                )

    def test_no_open_redirect(self):
        """Nothing that comes with the request decides where the person is sent."""
        for name in ('redirect', 'redirect_uri', 'next', 'url', 'return_to', 'location'):
            response = self.start(params={name: 'https://evil.example/'})
            self.assertNotIn('evil.example', response.headers['Location'])
            path, params = answer_consent(response.headers['Location'], [self.organizations['US']])
            back = self.url_open(path, params={**params, name: '//evil.example/'}, allow_redirects=False)
            self.assertURLEqual(back.headers['Location'], '/odoo/settings#fieldpromax_accounting')

    def test_company_of_another_tab(self):
        self.log_in(self.user_manager_both, self.company_2)
        response = self.url_open('/fieldpromax/oauth/start/xero', params={'company_id': self.company.id})
        self.assertIn('working in Second Company', self.sentence(response))
        for cookie in ('garbage', '0', '999999999', f'{self.company_2.id}-{self.company.id}', '\\"'):
            self.log_in(self.user_manager)
            self.opener.cookies.set('cids', cookie, domain='127.0.0.1')
            self.assertEqual(self.start(params={'company_id': self.company.id}).status_code, 303, cookie)

    def test_posting_is_no_way(self):
        with mute_logger('odoo.http'):
            response = self.url_open('/fieldpromax/oauth/callback/xero', data={'state': 'x', 'code': 'y'})
        self.assertEqual(response.status_code, 405)

    def test_the_log_keeps_the_secrets(self):
        """Neither code nor state, token, secret or verifier reaches the log, in whatever way the consent ends."""
        records = []

        class Keep(logging.Handler):
            def emit(self, record):
                records.append(self.format(record))

        handler, root = Keep(level=logging.DEBUG), logging.getLogger()
        loggers = [
            root,
            *(
                logging.getLogger(name)
                for name in (
                    'werkzeug',
                    'odoo.addons.fieldpromax_accounting',
                    'requests_oauthlib',
                    'oauthlib',
                    'urllib3',
                )
            ),
        ]
        levels = [(logger, logger.level) for logger in loggers]
        # Odoo's statements stand in full in a log of that level, with whatever they are about (the organization, too,
        # and tokens as they are stored): they are looked at here and kept out of the log of the tests.
        usual = list(root.handlers)
        root.handlers[:] = [handler]
        try:
            for logger in loggers:
                logger.setLevel(logging.DEBUG)
            location = self.start().headers['Location']
            path, params = answer_consent(location, [self.organizations['US']])
            self.url_open(path, params=params)
            self.url_open(path, params={**params, 'code': params['code'] + 'x'})
            # A session that ended meanwhile: Odoo's login page carries the whole address.
            self.authenticate(None, None)
            self.url_open(path, params=params)
        finally:
            root.handlers[:] = usual
            for logger, level in levels:
                logger.setLevel(level)
        log = '\n'.join(records)
        connection = self.env['fieldpromax.connection'].sudo().search([('company_id', '=', self.company.id)])
        token = self.env['fieldpromax.credential'].sudo()._token_set(connection)
        self.assertIn('/fieldpromax/oauth/callback/xero?[redacted]', log)
        for secret in (
            params['state'],
            params['code'],
            token.access_token,
            token.refresh_token,
            CLIENT_SECRET,
        ):
            self.assertNotIn(secret, log)

    def test_second_person(self):
        _path, params = answer_consent(
            self.start().headers['Location'], [self.organizations['US']], person=SECOND_PERSON
        )
        self.url_open('/fieldpromax/oauth/callback/xero', params=params)
        connection = self.env['fieldpromax.connection'].sudo().search([('company_id', '=', self.company.id)])
        self.assertTrue(connection.user_external_id)

    def test_provider_error_classes_have_sentences(self):
        """Every error of the tree that may end a consent is put in words that say what to do."""
        authorization = self.env['fieldpromax.authorization'].sudo().new({'provider': 'xero'})
        for name, error_class in vars(errors).items():
            if isinstance(error_class, type) and issubclass(error_class, errors.ProviderError):
                sentence = authorization._explain(error_class('words of the provider'))
                self.assertTrue(sentence.startswith(('Xero', 'This database')), name)
                self.assertTrue(sentence.endswith('.'), name)
