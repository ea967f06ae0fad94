from odoo import api, fields, models
from odoo.tools import SQL

from .fieldpromax_exchange import LIVE_STATES

# So many rows a transaction: Odoo's vacuum commits after each and comes back for the rest.
AT_ONCE = 5000


class FieldpromaxCall(models.Model):
    """One HTTP write, stored and committed before it is sent: its key, body and members never change afterwards."""

    _name = 'fieldpromax.call'
    _description = 'Write to the books'
    _rec_name = 'key'
    _order = 'id desc'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    key = fields.Char('Request key', required=True, readonly=True)
    operation = fields.Char(required=True, readonly=True)
    target = fields.Char(readonly=True)
    body = fields.Text(readonly=True)
    members = fields.Json(readonly=True, help='Ids of the exchanges, in the order of the body.')
    exchange_ids = fields.One2many('fieldpromax.exchange', 'call_id')
    attempts = fields.Integer(readonly=True)
    first_sent_at = fields.Datetime(readonly=True)
    last_sent_at = fields.Datetime(readonly=True)
    answered_at = fields.Datetime(readonly=True)
    http_status = fields.Integer(readonly=True)
    request_id = fields.Char("Provider's request ID", readonly=True)
    error = fields.Char(readonly=True, help="The provider's own reason.")

    _key_unique = models.Constraint('unique(key)', 'A request key is used once.')

    @api.autovacuum
    def _gc_calls(self):
        """Drop old calls with what they said, whatever became of them; not while something relies on one: an exchange
        under way looks up, or sends again, by the call that it went in.

        :return: ``(dropped, whether there may be more)``, as Odoo's vacuum has it.
        """
        exchanges = self.env['fieldpromax.exchange']
        self.flush_model()
        exchanges.flush_model()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM fieldpromax_call WHERE id IN (
                    SELECT c.id FROM fieldpromax_call c
                     WHERE c.create_date < %(limit)s
                       AND NOT EXISTS (SELECT FROM fieldpromax_exchange x
                                        WHERE x.call_id = c.id AND x.state IN %(live)s)
                     ORDER BY c.id LIMIT %(at_once)s)
                """,
                limit=exchanges._history_limit(),
                live=LIVE_STATES,
                at_once=AT_ONCE,
            )
        )
        dropped = self.env.cr.rowcount
        self.invalidate_model()
        exchanges.invalidate_model(['call_id'])
        return dropped, dropped == AT_ONCE
