import logging
import time
from dataclasses import replace
from datetime import timedelta
from time import monotonic

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL
from odoo.tools.misc import format_date, format_time

from ..providers import errors
from .fieldpromax_connection import PULL_MINUTES

_logger = logging.getLogger(__name__)

PAGE_SIZE = 1000
# How many pairs are linked in one transaction at the end of a pass.
SETTLE_SIZE = 1000
# How many records that a pass over everything did not come across are asked for at once.
UNSEEN_SIZE = 200
# A cron run ends well within Odoo's limit_time_real (120 s by default): one more page may take up to the read
# time-out.
RUN_SECONDS = 40.0
# The push driver holds the lock meanwhile, and its own time is limited too.
CHANGES_SECONDS = 30.0
# How long the pull waits for a push call to end before it gives up and triggers itself again.
LOCK_WAIT = 10.0
# The consent has read the organization: a first import that begins so soon after it need not ask again.
JUST_CONNECTED = timedelta(minutes=10)
# The push polls for the lock every 0.05 s: left alone this long, it gets it.
PUSH_PAUSE = 0.2
# What was read so recently, as a part of the time between two polls, is not due yet.
NOT_DUE = 5 / 6
# Not every change at the provider moves the time of change, so everything is read anew now and then.
FULL_EVERY = timedelta(days=7)
REFERENCES_EVERY = timedelta(days=1)
BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
EMPTY_KEPT_FOR = timedelta(days=7)
# Of old runs: Odoo's vacuum comes back for the rest.
RUNS_AT_ONCE = 1000
OPEN_STATES = ('waiting', 'running', 'paused')
# Of the overall progress: each kind of record counts as much as this many lists of accounts and taxes.
REFERENCE_SHARES = 5
# From this hour on a time of today is "tonight".
EVENING = 18


class FieldpromaxRun(models.Model):
    """One sync run of a connection: what is read from the books, how far it is, and what came of it.

    Progress stands here and in the lines, never on the connection: push and pull would collide there.
    """

    _name = 'fieldpromax.run'
    _description = 'Sync run'
    _rec_name = 'kind'
    _order = 'id desc'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    kind = fields.Selection(
        [('initial', 'First import'), ('incremental', 'Changes'), ('full', 'Everything anew')],
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [
            ('waiting', 'Waiting'),
            ('running', 'Running'),
            ('paused', 'Paused'),
            ('done', 'Done'),
            ('failed', 'Needs attention'),
        ],
        required=True,
        default='waiting',
        readonly=True,
    )
    reason = fields.Char(readonly=True, help='Why it waits, was paused or failed.')
    started_at = fields.Datetime('Started', readonly=True)
    ended_at = fields.Datetime('Ended', readonly=True)
    scheduled_at = fields.Datetime('Put off until', readonly=True, help='A person chose this time.')
    is_held = fields.Boolean(
        'Paused by a person',
        readonly=True,
        help='It stays paused until somebody resumes it, whatever happens.',
    )
    held_by_id = fields.Many2one('res.users', 'Paused by', readonly=True, ondelete='set null')
    next_attempt_at = fields.Datetime('Goes on at', readonly=True)
    attempts = fields.Integer('Failed attempts in a row', readonly=True)
    calls = fields.Integer('Pages and lists read', compute='_compute_calls')
    line_ids = fields.One2many('fieldpromax.run.line', 'run_id', readonly=True)
    progress = fields.Integer('Percent', compute='_compute_progress')
    summary = fields.Char(compute='_compute_summary')
    status_text = fields.Char(compute='_compute_status_text', help='Where it stands and what comes next.')

    # One at a time: who wants another while one is open joins it.
    _open_unique = models.UniqueIndex("(connection_id) WHERE state IN ('waiting', 'running', 'paused')")

    # === COMPUTE METHODS === #

    @api.depends('kind', 'connection_id.organization_name')
    def _compute_display_name(self):
        kinds = dict(self._fields['kind']._description_selection(self.env))
        for run in self:
            run.display_name = self.env._(
                '%(kind)s: %(organization)s',
                kind=kinds.get(run.kind, ''),
                organization=run.connection_id.organization_name or '',
            )

    @api.depends('line_ids.calls')
    def _compute_calls(self):
        # Counted on the lines: taking in a page may take seconds, and a person who pauses the run meanwhile writes it.
        for run in self:
            run.calls = sum(run.line_ids.mapped('calls'))

    @api.depends('state', 'line_ids.progress')
    def _compute_progress(self):
        """Every kind has its share, whatever its number: a bar must not go back when the next kind tells its own."""
        for run in self:
            shares = [(line, 1 if line.kind == 'reference' else REFERENCE_SHARES) for line in run.line_ids]
            whole = sum(share for _line, share in shares)
            done = sum(share * line.progress for line, share in shares)
            run.progress = 100 if run.state == 'done' else done // whole if whole else 0

    @api.depends(
        'state', *(f'line_ids.{name}' for name in ('created', 'linked', 'review', 'updated', 'skipped'))
    )
    def _compute_summary(self):
        for run in self:
            sentences = [line.summary for line in run.line_ids if line.summary]
            if not sentences and run.state == 'done':
                sentences = [self.env._('Nothing new.')]
            run.summary = ' '.join(sentences)

    @api.depends_context('tz', 'lang', 'uid')
    @api.depends(
        'kind', 'state', 'reason', 'is_held', 'held_by_id', 'scheduled_at', 'next_attempt_at', 'started_at'
    )
    def _compute_status_text(self):
        for run in self:
            if run.state in OPEN_STATES and not (run.state == 'paused' and run.reason):
                run.status_text = run._hold_text() or run._wait_text() or run.reason
            else:
                run.status_text = run.reason

    def _hold_text(self):
        """What a person decided about this run, as a sentence; '' when nobody did."""
        self.ensure_one()
        if self.is_held:
            person = self.held_by_id.sudo().name
            if person:
                return self.env._('%s paused it. What was read is kept; Resume goes on from there.', person)
            return self.env._('It is paused. What was read is kept; Resume goes on from there.')
        if not self._is_put_off():
            return ''
        values = {'time': self._when(self.scheduled_at)}
        if self.started_at:
            return self.env._('Goes on %(time)s.', **values)
        return self.env._('Starts %(time)s.', **values)

    def _wait_text(self):
        self.ensure_one()
        if self.state != 'waiting' or not self.reason or not self.next_attempt_at:
            return ''
        return self.env._(
            '%(reason)s It goes on %(time)s.', reason=self.reason, time=self._when(self.next_attempt_at)
        )

    def _when(self, at):
        """A time as a person says it, in that person's time zone: "tonight at 22:00"."""
        local, today = (
            fields.Datetime.context_timestamp(self, value) for value in (at, fields.Datetime.now())
        )
        values = {'time': format_time(self.env, at, tz=str(self.env.tz), time_format='short')}
        days = (local.date() - today.date()).days
        if days == 0:
            return (
                self.env._('tonight at %(time)s', **values)
                if local.hour >= EVENING
                else self.env._('at %(time)s', **values)
            )
        if days == 1:
            return self.env._('tomorrow at %(time)s', **values)
        return self.env._('on %(date)s at %(time)s', date=format_date(self.env, local.date()), **values)

    # === ACTIONS === #

    def action_pause(self):
        """Stop after the page that is under way, and stay so until somebody resumes it."""
        runs = self._to_decide()
        runs.write(
            {
                'is_held': True,
                'held_by_id': self.env.user.id,
                'state': 'paused',
                'reason': False,
                'scheduled_at': False,
                'next_attempt_at': False,
            }
        )
        return True

    def action_resume(self):
        """Go on, or begin, now: after a pause, and instead of the time that was chosen."""
        runs = self._to_decide()
        runs.write(
            {
                'is_held': False,
                'held_by_id': False,
                'state': 'waiting',
                'reason': False,
                'scheduled_at': False,
                'next_attempt_at': False,
            }
        )
        runs.connection_id._trigger_pull()
        return True

    def action_put_off(self):
        """Ask for a time, tonight as a rule."""
        self._to_decide()
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Put off'),
            'res_model': 'fieldpromax.run.schedule',
            'view_mode': 'form',
            'target': 'new',
            'context': {'default_run_id': self.id},
        }

    def action_open_form(self):
        """The run's own page."""
        self.ensure_one()
        self.check_access('read')
        return {
            'type': 'ir.actions.act_window',
            'res_model': self._name,
            'res_id': self.id,
            'view_mode': 'form',
            'views': [(False, 'form')],
        }

    def _put_off(self, at):
        """Read nothing more before ``at`` (UTC, without zone)."""
        runs = self._to_decide()
        if at <= fields.Datetime.now():
            raise UserError(self.env._('Choose a time that is still to come, or Start now.'))
        runs.write(
            {
                'is_held': False,
                'held_by_id': False,
                'state': 'waiting',
                'reason': False,
                'scheduled_at': at,
                'next_attempt_at': False,
            }
        )
        runs.connection_id._trigger_pull(at=at)

    def _to_decide(self):
        """The runs, as superuser, once the person may decide about them."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can pause, resume or put off a run.'))
        self.check_access('read')
        runs = self.sudo()
        if any(run.state not in OPEN_STATES for run in runs):
            raise UserError(self.env._('This run has ended meanwhile. Reload the page.'))
        return runs

    def _is_put_off(self):
        return bool(self.scheduled_at and self.scheduled_at > fields.Datetime.now())

    def _is_on_hold(self):
        """Did a person decide that nothing is read now? False for no run."""
        return self.is_held or self._is_put_off()

    # === STARTING === #

    @api.model
    def _start_initial(self, connection):
        """Have the first import begin, or go on; the caller triggers the pull cron. A completed one is not
        repeated.

        :return: the open run, empty when nothing is to be done.
        """
        if self.sudo().search_count(
            [('connection_id', '=', connection.id), ('kind', '=', 'initial'), ('state', '=', 'done')], limit=1
        ):
            return self.browse()
        return self._start(connection, 'initial')

    @api.model
    def _start(self, connection, kind, with_references=False):
        """The open run of the connection, made when there is none, ready to go at once; wakes the pull
        cron."""
        run = self._open_run(connection) or self._new(connection, kind)
        if with_references:
            reference_line = run.line_ids.filtered(lambda line: line.kind == 'reference')
            if reference_line:
                reference_line.state = 'waiting'
            else:
                self.env['fieldpromax.run.line'].sudo().create({'run_id': run.id, 'kind': 'reference'})
        if run.state == 'waiting' and run.next_attempt_at:
            run.next_attempt_at = False
        connection._trigger_pull()
        return run

    @api.model
    def _start_anew(self, connection):
        """A run that reads everything, whatever was read before; the open one becomes it."""
        run = self._open_run(connection)
        if not run:
            return self._start(connection, 'full' if self._was_read(connection) else 'initial')
        if run.kind == 'incremental':
            run.kind = 'full'
        there = set(run.line_ids.mapped('kind'))
        run.write(
            {
                'started_at': False,
                'line_ids': [(0, 0, {'kind': kind}) for kind in self._kinds(connection) if kind not in there],
            }
        )
        run.line_ids.state = 'waiting'
        return self._start(connection, run.kind)

    @api.model
    def _open_run(self, connection):
        return self.sudo().search(
            [('connection_id', '=', connection.id), ('state', 'in', OPEN_STATES)], limit=1
        )

    @api.model
    def _new(self, connection, kind):
        kinds = self._kinds(connection)
        if kind == 'incremental':
            kinds = self._due_kinds(connection)
        return self.sudo().create(
            {
                'connection_id': connection.id,
                'kind': kind,
                'line_ids': [(0, 0, {'kind': line_kind}) for line_kind in kinds],
            }
        )

    @api.model
    def _kinds(self, connection):
        """What a run of this connection reads, in its order: accounts and taxes first, because invoices need them,
        then customers, then products. Another addon appends its own, where the provider has the capability.

        Each kind but ``reference`` is one that ``pull_page`` of the provider knows; see :meth:`_take_records` and
        :meth:`_settle_records` for what a kind of another addon has to bring along.
        """
        return ('reference', 'contact', 'item')

    @api.model
    def _pulled_kinds(self, connection):
        """The kinds that are read page by page."""
        return tuple(kind for kind in self._kinds(connection) if kind != 'reference')

    @api.model
    def _due_kinds(self, connection):
        """What a run begun now looks for changes of: everything; if it was a webhook that rang, what rang, and what was
        not read for as long as the polls are apart."""
        checkpoints = self.env['fieldpromax.checkpoint'].sudo()
        kinds = self._pulled_kinds(connection)
        rung = self.env['fieldpromax.doorbell']._kinds(connection) & set(kinds)
        limit = fields.Datetime.now() - connection._pull_every() * NOT_DUE

        def is_due(kind):
            pulled_at = checkpoints._of(connection, kind).pulled_at
            return kind in rung or not pulled_at or pulled_at < limit

        due = {kind for kind in kinds if not rung or is_due(kind)}
        if self._references_are_due(connection):
            due.add('reference')
        return tuple(kind for kind in self._kinds(connection) if kind in due)

    @api.model
    def _is_due(self, connection):
        """Is there anything to read now? The cron of all connections runs as often as the most frequent choice."""
        if (
            connection._pull_every() <= timedelta(minutes=PULL_MINUTES)
            or self._next_kind(connection) == 'initial'
        ):
            return True
        kinds = self._pulled_kinds(connection)
        if self.env['fieldpromax.doorbell']._kinds(connection) & set(kinds):
            return True
        limit = fields.Datetime.now() - connection._pull_every() * NOT_DUE
        checkpoints = [self.env['fieldpromax.checkpoint']._of(connection, kind) for kind in kinds]
        return any(one.phase != 'idle' or not one.pulled_at or one.pulled_at < limit for one in checkpoints)

    @api.model
    def _references_are_due(self, connection):
        read_at = self.env['fieldpromax.checkpoint'].sudo()._of(connection, 'reference').full_at
        return not read_at or read_at < fields.Datetime.now() - REFERENCES_EVERY

    @api.model
    def _was_read(self, connection):
        """Is the first import done?"""
        return bool(
            self.sudo().search_count(
                [('connection_id', '=', connection.id), ('kind', '=', 'initial'), ('state', '=', 'done')],
                limit=1,
            )
        )

    @api.model
    def _next_kind(self, connection):
        """What a run begun now has to be."""
        if not self._was_read(connection):
            return 'initial'
        checkpoints = self.env['fieldpromax.checkpoint']
        read_at = [checkpoints._of(connection, kind).full_at for kind in self._pulled_kinds(connection)]
        # A kind that came with another addon since has no checkpoint: it is read in full anyway, alone.
        if any(at and at < fields.Datetime.now() - FULL_EVERY for at in read_at):
            return 'full'
        return 'incremental'

    @api.model
    def _is_known(self, connection, kind):
        """Has everything of this kind been read once, so that what is not known here is not in the books?"""
        return bool(
            self.env['fieldpromax.checkpoint']
            .sudo()
            .search_count(
                [('connection_id', '=', connection.id), ('kind', '=', kind), ('full_at', '!=', False)],
                limit=1,
            )
        )

    @api.model
    def _first_import_text(self, connection):
        """Why what is new in Odoo does not go over yet."""
        run = self._open_run(connection)
        if run.is_held:
            return self.env._('Waits for the first import, which is paused, so that nothing is made twice.')
        if run._is_put_off():
            return self.env._('Waits for the first import, which is put off, so that nothing is made twice.')
        return self.env._('Waits for the first import, so that nothing is made twice.')

    # === THE DRIVER === #
    # Commits happen in exchange._drive_step alone, called here: each page is one transaction with its
    # checkpoint, so that a kill loses one page at most and repeats nothing.

    @api.model
    def _drive(self, connection):
        """Read page by page until done or the time of a cron run is used up; called by the connection's pull
        cron."""
        step = self.env['fieldpromax.exchange']._drive_step
        deadline = monotonic() + RUN_SECONDS
        run = self.browse()
        step(connection.invalidate_recordset)  # no transaction stays open while waiting for the lock
        while True:
            with connection._exclusive(wait=LOCK_WAIT) as held:
                if held and not run:
                    run = step(self._resume, connection)
                more, push_waits = self._drive_guarded(connection, run) if held and run else (False, False)
            if held and not more:
                return
            if not held or monotonic() > deadline or connection._was_slow():
                # Yield by a trigger, with nothing reported as remaining: Odoo would otherwise keep a cron
                # thread busy.
                step(connection._go_on, connection.pull_cron_id)
                return
            if push_waits:
                time.sleep(PUSH_PAUSE)

    @api.model
    def _drive_guarded(self, connection, run):
        """:meth:`_drive_one`, with whatever goes wrong written down where a person sees it: then it is over for now."""
        step = self.env['fieldpromax.exchange']._drive_step
        try:
            return self._drive_one(connection, run)
        except errors.ProviderError as error:
            self.env.cr.rollback()
            _logger.info('Pull of accounting connection %s stopped: %s', connection.id, type(error).__name__)
            step(run._note_failure, connection, error)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            # Other people's edits got in between again and again: the same page once more, a little later.
            self.env.cr.rollback()
            step(run._note_delay, connection, self.env._('Others were editing the same records.'))
        except Exception:
            # One broken connection must not switch its cron off: the reason is shown, and it is tried again.
            self.env.cr.rollback()
            _logger.exception('Pull of accounting connection %s failed', connection.id)
            step(
                run._note_delay,
                connection,
                self.env._('Something unexpected went wrong; an administrator finds it in the server log.'),
            )
        return False, False

    @api.model
    def _resume(self, connection):
        """The run to work on now, empty when there is none: silenced, or waiting for a time."""
        connection.invalidate_recordset()
        run = self._open_run(connection)
        reason = connection._silence_reason()
        if reason:
            if run and (run.state, run.reason) != ('paused', reason):
                run.write({'state': 'paused', 'reason': reason})
            return self.browse()
        if run.is_held:
            if run.state != 'paused' or run.reason:
                run.write({'state': 'paused', 'reason': False})
            return self.browse()
        now = fields.Datetime.now()
        at = run.scheduled_at or (run.state == 'waiting' and run.next_attempt_at)
        if at and at > now:
            if run.state != 'waiting':
                run.write({'state': 'waiting', 'reason': False})
            # Woken early: come back at the time, which a trigger used up meanwhile may no longer announce.
            connection._trigger_pull(at=at)
            return self.browse()
        if not run and not self._is_due(connection):
            return run
        run = run or self._new(connection, self._next_kind(connection))
        if (
            run.state != 'running'
            or run.reason
            or run.next_attempt_at
            or run.scheduled_at
            or not run.started_at
        ):
            # Only then: the push driver, which holds the lock now, may be counting its pages in the same row.
            run.write(
                {
                    'state': 'running',
                    'reason': False,
                    'next_attempt_at': False,
                    'scheduled_at': False,
                    'started_at': run.started_at or now,
                }
            )
        return run

    @api.model
    def _drive_one(self, connection, run):
        """One page of what is to be read next. We hold the connection's lock.

        :return: ``(more, push_waits)``: whether something is left to do, and whether somebody waits for the lock.
        """
        step = self.env['fieldpromax.exchange']._drive_step
        line = step(self._pick, connection, run)
        if not line:
            return False, False
        if line.kind == 'reference':
            self._drive_references(connection, line)
        else:
            full_before = run.started_at if run.kind != 'incremental' else None
            self._drive_page(connection, line.kind, line, full_before)
        return step(run._look_around, connection)

    @api.model
    def _pick(self, connection, run):
        """The line to work on; a fresh look, because the push driver or a person may have changed things."""
        self.env.invalidate_all()
        if connection._silence_reason() or run.state != 'running':
            return self.env['fieldpromax.run.line']
        place = {kind: index for index, kind in enumerate(self._kinds(connection))}
        # What an addon that was removed left behind comes to its end without being read.
        run.line_ids.filtered(lambda line: line.state != 'done' and line.kind not in place).state = 'done'
        line = run.line_ids.filtered(lambda line: line.state != 'done')
        line = line.sorted(lambda line: (place[line.kind], line.id))[:1]
        if line.state == 'waiting':
            line.state = 'running'
        return line

    def _look_around(self, connection):
        return self._look_on(connection), self._push_waits(connection)

    def _look_on(self, connection):
        """Is there more to do? Otherwise the run is closed."""
        self.ensure_one()
        if self.attempts:
            self.attempts = 0
        if connection._silence_reason():
            self.write({'state': 'paused', 'reason': connection._silence_reason()})
            return False
        if any(line.state != 'done' for line in self.line_ids):
            return True
        self.write(
            {
                'state': 'done',
                'ended_at': fields.Datetime.now(),
                'reason': False,
                'is_held': False,
                'held_by_id': False,
                'scheduled_at': False,
            }
        )
        connection._end_rereading()
        # One of the products just read may stand for invoice lines without product.
        self.env['fieldpromax.mapping']._look_for_items(connection)
        # What waited for the first import, for a match or for a mapping can go now.
        if self.kind == 'initial':
            self.env['fieldpromax.exchange']._end_wait(connection)
        connection._trigger_push()
        if self.env['fieldpromax.doorbell']._kinds(connection) & set(self._pulled_kinds(connection)):
            # It rang for what had been read already: once more.
            connection._trigger_pull()
        return False

    @api.model
    def _drive_references(self, connection, line):
        """Organization, accounts, tax rates, payment terms and categories: not paged."""
        organization = None
        if line.run_id.kind != 'initial' or fields.Datetime.now() - connection.connected_at > JUST_CONNECTED:
            organization = connection._talk(lambda provider: provider.get_organization())
        accounts = connection._talk(lambda provider: provider.list_accounts())
        rates = connection._talk(lambda provider: provider.list_tax_rates())
        terms = connection._talk(lambda provider: provider.list_terms())
        categories = connection._talk(lambda provider: provider.list_categories())
        lists = (accounts, rates, terms, categories)
        self.env['fieldpromax.exchange']._drive_step(
            self._take_references, connection, line, organization, lists, processed=1
        )
        # Afterwards: nothing that the sync needs waits for the names of vendors and employees.
        self.env['fieldpromax.radar']._drive_names(connection)

    @api.model
    def _take_references(self, connection, line, organization, lists):
        """:param lists: accounts, tax rates, payment terms and categories (DTOs)."""
        self.env.invalidate_all()
        if connection._silence_reason():
            return
        if organization:
            connection._take_organization(organization)
        count = self.env['fieldpromax.reference']._store(connection, *lists)
        self.env['fieldpromax.mapping']._prepare(connection)
        checkpoint = self.env['fieldpromax.checkpoint']._of(connection, 'reference')
        checkpoint.write({'full_at': fields.Datetime.now(), 'pulled_at': fields.Datetime.now()})
        line._count({}, read=count, total=count)
        line.calls += len(lists) + bool(organization)
        line.state = 'done'
        connection._trigger_push()

    @api.model
    def _drive_page(self, connection, kind, line, full_before=None):
        """One page, or one round of linking what turned out unique. No transaction is open while the provider
        is asked.

        :param full_before: read everything, unless that was done after this time.
        :return: whether the pass is complete.
        """
        step = self.env['fieldpromax.exchange']._drive_step
        waiting, merges, (phase, cursor, since, begins) = step(
            self._look_at_page, connection, kind, full_before
        )
        if waiting:
            names = waiting.mapped('external_name')
            found = connection._talk(lambda provider: provider.find_records('contact', names))
            step(self.env['fieldpromax.match']._take_look_up, connection, waiting, found)
        if phase == 'settling':
            return step(self._settle, connection, kind, line)
        if phase == 'checking':
            self._drive_check(connection, kind, line)
            return False
        try:
            if merges:
                self._drive_merges(connection, kind, line, merges)
            is_read = self._drive_changes(connection, kind, line, since) if begins and since else None
            if is_read is None:
                page = connection._talk(
                    lambda provider: provider.pull_page(kind, cursor=cursor, since=since, page_size=PAGE_SIZE)
                )
                is_read = step(
                    self._take_page,
                    connection,
                    kind,
                    line,
                    page,
                    (cursor, since),
                    processed=len(page.records),
                )
        except ValueError:
            # A position that an older version of the provider wrote, and this one cannot read: everything
            # anew.
            _logger.warning(
                'Pull of accounting connection %s begins anew: its checkpoint is unreadable', connection.id
            )
            step(self._restart, connection, kind)
            return False
        return is_read and step(self._settle, connection, kind, line)

    @api.model
    def _look_at_page(self, connection, kind, full_before):
        """``(rows whose customers are to be looked up, merges that rang, position)``, before the next page."""
        match = self.env['fieldpromax.match']
        waiting = match._to_look_up(connection) if kind == 'contact' else match
        position = self._position(connection, kind, full_before)
        begins = position[-1]
        return waiting, self.env['fieldpromax.doorbell']._merges(connection, kind) if begins else {}, position

    @api.model
    def _position(self, connection, kind, full_before):
        """``(phase, cursor, since, begins)``: where the pass is, and whether its first page is still to be read."""
        checkpoint = self.env['fieldpromax.checkpoint']._of(connection, kind)
        full = full_before and (not checkpoint.full_at or checkpoint.full_at < full_before)
        begins = checkpoint.phase == 'idle' or (checkpoint.phase == 'reading' and not checkpoint.cursor)
        if begins:
            # The first page is still to be read: it will have what rang so far. What rings later rings anew.
            self.env['fieldpromax.doorbell']._answer(connection, kind)
        checkpoint._begin(full=full)
        return checkpoint.phase, checkpoint.cursor or '', checkpoint.pass_since or '', begins

    @api.model
    def _drive_changes(self, connection, kind, line, since):
        """Ask once for what changed of this kind and of all others that the run is to read from where they are, where
        the provider has a call for that. Each kind is stored with its checkpoint; what the provider left out, or what
        is lost when the process ends here, is read by itself.

        :return: whether this kind is read now; None when it was not among it.
        """
        step = self.env['fieldpromax.exchange']._drive_step
        wanted = {kind: since, **step(self._wanted_too, connection, kind, line)}
        pages = connection._talk(lambda provider: provider.pull_changes(wanted))
        read = {
            one: step(
                self._take_changes, connection, one, line, page, wanted[one], processed=len(page.records)
            )
            for one, page in pages.items()
        }
        return read.get(kind)

    @api.model
    def _wanted_too(self, connection, kind, line):
        """``{kind: since}`` of the other kinds of an incremental run that no pass is under way for."""
        self.env.invalidate_all()
        wanted = {}
        if line.run_id.kind == 'incremental':
            pulled = set(self._pulled_kinds(connection)) - {kind}
            for other in line.run_id.line_ids.filtered(
                lambda line: line.state != 'done' and line.kind in pulled
            ):
                checkpoint = self.env['fieldpromax.checkpoint']._of(connection, other.kind)
                if checkpoint.phase == 'idle' and checkpoint.since:
                    # As with a pass of its own: what rang so far is seen by it.
                    self.env['fieldpromax.doorbell']._answer(connection, other.kind)
                    wanted[other.kind] = checkpoint.since
        return wanted

    @api.model
    def _take_changes(self, connection, kind, line, page, since):
        """Store the changes of a kind, which came together with those of others."""
        self.env['fieldpromax.checkpoint']._of(connection, kind)._begin()
        own_line = line.run_id.line_ids.filtered(lambda one: one.kind == kind and one.state != 'done')[:1]
        if own_line.state == 'waiting':
            own_line.state = 'running'
        return self._take_page(connection, kind, own_line, page, ('', since))

    @api.model
    def _drive_merges(self, connection, kind, line, merges):
        """Look into the merges that webhooks told of, before what is left of them comes as gone."""
        asked = list({*merges, *merges.values()})
        page = connection._talk(lambda provider: provider.get_records(kind, asked))
        self.env['fieldpromax.exchange']._drive_step(self._take_merges, connection, kind, line, merges, page)

    @api.model
    def _take_merges(self, connection, kind, line, merges, page):
        """Only what the books confirm: the one is gone, and the other is there."""
        self.env.invalidate_all()
        if connection._silence_reason():
            return
        there = {record.external_id for record in page.records if record.active}

        def survivor_of(loser):
            seen = set()
            while loser in merges and loser not in seen:
                seen.add(loser)
                loser = merges[loser]
            return loser

        confirmed = {
            loser: survivor
            for loser, survivor in merges.items()
            if loser not in there and survivor_of(loser) in there
        }
        self.env['fieldpromax.link']._note_merged(connection, kind, confirmed)
        gone = tuple(external_id for external_id in page.gone if external_id not in confirmed)
        self._take_records(connection, kind, replace(page, gone=gone), line)
        self.env['fieldpromax.doorbell']._answer_merges(connection, kind, merges)

    @api.model
    def _drive_check(self, connection, kind, line):
        """Ask for linked records that a pass over everything did not come across: archived or deleted ones."""
        step = self.env['fieldpromax.exchange']._drive_step
        unseen = step(self._unseen, connection, kind)
        if unseen:
            page = connection._talk(lambda provider: provider.get_records(kind, unseen))
            step(self._take_unseen, connection, kind, line, unseen, page)

    @api.model
    def _unseen(self, connection, kind):
        """A batch of them; without any the pass goes on."""
        self.env.invalidate_all()
        checkpoint = self.env['fieldpromax.checkpoint']._of(connection, kind)
        unseen = self.env['fieldpromax.link']._unseen(
            connection, kind, checkpoint.pass_started_at, UNSEEN_SIZE
        )
        if not unseen:
            checkpoint.phase = 'settling'
        return unseen

    @api.model
    def _take_unseen(self, connection, kind, line, unseen, page):
        self.env.invalidate_all()
        if connection._silence_reason():
            return
        counts, notes = self._take_records(connection, kind, page, line)
        self.env['fieldpromax.link']._note_seen(connection, kind, unseen)
        if line:
            line._count(counts, read=0, notes=notes)
            line.calls += 1

    @api.model
    def _restart(self, connection, kind):
        self.env['fieldpromax.checkpoint']._of(connection, kind).write(
            {'phase': 'idle', 'cursor': False, 'pass_since': False, 'since': False}
        )

    @api.model
    def _take_page(self, connection, kind, line, page, position):
        """Store a page together with its checkpoint.

        :return: whether all is read, and what came together is to be settled.
        """
        self.env.invalidate_all()
        checkpoint = self.env['fieldpromax.checkpoint']._of(connection, kind)
        if connection._silence_reason() or position != (checkpoint.cursor or '', checkpoint.pass_since or ''):
            return False  # disconnected while it was on its way
        counts, notes = self._take_records(connection, kind, page, line)
        if not checkpoint.pass_since:
            ids = [record.external_id for record in page.records]
            ids += [external_id for external_id, _reason in page.unreadable if external_id]
            self.env['fieldpromax.link']._note_seen(connection, kind, ids, checkpoint.pass_started_at)
        counts['skipped'] += len(page.unreadable)
        notes += [self._unreadable_note(*unreadable) for unreadable in page.unreadable]
        checkpoint._advance(page)
        if line:
            line._count(counts, read=len(page.records) + len(page.unreadable), total=page.total, notes=notes)
            line.calls += 1
        is_read = checkpoint.phase == 'settling'
        # Memory is bounded by the page: nothing of it stays in the cache.
        self.env.flush_all()
        self.env.invalidate_all(flush=False)
        return is_read

    @api.model
    def _take_records(self, connection, kind, page, line):
        """Store the records of a page; its checkpoint is written in the same transaction. Another addon overrides
        this for a kind of its own.

        :param page: ``dto.Page``
        :param line: ``fieldpromax.run.line`` that counts it; empty when the push driver reads on its own account.
        :return: ``(counts, notes)``: a Counter over ``linked``, ``created``, ``review``, ``updated`` and ``skipped``,
            and sentences about what could not be taken over.
        """
        # First, so that nobody is made anew whose counterpart took the place of another.
        self.env['fieldpromax.link']._note_signals(connection, kind, page.records, page.gone)
        # Kept with the links, so that what a run made can be found afterwards.
        match = self.env['fieldpromax.match'].with_context(fieldpromax_run_id=line.run_id.id)
        taken_in = match._take_in(connection, kind, page.records)
        match.env['fieldpromax.link']._merge_pending(connection)
        return taken_in

    @api.model
    def _settle_records(self, connection, kind, line, started_at):
        """What is left to do once the pass over a kind is read, one bounded step at a time. Another addon overrides
        this for a kind of its own.

        Customers and products: link what proved unique on both sides, look anew at what waits for review; put
        sub-customers below a parent that came after them.

        :param started_at: when the pass began.
        :return: whether nothing is left.
        """
        match = self.env['fieldpromax.match'].with_context(fieldpromax_run_id=line.run_id.id)
        if match._look_anew(connection, kind, started_at, SETTLE_SIZE):
            return False
        counts, more = match._settle(connection, kind, SETTLE_SIZE)
        if line and (settled := sum(counts.values())):
            line._count({**counts, 'review': -min(settled, line.review)})
        if match.env['fieldpromax.link']._merge_pending(connection) or more:
            return False
        return kind != 'contact' or not self.env['fieldpromax.link']._attach_to_parents(
            connection, SETTLE_SIZE
        )

    @api.model
    def _unreadable_note(self, external_id, reason):
        return self.env._(
            'A record (%(external_id)s) could not be read: %(reason)s.',
            external_id=external_id or '?',
            reason=reason,
        )

    @api.model
    def _settle(self, connection, kind, line):
        """The pass is read; what it needs to end well is done step by step.

        :return: whether the pass is complete.
        """
        self.env.invalidate_all()
        checkpoint = self.env['fieldpromax.checkpoint']._of(connection, kind)
        if not self._settle_records(connection, kind, line, checkpoint.pass_started_at):
            return False
        checkpoint._end()
        if line:
            line.state = 'done'
        return True

    @api.model
    def _pull_changes(self, connection, kind, anew=False):
        """Bring one kind up to date for the push driver, which holds the connection's lock; commits page by
        page.

        Does nothing when everything that waits to be sent was queued before the last pass began. A first import that
        a person paused or put off is not begun behind that person's back.

        :param anew: however fresh the last pass is.
        :return: whether the kind is up to date; False when the time is used up, or a pass is still
            incomplete.
        :raise ProviderError: as the driver that called handles it.
        """
        step = self.env['fieldpromax.exchange']._drive_step
        if not step(self._is_stale, connection, kind) and not anew:
            return True
        deadline = monotonic() + CHANGES_SECONDS
        while monotonic() < deadline:
            if step(self._must_not_begin, connection, kind):
                return False
            line = step(self._open_line, connection, kind)
            if self._drive_page(connection, kind, line):
                return True
            if connection._silence_reason():
                return False
        return False

    @api.model
    def _is_stale(self, connection, kind):
        self.env.invalidate_all()
        checkpoint = self.env['fieldpromax.checkpoint']._of(connection, kind)
        if checkpoint.phase != 'idle' or not checkpoint.pulled_at:
            return True
        if kind == 'contact' and self.env['fieldpromax.match']._to_look_up(connection, limit=1):
            return True
        exchange = self.env['fieldpromax.exchange']
        return bool(
            exchange.search_count(
                [
                    *exchange._of_connection(connection, kind),
                    *exchange._ready_domain(),
                    ('next_attempt_at', '>=', checkpoint.pulled_at),
                ],
                limit=1,
            )
        )

    @api.model
    def _must_not_begin(self, connection, kind):
        return not self._is_known(connection, kind) and self._open_run(connection)._is_on_hold()

    @api.model
    def _open_line(self, connection, kind):
        """The line of the run under way for this kind, so that its progress counts what the push driver
        reads."""
        run = self._open_run(connection)
        line = run.line_ids.filtered(lambda line: line.kind == kind and line.state != 'done')[:1]
        if line.state == 'waiting':
            line.state = 'running'
        if line and run.state == 'waiting' and not run.next_attempt_at and not run._is_on_hold():
            run.write({'state': 'running', 'started_at': run.started_at or fields.Datetime.now()})
        return line

    @api.model
    def _push_waits(self, connection):
        exchange = self.env['fieldpromax.exchange']
        return bool(
            exchange.search_count([('connection_id', '=', connection.id), *exchange._ready_domain()], limit=1)
        )

    # === WHAT IT CHANGES === #

    def _note_previous(self, record, previous):
        """Keep what this run has just overwritten in a record of Odoo, so that the first import can be undone.

        Called right after the write, in the same transaction; nothing is kept for other runs, or for no run.

        :param previous: ``{field: value before}``: a value as the ORM gives it.
        """
        self._note_previous_many([(record, previous)])

    def _note_previous_many(self, changes):
        """:meth:`_note_previous` for a page at once: ``[(record, {field: value before})]``."""
        if self.kind == 'initial' and changes:
            self.env['fieldpromax.run.change'].sudo()._note(self, changes)

    # === WHEN IT GOES WRONG === #

    def _note_failure(self, connection, error):
        """What a provider's error means for this run; decided by its class."""
        self.ensure_one()
        self.env.invalidate_all()
        if connection._on_provider_error(error) or connection._silence_reason():
            self.write({'state': 'paused', 'reason': connection._silence_reason() or error.message})
            return
        reason = self.env['fieldpromax.exchange']._reason_of(connection, error)
        if isinstance(error, errors.OutcomeUnknown):
            # Reading changes nothing: there is nothing to look up.
            reason = self.env._('%s did not answer in time.', connection._provider_label())
        elif isinstance(error, errors.ProtocolError):
            reason = self.env._('The answer of %s could not be read.', connection._provider_label())
        if error.retryable or isinstance(error, (errors.ProtocolError, errors.ReauthorizationRequired)):
            # A consent that is gone came first: what is left of these is a race that was lost, see _on_provider_error.
            pause = timedelta(seconds=error.retry_after) if error.retry_after else None
            self._wait(connection, reason, pause)
            return
        if self.is_held:
            # Whoever paused it resumes it, and it is tried again then.
            self.write({'state': 'paused', 'reason': reason})
            return
        self.write(
            {
                'state': 'failed',
                'reason': self.env._(
                    '%(reason)s It is tried again within %(minutes)s minutes.',
                    reason=reason,
                    minutes=PULL_MINUTES,
                ),
                'ended_at': fields.Datetime.now(),
            }
        )

    def _note_delay(self, connection, reason):
        self.ensure_one()
        self.env.invalidate_all()
        self._wait(connection, reason)

    def _wait(self, connection, reason, pause=None):
        """Go on after ``pause``, or after a back-off that grows with every failure in a row."""
        self.ensure_one()
        pause = pause or BACK_OFF[min(self.attempts, len(BACK_OFF) - 1)]
        until = fields.Datetime.now() + pause
        if self._is_on_hold():
            # The page that was under way when a person paused it or put it off; that decision stands.
            self.attempts += 1
            return
        self.write(
            {'state': 'waiting', 'reason': reason, 'next_attempt_at': until, 'attempts': self.attempts + 1}
        )
        connection._trigger_pull(at=until)

    # === HOUSEKEEPING === #

    @api.autovacuum
    def _gc_runs(self):
        """Drop old runs, and after a week those that came across nothing: with a poll every 15 minutes that is nearly
        all of them. The first import stays, so that what it did can be read and undone, and the newest run of each
        connection, which says when it was read last.

        :return: ``(dropped, whether there may be more)``, as Odoo's vacuum has it.
        """
        self.env['fieldpromax.run'].flush_model()
        self.env['fieldpromax.run.line'].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT r.id FROM fieldpromax_run r
                 WHERE r.kind != 'initial' AND r.state IN ('done', 'failed')
                   AND (r.ended_at < %(limit)s
                        OR r.ended_at < %(week)s AND r.state = 'done' AND NOT EXISTS (
                            SELECT FROM fieldpromax_run_line l
                             WHERE l.run_id = r.id
                               AND (l.linked > 0 OR l.created > 0 OR l.review > 0 OR l.updated > 0 OR l.skipped > 0
                                    OR l.notes IS NOT NULL)))
                   AND EXISTS (SELECT FROM fieldpromax_run n
                                WHERE n.connection_id = r.connection_id AND n.id > r.id)
                 ORDER BY r.id LIMIT %(at_once)s
                """,
                limit=self.env['fieldpromax.exchange']._history_limit(),
                week=fields.Datetime.now() - EMPTY_KEPT_FOR,
                at_once=RUNS_AT_ONCE,
            )
        )
        old = self.sudo().browse([run for (run,) in self.env.cr.fetchall()])
        old.unlink()
        return len(old), len(old) == RUNS_AT_ONCE
