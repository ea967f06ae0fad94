from odoo import models

from .fieldpromax_link import DOCUMENT_KINDS


class AccountMove(models.Model):
    """What of a credit note counts for an invoice: noted where it happens."""

    # Apart from what becomes of the documents themselves in the books.
    _inherit = 'account.move'  # pylint: disable=consider-merging-classes-inherited

    def write(self, vals):
        result = super().write(vals)
        if 'state' in vals:
            # Partial reconciliations stay when a move is reset to draft; they count while both sides are posted.
            self._fieldpromax_note_allocated()
        return result

    def _fieldpromax_note_allocated(self):
        """Work out anew what of credit notes counts for these invoices, or of these credit notes for invoices. Whatever
        goes wrong never stops the person."""
        documents = self.filtered(lambda move: move.move_type in DOCUMENT_KINDS)
        self.env['fieldpromax.exchange']._queue_safely(
            documents, lambda: documents.sudo()._fieldpromax_queue_allocations()
        )

    def _fieldpromax_queue_allocations(self):
        for company, moves in self.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            if connection:
                self.env['fieldpromax.allocation']._evaluate(connection, moves)

    def _compute_fieldpromax_state(self):
        result = super()._compute_fieldpromax_state()
        notes = self.filtered(
            lambda move: move.move_type == 'out_refund' and move.fieldpromax_state == 'sent'
        )
        texts = self.env['fieldpromax.allocation'].sudo()._told(notes)
        for note in notes:
            if text := texts.get(note.id):
                note.fieldpromax_headline = f'{note.fieldpromax_headline} · {text}'
        return result
