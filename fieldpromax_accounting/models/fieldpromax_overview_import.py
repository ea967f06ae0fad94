from odoo import fields, models
from odoo.exceptions import UserError

from .fieldpromax_run import OPEN_STATES
from .fieldpromax_run_plan import PLAN_STATES, WAITS_FOR_PERSON


class FieldpromaxConnection(models.Model):
    """The first import as its connection shows it, and what a person can do about it there."""

    # A page of its own on the connection: kept apart from what the connection does.
    _inherit = 'fieldpromax.connection'  # pylint: disable=consider-merging-classes-inherited

    import_run_id = fields.Many2one('fieldpromax.run', 'First import', compute='_compute_import')
    import_progress = fields.Integer(
        'Progress of the first import', compute='_compute_import', help='Percent.'
    )
    import_is_held = fields.Boolean(compute='_compute_import')
    import_is_put_off = fields.Boolean(compute='_compute_import')
    import_plan_state = fields.Selection(PLAN_STATES, compute='_compute_import')
    import_plan_text = fields.Char(compute='_compute_import', help='What the plan would do, in numbers.')
    import_can_choose = fields.Boolean(
        compute='_compute_import', help='Nothing is read yet: the plan can be asked for.'
    )
    import_undone_text = fields.Char(compute='_compute_import')

    # === COMPUTE METHODS === #

    def _compute_import(self):
        result = super()._compute_import()
        for connection in self:
            run = connection.sudo()._open_run().filtered(lambda run: run.kind == 'initial').with_env(self.env)
            connection.import_run_id = run
            connection.import_progress = run.sudo().progress
            connection.import_is_held = run.sudo().is_held
            connection.import_is_put_off = run.sudo()._is_put_off()
            connection.import_plan_state = run.sudo().plan_state
            connection.import_plan_text = run.sudo().summary if run.sudo().plan_state == 'ready' else ''
            connection.import_can_choose = (
                bool(run) and not run.sudo().started_at and not run.sudo().plan_state
            )
            connection.import_undone_text = connection._undone_text()
            if text := run.sudo().status_text:
                connection.import_text = text
        return result

    def _has_begun_import(self):
        """Has the first import of this connection begun, or ended? False without a connection."""
        runs = self.env['fieldpromax.run'].sudo()
        return bool(
            runs.search_count(
                [('connection_id', 'in', self.ids), ('kind', '=', 'initial'), ('started_at', '!=', False)],
                limit=1,
            )
        )

    def _undone_text(self):
        """What became of the first import, while it is being undone."""
        self.ensure_one()
        runs = self.env['fieldpromax.run'].sudo()
        run = runs.search([('connection_id', '=', self.id), ('undo_state', '=', 'running')], limit=1)
        return run.with_env(self.env).sudo().undo_text if run else ''

    def _open_run(self):
        """The run of this connection that has not ended; empty when there is none."""
        self.ensure_one()
        return self.env['fieldpromax.run'].search(
            [('connection_id', '=', self.id), ('state', 'in', OPEN_STATES)], limit=1
        )

    # === ACTIONS === #

    def action_sync_now(self):
        """A run that was put off begins now; one that a person paused stays paused, and that is said."""
        self.ensure_one()
        run = self._open_run()
        if run.is_held:
            raise UserError(self.env._('%s Resume it first, then choose Sync now.', run._hold_text()))
        if run.plan_state in WAITS_FOR_PERSON:
            raise UserError(run._hold_text())
        if run._is_put_off():
            run.action_resume()
        return super().action_sync_now()

    def action_pause_import(self):
        return self._run_under_way().action_pause()

    def action_resume_import(self):
        return self._run_under_way().action_resume()

    def action_put_off_import(self):
        return self._run_under_way().action_put_off()

    def action_plan_first(self):
        return self._run_under_way().action_plan_first()

    def action_open_plan(self):
        """The plan of the first import."""
        return self._run_under_way().action_open_form()

    def _run_under_way(self):
        """:raise UserError: there is none any more."""
        self.ensure_one()
        self.check_access('read')
        run = self._open_run()
        if not run:
            raise UserError(self.env._('The first import has ended meanwhile. Reload the page.'))
        return run
