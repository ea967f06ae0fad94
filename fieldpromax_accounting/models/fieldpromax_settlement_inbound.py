from collections import defaultdict
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError

from .account_move import decimal_of
from .fieldpromax_exchange import LIVE_STATES
from .fieldpromax_settlement import SAME_PAYMENT_DAYS


class FieldpromaxSettlement(models.Model):
    """Settlements of payments that were entered in the books: which of Odoo is the same, and how one is undone."""

    # Apart from what travels to the books.
    _inherit = 'fieldpromax.settlement'  # pylint: disable=consider-merging-classes-inherited

    state = fields.Selection(
        [
            ('agreed', 'In the books'),
            ('waiting', 'On its way'),
            ('attention', 'Needs attention'),
            ('not_sent', 'Not sent'),
            ('removed', 'Removed'),
        ],
        compute='_compute_state',
    )
    reason = fields.Char(compute='_compute_state', help='Why it is in this state, and what to do.')

    def _compute_state(self):
        """As the newest exchange of what travels together says, or the issue about the payment in the books."""
        leads, exchanges = {}, {}
        settlements = self.sudo()
        for lead in settlements._leads():
            leads[lead.connection_id, lead.group_key] = lead
        rows = (
            self.env['fieldpromax.exchange']
            .sudo()
            .search([('settlement_id', 'in', [lead.id for lead in leads.values()])], order='id')
        )
        for exchange in rows:
            exchanges[exchange.settlement_id] = exchange
        told = {}
        for connection, own in settlements.grouped('connection_id').items():
            kept = self.env['fieldpromax.books.payment'].sudo()._of(connection, own.mapped('external_id'))
            told.update({(connection, row.external_id): row for row in kept})
        for settlement in settlements:
            exchange = exchanges.get(leads.get((settlement.connection_id, settlement.group_key)))
            row = told.get((settlement.connection_id, settlement.external_id))
            reason = exchange.reason if exchange else False
            if row and row.state == 'attention':
                state, reason = 'attention', row.reason
            elif exchange and exchange.state == 'blocked':
                state = 'attention'
            elif exchange and exchange.state in LIVE_STATES:
                state = 'waiting'
            elif settlement.external_id:
                state, reason = 'agreed', row.reason if row else reason
            elif settlement.amount:
                state = 'not_sent'
            else:
                state = 'removed'
            settlement.state, settlement.reason = state, reason

    def action_open_invoice(self):
        """The invoice that it pays."""
        self.ensure_one()
        self.check_access('read')
        if not self.move_id:
            raise UserError(self.env._('The invoice was deleted in Odoo.'))
        return self.move_id._get_records_action(name=self.env._('Invoice'))

    @api.model
    def _by_payment(self, connection, external_ids):
        """``{id of the payment in the books: settlements that it stands for}``"""
        found = self.search(
            [('connection_id', '=', connection.id), ('external_id', 'in', list(external_ids))], order='id'
        )
        return found.grouped('external_id')

    def _says_the_same(self, remote):
        """Is ``remote`` still what these were when they were last in step?"""
        there = defaultdict(Decimal)
        for one in self:
            there[one.document_external_id] += decimal_of(one.external_amount, one.currency_id.decimal_places)
        return (
            remote.active
            and dict(remote.applications) == dict(there)
            and all(one.amount and one.external_version == remote.version for one in self)
        )

    def _as_deleted(self):
        """Values of the payment in the books that these stood for, and that is gone."""
        first = self[0]
        return {
            'connection_id': first.connection_id.id,
            'external_id': first.external_id,
            'external_status': 'deleted',
            'name': ', '.join(self.move_id.mapped('name')) or False,
            'date': first.date,
            'currency_id': first.currency_id.id,
            'amount': sum(self.mapped('external_amount')),
            'applications': [],
            'due_documents': sorted(set(filter(None, self.mapped('document_external_id')))),
        }

    @api.model
    def _find_same(self, connection, row, applied):
        """What Odoo has of the same money: the same invoices, amounts and currency, a day not far off, and nothing in
        the books that it stands for. Empty without.

        :param row: ``fieldpromax.books.payment``
        :param applied: ``{invoice: amount}``
        """
        nothing = self.browse()
        money = sum(row._applied().values(), Decimal(0))
        if money != sum(applied.values()) or row.currency_id.compare_amounts(row.amount, float(money)):
            return nothing
        moves = self.env['account.move'].union(*applied)
        wanted = self._wanted_of(connection, moves)
        entries = (
            self.env['account.move.line'].browse([values['line_id'] for values in wanted.values()]).move_id
        )
        payments = self.env['account.payment'].browse([values['payment_id'] for values in wanted.values()])
        reach = moves | entries.exists()._fieldpromax_settled_by() | payments.exists().invoice_ids
        if reach != moves:
            wanted = self._wanted_of(connection, reach)
        known = {
            one._key(): one
            for one in self.search([('connection_id', '=', connection.id), ('move_id', 'in', reach.ids)])
        }
        groups, taken = defaultdict(list), set()
        for key, values in wanted.items():
            own = known.get(key)
            group_key = own.group_key if own else values['group_key']
            groups[group_key].append((own, values))
            if values['obstacle'] or (own and own.external_id):
                taken.add(group_key)
        fitting = []
        for group_key, members in groups.items():
            sums = defaultdict(float)
            for _own, values in members:
                sums[values['move_id']] += values['amount']
            apart = abs(members[0][1]['date'] - row.date)
            if (
                group_key not in taken
                and apart <= SAME_PAYMENT_DAYS
                and set(sums) == set(moves.ids)
                and all(
                    not move.currency_id.compare_amounts(sums[move.id], float(amount))
                    and move.currency_id == row.currency_id
                    for move, amount in applied.items()
                )
            ):
                fitting.append((apart, members))
        if not fitting:
            return nothing
        _apart, members = min(fitting, key=lambda one: one[0])
        for own, values in members:
            nothing |= own or self.create({'connection_id': connection.id, **values})
        return nothing

    @api.model
    def _left_to_pay(self, connection, move):
        """What is left to pay of an invoice, payments without a journal entry counted."""
        waiting = sum(
            values['amount'] for values in self._wanted_of(connection, move).values() if not values['line_id']
        )
        return move.currency_id.round(move.amount_residual - waiting)

    # === UNDOING === #

    def _can_be_undone(self):
        """May the payments that were made for these be cancelled: nothing else hangs on them, and their period is
        open?"""
        for payment in self.payment_id:
            liquidity, counterpart, _others = payment._seek_for_lines()
            hanging = (
                counterpart.matched_debit_ids.debit_move_id | counterpart.matched_credit_ids.credit_move_id
            )
            exchange = (
                counterpart.matched_debit_ids.exchange_move_id
                | counterpart.matched_credit_ids.exchange_move_id
            )
            if (
                liquidity.matched_debit_ids
                or liquidity.matched_credit_ids
                or hanging.move_id - self.move_id - exchange
                or payment.company_id._get_violated_lock_dates(payment.date, False, payment.journal_id)
            ):
                return False
        return all(one.payment_id for one in self)

    def _undo_here(self, why):
        """Cancel the payments that were made for these, because the books have them no more."""
        for payment in self.payment_id:
            payment.move_id.line_ids.remove_move_reconcile()
            payment.action_cancel()
            payment._message_log(body=why)
        self._note_undone()
        self.amount = 0.0

    def _reconcile_again(self):
        """Have what was made for these, and is posted still, settle the invoices again.

        :return: whether it does.
        """
        lines = self.line_id
        if not self or len(lines) != len(self) or lines.filtered(lambda line: line.parent_state != 'posted'):
            return False
        for one in self:
            open_lines = one.move_id.line_ids.filtered(
                lambda line, one=one: line.account_id == one.line_id.account_id and not line.reconciled
            )
            left = sum(open_lines.mapped('amount_residual_currency'))
            if (
                one.move_id.state != 'posted'
                or one.currency_id.compare_amounts(left, one.external_amount) < 0
                or one.currency_id.compare_amounts(-one.line_id.amount_residual_currency, one.external_amount)
                < 0
            ):
                return False
            (one.line_id | open_lines).reconcile()
            one.amount = one.external_amount
        return True

    def _tell_removed_here(self, connection):
        """Of these, what the books told of first and settles nothing here any more: people decide what becomes of it
        there. Nothing is sent.

        :return: those.
        """
        lost = self.filtered(lambda one: one.origin == 'books' and one.external_id and not one.amount)
        rows = self.env['fieldpromax.books.payment']._of(connection, lost.mapped('external_id'))
        rows.state = 'waiting'
        for row in rows:
            row._look(connection)
        told = set(rows.mapped('external_id'))
        return lost.filtered(lambda one: one.external_id in told)
