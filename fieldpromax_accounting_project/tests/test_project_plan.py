from odoo.tests import tagged

from .common import ProjectsCommon


@tagged('post_install', '-at_install')
class TestProjectPlan(ProjectsCommon):
    """Projects in the plan of a first import follow their customers."""

    def test_plan(self):
        kitchen = self.project('Kitchen')
        same = self.shelf.put('Kitchen', self.contact_id(self.acme))
        new = self.shelf.put('Garage', self.contact_id(self.acme))
        twin = self.shelf.put('GARAGE', self.contact_id(self.acme))
        orphan = self.shelf.put('Roof', 'nobody-knows')
        run = self.connection.run_ids.filtered(lambda run: run.kind == 'initial').sudo()
        self.connection.run_ids.filtered(lambda one: one.state != 'done').sudo().state = 'done'
        run.write({'state': 'paused', 'plan_state': 'discarded'})
        count = self.env['project.project'].with_context(active_test=False).search_count([])
        if not run.line_ids.filtered(lambda line: line.kind == 'project'):
            self.env['fieldpromax.run.line'].sudo().create({'run_id': run.id, 'kind': 'project'})
        run.with_user(self.user_bookkeeper).action_read_plan_anew()
        self.run_pull(self.connection)
        self.assertEqual(run.plan_state, 'ready', run.reason)
        lines = {line.external_id: line for line in run.plan_line_ids if line.kind == 'project'}
        self.assertEqual(
            {external_id: line.action for external_id, line in lines.items()},
            {same: 'link', new: 'create', twin: 'review', orphan: 'review'},
        )
        self.assertEqual(lines[same].project_id, kitchen)
        self.assertEqual(lines[new].external_detail, 'Acme Homes')
        self.assertIn('Kitchen', lines[same].comparison)
        self.assertIn('the project follows by itself', lines[orphan].why)
        self.assertEqual(self.env['project.project'].with_context(active_test=False).search_count([]), count)
        self.assertFalse(self.links())
        run.with_user(self.user_bookkeeper).action_run_plan()
        self.run_pull(self.connection)
        self.assertEqual((run.plan_state, run.state), ('done', 'done'), run.reason)
        self.assertEqual(self.project_of(same), kitchen)
        self.assertEqual(self.project_of(new).partner_id, self.acme)
        self.assertFalse(self.links(twin) | self.links(orphan))
        self.assertTrue(self.rows(orphan).waits_for_customer)
        self.assertTrue(self.rows(twin))
        # And taken back: what is new is archived, what was there before stays.
        run.with_user(self.user_bookkeeper)._undo()
        self.run_pull(self.connection)
        self.assertEqual(run.undo_state, 'done')
        self.assertFalse(run.kept_change_ids.mapped('reason'))
        self.assertEqual((kitchen.active, self.named('Garage').active), (True, False))
        self.assertFalse(self.links().project_id)
