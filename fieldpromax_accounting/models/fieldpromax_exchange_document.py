from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models

from ..comparison import (
    VOID_STATUSES,
    content_hash,
    document_differences,
    document_of,
    with_categories,
    with_line_ids,
)
from ..holds import Hold, WaitFor
from ..providers import dto
from .fieldpromax_exchange import OPEN_PREDICATE, Decision

# For so long what was read of a document before a change counts as what stands there.
READ_COUNTS_FOR = timedelta(minutes=5)
# How many differences a sentence tells; all of them stand side by side below it.
DIFFERENCES_TOLD = 5


class FieldpromaxExchange(models.Model):
    """A document that is in the books already: changed, voided or deleted there as it is here, and compared."""

    # What becomes of a document after it was sent is long enough for a file of its own.
    _inherit = 'fieldpromax.exchange'  # pylint: disable=consider-merging-classes-inherited

    external_id = fields.Char(
        'ID in the books',
        readonly=True,
        help='Of a document that was deleted in Odoo and is to be voided there.',
    )
    read_at = fields.Datetime(
        readonly=True, help='When it was last read from the books for this very change or void.'
    )
    overwrites = fields.Boolean(
        readonly=True, help='Somebody decided that it goes over what was changed in the books meanwhile.'
    )

    _open_external_unique = models.UniqueIndex(
        f'(connection_id, kind, external_id) WHERE external_id IS NOT NULL AND {OPEN_PREDICATE}'
    )

    def _is_document(self):
        """Is it about a document, and not about a customer or product?"""
        self.ensure_one()
        return f'{self.kind}.void' in self.connection_id._operations()

    # === CHANGES === #

    def _as_kept(self, context, move, data):
        """The document as the books will show it, with the name of its customer for people."""
        kept = context.provider.as_kept(data)
        return replace(kept, contact_name=move.commercial_partner_id.name or '')

    def _decide_sent(self, connection, context, move, link, data):
        """A document that the books have: nothing where nothing that matters changed; otherwise it is read there first,
        and changed with the ids of its lines kept.

        :raise Hold: a rule of the books, or other totals.
        """
        digest = content_hash(data)
        if link.sent_hash == digest and not self.overwrites:
            return None
        operation = f'{self.kind}.update'
        read = self.read_at and fields.Datetime.now() - self.read_at < READ_COUNTS_FOR
        if not read or operation not in context.provider.operations:
            return Decision('verify', data, link.external_id, kept=self._as_kept(context, move, data))
        there = (link.external_document or {}).get('lines') or ()
        changed = replace(
            data,
            external_id=link.external_id,
            version=link.external_version or '',
            # Who approved it there did so for good, and whether a draft is approved is decided there.
            status='draft' if link.external_status == 'draft' else 'approved',
            lines=with_line_ids(
                data.lines,
                there,
                context.provider.as_kept(data).lines,
            ),
        )
        self._check_rules(context, changed, move)
        self._check_totals(connection, context.provider, changed, move)
        kept = self._as_kept(context, move, changed)
        agreed = (link.agreed_document or {}).get('lines') or ()
        changed = replace(changed, lines=with_categories(changed.lines, there, agreed))
        return Decision(operation, changed, link.external_id, kept=kept, hash=digest)

    def _record_verification(self, connection, remote):
        """A document that was sent before and posted again, as it stands in the books now: do both agree, may it be
        changed there, or has a person to look first?"""
        if not self._is_document():
            # Kinds that keep what they know of the books themselves.
            super()._record_verification(connection, remote)
            return
        link = self._own_link(connection)
        if remote is None or remote.status in VOID_STATUSES:
            if remote is None:
                link._note_gone(connection, self.kind, [link.external_id])
            else:
                self._renew_link(connection, remote)
            self._block(self._gone_hold(connection))
            return
        differences = self._differences(connection, remote)
        was_edited = link._was_edited_there(remote)
        self._renew_link(connection, remote)
        link = self._own_link(connection)
        self._seal(link, remote, differences)
        if not differences:
            link.sent_hash = self.content_hash
            self._finish(self.env._('Checked: both sides agree.'))
        elif why_not := self._why_no_change(connection, link, remote):
            self._block(self._unchangeable_hold(connection, differences, why_not))
        elif was_edited and not self.overwrites:
            self._block(self._changed_on_both_hold(connection, differences))
        else:
            now = fields.Datetime.now()
            self._reopen('queued', {'read_at': now, 'next_attempt_at': now})

    def _why_no_change(self, connection, link, remote):
        """Why the books would not take a change, as a sentence; '' when they would."""
        if f'{self.kind}.update' not in connection._operations():
            return self.env._('%s takes no changes of it from here.', connection._provider_label())
        return link._why_locked()

    def _gone_hold(self, connection):
        provider = connection._provider_label()
        return Hold(
            'gone',
            f'gone:{self._record_of().id}',
            self.env._('"%(name)s" is gone from %(provider)s', name=self.record_name, provider=provider),
            self.env._('It was sent before, and has been voided or deleted in %s since.', provider),
            self.env._('Cancel it here as well, or copy it and post the copy.'),
            can_retry=True,
            **self._record_values(),
        )

    def _unchangeable_hold(self, connection, differences, why_not):
        provider = connection._provider_label()
        return Hold(
            'changed_after_sent',
            f'changed:{self._record_of().id}',
            self.env._('Changed after it was sent'),
            f'{why_not} {self._told_differences(connection, differences)}',
            self.env._(
                'Take back in %(provider)s what stands in the way, change it there the same way, or undo the change '
                'here; then check again.',
                provider=provider,
            ),
            can_retry=True,
            differences=differences,
            **self._record_values(),
        )

    def _changed_on_both_hold(self, connection, differences):
        provider = connection._provider_label()
        return Hold(
            'changed_on_both',
            f'changed:{self._record_of().id}',
            self.env._(
                '"%(name)s" was changed here and in %(provider)s', name=self.record_name, provider=provider
            ),
            self._told_differences(connection, differences),
            self.env._(
                '"Push again" puts what Odoo has in the place of what %(provider)s has. Or make both agree by hand, '
                'and check again.',
                provider=provider,
            ),
            can_retry=True,
            differences=differences,
            **self._record_values(),
        )

    # === VOIDING, AND WHAT WAS DELETED HERE === #

    def _void_of(self, link, day, currency):
        """:return: the Decision that voids a linked document, or deletes it where it is a draft."""
        nothing = dto.Totals(Decimal(0), Decimal(0), Decimal(0))
        document_class = dto.CreditNote if self.kind == 'credit_note' else dto.Invoice
        data = document_class(
            contact_external_id='',
            date=day,
            currency=currency,
            lines=(),
            totals=nothing,
            number=link.external_number or '',
            status=link.external_status or 'approved',
            external_id=link.external_id,
            version=link.external_version or '',
        )
        return Decision(f'{self.kind}.void', data, link.external_id)

    def _decide_orphan(self, connection, context):
        """It was deleted in Odoo: what it left in the books is voided there."""
        link = self._own_link(connection)
        if not link or link.external_status in VOID_STATUSES:
            return None
        if f'{self.kind}.void' not in context.provider.operations:
            raise link._orphan_hold(self.env._('It cannot be voided from here.'))
        self._check_void(connection, link)
        return self._void_of(link, fields.Date.context_today(self), connection.currency_id.name)

    @api.model
    def _enqueue_orphans(self, connection, kind, links):
        """Queue what documents of Odoo that are deleted left in the books, by its id there."""
        waiting = self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', kind),
                ('external_id', 'in', links.mapped('external_id')),
                ('state', 'in', ('queued', 'retry', 'blocked')),
            ]
        ).mapped('external_id')
        self.create(
            [
                {
                    'connection_id': connection.id,
                    'company_id': link.company_id.id,
                    'kind': kind,
                    'external_id': link.external_id,
                    'record_name': link.record_name or link.external_number,
                    'wants_void': True,
                    'next_attempt_at': fields.Datetime.now(),
                    'requested_by_id': self.env.uid,
                }
                for link in links
                if link.external_id not in waiting
            ]
        )

    def _queue_orphan(self, connection, remote):
        """The document was deleted in Odoo before the answer came that it stands in the books."""
        self._renew_link(connection, remote)
        link = self.env['fieldpromax.link']._by_external_id(connection, self.kind, [remote.external_id])
        link.write({'record_name': self.record_name, 'company_id': self.company_id.id})
        self._enqueue_orphans(connection, self.kind, link)

    def _check_void(self, connection, link):
        """May it be voided? It is read first: a draft is deleted and an approved document voided, and what is paid
        stays (one of the providers would take the payment off it without a word).

        :raise WaitFor, Hold: it is read first, or is paid.
        """
        now = fields.Datetime.now()
        if not self.read_at or now - self.read_at > READ_COUNTS_FOR:
            self.is_stale = True
            raise WaitFor(self.env._('It is read once more before anything is sent.'), now)
        if why := link._why_paid():
            raise self._unvoidable_hold(connection, why)

    def _record_void_refusal(self, connection, quoted):
        # Whoever tries again wants to know how it stands there now.
        self.read_at = False
        hold = self._unvoidable_hold(connection, quoted)
        if self.external_id:
            self._settle(hold)
        else:
            self._block(hold)

    def _unvoidable_hold(self, connection, why):
        """:param why: as a sentence, or in the provider's own words."""
        if self.external_id:
            return self._own_link(connection)._orphan_hold(why)
        provider = connection._provider_label()
        return Hold(
            'void_refused',
            f'void:{self._record_of().id}',
            self.env._(
                '"%(name)s" could not be voided in %(provider)s', name=self.record_name, provider=provider
            ),
            why,
            self.env._(
                'Take off there what stands in the way (a payment, a credit note, a closed period), then try again; or '
                'reset it to draft here, post it, and make a credit note.'
            ),
            can_retry=True,
            **self._record_values(),
        )

    def _settle(self, outcome):
        if isinstance(outcome, Hold) and outcome.cause == 'orphan':
            # Nothing in Odoo waits for it any more: the issue stands by itself.
            self.env['fieldpromax.issue']._raise_for(self.connection_id, outcome)
            self._cancel(f'{outcome.title}. {outcome.reason}')
            return
        super()._settle(outcome)

    # === THE SEAL === #

    def _seal(self, link, remote, differences):
        """What was compared, and when, stays with the link; only what agrees in every field is verified."""
        if not self._is_document() or not isinstance(remote, dto.Invoice):
            return
        now = fields.Datetime.now()
        values = {
            **link._columns_of_document(remote),
            'is_differing': False,
            'explained_hash': False,
            'verified_at': False if differences else now,
        }
        if not differences and self.expected.get('document'):
            values['agreed_document'] = self.expected['document']
        link.write(values)
        if not differences:
            link._end_drift()

    def _document_differences(self, connection, document, remote):
        """``(what, Odoo's value, value of the books)`` of a document, for people."""
        # The number is theirs by design where they give it; the link keeps it.
        but = ('number',) if connection._numbers_in_books() else ()
        theirs = document_of(remote)
        found = document_differences(document, theirs, but)
        return self.env['fieldpromax.link']._readable(connection, found, document, theirs)

    @api.model
    def _told_differences(self, connection, differences):
        """The first differences as sentences, and how many more there are."""
        provider = connection._provider_label()
        sentences = [
            self.env._(
                '%(label)s: Odoo has %(ours)s, %(provider)s has %(theirs)s.',
                label=label,
                ours=ours or self.env._('nothing'),
                theirs=theirs or self.env._('nothing'),
                provider=provider,
            )
            for label, ours, theirs in differences[:DIFFERENCES_TOLD]
        ]
        more = len(differences) - DIFFERENCES_TOLD
        if more == 1:
            sentences.append(self.env._('1 more difference stands below.'))
        elif more > 1:
            sentences.append(self.env._('%s more differences stand below.', more))
        return ' '.join(sentences)
