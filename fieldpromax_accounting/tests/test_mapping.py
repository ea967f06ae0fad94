"""Which account and tax rate of the books stands for Odoo's: proposed where it is beyond doubt, otherwise
asked."""

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import ConnectedOnce
from .test_pull import PullCommon

# What the books of these tests have; everything that the simulator brings is switched off first.
RATES = [
    {'TaxType': 'OUTPUT', 'Name': 'GST on Income', 'EffectiveRate': 10},
    {'TaxType': 'OLD10', 'Name': 'Old GST', 'EffectiveRate': 12.5, 'Status': 'DELETED'},
    {'TaxType': 'BUY7', 'Name': 'Only for purchases', 'EffectiveRate': 7, 'CanApplyToRevenue': False},
    {'TaxType': 'FIVE1', 'Name': 'Reduced', 'EffectiveRate': 5},
    {'TaxType': 'FIVE2', 'Name': 'Tourism', 'EffectiveRate': 5},
    {'TaxType': 'EXEMPTOUTPUT', 'Name': 'GST Free Income', 'EffectiveRate': 0},
    {'TaxType': 'ZERORATED', 'Name': 'Zero Rated Income', 'EffectiveRate': 0},
    {'TaxType': 'NONE', 'Name': 'No Tax', 'EffectiveRate': 0},
    {'TaxType': 'COMP', 'Name': 'Ten upon five', 'EffectiveRate': 15.5},
]


@tagged('post_install', '-at_install')
class TestMapping(ConnectedOnce, PullCommon):
    def tax(self, amount, name=None, **values):
        return self.env['account.tax'].create(
            {
                'name': name or f'Tax {amount}',
                'amount': amount,
                'amount_type': 'percent',
                'type_tax_use': 'sale',
                'company_id': self.company.id,
                'country_id': self.company.account_fiscal_country_id.id,
                **values,
            }
        )

    def connected(self, rates=RATES):
        state = self.simulator.control('GET', '/_sim/state?entities=tax_rates')
        present = next(books for books in state['organisations'].values() if 'Lakeside' in books['Name']).get(
            'tax_rates', []
        )
        off = [{'TaxType': rate['TaxType'], 'Status': 'DELETED'} for rate in present]
        chosen = {rate['TaxType']: {'Status': 'ACTIVE', 'CanApplyToRevenue': True, **rate} for rate in rates}
        self.put(tax_rates=[rate for rate in off if rate['TaxType'] not in chosen] + list(chosen.values()))
        connection = self.connect('US')
        self.run_pull(connection)
        self.assertEqual(connection.run_ids.state, 'done', connection.run_ids.reason)
        return connection

    def invoice(self, *taxes, account=None, **values):
        line = {
            'name': 'Work',
            'quantity': 1,
            'price_unit': 100,
            'tax_ids': [Command.set([tax.id for tax in taxes])],
        }
        if account:
            line['account_id'] = account.id
        return self.env['account.move'].create(
            {
                'move_type': 'out_invoice',
                'partner_id': self.own_customer.id,
                'invoice_date': fields.Date.today(),
                'company_id': self.company.id,
                'invoice_line_ids': [Command.create(line)],
                **values,
            }
        )

    def mapping(self, connection, taxes=None, account=None):
        key = f'account:{account.id}' if account else 'default'
        if taxes is not None:
            key = 'tax:sale:' + ','.join(map(str, sorted(taxes.ids)))
        return (
            self.env['fieldpromax.mapping']
            .sudo()
            .search([('connection_id', '=', connection.id), ('key', '=', key)])
        )

    def reference(self, connection, external_id=None, code=None):
        domain = [('external_id', '=', external_id)] if external_id else [('code', '=', code)]
        return (
            self.env['fieldpromax.reference']
            .with_context(active_test=False)
            .search([('connection_id', '=', connection.id), *domain])
        )

    def resolver(self, connection):
        driver = connection.sudo()._as_driver()
        return driver.env['fieldpromax.mapping']._resolver(driver)

    def as_bookkeeper(self, records):
        return records.with_env(self.as_person(self.user_bookkeeper))

    # === REFERENCE DATA === #

    def test_references_follow_the_books(self):
        connection = self.connected()
        output = self.reference(connection, 'OUTPUT')
        self.assertEqual(
            (output.name, output.rate, output.for_sales, output.active), ('GST on Income', 10, True, True)
        )
        self.assertFalse(self.reference(connection, 'BUY7').for_sales)
        self.assertFalse(self.reference(connection, 'OLD10').active)
        sales = self.reference(connection, code='200')
        self.assertTrue(sales.is_revenue)
        self.put(
            tax_rates=[{'TaxType': 'OUTPUT', 'Name': 'GST renamed', 'EffectiveRate': 10}],
            accounts=[{'Code': '205', 'Name': 'New income', 'Type': 'REVENUE'}],
        )
        self.as_bookkeeper(self.env['fieldpromax.mapping']).action_refresh()
        self.run_pull(connection)
        self.assertEqual(output.name, 'GST renamed')
        self.assertEqual(self.reference(connection, code='205').name, 'New income')
        self.assertEqual(self.reference(connection, code='200'), sales)

    # === PROPOSALS === #

    def test_taxes(self):
        """A percentage that one active rate for sales has is mapped without asking; nothing else is."""
        five, ten, seven, old = (self.tax(amount) for amount in (5, 10, 7, 12.5))
        compound = self.tax(5, 'First', include_base_amount=True, sequence=1) | self.tax(
            10, 'Upon it', sequence=2
        )
        group = self.tax(0, 'Group', amount_type='group', children_tax_ids=[Command.set(compound.ids)])
        included = self.tax(10, 'Included', price_include_override='tax_included')
        fixed = self.tax(3, 'Per piece', amount_type='fixed')
        for taxes in (five, ten, seven, old, compound, group, included, fixed):
            self.invoice(*taxes)
        connection = self.connected()
        resolver = self.resolver(connection)
        expected = {
            five: None,
            ten: 'OUTPUT',
            seven: None,
            old: None,
            compound: 'COMP',
            group: 'COMP',
            included: 'OUTPUT',
            fixed: None,
        }
        for taxes, external_id in expected.items():
            found = resolver.tax(taxes)
            self.assertEqual(found.external_id if found else None, external_id, taxes.mapped('name'))
            self.assertTrue(self.mapping(connection, taxes), taxes.mapped('name'))
        self.assertIn('2 tax rates', self.mapping(connection, five).reason)
        self.assertIn('no active tax rate', self.mapping(connection, seven).reason)
        self.assertIn('no active tax rate', self.mapping(connection, old).reason)
        row = self.mapping(connection, fixed)
        self.assertIn('not a percentage', row.reason)
        with self.assertRaises(UserError):
            self.as_bookkeeper(row).write({'reference_id': self.reference(connection, 'OUTPUT').id})

    def test_zero_per_cent_is_always_asked(self):
        """Also when only one rate of 0 % is there, and when there is no tax at all."""
        exempt, zero, plain = self.tax(0, 'Exempt'), self.tax(0, 'Zero-rated'), self.tax(0, 'Nought')
        for taxes in (exempt, zero, plain, self.env['account.tax']):
            self.invoice(*taxes)
        connection = self.connected()
        resolver = self.resolver(connection)
        for taxes, proposed in (
            (exempt, 'EXEMPTOUTPUT'),
            (zero, 'ZERORATED'),
            (plain, False),
            (self.env['account.tax'], 'NONE'),
        ):
            row = self.mapping(connection, taxes)
            self.assertEqual(row.reference_id.external_id, proposed, row.record_name)
            self.assertTrue(row.needs_attention)
            self.assertIsNone(resolver.tax(taxes))
            hold = resolver.missing_tax(taxes)
            self.assertEqual((hold.cause, hold.records), ('mapping_missing', {'mapping_id': row.id}))
            self.assertIn(row.record_name, hold.title)
        self.as_bookkeeper(self.mapping(connection, exempt)).action_confirm()
        row = self.mapping(connection, exempt)
        self.assertEqual((row.state, row.confirmed_by_id), ('confirmed', self.user_bookkeeper))
        self.assertEqual(self.resolver(connection).tax(exempt).external_id, 'EXEMPTOUTPUT')

    def test_only_one_zero_rate(self):
        tax = self.tax(0, 'Exempt')
        self.invoice(tax)
        connection = self.connected([RATES[0], RATES[7]])
        row = self.mapping(connection, tax)
        self.assertEqual(
            (row.state, row.needs_confirmation, row.reference_id.external_id), ('suggested', True, 'NONE')
        )
        self.assertIsNone(self.resolver(connection).tax(tax))

    def test_a_second_rate_appears(self):
        """What was beyond doubt no longer is; what a person confirmed stays."""
        one, two = self.tax(10, 'One'), self.tax(10, 'Two')
        self.invoice(one)
        self.invoice(two)
        connection = self.connected()
        self.assertEqual(self.resolver(connection).tax(one).external_id, 'OUTPUT')
        self.as_bookkeeper(self.mapping(connection, two)).action_confirm()
        self.put(
            tax_rates=[{'TaxType': 'TEN2', 'Name': 'Another ten', 'EffectiveRate': 10, 'Status': 'ACTIVE'}]
        )
        self.env['fieldpromax.run'].sudo()._start(connection, 'incremental', with_references=True)
        self.run_pull(connection)
        self.assertIsNone(self.resolver(connection).tax(one))
        self.assertIn('2 tax rates', self.mapping(connection, one).reason)
        self.assertEqual(self.resolver(connection).tax(two).external_id, 'OUTPUT')

    def test_confirmed_one_is_archived_there(self):
        tax = self.tax(0, 'Exempt')
        self.invoice(tax)
        connection = self.connected()
        row = self.mapping(connection, tax)
        self.as_bookkeeper(row).action_confirm()
        for status, state in (('DELETED', 'missing'), ('ACTIVE', 'confirmed')):
            self.put(tax_rates=[{'TaxType': 'EXEMPTOUTPUT', 'Status': status}])
            self.env['fieldpromax.run'].sudo()._start(connection, 'incremental', with_references=True)
            self.run_pull(connection)
            self.assertEqual(row.state, state)
            self.assertEqual(bool(self.resolver(connection).tax(tax)), state == 'confirmed')

    def test_met_for_the_first_time(self):
        """A tax nobody used before gets its row when it is met, with a proposal."""
        connection = self.connected()
        tax = self.tax(10, 'New one')
        self.assertFalse(self.mapping(connection, tax))
        self.assertEqual(self.resolver(connection).tax(tax).external_id, 'OUTPUT')
        self.assertTrue(self.mapping(connection, tax))
        refund = self.resolver(connection).tax(tax, 'refund')
        self.assertEqual(refund.external_id, 'OUTPUT')

    # === ACCOUNTS === #

    def test_default_revenue_account(self):
        connection = self.connected()
        account = self.company_data['default_account_revenue']
        self.invoice(account=account)
        resolver = self.resolver(connection)
        self.assertIsNone(resolver.account(account))
        hold = resolver.missing_account(account)
        default = self.mapping(connection)
        self.assertEqual(hold.records, {'mapping_id': default.id})
        self.assertEqual((default.state, default.reference_id.name), ('suggested', 'Sales'))
        self.as_bookkeeper(default).action_confirm()
        self.assertEqual(self.resolver(connection).account(account).code, '200')

    def test_account_of_its_own(self):
        """The same code and name is used without asking; another choice goes before the default."""
        same = self.env['account.account'].create(
            {'code': '260', 'name': 'Other Revenue', 'account_type': 'income'}
        )
        other = self.env['account.account'].create(
            {'code': '499999', 'name': 'Projects', 'account_type': 'income'}
        )
        deposit = self.env['account.account'].create(
            {'code': '299999', 'name': 'Deposits', 'account_type': 'liability_current'}
        )
        for account in (same, other, deposit):
            self.invoice(account=account)
        connection = self.connected()
        self.as_bookkeeper(self.mapping(connection)).action_confirm()
        resolver = self.resolver(connection)
        self.assertEqual(resolver.account(same).code, '260')
        self.assertEqual(resolver.account(other).code, '200')
        self.assertEqual(self.mapping(connection, account=other).state, 'default')
        self.assertIsNone(resolver.account(deposit), 'what is no income is never booked as revenue')
        self.assertIn('Deposits', resolver.missing_account(deposit).title)
        self.as_bookkeeper(self.mapping(connection, account=other)).write(
            {'reference_id': self.reference(connection, code='270').id}
        )
        self.assertEqual(self.resolver(connection).account(other).code, '270')
        self.as_bookkeeper(self.mapping(connection, account=other)).write({'reference_id': False})
        self.assertEqual(self.resolver(connection).account(other).code, '200')

    def test_account_of_a_product_or_category(self):
        """The product goes before its category, both before the account; a deposit stays a deposit."""
        services = self.env['product.category'].create({'name': 'Services'})
        repairs = self.env['product.category'].create({'name': 'Repairs', 'parent_id': services.id})
        boiler, pump = self.env['product.product'].create(
            [{'name': name, 'categ_id': repairs.id} for name in ('Boiler service', 'Pump repair')]
        )
        revenue = self.company_data['default_account_revenue']
        deposit = self.env['account.account'].create(
            {'code': '299997', 'name': 'Deposits', 'account_type': 'liability_current'}
        )
        connection = self.connected()
        self.as_bookkeeper(self.mapping(connection)).action_confirm()
        rules = self.as_person(self.user_bookkeeper)['fieldpromax.mapping.rule']
        for values in (
            {
                'scope': 'category',
                'category_id': services.id,
                'reference_id': self.reference(connection, code='260').id,
            },
            {
                'scope': 'product',
                'product_tmpl_id': pump.product_tmpl_id.id,
                'reference_id': self.reference(connection, code='270').id,
            },
        ):
            rules.create({'connection_id': connection.id, **values}).action_add()
        resolver = self.resolver(connection)
        found = [resolver.account(revenue, one).code for one in (boiler, pump, self.env['product.product'])]
        self.assertEqual(found, ['260', '270', '200'])
        self.assertIsNone(resolver.account(deposit, pump))
        # What was chosen is gone there: it is said, not booked elsewhere in silence.
        self.put(accounts=[{'Code': '270', 'Status': 'ARCHIVED'}])
        self.as_bookkeeper(self.env['fieldpromax.mapping']).action_refresh()
        self.run_pull(connection)
        resolver = self.resolver(connection)
        self.assertIsNone(resolver.account(revenue, pump))
        self.assertIn('Product: Pump repair', resolver.missing_account(revenue, pump).title)
        row = self.mapping(connection).search([('product_tmpl_id', '=', pump.product_tmpl_id.id)])
        self.as_bookkeeper(row).write({'reference_id': False})
        self.assertEqual(self.resolver(connection).account(revenue, pump).code, '260')
        with self.assertRaises(AccessError):
            self.as_person(self.user_invoice)['fieldpromax.mapping']._choose_account_for(
                connection.with_env(self.as_person(self.user_invoice)),
                self.reference(connection, code='200'),
                category=repairs,
            )

    # === THE GUIDED PAGE === #

    def guide(self, connection, user=None):
        """The page as a person opens it from the overview."""
        env = self.as_person(user or self.user_bookkeeper)
        self.env.flush_all()
        action = connection.with_env(env).action_view_mappings()
        self.assertEqual(action['res_model'], 'fieldpromax.mapping.guide')
        return env['fieldpromax.mapping.guide'].browse(action['res_id'])

    def test_guide_lists_what_invoices_use(self):
        """Drafts and credit notes count as well; what is missing comes first; one click accepts all suggestions."""
        ten, exempt, odd = self.tax(10), self.tax(0, 'Exempt'), self.tax(42)
        yen = self.env.ref('base.JPY')
        yen.active = True
        moves = self.invoice(ten) | self.invoice(ten, exempt)
        moves.action_post()
        self.invoice(odd)
        self.invoice(ten, move_type='out_refund')
        self.invoice(exempt, move_type='out_refund')
        self.invoice(exempt)
        self.invoice(ten, currency_id=yen.id)
        self.invoice(self.tax(33), fieldpromax_do_not_sync=True)
        self.invoice(self.tax(34), invoice_date='2020-01-01')
        connection = self.connected()
        guide = self.guide(connection)
        used = {
            row.record_name: row.invoice_count for row in guide.todo_ids | guide.tax_ids | guide.currency_ids
        }
        self.assertEqual(used['Tax 10'], 2)
        self.assertEqual(used['Tax 10 (credit notes)'], 1)
        self.assertEqual(used['Exempt'], 1)
        self.assertFalse({'Tax 33', 'Tax 34'} & set(used), 'neither kept out nor older')
        self.assertEqual(guide.todo_ids.mapped('state'), sorted(guide.todo_ids.mapped('state')))
        missing = guide.todo_ids.filtered(lambda row: row.state == 'missing')
        self.assertEqual(set(missing.mapped('kind')), {'tax', 'currency'})
        self.assertIn('Add it in Xero', missing.filtered('currency_id').reason)
        self.assertIn('USD', guide.currency_ids.mapped('currency_id.name'))
        default = guide.todo_ids.filtered(lambda row: row.key == 'default')
        self.assertEqual(default.invoice_count, 7)
        self.assertIn('counterparts in the books are missing', connection.mapping_text)
        self.assertEqual(guide.todo_text, connection.mapping_text)
        # Exempt on invoices and on credit notes, ten with exempt is ten: both follow by rate; and the default account.
        suggested = guide.suggestion_count
        self.assertGreaterEqual(suggested, 3)
        guide.action_accept()
        guide.invalidate_recordset()
        self.assertEqual((guide.suggestion_count, guide.todo_ids), (0, missing))
        resolver = self.resolver(connection)
        self.assertEqual(resolver.tax(exempt, 'refund').external_id, 'EXEMPTOUTPUT')
        with self.assertRaises(UserError):
            guide.action_accept()
        # Chosen in the page itself, as the web client does it.
        rows = missing.filtered(lambda row: row.kind == 'tax')
        self.assertIn(odd, rows.tax_ids)
        chosen = {'reference_id': self.reference(connection, 'FIVE1').id}
        guide.write({'todo_ids': [Command.update(row.id, chosen) for row in rows]})
        self.assertEqual(set(rows.mapped('state')), {'confirmed'})
        self.assertEqual(rows.confirmed_by_id, self.user_bookkeeper)
        # The currency is added there, the page read again.
        self.put(currencies=['JPY'])
        guide.action_refresh()
        self.run_pull(connection)
        guide.invalidate_recordset()
        self.assertFalse(guide.todo_ids, guide.todo_ids.mapped('reason'))
        self.assertEqual(connection.mapping_text, '')

    def test_credit_notes_follow_what_was_confirmed_for_invoices(self):
        exempt = self.tax(0, 'Exempt')
        self.invoice(exempt)
        self.invoice(exempt, move_type='out_refund')
        connection = self.connected()
        sold = self.mapping(connection, exempt)
        refund = sold.search([('connection_id', '=', connection.id), ('use', '=', 'refund')])
        self.assertTrue(refund.needs_attention)
        self.as_bookkeeper(sold).write({'reference_id': self.reference(connection, 'ZERORATED').id})
        self.assertEqual((refund.reference_id.external_id, refund.needs_attention), ('ZERORATED', False))

    def test_guide_is_for_bookkeepers_of_the_company(self):
        connection = self.connected()
        action = connection.with_env(self.as_person(self.user_invoice)).action_view_mappings()
        self.assertEqual(action['res_model'], 'fieldpromax.mapping', 'others look at the list')
        guide = self.guide(connection)
        for user in (self.user_invoice, self.user_bookkeeper_2):
            with self.assertRaises(AccessError, msg=user.login):
                connection.with_env(self.as_person(user)).env['fieldpromax.mapping.guide']._open(
                    connection.with_env(self.as_person(user))
                )
            with self.assertRaises(AccessError, msg=user.login):
                guide.with_env(self.as_person(user)).action_accept()

    # === WHO MAY === #

    def test_choice_is_checked(self):
        tax = self.tax(5)
        self.invoice(tax)
        connection = self.connected()
        row = self.as_bookkeeper(self.mapping(connection, tax))
        two = self.connect('AU', user=self.user_manager_2, company=self.company_2)
        self.run_pull(two)
        for wrong in (
            self.reference(connection, 'OLD10'),
            self.reference(connection, 'BUY7'),
            self.reference(connection, code='200'),
            self.env['fieldpromax.reference']
            .sudo()
            .search([('connection_id', '=', two.id), ('kind', '=', 'tax')])[:1],
        ):
            self.assertTrue(wrong)
            with self.assertRaises(UserError):  # an AccessError is one, too
                row.write({'reference_id': wrong.id})
        row.write({'reference_id': self.reference(connection, 'FIVE2').id})
        self.assertEqual((row.state, row.confirmed_by_id), ('confirmed', self.user_bookkeeper))
        self.assertEqual(self.resolver(connection).tax(tax).external_id, 'FIVE2')

    def test_choosing_wakes_the_push(self):
        connection = self.connected()
        triggers = self.env['ir.cron.trigger'].sudo()
        domain = [('cron_id', '=', connection.sudo().push_cron_id.id)]
        triggers.search(domain).unlink()
        self.as_bookkeeper(self.mapping(connection)).action_confirm()
        self.assertTrue(triggers.search(domain))

    def test_rights(self):
        connection = self.connected()
        row = self.mapping(connection)
        reference = row.reference_id
        for user in (self.user_portal, self.user_employee, self.user_invoice, self.user_bookkeeper_2):
            theirs = row.with_env(self.as_person(user))
            with self.assertRaises(AccessError, msg=user.login):
                theirs.action_confirm()
            with self.assertRaises(AccessError, msg=user.login):
                theirs.write({'reference_id': reference.id})
        mine = self.as_bookkeeper(row)
        for call in (
            lambda: mine.write({'state': 'confirmed'}),
            lambda: mine.write({'reference_id': reference.id, 'needs_confirmation': False}),
            lambda: mine.create(
                {'connection_id': connection.id, 'kind': 'tax', 'key': 'x', 'record_name': 'x'}
            ),
            mine.unlink,
        ):
            with self.assertRaises(AccessError):
                call()
        self.assertEqual(row.state, 'suggested')
        with self.assertRaises(AccessError):
            self.as_person(self.user_invoice)['fieldpromax.mapping'].action_refresh()

    def test_many_confirmed_at_once(self):
        self.invoice(self.tax(0, 'Exempt'))
        self.invoice(self.tax(0, 'Zero-rated'))
        connection = self.connected()
        rows = (
            self.env['fieldpromax.mapping']
            .sudo()
            .search(
                [
                    ('connection_id', '=', connection.id),
                    ('needs_attention', '=', True),
                    ('reference_id', '!=', False),
                ]
            )
        )
        self.assertGreaterEqual(len(rows), 3)
        self.as_bookkeeper(rows).action_confirm()
        self.assertEqual(set(rows.mapped('state')), {'confirmed'})

    def test_deleted_account_keeps_its_row(self):
        account = self.env['account.account'].create(
            {'code': '499998', 'name': 'Short-lived', 'account_type': 'income'}
        )
        invoice = self.invoice(account=account)
        connection = self.connected()
        row = self.mapping(connection, account=account)
        self.assertTrue(row)
        invoice.unlink()
        account.unlink()
        self.assertTrue(row.exists())
        self.assertIn('Short-lived', row.record_name)
        self.env['fieldpromax.run'].sudo()._start(connection, 'incremental', with_references=True)
        self.run_pull(connection)
        self.assertEqual(connection.run_ids[:1].state, 'done', connection.run_ids[:1].reason)
