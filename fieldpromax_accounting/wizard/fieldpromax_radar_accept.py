from odoo import api, fields, models


class FieldpromaxRadarAccept(models.TransientModel):
    """Ask, before records are renamed as the duplicate radar suggests."""

    _name = 'fieldpromax.radar.accept'
    _description = 'Accept suggested names'

    finding_ids = fields.Many2many('fieldpromax.radar.finding', string='Suggestions', readonly=True)
    count = fields.Integer(compute='_compute_count')
    text = fields.Char(compute='_compute_count')

    @api.depends('finding_ids')
    def _compute_count(self):
        for wizard in self:
            wizard.count = len(wizard.finding_ids)
            wizard.text = (
                self.env._('1 record gets another text in Odoo, wherever it is shown.')
                if wizard.count == 1
                else self.env._(
                    '%s records get another text in Odoo, wherever it is shown.',
                    wizard.count,
                )
            )

    def action_accept(self):
        self.ensure_one()
        changed = self.finding_ids._accept()
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'message': self.env._('1 record was changed.')
                if changed == 1
                else self.env._('%s records were changed.', changed),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }
