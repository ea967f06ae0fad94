from odoo import api, models


class FieldpromaxRun(models.Model):
    _inherit = 'fieldpromax.run'

    @api.model
    def _kinds(self, connection):
        """Projects come last: each stands below a customer."""
        kinds = super()._kinds(connection)
        return (*kinds, 'project') if connection.has_projects else kinds
