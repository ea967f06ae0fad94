"""Customers and products stay in step: what changes on one side reaches the other, what changes on both waits."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2.errors import SerializationFailure

from ..models import fieldpromax_link
from ..models.fieldpromax_exchange import FieldpromaxExchange
from .push_common import FieldpromaxPushCommon
from .quickbooks_push_common import QuickBooksPushCommon


class TwoWay:
    """The same for both providers; each says how its books are changed and read."""

    def arrange_more(self):
        self.connection.contact_push = self.connection.item_push = 'created'
        type(self).customer = self.env['res.partner'].create(
            {
                'name': 'Harbour Works',
                'email': 'office@works.example',
                'phone': '555 0100',
                'is_company': True,
                'customer_rank': 1,
            }
        )
        type(self).product = self.boiler_service(default_code='BOIL', description_sale='Yearly service')
        self.run_push(self.connection)

    def setUp(self):
        super().setUp()
        self.forget()

    def boiler_service(self, **values):
        return super().boiler_service(**{'taxes_id': [(5,)], **values})

    # === LOOK === #

    def link(self, record=None):
        record = self.customer if record is None else record
        return self.env['fieldpromax.link']._of(self.connection, record).get(record.id)

    def conflicts(self, state='open'):
        return self.env['fieldpromax.conflict'].search(
            [('connection_id', '=', self.connection.id), ('state', '=', state)]
        )

    def assertNothingWaits(self):
        self.assertFalse(
            self.env['fieldpromax.exchange'].search(
                [('connection_id', '=', self.connection.id), ('state', 'not in', ('done', 'cancelled'))]
            )
        )

    def asked(self, action):
        model = self.env[action['res_model']].with_user(self.user_bookkeeper)
        return model.with_context(**action['context']).create({})

    # === TESTS === #

    def test_new_ones_are_sent_when_created(self):
        self.assertEqual(self.in_contact('name'), 'Harbour Works')
        self.assertEqual(self.in_item('price'), 80)
        self.assertFalse(self.in_item('tracked'))
        supplier = self.env['res.partner'].create({'name': 'Only a contact'})
        own = self.env['res.partner'].create(
            {'name': 'Kept out', 'customer_rank': 1, 'fieldpromax_do_not_sync': True}
        )
        self.assertFalse(self.exchange_of(supplier) | self.exchange_of(own))

    def test_changes_here_reach_the_books(self):
        self.customer.write({'phone': '555 0199', 'street': '1 Quay', 'city': 'Austin', 'email': False})
        self.product.product_tmpl_id.write({'list_price': 95.5, 'name': 'Boiler care'})
        self.run_push(self.connection)
        self.assertEqual(
            [self.in_contact(name) for name in ('phone', 'street', 'city', 'email', 'name')],
            ['555 0199', '1 Quay', 'Austin', '', 'Harbour Works'],
        )
        self.assertEqual((self.in_item('price'), self.in_item('name')), (95.5, 'Boiler care'))
        self.assertEqual(self.in_item('description'), 'Yearly service', 'what did not change was not sent')
        self.assertNothingWaits()
        # Its own write comes back with the next pull: nothing is written here, nothing sent.
        written = self.customer.write_date
        self.forget()
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertEqual(self.customer.write_date, written)
        self.assertEqual(self.writes_to_books(), [])
        self.assertFalse(self.conflicts())

    def test_changes_there_reach_odoo(self):
        messages = len(self.customer.message_ids)
        self.change_contact(phone='555 0777')
        self.change_item(price=70.25)
        self.run_pull(self.connection)
        self.assertEqual(self.customer.phone, '555 0777')
        self.assertEqual(self.product.product_tmpl_id.list_price, 70.25)
        self.assertEqual(len(self.customer.message_ids), messages, 'no tracking noise')
        self.run_push(self.connection)
        self.assertEqual(self.writes_to_books(), [], 'nothing is echoed')

    def test_different_fields_merge_by_themselves(self):
        self.change_contact(phone='555 0777')
        self.customer.email = 'new@works.example'
        self.run_push(self.connection)
        self.run_pull(self.connection)
        self.assertEqual((self.customer.phone, self.customer.email), ('555 0777', 'new@works.example'))
        self.assertEqual(
            (self.in_contact('phone'), self.in_contact('email')), ('555 0777', 'new@works.example')
        )
        self.assertFalse(self.conflicts())
        self.assertNothingWaits()

    def test_a_clash_waits_and_is_decided_in_bulk(self):
        self.change_contact(phone='555 0777')
        self.customer.phone = '555 0888'
        self.change_item(price=70)
        self.product.product_tmpl_id.list_price = 90
        self.run_push(self.connection)
        self.run_pull(self.connection)
        conflicts = self.conflicts()
        self.assertEqual(set(conflicts.mapped('field')), {'phone', 'price'})
        phone = conflicts.filtered(lambda one: one.field == 'phone')
        self.assertEqual(
            (phone.ours_text, phone.theirs_text, phone.agreed_text), ('555 0888', '555 0777', '555 0100')
        )
        self.assertEqual((self.customer.phone, self.in_contact('phone')), ('555 0888', '555 0777'))
        self.assertEqual(self.connection.conflict_count, 2)
        with self.assertRaises(AccessError):
            conflicts.with_user(self.user_invoice).action_keep_ours()
        wizard = self.asked(conflicts.with_user(self.user_bookkeeper).action_keep_theirs())
        self.assertIn('2 values of', wizard.text)
        wizard.action_confirm()
        self.assertEqual((self.customer.phone, self.product.product_tmpl_id.list_price), ('555 0777', 70))
        self.assertFalse(self.conflicts())
        self.assertEqual(self.conflicts('theirs').decided_by_id, self.user_bookkeeper)
        self.forget()
        self.run_push(self.connection)
        self.assertEqual(self.writes_to_books(), [])

    def test_keeping_odoos_value_sends_it(self):
        self.change_contact(phone='555 0777')
        self.customer.phone = '555 0888'
        self.run_pull(self.connection)
        self.conflicts().with_user(self.user_bookkeeper)._resolve('ours')
        self.run_push(self.connection)
        self.assertEqual((self.in_contact('phone'), self.customer.phone), ('555 0888', '555 0888'))
        self.assertNothingWaits()

    def test_nothing_is_decided_on_values_that_nobody_saw(self):
        self.change_contact(phone='555 0777')
        self.customer.phone = '555 0888'
        self.run_pull(self.connection)
        conflict = self.conflicts().with_user(self.user_bookkeeper)
        wizard = self.asked(conflict.action_keep_ours())
        self.change_contact(phone='555 0666')
        self.run_pull(self.connection)
        with self.assertRaisesRegex(UserError, 'after it was shown'):
            wizard.action_confirm()
        self.customer.with_context(fieldpromax_no_push=True).phone = '555 0999'
        with self.assertRaisesRegex(UserError, 'after it was shown'):
            conflict._resolve('theirs')
        self.assertEqual((conflict.state, self.customer.phone), ('open', '555 0999'))
        self.assertEqual(self.in_contact('phone'), '555 0666')
        wizard = self.asked(conflict.action_keep_ours())
        self.assertEqual((conflict.ours_text, conflict.theirs_text), ('555 0999', '555 0666'))
        wizard.action_confirm()
        self.run_push(self.connection)
        self.assertEqual(self.in_contact('phone'), '555 0999')

    def test_merged_here_into_one_that_differs(self):
        survivor = self.env['res.partner'].create(
            {'name': 'Harbour Works', 'phone': '555 0999', 'is_company': True}
        )
        self.change_contact(phone='555 0777')
        self.customer.phone = '555 0888'
        self.run_pull(self.connection)
        self.assertTrue(self.conflicts())
        self.env['base.partner.merge.automatic.wizard']._merge((self.customer | survivor).ids, survivor)
        self.customer = survivor
        self.assertFalse(self.conflicts())
        self.run_push(self.connection)
        self.run_pull(self.connection)
        self.assertEqual((self.in_contact('phone'), survivor.phone), ('555 0777', '555 0999'))
        survivor.phone = '555 0111'
        self.run_push(self.connection)
        self.assertEqual(self.in_contact('phone'), '555 0111', 'what changes from now on travels')

    def test_a_conflict_cured_anywhere_closes_itself(self):
        self.change_contact(phone='555 0777')
        self.customer.phone = '555 0888'
        self.run_pull(self.connection)
        self.assertEqual(len(self.conflicts()), 1)
        self.customer.phone = '(555) 0777'
        self.run_push(self.connection)
        self.assertFalse(self.conflicts())
        self.assertEqual(self.conflicts('cured').field, 'phone')

    def test_one_direction_leaves_the_other_side_alone(self):
        rules = self.env['fieldpromax.field.rule']._ensure(self.connection)
        phone = rules.filtered(lambda rule: (rule.kind, rule.field) == ('contact', 'phone'))
        phone.direction = 'push'
        self.change_contact(phone='555 0777')
        self.run_pull(self.connection)
        self.assertEqual(self.customer.phone, '555 0100', 'not taken')
        self.customer.email = 'other@works.example'
        self.run_push(self.connection)
        self.assertEqual(self.in_contact('phone'), '555 0777', 'and not overwritten')
        self.customer.phone = '555 0888'
        self.run_push(self.connection)
        self.assertEqual(self.in_contact('phone'), '555 0888')
        phone.direction = 'none'
        self.forget()
        self.customer.phone = '555 0999'
        self.run_push(self.connection)
        self.assertEqual(self.writes_to_books(), [])

    def test_directions_are_the_administrators(self):
        self.connection.with_user(self.user_manager).action_view_field_rules()
        rule = self.env['fieldpromax.field.rule'].search(
            [('connection_id', '=', self.connection.id), ('field', '=', 'email')]
        )
        self.assertTrue(rule.with_user(self.user_bookkeeper).read(['direction', 'note']))
        with self.assertRaises(AccessError):
            rule.with_user(self.user_bookkeeper).direction = 'none'
        rule.with_user(self.user_manager).direction = 'none'
        self.assertFalse(self.env['fieldpromax.field.rule'].with_user(self.user_bookkeeper_2).search([]))
        with self.assertRaises(AccessError):
            rule.with_user(self.user_manager_2).direction = 'both'

    def test_kept_out_is_left_alone_both_ways(self):
        self.customer.fieldpromax_do_not_sync = True
        self.change_contact(phone='555 0777')
        self.customer.email = 'other@works.example'
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertEqual(
            (self.customer.phone, self.in_contact('email')), ('555 0100', 'office@works.example')
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE fieldpromax_link SET compared_at = compared_at - interval '1 hour' WHERE id = %s",
            [self.link().id],
        )
        self.env.invalidate_all()
        driver = self.connection._as_driver()
        driver.env['fieldpromax.link']._sweep_changes(driver)
        self.assertNothingWaits()
        self.customer.fieldpromax_do_not_sync = False
        self.run_push(self.connection)
        self.assertEqual((self.customer.phone, self.in_contact('email')), ('555 0777', 'other@works.example'))

    def test_edited_while_it_is_sent(self):
        self.customer.phone = '555 0111'
        call = FieldpromaxExchange._call

        def edits(exchange, connection, sent):
            outcome = call(exchange, connection, sent)
            self.customer.with_env(self.env).phone = '555 0222'
            self.env.flush_all()
            return outcome

        with patch.object(FieldpromaxExchange, '_call', edits):
            self.run_push(self.connection)
        self.run_push(self.connection)
        self.assertEqual(self.in_contact('phone'), '555 0222')
        self.assertNothingWaits()

    def test_lost_answer_of_a_change(self):
        self.customer.phone = '555 0111'
        self.lose_answer()
        self.run_push(self.connection)
        self.make_due()
        self.run_push(self.connection)
        self.assertEqual(self.in_contact('phone'), '555 0111')
        self.assertNothingWaits()

    def test_what_an_addon_refuses_becomes_a_conflict(self):
        partner = type(self.env['res.partner'])
        write = partner.write

        def refuses(records, vals):
            if vals.get('phone') == '555 0777':
                raise UserError(records.env._('Phones of this sort are not allowed.'))
            return write(records, vals)

        self.change_contact(phone='555 0777')
        with patch.object(partner, 'write', refuses):
            self.run_pull(self.connection)
            conflict = self.conflicts()
            self.assertEqual(
                (conflict.field, conflict.reason), ('phone', 'Phones of this sort are not allowed.')
            )
            with self.assertRaisesRegex(UserError, 'not allowed'):
                conflict.with_user(self.user_bookkeeper)._resolve('theirs')
        self.assertEqual(self.customer.phone, '555 0100')

    def test_no_price_in_the_books_is_not_zero(self):
        link = self.link(self.product).sudo()
        link.write({'external_values': {**link.external_values, 'price': None}, 'is_unmerged': True})
        driver = self.connection._as_driver()
        driver.env['fieldpromax.link']._merge_pending(driver)
        self.assertEqual(self.product.product_tmpl_id.list_price, 80)
        self.assertIn('no sales price', self.conflicts().reason)

    def test_two_variants_take_no_price(self):
        self.env['product.product'].create(
            {'product_tmpl_id': self.product.product_tmpl_id.id, 'active': False}
        )
        self.change_item(price=70)
        self.run_pull(self.connection)
        self.assertEqual(self.product.product_tmpl_id.list_price, 80)

    def test_variants_go_over_by_their_own_names(self):
        size = self.env['product.attribute'].create(
            {'name': 'Size', 'value_ids': [(0, 0, {'name': '15 mm'}), (0, 0, {'name': '22 mm'})]}
        )
        template = self.env['product.template'].create(
            {
                'name': 'Copper pipe',
                'attribute_line_ids': [
                    (0, 0, {'attribute_id': size.id, 'value_ids': [(6, 0, size.value_ids.ids)]})
                ],
            }
        )
        thin, thick = template.product_variant_ids
        thin.default_code, thick.default_code = 'PIPE15', 'PIPE22'
        self.env['fieldpromax.exchange'].sudo()._enqueue(self.connection, 'item', thin | thick)
        self.run_push(self.connection)
        self.assertEqual(
            [self.link(variant).external_name for variant in (thin, thick)],
            ['Copper pipe (15 mm)', 'Copper pipe (22 mm)'],
        )
        template.name = 'Copper tube'
        self.run_push(self.connection)
        self.run_pull(self.connection)
        self.assertEqual(self.link(thick).external_name, 'Copper tube (22 mm)')
        self.assertEqual(template.name, 'Copper tube')

    def test_foreign_currency_takes_no_price(self):
        self.connection.currency_id = self.env.ref('base.AUD')
        self.change_item(price=70)
        self.run_pull(self.connection)
        self.assertEqual(self.product.product_tmpl_id.list_price, 80)

    def test_a_failing_hook_stops_nobody_and_the_sweep_finds_it(self):
        link = type(self.env['fieldpromax.link'])
        with (
            patch.object(link, '_queue_changes', side_effect=ValueError('broken')),
            mute_logger('odoo.addons.fieldpromax_accounting.models.fieldpromax_link'),
        ):
            self.customer.phone = '555 0333'
        self.env.flush_all()
        self.assertEqual(self.customer.phone, '555 0333')
        logger = 'odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange'
        for record in (self.customer, self.product):
            values = {'name': 'New', 'customer_rank': 1} if record == self.customer else {'name': 'New'}
            hook = patch.object(type(record), '_fieldpromax_why_not', side_effect=ValueError('broken'))
            with hook, mute_logger(logger):
                self.assertTrue(record.create(values).id)
            hook = patch.object(type(record), '_fieldpromax_why_not', side_effect=SerializationFailure)
            with hook, self.assertRaises(SerializationFailure):
                record.create(values)
        self.env.cr.execute(
            "UPDATE fieldpromax_link SET compared_at = compared_at - interval '1 hour' WHERE id = %s",
            [self.link().id],
        )
        self.env.invalidate_all()
        driver = self.connection._as_driver()
        driver.env['fieldpromax.exchange']._sweep(driver)
        self.run_push(self.connection)
        self.assertEqual(self.in_contact('phone'), '555 0333')

    def test_the_sweep_finds_nothing_that_was_just_compared(self):
        """However short the time between a record's change and its comparison is."""
        driver = self.connection._as_driver()
        self.assertEqual(driver.env['fieldpromax.link']._sweep_changes(driver), 0)

    def test_the_sweep_takes_turns(self):
        """One that settles without being compared is found each time: after those that waited longer."""
        second = self.env['res.partner'].create({'name': 'Second Works', 'customer_rank': 1})
        self.run_push(self.connection)
        self.env.flush_all()
        self.env.cr.execute(
            """
            UPDATE fieldpromax_link SET compared_at = compared_at - interval '1 hour' WHERE partner_id IN %(both)s;
            UPDATE fieldpromax_exchange SET write_date = write_date - interval '1 hour'
             WHERE partner_id = %(second)s
            """,
            {'both': tuple((self.customer | second).ids), 'second': second.id},
        )
        self.env.invalidate_all()
        driver = self.connection._as_driver()
        with patch.object(fieldpromax_link, 'SWEEP_SIZE', 1):
            driver.env['fieldpromax.link']._sweep_changes(driver)
        queued = self.env['fieldpromax.exchange'].search([('state', '=', 'queued')])
        self.assertEqual(queued.partner_id, second)


@tagged('post_install', '-at_install')
class TestTwoWayXero(TwoWay, FieldpromaxPushCommon):
    def forget(self):
        self.simulator.forget_requests()

    def change_contact(self, **values):
        body = {'ContactID': self.link().external_id}
        if 'phone' in values:
            body['Phones'] = [{'PhoneType': 'DEFAULT', 'PhoneNumber': values['phone']}]
        self.simulator.control('POST', '/_sim/organisations/US', {'contacts': [body]})

    def change_item(self, price):
        body = {'ItemID': self.link(self.product).external_id, 'SalesDetails': {'UnitPrice': price}}
        self.simulator.control('POST', '/_sim/organisations/US', {'items': [body]})

    def in_contact(self, name):
        wanted = self.link().external_id
        row = next(row for row in self.books('contacts') if row['ContactID'] == wanted)
        if name == 'phone':
            return next(one['PhoneNumber'] for one in row['Phones'] if one['PhoneType'] == 'DEFAULT')
        if name in ('street', 'city'):
            address = next(one for one in row['Addresses'] if one['AddressType'] == 'POBOX')
            return address[{'street': 'AddressLine1', 'city': 'City'}[name]]
        return row.get({'name': 'Name', 'email': 'EmailAddress'}[name], '')

    def in_item(self, name):
        wanted = self.link(self.product).external_id
        row = next(row for row in self.books('items') if row['ItemID'] == wanted)
        if name == 'price':
            return float(row['SalesDetails']['UnitPrice'])
        return row.get(
            {'name': 'Name', 'description': 'Description', 'tracked': 'IsTrackedAsInventory'}[name]
        )

    def writes_to_books(self):
        return [row for row in self.simulator.requests(path='/api.xro/') if row['method'] != 'GET']

    def lose_answer(self):
        self.simulator.fault('timeout_after', path='/Contacts', method='POST')

    def test_children_go_along_as_persons_and_addresses(self):
        self.env['res.partner'].create(
            [
                {
                    'name': 'Warehouse',
                    'type': 'delivery',
                    'parent_id': self.customer.id,
                    'street': '9 Dock Road',
                },
                {
                    'name': 'Pat Doe',
                    'type': 'contact',
                    'parent_id': self.customer.id,
                    'email': 'pat@works.example',
                },
                {
                    'name': 'Secret',
                    'type': 'contact',
                    'parent_id': self.customer.id,
                    'fieldpromax_do_not_sync': True,
                },
            ]
        )
        self.run_push(self.connection)
        self.assertEqual(self.children_there(), ('9 Dock Road', [('Pat', 'Doe')]))
        # What is kept out from now on stays there as it is, whatever else goes over.
        self.customer.child_ids.fieldpromax_do_not_sync = True
        self.env['res.partner'].create({'name': 'Kim Roe', 'type': 'contact', 'parent_id': self.customer.id})
        self.customer.phone = '555 0123'
        self.run_push(self.connection)
        self.assertEqual(self.in_contact('phone'), '555 0123')
        street, persons = self.children_there()
        self.assertEqual((street, set(persons)), ('9 Dock Road', {('Pat', 'Doe'), ('Kim', 'Roe')}))

    def children_there(self):
        wanted = self.link().external_id
        row = next(row for row in self.books('contacts') if row['ContactID'] == wanted)
        street = next(one for one in row['Addresses'] if one['AddressType'] == 'STREET')
        return street['AddressLine1'], [(one['FirstName'], one['LastName']) for one in row['ContactPersons']]

    def test_record_of_two_connected_companies_takes_values_from_none_or_the_source(self):
        self.shared_customer.customer_rank = 1
        self.env['fieldpromax.exchange']._enqueue(self.connection, 'contact', self.shared_customer)
        self.run_push(self.connection)
        second = self.connect('AU', user=self.user_manager_2)
        self.run_pull(second)
        second.env['fieldpromax.exchange'].sudo()._enqueue(second, 'contact', self.shared_customer)
        self.run_push(second)
        link = self.link(self.shared_customer)
        body = {
            'ContactID': link.external_id,
            'Phones': [{'PhoneType': 'DEFAULT', 'PhoneNumber': '555 0777'}],
        }
        self.simulator.control('POST', '/_sim/organisations/US', {'contacts': [body]})
        self.run_pull(self.connection)
        self.assertFalse(self.shared_customer.phone)
        self.connection.is_source_of_shared = True
        self.env['fieldpromax.link']._compare_all(self.connection, 'contact')
        self.run_push(self.connection)
        self.assertEqual(self.shared_customer.phone, '555 0777')
        self.run_push(second)
        other = self.env['fieldpromax.link']._of(second, self.shared_customer)[self.shared_customer.id]
        row = next(row for row in self.books('contacts', 'AU') if row['ContactID'] == other.external_id)
        self.assertIn('555 0777', str(row['Phones']), 'the other books hear of it')


@tagged('post_install', '-at_install')
class TestTwoWayQuickBooks(TwoWay, QuickBooksPushCommon):
    def forget(self):
        self.quickbooks.forget_requests()

    def change_contact(self, **values):
        body = {'Id': self.link().external_id, 'PrimaryPhone': {'FreeFormNumber': values['phone']}}
        self.change_books(self.books_of, contacts=[body])

    def change_item(self, price):
        self.change_books(
            self.books_of, items=[{'Id': self.link(self.product).external_id, 'UnitPrice': price}]
        )

    def in_contact(self, name):
        wanted = self.link().external_id
        row = next(row for row in self.books('contacts') if row['Id'] == wanted)
        first, second = {
            'phone': ('PrimaryPhone', 'FreeFormNumber'),
            'street': ('BillAddr', 'Line1'),
            'city': ('BillAddr', 'City'),
            'email': ('PrimaryEmailAddr', 'Address'),
            'name': ('DisplayName', ''),
        }[name]
        return row.get(first, {}).get(second, '') if second else row[first]

    def in_item(self, name):
        wanted = self.link(self.product).external_id
        row = next(row for row in self.books('items') if row['Id'] == wanted)
        if name == 'price':
            return float(row['UnitPrice'])
        if name == 'tracked':
            return row['Type'] == 'Inventory'
        return row.get({'name': 'Name', 'description': 'Description'}[name])

    def writes_to_books(self):
        return [
            row
            for row in self.quickbooks.requests(path='/v3/')
            if row['method'] == 'POST' and 'query' not in row['path']
        ]

    def lose_answer(self):
        self.quickbooks.fault('timeout_after', path='/customer', method='POST')

    def test_a_sub_customer_follows_its_parent(self):
        ids = self.change_books(
            self.books_of,
            contacts=[{'DisplayName': 'Parent A'}, {'DisplayName': 'Parent B'}],
        )
        self.assertTrue(ids)
        rows = {row['DisplayName']: row['Id'] for row in self.books('contacts')}
        self.change_books(
            self.books_of,
            contacts=[
                {'DisplayName': 'Child', 'Job': True, 'ParentRef': {'value': rows['Parent A']}},
            ],
        )
        self.run_pull(self.connection)
        partners = self.env['res.partner']
        child = partners.search([('name', '=', 'Child')])
        self.assertEqual(child.parent_id.name, 'Parent A')
        rows = {row['DisplayName']: row['Id'] for row in self.books('contacts')}
        self.change_books(
            self.books_of,
            contacts=[{'Id': rows['Child'], 'Job': True, 'ParentRef': {'value': rows['Parent B']}}],
        )
        self.run_pull(self.connection)
        self.assertEqual(child.parent_id.name, 'Parent B')

    def test_one_that_becomes_a_sub_customer_keeps_its_own_address(self):
        self.change_books(
            self.books_of,
            contacts=[
                {'DisplayName': 'Parent A', 'BillAddr': {'Line1': '9 Parent Road'}},
                {'DisplayName': 'Loner', 'BillAddr': {'Line1': '1 Own Street'}},
            ],
        )
        self.run_pull(self.connection)
        parent, child = (
            self.env['res.partner'].search([('name', '=', name)]) for name in ('Parent A', 'Loner')
        )
        self.assertFalse(child.parent_id)
        rows = {row['DisplayName']: row['Id'] for row in self.books('contacts')}
        self.change_books(
            self.books_of,
            contacts=[{'Id': rows['Loner'], 'Job': True, 'ParentRef': {'value': rows['Parent A']}}],
        )
        self.forget()
        self.run_pull(self.connection)
        self.assertEqual((child.parent_id, child.commercial_partner_id), (parent, child))
        self.assertEqual((child.street, parent.street), ('1 Own Street', '9 Parent Road'))
        self.run_push(self.connection)
        self.assertEqual(self.writes_to_books(), [])
