"""The first import as people steer it: paused, resumed, put off to the night; and what the books may hold beyond plain
customers: sub-customers, second currencies, items without a code."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time
from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models import fieldpromax_run
from ..providers import dto
from ..providers.xero import XeroProvider
from .common import ConnectedOnce
from .test_pull import PullCommon


@tagged('post_install', '-at_install')
class TestSteering(ConnectedOnce, PullCommon):
    def setUp(self):
        super().setUp()
        self.put_many(5)
        self.connection = self.connect('US')
        self.run = self.connection.run_ids
        self.bookkeeper = self.as_person(self.user_bookkeeper)
        self.user_bookkeeper.tz = 'America/New_York'

    def as_bookkeeper(self, record):
        return record.with_env(self.bookkeeper).with_context(tz='America/New_York')

    @contextmanager
    def after_pages(self, number, action):
        """``action`` is done by a person while the next page is on its way, when so many are stored."""
        run_class = type(self.env['fieldpromax.run'])
        take_page, stored = run_class._take_page, []

        def watch(model, connection, kind, line, page, position):
            if kind == 'contact':
                if len(stored) == number:
                    action()
                    self.env.flush_all()
                stored.append(page)
            return take_page(model, connection, kind, line, page, position)

        with patch.object(fieldpromax_run, 'PAGE_SIZE', 2), patch.object(run_class, '_take_page', watch):
            yield

    def test_begins_by_itself(self):
        self.assertEqual((self.run.kind, self.run.state), ('initial', 'waiting'))
        triggers = self.env['ir.cron.trigger'].search([('cron_id', '=', self.connection.pull_cron_id.id)])
        self.assertTrue(triggers.filtered(lambda trigger: trigger.call_at <= fields.Datetime.now()))

    def test_paused_by_a_person_stays_so(self):
        with self.after_pages(1, lambda: self.as_bookkeeper(self.run).action_pause()):
            self.run_pull(self.connection)
        self.assertEqual((self.run.state, self.run.held_by_id), ('paused', self.user_bookkeeper))
        self.assertIn(self.user_bookkeeper.name, self.run.status_text)
        before = len(self.links(self.connection))
        self.assertEqual(before, 4, 'the page that was under way is stored')
        self.simulator.forget_requests()
        # Neither the hourly cron, nor a pause of the connection, nor connecting again takes that back.
        self.run_pull(self.connection)
        self.connection.paused = True
        self.run_pull(self.connection)
        self.assertIn('connection is paused', self.run.status_text)
        self.connection.paused = False
        self.connection._resume_work()
        self.run_pull(self.connection)
        self.assertFalse(self.simulator.requests())
        self.assertEqual(self.run.state, 'paused')
        self.assertTrue(self.connection.import_is_held)
        self.as_bookkeeper(self.run).action_resume()
        with patch.object(fieldpromax_run, 'PAGE_SIZE', 2):
            self.run_pull(self.connection)
        self.assertEqual((self.run.state, self.run.is_held), ('done', False))
        self.assertEqual(len(self.asked('contacts.list')), 1, 'the pages that were stored are not read again')
        self.assertEqual(len(self.links(self.connection).partner_id), 5)

    def test_failing_while_paused(self):
        """A page that fails while somebody pauses: the pause stands, and no time of a next attempt is set."""
        self.simulator.control(
            'POST', '/_sim/faults', {'fault': 'status:503', 'path': '/Contacts', 'times': 1, 'skip': 1}
        )
        run_class = type(self.env['fieldpromax.run'])
        note = run_class._note_failure

        def pauses_first(run, connection, error):
            self.as_bookkeeper(self.run).action_pause()
            self.env.flush_all()
            return note(run, connection, error)

        with (
            patch.object(fieldpromax_run, 'PAGE_SIZE', 2),
            patch.object(run_class, '_note_failure', pauses_first),
        ):
            self.run_pull(self.connection)
        self.assertEqual((self.run.state, self.run.next_attempt_at), ('paused', False))
        self.as_bookkeeper(self.run).action_resume()
        self.run_pull(self.connection)
        self.assertEqual(self.run.state, 'done')
        self.assertEqual(self.env['res.partner'].search_count([('name', '=like', 'Customer 0%')]), 5)

    def test_tonight(self):
        with freeze_time('2026-11-22 18:00:00'):  # one in the afternoon in New York
            wizard = self.as_bookkeeper(self.env['fieldpromax.run.schedule']).create({'run_id': self.run.id})
            self.assertEqual(str(wizard.scheduled_at), '2026-11-23 03:00:00', 'ten in the evening there')
            wizard.action_put_off()
            run = self.as_bookkeeper(self.run)
            self.assertEqual(run.status_text.replace('\u202f', ' '), 'Starts tonight at 10:00 PM.')
            self.assertEqual(self.connection.import_is_put_off, True)
        self.run.scheduled_at = fields.Datetime.now() + timedelta(hours=5)
        self.simulator.forget_requests()
        self.run_pull(self.connection)
        self.assertFalse(self.simulator.requests())
        self.assertEqual(self.run.state, 'waiting')
        self.run.scheduled_at = fields.Datetime.now() - timedelta(seconds=1)
        self.run_pull(self.connection)
        self.assertEqual((self.run.state, self.run.scheduled_at), ('done', False))

    def test_tonight_has_passed(self):
        with freeze_time('2026-07-02 03:30:00'):  # half past eleven in the evening in New York
            wizard = self.as_bookkeeper(self.env['fieldpromax.run.schedule']).create({'run_id': self.run.id})
            self.assertEqual(str(wizard.scheduled_at), '2026-07-03 02:00:00')
            self.run.scheduled_at = wizard.scheduled_at
            run = self.as_bookkeeper(self.run)
            self.assertEqual(run.status_text.replace('\u202f', ' '), 'Starts tomorrow at 10:00 PM.')

    def test_put_off_while_it_runs(self):
        later = fields.Datetime.now() + timedelta(hours=5)
        with self.after_pages(1, lambda: self.as_bookkeeper(self.run)._put_off(later)):
            self.run_pull(self.connection)
            self.run_pull(self.connection)
        self.assertEqual((self.run.state, self.run.scheduled_at), ('waiting', later))
        self.assertTrue(self.run.status_text.startswith('Goes on'), self.run.status_text)
        self.assertEqual(len(self.links(self.connection)), 4)
        self.as_bookkeeper(self.connection).action_sync_now()
        self.run_pull(self.connection)
        self.assertEqual((self.run.state, self.run.scheduled_at), ('done', False))
        self.assertEqual(len(self.links(self.connection).partner_id), 5)

    def test_time_that_has_passed_is_refused(self):
        with self.assertRaisesRegex(UserError, 'still to come'):
            self.as_bookkeeper(self.run)._put_off(fields.Datetime.now() - timedelta(minutes=1))

    def test_who_may(self):
        for name in ('action_pause', 'action_resume', 'action_put_off'):
            with self.subTest(name), self.assertRaises(AccessError):
                getattr(self.run.with_env(self.as_person(self.user_invoice)), name)()
            with self.subTest(name), self.assertRaises(AccessError):
                getattr(self.run.with_env(self.as_person(self.user_bookkeeper_2)), name)()

    def test_ended_meanwhile(self):
        self.run_pull(self.connection)
        with self.assertRaisesRegex(UserError, 'ended meanwhile'):
            self.as_bookkeeper(self.run).action_pause()
        with self.assertRaisesRegex(UserError, 'ended meanwhile'):
            self.as_bookkeeper(self.connection).action_pause_import()

    def test_sync_now_while_paused_says_so(self):
        self.as_bookkeeper(self.connection).action_pause_import()
        with self.assertRaisesRegex(UserError, 'Resume it first'):
            self.as_bookkeeper(self.connection).action_sync_now()

    def test_push_does_not_begin_it(self):
        """A customer is to be sent while the first import is paused: nothing is read, and the reason is said."""
        self.as_bookkeeper(self.run).action_pause()
        self.simulator.forget_requests()
        self.env['fieldpromax.exchange'].sudo()._enqueue(self.connection, 'contact', self.own_customer)
        self.run_push(self.connection)
        self.assertFalse(self.asked('contacts.list'))
        self.assertFalse(self.links(self.connection))
        exchange = self.env['fieldpromax.exchange'].search([('partner_id', '=', self.own_customer.id)])
        self.assertEqual(exchange.state, 'queued')
        self.assertIn('first import', exchange.reason)
        self.assertIn('paused', self.run._first_import_text(self.connection))
        self.as_bookkeeper(self.run).action_resume()
        self.run_pull(self.connection)
        self.run_push(self.connection)
        self.assertEqual(exchange.state, 'done')

    def test_line_runs_while_the_push_reads(self):
        with self.driver(self.connection) as driver:
            line = driver.env['fieldpromax.run']._open_line(driver, 'contact')
            self.assertEqual((line.shown_state, line.run_id.state), ('running', 'running'))
            self.assertTrue(line.run_id.started_at)
        self.as_bookkeeper(self.run).action_pause()
        self.assertEqual(self.line(self.connection).shown_state, 'waiting')

    def test_progress_and_summary(self):
        self.assertEqual((self.run.progress, self.run.summary), (0, ''))
        seen = []
        run_class = type(self.env['fieldpromax.run'])
        look_on = run_class._look_on

        def watch(run, connection):
            seen.append(run.progress)
            return look_on(run, connection)

        with patch.object(fieldpromax_run, 'PAGE_SIZE', 2), patch.object(run_class, '_look_on', watch):
            self.run_pull(self.connection)
        self.assertEqual(seen, sorted(seen), 'it never goes back')
        self.assertEqual(self.run.progress, 100)
        self.assertEqual(self.run.summary, 'Customers: 5 created.')
        self.run_pull(self.connection)
        # What was changed last comes again: the provider's clock has whole seconds.
        self.assertRegex(
            self.connection.run_ids[:1].summary, r'^(Customers: [1-5] linked already|Nothing new)\.$'
        )

    def test_what_a_run_made(self):
        self.run_pull(self.connection)
        links = self.links(self.connection)
        self.assertEqual(links.made_by_run_id, self.run)
        self.assertEqual(len(links.filtered('made_by_run_id')), 5)


@tagged('post_install', '-at_install')
class TestFamilies(ConnectedOnce, PullCommon):
    """Pages as a provider gives them that knows sub-customers and one currency for each customer."""

    def setUp(self):
        super().setUp()
        self.connection = self.connect('US')
        self.startPatcher(
            patch.object(
                XeroProvider,
                'capabilities',
                replace(XeroProvider.capabilities, currency_per_contact=True, items_on_lines=True),
            )
        )

    def pull(self, *pages, kind='contact'):
        """A pass over these pages, read by the driver's own methods. :return: the line that counted it."""
        line = self.connection.run_ids[:1].line_ids.filtered(lambda line: line.kind == kind).sudo()
        line.write({'state': 'waiting', 'created': 0, 'linked': 0, 'review': 0, 'updated': 0, 'skipped': 0})
        answers = [
            dto.Page(records=tuple(records), next_cursor=str(n + 1) if n + 1 < len(pages) else '')
            for n, records in enumerate(pages)
        ]

        def pull_page(_provider, kind, *, cursor='', since='', page_size=1000):
            return answers[int(cursor or 0)]

        with (
            self.driver(self.connection) as driver,
            patch.object(XeroProvider, 'pull_page', pull_page),
        ):
            run = driver.env['fieldpromax.run']
            driver_line = line.with_env(driver.env)
            while not run._drive_page(driver, kind, driver_line):
                pass
        return line

    def contact(self, name, external_id=None, **values):
        values = {'email': '', 'is_customer': True, 'version': '0', 'currency': 'USD'} | values
        return dto.Contact(name=name, external_id=external_id or name, **values)

    def item(self, name, code='', **values):
        return dto.Item(code=code, name=name, external_id=name, version='0', **values)

    def pending(self):
        rows = self.matches(self.connection, decision='pending')
        return {row.external_name: row for row in rows}

    def link_of(self, external_id):
        return self.links(self.connection).filtered(lambda link: link.external_id == external_id)

    # === SUB-CUSTOMERS === #

    def test_parents_first(self):
        """A sub-customer is invoiced by itself: it keeps its own address, and its parent's stays what it was."""
        address = dto.Address(street='1 Site Road', city='Austin')
        line = self.pull(
            [
                self.contact('Kitchen', parent_external_id='House', address=address),
                self.contact('House', parent_external_id='Freeman', email='office@freeman.example'),
                self.contact(
                    'Freeman', email='office@freeman.example', first_name='Sporting', last_name='Goods'
                ),
            ]
        )
        self.assertEqual((line.created, line.review), (3, 0))
        kitchen, house, freeman = (self.partners(name) for name in ('Kitchen', 'House', 'Freeman'))
        self.assertEqual((kitchen.parent_id, house.parent_id, freeman.parent_id.id), (house, freeman, False))
        self.assertEqual(kitchen.commercial_partner_id, kitchen)
        self.assertEqual((kitchen.street, house.street, freeman.street), ('1 Site Road', False, False))
        self.assertEqual(self.link_of('Kitchen').parent_external_id, 'House')
        freeman.street = '9 Head Office'
        self.assertEqual(kitchen.street, '1 Site Road')

    def test_parent_on_a_later_page(self):
        self.pull([self.contact('Child', parent_external_id='Parent')], [self.contact('Parent')])
        self.assertEqual(self.partners('Child').parent_id, self.partners('Parent'))

    def test_parent_comes_with_a_later_run(self):
        """Once: where somebody takes it away again, it stays away."""
        self.pull([self.contact('Child', parent_external_id='Parent')])
        child = self.partners('Child')
        self.assertFalse(child.parent_id)
        self.assertTrue(self.link_of('Child').awaits_parent)
        self.pull([self.contact('Parent')])
        self.assertEqual(child.parent_id, self.partners('Parent'))
        child.parent_id = False
        self.pull([])
        self.assertFalse(child.parent_id)

    def test_parent_decided_by_a_person(self):
        here = self.env['res.partner'].create({'name': 'Parent', 'email': 'here@parent.example'})
        self.pull(
            [
                self.contact('Parent', email='there@parent.example'),
                self.contact('Child', parent_external_id='Parent'),
            ]
        )
        self.assertFalse(self.partners('Child').parent_id)
        self.pending()['Parent'].with_env(self.as_person(self.user_bookkeeper)).action_link()
        self.pull([])
        self.assertEqual(self.partners('Child').parent_id, here)

    def test_loop_in_the_books(self):
        """It should not exist; both are made, and neither is its own ancestor."""
        line = self.pull(
            [self.contact('Hen', parent_external_id='Egg'), self.contact('Egg', parent_external_id='Hen')]
        )
        self.assertEqual(line.created, 2)
        self.pull([])
        self.assertEqual(len((self.partners('Hen') | self.partners('Egg')).filtered('parent_id')), 1)

    def test_linked_customer_stays_where_it_is(self):
        """One that existed in Odoo is linked, not moved."""
        here = self.env['res.partner'].create({'name': 'Child', 'email': 'child@example.com'})
        self.pull(
            [
                self.contact('Parent'),
                self.contact('Child', parent_external_id='Parent', email='child@example.com'),
            ]
        )
        self.pull([])
        link = self.link_of('Child')
        self.assertEqual((link.partner_id, link.parent_external_id), (here, 'Parent'))
        self.assertFalse(here.parent_id)

    def test_email_of_the_family(self):
        """The e-mail that all of a family share finds nobody; the same one of a stranger is a question."""
        here = self.env['res.partner'].create({'name': 'Freeman', 'email': 'all@freeman.example'})
        line = self.pull(
            [
                self.contact('Freeman', email='all@freeman.example'),
                self.contact('First site', parent_external_id='Freeman', email='all@freeman.example'),
            ],
            [
                self.contact('Second site', parent_external_id='Freeman', email='ALL@freeman.example'),
                self.contact('Stranger', email='all@freeman.example'),
            ],
        )
        self.assertEqual(self.link_of('Freeman').partner_id.id, False, 'the stranger claims it as well')
        self.assertEqual(set(self.pending()), {'Freeman', 'Stranger'})
        self.assertEqual(line.created, 2)
        self.pending()['Stranger'].with_env(self.as_person(self.user_bookkeeper)).action_create()
        self.pending()['Freeman'].with_env(self.as_person(self.user_bookkeeper)).action_link()
        self.pull([])
        self.assertEqual((self.partners('First site') | self.partners('Second site')).parent_id, here)

    def test_equal_name_in_a_large_family(self):
        """However many have the e-mail of the family: the one record with the very name is not passed over."""
        email = 'all@uttoxeter.example'
        names = [
            f'{word} plot'
            for word in 'Ash Birch Cedar Elm Fir Hazel Ivy Larch Maple Oak Pine Rowan Yew'.split()
        ]
        self.pull(
            [
                self.contact('Uttoxeter Estates', email=email),
                *(self.contact(name, email=email, parent_external_id='Uttoxeter Estates') for name in names),
            ]
        )
        self.env['res.partner'].create({'name': 'Vineyard', 'active': False})
        self.pull([self.contact('Vineyard', email=email, parent_external_id='Uttoxeter Estates')])
        self.assertIn('archived', self.pending()['Vineyard'].reason)
        self.assertEqual(len(self.partners('Vineyard')), 1)

    def test_own_email_of_a_sub_customer_is_a_question(self):
        self.env['res.partner'].create({'name': 'Beach house', 'email': 'beach@house.example'})
        self.pull(
            [
                self.contact('Freeman', email='all@freeman.example'),
                self.contact('Seaside', parent_external_id='Freeman', email='beach@house.example'),
            ]
        )
        self.assertIn('Same e-mail; ', self.pending()['Seaside'].reason)

    def test_inactive_are_not_made(self):
        line = self.pull(
            [
                self.contact('Gone', active=False),
                self.contact('Orphan', parent_external_id='Gone'),
            ]
        )
        self.assertEqual((line.created, line.skipped), (1, 1))
        self.assertFalse(self.partners('Gone'))
        self.assertTrue(self.partners('Orphan'))

    # === SECOND CURRENCIES === #

    def test_second_currency(self):
        """One customer of Odoo, two of the books; whichever page they come on."""
        here = self.env['res.partner'].create({'name': 'Acme', 'email': 'office@acme.example'})
        line = self.pull(
            [self.contact('Acme (EUR)', currency='EUR', email='office@acme.example')],
            [
                self.contact('Acme', email='office@acme.example'),
                self.contact('Beta', email='office@beta.example'),
                self.contact('Beta GBP', currency='GBP', email='office@beta.example'),
            ],
        )
        roles = {link.external_id: (link.partner_id.name, link.role) for link in self.links(self.connection)}
        self.assertEqual(
            roles,
            {
                'Acme': ('Acme', ''),
                'Acme (EUR)': ('Acme', 'EUR'),
                'Beta': ('Beta', ''),
                'Beta GBP': ('Beta', 'GBP'),
            },
        )
        self.assertEqual(self.link_of('Acme (EUR)').partner_id, here)
        self.assertEqual((line.created, line.linked), (1, 3))
        self.assertFalse(self.pending())
        self.assertEqual(here.with_company(self.company).fieldpromax_external_id, 'Acme')

    def test_second_currency_that_is_not_sure(self):
        # Not a name that is like one of Odoo's demonstration data.
        here = self.env['res.partner'].create({'name': 'Quendon', 'email': 'office@quendon.example'})
        self.pull(
            [self.contact('Quendon', email='office@quendon.example')],
            [self.contact('Quendon - EUR', currency='EUR', email='sales@quendon.example')],
        )
        row = self.pending()['Quendon - EUR']
        self.assertEqual((row.partner_id, row.role), (here, 'EUR'))
        self.assertIn('EUR', row.reason)
        row.with_env(self.as_person(self.user_bookkeeper)).action_link()
        self.assertEqual(self.link_of('Quendon - EUR').partner_id, here)
        self.assertEqual(self.link_of('Quendon - EUR').role, 'EUR')

    def test_third_customer_in_the_same_currency(self):
        here = self.env['res.partner'].create({'name': 'Acme', 'email': 'office@acme.example'})
        self.pull([self.contact('Acme EUR', currency='EUR', email='office@acme.example')])
        self.assertEqual(self.link_of('Acme EUR').partner_id, here)
        self.pull([self.contact('EUR Acme', currency='EUR', email='office@acme.example')])
        self.assertFalse(self.link_of('EUR Acme'))
        self.assertIn('linked to "Acme EUR" of the books already', self.pending()['EUR Acme'].reason)

    def test_only_in_a_foreign_currency(self):
        """It may be invoiced in that currency; in the other one the books do not know it."""
        self.pull([self.contact('Lyon SARL', currency='EUR', email='a@lyon.example')])
        partner = self.partners('Lyon SARL')
        self.assertEqual(self.link_of('Lyon SARL').role, 'EUR')
        self.assertEqual(partner.with_company(self.company).fieldpromax_state, 'linked')
        with self.driver(self.connection) as driver:
            match = driver.env['fieldpromax.match']
            partner = partner.with_env(driver.env)
            self.assertEqual(match._decide_local(driver, 'contact', partner), {partner.id: ('create', '')})

    def test_push_asks_before_making_a_second_currency(self):
        here = self.env['res.partner'].create({'name': 'Acme', 'email': 'office@acme.example'})
        self.pull(
            [self.contact('Acme', email='office@acme.example')],
            [self.contact('Acme (EUR)', currency='EUR', email='sales@acme.example')],
        )
        with self.driver(self.connection) as driver:
            match, partner = driver.env['fieldpromax.match'], here.with_env(driver.env)
            verdict = match._decide_local(driver, 'contact', partner, role='EUR')[partner.id]
            self.assertEqual(verdict[0], 'review')
            self.assertEqual(
                match._decide_local(driver, 'contact', partner, role='GBP')[partner.id][0], 'create'
            )
            values = partner._fieldpromax_prepare(driver, None, role='GBP')
            self.assertEqual((values.name, values.currency), ('Acme (GBP)', 'GBP'))

    # === ITEMS === #

    def test_items_by_code_then_by_name(self):
        product = self.env['product.product'].create
        hose = product({'name': 'Hose', 'default_code': 'H-1'})
        washer = product({'name': 'Washer'})
        valve = product({'name': 'Valve', 'default_code': 'V-1'})
        product([{'name': 'Twice'}, {'name': 'Twice'}])
        product({'name': 'Archived', 'active': False})
        line = self.pull(
            [
                self.item('hose', 'h1'),
                self.item('Washer'),
                self.item('Valve'),
                self.item('Twice'),
                self.item('Archived'),
                self.item('New without code'),
                self.item('New with code', 'N-1'),
            ],
            kind='item',
        )
        linked = {link.external_id: link.product_id for link in self.links(self.connection, 'item')}
        self.assertEqual((linked['hose'], linked['Washer'], linked['Valve']), (hose, washer, valve))
        self.assertEqual((line.linked, line.created, line.review), (3, 2, 2))
        self.assertEqual(set(self.pending()), {'Twice', 'Archived'})
        self.assertIn('2 records of Odoo', self.pending()['Twice'].reason)
        self.assertIn('archived', self.pending()['Archived'].reason)

    def test_product_without_code_finds_its_item(self):
        """Made in Odoo after the import, by the same name: linked, not made a second time."""
        product = self.env['product.product'].create
        first, second = product({'name': 'Visit', 'active': False}), self.env['product.product']
        self.pull([self.item('Visit')], kind='item')
        first.unlink()
        second = product({'name': 'VISIT'})
        with self.driver(self.connection) as driver:
            record = second.with_env(driver.env)
            match = driver.env['fieldpromax.match']
            self.assertEqual(match._decide_local(driver, 'item', record), {record.id: ('linked', '')})
        self.assertEqual(self.links(self.connection, 'item').product_id, second)

    # === THE PAGE FOR A PERSON === #

    def test_side_by_side(self):
        self.env['res.partner'].create(
            {'name': 'Muller & Söhne', 'email': 'one@mueller.example', 'phone': '555', 'city': 'Ulm'}
        )
        self.pull(
            [
                self.contact(
                    'Müller & Sohne',
                    email='two@mueller.example',
                    phone='555',
                    address=dto.Address(street='<b>1 Street</b>'),
                )
            ]
        )
        row = self.pending()['Müller & Sohne'].with_env(self.as_person(self.user_bookkeeper))
        html = str(row.comparison)
        self.assertIn('spelled differently', html)
        self.assertIn('different', html)
        self.assertIn('one side only', html)
        self.assertIn('&lt;b&gt;', html)
        self.assertNotIn('Tax number', html)
