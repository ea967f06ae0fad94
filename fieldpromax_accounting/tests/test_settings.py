from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import CLIENT_ID, CLIENT_SECRET, ConnectingCommon
from .testbooks import registered


@tagged('post_install', '-at_install')
class TestSettings(ConnectingCommon):
    """Settings → FieldPromax Accounting."""

    def settings(self, user=None, company=None, **values):
        return self.as_person(user or self.user_manager, company)['res.config.settings'].create(values)

    def form(self, user=None, company=None):
        return Form(self.as_person(user or self.user_manager, company)['res.config.settings'])

    @property
    def app(self):
        return self.env['fieldpromax.app'].sudo()._of('xero')

    # === THE APP === #

    def test_only_real_providers(self):
        names = dict(
            self.env['res.config.settings'].fields_get(['fieldpromax_provider'])['fieldpromax_provider'][
                'selection'
            ]
        )
        self.assertIn('xero', names)
        self.assertNotIn('testbooks', names)

    def test_secret_is_write_only(self):
        form = self.form()
        self.assertEqual(form.fieldpromax_provider, 'xero')
        self.assertEqual(form.fieldpromax_client_id, CLIENT_ID)
        self.assertFalse(form.fieldpromax_client_secret)
        self.assertTrue(form.fieldpromax_client_secret_set_at)
        self.assertTrue(form.fieldpromax_redirect_uri.endswith('/fieldpromax/oauth/callback/xero'))
        self.assertIn('href="https://', form.fieldpromax_app_link)
        form.fieldpromax_client_secret = 'brand new'
        settings = form.save()
        self.assertEqual(self.env['fieldpromax.app']._get_credentials('xero').client_secret, 'brand new')
        self.assertFalse(settings.read(['fieldpromax_client_secret'])[0]['fieldpromax_client_secret'])
        self.assertNotIn(
            'fieldpromax_client_secret',
            [name for name, field in settings._fields.items() if field.store and field.column_type],
        )
        before = self.app.client_secret_encrypted
        settings.execute()
        self.form().save().execute()
        self.assertEqual(self.app.client_secret_encrypted, before)

    def test_connect_uses_what_was_just_typed(self):
        """As the web client does: the form is saved, then the button is called on it."""
        self.env['fieldpromax.app'].sudo().search([]).unlink()
        with self.assertRaisesRegex(UserError, 'Enter the client ID'):
            self.form().save().action_fieldpromax_connect()
        form = self.form()
        form.fieldpromax_provider = 'xero'
        form.fieldpromax_client_id = CLIENT_ID
        form.fieldpromax_client_secret = CLIENT_SECRET
        action = form.save().action_fieldpromax_connect()
        self.assertEqual(action['type'], 'ir.actions.act_url')
        self.assertEqual(action['url'], f'/fieldpromax/oauth/start/xero?company_id={self.company.id}')
        self.assertEqual(action['target'], 'self')
        self.assertEqual(self.app.client_id, CLIENT_ID)
        self.assertEqual(self.connect('US').state, 'connected')

    def test_another_id_forgets_the_secret(self):
        form = self.form()
        form.fieldpromax_client_id = 'another app'
        form.save()
        self.assertFalse(self.app.client_secret_encrypted)
        form = self.form()
        form.fieldpromax_client_id = 'a third app'
        form.fieldpromax_client_secret = 'with its secret'
        form.save()
        self.assertEqual(
            self.env['fieldpromax.app']._get_credentials('xero').client_secret, 'with its secret'
        )

    # === WHAT IS SHOWN === #

    def test_shown_before_and_after(self):
        settings = self.settings()
        self.assertFalse(settings.fieldpromax_is_active)
        self.assertFalse(settings.fieldpromax_connection_id)
        connection = self.connect('US')
        settings = self.settings()
        self.assertTrue(settings.fieldpromax_is_active)
        self.assertEqual(settings.fieldpromax_status, 'connected')
        self.assertEqual(settings.fieldpromax_organization, 'Lakeside Field Services LLC · US · USD')
        self.assertIn(self.user_manager.name, settings.fieldpromax_connected_text)
        self.assertEqual(settings.fieldpromax_push_trigger, 'posted')
        self.assertEqual(
            settings.fieldpromax_start_date, min(fields.Date.today(), fields.Date.context_today(settings))
        )
        connection.state = 'reauth_required'
        self.assertEqual(self.settings().fieldpromax_status, 'reauth_required')
        settings.action_fieldpromax_confirm_disconnect()
        connection._end('done')
        settings = self.settings()
        self.assertFalse(settings.fieldpromax_is_active)
        self.assertIn('Last connected by', settings.fieldpromax_connected_text)

    def test_other_company_sees_nothing(self):
        self.connect('US')
        settings = self.settings(self.user_manager_2)
        self.assertFalse(settings.fieldpromax_connection_id)
        self.assertFalse(settings.fieldpromax_organization)
        settings = self.settings(self.user_manager_both, self.company_2)
        self.assertFalse(settings.fieldpromax_connection_id)

    def test_branch(self):
        connection = self.connect('US')
        branch = self.env['res.company'].sudo().create({'name': 'Branch', 'parent_id': self.company.id})
        self.user_manager_both.sudo().company_ids |= branch
        settings = self.settings(self.user_manager_both, branch)
        self.assertIn('uses the connection of', settings.fieldpromax_served_by)
        self.assertFalse(settings.fieldpromax_is_active)
        self.assertFalse(settings.fieldpromax_connection_id)
        settings.execute()
        self.assertEqual(connection.push_trigger, 'posted')

    def test_second_provider(self):
        self.connect('US')
        with registered():
            settings = self.settings(fieldpromax_provider='testbooks')
            self.assertEqual(settings.fieldpromax_other_label, 'Xero')
            with self.assertRaisesRegex(UserError, 'Disconnect Xero first'):
                settings.action_fieldpromax_connect()

    # === SAVING === #

    def test_save(self):
        connection = self.connect('US')
        form = self.form()
        form.fieldpromax_push_trigger = 'sent'
        form.fieldpromax_invoice_status = 'draft'
        form.fieldpromax_start_date = '2026-03-04'
        form.fieldpromax_pull_suppliers = True
        form.save().execute()
        self.assertEqual(connection.push_trigger, 'sent')
        self.assertEqual(connection.invoice_status, 'draft')
        self.assertEqual(fields.Date.to_string(connection.start_date), '2026-03-04')
        self.assertTrue(connection.pull_suppliers)
        form = self.form()
        form.fieldpromax_pull_suppliers = False
        form.fieldpromax_push_payments = False
        form.fieldpromax_attach_pdf = True
        form.fieldpromax_attach_files = True
        form.fieldpromax_pull_payments = False
        form.save().execute()
        self.assertFalse(connection.pull_suppliers)
        self.assertFalse(connection.push_payments)
        self.assertFalse(connection.pull_payments)
        self.assertTrue(connection.attach_pdf and connection.attach_files and connection.attach_since)
        self.assertEqual(connection.push_trigger, 'sent')

    def test_nobody_undoes_somebody_elses_choice(self):
        connection = self.connect('US')
        mine = self.form()
        theirs = self.form(self.user_manager_both, self.company)
        theirs.fieldpromax_push_trigger = 'manual'
        theirs.fieldpromax_client_id = 'their app'
        theirs.fieldpromax_client_secret = 'their secret'
        theirs.save().execute()
        mine.fieldpromax_invoice_status = 'draft'
        mine.save().execute()
        self.assertEqual((connection.push_trigger, connection.invoice_status), ('manual', 'draft'))
        credentials = self.env['fieldpromax.app']._get_credentials('xero')
        self.assertEqual((credentials.client_id, credentials.client_secret), ('their app', 'their secret'))

    def test_saving_other_pages_writes_nothing_of_ours(self):
        connection = self.connect('US')
        before = connection.write_date
        self.form().save().execute()
        self.assertEqual(connection.write_date, before)

    # === RIGHTS === #

    def test_strangers(self):
        self.connect('US')
        for user in (self.user_portal, self.user_employee, self.user_invoice, self.user_bookkeeper):
            with self.assertRaises(AccessError):
                self.settings(user)

    def test_buttons_of_another_company(self):
        connection = self.connect('US')
        settings = self.settings(self.user_manager_2)
        for name in ('pause', 'resume', 'sync_now', 'confirm_disconnect', 'claim_database', 'keep_apart'):
            with self.assertRaisesRegex(UserError, 'Nothing is connected'):
                getattr(settings, f'action_fieldpromax_{name}')()
        self.assertEqual((connection.state, connection.paused), ('connected', False))
