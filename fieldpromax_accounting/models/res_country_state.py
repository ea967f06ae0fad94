"""Whoever changes a state changes how addresses are read, see ``res.country._fieldpromax_spellings``."""

from odoo import api, models


class ResCountryState(models.Model):
    _inherit = 'res.country.state'

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache('stable')
        return super().create(vals_list)

    def write(self, vals):
        result = super().write(vals)
        self.env.registry.clear_cache('stable')
        return result

    def unlink(self):
        self.env.registry.clear_cache('stable')
        return super().unlink()
