from odoo import api, models

# A payment that has no journal entry settles its invoices through these.
OBSERVED_FIELDS = {'state', 'invoice_ids', 'amount', 'date', 'journal_id', 'currency_id', 'move_id', 'memo'}


class AccountPayment(models.Model):
    """Payments without a journal entry, which no partial reconciliation tells of."""

    _inherit = 'account.payment'

    @api.model_create_multi
    def create(self, vals_list):
        payments = super().create(vals_list)
        payments._fieldpromax_note_invoices()
        return payments

    def write(self, vals):
        before = self.sudo().invoice_ids if 'invoice_ids' in vals else self.env['account.move']
        result = super().write(vals)
        if OBSERVED_FIELDS & set(vals):
            self._fieldpromax_note_invoices(before)
        return result

    def unlink(self):
        before = self.sudo().invoice_ids
        result = super().unlink()
        before.with_env(self.env)._fieldpromax_note_settled()
        return result

    def _fieldpromax_note_invoices(self, before=None):
        moves = self.sudo().invoice_ids | self.sudo().move_id._fieldpromax_settled_by()
        if before:
            moves |= before
        moves.with_env(self.env)._fieldpromax_note_settled()
