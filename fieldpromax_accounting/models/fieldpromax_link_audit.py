import json
import logging
from datetime import timedelta
from time import monotonic

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..comparison import (
    VOID_STATUSES,
    Difference,
    amount_text,
    differences_hash,
    document_differences,
    document_of,
)
from ..holds import Hold
from ..providers import errors
from .account_move import decimal_of
from .fieldpromax_exchange import LIVE_STATES, LOCK_WAIT

_logger = logging.getLogger(__name__)

# A night is one look; a connection whose look was cut short, or that somebody asked about, is due at once.
AUDIT_EVERY = timedelta(hours=20)
# Not every change moves the time of change (Xero, A4): so often everything is read anew.
EVERYTHING_EVERY = timedelta(days=7)
# Calls that one look at one kind of documents may cost, of the thousand a day that the smallest plan has.
MAX_CALLS = 30
# A cron run ends well within Odoo's limit_time_real; what is left goes on in the next one, triggered at once.
AUDIT_SECONDS = 60.0
# Documents that were deleted here and still count there: issues that one look makes at most.
ORPHANS_AT_ONCE = 200
# Ids that go into one question for what did not come.
ASKED_AT_ONCE = 50


class FieldpromaxLink(models.Model):
    """The nightly look at the linked documents in the books: what is known of them is renewed, and what was changed
    there after both sides agreed is shown to people."""

    # A pass of its own: kept apart from what a link is.
    _inherit = 'fieldpromax.link'  # pylint: disable=consider-merging-classes-inherited

    # === THE DRIVER === #

    @api.model
    def _cron_fieldpromax_audit(self):
        """Shared cron: every connection that is due, a page a transaction; one connection's trouble stops no other."""
        deadline = monotonic() + AUDIT_SECONDS
        for connection in self.env['fieldpromax.connection'].sudo().search([('state', '=', 'connected')]):
            driver = connection._as_driver('audit')
            links, issues = driver.env['fieldpromax.link'], driver.env['fieldpromax.issue']
            exchanges = driver.env['fieldpromax.exchange']
            if driver._note_copy() or driver._silence_reason():
                continue
            try:
                for kind in driver._capabilities().audited:
                    if not links._drive_audit(driver, kind, deadline):
                        self.env.ref('fieldpromax_accounting.ir_cron_audit')._trigger()
                exchanges._drive_step(issues._note_success, driver, 'audit')
            except errors.ProviderError as error:
                # It goes on where it stopped, tomorrow or when it is asked for.
                _logger.info(
                    'Audit of accounting connection %s stopped: %s', connection.id, type(error).__name__
                )
                exchanges._drive_step(driver._on_provider_error, error)
                if error.code == 'paced':
                    # Nothing is wrong: the calls of this minute, or hour, are used up.
                    at = fields.Datetime.now() + timedelta(seconds=error.retry_after)
                    self.env.ref('fieldpromax_accounting.ir_cron_audit')._trigger(at=at)
            except UserError as error:
                # Ours, for an administrator: the app is not entered, the key is missing on this server.
                _logger.info('Audit of accounting connection %s waits: %s', connection.id, error)
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                _logger.info('Audit of accounting connection %s is put off to the next night', connection.id)
                self.env.cr.rollback()
            except Exception:
                _logger.exception('Audit of accounting connection %s failed', connection.id)
                self.env.cr.rollback()
                exchanges._drive_step(issues._note_failure, driver, 'audit')

    @api.model
    def _drive_audit(self, connection, kind, deadline):
        """One look at the linked documents of a kind. What each call brought is committed with the position after it.

        :param deadline: of ``monotonic()``; at least one call is made.
        :return: False where time ran out and it should go on at once.
        """
        step = self.env['fieldpromax.exchange']._drive_step
        checkpoint = step(self._begin_audit, connection, kind)
        if not checkpoint:
            return True
        for _call in range(MAX_CALLS):
            # Nothing is kept open while waiting, and what is read under the lock is read afresh.
            self.env.cr.commit()  # pylint: disable=invalid-commit
            with connection._exclusive(wait=LOCK_WAIT) as held:
                if not held:
                    return False
                if self._drive_audit_call(connection, kind, checkpoint):
                    return True
            if monotonic() > deadline:
                return False
        return True

    @api.model
    def _drive_audit_call(self, connection, kind, checkpoint):
        """One call and what it brought, under the connection's lock. :return: whether the look is over."""
        step = self.env['fieldpromax.exchange']._drive_step
        if step(self._is_audit_silenced, connection):
            return True
        if checkpoint.phase == 'reading':
            page = self._audit_page(connection, kind, checkpoint)
            step(self._take_audit_page, connection, kind, checkpoint, page)
        elif missing := self._unseen(connection, kind, checkpoint.pass_started_at, ASKED_AT_ONCE):
            page = connection._talk(lambda provider: provider.get_records(kind, missing))
            step(self._take_missing, connection, kind, missing, page)
        else:
            step(checkpoint.write, {'phase': 'settling'})
        return step(self._end_audit, checkpoint)

    @api.model
    def _end_audit(self, checkpoint):
        if checkpoint.phase != 'settling':
            return False
        if not checkpoint.pass_since:
            self.env['fieldpromax.books.document']._forget_unseen(
                checkpoint.connection_id, checkpoint.kind, checkpoint.pass_started_at
            )
        self._tell_orphans(checkpoint.connection_id, checkpoint.kind)
        checkpoint._end()
        return True

    @api.model
    def _tell_orphans(self, connection, kind):
        """An issue for each document that was deleted here and still counts there, of which nothing is on its way: it
        was deleted past our hook. A person decides; whoever left one there is not asked again."""
        issues, exchanges = self.env['fieldpromax.issue'], self.env['fieldpromax.exchange']
        for model in (self, issues, exchanges):
            model.flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT l.id FROM fieldpromax_link l
                 WHERE l.connection_id = %(connection)s AND l.kind = %(kind)s AND l.move_id IS NULL
                   AND l.external_status IN ('approved', 'paid')
                   AND NOT EXISTS (SELECT FROM fieldpromax_issue i WHERE i.link_id = l.id AND i.cause = 'orphan')
                   AND NOT EXISTS (SELECT FROM fieldpromax_exchange x
                                    WHERE x.connection_id = l.connection_id AND x.kind = l.kind
                                      AND x.external_id = l.external_id AND x.state IN %(live)s)
                 ORDER BY l.id LIMIT %(limit)s
                """,
                connection=connection.id,
                kind=kind,
                live=LIVE_STATES,
                limit=ORPHANS_AT_ONCE,
            )
        )
        for link in self.browse([row[0] for row in self.env.cr.fetchall()]):
            issues._raise_for(
                connection,
                link._orphan_hold(
                    self.env._(
                        'It was deleted in Odoo, and %s was not told of it.', connection._provider_label()
                    )
                ),
            )

    def _orphan_hold(self, why):
        """The document of this link was deleted here and still counts in the books.

        :param why: as a sentence, or in the provider's own words.
        """
        self.ensure_one()
        provider = self.connection_id._provider_label()
        return Hold(
            'orphan',
            f'orphan:{self.kind}:{self.external_id}',
            self.env._(
                '"%(name)s" was deleted here and still counts in %(provider)s',
                name=self.record_name or self.external_number or self.external_id,
                provider=provider,
            ),
            why,
            self.env._(
                'Take off in %(provider)s what stands in the way and void it there, or leave it there and say so with '
                '"Leave it there". The nightly check notices when it is void.',
                provider=provider,
            ),
            link_id=self.id,
        )

    @api.model
    def _is_audit_silenced(self, connection):
        connection.invalidate_recordset()
        return bool(connection._silence_reason())

    @api.model
    def _begin_audit(self, connection, kind):
        """The position of a look that is due, begun or to be gone on with; None when none is due."""
        audited = list(connection._capabilities().audited)
        if not self.search_count(
            [('connection_id', '=', connection.id), ('kind', 'in', audited), ('external_active', '=', True)],
            limit=1,
        ):
            # Before the first document went over there is nothing to compare.
            return None
        checkpoint = self.env['fieldpromax.checkpoint']._of(connection, kind)
        now = fields.Datetime.now()
        if checkpoint.phase == 'idle':
            if checkpoint.pulled_at and now - checkpoint.pulled_at < AUDIT_EVERY:
                return None
            full = (
                not checkpoint.since or not checkpoint.full_at or now - checkpoint.full_at > EVERYTHING_EVERY
            )
            checkpoint._begin(full=full)
        return checkpoint

    @api.model
    def _audit_page(self, connection, kind, checkpoint):
        """One call: everything that changed, where the provider has a feed for that; otherwise the next page."""
        since, cursor = checkpoint.pass_since or '', checkpoint.cursor or ''
        if since and not cursor:
            pages = connection._talk(lambda provider: provider.pull_changes({kind: since}))
            if kind in pages:
                return pages[kind]
        return connection._talk(lambda provider: provider.pull_page(kind, cursor=cursor, since=since))

    @api.model
    def _ask_for_audit(self, connection):
        """Have the documents of a connection looked at now."""
        self.env['fieldpromax.checkpoint'].sudo().search(
            [('connection_id', '=', connection.id), ('kind', 'in', list(connection._capabilities().audited))]
        ).write({'pulled_at': False})
        self.env.ref('fieldpromax_accounting.ir_cron_audit').sudo()._trigger()

    # === WHAT A PAGE TELLS === #

    @api.model
    def _take_audit_page(self, connection, kind, checkpoint, page):
        if not checkpoint.pass_since:
            self._note_seen(connection, kind, [record.external_id for record in page.records])
        self._note_documents(connection, kind, page.records, page.gone)
        self.env['fieldpromax.books.document']._note(connection, kind, page.records, page.gone)
        checkpoint._advance(page)

    @api.model
    def _take_missing(self, connection, kind, missing, page):
        """What a pass over everything did not come across was asked for by its id."""
        self._note_documents(connection, kind, page.records, page.gone)
        # One that cannot be read is there all the same.
        self._note_seen(connection, kind, missing)

    @api.model
    def _note_documents(self, connection, kind, records, gone=()):
        """What the books tell of documents now: their links are renewed, and what drifted is shown.

        :param records: DTOs; those that nothing here is linked to are passed over.
        :param gone: ids of those that are not there any more.
        """
        told = {record.external_id: record for record in records}
        links = self._by_external_id(connection, kind, [*told, *gone])
        if not links:
            return
        waiting = set(
            self.env['fieldpromax.exchange']
            .search(
                [
                    ('connection_id', '=', connection.id),
                    ('move_id', 'in', links.move_id.ids),
                    ('state', 'in', LIVE_STATES),
                ]
            )
            .move_id.ids
        )
        rows, drifted, agreed = [], [], self.browse()
        for link in links:
            remote = told.get(link.external_id)
            values = link._told_values(remote)
            if remote is not None and link._has_told(values):
                continue
            differences = []
            if link.move_id.id not in waiting and link.move_id.state == 'posted':
                differences = link._judge(connection, remote, values)
            rows.append({'id': link.id, **values})
            if values['is_differing']:
                drifted.append((link, remote, differences))
            elif link.is_differing:
                agreed |= link
        self._write_told(rows)
        agreed._end_drift()
        for link, remote, differences in drifted:
            self.env['fieldpromax.issue']._raise_for(
                connection, link._drift_hold(connection, remote, differences)
            )

    def _told_values(self, remote):
        """What is stored of a document that was read; None for one that is gone."""
        self.ensure_one()
        kept = {
            'agreed_document': self.agreed_document or None,
            'verified_at': fields.Datetime.to_string(self.verified_at) if self.verified_at else None,
            'is_differing': False,
            'explained_hash': self.explained_hash or None,
            'read_at': fields.Datetime.to_string(fields.Datetime.now()),
        }
        if remote is None:
            return {
                **kept,
                'external_version': self.external_version or None,
                'external_status': 'deleted',
                'external_active': False,
                'external_total': self.external_total,
                'external_due': 0.0,
                'external_document': {**(self.external_document or {}), 'status': 'deleted'},
            }
        return {
            **kept,
            'external_version': remote.version,
            'external_status': remote.status,
            'external_active': remote.active,
            'external_total': float(remote.totals.total),
            'external_due': float(remote.amount_due or 0),
            'external_document': document_of(remote),
        }

    def _has_told(self, values):
        """Was all of this told before, and judged?"""
        self.ensure_one()
        names = (
            'external_version',
            'external_status',
            'external_active',
            'external_total',
            'external_due',
            'external_document',
        )
        return bool(self.read_at) and all(self[name] == values[name] for name in names)

    def _judge(self, connection, remote, values):
        """Does a document differ from what both sides agreed on? Sets what of it is stored, in ``values``.

        A draft there is somebody's work in progress, and what was changed in it before it was approved is no drift.

        :return: what differs, as :class:`~..comparison.Difference`.
        """
        self.ensure_one()
        if remote is None or remote.status in VOID_STATUSES:
            status = values['external_status']
            found = [Difference('status', 0, 'approved', status)]
        elif remote.status == 'draft':
            return []
        else:
            but = ('number',) if connection._numbers_in_books() else ()
            found = document_differences(self._agreed(), values['external_document'], but)
            if found and self.external_status == 'draft':
                values['explained_hash'] = differences_hash(found)
        digest = differences_hash(found)
        if digest != (values['explained_hash'] or ''):
            values['explained_hash'] = None
            values['is_differing'] = bool(found)
        values['verified_at'] = values['read_at'] if not found and self.agreed_document else None
        return found

    def _agreed(self):
        """What both sides agreed on; of a document that was sent by a version that kept no more, what Odoo has of the
        document as a whole."""
        self.ensure_one()
        if self.agreed_document:
            return self.agreed_document
        move = self.move_id
        digits = move.currency_id.decimal_places
        return {
            'date': fields.Date.to_string(move.invoice_date),
            'currency': move.currency_id.name,
            **{
                name: amount_text(decimal_of(move[f'amount_{name}'], digits))
                for name in ('untaxed', 'tax', 'total')
            },
            'status': 'approved',
        }

    @api.model
    def _write_told(self, rows):
        """In one statement: a first look is about thousands."""
        if not rows:
            return
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_link l
                   SET external_version = r.external_version, external_status = r.external_status,
                       external_active = r.external_active, external_total = r.external_total,
                       external_due = r.external_due, external_document = r.external_document,
                       agreed_document = r.agreed_document, verified_at = r.verified_at, read_at = r.read_at,
                       is_differing = r.is_differing, explained_hash = r.explained_hash
                  FROM json_to_recordset(%s::json) AS r(id int, external_version varchar, external_status varchar,
                       external_active bool, external_total float8, external_due float8, external_document jsonb,
                       agreed_document jsonb, verified_at timestamp, read_at timestamp, is_differing bool,
                       explained_hash varchar)
                 WHERE l.id = r.id
                """,
                json.dumps(rows),
            )
        )
        self.invalidate_model()

    def _drift_hold(self, connection, remote, differences):
        self.ensure_one()
        provider, move = connection._provider_label(), self.move_id
        gone = remote is None or remote.status in VOID_STATUSES
        if remote is None:
            title = self.env._('"%(name)s" was deleted in %(provider)s', name=move.name, provider=provider)
        elif gone:
            title = self.env._('"%(name)s" was voided in %(provider)s', name=move.name, provider=provider)
        else:
            title = self.env._('"%(name)s" was changed in %(provider)s', name=move.name, provider=provider)
        readable = self._readable(connection, differences, self._agreed(), self.external_document or {})
        if gone:
            reason = self.env._('It counts here, and no more in %s.', provider)
            remedy = self.env._(
                '"Accept theirs" cancels it here as well. If it is to count, copy it and post the copy. If it is right '
                'as it is, explain why.'
            )
        else:
            reason = self.env['fieldpromax.exchange']._told_differences(connection, readable)
            remedy = self.env._(
                '"Push again" puts what Odoo has in the place of what %(provider)s has. "Accept theirs" takes over the '
                'reference and the due date; what is posted is not changed otherwise: reset it to draft for that. If '
                'it is right as it is, explain why.',
                provider=provider,
            )
        return Hold(
            'drift',
            f'drift:{self.kind}:{self.external_id}',
            title,
            reason,
            remedy,
            differences=readable,
            move_id=move.id,
            link_id=self.id,
        )

    # === WHAT A PERSON DECIDES === #

    def _open_differences(self):
        """What tells the books from what both sides agreed on, as far as they last told."""
        self.ensure_one()
        if not self.is_differing:
            return []
        if self.external_status in VOID_STATUSES:
            return [Difference('status', 0, 'approved', self.external_status)]
        but = ('number',) if self.connection_id._numbers_in_books() else ()
        return document_differences(self._agreed(), self.external_document or {}, but)

    def _explain(self, note):
        """A person says why the difference is right: it is no drift until it becomes another one."""
        for link in self:
            link.write(
                {
                    'explained_hash': differences_hash(link._open_differences()) or False,
                    'explanation': note,
                    'explained_by_id': self.env.uid,
                    'explained_at': fields.Datetime.now(),
                    'is_differing': False,
                }
            )
        self._end_drift()
