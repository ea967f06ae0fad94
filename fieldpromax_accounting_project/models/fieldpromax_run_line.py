from odoo import fields, models


class FieldpromaxRunLine(models.Model):
    _inherit = 'fieldpromax.run.line'

    kind = fields.Selection(selection_add=[('project', 'Projects')], ondelete={'project': 'cascade'})
