from odoo import fields, models

from .fieldpromax_attachment import SHOWN_IN_TEXT
from .fieldpromax_link import DOCUMENT_KINDS


class AccountMove(models.Model):
    """The files of an invoice or credit note, and what is said of them."""

    # Apart from what becomes of the document itself in the books.
    _inherit = 'account.move'  # pylint: disable=consider-merging-classes-inherited

    fieldpromax_files_text = fields.Char(
        'Files in the books',
        compute='_compute_fieldpromax_files_text',
        compute_sudo=True,
        groups='base.group_user',
    )

    def _compute_fieldpromax_files_text(self):
        """Of documents that stand in the books, where files go along."""
        self.fieldpromax_files_text = False
        documents = self.filtered(lambda move: move.state == 'posted' and move.move_type in DOCUMENT_KINDS)
        for company, moves in documents.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            if not connection or not (connection.attach_pdf or connection.attach_files):
                continue
            links = self.env['fieldpromax.link']._of(connection, moves)
            moves = moves.filtered(lambda move, links=links: move.id in links)
            texts = self.env['fieldpromax.attachment']._told(connection, moves)
            for move in moves:
                move.fieldpromax_files_text = texts[move.id]

    def _fieldpromax_queue_files(self):
        for company, moves in self.grouped('company_id').items():
            if connection := self.env['fieldpromax.connection']._active_for(company):
                self.env['fieldpromax.attachment']._queue_of(connection, moves)

    def _fieldpromax_pictures_in_texts(self):
        """Ids of the files that messages of this document show inside their text."""
        self.ensure_one()
        messages = self.env['mail.message'].sudo()
        bodies = messages.search(
            [('model', '=', self._name), ('res_id', '=', self.id), ('body', 'like', '/web/')]
        ).mapped('body')
        return {int(found) for body in bodies for found in SHOWN_IN_TEXT.findall(body or '')}

    def _fieldpromax_is_former_pdf(self, attachment):
        """Is it the PDF that stood here before the document was reset to draft? Odoo keeps that among the files, with a
        remark behind its name."""
        self.ensure_one()
        name = self._get_invoice_report_filename(extension='')
        return attachment.mimetype == 'application/pdf' and attachment.name.startswith(f'{name[:-1]} (')
