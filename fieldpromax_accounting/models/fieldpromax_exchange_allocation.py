from dataclasses import replace

from odoo import api, fields, models
from odoo.tools import format_date

from ..comparison import VOID_STATUSES
from ..holds import Hold, NotToBeSent, WaitFor
from ..providers import dto, errors
from .fieldpromax_exchange import LIVE_STATES, LOOK_AT_DRAFTS_EVERY, OPEN_PREDICATE, Decision
from .fieldpromax_link import DOCUMENT_KINDS

# Documents whose state is read in one call.
READ_AT_ONCE = 50


class FieldpromaxExchange(models.Model):
    """Allocations: what of a credit note counts for an invoice counts for it in the books."""

    # What becomes of allocations is long enough for a file of its own.
    _inherit = 'fieldpromax.exchange'  # pylint: disable=consider-merging-classes-inherited

    kind = fields.Selection(
        selection_add=[('allocation', 'Allocation of a credit note')], ondelete={'allocation': 'cascade'}
    )
    allocation_id = fields.Many2one(
        'fieldpromax.allocation', index='btree_not_null', ondelete='set null', readonly=True
    )

    _open_allocation_unique = models.UniqueIndex(
        f'(connection_id, allocation_id) WHERE allocation_id IS NOT NULL AND {OPEN_PREDICATE}'
    )

    @api.model
    def _record_columns(self):
        return {**super()._record_columns(), 'allocation': 'allocation_id'}

    @api.model
    def _kind_order(self):
        """After the documents that they tie together."""
        return (*super()._kind_order(), 'allocation')

    def _shown_record(self):
        """An allocation is seen at its credit note."""
        return self.allocation_id.credit_note_id if self.kind == 'allocation' else super()._shown_record()

    @api.model
    def _live_of(self, connection, moves):
        """Those of the documents that wait to be sent, or are on their way."""
        return self.search(
            [
                ('connection_id', '=', connection.id),
                ('move_id', 'in', moves.ids),
                ('state', 'in', LIVE_STATES),
            ]
        ).move_id

    # === THE DRIVER === #

    @api.model
    def _sweep_connected(self, connection):
        allocated = self.env['fieldpromax.allocation']._sweep(connection)
        return super()._sweep_connected(connection) + allocated

    def _drive_ready(self, connection):
        """Documents that were drafts in the books may be approved there by now."""
        for kind, external_ids in self._drive_step(self._drafts_of_allocations, connection).items():
            page = connection._talk(
                lambda provider, kind=kind, ids=external_ids: provider.get_records(kind, ids)
            )
            links = self.env['fieldpromax.link']
            self._drive_step(links._note_documents, connection, kind, page.records, page.gone)
        return super()._drive_ready(connection)

    @api.model
    def _drafts_of_allocations(self, connection):
        """``{kind: ids}`` of the documents that are drafts in the books as far as is known, of the next allocations."""
        rows = self._ready(connection, 'allocation', READ_AT_ONCE).allocation_id
        if not rows:
            return {}
        links = self.env['fieldpromax.link']._of(connection, rows.credit_note_id | rows.invoice_id)
        drafts = {}
        for link in links.values():
            if link.external_status == 'draft':
                drafts.setdefault(link.kind, []).append(link.external_id)
        return drafts

    # === STEP 1: CLAIM === #

    @api.model
    def _claim_next(self, connection):
        """What is to be taken apart goes before everything else: neither of its documents can be changed or voided
        while it stands."""
        leaving = [
            *self._of_connection(connection, 'allocation'),
            *self._ready_domain(),
            ('allocation_id.external_id', '!=', False),
        ]
        if self.search_count(leaving, limit=1):
            claimed = self._claim(connection, 'allocation')
            if claimed is not None:
                return claimed
        return super()._claim_next(connection)

    def _decide(self, connection, context):
        if self.kind == 'allocation':
            return self._decide_allocation(connection, context)
        if self.kind in DOCUMENT_KINDS.values() and self.wants_void and self.move_id:
            self._check_allocated(connection)
        return super()._decide(connection, context)

    def _check_allocated(self, connection):
        """:raise WaitFor: what is allocated has to be taken apart before one of the two can be voided."""
        standing = self.env['fieldpromax.allocation']._standing(connection, self.move_id)
        leaving = standing.filtered(lambda row: row._differs())
        if leaving:
            leaving._queue_differing(connection)
            raise WaitFor(
                self.env._('Waits until "%s" is undone in the books.', leaving[0].name),
            )

    def _decide_allocation(self, connection, context):
        """What the books are told of an allocation: made, undone, or undone to be made anew, because none can be
        changed.

        :raise NotToBeSent, WaitFor, Hold: why not.
        """
        row = self.allocation_id
        if not row:
            raise NotToBeSent(self.env._('"%s" was deleted in Odoo.', self.record_name or ''))
        if row.external_id:
            if not row._differs():
                return None
            data = self._standing_data(row)
            if context.capabilities.checks_versions and not row.external_version:
                # Somebody changed it there: what it is now is read first.
                return Decision('verify', data, row.external_id)
            return Decision('allocation.delete', data, row.external_id)
        note, invoice = row.credit_note_id, row.invoice_id
        if not row.amount or not note or not invoice:
            raise NotToBeSent(self.env._('It does not settle the invoice any more.'))
        links = {}
        for move in (invoice, note):
            links[move] = self._allocated_link(connection, move)
        if note.currency_id != invoice.currency_id:
            raise NotToBeSent(
                self.env._(
                    'The credit note is in %(ours)s and the invoice in %(theirs)s: %(provider)s allocates within one '
                    'currency. Settle them there by hand.',
                    ours=note.currency_id.name,
                    theirs=invoice.currency_id.name,
                    provider=connection._provider_label(),
                )
            )
        parties = {move: self._party_of(connection, move) for move in (note, invoice)}
        if parties[note] != parties[invoice]:
            raise self._other_customer_hold(connection, row)
        self._check_open_day(connection, row)
        contact, project = parties[note]
        data = dto.Allocation(
            credit_note_external_id=links[note].external_id,
            invoice_external_id=links[invoice].external_id,
            amount=row._decimal_amount(),
            date=row.date,
            contact_external_id=contact,
            project_external_id=project,
            currency=note.currency_id.name,
            currency_rate=invoice._fieldpromax_currency_rate(connection),
            reference=row.name,
        )
        self._check_rules(context, data, row)
        return Decision('allocation.create', data)

    def _standing_data(self, row):
        """What stands in the books for a row, to be taken away."""
        note, _slash, _allocation = row.external_id.partition('/')
        return dto.Allocation(
            credit_note_external_id=note,
            invoice_external_id='',
            amount=row._decimal_amount(),
            date=row.date,
            external_id=row.external_id,
            version=row.external_version or '',
        )

    def _allocated_link(self, connection, move):
        """The link of a document, which counts in the books.

        :raise NotToBeSent, WaitFor, Hold: it is not there (yet), not approved, or counts no more.
        """
        provider = connection._provider_label()
        link = self.env['fieldpromax.link']._of(connection, move).get(move.id)
        if not link:
            waiting = self.search(
                [
                    ('connection_id', '=', connection.id),
                    ('move_id', '=', move.id),
                    ('state', 'in', LIVE_STATES),
                ],
                limit=1,
            )
            if waiting:
                raise WaitFor(
                    self.env._('Waits for "%s", which has to be in the books first.', move.name),
                    waiting.next_attempt_at,
                )
            raise NotToBeSent(
                self.env._(
                    '%(document)s is not in %(provider)s. %(reason)s',
                    document=move.name,
                    provider=provider,
                    reason=move._fieldpromax_why_not(connection) or move._fieldpromax_why_not_yet(connection),
                )
            )
        if link.external_status in VOID_STATUSES:
            raise NotToBeSent(
                self.env._('%(document)s is void in %(provider)s.', document=move.name, provider=provider)
            )
        if link.external_status == 'draft':
            raise WaitFor(
                self.env._(
                    '%(document)s is a draft in %(provider)s: it is allocated once it is approved there.',
                    document=move.name,
                    provider=provider,
                ),
                fields.Datetime.now() + LOOK_AT_DRAFTS_EVERY,
            )
        return link

    @api.model
    def _party_of(self, connection, move):
        """``(contact, project)`` that a document is made out to in the books."""
        role = connection._contact_role(move.currency_id)
        customer = move.commercial_partner_id
        link = self.env['fieldpromax.link']._of(connection, customer, role).get(customer.id)
        return link.external_id if link else '', move._fieldpromax_project(connection)

    def _other_customer_hold(self, connection, row):
        provider = connection._provider_label()
        return Hold(
            'allocation_parties',
            f'allocation_parties:{row.id}',
            self.env._('"%(name)s" is not allocated in %(provider)s', name=row.name, provider=provider),
            self.env._(
                'The credit note and the invoice are made out to different customers or projects there.'
            ),
            self.env._(
                'Give both the same customer and project, or settle them in %s by hand.',
                provider,
            ),
            move_id=row.credit_note_id.id,
        )

    @api.model
    def _check_open_day(self, connection, row):
        """:raise Hold: the day of the allocation is in a closed period; the date is never changed by itself."""
        lock_date = connection.organization_lock_date
        if not lock_date or not row.date or row.date > lock_date:
            return
        provider = connection._provider_label()
        raise Hold(
            'period_locked',
            f'period_locked:{lock_date}:allocation',
            self.env._('The books are closed up to %(day)s', day=format_date(self.env, lock_date)),
            self.env._(
                '%(name)s is of %(day)s, and %(provider)s takes nothing of that day.',
                name=row.name,
                day=format_date(self.env, row.date),
                provider=provider,
            ),
            self.env._(
                'Allocate the credit note in %(provider)s by hand, or open the period there, then use "Read again" '
                'under Mappings.',
                provider=provider,
            ),
            move_id=row.credit_note_id.id,
        )

    # === STEP 3: RECORD === #

    def _note_arrived(self, connection):
        result = super()._note_arrived(connection)
        arrived = self.filtered(lambda exchange: exchange.move_id and exchange.state == 'done').move_id
        if arrived:
            self.env['fieldpromax.allocation']._queue_of(connection, arrived)
        return result

    def _wanted(self, call):
        wanted = super()._wanted(call)
        if self.kind != 'allocation':
            return wanted
        return replace(wanted, documents=(self.expected['note'], self.expected['invoice']))

    def _record_success(self, connection, remote):
        if self.kind != 'allocation':
            return super()._record_success(connection, remote)
        self.ensure_one()
        row = self.allocation_id
        if self.operation == 'allocation.delete':
            self._record_undone(connection)
            return None
        row.write(
            {
                'external_id': remote.external_id,
                'external_version': remote.version or False,
                'external_amount': float(remote.amount),
            }
        )
        self._finish(self.env._('Allocated in %s.', connection._provider_label()))
        if row._differs():
            row._queue_differing(connection)
        return None

    def _record_undone(self, connection):
        """Nothing stands in the books for it any more; what Odoo has now goes anew."""
        row = self.allocation_id
        row.write({'external_id': False, 'external_version': False, 'external_amount': 0.0})
        self._finish(self.env._('Undone in %s.', connection._provider_label()))
        if row.amount:
            row._queue_differing(connection)
        # Who waits for it to be voided goes now.
        self.search(
            [
                ('connection_id', '=', connection.id),
                ('wants_void', '=', True),
                ('move_id', 'in', (row.credit_note_id | row.invoice_id).ids),
                ('state', '=', 'queued'),
            ]
        ).write({'next_attempt_at': fields.Datetime.now()})

    def _record_known(self, connection, remote):
        """It was to be taken away: what stands there now says whether it is."""
        if self.kind != 'allocation':
            return super()._record_known(connection, remote)
        if remote is None or not self.allocation_id:
            self._record_undone(connection)
        else:
            self._reopen(
                'queued',
                {
                    'next_attempt_at': fields.Datetime.now(),
                    'reason': self.env._(
                        'It was looked up and did not take effect: it is sent again.',
                    ),
                },
            )
        return None

    def _record_verification(self, connection, remote):
        if self.kind != 'allocation':
            return super()._record_verification(connection, remote)
        if remote is None:
            self._record_undone(connection)
            return None
        self.allocation_id.write(
            {'external_version': remote.version or False, 'external_amount': float(remote.amount)}
        )
        self._reopen('queued', {'next_attempt_at': fields.Datetime.now()})
        return None

    def _record_look_up(self, connection, found):
        """Those that are known stand for other allocations."""
        if self[:1].kind == 'allocation':
            known = set(
                self.env['fieldpromax.allocation']
                .search(
                    [
                        ('connection_id', '=', connection.id),
                        ('external_id', 'in', [remote.external_id for remote in found]),
                    ]
                )
                .mapped('external_id')
            )
            found = [remote for remote in found if remote.external_id not in known]
        return super()._record_look_up(connection, found)

    def _record_refusal(self, connection, error):
        if self.kind != 'allocation':
            return super()._record_refusal(connection, error)
        row, provider = self.allocation_id, connection._provider_label()
        if isinstance(error, errors.Conflict) and error.code == 'stale':
            row.external_version = False
            self._reopen('queued', {'next_attempt_at': fields.Datetime.now()})
            return None
        words = ' '.join(error.details) or error.message
        self._block(
            Hold(
                'refused',
                f'refused:allocation:{row.id}',
                self.env._('"%(name)s" is not allocated in %(provider)s', name=row.name, provider=provider),
                self.env._('%(provider)s: "%(words)s"', provider=provider, words=words),
                self.env._(
                    'Look at the credit note and the invoice in %(provider)s: allocate it there by hand, or undo what '
                    'stands in the way and try again.',
                    provider=provider,
                ),
                can_retry=True,
                **self._record_values(),
            )
        )
        return None
