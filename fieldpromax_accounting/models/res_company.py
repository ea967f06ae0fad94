from odoo import api, models
from odoo.exceptions import ValidationError


class ResCompany(models.Model):
    _inherit = 'res.company'

    @api.constrains('currency_id')
    def _check_fieldpromax_currency(self):
        """Amounts of a connected company are in the base currency of its organization."""
        connections = self.env['fieldpromax.connection'].sudo()
        for company in self:
            connection = connections.search(
                [
                    ('company_id', '=', company.id),
                    ('state', '!=', 'disconnected'),
                    ('currency_id', '!=', company.currency_id.id),
                ],
                limit=1,
            )
            if connection:
                raise ValidationError(
                    self.env._(
                        '%(company)s is connected to %(organization)s, which keeps its books in '
                        '%(currency)s. Disconnect '
                        'it in the settings before you change the currency.',
                        company=company.name,
                        organization=connection.organization_name,
                        currency=connection.currency_id.name,
                    )
                )
