from odoo import api, fields, models


class FieldpromaxApp(models.Model):
    _inherit = 'fieldpromax.app'

    asks_for_projects = fields.Boolean(
        'Ask for projects',
        readonly=True,
        help='The provider allows this app to work with projects. An app that may not ask for them gets an error page.',
    )

    @api.model
    def _asks_for_optional_scopes(self, provider):
        return super()._asks_for_optional_scopes(provider) or self._of(provider).asks_for_projects
