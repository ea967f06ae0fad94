from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .. import encryption
from ..providers import registry
from .fieldpromax_connection import SETTINGS_FIELDS, STATUS
from .fieldpromax_connection_trouble import TROUBLES


class ResConfigSettings(models.TransientModel):
    """Settings → FieldPromax Accounting: the app, the connection and what is sent.

    The page remembers what it showed (``fieldpromax_shown``): only what the person changed is written, so that two
    administrators do not undo each other's choices.
    """

    _inherit = 'res.config.settings'

    fieldpromax_provider = fields.Selection(
        selection=lambda self: registry.selection(), string='Accounting software'
    )
    fieldpromax_connection_id = fields.Many2one(
        'fieldpromax.connection', compute='_compute_fieldpromax_connection'
    )
    fieldpromax_provider_label = fields.Char(compute='_compute_fieldpromax_connection')
    fieldpromax_other_label = fields.Char(compute='_compute_fieldpromax_connection')
    fieldpromax_other_text = fields.Char(compute='_compute_fieldpromax_connection')
    fieldpromax_trouble = fields.Selection(
        TROUBLES, compute='_compute_fieldpromax_connection', string='Trouble'
    )
    fieldpromax_consent_text = fields.Char(compute='_compute_fieldpromax_connection', string='Consent')
    fieldpromax_consent_ends_soon = fields.Boolean(compute='_compute_fieldpromax_connection')
    fieldpromax_no_drafts_text = fields.Char(compute='_compute_fieldpromax_connection')
    fieldpromax_served_by = fields.Char(compute='_compute_fieldpromax_connection')
    fieldpromax_status = fields.Selection(STATUS, compute='_compute_fieldpromax_connection', string='Status')
    fieldpromax_status_text = fields.Char(compute='_compute_fieldpromax_connection')
    fieldpromax_organization = fields.Char(compute='_compute_fieldpromax_connection', string='Organization')
    fieldpromax_connected_text = fields.Char(compute='_compute_fieldpromax_connection')
    fieldpromax_is_active = fields.Boolean(compute='_compute_fieldpromax_connection')
    fieldpromax_is_demo = fields.Boolean(related='fieldpromax_connection_id.organization_is_demo')
    fieldpromax_key_missing = fields.Boolean(compute='_compute_fieldpromax_connection')
    fieldpromax_first_import = fields.Selection(
        selection=lambda self: (
            self.env['res.company']._fields['fieldpromax_first_import']._description_selection(self.env)
        ),
        string='First import',
    )
    fieldpromax_import_is_ahead = fields.Boolean(compute='_compute_fieldpromax_connection')

    fieldpromax_client_id = fields.Char(
        'Client ID', compute='_compute_fieldpromax_app', inverse='_inverse_fieldpromax_app', readonly=False
    )
    # Always empty when read; what is entered is encrypted at once and stands nowhere else.
    fieldpromax_client_secret = fields.Char(
        'Client secret',
        compute='_compute_fieldpromax_app',
        inverse='_inverse_fieldpromax_app',
        readonly=False,
    )
    fieldpromax_client_secret_set_at = fields.Datetime(
        'Client secret set on', compute='_compute_fieldpromax_app'
    )
    fieldpromax_redirect_uri = fields.Char('Redirect URI', compute='_compute_fieldpromax_app')
    fieldpromax_app_link = fields.Html(compute='_compute_fieldpromax_app', sanitize=False)

    fieldpromax_push_trigger = fields.Selection(
        [('posted', 'When posted'), ('sent', 'When sent'), ('manual', 'By hand')], string='Push invoices'
    )
    fieldpromax_invoice_status = fields.Selection(
        [('approved', 'Approved'), ('draft', 'Draft')], string='Arrive as'
    )
    fieldpromax_start_date = fields.Date('Nothing dated before')
    fieldpromax_push_payments = fields.Boolean('Payments to the books')
    fieldpromax_pull_payments = fields.Boolean('Payments from the books')
    fieldpromax_attach_pdf = fields.Boolean("Attach the invoice's PDF")
    fieldpromax_attach_files = fields.Boolean('Attach its other files')
    fieldpromax_pull_suppliers = fields.Boolean('Suppliers too')
    fieldpromax_pull_interval = fields.Selection(
        [
            ('15', 'Every 15 minutes'),
            ('30', 'Every 30 minutes'),
            ('60', 'Every hour'),
            ('240', 'Every 4 hours'),
        ],
        string='Read changes',
    )
    fieldpromax_contact_push = fields.Selection(
        [('invoiced', 'When first invoiced'), ('created', 'When created')], string='New customers'
    )
    fieldpromax_item_push = fields.Selection(
        [('invoiced', 'When first invoiced'), ('created', 'When created')], string='New products'
    )
    fieldpromax_is_source_of_shared = fields.Boolean('Source of shared records')
    fieldpromax_shares_records = fields.Boolean(
        compute='_compute_fieldpromax_connection', string='Several companies are connected'
    )
    fieldpromax_shown = fields.Json()

    # === COMPUTE METHODS === #

    @api.depends('fieldpromax_provider', 'company_id')
    def _compute_fieldpromax_connection(self):
        connections = self.env['fieldpromax.connection'].sudo()
        for settings in self:
            company = settings.company_id or self.env.company
            own = connections._active_for(company)
            served = own and own.company_id != company
            active = connections if served else own
            connection = active or connections._latest(company, settings.fieldpromax_provider)
            settings.fieldpromax_connection_id = connection
            settings.fieldpromax_provider_label = dict(registry.selection()).get(
                settings.fieldpromax_provider, ''
            )
            is_other = active and active.provider != settings.fieldpromax_provider
            settings.fieldpromax_other_label = active._provider_label() if is_other else ''
            settings.fieldpromax_other_text = (
                self.env._(
                    'Disconnect %(other)s first to connect %(provider)s: a company has one accounting integration at a '
                    'time. What %(other)s knows is kept for the day you come back to it.',
                    other=active._provider_label(),
                    provider=settings.fieldpromax_provider_label,
                )
                if is_other
                else ''
            )
            settings.fieldpromax_trouble = connection.shown_trouble
            settings.fieldpromax_consent_text = connection.consent_text
            settings.fieldpromax_consent_ends_soon = connection.consent_ends_soon
            settings.fieldpromax_no_drafts_text = connection.no_drafts_text if active else ''
            settings.fieldpromax_served_by = (
                self.env._(
                    '%(company)s uses the connection of %(parent)s to %(organization)s.',
                    company=company.name,
                    parent=own.company_id.name,
                    organization=own.organization_name,
                )
                if served
                else ''
            )
            settings.fieldpromax_is_active = bool(active)
            settings.fieldpromax_import_is_ahead = not served and not active._has_begun_import()
            settings.fieldpromax_shares_records = (
                connections.search_count([('state', '!=', 'disconnected')], limit=2) > 1
            )
            settings.fieldpromax_status = connection.status if connection else 'disconnected'
            settings.fieldpromax_status_text = connection.status_text if connection else ''
            settings.fieldpromax_organization = ' · '.join(
                filter(
                    None,
                    (
                        settings.fieldpromax_other_label,
                        connection.organization_name,
                        connection.organization_country,
                        connection.currency_id.name,
                    ),
                )
            )
            settings.fieldpromax_connected_text = settings._fieldpromax_connected_text(connection)
            settings.fieldpromax_key_missing = encryption.is_missing(self.env)

    def _fieldpromax_connected_text(self, connection):
        if not connection.connected_at:
            return ''
        values = {
            'person': connection.connected_by_id.name or '',
            'day': format_date(self.env, fields.Datetime.context_timestamp(self, connection.connected_at)),
        }
        if connection.state == 'disconnected':
            return self.env._('Last connected by %(person)s on %(day)s.', **values)
        return self.env._('Connected by %(person)s on %(day)s.', **values)

    @api.depends('fieldpromax_provider')
    def _compute_fieldpromax_app(self):
        apps = self.env['fieldpromax.app']
        for settings in self:
            provider = settings.fieldpromax_provider
            app = apps._of(provider) if provider else apps
            settings.fieldpromax_client_id = app.client_id
            settings.fieldpromax_client_secret = False
            settings.fieldpromax_client_secret_set_at = app.client_secret_set_at
            settings.fieldpromax_redirect_uri = (
                self.env['fieldpromax.authorization']._redirect_uri(provider) if provider else ''
            )
            settings.fieldpromax_app_link = settings._fieldpromax_app_link() if provider else False

    def _fieldpromax_app_link(self):
        """Where a person registers the app at the provider."""
        return Markup('<a href="%(url)s" target="_blank" rel="noopener noreferrer">%(text)s</a>') % {
            'url': registry.get(self.fieldpromax_provider).app_page,
            'text': self.env._('Create an app at %(provider)s', provider=self.fieldpromax_provider_label),
        }

    def _inverse_fieldpromax_app(self):
        """Store what was typed: an id that differs from the one shown, a secret that is not empty.

        Both at once: another id forgets the former secret, and must not forget the one that came with it.
        """
        for settings in self.filtered('fieldpromax_provider'):
            provider = settings.fieldpromax_provider
            shown = (settings.fieldpromax_shown or {}).get('client_id', {}).get(provider) or ''
            entered = settings.fieldpromax_client_id or ''
            self.env['fieldpromax.app']._set_credentials(
                provider,
                client_id=entered if entered != shown else None,
                client_secret=settings.fieldpromax_client_secret,
            )

    # === READ AND SAVE === #

    @api.model
    def get_values(self):
        values = super().get_values()
        # Odoo lets everybody who can log in call this, without a record that could be refused.
        if not self.env.su and not self.env.user.has_group(
            'fieldpromax_accounting.fieldpromax_accounting_group_manager'
        ):
            return values
        connections = self.env['fieldpromax.connection'].sudo()
        connection = connections._active_for(self.env.company)
        if connection.company_id != self.env.company:
            connection = connections
        providers = registry.selection()
        latest = connection or connections.search(
            [('company_id', '=', self.env.company.id)], order='connected_at desc, id desc', limit=1
        )
        names = [name for name, _label in providers]
        # Without a connection: the one that an app is entered for.
        entered = [name for name in names if self.env['fieldpromax.app']._of(name).client_id]
        provider = latest.provider if latest.provider in names else next(iter([*entered, *names]), False)
        chosen = {name: connection[name] for name in SETTINGS_FIELDS} if connection else {}
        shown = {
            'connection': connection.id,
            'client_id': {name: self.env['fieldpromax.app']._of(name).client_id or '' for name in names},
            **{
                name: fields.Date.to_string(value) if name == 'start_date' else value
                for name, value in chosen.items()
            },
        }
        values |= {f'fieldpromax_{name}': value for name, value in chosen.items()}
        first_import = self.env.company.fieldpromax_first_import
        shown['first_import'] = first_import
        return values | {
            'fieldpromax_provider': provider,
            'fieldpromax_first_import': first_import,
            'fieldpromax_shown': shown,
        }

    def set_values(self):
        result = super().set_values()
        self._save_fieldpromax_settings()
        return result

    def _save_fieldpromax_settings(self):
        """Write what the person changed since the page was shown, and nothing else."""
        shown = self.fieldpromax_shown or {}
        first_import = self.fieldpromax_first_import
        if first_import and shown and first_import != shown.get('first_import'):
            self.company_id.fieldpromax_first_import = first_import
        connection = self.env['fieldpromax.connection'].search([('id', '=', shown.get('connection') or 0)])
        if not connection or connection.company_id != self.company_id:
            return
        values = {}
        for name in SETTINGS_FIELDS:
            value = self[f'fieldpromax_{name}']
            comparable = fields.Date.to_string(value) if name == 'start_date' else value
            if comparable != shown.get(name) and (
                value or self._fields[f'fieldpromax_{name}'].type == 'boolean'
            ):
                values[name] = value
        if values:
            connection.write(values)

    # === ACTIONS === #

    def action_fieldpromax_connect(self):
        """Save what was entered and go to the provider: the id and secret typed a moment ago are used at once."""
        self.ensure_one()
        self.env['fieldpromax.connection']._check_manager()
        self.set_values()
        authorization = self.env['fieldpromax.authorization'].with_company(self.company_id)
        authorization._check_start(self.fieldpromax_provider)
        return self.env['fieldpromax.connection']._start_action(self.fieldpromax_provider, self.company_id)

    def action_fieldpromax_confirm_disconnect(self):
        return self._fieldpromax_connection().action_confirm_disconnect()

    def action_fieldpromax_pause(self):
        return self._fieldpromax_connection().action_pause()

    def action_fieldpromax_resume(self):
        return self._fieldpromax_connection().action_resume()

    def action_fieldpromax_sync_now(self):
        return self._fieldpromax_connection().action_sync_now()

    def action_fieldpromax_claim_database(self):
        return self._fieldpromax_connection().action_claim_database()

    def action_fieldpromax_keep_apart(self):
        return self._fieldpromax_connection().action_keep_apart()

    def action_fieldpromax_check_again(self):
        return self._fieldpromax_connection().action_check_again()

    def action_fieldpromax_radar(self):
        """What would make trouble in the software that is chosen on the page, before it is connected."""
        self.ensure_one()
        radar = self.env['fieldpromax.radar'].with_company(self.company_id)
        return radar.with_context(fieldpromax_provider=self.fieldpromax_provider).action_open_radar()

    def action_fieldpromax_field_rules(self):
        return self._fieldpromax_connection().action_view_field_rules()

    def action_fieldpromax_open(self):
        return self._fieldpromax_connection().action_open_form()

    def action_fieldpromax_forget_secrets(self):
        """The key is lost for good: drop what nobody can read any more and start anew."""
        self.ensure_one()
        self.env['fieldpromax.connection']._check_manager()
        self.env['fieldpromax.connection'].sudo()._forget_secrets()
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    def _fieldpromax_connection(self):
        """The connection with the person's own rights."""
        self.ensure_one()
        if not self.fieldpromax_connection_id:
            raise UserError(self.env._('Nothing is connected in this company. Click Connect first.'))
        return self.env['fieldpromax.connection'].browse(self.fieldpromax_connection_id.id)
