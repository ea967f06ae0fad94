from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .fieldpromax_run import OPEN_STATES

# Lines that are carried out in one transaction.
PLAN_SIZE = 1000
PLAN_STATES = [
    ('reading', 'Being read'),
    ('ready', 'Waits for a decision'),
    ('running', 'Being carried out'),
    ('discarded', 'Thrown away'),
    ('done', 'Carried out'),
]
# Until the plan has run, nothing is known of the books that could be relied on.
UNDECIDED = ('reading', 'ready', 'running', 'discarded')
# Whoever runs the plan has to say so: the driver does nothing of itself.
WAITS_FOR_PERSON = ('ready', 'discarded')


class FieldpromaxRun(models.Model):
    """The first import as a plan: everything is read and compared, nothing is made, linked or changed until a person
    runs the plan.

    The run stays open meanwhile. Carrying out reads what changed in the books since, then does what the lines say, a
    page of them in one transaction, by the same ways as an import without a plan.
    """

    # Apart from what a run does without a plan.
    _inherit = 'fieldpromax.run'  # pylint: disable=consider-merging-classes-inherited

    plan_state = fields.Selection(PLAN_STATES, 'Plan', readonly=True)
    plan_ready_at = fields.Datetime('Plan read on', readonly=True)
    planned_by_id = fields.Many2one('res.users', 'Plan run by', readonly=True, ondelete='set null')
    plan_line_ids = fields.One2many('fieldpromax.plan.line', 'run_id', readonly=True)
    plan_count = fields.Integer('Lines of the plan', compute='_compute_plan_counts')
    plan_suggestion_count = fields.Integer('Suggestions', compute='_compute_plan_counts')
    plan_left_count = fields.Integer('Left for review', compute='_compute_plan_counts')

    # === COMPUTE METHODS === #

    def _compute_plan_counts(self):
        lines = self.env['fieldpromax.plan.line']
        for name, domain in (
            ('plan_count', []),
            ('plan_suggestion_count', self._suggestion_domain()),
            ('plan_left_count', [('state', '=', 'left')]),
        ):
            counts = dict(lines._read_group([('run_id', 'in', self.ids), *domain], ['run_id'], ['__count']))
            for run in self:
                run[name] = counts.get(run, 0)

    @api.depends('plan_state')
    def _compute_status_text(self):
        return super()._compute_status_text()

    @api.model
    def _suggestion_domain(self):
        """Lines that nobody has decided about, and for which there is a record of Odoo to link with."""
        return [('state', '=', 'planned'), ('action', '=', 'review'), ('has_suggestion', '=', True)]

    def _hold_text(self):
        if self.plan_state == 'ready':
            return self.env._(
                'The plan of the first import waits for your decision. Nothing is made, linked or changed until you '
                'run it.'
            )
        if self.plan_state == 'discarded':
            return self.env._(
                'The plan was thrown away, and nothing was imported. Read it anew, or import without a plan.'
            )
        return super()._hold_text()

    def _is_on_hold(self):
        return super()._is_on_hold() or self.plan_state in WAITS_FOR_PERSON

    # === ACTIONS === #

    def action_run_plan(self):
        """Do what the lines say, in the background."""
        for run in self._to_plan('ready'):
            run._restart_lines()
            run._wake({'plan_state': 'running', 'planned_by_id': self.env.user.id})
        return True

    def action_accept_suggestions(self):
        """Link every line that waits for a decision with the record of Odoo that is most like it."""
        runs = self._to_plan('ready')
        lines = self.env['fieldpromax.plan.line'].sudo()
        lines = lines.search([('run_id', 'in', runs.ids), *self._suggestion_domain()])
        lines._choose('link')
        return True

    def action_discard_plan(self):
        """Throw the plan away; nothing is imported until somebody says how."""
        for run in self._to_plan('reading', 'ready'):
            run.plan_line_ids.unlink()
            run.write(
                {
                    'plan_state': 'discarded',
                    'state': 'paused',
                    'reason': False,
                    'is_held': False,
                    'held_by_id': False,
                    'scheduled_at': False,
                    'next_attempt_at': False,
                }
            )
        return True

    def action_read_plan_anew(self):
        """Read everything once more, into a new plan."""
        for run in self._to_plan('ready', 'discarded'):
            run._forget_reading()
            run._wake({'plan_state': 'reading', 'plan_ready_at': False})
        return True

    def action_import_without_plan(self):
        """Link and make what is beyond doubt, keep the rest for review."""
        for run in self._to_plan('reading', 'ready', 'discarded'):
            run._forget_reading()
            run._wake({'plan_state': False, 'plan_ready_at': False})
        return True

    def action_plan_first(self):
        """Before anything is read: show the plan."""
        for run in self._to_decide():
            if run.kind != 'initial' or run.started_at or run.plan_state:
                raise UserError(
                    self.env._('The first import has begun already. Pause it, or undo it when it has ended.')
                )
            run.plan_state = 'reading'
        return True

    def action_view_plan(self):
        """The lines, grouped by what will be done."""
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id(
            'fieldpromax_accounting.fieldpromax_plan_line_action'
        )
        group = 'group_action' if self.plan_state in ('reading', 'ready') else 'group_state'
        return {
            **action,
            'domain': [('run_id', '=', self.id)],
            'context': {'search_default_group_kind': 1, f'search_default_{group}': 2},
        }

    def action_view_left(self):
        return {**self.action_view_plan(), 'context': {'search_default_left': 1}}

    def _to_plan(self, *states):
        """The runs, as superuser, once the person may decide about their plans.

        :raise UserError: a plan is not, or no longer, in one of these states.
        """
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can decide about the plan.'))
        self.check_access('read')
        runs = self.sudo()
        for run in runs:
            if run.state not in OPEN_STATES or run.plan_state not in states:
                raise UserError(run._why_not_now())
        return runs

    def _why_not_now(self):
        return {
            'reading': self.env._('The plan is still being read. Wait until it is complete.'),
            'running': self.env._(
                'The plan is being carried out already. Reload the page to see how far it is.'
            ),
            'discarded': self.env._('The plan was thrown away meanwhile. Reload the page.'),
            'done': self.env._('The plan was carried out already. Reload the page.'),
        }.get(self.plan_state, self.env._('There is no plan any more. Reload the page.'))

    def _wake(self, values):
        self.write(
            {
                'state': 'waiting',
                'reason': False,
                'is_held': False,
                'held_by_id': False,
                'scheduled_at': False,
                'next_attempt_at': False,
                **values,
            }
        )
        self.connection_id._trigger_pull()

    def _restart_lines(self):
        """Count the kinds of this run anew, from nothing."""
        zeros = dict.fromkeys(('done', 'total', 'linked', 'created', 'review', 'updated', 'skipped'), 0)
        lines = self.line_ids.filtered(lambda line: line.kind != 'reference')
        lines.write({'state': 'waiting', 'is_caught_up': False, 'notes': False, **zeros})

    def _forget_reading(self):
        """As if nothing had been read."""
        self.plan_line_ids.unlink()
        self._restart_lines()
        checkpoints = self.env['fieldpromax.checkpoint'].search(
            [('connection_id', '=', self.connection_id.id), ('kind', '!=', 'reference')]
        )
        checkpoints.write(
            {
                'phase': 'idle',
                'cursor': False,
                'pass_since': False,
                'since': False,
                'full_at': False,
                'pulled_at': False,
            }
        )

    # === THE DRIVER === #

    @api.model
    def _choose_way(self, companies):
        """The setting was changed: what was not begun yet follows it."""
        runs = self.search(
            [
                ('company_id', 'in', companies.ids),
                ('kind', '=', 'initial'),
                ('state', 'in', OPEN_STATES),
                ('started_at', '=', False),
            ]
        )
        for run in runs:
            run.plan_state = 'reading' if run.company_id.fieldpromax_first_import == 'plan' else False

    @api.model
    def _new(self, connection, kind):
        run = super()._new(connection, kind)
        if kind == 'initial' and connection.company_id.fieldpromax_first_import == 'plan':
            run.plan_state = 'reading'
        return run

    @api.model
    def _undecided(self, connection):
        """The open run whose plan has not been carried out yet; empty when there is none."""
        return self._open_run(connection).filtered(lambda run: run.plan_state in UNDECIDED)

    @api.model
    def _awaits_plan(self, connection):
        """Is a plan being read, or does one wait for a person? Until it is run nothing is made, linked or changed."""
        plan_state = self._open_run(connection).plan_state
        return plan_state == 'reading' or plan_state in WAITS_FOR_PERSON

    @api.model
    def _is_known(self, connection, kind):
        return super()._is_known(connection, kind) and not self._undecided(connection)

    @api.model
    def _must_not_begin(self, connection, kind):
        """The push driver reads nothing into a plan, nor past it."""
        return super()._must_not_begin(connection, kind) or bool(self._undecided(connection))

    @api.model
    def _first_import_text(self, connection):
        plan_state = self._open_run(connection).plan_state
        if plan_state == 'ready':
            return self.env._(
                'Waits for a decision about the plan of the first import, so that nothing is made twice. Open the plan '
                'and run it.'
            )
        if plan_state == 'discarded':
            return self.env._(
                'Waits for the first import, whose plan was thrown away, so that nothing is made twice.'
            )
        return super()._first_import_text(connection)

    @api.model
    def _resume(self, connection):
        run = self._open_run(connection)
        if run.plan_state in WAITS_FOR_PERSON and not connection._silence_reason():
            if run.state != 'paused' or run.reason:
                run.write({'state': 'paused', 'reason': False})
            return self.browse()
        return super()._resume(connection)

    @api.model
    def _take_page(self, connection, kind, line, page, position):
        self.env.invalidate_all()
        if line.run_id.plan_state in WAITS_FOR_PERSON:
            return False  # thrown away while it was on its way
        return super()._take_page(connection, kind, line, page, position)

    @api.model
    def _reads_plan(self, line):
        """Is what is read for this line written into the plan, and nowhere else?"""
        run = line.run_id
        return run.plan_state == 'reading' or (run.plan_state == 'running' and not line.is_caught_up)

    @api.model
    def _take_records(self, connection, kind, page, line):
        if not self._reads_plan(line):
            return super()._take_records(connection, kind, page, line)
        model = self.with_context(fieldpromax_plan_id=line.run_id.id)
        _counts, notes = super(FieldpromaxRun, model)._take_records(connection, kind, page, line)
        self.env['fieldpromax.plan.line']._note_gone(line.run_id, kind, page.gone)
        # What would be done is counted from the lines.
        return Counter(), notes

    @api.model
    def _settle_records(self, connection, kind, line, started_at):
        if not self._reads_plan(line):
            return super()._settle_records(connection, kind, line, started_at)
        self.env['fieldpromax.plan.line']._settle(line.run_id, kind)
        return True

    @api.model
    def _settle(self, connection, kind, line):
        self.env.invalidate_all()
        if line.run_id.plan_state in WAITS_FOR_PERSON:
            return False
        catches_up = line.run_id.plan_state == 'running' and not line.is_caught_up
        is_done = super()._settle(connection, kind, line)
        if is_done and catches_up:
            # Read to the end; now for what the lines say.
            total = self.env['fieldpromax.plan.line'].search_count(
                [('run_id', '=', line.run_id.id), ('kind', '=', kind), ('state', '=', 'planned')]
            )
            line.write({'state': 'running', 'is_caught_up': True, 'done': 0, 'total': total})
            return False
        return is_done

    @api.model
    def _drive_page(self, connection, kind, line, full_before=None):
        run = line.run_id
        if run.plan_state == 'running' and line.is_caught_up:
            return self.env['fieldpromax.exchange']._drive_step(self._carry_out, connection, kind, line)
        return super()._drive_page(connection, kind, line, full_before)

    def _look_on(self, connection):
        is_read = all(line.state == 'done' for line in self.line_ids) and not connection._silence_reason()
        if is_read and self.plan_state == 'reading':
            self.write(
                {
                    'plan_state': 'ready',
                    'plan_ready_at': fields.Datetime.now(),
                    'state': 'paused',
                    'reason': False,
                    'attempts': 0,
                }
            )
            return False
        if is_read and self.plan_state == 'running':
            self.plan_state = 'done'
        return super()._look_on(connection)

    # === CARRYING OUT === #

    @api.model
    def _carry_out(self, connection, kind, line):
        """One page of lines, in one transaction. :return: whether this kind is done."""
        self.env.invalidate_all()
        run = line.run_id
        if connection._silence_reason() or run.state != 'running':
            return False
        lines = self.env['fieldpromax.plan.line'].search(
            [('run_id', '=', run.id), ('kind', '=', kind), ('state', '=', 'planned')],
            order='id',
            limit=PLAN_SIZE,
        )
        if not lines:
            checkpoint = self.env['fieldpromax.checkpoint']._of(connection, kind)
            if not self._settle_records(connection, kind, line, checkpoint.pass_started_at):
                return False
            line.state = 'done'
            return True
        counts, notes = lines._carry_out(connection, kind, run)
        line._count(counts, read=len(lines), notes=notes)
        self.env.flush_all()
        self.env.invalidate_all(flush=False)
        return False
