from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .account_move import decimal_of

# Credit notes and invoices that the hourly sweep looks at again at most.
SWEEP_SIZE = 2000


class FieldpromaxAllocation(models.Model):
    """What of a credit note counts for an invoice, and what stands for that in the books.

    One row for a credit note and an invoice. Its amount is the sum of their partial reconciliations in the currency of
    the documents, and counts only while both are posted: Odoo deletes, recreates and splits partials, so nothing hangs
    on one.
    """

    _name = 'fieldpromax.allocation'
    _description = 'Allocation of a credit note'
    _rec_name = 'name'
    _order = 'id desc'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one('res.company', required=True, index=True, readonly=True)
    name = fields.Char(readonly=True, help='Kept when one of the documents is deleted.')
    credit_note_id = fields.Many2one(
        'account.move', index='btree_not_null', ondelete='set null', readonly=True
    )
    invoice_id = fields.Many2one('account.move', index='btree_not_null', ondelete='set null', readonly=True)
    currency_id = fields.Many2one('res.currency', readonly=True, ondelete='restrict')
    amount = fields.Monetary(readonly=True, help='What counts in Odoo; 0 when nothing does any more.')
    date = fields.Date(readonly=True)
    external_id = fields.Char('ID in the books', readonly=True)
    external_version = fields.Char(readonly=True)
    external_amount = fields.Monetary('Amount in the books', readonly=True)

    _pair_unique = models.UniqueIndex(
        '(connection_id, credit_note_id, invoice_id) WHERE credit_note_id IS NOT NULL AND invoice_id IS NOT NULL'
    )
    _external_unique = models.UniqueIndex('(connection_id, external_id) WHERE external_id IS NOT NULL')

    # === WHAT EXCHANGES ASK OF A RECORD === #

    def _fieldpromax_company(self, connection):
        return self.company_id

    def _fieldpromax_name(self):
        self.ensure_one()
        return self.name or self.env._('Allocation')

    # === WHAT COUNTS === #

    @api.model
    def _evaluate(self, connection, moves):
        """Make the allocations of these documents what Odoo has now, and queue those that the books have otherwise."""
        wanted = {(row['note'], row['invoice']): row for row in self._read_pairs(moves)}
        rows = self.search(
            [
                ('connection_id', '=', connection.id),
                '|',
                ('credit_note_id', 'in', moves.ids),
                ('invoice_id', 'in', moves.ids),
            ]
        )
        for row in rows:
            pair = wanted.pop((row.credit_note_id.id, row.invoice_id.id), None)
            amount = pair['amount'] if pair else 0.0
            if row.currency_id.compare_amounts(row.amount, amount):
                row.amount = amount
            if pair and pair['amount'] and row.date != pair['date']:
                row.date = pair['date']
        documents = self.env['account.move']
        for (note_id, invoice_id), pair in wanted.items():
            note, invoice = documents.browse(note_id), documents.browse(invoice_id)
            if not pair['amount']:
                continue
            rows |= self.create(
                {
                    'connection_id': connection.id,
                    'company_id': note.company_id.id,
                    'name': self.env._('%(note)s to %(invoice)s', note=note.name, invoice=invoice.name),
                    'credit_note_id': note.id,
                    'invoice_id': invoice.id,
                    'currency_id': note.currency_id.id,
                    'amount': pair['amount'],
                    'date': pair['date'],
                }
            )
        rows._queue_differing(connection)

    @api.model
    def _read_pairs(self, moves):
        """What of credit notes counts for invoices, of the pairs that these documents are in: dicts with ``note``,
        ``invoice``, ``amount`` (0 while one of the two is not posted) and ``date``."""
        for model in ('account.partial.reconcile', 'account.move.line', 'account.move'):
            self.env[model].flush_model()
        return self.env.execute_query_dict(
            SQL(
                """
                SELECT note.id AS note, invoice.id AS invoice, max(p.max_date) AS date,
                       CASE WHEN note.state = 'posted' AND invoice.state = 'posted'
                            THEN sum(p.debit_amount_currency) ELSE 0 END AS amount
                  FROM account_partial_reconcile p
                  JOIN account_move_line debit ON debit.id = p.debit_move_id
                  JOIN account_move invoice ON invoice.id = debit.move_id AND invoice.move_type = 'out_invoice'
                  JOIN account_move_line credit ON credit.id = p.credit_move_id
                  JOIN account_move note ON note.id = credit.move_id AND note.move_type = 'out_refund'
                 WHERE p.id IN (
                       SELECT x.id FROM account_partial_reconcile x
                         JOIN account_move_line l ON l.id = x.debit_move_id WHERE l.move_id = ANY(%(moves)s)
                        UNION
                       SELECT x.id FROM account_partial_reconcile x
                         JOIN account_move_line l ON l.id = x.credit_move_id WHERE l.move_id = ANY(%(moves)s))
                 GROUP BY note.id, invoice.id
                """,
                moves=moves.ids,
            )
        )

    def _differs(self):
        """Have the books something else than Odoo?"""
        self.ensure_one()
        return bool(self.currency_id.compare_amounts(self.amount, self.external_amount))

    def _queue_differing(self, connection):
        """Queue those that the books have otherwise, where the credit note is there or on its way."""
        differing = self.filtered(lambda row: row._differs())
        if not differing:
            return
        exchanges = self.env['fieldpromax.exchange']
        linked = self.env['fieldpromax.link']._of(connection, differing.credit_note_id)
        live = exchanges._live_of(connection, differing.credit_note_id)
        chosen = differing.filtered(
            lambda row: row.external_id or row.credit_note_id.id in linked or row.credit_note_id in live
        )
        if chosen:
            exchanges._enqueue(connection, 'allocation', chosen)
            connection._trigger_push()

    @api.model
    def _queue_of(self, connection, moves):
        """These documents have arrived: what waited for them goes."""
        self.search(
            [
                ('connection_id', '=', connection.id),
                '|',
                ('credit_note_id', 'in', moves.ids),
                ('invoice_id', 'in', moves.ids),
            ]
        )._queue_differing(connection)

    @api.model
    def _standing(self, connection, move):
        """Allocations of a document that stand in the books."""
        return self.search(
            [
                ('connection_id', '=', connection.id),
                ('external_id', '!=', False),
                '|',
                ('credit_note_id', '=', move.id),
                ('invoice_id', '=', move.id),
            ]
        )

    @api.model
    def _sweep(self, connection):
        """Look again at linked credit notes of which the books know less than Odoo: what a failing hook or a disconnect
        left behind. Returns how many."""
        self.flush_model()
        for model in ('account.partial.reconcile', 'fieldpromax.link'):
            self.env[model].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT l.move_id
                  FROM fieldpromax_link l
                  JOIN account_move_line line ON line.move_id = l.move_id
                  JOIN account_partial_reconcile p ON p.credit_move_id = line.id
                  JOIN account_move_line other ON other.id = p.debit_move_id
                  JOIN account_move invoice ON invoice.id = other.move_id AND invoice.move_type = 'out_invoice'
                 WHERE l.connection_id = %(connection)s AND l.kind = 'credit_note'
                   AND NOT EXISTS (SELECT FROM fieldpromax_allocation a
                                    WHERE a.connection_id = l.connection_id AND a.credit_note_id = l.move_id
                                      AND a.invoice_id = invoice.id)
                 LIMIT %(limit)s
                """,
                connection=connection.id,
                limit=SWEEP_SIZE,
            )
        )
        moves = self.env['account.move'].browse([row[0] for row in self.env.cr.fetchall()])
        if moves:
            self._evaluate(connection, moves)
        return len(moves)

    # === FOR PEOPLE === #

    @api.model
    def _told(self, notes):
        """``{credit note id: what of it is allocated in the books, or why not yet}``."""
        if not notes:
            return {}
        rows = self.search(
            Domain('credit_note_id', 'in', notes.ids) & Domain('connection_id.state', '!=', 'disconnected'),
            order='id',
        )
        exchanges = self.env['fieldpromax.exchange'].search([('allocation_id', 'in', rows.ids)], order='id')
        last = {exchange.allocation_id: exchange for exchange in exchanges}
        texts = {}
        for row in rows:
            exchange = last.get(row)
            if row.external_id and not row._differs():
                text = self.env._(
                    '%(amount)s allocated to %(invoice)s',
                    amount=row.currency_id.format(row.external_amount),
                    invoice=row.invoice_id.name or '',
                )
            elif exchange and exchange.state != 'done' and row.amount:
                text = self.env._(
                    'not allocated to %(invoice)s: %(reason)s',
                    invoice=row.invoice_id.name or '',
                    reason=exchange.reason or self.env._('It is on its way.'),
                )
            else:
                continue
            note_id = row.credit_note_id.id
            texts[note_id] = f'{texts[note_id]} · {text}' if note_id in texts else text
        return texts

    def _decimal_amount(self):
        self.ensure_one()
        return decimal_of(self.amount, self.currency_id.decimal_places)
