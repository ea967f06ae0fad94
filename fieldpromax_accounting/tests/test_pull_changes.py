"""What changed in the books since they were last read: in few calls, nothing missed, and what is gone is noticed."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..models import fieldpromax_run
from ..providers import registry
from .test_pull import Killed, PullCommon
from .test_quickbooks_pull import QuickBooksPullCommon
from .test_webhook import KEY, WebhookCommon, quickbooks_body


class ChangesCommon:
    """What both providers' books have to stand; mixed in before a class with a connection that was read once."""

    def purposes(self):
        return [row['purpose'] for row in self.books.requests() if not row['purpose'].startswith('oauth.')]

    def checkpoint(self, kind):
        return self.env['fieldpromax.checkpoint'].sudo()._of(self.connection, kind)

    def pull(self, *kinds):
        """:return: what was asked."""
        self.books.forget_requests()
        self.run_pull(self.connection)
        self.assertEqual(self.connection.run_ids[:1].state, 'done', self.connection.run_ids[:1].reason)
        return self.purposes()

    def make_weekly(self):
        """The weekly pass over everything is due, and begins later than the passes before it did."""
        self.connection.env['fieldpromax.checkpoint'].sudo().search(
            [('connection_id', '=', self.connection.id)]
        ).full_at = fields.Datetime.now() - timedelta(days=8)
        self.env['fieldpromax.link'].sudo().search([('connection_id', '=', self.connection.id)]).seen_at = (
            fields.Datetime.now() - timedelta(days=8)
        )

    def check_edits_between_pages(self, edit):
        """Records change while the pages come, those read already and those to come: in the end Odoo knows all of them
        as they are, and made none twice.

        :param edit: changes the customer of a number to a name.
        """
        before = self.env['res.partner'].search_count([])
        run_class = type(self.env['fieldpromax.run'])
        take_page = run_class._take_page
        for number in range(7):
            edit(number, f'First {number}')
        expected = {number: f'First {number}' for number in range(7)}
        pages = []

        def edits_meanwhile(model, connection, kind, line, page, position):
            if kind == 'contact':
                pages.append(page)
                if len(pages) < 5:
                    self.books.control('POST', '/_sim/clock', {'advance_seconds': len(pages) % 2})
                    for number in ((len(pages) * 2) % 7, (len(pages) * 2 + 3) % 7):
                        expected[number] = f'Then {len(pages)} {number}'
                        edit(number, expected[number])
            return take_page(model, connection, kind, line, page, position)

        with (
            patch.object(run_class, '_take_page', edits_meanwhile),
            patch.object(fieldpromax_run, 'PAGE_SIZE', 2),
        ):
            self.pull()
        self.assertGreaterEqual(len(pages), 4, 'page by page')
        self.pull()
        self.assertEqual(set(self.links(self.connection).mapped('external_name')), set(expected.values()))
        self.assertEqual(self.env['res.partner'].search_count([]), before)


@tagged('post_install', '-at_install')
class TestXeroChanges(ChangesCommon, PullCommon):
    def arrange_class(self):
        type(self).ids = self.put_contacts(*(f'Customer {number}' for number in range(7)))
        self.put(items=[{'Code': 'STAYS', 'Name': 'Stays'}, {'Code': 'GOES', 'Name': 'Goes'}])
        type(self).connection = self.connect('US')
        self.run_pull(self.connection)

    def setUp(self):
        super().setUp()
        self.books = self.simulator
        self.books.control('POST', '/_sim/clock', {'advance_seconds': 5})

    def test_idle(self):
        """A quiet hour costs one call for each kind."""
        self.assertEqual(self.pull(), ['contacts.list', 'items.list', 'payments.list'])

    def test_edits_between_pages(self):
        self.check_edits_between_pages(
            lambda number, name: self.put(contacts=[{'ContactID': self.ids[number], 'Name': name}])
        )

    def test_own_writes_come_back_as_nothing(self):
        partner = self.env['res.partner'].create({'name': 'Made here', 'email': 'here@example.com'})
        self.env['fieldpromax.exchange'].sudo()._enqueue(self.connection, 'contact', partner)
        self.run_push(self.connection)
        link = self.env['fieldpromax.link']._of(self.connection, partner)[partner.id]
        before = link.external_version, link.agreed_at
        self.env.cr.execute("UPDATE fieldpromax_link SET agreed_at = agreed_at - interval '1 hour'")
        link.invalidate_recordset()
        before = link.external_version, link.agreed_at
        self.pull()
        self.assertEqual((link.external_version, link.agreed_at), before, 'it was not taken for news')
        self.assertFalse(self.line(self.connection).updated)
        self.assertFalse(
            self.env['fieldpromax.exchange'].search(
                [('connection_id', '=', self.connection.id), ('state', '!=', 'done')]
            )
        )

    def test_deleted_items_are_noticed_by_the_weekly_pass(self):
        link = self.links(self.connection, 'item').filtered(lambda link: link.external_number == 'GOES')
        stays = self.links(self.connection, 'item') - link
        self.put(items=[{'Code': 'GOES', 'delete': True}])
        self.assertNotIn('items.read', self.pull())
        self.assertTrue(link.external_active, 'no list of changes tells of it')
        self.make_weekly()
        asked = self.pull()
        self.assertEqual(asked.count('items.list'), 2, 'those that did not come are asked for once')
        self.assertEqual((link.external_active, stays.external_active), (False, True))
        self.assertTrue(link.product_id.active)
        self.make_weekly()
        self.assertEqual(
            self.pull().count('items.list'), 1, 'what is known to be gone is not asked for again'
        )

    def test_what_a_pass_links_itself_needs_no_note(self):
        """Of those that it found linked it notes that they are there still; of the others their making tells it."""
        links = self.env['fieldpromax.link'].sudo()
        own = self.links(self.connection, 'item').sudo()
        link = own.filtered(lambda link: link.external_number == 'STAYS')
        link.seen_at = False
        for since, expected in (
            (link.create_date - timedelta(seconds=1), False),
            (link.create_date + timedelta(seconds=1), True),
        ):
            links._note_seen(self.connection, 'item', [link.external_id], since)
            self.assertEqual(bool(link.seen_at), expected)
            self.assertNotIn(link.external_id, links._unseen(self.connection, 'item', since, 10))

    def test_a_contact_whose_archiving_was_missed(self):
        """Not every change moves the time of change; a full pass leaves archived ones out, so they are asked for."""
        self.put(contacts=[{'ContactID': self.ids[2], 'ContactStatus': 'ARCHIVED'}])
        checkpoint = self.checkpoint('contact')
        self.books.control('POST', '/_sim/clock', {'advance_seconds': 60})
        checkpoint.since = (fields.Datetime.now() + timedelta(seconds=30)).isoformat() + '+00:00'
        self.pull()
        links = {link.external_id: link for link in self.links(self.connection)}
        self.assertTrue(links[self.ids[2]].external_active)
        self.make_weekly()
        self.assertEqual(self.pull().count('contacts.list'), 2)
        self.assertFalse(links[self.ids[2]].external_active)
        self.assertNotEqual(links[self.ids[2]].external_status, 'deleted')
        self.assertTrue(all(link.external_active for key, link in links.items() if key != self.ids[2]))

    def test_many_that_are_gone(self):
        """In batches, and a kill in between loses nothing."""
        self.put(items=[{'Code': f'I{number}', 'Name': f'Item {number}'} for number in range(5)])
        self.pull()
        self.put(items=[{'Code': f'I{number}', 'delete': True} for number in range(5)])
        self.make_weekly()
        run_class = type(self.env['fieldpromax.run'])
        take, taken = run_class._take_unseen, []

        def dies_the_second_time(model, connection, kind, line, unseen, page):
            taken.append(unseen)
            if len(taken) == 2:
                raise Killed
            return take(model, connection, kind, line, unseen, page)

        with patch.object(fieldpromax_run, 'UNSEEN_SIZE', 2):
            with (
                self.driver(self.connection) as driver,
                patch.object(run_class, '_take_unseen', dies_the_second_time),
                suppress(Killed),
            ):
                driver.env['fieldpromax.run']._drive(driver)
            self.assertEqual(self.checkpoint('item').phase, 'checking')
            self.pull()
        links = self.links(self.connection, 'item')
        gone = links.filtered(lambda link: not link.external_active).mapped('external_number')
        self.assertEqual(sorted(gone), [f'I{number}' for number in range(5)])
        self.assertEqual(self.checkpoint('item').phase, 'idle')

    def test_a_list_that_comes_back_short_deletes_nothing(self):
        """What did not come is asked for by its id before it is taken for deleted."""
        run_class = type(self.env['fieldpromax.run'])
        take_page = run_class._take_page

        def comes_empty(model, connection, kind, line, page, position):
            return take_page(model, connection, kind, line, replace(page, records=()), position)

        self.make_weekly()
        with patch.object(run_class, '_take_page', comes_empty):
            self.pull()
        links = self.links(self.connection) | self.links(self.connection, 'item')
        self.assertTrue(all(links.mapped('external_active')))

    # === HOW OFTEN === #

    def test_every_15_minutes(self):
        cron = self.connection.sudo().pull_cron_id
        self.assertEqual((cron.interval_number, cron.interval_type), (15, 'minutes'))
        self.assertEqual(self.connection.pull_interval, '15')

    def test_a_longer_interval_lets_turns_pass(self):
        self.connection.pull_interval = '60'
        self.books.forget_requests()
        self.run_pull(self.connection)
        self.assertFalse(self.books.requests())
        self.assertEqual(len(self.connection.run_ids), 1)
        checkpoint = self.checkpoint('item')
        checkpoint.pulled_at = fields.Datetime.now() - timedelta(minutes=51)
        self.assertEqual(self.pull(), ['contacts.list', 'items.list', 'payments.list'])

    def test_a_longer_interval_does_not_delay_what_rang(self):
        self.connection.pull_interval = '240'
        self.env['fieldpromax.doorbell'].sudo()._ring_one(self.connection, {'contact'})
        self.assertEqual(self.pull(), ['contacts.list'])
        self.connection.with_env(self.as_person(self.user_bookkeeper)).action_sync_now()
        self.assertEqual(self.pull(), ['contacts.list', 'items.list', 'payments.list'])

    def test_a_failure_is_tried_again_in_spite_of_a_longer_interval(self):
        self.connection.pull_interval = '240'
        self.env['fieldpromax.doorbell'].sudo()._ring_one(self.connection, {'contact'})
        self.books.fault('status:404', path='Contacts')
        self.run_pull(self.connection)
        run = self.connection.run_ids[:1]
        self.assertEqual(run.state, 'failed')
        self.assertTrue(run.reason.endswith('It is tried again within 15 minutes.'), run.reason)
        self.assertIn('contacts.list', self.pull())

    def test_who_chooses_the_interval(self):
        self.connection.with_env(self.as_person(self.user_manager)).pull_interval = '30'
        with self.assertRaises(AccessError):
            self.connection.with_env(self.as_person(self.user_bookkeeper)).pull_interval = '60'


@tagged('post_install', '-at_install')
class TestQuickBooksChanges(ChangesCommon, QuickBooksPullCommon):
    def arrange_class(self):
        self.put_customers(*(f'Customer {number}' for number in range(7)))
        self.change_books('US', items=[{'Name': 'Call-out', 'Type': 'Service', 'UnitPrice': 10}])
        type(self).connection = self.connect_quickbooks('US')
        self.run_pull(self.connection)
        type(self).ids = [self.id_of(f'Customer {number}') for number in range(7)]

    def setUp(self):
        super().setUp()
        self.books = self.quickbooks
        self.books.control('POST', '/_sim/clock', {'advance_seconds': 5})

    def purposes(self):
        """Without those of projects, which another addon reads."""
        return [one for one in super().purposes() if not one.startswith('projects.')]

    def age(self, days, *kinds):
        for kind in kinds:
            self.checkpoint(kind).since = (
                fields.Datetime.now() - timedelta(days=days)
            ).isoformat() + '+00:00'

    def test_idle(self):
        """One call for customers and products together; another for projects, where that addon is."""
        asked = self.pull()
        self.assertEqual(asked[0], 'cdc')
        self.assertLessEqual(len(asked), 2)
        self.assertFalse(self.connection.run_ids[:1].line_ids.filtered('updated'))

    def test_changes_of_both_kinds_come_together(self):
        before = {kind: self.checkpoint(kind).since for kind in ('contact', 'item')}
        self.change_books(
            'US',
            contacts=[{'Id': self.ids[0], 'rename': 'Renamed'}, {'Id': self.ids[1], 'Active': False}],
            items=[{'Name': 'Call-out', 'Description': 'At night'}, {'Name': 'New one', 'Type': 'Service'}],
        )
        self.assertNotIn('items.list', self.pull())
        links = {link.external_id: link for link in self.links(self.connection)}
        self.assertEqual(links[self.ids[0]].external_name, 'Renamed')
        self.assertFalse(links[self.ids[1]].external_active)
        self.assertTrue(self.env['product.product'].search([('name', '=', 'New one')]))
        for kind, since in before.items():
            self.assertGreater(self.checkpoint(kind).since, since)
            self.assertEqual(self.checkpoint(kind).phase, 'idle')
        lines = self.connection.run_ids[:1].line_ids
        self.assertEqual(set(lines.mapped('state')), {'done'})

    def test_only_what_rang(self):
        self.env['fieldpromax.doorbell'].sudo()._ring_one(self.connection, {'item'})
        with patch.object(
            type(self.env['fieldpromax.run']), '_take_changes', autospec=True, return_value=False
        ) as take:
            take.side_effect = lambda model, connection, kind, *args: self.assertEqual(kind, 'item')
            self.books.forget_requests()
            with self.driver(self.connection) as driver:
                run = driver.env['fieldpromax.run']
                driver.env['fieldpromax.exchange']._drive_step(run._resume, driver)
                line = run._open_run(driver).line_ids
                self.assertEqual(line.mapped('kind'), ['item'])
                run._drive_page(driver, 'item', line)
        self.assertEqual(self.purposes()[0], 'cdc')

    def test_a_kill_between_the_kinds_of_one_answer(self):
        """Each kind is stored with its own checkpoint."""
        self.change_books(
            'US',
            contacts=[{'Id': self.ids[0], 'rename': 'Renamed'}],
            items=[{'Name': 'New one', 'Type': 'Service'}],
        )
        run_class = type(self.env['fieldpromax.run'])
        take = run_class._take_changes

        def dies_at_the_second(model, connection, kind, line, page, since):
            if kind != 'contact':
                raise Killed
            return take(model, connection, kind, line, page, since)

        with (
            self.driver(self.connection) as driver,
            patch.object(run_class, '_take_changes', dies_at_the_second),
        ):
            run = driver.env['fieldpromax.exchange']._drive_step(
                driver.env['fieldpromax.run']._resume, driver
            )
            line = run.line_ids.filtered(lambda line: line.kind == 'contact')
            # Not by the driver: cursors nest by savepoint in tests, and that of its lock would take everything back.
            with suppress(Killed):
                run._drive_page(driver, 'contact', line)
        self.assertEqual(self.external(self.connection)['Renamed'].external_id, self.ids[0])
        self.assertFalse(self.env['product.product'].search([('name', '=', 'New one')]))
        self.pull()
        self.assertEqual(len(self.env['product.product'].search([('name', '=', 'New one')])), 1)

    def test_too_long_ago_for_the_change_feed(self):
        self.age(30, 'contact', 'item', 'payment')
        self.change_books('US', contacts=[{'Id': self.ids[0], 'rename': 'Renamed'}])
        asked = self.pull()
        self.assertNotIn('cdc', asked)
        self.assertIn('contacts.list', asked)
        self.assertIn('Renamed', self.external(self.connection))
        self.assertIn('cdc', self.pull(), 'from now on again')

    def test_a_feed_that_fails_loses_nothing(self):
        self.change_books('US', contacts=[{'Id': self.ids[0], 'rename': 'Renamed'}])
        self.books.fault('status:503', path='/cdc')
        self.run_pull(self.connection)
        self.assertEqual(self.connection.run_ids[:1].state, 'waiting')
        self.wake(self.connection)
        self.pull()
        self.assertIn('Renamed', self.external(self.connection))

    def test_edits_between_pages(self):
        """By query, page by page: the change feed has no pages."""
        self.age(30, 'contact', 'item', 'payment')
        self.check_edits_between_pages(
            lambda number, name: self.put_customers({'Id': self.ids[number], 'rename': name})
        )

    def test_own_writes_come_back_as_nothing(self):
        partner = self.env['res.partner'].create({'name': 'Made here', 'email': 'here@example.com'})
        self.env['fieldpromax.exchange'].sudo()._enqueue(self.connection, 'contact', partner)
        self.run_push(self.connection)
        self.env.cr.execute("UPDATE fieldpromax_link SET agreed_at = agreed_at - interval '1 hour'")
        self.env.invalidate_all()
        link = self.env['fieldpromax.link']._of(self.connection, partner)[partner.id]
        before = link.external_version, link.agreed_at
        self.pull()
        self.assertEqual((link.external_version, link.agreed_at), before, 'it was not taken for news')
        self.assertFalse(self.line(self.connection).updated)

    def test_gone_without_a_webhook(self):
        """The feed says that it is gone, and not where it went."""
        link = self.external(self.connection)['Customer 3']
        self.change_books('US', merge=[{'from': self.ids[3], 'into': self.ids[4]}])
        self.pull()
        self.assertFalse(link.external_active)
        self.assertTrue(link.partner_id.active)

    def test_a_merge_that_a_webhook_told_of(self):
        """The link goes to the survivor, unless that is linked already; nothing is believed that the books do not
        confirm."""
        bells = self.env['fieldpromax.doorbell'].sudo()
        links = self.external(self.connection)
        partner = links['Customer 3'].partner_id
        links['Customer 4'].sudo().unlink()
        bells.create(
            [
                {
                    'connection_id': self.connection.id,
                    'kind': 'contact',
                    'merged_external_id': loser,
                    'external_id': survivor,
                }
                for loser, survivor in (
                    (self.ids[3], self.ids[4]),
                    (self.ids[5], self.ids[6]),
                    (self.ids[0], '4711'),
                )
            ]
        )
        bells._ring_one(self.connection, {'contact'})
        self.change_books('US', merge=[{'from': self.ids[3], 'into': self.ids[4]}])
        self.pull()
        self.assertFalse(bells.search([]))
        found = {link.external_id: link.partner_id for link in self.links(self.connection) if link.partner_id}
        self.assertEqual(found[self.ids[4]], partner)
        self.assertNotIn(self.ids[3], found)
        for number in (0, 5, 6):
            self.assertEqual(found[self.ids[number]].name, f'Customer {number}', 'nothing happened to it')
        self.assertEqual(len(self.partners('Customer 3', 'Customer 4')), 2, 'nobody was made anew')


@tagged('post_install', '-at_install')
class TestMergesThatRing(WebhookCommon):
    """Who was merged into whom stands in the webhook alone: it is kept until the next pull."""

    def setUp(self):
        super().setUp()
        self.enter_key('quickbooks')
        self.books = self.other_books('4620816365000000001', self.company_2)
        self.env['fieldpromax.link'].sudo().create(
            [
                {
                    'connection_id': self.books.id,
                    'company_id': self.company_2.id,
                    'kind': 'contact',
                    'external_id': external_id,
                }
                for external_id in ('58', '59')
            ]
        )
        self.silence()

    def merge_body(self, *merges, realm='4620816365000000001', cloud_events=False):
        """``merges``: (loser, survivor)."""
        if not cloud_events:
            entities = [
                {'name': 'Customer', 'id': survivor, 'operation': 'Merge', 'deletedId': loser}
                for loser, survivor in merges
            ]
            notification = {'realmId': realm, 'dataChangeEvent': {'entities': entities}}
            return json.dumps({'eventNotifications': [notification]}).encode()
        return json.dumps(
            [
                {
                    'specversion': '1.0',
                    'type': 'qbo.customer.merged.v1',
                    'intuitentityid': survivor,
                    'intuitaccountid': realm,
                    'data': {'deletedid': loser},
                }
                for loser, survivor in merges
            ]
        ).encode()

    def merges(self):
        return self.env['fieldpromax.doorbell']._merges(self.books, 'contact')

    def test_both_forms(self):
        for cloud_events in (False, True):
            with self.subTest(cloud_events=cloud_events):
                self.silence()
                self.ring(self.merge_body(('58', '60'), cloud_events=cloud_events), 'quickbooks')
                self.assertEqual(self.merges(), {'58': '60'})
                self.assertIn('contact', self.env['fieldpromax.doorbell']._kinds(self.books))
                self.assertTrue(self.triggers(self.books))

    def test_replays_and_what_is_not_linked(self):
        for _time in range(3):
            self.ring(self.merge_body(('58', '60'), ('59', '60'), ('4711', '60'), ('', '7')), 'quickbooks')
        self.assertEqual(self.merges(), {'58': '60', '59': '60'})
        rows = self.env['fieldpromax.doorbell'].sudo().search([('merged_external_id', '!=', False)])
        self.assertEqual(len(rows), 2)

    def test_the_answer_does_not_wait_for_many_events(self):
        """The work does not grow with the events of a body: thousands are as few statements as one."""

        def statements(*merges):
            self.silence()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            bells = registry.get('quickbooks').read_webhook(self.merge_body(*merges))
            self.assertGreaterEqual(len(bells), len(merges))
            self.env['fieldpromax.doorbell']._ring('quickbooks', bells)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        statements(('58', '60'))  # fills what is cached for good
        one = statements(('58', '60'))
        many = statements(('58', '60'), *((str(number), '60') for number in range(10000, 13000)))
        self.assertLessEqual(many, one)
        self.assertEqual(self.merges(), {'58': '60'})

    def test_other_books(self):
        self.ring(self.merge_body(('58', '60'), realm='9999'), 'quickbooks')
        self.assertFalse(self.merges())
        self.books.paused = True
        self.ring(self.merge_body(('58', '60')), 'quickbooks')
        self.assertFalse(self.merges())

    def test_a_plain_ring_keeps_no_ids(self):
        self.ring(quickbooks_body(('4620816365000000001', 'Customer')), 'quickbooks', KEY)
        rows = self.env['fieldpromax.doorbell'].sudo().search([])
        self.assertFalse(rows.filtered(lambda row: row.external_id or row.merged_external_id))
