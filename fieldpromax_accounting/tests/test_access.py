"""Every model of ours, seen as everybody: what is public is listed here, and tried."""

import inspect

from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.http import _generate_routing_rules
from odoo.service.model import get_public_method
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ConnectingCommon, ConnectingHttpCommon

PREFIX = 'fieldpromax.'
SECRET_FIELDS = {
    'fieldpromax.app': ['client_secret_encrypted', 'webhook_key_encrypted'],
    'fieldpromax.authorization': ['nonce_hash', 'code_verifier_encrypted', 'token_set_encrypted'],
    'fieldpromax.credential': ['token_set_encrypted'],
}
# Who may call what of a connection; everybody else gets an error in words.
CONNECTION_METHODS = {
    'action_reconnect': 'manager',
    'action_confirm_disconnect': 'manager',
    'action_disconnect': 'manager',
    'action_pause': 'manager',
    'action_resume': 'manager',
    'action_sync_now': 'bookkeeper',
    'action_check_again': 'bookkeeper',
    'action_pause_import': 'bookkeeper',
    'action_resume_import': 'bookkeeper',
    'action_put_off_import': 'bookkeeper',
    'action_plan_first': 'bookkeeper',
    'action_open_plan': 'user',
    'action_claim_database': 'manager',
    'action_keep_apart': 'manager',
    'action_note_restored': 'manager',
    'action_open_form': 'user',
    'action_view_issues': 'user',
    'action_view_matches': 'user',
    'action_view_conflicts': 'user',
    'action_view_field_rules': 'user',
    'action_view_waiting': 'user',
    'action_view_sent': 'user',
    'action_view_mappings': 'user',
    'action_list_mappings': 'user',
    'action_send_older': 'bookkeeper',
    'action_view_batches': 'user',
    'action_view_radar': 'bookkeeper',
    'action_open_overview': 'user',
}
OF_NO_COMPANY = ('fieldpromax.app', 'fieldpromax.ticket')
INHERITED = {'mail.thread', 'mail.activity.mixin'}


def own_methods(model):
    """Public methods that our own classes give a model; what Odoo brings is Odoo's to guard."""
    names = set()
    for base in type(model).__mro__:
        if base.__module__.startswith('odoo.addons.fieldpromax_accounting'):
            names |= {
                name
                for name, value in vars(base).items()
                if inspect.isfunction(value)
                and not name.startswith('_')
                and name not in vars(models.BaseModel)
            }
    return names


@tagged('post_install', '-at_install')
class TestAccess(ConnectingCommon):
    def arrange_class(self):
        type(self).connection = self.connect('US')
        type(self).other = self.connect('AU', user=self.user_manager_2)

    def setUp(self):
        super().setUp()
        self.people = {
            'portal': self.user_portal,
            'employee': self.user_employee,
            'user': self.user_invoice,
            'bookkeeper': self.user_bookkeeper,
            'manager': self.user_manager,
        }
        self.rank = {name: rank for rank, name in enumerate(self.people)}

    def ours(self):
        return [name for name in self.env.registry if name.startswith(PREFIX)]

    def test_groups(self):
        expected = {
            'portal': (False, False, False),
            'employee': (False, False, False),
            'user': (True, False, False),
            'bookkeeper': (True, True, False),
            'manager': (True, True, True),
        }
        for name, user in self.people.items():
            found = tuple(
                user.has_group(f'fieldpromax_accounting.fieldpromax_accounting_group_{group}')
                for group in ('user', 'bookkeeper', 'manager')
            )
            self.assertEqual(found, expected[name], name)

    def test_every_model_has_rules(self):
        """A company on every model but the app and the tickets, which nobody may read, and a rule for it."""
        for name in self.ours():
            model = self.env[name]
            if model._abstract or model._transient or name in OF_NO_COMPANY:
                continue
            self.assertIn('company_id', model._fields, name)
            rules = self.env['ir.rule'].sudo().search([('model_id.model', '=', name), ('groups', '=', False)])
            self.assertTrue(rules, f'{name} has no global rule')
            self.assertIn('compan', ''.join(rules.mapped('domain_force')), name)

    def test_outsiders_read_nothing(self):
        for name in self.ours():
            if self.env[name]._abstract:
                continue
            for person in ('portal', 'employee'):
                model = self.as_person(self.people[person])[name]
                for operation in ('read', 'write', 'create', 'unlink'):
                    self.assertFalse(model.has_access(operation), f'{person} may {operation} {name}')

    def test_nobody_creates_or_deletes_what_the_program_keeps(self):
        by_people = {'fieldpromax.mapping'}
        for name in self.ours():
            if self.env[name]._abstract or self.env[name]._transient or name in by_people:
                continue
            model = self.as_person(self.user_manager)[name]
            for operation in ('create', 'unlink'):
                self.assertFalse(model.has_access(operation), f'{operation} {name}')

    def test_companies_are_apart(self):
        """What belongs to company one is not seen from company two, whatever the role."""
        for name in self.ours():
            model = self.env[name].sudo()
            if model._abstract or model._transient or 'company_id' not in model._fields:
                continue
            foreign = model.search([('company_id', '=', self.company.id)])
            for user in (self.user_bookkeeper_2, self.user_manager_2):
                view = self.env(user=user, su=False, context={'allowed_company_ids': self.company_2.ids})[
                    name
                ]
                if not view.has_access('read'):
                    continue
                self.assertFalse(view.search([]) & view.browse(foreign.ids), name)
                for record in view.browse(foreign.ids[:3]):
                    with self.assertRaises(AccessError):
                        record.read(['create_date'])
        self.assertTrue(self.env['fieldpromax.run'].sudo().search([('company_id', '=', self.company.id)]))

    def test_credentials_are_for_nobody(self):
        for user in (*self.people.values(), self.user_manager_2):
            model = self.as_person(user)['fieldpromax.credential']
            for operation in ('read', 'write', 'create', 'unlink'):
                self.assertFalse(model.has_access(operation), user.login)
            with self.assertRaises(AccessError):
                model.search_read([], ['access_expires_at'])
            with self.assertRaises(UserError):
                model.browse(model.sudo().search([]).ids).export_data(['token_set_encrypted'])

    def test_secrets_by_no_way(self):
        token = self.env['fieldpromax.credential'].sudo()._token_set(self.connection)
        for name, fields_ in SECRET_FIELDS.items():
            model = self.as_person(self.user_manager)[name]
            for field_name in fields_:
                self.assertNotIn(field_name, model.fields_get())
                with self.assertRaises(AccessError):
                    model.search([(field_name, '!=', False)])
                with self.assertRaises(AccessError):
                    model.search([], order=field_name)
                with self.assertRaises(AccessError):
                    model._read_group([], [field_name])
                record = model.browse(model.sudo().search([], limit=1).id)
                with self.assertRaises(AccessError):
                    record.read([field_name])
                with self.assertRaises(UserError):
                    record.export_data([field_name])
        # And whatever a manager can read of anything of ours holds no secret.
        for name in self.ours():
            model = self.as_person(self.user_manager)[name]
            if model._abstract or model._transient or not model.has_access('read'):
                continue
            content = str(model.search([]).read())
            for secret in (token.access_token, token.refresh_token, 'fieldpromax-demo-secret'):
                self.assertNotIn(secret, content, name)

    def test_secret_looking_fields_are_guarded(self):
        """A field that is called like a secret is for nobody, so that a new one is not forgotten."""
        for name in self.ours():
            for field_name, field in self.env[name]._fields.items():
                if any(word in field_name for word in ('encrypted', 'nonce', 'verifier', 'token', 'secret')):
                    if field.type in ('datetime', 'boolean'):
                        continue
                    self.assertEqual(field.groups, '.', f'{name}.{field_name}')

    def test_private_methods_are_private(self):
        """RPC reaches nothing that begins with an underscore, and all that opens a door to the provider does."""
        for name in (
            '_connect',
            '_talk',
            '_perform_removal',
            '_on_provider_error',
            '_cron_push',
            '_uninstall',
        ):
            with self.assertRaises(AccessError):
                get_public_method(self.env['fieldpromax.connection'], name)
        for name in ('_receive', '_start', '_complete', '_token_set'):
            with self.assertRaises(AccessError):
                get_public_method(self.env['fieldpromax.authorization'], name)

    def test_public_methods_are_listed(self):
        """A new public method does not slip in unguarded."""
        self.assertEqual(
            own_methods(self.env['fieldpromax.connection']) - {'write', 'unlink'}, set(CONNECTION_METHODS)
        )
        for name in ('fieldpromax.app', 'fieldpromax.credential', 'fieldpromax.authorization'):
            self.assertFalse(own_methods(self.env[name]), name)
        self.assertEqual(
            own_methods(self.env['fieldpromax.authorization.organization']),
            {'action_connect', 'action_connect_anyway'},
        )

    def test_connection_methods(self):
        for method, least in CONNECTION_METHODS.items():
            for name, user in self.people.items():
                record = self.connection.with_env(self.as_person(user))
                allowed = self.rank[name] >= self.rank[least]
                with self.subTest(method=method, person=name), self.env.cr.savepoint() as savepoint:
                    try:
                        getattr(record, method)()
                        done = True
                    except UserError:
                        done = False
                    self.assertEqual(done, allowed)
                    savepoint.rollback()
                    self.env.invalidate_all()
            if method == 'action_open_overview':
                continue  # of the model, not of a record: everybody is shown what is theirs
            # From the other company: nobody.
            for user in (self.user_bookkeeper_2, self.user_manager_2):
                with self.subTest(method=method, person=user.login), self.assertRaises(UserError):
                    getattr(self.connection.with_env(self.as_person(user)), method)()
        self.assertEqual((self.connection.state, self.connection.paused), ('connected', False))

    def test_methods_of_everything_else(self):
        """Outsiders and the other company get an error, in words, from every public method of every model of ours."""
        for name in self.ours():
            model = self.env[name]
            if model._abstract or name == 'fieldpromax.connection':
                continue
            records = (
                model.sudo().search([('company_id', '=', self.company.id)], limit=1)
                if ('company_id' in model._fields and not model._transient)
                else model
            )
            for method in sorted(own_methods(model)):
                function = getattr(type(model), method)
                if not method.startswith('action_'):
                    continue
                needed = [
                    parameter
                    for parameter in list(inspect.signature(function).parameters.values())[1:]
                    if parameter.default is parameter.empty
                    and parameter.kind == parameter.POSITIONAL_OR_KEYWORD
                ]
                if needed or not records:
                    continue
                for user in (
                    self.user_portal,
                    self.user_employee,
                    self.user_bookkeeper_2,
                    self.user_manager_2,
                ):
                    with self.subTest(model=name, method=method, person=user.login):
                        with self.assertRaises(UserError):
                            getattr(records.with_env(self.as_person(user)), method)()

    def test_choice_belongs_to_who_consented(self):
        authorization = self.connect(['US', 'AU'])
        row = authorization.organization_ids.filtered(
            lambda row: row.external_id == self.connection.organization_external_id
        )
        for user in (*list(self.people.values())[:-1], self.user_manager_2, self.user_manager_both):
            with self.assertRaises(UserError):
                row.with_env(self.as_person(user, user.company_id)).action_connect()
        self.assertEqual(authorization.state, 'exchanged')

    def test_menus(self):
        menu = self.env.ref('fieldpromax_accounting.fieldpromax_menu_root')
        for name, user in self.people.items():
            if user._is_portal():
                continue  # has no menus at all
            visible = menu.id in self.as_person(user)['ir.ui.menu']._visible_menu_ids()
            self.assertEqual(visible, self.rank[name] >= self.rank['user'], name)


@tagged('post_install', '-at_install')
class TestAccessRoutes(ConnectingHttpCommon):
    def test_every_route_of_ours_is_known(self):
        """A new route has to be tried as everybody (see test_authorization, test_webhook) before it is added here."""
        found = {
            url for url, _endpoint in _generate_routing_rules(['fieldpromax_accounting'], nodb_only=False)
        }
        self.assertEqual(
            found,
            {
                '/fieldpromax/oauth/start/<string:provider>',
                '/fieldpromax/oauth/callback/<string:provider>',
                '/fieldpromax/webhook/<string:provider>',
            },
        )

    @mute_logger('odoo.http')  # says each refusal, which is what is tried here
    def test_rpc(self):
        connection = self.connect('US')
        for user, may in (
            (self.user_portal, False),
            (self.user_bookkeeper, False),
            (self.user_manager, True),
        ):
            self.log_in(user)
            answer = self.url_open(
                '/web/dataset/call_kw/fieldpromax.connection/action_pause',
                json=self.build_rpc_payload(
                    {
                        'model': 'fieldpromax.connection',
                        'method': 'action_pause',
                        'args': [connection.ids],
                        'kwargs': {},
                    }
                ),
            ).json()
            self.assertEqual('result' in answer, may, user.login)
            answer = self.url_open(
                '/web/dataset/call_kw/fieldpromax.connection/_perform_removal',
                json=self.build_rpc_payload(
                    {
                        'model': 'fieldpromax.connection',
                        'method': '_perform_removal',
                        'args': [connection.ids],
                        'kwargs': {},
                    }
                ),
            ).json()
            self.assertIn('error', answer)
        self.env.invalidate_all()
        self.assertTrue(connection.paused)
