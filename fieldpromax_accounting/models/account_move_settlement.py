from odoo import models
from odoo.tools import SQL


class AccountMove(models.Model):
    """What settles an invoice: noted where it happens, worked out by the push driver."""

    # Apart from what becomes of the invoice itself in the books.
    _inherit = 'account.move'  # pylint: disable=consider-merging-classes-inherited

    def write(self, vals):
        result = super().write(vals)
        if 'state' in vals or 'matched_payment_ids' in vals:
            # Partial reconciliations stay when a move is reset to draft; they count while both sides are posted.
            self._fieldpromax_note_settled(reach='state' in vals)
        return result

    def _fieldpromax_note_settled(self, reach=False):
        """Have the payments of these invoices looked at again; whatever goes wrong never stops the person.

        :param reach: these may also be what settles invoices: those are looked at too.
        """
        self.env['fieldpromax.exchange']._queue_safely(self, lambda: self.sudo()._fieldpromax_note_due(reach))

    def _fieldpromax_note_due(self, reach):
        served = {
            company: connection
            for company in self.company_id
            if (connection := self.env['fieldpromax.connection']._active_for(company))
            and (connection.push_payments or connection.pull_payments)
        }
        moves = self.filtered(lambda move: move.company_id in served)
        if not moves:
            return
        if reach:
            # Most moves that are posted are settled by nothing yet.
            moves = moves._fieldpromax_settled_by()
        invoices = moves.filtered(lambda move: move.move_type == 'out_invoice')
        for company, documents in invoices.grouped('company_id').items():
            if company in served:
                self.env['fieldpromax.settlement.due']._note(served[company], documents)

    def _fieldpromax_settled_by(self):
        """The customer invoices that these journal entries settle, and those among them that are settled by others."""
        self.env['account.partial.reconcile'].flush_model(['debit_move_id', 'credit_move_id'])
        self.env['account.payment'].flush_model(['invoice_ids'])
        self.env['fieldpromax.settlement'].flush_model(['move_id'])
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT invoice.move_id
                  FROM account_move_line line
                  JOIN account_partial_reconcile p ON p.credit_move_id = line.id
                  JOIN account_move_line invoice ON invoice.id = p.debit_move_id
                 WHERE line.move_id = ANY(%(ids)s)
                 UNION
                SELECT move.id
                  FROM account_move move
                 WHERE move.id = ANY(%(ids)s) AND move.move_type = 'out_invoice' AND (
                       EXISTS (SELECT FROM account_move_line line
                                 JOIN account_partial_reconcile p ON p.debit_move_id = line.id
                                WHERE line.move_id = move.id)
                       OR EXISTS (SELECT FROM account_move__account_payment pair WHERE pair.invoice_id = move.id)
                       OR EXISTS (SELECT FROM fieldpromax_settlement settled WHERE settled.move_id = move.id))
                """,
                ids=self.ids,
            )
        )
        return self.browse([row[0] for row in self.env.cr.fetchall()])
