from odoo import api, fields, models

from ..matching import text_key
from .fieldpromax_mapping import payment_account_key
from .fieldpromax_settlement import MONEY_JOURNALS


class FieldpromaxMapping(models.Model):
    """Which account of the books the payments of a journal go to, and on which side they are entered."""

    # Apart from what invoice lines need.
    _inherit = 'fieldpromax.mapping'  # pylint: disable=consider-merging-classes-inherited

    kind = fields.Selection(
        selection_add=[('payment_account', 'Account for payments')], ondelete={'payment_account': 'cascade'}
    )
    journal_id = fields.Many2one(
        'account.journal', index='btree_not_null', ondelete='set null', readonly=True
    )
    owner = fields.Selection(
        [('odoo', 'Odoo'), ('books', 'The books')],
        'Payments are entered in',
        default='odoo',
        help='Of a journal: the side on which its payments are entered. They travel to the other side, and never back.',
    )

    def _editable_fields(self):
        return super()._editable_fields() | {'owner'}

    def write(self, vals):
        """Payments that were entered in the books may have waited for the account or the owner of a journal."""
        result = super().write(vals)
        if {'owner', 'state', 'reference_id'} & set(vals):
            rows = self.sudo().filtered(lambda row: row.kind == 'payment_account')
            for connection in rows.connection_id.filtered('pull_payments'):
                waiting = [('connection_id', '=', connection.id), ('state', '=', 'attention')]
                if self.env['fieldpromax.books.payment'].sudo().search_count(waiting, limit=1):
                    self.env['fieldpromax.doorbell'].sudo()._ring_one(connection, {'payment'})
        return result

    @api.model
    def _wanted_values(self, connection, usage):
        yield from super()._wanted_values(connection, usage)
        for journal in self.env['account.journal'].search(
            [
                ('company_id', 'in', connection._served_companies().ids),
                ('type', 'in', MONEY_JOURNALS),
            ]
        ):
            yield self._payment_account_values(connection, journal)

    @api.model
    def _payment_account_values(self, connection, journal):
        return {
            'connection_id': connection.id,
            'kind': 'payment_account',
            'key': payment_account_key(journal.id),
            'sequence': 20,
            'journal_id': journal.id,
            'record_name': journal.display_name,
            'needs_confirmation': True,
        }

    def _suggest_payment_account(self, eligible, provider):
        """Where money goes is confirmed by a person once, however clear it looks."""
        self.ensure_one()
        journal = self.journal_id
        home = self.connection_id.currency_id.name
        currency = (journal.currency_id or journal.company_id.currency_id).name
        fitting = eligible.filtered(lambda reference: (reference.currency or home) == currency)
        names = {text_key(journal.name), text_key(journal.bank_account_id.acc_number or '')} - {''}
        by_name = fitting.filtered(lambda reference: any(name in text_key(reference.name) for name in names))
        proposed = by_name if len(by_name) == 1 else fitting
        self._set(
            state='suggested' if len(proposed) == 1 else 'missing',
            reference_id=proposed.id if len(proposed) == 1 else False,
            needs_confirmation=True,
            reason=self.env._(
                'Confirm once which account of %s the payments of this journal go to.', provider
            )
            if fitting
            else self.env._(
                '%(provider)s has no account in %(currency)s that payments can go to. Add it there and read the '
                'accounts again.',
                provider=provider,
                currency=currency,
            ),
        )

    @api.model
    def _owner_of(self, connection, journal):
        """On which side the payments of a journal are entered: ``odoo`` unless a person said otherwise."""
        row = self.search(
            [('connection_id', '=', connection.id), ('key', '=', payment_account_key(journal.id))]
        )
        return row.owner or 'odoo'
