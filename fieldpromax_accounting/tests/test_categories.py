"""Analytic accounts of lines, told to the books as what tells lines apart there: here tracking categories of Xero. How
both providers keep it is tried in ``tests/contract``."""

from odoo import Command
from odoo.tests import tagged

from .push_common import FieldpromaxPushCommon


@tagged('post_install', '-at_install')
class TestCategories(FieldpromaxPushCommon):
    def analytic(self, plan, *names):
        plan = self.env['account.analytic.plan'].create({'name': plan})
        return self.env['account.analytic.account'].create(
            [{'name': one, 'plan_id': plan.id} for one in names]
        )

    def read_references(self):
        self.env['fieldpromax.run'].sudo()._start(self.connection, 'incremental', with_references=True)
        self.run_pull(self.connection)

    def category_of(self, account):
        return self.env['fieldpromax.mapping'].search([('analytic_account_id', '=', account.id)])

    def test_analytic_accounts_become_tracking_categories(self):
        north, south = self.analytic('Branch', 'North', 'South')
        roof = self.analytic('Job', 'Roof')
        tax = [Command.set(self.company_data['default_tax_sale'].ids)]
        distributions = (
            {f'{north.id},{roof.id}': 100},
            {str(north.id): 60, str(south.id): 40},
            {str(south.id): 100},
            False,
        )
        lines = [
            {
                'name': f'Line {place}',
                'price_unit': 10.0 + place,
                'tax_ids': tax,
                'analytic_distribution': one,
            }
            for place, one in enumerate(distributions)
        ]
        first = self.invoice(lines=lines)
        self.run_push(self.connection)
        self.assertSent(first)
        self.assertEqual(self.told(first), ['', '', '', ''], 'the books tell nothing apart')
        self.use_categories('North', 'South', 'West')
        self.read_references()
        rows = {account: self.category_of(account) for account in (north, south, roof)}
        self.assertEqual(
            [(row.status, row.reference_id.name or '', row.invoice_count) for row in rows.values()],
            [('to_confirm', 'North', 1), ('to_confirm', 'South', 1), ('left_out', '', 1)],
        )
        guide = self.env['fieldpromax.mapping.guide'].with_user(self.user_bookkeeper)._open(self.connection)
        guide = self.env['fieldpromax.mapping.guide'].with_user(self.user_bookkeeper).browse(guide['res_id'])
        self.assertEqual(guide.category_ids, rows[north] | rows[south] | rows[roof])
        self.assertFalse((rows[north] | rows[roof]) & guide.todo_ids, 'nothing waits for it')
        # What nobody confirmed goes without; nothing waits for it.
        move = self.invoice(lines=lines, post=False)
        preview = self.env['fieldpromax.preview'].browse(move.action_fieldpromax_preview()['res_id'])
        self.assertFalse(preview.stops_html)
        self.assertIn('North, Roof, South', preview.notes_html)
        rows[north].with_user(self.user_bookkeeper).action_confirm()
        rows[south].with_user(self.user_bookkeeper).action_confirm()
        preview = self.env['fieldpromax.preview'].browse(move.action_fieldpromax_preview()['res_id'])
        self.assertTrue(preview.shows_category)
        shown = [line.category.rpartition(': ')[2] if line.category else '' for line in preview.line_ids]
        self.assertEqual(shown, ['North', '', 'South', ''])
        self.assertIn('Roof, North, South', preview.notes_html)
        move.action_post()
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_badge, 'verified', move.fieldpromax_reason)
        self.assertEqual(self.told(move), ['North', '', 'South', ''])
        # Changed: another one, none any more, one of a line that had none.
        move.button_draft()
        distributions = ({str(south.id): 100}, False, False, {str(north.id): 100})
        for line, one in zip(move.invoice_line_ids.sorted('id'), distributions, strict=True):
            line.analytic_distribution = one
        move.action_post()
        self.run_push(self.connection)
        self.assertEqual(move.fieldpromax_badge, 'verified', move.fieldpromax_reason)
        self.assertEqual(self.told(move), ['South', '', '', 'North'])
        # One that ends in the books is told, and holds nothing up.
        self.use_categories('South', 'West')
        self.read_references()
        self.assertIn('no longer active', rows[north].reason)
        last = self.invoice(lines=lines)
        self.run_push(self.connection)
        self.assertEqual(last.fieldpromax_badge, 'verified', last.fieldpromax_reason)
        self.assertEqual(self.told(last), ['', '', 'South', ''])
        # Changed there: a difference with both names side by side.
        [invoice] = self.in_books(last)
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {
                'invoices': [
                    {
                        'InvoiceNumber': last.name,
                        'LineItems': [
                            {'LineItemID': line['LineItemID']}
                            if not line['Tracking']
                            else {
                                'LineItemID': line['LineItemID'],
                                'Tracking': [{'Name': 'Branch', 'Option': 'West'}],
                            }
                            for line in invoice['LineItems']
                        ],
                    }
                ]
            },
        )
        self.env['fieldpromax.link']._ask_for_audit(self.connection)
        self._run_cron(self.env.ref('fieldpromax_accounting.ir_cron_audit'))
        self.assertAttention(last, 'Branch: South', 'Branch: West')

    def use_categories(self, *names):
        known = [option['Name'] for one in self.books('tracking') for option in one['Options']]
        options = [{'Name': name, 'Status': 'ACTIVE'} for name in names]
        options += [{'Name': name, 'Status': 'ARCHIVED'} for name in known if name not in names]
        self.simulator.control(
            'POST', '/_sim/organisations/US', {'tracking': [{'Name': 'Branch', 'Options': options}]}
        )

    def told(self, move):
        [invoice] = self.in_books(move)
        return [', '.join(one['Option'] for one in line['Tracking']) for line in invoice['LineItems']]
