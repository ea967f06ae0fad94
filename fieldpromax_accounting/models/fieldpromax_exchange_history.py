from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

PARAMETER = 'fieldpromax_accounting.history_days'
DEFAULT_DAYS = 90
# A month is what a person looks back on, and consents under way are not kept longer than that.
LEAST_DAYS = 30
# So many rows a transaction: Odoo's vacuum commits after each and comes back for the rest.
AT_ONCE = 5000


class FieldpromaxExchange(models.Model):
    """History is trimmed: what ended long ago goes, but never the last word about a record."""

    # Housekeeping, apart from what becomes of an exchange while it lives.
    _inherit = 'fieldpromax.exchange'  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _history_limit(self):
        """Before this moment history may go; the parameter counts days, 30 at least."""
        told = (self.env['ir.config_parameter'].sudo().get_param(PARAMETER) or '').strip()
        # No more than a hundred years: before that there are no dates.
        days = min(int(told), 36500) if told.isdecimal() else DEFAULT_DAYS
        return fields.Datetime.now() - timedelta(days=max(days, LEAST_DAYS))

    @api.model
    def _is_superseded(self):
        """Condition on ``x``: the same record has a later outcome.

        The last one that was sent stays, and the last one of all: they say where a record stands, and in which order
        changes were looked at. Of a record that was deleted, or of a connection, nothing is asked any more.
        """
        cases = [
            SQL(
                """WHEN x.kind = %(kind)s AND x.%(column)s IS NOT NULL THEN EXISTS (
                        SELECT FROM fieldpromax_exchange y
                         WHERE y.%(column)s = x.%(column)s AND y.connection_id = x.connection_id AND y.kind = x.kind
                           AND y.role = x.role AND y.id > x.id
                           AND (y.state = 'done' OR x.state = 'cancelled' AND y.state = 'cancelled'))""",
                kind=kind,
                column=SQL.identifier(column),
            )
            for kind, column in sorted(self._record_columns().items())
        ]
        return SQL('CASE %s ELSE TRUE END', SQL(' ').join(cases))

    @api.autovacuum
    def _gc_exchanges(self):
        """Drop what ended long ago and has a later outcome. What waits stays, what the chatter has not told, and what a
        sending of older invoices is counted by.

        :return: ``(dropped, whether there may be more)``, as Odoo's vacuum has it.
        """
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM fieldpromax_exchange WHERE id IN (
                    SELECT x.id FROM fieldpromax_exchange x
                     WHERE x.state IN ('done', 'cancelled') AND x.done_at < %(limit)s AND x.batch_id IS NULL
                       AND NOT (x.state = 'done' AND COALESCE(x.to_announce, FALSE) AND x.move_id IS NOT NULL)
                       AND %(superseded)s
                     ORDER BY x.id LIMIT %(at_once)s)
                """,
                limit=self._history_limit(),
                superseded=self._is_superseded(),
                at_once=AT_ONCE,
            )
        )
        dropped = self.env.cr.rowcount
        self.invalidate_model()
        return dropped, dropped == AT_ONCE
