from dataclasses import replace

from odoo import api, fields, models

from ..comparison import VOID_STATUSES, amount_text
from ..holds import Hold
from ..providers import errors
from .fieldpromax_exchange import LOOK_AHEAD, Decision
from .fieldpromax_link import DOCUMENT_KINDS


def folded(number):
    """A number as the books compare it: without case."""
    return ' '.join((number or '').split()).casefold()


class FieldpromaxExchange(models.Model):
    """Invoices and credit notes that somebody typed into both: the books are asked by number before anything is sent,
    and a person says whether it is the same one."""

    _inherit = 'fieldpromax.exchange'

    number = fields.Char(readonly=True, help='The number that a person chose to send it under.')
    looked_up = fields.Char(
        readonly=True, help='The number by which the books were asked whether they have it.'
    )
    twin = fields.Json(
        readonly=True, help='What the books have under that number, linked to nothing that is sent.'
    )
    adopted_external_id = fields.Char(readonly=True, help='A person said that this one of the books is it.')
    looked_again_hash = fields.Char(
        readonly=True,
        help='Hash of what was refused because of its number, which was then looked up once more.',
    )

    # === LOOKING BEFORE SENDING === #

    def _drive_ready(self, connection):
        ready = self._kinds_ready(connection)
        for kind in filter(ready.__contains__, DOCUMENT_KINDS.values()):
            numbers = self._drive_step(self._numbers_to_look_up, connection, kind)
            if numbers:
                self._drive_twins(connection, kind, numbers)
                if connection._was_slow():
                    # What was found is kept: the next run goes on from here.
                    return True
        return super()._drive_ready(connection)

    @api.model
    def _drive_twins(self, connection, kind, numbers):
        try:
            found = connection._talk(lambda provider: provider.find_records(kind, list(numbers)))
        except errors.ProtocolError:
            # One that cannot be read must not hold up the others: the books refuse a number that is taken.
            found = ()
        self._drive_step(self._note_twins, connection, kind, numbers, found)

    @api.model
    def _numbers_to_look_up(self, connection, kind):
        """``{number: ids of exchanges}`` of the documents that are about to be made in the books and were not looked
        for yet; {} where the books give the numbers."""
        looks = connection.looks_for_twins
        if connection._numbers_in_books() or not (looks or connection.restored_at):
            return {}
        ready = self.search(
            [
                *self._of_connection(connection, kind),
                *self._ready_domain(),
                ('looked_up', '=', False),
                ('wants_void', '=', False),
                ('adopted_external_id', '=', False),
            ],
            order='id',
            limit=LOOK_AHEAD,
        )
        if not looks:
            ready = ready.filtered(lambda exchange: connection._predates_restore(exchange.move_id))
        if not ready:
            return {}
        linked = self.env['fieldpromax.link']._of(connection, ready.move_id)
        numbers = {}
        for exchange in ready:
            number = exchange.number or exchange.move_id._fieldpromax_numbers(connection)[0]
            if not number or exchange.move_id.id in linked:
                exchange.looked_up = number or '/'
            else:
                numbers.setdefault(number, []).append(exchange.id)
        return numbers

    @api.model
    def _note_twins(self, connection, kind, numbers, found):
        """Keep what the books have under the numbers that were asked for."""
        remotes = {folded(remote.number): remote for remote in found if remote.status not in VOID_STATUSES}
        known = self.env['fieldpromax.link'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', [remote.external_id for remote in remotes.values()]),
            ]
        )
        known = set(known.mapped('external_id'))
        for number, ids in numbers.items():
            remote = remotes.get(folded(number))
            self.browse(ids).exists().write(
                {
                    'looked_up': number,
                    'twin': remote
                    and {
                        'external_id': remote.external_id,
                        'number': remote.number,
                        'contact': remote.contact_external_id,
                        'contact_name': remote.contact_name,
                        'date': remote.date.isoformat() if remote.date else '',
                        'currency': remote.currency,
                        'total': amount_text(remote.totals.total),
                        'is_linked': remote.external_id in known,
                    },
                }
            )

    # === DECIDING === #

    def _with_number(self, connection, data, link):
        """``data`` under the number that it has in the books, or that a person chose for it there."""
        if link and link.external_number and not connection._numbers_in_books():
            return replace(data, number=link.external_number, own_number='')
        return replace(data, number=self.number) if self.number else data

    def _decide_twin(self, connection, move, data):
        """What is to be done about a document of the books that has this number: a Decision, None when there is none.

        :raise Hold: a person has to say whether it is the same one.
        """
        if self.adopted_external_id:
            return Decision('verify', data, self.adopted_external_id)
        twin = self.twin
        if not twin or folded(twin['number']) != folded(data.number):
            return None
        provider = connection._provider_label()
        same = not twin['is_linked'] and (
            twin['contact'] in (data.contact_external_id, data.project_external_id)
            and twin['total'] == amount_text(data.totals.total)
            and twin['currency'] == data.currency
        )
        if twin.get('is_same') != same:
            self.twin = twin = {**twin, 'is_same': same}
        if self._is_same_twin(connection, move, twin, data):
            self.adopted_external_id = twin['external_id']
            return Decision('verify', data, twin['external_id'])
        is_note = self.kind == 'credit_note'
        told = {
            'provider': provider,
            'number': twin['number'],
            'date': twin['date'],
            'customer': twin['contact_name'],
            'total': twin['total'],
            'currency': twin['currency'],
        }
        found = (
            self.env._(
                '%(provider)s has a credit note %(number)s of %(date)s for "%(customer)s" over %(total)s %(currency)s.',
                **told,
            )
            if is_note
            else self.env._(
                '%(provider)s has an invoice %(number)s of %(date)s for "%(customer)s" over %(total)s %(currency)s.',
                **told,
            )
        )
        if same:
            reason = self.env._(
                'Customer, total and currency are the same as here: somebody probably entered it in both.'
            )
            remedy = self.env._(
                'Choose "Link to it" if it is the same one: nothing is sent then. If it is another one, choose '
                '"Send under another number".'
            )
        else:
            reason = (
                self.env._('It belongs to another document of Odoo.')
                if twin['is_linked']
                else self.env._(
                    'This one here is over %(total)s %(currency)s for "%(customer)s".',
                    total=amount_text(data.totals.total),
                    currency=data.currency,
                    customer=move.commercial_partner_id.name,
                )
            )
            remedy = self.env._(
                'Choose "Send under another number", or give the one in %s another number there and try again.',
                provider,
            )
        raise Hold(
            'twin',
            f'twin:{move.id}',
            self.env._('"%(name)s" is in %(provider)s already', name=data.number, provider=provider),
            f'{found} {reason}',
            remedy,
            can_retry=True,
            **self._record_values(),
        )

    # === WHAT BECAME OF IT === #

    def _requeue(self):
        # Whoever tries again looks again: it may have been renamed or voided there.
        self.filtered('twin').write({'looked_up': False})
        return super()._requeue()

    def _record_verification(self, connection, remote):
        if not self.adopted_external_id:
            return super()._record_verification(connection, remote)
        if remote is None or remote.status in VOID_STATUSES:
            # Gone since it was found: there is nothing to link to, so it is sent after all.
            self.write({'adopted_external_id': False, 'looked_up': False, 'twin': False})
            self._reopen('queued', {'next_attempt_at': fields.Datetime.now()})
            return None
        differences = self._differences(connection, remote)
        self._renew_link(connection, remote)
        self._own_link(connection).sent_hash = False if differences else self.content_hash
        self.adopted_external_id = False
        if differences:
            self._block(self._difference_hold(connection, differences))
        else:
            self._finish(
                self.env._('Linked to the one that %s had already; both agree.', connection._provider_label())
            )
            self._note_arrived(connection)
        return None

    def _record_refusal(self, connection, error):
        taken = (
            self.kind in DOCUMENT_KINDS.values()
            and isinstance(error, errors.Conflict)
            and error.code == 'duplicate_invoice_number'
            and self.operation == f'{self.kind}.create'
        )
        if taken and connection.looks_for_twins and self.looked_again_hash != self.content_hash:
            # Entered there since it was looked for: look once more, so that a person is asked and not refused.
            self.write({'looked_again_hash': self.content_hash, 'looked_up': False, 'twin': False})
            self._reopen('queued', {'next_attempt_at': fields.Datetime.now()})
            return
        super()._record_refusal(connection, error)

    # === WHAT A PERSON DECIDES === #

    def _adopt_twin(self):
        """It is the one that the books have: nothing is sent, both are linked and compared."""
        for exchange in self:
            exchange.adopted_external_id = exchange.twin['external_id']

    def _take_another_number(self):
        """:return: the number that it is sent under now, the next one that this may be."""
        self.ensure_one()
        base, _dash, last = (self.twin or {}).get('number', '').rpartition('-')
        former = self.number
        number = f'{base}-{int(last) + 1}' if former and last.isdigit() else f'{self.twin["number"]}-2'
        self.write({'number': number, 'looked_up': False, 'twin': False})
        return number
