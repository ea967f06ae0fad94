"""The tie to QuickBooks Online: consent at Intuit, one integration at a time, and each trouble by its name."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from ..exceptions import ConsentRefused
from .common import ConnectingCommon
from .quickbooks_common import QuickBooksBooks, answer_intuit


@tagged('post_install', '-at_install')
class TestQuickBooksConnection(QuickBooksBooks, ConnectingCommon):
    def credential(self, connection):
        return self.env['fieldpromax.credential'].sudo().search([('connection_id', '=', connection.id)])

    def queue_customer(self, connection):
        self.env['fieldpromax.exchange'].sudo()._enqueue(connection, 'contact', self.shared_customer)

    # === CONSENT === #

    def test_cancelled_consent_changes_nothing(self):
        _path, params = answer_intuit(
            self.start_consent(provider='quickbooks'), 'Lakeside Field Services', cancel=True
        )
        with self.assertRaisesRegex(ConsentRefused, 'You cancelled the consent at QuickBooks Online'):
            self.receive_consent(params, provider='quickbooks')
        self.assertFalse(self.env['fieldpromax.connection'].sudo().search([]))

    def test_callback_without_company(self):
        _path, params = answer_intuit(self.start_consent(provider='quickbooks'), 'Lakeside Field Services')
        params.pop('realmId')
        with self.assertRaises(ConsentRefused):
            self.receive_consent(params, provider='quickbooks')
        self.assertFalse(self.env['fieldpromax.connection'].sudo().search([]))

    def test_other_currency_is_refused(self):
        with self.assertRaisesRegex(ConsentRefused, 'keeps its books in AUD'):
            self.connect_quickbooks('AU')

    def test_connect(self):
        connection = self.connect_quickbooks('US')
        self.assertEqual((connection.state, connection.provider), ('connected', 'quickbooks'))
        self.assertEqual(connection.organization_name, 'Lakeside Field Services LLC')
        self.assertEqual((connection.organization_country, connection.currency_id.name), ('US', 'USD'))
        self.assertTrue(connection.organization_computes_tax)
        self.assertTrue(connection.organization_has_projects)
        self.assertFalse(connection.organization_numbers_documents)
        self.assertFalse(connection.has_invoice_drafts)
        credential = self.credential(connection)
        now = fields.Datetime.now()
        self.assertLess(abs((credential.refresh_expires_at - now).days - 100), 3)
        self.assertLess(abs((credential.consent_expires_at - now).days - 5 * 365), 3)
        self.assertIn('Lasts until', connection.consent_text)
        self.assertIn('left unused', connection.consent_text)
        self.assertFalse(connection.consent_ends_soon)

    def test_flags_follow_the_books(self):
        connection = self.connect_quickbooks('US')
        # What the consent has just read is not read again at once.
        connection.connected_at -= timedelta(hours=1)
        self.change_books(CustomTxnNumbers=False, ProjectsEnabled=False)
        self.run_pull(connection)
        self.assertTrue(connection.organization_numbers_documents)
        self.assertFalse(connection.organization_has_projects)
        self.assertTrue(connection._organization().numbers_documents)

    # === ONE AT A TIME === #

    def test_one_integration_at_a_time(self):
        """The other one says what to disconnect first, before the consent and in the settings, both ways."""
        settings = self.as_person(self.user_manager)['res.config.settings']
        for connect, own, other, label, other_label in (
            (self.connect, 'xero', 'quickbooks', 'Xero', 'QuickBooks Online'),
            (self.connect_quickbooks, 'quickbooks', 'xero', 'QuickBooks Online', 'Xero'),
        ):
            connection = connect('US')
            with self.assertRaisesRegex(UserError, f'Disconnect {label} first'):
                self.start_consent(provider=other)
            page = Form(settings)
            self.assertEqual(page.fieldpromax_provider, own)
            self.assertFalse(page.fieldpromax_other_text)
            page.fieldpromax_provider = other
            self.assertIn(f'Disconnect {label} first to connect {other_label}', page.fieldpromax_other_text)
            self.assertTrue(page.fieldpromax_redirect_uri.endswith(f'/callback/{other}'))
            self.assertIn(f'Create an app at {other_label}', page.fieldpromax_app_link)
            with self.assertRaisesRegex(UserError, f'Disconnect {label} first'):
                page.save().action_fieldpromax_connect()
            connection.with_env(self.as_person(self.user_manager)).action_disconnect()
            self.run_push(connection)
            self.assertFalse(self.credential(connection))

    def test_both_consents_given_the_second_is_refused(self):
        """Both began while nothing was connected; the later one is told what to disconnect."""
        _path, intuit = answer_intuit(self.start_consent(provider='quickbooks'), 'Lakeside Field Services')
        self.connect('US')
        with self.assertRaisesRegex(ConsentRefused, 'Disconnect Lakeside Field Services LLC in Xero first'):
            self.receive_consent(intuit, provider='quickbooks')
        connections = self.env['fieldpromax.connection'].sudo().search([])
        self.assertEqual(connections.mapped('provider'), ['xero'])

    def test_there_and_back(self):
        """Row, links and settings of the first are kept while the second is connected, and used again."""
        xero = self.connect('US')
        self.run_pull(xero)
        xero.write({'push_trigger': 'manual', 'start_date': '2026-03-04'})
        links = xero.link_ids
        mappings = self.env['fieldpromax.mapping'].sudo().search([('connection_id', '=', xero.id)])
        self.assertTrue(links and mappings)
        xero.with_env(self.as_person(self.user_manager)).action_disconnect()
        self.run_push(xero)
        quickbooks = self.connect_quickbooks('US')
        self.assertNotEqual(quickbooks, xero)
        self.assertEqual(quickbooks.push_trigger, 'posted')
        self.assertEqual(links.exists(), links)
        self.run_pull(quickbooks)
        self.assertTrue(quickbooks.link_ids)
        quickbooks.with_env(self.as_person(self.user_manager)).action_disconnect()
        self.run_push(quickbooks)
        removal = xero.exchange_ids.filtered(lambda exchange: exchange.kind == 'organization')
        # A test's clock stands still for what it creates: the consent below comes after the removal.
        removal.done_at -= timedelta(days=1)
        self.assertEqual(self.connect('US'), xero)
        self.assertEqual((xero.push_trigger, str(xero.start_date)), ('manual', '2026-03-04'))
        self.assertEqual(links.exists(), links)
        self.assertEqual(mappings.exists(), mappings)
        self.assertEqual((xero.state, quickbooks.state), ('connected', 'disconnected'))
        self.assertTrue(quickbooks.link_ids)

    # === SETTINGS === #

    def test_settings_say_why_there_is_no_choice(self):
        self.connect_quickbooks('US')
        page = Form(self.as_person(self.user_manager)['res.config.settings'])
        self.assertIn('QuickBooks Online has no drafts', page.fieldpromax_no_drafts_text)
        self.assertIn('Lasts until', page.fieldpromax_consent_text)
        page.fieldpromax_push_trigger = 'manual'
        page.save().execute()
        connection = self.env['fieldpromax.connection'].sudo().search([])
        self.assertEqual((connection.push_trigger, connection.invoice_status), ('manual', 'approved'))

    # === TROUBLES === #

    def trouble(self, connection, state, trouble, *words):
        self.assertEqual(
            (connection.state, connection.shown_trouble), (state, trouble), connection.state_reason
        )
        for word in words:
            self.assertIn(word, connection.status_text)
        self.assertTrue(connection.status_text.endswith('.'))

    def run_into_it(self, connection):
        self.queue_customer(connection)
        self.run_push(connection)

    def test_revoked_at_intuit(self):
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        self.quickbooks.control('POST', '/_sim/tokens', {'revoke': True})
        self.run_into_it(connection)
        self.trouble(connection, 'reauth_required', 'consent_revoked', 'taken back', 'Connect again')
        self.assertEqual(connection.status, 'reauth_required')
        self.assertEqual(len(connection.activity_ids), 1)
        self.assertEqual(self.connect_quickbooks('US'), connection)
        self.assertFalse(connection.shown_trouble)
        self.assertFalse(connection.activity_ids)

    def test_app_disconnected_at_intuit(self):
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        self.quickbooks.control('POST', '/_sim/tokens', {'disconnect': 'US'})
        self.run_into_it(connection)
        self.trouble(connection, 'reauth_required', 'consent_revoked', 'Connect again')

    def test_expired(self):
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        self.quickbooks.control('POST', '/_sim/tokens', {'expire': True, 'expire_refresh': True})
        for name, words in (
            ('consent_expires_at', 'lets none last longer'),
            ('refresh_expires_at', 'not used'),
        ):
            connection._reinstate()
            credential = self.credential(connection)
            before = credential[name]
            credential[name] = fields.Datetime.now() - timedelta(days=1)
            self.run_into_it(connection)
            self.trouble(connection, 'reauth_required', 'consent_expired', words, 'Connect again')
            credential[name] = before

    def test_subscription_lapsed_and_renewed(self):
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        self.change_books(status='lapsed')
        self.run_into_it(connection)
        self.trouble(connection, 'suspended', 'subscription_lapsed', 'has lapsed', 'Renew it', 'Check again')
        person = connection.with_env(self.as_person(self.user_manager))
        triggers = self.env['ir.cron.trigger'].sudo()
        cron = self.env.ref('fieldpromax_accounting.ir_cron_refresh_credentials')
        before = triggers.search_count([('cron_id', '=', cron.id)])
        person.action_check_again()
        self.assertGreater(triggers.search_count([('cron_id', '=', cron.id)]), before)
        self.run_refresh()
        self.trouble(connection, 'suspended', 'subscription_lapsed')
        self.change_books(status='active')
        self.run_refresh()
        self.assertEqual((connection.state, connection.shown_trouble), ('connected', False))
        self.assertFalse(connection.activity_ids)

    def test_company_closed(self):
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        self.change_books(status='closed')
        self.run_into_it(connection)
        self.trouble(connection, 'suspended', 'organization_closed', 'is closed', 'Open it again')

    def test_limit_reached_passes(self):
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        self.quickbooks.fault('429:minute', path='/v3/')
        self.run_into_it(connection)
        self.trouble(connection, 'connected', 'limit_reached', 'takes no more calls for the moment')
        self.assertEqual(connection.status, 'connected')
        self.assertFalse(connection.activity_ids, 'nothing to do')
        connection.trouble_until = fields.Datetime.now() - timedelta(seconds=1)
        self.env.invalidate_all()
        self.assertEqual((connection.shown_trouble, connection.status_text), (False, ''))

    def test_intuit_out_of_order_passes(self):
        connection = self.connect_quickbooks('US')
        self.run_pull(connection)
        self.quickbooks.fault('status:503', path='/v3/')
        self.run_into_it(connection)
        self.trouble(connection, 'connected', 'unavailable', 'not available at the moment')
        self.env['fieldpromax.exchange'].sudo().search([('next_attempt_at', '!=', False)]).write(
            {'next_attempt_at': fields.Datetime.now()}
        )
        self.run_push(connection)
        self.assertFalse(connection.shown_trouble, 'it answered again')

    # === THE END OF A CONSENT === #

    def test_warning_before_the_end(self):
        connection = self.connect_quickbooks('US')
        self.run_refresh()
        self.assertFalse(connection.activity_ids)
        self.credential(connection).consent_expires_at = fields.Datetime.now() + timedelta(days=13)
        self.env.invalidate_all()
        for _day in range(2):
            self.run_refresh()
            self.assertEqual(len(connection.activity_ids), 1)
        self.assertIn('ends soon', connection.activity_ids.summary)
        self.assertTrue(connection.consent_ends_soon)
        self.assertEqual(self.connect_quickbooks('US'), connection)
        self.assertFalse(connection.activity_ids)
        self.assertFalse(connection.consent_ends_soon)

    def test_refresh_keeps_the_hard_end(self):
        connection = self.connect_quickbooks('US')
        credential = self.credential(connection)
        end = credential.consent_expires_at
        self.quickbooks.control('POST', '/_sim/tokens', {'expire': True})
        self.run_pull(connection)
        self.assertEqual(connection.state, 'connected')
        self.assertLess(abs((self.credential(connection).consent_expires_at - end).total_seconds()), 3600)
