from odoo import fields, models


class FieldpromaxCheckpoint(models.Model):
    _inherit = 'fieldpromax.checkpoint'

    kind = fields.Selection(selection_add=[('project', 'Projects')], ondelete={'project': 'cascade'})
