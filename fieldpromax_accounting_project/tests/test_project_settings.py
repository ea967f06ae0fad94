from odoo.addons.fieldpromax_accounting.providers import registry
from odoo.addons.fieldpromax_accounting.providers.xero import XeroProvider
from odoo.addons.fieldpromax_accounting.tests.push_common import FieldpromaxPushCommon
from odoo.exceptions import AccessError
from odoo.tests import Form, tagged

from .common import ProjectsCommon


@tagged('post_install', '-at_install')
class TestProjectSettings(ProjectsCommon):
    def test_defaults_and_who_may_change_them(self):
        self.assertEqual(
            (self.connection.project_push, self.connection.project_as_sub_customer), ('manual', False)
        )
        with self.assertRaises(AccessError):
            self.connection.with_user(self.user_bookkeeper).project_push = 'created'
        self.connection.with_user(self.user_manager).write(
            {'project_push': 'created', 'project_as_sub_customer': True}
        )
        self.assertEqual(self.connection.project_push, 'created')

    def test_plan_in_plain_words(self):
        self.assertFalse(self.connection.project_plan_text)
        self.connection.organization_has_projects = False
        self.assertIn('has no projects', self.connection.project_plan_text)
        self.connection.project_as_sub_customer = True
        self.assertIn('becomes a sub-customer', self.connection.project_plan_text)

    def test_count(self):
        self.linked_project()
        self.connection.invalidate_recordset()
        self.assertEqual(self.connection.project_count, 1)

    def test_what_waits_for_a_decision(self):
        project = self.project('Kitchen')
        self.env['fieldpromax.match'].sudo().search([('connection_id', '=', self.connection.id)]).unlink()
        values = {'connection_id': self.connection.id, 'company_id': self.connection.company_id.id}
        self.env['fieldpromax.match'].sudo().create(
            [
                {**values, 'kind': 'project', 'external_id': '1', 'project_id': project.id},
                {**values, 'kind': 'contact', 'external_id': '1'},
            ]
        )
        self.connection.invalidate_recordset()
        self.assertEqual(self.connection.match_text, '1 customer and 1 project wait for your decision.')

    def test_people_without_accounting_see_projects_as_before(self):
        project = self.linked_project()
        for user in (self.user_employee, self.user_portal):
            views = project.with_user(user).get_view(view_type='form')['arch']
            self.assertNotIn('fieldpromax_headline', views)

    def test_issue_leads_to_the_project(self):
        project = self.project('Kitchen: upstairs')
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        issue = project.fieldpromax_issue_id
        self.assertEqual(issue.action_open_remedy()['res_model'], 'project.project')
        self.assertEqual(issue._as_hold().records, {'project_id': project.id})
        self.assertEqual(
            project.with_user(self.user_manager).sudo().action_fieldpromax_open_issue()['res_id'], issue.id
        )
        project.name = 'Kitchen upstairs'
        self.run_push(self.connection)
        self.assertEqual(issue.state, 'solved')


@tagged('post_install', '-at_install')
class TestBooksWithoutProjects(FieldpromaxPushCommon):
    """Everything as if the addon were not there."""

    @classmethod
    def setUpClass(cls):
        registry.register(XeroProvider)
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref('project.group_project_manager')

    def test_nothing_is_read_sent_or_shown(self):
        self.assertFalse(self.connection.has_projects)
        self.assertNotIn('project', self.env['fieldpromax.run']._kinds(self.connection))
        project = self.env['project.project'].create({'name': 'Kitchen', 'partner_id': self.customer.id})
        self.assertFalse(project.fieldpromax_state)
        self.assertFalse(project.fieldpromax_has_projects)
        account = self.env['account.analytic.account'].create(
            {'name': 'Kitchen', 'plan_id': self.env['account.analytic.plan'].create({'name': 'Jobs'}).id}
        )
        project.account_id = account
        move = self.invoice(post=False)
        move.invoice_line_ids.analytic_distribution = {str(account.id): 100}
        self.assertFalse(move.fieldpromax_has_projects)
        self.assertFalse(move.fieldpromax_project_problem)
        move.action_post()
        self.run_push(self.connection)
        self.assertSent(move)
        self.assertFalse(self.env['fieldpromax.exchange'].search([('kind', '=', 'project')]))

    def test_forms_open(self):
        Form(self.env['project.project'])
        Form(self.env['account.move'].with_context(default_move_type='out_invoice'))
        Form(self.connection.with_user(self.user_manager))

    def test_push_by_hand_says_why_not(self):
        project = self.env['project.project'].create({'name': 'Kitchen', 'partner_id': self.customer.id})
        with self.assertRaisesRegex(Exception, 'No accounting software with projects'):
            project.action_fieldpromax_push()
