from odoo import api, models


class AccountPartialReconcile(models.Model):
    """Where a payment, a statement line or a credit note settles an invoice, and where that is undone."""

    _inherit = 'account.partial.reconcile'

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        moves = partials._fieldpromax_settled_moves()
        moves._fieldpromax_note_allocated()
        moves._fieldpromax_note_settled()
        return partials

    def unlink(self):
        moves = self._fieldpromax_settled_moves()
        result = super().unlink()
        moves = moves.exists()
        moves._fieldpromax_note_allocated()
        moves._fieldpromax_note_settled()
        return result

    def _fieldpromax_settled_moves(self):
        """The journal entries on both sides."""
        lines = self.sudo().debit_move_id | self.sudo().credit_move_id
        return lines.move_id.with_env(self.env)
