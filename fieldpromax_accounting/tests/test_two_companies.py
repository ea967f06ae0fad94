"""Two companies, one with its books in Xero and one in QuickBooks Online, that share customers and products."""

from odoo import Command, fields
from odoo.tests import tagged

from .push_common import FieldpromaxPushCommon
from .quickbooks_common import QuickBooksBooks
from .quickbooks_push_common import QuickBooksPushCommon

# What a person of one company must not see of the other one's books.
KEPT_APART = ('connection', 'link', 'exchange', 'mapping', 'reference', 'run', 'issue', 'match')


@tagged('post_install', '-at_install')
class TestTwoCompanies(QuickBooksBooks, FieldpromaxPushCommon):
    mappings = QuickBooksPushCommon.mappings

    def arrange_more(self):
        cls = type(self)
        cls.other = self.connect_quickbooks('AU', user=self.user_manager_2, odoo_company=self.company_2)
        self.run_pull(self.other)
        cls.product = self.env['product.product'].create(
            {
                'name': 'Shared service',
                'default_code': 'SHARED',
                'list_price': 70.0,
                'type': 'service',
                'taxes_id': [Command.clear()],
                'company_id': False,
            }
        )
        # The set without taxes, of invoices and credit notes, is met with the first ones, and confirmed once.
        drafts = self.document(self.company_2, 1) | self.document(self.company_2, 1, 'out_refund')
        drafts |= self.document(self.company, 1)
        for connection in (self.connection, self.other):
            driver = connection.sudo()._as_driver()
            driver.env['fieldpromax.mapping']._prepare(driver)
        self.env.invalidate_all()
        self.confirm_mappings(self.connection)
        QuickBooksPushCommon.confirm_mappings(self, self.other)
        drafts.unlink()

    def document(self, company, price, move_type='out_invoice'):
        env = self.env(context={**self.env.context, 'allowed_company_ids': company.ids})
        move = env['account.move'].create(
            {
                'move_type': move_type,
                'partner_id': self.customer.id,
                'invoice_date': fields.Date.today(),
                'invoice_line_ids': [
                    Command.create(
                        {'product_id': self.product.id, 'price_unit': price, 'tax_ids': [Command.clear()]}
                    )
                ],
            }
        )
        return move.with_env(self.env)

    def in_quickbooks(self, entities):
        state = self.quickbooks.control('GET', f'/_sim/state?tenant=AU&entities={entities}')
        (company,) = state['companies'].values()
        return company[entities]

    def test_each_company_has_its_own_books(self):
        ours, theirs = self.document(self.company, 100), self.document(self.company_2, 70)
        note = self.document(self.company_2, 20, 'out_refund')
        for move in (ours, theirs, note):
            move.action_post()
        self.assertEqual(ours.name, theirs.name, 'each company counts for itself')
        # The driver of one connection sends nothing of the other.
        self.run_push(self.connection)
        self.assertEqual(
            (ours.fieldpromax_state, theirs.fieldpromax_state, note.fieldpromax_state),
            ('sent', 'waiting', 'waiting'),
            ours.fieldpromax_reason,
        )
        self.run_push(self.other)
        for move, connection in ((ours, self.connection), (theirs, self.other), (note, self.other)):
            self.assertEqual(move.fieldpromax_badge, 'verified', move.fieldpromax_reason)
            self.assertIn(connection._provider_label(), move.fieldpromax_headline)
            links = self.env['fieldpromax.link'].search([('move_id', '=', move.id)])
            self.assertEqual((links.connection_id, links.company_id), (connection, move.company_id))
        [xero] = self.books('invoices')
        [quickbooks] = self.in_quickbooks('invoices')
        [memo] = self.in_quickbooks('credit_memos')
        self.assertEqual((xero['InvoiceNumber'], float(xero['Total'])), (ours.name, 100.0))
        self.assertEqual((quickbooks['DocNumber'], float(quickbooks['TotalAmt'])), (theirs.name, 70.0))
        self.assertEqual((memo['DocNumber'], float(memo['TotalAmt'])), (note.name, 20.0))
        self.assertEqual(self.books('credit_notes'), [])
        self.assertEqual((xero['CurrencyCode'], quickbooks['CurrencyRef']['value']), ('USD', 'AUD'))
        # Each by its own mapping: an account of Xero here, the product of QuickBooks there.
        self.assertEqual(xero['LineItems'][0]['AccountCode'], '200')
        item = quickbooks['Line'][0]['SalesItemLineDetail']['ItemRef']['value']
        for record, column in ((self.customer, 'partner_id'), (self.product, 'product_id')):
            links = self.env['fieldpromax.link'].search([(column, '=', record.id)])
            self.assertEqual(set(links.connection_id), {self.connection, self.other}, 'one in each')
            self.assertEqual(len(links), 2)
        link = links.filtered(lambda one: one.connection_id == self.other)
        self.assertEqual(link.external_id, item)
        # What both have in common takes values from neither.
        before = self.customer.email
        changed = {'DisplayName': self.customer.name, 'PrimaryEmailAddr': {'Address': 'x@y.example'}}
        self.change_books('AU', contacts=[changed])
        self.run_pull(self.other)
        self.assertEqual(self.customer.email, before)
        # Nobody sees the books of the other company, and what its documents say of them.
        for user, seen, hidden in (
            (self.user_bookkeeper, self.connection, self.other),
            (self.user_bookkeeper_2, self.other, self.connection),
        ):
            env = self.as_person(user)
            for model in KEPT_APART:
                rows = env[f'fieldpromax.{model}'].search([])
                owners = rows if model == 'connection' else rows.connection_id
                self.assertNotIn(hidden.id, owners.ids, f'{model} of {hidden.provider}')
            self.assertIn(seen, env['fieldpromax.connection'].search([]))
            self.assertFalse(env['account.move'].search([('company_id', '=', hidden.company_id.id)]))
        # A look over the books finds nothing that differs, in either.
        for connection in (self.connection, self.other):
            self.env['fieldpromax.link']._ask_for_audit(connection)
        self._run_cron(self.env.ref('fieldpromax_accounting.ir_cron_audit'))
        self.assertEqual({move.fieldpromax_badge for move in (ours, theirs, note)}, {'verified'})
        # One company's trouble is no trouble of the other.
        self.quickbooks.revoke_tokens()
        again, later = self.document(self.company, 30), self.document(self.company_2, 30)
        (again | later).action_post()
        self.run_push(self.other)
        self.run_push(self.connection)
        self.assertEqual(again.fieldpromax_state, 'sent', again.fieldpromax_reason)
        self.assertEqual(later.fieldpromax_state, 'waiting')
        self.assertEqual((self.connection.state, self.other.state), ('connected', 'reauth_required'))
