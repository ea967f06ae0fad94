import json
from unittest.mock import patch

from odoo.addons.fieldpromax_accounting.providers import dto, errors
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ProjectsCommon


@tagged('post_install', '-at_install')
class TestProjectPush(ProjectsCommon):
    """Projects of Odoo are made in the books when somebody, or the setting, asks for it."""

    def exchanges(self, project):
        return self.env['fieldpromax.exchange'].search([('project_id', '=', project.id)])

    def test_never_unasked(self):
        project = self.project('Kitchen')
        self.run_push(self.connection)
        self.assertFalse(self.exchanges(project))
        self.assertEqual(project.fieldpromax_state, 'not_sent')
        self.assertTrue(project.fieldpromax_can_push)
        self.assertIn('by hand', project.fieldpromax_reason)

    def test_refusals(self):
        template = self.project('Template', is_template=True)
        internal = self.env['project.project'].create({'name': 'Internal'})
        archived = self.project('Archived', active=False)
        kept_out = self.project('Kept out')
        kept_out.partner_id.fieldpromax_do_not_sync = True
        for project, words in (
            (template, 'is a template'),
            (internal, 'has no customer'),
            (archived, 'is archived'),
            (kept_out, 'marked not to be synchronised'),
        ):
            with self.subTest(project=project.name):
                self.assertFalse(project.fieldpromax_can_push)
                with self.assertRaisesRegex(UserError, words):
                    project.action_fieldpromax_push()

    def test_only_people_who_work_with_invoices(self):
        project = self.project('Kitchen')
        with self.assertRaises(UserError):
            project.with_user(self.user_employee).action_fieldpromax_push()

    def test_plan_without_projects(self):
        self.connection.organization_has_projects = False
        project = self.project('Kitchen')
        self.assertIn('has no projects', project.fieldpromax_reason)
        self.assertIn('sub-customers', project.fieldpromax_reason)
        with self.assertRaisesRegex(UserError, 'has no projects'):
            project.action_fieldpromax_push()
        self.connection.project_as_sub_customer = True
        self.pushed(project)
        (there,) = self.shelf.named('Kitchen')
        self.assertTrue(there.is_sub_customer)
        self.assertIn('sub-customer', project.fieldpromax_reason)

    def test_sub_customer_is_no_customer_of_odoo(self):
        """What was made as a sub-customer comes back among the customers, and is kept in step from there."""
        self.connection.write({'organization_has_projects': False, 'project_as_sub_customer': True})
        project = self.pushed(self.project('Kitchen'))
        contact = dto.Contact(
            name='Kitchen and hall',
            external_id=project.fieldpromax_external_id,
            version='9',
            parent_external_id=self.contact_id(self.acme),
            is_customer=True,
        )
        partners = self.env['res.partner'].search_count([])
        driver = self.connection._as_driver()
        counts, notes = driver.env['fieldpromax.match']._take_in(driver, 'contact', (contact,))
        self.assertEqual((counts['updated'], counts['created'], notes), (1, 0, []))
        self.assertEqual(self.env['res.partner'].search_count([]), partners)
        self.assertEqual(project.name, 'Kitchen and hall')

    def test_sub_customer_whose_making_is_not_settled(self):
        """The answer was lost: the customer that appears meanwhile is not made in Odoo."""
        self.connection.write({'organization_has_projects': False, 'project_as_sub_customer': True})
        project = self.project('Kitchen')
        self.shelf.lose_answers = 1
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(self.exchanges(project).state, 'uncertain')
        (there,) = self.shelf.named('Kitchen')
        contact = dto.Contact(
            name='Kitchen',
            external_id=there.external_id,
            parent_external_id=self.contact_id(self.acme),
            is_customer=True,
        )
        driver = self.connection._as_driver()
        counts, _notes = driver.env['fieldpromax.match']._take_in(driver, 'contact', (contact,))
        self.assertEqual((counts['skipped'], counts['created'], counts['review']), (1, 0, 0))

    def test_button(self):
        project = self.project('Kitchen')
        action = project.with_user(self.user_manager).sudo().action_fieldpromax_push()
        self.assertEqual(action['params']['message'], '1 project is on its way.')
        project.invalidate_recordset()
        self.assertEqual(project.fieldpromax_state, 'waiting')
        self.run_push(self.connection)
        (there,) = self.shelf.named('Kitchen')
        self.assertEqual(there.contact_external_id, self.contact_id(self.acme))
        self.assertEqual(
            (project.fieldpromax_state, project.fieldpromax_external_id), ('linked', there.external_id)
        )
        self.assertEqual(
            project.action_fieldpromax_open()['url'], f'https://books.example/project/{there.external_id}'
        )
        with self.assertRaisesRegex(UserError, 'already'):
            project.action_fieldpromax_push()
        self.run_pull(self.connection)
        self.assertEqual(len(self.named('Kitchen')), 1)

    def test_twice_at_once_is_one(self):
        project = self.project('Kitchen')
        project.action_fieldpromax_push()
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(len(self.shelf.named('Kitchen')), 1)

    def test_customer_goes_first(self):
        partner = self.env['res.partner'].create({'name': 'New Homes', 'email': 'new@homes.example'})
        project = self.project('Kitchen', partner)
        self.pushed(project)
        (there,) = self.shelf.named('Kitchen')
        self.assertEqual(there.contact_external_id, self.contact_id(partner))

    def test_many_travel_together(self):
        projects = self.env['project.project'].union(*(self.project(f'Job {number}') for number in range(5)))
        projects.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(set(projects.mapped('fieldpromax_state')), {'linked'})
        self.assertEqual(len(self.shelf.calls), 1)

    def test_equal_one_in_the_books_is_linked(self):
        """Made there a moment ago: it is read before anything is made."""
        project = self.project('Kitchen')
        external_id = self.shelf.put('Kitchen', self.contact_id(self.acme))
        # Within a test the clock of the database stands still: the last reading was long ago.
        self.env['fieldpromax.checkpoint'].sudo().search([]).pulled_at = '2020-01-01'
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        self.assertEqual(project.fieldpromax_external_id, external_id)
        self.assertEqual(len(self.shelf.named('Kitchen')), 1)

    def test_second_of_the_same_name_is_asked(self):
        self.linked_project('Kitchen')
        second = self.project('kitchen')
        second.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(second.fieldpromax_state, 'attention')
        self.assertIn('match review', second.fieldpromax_reason)
        row = self.rows()
        self.assertEqual(row.project_id, second)
        row.with_user(self.user_bookkeeper).action_create()
        self.run_push(self.connection)
        self.assertEqual(second.fieldpromax_state, 'linked', second.fieldpromax_reason)

    def test_name_is_taken(self):
        self.shelf.put('Kitchen', self.contact_id(self.acme), active=False)
        project = self.project('Kitchen')
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'attention')
        self.assertIn('"Kitchen" is taken', project.fieldpromax_reason)
        self.assertIn('Duplicate name.', project.fieldpromax_reason)
        project.name = 'Kitchen 2'
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)

    def test_rule_of_the_books(self):
        project = self.project('Kitchen: upstairs')
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'attention')
        self.assertIn('no colon', project.fieldpromax_reason)
        self.assertFalse(self.shelf.calls)

    def test_lost_answer_is_looked_up(self):
        project = self.project('Kitchen')
        self.shelf.lose_answers = 1
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'retrying')
        self.let_time_pass(3600)
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        self.assertEqual(len(self.shelf.named('Kitchen')), 1)

    def test_lost_answer_of_another_customer_of_the_same_name(self):
        """The look-up by name finds another customer's project: it is not adopted."""
        other = self.linked_customer('Other Homes', 'office@other.example')
        self.shelf.put('Kitchen', self.contact_id(other))
        project = self.project('Kitchen')
        self.shelf.faults.append(errors.OutcomeUnknown('The answer was lost.'))
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.let_time_pass(3600)
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        there = self.shelf.projects[project.fieldpromax_external_id]
        self.assertEqual(there.contact_external_id, self.contact_id(self.acme))

    def test_edited_while_it_was_under_way(self):
        """What was sent is the agreement, not what the project says by then."""
        project = self.pushed(self.project('Kitchen'))
        link = self.links(project.fieldpromax_external_id)
        self.assertEqual(link.baseline['ours'], {'name': 'Kitchen', 'status': 'open'})
        project.name = 'Kitchen one'
        seen = []

        def edit():
            seen.append(self.exchanges(project).filtered(lambda row: row.state == 'sending').id)
            project.name = 'Kitchen two'
            self.env.flush_all()

        self.shelf.meanwhile = edit
        self.run_push(self.connection)
        self.assertTrue(seen[0], 'it was under way')
        names = [json.loads(call.body)[0]['name'] for call in self.shelf.calls]
        self.assertEqual(names, ['Kitchen', 'Kitchen one', 'Kitchen two'])
        self.assertEqual(self.shelf.projects[link.external_id].name, 'Kitchen two')
        self.assertEqual(link.baseline['ours']['name'], 'Kitchen two')

    def test_lost_answer_of_an_update(self):
        """What was to change is read again by its id: it took effect, or it is sent again."""
        for took_effect in (True, False):
            with self.subTest(took_effect=took_effect):
                project = self.pushed(self.project(f'Kitchen {took_effect}'))
                self.use_stages()
                project.stage_id = self.env.ref('project.project_project_stage_2')
                if took_effect:
                    self.shelf.lose_answers = 1
                else:
                    self.shelf.faults.append(errors.OutcomeUnknown('The answer was lost.'))
                self.run_push(self.connection)
                self.assertEqual(project.fieldpromax_state, 'retrying')
                self.let_time_pass(3600)
                self.run_push(self.connection)
                self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
                self.assertEqual(self.shelf.projects[project.fieldpromax_external_id].status, 'done')

    def test_gone_from_the_books(self):
        project = self.pushed(self.project('Kitchen'))
        external_id = project.fieldpromax_external_id
        project.name = 'Hall'
        self.shelf.faults.append(errors.OutcomeUnknown('The answer was lost.'))
        self.run_push(self.connection)
        del self.shelf.projects[external_id]
        self.let_time_pass(3600)
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'attention')
        self.assertIn('is gone from ProjectBooks', project.fieldpromax_reason)

    def test_when_created(self):
        self.connection.project_push = 'created'
        project = self.project('Kitchen')
        unknown = self.project('Garage', self.own_customer)
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        self.assertEqual(unknown.fieldpromax_state, 'not_sent', 'its customer is not in the books')
        self.assertTrue(unknown.fieldpromax_can_push)

    def test_when_created_and_given_its_customer_afterwards(self):
        self.connection.project_push = 'created'
        project = self.env['project.project'].create({'name': 'Kitchen'})
        self.assertFalse(self.exchanges(project))
        project.partner_id = self.acme
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)

    def test_fault_of_ours_never_stops_the_person_and_the_sweep_sends_it(self):
        self.connection.project_push = 'created'
        known = self.pushed(self.project('Hall'))
        # A test's clock stands still: the link was agreed on a minute ago.
        self.env.flush_all()
        self.env.cr.execute("UPDATE fieldpromax_link SET write_date = write_date - INTERVAL '1 minute'")

        def fail(*_arguments, **_named):
            raise RuntimeError('broken')

        with (
            patch.object(type(self.env['fieldpromax.exchange']), '_enqueue', fail),
            mute_logger('odoo.addons.fieldpromax_accounting.models.fieldpromax_sync_mixin'),
        ):
            project = self.project('Kitchen')
            known.name = 'Great hall'
        self.assertTrue(project.exists())
        self.assertFalse(self.exchanges(project))
        self.env['fieldpromax.exchange']._sweep(self.connection)
        self.assertTrue(self.exchanges(project))
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        self.assertEqual(self.shelf.projects[known.fieldpromax_external_id].name, 'Great hall')

    def test_the_sweep_makes_nothing_unasked(self):
        project = self.project('Kitchen')
        self.assertEqual(self.env['fieldpromax.exchange']._sweep(self.connection), 0)
        self.assertFalse(self.exchanges(project))

    def test_deleted_here(self):
        project = self.pushed(self.project('Kitchen'))
        external_id = project.fieldpromax_external_id
        project.name = 'Hall'
        project.unlink()
        self.run_push(self.connection)
        link = self.links(external_id)
        self.assertEqual((link.project_id.id, link.record_name), (False, 'Kitchen'))
        self.assertEqual(self.shelf.projects[external_id].name, 'Kitchen')

    def test_search_by_state(self):
        linked, alone = self.pushed(self.project('Kitchen')), self.project('Garage')
        domain = [('id', 'in', (linked | alone).ids)]
        search = self.env['project.project'].search
        self.assertEqual(search([*domain, ('fieldpromax_state', '=', 'linked')]), linked)
        self.assertEqual(search([*domain, ('fieldpromax_state', 'in', ['not_sent', 'review'])]), alone)
        alone.action_fieldpromax_push()
        self.assertEqual(search([*domain, ('fieldpromax_state', '=', 'waiting')]), alone)
        self.assertFalse(search([*domain, ('fieldpromax_state', '=', 'attention')]))
