from odoo import fields, models


class FieldpromaxSealLine(models.TransientModel):
    """One field of an invoice as Odoo sent it and as the books keep it."""

    _name = 'fieldpromax.seal.line'
    _description = 'Field that was compared'
    _order = 'sequence, id'

    seal_id = fields.Many2one('fieldpromax.seal', required=True, ondelete='cascade', index=True)
    sequence = fields.Integer()
    label = fields.Char('Field', readonly=True)
    ours = fields.Char('In Odoo', readonly=True)
    theirs = fields.Char('In the books', readonly=True)
    agrees = fields.Boolean(readonly=True)
