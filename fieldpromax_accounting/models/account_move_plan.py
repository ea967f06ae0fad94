from odoo import fields, models

from .fieldpromax_run_plan import WAITS_FOR_PERSON


class AccountMove(models.Model):
    """An invoice that waits for a decision about the plan of the first import leads to that plan."""

    # Apart from what becomes of an invoice in the books.
    _inherit = 'account.move'  # pylint: disable=consider-merging-classes-inherited

    fieldpromax_plan_text = fields.Char(
        compute='_compute_fieldpromax_plan_text', compute_sudo=True, groups='base.group_user'
    )

    def _compute_fieldpromax_plan_text(self):
        connections = self.env['fieldpromax.connection']
        for company, moves in self.grouped('company_id').items():
            connection = connections._active_for(company)
            run = self.env['fieldpromax.run']._open_run(connection) if connection else None
            text = run._first_import_text(connection) if run and run.plan_state in WAITS_FOR_PERSON else ''
            for move in moves:
                move.fieldpromax_plan_text = text if move.fieldpromax_state == 'waiting' else ''

    def action_fieldpromax_open_plan(self):
        """The plan that the invoice waits for."""
        self.ensure_one()
        self.check_access('read')
        connection = self.env['fieldpromax.connection'].sudo()._active_for(self.company_id)
        return connection.with_env(self.env).action_open_plan()
