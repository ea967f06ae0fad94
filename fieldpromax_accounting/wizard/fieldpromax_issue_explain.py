from odoo import fields, models
from odoo.exceptions import UserError


class FieldpromaxIssueExplain(models.TransientModel):
    """Why a document may stand in the books otherwise than in Odoo."""

    _name = 'fieldpromax.issue.explain'
    _description = 'Explain a difference'

    issue_ids = fields.Many2many('fieldpromax.issue', readonly=True)
    note = fields.Text('Why it is right')

    def action_explain(self):
        self.ensure_one()
        issues = self.issue_ids
        issues._check_bookkeeper()
        if not issues or not all(issue.can_explain for issue in issues):
            raise UserError(self.env._('This is settled already. Reload the page.'))
        if not (self.note or '').strip():
            raise UserError(self.env._('Say in a few words why it is right as it is.'))
        for issue in issues:
            issue.message_post(body=self.note)
        issues.sudo().link_id._explain(self.note)
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}
