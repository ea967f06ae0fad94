from odoo import fields, models
from odoo.exceptions import UserError


class FieldpromaxMappingRule(models.TransientModel):
    """Ask for a product, or a category of products, whose revenue is booked on an account of its own in the books."""

    _name = 'fieldpromax.mapping.rule'
    _description = 'Account for a product or a category'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, readonly=True, ondelete='cascade'
    )
    scope = fields.Selection(
        [('category', 'Products of a category'), ('product', 'One product')],
        'For',
        required=True,
        default='category',
    )
    category_id = fields.Many2one('product.category')
    product_tmpl_id = fields.Many2one('product.template', 'Product')
    reference_id = fields.Many2one(
        'fieldpromax.reference',
        'Account in the books',
        domain="[('connection_id', '=', connection_id), ('kind', '=', 'account'), ('is_revenue', '=', True),"
        " ('active', '=', True)]",
    )
    is_at_item = fields.Boolean(compute='_compute_is_at_item')

    def _compute_is_at_item(self):
        for rule in self:
            rule.is_at_item = not rule.connection_id._capabilities().accounts_on_lines

    def action_add(self):
        self.ensure_one()
        product = self.product_tmpl_id if self.scope == 'product' else None
        category = self.category_id if self.scope == 'category' else None
        if not product and not category:
            raise UserError(self.env._('Choose the product or the category that it is for.'))
        self.env['fieldpromax.mapping']._choose_account_for(
            self.connection_id, self.reference_id, product=product, category=category
        )
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}
