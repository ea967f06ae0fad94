from odoo import fields, models


class FieldpromaxPreviewLine(models.TransientModel):
    """One line of a previewed invoice, as the provider shows it."""

    _name = 'fieldpromax.preview.line'
    _description = 'Line of a previewed invoice'
    _order = 'sequence, id'

    preview_id = fields.Many2one('fieldpromax.preview', required=True, ondelete='cascade', index=True)
    currency_id = fields.Many2one(related='preview_id.currency_id')
    sequence = fields.Integer()
    is_text = fields.Boolean(help='A section or a note: it has no price.')
    description = fields.Text(readonly=True)
    item = fields.Char('Product', readonly=True)
    # Formatted for the person, with all the digits that the provider gets: a price that carries a discount has many.
    quantity = fields.Char(readonly=True)
    unit_price = fields.Char('Price', readonly=True)
    discount = fields.Float('Disc. %', readonly=True)
    account = fields.Char(readonly=True)
    tax = fields.Char(readonly=True)
    category = fields.Char('Category or class', readonly=True)
    amount = fields.Monetary(readonly=True)
