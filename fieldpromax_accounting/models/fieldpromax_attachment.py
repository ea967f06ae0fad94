import re

from odoo import api, fields, models
from odoo.tools import SQL

from ..comparison import VOID_STATUSES
from ..providers import dto, registry
from .fieldpromax_exchange import LIVE_STATES
from .fieldpromax_link import DOCUMENT_KINDS

PDF_FIELD = 'invoice_pdf_report_file'
# Documents whose files the hourly sweep looks at again at most.
SWEEP_SIZE = 2000
# How a text of the chatter shows one of its own pictures.
SHOWN_IN_TEXT = re.compile(r'/web/(?:image|content)/(\d+)')


class FieldpromaxAttachment(models.Model):
    """A file of an invoice or credit note that is, or is to be, attached to it in the books.

    One row for a file of Odoo and its content: other content is another file there. The bytes stay where Odoo has them.
    """

    _name = 'fieldpromax.attachment'
    _description = 'File attached in the books'
    _rec_name = 'name'
    _order = 'id desc'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one('res.company', required=True, index=True, readonly=True)
    move_id = fields.Many2one('account.move', index='btree_not_null', ondelete='set null', readonly=True)
    attachment_id = fields.Many2one(
        'ir.attachment', index='btree_not_null', ondelete='set null', readonly=True
    )
    name = fields.Char(required=True, readonly=True, help='As it is called in the books.')
    mimetype = fields.Char(readonly=True)
    file_size = fields.Integer('Size in bytes', readonly=True)
    checksum = fields.Char(readonly=True, help='Of the content, as Odoo computes it.')
    is_pdf = fields.Boolean("The invoice's own PDF", readonly=True)
    left_out = fields.Char(readonly=True, help='Why it is not attached, where that needs nobody.')
    is_compared = fields.Boolean(
        readonly=True, help='The files that stand at the document in the books were read before it was sent.'
    )
    external_id = fields.Char('ID in the books', readonly=True)

    _content_unique = models.UniqueIndex(
        '(connection_id, move_id, attachment_id, checksum) WHERE move_id IS NOT NULL AND attachment_id IS NOT NULL'
    )

    # === WHAT EXCHANGES ASK OF A RECORD === #

    def _fieldpromax_company(self, connection):
        return self.company_id

    def _fieldpromax_name(self):
        self.ensure_one()
        return f'{self.move_id.name}: {self.name}' if self.move_id.name else self.name

    def _content(self):
        """The bytes; None when they are no longer those that were to be sent."""
        self.ensure_one()
        attachment = self.attachment_id.sudo()
        if not attachment or attachment.checksum != self.checksum:
            return None
        content = attachment.raw or b''
        return content if len(content) == self.file_size else None

    def _prepare(self, link):
        """The file (a DTO) of the document that ``link`` stands for."""
        self.ensure_one()
        return dto.Attachment(
            document_kind=link.kind,
            document_external_id=link.external_id,
            name=self.name,
            content_type=self.mimetype or '',
            size=self.file_size,
        )

    # === WHICH FILES === #

    @api.model
    def _queue_of(self, connection, moves):
        """Note the files of these documents, and queue those that the books lack; of documents that stand in the books
        and are posted here alone."""
        if not connection.attach_pdf and not connection.attach_files:
            return
        moves = moves.filtered(lambda move: move.state == 'posted' and move.move_type in DOCUMENT_KINDS)
        links = self.env['fieldpromax.link']._of(connection, moves)
        moves = moves.filtered(
            lambda move: move.id in links and links[move.id].external_status not in VOID_STATUSES
        )
        if not moves:
            return
        rows = self._note(connection, moves)
        waiting = rows.filtered(lambda row: not row.external_id and not row.left_out and row.attachment_id)
        if waiting:
            self.env['fieldpromax.exchange']._enqueue(connection, 'attachment', waiting)
            connection._trigger_push()

    @api.model
    def _note(self, connection, moves):
        """The rows of these documents, those of new files made."""
        rows = self.search([('connection_id', '=', connection.id), ('move_id', 'in', moves.ids)], order='id')
        rule = registry.get(connection.provider).file_rule
        values = []
        by_move = rows.grouped('move_id')
        files = self._files_of(connection, moves).grouped('res_id')
        for move in moves:
            known = by_move.get(move, self.browse())
            pairs = {(row.attachment_id.id, row.checksum) for row in known}
            contents = set(known.mapped('checksum'))
            taken = known.mapped('name')
            shown = move._fieldpromax_pictures_in_texts() if move.id in files else set()
            for attachment in files.get(move.id, ()):
                if (attachment.id, attachment.checksum) in pairs:
                    continue
                name = rule.safe_name(attachment.name, taken)
                left_out = self._why_left_out(attachment, move, contents, shown)
                if not left_out:
                    taken.append(name)
                    contents.add(attachment.checksum)
                values.append(
                    {
                        'connection_id': connection.id,
                        'company_id': move.company_id.id,
                        'move_id': move.id,
                        'attachment_id': attachment.id,
                        'name': name,
                        'mimetype': attachment.mimetype,
                        'file_size': attachment.file_size,
                        'checksum': attachment.checksum,
                        'is_pdf': attachment.res_field == PDF_FIELD,
                        'left_out': left_out,
                    }
                )
        return rows | self.create(values)

    @api.model
    def _files_of(self, connection, moves):
        """What the settings choose of the files of these documents, the invoice's own PDF first."""
        chosen = [PDF_FIELD] * connection.attach_pdf + [False] * connection.attach_files
        found = (
            self.env['ir.attachment']
            .sudo()
            .search(
                [
                    ('res_model', '=', 'account.move'),
                    ('res_id', 'in', moves.ids),
                    ('res_field', 'in', chosen),
                    ('type', '=', 'binary'),
                ],
                order='id',
            )
        )
        return found.sorted(lambda attachment: attachment.res_field != PDF_FIELD)

    @api.model
    def _why_left_out(self, attachment, move, contents, shown):
        if attachment.checksum in contents:
            return self.env._('The same file is attached already.')
        if attachment.id in shown:
            return self.env._('It is a picture in a message.')
        if not attachment.res_field and move._fieldpromax_is_former_pdf(attachment):
            return self.env._('It is the PDF of the invoice as it was before.')
        return False

    # === WHAT STANDS THERE ALREADY === #

    def _known_there(self, connection):
        """The ids in the books of the files of the same document that are known."""
        rows = self.search([('connection_id', '=', connection.id), ('move_id', 'in', self.move_id.ids)])
        return set(rows.filtered('external_id').mapped('external_id'))

    def _compare(self, connection, found):
        """Of the files that stand there: the same one (by name and size) is taken for it; another one of its name keeps
        it, and ours gets a number."""
        self.ensure_one()
        known = self._known_there(connection)
        others = [one for one in found if one.external_id not in known]
        values = {'is_compared': True}
        same = [one for one in others if one.name == self.name and one.size == self.file_size]
        if same:
            values['external_id'] = same[0].external_id
        elif self.name.casefold() in {one.name.casefold() for one in found}:
            rows = self.search([('connection_id', '=', connection.id), ('move_id', '=', self.move_id.id)])
            taken = [one.name for one in found] + (rows - self).mapped('name')
            values['name'] = registry.get(connection.provider).file_rule.safe_name(self.name, taken)
        self.write(values)

    # === SWEEP === #

    @api.model
    def _sweep(self, connection):
        """Look again at documents in the books with files that are not known here: those that were added later, and
        what a failing hook left behind. Returns how many."""
        if not (connection.attach_pdf or connection.attach_files):
            return 0
        self.flush_model()
        for model in ('ir.attachment', 'account.move', 'fieldpromax.link'):
            self.env[model].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT l.move_id
                  FROM fieldpromax_link l
                  JOIN account_move m ON m.id = l.move_id AND m.state = 'posted'
                  JOIN ir_attachment a ON a.res_model = 'account.move' AND a.res_id = l.move_id AND a.type = 'binary'
                       AND (a.res_field = %(pdf_field)s AND %(pdf)s OR a.res_field IS NULL AND %(files)s)
                 WHERE l.connection_id = %(connection)s AND l.kind = ANY(%(kinds)s)
                   AND COALESCE(l.external_status, '') != ALL(%(void)s)
                   -- What was in the books before somebody chose that files go along stays as it is.
                   AND GREATEST(a.create_date, l.create_date) >= COALESCE(%(since)s, 'epoch'::timestamp)
                   AND NOT EXISTS (SELECT FROM fieldpromax_attachment f
                                    WHERE f.connection_id = l.connection_id AND f.move_id = l.move_id
                                      AND f.attachment_id = a.id AND f.checksum = a.checksum)
                 ORDER BY l.move_id
                 LIMIT %(limit)s
                """,
                pdf_field=PDF_FIELD,
                pdf=connection.attach_pdf,
                files=connection.attach_files,
                connection=connection.id,
                kinds=list(DOCUMENT_KINDS.values()),
                void=list(VOID_STATUSES),
                since=connection.attach_since or None,
                limit=SWEEP_SIZE,
            )
        )
        moves = self.env['account.move'].browse([row[0] for row in self.env.cr.fetchall()])
        self._queue_of(connection, moves)
        return len(moves)

    # === WHAT PEOPLE SEE === #

    @api.model
    def _told(self, connection, moves):
        """``{id of the document: what is to be said of its files}``."""
        rows = self.search(
            [
                ('connection_id', '=', connection.id),
                ('move_id', 'in', moves.ids),
                ('left_out', '=', False),
            ]
        )
        exchanges = self.env['fieldpromax.exchange'].search(
            [('file_id', 'in', rows.ids), ('state', 'in', LIVE_STATES)]
        )
        live = {exchange.file_id: exchange for exchange in exchanges}
        by_move = rows.grouped('move_id')
        return {
            move.id: ' '.join(self._sentences(connection, move, by_move.get(move, self.browse()), live))
            for move in moves
        }

    @api.model
    def _sentences(self, connection, move, rows, live):
        provider = connection._provider_label()
        attached = len(rows.filtered('external_id'))
        if attached == 1:
            yield self.env._('1 file is attached in %s.', provider)
        elif attached:
            yield self.env._(
                '%(count)s files are attached in %(provider)s.', count=attached, provider=provider
            )
        under_way = rows.filtered(lambda row: row in live)
        blocked = under_way.filtered(lambda row: live[row].state == 'blocked')
        waiting = len(under_way - blocked)
        if waiting == 1:
            yield self.env._('1 file waits to be attached.')
        elif waiting:
            yield self.env._('%s files wait to be attached.', waiting)
        for row in blocked:
            yield live[row].reason or ''
        if connection.attach_pdf and not rows.filtered('is_pdf') and not move.invoice_pdf_report_id:
            yield self.env._('Odoo has not made a PDF yet: it follows when the invoice is sent.')
