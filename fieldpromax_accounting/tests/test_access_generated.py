"""Every model, field and public method of ours, tried by everybody, against :mod:`access_table`.

The registry says what there is, the table what is allowed: what stands in one alone fails.
"""

import inspect
from contextlib import suppress

from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .access_table import METHODS, MODELS, OF_ONES_OWN_COMPANY, RANKS
from .common import ConnectingCommon

ADDONS = ('odoo.addons.fieldpromax_accounting.', 'odoo.addons.fieldpromax_accounting_project.')
OPERATIONS = ('read', 'write', 'create', 'unlink')
# What stands for any secret in the rows that are tried: no answer may hold it.
PLANTED = 'PLANTED-SECRET-7f3a'
# Deterministic values for fields that a row needs.
PLAIN_VALUES = {
    'char': 'x',
    'text': 'x',
    'html': '<p>x</p>',
    'integer': 1,
    'float': 1.0,
    'monetary': 1.0,
    'boolean': False,
    'date': '2026-01-31',
    'datetime': '2026-01-31 12:00:00',
    'json': {},
}


def is_ours(name):
    return name.startswith('fieldpromax.')


def own_methods(model):
    """Public methods that our own classes give a model; those that override Odoo's keep Odoo's guards."""
    bases = type(model).__mro__
    ours, theirs = (
        [base for base in bases if base.__module__.startswith(ADDONS) is own] for own in (True, False)
    )
    inherited = {name for base in theirs if base.__module__ != 'odoo.registry' for name in vars(base)}
    return {
        name
        for base in ours
        for name, value in vars(base).items()
        if inspect.isfunction(value) and not name.startswith('_') and name not in inherited
    }


@tagged('post_install', '-at_install')
class TestAccessGenerated(ConnectingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = {
            'portal': cls.user_portal,
            'employee': cls.user_employee,
            'user': cls.user_invoice,
            'bookkeeper': cls.user_bookkeeper,
            'manager': cls.user_manager,
        }
        cls.strangers = {'bookkeeper': cls.user_bookkeeper_2, 'manager': cls.user_manager_2}
        cls.connection = cls.make_connection(cls.company)
        cls.rows = {}
        for name in sorted(filter(is_ours, cls.env.registry)):
            if not cls.env[name]._abstract:
                cls.row(name)
        cls.rows |= cls.rows_of_odoo()
        cls.env.flush_all()

    # === ROWS === #

    @classmethod
    def make_connection(cls, company):
        """As a consent makes it, without asking anybody."""
        connections = cls.env['fieldpromax.connection'].sudo()
        connection = connections.create(
            {
                'company_id': company.id,
                'provider': 'xero',
                'organization_external_id': 'an-organization',
                'organization_name': 'An organization',
                'connected_by_id': cls.user_manager.id,
                'connected_at': '2026-01-31 12:00:00',
                **connections._identity_values(),
            }
        )
        connection._ensure_crons()
        cls.env['fieldpromax.credential'].sudo().create({'connection_id': connection.id})
        return connection

    @classmethod
    def rows_of_odoo(cls):
        """Records of Odoo's own models that we gave buttons to, of company one."""
        own = {'company_id': cls.company.id}
        journal = cls.env['account.journal'].create(
            {'name': 'Tried', 'code': 'TRIED', 'type': 'general', **own}
        )
        product = cls.env['product.product'].create({'name': 'Tried', **own})
        return {
            'account.move': cls.env['account.move'].create({'move_type': 'entry', 'journal_id': journal.id}),
            'product.product': product,
            'product.template': product.product_tmpl_id,
            'res.partner': cls.own_customer,
            'res.config.settings': cls.env['res.config.settings'].create(own),
        }

    @classmethod
    def row(cls, name):
        """One row of a model, of company one, with whatever it requires and a secret in each field for secrets."""
        if name in cls.rows:
            return cls.rows[name]
        model = cls.env[name].sudo()
        if name == 'fieldpromax.connection':
            row = cls.connection.sudo()
        elif name in ('fieldpromax.credential', 'fieldpromax.app'):
            row = model.search([], limit=1)
        elif not model._auto or model._table_query is not None:
            row = model  # worked out from other tables, each under its own rules
        else:
            # As the ORM makes it: some pages read the state of their issue first, which is not what is tried here.
            row = models.BaseModel.create(model, [cls.required_values(model)])
        cls.rows[name] = row
        if secrets := [
            one for one, field in model._fields.items() if field.groups == '.' and field.type == 'char'
        ]:
            cls.env.flush_all()
            columns = ', '.join(f'{one} = %s' for one in secrets)
            cls.env.cr.execute(
                f'UPDATE {model._table} SET {columns} WHERE id = %s',  # noqa: S608
                [*[PLANTED] * len(secrets), row.id],
            )
            row.invalidate_recordset()
        return row

    @classmethod
    def required_values(cls, model):
        values = {}
        for name, field in model._fields.items():
            if field.type == 'many2one' and field.store and not field.compute and not field.related:
                if name == 'company_id':
                    values[name] = cls.company.id
                elif name == 'connection_id':
                    values[name] = cls.connection.id
                elif name == 'user_id':
                    values[name] = cls.user_manager.id
                elif field.required:
                    comodel = cls.env[field.comodel_name]
                    record = (
                        cls.row(field.comodel_name)
                        if is_ours(field.comodel_name)
                        else comodel.search([], limit=1)
                    )
                    values[name] = record.id
            elif name == model._rec_name and field.type == 'char' and field.store:
                values[name] = 'x'
            elif not field.required or not field.store or field.compute or field.default:
                continue
            elif field.type == 'many2one_reference':
                values |= {field.model_field: 'res.partner', name: cls.shared_customer.id}
            elif name in values:
                continue
            elif field.type == 'many2many':
                values[name] = [Command.set(cls.row(field.comodel_name).ids)]
            elif field.type == 'selection':
                values[name] = field.get_values(cls.env)[0]
            else:
                values[name] = PLAIN_VALUES[field.type]
        return values

    def models(self):
        return sorted(filter(is_ours, self.rows))

    def as_any(self, user):
        """Without a language or a company that could hide something."""
        return self.env(user=user, su=False, context={'allowed_company_ids': user.company_ids.ids})

    @classmethod
    def any_record(cls, name):
        if is_ours(name):
            return cls.row(name)
        model = cls.env[name].sudo()
        of_company = [('company_id', 'in', (False, cls.company.id))] if 'company_id' in model._fields else []
        return model.search(of_company, limit=1) or model.search([], limit=1)

    def row_for(self, name, user):
        """The row as a person meets it; a page that is filled in once is that person's own, unless it is a stranger."""
        row = self.rows[name]
        if self.env[name]._transient and user not in self.strangers.values():
            self.env.cr.execute(
                f'UPDATE {row._table} SET create_uid = %s WHERE id = %s',  # noqa: S608
                [user.id, row.id],
            )
            row.invalidate_recordset()
        return row.with_env(self.as_any(user))

    # === WHAT IS ALLOWED === #

    def test_every_model_and_method_stands_in_the_table(self):
        self.assertEqual(set(self.models()), set(MODELS))
        found = {
            name: methods
            for name in self.env.registry
            if not self.env[name]._abstract and (methods := own_methods(self.env[name]))
        }
        self.assertEqual(found, {name: set(methods) for name, methods in METHODS.items() if name in self.env})

    @mute_logger('odoo.addons.base.models.ir_model', 'odoo.addons.base.models.ir_rule', 'odoo.models')
    def test_operations(self):
        """Read, write, create and delete of every model: whoever has the rank, in the company of the row."""
        for name in self.models():
            row = self.rows[name]
            for person, user in self.people.items():
                record = self.row_for(name, user)
                for operation, least in zip(OPERATIONS, MODELS[name], strict=True):
                    expected = least is not None and RANKS[person] >= RANKS[least]
                    self.assertEqual(record.has_access(operation), expected, (name, person, operation))
            if name == 'fieldpromax.app' or not row:
                continue  # one for all companies of the database; worked out anew for whoever asks
            for person, user in self.strangers.items():
                record = self.row_for(name, user)
                for operation in ('read', 'write', 'unlink'):
                    self.assertFalse(
                        record.has_access(operation), (name, f'{person} of company 2', operation)
                    )
                if MODELS[name][0] and RANKS[person] >= RANKS[MODELS[name][0]]:
                    self.assertFalse(record.search([('id', '=', row.id)]), name)

    @mute_logger('odoo.addons.base.models.ir_model', 'odoo.addons.base.models.ir_rule', 'odoo.models')
    def test_fields(self):
        """Every field of every model by every way of reading: no secret comes out, nobody reads what is not theirs,
        and nothing of a secret can be told by searching, grouping or sorting."""
        for name in self.models():
            row, least = self.rows[name], MODELS[name][0]
            secrets = [one for one, field in row._fields.items() if field.groups == '.']
            for person, user in [
                *self.people.items(),
                *((f'{one}_2', user) for one, user in self.strangers.items()),
            ]:
                record = self.row_for(name, user)
                may = least is not None and record.has_access('read')
                if not record and not may:
                    continue  # no row that could be read: see test_operations
                with self.subTest(model=name, person=person):
                    if may:
                        self.assertReadsNoSecret(record, secrets)
                    else:
                        self.assertReadsNothing(record)
                    for secret in secrets:
                        self.assertTellsNothing(record, secret)

    def assertReadsNoSecret(self, record, secrets):
        shown = record.fields_get()
        self.assertFalse(set(shown) & set(secrets))
        # One2many fields of other models, where a secret may stand one step further.
        relations = {
            one: {'fields': {further: {} for further in record.env[field['relation']].fields_get()}}
            for one, field in shown.items()
            if field['type'] in ('one2many', 'many2many')
            and is_ours(field['relation'])
            and record.env[field['relation']].has_access('read')
        }
        ways = [
            lambda names: record.read(names),
            lambda names: record.web_read({one: relations.get(one, {}) for one in names}),
            lambda names: record.export_data(names),
        ]
        answers = [shown, record.default_get(list(shown)), record.name_search('')]
        for way in ways:
            try:
                answers.append(way(list(shown)))
            except UserError:
                # Exporting is for those whom Odoo lets; a record of Odoo behind a relation may be none of theirs.
                for one in shown:
                    with suppress(UserError):
                        answers.append(way([one]))
        self.assertNotIn(PLANTED, str(answers))

    def assertReadsNothing(self, record):
        for way in (
            lambda: record.read(['id', 'display_name']),
            lambda: record.web_read({'display_name': {}}),
            lambda: record.export_data(['display_name']),
        ):
            with self.assertRaises(UserError):
                way()
        try:
            found = record.search_read([('id', '=', record.id)], ['display_name'])
        except AccessError:
            found = []
        self.assertFalse(found)

    def assertTellsNothing(self, record, secret):
        """Not even whether there is one, how it begins, or which is greater."""
        model = record.browse()
        for way in (
            lambda: record.read([secret]),
            lambda: record.web_read({secret: {}}),
            lambda: record.export_data([secret]),
            lambda: model.search([(secret, '!=', False)]),
            lambda: model.search([(secret, '=like', 'PLANTED%')]),
            lambda: model.search_count([(secret, '>', 'A')]),
            lambda: model.search([], order=secret),
            lambda: model.search([], order=f'id, {secret} desc'),
            lambda: model.formatted_read_group([], [secret]),
            lambda: model.formatted_read_group([], [], [f'{secret}:array_agg']),
            lambda: model.search_read([], [secret]),
            lambda: record.mapped(secret),
            lambda: record.write({secret: 'mine'}),
        ):
            with self.assertRaises(UserError):
                way()

    def test_secrets_one_step_away(self):
        """By the path of a relation, from every model of ours that leads to a secret."""
        for name in self.models():
            model = self.as_any(self.user_manager)[name]
            if not MODELS[name][0]:
                continue
            for one, field in model._fields.items():
                comodel = self.env.get(field.comodel_name or '')
                if comodel is None or (not field.store and not field.search):
                    continue
                for secret, further in comodel._fields.items():
                    if is_ours(comodel._name) and further.groups == '.':
                        with self.assertRaises(UserError, msg=f'{name}.{one}.{secret}'):
                            model.search([(f'{one}.{secret}', '!=', False)])

    def test_what_outsiders_see_of_odoos_own_records(self):
        """Customers may read their invoices, and nothing of what the sync says about them; everybody who can log in may
        ask for the values of the settings."""
        for name in ('account.move', 'product.product', 'product.template', 'res.partner', 'res.company'):
            shown = self.as_any(self.user_portal)[name].fields_get()
            said = {
                one
                for one in shown
                if one.startswith('fieldpromax_') and not self.env[name]._fields[one].store
            }
            self.assertFalse(said, name)
        for person, user in self.people.items():
            values = self.as_any(user)['res.config.settings'].get_values()
            told = any(one.startswith('fieldpromax_') for one in values)
            self.assertEqual(told, person == 'manager', person)
            self.assertNotIn(PLANTED, str(values))
            # Where everything goes, tokens included, is for administrators of the database to say.
            if person != 'manager':
                with self.assertRaises(AccessError):
                    self.as_any(user)['ir.config_parameter'].set_param(
                        'fieldpromax_accounting.xero_base_url', 'https://evil.example'
                    )

    # === METHODS === #

    def outcome(self, record, method):
        """'denied', or what else came of calling a method without arguments; nothing of it stays."""
        self.env.flush_all()
        savepoint = self.env.cr.savepoint()
        try:
            getattr(record, method)()
            self.env.flush_all()
        except AccessError:
            return 'denied'
        except Exception as error:  # noqa: BLE001, past the guard: the state of the row does not fit, for instance
            return type(error).__name__
        else:
            return 'done'
        finally:
            savepoint.rollback()
            savepoint.close()
            self.env.invalidate_all()

    @mute_logger('odoo.addons.base.models.ir_model', 'odoo.addons.base.models.ir_rule', 'odoo.models')
    def test_methods(self):
        """Every public method by everybody: below the rank of the table, and from the other company, it is denied
        before it does anything; from the rank on it is not."""
        wrong = []
        for name, methods in METHODS.items():
            if name not in self.rows:
                continue
            for method, least in methods.items():
                for person, user in self.people.items():
                    found = self.outcome(self.row_for(name, user), method)
                    expected = RANKS[person] >= RANKS[least]
                    if not is_ours(name):
                        # Administrators have a part in invoicing only if somebody gave it to them.
                        expected = expected and self.row_for(name, user).has_access('read')
                    if (found != 'denied') != expected:
                        wrong.append((name, method, person, found))
                for person, user in self.strangers.items():
                    found = self.outcome(self.row_for(name, user), method)
                    if found != 'denied' and (name, method) not in OF_ONES_OWN_COMPANY:
                        wrong.append((name, method, f'{person} of company 2', found))
        self.assertFalse(wrong)
