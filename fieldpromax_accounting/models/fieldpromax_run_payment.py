from collections import Counter
from datetime import datetime, time, timezone

from odoo import api, fields, models

# Payments that are worked out in one transaction.
LOOKED_AT_ONCE = 50


class FieldpromaxRun(models.Model):
    """Payments that were entered in the books are read with the changes of customers and products."""

    # Apart from what every kind has.
    _inherit = 'fieldpromax.run'  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _kinds(self, connection):
        kinds = super()._kinds(connection)
        return (*kinds, 'payment') if connection.pull_payments else kinds

    @api.model
    def _new(self, connection, kind):
        """The first import brings customers and products: no invoice is linked yet that a payment could pay."""
        run = super()._new(connection, kind)
        if kind == 'initial' and (line := run.line_ids.filtered(lambda line: line.kind == 'payment')):
            line.unlink()
            self._begin_payments(connection).pulled_at = fields.Datetime.now()
        return run

    @api.model
    def _begin_payments(self, connection):
        """The checkpoint of payments, set to the day from which on invoices go over where nothing was read yet."""
        checkpoint = self.env['fieldpromax.checkpoint'].sudo()._of(connection, 'payment')
        if checkpoint.phase == 'idle' and not checkpoint.since:
            connected = fields.Date.to_date(connection.connected_at) or fields.Date.today()
            first = min(connection.start_date, connected)
            checkpoint.since = datetime.combine(first, time.min, timezone.utc).isoformat()
        return checkpoint

    @api.model
    def _position(self, connection, kind, full_before):
        """Never all payments that there ever were: those that changed since invoices go over. What was read stays
        known, so a pass over everything has nothing to add."""
        if kind != 'payment':
            return super()._position(connection, kind, full_before)
        self._begin_payments(connection)
        return super()._position(connection, kind, None)

    @api.model
    def _drive_page(self, connection, kind, line, full_before=None):
        is_over = super()._drive_page(connection, kind, line, full_before)
        if kind == 'payment':
            self._drive_paid_documents(connection)
        return is_over

    @api.model
    def _drive_paid_documents(self, connection):
        """What is due of the invoices whose payments changed is read anew, up to fifty payments a call."""
        step = self.env['fieldpromax.exchange']._drive_step
        payments = self.env['fieldpromax.books.payment']
        while True:
            rows, documents = step(payments._to_read, connection)
            if not documents or connection._silence_reason():
                return
            page = connection._talk(
                lambda provider, documents=documents: provider.get_records('invoice', documents)
            )
            step(payments._take_documents, connection, rows, page)

    @api.model
    def _take_records(self, connection, kind, page, line):
        if kind != 'payment':
            return super()._take_records(connection, kind, page, line)
        self.env['fieldpromax.books.payment']._take_in(connection, page.records, page.gone)
        return Counter(), []

    @api.model
    def _settle_records(self, connection, kind, line, started_at):
        if kind != 'payment':
            return super()._settle_records(connection, kind, line, started_at)
        counts, more = self.env['fieldpromax.books.payment']._settle(connection, line.run_id, LOOKED_AT_ONCE)
        counts.pop('', None)
        if line and counts:
            line._count(counts)
        return not more
