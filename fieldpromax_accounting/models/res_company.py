from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResCompany(models.Model):
    _inherit = 'res.company'

    fieldpromax_first_import = fields.Selection(
        [('safe', 'Safe matches now'), ('plan', 'Show me the plan')],
        'First import',
        required=True,
        default='safe',
        help='What becomes of customers and products right after connecting: what is beyond doubt is linked or made at '
        'once and the rest waits for review, or nothing happens until somebody has seen the plan and runs it.',
    )

    def write(self, vals):
        result = super().write(vals)
        if 'fieldpromax_first_import' in vals:
            self.env['fieldpromax.run'].sudo()._choose_way(self)
        return result

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
