from odoo import api, fields, models

from ..comparison import VOID_STATUSES
from ..holds import NotToBeSent
from ..providers import dto
from .fieldpromax_exchange import OPEN_PREDICATE, Decision


class FieldpromaxExchange(models.Model):
    """Documents that were sent to their customers are marked so in the books, where these take such a mark.

    It says nothing about amounts: it holds up nothing, and one that is not taken is no trouble of its document.
    """

    # Apart from what becomes of the document itself.
    _inherit = 'fieldpromax.exchange'  # pylint: disable=consider-merging-classes-inherited

    kind = fields.Selection(
        selection_add=[('sent_mark', 'Sent to the customer')], ondelete={'sent_mark': 'cascade'}
    )
    marked_move_id = fields.Many2one(
        'account.move', 'Sent document', index='btree_not_null', ondelete='set null', readonly=True
    )

    _open_mark_unique = models.UniqueIndex(
        f'(connection_id, marked_move_id) WHERE marked_move_id IS NOT NULL AND {OPEN_PREDICATE}'
    )

    @api.model
    def _record_columns(self):
        return {**super()._record_columns(), 'sent_mark': 'marked_move_id'}

    @api.model
    def _enqueue_marks(self, connection, moves):
        """Have these documents marked, those alone that stand in the books; the others are when they arrive."""
        if 'invoice.mark_sent' not in connection._operations():
            return
        links = self.env['fieldpromax.link']._of(connection, moves)
        there = moves.filtered(lambda move: move.id in links and move.state == 'posted')
        if there:
            self._enqueue(connection, 'sent_mark', there)
            connection._trigger_push()

    def _drive_ready(self, connection):
        """Nothing waits for a mark: it comes after everything else."""
        if super()._drive_ready(connection):
            return True
        if 'sent_mark' not in self._kinds_ready(connection):
            return False
        claimed = self._drive_step(self._claim, connection, 'sent_mark')
        if claimed is None:
            return False
        call, _exchange = claimed
        if call:
            self._drive_call(connection, call)
        return True

    def _decide(self, connection, context):
        if self.kind != 'sent_mark':
            return super()._decide(connection, context)
        move, provider = self.marked_move_id, connection._provider_label()
        link = self.env['fieldpromax.link']._of(connection, move).get(move.id) if move else None
        if not link or move.state != 'posted' or not move.is_move_sent:
            raise NotToBeSent(self.env._('It does not count as sent any more.'))
        if link.external_status == 'draft' or link.external_status in VOID_STATUSES:
            raise NotToBeSent(
                self.env._('%s marks what is approved and not void, and nothing else, as sent.', provider)
            )
        return Decision(f'{link.kind}.mark_sent', dto.SentMark(link.kind, link.external_id), link.external_id)

    @api.model
    def _record(self, connection, call, outcome):
        """What was sent to its customer before it arrived in the books is marked now."""
        exchanges = super()._record(connection, call, outcome)
        if call.operation.endswith('.create'):
            arrived = exchanges.filtered(lambda one: one.move_id and one.state == 'done').move_id
            self._enqueue_marks(connection, arrived.filtered('is_move_sent'))
        return exchanges

    def _record_success(self, connection, remote):
        if self.kind != 'sent_mark':
            return super()._record_success(connection, remote)
        self._finish(self.env._('Marked as sent in %s.', connection._provider_label()))
        return None

    def _record_known(self, connection, remote):
        """The answer was lost: marking it twice is harmless."""
        if self.kind != 'sent_mark':
            return super()._record_known(connection, remote)
        self._reopen('queued', {'next_attempt_at': fields.Datetime.now()})
        return None

    def _record_refusal(self, connection, error):
        if self.kind != 'sent_mark':
            return super()._record_refusal(connection, error)
        words = ' '.join(error.details) or error.message
        self._cancel(
            self.env._('%(provider)s: "%(words)s"', provider=connection._provider_label(), words=words)
        )
        return None
