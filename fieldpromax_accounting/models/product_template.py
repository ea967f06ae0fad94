from odoo import api, fields, models

# Which field of ours each field of a template belongs to.
SYNCED_FIELDS = {'name': 'name', 'description_sale': 'description', 'list_price': 'price'}


class ProductTemplate(models.Model):
    _inherit = 'product.template'

    # The books know variants; a product with several shows the state of none.
    fieldpromax_state = fields.Selection(
        [('linked', 'Linked'), ('review', 'Match review'), ('not_sent', 'Not sent')],
        'Accounting state',
        compute='_compute_fieldpromax_state',
        compute_sudo=True,
        groups='base.group_user',
    )

    @api.depends_context('company')
    @api.depends('product_variant_ids')
    def _compute_fieldpromax_state(self):
        single = self.filtered(lambda template: len(template.product_variant_ids) == 1)
        (self - single).fieldpromax_state = False
        for template in single:
            template.fieldpromax_state = template.product_variant_ids.fieldpromax_state

    # === ACTIONS === #

    def action_fieldpromax_matches(self):
        """Of all its variants."""
        self.check_access('read')
        return self.with_context(active_test=False).product_variant_ids.action_fieldpromax_matches()

    def action_fieldpromax_take_apart(self):
        self.ensure_one()
        return self.product_variant_ids.action_fieldpromax_take_apart()

    # === CRUD METHODS === #

    def write(self, vals):
        """Name, description and price of a product stand here: whatever of its variants is in the books hears of it."""
        result = super().write(vals)
        if names := {SYNCED_FIELDS[name] for name in vals if name in SYNCED_FIELDS}:
            variants = self.with_context(active_test=False).product_variant_ids
            self.env['fieldpromax.link']._queue_changes_safely('item', variants.ids, names)
        return result
