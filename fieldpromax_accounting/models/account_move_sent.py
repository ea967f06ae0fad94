from odoo import models

from .fieldpromax_link import DOCUMENT_KINDS


class AccountMove(models.Model):
    """What was sent to its customer is marked so in the books."""

    # Apart from how the document gets there.
    _inherit = 'account.move'  # pylint: disable=consider-merging-classes-inherited

    def write(self, vals):
        result = super().write(vals)
        if vals.get('is_move_sent'):
            documents = self.filtered(lambda move: move.move_type in DOCUMENT_KINDS)
            self.env['fieldpromax.exchange']._queue_safely(
                documents, lambda: documents.sudo()._fieldpromax_queue_marks()
            )
        return result

    def _fieldpromax_queue_marks(self):
        for company, moves in self.grouped('company_id').items():
            if connection := self.env['fieldpromax.connection']._active_for(company):
                self.env['fieldpromax.exchange']._enqueue_marks(connection, moves)
