from odoo import fields, models
from odoo.exceptions import UserError

from .fieldpromax_issue import BOOKS_PAYMENT

# What is told of payments in any case; everything else ends when payments are not taken over any more.
TOLD_ANYWAY = ('books_payment_removed_here', 'books_payment_removed_there')
# Causes whose cure is under Mappings.
MAPPED = ('books_payment_no_journal', 'books_payment_ours')


class FieldpromaxIssue(models.Model):
    """Issues about payments that were entered in the books, changed or removed there, or removed here."""

    # Apart from what every issue has.
    _inherit = 'fieldpromax.issue'  # pylint: disable=consider-merging-classes-inherited

    books_payment_ids = fields.One2many('fieldpromax.books.payment', 'issue_id', readonly=True)
    books_payment_count = fields.Integer(compute='_compute_can')
    can_take_again = fields.Boolean(compute='_compute_can')
    can_remove_there = fields.Boolean(compute='_compute_can')
    can_send_again = fields.Boolean(compute='_compute_can')

    def _compute_can(self):
        result = super()._compute_can()
        for issue in self.sudo():
            is_open = issue.state == 'open'
            issue.books_payment_count = len(issue.books_payment_ids)
            issue.can_leave = issue.can_leave or (is_open and issue.cause in BOOKS_PAYMENT)
            removed_here = is_open and issue.cause == 'books_payment_removed_here'
            issue.can_take_again = removed_here
            issue.can_remove_there = removed_here and issue.connection_id.push_payments
            issue.can_send_again = (
                is_open
                and issue.cause == 'books_payment_removed_there'
                and issue.connection_id.push_payments
                and not any(issue._settled().mapped('is_made'))
            )
        return result

    def _settled(self):
        """The settlements that the payments of this issue stand for."""
        self.ensure_one()
        found = (
            self.env['fieldpromax.settlement']
            .sudo()
            ._by_payment(self.connection_id, self.books_payment_ids.mapped('external_id'))
        )
        return self.env['fieldpromax.settlement'].sudo().union(*found.values())

    # === ACTIONS === #

    def action_open_remedy(self):
        self.ensure_one()
        return self._open_mapping() if self.cause in MAPPED else super().action_open_remedy()

    def action_leave_there(self):
        """The payments stay as they are in the books, and Odoo as it is: a person took note of it."""
        about = self.filtered(lambda issue: issue.cause in BOOKS_PAYMENT)
        self._check_bookkeeper()
        for issue in about.sudo():
            if not issue.can_leave:
                raise UserError(self.env._('This is settled already. Reload the page.'))
            issue.books_payment_ids.write(
                {'state': 'left', 'reason': self.env._('%s left it to the books.', self.env.user.name)}
            )
            issue._solve()
        return super(FieldpromaxIssue, self - about).action_leave_there() if self - about else True

    def action_take_again(self):
        """Register here once more what was removed here and stands in the books."""
        issue = self._to_decide('can_take_again')
        issue.books_payment_ids._take_again(issue.connection_id._as_driver())
        issue._solve()
        return self._told(self.env._('The payment is being registered here again.'))

    def action_remove_there(self):
        """Delete in the books what was removed here."""
        issue = self._to_decide('can_remove_there')
        settlements = issue._settled()
        settlements.origin = 'odoo'
        self.env['fieldpromax.exchange'].sudo()._enqueue(
            issue.connection_id, 'payment', settlements._leads(), forced=True
        )
        issue.connection_id._trigger_push()
        issue._solve()
        return self._told(self.env._('The payment is being removed in %s.', self.provider_label))

    def action_send_payment_again(self):
        """Enter in the books once more what was removed there and counts here."""
        issue = self._to_decide('can_send_again')
        settlements = issue._settled()
        settlements._note_undone()
        self.env['fieldpromax.exchange'].sudo()._enqueue(
            issue.connection_id, 'payment', settlements.filtered('amount')._leads(), forced=True
        )
        issue.connection_id._trigger_push()
        issue._solve()
        return self._told(self.env._('The payment is being entered in %s again.', self.provider_label))

    def _to_decide(self, may):
        """The issue with all rights, once the person may decide and while there is something to decide."""
        self.ensure_one()
        self._check_bookkeeper()
        if not self[may]:
            raise UserError(self.env._('This is settled already. Reload the page.'))
        return self.sudo()

    # === BUSINESS METHODS === #

    def _is_over(self):
        self.ensure_one()
        if self.cause not in BOOKS_PAYMENT:
            return super()._is_over()
        if not self.connection_id.pull_payments and self.cause not in TOLD_ANYWAY:
            return True
        return not self.books_payment_ids.filtered(lambda row: row.state == 'attention')

    def _close_when_settled(self):
        for issue in self:
            if issue.state == 'open' and issue._is_over():
                issue._solve()

    def _solve(self):
        """What is let go of is looked at again by the next pull."""
        result = super()._solve()
        about = self.filtered(lambda issue: issue.cause in BOOKS_PAYMENT)
        rows = about.books_payment_ids.filtered(lambda row: row.state == 'attention')
        rows.state = 'waiting'
        for connection in rows.connection_id.filtered('pull_payments'):
            self.env['fieldpromax.doorbell'].sudo()._ring_one(connection, {'payment'})
        return result
