"""What the tests of credit notes share, whatever the books."""

from odoo import Command, fields


class CreditCommon:
    """Mix in before a class of the push tests."""

    def refund(self, post=True, **values):
        return self.invoice(post=post, move_type='out_refund', **values)

    def reverse(self, move, **values):
        """A posted credit note of an invoice, made as the button of Odoo does: posting reconciles the two."""
        note = move._reverse_moves([{'invoice_date': fields.Date.today(), **values}])
        note.action_post()
        return note

    def partly(self, move, price):
        """A credit note over a part of an invoice, reconciled with it."""
        note = self.refund(
            partner=move.partner_id,
            currency_id=move.currency_id.id,
            lines=[{'name': 'Part of it', 'price_unit': price, 'tax_ids': [Command.clear()]}],
        )
        self.reconcile(move, note)
        return note

    def reconcile(self, *moves):
        lines = self.env['account.move.line']
        for move in moves:
            lines |= move.line_ids.filtered(lambda line: line.account_type == 'asset_receivable')
        lines.reconcile()

    def unreconcile(self, move):
        move.line_ids.remove_move_reconcile()

    def allocation_of(self, note):
        return self.env['fieldpromax.allocation'].search([('credit_note_id', '=', note.id)])

    def allocation_exchange(self, note):
        return self.env['fieldpromax.exchange'].search(
            [('allocation_id', 'in', self.allocation_of(note).ids)], order='id desc', limit=1
        )

    def settle_books(self):
        """Run the push until what waits a moment for another one has gone, too."""
        waiting = [
            ('connection_id', '=', self.connection.id),
            ('state', 'in', ('queued', 'retry', 'uncertain')),
        ]
        for _time in range(4):
            self.run_push(self.connection)
            if not self.env['fieldpromax.exchange'].sudo().search_count(waiting, limit=1):
                break
            self.make_due()
