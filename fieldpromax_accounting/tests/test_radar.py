"""The duplicate radar: what it finds, before and after connecting, and the ways out that it offers."""

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..renaming import Suggestion, rename, texts
from .common import ConnectingCommon
from .quickbooks_common import QuickBooksBooks

PARTNERS, PRODUCTS = 'base.group_partner_manager', 'product.group_product_manager'


class RadarCommon(ConnectingCommon):
    def setUp(self):
        super().setUp()
        # What the database brings along is no concern of these tests.
        self.env['res.partner'].search([('commercial_partner_id', '!=', False)]).filtered(
            lambda partner: (
                not partner.with_context(active_test=False).user_ids and not partner.ref_company_ids
            )
        ).active = False
        self.env['product.template'].search([]).sale_ok = False

    def radar(self, provider='quickbooks', user=None, company=None):
        """The radar as it is opened, with a fresh look."""
        env = self.as_person(user or self.user_bookkeeper, company)
        model = env['fieldpromax.radar'].with_context(fieldpromax_provider=provider)
        radar = model.browse(model.action_open_radar()['res_id'])
        radar.sudo()._check()
        self.env.invalidate_all()
        return radar

    def findings(self, radar, cause=None):
        return radar.finding_ids.filtered(lambda finding: not cause or finding.cause == cause)

    def customer(self, name, email=False, **values):
        return self.env['res.partner'].create({'name': name, 'email': email, 'is_company': True, **values})

    def product(self, name, code=False, **values):
        template = self.env['product.template'].create({'name': name, 'sale_ok': True, **values})
        template.product_variant_id.default_code = code
        return template.product_variant_id

    def may_change(self, user):
        user.group_ids |= self.env.ref(PARTNERS) | self.env.ref(PRODUCTS)
        return user


@tagged('post_install', '-at_install')
class TestRadar(RadarCommon):
    # === WHAT IS FOUND === #

    def test_nothing(self):
        # The portal's people are left of what the database brings along.
        people = self.radar().customer_total
        self.customer('Acme')
        self.product('Valve', 'V')
        radar = self.radar()
        self.assertFalse(radar.finding_ids)
        self.assertEqual(radar.headline, 'Nothing here would make trouble.')
        self.assertEqual(radar.checked_text, f'Last checked just now: {people + 1} customers, 1 product.')

    def test_customers_that_are_alike(self):
        one, two = self.customer('Müller & Söhne', 'a@b.example'), self.customer('MULLER und', 'a@b.example')
        three = self.customer('muller  sohne', 'c@b.example')
        radar = self.radar()
        name, email = self.findings(radar, 'same_name'), self.findings(radar, 'same_email')
        self.assertEqual(name.partner_ids, one | three)
        self.assertEqual(email.partner_ids, one | two)
        self.assertEqual((radar.same_name_count, radar.same_email_count, radar.open_count), (1, 1, 2))
        self.assertEqual(radar.headline, '2 things would make trouble.')
        self.assertIn('2 customers are called this. QuickBooks Online takes each name only once', name.reason)
        self.assertIn('2 customers with different names have the e-mail address a@b.example', email.reason)
        self.assertIn('Müller & Söhne · a@b.example', name.record_names)
        three.email = 'A@B.example'
        radar = self.radar()
        name = self.findings(radar, 'same_name')
        self.assertIn('the same e-mail address: most likely they are one', name.reason)
        self.assertEqual(self.findings(radar, 'same_email').partner_ids, one | two | three)
        two.email = False
        radar = self.radar()
        self.assertFalse(self.findings(radar, 'same_email'), 'that is what the first finding says already')

    def test_who_does_not_count(self):
        acme = self.customer('Acme', 'office@acme.example')
        self.env['res.partner'].create(
            [
                {'name': 'Acme', 'parent_id': acme.id, 'type': 'invoice', 'email': 'office@acme.example'},
                {'name': 'Acme', 'active': False},
                {'name': 'Acme', 'supplier_rank': 1},
                {'name': 'Acme', 'fieldpromax_do_not_sync': True},
                {'name': 'Acme', 'company_id': self.company_2.id},
                {
                    'name': 'Acme North',
                    'is_company': True,
                    'parent_id': acme.id,
                    'email': 'office@acme.example',
                },
            ]
        )
        self.customer(self.user_employee.name)
        self.customer(self.company.name)
        radar = self.radar()
        self.assertFalse(radar.finding_ids, radar.finding_ids.mapped('reason'))
        twin = self.customer('ACME')
        self.assertEqual(self.findings(self.radar(), 'same_name').partner_ids, acme | twin)

    def test_products_that_are_alike(self):
        one, two = self.product('Valve', 'V-1'), self.product('valve', 'V-2')
        three, four = self.product('Pipe', 'P 7'), self.product('Tube', 'p7')
        five, six = self.product('Bolt', 'B'), self.product('bolt', 'b')
        shirt = self.env['product.template'].create({'name': 'Shirt', 'sale_ok': True})
        attribute = self.env['product.attribute'].create(
            {'name': 'Size', 'value_ids': [Command.create({'name': size}) for size in 'SML']}
        )
        shirt.attribute_line_ids = [
            Command.create(
                {'attribute_id': attribute.id, 'value_ids': [Command.set(attribute.value_ids.ids)]}
            )
        ]
        shirt.product_variant_ids.write({'default_code': 'SHIRT'})
        radar = self.radar()
        names, codes = self.findings(radar, 'same_name'), self.findings(radar, 'same_code')
        self.assertEqual(
            {(found.product_ids, found.same_second) for found in names},
            {(one | two, False), (five | six, True)},
            'variants of one product share its name',
        )
        self.assertEqual(
            {found.product_ids for found in codes}, {three | four, shirt.product_variant_ids}, 'but no code'
        )
        self.assertIn('internal reference', codes[0].reason)

    def test_what_each_provider_refuses(self):
        self.customer('Acme: Homes')
        self.customer('Acme  <old>')
        self.customer('Bolt Ltd', 'Ann <ann@bolt.example> home')
        self.product('Garden hose', 'H')
        hose = self.product('Garden hose, 5 m')
        self.product('Other hose', 'GARDEN-HOSE-5-M')
        radar = self.radar('quickbooks')
        found = {finding.name: finding for finding in radar.finding_ids}
        self.assertEqual(set(found), {'Acme: Homes', 'Bolt Ltd'})
        self.assertEqual(found['Acme: Homes'].suggestion, 'Acme - Homes')
        self.assertEqual(found['Bolt Ltd'].suggestion, 'ann@bolt.example')
        self.assertIn('does not allow colons', found['Acme: Homes'].reason)
        self.assertIn('Accept "Acme - Homes"', found['Acme: Homes'].remedy)
        radar = self.radar('xero')
        found = {finding.name: finding for finding in radar.finding_ids}
        self.assertEqual(set(found), {'Acme  <old>', 'Bolt Ltd', 'Garden hose, 5 m'})
        self.assertEqual(found['Acme  <old>'].suggestion, 'Acme old')
        self.assertEqual(
            (found['Garden hose, 5 m'].cause, found['Garden hose, 5 m'].suggestion),
            ('missing_code', 'GARDEN-HOSE-5-M-2'),
            'one that is free',
        )
        self.assertEqual(found['Garden hose, 5 m'].product_ids, hose)
        self.assertEqual(radar.suggestion_count, 3)
        self.assertEqual(radar.provider_label, 'Xero')

    def test_two_suggestions_are_never_the_same(self):
        self.customer('Acme: Homes')
        self.customer('Acme : Homes')
        self.customer('Acme - Homes')
        suggested = self.findings(self.radar(), 'refused').mapped('suggestion')
        self.assertEqual(set(suggested), {'Acme - Homes (2)', 'Acme - Homes (3)'})

    def test_many(self):
        """A few statements whatever the size, one page of records at a time."""
        people = self.radar().customer_total
        self.env.cr.execute(
            """
            INSERT INTO res_partner (name, complete_name, email_normalized, active, is_company, type, customer_rank,
                   autopost_bills)
            SELECT n, n, 'c' || i || '@example.com', TRUE, TRUE, 'contact', 1, 'ask'
              FROM generate_series(1, 5000) i, LATERAL (SELECT 'Customer ' || i / 2 AS n) x
            """
        )
        self.env.cr.execute(
            'UPDATE res_partner SET commercial_partner_id = id WHERE commercial_partner_id IS NULL'
        )
        self.env.invalidate_all()
        radar = self.radar()
        before = self.env.cr.sql_log_count
        radar.sudo()._check()
        self.assertLess(self.env.cr.sql_log_count - before, 60)
        self.env.invalidate_all()
        self.assertEqual((radar.customer_total, radar.same_name_count), (people + 5000, 2499))

    # === WAYS OUT === #

    def test_not_a_problem_until_it_changes(self):
        self.customer('Acme')
        second = self.customer('ACME')
        radar = self.radar()
        radar.finding_ids.action_dismiss()
        radar = self.radar()
        self.assertEqual((radar.finding_ids.state, radar.open_count, radar.fine_count), ('fine', 0, 1))
        self.assertEqual(radar.finding_ids.decided_by_id, self.user_bookkeeper)
        radar.finding_ids.action_reopen()
        self.assertEqual(radar.finding_ids.state, 'open')
        radar.finding_ids.action_dismiss()
        third = self.customer('acme')
        radar = self.radar()
        self.assertEqual((radar.finding_ids.state, radar.finding_ids.record_count), ('open', 3))
        (second | third).active = False
        self.assertFalse(self.radar().finding_ids, 'cured elsewhere')

    def test_merge_with_odoos_own_wizard(self):
        one, two = self.customer('Acme', 'a@b.example'), self.customer('ACME', 'a@b.example')
        other = self.customer('Acme East', 'a@b.example')
        radar = self.radar(user=self.may_change(self.user_bookkeeper))
        finding = self.findings(radar, 'same_name')
        self.assertTrue(finding.can_merge)
        action = finding.action_merge()
        self.assertEqual(action['res_model'], 'base.partner.merge.automatic.wizard')
        self.assertEqual(set(action['context']['active_ids']), {one.id, two.id}, 'exactly these')
        wizard = self.as_person(self.user_bookkeeper)['base.partner.merge.automatic.wizard']
        wizard = wizard.with_context(**action['context']).create({})
        self.assertEqual(wizard.partner_ids, one | two)
        wizard.action_merge()
        self.env.invalidate_all()
        self.assertFalse(finding.exists(), 'at once, without another look')
        left = (one | two).exists()
        self.assertEqual(len(left), 1)
        self.assertEqual(self.findings(radar, 'same_email').partner_ids, left | other)

    def test_nothing_to_merge(self):
        self.product('Valve', 'A')
        self.product('valve', 'B')
        finding = self.radar().finding_ids
        self.assertFalse(finding.can_merge)
        with self.assertRaises(UserError):
            finding.action_merge()
        action = finding.action_open()
        self.assertEqual(
            (action['res_model'], action['domain']),
            ('product.product', [('id', 'in', finding.product_ids.ids)]),
        )
        finding.product_ids.sudo().product_tmpl_id.unlink()
        with self.assertRaisesRegex(UserError, 'Check again'):
            finding.action_open()

    def test_accept_many(self):
        acme, bolt = self.customer('Acme: Homes'), self.customer('Bolt:')
        changed = self.customer('Cedar: Roofs')
        radar = self.radar(user=self.may_change(self.user_bookkeeper))
        action = radar.action_accept_all()
        wizard = radar.env['fieldpromax.radar.accept'].browse(action['res_id'])
        self.assertEqual(wizard.count, 3)
        self.assertIn('3 records get another text', wizard.text)
        self.assertEqual(acme.name, 'Acme: Homes', 'asked first')
        changed.name = 'Cedar and Roofs'
        answer = wizard.action_accept()
        self.assertEqual(answer['params']['message'], '2 records were changed.')
        self.assertEqual((acme.name, bolt.name), ('Acme - Homes', 'Bolt'))
        self.assertEqual(changed.name, 'Cedar and Roofs', 'what somebody corrected meanwhile stays')
        self.env.invalidate_all()
        self.assertFalse(radar.finding_ids)
        with self.assertRaises(UserError):
            radar.action_accept_all()

    def test_accept_a_code(self):
        hose = self.product('Garden hose')
        radar = self.radar('xero', user=self.may_change(self.user_bookkeeper))
        finding = self.findings(radar, 'missing_code')
        wizard = radar.env['fieldpromax.radar.accept'].browse(finding.action_confirm_suggestions()['res_id'])
        self.assertIn('1 record gets', wizard.text)
        wizard.action_accept()
        self.assertEqual(hose.default_code, 'GARDEN-HOSE')

    def test_accept_with_ones_own_rights(self):
        acme = self.customer('Acme: Homes')
        finding = self.radar().finding_ids
        wizard = finding.env['fieldpromax.radar.accept'].browse(
            finding.action_confirm_suggestions()['res_id']
        )
        with self.assertRaisesRegex(AccessError, 'Ask somebody who may'):
            wizard.action_accept()
        self.assertEqual(acme.name, 'Acme: Homes')

    def test_every_language_that_has_the_text(self):
        self.env['res.lang']._activate_lang('fr_FR')
        product = self.product('A  B', 'CODE')
        self.assertEqual(texts(product, 'name'), {'en_US': 'A  B', 'fr_FR': 'A  B'})
        self.assertTrue(rename(product, Suggestion('name', 'A  B', 'A B')))
        self.assertEqual(texts(product, 'name'), {'en_US': 'A B', 'fr_FR': 'A B'})
        self.assertEqual(texts(product, 'default_code'), {'': 'CODE'})
        self.assertFalse(rename(product, Suggestion('default_code', 'OTHER', 'B')))

    def test_list_of_a_cause(self):
        self.customer('Acme: Homes')
        radar = self.radar()
        action = radar.with_context(radar_cause='refused').action_view_findings()
        found = radar.env[action['res_model']].search(action['domain'])
        self.assertEqual(found, radar.finding_ids)
        self.assertEqual(action['display_name'], 'Refused by the books')
        action = radar.with_context(radar_cause='same_name').action_view_findings()
        self.assertFalse(radar.env[action['res_model']].search(action['domain']))

    # === WHO AND WHERE === #

    def test_only_a_bookkeeper(self):
        self.customer('Acme')
        self.customer('ACME')
        radar = self.radar()
        for user in (self.user_portal, self.user_employee, self.user_invoice):
            env = self.as_person(user)
            for call in (
                env['fieldpromax.radar'].action_open_radar,
                radar.with_env(env).action_check_again,
                radar.with_env(env).action_view_findings,
                radar.finding_ids.with_env(env).action_dismiss,
                radar.finding_ids.with_env(env).action_merge,
                radar.finding_ids.with_env(env).action_open,
                radar.finding_ids.with_env(env).action_confirm_suggestions,
            ):
                with self.assertRaises(AccessError):
                    call()
        self.assertEqual(radar.finding_ids.state, 'open')

    def test_what_is_the_programs_stays_so(self):
        self.customer('Acme')
        self.customer('ACME')
        radar = self.radar()
        for record, values in (
            (radar, {'checked_at': False}),
            (radar.finding_ids, {'state': 'fine'}),
        ):
            with self.assertRaises(AccessError):
                record.write(values)
        with self.assertRaises(AccessError):
            radar.read(['names_in_use'])
        for record in (radar, radar.finding_ids):
            with self.assertRaises(AccessError):
                record.unlink()
        radar.provider = 'xero'
        radar.action_check_again()
        self.assertEqual(radar.provider, 'xero', 'a choice, as long as nothing is connected')

    def test_companies_are_apart(self):
        self.customer('Acme', company_id=self.company.id)
        self.customer('ACME', company_id=self.company.id)
        self.customer('Bolt', company_id=self.company_2.id)
        self.customer('bolt', company_id=False)
        mine = self.radar()
        theirs = self.radar(user=self.user_bookkeeper_2)
        self.assertEqual(mine.finding_ids.mapped('name'), ['ACME'])
        self.assertEqual(len(theirs.finding_ids), 1)
        self.assertIn('bolt', theirs.finding_ids.name.lower())
        env = self.as_person(self.user_bookkeeper_2)
        self.assertFalse(env['fieldpromax.radar.finding'].search([]) & mine.finding_ids.with_env(env))
        for call in (
            mine.with_env(env).action_check_again,
            mine.finding_ids.with_env(env).action_dismiss,
            mine.finding_ids.with_env(env).action_open,
        ):
            with self.assertRaises(AccessError):
                call()

    def test_a_provider_that_is_gone(self):
        radar = self.radar()
        checked_at = radar.checked_at
        self.env.cr.execute("UPDATE fieldpromax_radar SET provider = 'gone' WHERE id = %s", (radar.id,))
        self.env.invalidate_all()
        radar.sudo()._check()
        self.assertEqual(radar.checked_at, checked_at)
        self.assertFalse(radar.has_shared_names)

    def test_every_night(self):
        radar = self.radar()
        self.customer('Acme')
        self.customer('ACME')
        self._run_cron(self.env.ref('fieldpromax_accounting.ir_cron_radar'))
        self.assertEqual(radar.same_name_count, 1)


@tagged('post_install', '-at_install')
class TestRadarConnected(QuickBooksBooks, RadarCommon):
    def test_names_of_vendors_and_employees(self):
        depot = self.customer('supply  depot')
        self.customer('Robin Park')
        radar = self.radar()
        self.assertIn('looked at after connecting', radar.names_text)
        self.assertFalse(self.findings(radar, 'taken'))
        connection = self.connect_quickbooks()
        radar = self.radar(user=self.may_change(self.user_bookkeeper))
        self.assertEqual(radar.connection_id, connection)
        self.run_pull(connection)
        radar = self.radar()
        found = {finding.name: finding for finding in self.findings(radar, 'taken')}
        self.assertEqual(set(found), {'supply  depot', 'Robin Park'})
        self.assertIn(
            'A vendor is called this in QuickBooks Online, where a name is given once',
            found['supply  depot'].reason,
        )
        self.assertIn('An employee', found['Robin Park'].reason)
        self.assertEqual(found['supply  depot'].suggestion, 'supply depot (Customer)')
        self.assertFalse(radar.names_text)
        # The vendor gets another name there; Check again reads the names anew, in the background.
        self.change_books(vendors=[{'DisplayName': 'Supply Depot', 'rename': 'Supply Depot Inc'}])
        radar.action_check_again()
        self.env.invalidate_all()
        self.assertTrue(radar.is_reading)
        self.assertIn('are being read', radar.names_text)
        self.run_pull(connection)
        self.assertFalse(radar.is_reading)
        self.assertEqual(self.findings(radar, 'taken').mapped('name'), ['Robin Park'])
        wizard = radar.action_accept_all()
        radar.env['fieldpromax.radar.accept'].browse(wizard['res_id']).action_accept()
        self.env.invalidate_all()
        self.assertFalse(self.findings(radar, 'taken'))
        self.assertEqual(depot.name, 'supply  depot')

    def test_the_connected_software_is_looked_at(self):
        self.customer('Acme: Homes')
        radar = self.radar('xero')
        self.assertFalse(radar.finding_ids)
        connection = self.connect_quickbooks()
        radar = self.radar('xero')
        self.assertEqual((radar.provider, radar.refused_count), ('quickbooks', 1))
        with self.assertRaisesRegex(AccessError, 'Disconnect it'):
            radar.provider = 'xero'
        # Not opened by anybody: nothing is read for it.
        radar.sudo().unlink()
        self.quickbooks.forget_requests()
        self.run_pull(connection)
        self.assertFalse([row for row in self.quickbooks.requests() if 'vendors' in row['purpose']])
