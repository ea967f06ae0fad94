from odoo import fields, models


class FieldpromaxIssueDifference(models.Model):
    """One field of a document that Odoo and the books have otherwise, side by side."""

    _name = 'fieldpromax.issue.difference'
    _description = 'Difference between Odoo and the books'
    _rec_name = 'label'
    _order = 'issue_id, id'

    issue_id = fields.Many2one(
        'fieldpromax.issue', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='issue_id.company_id', store=True, index=True)
    label = fields.Char('What', required=True, readonly=True)
    ours = fields.Char('In Odoo', readonly=True)
    theirs = fields.Char('In the books', readonly=True)
