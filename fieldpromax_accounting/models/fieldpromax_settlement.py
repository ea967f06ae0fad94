from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL

from .account_move import decimal_of

# Invoices whose payments are worked out in one step of the driver.
EVALUATED_AT_ONCE = 500
# Invoices that the hourly sweep has looked at again at most.
SWEEP_SIZE = 2000
# A payment that is in the books already is told by its invoices and amount, and a day as near as this.
SAME_PAYMENT_DAYS = timedelta(days=5)
# Journals that money goes through.
MONEY_JOURNALS = ('bank', 'cash', 'credit')


class FieldpromaxSettlement(models.Model):
    """What settles an invoice in Odoo, and what stands for it in the books.

    One row for an invoice and the journal item on the other side, or for an invoice and an ``account.payment`` that has
    no journal entry. Its amount is the sum of their partial reconciliations in the currency of the invoice, and counts
    only while both sides are posted; Odoo deletes, recreates and splits partials, so nothing hangs on one. The key in
    the books is the payment and the invoice: one payment may pay several.

    Settlements of one group travel as one payment: where the books have payments of several invoices, all that the same
    money paid of one customer. The first of a group carries its exchange.
    """

    _name = 'fieldpromax.settlement'
    _description = 'Payment of an invoice'
    _rec_name = 'name'
    _order = 'id desc'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one('res.company', required=True, index=True, readonly=True)
    name = fields.Char(readonly=True, help='Kept when the invoice is deleted.')
    move_id = fields.Many2one(
        'account.move', 'Invoice', index='btree_not_null', ondelete='set null', readonly=True
    )
    line_id = fields.Many2one(
        'account.move.line', 'Counterpart', index='btree_not_null', ondelete='set null', readonly=True
    )
    payment_id = fields.Many2one(
        'account.payment', index='btree_not_null', ondelete='set null', readonly=True
    )
    journal_id = fields.Many2one(
        'account.journal', index='btree_not_null', ondelete='set null', readonly=True
    )
    currency_id = fields.Many2one('res.currency', readonly=True, ondelete='restrict')
    amount = fields.Monetary(
        readonly=True, help='In the currency of the invoice; 0 when it no longer counts.'
    )
    date = fields.Date(readonly=True)
    rate = fields.Float(
        digits=(18, 6), readonly=True, help="Units of the invoice's currency for one of the company's."
    )
    reference = fields.Char(readonly=True)
    obstacle = fields.Selection(
        [
            ('entry', 'Journal entry'),
            ('write_off', 'Write-off'),
        ],
        readonly=True,
        help='Why it is no payment that could be sent.',
    )
    is_kept = fields.Boolean(
        readonly=True,
        help='Sent for a payment without journal entry, which a statement line replaced: what was sent stands for it.',
    )
    group_key = fields.Char(required=True, readonly=True, help='What travels as one payment has the same.')
    external_id = fields.Char('ID in the books', readonly=True)
    document_external_id = fields.Char('ID of the invoice in the books', readonly=True)
    external_version = fields.Char(readonly=True)
    external_amount = fields.Monetary('Amount in the books', readonly=True)
    sent_hash = fields.Char(readonly=True, help='Hash of what was last sent, to tell later changes.')
    origin = fields.Selection(
        [('odoo', 'Odoo'), ('books', 'The books')],
        required=True,
        default='odoo',
        readonly=True,
        help='Where the payment was entered first.',
    )
    foreign_amount = fields.Monetary(
        'Paid in the books otherwise',
        readonly=True,
        help='What pays the invoice in the books and stands for nothing here, when it was last looked at.',
    )
    is_made = fields.Boolean(
        readonly=True,
        help='The payment in Odoo was made from the one in the books, and goes when that one goes.',
    )
    is_compared = fields.Boolean(
        readonly=True, help='The payments that the books have already were looked at before it is sent.'
    )

    _line_unique = models.UniqueIndex(
        '(connection_id, move_id, line_id) WHERE move_id IS NOT NULL AND line_id IS NOT NULL'
    )
    _payment_unique = models.UniqueIndex(
        '(connection_id, move_id, payment_id) WHERE move_id IS NOT NULL AND payment_id IS NOT NULL AND line_id IS NULL'
    )
    _external_unique = models.UniqueIndex(
        '(connection_id, external_id, document_external_id, COALESCE(line_id, 0)) WHERE external_id IS NOT NULL'
    )
    _group_index = models.Index('(connection_id, group_key)')

    # === WHAT EXCHANGES ASK OF A RECORD === #

    def _fieldpromax_company(self, connection):
        return self.company_id

    def _fieldpromax_name(self):
        self.ensure_one()
        return self.name or self.env._('Payment')

    def _fieldpromax_why_not(self, connection):
        return '' if connection.push_payments else self.env._('Payments are not sent to the books.')

    # === GROUPS === #

    def _group(self):
        """All settlements that travel with this one, the first one first."""
        self.ensure_one()
        return self.search(
            [('connection_id', '=', self.connection_id.id), ('group_key', '=', self.group_key)], order='id'
        )

    def _leads(self):
        """The first settlement of each group, which carries its exchange."""
        if not self:
            return self
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT min(id) FROM fieldpromax_settlement
                 WHERE (connection_id, group_key) IN (
                       SELECT connection_id, group_key FROM fieldpromax_settlement WHERE id = ANY(%s))
                 GROUP BY connection_id, group_key
                """,
                self.ids,
            )
        )
        return self.browse(sorted(row[0] for row in self.env.cr.fetchall()))

    # === WHAT SETTLES AN INVOICE === #

    @api.model
    def _evaluate_due(self, connection):
        """Work out what settles the invoices that something happened to, one bounded step.

        :return: whether there may be more to do.
        """
        due = self.env['fieldpromax.settlement.due'].search(
            [('connection_id', '=', connection.id)], limit=EVALUATED_AT_ONCE
        )
        if not due:
            return False
        moves = due.move_id
        due.unlink()
        if connection.push_payments or connection.pull_payments:
            self._evaluate(connection, moves)
        return len(due) == EVALUATED_AT_ONCE

    @api.model
    def _evaluate(self, connection, moves):
        """Make the settlements of these invoices what Odoo has now, and queue those that the books have otherwise.
        Where payments are not sent, those that the books have already are kept true, and no other ones are made."""
        wanted = self._wanted_of(connection, moves)
        known = {
            settlement._key(): settlement
            for settlement in self.search(
                [('connection_id', '=', connection.id), ('move_id', 'in', moves.ids)], order='id'
            )
        }
        self._replace_by_lines(known, wanted)
        changed = self.browse()
        for key, values in wanted.items():
            settlement = known.pop(key, None)
            if settlement is None:
                if connection.push_payments:
                    changed |= self.create({'connection_id': connection.id, **values})
                continue
            if settlement.is_kept:
                values = {'amount': values['amount'], 'name': values['name']}
            if settlement._update(values):
                changed |= settlement
        for settlement in known.values():
            if settlement._update({'amount': 0.0}):
                changed |= settlement
        leads = (changed - changed._tell_removed_here(connection))._leads()
        if leads and connection.push_payments:
            self.env['fieldpromax.exchange']._enqueue(connection, 'payment', leads)
            connection._trigger_push()

    def _key(self):
        return (self.move_id.id, self.line_id.id, False if self.line_id else self.payment_id.id)

    def _update(self, values):
        """Write only what differs. :return: whether anything that the books would show did."""
        self.ensure_one()
        differs = {}
        for name, value in values.items():
            now = self[name].id if self._fields[name].type == 'many2one' else self[name]
            if self._fields[name].type == 'monetary':
                if self.currency_id.compare_amounts(now, value):
                    differs[name] = value
            elif (now or False) != (value or False):
                differs[name] = value
        if differs:
            self.write(differs)
        return bool(set(differs) - {'name', 'group_key'})

    @api.model
    def _replace_by_lines(self, known, wanted):
        """A statement line that settles an invoice takes the place of the payment without journal entry that stood for
        the same money: what was sent stands for it, and nothing is sent again. Unreconciled, it gives it back."""
        for key, settlement in list(known.items()):
            payment_key = (settlement.move_id.id, False, settlement.payment_id.id)
            if (
                settlement.is_kept
                and key not in wanted
                and payment_key in wanted
                and payment_key not in known
            ):
                settlement.write({'line_id': False, 'is_kept': False})
                known[payment_key] = known.pop(key)
        gone = [
            settlement
            for key, settlement in known.items()
            if key not in wanted and settlement.payment_id and not settlement.line_id and settlement.amount
        ]
        for key, values in wanted.items():
            if key in known or not values['line_id']:
                continue
            for settlement in gone:
                if settlement.move_id.id == values['move_id'] and not settlement.currency_id.compare_amounts(
                    settlement.amount, values['amount']
                ):
                    del known[settlement._key()]
                    settlement.write({'line_id': values['line_id'], 'is_kept': True})
                    known[key] = settlement
                    gone.remove(settlement)
                    break

    @api.model
    def _wanted_of(self, connection, moves):
        """``{key: values}`` of what settles these invoices, by what is posted now."""
        wanted, covered = {}, defaultdict(list)
        for row in self._read_lines(moves):
            values = self._line_values(connection, row)
            wanted[row['move_id'], row['line_id'], False] = values
            covered[row['move_id']].append(values['amount'])
        for payment, move, amount in self._read_payments(moves, covered):
            wanted[move.id, False, payment.id] = self._payment_values(connection, payment, move, amount)
        return wanted

    @api.model
    def _read_lines(self, moves):
        """What journal items settle these invoices, summed up by journal item. Neither credit notes nor exchange
        differences nor cash basis entries are payments."""
        for model in ('account.partial.reconcile', 'account.move.line', 'account.move', 'account.payment'):
            self.env[model].flush_model()
        return self.env.execute_query_dict(
            SQL(
                """
                SELECT invoice.move_id, line.id AS line_id, entry.id AS entry_id, entry.date, entry.ref,
                       entry.origin_payment_id AS payment_id, entry.statement_line_id, journal.id AS journal_id,
                       journal.type AS journal_type, sum(p.debit_amount_currency) AS amount,
                       sum(p.credit_amount_currency) AS paid, line.amount_currency, line.balance
                  FROM account_move_line invoice
                  JOIN account_move document ON document.id = invoice.move_id
                  JOIN account_partial_reconcile p ON p.debit_move_id = invoice.id
                  JOIN account_move_line line ON line.id = p.credit_move_id
                  JOIN account_move entry ON entry.id = line.move_id
                  JOIN account_journal journal ON journal.id = entry.journal_id
                  JOIN res_company company ON company.id = document.company_id
                 WHERE invoice.move_id = ANY(%(moves)s) AND document.state = 'posted' AND entry.state = 'posted'
                   AND document.move_type = 'out_invoice' AND entry.move_type = 'entry' AND entry.id != document.id
                   AND entry.tax_cash_basis_rec_id IS NULL AND entry.tax_cash_basis_origin_move_id IS NULL
                   AND journal.id IS DISTINCT FROM company.currency_exchange_journal_id
                   AND NOT EXISTS (SELECT FROM account_partial_reconcile x WHERE x.exchange_move_id = entry.id)
                 GROUP BY invoice.move_id, line.id, entry.id, journal.id
                HAVING sum(p.debit_amount_currency) > 0
                 ORDER BY line.id, invoice.move_id
                """,
                moves=moves.ids,
            )
        )

    @api.model
    def _read_payments(self, moves, covered):
        """``(payment, invoice, amount)`` of payments without a journal entry: what they settle of each invoice that no
        journal item settles.

        :param covered: ``{move id: amounts that journal items settle}``. Odoo holds a payment for paid when a statement
            line of its very amount settles the invoice: then the line stands for it.
        """
        payments = self.env['account.payment'].search(
            [
                ('invoice_ids', 'in', moves.ids),
                ('move_id', '=', False),
                ('state', 'in', ('in_process', 'paid')),
                ('payment_type', '=', 'inbound'),
            ],
            order='id',
        )
        left = {}
        for payment in payments:
            documents = payment.invoice_ids.filtered(
                lambda move: move.move_type == 'out_invoice' and move.state == 'posted'
            ).sorted(lambda move: (move.invoice_date_due or move.date, move.id))
            if payment.state == 'paid' and self._is_replaced(payment, documents, covered):
                continue
            rest = payment.amount
            for move in documents:
                # What was paid in another currency is counted at the rate of the day.
                paid = payment.currency_id._convert(rest, move.currency_id, payment.company_id, payment.date)
                open_amount = left.setdefault(move.id, move.amount_residual)
                amount = move.currency_id.round(min(paid, open_amount))
                if move.currency_id.compare_amounts(amount, 0) <= 0:
                    continue
                left[move.id] -= amount
                rest -= (
                    amount
                    if move.currency_id == payment.currency_id
                    else rest * amount / paid  # the same share of what is left
                )
                if move in moves:
                    yield payment, move, amount

    @api.model
    def _is_replaced(self, payment, documents, covered):
        for move in documents:
            for amount in covered[move.id]:
                if not move.currency_id.compare_amounts(amount, payment.amount):
                    covered[move.id].remove(amount)
                    return True
        return False

    @api.model
    def _line_values(self, connection, row):
        move = self.env['account.move'].browse(row['move_id'])
        line = self.env['account.move.line'].browse(row['line_id'])
        paid_here = (
            row['paid'] * abs(row['balance'] / row['amount_currency']) if row['amount_currency'] else 0
        )
        payment = self.env['account.payment'].browse(row['payment_id'])
        obstacle = False
        if row['journal_type'] not in MONEY_JOURNALS:
            obstacle = 'entry'
        elif self._is_written_off(line, payment):
            obstacle = 'write_off'
        return {
            **self._common_values(connection, move, f'entry:{row["entry_id"]}'),
            'line_id': line.id,
            'payment_id': payment.id or False,
            'journal_id': row['journal_id'],
            'amount': row['amount'],
            'date': row['date'],
            'rate': round(row['amount'] / paid_here, 6) if paid_here else 0.0,
            'reference': payment.memo or row['ref'] or line.move_id.statement_line_id.payment_ref or False,
            'obstacle': obstacle,
        }

    @api.model
    def _is_written_off(self, line, payment):
        """Does the entry book a part of what it settles on another account than that of the money?"""
        if payment:
            lines = payment._seek_for_lines()[2]
        elif line.move_id.statement_line_id:
            others = line.move_id.statement_line_id._seek_for_lines()[2]
            lines = others.filtered(
                lambda one: one.account_id.account_type not in ('asset_receivable', 'liability_payable')
            )
        else:
            return False
        return bool(lines) and not line.company_currency_id.is_zero(sum(lines.mapped('balance')))

    @api.model
    def _payment_values(self, connection, payment, move, amount):
        rate = self.env['res.currency']._get_conversion_rate(
            move.company_id.currency_id, move.currency_id, move.company_id, payment.date
        )
        return {
            **self._common_values(connection, move, f'payment:{payment.id}'),
            'line_id': False,
            'payment_id': payment.id,
            'journal_id': payment.journal_id.id,
            'amount': amount,
            'date': payment.date,
            'rate': round(rate, 6),
            'reference': payment.memo or payment.name or False,
            'obstacle': False,
        }

    @api.model
    def _common_values(self, connection, move, source):
        several = connection._capabilities().payments_of_several
        return {
            'company_id': move.company_id.id,
            'name': self.env._('Payment of %s', move.name),
            'move_id': move.id,
            'currency_id': move.currency_id.id,
            'group_key': f'{source}:{move.commercial_partner_id.id}:{move.currency_id.id}'
            if several
            else f'{source}:{move.id}',
        }

    # === WHAT STANDS IN THE BOOKS === #

    def _is_in_books(self):
        self.ensure_one()
        return bool(self.external_id)

    def _note_sent(self, remote, sent_hash):
        """These travelled as the payment ``remote``."""
        applied = dict(remote.applications)
        for settlement in self:
            settlement.write(
                {
                    'external_id': remote.external_id,
                    'external_version': remote.version,
                    'external_amount': float(applied.get(settlement.document_external_id, 0)),
                    'sent_hash': sent_hash,
                }
            )

    def _is_same(self, connection, group, remote):
        """Is ``remote`` what this group would be in the books? The same invoices, amounts and currency, and a day not
        far off."""
        links = self.env['fieldpromax.link']._of(connection, group.move_id)
        wanted = defaultdict(Decimal)
        for settlement in group:
            link = links.get(settlement.move_id.id)
            wanted[link.external_id if link else ''] += settlement._decimal_amount()
        return (
            remote.active
            and dict(remote.applications) == dict(wanted)
            and remote.amount == sum(wanted.values())
            and remote.currency == self.currency_id.name
            and remote.date
            and abs(remote.date - self.date) <= SAME_PAYMENT_DAYS
        )

    def _adopt(self, connection, remote):
        """``remote``, which somebody entered in the books, stands for these."""
        links = self.env['fieldpromax.link']._of(connection, self.move_id)
        for settlement in self:
            settlement.document_external_id = links[settlement.move_id.id].external_id
        self._note_sent(remote, False)
        self.write({'origin': 'books', 'is_kept': True})

    def _note_undone(self):
        """What stood in the books for these is gone."""
        self.write(
            {
                'external_id': False,
                'external_version': False,
                'external_amount': 0.0,
                'sent_hash': False,
                'origin': 'odoo',
                'is_kept': False,
                'is_made': False,
                'is_compared': False,
            }
        )

    def _decimal_amount(self):
        self.ensure_one()
        return decimal_of(self.amount, self.currency_id.decimal_places)

    # === SWEEP === #

    @api.model
    def _sweep(self, connection):
        """Look again at settled invoices in the books of which nothing is known here: what a failing hook, a change of
        the settings or a disconnect left behind. Returns how many."""
        if not connection.push_payments:
            return 0
        self.flush_model()
        for model in ('account.partial.reconcile', 'account.payment', 'fieldpromax.link'):
            self.env[model].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT l.move_id
                  FROM fieldpromax_link l
                  JOIN account_move m ON m.id = l.move_id
                 WHERE l.connection_id = %(connection)s AND l.kind = 'invoice' AND m.state = 'posted'
                   AND (EXISTS (SELECT FROM account_move_line line
                                  JOIN account_partial_reconcile p ON p.debit_move_id = line.id
                                  JOIN account_move_line other ON other.id = p.credit_move_id
                                  JOIN account_move entry ON entry.id = other.move_id AND entry.move_type = 'entry'
                                       AND entry.state = 'posted'
                                 WHERE line.move_id = m.id
                                   AND NOT EXISTS (SELECT FROM account_partial_reconcile x
                                                    WHERE x.exchange_move_id = entry.id)
                                   AND NOT EXISTS (SELECT FROM fieldpromax_settlement s
                                                    WHERE s.connection_id = l.connection_id AND s.move_id = m.id
                                                      AND s.line_id = other.id))
                        OR EXISTS (SELECT FROM account_move__account_payment pair
                                     JOIN account_payment pay ON pay.id = pair.payment_id AND pay.move_id IS NULL
                                          AND pay.state = 'in_process'
                                    WHERE pair.invoice_id = m.id
                                      AND NOT EXISTS (SELECT FROM fieldpromax_settlement s
                                                       WHERE s.connection_id = l.connection_id AND s.move_id = m.id
                                                         AND s.payment_id = pay.id)))
                 ORDER BY l.move_id
                 LIMIT %(limit)s
                """,
                connection=connection.id,
                limit=SWEEP_SIZE,
            )
        )
        moves = self.env['account.move'].browse([row[0] for row in self.env.cr.fetchall()])
        self.env['fieldpromax.settlement.due']._note(connection, moves)
        return len(moves)
