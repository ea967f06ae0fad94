from dataclasses import replace
from datetime import timezone

from odoo import api, fields, models

from ..comparison import expectation
from ..providers import errors
from .fieldpromax_link import DOCUMENT_KINDS

# What two documents of the same number have to agree in to be the same one.
SAME_DOCUMENT = ('date', 'currency', 'total')


class FieldpromaxExchange(models.Model):
    """After a backup was restored: what may have been sent by a later life of the database is read and looked for
    before anything is sent, and adopted where it stands in the books as it would be sent."""

    # What becomes of a restored database is long enough for a file of its own.
    _inherit = 'fieldpromax.exchange'  # pylint: disable=consider-merging-classes-inherited

    searched_at = fields.Datetime(
        readonly=True, help='When the books were asked for it, because the database was restored.'
    )

    # === THE DRIVER === #

    def _drive_calls(self, connection):
        if connection.is_rereading:
            # The pull wakes this driver as soon as everything was read.
            return
        super()._drive_calls(connection)

    def _drive_call(self, connection, call):
        """A call that would make what may be there already asks for it first; nothing has been sent for it."""
        exchanges = call.exchange_ids.filtered(lambda exchange: exchange.state == 'sending')
        if not exchanges or not all(exchange._is_to_be_searched(connection) for exchange in exchanges):
            return super()._drive_call(connection, call)
        wanted = [
            replace(
                exchange._wanted(call),
                since=exchange._shown_record().create_date.replace(tzinfo=timezone.utc),
            )
            for exchange in exchanges
        ]
        kind = exchanges[0].kind
        try:
            found = connection._talk(lambda provider: provider.look_up(kind, wanted))
        except errors.ValidationRejected as error:
            return self._drive_step(exchanges._record_refusal_of_search, connection, error)
        except errors.ProviderError as error:
            self._drive_step(exchanges._retry_after, error)
            raise
        return self._drive_step(exchanges._record_search, connection, found, processed=len(exchanges))

    def _is_to_be_searched(self, connection):
        """Payments are compared with those of their invoices, and numbered documents are asked for by number, before
        they are sent in any case."""
        self.ensure_one()
        if not connection.restored_at or not (self.operation or '').endswith('.create'):
            return False
        if self.searched_at and self.searched_at >= connection.restored_at:
            return False
        if self.kind == 'payment' or (self._is_document() and not connection._numbers_in_books()):
            return False
        return connection._predates_restore(self._shown_record())

    # === WHAT WAS FOUND === #

    def _record_refusal_of_search(self, connection, error):
        """The books do not let us look: that is no reason to send it unseen."""
        self.searched_at = False
        for exchange in self:
            exchange._record_refusal(connection, error)

    def _record_search(self, connection, found):
        """Adopt what is there, ask a person about what only bears the same number, and send the rest."""
        now = fields.Datetime.now()
        self.searched_at = now
        kind = self[0].kind
        if kind in (*DOCUMENT_KINDS.values(), 'contact', 'item'):
            linked = set(
                self.env['fieldpromax.link']
                .search(
                    [
                        ('connection_id', '=', connection.id),
                        ('kind', '=', kind),
                        ('external_id', 'in', [remote.external_id for remote in found]),
                    ]
                )
                .mapped('external_id')
            )
            found = [remote for remote in found if remote.external_id not in linked]
        left = self
        if kind in DOCUMENT_KINDS.values():
            for exchange in self:
                alike = [remote for remote in found if exchange._bears_own_number(remote)]
                others = [remote for remote in alike if not exchange._says_the_same(remote)]
                if alike and (len(alike) > 1 or others):
                    # Numbers were given anew since the backup: this may be another document of the same number.
                    exchange._block(exchange._ambiguous_hold(connection, alike))
                    left -= exchange
        if left:
            left._record_look_up(connection, found)
            left._note_arrived(connection)
        for exchange in left.filtered(lambda exchange: exchange.state == 'queued'):
            exchange.reason = self.env._('It was looked for and is not in the books: it is sent now.')

    def _bears_own_number(self, remote):
        own = (self.expected.get('own_number') or self.expected.get('key') or '').casefold()
        return bool(own) and own in (
            (getattr(remote, 'own_number', '') or '').casefold(),
            (getattr(remote, 'number', '') or '').casefold(),
        )

    def _says_the_same(self, remote):
        theirs = expectation(remote)
        return theirs['contact'] in (self.expected.get('contact'), self.expected.get('project')) and all(
            theirs[name] == self.expected.get(name) for name in SAME_DOCUMENT
        )

    @api.model
    def _is_same_twin(self, connection, move, twin, data):
        """Is the document of the books that bears this number surely ours, sent by a later life of this database?"""
        return bool(
            twin.get('is_same')
            and connection._predates_restore(move)
            and data.date
            and twin['date'] == data.date.isoformat()
        )
