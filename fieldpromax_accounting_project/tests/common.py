from odoo import Command
from odoo.addons.fieldpromax_accounting.providers import registry
from odoo.addons.fieldpromax_accounting.providers.xero import XeroProvider
from odoo.addons.fieldpromax_accounting.tests.push_common import FieldpromaxPushCommon

from .projectbooks import ProjectBooksProvider, Shelf


class ProjectsCommon(FieldpromaxPushCommon):
    """Connected to books that have projects, with one customer linked."""

    @classmethod
    def setUpClass(cls):
        registry.register(ProjectBooksProvider)
        cls.addClassCleanup(registry.register, XeroProvider)
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref('project.group_project_manager')

    def setUp(self):
        self.shelf = ProjectBooksProvider.shelf = Shelf()
        self.prepare_books()
        super().setUp()

    def arrange_more(self):
        type(self).acme = self.linked_customer('Acme Homes', 'office@acme.example')

    def prepare_books(self):
        """What the books look like before they are connected."""

    # === ARRANGE === #

    def linked_customer(self, name, email):
        """A customer that both sides have."""
        partner = self.env['res.partner'].create({'name': name, 'email': email, 'is_company': True})
        self.env['fieldpromax.exchange']._enqueue(self.connection, 'contact', partner)
        self.run_push(self.connection)
        self.assertTrue(self.link_of(partner))
        return partner

    def contact_id(self, partner):
        return self.link_of(partner).external_id

    def project(self, name, partner=None, **values):
        return self.env['project.project'].create(
            {'name': name, 'partner_id': (partner or self.acme).id, **values}
        )

    def linked_project(self, name='Bathroom', partner=None, status='open'):
        """A project that both sides have: made in the books and pulled."""
        external_id = self.shelf.put(name, self.contact_id(partner or self.acme), status)
        self.run_pull(self.connection)
        return self.project_of(external_id)

    def pushed(self, project):
        """Made in the books by the button."""
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        return project

    def use_stages(self):
        self.env['res.config.settings'].create({'group_project_stages': True}).execute()

    def analytic_account(self, project):
        plan = self.env['account.analytic.plan'].search([], limit=1) or self.env[
            'account.analytic.plan'
        ].create({'name': 'Projects'})
        project.account_id = self.env['account.analytic.account'].create(
            {'name': project.name, 'plan_id': plan.id}
        )
        return project.account_id

    def line(self, *projects, **values):
        """A line of an invoice that carries the analytic accounts of these projects."""
        accounts = [(project.account_id or self.analytic_account(project)).id for project in projects]
        return {
            'name': 'Work',
            'quantity': 1,
            'price_unit': 100.0,
            'tax_ids': [Command.set(self.company_data['default_tax_sale'].ids)],
            'analytic_distribution': {','.join(map(str, accounts)): 100} if accounts else False,
            **values,
        }

    # === LOOK === #

    def links(self, external_id=None):
        domain = [('connection_id', '=', self.connection.id), ('kind', '=', 'project')]
        if external_id:
            domain.append(('external_id', '=', external_id))
        return self.env['fieldpromax.link'].sudo().search(domain)

    def project_of(self, external_id):
        return self.links(external_id).project_id

    def rows(self, external_id=None):
        domain = [('kind', '=', 'project'), ('decision', '=', 'pending'), ('is_deferred', '=', False)]
        if external_id:
            domain.append(('external_id', '=', external_id))
        return self.env['fieldpromax.match'].sudo().search(domain)

    def named(self, name):
        return self.env['project.project'].with_context(active_test=False).search([('name', '=', name)])
