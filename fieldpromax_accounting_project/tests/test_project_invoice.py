from odoo.tests import Form, tagged

from .common import ProjectsCommon


@tagged('post_install', '-at_install')
class TestProjectInvoice(ProjectsCommon):
    """An invoice carries the project of its lines, or the one that somebody chose."""

    def sent_with(self, move):
        """The project that the invoice stands in the books with."""
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_state, 'sent', move.fieldpromax_reason)
        return self.shelf.invoices[move.name]

    def test_several_projects_none(self):
        first, second = self.pushed(self.project('Kitchen')), self.pushed(self.project('Garage'))
        move = self.invoice(partner=self.acme, lines=[self.line(first), self.line(second)])
        self.assertIn('several (Garage, Kitchen)', move.fieldpromax_project_problem)
        self.assertEqual(self.sent_with(move), '')

    def test_several_projects_one_chosen(self):
        first, second = self.pushed(self.project('Kitchen')), self.pushed(self.project('Garage'))
        move = self.invoice(partner=self.acme, lines=[self.line(first, second)], post=False)
        self.assertTrue(move.fieldpromax_project_problem)
        move.fieldpromax_project_id = second
        self.assertFalse(move.fieldpromax_project_problem)
        move.action_post()
        self.assertEqual(self.sent_with(move), second.fieldpromax_external_id)
        self.assertFalse(move.copy().fieldpromax_project_id)

    def test_project_of_another_customer(self):
        other = self.linked_customer('Other Homes', 'office@other.example')
        project = self.pushed(self.project('Kitchen', other))
        move = self.invoice(partner=self.acme, lines=[self.line(project)])
        self.assertIn('is not a project of "Acme Homes"', move.fieldpromax_project_problem)
        self.assertEqual(self.sent_with(move), '')

    def test_project_that_is_not_in_the_books(self):
        move = self.invoice(partner=self.acme, lines=[self.line(self.project('Kitchen'))])
        self.assertIn('"Kitchen" is not in ProjectBooks', move.fieldpromax_project_problem)
        self.assertEqual(self.sent_with(move), '')

    def test_project_that_is_inactive_there(self):
        project = self.pushed(self.project('Kitchen'))
        self.shelf.change(project.fieldpromax_external_id, active=False)
        self.run_pull(self.connection)
        move = self.invoice(partner=self.acme, lines=[self.line(project)])
        self.assertIn('inactive', move.fieldpromax_project_problem)
        self.assertEqual(self.sent_with(move), '')

    def test_project_of_the_lines(self):
        project = self.pushed(self.project('Kitchen'))
        move = self.invoice(partner=self.acme, lines=[self.line(project), self.line(), self.line(project)])
        self.assertIn('Kitchen', move.fieldpromax_project_text)
        self.assertFalse(move.fieldpromax_project_problem)
        self.assertEqual(self.sent_with(move), project.fieldpromax_external_id)

    def test_contact_person_of_the_customer(self):
        person = self.env['res.partner'].create({'name': 'Ann', 'parent_id': self.acme.id})
        project = self.pushed(self.project('Kitchen'))
        move = self.invoice(partner=person, lines=[self.line(project)])
        self.assertEqual(self.sent_with(move), project.fieldpromax_external_id)

    def test_account_shared_by_projects_of_two_customers(self):
        other = self.linked_customer('Other Homes', 'office@other.example')
        project, foreign = self.pushed(self.project('Kitchen')), self.project('Kitchen', other)
        foreign.account_id = self.analytic_account(project)
        move = self.invoice(partner=self.acme, lines=[self.line(project)])
        self.assertEqual(self.sent_with(move), project.fieldpromax_external_id)

    def test_archived_project_is_found(self):
        project = self.pushed(self.project('Kitchen'))
        line = self.line(project)
        project.active = False
        self.run_push(self.connection)
        move = self.invoice(partner=self.acme, lines=[line])
        self.assertEqual(self.sent_with(move), project.fieldpromax_external_id)

    def test_made_with_its_first_invoice(self):
        self.connection.project_push = 'invoiced'
        partner = self.env['res.partner'].create({'name': 'New Homes', 'email': 'new@homes.example'})
        project = self.project('Kitchen', partner)
        move = self.invoice(partner=partner, lines=[self.line(project)])
        self.assertIn('is made in ProjectBooks with this invoice', move.fieldpromax_project_text)
        self.assertEqual(self.sent_with(move), project.fieldpromax_external_id)
        self.assertEqual(len(self.shelf.named('Kitchen')), 1)

    def test_waits_for_a_project_that_needs_attention(self):
        self.connection.project_push = 'invoiced'
        project = self.project('Kitchen: upstairs')
        move = self.invoice(partner=self.acme, lines=[self.line(project)])
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        self.assertAttention(move, 'no colon')
        project.name = 'Kitchen upstairs'
        self.run_push(self.connection)
        self.make_due()
        self.assertEqual(self.sent_with(move), project.fieldpromax_external_id)

    def test_chosen_while_it_waits(self):
        """Another project is chosen on the invoice: it goes at once."""
        self.connection.project_push = 'invoiced'
        fine = self.pushed(self.project('Garage'))
        project = self.project('Kitchen: upstairs')
        move = self.invoice(partner=self.acme, lines=[self.line(project)])
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        move.fieldpromax_project_id = fine
        self.make_due()
        self.assertEqual(self.sent_with(move), fine.fieldpromax_external_id)

    def test_form(self):
        project = self.pushed(self.project('Kitchen'))
        with Form(self.invoice(partner=self.acme, post=False)) as form:
            form.fieldpromax_project_id = project
        self.assertIn('Kitchen', form.record.fieldpromax_project_text)
