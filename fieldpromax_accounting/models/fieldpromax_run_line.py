from functools import partial

from odoo import api, fields, models
from odoo.tools.misc import formatLang

# How many sentences about single records a run keeps: enough to see what is wrong, however much is.
NOTES_KEPT = 50
# What a plan may say of a record of the books.
PLANNED = ('link', 'create', 'review', 'update', 'skip')


class FieldpromaxRunLine(models.Model):
    """How far a sync run is with one kind of record."""

    _name = 'fieldpromax.run.line'
    _description = 'Progress of a sync run'
    _rec_name = 'kind'
    _order = 'run_id desc, id'

    run_id = fields.Many2one('fieldpromax.run', required=True, index=True, ondelete='cascade', readonly=True)
    connection_id = fields.Many2one(related='run_id.connection_id', store=True, index=True)
    company_id = fields.Many2one(related='run_id.company_id', store=True, index=True)
    kind = fields.Selection(
        [
            ('reference', 'Accounts and taxes'),
            ('contact', 'Customers'),
            ('item', 'Products'),
            ('payment', 'Payments'),
        ],
        'What',
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        [('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done')],
        'Progress in a word',
        required=True,
        default='waiting',
        readonly=True,
    )
    shown_state = fields.Selection(
        [('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done')],
        'State',
        compute='_compute_shown_state',
        help='Nothing of a run that rests is running.',
    )
    calls = fields.Integer('Pages and lists', readonly=True)
    done = fields.Integer('Read', readonly=True)
    total = fields.Integer('Of', readonly=True, help='As the books told; 0 while they have not.')
    progress = fields.Integer(compute='_compute_progress', help='Percent.')
    linked = fields.Integer(readonly=True, help='Same name and e-mail, or same code and name, on both sides.')
    created = fields.Integer(readonly=True, help='Made in Odoo: neither of the two was known here.')
    review = fields.Integer('For review', readonly=True, help='Somebody has to decide: nothing was made.')
    updated = fields.Integer(
        'Known', readonly=True, help='Linked already; what the link says of them was renewed.'
    )
    skipped = fields.Integer(readonly=True, help='Out of scope, archived, ignored, or unreadable.')
    is_caught_up = fields.Boolean(
        readonly=True, help='What changed in the books since the plan was read stands in the plan by now.'
    )
    plan_link = fields.Integer('To link', compute='_compute_plan')
    plan_create = fields.Integer('To create', compute='_compute_plan')
    plan_review = fields.Integer('To decide later', compute='_compute_plan')
    plan_update = fields.Integer('Linked already', compute='_compute_plan')
    plan_skip = fields.Integer('To leave out', compute='_compute_plan')
    summary = fields.Char('What came of it', compute='_compute_summary')
    notes = fields.Text(readonly=True, help='Records that could not be taken over, and why.')

    @api.depends('state', 'run_id.state')
    def _compute_shown_state(self):
        for line in self:
            rests = line.state == 'running' and line.run_id.state != 'running'
            line.shown_state = 'waiting' if rests else line.state

    @api.depends('state', 'done', 'total')
    def _compute_progress(self):
        for line in self:
            if line.state == 'done':
                line.progress = 100
            else:
                # What is read is never all that is to do: the last percent is for linking what turned out
                # unique.
                line.progress = min(99, 100 * line.done // line.total) if line.total else 0

    def _compute_plan(self):
        """What the plan would do now, by the lines as they stand."""
        counts = {
            (run, kind, action): count
            for run, kind, action, count in self.env['fieldpromax.plan.line']._read_group(
                [('run_id', 'in', self.run_id.ids)], ['run_id', 'kind', 'action'], ['__count']
            )
        }
        for line in self:
            for action in PLANNED:
                line[f'plan_{action}'] = counts.get((line.run_id, line.kind, action), 0)

    def _plan_words(self):
        """What the plan would do, as ``[(number, words)]``."""
        self.ensure_one()
        number = partial(formatLang, self.env, digits=0)
        return [
            (self.plan_link, self.env._('%s to link', number(self.plan_link))),
            (self.plan_create, self.env._('%s to create', number(self.plan_create))),
            (self.plan_review, self.env._('%s to decide later', number(self.plan_review))),
            (self.plan_update, self.env._('%s linked already', number(self.plan_update))),
            (self.plan_skip, self.env._('%s to leave out', number(self.plan_skip))),
        ]

    @api.depends_context('lang')
    @api.depends('run_id.plan_state', 'kind', 'created', 'linked', 'review', 'updated', 'skipped')
    def _compute_summary(self):
        """What there was, in words; what there was none of is left out."""
        kinds = dict(self._fields['kind']._description_selection(self.env))
        for line in self:
            number = partial(formatLang, self.env, digits=0)
            parts = [
                (line.created, self.env._('%s created', number(line.created))),
                (line.linked, self.env._('%s linked', number(line.linked))),
                (line.review, self.env._('%s for review', number(line.review))),
                (line.updated, self.env._('%s linked already', number(line.updated))),
                (line.skipped, self.env._('%s left out', number(line.skipped))),
            ]
            if line.run_id.plan_state in ('reading', 'ready'):
                parts = line._plan_words()
            words = ', '.join(words for count, words in parts if count)
            line.summary = f'{kinds.get(line.kind, "")}: {words}.' if words else ''

    def _count(self, counts, read=0, total=None, notes=()):
        """Add to the counts; ``counts``: ``{field: number}``."""
        for line in self:
            values = {name: line[name] + number for name, number in counts.items() if number}
            values.update(state='running', done=line.done + read)
            if total is not None:
                values['total'] = max(total, values['done'])
            elif line.total:
                values['total'] = max(line.total, values['done'])
            if notes:
                kept = (line.notes or '').splitlines()[:NOTES_KEPT]
                values['notes'] = '\n'.join([*kept, *notes][:NOTES_KEPT])
            line.write(values)
