from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date

from ..holds import Hold
from .fieldpromax_link import DOCUMENT_KINDS


class AccountMove(models.Model):
    """An invoice dated inside a period that is closed in the books: said before it is posted, and never sent."""

    # Apart from what becomes of an invoice in the books.
    _inherit = 'account.move'  # pylint: disable=consider-merging-classes-inherited

    fieldpromax_period_text = fields.Char(
        compute='_compute_fieldpromax_period_text', compute_sudo=True, groups='base.group_user'
    )

    @api.depends('state', 'move_type', 'company_id', 'invoice_date', 'partner_id', 'fieldpromax_do_not_sync')
    def _compute_fieldpromax_period_text(self):
        """For drafts that would be sent once they are confirmed."""
        drafts = self.filtered(lambda move: move.move_type in DOCUMENT_KINDS and move.state == 'draft')
        (self - drafts).fieldpromax_period_text = ''
        for company, moves in drafts.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            for move in moves:
                hold = move._fieldpromax_period_hold(connection) if connection else None
                if not hold or next(move._fieldpromax_reasons_against(connection, as_posted=True), ''):
                    move.fieldpromax_period_text = ''
                    continue
                move.fieldpromax_period_text = self.env._(
                    '%(reason)s Once confirmed, it cannot be sent. The next open date is %(day)s: date it '
                    'then or later, or have the period opened in %(provider)s.',
                    reason=hold.reason,
                    day=format_date(self.env, move._fieldpromax_next_open_date(connection)),
                    provider=connection._provider_label(),
                )

    @api.model
    def _fieldpromax_next_open_date(self, connection):
        """The first day that the books take; None when none of them is closed."""
        lock_date = connection.organization_lock_date
        return lock_date + timedelta(days=1) if lock_date else None

    def _fieldpromax_period_hold(self, connection):
        """Why the books would not take a document of this date, as a Hold; None when they would.

        A draft without a date gets today's when it is confirmed.
        """
        self.ensure_one()
        lock_date = connection.organization_lock_date
        day = self.invoice_date or fields.Date.context_today(self)
        if not lock_date or day > lock_date:
            return None
        provider = connection._provider_label()
        return Hold(
            'period_locked',
            f'period_locked:{lock_date}',
            self.env._(
                'The books are closed up to %(day)s', day=format_date(self.env, lock_date), provider=provider
            ),
            self.env._(
                '%(provider)s takes nothing dated %(day)s or earlier.',
                provider=provider,
                day=format_date(self.env, lock_date),
            ),
            self._fieldpromax_period_remedy(connection),
            move_id=self.id,
        )

    def _fieldpromax_period_remedy(self, connection):
        values = {
            'next': format_date(self.env, self._fieldpromax_next_open_date(connection)),
            'provider': connection._provider_label(),
        }
        if self.state == 'draft':
            return self.env._(
                'Date it %(next)s, the next open date, or later; or open the period in %(provider)s, then use '
                '"Read again" under Mappings. The date is never changed by itself.',
                **values,
            )
        return self.env._(
            'Reset it to draft and date it %(next)s, the next open date, or later; or open the period in '
            '%(provider)s, then use "Read again" under Mappings. The date is never changed by itself.',
            **values,
        )
