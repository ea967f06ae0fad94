"""Projects of QuickBooks Online: by the real provider over HTTP to the simulator."""

from odoo.addons.fieldpromax_accounting.tests.quickbooks_push_common import QuickBooksPushCommon
from odoo.tests import tagged


class QuickBooksProjectsCommon(QuickBooksPushCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref('project.group_project_manager')

    # === ARRANGE === #

    def connect_books(self):
        self.env['fieldpromax.app']._of('quickbooks').asks_for_projects = True
        return super().connect_books()

    def customer_of(self, name):
        """The customer in Odoo that was made from the one of that name in the books."""
        (contact,) = [row for row in self.books('contacts') if row['DisplayName'] == name]
        return self.contact_link(contact['Id']).partner_id

    def contact_link(self, external_id):
        return self.env['fieldpromax.link'].search(
            [
                ('connection_id', '=', self.connection.id),
                ('kind', '=', 'contact'),
                ('external_id', '=', external_id),
            ]
        )

    def project(self, name, partner, **values):
        return self.env['project.project'].create({'name': name, 'partner_id': partner.id, **values})

    def pushed(self, project):
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        return project

    def pull(self):
        self.run_pull(self.connection)

    # === LOOK === #

    def named(self, name):
        return self.env['project.project'].with_context(active_test=False).search([('name', '=', name)])

    def in_quickbooks(self, name):
        """The customers (projects and sub-customers are some) of that name in the books, inactive ones included."""
        return [row for row in self.books('contacts') if row['DisplayName'] == name]

    def status_in_quickbooks(self, external_id):
        (status,) = [row['status'] for row in self.books('projects') if row['id'] == external_id]
        return status


@tagged('post_install', '-at_install')
class TestQuickBooksProjects(QuickBooksProjectsCommon):
    """A company with projects."""

    def test_lost_answer_is_one_project(self):
        project = self.project('Greenhouse', self.customer_of('Harbor Property Group'))
        self.quickbooks.fault('timeout_after', path='/graphql')
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        for _twice in range(2):
            self.let_hours_pass(2)
            self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        self.assertEqual(len(self.in_quickbooks('Greenhouse')), 1)

    def test_name_of_a_vendor_is_taken(self):
        """Customers, projects, vendors and employees share one list of names there."""
        project = self.project('Supply Depot', self.customer_of('Harbor Property Group'))
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'attention')
        self.assertIn('"Supply Depot" is taken in QuickBooks Online', project.fieldpromax_reason)
        project.name = 'Supply Depot Refit'
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)

    def test_colon_is_refused_before_it_is_sent(self):
        project = self.project('Tower: lobby', self.customer_of('Harbor Property Group'))
        project.action_fieldpromax_push()
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'attention')
        self.assertEqual(self.writes('projects.create'), [])

    def test_first_import(self):
        """Every project under its customer with its state; none of them becomes a customer."""
        expected = {
            'Town Hall Roof': True,
            'Pump Station – Phase 2': True,
            "Cellar O'Neill": False,
            'Lobby Refit': False,
        }
        for name, active in expected.items():
            with self.subTest(name=name):
                project = self.named(name)
                self.assertEqual((len(project), project.active), (1, active))
                (there,) = self.in_quickbooks(name)
                self.assertEqual(
                    project.partner_id, self.contact_link(there['ParentRef']['value']).partner_id
                )
                self.assertFalse(self.env['res.partner'].search([('name', '=', name)]))
        line = self.env['fieldpromax.run.line'].search(
            [('connection_id', '=', self.connection.id), ('kind', '=', 'project')], limit=1
        )
        self.assertEqual((line.state, line.created), ('done', 4))
        self.assertTrue(self.connection.organization_has_projects)

    def test_in_step_both_ways(self):
        project = self.named('Town Hall Roof')
        self.change_books(projects=[{'name': 'Town Hall Roof', 'rename': 'Town Hall Roof and Tower'}])
        self.pull()
        self.assertEqual(project.name, 'Town Hall Roof and Tower')
        self.change_books(projects=[{'name': 'Town Hall Roof and Tower', 'status': 'COMPLETE'}])
        self.pull()
        self.assertFalse(project.active)
        project.active = True
        project.name = 'Town Hall'
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)
        (there,) = self.in_quickbooks('Town Hall')
        self.assertIn('· Open', project.fieldpromax_headline)
        self.assertEqual(there['Id'], project.fieldpromax_external_id)
        self.assertEqual(self.status_in_quickbooks(there['Id']), 'OPEN')
        self.quickbooks.forget_requests()
        self.pull()
        self.run_push(self.connection)
        self.assertEqual(self.writes('projects.update'), [], 'nothing is sent back')
        self.assertEqual((project.name, project.active), ('Town Hall', True))

    def test_both_changed(self):
        project = self.named('Town Hall Roof')
        project.name = 'Roof of Odoo'
        self.change_books(projects=[{'name': 'Town Hall Roof', 'rename': 'Roof of the books'}])
        self.pull()
        self.run_push(self.connection)
        self.assertEqual(project.fieldpromax_state, 'attention')
        self.assertTrue(project.fieldpromax_is_conflict)
        project.action_fieldpromax_keep_ours()
        self.run_push(self.connection)
        self.assertEqual(len(self.in_quickbooks('Roof of Odoo')), 1)

    def test_made_from_odoo(self):
        customer = self.customer_of('Harbor Property Group')
        project = self.pushed(self.project('Greenhouse', customer))
        (there,) = self.in_quickbooks('Greenhouse')
        self.assertTrue(there['IsProject'])
        self.assertEqual(there['Id'], project.fieldpromax_external_id)
        self.assertIn(there['Id'], project.action_fieldpromax_open()['url'])
        self.pull()
        self.assertEqual(len(self.named('Greenhouse')), 1)
        self.assertFalse(self.env['res.partner'].search([('name', '=', 'Greenhouse')]))

    def test_invoice_with_its_project(self):
        project = self.named('Town Hall Roof')
        project.account_id = self.env['account.analytic.account'].create(
            {
                'name': project.name,
                'plan_id': self.env['account.analytic.plan'].create({'name': 'Jobs'}).id,
            }
        )
        move = self.invoice(
            partner=project.partner_id,
            lines=[self.taxed(name='Work', analytic_distribution={str(project.account_id.id): 100})],
        )
        self.run_push(self.connection)
        self.assertSent(move)
        (invoice,) = self.in_books(move)
        self.assertEqual(invoice['CustomerRef']['value'], project.fieldpromax_external_id)

    def test_project_made_with_its_first_invoice(self):
        self.connection.project_push = 'invoiced'
        project = self.project('Greenhouse', self.customer)
        move = self.invoice(post=False)
        move.fieldpromax_project_id = project
        move.action_post()
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        self.assertSent(move)
        (invoice,) = self.in_books(move)
        self.assertEqual(invoice['CustomerRef']['value'], project.fieldpromax_external_id)


@tagged('post_install', '-at_install')
class TestQuickBooksWithoutProjects(QuickBooksProjectsCommon):
    """A plan without projects."""

    books_of = 'US2'

    def test_said_in_plain_words(self):
        self.assertFalse(self.connection.organization_has_projects)
        self.assertIn('has no projects', self.connection.project_plan_text)
        project = self.project('Greenhouse', self.customer)
        self.assertIn('has no projects', project.fieldpromax_reason)
        self.assertFalse(project.fieldpromax_can_push)
        move = self.invoice()
        self.run_push(self.connection)
        self.assertSent(move)

    def test_sub_customer(self):
        self.connection.project_as_sub_customer = True
        project = self.pushed(self.project('Greenhouse', self.customer))
        (there,) = self.in_quickbooks('Greenhouse')
        self.assertFalse(there.get('IsProject'))
        self.assertEqual(there['ParentRef']['value'], self.link_of(self.customer).external_id)
        self.pull()
        self.assertFalse(self.env['res.partner'].search([('name', '=', 'Greenhouse')]))

        self.change_books('US2', contacts=[{'Id': there['Id'], 'rename': 'Greenhouse and shed'}])
        self.pull()
        self.assertEqual(project.name, 'Greenhouse and shed')
        self.assertFalse(self.env['res.partner'].search([('name', 'ilike', 'Greenhouse')]))

        project.name = 'Greenhouse only'
        self.run_push(self.connection)
        self.assertEqual(len(self.in_quickbooks('Greenhouse only')), 1)

        project.active = False
        self.run_push(self.connection)
        (there,) = [row for row in self.books('contacts') if row['Id'] == there['Id']]
        self.assertFalse(there['Active'])
        project.active = True
        self.run_push(self.connection)
        (there,) = [row for row in self.books('contacts') if row['Id'] == there['Id']]
        self.assertTrue(there['Active'])
        self.assertEqual(project.fieldpromax_state, 'linked', project.fieldpromax_reason)

    def test_invoice_of_a_sub_customer(self):
        self.connection.project_as_sub_customer = True
        project = self.pushed(self.project('Greenhouse', self.customer))
        move = self.invoice(post=False)
        move.fieldpromax_project_id = project
        move.action_post()
        self.run_push(self.connection)
        self.assertSent(move)
        (invoice,) = self.in_books(move)
        self.assertEqual(invoice['CustomerRef']['value'], project.fieldpromax_external_id)


@tagged('post_install', '-at_install')
class TestScopeOfProjects(QuickBooksProjectsCommon):
    """Not every app may ask for projects: one that may not gets an error page instead of the consent."""

    def connect_books(self):
        connection = QuickBooksPushCommon.connect_books(self)
        type(self).asked = self.quickbooks.control('GET', '/_sim/state?tenant=US')['connections'][0]['scopes']
        return connection

    def settings(self):
        return self.env['res.config.settings'].create({'fieldpromax_provider': 'quickbooks'})

    def test_projects_are_not_asked_for_unless_it_is_ticked(self):
        self.assertNotIn('project-management.project', self.asked)
        settings = self.settings()
        self.assertTrue(settings.fieldpromax_may_ask_for_projects)
        self.assertFalse(settings.fieldpromax_asks_for_projects)
        settings.fieldpromax_asks_for_projects = True
        settings.execute()
        self.assertTrue(self.settings().fieldpromax_asks_for_projects)
        url = self.start_consent(provider='quickbooks')
        self.assertIn('project-management.project', url)

    def test_ticked_together_with_the_app_itself(self):
        """As from the page of the settings, where all is entered at once."""
        self.connection.action_disconnect()
        self.env['fieldpromax.app']._of('quickbooks').sudo().unlink()
        settings = self.env['res.config.settings'].create(
            {
                'fieldpromax_provider': 'quickbooks',
                'fieldpromax_client_id': 'fieldpromax-demo',
                'fieldpromax_client_secret': 'fieldpromax-demo-secret',
                'fieldpromax_asks_for_projects': True,
            }
        )
        settings.set_values()
        self.assertTrue(self.env['fieldpromax.app']._of('quickbooks').asks_for_projects)

    def test_nothing_to_tick_where_every_app_may_ask_for_all(self):
        settings = self.env['res.config.settings'].create({'fieldpromax_provider': 'xero'})
        self.assertFalse(settings.fieldpromax_may_ask_for_projects)

    def test_projects_are_read_without_it(self):
        self.pull()
        self.assertTrue(self.env['fieldpromax.link'].search([('kind', '=', 'project')]).project_id)
