from odoo import api, fields, models
from odoo.exceptions import UserError

from ..holds import Hold
from ..providers import errors, registry
from .fieldpromax_link import DOCUMENT_KINDS, record_fields

# A counterpart of this status is no longer in the books at all.
DELETED = 'deleted'
# How many documents are read to learn where their customer went: each of them knows.
DOCUMENTS_ASKED = 3
# How many vanished customers one pass of the push looks for.
SOUGHT_PER_PASS = 10


class FieldpromaxLink(models.Model):
    """What becomes of a link when its counterpart is archived, deleted or merged, there or here.

    An archived counterpart: ``external_active`` is off. A deleted one: its ``external_status`` says so as well. One
    that was merged there, while the survivor belongs to another record of Odoo: ``merged_into`` names the survivor.
    """

    # What happens to counterparts is long enough for a file of its own.
    _inherit = 'fieldpromax.link'  # pylint: disable=consider-merging-classes-inherited

    merged_into = fields.Char(
        'ID that it was merged into',
        readonly=True,
        help='The customer of the books that took its place and that is linked to another record here.',
    )
    sought_at = fields.Datetime(
        readonly=True, help='When it was last asked where a deleted customer of the books went.'
    )

    # Each pass of the push looks for these few: not through all links.
    _sought_index = models.Index(
        "(connection_id, kind, id) WHERE external_status = 'deleted' AND sought_at IS NULL"
    )

    # === WHAT THE BOOKS TELL === #

    @api.model
    def _note_signals(self, connection, kind, records, gone=()):
        """What a page of the books tells about counterparts, before its records are taken in.

        :param records: the DTOs of the page.
        :param gone: external ids that were deleted there.
        """
        merged = {
            record.external_id: record.merged_into
            for record in records
            if getattr(record, 'merged_into', '') and record.merged_into != record.external_id
        }
        if merged:
            self._note_merged(connection, kind, merged)
        if lost := set(gone) - set(merged):
            self._note_gone(connection, kind, lost)
        self._note_unlinked(connection, kind, records)

    @api.model
    def _note_gone(self, connection, kind, external_ids):
        """These were deleted in the books (or, as far as the books tell, merged away): nothing is unlinked, because
        somebody may re-link or restore it; what needs them waits from now on."""
        links = self._by_external_id(connection, kind, external_ids)
        links.filtered(lambda link: link.external_active or link.external_status != DELETED).write(
            {'external_active': False, 'external_status': DELETED, 'sought_at': False}
        )
        self._forget_rows(connection, kind, external_ids)

    @api.model
    def _note_merged(self, connection, kind, merged):
        """These were merged in the books: their links move to the survivors.

        Where the survivor is linked to another record of Odoo, both links stay and an issue asks what to do: two
        records of Odoo are one customer of the books then.

        :param merged: ``{external id that is gone: external id of the survivor}``.
        """
        self._forget_rows(connection, kind, list(merged))
        for loser_id in merged:
            survivor_id, seen = loser_id, set()
            while survivor_id in merged and survivor_id not in seen:
                seen.add(survivor_id)
                survivor_id = merged[survivor_id]
            if survivor_id in seen:
                continue  # a circle says nothing
            self._re_point_parts(connection, kind, loser_id, survivor_id)
            loser = self._by_external_id(connection, kind, [loser_id])
            if loser:
                loser.write({'external_active': False, 'merged_into': survivor_id, 'sought_at': False})
                loser._settle_merge()

    def _settle_merge(self):
        """Give the record of this link, whose counterpart was merged, the survivor for counterpart where it is free.

        :return: whether nothing is left to decide.
        """
        self.ensure_one()
        connection, column = self.connection_id, record_fields(self.env)[self.kind]
        record = self[column]
        if not record or not self.merged_into:
            return True
        survivor = self._by_external_id(connection, self.kind, [self.merged_into])
        # Read anew at the next pass, and compared as two that were just linked: none of the two sides is overwritten.
        fresh = {
            'external_version': False,
            'external_values': False,
            'baseline': False,
            'sent_hash': False,
        }
        if not survivor:
            survivor_id = self.merged_into
            self._end_conflicts()
            self.write(
                {
                    'external_id': survivor_id,
                    'external_active': True,
                    'external_status': False,
                    'merged_into': False,
                    **fresh,
                }
            )
        elif survivor[column] and survivor[column] != record:
            self.env['fieldpromax.issue']._raise_for(connection, self._counterpart_hold())
            return False
        else:
            survivor_id = survivor.external_id
            was_free = not survivor[column]
            made_by_run = survivor.made_by_run_id or self.made_by_run_id
            self._end_conflicts()
            self.write({column: False, 'decision': 'ignore', 'merged_into': False})
            # The freed index entry has to be there before the record goes to the other row.
            self.flush_model()
            if was_free:
                survivor.write(
                    {
                        column: record.id,
                        'record_name': self.record_name,
                        'decision': False,
                        'made_by_run_id': made_by_run.id,
                        **fresh,
                    }
                )
        self._forget_rows(connection, self.kind, [survivor_id])
        connection._trigger_push()
        return True

    @api.model
    def _note_unlinked(self, connection, kind, records):
        """Of counterparts that belong to no record here: whether they still stand in the books. A merge that is made up
        for there is told by it."""
        active = {record.external_id: record.active for record in records if hasattr(record, 'active')}
        column = record_fields(self.env)[kind]
        links = self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', list(active)),
                (column, '=', False),
            ]
        )
        for link in links:
            if link.external_active != active[link.external_id]:
                link.external_active = active[link.external_id]

    @api.model
    def _by_external_id(self, connection, kind, external_ids):
        return self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', list(external_ids)),
            ]
        )

    @api.model
    def _forget_rows(self, connection, kind, external_ids):
        """Rows that wait for a decision about these need none any more."""
        self.env['fieldpromax.match'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', list(external_ids)),
                ('decision', '=', 'pending'),
            ]
        ).unlink()

    @api.model
    def _re_point_parts(self, connection, kind, loser_id, survivor_id):
        """Sub-customers and projects of the one that is gone are the survivor's."""
        if kind == 'contact':
            self.search(
                [('connection_id', '=', connection.id), ('parent_external_id', '=', loser_id)]
            ).parent_external_id = survivor_id

    # === ASKING THE BOOKS === #
    # Called by the push driver: commits happen in exchange._drive_step alone.

    def _drive_reading(self, connection):
        """Read one counterpart again, and note what became of it."""
        self.ensure_one()
        step = self.env['fieldpromax.exchange']._drive_step
        kind, external_id = self.kind, self.external_id
        try:
            remote = connection._talk(lambda provider: provider.get_record(kind, external_id))
        except errors.NotFound:
            step(self._note_gone, connection, kind, [external_id])
            if kind == 'contact':
                self._drive_search(connection, DOCUMENTS_ASKED)
            return
        step(self._take_reading, connection, remote)

    def _take_reading(self, connection, remote):
        self.ensure_one()
        record = self._record_of()
        if record and remote.external_id == self.external_id:
            self._link_many(connection, self.kind, [(record, remote)], role=self.role)
        self._note_signals(connection, self.kind, [remote])

    def _drive_search(self, connection, limit):
        """Where did a customer go that is not in the books any more? One that was merged away leaves its documents to
        the survivor: the last few that were sent are asked."""
        self.ensure_one()
        step = self.env['fieldpromax.exchange']._drive_step
        survivor_id = ''
        documents = self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'invoice'),
                ('move_id.commercial_partner_id', '=', self.partner_id.id),
            ],
            order='id desc',
            limit=limit,
        )
        for document in documents.mapped('external_id'):
            try:
                remote = connection._talk(
                    lambda provider, document=document: provider.get_record('invoice', document)
                )
                survivor_id = self._survivor_of(connection, remote.contact_external_id)
            except (errors.NotFound, errors.ValidationRejected, errors.ProtocolError):
                continue  # this one says nothing
            if survivor_id:
                break
        step(self._take_search, connection, survivor_id)

    def _survivor_of(self, connection, contact_id):
        """The active customer that a document of this one is addressed to now; '' when that says nothing.

        :raise NotFound: it is not in the books either.
        """
        seen = {self.external_id, ''}
        while contact_id not in seen:
            seen.add(contact_id)
            other = self.search_count(
                [
                    ('connection_id', '=', connection.id),
                    ('external_id', '=', contact_id),
                    ('kind', 'not in', ('contact', 'item', *DOCUMENT_KINDS.values())),
                ],
                limit=1,
            )
            contact = connection._talk(
                lambda provider, contact_id=contact_id: provider.get_record('contact', contact_id)
            )
            if other:
                # A document of a project: its customer is the one above.
                contact_id = contact.parent_external_id
            elif contact.merged_into:
                contact_id = contact.merged_into
            else:
                return contact_id if contact.active else ''
        return ''

    def _take_search(self, connection, survivor_id):
        self.sought_at = fields.Datetime.now()
        if survivor_id:
            self._note_merged(connection, 'contact', {self.external_id: survivor_id})

    # === WHAT IT MEANS FOR DOCUMENTS === #

    def _is_usable(self):
        """May documents name this counterpart?"""
        self.ensure_one()
        return self.external_active

    def _record_of(self):
        """The record of Odoo; empty when it has none (any more)."""
        self.ensure_one()
        return self[record_fields(self.env)[self.kind]]

    def _name_there(self):
        self.ensure_one()
        return self.external_name or self.external_number or self.record_name or ''

    def _can_restore(self):
        """Can the counterpart be restored from here? Where not, a person does it in the books."""
        self.ensure_one()
        provider = registry.get(self.connection_id.provider)
        return (
            bool(self._record_of())
            and not self.external_active
            and not self.merged_into
            and self.external_status != DELETED
            and f'{self.kind}.restore' in provider.operations
        )

    def _counterpart_hold(self):
        """Why documents that need this counterpart wait, and what can be done about it."""
        self.ensure_one()
        provider = self.connection_id._provider_label()
        record = self._record_of()
        values = {'name': record.display_name, 'there': self._name_there(), 'provider': provider}
        records = {'link_id': self.id, record_fields(self.env)[self.kind]: record.id}
        if self.merged_into:
            survivor = self._by_external_id(self.connection_id, self.kind, [self.merged_into])
            values.update(
                other=survivor._record_of().display_name if survivor else '',
                survivor=survivor._name_there() if survivor else self.merged_into,
            )
            return Hold(
                'merged_there',
                f'merged_there:{self.id}',
                self.env._('"%(name)s" and "%(other)s" are one in %(provider)s now', **values),
                self.env._(
                    '"%(there)s" was merged into "%(survivor)s" in %(provider)s, which is "%(other)s" here.',
                    **values,
                ),
                self.env._(
                    'Merge the two here as well. Or keep them apart: "%(name)s" is then made anew in %(provider)s '
                    'when it is invoiced next.',
                    **values,
                ),
                **records,
            )
        if self.external_status == DELETED:
            return Hold(
                'counterpart_gone',
                f'counterpart_gone:{self.kind}:{record.id}:{self.role}',
                self.env._('"%(name)s" was deleted in %(provider)s', **values),
                self.env._(
                    'It was "%(there)s" there, and is gone: %(provider)s takes no documents for it.', **values
                ),
                self.env._(
                    'Link it to another one of %(provider)s, or have it created anew there.', **values
                ),
                can_retry=True,
                **records,
            )
        if self._can_restore():
            remedy = self.env._(
                'Restore it in %(provider)s, link it to another one there, or have it created anew.', **values
            )
        else:
            remedy = self.env._(
                'Restore it in %(provider)s by hand: the next pass notices it. Or link it to another one there, or '
                'have it created anew.',
                **values,
            )
        return Hold(
            'counterpart_archived',
            f'archived:{self.kind}:{record.id}:{self.role}',
            self.env._('"%(name)s" is archived in %(provider)s', **values),
            self.env._(
                '%(provider)s does not take documents for "%(there)s" while it is archived there.', **values
            ),
            remedy,
            can_retry=True,
            **records,
        )

    def _url(self):
        """Where a person sees the counterpart; '' where it has no page of its own."""
        self.ensure_one()
        connection = self.connection_id
        try:
            provider = connection._provider_for(connection.provider)
        except UserError:
            # The app is not entered any more: nobody is led anywhere, and what is asked can be read all the same.
            return ''
        return provider.record_url(self.kind, self.external_id, connection._organization())

    # === WHAT A PERSON DECIDES === #

    def _detach(self):
        """Take the link apart without touching either record: the counterpart stays known, and is left alone."""
        self._end_conflicts()
        for link in self:
            link.write(
                {record_fields(self.env)[link.kind]: False, 'decision': 'ignore', 'merged_into': False}
            )
        self.flush_model()

    def _end_conflicts(self):
        """What both sides disagreed about is of no matter any more: they are two."""
        conflicts = self.env['fieldpromax.conflict']
        for (connection, kind), links in self.grouped(lambda link: (link.connection_id, link.kind)).items():
            conflicts._note(connection, kind, {link: {} for link in links})

    def _create_anew(self):
        """The record of Odoo gets a new counterpart; the old one is left alone for good."""
        self.ensure_one()
        record, connection, role = self._record_of(), self.connection_id, self.role
        self._detach()
        self.env['fieldpromax.exchange']._enqueue(connection, self.kind, record, role=role)
        connection._trigger_push()

    def _keep_apart(self):
        """Two records of Odoo stay two although the books made one of their counterparts: the one whose counterpart is
        gone is made anew there, and never taken for the survivor again."""
        self.ensure_one()
        record, connection, survivor_id = self._record_of(), self.connection_id, self.merged_into
        survivor = self._by_external_id(connection, self.kind, [survivor_id])
        self._detach()
        self._remember_never(survivor, record)
        connection._trigger_push()

    @api.model
    def _remember_never(self, link, record):
        """The counterpart of ``link`` and ``record`` are not the same, and never will be."""
        column = record_fields(self.env)[link.kind]
        matches = self.env['fieldpromax.match'].sudo()
        stamp = {
            'decision': 'never',
            'decided_by_id': self.env.user.id,
            'decided_at': fields.Datetime.now(),
            'settled_by_id': False,
            'is_deferred': False,
        }
        pair = [
            ('connection_id', '=', link.connection_id.id),
            ('external_id', '=', link.external_id),
            (column, '=', record.id),
        ]
        if known := matches.search(pair):
            known.write(stamp)
            return
        matches.create(
            {
                'connection_id': link.connection_id.id,
                'kind': link.kind,
                'role': link.role,
                'external_id': link.external_id,
                'external_name': link.external_name,
                'external_email': link.external_email,
                column: record.id,
                'record_name': record._fieldpromax_name(),
                'reason': self.env._('They were merged in the books, and are kept apart here.'),
                **stamp,
            }
        )

    def _re_link(self, remote):
        """The record of Odoo gets ``remote`` (a DTO) for its counterpart; the old one is left alone for good."""
        self.ensure_one()
        record, connection, kind = self._record_of(), self.connection_id, self.kind
        self._detach()
        self._link_many(connection, kind, [(record, remote)], role=self.role)
        self._forget_rows(connection, kind, [remote.external_id])
        connection._trigger_push()

    def _restore(self):
        """Have the counterpart restored in the books: an exchange of its own, never here and now."""
        self.ensure_one()
        exchange = self.env['fieldpromax.exchange']
        exchange._enqueue(self.connection_id, self.kind, self._record_of(), role=self.role, restore=True)
        self.connection_id._trigger_push()

    # === MERGED IN ODOO === #

    def _report_merged_here(self, survivor):
        """Odoo merged customers that stand in the books as two: say so, and what can be done there.

        :param self: links that lost their record in the merge.
        """
        links = self.filtered(
            lambda link: link.external_active and link.connection_id.state != 'disconnected'
        )
        for connection, own in links.grouped('connection_id').items():
            for link in own:
                kept = self._of(connection, survivor, link.role).get(survivor.id)
                if not kept:
                    continue
                values = {
                    'there': link._name_there(),
                    'kept': kept._name_there(),
                    'name': survivor.display_name,
                    'provider': connection._provider_label(),
                }
                self.env['fieldpromax.issue']._raise_for(
                    connection,
                    Hold(
                        'merged_here',
                        f'merged_here:{link.id}',
                        self.env._(
                            '"%(there)s" and "%(kept)s" are still two customers in %(provider)s', **values
                        ),
                        self.env._(
                            'Here they were merged into "%(name)s", which is "%(kept)s" there from now on.',
                            **values,
                        ),
                        self.env._(
                            'Merge "%(there)s" into "%(kept)s" in %(provider)s too: the next pass notices it. Or leave '
                            'it there: nothing is sent to it any more.',
                            **values,
                        ),
                        link_id=link.id,
                        partner_id=survivor.id,
                    ),
                )
