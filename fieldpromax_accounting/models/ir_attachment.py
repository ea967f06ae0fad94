from odoo import api, models

from .fieldpromax_attachment import PDF_FIELD


class IrAttachment(models.Model):
    _inherit = 'ir.attachment'

    @api.model_create_multi
    def create(self, vals_list):
        """The PDF that Odoo makes of an invoice goes to the books as well. Other files go with the invoice, or are
        found by the hourly sweep, when nobody is writing a message with them any more."""
        attachments = super().create(vals_list)
        made = attachments.sudo().filtered(
            lambda one: one.res_field == PDF_FIELD and one.res_model == 'account.move' and one.res_id
        )
        if made:
            moves = self.env['account.move'].browse(made.mapped('res_id'))
            self.env['fieldpromax.exchange']._queue_safely(
                moves, lambda: moves.sudo()._fieldpromax_queue_files()
            )
        return attachments
