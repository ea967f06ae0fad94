from odoo import api, fields, models


class FieldpromaxConflictResolve(models.TransientModel):
    """Asks before one side's values go over the other's, and says how many."""

    _name = 'fieldpromax.conflict.resolve'
    _description = 'Decide conflicts with the books'

    conflict_ids = fields.Many2many('fieldpromax.conflict', required=True, readonly=True)
    keep = fields.Selection(
        [('ours', "Keep Odoo's"), ('theirs', "Keep the books'")], required=True, readonly=True
    )
    shown = fields.Json(readonly=True, help='Both values of each as they were when this was asked.')
    text = fields.Text(compute='_compute_text')

    @api.depends('conflict_ids', 'keep')
    def _compute_text(self):
        for wizard in self:
            count = len(wizard.conflict_ids)
            providers = ', '.join(sorted(set(wizard.conflict_ids.mapped('provider_label'))))
            values = {'count': count, 'provider': providers}
            if wizard.keep == 'ours':
                wizard.text = (
                    self.env._(
                        'One value of Odoo is sent to %(provider)s and replaces what stands there. Nothing changes in '
                        'Odoo.',
                        **values,
                    )
                    if count == 1
                    else self.env._(
                        '%(count)s values of Odoo are sent to %(provider)s and replace what stands there. Nothing '
                        'changes in Odoo.',
                        **values,
                    )
                )
            else:
                wizard.text = (
                    self.env._(
                        'One value of %(provider)s replaces what stands in Odoo. Nothing changes in %(provider)s.',
                        **values,
                    )
                    if count == 1
                    else self.env._(
                        '%(count)s values of %(provider)s replace what stands in Odoo. Nothing changes in '
                        '%(provider)s.',
                        **values,
                    )
                )

    def action_confirm(self):
        self.ensure_one()
        self.conflict_ids._resolve(self.keep, self.shown)
        return {'type': 'ir.actions.act_window_close'}
