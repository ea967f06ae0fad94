"""Countries and states by what people write into addresses."""

from odoo import api, models, tools

from ..matching import text_key


class ResCountry(models.Model):
    _inherit = 'res.country'

    @api.model
    @tools.ormcache('self.env.lang', cache='stable')
    def _fieldpromax_spellings(self):
        """``({key: country id}, {(country id, key): state id})``; a key stands for a code or a name. Not to be changed
        by the caller: it is shared by everyone."""
        countries = self.sudo().search_fetch([], ['code', 'name'])
        states = self.env['res.country.state'].sudo().search_fetch([], ['code', 'name', 'country_id'])
        # Names after codes: where the two collide, the name means it.
        by_country = {text_key(country.code): country.id for country in countries}
        by_country |= {text_key(country.name): country.id for country in countries}
        by_state = {(state.country_id.id, text_key(state.code)): state.id for state in states}
        by_state |= {(state.country_id.id, text_key(state.name)): state.id for state in states}
        return by_country, by_state

    def write(self, vals):
        result = super().write(vals)
        if 'name' in vals:
            self.env.registry.clear_cache('stable')
        return result
