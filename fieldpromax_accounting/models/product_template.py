from odoo import fields, models


class ProductTemplate(models.Model):
    _inherit = 'product.template'

    fieldpromax_external_id = fields.Char(
        related='product_variant_id.fieldpromax_external_id',
        string='ID in the books',
        related_sudo=True,
    )
    fieldpromax_state = fields.Selection(
        related='product_variant_id.fieldpromax_state', string='Accounting state'
    )
