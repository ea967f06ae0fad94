import hashlib
import logging
import uuid
from dataclasses import dataclass, replace
from datetime import date, timedelta, timezone
from decimal import Decimal
from time import monotonic

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from .. import renaming, three_way
from ..comparison import VOID_STATUSES, agrees, content_hash, document_of, expectation, look_up_keys
from ..exceptions import DATABASE_TROUBLE
from ..holds import Hold, NotToBeSent, WaitFor
from ..providers import dto, errors, registry
from ..providers.agreement import Refusal
from .fieldpromax_link import DOCUMENT_KINDS, MergeContext, record_fields

_logger = logging.getLogger(__name__)

# One open row per record: the predicate of the partial unique indexes, repeated in the upsert that relies on them.
OPEN_PREDICATE = "state IN ('queued', 'retry', 'blocked')"
OPEN_STATES = ('queued', 'retry', 'blocked')
LIVE_STATES = (*OPEN_STATES, 'sending', 'uncertain')

# How long the push driver waits for a page of the pull to end before it gives up and triggers itself again.
LOCK_WAIT = 20.0
# A cron run ends well within Odoo's limit_time_real (120 s by default): one call may take up to the read time-out.
RUN_SECONDS = 45.0
# How often a step is repeated when somebody else's edit got in between.
CONFLICT_REPEATS = 5
# So many times in a row a record may turn out changed in the books while it is sent, before it waits a while.
STALE_REPEATS = 3
# How many ready documents are looked at for missing customers and products before the first call.
LOOK_AHEAD = 500
# How often a document that is a draft in the books is looked at, whether somebody approved it.
LOOK_AT_DRAFTS_EVERY = timedelta(hours=1)
# Who is turned away so was not heard at all.
REFUSED_AT_THE_DOOR = (
    errors.RateLimited,
    errors.AuthError,
    errors.PermissionMissing,
    errors.ConnectionRefused,
    errors.TransportError,
)
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
)


@dataclass(frozen=True)
class Decision:
    """What is to be done for one exchange: a provider operation on a DTO, or ``verify``: compare what is there.

    ``key``: by what the provider finds the record again; ``sent``: ``{field: value of Odoo}`` that the write carries,
    of the fields kept in step; ``kept``: a document as the books will show it, which the answer is compared with;
    ``hash``: of what it says, where ``data`` carries more than that (the ids of its lines).
    """

    operation: str
    data: object
    external_id: str = ''
    key: str = ''
    sent: dict | None = None
    kept: object = None
    hash: str = ''

    def content_hash(self):
        return self.hash or content_hash(self.data)


class FieldpromaxExchange(models.Model):
    """Outbox and history: "this record needs to go over", and what became of it.

    An exchange is processed in three steps that commit nothing: :meth:`_claim`, :meth:`_call`, :meth:`_record`. The
    driver (:meth:`_drive`, run by the connection's push cron) commits between them; see docs/state_machines.md.
    """

    _name = 'fieldpromax.exchange'
    _description = 'Exchange with the books'
    _rec_name = 'record_name'
    _order = 'id desc'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one('res.company', required=True, index=True, readonly=True)
    kind = fields.Selection(
        [
            ('contact', 'Customer'),
            ('item', 'Product'),
            ('invoice', 'Invoice'),
            ('credit_note', 'Credit note'),
            ('organization', 'Connection'),
        ],
        required=True,
        readonly=True,
    )
    partner_id = fields.Many2one(
        'res.partner', 'Customer', index='btree_not_null', ondelete='set null', readonly=True
    )
    product_id = fields.Many2one(
        'product.product', index='btree_not_null', ondelete='set null', readonly=True
    )
    move_id = fields.Many2one(
        'account.move', 'Invoice', index='btree_not_null', ondelete='set null', readonly=True
    )
    record_name = fields.Char('Record', readonly=True, help='Kept when the record is deleted.')
    role = fields.Char(
        readonly=True, required=True, default='', help='Empty, or the currency of a second customer.'
    )
    operation = fields.Char(readonly=True, help='What was decided when the record was picked up.')
    state = fields.Selection(
        [
            ('queued', 'Waiting'),
            ('sending', 'Sending'),
            ('retry', 'Retrying'),
            ('uncertain', 'Being looked up'),
            ('blocked', 'Needs attention'),
            ('done', 'Sent'),
            ('cancelled', 'Not sent'),
        ],
        required=True,
        default='queued',
        readonly=True,
    )
    reason = fields.Char(readonly=True, help='Why it waits, failed or was not sent.')
    issue_id = fields.Many2one(
        'fieldpromax.issue', index='btree_not_null', ondelete='set null', readonly=True
    )
    attempts = fields.Integer(readonly=True)
    next_attempt_at = fields.Datetime('Next attempt', readonly=True)
    requested_by_id = fields.Many2one('res.users', readonly=True, ondelete='set null')
    forced = fields.Boolean(
        readonly=True, help='Somebody asked for it: the start date does not hold it back.'
    )
    batch_id = fields.Many2one(
        'fieldpromax.push.batch', 'Sent together', index='btree_not_null', ondelete='set null', readonly=True
    )
    priority = fields.Integer(readonly=True, help='Higher ones wait until nothing lower is ready.')
    wants_void = fields.Boolean(readonly=True, help='Somebody asked that it be voided in the books.')
    wants_restore = fields.Boolean(
        readonly=True, help='Somebody asked that its archived counterpart be restored in the books.'
    )
    refused_hash = fields.Char(
        readonly=True,
        help='Hash of what was refused because of something that it names, which was then read.',
    )
    is_stale = fields.Boolean(
        readonly=True, help='It was changed in the books meanwhile: read again before anything is decided.'
    )
    stale_count = fields.Integer(readonly=True)
    name_taken_hash = fields.Char(
        readonly=True, help='Hash of what was refused because of its name, which was then looked up.'
    )
    call_id = fields.Many2one('fieldpromax.call', index='btree_not_null', ondelete='set null', readonly=True)
    alone = fields.Boolean(
        readonly=True, help='Travels in a call of its own: the whole call was refused before.'
    )
    content_hash = fields.Char(readonly=True, help='Hash of what was, or would have been, sent.')
    expected = fields.Json(readonly=True, help='What the answer, or a look-up, has to agree with.')
    to_announce = fields.Boolean(readonly=True, help='The outcome is not in the chatter yet.')
    announced = fields.Char(
        readonly=True, help='What the chatter said last, so that it does not repeat itself.'
    )
    done_at = fields.Datetime('Ended', readonly=True)
    can_retry = fields.Boolean(compute='_compute_can_retry')

    _open_partner_unique = models.UniqueIndex(
        f'(connection_id, partner_id, role) WHERE partner_id IS NOT NULL AND {OPEN_PREDICATE}'
    )
    _open_product_unique = models.UniqueIndex(
        f'(connection_id, product_id) WHERE product_id IS NOT NULL AND {OPEN_PREDICATE}'
    )
    _open_move_unique = models.UniqueIndex(
        f'(connection_id, move_id) WHERE move_id IS NOT NULL AND {OPEN_PREDICATE}'
    )
    _open_organization_unique = models.UniqueIndex(
        f"(connection_id) WHERE kind = 'organization' AND {OPEN_PREDICATE}"
    )
    _waiting_index = models.Index(
        "(connection_id, kind, next_attempt_at) WHERE state IN ('queued', 'retry', 'sending', 'uncertain', 'blocked')"
    )

    # === COMPUTE METHODS === #

    @api.depends('state', 'issue_id.can_retry')
    def _compute_can_retry(self):
        for exchange in self:
            exchange.can_retry = exchange.state == 'retry' or (
                exchange.state == 'blocked' and exchange.issue_id.sudo().can_retry
            )

    # === ACTIONS === #

    def action_retry(self):
        """Try again now, one or many. Offered only where trying again can help."""
        self.check_access('read')
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_user'):
            raise AccessError(self.env._('Only people who work with invoices can send them again.'))
        retriable = self.filtered('can_retry')
        if not retriable:
            raise UserError(
                self.env._(
                    'Trying again cannot help here. Do what the remedy says; the record is then sent by itself.'
                )
            )
        retriable.sudo()._requeue()
        return True

    def action_open_record(self):
        """Open the customer, product or invoice that this is about."""
        self.ensure_one()
        record = self._shown_record()
        if not record:
            raise UserError(self.env._('"%(name)s" was deleted in Odoo.', name=self.record_name or ''))
        return {
            'type': 'ir.actions.act_window',
            'res_model': record._name,
            'res_id': record.id,
            'view_mode': 'form',
        }

    # === QUEUEING === #

    @api.model
    def _record_columns(self):
        """``{kind: column}``: which field holds the record of a kind. Beside those that links have, those of kinds that
        keep what they know of the books themselves."""
        return record_fields(self.env)

    @api.model
    def _enqueue(self, connection, kind, records, forced=False, role='', void=False, restore=False):
        """Queue records in this transaction; whoever calls wakes the push cron.

        :param role: the currency of a second contact of the same customer.
        :param void: what stands in the books is to be voided there.
        :param restore: what is archived in the books is to be restored there.

        One statement that always writes the row it relies on, so that a race with the worker becomes a serialization
        failure (which Odoo repeats) and never a lost edit. A row that is being sent stays as it is: the new row waits.
        """
        column = self._record_columns().get(kind)
        if column:
            rows = [
                (
                    record.id,
                    record._fieldpromax_company(connection).id,
                    f'{record._fieldpromax_name()} ({role})' if role else record._fieldpromax_name(),
                )
                for record in records
            ]
            conflict = SQL(
                '(connection_id, %(column)s%(role)s) WHERE %(column)s IS NOT NULL AND %(open)s',
                column=SQL.identifier(column),
                role=SQL(', role') if kind == 'contact' else SQL(),
                open=SQL(OPEN_PREDICATE),
            )
        else:
            rows = [(None, connection.company_id.id, connection.organization_name)]
            conflict = SQL("(connection_id) WHERE kind = 'organization' AND %s", SQL(OPEN_PREDICATE))
        if not rows:
            return
        ids, company_ids, names = map(list, zip(*rows, strict=True))
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO fieldpromax_exchange AS x (connection_id, kind, %(column)s, role, company_id, record_name,
                       state, attempts, forced, wants_void, wants_restore, requested_by_id, next_attempt_at,
                       create_uid, write_uid, create_date, write_date)
                SELECT %(connection)s, %(kind)s, r.id, %(role)s, r.company_id, r.name, 'queued',
                       0, %(forced)s, %(void)s, %(restore)s, %(uid)s, now() AT TIME ZONE 'UTC',
                       %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM unnest(%(ids)s::int[], %(companies)s::int[], %(names)s::varchar[]) AS r(id, company_id, name)
                ON CONFLICT %(conflict)s DO UPDATE SET
                       state = 'queued', next_attempt_at = EXCLUDED.next_attempt_at, reason = NULL, issue_id = NULL,
                       attempts = 0, forced = x.forced OR EXCLUDED.forced, wants_void = EXCLUDED.wants_void,
                       wants_restore = COALESCE(x.wants_restore, FALSE) OR EXCLUDED.wants_restore,
                       is_stale = FALSE, stale_count = 0, record_name = EXCLUDED.record_name,
                       requested_by_id = EXCLUDED.requested_by_id,
                       write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
                """,
                column=SQL.identifier(column or 'partner_id'),
                connection=connection.id,
                kind=kind,
                forced=forced,
                void=void,
                restore=restore,
                role=role,
                uid=self.env.uid,
                ids=ids,
                companies=company_ids,
                names=names,
                conflict=conflict,
            )
        )
        self.invalidate_model()

    @api.model
    def _queue_safely(self, records, enqueue):
        """Call ``enqueue()`` where people save ``records``: whatever goes wrong there never stops them.

        What was not queued is found all the same: posted documents, what settles them, and changes by the hourly sweep;
        new customers and products by the first document that needs them; a cancelled document says itself that it needs
        attention; and of one that was deleted the nightly audit tells that it still counts in the books.
        """
        if not records or self.env.context.get('fieldpromax_no_push'):
            return
        try:
            with self.env.cr.savepoint(flush=False):
                enqueue()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise  # Odoo repeats the whole request
        except Exception:
            # What was saved stays saved.
            _logger.exception('%s %s could not be queued for the books', records._name, records.ids)

    @api.model
    def _sweep(self, connection):
        """Queue every posted document in scope that has neither a link nor a live exchange, and linked customers and
        products that were saved since they were last compared; returns how many.

        Finds what a failing hook, a disconnect or an addon that posts around ``_post`` left behind.
        """
        return self._sweep_connected(connection) if connection.state == 'connected' else 0

    @api.model
    def _sweep_connected(self, connection):
        """:meth:`_sweep` of a connection that may talk. Another kind of record adds its own."""
        changed = self.env['fieldpromax.link']._sweep_changes(connection)
        if connection.push_trigger == 'manual':
            return changed
        moves = self.env['account.move'].sudo()
        domain = moves._fieldpromax_sweep_domain(connection)
        found = moves.search(domain, limit=5000)
        found._fieldpromax_enqueue(connection)
        if found:
            connection._trigger_push()
        return len(found) + changed

    @api.model
    def _cron_sweep(self):
        """Shared cron: one connection's trouble never stops another's sweep."""
        for connection in self.env['fieldpromax.connection'].sudo().search([('state', '=', 'connected')]):
            try:
                with self.env.cr.savepoint():
                    driver = connection._as_driver()
                    driver.env['fieldpromax.exchange']._sweep(driver)
                    driver.env['fieldpromax.issue']._note_success(driver, 'sweep')
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                # Other people's edits got in between: what is missed is found within the hour.
                _logger.info('Sweep of accounting connection %s is put off to the next hour', connection.id)
            except Exception:
                # Of any addon that has a say in what is sent: one connection's trouble stops no other, and is shown.
                _logger.exception('Sweep of accounting connection %s failed', connection.id)
                self.env['fieldpromax.issue'].sudo()._note_failure(connection, 'sweep')
            # A cron commits what each connection found before it goes on to the next.
            self.env['ir.cron']._commit_progress(1)

    def _requeue(self):
        """Back to the queue, now. The issue stays open until it is seen that nothing waits for it any more."""
        self.write({'state': 'queued', 'next_attempt_at': fields.Datetime.now(), 'reason': False})
        for connection in self.connection_id:
            connection._trigger_push()

    # === THE DRIVER === #

    @api.model
    def _drive(self, connection):
        """Send what waits at one connection. Here and in what it calls by name ``_drive_*`` are the only commits."""
        removal = self.search(
            [('connection_id', '=', connection.id), ('kind', '=', 'organization'), *self._ready_domain()]
        )
        if connection._silence_reason() and not removal:
            return
        # Nothing is kept open while waiting, and what is read under the lock is read afresh.
        self.env.cr.commit()  # pylint: disable=invalid-commit
        with connection._exclusive(wait=LOCK_WAIT) as held:
            if not held:
                connection._trigger_push()
                return
            self._drive_shown(connection, removal)

    def _drive_shown(self, connection, removal):
        """A round of the driver. What it meets that the program does not know is shown to people, not only logged: a
        cron that keeps failing would be switched off by Odoo, and nobody would hear of it."""
        try:
            self._drive_step(self._recover, connection)
            if removal:
                self._drive_removal(connection, removal)
            else:
                self._drive_calls(connection)
            self._drive_step(self._end_round, connection)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception:
            _logger.exception('Push of accounting connection %s failed', connection.id)
            self.env.cr.rollback()
            self._drive_step(self.env['fieldpromax.issue']._note_failure, connection, 'push')

    def _drive_step(self, function, *arguments, processed=0):
        """Run and commit ``function(*arguments)``; repeat it when a person's concurrent edit made the transaction fail.

        :raise: whatever ``function`` raises, after a rollback.
        """
        for repeat in range(CONFLICT_REPEATS):
            try:
                result = function(*arguments)
                # Step by step: what one step settled is kept when the next one fails.
                if processed:
                    self.env['ir.cron']._commit_progress(processed)
                else:
                    self.env.cr.commit()  # pylint: disable=invalid-commit
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                self.env.cr.rollback()
                if repeat + 1 == CONFLICT_REPEATS:
                    raise
            except Exception:
                self.env.cr.rollback()
                raise
            else:
                return result

    def _drive_calls(self, connection):
        deadline = monotonic() + RUN_SECONDS
        try:
            self._drive_step(self.env['fieldpromax.mapping']._look_for_items, connection)
            self._drive_whereabouts(connection, deadline)
            self._drive_step(self.env['fieldpromax.issue']._notice_cures, connection)
            while self._has_time(connection, deadline):
                connection.invalidate_recordset()
                if connection._silence_reason():
                    break
                self._drive_step(self._between_calls, connection)
                if not (
                    self._drive_uncertain(connection)
                    or self._drive_stale(connection)
                    or self._drive_ready(connection)
                ):
                    break
            else:
                self._drive_step(connection._go_on, connection.push_cron_id)
        except errors.ProviderError as error:
            _logger.info('Push of accounting connection %s stopped: %s', connection.id, type(error).__name__)
            # What the error says about the connection, in a transaction of its own that may be repeated.
            if not self._drive_step(connection._on_provider_error, error):
                pause = timedelta(seconds=error.retry_after) if error.retry_after else BACK_OFF[0]
                self._drive_step(self._postpone, connection, pause, self._reason_of(connection, error))
        except UserError as error:
            # Ours, for an administrator: the app is not entered, the encryption key is missing on this server.
            self._drive_step(self._postpone, connection, BACK_OFF[1], str(error))

    @api.model
    def _has_time(self, connection, deadline):
        """May this run ask once more? A slow provider is asked once a run, so that it holds up no other company where
        one cron worker serves all."""
        return monotonic() < deadline and not connection._was_slow()

    @api.model
    def _kind_order(self):
        """The kinds that are sent, in their order: customers before products before invoices, because a document needs
        what it names to be there. Another addon inserts its own before ``'invoice'``."""
        return ('contact', 'item', *DOCUMENT_KINDS.values())

    def _drive_ready(self, connection):
        """One round: look ahead for what is missing, then one call of the first kind that has work. False when idle."""
        runs = self.env['fieldpromax.run']
        for kind, anew in self._drive_step(self._look_ahead, connection).items():
            runs._pull_changes(connection, kind, anew=anew)
            # What the next run would have to read again is followed by what it was read for.
            if connection._was_slow() and not anew and not self._drive_step(runs._is_stale, connection, kind):
                return True
        # Written ahead: key, members and body are stored and committed before anything leaves (invariant 2).
        claimed = self._drive_step(self._claim_next, connection)
        if claimed is None:
            return False
        call, verification = claimed
        if call:
            self._drive_call(connection, call)
        elif verification:
            self._drive_verification(connection, verification)
        return True

    @api.model
    def _look_ahead(self, connection):
        """Queue what the next documents need. :return: ``{kind: anew}``, what has to be read before anything is sent;
        see ``fieldpromax.run._pull_changes``. Another addon adds its own kinds."""
        self._queue_missing(connection)
        ready = self._kinds_ready(connection)
        wanted = {}
        if 'contact' in ready:
            # Customers are compared with the books as they are now, not as they were an hour ago.
            wanted['contact'] = False
        if not connection._capabilities().checks_versions:
            # The last write wins there, so what was changed there a moment ago has to be seen first.
            kinds = [kind for kind in three_way.FIELDS if kind in ready]
            wanted |= {kind: True for kind in kinds if self._has_changed(connection, kind)}
        return wanted

    @api.model
    def _claim_next(self, connection):
        """:meth:`_claim` of the first kind that has work; None when none has."""
        ready = self._kinds_ready(connection)
        for kind in self._kind_order():
            claimed = self._claim(connection, kind) if kind in ready else None
            if claimed is not None:
                return claimed
        return None

    @api.model
    def _kinds_ready(self, connection):
        """The kinds that have work now, asked at once instead of one by one: mostly there are none."""
        domain = [('connection_id', '=', connection.id), *self._ready_domain()]
        return {kind for (kind,) in self._read_group(domain, ['kind'])}

    @api.model
    def _has_changed(self, connection, kind):
        """Does a customer or product wait that the books have already?"""
        ready = self.search([*self._of_connection(connection, kind), *self._ready_domain()])
        ready = ready[record_fields(self.env)[kind]]
        return bool(self.env['fieldpromax.link']._of(connection, ready, role=None))

    def _drive_call(self, connection, call):
        """Send a stored call and record its outcome."""
        try:
            outcome = self._call(connection, call)
        except errors.ProviderError as error:
            self._drive_step(self._record_failure, connection, call, error)
            if isinstance(error, (errors.AuthError, errors.PermissionMissing, errors.ConnectionRefused)):
                raise
            return
        self._drive_step(self._record, connection, call, outcome, processed=len(call.members))

    def _drive_stale(self, connection):
        """Read one record again that was changed in the books while it was sent. Nothing is overwritten: what is done
        is decided anew from what stands there now. False when there is none."""
        exchange = self.search(
            [('connection_id', '=', connection.id), ('is_stale', '=', True), *self._ready_domain()],
            order='id',
            limit=1,
        )
        if not exchange:
            return False
        link = exchange._own_link(connection)
        remote = None
        if link:
            try:
                remote = connection._talk(
                    lambda provider: provider.get_record(exchange.kind, link.external_id)
                )
            except errors.NotFound:
                remote = None
            except errors.ProviderError as error:
                self._drive_step(exchange._retry_after, error)
                raise
        if exchange._was_refused_for_another():
            try:
                exchange._drive_counterparts(connection)
            except errors.ProviderError as error:
                self._drive_step(exchange._retry_after, error)
                raise
        self._drive_step(exchange._take_fresh, connection, remote)
        return True

    def _drive_verification(self, connection, exchange):
        try:
            remote = connection._talk(
                lambda provider: provider.get_record(exchange.kind, exchange.expected['external_id'])
            )
        except errors.NotFound:
            remote = None
        except errors.ProviderError as error:
            self._drive_step(exchange._retry_after, error)
            raise
        self._drive_step(exchange._record_verification, connection, remote, processed=1)

    def _drive_uncertain(self, connection):
        """Settle one call whose outcome is unknown (invariant 3). False when none is due."""
        due = self.search(
            [
                ('connection_id', '=', connection.id),
                ('state', '=', 'uncertain'),
                ('next_attempt_at', '<=', fields.Datetime.now()),
            ],
            order='id',
            limit=1,
        )
        call = due.call_id
        if not due:
            return False
        capabilities = connection._capabilities()
        now = fields.Datetime.now()
        if now - call.first_sent_at < capabilities.key_lifetime:
            self._drive_step(self._claim_again, call)
            self._drive_call(connection, call)
            return True
        settled_at = call.last_sent_at + capabilities.settle_time
        if now < settled_at:
            uncertain = call.exchange_ids.filtered(lambda exchange: exchange.state == 'uncertain')
            self._drive_step(uncertain.write, {'next_attempt_at': settled_at})
            return True
        self._drive_look_up(connection, call)
        return True

    def _drive_look_up(self, connection, call):
        """The provider may have forgotten the key: what stands in the books decides."""
        exchanges = call.exchange_ids.filtered(lambda exchange: exchange.state == 'uncertain')
        kind = exchanges[:1].kind
        known = exchanges.filtered(lambda exchange: exchange.expected.get('external_id'))
        try:
            if known:
                # It is about a record that is known by its id: what stands there says what became of it.
                known = known[:1]
                remote = self._read_known(connection, known)
                self._drive_step(known._record_known, connection, remote, processed=1)
                return
            wanted = [exchange._wanted(call) for exchange in exchanges]
            found = connection._talk(lambda provider: provider.look_up(kind, wanted))
        except errors.ProviderError as error:
            self._drive_step(exchanges._look_up_later, error)
            raise
        self._drive_step(exchanges._record_look_up, connection, found, processed=len(exchanges))

    @api.model
    def _read_known(self, connection, exchange):
        external_id = exchange.expected['external_id']
        try:
            return connection._talk(lambda provider: provider.get_record(exchange.kind, external_id))
        except errors.NotFound:
            return None

    def _wanted(self, call):
        """What a look-up after an uncertain outcome has to find."""
        self.ensure_one()
        expected = self.expected
        total = expected.get('total')
        return dto.Wanted(
            key=expected.get('key') or '',
            contact_external_id=expected.get('project') or expected.get('contact') or '',
            date=date.fromisoformat(expected['date']) if expected.get('date') else None,
            currency=expected.get('currency') or '',
            total=Decimal(total) if total else None,
            own_number=expected.get('own_number') or '',
            since=call.first_sent_at.replace(tzinfo=timezone.utc),
        )

    def _drive_removal(self, connection, removal):
        """End the tie to the organization at the provider: repeating it is harmless, so it needs no look-up."""
        if connection.state != 'disconnected':
            self._drive_step(removal._cancel, self.env._('The organization was connected again.'))
            return
        try:
            connection._perform_removal()
        except errors.ProviderError as error:
            self._drive_step(removal._retry_after, error)
            return
        self._drive_step(removal._finish, self.env._('Removed at %s.', connection._provider_label()))

    @api.model
    def _recover(self, connection):
        """Settle what a dead process left: we hold the lock, so nothing that says ``sending`` is being sent."""
        dead = self.search([('connection_id', '=', connection.id), ('state', '=', 'sending')])
        if not dead:
            return
        _logger.info('%s exchanges of accounting connection %s were interrupted', len(dead), connection.id)
        written = dead.filtered('call_id')
        written.write(
            {
                'state': 'uncertain',
                'next_attempt_at': fields.Datetime.now(),
                'reason': self.env._('Sending was interrupted; what became of it is being looked up.'),
            }
        )
        for exchange in dead - written:
            exchange._reopen('queued', {'next_attempt_at': fields.Datetime.now()})

    @api.model
    def _between_calls(self, connection):
        """What the last call brought is compared and shown before the next one is decided."""
        self.env['fieldpromax.link']._merge_pending(connection)
        self._announce(connection)

    @api.model
    def _end_round(self, connection):
        """The driver came to its end: show where things stand, and come back for what waits for a time."""
        self._announce(connection)
        self._wake_for_next(connection)
        self.env['fieldpromax.issue']._note_success(connection, 'push')

    @api.model
    def _wake_for_next(self, connection):
        """Have the cron come back for what waits for a time."""
        waiting = [('connection_id', '=', connection.id), ('state', 'in', ('queued', 'retry', 'uncertain'))]
        following = self.search(
            [*waiting, ('next_attempt_at', '!=', False)], order='next_attempt_at', limit=1
        )
        if following and not connection._silence_reason():
            at = max(following.next_attempt_at, fields.Datetime.now())
            connection._go_on(connection.push_cron_id, at=at)

    @api.model
    def _end_wait(self, connection):
        """What was to be looked at again later is looked at now: what it waited for has come. The caller holds the
        connection's lock."""
        now = fields.Datetime.now()
        self.search(
            [('connection_id', '=', connection.id), ('state', '=', 'queued'), ('next_attempt_at', '>', now)]
        ).write({'next_attempt_at': now})

    # === STEP 1: CLAIM === #

    @api.model
    def _of_connection(self, connection, kind):
        return [('connection_id', '=', connection.id), ('kind', '=', kind)]

    @api.model
    def _ready_domain(self):
        return [('state', 'in', ('queued', 'retry')), ('next_attempt_at', '<=', fields.Datetime.now())]

    @api.model
    def _ready(self, connection, kind, limit):
        """Exchanges of a kind that may be sent now, oldest first; none whose record is under way already."""
        column = self._record_columns()[kind]
        domain = self._of_connection(connection, kind)
        busy = self._search([*domain, ('state', 'in', ('sending', 'uncertain')), (column, '!=', False)])
        return self.search(
            [
                *domain,
                *self._ready_domain(),
                ('is_stale', '=', False),
                (column, 'not in', busy.subselect(SQL.identifier(busy.table, column))),
            ],
            order='alone, priority NULLS FIRST, id',
            limit=limit,
        )

    @api.model
    def _queue_missing(self, connection):
        """Queue the customers and products that the next documents need and that are not in the books yet."""
        moves = self.env['account.move']
        ready = self._kinds_ready(connection)
        for kind in filter(ready.__contains__, DOCUMENT_KINDS.values()):
            moves |= self._ready(connection, kind, LOOK_AHEAD).move_id
        if not moves:
            return
        moves = moves.filtered(lambda move: move.state == 'posted' and move.move_type in DOCUMENT_KINDS)
        for key, records in self._needed_by(connection, moves).items():
            kind, role = key if isinstance(key, tuple) else (key, '')
            column = record_fields(self.env)[kind]
            linked = self.env['fieldpromax.link']._of(connection, records, role)
            live = self.search(
                [
                    ('connection_id', '=', connection.id),
                    ('role', '=', role),
                    (column, 'in', records.ids),
                    ('state', 'in', LIVE_STATES),
                ]
            )[column]
            missing = (records - live).filtered(lambda record, linked=linked: record.id not in linked)
            self._enqueue(connection, kind, missing, role=role)

    @api.model
    def _needed_by(self, connection, moves):
        """``{kind: records}`` that have to be in the books before these documents; a key may also be
        ``('contact', currency)``. Another addon adds its own."""
        needed = {
            ('contact', role): group.commercial_partner_id
            for role, group in moves.grouped(lambda move: connection._contact_role(move.currency_id)).items()
        }
        return {**needed, 'item': self._needed_products(connection, moves)}

    @api.model
    def _needed_products(self, connection, moves):
        """Products that go over as items: all of them where every line needs one, otherwise those with a code."""
        products = moves.invoice_line_ids.product_id
        return products if connection._capabilities().items_on_lines else products.filtered('default_code')

    @api.model
    def _claim(self, connection, kind):
        """Decide, from the records as they are now, what one call will carry, and store it.

        :return: None when nothing of this kind is ready; else ``(call, exchange)``: a stored call to send, or one
            exchange to verify; both empty when everything that was ready was settled without either.
        """
        provider_class = registry.get(connection.provider)
        limit = max(
            operation.max_members
            for operation in provider_class.operations.values()
            if operation.kind == kind
        )
        ready = self._ready(connection, kind, limit).try_lock_for_update(allow_referencing=True)
        if not ready:
            return None
        decisions = ready._decide_many(connection, kind)
        no_call, nobody = self.env['fieldpromax.call'], self.browse()
        if not decisions:
            return no_call, nobody
        # One call carries one operation; the other decisions stay in the queue for the next round.
        operation = decisions[0][1].operation
        members = [member for member in decisions if member[1].operation == operation]
        if operation == 'verify':
            exchange, decision = members[0]
            exchange._start(decision)
            return no_call, exchange
        members = (
            members[:1] if members[0][0].alone else [member for member in members if not member[0].alone]
        )
        members = members[: provider_class.operations[operation].max_members]
        provider = connection._deciding_provider()
        prepared = provider.prepare(
            operation, [(str(exchange.id), decision.data) for exchange, decision in members]
        )
        now = fields.Datetime.now()
        call = no_call.create(
            {
                'connection_id': connection.id,
                'key': str(uuid.uuid4()),
                'operation': prepared.operation,
                'target': prepared.target,
                'body': prepared.body,
                'members': list(prepared.members),
                'attempts': 1,
                'first_sent_at': now,
                'last_sent_at': now,
            }
        )
        for exchange, decision in members:
            exchange._start(decision, call)
        return call, nobody

    def _claim_again(self, call):
        """The very same call once more: key, members and body as stored."""
        call.write({'attempts': call.attempts + 1, 'last_sent_at': fields.Datetime.now()})
        call.exchange_ids.filtered(lambda exchange: exchange.state == 'uncertain').write({'state': 'sending'})

    def _start(self, decision, call=None):
        self.ensure_one()
        data = decision.data
        self.write(
            {
                'state': 'sending',
                'operation': decision.operation,
                'call_id': call.id if call else False,
                'reason': False,
                'issue_id': False,
                'attempts': self.attempts + 1,
                'content_hash': decision.content_hash(),
                'expected': {
                    **expectation(data),
                    **({'document': document_of(decision.kept)} if decision.kept else {}),
                    **({'key': decision.key} if decision.key else {}),
                    **({'sent': decision.sent} if decision.sent else {}),
                    'external_id': decision.external_id,
                },
            }
        )

    def _decide_many(self, connection, kind):
        """``[(exchange, Decision)]`` for those to be sent; the others are settled here: cancelled, blocked, waiting."""
        context = DecisionContext(self, connection, kind)
        decisions = []
        for exchange in self:
            outcome = exchange._decide_safely(connection, context)
            if isinstance(outcome, Decision):
                decisions.append((exchange, outcome))
            else:
                exchange._settle(outcome)
        return decisions

    def _decide_safely(self, connection, context):
        """What to do with this exchange: a Decision, None (nothing to do), or the exception that says why not."""
        try:
            # A fault in one record must not stop the others; what holds say is kept, so they leave it as values.
            with self.env.cr.savepoint():
                try:
                    return self._decide(connection, context)
                except (NotToBeSent, WaitFor, Hold) as outcome:
                    return outcome
        except DATABASE_TROUBLE:
            raise
        except Exception as error:
            _logger.exception('Exchange %s could not be prepared', self.id)
            return Hold(
                'unexpected',
                f'unexpected:{self.kind}:{self._record_of().id}',
                self.env._('"%s" could not be prepared', self.record_name),
                self.env._('The program met something it does not know: %s.', type(error).__name__),
                self.env._("Ask an administrator to look into Odoo's log, then try again."),
                can_retry=True,
                **self._record_values(),
            )

    def _is_cured(self, connection, issue):
        """Would this exchange still wait for ``issue`` if it were picked up now?"""
        context = DecisionContext(self, connection, self.kind)
        outcome = self._decide_safely(connection, context)
        if isinstance(outcome, Hold):
            return outcome.cause_key != issue.cause_key
        if isinstance(outcome, WaitFor):
            return False
        if isinstance(outcome, Decision) and self.content_hash and issue._came_with_an_answer():
            # It was refused by the provider, or differed there: worth another call only when it reads differently.
            return outcome.content_hash() != self.content_hash
        return True

    def _settle(self, outcome):
        if outcome is None and self.wants_void:
            self._finish(self.env._('It counts no more in the books.'))
        elif outcome is None:
            self._finish(self.env._('It is in the books already.'))
        elif isinstance(outcome, NotToBeSent):
            self._cancel(str(outcome))
        elif isinstance(outcome, WaitFor):
            until = outcome.until or fields.Datetime.now() + BACK_OFF[0]
            self.write({'reason': str(outcome), 'next_attempt_at': until})
        else:
            self._block(outcome)

    def _decide(self, connection, context):
        """:return: a Decision, or None when the books have it already.

        :raise NotToBeSent, WaitFor, Hold: why not.
        """
        if self.external_id:
            return self._decide_orphan(connection, context)
        record = self._record_of()
        if not record:
            raise NotToBeSent(self.env._('"%s" was deleted in Odoo.', self.record_name or ''))
        if self.kind in DOCUMENT_KINDS.values():
            return self._decide_invoice(connection, context, record)
        if link := context.links_of(self.role).get(record.id):
            if self.wants_restore:
                return self._decide_restore(connection, context, record)
            return self._decide_update(context, record, link)
        why_not = record._fieldpromax_why_not(connection)
        if why_not:
            raise NotToBeSent(why_not)
        if not self.env['fieldpromax.run']._is_known(connection, self.kind):
            raise WaitFor(self.env['fieldpromax.run']._first_import_text(connection))
        verdict, sentence = context.verdicts_of(self.role).get(record.id, ('create', ''))
        if verdict == 'linked':
            return None
        if verdict == 'review':
            raise Hold(
                'match_review',
                f'match:{self.kind}:{record.id}',
                self.env._('"%s" waits for match review', record.display_name),
                sentence,
                self.env._('Open Match review and choose Link, Create new or Ignore.'),
                **self._record_values(),
            )
        role = {'role': self.role} if self.role else {}
        data = record._fieldpromax_prepare(connection, context.resolver, **role)
        if self.kind == 'contact':
            data = context.with_free_number(data)
        if self.kind == 'item' and not data.sale_account and not context.capabilities.accounts_on_lines:
            # The item says where its lines are booked, so it cannot be made without.
            product = record.with_company(connection.company_id)
            account = product.product_tmpl_id.get_product_accounts()['income']
            raise context.resolver.missing_account(account, product)
        self._check_rules(context, data, record)
        return Decision(
            f'{self.kind}.create',
            data,
            key=context.provider.natural_key(self.kind, data),
            sent=context.values_sent(record, self.role),
        )

    def _decide_update(self, context, record, link):
        """What of a linked customer or product has to go over: the fields that changed here, and no others.

        :raise NotToBeSent, WaitFor, Hold: why not.
        """
        operation = f'{self.kind}.update'
        merging = context.merging
        if operation not in context.provider.operations or not merging.fields:
            return None
        if record._fieldpromax_is_kept_out():
            raise NotToBeSent(record._fieldpromax_why_not(merging.connection))
        if not link.external_values:
            # Linked before its values were kept: they are read first.
            self.is_stale = True
            raise WaitFor(self.env._('It is read once more before anything is sent.'), fields.Datetime.now())
        ours = link._local_values(merging)
        merge = merging.merge(link, ours)
        link._settle_known(ours, merge)
        if not merge.send:
            if merge.conflicts:
                raise NotToBeSent(
                    self.env._(
                        'It was changed on both sides. Open Accounting Sync > Conflicts and choose which of the two '
                        'stays.'
                    )
                )
            return None
        restores = (
            'active' in merge.send
            and ours['active']
            and f'{self.kind}.restore' in context.provider.operations
        )
        if not link.external_active and not restores:
            raise NotToBeSent(
                self.env._(
                    'It is archived in %(provider)s, where it cannot be changed. Restore it there; the next sync then '
                    'sends what changed here.',
                    provider=merging.connection._provider_label(),
                )
            )
        theirs = link.external_values
        then = (link.baseline or {}).get('ours') or {}
        values = {
            name: three_way.blend(name, then.get(name), ours[name], theirs[name]) for name in merge.send
        }
        known = {'name': theirs['name'], 'active': theirs['active']}
        if self.kind == 'item':
            known['code'] = theirs['code']
        data = three_way.record_of(
            self.kind,
            values,
            external_id=link.external_id,
            version=link.external_version or '',
            **known,
        )
        self._check_rules(context, data, record)
        return Decision(operation, data, link.external_id, sent={name: ours[name] for name in merge.send})

    def _decide_invoice(self, connection, context, move):
        why_not = move._fieldpromax_why_not(connection, forced=self.forced)
        link = context.links.get(move.id)
        if self.wants_void:
            return self._decide_void(context, move, link)
        if why_not and not (link and move.state == 'posted'):
            raise NotToBeSent(why_not)
        role = connection._contact_role(move.currency_id)
        contact = self._needed_link(
            context.contact_links_of(role), 'contact', move.commercial_partner_id, connection, role
        )
        item_links = {}
        for product in self._needed_products(connection, move):
            item_links[product.id] = self._needed_link(context.item_links, 'item', product, connection)
        data = move._fieldpromax_prepare(connection, context.resolver, contact, item_links)
        data = self._with_number(connection, data, link)
        if link:
            return self._decide_sent(connection, context, move, link, data)
        if decision := self._decide_twin(connection, move, data):
            return decision
        if hold := move._fieldpromax_period_hold(connection):
            raise hold
        self._check_rules(context, data, move)
        self._check_totals(connection, context.provider, data, move)
        return Decision(
            f'{self.kind}.create',
            data,
            key=context.provider.natural_key(self.kind, data),
            kept=self._as_kept(context, move, data),
        )

    @api.model
    def _check_totals(self, connection, provider, data, move):
        """Where the books work out the tax themselves, both sums are compared afterwards.

        :raise Hold: the books would not come to Odoo's totals, with both sums and the difference.
        """
        found = provider.disagreement(data)
        if not found:
            return
        label = connection._provider_label()
        reasons = {
            Refusal.DECIMALS: self.env._(
                '%(provider)s keeps two decimals of an amount, and %(currency)s has more of them here.',
                provider=label,
                currency=data.currency,
            ),
            Refusal.LINE_AMOUNT: self.env._(
                '%s multiplies quantity, price and discount of a line, and no price with four decimals gives the '
                'amount of Odoo.',
                label,
            ),
            Refusal.LINES_SUM: self.env._(
                'Its lines do not add up to its untaxed amount in Odoo, and %s adds up lines.',
                label,
            ),
            Refusal.TAX: self.env._('%s would work out another tax.', label),
        }
        remedies = {
            Refusal.DECIMALS: self.env._(
                'Reset it to draft, enter prices whose amounts have two decimals, and post it again; or enter '
                'it in %s by hand and keep it out of the books here.',
                label,
            ),
            Refusal.TAX: self.env._(
                'Open Mappings and check which tax rate of %s stands for its taxes.', label
            ),
        }
        raise Hold(
            'totals_predicted',
            f'totals:{move.id}',
            self.env._('%(provider)s would compute other totals', provider=label),
            ' '.join(
                (
                    reasons[found.refusal],
                    self.env._(
                        'Odoo has %(ours)s in all (tax %(our_tax)s), %(provider)s would make it %(theirs)s '
                        '(tax %(their_tax)s): a difference of %(difference)s.',
                        provider=label,
                        ours=data.totals.total,
                        our_tax=data.totals.tax,
                        theirs=found.predicted.total,
                        their_tax=found.predicted.tax,
                        difference=abs(found.difference or found.predicted.untaxed - data.totals.untaxed),
                    ),
                )
            ),
            remedies.get(found.refusal)
            or self.env._(
                'Reset it to draft, change price, discount or quantity of the line, and post again.'
            ),
            move_id=move.id,
        )

    def _decide_void(self, context, move, link):
        """Somebody asked that what stands in the books be voided, because the invoice is cancelled here."""
        if move.state != 'cancel':
            raise NotToBeSent(self.env._('It is not cancelled any more, so it stays as it is in the books.'))
        if not link:
            raise NotToBeSent(self.env._('It never was in the books.'))
        if link.external_status in VOID_STATUSES:
            return None
        if f'{self.kind}.void' not in context.provider.operations:
            raise NotToBeSent(self.env._('Void it in the books by hand.'))
        self._check_void(link.connection_id, link)
        return self._void_of(link, move.invoice_date, move.currency_id.name)

    def _check_rules(self, context, data, record):
        problems = context.provider.check(self.kind, data)
        if problems:
            suggestion = renaming.suggest(context.provider, self.kind, record, data)
            raise Hold(
                'rules',
                f'rules:{self.kind}:{record.id}',
                self.env._('"%s" breaks a rule of the books', self.record_name),
                ' '.join(problems),
                self.env._(
                    'Accept "%s", or correct it in Odoo your own way; it is then sent by itself.',
                    suggestion.text,
                )
                if suggestion
                else self.env._('Correct it in Odoo; it is then sent by itself.'),
                suggestion=suggestion,
                **self._record_values(),
            )

    def _needed_link(self, links, kind, record, connection, role=''):
        """The link of a record that a document names.

        :raise WaitFor, Hold: it is not in the books (yet), or no longer usable there.
        """
        link = links.get(record.id)
        if link:
            if not link._is_usable():
                raise link._counterpart_hold()
            return link
        column = record_fields(self.env)[kind]
        needed = self.search(
            [
                ('connection_id', '=', connection.id),
                (column, '=', record.id),
                ('role', '=', role),
                ('state', 'in', LIVE_STATES),
            ],
            limit=1,
        )
        if needed.state == 'blocked' and needed.issue_id:
            raise needed.issue_id._as_hold()
        if needed:
            raise WaitFor(
                self.env._('Waits for "%s", which has to be in the books first.', record.display_name),
                needed.next_attempt_at,
            )
        why_not = record._fieldpromax_why_not(connection)
        if why_not:
            raise NotToBeSent(why_not)
        raise WaitFor(self.env._('Waits for "%s", which has to be in the books first.', record.display_name))

    # === STEP 2: CALL === #

    def _call(self, connection, call):
        """HTTP only: no ORM write happens here.

        :raise ProviderError: the call as a whole went wrong.
        """
        prepared = dto.PreparedCall(
            operation=call.operation,
            body=call.body or '',
            members=tuple(call.members),
            target=call.target or '',
        )
        return connection._talk(lambda provider: provider.send(prepared, call.key))

    # === STEP 3: RECORD === #

    @api.model
    def _record(self, connection, call, outcome):
        """Write down what became of each member: ``fieldpromax_*`` tables only, so that it can be repeated."""
        call.write(
            {
                'answered_at': fields.Datetime.now(),
                'http_status': outcome.http_status,
                'request_id': outcome.request_id,
                'error': False,
            }
        )
        connection._end_trouble()
        exchanges = self.browse()
        for result in outcome.results:
            exchange = self.browse(int(result.member))
            exchanges |= exchange
            error = result.error
            if error is None:
                exchange._record_success(connection, result.record)
            elif error.maybe_applied:
                exchange._mark_uncertain(self._reason_of(connection, error))
            elif isinstance(error, errors.TransportError):
                # It was fine, but travelled with one that made the provider refuse the whole call.
                exchange._reopen('queued', {'alone': True, 'next_attempt_at': fields.Datetime.now()})
            else:
                exchange._record_refusal(connection, error)
        for exchange in call.exchange_ids - exchanges:
            # The provider said nothing about it: it is looked up.
            exchange._mark_uncertain(self.env._('The answer does not mention it.'))
        exchanges._note_arrived(connection)
        return exchanges

    def _note_arrived(self, connection):
        """What waited for documents that stand in the books now may go."""

    def _record_success(self, connection, remote):
        """The record stands in the books: link it, and say so only if it stands there as it was sent."""
        self.ensure_one()
        record = self._record_of()
        link = self.env['fieldpromax.link']
        if self.wants_void:
            self._record_void(connection, remote)
            return
        if self._is_restoring():
            self._record_restore(connection, remote)
            return
        differences = self._differences(connection, remote)
        if record:
            self._renew_link(connection, remote)
            link = self._own_link(connection).filtered(lambda one: one.external_id == remote.external_id)
            link.sent_hash = False if differences else self.content_hash
            link._settle_sent(link, self.expected.get('sent'))
            self._seal(link, remote, differences)
        elif self._is_document():
            # Deleted in Odoo while it was on its way: it must not count in the books.
            self._queue_orphan(connection, remote)
        if differences:
            self._block(self._difference_hold(connection, differences))
        else:
            self._finish(remote.status if self.kind in DOCUMENT_KINDS.values() else '')

    def _own_link(self, connection):
        """The link of this very record, in its role; empty when there is none."""
        links = self.env['fieldpromax.link']
        if self.external_id:
            return links._by_external_id(connection, self.kind, [self.external_id])
        return links._of(connection, self._record_of(), self.role).get(self._record_of().id, links)

    def _renew_link(self, connection, remote):
        own = self._own_link(connection)
        if own and own.external_id != remote.external_id:
            # Sent for a record that was merged into one with a counterpart of its own, while it was under way.
            self._keep_beside(connection, remote)
            return
        role = {'role': self.role} if self.kind == 'contact' else {}
        self.env['fieldpromax.link']._link_many(connection, self.kind, [(self._record_of(), remote)], **role)

    def _record_void(self, connection, remote):
        """What stands in the books now that it was to be voided there."""
        if remote is not None and remote.status not in VOID_STATUSES:
            # It was not voided after all, is there again, or the answer does not tell: it is read before anything.
            self._renew_link(connection, remote)
            pause = BACK_OFF[0] if self.attempts > 1 else timedelta()
            self._reopen(
                'queued',
                {
                    'read_at': False,
                    'next_attempt_at': fields.Datetime.now() + pause,
                    'reason': self.env._(
                        'It still counts in %s; it is read again before anything is sent.',
                        connection._provider_label(),
                    ),
                },
            )
            return
        link = self._own_link(connection)
        if remote is not None:
            self._renew_link(connection, remote)
            link = self._own_link(connection)
        else:
            link.external_status = 'deleted'
        link.write({'sent_hash': False, 'verified_at': False, 'is_differing': False})
        link._end_drift()
        self._finish(self.env._('Voided in %s.', connection._provider_label()))

    def _record_known(self, connection, remote):
        """A write on a record that the books had already: what stands there now says whether it took effect."""
        if self.wants_void:
            self._record_void(connection, remote)
        elif self._is_restoring():
            self._record_restore(connection, remote)
        elif remote is None:
            self._record_verification(connection, None)
        elif self._differences(connection, remote) or self._is_missing_in(connection, remote):
            self._renew_link(connection, remote)
            self._reopen(
                'queued',
                {
                    'next_attempt_at': fields.Datetime.now(),
                    'reason': self.env._('It was looked up and did not take effect: it is sent again.'),
                },
            )
        else:
            self._record_success(connection, remote)

    def _is_missing_in(self, connection, remote):
        """Does the record of the books lack anything of what an update carried?"""
        sent = self.expected.get('sent') or {}
        if not self.operation.endswith('.update') or not sent:
            return False
        theirs = three_way.values_of(self.kind, remote)
        key = MergeContext(connection, self.kind).key
        then = self._own_link(connection).external_values or {}
        return any(
            key(name, theirs.get(name)) == key(name, then.get(name)) != key(name, value)
            for name, value in sent.items()
        )

    def _take_fresh(self, connection, remote):
        """What stands in the books now, read because our version of it was old."""
        if remote is not None:
            self._renew_link(connection, remote)
            self.env['fieldpromax.link']._note_signals(connection, self.kind, [remote])
            if self._is_document():
                self._own_link(connection).write(self.env['fieldpromax.link']._columns_of_document(remote))
        elif link := self._own_link(connection):
            link._note_gone(connection, self.kind, [link.external_id])
        self.write({'is_stale': False, 'read_at': fields.Datetime.now() if self.wants_void else False})

    def _mark_stale(self, connection):
        """Back to the queue, to be read again first; after some such tries in a row it waits a while."""
        self.ensure_one()
        again = self.stale_count < STALE_REPEATS
        pause = timedelta() if again else BACK_OFF[1]
        self._reopen(
            'queued' if again else 'retry',
            {
                'is_stale': True,
                'read_at': False,
                'stale_count': self.stale_count + 1 if again else 0,
                'next_attempt_at': fields.Datetime.now() + pause,
                'reason': self.env._(
                    'It was changed in %s at the same moment; it is read again before anything is sent.',
                    connection._provider_label(),
                ),
            },
        )

    def _difference_hold(self, connection, differences):
        provider = connection._provider_label()
        return Hold(
            'difference',
            f'difference:{self.kind}:{self._record_of().id}',
            self.env._('"%(name)s" differs in %(provider)s', name=self.record_name, provider=provider),
            self._told_differences(connection, differences),
            self._difference_remedy(connection, provider),
            can_retry=True,
            differences=differences,
            **self._record_values(),
        )

    def _difference_remedy(self, connection, provider):
        if self.kind not in DOCUMENT_KINDS.values():
            return self.env._(
                'Make both agree: correct it in %s, or change it here. Then check again.', provider
            )
        is_note = self.kind == 'credit_note'
        if connection.organization_computes_tax and is_note:
            return self.env._(
                '%(provider)s works out the sales tax itself, from the address of the customer. Look at the address '
                'and at the tax there, and make both agree: correct it in %(provider)s, or reset the credit note to '
                'draft here, change its tax and post again. Then check again.',
                provider=provider,
            )
        if connection.organization_computes_tax:
            return self.env._(
                '%(provider)s works out the sales tax itself, from the address of the customer. Look at the address '
                'and at the tax there, and make both agree: correct it in %(provider)s, or reset the invoice to draft '
                'here, change its tax and post again. Then check again.',
                provider=provider,
            )
        if is_note:
            return self.env._(
                'Make both agree: correct it in %s, or reset the credit note to draft here, change it and post again. '
                'Then check again.',
                provider,
            )
        return self.env._(
            'Make both agree: correct it in %s, or reset the invoice to draft here, change it and post again. Then '
            'check again.',
            provider,
        )

    def _differences(self, connection, remote):
        """``(what, Odoo's value, value of the books)`` of what the books have otherwise; an absent value counts as
        different."""
        if document := self.expected.get('document'):
            return self._document_differences(connection, document, remote)
        labels = {
            'number': self.env._('Number'),
            'contact': self.env._('Customer'),
            'date': self.env._('Date'),
            'currency': self.env._('Currency'),
            'untaxed': self.env._('Untaxed amount'),
            'tax': self.env._('Tax'),
            'total': self.env._('Total'),
            'lines': self.env._('Lines'),
            'name': self.env._('Name'),
            'code': self.env._('Code'),
        }
        ours, theirs = self.expected, expectation(remote)
        if connection._numbers_in_books():
            # The number is theirs by design; the link keeps it.
            labels.pop('number')
        if ours.get('project') and theirs.get('contact') == ours['project']:
            # A document of a project is addressed to the project, which is a part of the customer.
            theirs = {**theirs, 'contact': ours.get('contact')}
        return [
            (label, str(ours[name] or ''), str(theirs.get(name) or ''))
            for name, label in labels.items()
            if name in ours and ours[name] != theirs.get(name)
        ]

    def _record_refusal(self, connection, error):
        """The provider refused this member, in its own words."""
        provider = connection._provider_label()
        words = ' '.join(error.details) or error.message
        quoted = self.env._('%(provider)s: "%(words)s"', provider=provider, words=words)
        link = self._own_link(connection) if isinstance(error, errors.Conflict) else None
        if link and error.code == 'stale':
            self._mark_stale(connection)
            return
        if self.wants_void:
            self._record_void_refusal(connection, quoted)
            return
        if self._is_about_counterpart(connection, error):
            return
        if (
            isinstance(error, errors.Conflict)
            and error.code == 'duplicate_contact_name'
            and (link or self.name_taken_hash == self.content_hash)
        ):
            # It was looked up, and no customer has the name: somebody else has it.
            suggestion = renaming.suggest_for(
                connection._deciding_provider(),
                self.kind,
                'name',
                self.partner_id,
                self.expected.get('name') or '',
                addition=self.env._('Customer'),
            )
            hold = Hold(
                'taken',
                f'taken:contact:{self.partner_id.id}',
                self.env._(
                    '"%(name)s" is a name that %(provider)s has already',
                    name=self.record_name,
                    provider=provider,
                ),
                quoted,
                self.env._(
                    'Another customer, a supplier or an employee has it: in %(provider)s a name is given once. '
                    'Change the name here or there a little, then try again.',
                    provider=provider,
                )
                if link
                else self.env._(
                    'No customer has it, so a supplier or an employee does: in %(provider)s a name is given once. '
                    'Change the name here or there a little, then try again.',
                    provider=provider,
                ),
                can_retry=True,
                suggestion=suggestion,
                **self._record_values(),
            )
        elif isinstance(error, errors.Conflict) and error.code == 'duplicate_contact_name':
            # The next pass compares it with what the books have now, and finds the name there.
            self.name_taken_hash = self.content_hash
            self.env['fieldpromax.match']._propose_by_name(connection, self.partner_id)
            hold = Hold(
                'match_review',
                f'match:{self.kind}:{self._record_of().id}',
                self.env._('"%s" waits for match review', self.record_name),
                quoted,
                self.env._('Open Match review and link it, or give one of the two another name.'),
                can_retry=True,
                **self._record_values(),
            )
        elif isinstance(error, errors.Conflict):
            hold = Hold(
                'taken',
                f'taken:{self.kind}:{self._record_of().id}',
                self.env._('"%(name)s" is in %(provider)s already', name=self.record_name, provider=provider),
                quoted,
                self.env._(
                    'Look at the one in %s: rename or remove it there if it is another one, then try again.',
                    provider,
                ),
                can_retry=True,
                **self._record_values(),
            )
        elif error.code == 'period_locked':
            # Locked since the lock date was last read: once it is known, the next pass names the next open date.
            self.env['fieldpromax.run']._start(connection, 'incremental', with_references=True)
            hold = Hold(
                'refused',
                f'refused:period:{connection.organization_lock_date or ""}',
                self.env._('The period is closed in %s', provider),
                quoted,
                self.env._(
                    'The lock date is being read from %(provider)s. Date the document after it, or open the period '
                    'there and try again; the date is never changed by itself.',
                    provider=provider,
                ),
                can_retry=True,
                **self._record_values(),
            )
        else:
            # The same words for several records are one cause.
            digest = hashlib.sha256(words.encode()).hexdigest()[:16]
            hold = Hold(
                'refused',
                f'refused:{self.kind}:{digest}',
                self.env._('Not accepted by %s', provider),
                quoted,
                self.env._('Correct the record here, or what it refers to in %s, then try again.', provider),
                can_retry=True,
                **self._record_values(),
            )
        self._block(hold)

    @api.model
    def _record_failure(self, connection, call, error):
        """The call as a whole went wrong: what that means for its members is decided by the class of the error."""
        call.write(
            {
                'http_status': error.http_status or 0,
                'request_id': error.request_id,
                'error': error.message[:500],
            }
        )
        connection._note_trouble(error)
        sending = call.exchange_ids.filtered(lambda exchange: exchange.state == 'sending')
        if error.maybe_applied or (
            isinstance(error, errors.Conflict) and error.code == 'idempotency_key_reused'
        ):
            sending._mark_uncertain(self._reason_of(connection, error))
        elif call.attempts > 1 and isinstance(error, REFUSED_AT_THE_DOOR):
            # It says nothing about the attempt before, which may have taken effect: the same call, or a look-up, again.
            reason = self._reason_of(connection, error)
            sending._mark_uncertain(reason)
            if isinstance(error, errors.RateLimited):
                pause = timedelta(seconds=error.retry_after) if error.retry_after else BACK_OFF[0]
                self._postpone(connection, pause, reason)
        elif isinstance(error, errors.RateLimited):
            pause = timedelta(seconds=error.retry_after) if error.retry_after else BACK_OFF[0]
            until, reason = fields.Datetime.now() + pause, self._reason_of(connection, error)
            for exchange in sending:
                exchange._reopen('retry', {'next_attempt_at': until, 'reason': reason})
            self._postpone(connection, pause, reason)
        elif isinstance(
            error, (errors.AuthError, errors.PermissionMissing, errors.ConnectionRefused, errors.HostRefused)
        ):
            for exchange in sending:
                exchange._reopen(
                    'queued',
                    {'next_attempt_at': fields.Datetime.now(), 'reason': self._reason_of(connection, error)},
                )
        elif isinstance(error, errors.TransportError):
            sending._retry_after(error)
        elif len(sending) > 1:
            # One bad member may have spoilt the call: each goes on its own next time.
            for exchange in sending:
                exchange._reopen('queued', {'alone': True, 'next_attempt_at': fields.Datetime.now()})
        else:
            sending._record_refusal(connection, error)

    @api.model
    def _reason_of(self, connection, error):
        """Why an attempt failed, in plain words, with the provider's own where it gave some."""
        provider = connection._provider_label()
        if isinstance(error, errors.RateLimited):
            if error.limit == 'reserve':
                return self.env._(
                    'Most calls that %s allows today are used. The rest is kept for what people send; reading goes on '
                    'when the limit is renewed.',
                    provider,
                )
            if error.code == 'paced':
                return self.env._(
                    '%s limits the calls of a minute, and these are used. It goes on within two minutes.',
                    provider,
                )
            if error.limit == 'day':
                return self.env._(
                    "%s's limit of calls for today is reached; it goes on when the limit is renewed.",
                    provider,
                )
            return self.env._('%s asks for a short break between calls.', provider)
        if isinstance(error, errors.HostRefused):
            return self.env._('This database may not talk to %s.', provider)
        if isinstance(error, errors.TransportError):
            return self.env._('%s could not be reached.', provider)
        if isinstance(error, errors.OutcomeUnknown):
            return self.env._('%s did not answer in time; what became of it is being looked up.', provider)
        if isinstance(error, errors.ProtocolError):
            return self.env._('The answer of %s was garbled; what became of it is being looked up.', provider)
        if isinstance(error, errors.ProviderUnavailable):
            return self.env._(
                '%(provider)s is not available right now: "%(words)s"', provider=provider, words=error.message
            )
        return self.env._('%(provider)s: "%(words)s"', provider=provider, words=error.message)

    def _mark_uncertain(self, reason):
        """The same call again soon, while the provider keeps its key; see :meth:`_drive_uncertain`."""
        for exchange in self:
            delay = BACK_OFF[0] if exchange.call_id.attempts > 1 else timedelta(seconds=5)
            exchange.write(
                {'state': 'uncertain', 'reason': reason, 'next_attempt_at': fields.Datetime.now() + delay}
            )

    def _look_up_later(self, error):
        until = fields.Datetime.now() + timedelta(seconds=error.retry_after or BACK_OFF[1].total_seconds())
        self.write({'next_attempt_at': until})

    def _record_look_up(self, connection, found):
        """Adopt what agrees; ask a person about what does not; send again what is not there.

        Records are told by their natural key. What the provider numbers itself carries our number where it kept it, and
        is otherwise told by what both sides say of it; of several alike none is taken unasked.
        """
        by_key = {}
        for remote in found:
            for key in look_up_keys(remote):
                by_key.setdefault(key, remote)
        left = self.browse()
        taken = set()
        for exchange in self:
            remote = by_key.get((exchange.expected.get('key') or '').casefold())
            if remote is None:
                left |= exchange
            else:
                taken.add(remote.external_id)
                exchange._record_success(connection, remote)
        links = self.env['fieldpromax.link']
        for exchange in left:
            alike = [
                remote
                for remote in found
                if remote.external_id not in taken and agrees(exchange.expected, remote)
            ]
            known = links.search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', exchange.kind),
                    ('external_id', 'in', [remote.external_id for remote in alike]),
                ]
            ).mapped('external_id')
            alike = [remote for remote in alike if remote.external_id not in known]
            if not alike:
                exchange._reopen(
                    'queued',
                    {
                        'next_attempt_at': fields.Datetime.now(),
                        'reason': self.env._('It was looked up and is not in the books: it is sent again.'),
                    },
                )
            elif len(alike) == 1:
                taken.add(alike[0].external_id)
                exchange._record_success(connection, alike[0])
            else:
                exchange._block(exchange._ambiguous_hold(connection, alike))

    def _ambiguous_hold(self, connection, alike):
        provider = connection._provider_label()
        return Hold(
            'ambiguous',
            f'ambiguous:{self.kind}:{self._record_of().id}',
            self.env._('It is not known whether "%(name)s" arrived', name=self.record_name),
            self.env._(
                'The answer of %(provider)s was lost, and %(count)s documents there look like it: %(numbers)s.',
                provider=provider,
                count=len(alike),
                numbers=', '.join(filter(None, (remote.number for remote in alike))),
            ),
            self.env._(
                'Look in %s whether one of them is this one. Delete it there if it is, then try again: it is sent '
                'anew.',
                provider,
            ),
            can_retry=True,
            **self._record_values(),
        )

    # === TRANSITIONS === #

    def _reopen(self, state, values):
        """Back among the open rows, unless a later edit made a newer row, which then goes instead."""
        self.ensure_one()
        column = self._record_columns().get(self.kind)
        if self.external_id:
            same = [('external_id', '=', self.external_id)]
        elif column:
            # Of a record that was deleted nothing newer can wait.
            same = [(column, '=', self[column].id)] if self[column] else [('id', '=', 0)]
        else:
            same = [('kind', '=', 'organization')]
        newer = self.search_count(
            [
                ('connection_id', '=', self.connection_id.id),
                ('id', '!=', self.id),
                ('role', '=', self.role),
                ('state', 'in', OPEN_STATES),
                *same,
            ],
            limit=1,
        )
        if newer:
            self._cancel(self.env._('A later change of the record goes instead.'))
        else:
            self.write({'state': state, **values})

    def _retry_after(self, error):
        for exchange in self:
            pause = BACK_OFF[min(exchange.attempts, len(BACK_OFF)) - 1] if exchange.attempts else BACK_OFF[0]
            if error.retry_after:
                pause = timedelta(seconds=error.retry_after)
            exchange._reopen(
                'retry',
                {
                    'next_attempt_at': fields.Datetime.now() + pause,
                    'reason': self._reason_of(exchange.connection_id, error),
                },
            )

    @api.model
    def _postpone(self, connection, pause, reason):
        """Nothing of this connection goes before the pause is over: calls made earlier would only fail again."""
        until = fields.Datetime.now() + pause
        self.search(
            [
                ('connection_id', '=', connection.id),
                ('state', 'in', ('queued', 'retry', 'uncertain')),
                ('next_attempt_at', '<', until),
            ]
        ).write({'next_attempt_at': until, 'reason': reason})

    def _block(self, hold):
        self.ensure_one()
        issue = self.env['fieldpromax.issue']._raise_for(self.connection_id, hold)
        self._reopen(
            'blocked',
            {
                'issue_id': issue.id,
                'reason': f'{hold.title}. {hold.reason} {hold.remedy}',
                'to_announce': True,
            },
        )

    def _finish(self, reason=''):
        self.write(
            {
                'state': 'done',
                'reason': reason,
                'issue_id': False,
                'next_attempt_at': False,
                'done_at': fields.Datetime.now(),
                'to_announce': self.kind in DOCUMENT_KINDS.values(),
            }
        )

    def _cancel(self, reason):
        self.write(
            {
                'state': 'cancelled',
                'reason': reason,
                'issue_id': False,
                'next_attempt_at': False,
                'done_at': fields.Datetime.now(),
            }
        )

    # === HELPERS === #

    def _record_of(self):
        """The customer, product or invoice; empty when it was deleted."""
        self.ensure_one()
        column = self._record_columns().get(self.kind)
        return self[column] if column else self.env['res.partner']

    def _shown_record(self):
        """The record at which people see what this is about; empty when it was deleted. A kind that keeps what it knows
        of the books itself is seen at its document."""
        return self._record_of()

    def _record_values(self):
        """``{field: id}`` of the record that people see, for an issue."""
        record = self._shown_record()
        columns = record_fields(self.env).values()
        return {
            column: record.id
            for column in columns
            if record and self._fields[column].comodel_name == record._name
        }

    @api.model
    def _announce(self, connection):
        """One line in the chatter per outcome. Only on documents: they have a company, so nobody else's reads it."""
        exchanges = self.search(
            [
                ('connection_id', '=', connection.id),
                ('to_announce', '=', True),
                ('move_id', '!=', False),
                ('state', 'in', ('done', 'blocked')),
            ],
            limit=1000,
        )
        if not exchanges:
            return
        provider = connection._provider_label()
        links = self.env['fieldpromax.link']._of(connection, exchanges.move_id)
        bodies = {}
        for exchange in exchanges:
            move = exchange.move_id
            if exchange.state == 'done':
                number = links[move.id].external_number if move.id in links else exchange.record_name
                body = self.env._('Sent to %(provider)s as %(number)s.', provider=provider, number=number)
            else:
                body = self.env._(
                    'Not sent to %(provider)s: %(reason)s', provider=provider, reason=exchange.reason
                )
            if exchange.announced != body:
                bodies[move.id] = exchange.announced = body
        self.env['account.move'].browse(bodies)._message_log_batch(bodies=bodies)
        exchanges.write({'to_announce': False})


def _numbers(number):
    """A contact number and those that may stand in for it, in their order."""
    return [number, *(f'{number}-{more}' for more in range(2, 20))] if number else []


class DecisionContext:
    """What the decisions of one claim need, read in a few queries for all of them."""

    def __init__(self, exchanges, connection, kind):
        self._connection = connection
        self._link = link = exchanges.env['fieldpromax.link']
        self._match = exchanges.env['fieldpromax.match']
        self._kind = kind
        records = exchanges[exchanges._record_columns()[kind]]
        self.capabilities = connection._capabilities()
        self.provider = connection._deciding_provider()
        self.resolver = (
            exchanges.env['fieldpromax.mapping']._resolver(connection) if kind != 'contact' else None
        )
        self._contacts = self._records = records
        self.item_links = {}
        self._merging = None
        self._links, self._verdicts, self._contact_links = {}, {}, {}
        self._left_behind = None
        self.links = self.links_of('') if kind in record_fields(exchanges.env) else {}
        if kind in DOCUMENT_KINDS.values():
            self._contacts = records.commercial_partner_id
            self.item_links = link._of(connection, records.invoice_line_ids.product_id)

    @property
    def merging(self):
        """What comparing linked customers or products needs."""
        if self._merging is None:
            self._merging = MergeContext(self._connection, self._kind)
        return self._merging

    def values_sent(self, record, role):
        """What of the fields kept in step goes over with a record that is made; None for other kinds."""
        if self._kind not in three_way.FIELDS:
            return None
        values = record._fieldpromax_values(self._connection, role=role)
        return {name: values[name] for name in self.merging.fields}

    def with_free_number(self, contact):
        """``contact`` (a DTO) with a number that no counterpart bears which was left behind: the books would take the
        two for one. Read once for all of them."""
        if self._left_behind is None:
            numbers = [record._fieldpromax_number(self._connection) for record in self._records]
            self._left_behind = set(
                self._link.search(
                    [
                        ('connection_id', '=', self._connection.id),
                        ('kind', '=', 'contact'),
                        ('partner_id', '=', False),
                        ('external_number', 'in', [one for number in numbers for one in _numbers(number)]),
                    ]
                ).mapped('external_number')
            )
        number = next(
            (one for one in _numbers(contact.number) if one not in self._left_behind), contact.number
        )
        return replace(contact, number=number)

    def links_of(self, role):
        """Links of the records themselves, in that role: ``{record id: link}``."""
        if role not in self._links:
            self._links[role] = self._link._of(self._connection, self._records, role)
        return self._links[role]

    def contact_links_of(self, role):
        """Links of the customers of the documents."""
        if role not in self._contact_links:
            self._contact_links[role] = self._link._of(self._connection, self._contacts, role)
        return self._contact_links[role]

    def verdicts_of(self, role):
        """May records without a link be made in the books? See ``fieldpromax.match._decide_local``."""
        if role not in self._verdicts:
            known = self.links_of(role)
            unlinked = self._records.filtered(lambda record: record.id not in known)
            more = {'role': role} if role else {}
            self._verdicts[role] = self._match._decide_local(self._connection, self._kind, unlinked, **more)
        return self._verdicts[role]
