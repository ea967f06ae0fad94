from datetime import date

import psycopg2
from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..providers import errors
from .common import ConnectingCommon
from .testbooks import registered


@tagged('post_install', '-at_install')
class TestConnection(ConnectingCommon):
    """The states of a connection, and which organization may follow which."""

    def setUp(self):
        super().setUp()
        self.connections = self.env['fieldpromax.connection'].sudo()

    def choose(self, authorization, name, anyway=False, user=None):
        row = authorization.organization_ids.filtered(lambda row: name in row.name)
        row = self.as_person(user or self.user_manager)[row._name].browse(row.id)
        result = row.action_connect_anyway() if anyway else row.action_connect()
        self.env.invalidate_all()
        return result

    def usd_everywhere(self):
        """A second organization in USD, so that there is another one to choose."""
        self.simulator.control('POST', '/_sim/organisations/GB', {'BaseCurrency': 'USD'})

    # === CONNECT === #

    def test_connect(self):
        connection = self.connect('US')
        self.assertEqual(connection.state, 'connected')
        self.assertEqual(connection.status, 'connected')
        self.assertEqual(connection.company_id, self.company)
        self.assertEqual(connection.organization_name, 'Lakeside Field Services LLC')
        self.assertEqual(connection.organization_country, 'US')
        self.assertEqual(connection.currency_id.name, 'USD')
        self.assertEqual(connection.connected_by_id, self.user_manager)
        self.assertEqual(
            connection.start_date, min(fields.Date.today(), fields.Date.context_today(connection))
        )
        self.assertTrue(connection.remote_connection_external_id)
        self.assertNotEqual(connection.remote_connection_external_id, connection.organization_external_id)
        self.assertEqual(connection._silence_reason(), '')
        for cron, method in (
            (connection.push_cron_id, '_cron_push'),
            (connection.pull_cron_id, '_cron_pull'),
        ):
            self.assertEqual(cron.user_id, self.env.ref('base.user_root'))
            self.assertEqual(cron.code, f'model.browse({connection.id}).{method}()')
            self.assertTrue(cron.active)
        self.assertTrue(connection.run_ids)
        self.assertIn('connected Lakeside', connection.message_ids[0].body)

    def test_drivers_see_one_company(self):
        connection = self.connect('US')
        driver = connection._as_driver()
        self.assertEqual(driver.env.companies, self.company)
        self.assertTrue(driver.env.su)
        branch = self.env['res.company'].sudo().create({'name': 'Branch', 'parent_id': self.company.id})
        self.assertEqual(connection._as_driver().env.companies, self.company | branch)
        self.assertEqual(self.connections._active_for(branch), connection)
        self.assertFalse(self.connections._active_for(self.company_2))

    def test_two_companies_of_one_person(self):
        first = self.connect('US')
        second = self.connect('AU', user=self.user_manager_2)
        self.assertEqual(first.user_external_id, second.user_external_id)
        self.assertEqual((first | second).mapped('state'), ['connected', 'connected'])

    def test_crons_come_back_and_go_with_the_row(self):
        connection = self.connect('US')
        crons = connection.push_cron_id | connection.pull_cron_id
        connection.push_cron_id.active = False
        connection._ensure_crons()
        self.assertEqual(connection.push_cron_id | connection.pull_cron_id, crons)
        self.assertTrue(connection.push_cron_id.active)
        connection.unlink()
        self.assertFalse(crons.exists())

    def test_currency_of_a_connected_company(self):
        self.connect('US')
        with self.assertRaisesRegex(ValidationError, 'Disconnect it in the settings'):
            self.company.currency_id = self.env.ref('base.EUR')

    # === THE SAME ORGANIZATION AGAIN === #

    def test_reconnect_resumes(self):
        connection = self.connect('US')
        connection.write({'push_trigger': 'manual', 'start_date': date(2026, 1, 1)})
        link = (
            self.env['fieldpromax.link']
            .sudo()
            .create(
                {
                    'connection_id': connection.id,
                    'company_id': self.company.id,
                    'kind': 'contact',
                    'external_id': 'x',
                    'partner_id': self.shared_customer.id,
                }
            )
        )
        for state in ('reauth_required', 'suspended', 'disconnected', 'connected'):
            connection.write({'state': state, 'state_reason': 'a reason'})
            again = self.connect('US', user=self.user_manager_both, company=self.company)
            self.assertEqual(again, connection)
            self.assertEqual((again.state, again.state_reason), ('connected', False))
            self.assertEqual((again.push_trigger, again.start_date), ('manual', date(2026, 1, 1)))
            self.assertEqual(again.connected_by_id, self.user_manager_both)
            self.assertTrue(link.exists())
        self.assertEqual(self.connections.search_count([('company_id', '=', self.company.id)]), 1)

    # === ANOTHER ORGANIZATION === #

    def test_another_organization_needs_confirmation(self):
        self.company_2.currency_id = self.company.currency_id
        connection = self.connect('US')
        for state in ('disconnected', 'reauth_required'):
            connection.write({'state': state})
            # The company now keeps its books in the other one's currency.
            connection.flush_recordset()
            authorization = self.connect(['US', 'AU'])
            row = authorization.organization_ids.filtered(lambda row: 'Riverside' in row.name)
            row.write({'currency': 'USD', 'connectable': True, 'reason': False})
            self.assertIn('Lakeside Field Services LLC', row.confirmation)
            self.assertIn('0 links', row.confirmation)
            self.assertFalse((authorization.organization_ids - row).confirmation)
            with self.assertRaisesRegex(UserError, 'Confirm that you want'):
                self.choose(authorization, 'Riverside')
            self.env.invalidate_all()
            self.assertEqual(connection.state, state)
            self.assertEqual(authorization.state, 'exchanged')
        self.choose(authorization, 'Riverside', anyway=True)
        other = authorization.connection_id
        self.assertNotEqual(other, connection)
        self.assertEqual((connection.state, other.state), ('disconnected', 'connected'))
        self.assertFalse(
            self.env['fieldpromax.credential'].sudo().search([('connection_id', '=', connection.id)])
        )

    def test_another_organization_while_connected(self):
        connection = self.connect('US')
        authorization = self.connect(['US', 'AU'])
        row = authorization.organization_ids.filtered(lambda row: 'Riverside' in row.name)
        row.write({'currency': 'USD', 'connectable': True, 'reason': False})
        for anyway in (False, True):
            with self.assertRaisesRegex(UserError, 'Disconnect Lakeside Field Services LLC in Xero first'):
                self.choose(authorization, 'Riverside', anyway=anyway)
        self.assertEqual(connection.state, 'connected')

    # === ONE AT A TIME === #

    def test_second_provider_is_refused_before_the_consent(self):
        self.connect('US')
        with registered():
            self.env['fieldpromax.app'].sudo()._set_credentials('testbooks', 'id', 'secret')
            with self.assertRaisesRegex(UserError, 'Disconnect Xero first'):
                self.start_consent(provider='testbooks')
            self.env['fieldpromax.app'].sudo().search([('provider', '=', 'testbooks')]).unlink()

    def test_second_provider_is_refused_after_the_consent(self):
        """Both consents began while nothing was connected: the second one to arrive is told what to do."""
        authorization = self.connect(['US', 'AU'])
        with registered():
            connection = self.connections.create(self.values(provider='testbooks'))
            with self.assertRaisesRegex(UserError, 'Disconnect Other Books in TestBooks first'):
                self.choose(authorization, 'Lakeside')
            connection.unlink()

    def values(self, **changes):
        return {
            'company_id': self.company.id,
            'provider': 'xero',
            'organization_external_id': 'other',
            'organization_name': 'Other Books',
            'connected_at': fields.Datetime.now(),
            **self.connections._database_identity(),
            **changes,
        }

    @mute_logger('odoo.sql_db')
    def test_the_database_refuses_what_a_race_lets_through(self):
        connection = self.connect('US')
        with self.assertRaises(psycopg2.IntegrityError), self.env.cr.savepoint():
            self.connections.create(self.values())
        with self.assertRaises(psycopg2.IntegrityError), self.env.cr.savepoint():
            self.connections.create(
                self.values(
                    company_id=self.company_2.id, organization_external_id=connection.organization_external_id
                )
            )
        with self.assertRaises(psycopg2.IntegrityError), self.env.cr.savepoint():
            self.connections.create(
                self.values(
                    organization_external_id=connection.organization_external_id, state='disconnected'
                )
            )
        self.connections.create(self.values(state='disconnected'))
        # What Odoo shows of it is a sentence.
        objects = self.connections._table_objects.items()
        messages = [index.message for name, index in objects if name.endswith('active_company_unique')]
        self.assertIn('Disconnect the other one first.', messages[0])

    # === EDGES OF THE STATE === #

    def test_provider_errors(self):
        connection = self.connect('US')
        cases = {
            errors.ReauthorizationRequired: 'reauth_required',
            errors.AccessTokenExpired: 'reauth_required',
            errors.AuthError: 'reauth_required',
            errors.PermissionMissing: 'reauth_required',
            errors.AppRefused: 'suspended',
            errors.ConnectionRefused: 'suspended',
        }
        untouched = [
            error_class
            for error_class in vars(errors).values()
            if isinstance(error_class, type)
            and issubclass(error_class, errors.ProviderError)
            and error_class not in cases
        ]
        for error_class in untouched:
            self.assertFalse(connection._on_provider_error(error_class('words')), error_class)
            self.assertEqual(connection.state, 'connected')
        for error_class, state in cases.items():
            connection._reinstate()
            self.assertTrue(connection._on_provider_error(error_class('their words')), error_class)
            self.assertEqual(connection.state, state, error_class)
            self.assertTrue(connection.state_reason.endswith('.'))
            self.assertTrue(connection._silence_reason())
            self.assertEqual(len(connection.activity_ids), 1)
            # Once: the next driver that meets the same adds nothing.
            self.assertTrue(connection._on_provider_error(error_class('their words')))
            self.assertEqual(len(connection.activity_ids), 1)

    def test_errors_after_a_disconnect_change_nothing(self):
        connection = self.connect('US')
        for state in ('disconnected', 'copy'):
            connection.state = state
            self.assertTrue(connection._on_provider_error(errors.ReauthorizationRequired('late')))
            self.assertEqual(connection.state, state)

    def test_reauthorization_keeps_the_queue(self):
        connection = self.connect('US')
        exchanges = self.env['fieldpromax.exchange'].sudo()
        exchanges._enqueue(connection, 'contact', self.shared_customer)
        self.simulator.revoke_tokens()
        self.simulator.expire_access_tokens()
        self.run_push(connection)
        self.assertEqual(connection.state, 'reauth_required')
        self.assertEqual(connection.activity_ids.user_id, self.user_manager)
        waiting = exchanges.search(
            [('connection_id', '=', connection.id), ('partner_id', '=', self.shared_customer.id)]
        )
        self.assertIn(waiting.state, ('queued', 'retry'))
        self.assertEqual(self.connect('US'), connection)
        self.assertFalse(connection.activity_ids)
        self.assertIn(waiting.state, ('queued', 'retry', 'done'))

    def test_activity_goes_to_somebody_who_is_there(self):
        connection = self.connect('US')
        self.user_manager.active = False
        connection._on_provider_error(errors.ReauthorizationRequired('gone'))
        person = connection.activity_ids.user_id
        self.assertTrue(person.active)
        self.assertIn(self.company, person.company_ids)
        self.assertNotEqual(person, self.user_manager)

    def test_suspended_comes_back(self):
        connection = self.connect('US')
        connection._on_provider_error(errors.ConnectionRefused('not paid'))
        self.simulator.fault('status:403', path='/Organisation')
        self.run_refresh()
        self.assertEqual(connection.state, 'suspended')
        self.simulator.clear_faults()
        self.run_refresh()
        self.assertEqual(connection.state, 'connected')
        self.assertFalse(connection.activity_ids)

    def test_corrected_app_is_tried_at_once(self):
        connection = self.connect('US')
        connection._on_provider_error(errors.AppRefused('invalid_client'))
        self.env['fieldpromax.app'].sudo()._set_credentials('xero', client_secret='new one')
        self.assertEqual(connection.state, 'connected')

    def test_pause(self):
        connection = self.connect('US')
        person = connection.with_env(self.as_person(self.user_manager))
        person.action_pause()
        self.assertEqual((connection.state, connection.status), ('connected', 'paused'))
        with self.assertRaisesRegex(UserError, 'paused'):
            person.action_sync_now()
        asked = len(self.simulator.requests())
        self.run_push(connection)
        self.run_pull(connection)
        self.assertEqual(len(self.simulator.requests()), asked)
        person.action_resume()
        self.assertEqual(connection.status, 'connected')
        self.assertEqual(person.action_sync_now()['params']['type'], 'success')

    # === BY HAND === #

    def test_people_write_settings_only(self):
        connection = self.connect('US')
        person = connection.with_env(self.as_person(self.user_manager))
        person.write({'push_trigger': 'sent', 'invoice_status': 'draft', 'start_date': date(2026, 2, 2)})
        self.assertEqual(connection.push_trigger, 'sent')
        for name, value in (
            ('state', 'disconnected'),
            ('paused', True),
            ('organization_external_id', 'mine'),
            ('company_id', self.company_2.id),
            ('database_uuid', 'x'),
            ('user_external_id', 'x'),
        ):
            with self.assertRaises(AccessError):
                person.write({name: value})
        with self.assertRaises(AccessError):
            connection.with_env(self.as_person(self.user_bookkeeper)).write({'push_trigger': 'manual'})
        with self.assertRaises(AccessError):
            person.unlink()
