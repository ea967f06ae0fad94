from odoo import fields, models


class FieldpromaxIssue(models.Model):
    _inherit = 'fieldpromax.issue'

    project_id = fields.Many2one(
        'project.project', index='btree_not_null', ondelete='set null', readonly=True
    )

    def action_open_remedy(self):
        self.ensure_one()
        if self.project_id and self.cause not in ('mapping_missing', 'match_review'):
            return {
                'type': 'ir.actions.act_window',
                'res_model': 'project.project',
                'res_id': self.project_id.id,
                'view_mode': 'form',
            }
        return super().action_open_remedy()

    def _as_hold(self):
        hold = super()._as_hold()
        if self.project_id:
            hold.records['project_id'] = self.project_id.id
        return hold
