from odoo import api, fields, models
from odoo.tools import SQL

from ..comparison import VOID_STATUSES
from .fieldpromax_link import DOCUMENT_KINDS


class AccountMove(models.Model):
    """What the books have of an invoice's payments, in a sentence on the invoice: what is paid there, and by name what
    travels in neither direction."""

    # Apart from what becomes of the invoice itself in the books.
    _inherit = 'account.move'  # pylint: disable=consider-merging-classes-inherited

    fieldpromax_paid_text = fields.Char(
        compute='_compute_fieldpromax_paid_text', compute_sudo=True, groups='base.group_user'
    )
    fieldpromax_settled_text = fields.Char(
        compute='_compute_fieldpromax_paid_text',
        compute_sudo=True,
        groups='base.group_user',
        help='What settles it on one side only, and what to do about it.',
    )

    @api.depends('state', 'move_type', 'company_id', 'amount_residual')
    def _compute_fieldpromax_paid_text(self):
        posted = self.filtered(lambda move: move.move_type in DOCUMENT_KINDS and move.state == 'posted')
        self.fieldpromax_paid_text = ''
        self.fieldpromax_settled_text = ''
        for company, moves in posted.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            links = self.env['fieldpromax.link']._of(connection, moves) if connection else {}
            for move in moves.filtered(lambda move, links=links: move.id in links):
                link = links[move.id]
                if link.external_status in (*VOID_STATUSES, 'draft'):
                    continue
                if move.move_type == 'out_invoice':
                    move._fieldpromax_tell_paid(connection, link)
                else:
                    move._fieldpromax_tell_refunded(connection, link)

    def action_fieldpromax_payments(self):
        """What pays this invoice, on both sides."""
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id(
            'fieldpromax_accounting.fieldpromax_settlement_action'
        )
        return {**action, 'domain': [('move_id', '=', self.id)], 'context': {}}

    def _fieldpromax_tell_paid(self, connection, link):
        self.ensure_one()
        provider, money = connection._provider_label(), self.currency_id.format
        settlements = self.env['fieldpromax.settlement'].search(
            [('connection_id', '=', connection.id), ('move_id', '=', self.id)]
        )
        paid = sum(settlements.mapped('external_amount'))
        if not self.currency_id.is_zero(paid):
            self.fieldpromax_paid_text = (
                self.env._('Paid in %(provider)s: %(amount)s.', provider=provider, amount=money(paid))
                if self.currency_id.compare_amounts(paid, self.amount_total) >= 0
                else self.env._(
                    'Paid in %(provider)s: %(amount)s of %(total)s.',
                    provider=provider,
                    amount=money(paid),
                    total=money(self.amount_total),
                )
            )
        other = self._fieldpromax_settled_there(connection, link) - paid
        if (
            link.read_at
            and self.currency_id.compare_amounts(other, 0) > 0
            and not self._fieldpromax_told_of()
        ):
            self.fieldpromax_settled_text = self.env._(
                '%(amount)s of it is settled in %(provider)s by something else than a payment or a credit note of '
                'Odoo: an overpayment or prepayment, a discount or a write-off entered there. It does not come over: '
                'enter it here as well.',
                amount=money(other),
                provider=provider,
            )

    def _fieldpromax_tell_refunded(self, connection, link):
        self.ensure_one()
        provider, money = connection._provider_label(), self.currency_id.format
        here = self._fieldpromax_paid_out()
        there = self._fieldpromax_settled_there(connection, link) if link.read_at else 0.0
        if self.currency_id.compare_amounts(here, there) > 0:
            self.fieldpromax_settled_text = self.env._(
                'The refund of %(amount)s that was paid out is not sent to %(provider)s. Enter it there as a refund of '
                'this credit note.',
                amount=money(here - max(there, 0.0)),
                provider=provider,
            )
        elif self.currency_id.compare_amounts(there, here) > 0:
            self.fieldpromax_settled_text = self.env._(
                '%(amount)s of it was refunded or used in %(provider)s, which does not come over. Register the refund '
                'here as well.',
                amount=money(there - here),
                provider=provider,
            )

    def _fieldpromax_settled_there(self, connection, link):
        """What of it is not due in the books any more, allocations of Odoo's credit notes left out."""
        self.ensure_one()
        field = 'invoice_id' if self.move_type == 'out_invoice' else 'credit_note_id'
        allocations = self.env['fieldpromax.allocation'].search(
            [('connection_id', '=', connection.id), (field, '=', self.id)]
        )
        allocated = sum(allocations.mapped('external_amount'))
        return self.currency_id.round(link.external_total - link.external_due - allocated)

    def _fieldpromax_told_of(self):
        """Does an issue tell of a payment of it in the books?"""
        return self.env['fieldpromax.issue'].search_count(
            [('move_id', '=', self.id), ('state', '=', 'open'), ('cause', '=like', '%payment%')], limit=1
        )

    def _fieldpromax_paid_out(self):
        """What of a credit note was paid out in Odoo."""
        self.ensure_one()
        for model in ('account.partial.reconcile', 'account.move.line', 'account.move'):
            self.env[model].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT COALESCE(sum(p.credit_amount_currency), 0)
                  FROM account_move_line line
                  JOIN account_partial_reconcile p ON p.credit_move_id = line.id
                  JOIN account_move_line other ON other.id = p.debit_move_id
                  JOIN account_move entry ON entry.id = other.move_id
                  JOIN account_journal journal ON journal.id = entry.journal_id
                 WHERE line.move_id = %s AND entry.move_type = 'entry' AND entry.state = 'posted'
                   AND journal.type IN ('bank', 'cash', 'credit')
                """,
                self.id,
            )
        )
        return float(self.env.cr.fetchone()[0])
