from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ProjectsCommon


@tagged('post_install', '-at_install')
class TestProjectPull(ProjectsCommon):
    """Projects of the books become projects of Odoo, once, under their customer."""

    def test_unreadable_customer_waits_and_follows_by_itself(self):
        """A project of a customer that is in review is not made, says why, and comes once the customer is linked."""
        partner = self.env['res.partner'].create({'name': 'Waiting Customer', 'email': 'waiting@example.com'})
        match = (
            self.env['fieldpromax.match']
            .sudo()
            .create(
                {
                    'connection_id': self.connection.id,
                    'kind': 'contact',
                    'external_id': 'contact-x',
                    'external_name': 'Waiting Customer',
                    'external_data': {
                        'name': 'Waiting Customer',
                        'external_id': 'contact-x',
                        'is_customer': True,
                    },
                    'partner_id': partner.id,
                    'reason': 'Same name; the books have no e-mail.',
                }
            )
        )
        external_id = self.shelf.put('Roof', 'contact-x')
        self.run_pull(self.connection)
        self.assertFalse(self.links(external_id))
        row = self.rows(external_id)
        self.assertTrue(row.waits_for_customer)
        self.assertIn('"Waiting Customer" is not linked', row.reason)
        with self.assertRaisesRegex(UserError, 'Decide about the customer first'):
            row.with_user(self.user_bookkeeper).action_create()
        match.with_user(self.user_bookkeeper).action_link()
        self.assertEqual(self.project_of(external_id).partner_id, partner)
        self.assertFalse(self.rows(external_id))

    def test_customer_ignored(self):
        """Whose customer is left alone is left alone as well."""
        self.env['fieldpromax.link'].sudo().create(
            {
                'connection_id': self.connection.id,
                'company_id': self.company.id,
                'kind': 'contact',
                'external_id': 'contact-i',
                'external_name': 'Ignored',
                'decision': 'ignore',
            }
        )
        external_id = self.shelf.put('Roof', 'contact-i')
        self.run_pull(self.connection)
        self.assertFalse(self.links(external_id) or self.rows(external_id))

    def test_made_once_under_its_customer(self):
        external_id = self.shelf.put('Kitchen', self.contact_id(self.acme), 'in_progress')
        self.run_pull(self.connection)
        project = self.project_of(external_id)
        self.assertEqual((project.name, project.partner_id, project.active), ('Kitchen', self.acme, True))
        self.assertFalse(project.user_id, 'nobody is made its manager unasked')
        self.assertEqual(project.company_id, self.company, 'not shown to the other company')
        self.shelf.change(external_id, status='open')
        self.run_pull(self.connection)
        self.connection.env['fieldpromax.checkpoint'].search([('kind', '=', 'project')]).since = False
        self.run_pull(self.connection)
        self.assertEqual(len(self.named('Kitchen')), 1)
        self.assertFalse(self.shelf.calls, 'nothing of it is sent back')

    def test_inactive_is_not_made(self):
        self.shelf.put('Gone', self.contact_id(self.acme), active=False)
        self.run_pull(self.connection)
        self.shelf.change('project-1', name='Gone for good')
        self.run_pull(self.connection)
        self.assertFalse(self.named('Gone') | self.named('Gone for good'))

    def test_same_name_and_customer_is_linked(self):
        project = self.project('Bath  room')
        external_id = self.shelf.put('bathroom', self.contact_id(self.acme))
        self.run_pull(self.connection)
        self.assertEqual(self.project_of(external_id), project)
        self.assertEqual(project.name, 'Bath  room', 'linking changes neither side')
        self.run_push(self.connection)
        self.assertEqual(self.shelf.projects[external_id].name, 'bathroom')

    def test_archived_is_asked_unless_it_is_ended_there(self):
        ended, running = self.project('Ended', active=False), self.project('Running', active=False)
        there = self.shelf.put('Ended', self.contact_id(self.acme), 'done')
        open_there = self.shelf.put('Running', self.contact_id(self.acme))
        self.run_pull(self.connection)
        self.assertEqual(self.project_of(there), ended)
        self.assertFalse(self.links(open_there))
        self.assertEqual(self.rows(open_there).project_id, running)
        self.assertIn('archived in Odoo', self.rows(open_there).reason)

    def test_contact_person_stands_for_the_customer(self):
        person = self.env['res.partner'].create({'name': 'Ann', 'parent_id': self.acme.id})
        project = self.project('Bathroom', person)
        external_id = self.shelf.put('Bathroom', self.contact_id(self.acme))
        self.run_pull(self.connection)
        self.assertEqual(self.project_of(external_id), project)

    def test_same_name_other_customer_is_another_project(self):
        other = self.project('Bathroom', self.own_customer)
        external_id = self.shelf.put('Bathroom', self.contact_id(self.acme))
        self.run_pull(self.connection)
        self.assertTrue(self.project_of(external_id))
        self.assertNotEqual(self.project_of(external_id), other)

    def test_several_of_the_same_name_wait(self):
        first, second = self.project('Bathroom'), self.project('Bathroom')
        external_id = self.shelf.put('Bathroom', self.contact_id(self.acme))
        self.run_pull(self.connection)
        self.assertFalse(self.links(external_id))
        rows = self.rows(external_id)
        self.assertEqual(rows.project_id, first | second)
        chosen = rows.filtered(lambda row: row.project_id == second)
        with self.assertRaises(AccessError):
            chosen.with_user(self.user_invoice).action_link()
        chosen.with_user(self.user_bookkeeper).action_link()
        self.assertEqual(self.project_of(external_id), second)
        self.assertFalse(self.rows(external_id))

    def test_two_of_the_books_of_the_same_name_wait(self):
        project = self.project('Bathroom')
        for _twice in range(2):
            self.shelf.put('Bathroom', self.contact_id(self.acme))
        self.run_pull(self.connection)
        self.assertFalse(self.links())
        self.assertEqual(len(self.rows()), 2)
        self.assertEqual(self.rows().project_id, project)
        self.assertEqual(len(self.named('Bathroom')), 1)

    def test_without_customer_in_odoo_is_asked(self):
        """The same name alone is a guess; whoever confirms it gives the project its customer."""
        project = self.project('Bathroom')
        project.partner_id = False
        external_id = self.shelf.put('Bathroom', self.contact_id(self.acme))
        self.run_pull(self.connection)
        self.assertFalse(self.links(external_id))
        self.assertIn('no customer in Odoo', self.rows(external_id).reason)
        self.rows(external_id).with_user(self.user_bookkeeper).action_link()
        self.assertEqual((self.project_of(external_id), project.partner_id), (project, self.acme))

    def test_of_another_company_is_never_met(self):
        other = self.project('Bathroom', self.shared_customer, company_id=self.company_2.id)
        shared = self.shared_customer
        self.env['fieldpromax.exchange']._enqueue(self.connection, 'contact', shared)
        self.run_push(self.connection)
        external_id = self.shelf.put('Bathroom', self.contact_id(shared))
        self.run_pull(self.connection)
        self.assertTrue(self.project_of(external_id))
        self.assertNotEqual(self.project_of(external_id), other)

    def test_deleted_here_is_not_made_again_unasked(self):
        project = self.linked_project()
        external_id = project.fieldpromax_external_id
        project.unlink()
        self.shelf.change(external_id, name='Bathroom upstairs')
        self.run_pull(self.connection)
        self.assertFalse(self.named('Bathroom upstairs'))
        self.assertIn('deleted in Odoo', self.rows(external_id).reason)
        self.rows(external_id).with_user(self.user_bookkeeper).action_create()
        self.assertEqual(self.project_of(external_id).name, 'Bathroom upstairs')

    def test_ignored_stays_ignored(self):
        self.project('Bathroom'), self.project('Bathroom')
        external_id = self.shelf.put('Bathroom', self.contact_id(self.acme))
        self.run_pull(self.connection)
        self.rows(external_id)[0].with_user(self.user_bookkeeper).action_ignore()
        self.shelf.change(external_id, status='in_progress')
        self.run_pull(self.connection)
        self.assertFalse(self.rows(external_id))
        self.assertEqual(len(self.named('Bathroom')), 2)

    def test_one_bad_record_never_fails_the_page(self):
        """A name that Odoo refuses is said in the notes; the others come."""
        self.shelf.put('Fine', self.contact_id(self.acme))
        project = self.linked_project('Nameable')
        self.shelf.change(project.fieldpromax_external_id, name='Refused')
        self.shelf.put('Fine as well', self.contact_id(self.acme))
        model = type(self.env['project.project'])
        write = model.write

        def refuse(records, vals):
            if vals.get('name') == 'Refused':
                raise UserError(records.env._('No such name, please.'))
            return write(records, vals)

        self.patch(model, 'write', refuse)
        with mute_logger('odoo.addons.fieldpromax_accounting.models.fieldpromax_match'):
            self.run_pull(self.connection)
        self.assertTrue(self.named('Fine') and self.named('Fine as well'))
        run = self.env['fieldpromax.run'].search([('connection_id', '=', self.connection.id)], limit=1)
        notes = run.line_ids.filtered(lambda line: line.kind == 'project').notes
        self.assertIn('No such name, please.', notes)


@tagged('post_install', '-at_install')
class TestProjectFirstImport(ProjectsCommon):
    def prepare_books(self):
        for number in range(3):
            self.shelf.put(f'Old job {number}', 'unknown-customer')

    def test_projects_come_after_customers_and_products(self):
        run = self.env['fieldpromax.run'].search(
            [('connection_id', '=', self.connection.id), ('kind', '=', 'initial')]
        )
        self.assertEqual(run.state, 'done')
        self.assertEqual(run.line_ids.mapped('kind'), ['reference', 'contact', 'item', 'project'])
        line = run.line_ids.filtered(lambda line: line.kind == 'project')
        self.assertEqual((line.done, line.review, line.created), (3, 3, 0))
        self.assertTrue(self.connection.organization_has_projects)


@tagged('post_install', '-at_install')
class TestProjectInStep(ProjectsCommon):
    """Name and state follow whichever side changed them last; what both changed is a person's."""

    def both_changed(self):
        project = self.linked_project('Bathroom')
        external_id = project.fieldpromax_external_id
        project.name = 'Bathroom of Odoo'
        self.shelf.change(external_id, name='Bathroom of the books')
        self.run_pull(self.connection)
        self.run_push(self.connection)
        return project, external_id

    def test_both_changed_nothing_is_overwritten(self):
        project, external_id = self.both_changed()
        self.assertEqual(project.name, 'Bathroom of Odoo')
        self.assertEqual(self.shelf.projects[external_id].name, 'Bathroom of the books')
        self.assertEqual(project.fieldpromax_state, 'attention')
        self.assertTrue(project.fieldpromax_is_conflict)
        self.assertIn('Odoo has "Bathroom of Odoo"', project.fieldpromax_reason)

    def test_both_changed_ours_is_kept(self):
        project, external_id = self.both_changed()
        project.with_user(self.user_manager).sudo().action_fieldpromax_keep_ours()
        self.run_push(self.connection)
        self.assertEqual(self.shelf.projects[external_id].name, 'Bathroom of Odoo')
        self.assertEqual(project.fieldpromax_state, 'linked')

    def test_both_changed_theirs_is_taken(self):
        project, _external_id = self.both_changed()
        project.action_fieldpromax_take_theirs()
        self.run_push(self.connection)
        self.assertEqual(project.name, 'Bathroom of the books')
        self.assertEqual(project.fieldpromax_state, 'linked')
        self.assertFalse(self.shelf.calls)

    def test_both_changed_and_made_the_same_by_hand(self):
        project, external_id = self.both_changed()
        self.shelf.change(external_id, name='Bathroom of Odoo')
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        issue = self.env['fieldpromax.issue'].search([('project_id', '=', project.id)])
        self.assertEqual(issue.state, 'solved')

    def test_only_who_may_decides(self):
        project, _external_id = self.both_changed()
        with self.assertRaises(UserError):
            project.with_user(self.user_employee).action_fieldpromax_take_theirs()

    def test_name_changed_in_the_books(self):
        project = self.linked_project()
        self.shelf.change(project.fieldpromax_external_id, name='Bathroom upstairs')
        self.run_pull(self.connection)
        self.assertEqual(project.name, 'Bathroom upstairs')
        self.run_push(self.connection)
        self.assertFalse(self.shelf.calls, 'a change that came from the books is not sent back')

    def test_name_changed_in_odoo(self):
        project = self.linked_project()
        project.name = 'Bathroom downstairs'
        self.run_push(self.connection)
        self.assertEqual(self.shelf.projects[project.fieldpromax_external_id].name, 'Bathroom downstairs')
        self.run_pull(self.connection)
        self.assertEqual(project.name, 'Bathroom downstairs')
        self.assertEqual(len(self.shelf.calls), 1)

    def test_each_side_changed_something_else(self):
        """The name here, the state there: both go through."""
        project = self.linked_project()
        project.name = 'Bathroom downstairs'
        self.shelf.change(project.fieldpromax_external_id, status='done')
        self.run_pull(self.connection)
        self.assertFalse(project.active)
        self.run_push(self.connection)
        there = self.shelf.projects[project.fieldpromax_external_id]
        self.assertEqual((there.name, there.status), ('Bathroom downstairs', 'done'))

    def test_state_without_stages_is_the_archive(self):
        project = self.linked_project(status='in_progress')
        self.assertTrue(project.active)
        self.shelf.change(project.fieldpromax_external_id, status='cancelled')
        self.run_pull(self.connection)
        self.assertFalse(project.active)
        project.active = True
        self.run_push(self.connection)
        self.assertEqual(self.shelf.projects[project.fieldpromax_external_id].status, 'open')
        project.active = False
        self.run_push(self.connection)
        self.assertEqual(self.shelf.projects[project.fieldpromax_external_id].status, 'done')

    def test_state_with_stages(self):
        self.use_stages()
        stage = {
            name: self.env.ref(f'project.project_project_stage_{index}')
            for index, name in enumerate(('open', 'in_progress', 'done', 'cancelled'))
        }
        for status, one in stage.items():
            self.assertEqual(one.fieldpromax_status, status)
        project = self.linked_project(status='in_progress')
        self.assertEqual(project.stage_id, stage['in_progress'])
        self.shelf.change(project.fieldpromax_external_id, status='cancelled')
        self.run_pull(self.connection)
        self.assertEqual((project.stage_id, project.active), (stage['cancelled'], True))
        project.stage_id = stage['done']
        self.run_push(self.connection)
        self.assertEqual(self.shelf.projects[project.fieldpromax_external_id].status, 'done')

    def test_a_stage_counts_as_configured(self):
        self.use_stages()
        project = self.linked_project()
        review = self.env['project.project.stage'].create({'name': 'Under review', 'sequence': 99})
        self.assertEqual(review.fieldpromax_status, 'in_progress')
        review.fieldpromax_status = 'done'
        review.fold = True
        self.assertEqual(review.fieldpromax_status, 'done')
        project.stage_id = review
        self.run_push(self.connection)
        self.assertEqual(self.shelf.projects[project.fieldpromax_external_id].status, 'done')
        self.run_pull(self.connection)
        self.assertEqual(project.stage_id, review, 'it says the same: it stays where it is')

    def test_made_inactive_in_books_without_states(self):
        self.shelf.has_states = False
        project = self.linked_project()
        external_id = project.fieldpromax_external_id
        self.shelf.change(external_id, active=False)
        self.run_pull(self.connection)
        self.assertFalse(project.active)
        project.active = True
        self.run_push(self.connection)
        there = self.shelf.projects[external_id]
        self.assertEqual((there.active, there.status), (True, ''))

    def test_stale_version_is_read_again(self):
        """Changed there a moment ago: nothing is overwritten blindly."""
        project = self.linked_project()
        external_id = project.fieldpromax_external_id
        project.name = 'Bathroom of Odoo'
        # The push reads changes first; this one comes right after.
        self.shelf.meanwhile = lambda: self.shelf.change(external_id, name='Bathroom of the books')
        self.run_push(self.connection)
        self.assertEqual(len(self.shelf.calls), 1)
        self.assertEqual(self.shelf.projects[external_id].name, 'Bathroom of the books')
        self.assertEqual(project.fieldpromax_state, 'attention')

    def test_stale_by_something_else(self):
        """The other change does not touch the name: ours goes with the fresh version."""
        project = self.linked_project()
        external_id = project.fieldpromax_external_id
        project.name = 'Bathroom of Odoo'
        self.shelf.meanwhile = lambda: self.shelf.change(external_id, status='in_progress')
        self.run_push(self.connection)
        there = self.shelf.projects[external_id]
        self.assertEqual((there.name, there.status), ('Bathroom of Odoo', 'in_progress'))
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)

    def test_shared_by_two_connections_takes_from_none(self):
        project = self.linked_project()
        project.company_id = False
        other = self.connection.copy_data()[0]
        second = (
            self.env['fieldpromax.connection']
            .sudo()
            .create(
                {
                    **{name: other.get(name) for name in ('provider', 'start_date')},
                    'company_id': self.company_2.id,
                    'organization_external_id': 'other',
                    'organization_name': 'Other',
                }
            )
        )
        link = self.links(project.fieldpromax_external_id)
        link.copy({'connection_id': second.id, 'company_id': self.company_2.id, 'external_id': 'there'})
        self.shelf.change(project.fieldpromax_external_id, name='From one of them')
        self.run_pull(self.connection)
        self.assertEqual(project.name, 'Bathroom')
