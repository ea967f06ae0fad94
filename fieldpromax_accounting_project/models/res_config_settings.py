from odoo import api, fields, models
from odoo.addons.fieldpromax_accounting.providers import registry


class ResConfigSettings(models.TransientModel):
    _inherit = 'res.config.settings'

    # By a method of its own: computing it must not compute anew what the person ticks.
    fieldpromax_may_ask_for_projects = fields.Boolean(compute='_compute_fieldpromax_may_ask_for_projects')
    fieldpromax_asks_for_projects = fields.Boolean(
        'Ask for projects',
        compute='_compute_fieldpromax_asks_for_projects',
        inverse='_inverse_fieldpromax_app',
        readonly=False,
    )

    @api.depends('fieldpromax_provider')
    def _compute_fieldpromax_may_ask_for_projects(self):
        known = dict(registry.selection())
        for settings in self:
            provider = settings.fieldpromax_provider
            settings.fieldpromax_may_ask_for_projects = provider in known and bool(
                registry.get(provider).optional_scopes
            )

    @api.depends('fieldpromax_provider')
    def _compute_fieldpromax_asks_for_projects(self):
        for settings in self:
            provider = settings.fieldpromax_provider
            app = self.env['fieldpromax.app']._of(provider) if provider else self.env['fieldpromax.app']
            settings.fieldpromax_asks_for_projects = app.asks_for_projects

    def _inverse_fieldpromax_app(self):
        """After the client id, without which there is no app."""
        result = super()._inverse_fieldpromax_app()
        for settings in self.filtered('fieldpromax_may_ask_for_projects'):
            app = self.env['fieldpromax.app']._of(settings.fieldpromax_provider)
            if app and app.asks_for_projects != settings.fieldpromax_asks_for_projects:
                app.asks_for_projects = settings.fieldpromax_asks_for_projects
        return result
